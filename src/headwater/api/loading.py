"""Files into the journal, the journal into tables: the verbs load, refresh and rollback."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from headwater.api.ahead import Ahead
from headwater.api.bringing import brought
from headwater.api.correcting import Correcting
from headwater.api.folder import Folder
from headwater.api.reports import Loaded, LoadedFile, Refreshed
from headwater.api.standing import deliveries, differing, held_back, like, whole
from headwater.api.versions import build_version
from headwater.build.run import build
from headwater.connectors.drift import QUARANTINE, differences, is_held, known_values
from headwater.connectors.files import ARCHIVE, find
from headwater.connectors.parse import listed, mapping_hash, parse, renamed
from headwater.connectors.sources import chosen, load_sources
from headwater.errors import QueryError, SourceError, in_words
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.landing import Batch, Draft, JournalEntry
from headwater.model.profile import Profile
from headwater.model.settings import Settings
from headwater.model.source import ColumnMapping, Source
from headwater.model.table import Table
from headwater.store import generations
from headwater.store.disk import discard, sha256_of
from headwater.store.efforts import Effort, gauged, note_effort
from headwater.store.landing import accept, acknowledge, commit, is_loaded, journal, profile_of, stage
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from headwater.store.workshop import open_workshop

Progress = Callable[[str, int, int], None]
"""Told what is done now, how much of it is done, and how much there is in all."""


def quiet(what: str, done: int, of: int) -> None:
    """Tells nobody."""


# --- verbs -----------------------------------------------------------------------------------------------------------
def load(
    folder: Folder,
    names: Sequence[str] = (),
    tell: Progress = quiet,
    *,
    accept: bool = False,
    rejected: str | Path = "",
    corrected: str | Path = "",
) -> Loaded:
    """Lands what is new in the named sources (default: in all).

    `accept`: what differs in them is meant, so what was held back counts. `rejected`: the rows that are set aside are
    written into that new file; `corrected`: the mended rows of that file are landed; both want one named source.
    Raises QueryError when a source that is needed is not named, SourceError when the one file cannot be written.
    """
    if (accept and not names) or ((rejected or corrected) and len(names) != 1):
        what = (
            "'accept' wants the sources named" if accept and not names else "rows are mended for one source at a time"
        )
        raise QueryError(what, do="Name the source, such as 'headwater load deals --accept'.")
    company = folder.company()
    catalogue = folder.catalogue(company)
    sources = chosen(load_sources(folder.path, catalogue.tables), names)
    store = open_store(folder.store, create=True)
    with writing(store, "load"):
        done = land(folder, store, sources, catalogue.tables, company.settings, tell)
        for source in sources:
            correcting = Correcting(folder, store, source, catalogue.tables, company.settings)
            if accept:
                done = _accept(folder, store, correcting, done)
            if corrected:
                done = replace(done, files=(*done.files, _corrected(correcting, Path(corrected))))
            if rejected:
                done = replace(done, rejected=correcting.rejected(Path(rejected)))
    return done


def _accept(folder: Folder, store: Store, correcting: Correcting, done: Loaded) -> Loaded:
    """What was held back of a source counts from now on, and what differed is known to be meant."""
    source = correcting.source.id
    files = [f for f in done.files if f.source != source or f.state != "held"]
    waiting = [b for b in held_back(journal(store)) if b.source == source]
    for held in waiting:
        batch = accept(store, held, folder.now())
        files.append(_loaded_file(batch, folder.shown(batch.path)))
    files += correcting.accepted()
    met = [b.number for b in differing(journal(store)) if b.source == source]
    if met:
        acknowledge(store, source, met, folder.now())
    return replace(done, files=tuple(files), accepted=done.accepted + len(waiting) + len(met))


def _corrected(correcting: Correcting, path: Path) -> LoadedFile:
    try:
        return correcting.corrected(path)
    except SourceError as error:
        shown = correcting.folder.shown(path)
        reason = in_words(error.what, error.do)
        return LoadedFile(correcting.source.id, shown, "refused", reason=reason)


def refresh(folder: Folder, names: Sequence[str] = (), tell: Progress = quiet, *, full: bool = False) -> Refreshed:
    """Lands what is new in the named sources (default: in all), builds the tables, tests and publishes them. `full`
    builds them all anew."""
    company = folder.company()
    catalogue = folder.catalogue(company)
    sources = chosen(load_sources(folder.path, catalogue.tables), names)
    store = open_store(folder.store, create=True)
    began = time.monotonic()
    with writing(store, "refresh"):
        loaded = land(folder, store, sources, catalogue.tables, company.settings, tell)
        tell("Building tables", 0, 0)
        before = generations.current(store)
        after = rebuild(folder, store, catalogue, company.settings, full=full, began=began)
        there = brought(store, company.settings, tell)
    return Refreshed(loaded, after, before is None or before.id != after.id, row_changes(before, after), there)


def rollback(folder: Folder, to: str = "") -> Generation:
    """Makes a kept generation current again (default: the one before the current one)."""
    store = open_store(folder.store)
    with writing(store, "rollback"):
        generation = generations.rollback(store, to)
        brought(store, folder.company().settings, quiet)
        return generation


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
            landing.files += Correcting(folder, store, source, tables, settings).again()
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
        self._known: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {}
        self._profiles: dict[int, Profile | None] = {}

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
            fresh = [] if self._known_full(source, mapping, different) else list(different.values())
        else:
            fresh = [path for content, path in different.items() if not is_loaded(entries, source.id, content, mapping)]
        if source.drift == QUARANTINE and fresh:
            before = [p for b in like(deliveries(entries), source.id, "") if (p := self._profile(b)) is not None]
            self._known[source.id] = known_values(before)
        for path in fresh:
            self.ahead.expect((source, path))

    def alone(self, source: Source, path: Path) -> None:
        """A file of an incremental source: its content is loaded once."""
        self._told(path)
        mapping = mapping_hash(source, self._tables, self._settings)
        try:
            content = self._content(path)
            if is_loaded(journal(self._store), source.id, content, mapping):
                self._unchanged(source, path, content)
                return
            staged, draft = self.ahead.take((source, path))
        except SourceError as error:
            self.refuse(source, path, error)
            return
        draft = self._compared(source, draft)
        self._commit(staged, draft, "", is_held(draft.drift, source.drift))

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
        if self._known_full(source, mapping, different):
            for path in paths:
                self._unchanged(source, path, self._content(path))
            return
        last, _ = last_full_loads(journal(self._store), source.id)
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
        parsed = [(staged, self._compared(source, draft)) for staged, draft in parsed]
        held = any(is_held(draft.drift, source.drift) for _, draft in parsed)
        for staged, draft in parsed:
            if refused:
                discard(staged)
                reason = "Another file of this source was refused, and a full load needs them all."
                self._report(LoadedFile(source.id, draft.path, "refused", reason=reason))
            else:
                self._commit(staged, replace(draft, mapping=name), name, held)
        for path in paths:
            if path not in different.values():
                self._unchanged(source, path)

    def refuse(self, source: Source, path: Path | str, error: SourceError) -> None:
        """Reports a file, or a whole source, that was not loaded."""
        what = ": ".join(part for part in (_place(error.where, path), in_words(error.what)) if part)
        do = " ".join(self._renamed(source, path)) if error.code == "missing_column" and isinstance(path, Path) else ""
        reason = " ".join(part for part in (what, do or error.do) if part)
        self._report(LoadedFile(source.id, self._folder.shown(path), "refused", reason=reason))

    def _renamed(self, source: Source, path: Path) -> Iterator[str]:
        """A sentence for each column that a file lacks and seems to have under another name."""
        before = like(deliveries(journal(self._store)), source.id, self._folder.shown(path))
        known = self._profile(before[-1]) if before else None
        if known is None:
            return
        staged = stage(self._store)
        try:
            for old, new in renamed(source, path, known, staged):
                yield f"{new!r} holds what {old!r} held before: if it is the same, name it in the mapping."
        finally:
            discard(staged)

    def parsed(self, file: tuple[Source, Path], stop: Event) -> tuple[Path, Draft]:
        """The staged folder and the draft of a file; one below the workspace is remembered by its path from there, so
        that the workspace can be moved."""
        source, path = file
        staged = stage(self._store)
        try:
            asked = _with_known(source, self._known.get(source.id, {}))
            draft = parse(asked, path, self._tables, staged, self._settings, self._folder.now(), stop=stop)
            mapping = mapping_hash(source, self._tables, self._settings)
            return staged, replace(draft, path=self._folder.shown(path), mapping=mapping)
        except BaseException:
            discard(staged)
            raise

    def _commit(self, staged: Path, draft: Draft, part_of: str, held: bool) -> None:
        batch = commit(self._store, staged, draft, self._folder.now(), part_of=part_of, held=held)
        if batch is None:
            self._report(LoadedFile(draft.source, draft.path, "unchanged"))
        elif batch.held:
            self._report(_held_file(batch, draft.path))
        else:
            self._report(replace(_loaded_file(batch, draft.path), examples=draft.examples))

    def _compared(self, source: Source, draft: Draft) -> Draft:
        """The draft with how it differs from what was loaded before it."""
        if draft.profile is None:
            return draft
        before = like(deliveries(journal(self._store)), source.id, draft.path)
        profiles = [p for b in before if (p := self._profile(b)) is not None]
        spans = [(t.first_day, t.last_day) for t in draft.tables if t.first_day and t.last_day]
        days = (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None
        again = draft.full or any(b.path == draft.path for b in before)
        return replace(draft, drift=differences(draft.profile, profiles, days, full=again))

    def _profile(self, batch: Batch) -> Profile | None:
        if batch.number not in self._profiles:
            self._profiles[batch.number] = profile_of(self._store, batch)
        return self._profiles[batch.number]

    def _known_full(self, source: Source, mapping: str, different: Mapping[str, Path]) -> bool:
        """Whether these files are the source's last load, or one that is held back."""
        entries = journal(self._store)
        last, before = last_full_loads(entries, source.id)
        waiting = {b.part_of for b in held_back(entries) if b.source == source.id}
        return (bool(last) and load_name(mapping, different, before) == last) or (
            load_name(mapping, different, last) in waiting
        )

    def _content(self, path: Path) -> str:
        if path not in self._contents:
            self._contents[path] = _content(path)
        return self._contents[path]

    def _unchanged(self, source: Source, path: Path, content: str = "") -> None:
        shown = self._folder.shown(path)
        held = [b for b in held_back(journal(self._store)) if b.source == source.id and b.content == content]
        self._report(_held_file(held[-1], shown) if held else LoadedFile(source.id, shown, "unchanged"))

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


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SourceError(f"the file cannot be read ({why.lower()})", where=str(path), do="Check it.") from None


