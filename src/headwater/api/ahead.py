"""Work that is begun before its turn, some of it at a time, and taken in order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Generic, TypeVar

Key = TypeVar("Key")
Done = TypeVar("Done")


class Ahead(Generic[Key, Done]):
    """Does `work` for keys that are expected, `at_once` at a time; to be used as a context.

    `work` is given a key and an event that is set when its result is wanted no more: then it should end soon, by
    raising. What was done and not taken when the context ends is given to `undo`.
    """

    def __init__(self, work: Callable[[Key, Event], Done], undo: Callable[[Done], None], at_once: int) -> None:
        self._work, self._undo = work, undo
        self._stop = Event()
        self._pool = ThreadPoolExecutor(at_once)
        self._begun: dict[Key, Future[Done]] = {}

    def expect(self, key: Key) -> None:
        """Says that the result for this key will be taken, after those expected before."""
        if key not in self._begun:
            self._begun[key] = self._pool.submit(self._work, key, self._stop)

    def take(self, key: Key) -> Done:
        """The result for a key, waited for; raises what the work raised."""
        self.expect(key)
        future = self._begun[key]
        found = future.result()
        del self._begun[key]
        return found

    def __enter__(self) -> Ahead[Key, Done]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
        for future in self._begun.values():
            if not future.cancelled() and future.exception() is None:
                self._undo(future.result())
