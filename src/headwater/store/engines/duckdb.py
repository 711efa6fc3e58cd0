"""DuckDB: a locked connection that only reads listed files, and a bench that writes Parquet parts."""

from __future__ import annotations

import functools
import operator
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyConnection, DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Call

from headwater.errors import HeadwaterError, QueryError, StoppedError, WorkspaceError
from headwater.model.types import INTEGER, TEXT, Kind, Type
from headwater.store.engines.view import View

if TYPE_CHECKING:
    import pyarrow
    from sqlglot import exp

_CLOSED_DOORS: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
_BATCH_OF_FILE = r"/(\d{8})-[^/]*/[^/]*$"
"""The journal number in the name of a landed file."""
_FILE = "_landed_file"
_PATTERN = re.compile(r"[*?\[]")


def _connected(memory_mb: int, threads: int, spill: str, **more: str) -> duckdb.DuckDBPyConnection:
    """A database of its own in memory. Its progress bar is off: it would be printed over ours, into logs too."""
    room = {"memory_limit": f"{memory_mb}MiB", "threads": str(threads), "temp_directory": spill}
    connection = duckdb.connect(config=_CLOSED_DOORS | room | more)
    connection.execute("SET enable_progress_bar = false")
    return connection


# --- the connection that answers questions -------------------------------------------------------------------------


