"""What is wrong with a store, where, and what to do about it; it changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import WorkspaceError
from headwater.store import efforts, generations
from headwater.store.disk import TEMPORARY, leftovers, sha256_of
from headwater.store.erase import unfinished
from headwater.store.generations import Manifest
from headwater.store.journal import Landed, entries, entry_folders, read_entry
from headwater.store.lock import writer
from headwater.store.place import Store
from headwater.store.scratch import abandoned

_ROOM = 1024**3
_KNOWN = {"landing", "parts", "generations", "definitions", "scratch"}
_KNOWN_FILES = {"format", "lock", "CURRENT", "salt", generations.KEPT, generations.NOTE, "erasing.json", efforts.FILE}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. A `fault` is something broken; a `note` is worth knowing or will be swept by itself."""

    kind: str
    what: str
    where: str
    do: str


def examine(store: Store) -> tuple[Finding, ...]:
    """Every finding, faults first; reads every stored byte. Nothing is changed, and writers are not kept out: what one
    writes meanwhile may be named as a leftover."""
    found = [finding for check in CHECKS for finding in check(store)]
    return tuple(sorted(found, key=lambda f: f.kind != "fault"))


def _fault(what: str, where: Path, do: str) -> Finding:
    return Finding("fault", what, str(where), do)


def _note(what: str, where: Path, do: str) -> Finding:
    return Finding("note", what, str(where), do)


def _of_error(error: WorkspaceError, where: Path) -> Finding:
    return Finding("fault", error.what, error.where or str(where), error.do)


def _place(store: Store) -> Iterator[Finding]:
    if store.network:
        yield _fault(
            f"the store lies on a network file system ({store.network})",
            store.root,
            "Move the workspace to a local disk; writing is refused here.",
        )
    if not os.access(store.root, os.W_OK | os.X_OK):
        yield _fault("the store is read-only", store.root, "Check its permissions, or run as the user who owns it.")
    for name in sorted(_KNOWN):
        path = store.root / name
        if not path.is_dir():
            yield _fault(f"the folder '{name}' is missing", path, "Run 'headwater load' or restore it from a backup.")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield _fault(f"the folder '{name}' cannot be read", path, "Check its permissions.")
    if store.salt.exists() and store.salt.stat().st_mode & 0o077:
        yield _fault(
            "the secret of erased subjects can be read by others", store.salt, f"Run: chmod 600 '{store.salt}'"
        )
    room = shutil.disk_usage(store.root).free
    if room < _ROOM:
        yield _note(f"only {room // 1024**2} MB are free on this disk", store.root, "Free some space.")


def _strangers(store: Store) -> Iterator[Finding]:
    for path in sorted(store.root.iterdir()):
        if path.name not in _KNOWN | _KNOWN_FILES and not path.name.startswith(TEMPORARY):
            yield _note(f"'{path.name}' does not belong to the store", path, "Move it away.")


def _writing(store: Store) -> Iterator[Finding]:
    if holder := writer(store):
        yield _note(f"the data is being written by {holder}", store.lock, "Nothing; look again when it is done.")
    if unfinished(store):
        yield _fault("an erasure was begun and not finished", store.root, "Run the same 'headwater erase' again.")


def _leftovers(store: Store) -> Iterator[Finding]:
    for folder in (store.root, store.landing, store.parts, store.generations, store.definitions):
        for path in leftovers(folder):
            yield _note("an interrupted writer left this", path, "Nothing: the next writer sweeps it.")
    for path in abandoned(store):
        yield _note("an interrupted program left this working folder", path, "Nothing: the next writer sweeps it.")


def _journal(store: Store) -> Iterator[Finding]:
    whole: list[Landed] = []
    damaged = False
    for folder in entry_folders(store):
        try:
            whole.append(read_entry(folder))
        except WorkspaceError as error:
            damaged = True
            yield _of_error(error, folder)
    for landed in whole:
        for path in landed.damaged():
            yield _fault(
                f"the file '{path.name}' of journal entry '{landed.folder.name}' is damaged or missing",
                path,
                "Restore it from a backup; without it the tables cannot be built again.",
            )
        known = {name for name, *_ in landed.files} | {"manifest.json"}
        for path in sorted(landed.folder.iterdir()):
            if path.name not in known:
                yield _note(f"'{path.name}' does not belong to this journal entry", path, "Move it away.")
    if not damaged:
        try:
            kept = {landed.folder for landed in entries(store)}
        except WorkspaceError as error:
            yield _of_error(error, store.landing)
            return
        for landed in whole:
            if landed.folder not in kept:
                yield _note(
                    "a rewritten journal entry is still here", landed.folder, "Nothing: the next load removes it."
                )


def _generations(store: Store) -> Iterator[Finding]:
    manifests: list[Manifest] = []
    for folder in generations.folders(store):
        try:
            manifests.append(generations.read_manifest(store, folder.name))
        except WorkspaceError as error:
            yield Finding(
                "fault",
                error.what,
                str(folder),
                "Roll back to another generation, or remove this folder and run 'headwater refresh'.",
            )
    yield from _current(store, {m.generation.id for m in manifests})
    sizes = {part.file: part.bytes for m in manifests for table in m.generation.tables for part in table.parts}
    for file, size in sorted(sizes.items()):
        path = store.parts / file
        if not path.exists():
            yield _fault(f"the part '{file}' is missing", path, "Run 'headwater refresh' to build the tables anew.")
        elif path.stat().st_size != size or f"{sha256_of(path)}.parquet" != file:
            yield _fault(
                f"the part '{file}' is damaged (its bytes are not those that were written)",
                path,
                "Remove it and run 'headwater refresh' to build the tables anew.",
            )
    if store.parts.is_dir():
        for path in sorted(store.parts.iterdir()):
            if path.name not in sizes and not path.name.startswith(TEMPORARY):
                yield _note("no generation refers to this part", path, "Nothing: the next refresh removes it.")


def _current(store: Store, known: set[str]) -> Iterator[Finding]:
    try:
        generation = generations.current(store)
    except WorkspaceError as error:
        yield Finding(
            "fault", f"'CURRENT' names a generation that cannot be read: {error.what}", str(store.current),
            "Run 'headwater rollback' to name another one, or 'headwater refresh'.",
        )  # fmt: skip
        return
    if generation is None and known:
        yield _fault(
            "'CURRENT' is missing although there are generations",
            store.current,
            "Run 'headwater rollback' with the generation to use, or 'headwater refresh'.",
        )
    try:
        for id_ in sorted(set(generations.kept_by_somebody(store)) - known):
            yield _note(
                f"generation '{id_}' is marked to be kept, but is gone", store.root / generations.KEPT, "Nothing."
            )
    except WorkspaceError as error:
        yield _of_error(error, store.root)


def _definitions(store: Store) -> Iterator[Finding]:
    if store.definitions.is_dir():
        for path in sorted(store.definitions.iterdir()):
            if not path.name.startswith(TEMPORARY) and f"{sha256_of(path)}.json" != path.name:
                yield _fault(
                    f"the kept definition '{path.name}' is damaged",
                    path,
                    "Restore it from a backup, or remove it: old answers then lose their explanation.",
                )


CHECKS: tuple[Callable[[Store], Iterator[Finding]], ...] = (
    _place,
    _strangers,
    _writing,
    _leftovers,
    _journal,
    _generations,
    _definitions,
)
