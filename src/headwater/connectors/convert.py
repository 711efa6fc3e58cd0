"""Turns the cells of a chunk into the typed columns of one table, with the fault of every cell that does not fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors import currencies, dates, forms, numbers
from headwater.connectors.cells import (
    DATE,
    DOUBLE,
    ERROR,
    NO_RESULT,
    NON_FINITE,
    NUMBER,
    PADDED,
    TEXT,
    Bytes,
    Cells,
    Chunk,
    Flags,
    Integers,
)
from headwater.connectors.dates import DAY_US, NAIVE, Moments
from headwater.connectors.faults import NUMBER_OF
from headwater.connectors.forms import Form
from headwater.connectors.numbers import Marks
from headwater.connectors.zones import Zone, day_number
from headwater.model.source import ColumnMapping
from headwater.model.table import Column, Table
from headwater.model.types import DAY_SUFFIX, Kind

FIRST_DAY, LAST_DAY = day_number(date(1900, 1, 1)), day_number(date(2200, 12, 31))
"""Dates outside are refused."""

LONGEST_ID, LONGEST_TEXT = 1_000, 1 << 20
MERGED_FROM, UNTIL = "_merged_from", "_until"
"""Beside the typed columns: the ids that were merged into each row, and when its state ended."""
TRUE = ("true", "t", "yes", "y", "1", "1.0", "on")
FALSE = ("false", "f", "no", "n", "0", "0.0", "off")


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one target column is filled: `place` among the file's headers (-1: a constant), `places` where several are
    put together, and what was decided."""

    column: Column
    mapping: ColumnMapping
    place: int
    empty: tuple[str, ...] = ("",)
    marks: Marks | None = None
    form: Form | str | None = forms.ISO
    zone: str = "UTC"
    is_currency: bool = False
    required: bool = False
    serials: bool = False
    prefix: str = ""
    places: tuple[int, ...] = ()
    negate: int = -1

    @property
    def read_from(self) -> tuple[int, ...]:
        """Every place among the headers that it is filled from."""
        own = self.places or ((self.place,) if self.place >= 0 else ())
        return (*own, self.negate) if self.negate >= 0 else own

    @property
    def is_difference(self) -> bool:
        """Whether its numbers are those of one place less those of another."""
        return self.mapping.take == "difference"


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How the rows of one table are filled; places of the special columns among the headers, -1 where there is none.

    `currency_place` and `currency` say the currency of money without a mapped currency column; `assumed`: nobody
    said it, the reporting currency was taken. `partly`: the file feeds other tables too, so a row whose cells for this
    one are all empty holds nothing for it.
    """

    table: Table
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...]
    deleted: int = -1
    deleted_values: frozenset[str] = frozenset()
    merged_into: int = -1
    updated_at: ColumnPlan | None = None
    where: int = -1
    where_values: frozenset[str] = frozenset()
    where_filled: bool = False
    where_starts: tuple[str, ...] = ()
    currency_place: int = -1
    currency: str = ""
    assumed: bool = False
    partly: bool = False
    prefix: str = ""
    merged_from: int = -1
    merged_separator: str = ";"
    until: ColumnPlan | None = None

    @property
    def stamps(self) -> tuple[ColumnPlan, ...]:
        """The columns of the file that say when a state began and ended."""
        return tuple(p for p in (self.updated_at, self.until) if p is not None)


@dataclass(slots=True)
class Notes:
    """What was noticed on the way and becomes a warning of the load: counts by code and column."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Fault:
    """The faults of one target column in a chunk: a code for each row, the header and the texts it came from."""

    column: str
    header: str
    codes: Bytes
    texts: Any
    personal: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """One table's rows of a chunk: physical columns by name, faults, and whether each row is meant for the table."""

    columns: dict[str, Any]
    faults: tuple[Fault, ...]
    meant: Flags


