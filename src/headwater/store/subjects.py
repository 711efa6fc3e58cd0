"""Subjects of erasure: how they are found in files, taken out of them, and recognised when they come again.

A row that *is* the subject's (a text that equals it, or equals it behind a system's prefix) is dropped; in any other
text that holds it, it is replaced by `[erased]`. What stays is a salted hash, by which it is recognised in later loads.
Compressed files, their dictionaries and statistics cannot be searched or patched: rewriting is the only way.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headwater.errors import WorkspaceError
from headwater.model.landing import FIRST_TOLD, Draft, Drift, Erasure, LandedTable
from headwater.model.profile import Profile
from headwater.store.disk import refusals, replace_file, temporary
from headwater.store.engines.duckdb import FileConnection, Texts
from headwater.store.journal import MANIFEST, MENDED, PROFILE, QUARANTINE, Landed, read_profile, write_profile
from headwater.store.place import Store
from headwater.store.records import from_json, to_json
from headwater.store.scratch import scratch

MARKER = "[erased]"
SKIPPED = "erased"
_LONG_ENOUGH = 6
"""Shorter texts (an id such as 17) are looked for as whole values only: within other texts they mean something else."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Texts one subject is known by, ready to be looked for."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Subjects:
        """Cleaned texts. Raises WorkspaceError when there is none."""
        known = tuple(dict.fromkeys(folded(text.strip()) for text in texts))
        if not known or not all(known):
            raise WorkspaceError("there is nothing to erase", do="Name the subject by its e-mail address or its id.")
        return cls(known)

    @property
    def in_tables(self) -> Texts:
        """What to look for in the tables."""
        return _texts(self.texts, tuple(t for t in self.texts if "@" in t or len(t) >= _LONG_ENOUGH))

    @property
    def in_raw_rows(self) -> Texts:
        """What to look for in quarantined rows, where a value stands between separators."""
        return _texts(self.texts, self.texts)

    def held_by(self, text: str) -> bool:
        """Whether a text that people wrote or the program noted holds one of them."""
        return re.search(self.in_tables.within, text) is not None

    def marked(self, kept: Any) -> Any:
        """JSON values with `[erased]` in place of every text that is one of them or holds one."""
        match kept:
            case str():
                return MARKER if self.held_by(kept) or re.search(self.in_tables.whole, kept) else kept
            case list():
                return [self.marked(one) for one in kept]
            case dict():
                return {name: self.marked(one) for name, one in kept.items()}
            case _:
                return kept

    def out_of_profile(self, profile: Profile) -> Profile:
        """The profile of a file without them."""
        return from_json(Profile, self.marked(to_json(profile)))

    def out_of_drift(self, drift: Sequence[Drift]) -> tuple[Drift, ...]:
        """What was noticed of a file without them."""
        return tuple(replace(d, what=MARKER) if self.marked(d.what) == MARKER else d for d in drift)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of the files of one batch: rows of tables, the data rows that are in no table any more,
    quarantined rows, rows that stay with `[erased]` in them; and its tables and warnings as they are now."""

    dropped: int
    rows: int
    quarantined: int
    changed: int
    tables: tuple[LandedTable, ...]
    warnings: tuple[str, ...]

    def skipped(self, before: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        """The counts of skipped rows, with those that were taken out."""
        counts = dict(before)
        if gone := self.rows + self.quarantined:
            counts[SKIPPED] = counts.get(SKIPPED, 0) + gone
        return tuple(counts.items())


_ROWS_AS_TEXT = (QUARANTINE, MENDED)


def held_in(files: FileConnection, path: Path, subjects: Subjects) -> tuple[int, int]:
    """How many rows of a landed file would be dropped, and how many others changed."""
    if path.name in _ROWS_AS_TEXT:
        return files.count(path, subjects.in_raw_rows, drop_within=True)
    return files.count(path, subjects.in_tables, drop_within=False)


def take_out(
    files: FileConnection,
    folder: Path,
    target: Path,
    tables: Sequence[LandedTable],
    warnings: Sequence[str],
    subjects: Subjects,
) -> Taken:
    """Writes the files of a batch's folder without the subjects into `target` (which may be the same folder)."""
    names = [table.file for table in tables]
    before = files.distinct([folder / name for name in names], "_row", below=FIRST_TOLD)
    quarantine_before = _quarantined(files, folder / QUARANTINE)
    left: dict[str, int] = {}
    dropped_rows = changed = 0
    for path in sorted(folder.iterdir()):
        if path.name == MANIFEST:
            continue
        dropped, masked = held_in(files, path, subjects) if path.suffix == ".parquet" else (0, 0)
        if dropped or masked:
            raw = path.name in _ROWS_AS_TEXT
            draft = temporary(target, ".parquet")
            texts = subjects.in_raw_rows if raw else subjects.in_tables
            left[path.name] = files.rewrite(path, draft, texts, drop_within=raw, marker=MARKER)
            dropped_rows += 0 if raw else dropped
            changed += masked
            draft.replace(target / path.name)
        elif path.name == PROFILE and (profile := _marked_profile(folder, subjects)) is not None:
            (target / PROFILE).unlink(missing_ok=True)
            write_profile(target, profile)
        elif folder != target:
            share(path, target / path.name)
    return Taken(
        dropped=dropped_rows,
        rows=before - files.distinct([target / name for name in names], "_row", below=FIRST_TOLD),
        quarantined=quarantine_before - _quarantined(files, target / QUARANTINE),
        changed=changed,
        tables=tuple(replace(table, rows=left.get(table.file, table.rows)) for table in tables),
        warnings=tuple(
            "(a warning about a row of an erased subject)" if subjects.held_by(warning) else warning
            for warning in warnings
        ),
    )


