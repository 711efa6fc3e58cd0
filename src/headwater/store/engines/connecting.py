"""Engines by address: which adapter a URL names, and what every adapter can do."""

from __future__ import annotations

from typing import Any, Protocol

from headwater.errors import QueryError
from headwater.store.engines.driver import without_password

ADDRESSES = {
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "postgres": "postgres",
    "spark": "spark",
    "chdb": "clickhouse",
}
"""How a URL begins: the engine whose spellings are asked."""


class Engine(Protocol):
    """A connection to an engine in a session whose settings make it answer like every other: in UTC, with missing
    values that stay missing."""

    @property
    def spelling(self) -> str:
        """Whose spellings it understands."""
        ...

    @property
    def version(self) -> str:
        """What it calls itself."""
        ...

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT; numbers as int, float or Decimal, times without a zone."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


def connect(url: str) -> Engine:
    """A connection to the engine that a URL names: `duckdb`, `postgresql://...`, `spark:local[2]`, `spark://...`,
    `chdb`.

    Raises QueryError for another address, for a driver that is not installed, and when the engine does not answer.
    """
    scheme = url.partition(":")[0].lower()
    match ADDRESSES.get(scheme):
        case "duckdb":
            from headwater.store.engines.duckdb import QueryConnection

            return QueryConnection({}, memory_mb=512, threads=1, scratch=None)
        case "postgres":
            from headwater.store.engines.postgres import PostgresConnection

            return PostgresConnection(url)
        case "spark":
            from headwater.store.engines.spark import SparkConnection

            return SparkConnection(url)
        case "clickhouse":
            from headwater.store.engines.clickhouse import ClickHouseConnection

            return ClickHouseConnection()
        case _:
            raise QueryError(
                f"no engine has the address {without_password(url)!r}",
                do="Write duckdb, postgresql://user@host/database, spark:local[2], spark://host:7077 or chdb.",
            )
