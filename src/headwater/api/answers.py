"""Answers that are kept while what they were made from stays, within a number of bytes."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import TypeVar

from headwater.errors import StoppedError

V = TypeVar("V")

_WALKED = 8
"""Of a longer sequence so many members are weighed, and the others taken to be like them."""


class Answers:
    """Values by key, together at most `most` bytes: beyond it the one longest unused is let go first.

    A key holds everything its value depends on, so a value never grows old; `keep_only` lets go those that nobody will
    ask for again. For any number of threads: a value that several want at once is made once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._making: dict[Hashable, Future[object]] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """What all values weigh."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def get(
        self,
        key: Hashable,
        make: Callable[[], V],
        until: float | None = None,
        lasting: Callable[[V], bool] = lambda _: True,
    ) -> V:
        """The value of a key, made where it is not kept; one that is not `lasting` is not kept. Raises what `make`
        raises, and StoppedError when another thread that makes it is not done at the monotonic clock's `until`."""
        while True:
            with self._lock:
                if (found := self._kept.get(key)) is not None:
                    self._kept.move_to_end(key)
                    return found[0]  # type: ignore[return-value]
                other = self._making.get(key)
                if other is None:
                    mine: Future[object] = Future()
                    self._making[key] = mine
            if other is None:
                return self._made(key, make, mine, lasting)
            try:
                return other.result(None if until is None else max(0.0, until - time.monotonic()))  # type: ignore[return-value]
            except TimeoutError:
                raise StoppedError from None
            except _NotMade:
                continue  # what stopped the other thread need not stop this one

    def keep_only(self, wanted: Callable[[Hashable], bool]) -> None:
        """Lets go every value whose key is not wanted any more."""
        with self._lock:
            for key in [k for k in self._kept if not wanted(k)]:
                self._bytes -= self._kept.pop(key)[1]

    def _made(self, key: Hashable, make: Callable[[], V], mine: Future[object], lasting: Callable[[V], bool]) -> V:
        try:
            value = make()
        except BaseException:
            with self._lock:
                del self._making[key]
            mine.set_exception(_NotMade())
            raise
        size = weight(value) + weight(key)
        with self._lock:
            del self._making[key]
            if size <= self._most and lasting(value):
                self._kept[key] = (value, size)
                self._bytes += size
                while self._bytes > self._most:
                    self._bytes -= self._kept.popitem(last=False)[1][1]
        mine.set_result(value)
        return value


class _NotMade(Exception):
    """The thread that made a value did not come to an end with it."""


def weight(value: object) -> int:
    """About how many bytes of memory a value holds; what it refers to several times counts once."""
    return int(_weight(value, set()))


def _weight(value: object, seen: set[int]) -> float:
    if id(value) in seen or value is None or isinstance(value, bool | type):
        return 0
    seen.add(id(value))
    own = sys.getsizeof(value)
    if (names := _names(value.__class__)) is not None:
        return own + sum(_weight(getattr(value, name), seen) for name in names)
    match value:
        case str() | bytes():
            return own
        case Mapping():
            return own + _sampled([x for pair in value.items() for x in pair], seen)
        case Sequence() | set() | frozenset():
            return own + _sampled(list(value), seen)
        case _:
            return own


def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a class that is a dataclass; to look them up costs as much as to weigh them."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(f.name for f in fields(kind)) if is_dataclass(kind) else None
    return _NAMES[kind]


_NAMES: dict[type, tuple[str, ...] | None] = {}


def _sampled(members: list[object], seen: set[int]) -> float:
    members = list({id(m): m for m in members}.values())
    if len(members) <= 2 * _WALKED:
        return sum(_weight(m, seen) for m in members)
    step = len(members) // _WALKED
    some = members[::step]
    return sum(_weight(m, seen) for m in some) * len(members) / len(some)
