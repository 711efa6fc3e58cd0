"""Tables in memory: the same rows as from the files, for every connection, within a number of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.errors import QueryError, WorkspaceError
from headwater.model.types import INTEGER, TEXT
from headwater.store.engines.duckdb import QueryConnection
from headwater.store.engines.view import View

COLUMNS = (("a", TEXT), ("b", INTEGER))
SMALL, LARGE = "SELECT a, b FROM small ORDER BY ALL", "SELECT count(*), sum(b), min(a) FROM large"


@pytest.fixture
def views(tmp_path: Path) -> dict[str, View]:
    def part(name: str, texts: list[str | None], numbers: list[int | None]) -> Path:
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"a": texts, "b": pa.array(numbers, pa.int64())}), path)
        return path

    small = (part("s1", ["x", None], [1, 2]), part("s2", ["it's"], [None]))
    large = (part("l1", [f"text {i * 7919 % 5000}" for i in range(5000)], list(range(5000))),)
    return {"small": View(COLUMNS, small), "large": View(COLUMNS, large), "empty": View(COLUMNS)}


@pytest.fixture
def connection(views: dict[str, View]) -> Iterator[QueryConnection]:
    made = QueryConnection(views, memory_mb=256, threads=2, scratch=None)
    yield made
    made.close()


def test_tables_in_memory_have_the_rows_of_their_files(connection: QueryConnection, views: dict[str, View]) -> None:
    reading = connection.another()  # opened before, and it has read from the files
    before = [reading.rows(SMALL), reading.rows(LARGE), reading.rows("SELECT * FROM empty")]
    holding = connection.another()
    assert holding.hold(10**9) == 2
    holding.close()
    for view in views.values():
        for file in view.files:
            file.unlink()
    for one in (reading, connection.another()):
        assert [one.rows(SMALL), one.rows(LARGE), one.rows("SELECT * FROM empty")] == before
    assert before[0] == [("it's", None), ("x", 1), (None, 2)]


def test_what_is_not_held_is_found_by_all_whoever_asks_first(connection: QueryConnection) -> None:
    before = connection.another()
    connection.hold(0)
    assert connection.another().rows("SELECT count(*) FROM empty") == [(0,)]
    assert before.rows("SELECT count(*) FROM empty") == [(0,)]
    assert before.rows(SMALL) == connection.another().rows(SMALL)


def test_the_smallest_are_taken_as_far_as_the_bytes_go(connection: QueryConnection, views: dict[str, View]) -> None:
    size = sum(f.stat().st_size for f in views["small"].files)
    assert connection.hold(size) == 1
    assert connection.rows(LARGE) == [(5000, 5000 * 4999 // 2, "text 0")]
    for file in (*views["small"].files, *views["large"].files):
        file.unlink()
    assert len(connection.rows(SMALL)) == 3
    with pytest.raises(WorkspaceError):
        connection.rows(LARGE)


def test_what_holds_tables_still_only_reads(connection: QueryConnection) -> None:
    connection.hold(10**9)
    for text in ("DROP TABLE held.main.small", "INSERT INTO held.main.small VALUES ('y', 3)", "DETACH held"):
        with pytest.raises(QueryError):
            connection.rows(text)
    assert len(connection.rows(SMALL)) == 3


def test_files_are_checked_before_they_are_taken(views: dict[str, View]) -> None:
    def refuse(files: tuple[Path, ...]) -> None:
        raise WorkspaceError(f"{len(files)} files are not to be trusted")

    bad = {"small": View(COLUMNS, views["small"].files, check=refuse)}
    made = QueryConnection(bad, memory_mb=256, threads=1, scratch=None)
    with pytest.raises(WorkspaceError, match="2 files are not to be trusted"):
        made.hold(10**9)
    made.close()


def test_statements_that_share_a_table_read_it_from_memory(connection: QueryConnection, views: dict[str, View]) -> None:
    other = connection.another()
    asked = [
        SMALL,
        "SELECT count(*) FROM small",
        "SELECT b FROM small WHERE a = 'x'",
        "SELECT max(b) FROM small",
        LARGE,
    ]
    before = [connection.rows(text) for text in asked]
    with connection.sharing(asked) as sharing:
        assert sharing is not connection
        for file in views["small"].files:
            file.rename(file.with_suffix(".away"))
        assert [sharing.rows(text) for text in asked] == before
        for text in ("DROP TABLE small", "INSERT INTO small VALUES ('y', 3)", "CREATE TABLE more AS SELECT 1"):
            with pytest.raises(QueryError):
                sharing.rows(text)
        for reading in (connection, other):  # for nobody else
            with pytest.raises(WorkspaceError):
                reading.rows(SMALL)
        for file in views["small"].files:
            file.with_suffix(".away").rename(file)
        for file in views["large"].files:
            file.unlink()
        with pytest.raises(WorkspaceError):  # only one statement named it
            sharing.rows(LARGE)
    assert connection.rows(SMALL) == before[0]


def test_a_table_that_few_name_or_that_is_large_is_not_taken(views: dict[str, View]) -> None:
    made = QueryConnection(views, memory_mb=64, threads=1, scratch=None)
    with made.sharing([SMALL] * 2) as sharing:
        assert sharing is made
    least = sum(f.stat().st_size for f in views["small"].files)
    assert made._attached().worth_taking([SMALL] * 4, least - 1) == []
    assert [name for name, _ in made._attached().worth_taking([SMALL, LARGE] * 4, least)] == ["small"]
    made.hold(10**9)
    with made.sharing([SMALL] * 4) as sharing:  # it is in memory
        assert sharing is made
    made.close()


def test_files_are_checked_before_statements_share_them(views: dict[str, View]) -> None:
    def refuse(files: tuple[Path, ...]) -> None:
        raise WorkspaceError(f"{len(files)} files are not to be trusted")

    made = QueryConnection(
        {"small": View(COLUMNS, views["small"].files, check=refuse)}, memory_mb=256, threads=1, scratch=None
    )
    with pytest.raises(WorkspaceError, match="2 files are not to be trusted"), made.sharing([SMALL] * 4):
        pass
    made.close()
