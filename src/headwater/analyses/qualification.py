"""When somebody first meets a set of criteria, from what was known by then; and how well that tells who will buy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FIRST, NEVER = -(2**60), 2**60
"""From the beginning; and a moment that does not come."""

Z = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""

LEAST_WON = 10
"""With fewer won deals nothing is said of how criteria tell them."""

NEAR = 1e-9
"""A threshold is met by a score that lacks no more than this: sums of decayed points are rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Holding:
    """When each profile rule held: one row a rule, subject and stretch. `start` is the first second, `end` the first
    one after it; `FIRST` and `NEVER` stand for no bound. `start_day`, `end_day`: the days of these (0 for no bound)."""

    rule: Wholes
    subject: Wholes
    start: Wholes
    end: Wholes
    start_day: Wholes
    end_day: Wholes


@dataclass(frozen=True, slots=True, eq=False)
class Happening:
    """What somebody did: `kind` is the number of the action, or of the role of who did it; `time` the second in which
    it happened, `known` that from which on it is known of the subject (never earlier), `day` the day of `known`."""

    kind: Wholes
    subject: Wholes
    time: Wholes
    known: Wholes
    day: Wholes


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """What is known of subjects 0 .. n-1: the second and day in which each `entered`, when profile rules `held`, what
    each did (`done`), and what people of its company did, by role (`group`). Nothing is judged after `until`."""

    entered: Wholes
    entered_day: Wholes
    held: Holding
    done: Happening
    group: Happening
    until: int


