"""A workspace folder: where its files lie, what they say now, and what time it is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from headwater.api.settings import FILE, Company, read_company
from headwater.errors import WorkspaceError
from headwater.model.catalogue import Catalogue

SHIPPED = Path(__file__).resolve().parent.parent / "catalogue"
"""The definitions that come with Headwater."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one workspace. `moment` is what counts as now (None: the clock's)."""

    path: Path
    moment: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def data(self) -> Path:
        """What Headwater keeps here; not for git."""
        return self.path / ".headwater"

    @property
    def store(self) -> Path:
        """Where the store lies."""
        return self.data / "store"

    @property
    def cache(self) -> Path:
        """What can be thrown away at any time."""
        return self.data / "cache"

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return (self.moment or datetime.now(UTC)).astimezone(UTC)

    def today(self, time_zone: str) -> date:
        """The date it is now in a time zone."""
        if time_zone == "UTC":
            return self.now().date()
        from zoneinfo import ZoneInfo

        return self.now().astimezone(ZoneInfo(time_zone)).date()

    def company(self) -> Company:
        """What `headwater.yml` says."""
        return read_company(self.path, self.cache)

    def catalogue(self, company: Company) -> Catalogue:
        """Every table, measure and KPI, shipped and own, with the overrides of `headwater.yml` applied."""
        from headwater.metrics.catalogue import load_catalogue

        known = load_catalogue(SHIPPED, self.path, self.cache / "catalogue.json")
        if not company.overrides:
            return known
        from headwater.api.overrides import overridden

        return overridden(known, company.overrides)

    def shown(self, path: Path | str) -> str:
        """A path as a person in this folder calls it."""
        whole = Path(path)
        return str(whole.relative_to(self.path)) if whole.is_relative_to(self.path) else str(whole)


def open_folder(path: str | Path, moment: datetime | None, environment: Mapping[str, str] | None) -> Folder:
    """The folder of a workspace. Raises WorkspaceError when it is missing or is none."""
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a moment needs a time zone, such as datetime(2025, 1, 31, tzinfo=UTC)")
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        what = "this is a file, not a workspace folder" if folder.exists() else "there is no such folder"
        raise WorkspaceError(
            what, where=str(path), do="Name a workspace, or make one with 'headwater init " + str(path) + "'."
        )
    if not (folder / FILE).exists():
        raise WorkspaceError(
            f"this folder is no workspace: it has no '{FILE}'",
            where=str(folder),
            do="Run 'headwater init' to make it one, or name another with 'headwater --workspace DIR ...'.",
        )
    return Folder(folder, moment, dict(os.environ if environment is None else environment))
