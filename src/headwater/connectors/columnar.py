"""Reads Parquet: typed columns as texts with kinds, streamed; the parts of a record by dotted headers, no lists."""

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
MOST_DEEP = 64


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
        parts = [part for i, field in enumerate(schema) for part in _parts(field, (i,), field.name)]
        for name, _, single in parts:
            if name in wanted and not single:
                raise Refused(
                    "nested_column",
                    f"the column {name!r} holds lists, not single values",
                    column=name,
                    do="Map another column, or export its parts as columns of their own.",
                )
        if lists := [name for name, _, single in parts if not single]:
            told = ", ".join(map(repr, lists[:20])) + (" ..." if len(lists) > 20 else "")
            self.tally.warnings.append(f"nested_columns: not used: {told}")
        self.header = tuple(name for name, _, single in parts if single)
        for name in wanted:
            if name not in self.header and (near := [h for h in self.header if h.startswith(f"{name}.")]):
                raise Refused(
                    "nested_column",
                    f"the column {name!r} holds records, not single values",
                    column=name,
                    do=f"Map one of its parts, such as {near[0]!r}.",
                )
        self._places = [place for _, place, single in parts if single]

    def chunks(self) -> Iterator[Chunk]:
        """The rows, some thousands at a time."""
        tops = sorted({place[0] for place in self._places})
        names = [self._file.schema_arrow.field(i).name for i in tops]
        if len(set(self._file.schema_arrow.names)) < len(self._file.schema_arrow.names):
            tops, names = list(range(len(self._file.schema_arrow))), []  # a name that stands twice is refused later
        batches = self._file.iter_batches(AT_ONCE, columns=names or None, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    self._check_rows()
                    return
                columns = tuple(
                    _cells(_part(batch.column(tops.index(place[0])), place[1:]), name)
                    for name, place in zip(self.header, self._places, strict=True)
                )
            except (pa.ArrowException, OSError, ValueError):
                raise _damaged(self.tally.records + 1) from None
            first = self.tally.records + 1
            self.tally.records += batch.num_rows
            yield Chunk(np.arange(first, first + batch.num_rows, dtype=np.int64), None, columns)

    def _check_rows(self) -> None:
        """Refuses a file whose pages hold other rows than its footer says: a damaged number of values loses rows
        without an error."""
        said = self._file.metadata
        if (
            not self.tally.records
            == said.num_rows
            == sum(said.row_group(i).num_rows for i in range(said.num_row_groups))
        ):
            raise _damaged(self.tally.records + 1)


def _parts(field: pa.Field, place: tuple[int, ...], name: str) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    """The single values of a column by dotted name, each with the way to it, and the lists in it; whether it is one."""
    type = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    if pa.types.is_struct(type) and type.num_fields and len(place) < MOST_DEEP:
        for i in range(type.num_fields):
            yield from _parts(type.field(i), (*place, i), f"{name}.{type.field(i).name}")
    else:
        yield name, place, not pa.types.is_nested(type)


def _part(array: pa.Array, way: tuple[int, ...]) -> pa.Array:
    """The values at the end of the way into the records of a column; no record has no values."""
    for i in way:
        array = _plain_storage(array).flatten()[i]
    return array


def _plain_storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _damaged(row: int | None = None) -> Refused:
    return Refused("corrupt_file", "the Parquet file is damaged or cut off", row=row, do="Fetch it again, whole.")


def _cells(array: pa.Array, name: str) -> Cells:
    """A typed column as texts, all of one kind."""
    kind, texts = _texts(array, name)
    return Cells(texts, np.full(len(array), kind, np.int8))


def _texts(array: pa.Array, name: str) -> tuple[int, pa.Array]:
    if isinstance(array, pa.ExtensionArray):
        if pa.types.is_fixed_size_binary(array.storage.type) and array.type.extension_name == "arrow.uuid":
            return TEXT, pa.array([None if u is None else str(u) for u in array.to_pylist()], pa.string())
        array = array.storage
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
