"""What a plan answers on a tiny world added up by hand, clock by clock, and what it refuses."""

from datetime import date, datetime, timedelta

import pytest

from headwater.errors import QueryError
from headwater.model.measure import EVER, Alive, At, Latest, Reached, Span
from headwater.model.period import Calendar, Grain, Period
from headwater.model.settings import Settings
from tests.metrics.tiny import World, measure, world

D = date
CREATED, WON = At("created_at"), At("won_at")
Q1 = Period(D(2025, 1, 1), D(2025, 4, 1))


def deal(
    name: str, account: str, channel: str | None, created: date, closed: date | None, amount: int, stage: str = "won"
) -> dict[str, object]:
    """One deal; it is won when it is closed."""
    return {
        "deal_id": name, "account_id": account, "channel": channel, "created_at": created, "won_at": closed,
        "closed_at": closed, "amount": amount, "currency": "EUR", "stage": stage,
    }  # fmt: skip


ROWS = [
    # a: won after 30 days; b: won ten days BEFORE it was created (a bad date); c: open; d: won after five days
    deal("a", "A", "email", datetime(2025, 1, 5, 10), datetime(2025, 2, 4, 10), 100),
    deal("b", "B", "web", D(2025, 1, 20), D(2025, 1, 10), 50),
    deal("c", "B", None, D(2025, 2, 20), None, 70, "demo"),
    deal("d", "A", "email", D(2025, 3, 20), D(2025, 3, 25), 30),
]
ACCOUNTS = [{"account_id": "A", "industry": "tech"}, {"account_id": "B", "industry": "food"}]