@dataclass(frozen=True, slots=True)
class Action:
    """Points for each time something is done; never more than `most` at a moment."""

    points: float
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Points while at least `actions` lie no more than `within` seconds back."""

    points: float
    actions: int
    within: int


@dataclass(frozen=True, slots=True)
class Group:
    """Needed: people of at least `roles` different roles did something no more than `within` seconds ago."""

    roles: int
    within: int


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of criteria. `profile`: points of each profile rule; `required`: numbers of those that must hold.
    Points of actions halve every `half_life` seconds (None: never). Thresholds are None where there is none. In force
    from second `start` (on day `start_day`) up to `end`."""

    profile: tuple[float, ...] = ()
    required: tuple[int, ...] = ()
    actions: tuple[Action, ...] = ()
    half_life: int | None = None
    speed: Speed | None = None
    group: Group | None = None
    least_profile: float | None = None
    least_initiative: float | None = None
    least_total: float | None = None
    start: int = FIRST
    start_day: int = 0
    end: int = NEVER

    def __post_init__(self) -> None:
        if any(a.points < 0 for a in self.actions) or (self.speed is not None and self.speed.points < 0):
            raise ValueError("points for initiative are not negative: a score would rise while nothing happens")
        if self.half_life is not None and self.half_life <= 0:
            raise ValueError("a half-life is longer than nothing")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Of each subject at a moment: points for its profile and its initiative, and what each rule gives: a column for
    each profile rule, each action (at most its `most`), speed (points or 0) and the group (roles seen), the last two
    where the rules have them."""

    profile: Numbers
    initiative: Numbers
    gives: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Qualified:
    """When each subject first met the rules (second, day; `NEVER`, 0 where it did not) and its scores at that moment
    (0 where it did not)."""

    at: Wholes
    day: Wholes
    scores: Scores


def first_qualified(histories: Histories, rules: Rules) -> Qualified:
    """When each subject first meets one version of criteria, while that is in force.

    Judged are moments from a subject's entry on. Counted at a moment: profile rules that hold then, and what is known
    by then to have been done, before the entry too. Between two such moments points only fall, so the first can only be
    the entry, the day the version begins, an action, or a change of the profile.
    """
    begins = np.maximum(histories.entered, rules.start)
    days = np.where(histories.entered >= rules.start, histories.entered_day, rules.start_day)
    end = min(histories.until, rules.end - 1)
    return _walk(histories, rules, begins, days, np.full(len(begins), end, np.int64), search=True)


def scores_at(histories: Histories, rules: Rules, moments: Wholes) -> Scores:
    """The scores of each subject at a moment of its own, whether the version is in force or not."""
    days = np.zeros(len(moments), np.int64)
    return _walk(histories, rules, moments, days, moments, search=False).scores


def in_force(found: Sequence[Qualified]) -> tuple[Wholes, Wholes, Wholes]:
    """When each subject first met the version in force at the time (second, day; NEVER, 0 where it did not), and that
    version's number (-1), of what `first_qualified` says of versions that follow each other without overlap."""
    n = len(found[0].at) if found else 0
    at, day, by = np.full(n, NEVER, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for number, one in enumerate(found):
        new = one.at < at
        at, day, by = np.where(new, one.at, at), np.where(new, one.day, day), np.where(new, number, by)
    return at, day, by


# --- the walk --------------------------------------------------------------------------------------------------------
_MARK, _HELD, _DONE, _GROUP = range(4)


def _walk(
    histories: Histories, rules: Rules, begins: Wholes, begin_days: Wholes, ends: Wholes, *, search: bool
) -> Qualified:
    """Every subject from event to event, all subjects one step at a time: the k-th step takes the k-th event of each.

    With `search` a subject is judged from `begins` on and leaves at the first moment that meets the rules; else its
    scores at `begins` are taken.
    """
    n = len(begins)
    held, done, group = histories.held, histories.done, histories.group
    points = np.asarray(rules.profile, np.float64)
    must = np.zeros(len(points), np.int64)
    must[list(rules.required)] = 1
    profile, met = np.zeros(n), np.zeros(n, np.int64)
    standing = (held.start <= begins[held.subject]) & (held.end > begins[held.subject])
    np.add.at(profile, held.subject[standing], points[held.rule[standing]])
    np.add.at(met, held.subject[standing], must[held.rule[standing]])

    starts = np.flatnonzero(held.start > begins[held.subject])
    stops = np.flatnonzero((held.end > begins[held.subject]) & (held.end < NEVER))
    changes = np.concatenate((starts, stops))
    sign = np.concatenate((np.ones(len(starts), np.int64), -np.ones(len(stops), np.int64)))
    subject = np.concatenate((np.arange(n), held.subject[changes], done.subject, group.subject))
    at = np.concatenate((begins, held.start[starts], held.end[stops], done.known, group.known))
    day = np.concatenate((begin_days, held.start_day[starts], held.end_day[stops], done.day, group.day))
    sizes = (n, len(changes), len(done.kind), len(group.kind))
    what = np.repeat(np.arange(4), sizes)
    row = np.concatenate([np.arange(s) for s in sizes])
    inside = at <= ends[subject]
    subject, at, day, what, row = (a[inside] for a in (subject, at, day, what, row))
    order = np.lexsort((what, at, subject))
    subject, at, day, what, row = (a[order] for a in (subject, at, day, what, row))
    last = np.ones(len(subject), np.bool_)
    last[:-1] = (subject[1:] != subject[:-1]) | (at[1:] != at[:-1])
    judged = last & (at >= begins[subject])

    decayed, seen = np.zeros((n, len(rules.actions))), np.full(n, -(2**61), np.int64)
    latest = np.full((n, rules.speed.actions if rules.speed else 0), -(2**61), np.int64)
    roles = int(group.kind.max()) + 1 if len(group.kind) and rules.group else 0
    by_role = np.full((n, roles), -(2**61), np.int64)
    action_points = np.array([a.points for a in rules.actions], np.float64)
    found_at, found_day = np.full(n, NEVER, np.int64), np.zeros(n, np.int64)
    found_profile, found_initiative = np.zeros(n), np.zeros(n)
    gives = np.zeros((n, len(points) + len(rules.actions) + (rules.speed is not None) + (rules.group is not None)))
    still = np.ones(n, np.bool_)

    for step in _by_rank(subject):
        here = step[still[subject[step]]]
        s, now = subject[here], at[here]
        decayed[s] *= _halved(now - seen[s], rules.half_life)[:, None]
        seen[s] = now
        for part in (_HELD, _DONE, _GROUP):
            of = what[here] == part
            if not of.any():
                continue
            who, r = s[of], row[here][of]
            if part == _HELD:
                rule = held.rule[changes[r]]
                profile[who] += sign[r] * points[rule]
                met[who] += sign[r] * must[rule]
            elif part == _DONE:
                kind = done.kind[r]
                decayed[who, kind] += action_points[kind] * _halved(done.known[r] - done.time[r], rules.half_life)
                if rules.speed:
                    oldest = latest[who].argmin(axis=1)
                    latest[who, oldest] = np.maximum(latest[who, oldest], done.time[r])
            elif roles:
                kind = group.kind[r]
                by_role[who, kind] = np.maximum(by_role[who, kind], group.time[r])
        take = judged[here]
        if not take.any():
            continue
        s, now = s[take], now[take]
        parts = [_capped(decayed[s], rules.actions)]
        if rules.speed:
            quick = latest[s].min(axis=1) >= now - rules.speed.within
            parts.append((quick * rules.speed.points)[:, None])
        initiative = np.concatenate(parts, axis=1).sum(axis=1)
        present = (by_role[s] >= (now - rules.group.within)[:, None]).sum(axis=1) if rules.group else None
        ok = np.ones(len(s), np.bool_)
        if search:
            ok &= met[s] == len(rules.required)
            for least, score in (
                (rules.least_profile, profile[s]),
                (rules.least_initiative, initiative),
                (rules.least_total, profile[s] + initiative),
            ):
                if least is not None:
                    ok &= score >= least - NEAR
            if rules.group and present is not None:
                ok &= present >= rules.group.roles
        if present is not None:
            parts.append(present[:, None].astype(np.float64))
        chosen = s[ok]
        still[chosen] = False
        found_at[chosen], found_day[chosen] = now[ok], day[here][take][ok]
        found_profile[chosen], found_initiative[chosen] = profile[chosen], initiative[ok]
        gives[chosen, len(points) :] = np.concatenate(parts, axis=1)[ok]
    holds = (held.start <= found_at[held.subject]) & (held.end > found_at[held.subject])
    holds &= found_at[held.subject] < NEVER
    np.add.at(gives, (held.subject[holds], held.rule[holds]), points[held.rule[holds]])
    return Qualified(found_at, found_day, Scores(found_profile, found_initiative, gives))


def _by_rank(subject: Wholes) -> list[Wholes]:
    """The positions of the first event of every subject, of the second ..., of events that stand by subject."""
    if not len(subject):
        return []
    new = np.flatnonzero(np.concatenate(([True], subject[1:] != subject[:-1])))
    rank = np.arange(len(subject)) - np.repeat(new, np.diff(np.append(new, len(subject))))
    order = np.argsort(rank, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(rank[order])) + 1)


