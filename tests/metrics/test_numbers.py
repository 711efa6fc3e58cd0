"""Different values are counted by their numbers: the same count as the values themselves give, in every cell."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.metrics.planned import Plan
from headwater.metrics.render import render
from headwater.model.measure import Alive, At, Latest, Reached, Span
from headwater.model.period import Grain, Period
from tests.metrics.tiny import World, measure, world

CREATED = At("created_at")
MEASURES = [
    measure("deals", clock=CREATED),
    measure("accounts", "count_distinct", "account_id", clock=CREATED, unit="account"),
    measure("accounts_won", "count_distinct", "account_id", "won_at is not empty", clock=CREATED, unit="account"),
    measure(
        "accounts_to_won", "count_distinct", "account_id", unit="account",
        clock=Reached("created_at", "won_at", Span.parse("30 days")),
    ),
    measure("accounts_open", "count_distinct", "account_id", unit="account", clock=Alive("created_at", "closed_at")),
    measure("accounts_late", "count_distinct", "account_id", unit="account", clock=Latest("created_at", ("channel",))),
]  # fmt: skip
YEAR = Period(date(2025, 1, 1), date(2026, 1, 1))
DAYS = st.dates(date(2024, 12, 1), date(2025, 12, 31))
DEALS = st.lists(
    st.fixed_dictionaries({
        "account_id": st.none() | st.integers(0, 200).map("a{}".format),
        "channel": st.sampled_from([None, "web", "email"]),
        "created_at": DAYS,
        "won_at": st.none() | DAYS,
        "closed_at": st.none() | DAYS,
    }),
    max_size=30,
)  # fmt: skip


def estate(deals: Iterable[dict[str, object]]) -> World:
    return world(MEASURES, {"deals": [{"deal_id": f"d{i}", "stage": "x", **deal} for i, deal in enumerate(deals)]})


def without_numbers(given: World) -> World:
    """The same rows in a data version that has no numbers."""
    tables = tuple(replace(t, numbered=()) for t in given.generation.tables)
    given.generation = replace(given.generation, tables=tables)
    return given


def texts(plan: Plan) -> list[str]:
    return [render(block.relation).text for block in plan.blocks]


@settings(max_examples=10)
@given(deals=DEALS)
def test_numbers_give_the_count_that_the_values_give(deals: list[dict[str, object]]) -> None:
    some = estate(deals)
    names = [m.id for m in MEASURES]
    questions: list[dict[str, object]] = [
        {"period": YEAR, "grain": Grain.QUARTER},
        {"period": YEAR, "grain": Grain.MONTH, "by": ("channel", "industry"), "filter": "channel in ('web', 'email')"},
    ]
    by_numbers = [some.ask(*names, **question) for question in questions]
    assert by_numbers == [without_numbers(some).ask(*names, **question) for question in questions]


@settings(max_examples=10)
@given(deals=DEALS)
def test_the_count_of_a_period_is_that_of_its_rows(deals: list[dict[str, object]]) -> None:
    here = [d for d in deals if YEAR.start <= d["created_at"] < YEAR.end]  # type: ignore[operator]
    everyone = {d["account_id"] for d in here} - {None}
    winners = {d["account_id"] for d in here if d["won_at"] is not None} - {None}
    found = estate(deals).values("accounts", "accounts_won", period=YEAR)
    assert [value or 0 for value in found] == [len(everyone), len(winners)]


def test_numbers_are_counted_where_there_are_some() -> None:
    some = estate([])
    asked = texts(some.plan("deals", "accounts", "accounts_won", period=YEAR))
    assert [("account_id__number" in text, "DISTINCT" in text) for text in asked] == [(False, False), (True, False)]
    assert all("account_id__number" not in text for text in texts(without_numbers(some).plan("accounts", period=YEAR)))


def test_the_states_of_earlier_days_are_counted_by_their_values() -> None:
    (text,) = texts(estate([]).plan("accounts_open", period=YEAR))
    assert "deals__versions" in text
    assert "account_id__number" not in text
