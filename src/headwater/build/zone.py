"""Local business days of instants, from the time zone's own rules, the same on every engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from headwater.model.plan import Lit, Op, Scalar

FIRST_YEAR, LAST_YEAR = 1970, 2100


def naive_utc(instant: datetime) -> datetime:
    """An instant as it is stored: UTC without saying so (one without a zone is taken as UTC)."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def local_date(instant: datetime, zone: str) -> date:
    """The local date of one stored instant."""
    return instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def local_day(instant: Scalar, zone: str, first: datetime, last: datetime) -> Scalar:
    """The local date of an instant between `first` and `last` (both stored instants)."""
    steps = offsets(zone, max(first.year, FIRST_YEAR), min(last.year, LAST_YEAR))
    args: list[Scalar] = []
    for start, seconds in reversed(steps[1:]):
        args += [Op("ge", (instant, Lit(start))), Lit(seconds)]
    offset: Scalar = Op("case", (*args, Lit(steps[0][1]))) if args else Lit(steps[0][1])
    moved = instant if steps == ((steps[0][0], 0),) else Op("add_seconds", (instant, offset))
    return Op("as_day", (moved,))


@lru_cache(maxsize=16)
def offsets(zone: str, first: int, last: int) -> tuple[tuple[datetime, int], ...]:
    """When the zone's distance from UTC changes in these years, and the distance in seconds from then on.

    >>> offsets("Europe/Berlin", 2024, 2024)[1]
    (datetime.datetime(2024, 3, 31, 1, 0), 7200)
    """
    known = ZoneInfo(zone)

    def offset(instant: datetime) -> int:
        distance = instant.replace(tzinfo=UTC).astimezone(known).utcoffset()
        assert distance is not None
        return int(distance.total_seconds())

    at = datetime(first, 1, 1)
    found = [(at, offset(at))]
    while at.year <= last:
        following = at + timedelta(days=7)
        if offset(following) != found[-1][1]:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (low, middle) if offset(middle) != found[-1][1] else (middle, high)
            found.append((high, offset(high)))
        at = following
    return tuple(found)
