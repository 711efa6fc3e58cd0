"""What must hold for any rows: parts add up to the whole, and nothing that carries no meaning changes an answer."""

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.model.measure import EVER, Alive, At, Reached, Span
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from tests.effort import examples
from tests.metrics.tiny import World, measure, world

MEASURES = [
    measure("deals", clock=At("created_at")),
    measure("revenue", "sum", "amount", unit="money", clock=At("won_at")),
    measure("won", clock=At("won_at")),
    measure("open", clock=Alive("created_at", "closed_at")),
    measure("ever", clock=Reached("created_at", "won_at", EVER)),
    measure("in_30", clock=Reached("created_at", "won_at", Span(30, "day"))),
    measure("ripe", clock=Reached("created_at", "won_at", EVER, "p95")),
    measure("cycle", "mean", "days(created_at, won_at)", unit="day", clock=At("won_at"), empty=None),
]
YEAR = Period(date(2025, 1, 1), date(2026, 1, 1))
FORMULAS = (
    "deals",
    "revenue",
    "won",
    "revenue / won",
    "open",
    "ever / entered(ever)",
    "in_30 / entered(in_30)",
    "cycle",
)

moments = st.one_of(
    st.none(),
    st.dates(date(2025, 1, 1), date(2025, 12, 31)),
    st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31, 23)).map(lambda t: t.replace(microsecond=0)),
)


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Deals with empty dates, ties, bad dates and empty channels."""
    made = []
    for i in range(draw(st.integers(0, 12))):
        won = draw(moments)
        made.append(
            {
                "deal_id": f"d{i}",
                "account_id": draw(st.sampled_from(["A", "B", None])),
                "channel": draw(st.sampled_from(["email", "web", None])),
                "created_at": draw(moments),
                "won_at": won,
                "closed_at": won,
                "amount": draw(st.integers(-500, 500)),
                "currency": "EUR",
                "stage": "x",
            }
        )
    return made


def numbers(observations: tuple[Observation, ...]) -> list[tuple[Any, ...]]:
    return [(o.kpi, o.period_start, o.segment, o.value, o.numerator, o.denominator, o.left_out) for o in observations]


def built(deals: list[dict[str, Any]]) -> World:
    return world(MEASURES, {"deals": deals, "accounts": [{"account_id": "A", "industry": "tech"}]})


@settings(max_examples=examples(10, 500))
@given(rows())
def test_months_and_segments_add_up_to_the_whole(deals: list[dict[str, Any]]) -> None:
    tiny = built(deals)
    whole = tiny.ask("deals", "revenue", "won", period=YEAR)
    months = tiny.ask("deals", "revenue", "won", period=YEAR, grain=Grain.MONTH)
    channels = tiny.ask("deals", "revenue", "won", period=YEAR, by=("channel",))
    industries = tiny.ask("deals", "revenue", "won", period=YEAR, by=("industry",))
    for total in whole:
        if total.value is None:  # no rows in the table at all
            assert not deals or all(d["created_at"] is None for d in deals)
            continue
        for parts in (months, channels, industries):
            assert sum(p.value or 0 for p in parts if p.kpi == total.kpi) == total.value


@settings(max_examples=examples(10, 500))
@given(rows())
def test_a_ratio_is_the_ratio_of_the_sums_of_its_parts(deals: list[dict[str, Any]]) -> None:
    tiny = built(deals)
    for formula in ("revenue / won", "ever / entered(ever)", "in_30 / entered(in_30)"):
        (whole,) = tiny.ask(formula, period=YEAR)
        parts = tiny.ask(formula, period=YEAR, grain=Grain.QUARTER, by=("channel",))
        if whole.denominator is not None:
            assert sum(p.numerator or 0 for p in parts) == whole.numerator
            assert sum(p.denominator or 0 for p in parts) == whole.denominator
        if whole.denominator:
            assert whole.value == whole.numerator / whole.denominator  # type: ignore[operator]
            ratios = [p.value for p in parts if p.value is not None and p.denominator]
            if all(d["amount"] >= 0 for d in deals):
                assert min(ratios) - 1e-9 <= whole.value <= max(ratios) + 1e-9  # type: ignore[operator]


@settings(max_examples=examples(10, 500))
@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(deals: list[dict[str, Any]], chance: Any) -> None:
    mixed = list(deals)
    chance.shuffle(mixed)
    question: dict[str, Any] = {"period": YEAR, "grain": Grain.QUARTER, "by": ("channel",)}
    assert numbers(built(deals).ask(*FORMULAS, **question)) == numbers(built(mixed).ask(*FORMULAS, **question))


@settings(max_examples=examples(10, 500))
@given(rows())
def test_rows_of_other_periods_and_segments_change_nothing(deals: list[dict[str, Any]]) -> None:
    other = [
        {**d, "deal_id": f"o{i}", "channel": "fair", "created_at": date(2023, 5, 1), "won_at": date(2023, 6, 1)}
        for i, d in enumerate(deals)
    ]
    question: dict[str, Any] = {"period": YEAR, "filter": "channel = 'web'"}
    flows = ("deals", "revenue", "won", "revenue / won", "ever / entered(ever)")
    alone, beside = built(deals).ask(*flows, **question), built(deals + other).ask(*flows, **question)
    known = any(d["created_at"] is not None for d in deals)
    if known:  # without any dated row, the other rows say where the data begins
        assert [(o.value, o.numerator, o.denominator) for o in alone] == [
            (o.value, o.numerator, o.denominator) for o in beside
        ]


@settings(max_examples=examples(10, 500))
@given(rows(), st.dates(date(2025, 1, 1), date(2026, 6, 1)))
def test_every_entry_is_either_counted_or_left_out(deals: list[dict[str, Any]], as_of: date) -> None:
    tiny = built(deals)
    (everyone,) = tiny.ask("ever / entered(ever)", as_of=as_of)
    for formula in ("in_30 / entered(in_30)", "ripe / entered(ripe)"):
        (found,) = tiny.ask(formula, as_of=as_of)
        if found.denominator is None or everyone.denominator is None:
            assert "no_data" in found.quality
            continue
        assert found.denominator + (found.left_out or 0) == everyone.denominator
        assert 0 <= (found.numerator or 0) <= found.denominator


@settings(max_examples=examples(10, 500))
@given(rows())
def test_the_stock_moves_by_what_comes_and_goes(deals: list[dict[str, Any]]) -> None:
    dated = [d for d in deals if d["created_at"] is not None]
    for d in dated:  # a deal does not end before it begins
        if d["closed_at"] is not None and _day(d["closed_at"]) < _day(d["created_at"]):
            d["won_at"] = d["closed_at"] = None
    tiny = built(dated)
    closed = tiny.ask("won", period=YEAR, grain=Grain.MONTH)
    opened = tiny.ask("deals", period=YEAR, grain=Grain.MONTH)
    before, after = (tiny.ask(f, period=YEAR, grain=Grain.MONTH) for f in ("opening(open)", "open"))
    for start, end, came, went in zip(before, after, opened, closed, strict=True):
        if end.value is not None:
            assert end.value == (start.value or 0) + (came.value or 0) - (went.value or 0)


@settings(max_examples=examples(10, 500))
@given(rows())
def test_the_mean_duration_is_that_of_a_slow_hand(deals: list[dict[str, Any]]) -> None:
    spans = []
    for d in deals:
        a, b = d["created_at"], d["won_at"]
        if a is None or b is None:
            continue
        exact = isinstance(a, datetime) and isinstance(b, datetime)
        spans.append((b - a) / timedelta(days=1) if exact else float((_day(b) - _day(a)).days))
    kept = [s for s in spans if s >= 0]
    (found,) = built(deals).ask("cycle")
    if deals:
        assert found.left_out in (None, len(spans) - len(kept))
    if kept:
        assert found.value is not None and abs(found.value - sum(kept) / len(kept)) < 1e-9
        assert found.subjects == len(kept)
    else:
        assert found.value is None


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value
