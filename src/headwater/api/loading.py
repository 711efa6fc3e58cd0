"""Files into the journal, the journal into tables: the verbs load, refresh and rollback."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from headwater.api.ahead import Ahead
from headwater.api.folder import Folder
from headwater.api.reports import Loaded, LoadedFile, Refreshed
from headwater.api.versions import build_version
from headwater.build.run import build
from headwater.connectors.files import ARCHIVE, find
from headwater.connectors.parse import listed, mapping_hash, parse
from headwater.connectors.sources import load_sources
from headwater.errors import QueryError, SourceError, nearest
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.landing import Batch, Draft, JournalEntry
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.model.table import Table
from headwater.store import generations
from headwater.store.disk import discard, sha256_of
from headwater.store.landing import commit, journal, stage
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from headwater.store.workshop import open_workshop

Progress = Callable[[str, int, int], None]
"""Told what is done now, how much of it is done, and how much there is in all."""


def quiet(what: str, done: int, of: int) -> None:
    """Tells nobody."""


# --- verbs -----------------------------------------------------------------------------------------------------------
def load(folder: Folder, names: Sequence[str] = (), tell: Progress = quiet) -> Loaded:
    """Lands what is new in the named sources (default: in all)."""
    company = folder.company()
    catalogue = folder.catalogue(company)
    sources = chosen(load_sources(folder.path, catalogue.tables), names)
    store = open_store(folder.store, create=True)
    with writing(store, "load"):
        return land(folder, store, sources, catalogue.tables, company.settings, tell)


def refresh(folder: Folder, names: Sequence[str] = (), tell: Progress = quiet, *, full: bool = False) -> Refreshed:
    """Lands what is new in the named sources (default: in all), builds the tables, tests and publishes them. `full`
    builds them all anew."""
    company = folder.company()
    catalogue = folder.catalogue(company)
    sources = chosen(load_sources(folder.path, catalogue.tables), names)
    store = open_store(folder.store, create=True)
    with writing(store, "refresh"):
        loaded = land(folder, store, sources, catalogue.tables, company.settings, tell)
        tell("Building tables", 0, 0)
        before = generations.current(store)
        after = rebuild(folder, store, catalogue, company.settings, full=full)
    return Refreshed(loaded, after, before is None or before.id != after.id, row_changes(before, after))


def rollback(folder: Folder, to: str = "") -> Generation:
    """Makes a kept generation current again (default: the one before the current one)."""
    store = open_store(folder.store)
    with writing(store, "rollback"):
        return generations.rollback(store, to)


def chosen(sources: Mapping[str, Source], names: Sequence[str]) -> tuple[Source, ...]:
    """The named sources, or all. Raises QueryError with the nearest names."""
    for name in names:
        if name not in sources:
            near = nearest(name, sources)
            have = f"The sources are {', '.join(sources)}." if sources else "There is no file in 'sources/' yet."
            raise QueryError(f"no source is called {name!r}", do=f"{near} {have}".strip())
    return tuple(sources[n] for n in dict.fromkeys(names or sources))


# --- landing ---------------------------------------------------------------------------------------------------------
def land(
    folder: Folder,
    store: Store,
    sources: Sequence[Source],
    tables: Mapping[str, Table],
    settings: Settings,
    tell: Progress,
) -> Loaded:
    """Every new file of the sources as a batch of the journal; inside `writing`."""
    landing = _Landing(folder, store, tables, settings, tell)
    waiting: list[tuple[Source, tuple[Path, ...]]] = []
    for source in sources:
        if source.doubts:
            landing.refuse(source, source.path, _undecided(source))
            continue
        try:
            waiting.append((source, landing.spread(source, find(source, folder.path, folder.environment))))
        except SourceError as error:
            landing.refuse(source, source.path, error)
    landing.total = len(landing.files) + sum(len(paths) for _, paths in waiting)
    with Ahead(landing.parsed, _undone, settings.threads) as landing.ahead:
        for source, paths in waiting:
            landing.expect(source, paths)
        for source, paths in waiting:
            if source.load == "full":
                landing.together(source, paths)
            else:
                for path in paths:
                    landing.alone(source, path)
    return Loaded(tuple(landing.files))


def _undecided(source: Source) -> SourceError:
    """Why a source with open doubts is not loaded."""
    asked = "; ".join(f"{id}: {what}" for id, what in source.doubts[:3])
    more = f"; and {len(source.doubts) - 3} more" if len(source.doubts) > 3 else ""
    return SourceError(
        f"{len(source.doubts)} question{'s are' if len(source.doubts) > 1 else ' is'} open ({asked}{more})",
        do="Answer them with 'headwater inspect', or finish the source file and remove its 'doubts'.",
        code="doubts",
    )


class _Landing:
    """One run over the files of all sources."""

    def __init__(
        self, folder: Folder, store: Store, tables: Mapping[str, Table], settings: Settings, tell: Progress
    ) -> None:
        self._folder, self._store, self._tables, self._settings = folder, store, tables, settings
        self._tell = tell
        self.total = 0
        self.files: list[LoadedFile] = []
        self.ahead: Ahead[tuple[Source, Path], tuple[Path, Draft]]
        self._contents: dict[Path, str] = {}

    def spread(self, source: Source, paths: Sequence[Path]) -> tuple[Path, ...]:
        """The files, with what a zip archive holds in the place of the archive. One that is refused is reported; where
        the files of a source are one load, nothing is left of them then."""
        found: list[Path] = []
        for path in paths:
            if path.suffix.lower() != ARCHIVE:
                found.append(path)
                continue
            staged = stage(self._store)
            try:
                members = listed(source, path, staged)
            except SourceError as error:
                self.refuse(source, path, error)
                if source.load == "full":
                    return ()
                continue
            finally:
                discard(staged)
            for member in members:
                self._contents[path / member.name] = member.content
                found.append(path / member.name)
        return tuple(found)

    def expect(self, source: Source, paths: Sequence[Path]) -> None:
        """Lets what seems new of a source be read ahead of its turn; whether it is new is judged in its turn."""
        mapping = mapping_hash(source, self._tables, self._settings)
        different: dict[str, Path] = {}
        try:
            for path in paths:
                different.setdefault(self._content(path), path)
        except SourceError:
            return  # told in its turn
        entries = journal(self._store)
        if source.load == "full":
            last, before = last_full_loads(entries, source.id)
            fresh = [] if last and last == load_name(mapping, different, before) else list(different.values())
        else:
            fresh = [
                path
                for content, path in different.items()
                if not any(_holds(e, source.id, content, mapping) for e in entries)
            ]
        for path in fresh:
            self.ahead.expect((source, path))

    def alone(self, source: Source, path: Path) -> None:
        """A file of an incremental source: its content is loaded once."""
        self._told(path)
        mapping = mapping_hash(source, self._tables, self._settings)
        try:
            content = self._content(path)
            if any(_holds(e, source.id, content, mapping) for e in journal(self._store)):
                self._unchanged(source, path)
                return
            staged, draft = self.ahead.take((source, path))
        except SourceError as error:
            self.refuse(source, path, error)
            return
        self._commit(staged, draft, "")

    def together(self, source: Source, paths: Sequence[Path]) -> None:
        """The files of a full source are one load: all of them, or none where one is refused, since a key that a
        load lacks was deleted. The load as a whole is compared with the source's last one, so that files that go back
        to an earlier state are new."""
        mapping = mapping_hash(source, self._tables, self._settings)
        different: dict[str, Path] = {}
        try:
            for path in paths:
                different.setdefault(self._content(path), path)
        except SourceError as error:
            self.refuse(source, source.path, error)
            return
        last, before = last_full_loads(journal(self._store), source.id)
        if last and last == load_name(mapping, different, before):
            for path in paths:
                self._unchanged(source, path)
            return
        parsed: list[tuple[Path, Draft]] = []
        refused = False
        for path in different.values():
            self._told(path)
            try:
                parsed.append(self.ahead.take((source, path)))
            except SourceError as error:
                self.refuse(source, path, error)
                refused = True
        name = load_name(mapping, (draft.content for _, draft in parsed), last)
        for staged, draft in parsed:
            if refused:
                discard(staged)
                reason = "Another file of this source was refused, and a full load needs them all."
                self._report(LoadedFile(source.id, draft.path, "refused", reason=reason))
            else:
                self._commit(staged, replace(draft, mapping=name), name)
        for path in paths:
            if path not in different.values():
                self._unchanged(source, path)

    def refuse(self, source: Source, path: Path | str, error: SourceError) -> None:
        """Reports a file, or a whole source, that was not loaded."""
        what = ": ".join(part for part in (_place(error.where, path), _sentence(error.what)) if part)
        reason = " ".join(part for part in (what, error.do) if part)
        self._report(LoadedFile(source.id, self._folder.shown(path), "refused", reason=reason))

    def parsed(self, file: tuple[Source, Path], stop: Event) -> tuple[Path, Draft]:
        """The staged folder and the draft of a file; one below the workspace is remembered by its path from there, so
        that the workspace can be moved."""
        source, path = file
        staged = stage(self._store)
        try:
            draft = parse(source, path, self._tables, staged, self._settings, self._folder.now(), stop=stop)
            return staged, replace(draft, path=self._folder.shown(path))
        except BaseException:
            discard(staged)
            raise

    def _commit(self, staged: Path, draft: Draft, part_of: str) -> None:
        batch = commit(self._store, staged, draft, self._folder.now(), part_of=part_of)
        landed = batch or draft
        self._report(
            LoadedFile(
                source=draft.source,
                path=draft.path,
                state="unchanged" if batch is None else "loaded",
                data_rows=landed.data_rows,
                loaded=landed.loaded,
                quarantined=landed.quarantined,
                collapsed=landed.collapsed,
                skipped=landed.skipped,
                warnings=landed.warnings,
                examples=draft.examples,
            )
        )

    def _content(self, path: Path) -> str:
        if path not in self._contents:
            self._contents[path] = _content(path)
        return self._contents[path]

    def _unchanged(self, source: Source, path: Path) -> None:
        self._report(LoadedFile(source.id, self._folder.shown(path), "unchanged"))

    def _report(self, file: LoadedFile) -> None:
        self.files.append(file)

    def _told(self, path: Path) -> None:
        self._tell(f"Loading {path.name}", len(self.files), self.total)


def _undone(parsed: tuple[Path, Draft]) -> None:
    discard(parsed[0])


def _place(where: str, path: Path | str) -> str:
    """The place inside a file that an error names: `line 5, row 4, column 'Created'`, or nothing."""
    if not where.startswith(str(path)):
        return ""
    inside = where.removeprefix(str(path))
    return f"line {inside[1:]}" if inside.startswith(":") else inside.removeprefix(", ")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SourceError(f"the file cannot be read ({why.lower()})", where=str(path), do="Check it.") from None


def _holds(entry: JournalEntry, source: str, content: str, mapping: str) -> bool:
    return isinstance(entry, Batch) and (entry.source, entry.content, entry.mapping) == (source, content, mapping)


def load_name(mapping: str, contents: Iterable[str], follows: str) -> str:
    """What a full load is called: how it was read, what the files held, the load it follows, and how many files it has.
    It stands in for the mapping of its batches, so that the journal takes a file that goes back to an earlier state."""
    different = sorted(set(contents))
    told = "\n".join([mapping, *different, follows])
    return f"{hashlib.sha256(told.encode()).hexdigest()[:32]}-{len(different)}"


def last_full_loads(entries: Sequence[JournalEntry], source: str) -> tuple[str, str]:
    """The names of a source's last full load that came through whole, and of the one before."""
    names = [e.part_of for e in whole(entries) if isinstance(e, Batch) and e.source == source and e.full]
    different = tuple(dict.fromkeys(reversed(names)))
    return (*different, "", "")[0], (*different, "", "")[1]


