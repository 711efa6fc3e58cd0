"""Conditions and row values held against columns: what fits, what does not, and what is said of it."""

from datetime import date
from decimal import Decimal

import pytest

from headwater.metrics.kinds import check_predicate, check_row_value, split_columns
from headwater.metrics.language import parse_predicate, parse_row_value
from headwater.model.expression import And, Between, ColumnName, Compare, Constant, In
from headwater.model.table import Column, LinkedSplit, Table
from headwater.model.types import BOOLEAN, DAY, ID, INTEGER, MONEY, NUMBER, TEXT, TIME, Unit

COLUMNS = {
    c.id: c
    for c in (
        Column("lead_id", ID),
        Column("channel", TEXT),
        Column("stage", TEXT, values=("open", "won", "lost")),
        Column("clicks", INTEGER, unit="click"),
        Column("seats", INTEGER, unit="seat"),
        Column("pages", INTEGER),
        Column("rate", NUMBER),
        Column("amount", MONEY, currency="currency"),
        Column("currency", TEXT),
        Column("created_at", TIME),
        Column("due", DAY),
        Column("active", BOOLEAN),
    )
}


def problems(text: str) -> list[str]:
    return [str(p) for p in check_predicate(parse_predicate(text), COLUMNS, "the table 'leads'")[1]]


@pytest.mark.parametrize(
    "text",
    [
        "channel = 'ads' and stage in ('open', 'won')",
        "lead_id = '17' or lead_id = channel",
        "clicks > 3 and rate between 0 and 1.5",
        "amount > 0 and amount > rate and amount between 1 and clicks",
        "active and not active = false",
        "created_at is empty and due is not empty",
        "due < created_at and days(created_at, due) <= 7",
        "if(active, clicks, 0) > 2",
        "amount / clicks > 3 and amount / amount > 1",
        "if(active, amount, 0) > 5 and if(active, due, created_at) > '2025-01-01'",
    ],
)
def test_what_fits(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("chanel = 'ads'", "the table 'leads' has no column 'chanel'. Did you mean 'channel'?"),
        ("days(creatd_at, due) > 1", "the table 'leads' has no column 'creatd_at'. Did you mean 'created_at'?"),
        ("channel", "'channel' is a text, not true or false. Compare it with something."),
        ("clicks = 'many'", "clicks is a whole number and cannot be compared with 'many', a text"),
        ("channel = 3", "channel is a text and cannot be compared with 3, a whole number"),
        ("active = 1", "active is true or false and cannot be compared with 1, a whole number"),
        ("amount = created_at", "amount is money and cannot be compared with created_at, a time"),
        ("channel > 'a'", "channel is a text, which has no order. Use =, != or in (...)."),
        ("active < true", "active is true or false, which has no order. Use =, != or in (...)."),
        ("channel between 'a' and 'b'", "channel is a text, which has no order. Use =, != or in (...)."),
        ("1 = 1", "1 is compared with 1. Name a column."),
        ("'a' in ('a')", "'a' is compared with 'a'. Name a column."),
        ("stage = 'wonn'", "'stage' is never 'wonn'. Did you mean 'won'?"),
        ("stage in ('open', 'x')", "'stage' is never 'x'. Its values are open, won, lost."),
        ("due > '2025-02-30'", "'2025-02-30' is compared with the date due and is no date. Write it as '2025-01-31'."),
        ("due > 'soon'", "'soon' is compared with the date due and is no date. Write it as '2025-01-31'."),
        ("due > 20250131", "due is a date and cannot be compared with 20250131, a whole number"),
        ("channel + 1 > 2", "channel is a text; '+' needs numbers"),
        ("due - created_at > 2", "due is a date; '-' needs numbers. Use days(a, b) for time between dates."),
        ("days(channel, due) > 2", "'days' counts from date to date, and 'channel' is a text"),
        ("amount + clicks > 2", "amount, money, and clicks, a whole number in click, cannot be added or subtracted"),
        ("amount + 1 > 2", "amount, money, and 1, a whole number, cannot be added or subtracted"),
        (
            "clicks + seats > 2",
            "clicks, a whole number in click, and seats, a whole number in seat, cannot be added or subtracted",
        ),
        ("clicks > seats", "clicks in click is compared with seats in seat"),
        ("amount * amount > 2", "amount and amount are both money. Multiply by a number."),
        ("1 / amount > 2", "1 is divided by money, amount"),
        ("if(active, amount, clicks) > 2", "'if' chooses between amount, money, and clicks, a whole number in click"),
        ("if(channel, 1, 2) > 1", "'channel' is a text, not true or false. Compare it with something."),
    ],
)
def test_what_does_not_fit(text: str, what: str) -> None:
    assert what in problems(text)


