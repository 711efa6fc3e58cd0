"""The catalogue with what `headwater.yml` says of single KPIs instead of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from headwater.api.settings import FILE, Override
from headwater.errors import DefinitionError, Fault, nearest
from headwater.metrics.definitions import definition, names_in
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.kpi import Kpi
from headwater.model.measure import Measure, Reached, Span

V = TypeVar("V")


def overridden(catalogue: Catalogue, overrides: Mapping[str, Override]) -> Catalogue:
    """The catalogue with the overrides applied. A KPI that one of them touches has a version of its own.

    Raises DefinitionError when an override names no KPI, or gives a maturity to one that reads no cohort.
    """
    if not overrides:
        return catalogue
    faults: list[Fault] = []
    kpis: dict[str, Kpi] = {}
    cohorts: dict[str, Measure] = {}
    for name, override in overrides.items():
        if name not in catalogue.kpis:
            do = nearest(name, catalogue.kpis)
            faults.append(Fault(FILE, 0, f"kpis.{name}", f"no KPI is called {name!r}.", do))
            continue
        kpis[name], own = _overridden(catalogue.kpis[name], override, catalogue.measures)
        cohorts |= own
        if override.mature is not None and not own:
            what = f"{name!r} reads no cohort of its own, so it has no maturity."
            faults.append(Fault(FILE, 0, f"kpis.{name}.mature", what))
    if faults:
        raise DefinitionError.of(faults)
    version = hashlib.sha256(f"{catalogue.hash} {sorted(overrides.items())!r}".encode()).hexdigest()
    changed = Catalogue(
        catalogue.tables, _Layered(cohorts, catalogue.measures), _Layered(kpis, catalogue.kpis), version
    )
    return replace(changed, kpis=_Versioned(changed, frozenset(overrides)))


class _Layered(Mapping[str, V]):
    """A mapping with some values replaced or added; those below are read only when asked for."""

    def __init__(self, own: Mapping[str, V], below: Mapping[str, V]) -> None:
        self._own, self._below = own, below

    def __getitem__(self, name: str) -> V:
        return self._own[name] if name in self._own else self._below[name]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._below

    def __iter__(self) -> Iterator[str]:
        yield from self._below
        yield from (name for name in self._own if name not in self._below)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Versioned(Mapping[str, Kpi]):
    """The KPIs of a catalogue; one that rests on a touched KPI gets its version anew when it is asked for."""

    def __init__(self, catalogue: Catalogue, touched: frozenset[str]) -> None:
        self._catalogue, self._touched = catalogue, touched
        self._known: dict[str, Kpi] = {}

    def __getitem__(self, name: str) -> Kpi:
        if name not in self._known:
            kpi = self._catalogue.kpis[name]
            if rests_on(self._catalogue, name) & self._touched:
                text = definition(self._catalogue, name)
                kpi = replace(kpi, hash=hashlib.sha256(text.encode()).hexdigest())
            self._known[name] = kpi
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.kpis)

    def __len__(self) -> int:
        return len(self._catalogue.kpis)


def rests_on(catalogue: Catalogue, kpi: str) -> frozenset[str]:
    """A KPI and all KPIs that its formulas are built from."""
    found: set[str] = set()
    waiting = [kpi]
    while waiting:
        name = waiting.pop().partition(".")[0]
        if name not in found and name in catalogue.kpis:
            found.add(name)
            formulas = [v.formula for v in catalogue.kpis[name].variants if v.formula is not None]
            waiting += [n for f in formulas for n in names_in(f) if n not in catalogue.measures]
    return frozenset(found)


def _overridden(kpi: Kpi, override: Override, measures: Mapping[str, Measure]) -> tuple[Kpi, dict[str, Measure]]:
    """The KPI, and the copies of cohort measures that it alone reads."""
    own: dict[str, Measure] = {}
    if override.mature is not None:
        wait: Span | str = override.mature if override.mature == "p95" else Span.parse(override.mature)
        for name in {n for v in kpi.variants if v.formula is not None for n in names_in(v.formula)}:
            measure = measures.get(name)
            if measure is not None and isinstance(measure.clock, Reached):
                copy = replace(measure, id=f"{name}@{kpi.id}", clock=replace(measure.clock, mature=wait))
                own[copy.id] = copy
    variants = tuple(
        v if v.formula is None else replace(v, formula=_reading(v.formula, kpi.id, own)) for v in kpi.variants
    )
    small = kpi.small_sample if override.small_sample is None else override.small_sample
    tolerance = kpi.tolerance if override.tolerance is None else override.tolerance
    return replace(kpi, variants=variants, small_sample=small, tolerance=tolerance), own


def _reading(formula: Formula, kpi: str, own: Mapping[str, Measure]) -> Formula:
    """The formula with a KPI's own copies in place of the measures they were made from."""
    match formula:
        case Number():
            return formula
        case Name(name):
            return Name(f"{name}@{kpi}") if f"{name}@{kpi}" in own else formula
        case Negate(of):
            return Negate(_reading(of, kpi, own))
        case Call(function, argument, window):
            return Call(function, _reading(argument, kpi, own), window)
        case Binary(operator, left, right):
            return Binary(operator, _reading(left, kpi, own), _reading(right, kpi, own))
