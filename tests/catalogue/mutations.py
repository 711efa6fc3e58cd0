"""Wrong definitions made from right ones: what a slip of the pen would write into a measure or a formula."""

from collections.abc import Iterator
from dataclasses import replace

from headwater.metrics.formula import expand
from headwater.model.catalogue import Catalogue
from headwater.model.expression import (
    And,
    Arithmetic,
    Binary,
    Call,
    ColumnName,
    Elapsed,
    Formula,
    In,
    Name,
    Negate,
    Not,
    Number,
    Predicate,
)
from headwater.model.kpi import Kpi
from headwater.model.measure import EVER, Alive, At, Clock, Latest, Measure, Reached, Span
from headwater.model.table import Table
from headwater.model.types import Kind

Wrong = tuple[str, Catalogue]


def wrong(catalogue: Catalogue, name: str) -> Iterator[Wrong]:
    """Catalogues in which the KPI or variant of that name is defined wrongly, each with what is wrong."""
    kpi_id, _, variant_id = name.partition(".")
    kpi = catalogue.kpis[kpi_id]
    variant = kpi.variant(variant_id)
    assert variant is not None
    assert variant.formula is not None
    formula = expand(catalogue, variant.formula)
    for measure_id in dict.fromkeys(_names(formula)):
        measure = catalogue.measures[measure_id]
        for what, other in _measures(measure, catalogue.tables[measure.table]):
            yield f"{measure_id}: {what}", replace(catalogue, measures={**catalogue.measures, measure_id: other})
    for what, text in _formulas(formula):
        variants = tuple(replace(v, formula=text) if v is variant else v for v in kpi.variants)
        other_kpi: Kpi = replace(kpi, variants=variants)
        yield f"formula: {what}", replace(catalogue, kpis={**catalogue.kpis, kpi_id: other_kpi})


# --- measures ---------------------------------------------------------------------------------------------------------
def _measures(measure: Measure, table: Table) -> Iterator[tuple[str, Measure]]:
    for what, where in _conditions(measure.where):
        yield what, replace(measure, where=where)
    for what, clock in _clocks(measure.clock, table):
        yield what, replace(measure, clock=clock)
    if measure.lag is not None:
        yield "no lag", replace(measure, lag=None)
        yield "the other lag", replace(measure, lag=replace(measure.lag, spread=not measure.lag.spread))
    if measure.limit is not None:
        other = "judged" if measure.limit.counts == "beyond" else "beyond"
        yield "no limit", replace(measure, limit=None)
        yield "the other rows of a limit", replace(measure, limit=replace(measure.limit, counts=other))
        yield "a limit of all together", replace(measure, limit=replace(measure.limit, by=measure.limit.by[:1]))
    if measure.per:
        yield "no mean first", replace(measure, per="")
    match measure.aggregate:
        case "count":
            ids = [c.id for c in table.columns if c.type.kind is Kind.ID and c.id not in table.key]
            if ids:
                distinct = replace(measure, aggregate="count_distinct", column=ColumnName(ids[0]))
                yield f"different {ids[0]}", distinct
        case "count_distinct":
            yield "rows counted", replace(measure, aggregate="count", column=None)
        case "sum":
            yield "mean", replace(measure, aggregate="mean")
            yield "max", replace(measure, aggregate="max")
        case "mean":
            yield "median", replace(measure, aggregate="median")
        case "median":
            yield "mean", replace(measure, aggregate="mean")
    match measure.column:
        case Elapsed(unit, start, end):
            yield "ends swapped", replace(measure, column=Elapsed(unit, end, start))
            yield "negatives kept", replace(measure, negatives="keep")
            yield "another unit", replace(measure, column=Elapsed("hours" if unit != "hours" else "days", start, end))
        case ColumnName(column) if measure.aggregate == "sum":
            kind = next(c.type.kind for c in table.columns if c.id == column)
            other = next((c.id for c in table.columns if c.type.kind is kind and c.id != column), None)
            if other is not None:
                yield f"{other} added up", replace(measure, column=ColumnName(other))
        case Arithmetic(_, left):
            yield "only a part", replace(measure, column=left)


def _conditions(where: Predicate | None) -> Iterator[tuple[str, Predicate | None]]:
    if where is None:
        return
    yield "condition dropped", None
    yield "condition negated", Not(where)
    parts = where.parts if isinstance(where, And) else (where,)
    for i, part in enumerate(parts):
        others = (*parts[:i], *parts[i + 1 :])
        if others:
            yield f"part {i + 1} dropped", And(others) if len(others) > 1 else others[0]
        if isinstance(part, In) and len(part.options) > 2:
            shorter = replace(part, options=part.options[1:])
            yield f"an option of part {i + 1} dropped", And((*others, shorter)) if others else shorter


def _clocks(clock: Clock, table: Table) -> Iterator[tuple[str, Clock]]:
    dated = [c.id for c in table.columns if c.type.kind in (Kind.DAY, Kind.TIME)]
    match clock:
        case At(at):
            for other in [n for n in dated if n != at][:2]:
                yield f"clock {other}", At(other)
        case Alive(start, until):
            if until:
                yield "never ends", Alive(start)
            other = next((n for n in dated if n not in (start, until)), None)
            if other is not None:
                yield f"from {other}", Alive(other, until)
        case Latest(at, per, _):
            yield "10 days", Latest(at, per, Span(10, "day"))
            yield "per day too", Latest(at, (*per, at), Span(45, "day"))
        case Reached(start, to, within, mature, _):
            other_within = Span(20, "day") if within == EVER else EVER
            yield f"within {other_within}", replace(clock, within=other_within)
            if within.unit == "day":
                yield "a day less", replace(clock, within=Span(within.amount - 1, "day"))
            if within.unit == "minute":
                yield "a second less", replace(clock, within=Span(within.amount * 60 - 1, "second"))
            if mature == "p95":
                yield "everybody is mature", replace(clock, mature=None)
                yield "mature after 20 days", replace(clock, mature=Span(20, "day"))
            elif within != EVER:
                yield "everybody is mature", replace(clock, mature=EVER)
            for other in [n for n in dated if n not in (start, to)][:1]:
                yield f"from {other}", replace(clock, start=other)
                yield f"to {other}", replace(clock, to=other)
            if clock.outcome:
                yield "no outcome", replace(clock, outcome="")


# --- formulas ---------------------------------------------------------------------------------------------------------
def _formulas(formula: Formula) -> Iterator[tuple[str, Formula]]:
    match formula:
        case Binary(operator, left, right):
            match operator:
                case "/":
                    yield "sides swapped", Binary("/", right, left)
                    yield "only the top", left
                case "+":
                    yield "+ as -", Binary("-", left, right)
                case "-":
                    yield "- as +", Binary("+", left, right)
                case "*":
                    yield "only a factor", right
            for what, inner in _formulas(left):
                yield what, Binary(operator, inner, right)
            for what, inner in _formulas(right):
                yield what, Binary(operator, left, inner)
        case Call(function, argument):
            yield f"{function} dropped", argument
        case Negate(of):
            yield "sign dropped", of
        case Name() | Number():
            return


def _names(formula: Formula) -> Iterator[str]:
    match formula:
        case Name(name):
            yield name
        case Negate(of) | Call(_, of):
            yield from _names(of)
        case Binary(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Number():
            return
