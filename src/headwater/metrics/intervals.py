"""The 95 % interval of one number, by the kind its KPI file names."""

from __future__ import annotations

from functools import lru_cache
from math import atan, cos, exp, lgamma, log, pi, sin, sqrt

from headwater.metrics.reading import Reading

Z = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""

LEAST_FOR_QUANTILE = 6
"""Under six rows no two order statistics bound a median at 95 %."""


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The Wilson score interval of a proportion at 95 %.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212; no continuity correction.

    >>> [round(x, 6) for x in wilson(842, 8000)]
    [0.098714, 0.112165]
    """
    p = successes / trials
    scale = 1 + Z * Z / trials
    centre = p + Z * Z / (2 * trials)
    half = Z * sqrt(p * (1 - p) / trials + Z * Z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, (centre - half) / scale)  # exactly, whatever the roots are rounded to
    return low, 1.0 if successes == trials else min(1.0, (centre + half) / scale)


def student(mean: float, deviation: float, n: int) -> tuple[float, float]:
    """The t interval of a mean at 95 %, from the sample standard deviation and at least two rows.

    Source: Student, Biometrika 6 (1908), 1-25. Assumes rows that do not depend on each other.

    >>> [round(x, 3) for x in student(10, 2, 5)]
    [7.517, 12.483]
    """
    half = _t_point(n - 1) * deviation / sqrt(n)
    return mean - half, mean + half


@lru_cache(maxsize=4096)
def garwood(count: int) -> tuple[float, float]:
    """The exact interval of a Poisson count at 95 %.

    Source: F. Garwood, Biometrika 28 (1936), 437-442.

    >>> [round(x, 3) for x in garwood(10)]
    [4.795, 18.39]
    """
    return _gamma_point(count, -1) if count else 0.0, _gamma_point(count + 1, 1)


# --- points of distributions, without loading a library that takes longer than the question --------------------------
MANY = 40
"""From so many degrees of freedom, or so great a count, on a series gives every digit that a number has."""

_T_SERIES = (
    Z, 2.372271230298563, 2.8224986157396117, 2.5558496795077232, 1.5895340533938236, 0.7328982119816057,
    0.6274804609510736, 0.12881285359619749, -1.7139281826235218, 1.9425213869838953,
)  # fmt: skip
"""The two-sided 95 % point of the t distribution by powers of 1 / degrees of freedom: the polynomials of Cornish and
Fisher at `Z`.

Source: R. A. Fisher and E. A. Cornish, Technometrics 2 (1960), 209-225.
"""

_GAMMA_SERIES = (
    Z, 0.9471529402313753, -0.17196185986461618, -0.06809954241743826, 0.03444176509221396, -0.024394073942926017,
    0.01500181287061053, -0.0033998055841609736, -0.0007582805062086018, 0.0038908179241622294, -0.005286262461058032,
    0.003912064892768366, -0.0027110097959715533, 0.0004615397571675125, 0.002061365877093477, -0.003101097582517237,
)  # fmt: skip
"""(x - a) / sqrt(a) by powers of 1 / sqrt(a), where x is the upper two-sided 95 % point of the gamma distribution of
shape a; of the lower one every other sign is another, as of the polynomials at `-Z`. Source: as above."""

_CLOSE = 1e-9
"""After a step of Newton's that is so small a part of the whole, what is left is of the size of its square."""


@lru_cache(maxsize=4096)
def _t_point(freedom: int) -> float:
    """The two-sided 95 % point of the t distribution."""
    if freedom >= MANY:
        return _series(_T_SERIES, 1 / freedom)
    height = 2 * exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi * freedom)  # of the density, both sides
    t = Z  # too little for all, and what lies inside grows ever more slowly, so that steps never lead too far
    while True:
        density: float = height * (1 + t * t / freedom) ** (-(freedom + 1) / 2)
        step = (0.95 - _inside(t, freedom)) / density
        t += step
        if step < _CLOSE * t:
            return t


def _inside(t: float, freedom: int) -> float:
    """The probability that lies between -t and t.

    Source: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    angle = atan(t / sqrt(freedom))
    odd, squared = freedom % 2, cos(angle) ** 2
    term = cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= squared * (k - 1) / k
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


def _gamma_point(shape: int, side: int) -> float:
    """The upper (`side` 1) or lower (-1) two-sided 95 % point of the gamma distribution of a shape from 1."""
    x = shape + side * sqrt(shape) * _series(_GAMMA_SERIES, side / sqrt(shape))
    if shape >= MANY:
        return x
    while True:  # from there on by Newton's steps
        density = exp((shape - 1) * log(x) - x - lgamma(shape))
        step = (0.025 - _beyond(x, shape)) / density if side > 0 else (_below(x, shape) - 0.025) / density
        x -= step
        if abs(step) < _CLOSE * x:
            return x


def _series(terms: tuple[float, ...], at: float) -> float:
    total = 0.0
    for term in reversed(terms):
        total = total * at + term
    return total


def _beyond(x: float, shape: int) -> float:
    """The probability above x: that of fewer than `shape` events where x are expected."""
    term = total = exp(-x)
    for k in range(1, shape):
        term *= x / k
        total += term
    return total


def _below(x: float, shape: int) -> float:
    """The probability up to x: that of at least `shape` events where x are expected, from the most probable on."""
    term = total = exp(shape * log(x) - x - lgamma(shape + 1))
    k = shape
    while term > total * 1e-17:
        k += 1
        term *= x / k
        total += term
    return total


def interval(
    kind: str,
    value: float,
    numerator: float | None,
    denominator: float | None,
    n: int | None,
    reading: Reading | None,
) -> tuple[float | None, float | None]:
    """Low and high at 95 %, or (None, None) where the kind is `none` or there is too little to say."""
    match kind:
        case "proportion" if numerator is not None and denominator and 0 <= numerator <= denominator:
            return wilson(numerator, denominator)
        case "mean" if reading is not None and reading.deviation is not None and n is not None and n > 1:
            return student(value, reading.deviation, n)
        case "quantile" | "survival" if reading is not None and n is not None and n >= LEAST_FOR_QUANTILE:
            return reading.low, reading.high
        case "count" if value >= 0 and value == int(value):
            return garwood(int(value))
    return None, None
