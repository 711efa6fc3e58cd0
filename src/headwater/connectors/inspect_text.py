"""How a delimited text is written, found out from its bytes: encoding, separator, and where its header stands."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from headwater.connectors.refusal import Refused

HEAD = 1 << 18
"""Bytes from which the layout is told."""

BLOCK = 2 << 20
"""Bytes of each of the three pieces of a file that is too large to be read whole."""

SEPARATORS = (",", ";", "\t", "|")
MOST_PREAMBLE = 60
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BYTEWISE = ("cp1252", "iso-8859-15", "cp1250", "cp1251", "mac-roman")
_NUMBER = re.compile(r"[+-]?[\d.,'\s]*\d[\d.,'\s]*[%-]?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """What was found out. `encodings` are those that fit, with a text as it reads then, where none is certain;
    `encoding` is empty for UTF-8 and for what its mark tells."""

    encoding: str
    encodings: tuple[tuple[str, str], ...]
    separator: str
    skip_rows: int
    header_row: int
    width: int


def layout_of(head: bytes, format: str, *, encoding: str = "", separator: str = "", whole: bool) -> Layout:
    """The layout of a text that begins with these bytes; what is given is taken as said. Refuses what is no table."""
    fits = () if encoding else encodings_of(head, whole=whole)
    text = _decoded(head, encoding or (fits[0][0] if fits else ""), whole=whole)
    lines = io.StringIO(text, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()
    known = (separator,) if separator else (("\t",) if format == "tsv" else SEPARATORS)
    found = max((_table(lines, s) for s in known), key=lambda t: t.score)
    if not found.width:
        raise Refused("empty_file", "the file is empty", do="Export it again, with its column names.")
    blank_before = found.line and not any(line.strip() for line in lines[: found.line])
    skip = 0 if blank_before else found.line
    return Layout(encoding or (fits[0][0] if fits else ""), fits, found.separator, skip, 1, found.width)


# --- encoding --------------------------------------------------------------------------------------------------------
def encodings_of(head: bytes, *, whole: bool) -> tuple[tuple[str, str], ...]:
    """The encodings in which the bytes are text, likeliest first, each with a word that tells them apart; none where
    the bytes are UTF-8 or carry a mark. Those under which the words read alike stand once."""
    if any(head.startswith(mark) for mark, _ in _MARKS):
        return ()
    if (wide := _wide(head)) is not None:
        return ((wide, _sample(head.decode(wide, "replace"))),)
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head, whole)
    undecoded = len(re.findall("[\udc80-\udcff]", text))
    if not undecoded or sum(not c.isascii() for c in text) > 2 * undecoded:
        return ()  # single rows that are not UTF-8 are set aside when the file is loaded
    found: dict[str, tuple[int, str]] = {}
    for i, name in enumerate(_BYTEWISE):
        try:
            text = head.decode(name)
        except UnicodeDecodeError:
            continue
        sample = _sample(text)
        if sample not in {s for _, s in found.values()}:
            found[name] = (_oddness(text) * 100 + i, sample)
    if not found:
        raise Refused("bad_encoding", "the file is text in no encoding that is known", do="Export it as UTF-8.")
    least = min(odd for odd, _ in found.values()) // 100
    ranked = sorted(found, key=lambda n: found[n][0])
    return tuple((n, found[n][1]) for n in ranked if found[n][0] // 100 <= least + 2)


def _wide(head: bytes) -> str | None:
    """UTF-16 without its mark, told by where the zero bytes stand."""
    even, odd = head[:4096:2].count(0), head[1:4096:2].count(0)
    if len(head) < 16 or max(even, odd) * 2 < len(head[:4096:2]):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _oddness(text: str) -> int:
    """How many of its letters beyond ASCII stand where no language puts them: marks and signs inside words, capitals
    after small letters."""
    odd = 0
    for before, c, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if c.isascii():
            continue
        category = unicodedata.category(c)
        inside = before.isalpha() and after.isalpha()
        if category in ("Cc", "Cn", "Co") or (inside and category[0] != "L") or (category == "Lu" and before.islower()):
            odd += 1
    return odd


def _sample(text: str) -> str:
    """The first words beyond ASCII."""
    words = re.findall(r"[^\s,;|\t\"]*[^\x00-\x7f][^\s,;|\t\"]*", text)
    return ", ".join(dict.fromkeys(islice(words, 40)))[:60]


def _decoded(head: bytes, encoding: str, *, whole: bool) -> str:
    mark, name = next(((m, n) for m, n in _MARKS if head.startswith(m)), (b"", ""))
    if name in ("", "utf-8"):
        head = head[len(mark) :]
    decoder = codecs.getincrementaldecoder(encoding if encoding and not name else name or "utf-8")("replace")
    return decoder.decode(head, whole)


# --- separator and header --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Found:
    separator: str
    score: tuple[int, int]
    width: int
    line: int


def _table(lines: list[str], separator: str) -> _Found:
    """The table that a text is under a separator: how many rows have its width, and the line of its header."""
    rows: list[list[str]] = []
    starts: list[int] = []
    reader = csv.reader(iter(lines), delimiter=separator)
    line = 0
    try:
        for row in reader:
            rows.append(row)
            starts.append(line)
            line = reader.line_num
            if len(rows) == 2_000:
                break
    except csv.Error:
        pass
    filled = [(r, s) for r, s in zip(rows, starts, strict=True) if any(c.strip() for c in r)]
    if not filled:
        return _Found(separator, (0, 0), 0, 0)
    widths = Counter(len(r) for r, _ in filled)
    width = max(widths, key=lambda w: (widths[w] * (w > 1), w)) if len(widths) > 1 else next(iter(widths))
    first = next((i for i, (r, _) in enumerate(filled) if len(r) == width and _is_header(r)), None)
    if first is None or first > MOST_PREAMBLE:
        first = next(i for i, (r, _) in enumerate(filled) if len(r) == width)
    fitting = sum(n for w, n in widths.items() if w == width) if width > 1 else 0
    return _Found(separator, (fitting * 100 // len(filled) * (width > 1), width), width, filled[first][1])


def _is_header(row: list[str]) -> bool:
    """Whether the cells are names: no number and no date, and hardly one empty or said twice."""
    named = [c.strip() for c in row if c.strip()]
    if len(named) * 2 <= len(row) or len(set(named)) * 2 <= len(named):
        return False
    return not any(_NUMBER.fullmatch(c) or _DATE.fullmatch(c) for c in named)


# --- pieces of a large file ------------------------------------------------------------------------------------------
class Pieces(io.RawIOBase):
    """The head, the middle and the end of a file as one stream; between them whole lines are left out.

    `share` is what part of the file's bytes the stream has.
    """

    def __init__(self, file: BinaryIO, size: int, encoding: str) -> None:
        self._parts = _parts(file, size, _newline(encoding))
        self.share = sum(map(len, self._parts)) / size

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: object) -> int:
        """Fills the buffer with the next bytes; 0 at the end."""
        view = memoryview(into)  # type: ignore[arg-type]
        while self._parts and not self._parts[0]:
            self._parts.pop(0)
        if not self._parts:
            return 0
        data = self._parts[0][: len(view)]
        self._parts[0] = self._parts[0][len(data) :]
        view[: len(data)] = data
        return len(data)


def _newline(encoding: str) -> bytes:
    """The bytes that end a line."""
    if encoding.startswith("utf-16"):
        return b"\0\n" if encoding.endswith("be") else b"\n\0"
    if encoding.startswith("utf-32"):
        return b"\0\0\0\n" if encoding.endswith("be") else b"\n\0\0\0"
    return b"\n"


def _parts(file: BinaryIO, size: int, end: bytes) -> list[memoryview]:
    """Three pieces, each cut at the ends of lines. A cell that holds line ends may be cut: its row counts as broken."""
    parts: list[memoryview] = []
    unit = len(end)
    for place in (0, (size // 2) // unit * unit, (size - BLOCK) // unit * unit):
        file.seek(place)
        data = file.read(BLOCK)
        first = 0 if place == 0 else _after(data, data.find(end), unit)
        last = len(data) if place + len(data) >= size else _after(data, data.rfind(end), unit)
        parts.append(memoryview(data)[first:last])
    return parts


def _after(data: bytes, at: int, unit: int) -> int:
    return len(data) if at < 0 else min(len(data), (at // unit * unit) + unit)
