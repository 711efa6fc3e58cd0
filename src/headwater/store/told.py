"""Rows of statements that a generation was asked: it stays as it is, so they are the same for whoever asks again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any

Row = tuple[Any, ...]

TOLD_VALUES = 300_000
"""So many values of rows are kept for each generation that is open: 20 to 30 MB."""

_SHARE = 10
"""An answer that holds more than one part in so many of that is not kept: it would drive out the others."""


class Told:
    """Rows by the text of their statement, together at most so many values: those longest unused go first. For any
    number of threads."""

    def __init__(self, most: int = TOLD_VALUES) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[Row, ...]] = OrderedDict()
        self._values = 0

    def __contains__(self, text: str) -> bool:
        return text in self._kept

    def get(self, text: str) -> list[Row] | None:
        """The rows of a statement, in a list of the asker's own; None where they are not kept."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
        return None if found is None else list(found)

    def keep(self, text: str, rows: Sequence[Row]) -> None:
        """Keeps the rows of a statement, unless they are many."""
        if _values(rows) * _SHARE > self._most:
            return
        with self._lock:
            if text not in self._kept:
                self._kept[text] = tuple(rows)
                self._values += _values(rows)
                while self._values > self._most:
                    self._values -= _values(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        """Lets go of all."""
        with self._lock:
            self._kept.clear()
            self._values = 0


def _values(rows: Sequence[Row]) -> int:
    """How many values rows hold; the text of their statement weighs as much as some of them."""
    return 50 + (len(rows) * len(rows[0]) if rows else 0)
