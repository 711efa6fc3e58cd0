"""One file to staged Parquet: read once, decide forms over whole columns, convert, set faulty rows aside, write."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.connectors import aside, dates, numbers, repeats
from headwater.connectors.aside import Aside
from headwater.connectors.cells import TEXT, Chunk, Flags, Integers, Reader
from headwater.connectors.convert import (
    MERGED_FROM,
    UNTIL,
    ColumnPlan,
    Converter,
    TablePlan,
    Typed,
    cells_of,
    filled_currencies,
    parts_of,
    trimmed,
    without_empty,
)
from headwater.connectors.faults import CODES, sentence
from headwater.connectors.forms import FORMS, Form, declared, turned
from headwater.connectors.mapping import plan_tables
from headwater.connectors.numbers import SPACES, Marks
from headwater.connectors.profile import Profiler
from headwater.connectors.refusal import Refused
from headwater.connectors.spool import Spool
from headwater.files.arrow import arrow_type
from headwater.model.landing import FIRST_TOLD, LandedTable, Quarantined
from headwater.model.profile import Profile
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.model.table import Table
from headwater.model.types import DAY_SUFFIX, Kind

QUARANTINE = "quarantine.parquet"
ROW_GROUP = 65_536
OPEN = np.iinfo(np.int64).max
"""The end of a state that goes on."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What one file gave, with the fields of a Draft."""

    data_rows: int
    loaded: int
    quarantined: int
    collapsed: int
    skipped: tuple[tuple[str, int], ...]
    tables: tuple[LandedTable, ...]
    complete_through: date | None
    warnings: tuple[str, ...]
    examples: tuple[Quarantined, ...]
    profile: Profile


def land(
    reader: Reader,
    source: Source,
    tables: Mapping[str, Table],
    staged: Path,
    settings: Settings,
    now: datetime,
    written: Mapping[str, str] | None = None,
) -> Landed:
    """Writes `<table>.parquet` files and `quarantine.parquet` into `staged`; raises Refused for a refused file.

    `written` says by `table.column` how undeclared dates and numbers are written, where another file showed it (the
    `form` of its profile); the others have to show it here.
    """
    plans = plan_tables(source, tables, reader.header, settings, serials=reader.serials)
    if written:
        plans = tuple(_as_written(plan, written, source) for plan in plans)
    spool = Spool(staged / ".rows.arrow", reader.header, reader.typed)
    room = aside.Room()
    structural = Aside(staged / ".aside-1.parquet", room)
    plans, shown = _first_pass(reader, plans, source, spool, structural)
    profiler = Profiler(plans, source, reader.header, reader.separator)
    values, twins = Aside(staged / ".aside-2.parquet", room), Aside(staged / ".aside-3.parquet", room)
    show = _Show(reader.header, plans, reader.separator)
    converters = [Converter(p, settings.time_zone, source.ambiguous_time) for p in plans]
    writers = [_Writer(staged / f"{p.table.id}.parquet", p) for p in plans]
    not_meant = 0
    for chunk in spool.chunks():
        typed = [c.convert(chunk) for c in converters]
        meant = np.logical_or.reduce([t.meant for t in typed])
        not_meant += int((~meant).sum())
        refused = _refused(typed)
        profiler.see(chunk, typed, refused, settings.time_zone)
        for row in show.quarantined(chunk, np.flatnonzero(refused), typed):
            values.add(row)
        for writer, t in zip(writers, typed, strict=True):
            writer.write(chunk.rows, t, t.meant & ~refused)
    for writer in writers:
        writer.close()
    collapsed, landed = _settle(writers, spool, show, twins)
    quarantined = structural.count + values.count + twins.count
    for writer in writers:
        writer.add_told(now)
    if reader.tally.records >= FIRST_TOLD:
        raise Refused("too_large", f"the file has {reader.tally.records:,} rows", do="Split it into several files.")
    data_rows = reader.tally.records - not_meant
    if landed + quarantined + collapsed != data_rows:
        raise AssertionError(f"{landed} + {quarantined} + {collapsed} rows of {data_rows}")
    if source.on_bad_rows == "refuse" and quarantined:
        examples = aside.merge([structural, values, twins], staged / QUARANTINE)
        worst = examples[0]
        raise Refused(
            "bad_rows",
            f"{quarantined:,} rows cannot be loaded; the first: {worst.reason}",
            row=worst.row,
            line=worst.line,
            column=worst.column,
            do="Mend the file, or say 'on_bad_rows: quarantine' to load the others.",
        )
    examples = aside.merge([structural, values, twins], staged / QUARANTINE)
    spool.remove()
    skipped = dict(reader.tally.skipped)
    if not_meant:
        skipped["not_meant"] = not_meant
    through, late = _through(writers, source, settings, now)
    return Landed(
        data_rows,
        landed,
        quarantined,
        collapsed,
        tuple(sorted(skipped.items())),
        tuple(w.landed() for w in writers),
        source.complete_through or through,
        tuple(_warnings(reader, plans, converters, late, spool.unnamed)),
        tuple(show.masked(q) for q in examples),
        profiler.profile(shown),
    )


