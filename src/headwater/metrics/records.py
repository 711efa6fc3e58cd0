"""The rows behind a number: the same scans, windows and conditions as the plan, without the last aggregation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.metrics.cohorts import everyone_counts
from headwater.metrics.formula import Asked, Need, needs
from headwater.metrics.planned import Context, Plan, Window
from headwater.metrics.planner import plan
from headwater.metrics.rows import rows_in_windows
from headwater.metrics.scans import clock_columns, divisor, needs_rates, segment_keys
from headwater.metrics.waiting import CAME, IMPOSSIBLE, LATE, WAITS, knows_waiting, timed
from headwater.metrics.windows import read_over
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Elapsed, Formula
from headwater.model.generation import Generation
from headwater.model.lowering import both, columns_in, physical
from headwater.model.measure import Measure, Reached
from headwater.model.plan import Col, Lit, Named, Op, Order, Project, Relation, Scalar, Sort
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.table import ByChannel, ByIdentity, Table

STATES = ("counted", "reached", "entered", "left_out")
"""`counted`: in the aggregate; of a cohort: `reached` (in both sides), `entered` (in the denominator alone),
`left_out` (too young, or not to be judged); of a duration: `left_out` (negative); of a stock with a limit: `left_out`
(none is known). Where those who wait count too, they are `entered`, and their value is for how long each was seen."""


@dataclass(frozen=True, slots=True)
class RecordsBlock:
    """The rows behind one measure of a KPI.

    `columns`: `window` (its number, or the first day of its calendar step), the asked splits, `state`, `value` (what
    is aggregated; elapsed time in whole seconds, see `divide`; None where rows are counted), then the row's business
    key and the columns the measure reads, then `_source`, `_load`, `_row`. `role`: numerator, denominator, both,
    measure.
    """

    kpi: str
    measure: str
    table: str
    role: str
    relation: Relation
    columns: tuple[str, ...]
    windows: tuple[Window, ...]
    divide: int = 1


def plan_records(
    question: Question, catalogue: Catalogue, generation: Generation, settings: Settings
) -> tuple[RecordsBlock, ...]:
    """One block per KPI, measure and moment of the question. Raises QueryError as `plan` does."""
    planned = plan(question, catalogue, generation, settings)
    blocks: list[RecordsBlock] = []
    for asked in planned.asked:
        for need, role in roles(asked).items():
            windows = _windows(planned, need, catalogue.measures[need.measure])
            if windows:
                blocks.append(_block(planned, asked, need, role, windows))
    return tuple(blocks)


def roles(asked: Asked) -> dict[Need, str]:
    """What each measure of a KPI is there for; a cohort measure stands once, for both of its sides."""
    if asked.formula is None:
        return {}
    found: dict[Need, str] = {}
    if isinstance(asked.formula, Binary) and asked.formula.operator == "/":
        sides: tuple[tuple[str, Formula], ...] = (
            ("numerator", asked.formula.left),
            ("denominator", asked.formula.right),
        )
    else:
        sides = (("measure", asked.formula),)
    for role, formula in sides:
        for need in needs(formula):
            plain = Need(need.measure, need.moment)
            found[plain] = role if found.get(plain, role) == role else "both"
    return found


def _windows(planned: Plan, need: Need, measure: Measure) -> tuple[Window, ...]:
    windows = (w for (_, moment), w in planned.windows.items() if moment == need.moment and w is not None)
    found = {read_over(measure, need.moment, w) for w in windows}
    return tuple(sorted(found, key=lambda w: (w.end, str(w.start))))


def _block(planned: Plan, asked: Asked, need: Need, role: str, windows: tuple[Window, ...]) -> RecordsBlock:
    question, context = planned.question, planned.context
    measure = context.catalogue.measures[need.measure]
    table = context.catalogue.tables[measure.table]
    total = need.moment.total
    condition = planned.condition
    names = columns_in(condition) | (frozenset() if total else frozenset(question.by))
    shown = (*_shown(measure, context), *_rules(table, names, question.by))
    rows = rows_in_windows(
        question,
        (measure,),
        table,
        names,
        windows,
        condition,
        context,
        rated=frozenset({measure.id} if needs_rates(measure, context) else ()),
        keep_extra=(*table.key, *shown, "_source", "_load", "_row"),
    )
    listed_rows, waits = rows.relation, knows_waiting(measure)
    if waits:
        listed_rows = timed(listed_rows, question, measure, table, context)
    keys = segment_keys(question, total, table)
    splits = () if total else question.by
    columns = (
        Named("window", rows.window),
        *(Named(k.name, k.value) for k in keys),
        Named("state", _state(measure)),
        Named("value", _value(measure)),
        *(Named(n, Col(n)) for n in dict.fromkeys((*table.key, *shown))),
        *(Named(n, Col(n)) for n in ("_source", "_load", "_row")),
    )
    listed = Project(listed_rows, columns, _listed(measure))
    order = tuple(Order(Col(n)) for n in ("window", *(k.name for k in keys), *table.key, "_source", "_row"))
    labels = ("window", *splits, *(c.name for c in columns[1 + len(keys) :]))
    return RecordsBlock(
        asked.kpi.id, measure.id, table.id, role, Sort(listed, order), labels, windows, divisor(measure)
    )


def _rules(table: Table, names: frozenset[str], by: Sequence[str]) -> tuple[str, ...]:
    """The columns that say which rules gave the named ones, and those that are named themselves."""
    ruled = {c.id: c.derive for c in table.columns if isinstance(c.derive, ByIdentity | ByChannel)}
    gave = {name: rules.column for name, rules in ruled.items() if rules.gives == "rule"}
    return tuple(name for name, column in gave.items() if names & {name, column} and name not in by)


def _shown(measure: Measure, context: Context) -> tuple[str, ...]:
    table = context.catalogue.tables[measure.table]
    read = clock_columns(measure) | columns_in(measure.column) | columns_in(measure.where)
    read |= {measure.per} - {""}
    if measure.limit is not None:
        read |= frozenset(measure.limit.by)
    return tuple(n for n in physical(table, read) if n not in table.key)


def _listed(measure: Measure) -> Scalar | None:
    """Rows that meet the condition and, where values are aggregated, have one (and one to take them by first); and
    those that no limit is known of."""
    if measure.limit is not None:
        judged = measure.limit.counts == "judged"
        return Op("or", (Col("_ok0"), Col("_unjudged0"))) if judged else Col("_ok0")
    ok = None if measure.where is None else Col("_ok0")
    if knows_waiting(measure) or measure.column is None:
        return ok
    needed = ("_v0", measure.per) if measure.per else ("_v0",)
    return both(ok, *(Op("not", (Op("is_null", (Col(n),)),)) for n in needed))


def _value(measure: Measure) -> Scalar:
    """What is aggregated of a row: a time, days alive, a value; nothing where rows are counted."""
    if knows_waiting(measure):
        return Col("_time")
    if measure.aggregate == "average":
        return Col("_days")
    return Lit(None) if measure.column is None else Col("_v0")


def _state(measure: Measure) -> Scalar:
    if knows_waiting(measure):
        share = measure.aggregate == "share"
        came, waits = ((CAME, IMPOSSIBLE), (WAITS, LATE)) if share else ((CAME,), (WAITS,))
        reached, entered = (Op("in", (Col("_how"), *(Lit(how) for how in states))) for states in (came, waits))
        return Op("case", (reached, Lit("reached"), entered, Lit("entered"), Lit("left_out")))
    if measure.limit is not None:
        return Op("case", (Col("_unjudged0"), Lit("left_out"), Lit("counted")))
    if isinstance(measure.clock, Reached):
        seen: Scalar = Lit(True) if everyone_counts(measure.clock) else Col("_seen")
        reached = Op("and", (seen, Col("_reached")))
        return Op("case", (reached, Lit("reached"), seen, Lit("entered"), Lit("left_out")))
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        return Op("case", (Op("lt", (Col("_v0"), Lit(0))), Lit("left_out"), Lit("counted")))
    return Lit("counted")
