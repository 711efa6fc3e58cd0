"""Reads `sources/*.yml`: where files lie and what their columns mean, with every fault of every file at once."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field

from headwater.connectors import currencies, forms, message
from headwater.connectors.files import VARIABLE
from headwater.errors import DefinitionError, Fault, QueryError, nearest
from headwater.files.read import Definition, Document, KeyPath, read, shown, validate
from headwater.model.source import ColumnMapping, Source, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import Kind

FOLDER = "sources"

Mark = Literal[".", ",", " ", "'", "\u2019", "\u00a0", "\u202f"]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else tuple(v or ()))]
QUARANTINE = "quarantine.parquet"
TRUE_TEXTS = TableMapping("", ()).deleted_values

Text = Annotated[str, BeforeValidator(lambda v: "" if v is None else v)]


class _Among(Definition):
    """Rows by the text of a column: one of `values`, or one that begins with one of `starts`."""

    column: str
    values: Texts = ()
    starts: Texts = ()


class _Column(Definition):
    column: str = ""
    constant: str | None = None
    values: dict[str, str | None] = Field(default_factory=dict)
    unlisted: Literal["keep", "quarantine"] = "keep"
    empty: Texts = ()
    date_format: str = ""
    time_zone: str = ""
    decimal: Literal[".", ","] | None = None
    thousands: Mark | None = None
    factor: str = ""
    true: Texts = ()
    false: Texts = ()
    columns: Texts = ()
    join: str = " "
    take: Literal["all", "first", "difference"] = "all"
    match: Literal["whole", "start"] = "whole"
    negate: _Among | None = None
    numbered: bool = False


class _Deleted(Definition):
    column: str
    values: Texts


class _Where(_Among):
    filled: bool = False


class _MergedFrom(Definition):
    column: str
    separator: Annotated[str, Field(min_length=1)] = ";"


class _Table(Definition):
    columns: dict[str, str | _Column]
    key: Texts = ()
    deleted: str | _Deleted = ""
    merged_into: str = ""
    merged_from: str | _MergedFrom = ""
    updated_at: str = ""
    until: str = ""
    currency: str = ""
    where: _Where | None = None


class _Doubt(Definition):
    id: str
    what: str


class _Source(Definition):
    path: str
    tables: dict[str, _Table]
    format: Literal["csv", "tsv", "xlsx", "parquet", "json", "ndjson"] | None = None
    encoding: str = ""
    separator: str = ""
    quote: Text = '"'
    decimal: Literal[".", ","] | None = None
    thousands: Mark | None = None
    date_format: str = ""
    time_zone: str = ""
    ambiguous_time: Literal["earlier", "later"] = "earlier"
    sheet: str = ""
    inside: str = ""
    records: str = ""
    header_row: Annotated[int, Field(ge=1, le=10_000)] = 1
    skip_rows: Annotated[int, Field(ge=0, le=10_000)] = 0
    totals: Texts = ()
    accounting_negatives: bool = False
    empty: Texts = ("",)
    load: Literal["full", "incremental"] = "incremental"
    currency: str = ""
    system: str = ""
    complete_through: date | None = None
    complete_column: str = ""
    every: Literal["day", "week", "month", "quarter", "year"] = "day"
    on_bad_rows: Literal["quarantine", "refuse"] = "quarantine"
    drift: Literal["evolve", "freeze", "quarantine"] = "evolve"
    max_mb: Annotated[int, Field(ge=1, le=1 << 20)] = 2048
    doubts: tuple[_Doubt, ...] = ()


def sources_stamp(workspace: Path) -> str:
    """The name, time and size of every file in the folder of the sources: while it stays, so do they."""
    folder = workspace / FOLDER
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return "\n".join(f"{p.name} {(s := p.stat()).st_mtime_ns} {s.st_size}" for p in files if p.exists())


def load_sources(workspace: Path, tables: Mapping[str, Table]) -> dict[str, Source]:
    """The sources of a workspace by id (the file's name); raises DefinitionError with every fault."""
    folder = workspace / FOLDER
    sources: dict[str, Source] = {}
    faults: list[Fault] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = f"{FOLDER}/{path.name}"
        if path.suffix == ".yaml":
            faults.append(Fault(name, 0, "", "a source file ends in '.yml'.", f"Rename it to '{path.stem}.yml'."))
        if path.suffix != ".yml" or path.name.startswith("."):
            continue
        document, found = read(path, name)
        faults += found
        if document is None:
            continue
        model, found = validate(document, _Source)
        faults += found
        if model is None:
            continue
        found = tuple(_faults(path.stem, model, document, tables))
        faults += found
        if not found:
            sources[path.stem] = _source(path.stem, model, name)
    if faults:
        raise DefinitionError.of(faults)
    return sources


# --- from the file to the nouns --------------------------------------------------------------------------------------


def chosen(sources: Mapping[str, Source], names: Sequence[str]) -> tuple[Source, ...]:
    """The named sources, or all. Raises QueryError with the nearest names."""
    for name in names:
        if name not in sources:
            near = nearest(name, sources)
            have = f"The sources are {', '.join(sources)}." if sources else "There is no file in 'sources/' yet."
            raise QueryError(f"no source is called {name!r}", do=f"{near} {have}".strip())
    return tuple(sources[n] for n in dict.fromkeys(names or sources))


def _source(id: str, model: _Source, file: str) -> Source:
    plain = model.model_dump(exclude={"tables", "doubts", "format", "decimal", "thousands"})
    source = Source(
        id=id,
        **plain | {"separator": "\t" if model.separator == "tab" else model.separator},
        format=model.format or "",
        decimal=model.decimal or "",
        thousands=model.thousands or "",
        tables=tuple(_table(name, t) for name, t in model.tables.items()),
        doubts=tuple((d.id, d.what) for d in model.doubts),
        file=file,
    )
    content = message.source_json(source)
    for name in ("file", "hash", "every", "doubts", "drift"):  # none of them changes what a file's rows mean
        del content[name]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Source(**{**{n: getattr(source, n) for n in Source.__dataclass_fields__}, "hash": digest})


def _table(name: str, model: _Table) -> TableMapping:
    deleted = _Deleted(column=model.deleted, values=()) if isinstance(model.deleted, str) else model.deleted
    merged = _MergedFrom(column=model.merged_from) if isinstance(model.merged_from, str) else model.merged_from
    return TableMapping(
        name,
        tuple(_column(target, c) for target, c in model.columns.items()),
        key=model.key,
        deleted=deleted.column,
        deleted_values=deleted.values or TRUE_TEXTS,
        merged_into=model.merged_into,
        updated_at=model.updated_at,
        currency=model.currency,
        where_column=model.where.column if model.where else "",
        where_values=model.where.values if model.where else (),
        where_filled=bool(model.where and model.where.filled),
        where_starts=model.where.starts if model.where else (),
        until=model.until,
        merged_from=merged.column,
        merged_separator=merged.separator,
    )


def _column(target: str, model: str | _Column) -> ColumnMapping:
    if isinstance(model, str):
        return ColumnMapping(target, model)
    plain = model.model_dump(exclude={"values", "decimal", "thousands", "negate"})
    return ColumnMapping(
        target,
        **plain,
        negate=model.negate.column if model.negate else "",
        negate_values=model.negate.values if model.negate else (),
        negate_starts=model.negate.starts if model.negate else (),
        values=tuple(model.values.items()),
        decimal=model.decimal or "",
        thousands=model.thousands or "",
    )


def check_mapping(
    content: Mapping[str, Any], document: Document, at: KeyPath, tables: Mapping[str, Table]
) -> tuple[Fault, ...]:
    """Every fault of what a source file says but its path, where it stands under the key `at` of another file: what is
    said above the tables under `source:`, and `tables:`."""
    lines = {k[len(at) :]: n for k, n in document.lines.items() if k[: len(at)] == at}
    lines |= {k[1:]: n for k, n in lines.items() if k[:1] == ("source",)} | {(): document.line(at)}
    inner = Document(document.path, {"path": FOLDER, **content}, lines)
    model, found = validate(inner, _Source)
    if model is not None:
        found = tuple(_faults("mapping", model, inner, tables))
    return tuple(replace(f, key=".".join((shown(at), f.key)) if f.key else shown(at)) for f in found)


# --- faults ----------------------------------------------------------------------------------------------------------
def _faults(id: str, model: _Source, document: Document, tables: Mapping[str, Table]) -> Iterator[Fault]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", id):
        yield document.fault((), f"{id!r} is no name of a source", "Use small letters, digits and '_'.")
    yield from _path_faults(model, document)
    yield from _text_faults(model, document)
    yield from _form_faults(document, (), model.date_format, model.time_zone, model.decimal, model.thousands)
    if model.currency and model.currency not in currencies.CODES:
        yield _currency_fault(document, ("currency",), model.currency)
    if model.system and not re.fullmatch(r"[A-Za-z0-9_.-]+", model.system):
        yield document.fault(
            ("system",), f"{model.system!r} is no name of a system", "Use letters, digits, '_', '-', '.'."
        )
    if not model.tables and not model.doubts:
        yield document.fault(("tables",), "the source feeds no table")
    for name, table in model.tables.items():
        yield from _table_faults(name, table, model, document, tables)
    if model.complete_column:
        known = [c.id for t in model.tables if t in tables for c in tables[t].columns if c.type.kind in _DATES]
        if model.complete_column not in known:
            yield document.fault(
                ("complete_column",),
                f"no date column is called {model.complete_column!r}",
                _near(model.complete_column, known),
            )


_DATES = (Kind.DAY, Kind.TIME)
_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)