# --- first pass ------------------------------------------------------------------------------------------------------
def _evidence(p: ColumnPlan) -> dates.Evidence | dates.Promise | numbers.Evidence | None:
    """What has to be gathered of a column before its texts can be read; None where all is said."""
    if p.form is None:
        return dates.Evidence()
    if p.marks is None:
        return numbers.Evidence()
    dated = p.column.type.kind in (Kind.DAY, Kind.TIME)
    if dated and isinstance(p.form, Form) and (other := turned(p.form)) is not None:
        return dates.Promise(p.form, other)
    return None


def _first_pass(
    reader: Reader, plans: tuple[TablePlan, ...], source: Source, spool: Spool, structural: Aside
) -> tuple[tuple[TablePlan, ...], dict[tuple[str, str], str]]:
    """Spools the readable rows, sets the others aside, and decides every undeclared form over its whole column; the
    plans, and by table and column the forms that were shown."""
    watched = [
        (p, evidence)
        for plan in plans
        for p in (*plan.columns, *plan.stamps)
        if p.place >= 0 and (evidence := _evidence(p)) is not None
    ]
    for chunk in reader.chunks():
        spool.write(chunk)
        for b in chunk.broken:
            name = reader.header[b.column] if b.column >= 0 else ""
            target = next((c.column.id for p in plans for c in p.columns if c.place == b.column >= 0), name)
            structural.add(Quarantined(b.row, b.line, target, b.code, b.reason, b.raw))
        for p, evidence in watched:
            for cells in parts_of(p, chunk) if p.is_difference else (cells_of(p, chunk),):
                texts = without_empty(trimmed(cells.texts), p.empty)
                if cells.kinds is not None:
                    texts = pc.if_else(pa.array(cells.kinds == TEXT), texts, pa.scalar(None, pa.string()))
                evidence.see(texts, chunk.rows)
    spool.close()
    decided: dict[int, ColumnPlan] = {}
    forms: dict[int, str] = {}
    for p, evidence in watched:
        personal = p.column.personal
        if isinstance(evidence, dates.Evidence | dates.Promise):
            form = evidence.decide(p.mapping.header, personal)
            decided[id(p)] = replace(p, form=form)
            forms[id(p)] = form.name if p.form is None else ""
        else:
            marks = evidence.decide(p.mapping.header, personal)
            decided[id(p)] = replace(p, marks=replace(marks, accounting=source.accounting_negatives))
            forms[id(p)] = f"decimal {marks.decimal}" if evidence.proofs else ""
    shown = {
        (t.table.id, p.column.id): forms[id(p)]
        for t in plans
        for p in (*t.columns, *([t.updated_at] if t.updated_at else []))
        if forms.get(id(p))
    }
    return tuple(
        replace(
            plan,
            columns=tuple(decided.get(id(p), p) for p in plan.columns),
            updated_at=decided.get(id(plan.updated_at), plan.updated_at) if plan.updated_at else None,
            until=decided.get(id(plan.until), plan.until) if plan.until else None,
        )
        for plan in plans
    ), shown


