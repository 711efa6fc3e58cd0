"""Funnel files to funnels, every column and measure they name held against the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from headwater.errors import DefinitionError, Fault
from headwater.files.read import Definition, KeyPath
from headwater.metrics.entries import ID, ID_RULE, Entry, read_folder, unknown
from headwater.metrics.linking import dependent_columns
from headwater.model.catalogue import Catalogue
from headwater.model.funnel import Funnel, FunnelStep, Link, TopStep
from headwater.model.measure import At, Span
from headwater.model.table import Table
from headwater.model.types import Kind

FOLDER = "funnels"
DEFAULT = "leads"
"""The funnel that answers where none is named."""

USUAL = Span(90, "day")
"""How long a record may take to a step whose file says nothing."""

_PERSONS = "leads"
_WITHIN_UNITS = ("day", "week", "month", "quarter", "year")


def _span(value: Any) -> Any:
    if isinstance(value, Span) or value is None:
        return value
    span = Span.parse(str(value))
    if span.unit not in _WITHIN_UNITS:
        raise ValueError(f"{value!r} is no number of days, weeks, months, quarters or years")
    return span


class TopShape(Definition):
    """One step above the first known person."""

    measure: str
    title: Annotated[str, Field(min_length=1)]


class StepShape(Definition):
    """One stage of the subjects."""

    step: str
    title: Annotated[str, Field(min_length=1)]
    at: str
    stage: str = ""
    within: Span = USUAL

    _read = field_validator("within", mode="before")(_span)


class LinkShape(Definition):
    """How deals are tied to people."""

    rule: Literal["conversion", "contact_role", "account"] = "contact_role"
    within: Span | None = None

    _read = field_validator("within", mode="before")(_span)


class FunnelShape(Definition):
    """All that a funnel file may hold."""

    title: Annotated[str, Field(min_length=1)]
    about: str = ""
    table: str
    top: Annotated[tuple[TopShape, ...], Field(max_length=6)] = ()
    steps: Annotated[tuple[StepShape, ...], Field(min_length=2, max_length=12)]
    lost: str = ""
    value: str = ""
    link: LinkShape = LinkShape()
    other_stages: tuple[Annotated[str, Field(min_length=1)], ...] = ()


def load_funnels(shipped: Path, workspace: Path, catalogue: Catalogue) -> dict[str, Funnel]:
    """Every funnel by id; a workspace's own file takes the place of the shipped one of that name.

    Raises DefinitionError with every fault of every file.
    """
    places = ((shipped, False), (workspace, True))
    folders = [read_folder(root, FOLDER, lambda _: FunnelShape, own=own) for root, own in places]
    entries = {e.id: e for folder in folders for e in folder.entries}
    faults = [f for folder in folders for f in folder.faults]
    faults += [f for e in entries.values() for f in _faults(e, catalogue)]
    if faults:
        raise DefinitionError.of(faults)
    return {name: _funnel(entries[name]) for name in sorted(entries, key=lambda n: (n != DEFAULT, n))}


def _funnel(entry: Entry[FunnelShape]) -> Funnel:
    shape = entry.shape
    return Funnel(
        entry.id,
        shape.title,
        shape.table,
        tuple(FunnelStep(s.step, s.title, s.at, s.stage, s.within) for s in shape.steps),
        tuple(TopStep(t.measure, t.title) for t in shape.top),
        shape.lost,
        shape.value,
        Link(shape.link.rule, shape.link.within),
        shape.about,
        shape.other_stages,
        entry.document.path,
        entry.own,
    )


# --- faults ----------------------------------------------------------------------------------------------------------
def _faults(entry: Entry[FunnelShape], catalogue: Catalogue) -> Iterator[Fault]:
    shape = entry.shape
    for i, top in enumerate(shape.top):
        measure = catalogue.measures.get(top.measure)
        if measure is None:
            yield entry.fault(("top", i, "measure"), *unknown("measure", top.measure, catalogue.measures))
        elif not isinstance(measure.clock, At):
            yield entry.fault(("top", i, "measure"), f"{top.measure!r} does not count what happens in a period")
    yield from _same_ids(entry)
    table = catalogue.tables.get(shape.table)
    if table is None:
        yield entry.fault(("table",), *unknown("table", shape.table, catalogue.tables))
        return
    for i, step in enumerate(shape.steps):
        yield from _date(entry, table, ("steps", i, "at"), step.at)
    if shape.lost:
        yield from _date(entry, table, ("lost",), shape.lost)
    if shape.value:
        column = table.column(shape.value)
        if column is None:
            yield entry.fault(("value",), *unknown("column", shape.value, [c.id for c in table.columns]))
        elif column.type.kind is not Kind.MONEY:
            yield entry.fault(("value",), f"{shape.value!r} is no money")
    if "link" in shape.model_fields_set:
        yield from _link(entry, table)


def _same_ids(entry: Entry[FunnelShape]) -> Iterator[Fault]:
    seen: set[str] = set()
    for i, step in enumerate(entry.shape.steps):
        if not ID.fullmatch(step.step):
            yield entry.fault(("steps", i, "step"), f"{step.step!r} is not an id", ID_RULE)
        if step.step in seen:
            yield entry.fault(("steps", i, "step"), f"{step.step!r} stands twice among the steps")
        seen.add(step.step)


def _date(entry: Entry[FunnelShape], table: Table, key: KeyPath, name: str) -> Iterator[Fault]:
    column = table.column(name)
    if column is None:
        yield entry.fault(key, *unknown("column", name, [c.id for c in table.columns]))
    elif column.type.kind not in (Kind.DAY, Kind.TIME):
        yield entry.fault(key, f"{name!r} is no date")


def _link(entry: Entry[FunnelShape], table: Table) -> Iterator[Fault]:
    link = entry.shape.link
    if table.rows_from != _PERSONS:
        yield entry.fault(("link",), f"{table.id!r} has one row {_row(table)}, so no deal has to find its lead")
    if link.rule != "conversion":
        kept = dependent_columns(table)
        for i, step in enumerate(entry.shape.steps):
            if step.at in kept:
                told = f"{step.at!r} follows the deal that the tables were built with, and knows no other link rule"
                yield entry.fault(("steps", i, "at"), told)
    if link.rule == "account" and link.within is None:
        yield entry.fault(("link", "within"), "the rule 'account' needs a length of time", "Write within: 180 days")
    if link.rule != "account" and link.within is not None:
        yield entry.fault(("link", "within"), f"the rule {link.rule!r} knows no length of time", "Leave it out.")


def _row(table: Table) -> str:
    return re.sub(r"^one row ", "", table.grain)
