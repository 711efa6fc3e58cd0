"""Rows of a stock that stand for longer than most that are through: open deals beyond the times of those won."""

from __future__ import annotations

from headwater.metrics.cohorts import complete_until
from headwater.metrics.lags import taken
from headwater.metrics.planned import Context
from headwater.metrics.scans import condition_of
from headwater.model.lowering import both, day_of
from headwater.model.measure import Alive, Measure
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scalar
from headwater.model.question import Question
from headwater.model.table import Table

LEAST = 5
"""Of fewer finished rows no limit is taken."""
_DAY = 86_400


def with_limits(
    rows: Relation, keep: tuple[str, ...], measure: Measure, table: Table, question: Question, context: Context
) -> tuple[Relation, tuple[str, ...]]:
    """The rows of a stock at each window's eve with `_beyond`: whether each stands for longer than its limit, in whole
    days up to the window's last one (by the row's `_source`, the last it has told of); empty where there is no limit.

    A limit is one for all windows and segments: of all rows finished by the day asked as of that are alike in `by`.
    """
    clock, limit = measure.clock, measure.limit
    if limit is None or not isinstance(clock, Alive):
        raise ValueError(f"{measure.id} has no limit")
    finished = taken(limit.of, question, context, by=limit.by)
    of = context.catalogue.measures[limit.of]
    quantile = Agg(of.aggregate, Col("_took"), quantile=of.quantile)
    alike = tuple(Named(f"_{n}", Op("coalesce", (Col(n), Lit("")))) for n in limit.by)
    found = Group(finished, alike, (NamedAgg("_limit", quantile), NamedAgg("_finished", Agg("count_rows"))))
    names = tuple(Named(a.name, Col(a.name)) for a in alike)
    limits = Project(found, (*names, Named("_limit", Col("_limit"))), Op("ge", (Col("_finished"), Lit(LEAST))))
    same = [Op("eq", (Op("coalesce", (Col(n, "left"), Lit(""))), Col(f"_{n}", "right"))) for n in limit.by]
    last, told = Op("add_days", (Col("_w_end"), Lit(-1))), complete_until(table.id, question, context)
    until = Op("case", (Op("lt", (told, last)), told, last))
    days = Op("days_between", (Col(day_of(table, clock.start)), until))
    kept = tuple(Named(n, Col(n)) for n in keep)
    standing = Project(rows, (*kept, Named("_stood", Op("mul", (days, Lit(_DAY))))))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_beyond", Op("gt", (Col("_stood", "left"), Col("_limit", "right")))),
    )
    return Project(Join(standing, limits, "left", both(*same)), columns), (*keep, "_beyond")


def within_count(measure: Measure, table: Table) -> Scalar:
    """Whether a row meets the condition of a measure with a limit, and what its limit asks."""
    judged = Op("not", (Op("is_null", (Col("_beyond"),)),))
    counted = judged if measure.limit is not None and measure.limit.counts == "judged" else _told(Col("_beyond"))
    return Op("and", (condition_of(measure, table), counted))


def without_limit(measure: Measure, table: Table) -> Scalar:
    """Whether a row meets the condition of a measure, and there is no limit to hold it against."""
    return Op("and", (condition_of(measure, table), Op("is_null", (Col("_beyond"),))))


def _told(condition: Scalar) -> Scalar:
    return Op("coalesce", (condition, Lit(False)))
