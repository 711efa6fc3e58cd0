"""The rows of one scan, each in its windows, with all that aggregates read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headwater.metrics import happened
from headwater.metrics.cohorts import after_observation, cohort_columns, with_p95
from headwater.metrics.lags import later_rows
from headwater.metrics.limits import with_limits, within_count, without_limit
from headwater.metrics.planned import Context, Window
from headwater.metrics.scans import (
    base,
    begun,
    condition_of,
    dated,
    lower_filter,
    money_columns,
    narrowed,
    of,
    value_of,
    with_rates,
)
from headwater.metrics.stocks import after_the_eve, alive_rows, is_versioned, latest_rows
from headwater.metrics.windows import are_steps, in_windows
from headwater.model.expression import Predicate
from headwater.model.lowering import both, day_of, lower_value
from headwater.model.measure import Alive, At, Latest, Measure, Reached
from headwater.model.plan import Col, Lit, Named, Op, Project, Relation, Scalar, unchanged
from headwater.model.question import Question
from headwater.model.table import Table


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows in their windows with the columns aggregates read: `_w` by `window`, `_v0..` values, `_ok0..` conditions."""

    relation: Relation
    window: Scalar
    versioned: bool


_RATES = ("_rate", "_rated")
"""What `with_rates` adds: the rate, and whether there is one, which each measure tells of its own amounts then."""


def rows_in_windows(
    question: Question,
    measures: tuple[Measure, ...],
    table: Table,
    names: frozenset[str],
    windows: tuple[Window, ...],
    condition: Predicate | None,
    context: Context,
    *,
    total: bool = False,
    rated: frozenset[str] = frozenset(),
    keep_extra: tuple[str, ...] = (),
    number: str = "",
) -> Prepared:
    """The rows of one scan, each in its window(s), with their values, conditions, rates and segment columns.

    A row may stand in several windows where these overlap. Columns: those read, `_w` where windows are joined,
    `_v<i>` (value of measure i, in whole seconds for elapsed time), `_ok<i>` (its condition), `_rate` where currencies
    are converted, which the measures `rated` are, `_known` where values come from versions. With `number` that column
    stands for every value.
    """
    clock = next((m.clock for m in measures if isinstance(m.clock, Reached)), measures[0].clock)
    currencies = tuple(
        c.currency
        for m in measures
        if m.id in rated
        for n in money_columns(m, context)
        if (c := table.column(n)) is not None
    )
    versioned = any(is_versioned(m, names, context) for m in measures)
    extra = (*keep_extra, *currencies, *((number,) if number else ()))
    if isinstance(clock, Reached):
        extra = (*extra, "_source")
    if versioned or isinstance(clock, Latest):
        extra = (*extra, *table.key)
    behind = dated(measures, table, names)
    extra = (*extra, *happened.reads(table, behind, begun(clock)))
    if measures[0].limit is not None:
        extra = (*extra, "_source", *measures[0].limit.by)
    read = tuple(replace(m, column=None) for m in measures) if number else measures
    source, keep = base(read, table, names, context.catalogue, extra)
    filtered = lower_filter(table, condition)
    if isinstance(clock, At | Reached):
        later = after_observation(clock, table, question, context)
        filtered = both(happened.come(table, begun(clock), later), filtered)
        source = happened.by_then(source, keep, table, behind, later)
    # a row that stands in several windows gets its rate once
    rated_first = bool(currencies) and len(windows) > 1 and not are_steps(windows, question.grain)
    match clock:
        case At(at):
            day: Scalar = Col(day_of(table, at))
            if filtered is not None:
                source = narrowed(source, keep, filtered)
            counted_on = day_of(table, at)
            if measures[0].lag is not None:
                source, keep = later_rows(source, keep, measures[0], table, question, context)
                counted_on = "_later"
            if rated_first:
                source, keep = with_rates(source, keep, currencies[0], day, context), (*keep, *_RATES)
            relation, window = in_windows(source, keep, counted_on, windows, question.grain)
        case Reached(start):
            day = Col(day_of(table, start))
            if filtered is not None:
                source = narrowed(source, keep, filtered)
            if rated_first:
                source, keep = with_rates(source, keep, currencies[0], day, context), (*keep, *_RATES)
            relation, window = in_windows(source, keep, day_of(table, start), windows, question.grain)
        case Alive(start, until):
            day = Op("add_days", (Col("_w_end"), Lit(-1)))
            relation, keep = alive_rows(
                source, keep, table, start, until, windows,
                versioned=versioned, average=measures[0].aggregate == "average",
            )  # fmt: skip
            relation = happened.by_then(relation, keep, table, behind, after_the_eve)
            window = Col("_w")
            filtered = both(happened.come(table, start, after_the_eve), filtered)
            if filtered is not None:
                relation = narrowed(relation, keep, filtered)
            if measures[0].limit is not None:
                relation, keep = with_limits(relation, keep, measures[0], table, question, context)
        case Latest():
            day = Col(day_of(table, clock.at))
            relation, keep = latest_rows(source, keep, table, clock, windows, behind, measures[0])
            window = Col("_w")
            if filtered is not None:
                relation = narrowed(relation, keep, filtered)
    joined = "_w" in keep or window == Col("_w")
    kept = tuple(dict.fromkeys((*keep, *(("_w",) if joined else ()))))
    if currencies and "_rate" not in kept:
        relation, kept = with_rates(relation, kept, currencies[0], day, context), (*kept, *_RATES)
    computed: list[Named] = []
    for i, measure in enumerate(measures):
        if measure.id in rated and measure.column is not None:  # no amount needs no rate
            known = Op("or", (Col("_rated"), Op("is_null", (lower_value(table, measure.column),))))
            computed.append(Named(of("_rated", i), known))
    for i, measure in enumerate(measures):
        if measure.limit is not None:
            computed.append(Named(f"_ok{i}", within_count(measure, table)))
            computed.append(Named(f"_unjudged{i}", without_limit(measure, table)))
        elif measure.where is not None:
            computed.append(Named(f"_ok{i}", condition_of(measure, table)))
        if measure.column is not None:
            value = Col(number) if number else value_of(measure, table, measure.id in rated)
            if measure.lag is not None and measure.lag.spread:
                value = Op("mul", (Op("as_double", (value,)), Col("_weight")))
            computed.append(Named(f"_v{i}", value))
        if isinstance(measure.clock, Reached):
            computed += cohort_columns(i, measure.clock, table, question, context)
    columns = (*(unchanged(n) for n in kept if n != "_rated"), *computed)
    relation = Project(relation, columns)
    if isinstance(clock, Reached) and clock.mature == "p95":
        relation = with_p95(relation, columns, measures[0], clock, table, question, context)
    return Prepared(relation, window, versioned)
