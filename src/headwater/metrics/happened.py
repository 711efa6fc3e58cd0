"""What had happened by the end of observation: a later date is read as empty, and so is whatever it dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from headwater.model.lowering import day_of, physical
from headwater.model.plan import Col, Lit, Named, Op, Project, Relation, Scalar
from headwater.model.table import Bucket, Pick, Since, Table
from headwater.model.types import Kind

Later = Callable[[Scalar], Scalar]
"""The condition that a day lies after the end of observation."""


def dates_behind(table: Table, name: str) -> frozenset[str]:
    """The date columns of a row that tell when the value of a column came to be: of a date it is the date itself. None
    for what has no date of its own and for a date that is planned."""
    kind = table.type_of(name)
    column = table.column(name)
    if kind is not None and kind.kind in (Kind.DAY, Kind.TIME):
        return frozenset() if column is not None and column.planned else frozenset({name})
    match column.derive if column is not None else None:
        case Since(start, end):
            return dates_behind(table, start) | dates_behind(table, end)
        case Bucket(of):
            return dates_behind(table, of)
        case Pick() as pick if (
            pick.which != "count"
        ):  # of the same row of the other table: its date, where that was taken too
            taken = replace(pick, column=pick.order)
            return frozenset(c.id for c in table.columns if c.derive == taken and not c.planned)
        case _:
            return frozenset()


def dated(table: Table, names: Iterable[str], begun: str) -> dict[str, frozenset[str]]:
    """Of the named columns those that a later date empties, with the dates behind them. `begun` is where the clock
    starts: rows are asked by it, so it is never later."""
    behind = {name: dates_behind(table, name) - {begun} for name in names if name != begun}
    return {name: dates for name, dates in behind.items() if dates}


def by_then(
    source: Relation, keep: Iterable[str], table: Table, behind: dict[str, frozenset[str]], later: Later
) -> Relation:
    """The rows (of the columns `keep`) as they were at the end of observation, in the columns of `behind`."""
    if not behind:
        return source
    ends = {stored: behind[name] for name in behind for stored in physical(table, frozenset({name}))}

    def seen(stored: str) -> Scalar:
        if stored not in ends:
            return Col(stored)
        after = [later(Col(day_of(table, date))) for date in sorted(ends[stored])]
        return Op("case", (after[0] if len(after) == 1 else Op("or", tuple(after)), Lit(None), Col(stored)))

    return Project(source, tuple(Named(n, seen(n)) for n in keep))


def come(table: Table, begun: str, later: Later) -> Scalar | None:
    """The condition that a row had come about by then; None where the clock tells it."""
    if not table.happens or table.happens == begun:
        return None
    day = Col(day_of(table, table.happens))
    return Op("or", (Op("is_null", (day,)), Op("not", (later(day),))))


def reads(table: Table, behind: dict[str, frozenset[str]], begun: str) -> tuple[str, ...]:
    """The stored columns that this needs beside those that are asked for."""
    dates = frozenset().union(*behind.values())
    happens = frozenset({table.happens} - {"", begun})
    return physical(table, dates | happens)