def _as_written(plan: TablePlan, written: Mapping[str, str], source: Source) -> TablePlan:
    """The plan with the forms that another file showed for columns that say none."""

    def told(p: ColumnPlan) -> ColumnPlan:
        name = written.get(f"{plan.table.id}.{p.column.id}", "")
        if p.form is None and name:
            return replace(p, form=next((f for f in FORMS if f.name == name), None) or declared(name))
        if p.marks is None and name.startswith("decimal "):
            decimal = name.removeprefix("decimal ")
            marks = Marks(decimal, ("." if decimal == "," else ",") + SPACES, source.accounting_negatives)
            return replace(p, marks=marks)
        return p

    updated_at = told(plan.updated_at) if plan.updated_at else None
    return replace(plan, columns=tuple(told(p) for p in plan.columns), updated_at=updated_at)


# --- rows set aside --------------------------------------------------------------------------------------------------
def _refused(typed: Sequence[Typed]) -> Flags:
    """Rows that have a fault in a table they are meant for."""
    refused = np.zeros(len(typed[0].meant), bool)
    for t in typed:
        for fault in t.faults:
            refused |= (fault.codes > 0) & t.meant
    return refused


class _Show:
    """Rows as text: whole for the quarantine, with personal cells masked for reports."""

    def __init__(self, header: tuple[str, ...], plans: Sequence[TablePlan], separator: str) -> None:
        self._separator = separator
        self._width = len(header)
        self._personal = {i for p in plans for c in p.columns if c.column.personal for i in c.read_from}

    def raws(self, chunk: Chunk, places: Integers) -> Iterator[tuple[int, int | None, str]]:
        """Number, line and delimited text of the rows at these places of a chunk."""
        some = pa.array(places)
        columns = [c.texts.take(some).fill_null("").to_pylist() for c in chunk.columns]
        lines: list[int | None] = [None] * len(places) if chunk.lines is None else chunk.lines[places].tolist()
        for row, line, cells in zip(chunk.rows[places].tolist(), lines, zip(*columns, strict=True), strict=True):
            yield row, line, self._written(cells)

    def _written(self, cells: Sequence[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._separator, lineterminator="").writerow(cells)
        return text.getvalue()

    def masked(self, row: Quarantined) -> Quarantined:
        """The row for a report."""
        if not self._personal:
            return row
        try:
            cells = next(csv.reader([row.raw], delimiter=self._separator, strict=True))
        except (csv.Error, StopIteration):
            cells = []
        if len(cells) != self._width:
            return replace(row, raw="")
        return replace(row, raw=self._written(["***" if i in self._personal else c for i, c in enumerate(cells)]))

    def quarantined(self, chunk: Chunk, places: Integers, typed: Sequence[Typed]) -> Iterator[Quarantined]:
        """The quarantine entries of faulty rows: the first fault, and the names of the other columns at fault."""
        if not len(places):
            return
        some = pa.array(places)
        faults = [
            (f, np.where(t.meant, f.codes, 0)[places].tolist(), f.texts.take(some).to_pylist())
            for t in typed
            for f in t.faults
        ]
        for i, (row, line, raw) in enumerate(self.raws(chunk, places)):
            (f, codes, texts), *others = [found for found in faults if found[1][i]]
            code = CODES[codes[i]]
            reason = sentence(code, f.header or f.column, texts[i], personal=f.personal, hint=f.hint)
            if also := dict.fromkeys(g.column for g, _, _ in others if g.column != f.column):
                reason += f"; at fault too: {', '.join(also)}"
            yield Quarantined(row, line, f.column, code, reason, raw)


# --- tables ----------------------------------------------------------------------------------------------------------
class _Writer:
    """The Parquet file of one table, with what is needed to find repeated keys without reading it again."""

    def __init__(self, path: Path, plan: TablePlan) -> None:
        self.path, self.plan = path, plan
        table = plan.table
        mapped = {c.column.id for c in plan.columns} | set(filled_currencies(plan))
        self.columns = tuple(c.id for c in table.columns if c.id in mapped)
        fields = []
        for c in table.columns:
            if c.id in mapped:
                fields.append((c.id, arrow_type(c.type)))
                if c.type.kind is Kind.TIME:
                    fields.append((c.id + DAY_SUFFIX, pa.date32()))
        names = {n for n, _ in fields}
        self.key = tuple(n for k in plan.key for n in (k, k + DAY_SUFFIX) if n in names)
        event = table.column(table.event) if table.event else None
        self.event = "" if event is None else event.id + (DAY_SUFFIX if event.type.kind is Kind.TIME else "")
        self.event = self.event if self.event in names else ""
        fields += [("_row", pa.int64()), ("_deleted", pa.bool_()), ("_merged_into", pa.string())]
        self.schema = pa.schema([*fields, ("_updated_at", pa.timestamp("us"))])
        self._open()
        self._hashes: list[Integers] = []
        self._rows: list[Integers] = []
        self._merged: list[tuple[int, str, str, datetime | None]] = []
        self._ends: list[tuple[Integers, Any, Integers]] = []

    def _open(self) -> None:
        self._writer = pq.ParquetWriter(self.path, self.schema, compression="zstd")
        self._waiting: list[Any] = []
        self._size = 0
        self.rows = 0
        self.days: dict[str, tuple[date, date]] = {}

    def write(self, rows: Integers, typed: Typed, keep: Flags) -> None:
        """Appends the rows that are kept."""
        arrays = [pa.array(rows) if n == "_row" else typed.columns[n] for n in self.schema.names]
        batch = pa.table([a.cast(f.type) for a, f in zip(arrays, self.schema, strict=True)], schema=self.schema)
        if not keep.all():
            batch = batch.filter(pa.array(keep))
        self._hashes.append(repeats.key_hashes(batch, self.key))
        self._rows.append(rows[keep])
        if MERGED_FROM in typed.columns:
            lists = typed.columns[MERGED_FROM].filter(pa.array(keep))
            listed = pc.greater(pc.list_value_length(lists), 0)
            named = batch.filter(listed)
            parts = (named[n].to_pylist() for n in ("_row", self.key[0], "_updated_at"))
            for row, survivor, changed, ids in zip(*parts, lists.filter(listed).to_pylist(), strict=True):
                self._merged += [(row, i, survivor, changed) for i in ids]
        if UNTIL in typed.columns:
            ends = typed.columns[UNTIL].filter(pa.array(keep)).cast(pa.int64()).fill_null(OPEN)
            self._ends.append((rows[keep], repeats.digests(batch, self.key), ends.to_numpy(zero_copy_only=False)))
        self._append(batch)

    def _append(self, batch: Any) -> None:
        self._waiting.append(batch)
        self._size += batch.num_rows
        self.rows += batch.num_rows
        if self._size >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=2 * ROW_GROUP)
            self._waiting, self._size = [], 0

    def close(self) -> None:
        """Ends writing."""
        self._flush()
        self._writer.close()

    def all_rows(self) -> Integers:
        """The numbers of the rows written first."""
        return np.concatenate(self._rows) if self._rows else np.zeros(0, np.int64)

    def repeats(self) -> repeats.Repeats:
        """The written rows that share a key with another."""
        if not self._hashes:
            return repeats.NONE
        twins = repeats.suspects(np.concatenate(self._hashes))
        self._hashes.clear()
        if not twins.any():
            return repeats.NONE
        return repeats.compare(self._those(self.all_rows()[twins]), self.key)

    def _those(self, rows: Integers) -> Iterator[Any]:
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(ROW_GROUP):
                yield batch.filter(pa.array(np.isin(batch.column("_row").to_numpy(), rows)))

    def leave_out(self, rows: Integers) -> None:
        """Writes the file again without these rows."""
        gone = set(rows.tolist())
        self._merged = [m for m in self._merged if m[0] not in gone]
        stay = [~np.isin(some, rows) for some, _, _ in self._ends]
        self._ends = [(r[s], k[s], e[s]) for (r, k, e), s in zip(self._ends, stay, strict=True)]
        self._again(rows, None)

    def add_told(self, now: datetime) -> None:
        """Adds what rows tell of other keys and times: a row for each id that one lists as merged into it, and one that
        deletes a key whose last state ended before `now`. They are no rows of the file, so nothing counts them."""
        said = {(i, survivor): changed for _, i, survivor, changed in self._merged if i != survivor}
        told: list[dict[str, Any]] = [
            {self.key[0]: i, "_merged_into": survivor, "_updated_at": changed, "_deleted": False}
            for (i, survivor), changed in said.items()
        ]
        ended = self._ended(int(now.timestamp() * 1_000_000))
        for batch in self._those(np.array(sorted(ended), np.int64)) if ended else ():
            for row in batch.select(["_row", *self.key]).to_pylist():
                end = datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(microseconds=ended[row["_row"]])
                told.append({**row, "_updated_at": end, "_deleted": True})
        if not told:
            return
        numbered = [{**row, "_row": FIRST_TOLD + i} for i, row in enumerate(told)]
        self._again(np.zeros(0, np.int64), pa.Table.from_pylist(numbered, schema=self.schema))

    def _ended(self, now: int) -> dict[int, int]:
        """For each key of which every state ended before `now`: the row of the state that ended last, and when."""
        if not self._ends:
            return {}
        rows, keys, ends = (np.concatenate(parts) for parts in zip(*self._ends, strict=True))
        order = np.lexsort((rows, ends, keys[:, 1], keys[:, 0]))
        rows, keys, ends = rows[order], keys[order], ends[order]
        last = np.ones(len(rows), bool)
        last[:-1] = (keys[1:] != keys[:-1]).any(axis=1)
        over = last & (ends <= now)
        return dict(zip(rows[over].tolist(), ends[over].tolist(), strict=True))

    def _again(self, without: Integers, more: Any) -> None:
        """Writes the file again, without some rows and with more of them at its end."""
        old = self.path.with_name(f".{self.path.name}.old")
        self.path.rename(old)
        self._open()
        with pq.ParquetFile(old) as file:
            for batch in file.iter_batches(ROW_GROUP):
                kept = batch.filter(pa.array(~np.isin(batch.column("_row").to_numpy(), without)))
                self._append(pa.Table.from_batches([kept], schema=self.schema))
        if more is not None:
            self._append(more)
        self.close()
        old.unlink()

    def span(self, column: str) -> tuple[date, date] | None:
        """The least and the greatest value of a date column, or None."""
        if not column or column not in self.schema.names:
            return None
        least: date | None = None
        most: date | None = None
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(ROW_GROUP, columns=[column]):
                found = pc.min_max(batch.column(0)).as_py()
                if found["min"] is not None:
                    least = found["min"] if least is None else min(least, found["min"])
                    most = found["max"] if most is None else max(most, found["max"])
        return None if least is None or most is None else (least, most)

    def latest(self, column: str, until: date) -> tuple[date | None, int]:
        """The greatest day of a column that is not after `until`, and how many rows are."""
        most: date | None = None
        late = 0
        if column in self.schema.names:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(ROW_GROUP, columns=[column]):
                    days = batch.column(0)
                    past = days.filter(pc.less_equal(days, until))
                    late += len(days) - days.null_count - len(past)
                    found = pc.max(past).as_py()
                    most = found if most is None or (found is not None and found > most) else most
        return most, late

    def landed(self) -> LandedTable:
        """The finished file."""
        span = self.span(self.event)
        return LandedTable(
            self.plan.table.id,
            self.path.name,
            self.rows,
            self.columns,
            self.plan.updated_at is not None,
            span[0] if span else None,
            span[1] if span else None,
        )


