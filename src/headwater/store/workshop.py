"""A build's bench over the landing and the previous generation; what it writes are immutable parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from headwater.model.generation import Generation, Part
from headwater.model.landing import Batch, JournalEntry
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Named,
    NamedAgg,
    Op,
    Order,
    Project,
    Relation,
    Scalar,
    Scan,
    Sort,
    Statement,
)
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, Table, counted_columns, stored_columns
from headwater.model.types import BOOLEAN, INTEGER, NUMBER_SUFFIX, TEXT, TIME, Type
from headwater.store.disk import discard, refusals, sync_folder, temporary
from headwater.store.engines.duckdb import BenchConnection
from headwater.store.engines.view import View
from headwater.store.generations import Shape, forget_shapes, note_shape, read_manifest
from headwater.store.journal import Landed, check_files
from headwater.store.journal import entries as landed_entries
from headwater.store.lock import must_write
from headwater.store.parts import add_part, check_parts
from headwater.store.place import Store
from headwater.store.scratch import scratch

Render = Callable[[Relation], Statement]

LANDED_BOOKKEEPING = (
    ("_row", INTEGER),
    ("_deleted", BOOLEAN),
    ("_merged_into", TEXT),
    ("_updated_at", TIME),
)
_STORED_BOOKKEEPING = {"_source", "_load", "_row"}
_STAGED, _PARTITION, _DIGEST = "_staged", "_partition", "_row_digest"


@contextmanager
def open_workshop(
    store: Store,
    render: Render,
    previous: Generation | None,
    entries: Sequence[JournalEntry],
    tables: Mapping[str, Table],
    settings: Settings,
) -> Iterator[StoreWorkshop]:
    """The bench for one build, inside `writing`. Raises WorkspaceError when a file of a given batch is damaged."""
    must_write(store)
    forget_shapes(store)
    numbers = {entry.number for entry in entries}
    landed = tuple(one for one in landed_entries(store) if one.entry.number in numbers)
    check_files(landed)
    views = _landed_views(landed, tables) | _old_views(store, previous, tables)
    with scratch(store) as folder:
        bench = BenchConnection(
            memory_mb=settings.memory_mb,
            threads=settings.threads,
            scratch=folder,
            folders=(store.landing, store.parts),
            views=views,
        )
        try:
            yield StoreWorkshop(store, bench, render, previous)
        finally:
            bench.close()


class StoreWorkshop:
    """`model.workshop.Workshop` over a store."""

    def __init__(self, store: Store, bench: BenchConnection, render: Render, previous: Generation | None) -> None:
        self._store, self._bench, self._render, self._previous = store, bench, render, previous
        self._digests: dict[str, tuple[Named, ...]] = {}
        if previous is not None:
            known = read_manifest(store, previous.id)
            for table in known.generation.tables:
                for part in table.parts:
                    self._digests[part.file] = known.shapes.get(table.table, Shape()).digest

    @property
    def previous(self) -> Generation | None:
        """The generation the build starts from; None rebuilds everything."""
        return self._previous

    def keep(self, name: str, relation: Relation) -> int:
        """Materialises a relation under a name that is not taken; the number of its rows."""
        return self._bench.keep(name, self._text(relation))

    def drop(self, name: str) -> None:
        """Forgets a kept relation."""
        self._bench.drop(name)

    def fetch(self, relation: Relation) -> list[tuple[Any, ...]]:
        """The rows of a small relation."""
        return self._bench.rows(self._text(relation))

    def write(
        self,
        columns: Sequence[tuple[str, Type]],
        rows: Relation,
        partition: Scalar,
        order: Sequence[Order],
        digest: Sequence[Named],
    ) -> tuple[Part, ...]:
        """One part per value of `partition`, in the order of these values; see `model.workshop.Workshop`."""
        own = {name for name, _ in columns}
        keys = [key.by if _is_column(key.by, own) else Col(f"_order_{i}") for i, key in enumerate(order)]
        beside = [Named(k.name, key.by) for k, key in zip(keys, order, strict=True) if not _is_column(key.by, own)]
        row_digest = Op("row_digest", tuple(named.value for named in digest))
        staged = Project(rows, (Named(_PARTITION, partition), Named(_DIGEST, row_digest), *beside), keep_all=True)
        typed = [*columns, (_PARTITION, TEXT), (_DIGEST, INTEGER), *((named.name, None) for named in beside)]
        self._bench.drop(_STAGED)
        self._bench.keep_typed(_STAGED, self._text(staged), typed, _PARTITION)
        try:
            partitions = self._partitions()
            if any(value is None for value, *_ in partitions):
                raise ValueError("the partition of a row is empty")
            sort = [(k.name, key.descending) for k, key in zip(keys, order, strict=True)]
            names = [name for name, _ in columns]
            parts = [
                self._write_part(str(value), int(count), int(total), names, sort) for value, count, total in partitions
            ]
        finally:
            self._bench.drop(_STAGED)
        for part in parts:
            self._digests[part.file] = tuple(digest)
        with refusals(self._store.parts):
            sync_folder(self._store.parts)
        return tuple(parts)

    def publish_table(self, table: str, columns: Sequence[tuple[str, Type]], parts: Sequence[Part]) -> None:
        """From now on `new__<table>` reads these parts (old ones that are shared and new ones)."""
        files = tuple(self._store.parts / part.file for part in parts)
        self._bench.see(f"new__{table}", View(tuple(columns), files))
        digest = next((self._digests[part.file] for part in parts if part.file in self._digests), ())
        note_shape(self._store, table, Shape(tuple(columns), digest))

    def _partitions(self) -> list[tuple[Any, ...]]:
        sums = (NamedAgg("n", Agg("count_rows")), NamedAgg("total", Agg("sum", Col(_DIGEST))))
        grouped = Group(Scan(_STAGED), (Named(_PARTITION, Col(_PARTITION)),), sums)
        return self.fetch(Sort(grouped, (Order(Col(_PARTITION)),)))

    def _write_part(
        self, value: str, count: int, total: int, columns: Sequence[str], order: Sequence[tuple[str, bool]]
    ) -> Part:
        draft = temporary(self._store.parts, ".parquet")
        try:
            self._bench.write(_STAGED, (_PARTITION, value), order, draft, columns)
            file, size = add_part(self._store, draft)
        except BaseException:
            discard(draft)
            raise
        return Part(file=file, partition=value, rows=count, bytes=size, digest=str(total % 2**64))

    def _text(self, relation: Relation) -> str:
        return self._render(relation).text


def _is_column(scalar: Scalar, names: set[str]) -> TypeGuard[Col]:
    return isinstance(scalar, Col) and scalar.name in names


def _landed_views(landed: Sequence[Landed], tables: Mapping[str, Table]) -> dict[str, View]:
    files: dict[str, list[Path]] = {name: [] for name in tables}
    for one in landed:
        if isinstance(one.entry, Batch):
            for part in one.entry.tables:
                files.setdefault(part.table, []).append(one.folder / part.file)
    views = {}
    for name, table in tables.items():
        made = _STORED_BOOKKEEPING | {n + NUMBER_SUFFIX for n in counted_columns(table)}
        own = tuple(c for c in stored_columns(table) if c[0] not in made)
        columns = own + LANDED_BOOKKEEPING
        views[f"landed__{name}"] = View(columns, tuple(files[name]), exact=False, batch=True)
    return views


def _old_views(store: Store, previous: Generation | None, tables: Mapping[str, Table]) -> dict[str, View]:
    """The previous generation's tables, with the columns that the definitions give them now."""
    columns: dict[str, tuple[tuple[str, Type], ...]] = {}
    for name, table in tables.items():
        columns[name] = stored_columns(table)
        if table.versions:
            columns[name + VERSIONS_SUFFIX] = stored_columns(replace(table, id=table.id + VERSIONS_SUFFIX))
    stored = {t.table: t for t in previous.tables} if previous else {}
    shapes = read_manifest(store, previous.id).shapes if previous else {}
    for name in stored:
        columns.setdefault(name, shapes.get(name, Shape()).columns)
    views = {}
    for name, wanted in columns.items():
        parts = stored[name].parts if name in stored else ()
        exact = name in shapes and shapes[name].columns == wanted
        files = tuple(store.parts / part.file for part in parts)
        views[f"old__{name}"] = View(wanted, files, exact=exact, check=check_parts)
    return {name: view for name, view in views.items() if view.columns or view.files}
