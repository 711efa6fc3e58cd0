"""Entries and what became of them: who got there in time, who was seen long enough, who is too young."""

from __future__ import annotations

from headwater.metrics import happened
from headwater.metrics.aggregates import aggregate_of
from headwater.metrics.planned import Context
from headwater.metrics.scans import base, condition_of, dated, of
from headwater.model.lowering import both, day_of
from headwater.model.measure import EVER, At, Measure, Reached, Span
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scalar
from headwater.model.question import Question
from headwater.model.table import Table

_SPAN_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def after_observation(clock: At | Reached, table: Table, question: Question, context: Context) -> happened.Later:
    """After the end of observation: of a cohort that of its outcome, else the day asked as of."""
    end = observed_until(clock, table, question, context) if isinstance(clock, Reached) else Lit(question.as_of)
    return lambda day: Op("gt", (day, end))


def observed_until(clock: Reached, table: Table, question: Question, context: Context) -> Scalar:
    """The last day on which an outcome can have been seen, by the row's source: the day asked, or the day through
    which the outcome's table is complete where that is earlier."""
    return complete_until(clock.outcome or table.id, question, context)


def complete_until(table: str, question: Question, context: Context) -> Scalar:
    """The day asked, or the day through which a table is complete by the row's `_source` where that is earlier."""
    stored = context.generation.table(table)
    by_source = {s: d for s, d in (stored.complete_through if stored is not None else ()) if d is not None}
    if not by_source:
        return Lit(question.as_of)
    least = Lit(min(question.as_of, *by_source.values()))
    if len(set(by_source.values())) == 1:
        return least
    arms: list[Scalar] = []
    for name, day in sorted(by_source.items()):
        arms += [Op("eq", (Col("_source"), Lit(name))), Lit(min(question.as_of, day))]
    return Op("case", (*arms, least))


def _added(day: Scalar, span: Span) -> Scalar:
    match span.unit:
        case "day" | "week":
            return Op("add_days", (day, Lit(span.amount * (7 if span.unit == "week" else 1))))
        case "month" | "quarter" | "year":
            return Op("add_months", (day, Lit(span.amount * {"month": 1, "quarter": 3, "year": 12}[span.unit])))
        case _:
            return Op("add_days", (day, Lit(1)))


def everyone_counts(clock: Reached) -> bool:
    """Whether every entry of a cohort counts at once: no time limit, no wait."""
    return clock.within == EVER and clock.mature is None


def cohort_columns(i: int, clock: Reached, table: Table, question: Question, context: Context) -> list[Named]:
    """For each entry, by the clock of the measure `i` of a scan: `_reached` (got there in time), `_negative` (on an
    earlier day), and, where not everyone counts at once, `_seen` (observed long enough, and fit to be judged) and
    `_seen_until`."""
    start, to = Col(day_of(table, clock.start)), Col(day_of(table, clock.to))
    end = observed_until(clock, table, question, context)
    arrived = Op("le", (to, end))  # unknown of those without a date: not so, where it is told
    judged: Scalar | None = None
    if clock.within == EVER:
        in_time: Scalar = arrived
    elif clock.within.unit in _SPAN_SECONDS:
        elapsed = Op("seconds_between", (Col(clock.start), Col(clock.to)))
        limit = Lit(clock.within.amount * _SPAN_SECONDS[clock.within.unit])
        in_time = Op("and", (arrived, Op("le", (elapsed, limit))))
        no_end = Op("and", (Op("not", (Op("is_null", (to,)),)), arrived, Op("is_null", (Col(clock.to),))))
        judged = Op("not", (Op("or", (Op("is_null", (Col(clock.start),)), no_end)),))
    else:
        in_time = Op("and", (arrived, Op("le", (to, _added(start, clock.within)))))
    wait = clock.mature if isinstance(clock.mature, Span) else clock.within if clock.mature is None else EVER
    mature = Op("le", (_added(start, wait), end)) if wait != EVER else None
    columns = [
        Named(of("_reached", i), Op("coalesce", (in_time, Lit(False)))),
        Named(of("_negative", i), Op("coalesce", (Op("and", (arrived, Op("lt", (to, start)))), Lit(False)))),
    ]
    if not everyone_counts(clock):
        seen = both(mature, judged)
        columns.append(Named(of("_seen", i), Lit(True) if seen is None else Op("coalesce", (seen, Lit(False)))))
        columns.append(Named(of("_seen_until", i), end))
    return columns


