"""Points of distributions behind intervals, against another implementation of them."""

import subprocess
import sys
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm, t

from headwater.metrics.intervals import MANY, Z, garwood, student, wilson

NEAR = [*range(1, 3 * MANY), 500, 12_345, 10**6, 10**9, 10**12]
"""Every number around the one from which on a series is summed, and some that are great."""


def test_the_point_of_the_standard_normal_distribution() -> None:
    assert pytest.approx(float(norm.ppf(0.975)), rel=1e-15) == Z


@pytest.mark.parametrize("side", [0, 1])
def test_poisson_intervals_are_those_of_another_implementation(side: int) -> None:
    found = [garwood(count)[side] for count in NEAR]
    told = chi2.ppf(0.975, [2 * n + 2 for n in NEAR]) if side else chi2.ppf(0.025, [2 * n for n in NEAR])
    assert found == pytest.approx([float(x) / 2 for x in told], rel=1e-12, abs=0)


def test_nothing_counted_may_still_be_up_to_three_and_a_half() -> None:
    low, high = garwood(0)
    assert low == 0
    assert high == pytest.approx(3.68887945411, abs=1e-11)  # -ln 0.025


def test_intervals_of_means_are_those_of_another_implementation() -> None:
    found = [student(0, sqrt(n + 1), n + 1)[1] for n in NEAR]
    assert found == pytest.approx([float(x) for x in t.ppf(0.975, NEAR)], rel=1e-12, abs=0)


@given(st.integers(0, 10**7))
def test_more_that_is_counted_moves_both_bounds_up(count: int) -> None:
    low, high = garwood(count)
    more_low, more_high = garwood(count + 1)
    assert low <= count <= high and low < more_low and high < more_high


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 10**7))
def test_a_mean_lies_in_the_middle_and_more_rows_narrow_it(mean: float, deviation: float, n: int) -> None:
    low, high = student(mean, deviation, n)
    narrower = student(mean, deviation, n + 1)
    assert low <= mean <= high and high - mean == pytest.approx(mean - low, abs=1e-9 * (1 + abs(mean)))
    assert narrower[1] - narrower[0] <= (high - low) * (1 + 1e-9) + 1e-9 * (1 + abs(mean))


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_a_share_lies_in_its_interval(some: int, others: int) -> None:
    low, high = wilson(some, some + others)
    assert 0 <= low <= some / (some + others) <= high <= 1


def test_intervals_load_no_library_for_statistics() -> None:
    asked = "from headwater.metrics.intervals import garwood, student; garwood(7), student(1, 2, 3); import sys; "
    done = subprocess.run(
        [sys.executable, "-c", asked + "print({'numpy', 'scipy'} & set(sys.modules))"], capture_output=True, check=True
    )
    assert done.stdout == b"set()\n"
