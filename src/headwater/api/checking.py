"""Whether the data adds up: rows in equals rows out, what was set aside, tests of the tables, freshness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Protocol

from headwater.api.answer import Listing, Tabular
from headwater.api.boards import checks as board_checks
from headwater.api.checked import Result
from headwater.api.components import COMPONENTS
from headwater.api.condition import Aside, TallyOf, files_of, set_aside, tallies
from headwater.api.coverage import STARTER
from headwater.api.folder import Folder
from headwater.api.histories import histories
from headwater.api.identifying import JOINED, MATCH_RATE, rules_met
from headwater.api.measuring import Bench, Ground
from headwater.api.qualify_files import CRITERIA
from headwater.api.standing import differing, held_back, whole
from headwater.build.run import gave_way
from headwater.errors import WorkspaceError, in_words
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Elapsed
from headwater.model.landing import Batch, JournalEntry
from headwater.model.lowering import day_of
from headwater.model.measure import Alive, Reached
from headwater.model.observation import Rows
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Project,
    Relation,
    Scalar,
    Scan,
    Sort,
    Values,
)
from headwater.model.source import Source, is_stale
from headwater.model.table import Column, Since, Table
from headwater.model.types import INTEGER, TEXT
from headwater.store.landing import journal, quarantine_rows
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from headwater.store.workshop import open_workshop

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True, repr=False)
class Checked(Tabular):
    """Everything that was checked, what failed first. `rows` lists the first rows set aside, for each reason."""

    results: tuple[Result, ...]
    aside: Rows

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(r.state == "failed" for r in self.results)

    @property
    def listing(self) -> Listing:
        """One row a check."""
        rows = tuple((r.check, r.state, r.subject, r.what) for r in self.results)
        return Listing(Rows(("check", "state", "subject", "what"), rows, "one check"))

    def to_text(self) -> str:
        """What failed, what is doubtful, how many checks are fine, match rates, and examples of rows set aside."""
        told = [r for r in self.results if r.state != "ok"]
        fine = len(self.results) - len(told)
        parts = []
        if told:
            rows = tuple((r.state, r.check, r.subject, r.what) for r in told)
            parts.append(Listing(Rows(("state", "check", "subject", "what"), rows)).to_text())
        parts.append(f"{fine} of {len(self.results)} checks are fine")
        rates = tuple((r.subject, r.what) for r in self.results if r.check in (MATCH_RATE, JOINED) and r.state == "ok")
        if rates:
            parts.append("")
            parts.append(Listing(Rows(("source and column", "rows that led to one"), rates), "Match rates").to_text())
        if self.aside.rows:
            parts.append("")
            parts.append(Listing(self.aside, "First rows set aside, for each reason").to_text())
        return "\n".join(parts)

    def __repr__(self) -> str:
        return self.to_text()


LONG = ("tables", "landing")
"""The parts of a check that read the data itself. They rest on the data version and the definitions alone."""


class Keep(Protocol):
    """Gives a part of a check (see LONG), from where it is kept if it is."""

    def __call__(self, part: str, make: Callable[[], tuple[Result, ...]]) -> tuple[Result, ...]:
        """The results; those that are to be looked for `again` are not kept."""


def made(part: str, make: Callable[[], tuple[Result, ...]]) -> tuple[Result, ...]:
    """Keeps nothing."""
    return make()


def check(
    stands: Ground,
    sources: Mapping[str, Source],
    tally_of: TallyOf | None = None,
    keep: Keep = made,
) -> Checked:
    """Every check of a workspace's data and sources. What takes long is asked through `keep`, what is set aside of
    a load through `tally_of` (default: both anew). Raises WorkspaceError when there is no data."""
    folder, catalogue = stands.folder, stands.catalogue
    store = open_store(folder.store)
    entries = journal(store)
    tally_of = tally_of or tallies(partial(quarantine_rows, store))
    aside = set_aside(folder, entries, tally_of)
    results = [*_conservation(folder, entries, tally_of), *_complete(folder, entries)]
    results += [*_set_aside(aside), *_differing(folder, entries)]
    results += _sources(folder, sources)
    results += _definitions(folder, catalogue)
    with stands.bench(files=True) as at:
        results += keep("tables", lambda: (*_tables(at), *rules_met(at), *histories(at, stands.today)))
        results += _freshness(at, sources, stands.today)
        results += board_checks(folder, catalogue, at.reader.generation, sources)
        results += keep("landing", lambda: tuple(_from_the_landing(folder, store, entries, catalogue.tables, at)))
    order = {"failed": 0, "warning": 1, "ok": 2}
    return Checked(tuple(sorted(results, key=lambda r: order[r.state])), _examples(aside))


# --- definitions -----------------------------------------------------------------------------------------------------
def _definitions(folder: Folder, catalogue: Catalogue) -> Iterator[Result]:
    """What is wrong with files that no other check reads: a question to them would say it, and only then."""
    for kept in (CRITERIA, COMPONENTS, STARTER):
        for fault in kept.faults(folder, catalogue):
            yield Result("definitions", "failed", fault.place, in_words(fault.what, fault.do))


# --- the journal -----------------------------------------------------------------------------------------------------
def _conservation(folder: Folder, entries: Sequence[JournalEntry], tally_of: TallyOf) -> Iterator[Result]:
    for batch in (e for e in entries if isinstance(e, Batch)):
        subject = f"{folder.shown(batch.path)} (load {batch.number})"
        aside = tally_of(entries, batch).rows
        mended = batch.quarantined - aside
        corrected = f" + {mended:,} corrected" if mended else ""
        told = f"{batch.loaded:,} loaded{corrected} + {aside:,} set aside + {batch.collapsed:,} collapsed"
        found = batch.loaded + mended + aside + batch.collapsed
        if found == batch.data_rows and mended >= 0:
            yield Result("rows in = rows out", "ok", subject, f"{told} = {batch.data_rows:,} rows")
        else:
            yield Result("rows in = rows out", "failed", subject, f"{told} = {found:,}, of {batch.data_rows:,} rows")


def _differing(folder: Folder, entries: Sequence[JournalEntry]) -> Iterator[Result]:
    """What is held back, and in what the last delivery of a source differs from those before it."""
    for batch in held_back(entries):
        what = "; ".join(d.what for d in batch.drift) or "another file of the same load differs"
        told = f"held back: {what}. If that is meant: 'headwater load {batch.source} --accept'"
        yield Result("like before", "failed", f"{folder.shown(batch.path)} (load {batch.number})", told)
    for batch in differing(entries):
        for found in batch.drift:
            yield Result("like before", "warning", f"{folder.shown(batch.path)} (load {batch.number})", found.what)


def _complete(folder: Folder, entries: Sequence[JournalEntry]) -> Iterator[Result]:
    kept = {e.number for e in whole(entries)}
    for batch in (e for e in entries if isinstance(e, Batch) and e.number not in kept and not e.held):
        what = "the load it belongs to was cut short, so it is not in the tables; the next refresh loads it again"
        yield Result("whole loads", "warning", f"{folder.shown(batch.path)} (load {batch.number})", what)


def _set_aside(aside: Sequence[Aside]) -> Iterator[Result]:
    """How many rows were set aside for which reason, the newest load first."""
    for a in aside:
        what = f"{a.count:,} rows set aside: {a.code.replace('_', ' ')}" + (f" in {a.column!r}" if a.column else "")
        yield Result("rows set aside", "warning", f"{a.path} (load {a.load})", what)


def _examples(aside: Sequence[Aside]) -> Rows:
    """The first rows set aside for each reason; personal cells are never shown."""
    rows = tuple(
        (a.source, a.path, r.row, r.line, r.column, r.reason) for a in aside for r in a.examples[:MOST_EXAMPLES]
    )
    return Rows(("source", "file", "row", "line", "column", "reason"), rows, "one row set aside")


# --- the tables ------------------------------------------------------------------------------------------------------
def _tables(at: Bench) -> Iterator[Result]:
    """The tests of every table that has rows."""
    orders = _orders(at.catalogue)
    for stored in at.reader.generation.tables:
        table = at.catalogue.tables.get(stored.table)
        if table is not None and stored.rows:
            yield from _table(at, table, orders.get(table.id, ()))


def _table(at: Bench, table: Table, orders: Sequence[tuple[str, str]]) -> Iterator[Result]:
    """The tests of one table: unique keys, required values, references, bounds, allowed texts, the order of dates."""
    keys = tuple(Named(f"k{i}", Col(name)) for i, name in enumerate(_key(table)))
    twice = Group(Scan(table.id), keys, (NamedAgg("n", Agg("count_rows")),), Op("gt", (Col("n"), Lit(1))))
    ((repeated,),) = at.reader.rows(render(Group(twice, (), (NamedAgg("n", Agg("count_rows")),))))
    yield _counted("unique keys", "failed", table.id, int(repeated), f"of {', '.join(table.key)} occur twice")
    tests = [(name, state, told, where) for c in table.columns for name, state, told, where in _column_tests(table, c)]
    tests += [("reversed times", "warning", f"have {b!r} before {a!r}", _reversed(table, a, b)) for a, b in orders]
    if tests:
        aggregates = tuple(NamedAgg(f"t{i}", Agg("count_rows", where=where)) for i, (*_, where) in enumerate(tests))
        (counts,) = at.reader.rows(render(Group(Scan(table.id), (), aggregates)))
        for (name, state, told, _), count in zip(tests, counts, strict=True):
            yield _counted(name, state, table.id, int(count), told)
    yield from _references(at, table)


def _key(table: Table) -> tuple[str, ...]:
    return tuple(day_of(table, name) for name in table.key)


def _column_tests(table: Table, column: Column) -> Iterator[tuple[str, str, str, Any]]:
    value = Col(day_of(table, column.id))
    if column.required and column.derive is None and not table.rows_from:
        yield "required values", "failed", f"lack {column.id!r}", Op("is_null", (value,))
    if column.low is not None:
        yield "bounds", "warning", f"have {column.id!r} below {column.low}", Op("lt", (value, Lit(column.low)))
    if column.values:
        listed = Op("in", (value, *(Lit(v) for v in column.values)))
        strange = Op("and", (Op("not", (Op("is_null", (value,)),)), Op("not", (listed,))))
        yield "allowed texts", "warning", f"have a text in {column.id!r} that is not allowed", strange


def _orders(catalogue: Catalogue) -> dict[str, tuple[tuple[str, str], ...]]:
    """By table the pairs of dates of which the definitions say that one follows the other: the ends of clocks, of
    elapsed times and of `since`. What a table copies from the one it is made from is tested there."""
    found: dict[str, dict[tuple[str, str], None]] = {}

    def note(table: Table, start: str, end: str) -> None:
        base = catalogue.tables.get(table.rows_from)
        if base is not None and table.key == base.key and base.column(start) and base.column(end):
            table = base
        if table.column(start) is not None and table.column(end) is not None:
            found.setdefault(table.id, {})[start, end] = None

    for table in catalogue.tables.values():
        for column in table.columns:
            if isinstance(column.derive, Since):
                note(table, column.derive.start, column.derive.end)
    for measure in catalogue.measures.values():
        table = catalogue.tables[measure.table]
        if isinstance(measure.column, Elapsed):
            note(table, measure.column.start.id, measure.column.end.id)
        match measure.clock:
            case Alive(start, end) | Reached(start, end) if end:
                note(table, start, end)
            case _:
                pass
    return {name: tuple(sorted(pairs)) for name, pairs in found.items()}


def _reversed(table: Table, start: str, end: str) -> Scalar:
    """Whether the second date lies before the first: by instant where both are known, else by day."""
    earlier = Op("lt", (Col(day_of(table, end)), Col(day_of(table, start))))
    if day_of(table, end) == end or day_of(table, start) == start:
        return earlier
    return Op("or", (earlier, Op("lt", (Col(end), Col(start)))))


def _references(at: Bench, table: Table) -> Iterator[Result]:
    """Whether every id that a table names is held by the table it names; all its references in one reading of it."""
    tests = [(c.id, r) for c in table.columns for r in c.references if _can_be_looked_up(at, r.table)]
    if not tests:
        return
    names = dict.fromkeys(n for column, r in tests for n in (column, r.by) if n)
    rows: Relation = Project(Scan(table.id), tuple(Named(n, Col(n)) for n in names))
    known: dict[tuple[str, str], str] = {}
    for column, r in tests:
        if (column, r.table) not in known:
            ids = Project(Scan(r.table), (Named("_id", Col(at.catalogue.tables[r.table].key[0])),))
            joined = Join(rows, ids, "left", Op("eq", (Col(column, "left"), Col("_id", "right"))))
            kept = (Named(n, Col(n, "left")) for n in (*names, *known.values()))
            known[column, r.table] = f"_lacks_{len(known)}"
            rows = Project(joined, (*kept, Named(known[column, r.table], Op("is_null", (Col("_id", "right"),)))))
    counted = []
    for i, (column, r) in enumerate(tests):
        orphan = (Op("not", (Op("is_null", (Col(column),)),)), Col(known[column, r.table]))
        concerned = (Op("eq", (Col(r.by), Lit(r.value))),) if r.by else ()
        counted.append(NamedAgg(f"n{i}", Agg("count_rows", where=Op("and", (*orphan, *concerned)))))
    (counts,) = at.reader.rows(render(Group(rows, (), tuple(counted))))
    for (column, r), count in zip(tests, counts, strict=True):
        told = f" where {r.by!r} is {r.value!r}" if r.by else ""
        yield _counted(
            "references", "warning", table.id, int(count), f"have a {column!r} that {r.table!r} does not hold{told}"
        )


def _can_be_looked_up(at: Bench, target: str) -> bool:
    table, stored = at.catalogue.tables.get(target), at.reader.generation.table(target)
    return table is not None and stored is not None and stored.rows > 0 and len(table.key) == 1


def _counted(check: str, state: str, table: str, count: int, told: str) -> Result:
    return Result(check, state if count else "ok", table, f"{count:,} rows {told}")


# --- the sources -----------------------------------------------------------------------------------------------------
def _sources(folder: Folder, sources: Mapping[str, Source]) -> Iterator[Result]:
    """Whether each source can be found."""
    for source, found in files_of(folder, sources).items():
        if isinstance(found, str):
            yield Result("sources", "failed", source, found)
        else:
            yield Result("sources", "ok", source, f"{found} file{'s' if found != 1 else ''}")


def _freshness(at: Bench, sources: Mapping[str, Source], today: date) -> Iterator[Result]:
    through: dict[str, dict[str, date | None]] = {}
    for stored in at.reader.generation.tables:
        known = at.catalogue.tables.get(stored.table)
        if known is not None and not known.rows_from:
            for source, day in stored.complete_through:
                through.setdefault(source, {})[stored.table] = day
    for source, days in sorted(through.items()):
        for table, day in sorted(days.items()):
            if day is None:
                yield Result("freshness", "ok", source, f"{table}: it has no dates")
                continue
            stale = is_stale(day, today, sources[source].every if source in sources else "day")
            state = "warning" if stale else "ok"
            age = f", {(today - day).days:,} days ago: stale" if stale else ""
            yield Result("freshness", state, source, f"{table}: complete through {day}{age}")


def _from_the_landing(
    folder: Folder, store: Store, entries: Sequence[JournalEntry], tables: Mapping[str, Table], at: Bench
) -> Iterator[Result]:
    """What gave way to another row in the tables of this generation: keys that several sources deliver, of which the
    later load wins, which is seldom meant, and rows that have one key since the ids in it were merged. Asks for the
    writer's lock, since it reads what was landed; where that is taken, it says so."""
    known = whole([e for e in entries if e.number <= at.reader.generation.journal])
    feeding: dict[str, dict[str, list[int]]] = {}
    for batch in (e for e in known if isinstance(e, Batch)):
        for landed in batch.tables:
            feeding.setdefault(landed.table, {}).setdefault(batch.source, []).append(batch.number)
    shared = {name: by for name, by in feeding.items() if len(by) > 1 and name in tables}
    regrouped = [name for name in feeding if name in tables and _names_others(tables[name])]
    joining = {n: j.by for n in feeding if n in tables and (j := tables[n].joining) is not None and j.rule is not None}
    if not shared and not regrouped and not joining:
        return
    settings = at.company.settings
    try:
        with (
            writing(store, "check"),
            open_workshop(store, render, at.reader.generation, known, tables, settings) as workshop,
        ):
            for name, by in sorted(shared.items()):
                count, example = _delivered_twice(workshop.fetch, tables[name], by)
                told = f"delivered by more than one of {', '.join(sorted(by))}; the later load wins"
                yield _counted("one source a key", "warning", name, count, told + example)
            for name, fell, joined in gave_way(workshop, known, tables, settings, folder.now()):
                if fell is not None:
                    told = "gave way to a row of the same key, since the ids in their keys were merged"
                    yield _counted("keys after merges", "warning", name, fell, told)
                if joined is not None:
                    told = f"{joined:,} {name} live on as another one of the same {joining[name]}"
                    yield Result(JOINED, "ok", name, told)
    except WorkspaceError as error:
        yield Result(
            "rows that gave way",
            "warning",
            ", ".join(sorted({*shared, *regrouped, *joining})),
            f"not checked: {error.what}",
            True,
        )


