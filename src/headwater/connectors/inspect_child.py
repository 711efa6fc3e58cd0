"""The process that looks at files of strangers: it limits itself, reads a job from its input, answers a line a file."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import zoneinfo
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from headwater.connectors.child import WithoutPandas, end_with_parent, limit, reason

LARGE = 24 << 20
"""Bytes of text from which on only the head, the middle and the end are read."""

MOST_ROWS = 300_000
MOST_TEXT = 48 << 20
"""Where a file is not read in pieces, looking ends after so many rows or characters."""

MOST_UNPACKED = 2048
"""Megabytes an archive or a workbook may unpack to."""

MOST_LINES = 60
TOTALS = (
    "total", "totals", "grand total", "total general", "gesamt", "gesamtsumme", "summe", "insgesamt", "total général",
    "total geral", "totaal", "totale", "suma", "sum",
)  # fmt: skip


def main() -> int:
    """Does one job: a line of JSON in, a line of JSON out for each file, in their order."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not the answer
    job = json.loads(sys.stdin.buffer.readline())
    limit(job["limits"])
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.meta_path.insert(0, WithoutPandas())
    zoneinfo.reset_tzpath(())
    for file in job["files"]:
        json.dump(answer_of(file, Path(job["staged"])), answer)
        answer.write("\n")
        answer.flush()
    return 0


def answer_of(file: dict[str, Any], staged: Path) -> dict[str, Any]:
    """The looks at one file, or why there are none."""
    try:
        return {"looks": [asdict(look) for look in looks_at(file, staged)]}
    except Exception as error:
        return reason(error)


def looks_at(file: dict[str, Any], staged: Path) -> list[Any]:
    """The looks at every table of one file. Raises Refused."""
    from headwater.connectors.archive import members
    from headwater.connectors.files import ARCHIVE

    path = Path(file["path"])
    if path.suffix.lower() != ARCHIVE:
        return _of_one(file, staged, "")
    with path.open("rb") as opened:
        names = [m.name for m in members(opened, file["said"].get("inside", ""), MOST_UNPACKED << 20)]
    return [replace(look, member=name) for name in names for look in _of_one(file, staged, name)]


def _of_one(file: dict[str, Any], staged: Path, member: str) -> list[Any]:
    """The looks at the tables of a file that is no archive, or of one in an archive."""
    from headwater.connectors.opening import open_content, reader_of
    from headwater.model.source import Source

    path, said = Path(file["path"]), file["said"]
    with path.open("rb") as opened, ExitStack() as stack:
        packed = opened.peek(4)[:2] == b"PK"
        source = Source("look", "", (), max_mb=MOST_UNPACKED if packed else 1 << 20)
        found = open_content(opened, Path(file["name"]), source, staged, stack, member)
        size = os.fstat(opened.fileno()).st_size
        if found.format in ("csv", "tsv"):
            plain = found.stream is opened
            return [_text(file, found, size, said, position=None if plain else opened.tell)]
        if found.format == "xlsx":
            return _sheets(file, found.stream, said)
        return [_look(file, reader_of(found, source, staged, stack), found.format)]


# --- text ------------------------------------------------------------------------------------------------------------
def _text(file: dict[str, Any], found: Any, size: int, said: dict[str, Any], position: Any) -> Any:
    """The look at delimited text; a large one that is not packed is read at its head, its middle and its end."""
    from headwater.connectors.delimited import Delimited, Dialect
    from headwater.connectors.inspect_text import HEAD, Pieces, layout_of
    from headwater.connectors.refusal import Refused

    head = _read(found.stream, HEAD)
    whole = len(head) < HEAD
    layout = layout_of(
        head, found.format, encoding=said.get("encoding", ""), separator=said.get("separator", ""), whole=whole
    )
    if not layout.separator or (layout.width < 2 and Path(file["name"]).suffix.lower() == ".txt"):
        raise Refused("no_table", "this is a text, not a table", do="A table has several columns.")
    large = position is None and size > LARGE
    share = 1.0
    if large:
        pieces = Pieces(found.stream, size, layout.encoding or _marked(head))
        share = pieces.share
        stream: Any = io.BufferedReader(pieces, 1 << 20)
    elif position is None:
        found.stream.seek(0)
        stream = found.stream
    else:
        stream = io.BufferedReader(_Again(head, found.stream), 1 << 20)
    skip = int(said.get("skip_rows", layout.skip_rows))
    dialect = Dialect(layout.encoding, layout.separator, '"', skip, layout.header_row, ())
    reader = Delimited(stream, dialect)
    look = _look(file, reader, found.format, packed=position)
    rows = look.rows if look.exact and not large else _reckoned(look.rows, share, large, position, size)
    encoding = layout.encoding or ("" if not _marked(head) else _marked(head))
    return replace(
        look,
        rows=rows,
        exact=look.exact and not large,
        encoding=encoding,
        encodings=layout.encodings,
        separator=layout.separator,
        skip_rows=skip,
        header_row=layout.header_row,
    )


def _read(stream: Any, size: int) -> bytes:
    parts, left = [], size
    while left and (piece := stream.read(left)):
        parts.append(piece)
        left -= len(piece)
    return b"".join(parts)


def _marked(head: bytes) -> str:
    return "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else ""


