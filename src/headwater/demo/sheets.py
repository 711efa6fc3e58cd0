"""Files as companies have them: delimited texts in their encodings, workbooks, Parquet, compressed or not."""

from __future__ import annotations

import gzip
from codecs import getincrementalencoder
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.demo.cells import Texts
from headwater.demo.clock import Flags, Integers

Columns = Mapping[str, Texts]
AT_ONCE = 250_000
"""Rows written at a time."""


@dataclass(frozen=True, slots=True)
class Text:
    """How a delimited text is written: what separates, in which encoding, what stands before and after the rows."""

    separator: str = ","
    encoding: str = "utf-8"
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    broken: Mapping[int, str] = field(default_factory=dict)
    """Rows (counted from 0) whose line is replaced by this text."""


def take(columns: Columns, rows: Integers | Flags) -> dict[str, Texts]:
    """These rows of all columns."""
    places = pa.array(np.flatnonzero(rows) if rows.dtype == bool else rows)
    return {name: column.take(places) for name, column in columns.items()}


def spoiled(column: Texts, rows: Integers, text: str) -> Texts:
    """A column with another text in some rows."""
    mask = np.zeros(len(column), bool)
    mask[rows] = True
    return pc.if_else(pa.array(mask), pa.scalar(text), column)


def write_text(path: Path, columns: Columns, how: Text = Text()) -> None:
    """A delimited text, compressed where the name ends so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = len(next(iter(columns.values())))
    encoder = getincrementalencoder(how.encoding)("xmlcharrefreplace")
    with path.open("wb") as file, ExitStack() as opened:
        out: Any = file
        if path.suffix == ".gz":
            out = opened.enter_context(gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0))
        out.write(encoder.encode("\n".join([*how.before, how.separator.join(columns), ""])))
        for start in range(0, size, AT_ONCE):
            cells = [_quoted(c.slice(start, AT_ONCE), how.separator) for c in columns.values()]
            lines = pc.binary_join_element_wise(*cells, how.separator).to_pylist()
            for row, text in how.broken.items():
                if start <= row < start + AT_ONCE:
                    lines[row - start] = text
            out.write(encoder.encode("\n".join([*lines, ""])))
        out.write(encoder.encode("".join(f"{line}\n" for line in how.after), final=True))


def _quoted(column: Texts, separator: str) -> Texts:
    special = pc.match_substring_regex(column, f'[{separator}"\n]' if separator != "\t" else '[\t"\n]')
    if not pc.any(special).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(pa.scalar('"'), doubled, pa.scalar('"'), ""), column)


def write_parquet(path: Path, columns: Columns) -> None:
    """A Parquet file of these columns; texts that stand for nothing are empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(dict(columns))
    pq.write_table(table, path, compression="zstd", store_schema=False)


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> None:
    """A workbook with these sheets, the same bytes for the same rows."""
    from datetime import UTC, datetime
    from io import BytesIO
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    from openpyxl import Workbook

    book = Workbook(write_only=True)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    book.properties.created = book.properties.modified = long_ago
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    raw = BytesIO()
    book.save(raw)
    path.parent.mkdir(parents=True, exist_ok=True)
    raw.seek(0)
    with ZipFile(raw) as source, ZipFile(path, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _undated(content)
            target.writestr(ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, ZIP_DEFLATED)


def _undated(content: bytes) -> bytes:
    """The properties of a workbook without the moment it was saved at."""
    import re

    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2020-01-01T00:00:00Z", content)
