"""Spark: sessions in UTC and ANSI mode, in this process (`spark:local[2]`) or on a cluster (`spark://host:7077`), over
exactly the files of a generation."""

from __future__ import annotations

import atexit
import itertools
import logging
import re
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn
from urllib.parse import parse_qs

from headwater.errors import EngineError, HeadwaterError, QueryError, StoppedError, WorkspaceError
from headwater.model.types import Kind, Type
from headwater.store.engines.driver import missing_driver, without_password
from headwater.store.engines.view import View

_SESSION = {
    "spark.app.name": "headwater",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error and no other number
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.variable.substitute": "false",  # else a text like ${env:HOME} becomes what it names
    "spark.sql.runSQLOnFiles": "false",  # no file but those of the views
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # A generation has more files than Spark lists without a job of its own; here they are on a disk.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # Small data is answered sooner by code that is compiled once and quickly; all of it has to find room, else it is
    # thrown away and compiled again after some two hundred statements.
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
}
_NO_FILE = ("PATH_NOT_FOUND", "FAILED_READ_FILE", "FileNotFoundException")
_LEAST_MB = 512
"""Spark itself refuses to start with less."""

_ANSWER_SECONDS = 5.0
_WORKER_SECONDS = 60.0
_PATTERN = re.compile(r"[\[\]{}*?\\]")
_GROUPS = itertools.count(1)
_MASTER = re.compile(r"local(\[(\*|\d+)(,\d+)?\])?|spark://[^/?#\s]+", re.IGNORECASE)


class SparkConnection:
    """A session of the process's one Spark, which ends with the process: starting it takes seconds, and a server asks
    it again and again. Statements of one connection are one job group, which `interrupt` cancels."""

    spelling = "spark"

    def __init__(self, url: str, *, memory_mb: int = 1024) -> None:
        master, parts = _address(url)
        self._begin(_Sessions(_started(master, memory_mb, url), parts))
        self.version = f"Spark {self._sessions.session.version}"

    def _begin(self, sessions: _Sessions) -> None:
        self._sessions, self._interrupted = sessions, False
        self._group = f"headwater-{next(_GROUPS)}"

    def attach(self, views: Mapping[str, View], generation: str = "") -> None:
        """From now on statements of this connection, and of those it opens later, read these views."""
        self._sessions = _Sessions(self._sessions.running, self._sessions.parts, dict(views))

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        columns = [column.to_pylist() for column in self.arrow(text).columns]
        return list(zip(*columns, strict=True))

    def arrow(self, text: str) -> Any:
        """The rows of one SELECT as an Arrow table."""
        self._interrupted = False
        session, context = self._sessions.session, self._sessions.running.context
        try:
            context.setJobGroup(self._group, "headwater", interruptOnCancel=True)
            self._check(text)
            self._sessions.define(text)
            return session.sql(text).toArrow()
        except HeadwaterError:
            raise
        except Exception as error:  # the driver's, Py4J's, and those of a connection that is gone
            self._raise(error)

    def another(self) -> SparkConnection:
        """The same session with a job group of its own, for one more thread."""
        other = object.__new__(SparkConnection)
        other._begin(self._sessions)
        other.version = self.version
        return other

    def interrupt(self) -> None:
        """Cancels the jobs of what runs now, from another thread."""
        self._interrupted = True
        try:
            self._sessions.running.context.cancelJobGroup(self._group)
        except Exception as error:  # a Spark that is gone runs nothing; whoever waits for it is told by its own call
            if not self._sessions.running.gone(error):
                raise

    def close(self) -> None:
        """Nothing: the session goes with its last connection, Spark with the process."""

    def _check(self, text: str) -> None:
        """Raises QueryError for a text that does more than read: Spark runs it as soon as it is told. Only a query can
        stand in brackets."""
        from pyspark.errors import ParseException

        parser = self._sessions.session._jsparkSession.sessionState().sqlParser()
        try:
            parser.parsePlan(f"(\n{text}\n)")
        except ParseException as error:
            try:
                parser.parsePlan(text)
            except ParseException:
                raise _refused(error) from error
            raise QueryError(
                "this statement does more than read, so it was not run", do="Ask with one SELECT."
            ) from error

    def _raise(self, error: Exception) -> NoReturn:
        told = str(error)
        if self._interrupted and "cancelled" in told.lower():
            raise StoppedError from error
        if self._sessions.running.gone(error):
            raise EngineError(
                "Spark ended while it was asked", do="Ask again; look at the cluster when that happens again."
            ) from error
        if "OutOfMemoryError" in told:
            raise WorkspaceError(
                "this needs more memory than Spark has",
                do="Raise 'memory_mb' in headwater.yml, or the memory of the workers in Spark's own settings.",
            ) from error
        if any(word in told for word in _NO_FILE):
            raise EngineError(
                "Spark does not find the stored files",
                do="Put them where every worker sees them under the same path, or name an object store in the address: "
                "spark://host:7077?parts=s3a://bucket/parts (see docs/outgrown.md).",
            ) from error
        raise _refused(error) from error


