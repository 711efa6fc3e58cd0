"""Rows set aside: each pass appends its own in file order; together they become one quarantine in the order of rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.model.landing import Quarantined

_FIELDS = ("row", "line", "column", "code", "reason", "raw")
SCHEMA = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("column", "code", "reason", "raw"))]
)
_AT_ONCE = 16_384


class Aside:
    """A temporary file of quarantined rows in ascending order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[Quarantined] = []
        self._writer: pq.ParquetWriter | None = None
        self.count = 0

    def add(self, row: Quarantined) -> None:
        """Appends one row."""
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
