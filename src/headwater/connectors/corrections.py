"""Rows that were set aside, out to a file as they stand and back again mended, each with the row it settles."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import SourceError
from headwater.model.landing import Mended
from headwater.model.profile import Profile
from headwater.model.types import DAY_SUFFIX

LOAD, FILE, ROW, COLUMN, REASON, RAW = "_load", "_file", "_row", "_column", "_reason", "_text"
OWN = (LOAD, FILE, ROW, COLUMN, REASON, RAW)
"""The columns of a file of rows to mend that say which row each is; the others are those of the source's file."""

MOST_MB = 64
_ENCODINGS = ("utf-8-sig", "cp1252")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row to mend: the load and file that set it aside, its number, why, and its cells by header; where its text does
    not fit the header, `text` holds it and there are no cells."""

    load: int
    file: str
    row: int
    column: str
    reason: str
    cells: Mapping[str, str]
    text: str = ""


def cells_of(raw: str, profile: Profile) -> dict[str, str] | None:
    """The cells of a row that was kept as text, by header; None where it has more or fewer than the header."""
    try:
        found = next(csv.reader([raw], delimiter=profile.separator, strict=True), [])
    except csv.Error:
        return None
    return dict(zip(profile.header, found, strict=True)) if len(found) == len(profile.header) else None


def write_rejected(path: Path, header: Sequence[str], rows: Callable[[], Iterable[Rejected]]) -> int:
    """Writes the rows to mend into a new file that only its owner may read; how many there are. They are gone through
    twice and never held. Raises SourceError when there is a file of that name, or none can be written."""
    extra = (RAW,) if any(r.text for r in rows()) else ()
    count = 0
    try:
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            path.chmod(0o600)
            out = csv.writer(file, lineterminator="\n")
            out.writerow([LOAD, FILE, ROW, COLUMN, REASON, *extra, *header])
            for r in rows():
                told = [r.load, r.file, r.row, r.column, r.reason, *([r.text] if extra else [])]
                out.writerow([*told, *(r.cells.get(h, "") for h in header)])
                count += 1
    except FileExistsError:
        raise SourceError("the file is there already", where=str(path), do="Name a file that does not exist.") from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SourceError(f"the file cannot be written ({why})", where=str(path), do="Name another place.") from None
    return count


def read_corrected(path: Path) -> tuple[Rejected, ...]:
    """The mended rows of a file that `write_rejected` wrote and somebody changed, in any of the separators that
    spreadsheet programs write. Rows without any cell are left out. Raises SourceError with every fault."""
    text = _text(path)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=separator, strict=True) if any(line)]
    except csv.Error as error:
        raise SourceError(f"the file cannot be read as rows ({error})", where=str(path), do="Save it as CSV.") from None
    header = [h.strip() for h in lines[0]] if lines else []
    missing = [name for name in (FILE, ROW) if name not in header]
    if missing:
        what = f"the file has no column {missing[0]!r}, which says the row that each line mends"
        raise SourceError(what, where=str(path), do="Have it written by 'headwater load SOURCE --rejected FILE'.")
    found, faults = [], []
    for number, line in enumerate(lines[1:], start=1):
        cells = dict(zip(header, line, strict=False))
        row, load = cells[ROW].strip(), cells.get(LOAD, "").strip()
        if len(line) > len(header) or not row.isdecimal() or (load and not load.isdecimal()):
            faults.append(f"row {number} does not name the row that it mends")
            continue
        own = {h: v for h, v in cells.items() if h and h not in OWN}
        if any(v.strip() for v in own.values()):
            found.append(Rejected(int(load or 0), cells[FILE], int(row), "", "", own))
    if faults:
        raise SourceError(
            "; ".join(faults[:5]), where=str(path), do="Leave the columns that begin with '_' as they are."
        )
    return tuple(found)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_MB << 20:
            raise SourceError(f"the file is larger than {MOST_MB} MB", where=str(path), do="Split it.")
        content = path.read_bytes()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SourceError(f"the file cannot be read ({why})", where=str(path), do="Check the name.") from None
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SourceError("the file is no text", where=str(path), do="Save it as CSV in UTF-8.")


def hash_of(raw: str) -> str:
    """How a row that was set aside is recognised when it comes again."""
    return hashlib.sha256(raw.encode()).hexdigest()


def as_text(cells: Iterable[str]) -> str:
    """Cells as one line, separated by commas."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(cells))
    return line.getvalue()


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Mended]) -> None:
    """Writes mended rows as a file that the source's reader reads."""
    path.write_text("\n".join([as_text(header), *(m.raw for m in rows), ""]), encoding="utf-8", newline="")


def content_of(header: Sequence[str], rows: Sequence[tuple[int, Mended]]) -> str:
    """The hash of a correction: which rows of which batches are mended to what."""
    told = [list(header), *([batch, m.content, m.of_row, m.was, m.raw] for batch, m in rows)]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def forms_of(profile: Profile) -> dict[str, str]:
    """How the undeclared dates and numbers of a file are written, by `table.column`; cells of typed files become texts
    in one way."""
    typed = {"number": "decimal .", "date": "iso"}
    found = {f"{c.table}.{c.column}": c.form or typed.get(c.kind, "") for c in profile.columns}
    return {at: form for at, form in found.items() if form}


def write_mended(path: Path, rows: Sequence[Mended]) -> None:
    """Writes the rows of a correction beside what became of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("row", "content", "of_row", "was", "raw")
    types = (pa.int64(), pa.string(), pa.int64(), pa.string(), pa.string())
    columns = [pa.array([getattr(m, n) for m in rows], t) for n, t in zip(names, types, strict=True)]
    pq.write_table(pa.table(columns, names=list(names)), path, compression="zstd")


def rows_in(path: Path) -> frozenset[int]:
    """The numbers of the rows in a staged file."""
    import pyarrow.parquet as pq

    return frozenset(pq.read_table(path, columns=["_row"]).column(0).to_pylist())


def leave_out_overtaken(path: Path, key: Sequence[str], later: Sequence[Path]) -> int:
    """Takes rows out of a staged file whose key a later file holds too: that one says how things are now. How many."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    mine = pq.read_table(path)
    key = [n for k in key for n in (k, k + DAY_SUFFIX) if n in mine.column_names]
    if not key:
        return 0
    keys = list(zip(*(mine.column(k).to_pylist() for k in key), strict=True))
    wanted, first = set(keys), pa.array(mine.column(key[0]).unique().to_pylist(), mine.schema.field(key[0]).type)
    taken: set[tuple[object, ...]] = set()
    for other in later:
        with pq.ParquetFile(other) as file:
            if not set(key) <= set(file.schema_arrow.names):
                continue
            for batch in file.iter_batches(columns=list(key)):
                some = batch.filter(pc.is_in(batch.column(key[0]), value_set=first))
                taken |= wanted & set(zip(*(some.column(k).to_pylist() for k in key), strict=True))
    if taken:
        pq.write_table(mine.filter(pa.array([k not in taken for k in keys])), path, compression="zstd")
    return sum(k in taken for k in keys)
