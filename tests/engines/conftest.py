"""One session an engine for all tests of a worker."""

from collections.abc import Iterator

import pytest

from headwater.store.engines.connecting import Engine, connect
from tests.engines import servers

TESTED = ("duckdb", "postgres", "clickhouse")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    bin_ = servers.programs()
    if bin_ is None:
        pytest.skip("needs PostgreSQL's server programs (on Debian: apt install postgresql)")
    with servers.postgres(bin_) as url:
        yield url


@pytest.fixture(scope="session", params=TESTED)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine that is tested, in a session of its own."""
    url = {"duckdb": "duckdb", "clickhouse": "chdb"}.get(request.param) or request.getfixturevalue("postgres_url")
    found = connect(url)
    yield found
    found.close()
