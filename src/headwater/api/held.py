"""A workspace that a server keeps open: definitions, readers and answers stay while what they come from stays."""

from __future__ import annotations

import hashlib
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from threading import Lock, Semaphore
from typing import TypeVar

from headwater.api.answer import Answer, Listing
from headwater.api.answers import Answers
from headwater.api.boards import board, stamp
from headwater.api.checking import Checked, check, check_sources
from headwater.api.comparing import Comparison, compare, sides_of
from headwater.api.condition import Condition, condition, set_aside
from headwater.api.examining import doctor
from headwater.api.folder import SHIPPED, open_folder
from headwater.api.kpis import KpiPage, kpi_lint, kpi_list, kpi_show
from headwater.api.measuring import Bench, Ground, measure
from headwater.api.recording import Recorded, records
from headwater.api.settings import FILE, Company
from headwater.api.tracing import Traced, trace_of
from headwater.api.versions import build_version, keep_answered
from headwater.api.workspace import Workspace
from headwater.connectors.sources import load_sources, sources_stamp
from headwater.errors import DefinitionError, StoppedError
from headwater.metrics.catalogue import own_stamp, program_stamp
from headwater.metrics.formula import find
from headwater.model.board import Board
from headwater.model.catalogue import Catalogue
from headwater.model.period import Grain, Period
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.store.generations import Reader, pinned, resolved
from headwater.store.journal import entry_folders
from headwater.store.lock import writer
from headwater.store.place import Store, open_store

V = TypeVar("V")

SECONDS = 30.0
"""How long the statements of one moment may run."""

LONG_SECONDS = 600.0
"""How long a check may run, which reads all tables once after each load."""

STATEMENTS = 2
"""How many statements run at once for each thread of the engine: more would share the same cores, and its memory."""

CACHE_MB = 64
"""What the kept answers may weigh together."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every answer of a moment is made from: the data version ('' before the first build), the version of the
    definition files, and the day it is."""

    data: str
    definitions: str
    day: date

    def __str__(self) -> str:
        return f"{self.data}-{self.definitions}-{self.day}"


@dataclass(frozen=True, slots=True)
class _Definitions:
    """What the definition files said when they had this stamp."""

    stamp: str
    version: str
    company: Company
    catalogue: Catalogue
    built: str


