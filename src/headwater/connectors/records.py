"""Reads JSON, a document with one array of records or a record a line: exact numbers, nested values by dotted headers.

The columns of such a file are known when its last record is read, so the records are parsed once, into a file beside
the others, and given from there. Memory grows with the largest record, never with the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from headwater.connectors.cells import BOOLEAN, DOUBLE, NON_FINITE, NUMBER, TEXT, Broken, Cells, Chunk, Tally
from headwater.connectors.decoding import UNDECODED, Decoded, readable
from headwater.connectors.refusal import Refused
from headwater.errors import nearest

LONGEST = 8 << 20
"""Characters of one record at most."""

MOST_COLUMNS = 2_000
MOST_DEEP = 64
AT_ONCE = 4 << 20
"""Characters of records that are made columns of at a time: each time costs something for every column."""

BLOCK = 1 << 20

_UNSAFE = re.compile("[\ud800-\udfff\0]")
_SPACE = re.compile(r"[ \t\r\n]*")
_LONG_NUMBER = 16
_MOST_ZEROS = 40


class Records:
    """The records of a JSON file: `lines` when each stands on a line of its own, else those of the array at `path`
    (dotted; '' finds the only one). The file is read to its end at once; `opened` removes what is kept beside it."""

    typed = True
    serials = False
    separator = ","

    def __init__(
        self,
        stream: BinaryIO,
        staged: Path,
        opened: ExitStack,
        *,
        lines: bool = False,
        encoding: str = "",
        path: str = "",
        wanted: Collection[str] = (),
    ) -> None:
        self.tally = Tally()
        self._decoded = Decoded(stream, encoding, BLOCK)
        self._columns = _Columns(frozenset(wanted))
        self._kept = _Kept(staged / ".records.arrow")
        opened.callback(self._kept.remove)
        text = _Text(self._decoded)
        if lines or (not path and text.is_lines(wanted)):
            self._read_lines(text)
        else:
            self._read_document(text, path, wanted)
        self._kept.close()
        self.header, self._places = self._columns.header()
        if not self.tally.records:  # an empty list lacks no column
            self.header, self._places = tuple(sorted(wanted)), (-1,) * len(wanted)
        for code, names in self._columns.left_out(self.header):
            self.tally.warnings.append(f"{code}: not used: {', '.join(map(repr, names[:20]))}")

    def chunks(self) -> Iterator[Chunk]:
        """The records in file order, some thousands at a time."""
        at = {name: i for i, name in enumerate(self.header)}
        for rows, lines, columns, broken in self._kept.read():
            nothing = Cells(pa.nulls(len(rows), pa.string()), np.zeros(len(rows), np.int8))
            yield Chunk(
                rows,
                lines,
                tuple(columns[i] if 0 <= i < len(columns) else nothing for i in self._places),
                tuple(Broken(b.row, b.line, at.get(b.path, -1), b.code, b.reason, b.raw) for b in broken),
            )

    # --- a record a line ---------------------------------------------------------------------------------------------
    def _read_lines(self, text: _Text) -> None:
        number = sound = length = 0
        rows = _Rows(self._columns, self._kept)
        for some in text.lines():
            for line in some:
                number += 1
                if not line.strip(" \t\r"):
                    self.tally.skipped["blank"] += 1
                    continue
                self.tally.records += 1
                row = self.tally.records
                try:
                    if UNDECODED.search(line):
                        raise _Faulty("bad_encoding", f"the line is not {self._decoded.encoding} text")
                    rows.take(row, number, _decode(line), "\\u" in line)
                    sound += 1
                except _Faulty as fault:
                    rows.give_up(row, number, fault, line.rstrip("\r\n"))
                length += len(line)
            if length > AT_ONCE:
                rows.flush()
                length = 0
        rows.flush()
        if self._decoded.undecodable:
            raise Refused(
                "bad_encoding",
                f"the file is not {self._decoded.encoding} text",
                row=self.tally.records + 1,
                line=number + 1,
                do="Export it again as UTF-8.",
            )
        if not self.tally.records:
            raise Refused("empty_file", "the file holds blank lines alone", do="Export it again.")
        if not sound:
            first = rows.first
            what = first.reason if first is not None else ""
            raise Refused(
                "bad_json",
                f"no line of the file is a record; the first: {what}",
                row=1,
                line=first.line if first is not None else None,
                do="A file of lines (NDJSON) has one object on each; an array of records is 'format: json'.",
            )

    # --- a document --------------------------------------------------------------------------------------------------
    def _read_document(self, text: _Text, path: str, wanted: Collection[str]) -> None:
        document = _Document(text, self.tally, path, wanted)
        rows = _Rows(self._columns, self._kept)
        length = 0
        try:
            for value, raw in document.records():
                self.tally.records += 1
                row = self.tally.records
                try:
                    rows.take(row, None, value, "\\u" in raw)
                except _Faulty as fault:
                    rows.give_up(row, None, fault, raw)
                length += len(raw)
                if length > AT_ONCE:
                    rows.flush()
                    length = 0
        except RecursionError:
            raise document.broken("its values are nested too deeply") from None
        rows.flush()


# --- values ----------------------------------------------------------------------------------------------------------
class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _NonFinite(str):
    """What stands for a number and is none."""

    __slots__ = ()


class _Twice:
    """An object with a name that stands twice in it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Faulty(Exception):
    """Why a record is given up: a code, a sentence, and the column where it is known."""

    def __init__(self, code: str, reason: str, path: str = "") -> None:
        self.code, self.reason, self.path = code, reason, path
        super().__init__(reason)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    return _Twice(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_NonFinite
)


