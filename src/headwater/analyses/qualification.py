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

LEVEL = 0.95
"""How sure a verdict is."""

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
class Standings:
    """Where subjects stand at each moment at which one may first meet the rules, by subject and time: the `day` of the
    moment, which profile rules hold (`holds`, a column each), what each action gives (`does`, a column each, at most
    its `most`; then speed, where the rules have it) and how many roles of the group are there (`roles`)."""

    subject: Wholes
    at: Wholes
    day: Wholes
    holds: Flags
    does: Numbers
    roles: Wholes


@dataclass(frozen=True, slots=True, eq=False)
class Qualified:
    """When each subject first met the rules (second, day; `NEVER`, 0 where it did not), and what each rule gave it at
    that moment (0 where it did not): a column for each profile rule, each action (at most its `most`), speed (points or
    0) and the group (roles there), the last two where the rules have them."""

    at: Wholes
    day: Wholes
    gives: Numbers


def first_qualified(histories: Histories, rules: Rules) -> Qualified:
    """When each subject first meets one version of criteria, while that is in force.

    Judged are moments from a subject's entry on. Counted at a moment: profile rules that hold then, and what is known
    by then to have been done, before the entry too. Between two such moments points only fall, so the first can only be
    the entry, the day the version begins, an action, or a change of the profile.
    """
    return first_met(len(histories.entered), standings_of(histories, rules), rules)


def first_met(subjects: int, of: Standings, rules: Rules, dropped: int | None = None) -> Qualified:
    """When each of so many subjects first meets the rules, by where it stands; `dropped`: as if there were no rule that
    gives that column of `Qualified.gives`."""
    kinds = len(rules.profile)
    stays = np.arange(kinds + of.does.shape[1]) != dropped
    points = np.asarray(rules.profile, np.float64) * stays[:kinds]
    profile = of.holds @ points
    initiative = (of.does * stays[kinds:]).sum(axis=1)
    ok = np.ones(len(of.at), np.bool_)
    for rule in rules.required:
        if rule != dropped:
            ok &= of.holds[:, rule]
    for least, score in (
        (rules.least_profile, profile),
        (rules.least_initiative, initiative),
        (rules.least_total, profile + initiative),
    ):
        if least is not None:
            ok &= score >= least - NEAR
    if rules.group and dropped != len(stays):
        ok &= of.roles >= rules.group.roles
    met = np.flatnonzero(ok)
    first = met[_new(of.subject[met])]
    who = of.subject[first]
    at, day = np.full(subjects, NEVER, np.int64), np.zeros(subjects, np.int64)
    at[who], day[who] = of.at[first], of.day[first]
    given = [of.holds[first] * points, of.does[first] * stays[kinds:]]
    if rules.group:
        given.append(of.roles[first][:, None].astype(np.float64))
    gives = np.zeros((subjects, len(stays) + (rules.group is not None)))
    gives[who] = np.concatenate(given, axis=1)
    return Qualified(at, day, gives)


