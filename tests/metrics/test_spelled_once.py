"""Pieces of statements that are spelled once: what is remembered is never taken for something else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from headwater.metrics import render as rendering
from headwater.metrics.render import render
from headwater.metrics.spellings import ENGINES
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scan
from headwater.model.types import MONEY

ALIKE: tuple[Lit, ...] = (
    Lit(1),
    Lit(True),
    Lit(Decimal("1")),
    Lit(Decimal("1.0")),
    Lit(Decimal("1"), MONEY),
    Lit(0),
    Lit(False),
    Lit(Decimal("-0")),
    Lit("1"),
    Lit(date(2025, 1, 1)),
    Lit(datetime(2025, 1, 1)),
    Lit("2025-01-01"),
    Lit(None),
    Lit(None, MONEY),
)
"""Literals many of which are equal to another one in Python, and none of which is written like another one."""


def spelled(literal: Lit) -> str:
    return render(Project(Scan("leads"), (Named("x", literal),))).text


@pytest.fixture(autouse=True)
def anew() -> None:
    rendering._words.cache_clear()


def test_literals_that_are_equal_in_python_are_written_as_what_they_are() -> None:
    alone = []
    for literal in ALIKE:
        rendering._words.cache_clear()
        alone.append(spelled(literal))
    assert len(set(alone)) == len(ALIKE)
    assert len(set(ALIKE)) == len(ALIKE)
    for order in ((*range(len(ALIKE)),), (*reversed(range(len(ALIKE))),)):
        rendering._words.cache_clear()
        for i in order:
            assert spelled(ALIKE[i]) == alone[i]


@pytest.mark.parametrize("order", [*permutations([Lit(1), Lit(True), Lit(Decimal("1")), Lit(Decimal("1.0"))])])
def test_a_condition_keeps_its_kind_of_one(order: tuple[Lit, ...]) -> None:
    written = {Lit(1): "1", Lit(True): "TRUE", Lit(Decimal("1")): "'1'", Lit(Decimal("1.0")): "'1.0'"}
    for literal in order:
        text = render(Project(Scan("leads"), (Named("n", Col("n")),), Op("eq", (Col("a"), literal)))).text
        assert f"a = {'CAST(' if written[literal][0] == chr(39) else ''}{written[literal]}" in text


def test_two_engines_do_not_share_what_they_spelled() -> None:
    day = Named("m", Op("add_months", (Col("day"), Lit(1))))
    total = NamedAgg("v", Agg("mean", Col("x"), Op("gt", (Col("x"), Lit(0)))))
    relation = Group(Project(Scan("leads"), (day, Named("x", Col("x")))), (Named("m", Col("m")),), (total,))
    alone = {}
    for engine in ENGINES:
        rendering._words.cache_clear()
        alone[engine] = render(relation, engine).text
    assert alone["duckdb"] != alone["postgres"]
    rendering._words.cache_clear()
    for engine in (*ENGINES, *reversed(ENGINES)):
        assert render(relation, engine).text == alone[engine]


def test_a_piece_stands_the_same_in_every_place() -> None:
    """What was spelled for one statement, at another depth and beside other columns, is what it is in the next."""
    long = Op(
        "or", tuple(Op("eq", (Col(f"a_column_with_a_name_of_its_own_{i}"), Lit(f"it's\nnew {i}"))) for i in range(9))
    )
    one, other = Named("one", Op("case", (long, Lit(1), Lit(2)))), Named("other", Col("other", "left"))
    inner = Project(Scan("leads"), (one, Named("other", Col("other"))), long)
    asked: tuple[Relation, ...] = (
        inner,
        Project(inner, (Named("one", Col("one")), one), long),
        Project(Join(inner, Scan("accounts"), "left", long), (other, one)),
        Group(inner, (one,), (NamedAgg("n", Agg("count_rows", where=long)),), long),
        Project(Join(inner, inner, "semi", long), (one,), long),
    )
    alone = []
    for relation in asked:
        rendering._words.cache_clear()
        alone.append(render(relation).text)
    rendering._words.cache_clear()
    assert [render(r).text for r in asked] == alone
    assert [render(r).text for r in reversed(asked)] == alone[::-1]
    assert "it''s\nnew 3" in alone[1]


def test_what_is_remembered_has_a_bound() -> None:
    kept = rendering._Spelled(most=100)
    for i in range(50):
        piece = Named(f"n{i}", Lit(i))
        kept.keep(piece, "x" * 30)
        assert kept.get(piece) == "x" * 30
        assert kept._characters <= 100
    assert kept.get(Named("n0", Lit(0))) is None


def test_a_type_is_part_of_a_literal() -> None:
    assert Lit(None, MONEY) != Lit(None) and Lit(1, MONEY) != Lit(1)
    assert Lit(1) != 1 and Lit(Decimal("2.50"), MONEY) == Lit(Decimal("2.50"), MONEY)
