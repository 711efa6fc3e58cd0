"""Rows that stand at a moment: alive at the eve of a window, or the last of each key."""

from __future__ import annotations

from datetime import date

from headwater.metrics import happened
from headwater.metrics.planned import Context, Window
from headwater.metrics.scans import changes, condition_of, linked, narrowed
from headwater.metrics.windows import around, inside, window_values
from headwater.model.expression import ColumnName, Predicate, RowValue
from headwater.model.lowering import both, columns_in, day_of, lower_value
from headwater.model.measure import EVER, Alive, Latest, Measure
from headwater.model.period import shift
from headwater.model.plan import (
    Col,
    Join,
    Lit,
    Named,
    Op,
    Order,
    Over,
    Project,
    Relation,
    Scalar,
    Scan,
    Values,
    unchanged,
)
from headwater.model.table import VERSIONS_SUFFIX, Table
from headwater.model.types import DAY, DAY_SUFFIX, INTEGER


def is_versioned(measure: Measure, names: frozenset[str], context: Context) -> bool:
    """Whether a stock has to read values from the versions of its rows; `names`: splits and filter columns asked."""
    table = context.catalogue.tables[measure.table]
    if not isinstance(measure.clock, Alive) or not table.versions:
        return False
    read = columns_in(measure.column) | columns_in(measure.where) | names
    return any(changes(table, n) for n in read | {link.by for link in linked(table, read)})


def after_the_eve(day: Scalar) -> Scalar:
    """After the day that a stock is read at."""
    return Op("ge", (day, Col("_w_end")))


def alive_rows(
    source: Relation,
    keep: tuple[str, ...],
    table: Table,
    start: str,
    until: str,
    windows: tuple[Window, ...],
    *,
    versioned: bool,
    average: bool = False,
) -> tuple[Relation, tuple[str, ...]]:
    """A row for each row alive at each window's eve; with `versioned`, changing columns as they were then, and `known`
    false where no version reaches back so far. Windows with a start ask what was lost: rows alive at the start's eve,
    with the values of that day, that ended in the window. With `average`: rows alive at any eve of the window, and
    `_days`, at how many."""
    if average:
        return _over_days(source, keep, table, start, until, windows)
    lost = windows[0].start is not None
    moment = Col("_w_start" if lost else "_w_end", "right")
    begun = Op("lt", (Col(day_of(table, start), "left"), moment))
    condition: Scalar = Lit(False) if lost else begun
    if until:
        end = Col(day_of(table, until), "left")
        still = Op("ge", (end, moment))
        if lost:
            condition = Op("and", (begun, still, Op("lt", (end, Col("_w_end", "right")))))
        else:
            condition = Op("and", (begun, Op("or", (Op("is_null", (end,)), still))))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_w", Col("_w", "right")),
        Named("_w_end", moment),
    )
    alive: Relation = Project(Join(source, window_values(windows), "inner", condition, unique=False), columns)
    kept = (*keep, "_w", "_w_end")
    if not versioned:
        return alive, kept
    changing = tuple(
        n
        for n in keep
        if changes(table, n.removesuffix(DAY_SUFFIX)) and n.removesuffix(DAY_SUFFIX) not in (start, until)
    )
    then = Project(
        Scan(table.id + VERSIONS_SUFFIX),
        tuple(unchanged(n) for n in dict.fromkeys((*table.key, *changing, "_valid_from__day", "_valid_to__day"))),
    )
    conditions = [Op("eq", (Col(k, "left"), Col(k, "right"))) for k in table.key]
    eve = Col("_w_end", "left")
    conditions.append(Op("lt", (Col("_valid_from__day", "right"), eve)))
    open_end = Op("is_null", (Col("_valid_to__day", "right"),))
    conditions.append(Op("or", (open_end, Op("ge", (Col("_valid_to__day", "right"), eve)))))
    known = Op("not", (Op("is_null", (Col("_valid_from__day", "right"),)),))
    out = tuple(Named(n, Col(n, "right" if n in changing else "left")) for n in kept)
    joined = Project(Join(alive, then, "left", Op("and", tuple(conditions))), (*out, Named("_known", known)))
    return joined, (*kept, "_known")