def _loaded_file(batch: Batch, shown: str) -> LoadedFile:
    return LoadedFile(
        source=batch.source,
        path=shown,
        state="loaded",
        data_rows=batch.data_rows,
        loaded=batch.loaded,
        quarantined=batch.quarantined,
        collapsed=batch.collapsed,
        skipped=batch.skipped,
        warnings=batch.warnings,
        drift=batch.drift,
    )


def _held_file(batch: Batch, shown: str) -> LoadedFile:
    """A file that is held back, with why and what can be done."""
    why = [d for d in batch.drift if d.holds] or list(batch.drift)
    what = "; ".join(d.what for d in why) or "another file of this load is held back"
    do = f"If that is meant: 'headwater load {batch.source} --accept'; else mend the file or its mapping."
    return replace(_loaded_file(batch, shown), state="held", reason=in_words(what, do))


def _with_known(source: Source, known: Mapping[tuple[str, str], tuple[str, ...]]) -> Source:
    """The source, with texts that no earlier file has set aside."""

    def told(table: str, m: ColumnMapping) -> ColumnMapping:
        texts = known.get((table, m.target), ())
        if not texts or not m.header:
            return m
        listed = {text for text, _ in m.values}
        same = tuple((text, text) for text in texts if text not in listed)
        return replace(m, values=(*m.values, *same), unlisted="quarantine")

    if not known:
        return source
    return replace(
        source,
        tables=tuple(replace(t, columns=tuple(told(t.table, m) for m in t.columns)) for t in source.tables),
    )


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


