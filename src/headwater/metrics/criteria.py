"""Criteria files to criteria: what may be known of a lead at a moment, and what only follows from how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from headwater.errors import DefinitionError, Fault
from headwater.files.read import Definition, KeyPath
from headwater.metrics.entries import ID, ID_RULE, Entry, read_folder, unknown
from headwater.metrics.funnels import LinkShape
from headwater.metrics.kinds import check_predicate
from headwater.metrics.language import LanguageError, parse_predicate
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import (
    ACCOUNT,
    CONTACT,
    OWN,
    SPAN_DAYS,
    ActionRule,
    Criteria,
    CriteriaVersion,
    GroupRule,
    ProfileRule,
    Reached,
    SpeedRule,
    span_days,
)
from headwater.model.expression import Predicate
from headwater.model.funnel import Link
from headwater.model.lowering import columns_in
from headwater.model.measure import Span
from headwater.model.table import ByIdentity, Column, Lookup, Pick, Since, Table
from headwater.model.types import Kind

FOLDER = "criteria"
DEFAULT = "leads"
"""The criteria that answer where none are named."""

STAGES = ("mql", "handed_over", "sal", "sales_qualified")
_PREFIXES = {"contact_": CONTACT, "account_": ACCOUNT}
LINKS = {CONTACT: "contact_id", ACCOUNT: "account_id"}
"""The column of leads that leads to another table."""

_OUTCOMES = {
    OWN: frozenset({"stage", "disqualified_reason", "win_probability", "opportunity_id", *(f"{s}_at" for s in STAGES)}),
    CONTACT: frozenset(),
    ACCOUNT: frozenset({"stage", "customer_at", "churned_at", "churn_reason"}),
}


def _span(value: Any) -> Any:
    if isinstance(value, Span) or value is None:
        return value
    span = Span.parse(str(value))
    if span.unit not in SPAN_DAYS:
        raise ValueError(f"{value!r} is no number of days or weeks")
    return span


Points = Annotated[int, Field(ge=-1000, le=1000)]
Gained = Annotated[int, Field(ge=1, le=1000)]
Text = Annotated[str, Field(min_length=1)]


class ProfileShape(Definition):
    """Points while a condition holds."""

    points: Points
    where: Text
    about: str = ""
    settled: bool = False


class RequireShape(Definition):
    """A condition without which nobody qualifies."""

    where: Text
    about: str = ""
    settled: bool = False


class ActionShape(Definition):
    """Points for something done."""

    points: Gained
    table: str
    where: str = ""
    most: Gained | None = None
    about: str = ""


class SpeedShape(Definition):
    """Points for many actions in little time."""

    points: Gained
    actions: Annotated[int, Field(ge=2, le=50)]
    within: Span

    _read = field_validator("within", mode="before")(_span)


class InitiativeShape(Definition):
    """What people did."""

    half_life: Span | None = None
    actions: Annotated[tuple[ActionShape, ...], Field(max_length=30)] = ()
    speed: SpeedShape | None = None

    _read = field_validator("half_life", mode="before")(_span)


class ThresholdShape(Definition):
    """The least scores."""

    profile: Points | None = None
    initiative: Points | None = None
    total: Points | None = None


class GroupShape(Definition):
    """How many roles of a company have to have shown initiative."""

    roles: Annotated[int, Field(ge=2, le=20)]
    role: str = "job_level"
    of: Literal["account"] = "account"
    within: Span = Span(90, "day")
    settled: bool = False

    _read = field_validator("within", mode="before")(_span)


class VersionShape(Definition):
    """The criteria from a day on; without one a proposal, which is never in force."""

    version: str
    start: Annotated[date | None, Field(alias="from")] = None
    about: str = ""
    links: Literal["versions", "settled"] = "versions"
    profile: Annotated[tuple[ProfileShape, ...], Field(max_length=50)] = ()
    initiative: InitiativeShape = InitiativeShape()
    thresholds: ThresholdShape = ThresholdShape()
    require: Annotated[tuple[RequireShape, ...], Field(max_length=20)] = ()
    group: GroupShape | None = None


class ObjectiveShape(Definition):
    """The win that criteria are held against."""

    link: LinkShape = LinkShape(rule="conversion")
    within: Span = Span(365, "day")

    _read = field_validator("within", mode="before")(_span)


class CriteriaShape(Definition):
    """All that a criteria file may hold."""

    title: Text
    about: str = ""
    subject: Literal["lead"] = "lead"
    stage: Literal["mql", "handed_over", "sal", "sales_qualified"] = "mql"
    objective: ObjectiveShape = ObjectiveShape()
    versions: Annotated[tuple[VersionShape, ...], Field(min_length=1, max_length=50)]


def load_criteria(shipped: Path, workspace: Path, catalogue: Catalogue) -> dict[str, Criteria]:
    """Every set of criteria by id; a workspace's own file takes the place of the shipped one of that name.

    Raises DefinitionError with every fault of every file.
    """
    places = ((shipped, False), (workspace, True))
    folders = [read_folder(root, FOLDER, lambda _: CriteriaShape, own=own) for root, own in places]
    entries = {e.id: e for folder in folders for e in folder.entries}
    faults = [f for folder in folders for f in folder.faults]
    found: dict[str, Criteria] = {}
    for name in sorted(entries, key=lambda n: (n != DEFAULT, n)):
        reading = _Reading(entries[name], catalogue)
        found[name] = reading.criteria()
        faults += reading.faults
    if faults:
        raise DefinitionError.of(faults)
    return found


# --- what a rule may name --------------------------------------------------------------------------------------------
def reachable(catalogue: Catalogue) -> dict[str, Reached]:
    """The columns a profile rule may name: those of leads, `contact_...` and `account_...` for those of the lead's
    person and company, and the splits of leads that are such columns."""
    leads = catalogue.tables[OWN]
    found: dict[str, Reached] = {}
    for prefix, name in _PREFIXES.items():
        for column in catalogue.tables[name].columns:
            if not column.hidden:
                found[prefix + column.id] = Reached(prefix + column.id, name, column.id)
    for split in leads.splits_is:
        if LINKS.get(split.table) == split.by:
            found[split.id] = Reached(split.id, split.table, split.column)
    found |= {c.id: Reached(c.id, OWN, c.id) for c in leads.columns if not c.hidden}
    return found


def profile_table(reads: tuple[Reached, ...], catalogue: Catalogue) -> Table:
    """The columns that rules read as columns of one table, by the names they have in the rules."""
    leads = catalogue.tables[OWN]
    columns = tuple(replace(_column(r, catalogue), id=r.name, derive=None) for r in reads)
    return replace(leads, columns=columns, splits_was=(), splits_is=(), columns_is=())


def _column(reached: Reached, catalogue: Catalogue) -> Column:
    found = catalogue.tables[reached.table].column(reached.column)
    if found is None:
        raise ValueError(f"{reached.table} has no column {reached.column}")
    return found


def stays(table: Table, name: str) -> bool:
    """Whether a column never changes over a row's life."""
    column = table.column(name)
    return column is not None and (column.fixed or name in table.key)


