"""A mean of means and rows that count later, where values are missing: small worlds added up by hand."""

from datetime import date as D
from decimal import Decimal

from headwater.model.measure import At, Lag, Span
from headwater.model.period import Period
from tests.metrics.tiny import measure, world

JANUARY = Period(D(2025, 1, 1), D(2025, 2, 1))
CREATED, WON = At("created_at"), At("won_at")
CYCLE = measure("cycle", "median", "days(created_at, won_at)", unit="day", clock=WON, empty=None)


def deal(name: str, account: str | None, created: D, won: D | None = None, **more: object) -> dict[str, object]:
    return {"deal_id": name, "account_id": account, "created_at": created, "won_at": won, **more}


def test_a_wrong_duration_is_left_out_of_the_mean_of_its_own_company() -> None:
    """A took 4 and 8 days, B 12; a third of A's ends before it began."""
    rows = [
        deal("1", "A", D(2025, 1, 1), D(2025, 1, 5)),
        deal("2", "A", D(2025, 1, 1), D(2025, 1, 9)),
        deal("3", "A", D(2025, 1, 30), D(2025, 1, 10)),
        deal("4", "B", D(2025, 1, 1), D(2025, 1, 13)),
    ]
    days = measure("days", "mean", "days(created_at, won_at)", unit="day", clock=WON, empty=None, per="account_id")
    (found,) = world([days], {"deals": rows}).ask("days", period=JANUARY)
    assert (found.value, found.numerator, found.denominator, found.left_out) == (9, 18, 2, 1)  # (6 + 12) / 2
    assert "1 negative durations are left out" in found.detail


def test_rows_of_no_company_are_no_company() -> None:
    rows = [
        deal("1", "A", D(2025, 1, 1), amount=Decimal(10), currency="EUR"),
        deal("2", None, D(2025, 1, 2), amount=Decimal(90), currency="EUR"),
    ]
    mean = measure("price", "mean", "amount", unit="money", clock=CREATED, empty=None, per="account_id")
    (found,) = world([mean], {"deals": rows}).ask("price", period=JANUARY)
    assert (found.value, found.denominator) == (10, 1)


def test_a_mean_of_means_without_a_rate_is_absent() -> None:
    rows = [
        deal("1", "A", D(2025, 1, 1), amount=Decimal(10), currency="EUR"),
        deal("2", "B", D(2025, 1, 2), amount=Decimal(90), currency="USD"),
        deal("3", "B", D(2025, 1, 3), amount=Decimal(100), currency="USD"),
    ]
    mean = measure("price", "mean", "amount", unit="money", clock=CREATED, empty=None, per="account_id")
    rates = [{"currency": "USD", "day": D(2025, 1, 3), "rate": Decimal("0.5")}]
    asked = world([mean], {"deals": rows, "exchange_rates": rates})
    (found,) = asked.ask("price", period=JANUARY)
    assert (found.value, found.quality) == (None, ("no_rate",))
    assert "1 rows have no exchange rate" in found.detail
    (found,) = asked.ask("price", period=JANUARY, filter="channel is empty", as_of=D(2025, 1, 1))
    assert found.value == 10


def test_where_nothing_tells_how_much_later_rows_count_it_says_so() -> None:
    rows = [deal("1", "A", D(2025, 1, 1), amount=Decimal(10)), deal("2", "A", D(2024, 1, 1), D(2024, 1, 3))]
    later = measure(
        "later", "sum", "amount", unit="money", clock=CREATED, empty=None, lag=Lag("cycle", Span(6, "month"))
    )
    (found,) = world([CYCLE, later], {"deals": rows}).ask("later", period=JANUARY, as_of=D(2025, 3, 1))
    assert (found.value, found.quality) == (None, ("no_data",))
    assert "no rows of 'deals' count then, each as much later as 'cycle' took in the 6 months up to 2025-03-01" in (
        found.detail
    )
