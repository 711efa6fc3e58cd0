"""Criteria applied: who qualified when by each version, from what was known then. Rests on no period."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from headwater.analyses.qualification import (
    NEVER,
    Flags,
    Qualified,
    Rules,
    Standings,
    Wholes,
    first_met,
    in_force,
    standings_of,
)
from headwater.api.measuring import Bench, all_columns_of, rows_of
from headwater.api.qualify_answer import CRM, IN_FORCE
from headwater.api.qualify_histories import Columns, Subjects, histories_of, rules_of, subjects_of
from headwater.errors import QueryError
from headwater.metrics.criteria_rows import (
    changed,
    entered,
    outcomes,
    settled_columns,
    subjects,
    tables_for_group,
    unsettled,
)
from headwater.metrics.linking import needed_tables
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import CONTACT, OWN, Criteria, CriteriaVersion, Reached
from headwater.model.expression import Name
from headwater.model.kpi import Kpi, Variant
from headwater.model.period import Grain
from headwater.model.plan import Relation
from headwater.model.question import Question
from headwater.model.table import VERSIONS_SUFFIX

LEADS = "leads"
"""The one KPI of a question to criteria: the leads that came."""

SMALL = 20
"""A share that rests on fewer is told to rest on few."""

V = TypeVar("V")


class Keep(Protocol):
    """Gives what is made of a key, made where it is not kept. A key holds everything the value depends on but the
    definitions and the data."""

    def __call__(self, key: Hashable, make: Callable[[], V], /) -> V:
        """The value of that key."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What criteria are asked: their definition, the question, one version for all of history ('': the one in force at
    each moment), and another to hold it against; whether to tell what each rule brings."""

    criteria: Criteria
    question: Question
    version: str = ""
    against: str = ""
    rules: bool = True

    @property
    def of_any_period(self) -> Asked:
        """The same of no period: who qualified when does not rest on one."""
        return replace(self, question=replace(self.question, period=None, grain=Grain.ALL), rules=True)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """When leads qualified by somebody's judgement: of versions `label`s in force or one for all of history, or of the
    CRM. `in_time`: within the time a lead has and before its first opportunity."""

    label: str
    at: Wholes
    day: Wholes
    in_time: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """One version with where its leads stood and whom it qualified. `mine`: of these, those whom no version before it
    had qualified (`free`); `unknown`: by rule, of whom something was not known when they came."""

    version: CriteriaVersion
    rules: Rules
    standings: Standings
    found: Qualified
    free: Flags
    unknown: dict[int, Flags]

    @property
    def mine(self) -> Flags:
        """Whom this version qualified, and none before it."""
        found: Flags = (self.found.at < NEVER) & self.free
        return found

    def without(self, column: int) -> Qualified:
        """Whom it would have qualified if there were no rule that gives this column."""
        found = first_met(len(self.free), self.standings, self.rules, column)
        return replace(found, at=np.where(self.free, found.at, NEVER))


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Who qualified when: by the version asked first, then by the one held against it, then by the CRM. `ran` is the
    newest version of the first; `since` the day its first one began, where history is judged by those in force.
    `observed`: the last day through which deals and actions are known, `told_through`: leads too. `linked`: whether
    deals can find their leads. `columns`: those of each table that a source fills."""

    subjects: Subjects
    judged: tuple[Judged, ...]
    ran: Ran | None
    since: date | None
    observed: date
    told_through: date
    linked: bool
    notes: tuple[str, ...]
    filled: frozenset[tuple[str, str]]


def judge(at: Bench, asked: Asked, keep: Keep) -> Judgement:
    """Who qualified when, by all that an asking names."""
    return _Judging(at, asked, keep).judgement()


def judged_of(label: str, found: tuple[Wholes, Wholes], of: Subjects, within: int) -> Judged:
    """A judgement by when leads qualified (second, day)."""
    at, day = found
    limit = np.minimum(of.opened, of.won)  # a deal without a day of opening ends the wait when it is won
    return Judged(label, at, day, (at < NEVER) & (at < limit) & (day - of.entered_day <= within))


