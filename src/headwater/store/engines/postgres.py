"""PostgreSQL through its Arrow driver: sessions that only read, in UTC, one generation each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from headwater.errors import EngineError, HeadwaterError, StoppedError, WorkspaceError
from headwater.store.engines.driver import bare, missing_driver, more_than_reading, without_password
from headwater.store.engines.view import View

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

_SESSION = ("SET timezone = 'utc'", "SET standard_conforming_strings = true")
_READ = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_SECONDS = 5
"""How long a server may take to answer at all, where neither the address nor the environment says so."""

_IDLE = 8
"""How many sessions are kept for the next thread."""


def schema_of(generation: str) -> str:
    """The schema in which the tables of a generation are found."""
    return f"headwater_{generation}"


def _path(generation: str) -> str:
    """The statement after which names of tables lead to those of a generation."""
    from sqlglot import exp

    schema = exp.to_identifier(schema_of(generation), quoted=True)
    return exp.Set(expressions=[exp.SetItem(this=exp.EQ(this=exp.var("search_path"), expression=schema))]).sql(
        "postgres"
    )


class PostgresConnection:
    """One session. Each statement has a transaction of its own that only reads. What it finds is always of one
    generation: the names of tables lead to the schema of that generation alone, whose tables never change."""

    spelling = "postgres"

    def __init__(self, url: str) -> None:
        self._server = _Server(url)
        self._root = True
        self._running: Any = None
        self._session: Connection | None = None
        number = int(self._connection().adbc_get_info()["vendor_version"])
        self.version = f"PostgreSQL {number // 10_000}.{number % 10_000}"

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on the names of tables are those of the generation. Raises EngineError when it is not there."""
        self._server.generation = generation
        self._ask(_path(generation))
        if not self._holds():
            raise _lacking(generation)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        only_reads(text)
        connection = self._connection()
        try:
            with connection.cursor() as cursor:
                self._running = cursor
                cursor.execute(_READ)
                try:
                    cursor.execute(text)
                    table = cursor.fetch_arrow_table()
                finally:
                    cursor.execute("ROLLBACK")
        except self._server.error as error:
            raise self._translated(error) from error
        finally:
            self._running = None
        return _rows(table)

    def another(self) -> PostgresConnection:
        """A session that reads the same generation, for one more thread."""
        other = object.__new__(PostgresConnection)
        other._server, other._root, other._running, other._session = self._server, False, None, None
        other.version = self.version
        return other

    def interrupt(self) -> None:
        """Stops what runs now, from another thread."""
        if (running := self._running) is not None:
            running.adbc_cancel()

    def close(self) -> None:
        """Ends the session, or leaves it to the next that needs one."""
        session, self._session = self._session, None
        if session is not None:
            self._server.give(session)
        if self._root:
            self._server.close()

    def _connection(self) -> Connection:
        if self._session is None:
            self._session = self._server.take()
        return self._session

    def _ask(self, text: str) -> None:
        try:
            with self._connection().cursor() as cursor:
                cursor.execute(text)
        except self._server.error as error:
            raise self._translated(error) from error

    def _holds(self) -> bool:
        """Whether the reader sees tables of the generation that the session reads."""
        ((found,),) = self.rows(
            "SELECT current_schema() IS NOT NULL AND has_schema_privilege(current_schema(), 'usage')"
        )
        return bool(found)

    def _translated(self, error: Exception) -> HeadwaterError:
        found = translated(error, self._server.url)
        if isinstance(found, EngineError):
            session, self._session = self._session, None  # it may be broken: the next statement begins another
            if session is not None:
                _end(session, self._server.error)
        elif getattr(error, "sqlstate", None) == "42P01" and self._server.generation and not self._holds():
            return _lacking(self._server.generation)
        return found


class _Server:
    """What the sessions of one reader share: the address, the generation, and sessions that nobody uses just now."""

    def __init__(self, url: str) -> None:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            raise missing_driver("PostgreSQL", "postgres") from error
        self.error: type[Exception] = dbapi.Error
        self.url, self.generation = url, ""
        self._connect = dbapi.connect
        self._idle: list[Connection] = []
        self._lock = Lock()
        self._closed = False

    def take(self) -> Connection:
        """A session that reads. Raises EngineError when the server does not let us in."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            session = self._connect(in_time(self.url), autocommit=True)
        except self.error as error:
            raise refused(error, self.url) from error
        with session.cursor() as cursor:
            for setting in _SESSION:
                cursor.execute(setting)
            if self.generation:
                cursor.execute(_path(self.generation))
        return session

    def give(self, session: Connection) -> None:
        """Takes a session back."""
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE:
                self._idle.append(session)
                return
        _end(session, self.error)

    def close(self) -> None:
        """Ends the sessions that nobody uses, and each other one when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            _end(session, self.error)


