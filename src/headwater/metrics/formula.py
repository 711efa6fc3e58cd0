"""Formulas resolved: which measures a KPI rests on, and at which moments each is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from headwater.errors import QueryError, UnknownError, nearest
from headwater.metrics.definitions import names_in
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.kpi import Kpi, Variant
from headwater.model.measure import Span
from headwater.model.types import ONE, Unit


class Moment(NamedTuple):
    """Where a formula is read: so many periods back, over a trailing window, at the opening, as what was lost since the
    opening, over all segments."""

    back: int = 0
    trailing: Span | None = None
    opening: bool = False
    lost: bool = False
    total: bool = False


HERE = Moment()


class Need(NamedTuple):
    """One measure at one moment; `entered`: the matured entries of a cohort instead of those that reached."""

    measure: str
    moment: Moment = HERE
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A KPI and the variant that answers; `formula` names measures alone, or is None where an analysis answers and
    where it cannot be reckoned yet. `needs`: what it waits for then (an analysis, a goal), its own or that of a KPI it
    is made of."""

    kpi: Kpi
    variant: Variant
    formula: Formula | None
    needs: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The measures it is counted from, each once; none where it cannot be reckoned yet."""
        return self.variant.reads if self.formula is None else tuple(dict.fromkeys(names_in(self.formula)))

    @property
    def answers(self) -> bool:
        """Whether there are numbers of it, by a formula or by an analysis."""
        return self.formula is not None or bool(self.variant.analysis)


def resolve(catalogue: Catalogue, name: str) -> Asked:
    """The KPI and variant of an id or dotted id, its formula with every KPI replaced by its own.

    Raises QueryError with the nearest offered names.
    """
    kpi, variant = find(catalogue, name)
    needs = waits_for(catalogue, variant)
    if variant.formula is None or needs:
        return Asked(kpi, variant, None, needs)
    return Asked(kpi, variant, expand(catalogue, variant.formula, name))


def waits_for(catalogue: Catalogue, variant: Variant) -> str:
    """What a variant, or the first of the KPIs it is made of, needs that does not stand yet; '' where nothing lacks."""
    if variant.formula is None:
        return variant.needs
    for name in names_in(variant.formula):
        if name in catalogue.measures:
            continue
        _, inner = find(catalogue, name)
        if needs := waits_for(catalogue, inner):
            return f"{needs} (for {name!r})" if inner.formula is None else needs
    return ""


def find(catalogue: Catalogue, name: str) -> tuple[Kpi, Variant]:
    """The KPI, as that variant is shown, and the variant of an id or dotted id; QueryError with the nearest names where
    there is none."""
    kpi_id, _, variant_id = name.partition(".")
    kpi = catalogue.kpis.get(kpi_id)
    if kpi is None:
        near = nearest(kpi_id, [*catalogue.kpis, *(a for k in catalogue.kpis.values() for a in k.aliases)])
        raise UnknownError(f"no KPI is called {kpi_id!r}", do=near or "See `headwater kpi list`.")
    variant = kpi.variant(variant_id)
    if variant is None:
        offered = ", ".join(f"{kpi_id}.{v.id}" for v in kpi.variants)
        raise UnknownError(f"{kpi_id!r} has no variant {variant_id!r}", do=f"Its variants are {offered}.")
    return (kpi if variant.unit == kpi.unit else replace(kpi, show=_shown(variant.unit))), variant


def _shown(unit: Unit) -> str:
    """How a variant is shown that counts in another unit than its KPI."""
    if ("money", 1) in unit.powers:
        return "money"
    return {ONE: "percent", Unit.of(score=1): "score", Unit.of(day=1): "days"}.get(unit, "number")


def expand(catalogue: Catalogue, formula: Formula, inside: str = "") -> Formula:
    """The formula with every KPI name replaced by that KPI's formula; a measure wins over a KPI of the same name.

    A KPI inside that needs an analysis makes the whole formula need it (QueryError naming it).
    """
    match formula:
        case Number():
            return formula
        case Negate(of):
            return Negate(expand(catalogue, of, inside))
        case Binary(operator, left, right):
            return Binary(operator, expand(catalogue, left, inside), expand(catalogue, right, inside))
        case Call(function, argument, window):
            return Call(function, expand(catalogue, argument, inside), window)
        case Name(name):
            if name in catalogue.measures:
                return formula
            _, variant = find(catalogue, name)
            if variant.formula is None:
                raise QueryError(f"{inside!r} rests on {name!r}, which needs {variant.needs}")
            return expand(catalogue, variant.formula, name)


def needs(formula: Formula, moment: Moment = HERE, *, entered: bool = False) -> Iterator[Need]:
    """Every measure a resolved formula reads, with its moment."""
    match formula:
        case Number():
            return
        case Name(name):
            yield Need(name, moment, entered)
        case Negate(of):
            yield from needs(of, moment, entered=entered)
        case Binary(_, left, right):
            yield from needs(left, moment, entered=entered)
            yield from needs(right, moment, entered=entered)
        case Call(function, argument):
            for step, inner in moments(formula, moment):
                yield from needs(argument, inner, entered=entered or function == "entered")
                del step


def moments(call: Call, moment: Moment) -> tuple[tuple[str, Moment], ...]:
    """The moments at which a function reads its argument: `now` and, where it compares, `base`."""
    return _moments(call.function, call.window, moment)


@lru_cache(maxsize=1024)
def _moments(function: str, window: str, moment: Moment) -> tuple[tuple[str, Moment], ...]:
    match function:
        case "prior":
            return (("now", moment._replace(back=moment.back + 1)),)
        case "growth":
            return (("now", moment), ("base", moment._replace(back=moment.back + 1)))
        case "trailing":
            return (("now", moment._replace(trailing=Span.parse(window))),)
        case "opening":
            return (("now", moment._replace(opening=True)),)
        case "lost":
            return (("now", moment._replace(lost=True)),)
        case "share":
            return (("now", moment), ("base", moment._replace(total=True)))
        case "entered":
            return (("now", moment),)
        case _:
            raise ValueError(f"no function is called {function!r}")