class _Judging:
    """One set of criteria over one generation."""

    def __init__(self, at: Bench, asked: Asked, keep: Keep) -> None:
        self.at, self.asked, self.keep, self.criteria = at, asked, keep, asked.criteria
        self.question, self.generation = asked.question, at.reader.generation
        self.notes: list[str] = []
        self.linked = True
        self.subjects = self._subjects()

    def judgement(self) -> Judgement:
        """What all judges said."""
        judged, ran = self._judge(self.asked.version)
        others = [self._judge(self.asked.against)[0]] if self.asked.against else []
        crm = self._judged(CRM, (self.subjects.stage, self.subjects.stage_day))
        by_crm = [crm] if self._stage_is_known() else []
        dated = () if self.asked.version else self.criteria.in_force(self.question.as_of)
        reads = () if ran is None else tuple((r.table, r.column) for rule in ran.version.rules for r in rule.reads)
        read = {"opportunities", *(a.table for v in self._versions() for a in v.actions)}
        return Judgement(
            self.subjects,
            (judged, *others, *by_crm),
            ran,
            dated[0][1] if dated else None,
            self._through(read),
            self._through({OWN, *read}),
            self.linked,
            tuple(dict.fromkeys(self.notes)),
            frozenset(r for r in reads if self._filled(*r)),
        )

    # --- what is asked of whom ---------------------------------------------------------------------------------------
    def _ask(self, relations: Sequence[Relation]) -> Sequence[Columns]:
        return all_columns_of(self.at, [render(r, self.at.reader.spelling) for r in relations])

    def _subjects(self) -> Subjects:
        known = with_leads(self.at.catalogue)
        planned = plan(self.question, known, self.generation, self.at.company.settings)
        asked = [subjects(planned, self.criteria)]
        lacking = [t for t in needed_tables(self.criteria.link) if not self._fed(t)]
        if lacking:
            self.linked = False
            self.notes.append(f"no source feeds {', '.join(lacking)}: no deal finds its lead by {self.criteria.link}")
        if self.linked:
            asked.append(outcomes(self.criteria, self.question.as_of, self.at.catalogue))
        came, *ended = self._ask(asked)
        return subjects_of(came, ended[0] if ended else [])

    def _fed(self, table: str) -> bool:
        stored = self.generation.table(table)
        return stored is not None and stored.rows > 0

    def _through(self, tables: Iterable[str]) -> date:
        """The last day through which tables are known, of those that a source feeds."""
        stored = [s for t in tables if (s := self.generation.table(t)) is not None and s.rows]
        days = [day for s in stored for _, day in s.complete_through if day is not None]
        return min([self.question.as_of, *days])

    def _versions(self) -> tuple[CriteriaVersion, ...]:
        """The versions that are asked."""
        named = {self.asked.version, self.asked.against} - {""}
        found = [v for v in self.criteria.versions if v.id in named]
        if not self.asked.version:
            found += [v for v, _, _ in self.criteria.in_force(self.question.as_of) if v.id not in named]
        return tuple(found)

    # --- who qualified -----------------------------------------------------------------------------------------------
    def _stage_is_known(self) -> bool:
        stored = self.generation.table(OWN)
        if stored is not None and stored.rows and self.criteria.stage_at in stored.empty:
            self.notes.append(f"no source fills {self.criteria.stage_at}: the CRM says of nobody that they qualify")
            return False
        return True

    def _judge(self, name: str) -> tuple[Judged, Ran | None]:
        """Who qualified by one version for all of history, or by the one in force; and the newest of those that ran."""
        if name:
            version = self.criteria.version(name)
            assert version is not None
            ran = self._run(version, None, None)
            return self._judged(name, (ran.found.at, ran.found.day)), ran
        all_ran = [self._run(*dated) for dated in self.criteria.in_force(self.question.as_of)]
        if not all_ran:
            self.notes.append(f"no version is in force by {self.question.as_of}")
            nobody = np.full(len(self.subjects), NEVER), np.zeros(len(self.subjects), np.int64)
            return self._judged(IN_FORCE, nobody), None
        when, day, by = in_force([r.found for r in all_ran])
        newest = replace(all_ran[-1], free=(by < 0) | (by == len(all_ran) - 1))
        return self._judged(IN_FORCE, (when, day)), newest

    def _run(self, given: CriteriaVersion, start: date | None, end: date | None) -> Ran:
        version = self._as_settled(given)
        self._tell_unfed(version)
        histories, unknown = histories_of(version, self.subjects, self.question.as_of, self.at.catalogue, self._ask)
        rules = rules_of(version, start, end)
        standings, many = standings_of(histories, rules), len(self.subjects)
        return Ran(version, rules, standings, first_met(many, standings, rules), np.ones(many, np.bool_), unknown)

    def _judged(self, label: str, found: tuple[Wholes, Wholes]) -> Judged:
        return judged_of(label, found, self.subjects, self.criteria.within)

    # --- what may be believed ----------------------------------------------------------------------------------------
    def _as_settled(self, version: CriteriaVersion) -> CriteriaVersion:
        """The version, when the versions kept do not show that a settled column changes. Else own criteria are refused,
        by name; shipped ones read the column from the versions kept."""
        moving = list(self._moving(settled_columns(version, self.at.catalogue)))
        if not moving:
            return version
        told = "; ".join(
            f"{r.column!r} of {r.table} changed in {n:,} of them, such as {example!r}" for r, n, example in moving
        )
        if self.criteria.own:
            raise QueryError(
                f"version {version.id!r} takes as settled what changes: {told}",
                where=self.criteria.path,
                do="Leave 'settled' out where a value changes, so that it counts from when it was known.",
            )
        self.notes.append(f"read from the versions kept, because it changes: {told}")
        return unsettled(version, frozenset(r for r, _, _ in moving))

    def _moving(self, columns: Sequence[Reached]) -> Iterator[tuple[Reached, int, str]]:
        """Of these columns those that have changed: in how many rows, and the key of one of them."""
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for name in dict.fromkeys(r.table for r in columns):
            if self.at.catalogue.tables[name].versions and self._fed(name + VERSIONS_SUFFIX):
                mine = tuple(r.column for r in columns if r.table == name)
                row = self.keep(("changed", name, mine), partial(self._changed, name, mine))
                found |= {(name, column): (row[2 * i], row[2 * i + 1]) for i, column in enumerate(mine)}
        for reached in columns:
            many, example = found.get((reached.table, reached.column), (0, ""))
            if many:
                yield reached, int(many), str(example)

    def _changed(self, table: str, columns: tuple[str, ...]) -> tuple[Any, ...]:
        statement = render(changed(self.at.catalogue.tables[table], columns), self.at.reader.spelling)
        return rows_of(self.at, statement)[0]

    def _tell_unfed(self, version: CriteriaVersion) -> None:
        lacking = sorted({a.table for a in version.actions if not self._fed(a.table)})
        if lacking:
            self.notes.append(f"no source feeds {', '.join(lacking)}: nobody has points for what is read there")
        reads = dict.fromkeys((r.table, r.column) for rule in version.rules for r in rule.reads)
        if version.group is not None:
            reads[(CONTACT, version.group.role)] = None
            if not tables_for_group(version, self.at.catalogue):
                self.notes.append("no action names both a person and a company, so no group is ever seen")
        empty = [f"{column} of {table}" for table, column in reads if not self._filled(table, column)]
        if empty:
            self.notes.append(f"no source fills {', '.join(empty)}: nobody has points for it")

    def _filled(self, table: str, column: str) -> bool:
        stored = self.generation.table(table)
        return stored is not None and stored.rows > 0 and column not in stored.empty


def with_leads(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the leads that came as a KPI of its own, so that a question to criteria is planned as any."""
    measure = replace(entered(catalogue), id=LEADS)
    variant = Variant("base", Name(LEADS), "", "period", measure.unit, interval="none")
    kpi = Kpi(
        LEADS, measure.title, "", (variant,), "base", measure.unit, "number", "up", "any", "growth", "velocity",
        "monthly", "low", "", small_sample=SMALL, hash=catalogue.hash,
    )  # fmt: skip
    return replace(catalogue, measures={LEADS: measure}, kpis={LEADS: kpi})
