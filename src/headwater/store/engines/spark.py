"""Spark: a session in UTC and ANSI mode, in this process (`spark:local[2]`) or on a cluster (`spark://host:7077`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.errors import EngineError, HeadwaterError
from headwater.model.types import Kind, Type
from headwater.store.engines.driver import missing_driver, without_password
from headwater.store.engines.view import View

_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error and no other number
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkConnection:
    """One session. A process has one Spark context, which ends with the connection that was made first."""

    spelling = "spark"

    def __init__(self, url: str) -> None:
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise missing_driver("Spark", "spark") from error
        self._error: type[Exception] = PySparkException
        self._root = True
        self._tag = f"headwater-{id(self)}"
        master = url if url.lower().startswith("spark://") else url.partition(":")[2] or "local[2]"
        building = SparkSession.builder.master(master).appName("headwater")
        for name, value in _SESSION.items():
            building = building.config(name, value)
        try:
            self._session = building.getOrCreate()
        except Exception as error:  # a missing Java, a port without a master: each comes as another class
            raise EngineError(
                "Spark does not start, or does not answer at this address",
                where=without_password(url),
                do="Spark needs Java 17 or newer here; check the address of the master.",
            ) from error
        self.version = f"Spark {self._session.version}"
        self._views: Mapping[str, View] = {}

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on statements read these views: the columns as they are told, from the very files."""
        self._views = views
        for name, view in views.items():
            if view.check is not None:
                view.check(view.files)
            columns = ", ".join(f"`{column}` {_stored_type(type_)}" for column, type_ in view.columns)
            if view.files:
                rows = self._session.read.schema(columns).parquet(*map(str, view.files))
            else:
                rows = self._session.createDataFrame([], columns)
            rows.createOrReplaceTempView(name)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        self._session.addTag(self._tag)
        try:
            return [tuple(row) for row in self._session.sql(text).collect()]
        except self._error as error:
            raise HeadwaterError(
                f"Spark refused a statement ({str(error).splitlines()[0][:200]})",
                do="This is a fault of Headwater: report it.",
            ) from error
        finally:
            self._session.removeTag(self._tag)

    def another(self) -> SparkConnection:
        """A session of the same context over the same views, for one more thread."""
        other = object.__new__(SparkConnection)
        other._error, other._root, other.version = self._error, False, self.version
        other._tag = f"headwater-{id(other)}"
        other._session = self._session.newSession()
        other.attach(self._views)
        return other

    def interrupt(self) -> None:
        """Stops what runs now, from another thread."""
        self._session.interruptTag(self._tag)

    def close(self) -> None:
        """Ends the session, and its context with the first one."""
        if self._root:
            self._session.stop()


def _stored_type(type_: Type) -> str:
    """The engine's type of a stored column."""
    match type_.kind:
        case Kind.TEXT | Kind.ID:
            return "STRING"
        case Kind.INTEGER:
            return "BIGINT"
        case Kind.NUMBER | Kind.MONEY:
            return f"DECIMAL({type_.precision}, {type_.scale})"
        case Kind.DAY:
            return "DATE"
        case Kind.TIME:
            return "TIMESTAMP"
        case Kind.BOOLEAN:
            return "BOOLEAN"
