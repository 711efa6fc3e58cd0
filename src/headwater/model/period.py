"""Periods, grains and the company's calendar: which day belongs to which week, month, quarter and fiscal year."""

from __future__ import annotations

import calendar as _calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from headwater.model.measure import Span


class Grain(StrEnum):
    """The step of a period. `all` is the whole period as one. Weeks are ISO weeks (from Monday)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FISCAL_MONTH = "fiscal_month"
    FISCAL_QUARTER = "fiscal_quarter"
    FISCAL_YEAR = "fiscal_year"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: includes `start`, excludes `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"period ends {self.end}, not after its start {self.start}")

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.end - self.start).days


def add_months(day: date, months: int) -> date:
    """The same day of the month that many months later, or that month's last day.

    >>> add_months(date(2024, 1, 31), 1)
    datetime.date(2024, 2, 29)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, _calendar.monthrange(year, month + 1)[1]))


def shift(day: date, span: Span, sign: int = 1) -> date:
    """A date moved by a span of days, weeks, months, quarters or years."""
    n = span.amount * sign
    match span.unit:
        case "day":
            return day + timedelta(n)
        case "week":
            return day + timedelta(7 * n)
        case "month":
            return add_months(day, n)
        case "quarter":
            return add_months(day, 3 * n)
        case "year":
            return add_months(day, 12 * n)
        case _:
            raise ValueError(f"a date cannot be moved by {span}")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The company's calendar.

    `fiscal_start` is the first month of the fiscal year (1 to 12), which is named after the calendar year it ends in.
    `pattern` is `months`, or `445` / `454` / `544`: quarters of 13 weeks; the fiscal year then begins on the Monday
    nearest to the first of `fiscal_start` and has 52 or 53 weeks (the 53rd in the last month).
    """

    fiscal_start: int = 1
    pattern: str = "months"

    def __post_init__(self) -> None:
        if not 1 <= self.fiscal_start <= 12:
            raise ValueError(f"the fiscal year starts in a month from 1 to 12, not {self.fiscal_start}")
        if self.pattern not in ("months", "445", "454", "544"):
            raise ValueError(f"no fiscal pattern is called {self.pattern!r}; use months, 445, 454 or 544")

    def fiscal_year_start(self, year: int) -> date:
        """The first day of the fiscal year called `year`."""
        first = date(year if self.fiscal_start == 1 else year - 1, self.fiscal_start, 1)
        if self.pattern == "months":
            return first
        back = first.weekday()
        return first - timedelta(back) if back <= 3 else first + timedelta(7 - back)

    def fiscal_year(self, day: date) -> int:
        """The name of the fiscal year that holds a day."""
        year = day.year + 1
        while self.fiscal_year_start(year) > day:
            year -= 1
        return year

    def _fiscal_months(self, year: int) -> list[date]:
        start, end = self.fiscal_year_start(year), self.fiscal_year_start(year + 1)
        if self.pattern == "months":
            return [add_months(start, i) for i in range(12)] + [end]
        weeks = [int(c) for c in self.pattern] * 4
        edges = [start]
        for n in weeks:
            edges.append(edges[-1] + timedelta(7 * n))
        edges[-1] = end
        return edges

    def period(self, day: date, grain: Grain) -> Period:
        """The period of a grain that holds a day.

        >>> Calendar().period(date(2026, 5, 17), Grain.QUARTER)
        Period(start=datetime.date(2026, 4, 1), end=datetime.date(2026, 7, 1))
        """
        match grain:
            case Grain.DAY:
                return Period(day, day + timedelta(1))
            case Grain.WEEK:
                monday = day - timedelta(day.weekday())
                return Period(monday, monday + timedelta(7))
            case Grain.MONTH:
                first = day.replace(day=1)
                return Period(first, add_months(first, 1))
            case Grain.QUARTER:
                first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
                return Period(first, add_months(first, 3))
            case Grain.YEAR:
                return Period(date(day.year, 1, 1), date(day.year + 1, 1, 1))
            case Grain.FISCAL_YEAR:
                year = self.fiscal_year(day)
                return Period(self.fiscal_year_start(year), self.fiscal_year_start(year + 1))
            case Grain.FISCAL_QUARTER | Grain.FISCAL_MONTH:
                edges = self._fiscal_months(self.fiscal_year(day))
                if grain is Grain.FISCAL_QUARTER:
                    edges = edges[::3]
                return next(Period(a, b) for a, b in pairwise(edges) if a <= day < b)
            case Grain.ALL:
                raise ValueError("the whole period has no start of its own")

    def spine(self, period: Period, grain: Grain) -> Iterator[Period]:
        """The periods of a grain that touch a period, in order, each whole (the first and last may reach beyond it)."""
        if grain is Grain.ALL:
            yield period
            return
        step = self.period(period.start, grain)
        while step.start < period.end:
            yield step
            step = self.period(step.end, grain)

    def before(self, period: Period, grain: Grain) -> Period:
        """The period of the grain just before a period of it; for `all`, the same number of days before
        (the same number of whole months where the period is made of whole months)."""
        if grain is Grain.ALL:
            months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
            if months > 0 and period.start.day == period.end.day == 1:
                return Period(add_months(period.start, -months), period.start)
            return Period(period.start - timedelta(period.days), period.start)
        return self.period(period.start - timedelta(1), grain)

    def parse(self, text: str, today: date) -> Period:
        """The period of a text: `2025`, `2025-Q1`, `2025-03`, `2025-W10`, `2025-03-09`, `FY2025`, `FY2025-Q2`,
        `2025-01-01..2025-06-30` or `2025-03..2025-05` (both included), `last 12 months` (whole months before today's).

        Raises ValueError with the allowed forms.
        """
        t = text.strip()
        if ".." in t and not t.startswith("last"):
            first, _, last = t.partition("..")
            return Period(self.parse(first, today).start, self.parse(last, today).end)
        size = len(t)  # a pattern takes longer to be made ready than to be looked for
        if size == 4 and (m := re.fullmatch(r"(\d{4})", t)):
            return self.period(date(int(m[1]), 1, 1), Grain.YEAR)
        if size in (6, 7) and (m := re.fullmatch(r"(\d{4})-?[Qq]([1-4])", t)) is not None:
            return self.period(date(int(m[1]), int(m[2]) * 3 - 2, 1), Grain.QUARTER)
        if size == 7 and (m := re.fullmatch(r"(\d{4})-(\d{2})", t)) is not None:
            return self.period(date(int(m[1]), int(m[2]), 1), Grain.MONTH)
        if size in (7, 8) and (m := re.fullmatch(r"(\d{4})-?[Ww](\d{2})", t)) is not None:
            return self.period(date.fromisocalendar(int(m[1]), int(m[2]), 1), Grain.WEEK)
        if size == 10 and t[4] == t[7] == "-" and (t[:4] + t[5:7] + t[8:]).isdecimal():
            return self.period(date.fromisoformat(t), Grain.DAY)
        if t[:1] in ("F", "f") and (m := re.fullmatch(r"[Ff][Yy](\d{4})(?:-?[Qq]([1-4]))?", t)) is not None:
            edges = self._fiscal_months(int(m[1]))[::3]
            q = int(m[2]) if m[2] else 0
            return Period(edges[q - 1], edges[q]) if q else Period(edges[0], edges[4])
        if (m := re.fullmatch(r"last (\d+) (days?|weeks?|months?|quarters?|years?)", t)) is not None:
            grain = Grain(m[2].rstrip("s"))
            end = self.period(today, grain).start
            return Period(shift(end, Span(int(m[1]), grain.value), -1), end)
        raise ValueError(
            f"{text!r} is not a period; write 2025, 2025-Q1, 2025-03, 2025-W10, 2025-03-09, FY2025, FY2025-Q2,"
            " 2025-01-01..2025-06-30 or last 12 months"
        )


def label(period: Period, grain: Grain) -> str:
    """How a period is called: `2025`, `2025-Q1`, `2025-03`, `2025-W10`, else its first and last day."""
    s = period.start
    match grain:
        case Grain.DAY:
            return s.isoformat()
        case Grain.WEEK:
            year, week, _ = s.isocalendar()
            return f"{year}-W{week:02d}"
        case Grain.MONTH:
            return f"{s:%Y-%m}"
        case Grain.QUARTER:
            return f"{s.year}-Q{(s.month + 2) // 3}"
        case Grain.YEAR:
            return str(s.year)
        case _:
            return f"{s}..{period.end - timedelta(1)}"