def _refused(error: Exception) -> HeadwaterError:
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return HeadwaterError(f"Spark refused a statement ({first[:200]})", do="This is a fault of Headwater: report it.")


@dataclass(eq=False, slots=True)
class _Running:
    """The Spark of this process: its context, and the Java program behind it."""

    master: str
    context: Any
    gateway: Any

    def gone(self, error: Exception | None = None) -> bool:
        """Whether it ended, by itself or with its Java program; `error`: what was told by a call that failed."""
        from py4j.protocol import Py4JError, Py4JJavaError

        if self.gateway.proc.poll() is not None:
            return True
        if isinstance(error, OSError) or (isinstance(error, Py4JError) and not isinstance(error, Py4JJavaError)):
            return True
        try:
            return bool(self.context._jsc.sc().isStopped())
        except (Py4JError, OSError, AttributeError):  # a stopped context has none
            return True


@dataclass(eq=False, slots=True)
class _Sessions:
    """What the connections to one generation share: a session whose views are made when a statement first names them:
    a cluster that is asked for one table opens the files of one."""

    running: _Running
    parts: str
    waiting: dict[str, View] = field(default_factory=dict)
    session: Any = field(init=False)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        from pyspark.sql import SparkSession

        self.session = SparkSession(self.running.context).newSession()

    def define(self, text: str) -> None:
        """Makes every view whose name occurs in the text; one that is not meant does no harm."""
        with self.lock:
            for name in [name for name in self.waiting if name in text]:
                view = self.waiting[name]
                if view.check is not None and not self.parts:
                    view.check(view.files)
                self._rows(view).createOrReplaceTempView(name)
                del self.waiting[name]

    def _rows(self, view: View) -> Any:
        from pyspark.sql.functions import lit
        from pyspark.sql.types import StructField, StructType

        columns = [(name, _stored_type(type_)) for name, type_ in view.columns]
        if not view.files:
            return self.session.range(0).select(*(lit(None).cast(type_).alias(name) for name, type_ in columns))
        schema = StructType([StructField(name, type_) for name, type_ in columns])
        return self.session.read.schema(schema).parquet(*self._paths(view.files))

    def _paths(self, files: Sequence[Path]) -> list[str]:
        """Where Spark finds the files: a part is named by its content, so it has the same name everywhere."""
        if self.parts:
            return [f"{self.parts}/{file.name}" for file in files]
        # A sign of a pattern is taken literally. (Told to take none for patterns, Spark reads such files twice.)
        return [_PATTERN.sub(r"\\\g<0>", f"file://{file.absolute()}") for file in files]


def _stored_type(type_: Type) -> Any:
    """The engine's type of a stored column, which may be missing. Times have no zone: all are in UTC."""
    from pyspark.sql import types

    match type_.kind:
        case Kind.TEXT | Kind.ID:
            return types.StringType()
        case Kind.INTEGER:
            return types.LongType()
        case Kind.NUMBER | Kind.MONEY:
            return types.DecimalType(type_.precision, type_.scale)
        case Kind.DAY:
            return types.DateType()
        case Kind.TIME:
            return types.TimestampNTZType()
        case Kind.BOOLEAN:
            return types.BooleanType()


# --- the Spark of this process ----------------------------------------------------------------------------------------

_lock = Lock()
_current: list[_Running] = []
"""The one that runs, if there is one."""


def _address(url: str) -> tuple[str, str]:
    """The master and where the parts are, '' for the workspace's own folder."""
    address, _, options = url.partition("?")
    master = address if address.lower().startswith("spark://") else address.partition(":")[2] or "local[2]"
    named = parse_qs(options)
    if not _MASTER.fullmatch(master) or set(named) - {"parts"} or bool(options) != bool(named):
        raise QueryError(
            f"this is no address of a Spark: {without_password(url)!r}",
            do="Write spark:local[2], spark://host:7077, or spark://host:7077?parts=s3a://bucket/parts.",
        )
    return master, named.get("parts", [""])[0].rstrip("/")


