"""Time in whole seconds of UTC and whole local days, for arrays: zones, months, working hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NONE = -(2**62)
"""What stands for no time, no day, no amount."""

HOME = "Europe/Berlin"
"""The zone of the company's business days."""

DAY = 86_400
_EPOCH = date(1970, 1, 1)
_OPENS, _CLOSES = 9 * 3600, 17 * 3600


def number_of(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(int(number))


@cache
def _changes(zone: str) -> tuple[Integers, Integers]:
    """When the zone's distance from UTC changed, and to how many seconds."""
    place = ZoneInfo(zone)
    hours = range(
        int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2045, 1, 1, tzinfo=UTC).timestamp()), DAY
    )
    at, offsets = [-(2**61)], [_offset(place, hours[0])]
    for start in hours:
        if _offset(place, start + DAY) != offsets[-1]:
            for second in range(start, start + DAY + 1, 3600):
                if _offset(place, second) != offsets[-1]:
                    at.append(second)
                    offsets.append(_offset(place, second))
                    break
    return np.array(at, np.int64), np.array(offsets, np.int64)


def _offset(place: ZoneInfo, second: int) -> int:
    found = datetime.fromtimestamp(second, place).utcoffset()
    return int(found.total_seconds()) if found is not None else 0


def offsets(seconds: Integers, zone: str = HOME) -> Integers:
    """How far local clocks were ahead of UTC."""
    at, found = _changes(zone)
    return found[np.searchsorted(at, seconds, "right") - 1]


def local(seconds: Integers, zone: str = HOME) -> Integers:
    """Seconds as a local clock shows them."""
    return seconds + offsets(seconds, zone)


def days(seconds: Integers) -> Integers:
    """The company's business days of instants; `NONE` stays."""
    return np.where(seconds == NONE, NONE, local(seconds) // DAY)


def instant(day: Integers, second: Integers, zone: str = HOME) -> Integers:
    """The instant of a local day and second of it. Nothing happens between 1 and 4 in the night, when clocks change."""
    shown = day * DAY + np.where((second >= 3600) & (second < 4 * 3600), second + 3 * 3600, second)
    return shown - offsets(shown - 3600, zone)


def working(seconds: Integers) -> Integers:
    """Working seconds up to an instant: 9 to 17 o'clock of the company, Monday to Friday."""
    shown = local(seconds)
    day, second = shown // DAY, shown % DAY
    weeks, weekday = np.divmod(day + 3, 7)
    full = np.minimum(weekday, 5) + 5 * weeks
    part = np.where(weekday < 5, np.clip(second, _OPENS, _CLOSES) - _OPENS, 0)
    found: Integers = full * (_CLOSES - _OPENS) + part
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """The months that are told, the first and the last day of them included."""

    first: date
    until: date

    @classmethod
    def ending(cls, until: date, months: int = 36) -> Span:
        """The months up to one that ends on `until`."""
        number = until.year * 12 + until.month - months
        return cls(date(number // 12, number % 12 + 1, 1), until)

    @property
    def start(self) -> int:
        """Number of the first day."""
        return number_of(self.first)

    @property
    def end(self) -> int:
        """Number of the day after the last one."""
        return number_of(self.until) + 1

    @property
    def close(self) -> int:
        """The first second after the last day."""
        return int(instant(np.array([self.end]), np.array([0]))[0])

    def months(self) -> Iterator[date]:
        """The first day of each month."""
        month = self.first
        while month <= self.until:
            yield month
            month = (month + timedelta(32)).replace(day=1)

    @property
    def count(self) -> int:
        """How many months."""
        return sum(1 for _ in self.months())

    def starts(self) -> Integers:
        """Numbers of the first days of the months, and of the day after the last."""
        return np.array([*(number_of(m) for m in self.months()), self.end], np.int64)

    def month_of(self, day: Integers) -> Integers:
        """The month (0 is the first) of days; -1 before, and the count after."""
        return np.searchsorted(self.starts(), day, "right") - 1


def last_whole_month(now: datetime) -> date:
    """The last day of the last month that is over."""
    return now.date().replace(day=1) - timedelta(1)
