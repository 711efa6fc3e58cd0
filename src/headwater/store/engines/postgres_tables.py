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

_PATIENCE = "SET LOCAL lock_timeout = '30s'"
"""How long removing what is old waits for those who still read it; what is left then goes with the next load."""

_TABLE = "SELECT to_regclass($1) IS NOT NULL"
_SCHEMA = "SELECT to_regnamespace($1) IS NOT NULL"
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
        there = loader.is_there(_TABLE, f"{ROWS}.book")
        return tuple(str(row[0]) for row in loader.ask(_held())) if there else ()


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
        stored = {str(row[0]) for row in self.ask(_tables(), ROWS)}
        names = {table.name: _stored_name(table) for table in tables}
        loaded = 0
        for number, table in enumerate(tables):
            if names[table.name] not in stored:
                tell(f"Bringing {table.name} to PostgreSQL", number, len(tables))
                self._load(names[table.name], table)
                loaded += 1
        earlier = [str(row[0]) for row in self.ask(_held())]
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
        if not self.is_there(_TABLE, f"{ROWS}.book"):
            with self.transaction():
                if not self.is_there(_SCHEMA, ROWS):
                    self.do(_schema(ROWS, made=True))
                self.do(_book())

    def is_there(self, asked: str, name: str) -> bool:
        """Whether there is a table or schema of that name (see `_TABLE` and `_SCHEMA`)."""
        return bool(self.ask(asked, name)[0][0])

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
            self.do(_analysed(stored))

    def _publish(self, role: str, generation: str, tables: Sequence[Table], names: Mapping[str, str]) -> None:
        """The generation's tables under their names, and the book, in one moment."""
        schema = schema_of(generation)
        with self.transaction():
            self.do(_schema(schema, made=False))
            self._note(_forgotten(), generation)
            self.do(_schema(schema, made=True))
            for table in tables:
                self.do(_named(schema, table.name, names[table.name]))
                self._note(_noted(), generation, table.name, table.digest, table.rows, names[table.name])
            if role:
                self._grant(role, generation)

    def _grant(self, role: str, generation: str) -> None:
        schema = schema_of(generation)
        for statement in _granted(schema, role):
            self.do(statement)

    def _note(self, text: str, *values: object) -> None:
        self._cursor.execute(text, values)

    def _remove(self, kept: Sequence[str]) -> bool:
        """Removes the schemas and tables of other generations; whether all of them are gone now."""
        try:
            with self.transaction():
                self.do(_PATIENCE)
                for (id_,) in self.ask(_held()):
                    if id_ not in kept:
                        self.do(_schema(schema_of(str(id_)), made=False))
                        self._note(_forgotten(), id_)
                used = {str(row[0]) for row in self.ask(_used())}
                for (table,) in self.ask(_tables(), ROWS):
                    if table not in used and _OURS.fullmatch(str(table)):
                        self.do(_dropped(str(table)))
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

    from headwater.files.arrow import arrow_type

    schema = pa.schema([(name, arrow_type(type_)) for name, type_ in table.view.columns])

    def read() -> Iterator[pa.RecordBatch]:
        for path in table.view.files:
            with pq.ParquetFile(path) as file:
                yield from (batch.cast(schema) for batch in file.iter_batches(_BATCH, columns=schema.names))

    return pa.RecordBatchReader.from_batches(schema, read())


# --- statements -------------------------------------------------------------------------------------------------------
_BOOK: tuple[tuple[str, str], ...] = (
    ("generation", "TEXT"),
    ("name", "TEXT"),
    ("digest", "TEXT"),
    ("rows", "BIGINT"),
    ("stored", "TEXT"),
)


