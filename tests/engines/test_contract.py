"""Every engine that is tested gives every answer of the contract, and the contract holds what plans are made of."""

import pytest

from headwater.errors import EngineError, HeadwaterError, QueryError
from headwater.metrics.contract import SHEETS, Sheet, aggregates, grid, scalars, wrong
from headwater.metrics.contract.cases import sheet
from headwater.metrics.render import render
from headwater.model.plan import Scan
from headwater.store.engines.connecting import Engine, connect
from headwater.store.engines.driver import without_password


@pytest.mark.parametrize("one", SHEETS, ids=lambda s: f"{s.primitive}: {s.cases[0].condition}")
def test_an_engine_gives_the_answers_of_the_contract(engine: Engine, one: Sheet) -> None:
    assert wrong(one, engine.rows(render(one.relation, engine.spelling).text)) == ()


def test_the_contract_is_wide_enough() -> None:
    held = grid(SHEETS)
    assert sum(map(len, held.values())) >= 150
    assert all(len(set(conditions)) >= 1 for conditions in held.values())


def test_no_operation_and_no_aggregate_is_without_a_sheet() -> None:
    assert scalars.NOT_HELD == ()
    assert aggregates.NOT_HELD == ()


SILENTLY_WRONG = {
    "division of whole numbers gives 0": ("div", "whole numbers"),
    "a ratio without a denominator is infinite, or an error": ("div", "by zero"),
    "the sum of nothing is 0": ("sum", "all null is no zero"),
    "a date difference counts borders": ("seconds_between", "a border is no second"),
    "a last row's successor is 1970": ("lead", "last of a subject"),
    "a row without a match has 0 and ''": ("left join", "no match"),
    "a count of what was matched counts every row": (
        "left join", "a count of what was matched counts no row without a match",
    ),
    "a group without a key has the key ''": ("group", "a null key is a group"),
    "the deviation of one value is 0 or no number": ("stddev", "one value has none"),
    "money is summed in doubles": ("sum", "large and small"),
    "a mean of decimals loses places": ("mean", "thirds keep their places"),
    "months are clipped, last days are not moved": ("add_months", "a last day is no last day"),
    "the session's time zone moves days": ("as_day", "last microsecond"),
    "days before 1970 become 1970": ("trunc_month", "before 1970"),
    "the first row by date passes over empty values": ("first_by", "an empty value counts"),
    "empty values come first": ("sort", "null is last, going up"),
    "a name means the new column beside it": (
        "names", "a name is that of the column which is read, not of the new one beside it",
    ),
}  # fmt: skip
"""What engines and translators were seen to answer without a word, and the case that holds each."""


@pytest.mark.parametrize("seen", SILENTLY_WRONG)
def test_what_was_once_silently_wrong_is_held_by_name(seen: str) -> None:
    primitive, condition = SILENTLY_WRONG[seen]
    assert condition in grid(SHEETS)[primitive]


def test_a_wrong_answer_is_found() -> None:
    held = sheet("sum", Scan("t"), [("plain", 3), ("nothing", None), ("text", "a"), ("truth", True)])
    assert wrong(held, [(0, 3), (1, None), (2, "a"), (3, 1)]) == ()
    assert len(wrong(held, [(0, 3.1), (1, 0), (2, "b"), (3, False)])) == 4
    assert wrong(held, [(0, 3), (1, None), (2, "a"), (3, True), (3, True)])
    assert wrong(held, [(0, 3), (1, None), (2, "a")])
    assert wrong(held, [(0, 3), (1, None), (2, "a"), (3, True), (4, 1)])


def test_an_engine_that_refuses_says_so(engine: Engine) -> None:
    with pytest.raises(HeadwaterError, match="refused a statement"):
        engine.rows("SELECT nothing_of_that_name FROM nowhere")


@pytest.mark.parametrize("url", ["oracle://x", "", "sqlite:///x", "http://[x"])
def test_an_address_that_names_no_engine(url: str) -> None:
    with pytest.raises(QueryError) as caught:
        connect(url)
    assert caught.value.do


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(EngineError) as caught:
        connect("postgresql://reader:secret@127.0.0.1:1/kpi?connect_timeout=1")
    assert "secret" not in str(caught.value) + caught.value.where
    assert "reader" in caught.value.where
    assert without_password("duckdb") == "duckdb"
