"""Reads one sheet of a workbook (XLSX): typed cells, never a formula's own arithmetic, no unsafe XML."""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from headwater.connectors.cells import TEXT, Cells, Chunk, Tally
from headwater.connectors.content import MOST_RATIO, PIECE, RATIO_FROM
from headwater.connectors.refusal import Refused
from headwater.connectors.sheets import EMPTY, Cell, Package, Sheet
from headwater.errors import nearest

MOST_COLUMNS = 2_000
AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Layout:
    """Which sheet, and where its header stands: the `header_row`th row after `skip_rows`."""

    sheet: str = ""
    skip_rows: int = 0
    header_row: int = 1
    totals: tuple[str, ...] = ()


class Workbook:
    """One sheet of a workbook, read row by row."""

    typed = True
    serials = True
    separator = ","

    def __init__(self, stream: BinaryIO, layout: Layout, most_bytes: int) -> None:
        self.tally = Tally()
        self._layout = layout
        self._totals = {t.strip().casefold() for t in layout.totals}
        merged = _inspect(stream, most_bytes)
        try:
            self._package = Package(stream)
            self._sheet = self._choose()
            self._header_at = layout.skip_rows + layout.header_row
            self.header = self._read_header(merged.get(self._sheet.part, ()))
            self._note_merged(merged.get(self._sheet.part, ()))
        except Refused:
            raise
        except _DAMAGE:
            raise _damaged() from None

    # --- the sheet ---------------------------------------------------------------------------------------------------
    def _choose(self) -> Sheet:
        sheets = {s.title: s for s in self._package.sheets}
        if self._layout.sheet:
            if self._layout.sheet not in sheets:
                near = nearest(self._layout.sheet, sheets) or f"The sheets are {', '.join(map(repr, sheets))}."
                raise Refused("missing_sheet", f"no sheet is called {self._layout.sheet!r}", do=near)
            return sheets[self._layout.sheet]
        filled = [s for s in sheets.values() if self._package.has_data(s, MOST_COLUMNS)]
        if not filled:
            raise Refused("empty_file", "no sheet of the workbook holds anything", do="Export it again.")
        shown = [s for s in filled if s.visible] or filled
        if len(shown) > 1:
            raise Refused(
                "ambiguous_sheet",
                f"several sheets hold data: {', '.join(repr(s.title) for s in shown)}",
                do=f"Say which one in the source, such as 'sheet: {shown[0].title}'; each is a source of its own.",
            )
        if hidden := [s.title for s in filled if s not in shown]:
            self.tally.warnings.append(f"hidden_sheets: not read: {', '.join(map(repr, hidden))}")
        return shown[0]

    def _read_header(self, merged: Sequence[str]) -> tuple[str, ...]:
        """The texts of the header's row; a cell that is merged with those above it has the text of the topmost."""
        spans = [s for s in map(_span, merged) if s.top < self._header_at <= s.bottom]
        found: dict[int, list[str]] = {}
        for number, row in self._package.rows(
            self._sheet, MOST_COLUMNS, min([self._header_at, *(s.top for s in spans)])
        ):
            if number > self._header_at:
                break
            found[number] = [(text or "").strip() for text, _ in row]
        texts = found.get(self._header_at, [])
        for span in spans:
            above = found.get(span.top, [])
            if span.left < len(above):
                texts += [""] * (span.left + 1 - len(texts))
                texts[span.left] = texts[span.left] or above[span.left]
        while texts and not texts[-1]:
            texts.pop()
        if not texts:
            raise Refused(
                "empty_file",
                f"row {self._header_at} of the sheet {self._sheet.title!r} holds no header",
                line=self._header_at,
                do="Say where the header stands with 'header_row'.",
            )
        if self._header_at > 1:
            self.tally.skipped["preamble"] = self._header_at - 1
        return tuple(texts)

    def _note_merged(self, ranges: Sequence[str]) -> None:
        inside = [r for r in ranges if _span(r).bottom > self._header_at]
        if inside:
            self.tally.warnings.append(
                f"merged_cells: only the first cell of a merged range has its value: {', '.join(inside[:10])}"
            )

    # --- rows --------------------------------------------------------------------------------------------------------
    def chunks(self) -> Iterator[Chunk]:
        """The rows under the header."""
        width = len(self.header)
        found = self._package.rows(self._sheet, width, self._header_at + 1)
        line = self._header_at
        ended = False
        while not ended:
            cells: list[list[Cell]] = []
            rows: list[int] = []
            lines: list[int] = []
            while len(cells) < AT_ONCE:
                try:
                    number, row = next(found, (0, []))
                except _DAMAGE:
                    raise _damaged(self.tally.records + 1, line + 1) from None
                if not number:
                    ended = True
                    break
                if number > line + 1:
                    self.tally.skipped["blank"] += number - line - 1
                line = number
                if all(text is None or (kind == TEXT and not text.strip()) for text, kind in row):
                    self.tally.skipped["blank"] += 1
                    continue
                if self._totals and (row[0][0] or "").strip().casefold() in self._totals:
                    self.tally.skipped["totals"] += 1
                    continue
                self.tally.records += 1
                row += [EMPTY] * (width - len(row))
                cells.append(row)
                rows.append(self.tally.records)
                lines.append(line)
            if ended and self._package.beyond:
                self.tally.warnings.append(
                    f"beyond_header: not used: what stands to the right of the last header, in "
                    f"{self._package.beyond:,} rows"
                )
            yield Chunk(np.array(rows, np.int64), np.array(lines, np.int64), _columns(cells, width))


