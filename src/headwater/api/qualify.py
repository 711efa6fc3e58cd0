"""Criteria asked: who qualifies when, how well that tells who buys, what each rule brings, what others would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from headwater.analyses.qualification import (
    LEAST_WON,
    NEVER,
    Flags,
    Histories,
    Qualified,
    Rules,
    Wholes,
    first_qualified,
    in_force,
    lift,
)
from headwater.api.measuring import Bench, Ground, rows_of
from headwater.api.numbers import Numbers, Segment
from headwater.api.qualify_answer import CRM, IN_FORCE, Differing, Qualification
from headwater.api.qualify_files import check_version, criteria_named
from headwater.api.qualify_histories import Subjects, histories_of, rules_of, subjects_of
from headwater.errors import QueryError
from headwater.metrics.criteria_rows import (
    EPOCH,
    changed,
    entered,
    outcomes,
    settled_columns,
    subjects,
    tables_for_group,
    unsettled,
)
from headwater.metrics.intervals import garwood, wilson
from headwater.metrics.linking import needed_tables
from headwater.metrics.planned import Context, Plan
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import CONTACT, OWN, Criteria, CriteriaVersion, Reached
from headwater.model.expression import Name
from headwater.model.kpi import Kpi, Variant
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.model.plan import Relation
from headwater.model.question import Question
from headwater.model.table import VERSIONS_SUFFIX

KPI = "qualification"
"""What the numbers are of, where a KPI has its id."""

SMALL = 20
"""A share that rests on fewer is told to rest on few."""

CERTAIN = 10
"""When so many have the points of a profile rule and all of them won, the rule looks like a trace of winning."""

_LEADS = "leads"


@dataclass(frozen=True, slots=True)
class Asked:
    """What criteria are asked: their definition, the question, one version for all of history ('': the one in force at
    each moment), and another to hold it against."""

    criteria: Criteria
    question: Question
    version: str = ""
    against: str = ""


def asked(stands: Ground, name: str = "", *, version: str = "", against: str = "", **given: Any) -> Asked:
    """What was written, as a question to criteria. Raises QueryError that names the argument."""
    criteria = criteria_named(stands.folder, stands.catalogue, name)
    for where, id_ in (("version", version), ("against", against)):
        if id_:
            check_version(criteria, id_, where)
    if version and version == against:
        raise QueryError(f"{version!r} is held against itself", where="against", do="Name another version.")
    return Asked(criteria, stands.question((_LEADS,), **given), version, against)


def qualify_of(at: Bench, asked: Asked) -> Qualification:
    """The numbers of criteria."""
    return _Asking(at, asked).answer()


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """When leads qualified by somebody's judgement: of versions `label`s in force or one for all of history, or of the
    CRM. `in_time`: within the time a lead has and before its first opportunity."""

    label: str
    at: Wholes
    day: Wholes
    in_time: Flags


@dataclass(frozen=True, slots=True, eq=False)
class _Ran:
    """One version with what it goes by and whom it qualified."""

    version: CriteriaVersion
    histories: Histories
    rules: Rules
    found: Qualified
    mine: Flags
    unknown: dict[int, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class _Cohort:
    """The leads of a back-test (a mask); how many more were too young, and of how many the deal was there as soon as
    they were, so that nobody could have judged them before."""

    mask: Flags
    young: int
    before: int
    days: int

    def told(self) -> str:
        """Who was left out."""
        parts = [f"{self.young:,} younger than {self.days} days"] if self.young else []
        parts += [f"{self.before:,} whose deal was there as soon as they were"] if self.before else []
        return "; ".join(parts)


class _Asking:
    """One question to one set of criteria, over one generation."""

    def __init__(self, at: Bench, asked: Asked) -> None:
        self.at, self.asked, self.criteria = at, asked, asked.criteria
        self.question = asked.question
        self.notes: list[str] = []
        self.context = Context(at.catalogue, at.reader.generation, at.company.settings)
        definition = sha256(f"{at.catalogue.hash} {self.criteria!r}".encode()).hexdigest()
        self._number = Numbers(KPI, self.question, definition, self.context.generation.id, "period").number
        self.planned = self._plan()
        self.subjects = self._subjects()
        read = {"opportunities", *(a.table for v in self._versions() for a in v.actions)}
        self.observed = self._through(read)
        self.told_through = self._through({OWN, *read})

    # --- what is asked of whom ---------------------------------------------------------------------------------------
    def _plan(self) -> Plan:
        """The question to the leads that came, so that splits, filter and periods are those of any other."""
        known = with_leads(self.at.catalogue)
        return plan(self.question, known, self.context.generation, self.context.settings)

    def _ask(self, relation: Relation) -> list[tuple[Any, ...]]:
        return rows_of(self.at, render(relation, self.at.reader.spelling))

    def _subjects(self) -> Subjects:
        rows = self._ask(subjects(self.planned, self.criteria))
        lacking = [t for t in needed_tables(self.criteria.link) if not self._fed(t)]
        if lacking:
            self.notes.append(f"no source feeds {', '.join(lacking)}: no deal finds its lead by {self.criteria.link}")
        ended = self._ask(outcomes(self.criteria, self.question.as_of, self.at.catalogue)) if not lacking else []
        return subjects_of(rows, ended)

    def _fed(self, table: str) -> bool:
        stored = self.context.generation.table(table)
        return stored is not None and stored.rows > 0

    def _through(self, tables: Iterable[str]) -> date:
        """The last day through which tables are known, of those that a source feeds."""
        stored = [s for t in tables if (s := self.context.generation.table(t)) is not None and s.rows]
        days = [day for s in stored for _, day in s.complete_through if day is not None]
        return min([self.question.as_of, *days])

    def _versions(self) -> tuple[CriteriaVersion, ...]:
        """The versions that are asked."""
        named = {self.asked.version, self.asked.against} - {""}
        found = [v for v in self.criteria.versions if v.id in named]
        if not self.asked.version:
            found += [v for v, _, _ in self.criteria.in_force(self.question.as_of) if v.id not in named]
        return tuple(found)

    # --- the answer --------------------------------------------------------------------------------------------------
    def answer(self) -> Qualification:
        """Every number of the criteria."""
        judged, ran = self._judge(self.asked.version)
        others = [self._judge(self.asked.against)[0]] if self.asked.against else []
        crm = self._judged(CRM, self.subjects.stage, self.subjects.stage_day)
        by_crm = [crm] if self._stage_is_known() else []
        all_judged = [judged, *others, *by_crm]
        self._tell_unknown(ran)
        numbers = [*self._counts(all_judged), *self._back_test(all_judged)]
        if ran is not None and not self.question.by and self.question.grain is Grain.ALL:
            numbers += list(self._contributions(ran, judged))
        differing: tuple[Differing, ...] = ()
        if others:
            numbers += list(self._shared(judged, others[0]))
            differing = tuple(self._differing(judged, others[0]))
        version = None if ran is None else ran.version
        return Qualification(
            tuple(numbers), self.criteria, judged.label, version, differing, tuple(dict.fromkeys(self.notes))
        )

    def _stage_is_known(self) -> bool:
        stored = self.context.generation.table(OWN)
        if stored is not None and stored.rows and self.criteria.stage_at in stored.empty:
            self.notes.append(f"no source fills {self.criteria.stage_at}: the CRM says of nobody that they qualify")
            return False
        return True

    def _judge(self, name: str) -> tuple[_Judged, _Ran | None]:
        """Who qualified by one version for all of history, or by the one in force; and the newest of those that ran."""
        if name:
            version = self.criteria.version(name)
            assert version is not None
            ran = self._run(version, None, None)
            return self._judged(name, ran.found.at, ran.found.day), ran
        all_ran = [self._run(*dated) for dated in self.criteria.in_force(self.question.as_of)]
        if not all_ran:
            self.notes.append(f"no version is in force by {self.question.as_of}")
            nobody = np.full(len(self.subjects.ids), NEVER), np.zeros(len(self.subjects.ids), np.int64)
            return self._judged(IN_FORCE, *nobody), None
        when, day, by = in_force([r.found for r in all_ran])
        newest = replace(all_ran[-1], mine=by == len(all_ran) - 1)
        return self._judged(IN_FORCE, when, day), newest

    def _run(self, given: CriteriaVersion, start: date | None, end: date | None) -> _Ran:
        version = self._as_settled(given)
        self._tell_unfed(version)
        known = histories_of(version, self.subjects, self.question.as_of, self.at.catalogue, self._ask)
        rules = rules_of(version, start, end)
        found = first_qualified(known[0], rules)
        return _Ran(version, known[0], rules, found, found.at < NEVER, known[1])

    def _judged(self, label: str, at: Wholes, day: Wholes) -> _Judged:
        of = self.subjects
        limit = np.minimum(of.opened, of.won)  # a deal without a day of opening ends the wait when it is won
        in_time = (at < NEVER) & (at < limit) & (day - of.entered_day <= self.criteria.within)
        return _Judged(label, at, day, in_time)

    # --- what may be believed ----------------------------------------------------------------------------------------
    def _as_settled(self, version: CriteriaVersion) -> CriteriaVersion:
        """The version, when the versions kept do not show that a settled column changes. Else own criteria are refused,
        by name; shipped ones read the column from the versions kept."""
        moving: list[tuple[Reached, int, str]] = []
        for reached in settled_columns(version, self.at.catalogue):
            table = self.at.catalogue.tables[reached.table]
            if table.versions and self._fed(table.id + VERSIONS_SUFFIX):
                rows, example = self._ask(changed(table, reached.column))[0]
                if rows:
                    moving.append((reached, int(rows), str(example)))
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
        stored = self.context.generation.table(table)
        return stored is not None and stored.rows > 0 and column not in stored.empty

    def _tell_unknown(self, ran: _Ran | None) -> None:
        """Of how many leads of the period something was not known when they came."""
        if ran is None:
            return
        whole = self._came(self.question.period)
        told: dict[int, list[str]] = {}
        for number, late in ran.unknown.items():
            reads = [r for r in ran.version.rules[number].reads if self._filled(r.table, r.column)]
            if reads and (count := int((late & whole).sum())):
                told.setdefault(count, []).extend(f"{r.column} of {r.table}" for r in reads)
        for count, names in told.items():
            self.notes.append(
                f"of {count:,} of {int(whole.sum()):,} leads it was not known when they came, as no person or company "
                f"is or as what is kept begins later, so it gives no points before: {', '.join(dict.fromkeys(names))}"
            )

    # --- numbers -----------------------------------------------------------------------------------------------------
    def _came(self, period: Period | None) -> Flags:
        return _inside(self.subjects.entered_day, period)

    def _places(self) -> Iterator[tuple[Period | None, tuple[tuple[str, str | None], ...], Flags]]:
        """Each period and segment, with the leads of the segment."""
        n = len(self.subjects.ids)
        segments = sorted(dict.fromkeys(self.subjects.segments), key=lambda s: tuple((v is None, v or "") for v in s))
        masks: list[tuple[tuple[tuple[str, str | None], ...], Flags]] = [((), np.ones(n, np.bool_))]
        if self.question.by:
            number = {s: i for i, s in enumerate(segments)}
            of = np.array([number[s] for s in self.subjects.segments], np.int64)
            masks = [(tuple(zip(self.question.by, s, strict=True)), of == i) for s, i in number.items()]
        for period in self.planned.periods:
            for segment, mask in masks:
                yield period, segment, mask

    def _counts(self, judged: Sequence[_Judged]) -> Iterator[Observation]:
        """How many came, and how many qualified, in all and a week."""
        for period, segment, mask in self._places():
            late = self._cut(period)
            came = int((self._came(period) & mask).sum())
            yield self._number("came", _of("", segment), period, came, unit="lead", quality=late[0], detail=late[1])
            weeks = self._weeks(period)
            for one in judged:
                count = int((_inside(one.day, period) & (one.at < NEVER) & mask).sum())
                low, high = garwood(count)
                yield self._number(
                    "qualified", _of(one.label, segment), period, count, unit="lead", low=low, high=high,
                    quality=late[0], detail=late[1],
                )  # fmt: skip
                if weeks > 0:
                    yield self._number(
                        "per_week", _of(one.label, segment), period, count / weeks, unit="lead", numerator=count,
                        denominator=weeks, low=low / weeks, high=high / weeks, quality=late[0], detail=late[1],
                    )  # fmt: skip

    def _weeks(self, period: Period | None) -> float:
        """So many weeks of a period have been seen since the first lead came."""
        if not len(self.subjects.ids):
            return 0.0
        first = EPOCH + timedelta(int(self.subjects.entered_day.min()))
        start = first if period is None else max(period.start, first)
        end = self.told_through + timedelta(1)
        end = end if period is None else min(period.end, end)
        return max((end - start).days, 0) / 7

    def _cut(self, period: Period | None) -> tuple[tuple[str, ...], str]:
        if period is None or period.end <= self.told_through + timedelta(1):
            return (), ""
        return ("partial",), f"known through {self.told_through}"

    def _cohort(self, period: Period | None, mask: Flags) -> _Cohort:
        """Of the leads that came in a period those that have had their time since."""
        of = self.subjects
        came = self._came(period) & mask
        ripe = of.entered_day + self.criteria.within <= (self.observed - EPOCH).days
        before = np.minimum(of.opened, of.won) <= of.entered
        young, odd = int((came & ~ripe).sum()), int((came & ripe & before).sum())
        return _Cohort(came & ripe & ~before, young, odd, self.criteria.within)

    def _won(self) -> Flags:
        of = self.subjects
        return (of.won < NEVER) & (of.won_day - of.entered_day <= self.criteria.within)

    def _back_test(self, judged: Sequence[_Judged]) -> Iterator[Observation]:
        """Precision, recall and lift of leads that have had their time."""
        won = self._won()
        for period, segment, mask in self._places():
            cohort = self._cohort(period, mask)
            n, wins = int(cohort.mask.sum()), int((cohort.mask & won).sum())
            yield self._share("base_rate", "", period, segment, wins, n, cohort)
            for one in judged:
                tested = cohort.mask & one.in_time
                flagged, both = int(tested.sum()), int((tested & won).sum())
                yield self._share("precision", one.label, period, segment, both, flagged, cohort)
                yield self._share("recall", one.label, period, segment, both, wins, cohort)
                found = lift(both, flagged, wins, n)
                quality = () if found.value is not None else ("zero_denominator" if n else "no_data",)
                yield self._number(
                    "lift", _of(one.label, segment), period, found.value, low=found.low, high=found.high,
                    subjects=flagged, quality=(*quality, *(("small_sample",) if wins < LEAST_WON else ())),
                    detail=self._verdict(found.verdict, wins, flagged, n), left_out=cohort.young + cohort.before,
                    basis="cohort",
                )  # fmt: skip

    def _verdict(self, verdict: str, wins: int, flagged: int, n: int) -> str:
        if verdict == "tells":
            return "tells: they won more often than all, beyond chance"
        if verdict == "misleads":
            return "misleads: they won less often than all, beyond chance"
        if not n:
            return f"cannot tell: no lead is {self.criteria.within} days old"
        if wins < LEAST_WON:
            return f"cannot tell: {wins} won deal{'' if wins == 1 else 's'} are too few"
        if not flagged:
            return "cannot tell: nobody qualified in time"
        if flagged == n:
            return "cannot tell: everybody qualified"
        return "cannot tell: it may be chance"

    def _share(
        self,
        variant: str,
        label: str,
        period: Period | None,
        segment: Segment,
        top: int,
        bottom: int,
        cohort: _Cohort | None = None,
        *,
        detail: str = "",
        rule: str = "",
    ) -> Observation:
        """A share with its interval; of leads that have had their time, where a cohort is given."""
        low, high = wilson(top, bottom) if bottom else (None, None)
        quality = [] if bottom else ["zero_denominator" if variant != "base_rate" else "no_data"]
        quality += ["small_sample"] if 0 < bottom < SMALL else []
        quality += ["immature"] if cohort is not None and cohort.young and not cohort.mask.any() else []
        return self._number(
            variant, _of(label, segment, rule), period, top / bottom if bottom else None,
            basis="period" if cohort is None else "cohort", numerator=top, denominator=bottom, subjects=bottom,
            left_out=None if cohort is None else cohort.young + cohort.before, low=low, high=high, quality=quality,
            detail=detail or (cohort.told() if cohort is not None else ""),
        )  # fmt: skip

    # --- what each rule brings ---------------------------------------------------------------------------------------
    def _contributions(self, ran: _Ran, judged: _Judged) -> Iterator[Observation]:
        """Of each rule of one version: which share of those whom it qualified has its points, how many of these and of
        the others won, and who would qualify if the rule were not there."""
        period, label = self.question.period, judged.label
        cohort, won = self._cohort(period, np.ones(len(self.subjects.ids), np.bool_)), self._won()
        qualified = ran.mine & _inside(ran.found.day, period)
        tested = cohort.mask & ran.mine & judged.in_time
        for rule, title, column, points in _columns_of(ran.version):
            given = ran.found.scores.gives[:, column]
            has = given >= points if points > 0 else given < 0
            top, bottom = int((qualified & has).sum()), int(qualified.sum())
            yield self._share("rule_share", label, period, (), top, bottom, detail=title, rule=rule)
            for variant, part in (("rule_precision_with", tested & has), ("rule_precision_without", tested & ~has)):
                top, bottom = int((part & won).sum()), int(part.sum())
                yield self._share(variant, label, period, (), top, bottom, cohort, detail=title, rule=rule)
            have = cohort.mask & ran.mine & has
            if rule.startswith("profile") and int(have.sum()) >= CERTAIN and not (have & ~won).any():
                self.notes.append(
                    f"all {int(have.sum()):,} that qualified with points for {title!r} won: it looks like a trace of "
                    "winning rather than a sign of it"
                )
        for rule, title, rules in _without(ran):
            found = first_qualified(ran.histories, rules)
            other = self._judged(label, found.at, found.day)
            count = int((_inside(found.day, period) & (found.at < NEVER)).sum())
            low, high = garwood(count)
            yield self._number(
                "dropped_qualified", _of(label, rule=rule), period, count, unit="lead", low=low, high=high, detail=title
            )
            part = cohort.mask & other.in_time
            top, bottom = int((part & won).sum()), int(part.sum())
            yield self._share("dropped_precision", label, period, (), top, bottom, cohort, detail=title, rule=rule)

    # --- two versions ------------------------------------------------------------------------------------------------
    def _shared(self, one: _Judged, other: _Judged) -> Iterator[Observation]:
        """Who qualifies by both, and by one of them alone, and how many of these won."""
        won = self._won()
        for period, segment, mask in self._places():
            first, second = (_inside(j.day, period) & (j.at < NEVER) & mask for j in (one, other))
            cohort = self._cohort(period, mask)
            groups = (
                ("both", "", first & second, one.in_time & other.in_time),
                ("only", one.label, first & ~second, one.in_time & ~other.in_time),
                ("only", other.label, second & ~first, other.in_time & ~one.in_time),
            )
            for variant, label, counted, tested in groups:
                count = int(counted.sum())
                low, high = garwood(count)
                yield self._number(variant, _of(label, segment), period, count, unit="lead", low=low, high=high)
                part = cohort.mask & tested
                top, bottom = int((part & won).sum()), int(part.sum())
                yield self._share(f"{variant}_precision", label, period, segment, top, bottom, cohort)

    def _differing(self, one: _Judged, other: _Judged) -> Iterator[Differing]:
        """The leads whom only one of two versions qualifies in the period, the newest first."""
        period = self.question.period
        first, second = (_inside(j.day, period) & (j.at < NEVER) for j in (one, other))
        rows = np.flatnonzero(first ^ second)
        days = np.where(first, one.day, other.day)
        won = self._won()
        cohort = self._cohort(None, np.ones(len(won), np.bool_)).mask
        order = sorted(rows.tolist(), key=lambda i: (-int(days[i]), self.subjects.ids[i]))
        for i in order:
            label = one.label if first[i] else other.label
            day = EPOCH + timedelta(int(days[i]))
            yield Differing(self.subjects.ids[i], label, day, bool(won[i]) if won[i] or cohort[i] else None)


def _of(label: str, segment: Segment = (), rule: str = "") -> Segment:
    """By whom it is judged and which rule it is of, then the splits."""
    return (("judged_by", label or None), ("rule", rule or None), *segment)


def with_leads(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the leads that came as a KPI of its own, so that a question to criteria is planned as any."""
    measure = replace(entered(catalogue), id=_LEADS)
    variant = Variant("base", Name(_LEADS), "", "period", measure.unit, interval="none")
    kpi = Kpi(
        _LEADS, measure.title, "", (variant,), "base", measure.unit, "number", "up", "any", "growth", "velocity",
        "monthly", "low", "", small_sample=SMALL, hash=catalogue.hash,
    )  # fmt: skip
    return replace(catalogue, measures={_LEADS: measure}, kpis={_LEADS: kpi})


