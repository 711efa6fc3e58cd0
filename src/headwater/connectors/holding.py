"""Whether a source file holds a text: plain, compressed, in a workbook, in a Parquet file or in an archive of them."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

from headwater.connectors.content import Inflated
from headwater.connectors.refusal import Refused

PIECE = 1 << 20
MOST = 1 << 34
"""Content beyond this is not looked through."""

DEEPEST = 3
"""Archives in archives that are looked into."""

LONG_ENOUGH = 6
"""A shorter text counts only where no letter or digit touches it."""

_ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")


def holds(path: Path, texts: Sequence[str], folder: Path) -> bool | None:
    """Whether the file holds one of the texts, in any case of its letters; None where it cannot be looked through.

    What is packed is looked into, also within archives; `folder` is where it is unpacked to be read from any place.
    """
    try:
        with path.open("rb") as file:
            return _holds_content(file, texts, folder, DEEPEST)
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, Refused, zipfile.BadZipFile):
        return None


def _holds_content(file: BinaryIO, texts: Sequence[str], folder: Path, deeper: int) -> bool:
    """The same of an opened file that can be read from any place; raises where it cannot be looked through."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return _holds_packed(io.BufferedReader(Inflated(file, MOST), PIECE), texts, folder, deeper)
    if head.startswith(b"PK"):
        spelled = [*texts, *(escape(t) for t in texts)]
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                with archive.open(member) as content:
                    if _holds_packed(content, spelled, folder, deeper):
                        return True
        return False
    if head.startswith(b"PAR1"):
        return any(found(_column_pieces(file), texts))
    return any(found(_pieces(file), texts))


def _holds_packed(content: Any, texts: Sequence[str], folder: Path, deeper: int) -> bool:
    """The same of what was packed in another file."""
    if not content.peek(4)[:4].startswith((b"\x1f\x8b", b"PK", b"PAR1")):
        return any(found(_pieces(content), texts))
    if not deeper:
        raise ValueError("archives in archives")
    with tempfile.TemporaryFile(dir=folder) as unpacked:
        for piece in _pieces(content):
            unpacked.write(piece)
        unpacked.seek(0)
        return _holds_content(unpacked, texts, folder, deeper - 1)


def found(pieces: Iterable[bytes], texts: Sequence[str]) -> Iterator[bool]:
    """For each piece, with the end of the one before, whether it holds one of the texts."""
    patterns = {spelled.lower() for text in texts for spelled in _spellings(text)}
    longest = max((len(p) for p in patterns), default=0) + 1
    tail = b""
    for piece in pieces:
        whole = (tail + piece).lower()
        yield any(_holds(whole, p) for p in patterns)
        tail = whole[-longest:]


def _spellings(text: str) -> Iterator[bytes]:
    for encoding in _ENCODINGS:
        try:
            yield text.encode(encoding)
        except UnicodeEncodeError:
            continue
    yield json.dumps(text)[1:-1].encode()  # as it stands in JSON


def _holds(whole: bytes, pattern: bytes) -> bool:
    at = whole.find(pattern)
    if len(pattern.replace(b"\0", b"")) >= LONG_ENOUGH:
        return at >= 0
    while at >= 0:
        around = whole[max(0, at - 1) : at] + whole[at + len(pattern) : at + len(pattern) + 1]
        if not any(chr(b).isalnum() for b in around):
            return True
        at = whole.find(pattern, at + 1)
    return False


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _column_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The texts of each column of a Parquet file, a line each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(4_096):
                for column in batch.columns:
                    texts = (str(v) for v in column.to_pylist() if v is not None)
                    yield "\n".join(texts).encode() + b"\n"
    except pa.ArrowException as error:
        raise ValueError("not a Parquet file") from error