def later_knowledge(reached: Reached, catalogue: Catalogue, *, settled: bool) -> tuple[str, str] | None:
    """Why a rule cannot go by a column, and what to do; None where it can.

    Refused are columns that follow from the outcome, those reckoned from rows that may come later, and those looked up
    as they are now: none of them tells what was known at an earlier moment.
    """
    table = catalogue.tables[reached.table]
    column = _column(reached, catalogue)
    follows = f"{reached.name!r} follows from how the lead ended, and was not known before"
    if reached.column in _OUTCOMES[reached.table] or any(r.table == "opportunities" for r in column.references):
        return follows, "Name what the lead was, or count an action."
    derive = column.derive
    if isinstance(derive, Pick):
        if derive.table in ("opportunities", "quotes", "orders", "subscriptions"):
            return follows, "Name what the lead was, or count an action."
        told = f"{reached.name!r} is reckoned from rows of {derive.table} that may come later"
        return told, f"Count the rows of {derive.table} as an action."
    if isinstance(derive, Since):
        for end in (derive.start, derive.end):
            if (found := later_knowledge(Reached(end, reached.table, end), catalogue, settled=settled)) is not None:
                return f"{reached.name!r} is reckoned from {end!r}. {found[0]}", found[1]
    if isinstance(derive, Lookup) and not derive.as_of and not settled and not stays(table, reached.column):
        near = f"{next((p for p, t in _PREFIXES.items() if t == derive.table), '')}{derive.column}"
        told = f"{reached.name!r} may be looked up in {derive.table} as it is now"
        do = f"Name {near!r}" if near in reachable(catalogue) else "Name a column of the company or the person"
        return told, f"{do}, or write settled: true where it never changes."
    return None


