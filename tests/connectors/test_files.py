"""Which files a source names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater.connectors.files import find
from headwater.errors import SourceError
from headwater.model.source import Source


def names(path: str, workspace: Path, **environment: str) -> list[str]:
    found = find(Source("ads", path, ()), workspace, environment)
    assert all(p.is_absolute() for p in found)
    return [p.name for p in found]


def refused(path: str, workspace: Path, **environment: str) -> SourceError:
    with pytest.raises(SourceError) as e:
        find(Source("ads", path, ()), workspace, environment)
    assert e.value.where == "source 'ads'"
    return e.value


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose own name looks like a pattern."""
    folder = tmp_path / "my [work] *space"
    (folder / "data" / "2025").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "c.txt", "2025/d.csv"):
        (folder / "data" / name).write_text("x")
    return folder


def test_patterns_are_relative_to_the_workspace_and_sorted(workspace: Path) -> None:
    assert names("data/a.csv", workspace) == ["a.csv"]
    assert names("data/*.csv", workspace) == ["a.csv", "b.csv"]
    assert names("data/**/*.csv", workspace) == ["d.csv", "a.csv", "b.csv"]
    assert names("data/[ab].csv", workspace) == ["a.csv", "b.csv"]


def test_an_absolute_path_and_the_variable(workspace: Path, tmp_path: Path) -> None:
    plain = tmp_path / "shared"
    plain.mkdir()
    (plain / "e.csv").write_text("x")
    assert names(f"{plain}/*.csv", workspace) == ["e.csv"]
    assert names("${HEADWATER_SHARED_DATA}/e.csv", workspace, HEADWATER_SHARED_DATA=str(plain)) == ["e.csv"]
    assert names("${HEADWATER_SHARED_DATA}/data/?.csv", tmp_path, HEADWATER_SHARED_DATA=str(workspace)) == [
        "a.csv",
        "b.csv",
    ]


def test_a_variable_that_is_not_set_is_told(workspace: Path) -> None:
    error = refused("${HEADWATER_SHARED_DATA}/x.csv", workspace)
    assert (error.code, "HEADWATER_SHARED_DATA" in error.do) == ("variable_not_set", True)


def test_no_other_variable_is_read(workspace: Path) -> None:
    assert refused("${HOME}/x.csv", workspace, HOME="/root").code == "unknown_variable"


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("data/none.csv", "no_file", "no file is at 'data/none.csv'"),
        ("data/*.xlsx", "no_file", "no file matches"),
        ("nowhere/x.csv", "no_file", "does not exist"),
        ("data", "folder", "is a folder"),
        ("data/20*", "folder", "is a folder"),
    ],
)
def test_what_is_not_there(workspace: Path, path: str, code: str, says: str) -> None:
    error = refused(path, workspace)
    assert error.code == code
    assert says in str(error)


def test_a_file_that_may_not_be_read(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert refused("data/a.csv", workspace).code == "no_permission"


def test_a_pipe_is_no_file(workspace: Path) -> None:
    os.mkfifo(workspace / "data" / "pipe.csv")
    assert refused("data/pipe.csv", workspace).code == "folder"
