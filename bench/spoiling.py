"""Bad rows for the file of visits: one in a hundred, of twelve kinds, and the fault that each is set aside for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

Expected = tuple[int, str, str]
"""Row from 1, column of the table ('' the row as a whole), code."""

HEADS = ("session", "visitor", "started", "medium", "channel", "campaign", "pages", "seconds", "bounced", "device",
         "country")  # fmt: skip


def cell(head: str, value: bytes) -> Callable[[list[bytes]], None]:
    """Puts a value into a column of a row."""
    place = HEADS.index(head)

    def put(row: list[bytes]) -> None:
        row[place] = value

    return put


KINDS: tuple[tuple[str, str, Callable[[list[bytes]], None]], ...] = (
    ("session_id", "missing", cell("session", b"")),
    ("page_views", "bad_number", cell("pages", b"many")),
    ("page_views", "non_finite", cell("pages", b"NaN")),
    ("page_views", "precision", cell("pages", b"1.5")),
    ("duration_seconds", "out_of_range", cell("seconds", b"-1")),
    ("started_at", "bad_date", cell("started", b"soon")),
    ("bounced", "bad_boolean", cell("bounced", b"maybe")),
    ("device", "unknown_value", cell("device", b"toaster")),
    ("", "ragged_row", list.pop),  # type: ignore[list-item]
    ("channel", "bad_quote", cell("channel", b'"email')),
    ("", "bad_encoding", cell("country", b"\xff\xfe")),
    ("session_id", "duplicate_key", lambda row: None),
)
"""Column, code, and what is done to the cells. Rows of the last kind come in pairs of one key and different content."""


def spoil(path: Path, seed: int) -> list[Expected]:
    """Spoils one row in a hundred of a file of visits; what has to be set aside, in the order of rows."""
    lines = path.read_bytes().splitlines()
    rows = len(lines) - 1
    rng = np.random.default_rng([seed, 3])
    chosen = np.sort(rng.choice(rows, rows // 100, replace=False)) + 1
    expected: list[Expected] = []
    twin: tuple[int, bytes] | None = None
    for i, at in enumerate(chosen.tolist()):
        column, code, change = KINDS[i % len(KINDS)]
        row = lines[at].split(b",")
        change(row)
        if code == "duplicate_key":
            if twin is None:
                twin = at, row[0]
                continue
            row[0] = twin[1]
            expected.append((twin[0], column, code))
            twin = None
        lines[at] = b",".join(row)
        expected.append((at, column, code))
    path.write_bytes(b"\n".join(lines) + b"\n")
    return sorted(expected)
