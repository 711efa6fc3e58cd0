"""Erasure of a person or company from everything under `.headwater`; how it is found and taken out: `subjects`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.model.generation import Part, StoredTable
from headwater.model.landing import Batch, Erasure
from headwater.model.plan import Agg, Group, NamedAgg, Op, Relation, Scan, Statement
from headwater.store import generations
from headwater.store.disk import (
    discard,
    discard_folder,
    refusals,
    replace_file,
    sync_folder,
    temporary,
)
from headwater.store.engines.duckdb import FileConnection, QueryConnection
from headwater.store.engines.view import View
from headwater.store.generations import Manifest, Shape
from headwater.store.journal import MENDED, QUARANTINE, Landed, append, discard_replaced, entries
from headwater.store.lock import must_write
from headwater.store.parts import add_part
from headwater.store.place import Store
from headwater.store.scratch import scratch
from headwater.store.subjects import MARKER, Subjects, hash_of, held_in, profile_holds, take_out

Render = Callable[[Relation], Statement]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: rows of tables and quarantined rows dropped from the landing, rows that stay with `[erased]`
    in a text, generations rewritten (old id, new id).

    `sources` are the files the rows came from: they still hold the subject, and a person must see to them.
    `elsewhere` are files under `.headwater` that hold it and are not the store's to change.
    """

    rows: int
    quarantined: int
    changed: int
    generations: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    elsewhere: tuple[str, ...]


def erase(
    store: Store,
    subject: Sequence[str],
    now: datetime,
    render: Render,
    *,
    memory_mb: int = 1024,
    patience: float = 10.0,
) -> Erased:
    """Erases the subject that is known by these texts (e-mail addresses, ids); inside `writing`. Afterwards they are in
    no landed file, quarantine, kept generation or cache, and the tables should be built anew.

    It can be run again after any interruption, and must be: until it returns, `doctor` names it as unfinished. Raises
    WorkspaceError when readers hold what must go for longer than `patience` seconds.
    """
    must_write(store)
    subjects = Subjects.of(subject)
    hashes = tuple(hash_of(store, text) for text in subjects.texts)
    discard_replaced(store, entries(store))
    generations.finish_rewrites(store)
    generations.remove_unreferenced(store)
    with scratch(store) as spill:
        files = FileConnection((store.landing, store.parts), memory_mb=memory_mb, scratch=spill)
        try:
            affected = _affected(store, files, subjects)
            found = _begin(store, hashes, sum(rows for _, rows in affected))
            done = [_rewrite_batch(store, files, landed, subjects, hashes) for landed, _ in affected]
            _append_erasures(store, hashes, now, found)
            rewritten = _rewrite_generations(store, files, subjects, render)
        finally:
            files.close()
    _clear_cache(store)
    _await_readers(store, patience)
    elsewhere = _elsewhere(store, subjects)
    discard(_begun_path(store))
    return Erased(
        rows=sum(d.rows for d in done),
        quarantined=sum(d.quarantined for d in done),
        changed=sum(d.changed for d in done),
        generations=rewritten,
        sources=tuple(sorted({d.source for d in done})),
        elsewhere=elsewhere,
    )


def unfinished(store: Store) -> bool:
    """Whether an erasure was begun and not finished."""
    return _begun_path(store).exists()


# --- the landing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Done:
    rows: int
    quarantined: int
    changed: int
    source: str


def _affected(store: Store, files: FileConnection, subjects: Subjects) -> tuple[tuple[Landed, int], ...]:
    """The batches that hold the subject, in a file or in a warning, and how many rows of tables each would lose."""
    found = []
    for landed in entries(store):
        if not isinstance(landed.entry, Batch):
            continue
        names = [name for name, *_ in landed.files if name.endswith(".parquet")]
        held = {name: held_in(files, landed.folder / name, subjects) for name in names}
        noted = any(subjects.held_by(w) for w in landed.entry.warnings)
        noted |= subjects.out_of_drift(landed.entry.drift) != landed.entry.drift
        if any(any(h) for h in held.values()) or noted or profile_holds(landed.folder, subjects):
            raw = (QUARANTINE, MENDED)
            found.append((landed, sum(dropped for name, (dropped, _) in held.items() if name not in raw)))
    return tuple(found)


def _rewrite_batch(
    store: Store, files: FileConnection, landed: Landed, subjects: Subjects, hashes: Sequence[str]
) -> _Done:
    batch = landed.entry
    assert isinstance(batch, Batch)
    staged = temporary(store.landing)
    try:
        with refusals(store.landing):
            staged.mkdir()
            taken = take_out(files, landed.folder, staged, batch.tables, batch.warnings, subjects)
        changed = replace(
            batch,
            id=hashlib.sha256("/".join((landed.folder.name, *hashes)).encode()).hexdigest()[:16],
            data_rows=batch.data_rows - taken.rows - taken.quarantined,
            loaded=batch.loaded - taken.rows,
            quarantined=batch.quarantined - taken.quarantined,
            skipped=taken.skipped(batch.skipped),
            tables=taken.tables,
            warnings=taken.warnings,
            drift=subjects.out_of_drift(batch.drift),
        )
        append(store, staged, changed, replaces=landed.folder.name)
    except BaseException:
        discard(staged)
        raise
    with refusals(store.landing):
        discard_folder(landed.folder)
    return _Done(taken.dropped, taken.quarantined, taken.changed, batch.path)


