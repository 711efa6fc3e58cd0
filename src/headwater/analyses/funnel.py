"""What becomes of those who enter a stage, how long it takes them, and what a better rate would be worth."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa

from headwater.analyses.survival import (
    Estimate,
    Wholes,
    aalen_johansen,
    arrival_quantile,
    reach_quantile,
    share_by,
)

WAITING, CAME, LOST = 0, 1, 2
"""How a passage stands: still under way, at the next stage, lost for good."""

POINTS = 80
"""A curve is drawn through so many points."""

DRAWS = 4000
"""From so many draws the interval of a gain is read."""

_QUANTILES = (0.5, 0.75, 0.9)
_CHANCE = 3.2905  # of the normal distribution, two-sided 99.9 %


@dataclass(frozen=True, slots=True)
class _Passage:
    """One row of `passages`."""

    group: int
    records: int
    came: int
    lost: int
    early: int
    longest: int
    share: float | None
    share_low: float | None
    share_high: float | None
    share_n: int
    so_far: float | None
    ever: float | None
    ever_low: float | None
    ever_high: float | None
    median: float | None
    median_low: float | None
    median_high: float | None
    p75: float | None
    p75_low: float | None
    p75_high: float | None
    p90: float | None
    p90_low: float | None
    p90_high: float | None
    arrived: int
    half: float | None
    half_low: float | None
    half_high: float | None
    completed_median: float | None
    completed_p75: float | None
    completed_p90: float | None


_WHOLE = frozenset({"group", "records", "came", "lost", "early", "longest", "share_n", "arrived"})
SCHEMA = pa.schema([(f.name, pa.int64() if f.name in _WHOLE else pa.float64()) for f in fields(_Passage)])


def passages(table: pa.Table) -> pa.Table:
    """Which share came from one stage to the next, and how long it took, with those under way counted as such.

    In:      group (integer; rows of a group together), limit (whole days the passage has, one a group), days (whole
             days that a record was seen), end (0 under way, 1 came, 2 lost), early (came on a day before it entered;
             its days are 0), records (how many records the row stands for).
    Out:     one row a group, in the order found: group, records, came, lost, early, longest (days that any was seen),
             share (came within the limit, by Aalen-Johansen) with share_low, share_high and share_n (records that say
             something about the whole limit), so_far (came / records: what is naively called the rate), ever (share
             within the longest time seen) with interval; median, p75, p90 (days that those needed who came within the
             longest time, the slow ones under way given their part) with intervals and `arrived`, their number; half
             (days by which half of all records had come) with interval; completed_median, completed_p75,
             completed_p90 (of those that have come so far: too short while the funnel is young or grows).
    Null:    where it is not known: nobody was seen for the limit, nobody came.
    Assumes: young records behave as older ones did. Those that came early count as come at once and have no time.
    """
    names = ("group", "limit", "days", "end", "early", "records")
    columns = {n: table[n].to_numpy(zero_copy_only=False) for n in names}
    groups = columns["group"]
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1]))) if len(groups) else np.zeros(0, int)
    ends = np.append(starts[1:], len(groups)) if len(groups) else starts
    if len(set(groups[starts].tolist())) != len(starts):
        raise ValueError("the rows of a group stand together")
    rows = [_passage({n: c[a:b] for n, c in columns.items()}) for a, b in zip(starts, ends, strict=True)]
    return _table(rows, SCHEMA)


def _passage(rows: dict[str, np.ndarray]) -> _Passage:
    days, end, records = (rows[n].astype(np.int64) for n in ("days", "end", "records"))
    early = rows["early"].astype(bool)
    found = aalen_johansen(days, end, records, ways=2)
    timed = found if not early.any() else aalen_johansen(days[~early], end[~early], records[~early], ways=2)
    total, came = int(records.sum()), int(records[end == CAME].sum())
    limit = int(rows["limit"][0])
    share, ever = share_by(found, limit), share_by(found, float(found.time[-1]))
    quantiles = [_inside(arrival_quantile(timed, p)) for p in _QUANTILES]
    half = reach_quantile(found, 0.5)
    done = end == CAME
    completed = _plain_quantiles(days[done & ~early], records[done & ~early])
    (m, m_low, m_high), (u, u_low, u_high), (v, v_low, v_high) = ((q.value, q.low, q.high) for q in quantiles)
    return _Passage(
        group=int(rows["group"][0]),
        records=total,
        came=came,
        lost=int(records[end == LOST].sum()),
        early=int(records[early].sum()),
        longest=int(found.time[-1]),
        share=share.value,
        share_low=share.low,
        share_high=share.high,
        share_n=share.n if share.value is not None else 0,
        so_far=came / total,
        ever=ever.value,
        ever_low=ever.low,
        ever_high=ever.high,
        median=m,
        median_low=m_low,
        median_high=m_high,
        p75=u,
        p75_low=u_low,
        p75_high=u_high,
        p90=v,
        p90_low=v_low,
        p90_high=v_high,
        arrived=quantiles[0].n,
        half=half.value,
        half_low=half.low,
        half_high=half.high,
        completed_median=completed[0],
        completed_p75=completed[1],
        completed_p90=completed[2],
    )


CURVES = pa.schema(
    [("group", pa.int64()), ("day", pa.float64()), *((n, pa.float64()) for n in ("share", "low", "high"))]
)


AGE = 30
"""Days from one age of a triangle to the next."""

_TRIANGLE = pa.schema(
    [("group", pa.int64()), ("age", pa.int64()), ("records", pa.int64()), ("came", pa.int64()), ("share", pa.float64())]
)


def triangle(table: pa.Table, *, step: int = AGE) -> pa.Table:
    """Which share of each cohort had come by each age, as far as all of it was seen for so long.

    In:      group (integer; a cohort), limit (whole days of its last age, one a group), days (whole days to the second
             step; -1: not come), records (how many the row stands for), least (the fewest days that one of them was
             seen).
    Out:     a row for each group, in the order found, and age (`step`, twice that .., and last the limit): group, age
             (days), records (all of the cohort), came (of those, by that age), share.
    Null:    came and share, where somebody of the cohort is younger than that.
    """
    grouped: dict[int, list[dict[str, int]]] = {}
    for row in table.to_pylist():
        grouped.setdefault(row["group"], []).append(row)
    found = []
    for group, rows in grouped.items():
        limit, least = rows[0]["limit"], min(r["least"] for r in rows)
        records = sum(r["records"] for r in rows)
        for age in [*range(step, limit, step), limit]:
            came = sum(r["records"] for r in rows if 0 <= r["days"] <= age) if age <= least else None
            share = None if came is None else came / records
            found.append({"group": group, "age": age, "records": records, "came": came, "share": share})
    return pa.Table.from_pylist(found, _TRIANGLE)


def curves(table: pa.Table, *, points: int = POINTS) -> pa.Table:
    """The share that has come by day, as `passages` reckons it: what a drawing needs.

    In:      as `passages`.
    Out:     for each group at most about `points` rows by day, the first and the last among them: group, day, share,
             low and high (95 %; null where they are not known).
    """
    days, ends, records, groups, early = (
        table[n].to_numpy(zero_copy_only=False) for n in ("days", "end", "records", "group", "early")
    )
    out: list[tuple[int, float, float, float | None, float | None]] = []
    for group in dict.fromkeys(groups.tolist()):
        mine = (groups == group) & ~early.astype(bool)
        found = aalen_johansen(days[mine].astype(np.int64), ends[mine], records[mine], ways=2)
        if not len(found.time):
            continue
        at = np.unique(np.linspace(0, len(found.time) - 1, min(points, len(found.time))).round().astype(int))
        for i in at:
            low, high = float(found.low[0, i]), float(found.high[0, i])
            known = (None, None) if np.isnan(low) else (low, high)
            out.append((group, float(found.time[i]), float(found.share[0, i]), *known))
    columns = list(zip(*out, strict=True)) if out else [()] * len(CURVES)
    return pa.Table.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(columns, CURVES, strict=True)], schema=CURVES
    )


def _inside(found: Estimate) -> Estimate:
    """A quantile of few arrivals has no interval worth the name."""
    return found if found.n >= 2 else Estimate(found.value, None, None, found.n)


def _plain_quantiles(days: Wholes, records: Wholes) -> tuple[float | None, float | None, float | None]:
    """The least day by which that share of the completed was there."""
    if not len(days):
        return None, None, None
    order = np.argsort(days, kind="stable")
    reached = np.cumsum(records[order]) / records.sum()
    a, b, c = (float(days[order][np.flatnonzero(reached >= p - 1e-12)[0]]) for p in _QUANTILES)
    return a, b, c


# --- what a better rate would be worth ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Gain:
    """One row of `gains`."""

    step: str
    now: float | None
    reference: float | None
    downstream: float | None
    gain: float | None
    low: float | None
    high: float | None
    state: str
    rank: int | None


GAINS = pa.schema(
    [
        ("step", pa.string()),
        *((n, pa.float64()) for n in ("now", "reference", "downstream", "gain", "low", "high")),
        ("state", pa.string()),
        ("rank", pa.int64()),
    ]
)


BEST = pa.schema(
    [
        ("step", pa.string()),
        ("best_reached", pa.float64()),
        ("best_records", pa.float64()),
        ("best_from", pa.int64()),
        ("now_reached", pa.float64()),
        ("now_records", pa.float64()),
    ]
)


def gains(table: pa.Table, *, worth: float | None, worth_error: float = 0.0, seed: int, draws: int = DRAWS) -> pa.Table:
    """What comes out at the end of a funnel more if one stage had another rate, the others staying as they are.

    In:      step (text, in the order of the funnel), entries (records that enter it), reached and records (its rate as
             it is now), reference_reached and reference_records (the rate it is held against; of a rate that is given,
             reference_records is 0 and reference_reached the rate itself; null where there is none).
             `worth`: what one that comes to the end is worth (1 to count them), `worth_error` its standard error.
    Out:     one row a step: step, now, reference, downstream (share of those that pass it that come to the end), gain
             (entries x (reference - now) x downstream x worth), low and high (95 %), state (`loses`: the gain is above
             zero beyond chance; `cannot_tell`; `unknown`: something it is made of is missing), rank (of those that
             lose, the greatest gain first).
    Rule:    a stage loses where `low` is above zero and, unless the reference is given, the two rates differ by more
             than 3.29 standard errors (99.9 %): the best of many years is high by chance alone. Of funnels of three
             stages that do not change, fewer than 1 in 20 have one that is said to lose.
    Method:  rates are drawn from their Jeffreys posteriors, worth from a normal distribution, `draws` times by `seed`.
    Assumes: more who pass a stage go on as those do who pass it now, and are worth as much.
    Misleads: a stage that was never good has nothing to lose.
    """
    rows = table.to_pylist()
    random = np.random.default_rng(seed)
    now, drawn = [], []
    for row in rows:
        rate = row["reached"] / row["records"] if row["records"] and row["reached"] is not None else None
        now.append(rate)
        drawn.append(None if rate is None else _drawn(random, row["reached"], row["records"], draws))
    worths = None if worth is None else np.maximum(worth + worth_error * random.standard_normal(draws), 0.0)
    out: list[_Gain] = []
    for i, row in enumerate(rows):
        held, top = row["reference_records"], row["reference_reached"]
        given = top is not None and held == 0
        reference = top if given else top / held if top is not None and held else None
        rate, later = now[i], now[i + 1 :]
        downstream = None if any(r is None for r in later) else float(np.prod([r for r in later if r is not None]))
        if rate is None or reference is None or downstream is None or worth is None or row["entries"] is None:
            out.append(_Gain(row["step"], rate, reference, downstream, None, None, None, "unknown", None))
            continue
        gain = row["entries"] * (reference - rate) * downstream * worth
        here, after = drawn[i], [d for d in drawn[i + 1 :] if d is not None]
        assert worths is not None and here is not None
        same = (top, held) == (row["reached"], row["records"])  # the newest are the best: nothing to gain for certain
        target = np.full(draws, reference) if given else here if same else _drawn(random, top, held, draws)
        sample = row["entries"] * (target - here) * np.prod([np.ones(draws), *after], axis=0) * worths
        low, high = (float(np.quantile(sample, q)) for q in (0.025, 0.975))
        beyond = low > 0 and (given or _differ(row["reached"], row["records"], top, held))
        state = "loses" if gain > 0 and beyond else "cannot_tell"
        out.append(_Gain(row["step"], rate, reference, downstream, gain, low, high, state, None))
    losing = sorted((g for g in out if g.state == "loses"), key=lambda g: -(g.gain or 0.0))
    ranks = {g.step: n for n, g in enumerate(losing, 1)}
    return _table([replace(g, rank=ranks.get(g.step)) for g in out], GAINS)


def _differ(reached: float, records: float, best_reached: float, best_records: float) -> bool:
    """Whether two rates differ beyond what the best of many years does by chance."""
    pooled = (reached + best_reached) / (records + best_records)
    error = math.sqrt(pooled * (1 - pooled) * (1 / records + 1 / best_records))
    return best_reached / best_records - reached / records > _CHANCE * error


def _drawn(random: np.random.Generator, reached: float, records: float, draws: int) -> np.ndarray:
    """Rates that are likely after what was seen (Jeffreys)."""
    return random.beta(reached + 0.5, records - reached + 0.5, draws)


def best_year(table: pa.Table, *, span: int = 12) -> pa.Table:
    """Each step's best `span` periods in a row, and its newest ones.

    In:      step (text; its rows together), period (integer, rising by 1), reached, records (null where not settled).
    Out:     one row a step: step, best_reached, best_records, best_from (first period of the best span; null where no
             span is settled throughout), now_reached, now_records (of its newest `span` settled periods).
    """
    names = ("step", "period", "reached", "records")
    out: list[tuple[str, float | None, float | None, int | None, float | None, float | None]] = []
    for step, group in groupby(zip(*(table[n].to_pylist() for n in names), strict=True), key=itemgetter(0)):
        rows = list(group)
        settled = [r for r in rows if r[2] is not None and r[3] is not None]
        newest = settled[-span:]
        now = (sum(r[2] for r in newest), sum(r[3] for r in newest)) if newest else (None, None)
        best: tuple[float, float, int] | None = None
        for i in range(len(rows) - span + 1):
            part = rows[i : i + span]
            if any(r[2] is None or r[3] is None for r in part):
                continue
            top, bottom = sum(r[2] for r in part), sum(r[3] for r in part)
            if bottom and (best is None or top / bottom > best[0] / best[1]):
                best = (top, bottom, part[0][1])
        out.append((step, *((best[0], best[1], best[2]) if best else (None, None, None)), *now))
    columns = list(zip(*out, strict=True)) if out else [()] * len(BEST)
    return pa.Table.from_arrays([pa.array(list(c), f.type) for c, f in zip(columns, BEST, strict=True)], schema=BEST)


def _table(rows: list[_Passage] | list[_Gain], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*(astuple(r) for r in rows), strict=True)) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )
