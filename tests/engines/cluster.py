"""A Spark cluster of our own on this machine: a master and two workers, each in a process group that ends with us."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

WAIT_SECONDS = 120
SETTINGS = {
    "spark.executor.memory": "768m",
    # Small files would be read by one task for each worker; a job of several tasks can be disturbed at several moments.
    "spark.sql.files.minPartitionNum": "16",
}


@dataclass(frozen=True)
class Cluster:
    """The address of the master, the port of the page where it tells its state, what a program needs in its
    environment to use it, and its workers by the folder in which each works."""

    url: str
    page: int
    environment: dict[str, str]
    workers: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)

    def alive(self) -> int:
        """How many workers the master has."""
        asked = HTTPConnection("127.0.0.1", self.page, timeout=10)
        try:
            asked.request("GET", "/json/")
            answer = asked.getresponse()
            if answer.status == HTTPStatus.NOT_FOUND:  # the page listens a moment before it has anything to show
                return 0
            state: Any = json.loads(answer.read())
        finally:
            asked.close()
        return sum(worker["state"] == "ALIVE" for worker in state["workers"])


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A master and two workers of one core each, for the block; nothing of them is left behind, whatever happens."""
    import pyspark

    home = Path(pyspark.__file__).parent
    master, page, *pages = _free_ports(4)
    found = Cluster(f"spark://127.0.0.1:{master}", page, _environment(folder, home))
    with ExitStack() as stack:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else nothing would be ended then
        stack.callback(signal.signal, signal.SIGTERM, before)

        def started(name: str, *words: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [str(home / "bin" / "spark-class"), *words], env=found.environment, cwd=folder, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
            stack.callback(end, process)
            return process

        at = ("--host", "127.0.0.1", "--port", str(master), "--webui-port", str(page))
        started("master", "org.apache.spark.deploy.master.Master", *at)
        until(lambda: _listens(master) and _listens(page), f"the master listens (see {folder}/master.log)")
        for number, port in enumerate(pages):
            work = folder / f"worker-{number}"
            work.mkdir()
            found.workers[work] = started(
                work.name, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", str(port),
                "--cores", "1", "--memory", "1g", "--work-dir", str(work), found.url,
            )  # fmt: skip
        until(lambda: found.alive() == len(found.workers), f"both workers are there (see {folder}/worker-*.log)")
        yield found


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills the whole group of a process that leads one (a worker's holds its executors), and waits for the process."""
    with suppress(ProcessLookupError):  # it has ended by itself, and so have its children
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(true: Callable[[], bool], what: str) -> None:
    """Waits for what must come about. Raises TimeoutError when it does not."""
    last = time.monotonic() + WAIT_SECONDS
    while not true():
        if time.monotonic() > last:
            raise TimeoutError(f"not within {WAIT_SECONDS} seconds: {what}")
        time.sleep(0.05)


def _environment(folder: Path, home: Path) -> dict[str, str]:
    """The environment of this process without another Spark's settings; everything is written below the folder."""
    scratch, settings = folder / "scratch", folder / "conf"
    scratch.mkdir()
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in SETTINGS.items()))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    return kept | {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(settings),
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={scratch} -XX:-UsePerfData",
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
