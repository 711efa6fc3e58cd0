"""Criteria asked: who qualifies when, how well that tells who buys, what each rule brings, what others would do."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np

from headwater.analyses.qualification import FIRST, LEAST_WON, NEVER, Flags, Wholes, lift
from headwater.api.measuring import Bench, Ground
from headwater.api.numbers import Numbers, Segment
from headwater.api.qualify_answer import IN_FORCE, Differing, Qualification
from headwater.api.qualify_files import check_version, criteria_named
from headwater.api.qualify_judging import (
    LEADS,
    SMALL,
    Asked,
    Judged,
    Judgement,
    Keep,
    Ran,
    judge,
    judged_of,
    with_leads,
)
from headwater.errors import QueryError
from headwater.metrics.criteria_rows import EPOCH
from headwater.metrics.formula import HERE
from headwater.metrics.intervals import garwood, wilson
from headwater.metrics.observe import edges_of, not_covered
from headwater.metrics.planned import Context
from headwater.metrics.planner import plan
from headwater.metrics.windows import window_of
from headwater.model.criteria import CriteriaVersion
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period

KPI = "qualification"
"""What the numbers are of, where a KPI has its id."""

UNLINKED = "no deal finds its lead"

CERTAIN = 10
"""When so many have the points of a profile rule and all of them won, the rule looks like a trace of winning."""

V = TypeVar("V")


def asked(
    stands: Ground, name: str = "", *, version: str = "", against: str = "", rules: bool = True, **given: Any
) -> Asked:
    """What was written, as a question to criteria. Raises QueryError that names the argument."""
    criteria = criteria_named(stands.folder, stands.catalogue, name)
    for where, id_ in (("version", version), ("against", against)):
        if id_:
            check_version(criteria, id_, where)
    if version and version == against:
        raise QueryError(f"{version!r} is held against itself", where="against", do="Name another version.")
    return Asked(criteria, stands.question((LEADS,), **given), version, against, rules)


def _anew(_: Hashable, make: Callable[[], V]) -> V:
    return make()


def qualify_of(at: Bench, asked: Asked, keep: Keep = _anew) -> Qualification:
    """The numbers of criteria. `keep` has what rests on no period, for the next asking."""
    of_any = asked.of_any_period
    return _Counting(at, asked, keep(("judged", of_any), lambda: judge(at, of_any, keep))).answer()


@dataclass(frozen=True, slots=True, eq=False)
class _Cohort:
    """The leads of a back-test (a mask); how many more were too young, of how many the deal was there as soon as they
    were, so that nobody could have judged them before, and how many came before a version was in force (on `since`)."""

    mask: Flags
    young: int
    before: int
    unjudged: int
    days: int
    since: date | None

    @property
    def left_out(self) -> int:
        """How many leads of the period are not among them."""
        return self.young + self.before + self.unjudged

    def told(self) -> str:
        """Who was left out."""
        parts = [f"{self.young:,} younger than {self.days} days"] if self.young else []
        parts += [f"{self.before:,} whose deal was there as soon as they were"] if self.before else []
        parts += [f"{self.unjudged:,} who came before a version was in force ({self.since})"] if self.unjudged else []
        return "; ".join(parts)


class _Counting:
    """One question to what was judged."""

    def __init__(self, at: Bench, asked: Asked, judgement: Judgement) -> None:
        self.asked, self.criteria, self.question = asked, asked.criteria, asked.question
        self.judgement, self.subjects = judgement, judgement.subjects
        self.catalogue = with_leads(at.catalogue)
        self.context = Context(self.catalogue, at.reader.generation, at.company.settings)
        self.edges = edges_of(self.catalogue.measures[LEADS], self.context)
        definition = sha256(f"{at.catalogue.hash} {self.criteria!r}".encode()).hexdigest()
        self._number = Numbers(KPI, self.question, definition, self.context.generation.id, "period").number
        self.planned = plan(self.question, self.catalogue, self.context.generation, self.context.settings)
        self.notes = list(judgement.notes)
        self.won = self._won()

    def answer(self) -> Qualification:
        """Every number of the criteria."""
        judged, ran = self.judgement.judged, self.judgement.ran
        self._tell_unknown(ran)
        numbers = [*self._counts(judged), *self._back_test(judged)]
        if ran is not None and self.asked.rules and not self.question.by and self.question.grain is Grain.ALL:
            numbers += list(self._contributions(ran, judged[0]))
        differing: tuple[Differing, ...] = ()
        if self.asked.against:
            numbers += list(self._shared(*judged[:2]))
            differing = tuple(self._differing(*judged[:2]))
        version = None if ran is None else ran.version
        notes = tuple(dict.fromkeys(self.notes))
        return Qualification(tuple(numbers), self.criteria, judged[0].label, version, differing, notes)

    def _tell_unknown(self, ran: Ran | None) -> None:
        """Of how many leads of the period something was not known when they came."""
        if ran is None:
            return
        whole = self._came(self.question.period)
        told: dict[int, list[str]] = {}
        for number, late in ran.unknown.items():
            reads = [r for r in ran.version.rules[number].reads if (r.table, r.column) in self.judgement.filled]
            if reads and (count := int((late & whole).sum())):
                told.setdefault(count, []).extend(f"{r.column} of {r.table}" for r in reads)
        for count, names in told.items():
            self.notes.append(
                f"for {count:,} of {int(whole.sum()):,} leads this was not known when they came, and gives no points "
                f"until it was: {', '.join(dict.fromkeys(names))}; they name no person or company, or what is kept of "
                "it begins later"
            )

    # --- numbers -----------------------------------------------------------------------------------------------------
    def _came(self, period: Period | None) -> Flags:
        return _inside(self.subjects.entered_day, period)

    def _places(self) -> Iterator[tuple[Period | None, Segment, Flags]]:
        """Each period and segment, with the leads of the segment."""
        n = len(self.subjects)
        segments = sorted(dict.fromkeys(self.subjects.segments), key=lambda s: tuple((v is None, v or "") for v in s))
        masks: list[tuple[Segment, Flags]] = [((), np.ones(n, np.bool_))]
        if self.question.by:
            number = {s: i for i, s in enumerate(segments)}
            of = np.array([number[s] for s in self.subjects.segments], np.int64)
            masks = [(tuple(zip(self.question.by, s, strict=True)), of == i) for s, i in number.items()]
        for period in self.planned.periods:
            for segment, mask in masks:
                yield period, segment, mask

    def _counts(self, judged: Sequence[Judged]) -> Iterator[Observation]:
        """How many came, and how many qualified, in all and a week."""
        for period, segment, mask in self._places():
            came = int((self._came(period) & mask).sum())
            yield self._count("came", "", period, segment, came, self._lacking(period), self._cut(period))
            for one in judged:
                start = self._start(one)
                count = int((_inside(one.day, period) & (one.at < NEVER) & mask).sum())
                why, cut = self._lacking(period), self._cut(period)
                if start is not None and period is not None:
                    why = f"no version was in force before {start}" if period.end <= start else why
                    cut = [*cut, f"no version was in force before {start}"] if start in period else cut
                yield self._count("qualified", one.label, period, segment, count, why, cut)
                weeks = self._weeks(period, start)
                if weeks > 0:
                    low, high = garwood(count)
                    yield self._number(
                        "per_week", _of(one.label, segment), period, count / weeks, unit="lead", numerator=count,
                        denominator=weeks, low=low / weeks, high=high / weeks, quality=("partial",) if cut else (),
                        detail="; ".join(cut),
                    )  # fmt: skip

    def _count(
        self,
        variant: str,
        label: str,
        period: Period | None,
        segment: Segment,
        count: int,
        why: str,
        cut: Sequence[str],
    ) -> Observation:
        """How many; nothing where there are none and `why` says that there cannot be any. `cut`: what is lacking of the
        period."""
        of = _of(label, segment)
        if why and not count:
            return self._number(variant, of, period, None, unit="lead", quality=("no_data",), detail=why)
        low, high = garwood(count) if label else (None, None)
        return self._number(
            variant, of, period, count, unit="lead", low=low, high=high,
            quality=("partial",) if cut else (), detail="; ".join(cut),
        )  # fmt: skip

    def _start(self, judged: Judged) -> date | None:
        """The day the first version began, where one is judged by those in force."""
        return self.judgement.since if judged.label == IN_FORCE else None

    def _lacking(self, period: Period | None) -> str:
        """Why nobody can have come in a period, '' where somebody can."""
        window = window_of(self.question, period, HERE, self.context.settings)
        if window is None:
            return f"the period lies after {self.question.as_of}, the day asked as of"
        return not_covered(self.catalogue.measures[LEADS], window, self.edges) or ""

    def _weeks(self, period: Period | None, since: date | None) -> float:
        """So many weeks of a period have been seen since the first lead came, and since a day."""
        if not len(self.subjects):
            return 0.0
        days = [EPOCH + timedelta(int(self.subjects.entered_day.min()))]
        days += [since] if since is not None else []
        start = max(days) if period is None else max(period.start, *days)
        end = self.judgement.told_through + timedelta(1)
        end = end if period is None else min(period.end, end)
        return max((end - start).days, 0) / 7

    def _cut(self, period: Period | None) -> list[str]:
        through = self.judgement.told_through
        return [] if period is None or period.end <= through + timedelta(1) else [f"known through {through}"]

    def _ripe(self) -> Flags:
        """The leads that have had their time."""
        ripe: Flags = self.subjects.entered_day + self.criteria.within <= (self.judgement.observed - EPOCH).days
        return ripe

    def _cohort(self, period: Period | None, mask: Flags) -> _Cohort:
        """Of the leads that came in a period those that have had their time since, the same for all judges."""
        of, since, ripe = self.subjects, self.judgement.since, self._ripe()
        came = self._came(period) & mask
        before = np.minimum(of.opened, of.won) <= of.entered
        early = of.entered_day < (FIRST if since is None else (since - EPOCH).days)
        young, odd, unjudged = (
            int(part.sum()) for part in (came & ~ripe, came & ripe & before, came & ripe & ~before & early)
        )
        return _Cohort(came & ripe & ~before & ~early, young, odd, unjudged, self.criteria.within, since)

    def _won(self) -> Flags:
        of = self.subjects
        return (of.won < NEVER) & (of.won_day - of.entered_day <= self.criteria.within)

    def _back_test(self, judged: Sequence[Judged]) -> Iterator[Observation]:
        """Precision, recall and lift of leads that have had their time."""
        won = self.won
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
                no_data = not (n and self.judgement.linked)
                quality = () if found.value is not None else ("no_data" if no_data else "zero_denominator",)
                yield self._number(
                    "lift", _of(one.label, segment), period, found.value, low=found.low, high=found.high,
                    subjects=flagged, quality=(*quality, *(("small_sample",) if wins < LEAST_WON else ())),
                    detail=self._verdict(found.verdict, wins, flagged, n), left_out=cohort.left_out,
                    basis="cohort",
                )  # fmt: skip

    def _verdict(self, verdict: str, wins: int, flagged: int, n: int) -> str:
        if verdict == "tells":
            return "tells: they won more often than all, beyond chance"
        if verdict == "misleads":
            return "misleads: they won less often than all, beyond chance"
        if not n:
            return f"cannot tell: no lead is {self.criteria.within} days old"
        if not self.judgement.linked:
            return f"cannot tell: {UNLINKED}"
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
        known = cohort is None or self.judgement.linked  # else who won is not known of anybody
        low, high = wilson(top, bottom) if bottom and known else (None, None)
        quality = [] if bottom and known else ["no_data" if variant == "base_rate" or not known else "zero_denominator"]
        quality += ["small_sample"] if 0 < bottom < SMALL else []
        quality += ["immature"] if cohort is not None and cohort.young and not cohort.mask.any() else []
        told = [] if known else [UNLINKED]
        told += [cohort.told()] if cohort is not None and cohort.left_out else []
        return self._number(
            variant, _of(label, segment, rule), period, top / bottom if bottom and known else None,
            basis="period" if cohort is None else "cohort", numerator=top if known else None, denominator=bottom,
            subjects=bottom, left_out=None if cohort is None else cohort.left_out, low=low, high=high, quality=quality,
            detail=detail or "; ".join(told),
        )  # fmt: skip

    # --- what each rule brings ---------------------------------------------------------------------------------------
    def _contributions(self, ran: Ran, judged: Judged) -> Iterator[Observation]:
        """Of each rule of one version: which share of those whom it qualified has its points, how many of these and of
        the others won, and who would qualify if the rule were not there."""
        period, label = self.question.period, judged.label
        cohort, won = self._cohort(period, np.ones(len(self.subjects), np.bool_)), self.won
        qualified = ran.mine & _inside(ran.found.day, period)
        tested = cohort.mask & ran.mine & judged.in_time
        rules = tuple(_columns_of(ran.version))
        for rule, title, column, points in rules:
            if points is None:
                continue
            given = ran.found.gives[:, column]
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
        for rule, title, column, _ in rules:
            found = ran.without(column)
            other = judged_of(label, (found.at, found.day), self.subjects, self.criteria.within)
            count = int((_inside(found.day, period) & (found.at < NEVER)).sum())
            low, high = garwood(count)
            yield self._number(
                "dropped_qualified", _of(label, rule=rule), period, count, unit="lead", low=low, high=high, detail=title
            )
            part = cohort.mask & other.in_time
            top, bottom = int((part & won).sum()), int(part.sum())
            yield self._share("dropped_precision", label, period, (), top, bottom, cohort, detail=title, rule=rule)

    # --- two versions ------------------------------------------------------------------------------------------------
    def _shared(self, one: Judged, other: Judged) -> Iterator[Observation]:
        """Who qualifies by both, and by one of them alone, and how many of these won."""
        won = self.won
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

    def _differing(self, one: Judged, other: Judged) -> Iterator[Differing]:
        """The leads whom only one of two versions qualifies in the period, the newest first."""
        period = self.question.period
        first, second = (_inside(j.day, period) & (j.at < NEVER) for j in (one, other))
        rows = np.flatnonzero(first ^ second)
        days = np.where(first, one.day, other.day)
        ripe, ids = self._ripe() & self.judgement.linked, self.subjects.ids.to_pylist()
        order = sorted(rows.tolist(), key=lambda i: (-int(days[i]), ids[i]))
        for i in order:
            label = one.label if first[i] else other.label
            day, won = EPOCH + timedelta(int(days[i])), bool(self.won[i])
            yield Differing(ids[i], label, day, won if won or ripe[i] else None)


def _of(label: str, segment: Segment = (), rule: str = "") -> Segment:
    """By whom it is judged and which rule it is of, then the splits."""
    return (("judged_by", label or None), ("rule", rule or None), *segment)


def _inside(days: Wholes, period: Period | None) -> Flags:
    if period is None:
        return np.ones(len(days), np.bool_)
    inside: Flags = (days >= (period.start - EPOCH).days) & (days < (period.end - EPOCH).days)
    return inside


def _columns_of(version: CriteriaVersion) -> Iterator[tuple[str, str, int, float | None]]:
    """Of each rule: its id, title, column of what it gives, and from how many points on it counts as given (an action
    from half a point on; below zero for points against; None where it gives none)."""
    for i, rule in enumerate(version.profile):
        yield f"profile_{i + 1}", rule.title, i, min(float(rule.points), 0.5)
    column = len(version.profile)
    for i, rule in enumerate(version.require):
        yield f"require_{i + 1}", rule.title, column + i, None
    column += len(version.require)
    for i, action in enumerate(version.actions):
        yield f"action_{i + 1}", action.title, column + i, 0.5
    column += len(version.actions)
    if version.speed is not None:
        yield "speed", f"{version.speed.actions} actions within {version.speed.within}", column, 0.5
        column += 1
    if version.group is not None:
        yield "group", f"{version.group.roles} roles of the company within {version.group.within}", column, None