def _started(master: str, memory_mb: int, url: str) -> _Running:
    """The Spark of this process, started when there is none."""
    with _lock:
        for running in [one for one in _current if not one.gone()]:
            if running.master == master:
                return running
            raise EngineError(
                f"this process already computes on {running.master}",
                where=without_password(url),
                do="A process has one Spark: start the program again.",
            )
        _end()
        _current.append(running := _start(master, memory_mb, url))
        return running


def _start(master: str, memory_mb: int, url: str) -> _Running:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it looks at the version of pandas, which is not used
            import pyspark.testing.utils  # noqa: F401 - the driver reads it later, and it is what looks
            from pyspark import SparkConf, SparkContext
            from pyspark.java_gateway import launch_gateway
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise missing_driver("Spark", "spark") from error
    logging.getLogger("SQLQueryContextLogger").disabled = True  # it writes what is raised on the screen, too
    local = not master.lower().startswith("spark://")
    if not local:
        _reach(master, url)
    conf = SparkConf(loadDefaults=False)
    for name, value in (_SESSION | (_of_this_machine(master, memory_mb) if local else {})).items():
        conf.set(name, value)
    conf.setMaster(master)
    with tempfile.TemporaryFile() as log:  # what Java tells of its start belongs to nobody's screen
        gateway = None
        try:
            gateway = launch_gateway(conf, {"stdout": log, "stderr": subprocess.STDOUT})
            context = SparkContext(conf=conf, gateway=gateway)
        except Exception as error:  # a missing Java, an old one, a master that refuses: each comes as another class
            _forget(gateway)
            log.seek(0)
            raise EngineError(
                f"Spark does not start ({_reason(log.read().decode(errors='replace'), error)})",
                where=without_password(url),
                do="Spark needs Java 17 or newer here; check the address of the master.",
            ) from error
    context.setLogLevel("OFF")
    running = _Running(master, context, gateway)
    SparkSession(context)
    if not local:
        _wait_for_a_worker(running, url)
    return running


def _of_this_machine(master: str, memory_mb: int) -> dict[str, str]:
    """What a Spark inside one machine needs: its memory, and no more parts of a shuffle than there are threads."""
    threads = re.search(r"\[(\d+)", master)
    return _LOCAL | {
        "spark.driver.memory": f"{max(memory_mb, _LEAST_MB)}m",
        "spark.sql.shuffle.partitions": threads[1] if threads else "4",
    }


def _reach(master: str, url: str) -> None:
    """Raises EngineError when no master listens: Spark itself would try for a minute."""
    refused: OSError | None = None
    for place in master.partition("//")[2].split(","):
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS):
                return
        except (OSError, ValueError) as error:
            refused = error if isinstance(error, OSError) else OSError("no port")
    raise EngineError(
        "Spark does not answer at this address", where=without_password(url), do="Check the address of the master."
    ) from refused


def _wait_for_a_worker(running: _Running, url: str) -> None:
    """Raises EngineError when the master gives no worker: a statement would wait for one without end."""
    context = running.context
    if context.getConf().get("spark.dynamicAllocation.enabled", "false") == "true":
        return
    until = time.monotonic() + _WORKER_SECONDS
    while context._jsc.sc().getExecutorMemoryStatus().size() < 2:  # the driver is one
        if time.monotonic() > until:
            context.stop()
            _forget(running.gateway)
            raise EngineError(
                f"the master gave no worker within {_WORKER_SECONDS:.0f} seconds",
                where=without_password(url),
                do="Start workers, or lower 'spark.executor.memory' in Spark's own settings to what they have.",
            )
        time.sleep(0.1)


def _reason(log: str, error: Exception) -> str:
    """What Java said of its failure, in one line."""
    lines = [line.strip() for line in log.splitlines() if re.search(r"error|exception|JAVA_HOME|not found", line, re.I)]
    return (lines or str(error).splitlines() or [type(error).__name__])[0][:200]


def _forget(gateway: Any) -> None:
    """Ends the Java program, and lets the driver forget it, so that another one can be started."""
    from pyspark import SparkContext

    with SparkContext._lock:
        SparkContext._active_spark_context = None
        SparkContext._gateway = SparkContext._jvm = None
    if gateway is None:
        return
    gateway.shutdown()
    process = gateway.proc
    process.stdin.close()  # it ends by itself when nobody is there any more
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@atexit.register
def _end() -> None:
    """Ends the Spark of this process, if there is one."""
    while _current:
        running = _current.pop()
        try:
            running.context.stop()
        except Exception as error:  # of one that is gone already
            if not running.gone(error):
                raise
        _forget(running.gateway)
