"""Numbers, money and days as locales write them; in English the digits are those of `api.show`."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api import show
from headwater.model.period import Calendar, Grain, Period
from headwater.web.view.wording import wording

EN, DE, TW = (wording(name, "Europe/Berlin") for name in ("en", "de", "zh_Hant_TW"))


@pytest.mark.parametrize(
    ("value", "shown", "english", "german"),
    [
        (0.10525, "percent", "10.5%", "10,5 %"),
        (1240.5, "money", "EUR 1,240.50", "1.240,50 EUR"),
        (-1240.5, "money", "\u2212EUR 1,240.50", "\u22121.240,50 EUR"),
        (12.25, "days", "12.3 days", "12,3 days"),
        (8000.0, "number", "8,000", "8.000"),
        (0.00004, "percent", "0.004%", "0,004 %"),
        (-3.0, "score", "\u22123.0", "\u22123,0"),
    ],
)
def test_a_number_in_two_locales(value: float, shown: str, english: str, german: str) -> None:
    told = [w.number(value, shown, "EUR").replace("\u00a0", " ") for w in (EN, DE)]
    assert told == [english, german]


@given(
    st.floats(-1e9, 1e9),
    st.sampled_from(["percent", "money", "days", "score", "number"]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_the_digits_are_those_of_every_surface(value: float, shown: str, currency: str) -> None:
    def digits(text: str) -> str:
        return re.sub(r"[^0-9.e]", "", text)

    assert digits(EN.number(value, shown, currency)) == digits(show.number(value, shown, currency))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_240_000, "EUR 1.24M"),
        (9_999.99, "EUR 9,999.99"),
        (12_345, "EUR 12.3K"),
        (999_500, "EUR 1M"),
        (123_456_789, "EUR 123M"),
        (-45_650, "\u2212EUR 45.7K"),
    ],
)
def test_large_sums_in_few_letters(value: float, text: str) -> None:
    assert EN.compact(value, "money", "EUR").replace("\u00a0", " ") == text


@given(st.floats(10_000, 1e14))
def test_a_short_form_is_within_half_of_its_last_digit(value: float) -> None:
    text = EN.compact(value, "number")
    number, unit = re.fullmatch(r"([0-9.,]+)([KMBT])", text).groups()  # type: ignore[union-attr]
    size = {"K": 3, "M": 6, "B": 9, "T": 12}[unit]
    told = Decimal(number.replace(",", "")).scaleb(size)
    assert abs(told - Decimal(repr(value))) <= Decimal("0.0051") * Decimal(repr(value))


def test_a_locale_without_a_word_for_thousands_writes_them_out() -> None:
    assert DE.compact(12_345, "number") == "12.300"
    assert TW.compact(12_345, "number") == "1.23萬"


def test_changes_have_their_sign_and_shares_are_in_points() -> None:
    assert EN.difference(0.0125, "percent").replace("\u00a0", " ") == "+1.3 pp"
    assert EN.difference(-20.0, "money", "EUR").replace("\u00a0", " ") == "\u2212EUR 20.00"
    assert [EN.relative(s) for s in (0.0, 0.034, -0.034, 0.0996, 0.41, 12.25)] == [
        "0.0%", "+3.4%", "\u22123.4%", "+10%", "+41%", "+1,225%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "end", "english"),
    [
        ("2025-01-01", "2026-01-01", "2025"),
        ("2025-04-01", "2025-07-01", "Q2 2025"),
        ("2025-09-01", "2025-10-01", "Sep 2025"),
        ("2025-09-07", "2025-09-08", "Sep 7, 2025"),
        ("2024-11-01", "2025-02-01", "Nov 2024 \u2013 Jan 2025"),
    ],
)
def test_periods_by_their_shortest_name(first: str, end: str, english: str) -> None:
    told = EN.period(Period(date.fromisoformat(first), date.fromisoformat(end)))
    assert re.sub(r"\s+", " ", told) == english


def test_a_week_is_called_by_its_number_where_weeks_are_asked() -> None:
    week = Calendar().period(date(2025, 3, 5), Grain.WEEK)
    assert EN.period(week, Grain.WEEK) == "2025-W10"
    assert EN.period(None) == "All data"
