"""A workshop on paper: plan nodes interpreted in plain Python, row by row. It is slow, small and shares nothing with
the renderer and the engine, so that either can be held against the other."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key, partial
from itertools import groupby
from statistics import mean, median, stdev
from typing import Any

from headwater.build.run import build
from headwater.model import plan as p
from headwater.model.generation import Generation, Part
from headwater.model.landing import Batch, JournalEntry, LandedTable
from headwater.model.period import add_months
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, Table, stored_columns
from headwater.model.types import Kind, Type
from tests.build.world import START, Row, event_days, landed

Line = dict[str, Any]
EPOCH = datetime(1970, 1, 1)


class Sheet:
    """Rows under column names."""

    def __init__(self, names: Sequence[str], rows: Iterable[Line]) -> None:
        self.names, self.rows = tuple(names), list(rows)


# --- scalars ----------------------------------------------------------------------------------------------------------


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _digest(values: Sequence[Any]) -> int:
    text = chr(31).join(chr(30) if v is None else _text(v) for v in values)
    return int(hashlib.md5(text.encode()).hexdigest()[:15], 16)


def _trunc(unit: str, value: Any) -> date:
    d = _day(value)
    match unit:
        case "week":
            return d - timedelta(d.weekday())
        case "month":
            return d.replace(day=1)
        case "quarter":
            return d.replace(month=(d.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return d.replace(month=1, day=1)


def _whole_seconds(a: datetime, b: datetime) -> int:
    micros = (b - a) // timedelta(microseconds=1)
    return micros // 1_000_000 if micros >= 0 else -(-micros // 1_000_000)


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    """Two numbers as they are, or both as doubles where one is."""
    return (float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else (a, b)


def _is_mail(text: str) -> bool:
    return len(text.split()) == 1 and text == text.strip() and [bool(p) for p in text.split("@")] == [True, True]


def _host(text: str) -> str:
    for mark in ("/", "?", "#", ":"):
        text = text.split("://", 1)[-1].split(mark, 1)[0]
    return text.removeprefix("www.")


_STRICT: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: operator.add(*_alike(a, b)), "sub": lambda a, b: operator.sub(*_alike(a, b)),
    "mul": lambda a, b: operator.mul(*_alike(a, b)),
    "div": lambda a, b: float(a) / float(b) if b else None,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "not": lambda a: not a,
    "trunc_week": partial(_trunc, "week"), "trunc_month": partial(_trunc, "month"),
    "trunc_quarter": partial(_trunc, "quarter"), "trunc_year": partial(_trunc, "year"),
    "days_between": lambda a, b: (_day(b) - _day(a)).days,
    "seconds_between": _whole_seconds,
    "add_days": lambda a, n: _day(a) + timedelta(n),
    "add_months": lambda a, n: add_months(_day(a), n),
    "add_seconds": lambda a, n: a + timedelta(seconds=n),
    "as_instant": lambda a: datetime(a.year, a.month, a.day),
    "as_day": _day,
    "as_text": _text, "as_integer": round, "as_double": float,
    "as_money": lambda a: round(Decimal(a), 6), "as_rate": lambda a: round(Decimal(a), 10),
    "ceiling": math.ceil, "square_root": math.sqrt,
    "block_of": lambda n: n >> 6, "count_bits": lambda bits: bits.bit_count(),
    "lower": lambda a: "".join(c.lower()[0] for c in a), "trim": lambda a: a.strip(" "),
    "contains": lambda a, part: part in a, "begins": str.startswith, "ends": str.endswith,
    "mail_of": lambda a: a if _is_mail(a) else None,
    "mail_domain_of": lambda a: a.split("@")[1] if _is_mail(a) else None,
    "host_of": lambda a: _host(a) or None,
    "labelled": lambda host, *names: any(f".{n}." in f".{host}." for n in names),
    "bucket_of": lambda a, n: int(hashlib.md5(a.encode()).hexdigest()[:8], 16) % n,
}  # fmt: skip


def scalar(value: p.Scalar, row: Line) -> Any:
    """The value of a scalar in one row; columns of a join's sides are named `left.x` and `right.x`."""
    if isinstance(value, p.Col):
        return row[f"{value.side}.{value.name}" if value.side else value.name]
    if isinstance(value, p.Lit):
        return value.value
    if isinstance(value, p.Over):
        return row[_over_name(value)]
    name, args = value.name, value.args
    if name in _STRICT:
        values = [scalar(a, row) for a in args]
        return None if None in values else _STRICT[name](*values)
    match name:
        case "and":
            found = [scalar(a, row) for a in args]
            return False if False in found else None if None in found else True
        case "or":
            found = [scalar(a, row) for a in args]
            return True if True in found else None if None in found else False
        case "is_null":
            return scalar(args[0], row) is None
        case "distinct_from":
            return scalar(args[0], row) != scalar(args[1], row)
        case "in":
            asked, *known = (scalar(a, row) for a in args)
            return None if asked is None else True if asked in known else None if None in known else False
        case "case":
            for condition, result in zip(args[:-1:2], args[1::2], strict=False):
                if scalar(condition, row):
                    return scalar(result, row)
            return scalar(args[-1], row)
        case "coalesce":
            return next((v for a in args if (v := scalar(a, row)) is not None), None)
        case "concat":
            return "".join("" if (v := scalar(a, row)) is None else _text(v) for a in args)
        case "hash" | "row_digest":
            return _digest([scalar(a, row) for a in args])
    raise ValueError(f"{name} is not on paper")


