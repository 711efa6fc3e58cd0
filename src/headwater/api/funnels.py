"""The funnels of a workspace: shipped ones and its own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from headwater.api.folder import SHIPPED, Folder
from headwater.errors import QueryError, UnknownError, nearest
from headwater.metrics.funnels import DEFAULT, FOLDER, load_funnels
from headwater.model.catalogue import Catalogue
from headwater.model.funnel import Funnel, FunnelStep


def funnels(folder: Folder, catalogue: Catalogue) -> dict[str, Funnel]:
    """Every funnel by id, the default one first. Raises DefinitionError with every fault of the funnel files."""
    return _loaded(folder.path, stamp(folder), _Held(catalogue))


def funnel_named(folder: Folder, catalogue: Catalogue, name: str) -> Funnel:
    """The funnel of that id ('': the default one)."""
    known = funnels(folder, catalogue)
    if not name:
        return known.get(DEFAULT) or next(iter(known.values()))
    if name not in known:
        near = nearest(name, known)
        raise UnknownError(
            f"no funnel is called {name!r}", where="funnel", do=f"{near} The funnels are {', '.join(known)}.".strip()
        )
    return known[name]


def step_named(funnel: Funnel, name: str, where: str) -> FunnelStep:
    """The step of a funnel of that id."""
    found = funnel.step(name)
    if found is None:
        steps = [s.id for s in funnel.steps]
        near = nearest(name, steps)
        told = f"{near} Its steps are {', '.join(steps)}.".strip()
        raise QueryError(f"the funnel {funnel.id!r} has no step {name!r}", where=where, do=told)
    return found


def stamp(folder: Folder) -> str:
    """Name, time and size of every funnel file: what kept funnels are valid for."""
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
def _loaded(workspace: Path, _: str, known: _Held) -> dict[str, Funnel]:
    return load_funnels(SHIPPED, workspace, known.catalogue)
