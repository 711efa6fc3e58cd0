"""Journal entries where they lie: numbered folders, each visible by one rename, with the checksums of its files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.errors import WorkspaceError
from headwater.model.landing import Accepted, Batch, Erasure, JournalEntry
from headwater.model.profile import Profile
from headwater.store.disk import discard_folder, publish_folder, refusals, sha256_of, write_bytes
from headwater.store.place import Store
from headwater.store.records import canonical, from_json, to_json

MANIFEST = "manifest.json"
QUARANTINE, MENDED = "quarantine.parquet", "mended.parquet"
"""Rows as text: those a batch set aside, and those a correction mends. No table has their names."""

PROFILE = "profile.json"
_KINDS: dict[str, type[JournalEntry]] = {"batch": Batch, "erasure": Erasure, "accepted": Accepted}
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


def entries(store: Store) -> tuple[Landed, ...]:
    """Every entry in order, where it lies.

    Raises WorkspaceError when one is damaged or missing: a gap would lose rows silently.
    """
    found: dict[int, Landed] = {}
    for folder in entry_folders(store):
        landed = read_entry(folder)
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
        names = sorted(name for name in os.listdir(store.landing) if _ENTRY.fullmatch(name))  # noqa: PTH208 (quick)
    return tuple(store.landing / name for name in names)


def read_entry(folder: Path) -> Landed:
    """The entry in a folder. Raises WorkspaceError when its manifest is missing or is not what was committed."""
    try:
        state = (folder / MANIFEST).stat()
    except OSError as error:
        raise _untrusted(folder) from error
    return _read_entry(folder, (state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=100_000)
def _read_entry(folder: Path, state: tuple[int, int, int]) -> Landed:
    """`read_entry`, done once for each state of the manifest: every load asks for the whole journal."""
    try:
        data = json.loads((folder / MANIFEST).read_bytes())
        body = data["body"]
        if hashlib.sha256(canonical(body)).hexdigest() != data["sha256"]:
            raise ValueError("checksum")
        entry: JournalEntry = from_json(_KINDS[body["kind"]], body["entry"])
        if f"{entry.number:08d}" != folder.name[:8]:
            raise ValueError("number")
        files = tuple((str(name), str(digest), int(size)) for name, digest, size in body["files"])
        return Landed(entry, folder, files, str(body["replaces"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _untrusted(folder) from error


def _untrusted(folder: Path) -> WorkspaceError:
    return WorkspaceError(
        f"the journal entry '{folder.name}' is damaged (its manifest cannot be trusted)",
        where=str(folder),
        do="Restore the folder from a backup; without it the tables cannot be built again.",
    )


def check_files(landed: Iterable[Landed]) -> None:
    """Raises WorkspaceError that names the first batch with a damaged file."""
    for one in landed:
        for path in one.damaged():
            raise WorkspaceError(
                f"the file '{path.name}' of journal entry '{one.folder.name}' is damaged or missing",
                where=str(path),
                do="Restore it from a backup, or load the source file again into a new workspace.",
            )


def append(store: Store, staged: Path, entry: JournalEntry, *, id_: str = "", replaces: str = "") -> Path:
    """Publishes a staged folder as a journal entry; its folder."""
    final = store.landing / f"{entry.number:08d}-{id_ or _name(entry)}"
    with refusals(store.landing):
        write_bytes(staged / MANIFEST, _manifest(staged, entry, replaces))
        publish_folder(staged, final)
    return final


def _name(entry: JournalEntry) -> str:
    match entry:
        case Batch():
            return entry.id
        case Erasure():
            told = entry.subject
        case Accepted():
            told = f"{entry.source} {entry.batches}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def write_profile(staged: Path, profile: Profile) -> None:
    """Writes a profile into a folder that is staged."""
    with refusals(staged):
        write_bytes(staged / PROFILE, canonical(to_json(profile)))


def read_profile(folder: Path) -> Profile | None:
    """The profile in a batch's folder; None for a batch that has none."""
    try:
        return from_json(Profile, json.loads((folder / PROFILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _untrusted(folder) from error


def discard_replaced(store: Store, current: Iterable[Landed]) -> None:
    """Removes entries that were rewritten under their number and not yet removed."""
    with refusals(store.landing):
        for folder in set(entry_folders(store)) - {landed.folder for landed in current}:
            discard_folder(folder)


def _manifest(staged: Path, entry: JournalEntry, replaces: str) -> bytes:
    files = [
        [path.name, sha256_of(path), path.stat().st_size] for path in sorted(staged.iterdir()) if path.name != MANIFEST
    ]
    body: dict[str, Any] = {
        "kind": next(name for name, kind in _KINDS.items() if isinstance(entry, kind)),
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
