"""How long it takes when some wait still: small worlds reckoned by hand, and any at all held against the analysis."""

from datetime import date as D
from datetime import datetime, timedelta
from math import inf, nextafter

from hypothesis import given
from hypothesis import strategies as st

from headwater.analyses import survival
from headwater.api.show import interval_text
from headwater.metrics.waiting import arrived, quantile
from headwater.model.measure import Measure, Reached, Span
from headwater.model.period import Grain, Period
from tests.metrics.tiny import World, measure, world

UNTIL_WON = Reached("created_at", "won_at")
DAYS = "days(created_at, won_at)"


def until(share: float | None = None, **more: object) -> Measure:
    """The measure of days until half, or another share, of the deals were won."""
    aggregate = "median" if share is None else "quantile"
    given = {"unit": "day", "clock": UNTIL_WON, "empty": None, "unfinished": "waiting", "quantile": share, **more}
    return measure("until_won", aggregate, DAYS, **given)  # type: ignore[arg-type]


def deal(name: str, created: D, days: int | None, **more: object) -> dict[str, object]:
    """A deal won after so many days, or not won."""
    won = None if days is None else created + timedelta(days)
    return {"deal_id": name, "created_at": created, "won_at": won, **more}


JANUARY = [
    deal("a", D(2025, 1, 1), 10, channel="x"),
    deal("b", D(2025, 1, 1), 20, channel="x"),
    deal("c", D(2025, 1, 11), None, channel="y"),
    deal("d", D(2025, 1, 21), 40, channel="y"),
    deal("e", D(2025, 1, 5), -3, channel="y"),
]


def asked(rows: list[dict[str, object]], share: float | None = None, **more: object) -> World:
    return world([until(share, **more)], {"deals": rows})


def test_those_who_wait_count_for_as_long_as_they_were_seen() -> None:
    (found,) = asked(JANUARY).ask("until_won", interval="quantile", as_of=D(2025, 2, 5))
    # seen on 5 February: a after 10 days (3/4 left), b after 20 (1/2 left), d for 15 days, c for 25; e is a wrong date
    # after 10 days 4 are there: 3/4; d is gone after 15; after 20 days b and c are there: 3/4 * 1/2 = 3/8
    assert (found.value, found.subjects, found.left_out, found.unit) == (20, 4, 1, "1")
    assert "2 of 4 have not got there and count as waiting" in found.detail
    assert "1 negative durations are left out" in found.detail
    assert found.quality == ("small_sample",)


def test_what_comes_after_the_day_asked_has_not_come() -> None:
    (found,) = asked(JANUARY[:2]).ask("until_won", as_of=D(2025, 1, 12))
    assert (found.value, found.subjects) == (10, 2)
    assert "1 of 2 have not got there" in found.detail


def test_where_half_never_got_there_the_value_is_absent_and_says_what_is_known() -> None:
    rows = [deal(f"w{i}", D(2025, 1, 1), 10 + i) for i in range(4)]
    rows += [deal(f"o{i}", D(2025, 1, 1), None) for i in range(8)]
    (found,) = asked(rows).ask("until_won", interval="quantile", as_of=D(2025, 4, 11))
    assert (found.value, found.low, found.high, found.subjects) == (None, None, None, 12)
    assert found.quality == ("immature",)
    assert "8 of 12 have not got there and count as waiting" in found.detail
    assert "half of all have not got there within the 100 days seen" in found.detail
    # 8/12 are left after day 13; their lower bound on the log(-log) scale is 0.337, after day 12 (9/12) it is 0.408,
    # after day 11 (10/12) 0.482, after day 10 (11/12) 0.539: day 11 is the first under a half
    assert "with 95 % certainty it takes 11 days or more" in found.detail


def test_where_the_upper_end_is_not_known_the_lower_is() -> None:
    rows = [deal(f"w{i}", D(2025, 1, 1), 10 + i) for i in range(4)]
    rows += [deal(f"o{i}", D(2025, 1, 1), None) for i in range(4)]
    (found,) = asked(rows).ask("until_won", interval="quantile", as_of=D(2025, 4, 11))
    assert (found.value, found.low, found.high) == (13, 10, None)
    assert interval_text(found, "days") == "10.0 days or more"


