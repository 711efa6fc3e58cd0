"""Writing that survives a crash, and the disk's refusals in our words."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headwater.errors import WorkspaceError

TEMPORARY = ".tmp-"
"""Prefix of everything that is not yet part of the store; the next writer sweeps it."""

READ_ONLY = 0o444
"""Mode of what never changes again once it is published."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


def refusal(error: OSError, where: Path) -> WorkspaceError:
    """The error of ours that says what the operating system refused and what to do."""
    if error.errno in _FULL:
        return WorkspaceError(
            "the disk is full, so this was not finished",
            where=str(where),
            do="Free some space (or raise the quota) and run the same command again; what was stored before is whole.",
        )
    if error.errno in _FORBIDDEN:
        return WorkspaceError(
            "this place cannot be written",
            where=str(where),
            do="Check the permissions of the folder, or run as the user who owns it.",
        )
    return WorkspaceError(
        f"the file system refused ({os.strerror(error.errno) if error.errno else type(error).__name__})",
        where=str(where),
        do="Check the disk, then run 'headwater doctor'.",
    )


@contextmanager
def refusals(where: Path) -> Iterator[None]:
    """Turns what the operating system refuses inside the block into a WorkspaceError that names `where`."""
    try:
        yield
    except OSError as error:
        raise refusal(error, where) from error


def temporary(folder: Path, suffix: str = "") -> Path:
    """A name in `folder` that nobody uses and that counts as a leftover until it is renamed."""
    return folder / f"{TEMPORARY}{secrets.token_hex(8)}{suffix}"


def _flush(handle: int) -> None:
    """Returns once the disk itself has it; on macOS `fsync` alone leaves it in the disk's own cache."""
    if (full := getattr(fcntl, "F_FULLFSYNC", None)) is not None:
        fcntl.fcntl(handle, full)
    else:
        os.fsync(handle)


def sync_file(path: Path) -> None:
    """Returns once the bytes of `path` are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _flush(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Returns once the names in `path` are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _flush(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a new file and returns once its bytes are on the disk (its name is not yet)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        _flush(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Gives `path` new content in one step: whoever reads it sees the old or the new, also after a power cut."""
    draft = temporary(path.parent)
    try:
        write_bytes(draft, content, mode)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def publish_folder(draft: Path, final: Path) -> None:
    """Makes a fully written folder visible under its name by one rename, after everything in it is on the disk."""
    for path in sorted(draft.iterdir()):
        path.chmod(READ_ONLY)
        sync_file(path)
    sync_folder(draft)
    draft.rename(final)
    sync_folder(final.parent)


def discard(path: Path) -> None:
    """Removes a file or a folder with all it holds; what is gone already is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def discard_folder(path: Path) -> None:
    """Removes a published folder so that nobody sees half of it: renamed out of sight first, then deleted."""
    doomed = temporary(path.parent)
    path.rename(doomed)
    sync_folder(path.parent)
    discard(doomed)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftovers(folder: Path) -> tuple[Path, ...]:
    """What an interrupted writer left in `folder`."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.name.startswith(TEMPORARY)))
