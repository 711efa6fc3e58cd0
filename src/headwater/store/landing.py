"""The landing journal: numbered entries, each committed by the rename of one fully written folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from headwater.errors import WorkspaceError
from headwater.model.landing import Batch, Draft, Erasure, JournalEntry, Quarantined
from headwater.store.disk import discard, publish_folder, refusals, sha256_of, temporary, write_bytes
from headwater.store.lock import must_write
from headwater.store.place import Store
from headwater.store.records import canonical, from_json, to_json

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.parquet"
_ENTRY = re.compile(r"(\d{8})-([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Landed:
    """A journal entry where it lies: its folder, and the checksum and size of each of its files."""

    entry: JournalEntry
    folder: Path
    files: tuple[tuple[str, str, int], ...]
    replaces: str = ""

    def damaged(self) -> tuple[Path, ...]:
        """Files that are gone or whose bytes are not those that were committed."""
        return tuple(
            self.folder / name for name, digest, size in self.files if not _intact(self.folder / name, digest, size)
        )


def journal(store: Store) -> tuple[JournalEntry, ...]:
    """Every entry in order. Raises WorkspaceError when one is unreadable or missing: a gap would lose rows silently."""
    return tuple(landed.entry for landed in entries(store))


def entries(store: Store) -> tuple[Landed, ...]:
    """Every entry in order, where it lies. Raises as `journal`."""
    found: dict[int, Landed] = {}
    replaced: set[str] = set()
    for folder in entry_folders(store):
        landed = read_entry(folder)
        replaced.add(landed.replaces)
        known = found.get(landed.entry.number)
        if known is None or landed.replaces == known.folder.name:
            found[landed.entry.number] = landed
        elif known.replaces != folder.name:
            raise WorkspaceError(
                f"two journal entries have the number {landed.entry.number}",
                where=str(folder),
                do="Run 'headwater doctor'.",
            )
    for expected, number in enumerate(sorted(found), start=1):
        if number != expected:
            raise WorkspaceError(
                f"journal entry {expected} is missing",
                where=str(store.landing),
                do="Restore the folder from a backup; 'headwater doctor' names what is there.",
            )
    return tuple(found[number] for number in sorted(found))


def entry_folders(store: Store) -> tuple[Path, ...]:
    """The folders of committed entries, by name."""
    if not store.landing.is_dir():
        return ()
    with refusals(store.landing):
        return tuple(sorted(path for path in store.landing.iterdir() if _ENTRY.fullmatch(path.name)))


def read_entry(folder: Path) -> Landed:
    """The entry in a folder. Raises WorkspaceError when its manifest is missing or is not what was committed."""
    try:
        data = json.loads((folder / MANIFEST).read_bytes())
        body = data["body"]
        if hashlib.sha256(canonical(body)).hexdigest() != data["sha256"]:
            raise ValueError("checksum")
        kind: type[JournalEntry] = Batch if body["kind"] == "batch" else Erasure
        entry: JournalEntry = from_json(kind, body["entry"])
        if f"{entry.number:08d}" != folder.name[:8]:
            raise ValueError("number")
        files = tuple((str(name), str(digest), int(size)) for name, digest, size in body["files"])
        return Landed(entry, folder, files, str(body["replaces"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"the journal entry '{folder.name}' is damaged (its manifest cannot be trusted)",
            where=str(folder),
            do="Restore the folder from a backup; without it the tables cannot be built again.",
        ) from error


def check_files(landed: Iterator[Landed] | tuple[Landed, ...]) -> None:
    """Raises WorkspaceError that names the first batch with a damaged file."""
    for one in landed:
        for path in one.damaged():
            raise WorkspaceError(
                f"the file '{path.name}' of journal entry '{one.folder.name}' is damaged or missing",
                where=str(path),
                do="Restore it from a backup, or load the source file again into a new workspace.",
            )


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


def append(store: Store, staged: Path, entry: JournalEntry, *, id_: str = "", replaces: str = "") -> Path:
    """Publishes a staged folder as a journal entry; its folder."""
    name = id_ or (entry.id if isinstance(entry, Batch) else hashlib.sha256(entry.subject.encode()).hexdigest()[:16])
    final = store.landing / f"{entry.number:08d}-{name}"
    with refusals(store.landing):
        write_bytes(staged / MANIFEST, _manifest(staged, entry, replaces))
        publish_folder(staged, final)
    return final


def quarantine_rows(store: Store, batch: Batch) -> tuple[Quarantined, ...]:
    """The rows of a batch that were not loaded, in the order of the file."""
    from headwater.store.engines.duckdb import read_columns

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


def _manifest(staged: Path, entry: JournalEntry, replaces: str) -> bytes:
    files = [
        [path.name, sha256_of(path), path.stat().st_size] for path in sorted(staged.iterdir()) if path.name != MANIFEST
    ]
    body: dict[str, Any] = {
        "kind": "batch" if isinstance(entry, Batch) else "erasure",
        "entry": to_json(entry),
        "files": files,
        "replaces": replaces,
    }
    return json.dumps(
        {"sha256": hashlib.sha256(canonical(body)).hexdigest(), "body": body}, ensure_ascii=False, indent=1
    ).encode()


def _intact(path: Path, digest: str, size: int) -> bool:
    try:
        return path.stat().st_size == size and sha256_of(path) == digest
    except OSError:
        return False
