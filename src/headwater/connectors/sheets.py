"""The parts of an XLSX archive: its sheets by name, and the cells of one of them, streamed as texts and kinds.

A general library makes an object of every cell, and reads all of it twice where there are formulas; here a cell costs
four calls of the XML parser. Which formats are dates, and which day a number is, stays with the library.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import BinaryIO
from xml.etree import ElementTree
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601

from headwater.connectors.cells import BOOLEAN, DATE, DOUBLE, ERROR, NO_RESULT, PADDED, TEXT
from headwater.connectors.content import PIECE
from headwater.connectors.refusal import Refused

MOST_REMEMBERED = 1 << 16
"""Values kept by how they were written: dates, codes and small numbers come again and again."""

_CLOCK = re.compile(r"[hs]|AM/PM", re.IGNORECASE)
_PADDED = re.compile(r"^0{2,}$")
_PART = re.compile(r"\[[^\]]*\]|\"[^\"]*\"|\\.")
_LETTERS = re.compile(r"\$?([A-Za-z]{1,3})\$?\d+")

Cell = tuple[str | None, int]
"""The text of a cell (None: it has no value) and its kind."""
EMPTY: Cell = (None, TEXT)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, the part it lies in, and whether it is shown."""

    title: str
    part: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Format:
    """How numbers of a style are shown, as far as it tells what they are: dates (with a clock), lengths of time, whole
    numbers filled up to so many digits."""

    is_date: bool = False
    is_span: bool = False
    clock: bool = False
    digits: int = 0


