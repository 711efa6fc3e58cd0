"""The files of one folder of definitions, each with its id and its shape, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from headwater.errors import Fault, nearest
from headwater.files.read import Document, KeyPath, read, validate

ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""File names, columns, splits and variants: lower-case words joined by single underscores."""
ID_RULE = "An id is lower-case letters and digits, words joined by single underscores, beginning with a letter."

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Entry(Generic[M]):
    """One definition file that fits its shape."""

    id: str
    document: Document
    shape: M
    own: bool

    def fault(self, key: KeyPath, what: str, do: str = "") -> Fault:
        """The fault of a key of this file."""
        return self.document.fault(key, what, do)


@dataclass(frozen=True, slots=True)
class Folder(Generic[M]):
    """The entries of a folder, the ids of files that are there but broken, and the faults."""

    entries: tuple[Entry[M], ...]
    broken: frozenset[str]
    faults: tuple[Fault, ...]


def read_folder(root: Path, name: str, shape_of: Callable[[Document], type[M]], *, own: bool) -> Folder[M]:
    """Every `<id>.yml` of a folder below `root`, in the order of ids; a folder that is missing holds nothing.

    `shape_of` chooses the shape a document must fit. Shipped files are named `catalogue/...` in faults.
    """
    entries: list[Entry[M]] = []
    broken: set[str] = set()
    faults: list[Fault] = []
    for path in definition_files(root / name):
        shown = f"{name}/{path.name}" if own else f"catalogue/{name}/{path.name}"
        if path.suffix != ".yml":
            faults.append(
                Fault(shown, 0, "", "the file is not read, because its name does not end in '.yml'.", "Rename it.")
            )
            continue
        if not ID.fullmatch(path.stem):
            faults.append(Fault(shown, 0, "", f"the file name {path.stem!r} is not an id.", ID_RULE))
            continue
        document, found = read(path, shown)
        shape: M | None = None
        if document is not None:
            shape, more = validate(document, shape_of(document))
            found += more
        faults += found
        if document is None or shape is None:
            broken.add(path.stem)
        else:
            entries.append(Entry(path.stem, document, shape, own))
    return Folder(tuple(entries), frozenset(broken), tuple(faults))


def definition_files(folder: Path) -> list[Path]:
    """The YAML files directly in a folder, sorted; files of other kinds and hidden ones are not looked at."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (".yml", ".yaml") and not p.name.startswith("."))


def unknown(kind: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    """What to say of a name that is not known, and the nearest that are."""
    return f"no {kind} is called {name!r}", nearest(name, known)


V = TypeVar("V")
Shelf = Mapping[str, V | None]
"""Values by id; None for a file that is there but broken, so that what refers to it is not blamed."""