def _settle(writers: Sequence[_Writer], spool: Spool, show: _Show, twins: Aside) -> tuple[int, int]:
    """Takes out rows that contradict each other and copies; how many rows collapsed, and how many are loaded."""
    found = [w.repeats() for w in writers]
    bad = [r.contradictions() for r in found]
    refused, first = np.unique(np.concatenate([rows for rows, _ in bad]), return_index=True)
    timed = np.concatenate([t for _, t in bad])[first]
    table = np.repeat(np.arange(len(bad)), [len(rows) for rows, _ in bad])[first]
    for chunk in spool.chunks() if len(refused) else ():
        for row, line, raw in show.raws(chunk, np.flatnonzero(np.isin(chunk.rows, refused))):
            at = int(np.searchsorted(refused, row))
            code, key = "conflicting_key" if timed[at] else "duplicate_key", writers[table[at]].plan.key[0]
            twins.add(Quarantined(row, line, key, code, sentence(code, key, None, personal=True), raw))
    landed = np.zeros(0, np.int64)
    meant = np.zeros(0, np.int64)
    for writer, r in zip(writers, found, strict=True):
        copies = r.copies(refused)
        out = np.union1d(copies, refused)
        if len(out):
            writer.leave_out(out)
        rows = writer.all_rows()
        rows = rows[~np.isin(rows, refused)] if len(refused) else rows
        kept = rows[~np.isin(rows, copies)] if len(copies) else rows
        landed = kept if len(writers) == 1 else np.union1d(landed, kept)
        meant = rows if len(writers) == 1 else np.union1d(meant, rows)
    return len(meant) - len(landed), len(landed)


