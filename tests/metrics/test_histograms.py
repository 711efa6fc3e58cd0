"""A quantile with its bounds comes from a histogram: the same number as the plain aggregate gives."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.metrics import quantiles
from headwater.metrics.intervals import LEAST_FOR_QUANTILE
from headwater.model.measure import At
from headwater.model.period import Grain, Period
from tests.effort import examples
from tests.metrics.tiny import World, measure, world

CREATED = At("created_at")
LENGTH = "days(created_at, won_at)"
QUANTILES = (0.1, 0.25, 0.5, 0.9)
MEASURES = [
    *(
        measure(f"q{q * 100:.0f}", "quantile", LENGTH, unit="day", clock=CREATED, empty=None, quantile=q)
        for q in QUANTILES
    ),
    measure("kept", "median", LENGTH, unit="day", clock=CREATED, empty=None, negatives="keep"),
    measure("big", "median", LENGTH, "amount >= 50", unit="day", clock=CREATED, empty=None),
    measure("amount", "quantile", "amount", unit="money", clock=CREATED, empty=None, quantile=0.9),
    measure("mean", "mean", LENGTH, unit="day", clock=CREATED, empty=None),  # no rank of it is the mean
]
NAMES = [m.id for m in MEASURES]


@pytest.fixture(params=[0, quantiles.MANY_ROWS], ids=["classes", "values"], scope="module", autouse=True)
def many_rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many rows are many: with none, every table of the tests is looked at by classes first."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quantiles, "MANY_ROWS", request.param)
        yield


YEAR = Period(date(2025, 1, 1), date(2026, 1, 1))


def rows(seed: int, number: int) -> list[dict[str, object]]:
    """Deals with ties, bad dates, empty values and channels that hold nothing but such."""
    rng = random.Random(seed)
    found: list[dict[str, object]] = []
    for i in range(number):
        created = YEAR.start + timedelta(rng.randrange(365))
        days = rng.choice([None, -3, 0, 1, 1, 2, 5, 8, 8, 13, 100, rng.randrange(400)])
        channel = rng.choice(["email", "web", "web", None, "empty"])
        if channel == "empty":
            days = rng.choice([None, -1])
        found.append({
            "deal_id": f"d{i}", "account_id": rng.choice([None, "A", "B", f"a{rng.randrange(20)}"]),
            "channel": channel, "created_at": created, "stage": "x", "currency": "EUR",
            "won_at": None if days is None else created + timedelta(days), "amount": rng.choice([1, 50, 51, 70]),
        })  # fmt: skip
    return found


@pytest.fixture(params=[(1, 400), (2, 7), (3, 1), (4, 1000)], ids=str)
def estate(request: pytest.FixtureRequest) -> Iterator[World]:
    yield world(MEASURES, {"deals": rows(*request.param)})


def values(estate: World, **question: object) -> list[tuple[object, ...]]:
    found = estate.ask(*NAMES, **question)
    return [
        (o.kpi, o.period_start, o.segment, None if o.value is None else pytest.approx(o.value), o.subjects, o.left_out)
        for o in found
    ]


QUESTIONS: list[dict[str, object]] = [
    {"period": YEAR, "grain": Grain.QUARTER},
    {"period": YEAR, "by": ("channel",)},
    {"period": YEAR, "grain": Grain.MONTH, "by": ("channel",), "filter": "channel in ('web', 'empty')"},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=["quarters", "channels", "both"])
def test_a_histogram_gives_the_quantile_that_the_rows_give(estate: World, question: dict[str, object]) -> None:
    assert values(estate, interval="quantile", **question) == values(estate, **question)


@pytest.mark.parametrize("q", QUANTILES)
def test_the_bounds_of_a_quantile_are_the_rows_of_these_ranks(q: float) -> None:
    deals = rows(5, 300)
    days = sorted(
        (r["won_at"] - r["created_at"]).days  # type: ignore[operator]
        for r in deals
        if r["won_at"] is not None and r["won_at"] >= r["created_at"]  # type: ignore[operator]
    )
    n = len(days)
    away = 1.959963984540054 * sqrt(n * q * (1 - q))
    (found,) = world(MEASURES, {"deals": deals}).ask(
        f"q{q * 100:.0f}", period=YEAR, interval="quantile", as_of=date(2027, 1, 1)
    )  # fmt: skip
    place = Fraction(str(q)) * (n - 1)
    low, part = int(place), place - int(place)
    assert found.value == pytest.approx(float(days[low] + part * (days[min(low + 1, n - 1)] - days[low])))
    assert (found.low, found.high) == (days[max(1, ceil(n * q - away)) - 1], days[ceil(n * q + away) - 1])


DURATIONS = (
    st.none()
    | st.sampled_from([-86400, -1, 0, 1, 59, 60, 3600, 86400])
    | st.integers(-10, 200)
    | st.integers(0, 5 * 365 * 86400)
)
DEALS = st.lists(st.tuples(st.sampled_from([None, "email", "web"]), st.sampled_from([1, 2]), DURATIONS), max_size=60)


def expected(seconds: list[int], q: float) -> tuple[float | None, float | None, float | None]:
    """A quantile in days and the order statistics around it, from all values in order."""
    n = len(seconds)
    if not n:
        return None, None, None
    away = 1.959963984540054 * sqrt(n * q * (1 - q))
    place = Fraction(str(q)) * (n - 1)
    low, part = int(place), place - int(place)
    between = seconds[low] + part * (seconds[min(low + 1, n - 1)] - seconds[low])
    last = ceil(n * q + away)
    bounds = seconds[max(1, ceil(n * q - away)) - 1], seconds[last - 1] if last <= n else None
    return float(between / 86400), bounds[0] / 86400, None if bounds[1] is None else bounds[1] / 86400


@settings(max_examples=examples(10, 200))
@given(deals=DEALS, q=st.sampled_from(QUANTILES))
def test_seconds_between_instants_are_ranked_as_if_all_were_in_order(
    deals: list[tuple[str | None, int, int | None]], q: float
) -> None:
    begun = datetime(2025, 1, 1, 9)
    estate = world(
        MEASURES,
        {
            "deals": [
                {
                    "deal_id": f"d{i}", "channel": channel, "created_at": begun + timedelta(31 * (month - 1)),
                    "won_at": None if s is None else begun + timedelta(31 * (month - 1), s), "stage": "x", "amount": 1,
                }
                for i, (channel, month, s) in enumerate(deals)
            ]
        },
    )  # fmt: skip
    asked = {"period": Period(date(2025, 1, 1), date(2025, 3, 1)), "grain": Grain.MONTH, "by": ("channel",)}
    found = estate.ask(f"q{q * 100:.0f}", interval="quantile", as_of=date(2040, 1, 1), **asked)
    cells = {(channel, month) for channel, month, _ in deals}
    for channel, month in cells:
        (one,) = [o for o in found if o.segment == (("channel", channel),) and o.period_start == date(2025, month, 1)]
        mine = [s for c, m, s in deals if (c, m) == (channel, month)]
        value, low, high = expected(sorted(s for s in mine if s is not None and s >= 0), q)
        assert one.value == (None if value is None else pytest.approx(value, rel=1e-12, abs=1e-12))
        assert (one.left_out or 0) == sum(s < 0 for s in mine if s is not None)
        if one.subjects is not None and one.subjects >= LEAST_FOR_QUANTILE and high is not None:
            assert (one.low, one.high) == pytest.approx((low, high), rel=1e-12, abs=1e-12)
