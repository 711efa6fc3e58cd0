"""A funnel as questions the planner answers, and as small tables of how long records took and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from headwater.metrics.cohorts import observed_until
from headwater.metrics.formula import HERE
from headwater.metrics.linking import credits_of
from headwater.metrics.observe import step_start_or_none
from headwater.metrics.planned import Plan, Window
from headwater.metrics.rows import rows_in_windows
from headwater.metrics.scans import segment_keys
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, ColumnName, Formula, Name
from headwater.model.funnel import Funnel, FunnelStep, Link
from headwater.model.kpi import Kpi, Variant
from headwater.model.lowering import columns_in, day_of
from headwater.model.measure import At, Measure, Reached, Span
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Project,
    Relation,
    Scalar,
    Scan,
    Union,
)
from headwater.model.table import Pick, Table
from headwater.model.types import DAY_SUFFIX, ONE, Unit

KPI = "funnel"
"""What the numbers of a funnel are of, where a KPI has its id."""

SMALL = 20
"""A rate that rests on fewer is told to rest on few."""

_PREFIX = "funnel__"  # no file can have such an id
MONEY = Unit.of(money=1)


@dataclass(frozen=True, slots=True)
class Transition:
    """From one step of a funnel to a later one, and the time a record has for it."""

    start: FunnelStep
    end: FunnelStep
    within: Span

    @property
    def id(self) -> str:
        """Both steps."""
        return f"{self.start.id}__{self.end.id}"


def outcome_of(table: Table, column: str) -> str:
    """The table whose rows tell that a date has come: the one it is taken from, else the one the rows are made of."""
    found = table.column(column)
    if found is not None and isinstance(found.derive, Pick):
        return found.derive.table
    return table.rows_from


def name_of(what: str, step: str) -> str:
    """The id under which a number of a funnel is asked."""
    return f"{_PREFIX}{what}__{step}"


def with_funnel(catalogue: Catalogue, funnel: Funnel, pairs: Sequence[Transition]) -> Catalogue:
    """The catalogue with the funnel's volumes, rates and values as KPIs beside its own: `volume` of each step, for
    each pair `period` (both sides by their own date) and `cohort` (within its time, matured), and `value`, the mean
    of what the last step is worth, with `value_year` of the twelve months to a period's end."""
    table = catalogue.tables[funnel.table]
    measures: dict[str, Measure] = {}
    kpis: dict[str, Kpi] = {}

    def measure(id_: str, title: str, clock: At | Reached) -> None:
        measures[id_] = Measure(id_, title, table.id, "count", clock, Unit.of(**{table.subject: 1}))

    def kpi(id_: str, formula: Formula, unit: Unit, basis: str, interval: str) -> None:
        variant = Variant("base", formula, "", basis, unit, interval=interval)
        show = "number" if unit != ONE else "percent"
        kpis[id_] = Kpi(
            id_, funnel.title, "", (variant,), "base", unit, show, "up", "any", "efficiency", "velocity", "monthly",
            "low", "", small_sample=SMALL, hash=catalogue.hash,
        )  # fmt: skip

    for step in funnel.steps:
        id_ = name_of("volume", step.id)
        measure(id_, step.title, At(step.at))
        kpi(id_, Name(id_), Unit.of(**{table.subject: 1}), "period", "none")
    for pair in pairs:
        top, bottom = name_of("volume", pair.end.id), name_of("volume", pair.start.id)
        kpi(name_of("period", pair.id), Binary("/", Name(top), Name(bottom)), ONE, "period", "none")
        id_ = name_of("cohort", pair.id)
        clock = Reached(pair.start.at, pair.end.at, pair.within, None, outcome_of(table, pair.end.at))
        measure(id_, pair.end.title, clock)
        kpi(id_, Binary("/", Name(id_), Call("entered", Name(id_))), ONE, "cohort", "proportion")
    if funnel.value:
        id_ = name_of("value", funnel.steps[-1].id)
        measures[id_] = Measure(
            id_, funnel.title, table.id, "mean", At(funnel.steps[-1].at), MONEY, ColumnName(funnel.value), empty=None
        )
        kpi(id_, Name(id_), MONEY, "period", "mean")
        year = Call("trailing", Name(id_), "12 months")
        kpi(name_of("value_year", funnel.steps[-1].id), year, MONEY, "period", "mean")
    for upper, lower in zip(funnel.top, funnel.top[1:], strict=False):
        kpi(
            name_of("top", lower.id),
            Binary("/", Name(lower.id), Name(upper.id)),
            _ratio(catalogue, lower.id, upper.id),
            "period",
            "none",
        )
    for top_step in funnel.top:
        kpi(name_of("count", top_step.id), Name(top_step.id), catalogue.measures[top_step.id].unit, "period", "none")
    if funnel.top:
        last, first = funnel.top[-1].id, name_of("volume", funnel.steps[0].id)
        unit = Unit.of(**{table.subject: 1}) / catalogue.measures[last].unit
        kpi(name_of("top", funnel.steps[0].id), Binary("/", Name(first), Name(last)), unit, "period", "none")
    tops = {t.id: catalogue.measures[t.id] for t in funnel.top}
    return replace(catalogue, measures={**tops, **measures}, kpis=kpis)


