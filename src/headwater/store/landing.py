"""The landing: what every load left behind, committed whole or not at all, and never twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.model.landing import Accepted, Batch, Draft, JournalEntry, Mended, Quarantined, Settled
from headwater.model.profile import Profile
from headwater.store.disk import discard, refusals, temporary
from headwater.store.engines.duckdb import read_columns
from headwater.store.journal import (
    MANIFEST,
    MENDED,
    QUARANTINE,
    append,
    discard_replaced,
    entries,
    read_profile,
    write_profile,
)
from headwater.store.lock import must_write
from headwater.store.place import Store
from headwater.store.records import canonical
from headwater.store.subjects import share, without_erased

MENDED_COLUMNS = ("row", "content", "of_row", "was", "raw")
QUARANTINED_COLUMNS = ("row", "line", "column", "code", "reason", "raw")


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


def commit(
    store: Store,
    staged: Path,
    draft: Draft,
    now: datetime,
    *,
    part_of: str = "",
    held: bool = False,
    settles: tuple[Settled, ...] = (),
) -> Batch | None:
    """The batch that the staged folder became, durable when this returns; None when the source's last load of the same
    content had the same mapping: nothing changes and the staged folder is gone either way.

    `held`: the batch is kept, and counts nowhere until `accept` repeats it. `settles`: the rows that it mends.
    """
    must_write(store)
    try:
        known = entries(store)
        if is_loaded((landed.entry for landed in known), draft.source, draft.content, draft.mapping):
            discard(staged)
            return None
        discard_replaced(store, known)
        draft = without_erased(store, staged, draft, known)
        if draft.profile is not None:
            write_profile(staged, draft.profile)
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
            drift=draft.drift,
            held=held,
            settles=settles,
        )
        append(store, staged, batch)
        return batch
    except BaseException:
        discard(staged)
        raise


def accept(store: Store, held: Batch, now: datetime) -> Batch:
    """The batch that repeats a held one and counts from now on; its files are the same."""
    must_write(store)
    known = entries(store)
    discard_replaced(store, known)
    number = len(known) + 1
    name = hashlib.sha256(canonical([held.source, held.content, held.mapping, held.number])).hexdigest()[:16]
    batch = replace(held, number=number, id=name, loaded_at=now, held=False, accepts=held.number)
    folder = next(landed.folder for landed in known if landed.entry.number == held.number)
    staged = stage(store)
    try:
        with refusals(store.landing):
            for path in folder.iterdir():
                if path.name != MANIFEST:
                    share(path, staged / path.name)
        append(store, staged, batch)
    except BaseException:
        discard(staged)
        raise
    return batch


def acknowledge(store: Store, source: str, batches: Sequence[int], now: datetime) -> Accepted:
    """The journal entry that says that what differed in these batches of a source is meant."""
    must_write(store)
    known = entries(store)
    discard_replaced(store, known)
    entry = Accepted(len(known) + 1, source, tuple(batches), now)
    staged = stage(store)
    try:
        append(store, staged, entry)
    except BaseException:
        discard(staged)
        raise
    return entry


def profile_of(store: Store, batch: Batch) -> Profile | None:
    """What the file of a batch looked like; None for a batch from before profiles were kept."""
    return read_profile(_folder(store, batch.number))


def mended_rows(store: Store, batch: Batch) -> tuple[Mended, ...]:
    """The rows of a correction as they were handed in."""
    path = _folder(store, batch.number) / MENDED
    if not path.exists():
        return ()
    return tuple(sorted((Mended(*row) for row in read_columns(path, MENDED_COLUMNS)), key=lambda m: m.row))


def landed_files(store: Store, batch: Batch, table: str) -> tuple[Path, ...]:
    """The files of a batch that hold rows of one table."""
    folder = _folder(store, batch.number)
    return tuple(folder / landed.file for landed in batch.tables if landed.table == table)


def quarantine_rows(store: Store, batch: Batch) -> Iterator[Quarantined]:
    """The rows of a batch that were not loaded, in the order of the file; they are read as they are asked for, so that
    any number of them can be gone through."""
    return quarantined_in(_folder(store, batch.number))


def quarantined_in(folder: Path) -> Iterator[Quarantined]:
    """The rows set aside in a staged folder or a batch's, in the order they are written: that of the file."""
    path = folder / QUARANTINE
    if path.exists():
        yield from (Quarantined(*row) for row in read_columns(path, QUARANTINED_COLUMNS))


def _folder(store: Store, number: int) -> Path:
    landed = next((one for one in entries(store) if one.entry.number == number), None)
    if landed is None:
        raise WorkspaceError(f"no journal entry has the number {number}", where=str(store.landing))
    return landed.folder


def is_loaded(known: Iterable[JournalEntry], source: str, content: str, mapping: str) -> bool:
    """Whether the last load of a content was read with the same mapping: a mapping that goes back to what it was before
    reads the content again. One that is held back is loaded as long as it waits: when its file became another one
    meanwhile, it counts nowhere, and has to be looked at anew."""
    last: Batch | None = None
    gone = False
    for entry in known:
        if not isinstance(entry, Batch) or entry.source != source:
            continue
        if entry.content == content:
            last, gone = entry, False
        elif last is not None and last.held and entry.path == last.path:
            gone = True
    return last is not None and last.mapping == mapping and not gone
