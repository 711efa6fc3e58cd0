"""What the last refreshes took: time, memory and what was spilled, kept beside the tables for `doctor`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from headwater.errors import WorkspaceError
from headwater.store.disk import refusals, replace_file
from headwater.store.lock import must_write
from headwater.store.place import Store
from headwater.store.records import canonical, from_json, to_json

FILE = "efforts.json"
KEPT = 30
_LOOK_SECONDS = 0.2
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Effort:
    """One refresh that built tables: when it began, its whole seconds, the most memory that it took and the most that
    lay spilled on the disk, both in MB, and the memory that it was allowed then."""

    at: datetime
    seconds: int
    peak_mb: int
    spilled_mb: int
    memory_mb: int


class Gauge:
    """The most memory that this process has taken since the gauge was made, beyond what it held before (a program that
    refreshes may hold much of its own), and the most bytes in a folder, of all looks so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = _resident_mb()
        self.peak_mb = self.spilled_mb = 0

    def look(self) -> None:
        """Looks once."""
        self.peak_mb = max(self.peak_mb, _resident_mb() - self._before)
        self.spilled_mb = max(self.spilled_mb, _held(self._folder) // 1024**2)


@contextmanager
def gauged(folder: Path) -> Iterator[Gauge]:
    """A gauge that looks again and again while the block runs, at least once."""
    gauge, done = Gauge(folder), Event()

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            gauge.look()

    watching = Thread(target=look, daemon=True)
    watching.start()
    try:
        yield gauge
    finally:
        done.set()
        watching.join()
        gauge.look()


def note_effort(store: Store, effort: Effort) -> None:
    """Keeps what a refresh took, and forgets all but the last."""
    must_write(store)
    kept = (*efforts(store), effort)[-KEPT:]
    with refusals(store.root):
        replace_file(store.root / FILE, canonical([to_json(one) for one in kept]))


def efforts(store: Store) -> tuple[Effort, ...]:
    """What the last refreshes took, oldest first. Raises WorkspaceError where the file is damaged."""
    path = store.root / FILE
    try:
        return tuple(from_json(Effort, one) for one in json.loads(path.read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        raise WorkspaceError(
            "what the last refreshes took cannot be read", where=str(path), do="Remove the file; nothing else needs it."
        ) from error


def _resident_mb() -> int:
    """The memory of this process now; where the system tells only the greatest since it began, that."""
    try:
        status = _STATUS.read_text(encoding="ascii")
    except FileNotFoundError:  # not Linux
        import resource

        greatest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return greatest // (1024**2 if sys.platform == "darwin" else 1024)
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def _held(folder: Path) -> int:
    """The bytes of all files under a folder; a file or folder that goes meanwhile counts no more."""
    total = 0
    for place, _, names in os.walk(folder):  # passes over a folder that is gone
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total
