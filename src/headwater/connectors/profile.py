"""What a file looked like, gathered while it is landed: enough to notice that the next one differs, and no row."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors.cells import BOOLEAN, DATE, DOUBLE, NUMBER, PADDED, TEXT, Chunk, Flags, Integers, Reader
from headwater.connectors.convert import ColumnPlan, TablePlan, Typed, cells_of
from headwater.connectors.zones import Zone
from headwater.model.profile import MOST_VALUES, ColumnProfile, Magnitude, Profile, Sketch
from headwater.model.source import Source
from headwater.model.types import DAY_SUFFIX, Kind

MOST_SAMPLED = 1 << 16
"""Rows that the sizes of numbers are taken from; beyond it every second row is left out, again and again."""

MOST_SHAPED = 2_000
MOST_SHAPES = 6
MOST_GROUPS, MOST_GROUPING, MOST_MONTHS = 12, 3, 13
FEWEST = 4
"""Rows of a group whose sizes are worth keeping."""

LONGEST_VALUE = 60
REPEATS = 4
"""A closed list is one whose texts stand in at least so many rows each, on average."""

_KINDS = {TEXT: "text", NUMBER: "number", DOUBLE: "number", PADDED: "number", DATE: "date", BOOLEAN: "boolean"}
_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)
_RUNS = re.compile(r"(a|9)\1+")

Doubles = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Seen:
    """What was gathered of one column."""

    rows: int = 0
    filled: int = 0
    faulty: int = 0
    kind: str = ""
    shapes: tuple[tuple[str, int], ...] = ()
    values: Counter[str] | None = None
    hours: Integers | None = None
    sizes: list[Doubles] = field(default_factory=list)
    texts: list[Any] = field(default_factory=list)


class Profiler:
    """Sees every chunk of a file once, typed."""

    def __init__(self, plans: Sequence[TablePlan], source: Source, header: tuple[str, ...], separator: str) -> None:
        self._plans, self._source, self._header, self._separator = plans, source, header, separator
        self._seen = {(t.table.id, p.column.id): _fresh(p) for t in plans for p in t.columns}
        self._zones: dict[str, Zone] = {}
        self._months: dict[str, list[Any]] = {t.table.id: [] for t in plans}
        self._kept: dict[str, list[Integers]] = {t.table.id: [] for t in plans}
        self._level = 0
        self._sampled = 0

    def see(self, chunk: Chunk, typed: Sequence[Typed], refused: Flags, zone: str) -> None:
        """Takes in a chunk: its cells, what they became, and which rows are set aside."""
        self._shape(chunk)
        business = self._zones.setdefault(zone, Zone(zone))
        ranks = _ranks(chunk.rows)
        for plan, t in zip(self._plans, typed, strict=True):
            keep = t.meant & ~refused
            chosen = keep & _drawn(ranks, self._level)
            self._sampled += int(chosen.sum())
            self._kept[plan.table.id].append(ranks[chosen])
            self._months[plan.table.id].append(_months(plan, t, chosen))
            faulty = Counter({f.column: int(((f.codes > 0) & t.meant).sum()) for f in t.faults})
            for p in plan.columns:
                seen = self._seen[plan.table.id, p.column.id]
                seen.rows += int(t.meant.sum())
                seen.faulty += faulty[p.column.id]
                self._column(p, seen, t, keep, chosen, business)
        if self._sampled > MOST_SAMPLED:
            self._thin()

    def _column(self, p: ColumnPlan, seen: _Seen, t: Typed, keep: Flags, chosen: Flags, business: Zone) -> None:
        kind = p.column.type.kind
        array = t.columns[p.column.id + DAY_SUFFIX if kind is Kind.TIME else p.column.id]
        valid = np.asarray(pc.is_valid(array).to_numpy(zero_copy_only=False), bool)
        seen.filled += int((valid & keep).sum())
        if kind in _NUMBERS:
            seen.sizes.append(_sizes(array.filter(pa.array(chosen))))
        elif kind is Kind.TIME:
            stamps = t.columns[p.column.id].filter(pa.array(keep)).drop_null().cast(pa.int64())
            hours = np.bincount(
                business.hour(np.asarray(stamps.to_numpy(zero_copy_only=False), np.int64)), minlength=24
            )
            seen.hours = hours if seen.hours is None else seen.hours + hours
        elif seen.values is not None:
            texts = array.filter(pa.array(keep))
            counts = pc.value_counts(texts.drop_null())
            seen.values.update(dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True)))
            seen.texts.append(array.filter(pa.array(chosen)))
            if len(seen.values) > MOST_VALUES or any(_is_free(v) for v in seen.values):
                seen.values = None
                seen.texts.clear()

    def _shape(self, chunk: Chunk) -> None:
        for plan in self._plans:
            for p in plan.columns:
                seen = self._seen[plan.table.id, p.column.id]
                if p.place < 0 or seen.shapes:
                    continue
                cells = cells_of(p, chunk)
                seen.shapes = shapes(cells.texts)
                if cells.kinds is not None:
                    filled = np.asarray(pc.is_valid(cells.texts).to_numpy(zero_copy_only=False), bool)
                    common = Counter(_KINDS.get(k, "") for k in cells.kinds[filled].tolist()).most_common(1)
                    seen.kind = common[0][0] if common else ""

    def _thin(self) -> None:
        """Leaves out every second sampled row."""
        self._level += 1
        self._sampled = 0
        for plan in self._plans:
            name = plan.table.id
            stay = [_drawn(r, self._level) for r in self._kept[name]]
            self._kept[name] = [r[s] for r, s in zip(self._kept[name], stay, strict=True)]
            self._months[name] = [m[s] for m, s in zip(self._months[name], stay, strict=True)]
            self._sampled += sum(len(r) for r in self._kept[name])
            for p in plan.columns:
                seen = self._seen[name, p.column.id]
                if seen.sizes:
                    seen.sizes = [v[s] for v, s in zip(seen.sizes, stay, strict=True)]
                if seen.texts:
                    seen.texts = [v.filter(pa.array(s)) for v, s in zip(seen.texts, stay, strict=True)]

    def profile(self, forms: Mapping[tuple[str, str], str]) -> Profile:
        """The profile of the whole file; `forms` says how dates and numbers of undeclared columns are written."""
        columns = []
        for plan in self._plans:
            grouping = self._grouping(plan)
            months = np.concatenate([np.zeros(0, np.int64), *self._months[plan.table.id]])
            for p in plan.columns:
                seen = self._seen[plan.table.id, p.column.id]
                columns.append(
                    ColumnProfile(
                        plan.table.id,
                        p.column.id,
                        self._header[p.place] if p.place >= 0 else "",
                        reading(p, plan, self._source),
                        seen.kind,
                        forms.get((plan.table.id, p.column.id), "") if seen.filled else "",
                        seen.rows,
                        seen.filled,
                        seen.faulty,
                        seen.shapes,
                        _closed(p, seen),
                        _magnitudes(np.concatenate(seen.sizes), grouping, months) if seen.sizes else (),
                        tuple(seen.hours.tolist()) if seen.hours is not None and seen.hours.any() else (),
                    )
                )
            if plan.updated_at is not None:
                p, at = plan.updated_at, (plan.table.id, plan.updated_at.column.id)
                header, form = self._header[p.place], forms.get(at, "")
                columns.append(ColumnProfile(*at, header, reading(p, plan, self._source), form=form))
        return Profile(self._header, self._separator, tuple(columns))

    def _grouping(self, plan: TablePlan) -> list[tuple[str, Any]]:
        """The columns whose texts tell groups of rows, with the texts of the sampled rows; the currency first."""
        found = []
        for p in sorted(plan.columns, key=lambda p: not p.is_currency):
            seen = self._seen[plan.table.id, p.column.id]
            if 2 <= len(_closed(p, seen)) <= MOST_GROUPS:
                found.append((p.column.id, pa.chunked_array(seen.texts, pa.string()).combine_chunks()))
        return found[:MOST_GROUPING]


def _fresh(p: ColumnPlan) -> _Seen:
    listed = p.column.type.kind is Kind.TEXT and not p.column.personal and p.place >= 0
    return _Seen(values=Counter() if listed else None)


def _is_free(text: str) -> bool:
    """Whether a text is more than the name of a category: long, or with an address in it."""
    return len(text) > LONGEST_VALUE or "@" in text


def _closed(p: ColumnPlan, seen: _Seen) -> tuple[str, ...]:
    """The texts of a closed list, sorted; nothing for a column that is none."""
    if not seen.values:
        return ()
    declared = bool(p.column.values or p.mapping.values)
    return tuple(sorted(seen.values)) if declared or seen.values.total() >= REPEATS * len(seen.values) else ()


def reading(p: ColumnPlan, plan: TablePlan, source: Source) -> str:
    """The hash of all that decides how a column's cells are read."""
    said = [
        asdict(p.mapping),
        [source.decimal, source.thousands, source.date_format, source.ambiguous_time, source.accounting_negatives],
        [p.zone, p.prefix, sorted(p.empty)],
        [plan.where, sorted(plan.where_values), plan.currency, *([plan.where_starts] if plan.where_starts else [])],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def shapes(texts: Any) -> tuple[tuple[str, int], ...]:
    """The commonest shapes of the first texts with their share in thousandths: letters are a, digits 9, each run is
    one, and what is neither, nor an ASCII mark, is '?'.

    >>> shapes(pa.array(["ann@one.org", "bob@two.org", "12.5"]))
    (('a@a.a', 667), ('9.9', 333))
    """
    some = [t for t in texts.slice(0, MOST_SHAPED).to_pylist() if t]
    if not some:
        return ()
    counts = Counter(_shape(t) for t in some)
    return tuple((shape, round(1000 * n / len(some))) for shape, n in counts.most_common(MOST_SHAPES))


def sketched(reader: Reader) -> tuple[Sketch, ...]:
    """The columns of an opened file by its first rows."""
    chunk = next(iter(reader.chunks()), None)
    columns = [c.texts.slice(0, MOST_SHAPED) for c in chunk.columns] if chunk is not None else []
    return tuple(_sketch(h, texts) for h, texts in zip(reader.header, columns, strict=False))


def _sketch(header: str, texts: Any) -> Sketch:
    different = pc.unique(pc.utf8_trim_whitespace(texts)).drop_null().to_pylist()
    plain = texts.filter(pc.fill_null(pc.match_substring_regex(texts, r"^-?\d{1,15}(\.\d{1,9})?$"), False))
    sizes = _sizes(pc.cast(plain, pa.float64(), safe=False)) if len(plain) else np.zeros(0)
    known = sizes[~np.isnan(sizes)]
    size = round(1000 * float(np.median(known))) if len(known) >= FEWEST else None
    return Sketch(header, shapes(texts), tuple(different) if len(different) <= MOST_VALUES else (), size)


def _shape(text: str) -> str:
    told = "".join(
        "9" if c.isdigit() else "a" if c.isalpha() else c if c.isascii() and c.isprintable() else "?" for c in text[:80]
    )
    return _RUNS.sub(r"\1", told)


def _sizes(values: Any) -> Doubles:
    """The decimal logarithms of the sizes of numbers; not a number where there is none, or zero."""
    doubles = np.abs(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64))
    with np.errstate(divide="ignore"):
        logs = np.log10(doubles)
    logs[~np.isfinite(logs)] = np.nan
    return np.asarray(logs, np.float64)


