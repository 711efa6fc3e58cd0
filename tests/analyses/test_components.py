"""Verdicts on components: by hand, against an independent enumeration in fractions, and by simulated known truth."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.analyses.components import components, false_discoveries

Known = tuple[str, str | None, str | None, float | None]
Count = tuple[str, str | None, int]
Cell = tuple[str, str | None, str | None, str, int, int]


def judged(
    known: Iterable[Known],
    entries: Iterable[Count],
    passages: Iterable[Cell] = (),
    *,
    arrives: bool = True,
    months: Mapping[str, int] | None = None,
    **more: Any,
) -> dict[str, dict[str, Any]]:
    known = list(known)
    counts = {(f, n): x for f, n, x in entries}
    ways = dict.fromkeys([*(f for f, _ in counts), *(f for _, f, _, _ in known if f is not None)])
    paid = [(f, n, counts.get((f, n), 0), cost, (months or {}).get(n, 12)) for f in ways for n, _, _, cost in known]
    rest = [(f, None, x, None, 12) for (f, n), x in counts.items() if n is None]
    shapes: tuple[tuple[Sequence[tuple[str, pa.DataType]], list[Any]], ...] = (
        ((("component", pa.string()), ("feeds", pa.string()), ("channel", pa.string())), known),
        (
            (("feeds", pa.string()), ("component", pa.string()), ("count", pa.int64()), ("cost", pa.float64()),
             ("months", pa.int64())),
            [*paid, *rest],
        ),
        (
            (("feeds", pa.string()), ("component", pa.string()), ("channel", pa.string()), ("stratum", pa.string()),
             ("entered", pa.int64()), ("came", pa.int64())),
            list(passages),
        ),
    )  # fmt: skip
    tables = [pa.table({n: pa.array([r[i] for r in rows], t) for i, (n, t) in enumerate(s)}) for s, rows in shapes]
    tables[0] = tables[0].append_column("arrives", pa.array([arrives] * len(tables[0])))
    return {r["component"]: r for r in components(*tables, **more).to_pylist()}


PAID: list[Known] = [("idle", "way", "social", 100.0), ("a", "way", "social", 100.0), ("b", "way", "social", 100.0)]


# --- by hand ---------------------------------------------------------------------------------------------------------
def test_money_that_brings_nobody_where_it_brings_thirty_elsewhere() -> None:
    """The others bring 60 for 200, so 100 should bring 30. A tenth of that gives the component a part of
    0.1 * 100 / (0.1 * 100 + 200) = 1/21 of what both bring. Two of three hypotheses are rejected, so one more would
    have to be at most 5 %: seven of 67 are that unlikely (P = 0.0400, of six of 66 it is 0.0940). A Poisson count is
    seven or more with 80 % where its mean is 9.0754 (half the 20 % point of chi square with 14 degrees, upper):
    9.0754 / 30 = 0.3025; and of 60 + 9.0754 entries that is 13.1 %."""
    told = judged(PAID, [("way", "a", 30), ("way", "b", 30)])
    idle = told["idle"]
    assert (idle["verdict"], idle["entries"], idle["expected"], idle["pool"]) == ("no_sign", 0, 30.0, "step_channel")
    assert (idle["p"], idle["alpha"], idle["ratio_low"]) == (1.0, 0.05, 0.0)
    assert idle["seen_entries"] == pytest.approx(9.0754, abs=1e-4)
    assert idle["seen"] == pytest.approx(0.30251, abs=1e-5)
    assert idle["seen_share"] == pytest.approx(9.0754 / 69.0754, abs=1e-5)
    # nothing in 60: the upper end of its part is 1 - 0.025^(1/60)
    part = 1 - 0.025 ** (1 / 60)
    assert idle["ratio_high"] == pytest.approx(part / (1 - part) * 2)
    assert [told[n]["verdict"] for n in "ab"] == ["contributes", "contributes"]
    assert told["a"]["ratio"] == pytest.approx(30 / 15)  # the other two bring 30 for 200


def test_too_few_to_tell_says_how_much_more_would() -> None:
    told = judged([(n, f, c, cost and cost / 100) for n, f, c, cost in PAID], [("way", "a", 8), ("way", "b", 7)])
    idle = told["idle"]
    assert (idle["verdict"], idle["reason"], idle["pool"]) == ("cannot_tell", "too_few", "step_channel")
    assert idle["needs"] is not None and 1.5 < idle["needs"] < 4
    more = round(15 * idle["needs"] / 2)
    assert judged(PAID, [("way", "a", more), ("way", "b", more)])["idle"]["verdict"] == "no_sign"


def test_what_lies_between_nothing_and_half_is_not_told_either_way() -> None:
    told = judged(PAID, [("way", "idle", 6), ("way", "a", 26), ("way", "b", 26)])["idle"]
    assert told["ratio"] == pytest.approx(6 / 26)
    assert (told["verdict"], told["reason"]) == ("cannot_tell", "between")


def test_persons_of_whom_nothing_becomes_are_no_contribution() -> None:
    """`junk` brings as many as the others, and of its 100 in two months none goes on where a third of the others
    does."""
    known: list[Known] = [("junk", "way", "web", 100.0), ("a", "way", "web", 100.0), ("b", "way", "web", 100.0)]
    entries: list[Count] = [("way", n, 100) for n in ("junk", "a", "b")]
    cells: list[Cell] = [("way", n, "web", m, 50, x) for n, x in (("junk", 0), ("a", 17), ("b", 17)) for m in "12"]
    junk = judged(known, entries, cells)["junk"]
    assert (junk["verdict"], junk["by"], junk["entered"], junk["came"]) == ("no_sign", "passage", 100, 0)
    assert junk["came_expected"] == pytest.approx(34)
    assert 0.1 < junk["seen"] < 0.5
    # where the entries are those who went on, money has told it already
    assert judged(known, entries, cells, arrives=False)["junk"]["verdict"] == "contributes"


def test_without_money_it_is_who_goes_on_that_tells() -> None:
    known: list[Known] = [("news", "way", None, None), ("rest", "way", None, None), ("silent", "way", None, None)]
    cells: list[Cell] = [("way", "news", None, "1", 20, 8), ("way", "rest", None, "1", 50, 20)]
    told = judged(known, [("way", "news", 8), ("way", "rest", 20)], cells)
    assert told["news"]["verdict"] == "contributes"
    assert told["news"]["odds"] == pytest.approx(1.0)  # 8 * 30 over 20 * 12
    assert (told["silent"]["verdict"], told["silent"]["reason"]) == ("cannot_tell", "nothing_known")


def test_a_component_alone_or_without_a_next_step_is_not_judged() -> None:
    alone = judged([("one", "way", None, 50.0)], [("way", "one", 40)], [("way", "one", None, "1", 40, 10)])["one"]
    assert (alone["verdict"], alone["reason"], alone["p"]) == ("cannot_tell", "none_alike", None)
    cells: list[Cell] = [("way", n, None, "1", 40, 40) for n in ("one", "two")]
    same = judged([("one", "way", None, None), ("two", "way", None, None)], [], cells)["one"]
    assert (same["verdict"], same["reason"], same["entered"]) == ("cannot_tell", "all_alike", 40)
    end = judged([("one", None, None, 50.0), *PAID], [("way", "a", 30)])["one"]
    assert (end["verdict"], end["reason"]) == ("cannot_tell", "no_step")


def test_the_most_alike_that_brought_enough_are_held_against() -> None:
    known: list[Known] = [
        ("x", "way", "social", 10.0), ("a", "way", "social", 10.0), ("b", "other", "social", 10.0),
        ("c", "way", "search", 10.0), ("d", "way", "search", 10.0), ("e", "other", "search", 10.0),
    ]  # fmt: skip
    many: list[Count] = [("way", n, 20) for n in "abcde"]
    assert judged(known, many)["x"]["pool"] == "step"  # one other of its channel and step is too few
    assert judged([*known, ("f", "way", "social", 10.0)], many)["x"]["pool"] == "step_channel"
    few: list[Count] = [("way", "b", 20), ("way", "e", 20)]
    assert judged([*known, ("f", "other", "social", 10.0)], few)["x"]["pool"] == "channel"
    assert judged(known, [("way", "e", 20)])["x"]["pool"] == "all"
    assert judged(known, [("way", "e", 9)])["x"]["pool"] == ""


def test_a_dear_component_that_brings_as_many_as_others_is_not_idle() -> None:
    """For 1,000 the others bring 300, an average one 30: of that a tenth is 3, and 12 are more."""
    dear = judged([("dear", "way", None, 1000.0), *PAID[1:]], [("way", "dear", 12), ("way", "a", 30), ("way", "b", 30)])
    told = dear["dear"]
    assert (told["verdict"], told["pool"], told["expected"], told["against"]) == ("contributes", "average", 30.0, 2)
    young = judged(
        [("dear", "way", None, 1000.0), *PAID[1:]], [("way", "a", 30), ("way", "b", 30)], months={"dear": 4}
    )["dear"]
    assert young["expected"] == pytest.approx(10.0)  # 60 in 24 months, so 10 in four


def test_what_would_be_seen_is_more_than_what_counts_as_nothing() -> None:
    """Others brought ten for 200, so 200,000 should bring 10,000, and 1,000 of them count as nothing. The rate of ten
    is known to a third: even 1,500 are not unlikely, so that more than these would have to come to be seen."""
    known: list[Known] = [("dear", "way", None, 200_000.0), ("a", "way", None, 100.0), ("b", "way", None, 100.0)]
    told = judged(known, [("way", "a", 5), ("way", "b", 5)], months=dict.fromkeys(("dear", "a", "b"), 0))["dear"]
    assert (told["expected"], told["pool"]) == (10_000.0, "step")
    assert told["seen_entries"] > 1_500


def test_nothing_asked_is_nothing_told() -> None:
    assert judged([], []) == {}


@pytest.mark.parametrize("wrong", [{"nothing": 0.0}, {"nothing": 0.5}, {"level": 0.0}, {"power": 1.0}])
def test_a_question_that_cannot_be_put_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"nothing|level"):
        judged(PAID, [], **wrong)


# --- an independent enumeration --------------------------------------------------------------------------------------
def slow_volume(x: int, cost: float, y: int, others: float, nothing: Fraction) -> Fraction:
    """P(X >= x) of the component's part of x + y entries, term by term."""
    part = nothing * Fraction(cost) / (nothing * Fraction(cost) + Fraction(others))
    n = x + y
    return sum((math.comb(n, k) * part**k * (1 - part) ** (n - k) for k in range(x, n + 1)), Fraction(0))


