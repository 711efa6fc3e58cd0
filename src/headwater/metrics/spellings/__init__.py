"""How each engine spells what engines do not say alike: one file an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.errors import QueryError, nearest

if TYPE_CHECKING:
    from headwater.metrics.spellings.spelling import Spelling

ENGINES = (
    "duckdb", "postgres", "spark", "clickhouse", "bigquery", "databricks", "redshift", "snowflake", "trino",
)  # fmt: skip
"""The engines with a file here."""

IN_FORMS = frozenset({"duckdb"})
"""The engines whose statements are kept by their form, in which any days can be put."""


def spelling_of(engine: str) -> Spelling:
    """The spellings of an engine; only its own file is loaded. Raises QueryError for an engine without.

    >>> spelling_of("duckdb").dialect
    'duckdb'
    """
    match engine:
        case "duckdb":
            from headwater.metrics.spellings.duckdb import SPELLING as duckdb

            return duckdb
        case "postgres":
            from headwater.metrics.spellings.postgres import SPELLING as postgres

            return postgres
        case "spark":
            from headwater.metrics.spellings.spark import SPELLING as spark

            return spark
        case "clickhouse":
            from headwater.metrics.spellings.clickhouse import SPELLING as clickhouse

            return clickhouse
        case "bigquery":
            from headwater.metrics.spellings.bigquery import SPELLING as bigquery

            return bigquery
        case "databricks":
            from headwater.metrics.spellings.databricks import SPELLING as databricks

            return databricks
        case "redshift":
            from headwater.metrics.spellings.redshift import SPELLING as redshift

            return redshift
        case "snowflake":
            from headwater.metrics.spellings.snowflake import SPELLING as snowflake

            return snowflake
        case "trino":
            from headwater.metrics.spellings.trino import SPELLING as trino

            return trino
        case _:
            do = nearest(engine, ENGINES) or f"The engines are {', '.join(ENGINES)}."
            raise QueryError(f"no engine is called {engine!r}", do=do)
