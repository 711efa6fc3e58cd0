"""A workspace that a server keeps open: definitions, readers and answers stay while what they come from stays."""

from __future__ import annotations

import hashlib
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, partial, wraps
from pathlib import Path
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar, Unpack

from headwater.api.answer import Answer, Listing
from headwater.api.answering import measure
from headwater.api.answers import Answers
from headwater.api.ask import Given
from headwater.api.boards import BOARDS, board, boards
from headwater.api.checked import Result
from headwater.api.checking import LONG, Checked, check
from headwater.api.comparing import Comparison, Pairs, compare, sides_of
from headwater.api.componental import Components
from headwater.api.components import COMPONENTS, components_of
from headwater.api.components import asked as components_asked
from headwater.api.condition import Condition, Tally, condition, files_of, set_aside, tallies
from headwater.api.coverage import STARTER, Coverage, coverage, gaps
from headwater.api.examining import doctor
from headwater.api.folder import SHIPPED, Folder, open_folder
from headwater.api.funnel import asked as funnel_asked
from headwater.api.funnel import funnel_of
from headwater.api.funnelled import Funnelled
from headwater.api.funnels import FUNNELS
from headwater.api.kpis import KpiPage, kpi_lint, kpi_list, kpi_show
from headwater.api.measuring import Bench, Ground
from headwater.api.plans import Plans
from headwater.api.qualify import asked as qualify_asked
from headwater.api.qualify import qualify_of
from headwater.api.qualify_answer import Qualification
from headwater.api.qualify_files import CRITERIA
from headwater.api.readers import LONG_SECONDS, Readers, Reading
from headwater.api.recording import Recorded, records
from headwater.api.settings import FILE, Company
from headwater.api.standing import corrections
from headwater.api.tracing import Traced, trace_of
from headwater.api.versions import build_version, keep_answered
from headwater.api.workspace import Workspace
from headwater.connectors.sources import load_sources, sources_stamp
from headwater.errors import DefinitionError, HeadwaterError, StoppedError
from headwater.metrics.board_lint import lint_board
from headwater.metrics.boards import Boards
from headwater.metrics.catalogue import own_stamp, program_stamp
from headwater.metrics.formula import find
from headwater.model.board import Advice, Board
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.landing import Batch, JournalEntry
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.store.generations import resolved
from headwater.store.journal import entry_folders
from headwater.store.landing import journal, quarantine_rows
from headwater.store.place import Store, open_store

P = ParamSpec("P")
V = TypeVar("V")

SECONDS = 30.0
"""How long the statements of one moment may run."""

CACHE_MB = 64
"""What the kept answers may weigh together."""

HELD_SHARE = 32
"""Of the memory one part in so many, in bytes of files, is taken up with tables: in memory they are two to four times
as large."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every answer of a moment is made from: the data version ('' before the first build), the version of the
    definition files, and the day it is."""

    data: str
    definitions: str
    day: date

    def __str__(self) -> str:
        return f"{self.data}-{self.definitions}-{self.day}"


