"""A new workspace: the folder, its settings with comments, and the places for what an analyst writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.api.founding import CURRENCY, ZONE, asked, settings_text
from headwater.api.settings import FILE
from headwater.errors import QueryError, WorkspaceError

if TYPE_CHECKING:
    from headwater.api.inspecting import Inspected

FOLDERS = ("sources", "kpis", "measures", "tables")
IGNORED = (".headwater/", "uploads/")
"""What holds data and no definitions: it does not belong into git."""


def init(path: Path, *, currency: str = "EUR", time_zone: str = "UTC") -> Path:
    """The folder, made a workspace. Nothing that is there is overwritten; a second run changes nothing. A new
    `headwater.yml` says this currency and time zone.

    Raises WorkspaceError when the place cannot be written.
    """
    folder = path.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        settings = folder / FILE
        if not settings.exists():
            with settings.open("x", encoding="utf-8") as file:
                file.write(settings_text(folder.name, currency, time_zone))
        _ignore(folder / ".gitignore")
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise WorkspaceError(
            f"no workspace can be made here ({why})", where=str(path), do="Name another folder, or mend this one."
        ) from error
    return folder


def begin(
    path: Path, exports: Path, answers: Mapping[str, Sequence[str]] | None = None, tell: Any = None
) -> tuple[Path, Inspected]:
    """A folder made a workspace, and what was proposed for a folder of exports and written into it.

    Answers to `company.currency` and `company.time_zone` stand in a new `headwater.yml`. Raises as `init` and
    `inspect` do.
    """
    from headwater.api.folder import open_folder
    from headwater.api.inspecting import inspect

    if not exports.expanduser().exists():
        raise QueryError(f"there is no folder {str(exports)!r}", do="Name the folder with the exports.")
    given = {id: tuple([value] if isinstance(value, str) else value) for id, value in (answers or {}).items()}
    currency, zone = asked(given)
    new = not (path.expanduser() / FILE).exists()
    folder = init(path, currency=currency or "EUR", time_zone=zone or "UTC")
    rest = {id: value for id, value in given.items() if id not in (CURRENCY.id, ZONE.id)}
    found = inspect(open_folder(folder, None, None), [exports.expanduser().resolve()], rest, write=True, tell=tell)
    open_ = tuple(d for d, answer in ((CURRENCY, currency), (ZONE, zone)) if new and not answer)
    return folder, replace(found, doubts=(*open_, *found.doubts))


def _ignore(path: Path) -> None:
    """Adds the folders of data to `.gitignore`, keeping what stands there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = {line.strip().strip("/") for line in text.splitlines()}
    added = [name for name in IGNORED if name.strip("/") not in known]
    if added:
        gap = "" if not text or text.endswith("\n") else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(gap + "".join(f"{name}\n" for name in added))
