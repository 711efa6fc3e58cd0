"""One writer at a time: a lock of the operating system, which a killed process gives back by dying."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from headwater.errors import WorkspaceError
from headwater.store.disk import discard, leftovers, refusals
from headwater.store.place import Store
from headwater.store.scratch import abandoned

LOOKS = ("check", "measure")
"""Verbs that hold the lock for a moment while they look or note something down: who wants to write waits for them."""

LOOK_SECONDS = 60.0

_held: set[str] = set()


@contextmanager
def writing(store: Store, verb: str = "", *, wait: float = 1.0) -> Iterator[None]:
    """Makes this process the one writer of the store for the block, and sweeps what an interrupted writer left.

    Waits at most `wait` seconds; if it waits at all, up to LOOK_SECONDS for one of LOOKS. Raises WorkspaceError when
    the store cannot be written or another process writes, naming that process, what it does and since when. Not
    reentrant.
    """
    _check_place(store)
    with refusals(store.root):
        handle = os.open(store.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(store, handle, wait)
        _check_it_holds(store)
        with refusals(store.lock):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb}).encode(), 0)
        _held.add(str(store.root))
        try:
            sweep(store)
            yield
        finally:
            _held.discard(str(store.root))
            with suppress(OSError):
                os.ftruncate(handle, 0)
                fcntl.flock(handle, fcntl.LOCK_UN)  # closing alone would leave it with a child that was forked
    finally:
        os.close(handle)


def writer(store: Store) -> str:
    """Who writes now (the process, what it does, since when), '' when nobody does."""
    try:
        handle = os.open(store.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return ""
    except BlockingIOError:
        return _holder(handle)
    except OSError:
        return ""
    finally:
        os.close(handle)


def must_write(store: Store) -> None:
    """Raises RuntimeError when the caller forgot `writing`: a fault of the program, not of the user."""
    if str(store.root) not in _held:
        raise RuntimeError("the store is changed only inside `with writing(store):`")


def sweep(store: Store) -> int:
    """Removes what interrupted writers left, and the spill folders of connections that are gone; how many."""
    swept = 0
    for folder in (store.root, store.landing, store.parts, store.generations, store.definitions):
        for path in leftovers(folder):
            discard(path)
            swept += 1
    for path in abandoned(store):
        discard(path)
        swept += 1
    return swept


def _check_place(store: Store) -> None:
    if store.network:
        raise WorkspaceError(
            f"this folder lies on a network file system ({store.network}), whose locks and renames cannot be trusted",
            where=str(store.root),
            do="Keep the workspace on a local disk; reading it from here works.",
        )
    if not os.access(store.root, os.W_OK | os.X_OK):
        raise WorkspaceError(
            "this folder is read-only",
            where=str(store.root),
            do="Check its permissions, or run as the user who owns it; reading it works.",
        )


def _take(store: Store, handle: int, wait: float) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited >= (LOOK_SECONDS if wait and _told(handle)[1] in LOOKS else wait):
                raise WorkspaceError(
                    f"the data is being written by {_holder(handle)}",
                    where=str(store.root),
                    do="Wait until it is done and run the same command again; reading works meanwhile.",
                ) from None
            time.sleep(0.02)
        except OSError as error:
            raise _no_locks(store) from error


def _check_it_holds(store: Store) -> None:
    """Asks for the lock a second time: a file system that grants it twice keeps nobody out."""
    handle = os.open(store.lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    finally:
        os.close(handle)
    raise _no_locks(store)


def _no_locks(store: Store) -> WorkspaceError:
    return WorkspaceError(
        "the file system of this folder has no working locks",
        where=str(store.root),
        do="Keep the workspace on a local disk.",
    )


def _holder(handle: int) -> str:
    """Who holds the lock, as its file tells: the process, what it does, since when."""
    since = datetime.fromtimestamp(os.fstat(handle).st_mtime, UTC)
    process, verb = _told(handle)
    if not process:
        return "another process"
    doing = f" ('{verb}')" if verb else ""
    return f"process {process}{doing} since {since:%Y-%m-%d %H:%M:%S} UTC"


def _told(handle: int) -> tuple[int, str]:
    """The process that holds the lock and what it does, 0 and '' where the file does not say."""
    try:
        told = json.loads(os.pread(handle, 4096, 0))
        return int(told["pid"]), str(told["verb"])
    except (ValueError, KeyError, TypeError):
        return 0, ""
