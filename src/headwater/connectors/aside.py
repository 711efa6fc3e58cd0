"""Rows set aside: each pass appends its own in file order; together they become one quarantine in the order of rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.model.landing import Quarantined

_FIELDS = ("row", "line", "column", "code", "reason", "raw")
SCHEMA = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("column", "code", "reason", "raw"))]
)
_AT_ONCE = 2_000


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

    def close(self) -> Iterator[Quarantined]:
        """Ends writing; the rows in order."""
        if self._writer is None:
            return iter(tuple(self._waiting))
        if self._waiting:
            self._flush()
        self._writer.close()
        return self._read()

    def _read(self) -> Iterator[Quarantined]:
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                yield from (Quarantined(**r) for r in batch.to_pylist())
        self._path.unlink()


def merge(sides: list[Aside], path: Path) -> tuple[Quarantined, ...]:
    """Writes every row set aside to `path` in the order of rows; the first of them."""
    first: list[Quarantined] = []
    waiting: list[Quarantined] = []
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for row in heapq.merge(*(s.close() for s in sides), key=lambda q: q.row):
            if len(first) < EXAMPLES:
                first.append(row)
            waiting.append(row)
            if len(waiting) >= 10 * _AT_ONCE:
                writer.write_table(_table(waiting))
                waiting.clear()
        writer.write_table(_table(waiting))
    return tuple(first)


EXAMPLES = 20


def _table(rows: list[Quarantined]) -> pa.Table:
    return pa.table({n: [getattr(r, n) for r in rows] for n in _FIELDS}, schema=SCHEMA)
