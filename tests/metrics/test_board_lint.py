"""The second look at boards: each rule finds what it is for, and nothing on a board that has none of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metrics.board_lint import WHY, is_outcome, lint_board
from headwater.metrics.boards import read_boards
from headwater.model.board import FIRST, MOST, Board, Plot, Section, Tile
from tests.metrics.test_boards import CATALOGUE
from tests.metrics.test_shipped import SHIPPED

SOUND = ("total_sales_revenue", "win_rate", "sales_volume")
"""Revenue (an outcome, growth), a share (efficiency) and what it is a share of."""


def board(*kpis: str, id: str = "own", charts: int = 0) -> Board:
    charted = (Plot(("leads", "win_rate")),) * charts
    return Board(id, "Own", (), (Section(tuple(Tile(k) for k in kpis)),), charts=charted)


def found(made: Board, **gaps: str) -> list[tuple[str, str]]:
    return [(a.rule, a.what) for a in lint_board(made, CATALOGUE, gaps)]


def test_a_sound_board_gets_no_advice() -> None:
    assert found(board(*SOUND)) == []


@pytest.mark.parametrize(
    ("kpis", "rule", "names"),
    [
        ((*SOUND, "cac.same_period", "cpa"), "same_number", ("cac.same_period", "cpa")),
        ((*SOUND, "gross_margin", "profit_margin.gross", "gross_profit"), "same_number", ("gross_margin",)),
        ((*SOUND, "website_visits"), "vanity_alone", ("website_visits", "visitor_to_lead_rate")),
        (("total_sales_revenue", "sales_volume"), "no_efficiency", ("growth",)),
        (("leads", "lead_to_mql_rate"), "no_outcome", ("outcome",)),
        (("total_sales_revenue", "ctr"), "rate_alone", ("ctr", "impressions")),
        ((*SOUND, "win_rate.created_cohort", "opportunities_created"), "mixed_bases", ("period", "cohort")),
    ],
)
def test_each_rule_finds_what_it_is_for_alone(kpis: tuple[str, ...], rule: str, names: tuple[str, ...]) -> None:
    ((said, what),) = found(board(*kpis))
    assert said == rule
    for name in names:
        assert name in what


def test_what_stands_beside_it_answers_the_advice() -> None:
    assert found(board(*SOUND, "website_visits", "visitor_to_lead_rate", "leads")) == []
    assert found(board("total_sales_revenue", "ctr", "impressions", "social_engagement_rate")) != []
    assert ("rate_alone", "ctr") not in [(r, w.split("'")[1]) for r, w in found(board("ctr", "clicks", *SOUND))]


def test_a_gap_says_what_it_waits_for() -> None:
    assert found(board(*SOUND, "ltv_cac"), ltv_cac="the analysis 'lifetime'") == [
        ("gap", "'ltv_cac' cannot be computed here, it waits for the analysis 'lifetime'")
    ]
    assert found(board(*SOUND, "ltv_cac", id=FIRST), ltv_cac="the analysis 'lifetime'") == []


def test_one_kpi_of_different_rows_is_not_one_number() -> None:
    tiles = (*(Tile(k) for k in SOUND), Tile("sales_volume", "Of partners", "channel = 'partners'"))
    assert found(Board("own", "Own", (), (Section(tiles),))) == []


@given(st.integers(0, 20), st.integers(0, 4))
def test_more_than_twelve_are_too_many(tiles: int, charts: int) -> None:
    names = [n for n, k in CATALOGUE.kpis.items() if k.vanity == "low"][:tiles]
    rules = {rule for rule, _ in found(board(*SOUND, *(n for n in names if n not in SOUND), charts=charts))}
    shown = len({*SOUND, *names}) + charts
    assert ("too_many" in rules) == (shown > MOST)


def test_every_rule_says_why_and_the_shipped_boards_keep_them(tmp_path: Path) -> None:
    boards = read_boards(SHIPPED, tmp_path, CATALOGUE).boards
    assert {"acquisition", "customers", "money", "sales_team", "email", "search", "social"} <= set(boards)
    for made in boards.values():
        assert found(made) == [], made.id
        assert made.id == FIRST or len(made.every_tile) <= MOST
    for advice in lint_board(board("website_visits"), CATALOGUE, {}):
        assert advice.why == WHY[advice.rule]


@pytest.mark.parametrize(
    ("kpi", "told"),
    [
        ("total_sales_revenue", True),
        ("customer_churn_rate", True),
        ("marketing_sourced_revenue", True),
        ("marketing_spend", False),
        ("opex", False),
        ("leads", False),
        ("sql_source_mix", False),
        ("clicks", False),
    ],
)
def test_what_an_outcome_is(kpi: str, told: bool) -> None:
    assert is_outcome(CATALOGUE.kpis[kpi]) is told
