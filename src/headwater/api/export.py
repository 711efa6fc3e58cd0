"""Answers and rows as CSV, JSON, Parquet and XLSX, so that a program or a spreadsheet reads what was meant."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headwater.model.observation import OBSERVATION_FIELDS, Observation, Rows

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("table", "csv", "json", "parquet", "xlsx")

GUARD = "'"
_FORMULA = re.compile("(?P<guards>'*)[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that spreadsheets take for a formula (the full-width forms included), with guards before it."""


# --- shapes ----------------------------------------------------------------------------------------------------------
def observation_object(observation: Observation) -> dict[str, Any]:
    """An Observation as a JSON object: exactly its fields, the segment as an object, dates as texts."""
    values = {name: _json_value(getattr(observation, name)) for name in OBSERVATION_FIELDS}
    values["segment"] = dict(observation.segment)
    return values


def tidy(observations: Sequence[Observation]) -> Rows:
    """One row an Observation, one column a field; in place of `segment` one column a split, named like the split
    (or `segment_<split>` where a field has that name)."""
    splits = tuple(dict.fromkeys(s for o in observations for s, _ in o.segment))
    at = OBSERVATION_FIELDS.index("segment")
    before, after = OBSERVATION_FIELDS[:at], OBSERVATION_FIELDS[at + 1 :]
    columns = (*before, *(f"segment_{s}" if s in OBSERVATION_FIELDS else s for s in splits), *after)
    rows = []
    for o in observations:
        segment = dict(o.segment)
        rows.append(
            (
                *(getattr(o, n) for n in before),
                *(segment.get(s) for s in splits),
                *(getattr(o, n) for n in after),
            )
        )
    return Rows(columns, tuple(rows), "one number")


# --- JSON ------------------------------------------------------------------------------------------------------------
def observations_json(observations: Iterable[Observation]) -> str:
    """A list of Observation objects."""
    return _json([observation_object(o) for o in observations])


def rows_json(rows: Rows) -> str:
    """A list of objects, one a row."""
    return _json([dict(zip(rows.columns, map(_json_value, row), strict=True)) for row in rows.rows])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)


def _json_value(value: object) -> Any:
    match value:
        case None | bool() | int() | str() | float():
            return value
        case Decimal():
            return float(value) if Decimal(repr(float(value))) == value else str(value)
        case date():
            return value.isoformat()
        case tuple() | list():
            return [_json_value(v) for v in value]
        case Mapping():
            return {str(k): _json_value(v) for k, v in value.items()}
        case _:
            return str(value)


# --- CSV -------------------------------------------------------------------------------------------------------------
def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that could be has one more apostrophe before it than it had,
    so that `unguarded` gives every text back.

    >>> guarded("=1+1"), guarded("email"), unguarded(guarded("'=1"))
    ("'=1+1", 'email', "'=1")
    """
    return GUARD + text if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    found = _FORMULA.match(text)
    return text[1:] if found and found["guards"] else text


def csv_text(rows: Rows, *, guard: bool = True) -> str:
    """CSV with a header, `\\n` line ends, empty for missing; texts are guarded against formulas unless told."""
    lines = [",".join(map(_quoted, rows.columns))]
    lines += [",".join(_quoted(_csv_cell(v, guard)) for v in row) for row in rows.rows]
    return "\n".join(lines) + "\n"


def _quoted(cell: str) -> str:
    """The cell as it stands between commas (Python's own writer leaves a carriage return bare)."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(c in cell for c in ',"\r\n') else cell


def _csv_cell(value: object, guard: bool) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case tuple() | list():
            return ";".join(_csv_cell(v, guard) for v in value)
        case _:
            return guarded(str(value)) if guard else str(value)


# --- Parquet ---------------------------------------------------------------------------------------------------------
_TYPES = {
    "period_start": "date32", "period_end": "date32", "as_of": "date32", "value": "float64", "numerator": "float64",
    "denominator": "float64", "low": "float64", "high": "float64", "subjects": "int64", "left_out": "int64",
}  # fmt: skip


def observations_arrow(observations: Sequence[Observation]) -> pyarrow.Table:
    """The tidy rows as an Arrow table; `quality` is a list of texts, every split a text."""
    import pyarrow as pa

    rows = tidy(observations)
    kinds = {"date32": pa.date32(), "float64": pa.float64(), "int64": pa.int64()}
    fields = [
        pa.field(n, pa.list_(pa.string()) if n == "quality" else kinds[_TYPES[n]] if n in _TYPES else pa.string())
        for n in rows.columns
    ]
    columns = list(zip(*rows.rows, strict=True)) or [()] * len(fields)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, fields, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def rows_arrow(rows: Rows) -> pyarrow.Table:
    """Rows as an Arrow table, each column of the type its values have; one without values is text."""
    import pyarrow as pa

    columns = list(zip(*rows.rows, strict=True)) or [()] * len(rows.columns)
    arrays = []
    for values in columns:
        array = pa.array([list(v) if isinstance(v, tuple) else v for v in values])
        arrays.append(array.cast(pa.string()) if pa.types.is_null(array.type) else array)
    return pa.Table.from_arrays(arrays, names=list(rows.columns))


def parquet_bytes(table: pyarrow.Table) -> bytes:
    """A Parquet file of an Arrow table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


# --- XLSX ------------------------------------------------------------------------------------------------------------
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def xlsx_bytes(rows: Rows, title: str) -> bytes:
    """A workbook with one sheet: a bold, frozen header, numbers as numbers, dates as dates, texts always as texts."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31] or "Answer")
    sheet.freeze_panes = "A2"

    def cell(value: object) -> Any:
        match value:
            case datetime():
                return WriteOnlyCell(sheet, value.replace(tzinfo=None))
            case None | bool() | int() | float() | Decimal() | date():
                written = WriteOnlyCell(sheet)
                written.value = value
                return written
            case tuple() | list():
                text = ";".join(str(v) for v in value)
            case _:
                text = str(value)
        written = WriteOnlyCell(sheet, _NOT_IN_XML.sub(lambda m: f"_x{ord(m[0]):04X}_", text))
        written.data_type = "s"
        return written

    heads = [cell(name) for name in rows.columns]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in rows.rows:
        sheet.append([cell(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
