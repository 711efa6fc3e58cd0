"""Whether the newest value of a series changed more than its changes usually vary."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
from scipy.special import stdtrit

LEAST = 12
"""So many past changes are needed to tell what is usual."""

ALARM = 0.01
"""How often a series whose changes are all of one kind (normal) is called unusual."""

_TO_DEVIATION = 1.4826  # a median absolute deviation, as a standard deviation of the normal distribution
_EFFICIENCY = 0.4  # what a change tells a median absolute deviation, against a standard deviation: sets the degrees
_MEDIAN_VARIANCE = math.pi / 2  # of a median, against that of a mean


@dataclass(frozen=True, slots=True)
class _Judged:
    """One row of the answer."""

    series: str
    step: int | None
    n: int
    value: float | None
    before: float | None
    low: float | None
    high: float | None
    scale: str
    seasonal: bool
    state: str
    reason: str


SCHEMA = pa.schema(
    [
        ("series", pa.string()),
        ("step", pa.int64()),
        ("n", pa.int64()),
        *((name, pa.float64()) for name in ("value", "before", "low", "high")),
        ("scale", pa.string()),
        ("seasonal", pa.bool_()),
        ("state", pa.string()),
        ("reason", pa.string()),
    ]
)


def usual_spread(table: pa.Table, *, season: int = 0, least: int = LEAST, alarm: float = ALARM) -> pa.Table:
    """The newest value of each series beside the values that would have been usual after the one before it.

    In:      series (text), step (integer, rising by 1 within a series), value (float, null where there is none),
             relative (boolean: changes are shares of the value before, where all values are above zero).
    Out:     one row a series, in the order found: series, step of its newest value, n past changes, value, before (the
             value one step earlier), low and high (between them a value would have been usual), scale (`ratio` or
             `difference`), seasonal, state (`usual`, `above`, `below`, `cannot_tell`) and its reason (`too_few`,
             `no_value`, `no_value_before`, `no_spread`).
    Method:  the spread of past changes is their median absolute deviation about their median. Usual is what lies in the
             prediction interval at `1 - alarm` of Student's t, its degrees of freedom lowered to 0.4 (n - 1), which is
             what the deviation is worth. With `season` (the steps of a year) and `least` past changes that have one a
             year before, changes are taken against those of the year before, if that leaves less spread.
    Assumes: past changes are alike. A series whose changes are normal is called unusual in 1 of 100 steps; with fat
             tails (Student's t with 5 degrees) in up to 4 of 100. The newest change has no part in the spread.
    Misleads: after a lasting change of level the next changes are usual again; where most changes are zero nothing
             can be told (`no_spread`).
    From:    Hoaglin, Mosteller and Tukey, Understanding Robust and Exploratory Data Analysis (1983), chapters 11, 12.
    """
    if not 0 < alarm < 1:
        raise ValueError("the alarm rate lies between 0 and 1")
    if least < 3:
        raise ValueError("at least 3 changes are needed to tell a spread")
    names = ("series", "step", "value", "relative")
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    judged = [_judge(series, list(group), season, least, alarm) for series, group in groupby(rows, key=itemgetter(0))]
    columns = zip(*(astuple(j) for j in judged), strict=True) if judged else ([] for _ in fields(_Judged))
    return pa.Table.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _judge(
    series: str, rows: list[tuple[str, int, float | None, bool]], season: int, least: int, alarm: float
) -> _Judged:
    values = np.array([np.nan if v is None else v for _, _, v, _ in rows], dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return _Judged(series, None, 0, None, None, None, None, "difference", False, "cannot_tell", "no_value")
    last = int(known[-1])
    values = values[: last + 1]
    ratio = rows[0][3] and bool((values[known] > 0).all())
    scale = "ratio" if ratio else "difference"
    levels = np.log(values) if ratio else values
    changes = np.diff(levels)
    value, step = float(values[last]), rows[last][1]

    def cannot(reason: str, n: int, before: float | None = None) -> _Judged:
        return _Judged(series, step, n, value, before, None, None, scale, False, "cannot_tell", reason)

    past = int(np.count_nonzero(~np.isnan(changes[:-1])))
    if last == 0 or np.isnan(values[last - 1]):
        return cannot("no_value_before", past)
    before = float(values[last - 1])
    if past < least:
        return cannot("too_few", past, before)
    centre, reach, n, seasonal = _expected(changes, season, least, alarm)
    if reach == 0:
        return cannot("no_spread", n, before)
    low, high = (levels[last - 1] + centre + side * reach for side in (-1, 1))
    state = "below" if levels[last] < low else "above" if levels[last] > high else "usual"
    shown = (math.exp(low), math.exp(high)) if ratio else (float(low), float(high))
    return _Judged(series, step, n, value, before, *shown, scale, seasonal, state, "")


def _expected(changes: np.ndarray, season: int, least: int, alarm: float) -> tuple[float, float, int, bool]:
    """The change that was to be expected, how far from it is usual, of how many past changes, and by season or not."""
    middle, spread, n = _spread(changes[:-1])
    if season and len(changes) > season and not np.isnan(changes[-1 - season]):
        against = changes[season:-1] - changes[: -1 - season]
        s_middle, s_spread, s_n = _spread(against)
        if s_n >= least and s_spread > 0 and _mean_deviation(against) < _mean_deviation(changes[:-1]):
            return s_middle + float(changes[-1 - season]), _reach(s_spread, s_n, alarm), s_n, True
    return middle, _reach(spread, n, alarm), n, False


def _spread(changes: np.ndarray) -> tuple[float, float, int]:
    present = changes[~np.isnan(changes)]
    if not len(present):
        return 0.0, 0.0, 0
    middle = _median(present)
    return middle, _TO_DEVIATION * _median(np.abs(present - middle)), len(present)


def _median(values: np.ndarray) -> float:
    """As `np.median`, which takes ten times as long over so few values, none of them missing."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _mean_deviation(changes: np.ndarray) -> float:
    """About the median; a month that leaps every year weighs in it, as it does not in the median deviation."""
    present = changes[~np.isnan(changes)]
    return float(np.mean(np.abs(present - _median(present))))


def _reach(spread: float, n: int, alarm: float) -> float:
    degrees = max(_EFFICIENCY * (n - 1), 2.0)
    return spread * math.sqrt(1 + _MEDIAN_VARIANCE / n) * float(stdtrit(degrees, 1 - alarm / 2))