class Held:
    """A workspace held open by a server, for any number of threads.

    It has the read verbs of `Workspace`, each of which answers from one moment; `moment()` gives several questions the
    same definitions, the same generation and the same day, so that a page never mixes two states. A refresh by another
    process is noticed at the next moment; a generation that is no longer current is let go when the last moment that
    reads it ends. Statements run for at most `seconds` in a moment.

    `now` and `environment` as for `Workspace`. Raises WorkspaceError when the folder is none.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        now: datetime | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
        cache_mb: float = CACHE_MB,
    ) -> None:
        self._folder = open_folder(path, now, environment)
        self._seconds = seconds
        self._program = program_stamp(SHIPPED)
        self._answers = Answers(int(cache_mb * 1_000_000))
        self._readers = _Readers()
        weakref.finalize(self, self._readers.close)  # at the latest when the program ends
        self._reading = Lock()
        self._definitions: _Definitions | None = None
        self._wrong: tuple[str, DefinitionError] | None = None
        self._sources_of: tuple[str, Mapping[str, Source]] | None = None
        self._of = ("", "")

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.path

    @property
    def workspace(self) -> Workspace:
        """The same folder for the verbs that write."""
        return Workspace(self._folder.path, now=self._folder.moment, environment=self._folder.environment)

    @property
    def stamp(self) -> Stamp:
        """What an answer would be made from now. Raises DefinitionError when the files are wrong."""
        said = self._said()
        return Stamp(self._current(), said.version, self._today(said))

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """The workspace as it is now, for the block and for one thread: all questions share definitions, generation
        and day. Raises DefinitionError when the files are wrong."""
        said = self._said()
        with ExitStack() as open_:
            reading = _Reading(self._readers, open_, time.monotonic() + self._seconds)
            store = self._store()
            data = reading.current(store, said.company.settings)
            stamp = Stamp(data, said.version, self._today(said))
            self._forget(stamp)
            fixed = replace(self._folder, moment=self._folder.now())
            stands = Ground(fixed, said.company, said.catalogue, stamp.day, pin=reading.pin, built=said.built)
            yield Moment(stamp, stands, store, self._answers, reading, lambda: self._sources(said))

    def notice(self) -> None:
        """Lets go of a generation that is no longer current, for a server that nobody asks just now: an erasure waits
        for those who read what it rewrote."""
        store = self._store()
        if store is not None and self._readers.notice(resolved(store)):
            self._answers.keep_only(lambda _: False)

    def close(self) -> None:
        """Lets go of everything; running questions end with StoppedError."""
        self._readers.close()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Held({str(self.path)!r})"

    # --- the read verbs of a workspace -------------------------------------------------------------------------------
    def check(self) -> Checked:
        """As `Workspace.check`."""
        with self.moment() as m:
            return m.check()

    def doctor(self) -> Listing:
        """As `Workspace.doctor`. Every stored byte is read, so those who ask at the same time get one answer."""
        return self._answers.get("doctor", lambda: doctor(self._folder), lasting=lambda _: False)

    def kpi_list(self, find: str = "") -> Listing:
        """As `Workspace.kpi_list`."""
        return kpi_list(self._said().catalogue, find)

    def kpi_show(self, kpi: str) -> KpiPage:
        """As `Workspace.kpi_show`."""
        return kpi_show(self._said().catalogue, kpi)

    def kpi_lint(self) -> Listing:
        """As `Workspace.kpi_lint`."""
        return kpi_lint(self._said().catalogue)

    def measure(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Answer:
        """As `Workspace.measure`."""
        with self.moment() as m:
            return m.measure(
                *kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation
            )

    def trace(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Traced:
        """As `Workspace.trace`."""
        with self.moment() as m:
            return m.trace(*kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation)

    def records(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
        limit: int = 100,
    ) -> Recorded:
        """As `Workspace.records`; personal values are always masked."""
        with self.moment() as m:
            return m.records(
                *kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation, limit=limit
            )

    def compare(
        self,
        *kpis: str,
        period: str | Period | Sequence[str | Period] | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str | Sequence[str] = "",
        as_of: str | date | Sequence[str | date] | None = None,
        generation: str | Sequence[str] = "",
    ) -> Comparison:
        """As `Workspace.compare`."""
        with self.moment() as m:
            return m.compare(
                *kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation
            )

    # --- what the files say ------------------------------------------------------------------------------------------
    def _said(self) -> _Definitions:
        """What the definition files say now, read anew only when a name, time or size of them has changed."""
        stamp = self._files()
        said = self._definitions
        if said is not None and said.stamp == stamp:
            return said
        with self._reading:
            said = self._definitions
            while said is None or said.stamp != stamp:  # again, when a file was written while it was read
                said = self._read(stamp)
                stamp = self._files()
            self._definitions = said
            return said

    def _read(self, stamp: str) -> _Definitions:
        if self._wrong is not None and self._wrong[0] == stamp:
            known = self._wrong[1]
            raise DefinitionError(known.what, where=known.where, do=known.do, faults=known.faults)
        try:
            company = self._folder.company()
            catalogue = self._folder.catalogue(company)
        except DefinitionError as error:
            self._wrong = (stamp, error)
            raise
        version = hashlib.sha256(f"{self._program}\n{stamp}".encode()).hexdigest()[:16]
        built = build_version(self._folder, catalogue, company.settings)
        return _Definitions(stamp, version, company, catalogue, built)

    def _sources(self, said: _Definitions) -> Mapping[str, Source]:
        """The sources, read anew only when a file of theirs or a definition has changed."""
        stamp = f"{said.version}\n{sources_stamp(self._folder.path)}"
        known = self._sources_of
        if known is None or known[0] != stamp:
            known = self._sources_of = (stamp, load_sources(self._folder.path, said.catalogue.tables))
        return known[1]

    def _files(self) -> str:
        path = self._folder.path
        try:
            text = (path / FILE).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            text = ""  # the reader of the file says what is wrong with it
        return f"{own_stamp(path)}\n{text}"

    def _today(self, said: _Definitions) -> date:
        return self._folder.today(said.company.settings.time_zone)

    # --- the data ----------------------------------------------------------------------------------------------------
    def _store(self) -> Store | None:
        return open_store(self._folder.store) if self._folder.store.exists() else None

    def _current(self) -> str:
        store = self._store()
        return "" if store is None else resolved(store)

    def _forget(self, stamp: Stamp) -> None:
        """Lets go of answers of another data or definition version, when one has changed."""
        of = (stamp.data, stamp.definitions)
        if of != self._of:
            self._of = of
            self._answers.keep_only(lambda key: isinstance(key, _Key) and of == (key.data[-1], key.definitions))


class Moment:
    """A workspace as it was when this was opened. For one thread."""

    def __init__(
        self,
        stamp: Stamp,
        stands: Ground,
        store: Store | None,
        answers: Answers,
        reading: _Reading,
        sources: Callable[[], Mapping[str, Source]],
    ) -> None:
        self.stamp = stamp
        self._stands, self._store, self._sources = stands, store, sources
        self._answers, self._reading = answers, reading

    @property
    def catalogue(self) -> Catalogue:
        """Every table, measure and KPI."""
        return self._stands.catalogue

    @property
    def settings(self) -> Settings:
        """What `headwater.yml` says of the company."""
        return self._stands.company.settings

    def condition(self) -> Condition:
        """What state the data is in: sources, freshness, loads, rows set aside. What was set aside is read when
        something was loaded, the rest is looked at anew."""
        folder = self._stands.folder
        aside = self._kept(("aside", self._landed()), (self.stamp.data,), (), lambda: set_aside(folder, self._store))
        return condition(self._stands, self._sources(), aside)

    def board(self, name: str) -> Board:
        """The board of that id. Raises DefinitionError with every fault of the board files."""
        return board(self._stands.folder, self._stands.catalogue, name)

    @property
    def boards(self) -> str:
        """The stamp of the board files, which the stamp of a moment does not hold, since no answer rests on them."""
        return stamp(self._stands.folder)

    def version(self, *generations: str) -> str:
        """A text that changes whenever an answer from these generations (default: the current one) may have changed.
        Raises NotKeptError for what cannot be the id of a generation."""
        data = [self._data(id_) for id_ in generations or ("",)]
        return " ".join([*data, self.stamp.definitions, self.stamp.day.isoformat()])

    def interrupt(self) -> None:
        """Stops the statement that runs now, from another thread; its question ends with StoppedError."""
        self._reading.interrupt()

    def check(self) -> Checked:
        """As `Workspace.check`. Whether sources are found is looked at anew, the rest when something was loaded; while
        a refresh loads file after file, one check of the data version stands until it is done."""
        sources = self._sources()
        found = check_sources(self._stands.folder, sources)
        written = self._store is not None and bool(writer(self._store))
        every = tuple((s.id, s.every) for s in sources.values())
        what = ("check", self.stamp.day, () if written else self._landed(), tuple(found), written, every)
        return self._kept(
            what,
            (self.stamp.data,),
            (),
            lambda: check(replace(self._stands, pin=self._reading.pin_for_long), sources, found),
            lambda checked: written or not any(r.again for r in checked.results),
        )

    def doctor(self) -> Listing:
        """As `Workspace.doctor`; those who ask at the same time get one answer."""
        return self._answers.get("doctor", lambda: doctor(self._stands.folder), lasting=lambda _: False)

    def kpi_list(self, find: str = "") -> Listing:
        """As `Workspace.kpi_list`."""
        return kpi_list(self._stands.catalogue, find)

    def kpi_show(self, kpi: str) -> KpiPage:
        """As `Workspace.kpi_show`."""
        return kpi_show(self._stands.catalogue, kpi)

    def kpi_lint(self) -> Listing:
        """As `Workspace.kpi_lint`."""
        return kpi_lint(self._stands.catalogue)

    def measure(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Answer:
        """As `Workspace.measure`."""
        asked = self._stands.question(kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of)
        return self._answered("measure", asked, generation, lambda at: measure(at, asked))

    def trace(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Traced:
        """As `Workspace.trace`."""
        asked = self._stands.question(kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of)
        return self._answered("trace", asked, generation, lambda at: trace_of(at, asked))

    def records(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
        limit: int = 100,
    ) -> Recorded:
        """As `Workspace.records`; personal values are always masked."""
        asked = self._stands.question(kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of)
        return self._answered(
            ("records", limit), asked, generation, lambda at: records(at, asked, limit=limit, unmask=False)
        )

    def compare(
        self,
        *kpis: str,
        period: str | Period | Sequence[str | Period] | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str | Sequence[str] = "",
        as_of: str | date | Sequence[str | date] | None = None,
        generation: str | Sequence[str] = "",
    ) -> Comparison:
        """As `Workspace.compare`."""
        sides = sides_of(
            self._stands, kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation
        )
        data = tuple(self._data(id_) for id_ in sides.generations)
        return self._kept(
            ("compare", sides), data, [k for q in sides.questions for k in q.kpis], lambda: compare(self._stands, sides)
        )

    # --- answers -----------------------------------------------------------------------------------------------------
    def _answered(self, verb: Hashable, asked: Question, generation: str, answer: Callable[[Bench], V]) -> V:
        def make() -> V:
            with self._stands.bench(generation) as at:
                return answer(at)

        return self._kept((verb, asked, bool(generation)), (self._data(generation),), asked.kpis, make)

    def _kept(
        self,
        what: Hashable,
        data: tuple[str, ...],
        kpis: Sequence[str],
        make: Callable[[], V],
        lasting: Callable[[V], bool] = lambda _: True,
    ) -> V:
        """The answer, from those kept where nothing that it was made from has changed."""
        if self._store is None or not all(data):  # nothing was built when this moment began
            return make()
        value = self._answers.get(_Key(self.stamp.definitions, data, what), make, self._reading.until, lasting)
        keep_answered(self._store, self.catalogue, [find(self.catalogue, k)[0] for k in kpis])
        return value

    def _landed(self) -> tuple[str, ...]:
        return () if self._store is None else tuple(p.name for p in entry_folders(self._store))

    def _data(self, generation: str) -> str:
        return resolved(self._store, generation) if generation and self._store is not None else self.stamp.data


@dataclass(frozen=True, slots=True)
class _Key:
    """All that an answer depends on: the definitions, the data versions asked, and the question in its normal form,
    which holds the day. A plan is a function of these alone, so they stand for its hash and need no planning."""

    definitions: str
    data: tuple[str, ...]
    what: Hashable


# --- readers that several threads share ------------------------------------------------------------------------------
@dataclass(eq=False, slots=True)
class _Open:
    """A generation that is open, and how many moments read it."""

    key: tuple[str, int, int]
    reader: Reader
    turns: Semaphore
    closing: ExitStack
    users: list[_Reading] = field(default_factory=list)


class _Readers:
    """The generations that are open: the current one stays, the others go with the last moment that reads them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opening = Lock()
        self._open: dict[tuple[str, int, int], _Open] = {}
        self._current: tuple[str, int, int] | None = None
        self._closed = False

    def take(self, reading: _Reading, store: Store, generation: str, settings: Settings) -> _Open:
        """A generation for a moment, until `give`. Raises WorkspaceError as `pinned` does."""
        key = _key(resolved(store, generation), settings)
        if (found := self._taken(reading, key)) is None:
            with self._opening:
                if (found := self._taken(reading, key)) is None:
                    found = self._opened(reading, store, generation, settings)
        if not generation and self._current != found.key:
            with self._lock:
                self._current = found.key
            self._let_go()
        return found

    def give(self, reading: _Reading, taken: _Open) -> None:
        """Ends `take`."""
        with self._lock:
            taken.users.remove(reading)
        self._let_go()

    def notice(self, generation: str) -> bool:
        """Holds the current generation only if it is this one; whether it was another."""
        with self._lock:
            other = self._current is not None and self._current[0] != generation
            if other:
                self._current = None
        self._let_go()
        return other

    def close(self) -> None:
        """Stops what runs and lets everything go that nobody reads; the rest goes when its moment ends."""
        with self._lock:
            self._closed, self._current = True, None
            running = [reading for one in self._open.values() for reading in one.users]
        for reading in running:
            reading.interrupt()
        self._let_go()

    def _taken(self, reading: _Reading, key: tuple[str, int, int]) -> _Open | None:
        with self._lock:
            if self._closed:
                raise StoppedError
            if (found := self._open.get(key)) is not None:
                found.users.append(reading)
            return found

    def _opened(self, reading: _Reading, store: Store, generation: str, settings: Settings) -> _Open:
        with ExitStack() as stack:
            reader = stack.enter_context(pinned(store, generation, settings))
            key = _key(reader.generation.id, settings)
            with self._lock:
                if key not in self._open:  # else it became current again just now
                    turns = Semaphore(STATEMENTS * settings.threads)
                    self._open[key] = _Open(key, reader, turns, stack.pop_all())
                self._open[key].users.append(reading)
                return self._open[key]

    def _let_go(self) -> None:
        with self._lock:
            kept = None if self._closed else self._current
            gone = [one for one in self._open.values() if not one.users and one.key != kept]
            for one in gone:
                del self._open[one.key]
        for one in gone:
            one.closing.close()


