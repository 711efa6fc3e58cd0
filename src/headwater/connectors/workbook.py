"""Reads one sheet of a workbook (XLSX): typed cells, never a formula's own arithmetic, no unsafe XML."""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from xml.parsers import expat

import numpy as np
import pyarrow as pa
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from headwater.connectors.cells import (
    BOOLEAN,
    DATE,
    DOUBLE,
    ERROR,
    NO_RESULT,
    PADDED,
    TEXT,
    Cells,
    Chunk,
    Tally,
)
from headwater.connectors.content import MOST_RATIO, PIECE, RATIO_FROM
from headwater.connectors.refusal import Refused
from headwater.errors import nearest

MOST_COLUMNS = 2_000
AT_ONCE = 4_096

_CLOCK = re.compile(r"[hs]|AM/PM", re.IGNORECASE)
_PADDED = re.compile(r"^0{2,}$")
_PART = re.compile(r"\[[^\]]*\]|\"[^\"]*\"|\\.")


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
        has_formulas, self._merged = _inspect(stream, most_bytes)
        try:
            self._values = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            stream.seek(0)
            self._formulas = load_workbook(stream, read_only=True, keep_links=False) if has_formulas else None
            self._sheet = self._choose()
            self._header_at = layout.skip_rows + layout.header_row
            self.header = self._read_header()
        except Refused:
            raise
        except Exception:  # the library raises whatever it met in the file
            raise _damaged() from None
        self._note_merged()

    # --- the sheet ---------------------------------------------------------------------------------------------------
    def _choose(self) -> str:
        sheets = {s.title: s for s in self._values.worksheets}
        if self._layout.sheet:
            if self._layout.sheet not in sheets:
                near = nearest(self._layout.sheet, sheets) or f"The sheets are {', '.join(map(repr, sheets))}."
                raise Refused("missing_sheet", f"no sheet is called {self._layout.sheet!r}", do=near)
            return self._layout.sheet
        filled = {title: s.sheet_state == "visible" for title, s in sheets.items() if _has_data(s)}
        if not filled:
            raise Refused("empty_file", "no sheet of the workbook holds anything", do="Export it again.")
        shown = [title for title, visible in filled.items() if visible] or list(filled)
        if len(shown) > 1:
            raise Refused(
                "ambiguous_sheet",
                f"several sheets hold data: {', '.join(map(repr, shown))}",
                do=f"Say which one in the source, such as 'sheet: {shown[0]}'; each sheet is a source of its own.",
            )
        if hidden := [title for title in filled if title not in shown]:
            self.tally.warnings.append(f"hidden_sheets: not read: {', '.join(map(repr, hidden))}")
        return shown[0]

    def _read_header(self) -> tuple[str, ...]:
        row = next(self._rows(self._values, self._header_at, self._header_at, MOST_COLUMNS), None)
        texts = ["" if cell.value is None else str(cell.value).strip() for cell in row or ()]
        while texts and not texts[-1]:
            texts.pop()
        if not texts:
            raise Refused(
                "empty_file",
                f"row {self._header_at} of the sheet {self._sheet!r} holds no header",
                line=self._header_at,
                do="Say where the header stands with 'header_row'.",
            )
        if self._header_at > 1:
            self.tally.skipped["preamble"] = self._header_at - 1
        return tuple(texts)

    def _rows(self, book: Any, first: int, last: int | None, width: int) -> Iterator[tuple[Any, ...]]:
        sheet = book[self._sheet]
        sheet.reset_dimensions()
        return iter(sheet.iter_rows(min_row=first, max_row=last, max_col=width))

    def _note_merged(self) -> None:
        part = str(getattr(self._values[self._sheet], "_worksheet_path", "")).lstrip("/")
        inside = [r for r in self._merged.get(part, ()) if (range_boundaries(r)[3] or 0) > self._header_at]
        if inside:
            self.tally.warnings.append(
                f"merged_cells: only the first cell of a merged range has its value: {', '.join(inside[:10])}"
            )

    # --- rows --------------------------------------------------------------------------------------------------------
    def chunks(self) -> Iterator[Chunk]:
        """The rows under the header."""
        width = len(self.header)
        values = self._rows(self._values, self._header_at + 1, None, width)
        formulas = self._rows(self._formulas, self._header_at + 1, None, width) if self._formulas else None
        line = self._header_at
        ended = False
        while not ended:
            cells: list[list[tuple[str | None, int]]] = []
            rows: list[int] = []
            lines: list[int] = []
            while len(cells) < AT_ONCE:
                try:
                    row = next(values, None)
                    written = next(formulas, None) if formulas else None
                except Exception:
                    raise _damaged(self.tally.records + 1, line + 1) from None
                if row is None:
                    ended = True
                    break
                line += 1
                read = [_cell(c) for c in row]
                read += [(None, TEXT)] * (width - len(read))
                if written is not None:
                    for i, (cell, original) in enumerate(zip(row, written, strict=False)):
                        if cell.value is None and original.data_type == "f":
                            read[i] = ("", NO_RESULT)
                if all(text is None or (kind == TEXT and not text.strip()) for text, kind in read):
                    self.tally.skipped["blank"] += 1
                    continue
                if self._totals and (read[0][0] or "").strip().casefold() in self._totals:
                    self.tally.skipped["totals"] += 1
                    continue
                self.tally.records += 1
                cells.append(read)
                rows.append(self.tally.records)
                lines.append(line)
            yield Chunk(np.array(rows, np.int64), np.array(lines, np.int64), _columns(cells, width))