class Package:
    """An opened workbook. Whatever a damaged one raises comes through: the caller says so in its words."""

    def __init__(self, stream: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(stream)
        self._names = set(self._archive.namelist())
        self._related: dict[str, str] = {}
        (main,) = [t for kind, t in self._links("").values() if kind == "officeDocument"][:1] or ["xl/workbook.xml"]
        links = self._links(main)
        for kind, target in links.values():
            self._related.setdefault(kind, target)
        root = self._xml(main)
        self._epoch = WINDOWS_EPOCH
        sheets: list[Sheet] = []
        for element in root.iter():
            tag = _local(element.tag)
            if tag == "workbookPr" and element.get("date1904") in ("1", "true"):
                self._epoch = MAC_EPOCH
            elif tag == "sheet":
                linked = next((v for k, v in element.items() if k.startswith("{") and _local(k) == "id"), "")
                kind, part = links.get(linked, ("", ""))
                if kind == "worksheet":
                    visible = element.get("state", "visible") == "visible"
                    sheets.append(Sheet(element.get("name", ""), part, visible))
        self.sheets = tuple(sheets)
        self.beyond = 0
        """Rows last read that hold something to the right of the columns asked for."""

    def has_data(self, sheet: Sheet, width: int) -> bool:
        """Whether any cell of the first `width` columns of a sheet has a value."""
        return any(text is not None for _, row in self.rows(sheet, width) for text, _ in row)

    def rows(self, sheet: Sheet, width: int, first: int = 1) -> Iterator[tuple[int, list[Cell]]]:
        """The rows from number `first` on that the sheet holds, each with its number and its cells up to the last that
        is not empty, at most `width`."""
        reader = _Rows(self, width, first)
        self.beyond = 0
        with self._archive.open(sheet.part) as content:
            while not reader.ended and (piece := content.read(PIECE)):
                reader.parse(piece)
                self.beyond = reader.beyond
                yield from reader.take()
        if not reader.ended:
            raise ValueError("the sheet has no end")

    # --- parts -------------------------------------------------------------------------------------------------------
    def _xml(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self._archive.read(name))

    def _links(self, part: str) -> dict[str, tuple[str, str]]:
        """The parts that a part names: kind and place by id."""
        folder, name = posixpath.split(part)
        links = posixpath.join(folder, "_rels", f"{name}.rels")
        if links not in self._names:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for element in self._xml(links):
            if element.get("TargetMode") == "External":
                continue
            target = element.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], place)
        return found

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """The texts that cells share, by their place."""
        part = self._related.get("sharedStrings", "")
        if part not in self._names:
            return ()
        reader = _Strings()
        with self._archive.open(part) as content:
            while piece := content.read(PIECE):
                reader.parse(piece)
        return tuple(reader.found)

    @cached_property
    def formats(self) -> tuple[Format, ...]:
        """How numbers are shown, by style."""
        part = self._related.get("styles", "")
        if part not in self._names:
            return ()
        root = self._xml(part)
        own: dict[str, str] = {}
        for element in root.iter():
            if _local(element.tag) == "numFmt":
                own.setdefault(element.get("numFmtId", ""), element.get("formatCode", ""))
        found: list[Format] = []
        for cells in (e for e in root if _local(e.tag) == "cellXfs"):
            for element in cells:
                number = element.get("numFmtId", "0")
                shown = own.get(number) or BUILTIN_FORMATS.get(int(number)) or ""
                clock = _CLOCK.search(_PART.sub("", shown)) is not None
                digits = len(shown) if _PADDED.match(shown) else 0
                found.append(Format(bool(is_date_format(shown)), bool(is_timedelta_format(shown)), clock, digits))
        return tuple(found)

    # --- values ------------------------------------------------------------------------------------------------------
    def value(self, kind: str, style: str, written: str) -> Cell:
        """What a cell says that is no text: a number, a date, a boolean, an error."""
        match kind:
            case "b":
                return ("true" if int(written) else "false"), BOOLEAN
            case "e":
                return written, ERROR
            case "d":
                day: object = from_ISO8601(written)  # type: ignore[no-untyped-call]
                return _dated(day, self._format(style))
            case "n":
                return self._number(self._format(style), written)
            case _:
                return written, TEXT

    def _format(self, style: str) -> Format:
        at = int(style or 0)
        return self.formats[at] if 0 <= at < len(self.formats) else Format()

    def _number(self, shown: Format, written: str) -> Cell:
        number: int | float = float(written) if "." in written or "e" in written or "E" in written else int(written)
        if shown.is_date:
            try:
                return _dated(from_excel(number, self._epoch, timedelta=shown.is_span), shown)
            except (OverflowError, ValueError):
                return "#VALUE!", ERROR  # a number that no calendar reaches
        if isinstance(number, float):
            if not (number.is_integer() and abs(number) < 1e15):
                text = repr(number)
                return (format(Decimal(text), "f") if "e" in text else text), DOUBLE
            number = int(number)
        text = str(number)
        if len(text) < shown.digits and not text.startswith("-"):
            return text.zfill(shown.digits), PADDED
        return text, DOUBLE


def _dated(value: object, shown: Format) -> Cell:
    match value:
        case None:
            return EMPTY
        case datetime():
            alone = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
            return (value.date().isoformat() if alone and not shown.clock else value.isoformat(" ")), DATE
        case date():
            return value.isoformat(), DATE
        case _:  # a time of day, or a length of time
            return str(value), TEXT


def _local(name: str) -> str:
    return name.rpartition("}")[2]


class _Tags(dict[str, str]):
    """Names of elements without their prefix."""

    def __missing__(self, name: str) -> str:
        self[name] = name.rpartition(":")[2]
        return self[name]


