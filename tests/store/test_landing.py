from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.model.landing import Batch, Quarantined
from headwater.store import journal, landing
from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import NOW, files_under, lead, load, stage


def test_a_batch_is_what_its_draft_said_with_its_place_in_the_journal(store: Store) -> None:
    with writing(store):
        staged, draft = stage(
            store, "a", {"leads": [lead("1"), lead("2")]}, quarantine=[(3, 4, "amount", "number", "why", "x")]
        )
        batch = landing.commit(store, staged, draft, NOW, part_of="full-1")
    assert isinstance(batch, Batch)
    assert (batch.number, batch.loaded_at, batch.part_of) == (1, NOW, "full-1")
    for field in ("source", "system", "path", "content", "mapping", "full", "data_rows", "loaded", "quarantined"):
        assert getattr(batch, field) == getattr(draft, field)
    assert batch.tables == draft.tables
    assert batch.complete_through == draft.complete_through
    assert landing.journal(store) == (batch,)
    assert not staged.exists()
    (folder,) = store.landing.iterdir()
    assert folder.name == f"00000001-{batch.id}"
    assert {p.name for p in folder.iterdir()} == {"manifest.json", "leads.parquet", "quarantine.parquet"}


def test_the_same_content_with_the_same_mapping_is_loaded_once(store: Store) -> None:
    with writing(store):
        assert load(store, "a", {"leads": [lead("1")]})
        assert load(store, "b", {"leads": [lead("2")]})
        before = files_under(store.landing)
        assert load(store, "a", {"leads": [lead("1")]}) is None
        assert files_under(store.landing) == before
        again = load(store, "a", {"leads": [lead("1")]}, mapping="another")
    assert again is not None and again.number == 3
    assert [entry.number for entry in landing.journal(store)] == [1, 2, 3]


def test_the_journal_is_the_same_for_another_process_later(store: Store) -> None:
    with writing(store):
        for name in "abc":
            load(store, name, {"leads": [lead(name)]})
    ids = [entry.id for entry in landing.journal(store) if isinstance(entry, Batch)]
    other = Store(store.root.parent / "other")
    store.root.rename(other.root)
    assert [entry.id for entry in landing.journal(other) if isinstance(entry, Batch)] == ids


def test_quarantined_rows_come_in_the_order_they_were_set_aside(store: Store) -> None:
    rows = [(2, None, "created_at", "date", "not a date", "a;b"), (7, 8, "amount", "number", "not a number", "x,y")]
    with writing(store):
        first = load(store, "a", {"leads": []}, quarantine=rows)
        second = load(store, "b", {"leads": []})
    assert first is not None and second is not None
    assert list(landing.quarantine_rows(store, first)) == [
        Quarantined(2, None, "created_at", "date", "not a date", "a;b"),
        Quarantined(7, 8, "amount", "number", "not a number", "x,y"),
    ]
    assert list(landing.quarantine_rows(store, second)) == []


def test_a_failed_commit_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(landing, "append", fail)
    with writing(store), pytest.raises(KeyboardInterrupt):
        load(store, "a", {"leads": [lead("1")]})
    assert not list(store.landing.iterdir())


def one_batch(store: Store) -> Path:
    with writing(store):
        load(store, "a", {"leads": [lead("1")]})
        load(store, "b", {"leads": [lead("2")]})
    return sorted(store.landing.iterdir())[0]


def test_a_flipped_bit_in_a_manifest_is_seen(store: Store) -> None:
    path = one_batch(store) / "manifest.json"
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[at] ^= 0x04
        path.chmod(0o644)
        path.write_bytes(damaged)
        try:
            same = json.loads(damaged) == json.loads(content)
        except ValueError:
            same = False
        if not same:
            with pytest.raises(WorkspaceError, match="is damaged"):
                landing.journal(store)


def test_a_missing_entry_is_seen(store: Store) -> None:
    folder = one_batch(store)
    folder.rename(store.root.parent / "gone")
    with pytest.raises(WorkspaceError, match="journal entry 1 is missing"):
        landing.journal(store)


def test_two_entries_of_one_number_are_seen(store: Store) -> None:
    folder = one_batch(store)
    (store.landing / "00000001-0123456789abcdef").mkdir()
    for path in folder.iterdir():
        (store.landing / "00000001-0123456789abcdef" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(WorkspaceError, match="two journal entries have the number 1"):
        landing.journal(store)


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_of_a_batch_is_named(store: Store, damage: str) -> None:
    path = one_batch(store) / "leads.parquet"
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flip":
        content[len(content) // 2] ^= 1
    if damage != "remove":
        path.write_bytes(content[:-1] if damage == "cut" else content)
    landed = journal.entries(store)
    assert landed[0].damaged() == (path,)
    with pytest.raises(WorkspaceError, match=r"'leads.parquet' of journal entry '00000001-") as caught:
        journal.check_files(landed)
    assert caught.value.where == str(path)


def test_what_lies_in_the_landing_without_being_an_entry_is_not_read(store: Store) -> None:
    one_batch(store)
    (store.landing / "notes").mkdir()
    (store.landing / ".tmp-1").mkdir()
    assert len(landing.journal(store)) == 2
