"""KPI files to KPIs: names, units, functions and clocks held against the measures and KPIs they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from headwater.errors import Fault
from headwater.files.read import KeyPath
from headwater.metrics.definitions import names_in
from headwater.metrics.entries import ID, ID_RULE, Entry, unknown
from headwater.metrics.kinds import DATED, NUMERIC, columns_of, parse_day
from headwater.metrics.language import LanguageError, format_formula, parse_formula
from headwater.metrics.measures import unit_faults
from headwater.metrics.shapes import ExampleShape, KpiShape, VariantShape
from headwater.metrics.tables import circles
from headwater.metrics.units import UnitError, unit_of
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.kpi import ANALYSES, BASE, Example, Kpi, Variant
from headwater.model.measure import EVER, Alive, At, Latest, Measure, Reached
from headwater.model.observation import OBSERVATION_FIELDS, QUALITIES
from headwater.model.period import Calendar, Grain
from headwater.model.table import VERSIONS_SUFFIX, Column, Table
from headwater.model.types import ONE, TIME, Kind, Unit

KpiEntry = Entry[KpiShape]


@dataclass(frozen=True, slots=True)
class Known:
    """What a formula may name: tables, measures and KPIs by id (None: the file is broken), and the words of units."""

    tables: Mapping[str, Table | None]
    measures: Mapping[str, Measure | None]
    kpis: Mapping[str, Kpi | None]
    units: frozenset[str] | None


def build_kpis(
    entries: Sequence[KpiEntry],
    broken: frozenset[str],
    tables: Mapping[str, Table | None],
    measures: Mapping[str, Measure | None],
    units: frozenset[str] | None,
    beside: Mapping[str, Kpi] = MappingProxyType({}),
) -> tuple[dict[str, Kpi | None], list[Fault]]:
    """Every KPI by id (None: its file is broken), and what is wrong; `beside` are some that are checked already."""
    faults: list[Fault] = []
    kpis: dict[str, Kpi | None] = dict(beside)
    kept: list[KpiEntry] = []
    for entry in entries:
        if entry.id in kpis:
            faults.append(entry.fault((), f"a KPI {entry.id!r} is shipped already", "Give it another name."))
            continue
        kpis[entry.id] = _kpi(entry, faults)
        kept.append(entry)
    for name in broken:
        kpis.setdefault(name, None)
    kpis = {name: kpis[name] for name in sorted(kpis)}
    known = Known(tables, measures, kpis, units)
    circular = _check_circles(kept, known, faults)
    for entry in kept:
        kpi = kpis[entry.id]
        if kpi is not None:
            kpis[entry.id] = _checked(entry, kpi, known, entry.id in circular, faults)
    return kpis, faults


# --- from shapes -----------------------------------------------------------------------------------------------------
def _kpi(entry: KpiEntry, faults: list[Fault]) -> Kpi | None:
    shape = entry.shape
    shapes = shape.variants or {BASE: VariantShape(formula=shape.formula, analysis=shape.analysis, needs=shape.needs)}
    variants = tuple(v for n, s in shapes.items() if (v := _variant(entry, n, s, faults)) is not None)
    default = shape.default or (next(iter(shapes)) if len(shapes) == 1 else "")
    if not default:
        faults.append(entry.fault((), "a KPI with several variants needs the key 'default'"))
    elif default not in shapes:
        faults.append(entry.fault(("default",), *unknown("variant", default, shapes)))
    unit = shape.unit or next((v.unit for n, v in shapes.items() if n == default and v.unit is not None), None)
    if unit is None:
        faults.append(entry.fault((), "the key 'unit' is missing", "Write it as money/lead, lead or 1."))
    if len(variants) != len(shapes) or unit is None or default not in shapes:
        return None
    return Kpi(
        id=entry.id,
        title=shape.title or entry.id,
        question=shape.question,
        variants=variants,
        default=default,
        unit=unit,
        show=shape.show,
        better=shape.better,
        stage=shape.stage,
        role=shape.role,
        group=shape.group,
        cadence=shape.cadence,
        vanity=shape.vanity,
        reference=shape.reference,
        aliases=shape.aliases,
        pitfalls=shape.pitfalls,
        pair=shape.pair,
        small_sample=shape.small_sample,
        tolerance=shape.tolerance,
        example=_example(shape.example) if shape.example is not None else None,
        path=entry.document.path,
        own=entry.own,
    )


def _variant_key(entry: KpiEntry, variant: str) -> KeyPath:
    return () if entry.shape.variants is None else ("variants", variant)


def _variant(entry: KpiEntry, name: str, shape: VariantShape, faults: list[Fault]) -> Variant | None:
    kpi, key = entry.shape, _variant_key(entry, name)
    if not ID.fullmatch(name):
        faults.append(entry.fault(key, f"the variant name {name!r} is not an id", ID_RULE))
    formula: Formula | None = None
    if shape.formula is not None:
        try:
            formula = parse_formula(shape.formula)
        except LanguageError as error:
            faults.append(entry.fault((*key, "formula"), str(error)))
            return None
    elif shape.analysis is None and not (shape.needs or "").strip():
        faults.append(
            entry.fault((*key, "needs"), "what this needs is not said", "Write needs: the analysis 'survival'.")
        )
    answer = shape.analysis
    if answer is not None and answer.name not in ANALYSES:
        faults.append(entry.fault((*key, "analysis", "name"), *unknown("analysis", answer.name, ANALYSES)))
    return Variant(
        id=name,
        formula=formula,
        text=format_formula(formula) if formula is not None else "" if answer is None else answer.says,
        basis=shape.basis or kpi.basis or "",
        unit=shape.unit or kpi.unit or ONE,
        use_when=shape.use_when,
        needs=shape.needs or "",
        interval=shape.interval or kpi.interval,
        analysis="" if answer is None else answer.name,
        reads=() if answer is None else answer.reads,
        splits=() if answer is None else answer.splits,
    )


def _example(shape: ExampleShape) -> Example:
    ask = tuple(
        {k: _asked(v) for k, v in question if k == "expect" or v not in ("", (), None)} for question in shape.ask
    )
    return Example(tuple(shape.tables.items()), ask, shape.about)


def _asked(value: Any) -> object:
    match value:
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


# --- names and circles -----------------------------------------------------------------------------------------------
def find(name: str, measures: Mapping[str, Any], kpis: Mapping[str, Kpi | None]) -> tuple[str, str] | None:
    """The KPI and variant a name of a formula means, or None where a measure has the name or nothing has.

    A measure wins over a KPI of the same name, so that the KPI `mrr` may be the measure `mrr`.
    """
    kpi_id, _, variant_id = name.partition(".")
    kpi = kpis.get(kpi_id)
    if name in measures or kpi is None:
        return None
    variant = kpi.variant(variant_id)
    return None if variant is None else (kpi_id, variant.id)


def _check_circles(entries: Sequence[KpiEntry], known: Known, faults: list[Fault]) -> set[str]:
    """A fault for each circle of KPIs; the ids of all KPIs in one."""
    edges: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for kpi in known.kpis.values():
        for v in kpi.variants if kpi is not None else ():
            found = (find(n, known.measures, known.kpis) for n in names_in(v.formula)) if v.formula else ()
            edges[kpi.id if kpi else "", v.id] = tuple(f for f in found if f is not None)
    by_id = {e.id: e for e in entries}
    circular: set[str] = set()
    for circle in circles(edges):
        shown = [k if v == BASE else f"{k}.{v}" for k, v in (*circle, circle[0])]
        kpi_id, variant = circle[0]
        entry = by_id[kpi_id]
        key = (*_variant_key(entry, variant), "formula")
        faults.append(entry.fault(key, f"the KPI is made of itself: {' -> '.join(shown)}"))
        circular.update(k for k, _ in circle)
    return circular


# --- checks ----------------------------------------------------------------------------------------------------------
def _checked(entry: KpiEntry, kpi: Kpi, known: Known, circular: bool, faults: list[Fault]) -> Kpi:
    """The KPI with the basis of each variant, checked against all it names."""
    shape = entry.shape
    if shape.pair:
        pair = shape.pair.partition(".")[0]
        if pair == kpi.id:
            faults.append(entry.fault(("pair",), "a KPI is no pair of itself"))
        elif pair not in known.kpis:
            faults.append(entry.fault(("pair",), *unknown("KPI", pair, known.kpis)))
        elif known.kpis[pair] is not None and find(shape.pair, {}, known.kpis) is None:
            faults.append(entry.fault(("pair",), f"{pair!r} has no such variant"))
    declared = {(): shape.unit} | {("variants", n): v.unit for n, v in (shape.variants or {}).items()}
    for key, unit in declared.items():
        faults += unit_faults(entry, (*key, "unit"), unit or ONE, known.units)
    variants = tuple(_checked_variant(entry, v, known, circular, faults) for v in kpi.variants)
    if kpi.example is not None and shape.example is not None:
        _check_example(entry, kpi, shape.example, known, faults)
    return replace(kpi, variants=variants)


def _checked_variant(entry: KpiEntry, variant: Variant, known: Known, circular: bool, faults: list[Fault]) -> Variant:
    key = _variant_key(entry, variant.id)
    if variant.formula is None:
        for i, name in enumerate(variant.reads):
            if name not in known.measures:
                faults.append(entry.fault((*key, "analysis", "reads", i), *unknown("measure", name, known.measures)))
        return replace(variant, basis=variant.basis or "period")
    before = len(faults)
    for name in dict.fromkeys(names_in(variant.formula)):
        _check_name(entry, (*key, "formula"), name, known, faults)
    if len(faults) > before or circular:
        return variant
    measures = tuple(_measures_under(variant.formula, known))
    if any(m is None for m in measures):
        return variant
    _check_calls(entry, (*key, "formula"), variant.formula, known, faults)
    own_unit = entry.shape.variants[variant.id].unit if entry.shape.variants else None
    unit_key = (*key, "unit") if own_unit is not None else ("unit",)
    try:
        unit = unit_of(variant.formula, lambda name: _unit_of_name(name, known))
    except UnitError as error:
        faults.append(entry.fault((*key, "formula"), error.what, error.do))
    else:
        if unit != variant.unit:
            what = f"the formula {variant.text!r} gives {unit}, and the file says {variant.unit}"
            faults.append(entry.fault(unit_key, what))
    return replace(variant, basis=variant.basis or _basis([m for m in measures if m is not None]))


def _check_name(entry: KpiEntry, key: KeyPath, name: str, known: Known, faults: list[Fault]) -> None:
    if name in known.measures:
        return
    kpi_id, dot, variant_id = name.partition(".")
    if kpi_id not in known.kpis:
        possible = [*known.measures, *known.kpis]
        faults.append(entry.fault(key, *unknown("measure or KPI", kpi_id, possible)))
        return
    kpi = known.kpis[kpi_id]
    if kpi is not None and dot and kpi.variant(variant_id) is None:
        what, do = unknown("variant", variant_id, [v.id for v in kpi.variants])
        do = do or f"Its variants are {', '.join(v.id for v in kpi.variants)}."
        faults.append(entry.fault(key, f"in {kpi_id!r}, {what}", do))
    elif kpi is not None and (found := kpi.variant(variant_id)) is not None and found.analysis:
        faults.append(entry.fault(key, f"{name!r} is the answer of an analysis, and no formula can be made of it"))


def _unit_of_name(name: str, known: Known) -> Unit:
    measure = known.measures.get(name)
    if measure is not None:
        return measure.unit
    kpi_id, _, variant_id = name.partition(".")
    kpi = known.kpis[kpi_id]
    variant = kpi.variant(variant_id) if kpi is not None else None
    return variant.unit if variant is not None else ONE


def _measures_under(formula: Formula, known: Known) -> Iterator[Measure | None]:
    """The measures below a formula, through every KPI it names; None where a file is broken. Circles are gone."""
    for name in dict.fromkeys(names_in(formula)):
        if name in known.measures:
            yield known.measures[name]
            continue
        kpi_id, _, variant_id = name.partition(".")
        kpi = known.kpis.get(kpi_id)
        variant = kpi.variant(variant_id) if kpi is not None else None
        if variant is None:
            yield None
        elif variant.formula is not None:
            yield from _measures_under(variant.formula, known)


def _measures_through(formula: Formula, known: Known) -> Iterator[Measure | None]:
    """The measures below a formula that are read over the whole of a window: all but those of which the opening is
    read, or what was lost since then."""
    match formula:
        case Call("opening" | "lost"):
            return
        case Call(_, argument) | Negate(argument):
            yield from _measures_through(argument, known)
        case Binary(_, left, right):
            yield from _measures_through(left, known)
            yield from _measures_through(right, known)
        case Name(name):
            found = find(name, known.measures, known.kpis)
            kpi = known.kpis[found[0]] if found is not None else None
            variant = kpi.variant(found[1]) if kpi is not None and found is not None else None
            if name in known.measures:
                yield known.measures[name]
            elif variant is not None and variant.formula is not None:
                yield from _measures_through(variant.formula, known)
        case Number():
            return


def _basis(measures: Sequence[Measure]) -> str:
    """The basis that follows from the clocks: a cohort where one is in it, a stock where there is nothing else."""
    if any(isinstance(m.clock, Reached) for m in measures):
        return "cohort"
    stock = bool(measures) and all(isinstance(m.clock, Alive | Latest) for m in measures)
    return "stock" if stock else "period"


_CLOCKS: dict[str, tuple[tuple[type, ...], str]] = {
    "opening": ((Alive, Latest), "only a stock has a value at the opening of a period"),
    "trailing": ((At,), "only rows counted by their date, what was lost and the opening have a trailing window"),
    "prior": ((At, Alive, Latest), "a cohort is compared with no period before"),
    "growth": ((At, Alive, Latest), "a cohort is compared with no period before"),
}


def _check_calls(entry: KpiEntry, key: KeyPath, formula: Formula, known: Known, faults: list[Fault]) -> None:
    """Faults for functions over measures whose clock does not fit."""
    match formula:
        case Number() | Name():
            return
        case Negate(of):
            _check_calls(entry, key, of, known, faults)
        case Binary(_, left, right):
            _check_calls(entry, key, left, known, faults)
            _check_calls(entry, key, right, known, faults)
        case Call("lost", argument):
            measure = known.measures.get(argument.id) if isinstance(argument, Name) else None
            if measure is None or not isinstance(measure.clock, Alive) or not measure.clock.until:
                what = f"'lost' takes the name of a stock whose rows end, not {format_formula(argument)!r}"
                faults.append(entry.fault(key, what, "Its clock would have to be 'alive' with 'until'."))
        case Call("entered", argument):
            measure = known.measures.get(argument.id) if isinstance(argument, Name) else None
            if measure is None:
                what = f"'entered' takes the name of a cohort measure, not {format_formula(argument)!r}"
                faults.append(entry.fault(key, what))
            elif not isinstance(measure.clock, Reached):
                do = "Its clock would have to be 'reached'."
                faults.append(entry.fault(key, f"'entered' takes a cohort measure, and {measure.id!r} is none", do))
        case Call(function, argument, window):
            if function in _CLOCKS:
                clocks, why = _CLOCKS[function]
                found = list(_measures_under(argument, known))
                starts = function == "trailing" and window != str(EVER)
                for measure in _measures_through(argument, known) if starts else found:
                    if measure is not None and not isinstance(measure.clock, clocks):
                        clock = type(measure.clock).__name__.lower()
                        what = f"{function!r} does not fit {measure.id!r}, whose clock is {clock!r}: {why}"
                        faults.append(entry.fault(key, what))
                if not found:
                    faults.append(entry.fault(key, f"{function!r} is taken of numbers alone"))
            _check_calls(entry, key, argument, known, faults)


# --- examples --------------------------------------------------------------------------------------------------------
_EXPECTED = frozenset(OBSERVATION_FIELDS) | {"period"}


def _check_example(entry: KpiEntry, kpi: Kpi, example: ExampleShape, known: Known, faults: list[Fault]) -> None:
    for name, rows in example.tables.items():
        key: KeyPath = ("example", "tables", name)
        base = name.removesuffix(VERSIONS_SUFFIX)
        if base not in known.tables:
            faults.append(entry.fault(key, *unknown("table", name, known.tables)))
            continue
        table = known.tables[base]
        if table is not None:
            if base != name and not table.versions:
                faults.append(entry.fault(key, f"the table {base!r} keeps no versions"))
            _check_rows(entry, key, table, rows, faults, versions=base != name)
    for i, ask in enumerate(example.ask):
        key = ("example", "ask", i)
        kpi_id, _, variant = ask.kpi.partition(".")
        if ask.kpi and (kpi_id != kpi.id or kpi.variant(variant) is None):
            do = f"Write {', '.join(f'{kpi.id}.{v.id}' for v in kpi.variants)}, or leave it out."
            faults.append(entry.fault((*key, "kpi"), f"{ask.kpi!r} is neither this KPI nor a variant of it", do))
        if ask.grain and ask.grain not in set(Grain):
            faults.append(entry.fault((*key, "grain"), *unknown("grain", ask.grain, list(Grain))))
        if ask.period:
            try:
                Calendar().parse(ask.period, date(2000, 1, 1))
            except (ValueError, OverflowError) as error:
                faults.append(entry.fault((*key, "period"), str(error)))
        possible = _EXPECTED | set(ask.by)
        for j, expected in enumerate(ask.expect):
            for field in expected:
                if field not in possible:
                    faults.append(entry.fault((*key, "expect", j, field), *unknown("field", field, possible)))
            quality = expected.get("quality")
            for word in quality if isinstance(quality, list) else [quality] if quality else []:
                if word not in QUALITIES:
                    faults.append(
                        entry.fault((*key, "expect", j, "quality"), *unknown("quality", str(word), QUALITIES))
                    )


def _check_rows(
    entry: KpiEntry,
    key: KeyPath,
    table: Table,
    rows: Sequence[dict[str, Any]],
    faults: list[Fault],
    *,
    versions: bool,
) -> None:
    columns = columns_of(table)
    if versions:
        columns |= {n: Column(n, TIME) for n in ("_valid_from", "_valid_to")}
    for i, row in enumerate(rows):
        for name, value in row.items():
            if name not in columns:
                faults.append(entry.fault((*key, i, name), *unknown("column", name, columns)))
            elif value is not None and not _fits(value, columns[name].type.kind):
                what = f"{value!r} does not fit {table.id}.{name}, which is of type {columns[name].type}"
                faults.append(entry.fault((*key, i, name), what))


def _fits(value: object, kind: Kind) -> bool:
    """Whether a value written in an example can stand in a column of a kind."""
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    if kind in DATED:
        return isinstance(value, str) and (parse_day(value) is not None or (kind is Kind.TIME and _is_moment(value)))
    if kind is Kind.INTEGER:
        return isinstance(value, int)
    if kind in NUMERIC:
        return isinstance(value, int | float) or _is_number(value)
    return True


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return parse_day(text[:10]) is not None


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()