class Converter:
    """Converts chunk after chunk for one table."""

    def __init__(self, plan: TablePlan, business_zone: str, ambiguous_time: str) -> None:
        self.plan = plan
        self.notes = Notes()
        self._business = Zone(business_zone)
        self._earlier = ambiguous_time != "later"
        self._numbers: dict[str, dict[str, int]] = {}
        self._zones = {business_zone: self._business}

    def convert(self, chunk: Chunk) -> Typed:
        """The typed rows of a chunk (all of its rows; the caller leaves out what is not meant or faulty)."""
        plan, size = self.plan, len(chunk.rows)
        meant = np.ones(size, bool)
        if plan.where >= 0:
            told = trimmed(chunk.columns[plan.where].texts)
            if plan.where_filled:
                meant = _flags(pc.is_valid(without_empty(told, ("",))))
            else:
                meant = _told(told, plan.where_values, plan.where_starts)
        if plan.partly:
            meant &= self._has_any(chunk)
        deleted = self._deleted(chunk, size)
        currency = self._currency(chunk, size)
        columns: dict[str, Any] = {}
        faults: list[Fault] = []
        for p in plan.columns:
            typed, found = self._column(p, chunk, meant, currency, deleted)
            columns |= typed
            faults += found
        for name in filled_currencies(plan):
            columns[name] = currency
        columns["_deleted"] = pa.array(deleted)
        columns["_merged_into"] = self._merged(chunk, size)
        if plan.merged_from >= 0:
            columns[MERGED_FROM] = self._merged_ids(chunk)
        columns["_updated_at"], found = self._stamp(plan.updated_at, chunk, size)
        if plan.until is not None:
            columns[UNTIL], more = self._stamp(plan.until, chunk, size, open_end=True)
            found += more
        return Typed(columns, tuple(faults + found), meant)

    def _has_any(self, chunk: Chunk) -> Flags:
        """Rows in which at least one cell mapped for the table has a value."""
        found = np.zeros(len(chunk.rows), bool)
        for p in self.plan.columns:
            if p.place >= 0:
                found |= _flags(pc.is_valid(without_empty(trimmed(cells_of(p, chunk).texts), p.empty)))
        return found

    # --- special columns ---------------------------------------------------------------------------------------------
    def _deleted(self, chunk: Chunk, size: int) -> Flags:
        if self.plan.deleted < 0:
            return np.zeros(size, bool)
        texts = pc.utf8_lower(trimmed(chunk.columns[self.plan.deleted].texts))
        return _flags(pc.is_in(texts, value_set=pa.array(sorted(self.plan.deleted_values))))

    def _merged(self, chunk: Chunk, size: int) -> Any:
        if self.plan.merged_into < 0:
            return pa.nulls(size, pa.string())
        texts = without_empty(trimmed(chunk.columns[self.plan.merged_into].texts), ("",))
        return pc.binary_join_element_wise(self.plan.prefix, texts, "") if self.plan.prefix else texts

    def _merged_ids(self, chunk: Chunk) -> Any:
        """The ids each row lists as merged into it."""
        texts = without_empty(trimmed(chunk.columns[self.plan.merged_from].texts), ("",))
        prefix, separator = self.plan.prefix, self.plan.merged_separator
        lists = [[prefix + i.strip() for i in (t or "").split(separator) if i.strip()] for t in texts.to_pylist()]
        return pa.array(lists, pa.list_(pa.string()))

    def _stamp(
        self, p: ColumnPlan | None, chunk: Chunk, size: int, *, open_end: bool = False
    ) -> tuple[Any, list[Fault]]:
        """Instants; with `open_end` a date beyond all that are possible (the year 9999) is none."""
        if p is None:
            return pa.nulls(size, pa.timestamp("us")), []
        cells = chunk.columns[p.place]
        texts = without_empty(trimmed(cells.texts), p.empty)
        moments = moments_of(Cells(texts, cells.kinds), p)
        if open_end:
            texts = pc.if_else(pa.array(moments.valid & (moments.days > LAST_DAY)), pa.scalar(None, pa.string()), texts)
        # A change known to the day alone counts from the start of that day.
        started = Moments(moments.days, np.maximum(moments.micros, 0), moments.offsets, moments.valid)
        utc, _, codes, _ = self._instants(started, _flags(pc.is_valid(texts)), p)
        codes[(codes == NUMBER_OF["nonexistent_time"]) & (moments.micros < 0)] = 0
        known = _flags(pc.is_valid(texts)) & (codes == 0)
        stamps = pa.array(utc, mask=~known).cast(pa.timestamp("us"))
        return stamps, [
            Fault(p.column.id, p.mapping.column, codes, texts, False, self._zone_hint(p))
        ] if codes.any() else []

    def _currency(self, chunk: Chunk, size: int) -> Any:
        """The currency of each row's money, as far as it is known."""
        plan = self.plan
        names = currency_columns(plan.table)
        mapped = next((p for p in plan.columns if p.column.id in names), None)
        place = mapped.place if mapped is not None else plan.currency_place
        fallback = pa.scalar(plan.currency or None, pa.string())
        if mapped is not None and place < 0:
            return pa.array([(mapped.mapping.constant or "").strip().upper() or None] * size, pa.string())
        if place < 0:
            return pa.array([plan.currency or None] * size, pa.string())
        texts = trimmed(chunk.columns[place].texts)
        if mapped is not None and mapped.mapping.values:
            texts, _ = _replaced(texts, mapped.mapping)
        texts = pc.utf8_upper(without_empty(texts, mapped.empty if mapped is not None else ("",)))
        return pc.if_else(pc.is_valid(texts), texts, fallback)

    # --- mapped columns ----------------------------------------------------------------------------------------------
    def _column(
        self, p: ColumnPlan, chunk: Chunk, meant: Flags, currency: Any, deleted: Flags
    ) -> tuple[dict[str, Any], list[Fault]]:
        """The physical columns of one mapped column and its faults, the gravest code of each cell."""
        kind, size = p.column.type.kind, len(meant)
        cells = cells_of(p, chunk) if p.place >= 0 else Cells(pa.array([p.mapping.constant] * size, pa.string()))
        raw, kinds = cells.texts, cells.kinds
        codes = np.zeros(size, np.int8)
        texts = trimmed(raw)
        unlisted = None
        if p.mapping.values:
            texts, unlisted = _replaced(texts, p.mapping)
        texts = without_empty(texts, p.empty)
        if kinds is not None:
            codes[kinds == NO_RESULT] = NUMBER_OF["formula_without_value"]
            codes[(kinds == ERROR) & _flags(pc.is_valid(texts))] = NUMBER_OF["error_value"]
            codes[(kinds == NON_FINITE) & _flags(pc.is_valid(texts))] = NUMBER_OF["non_finite"]
            texts = pc.if_else(pa.array(codes == 0), texts, pa.scalar(None, pa.string()))
        if unlisted is not None:
            _set(codes, unlisted & _flags(pc.is_valid(texts)), "unknown_value")
        if p.mapping.numbered:
            texts = raw = self._numbered(p.column.id, texts, meant)
        hint = ""
        typed: dict[str, Any]
        match kind:
            case Kind.TEXT:
                same = texts if p.mapping.values else raw
                typed = {p.column.id: pc.if_else(pc.is_valid(texts), same, pa.scalar(None, pa.string()))}
                if p.is_currency:
                    typed = {p.column.id: currency}
                    _set(codes, ~_known_currency(currency), "unknown_currency")
                _set(codes, _flags(pc.greater(pc.utf8_length(texts), LONGEST_TEXT)), "too_long")
            case Kind.ID:
                if kinds is not None:
                    _set(codes, kinds == PADDED, "bad_key")
                _set(codes, _flags(pc.greater(pc.utf8_length(texts), LONGEST_ID)), "too_long")
                typed = {p.column.id: pc.binary_join_element_wise(p.prefix, texts, "") if p.prefix else texts}
            case Kind.INTEGER | Kind.NUMBER | Kind.MONEY:
                parts = parts_of(p, chunk) if p.is_difference else (Cells(texts, kinds),)
                typed, hint = self._number(p, parts, self._turned(p, chunk), currency, codes)
            case Kind.DAY | Kind.TIME:
                typed = self._moment(p, Cells(texts, kinds), codes)
                hint = self._zone_hint(p)
            case Kind.BOOLEAN:
                lower = pc.utf8_lower(texts)
                true = _among(lower, _lower(p.mapping.true) or TRUE)
                false = _among(lower, _lower(p.mapping.false) or FALSE)
                _set(codes, _flags(pc.is_valid(texts)) & ~true & ~false, "bad_boolean")
                typed = {p.column.id: pa.array(true, mask=~(true | false))}
        if p.column.values and kind in (Kind.TEXT, Kind.ID):
            _set(codes, _flags(pc.is_valid(texts)) & ~_among(texts, p.column.values), "unknown_value")
        if p.required:
            empty = ~_flags(pc.is_valid(typed[p.column.id if kind is not Kind.TIME else p.column.id + DAY_SUFFIX]))
            if p.column.id not in self.plan.key:
                empty &= ~deleted
            _set(codes, empty, "missing")
        if not codes.any():
            return typed, []
        return typed, [Fault(p.column.id, p.mapping.header, codes, raw, p.column.personal, hint)]

    def _numbered(self, column: str, texts: Any, meant: Flags) -> Any:
        """Texts with their number behind them where an earlier row of the file has the same."""
        seen = self._numbers.setdefault(column, {})
        found: list[str | None] = texts.to_pylist()
        for i in np.flatnonzero(meant).tolist():
            if (text := found[i]) is not None:
                seen[text] = number = seen.get(text, 0) + 1
                if number > 1:
                    found[i] = f"{text} {number}"
        return pa.array(found, pa.string())

    def _turned(self, p: ColumnPlan, chunk: Chunk) -> Flags | None:
        """The rows whose numbers have the other sign; None for none of all."""
        if p.negate < 0:
            return None
        told = trimmed(chunk.columns[p.negate].texts)
        return _told(told, frozenset(p.mapping.negate_values), p.mapping.negate_starts)

    def _number(
        self, p: ColumnPlan, parts: tuple[Cells, ...], turned: Flags | None, currency: Any, codes: Bytes
    ) -> tuple[dict[str, Any], str]:
        known: list[str | None] = []

        def of_row(i: int) -> str:
            if not known:
                known.extend(currency.to_pylist())
            return known[i] or ""

        read = []
        rounded = 0
        for cells in parts:
            some, found, more = numbers.convert(
                cells,
                p.column.type,
                p.marks or Marks(),
                factor=Decimal(p.mapping.factor) if p.mapping.factor else None,
                currency=of_row if p.column.type.kind is Kind.MONEY else None,
            )
            codes[codes == 0] = found[codes == 0]
            read.append(some)
            rounded += more
        values = read[0]
        if len(read) > 1:
            values, large = numbers.less(read[0], read[1])
            _set(codes, large, "out_of_range")
        if turned is not None:
            values = pc.if_else(pa.array(turned), pc.negate(values), values)
        if p.column.type.kind is Kind.MONEY and p.column.currency:
            _set(codes, _flags(pc.and_(pc.is_valid(values), pc.is_null(currency))), "missing_currency")
        if p.column.low is not None:
            whole = pa.types.is_integer(values.type)
            low = pa.scalar(p.column.low if whole else Decimal(p.column.low), values.type)
            _set(codes, _flags(pc.less(values, low)), "out_of_range")
        if rounded:
            self.notes.counts["rounded", p.column.id] += rounded
        hint = f"read with '{(p.marks or Marks()).decimal}' as the decimal mark"
        return {p.column.id: values}, hint

    def _moment(self, p: ColumnPlan, cells: Cells, codes: Bytes) -> dict[str, Any]:
        given = _flags(pc.is_valid(cells.texts))
        moments = moments_of(cells, p)
        utc, day, found, ambiguous = self._instants(moments, given, p)
        codes[codes == 0] = found[codes == 0]
        if ambiguous:
            self.notes.counts["ambiguous_time", p.column.id] += ambiguous
        good = given & (codes == 0)
        days = pa.array(day.astype(np.int32), mask=~good).cast(pa.date32())
        if p.column.type.kind is Kind.DAY:
            return {p.column.id: days}
        stamps = pa.array(utc, mask=~good | (moments.micros < 0)).cast(pa.timestamp("us"))
        return {p.column.id: stamps, p.column.id + DAY_SUFFIX: days}

    def _instants(self, m: Moments, given: Flags, p: ColumnPlan) -> tuple[Integers, Integers, Bytes, int]:
        """UTC instants, business dates, faults, and how many local times exist twice."""
        codes = np.zeros(len(given), np.int8)
        _set(codes, given & ~m.valid, "bad_date")
        _set(codes, given & ((m.days < FIRST_DAY) | (m.days > LAST_DAY)), "out_of_range")
        timed = given & (codes == 0) & (m.micros >= 0)
        naive = timed & (m.offsets == NAIVE)
        utc = m.days * DAY_US + np.maximum(m.micros, 0) - np.where(m.offsets == NAIVE, 0, m.offsets) * 1_000_000
        ambiguous = 0
        if naive.any():
            zone = self._zones.setdefault(p.zone, self._business if p.zone == self._business.name else Zone(p.zone))
            instants, missing, twice = zone.to_utc(utc[naive], self._earlier)
            utc[naive] = instants
            ambiguous = int(twice.sum())
            codes[np.flatnonzero(naive)[missing]] = NUMBER_OF["nonexistent_time"]
        day = m.days.copy()
        if timed.any():
            abroad = timed if p.zone != self._business.name else timed & ~naive
            day[abroad] = self._business.day(utc[abroad])
        return utc, day, codes, ambiguous

    def _zone_hint(self, p: ColumnPlan) -> str:
        form = p.form if isinstance(p.form, str) else (p.form or forms.ISO).name
        return f"read as {form}, in {p.zone}"


