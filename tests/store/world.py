"""A tiny world for the store: two tables, batches of a few rows, and a build of one statement a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.metrics.render import render
from headwater.model.generation import Generation, StoredTable
from headwater.model.landing import Batch, Draft, LandedTable
from headwater.model.plan import Col, Lit, Named, Op, Order, Project, Relation, Scan
from headwater.model.settings import Settings
from headwater.model.table import Column, Table, stored_columns
from headwater.model.types import ID, MONEY, TEXT, TIME, Kind, Type
from headwater.model.workshop import Workshop
from headwater.store import generations, landing
from headwater.store.place import Store
from headwater.store.workshop import open_workshop

NOW = datetime(2026, 1, 31, 12, 0, 0)

LEADS = Table(
    "leads", "Leads", "one row per lead", "lead", ("lead_id",),
    (
        Column("lead_id", ID), Column("created_at", TIME), Column("email", TEXT, personal=True), Column("note", TEXT),
        Column("amount", MONEY),
    ),
)  # fmt: skip
ORDERS = Table(
    "orders", "Orders", "one row per order", "order", ("order_id",), (Column("order_id", ID), Column("lead_id", ID))
)
TABLES: Mapping[str, Table] = {"leads": LEADS, "orders": ORDERS}

_ARROW = {
    Kind.TEXT: pa.string(),
    Kind.ID: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.DAY: pa.date32(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIME: pa.timestamp("us"),
}
_BOOKKEEPING = (
    ("_row", pa.int64()),
    ("_deleted", pa.bool_()),
    ("_merged_into", pa.string()),
    ("_updated_at", pa.timestamp("us")),
)
_QUARANTINE = pa.schema(
    [
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("code", pa.string()),
        ("reason", pa.string()),
        ("raw", pa.string()),
    ]
)


def lead(
    key: str, email: str | None = None, note: str | None = None, amount: str | None = None, day: int = 1
) -> dict[str, Any]:
    from decimal import Decimal

    at = datetime(2026, 1, 1) + timedelta(days=day - 1)
    return {
        "lead_id": key, "created_at": at, "created_at__day": at.date(), "email": email, "note": note,
        "amount": Decimal(amount) if amount else None,
    }  # fmt: skip


def order(key: str, lead_id: str) -> dict[str, Any]:
    return {"order_id": key, "lead_id": lead_id}


def stage(
    store: Store,
    name: str,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    quarantine: Sequence[tuple[Any, ...]] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
    mapping: str = "m",
) -> tuple[Path, Draft]:
    """A staged folder and its draft, as a connector leaves them; `columns` are those the source maps (default: all)."""
    staged = landing.stage(store)
    landed = []
    for table, rows in tables.items():
        wanted = columns[table] if columns else [n for n, _ in stored_columns(TABLES[table]) if not n.startswith("_")]
        types = dict(stored_columns(TABLES[table]))
        fields = [(n, _arrow(types[n])) for n in wanted]
        data = {n: [row.get(n) for row in rows] for n in wanted}
        data |= {"_row": list(range(1, len(rows) + 1)), "_deleted": [False] * len(rows)}
        data |= {"_merged_into": [None] * len(rows), "_updated_at": [None] * len(rows)}
        pq.write_table(pa.table(data, schema=pa.schema([*fields, *_BOOKKEEPING])), staged / f"{table}.parquet")
        landed.append(LandedTable(table, f"{table}.parquet", len(rows), tuple(wanted), has_updated_at=False))
    if quarantine:
        data = {field.name: [row[i] for row in quarantine] for i, field in enumerate(_QUARANTINE)}
        pq.write_table(pa.table(data, schema=_QUARANTINE), staged / "quarantine.parquet")
    loaded = max((len(rows) for rows in tables.values()), default=0)
    content = hashlib.sha256(name.encode()).hexdigest()
    draft = Draft(
        source="crm", system="", path=f"{name}.csv", content=content, mapping=mapping, full=False,
        data_rows=loaded + len(quarantine), loaded=loaded, quarantined=len(quarantine), collapsed=0, skipped=(),
        tables=tuple(landed), complete_through=date(2026, 1, 31),
    )  # fmt: skip
    return staged, draft


def load(store: Store, name: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], **more: Any) -> Batch | None:
    staged, draft = stage(store, name, tables, **more)
    return landing.commit(store, staged, draft, NOW)


def build(
    store: Store, built_at: datetime = NOW, write: Callable[[Workshop, str], StoredTable] | None = None
) -> Generation:
    """Builds both tables from the whole journal and publishes them."""
    entries = landing.journal(store)
    previous = generations.current(store)
    with open_workshop(store, render, None, entries, TABLES, Settings(memory_mb=256)) as workshop:
        tables = tuple((write or write_table)(workshop, name) for name in TABLES)
    candidate = Generation(
        id="", parent=previous.id if previous else "", journal=len(entries), build="b", built_at=built_at, writer="0",
        tables=tables,
    )  # fmt: skip
    return generations.publish(store, candidate)


def write_table(workshop: Workshop, name: str) -> StoredTable:
    """The table as the last batch of each row left it... here simply every landed row, in four buckets of the key."""
    table = TABLES[name]
    columns = tuple(c for c in stored_columns(table) if c[0] != "_source")
    rows = project(Scan(f"landed__{name}"), [n for n, _ in columns if n != "_load"], _load=Col("_batch"))
    key = Col(table.key[0])
    digest = [Named(n, Col(n)) for n, _ in columns if not n.startswith("_")]
    parts = workshop.write(columns, rows, bucket(key, 4), (Order(key), Order(Col("_load"))), digest)
    workshop.publish_table(name, columns, parts)
    total = sum(int(p.digest) for p in parts) % 2**64
    return StoredTable(name, parts, sum(p.rows for p in parts), str(total))


def bucket(key: Col, count: int) -> Op:
    return Op("as_text", (Op("bucket_of", (key, Lit(count))),))


def project(source: Relation, names: Sequence[str], **more: Any) -> Project:
    return Project(source, (*(Named(n, Col(n)) for n in names), *(Named(n, v) for n, v in more.items())))


def rows_of(store: Store, table: str, *names: str, generation: str = "") -> list[tuple[Any, ...]]:
    """These columns of a stored table, sorted."""
    with generations.pinned(store, generation, replace(Settings(), memory_mb=256)) as reader:
        return sorted(reader.rows(render(project(Scan(table), names))), key=str)


def files_under(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _arrow(type_: Type) -> pa.DataType:
    if type_.kind in (Kind.MONEY, Kind.NUMBER):
        return pa.decimal128(type_.precision, type_.scale)
    return _ARROW[type_.kind]