def _path_faults(model: _Source, document: Document) -> Iterator[Fault]:
    if not model.path.strip():
        yield document.fault(("path",), "the path is empty")
    for name in re.findall(r"\$\{?(\w*)\}?", model.path):
        if name != VARIABLE:
            yield document.fault(
                ("path",), f"the path names the variable {name!r}", f"Only ${{{VARIABLE}}} may be named."
            )
        elif f"${{{VARIABLE}}}" not in model.path:
            yield document.fault(("path",), f"the variable is written ${{{VARIABLE}}}, in braces")


def _text_faults(model: _Source, document: Document) -> Iterator[Fault]:
    if model.encoding:
        try:
            is_text = getattr(codecs.lookup(model.encoding), "_is_text_encoding", True)
        except LookupError:
            is_text = False
        if not is_text:
            yield document.fault(
                ("encoding",), f"no encoding is called {model.encoding!r}", _near(model.encoding, _ENCODINGS)
            )
    if model.separator != "tab" and (len(model.separator) > 1 or model.separator in ("\n", "\r")):
        yield document.fault(("separator",), "the separator is one character, or 'tab'")
    if len(model.quote) > 1 or (model.quote and model.quote == model.separator):
        yield document.fault(("quote",), "the quotation mark is one character, not the separator")


