"""`components.yml` to what components are for, held against the catalogue and the funnels; campaigns as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headwater.errors import DefinitionError, Fault, QueryError
from headwater.files.read import Definition, Document, KeyPath, read, validate
from headwater.metrics.formula import find
from headwater.metrics.funnels import load_funnels
from headwater.model.catalogue import Catalogue
from headwater.model.component import Components, Objective
from headwater.model.funnel import Funnel
from headwater.model.kpi import Kpi
from headwater.model.plan import Col, Named, Project, Relation, Scan

FILE = "components.yml"
CAMPAIGNS = "campaigns"
COLUMNS = ("campaign_id", "name", "program", "channel", "objective", "started_at", "ended_at")
"""What a component's own table says of it."""

Share = Annotated[float, Field(gt=0, lt=1)]
Text = Annotated[str, Field(min_length=1)]


class ObjectiveShape(Definition):
    """What a component may be for."""

    title: Text
    step: Text
    kpi: Text
    beside: str = ""
    also: Annotated[tuple[Text, ...], Field(max_length=20)] = ()


class ComponentsShape(Definition):
    """All that the file may hold."""

    funnel: Text = "leads"
    cost: Text = "marketing_spend"
    months: Annotated[int, Field(ge=1, le=60)] = 12
    level: Share = 0.05
    power: Share = 0.8
    nothing: Share = 0.1
    interest: Annotated[float, Field(gt=0, le=1)] = 0.5
    objectives: Annotated[dict[str, ObjectiveShape], Field(min_length=1, max_length=30)]
    assigned: dict[Literal["channel", "program", "campaign"], dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.nothing >= self.interest:
            raise ValueError("'nothing' is not below 'interest'")
        return self


def load_components(shipped: Path, workspace: Path, catalogue: Catalogue) -> Components:
    """What components are for; a workspace's own file takes the place of the shipped one.

    Raises DefinitionError with every fault.
    """
    own = (workspace / FILE).exists()
    path, shown = (workspace / FILE, FILE) if own else (shipped / FILE, f"catalogue/{FILE}")
    document, faults = read(path, shown)
    shape: ComponentsShape | None = None
    if document is not None:
        shape, more = validate(document, ComponentsShape)
        faults = (*faults, *more)
        if shape is not None:
            faults = (*faults, *_faults(document, shape, catalogue, load_funnels(shipped, workspace, catalogue)))
    if faults or shape is None:
        raise DefinitionError.of(faults)
    return Components(
        shape.funnel,
        shape.cost,
        shape.months,
        shape.level,
        shape.power,
        shape.nothing,
        shape.interest,
        tuple(_objective(id_, o, catalogue) for id_, o in shape.objectives.items()),
        tuple(((level, name), to) for level, names in shape.assigned.items() for name, to in names.items()),
    )


def campaigns() -> Relation:
    """Every campaign as it is now: `COLUMNS`."""
    return Project(Scan(CAMPAIGNS), tuple(Named(name, Col(name)) for name in COLUMNS))


def _objective(id_: str, shape: ObjectiveShape, catalogue: Catalogue) -> Objective:
    names = {_role(catalogue, name): name for name in (shape.kpi, shape.beside) if name}
    return Objective(
        id_, shape.title, shape.step, shape.kpi, names.get("growth", ""), names.get("efficiency", ""), shape.also
    )


def _role(catalogue: Catalogue, name: str) -> str:
    kpi: Kpi = find(catalogue, name)[0]
    return kpi.role


# --- faults ----------------------------------------------------------------------------------------------------------
def _faults(
    document: Document, shape: ComponentsShape, catalogue: Catalogue, funnels: Mapping[str, Funnel]
) -> Iterator[Fault]:
    yield from _kpi(document, catalogue, ("cost",), shape.cost)
    funnel = funnels.get(shape.funnel)
    if funnel is None:
        yield document.fault(("funnel",), f"no funnel is called {shape.funnel!r}", f"There are {', '.join(funnels)}.")
    steps = {s.id for f in funnels.values() for s in f.steps} | {t.id for f in funnels.values() for t in f.top}
    words: dict[str, str] = {}
    for name, objective in shape.objectives.items():
        key: KeyPath = ("objectives", name)
        unknown = [*_kpi(document, catalogue, (*key, "kpi"), objective.kpi)]
        if objective.beside:
            unknown += _kpi(document, catalogue, (*key, "beside"), objective.beside)
        yield from unknown
        if not unknown and objective.beside:
            roles = [_role(catalogue, n) for n in (objective.kpi, objective.beside)]
            if roles[0] == roles[1]:
                told = f"{objective.kpi!r} and {objective.beside!r} are both of the role {roles[0]}"
                yield document.fault((*key, "beside"), told, "Name one growth and one efficiency KPI.")
        if objective.step not in steps:
            yield document.fault((*key, "step"), f"no funnel has a step {objective.step!r}")
        for word in dict.fromkeys(w.casefold() for w in (name, *objective.also)):
            if word in words:
                yield document.fault((*key, "also"), f"{word!r} is a word for {words[word]!r} already")
            words[word] = name
    for level, names in shape.assigned.items():
        for component, to in names.items():
            if to not in shape.objectives:
                told = f"no objective is called {to!r}"
                yield document.fault(("assigned", level, component), told, f"There are {', '.join(shape.objectives)}.")


def _kpi(document: Document, catalogue: Catalogue, key: KeyPath, name: str) -> Iterator[Fault]:
    try:
        find(catalogue, name)
    except QueryError as error:
        yield document.fault(key, error.what, error.do)
