"""Spark: a session in UTC and ANSI mode, in this process (`spark:local[2]`) or on a cluster (`spark://host:7077`)."""

from __future__ import annotations

from typing import Any

from headwater.errors import QueryError
from headwater.store.engines.driver import missing_driver, without_password

_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error and no other number
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkConnection:
    """One session. A process has one Spark context, which ends with the connection."""

    spelling = "spark"

    def __init__(self, url: str) -> None:
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise missing_driver("Spark", "spark") from error
        self._error: type[Exception] = PySparkException
        master = url if url.lower().startswith("spark://") else url.partition(":")[2] or "local[2]"
        building = SparkSession.builder.master(master).appName("headwater")
        for name, value in _SESSION.items():
            building = building.config(name, value)
        try:
            self._session = building.getOrCreate()
        except Exception as error:  # a missing Java, a port without a master: each comes as another class
            raise QueryError(
                "Spark does not start, or does not answer at this address",
                where=without_password(url),
                do="Spark needs Java 17 or newer here; check the address of the master.",
            ) from error
        self.version = f"Spark {self._session.version}"

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        try:
            return [tuple(row) for row in self._session.sql(text).collect()]
        except self._error as error:
            raise QueryError(
                f"Spark refused a statement ({str(error).splitlines()[0][:200]})",
                do="This is a fault of Headwater: report it.",
            ) from error

    def close(self) -> None:
        """Ends the session and its context."""
        self._session.stop()
