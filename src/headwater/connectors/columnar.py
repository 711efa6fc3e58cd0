"""Reads Parquet: typed columns as texts with kinds, streamed; nested columns are left aside or refused by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.connectors.cells import BOOLEAN, DATE, DOUBLE, NUMBER, TEXT, Cells, Chunk, Tally
from headwater.connectors.refusal import Refused

AT_ONCE = 16_384


class Columnar:
    """A Parquet file; `wanted` are the headers that the mapping names."""

    typed = True
    serials = False
    separator = ","

    def __init__(self, stream: BinaryIO, wanted: Collection[str]) -> None:
        self.tally = Tally()
        try:
            self._file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, ValueError):
            raise _damaged() from None
        nested = [f.name for f in schema if pa.types.is_nested(f.type)]
        for name in nested:
            if name in wanted:
                raise Refused(
                    "nested_column",
                    f"the column {name!r} holds lists or records, not single values",
                    column=name,
                    do="Map another column, or export its parts as columns of their own.",
                )
        if nested:
            self.tally.warnings.append(f"nested_columns: not used: {', '.join(map(repr, nested))}")
        self.header = tuple(f.name for f in schema if f.name not in nested)
        self._places = [i for i, f in enumerate(schema) if f.name not in nested]

    def chunks(self) -> Iterator[Chunk]:
        """The rows, some thousands at a time."""
        names = [self._file.schema_arrow.field(i).name for i in self._places]
        batches = self._file.iter_batches(AT_ONCE, columns=names or None, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                columns = tuple(_cells(batch.column(name), name) for name in names)
            except (pa.ArrowException, OSError, ValueError):
                raise _damaged(self.tally.records + 1) from None
            first = self.tally.records + 1
            self.tally.records += batch.num_rows
            yield Chunk(np.arange(first, first + batch.num_rows, dtype=np.int64), None, columns)


def _damaged(row: int | None = None) -> Refused:
    return Refused("corrupt_file", "the Parquet file is damaged or cut off", row=row, do="Fetch it again, whole.")


def _cells(array: pa.Array, name: str) -> Cells:
    """A typed column as texts, all of one kind."""
    kind, texts = _texts(array, name)
    return Cells(texts, np.full(len(array), kind, np.int8))


def _texts(array: pa.Array, name: str) -> tuple[int, pa.Array]:
    type = array.type
    if pa.types.is_dictionary(type):
        return _texts(array.dictionary_decode(), name)
    if pa.types.is_null(type):
        return TEXT, pa.nulls(len(array), pa.string())
    if pa.types.is_boolean(type):
        return BOOLEAN, array.cast(pa.string())
    if pa.types.is_integer(type):
        return NUMBER, array.cast(pa.string())
    if pa.types.is_decimal(type):
        return NUMBER, _plain(array.cast(pa.string()))
    if pa.types.is_floating(type):
        return DOUBLE, _plain(pc.replace_substring_regex(array.cast(pa.string()), r"\.0$", ""))
    if pa.types.is_date(type):
        return DATE, array.cast(pa.date32()).cast(pa.string())
    if pa.types.is_timestamp(type):
        zone = "UTC" if type.tz else None
        micros = array.cast(pa.timestamp("us", zone), safe=False)
        seconds = micros.cast(pa.timestamp("s", zone), safe=False)
        whole = pc.all(pc.equal(seconds.cast(pa.timestamp("us", zone)), micros)).as_py() is not False
        return DATE, (seconds if whole else micros).cast(pa.string())
    if pa.types.is_binary(type) or pa.types.is_large_binary(type) or pa.types.is_fixed_size_binary(type):
        try:
            return TEXT, array.cast(pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            raise Refused("wrong_type", f"the column {name!r} holds bytes that are no text", column=name) from None
    texts = array.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raise Refused("bad_encoding", f"the column {name!r} is not UTF-8 text", column=name) from None
    return TEXT, texts


def _plain(texts: pa.Array) -> pa.Array:
    """Numbers without exponents."""
    odd = pc.fill_null(pc.match_substring_regex(texts, r"\d[eE]"), False)
    if not pc.any(odd).as_py():
        return texts
    return pa.array(
        [format(Decimal(t), "f") if t and o else t for t, o in zip(texts.to_pylist(), odd.to_pylist(), strict=True)]
    )