# --- cells -----------------------------------------------------------------------------------------------------------
def cells_of(p: ColumnPlan, chunk: Chunk) -> Cells:
    """The cells a mapped column is read from, of several put together or the first with a text; no text where all are
    empty, a spreadsheet's error where one of them is."""
    if not p.places:
        return chunk.columns[p.place]
    parts = parts_of(p, chunk)
    texts = [c.texts for c in parts]
    if p.mapping.take == "first":
        joined = pc.coalesce(*texts)
    else:
        between = " - " if p.is_difference else p.mapping.join
        joined = trimmed(pc.binary_join_element_wise(*(pc.fill_null(t, "") for t in texts), between))
        filled = np.logical_or.reduce([_flags(pc.is_valid(t)) for t in texts])
        joined = pc.if_else(pa.array(filled), joined, pa.scalar(None, pa.string()))
    if all(c.kinds is None for c in parts):
        return Cells(joined)
    kinds = np.full(len(joined), TEXT, np.int8)
    for c in parts:
        if c.kinds is not None:
            for broken in (NO_RESULT, ERROR):
                kinds[c.kinds == broken] = broken
    return Cells(joined, kinds)


def parts_of(p: ColumnPlan, chunk: Chunk) -> tuple[Cells, ...]:
    """The cells of each place a mapped column is read from, trimmed and without texts that mean no value."""
    cells = [chunk.columns[place] for place in p.places or (p.place,)]
    return tuple(Cells(without_empty(trimmed(c.texts), p.empty), c.kinds) for c in cells)