def test_every_problem_is_told() -> None:
    assert len(problems("chanel = 'a' and clicks = 'b' or not stage = 'c'")) == 3


def test_texts_beside_dates_become_dates() -> None:
    predicate, found = check_predicate(
        parse_predicate(
            "created_at > '2025-01-31' and due in ('2025-01-01') and '2025-02-01' <= due"
            " and due between '2025-01-01' and created_at and channel = '2025-01-31'"
        ),
        COLUMNS,
        "the table 'leads'",
    )
    assert not found
    assert predicate == And(
        (
            Compare(">", ColumnName("created_at"), Constant(date(2025, 1, 31))),
            In(ColumnName("due"), (Constant(date(2025, 1, 1)),)),
            Compare("<=", Constant(date(2025, 2, 1)), ColumnName("due")),
            Between(ColumnName("due"), Constant(date(2025, 1, 1)), ColumnName("created_at")),
            Compare("=", ColumnName("channel"), Constant("2025-01-31")),
        )
    )


@pytest.mark.parametrize(
    ("text", "kind", "unit"),
    [
        ("clicks", "integer", "click"),
        ("pages", "integer", None),
        ("amount", "money", "money"),
        ("channel", "text", None),
        ("clicks + 1", "integer", "click"),
        ("clicks + pages", "integer", "click"),
        ("clicks * 2", "integer", "click"),
        ("clicks / 2", "number", "click"),
        ("amount * rate", "money", None),
        ("amount * 0.5", "money", "money"),
        ("amount / clicks", "money", "money/click"),
        ("amount / amount", "number", "1"),
        ("seconds(created_at, due)", "integer", "second"),
        ("days(created_at, due)", "number", "day"),
        ("if(active, 1, 0)", "integer", None),
        ("if(active, amount)", "money", "money"),
        ("if(active, 0, amount)", "money", "money"),
        ("if(active, days(created_at, due), 0)", "number", "day"),
    ],
)
def test_kind_and_unit_of_a_row_value(text: str, kind: str, unit: str | None) -> None:
    typed, found = check_row_value(parse_row_value(text), COLUMNS, "the table 'leads'")
    assert not found
    assert typed is not None
    assert (typed.kind, typed.unit) == (kind, Unit.parse(unit) if unit is not None else None)


def test_a_constant_keeps_its_value() -> None:
    predicate, _ = check_predicate(parse_predicate("rate = 1.50"), COLUMNS, "x")
    assert predicate == Compare("=", ColumnName("rate"), Constant(Decimal("1.50")))


def test_splits_as_columns_have_the_type_they_have_where_they_are_reached() -> None:
    accounts = Table(
        "accounts", "", "", "account", ("account_id",), (Column("account_id", ID), Column("staff", INTEGER))
    )
    leads = Table(
        "leads", "", "", "lead", ("lead_id",), (Column("lead_id", ID), Column("channel", TEXT), Column("age", INTEGER)),
        splits_was=("channel",), splits_is=(LinkedSplit("account_staff", "accounts", "account_id", "staff"),),
    )  # fmt: skip
    columns = split_columns(leads, {"accounts": accounts, "leads": leads})
    assert {name: c.type for name, c in columns.items()} == {"channel": TEXT, "account_staff": INTEGER}
    _, found = check_predicate(parse_predicate("account_staff > 'many' and age = 1"), columns, "this question")
    assert [str(p) for p in found] == [
        "account_staff is a whole number and cannot be compared with 'many', a text",
        "this question has no column 'age'",
    ]
