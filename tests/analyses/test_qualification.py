"""Who qualifies when: against a slow oracle that asks every second, and worlds added up by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.analyses.qualification import (
    FIRST,
    NEVER,
    Action,
    Group,
    Happening,
    Histories,
    Holding,
    Rules,
    Speed,
    first_met,
    first_qualified,
    in_force,
    lift,
    standings_of,
)

DAY = 86400
HORIZON = 40
"""The oracle asks seconds 0 to here."""

Stretch = tuple[int, int, int, int]  # rule, subject, start, end
Event = tuple[int, int, int, int]  # kind, subject, time, known


def histories(
    entered: list[int],
    held: Sequence[Stretch] = (),
    done: Sequence[Event] = (),
    group: Sequence[Event] = (),
    until: int = HORIZON,
) -> Histories:
    """Days are the seconds plus a thousand, so that the day told is the day of the moment."""
    rule, subject, start, end = _columns(held)
    bounded = [np.where(abs(x) < NEVER, x + 1000, 0) for x in (start, end)]
    return Histories(
        np.array(entered, np.int64),
        np.array(entered, np.int64) + 1000,
        Holding(rule, subject, start, end, *bounded),
        _happening(done),
        _happening(group),
        until,
    )


def _columns(rows: Sequence[tuple[int, int, int, int]]) -> Any:
    return np.array(list(rows), np.int64).reshape(-1, 4).T


def _happening(rows: Sequence[Event]) -> Happening:
    kind, subject, time, known = _columns(rows)
    return Happening(kind, subject, time, known, known + 1000)


# --- the oracle ------------------------------------------------------------------------------------------------------
def slow_scores(of: Histories, rules: Rules, subject: int, now: int) -> tuple[float, float, int, int]:
    """Profile, initiative, required rules that hold, roles seen: by the definition, event by event."""
    profile, required = 0.0, 0
    for rule, who, start, end in zip(of.held.rule, of.held.subject, of.held.start, of.held.end, strict=True):
        if who == subject and start <= now < end:
            profile += rules.profile[rule]
            required += int(rule in rules.required)
    initiative, recent = 0.0, 0
    for number, action in enumerate(rules.actions):
        got = 0.0
        for kind, who, time, known in zip(of.done.kind, of.done.subject, of.done.time, of.done.known, strict=True):
            if who == subject and kind == number and known <= now:
                got += action.points * (1.0 if rules.half_life is None else 2.0 ** (-(now - time) / rules.half_life))
        initiative += got if action.most is None else min(got, action.most)
    if rules.speed:
        for who, time, known in zip(of.done.subject, of.done.time, of.done.known, strict=True):
            recent += int(who == subject and known <= now and now - time <= rules.speed.within)
        initiative += rules.speed.points if recent >= rules.speed.actions else 0.0
    roles = set()
    if rules.group:
        for kind, who, time, known in zip(of.group.kind, of.group.subject, of.group.time, of.group.known, strict=True):
            if who == subject and known <= now and now - time <= rules.group.within:
                roles.add(int(kind))
    return profile, initiative, required, len(roles)


def slow_first(of: Histories, rules: Rules, subject: int) -> int:
    """The first second that meets the rules, asking each; NEVER where there is none."""
    for now in range(0, HORIZON + 1):
        if now < of.entered[subject] or now < rules.start or now >= rules.end or now > of.until:
            continue
        profile, initiative, required, roles = slow_scores(of, rules, subject, now)
        if required < len(rules.required) or (rules.group and roles < rules.group.roles):
            continue
        pairs = (
            (rules.least_profile, profile),
            (rules.least_initiative, initiative),
            (rules.least_total, profile + initiative),
        )
        if all(least is None or score >= least - 1e-9 for least, score in pairs):
            return now
    return NEVER


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Histories, Rules]:
    subjects = draw(st.integers(1, 3))
    second = st.integers(0, HORIZON)
    entered = draw(st.lists(second, min_size=subjects, max_size=subjects))
    profile = draw(st.lists(st.integers(-3, 6).filter(bool), max_size=3))
    actions = draw(st.lists(st.builds(Action, st.integers(0, 8), st.none() | st.integers(1, 10)), max_size=3))
    held: list[Stretch] = []
    for rule in range(len(profile)):
        for subject in range(subjects):
            cuts = sorted(draw(st.lists(second, unique=True, max_size=4)))
            held += [(rule, subject, a, b) for a, b in zip(cuts[::2], [*cuts[1::2], NEVER], strict=False)]
            if not cuts and draw(st.booleans()):
                held.append((rule, subject, FIRST, NEVER))

    def events(kinds: int) -> list[Event]:
        if not kinds:
            return []
        rows = draw(
            st.lists(st.tuples(st.integers(0, kinds - 1), st.integers(0, subjects - 1), second, second), max_size=12)
        )
        return [(k, s, min(a, b), max(a, b)) for k, s, a, b in rows]

    limit = st.none() | st.integers(0, 15)
    rules = Rules(
        tuple(profile),
        tuple(r for r in range(len(profile)) if draw(st.booleans()) and draw(st.booleans())),
        tuple(actions),
        draw(st.none() | st.integers(1, 20)),
        draw(st.none() | st.builds(Speed, st.integers(0, 5), st.integers(1, 3), st.integers(0, 20))),
        draw(st.none() | st.builds(Group, st.integers(1, 3), st.integers(0, 20))),
        draw(limit),
        draw(limit),
        draw(limit),
        start := draw(st.sampled_from([FIRST, 0, 10, 20])),
        start + 1000,
        draw(st.sampled_from([NEVER, 30, 41])),
    )
    return histories(entered, held, events(len(actions)), events(3), draw(second)), rules


@given(worlds())
def test_without_a_rule_is_as_if_it_were_not_there(world: tuple[Histories, Rules]) -> None:
    of, rules = world
    standing, n = standings_of(of, rules), len(of.entered)
    kinds, actions = len(rules.profile), len(rules.actions)
    for column in range(kinds):
        points = tuple(0.0 if i == column else p for i, p in enumerate(rules.profile))
        less = replace(rules, profile=points, required=tuple(r for r in rules.required if r != column))
        assert first_met(n, standing, rules, column).at.tolist() == first_qualified(of, less).at.tolist()
    for column in range(actions):
        less = replace(
            rules, actions=tuple(replace(a, points=0) if i == column else a for i, a in enumerate(rules.actions))
        )
        assert first_met(n, standing, rules, kinds + column).at.tolist() == first_qualified(of, less).at.tolist()
    column = kinds + actions
    if rules.speed:
        assert (
            first_met(n, standing, rules, column).at.tolist()
            == first_qualified(of, replace(rules, speed=None)).at.tolist()
        )
        column += 1
    if rules.group:
        assert (
            first_met(n, standing, rules, column).at.tolist()
            == first_qualified(of, replace(rules, group=None)).at.tolist()
        )


@given(worlds())
def test_the_first_moment_is_that_of_asking_every_second(world: tuple[Histories, Rules]) -> None:
    of, rules = world
    found = first_qualified(of, rules)
    expected = [slow_first(of, rules, s) for s in range(len(of.entered))]
    assert found.at.tolist() == expected
    assert found.day.tolist() == [0 if at == NEVER else at + 1000 for at in expected]
    for subject, at in enumerate(expected):
        if at < NEVER:
            profile, initiative, _, roles = slow_scores(of, rules, subject, at)
            gives = found.gives[subject]
            assert gives[: len(rules.profile)].sum() == pytest.approx(profile)
            last = len(gives) - (rules.group is not None)
            assert gives[len(rules.profile) : last].sum() == pytest.approx(initiative)
            if rules.group:
                assert gives[-1] == roles


def scores_at(of: Histories, rules: Rules, moments: Sequence[int]) -> tuple[Any, Any]:
    """Points for the profile and for initiative of each subject at a moment of its own: when it enters then, and
    nothing is asked of it."""
    asked = Rules(rules.profile, (), rules.actions, rules.half_life, rules.speed)
    found = first_qualified(replace(of, entered=np.array(moments, np.int64), until=NEVER - 1), asked)
    assert found.at.tolist() == list(moments)
    first = len(rules.profile)
    return found.gives[:, :first].sum(axis=1), found.gives[:, first:].sum(axis=1)


@given(worlds(), st.lists(st.integers(0, HORIZON), min_size=3, max_size=3))
def test_scores_at_any_moment_are_those_of_the_definition(world: tuple[Histories, Rules], moments: list[int]) -> None:
    of, rules = world
    asked = moments[: len(of.entered)]
    profiles, initiatives = scores_at(of, rules, asked)
    for subject, now in enumerate(asked):
        profile, initiative, _, _ = slow_scores(of, rules, subject, now)
        assert profiles[subject] == pytest.approx(profile)
        assert initiatives[subject] == pytest.approx(initiative)


# --- by hand ---------------------------------------------------------------------------------------------------------
def test_points_halve_at_the_half_life_exactly() -> None:
    of = histories([0], done=[(0, 0, 0, 0)], until=1000 * DAY)
    rules = Rules(actions=(Action(20),), half_life=30 * DAY)
    for days, points in ((0, 20.0), (30, 10.0), (60, 5.0), (90, 2.5)):
        assert scores_at(of, rules, [days * DAY])[1].tolist() == [points]


def test_a_threshold_is_met_at_its_border() -> None:
    of = histories([0], done=[(0, 0, 0, 0), (0, 0, 30, 30)])
    rules = Rules(actions=(Action(20),), half_life=30, least_initiative=30)  # 10 that are left and 20 new ones
    assert first_qualified(of, rules).at.tolist() == [30]
    assert first_qualified(of, replace(rules, least_initiative=30.001)).at.tolist() == [NEVER]


def test_no_action_gives_more_than_its_most() -> None:
    of = histories([0], done=[(0, 0, t, t) for t in range(5)])
    rules = Rules(actions=(Action(10, most=25),), least_initiative=25)
    assert first_qualified(of, rules).at.tolist() == [2]
    assert first_qualified(of, replace(rules, least_initiative=26)).at.tolist() == [NEVER]


def test_a_group_needs_its_roles_at_the_same_time() -> None:
    two = histories([0], group=[(0, 0, 1, 1), (1, 0, 5, 5), (1, 0, 6, 6)])
    assert first_qualified(two, Rules(group=Group(2, 10))).at.tolist() == [5]
    assert first_qualified(two, Rules(group=Group(3, 10))).at.tolist() == [NEVER]  # one role too few
    assert first_qualified(two, Rules(group=Group(2, 4))).at.tolist() == [5]  # no more than 4 seconds back
    assert first_qualified(two, Rules(group=Group(2, 3))).at.tolist() == [NEVER]


def test_what_happens_later_changes_nothing() -> None:
    of = histories([5], [(0, 0, 12, NEVER)], [(0, 0, 1, 1), (0, 0, 7, 9)])
    rules = Rules(profile=(10,), actions=(Action(10),), least_total=20)
    assert first_qualified(of, rules).at.tolist() == [9]  # done in second 7, known in second 9
    assert first_qualified(replace(of, until=8), rules).at.tolist() == [NEVER]


def test_each_moment_is_judged_by_the_version_in_force() -> None:
    of = histories([0, 8, 12, 30], done=[(0, s, t, t) for s, t in ((0, 3), (1, 9), (2, 13), (3, 31))])
    first = Rules(actions=(Action(10),), least_initiative=20, end=10)
    second = Rules(actions=(Action(10),), least_initiative=10, start=10, start_day=77)
    at, day, by = in_force([first_qualified(of, first), first_qualified(of, second)])
    assert at.tolist() == [10, 10, 13, 31]  # the first two on the day that less is asked for
    assert day.tolist() == [77, 77, 1013, 1031]
    assert by.tolist() == [1, 1, 1, 1]
    earlier = replace(first, least_initiative=5)
    at, _, by = in_force([first_qualified(of, earlier), first_qualified(of, second)])
    assert (at.tolist(), by.tolist()) == ([3, 9, 13, 31], [0, 0, 1, 1])
    assert [len(a) for a in in_force([])] == [0, 0, 0]
    cast_back = first_qualified(of, replace(second, start=FIRST))
    assert cast_back.at.tolist() == [3, 9, 13, 31]


def test_nobody_and_nothing() -> None:
    empty = histories([])
    found = first_qualified(empty, Rules(profile=(5,), actions=(Action(1),), speed=Speed(1, 2, 3), group=Group(2, 5)))
    assert len(found.at) == 0 and found.gives.shape == (0, 4)
    alone = histories([3])
    assert first_qualified(alone, Rules(least_total=1)).at.tolist() == [NEVER]
    assert first_qualified(alone, Rules()).at.tolist() == [3]


def test_points_for_initiative_are_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Rules(actions=(Action(-5),))


# --- how well it tells -----------------------------------------------------------------------------------------------
def test_lift_by_hand() -> None:
    """200 of 1,000 qualified, 100 won, 50 did both: 25 % of 10 %. The logarithm's variance: 1/50 - 1/200 - 1/100 +
    2 * 50 / 20,000 - 1/1,000 = 0.009, so times or over exp(1.96 * 0.0949) = 1.204."""
    told = lift(50, 200, 100, 1000)
    assert told.value == 2.5
    assert told.low == pytest.approx(2.5 / 1.2044, rel=1e-3) and told.high == pytest.approx(2.5 * 1.2044, rel=1e-3)
    assert told.verdict == "tells"
    assert lift(20, 200, 100, 1000).verdict == "cannot_tell"  # as often as all
    assert lift(4, 200, 100, 1000).verdict == "misleads"


def test_few_won_deals_tell_nothing() -> None:
    assert lift(9, 20, 9, 1000).verdict == "cannot_tell"
    assert lift(10, 20, 10, 1000).verdict == "tells"
    assert lift(0, 0, 50, 100).value is None and lift(0, 50, 0, 100).value is None
    assert lift(100, 1000, 100, 1000).verdict == "cannot_tell"  # everybody qualifies


def test_that_nobody_of_many_won_is_no_chance() -> None:
    """Of 1,000 ten won and 300 or 320 qualified: that none did both is 700/1000 * 699/999 * .. = 2.7 %, or 2.0 %."""
    assert lift(0, 500, 100, 1000).verdict == "misleads"
    assert lift(0, 300, 10, 1000).verdict == "cannot_tell"
    assert lift(0, 320, 10, 1000).verdict == "misleads"
    assert lift(0, 320, 9, 1000).verdict == "cannot_tell"  # too few won


def test_the_interval_of_the_lift_holds_the_truth() -> None:
    """Drawn from known chances: of 100 qualified who win at 12 %, and 900 others who win at 4 %."""
    random = np.random.default_rng(7)
    chances = [0.10 * 0.12, 0.10 * 0.88, 0.90 * 0.04, 0.90 * 0.96]
    truth = 0.12 / (chances[0] + chances[2])
    inside = 0
    for a, b, c, _ in random.multinomial(1000, chances, size=400).tolist():
        told = lift(a, a + b, a + c, 1000)
        assert told.low is not None and told.high is not None
        inside += told.low <= truth <= told.high
    assert 0.92 <= inside / 400 <= 0.985
