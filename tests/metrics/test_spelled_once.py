"""Pieces of statements that are spelled once: what is remembered is never taken for something else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metrics import render as rendering
from headwater.metrics.render import render
from headwater.metrics.spellings import ENGINES, writing
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scan, Values
from headwater.model.types import DAY, INTEGER, MONEY

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
    forget()


def forget() -> None:
    """Nothing was spelled yet."""
    writing.words.cache_clear()
    rendering._forms.cache_clear()


def test_literals_that_are_equal_in_python_are_written_as_what_they_are() -> None:
    alone = []
    for literal in ALIKE:
        forget()
        alone.append(spelled(literal))
    assert len(set(alone)) == len(ALIKE)
    assert len(set(ALIKE)) == len(ALIKE)
    for order in ((*range(len(ALIKE)),), (*reversed(range(len(ALIKE))),)):
        forget()
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
        forget()
        alone[engine] = render(relation, engine).text
    assert alone["duckdb"] != alone["postgres"]
    forget()
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
        forget()
        alone.append(render(relation).text)
    forget()
    assert [render(r).text for r in asked] == alone
    assert [render(r).text for r in reversed(asked)] == alone[::-1]
    assert "it''s\nnew 3" in alone[1]


def test_what_is_remembered_has_a_bound() -> None:
    kept = writing.Pieces(most=100)
    for i in range(50):
        piece = Named(f"n{i}", Lit(i))
        kept.keep(piece, "x" * 30)
        assert kept.get(piece) == "x" * 30
        assert kept._characters <= 100
    assert kept.get(Named("n0", Lit(0))) is None


def test_a_type_is_part_of_a_literal() -> None:
    assert Lit(None, MONEY) != Lit(None) and Lit(1, MONEY) != Lit(1)
    assert Lit(1) != 1 and Lit(Decimal("2.50"), MONEY) == Lit(Decimal("2.50"), MONEY)


def asked(days: tuple[date, date, date], word: str = "email") -> Relation:
    """Rows of some days by window, as the planner asks for them."""
    windows = Values((("_w", INTEGER), ("_w_end", DAY)), tuple(enumerate(days)))
    kept = Project(Scan("leads"), (Named("day", Col("day")),), Op("eq", (Col("channel"), Lit(word))))
    inside = Op("and", (Op("lt", (Col("day", "left"), Col("_w_end", "right"))), Op("ge", (Col("day"), Lit(days[0])))))
    rows = Project(Join(kept, windows, "inner", inside, unique=False), (Named("_w", Col("_w", "right")),))
    return Group(
        rows,
        (Named("_w", Col("_w")),),
        (NamedAgg("n", Agg("count_rows", where=Op("lt", (Lit(days[2]), Lit(days[1]))))),),
    )


@given(st.lists(st.tuples(*[st.dates(date(1900, 1, 1), date(2200, 1, 1))] * 3), min_size=1, max_size=8), st.booleans())
def test_other_days_in_a_form_give_the_text_they_have_alone(asks: list[tuple[date, date, date]], same: bool) -> None:
    """Also where two of them are the same day, and where a word looks like a day that stands for another."""
    for days in [*asks, *((d, d, d) for d, _, _ in asks if same)]:
        for word in ("email", "9000-01-01", days[0].isoformat()):
            relation = asked(days, word)
            assert render(relation).text == writing.writer("duckdb").text(relation)


def test_the_second_question_that_differs_in_its_days_alone_is_not_spelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    render(asked((date(2025, 2, 1), date(2025, 2, 2), date(2025, 2, 3))))
    monkeypatch.setattr(writing, "writer", None)
    assert "'2025-03-02'" in render(asked((date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3)))).text


@pytest.mark.parametrize("other", [datetime(9999, 1, 1), "9999-12-31", "9000-13-99", "9000-01-01"])
def test_what_looks_like_a_day_of_a_form_stays_as_it_is(other: datetime | str) -> None:
    """The end of all time is written into statements, and a question may hold any text."""

    def relation(day: date) -> Relation:
        return Project(Scan("leads"), (Named("day", Lit(day)), Named("other", Lit(other))))

    texts = [render(relation(date(2025, 1, n))).text for n in range(1, 6)]
    assert [text.replace(f"2025-01-0{n}", "DAY") for n, text in enumerate(texts, 1)] == [
        texts[0].replace("2025-01-01", "DAY")
    ] * 5
    assert all(str(other)[:10] in text for text in texts)