def slow_passage(strata: Sequence[tuple[int, int, int, int]], odds: Fraction) -> dict[int, Fraction]:
    """The law of how many of the component's come, over every table that has the same margins."""
    found: dict[int, Fraction] = {}
    ranges = [range(max(0, x + x0 - n0), min(n, x + x0) + 1) for n, x, n0, x0 in strata]
    for counts in product(*ranges):
        weight = Fraction(1)
        for k, (n, x, n0, x0) in zip(counts, strata, strict=True):
            weight *= math.comb(n, k) * math.comb(n0, x + x0 - k) * odds**k
        found[sum(counts)] = found.get(sum(counts), Fraction(0)) + weight
    whole = sum(found.values())
    return {k: v / whole for k, v in found.items()}


def poisson_tail(mean: float, count: int) -> float:
    return 1 - sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count))


cell = st.tuples(st.integers(1, 5), st.integers(0, 5), st.integers(1, 6), st.integers(0, 6)).map(
    lambda c: (c[0], min(c[1], c[0]), c[2], min(c[3], c[2]))
)


@settings(max_examples=40, deadline=None)
@given(strata=st.lists(cell, min_size=1, max_size=3), nothing=st.sampled_from([Fraction(1, 10), Fraction(1, 3)]))
def test_the_law_of_who_goes_on_equals_every_table_counted(
    strata: list[tuple[int, int, int, int]], nothing: Fraction
) -> None:
    cells: list[Cell] = []
    for month, (n, x, n0, x0) in enumerate(strata):
        cells += [("way", "one", None, str(month), n, x), ("way", None, None, str(month), n0, x0)]
    told = judged([("one", "way", None, None)], [], cells, nothing=float(nothing))["one"]
    alive = [s for s in strata if 0 < s[1] + s[3] < s[0] + s[2]]
    if not alive:
        assert told["p"] is None
        return
    law = slow_passage(alive, nothing)
    mine = sum(x for _, x, _, _ in alive)
    assert told["p"] == pytest.approx(float(sum(p for k, p in law.items() if k >= mine)), rel=1e-9)
    tops = [Fraction(x * (n0 - x0), n + n0) for n, x, n0, x0 in alive]
    bottoms = [Fraction(x0 * (n - x), n + n0) for n, x, n0, x0 in alive]
    if sum(bottoms):
        assert told["odds"] == pytest.approx(float(sum(tops) / sum(bottoms)))
    if told["verdict"] != "contributes" and told["seen"] is not None:
        alpha = Fraction(told["alpha"])
        critical = next(k for k in range(mine + 100) if sum(p for c, p in law.items() if c >= k) <= alpha)
        power = sum(p for k, p in slow_passage(alive, Fraction(told["seen"])).items() if k >= critical)
        assert float(power) == pytest.approx(0.8, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(0, 25), y=st.integers(10, 60), cost=st.integers(1, 400),
    nothing=st.sampled_from([Fraction(1, 10), Fraction(1, 4)]),
)  # fmt: skip
def test_the_law_of_what_money_brings_equals_its_terms_added(x: int, y: int, cost: int, nothing: Fraction) -> None:
    known: list[Known] = [("one", "way", None, float(cost)), ("a", "way", None, 40.0), ("b", "way", None, 60.0)]
    counts: list[Count] = [("way", "one", x), ("way", "a", y - 5), ("way", "b", 5)]
    told = judged(known, counts, nothing=float(nothing))["one"]
    cost = min(cost, 50)  # a half of what both others cost: the average of them
    assert told["p"] == pytest.approx(float(slow_volume(x, cost, y, 100, nothing)), rel=1e-9)
    alpha = Fraction(told["alpha"])
    critical = next(k for k in range(1, 400) if slow_volume(k, cost, y, 100, nothing) <= alpha)
    assert poisson_tail(told["seen_entries"], critical) == pytest.approx(0.8, abs=1e-9)
    assert told["seen"] == pytest.approx(told["seen_entries"] / (cost * y / 100))
    # both ends of the interval: a ratio there makes what was seen, or more extreme, 2.5 % likely
    for end, extreme in ((told["ratio_low"], lambda k: k >= x), (told["ratio_high"], lambda k: k <= x)):
        if end:
            part = end * cost / (end * cost + 100)
            chance = sum(
                math.comb(x + y, k) * part**k * (1 - part) ** (x + y - k) for k in range(x + y + 1) if extreme(k)
            )
            assert chance == pytest.approx(0.025, rel=1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8))
