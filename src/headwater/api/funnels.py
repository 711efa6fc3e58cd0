"""The funnels of a workspace: shipped ones and its own."""

from __future__ import annotations

from headwater.api.definition_files import Kept
from headwater.api.folder import Folder
from headwater.errors import QueryError, UnknownError, nearest
from headwater.metrics.funnels import DEFAULT, FOLDER, load_funnels
from headwater.model.catalogue import Catalogue
from headwater.model.funnel import Funnel, FunnelStep

FUNNELS = Kept(FOLDER, load_funnels)
"""Every funnel by id, the default one first."""


def funnel_named(folder: Folder, catalogue: Catalogue, name: str) -> Funnel:
    """The funnel of that id ('': the default one). Raises DefinitionError with every fault of the funnel files."""
    known = FUNNELS.get(folder, catalogue)
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
