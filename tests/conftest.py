"""What every test shares: Hypothesis profiles, the shared data folder, the long checks, and the rule about skips."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

REPOSITORY = Path(__file__).resolve().parent.parent
VERIFY = os.environ.get("HEADWATER_VERIFY") == "1"
NO_SKIPS = os.environ.get("HEADWATER_NO_SKIPS") == "1"

# `ci` draws the same examples in every run, so that a red test is red for everybody; `verify` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile(
    "verify", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("verify" if VERIFY else "ci")


@pytest.fixture(scope="session")
def small_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small company of `tests/surface.py`, built once. A test that writes takes a copy, which has the
    parsed definitions with it."""
    from tests.surface import small_company

    return small_company(tmp_path_factory.mktemp("small-built")).path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets: HEADWATER_SHARED_DATA, else `shared/data` beside the repository."""
    named = os.environ.get("HEADWATER_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the shared data sets: {folder} is not a folder (set HEADWATER_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def spark_url() -> str:
    """The address of a Spark beside this process."""
    from tests.engines import servers

    missing = servers.missing_for_spark()
    if missing:
        pytest.skip(missing)
    return "spark:local[2]"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL of our own, which ends with the session."""
    from tests.engines import servers

    bin_ = servers.programs()
    if bin_ is None:
        pytest.skip("needs PostgreSQL's server programs (on Debian: apt install postgresql)")
    with servers.postgres(bin_) as url:
        yield url


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A property test is a long check too when there is time; a test marked `verify` waits for that time.

    Tests on Spark come first, and those that ask other engines of the same worlds: two workers begin with a half of all
    tests each (and who is ready takes from the end of the other's), so that one of them runs all of these, one Java
    program starts and no world is built twice.
    """
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("spark", "beside_spark")))
    if VERIFY:
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker(pytest.mark.verify)
        return
    waiting = [item for item in items if item.get_closest_marker("verify")]
    if waiting:
        config.hook.pytest_deselected(items=waiting)
        items[:] = [item for item in items if not item.get_closest_marker("verify")]


def pytest_collection_finish() -> None:
    """What the collected tests hold stays to the end: looking for garbage in it again and again takes a twentieth of
    the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    """Lets go of it, as every program does at its end: modules of C count what they leave behind."""
    gc.unfreeze()


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")  # absent in the workers of a parallel run
    return len(reporter.stats.get("skipped", [])) if reporter else 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With HEADWATER_NO_SKIPS=1 a skipped test fails the run: a check that did not run is not a check that passed."""
    if NO_SKIPS and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says why a run without a failed test is red."""
    if NO_SKIPS and _skipped(config):
        terminalreporter.write_line("HEADWATER_NO_SKIPS=1: the skipped tests below fail this run", red=True, bold=True)
