"""Survival: against published tables, a second plain implementation, planted truths and what must always hold."""

from fractions import Fraction
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analyses.survival import (
    Incidence,
    aalen_johansen,
    arrival_quantile,
    kaplan_meier,
    quantile,
    reach_quantile,
    restricted_mean,
    share_by,
)

# Freireich and others, Blood 21 (1963): weeks in remission of 42 children with leukaemia; 0 = still in remission.
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

# Kaplan-Meier table of the treated with its standard errors, as in Klein and Moeschberger, Survival Analysis (2003),
# table 4.1, and Kleinbaum and Klein, Survival Analysis (2012), chapter 2.
PUBLISHED = {
    6: (21, 3, 0.857, 0.0764),
    7: (17, 1, 0.807, 0.0869),
    10: (15, 1, 0.753, 0.0963),
    13: (12, 1, 0.690, 0.1068),
    16: (11, 1, 0.627, 0.1141),
    22: (7, 1, 0.538, 0.1282),
    23: (6, 1, 0.448, 0.1346),
}


def test_the_published_table_of_freireich() -> None:
    curve = kaplan_meier(TREATED, RELAPSED)
    for time, (at_risk, ended, survival, deviation) in PUBLISHED.items():
        i = int(np.flatnonzero(curve.time == time)[0])
        assert (curve.at_risk[i], curve.ended[i]) == (at_risk, ended)
        assert curve.survival[i] == pytest.approx(survival, abs=6e-4)
        assert curve.variance[i] ** 0.5 == pytest.approx(deviation, abs=6e-5)


def test_published_medians_and_their_intervals() -> None:
    """Log(-log) intervals of the medians: 23 weeks, 13 to unknown, and 8 weeks, 4 to 11 (the values that R's `survfit`
    with conf.type="log-log" and Stata's `stci` give for these data). Half of the treated need not relapse."""
    treated = quantile(kaplan_meier(TREATED, RELAPSED), 0.5)
    placebo = quantile(kaplan_meier(PLACEBO, [1] * 21), 0.5)
    assert (treated.value, treated.low, treated.high) == (23, 13, None)
    assert (placebo.value, placebo.low, placebo.high) == (8, 4, 11)
    assert quantile(kaplan_meier(TREATED, RELAPSED), 0.75).value is None


def test_an_interval_reckoned_by_hand() -> None:
    """At week 6: survival 18/21, Greenwood's sum 3 / (21 * 18); theta = 1.959964 * sqrt(3 / 378) / log(6 / 7)."""
    curve = kaplan_meier(TREATED, RELAPSED)
    theta = 1.959963984540054 * (3 / 378) ** 0.5 / -log(6 / 7)
    assert curve.low[0] == pytest.approx((6 / 7) ** exp(theta), abs=1e-12)
    assert curve.high[0] == pytest.approx((6 / 7) ** exp(-theta), abs=1e-12)


def test_the_mean_of_all_that_ended_is_the_plain_mean() -> None:
    assert restricted_mean(kaplan_meier(PLACEBO, [1] * 21), 23).value == pytest.approx(182 / 21)


def test_a_restricted_mean_by_hand() -> None:
    """Half end at 2, the rest are seen up to 6: 2 * 1 + 4 * 1/2 = 4 within 6 days. Right of 2 lie 2; the variance is
    2^2 * 2 / (4 * 2) = 1."""
    found = restricted_mean(kaplan_meier([2, 2, 6, 6], [1, 1, 0, 0]), 6)
    assert found.value == pytest.approx(4)
    assert (found.low, found.high) == (pytest.approx(4 - 1.959964, abs=1e-6), pytest.approx(4 + 1.959964, abs=1e-6))
    assert restricted_mean(kaplan_meier([2, 2, 6, 6], [1, 1, 0, 0]), 7).value is None  # nobody was seen for 7 days


# --- a second implementation, from the formulas of the textbook, in exact fractions -----------------------------------
Rows = list[tuple[int, int]]
ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=25)


def plain_survival(rows: Rows, time: int) -> tuple[Fraction, Fraction]:
    """The product over times of 1 - d/n, and Greenwood's variance of it."""
    survival, greenwood = Fraction(1), Fraction(0)
    for t in sorted({t for t, _ in rows if t <= time}):
        n = sum(1 for u, _ in rows if u >= t)
        d = sum(1 for u, e in rows if u == t and e)
        survival *= 1 - Fraction(d, n)
        greenwood += Fraction(d, n * (n - d)) if n > d else 0
    return survival, survival**2 * greenwood


