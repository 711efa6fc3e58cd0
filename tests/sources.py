"""A workspace over real files: CSV exports and their mapping, read by the real parser."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from headwater import Workspace
from tests.surface import FILES
from tests.world import folder_with

LEADS_YML = """\
path: "exports/leads*.csv"
load: {load}
tables:
  leads:
    columns: {{lead_id: Lead ID, created_at: Created, channel: Source, email: Email}}
"""
HEAD = "Lead ID,Created,Source,Email\n"
JANUARY = HEAD + "L1,2025-01-03,email,ann@one.org\nL2,2025-01-09,ads,bob@one.org\nL3,soon,ads,cy@two.org\n"
"""Two rows that can be loaded and one that cannot."""

NOW = datetime(2025, 4, 1, 12, tzinfo=UTC)


def with_sources(path: Path, files: dict[str, str], load: str = "incremental") -> Workspace:
    """A workspace with the KPIs of the small company, one source of leads and these files in `exports/`."""
    folder = folder_with(path / "files", {}, {**FILES, "sources/leads.yml": LEADS_YML.format(load=load)})
    for name in ("exports", "tables"):
        (folder / name).mkdir()
    for name, text in files.items():
        (folder / "exports" / name).write_text(text, encoding="utf-8")
    return Workspace(folder, now=NOW, environment={})


def refreshed(path: Path, files: dict[str, str], load: str = "incremental") -> Workspace:
    """The same, refreshed; the first of its kind in a process is built, the others are copies of it."""
    folder = path / "files"
    shutil.copytree(_refreshed(tuple(files.items()), load), folder)
    return Workspace(folder, now=NOW, environment={})


@lru_cache
def _refreshed(files: tuple[tuple[str, str], ...], load: str) -> Path:
    place = tempfile.TemporaryDirectory()
    _PLACES.append(place)
    workspace = with_sources(Path(place.name), dict(files), load)
    workspace.refresh()
    return workspace.path


_PLACES: list[tempfile.TemporaryDirectory[str]] = []


def count(workspace: Workspace) -> float | None:
    """How many leads the tables hold."""
    (found,) = workspace.measure("own_leads")
    return found.value