# --- reading ---------------------------------------------------------------------------------------------------------
class _Reading:
    """One file, with the faults found so far."""

    def __init__(self, entry: Entry[CriteriaShape], catalogue: Catalogue) -> None:
        self.entry, self.catalogue = entry, catalogue
        self.faults: list[Fault] = []
        self.columns = reachable(catalogue)

    def fault(self, key: KeyPath, what: str, do: str = "") -> None:
        self.faults.append(self.entry.fault(key, what, do))

    def criteria(self) -> Criteria:
        shape = self.entry.shape
        link = shape.objective.link
        if link.rule == "account" and link.within is None:
            what = "the rule 'account' needs a length of time"
            self.fault(("objective", "link", "within"), what, "Write within: 180 days")
        if link.rule != "account" and link.within is not None:
            self.fault(
                ("objective", "link", "within"), f"the rule {link.rule!r} knows no length of time", "Leave it out."
            )
        versions = tuple(self.version(i, v) for i, v in enumerate(shape.versions))
        days = [v.start for v in versions if v.start is not None]
        if days != sorted(set(days)):
            self.fault(("versions",), "versions begin on different days, the earliest first")
        if not days:
            self.fault(("versions",), "every version is a proposal", "Write from: with the day one begins.")
        ids = [v.id for v in versions]
        for i, name in enumerate(ids):
            if not ID.fullmatch(name):
                self.fault(("versions", i, "version"), f"{name!r} is not an id", ID_RULE)
            if name in ids[:i]:
                self.fault(("versions", i, "version"), f"{name!r} stands twice among the versions")
        return Criteria(
            self.entry.id,
            shape.title,
            shape.stage,
            Link(link.rule, link.within),
            span_days(shape.objective.within),
            versions,
            shape.about,
            self.entry.document.path,
            self.entry.own,
        )

    def version(self, i: int, shape: VersionShape) -> CriteriaVersion:
        at: KeyPath = ("versions", i)
        profile = tuple(
            self.rule((*at, "profile", j), r.where, r.about, r.points, settled=r.settled)
            for j, r in enumerate(shape.profile)
        )
        require = tuple(
            self.rule((*at, "require", j), r.where, r.about, 0, settled=r.settled) for j, r in enumerate(shape.require)
        )
        initiative = shape.initiative
        actions = tuple(self.action((*at, "initiative", "actions", j), a) for j, a in enumerate(initiative.actions))
        speed = initiative.speed
        group = shape.group
        for key, there in (("speed", speed), ("group", group)):
            if there is not None and not actions:
                place = (*at, "initiative", key) if key == "speed" else (*at, key)
                self.fault(place, f"{key!r} goes by the actions, and none are named")
        if group is not None:
            self.role((*at, "group", "role"), group)
        least = shape.thresholds
        if not (least.model_fields_set or require or group):
            self.fault((*at, "thresholds"), "everybody qualifies", "Write a threshold, a requirement or a group.")
        most = sum(r.points for r in profile if r.points > 0)
        if least.profile is not None and least.profile > most:
            self.fault((*at, "thresholds", "profile"), f"no profile has {least.profile} points; the most are {most}")
        return CriteriaVersion(
            shape.version,
            shape.start,
            profile,
            require,
            actions,
            initiative.half_life,
            None if speed is None else SpeedRule(speed.points, speed.actions, speed.within),
            None if group is None else GroupRule(group.roles, group.role, group.within, group.settled),
            least.profile,
            least.initiative,
            least.total,
            shape.links == "settled",
            shape.about,
        )

    def rule(self, at: KeyPath, text: str, about: str, points: int, *, settled: bool) -> ProfileRule:
        key = (*at, "where")
        columns = {name: replace(_column(r, self.catalogue), id=name) for name, r in self.columns.items()}
        where = self.condition(key, text, columns, "a lead, its person or its company")
        reads = tuple(self.columns[n] for n in sorted(columns_in(where)) if n in self.columns)
        for reached in reads:
            if (refused := later_knowledge(reached, self.catalogue, settled=settled)) is not None:
                self.fault(key, *refused)
        return ProfileRule(points, where, text, reads, about, settled)

    def condition(self, key: KeyPath, text: str, columns: Mapping[str, Column], place: str) -> Predicate:
        try:
            found, problems = check_predicate(parse_predicate(text), columns, place)
        except LanguageError as error:
            self.fault(key, str(error))
            return parse_predicate("1 = 1")
        for problem in problems:
            self.fault(key, problem.what, problem.do)
        return found

    def action(self, at: KeyPath, shape: ActionShape) -> ActionRule:
        table = self.catalogue.tables.get(shape.table)
        where = None
        if table is None:
            self.fault((*at, "table"), *unknown("table", shape.table, self.catalogue.tables))
        else:
            if not event_of(table) or table.versions or table.rows_from:
                self.fault((*at, "table"), f"{table.id!r} has no row for each thing that happened")
            if not any(table.column(c) for c in ("lead_id", LINKS[CONTACT])):
                self.fault((*at, "table"), f"{table.id!r} does not say which person did it")
            if shape.where:
                columns = {c.id: c for c in table.columns if not c.hidden}
                where = self.condition((*at, "where"), shape.where, columns, f"the table {table.id!r}")
                for name in sorted(columns_in(where)):
                    if table.column(name) is not None and not stays(table, name):
                        what = f"{name!r} of {table.id!r} may change after it happened"
                        self.fault((*at, "where"), what, "Name what is known when it happens.")
        return ActionRule(shape.points, shape.table, where, shape.where, shape.most, shape.about)

    def role(self, key: KeyPath, group: GroupShape) -> None:
        contacts = self.catalogue.tables[CONTACT]
        column = contacts.column(group.role)
        if column is None or column.hidden:
            self.fault(key, *unknown("column of contacts", group.role, [c.id for c in contacts.columns]))
        elif column.type.kind not in (Kind.TEXT, Kind.BOOLEAN) or isinstance(column.derive, ByIdentity):
            self.fault(key, f"{group.role!r} names no role")


def event_of(table: Table) -> str:
    """The date column by which a row of a table of events happened, '' where it has none."""
    return table.happens or table.event