def test_false_discoveries_are_those_of_the_definition(ps: list[float | None]) -> None:
    rejected, _ = false_discoveries(ps, 0.1)
    known = sorted(p for p in ps if p is not None)
    ranks = [k for k in range(1, len(known) + 1) if known[k - 1] <= 0.1 * k / len(known)]
    limit = known[max(ranks) - 1] if ranks else -1.0
    assert rejected == [p is not None and p <= limit for p in ps]


# --- known truth -----------------------------------------------------------------------------------------------------
def simulated(rng: np.random.Generator, ratios: Mapping[str, float], mean: float) -> dict[str, dict[str, Any]]:
    """Eight sound components and those of `ratios`, all of one cost; a sound one brings `mean` in the time judged."""
    whole = {**{f"s{i}": 1.0 for i in range(8)}, **ratios}
    known: list[Known] = [(n, "way", "c", 100.0) for n in whole]
    return judged(known, [("way", n, int(rng.poisson(mean * r))) for n, r in whole.items()])


LONG = pytest.param(1000, marks=pytest.mark.verify)


def at_most(rate: float, worlds: int) -> float:
    """A share of worlds that a rate exceeds by two standard errors."""
    return rate + 2 * math.sqrt(rate * (1 - rate) / worlds)


@pytest.mark.parametrize("worlds", [120, LONG])
def test_what_brings_a_tenth_is_seldom_called_contributing_and_what_is_told_as_seen_is_seen(worlds: int) -> None:
    """Of components that bring just what counts as nothing, at most 5 % are called contributing; of those that bring
    the share that would be seen, 80 % are; sound ones never have no sign."""
    rng = np.random.default_rng(20260101)
    nulls = []
    for _ in range(worlds):
        told = simulated(rng, {"null": 0.1}, 30.0)
        nulls.append(told["null"])
        assert not [n for n, r in told.items() if n != "null" and r["verdict"] == "no_sign"]
    assert np.mean([r["verdict"] == "contributes" for r in nulls]) <= at_most(0.05, worlds)
    planted = float(np.mean([r["seen"] for r in nulls]))
    seen = [simulated(rng, {"planted": planted}, 30.0)["planted"]["verdict"] == "contributes" for _ in range(worlds)]
    assert 1 - at_most(0.2, worlds) <= np.mean(seen) <= 0.93