def _decode(line: str) -> Any:
    try:
        return _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise _Faulty("bad_json", f"the line is not JSON: {error.msg}, at character {error.colno}") from None
    except RecursionError:
        raise _Faulty("bad_json", "the values of the line are nested too deeply") from None


# --- columns ---------------------------------------------------------------------------------------------------------
class _Columns:
    """The columns in the order they appeared, with what was seen of each."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.wanted = wanted
        self.places: dict[str, int] = {}
        self.filled: set[str] = set()
        self.lists: dict[str, int] = {}
        self.objects: set[str] = set()

    def flat(self, record: Any, unsafe: bool) -> dict[str, Any]:
        """The single values of a record by dotted header; raises _Faulty."""
        if type(record) is not dict:
            if type(record) is _Twice:
                raise _Faulty("duplicate_column", f"{record.name!r} stands twice in the record", record.name)
            raise _Faulty("not_a_record", "this is a single value or a list, not a record")
        into: dict[str, Any] = {}
        self._fill(record, "", into, 1)
        if unsafe:
            for path, value in into.items():
                if _UNSAFE.search(path):
                    raise _Faulty("bad_encoding", "a name in the record is no text")
                if isinstance(value, str) and (found := _UNSAFE.search(value)):
                    if found[0] == "\0":
                        raise _Faulty("nul_byte", "the cell holds a NUL byte", path)
                    raise _Faulty("bad_encoding", "the cell holds half a character", path)
        return into

    def _fill(self, record: dict[str, Any], prefix: str, into: dict[str, Any], depth: int) -> None:
        for name, value in record.items():
            path = prefix + name.strip() if prefix else name.strip()
            kind = type(value)
            if kind is dict or kind is list or kind is _Twice:
                self._fill_nested(path, value, into, depth)
            else:
                if path in into:
                    raise _Faulty("duplicate_column", f"{path!r} stands twice in the record", path)
                into[path] = value
                if path not in self.places:
                    self._add(path)

    def _fill_nested(self, path: str, value: Any, into: dict[str, Any], depth: int) -> None:
        if type(value) is _Twice:
            within = f"{path}.{value.name}"
            raise _Faulty("duplicate_column", f"{within!r} stands twice in the record", within)
        if type(value) is dict:
            if depth >= MOST_DEEP:
                raise _Faulty("bad_json", f"its values are nested more than {MOST_DEEP} deep")
            self.objects.add(path)
            self._fill(value, f"{path}.", into, depth + 1)
            if value and path in self.wanted:
                raise _Faulty("nested_value", f"{path!r} holds a record, not a single value", path)
        else:
            self.lists[path] = self.lists.get(path, 0) + 1
            if value and path in self.wanted:
                raise _Faulty("nested_value", f"{path!r} holds a list, not a single value", path)

    def _add(self, path: str) -> None:
        if len(self.places) >= MOST_COLUMNS:
            raise Refused(
                "too_many_columns",
                f"the records have more than {MOST_COLUMNS:,} different names",
                do="Names that are values (days, ids) are no columns: export a row for each.",
            )
        self.places[path] = len(self.places)

    def header(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The headers and the place of each; one that is only ever empty, a list or the name of a group is none."""
        nested = self.objects | set(self.lists)
        for path in self.wanted:
            if path in nested and path not in self.filled:
                what = "lists" if path in self.lists else "records"
                near = [p for p in self.places if p.startswith(f"{path}.")]
                raise Refused(
                    "nested_column",
                    f"the column {path!r} holds {what}, not single values",
                    column=path,
                    do=f"Map one of its parts, such as {near[0]!r}."
                    if near
                    else "Map another column, or export its parts as columns of their own.",
                )
        shown = [p for p in self.places if p in self.filled or p not in nested]
        return tuple(shown), tuple(self.places[p] for p in shown)

    def left_out(self, header: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """What was not used, by the code of the warning."""
        lists = [p for p in self.lists if p not in header]
        if lists:
            yield "nested_columns", lists
        mixed = [p for p in self.lists if p in header and p not in self.wanted]
        if mixed:
            yield "nested_values", mixed


class _Rows:
    """Records on their way to the file beside."""

    def __init__(self, columns: _Columns, kept: _Kept) -> None:
        self._columns, self._kept = columns, kept
        self.first: _Given | None = None
        self._clear()

    def _clear(self) -> None:
        self._numbers: list[int] = []
        self._lines: list[int] = []
        self._flat: list[dict[str, Any]] = []
        self._broken: list[_Given] = []

    def take(self, row: int, line: int | None, record: Any, unsafe: bool) -> None:
        """A record, or _Faulty."""
        self._flat.append(self._columns.flat(record, unsafe))
        self._numbers.append(row)
        if line is not None:
            self._lines.append(line)

    def give_up(self, row: int, line: int | None, fault: _Faulty, raw: str) -> None:
        """A record that cannot be read."""
        given = _Given(row, line, fault.path, fault.code, fault.reason, readable(raw))
        self.first = self.first or given
        self._broken.append(given)

    def flush(self) -> None:
        """Writes what came since the last time."""
        if not (self._numbers or self._broken):
            return
        columns = []
        for path in self._columns.places:
            values = [row.get(path) for row in self._flat]
            cells = _cells(values)
            if cells.texts.null_count < len(values):
                self._columns.filled.add(path)
            columns.append(cells)
        self._kept.write(self._numbers, self._lines, columns, self._broken)
        self._clear()


def _cells(values: list[Any]) -> Cells:
    """A column of parsed values as texts with kinds."""
    types = set(map(type, values))
    if types <= {str, type(None)}:
        return Cells(pa.array(values, pa.string()), np.zeros(len(values), np.int8))
    found = [_cell(v) for v in values]
    return Cells(pa.array([t for t, _ in found], pa.string()), np.array([k for _, k in found], np.int8))


def _cell(value: Any) -> tuple[str | None, int]:
    """Text and kind of a value.

    >>> _cell(_Number("12345678901234567.89")), _cell(_Number("0.30000000000000004")), _cell(_Number("42.0"))
    (('12345678901234567.89', 1), ('0.30000000000000004', 2), ('42', 1))
    """
    kind = type(value)
    if kind is _Number:
        if "e" in value or "E" in value:
            with_zeros = Decimal(value) if len(value) < _MOST_ZEROS else None
            if with_zeros is not None and abs(with_zeros.adjusted()) < _MOST_ZEROS:
                return format(with_zeros, "f"), DOUBLE
            return str(value), NUMBER
        if value.endswith(".0"):
            return value[:-2], NUMBER
        if len(value) > _LONG_NUMBER and "." in value and repr(float(value)) == value:
            return str(value), DOUBLE  # as programs print a double: its last digits are not the amount's
        return str(value), NUMBER
    if value is None or kind is str:
        return value, TEXT
    if kind is bool:
        return ("true" if value else "false"), BOOLEAN
    return str(value), NON_FINITE


# --- the file beside -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Given:
    """A record that was given up, with the column by its name."""

    row: int
    line: int | None
    path: str
    code: str
    reason: str
    raw: str


_FAULTS = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("path", "code", "reason", "raw"))]
)