def in_force(found: Sequence[Qualified]) -> tuple[Wholes, Wholes, Wholes]:
    """When each subject first met the version in force at the time (second, day; NEVER, 0 where it did not), and that
    version's number (-1), of what `first_qualified` says of versions that follow each other without overlap."""
    n = len(found[0].at) if found else 0
    at, day, by = np.full(n, NEVER, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for number, one in enumerate(found):
        new = one.at < at
        at, day, by = np.where(new, one.at, at), np.where(new, one.day, day), np.where(new, number, by)
    return at, day, by


# --- where everybody stands ------------------------------------------------------------------------------------------
def standings_of(histories: Histories, rules: Rules) -> Standings:
    """Where each subject stands whenever something of it changes, while the rules are in force."""
    begins = np.maximum(histories.entered, rules.start)
    days = np.where(histories.entered >= rules.start, histories.entered_day, rules.start_day)
    moments = _moments(histories, begins, days, min(histories.until, rules.end - 1))
    held, done, group = histories.held, histories.done, histories.group
    holds = np.zeros((len(moments.at), len(rules.profile)), np.bool_)
    for rule in range(len(rules.profile)):
        mine = held.rule == rule
        holds[:, rule] = moments.within(held.subject[mine], held.start[mine], held.end[mine]) > 0
    does = [_capped(_decayed(done, moments, rules), rules.actions)]
    if rules.speed:
        recent = moments.within(done.subject, done.known, done.time + rules.speed.within + 1)
        does.append(np.where(recent >= rules.speed.actions, rules.speed.points, 0.0)[:, None])
    roles = np.zeros(len(moments.at), np.int64)
    if rules.group:
        for role in range(int(group.kind.max(initial=-1)) + 1):
            mine = group.kind == role
            ends = group.time[mine] + rules.group.within + 1
            roles += moments.within(group.subject[mine], group.known[mine], ends) > 0
    return Standings(moments.subject, moments.at, moments.day, holds, np.concatenate(does, axis=1), roles)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Moments by subject and time, each once."""

    subject: Wholes
    at: Wholes
    day: Wholes

    def keys(self, subject: Wholes, at: Wholes) -> Wholes:
        """Numbers that stand in the order of subject and time; all times before the first moment are one, and so are
        all after the last."""
        first, last = (int(self.at.min()), int(self.at.max())) if len(self.at) else (0, 0)
        found: Wholes = subject * (last - first + 2) + (np.clip(at, first, last + 1) - first)
        return found

    def within(self, subject: Wholes, start: Wholes, end: Wholes) -> Wholes:
        """In how many of its subject's stretches each moment lies, from their first second up to the one after the
        last."""
        real = start < end
        mine, many = self.keys(self.subject, self.at), len(self.at) + 1
        begun, over = (
            np.bincount(np.searchsorted(mine, self.keys(subject[real], bound[real])), minlength=many)
            for bound in (start, end)
        )
        return np.cumsum(begun - over)[:-1]


def _moments(histories: Histories, begins: Wholes, begin_days: Wholes, end: int) -> _Moments:
    """Each subject's beginning, and whatever happens to it from then up to a second."""
    held, done, group = histories.held, histories.done, histories.group
    parts = (
        (np.arange(len(begins)), begins, begin_days),
        (held.subject, held.start, held.start_day),
        (held.subject, held.end, held.end_day),
        (done.subject, done.known, done.day),
        (group.subject, group.known, group.day),
    )
    subject, at, day = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    inside = np.flatnonzero((at >= begins[subject]) & (at <= end))
    order = inside[np.lexsort((at[inside], subject[inside]))]
    subject, at, day = subject[order], at[order], day[order]
    once = np.roll(_new(subject) | _new(at), -1)  # the last of those in one second
    return _Moments(subject[once], at[once], day[once])


def _decayed(done: Happening, moments: _Moments, rules: Rules) -> Numbers:
    """The points of each action at each moment, halved since."""
    order = np.lexsort((done.known, done.subject))
    subject, known, kind = done.subject[order], done.known[order], done.kind[order]
    n = len(order)
    total = np.zeros((n + 1, len(rules.actions)))  # the last row is that of moments before anything was done
    points = np.array([a.points for a in rules.actions], np.float64)
    total[np.arange(n), kind] = points[kind] * _halved(known - done.time[order], rules.half_life)
    begins = np.maximum.accumulate(np.where(_new(subject), np.arange(n), 0)) if n else order
    longest, reach = int((np.arange(n) - begins).max(initial=0)), 1
    while reach <= longest:  # each row holds the last `reach` things done: adding the row so far back doubles that
        later = np.flatnonzero(np.arange(n) - begins >= reach)
        total[later] += total[later - reach] * _halved(known[later] - known[later - reach], rules.half_life)[:, None]
        reach *= 2
    last = np.searchsorted(moments.keys(subject, known), moments.keys(moments.subject, moments.at), "right") - 1
    there = last >= 0
    there[there] = subject[last[there]] == moments.subject[there]
    last = np.where(there, last, n)
    since = np.where(there, moments.at - np.append(known, 0)[last], 0)
    found: Numbers = total[last] * _halved(since, rules.half_life)[:, None]
    return found


def _new(values: Wholes) -> Flags:
    """Whether each value differs from the one before it."""
    found = np.ones(len(values), np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


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
    With fewer than LEAST_WON won, or nobody or everybody qualified, nothing can be told. Where none of those who
    qualified won, the logarithm has no interval, and the verdict goes by how likely that is by chance (hypergeometric).
    """
    if not (qualified and won):
        return Lift(None, None, None, "cannot_tell")
    value = both * subjects / (qualified * won)
    if not both:
        chance = _none_of_both(qualified, won, subjects)
        return Lift(0.0, 0.0, None, "misleads" if won >= LEAST_WON and chance < (1 - LEVEL) / 2 else "cannot_tell")
    spread = 1 / both - 1 / qualified - 1 / won + 2 * both / (qualified * won) - 1 / subjects
    half = Z * math.sqrt(max(spread, 0.0))
    low, high = value * math.exp(-half), value * math.exp(half)
    if won < LEAST_WON or qualified == subjects:
        return Lift(value, low, high, "cannot_tell")
    return Lift(value, low, high, "tells" if low > 1 else "misleads" if high < 1 else "cannot_tell")


def _none_of_both(qualified: int, won: int, subjects: int) -> float:
    """How likely it is that none of those who qualified won, if these were drawn by chance."""
    ways = (math.lgamma(n + 1) for n in (subjects - won, subjects - qualified, subjects - won - qualified, subjects))
    others, rest, neither, everybody = ways
    return math.exp(others + rest - neither - everybody)
