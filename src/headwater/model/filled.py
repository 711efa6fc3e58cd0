"""Which columns hold values at all: those that sources fill, and those derived from such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater.model.expression import (
    And,
    Arithmetic,
    Between,
    Choose,
    ColumnName,
    Compare,
    Constant,
    Elapsed,
    In,
    IsEmpty,
    IsTrue,
    Not,
    Or,
    Predicate,
    RowValue,
)
from headwater.model.generation import Generation
from headwater.model.lowering import columns_in
from headwater.model.measure import Alive, At, Latest, Measure, Reached
from headwater.model.table import Bucket, Column, Lookup, Pick, Ruled, Since, Table
from headwater.model.types import Kind

Filled = Mapping[str, frozenset[str]]
"""The columns by table that some source fills, or that are derived from such."""


def available(tables: Mapping[str, Table], feeds: Iterable[tuple[str, Iterable[str]]]) -> Filled:
    """Every column that is filled: mapped ones, the currencies of money, and what is derived from them."""
    found: dict[str, set[str]] = {}
    for fed, mapped in feeds:
        found.setdefault(fed, set()).update(mapped)
    for name, columns in found.items():
        for c in tables[name].columns if name in tables else ():
            if c.id in columns and c.type.kind is Kind.MONEY and c.currency:
                columns.add(c.currency)
    for shipped in ("calendar",):
        if shipped in tables:
            found.setdefault(shipped, set()).update(c.id for c in tables[shipped].columns)
    every = [tables[name] for name in tables]
    changed = True
    while changed:
        changed = False
        for table in every:
            if table.rows_from and table.rows_from in found and table.id not in found:
                base = {c.id for c in table.columns if c.derive is None and c.id in found[table.rows_from]}
                found[table.id] = base | set(table.key)
                changed = True
            if table.id not in found:
                continue
            for c in table.columns:
                if c.id not in found[table.id] and c.derive is not None and _derives(c, table, found):
                    found[table.id].add(c.id)
                    changed = True
                if table.rows_from and c.derive is None and c.id in found.get(table.rows_from, ()):
                    changed = changed or c.id not in found[table.id]
                    found[table.id].add(c.id)
    return {name: frozenset(columns) for name, columns in found.items()}


def _derives(column: Column, table: Table, found: Mapping[str, set[str]]) -> bool:
    """Whether a derived column gets values from what is filled."""
    own = found[table.id]
    match column.derive:
        case Lookup(of, by, taken):
            return by in own and taken in found.get(of, ())
        case Pick(_, of, by, taken, order, where):
            there = found.get(of, set())
            read = {theirs for theirs, _ in by} | {taken, order} | columns_in(where)
            return of in found and read - {""} <= there and all(ours in own for _, ours in by)
        case Since(start, end):
            return {start, end} <= own
        case Bucket(of):
            return of in own
        case _:
            return isinstance(column.derive, Ruled)  # rules say something of every row


def unfilled(table: Table, generation: Generation) -> frozenset[str]:
    """The columns of a table that hold nothing in any row of a generation, those it reaches in other tables too. Of a
    table without rows none: that nothing feeds it is told of the table."""
    stored = generation.table(table.id)
    if stored is None or not stored.rows:
        return frozenset()
    empty = set(stored.empty)
    for link in table.columns_is:
        there = generation.table(link.table)
        if link.by in empty or there is None or not there.rows or link.column in there.empty:
            empty.add(link.id)
    return frozenset(empty)


# --- what a measure can say without them ------------------------------------------------------------------------------
def speechless(measure: Measure, empty: frozenset[str]) -> str:
    """The first column without which a measure can say nothing, of those that are `empty` in every row: its clock never
    strikes, nobody knows what has ended, its value is never there, or its condition never holds. An empty text where
    there is none.

    >>> from headwater.model.measure import At, Measure
    >>> from headwater.model.types import Unit
    >>> unit, clock = Unit.parse("money"), At("ordered_at")
    >>> revenue = Measure("m", "M", "orders", "sum", unit=unit, clock=clock, column=ColumnName("amount"))
    >>> speechless(revenue, frozenset({"amount"})), speechless(revenue, frozenset({"note"}))
    ('amount', '')
    """
    match measure.clock:
        case At(at) | Latest(at):
            dates = [at]
        case Alive(start, until):
            dates = [start, until]
        case Reached(start, to):
            dates = [start, to]
    for name in dates:
        if name in empty:
            return name
    if measure.column is not None and (name := _nothing(measure.column, empty)):
        return name
    return _never(measure.where, empty) if measure.where is not None else ""


def _nothing(value: RowValue, empty: frozenset[str]) -> str:
    """The column that leaves a value without one in every row, or an empty text."""
    match value:
        case ColumnName(name):
            return name if name in empty else ""
        case Constant():
            return ""
        case Arithmetic(_, left, right):
            return _nothing(left, empty) or _nothing(right, empty)
        case Elapsed(_, start, end):
            return _nothing(start, empty) or _nothing(end, empty)
        case Choose(_, then, otherwise):
            other = True if otherwise is None else _nothing(otherwise, empty)
            return _nothing(then, empty) if other else ""


def _never(condition: Predicate, empty: frozenset[str]) -> str:
    """The column without which a condition holds in no row, or an empty text."""
    match condition:
        case Compare(_, left, right):
            return _nothing(left, empty) or _nothing(right, empty)
        case In(value):
            return _nothing(value, empty)
        case Between(value, low, high):
            return _nothing(value, empty) or _nothing(low, empty) or _nothing(high, empty)
        case IsEmpty():
            return ""
        case IsTrue(value) | Not(IsEmpty(value)):
            return _nothing(value, empty)
        case Not():
            return ""
        case And(parts):
            return next((found for part in parts if (found := _never(part, empty))), "")
        case Or(parts):
            each = [_never(part, empty) for part in parts]
            return each[0] if all(each) else ""
