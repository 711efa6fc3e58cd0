"""The shapes of sparklines and funnels, as path data of SVG: reckoned here, placed by the components."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from headwater.web.parts import Spark, Step

WIDTH, HEIGHT, MARGIN = 120.0, 36.0, 4.0
"""The box of a sparkline. It is stretched to its place, so lines keep their width by `non-scaling-stroke`."""

Place = tuple[float, float]


# --- sparkline -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SparkShape:
    """Path data: the `line`, the `area` below it, the way to an unfinished last point (`pending`), points that stand
    alone (`dots`), anomalies (`marks`), the last known point (`end`), and the `target` level. Empty: not drawn."""

    line: str
    area: str
    pending: str
    dots: str
    marks: str
    end: str
    end_is_partial: bool
    target: str


def spark_shape(spark: Spark) -> SparkShape:
    """The shape of a sparkline, scaled from its least to its greatest value; a gap stays a gap."""
    places = _placed(spark.points, spark.target)
    last = len(spark.points) - 1
    partial = spark.partial_last and last >= 0 and places[last] is not None
    settled = [None if partial and i == last else place for i, place in enumerate(places)]
    runs = list(_runs(settled))
    floor = HEIGHT
    before, end = (places[last - 1] if last > 0 else None), (places[last] if partial else None)
    known = [p for p in places if p is not None]
    return SparkShape(
        line=" ".join(_line(run) for run in runs if len(run) > 1),
        area=" ".join(
            f"{_line(run)} L{run[-1][0]:.1f} {floor:.1f} L{run[0][0]:.1f} {floor:.1f} Z" for run in runs if len(run) > 1
        ),
        pending=_line([before, end]) if before and end else "",
        dots=" ".join(_dot(run[0]) for run in runs if len(run) == 1),
        marks=" ".join(_dot(p) for i in spark.marks if 0 <= i <= last and (p := places[i]) is not None),
        end=_dot(known[-1]) if known and places[last] is not None else "",
        end_is_partial=partial,
        target=""
        if spark.target is None
        else f"M0 {_level(spark.points, spark.target, spark.target):.1f} H{WIDTH:.0f}",
    )


def _placed(points: Sequence[float | None], target: float | None) -> list[Place | None]:
    step = (WIDTH - 2 * MARGIN) / max(len(points) - 1, 1)
    return [
        None if value is None else (MARGIN + i * step, _level(points, target, value)) for i, value in enumerate(points)
    ]


def _level(points: Sequence[float | None], target: float | None, value: float) -> float:
    """How far down a value stands; the middle when all are equal."""
    known = [v for v in (*points, target) if v is not None]
    low, high = min(known), max(known)
    return HEIGHT / 2 if high == low else MARGIN + (high - value) / (high - low) * (HEIGHT - 2 * MARGIN)


def _runs(places: Sequence[Place | None]) -> Iterator[list[Place]]:
    run: list[Place] = []
    for place in (*places, None):
        if place is not None:
            run.append(place)
        elif run:
            yield run
            run = []


def _line(places: Sequence[Place]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _dot(place: Place) -> str:
    """A stroke of no length: with round caps it stays a circle however the picture is stretched."""
    return f"M{place[0]:.1f} {place[1]:.1f}h0"


# --- funnel ----------------------------------------------------------------------------------------------------------
LINEAR_UP_TO = 25.0
"""A greatest volume of at most so many times the least is drawn in proportion; a wider span on a logarithmic scale."""

LEAST = 0.05
"""The thinnest the stream is drawn, as a share of its bed: it never dries up to nothing."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A stretch of the stream, from the middle of one step to the middle of the next: path data across and down."""

    across: str
    down: str
    bottleneck: bool
    missing: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """The stretches of a funnel; its picture is `length` long (100 a step) and 100 wide; `logarithmic` must be said."""

    reaches: tuple[Reach, ...]
    length: int
    logarithmic: bool


def stream(steps: Sequence[Step]) -> Stream:
    """The stream that gets narrower from step to step. A step without a volume leaves a dry bed, not a zero."""
    volumes = [s.volume for s in steps]
    known = [v for v in volumes if v]
    logarithmic = bool(known) and max(known) / min(known) > LINEAR_UP_TO
    widths = [None if v is None else _share(v, max(known, default=0.0), logarithmic) for v in volumes]
    ends = [(0.0, 0), *((100.0 * i + 50, i) for i in range(len(steps))), (100.0 * len(steps), len(steps) - 1)]
    reaches = []
    for number, ((start, a), (stop, b)) in enumerate(pairwise(ends)) if steps else ():
        left, right = widths[a], widths[b]
        dry = left is None or right is None
        shape = (start, 50 * (LEAST if dry else left or LEAST), stop, 50 * (LEAST if dry else right or LEAST))
        inner = 0 < number < len(steps)
        reaches.append(
            Reach(_reach(*shape, down=False), _reach(*shape, down=True), inner and steps[b].bottleneck, missing=dry)
        )
    return Stream(tuple(reaches), 100 * len(steps), logarithmic)


def _share(volume: float, greatest: float, logarithmic: bool) -> float:
    if volume <= 0 or greatest <= 0:
        return LEAST
    share = log10(1 + volume) / log10(1 + greatest) if logarithmic else volume / greatest
    return max(share, LEAST)


def _reach(start: float, half: float, stop: float, other: float, *, down: bool) -> str:
    """A band from `start` (half as wide as `half`) to `stop`, flat near both ends and bent between them."""
    flat, bend = (stop - start) * 0.25, (stop - start) * 0.55

    def at(along: float, offset: float) -> str:
        x, y = (50 + offset, along) if down else (along, 50 + offset)
        return f"{x:.1f} {y:.1f}"

    there = (
        f"M{at(start, -half)} L{at(start + flat, -half)} "
        f"C{at(start + bend, -half)} {at(stop - bend, -other)} {at(stop - flat, -other)} L{at(stop, -other)}"
    )
    back = (
        f"L{at(stop, other)} L{at(stop - flat, other)} "
        f"C{at(stop - bend, other)} {at(start + bend, half)} {at(start + flat, half)} L{at(start, half)} Z"
    )
    return f"{there} {back}"
