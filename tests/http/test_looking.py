"""When there is something for a refresh to do, judged without reading a file."""

import os
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api import looking
from headwater.api.looking import Look, Lookout
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.sources import HEAD, JANUARY, with_sources
from tests.world import fresh

FEBRUARY = HEAD + "L4,2025-02-03,email,di@one.org\n"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose one file is loaded and built, just now."""
    folder = with_sources(tmp_path_factory.mktemp("looking"), {"leads-1.csv": JANUARY}).path
    Workspace(folder).refresh()
    return folder


def due(folder: Path, before: Look | None) -> bool:
    lookout = Lookout(folder)
    return lookout.is_due(before, lookout.look())


def test_what_is_stored_is_not_due(stored: Path) -> None:
    lookout = Lookout(stored)
    first = lookout.look()
    assert [Path(p).name for p in first.data] == ["leads-1.csv"]
    assert {Path(p).name for p in first.definitions} == {"headwater.yml", "leads.yml"}
    assert lookout.look() == first
    assert not lookout.is_due(None, first)
    assert not lookout.is_due(first, first)


def test_what_another_version_of_the_program_built_is_due(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not due(stored, None)
    monkeypatch.setattr(looking, "build_version", lambda *_: "of another version")
    assert due(stored, None)


def test_a_new_file_and_another_content_are_due(stored: Path) -> None:
    before = Lookout(stored).look()
    new = stored / "exports" / "leads-2.csv"
    new.write_text(FEBRUARY, encoding="utf-8")
    os.utime(new, (0, 0))  # a copy that keeps its old date
    try:
        assert due(stored, before)
        assert due(stored, None)
    finally:
        new.unlink()
    assert not due(stored, before)
    assert not due(stored, None)


def test_a_file_that_nobody_asked_for_is_not(stored: Path) -> None:
    before = Lookout(stored).look()
    other = stored / "exports" / "notes.txt"
    other.write_text("notes", encoding="utf-8")
    assert Lookout(stored).look() == before


def test_a_replaced_file_is_due_even_with_the_same_size_and_time(stored: Path) -> None:
    before = Lookout(stored).look()
    file = stored / "exports" / "leads-1.csv"
    stat, old = file.stat(), file.read_bytes()
    other = file.with_suffix(".new")
    other.write_bytes(old.replace(b"email", b"phone"))
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert due(stored, before)
    file.write_bytes(old)


@pytest.mark.parametrize(
    ("name", "text", "is_due"),
    [
        ("headwater.yml", '{"company": "Another name"}', False),
        ("headwater.yml", '{"company": "World", "threads": 1}', False),
        ("headwater.yml", '{"company": "World", "currency": "USD"}', True),
        ("headwater.yml", '{"company": "World", "time_zone": "Asia/Taipei"}', True),
        ("headwater.yml", '{"company": [}', True),
        ("tables/leads.yml", "extend: leads\ncolumns:\n  own_note: {type: text}\n", True),
        ("tables/leads.yml", "extend: nothing\n", True),
        ("kpis/own_kpi.yml", "nonsense", False),
    ],
)
def test_definitions_are_due_where_they_build_otherwise_or_are_wrong(
    tmp_path: Path, stored: Path, name: str, text: str, is_due: bool
) -> None:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(stored, folder)
    lookout = Lookout(folder)
    before = lookout.look()
    (folder / name).write_text(text, encoding="utf-8")
    now = lookout.look()
    assert lookout.is_due(before, now) is is_due
    assert now.data == before.data  # also while a definition is wrong


def test_another_mapping_is_due(tmp_path: Path, stored: Path) -> None:
    before = Lookout(stored).look()
    source = stored / "sources" / "leads.yml"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("Email", "Mail"), encoding="utf-8")
    try:
        assert due(stored, before)
        assert due(stored, None)
    finally:
        source.write_text(text, encoding="utf-8")


def test_an_empty_workspace_is_not_due(tmp_path: Path) -> None:
    lookout = Lookout(fresh(tmp_path / "new").path)
    assert not lookout.is_due(None, lookout.look())
    assert lookout.writer() == ""


def test_files_that_were_never_loaded_are_due(tmp_path: Path) -> None:
    assert due(with_sources(tmp_path, {"leads-1.csv": JANUARY}).path, None)


def test_who_writes_is_told(stored: Path) -> None:
    lookout = Lookout(stored)
    with writing(open_store(stored / ".headwater" / "store"), "refresh"):
        assert f"process {os.getpid()} ('refresh')" in lookout.writer()
    assert lookout.writer() == ""