def _through(writers: Sequence[_Writer], source: Source, settings: Settings, now: datetime) -> tuple[date | None, int]:
    """The greatest event day that is not in the future, and how many rows are."""
    today = now.astimezone(ZoneInfo(settings.time_zone)).date()
    greatest: date | None = None
    late = 0
    for w in writers:
        column = w.event
        if source.complete_column:
            c = w.plan.table.column(source.complete_column)
            column = "" if c is None else c.id + (DAY_SUFFIX if c.type.kind is Kind.TIME else "")
        day, after = w.latest(column, today)
        late += after
        greatest = day if greatest is None or (day is not None and day > greatest) else greatest
    return greatest, late


def _warnings(
    reader: Reader, plans: Sequence[TablePlan], converters: Sequence[Converter], late: int, unnamed: Collection[int]
) -> Iterator[str]:
    """What the load noticed: a code, a colon, a sentence."""
    yield from reader.tally.warnings
    if not reader.tally.records:
        yield "no_rows: the file has a header and no rows"
    used = {i for p in plans for c in p.columns for i in c.read_from}
    for p in plans:
        used |= {p.deleted, p.merged_into, p.merged_from, p.where, p.currency_place}
        used |= {i for stamp in p.stamps for i in stamp.read_from}
    spare = [h for i, h in enumerate(reader.header) if h and i not in used]
    if spare:
        names = ", ".join(repr(h) for h in spare[:20]) + (" ..." if len(spare) > 20 else "")
        yield f"unmapped_columns: not used: {names}"
    if unnamed:
        places = ", ".join(str(i + 1) for i in sorted(unnamed)[:20]) + (" ..." if len(unnamed) > 20 else "")
        yield f"unnamed_columns: not used, since they have no header: column {places}"
    for p in plans:
        has_money = any(c.column.type.kind is Kind.MONEY for c in p.columns)
        if has_money and p.assumed and not any(c.is_currency for c in p.columns):
            yield f"currency_assumed: money of {p.table.id!r} is taken as {p.currency}: the source says none"
    for c in converters:
        for (code, column), count in sorted(c.notes.counts.items()):
            yield f"{code}: {_NOTES[code].format(column=repr(column), count=f'{count:,}')}"
    if late:
        yield f"future_dates: {late:,} rows have an event after today"


_NOTES = {
    "ambiguous_time": "{count} local times in {column} exist twice when the clock goes back",
    "rounded": "{count} numbers in {column} were stored as doubles and are rounded to the places the column keeps",
}
