"""A long question on a cluster that loses a worker meanwhile, asked in a process of its own: a process has one Spark.

`python -m tests.engines.lost_worker LOSS`, with a Loss as JSON, prints what happened as one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal

from headwater.metrics.render import render
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Order, Scan, Sort
from headwater.model.types import INTEGER, TEXT
from headwater.store.engines.connecting import Engine, connect
from headwater.store.engines.view import View
from tests.engines.cluster import until

Moment = Literal["in its first task", "with results that others need", "in a later stage"]

COLUMNS = (("channel", TEXT), ("person", TEXT), ("seconds", INTEGER))
DIGESTS = 2


def _digests(number: int) -> NamedAgg:
    """Work for every row: the sum of numbers drawn from a text by MD5, the same on every engine."""
    drawn = Op("bucket_of", (Op("concat", (Col("person"), Lit(f" {number}"))), Lit(1009)))
    return NamedAgg(f"digests_{number}", Agg("sum", drawn))


QUESTION = Sort(
    Group(
        Scan("visits"),
        (Named("channel", Col("channel")),),
        (
            NamedAgg("visits", Agg("count_rows")),
            NamedAgg("people", Agg("count_distinct", Col("person"))),
            NamedAgg("seconds", Agg("sum", Col("seconds"))),
            *(_digests(number) for number in range(DIGESTS)),
        ),
    ),
    (Order(Col("channel")),),
)
"""Visits, people and seconds by channel: rows are shuffled to count people, and take their time."""


@dataclass(frozen=True)
class Loss:
    """Whom to ask, over which files, which worker's process group to kill, and when."""

    master: str
    files: tuple[str, ...]
    worker: str
    group: int
    moment: Moment


@dataclass(frozen=True)
class Story:
    """What happened, as Spark told it. Tasks are those that ran on the worker when it was killed."""

    undisturbed: str
    undisturbed_seconds: float
    disturbed: str
    disturbed_seconds: float
    seconds_until_kill: float
    executor: str
    executor_lost: str
    done_before: int
    running: tuple[str, ...]
    became: tuple[str, ...]
    done_elsewhere: int


def asked(engine: Engine, files: tuple[Path, ...]) -> str:
    """The digest of the answer over these files."""
    engine.attach({"visits": View(COLUMNS, files)})
    rows = [tuple(str(value) for value in row) for row in engine.rows(render(QUESTION, engine.spelling).text)]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """One task, as Spark's status store tells it (which its page and its REST service tell, too)."""

    stage: int
    number: int
    executor: str
    state: str
    error: str

    def __str__(self) -> str:
        return f"task {self.number} of stage {self.stage} {self.state}" + (f": {self.error}" if self.error else "")


class Status:
    """What Spark tells of itself while it computes."""

    def __init__(self, context: Any) -> None:
        self._store = context._jsc.sc().statusStore()

    def executors(self) -> dict[str, str]:
        """Each executor that there ever was, with the reason why it was lost; '' while it lives."""
        told = {}
        for one in _each(self._store.executorList(False)):
            reason = one.removeReason()
            told[one.id()] = "" if one.isActive() else reason.get() if reason.isDefined() else "removed"
        return {name: lost for name, lost in told.items() if name != "driver"}

    def last_stage(self) -> int:
        """The greatest number of a stage so far, -1 before the first."""
        return max((stage.stageId() for stage in self._stages()), default=-1)

    def tasks(self, after: int) -> list[Task]:
        """The tasks of the stages after this one, in every attempt, by stage and number."""
        found = []
        for stage in self._stages():
            if stage.stageId() <= after:
                continue
            for task in _each(self._store.taskList(stage.stageId(), stage.attemptId(), 10_000)):
                error = task.errorMessage()
                told = error.get().splitlines()[0] if error.isDefined() else ""
                found.append(Task(stage.stageId(), task.taskId(), task.executorId(), task.status(), told))
        return sorted(found, key=lambda task: (task.stage, task.number))

    def _stages(self) -> list[Any]:
        defaults = [getattr(self._store, f"stageList$default${place}")() for place in (2, 3, 4, 5)]
        return _each(self._store.stageList(None, *defaults))


def _each(sequence: Any) -> list[Any]:
    return [sequence.apply(index) for index in range(sequence.size())]


def is_the_moment(moment: Moment, on_it: list[Task], first_stage: int) -> bool:
    """Whether the worker, which has these tasks, runs one at the moment that is meant."""
    running = [task for task in on_it if task.state == "RUNNING"]
    match moment:
        case "in its first task":
            return bool(running)
        case "with results that others need":
            return any(sum(t.stage == r.stage and t.state == "SUCCESS" for t in on_it) >= 3 for r in running)
        case "in a later stage":
            return any(task.stage > first_stage for task in running)


def lose(loss: Loss) -> Story:
    """Asks twice, and kills the worker while it works on the second answer. Raises RuntimeError where it never ran a
    task at the moment that is meant."""
    engine, files = connect(loss.master), tuple(Path(file) for file in loss.files)
    status = Status(engine._sessions.running.context)  # type: ignore[attr-defined]
    until(lambda: len(status.executors()) == 2, "each worker has an executor")
    (executor,) = (folder.name for folder in Path(loss.worker).glob("app-*/*") if folder.is_dir())
    began = time.monotonic()
    undisturbed = asked(engine, files)
    undisturbed_seconds = time.monotonic() - began
    before, answered = status.last_stage(), Event()
    began = time.monotonic()

    def kill() -> tuple[float, list[Task]]:
        while True:
            tasks = status.tasks(before)
            on_it = [task for task in tasks if task.executor == executor]
            if is_the_moment(loss.moment, on_it, min((task.stage for task in tasks), default=0)):
                os.killpg(loss.group, signal.SIGKILL)
                return time.monotonic() - began, on_it
            if answered.wait(0.02):
                raise RuntimeError(f"the question was answered before the worker was seen {loss.moment}")

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)
        try:
            disturbed = asked(engine, files)
        finally:
            answered.set()
        disturbed_seconds = time.monotonic() - began
        seconds_until_kill, on_it = killing.result()
    until(lambda: bool(status.executors()[executor]), "Spark misses the executor")
    afterwards = status.tasks(before)
    running = [task for task in on_it if task.state == "RUNNING"]
    return Story(
        undisturbed,
        round(undisturbed_seconds, 1),
        disturbed,
        round(disturbed_seconds, 1),
        round(seconds_until_kill, 1),
        executor,
        status.executors()[executor],
        sum(task.state == "SUCCESS" for task in on_it),
        tuple(str(task) for task in running),
        tuple(str(task) for task in afterwards if task.number in {one.number for one in running}),
        sum(task.state == "SUCCESS" and task.executor != executor for task in afterwards),
    )


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asdict(lose(Loss(**given)))))
