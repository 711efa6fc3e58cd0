"""Engines by address: which adapter a URL names, and what every adapter can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from headwater.errors import QueryError
from headwater.model.settings import ENGINES
from headwater.store.engines.driver import without_password
from headwater.store.engines.view import View


class Engine(Protocol):
    """A connection to an engine in a session whose settings make it answer like every other: in UTC, with missing
    values that stay missing. Not for two threads at once, but for `interrupt` and `another`.

    Raises EngineError where the engine does not answer, StoppedError for what was interrupted.
    """

    @property
    def spelling(self) -> str:
        """Whose spellings it understands."""
        ...

    @property
    def version(self) -> str:
        """What it calls itself."""
        ...

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on the names of tables stand for these views, which are those of a generation; said once, before
        the first statement that names a table. Each view tells its columns. An engine that keeps tables of its own
        looks for those of the generation. Raises EngineError when it does not hold it."""
        ...

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT; numbers as int, float or Decimal, times without a zone."""
        ...

    def another(self) -> Engine:
        """A connection to the same views for one more thread; it lives no longer than this one."""
        ...

    def interrupt(self) -> None:
        """Stops what runs now, from another thread; the connection stays usable. Nothing happens where nothing runs."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


def connect(url: str, *, memory_mb: int = 512, threads: int = 1, scratch: Path | None = None) -> Engine:
    """A connection to the engine that a URL names: `duckdb`, `postgresql://...`, `spark:local[2]`, `spark://...`,
    `chdb`. The limits and the folder to spill into are for engines inside this process.

    Raises QueryError for another address and for a driver that is not installed, EngineError when the engine does not
    answer.
    """
    scheme = url.partition(":")[0].lower()
    match ENGINES.get(scheme):
        case "duckdb":
            from headwater.store.engines.duckdb import QueryConnection

            return QueryConnection(memory_mb=memory_mb, threads=threads, scratch=scratch)
        case "postgres":
            from headwater.store.engines.postgres import PostgresConnection

            return PostgresConnection(url)
        case "spark":
            from headwater.store.engines.spark import SparkConnection

            return SparkConnection(url, memory_mb=memory_mb)
        case "clickhouse":
            from headwater.store.engines.clickhouse import ClickHouseConnection

            return ClickHouseConnection(memory_mb=memory_mb, threads=threads, scratch=scratch)
        case _:
            raise QueryError(
                f"no engine has the address {without_password(url)!r}",
                do="Write duckdb, postgresql://user@host/database, spark:local[2], spark://host:7077 or chdb.",
            )
