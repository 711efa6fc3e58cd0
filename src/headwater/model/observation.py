"""An Observation: every number Headwater answers is one row of this one shape. `Rows` is the other shape."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

QUALITIES = ("no_data", "zero_denominator", "immature", "partial", "small_sample", "no_rate", "needs")
SERIES = ("actual", "target", "forecast", "benchmark", "simulated")


@dataclass(frozen=True, slots=True)
class Observation:
    """One number.

    `period_start`/`period_end`: half-open, None where all data is one period and there is none. `segment`: pairs
    (split, value), value None = empty. `numerator`/`denominator`: of a quotient at the formula's top level, else None.
    `subjects`: n, what the number rests on (the denominator's count where there is one). `left_out`: rows left out
    because they are too young (cohort) or impossible (a negative duration); `detail` says which. `low`/`high`: the
    95 % interval. `quality` is sorted; empty is good. A missing value has a quality that says why.
    """

    kpi: str
    variant: str
    basis: str
    funnel: str
    filter: str
    period_start: date | None
    period_end: date | None
    grain: str
    segment: tuple[tuple[str, str | None], ...]
    series: str
    series_id: str
    value: float | None
    numerator: float | None
    denominator: float | None
    subjects: int | None
    left_out: int | None
    low: float | None
    high: float | None
    unit: str
    currency: str
    quality: tuple[str, ...]
    detail: str
    as_of: date
    definition: str
    data: str

    def __post_init__(self) -> None:
        if self.quality and (unknown := set(self.quality).difference(QUALITIES)):
            raise ValueError(f"no quality is called {sorted(unknown)}")
        if self.value is None and not self.quality:
            raise ValueError(f"{self.kpi}: a missing value needs a quality that says why")
        if self.value is not None and (self.value != self.value or self.value in (float("inf"), float("-inf"))):
            raise ValueError(f"{self.kpi}: {self.value} is no number")


OBSERVATION_FIELDS = tuple(f.name for f in fields(Observation))


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of rows for a reader: column names and tuples of values; `about` says what one row is."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    about: str = ""
    total: int | None = None
