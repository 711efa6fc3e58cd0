"""The 95 % interval of one number, by the kind its KPI file names."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

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
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.975)) * deviation / sqrt(n)
    return mean - half, mean + half


@lru_cache(maxsize=4096)
def garwood(count: int) -> tuple[float, float]:
    """The exact interval of a Poisson count at 95 %.

    Source: F. Garwood, Biometrika 28 (1936), 437-442.

    >>> [round(x, 3) for x in garwood(10)]
    [4.795, 18.39]
    """
    from scipy.special import gammaincinv

    low = 0.0 if count == 0 else float(gammaincinv(count, 0.025))
    return low, float(gammaincinv(count + 1, 0.975))


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
