"""A Question: what `measure`, `records`, `trace` and `compare` are asked, the same for every surface."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from headwater.model.period import Grain, Period


@dataclass(frozen=True, slots=True)
class Question:
    """KPIs (ids or dotted variants), a period (None = all data as one), a grain, splits, a filter text in the
    predicate language over splits, and the day it is asked as of (outcomes after it are not counted)."""

    kpis: tuple[str, ...]
    as_of: date
    period: Period | None = None
    grain: Grain = Grain.ALL
    by: tuple[str, ...] = ()
    filter: str = ""

    def __post_init__(self) -> None:
        if not self.kpis:
            raise ValueError("a question names at least one KPI")
        if self.period is None and self.grain is not Grain.ALL and self.grain is None:
            raise ValueError("a grain needs a period")
