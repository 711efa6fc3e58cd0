"""How long things take and which share gets there, with those that are still under way counted as such."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

Z = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""

_SAME = 1e-12  # two shares that differ by less are equal but for the rounding of products

_MOST_STEPS = 1 << 20  # whole times up to here are counted in an array, others are sorted


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and `n`, how many it rests on. None where it is not known: the number itself,
    or one end of the interval."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The share that has not ended yet, by time since the entry.

    Arrays over the distinct times at which anything was seen to end or to be under way still, rising: `time`, `at_risk`
    (seen up to then), `ended` then, `survival` (share not ended after it), `variance` (Greenwood's, of `survival`),
    `low` and `high` (95 %, log(-log); NaN where survival is 1 or 0, of which it says nothing). `n` entries in all.
    """

    time: Numbers
    at_risk: Numbers
    ended: Numbers
    survival: Numbers
    variance: Numbers
    low: Numbers
    high: Numbers
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Which share has ended in which way by a time since the entry, where ways compete: who is lost cannot be won.

    As a Curve, with a row for each way: `ended`, `share` (cumulative incidence), `variance`, `low`, `high` are arrays
    ways x times; `survival` is the share that has not ended in any. `spread` holds the running sums that variances
    and covariances between times are made of.
    """

    time: Numbers
    at_risk: Numbers
    ended: Numbers
    survival: Numbers
    share: Numbers
    variance: Numbers
    low: Numbers
    high: Numbers
    n: int
    spread: Numbers


def kaplan_meier(time: npt.ArrayLike, ended: npt.ArrayLike, count: npt.ArrayLike | None = None) -> Curve:
    """The survival curve of entries of which some are still under way.

    `time`: how long each was seen, from 0, in any unit. `ended`: whether it ended then (else it was still under way).
    `count`: how many entries a row stands for (default: 1 each).

    Ends come before the entries seen no longer at the same time, as is the custom.
    Assumes: who is no longer seen is like those who still are (being young is no reason to be slower).
    From:    Kaplan and Meier, JASA 53 (1958); variance by Greenwood (1926); intervals by Kalbfleisch and Prentice,
             The Statistical Analysis of Failure Time Data (1980), section 1.3.
    Raises:  ValueError for a negative or missing time, or columns of different lengths.

    >>> curve = kaplan_meier([2, 3, 3, 5], [True, True, False, True])
    >>> [round(float(s), 4) for s in curve.survival]
    [0.75, 0.5, 0.0]
    """
    flags = np.asarray(ended).astype(bool).astype(np.int64)
    times, by_way = _counted(time, flags, count, 1)
    at_risk = _at_risk(by_way)
    d = by_way[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - d / at_risk)
        survival[survival < _SAME] = 0.0
        greenwood = np.cumsum(_safe(d, at_risk * (at_risk - d)))
    variance = survival**2 * greenwood
    high, low = (1 - edge for edge in _bounds(1 - survival, variance))
    return Curve(times, at_risk, d, survival, variance, low, high, int(by_way.sum()))


def aalen_johansen(
    time: npt.ArrayLike, end: npt.ArrayLike, count: npt.ArrayLike | None = None, *, ways: int
) -> Incidence:
    """The cumulative incidence of each of `ways` competing ends.

    `time`, `count` as of `kaplan_meier`. `end`: 0 for still under way, 1 .. `ways` for how it ended.

    Assumes: as `kaplan_meier`. To take the other ends for entries still under way (1 - Kaplan-Meier) overstates each.
    From:    Aalen and Johansen, Scandinavian Journal of Statistics 5 (1978); variance by the delta method as in
             Marubini and Valsecchi, Analysing Survival Data (1995), chapter 10; without entries under way it is that
             of a binomial share.
    Raises:  ValueError for a negative or missing time, an end that is none of the ways, columns of different lengths.

    >>> found = aalen_johansen([1, 2, 2, 4], [1, 2, 0, 1], ways=2)
    >>> [[round(float(x), 4) for x in row] for row in found.share]
    [[0.25, 0.25, 0.75], [0.0, 0.25, 0.25]]
    """
    times, by_way = _counted(time, end, count, ways)
    at_risk = _at_risk(by_way)
    ended = by_way[1:]
    d = ended.sum(axis=0)
    survival = np.cumprod(1 - d / at_risk) if len(times) else np.zeros(0)
    survival[survival < _SAME] = 0.0
    before = np.concatenate(([1.0], survival[:-1])) if len(times) else survival
    share = np.cumsum(before * ended / at_risk, axis=1)
    a = np.broadcast_to(_safe(d, at_risk * (at_risk - d)), share.shape)
    own = before * ended / at_risk**2
    parts = (
        before**2 * ended * (at_risk - ended) / at_risk**3,
        own,
        own * share,
        a,
        a * share,
        a * share**2,
    )
    spread = np.cumsum(np.stack(parts), axis=2)
    variance = _covariance(spread, share, share)
    low, high = _bounds(share, variance)
    return Incidence(times, at_risk, ended, survival, share, variance, low, high, int(by_way.sum()), spread)


# --- what is read off a curve ----------------------------------------------------------------------------------------
def share_by(found: Incidence, time: float, way: int = 1) -> Estimate:
    """Which share has ended in a way by a time; `n` are those seen so long, or ended before.

    None where nobody was seen so long and not all have ended. Where none has ended in that way yet, or all, the open
    end of the interval is Wilson's for as many as were still seen.
    """
    at = int(np.searchsorted(found.time, time, side="right")) - 1
    row = way - 1
    if not len(found.time) or (time > found.time[-1] and found.survival[-1] > 0):
        return Estimate(None, None, None, found.n)
    if at < 0:
        return Estimate(0.0, 0.0, _none_of(found.n), found.n)
    known = (
        int(found.at_risk[at + 1]) if at + 1 < len(found.time) else int(found.at_risk[at] - found.ended[:, at].sum())
    )
    n = known + int(found.ended[:, : at + 1].sum())
    share = float(found.share[row, at])
    low, high = float(found.low[row, at]), float(found.high[row, at])
    if share <= _SAME:
        return Estimate(0.0, 0.0, _none_of(n), n)
    if share >= 1 - _SAME:
        return Estimate(1.0, 1 - _none_of(n), 1.0, n)
    return Estimate(share, low, high, n)


def quantile(curve: Curve, p: float) -> Estimate:
    """The time by which a share `p` of all entries has ended, with the interval of Brookmeyer and Crowley (Biometrics
    38, 1982) on the log(-log) scale. None where so many have not ended in the time seen, `high` where so many need not
    have."""
    rest = 1 - p
    return Estimate(
        _first(curve.time, curve.survival <= rest + _SAME),
        _first(curve.time, curve.low <= rest + _SAME),
        _first(curve.time, curve.high <= rest + _SAME),
        curve.n,
    )


def reach_quantile(found: Incidence, p: float, way: int = 1) -> Estimate:
    """The time by which a share `p` of all entries has ended in one way; as `quantile`, where ways compete."""
    row = way - 1
    return Estimate(
        _first(found.time, found.share[row] >= p - _SAME),
        _first(found.time, found.high[row] >= p - _SAME),
        _first(found.time, found.low[row] >= p - _SAME),
        found.n,
    )


def arrival_quantile(found: Incidence, p: float, way: int = 1) -> Estimate:
    """The time that a share `p` of those needed who end in one way within the longest time seen.

    Unlike the quantile of the completed, it gives the slow ones that are still under way their part: each time weighs
    as much as entries seen so long say. `n` are those that ended so. The interval inverts the share of arrivals by a
    time, with the covariance of both incidences.
    Misleads: where arrivals go on after the longest time seen, they are in none of it.
    """
    row = way - 1
    arrived = int(found.ended[row].sum())
    whole = float(found.share[row, -1]) if len(found.time) else 0.0
    if whole <= _SAME:
        return Estimate(None, None, None, arrived)
    share = found.share[row]
    part = np.minimum(share / whole, 1.0)
    spread = found.spread[:, row]
    with_whole = _covariance(spread, share, np.full_like(share, whole))
    variance = (found.variance[row] - 2 * part * with_whole + part**2 * found.variance[row, -1]) / whole**2
    low, high = _bounds(part, np.maximum(variance, 0.0))
    return Estimate(
        _first(found.time, part >= p - _SAME),
        _first(found.time, high >= p - _SAME),
        _first(found.time, low >= p - _SAME),
        arrived,
    )


def restricted_mean(curve: Curve, until: float) -> Estimate:
    """The mean time not ended within `until`, with its 95 % interval: entries that last longer count as `until`. None
    where nobody was seen so long and not all have ended."""
    if not len(curve.time) or (until > curve.time[-1] and curve.survival[-1] > 0):
        return Estimate(None, None, None, curve.n)
    inside = curve.time < until
    edges = np.concatenate(([0.0], curve.time[inside], [until]))
    heights = np.concatenate(([1.0], curve.survival[inside]))
    areas = heights * np.diff(edges)
    mean = float(areas.sum())
    later = mean - np.cumsum(areas)[:-1]  # the area to the right of each time
    at_risk, ended = curve.at_risk[inside], curve.ended[inside]
    half = Z * float(np.sqrt(np.sum(later**2 * _safe(ended, at_risk * (at_risk - ended)))))
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, until), curve.n)


# --- parts -----------------------------------------------------------------------------------------------------------
def _counted(
    time: npt.ArrayLike, end: npt.ArrayLike, count: npt.ArrayLike | None, ways: int
) -> tuple[Numbers, Numbers]:
    """The distinct times in order, and how many entries ended at each in which way (row 0: seen no longer)."""
    times, ends = np.asarray(time), np.asarray(end)
    counts = None if count is None else np.asarray(count, dtype=np.float64)
    if times.ndim != 1 or ends.shape != times.shape or (counts is not None and counts.shape != times.shape):
        raise ValueError("time, end and count are columns of one length")
    if not len(times):
        return np.zeros(0), np.zeros((ways + 1, 0))
    if not np.issubdtype(times.dtype, np.integer):
        times = times.astype(np.float64)
        if np.isnan(times).any():
            raise ValueError("a time is missing")
    if times.min() < 0:
        raise ValueError("a time is negative")
    if ends.min() < 0 or ends.max() > ways:
        raise ValueError(f"an end lies between 0 and {ways}")
    if np.issubdtype(times.dtype, np.integer) and times.max() < _MOST_STEPS:
        size = int(times.max()) + 1
        flat = ends.astype(np.int64) * size + times
        table = (
            np.bincount(flat, weights=counts, minlength=size * (ways + 1)).reshape(ways + 1, size).astype(np.float64)
        )
        seen = np.flatnonzero(table.sum(axis=0))
        return seen.astype(np.float64), table[:, seen]
    distinct, at = np.unique(times, return_inverse=True)
    flat = ends.astype(np.int64) * len(distinct) + at
    table = np.bincount(flat, weights=counts, minlength=len(distinct) * (ways + 1)).astype(np.float64)
    return distinct.astype(np.float64), table.reshape(ways + 1, len(distinct))


def _at_risk(by_way: Numbers) -> Numbers:
    """How many were seen up to each time."""
    gone = by_way.sum(axis=0)
    seen: Numbers = np.cumsum(gone[::-1])[::-1]
    return seen


def _safe(top: Numbers, bottom: Numbers) -> Numbers:
    """A quotient that is 0 where nothing is left to divide by: nobody remains of whom it could say anything."""
    out: Numbers = np.divide(top, bottom, out=np.zeros(np.shape(bottom)), where=bottom > 0)
    return out


def _covariance(spread: Numbers, early: Numbers, late: Numbers) -> Numbers:
    """Between the shares at each time (`early`) and those at times not before it (`late`)."""
    own, cross, cross_share, all_, all_share, all_square = spread
    both = early + late
    found: Numbers = own - both * cross + 2 * cross_share + early * late * all_ - both * all_share + all_square
    return np.maximum(found, 0.0)


def _bounds(share: Numbers, variance: Numbers) -> tuple[Numbers, Numbers]:
    """Low and high of shares on the scale log(-log(1 - share)); NaN at 0 and 1."""
    inside = (share > _SAME) & (share < 1 - _SAME)
    rest = np.where(inside, 1 - share, 0.5)
    step = Z * np.sqrt(variance) / (rest * -np.log(rest))

    def edge(power: Callable[[Numbers], Numbers], side: float) -> Numbers:
        return np.where(inside, 1 - rest ** power(side * np.minimum(step, 50.0)), np.nan)

    return edge(np.exp, -1.0), edge(np.exp, 1.0)


def _none_of(n: int) -> float:
    """The upper end of Wilson's interval where none of `n` did."""
    return Z * Z / (n + Z * Z)


def _first(time: Numbers, holds: npt.NDArray[np.bool_]) -> float | None:
    """The first time at which something holds."""
    found = np.flatnonzero(holds)
    return float(time[found[0]]) if len(found) else None
