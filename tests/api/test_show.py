"""How numbers, periods and texts are written for people."""

from datetime import date
from decimal import Decimal

import pytest

from headwater.api import show


@pytest.mark.parametrize(
    ("value", "kind", "currency", "text"),
    [
        (0.10525, "percent", "", "10.5%"),
        (0.1255, "percent", "", "12.6%"),
        (0.0004, "percent", "", "0.04%"),
        (0.0, "percent", "", "0.0%"),
        (-0.25, "percent", "", "-25.0%"),
        (1.5, "percent", "", "150.0%"),
        (1240.5, "money", "EUR", "EUR 1,240.50"),
        (25.125, "money", "EUR", "EUR 25.13"),
        (-20, "money", "EUR", "EUR -20.00"),
        (1240.5, "money", "JPY", "JPY 1,241"),
        (1.2345, "money", "KWD", "KWD 1.235"),
        (0.004, "money", "EUR", "EUR 0.004"),
        (8000, "number", "", "8,000"),
        (2.5, "number", "", "2.50"),
        (12.25, "days", "", "12.3 days"),
        (7.45, "score", "", "7.5"),
        (1e30, "number", "", "1,000,000,000,000,000,019,884,624,838,656"),
    ],
)
def test_numbers(value: float, kind: str, currency: str, text: str) -> None:
    assert show.number(float(value), kind, currency) == text


@pytest.mark.parametrize(
    ("start", "end", "grain", "text"),
    [
        (None, None, "all", "all data"),
        (date(2025, 1, 1), date(2026, 1, 1), "all", "2025"),
        (date(2025, 1, 1), date(2025, 7, 1), "all", "2025-01-01..2025-06-30"),
        (date(2025, 1, 1), date(2025, 2, 1), "month", "2025-01"),
        (date(2025, 1, 1), date(2025, 1, 20), "month", "2025-01-01..2025-01-19"),
        (date(2025, 3, 3), date(2025, 3, 10), "week", "2025-W10"),
        (date(2025, 4, 1), date(2025, 7, 1), "fiscal_quarter", "2025-04-01..2025-06-30"),
    ],
)
def test_periods(start: date | None, end: date | None, grain: str, text: str) -> None:
    assert show.period_text(start, end, grain) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 東京 👩‍💻", "Zürich 東京 👩‍💻"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("abc\u202edef", "abc\\u202edef"),
    ],
)
def test_a_text_cannot_command_the_terminal(text: str, shown: str) -> None:
    assert show.harmless(text) == shown


def test_columns_stay_aligned_with_wide_letters() -> None:
    lines = show.table(["city", "n"], [["東京", "1"], ["Ulm", "20"]], frozenset({1})).splitlines()
    assert {show.width(line) for line in lines} == {8}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (Decimal("1240.500000"), "1240.5"),
        (Decimal("1200"), "1200"),
        (0.5, "0.5"),
        (("a",), "a"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert show.plain(value) == text
