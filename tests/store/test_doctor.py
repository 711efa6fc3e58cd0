from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.store import doctor, generations, landing
from headwater.store.definitions import definition, keep_definition
from headwater.store.doctor import Finding, examine
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from tests.store.world import NOW, build, files_under, lead, load, order


@pytest.fixture
def healthy(store: Store) -> Store:
    with writing(store):
        load(
            store,
            "a",
            {"leads": [lead("1"), lead("2")], "orders": [order("o", "1")]},
            quarantine=[(3, 4, "x", "y", "z", "raw")],
        )
        build(store)
        load(store, "b", {"leads": [lead("3")]})
        build(store)
        keep_definition(store, {"kpi": "leads"})
    assert examine(store) == ()
    return store


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def entry(store: Store) -> Path:
    return sorted(store.landing.iterdir())[0]


def part(store: Store) -> Path:
    current = generations.current(store)
    assert current is not None
    return store.parts / current.tables[0].parts[0].file


def manifest(store: Store) -> Path:
    current = generations.current(store)
    assert current is not None
    return store.generations / current.id / "manifest.json"


def older(store: Store) -> Path:
    return store.generations / generations.generation_ids(store)[0] / "manifest.json"


def move(path: Path) -> None:
    path.rename(path.parent.parent / f"moved-{path.name}")


FAULTS: list[tuple[str, Callable[[Store], None], str]] = [
    ("part damaged", lambda s: flip(part(s)), "is damaged (its bytes are not those that were written)"),
    ("part missing", lambda s: part(s).unlink(), "is missing"),
    ("part cut", lambda s: os.truncate(part(s), 10), "is damaged"),
    ("batch file damaged", lambda s: flip(entry(s) / "leads.parquet"), "'leads.parquet' of journal entry"),
    ("quarantine missing", lambda s: (entry(s) / "quarantine.parquet").unlink(), "'quarantine.parquet' of journal"),
    ("batch manifest damaged", lambda s: flip(entry(s) / "manifest.json"), "its manifest cannot be trusted"),
    ("batch manifest missing", lambda s: (entry(s) / "manifest.json").unlink(), "its manifest cannot be trusted"),
    ("batch missing", lambda s: shutil.rmtree(entry(s)), "journal entry 1 is missing"),
    ("generation damaged", lambda s: flip(older(s)), "'manifest.json' is missing or damaged"),
    ("current generation damaged", lambda s: flip(manifest(s)), "'CURRENT' names a generation that cannot be read"),
    ("stale CURRENT", lambda s: s.current.write_text("0123456789abcdef\n") and None, "'CURRENT' names a generation"),
    ("CURRENT missing", lambda s: s.current.unlink(), "'CURRENT' is missing although there are generations"),
    ("definition damaged", lambda s: flip(next(s.definitions.iterdir())), "kept definition"),
    ("folder missing", lambda s: s.scratch.rmdir(), "the folder 'scratch' is missing"),
    ("kept list damaged", lambda s: (s.root / "kept.json").write_text("{") and None, "'kept.json' is missing"),
    ("erasure unfinished", lambda s: (s.root / "erasing.json").write_text("{}") and None, "erasure was begun"),
    ("salt readable", lambda s: (s.salt.write_text("x"), s.salt.chmod(0o644))[1], "can be read by others"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "said"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_named_with_what_to_do_and_nothing_is_changed(
    healthy: Store, harm: Callable[[Store], None], said: str
) -> None:
    harm(healthy)
    before = files_under(healthy.root)
    found = examine(healthy)
    faults = [f for f in found if f.kind == "fault"]
    assert any(said in f.what for f in faults), faults
    assert all(f.where and f.do for f in found)
    assert files_under(healthy.root) == before


NOTES: list[tuple[str, Callable[[Store], object], str]] = [
    ("half a batch", lambda s: (s.landing / ".tmp-1").mkdir(), "an interrupted writer left this"),
    ("half a part", lambda s: (s.parts / ".tmp-1.parquet").write_text("x"), "an interrupted writer left this"),
    ("spill folder", lambda s: (s.scratch / "dead").mkdir(), "an interrupted program left this working folder"),
    ("orphan part", lambda s: (s.parts / "ff.parquet").write_text("x"), "no generation refers to this part"),
    ("stranger", lambda s: (s.root / "notes.txt").write_text("x"), "'notes.txt' does not belong to the store"),
    ("stranger in a batch", lambda s: (entry(s) / "x").write_text("x"), "'x' does not belong to this journal entry"),
    ("kept and gone", lambda s: (s.root / "kept.json").write_text('{"0123": "why"}'), "is marked to be kept"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "said"), [n[1:] for n in NOTES], ids=[n[0] for n in NOTES])
def test_what_is_only_worth_knowing_is_a_note(healthy: Store, harm: Callable[[Store], object], said: str) -> None:
    harm(healthy)
    (found,) = examine(healthy)
    assert (found.kind, said in found.what) == ("note", True)


def test_every_fault_is_named_not_the_first_alone(healthy: Store) -> None:
    flip(part(healthy))
    flip(entry(healthy) / "leads.parquet")
    (healthy.root / "stranger").mkdir()
    kinds = [f.kind for f in examine(healthy)]
    assert kinds.count("fault") == 2 and kinds[-1] == "note"


def test_a_writer_is_named(healthy: Store) -> None:
    with writing(healthy, "refresh"):
        (found,) = examine(healthy)
    assert found.what.startswith(f"the data is being written by process {os.getpid()} ('refresh') since ")


def test_a_full_disk_is_near(healthy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(healthy.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=7 * 1024**2))
    assert [(f.kind, f.what) for f in examine(healthy)] == [("note", "only 7 MB are free on this disk")]


def test_places_that_cannot_be_written_are_named(
    healthy: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    far = open_store(healthy.root, mounts=mounts)
    assert [f.what for f in examine(far)] == ["the store lies on a network file system (nfs4)"]
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert [f.what for f in examine(healthy)] == ["the store is read-only"]


def test_a_rewritten_entry_that_is_still_there_is_a_note(healthy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater.metrics.render import render
    from headwater.store import erase

    monkeypatch.setattr(erase, "discard_folder", lambda _: None)
    with writing(healthy):
        erase.erase(healthy, ["raw"], NOW, render)
    assert [f.what for f in examine(healthy)] == ["a rewritten journal entry is still here"]
    assert len(landing.journal(healthy)) == 3
    with writing(healthy):
        load(healthy, "c", {"leads": []})
    assert examine(healthy) == ()


def test_definitions_are_kept_by_their_content(healthy: Store) -> None:
    with writing(healthy):
        one = keep_definition(healthy, {"b": 1, "a": [1, "ü"]})
        assert keep_definition(healthy, {"a": [1, "ü"], "b": 1}) == one
    assert definition(healthy, one) == {"a": [1, "ü"], "b": 1}
    from headwater.errors import WorkspaceError

    for id_ in ("0" * 64, "../format"):
        with pytest.raises(WorkspaceError, match="no definition is kept"):
            definition(healthy, id_)
    flip(healthy.definitions / f"{one}.json")
    with pytest.raises(WorkspaceError, match="is damaged"):
        definition(healthy, one)


def test_findings_are_values() -> None:
    assert Finding("note", "a", "b", "c") == Finding("note", "a", "b", "c")
    assert doctor.CHECKS
