"""Holds a source's mapping against the headers of one file: which column comes from where, and what is undecided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from headwater.connectors import forms
from headwater.connectors.convert import ColumnPlan, TablePlan, currency_columns
from headwater.connectors.currencies import CODES
from headwater.connectors.forms import Form
from headwater.connectors.numbers import SPACES, Marks
from headwater.connectors.refusal import Refused
from headwater.errors import nearest
from headwater.model.settings import Settings
from headwater.model.source import ColumnMapping, Source, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import TIME, Kind


def plan_tables(
    source: Source, tables: Mapping[str, Table], header: tuple[str, ...], settings: Settings, *, serials: bool
) -> tuple[TablePlan, ...]:
    """The plan of every table the file feeds; refuses a header that is missing or stands twice."""
    twice = [name for name, n in Counter(h for h in header if h).items() if n > 1]
    if twice:
        raise Refused(
            "duplicate_column",
            f"the column {twice[0]!r} stands twice in the header",
            column=twice[0],
            do="Rename one of the two in the file, so that it is certain which is meant.",
        )
    return tuple(_plan(source, m, tables[m.table], header, settings, serials) for m in source.tables)


def _place(header: tuple[str, ...], name: str) -> int:
    """Where a header stands, -1 for no name."""
    if not name:
        return -1
    if name not in header:
        known = nearest(name, header) or f"The file has {', '.join(repr(h) for h in header[:20])}."
        raise Refused("missing_column", f"the file has no column {name!r}", column=name, do=known)
    return header.index(name)


def _plan(
    source: Source, mapping: TableMapping, table: Table, header: tuple[str, ...], settings: Settings, serials: bool
) -> TablePlan:
    key = mapping.key or table.key
    prefix = f"{source.system}:" if source.system else ""
    is_mapped = any(m.target in currency_columns(table) for m in mapping.columns)
    currency = mapping.currency or source.currency or ("" if is_mapped else settings.currency)
    is_code = currency in CODES and currency not in header
    columns = []
    for m in mapping.columns:
        column = table.column(m.target)
        if column is None:
            raise Refused("missing_column", f"the table {table.id!r} has no column {m.target!r}", column=m.target)
        columns.append(
            _column(
                source,
                m,
                column,
                table,
                header,
                settings,
                required=m.target in key and not column.optional,
                prefix=prefix,
                serials=serials,
            )
        )
    mapped = {c.column.id for c in columns}
    absent = [k for k in key if k not in mapped and not ((c := table.column(k)) and c.optional)]
    if absent:
        raise Refused("missing_column", f"the key column {absent[0]!r} of {table.id!r} is not mapped", column=absent[0])

    def stamp(name: str, column: str) -> ColumnPlan | None:
        if not column:
            return None
        m, c = ColumnMapping(name, column), Column(name, TIME)
        return _column(source, m, c, table, header, settings, required=False, prefix="", serials=serials)

    return TablePlan(
        table,
        tuple(columns),
        key,
        deleted=_place(header, mapping.deleted),
        deleted_values=frozenset(v.casefold() for v in mapping.deleted_values),
        merged_into=_place(header, mapping.merged_into),
        merged_from=_place(header, mapping.merged_from),
        merged_separator=mapping.merged_separator,
        updated_at=stamp("_updated_at", mapping.updated_at),
        until=stamp("_until", mapping.until),
        where=_place(header, mapping.where_column),
        where_values=frozenset(mapping.where_values),
        where_filled=mapping.where_filled,
        where_starts=mapping.where_starts,
        currency_place=-1 if is_code else _place(header, currency),
        currency=currency if is_code else source.currency,
        assumed=not (mapping.currency or source.currency),
        partly=len(source.tables) > 1,
        prefix=prefix,
    )


def _column(
    source: Source,
    m: ColumnMapping,
    column: Column,
    table: Table,
    header: tuple[str, ...],
    settings: Settings,
    *,
    required: bool,
    prefix: str,
    serials: bool,
) -> ColumnPlan:
    kind = column.type.kind
    places = tuple(_place(header, name) for name in m.columns)
    return ColumnPlan(
        column,
        m,
        places[0] if places else -1 if m.constant is not None else _place(header, m.column),
        places=places,
        negate=_place(header, m.negate),
        empty=m.empty or source.empty,
        marks=marks(m, source) if kind in (Kind.INTEGER, Kind.NUMBER, Kind.MONEY) else Marks(),
        form=form(m, source) if kind in (Kind.DAY, Kind.TIME) else forms.ISO,
        zone=m.time_zone or source.time_zone or settings.time_zone,
        is_currency=column.id in currency_columns(table),
        required=column.required or required,
        serials=serials,
        prefix=prefix if kind is Kind.ID else "",
    )


def marks(m: ColumnMapping, source: Source) -> Marks | None:
    """The declared marks of a number column, or None when the column itself has to show them.

    A constant stands in the source file, so it has a decimal point unless its column says otherwise.
    """
    decimal, thousands = m.decimal or source.decimal, m.thousands or source.thousands
    if m.constant is not None:
        decimal, thousands = m.decimal or ".", m.thousands
    if not decimal and thousands in (".", ","):
        decimal = "," if thousands == "." else "."
    if not decimal:
        return None
    grouping = thousands or ("." if decimal == "," else ",") + SPACES
    return Marks(decimal, grouping, source.accounting_negatives)


def form(m: ColumnMapping, source: Source) -> Form | str | None:
    """The declared form of a date column, or None when the column itself has to show it; a constant is ISO unless its
    column says otherwise."""
    text = m.date_format or ("iso" if m.constant is not None else source.date_format)
    if not text:
        return None
    return text if text in forms.NUMERIC else forms.declared(text)
