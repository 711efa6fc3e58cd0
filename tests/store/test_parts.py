from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.store import generations, parts
from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import NOW, build, files_under, lead, load, rows_of


@pytest.fixture
def part(store: Store) -> Path:
    """A part of the current generation."""
    with writing(store):
        load(store, "a", {"leads": [lead(str(i), email=f"person{i}@example.com", amount=str(i)) for i in range(300)]})
        generation = build(store)
    return store.parts / generation.tables[0].parts[0].file


def flip(path: Path, at: int, bit: int = 0) -> bytes:
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
    return content


def test_a_flipped_bit_anywhere_is_an_error_and_never_another_number(store: Store, part: Path) -> None:
    before = rows_of(store, "leads", "lead_id", "email", "amount")
    chance = random.Random(1)
    for _ in range(40):
        content = flip(part, chance.randrange(part.stat().st_size), chance.randrange(8))
        with pytest.raises(WorkspaceError, match=f"'{part.name}' is missing or damaged"):
            rows_of(store, "leads", "lead_id", "email", "amount")
        part.write_bytes(content)
        assert rows_of(store, "leads", "lead_id", "email", "amount") == before


def test_a_damaged_part_does_no_harm_to_questions_that_do_not_read_it(store: Store, part: Path) -> None:
    part.unlink()
    assert rows_of(store, "orders", "order_id") == []


def test_a_part_is_hashed_once_and_again_when_it_was_touched(
    store: Store, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []
    honest = parts.sha256_of
    monkeypatch.setattr(parts, "sha256_of", lambda path: (hashed.append(path), honest(path))[1])
    rows_of(store, "leads", "lead_id")
    assert hashed == []
    os.utime(part)
    rows_of(store, "leads", "lead_id")
    rows_of(store, "leads", "lead_id")
    assert hashed == [part]


def test_where_the_time_cannot_be_set_it_is_hashed_each_time(
    store: Store, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(part)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert len(rows_of(store, "leads", "lead_id")) == 300


def test_a_build_heals_a_damaged_part_and_never_reads_one(store: Store, part: Path) -> None:
    before = files_under(store.parts)
    flip(part, 50)
    with writing(store):
        again = build(store, NOW)
    assert files_under(store.parts) == before
    assert len(rows_of(store, "leads", "lead_id", generation=again.id)) == 300
    assert generations.current(store) == again


def test_parts_cannot_be_written_by_accident(part: Path) -> None:
    assert part.stat().st_mode & 0o222 == 0
