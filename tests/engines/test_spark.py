"""What is Spark's own: statements that only read, stopping, files under any name, and an address that leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest

from headwater.errors import EngineError, HeadwaterError, QueryError, StoppedError
from headwater.metrics.render import render
from headwater.model.plan import Lit, Named, Project, Values
from headwater.model.types import BOOLEAN, DAY, INTEGER, TEXT, TIME, parse_type
from headwater.store.engines.connecting import Engine, connect
from headwater.store.engines.view import View

pytestmark = pytest.mark.spark

COLUMNS = (
    ("id", TEXT), ("n", INTEGER), ("amount", parse_type("number(18,2)")), ("day", DAY), ("at", TIME),
    ("open", BOOLEAN),
)  # fmt: skip
ROWS = [
    ("a", 1 << 62, Decimal("9999999999999999.99"), date(1969, 12, 31), datetime(2024, 10, 27, 1, 30, 0, 1), True),
    ("b", None, None, None, None, None),
    ("", -1, Decimal("-0.01"), date(9999, 12, 31), datetime(1815, 12, 10), False),
]


@pytest.fixture(scope="module")
def spark(spark_url: str) -> Iterator[Engine]:
    found = connect(spark_url)
    yield found
    found.close()


def parts(folder: Path) -> tuple[Path, ...]:
    """The rows in two files, as a build writes them."""
    files = []
    kinds = 'id varchar, n bigint, amount decimal(18, 2), day date, "at" timestamp, open boolean'
    with duckdb.connect() as writer:
        writer.execute(f"create table t ({kinds})")
        writer.executemany("insert into t values (?, ?, ?, ?, ?, ?)", ROWS)
        for number, condition in enumerate(("id = 'a'", "id <> 'a'")):
            files.append(folder / f"{number:064}.parquet")
            writer.sql(f"from t where {condition}").write_parquet(str(folder / "part"))
            (folder / "part").rename(files[-1])
    return tuple(files)


def told(engine: Engine) -> list[object]:
    return sorted(engine.rows("SELECT id, n, amount, day, at, open FROM t"), key=lambda row: "ab".find(row[0] or "z"))


def test_files_are_read_exactly_under_any_path(spark: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "a [b] {c,d} 100% *? \u00e4"
    folder.mkdir()
    engine = spark.another()
    engine.attach({"t": View(COLUMNS, parts(folder)), "nothing": View(COLUMNS)})
    assert told(engine) == sorted(ROWS, key=lambda row: "ab".find(row[0] or "z"))
    assert engine.rows("SELECT id, amount, at FROM nothing") == []
    (counted,) = engine.another().rows("SELECT count(*) AS n, max(typeof(amount)), max(typeof(at)) FROM t")
    assert counted == (3, "decimal(18,2)", "timestamp_ntz")


def test_parts_are_found_under_the_address_that_is_named(spark_url: str, tmp_path: Path) -> None:
    """Workers that do not see the folder of the workspace read a copy: a part has the same name everywhere."""
    there = tmp_path / "bucket"
    there.mkdir()
    here = tuple(tmp_path / "gone" / file.name for file in parts(there))
    engine = connect(f"{spark_url}?parts={there.as_uri()}/")
    engine.attach({"t": View(COLUMNS, here)})
    assert len(told(engine)) == len(ROWS)


def test_a_file_that_a_worker_does_not_see_is_told(spark: Engine, tmp_path: Path) -> None:
    engine = spark.another()
    engine.attach({"t": View(COLUMNS, (tmp_path / "gone.parquet",))})
    with pytest.raises(EngineError, match="does not find the stored files"):
        engine.rows("SELECT id FROM t")


def test_a_file_is_checked_before_it_is_read(spark: Engine, tmp_path: Path) -> None:
    def check(files: tuple[Path, ...]) -> None:
        raise HeadwaterError(f"{len(files)} are not to be trusted")

    engine = spark.another()
    engine.attach({"t": View(COLUMNS, parts(tmp_path), check=check)})
    with pytest.raises(HeadwaterError, match="2 are not to be trusted"):
        engine.rows("SELECT id FROM t")


@pytest.mark.parametrize("text", [
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW t",
    "SET spark.sql.ansi.enabled = false",
    "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
    "CACHE TABLE t",
])  # fmt: skip
def test_what_does_more_than_read_is_not_run(spark: Engine, text: str) -> None:
    with pytest.raises(QueryError, match="more than read"):
        spark.rows(text)


@pytest.mark.parametrize("text", ["SELECT 1 a) UNION ALL (SELECT 2", "SELECT * FROM parquet.`/etc`", "SELEC 1", ""])
def test_what_cannot_be_read_is_refused(spark: Engine, text: str) -> None:
    with pytest.raises(HeadwaterError, match="refused a statement"):
        spark.rows(text)


def test_a_text_that_looks_like_a_variable_stays_as_it_is(spark: Engine) -> None:
    texts = ("${env:HOME}", "${spark.master}", "{{x}}", ":name", "?")
    one = Project(Values((("n", INTEGER),), ((1,),)), tuple(Named(f"c{i}", Lit(t)) for i, t in enumerate(texts)))
    assert spark.rows(render(one, "spark").text) == [texts]


def test_what_runs_is_stopped_and_the_session_stays(spark: Engine) -> None:
    """As a reader stops: again and again, since a request before the first job finds nothing."""
    other, done = spark.another(), Event()

    def stop() -> None:
        while not done.wait(0.05):
            other.interrupt()

    stopping = Thread(target=stop)
    stopping.start()
    try:
        with pytest.raises(StoppedError):
            other.rows("SELECT count(*) AS n FROM range(9000000000000) WHERE id % 7 = 3")
    finally:
        done.set()
        stopping.join()
    assert other.rows("SELECT 1 AS n") == spark.rows("SELECT 1 AS n") == [(1,)]


@pytest.mark.parametrize("url", ["spark:local[2]?x=y", "spark:local[2]?parts", "spark:yarn", "spark://"])
def test_an_address_that_is_none(spark_url: str, url: str) -> None:
    with pytest.raises(QueryError, match="no address of a Spark"):
        connect(url)


def test_a_process_has_one_spark(spark: Engine) -> None:
    with pytest.raises(EngineError, match="already computes on"):
        connect("spark:local[3]")
