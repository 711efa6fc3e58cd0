"""A workspace from rows written in a test: `world(tmp_path, tables={...})` is loaded, built and ready to be asked.

    def test_two_leads(tmp_path: Path) -> None:
        workspace = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"},
                                               {"lead_id": "b", "created_at": "2025-02-03T10:00"}]})
        assert [o.value for o in workspace.measure("leads", period="2025-Q1", grain="month")] == [1, 1, 0]

Rows go through the store's own door (a staged draft that is committed to the journal) and the real build; only the
parsing of files is left out, so that hundreds of worlds are cheap. Later loads: `land(workspace, {...})`, then
`workspace.refresh()`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.api.folder import SHIPPED, Folder
from headwater.api.workspace import Workspace
from headwater.errors import DefinitionError
from headwater.files.arrow import arrow_type
from headwater.metrics.catalogue import load_catalogue
from headwater.model.landing import Draft, LandedTable
from headwater.model.table import Column, Table
from headwater.model.types import DAY_SUFFIX, Kind
from headwater.store.landing import commit, journal, stage
from headwater.store.lock import writing
from headwater.store.place import open_store

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""What counts as now in a world that is not told."""

QUARANTINE = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("column", "code", "reason", "raw"))]
)


def world(
    path: Path,
    tables: Tables | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, str] | None = None,
    now: datetime = NOW,
    through: date | Mapping[str, date] | None = None,
    build: bool = True,
) -> Workspace:
    """A workspace in `path/world` with these rows by table.

    A value is written as in a file: ids and texts as texts, `2025-01-03` or `2025-01-03T10:00` (local time, or with an
    offset) for a time, numbers and money as numbers or texts, None for no value. A row may say `_deleted: True`,
    `_merged_into: id` and `_updated_at: time`. Money without a currency column has the company's currency.

    `settings` are keys of headwater.yml (default: EUR, UTC, one thread). `files` are further files of the workspace by
    name, such as {"kpis/own.yml": "..."}. `through` is the day the data is complete through, for all tables or by table
    (default: each table's last event day). With `build=False` nothing is built yet.
    """
    asked = repr((tables, settings, files, now, through))
    if build and (kept := _built.get(asked)) is not None:
        folder = shutil.copytree(kept, path / "world")
        _keep_catalogue(folder, files)
        return Workspace(folder, now=now, environment={})
    folder = folder_with(path / "world", settings, files)
    workspace = Workspace(folder, now=now, environment={})
    if isinstance(through, Mapping):
        for name, rows in (tables or {}).items():
            land(workspace, {name: rows}, through=through.get(name), source=f"world_{name}")
    else:
        land(workspace, tables or {}, through=through)
    if build:
        workspace.refresh()
        _versions[_told(settings, files)] = (folder / ".headwater" / "cache" / "build.json").read_bytes()
        _keep_built(asked, folder)
    return workspace


_MOST_BUILT = 16
_built: dict[str, Path] = {}
"""Copies of the worlds built last, by what was asked for: the tests of a file often begin with the same one."""
_places: list[tempfile.TemporaryDirectory[str]] = []


def _keep_built(asked: str, folder: Path) -> None:
    """Keeps a copy, without the catalogue's cache, which is known anyway, in the place of the oldest one."""
    if not _places:
        _places.append(tempfile.TemporaryDirectory())
    if len(_built) >= _MOST_BUILT:
        shutil.rmtree(_built.pop(next(iter(_built))))
    copy = Path(tempfile.mkdtemp(dir=_places[0].name)) / "world"
    _built[asked] = shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("catalogue.json"))


def folder_with(
    folder: Path, settings: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None
) -> Path:
    """A workspace folder with these settings and files, and the catalogue's cache, so that no YAML is read again. For
    rows as few as these a second thread would be work and no help."""
    folder.mkdir(parents=True)
    said = {"company": "World", "threads": 1, **(settings or {})}
    (folder / "headwater.yml").write_text(json.dumps(said), encoding="utf-8")
    _write(folder, files or {})
    (folder / ".headwater" / "cache").mkdir(parents=True)
    _keep_catalogue(folder, files)
    if (known := _versions.get(_told(settings, files))) is not None:
        (folder / ".headwater" / "cache" / "build.json").write_bytes(known)
    return folder


def fresh(path: Path, **settings: Any) -> Workspace:
    """What `Workspace.init` makes, with the shipped definitions parsed already."""
    made = Workspace.init(path, **settings)
    (path / ".headwater" / "cache").mkdir(parents=True, exist_ok=True)
    _keep_catalogue(path, None)
    return made


_versions: dict[str, bytes] = {}
"""What workspaces of equal settings and files keep of how their tables are built."""


def _told(settings: Mapping[str, Any] | None, files: Mapping[str, str] | None) -> str:
    return repr((settings, files))


def _keep_catalogue(folder: Path, files: Mapping[str, str] | None) -> None:
    if (known := _catalogue(tuple(sorted((files or {}).items())))) is not None:
        (folder / ".headwater" / "cache" / "catalogue.json").write_bytes(known)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files that all seem to be of one age: a cache is valid for the names, times and sizes of files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, (0, 0))