def plain_incidence(rows: Rows, time: int, way: int) -> tuple[Fraction, Fraction]:
    """The sum over times of the survival just before times d_way/n; the variance as Marubini and Valsecchi print it,
    three sums for this one time."""
    times = sorted({t for t, _ in rows if t <= time})
    share, shares, survival = Fraction(0), [], []
    for t in times:
        n = sum(1 for u, _ in rows if u >= t)
        before = plain_survival(rows, t - 1)[0]
        share += before * Fraction(sum(1 for u, e in rows if u == t and e == way), n)
        shares.append(share)
        survival.append(before)
    variance = Fraction(0)
    for t, at, before in zip(times, shares, survival, strict=True):
        n = sum(1 for u, _ in rows if u >= t)
        d = sum(1 for u, e in rows if u == t and e)
        k = sum(1 for u, e in rows if u == t and e == way)
        variance += (share - at) ** 2 * Fraction(d, n * (n - d)) if n > d else 0
        variance += before**2 * Fraction(k * (n - k), n**3)
        variance -= 2 * (share - at) * before * Fraction(k, n**2)
    return share, variance


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_both_curves_equal_the_plain_ones(rows: Rows) -> None:
    times, ends = [t for t, _ in rows], [e for _, e in rows]
    curve, found = kaplan_meier(times, [e > 0 for e in ends]), aalen_johansen(times, ends, ways=2)
    for i, t in enumerate(curve.time):
        survival, variance = plain_survival(rows, int(t))
        assert curve.survival[i] == pytest.approx(float(survival), abs=1e-9)
        assert curve.variance[i] == pytest.approx(float(variance), abs=1e-9)
        for way in (1, 2):
            share, spread = plain_incidence(rows, int(t), way)
            assert found.share[way - 1, i] == pytest.approx(float(share), abs=1e-9)
            assert found.variance[way - 1, i] == pytest.approx(float(spread), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_what_ended_and_what_did_not_are_one(rows: Rows) -> None:
    found = aalen_johansen([t for t, _ in rows], [e for _, e in rows], ways=2)
    assert found.share.sum(axis=0) + found.survival == pytest.approx(np.ones(len(found.time)), abs=1e-12)


@given(ROWS, st.integers(1, 5))
def test_counts_stand_for_rows_and_times_for_fractions_of_time(rows: Rows, times: int) -> None:
    plain = aalen_johansen([t for t, _ in rows] * times, [e for _, e in rows] * times, ways=2)
    counted = aalen_johansen([t / 2 for t, _ in rows], [e for _, e in rows], [times] * len(rows), ways=2)
    assert counted.n == plain.n == times * len(rows)
    assert counted.time == pytest.approx(plain.time / 2)
    assert counted.share == pytest.approx(plain.share, abs=1e-12)
    assert counted.variance == pytest.approx(plain.variance, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2)), min_size=1, max_size=30))
def test_where_nothing_is_under_way_a_share_is_binomial(rows: Rows) -> None:
    """The share by a time is then that of all entries, and its variance p (1 - p) / n."""
    found = aalen_johansen([t for t, _ in rows], [e for _, e in rows], ways=2)
    for i, t in enumerate(found.time):
        p = sum(1 for u, e in rows if u <= t and e == 1) / len(rows)
        assert found.share[0, i] == pytest.approx(p, abs=1e-12)
        assert found.variance[0, i] == pytest.approx(p * (1 - p) / len(rows), abs=1e-12)
    came = sorted(u for u, e in rows if e == 1)
    if came:
        assert arrival_quantile(found, 0.5).value == came[(len(came) - 1) // 2]  # all is complete: the plain median


def test_a_lost_record_is_not_one_that_waits() -> None:
    """1 - Kaplan-Meier with the lost taken for waiting says 2/3 won where 1 in 2 was."""
    times, ends = [1, 2, 3, 4], [2, 1, 2, 1]
    assert aalen_johansen(times, ends, ways=2).share[0, -1] == pytest.approx(0.5)
    assert 1 - kaplan_meier([1, 2, 3], [False, True, False]).survival[-1] == pytest.approx(0.5)
    assert 1 - kaplan_meier(times, [False, True, False, True]).survival[-1] == pytest.approx(1.0)


# --- edges -----------------------------------------------------------------------------------------------------------
def test_what_happens_at_once_counts_from_the_first_moment() -> None:
    found = aalen_johansen([0, 0, 5, 5], [1, 0, 1, 0], ways=1)
    assert share_by(found, 0).value == pytest.approx(0.25)
    assert share_by(found, 5).value == pytest.approx(0.25 + 0.75 / 2)


def test_nothing_is_said_of_times_that_nobody_was_seen_for() -> None:
    found = aalen_johansen([3, 5], [1, 0], ways=1)
    assert share_by(found, 5).value == pytest.approx(0.5)
    assert share_by(found, 6).value is None
    assert share_by(aalen_johansen([3, 5], [1, 1], ways=1), 6).value == 1  # all have ended: that stays so
    assert share_by(aalen_johansen([], [], ways=1), 1).value is None


def test_none_or_all_of_few_is_not_certain() -> None:
    """Wilson's interval of 0 of 10: 1.959964^2 / (10 + 1.959964^2) = 0.2775."""
    none = share_by(aalen_johansen([30] * 10, [0] * 10, ways=1), 30)
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(0.27753, abs=1e-5))
    every = share_by(aalen_johansen([3] * 10, [1] * 10, ways=1), 30)
    assert (every.value, every.low, every.high) == (1, pytest.approx(0.72247, abs=1e-5), 1)


