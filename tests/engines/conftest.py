"""One session an engine for all tests of a worker."""

from collections.abc import Iterator

import pytest

from headwater.store.engines.connecting import Engine, connect

TESTED = ("duckdb", "postgres", "clickhouse", pytest.param("spark", marks=pytest.mark.spark))


@pytest.fixture(scope="session", params=TESTED)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine that is tested, in a session of its own."""
    here = {"duckdb": "duckdb", "clickhouse": "chdb"}
    url = here.get(request.param) or request.getfixturevalue(f"{request.param}_url")
    found = connect(url)
    yield found
    found.close()


def _on_spark(name: str, by: tuple[str, ...]) -> bool:
    """Whether Spark is asked this of the tiny world in every run: every question once, each with one of the splits."""
    from tests.engines.test_worlds import QUESTIONS, SPLITS

    return SPLITS[list(QUESTIONS).index(name) % len(SPLITS)] == by


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the other questions of the tiny world to the long checks where Spark is asked."""
    for item in items:
        given = getattr(item, "callspec", None)
        if given is None or item.path.name != "test_worlds.py" or given.params.get("engine") != "spark":
            continue
        if not _on_spark(given.params["name"], given.params["by"]):
            item.add_marker(pytest.mark.verify)
