"""Reads delimited text (CSV, TSV) in any encoding, with exact rows and lines; gives up single rows, not the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow

from headwater.connectors.cells import Broken, Cells, Chunk, Flags, Integers, Tally
from headwater.connectors.decoding import SAY_ENCODING, UNDECODED, Decoded, readable
from headwater.connectors.refusal import Refused

BLOCK = 1 << 20
"""Bytes decoded at a time; chunks are about as large."""

LONGEST = 1 << 20
"""Characters of one cell, and of one row in quotes, at most."""

SEPARATORS = (",", ";", "\t", "|")
_UNSOUND = re.compile("[\0\udc80-\udcff]")
_OPEN, _LARGE = "unexpected end of data", "field larger than field limit"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written. Empty `encoding` and `separator` are found out; `wanted` are headers the mapping
    names, by which a separator is recognised. The header is the `header_row`th line after `skip_rows`."""

    encoding: str = ""
    separator: str = ""
    quote: str = '"'
    skip_rows: int = 0
    header_row: int = 1
    totals: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


class Delimited:
    """A delimited text file, read once from `stream`."""

    typed = False
    serials = False

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        csv.field_size_limit(LONGEST)
        self.dialect = dialect
        self.tally = Tally()
        self._quoting = _quoting(dialect.quote)
        self._decoded = Decoded(stream, dialect.encoding, BLOCK)
        self._totals = {t.strip().casefold() for t in dialect.totals}
        self._text = ""
        self._line = 1
        self._first_undecoded: tuple[int, int] | None = None
        self._undecoded = 0
        for _ in range(dialect.skip_rows + dialect.header_row - 1):
            if self._take_line() is None:
                break
            self.tally.skipped["preamble"] += 1
        self.header, self.separator = self._read_header()

    # --- the header --------------------------------------------------------------------------------------------------
    def _take_line(self) -> str | None:
        """The next line with its ending, or None at the end of the file."""
        while (end := _line_end(self._text, self._decoded.ended)) < 0 and not self._decoded.ended:
            self._text += self._decoded.block()
        if end < 0:
            return None
        line, self._text = self._text[:end], self._text[end:]
        self._line += 1
        return line

    def _read_header(self) -> tuple[tuple[str, ...], str]:
        first, text = self._line, self._take_line()
        while text is not None and not text.strip():
            self.tally.skipped["blank"] += 1
            first, text = self._line, self._take_line()
        if text is None:
            if self._decoded.undecodable:
                raise self._not_text(None, self._line)
            raise Refused("empty_file", "the file is empty", do="Export it again, with its column names.")
        separator = self.dialect.separator or _separator(text, self.dialect)
        while True:
            try:
                cells = next(csv.reader(_lines(text), **self._quoting, delimiter=separator, strict=True))
                break
            except csv.Error as error:
                more = self._take_line() if str(error) == _OPEN and len(text) < LONGEST else None
                if more is None:
                    raise Refused("bad_quote", "a quotation mark in the header is not closed", line=first) from None
                text += more
        if UNDECODED.search(text):
            raise self._not_text(None, first)
        if "\0" in text:
            raise Refused("nul_byte", "the header holds a NUL byte", line=first, do="Export the file again.")
        return tuple(c.strip() for c in cells), separator

    def _not_text(self, row: int | None, line: int) -> Refused:
        return Refused(
            "bad_encoding", f"the file is not {self._decoded.encoding} text", row=row, line=line, do=SAY_ENCODING
        )

    # --- rows --------------------------------------------------------------------------------------------------------
    def chunks(self) -> Iterator[Chunk]:
        """The data rows, about a megabyte of text at a time."""
        while self._text or not self._decoded.ended:
            if not self._decoded.ended:
                self._text += self._decoded.block()
            lines = _lines(self._text)
            if lines and not _ended(lines[-1], self._decoded.ended and not self._decoded.undecodable):
                lines.pop()
            used, chunk = self._chunk(lines)
            self._text = self._text[used:] if used < len(self._text) else ""
            if len(self._text) > 8 * LONGEST:  # a line without an end
                raise Refused("too_long", f"a line is longer than {8 * LONGEST:,} characters", line=self._line)
            yield chunk
            if self._decoded.undecodable:
                raise self._not_text(self.tally.records + 1, self._line)
        if self._first_undecoded and self._decoded.guessed and self._decoded.extra < self._undecoded:
            raise self._not_text(*self._first_undecoded)

    def _parse(self, lines: list[str]) -> tuple[list[list[str]], list[int], dict[int, tuple[str, int]], int]:
        """Rows and the index of each one's first line; by place, what a row's quotes are wrong with; lines used."""
        rows: list[list[str]] = []
        starts: list[int] = []
        faulty: dict[int, tuple[str, int]] = {}
        index = 0
        while index < len(lines):
            from_here: Any = iter(lines)
            from_here.__setstate__(index)
            reader = csv.reader(
                from_here,
                **self._quoting,
                delimiter=self.separator,
                strict=True,
            )
            start = index
            try:
                for row in reader:
                    rows.append(row)
                    starts.append(start)
                    start = index + reader.line_num
                break
            except csv.Error as error:
                what = str(error)
                if what == _OPEN and not self._decoded.ended and sum(map(len, lines[start:])) <= LONGEST:
                    return rows, starts, faulty, start
                # The row is taken to be its first line alone; what follows is read afresh.
                code = "too_long" if what.startswith(_LARGE) and len(lines[start]) > LONGEST else "bad_quote"
                faulty[len(rows)] = (code, _quote_fault(lines[start], self.separator, self.dialect.quote))
                rows.append([lines[start]])
                starts.append(start)
                index = start + 1
        return rows, starts, faulty, len(lines)

    def _chunk(self, lines: list[str]) -> tuple[int, Chunk]:
        """The characters used and the chunk of the rows in them."""
        if (simple := self._simple(lines)) is not None:
            return simple
        rows, starts, faulty, used = self._parse(lines)
        text = "".join(lines[:used])
        numbers, firsts = np.arange(len(rows)) + self.tally.records + 1, np.array(starts, dtype=np.int64)
        broken: tuple[Broken, ...] = ()
        if odd := self._odd(rows, starts, faulty, lines[:used], text):
            raws = _Raws(lines, starts, [*starts[1:], used])
            keep, numbers, broken = self._sift(rows, len(rows), odd, faulty, raws)
            rows, numbers, firsts = list(compress(rows, keep.tolist())), numbers[keep], firsts[keep]
        else:
            self.tally.records += len(rows)
        columns = zip(*rows, strict=True) if rows else [()] * len(self.header)
        chunk = Chunk(
            numbers.astype(np.int64),
            firsts + self._line,
            tuple(Cells(pa.array(c, pa.string())) for c in columns),
            broken,
        )
        self._line += used
        return len(text), chunk

    def _simple(self, lines: list[str]) -> tuple[int, Chunk] | None:
        """The same by Arrow's reader, where every row is one line; None where one may be several.

        Lines that the strict reader has to judge (those with quotation marks, unless each pair of them is one whole
        cell without separators) are read twice, and it has the last word; lines without a sound row are left to it.
        """
        width, quote = len(self.header), self.dialect.quote
        if width < 2 or self._totals or not lines or not self.separator.isascii() or not quote.isascii():
            return None
        if max(map(len, lines)) > LONGEST:
            return None
        clean = _clean(self.separator, quote).fullmatch
        quoted = [i for i, line in enumerate(lines) if quote in line and clean(line) is None] if quote else []
        if len(quoted) > len(lines) // 8 or (judged := self._judge(lines, quoted)) is None:
            return None
        strict, faulty, used = judged
        lines = lines[:used]
        text = "".join(lines)
        apart = self._apart(lines, text, strict) | {i: [lines[i]] for i in faulty}
        if not lines or any(len(r) > width and not any(r[width:]) for i, r in apart.items() if i not in faulty):
            return None
        whole = [i for i in range(used) if i not in apart] if apart else list(range(used))
        if (columns := self._by_arrow(lines, text, whole if apart else None)) is None or len(columns[0]) != len(whole):
            return None
        read_twice = [i for i in strict if i not in apart]
        places = pa.array(np.searchsorted(whole, read_twice))
        told = zip(*(strict[i] for i in read_twice), strict=True) if read_twice else [()] * width
        if not all(c.take(places).equals(pa.array(t, pa.string())) for c, t in zip(columns, told, strict=True)):
            return None
        for at in np.flatnonzero(np.asarray(pc.equal(columns[0], ""), bool)):
            apart[whole[at]] = [c[int(at)].as_py() for c in columns]
        first = self.tally.records + 1
        numbers, firsts = np.arange(first, first + used, dtype=np.int64), np.arange(used, dtype=np.int64)
        broken: tuple[Broken, ...] = ()
        if apart:
            starts = range(used)
            raws = _Raws(lines, starts, range(1, used + 1))
            keep, numbers, broken = self._sift(apart, used, sorted(apart), faulty, raws)
            here = keep[whole]
            if not here.all():
                columns = [c.filter(pa.array(here)) for c in columns]
            numbers, firsts = numbers[keep], firsts[keep]
        else:
            self.tally.records += used
        chunk = Chunk(numbers.astype(np.int64), firsts + self._line, tuple(Cells(c) for c in columns), broken)
        self._line += used
        return len(text), chunk

    def _judge(
        self, lines: list[str], quoted: Sequence[int]
    ) -> tuple[dict[int, list[str]], dict[int, tuple[str, int]], int] | None:
        """What the strict reader makes of lines with quotation marks, as `_parse` would: their cells, what is wrong
        with the others, and the lines used; None where a row goes on in the next line."""
        strict: dict[int, list[str]] = {}
        faulty: dict[int, tuple[str, int]] = {}
        for i in quoted:
            from_here: Any = iter(lines)
            from_here.__setstate__(i)
            reader = csv.reader(from_here, **self._quoting, delimiter=self.separator, strict=True)
            try:
                strict[i] = next(reader)
            except csv.Error as error:
                what = str(error)
                if what == _OPEN and not self._decoded.ended and sum(map(len, lines[i:])) <= LONGEST:
                    return strict, faulty, i
                faulty[i] = ("bad_quote", _quote_fault(lines[i], self.separator, self.dialect.quote))
            else:
                if reader.line_num != 1:
                    return None
        return strict, faulty, len(lines)

    def _apart(self, lines: list[str], text: str, strict: Mapping[int, list[str]]) -> dict[int, list[str]]:
        """The cells of lines that are no row of the header's width, or hold what is no text."""
        between, width = len(self.header) - 1, len(self.header)
        separator, found = self.separator, {}
        odd = [i for i, line in enumerate(lines) if line.count(separator) != between and i not in strict]
        odd += [i for i, row in strict.items() if len(row) != width and i < len(lines)]
        if "\0" in text or not text.isascii():
            odd += [i for i, line in enumerate(lines) if _UNSOUND.search(line)]
        for i in odd:
            row = strict.get(i)
            found[i] = row if row is not None else next(csv.reader([lines[i]], **self._quoting, delimiter=separator))
        return found

    def _by_arrow(self, lines: list[str], text: str, some: Sequence[int] | None) -> list[Any] | None:
        """The columns of lines (default: of all) by Arrow's reader; None where it reads none."""
        data = (text if some is None else "".join([lines[i] for i in some])).encode()
        names = [str(i) for i in range(len(self.header))]
        if not data:
            return None
        try:
            table = arrow.read_csv(
                pa.py_buffer(data),
                arrow.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
                arrow.ParseOptions(
                    delimiter=self.separator, quote_char=self.dialect.quote or False, ignore_empty_lines=False
                ),
                arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
            ).combine_chunks()
        except pa.ArrowInvalid:
            return None
        return [c.chunk(0) if c.num_chunks else pa.array([], pa.string()) for c in table.columns]

    def _odd(
        self, rows: list[list[str]], starts: list[int], faulty: Collection[int], lines: list[str], text: str
    ) -> list[int]:
        """The places of rows that may be no sound data rows; every other one is."""
        width, totals = len(self.header), self._totals
        odd = set(faulty)
        odd.update(i for i, row in enumerate(rows) if len(row) != width or not row[0])
        if width == 1:
            odd.update(i for i, row in enumerate(rows) if not "".join(row).strip())
        if totals:
            odd.update(i for i, row in enumerate(rows) if row and row[0].strip().casefold() in totals)
        if "\0" in text or not text.isascii():
            marks = [m.start() for m in _UNSOUND.finditer(text)]
            if marks:
                line = np.searchsorted(np.cumsum([len(one) for one in lines]), marks, side="right")
                odd.update((np.searchsorted(starts, line, side="right") - 1).tolist())
        return sorted(odd)

    def _sift(
        self,
        rows: list[list[str]] | dict[int, list[str]],
        count: int,
        odd: list[int],
        faulty: dict[int, tuple[str, int]],
        raws: _Raws,
    ) -> tuple[Flags, Integers, tuple[Broken, ...]]:
        """Which of so many rows are readable, the number of each, and the broken ones; blank and totals rows are
        counted. `rows` are at least the odd ones, by place."""
        width, totals = len(self.header), self._totals
        keep, is_record = np.ones(count, bool), np.ones(count, bool)
        faults: list[tuple[int, tuple[str, int, str]]] = []
        for i in odd:
            row = rows[i]
            if i not in faulty:
                skipped = "blank" if not any(row) or (len(row) == 1 and not row[0].strip()) else ""
                skipped = skipped or ("totals" if totals and row[0].strip().casefold() in totals else "")
                if skipped:
                    self.tally.skipped[skipped] += 1
                    keep[i] = is_record[i] = False
                    continue
            fault = self._fault(row, faulty.get(i))
            if fault is None:
                rows[i] = row[:width]
            else:
                keep[i] = False
                faults.append((i, fault))
        numbers = np.cumsum(is_record) + self.tally.records
        broken = []
        for i, (code, column, reason) in faults:
            record, raw, line = int(numbers[i]), raws.of(i), self._line + raws.starts[i]
            if code == "bad_encoding":
                self._first_undecoded = self._first_undecoded or (record, line)
                self._undecoded += len(UNDECODED.findall(raw))
            broken.append(Broken(record, line, column, code, reason, readable(raw)))
        self.tally.records += int(is_record.sum())
        return keep, numbers, tuple(broken)

    def _fault(self, row: list[str], quotes: tuple[str, int] | None) -> tuple[str, int, str] | None:
        """Code, column and reason why a row cannot be read, or None."""
        width = len(self.header)
        if any(map(UNDECODED.search, row)):
            return "bad_encoding", -1, f"the row is not {self._decoded.encoding} text"
        if quotes is not None:
            code, column = quotes[0], min(quotes[1], width - 1)
            if code == "too_long":
                return code, column, f"a cell is longer than {LONGEST:,} characters"
            return code, column, "a quotation mark is not closed, or text follows it"
        if (at := next((i for i, cell in enumerate(row) if "\0" in cell), -1)) >= 0:
            return "nul_byte", min(at, width - 1), "the cell holds a NUL byte"
        if len(row) < width or any(row[width:]):
            return "ragged_row", -1, f"the row has {len(row)} cells, the header {width}"
        return None