def _key(generation: str, settings: Settings) -> tuple[str, int, int]:
    return generation, settings.memory_mb, settings.threads


class _Reading:
    """The readers of one moment: one for each generation it asks, until the monotonic clock's `until`."""

    def __init__(self, readers: _Readers, open_: ExitStack, until: float) -> None:
        self._readers, self._open, self.until = readers, open_, until
        self._pinned: dict[str, _Open] = {}
        self._known: dict[str, Reader] = {}
        self._long: list[Reader] = []

    def current(self, store: Store | None, settings: Settings) -> str:
        """Takes the current generation for the moment; its id, '' before the first build."""
        if store is None or not resolved(store):
            return ""
        return self._reader(store, "", settings).generation.id

    @contextmanager
    def pin(self, store: Store, generation: str, settings: Settings) -> Iterator[Reader]:
        """The moment's reader of a generation; it stays open until the moment ends."""
        yield self._reader(store, generation, settings)

    @contextmanager
    def pin_for_long(self, store: Store, generation: str, settings: Settings) -> Iterator[Reader]:
        """A reader for what has to read everything: it has LONG_SECONDS, and is as much part of the moment."""
        taken = self._taken(store, generation, settings)
        with taken.reader.another(time.monotonic() + LONG_SECONDS, taken.turns) as reader:
            self._long.append(reader)
            try:
                yield reader
            finally:
                self._long.remove(reader)

    def interrupt(self) -> None:
        """Stops what runs now."""
        for reader in (*self._known.values(), *self._long):
            reader.interrupt()

    def _reader(self, store: Store, generation: str, settings: Settings) -> Reader:
        if generation not in self._known:
            taken = self._taken(store, generation, settings)
            self._known[generation] = self._open.enter_context(taken.reader.another(self.until, taken.turns))
        return self._known[generation]

    def _taken(self, store: Store, generation: str, settings: Settings) -> _Open:
        if generation not in self._pinned:
            self._pinned[generation] = taken = self._readers.take(self, store, generation, settings)
            self._open.callback(self._readers.give, self, taken)
        return self._pinned[generation]
