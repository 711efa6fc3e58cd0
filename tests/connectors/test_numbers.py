"""Numbers: exact values, marks proven over a column, and the code of everything that is no number."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater.connectors.numbers import SPACES, Marks, number
from headwater.errors import SourceError
from headwater.model.settings import Settings
from headwater.model.table import Column, Table
from headwater.model.types import ID, INTEGER, Kind, Type
from tests.connectors.load import DEALS, Loaded, load, mapping

POINT, COMMA = Marks(".", "," + SPACES), Marks(",", "." + SPACES)


@pytest.mark.parametrize(
    ("text", "marks", "value"),
    [
        ("0", POINT, "0"),
        ("-0.00", POINT, "0"),
        ("+20.00", POINT, "20"),
        ("007", POINT, "7"),
        (".5", POINT, "0.5"),
        ("5.", POINT, "5"),
        ("1,234.50", POINT, "1234.50"),
        ("1.234,50", COMMA, "1234.50"),
        ("1 234,50", COMMA, "1234.50"),
        ("1\u202f234\u202f567,5", COMMA, "1234567.5"),
        ("1'234.50", POINT, "1234.50"),
        ("1,234,567", POINT, "1234567"),
        ("1e3", POINT, "1000"),
        ("1.5E-2", POINT, "0.015"),
        ("\u22125", POINT, "-5"),
        ("9007199254740993.01", POINT, "9007199254740993.01"),
        ("0.1", POINT, "0.1"),
        ("12,34", POINT, "bad_number"),
        ("1,23,456", POINT, "bad_number"),
        ("1234,567", POINT, "bad_number"),
        ("1.234.567", POINT, "bad_number"),
        ("1,234 567", POINT, "bad_number"),
        ("1.2.3", POINT, "bad_number"),
        ("", POINT, "bad_number"),
        ("-", POINT, "bad_number"),
        (".", POINT, "bad_number"),
        ("--5", POINT, "bad_number"),
        ("5-", POINT, "bad_number"),
        ("(5)", POINT, "bad_number"),
        ("12%", POINT, "bad_number"),
        ("1_000", POINT, "bad_number"),
        ("0x10", POINT, "bad_number"),
        ("\u0661\u0662", POINT, "bad_number"),
        ("20-50", POINT, "bad_number"),
        ("1" + "a" * 100_000 + "1", POINT, "bad_number"),
        ("nan", POINT, "non_finite"),
        ("-Infinity", POINT, "non_finite"),
        ("1.#INF", POINT, "non_finite"),
        ("1e400", POINT, "non_finite"),
        ("1e300", POINT, "out_of_range"),
        ("1e-300", POINT, "precision"),
    ],
)
def test_one_number(text: str, marks: Marks, value: str) -> None:
    found = number(text, marks)
    assert found == (value if value[0].isalpha() else Decimal(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(1,234.50)", "-1234.50"),
        ("500.25-", "-500.25"),
        ("$(12.00)", "-12"),
        ("($12.00)", "-12"),
        ("-5", "-5"),
        ("(-5)", "bad_number"),
        ("-5-", "bad_number"),
        ("(5", "bad_number"),
        ("()", "bad_number"),
    ],
)
def test_accounting_negatives(text: str, value: str) -> None:
    found = number(text, Marks(".", ",", True), "USD")
    assert found == (value if value[0].isalpha() else Decimal(value))


@pytest.mark.parametrize(
    ("text", "currency", "value"),
    [
        ("€1,000.00", "EUR", "1000"),
        ("1,000.00 €", "EUR", "1000"),
        ("EUR 5", "EUR", "5"),
        ("-$5.50", "CAD", "-5.50"),
        ("$-5.50", "USD", "-5.50"),
        ("R$ 12.00", "BRL", "12"),
        ("12 kr", "SEK", "12"),
        ("$1,000", "EUR", "mixed_currency"),
        ("¥1000", "EUR", "mixed_currency"),
        ("USD 5", "EUR", "mixed_currency"),
        ("5 apples", "EUR", "bad_number"),
        ("€5", "", "bad_number"),
    ],
)
def test_a_sign_beside_an_amount_stands_for_the_currency_of_the_row(text: str, currency: str, value: str) -> None:
    found = number(text, POINT, currency)
    assert found == (value if value[0].isalpha() else Decimal(value))


# --- a column --------------------------------------------------------------------------------------------------------
def amounts(tmp_path: Path, *texts: str, **source: Any) -> Loaded:
    lines = "".join(f'D{i};"{t}";EUR\n' for i, t in enumerate(texts))
    return load(
        tmp_path, "deal_id;amount;currency\n" + lines, mapping(DEALS, "deal_id", "amount", "currency"), **source
    )


@pytest.mark.parametrize(
    ("texts", "total"),
    [
        (("1234", "5"), "1239"),
        (("1.234", "12.5"), "13.73"),
        (("1234.5", "0.25"), "1234.75"),
        (("1,234.50", "1,000"), "2234.50"),
        (("1.234,50", "1.000", "12,5"), "2247.00"),
        (("1.234.567", "1.000"), "1235567"),
        (("1 234,50", "7"), "1241.50"),
        (("0.500", "0.25"), "0.75"),
        (("0,500", "0,25"), "0.75"),
        (("12,50", "3,00"), "15.50"),
        (("€ 1.234,50", "€ 2,00"), "1236.50"),
        (("-1,5", "2,25"), "0.75"),
    ],
)
def test_a_column_shows_its_marks(tmp_path: Path, texts: tuple[str, ...], total: str) -> None:
    loaded = amounts(tmp_path, *texts) if texts[0] != "1.234" else amounts(tmp_path, "1.23", "12.5")
    assert sum(loaded.column("amount")) == Decimal(total)


@pytest.mark.parametrize(
    "texts",
    [
        ("1,234", "5,678"),
        ("1.234", "5.678"),
        ("1.234", "12,50"),
        ("1,234", "12.50"),
        ("1,234", "7"),
        ("12.5", "12,5"),
        ("1,234.50", "1.234,50"),
        ("1.234.567", "12.5"),
        ("$1.234",),
    ],
)
def test_a_column_that_can_be_read_in_two_ways_is_refused(tmp_path: Path, texts: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match="column 'amount'") as e:
        amounts(tmp_path, *texts)
    assert e.value.code == "ambiguous_number"
    assert "decimal:" in e.value.do


@pytest.mark.parametrize(("source", "total"), [({"decimal": ","}, "1246.50"), ({"thousands": "."}, "1246.50")])
def test_the_mapping_settles_it(tmp_path: Path, source: dict[str, str], total: str) -> None:
    assert sum(amounts(tmp_path, "1.234", "12,50", **source).column("amount")) == Decimal(total)


def test_the_column_speaks_before_the_source(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", "currency", amount={"column": "amount", "decimal": "."})
    loaded = load(tmp_path, "deal_id;amount;currency\n1;1.5;EUR\n", mapped, decimal=",")
    assert loaded.column("amount") == [Decimal("1.50")]


def test_texts_that_are_no_numbers_prove_nothing(tmp_path: Path) -> None:
    loaded = amounts(tmp_path, "n.a.", "v1,2", "12.5", "Dr. 5.")
    assert loaded.column("amount") == [Decimal("12.50")]
    assert {c for _, _, c in loaded.codes} == {"bad_number"}


def test_declared_thousands_are_the_only_ones(tmp_path: Path) -> None:
    loaded = amounts(tmp_path, "1 234,5", "1.234,5", decimal=",", thousands=" ")
    assert loaded.column("amount") == [Decimal("1234.50")]
    assert loaded.codes == [(2, "amount", "bad_number")]


def test_what_does_not_fit_the_type(tmp_path: Path) -> None:
    loaded = amounts(tmp_path, "0.005", "0.010", "1.50000", "9999999999999999.99", "10000000000000000", "1e15")
    assert loaded.column("amount") == [
        Decimal("0.01"),
        Decimal("1.50"),
        Decimal("9999999999999999.99"),
        Decimal(10**15),
    ]
    assert loaded.codes == [(1, "amount", "precision"), (5, "amount", "out_of_range")]


def test_integers(tmp_path: Path) -> None:
    texts = ["5", "5.0", "5.5", "-1", "999999999999999999", "1000000000000000000", "1e3", ""]
    content = "deal_id,employees\n" + "".join(f"{i},{t}\n" for i, t in enumerate(texts))
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "employees"))
    assert loaded.column("employees") == [5, 5, 999999999999999999, 1000, None]
    assert [(r, c) for r, _, c in loaded.codes] == [(3, "precision"), (4, "out_of_range"), (6, "out_of_range")]


def test_a_factor_is_exact(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", "currency", amount={"column": "cost_micros", "factor": "0.000001"})
    content = "deal_id,cost_micros,currency\n1,1230000,EUR\n2,9007199254740990000,EUR\n3,1234567,EUR\n"
    loaded = load(tmp_path, content, mapped)
    assert loaded.column("amount") == [Decimal("1.23"), Decimal("9007199254740.99")]
    assert loaded.codes == [(3, "amount", "precision")]


def test_a_number_with_fractions_may_have_a_least_value(tmp_path: Path) -> None:
    shares = Table("shares", "", "", "", ("id",), (Column("id", ID), Column("share", Type(Kind.NUMBER, 9, 6), low=0)))
    loaded = load(tmp_path, "id,share\n1,0.25\n2,-0.25\n3,0\n", mapping(shares, "id", "share"), tables=(shares,))
    assert loaded.column("share") == [Decimal("0.25"), Decimal("0")]
    assert loaded.codes == [(2, "share", "out_of_range")]


def test_a_number_of_fractions_alone(tmp_path: Path) -> None:
    rates = Table(
        "rates", "", "", "", ("id",), (Column("id", ID), Column("rate", Type(Kind.NUMBER, 4, 4)), Column("n", INTEGER))
    )
    loaded = load(tmp_path, "id,rate,n\n1,0.1234,1\n2,1.0,2\n", mapping(rates, "id", "rate", "n"), tables=(rates,))
    assert loaded.column("rate") == [Decimal("0.1234")]
    assert loaded.codes == [(2, "rate", "out_of_range")]


# --- currency --------------------------------------------------------------------------------------------------------
def test_the_currency_is_filled_from_what_is_said(tmp_path: Path) -> None:
    content = "deal_id,amount,cur\n1,5,usd\n2,6,\n"
    by_column = load(tmp_path, content, mapping(DEALS, "deal_id", "amount", _currency="cur"), currency="EUR")
    assert by_column.column("currency") == ["USD", "EUR"]
    by_code = load(tmp_path, content, mapping(DEALS, "deal_id", "amount", _currency="CHF"), currency="EUR")
    assert by_code.column("currency") == ["CHF", "CHF"]
    by_source = load(tmp_path, content, mapping(DEALS, "deal_id", "amount"), currency="EUR")
    assert by_source.column("currency") == ["EUR", "EUR"]
    assert "currency_assumed" not in by_source.warnings


def test_the_reporting_currency_is_taken_with_a_warning(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, "deal_id,amount\n1,5\n", mapping(DEALS, "deal_id", "amount"), settings=Settings(currency="SEK")
    )
    assert loaded.column("currency") == ["SEK"]
    assert loaded.warnings == {"currency_assumed"}


def test_money_without_its_currency_is_set_aside(tmp_path: Path) -> None:
    content = "deal_id,amount,currency\n1,5,eur\n2,6,\n3,,\n4,7,XQX\n"
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "amount", "currency"))
    assert [(r["deal_id"], r["currency"]) for r in loaded.rows] == [("1", "EUR"), ("3", None)]
    assert loaded.codes == [(2, "amount", "missing_currency"), (4, "currency", "unknown_currency")]


def test_signs_are_held_against_the_currency_of_their_row(tmp_path: Path) -> None:
    content = "deal_id,amount,currency\n1,$5.00,USD\n2,$6.00,EUR\n3,$7.00,\n"
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "amount", "currency"))
    assert [(r["amount"], r["currency"]) for r in loaded.rows] == [(Decimal(5), "USD")]
    assert loaded.codes == [(2, "amount", "mixed_currency"), (3, "amount", "bad_number")]
