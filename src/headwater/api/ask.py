"""Questions from what people write: texts of periods, grains, splits and days become one Question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

from headwater.errors import QueryError, nearest
from headwater.model.period import Grain, Period
from headwater.model.question import Question
from headwater.model.settings import Settings

PERIODS = "2025, 2025-Q1, 2025-03, 2025-W10, 2025-03-09, FY2025, FY2025-Q2, 2025-01-01..2025-06-30 or 'last 12 months'"


EARLIEST, LATEST = date(1000, 1, 1), date(9000, 1, 1)
"""Days that can be asked about: around them a calendar still has room for what comes before and after."""

MOST_STEPS = 10_000
"""A question of more steps (27 years by day) is refused: it would keep the asker waiting for what nobody reads."""

_DAYS = {Grain.DAY: 1, Grain.WEEK: 7}


class Given(TypedDict, total=False):
    """What a question may say beside the KPIs, as `question` takes it and `Workspace.measure` tells it."""

    period: str | Period | None
    grain: str | Grain
    by: str | Sequence[str]
    filter: str
    as_of: str | date | None


def question(
    settings: Settings,
    today: date,
    kpis: Sequence[str],
    *,
    period: str | Period | None = None,
    grain: str | Grain = Grain.ALL,
    by: str | Sequence[str] = (),
    filter: str = "",
    as_of: str | date | None = None,
) -> Question:
    """The Question of what was written. Raises QueryError that names the argument and its possible forms."""
    if not kpis:
        raise QueryError("no KPI was named", do="Name one; 'headwater kpi list' shows them all.")
    day = day_of(as_of, today)
    asked, step = period_of(settings, period, day), grain_of(grain)
    steps = (asked.end - asked.start).days // _DAYS.get(step, 28) if asked is not None else 0
    if steps > MOST_STEPS:
        raise QueryError(
            f"the period has more than {MOST_STEPS:,} steps of one {step.value.replace('_', ' ')}",
            where="grain",
            do="Ask for a coarser grain or a shorter period.",
        )
    return Question(
        kpis=tuple(dict.fromkeys(kpis)),
        as_of=day,
        period=asked,
        grain=step,
        by=(by,) if isinstance(by, str) else tuple(by),
        filter=filter.strip(),
    )


def period_of(settings: Settings, period: str | Period | None, day: date) -> Period | None:
    """The period of a text; `last 12 months` counts back from `day`."""
    if period is None:
        return None
    if isinstance(period, Period):
        return _within(period, str(period))
    try:
        return _within(settings.calendar.parse(period, day), period)
    except (ValueError, OverflowError) as error:
        known = "is not a period" in str(error)
        what = f"{period!r} is not a period" if known else f"{period!r} is not a period: {error}"
        raise QueryError(what, where="period", do=f"Write {PERIODS}.") from None


def _within(period: Period, text: str) -> Period:
    if period.start < EARLIEST or period.end > LATEST:
        raise QueryError(f"{text!r} is no period of the years {EARLIEST.year} to {LATEST.year}", where="period")
    return period


def grain_of(grain: str | Grain) -> Grain:
    """The grain of a text."""
    try:
        return Grain(grain)
    except ValueError:
        names = [g.value for g in Grain]
        near = nearest(str(grain), names)
        raise QueryError(
            f"{grain!r} is not a grain", where="grain", do=f"{near} The grains are {', '.join(names)}.".strip()
        ) from None


def day_of(as_of: str | date | None, today: date) -> date:
    """The day a question is asked as of."""
    if as_of is None:
        return today
    try:
        day = as_of if isinstance(as_of, date) else date.fromisoformat(as_of)
    except ValueError:
        raise QueryError(f"{as_of!r} is not a day", where="as_of", do="Write it as 2025-03-31.") from None
    if isinstance(day, datetime):
        day = day.date()
    if not EARLIEST <= day < LATEST:
        raise QueryError(f"{day} is no day of the years {EARLIEST.year} to {LATEST.year}", where="as_of")
    return day
