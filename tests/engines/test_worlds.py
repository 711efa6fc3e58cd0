"""Whole plans on every tested engine: clocks, bases, windows, splits, calendars and currencies of the tiny world, the
rows equal to those of the default engine, whose answers other tests hold by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from headwater.metrics.planner import Plan
from headwater.metrics.render import render
from headwater.model.measure import EVER, Alive, At, Lag, Latest, Limit, Reached, Span
from headwater.model.period import Calendar, Grain, Period
from headwater.model.plan import Relation, Values
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, stored_columns
from headwater.store.engines.connecting import Engine
from headwater.store.engines.view import View
from tests.engines import small
from tests.metrics.tiny import TABLES, World, measure, world

D, T = date, datetime
CREATED, WON = At("created_at"), At("won_at")


def deal(
    name: str, account: str | None, channel: str | None, created: object, won: object, amount: str, currency: str
) -> dict[str, object]:
    return {
        "deal_id": name, "account_id": account, "channel": channel, "created_at": created, "won_at": won,
        "closed_at": won, "amount": Decimal(amount), "currency": currency, "stage": "won" if won else "demo",
    }  # fmt: skip


DEALS = [
    deal("a", "A", "email", T(2024, 2, 29, 23, 59, 59), T(2024, 3, 31, 1, 30), "100.10", "EUR"),
    deal("b", "B", "web", D(2024, 3, 1), D(2024, 2, 20), "50", "USD"),  # won before it was created
    deal("c", "B", None, T(2024, 10, 27, 0, 30), None, "70.25", "EUR"),
    deal("d", "A", "email", T(2024, 12, 30, 12), D(2025, 1, 4), "-30", "USD"),
    deal("e", None, "", D(2025, 1, 4), T(2025, 3, 30, 2), "0.01", "GBP"),
    deal("f", "C", "web", T(2025, 3, 30, 0, 59, 59), T(2025, 3, 30, 1, 0, 1), "9999999999.99", "EUR"),
    deal("g", "C", "it's", D(2025, 6, 30), D(2025, 6, 30), "10", "EUR"),
]
VERSIONS = [
    {**DEALS[0], "_valid_from": T(2024, 2, 29), "_valid_to": T(2024, 3, 15), "amount": Decimal(80)},
    {**DEALS[0], "_valid_from": T(2024, 3, 15), "_valid_to": None},
    {**DEALS[2], "_valid_from": T(2024, 10, 27), "_valid_to": None},
]
ROWS: dict[str, list[dict[str, object]]] = {
    "deals": DEALS,
    "deals" + VERSIONS_SUFFIX: VERSIONS,
    "accounts": [
        {"account_id": "A", "industry": "tech", "renewed_at": T(2025, 1, 1)},
        {"account_id": "B", "industry": None, "renewed_at": None},
    ],
    "profiles": [
        {"profile": "x", "day": D(2025, 1, 10), "followers": 100},
        {"profile": "x", "day": D(2025, 1, 30), "followers": 110},
        {"profile": "y", "day": D(2025, 2, 10), "followers": 7},
    ],
    "exchange_rates": [
        {"currency": "USD", "day": D(2024, 2, 20), "rate": Decimal("0.92")},
        {"currency": "USD", "day": D(2025, 1, 3), "rate": Decimal("0.97")},
    ],
    "mails": [],
}
MEASURES = [
    measure("deals", clock=CREATED),
    measure("won", clock=WON),
    measure("revenue", "sum", "amount", unit="money", clock=WON),
    measure("accounts_won", "count_distinct", "account_id", clock=WON, unit="account"),
    measure("channels", "count_distinct", "channel", clock=CREATED, unit="channel"),
    measure("big", clock=CREATED, where="amount >= 70"),
    measure("odd", clock=CREATED, where='channel in ("web", "it\'s") or channel is empty'),
    measure("open", clock=Alive("created_at", "closed_at")),
    measure("pipeline", "sum", "amount", unit="money", clock=Alive("created_at", "closed_at")),
    measure("ever", clock=Reached("created_at", "won_at", EVER)),
    measure("in_20", clock=Reached("created_at", "won_at", Span(20, "day"))),
    measure("ripe", clock=Reached("created_at", "won_at", EVER, "p95")),
    measure("cycle", "mean", "days(created_at, won_at)", unit="day", clock=WON, empty=None),
    measure("middle", "median", "days(created_at, won_at)", unit="day", clock=WON, empty=None),
    measure("seconds", "median", "seconds(created_at, won_at)", unit="second", clock=WON, empty=None),
    measure("late", "quantile", "days(created_at, won_at)", unit="day", clock=WON, empty=None, quantile=0.9),
    measure("until_won", "median", "days(created_at, won_at)", unit="day", empty=None, unfinished="waiting",
            clock=Reached("created_at", "won_at", EVER)),
    measure("won_share", "share", unit="1", empty=None, unfinished="waiting",
            clock=Reached("created_at", "won_at", Span(20, "day"))),
    measure("mean_of_accounts", "mean", "days(created_at, won_at)", "account_id is not empty", "day", clock=WON,
            empty=None, per="account_id"),
    measure("later", "sum", "amount", unit="money", clock=CREATED, empty=None, lag=Lag("middle", Span(24, "month"))),
    measure("spread", "sum", "amount", unit="money", clock=CREATED, empty=None,
            lag=Lag("middle", Span(24, "month"), spread=True)),
    measure("long_open", clock=Alive("created_at", "closed_at"), limit=Limit("seconds", ("currency",))),
    measure("judged", clock=Alive("created_at", "closed_at"), limit=Limit("seconds", ("currency",), "judged")),
    measure("greatest", "max", "amount", unit="money", clock=WON, empty=None),
    measure("followers", "sum", "followers", table="profiles", unit="follower", empty=None,
            clock=Latest("day", ("profile",), Span(40, "day"))),
]  # fmt: skip
ALL = tuple(m.id for m in MEASURES)
YEARS = Period(D(2024, 1, 1), D(2026, 1, 1))
QUESTIONS: dict[str, dict[str, Any]] = {
    "no period": {},
    "as of a day in between": {"as_of": D(2025, 1, 1)},
    "by day": {"period": Period(D(2025, 3, 28), D(2025, 4, 2)), "grain": Grain.DAY},
    "by week": {"period": Period(D(2024, 12, 23), D(2025, 1, 13)), "grain": Grain.WEEK},
    "by month": {"period": YEARS, "grain": Grain.MONTH},
    "by quarter": {"period": YEARS, "grain": Grain.QUARTER},
    "by year": {"period": YEARS, "grain": Grain.YEAR},
    "by a fiscal quarter from February": {"period": YEARS, "grain": Grain.QUARTER,
        "settings": Settings(calendar=Calendar(2))},
    "by a 4-4-5 month": {"period": Period(D(2024, 1, 1), D(2024, 12, 30)), "grain": Grain.MONTH,
        "settings": Settings(calendar=Calendar(1, "445"))},
    "filtered": {"filter": 'channel = "web" or channel is empty'},
    "filtered by a hostile text": {"filter": "channel = \"it's\""},
    "of nothing": {"filter": 'channel = "no such"', "period": YEARS, "grain": Grain.QUARTER},
}  # fmt: skip
SPLITS: tuple[tuple[str, ...], ...] = ((), ("channel",), ("industry",), ("channel", "industry"))
SPLIT = tuple(m.id for m in MEASURES if m.table == "deals")


@pytest.fixture(scope="module")
def tiny() -> World:
    return world(MEASURES, ROWS, {"deals": D(2025, 12, 31)})


@pytest.fixture(scope="module")
def asked(
    tiny: World, engine: Engine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], list[Any]]]:
    """Asks the engine with the tiny world's tables in it."""
    if engine.spelling == "duckdb":
        yield lambda text: tiny.connection.execute(text).fetchall()
    elif engine.spelling == "postgres":
        with in_postgres(tiny, request.getfixturevalue("postgres_url")):
            yield engine.rows
    else:
        other = engine.another()
        other.attach(views(tiny, tmp_path_factory.mktemp("tiny")))
        with small.in_held_files(other):
            yield other.rows
        other.close()


