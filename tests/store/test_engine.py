"""The query connection can do nothing but SELECT from the files it was given: each way around, tried."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.errors import HeadwaterError, QueryError, WorkspaceError
from headwater.model.types import INTEGER, MONEY, TEXT
from headwater.store.engines.duckdb import Parsed, QueryConnection, read_columns
from headwater.store.engines.view import View

COLUMNS = (("a", TEXT), ("b", INTEGER))
STOLEN = pa.table({"secret": ["s"]})  # a Python variable of the caller, which the engine must not see


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"a": ["x"], "b": pa.array([1], pa.int64())}), tmp_path / "part.parquet")
    pq.write_table(pa.table({"z": ["outside"]}), tmp_path / "other.parquet")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "link.parquet").symlink_to(tmp_path / "other.parquet")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    return tmp_path


@pytest.fixture
def connection(folder: Path) -> Iterator[QueryConnection]:
    made = QueryConnection({"t": View(COLUMNS, (folder / "part.parquet",))}, memory_mb=256, threads=2, scratch=None)
    made.rows("SELECT * FROM t")
    yield made
    made.close()


def state(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


WRITING = [
    "COPY (SELECT 1) TO '{folder}/new.parquet' (FORMAT parquet)",
    "COPY (SELECT 'y' AS a) TO '{folder}/part.parquet' (FORMAT parquet)",
    "COPY (SELECT 'y' AS a) TO '{folder}/part.parquet' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY t FROM '{folder}/other.csv'",
    "ATTACH '{folder}/other.duckdb' AS x",
    "ATTACH '{folder}/new.duckdb' AS x",
    "ATTACH ':memory:' AS x",
    "DETACH memory",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE OR REPLACE VIEW t AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "DROP VIEW t",
    "ALTER VIEW t RENAME TO u",
    "INSERT INTO t VALUES ('y', 2)",
    "UPDATE t SET b = 2",
    "DELETE FROM t",
    "SET VARIABLE v = 1",
    "SET SCHEMA = 'main'",
    "USE memory",
    "SET memory_limit = '10GB'",
    "SET temp_directory = '{folder}'",
    "RESET memory_limit",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "EXPORT DATABASE '{folder}/export'",
    "IMPORT DATABASE '{folder}/export'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/other.csv'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/part.parquet'",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW t",
    "WITH x AS (COPY (SELECT 'y' AS a) TO '{folder}/part.parquet' (FORMAT parquet, USE_TMP_FILE false)) SELECT 1",
    "WITH x AS (copy (SELECT 'y' AS a) TO '{folder}/new.csv') SELECT * FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{folder}/part.parquet' (USE_TMP_FILE false)) SELECT 1)",
    "SELECT 1 WHERE EXISTS (WITH x AS (\nCoPy\n(SELECT 1) TO '{folder}/part.parquet' (USE_TMP_FILE false)) SELECT 1)",
    "SELECT 1 UNION ALL (WITH x AS (COPY(SELECT 1) TO '{folder}/part.parquet' (USE_TMP_FILE false)) SELECT 1)",
    "WITH x AS (INSERT INTO t VALUES ('y', 2)) SELECT 1",
    "WITH x AS (UPDATE t SET b = 2 RETURNING b) SELECT * FROM x",
    "WITH x AS (DELETE FROM t) SELECT 1",
    "WITH y AS (WITH x AS (DELETE FROM t) SELECT 1) SELECT 1",
    r"WITH y AS (SELECT E'\'' AS q), x AS (DELETE FROM t) SELECT '' FROM y",
    "WITH y AS (SELECT $$'$$ AS q), x AS (DELETE FROM t) SELECT '' || '' FROM y",
    "WITH y AS (SELECT $a$'$a$ AS q), x AS (DELETE FROM t) SELECT '' || '' FROM y",
    "WITH /* ' */ x AS (DELETE FROM t) SELECT '' || ''",
    "WITH --'\n x AS (DELETE FROM t) SELECT '' || ''",
    'WITH --"\n x AS (DELETE FROM t) SELECT 1 AS "a"',
    "",
    "-- nothing",
]


@pytest.mark.parametrize("statement", WRITING)
def test_what_does_more_than_read_is_not_run(connection: QueryConnection, folder: Path, statement: str) -> None:
    before = state(folder)
    with pytest.raises(QueryError, match="does more than read"):
        connection.rows(statement.format(folder=folder))
    with pytest.raises(QueryError, match="does more than read"):
        connection.arrow(statement.format(folder=folder))
    assert state(folder) == before
    assert connection.rows("SELECT a, b FROM t") == [("x", 1)]


READING_ELSEWHERE = [
    "SELECT * FROM read_parquet('{folder}/other.parquet')",
    "SELECT * FROM '{folder}/other.parquet'",
    "SELECT * FROM read_parquet('{folder}/link.parquet')",
    "SELECT * FROM read_parquet('{folder}/../{folder.name}/other.parquet')",
    "SELECT * FROM read_parquet('{folder}/*.parquet')",
    "SELECT * FROM read_parquet(['{folder}/part.parquet', '{folder}/other.parquet'])",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM read_csv('{folder}/other.csv')",
    "SELECT * FROM sniff_csv('{folder}/other.csv')",
    "SELECT * FROM read_json('{folder}/other.csv')",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM parquet_metadata('{folder}/other.parquet')",
    "SELECT * FROM read_duckdb('{folder}/other.duckdb')",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT * FROM STOLEN",
    "SELECT * FROM folder",
    "SELECT getenv('HOME')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM enable_profiling()",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{folder}/part.parquet'' (USE_TMP_FILE false)')",
    "SELECT * FROM nowhere",
    "SELECT",
]


@pytest.mark.parametrize("statement", READING_ELSEWHERE)
def test_what_is_not_listed_is_not_read_and_the_engine_is_not_quoted(
    connection: QueryConnection, folder: Path, statement: str
) -> None:
    before = state(folder)
    with pytest.raises(HeadwaterError) as caught:
        connection.rows(statement.format(folder=folder))
    assert str(folder) not in str(caught.value)
    assert "Error:" not in str(caught.value)
    assert state(folder) == before


READING = [
    ("WITH x AS (SELECT 1 AS copy) SELECT copy FROM x", [(1,)]),
    ("SELECT 'delete, update; drop' AS \"insert\" -- create", [("delete, update; drop",)]),
    ("WITH RECURSIVE r AS (SELECT 1 AS copy UNION ALL SELECT copy + 1 FROM r WHERE copy < 2) FROM r", [(1,), (2,)]),
    ("SELECT 1 AS set UNION ALL SELECT 2 EXCEPT SELECT 2", [(1,)]),
    ("VALUES ('copy')", [("copy",)]),
    ("FROM t", [("x", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "rows"), READING, ids=[s for s, _ in READING])
def test_words_of_writing_may_be_names_and_texts(
    connection: QueryConnection, statement: str, rows: list[object]
) -> None:
    assert sorted(connection.rows(statement)) == rows


def test_the_configuration_alone_would_let_a_select_overwrite_a_part(connection: QueryConnection, folder: Path) -> None:
    """Why the gate looks inside: should the engine refuse this one day, the gate may become simpler."""
    statement = f"WITH x AS (COPY (SELECT 'y' AS a, 2 AS b) TO '{folder}/part.parquet' (USE_TMP_FILE false)) SELECT 1"
    assert [s.type for s in connection._connection.extract_statements(statement)] == [duckdb.StatementType.SELECT]
    connection._connection.execute(statement)
    assert connection.rows("SELECT a, b FROM t") == [("y", 2)]


def test_statements_that_differ_in_their_days_alone_are_parsed_once_and_each_has_its_own(folder: Path) -> None:
    connection = QueryConnection({}, memory_mb=256, threads=1, scratch=None)
    text = "SELECT CAST('{0}' AS DATE), CAST('{1}' AS DATE) > CAST('{0}' AS DATE), 'CAST(''{1}'' AS DATE)'"
    for first, second in (("2026-01-31", "2026-02-28"), ("2024-02-29", "1000-01-01"), ("2025-05-05", "2025-05-05")):
        told = (date.fromisoformat(first), second > first, f"CAST('{second}' AS DATE)")
        assert connection.rows(text.format(first, second)) == [told]
        assert list(connection.in_parts(text.format(first, second), 1)) == [[told]]
        assert [tuple(row.values()) for row in connection.arrow(text.format(first, second)).to_pylist()] == [told]
    with pytest.raises(QueryError, match="does not fit"):
        connection.rows("SELECT CAST('2026-02-30' AS DATE)")
    with pytest.raises(QueryError, match="does more than read"):
        connection.rows("DELETE FROM t WHERE d = CAST('2026-02-28' AS DATE)")
    connection.close()


def test_parsed_statements_are_kept_within_their_room_the_longest_unused_going_first() -> None:
    parsed, connection = Parsed(40), duckdb.connect()
    texts = [f"SELECT {i}, CAST('2026-01-0{i}' AS DATE)" for i in (1, 2, 1, 3)]  # 16 characters each without the day
    made = [parsed.get(connection, text)[0] for text in texts]
    assert made[0] is made[2]
    assert [parsed.get(connection, text)[0] is one for text, one in zip(texts[2:], made[2:], strict=True)] == [True] * 2
    assert parsed.get(connection, texts[1])[0] is not made[1]
    connection.close()


def test_a_table_without_parts_is_empty_and_typed() -> None:
    view = View((("a", TEXT), ("amount", MONEY)))
    connection = QueryConnection({"nothing": view}, memory_mb=256, threads=1, scratch=None)
    assert connection.rows("SELECT * FROM nothing") == []
    assert connection.rows("SELECT sum(amount), count(*) FROM nothing") == [(None, 0)]
    assert connection.arrow("SELECT * FROM nothing").schema.types == [pa.string(), pa.decimal128(18, 6)]
    connection.close()


def test_files_of_other_shapes_are_read_as_the_view_says(folder: Path) -> None:
    columns = (("b", MONEY), ("z", TEXT), ("missing", INTEGER))
    view = View(columns, (folder / "part.parquet", folder / "other.parquet"), exact=False)
    connection = QueryConnection({"t": view}, memory_mb=256, threads=1, scratch=None)
    assert sorted(connection.rows("SELECT b, z, missing FROM t"), key=str) == [
        (Decimal(1), None, None),
        (None, "outside", None),
    ]
    connection.close()


def test_a_table_may_have_a_column_called_filename(tmp_path: Path) -> None:
    path = tmp_path / "00000042-abc's" / "t.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"filename": ["x.pdf"]}), path)
    view = View((("filename", TEXT),), (path,), exact=False, batch=True)
    connection = QueryConnection({"t": view}, memory_mb=256, threads=1, scratch=None)
    assert connection.rows("SELECT filename, _batch FROM t") == [("x.pdf", 42)]
    connection.close()


def test_a_statement_can_be_stopped_from_another_thread(connection: QueryConnection) -> None:
    endless = "SELECT count(*) FROM range(10000000000000) WHERE range % 7 = 3"  # hours of work that needs no memory
    stop = threading.Timer(0.3, connection.interrupt)
    stop.start()
    try:
        with pytest.raises(QueryError, match="was stopped"):
            connection.rows(endless)
    finally:
        stop.join()
    assert connection.rows("SELECT 1") == [(1,)]


def test_too_little_memory_is_said_in_our_words(folder: Path) -> None:
    connection = QueryConnection({}, memory_mb=32, threads=1, scratch=None)
    with pytest.raises(WorkspaceError, match="more memory than the 32 MB"):
        connection.rows("SELECT count(*) FROM (SELECT DISTINCT hash(range) FROM range(20000000))")
    connection.close()


def test_what_does_not_fit_in_memory_is_spilled(tmp_path: Path) -> None:
    connection = QueryConnection({}, memory_mb=96, threads=1, scratch=tmp_path)
    statement = "SELECT max(n) FROM (SELECT hash(range) AS h, count(*) AS n FROM range(3000000) GROUP BY ALL)"
    assert connection.rows(statement) == [(1,)]
    connection.close()


def test_a_damaged_part_is_said_in_our_words(folder: Path) -> None:
    path = folder / "part.parquet"
    path.write_bytes(path.read_bytes()[:-6])
    connection = QueryConnection({"t": View(COLUMNS, (path,))}, memory_mb=256, threads=1, scratch=None)
    for _ in range(2):
        with pytest.raises(WorkspaceError, match="missing, damaged") as caught:
            connection.rows("SELECT * FROM t")
        assert "headwater doctor" in caught.value.do
    connection.close()


def test_columns_of_one_file(folder: Path) -> None:
    assert list(read_columns(folder / "part.parquet", ("b", "a"))) == [(1, "x")]


def test_the_engine_prints_no_progress_bar_of_its_own() -> None:
    """It would be printed from two seconds on, over ours and into logs."""
    connection = QueryConnection({}, memory_mb=256, threads=1, scratch=None)
    asked = "SELECT value FROM duckdb_settings() WHERE name = 'enable_progress_bar'"
    assert [one.rows(asked) for one in (connection, connection.another())] == [[("false",)]] * 2