# --- how long, and how it ended --------------------------------------------------------------------------------------
def transitions(planned: Plan, funnel: Funnel, pairs: Sequence[Transition]) -> Relation:
    """Of the records that came to each pair's first step in the periods of a plan: how many days each was seen and how
    that ended, counted.

    Columns: `pair` (its number), `_w` (the window), the segment `s0` .., `days` (to the second step, to being lost, or
    to the end of observation), `end` (0 under way, 1 came, 2 lost), `early` (came on a day before it entered: 0 days),
    `seen` (observed as long as the pair has time), `in_time` (came within that time), `records`.
    """
    question, context = planned.question, planned.context
    table = context.catalogue.tables[funnel.table]
    windows = _windows(planned)
    parts: list[Relation] = []
    for number, pair in enumerate(pairs):
        clock = Reached(pair.start.at, pair.end.at, pair.within, None, outcome_of(table, pair.end.at))
        measure = Measure(pair.id, pair.end.title, table.id, "count", clock, Unit.of(**{table.subject: 1}))
        lost = frozenset({funnel.lost} - {""})
        names = frozenset(question.by) | columns_in(planned.condition) | lost | {pair.end.at}
        rows = rows_in_windows(question, (measure,), table, names, windows, planned.condition, context)
        start, to = Col(day_of(table, pair.start.at)), Col(day_of(table, pair.end.at))
        end = observed_until(clock, table, question, context)
        came = Op("not", (Op("is_null", (to,)),))
        dropped: Scalar = Lit(False)
        away: Scalar = start
        if funnel.lost and funnel.lost != pair.start.at:
            away = Col(day_of(table, funnel.lost))
            dropped = Op("coalesce", (Op("ge", (away, start)), Lit(False)))
        how = Op("case", (came, Lit(1), dropped, Lit(2), Lit(0)))
        until = Op("case", (came, to, dropped, away, end))
        days = Op("days_between", (start, until))
        keys = (
            Named("pair", Lit(number)),
            Named("_w", rows.window),
            *segment_keys(question, False, table),
            Named("days", Op("case", (Op("lt", (days, Lit(0))), Lit(0), days))),
            Named("end", how),
            Named("early", Col("_negative")),
            Named("seen", Col("_seen")),
            Named("in_time", Col("_reached")),
        )
        parts.append(Group(rows.relation, keys, (NamedAgg("records", Agg("count_rows")),)))
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def ages(planned: Plan, funnel: Funnel, pairs: Sequence[Transition]) -> Relation:
    """Of the records that came to each pair's first step in the periods of a plan: after how many days they came to the
    second, counted.

    Columns: `pair` (its number), `_w` (the window), the segment `s0` .., `days` (-1: not come by the end of
    observation; 0: on that day, or on one before), `records`, `least` (the fewest days that one of them was seen).
    """
    question, context = planned.question, planned.context
    table = context.catalogue.tables[funnel.table]
    windows = _windows(planned)
    parts: list[Relation] = []
    for number, pair in enumerate(pairs):
        clock = Reached(pair.start.at, pair.end.at, pair.within, None, outcome_of(table, pair.end.at))
        measure = Measure(pair.id, pair.end.title, table.id, "count", clock, Unit.of(**{table.subject: 1}))
        names = frozenset(question.by) | columns_in(planned.condition) | {pair.end.at}
        rows = rows_in_windows(question, (measure,), table, names, windows, planned.condition, context)
        start, to = Col(day_of(table, pair.start.at)), Col(day_of(table, pair.end.at))
        days = Op("days_between", (start, to))
        waits = Op("is_null", (to,))
        keys = (
            Named("pair", Lit(number)),
            Named("_w", rows.window),
            *segment_keys(question, False, table),
            Named("days", Op("case", (waits, Lit(-1), Op("lt", (days, Lit(0))), Lit(0), days))),
        )
        seen = Op("days_between", (start, observed_until(clock, table, question, context)))
        aggregates = (NamedAgg("records", Agg("count_rows")), NamedAgg("least", Agg("min", seen)))
        parts.append(Group(rows.relation, keys, aggregates))
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def entries(planned: Plan, funnel: Funnel, steps: Sequence[FunnelStep]) -> Relation:
    """Of the records that came to each step in the periods of a plan, how they came there.

    Columns: `step` (its number), `_w`, the segment, `records`, `skipped` (have no date of the step before) and
    `disordered` (have a later one).
    """
    table = planned.context.catalogue.tables[funnel.table]
    parts: list[Relation] = []
    for number, step in enumerate(steps):
        relation, window = _rows_by(planned, funnel, steps, step)
        here, before = (Col(day_of(table, s.at)) for s in (step, steps[max(number - 1, 0)]))
        skipped = Op("is_null", (before,))
        disordered = Op("coalesce", (Op("lt", (here, before)), Lit(False)))
        keys = (Named("step", Lit(number)), Named("_w", window), *segment_keys(planned.question, False, table))
        aggregates = (
            NamedAgg("records", Agg("count_rows")),
            NamedAgg("skipped", Agg("count_rows", where=skipped)),
            NamedAgg("disordered", Agg("count_rows", where=disordered)),
        )
        parts.append(Group(relation, keys, aggregates))
    return Union(tuple(parts))