def _over_days(
    source: Relation, keep: tuple[str, ...], table: Table, start: str, until: str, windows: tuple[Window, ...]
) -> tuple[Relation, tuple[str, ...]]:
    """A row for each row and window in which it was alive at the eve of a day, and of how many days (`_days`)."""
    first, past = Col("_w_start", "right"), Col("_w_end", "right")
    begun = Col(day_of(table, start), "left")
    since = Op("case", (Op("gt", (begun, first)), begun, first))
    till: Scalar = past
    if until:
        ended = Col(day_of(table, until), "left")
        till = Op("case", (Op("lt", (ended, past)), ended, past))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_w", Col("_w", "right")),
        Named("_w_end", past),
        Named("_days", Op("days_between", (since, till))),
    )
    joined = Join(source, window_values(windows), "inner", Op("lt", (begun, past)), unique=False)
    kept = (*keep, "_w", "_w_end", "_days")
    alive = Op("gt", (Col("_days"), Lit(0)))
    return Project(Project(joined, columns), tuple(unchanged(n) for n in kept), alive), kept


def told_by(measure: Measure, table: Table) -> tuple[RowValue, Predicate | None] | None:
    """What decides which rows say something of what a measure reads: its value and its condition. None where every row
    does: it only counts them, or a column of their key, which is never empty."""
    column = measure.column
    if column is None or (isinstance(column, ColumnName) and column.id in table.key):
        return None
    return column, measure.where


def _tells(measure: Measure, table: Table) -> Scalar | None:
    """Whether a row says something of what a measure reads: it has the value, or it is not one that should have it (a
    link that is dead). A row that only lacks the value leaves the last known one standing."""
    if measure.column is None or told_by(measure, table) is None:
        return None
    value = Op("not", (Op("is_null", (lower_value(table, measure.column),)),))
    return value if measure.where is None else Op("or", (value, Op("not", (condition_of(measure, table),))))


def latest_rows(
    source: Relation,
    keep: tuple[str, ...],
    table: Table,
    clock: Latest,
    windows: tuple[Window, ...],
    behind: dict[str, frozenset[str]],
    measure: Measure,
) -> tuple[Relation, tuple[str, ...]]:
    """The last row per key at or before each window's eve, no older than `within`, that tells what is measured."""
    day = Col(day_of(table, clock.at), "left")
    oldest = tuple(shift(w.end, clock.within, -1) if clock.within != EVER else date(1, 1, 1) for w in windows)
    values = Values(
        (("_w", INTEGER), ("_w_start", DAY), ("_w_end", DAY)),
        tuple((i, oldest[i], w.end) for i, w in enumerate(windows)),
    )
    on = Op("and", (Op("lt", (day, Col("_w_end", "right"))), Op("ge", (day, Col("_w_start", "right")))))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_w", Col("_w", "right")),
        Named("_w_end", Col("_w_end", "right")),
    )
    kept = (*keep, "_w", "_w_end")
    begun = oldest if clock.within != EVER else (None,) * len(windows)
    read = around(tuple(Window(since, w.end) for since, w in zip(begun, windows, strict=True)))
    source = narrowed(source, keep, inside(Col(day_of(table, clock.at)), read))
    joined: Relation = Project(Join(source, values, "inner", on, unique=False), columns)
    joined = happened.by_then(joined, kept, table, behind, after_the_eve)
    telling = both(happened.come(table, clock.at, after_the_eve), _tells(measure, table))
    if telling is not None:
        joined = narrowed(joined, kept, telling)
    when = tuple(dict.fromkeys((day_of(table, clock.at), clock.at)))
    moment = [Order(Col(name), descending=True) for name in when]
    moment += [Order(Col(k)) for k in table.key if k not in (*clock.per, *when)]  # the others are equal there
    rank = Over("row_number", (Col("_w"), *(Col(p) for p in clock.per)), tuple(moment))
    ranked = Project(joined, (*(unchanged(n) for n in kept), Named("_place", rank)))
    return Project(ranked, tuple(unchanged(n) for n in kept), Op("eq", (Col("_place"), Lit(1)))), kept
