from __future__ import annotations

import errno
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.metrics.render import render
from headwater.model.generation import Generation
from headwater.model.plan import Scan
from headwater.model.settings import Settings
from headwater.store import generations
from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import NOW, build, files_under, lead, load, project, rows_of

SMALL = Settings(memory_mb=256)
LATER = NOW + timedelta(days=1)


def grow(store: Store, name: str, built_at: datetime = NOW) -> Generation:
    """One more batch of one lead, and the generation that holds it."""
    with writing(store):
        load(store, name, {"leads": [lead(name)]})
        return build(store, built_at)


def test_before_the_first_build_there_is_nothing_to_read(store: Store) -> None:
    assert generations.current(store) is None
    with pytest.raises(WorkspaceError, match="nothing was built here yet"), generations.pinned(store):
        pass


def test_a_published_generation_is_current_and_named_by_its_content(store: Store) -> None:
    first, second = grow(store, "a"), grow(store, "b")
    assert generations.current(store) == second
    assert (first.parent, second.parent) == ("", first.id)
    assert first.id != second.id
    assert rows_of(store, "leads", "lead_id") == [("a",), ("b",)]
    assert rows_of(store, "leads", "lead_id", generation=first.id) == [("a",)]
    assert rows_of(store, "orders", "order_id") == []


def test_a_candidate_of_another_parent_is_refused(store: Store) -> None:
    first = grow(store, "a")
    grow(store, "b")
    with writing(store), pytest.raises(WorkspaceError, match=f"built on generation '{first.id}'"):
        generations.publish(store, replace(first, parent=first.id))


def test_a_candidate_that_lacks_a_part_is_refused(store: Store) -> None:
    first = grow(store, "a")
    part = first.tables[0].parts[0]
    (store.parts / part.file).unlink()
    with writing(store), pytest.raises(WorkspaceError, match=r"missing or cut short"):
        generations.publish(store, replace(first, id="", parent=first.id))
    assert generations.current(store) == first


def test_the_same_candidate_gets_the_same_id(store: Store) -> None:
    first = grow(store, "a")
    with writing(store):
        second = generations.publish(store, replace(first, id="", parent=first.id))
        generations.rollback(store, first.id)
        again = generations.publish(store, replace(first, id="", parent=first.id))
    assert again == second
    assert len(generations.generation_ids(store)) == 2


def test_rolling_back_is_a_flip_and_the_next_build_starts_there(store: Store) -> None:
    first, second = grow(store, "a"), grow(store, "b")
    before = files_under(store.parts)
    with writing(store):
        assert generations.rollback(store) == first
        assert generations.current(store) == first
        assert files_under(store.parts) == before
        third = build(store)
        assert third.parent == first.id
        assert generations.rollback(store, second.id) == second
    with writing(store), pytest.raises(WorkspaceError, match="'0123' is not kept"):
        generations.rollback(store, "0123")


def test_there_is_nothing_before_the_first_generation(store: Store) -> None:
    grow(store, "a")
    with writing(store), pytest.raises(WorkspaceError, match="no earlier generation"):
        generations.rollback(store)


def test_a_generation_with_a_missing_part_is_not_rolled_back_to(store: Store) -> None:
    first = grow(store, "a")
    second = grow(store, "b")
    (store.parts / first.tables[0].parts[0].file).unlink()
    with writing(store), pytest.raises(WorkspaceError, match="missing or cut short"):
        generations.rollback(store)
    assert generations.current(store) == second


def test_an_unknown_generation_is_not_kept(store: Store) -> None:
    grow(store, "a")
    for name in ("0123456789abcdef", "../parts", "a/b", "."):
        with pytest.raises(WorkspaceError, match="is not kept"), generations.pinned(store, name):
            pass


