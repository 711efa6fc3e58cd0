"""The boards of a workspace: shipped ones and its own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from headwater.api.folder import SHIPPED, Folder
from headwater.errors import QueryError, nearest
from headwater.metrics.boards import FOLDER, load_boards
from headwater.model.board import Board
from headwater.model.catalogue import Catalogue


def board(folder: Folder, catalogue: Catalogue, name: str) -> Board:
    """The board of that id. Raises DefinitionError with every fault of the board files."""
    known = _loaded(folder.path, stamp(folder), _Held(catalogue))
    if name not in known:
        raise QueryError(f"no board is called {name!r}", do=nearest(name, known) or f"There are {', '.join(known)}.")
    return known[name]


def stamp(folder: Folder) -> str:
    """Name, time and size of every board file: what a kept board is valid for."""
    found = []
    for root in (SHIPPED, folder.path):
        files = sorted((root / FOLDER).glob("*.y*ml")) if (root / FOLDER).is_dir() else []
        found += [f"{p.name} {(s := p.stat()).st_mtime_ns} {s.st_size}" for p in files]
    return "\n".join(found)


class _Held:
    """A catalogue as a key: by its version."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.catalogue.hash == self.catalogue.hash

    def __hash__(self) -> int:
        return hash(self.catalogue.hash)


@lru_cache(maxsize=8)
def _loaded(workspace: Path, _: str, known: _Held) -> dict[str, Board]:
    return load_boards(SHIPPED, workspace, known.catalogue)
