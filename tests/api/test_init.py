"""A new workspace, and what a second `init` leaves alone."""

from pathlib import Path

import pytest

from headwater import Workspace
from headwater.errors import WorkspaceError


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_new_workspace_can_be_read_at_once(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / 'Ärger & Söhne: "x"')
    assert {p.name for p in workspace.path.iterdir()} == {
        "headwater.yml", ".gitignore", "sources", "kpis", "measures", "tables",
    }  # fmt: skip
    assert (workspace.path / ".gitignore").read_text() == ".headwater/\nuploads/\n"
    assert workspace._folder.company().settings.company == 'Ärger & Söhne: "x"'


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = Workspace.init(tmp_path / "acme").path
    before = files(folder)
    Workspace.init(folder)
    assert files(folder) == before


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "headwater.yml").write_text("company: Mine\n")
    (tmp_path / ".gitignore").write_text("*.log")
    Workspace.init(tmp_path)
    assert (tmp_path / "headwater.yml").read_text() == "company: Mine\n"
    assert (tmp_path / ".gitignore").read_text() == "*.log\n.headwater/\nuploads/\n"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="Name another folder"):
        Workspace.init(tmp_path / "file" / "below")
