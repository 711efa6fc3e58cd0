"""A measure: one aggregate over one table on one of four clocks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headwater.model.expression import Predicate, RowValue
from headwater.model.types import Unit

AGGREGATES = ("count", "count_distinct", "sum", "min", "max", "mean", "median", "quantile", "share", "average")


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in calendar units: `90 days`, `12 months`, `5 minutes`, or `ever` (amount 0, unit `ever`)."""

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Span:
        """The span of a text.

        >>> Span.parse("12 months")
        Span(amount=12, unit='month')
        """
        if text.strip() == "ever":
            return cls(0, "ever")
        found = re.fullmatch(r"\s*(\d+)\s+(second|minute|hour|day|week|month|quarter|year)s?\s*", text)
        if not found or int(found[1]) < 1:
            raise ValueError(f"{text!r} is not a length of time; write it as '90 days', '12 months' or 'ever'")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return "ever" if self.unit == "ever" else f"{self.amount} {self.unit}{'s' if self.amount != 1 else ''}"


EVER = Span(0, "ever")


@dataclass(frozen=True, slots=True)
class At:
    """A flow: rows by one date column."""

    at: str


@dataclass(frozen=True, slots=True)
class Alive:
    """A stock: rows begun and not ended at the period's end, with the values they had then.

    `start` and `until` are date columns of the row as known now; column and condition are read from the version valid
    at that moment. A row without `until` stays alive.
    """

    start: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Latest:
    """A snapshot: the last row per `per` at or before the period's end, no older than `within`."""

    at: str
    per: tuple[str, ...]
    within: Span = EVER


@dataclass(frozen=True, slots=True)
class Reached:
    """A cohort: of the rows that entered at `start`, those that got to `to` within `within`.

    `mature`: how long an entry must have been observed to count: a span, `p95` (of the completed transitions), or None
    (= `within`; for `ever` every entry counts). Younger entries leave both sides and are counted in `left_out`.
    `outcome` names the table whose `complete_through` ends the observation (default: the measure's own table).
    """

    start: str
    to: str
    within: Span = EVER
    mature: Span | str | None = None
    outcome: str = ""


Clock = At | Alive | Latest | Reached


@dataclass(frozen=True, slots=True)
class Lag:
    """By how much later rows count: as long as the rows of the measure `of` took, of those of the span `over` that ends
    on the day asked as of, in whole months. By their median; with `spread` each row in parts, by how long each took."""

    of: str
    over: Span
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """How long rows of a stock stand before they are late: as long as the measure `of` tells of finished ones that are
    alike in the columns `by`. Counted are those `beyond` it, or all that have one (`judged`)."""

    of: str
    by: tuple[str, ...]
    counts: str = "beyond"


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate over one table.

    `column` is what is aggregated (None counts rows); `quantile` only for that aggregate. `empty` is the value of no
    rows: 0, or None for no value. `splits`: None = every split of the table, else these alone. `filter` columns are
    the same as splits. `unit` is money, a subject, day, score, position or 1. `negatives`: a duration below zero is a
    bad date: `leave_out` (and count it in `left_out`) or `keep`. `unfinished`: entries of a cohort that have not got
    there, where durations are aggregated: `leave_out`, or `waiting`, so that each counts for as long as it was seen;
    a `share` of a cohort, those who get there within its `within`, always counts them so. `per`: a column by which a
    mean is taken first; the mean of these means follows. An `average` is how many of a stock there were over the days
    of the period, on the mean. `lag`: rows count later than they lie. `limit`: only rows of a stock count that stand
    for longer than others did.
    """

    id: str
    title: str
    table: str
    aggregate: str
    clock: Clock
    unit: Unit
    column: RowValue | None = None
    where: Predicate | None = None
    quantile: float | None = None
    empty: int | None = 0
    splits: tuple[str, ...] | None = None
    negatives: str = "leave_out"
    unfinished: str = "leave_out"
    per: str = ""
    lag: Lag | None = None
    limit: Limit | None = None
    about: str = ""
    path: str = ""

    @property
    def goes_by(self) -> str:
        """The other measure whose finished times this one is held against, or an empty text."""
        if self.lag is not None:
            return self.lag.of
        return self.limit.of if self.limit is not None else ""