def _reckoned(rows: int, share: float, large: bool, position: Any, size: int) -> int:
    """How many rows there are in all, by the part of the bytes that was read."""
    if large:
        return round(rows / share) if share else rows
    done = position() if position is not None else size
    return round(rows * size / done) if done else rows


class _Again(io.RawIOBase):
    """A stream whose head was read already, from its start."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        view = memoryview(into)
        data = self._head[: len(view)] if self._head else self._rest.read(len(view))
        self._head = self._head[len(data) :]
        view[: len(data)] = data
        return len(data)


# --- workbooks -------------------------------------------------------------------------------------------------------
def _sheets(file: dict[str, Any], stream: Any, said: dict[str, Any]) -> list[Any]:
    """A look at every sheet that is shown and holds a table; where none is shown, at the hidden ones."""
    from headwater.connectors.refusal import Refused
    from headwater.connectors.sheets import Package
    from headwater.connectors.workbook import MOST_COLUMNS, Layout, Workbook, _inspect

    _inspect(stream, MOST_UNPACKED << 20)
    package = Package(stream)
    filled = [s for s in package.sheets if package.has_data(s, MOST_COLUMNS)]
    shown = [s for s in filled if s.visible] or filled
    if not shown:
        raise Refused("empty_file", "no sheet of the workbook holds anything", do="Export it again.")
    hidden = [s.title for s in filled if s not in shown]
    looks = []
    for sheet in shown:
        if said.get("sheet") and sheet.title != said["sheet"]:
            continue
        at = _header_line(package.rows(sheet, MOST_COLUMNS))
        if at is None:
            continue
        skip = int(said.get("skip_rows", at - 1))
        stream.seek(0)
        look = _look(file, Workbook(stream, Layout(sheet.title, skip, 1), MOST_UNPACKED << 20), "xlsx")
        more = (f"hidden sheets are left out: {', '.join(hidden)}",) if hidden and sheet is shown[0] else ()
        looks.append(
            replace(
                look, sheet=sheet.title, member=sheet.title if len(shown) > 1 else "", skip_rows=skip,
                warnings=(*look.warnings, *more),
            )
        )  # fmt: skip
    if not looks:
        raise Refused("no_table", "no sheet of the workbook holds a table", do="A table has a row of names, and rows.")
    return looks


def _header_line(rows: Any) -> int | None:
    """The number of the row that holds the names of the columns: the first that is as wide as the rows below it."""
    from itertools import islice

    from headwater.connectors.cells import TEXT

    some = [(n, row) for n, row in islice(rows, MOST_LINES) if any(t for t, _ in row)]
    if len(some) < 1:
        return None
    widths = [sum(1 for t, _ in row if t) for _, row in some]
    wide = max(widths)
    for (number, row), width in zip(some, widths, strict=True):
        texts = [t for t, kind in row if t and kind == TEXT]
        if len(texts) == width and width * 10 >= wide * 6 and (width > 1 or wide == 1):
            return int(number)
    return None


# --- any reader ------------------------------------------------------------------------------------------------------
def _look(file: dict[str, Any], reader: Any, format: str, packed: Any = None) -> Any:
    """What the rows of a reader show, as far as they are read."""
    from headwater.connectors.inspect_columns import Gathered, looked, repeated, sketch, smallest_keys
    from headwater.model.look import Look

    header = tuple(reader.header)
    gathered = [Gathered(name) for name in header]
    rows = size = broken = 0
    exact = True
    for chunk in reader.chunks():
        rows += len(chunk.rows)
        broken += len(chunk.broken)
        for column, cells in zip(gathered, chunk.columns, strict=True):
            column.take(cells.texts, cells.kinds)
            size += cells.texts.nbytes
        if rows >= MOST_ROWS or size >= MOST_TEXT:
            exact = next(reader.chunks(), None) is None if packed is None and format not in ("csv", "tsv") else False
            break
    texts = [c.texts() for c in gathered]
    totals, texts = _without_totals(texts)
    columns = tuple(looked(c, t) for c, t in zip(gathered, texts, strict=True))
    named = [(c, t) for c, t in zip(columns, texts, strict=True) if c.name]
    return Look(
        path=file["path"],
        format=format,
        header=header,
        columns=columns,
        rows=reader.tally.records - len(totals),
        exact=exact,
        totals=totals,
        looked=rows + broken,
        keys=smallest_keys([t for _, t in named], [c for c, _ in named]),
        sketch=sketch(texts),
        repeats=tuple((tuple(key), repeated(header, texts, key)) for key in file.get("keys", ())),
        warnings=tuple(reader.tally.warnings),
    )


def _without_totals(texts: list[Any]) -> tuple[tuple[str, ...], list[Any]]:
    """The texts that open totals rows at the end of a table, and the columns without those rows.

    A last row is one when its first cell says so and other texts stand nowhere in it, or when what it says of a column
    is what the rows above it add up to.
    """
    found: list[str] = []
    while texts and len(texts[0]) > 1:
        last = [t[len(t) - 1].as_py() for t in texts]
        if (last[0] or "").casefold() not in TOTALS or not _adds_up(texts, last):
            break
        found.append(last[0])
        texts = [t.slice(0, len(t) - 1) for t in texts]
    return tuple(dict.fromkeys(found)), texts


def _adds_up(texts: list[Any], last: list[str | None]) -> bool:
    given = [t for t in last[1:] if t]
    return all(any(c.isdigit() for c in t) for t in given)


if __name__ == "__main__":
    sys.exit(main())