@cache
def _clean(separator: str, quote: str) -> re.Pattern[str]:
    """A line whose cells are in quotation marks or without any, and hold no separator: every reader reads it alike."""
    s, q = re.escape(separator), re.escape(quote)
    cell = f"(?:{q}[^{q}{s}\\r\\n]*+{q}|[^{q}{s}\\r\\n]*+)"
    return re.compile(f"{cell}(?:{s}{cell})*+(?:\\r\\n|\\n|\\r)?")


@dataclass(frozen=True, slots=True)
class _Raws:
    """The text of each row as it stands in the file."""

    lines: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]

    def of(self, i: int) -> str:
        return "".join(self.lines[self.starts[i] : self.ends[i]]).rstrip("\r\n")


def _lines(text: str) -> list[str]:
    """The lines of a text with their endings: LF, CRLF or CR."""
    return io.StringIO(text, newline="").readlines()


def _line_end(text: str, last: bool) -> int:
    """Where the first line of a text ends, -1 when that is not known yet (or there is none)."""
    feed, back = text.find("\n"), text.find("\r")
    if back < 0 or 0 <= feed < back:
        return feed + 1 if feed >= 0 else len(text) if last and text else -1
    if back + 1 < len(text):
        return back + 2 if text[back + 1] == "\n" else back + 1
    return back + 1 if last else -1


