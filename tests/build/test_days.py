"""The calendar, daily exchange rates, and local days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from headwater.build.zone import local_date, offsets
from headwater.model.period import Calendar, Grain
from headwater.model.settings import Settings
from tests.build.conftest import NewWorld
from tests.build.world import digests, table

EVENTS = table("events", "event_id id, on day", "event_id", event="on", partition="on")
CALENDAR = table(
    "calendar",
    "day day, week_start day, month_start day, quarter_start day, year_start day, fiscal_month_start day,"
    " fiscal_quarter_start day, fiscal_year_start day, fiscal_year integer, weekday integer, is_weekend boolean,"
    " own text",
    "day",
    event="day",
    partition="day",
)
RATES = table(
    "exchange_rates",
    "currency text, day day, rate number(18;10), observed_on day",
    "currency day",
    event="day",
    partition="day",
)
GRAINS = (
    Grain.WEEK,
    Grain.MONTH,
    Grain.QUARTER,
    Grain.YEAR,
    Grain.FISCAL_MONTH,
    Grain.FISCAL_QUARTER,
    Grain.FISCAL_YEAR,
)


@pytest.mark.parametrize("calendar", [Calendar(), Calendar(4, "445"), Calendar(10, "544")])
def test_the_calendar_says_what_the_companys_calendar_says(new_world: NewWorld, calendar: Calendar) -> None:
    world = new_world(EVENTS, CALENDAR, settings=Settings(calendar=calendar, memory_mb=512))
    world.load(events=[{"event_id": "1", "on": "2024-12-20"}, {"event_id": "2", "on": "2026-01-05"}])
    world.build()
    rows = world.rows("calendar")
    assert [r[0] for r in rows] == [date(2024, 12, 20) + timedelta(n) for n in range(382)]
    for day, *found, source in rows:
        starts = [calendar.period(day, grain).start for grain in GRAINS]
        assert found == [*starts, calendar.fiscal_year(day), day.isoweekday(), day.isoweekday() > 5, None]
        assert source is None


def test_the_calendar_grows_and_shrinks_with_the_data(new_world: NewWorld) -> None:
    world = new_world(EVENTS, CALENDAR)

    def span() -> tuple[date, date, int]:
        days = world.rows("calendar", "day")
        return days[0], days[-1], len(days)

    world.load(events=[{"event_id": "1", "on": "2025-12-01"}, {"event_id": "2", "on": "2025-12-20"}])
    world.build()
    assert span() == (date(2025, 12, 1), date(2025, 12, 20), 20)
    world.load(events=[{"event_id": "3", "on": "2025-11-28"}, {"event_id": "2", "on": "2025-12-18"}])
    generation = world.build()
    assert span() == (date(2025, 11, 28), date(2025, 12, 18), 21)
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)
    # days that nobody means do not stretch it, but stay in their table
    world.load(events=[{"event_id": "4", "on": "0201-01-01"}, {"event_id": "5", "on": "2037-01-01"}])
    generation = world.build()
    assert span() == (date(2025, 11, 28), date(2025, 12, 18), 21)
    stored = generation.table("events")
    assert stored is not None and (stored.first_day, stored.last_day) == (date(201, 1, 1), date(2037, 1, 1))


def test_without_data_there_is_no_calendar(new_world: NewWorld) -> None:
    world = new_world(EVENTS, CALENDAR)
    assert {t.table: t.rows for t in world.build().tables} == {"calendar": 0, "events": 0}


def rate(currency: str, day: str, value: str) -> dict[str, str]:
    return {"currency": currency, "day": day, "rate": value}


def test_a_published_rate_is_carried_for_some_days_and_our_own_currency_is_one(new_world: NewWorld) -> None:
    world = new_world(RATES, settings=Settings(currency="EUR", rate_days=2, memory_mb=512))
    usd = [rate("USD", "2025-12-01", "0.9"), rate("USD", "2025-12-03", "0.8"), rate("USD", "2025-12-08", "0.7")]
    world.load("bank", exchange_rates=[*usd, rate("EUR", "2025-12-01", "1.5")])
    world.build()
    found = world.rows("exchange_rates", "currency", "day", "rate", "observed_on")
    dollars = [(d.day, r, o.day) for c, d, r, o in found if c == "USD"]
    assert dollars == [
        (1, Decimal("0.9"), 1), (2, Decimal("0.9"), 1),
        (3, Decimal("0.8"), 3), (4, Decimal("0.8"), 3), (5, Decimal("0.8"), 3),
        (8, Decimal("0.7"), 8), (9, Decimal("0.7"), 8), (10, Decimal("0.7"), 8),
    ]  # fmt: skip
    assert [(d.day, r) for c, d, r, _ in found if c == "EUR"] == [(n, Decimal(1)) for n in range(1, 11)]
    world.load("bank", exchange_rates=[rate("USD", "2025-12-04", "0.6"), rate("CHF", "2025-11-30", "1.1")])
    generation = world.build()
    dollars = [(d.day, r) for c, d, r, _ in world.rows("exchange_rates", "currency", "day", "rate", "observed_on")
               if c == "USD"]  # fmt: skip
    assert dollars[2:6] == [(3, Decimal("0.8")), (4, Decimal("0.6")), (5, Decimal("0.6")), (6, Decimal("0.6"))]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_distance_from_utc_changes_when_the_zone_says(zone: str) -> None:
    known = ZoneInfo(zone)
    steps = offsets(zone, 2019, 2027)
    for hours in range(0, 9 * 365 * 24, 5):
        instant = datetime(2019, 1, 1) + timedelta(hours=hours)
        wanted = instant.replace(tzinfo=UTC).astimezone(known).utcoffset()
        assert wanted is not None
        assert [s for at, s in steps if at <= instant][-1] == int(wanted.total_seconds())


def test_a_local_date_is_that_of_the_zone() -> None:
    assert local_date(datetime(2026, 3, 28, 23, 0), "Europe/Berlin") == date(2026, 3, 29)