class _Kept:
    """Parsed records on disk: pairs of Arrow streams, the cells and the records given up; columns are only added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = pa.OSFile(str(path), "wb")

    def write(self, rows: list[int], lines: list[int], columns: list[Cells], broken: list[_Given]) -> None:
        """Appends some records."""
        named = {
            "row": pa.array(rows, pa.int64()),
            "line": pa.array(lines, pa.int64()) if lines else pa.nulls(len(rows), pa.int64()),
        }
        named |= {f"c{i}": c.texts for i, c in enumerate(columns)}
        named |= {f"k{i}": pa.array(c.kinds) for i, c in enumerate(columns)}
        faults = {n: [getattr(b, n) for b in broken] for n in _FAULTS.names}
        for table in (pa.table(named), pa.table(faults, schema=_FAULTS)):
            with pa.ipc.new_stream(self._file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
                out.write_table(table)

    def close(self) -> None:
        """Ends writing."""
        self._file.close()

    def read(self) -> Iterator[tuple[Any, Any, list[Cells], list[_Given]]]:
        """The records in the order they were written."""
        with pa.OSFile(str(self._path), "rb") as file:
            size = file.size()
            while file.tell() < size:
                found, faults = (pa.ipc.open_stream(file).read_all().combine_chunks() for _ in range(2))
                width = (found.num_columns - 2) // 2
                lines = None if found["line"].null_count else found["line"].to_numpy()
                columns = [Cells(_one(found[f"c{i}"]), found[f"k{i}"].to_numpy()) for i in range(width)]
                yield found["row"].to_numpy(), lines, columns, [_Given(**b) for b in faults.to_pylist()]

    def remove(self) -> None:
        """Deletes the file."""
        if not self._file.closed:
            self._file.close()
        self._path.unlink(missing_ok=True)


def _one(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else pa.array([], pa.string())


# --- text ------------------------------------------------------------------------------------------------------------
class _Text:
    """The text of a file that is consumed from its front."""

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded
        self.ahead = ""
        self.is_spoiled = False

    def more(self) -> bool:
        """Puts the next block behind what is ahead; whether there was one."""
        if self.decoded.ended:
            return False
        block = self.decoded.block()
        self.is_spoiled |= self.decoded.undecodable or UNDECODED.search(block) is not None
        self.ahead += block
        return True

    def is_lines(self, wanted: Collection[str]) -> bool:
        """Whether the first line is a whole record: another line follows, or it has a wanted name and no list of
        records."""
        while not self.ahead.strip() and self.more():
            pass
        while "\n" not in self.ahead.lstrip() and len(self.ahead) <= LONGEST and self.more():
            pass
        first, end, rest = self.ahead.lstrip().partition("\n")
        while end and not rest.strip() and self.more():
            rest = self.ahead.lstrip().partition("\n")[2]
        if not first.startswith("{"):
            return False
        try:
            found = _DECODER.decode(first)
        except (ValueError, RecursionError):
            return False
        if rest.strip():
            return True
        return type(found) is dict and _are_wanted(found, wanted) and not any(map(_is_records, found.values()))

    def lines(self) -> Iterator[list[str]]:
        """The lines, about a block at a time."""
        while self.ahead or not self.decoded.ended:
            self.more()
            lines = self.ahead.split("\n")
            self.ahead = "" if self.decoded.ended else lines.pop()
            if self.decoded.ended and not lines[-1]:
                lines.pop()
            if len(self.ahead) > LONGEST:
                raise Refused("too_long", f"a line is longer than {LONGEST:,} characters", do="Export it again.")
            yield lines


class _Document:
    """A JSON document whose records stream by."""

    def __init__(self, text: _Text, tally: Tally, path: str, names: Collection[str]) -> None:
        self._text, self._tally, self._names = text, tally, names
        self._at = 0
        self._wanted = path.split(".") if path else []
        self._found = ""
        self._seen: list[str] = []
        self._within: list[str] = []
        self._empty: list[str] = []

    def records(self) -> Iterator[tuple[Any, str]]:
        """The records of the array with their text; raises Refused."""
        self._check()
        first = self._peek()
        if first == "[" and not self._wanted:
            yield from self._elements()
        elif first == "{":
            yield from self._members(self._wanted, "")
            is_one = not self._wanted and bool(self._names) and _are_wanted(self._seen, self._names)
            if self._found and is_one:
                raise Refused(
                    "ambiguous_records",
                    f"the file is one record, and holds a list of records, {self._found!r}",
                    do=f"Say which is meant in the source: 'format: ndjson' or 'records: {self._found}'.",
                )
            if not self._found and (is_one or len(self._empty) != 1):
                raise self._nowhere()
        else:
            raise self._nowhere()
        if self._peek():
            raise self.broken("something follows its end")

    def broken(self, why: str) -> Refused:
        """That the document is damaged, where it is."""
        return Refused(
            "bad_json",
            f"the file is not valid JSON: {why}",
            row=self._tally.records + 1 if self._tally.records else None,
            do="Export it again, whole.",
        )

    def _nowhere(self) -> Refused:
        if self._wanted:
            near = nearest(".".join(self._wanted), self._seen)
            return Refused("no_records", f"the file holds no array at {'.'.join(self._wanted)!r}", do=near)
        do = "Say where they are with 'records', a dotted path."
        if self._within:
            do = f"Say where they are, such as 'records: {self._within[0]}'."
        return Refused("no_records", "the file holds no list of records at its top", do=do)

    def _members(self, wanted: list[str], prefix: str) -> Iterator[tuple[Any, str]]:
        """The records within an object whose opening brace is next."""
        self._at += 1
        names: set[str] = set()
        while True:
            c = self._peek()
            if c == "}" and not names:
                break
            name, _ = self._value()
            if type(name) is not str or self._peek() != ":":
                raise self.broken("a name and a colon are expected")
            if name in names:
                raise Refused("duplicate_column", f"{prefix + name!r} stands twice in the file", column=name)
            names.add(name)
            self._seen.append(prefix + name)
            self._at += 1
            c = self._peek()
            if wanted and name == wanted[0]:
                if len(wanted) == 1 and c == "[":
                    self._found = prefix + name
                    yield from self._elements()
                elif len(wanted) > 1 and c == "{":
                    yield from self._members(wanted[1:], f"{prefix}{name}.")
                else:
                    self._value()
            elif not self._wanted and c == "[":
                yield from self._perhaps(name)
            else:
                value, _ = self._value()
                if type(value) is dict:
                    self._within += [f"{prefix}{name}.{n}" for n, v in value.items() if _is_records(v)]
            c = self._peek()
            self._at += 1
            if c == "}":
                return
            if c != ",":
                raise self.broken("a comma or the end of an object is expected")
        self._at += 1

    def _perhaps(self, name: str) -> Iterator[tuple[Any, str]]:
        """The records of a member that is an array, where they are records; an array of values is passed over."""
        self._at += 1
        first = self._peek()
        if first == "{":
            if self._found:
                raise Refused(
                    "ambiguous_records",
                    f"several lists hold records: {self._found!r}, {name!r}",
                    do=f"Say which one in the source, such as 'records: {self._found}'.",
                )
            self._found = name
            yield from self._rest()
        else:
            if first == "]":
                self._empty.append(name)
            for _ in self._rest():
                pass

    def _elements(self) -> Iterator[tuple[Any, str]]:
        """The values of an array whose opening bracket is next."""
        self._at += 1
        yield from self._rest()

    def _rest(self) -> Iterator[tuple[Any, str]]:
        """The values of an array behind its opening bracket."""
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            c = self._peek()
            self._at += 1
            if c == "]":
                return
            if c != ",":
                raise self.broken("a comma or the end of a list is expected")

    def _peek(self) -> str:
        """The next character that is no space, '' at the end."""
        while True:
            found = _SPACE.match(self._text.ahead, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text.ahead):
                return self._text.ahead[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        self._text.ahead, self._at = self._text.ahead[self._at :], 0
        found = self._text.more()
        self._check()
        return found

    def _check(self) -> None:
        if self._text.is_spoiled:
            raise Refused(
                "bad_encoding",
                f"the file is not {self._text.decoded.encoding} text",
                row=self._tally.records + 1,
                do="Export it again as UTF-8.",
            )

    def _value(self) -> tuple[Any, str]:
        """The next value and its text."""
        self._peek()
        while True:
            ahead, at = self._text.ahead, self._at
            try:
                value, end = _DECODER.raw_decode(ahead, at)
                if end < len(ahead) or not self._more():
                    self._at = end if end < len(ahead) else len(self._text.ahead)
                    return value, ahead[at:end]
            except json.JSONDecodeError as error:
                cut = error.pos >= len(ahead) - 16 or error.msg.startswith("Unterminated string")
                if not cut or not self._more():
                    raise self.broken(error.msg) from None
            if len(self._text.ahead) > LONGEST:
                raise Refused(
                    "too_long",
                    f"a value of the file is longer than {LONGEST:,} characters",
                    row=self._tally.records + 1 if self._tally.records else None,
                    do="Where the records lie deeper, say so with 'records', a dotted path such as 'data.items'.",
                )


def _are_wanted(names: Collection[str], wanted: Collection[str]) -> bool:
    """Whether one of the names is wanted, or leads to one that is; any name where it is not known what is."""
    return not wanted or any(w == n or w.startswith(f"{n}.") for w in wanted for n in names)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