def test_arrivals_without_one_have_no_time() -> None:
    found = arrival_quantile(aalen_johansen([3, 5], [0, 2], ways=2), 0.5)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("time", "end", "told"),
    [([-1], [1], "negative"), ([float("nan")], [1], "missing"), ([1, 2], [1], "one length"), ([1], [2], "between 0")],
)
def test_columns_that_make_no_sense_are_refused(time: list[float], end: list[int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        aalen_johansen(time, end, ways=1)


# --- planted truths --------------------------------------------------------------------------------------------------
WON, LOST, RATE = (
    0.4,
    1 / 60,
    1 / 30,
)  # of 400 deals 4 in 10 are winnable, after 30 days in the mean; the others are lost


def planted(seed: int, entries: int = 400) -> Incidence:
    """Deals opened evenly over 180 days and looked at on the last: won after an exponential time of 30 days in the mean
    (a share WON of them), else lost after 60. Times in hundredths of a day."""
    draw = np.random.default_rng(seed)
    winnable = draw.random(entries) < WON
    time = np.where(winnable, draw.exponential(1 / RATE, entries), draw.exponential(1 / LOST, entries))
    seen = draw.uniform(0, 180, entries)
    end = np.where(time > seen, 0, np.where(winnable, 1, 2))
    return aalen_johansen((np.minimum(time, seen) * 100).astype(np.int64), end, ways=2)


def test_intervals_hold_the_planted_truth_on_at_least_90_of_100_seeds() -> None:
    share_truth = WON * (1 - exp(-RATE * 45))
    worlds = [planted(seed) for seed in range(100)]
    held = median = reach = 0
    for found in worlds:
        share = share_by(found, 4500)
        held += share.low is not None and share.high is not None and share.low <= share_truth <= share.high
        typical = arrival_quantile(found, 0.5)
        median += (
            typical.low is not None and typical.high is not None and typical.low <= 100 * log(2) / RATE <= typical.high
        )
        tenth = reach_quantile(found, 0.2)  # a fifth of all have won: 1 - exp(-t / 30) = 1/2
        reach += tenth.low is not None and tenth.high is not None and tenth.low <= 100 * log(2) / RATE <= tenth.high
    assert held >= 90
    assert median >= 90
    assert reach >= 90


def test_survival_intervals_hold_the_planted_truth_on_at_least_90_of_100_seeds() -> None:
    curve_held = median_held = 0
    for seed in range(100):
        draw = np.random.default_rng(1000 + seed)
        time, seen = draw.exponential(30, 150), draw.uniform(0, 90, 150)
        curve = kaplan_meier(np.minimum(time, seen), time <= seen)
        at = int(np.searchsorted(curve.time, 40)) - 1
        curve_held += bool(curve.low[at] <= exp(-40 / 30) <= curve.high[at])
        middle = quantile(curve, 0.5)
        assert middle.low is not None
        median_held += middle.low <= 30 * log(2) <= (middle.high or float("inf"))
    assert curve_held >= 90
    assert median_held >= 90


def test_the_completed_alone_are_too_quick() -> None:
    """Of young deals the quick ones are seen first: the median of the completed lies below the truth (20.8 days), that
    of arrivals does not, in the mean of 40 worlds."""
    corrected, completed = [], []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        time, seen = draw.exponential(30, 300), draw.uniform(0, 60, 300)
        found = aalen_johansen(np.minimum(time, seen), (time <= seen).astype(int), ways=1)
        corrected.append(quantile(kaplan_meier(np.minimum(time, seen), time <= seen), 0.5).value)
        completed.append(float(np.median(time[time <= seen])))
        assert found.n == 300
    assert np.mean(completed) < 16
    assert np.mean([c for c in corrected if c is not None]) == pytest.approx(30 * log(2), rel=0.05)