LAST = Latest("day", ("profile",), Span(40, "day"))
MEASURES = [
    measure("deals", clock=CREATED),
    measure("won", clock=WON),
    measure("revenue", "sum", "amount", unit="money", clock=WON),
    measure("accounts_won", "count_distinct", "account_id", clock=WON, unit="account"),
    measure("big", clock=CREATED, where="amount >= 70"),
    measure("open", clock=Alive("created_at", "closed_at")),
    measure("pipeline", "sum", "amount", unit="money", clock=Alive("created_at", "closed_at")),
    measure("ever", clock=Reached("created_at", "won_at", EVER)),
    measure("in_20", clock=Reached("created_at", "won_at", Span(20, "day"))),
    measure("ripe", clock=Reached("created_at", "won_at", EVER, "p95")),
    measure("cycle", "mean", "days(created_at, won_at)", unit="day", clock=WON, empty=None),
    measure("cycle_all", "mean", "days(created_at, won_at)", unit="day", clock=WON, empty=None, negatives="keep"),
    measure("middle", "median", "days(created_at, won_at)", unit="day", clock=WON, empty=None),
    measure(
        "followers", "sum", "followers", table="profiles", unit="follower", empty=None,
        clock=LAST,
    ),
    measure("well_followed", table="profiles", unit="profile", clock=LAST, where="followers >= 100"),
    measure("little_followed", table="profiles", unit="profile", clock=LAST, where="followers < 105"),
    measure(
        "little_followed_names", "count_distinct", "profile", table="profiles", unit="profile", clock=LAST,
        where="followers < 105",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def tiny() -> World:
    followers = [
        {"profile": "x", "day": D(2025, 1, 10), "followers": 100},
        {"profile": "x", "day": D(2025, 1, 30), "followers": 110},
        {"profile": "y", "day": D(2025, 2, 10), "followers": 7},
    ]
    return world(MEASURES, {"deals": ROWS, "accounts": ACCOUNTS, "profiles": followers})


def test_a_flow_counts_rows_by_its_own_date_and_an_empty_month_is_zero(tiny: World) -> None:
    assert tiny.values("deals", "won", "revenue", period=Period(D(2025, 1, 1), D(2025, 5, 1)), grain=Grain.MONTH) == [
        2, 1, 1, 0,  # created: a, b / c / d / none
        1, 1, 1, 0,  # won: b / a / d / none
        50, 100, 30, 0,
    ]  # fmt: skip


def test_no_period_is_all_data_as_one_up_to_the_day_asked(tiny: World) -> None:
    assert tiny.values("deals", "revenue", "accounts_won", "big") == [4, 180, 2, 2]
    assert tiny.values("deals", "revenue", as_of=D(2025, 2, 4)) == [2, 150]


def test_ratios_are_sum_over_sum_and_keep_their_parts(tiny: World) -> None:
    found = tiny.ask("revenue / won", period=Q1, grain=Grain.QUARTER)[0]
    assert (found.value, found.numerator, found.denominator, found.subjects) == (60, 180, 3, 3)


def test_a_number_rests_on_all_that_its_denominator_counts(tiny: World) -> None:
    both = tiny.ask("won / (won + big)", period=Q1)[0]  # won: a, b, d; big: a, c
    assert (both.value, both.denominator, both.subjects) == (0.6, 5, 5)
    assert tiny.ask("won / accounts_won", period=Q1)[0].subjects == 2  # companies A, B, not their three wins
    assert tiny.ask("won / revenue", period=Q1)[0].subjects == 3  # money counts nothing: the rows it is added from


def test_a_zero_denominator_is_no_value_with_its_reason(tiny: World) -> None:
    found = tiny.ask("revenue / won", period=Period(D(2025, 4, 1), D(2025, 5, 1)))[0]
    assert (found.value, found.quality, found.denominator) == (None, ("zero_denominator",), 0)


def test_segments_keep_empty_apart_and_reach_other_tables_as_they_are(tiny: World) -> None:
    by_channel = tiny.ask("deals", by=("channel",))
    assert [(o.segment, o.value) for o in by_channel] == [
        ((("channel", "email"),), 2), ((("channel", "web"),), 1), ((("channel", None),), 1),
    ]  # fmt: skip
    by_industry = tiny.ask("won", by=("industry",))
    assert [(o.segment[0][1], o.value) for o in by_industry] == [("food", 1), ("tech", 2)]


def test_the_segments_of_a_kpi_are_its_own_whatever_is_asked_beside_it() -> None:
    rows = [
        {"deal_id": "1", "channel": "old", "created_at": D(2024, 12, 1)},
        {"deal_id": "2", "channel": "web", "created_at": D(2025, 1, 1)},
    ]
    january = {"period": Period(D(2025, 1, 1), D(2025, 2, 1)), "grain": Grain.MONTH, "by": ("channel",)}
    both = world(MEASURES, {"deals": rows}).ask("deals", "growth(deals)", **january)
    assert [(o.kpi, o.segment[0][1]) for o in both] == [("k0", "web"), ("k1", "old"), ("k1", "web")]


def test_a_filter_keeps_the_rows_it_names(tiny: World) -> None:
    assert tiny.values("deals", filter="channel = 'email'") == [2]
    assert tiny.values("deals", filter="industry = 'food' and channel is empty") == [1]
    assert tiny.values("deals", filter="not (channel = 'email')") == [2]  # c has no channel, and is not e-mail


def test_growth_and_prior_look_one_period_back(tiny: World) -> None:
    found = tiny.ask("growth(deals)", "prior(deals)", period=Period(D(2025, 2, 1), D(2025, 5, 1)), grain=Grain.MONTH)
    assert [o.value for o in found] == [-0.5, 0, -1, 2, 1, 1]
    first = tiny.ask("growth(deals)", period=Period(D(2025, 1, 1), D(2025, 2, 1)))[0]
    assert (first.value, first.quality) == (None, ("no_data",))  # the data begins in January


def test_trailing_reads_overlapping_windows(tiny: World) -> None:
    found = tiny.values("trailing(deals, '2 months')", period=Period(D(2025, 2, 1), D(2025, 5, 1)), grain=Grain.MONTH)
    assert found == [3, 2, 1]  # Jan+Feb: a b c / Feb+Mar: c d / Mar+Apr: d


def test_trailing_for_ever_reads_everything_up_to_the_end(tiny: World) -> None:
    months = {"period": Period(D(2025, 2, 1), D(2025, 5, 1)), "grain": Grain.MONTH}
    assert tiny.values("trailing(deals, 'ever')", **months) == [3, 4, 4]  # a b c / and d
    assert tiny.values("trailing(deals, 'ever')", period=Period(D(2025, 4, 1), D(2025, 5, 1))) == [4]
    assert tiny.values("trailing(deals, 'ever')") == tiny.values("deals")
    assert tiny.values("trailing(deals, 'ever')", **months, by=("channel",)) == [1, 1, 1, 2, 1, 1, 2, 1, 1]


def test_trailing_reads_an_opening_and_what_was_lost_at_the_start_of_the_window(tiny: World) -> None:
    months = {"period": Period(D(2025, 2, 1), D(2025, 5, 1)), "grain": Grain.MONTH}
    assert tiny.values("trailing(opening(open), '2 months')", **months) == [None, 1, 1]  # before the data / a / c
    assert tiny.values("trailing(lost(open), '2 months')", **months) == [0, 1, 0]  # none / a in February / none
    assert tiny.values("trailing(lost(open) / opening(open), '2 months')", **months) == [None, 1, 0]


def test_share_is_of_all_segments(tiny: World) -> None:
    assert tiny.values("share(deals)", by=("channel",)) == [0.5, 0.25, 0.25]


def test_a_stock_counts_rows_begun_and_not_ended(tiny: World) -> None:
    # end of January: a (b was closed on the 10th); February: c; March: c; April: c
    assert tiny.values("open", period=Period(D(2025, 1, 1), D(2025, 5, 1)), grain=Grain.MONTH) == [1, 1, 1, 1]
    assert tiny.values("opening(open)", period=Period(D(2025, 2, 1), D(2025, 4, 1)), grain=Grain.MONTH) == [1, 1]
    assert tiny.values("open", period=Period(D(2025, 1, 1), D(2025, 1, 9))) == [1]


def test_what_a_stock_lost_was_there_at_the_start_and_ended_since(tiny: World) -> None:
    months = {"period": Period(D(2025, 1, 1), D(2025, 5, 1)), "grain": Grain.MONTH}
    # a was open on 1 February and was closed in it; d came and went in March, b was closed before it was opened
    assert tiny.values("lost(open)", **months) == [0, 1, 0, 0]
    assert tiny.values("lost(open) / opening(open)", **months) == [None, 1, 0, 0]
    assert tiny.values("lost(open)", period=Period(D(2025, 2, 1), D(2025, 3, 1)), by=("channel",)) == [1]
    assert tiny.values("lost(open)", period=Period(D(2025, 2, 1), D(2025, 3, 1)), as_of=D(2025, 2, 3)) == [0]
    with pytest.raises(QueryError, match="needs a period"):
        tiny.ask("lost(open)")


def test_what_a_stock_lost_is_worth_what_it_was_at_the_start() -> None:
    deal = {k: v for k, v in ROWS[2].items() if k != "amount"} | {"closed_at": D(2025, 3, 20)}
    versions = [
        {**deal, "amount": 70, "_valid_from": D(2025, 2, 20), "_valid_to": D(2025, 3, 10)},
        {**deal, "amount": 90, "_valid_from": D(2025, 3, 10)},
    ]
    tiny = world(MEASURES, {"deals": [{**deal, "amount": 90}], "deals__versions": versions})
    assert tiny.values("lost(pipeline)", period=Period(D(2025, 3, 1), D(2025, 4, 1))) == [70]


def test_a_stock_reads_values_as_they_were_then() -> None:
    version = {k: v for k, v in ROWS[2].items() if k != "amount"}
    versions = [
        {**version, "amount": 70, "_valid_from": D(2025, 2, 20), "_valid_to": D(2025, 3, 10)},
        {**version, "amount": 90, "_valid_from": D(2025, 3, 10)},
    ]
    tiny = world(MEASURES, {"deals": [{**version, "amount": 90}], "deals__versions": versions})
    months = {"period": Period(D(2025, 2, 1), D(2025, 4, 1)), "grain": Grain.MONTH}
    assert tiny.values("pipeline", **months) == [70, 90]


def test_before_the_first_version_a_value_is_absent_with_a_reason() -> None:
    late = [{**ROWS[2], "_valid_from": D(2025, 3, 10)}]
    tiny = world(MEASURES, {"deals": [ROWS[2]], "deals__versions": late})
    months = {"period": Period(D(2025, 2, 1), D(2025, 4, 1)), "grain": Grain.MONTH}
    february, march = tiny.ask("pipeline", **months)
    assert (february.value, february.quality) == (None, ("no_data",))
    assert "1 rows of 'deals' have no version that early" in february.detail
    assert march.value == 70
    assert tiny.values("open", **months) == [1, 1]  # counting needs no value


def test_a_snapshot_takes_the_last_row_no_older_than_allowed(tiny: World) -> None:
    # January: x 110; February: x 110 (30 January is within 40 days) + y 7; by the end of March both are too old
    found = tiny.ask("followers", period=Period(D(2025, 1, 1), D(2025, 5, 1)), grain=Grain.MONTH)
    assert [o.value for o in found] == [110, 117, None, None]
    assert found[2].quality == ("no_data",)


def test_a_cohort_without_maturity_counts_everyone(tiny: World) -> None:
    found = tiny.ask("ever / entered(ever)", interval="proportion")[0]
    assert (found.value, found.numerator, found.denominator, found.left_out) == (0.75, 3, 4, 0)
    assert "1 reached it on a day before they entered" in found.detail


def test_a_date_reached_when_asked_counts_from_the_row_s_own_date_on() -> None:
    # both accounts renew on 20 January, A at 9:00, B at a time nobody knows
    accounts = [
        {"account_id": "A", "industry": "tech", "renewed_at": datetime(2025, 1, 20, 9)},
        {"account_id": "B", "industry": "food", "renewed_at": D(2025, 1, 20)},
    ]
    rows = [
        deal("a1", "A", None, datetime(2025, 1, 20, 9), None, 1),  # at that very moment
        deal("a2", "A", None, datetime(2025, 1, 20, 10), None, 1),  # an hour later: too late
        deal("a3", "A", None, D(2025, 1, 20), None, 1),  # some time that day
        deal("a4", "A", None, datetime(2025, 1, 5, 10), None, 1),  # 15 days before
        deal("b1", "B", None, datetime(2025, 1, 20, 23), None, 1),  # that day
        deal("b2", "B", None, D(2025, 1, 21), None, 1),  # a day late
        deal("n", "N", None, D(2025, 1, 21), None, 1),  # of an account that nobody knows
    ]
    tiny = world(
        [
            measure("renewed", clock=Reached("created_at", "renewed_at", EVER)),
            measure("renewed_in_10", clock=Reached("created_at", "renewed_at", Span(10, "day"))),
            measure("renewals", clock=At("renewed_at")),
            measure("not_renewed", clock=CREATED, where="renewed_at is empty"),
            measure("food_renewed", clock=CREATED, where="industry = 'food' and renewed_at is not empty"),
            measure("wait", "sum", "days(created_at, renewed_at)", unit="day", clock=At("renewed_at")),
        ],
        {"deals": rows, "accounts": accounts},
    )
    cohort = tiny.ask("renewed / entered(renewed)")[0]
    assert (cohort.numerator, cohort.denominator) == (4, 7)  # a1, a3, a4, b1
    assert tiny.ask("renewed_in_10 / entered(renewed_in_10)")[0].numerator == 3  # without a4
    assert tiny.values("renewals", "not_renewed", "food_renewed", period=Period(D(2025, 1, 1), D(2025, 2, 1))) == [
        4,
        3,
        1,
    ]
    assert tiny.values("wait", period=Period(D(2025, 1, 1), D(2025, 2, 1))) == [pytest.approx(14 + 23 / 24)]  # of a4
    by = tiny.ask("renewals", period=Period(D(2025, 1, 1), D(2025, 2, 1)), by=("industry",))
    assert {o.segment: o.value for o in by} == {(("industry", "tech"),): 3, (("industry", "food"),): 1}


def test_a_cohort_leaves_young_entries_out_and_counts_them() -> None:
    tiny = world(MEASURES, {"deals": ROWS}, {"deals": D(2025, 4, 1)})
    found = tiny.ask("in_20 / entered(in_20)")[0]
    # within 20 days and seen for 20 days by 1 April: a (no, 30 days), b (yes), c (no); d is 12 days old
    assert (found.numerator, found.denominator, found.left_out, found.subjects) == (1, 3, 1, 3)


def test_a_cohort_matures_at_the_95th_percentile_of_completed_transitions(tiny: World) -> None:
    # completed and not negative: 5 and 30 days; the 95th percentile is 28.75, so 29 days
    early = tiny.ask("ripe / entered(ripe)", as_of=D(2025, 3, 31))[0]
    # by 31 March: a (30 of 29 days: in), b (in), c (39 days: in), d (11 days: too young)
    assert (early.numerator, early.denominator, early.left_out) == (2, 3, 1)
    assert "mature after 29 days" in early.detail


def test_an_outcome_after_the_day_asked_is_not_counted(tiny: World) -> None:
    found = tiny.ask("ever / entered(ever)", as_of=D(2025, 2, 3))[0]  # a is won on the 4th
    assert (found.numerator, found.denominator) == (1, 2)


def test_an_outcome_is_observed_to_the_day_its_source_is_complete_through() -> None:
    tiny = world(MEASURES, {"deals": ROWS}, {"deals": D(2025, 2, 1)})
    found = tiny.ask("ever / entered(ever)", as_of=D(2025, 6, 1))[0]
    assert found.numerator == 1


def test_all_too_young_is_immature_and_no_zero() -> None:
    tiny = world(MEASURES, {"deals": ROWS[3:]}, {"deals": D(2025, 3, 26)})
    found = tiny.ask("in_20 / entered(in_20)")[0]
    assert (found.value, found.quality, found.left_out) == (None, ("immature",), 1)


def test_negative_durations_are_left_out_and_counted_unless_kept(tiny: World) -> None:
    mean, kept, middle = tiny.ask("cycle", "cycle_all", "middle")
    assert (mean.value, mean.left_out, mean.subjects) == (17.5, 1, 2)  # (30 + 5) / 2
    assert kept.value == pytest.approx(25 / 3)  # (30 - 10 + 5) / 3
    assert middle.value == 17.5


def test_a_median_is_bounded_by_order_statistics() -> None:
    # ten deals won after 1, 2, 4, 8 ... 512 days: ranks 5 -/+ 1.96 * sqrt(2.5), rounded up, are 2 and 9
    ten = [deal(f"t{i}", "A", "email", D(2020, 1, 1), D(2020, 1, 1) + timedelta(2**i), 1) for i in range(10)] + [
        deal("bad", "A", "email", D(2020, 1, 20), D(2020, 1, 10), 1)
    ]
    (found,) = world(MEASURES, {"deals": ten}).ask("middle", interval="quantile")
    assert (found.value, found.low, found.high, found.subjects, found.left_out) == (24, 2, 256, 10, 1)
    (few,) = world(MEASURES, {"deals": ten[:5]}).ask("middle", interval="quantile", by=("channel",))
    assert (few.value, few.low, few.high) == (4, None, None)  # under six no order statistics do


def test_money_is_converted_at_its_own_day_and_absent_without_a_rate() -> None:
    rows = [{**ROWS[0], "currency": "USD"}, ROWS[3]]
    rates = [{"currency": "USD", "day": D(2025, 2, 4), "rate": "0.9"}]
    rated = world(MEASURES, {"deals": rows, "exchange_rates": rates})
    assert rated.values("revenue") == [120]  # 100 * 0.9 + 30
    missing = world(MEASURES, {"deals": rows, "exchange_rates": []}).ask("revenue")[0]
    assert (missing.value, missing.quality) == (None, ("no_rate",))
    assert "1 rows have no exchange rate to EUR" in missing.detail
    empty = {**ROWS[1], "amount": None, "currency": "GBP"}
    nothing = world(MEASURES, {"deals": [*rows, empty], "exchange_rates": rates})
    assert nothing.values("revenue") == [120]  # no amount needs no rate


def test_a_period_cut_short_is_partial(tiny: World) -> None:
    running = tiny.ask("deals", period=Period(D(2025, 1, 1), D(2026, 1, 1)), as_of=D(2025, 2, 25))[0]
    assert (running.value, running.quality) == (3, ("partial",))
    cut = tiny.ask("deals", period=Period(D(2025, 1, 15), D(2025, 3, 1)), grain=Grain.MONTH)
    assert [(o.value, o.quality) for o in cut] == [(1, ("partial",)), (1, ())]


def test_a_stale_source_is_named() -> None:
    tiny = world(MEASURES, {"deals": ROWS}, {"deals": D(2025, 2, 22)})
    found = tiny.ask("deals", period=Period(D(2025, 2, 1), D(2025, 3, 1)))[0]
    assert (found.value, found.quality) == (1, ("partial",))
    assert "source 'crm' is complete through 2025-02-22 only" in found.detail


def test_a_period_without_data_is_no_zero(tiny: World) -> None:
    before = tiny.ask("deals", period=Period(D(2020, 1, 1), D(2021, 1, 1)))[0]
    assert (before.value, before.quality) == (None, ("no_data",))
    unwon = tiny.ask("won", period=Period(D(2020, 1, 1), D(2021, 1, 1)))[0]
    assert (unwon.value, unwon.detail) == (None, "the data begins on 2025-01-05")
    after = tiny.ask("deals", period=Period(D(2026, 1, 1), D(2027, 1, 1)))[0]
    assert (after.value, after.quality) == (None, ("no_data", "partial"))
    unfed = world(MEASURES, {}).ask("deals")[0]
    assert unfed.detail == "no source feeds 'deals'"


def test_fiscal_grains_follow_the_company_calendar(tiny: World) -> None:
    fiscal = Settings(calendar=Calendar(fiscal_start=2))  # quarters from February, May, August, November
    found = tiny.ask("deals", period=Period(D(2024, 11, 1), D(2025, 5, 1)), grain=Grain.FISCAL_QUARTER, settings=fiscal)
    assert [(o.period_start, o.value) for o in found] == [(D(2024, 11, 1), 2), (D(2025, 2, 1), 2)]
    weeks = Settings(calendar=Calendar(fiscal_start=1, pattern="445"))  # 2025 begins on Monday 30 December 2024
    months = tiny.ask("deals", period=Period(D(2024, 12, 30), D(2025, 3, 31)), grain=Grain.FISCAL_MONTH, settings=weeks)
    assert [(o.period_start, o.value) for o in months] == [
        (D(2024, 12, 30), 2),
        (D(2025, 1, 27), 1),
        (D(2025, 2, 24), 1),
    ]


def test_measures_of_one_table_and_clock_share_one_scan(tiny: World) -> None:
    assert len(tiny.plan("deals", "big", "deals / big").blocks) == 1
    assert len(tiny.plan("deals", "won").blocks) == 2


def test_what_every_row_tells_is_counted_of_the_same_last_rows(tiny: World) -> None:
    counts = ("well_followed", "little_followed", "little_followed_names")
    of = {"period": Period(D(2025, 1, 1), D(2025, 3, 1)), "grain": Grain.MONTH}
    # the last of x is 110 in both months, of y 7 in the second; that x had 100 before does not count
    assert tiny.values(*counts, **of) == [1, 1, 0, 1, 0, 1]
    assert [tiny.values(name, **of) for name in counts] == [[1, 1], [0, 1], [0, 1]]
    assert len(tiny.plan(*counts, **of).blocks) == 1
    assert len(tiny.plan(*counts, "followers", **of).blocks) == 2  # the last that tells its followers may be another


@pytest.mark.parametrize(
    ("formulas", "question", "message"),
    [
        (("deals",), {"by": ("chanel",)}, "cannot be split by 'chanel'.*Did you mean 'channel'"),
        (("deals", "followers / deals"), {"by": ("channel",)}, "'followers' cannot be split by 'channel'"),
        (("deals",), {"filter": "industri = 'x'"}, "cannot be filtered by 'industri'"),
        (("deals",), {"filter": "channel ="}, "filter"),
        (("deals",), {"filter": "channel > 3"}, "filter"),
        (("growth(deals)",), {}, "needs a period"),
        (("trailing(deals, '2 months')",), {}, "needs a period"),
        (("deals",), {"by": ("channel", "channel")}, "named twice"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    tiny: World, formulas: tuple[str, ...], question: dict[str, object], message: str
) -> None:
    with pytest.raises(QueryError, match=f"(?s){message}"):
        tiny.plan(*formulas, **question)
