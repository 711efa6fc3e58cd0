"""Chance with a seed: draws whose sums are close to what is expected, so that a small company is like a large one."""

from __future__ import annotations

import numpy as np

from headwater.demo.clock import DAY, NONE, Flags, Floats, Integers, instant

Generator = np.random.Generator


def stream(seed: int, *what: str) -> Generator:
    """A source of chance for one part of the company, so that a change of one leaves the others as they are."""
    return np.random.default_rng([seed, *(b for name in what for b in name.encode())])


def chosen(rng: Generator, odds: Floats) -> Flags:
    """Each with its own odds, in order: of any stretch as many are taken as expected, but for one."""
    steps = np.floor(np.cumsum(np.clip(odds, 0.0, 1.0)) + rng.random()).astype(np.int64)
    found: Flags = np.diff(steps, prepend=0) > 0
    return found


def counts(rng: Generator, expected: Floats) -> Integers:
    """Whole numbers with these expectations, their running sums right but for one."""
    flat = expected.ravel()
    steps = np.floor(np.cumsum(flat) + rng.random()).astype(np.int64)
    found: Integers = np.diff(steps, prepend=0).reshape(expected.shape)
    return found


def spread(rng: Generator, size: int, block: int = 24) -> Floats:
    """Numbers between 0 and 1, even within every block of neighbours."""
    if not size:
        return np.zeros(0)
    blocks = -(-size // block)
    ranks = np.argsort(rng.random((blocks, block)), axis=1)
    even: Floats = ((ranks + rng.random((blocks, block))) / block).ravel()[:size]
    return even


def lag(rng: Generator, size: int, median: float, shape: float) -> Integers:
    """Seconds between two steps, lognormal around a median given in days; at least two minutes."""
    from scipy.special import ndtri

    taken = median * np.exp(shape * ndtri(np.clip(spread(rng, size), 1e-6, 1 - 1e-6))) * DAY
    found: Integers = np.maximum(taken.astype(np.int64), 120)
    return found


def kinds(rng: Generator, size: int, weights: dict[str, float]) -> Integers:
    """Places in the dictionary, by weight."""
    return picked(rng, size, list(weights.values()))


def picked(rng: Generator, size: int, weights: list[float]) -> Integers:
    """Places by weight."""
    edges = np.cumsum(np.array(weights, np.float64))
    found: Integers = np.searchsorted(edges / edges[-1], rng.random(size), "right").clip(0, len(weights) - 1)
    return found


def each(rng: Generator, weights: Floats) -> Integers:
    """One place by weight for every row of a table of weights."""
    edges = np.cumsum(weights, axis=1)
    found: Integers = (edges < (rng.random(len(weights)) * edges[:, -1])[:, None]).sum(axis=1)
    return found.clip(0, weights.shape[1] - 1)


_HOURS = np.array([0.2, 0.1, 0, 0, 0.1, 0.2, 0.6, 1.6, 4, 7, 8, 7, 5, 6.5, 8, 7.5, 6, 4.2, 2.4, 1.8, 1.6, 1.4, 1, 0.5])


def clock_times(rng: Generator, size: int) -> Integers:
    """Seconds of a day, most of them in office hours."""
    hour = picked(rng, size, _HOURS.tolist())
    return hour * 3600 + rng.integers(0, 3600, size)


def office_times(rng: Generator, size: int) -> Integers:
    """Seconds of a day between half past eight and half past five."""
    return rng.integers(8 * 3600 + 1800, 17 * 3600 + 1800, size)


def weekdays(rng: Generator, start: Integers, length: Integers, quiet: float = 0.18) -> Integers:
    """A day from each stretch of days; Saturdays and Sundays as often as `quiet` says."""
    day = start + (rng.random(len(start)) * length).astype(np.int64)
    weekend = (day + 3) % 7 >= 5
    moved = weekend & (rng.random(len(day)) > quiet)
    again = start + (rng.random(len(start)) * length).astype(np.int64)
    day = np.where(moved, again, day)
    weekend = (day + 3) % 7 >= 5
    back = day - ((day + 3) % 7 - 4)
    found: Integers = np.where(moved & weekend & (back >= start), back, day)
    return found


def to_office(rng: Generator, seconds: Integers) -> Integers:
    """The next moment of an office day: what people decide is decided at work. `NONE` stays."""
    from headwater.demo.clock import days, local

    day = days(np.where(seconds == NONE, 0, seconds))
    late = local(np.where(seconds == NONE, 0, seconds)) % DAY
    asleep = ((day + 3) % 7 >= 5) | (late < 8 * 3600) | (late > 18 * 3600)
    day = np.where(late > 18 * 3600, day + 1, day)
    day = day + np.array([0, 0, 0, 0, 0, 2, 1])[(day + 3) % 7]
    moved = instant(day, rng.integers(8 * 3600 + 1800, 11 * 3600, len(seconds)))
    found: Integers = np.where(seconds == NONE, NONE, np.where(asleep, np.maximum(moved, seconds), seconds))
    return found
