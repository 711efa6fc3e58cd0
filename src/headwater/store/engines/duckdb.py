"""DuckDB: a locked connection that only reads listed files, and a bench that writes Parquet parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Call

from headwater.errors import HeadwaterError, QueryError, WorkspaceError
from headwater.model.types import INTEGER, TEXT, Kind, Type

if TYPE_CHECKING:
    import pyarrow

_CLOSED_DOORS: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
_BATCH_OF_FILE = r"/(\d{8})-[^/]*/[^/]*$"
"""The journal number in the name of a landed file."""


@dataclass(frozen=True, slots=True)
class View:
    """What a table name stands for: the rows of these files, cast to these columns; without files, no rows.

    `exact`: the files have exactly these columns and types, so nothing is cast. Else a column that no file has is
    empty. `batch`: a last column `_batch` with the number of the journal entry each row comes from.
    """

    columns: tuple[tuple[str, Type], ...]
    files: tuple[Path, ...] = ()
    exact: bool = True
    batch: bool = False


# --- the connection that answers questions -------------------------------------------------------------------------


class QueryConnection:
    """An in-memory connection that can do nothing but SELECT from the given views. Not for two threads at once,
    but for `interrupt`."""

    def __init__(self, views: Mapping[str, View], *, memory_mb: int, threads: int, scratch: Path | None) -> None:
        self._memory_mb = memory_mb
        self._views = _Views(views)
        spill = str(scratch) if scratch else ""
        with _own_words(memory_mb):
            self._connection = duckdb.connect(
                config=_CLOSED_DOORS
                | {"memory_limit": f"{memory_mb}MiB", "threads": str(threads), "temp_directory": spill}
            )
            files = [str(file) for view in views.values() for file in view.files]
            self._connection.execute("SET allowed_paths = $files", {"files": files})
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        with _own_words(self._memory_mb):
            return self._run(text).fetchall()

    def arrow(self, text: str) -> pyarrow.Table:
        """The rows of one SELECT as an Arrow table."""
        with _own_words(self._memory_mb):
            return self._run(text).to_arrow_table()

    def interrupt(self) -> None:
        """Stops what runs now, from another thread; the connection stays usable."""
        self._connection.interrupt()

    def close(self) -> None:
        """Gives memory and files back."""
        self._connection.close()

    def _run(self, text: str) -> DuckDBPyConnection:
        statement = _one_select(self._connection, text)
        self._views.define(self._connection, text)
        return self._connection.execute(statement)


def _one_select(connection: DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The statement, when the engine's own parser calls the text exactly one SELECT; a listed file could else be
    overwritten by COPY and a view be dropped, whatever the configuration forbids."""
    statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("this statement does more than read, so it was not run", do="Ask with one SELECT.")
    return statements[0]


class _Views:
    """Views that are defined when a statement first names them: an open connection that asks one table pays for one."""

    def __init__(self, views: Mapping[str, View]) -> None:
        self._open = dict(views)
        self._lock = Lock()

    def add(self, name: str, view: View) -> None:
        self._open[name] = view

    def define(self, connection: DuckDBPyConnection, text: str) -> None:
        """Defines every view whose name occurs in the text; one that is not meant does no harm."""
        with self._lock:
            for name in [name for name in self._open if name in text]:
                _rows_of(connection, self._open.pop(name)).create_view(name, replace=True)


def _rows_of(connection: DuckDBPyConnection, view: View) -> DuckDBPyRelation:
    if not view.files:
        return _nothing(connection, (*view.columns, ("_batch", INTEGER)) if view.batch else view.columns)
    files = [str(file) for file in view.files]
    if view.exact:
        return connection.read_parquet(files)
    rows = connection.read_parquet(files, union_by_name=True, filename=view.batch)
    found = set(rows.columns)
    columns: list[Expression] = [
        (ColumnExpression(name) if name in found else ConstantExpression(None)).cast(_stored_type(type_)).alias(name)
        for name, type_ in view.columns
    ]
    if view.batch:
        number = Call(
            "regexp_extract", ColumnExpression("filename"), ConstantExpression(_BATCH_OF_FILE), ConstantExpression(1)
        )
        columns.append(number.cast(_stored_type(INTEGER)).alias("_batch"))
    return rows.select(*columns)


def _nothing(connection: DuckDBPyConnection, columns: Sequence[tuple[str, Type]]) -> DuckDBPyRelation:
    row = tuple(ConstantExpression(None).cast(_stored_type(type_)) for _, type_ in columns)
    named = [ColumnExpression(f"col{i}").alias(name) for i, (name, _) in enumerate(columns)]
    return connection.values(row).select(*named).filter(ConstantExpression(False))


def _stored_type(type_: Type) -> Any:
    """The engine's type of a stored column."""
    match type_.kind:
        case Kind.TEXT | Kind.ID:
            return duckdb.sqltypes.VARCHAR
        case Kind.INTEGER:
            return duckdb.sqltypes.BIGINT
        case Kind.NUMBER | Kind.MONEY:
            return duckdb.decimal_type(type_.precision, type_.scale)
        case Kind.DAY:
            return duckdb.sqltypes.DATE
        case Kind.TIME:
            return duckdb.sqltypes.TIMESTAMP
        case Kind.BOOLEAN:
            return duckdb.sqltypes.BOOLEAN


