"""The criteria of a workspace: shipped ones and its own."""

from __future__ import annotations

from headwater.api.definition_files import Kept
from headwater.api.folder import Folder
from headwater.errors import UnknownError, nearest
from headwater.metrics.criteria import DEFAULT, FOLDER, load_criteria
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import Criteria

CRITERIA = Kept(FOLDER, load_criteria)
"""Every set of criteria by id, the default one first."""


def criteria_named(folder: Folder, catalogue: Catalogue, name: str) -> Criteria:
    """The criteria of that id ('': the default ones). Raises DefinitionError with every fault of the criteria files."""
    known = CRITERIA.get(folder, catalogue)
    if not name:
        return known.get(DEFAULT) or next(iter(known.values()))
    if name not in known:
        near = nearest(name, known)
        told = f"{near} The criteria are {', '.join(known)}.".strip()
        raise UnknownError(f"no criteria are called {name!r}", where="criteria", do=told)
    return known[name]


def check_version(criteria: Criteria, name: str, where: str) -> None:
    """Raises UnknownError where criteria have no version of that id."""
    if criteria.version(name) is None:
        versions = [v.id for v in criteria.versions]
        told = f"{nearest(name, versions)} Its versions are {', '.join(versions)}.".strip()
        raise UnknownError(f"the criteria {criteria.id!r} have no version {name!r}", where=where, do=told)
