"""Folders where engines spill: one a connection, locked for its life, so that abandoned ones can be told and swept."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.store.disk import discard
from headwater.store.place import Store


@contextmanager
def scratch(store: Store) -> Iterator[Path | None]:
    """A folder of one's own for the block, removed after it; None where the store cannot be written (no spilling)."""
    path, handle = _make(store)
    try:
        yield path
    finally:
        if path is not None:
            discard(path)
        if handle >= 0:
            os.close(handle)


def abandoned(store: Store) -> tuple[Path, ...]:
    """Folders whose connection is gone (its process was killed)."""
    if not store.scratch.is_dir():
        return ()
    return tuple(path for path in sorted(store.scratch.iterdir()) if not _in_use(path))


def _make(store: Store) -> tuple[Path | None, int]:
    while True:
        path = store.scratch / secrets.token_hex(8)
        handle = -1
        try:
            path.mkdir()
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if path.exists():  # else a writer swept it between the two steps
                return path, handle
        except FileNotFoundError:
            if not store.scratch.is_dir():
                return None, -1
        except OSError:
            if handle >= 0:
                os.close(handle)
            return None, -1
        if handle >= 0:
            os.close(handle)


def _in_use(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
