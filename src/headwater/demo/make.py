"""The demo workspace: the company is drawn, its truth written down, its exports made, loaded and built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from headwater.api import Workspace
from headwater.api.emptying import empty
from headwater.demo.clock import last_whole_month
from headwater.errors import QueryError, WorkspaceError
from headwater.version import VERSION

Progress = Callable[[str, int, int], None]
SCALES = (0.01, 100.0)
SEED = 7
SENTINEL = "truth.json"


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo workspace that was made: where it lies, up to which day it tells, and what stands in it."""

    folder: Path
    until: date
    files: int
    rows: int
    set_aside: int


def quiet(what: str, done: int, of: int) -> None:
    """Tells nobody."""


def generate(
    folder: Path,
    *,
    scale: float = 1.0,
    seed: int = SEED,
    until: date | None = None,
    now: datetime | None = None,
    tell: Progress | None = None,
) -> date:
    """Writes the exports, the workspace's own files and `truth.json` into a folder; the last day told comes back.

    The same seed, scale and `until` give the same bytes. `until` is the last day of a month (default: of the last month
    that was over at `now`). Another demo in the folder, with all that was loaded from it, makes room; what its user
    added to the workspace stays. Raises QueryError for a scale or a day that cannot be, WorkspaceError for a folder
    that holds something else, or whose data is being read or written.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise QueryError(f"the scale is {scale:g}", do=f"Give one from {SCALES[0]:g} to {SCALES[1]:g}.")
    tell = tell or quiet
    last = until or last_whole_month(now or datetime.now(UTC))
    if (last + timedelta(1)).day != 1 or not 2016 < last.year < 2044:
        raise QueryError(f"the company cannot be told up to {last}", do="Give the last day of a month, 2017 to 2043.")
    _can_hold(folder)
    from headwater.demo.exports import export
    from headwater.demo.truth import lost_from, truth, write
    from headwater.demo.world import world

    tell("Drawing the company", 0, 0)
    made = world(seed, scale, last)
    told = truth(made)
    if not _is_of(folder, seed, scale, last):
        empty(folder)
        shutil.rmtree(folder / "exports", ignore_errors=True)
    tell("Writing the exports", 0, 0)
    lost = export(made, folder / "exports", tell)
    write(folder / SENTINEL, made, told, lost, lost_from(made, told, lost))
    _own_files(folder, last)
    return last


def make(
    folder: Path,
    *,
    scale: float = 1.0,
    seed: int = SEED,
    until: date | None = None,
    now: datetime | None = None,
    tell: Progress | None = None,
) -> Demo:
    """A demo workspace, drawn, loaded and built, like anybody's files."""
    last = generate(folder, scale=scale, seed=seed, until=until, now=now, tell=tell)
    workspace = Workspace(Workspace.init(folder).path, now=now)
    done = workspace.refresh(progress=tell or quiet)
    refused = [f for f in done.load.files if f.state == "refused"]
    if refused:
        raise WorkspaceError(
            f"{refused[0].path}: {refused[0].reason}", where=str(folder), do="Report this: the demo must load."
        )
    rows = sum(f.loaded or 0 for f in done.load.files)
    aside = sum(f.quarantined or 0 for f in done.load.files)
    return Demo(workspace.path, last, len(done.load.files), rows, aside)


def _can_hold(folder: Path) -> None:
    """A demo may be made anew over a demo, or in an empty folder; nobody's own files are touched."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if folder.is_dir() and ((folder / SENTINEL).is_file() or [p.name for p in folder.iterdir()] == ["exports"]):
        return
    raise WorkspaceError(
        "the folder holds something else than a demo",
        where=str(folder),
        do="Name another one with --dir, or empty it.",
    )


def _is_of(folder: Path, seed: int, scale: float, last: date) -> bool:
    """Whether the demo in the folder is of this seed, scale and day, made by this version."""
    try:
        told = json.loads((folder / SENTINEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return [told.get(k) for k in ("version", "seed", "scale", "until")] == [VERSION, seed, scale, last.isoformat()]


def _own_files(folder: Path, last: date) -> None:
    """`headwater.yml` and the sources, with the day up to which the exports are complete."""
    kept = files("headwater.demo").joinpath("workspace")
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    (folder / "headwater.yml").write_text(kept.joinpath("headwater.yml").read_text(encoding="utf-8"), encoding="utf-8")
    for source in sorted(kept.joinpath("sources").iterdir(), key=lambda s: s.name):
        text = source.read_text(encoding="utf-8").replace("{until}", last.isoformat())
        (folder / "sources" / source.name).write_text(text, encoding="utf-8")
