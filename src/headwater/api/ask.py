"""Questions from what people write: texts of periods, grains, splits and days become one Question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from headwater.errors import QueryError, nearest
from headwater.model.period import Grain, Period
from headwater.model.question import Question
from headwater.model.settings import Settings

PERIODS = "2025, 2025-Q1, 2025-03, 2025-W10, 2025-03-09, FY2025, FY2025-Q2, 2025-01-01..2025-06-30 or 'last 12 months'"


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
    return Question(
        kpis=tuple(dict.fromkeys(kpis)),
        as_of=day,
        period=period_of(settings, period, day),
        grain=grain_of(grain),
        by=(by,) if isinstance(by, str) else tuple(by),
        filter=filter.strip(),
    )


def period_of(settings: Settings, period: str | Period | None, day: date) -> Period | None:
    """The period of a text; `last 12 months` counts back from `day`."""
    if period is None or isinstance(period, Period):
        return period
    try:
        return settings.calendar.parse(period, day)
    except (ValueError, OverflowError) as error:
        known = "is not a period" in str(error)
        what = f"{period!r} is not a period" if known else f"{period!r} is not a period: {error}"
        raise QueryError(what, where="period", do=f"Write {PERIODS}.") from None


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
    if isinstance(as_of, datetime):
        return as_of.date()
    if isinstance(as_of, date):
        return as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        raise QueryError(f"{as_of!r} is not a day", where="as_of", do="Write it as 2025-03-31.") from None