def _append_erasures(store: Store, hashes: Sequence[str], now: datetime, rows: int) -> None:
    """One journal entry for each text the subject is known by; the rows are counted in the first."""
    journal = [landed.entry for landed in entries(store)]
    known = {entry.subject for entry in journal if isinstance(entry, Erasure)}
    number = len(journal)
    for i, subject in enumerate(h for h in hashes if h not in known):
        number += 1
        staged = temporary(store.landing)
        with refusals(store.landing):
            staged.mkdir()
        try:
            append(store, staged, Erasure(number, subject, now, rows if i == 0 else 0))
        except BaseException:
            discard(staged)
            raise


# --- generations ------------------------------------------------------------------------------------------------------


def _rewrite_generations(
    store: Store, files: FileConnection, subjects: Subjects, render: Render
) -> tuple[tuple[str, str], ...]:
    parts: dict[str, Part | None] = {}
    renamed: dict[str, str] = {}
    for manifest in generations.kept_manifests(store):
        tables = tuple(
            _without(store, files, table, manifest.shapes.get(table.table, Shape()), subjects, render, parts)
            for table in manifest.generation.tables
        )
        if tables != manifest.generation.tables:
            old = manifest.generation
            parent = renamed.get(old.parent, old.parent)
            new = generations.write_manifest(
                store, Manifest(replace(old, tables=tables, parent=parent), manifest.shapes)
            )
            generations.alias(store, old.id, new.id)
            renamed[old.id] = new.id
    return tuple(renamed.items())


def _without(
    store: Store,
    files: FileConnection,
    table: StoredTable,
    shape: Shape,
    subjects: Subjects,
    render: Render,
    parts: dict[str, Part | None],
) -> StoredTable:
    """The stored table without the subject; `parts` remembers what each part became (generations share them).

    A masked text may equal another one now, which its number does not know: so the numbers are not counted by any more.
    """
    for part in table.parts:
        if part.file not in parts:
            parts[part.file] = _part_without(store, files, part, shape, subjects, render)
    new = tuple(p for part in table.parts if (p := parts[part.file]) is not None)
    if new == table.parts:
        return table
    digest = int(table.digest) - sum(int(p.digest) for p in table.parts) + sum(int(p.digest) for p in new)
    return replace(table, parts=new, rows=sum(p.rows for p in new), digest=str(digest % 2**64), numbered=())


def _part_without(
    store: Store, files: FileConnection, part: Part, shape: Shape, subjects: Subjects, render: Render
) -> Part | None:
    path = store.parts / part.file
    texts = subjects.in_tables
    if not any(files.count(path, texts, drop_within=False)):
        return part
    draft = temporary(store.parts, ".parquet")
    try:
        rows = files.rewrite(path, draft, texts, drop_within=False, marker=MARKER)
        if not rows:
            return None
        digest = _digest(draft, shape, render)
        file, size = add_part(store, draft)
        with refusals(store.parts):
            sync_folder(store.parts)
        return replace(part, file=file, rows=rows, bytes=size, digest=digest)
    finally:
        discard(draft)


def _digest(path: Path, shape: Shape, render: Render) -> str:
    """The logical digest of a rewritten part, made of the same columns as before."""
    if not shape.digest:
        return "0"
    total = Agg("sum", Op("row_digest", tuple(named.value for named in shape.digest)))
    connection = QueryConnection({"part": View(shape.columns, (path,))}, memory_mb=512, threads=1, scratch=None)
    try:
        rows = connection.rows(render(Group(Scan("part"), (), (NamedAgg("total", total),))).text)
    finally:
        connection.close()
    return str(int(rows[0][0] or 0) % 2**64)


def _await_readers(store: Store, patience: float) -> None:
    """Returns when nobody reads the generations that were rewritten, and their old files are gone."""
    deadline = time.monotonic() + patience
    while (waiting := generations.finish_rewrites(store)) and time.monotonic() < deadline:
        time.sleep(0.05)
    generations.remove_unreferenced(store)
    if waiting:
        raise WorkspaceError(
            f"the erasure is not finished: somebody still reads generation '{waiting[0]}', which holds the subject",
            where=str(store.root),
            do="Stop the programs that read this workspace (or wait) and run the erasure again.",
        )


# --- the rest ---------------------------------------------------------------------------------------------------------


def _begun_path(store: Store) -> Path:
    return store.root / "erasing.json"


def _begin(store: Store, hashes: Sequence[str], rows: int) -> int:
    """Notes that the erasure was begun; the rows it drops, those of an interrupted run of the same erasure included."""
    path = _begun_path(store)
    try:
        before = json.loads(path.read_bytes())
        rows = max(rows, int(before["rows"])) if before["subjects"] == list(hashes) else rows
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with refusals(store.root):
        replace_file(path, json.dumps({"subjects": list(hashes), "rows": rows}).encode())
    return rows


def _clear_cache(store: Store) -> None:
    if store.cache.is_dir():
        for path in store.cache.iterdir():
            discard(path)


def _elsewhere(store: Store, subjects: Subjects) -> tuple[str, ...]:
    """Other files beside and in the store that hold the subject in plain bytes."""
    found = []
    for path in sorted(store.root.parent.rglob("*")):
        if path.is_file() and path.suffix != ".parquet":
            try:
                text = path.read_bytes().decode("utf-8", errors="replace")
            except OSError:
                continue
            if subjects.held_by(text):
                found.append(str(path))
    return tuple(found)