def read_columns(path: Path, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns of every row of one Parquet file."""
    from sqlglot import exp

    view = View(tuple((name, TEXT) for name in columns), (path,))
    connection = QueryConnection({"file": view}, memory_mb=512, threads=1, scratch=None)
    try:
        chosen = [exp.column(name, quoted=True) for name in columns]
        return connection.rows(exp.select(*chosen).from_("file").sql("duckdb"))
    finally:
        connection.close()


# --- the bench of a build ---------------------------------------------------------------------------------------------


class BenchConnection:
    """A connection for a build: kept tables lie in a file under its scratch folder, so that memory stays bounded; it
    reaches no file outside `folders`."""

    def __init__(
        self, *, memory_mb: int, threads: int, scratch: Path, folders: Sequence[Path], views: Mapping[str, View]
    ) -> None:
        self._memory_mb = memory_mb
        self._views = _Views(views)
        with _own_words(memory_mb):
            self._connection = duckdb.connect(
                str(scratch / "bench.duckdb"),
                config=_CLOSED_DOORS
                | {
                    "memory_limit": f"{memory_mb}MiB",
                    "threads": str(threads),
                    "temp_directory": str(scratch / "spill"),
                    "preserve_insertion_order": "false",
                },
            )
            directories = [str(folder) for folder in (*folders, scratch)]
            self._connection.execute("SET allowed_directories = $directories", {"directories": directories})
            self._connection.execute("SET enable_external_access = false")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        with _own_words(self._memory_mb):
            return self._connection.execute(self._checked(text)).fetchall()

    def see(self, name: str, view: View) -> None:
        """From now on statements may read `view` under this name."""
        self._views.add(name, view)

    def keep(self, name: str, text: str) -> int:
        """Writes the rows of one SELECT into a table of that name; how many there are."""
        with _own_words(self._memory_mb):
            self._checked(text)
            self._connection.sql(text).create(_quoted(name))
            return len(self._connection.table(_quoted(name)))

    def keep_typed(self, name: str, text: str, columns: Sequence[tuple[str, Type | None]], first: str) -> None:
        """Like `keep`, with each column cast to its stored type (None: as it comes), clustered by `first`."""
        with _own_words(self._memory_mb):
            self._checked(text)
            cast = [
                ColumnExpression(n) if t is None else ColumnExpression(n).cast(_stored_type(t)).alias(n)
                for n, t in columns
            ]
            self._connection.sql(text).select(*cast).sort(ColumnExpression(first).asc()).create(_quoted(name))

    def drop(self, name: str) -> None:
        """Forgets a kept table."""
        with _own_words(self._memory_mb):
            from sqlglot import exp

            table = exp.to_identifier(name, quoted=True)
            self._connection.execute(exp.Drop(tables=[exp.Table(this=table)], kind="TABLE", exists=True).sql("duckdb"))

    def write(self, text: str, path: Path, columns: Sequence[str]) -> None:
        """Writes these columns of one SELECT, in its order, as a Parquet file whose bytes depend on the rows alone.

        The optimizer's statistics would else decide which columns the file declares as never empty, and they know of
        rows that are not in it: the same rows gave other bytes in another build.
        """
        with _own_words(self._memory_mb):
            self._checked(text)
            self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
            try:
                rows = self._connection.sql(text)
                if tuple(rows.columns) != tuple(columns):
                    rows = rows.select(*[ColumnExpression(name) for name in columns])
                rows.write_parquet(str(path), compression="zstd")
            finally:
                self._connection.execute("RESET disabled_optimizers")

    def close(self) -> None:
        """Gives memory and files back."""
        self._connection.close()

    def _checked(self, text: str) -> duckdb.Statement:
        statement = _one_select(self._connection, text)
        self._views.define(self._connection, text)
        return statement


def _quoted(name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql("duckdb")


# --- its errors in our words ------------------------------------------------------------------------------------------


@contextmanager
def _own_words(memory_mb: int) -> Iterator[None]:
    """Turns every error of the engine into one of ours. Its texts hold paths and process ids: they are never shown."""
    try:
        yield
    except duckdb.Error as error:
        raise _translated(error, memory_mb) from error


def _translated(error: duckdb.Error, memory_mb: int) -> HeadwaterError:
    text = str(error)
    match error:
        case _ if "No space left" in text or "File too large" in text or "Disk quota" in text:
            return WorkspaceError(
                "the disk is full, so nothing was written",
                do="Free some space and run the same command again; what was stored before is whole.",
            )
        case duckdb.InterruptException():
            return QueryError("the question was stopped before it was answered", do="Ask for less, or allow more time.")
        case duckdb.OutOfMemoryException():
            return WorkspaceError(
                f"this needs more memory than the {memory_mb} MB that are allowed (or more room to spill on the disk)",
                do="Raise 'memory_mb' in headwater.yml, or ask for less at once.",
            )
        case duckdb.IOException() | duckdb.InvalidInputException() | duckdb.PermissionException():
            return WorkspaceError(
                "a stored file is missing, damaged or not allowed to be read",
                do="Run 'headwater doctor', which names it and says what to do.",
            )
        case duckdb.ConversionException() | duckdb.OutOfRangeException():
            return QueryError(
                "a value does not fit the type it is computed in", do="Run 'headwater check' to find the rows."
            )
        case _:
            return HeadwaterError(
                f"the engine refused a statement ({type(error).__name__})",
                do="This is a fault of Headwater: report it.",
            )