class _Strings:
    """Shared texts as they stream by: those of their runs, without how they are pronounced."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._tags = _Tags()
        self._text: list[str] = []
        self._runs: list[str] = []
        self._spoken = False
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def parse(self, piece: bytes) -> None:
        """Reads on."""
        self._parser.Parse(piece, False)

    def _start(self, name: str, _: dict[str, str]) -> None:
        tag = self._tags[name]
        if tag == "t":
            self._text.clear()
        elif tag == "rPh":
            self._spoken = True
        elif tag == "si":
            self._runs = []

    def _end(self, name: str) -> None:
        tag = self._tags[name]
        if tag == "t":
            if not self._spoken:
                self._runs.append("".join(self._text))
        elif tag == "rPh":
            self._spoken = False
        elif tag == "si":
            self.found.append("".join(self._runs).replace("x005F_", ""))


class _Rows:
    """Rows of a sheet as they stream by."""

    def __init__(self, package: Package, width: int, first: int) -> None:
        self.ended = False
        self.beyond = 0
        self._is_beyond = False
        self._package = package
        self._strings = package.strings
        self._width = width
        self._first = first
        self._ready: list[tuple[int, list[Cell]]] = []
        self._known: dict[tuple[str, str, str], Cell] = {}
        self._places: dict[str, int] = {}
        self._tags = _Tags()
        self._text: list[str] = []
        self._number = 0
        self._row: list[Cell] = []
        self._at = -1
        self._kind = self._style = ""
        self._written: str | None = None
        self._runs: list[str] | None = None
        self._spoken = self._formula = False
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def parse(self, piece: bytes) -> None:
        """Reads on."""
        self._parser.Parse(piece, False)

    def take(self) -> list[tuple[int, list[Cell]]]:
        """The rows that are complete and were not taken yet."""
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = self._tags[name]
        if tag == "c":
            place = attributes.get("r")
            self._at = self._at + 1 if place is None else self._column(place)
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "0")
            self._written = self._runs = None
            self._formula = False
        elif tag == "v" or tag == "t":
            self._text.clear()
        elif tag == "f":
            self._formula = True
        elif tag == "row":
            self._begin(attributes.get("r"))
        elif tag == "is":
            self._runs = []
        elif tag == "rPh":
            self._spoken = True

    def _end(self, name: str) -> None:
        tag = self._tags[name]
        if tag == "c":
            cell = self._cell()
            at, row = self._at, self._row
            if cell is EMPTY or at >= self._width:
                self._is_beyond = self._is_beyond or (cell is not EMPTY and self._number >= self._first)
            else:
                if at > len(row):
                    row += [EMPTY] * (at - len(row))
                if at == len(row):
                    row.append(cell)
                else:
                    row[at] = cell
        elif tag == "v":
            self._written = "".join(self._text)
        elif tag == "t":
            if self._runs is not None and not self._spoken:
                self._runs.append("".join(self._text))
        elif tag == "row":
            if self._number >= self._first:
                self.beyond += self._is_beyond
                self._is_beyond = False
                self._ready.append((self._number, self._row))
        elif tag == "rPh":
            self._spoken = False
        elif tag == "sheetData":
            self.ended = True
            self._parser.StartElementHandler = self._parser.EndElementHandler = None

    def _begin(self, number: str | None) -> None:
        self._row, self._at = [], -1
        before = self._number
        self._number = before + 1 if number is None else int(float(number))
        if self._number <= before:
            what = f"row {self._number} of a sheet stands twice or out of order"
            raise Refused("corrupt_file", what, line=self._number)

    def _column(self, place: str) -> int:
        """The column of a place such as `C7`, from 0."""
        letters = place.rstrip("0123456789")
        known = self._places.get(letters)
        if known is None:
            found = _LETTERS.fullmatch(place)
            if found is None:
                raise ValueError(f"{place!r} is no place of a cell")
            known = -1
            for letter in found[1].upper():
                known = (known + 1) * 26 + ord(letter) - 65
            self._places[letters] = known
        return known

    def _cell(self) -> Cell:
        kind, written = self._kind, self._written
        if kind == "s":
            if written:
                return self._strings[int(written)], TEXT
        elif kind == "inlineStr":
            if self._runs is not None:
                return "".join(self._runs), TEXT
        elif written:
            key = (kind, self._style, written)
            known = self._known.get(key)
            if known is None:
                if len(self._known) >= MOST_REMEMBERED:
                    self._known.clear()
                known = self._known[key] = self._package.value(kind, self._style, written)
            return known
        # a formula whose result is the empty text has a result; one that was never reckoned has none
        if self._formula and not (kind == "str" and written is not None):
            return "", NO_RESULT
        return EMPTY
