"""How a number was made: definition, formula with its numbers, rows counted, derivations, statements, freshness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from headwater.metrics.formula import needs
from headwater.metrics.language import format_formula, format_predicate
from headwater.metrics.observe import Evaluation, Notes, Segment, evaluations
from headwater.metrics.planned import Plan
from headwater.metrics.scans import clock_columns
from headwater.metrics.wording import aggregate_text, clock_text
from headwater.model.channels import UNASSIGNED
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.identity import IdentityRule
from headwater.model.lowering import columns_in
from headwater.model.measure import Reached
from headwater.model.observation import Observation
from headwater.model.plan import Statement
from headwater.model.table import (
    Bucket,
    ByChannel,
    ByIdentity,
    Derivation,
    Key,
    LinkedColumn,
    Lookup,
    Pick,
    Since,
    Table,
)


@dataclass(frozen=True, slots=True)
class TracedMeasure:
    """One measure of the formula, in words, with the rows it counted in each period and segment of the answer."""

    id: str
    title: str
    table: str
    what: str
    clock: str
    where: str
    rows: int
    path: str


@dataclass(frozen=True, slots=True)
class TracedNumber:
    """One number of the answer with the formula filled in, such as `842 / 8000 = 0.10525`."""

    observation: Observation
    filled: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """Through which day a source has delivered a table; None where it does not say."""

    table: str
    source: str
    complete_through: date | None


@dataclass(frozen=True, slots=True)
class Trace:
    """How the numbers of one KPI were made, for every surface alike."""

    kpi: str
    variant: str
    title: str
    question: str
    formula: str
    written: str
    unit: str
    basis: str
    path: str
    reference: str
    numbers: tuple[TracedNumber, ...]
    measures: tuple[TracedMeasure, ...]
    derivations: tuple[tuple[str, str], ...]
    statements: tuple[str, ...]
    freshness: tuple[Freshness, ...]
    small_sample: int
    definition: str
    data: str
    journal: int
    as_of: date


def trace(
    plan: Plan, statements: Sequence[Statement], results: Sequence[Sequence[tuple[object, ...]]]
) -> tuple[Trace, ...]:
    """One Trace per asked KPI, from the statements that ran and the rows they gave."""
    out: list[Trace] = []
    for evaluation in evaluations(plan, results):
        asked = evaluation.asked
        segments = evaluation.segments()
        numbers = tuple(
            TracedNumber(o, _filled(evaluation, i, s, o))
            for i, period in enumerate(plan.periods)
            for s in segments
            for o in (evaluation.observation(i, period, s),)
        )
        used = tuple(dict.fromkeys(n.measure for n in (needs(asked.formula) if asked.formula else ())))
        measures = tuple(_measure(plan, evaluation, m) for m in used)
        tables = tuple(dict.fromkeys(m.table for m in measures))
        blocks = [i for i, b in enumerate(plan.blocks) if any(f.measure in used for f in b.fields)]
        out.append(
            Trace(
                kpi=asked.kpi.id,
                variant=asked.variant.id,
                title=asked.kpi.title,
                question=asked.kpi.question,
                formula="" if asked.formula is None else format_formula(asked.formula),
                written=asked.variant.text,
                unit=str(asked.variant.unit),
                basis=asked.variant.basis,
                path=asked.kpi.path,
                reference=asked.kpi.reference,
                numbers=numbers,
                measures=measures,
                derivations=_derivations(plan, used),
                statements=tuple(statements[i].text for i in blocks),
                freshness=tuple(_freshness(plan, tables)),
                small_sample=asked.kpi.small_sample,
                definition=asked.kpi.hash,
                data=plan.context.generation.id,
                journal=plan.context.generation.journal,
                as_of=plan.question.as_of,
            )
        )
    return tuple(out)


def _filled(evaluation: Evaluation, index: int, segment: Segment, observation: Observation) -> str:
    formula = evaluation.asked.formula
    if formula is None:
        return observation.detail
    value = "no value" if observation.value is None else _number(observation.value)
    return f"{_with_numbers(evaluation, formula, index, segment)} = {value}"


def _with_numbers(evaluation: Evaluation, formula: Formula, index: int, segment: Segment) -> str:
    def read(part: Formula) -> str:
        value = evaluation.value(part, index, segment, Notes())
        return "nothing" if value is None else _number(float(value))

    match formula:
        case Number(number):
            return format(number, "f")
        case Name():
            return read(formula)
        case Negate(of):
            return f"-{_with_numbers(evaluation, of, index, segment)}"
        case Binary(operator, left, right):
            a, b = (_with_numbers(evaluation, p, index, segment) for p in (left, right))
            a = f"({a})" if isinstance(left, Binary) else a
            b = f"({b})" if isinstance(right, Binary) else b
            return f"{a} {operator} {b}"
        case Call(function):
            if function == "entered":
                return read(formula)
            return f"{function}(...) {read(formula)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.10g}"


def _measure(plan: Plan, evaluation: Evaluation, measure_id: str) -> TracedMeasure:
    measure = plan.context.catalogue.measures[measure_id]
    readings = [by for (m, total, _), by in evaluation.readings.items() if m == measure_id and not total]
    rows = sum(max(r.n, r.entered_n) for by in readings for r in by.values())
    return TracedMeasure(
        id=measure.id,
        title=measure.title,
        table=measure.table,
        what=aggregate_text(measure),
        clock=clock_text(measure.clock),
        where="" if measure.where is None else format_predicate(measure.where),
        rows=rows,
        path=measure.path,
    )


def _derivations(plan: Plan, used: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """How each derived column that the answer reads came about, columns behind columns included."""
    catalogue = plan.context.catalogue
    found: dict[str, str] = {}
    for name in used:
        measure = catalogue.measures[name]
        table = catalogue.tables[measure.table]
        read = columns_in(measure.column) | columns_in(measure.where) | clock_columns(measure)
        read |= frozenset(plan.question.by) | columns_in(plan.condition)
        _explain(plan, table, read, found)
        for link in table.links:
            if link.id in read:
                bound = link.after if isinstance(link, LinkedColumn) else ""
                text = f"{link.column} of {link.table} by {link.by}, as it is now"
                found[f"{table.id}.{link.id}"] = text + (f"; none where it lies before {bound}" if bound else "")
                _explain(plan, catalogue.tables[link.table], frozenset({link.column}), found)
    return tuple(found.items())


def _explain(plan: Plan, table: Table, names: frozenset[str], found: dict[str, str]) -> None:
    for name in sorted(names):
        column = table.column(name)
        key = f"{table.id}.{name}"
        if column is None or key in found:
            continue
        if column.derive is None:
            origin = plan.context.catalogue.tables.get(table.rows_from) if table.rows_from else None
            if origin is not None and origin.column(name) is not None:
                found[key] = f"{name} of the row of {origin.id}"
                _explain(plan, origin, frozenset({name}), found)
            continue
        found[key] = _derivation_text(column.derive)
        match column.derive:
            case Lookup(other, _, taken):
                _explain(plan, plan.context.catalogue.tables[other], frozenset({taken}), found)
            case Pick(_, other, _, taken) if taken:
                _explain(plan, plan.context.catalogue.tables[other], frozenset({taken}), found)
            case Since(start, end):
                _explain(plan, table, frozenset({start, end}), found)
            case Key(_, taken):
                _explain(plan, table, frozenset({taken}), found)
            case (ByIdentity() | ByChannel()) as rules if rules.gives == "rule":
                _explain(plan, table, frozenset({rules.column}), found)
            case ByIdentity() as rules:
                _explain(plan, table, frozenset(of for _, of in rules.links), found)
            case _:
                pass


def _derivation_text(derive: Derivation) -> str:
    match derive:
        case Lookup(table, by, column, as_of):
            return f"{column} of {table} by {by}, " + (f"as of {as_of}" if as_of else "as it is now")
        case Pick():
            links = " and ".join(f"{theirs} = {ours}" for theirs, ours in derive.by)
            where = "" if derive.where is None else f" where {format_predicate(derive.where)}"
            bounds = (f" from {derive.after}" if derive.after else "") + (
                f" until {derive.until}" if derive.until else ""
            )
            what = f"{derive.which} " + (f"{derive.column} " if derive.column else "")
            return f"{what}of {derive.table} with {links}{where}{bounds}" + (
                f" by {derive.order}" if derive.order else ""
            )
        case Since(start, end, unit):
            return f"{unit} from {start} to {end}"
        case Bucket(column):
            return f"class of {column}: {', '.join(derive.labels)}"
        case Key(of, column):
            told = {"mail": "trimmed, in lower case", "company": "its domain, but for free mail", "domain": "its host"}
            return f"{column} as it is compared: {told[of]}"
        case (ByIdentity() | ByChannel()) as rules if rules.gives == "rule":
            return f"the rule that gave {rules.column}"
        case ByChannel():
            told_by = ", ".join(dict.fromkeys(of for _, of in derive.facts))
            order = ", ".join(r.id for r in derive.rules)
            return f"first rule of channels.yml that knows {told_by}: {order}; else {UNASSIGNED}"
        case ByIdentity():
            order = "; ".join(_identity_text(derive, rule) for rule in derive.rules)
            return f"first rule of identity.yml that leads to one of {derive.table}: {order}; else none"


def _identity_text(derive: ByIdentity, rule: IdentityRule) -> str:
    link = derive.link("mail" if rule.by == "domain" else rule.by)
    ways = {
        "id": "as delivered",
        "mail": f"the same mail as {link}",
        "cookie": f"the form sent with {link}",
        "contact": f"the company of {link}",
        "domain": f"the domain of {link}",
    }
    several = f", of several {rule.several.replace('_', ' ')}" if rule.several else ""
    before = f", {rule.before_days} days before the form" if rule.before_days is not None else ""
    only = f", in {', '.join(rule.sources)}" if rule.sources else ""
    return f"{rule.id} ({ways[rule.by]}{several}{before}{only})"


def _freshness(plan: Plan, tables: tuple[str, ...]) -> list[Freshness]:
    found: list[Freshness] = []
    outcomes = [
        m.clock.outcome
        for n in {n.measure for group in plan.needs.values() for n in group}
        if isinstance((m := plan.context.catalogue.measures[n]).clock, Reached) and m.clock.outcome
    ]
    for name in dict.fromkeys((*tables, *outcomes)):
        stored = plan.context.generation.table(name)
        found += [Freshness(name, s, d) for s, d in (stored.complete_through if stored is not None else ())]
    return found