def test_nobody_at_all_is_no_value_and_no_zero() -> None:
    february = Period(D(2025, 2, 1), D(2025, 3, 1))
    (found,) = asked(JANUARY).ask("until_won", period=february)
    assert (found.value, found.subjects, found.quality) == (None, 0, ("no_data",))


def test_an_entry_after_the_end_of_observation_is_too_young() -> None:
    tiny = world([until()], {"deals": JANUARY}, {"deals": D(2025, 1, 15)})
    (found,) = tiny.ask("until_won", as_of=D(2025, 6, 1))
    # c is seen for 4 days, d lies after the end, b is seen for 14 days, a came after 10: 1/2 are left then
    assert (found.value, found.subjects, found.left_out) == (10, 3, 2)
    assert "1 entries lie after the end of observation and are left out" in found.detail


def test_each_month_and_segment_has_its_own_entries() -> None:
    rows = [*JANUARY, deal("f", D(2025, 2, 3), 7, channel="x"), deal("g", D(2025, 2, 28), 9, channel="x")]
    spring = Period(D(2025, 1, 1), D(2025, 3, 1))
    months = asked(rows).values("until_won", period=spring, grain=Grain.MONTH, as_of=D(2025, 12, 31))
    assert months == [20, 7]  # of 10, 20, 40 and one who waits; of 7, 9
    by = asked(rows).ask("until_won", period=spring, by=("channel",), as_of=D(2025, 12, 31))
    assert {o.segment[0][1]: o.value for o in by} == {"x": 9, "y": 40}  # of 7, 9, 10, 20; of 40 and one who waits
    assert asked(rows).values("until_won", period=spring, filter="channel = 'x'", as_of=D(2025, 12, 31)) == [9]


def test_another_share_than_half() -> None:
    assert asked(JANUARY, 0.25).values("until_won", as_of=D(2025, 12, 31)) == [10]
    assert asked(JANUARY, 0.75).values("until_won", as_of=D(2025, 12, 31)) == [40]


def test_nobody_s_being_seen_depends_on_how_quick_he_was() -> None:
    morning = datetime(2025, 1, 10, 9)
    rows: list[dict[str, object]] = [
        {"deal_id": "a", "created_at": morning, "won_at": morning + timedelta(minutes=5)},
        {"deal_id": "b", "created_at": morning, "won_at": None},
        {"deal_id": "c", "created_at": morning - timedelta(3), "won_at": morning - timedelta(2)},
    ]
    (found,) = asked(rows).ask("until_won", as_of=D(2025, 1, 10))
    # a and b are seen for no whole day yet, so a's five minutes are not counted while b could not yet be slow
    assert (found.value, found.subjects) == (1, 3)
    assert asked(rows).values("until_won", as_of=D(2025, 1, 11)) == [1]  # a, then c; b waits


COUNTS = st.dictionaries(
    st.integers(0, 40), st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any), min_size=1, max_size=25
)


@given(COUNTS, st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]))
def test_it_is_the_quantile_of_the_analysis(times: dict[int, tuple[int, int]], share: float) -> None:
    rows = [(t, done, n) for t, pair in times.items() for done, n in zip((True, False), pair, strict=True) if n]
    columns = zip(*rows, strict=True)
    wanted = survival.quantile(survival.kaplan_meier(*(list(c) for c in columns)), share)
    found = quantile(times, share)
    assert found.value == wanted.value
    assert (found.low, found.high) == (wanted.low, wanted.high)


@given(st.dictionaries(st.integers(0, 40), st.integers(1, 9), min_size=1), st.sampled_from([0.25, 0.5, 0.9]))
def test_where_nobody_waits_it_is_the_least_time_that_so_many_needed(came: dict[int, int], share: float) -> None:
    everyone = sorted(t for t, n in came.items() for _ in range(n))
    least = nextafter(share * len(everyone), -inf)
    wanted = next(t for i, t in enumerate(everyone, 1) if i >= least)
    assert quantile({t: (n, 0) for t, n in came.items()}, share).value == wanted