def _book() -> str:
    """The book: each table of each generation, the digest and number of its rows, and where they are stored."""
    from sqlglot import exp

    told = [
        exp.ColumnDef(
            this=exp.to_identifier(name),
            kind=exp.DataType.build(kind, dialect="postgres"),
            constraints=[exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())],
        )
        for name, kind in _BOOK
    ]
    moment = exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=exp.Anonymous(this="now")))
    told.append(
        exp.ColumnDef(
            this=exp.to_identifier("brought_at"),
            kind=exp.DataType.build("TIMESTAMPTZ", dialect="postgres"),
            constraints=[moment],
        )
    )
    key = exp.PrimaryKey(expressions=[exp.to_identifier("generation"), exp.to_identifier("name")])
    schema = exp.Schema(this=_table_named(ROWS, "book"), expressions=[*told, key])
    return exp.Create(this=schema, kind="TABLE").sql("postgres")


def _held() -> str:
    """The generations in the book, the last one first."""
    from sqlglot import exp

    last = exp.Ordered(this=exp.Max(this=exp.column("brought_at")), desc=True, nulls_first=False)
    query = exp.select(exp.column("generation")).from_(_table_named(ROWS, "book")).group_by(exp.column("generation"))
    return query.order_by(last).sql("postgres")


def _used() -> str:
    from sqlglot import exp

    return exp.select(exp.column("stored")).from_(_table_named(ROWS, "book")).sql("postgres")


def _noted() -> str:
    """A line of the book."""
    from sqlglot import exp

    values = exp.Values(expressions=[exp.Tuple(expressions=[_given(i + 1) for i in range(len(_BOOK))])])
    columns = [exp.to_identifier(name) for name, _ in _BOOK]
    into = exp.Schema(this=_table_named(ROWS, "book"), expressions=columns)
    return exp.Insert(this=into, expression=values).sql("postgres")


def _forgotten() -> str:
    """The lines of a generation, removed from the book."""
    from sqlglot import exp

    return exp.delete(_table_named(ROWS, "book")).where(_is_given("generation")).sql("postgres")


def _tables() -> str:
    """The tables of a schema."""
    from sqlglot import exp

    tables = _table_named("pg_catalog", "pg_tables")
    return exp.select(exp.column("tablename")).from_(tables).where(_is_given("schemaname")).sql("postgres")


def _is_given(column: str) -> exp.EQ:
    from sqlglot import exp

    return exp.EQ(this=exp.column(column), expression=_given(1))


def _given(number: int) -> exp.Parameter:
    """A value that is sent beside the statement."""
    from sqlglot import exp

    return exp.Parameter(this=exp.Literal.number(number))


def _schema(name: str, *, made: bool) -> str:
    """The statement that makes a schema, or removes it with all that is in it, where it is there."""
    from sqlglot import exp

    table = exp.Table(db=exp.to_identifier(name, quoted=True))
    if made:
        return exp.Create(this=table, kind="SCHEMA").sql("postgres")
    return exp.Drop(tables=[table], kind="SCHEMA", exists=True, cascade=True).sql("postgres")


def _dropped(stored: str) -> str:
    from sqlglot import exp

    return exp.Drop(tables=[_table_named(ROWS, stored)], kind="TABLE").sql("postgres")


def _analysed(stored: str) -> str:
    """The engine looks at the rows, to plan by them."""
    from sqlglot import exp

    return exp.Command(this="ANALYZE", expression=_table_named(ROWS, stored).sql("postgres")).sql("postgres")


def _granted(schema: str, role: str) -> list[str]:
    """A user may read the tables of a schema and nothing more."""
    from sqlglot import exp

    user = exp.GrantPrincipal(this=exp.to_identifier(role, quoted=True))
    where = exp.to_identifier(schema, quoted=True)
    every = exp.Table(this=where.copy())
    told = (("USAGE", "SCHEMA"), ("SELECT", "ALL TABLES IN SCHEMA"))
    grants = [
        exp.Grant(privileges=[exp.GrantPrivilege(this=exp.var(what))], kind=kind, securable=every, principals=[user])
        for what, kind in told
    ]
    return [grant.sql("postgres") for grant in grants]


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