def _names_others(table: Table) -> bool:
    """Whether a table's key names rows of other tables, which may be merged."""
    return any(c.references for c in table.columns if c.id in table.key)


def _delivered_twice(fetch: Any, table: Table, by: Mapping[str, Sequence[int]]) -> tuple[int, str]:
    numbers = Values(
        (("number", INTEGER), ("source", TEXT)), tuple((n, s) for s, found in sorted(by.items()) for n in found)
    )
    keys = _key(table)
    joined = Project(
        Join(Scan(f"landed__{table.id}"), numbers, "inner", Op("eq", (Col("_batch", "left"), Col("number", "right")))),
        (*(Named(f"k{i}", Col(k, "left")) for i, k in enumerate(keys)), Named("source", Col("source", "right"))),
    )
    names = [f"k{i}" for i in range(len(keys))]
    several = Group(
        joined,
        tuple(Named(n, Col(n)) for n in names),
        (NamedAgg("n", Agg("count_distinct", Col("source"))),),
        Op("gt", (Col("n"), Lit(1))),
    )
    ((count,),) = fetch(Group(several, (), (NamedAgg("n", Agg("count_rows")),)))
    if not count or any(c.personal for c in table.columns if c.id in table.key):
        return int(count), ""
    first: Relation = Sort(several, tuple(Order(Col(n)) for n in names), 1)
    (row,) = fetch(first)
    return int(count), f" (such as {', '.join(str(v) for v in row[: len(keys)])})"