def paths(planned: Plan, funnel: Funnel, steps: Sequence[FunnelStep]) -> Relation:
    """Of the records that came to the first step in the periods of a plan, how far they have come since.

    Columns: `_w`, the segment, for each step `any<i>` (have come to it) and `strict<i>` (have come to it and to every
    step before, none earlier than the one before it).
    """
    table = planned.context.catalogue.tables[funnel.table]
    dates = [Col(day_of(table, s.at)) for s in steps]
    relation, window = _rows_by(planned, funnel, steps, steps[0])
    aggregates: list[NamedAgg] = []
    for i, day in enumerate(dates):
        in_order = [Op("ge", (b, a)) for a, b in pairwise(dates[: i + 1])]
        strict = Op("coalesce", (_all((_known(day), *in_order)), Lit(False)))
        aggregates.append(NamedAgg(f"any{i}", Agg("count_rows", where=_known(day))))
        aggregates.append(NamedAgg(f"strict{i}", Agg("count_rows", where=strict)))
    return Group(relation, (Named("_w", window), *segment_keys(planned.question, False, table)), tuple(aggregates))


def _rows_by(planned: Plan, funnel: Funnel, steps: Sequence[FunnelStep], step: FunnelStep) -> tuple[Relation, Scalar]:
    """The records that came to a step in the periods of a plan, with their dates of all steps, and their window."""
    question, context = planned.question, planned.context
    table = context.catalogue.tables[funnel.table]
    names = frozenset(question.by) | columns_in(planned.condition) | frozenset(s.at for s in steps)
    measure = Measure(step.id, step.title, table.id, "count", At(step.at), Unit.of(**{table.subject: 1}))
    found = rows_in_windows(question, (measure,), table, names, _windows(planned), planned.condition, context)
    return found.relation, found.window


