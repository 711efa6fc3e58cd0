"""A workspace may have any name: none of its characters means something to the engine or to a pattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.metrics.render import render
from headwater.model.landing import Batch
from headwater.store import landing
from headwater.store.doctor import examine
from headwater.store.erase import erase
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.store.world import NOW, build, lead, load, rows_of

NAMES = [
    "it's",
    "a [1] b",
    "a*b",
    "what?",
    "**",
    "{a,b}",
    "ü 日本",
    'quo"te',
    "per%20cent",
    "semi;colon",
    "$HOME",
    "x=1",
]
NAMES += ["back\\slash", "~", "$files", "[a-z]", "]["]
NEIGHBOURS = ["a 1 b", "aXb", "what1", "neighbour", "a", "x"]  # what the patterns among them would match


@pytest.mark.parametrize("name", NAMES)
def test_a_workspace_may_have_any_name(tmp_path: Path, name: str) -> None:
    store = open_store(tmp_path / name / ".headwater" / "store", create=True)
    for neighbour in NEIGHBOURS:
        (tmp_path / neighbour).symlink_to(tmp_path / name)
    with writing(store):
        load(store, "a", {"leads": [lead("1", email="a@example.com")]}, quarantine=[(2, 3, "x", "y", "z", "raw")])
        build(store)
        load(store, "b", {"leads": [lead("2"), lead("3", note="of a@example.com")]})
        build(store)
    assert rows_of(store, "leads", "lead_id") == [("1",), ("2",), ("3",)]
    first = landing.journal(store)[0]
    assert isinstance(first, Batch)
    assert len(list(landing.quarantine_rows(store, first))) == 1
    with writing(store):
        erase(store, ["a@example.com"], NOW, render)
        load(store, "c", {"leads": [lead("4", email="a@example.com"), lead("5")]})
        build(store)
    assert rows_of(store, "leads", "lead_id") == [("2",), ("3",), ("5",)]
    assert examine(store) == ()


def test_a_workspace_may_be_reached_by_a_link_or_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path / "real" / "store", create=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    for number, root in enumerate(
        (tmp_path / "link" / "store", Path("real/store"), Path("real/../link/store")), start=1
    ):
        store = open_store(root)
        assert store.root.is_absolute()
        with writing(store):
            load(store, str(root), {"leads": [lead(str(number))]})
            build(store)
        assert len(rows_of(store, "leads", "lead_id")) == number
