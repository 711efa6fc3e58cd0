"""A tiny world: loads written down as rows, landed in a real store, built and read back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.build.run import build
from headwater.files.arrow import arrow_type
from headwater.metrics.render import render
from headwater.model.generation import Generation
from headwater.model.landing import Draft, LandedTable
from headwater.model.plan import Scan
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, Column, Table, stored_columns
from headwater.model.types import Kind, Type, parse_type
from headwater.store.generations import current, pinned, publish
from headwater.store.landing import commit, journal, stage
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from headwater.store.workshop import open_workshop

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
Row = Mapping[str, Any]


def columns(text: str, **more: dict[str, Any]) -> tuple[Column, ...]:
    """Columns of a text such as `lead_id id, created_at time`, with more attributes by name."""
    found = []
    for part in text.split(","):
        name, kind = part.split()
        found.append(Column(name, parse_type(kind.replace(";", ",")), **more.get(name, {})))
    return tuple(found)


def table(id_: str, text: str, key: str, **more: Any) -> Table:
    """A table of one line."""
    own = more.pop("more", {})
    return Table(id_, id_, "one row", "thing", tuple(key.split()), columns(text, **own), **more)


def moment(value: Any) -> datetime | None:
    """`2026-01-05 10:00` as an instant in UTC."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def day(value: Any) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(value[:10])


def local_day(value: Any, zone: str) -> date | None:
    """The date that a zone's calendar shows at a moment: of a text with a clock, an instant in UTC, or a day alone."""
    if value is None or len(str(value)) <= 10:
        return day(value)
    found = moment(value)
    return None if found is None else found.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def event_days(of: Table, rows: Sequence[Row], zone: str) -> list[date]:
    """The local days of the table's event in rows that have one, in order."""
    days = [local_day(row[of.event], zone) for row in rows if row.get(of.event)] if of.event else []
    return sorted(d for d in days if d is not None)


def _value(type_: Type, value: Any) -> Any:
    if value is None:
        return None
    match type_.kind:
        case Kind.NUMBER | Kind.MONEY:
            return round(Decimal(value), type_.scale)
        case Kind.DAY:
            return day(value)
        case _:
            return value


def landed(table_: Table, rows: Sequence[Row], zone: str = "UTC") -> tuple[pa.Table, tuple[str, ...]]:
    """Rows as a landed batch holds them, and the columns mapped. A time is a text with a clock (in UTC; its day is that
    of `zone`), or a day alone. `deleted`, `merged`, `updated` are what the row says of itself."""
    mapped = [c for c in table_.columns if any(c.id in row for row in rows)]
    data: dict[str, pa.Array] = {}
    for c in mapped:
        values = [row.get(c.id) for row in rows]
        if c.type.kind is Kind.TIME:
            data[c.id] = pa.array([moment(v) if v and len(str(v)) > 10 else None for v in values], pa.timestamp("us"))
            data[f"{c.id}__day"] = pa.array([local_day(v, zone) if v else None for v in values], pa.date32())
        else:
            data[c.id] = pa.array([_value(c.type, v) for v in values], arrow_type(c.type))
    names = tuple(data)
    data["_row"] = pa.array(range(1, len(rows) + 1), pa.int64())
    data["_deleted"] = pa.array([bool(row.get("deleted")) for row in rows], pa.bool_())
    data["_merged_into"] = pa.array([row.get("merged") for row in rows], pa.string())
    data["_updated_at"] = pa.array([moment(row.get("updated")) for row in rows], pa.timestamp("us"))
    return pa.table(data), names


@dataclass
class World:
    """A store in a folder, and the definitions it is built by."""

    folder: Path
    tables: Mapping[str, Table]
    settings: Settings = field(default_factory=lambda: Settings(memory_mb=512))
    clock: datetime = START
    build_hash: str = "1"

    def __post_init__(self) -> None:
        self.store: Store = open_store(self.folder, create=True)

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
        """Lands one file with rows of these tables, an hour after the last one; its number in the journal."""
        self.clock = at or self.clock + timedelta(hours=1)
        with writing(self.store):
            folder = stage(self.store)
            landed_tables = []
            for name, rows in tables.items():
                of = self.tables[name]
                content, names = landed(of, rows, self.settings.time_zone)
                pq.write_table(content, folder / f"{name}.parquet")
                days = event_days(of, rows, self.settings.time_zone)
                landed_tables.append(
                    LandedTable(
                        table=name,
                        file=f"{name}.parquet",
                        rows=len(rows),
                        columns=names,
                        has_updated_at=any("updated" in r for r in rows),
                        first_day=min(days, default=None),
                        last_day=max(days, default=None),
                    )
                )
            number = len(journal(self.store)) + 1
            count = sum(t.rows for t in landed_tables)
            draft = Draft(
                source=source,
                system=system,
                path=f"{source}.csv",
                content=hashlib.sha256(f"{number}".encode()).hexdigest(),
                mapping="m",
                full=full,
                data_rows=count,
                loaded=count,
                quarantined=0,
                collapsed=0,
                skipped=(),
                tables=tuple(landed_tables),
                complete_through=complete,
            )
            batch = commit(self.store, folder, draft, self.clock, part_of=part_of)
            assert batch is not None
            return batch.number

    def build(self, *, anew: bool = False, publishing: bool = True, but: Collection[int] = ()) -> Generation:
        """Builds the journal (but some entries) and makes the result current; `anew` builds everything from nothing."""
        with writing(self.store):
            entries = tuple(e for e in journal(self.store) if e.number not in but)
            previous = None if anew else current(self.store)
            with open_workshop(self.store, render, previous, entries, self.tables, self.settings) as workshop:
                candidate = build(workshop, entries, self.tables, self.settings, self.clock, self.build_hash)
            return publish(self.store, candidate) if publishing else candidate

    def rows(self, name: str, *wanted: str) -> list[Any]:
        """The rows of the current generation's table: tuples of the wanted columns (one column: its values), sorted."""
        of = self.tables[name.removesuffix(VERSIONS_SUFFIX)]
        from dataclasses import replace

        names = [n for n, _ in stored_columns(replace(of, id=name))]
        chosen = list(wanted) or [n for n in names if n not in ("_load", "_row")]
        with pinned(self.store) as reader:
            found = reader.rows(render(Scan(name)))
        places = [names.index(n) for n in chosen]
        rows = sorted((tuple(r[p] for p in places) for r in found), key=lambda r: tuple((v is not None, v) for v in r))
        return [r[0] for r in rows] if len(chosen) == 1 else rows


def digests(generation: Generation) -> dict[str, tuple[int, str]]:
    """Rows and logical digest of every table."""
    return {t.table: (t.rows, t.digest) for t in generation.tables}