class Moment:
    """A workspace as it was when this was opened. For one thread."""

    def __init__(
        self,
        held: Held,
        stamp: Stamp,
        stands: Ground,
        store: Store | None,
        generation: Generation | None,
        reading: Reading,
        sources: Callable[[], Mapping[str, Source]],
    ) -> None:
        self.stamp = stamp
        self._held, self._answers = held, held.answers
        self._stands, self._store, self._generation, self._reading = stands, store, generation, reading
        self._sources = sources

    @property
    def catalogue(self) -> Catalogue:
        """Every table, measure and KPI."""
        return self._stands.catalogue

    @property
    def folder(self) -> Folder:
        """The folder, at this moment."""
        return self._stands.folder

    @property
    def settings(self) -> Settings:
        """What `headwater.yml` says of the company."""
        return self._stands.company.settings

    def condition(self) -> Condition:
        """What state the data is in: sources, freshness, loads, rows set aside. What it rests on, the files of the
        sources too, is looked at in each moment; where that is the same, so is what is told of it."""

        def make() -> Condition:
            entries = () if self._store is None else journal(self._store)
            aside = set_aside(self._stands.folder, entries, self._tally_of)
            return condition(self._stands, self._sources(), self._generation, entries, aside, self._there)

        return self._held.newest("condition", (self.stamp, self.loads, self._there), make)

    @cached_property
    def _there(self) -> Mapping[str, int | str]:
        """How many files of each source there are, or why none."""
        return files_of(self._stands.folder, self._sources())

    def board(self, name: str) -> Board:
        """The board of that id. Raises DefinitionError with every fault of the board files."""
        return board(self._stands.folder, self._stands.catalogue, name)

    def every_board(self) -> Boards:
        """Every board, and what is wrong with the files that are none."""
        return boards(self._stands.folder, self._stands.catalogue)

    def gaps(self, *kpis: str) -> Mapping[str, str]:
        """What each of these KPIs waits for that cannot be computed from the data as it is."""
        data = "" if self._generation is None else self._generation.id
        key = _Key(self.stamp.definitions, (data,), ("gaps", kpis, self.loads))
        return self._answers.get(key, lambda: gaps(self.catalogue, self._generation, self._sources(), kpis))

    def board_advice(self, board: Board) -> tuple[Advice, ...]:
        """What a second look at a board finds, with the data as it is."""
        return lint_board(board, self.catalogue, self.gaps(*board.kpis))

    @property
    def boards(self) -> str:
        """The stamp of the board files, which the stamp of a moment does not hold, since no answer rests on them."""
        return BOARDS.stamp(self._stands.folder)

    @property
    def beside(self) -> str:
        """The stamps of all definition files that the stamp of a moment does not hold."""
        return "\n".join((self.boards, self.funnels, self.criteria, self.objectives))

    @cached_property
    def loads(self) -> str:
        """The stamp of what was loaded and of the source files, which only `condition` and `check` rest on, when it was
        first asked for."""
        landed = () if self._store is None else (p.name for p in entry_folders(self._store))
        told = "\n".join((*landed, sources_stamp(self._stands.folder.path)))
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def version(self, *generations: str) -> str:
        """A text that changes whenever an answer from these generations (default: the current one) may have changed.
        Raises NotKeptError for what cannot be the id of a generation."""
        data = [self._data(id_) for id_ in generations or ("",)]
        return " ".join([*data, self.stamp.definitions, self.stamp.day.isoformat()])

    def check(self) -> Checked:
        """As `Workspace.check`. The tables are read once for each data version, the rest is looked at anew."""
        stands = replace(self._stands, pin=self._reading.pin_for_long)
        return check(stands, self._sources(), self._tally_of, self._checked)

    def checked(self, patience: float) -> Checked | None:
        """The check, where it is made within so many seconds; None while it is being made, which goes on. What it
        rests on is looked at in each moment; where that is the same, so is what was found."""
        if self._generation is None or all(self._of_check(part) in self._answers for part in LONG):
            key = self.stamp, self.beside, self.loads, STARTER.stamp(self._stands.folder), self._there
            return self._held.newest("check", key, self.check, lambda made: not any(r.again for r in made.results))
        try:
            stamp, found = self._held.prepare().result(patience)
        except TimeoutError:
            return None
        return found if stamp == self.stamp else None

    def hold(self) -> int:
        """See `Held.hold`."""
        if self._generation is None:
            return 0
        stands = replace(self._stands, pin=self._reading.pin_for_long)
        with stands.bench() as at:
            return at.reader.hold(at.company.settings.memory_mb * 2**20 // HELD_SHARE)

    def doctor(self) -> Listing:
        """As `Workspace.doctor`; those who ask at the same time get one answer."""
        return self._answers.get("doctor", lambda: doctor(self._stands.folder), lasting=lambda _: False)

    def kpi_list(self, find: str = "") -> Listing:
        """As `Workspace.kpi_list`."""
        return kpi_list(self._stands.catalogue, find)

    def kpi_show(self, kpi: str) -> KpiPage:
        """As `Workspace.kpi_show`."""
        return kpi_show(self._stands.catalogue, kpi)

    def kpi_coverage(self, find: str = "", *, kgi: str = "") -> Coverage:
        """As `Workspace.kpi_coverage`."""
        starting = STARTER.stamp(self._stands.folder)
        data = "" if self._generation is None else self._generation.id
        key = _Key(self.stamp.definitions, (data,), ("coverage", find, kgi, self.stamp.day, self.loads, starting))
        return self._answers.get(key, lambda: coverage(self._stands, self._generation, self._sources(), find, kgi))

    def kpi_lint(self) -> Listing:
        """As `Workspace.kpi_lint`."""
        return kpi_lint(self._stands.catalogue)

    def measure(self, *kpis: str, generation: str = "", **given: Unpack[Given]) -> Answer:
        """As `Workspace.measure`."""
        asked = self._stands.question(kpis, **given)
        return self._answered("measure", asked, generation, lambda at: measure(at, asked))

    def trace(self, *kpis: str, generation: str = "", **given: Unpack[Given]) -> Traced:
        """As `Workspace.trace`."""
        asked = self._stands.question(kpis, **given)
        return self._answered("trace", asked, generation, lambda at: trace_of(at, asked))

    def records(self, *kpis: str, generation: str = "", limit: int = 100, **given: Unpack[Given]) -> Recorded:
        """As `Workspace.records`; personal values are always masked."""
        asked = self._stands.question(kpis, **given)
        return self._answered(
            ("records", limit), asked, generation, lambda at: records(at, asked, limit=limit, unmask=False)
        )

    def compare(self, *kpis: str, **given: Unpack[Pairs]) -> Comparison:
        """As `Workspace.compare`."""
        sides = sides_of(self._stands, kpis, **given)
        data = tuple(self._data(id_) for id_ in sides.generations)
        return self._kept(
            ("compare", sides), data, [k for q in sides.questions for k in q.kpis], lambda: compare(self._stands, sides)
        )

    def funnel(self, /, name: str = "", *, generation: str = "", **given: Any) -> Funnelled:
        """As `Workspace.funnel`."""
        asked = funnel_asked(self._stands, name, **given)

        def make() -> Funnelled:
            with self._stands.bench(generation) as at:
                return funnel_of(at, asked)

        return self._kept(("funnel", asked, bool(generation)), (self._data(generation),), (), make)

    def qualify(self, /, name: str = "", *, generation: str = "", **given: Any) -> Qualification:
        """As `Workspace.qualify`; with `rules=False` without what each rule brings."""
        asked, data = qualify_asked(self._stands, name, **given), (self._data(generation),)

        def keep(key: Hashable, make: Callable[[], V]) -> V:
            return self._kept(("qualify", key, bool(generation)), data, (), make)

        def made() -> Qualification:
            with self._stands.bench(generation) as at:
                return qualify_of(at, asked, keep)

        return keep(asked, made)

    @property
    def criteria(self) -> str:
        """The stamp of the criteria files, which the stamp of a moment does not hold."""
        return CRITERIA.stamp(self._stands.folder)

    @property
    def funnels(self) -> str:
        """The stamp of the funnel files, the shipped ones too."""
        return FUNNELS.stamp(self._stands.folder)

    def components(self, /, *, generation: str = "", **given: Any) -> Components:
        """As `Workspace.components`."""
        asked = components_asked(self._stands, **given)

        def make() -> Components:
            with self._stands.bench(generation) as at:
                return components_of(at, asked)

        return self._kept(("components", asked, bool(generation)), (self._data(generation),), (), make)

    @property
    def objectives(self) -> str:
        """The stamp of `components.yml`, which the stamp of a moment does not hold."""
        return COMPONENTS.stamp(self._stands.folder)

    # --- answers -----------------------------------------------------------------------------------------------------
    def _answered(self, verb: Hashable, asked: Question, generation: str, answer: Callable[[Bench], V]) -> V:
        def make() -> V:
            with self._stands.bench(generation) as at:
                return answer(at)

        return self._kept((verb, asked, bool(generation)), (self._data(generation),), asked.kpis, make)

    def _kept(self, what: Hashable, data: tuple[str, ...], kpis: Sequence[str], make: Callable[[], V]) -> V:
        """The answer, from those kept where nothing that it was made from has changed."""
        if self._store is None or not all(data):  # nothing was built when this moment began
            return make()
        value = self._answers.get(_Key(self.stamp.definitions, data, what), make, self._reading.until)
        keep_answered(self._store, self.catalogue, [find(self.catalogue, k)[0] for k in kpis])
        return value

    def _checked(self, part: str, make: Callable[[], tuple[Result, ...]]) -> tuple[Result, ...]:
        until = time.monotonic() + LONG_SECONDS
        return self._answers.get(self._of_check(part), make, until, lambda results: not any(r.again for r in results))

    def _of_check(self, part: str) -> _Key:
        return _Key(self.stamp.definitions, (self.stamp.data,), ("check", part))

    def _tally_of(self, entries: Sequence[JournalEntry], load: Batch) -> Tally:
        """What is set aside still of a load: gone through once, and again when a correction of its source was made."""
        assert self._store is not None  # it has a journal
        tally = tallies(partial(quarantine_rows, self._store))
        if not load.quarantined:
            return tally(entries, load)
        made = max((c.number for c in corrections(entries, load.source)), default=0)
        key = _Aside(f"{load.number:08d}-{load.id}", made)
        return self._answers.get(key, lambda: tally(entries, load))

    def _data(self, generation: str) -> str:
        return resolved(self._store, generation) if generation and self._store is not None else self.stamp.data


@dataclass(frozen=True, slots=True)
class _Key:
    """All that an answer depends on: the definitions, the data versions asked, and the question in its normal form,
    which holds the day. A plan is a function of these alone, so they stand for its hash and need no planning."""

    definitions: str
    data: tuple[str, ...]
    what: Hashable


@dataclass(frozen=True, slots=True)
class _Aside:
    """What is set aside of one load, by the name of its folder (an erasure gives it another) and the number of the last
    correction of its source."""

    folder: str
    corrected: int


def _in_a_moment(verb: Callable[Concatenate[Moment, P], V]) -> Callable[Concatenate[Held, P], V]:
    """A verb of a moment for a workspace held open: it has a moment of its own."""

    @wraps(verb)
    def ask(self: Held, /, *given: P.args, **named: P.kwargs) -> V:
        with self.moment() as m:
            return verb(m, *given, **named)

    return ask


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
        self.answers = Answers(int(cache_mb * 1_000_000))
        self.plans = Plans()
        self._readers = Readers()
        weakref.finalize(self, self._readers.close)  # at the latest when the program ends
        self._preparing = ThreadPoolExecutor(1, "preparing")
        self._asking = Lock()
        self._prepared: Future[tuple[Stamp, Checked]] | None = None
        self._reading = Lock()
        self._definitions: _Definitions | None = None
        self._wrong: tuple[str, DefinitionError] | None = None
        self._newest: dict[str, tuple[Hashable, Any]] = {}
        self._sources_of: tuple[str, Mapping[str, Source]] | None = None
        self._of = ("", "")
        self._noticed = ""

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.path

    @property
    def folder(self) -> Folder:
        """The folder as the verbs see it."""
        return self._folder

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
            reading = Reading(self._readers, open_, time.monotonic() + self._seconds)
            store = self._store()
            generation = reading.current(store, said.company.settings)
            stamp = Stamp("" if generation is None else generation.id, said.version, self._today(said))
            self._forget(stamp)
            fixed = replace(self._folder, moment=self._folder.now())
            stands = Ground(
                fixed, said.company, said.catalogue, stamp.day, pin=reading.pin, built=said.built, plans=self.plans
            )
            yield Moment(self, stamp, stands, store, generation, reading, lambda: self._sources(said))

    def notice(self) -> bool:
        """Lets go of a generation that is no longer current, for a server that nobody asks just now: an erasure waits
        for those who read what it rewrote. Whether another one is current than at the last look."""
        current, before = self._current(), self._noticed
        self._noticed = current
        if self._readers.notice(current):
            self._keep_only(None)
        return current != before

    def prepare(self) -> Future[tuple[Stamp, Checked]]:
        """Begins, in a thread of its own, what takes longest of the next page: the check of the data as it is now.
        Raises StoppedError after `close`."""
        with self._asking:
            if self._prepared is None or self._prepared.done():
                try:
                    self._prepared = self._preparing.submit(self._prepare)
                except RuntimeError:
                    raise StoppedError from None
            return self._prepared

    def _prepare(self) -> tuple[Stamp, Checked]:
        with self.moment() as m:
            return m.stamp, m.check()

    def hold(self) -> Future[int]:
        """Begins, in the thread that prepares and after what it does, to take the tables of the current generation into
        memory, the smallest first, as far as a part of the memory of `headwater.yml` goes; how many there are. Worth it
        for a server: a question about months opens dozens of files, which takes longer than to read them. Raises
        StoppedError after `close`."""
        try:
            return self._preparing.submit(self._hold)
        except RuntimeError:
            raise StoppedError from None

    def _hold(self) -> int:
        with self.moment() as m:
            return m.hold()

    def ahead(self, asking: Iterable[Callable[[Moment], object]]) -> tuple[Future[None], ...]:
        """Begins, in the thread that prepares and after what it does, to ask what readers of a new data version ask
        first: each in a moment of its own, one after the other, so that they find its answers. Raises StoppedError
        after `close`."""
        try:
            return tuple([self._preparing.submit(self._ask, one) for one in asking])
        except RuntimeError:
            raise StoppedError from None

    def _ask(self, one: Callable[[Moment], object]) -> None:
        with suppress(HeadwaterError), self.moment() as m:  # a reader who asks it is told what is wrong
            one(m)

    def newest(
        self, what: str, key: Hashable, make: Callable[[], V], lasting: Callable[[V], bool] = lambda _: True
    ) -> V:
        """A value of which the newest alone is kept, made anew when its key is another; one that is not `lasting` is
        not kept. Two threads may both make it: it is the same."""
        known, value = self._newest.get(what, (None, None))
        if known != key:
            value = make()
            if lasting(value):
                self._newest[what] = (key, value)
        found: V = value
        return found

    def close(self) -> None:
        """Lets go of everything; running questions end with StoppedError. What was being prepared has ended then."""
        self._readers.close()
        self._preparing.shutdown(cancel_futures=True)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Held({str(self.path)!r})"

    # --- the read verbs of a workspace -------------------------------------------------------------------------------
    def doctor(self) -> Listing:
        """As `Workspace.doctor`. Every stored byte is read, so those who ask at the same time get one answer."""
        return self.answers.get("doctor", lambda: doctor(self._folder), lasting=lambda _: False)

    def kpi_list(self, find: str = "") -> Listing:
        """As `Workspace.kpi_list`."""
        return kpi_list(self._said().catalogue, find)

    def kpi_show(self, kpi: str) -> KpiPage:
        """As `Workspace.kpi_show`."""
        return kpi_show(self._said().catalogue, kpi)

    def kpi_lint(self) -> Listing:
        """As `Workspace.kpi_lint`."""
        return kpi_lint(self._said().catalogue)

    check = _in_a_moment(Moment.check)
    kpi_coverage = _in_a_moment(Moment.kpi_coverage)
    measure = _in_a_moment(Moment.measure)
    trace = _in_a_moment(Moment.trace)
    records = _in_a_moment(Moment.records)
    compare = _in_a_moment(Moment.compare)
    funnel = _in_a_moment(Moment.funnel)
    qualify = _in_a_moment(Moment.qualify)
    components = _in_a_moment(Moment.components)

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
            self._keep_only(of)

    def _keep_only(self, of: tuple[str, str] | None) -> None:
        """Lets go of answers of another data and definition version, and of rows that an erasure has removed."""
        store = self._store()
        landed = frozenset(p.name for p in entry_folders(store)) if store is not None else frozenset()

        def is_wanted(key: Hashable) -> bool:
            if isinstance(key, _Aside):
                return key.folder in landed
            return isinstance(key, _Key) and of == (key.data[-1], key.definitions)

        self.answers.keep_only(is_wanted)
        self._newest.clear()
        self.plans.clear()
