"""Brings a generation's tables to PostgreSQL: each in a transaction of its own, all of them visible in one moment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from headwater.errors import EngineError, HeadwaterError
from headwater.model.types import Kind, Type
from headwater.store.engines.driver import missing_driver, without_password
from headwater.store.engines.postgres import in_time, refused, schema_of, translated
from headwater.store.engines.tables import Brought, Progress, Table

if TYPE_CHECKING:
    import pyarrow
    from sqlglot import exp

ROWS = "headwater"
"""The schema of the tables themselves and of the book that says which generation has which; readers do not see it."""

_LOCK = 7_310_577_943_201
"""The number of the lock that one loader holds: any number that nobody else takes."""

_BATCH = 32_768
"""How many rows are in memory at once."""

_PATIENCE = "30s"
"""How long removing what is old waits for those who still read it; what is left then goes with the next load."""

_BOOK = f"""\
CREATE TABLE IF NOT EXISTS {ROWS}.book (
  generation text NOT NULL, name text NOT NULL, digest text NOT NULL, rows bigint NOT NULL, stored text NOT NULL,
  brought_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (generation, name)
)"""
_HELD = f"SELECT generation FROM {ROWS}.book GROUP BY generation ORDER BY max(brought_at) DESC"
_NOTE = f"INSERT INTO {ROWS}.book (generation, name, digest, rows, stored) VALUES ($1, $2, $3, $4, $5)"
_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = $1"
_OURS = re.compile(r".*_[0-9a-f]{20}")
"""What a table is called that a load made."""


def bring(
    url: str, role: str, generation: str, tables: Sequence[Table], keep: Collection[str], tell: Progress
) -> Brought:
    """Makes PostgreSQL hold a generation, and removes those it holds that are not to be kept; at most one stays beside
    the new one, for those who read it now.

    Tables whose parts are there already are shared. Raises EngineError and WorkspaceError; what was readable before
    is readable then.
    """
    with _loading(url) as loader:
        return loader.bring(role, generation, tables, keep, tell)


def held(url: str) -> tuple[str, ...]:
    """The generations whose tables are there, the last one first, as the loader sees them."""
    with _loading(url, alone=False) as loader:
        there = loader._is_there("to_regclass", f"{ROWS}.book")
        return tuple(str(row[0]) for row in loader.ask(_HELD)) if there else ()


@contextmanager
def _loading(url: str, *, alone: bool = True) -> Iterator[_Loader]:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise missing_driver("PostgreSQL", "postgres") from error
    try:
        connection = dbapi.connect(in_time(url), autocommit=True)
    except dbapi.Error as error:
        raise refused(error, url) from error
    try:
        with connection.cursor() as cursor:
            loader = _Loader(cursor, url)
            loader.do("SET timezone = 'utc'")
            loader.do("SET client_min_messages = 'warning'")
            if alone and not loader.ask(f"SELECT pg_try_advisory_lock({_LOCK})")[0][0]:
                raise EngineError(
                    "another program is bringing tables to PostgreSQL just now",
                    where=without_password(url),
                    do="Wait until it is done, then run 'headwater refresh'.",
                )
            yield loader
    except dbapi.Error as error:
        raise _told(error, url) from error
    finally:
        with suppress(dbapi.Error):  # the server has ended it before
            connection.close()


class _Loader:
    """One session that writes."""

    def __init__(self, cursor: Any, url: str) -> None:
        self._cursor, self._url = cursor, url

    def do(self, text: str) -> None:
        self._cursor.execute(text)

    def ask(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        self._cursor.execute(text, values or None)
        return list(self._cursor.fetchall())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing of it."""
        self.do("BEGIN")
        try:
            yield
        except BaseException as error:
            try:
                self.do("ROLLBACK")
            except Exception as second:
                raise error from second  # the session is gone, and the server rolls back by itself
            raise
        self.do("COMMIT")

    def bring(
        self, role: str, generation: str, tables: Sequence[Table], keep: Collection[str], tell: Progress
    ) -> Brought:
        self._prepare()
        stored = {str(row[0]) for row in self.ask(_TABLES, ROWS)}
        names = {table.name: _stored_name(table) for table in tables}
        loaded = 0
        for number, table in enumerate(tables):
            if names[table.name] not in stored:
                tell(f"Bringing {table.name} to PostgreSQL", number, len(tables))
                self._load(names[table.name], table)
                loaded += 1
        earlier = [str(row[0]) for row in self.ask(_HELD)]
        if (
            generation not in earlier
            or not self.ask("SELECT to_regnamespace($1) IS NOT NULL", schema_of(generation))[0][0]
        ):
            self._publish(role, generation, tables, names)
        elif role:
            with self.transaction():
                self._grant(role, generation)
        kept = [generation, *[id_ for id_ in earlier if id_ != generation and id_ in keep][:1]]
        return Brought(generation, loaded, len(tables), self._remove(kept))

    def _prepare(self) -> None:
        (encoding,) = self.ask("SELECT current_setting('server_encoding')")[0]
        if encoding != "UTF8":
            raise EngineError(
                f"this database keeps texts in {encoding}, which has not every letter",
                where=without_password(self._url),
                do="Make a database with the encoding UTF8.",
            )
        if not self._is_there("to_regclass", f"{ROWS}.book"):
            with self.transaction():
                if not self._is_there("to_regnamespace", ROWS):
                    self.do(f"CREATE SCHEMA {ROWS}")
                self.do(_BOOK)

    def _is_there(self, looked_up: str, name: str) -> bool:
        return bool(self.ask(f"SELECT {looked_up}($1) IS NOT NULL", name)[0][0])

    def _load(self, stored: str, table: Table) -> None:
        """The rows of a table; a table that is there has all of them."""
        if table.view.check is not None:
            table.view.check(table.view.files)
        with self.transaction():
            self.do(_created(stored, table.view.columns))
            if table.view.files:
                self._cursor.adbc_ingest(stored, _batches(table), mode="append", db_schema_name=ROWS)
            ((rows,),) = self.ask(_counted(stored))
            if rows != table.rows:
                raise HeadwaterError(
                    f"PostgreSQL has {rows:,} rows of {table.name!r}, which has {table.rows:,}",
                    do="This is a fault of Headwater: report it.",
                )
            self.do(f"ANALYZE {ROWS}.{_quoted(stored)}")

    def _publish(self, role: str, generation: str, tables: Sequence[Table], names: Mapping[str, str]) -> None:
        """The generation's tables under their names, and the book, in one moment."""
        schema = schema_of(generation)
        with self.transaction():
            self.do(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            self._note(f"DELETE FROM {ROWS}.book WHERE generation = $1", generation)
            self.do(f"CREATE SCHEMA {schema}")
            for table in tables:
                self.do(_named(schema, table.name, names[table.name]))
                self._note(_NOTE, generation, table.name, table.digest, table.rows, names[table.name])
            if role:
                self._grant(role, generation)

    def _grant(self, role: str, generation: str) -> None:
        schema = schema_of(generation)
        self.do(f"GRANT USAGE ON SCHEMA {schema} TO {_quoted(role)}")
        self.do(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {_quoted(role)}")

    def _note(self, text: str, *values: object) -> None:
        self._cursor.execute(text, values)

    def _remove(self, kept: Sequence[str]) -> bool:
        """Removes the schemas and tables of other generations; whether all of them are gone now."""
        try:
            with self.transaction():
                self.do(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
                for (id_,) in self.ask(_HELD):
                    if id_ not in kept:
                        self.do(f"DROP SCHEMA IF EXISTS {_quoted(schema_of(str(id_)))} CASCADE")
                        self._note(f"DELETE FROM {ROWS}.book WHERE generation = $1", id_)
                used = {str(row[0]) for row in self.ask(f"SELECT stored FROM {ROWS}.book")}
                for (table,) in self.ask(_TABLES, ROWS):
                    if table not in used and _OURS.fullmatch(str(table)):
                        self.do(f"DROP TABLE {ROWS}.{_quoted(str(table))}")
        except Exception as error:
            if getattr(error, "sqlstate", None) == "55P03":  # somebody reads them for longer
                return False
            raise
        return True


def _told(error: Exception, url: str) -> HeadwaterError:
    if isinstance(error, HeadwaterError):
        return error
    return translated(error, url)


def _stored_name(table: Table) -> str:
    """Named by all that is in it, so that one of that name never changes; a name has at most 63 bytes."""
    told = "\n".join((*(f"{name} {type_}" for name, type_ in table.view.columns), *(f.name for f in table.view.files)))
    return f"{table.name[:40]}_{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def _batches(table: Table) -> pyarrow.RecordBatchReader:
    """The rows of a table, a few at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(type_)) for name, type_ in table.view.columns])

    def read() -> Iterator[pa.RecordBatch]:
        for path in table.view.files:
            with pq.ParquetFile(path) as file:
                yield from (batch.cast(schema) for batch in file.iter_batches(_BATCH, columns=schema.names))

    return pa.RecordBatchReader.from_batches(schema, read())


def _arrow_type(type_: Type) -> pyarrow.DataType:
    import pyarrow as pa

    match type_.kind:
        case Kind.TEXT | Kind.ID:
            return pa.string()
        case Kind.INTEGER:
            return pa.int64()
        case Kind.NUMBER | Kind.MONEY:
            return pa.decimal128(type_.precision, type_.scale)
        case Kind.DAY:
            return pa.date32()
        case Kind.TIME:
            return pa.timestamp("us")
        case Kind.BOOLEAN:
            return pa.bool_()


# --- statements -------------------------------------------------------------------------------------------------------
def _quoted(name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql("postgres")


def _table_named(schema: str, name: str) -> exp.Table:
    from sqlglot import exp

    return exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema, quoted=True))


def _created(stored: str, columns: Sequence[tuple[str, Type]]) -> str:
    """Texts are compared letter by letter, whatever language the database has."""
    from sqlglot import exp

    byte_by_byte = exp.ColumnConstraint(kind=exp.CollateColumnConstraint(this=exp.to_identifier("C", quoted=True)))
    told = [
        exp.ColumnDef(
            this=exp.to_identifier(name, quoted=True),
            kind=_stored_type(type_),
            constraints=[byte_by_byte.copy()] if type_.kind in (Kind.TEXT, Kind.ID) else [],
        )
        for name, type_ in columns
    ]
    return exp.Create(this=exp.Schema(this=_table_named(ROWS, stored), expressions=told), kind="TABLE").sql("postgres")


def _stored_type(type_: Type) -> exp.DataType:
    from sqlglot import exp

    match type_.kind:
        case Kind.TEXT | Kind.ID:
            told = "TEXT"
        case Kind.INTEGER:
            told = "BIGINT"
        case Kind.NUMBER | Kind.MONEY:
            told = f"DECIMAL({type_.precision}, {type_.scale})"
        case Kind.DAY:
            told = "DATE"
        case Kind.TIME:
            told = "TIMESTAMP"
        case Kind.BOOLEAN:
            told = "BOOLEAN"
    return exp.DataType.build(told, dialect="postgres")


def _counted(stored: str) -> str:
    from sqlglot import exp

    return exp.select(exp.Count(this=exp.Star())).from_(_table_named(ROWS, stored)).sql("postgres")


def _named(schema: str, name: str, stored: str) -> str:
    """A name of the generation for a table."""
    from sqlglot import exp

    rows = exp.select("*").from_(_table_named(ROWS, stored))
    return exp.Create(this=_table_named(schema, name), kind="VIEW", expression=rows).sql("postgres")