def _months(plan: TablePlan, t: Typed, chosen: Flags) -> Integers:
    """The month of the main clock of the chosen rows, as 12 times the year and the month from 0; -1 for none."""
    table = plan.table
    event = table.column(table.event) if table.event else None
    name = "" if event is None else event.id + (DAY_SUFFIX if event.type.kind is Kind.TIME else "")
    if name not in t.columns:
        return np.full(int(chosen.sum()), -1, np.int64)
    days = t.columns[name].filter(pa.array(chosen))
    month = pc.add(pc.multiply(pc.year(days), 12), pc.subtract(pc.month(days), 1))
    return np.asarray(pc.fill_null(month, -1).to_numpy(zero_copy_only=False), np.int64)


def _magnitudes(sizes: Doubles, grouping: Sequence[tuple[str, Any]], months: Integers) -> tuple[Magnitude, ...]:
    found = [_magnitude("", sizes)]
    for name, texts in grouping:
        for text in pc.unique(texts).drop_null().to_pylist():
            members = np.asarray(pc.fill_null(pc.equal(texts, text), False).to_numpy(zero_copy_only=False), bool)
            found.append(_magnitude(f"{name}={text}", sizes[members]))
    known = np.unique(months[months >= 0])[-MOST_MONTHS:]
    found += [_magnitude(f"{m // 12:04d}-{m % 12 + 1:02d}", sizes[months == m]) for m in known.tolist()]
    return tuple(sorted((m for m in found if m is not None), key=lambda m: m.group))


def _magnitude(group: str, sizes: Doubles) -> Magnitude | None:
    known = sizes[~np.isnan(sizes)]
    if len(known) < FEWEST:
        return None
    low, middle, high = (round(1000 * float(q)) for q in np.quantile(known, (0.25, 0.5, 0.75)))
    return Magnitude(group, len(known), low, middle, high)


def _ranks(rows: Integers) -> Integers:
    """Numbers that look drawn at random but follow from the row alone, so that the same file gives the same sample."""
    mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(mixed >> np.uint64(32), np.int64)


def _drawn(ranks: Integers, level: int) -> Flags:
    return np.asarray(ranks % (1 << level) == 0, bool)
