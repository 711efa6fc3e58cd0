"""Local time to UTC and back for many values at once, exactly as zoneinfo has it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from headwater.connectors.cells import Flags, Integers

_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)
_UNSTEADY, _UNKNOWN = np.int64(1 << 40), np.int64(1 << 41)
_FIRST, _DAYS = -30_000, 120_000
"""The days a zone knows: from 1887 on, more than three hundred years."""


class Zone:
    """A time zone with the offsets of the days met so far: most days have one offset, the others are looked up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo(name)
        self._days = np.full(_DAYS, _UNKNOWN)

    def to_utc(self, local: Integers, earlier: bool) -> tuple[Integers, Flags, Flags]:
        """Instants of local times (microseconds from 1970), which of them do not exist, and which exist twice (the
        earlier or the later instant is given). A time that does not exist gets an instant after the gap began."""
        none = np.zeros(len(local), bool)
        if self.name == "UTC":
            return local, none, none.copy()
        offsets = self._offsets(local // _DAY_US)
        utc = local - offsets * 1_000_000
        missing, twice = none, none.copy()
        for i in np.flatnonzero(offsets == _UNSTEADY).tolist():
            utc[i], missing[i], twice[i] = self._one(int(local[i]), earlier)
        return utc, missing, twice

    def day(self, utc: Integers) -> Integers:
        """The local date (days from 1970-01-01) of instants."""
        if self.name == "UTC":
            return np.asarray(utc // _DAY_US, np.int64)
        offsets = self._offsets(utc // _DAY_US)
        days = (utc + offsets * 1_000_000) // _DAY_US
        for i in np.flatnonzero(offsets == _UNSTEADY).tolist():
            moment = (_EPOCH + timedelta(microseconds=int(utc[i]))).replace(tzinfo=UTC).astimezone(self._zone)
            days[i] = (moment.date() - _EPOCH.date()).days
        return np.asarray(days, np.int64)

    def hour(self, utc: Integers) -> Integers:
        """The hour of the local day (0 to 23) of instants; on the two days a year when the clock changes, by the
        offset of that day's noon."""
        if self.name == "UTC":
            return np.asarray(utc % _DAY_US // 3_600_000_000, np.int64)
        offsets = self._offsets(utc // _DAY_US)
        for i in np.flatnonzero(offsets == _UNSTEADY).tolist():
            offsets[i] = self._offset(int(utc[i] // _DAY_US))
        return np.asarray((utc + offsets * 1_000_000) % _DAY_US // 3_600_000_000, np.int64)

    def _offsets(self, days: Integers) -> Integers:
        """Seconds east of UTC on each day, or _UNSTEADY near a change of the clock."""
        places = days - _FIRST
        offsets = self._days[places]
        if (offsets == _UNKNOWN).any():
            for place in np.unique(places[offsets == _UNKNOWN]).tolist():
                around = {self._offset(place + _FIRST + shift) for shift in (-1, 0, 1, 2)}
                self._days[place] = around.pop() if len(around) == 1 else _UNSTEADY
            offsets = self._days[places]
        return offsets

    def _offset(self, day: int) -> int:
        noon = datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
        offset = noon.astimezone(self._zone).utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0

    def _one(self, local: int, earlier: bool) -> tuple[int, bool, bool]:
        moment = _EPOCH + timedelta(microseconds=local)
        first, second = (moment.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        exists = first.astimezone(self._zone).replace(tzinfo=None) == moment
        chosen = min(first, second) if earlier and exists else max(first, second)
        since = chosen.replace(tzinfo=None) - _EPOCH
        return since // timedelta(microseconds=1), not exists, exists and first != second


def day_number(day: date) -> int:
    """Days from 1970-01-01.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return (day - _EPOCH.date()).days
