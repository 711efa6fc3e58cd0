"""A Spark cluster loses a worker while it computes: the other one finishes, and the answer is the same.

HEADWATER_VERIFY=1 python -m pytest -m verify tests/engines/test_lost_worker.py
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest

from headwater.store.engines.connecting import connect
from tests.conftest import REPOSITORY
from tests.engines.cluster import Cluster, cluster, end, until
from tests.engines.lost_worker import Loss, Moment, Story, Task, asked, is_the_moment

PARTS, ROWS = 16, 200_000
DONE: dict[Moment, int] = {"in its first task": 0, "with results that others need": 3, "in a later stage": 1}
"""How many tasks the worker has done by then, at least."""

pytestmark = [pytest.mark.spark, pytest.mark.verify]


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Three million drawn rows in sixteen files."""
    folder = tmp_path_factory.mktemp("visits")
    files = tuple(folder / f"{part:064}.parquet" for part in range(PARTS))
    with duckdb.connect() as writer:
        for part, file in enumerate(files):
            drawn = writer.sql(f"SELECT i FROM range({part * ROWS}, {(part + 1) * ROWS}) t(i)")
            drawn.project(
                "concat('channel ', i % 7) AS channel, concat('person ', hash(i) % 900000) AS person, "
                "CAST(hash(i + 1) % 3600 AS BIGINT) AS seconds"
            ).write_parquet(str(file))
    return files


@pytest.fixture(scope="module")
def expected(visits: tuple[Path, ...]) -> str:
    """The digest of the answer of the engine inside."""
    engine = connect("duckdb")
    try:
        return asked(engine, visits)
    finally:
        engine.close()


@pytest.mark.usefixtures("spark_url")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("number", "moment"), [
    (0, "in its first task"),
    (1, "with results that others need"),
    (0, "in a later stage"),
])  # fmt: skip
def test_the_answer_is_the_same_when_a_worker_is_killed(
    number: int, moment: Moment, visits: tuple[Path, ...], expected: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with cluster(tmp_path) as found:
        assert found.alive() == 2
        folder, worker = list(found.workers.items())[number]
        loss = Loss(found.url, tuple(str(file) for file in visits), str(folder), worker.pid, moment)
        story = driven(found, loss, tmp_path)
        assert worker.wait(30) == -signal.SIGKILL
        until(lambda: found.alive() == 1, "the master misses the worker")
    with capsys.disabled():
        print(f"\n{folder.name} killed {moment}")
        for name, value in asdict(story).items():
            print(f"  {name:20} {value}")
    assert story.undisturbed == story.disturbed == expected
    assert story.done_before >= DONE[moment]
    # One of the tasks that Spark told as running may have ended in the moment before the signal; not all have.
    lost = [task for task in story.became if f"FAILED: ExecutorLostFailure (executor {story.executor} " in task]
    assert lost, story.became
    assert story.executor_lost
    assert story.done_elsewhere > 0


def driven(found: Cluster, loss: Loss, folder: Path) -> Story:
    """What the process that asks tells; it has ended then, and its Java program with it."""
    words = [sys.executable, "-m", "tests.engines.lost_worker", json.dumps(asdict(loss))]
    with (folder / "asking.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=REPOSITORY, env=found.environment, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        try:
            told, _ = process.communicate(timeout=600)
        finally:
            end(process)
    assert process.returncode == 0, (folder / "asking.log").read_text()[-4000:]
    return Story(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(told).items()})


def test_the_moment_is_one_in_which_the_worker_runs_a_task() -> None:
    done = [Task(3, number, "1", "SUCCESS", "") for number in range(3)]
    running = Task(3, 3, "1", "RUNNING", "")
    assert not is_the_moment("in its first task", done, 3)
    assert is_the_moment("in its first task", [running], 3)
    assert not is_the_moment("with results that others need", [*done[:2], running], 3)
    assert is_the_moment("with results that others need", [*done, running], 3)
    assert not is_the_moment("in a later stage", [*done, running], 3)
    assert is_the_moment("in a later stage", [*done, running], 2)