def with_p95(
    relation: Relation,
    columns: tuple[Named, ...],
    measure: Measure,
    clock: Reached,
    table: Table,
    question: Question,
    context: Context,
) -> Relation:
    """Maturity from the 95th percentile of the completed transitions of all rows, in whole days, rounded up."""
    behind = dated((measure,), table, frozenset())
    extra = ("_source", *happened.reads(table, behind, clock.start))
    source, keep = base((measure,), table, frozenset(), context.catalogue, extra)
    later = after_observation(clock, table, question, context)
    source = happened.by_then(source, keep, table, behind, later)
    start, to = Col(day_of(table, clock.start)), Col(day_of(table, clock.to))
    end = observed_until(clock, table, question, context)
    done = [Op("le", (to, end)), Op("ge", (to, start)), Op("le", (start, Lit(question.as_of)))]
    if clock.within != EVER and clock.within.unit not in _SPAN_SECONDS:
        done.append(Op("le", (to, _added(start, clock.within))))
    condition = both(*done, happened.come(table, clock.start, later), condition_of(measure, table))
    days = Project(source, (Named("days", Op("days_between", (start, to))),), condition)
    p95 = Group(days, (), (NamedAgg("p95", Agg("quantile", Col("days"), quantile=0.95)),))
    whole = Project(p95, (Named("_p95_days", Op("as_integer", (Op("ceiling", (Col("p95"),)),))),))
    kept = tuple(Named(c.name, Col(c.name, "left")) for c in columns if c.name != "_seen")
    ripe = Op("add_days", (Col(day_of(table, clock.start), "left"), Col("_p95_days", "right")))
    seen = Op("and", (Col("_seen", "left"), Op("le", (ripe, Col("_seen_until", "left")))))
    return Project(
        Join(relation, whole, "cross"),
        (*kept, Named("_seen", Op("coalesce", (seen, Lit(False)))), Named("_p95_days", Col("_p95_days", "right"))),
    )


def cohort_aggregates(measure: Measure, i: int, *, rated: bool) -> tuple[list[NamedAgg], tuple[str, ...]]:
    """The aggregates of a cohort, the measure `i` of its block, and the fields they fill."""
    clock = measure.clock
    if not isinstance(clock, Reached):
        raise ValueError(f"{measure.id} is no cohort")
    ok: Scalar | None = None if measure.where is None else Col(f"_ok{i}")
    seen: Scalar | None = None if everyone_counts(clock) else Col(of("_seen", i))
    entered = both(ok, seen)
    reached = both(ok, seen, Col(of("_reached", i)))
    value = Col(f"_v{i}") if measure.column is not None else None
    aggregates = [
        NamedAgg(f"m{i}_value", aggregate_of(measure, value, reached)),
        NamedAgg(f"m{i}_n", Agg("count_rows", where=reached)),
        NamedAgg(f"m{i}_entered", aggregate_of(measure, value, entered)),
        NamedAgg(f"m{i}_entered_n", Agg("count_rows", where=entered)),
        NamedAgg(f"m{i}_negative", Agg("count_rows", where=both(reached, Col(of("_negative", i))))),
    ]
    names = ["value", "n", "entered", "entered_n", "negative"]
    if seen is not None:
        aggregates.append(NamedAgg(f"m{i}_left_out", Agg("count_rows", where=both(ok, Op("not", (seen,))))))
        names.append("left_out")
    if clock.mature == "p95":
        aggregates.append(NamedAgg(f"m{i}_mature_days", Agg("max", Col("_p95_days"))))
        names.append("mature_days")
    if rated:
        unrated = both(entered, Op("not", (Col(of("_rated", i)),)))
        aggregates.append(NamedAgg(f"m{i}_unrated", Agg("count_rows", where=unrated)))
        names.append("unrated")
    return aggregates, tuple(names)