def _before(orders: Sequence[p.Order]) -> Callable[[Line], Any]:
    def compare(a: Line, b: Line) -> int:
        for order in orders:
            x, y = scalar(order.by, a), scalar(order.by, b)
            if x == y:
                continue
            if x is None or y is None:
                return 1 if x is None else -1
            return (1 if x > y else -1) * (-1 if order.descending else 1)
        return 0

    return cmp_to_key(compare)


def _key(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple((v is not None, v) for v in values)


def _overs(value: p.Scalar) -> Iterable[p.Over]:
    match value:
        case p.Over():
            yield value
        case p.Op(_, args):
            for arg in args:
                yield from _overs(arg)
        case _:
            pass


def _over_name(over: p.Over) -> str:
    return f"over {over!r}"


def _window(rows: list[Line], over: p.Over) -> None:
    groups: dict[Any, list[Line]] = {}
    for row in rows:
        groups.setdefault(tuple(scalar(s, row) for s in over.partition), []).append(row)
    for group in groups.values():
        group.sort(key=_before(over.order))
        values = [scalar(over.argument, row) if over.argument else None for row in group]
        for i, row in enumerate(group):
            match over.name:
                case "row_number":
                    result: Any = i + 1
                case "lag":
                    result = values[i - 1] if i else None
                case "lead":
                    result = values[i + 1] if i + 1 < len(group) else None
                case _:
                    upto = [v for v in (values[: i + 1] if over.order else values) if v is not None]
                    tools: dict[str, Callable[[list[Any]], Any]] = {"max": max, "min": min, "sum": sum}
                    result = len(group) if over.name == "count_rows" else tools[over.name](upto) if upto else None
            row[_over_name(over)] = result


def _aggregate(agg: p.Agg, rows: list[Line]) -> Any:
    met = [r for r in rows if agg.where is None or scalar(agg.where, r)]
    if agg.name == "count_rows":
        return len(met)
    if agg.name in ("first_by", "last_by"):
        orders = [p.Order(o, descending=agg.name == "last_by") for o in agg.order]
        first = min(met, key=_before(orders), default=None)
        return None if first is None or agg.argument is None else scalar(agg.argument, first)
    assert agg.argument is not None
    values = [v for r in met if (v := scalar(agg.argument, r)) is not None]
    match agg.name:
        case "count":
            return len(values)
        case "count_distinct":
            return len(set(values))
        case _ if not values:
            return None
        case "sum":
            return sum(values)
        case "min" | "every":
            return min(values)
        case "max" | "some":
            return max(values)
        case "any_value":
            return values[0]
        case "mean":
            return mean(values)
        case "stddev":
            return stdev(float(v) for v in values) if len(values) > 1 else None
        case "median":
            return median(float(v) for v in values)
        case "quantile":
            place = (agg.quantile or 0) * (len(values) - 1)
            low, ordered = int(place), sorted(float(v) for v in values)
            return ordered[low] + (place - low) * (ordered[min(low + 1, len(values) - 1)] - ordered[low])
        case "bits":
            found = 0
            for n in values:
                found |= 1 << (n & 63)
            return found
        case _:
            raise ValueError(f"{agg.name} is not on paper")


# --- relations --------------------------------------------------------------------------------------------------------


def interpret(relation: p.Relation, known: Mapping[str, Sheet]) -> Sheet:
    """The rows of a relation over named sheets."""
    match relation:
        case p.Scan(name):
            return known[name]
        case p.Shared(_, source):
            return interpret(source, known)
        case p.Values(columns, rows):
            names = [n for n, _ in columns]
            return Sheet(names, (dict(zip(names, row, strict=True)) for row in rows))
        case p.Union(sources):
            sheets = [interpret(s, known) for s in sources]
            names = sheets[0].names
            assert all(len(s.names) == len(names) for s in sheets)
            lines = [dict(zip(names, (r[n] for n in s.names), strict=True)) for s in sheets for r in s.rows]
            return Sheet(names, lines)
        case p.Sort(source, by, limit):
            sheet = interpret(source, known)
            ordered = sorted(sheet.rows, key=_before(by))
            return Sheet(sheet.names, ordered if limit is None else ordered[:limit])
        case p.Project(source, columns, where, keep_all):
            names, rows = _input(source, known)
            if where is not None:
                rows = [r for r in rows if scalar(where, r)]
            rows = [dict(r) for r in rows]
            for over in {o for c in columns for o in _overs(c.value)}:
                _window(rows, over)
            kept = names if keep_all else ()
            out = [
                {n: r[n] for n in kept} | {c.name: scalar(c.value, r) for c in columns if c.name not in kept}
                for r in rows
            ]
            repeated = [c.name for c in columns if c.name in kept]
            assert not repeated, f"columns given twice: {repeated}"
            return Sheet((*kept, *(c.name for c in columns)), out)
        case p.Group(source, keys, aggregates, having):
            _, rows = _input(source, known)
            groups: dict[Any, list[Line]] = {} if keys else {(): []}
            for row in rows:
                groups.setdefault(tuple(scalar(k.value, row) for k in keys), []).append(row)
            lines = []
            for values, group in groups.items():
                line = dict(zip((k.name for k in keys), values, strict=True))
                line |= {a.name: _aggregate(a.value, group) for a in aggregates}
                if having is None or scalar(having, line):
                    lines.append(line)
            return Sheet((*(k.name for k in keys), *(a.name for a in aggregates)), lines)
        case p.Join():
            raise ValueError("a Join needs a Project or a Group over it")
    raise TypeError(relation)


def _equal_sides(on: p.Scalar | None) -> tuple[list[p.Scalar], list[p.Scalar]]:
    """What has to be equal for two rows of a join to be a pair, of the left one and of the right one."""
    ours: list[p.Scalar] = []
    theirs: list[p.Scalar] = []
    for part in on.args if isinstance(on, p.Op) and on.name == "and" else (on,):
        if isinstance(part, p.Op) and part.name == "eq":
            for one, other in (part.args, part.args[::-1]):
                if _sides(one) == {"left"} and _sides(other) == {"right"}:
                    ours.append(one)
                    theirs.append(other)
    return ours, theirs


def _sides(value: p.Scalar) -> set[str]:
    match value:
        case p.Col(_, side):
            return {side}
        case p.Op(_, args):
            return set().union(*(_sides(a) for a in args))
        case _:
            return set()


def _input(source: p.Relation, known: Mapping[str, Sheet]) -> tuple[tuple[str, ...], list[Line]]:
    if not isinstance(source, p.Join):
        sheet = interpret(source, known)
        return sheet.names, sheet.rows
    left, right = interpret(source.left, known), interpret(source.right, known)
    lines: list[Line] = []
    ours, theirs = _equal_sides(source.on)
    matches: dict[Any, list[Line]] = {}
    for b in right.rows:
        there = {f"right.{n}": v for n, v in b.items()}
        matches.setdefault(tuple(scalar(s, there) for s in theirs), []).append(there)
    for a in left.rows:
        one = {f"left.{n}": v for n, v in a.items()}
        pairs = []
        for there in matches.get(tuple(scalar(s, one) for s in ours), ()):
            both = one | there
            if source.on is None or scalar(source.on, both):
                pairs.append(both)
        match source.kind:
            case "inner" | "cross":
                lines += pairs
            case "left":
                lines += pairs or [one | {f"right.{n}": None for n in right.names}]
            case "semi":
                lines += [one] if pairs else []
            case "anti":
                lines += [] if pairs else [one]
            case _:
                raise ValueError(source.kind)
        assert not source.unique or source.kind not in ("inner", "left") or len(pairs) < 2, f"not unique: {source}"
    return (), lines


# --- the workshop -----------------------------------------------------------------------------------------------------


class PaperWorkshop:
    """`model.workshop.Workshop` over sheets; `parts` are the rows of every part ever written."""

    def __init__(self, previous: Generation | None, known: dict[str, Sheet], parts: dict[str, list[Line]]) -> None:
        self.previous, self.known, self.parts = previous, known, parts
        self.written: list[str] = []

    def keep(self, name: str, relation: p.Relation) -> int:
        assert name not in self.known, f"{name} is kept already"
        sheet = interpret(relation, self.known)
        self.known[name] = Sheet(sheet.names, [{n: r[n] for n in sheet.names} for r in sheet.rows])
        return len(sheet.rows)

    def drop(self, name: str) -> None:
        self.known.pop(name, None)

    def fetch(self, relation: p.Relation) -> list[tuple[Any, ...]]:
        sheet = interpret(relation, self.known)
        return [tuple(r[n] for n in sheet.names) for r in sheet.rows]

    def write(
        self,
        columns: Sequence[tuple[str, Type]],
        rows: p.Relation,
        partition: p.Scalar,
        order: Sequence[p.Order],
        digest: Sequence[p.Named],
    ) -> tuple[Part, ...]:
        sheet = interpret(rows, self.known)
        for line in sheet.rows:
            for name, type_ in columns:
                check_type(name, type_, line[name])
        found = []
        labelled = sorted(((scalar(partition, r), r) for r in sheet.rows), key=lambda one: one[0])
        for label, group in groupby(labelled, key=lambda one: one[0]):
            lines = [r for _, r in group]
            places = [_key([scalar(o.by, r) for o in order]) for r in lines]
            assert len(set(places)) == len(places), "the order of a part is not total"
            lines = [{n: r[n] for n, _ in columns} for r in sorted(lines, key=_before(order))]
            total = sum(_digest([scalar(d.value, r) for d in digest]) for r in lines) % 2**64
            file = hashlib.sha256(repr((label, lines)).encode()).hexdigest()
            self.parts[file] = lines
            self.written.append(file)
            found.append(Part(file, label, len(lines), 0, str(total)))
        return tuple(found)

    def publish_table(self, table: str, columns: Sequence[tuple[str, Type]], parts: Sequence[Part]) -> None:
        lines = [r for part in parts for r in self.parts[part.file]]
        self.known[f"new__{table}"] = Sheet([n for n, _ in columns], lines)


def check_type(name: str, type_: Type, value: Any) -> None:
    """A value of a stored column is of its type."""
    wanted: dict[Kind, type | tuple[type, ...]] = {
        Kind.TEXT: str, Kind.ID: str, Kind.INTEGER: int, Kind.BOOLEAN: bool, Kind.TIME: datetime, Kind.DAY: date,
        Kind.MONEY: (Decimal, int), Kind.NUMBER: (Decimal, int),
    }  # fmt: skip
    assert value is None or isinstance(value, wanted[type_.kind]), f"{name}: {value!r}"
    assert type_.kind is not Kind.DAY or not isinstance(value, datetime), f"{name}: {value!r}"


class PaperWorld:
    """`World`, on paper."""

    def __init__(self, tables: Mapping[str, Table], settings: Settings | None = None) -> None:
        self.tables, self.settings = tables, settings or Settings()
        self.clock, self.build_hash = START, "1"
        self.entries: list[JournalEntry] = []
        self.lines: dict[str, list[Line]] = {name: [] for name in tables}
        self.parts: dict[str, list[Line]] = {}
        self.generation: Generation | None = None
        self.workshop: PaperWorkshop | None = None

    def load(
        self,
        source: str = "crm",
        *,
        full: bool = False,
        part_of: str = "",
        system: str = "",
        complete: date | None = None,
        at: datetime | None = None,
        **tables: Sequence[Row],
    ) -> int:
        """As `World.load`."""
        self.clock = at or self.clock + timedelta(hours=1)
        number = len(self.entries) + 1
        landed_tables = []
        for name, rows in tables.items():
            of = self.tables[name]
            content, names = landed(of, rows, self.settings.time_zone)
            for line in content.to_pylist():
                whole = dict.fromkeys(n for n, _ in stored_columns(of))
                self.lines[name].append(
                    {k: v for k, v in (whole | line | {"_batch": number}).items() if k not in ("_source", "_load")}
                )
            days = event_days(of, rows, self.settings.time_zone)
            updated = any("updated" in r for r in rows)
            landed_tables.append(
                LandedTable(
                    name, f"{name}.parquet", len(rows), names, updated, min(days, default=None), max(days, default=None)
                )
            )
        self.entries.append(
            Batch(number, str(number), source, system, "", str(number), "m", self.clock, full, 0, 0, 0, 0, (),
                  tuple(landed_tables), complete, (), part_of)
        )  # fmt: skip
        return number

    def build(self, *, anew: bool = False, publishing: bool = True, but: Collection[int] = ()) -> Generation:
        """As `World.build`."""
        entries = [e for e in self.entries if e.number not in but]
        previous = None if anew else self.generation
        known: dict[str, Sheet] = {}
        for name, of in self.tables.items():
            columns = [n for n, _ in stored_columns(of) if n not in ("_source", "_load", "_row")]
            names = [*columns, "_row", "_deleted", "_merged_into", "_updated_at", "_batch"]
            known[f"landed__{name}"] = Sheet(
                names, [dict.fromkeys(names) | r for r in self.lines[name] if r["_batch"] not in but]
            )
            for stored in (of, replace(of, id=name + VERSIONS_SUFFIX)):
                old = previous.table(stored.id) if previous else None
                lines = [r for part in old.parts for r in self.parts[part.file]] if old else []
                known[f"old__{stored.id}"] = Sheet([n for n, _ in stored_columns(stored)], lines)
        self.workshop = PaperWorkshop(previous, known, self.parts)
        made = build(self.workshop, entries, self.tables, self.settings, self.clock, self.build_hash)
        if publishing:
            self.generation = replace(made, id=str(len(self.entries)))
        return made

    def rows(self, name: str, *wanted: str) -> list[Any]:
        """As `World.rows`."""
        assert self.generation is not None
        stored = self.generation.table(name)
        assert stored is not None
        of = replace(self.tables[name.removesuffix(VERSIONS_SUFFIX)], id=name)
        chosen = list(wanted) or [n for n, _ in stored_columns(of) if n not in ("_load", "_row")]
        lines = [r for part in stored.parts for r in self.parts[part.file]]
        rows = sorted((tuple(r[n] for n in chosen) for r in lines), key=_key)
        return [r[0] for r in rows] if len(chosen) == 1 else rows
