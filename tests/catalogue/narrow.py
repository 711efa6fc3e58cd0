"""A catalogue without the tables that a world does not fill, so that hundreds of small worlds are built in seconds."""

from collections.abc import Iterable
from dataclasses import replace

from headwater.model.catalogue import Catalogue
from headwater.model.measure import Reached
from headwater.model.table import Bucket, ByChannel, ByIdentity, Column, Key, Lookup, Pick, Since, Table

CALENDAR, RATES = "calendar", "exchange_rates"


def narrowed(catalogue: Catalogue, filled: Iterable[str]) -> Catalogue:
    """The catalogue with the filled tables, those derived from them row by row, and nothing that reads another one.

    A column that is derived from a table without rows is empty either way; here it is never derived.
    """
    names = set(filled) | {CALENDAR, RATES}
    names |= {t.id for t in catalogue.tables.values() if t.rows_from in names}
    tables = {n: _table(t, names, catalogue) for n, t in catalogue.tables.items() if n in names}
    measures = {n: m for n, m in catalogue.measures.items() if m.table in names}
    for name, measure in measures.items():
        if isinstance(measure.clock, Reached) and measure.clock.outcome not in names:
            measures[name] = replace(measure, clock=replace(measure.clock, outcome=""))
    return replace(catalogue, tables=tables, measures=measures)


def _table(table: Table, names: set[str], catalogue: Catalogue) -> Table:
    links = tuple(link for link in table.splits_is if link.table in names)
    table = replace(table, columns_is=tuple(link for link in table.columns_is if link.table in names))
    columns = tuple(replace(c, derive=None) if _reads(c) - names else c for c in table.columns)
    if not table.rows_from:
        return replace(table, columns=columns, splits_is=links)
    copied = {c.id for c in catalogue.tables[table.rows_from].columns}
    gone = {c.id for c in table.columns if _reads(c) - names and c.id not in copied}
    while more := {c.id for c in columns if _inputs(c) & gone} - gone:
        gone |= more
    columns = tuple(c for c in columns if c.id not in gone)
    splits = tuple(s for s in table.splits_was if s not in gone)
    return replace(table, columns=columns, splits_is=links, splits_was=splits)


def _reads(column: Column) -> set[str]:
    """The table a column is derived from."""
    match column.derive:
        case Lookup(table) | Pick(_, table):
            return {table}
        case _:
            return set()


def _inputs(column: Column) -> set[str]:
    """The columns of the same row that a column is derived from."""
    match column.derive:
        case Lookup(_, by, _, as_of):
            return {by, as_of}
        case Pick() as pick:
            return {ours for _, ours in pick.by} | {pick.after, pick.until}
        case Since(start, end):
            return {start, end}
        case Bucket(of) | Key(_, of):
            return {of}
        case ByIdentity() as rules:
            return {of for _, of in rules.links}
        case ByChannel():
            return set()
        case None:
            return set()
