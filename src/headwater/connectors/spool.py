"""Chunks on disk between the two passes over a file, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors.cells import Cells, Chunk


class Spool:
    """A temporary file of chunks: written once, then read as often as needed."""

    def __init__(self, path: Path, header: Sequence[str], typed: bool) -> None:
        self._path, self._columns, self._typed = path, len(header), typed
        columns = len(header)
        self.unnamed: set[int] = set()
        """Places of columns without a header that hold something."""
        self._silent = {i for i, name in enumerate(header) if not name}
        fields = [pa.field("row", pa.int64()), pa.field("line", pa.int64())]
        fields += [pa.field(f"c{i}", pa.string()) for i in range(columns)]
        if typed:
            fields += [pa.field(f"k{i}", pa.int8()) for i in range(columns)]
        self._schema = pa.schema(fields)
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, self._schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def write(self, chunk: Chunk) -> None:
        """Appends a chunk; its broken rows are not kept."""
        if not len(chunk.rows):
            return
        for i in self._silent - self.unnamed:
            if pc.any(pc.greater(pc.binary_length(chunk.columns[i].texts), 0)).as_py():
                self.unnamed.add(i)
        lines = pa.array(chunk.lines) if chunk.lines is not None else pa.nulls(len(chunk.rows), pa.int64())
        arrays: list[Any] = [pa.array(chunk.rows), lines, *(c.texts for c in chunk.columns)]
        if self._typed:
            none = np.zeros(len(chunk.rows), np.int8)
            arrays += [pa.array(c.kinds if c.kinds is not None else none) for c in chunk.columns]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        """Ends writing."""
        self._writer.close()
        self._file.close()

    def chunks(self) -> Iterator[Chunk]:
        """The chunks in the order they were written."""
        with pa.OSFile(str(self._path), "rb") as file, pa.ipc.open_stream(file) as stream:
            for batch in stream:
                lines = None if batch.column(1).null_count else batch.column(1).to_numpy()
                n = self._columns
                kinds = [batch.column(2 + n + i).to_numpy() if self._typed else None for i in range(n)]
                columns = tuple(Cells(batch.column(2 + i), kinds[i]) for i in range(n))
                yield Chunk(batch.column(0).to_numpy(), lines, columns)

    def remove(self) -> None:
        """Deletes the file."""
        self._path.unlink(missing_ok=True)