def whole(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """The entries without the batches of a load of several files that was cut short: taken alone they would say that
    the keys of the missing files were deleted."""
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        if isinstance(entry, Batch) and entry.part_of:
            counts[entry.source, entry.part_of] = counts.get((entry.source, entry.part_of), 0) + 1

    def is_whole(entry: JournalEntry) -> bool:
        if not isinstance(entry, Batch) or not entry.part_of:
            return True
        wanted = entry.part_of.rpartition("-")[2]
        return not wanted.isdecimal() or counts[entry.source, entry.part_of] >= int(wanted)

    return tuple(entry for entry in entries if is_whole(entry))


# --- building --------------------------------------------------------------------------------------------------------
def rebuild(
    folder: Folder, store: Store, catalogue: Catalogue, settings: Settings, *, full: bool = False
) -> Generation:
    """The generation of all that was landed: the current one where nothing changed; inside `writing`."""
    previous = generations.current(store)
    entries = whole(journal(store))
    wanted = build_version(folder, catalogue, settings)
    now = folder.now()
    last = max((e.number for e in entries), default=0)
    if not full and previous is not None and previous.build == wanted and previous.journal == last:
        return previous
    start = None if full else previous
    with open_workshop(store, render, start, entries, catalogue.tables, settings) as workshop:
        candidate = build(workshop, entries, catalogue.tables, settings, now, wanted)
    published = generations.publish(store, replace(candidate, parent=previous.id if previous else ""))
    generations.collect(store, now)
    return published


def row_changes(before: Generation | None, after: Generation) -> tuple[tuple[str, int, int], ...]:
    """The rows of each table before and after."""
    old = {t.table: t.rows for t in before.tables} if before is not None else {}
    return tuple((t.table, old.get(t.table, 0), t.rows) for t in after.tables)
