"""The landing: what every load left behind, committed whole or not at all, and never twice."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.model.landing import Batch, Draft, JournalEntry, Quarantined
from headwater.store.disk import discard, refusals, temporary
from headwater.store.engines.duckdb import read_columns
from headwater.store.journal import QUARANTINE, append, discard_replaced, entries
from headwater.store.lock import must_write
from headwater.store.place import Store
from headwater.store.records import canonical
from headwater.store.subjects import without_erased


def journal(store: Store) -> tuple[JournalEntry, ...]:
    """Every entry in order. Raises WorkspaceError when one is unreadable or missing: a gap would lose rows silently."""
    return tuple(landed.entry for landed in entries(store))


def stage(store: Store) -> Path:
    """A new empty folder for one draft; inside `writing`. It is a leftover until `commit` gives it its name."""
    must_write(store)
    folder = temporary(store.landing)
    with refusals(store.landing):
        folder.mkdir()
    return folder


def commit(store: Store, staged: Path, draft: Draft, now: datetime, *, part_of: str = "") -> Batch | None:
    """The batch that the staged folder became, durable when this returns; None when the same content with the same
    mapping was loaded from this source before: nothing changes and the staged folder is gone either way."""
    must_write(store)
    try:
        known = entries(store)
        if any(_same_load(landed.entry, draft) for landed in known):
            discard(staged)
            return None
        discard_replaced(store, known)
        draft = without_erased(store, staged, draft, known)
        number = len(known) + 1
        name = hashlib.sha256(canonical([draft.source, draft.content, draft.mapping])).hexdigest()[:16]
        batch = Batch(
            number=number,
            id=name,
            source=draft.source,
            system=draft.system,
            path=draft.path,
            content=draft.content,
            mapping=draft.mapping,
            loaded_at=now,
            full=draft.full,
            data_rows=draft.data_rows,
            loaded=draft.loaded,
            quarantined=draft.quarantined,
            collapsed=draft.collapsed,
            skipped=draft.skipped,
            tables=draft.tables,
            complete_through=draft.complete_through,
            warnings=draft.warnings,
            part_of=part_of,
        )
        append(store, staged, batch)
        return batch
    except BaseException:
        discard(staged)
        raise


def quarantine_rows(store: Store, batch: Batch) -> tuple[Quarantined, ...]:
    """The rows of a batch that were not loaded, in the order of the file."""
    landed = next((one for one in entries(store) if one.entry.number == batch.number), None)
    if landed is None:
        raise WorkspaceError(f"no journal entry has the number {batch.number}", where=str(store.landing))
    path = landed.folder / QUARANTINE
    if not path.exists():
        return ()
    rows = read_columns(path, ("row", "line", "column", "code", "reason", "raw"))
    return tuple(sorted((Quarantined(*row) for row in rows), key=lambda q: (q.row, q.column, q.code)))


def _same_load(entry: JournalEntry, draft: Draft) -> bool:
    return isinstance(entry, Batch) and (entry.source, entry.content, entry.mapping) == (
        draft.source,
        draft.content,
        draft.mapping,
    )
