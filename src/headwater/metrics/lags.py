"""Rows that count later than they lie: what was spent, at the time when the deals it was spent on are won."""

from __future__ import annotations

from datetime import date, timedelta

from headwater.metrics import happened
from headwater.metrics.planned import Context, Window
from headwater.metrics.reading import Reading
from headwater.metrics.scans import base, condition_of, dated
from headwater.model.expression import Elapsed
from headwater.model.lowering import both, day_of, seconds_of
from headwater.model.measure import At, Lag, Measure, Span
from headwater.model.period import shift
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scalar, unchanged
from headwater.model.question import Question
from headwater.model.table import Table

MOST_MONTHS = 36
"""Whatever takes longer counts as this long."""
_HALF_A_MONTH = 1_314_873
"""Seconds in half of a twelfth of 365.2425 days."""


def later_rows(
    source: Relation, keep: tuple[str, ...], measure: Measure, table: Table, question: Question, context: Context
) -> tuple[Relation, tuple[str, ...]]:
    """Each row with `_later`, the day it counts on, and `_longest`, the months of the longest lag.

    With `spread` each row stands once for every lag that occurs, with its `_weight`: the share of what took so long.
    There are no rows where nothing tells how long it takes.
    """
    clock, lag = measure.clock, measure.lag
    if lag is None or not isinstance(clock, At):
        raise ValueError(f"{measure.id} has no lag")
    lags = _spread(lag, question, context) if lag.spread else _median(lag, question, context)
    day = Col(day_of(table, clock.at), "left")
    arms: list[Scalar] = [Op("eq", (Col("_lag", "right"), Lit(0))), day]
    for months in range(1, MOST_MONTHS + 1):
        arms += [Op("eq", (Col("_lag", "right"), Lit(months))), Op("add_months", (day, Lit(months)))]
    extra = ("_longest", "_weight") if lag.spread else ("_longest",)
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_later", Op("case", (*arms, Lit(None)))),
        *(Named(n, Col(n, "right")) for n in extra),
    )
    return Project(Join(source, lags, "cross", unique=False), columns), (*keep, "_later", *extra)


def _taken(lag: Lag, question: Question, context: Context) -> Relation:
    """The whole seconds that each row of the measure took which the lag goes by, as `_took`."""
    return taken(lag.of, question, context, since=shift(question.as_of + timedelta(1), lag.over, -1))


def taken(
    name: str, question: Question, context: Context, *, since: date | None = None, by: tuple[str, ...] = ()
) -> Relation:
    """The whole seconds that each finished row of a measure took, as `_took`, with its columns `by`: of the rows up to
    the day asked as of, from `since` on."""
    measure = context.catalogue.measures[name]
    table = context.catalogue.tables[measure.table]
    if not isinstance(measure.clock, At) or not isinstance(measure.column, Elapsed):
        raise ValueError(f"{measure.id} tells no length of time by a date")

    def later(day: Scalar) -> Scalar:
        return Op("gt", (day, Lit(question.as_of)))

    behind = dated((measure,), table, frozenset())
    source, keep = base(
        (measure,), table, frozenset(by), context.catalogue, happened.reads(table, behind, measure.clock.at)
    )
    source = happened.by_then(source, keep, table, behind, later)
    day = Col(day_of(table, measure.clock.at))
    inside = both(
        Op("le", (day, Lit(question.as_of))),
        None if since is None else Op("ge", (day, Lit(since))),
        happened.come(table, measure.clock.at, later),
        condition_of(measure, table),
    )
    alike = tuple(unchanged(n) for n in by)
    took = Project(source, (*alike, Named("_took", seconds_of(table, measure.column))), inside)
    return Project(took, (*alike, Named("_took", Col("_took"))), Op("ge", (Col("_took"), Lit(0))))


def _months(seconds: Scalar) -> Scalar:
    """Whole months, half a month rounded up."""
    arms: list[Scalar] = []
    for months in range(MOST_MONTHS):
        arms += [Op("lt", (seconds, Lit((2 * months + 1) * _HALF_A_MONTH))), Lit(months)]
    return Op("case", (*arms, Lit(MOST_MONTHS)))


def _median(lag: Lag, question: Question, context: Context) -> Relation:
    middle = Group(_taken(lag, question, context), (), (NamedAgg("_took", Agg("median", Col("_took"))),))
    known = Op("not", (Op("is_null", (Col("_took"),)),))
    months = Project(middle, (Named("_lag", _months(Col("_took"))),), known)
    return Project(months, (Named("_lag", Col("_lag")), Named("_longest", Col("_lag"))))


def _spread(lag: Lag, question: Question, context: Context) -> Relation:
    months = Project(_taken(lag, question, context), (Named("_lag", _months(Col("_took"))),))
    each = Group(months, (Named("_lag", Col("_lag")),), (NamedAgg("_n", Agg("count_rows")),))
    every = Group(months, (), (NamedAgg("_all", Agg("count_rows")), NamedAgg("_longest", Agg("max", Col("_lag")))))
    weight = Op("div", (Op("as_double", (Col("_n", "left"),)), Op("as_double", (Col("_all", "right"),))))
    columns = (
        Named("_lag", Col("_lag", "left")),
        Named("_longest", Col("_longest", "right")),
        Named("_weight", weight),
    )
    return Project(Join(each, every, "cross"), columns)


def not_known(measure: Measure, reading: Reading, window: Window, context: Context) -> str:
    """Why the rows of a window say nothing: some that count in it lie before the data; '' where all are there."""
    stored = context.generation.table(measure.table)
    first = None if stored is None else stored.first_day
    if reading.longest is None or window.start is None or first is None:
        return ""
    months = int(reading.longest)
    needed = shift(window.start, Span(months, "month"), -1) if months else window.start
    if needed >= date(first.year, first.month, 1):
        return ""
    return f"{measure.table!r} is needed from {needed} on, {months} months before, and begins on {first}"