# --- building --------------------------------------------------------------------------------------------------------
def rebuild(
    folder: Folder,
    store: Store,
    catalogue: Catalogue,
    settings: Settings,
    *,
    full: bool = False,
    began: float | None = None,
) -> Generation:
    """The generation of all that was landed: the current one where nothing changed; inside `writing`. What a refresh
    took is kept, which `began` at this reading of the monotonic clock."""
    previous = generations.current(store)
    entries = whole(journal(store))
    wanted = build_version(folder, catalogue, settings)
    now = folder.now()
    last = max((e.number for e in entries), default=0)
    if not full and previous is not None and previous.build == wanted and previous.journal == last:
        return previous
    start = None if full else previous
    with (
        gauged(store.scratch) as gauge,
        open_workshop(store, render, start, entries, catalogue.tables, settings) as workshop,
    ):
        candidate = build(workshop, entries, catalogue.tables, settings, now, wanted)
    if began is not None:
        took = round(time.monotonic() - began)
        note_effort(store, Effort(now, took, gauge.peak_mb, gauge.spilled_mb, settings.memory_mb))
    published = generations.publish(store, replace(candidate, parent=previous.id if previous else ""))
    generations.collect(store, now)
    return published


def row_changes(before: Generation | None, after: Generation) -> tuple[tuple[str, int, int], ...]:
    """The rows of each table before and after."""
    old = {t.table: t.rows for t in before.tables} if before is not None else {}
    return tuple((t.table, old.get(t.table, 0), t.rows) for t in after.tables)
