"""What a file is, judged by its bytes and held against its name; gzip is inflated under limits while it is read."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path, PurePath
from typing import BinaryIO

from headwater.connectors.refusal import Refused

PIECE = 1 << 18
MOST_RATIO, RATIO_FROM = 200, 4 << 20
"""A member that unpacks to more than this multiple, once it is large, is no honest table."""

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How old Office files begin, and encrypted new ones."""

_NAMED = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
FORMATS = ("csv", "tsv", "xlsx", "parquet", "json", "ndjson")
"""The formats that a source may declare."""

_SAID = {"csv": "text", "tsv": "text", "xlsx": "workbook", "parquet": "Parquet", "json": "text", "ndjson": "text"}
_OTHER = {".zip": "a zip archive", ".xls": "an old workbook"}


def format_of(path: PurePath, declared: str, head: bytes) -> str:
    """One of FORMATS: what name or mapping say, when the bytes agree; refuses when they do not. What neither names is
    judged by its bytes alone."""
    suffixes = [s.lower() for s in path.suffixes]
    suffix = next((s for s in reversed(suffixes) if s not in (".gz", ".gzip")), "")
    if not declared and suffix in _OTHER:
        raise Refused(
            "unsupported", f"this is {_OTHER[suffix]} by its name", do="Save it as CSV, XLSX or Parquet, or unpack it."
        )
    said = declared or _NAMED.get(suffix, "")
    found = _content(head)
    if not said:
        said = {"workbook": "xlsx", "Parquet": "parquet"}.get(found, "csv")
        if found == "text" and _JSON.match(head):
            said = "json"
    if _SAID[said] != found and head:
        raise Refused(
            "wrong_type",
            f"the name or the mapping says {_SAID[said]}, but the content is {found}",
            do=f"Export it again, or say its format in the source, as 'format': {', '.join(FORMATS)}.",
        )
    return said


_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:\{|\]|$))')
"""How a document of records begins, and no usual header."""


def _content(head: bytes) -> str:
    """What the first bytes of a file show."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    if head.startswith(b"PK\x03\x04"):
        return "workbook"
    if head.startswith(b"PK"):
        return "an empty or damaged archive"
    if head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith(b"PARE"):
        return "encrypted Parquet"
    if head.startswith(COMPOUND):
        return "an old workbook (XLS)"
    if head.startswith(b"%PDF"):
        return "PDF"
    if head.startswith((b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd", b"Rar!", b"\x1f\x8b")):
        return "an archive"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page or XML"
    return "text"


class Inflated(io.RawIOBase):
    """The content of a gzip file (any number of members), counted while it unpacks."""

    def __init__(self, packed: BinaryIO, most: int) -> None:
        self._packed, self._most = packed, most
        self._inflater = zlib.decompressobj(31)
        self._fresh, self._ended = True, False
        self._input = b""
        self._taken = self._given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: object) -> int:
        """Fills the buffer with the next content; 0 at the end."""
        view = memoryview(into)  # type: ignore[arg-type]
        data = self._next(len(view)) if view else b""
        view[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        while not self._ended:
            if not self._input:
                self._input = self._packed.read(PIECE)
                self._taken += len(self._input)
                if not self._input:
                    if not self._fresh:
                        raise Refused(
                            "truncated_archive",
                            "the gzip file ends before its content does",
                            do="Fetch it again, whole.",
                        )
                    self._ended = True
                    break
            if self._fresh and not self._input.strip(b"\0"):
                self._input = b""  # padding between or after members
                continue
            try:
                data = self._inflater.decompress(self._input, size)
            except zlib.error:
                raise Refused("corrupt_file", "the gzip file is damaged", do="Fetch it again.") from None
            self._fresh = False
            self._input = self._inflater.unconsumed_tail
            if self._inflater.eof:
                self._input = self._inflater.unused_data
                self._inflater = zlib.decompressobj(31)
                self._fresh = True
            self._given += len(data)
            self._check()
            if data:
                return data
        return b""

    def _check(self) -> None:
        ratio = self._given / max(1, self._taken - len(self._input))
        if self._given > self._most or (self._given > RATIO_FROM and ratio > MOST_RATIO):
            raise Refused(
                "too_large_unpacked",
                f"the file unpacks to more than {min(self._most, self._given) >> 20:,} MB"
                + ("" if self._given > self._most else f", over {MOST_RATIO} times its size"),
                do="Unpack and check it; raise 'max_mb' in the source if it is meant to be this large.",
            )


def is_encrypted(stream: BinaryIO) -> bool:
    """Whether a compound file is a workbook behind a password."""
    mark, tail = "EncryptedPackage".encode("utf-16-le"), b""
    while piece := stream.read(PIECE):
        if mark in tail + piece:
            return True
        tail = piece[-len(mark) :]
    return False


def unpack(stream: BinaryIO, path: Path) -> BinaryIO:
    """The stream written to a file that can be read from any place."""
    with path.open("wb") as out:
        while piece := stream.read(PIECE):
            out.write(piece)
    return path.open("rb")
