"""Parts: immutable files that are named by the hash of their bytes, and checked before they are read.

A damaged Parquet file is not always refused by the engine: of 150 flipped bits, 53 gave other rows without a word.
Hashing every part for every question would cost more than the answer, so a part whose bytes were hashed bears a fixed
time of change: whoever writes to it moves that time, and it is hashed again. `doctor` hashes them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.store.disk import READ_ONLY, discard, refusals, sha256_of, sync_file
from headwater.store.place import Store

_HASHED_AT = 946_684_800 * 10**9
"""The time of change of a part whose bytes are known to be those of its name: the start of the year 2000."""


def add_part(store: Store, draft: Path) -> tuple[str, int]:
    """Name and size of the part that the written file became; an intact part of the same bytes is used again. The
    caller syncs the folder when all its parts are there."""
    with refusals(store.parts):
        file, size = _name_of(draft), draft.stat().st_size
        final = store.parts / file
        if is_whole(final):
            discard(draft)
        else:
            draft.chmod(READ_ONLY)
            _mark(draft)
            sync_file(draft)
            draft.replace(final)
    return file, size


def check_parts(paths: Iterable[Path]) -> None:
    """Raises WorkspaceError when a part is missing or its bytes are not those that were written."""
    for path in paths:
        if not is_whole(path):
            raise WorkspaceError(
                f"the stored file '{path.name}' is missing or damaged (its bytes are not those that were written)",
                where=str(path.parent),
                do="Run 'headwater doctor', which says what to do.",
            )


def is_whole(path: Path) -> bool:
    """Whether the part is there and, as far as its time of change tells or else by its hash, as it was written."""
    try:
        if path.stat().st_mtime_ns == _HASHED_AT:
            return True
        if _name_of(path) != path.name:
            return False
    except OSError:
        return False
    with suppress(OSError):  # not ours to mark: then it is hashed again next time
        _mark(path)
    return True


def _name_of(path: Path) -> str:
    return f"{sha256_of(path)}.parquet"


def _mark(path: Path) -> None:
    os.utime(path, ns=(_HASHED_AT, _HASHED_AT))
