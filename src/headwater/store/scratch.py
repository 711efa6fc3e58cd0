"""Folders where engines spill: one a connection, locked for its life, so that abandoned ones can be told and swept."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.store.disk import discard, refusals
from headwater.store.place import Store


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """A folder of one's own for the block, removed after it."""
    with refusals(store.scratch):
        path, handle = _make(store)
    try:
        yield path
    finally:
        discard(path)
        os.close(handle)


@contextmanager
def scratch_if_possible(store: Store) -> Iterator[Path | None]:
    """The same, but None where the store cannot be written: small questions need no room to spill."""
    with ExitStack() as stack:
        try:
            path: Path | None = stack.enter_context(scratch(store))
        except WorkspaceError:
            path = None
        yield path


def abandoned(store: Store) -> tuple[Path, ...]:
    """Folders whose connection is gone (its process was killed)."""
    if not store.scratch.is_dir():
        return ()
    return tuple(path for path in sorted(store.scratch.iterdir()) if not _in_use(path))


def _make(store: Store) -> tuple[Path, int]:
    while True:
        path = store.scratch / secrets.token_hex(8)
        path.mkdir()
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # a writer swept it between the two steps
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if path.exists():
                return path, handle
        except OSError:
            discard(path)
            os.close(handle)
            raise
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
