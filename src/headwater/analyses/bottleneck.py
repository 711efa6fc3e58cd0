"""Which step of a funnel has fallen most against its own best year."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa

RECENT, BEST = 3, 12
"""The newest steps are held against the best so many in a row before them (months: a quarter, a year)."""

LEAST_FALL = 0.1
"""A smaller fall, as a share of the best, is not marked."""

_CHANCE = 3.2905  # of the normal distribution, two-sided 99.9 %: the best of many years is high by chance alone


@dataclass(frozen=True, slots=True)
class _Fall:
    """One row of the answer."""

    step: str
    now: float | None
    n: int | None
    high: float | None
    best: float | None
    best_from: int | None
    best_to: int | None
    fall: float | None
    state: str
    marked: bool


SCHEMA = pa.schema(
    [
        ("step", pa.string()),
        ("now", pa.float64()),
        ("n", pa.int64()),
        ("high", pa.float64()),
        ("best", pa.float64()),
        ("best_from", pa.int64()),
        ("best_to", pa.int64()),
        ("fall", pa.float64()),
        ("state", pa.string()),
        ("marked", pa.bool_()),
    ]
)


def bottleneck(table: pa.Table, *, recent: int = RECENT, best: int = BEST, least_fall: float = LEAST_FALL) -> pa.Table:
    """Each step's newest rate beside the best it has had, and the one that fell most.

    In:      step (text), period (integer, rising by 1 within a step), numerator and denominator (float, null where
             there is none), numerator not above denominator.
    Out:     one row a step, in the order found: step, now (rate of the `recent` newest periods that have one), n (their
             denominator), high (upper end of its 99.9 % Wilson interval), best (highest rate of `best` periods in a row
             before those), best_from, best_to (its first and last period), fall (1 - now / best), state (`fallen`,
             `steady`, `cannot_tell`), marked (the largest fall of those fallen; at most one).
    Rule:    a step has fallen where the fall is `least_fall` or more and `high` lies below the best.
    Assumes: records are independent of each other. Of strips of five steps that do not change, fewer than 1 in 20 have
             a step marked.
    Misleads: a step that was never good has nothing to fall from.
    From:    E. B. Wilson, Probable inference, JASA 22 (1927), for the interval.
    """
    if recent < 1 or best < 1:
        raise ValueError("rates are compared over at least one period each")
    names = ("step", "period", "numerator", "denominator")
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    falls = [_fall(step, list(group), recent, best, least_fall) for step, group in groupby(rows, key=itemgetter(0))]
    fallen = [f for f in falls if f.state == "fallen"]
    if fallen:
        worst = max(fallen, key=lambda f: f.fall or 0.0)
        falls = [replace(f, marked=f is worst) for f in falls]
    columns = list(zip(*(astuple(f) for f in falls), strict=True)) if falls else [()] * len(SCHEMA)
    return pa.Table.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def _fall(
    step: str, rows: list[tuple[str, int, float | None, float | None]], recent: int, best: int, least_fall: float
) -> _Fall:
    known = [i for i, (_, _, top, bottom) in enumerate(rows) if top is not None and bottom is not None]
    cannot = _Fall(step, None, None, None, None, None, None, None, "cannot_tell", False)
    if len(known) < recent:
        return cannot
    first = known[-recent]
    tops, bottoms = (np.array([r[k] or 0.0 for r in rows], dtype=float) for k in (2, 3))
    top, bottom = float(tops[known[-recent:]].sum()), float(bottoms[known[-recent:]].sum())
    if not 0 <= top <= bottom or bottom == 0:
        return cannot
    now, high = top / bottom, _upper(top / bottom, bottom)
    told = replace(cannot, now=now, n=int(bottom), high=high)
    has = np.zeros(len(rows), dtype=bool)
    has[known] = True
    rates = [
        (tops[i : i + best].sum() / below, i)
        for i in range(first - best + 1)
        if has[i : i + best].all() and (below := bottoms[i : i + best].sum()) > 0
    ]
    if not rates or max(rates)[0] <= 0:
        return told
    rate, at = max(rates)
    fall = 1 - now / float(rate)
    state = "fallen" if fall >= least_fall and high < rate else "steady"
    return replace(
        told, best=float(rate), best_from=rows[at][1], best_to=rows[at + best - 1][1], fall=fall, state=state
    )


def _upper(p: float, n: float) -> float:
    """The upper end of the Wilson interval."""
    z2 = _CHANCE**2
    middle = p + z2 / (2 * n)
    return (middle + _CHANCE * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
