"""A relation made lean has the same rows in the columns that are asked for, whatever it is made of."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest

from headwater.build.algebra import choose, columns, matched, present, where, within
from headwater.build.lean import lean
from headwater.metrics.render import render
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Over,
    Project,
    Relation,
    Scan,
    Shared,
    Sort,
    Union,
    columns_of,
)

LEADS, DEALS = Scan("leads"), Scan("deals")
WIDE = Project(
    LEADS,
    (
        *columns(("id", "company")),
        Named("doubled", Op("mul", (Col("score"), Lit(2)))),
        Named("place", Over("row_number", (Col("company"),), (Order(Col("score")), Order(Col("id"))))),
        Named("rank", Over("sum", (), (), Col("score"))),
    ),
    present(Col("company")),
)
JOINED = Project(
    Join(WIDE, DEALS, "left", matched((("company", "firm"),))),
    (*columns(("id", "doubled", "place"), "left"), *columns(("firm", "amount"), "right")),
)
RELATIONS: dict[str, Relation] = {
    "project": WIDE,
    "beside all": Project(WIDE, (Named("more", Op("add", (Col("doubled"), Col("rank")))),), keep_all=True),
    "filtered": where(WIDE, Op("gt", (Col("rank"), Col("doubled")))),
    "join": JOINED,
    "semi": within(WIDE, Project(DEALS, (Named("company", Col("firm")),)), ("company",), ("id", "place", "rank")),
    "group": Group(
        JOINED,
        (Named("firm", Col("firm")),),
        (
            NamedAgg("most", Agg("max", Col("amount"))),
            NamedAgg("n", Agg("count_rows")),
            NamedAgg(
                "first", Agg("first_by", Col("id"), where=present(Col("amount")), order=(Col("place"), Col("id")))
            ),
        ),
        Op("gt", (Col("n"), Lit(0))),
    ),
    "total": Group(WIDE, (), (NamedAgg("n", Agg("count_rows")), NamedAgg("sum", Agg("sum", Col("doubled"))))),
    "sorted": Sort(WIDE, (Order(Col("rank")), Order(Col("place"), descending=True), Order(Col("id"))), limit=3),
    "union": Union((choose(WIDE, ("id", "doubled", "rank")), choose(WIDE, ("id", "doubled", "rank")))),
    "union of all": Project(Union((where(LEADS, present(Col("score"))), LEADS)), columns(("id", "score"))),
    "shared": Project(
        Join(Shared("once", WIDE), Shared("once", WIDE), "inner", matched((("id", "id"),))),
        (Named("id", Col("id", "left")), Named("place", Col("place", "right")), Named("rank", Col("rank", "left"))),
    ),
}


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(
        "create table leads as from (values (1, 'a', 5), (2, 'a', 3), (3, 'b', 1), (4, null, 9), (5, 'c', 2))"
        " t(id, company, score)"
    )
    made.execute("create table deals as from (values ('a', 10), ('b', 20)) t(firm, amount)")
    return made


def rows(engine: duckdb.DuckDBPyConnection, relation: Relation, name: str) -> Counter[object]:
    return Counter(engine.execute(render(choose(relation, (name,))).text).fetchall())


@pytest.mark.parametrize("kind", RELATIONS)
def test_each_column_alone_is_the_same(engine: duckdb.DuckDBPyConnection, kind: str) -> None:
    relation = RELATIONS[kind]
    assert columns_of(relation)
    for name in columns_of(relation):
        assert rows(engine, lean(relation, (name,)), name) == rows(engine, relation, name)


@pytest.mark.parametrize("kind", RELATIONS)
def test_rows_that_are_only_counted_are_as_many(engine: duckdb.DuckDBPyConnection, kind: str) -> None:
    def number(relation: Relation) -> object:
        return engine.execute(render(Group(relation, (), (NamedAgg("n", Agg("count_rows")),))).text).fetchall()

    assert number(lean(RELATIONS[kind], ())) == number(RELATIONS[kind])


def test_what_nobody_asks_for_is_not_made() -> None:
    text = render(choose(lean(JOINED, ("id",)), ("id",))).text
    assert "amount" not in text and "ROW_NUMBER" not in text and "* 2" not in text
    assert all(word in render(choose(JOINED, ("id",))).text for word in ("amount", "ROW_NUMBER", "* 2"))