def _marked_profile(folder: Path, subjects: Subjects) -> Profile | None:
    """The profile in a folder without the subjects; None where it does not hold them, or there is none."""
    profile = read_profile(folder)
    marked = subjects.out_of_profile(profile) if profile is not None else None
    return None if marked == profile else marked


def profile_holds(folder: Path, subjects: Subjects) -> bool:
    """Whether the profile in a folder holds one of them."""
    return _marked_profile(folder, subjects) is not None


def share(path: Path, other: Path) -> None:
    """Gives a file that never changes a second name; where the file system knows no links, a copy."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def without_erased(store: Store, staged: Path, draft: Draft, journal: Iterable[Landed]) -> Draft:
    """The draft without the rows of subjects that were erased before; its staged files are rewritten where they held
    one. The rows are counted under `skipped`, not among the data rows."""
    hashes = {one.entry.subject for one in journal if isinstance(one.entry, Erasure)}
    if not hashes:
        return draft
    with scratch(store) as spill:
        files = FileConnection((staged,), memory_mb=1024, scratch=spill)
        try:
            known = _recognised(store, files, sorted(staged.glob("*.parquet")), hashes)
            if not known:
                return draft
            subjects = Subjects(known)
            taken = take_out(files, staged, staged, draft.tables, draft.warnings, subjects)
        finally:
            files.close()
    return replace(
        draft,
        data_rows=draft.data_rows - taken.rows - taken.quarantined,
        loaded=draft.loaded - taken.rows,
        quarantined=draft.quarantined - taken.quarantined,
        skipped=taken.skipped(draft.skipped),
        tables=taken.tables,
        warnings=taken.warnings,
        examples=(),
        profile=subjects.out_of_profile(draft.profile) if draft.profile is not None else None,
        drift=subjects.out_of_drift(draft.drift),
    )


def hash_of(store: Store, text: str) -> str:
    """How a subject is recognised later: its length and its salted hash."""
    return f"{len(text)}-{hashlib.sha256((_salt(store) + text).encode()).hexdigest()}"


def folded(text: str) -> str:
    """An e-mail address in lower case (of ASCII letters); anything else as it is, since ids may differ by case."""
    return text.translate(_LOWER) if "@" in text else text


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _quarantined(files: FileConnection, path: Path) -> int:
    return files.distinct([path], "row") if path.exists() else 0


def _texts(whole: Sequence[str], within: Sequence[str]) -> Texts:
    edge = "[^0-9A-Za-zÀ-ɏͰ-ӿ]"  # not a digit, nor a letter of a script that puts blanks between words
    return Texts(
        plain=tuple(text.lower() for text in whole),
        whole=rf"^\s*(?:[^:\s]+:)?(?:{_alternatives(whole)})\s*$",
        within=rf"(^|{edge})(?:{_alternatives(within)})($|{edge})" if within else r"()[^\s\S]()",
    )


def _alternatives(texts: Iterable[str]) -> str:
    return "|".join(f"(?i:{re.escape(text)})" if "@" in text else re.escape(text) for text in texts)


def _recognised(store: Store, files: FileConnection, paths: Sequence[Path], hashes: set[str]) -> tuple[str, ...]:
    by_length: dict[int, list[str]] = {}
    for subject in sorted(hashes):
        size, _, digest = subject.partition("-")
        by_length.setdefault(int(size), []).append(digest)
    known: set[str] = set()
    for length, digests in sorted(by_length.items()):
        for path in paths:
            known |= {folded(text) for text in files.hashed(path, _salt(store), length, digests)}
    return tuple(sorted(known))


def _salt(store: Store) -> str:
    """The secret of this store, made on first use, readable by its owner alone."""
    try:
        return store.salt.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        salt = secrets.token_hex(32)
        with refusals(store.salt):
            replace_file(store.salt, salt.encode(), mode=0o600)
        return salt
    except OSError as error:
        raise WorkspaceError(
            "the secret that erased subjects are recognised by cannot be read",
            where=str(store.salt),
            do="Run as the user who owns it, or restore it from a backup.",
        ) from error
