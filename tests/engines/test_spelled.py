"""What no test runs is read: every statement of the contract parses in its engine's dialect, or is refused by name."""

import runpy
from pathlib import Path

import pytest
import sqlglot
from adbc_driver_postgresql import dbapi
from sqlglot import exp

from headwater.errors import QueryError
from headwater.metrics.contract import SHEETS
from headwater.metrics.render import render
from headwater.metrics.spellings import ENGINES, spelling_of
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Relation, Scan, Values
from headwater.model.types import DAY, INTEGER

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFUSED = {
    "bigquery": {"first_by", "last_by", "median", "quantile", "running sum"},
    "redshift": {"bits", "count_bits", "first_by", "last_by"},
    "snowflake": {"bits", "count_bits", "first_by", "last_by"},
    "trino": {"median", "quantile"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_statement_is_one_of_its_dialect_or_refused(engine: str) -> None:
    refused = set()
    for sheet in SHEETS:
        try:
            text = render(sheet.relation, engine).text
        except QueryError as error:
            assert engine in error.what and error.do
            refused.add(sheet.primitive)
            continue
        (tree,) = sqlglot.parse(text, read=spelling_of(engine).dialect)
        assert isinstance(tree, exp.Query)
    assert refused == REFUSED.get(engine, set())


STATEMENTS: dict[str, Relation] = {
    "a ratio": Project(Scan("deals"), (Named("v", Op("div", (Col("won"), Col("all")))),)),
    "the week": Project(Scan("deals"), (Named("v", Op("trunc_week", (Col("day"),))),)),
    "a month later": Project(Scan("deals"), (Named("v", Op("add_months", (Col("day"), Lit(1)))),)),
    "a median of some": Group(
        Scan("deals"), (Named("channel", Col("channel")),), (NamedAgg("v", Agg("median", Col("x"), Col("won"))),)
    ),
    "a row a day": Values((("n", INTEGER), ("day", DAY)), ((1, None),)),
}
WRITTEN = {
    "bigquery": {
        "a ratio": "SELECT CAST(`won` AS FLOAT64) / NULLIF(CAST(`all` AS FLOAT64), 0) AS `v` FROM `deals`",
        "the week": "SELECT DATE_TRUNC(`day`, ISOWEEK) AS `v` FROM `deals`",
        "a month later": "SELECT DATE_ADD(`day`, INTERVAL 1 MONTH) AS `v` FROM `deals`",
        "a row a day": "SELECT CAST(1 AS INT64) AS `n`, CAST(NULL AS DATE) AS `day`",
    },
    "databricks": {
        "a ratio": "SELECT CAST(won AS DOUBLE) / NULLIF(CAST(all AS DOUBLE), 0) AS v FROM deals",
        "the week": "SELECT TRUNC(day, 'WEEK') AS v FROM deals",
        "a month later": "SELECT ADD_MONTHS(day, CAST(1 AS INT)) AS v FROM deals",
        "a median of some": "SELECT channel, PERCENTILE(CAST(x AS DOUBLE), 0.5) FILTER(WHERE won) AS v "
        "FROM deals GROUP BY 1",
    },
    "redshift": {
        "a ratio": 'SELECT CAST("won" AS DOUBLE PRECISION) / NULLIF(CAST("all" AS DOUBLE PRECISION), 0) AS "v" '
        'FROM "deals"',
        "the week": 'SELECT CAST(DATE_TRUNC(\'week\', CAST("day" AS TIMESTAMP)) AS DATE) AS "v" FROM "deals"',
        "a month later": 'SELECT CAST(DATEADD(MONTH, 1, "day") AS DATE) AS "v" FROM "deals"',
        "a median of some": 'SELECT "channel", PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN "won" THEN '
        'CAST("x" AS DOUBLE PRECISION) END) AS "v" FROM "deals" GROUP BY 1',
    },
    "snowflake": {
        "a ratio": 'SELECT CAST("won" AS DOUBLE) / NULLIF(CAST("all" AS DOUBLE), 0) AS "v" FROM "deals"',
        "the week": 'SELECT DATEADD(DAY, 1 - DAYOFWEEKISO("day"), "day") AS "v" FROM "deals"',
        "a month later": 'SELECT DATEADD(MONTH, 1, "day") AS "v" FROM "deals"',
        "a median of some": 'SELECT "channel", PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN "won" THEN '
        'CAST("x" AS DOUBLE) END) AS "v" FROM "deals" GROUP BY 1',
    },
    "trino": {
        "a ratio": 'SELECT CAST("won" AS DOUBLE) / NULLIF(CAST("all" AS DOUBLE), 0) AS "v" FROM "deals"',
        "the week": 'SELECT DATE_TRUNC(\'week\', "day") AS "v" FROM "deals"',
        "a month later": 'SELECT DATE_ADD(\'month\', 1, "day") AS "v" FROM "deals"',
    },
}
"""What engines that no test runs are told, held against their documentation by eye when it was written here."""


@pytest.mark.parametrize("engine", WRITTEN)
def test_statements_for_engines_that_are_only_spelled(engine: str) -> None:
    for name, text in WRITTEN[engine].items():
        assert " ".join(render(STATEMENTS[name], engine).text.split()) == text


def test_reserved_words_of_postgres_are_those_of_the_engine(postgres_url: str) -> None:
    with dbapi.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("select word from pg_get_keywords() where catcode in ('R', 'T')")
        words = {row[0] for row in cursor.fetchall()}
    assert words - spelling_of("postgres").reserved == set()


def test_the_page_of_the_engines_is_the_one_its_program_writes() -> None:
    page = runpy.run_path(str(DOCS / "generate_engines.py"))["page"]()
    assert (DOCS / "engines.md").read_text(encoding="utf-8") == page, "run python docs/generate_engines.py"
