"""ClickHouse inside the process (chdb), with the settings under which missing values stay missing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from headwater.errors import EngineError, HeadwaterError, StoppedError, WorkspaceError
from headwater.model.types import Kind, Type
from headwater.store.engines.driver import bare, missing_driver, more_than_reading
from headwater.store.engines.view import View

if TYPE_CHECKING:
    from sqlglot import exp

_SESSION = {
    "session_timezone": "UTC",
    "join_use_nulls": "1",  # else the columns of a row without a match are 0, '' and 1970
    "group_by_use_nulls": "1",
    "aggregate_functions_null_for_empty": "1",  # else the sum of nothing is 0
    "prefer_column_name_to_alias": "1",  # else a name means the new column beside it, and not the one that is read
    "enable_extended_results_for_datetime_functions": "1",  # else days before 1970 become 1970
}
_NUMBERS = itertools.count(1)
_PATTERN = re.compile(r"[*?{}]")
_WRITING = re.compile(r"\boutfile\b", re.IGNORECASE)
"""The one thing that a session which only reads may write."""

_CANCELLED, _NO_MEMORY = "QUERY_WAS_CANCELLED", "MEMORY_LIMIT_EXCEEDED"


class _Desk:
    """What the connections to one generation share: a database of tables over its files, which are made when a
    statement first names them, and the one session that may make them and stop others."""

    def __init__(self) -> None:
        try:
            from chdb.session import Session
        except ImportError as error:
            raise missing_driver("ClickHouse", "clickhouse") from error
        self.open = Session
        self.database = f"headwater_{next(_NUMBERS)}"
        self._session = Session()
        self._lock = Lock()
        self._waiting: dict[str, View] = {}
        self.run(_database(self.database, made=True))

    def run(self, text: str) -> None:
        """Runs what a reading session may not."""
        with self._lock:
            self._session.query(text)

    def attach(self, views: Mapping[str, View]) -> None:
        """The tables that may be asked for."""
        for view in views.values():
            for folder in {file.parent for file in view.files}:
                if _PATTERN.search(str(folder)):
                    raise EngineError(
                        "ClickHouse takes '*', '?', '{' and '}' in a path for patterns",
                        where=str(folder),
                        do="Rename the folder, or take 'engine: duckdb'.",
                    )
        self._waiting = dict(views)

    def define(self, text: str) -> None:
        """Makes every table whose name occurs in the text; one that is not meant does no harm."""
        with self._lock:
            for name in [name for name in self._waiting if name in text]:
                view = self._waiting[name]
                if view.check is not None:
                    view.check(view.files)
                self._session.query(_table(self.database, name, view))
                del self._waiting[name]

    def close(self) -> None:
        """Forgets the tables."""
        self.run(_database(self.database, made=False))
        self._session.close()


class ClickHouseConnection:
    """A session that only reads, and no file but those of its views: the engine itself refuses functions that open
    files or addresses, as soon as its session is a reading one."""

    spelling = "clickhouse"

    def __init__(self, *, memory_mb: int = 512, threads: int = 1, scratch: Path | None = None) -> None:
        self._limits = memory_mb, threads
        self._begin(_Desk(), root=True)
        self.version = f"ClickHouse {self.rows('SELECT version()')[0][0]}"

    def _begin(self, desk: _Desk, *, root: bool) -> None:
        self._desk, self._root = desk, root
        self._session = desk.open()
        self._mark = f"{desk.database}_{next(_NUMBERS)}"
        memory_mb, threads = self._limits
        told = {"max_memory_usage": str(memory_mb * 1024**2), "max_threads": str(threads)}
        told |= _SESSION | {"log_comment": self._mark}
        for statement in _session(desk.database, told | {"readonly": "1"}):
            self._session.query(statement)

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on statements read these views."""
        self._desk.attach(views)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        if _WRITING.search(bare(text, escapes=True)):
            raise more_than_reading()
        self._desk.define(text)
        return _rows(self._ask(text))

    def another(self) -> ClickHouseConnection:
        """A session over the same tables, which reads like this one, for one more thread."""
        other = object.__new__(ClickHouseConnection)
        other._limits, other.version = self._limits, self.version
        other._begin(self._desk, root=False)
        return other

    def interrupt(self) -> None:
        """Stops what runs now, from another thread."""
        self._desk.run(_stopped(self._mark))

    def close(self) -> None:
        """Gives memory and files back."""
        self._session.close()
        if self._root:
            self._desk.close()

    def _ask(self, text: str) -> Any:
        try:
            return self._session.query(text, "ArrowTable")
        except Exception as error:  # the driver has no class of its own for what the engine refuses
            raise self._translated(str(error)) from error

    def _translated(self, told: str) -> HeadwaterError:
        if _CANCELLED in told:
            return StoppedError()
        if _NO_MEMORY in told:
            return WorkspaceError(
                f"this needs more memory than the {self._limits[0]} MB that are allowed",
                do="Raise 'memory_mb' in headwater.yml, or ask for less at once.",
            )
        return HeadwaterError(
            f"ClickHouse refused a statement ({told.splitlines()[0][:200]})",
            do="This is a fault of Headwater: report it.",
        )