@contextmanager
def in_postgres(tiny: World, url: str) -> Iterator[None]:
    from adbc_driver_postgresql import dbapi

    made = {name: render(values, "postgres").text for name, values in tables(tiny).items()}
    with dbapi.connect(url, autocommit=True) as owner:
        with owner.cursor() as cursor:
            for name, text in made.items():
                cursor.execute(f"create table {name} as {text}")
        yield
        with owner.cursor() as cursor:
            for name in made:
                cursor.execute(f"drop table {name}")


def views(tiny: World, folder: Path) -> dict[str, View]:
    """The stored tables of the world as files, each in two parts; those without rows as nothing."""
    found = {}
    for name, table in tables(tiny).items():
        names = ", ".join(f'"{c}"' for c, _ in table.columns)
        rows = tiny.connection.sql(f'select {names} from "{name}"')
        files = []
        for number, part in enumerate((rows.limit(1), rows.limit(1 << 40, 1))):
            if len(part):
                files.append(folder / f"{name}-{number}.parquet")
                part.write_parquet(str(files[-1]))
        found[name] = View(table.columns, tuple(files))
    return found


def tables(tiny: World) -> dict[str, Values]:
    """The stored tables of the world, as values."""
    found = {}
    for table in TABLES.values():
        for name in (table.id, table.id + VERSIONS_SUFFIX) if table.versions else (table.id,):
            columns = stored_columns(replace(table, id=name))
            names = ", ".join(f'"{c}"' for c, _ in columns)
            rows = tiny.connection.execute(f'select {names} from "{name}"').fetchall()
            found[name] = Values(columns, tuple(rows))
    return found


@pytest.fixture(scope="module")
def expected(tiny: World) -> Callable[[str, tuple[str, ...]], list[tuple[Relation, list[str]]]]:
    """The relations of a question and the rows that the default engine gives, worked out once for all engines."""

    @cache
    def answer(name: str, by: tuple[str, ...]) -> list[tuple[Relation, list[str]]]:
        relations = [b.relation for b in planned(tiny, dict(QUESTIONS[name]) | ({"by": by} if by else {})).blocks]
        return [(one, written(tiny.connection.execute(render(one).text).fetchall())) for one in relations]

    return answer


def planned(tiny: World, question: dict[str, Any]) -> Plan:
    measures = SPLIT if question.get("by") or question.get("filter") else ALL
    return tiny.plan(*measures, **question)


def plain(value: Any) -> Any:
    """A value as every engine may give it: numbers alike, times without a zone."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        return float(f"{float(value):.12g}")  # the last digits of a double depend on the order of adding
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def written(rows: list[Any]) -> list[str]:
    return sorted(repr([plain(v) for v in row]) for row in rows)


@pytest.mark.parametrize("by", SPLITS, ids="+".join)
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_plan_gives_the_same_rows_everywhere(
    engine: Engine,
    asked: Callable[[str], list[Any]],
    expected: Callable[[str, tuple[str, ...]], list[tuple[Relation, list[str]]]],
    name: str,
    by: tuple[str, ...],
) -> None:
    found = 0
    for relation, here in expected(name, by):
        assert written(asked(render(relation, engine.spelling).text)) == here
        found += len(here)
    assert found or name == "of nothing"