class QueryConnection:
    """An in-memory connection that can do nothing but SELECT from the given views (None: from those of `attach`). Not
    for two threads at once, but for `interrupt` and `another`."""

    spelling = "duckdb"
    version = f"DuckDB {duckdb.__version__}"

    def __init__(
        self, views: Mapping[str, View] | None = None, *, memory_mb: int, threads: int, scratch: Path | None
    ) -> None:
        self._memory_mb = memory_mb
        self._views: _Views | None = None
        spill = str(scratch) if scratch else ""
        with _own_words(memory_mb):
            self._connection = _connected(memory_mb, threads, spill)
        if views is not None:
            self.attach(views)

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on statements read these views and no other file; said once."""
        if self._views is not None:
            raise ValueError("this connection has its views")
        self._views = _Views(views)
        with _own_words(self._memory_mb):
            files = _both_spellings(file for view in views.values() for file in view.files)
            self._connection.execute("SET allowed_paths = $files", {"files": files})
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        with _own_words(self._memory_mb):
            return self._connection.execute(*self._parsed(text)).fetchall()

    def in_parts(self, text: str, many: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of one SELECT, so many at a time; those that were given are not held."""
        with _own_words(self._memory_mb):
            found = self._connection.execute(*self._parsed(text))
            while some := found.fetchmany(many):
                yield some

    def arrow(self, text: str) -> pyarrow.Table:
        """The rows of one SELECT as an Arrow table."""
        with _own_words(self._memory_mb):
            statement, days = self._parsed(text)
            table: pyarrow.Table = self._connection.sql(statement, params=days).to_arrow_table()
            return table

    def hold(self, most: int) -> int:
        """Takes tables into memory, compressed, and tells how many: those with the least in their files first, together
        at most so many bytes of files. From then on statements read them there, also those of other connections to the
        same views, and their files are not opened again for each. To be asked once."""
        views = self._attached()
        with _own_words(self._memory_mb):
            return views.hold(self._connection, most)

    @contextmanager
    def sharing(self, texts: Sequence[str]) -> Iterator[QueryConnection]:
        """A connection for the block and for these statements: it reads what several of them name of a table from
        memory, so that its files are opened once for all. This one where that is not worth it, or takes more memory
        than there is."""
        views = self._attached()
        worth = [] if views.holding else views.worth_taking(texts, self._memory_mb * 2**20 // _TAKEN_SHARE)
        if not worth:
            yield self
            return
        other = self.another()  # whose temporary tables end with it
        try:
            with _own_words(self._memory_mb):
                enough = views.take(other._connection, worth)
            yield other if enough else self
        finally:
            other.close()

    def another(self) -> QueryConnection:
        """A connection to the same views, locked like this one, for one more thread; it lives no longer than this."""
        self._attached()
        other = object.__new__(QueryConnection)
        other._memory_mb, other._views = self._memory_mb, self._views
        with _own_words(self._memory_mb):
            other._connection = self._connection.cursor()
            if other._views is not None and other._views.holding:
                other._connection.execute(_HELD_FIRST)
        return other

    def interrupt(self) -> None:
        """Stops what runs now, from another thread; the connection stays usable."""
        self._connection.interrupt()

    def close(self) -> None:
        """Gives memory and files back."""
        self._connection.close()

    def _parsed(self, text: str) -> tuple[duckdb.Statement, dict[str, date]]:
        """The statement of a text, which may only read, and the days to run it with."""
        views = self._attached()
        parsed = _PARSED.get(self._connection, text)
        views.define(self._connection, text)
        return parsed

    def _attached(self) -> _Views:
        """What was attached; who asks before that gets no file at all."""
        if self._views is None:
            self.attach({})
        assert self._views is not None
        return self._views


_DAY = re.compile(r"CAST\('(\d{4}-\d{2}-\d{2})' AS DATE\)")
"""A day as statements write it. Within a text it would look different, as its quotation marks are doubled there."""

PARSED_CHARACTERS = 500_000
"""So much text of statements is kept parsed, which takes some thirty times as much memory."""


class Parsed:
    """Statements that were parsed, without their days: one that differs in these alone is not parsed again, which takes
    a quarter of the time that the engine needs for tables of usual size. Its days are known when it is planned, as if
    they were written in it. Together at most so much text: the one longest unused goes first. For any number of
    threads."""

    def __init__(self, most: int = PARSED_CHARACTERS) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[str, duckdb.Statement] = OrderedDict()
        self._characters = 0

    def get(self, connection: DuckDBPyConnection, text: str) -> tuple[duckdb.Statement, dict[str, date]]:
        """The statement, when it is one SELECT that only reads, and its days by the names they have in it."""
        days: dict[date, str] = {}

        def named(found: re.Match[str]) -> str:
            try:
                day = date.fromisoformat(found[1])
            except ValueError:
                return found[0]  # there is no such day, as the engine says itself
            return f"${days.setdefault(day, f'day{len(days)}')}"

        form = _DAY.sub(named, text)
        with self._lock:
            if (known := self._kept.get(form)) is not None:
                self._kept.move_to_end(form)
        if known is None:
            known = _one_select(connection, form)
            self._keep(form, known)
        return known, {name: day for day, name in days.items()}

    def _keep(self, form: str, statement: duckdb.Statement) -> None:
        with self._lock:
            if form not in self._kept:
                self._kept[form] = statement
                self._characters += len(form)
                while self._characters > self._most:
                    self._characters -= len(self._kept.popitem(last=False)[0])


_PARSED = Parsed()


_READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_NODE = re.compile(r'"type":"(\w*_NODE)"')
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_OTHERWISE = re.compile(r"\b[a-z]''|u&''|\$\w*\$|--|/\*", re.I)
"""What makes a text of another kind, or a comment: in such a statement nothing is taken for quoted."""
_WRITING_WORDS = re.compile(r"\b(?:alter|attach|call|copy|create|delete|drop|insert|merge|set|truncate|update)\b", re.I)


def _one_select(connection: DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The statement, when the engine's own parser calls the text exactly one SELECT and finds only reading in it.

    The configuration alone does not forbid that COPY overwrites a listed file or that a view is dropped, and a SELECT
    may hold a COPY, INSERT, UPDATE or DELETE as a common table expression.
    """
    statements = connection.extract_statements(text)
    if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT and _only_reads(connection, text):
        return statements[0]
    raise QueryError("this statement does more than read, so it was not run", do="Ask with one SELECT.")


def _only_reads(connection: DuckDBPyConnection, text: str) -> bool:
    """Whether every node of the parsed statement reads. Writing needs a word that is not within a text or a quoted
    name: without one, nothing is asked."""
    plain = _QUOTED.sub("''", text)
    if not _WRITING_WORDS.search(text if _OTHERWISE.search(plain) else plain):
        return True
    tree = str(connection.execute("SELECT json_serialize_sql($text::VARCHAR)", {"text": text}).fetchall()[0][0])
    # Inside texts of the tree quotation marks are escaped: nothing that a statement says looks like one of its nodes.
    nodes = set(_NODE.findall(tree))
    return tree.startswith('{"error":false') and bool(nodes) and nodes <= _READING_NODES


class _Views:
    """Views that are defined when a statement first names them: an open connection that asks one table pays for one."""

    def __init__(self, views: Mapping[str, View]) -> None:
        self._all, self._open = dict(views), dict(views)
        self._lock = Lock()
        self.holding = False

    def add(self, name: str, view: View) -> None:
        self._open[name] = view

    def define(self, connection: DuckDBPyConnection, text: str) -> None:
        """Defines every view whose name occurs in the text; one that is not meant does no harm."""
        with self._lock:
            for name in [name for name in self._open if name in text]:
                view = self._open[name]
                if view.check is not None:
                    view.check(view.files)
                _rows_of(connection, view).create_view(name, replace=True)
                del self._open[name]

    def worth_taking(self, texts: Sequence[str], most: int) -> list[tuple[str, set[str]]]:
        """The tables that so many statements name that they are read from memory, with all words of these statements:
        those with the least in their files first, together at most so many bytes of files."""
        words = [set(_WORD.findall(text)) for text in texts]
        named = {name: [w for w in words if name in w] for name, view in self._all.items() if view.files}
        often = [name for name, naming in named.items() if len(naming) >= _WORTH_TAKING]
        sizes = {name: sum(f.stat().st_size for f in self._all[name].files) for name in often}
        found: list[tuple[str, set[str]]] = []
        for name in sorted(often, key=lambda n: (sizes[n], n)):
            most -= sizes[name]
            if most < 0:
                break
            found.append((name, set().union(*named[name])))
        return found

    def take(self, connection: DuckDBPyConnection, tables: Sequence[tuple[str, set[str]]]) -> bool:
        """Puts the columns of tables that have one of these names into memory, for this connection alone: a temporary
        table comes before a view of its name. Whether there was room for all."""
        try:
            for name, read in tables:
                self.define(connection, name)  # its files are checked before anything reads them
                columns = connection.view(name).columns
                connection.execute(_temporary(name, [c for c in columns if c in read] or columns[:1]))
        except duckdb.OutOfMemoryException:
            return False
        return True

    def hold(self, connection: DuckDBPyConnection, most: int) -> int:
        """See `QueryConnection.hold`. A view is exchanged when its table is whole; who reads it then goes on with the
        files. Connections opened afterwards read the tables without views."""
        sizes = sorted((sum(f.stat().st_size for f in v.files), name) for name, v in self._all.items() if v.files)
        connection.execute(_memory())
        taken = held = 0
        for size, name in sizes:
            taken += size
            if taken > most:
                break
            self.define(connection, name)  # its files are checked before anything reads them
            _rows_of(connection, self._all[name]).create(f"{_HELD}.main.{name}")
            with self._lock:
                connection.table(f"{_HELD}.main.{name}").create_view(name, replace=True)
            held += 1
        # What is not held is defined now: a connection that looks among held tables first would define it there, where
        # those opened before do not look.
        self.define(connection, " ".join(self._all))
        self.holding = True
        return held


_WORD = re.compile(r"\w+")

_WORTH_TAKING = 3
"""From so many statements on it costs less to put what they read of a table into memory than to open its files."""

_TAKEN_SHARE = 64
"""The files of what is put into memory for some statements have at most this part of the memory allowed."""

_HELD = "held"
"""What the database in memory is called that holds tables."""

_HELD_FIRST = f"SET search_path = '{_HELD}.main,memory.main'"
"""A name stands for the table held, else for a view: the engine takes a millisecond to look through a view of many
columns, each time."""


def _memory() -> str:
    """The statement that adds a database which lies in memory, compressed."""
    from sqlglot import exp

    place = exp.alias_(exp.Literal.string(":memory:"), _HELD)
    compressed = exp.AttachOption(this=exp.Var(this="COMPRESS"))
    return exp.Attach(this=place, expressions=[compressed]).sql("duckdb")


def _temporary(name: str, columns: Sequence[str]) -> str:
    """The statement that puts these columns of a view into a temporary table of its name."""
    from sqlglot import exp

    table = exp.Table(this=exp.to_identifier(name, quoted=True))
    rows = exp.select(*[exp.column(c, quoted=True) for c in columns]).from_(table.copy())
    properties = exp.Properties(expressions=[exp.TemporaryProperty()])
    return exp.Create(this=table, kind="TABLE", properties=properties, expression=rows).sql("duckdb")


def _literally(path: Path) -> str:
    """The path for the engine, which takes `*`, `?` and `[` for patterns: a neighbour's file would match too."""
    return _PATTERN.sub(r"[\g<0>]", str(path))


def _both_spellings(paths: Iterable[Path]) -> list[str]:
    """Paths to allow: the engine asks for the pattern as it is written, and for the path that it found."""
    return list(dict.fromkeys(text for path in paths for text in (str(path), _literally(path))))


def _rows_of(connection: DuckDBPyConnection, view: View) -> DuckDBPyRelation:
    if not view.files:
        return _nothing(connection, (*view.columns, ("_batch", INTEGER)) if view.batch else view.columns)
    files = [_literally(file) for file in view.files]
    if view.exact:
        return connection.read_parquet(files)
    rows = connection.sql(_read_by_name(files).sql("duckdb"))
    found = set(rows.columns)
    columns: list[Expression] = [
        (ColumnExpression(name) if name in found else ConstantExpression(None)).cast(_stored_type(type_)).alias(name)
        for name, type_ in view.columns
    ]
    if view.batch:
        number = Call(
            "regexp_extract", ColumnExpression(_FILE), ConstantExpression(_BATCH_OF_FILE), ConstantExpression(1)
        )
        columns.append(number.cast(_stored_type(INTEGER)).alias("_batch"))
    return rows.select(*columns)


def _read_by_name(files: Sequence[str]) -> exp.Select:
    """All columns of all files, matched by name, and the name of the file each row comes from. The typed API gives that
    column a name that a table of ours may have."""
    from sqlglot import exp

    paths = exp.Array(expressions=[exp.Literal.string(file) for file in files])
    by_name = exp.EQ(this=exp.column("union_by_name"), expression=exp.true())
    named = exp.EQ(this=exp.column("filename"), expression=exp.Literal.string(_FILE))
    return exp.select("*").from_(exp.Anonymous(this="read_parquet", expressions=[paths, by_name, named]))


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


_AT_ONCE = 4_096


def read_columns(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """These columns of every row of one Parquet file, in its order; some thousand rows are held at a time."""
    from sqlglot import exp

    view = View(tuple((name, TEXT) for name in columns), (path,))
    connection = QueryConnection({"file": view}, memory_mb=512, threads=1, scratch=None)
    try:
        chosen = [exp.column(name, quoted=True) for name in columns]
        for some in connection.in_parts(exp.select(*chosen).from_("file").sql("duckdb"), _AT_ONCE):
            yield from some
    finally:
        connection.close()


# --- the bench of a build ---------------------------------------------------------------------------------------------


class BenchConnection:
    """A connection for a build: kept tables lie in memory up to the limit, beyond it in the scratch folder (in a
    database file the disk would be waited for at each of them); it reaches no file outside `folders`."""

    def __init__(
        self, *, memory_mb: int, threads: int, scratch: Path, folders: Sequence[Path], views: Mapping[str, View]
    ) -> None:
        self._memory_mb = memory_mb
        self._views = _Views(views)
        with _own_words(memory_mb):
            self._connection = _connected(memory_mb, threads, str(scratch), preserve_insertion_order="false")
            directories = _both_spellings((*folders, scratch))
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
            return int(self._connection.execute(_table_of(name, text)).fetchall()[0][0])

    def keep_typed(self, name: str, text: str, columns: Sequence[tuple[str, Type | None]], first: str) -> None:
        """Like `keep`, with each column cast to its stored type (None: as it comes), clustered by `first`."""
        with _own_words(self._memory_mb):
            self._checked(text)
            self._connection.execute(_typed_table_of(name, text, columns, first))

    def drop(self, name: str) -> None:
        """Forgets a kept table."""
        with _own_words(self._memory_mb):
            from sqlglot import exp

            table = exp.to_identifier(name, quoted=True)
            self._connection.execute(exp.Drop(tables=[exp.Table(this=table)], kind="TABLE", exists=True).sql("duckdb"))

    def write(
        self, kept: str, chosen: tuple[str, str], order: Sequence[tuple[str, bool]], path: Path, columns: Sequence[str]
    ) -> None:
        """Writes these columns of the rows of a kept table whose column has the `chosen` value, by `order` (name,
        descending; no value comes last), as a Parquet file whose bytes depend on the rows alone.

        The optimizer's statistics would else decide which columns the file declares as never empty, and they know of
        rows that are not in it: the same rows gave other bytes in another build.
        """
        with _own_words(self._memory_mb):
            self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
            try:
                self._connection.execute(_copy_of(kept, chosen, order, path, columns))
            finally:
                self._connection.execute("RESET disabled_optimizers")

    def close(self) -> None:
        """Gives memory and files back."""
        self._connection.close()

    def _checked(self, text: str) -> duckdb.Statement:
        statement = _one_select(self._connection, text)
        self._views.define(self._connection, text)
        return statement


def _copy_of(
    kept: str, chosen: tuple[str, str], order: Sequence[tuple[str, bool]], path: Path, columns: Sequence[str]
) -> str:
    """The statement of `BenchConnection.write`: one statement is several times quicker than steps of a relation."""
    from sqlglot import exp

    def column(name: str) -> exp.Column:
        return exp.column(name, quoted=True)

    name, value = chosen
    rows = exp.Select(
        expressions=[exp.Var(this=_typed(n, None)) for n in columns],
        from_=exp.From(this=exp.Table(this=exp.to_identifier(kept, quoted=True))),
        where=exp.Where(this=exp.EQ(this=column(name), expression=exp.Literal.string(value))),
    )
    if order:
        keys = [exp.Ordered(this=column(key), desc=down, nulls_first=False) for key, down in order]
        rows.set("order", exp.Order(expressions=keys))
    options = (("FORMAT", "PARQUET"), ("COMPRESSION", "ZSTD"))
    copy = exp.Copy(
        this=exp.Subquery(this=rows),
        kind=False,
        files=[exp.Literal.string(str(path))],
        params=[exp.CopyParameter(this=exp.var(option), expression=exp.var(given)) for option, given in options],
    )
    return copy.sql("duckdb", copy=False)


def _table_of(name: str, text: str) -> str:
    """The statement that writes the rows of a checked SELECT, which stands in it as it is, into a table of that name:
    steps of a relation would bind it two to four times, which takes longer than working out a few thousand rows."""
    from sqlglot import exp

    return _created(name, exp.Var(this=text)).sql("duckdb", copy=False)


def _typed_table_of(name: str, text: str, columns: Sequence[tuple[str, Type | None]], first: str) -> str:
    """The same with each column cast to its stored type, clustered by `first`."""
    from sqlglot import exp

    rows = exp.Select(
        expressions=[exp.Var(this=_typed(n, t)) for n, t in columns],
        from_=exp.From(this=exp.Subquery(this=exp.Var(this=text))),
        order=exp.Order(expressions=[exp.Ordered(this=exp.column(first, quoted=True), desc=False, nulls_first=False)]),
    )
    return _created(name, rows).sql("duckdb", copy=False)


@functools.lru_cache(4_096)
def _typed(name: str, type_: Type | None) -> str:
    """How a column is written, cast to its stored type where there is one: a table has many parts."""
    from sqlglot import exp

    column = exp.column(name, quoted=True)
    if type_ is None:
        return column.sql("duckdb")
    cast = exp.Cast(this=column, to=exp.Var(this=str(_stored_type(type_))))
    return exp.Alias(this=cast, alias=exp.to_identifier(name, quoted=True)).sql("duckdb", copy=False)


def _created(name: str, rows: exp.Expr) -> exp.Create:
    from sqlglot import exp

    return exp.Create(this=exp.Table(this=exp.to_identifier(name, quoted=True)), kind="TABLE", expression=rows)


# --- rewriting files without certain texts -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Texts:
    """Which texts to look for: patterns of RE2, and plain texts (upper and lower case alike) one of which every match
    holds, because looking for these is quicker. `whole` matches a text that is one of them, `within` one that holds
    one between two groups."""

    plain: tuple[str, ...]
    whole: str
    within: str


class FileConnection:
    """A connection that reads and rewrites Parquet files in the given folders, one thread, in the order of the rows."""

    def __init__(self, folders: Sequence[Path], *, memory_mb: int, scratch: Path | None) -> None:
        self._memory_mb = memory_mb
        with _own_words(memory_mb):
            self._connection = _connected(memory_mb, 1, str(scratch) if scratch else "")
            directories = _both_spellings(folders)
            self._connection.execute("SET allowed_directories = $directories", {"directories": directories})
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")

    def count(self, path: Path, texts: Texts, *, drop_within: bool) -> tuple[int, int]:
        """How many rows of the file would be dropped, and how many others hold one of the texts."""
        with _own_words(self._memory_mb):
            rows = self._connection.read_parquet([_literally(path)])
            names = _text_columns(rows)
            near = rows.filter(_any(_near(name, texts) for name in names)) if names else None
            if near is None or not len(near):
                return 0, 0
            dropped = _any(_matches(name, texts, texts.within if drop_within else texts.whole) for name in names)
            held = _any(_matches(name, texts, texts.within) for name in names)
            return len(near.filter(dropped)), 0 if drop_within else len(near.filter(held & _not(dropped)))

    def rewrite(self, path: Path, target: Path, texts: Texts, *, drop_within: bool, marker: str) -> int:
        """Writes the rows of `path` to `target` without those that are dropped, and with `marker` in the place of the
        texts in the others; how many rows are left."""
        with _own_words(self._memory_mb):
            rows = self._connection.read_parquet([_literally(path)])
            names = _text_columns(rows)
            if names:
                dropped = _any(_matches(name, texts, texts.within if drop_within else texts.whole) for name in names)
                rows = rows.filter(_not(dropped)).select(
                    *[
                        _masked(name, texts, marker).alias(name) if name in names else ColumnExpression(name)
                        for name in rows.columns
                    ]
                )
            rows.write_parquet(str(target), compression="zstd")
            return len(self._connection.read_parquet([_literally(target)]))

    def distinct(self, paths: Sequence[Path], column: str, *, below: int | None = None) -> int:
        """How many different values a column has in all these files together (below a number, if one is said)."""
        if not paths:
            return 0
        with _own_words(self._memory_mb):
            rows = self._connection.read_parquet([_literally(p) for p in paths], union_by_name=True)
            if below is not None:
                rows = rows.filter(ColumnExpression(column) < ConstantExpression(below))
            return len(rows.select(ColumnExpression(column)).distinct())

    def hashed(self, path: Path, salt: str, length: int, hashes: Sequence[str]) -> set[str]:
        """The texts of this length, anywhere in a text of the file, whose salted SHA-256 is one of `hashes`."""
        found: set[str] = set()
        with _own_words(self._memory_mb):
            rows = self._connection.read_parquet([_literally(path)])
            for name in _text_columns(rows):
                text = rows.select(ColumnExpression(name).alias("v")).distinct()
                piece = _pieces(text, length)
                known = [ConstantExpression(digest) for digest in hashes]
                found |= {row[0] for row in piece.filter(_salted_hash("piece", salt).isin(*known)).fetchall()}
        return found

    def close(self) -> None:
        """Gives memory and files back."""
        self._connection.close()


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _pieces(texts: DuckDBPyRelation, length: int) -> DuckDBPyRelation:
    """Every different piece of this length in a relation of texts `v`, as `piece`."""
    v, size = ColumnExpression("v"), ConstantExpression(length)
    starts = Call("range", ConstantExpression(1), Call("length", v) - size + ConstantExpression(2))
    long_enough = texts.filter(Call("length", v) >= size).select(v, Call("unnest", starts).alias("i"))
    return long_enough.select(Call("substr", v, ColumnExpression("i"), size).alias("piece")).distinct()


def _salted_hash(name: str, salt: str) -> Expression:
    """SHA-256 of the salt and the text, an e-mail address in lower case (of ASCII letters)."""
    text = ColumnExpression(name)
    lower = Call("translate", text, ConstantExpression(_LETTERS), ConstantExpression(_LETTERS.lower()))
    is_address = Call("contains", text, ConstantExpression("@"))
    return Call(
        "sha256", Call("concat", ConstantExpression(salt), duckdb.CaseExpression(is_address, lower).otherwise(text))
    )


def _text_columns(rows: DuckDBPyRelation) -> list[str]:
    return [name for name, kind in zip(rows.columns, rows.types, strict=True) if kind == duckdb.sqltypes.VARCHAR]


def _matches(name: str, texts: Texts, pattern: str) -> Expression:
    found = _near(name, texts) & Call("regexp_matches", ColumnExpression(name), ConstantExpression(pattern))
    return duckdb.CoalesceOperator(found, ConstantExpression(False))


def _near(name: str, texts: Texts) -> Expression:
    """Whether the column may match: the quick question before the exact one."""
    column = Call("lower", ColumnExpression(name))
    return _any(Call("contains", column, ConstantExpression(plain)) for plain in texts.plain)


def _masked(name: str, texts: Texts, marker: str) -> Expression:
    """The column with the marker in the place of the texts; twice, because two of them may share what is between."""
    masked: Expression = ColumnExpression(name)
    for _ in range(2):
        pattern, put = ConstantExpression(texts.within), ConstantExpression(rf"\1{marker}\2")
        masked = Call("regexp_replace", masked, pattern, put, ConstantExpression("g"))
    return duckdb.CaseExpression(_matches(name, texts, texts.within), masked).otherwise(ColumnExpression(name))


def _any(conditions: Iterable[Expression]) -> Expression:
    return functools.reduce(operator.or_, conditions)


def _not(condition: Expression) -> Expression:
    return ~condition


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
                "the disk is full, so this was not finished",
                do="Free some space and run the same command again; what was stored before is whole.",
            )
        case duckdb.InterruptException():
            return StoppedError()
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
