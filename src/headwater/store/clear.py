"""Everything that was loaded and built is removed, where nobody reads or writes it."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.store.disk import discard, refusals
from headwater.store.generations import MANIFEST, folders
from headwater.store.lock import must_write
from headwater.store.place import Store


def clear(store: Store) -> None:
    """Leaves an empty store, with its lock; inside `writing`. Raises WorkspaceError, and nothing is removed, while
    somebody reads a generation."""
    must_write(store)
    kept = {store.lock, store.format}
    with ExitStack() as locked, refusals(store.root):
        for folder in folders(store):
            if (folder / MANIFEST).exists():
                _lock(store, folder / MANIFEST, locked)
        for path in sorted(store.root.iterdir(), key=lambda p: p != store.current):  # first, what names the others
            if path not in kept:
                discard(path)


def _lock(store: Store, manifest: Path, locked: ExitStack) -> None:
    """Keeps readers out of a generation until the stack is closed."""
    handle = os.open(manifest, os.O_RDONLY | os.O_CLOEXEC)
    locked.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WorkspaceError(
            "the data in this folder is being read by another process",
            where=str(store.root),
            do="End what reads it, such as 'headwater serve', and try again.",
        ) from None