def _columns(cells: list[list[tuple[str | None, int]]], width: int) -> tuple[Cells, ...]:
    return tuple(
        Cells(pa.array([row[i][0] for row in cells], pa.string()), np.array([row[i][1] for row in cells], np.int8))
        for i in range(width)
    )


def _cell(cell: Any) -> tuple[str | None, int]:
    """The text and the kind of a cell."""
    match cell.value:
        case None:
            return None, TEXT
        case bool(value):
            return str(value).lower(), BOOLEAN
        case int(value):
            return _number(str(value), cell)
        case float(value):
            if value.is_integer() and abs(value) < 1e15:
                return _number(str(int(value)), cell)
            text = repr(value)
            return (format(Decimal(text), "f") if "e" in text else text), DOUBLE
        case datetime() as value:
            shown = _PART.sub("", cell.number_format or "")
            alone = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
            return (value.date().isoformat() if alone and not _CLOCK.search(shown) else value.isoformat(" ")), DATE
        case date() as value:
            return value.isoformat(), DATE
        case value:
            return str(value), ERROR if cell.data_type == "e" else TEXT


def _number(text: str, cell: Any) -> tuple[str, int]:
    """A whole number, or the text of one that is shown with leading zeros."""
    shown = cell.number_format or ""
    if _PADDED.match(shown) and not text.startswith("-") and len(text) < len(shown):
        return text.zfill(len(shown)), PADDED
    return text, DOUBLE


def _has_data(sheet: Any) -> bool:
    """Whether any cell of a sheet has a value."""
    sheet.reset_dimensions()
    return any(cell.value is not None for row in sheet.iter_rows(max_col=MOST_COLUMNS) for cell in row)


def _damaged(row: int | None = None, line: int | None = None) -> Refused:
    return Refused(
        "corrupt_file", "the workbook is damaged", row=row, line=line, do="Open it in a spreadsheet and save it again."
    )


# --- the archive -----------------------------------------------------------------------------------------------------
def _inspect(stream: BinaryIO, most: int) -> tuple[bool, dict[str, list[str]]]:
    """Whether any sheet has formulas, and the merged ranges by part; refuses an archive that is no honest workbook."""
    stream.seek(0)
    formulas = False
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
                formulas |= part.formulas
                merged[info.filename] = part.merged
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, NotImplementedError, EOFError, ValueError):
        raise _damaged() from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # the archive names places that no file has
            raise _damaged() from None
        raise
    stream.seek(0)
    return formulas, merged


class _Part:
    """What one part of the archive shows while it unpacks: sound XML without declarations, and the marks of a sheet."""

    def __init__(self, name: str) -> None:
        self.size = 0
        self.formulas = False
        self.merged: list[str] = []
        self._is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
        self._row = 0
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
            self.formulas = self.formulas or _FORMULA.search(tags) is not None
            self.merged += [m.decode() for m in _MERGED.findall(tags)]
            for number in map(int, _ROW.findall(tags)):
                if number <= self._row:
                    raise Refused("corrupt_file", f"row {number} of a sheet stands twice or out of order", line=number)
                self._row = number

    def end(self) -> None:
        """Looks at the part as a whole."""
        if self._parser is not None:
            self._parser.Parse(b"", True)


_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z0-9:]+)"')
_ROW = re.compile(rb'<(?:\w+:)?row\s(?:[^>]*?\s)?r="(\d{1,9})"')


def _refuse_declarations(*_: object) -> None:
    raise Refused(
        "unsafe_xml",
        "the workbook declares XML entities, which no spreadsheet writes",
        do="Do not trust this file; ask its sender for a clean export.",
    )
