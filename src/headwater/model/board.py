"""A board: which KPIs stand on a page, in which order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel strip: KPIs (ids or dotted variants) for how many came to it, which share of the step before
    did, and how long it took them; empty where there is none."""

    title: str
    volume: str
    rate: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """`steps` from the top of the funnel down; `tiles` in the order of precedence, at most `most` are shown."""

    id: str
    title: str
    steps: tuple[Step, ...]
    tiles: tuple[str, ...]
    most: int = 12
    path: str = ""

    @property
    def kpis(self) -> tuple[str, ...]:
        """Every KPI that stands on it, each once."""
        strip = (name for s in self.steps for name in (s.volume, s.rate, s.time) if name)
        return tuple(dict.fromkeys((*strip, *self.tiles)))
