"""KPIs beside each other: as lines that begin at the same point, on axes by unit, or by segment against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

from headwater.api.answer import Answer
from headwater.api.kpis import kpi_show
from headwater.api.overview import Frame, Sign
from headwater.api.spreads import settled
from headwater.errors import QueryError
from headwater.metrics.boards import MOST_UNITS, units_of
from headwater.metrics.formula import find
from headwater.model.board import FEWEST_LINES, MOST_LINES
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import Kpi, Variant
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period

BASE = 100.0
"""What every line is where indexed lines begin."""

MOST_DOTS = 60
"""So many segments are drawn, those that rest on most."""


class Asking(Protocol):
    """What answers questions, by a split too: a workspace, or one held open."""

    def measure(self, *kpis: str, period: Any, grain: Any, by: Any = (), filter: str, as_of: Any) -> Answer:
        """As `Workspace.measure`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One KPI of a chart: its numbers by step, the same as a share of the first shared one (`index`, empty where lines
    are not indexed), and which axis it stands on (0 left, 1 right)."""

    name: str
    kpi: Kpi
    variant: Variant
    points: tuple[Observation, ...]
    index: tuple[float | None, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why lines cannot be drawn so: `units` (more than two axes, `names` are the units), `no_start` (no step in which
    all are known), or `not_positive` (these KPIs are never above zero in such a step)."""

    reason: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Two to four KPIs over time; `begins` is the step that indexed ones are a share of."""

    show: str
    lines: tuple[Line, ...]
    begins: Period | None = None
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Dot:
    """One segment of a scatter: its number of either KPI, and how many the less certain of them rests on."""

    value: str | None
    x: Observation
    y: Observation
    n: int | None

    @property
    def is_known(self) -> bool:
        """Whether it can be drawn."""
        return self.x.value is not None and self.y.value is not None


@dataclass(frozen=True, slots=True)
class Scatter:
    """Two KPIs by segment, the segment that rests on most first; `left` more have too little to be shown."""

    x: tuple[Kpi, Variant]
    y: tuple[Kpi, Variant]
    by: str
    dots: tuple[Dot, ...]
    left: int = 0


def lines(catalogue: Catalogue, signs: Sequence[Sign], show: str) -> Lines:
    """The lines of KPIs, from their numbers in a window, all over the same steps. `show`: `indexed` or `axes`."""
    plain = tuple(Line(s.name, s.kpi, s.variant, s.line) for s in signs)
    if show == "axes":
        units = units_of(catalogue, [s.name for s in signs])
        if len(units) > MOST_UNITS:
            return Lines(show, plain, refused=Refusal("units", tuple(str(u) for u in units)))
        return Lines(show, tuple(_on(line, units.index(line.variant.unit)) for line in plain))
    shared = [i for i, step in enumerate(zip(*(line.points for line in plain), strict=False)) if _known(step)]
    if not shared:
        return Lines(show, plain, refused=Refusal("no_start"))
    start = next((i for i in shared if all(_can_begin(line, i) for line in plain)), None)
    if start is None:
        never = [line for line in plain if not any(_can_begin(line, i) for i in shared)]
        return Lines(show, plain, refused=Refusal("not_positive", tuple(line.kpi.title for line in never or plain)))
    at = plain[0].points[start]
    begins = None
    if at.period_start is not None and at.period_end is not None:
        begins = Period(at.period_start, at.period_end)
    return Lines(show, tuple(_indexed(line, start) for line in plain), begins)


def _known(step: Sequence[Observation]) -> bool:
    return all(settled(o) for o in step)


def _can_begin(line: Line, step: int) -> bool:
    """Whether the other numbers of a line are shares of this one: it is above zero, and not by a rounding error."""
    base = line.points[step].value or 0
    return base > 0 and all(isfinite(BASE * (o.value / base)) for o in line.points if o.value is not None)


def _on(line: Line, axis: int) -> Line:
    return Line(line.name, line.kpi, line.variant, line.points, axis=axis)


def _indexed(line: Line, start: int) -> Line:
    base = line.points[start].value
    assert base is not None  # it is settled there
    index = tuple(None if o.value is None else BASE * (o.value / base) for o in line.points)
    return Line(line.name, line.kpi, line.variant, line.points, index)


def scatter(asking: Asking, catalogue: Catalogue, names: Sequence[str], by: str, frame: Frame) -> Scatter:
    """Two KPIs by the segments of a split in the period asked. Raises QueryError where they are not two, or the split
    is not one of both."""
    if len(names) != FEWEST_LINES:
        raise QueryError(f"a scatter has two KPIs, and these are {len(names)}", where="kpi", do="Leave out the others.")
    found = [find(catalogue, name) for name in names]
    answer = asking.measure(
        *names, period=frame.focus, grain=Grain.ALL, by=[by], filter=frame.filter, as_of=frame.as_of
    )
    sides: list[Mapping[str | None, Observation]] = [
        {o.segment[0][1]: o for o in answer if (o.kpi, o.variant) == (kpi.id, variant.id)} for kpi, variant in found
    ]
    across, up = sides
    dots = [
        Dot(value, across[value], up[value], _rests_on(across[value], up[value])) for value in across if value in up
    ]
    dots.sort(key=lambda d: (not d.is_known, -(d.n or 0), d.value or ""))
    x, y = found
    return Scatter(x, y, by, tuple(dots[:MOST_DOTS]), max(len(dots) - MOST_DOTS, 0))


def _rests_on(*pair: Observation) -> int | None:
    counted = [o.subjects for o in pair if o.subjects is not None]
    return min(counted) if counted else None


def shared_splits(catalogue: Catalogue, names: Sequence[str]) -> tuple[str, ...]:
    """The splits that all of these KPIs can be asked by and that tell something of each."""
    offers = [kpi_show(catalogue, name).telling for name in names]
    return tuple(s for s in offers[0] if all(s in o for o in offers)) if offers else ()


def chosen(catalogue: Catalogue, given: Sequence[str]) -> tuple[str, ...]:
    """The names of KPIs, each once, from what was given: ids, dotted variants, titles or aliases. Raises QueryError
    with the nearest names, and where they are more than a chart can hold."""
    names = tuple(dict.fromkeys(_named(catalogue, text) for text in given))
    if len(names) > MOST_LINES:
        what = f"{len(names)} KPIs are more than one chart can tell"
        raise QueryError(what, where="kpi", do=f"Take {FEWEST_LINES} to {MOST_LINES}.")
    return names


def _named(catalogue: Catalogue, text: str) -> str:
    if text.partition(".")[0] in catalogue.kpis:
        kpi, variant = find(catalogue, text)
        return kpi.id if variant.id == kpi.default else f"{kpi.id}.{variant.id}"
    wanted = text.casefold().strip()
    for kpi in catalogue.kpis.values():
        if wanted in (kpi.title.casefold(), *(a.casefold() for a in kpi.aliases)):
            return kpi.id
        for variant in kpi.variants:
            if wanted == called(kpi, variant).casefold():
                return kpi.id if variant.id == kpi.default else f"{kpi.id}.{variant.id}"
    find(catalogue, text.strip())  # says which are near
    raise AssertionError(text)


def called(kpi: Kpi, variant: Variant) -> str:
    """What a KPI is called in a list to choose from; another variant than the default one by its name too."""
    return kpi.title if variant.id == kpi.default else f"{kpi.title}: {variant.id.replace('_', ' ')}"