def trimmed(texts: Any) -> Any:
    """Texts without white space around them."""
    return pc.utf8_trim_whitespace(texts)


def currency_columns(table: Table) -> tuple[str, ...]:
    """The columns that hold the currency of a money column."""
    return tuple(dict.fromkeys(c.currency for c in table.columns if c.type.kind is Kind.MONEY and c.currency))


def filled_currencies(plan: TablePlan) -> tuple[str, ...]:
    """The currency columns of mapped money that no column of the file fills."""
    mapped = {p.column.id for p in plan.columns}
    money = (p.column for p in plan.columns if p.column.type.kind is Kind.MONEY)
    return tuple(dict.fromkeys(c.currency for c in money if c.currency and c.currency not in mapped))


def moments_of(cells: Cells, p: ColumnPlan) -> Moments:
    """The moments of cells: typed dates are exact, a spreadsheet's numbers are serials, unless a form is said."""
    found = _read(cells.texts, p.form)
    if cells.kinds is None:
        return found
    none = pa.scalar(None, pa.string())
    kinds: list[tuple[tuple[int, ...], Form | str]] = [((DATE,), forms.ISO)]
    if p.serials:
        kinds.append(((NUMBER, DOUBLE, PADDED), p.form if p.form in ("epoch_s", "epoch_ms") else "excel"))
    for some, other in kinds:
        of_kind = np.isin(cells.kinds, some)
        if of_kind.any():
            typed = _read(pc.if_else(pa.array(of_kind), cells.texts, none), other)
            found = Moments(
                np.where(of_kind, typed.days, found.days),
                np.where(of_kind, typed.micros, found.micros),
                np.where(of_kind, typed.offsets, found.offsets),
                np.where(of_kind, typed.valid, found.valid),
            )
    return found