@lru_cache(maxsize=64)
def _catalogue(files: tuple[tuple[str, str], ...]) -> bytes | None:
    """The cache of the shipped definitions and these files, read from YAML once a process; None where one is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, dict(files))
        with suppress(DefinitionError):
            load_catalogue(SHIPPED, folder, folder / "catalogue.json")
            return (folder / "catalogue.json").read_bytes()
    return None


def land(
    workspace: Workspace,
    tables: Tables,
    *,
    source: str = "world",
    full: bool = False,
    through: date | None = None,
    now: datetime | None = None,
) -> None:
    """One more load of these rows, as one batch. `full`: a key of `source` that is missing from it is deleted."""
    folder = workspace._folder
    company = folder.company()
    catalogue = folder.catalogue(company)
    store = open_store(folder.store, create=True)
    with writing(store, "test"):
        staged = stage(store)
        landed = [
            _table(catalogue.tables[name], rows, staged, company.settings.currency, company.settings.time_zone)
            for name, rows in tables.items()
        ]
        pq.write_table(QUARANTINE.empty_table(), staged / "quarantine.parquet")
        count = sum(len(rows) for rows in tables.values())
        number = len(journal(store)) + 1
        draft = Draft(
            source=source,
            system="",
            path=f"{source}.rows",
            content=hashlib.sha256(f"{source} {number}".encode()).hexdigest(),
            mapping="rows written in a test",
            full=full,
            data_rows=count,
            loaded=count,
            quarantined=0,
            collapsed=0,
            skipped=(),
            tables=tuple(landed),
            complete_through=through,
        )
        commit(store, staged, draft, now or folder.now())


def later(workspace: Workspace, now: datetime) -> Workspace:
    """The same workspace at another moment."""
    folder: Folder = workspace._folder
    return Workspace(folder.path, now=now, environment=folder.environment)


# --- rows as a landed table ------------------------------------------------------------------------------------------
def _table(table: Table, rows: Sequence[Row], staged: Path, currency: str, zone: str) -> LandedTable:
    given = {name for row in rows for name in row if not name.startswith("_")}
    if unknown := given - {c.id for c in table.columns}:
        raise ValueError(f"table {table.id!r} has no column {sorted(unknown)}")
    money = {c.currency for c in table.columns if c.id in given and c.currency}
    columns = tuple(c for c in table.columns if c.id in given | money | set(table.key))
    rows = [{**dict.fromkeys(money - given, currency), **row} for row in rows]
    arrays: dict[str, pa.Array] = {}
    for column in columns:
        values = [_value(column, row.get(column.id), zone, table.id) for row in rows]
        if column.type.kind is Kind.TIME:
            arrays[column.id] = pa.array([v[0] for v in values], pa.timestamp("us"))
            arrays[column.id + DAY_SUFFIX] = pa.array([v[1] for v in values], pa.date32())
        else:
            arrays[column.id] = pa.array(values, arrow_type(column.type))
    changes = [_time(row.get("_updated_at"), zone)[0] for row in rows]
    arrays["_row"] = pa.array(range(1, len(rows) + 1), pa.int64())
    arrays["_deleted"] = pa.array([bool(row.get("_deleted", False)) for row in rows], pa.bool_())
    arrays["_merged_into"] = pa.array([row.get("_merged_into") for row in rows], pa.string())
    arrays["_updated_at"] = pa.array(changes, pa.timestamp("us"))
    pq.write_table(pa.table(arrays), staged / f"{table.id}.parquet", compression="zstd")
    event = table.column(table.event) if table.event else None
    name = "" if event is None else event.id + (DAY_SUFFIX if event.type.kind is Kind.TIME else "")
    days = [d for d in (arrays[name].to_pylist() if name in arrays else []) if d is not None]
    return LandedTable(
        table=table.id,
        file=f"{table.id}.parquet",
        rows=len(rows),
        columns=tuple(c.id for c in columns),
        has_updated_at=any(c is not None for c in changes),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )


def _value(column: Column, value: Any, zone: str, table: str) -> Any:
    if value is None and column.required:
        raise ValueError(f"{table}.{column.id} needs a value")
    match column.type.kind:
        case Kind.TIME:
            return _time(value, zone)
        case _ if value is None:
            return None
        case Kind.TEXT | Kind.ID:
            return str(value)
        case Kind.INTEGER:
            return int(value)
        case Kind.NUMBER | Kind.MONEY:
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-column.type.scale))
        case Kind.DAY:
            return value if isinstance(value, date) else date.fromisoformat(value)
        case Kind.BOOLEAN:
            return bool(value)


def _time(value: Any, zone: str) -> tuple[datetime | None, date | None]:
    """The instant (UTC, naive) and the local day; a bare date has no instant."""
    if value is None:
        return None, None
    if isinstance(value, date) and not isinstance(value, datetime):
        return None, value
    if isinstance(value, str) and len(value) == 10:
        return None, date.fromisoformat(value)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    local = moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).replace(tzinfo=None), local.date()