def _end(session: Connection, error: type[Exception]) -> None:
    try:
        session.close()
    except error:
        return  # the server has ended it before


# --- what is asked ----------------------------------------------------------------------------------------------------
_READING = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_DOING = re.compile(
    r"[;$]|--|/\*|\b(?:e|u&)\?|\binto\b|\bset_config\b|[()]\s*(?:delete\s+from\b|update\s[^()]*?\bset\b)", re.IGNORECASE
)


def only_reads(text: str) -> None:
    """Raises QueryError for a text that is not one SELECT, changes the session, or writes.

    The transaction is read-only besides, and the driver takes no second statement. Names and texts that stand in
    quotation marks may be anything.
    """
    found = bare(text, escapes=False)
    if not _READING.match(found) or _DOING.search(found):
        raise more_than_reading()


def _rows(table: Any) -> list[tuple[Any, ...]]:
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        if str(field.type).startswith("extension<arrow.opaque"):  # numeric, which Arrow cannot hold in full
            values = [None if v is None else Decimal(v) for v in values]
        columns.append(values)
    return list(zip(*columns, strict=True))


# --- the address -----------------------------------------------------------------------------------------------------
def in_time(url: str) -> str:
    """The address, with how long the server may take to answer where nothing says so."""
    if "connect_timeout" in parse_qs(urlsplit(url).query) or os.environ.get("PGCONNECT_TIMEOUT"):
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={_SECONDS}"


# --- its errors in our words -----------------------------------------------------------------------------------------
def refused(error: Exception, url: str) -> EngineError:
    """Why the server does not let us in."""
    told, where = str(error), without_password(url)
    if "authentication failed" in told or "no password supplied" in told or "empty password" in told:
        return EngineError(
            "PostgreSQL does not accept the password, or was given none",
            where=where,
            do="Put it into ~/.pgpass (or the file that PGPASSFILE names), a service file, or PGPASSWORD.",
        )
    if "pg_hba.conf" in told or re.search(r'(?:role|database) "[^"]*" does not exist', told) or "permission" in told:
        return EngineError(
            f"PostgreSQL does not let this user in ({_fatal(told)})",
            where=where,
            do="Check user and database of the address, and what the server allows the user.",
        )
    return EngineError(
        "PostgreSQL does not answer at this address",
        where=where,
        do="Check host and port, and whether the server runs and takes connections.",
    )


def translated(error: Exception, url: str) -> HeadwaterError:
    """What went wrong with a statement."""
    state, told = getattr(error, "sqlstate", None) or "", str(error)
    where = without_password(url)
    if state == "57014":
        return StoppedError()
    if state in ("42501", "25006"):
        return EngineError(
            f"PostgreSQL does not allow this user what is needed ({_first_line(told)})",
            where=where,
            do="Let the owner grant it: docs/engines.md lists what the reader and the loader need.",
        )
    if state.startswith("53"):
        full = "53100" in state or "No space left" in told
        return WorkspaceError(
            "the disk of the PostgreSQL server is full"
            if full
            else f"PostgreSQL is overburdened ({_first_line(told)})",
            where=where,
            do="Free some space there and run 'headwater refresh'; what it held before is whole."
            if full
            else "Ask again, or give the server more memory or connections.",
        )
    if state.startswith(("08", "57P")) or (not state and _LOST.search(told)):
        return EngineError(
            "the connection to PostgreSQL was lost", where=where, do="Ask again; the server may have been restarted."
        )
    return HeadwaterError(
        f"PostgreSQL refused a statement ({_first_line(told)})", do="This is a fault of Headwater: report it."
    )


_LOST = re.compile(
    r"server closed the connection|connection to server|no connection to the server|SSL|could not (?:send|receive)"
)


def _lacking(generation: str) -> EngineError:
    return EngineError(
        f"PostgreSQL does not hold the data version {generation!r}",
        do="Run 'headwater refresh', which brings the current one there.",
    )


def _fatal(told: str) -> str:
    return told.rpartition("FATAL:")[2].strip().splitlines()[0][:200]


def _first_line(told: str) -> str:
    """What the server said first; the rest repeats the statement."""
    return told.partition("ERROR:")[2].strip().splitlines()[0][:200] if "ERROR:" in told else told[:200]
