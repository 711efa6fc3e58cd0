"""`starter.yml` to phases with their starter sets, every KPI it names held against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from headwater.errors import DefinitionError, Fault, QueryError
from headwater.files.read import Definition, Document, KeyPath, read, validate
from headwater.metrics.formula import find
from headwater.model.catalogue import Catalogue
from headwater.model.starter import Phase, Starter

FILE = "starter.yml"

Slot = Annotated[tuple[str, ...], Field(min_length=1, max_length=6)]


class PhaseShape(Definition):
    """One phase."""

    title: Annotated[str, Field(min_length=1)]
    until: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(max_length=6)] = Field(default_factory=dict)
    slots: Annotated[tuple[Slot, ...], Field(min_length=1, max_length=12)]


class StarterShape(Definition):
    """All that the file may hold."""

    months: Annotated[int, Field(ge=1, le=36)] = 12
    phases: Annotated[dict[str, PhaseShape], Field(min_length=1, max_length=8)]


def load_starter(shipped: Path, workspace: Path, catalogue: Catalogue) -> Starter:
    """The phases; a workspace's own file takes the place of the shipped one.

    Raises DefinitionError with every fault.
    """
    own = (workspace / FILE).exists()
    path, shown = (workspace / FILE, FILE) if own else (shipped / FILE, f"catalogue/{FILE}")
    document, faults = read(path, shown)
    shape: StarterShape | None = None
    if document is not None:
        shape, more = validate(document, StarterShape)
        faults = (*faults, *more, *(_faults(document, shape, catalogue) if shape is not None else ()))
    if faults or shape is None:
        raise DefinitionError.of(faults)
    return Starter(shape.months, tuple(_phase(id_, phase) for id_, phase in shape.phases.items()))


def _phase(id_: str, shape: PhaseShape) -> Phase:
    return Phase(id_, shape.title, tuple(shape.until.items()), shape.slots)


def _faults(document: Document, shape: StarterShape, catalogue: Catalogue) -> Iterator[Fault]:
    last = list(shape.phases)[-1]
    for id_, phase in shape.phases.items():
        if bool(phase.until) is (id_ == last):
            what = "the last phase has no 'until'" if id_ == last else "every phase but the last says when it ends"
            yield document.fault(("phases", id_), f"{what}.")
        for key, name in _named(id_, phase):
            try:
                find(catalogue, name)
            except QueryError as error:
                yield document.fault(key, error.what, error.do)
        names = [slot[0].partition(".")[0] for slot in phase.slots]
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            yield document.fault(("phases", id_, "slots"), f"{name!r} stands first in two slots.")


def _named(id_: str, phase: PhaseShape) -> Iterator[tuple[KeyPath, str]]:
    yield from ((("phases", id_, "until", name), name) for name in phase.until)
    yield from ((("phases", id_, "slots", i, j), n) for i, slot in enumerate(phase.slots) for j, n in enumerate(slot))
