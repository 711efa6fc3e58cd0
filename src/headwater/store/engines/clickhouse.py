"""ClickHouse inside the process (chdb), with the settings under which missing values stay missing."""

from __future__ import annotations

from typing import Any

from headwater.errors import QueryError
from headwater.store.engines.driver import missing_driver

_SESSION = (
    "SET session_timezone = 'UTC'",
    "SET join_use_nulls = true",  # else the columns of a row without a match are 0, '' and 1970
    "SET group_by_use_nulls = true",
    "SET aggregate_functions_null_for_empty = true",  # else the sum of nothing is 0
    "SET enable_extended_results_for_datetime_functions = true",  # else days before 1970 become 1970
)


class ClickHouseConnection:
    """One embedded engine; a process has one at a time."""

    spelling = "clickhouse"

    def __init__(self) -> None:
        try:
            from chdb.session import Session
        except ImportError as error:
            raise missing_driver("ClickHouse", "clickhouse") from error
        self._session = Session()
        for setting in _SESSION:
            self._session.query(setting)
        self.version = f"ClickHouse {self.rows('SELECT version()')[0][0]}"

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        try:
            table = self._session.query(text, "ArrowTable")
        except Exception as error:  # the driver has no class of its own for what the engine refuses
            raise QueryError(
                f"ClickHouse refused a statement ({str(error).splitlines()[0][:200]})",
                do="This is a fault of Headwater: report it.",
            ) from error
        return [tuple(row.values()) for row in table.to_pylist()]

    def close(self) -> None:
        """Removes what the engine wrote beside itself."""
        self._session.close()
