"""What can be computed from the columns that sources fill, what is missing for the rest, and who delivers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.api import show
from headwater.metrics.formula import Asked, resolve
from headwater.metrics.scans import clock_columns
from headwater.model.catalogue import Catalogue
from headwater.model.filled import Filled, available, speechless
from headwater.model.look import Proposal
from headwater.model.lowering import columns_in
from headwater.model.measure import Measure, Reached
from headwater.model.preset import Preset
from headwater.model.table import Bucket, LinkedColumn, Lookup, Pick, Since, Table

MOST_MISSING = 12
"""How many missing tables and columns are told of at most."""

Place = tuple[str, str]
"""A table, and a column of it; an empty text where the table itself is meant."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A table or a column that nothing fills, the KPIs that wait for it alone or with others, and the exports that
    would supply it."""

    table: str
    column: str
    kpis: tuple[str, ...]
    exports: tuple[str, ...]

    @property
    def place(self) -> str:
        """The column with its table, or the table."""
        return f"{self.table}.{self.column}" if self.column else self.table


@dataclass(frozen=True, slots=True)
class Outlook:
    """The KPIs that can be computed, of how many, and what is missing for the others, what most wait for first."""

    kpis: tuple[str, ...]
    of: int
    missing: tuple[Missing, ...]


def outlook(catalogue: Catalogue, feeds: Iterable[tuple[str, Iterable[str]]], presets: Mapping[str, Preset]) -> Outlook:
    """What can be computed when sources fill these columns of these tables."""
    filled = available(catalogue.tables, feeds)
    can: list[str] = []
    waiting: dict[str, frozenset[Place]] = {}
    counted = [a for id_ in catalogue.kpis if (a := resolve(catalogue, id_)).answers]
    for asked in counted:
        waiting[asked.kpi.id] = lacking(catalogue, asked, filled)
        if not waiting[asked.kpi.id]:
            can.append(asked.kpi.id)
    return Outlook(tuple(sorted(can)), len(counted), missing(waiting, presets))


def lacking(catalogue: Catalogue, asked: Asked, filled: Filled) -> frozenset[Place]:
    """What nothing fills of that which a KPI reads and cannot do without."""
    named = set(asked.reads)
    named |= {other for m in named if (other := catalogue.measures[m].goes_by)}
    return frozenset(place for m in sorted(named) for place in _lacking(catalogue, catalogue.measures[m], filled))


def missing(waiting: Mapping[str, frozenset[Place]], presets: Mapping[str, Preset]) -> tuple[Missing, ...]:
    """What is missing, from what each KPI lacks: what most of them wait for first."""
    kpis: dict[Place, list[str]] = {}
    for kpi, places in waiting.items():
        for place in places:
            kpis.setdefault(place, []).append(kpi)
    found = [Missing(t, c, tuple(sorted(ids)), _exports(t, c, presets)) for (t, c), ids in kpis.items()]
    return tuple(sorted(found, key=lambda m: (-len(m.kpis), m.table, m.column)))


def inputs(catalogue: Catalogue, measures: Iterable[Measure]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What has to be delivered for measures: each table, and those of its columns that they read or that these are
    made of; a column that a source can map itself is named as such."""
    found: dict[str, set[str]] = {}
    named = tuple(measures)
    for measure in (*named, *(catalogue.measures[m.goes_by] for m in named if m.goes_by)):
        table = catalogue.tables[measure.table]
        if isinstance(measure.clock, Reached) and measure.clock.outcome:
            found.setdefault(_base(catalogue, measure.clock.outcome), set())
        found.setdefault(_base(catalogue, table.id), set())
        links = {k.id: k for k in table.columns_is}
        for name in clock_columns(measure) | columns_in(measure.column) | columns_in(measure.where):
            if (link := links.get(name)) is not None:
                places = {*_delivered(catalogue, table, link.by)}
                places |= _delivered(catalogue, catalogue.tables[link.table], link.column)
            else:
                places = _delivered(catalogue, table, name)
            for of, column in places:
                found.setdefault(of, set()).add(column)
    order = {name: {c.id: i for i, c in enumerate(catalogue.tables[name].columns)} for name in found}
    return tuple((name, tuple(sorted(found[name], key=lambda c: order[name].get(c, 0)))) for name in sorted(found))


def suppliers(table: str, columns: Iterable[str], presets: Mapping[str, Preset]) -> tuple[tuple[str, ...], bool]:
    """The exports of known vendors that supply a table with all of these columns, and True; or, where none does, those
    that supply most of them, and False."""
    wanted = frozenset(columns)
    found: dict[str, int] = {}
    for preset in presets.values():
        for shape in preset.shapes.values():
            said = shape.tables.get(table)
            if said is not None:
                has = len(wanted & set(said.get("columns", {})))
                name = f"{preset.title}: {shape.title}"
                found[name] = max(has, found.get(name, 0))
    most = max(found.values(), default=0)
    if not most and wanted:
        return (), False
    return tuple(sorted(name for name, has in found.items() if has == most)), most == len(wanted)


