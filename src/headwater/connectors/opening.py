"""Opens a file of strangers with the reader its content asks for; each reader's library is loaded only then."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePath
from typing import BinaryIO

from headwater.connectors import content
from headwater.connectors.archive import open_member
from headwater.connectors.cells import Reader
from headwater.connectors.refusal import Refused
from headwater.model.source import Source


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file without its packing: its format, and a stream at its start."""

    format: str
    stream: BinaryIO


def open_reader(
    file: BufferedReader, name: PurePath, source: Source, staged: Path, opened: ExitStack, member: str = ""
) -> Reader:
    """The reader of an opened file, or of the file `member` in an archive, its header read. What has to be closed or
    removed afterwards is put on `opened`; `staged` is a folder for what cannot be read as it streams by. Raises
    Refused."""
    return reader_of(open_content(file, name, source, staged, opened, member), source, staged, opened)


def open_content(
    file: BufferedReader, name: PurePath, source: Source, staged: Path, opened: ExitStack, member: str = ""
) -> Content:
    """What lies in a file, unpacked, and judged by its bytes, its name and what the source says. Raises Refused."""
    most = source.max_mb << 20
    if member:
        file, name = open_member(file, member, most), PurePath(member)
    head = file.peek(64)[:64]
    stream: BinaryIO = file
    if head.startswith(b"\x1f\x8b"):
        inflated = io.BufferedReader(content.Inflated(file, most), content.PIECE)
        stream, head = inflated, inflated.peek(64)[:64]
    elif not member and os.fstat(file.fileno()).st_size > most:
        raise Refused("too_large", f"the file is larger than {source.max_mb:,} MB", do="Raise 'max_mb' in the source.")
    if not head:
        raise Refused("empty_file", "the file is empty", do="Export it again.")
    if head.startswith(content.COMPOUND) and content.is_encrypted(stream):
        raise Refused("encrypted", "the workbook is encrypted", do="Save it without a password.")
    format = content.format_of(name, source.format, head)
    if (member or stream is not file) and format in ("xlsx", "parquet"):
        unpacked = staged / ".unpacked"
        opened.callback(unpacked.unlink)
        stream = opened.enter_context(content.unpack(stream, unpacked))
    return Content(format, stream)


def reader_of(found: Content, source: Source, staged: Path, opened: ExitStack) -> Reader:
    """The reader of a content, its header read. Raises Refused."""
    stream, wanted = found.stream, wanted_headers(source)
    match found.format:
        case "xlsx":
            from headwater.connectors.workbook import Layout, Workbook

            layout = Layout(source.sheet, source.skip_rows, source.header_row, source.totals)
            return Workbook(stream, layout, source.max_mb << 20)
        case "parquet":
            from headwater.connectors.columnar import Columnar

            return Columnar(stream, wanted)
        case "json" | "ndjson":
            from headwater.connectors.records import Records

            return Records(
                stream,
                staged,
                opened,
                lines=found.format == "ndjson",
                encoding=source.encoding,
                path=source.records,
                wanted=wanted,
            )
        case _:
            from headwater.connectors.delimited import Delimited, Dialect

            return Delimited(
                stream,
                Dialect(
                    source.encoding,
                    source.separator or ("\t" if found.format == "tsv" else ""),
                    source.quote,
                    source.skip_rows,
                    source.header_row,
                    source.totals,
                    tuple(sorted(wanted)),
                ),
            )


def wanted_headers(source: Source) -> Collection[str]:
    """The headers of a file that a source names."""
    wanted = {n for t in source.tables for n in (t.deleted, t.merged_into, t.updated_at, t.where_column, t.currency)}
    wanted |= {c.column for t in source.tables for c in t.columns}
    return wanted - {""}
