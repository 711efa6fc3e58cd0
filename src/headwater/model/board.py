"""A board: which KPIs stand on a page, in which order, and what a second look at it finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FIRST = "vital_signs"
"""The board of the first page. It alone has a funnel strip, and its tiles stand in order of precedence."""

PERIODS = (
    "last-month", "last-3-months", "last-12-months", "last-24-months",
    "this-quarter", "last-quarter", "this-year", "last-year",
)  # fmt: skip
"""Periods by name. They count back from the newest month that is whole in the data, so a late source empties none."""

MOST = 12
"""So many tiles and charts a page can hold and still be read in a minute."""

SHOWS = ("indexed", "axes", "scatter")
"""How a chart sets KPIs beside each other: each as a share of where it began, on one or two axes by unit, or two of
them by segment."""

FEWEST_LINES, MOST_LINES = 2, 4
"""So many KPIs stand on one chart."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel strip: KPIs (ids or dotted variants) for how many came to it, which share of the step before
    did, and how long it took them; empty where there is none."""

    title: str
    volume: str
    rate: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """A KPI (id or dotted variant), under a title of its own and of some rows only where those are given."""

    kpi: str
    title: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Tiles under a heading, with what to know of them."""

    tiles: tuple[Tile, ...]
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """Two to four KPIs on one chart: `show` is one of SHOWS, `by` the split of a scatter, `grain` the step of lines
    ('': the one that fits the period)."""

    kpis: tuple[str, ...]
    title: str = ""
    show: str = SHOWS[0]
    by: str = ""
    grain: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A board as its file states it.

    `period` is one of PERIODS, or a period as `measure` takes it ('': the last month). `filter` holds for everything on
    the board. `leaders` are the KPIs of which the page shows who leads, by one of the splits `by`. Of the first board
    the tiles stand in order of precedence, and at most `most` of those that have data are shown.
    """

    id: str
    title: str
    steps: tuple[Step, ...]
    sections: tuple[Section, ...]
    most: int = MOST
    path: str = ""
    text: str = ""
    period: str = ""
    filter: str = ""
    charts: tuple[Plot, ...] = ()
    leaders: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    own: bool = False

    @property
    def every_tile(self) -> tuple[Tile, ...]:
        """The tiles of all sections in their order."""
        return tuple(t for s in self.sections for t in s.tiles)

    @property
    def tiles(self) -> tuple[str, ...]:
        """The KPI of each tile."""
        return tuple(t.kpi for t in self.every_tile)

    @property
    def kpis(self) -> tuple[str, ...]:
        """Every KPI that stands on it, each once."""
        return tuple(dict.fromkeys(self._named()))

    def _named(self) -> Iterator[str]:
        for step in self.steps:
            yield from (name for name in (step.volume, step.rate, step.time) if name)
        yield from self.tiles
        for chart in self.charts:
            yield from chart.kpis
        yield from self.leaders


@dataclass(frozen=True, slots=True)
class Advice:
    """What a second look at a board finds: the rule by name, what it is about, and why a reader is better off without.
    Advice, not a fault: the board works."""

    rule: str
    what: str
    why: str
