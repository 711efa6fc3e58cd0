"""PostgreSQL through its Arrow driver: a session that only reads, in UTC."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headwater.errors import QueryError
from headwater.store.engines.driver import missing_driver, without_password

_SESSION = (
    "SET timezone = 'utc'",
    "SET default_transaction_read_only = true",
    "SET standard_conforming_strings = true",
)


class PostgresConnection:
    """One session. Decimals come from the driver as texts and are made decimals here."""

    spelling = "postgres"

    def __init__(self, url: str) -> None:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            raise missing_driver("PostgreSQL", "postgres") from error
        self._error: type[Exception] = dbapi.Error
        try:
            self._connection = dbapi.connect(url, autocommit=True)
        except dbapi.Error as error:
            raise QueryError(
                "PostgreSQL does not answer at this address",
                where=without_password(url),
                do="Check host, port, user, password and the name of the database.",
            ) from error
        with self._connection.cursor() as cursor:
            for setting in _SESSION:
                cursor.execute(setting)
        number = int(self._connection.adbc_get_info()["vendor_version"])
        self.version = f"PostgreSQL {number // 10_000}.{number % 10_000}"

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(text)
                table = cursor.fetch_arrow_table()
        except self._error as error:
            raise QueryError(
                f"PostgreSQL refused a statement ({_first_line(error)})", do="This is a fault of Headwater: report it."
            ) from error
        columns = []
        for field, column in zip(table.schema, table.columns, strict=True):
            values = column.to_pylist()
            if str(field.type).startswith("extension<arrow.opaque"):  # numeric, which Arrow cannot hold in full
                values = [None if v is None else Decimal(v) for v in values]
            columns.append(values)
        return list(zip(*columns, strict=True))

    def close(self) -> None:
        """Ends the session."""
        self._connection.close()


def _first_line(error: Exception) -> str:
    """What the server said first; the rest repeats the statement."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
