"""What can be computed from the columns that sources fill, what is missing for the rest, and who delivers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater.metrics.formula import needs, resolve
from headwater.metrics.scans import clock_columns
from headwater.model.catalogue import Catalogue
from headwater.model.filled import Filled, available, speechless
from headwater.model.kpi import Kpi
from headwater.model.look import Proposal
from headwater.model.lowering import columns_in
from headwater.model.measure import Measure, Reached
from headwater.model.preset import Preset
from headwater.model.table import Bucket, LinkedColumn, Lookup, Pick, Since, Table


@dataclass(frozen=True, slots=True)
class Missing:
    """A table or a column that nothing fills, the KPIs that wait for it alone or with others, and the exports that
    would supply it."""

    table: str
    column: str
    kpis: tuple[str, ...]
    exports: tuple[str, ...]


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
    waiting: dict[tuple[str, str], list[str]] = {}
    counted = [k for k in catalogue.kpis.values() if resolve(catalogue, k.id).formula is not None]
    for kpi in counted:
        lacking = {place for m in _measures(catalogue, kpi) for place in _lacking(catalogue, m, filled)}
        if not lacking:
            can.append(kpi.id)
        for place in lacking:
            waiting.setdefault(place, []).append(kpi.id)
    missing = [
        Missing(table, column, tuple(sorted(kpis)), _exports(table, column, presets))
        for (table, column), kpis in waiting.items()
    ]
    return Outlook(
        tuple(sorted(can)), len(counted), tuple(sorted(missing, key=lambda m: (-len(m.kpis), m.table, m.column)))
    )


def feeds_of(proposals: Iterable[Proposal]) -> list[tuple[str, tuple[str, ...]]]:
    """What proposals that are ready feed."""
    return [feed for p in proposals if p.state in ("ready", "kept") for feed in p.feeds]


def _measures(catalogue: Catalogue, kpi: Kpi) -> list[Measure]:
    formula = resolve(catalogue, kpi.id).formula
    named = {need.measure for need in needs(formula)} if formula is not None else set()
    return [catalogue.measures[m] for m in sorted(named)]


# --- what is missing ------------------------------------------------------------------------------------------------
def _lacking(catalogue: Catalogue, measure: Measure, filled: Filled) -> frozenset[tuple[str, str]]:
    """The tables (with an empty column) and columns that nothing fills and without which a measure says nothing."""
    table = catalogue.tables[measure.table]
    lacking: set[tuple[str, str]] = set()
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


def _root(catalogue: Catalogue, table: Table, name: str, filled: Filled, depth: int = 8) -> tuple[str, str]:
    """The table or column to deliver, for a column that nothing fills: what it is derived from, as far as it is told by
    other tables."""
    column = table.column(name)
    there: list[tuple[str, str]] = []
    match column.derive if column is not None and depth else None:
        case Lookup(of, by, taken):
            there = [(table.id, by), (of, taken)]
        case Pick(_, of, by, taken, order, where):
            theirs = [k for k, _ in by] + [n for n in (taken, order, *sorted(columns_in(where))) if n]
            there = [*((table.id, own) for _, own in by), *((of, n) for n in theirs)]
        case Since(start, end):
            there = [(table.id, start), (table.id, end)]
        case Bucket(of):
            there = [(table.id, of)]
        case None if table.rows_from and column is not None and column.derive is None:
            there = [(table.rows_from, name)]
        case _:
            pass
    for other, needed in there:
        if other not in filled:
            return _base(catalogue, other), ""
        if needed not in filled[other]:
            return _root(catalogue, catalogue.tables[other], needed, filled, depth - 1)
    return table.id, name


def _exports(table: str, column: str, presets: Mapping[str, Preset]) -> tuple[str, ...]:
    """The exports of known vendors that supply a table, or a column of it; those that fill most of it first."""
    found: list[tuple[int, str]] = []
    for preset in presets.values():
        for shape in preset.shapes.values():
            said = shape.tables.get(table)
            if said is not None and (not column or column in said.get("columns", {})):
                found.append((-len(said.get("columns", {})), f"{preset.title}: {shape.title}"))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))