@pytest.mark.parametrize("worlds", [60, LONG])
def test_passages_keep_their_level_and_power(worlds: int) -> None:
    """Without money: a component whose persons go on with a tenth of the odds in three months of unlike rates; then
    with the odds that are told as seen; then like the others."""
    rng = np.random.default_rng(7)

    def world(odds: float) -> dict[str, Any]:
        cells: list[Cell] = []
        for month, rate in (("1", 0.2), ("2", 0.35), ("3", 0.5)):
            mine = odds * rate / (1 - rate)
            cells.append(("way", "one", None, month, 20, int(rng.binomial(20, mine / (1 + mine)))))
            cells.append(("way", None, None, month, 150, int(rng.binomial(150, rate))))
        return judged([("one", "way", None, None)], [], cells)["one"]

    nulls = [world(0.1) for _ in range(worlds)]
    assert np.mean([r["verdict"] == "contributes" for r in nulls]) <= at_most(0.05, worlds)
    planted = float(np.mean([r["seen"] for r in nulls]))
    assert 0.2 < planted < 0.7
    seen = [world(planted)["verdict"] == "contributes" for _ in range(worlds)]
    assert 1 - at_most(0.2, worlds) <= np.mean(seen) <= 0.95
    assert not [r for r in (world(1.0) for _ in range(worlds)) if r["verdict"] == "no_sign"]
