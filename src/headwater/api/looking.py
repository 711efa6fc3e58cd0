"""Whether there is something new for `refresh`: files are looked at, none is opened that did not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from headwater.api.folder import open_folder
from headwater.api.settings import FILE
from headwater.api.versions import build_version
from headwater.connectors.files import ARCHIVE, find
from headwater.connectors.sources import load_sources
from headwater.errors import HeadwaterError, SourceError, WorkspaceError
from headwater.metrics.entries import definition_files
from headwater.model.landing import Batch
from headwater.model.source import Source
from headwater.store import generations, lock
from headwater.store.landing import journal
from headwater.store.place import Store, open_store

Stamp = tuple[int, int, int]
"""Size, time of the last change and number of a file: what tells that it is another one, without reading it."""

DEFINING = ("sources", "tables")
"""The folders whose files decide how files become tables."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: the data files that the sources name, and the files that say how they become tables."""

    data: Mapping[str, Stamp] = field(default_factory=dict)
    definitions: Mapping[str, Stamp] = field(default_factory=dict)


class Lookout:
    """Looks at a workspace again and again. Not for two threads at once."""

    def __init__(self, path: str | Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = open_folder(path, None, environment)
        self._sources: tuple[Source, ...] = ()
        self._sources_of: Mapping[str, Stamp] | None = None

    def look(self) -> Look:
        """What lies there now. While a definition file is wrong, the files of its last right state are looked at."""
        folder = self._folder
        seen = _stamps([folder.path / FILE, *(p for name in DEFINING for p in _listed(folder.path / name))])
        if seen != self._sources_of:
            with suppress(HeadwaterError):
                tables = folder.catalogue(folder.company()).tables
                self._sources = tuple(load_sources(folder.path, tables).values())
            self._sources_of = seen
        return Look(_stamps(path for source in self._sources for path in self._files(source)), seen)

    def is_due(self, before: Look | None, now: Look) -> bool:
        """Whether a refresh has something to do since it last had nothing (None: since what is stored was built).
        Settings and tables count only where they change what is built; a source file counts always. Where that cannot
        be told, a refresh says why."""
        try:
            if before is None:
                return not self._is_stored(now)
            if before.data != now.data or _of("sources", before.definitions) != _of("sources", now.definitions):
                return True
            return before.definitions != now.definitions and self._builds_otherwise()
        except (HeadwaterError, OSError):
            return True

    def writer(self) -> str:
        """Who writes the workspace's data now (the process, what it does, since when), '' when nobody does."""
        store = self._store()
        return lock.writer(store) if store is not None else ""

    def _files(self, source: Source) -> Iterable[Path]:
        with suppress(SourceError):
            return find(source, self._folder.path, self._folder.environment)
        return ()

    def _store(self) -> Store | None:
        with suppress(WorkspaceError):
            return open_store(self._folder.store)
        return None

    def _is_stored(self, now: Look) -> bool:
        """Whether everything seen is older than what holds it, by the time of change that the file system keeps itself
        (ctime): a copy that brings its old date along does not set it back."""
        store = self._store()
        current = generations.current(store) if store is not None else None
        if store is None or current is None:
            return not now.data
        loaded: dict[str, datetime] = {}
        for entry in journal(store):
            if isinstance(entry, Batch):  # a file in an archive tells of the archive
                above = (str(p) for p in Path(entry.path).parents if p.suffix.lower() == ARCHIVE)
                loaded |= dict.fromkeys((entry.path, *above), entry.loaded_at)
        known = {path: loaded.get(self._folder.shown(path)) for path in now.data}
        known |= dict.fromkeys(now.definitions, current.built_at)
        if not all(at is not None and _changed(path) <= at for path, at in known.items()):
            return False
        return not self._builds_otherwise()  # another version of Headwater may

    def _builds_otherwise(self) -> bool:
        """Whether the definitions build other tables than the current ones."""
        company = self._folder.company()
        wanted = build_version(self._folder, self._folder.catalogue(company), company.settings)
        store = self._store()
        current = generations.current(store) if store is not None else None
        return current is None or current.build != wanted


def _listed(folder: Path) -> list[Path]:
    try:
        return definition_files(folder)
    except OSError:  # it may not be listed: what needs it says so
        return []


def _stamps(paths: Iterable[Path]) -> dict[str, Stamp]:
    stamps = {}
    for path in paths:
        with suppress(OSError):  # gone since it was found
            stat = path.stat()
            stamps[str(path)] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return stamps


def _changed(path: str) -> datetime:
    try:
        return datetime.fromtimestamp(Path(path).stat().st_ctime, UTC)
    except OSError:  # gone since it was seen
        return datetime.max.replace(tzinfo=UTC)


def _of(folder: str, definitions: Mapping[str, Stamp]) -> dict[str, Stamp]:
    return {path: stamp for path, stamp in definitions.items() if Path(path).parent.name == folder}
