"""Who computes: how many ask a generation at once, and whether there is a core to spare for one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Cores:
    """Counts who asks, for any number of threads. `threads`: as many cores as the settings allow."""

    def __init__(self, threads: int) -> None:
        self._many = min(threads, _cores())
        self._lock = Lock()
        self._asking = 0

    @property
    def spare(self) -> bool:
        """Whether there are two cores and no more than one who asks: with several each has a core of his own, and none
        takes one from the others."""
        return self._many > 1 and self._asking <= 1

    @contextmanager
    def asked(self) -> Iterator[None]:
        """For the block somebody asks."""
        with self._lock:
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1


def _cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system tells
        return os.cpu_count() or 1