def returns(planned: Plan, funnel: Funnel, steps: Sequence[FunnelStep], kind: str) -> Relation:
    """How many subjects came to a stage more than once up to the day asked, by `stage`; `subjects` in all, `again` of
    them more than once."""
    until = Op("le", (Col(f"entered_at{DAY_SUFFIX}"), Lit(planned.question.as_of)))
    named = Op("in", (Col("stage"), *(Lit(s.stage) for s in steps if s.stage)))
    of_kind = Op("eq", (Col("subject_kind"), Lit(kind)))
    rows = Project(
        Scan("stage_entries"),
        (Named("stage", Col("stage")), Named("subject_id", Col("subject_id"))),
        Op("and", (of_kind, named, until)),
    )
    each = Group(
        rows,
        (Named("stage", Col("stage")), Named("subject_id", Col("subject_id"))),
        (NamedAgg("n", Agg("count_rows")),),
    )
    again = Agg("count_rows", where=Op("gt", (Col("n"), Lit(1))))
    return Group(
        each, (Named("stage", Col("stage")),), (NamedAgg("subjects", Agg("count_rows")), NamedAgg("again", again))
    )


def matches(planned: Plan, link: Link) -> Relation:
    """Of the deals opened in the periods of a plan: `_w`, `deals`, `matched` (found the lead they credit), `several`
    (more than one would have fitted)."""
    question, context = planned.question, planned.context
    deals = context.catalogue.tables["opportunities"]
    measure = Measure("deals", "", deals.id, "count", At("created_at"), Unit.of(opportunity=1))
    plain = replace(question, by=(), filter="")
    rows = rows_in_windows(
        plain, (measure,), deals, frozenset(), _windows(planned), None, context, keep_extra=("opportunity_id",)
    )
    opened = Project(rows.relation, (Named("_window", rows.window), Named("opportunity_id", Col("opportunity_id"))))
    on = Op("eq", (Col("opportunity_id", "left"), Col("opportunity_id", "right")))
    joined = Project(
        Join(opened, credits_of(link, context.catalogue), "left", on),
        (Named("_w", Col("_window", "left")), Named("candidates", Col("candidates", "right"))),
    )
    return Group(
        joined,
        (Named("_w", Col("_w")),),
        (
            NamedAgg("deals", Agg("count_rows")),
            NamedAgg("matched", Agg("count_rows", where=_known(Col("candidates")))),
            NamedAgg("several", Agg("count_rows", where=Op("gt", (Col("candidates"), Lit(1))))),
        ),
    )


# --- parts -----------------------------------------------------------------------------------------------------------
def _windows(planned: Plan) -> tuple[Window, ...]:
    found = [w for (_, moment), w in sorted(planned.windows.items(), key=lambda i: i[0][0]) if moment == HERE and w]
    return tuple(dict.fromkeys(found))


def window_numbers(planned: Plan) -> dict[object, int]:
    """By what a relation over the windows says in `_w` (a number, or the first day of a step), the period's number."""
    found: dict[object, int] = {}
    windows = _windows(planned)
    for i, window in enumerate(windows):
        period = next(n for (n, moment), w in planned.windows.items() if moment == HERE and w == window)
        found[i] = period
        if len(windows) > 1 and window.start is not None:
            start = step_start_or_none(window, planned.question.grain)
            if start is not None:
                found[start] = period
    return found


def _known(value: Scalar) -> Scalar:
    return Op("not", (Op("is_null", (value,)),))


def _all(conditions: Sequence[Scalar]) -> Scalar:
    return conditions[0] if len(conditions) == 1 else Op("and", tuple(conditions))


def _ratio(catalogue: Catalogue, top: str, bottom: str) -> Unit:
    return catalogue.measures[top].unit / catalogue.measures[bottom].unit
