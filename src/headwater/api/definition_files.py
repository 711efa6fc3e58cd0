"""Definition files that stand beside the catalogue (boards, funnels, the set to begin with): read once until they, or
the catalogue they are held against, change."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from headwater.api.folder import SHIPPED, Folder
from headwater.errors import DefinitionError, Fault
from headwater.metrics.catalogue import written
from headwater.model.catalogue import Catalogue

V = TypeVar("V")


class Kept(Generic[V]):
    """What `load` makes of the shipped files, those of a workspace and the catalogue. `place` is a folder of files, or
    one file, of the same name in both."""

    def __init__(self, place: str, load: Callable[[Path, Path, Catalogue], V]) -> None:
        self._place = place

        @lru_cache(maxsize=8)
        def loaded(workspace: Path, _: str, known: _Version) -> V:
            return load(SHIPPED, workspace, known.catalogue)

        self._loaded = loaded

    def get(self, folder: Folder, catalogue: Catalogue) -> V:
        """The definitions. Raises DefinitionError with every fault of the files."""
        return self._loaded(folder.path, self.stamp(folder), _Version(catalogue))

    def faults(self, folder: Folder, catalogue: Catalogue) -> tuple[Fault, ...]:
        """What is wrong with the files."""
        try:
            self.get(folder, catalogue)
        except DefinitionError as error:
            return error.faults
        return ()

    def stamp(self, folder: Folder) -> str:
        """Name, time and size of every file: what the definitions are valid for."""
        found = []
        for place in (SHIPPED / self._place, folder.path / self._place):
            files = sorted(place.glob("*.y*ml")) if place.is_dir() else [place] if place.is_file() else []
            found += [f"{p} {written(p)}" for p in files]
        return "\n".join(found)


class _Version:
    """A catalogue as a key: by its version."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and other.catalogue.hash == self.catalogue.hash

    def __hash__(self) -> int:
        return hash(self.catalogue.hash)