def _read(texts: Any, form: Form | str | None) -> Moments:
    return dates.counted(texts, form) if isinstance(form, str) else dates.read(texts, form or forms.ISO)


def without_empty(texts: Any, empty: tuple[str, ...]) -> Any:
    """Texts with null where the text means no value."""
    none = pa.scalar(None, pa.string())
    if set(empty) <= {""}:
        return pc.if_else(pc.equal(pc.binary_length(texts), 0), none, texts)
    return pc.if_else(pc.is_in(texts, value_set=pa.array(sorted({*empty, ""}))), none, texts)


def _replaced(texts: Any, mapping: ColumnMapping) -> tuple[Any, Flags | None]:
    """Texts after the mapping's value list, and which of them it does not list (None: they may stay)."""
    if mapping.match == "start":
        found = pa.nulls(len(texts), pa.int32())
        for i in sorted(range(len(mapping.values)), key=lambda i: len(mapping.values[i][0])):
            begins = pc.fill_null(pc.starts_with(texts, mapping.values[i][0]), False)
            found = pc.if_else(begins, pa.scalar(i, pa.int32()), found)
    else:
        found = pc.index_in(texts, value_set=pa.array([k for k, _ in mapping.values], pa.string()))
    listed = pc.is_valid(found)
    replaced = pa.array([v for _, v in mapping.values], pa.string()).take(found)
    unlisted = ~_flags(listed) if mapping.unlisted == "quarantine" else None
    return pc.if_else(listed, replaced, texts), unlisted


def _told(texts: Any, values: frozenset[str], starts: tuple[str, ...]) -> Flags:
    """The rows whose text is one of some, or begins with one of others."""
    found = _among(texts, tuple(values))
    for start in starts:
        found |= _flags(pc.starts_with(texts, start))
    return found


def _among(texts: Any, options: tuple[str, ...]) -> Flags:
    return _flags(pc.is_in(texts, value_set=pa.array(sorted(options), pa.string())))


def _lower(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(t.lower() for t in texts)


def _known_currency(codes: Any) -> Flags:
    return _flags(pc.is_in(codes, value_set=pa.array([*sorted(currencies.CODES), None], pa.string())))


def _set(codes: Bytes, where: Flags, code: str) -> None:
    """Gives cells a fault that have none yet."""
    codes[where & (codes == 0)] = NUMBER_OF[code]


def _flags(array: Any) -> Flags:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), bool)
