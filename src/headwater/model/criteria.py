"""Criteria: by which points, thresholds and needs a lead counts as qualified, version by version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from headwater.model.expression import Predicate
from headwater.model.funnel import Link
from headwater.model.measure import Span

OWN, CONTACT, ACCOUNT = "leads", "contacts", "accounts"
"""The tables that profile rules read: the lead, its person, its company."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A column that a rule names: as it is called in the rule, and the table and column it is."""

    name: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """Points while a condition holds; of a requirement the points are 0. `reads`: the columns the condition names.
    `settled`: its values, and which person and company they are of, are taken as known from the start."""

    points: int
    where: Predicate
    text: str
    reads: tuple[Reached, ...]
    about: str = ""
    settled: bool = False

    @property
    def title(self) -> str:
        """What the rule is called where people read it."""
        return self.about or self.text


@dataclass(frozen=True, slots=True)
class ActionRule:
    """Points for each row of a table of events that meets a condition; never more than `most` at a moment."""

    points: int
    table: str
    where: Predicate | None = None
    text: str = ""
    most: int | None = None
    about: str = ""

    @property
    def title(self) -> str:
        """What the rule is called where people read it."""
        return self.about or f"{self.table}: {self.text or 'every row'}"


@dataclass(frozen=True, slots=True)
class SpeedRule:
    """Points while at least `actions` of the actions lie within a length of time."""

    points: int
    actions: int
    within: Span


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Needed: people of at least `roles` different roles (`role`, a column of contacts) at the lead's company did one
    of the actions within a length of time. `settled`: a person's role is taken as known from the start."""

    roles: int
    role: str
    within: Span
    settled: bool = False


@dataclass(frozen=True, slots=True)
class CriteriaVersion:
    """The criteria from a day on (None: a proposal, which is never in force). Thresholds are None where there is none;
    `half_life` is None where points stay. `links_settled`: which person and company a lead is of is taken as known from
    the start."""

    id: str
    start: date | None
    profile: tuple[ProfileRule, ...] = ()
    require: tuple[ProfileRule, ...] = ()
    actions: tuple[ActionRule, ...] = ()
    half_life: Span | None = None
    speed: SpeedRule | None = None
    group: GroupRule | None = None
    least_profile: int | None = None
    least_initiative: int | None = None
    least_total: int | None = None
    links_settled: bool = False
    about: str = ""

    @property
    def rules(self) -> tuple[ProfileRule, ...]:
        """Everything that is judged of a profile: rules with points, then requirements."""
        return (*self.profile, *self.require)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Criteria of leads. `stage`: the stage for which the CRM has its own date, held beside. A lead counts as won when
    a deal that credits it by `link` is won `within` days of its creation. `versions` by the day they begin."""

    id: str
    title: str
    stage: str
    link: Link
    within: int
    versions: tuple[CriteriaVersion, ...]
    about: str = ""
    path: str = ""
    own: bool = False

    def version(self, name: str) -> CriteriaVersion | None:
        """The version of that id, or None."""
        return next((v for v in self.versions if v.id == name), None)

    def in_force(self, until: date) -> tuple[tuple[CriteriaVersion, date, date | None], ...]:
        """The versions that have been in force up to a day, each with its first day and the first one after it (None:
        it still is)."""
        dated = [(v, v.start) for v in self.versions if v.start is not None and v.start <= until]
        ends = [*(start for _, start in dated[1:]), None]
        return tuple((v, start, end) for (v, start), end in zip(dated, ends, strict=True))

    @property
    def stage_at(self) -> str:
        """The date column of leads in which the CRM says that a lead met the stage."""
        return f"{self.stage}_at"


SPAN_DAYS = {"day": 1, "week": 7}


def span_days(span: Span) -> int:
    """A length of time of days or weeks, in days."""
    return span.amount * SPAN_DAYS[span.unit]
