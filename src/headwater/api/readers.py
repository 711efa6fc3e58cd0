"""Readers that many threads share: each generation is opened once, and let go with the last moment that reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock, Semaphore

from headwater.errors import StoppedError
from headwater.model.generation import Generation
from headwater.model.settings import FILES, Settings
from headwater.store.generations import Reader, pinned, resolved
from headwater.store.place import Store
from headwater.store.turns import Cores

LONG_SECONDS = 600.0
"""How long a check may run, which reads all tables once after each load."""

STATEMENTS = 2
"""How many statements run at once for each thread of the engine: more would share the same cores, and its memory."""

AGAIN_SECONDS = 30.0
"""How long the files are read instead of an engine that did not answer, before it is asked again."""

_Key = tuple[str, int, int, str, int]
"""A generation's id, the memory and threads that it is read with, the engine that reads it, and which attempt this is
to reach it."""


@dataclass(eq=False, slots=True)
class Opened:
    """A generation that is open, and which moments read it."""

    key: _Key
    reader: Reader
    turns: Semaphore
    cores: Cores
    closing: ExitStack
    at: float
    users: list[Reading] = field(default_factory=list)


class Readers:
    """The generations that are open: the current one stays, the others go with the last moment that reads them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opening = Lock()
        self._open: dict[_Key, Opened] = {}
        self._current: _Key | None = None
        self._attempt = 0
        self._closed = False

    def take(self, reading: Reading, store: Store, generation: str, settings: Settings) -> Opened:
        """A generation for a moment, until `give`. Raises WorkspaceError as `pinned` does."""
        id_ = resolved(store, generation)
        if (found := self._taken(reading, id_, settings)) is None:
            with self._opening:
                if (found := self._taken(reading, id_, settings)) is None:
                    found = self._opened(reading, store, generation, settings)
        return found

    def hold(self, taken: Opened) -> None:
        """Keeps this generation open when nobody reads it, as the current one, and no other."""
        if self._current != taken.key:
            with self._lock:
                self._current = taken.key
            self._let_go()

    def give(self, reading: Reading, taken: Opened) -> None:
        """Ends `take`."""
        with self._lock:
            taken.users.remove(reading)
        self._let_go()

    def notice(self, generation: str) -> bool:
        """Holds the current generation only if it is this one; whether it was another."""
        with self._lock:
            other = self._current is not None and self._current[0] != generation
            if other:
                self._current = None
        self._let_go()
        return other

    def close(self) -> None:
        """Stops what runs, refuses what comes, and lets everything go that nobody reads; the rest goes when its moment
        ends."""
        with self._lock:
            self._closed, self._current = True, None
            running = [reading for one in self._open.values() for reading in one.users]
        for reading in running:
            reading.stop()
        self._let_go()

    def _taken(self, reading: Reading, generation: str, settings: Settings) -> Opened | None:
        with self._lock:
            if self._closed:
                raise StoppedError
            found = self._open.get(self._key(generation, settings))
            waited = found is not None and time.monotonic() - found.at > AGAIN_SECONDS
            if found is not None and (found.reader.lost or (found.reader.instead and waited)):
                self._attempt += 1
                return None
            if found is not None:
                found.users.append(reading)
            return found

    def _opened(self, reading: Reading, store: Store, generation: str, settings: Settings) -> Opened:
        with ExitStack() as stack:
            reader = stack.enter_context(pinned(store, generation, settings))
            with self._lock:
                key = self._key(reader.generation.id, settings)
                if self._closed:
                    raise StoppedError
                if key not in self._open:  # else it became current again just now
                    turns = Semaphore(STATEMENTS * settings.threads)
                    cores = Cores(settings.threads)
                    self._open[key] = Opened(key, reader, turns, cores, stack.pop_all(), time.monotonic())
                self._open[key].users.append(reading)
                return self._open[key]

    def _key(self, generation: str, settings: Settings) -> _Key:
        attempt = 0 if settings.engine == FILES else self._attempt
        return generation, settings.memory_mb, settings.threads, settings.engine, attempt

    def _let_go(self) -> None:
        with self._lock:
            kept = None if self._closed else self._current
            gone = [one for one in self._open.values() if not one.users and one.key != kept]
            for one in gone:
                del self._open[one.key]
        for one in gone:
            one.closing.close()


class Reading:
    """The readers of one moment: one for each generation it asks, until the monotonic clock's `until`. What it opens
    is closed with `open_`."""

    def __init__(self, readers: Readers, open_: ExitStack, until: float) -> None:
        self._readers, self._open, self.until = readers, open_, until
        self._pinned: dict[tuple[str, str], Opened] = {}
        self._known: dict[tuple[str, str], Reader] = {}
        self._long: list[Reader] = []
        self._stopped = False

    def current(self, store: Store | None, settings: Settings) -> Generation | None:
        """Takes the current generation for the moment; None before the first build."""
        if store is None or not resolved(store):
            return None
        reader = self._reader(store, "", settings)
        self._readers.hold(self._taken(store, "", settings))
        return reader.generation

    @contextmanager
    def pin(self, store: Store, generation: str, settings: Settings) -> Iterator[Reader]:
        """The moment's reader of a generation; it stays open until the moment ends."""
        yield self._reader(store, generation, settings)

    @contextmanager
    def pin_for_long(self, store: Store, generation: str, settings: Settings) -> Iterator[Reader]:
        """A reader for what has to read everything: it has LONG_SECONDS, and is as much part of the moment."""
        taken = self._taken(store, generation, settings)
        with taken.reader.another(time.monotonic() + LONG_SECONDS, taken.turns, taken.cores) as reader:
            self._long.append(reader)
            try:
                self._heed(reader)
                yield reader
            finally:
                self._long.remove(reader)

    def stop(self) -> None:
        """Stops what runs now and refuses what comes, from another thread; nothing runs when this returns."""
        self._stopped = True
        for reader in (*self._known.values(), *self._long):
            reader.stop()

    def _reader(self, store: Store, generation: str, settings: Settings) -> Reader:
        key = generation, settings.engine
        if key not in self._known:
            taken = self._taken(store, generation, settings)
            reader = self._open.enter_context(taken.reader.another(self.until, taken.turns, taken.cores))
            self._known[key] = reader
            self._heed(reader)
        return self._known[key]

    def _heed(self, reader: Reader) -> None:
        """Stops a reader that was opened while its moment was stopped."""
        if self._stopped:
            reader.stop()

    def _taken(self, store: Store, generation: str, settings: Settings) -> Opened:
        key = generation, settings.engine
        if key not in self._pinned:
            self._pinned[key] = taken = self._readers.take(self, store, generation, settings)
            self._open.callback(self._readers.give, self, taken)
        return self._pinned[key]