def test_collecting_keeps_the_last_three_and_the_last_of_each_month(store: Store) -> None:
    times = [datetime(2026, month, day) for month in (1, 2, 3) for day in (5, 15, 25)] + [datetime(2026, 4, 1)]
    made = [grow(store, f"g{i}", at) for i, at in enumerate(times)]
    ids = [g.id for g in made]
    with writing(store):
        generations.keep(store, ids[3], "the February report")
        gone = generations.collect(store, datetime(2026, 4, 2))
    kept = [ids[2], ids[3], ids[5], ids[7], ids[8], ids[9]]
    assert list(generations.generation_ids(store)) == kept
    assert set(gone) == set(ids) - set(kept)
    used = {p.file for m in generations.kept_manifests(store) for t in m.generation.tables for p in t.parts}
    assert {p.name for p in store.parts.iterdir()} == used
    for id_ in kept:
        assert rows_of(store, "leads", "lead_id", generation=id_)
    with writing(store):
        generations.release(store, ids[3])
        assert generations.collect(store, datetime(2026, 4, 2)) == (ids[3],)


def test_the_current_generation_is_kept_however_old(store: Store) -> None:
    made = [grow(store, f"g{i}", NOW + timedelta(minutes=i)) for i in range(6)]
    with writing(store):
        generations.rollback(store, made[0].id)
        generations.collect(store, LATER)
    assert generations.generation_ids(store) == (made[0].id, *(g.id for g in made[-3:]))


def test_a_clock_that_was_set_back_costs_no_generation(store: Store) -> None:
    """The last three are also those the current one was built on, whatever their times say."""
    made = [grow(store, f"g{i}", NOW + timedelta(minutes=i)) for i in range(3)]
    made += [grow(store, f"h{i}", NOW - timedelta(minutes=i)) for i in range(1, 4)]
    with writing(store):
        assert generations.collect(store, NOW - timedelta(minutes=3)) == ()
        assert generations.collect(store, LATER) == ()
        assert generations.keep(store, made[0].id, "why") is None
    late = grow(store, "z", NOW - timedelta(minutes=4))
    with writing(store):
        assert generations.collect(store, LATER) == (made[3].id,)
    assert generations.current(store) == late


def test_what_a_reader_holds_is_not_collected(store: Store) -> None:
    first = grow(store, "g0")
    with generations.pinned(store, settings=SMALL) as reader:
        for i in range(1, 6):
            grow(store, f"g{i}", NOW + timedelta(minutes=i))
        with writing(store):
            assert first.id not in generations.collect(store, LATER)
        assert reader.generation == first
        assert reader.rows(render(project(Scan("leads"), ["lead_id"]))) == [("g0",)]
    with writing(store):
        assert generations.collect(store, LATER) == (first.id,)
    with pytest.raises(WorkspaceError, match="is not kept"), generations.pinned(store, first.id):
        pass


def test_a_generation_collected_between_reading_and_locking_is_given_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer was read, then the writer published and collected: the reader starts again with the new pointer."""
    made = [grow(store, f"g{i}", NOW + timedelta(minutes=i)) for i in range(5)]
    honest = generations._current_id
    answers = iter([made[0].id, made[0].id])

    def late(asked: Store) -> str:
        answer = next(answers, None)
        if answer is None:
            return honest(asked)
        return answer

    with writing(store):
        generations.collect(store, LATER)
    monkeypatch.setattr(generations, "_current_id", late)
    with generations.pinned(store, settings=SMALL) as reader:
        assert reader.generation == made[-1]


def test_the_parts_of_a_failed_build_are_removed_later(store: Store) -> None:
    grow(store, "a")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    before = files_under(store.parts)
    with writing(store):
        load(store, "b", {"leads": [lead("b")]})
        with pytest.raises(ZeroDivisionError):
            build(store, write=lambda workshop, name: (make(workshop, name), fail())[0])
        assert len(files_under(store.parts)) > len(before)
        generations.collect(store, LATER)
    assert files_under(store.parts) == before


def make(workshop: object, name: str) -> object:
    from tests.store.world import write_table

    return write_table(workshop, name)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_in_a_manifest_is_seen(store: Store, at: float) -> None:
    first = grow(store, "a")
    path = store.generations / first.id / "manifest.json"
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0x04
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match="missing or damaged"), generations.pinned(store):
        pass


def test_a_newer_manifest_is_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "FORMAT", 2)
    grow(store, "a")
    monkeypatch.setattr(generations, "FORMAT", 1)
    with pytest.raises(WorkspaceError, match="which a newer Headwater made"), generations.pinned(store):
        pass


def test_a_reader_needs_nothing_but_read_permission(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a read-only folder there is no room to spill; small questions are answered all the same."""
    grow(store, "a")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert rows_of(store, "leads", "lead_id") == [("a",)]