def _halved(seconds: Wholes, half_life: int | None) -> Numbers:
    if half_life is None:
        return np.ones(len(seconds))
    return np.exp2(-seconds / half_life)


def _capped(decayed: Numbers, actions: tuple[Action, ...]) -> Numbers:
    most = np.array([math.inf if a.most is None else a.most for a in actions], np.float64)
    return np.minimum(decayed, most)


# --- how well it tells -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Lift:
    """How many times as often those who qualified won as all did, with its 95 % interval. `verdict`: `tells` (more
    often beyond chance), `misleads` (less often beyond chance), `cannot_tell`."""

    value: float | None
    low: float | None
    high: float | None
    verdict: str


def lift(both: int, qualified: int, won: int, subjects: int) -> Lift:
    """Precision over the base rate, of `subjects` of whom so many qualified, won, and did both.

    The interval is that of its logarithm by the delta method for the four counts of one multinomial sample, as Katz has
    it for two separate ones. It takes subjects not to depend on each other; several leads of one company do.
    Source: D. Katz et al., Biometrics 34 (1978), 469-474; A. Agresti, Categorical Data Analysis (2002), section 14.1.
    With fewer than LEAST_WON won, or nobody or everybody qualified, nothing can be told.
    """
    if not (qualified and won):
        return Lift(None, None, None, "cannot_tell")
    value = both * subjects / (qualified * won)
    if not both:
        return Lift(0.0, 0.0, None, "cannot_tell")
    spread = 1 / both - 1 / qualified - 1 / won + 2 * both / (qualified * won) - 1 / subjects
    half = Z * math.sqrt(max(spread, 0.0))
    low, high = value * math.exp(-half), value * math.exp(half)
    if won < LEAST_WON or qualified == subjects:
        return Lift(value, low, high, "cannot_tell")
    return Lift(value, low, high, "tells" if low > 1 else "misleads" if high < 1 else "cannot_tell")