def feeds_of(proposals: Iterable[Proposal]) -> list[tuple[str, tuple[str, ...]]]:
    """What proposals that are ready feed."""
    return [feed for p in proposals if p.state in ("ready", "kept") for feed in p.feeds]


# --- what is missing ------------------------------------------------------------------------------------------------
def _lacking(catalogue: Catalogue, measure: Measure, filled: Filled) -> frozenset[Place]:
    """The tables (with an empty column) and columns that nothing fills and without which a measure says nothing."""
    table = catalogue.tables[measure.table]
    lacking: set[Place] = set()
    tables = {measure.table}
    if isinstance(measure.clock, Reached) and measure.clock.outcome:
        tables.add(measure.clock.outcome)
    for name in tables:
        if name not in filled:
            lacking.add((_base(catalogue, name), ""))
    if measure.table not in filled:
        return frozenset(lacking)
    names = clock_columns(measure) | columns_in(measure.column) | columns_in(measure.where)
    links = {k.id: k for k in table.columns_is}
    empty = {n for n in names - filled[measure.table] if n not in links or not _reaches(links[n], table, filled)}
    if not speechless(measure, frozenset(empty)):
        return frozenset(lacking)
    for name in empty:
        if (link := links.get(name)) is not None:
            lacking.add((link.table, link.column if link.table in filled else ""))
        elif table.column(name) is not None:
            lacking.add(_root(catalogue, table, name, filled))
    return frozenset(lacking)


def _reaches(link: LinkedColumn, table: Table, filled: Filled) -> bool:
    return link.by in filled[table.id] and link.column in filled.get(link.table, frozenset())


def _base(catalogue: Catalogue, name: str) -> str:
    table = catalogue.tables[name]
    return _base(catalogue, table.rows_from) if table.rows_from else name


def _root(catalogue: Catalogue, table: Table, name: str, filled: Filled, depth: int = 8) -> Place:
    """The table or column to deliver, for a column that nothing fills: what it is derived from, as far as it is told by
    other tables."""
    there = _behind(table, name) if depth else []
    if not there and depth and table.rows_from and (column := table.column(name)) is not None and not column.derive:
        there = [(table.rows_from, name)]
    for other, needed in there:
        if other not in filled:
            return _base(catalogue, other), ""
        if needed not in filled[other]:
            return _root(catalogue, catalogue.tables[other], needed, filled, depth - 1)
    return table.id, name


def _behind(table: Table, name: str) -> list[Place]:
    """The columns that a column is derived from; none where it is no derived one that tells."""
    column = table.column(name)
    match column.derive if column is not None else None:
        case Lookup(of, by, taken):
            return [(table.id, by), (of, taken)]
        case Pick(_, of, by, taken, order, where):
            theirs = [k for k, _ in by] + [n for n in (taken, order, *sorted(columns_in(where))) if n]
            return [*((table.id, own) for _, own in by), *((of, n) for n in theirs)]
        case Since(start, end):
            return [(table.id, start), (table.id, end)]
        case Bucket(of):
            return [(table.id, of)]
        case _:
            return []


def _delivered(catalogue: Catalogue, table: Table, name: str, depth: int = 8) -> set[Place]:
    """The columns that a source maps for a column: itself, or those that it is derived from."""
    column = table.column(name)
    if column is None or not depth:
        return set()
    there = _behind(table, name)
    if not there:
        return {(table.rows_from or table.id, name)}
    if not table.rows_from and not column.hidden:
        return {(table.id, name)}
    return {p for of, n in there for p in _delivered(catalogue, catalogue.tables[of], n, depth - 1)}


def _exports(table: str, column: str, presets: Mapping[str, Preset]) -> tuple[str, ...]:
    """The exports of known vendors that supply a table, or a column of it; those that fill most of it first."""
    found: list[tuple[int, str]] = []
    for preset in presets.values():
        for shape in preset.shapes.values():
            said = shape.tables.get(table)
            if said is not None and (not column or column in said.get("columns", {})):
                found.append((-len(said.get("columns", {})), f"{preset.title}: {shape.title}"))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


# --- for people -----------------------------------------------------------------------------------------------------
def missing_text(missing: Sequence[Missing]) -> str:
    """What is missing as a table: how many KPIs wait for it, and which exports supply it."""
    rows = []
    for m in missing[:MOST_MISSING]:
        exports = "; ".join(m.exports[:3]) + (f"; and {len(m.exports) - 3} more" if len(m.exports) > 3 else "")
        rows.append([m.place, f"{len(m.kpis)}", exports or "a file of your own"])
    more = [f"... and {len(missing) - MOST_MISSING} more"] if len(missing) > MOST_MISSING else []
    return "\n".join([show.table(["missing", "KPIs waiting", "export"], rows, frozenset({1})), *more])