def _ended(line: str, last: bool) -> bool:
    """Whether a line is whole: it has its ending (a CR may yet be followed by LF), or nothing follows."""
    return last or line.endswith("\n")


def _quoting(quote: str) -> dict[str, Any]:
    """How csv names a quotation mark, or none."""
    return {"quotechar": quote, "quoting": csv.QUOTE_MINIMAL} if quote else {"quoting": csv.QUOTE_NONE}


def _separator(header: str, dialect: Dialect) -> str:
    """The separator under which most of the wanted headers appear, then the one that gives most columns."""

    def score(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], **_quoting(dialect.quote), delimiter=separator))
        except csv.Error:
            return (-1, 0)
        return (len({c.strip() for c in cells} & set(dialect.wanted)), len(cells))

    return max(SEPARATORS, key=score)


def _quote_fault(line: str, separator: str, quote: str) -> int:
    """The place of the cell whose quotation marks are wrong.

    >>> _quote_fault('a,"b"c,d', ",", '"')
    1
    """
    column = at = 0
    line = line.rstrip("\r\n")
    while at < len(line):
        if quote and line.startswith(quote, at):
            end = at + 1
            while True:
                end = line.find(quote, end)
                if end < 0:
                    return column
                if not line.startswith(quote, end + 1):
                    break
                end += 2
            at = end + 1
            if at < len(line) and not line.startswith(separator, at):
                return column
        else:
            end = line.find(separator, at)
            at = len(line) if end < 0 else end
        at += 1
        column += 1
    return max(column - 1, 0)
