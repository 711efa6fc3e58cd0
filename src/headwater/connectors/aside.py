"""Rows set aside: each pass appends its own in file order; together they become one quarantine in the order of rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.connectors.refusal import Refused
from headwater.model.landing import Quarantined

_FIELDS = ("row", "line", "column", "code", "reason", "raw")
SCHEMA = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("column", "code", "reason", "raw"))]
)
_AT_ONCE = 16_384
MOST_ROWS, MOST_TEXT = 400_000, 96 << 20


class Room:
    """How many rows may be set aside of one file, and how much text: whoever looks at them has to hold them."""

    def __init__(self, rows: int = MOST_ROWS, text: int = MOST_TEXT) -> None:
        self._rows, self._text = rows, text

    def take(self, row: Quarantined) -> None:
        """Takes up the room of one more row; refuses the file where there is none left."""
        self._rows -= 1
        self._text -= len(row.raw) + len(row.reason) + len(row.column)
        if self._rows < 0 or self._text < 0:
            raise Refused(
                "too_many_bad_rows",
                f"more rows of the file cannot be loaded than are set aside ({MOST_ROWS:,}, or {MOST_TEXT >> 20} MB of "
                f"text); the last one seen: {row.reason}",
                row=row.row,
                line=row.line,
                column=row.column,
                do="Most often the mapping does not fit the file: mend it. Else split the file.",
            )


class Aside:
    """A temporary file of quarantined rows in ascending order."""

    def __init__(self, path: Path, room: Room) -> None:
        self._path, self._room = path, room
        self._waiting: list[Quarantined] = []
        self._writer: pq.ParquetWriter | None = None
        self.count = 0

    def add(self, row: Quarantined) -> None:
        """Appends one row."""
        self._room.take(row)
        self.count += 1
        self._waiting.append(row)
        if len(self._waiting) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, SCHEMA, compression="zstd")
        self._writer.write_table(_table(self._waiting))
        self._waiting.clear()

    def close(self) -> Iterator[pa.Table]:
        """Ends writing; the rows in order, some thousands at a time."""
        if self._writer is None:
            if self._waiting:
                yield _table(self._waiting)
            return
        if self._waiting:
            self._flush()
        self._writer.close()
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                yield pa.Table.from_batches([batch])
        self._path.unlink()


def merge(sides: Sequence[Aside], path: Path) -> tuple[Quarantined, ...]:
    """Writes every row set aside to `path` in the order of rows; the first of them."""
    first: list[Quarantined] = []
    filled = [s for s in sides if s.count]
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in filled[0].close() if len(filled) == 1 else _merged(filled):
            first += [Quarantined(**r) for r in table.slice(0, EXAMPLES - len(first)).to_pylist()]
            writer.write_table(table)
    return tuple(first)


def _merged(sides: Sequence[Aside]) -> Iterator[pa.Table]:
    rows = heapq.merge(*(_rows(s) for s in sides), key=lambda q: q.row)
    while some := list(islice(rows, _AT_ONCE)):
        yield _table(some)


def _rows(side: Aside) -> Iterator[Quarantined]:
    for table in side.close():
        yield from (Quarantined(**r) for r in table.to_pylist())


EXAMPLES = 20


def _table(rows: list[Quarantined]) -> pa.Table:
    return pa.table({n: [getattr(r, n) for r in rows] for n in _FIELDS}, schema=SCHEMA)
