"""A table of the made-up world: columns of one length, and the few moves that numpy lacks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.demo.clock import Flags, Integers

Array = NDArray[Any]


class Frame(dict[str, Array]):
    """Columns by name, all of one length."""

    @property
    def size(self) -> int:
        """How many rows."""
        return len(next(iter(self.values()))) if self else 0

    def take(self, rows: Integers | Flags) -> Frame:
        """These rows."""
        return Frame({name: column[rows] for name, column in self.items()})

    def sorted(self, *by: str) -> Frame:
        """The rows in the order of these columns, the first one first."""
        return self.take(np.lexsort([self[name] for name in reversed(by)]))


def stacked(*frames: Frame) -> Frame:
    """Rows of several frames, of the columns of the first."""
    return Frame({name: np.concatenate([f[name] for f in frames]) for name in frames[0]})


def runs(counts: Integers) -> tuple[Integers, Integers]:
    """For each row so many copies: which row a copy is of, and its number from 0."""
    of = np.repeat(np.arange(len(counts)), counts)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)


def starts(keys: Integers, size: int) -> tuple[Integers, Integers]:
    """Of sorted keys from 0: where each one's rows begin, and how many there are."""
    counts = np.bincount(keys, minlength=size).astype(np.int64)
    return np.cumsum(counts) - counts, counts