_ENCODINGS = (
    "utf-8",
    "utf-16",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-15",
    "latin-1",
    "mac-roman",
    "shift_jis",
    "cp932",
    "euc-jp",
    "gb18030",
    "big5",
    "euc-kr",
    "koi8-r",
)


def _form_faults(
    document: Document, at: KeyPath, date_format: str, time_zone: str, decimal: str | None, thousands: str | None
) -> Iterator[Fault]:
    """Faults of what source and column both can say."""
    if date_format and date_format not in forms.NUMERIC:
        try:
            forms.declared(date_format)
        except ValueError as error:
            yield document.fault((*at, "date_format"), str(error))
    if time_zone and not _is_zone(time_zone):
        yield document.fault(
            (*at, "time_zone"),
            f"no time zone is called {time_zone!r}",
            nearest(time_zone, available_timezones()) or "Write a name such as Europe/Berlin or UTC.",
        )
    if decimal and decimal == thousands:
        yield document.fault((*at, "thousands"), "decimal and thousands are the same mark")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _currency_fault(document: Document, at: KeyPath, code: str) -> Fault:
    near = nearest(code.upper(), currencies.CODES) or "Write a code such as EUR."
    return document.fault(at, f"no currency has the code {code!r} (ISO 4217)", near)


def _near(name: str, known: Iterable[str]) -> str:
    options = sorted(set(known))
    return nearest(name, options) or (f"There are {', '.join(options[:30])}." if options else "")