def _database(name: str, *, made: bool) -> str:
    """The statement that makes a database, or removes it."""
    from sqlglot import exp

    table = exp.Table(this=exp.to_identifier(name))
    node = exp.Create(this=table, kind="DATABASE") if made else exp.Drop(tables=[table], kind="DATABASE")
    return node.sql("clickhouse")


def _session(database: str, settings: Mapping[str, str]) -> list[str]:
    """The statements that begin a session in a database."""
    from sqlglot import exp

    found: list[exp.Expr] = [exp.Use(this=exp.Table(this=exp.to_identifier(database)))]
    for name, value in settings.items():
        told = exp.Literal.string(value) if not value.isdigit() else exp.Literal.number(value)
        found.append(exp.Set(expressions=[exp.SetItem(this=exp.EQ(this=exp.var(name), expression=told))]))
    return [node.sql("clickhouse") for node in found]


def _stopped(mark: str) -> str:
    """The statement that stops what a session runs."""
    from sqlglot import exp

    which = exp.Bracket(this=exp.column("Settings"), expressions=[exp.Literal.string("log_comment")])
    where = exp.Where(this=exp.EQ(this=which, expression=exp.Literal.string(mark))).sql("clickhouse").strip()
    return exp.Command(this="KILL", expression=f"QUERY {where} ASYNC").sql("clickhouse")


def _rows(table: Any) -> list[tuple[Any, ...]]:
    import pyarrow as pa

    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        zoned = pa.types.is_timestamp(field.type) and field.type.tz
        columns.append((column.cast(pa.timestamp("us")) if zoned else column).to_pylist())
    return list(zip(*columns, strict=True))


def _table(database: str, name: str, view: View) -> str:
    """The statement that makes a table of a view: over its files, or with nothing in it."""
    from sqlglot import exp

    columns = [
        exp.ColumnDef(this=exp.to_identifier(column, quoted=True), kind=_stored_type(type_))
        for column, type_ in view.columns
    ]
    table = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(database))
    engine: exp.Expr = exp.Anonymous(this="Memory")
    if view.files:
        files = exp.Literal.string(_together(view.files))
        engine = exp.Anonymous(this="File", expressions=[exp.var("Parquet"), files])
    properties = exp.Properties(expressions=[exp.EngineProperty(this=engine)])
    create = exp.Create(this=exp.Schema(this=table, expressions=columns), kind="TABLE", properties=properties)
    return create.sql("clickhouse")


def _together(files: tuple[Path, ...]) -> str:
    """The files of a view, which lie in one folder, as one path."""
    (folder,) = {file.parent for file in files}
    names = ",".join(file.stem for file in files)
    return f"{folder}/{names if len(files) == 1 else '{' + names + '}'}{files[0].suffix}"


def _stored_type(type_: Type) -> exp.DataType:
    """The engine's type of a stored column, which may be missing."""
    from sqlglot import exp

    match type_.kind:
        case Kind.TEXT | Kind.ID:
            told = "String"
        case Kind.INTEGER:
            told = "Int64"
        case Kind.NUMBER | Kind.MONEY:
            told = f"Decimal({type_.precision}, {type_.scale})"
        case Kind.DAY:
            told = "Date32"
        case Kind.TIME:
            told = "DateTime64(6, 'UTC')"
        case Kind.BOOLEAN:
            told = "Bool"
    return exp.DataType.build(f"Nullable({told})", dialect="clickhouse")
