"""Parses a small file as a source would have it, and gives back the rows that were staged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from headwater.connectors import child
from headwater.connectors import parse as parsing
from headwater.connectors.limits import Limits
from headwater.model.landing import Draft
from headwater.model.settings import Settings
from headwater.model.source import ColumnMapping, Source, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import BOOLEAN, DAY, ID, INTEGER, NUMBER, TEXT, TIME, Kind, Type

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTINGS = Settings()
LIMITS = Limits(memory_mb=512, cpu_seconds=120, wall_seconds=240)

DEALS = Table(
    "deals",
    "Deals",
    "one row per deal",
    "deal",
    ("deal_id",),
    (
        Column("deal_id", ID, required=True),
        Column("account", TEXT),
        Column("email", TEXT, personal=True),
        Column("stage", TEXT),
        Column("amount", Type(Kind.MONEY, 18, 2), currency="currency"),
        Column("currency", TEXT),
        Column("score", NUMBER),
        Column("employees", INTEGER, low=0),
        Column("won", BOOLEAN),
        Column("created_on", DAY),
        Column("created_at", TIME),
    ),
    event="created_on",
)


@dataclass(frozen=True)
class Loaded:
    """What was staged: the draft, the rows of each table, and the rows set aside."""

    draft: Draft
    tables: dict[str, list[dict[str, Any]]]
    aside: list[dict[str, Any]]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the only table."""
        (rows,) = self.tables.values()
        return rows

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    @property
    def codes(self) -> list[tuple[int, str, str]]:
        """Row, column and code of every row set aside."""
        return [(q["row"], q["column"], q["code"]) for q in self.aside]

    @property
    def warnings(self) -> set[str]:
        return {w.partition(":")[0] for w in self.draft.warnings}


def mapping(table: Table, *names: str, **named: Any) -> TableMapping:
    """Columns by the same name; keywords map others, or say more of one; `_...` keywords are those of the table."""
    columns = [ColumnMapping(n, n) for n in names]
    special = {k[1:]: v for k, v in named.items() if k.startswith("_")}
    for target, what in named.items():
        if not target.startswith("_"):
            columns.append(ColumnMapping(target, **({"column": what} if isinstance(what, str) else what)))
    return TableMapping(table.id, tuple(columns), **special)


def load(
    folder: Path,
    content: bytes | str | Path,
    *mappings: TableMapping,
    tables: Iterable[Table] = (DEALS,),
    settings: Settings = SETTINGS,
    name: str = "deals.csv",
    spawn: bool = False,
    **source: Any,
) -> Loaded:
    """The staged rows of a file's content (or of the file at a path); `spawn` reads it in a process of its own, as the
    product does."""
    path = content if isinstance(content, Path) else folder / name
    if not isinstance(content, Path):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    staged = folder / "staged"
    staged.mkdir(exist_ok=True)
    before = path.read_bytes()
    try:
        job = (Source("deals", str(path), mappings, **source), path, {t.id: t for t in tables}, staged, settings, NOW)
        draft = parsing.parse(*job, LIMITS) if spawn else _here(*job)
    except BaseException:
        assert list(staged.iterdir()) == []
        raise
    finally:
        assert path.read_bytes() == before
    assert draft.loaded + draft.quarantined + draft.collapsed == draft.data_rows
    loaded = Loaded(
        draft,
        {t.table: pq.read_table(staged / t.file).to_pylist() for t in draft.tables},
        pq.read_table(staged / "quarantine.parquet").to_pylist(),
    )
    assert {p.name for p in staged.iterdir()} == {"quarantine.parquet"} | {t.file for t in draft.tables}
    assert len(loaded.aside) == draft.quarantined
    assert [q["row"] for q in loaded.aside] == sorted(q["row"] for q in loaded.aside)
    for t in draft.tables:
        assert len(loaded.tables[t.table]) == t.rows
    if len(draft.tables) == 1 and not any(m.merged_from or m.until for m in mappings):
        assert draft.loaded == draft.tables[0].rows
    for file in staged.iterdir():
        file.unlink()
    return loaded


def _here(
    source: Source, path: Path, tables: dict[str, Table], staged: Path, settings: Settings, now: datetime
) -> Draft:
    """What `parse` gives, without the process around it."""
    job = parsing.job_of(source, path, tables, staged, settings, now, LIMITS)
    try:
        answer = child.answer_of(json.loads(json.dumps(job)))
        assert "failed" not in answer, answer
        return parsing.draft_of(answer, source, path, tables, settings)
    except BaseException:
        parsing.clear(staged)
        raise