def _table_faults(
    name: str, model: _Table, source: _Source, document: Document, tables: Mapping[str, Table]
) -> Iterator[Fault]:
    at: KeyPath = ("tables", name)
    table = tables.get(name)
    if table is None:
        yield document.fault(at, f"no table is called {name!r}", _near(name, tables))
        return
    if f"{name}.parquet" == QUARANTINE:
        yield document.fault(at, f"a table that is fed by a source cannot be called {name!r}")
    if table.rows_from:
        yield document.fault(at, f"{name!r} is derived from {table.rows_from!r}", "Feed that table instead.")
        return
    for target, column in model.columns.items():
        here = (*at, "columns", target)
        found = table.column(target)
        if found is None:
            yield document.fault(
                here, f"{name!r} has no column {target!r}", _near(target, (c.id for c in table.columns))
            )
        elif isinstance(column, _Column):
            yield from _column_faults(found, column, here, document)
        elif not column.strip():
            yield document.fault(here, "the name of the file's column is empty")
    for k in model.key:
        if table.column(k) is None:
            yield document.fault((*at, "key"), f"{name!r} has no column {k!r}", _near(k, (c.id for c in table.columns)))
    for c in () if source.doubts else table.columns:  # what is missing is still asked about
        if c.id in model.columns or c.derive is not None or c.optional:
            continue
        if c.id in (model.key or table.key):
            yield document.fault((*at, "columns"), f"the key column {c.id!r} is not mapped")
        elif c.required and not _is_filled(c, table):
            yield document.fault((*at, "columns"), f"the required column {c.id!r} is not mapped")
    if model.until and not model.updated_at:
        do = "Name the column with the start of each state under 'updated_at'."
        yield document.fault((*at, "until"), "'until' ends states whose start is not said", do)
    if model.merged_from and len(model.key or table.key) != 1:
        yield document.fault((*at, "merged_from"), "rows with a key of several columns are not merged")
    if model.where is not None and not (model.where.values or model.where.starts or model.where.filled):
        yield document.fault((*at, "where"), "'where' lists no values, so no row would belong to the table")
    if model.where is not None and (model.where.values or model.where.starts) and model.where.filled:
        yield document.fault(
            (*at, "where"), "'where' lists values and takes any, too", "Say 'filled' alone, or not at all."
        )
    if model.currency and any(m.type.kind is Kind.MONEY and m.currency in model.columns for m in table.columns):
        yield document.fault((*at, "currency"), "the currency column is mapped already", "Remove one of the two.")


def _is_filled(column: Column, table: Table) -> bool:
    """Whether it holds the currency of money, which a load fills when no column of the file does."""
    return any(c.type.kind is Kind.MONEY and c.currency == column.id for c in table.columns)


def _column_faults(column: Column, model: _Column, at: KeyPath, document: Document) -> Iterator[Fault]:
    if [bool(model.column.strip()), bool(model.columns), model.constant is not None].count(True) != 1:
        yield document.fault(at, "give either 'column' or 'columns' (of the file) or 'constant'")
    kind = column.type.kind
    for key, kinds in (
        ("decimal", _NUMBERS),
        ("thousands", _NUMBERS),
        ("factor", _NUMBERS),
        ("negate", _NUMBERS),
        ("numbered", (Kind.ID, Kind.TEXT)),
        ("date_format", _DATES),
        ("time_zone", _DATES),
        ("true", (Kind.BOOLEAN,)),
        ("false", (Kind.BOOLEAN,)),
    ):
        if getattr(model, key) and kind not in kinds:
            yield document.fault((*at, key), f"{column.id!r} is of the type {column.type}, which knows no {key!r}")
    yield from _form_faults(document, at, model.date_format, model.time_zone, model.decimal, model.thousands)
    if model.take == "difference" and (kind not in _NUMBERS or len(model.columns) != 2 or model.values):
        do = "Name the two columns of the file under 'columns', and no 'values'."
        yield document.fault((*at, "take"), "a difference is that of two columns of numbers", do)
    if model.negate and not (model.negate.values or model.negate.starts):
        do = "List the texts under 'values', or their beginnings under 'starts'."
        yield document.fault((*at, "negate"), "'negate' lists no texts, so no row would have the other sign", do)
    if model.factor:
        try:
            usable = Decimal(model.factor).is_finite() and Decimal(model.factor) != 0
        except InvalidOperation:
            usable = False
        if not usable:
            yield document.fault((*at, "factor"), f"{model.factor!r} is no factor", "Write a number such as 0.000001.")
    for text, value in model.values.items():
        if column.values and value is not None and value not in column.values:
            yield document.fault(
                (*at, "values", text), f"{column.id!r} cannot be {value!r}", _near(value, column.values)
            )
    for text in sorted({*map(str.casefold, model.true)} & {*map(str.casefold, model.false)}):
        yield document.fault((*at, "true"), f"{text!r} stands for both true and false")