_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    SyntaxError,
    ValueError,
    expat.ExpatError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading parts that do not fit together raises: no such part, no number, no such text, an end too soon."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A merged range: rows from 1, columns from 0."""

    top: int
    bottom: int
    left: int


def _span(text: str) -> _Span:
    """The range of a text such as `A1:B3`."""
    places = [_PLACE.fullmatch(place) for place in (text.partition(":")[0], text.rpartition(":")[2])]
    first, last = places
    if first is None or last is None:
        raise ValueError(f"{text!r} is no range of cells")
    left = 0
    for letter in first[1]:
        left = left * 26 + ord(letter) - 64
    return _Span(int(first[2]), int(last[2]), left - 1)


_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def _columns(cells: list[list[Cell]], width: int) -> tuple[Cells, ...]:
    return tuple(
        Cells(pa.array([row[i][0] for row in cells], pa.string()), np.array([row[i][1] for row in cells], np.int8))
        for i in range(width)
    )


def _damaged(row: int | None = None, line: int | None = None) -> Refused:
    return Refused(
        "corrupt_file", "the workbook is damaged", row=row, line=line, do="Open it in a spreadsheet and save it again."
    )


# --- the archive -----------------------------------------------------------------------------------------------------
def _inspect(stream: BinaryIO, most: int) -> dict[str, list[str]]:
    """The merged ranges by part; refuses an archive that is no honest workbook."""
    stream.seek(0)
    merged: dict[str, list[str]] = {}
    given = 0
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if "[Content_Types].xml" not in names or "xl/workbook.bin" in names:
                what = "the content is an archive that is no XLSX workbook"
                raise Refused("wrong_type", what, do="Save it as XLSX, or unpack it.")
            for info in archive.infolist():
                if info.flag_bits & 1:
                    raise Refused("encrypted", "the workbook is encrypted", do="Save it without a password.")
                part = _Part(info.filename)
                with archive.open(info) as content:
                    while piece := content.read(PIECE):
                        part.take(piece)
                        large = part.size > RATIO_FROM and part.size > MOST_RATIO * max(1, info.compress_size)
                        if given + part.size > most or large:
                            raise Refused(
                                "too_large_unpacked",
                                f"the workbook unpacks to more than {(given + part.size) >> 20:,} MB",
                                do="Split it, or export it as CSV; raise 'max_mb' in the source if it is honest.",
                            )
                part.end()
                given += part.size
                merged[info.filename] = part.merged
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, NotImplementedError, EOFError, ValueError):
        raise _damaged() from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # the archive names places that no file has
            raise _damaged() from None
        raise
    stream.seek(0)
    return merged


class _Part:
    """What one part of the archive shows while it unpacks: sound XML without declarations, and the marks of a sheet."""

    def __init__(self, name: str) -> None:
        self.size = 0
        self.merged: list[str] = []
        self._is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
        self._rest = b""
        self._named = name.endswith((".xml", ".rels", ".vml"))
        self._parser: expat.XMLParserType | None = None

    def take(self, piece: bytes) -> None:
        """Looks at the next bytes."""
        if not self.size and (self._named or piece.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<")):
            self._parser = expat.ParserCreate()
            self._parser.StartDoctypeDeclHandler = _refuse_declarations
        self.size += len(piece)
        if self._parser is not None:
            self._parser.Parse(piece, False)
        if self._is_sheet:
            window = self._rest + piece
            cut = window.rfind(b">") + 1
            tags, self._rest = window[:cut], window[cut:]
            self.merged += [m.decode() for m in _MERGED.findall(tags)]

    def end(self) -> None:
        """Looks at the part as a whole."""
        if self._parser is not None:
            self._parser.Parse(b"", True)


_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z0-9:]+)"')


def _refuse_declarations(*_: object) -> None:
    raise Refused(
        "unsafe_xml",
        "the workbook declares XML entities, which no spreadsheet writes",
        do="Do not trust this file; ask its sender for a clean export.",
    )
