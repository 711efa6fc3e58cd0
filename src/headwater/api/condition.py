"""What state the data is in: which sources there are, how fresh they are, what was loaded and what was set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from headwater.api.folder import Folder
from headwater.api.measuring import Ground
from headwater.api.standing import differing, held_back, set_aside_still, settling, standing
from headwater.errors import HeadwaterError
from headwater.model.generation import Generation
from headwater.model.landing import Batch, JournalEntry, Quarantined
from headwater.model.source import Source, is_stale
from headwater.model.table import Table

MOST_EXAMPLES = 5

RowsOf = Callable[[Batch], Iterable[Quarantined]]
"""Gives the rows of a load that were set aside when it was read, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a source delivers of one table: through which day (None: it has no dates), how many days ago that is, and
    whether that is longer than it should be."""

    table: str
    title: str
    through: date | None
    days_ago: int | None
    stale: bool


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source: its files now (None: they cannot be found, and `fault` says why), its last load, what it feeds."""

    id: str
    path: str
    files: int | None
    fault: str
    loaded_at: datetime | None
    feeds: tuple[Feed, ...]

    @property
    def stale(self) -> tuple[Feed, ...]:
        """The tables it delivers too late."""
        return tuple(f for f in self.feeds if f.stale)


@dataclass(frozen=True, slots=True)
class Tally:
    """What is set aside still of one load: how many rows, and for each column and reason how many with the first."""

    rows: int = 0
    groups: tuple[tuple[str, str, int, tuple[Quarantined, ...]], ...] = ()


TallyOf = Callable[[Sequence[JournalEntry], Batch], Tally]
"""Gives the tally of a load; the entries say which of its rows are mended."""


def tallies(rows_of: RowsOf) -> TallyOf:
    """Tallies that go through the rows of a load without holding them."""

    def tally(entries: Sequence[JournalEntry], load: Batch) -> Tally:
        counts: dict[tuple[str, str], int] = {}
        first: dict[tuple[str, str], list[Quarantined]] = {}
        rows, last = 0, 0
        for q in set_aside_still(rows_of, entries, load):
            rows += q.row != last
            last = q.row
            group = (q.column, q.code)
            counts[group] = counts.get(group, 0) + 1
            if len(examples := first.setdefault(group, [])) < MOST_EXAMPLES:
                examples.append(replace(q, raw=""))
        order = sorted(counts, key=lambda g: (-counts[g], g))
        return Tally(rows, tuple((*g, counts[g], tuple(first[g])) for g in order))

    return tally


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows of one file that were set aside for one reason. `examples` are the first; their cells are not shown, since
    they may be personal."""

    source: str
    path: str
    load: int
    column: str
    code: str
    count: int
    examples: tuple[Quarantined, ...]


@dataclass(frozen=True, slots=True)
class TableState:
    """One table as it is now."""

    id: str
    title: str
    rows: int
    first_day: date | None
    last_day: date | None
    through: date | None


@dataclass(frozen=True, slots=True)
class Condition:
    """`data` is the data version ('' before the first build); `loads` are the journal's batches, the newest first, of
    which `corrected` says how many rows that were set aside are mended by now, `held` which are held back, and
    `differing` which differ from those before without anybody having said that it is meant."""

    data: str
    built_at: datetime | None
    today: date
    sources: tuple[SourceState, ...]
    tables: tuple[TableState, ...]
    loads: tuple[Batch, ...]
    aside: tuple[Aside, ...]
    corrected: Mapping[int, int] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    differing: frozenset[int] = frozenset()

    @property
    def through(self) -> Mapping[str, date]:
        """Through which day each dated table is complete: the earliest of its sources."""
        return {t.id: t.through for t in self.tables if t.through is not None}


def condition(
    stands: Ground,
    sources: Mapping[str, Source],
    generation: Generation | None,
    entries: Sequence[JournalEntry],
    aside: Sequence[Aside],
    there: Mapping[str, int | str],
) -> Condition:
    """The state of a workspace's data, from the manifest of a generation and the journal; no table is read. `sources`
    are those that the files describe, `aside` what `set_aside` said of the same entries, `there` what `files_of` said
    of the sources."""
    batches = [e for e in entries if isinstance(e, Batch)]
    return Condition(
        "" if generation is None else generation.id,
        None if generation is None else generation.built_at,
        stands.today,
        tuple(_sources(stands, sources, generation, entries, there)),
        tuple(_tables(generation, stands.catalogue.tables)),
        tuple(sorted(batches, key=lambda b: -b.number)),
        tuple(aside),
        {b.number: min(len(settling(entries, b)), b.quarantined) for b in batches if b.quarantined},
        frozenset(b.number for b in held_back(entries)),
        frozenset(b.number for b in differing(entries)),
    )


def set_aside(folder: Folder, entries: Sequence[JournalEntry], tally_of: TallyOf) -> tuple[Aside, ...]:
    """The rows that are set aside still, the newest load first, in it the most frequent reason."""
    return tuple(
        Aside(load.source, folder.shown(load.path), load.number, column, code, count, examples)
        for load in reversed(standing(entries))
        if load.quarantined
        for column, code, count, examples in tally_of(entries, load).groups
    )


def files_of(folder: Folder, sources: Mapping[str, Source]) -> Mapping[str, int | str]:
    """How many files of each source there are, or why none: which, in words."""
    from headwater.connectors.files import find

    told: dict[str, int | str] = {}
    for source in sources.values():
        try:
            told[source.id] = len(find(source, folder.path, folder.environment))
        except HeadwaterError as error:
            told[source.id] = " ".join(p for p in (f"{error.what}.", error.do) if p)
    return told


def _sources(
    stands: Ground,
    known: Mapping[str, Source],
    generation: Generation | None,
    entries: Sequence[JournalEntry],
    there: Mapping[str, int | str],
) -> Iterator[SourceState]:
    feeds: dict[str, list[Feed]] = {}
    for stored in generation.tables if generation is not None else ():
        table = stands.catalogue.tables.get(stored.table)
        if table is not None and not table.rows_from:
            for source, day in stored.complete_through:
                ago = None if day is None else (stands.today - day).days
                every = known[source].every if source in known else "day"
                stale = day is not None and is_stale(day, stands.today, every)
                feeds.setdefault(source, []).append(Feed(table.id, table.title, day, ago, stale))
    loaded = {e.source: e.loaded_at for e in entries if isinstance(e, Batch)}
    for name in sorted({*known, *feeds, *loaded}):
        found = there.get(name)
        files, fault = (found, "") if isinstance(found, int) else (None, found or "")
        path = known[name].path if name in known else ""
        yield SourceState(name, path, files, fault, loaded.get(name), tuple(feeds.get(name, ())))


def _tables(generation: Generation | None, known: Mapping[str, Table]) -> Iterator[TableState]:
    for stored in generation.tables if generation is not None else ():
        table = known.get(stored.table)
        if table is not None and stored.rows:
            through = min((day for _, day in stored.complete_through if day is not None), default=None)
            yield TableState(table.id, table.title, stored.rows, stored.first_day, stored.last_day, through)