def test_the_published_remission_times_come_out() -> None:
    # 6-mercaptopurine and placebo, weeks: Freireich et al., Blood 21 (1963), as in Kalbfleisch and Prentice, table 1.1
    drug = {6: (3, 1), 7: (1, 0), 9: (0, 1), 10: (1, 1), 11: (0, 1), 13: (1, 0), 16: (1, 0), 17: (0, 1), 19: (0, 1)}
    drug |= {20: (0, 1), 22: (1, 0), 23: (1, 0), 25: (0, 1), 32: (0, 2), 34: (0, 1), 35: (0, 1)}
    placebo = {1: 2, 2: 2, 3: 1, 4: 2, 5: 2, 8: 4, 11: 2, 12: 2, 15: 1, 17: 1, 22: 1, 23: 1}
    assert quantile(drug, 0.5).value == 23
    assert quantile({t: (n, 0) for t, n in placebo.items()}, 0.5).value == 8


# --- a share within a time ------------------------------------------------------------------------------------------
def share(days: int, **more: object) -> Measure:
    """The measure of the share of deals that are won within so many days."""
    clock = Reached("created_at", "won_at", Span(days, "day"))
    given = {"unit": "1", "clock": clock, "empty": None, "unfinished": "waiting", **more}
    return measure("won_share", "share", **given)  # type: ignore[arg-type]


def test_a_share_counts_the_young_for_as_long_as_they_were_seen() -> None:
    tiny = world([share(20)], {"deals": JANUARY})
    (found,) = tiny.ask("won_share", interval="survival", as_of=D(2025, 2, 5))
    # e is won on a day before it came: 4/5 left; a after 10 days: 3/4 of those; after 20 days b and c are left, d was
    # seen for 15 days: 1/2 of those. 1 - 4/5 * 3/4 * 1/2 = 0.7
    assert found.value is not None
    assert abs(found.value - 0.7) < 1e-12
    assert (found.subjects, found.left_out) == (5, 0)
    assert "1 reached it on a day before they entered" in found.detail
    assert "2 of 5 have not got there and count as waiting" in found.detail


def test_a_share_that_nobody_is_old_enough_for_is_not_known() -> None:
    (found,) = world([share(20)], {"deals": JANUARY[:3]}).ask("won_share", as_of=D(2025, 1, 20))
    # a after 10 days; b is seen for 19 days, c for 9: what the other two do by day 20 is not known
    assert (found.value, found.quality) == (None, ("immature",))
    assert "nobody was seen for 20 days without getting there; the longest was 19 days" in found.detail


DEALS = st.lists(st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 60))), min_size=1, max_size=30)


@given(DEALS)
def test_once_everybody_is_old_enough_it_is_the_share_itself(given: list[tuple[int, int | None]]) -> None:
    rows = [deal(f"d{i}", D(2025, 1, 1) + timedelta(day), took) for i, (day, took) in enumerate(given)]
    cohort = measure("won_in_time", clock=Reached("created_at", "won_at", Span(20, "day")))
    tiny = world([share(20), cohort], {"deals": rows})
    old = D(2025, 1, 1) + timedelta(60)
    (found,) = tiny.values("won_share", as_of=old)
    (in_time,) = tiny.values("won_in_time", as_of=old)
    assert found is not None and in_time is not None
    assert abs(found - in_time / len(rows)) < 1e-9


@given(COUNTS)
def test_a_share_is_what_the_analysis_has_at_the_end_of_its_curve(times: dict[int, tuple[int, int]]) -> None:
    rows = [(t, done, n) for t, pair in times.items() for done, n in zip((True, False), pair, strict=True) if n]
    columns = zip(*rows, strict=True)
    curve = survival.kaplan_meier(*(list(c) for c in columns))
    found = arrived(times, seen=True)
    assert found.value is not None
    assert abs(found.value - (1 - float(curve.survival[-1]))) < 1e-12
    if found.low is not None and found.high is not None:
        assert abs(found.low - (1 - float(curve.high[-1]))) < 1e-9
        assert abs(found.high - (1 - float(curve.low[-1]))) < 1e-9
    else:
        assert found.value in (0.0, 1.0) or abs(found.value) < 1e-9