def _inside(days: Wholes, period: Period | None) -> Flags:
    if period is None:
        return np.ones(len(days), np.bool_)
    inside: Flags = (days >= (period.start - EPOCH).days) & (days < (period.end - EPOCH).days)
    return inside


def _columns_of(version: CriteriaVersion) -> Iterator[tuple[str, str, int, float]]:
    """Of each rule that gives points: its id, title, column of what it gives, and from how many points on it counts as
    given (an action from half a point on; below zero for points against)."""
    for i, rule in enumerate(version.profile):
        yield f"profile_{i + 1}", rule.title, i, min(float(rule.points), 0.5)
    column = len(version.rules)
    for i, action in enumerate(version.actions):
        yield f"action_{i + 1}", action.title, column + i, 0.5
    if version.speed is not None:
        yield "speed", _speed_title(version), column + len(version.actions), 0.5


def _without(ran: _Ran) -> Iterator[tuple[str, str, Rules]]:
    """Each rule and requirement, and the rules as they are without it."""
    version, rules = ran.version, ran.rules
    for i, rule in enumerate(version.profile):
        points = tuple(0.0 if n == i else p for n, p in enumerate(rules.profile))
        yield f"profile_{i + 1}", rule.title, replace(rules, profile=points)
    for i, rule in enumerate(version.require):
        number = len(version.profile) + i
        yield f"require_{i + 1}", rule.title, replace(rules, required=tuple(r for r in rules.required if r != number))
    for i, action in enumerate(version.actions):
        actions = tuple(replace(a, points=0.0) if n == i else a for n, a in enumerate(rules.actions))
        yield f"action_{i + 1}", action.title, replace(rules, actions=actions)
    if rules.speed is not None:
        yield "speed", _speed_title(version), replace(rules, speed=replace(rules.speed, points=0.0))
    if version.group is not None:
        title = f"{version.group.roles} roles of the company within {version.group.within}"
        yield "group", title, replace(rules, group=None)


def _speed_title(version: CriteriaVersion) -> str:
    assert version.speed is not None
    return f"{version.speed.actions} actions within {version.speed.within}"
