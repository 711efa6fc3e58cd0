"""Whether a source file holds a text: plain, compressed, in a workbook or in a Parquet file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import BinaryIO

from headwater.connectors.content import Inflated
from headwater.connectors.refusal import Refused

PIECE = 1 << 20
MOST = 1 << 34
"""Content beyond this is not looked through."""

LONG_ENOUGH = 6
"""A shorter text counts only where no letter or digit touches it."""

_ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")


def holds(path: Path, texts: Sequence[str]) -> bool | None:
    """Whether the file holds one of the texts, in any case of its letters; None where it cannot be looked through."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head.startswith(b"\x1f\x8b"):
                file_like: BinaryIO = io.BufferedReader(Inflated(file, MOST), PIECE)
                head = file_like.peek(4)[:4]  # type: ignore[attr-defined]
                if head.startswith((b"PK", b"PAR1")):
                    file_like = io.BytesIO(file_like.read())
            else:
                file_like = file
            if head.startswith(b"PK"):
                return any(found(_member_pieces(file_like), [*texts, *(escape(t) for t in texts)]))
            if head.startswith(b"PAR1"):
                return any(found(_column_pieces(file_like), texts))
            return any(found(_pieces(file_like), texts))
    except (OSError, EOFError, ValueError, Refused, zipfile.BadZipFile):
        return None


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


def _member_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The content of each member of a zip archive (a workbook is one)."""
    left = MOST
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                while left > 0 and (piece := content.read(PIECE)):
                    left -= len(piece)
                    yield piece
            yield b"\n"


def _column_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The texts of each column of a Parquet file, a line each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(65_536):
                for column in batch.columns:
                    texts = (str(v) for v in column.to_pylist() if v is not None)
                    yield "\n".join(texts).encode() + b"\n"
    except pa.ArrowException as error:
        raise ValueError("not a Parquet file") from error
