"""Parses a file in a process of its own, spawned and limited, so that no file can harm the one that serves."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from headwater.connectors import message
from headwater.connectors.archive import Member
from headwater.connectors.children import Child, start
from headwater.connectors.drift import same_content
from headwater.connectors.files import of_archive
from headwater.connectors.limits import STANDARD, Limits
from headwater.errors import HeadwaterError, SourceError, TransientSourceError, WorkspaceError
from headwater.model.landing import Draft
from headwater.model.profile import Profile
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.model.table import Table

RULES = 2
"""Raised when the same file and mapping would be read differently than before."""

CHILD = [sys.executable, "-m", "headwater.connectors.child"]
"""What is spawned; it reads a job from its input and writes one answer."""

LONGEST_ANSWER = 32 << 20
"""Bytes of an answer that are taken: what a child says must not fill the memory of the one who asked."""

_LOOK_EVERY = 0.02
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")


def parse(
    source: Source,
    path: Path,
    tables: Mapping[str, Table],
    staged: Path,
    settings: Settings,
    now: datetime,
    limits: Limits = STANDARD,
    *,
    stop: Event | None = None,
    written: Mapping[str, str] | None = None,
) -> Draft:
    """The draft of one file; `<table>.parquet` and `quarantine.parquet` lie in `staged`, an empty folder.

    For every accepted file loaded + quarantined + collapsed = data_rows. A data row is loaded when at least one table
    took it and none refused it; quarantined when any table it is meant for refused it (then no table has it); collapsed
    when each table it is meant for holds an equal row of this file already. Rows meant for no table are `not_meant`, in
    `skipped` with blank, preamble and totals rows.

    `written` says by `table.column` how dates and numbers are written, for columns that say nothing of it.

    Raises SourceError for a file that is refused or that broke a limit, WorkspaceError when the disk is full, and
    InterruptedError once `stop` is set; then `staged` is empty.
    """
    done = False
    try:
        job = job_of(source, path, tables, staged, settings, now, limits) | {"written": dict(written or {})}
        answer = _run(job, path, limits, stop)
        draft = draft_of(answer, source, path, tables, settings)
        done = True
        return draft
    finally:
        if not done:
            clear(staged)


def job_of(
    source: Source,
    path: Path,
    tables: Mapping[str, Table],
    staged: Path,
    settings: Settings,
    now: datetime,
    limits: Limits,
) -> dict[str, Any]:
    """What the child is told."""
    file, member = of_archive(path.absolute())
    return {
        "task": "land",
        "source": message.source_json(source),
        "path": str(file),
        "member": member,
        "name": path.name,
        "tables": message.tables_json(source, tables),
        "staged": str(staged.absolute()),
        "settings": message.settings_json(settings),
        "now": now.isoformat(),
        "limits": asdict(limits),
    }


def listed(
    source: Source, path: Path, staged: Path, limits: Limits = STANDARD, *, stop: Event | None = None
) -> tuple[Member, ...]:
    """The files in a zip archive that a source wants, sorted by path; `staged` is an empty folder, and stays it.

    Raises SourceError for an archive that is refused or that broke a limit, InterruptedError once `stop` is set.
    """
    job = {
        "task": "list",
        "source": message.source_json(source),
        "path": str(path.absolute()),
        "staged": str(staged.absolute()),
        "limits": asdict(limits),
    }
    try:
        answer = _run(job, path, limits, stop)
        if "members" not in answer:
            raise error_of(answer, path)
        return tuple(Member(*m) for m in answer["members"])
    finally:
        clear(staged)


def renamed(
    source: Source,
    path: Path,
    before: Profile,
    staged: Path,
    limits: Limits = STANDARD,
) -> tuple[tuple[str, str], ...]:
    """Columns that a file lacks and those of its new columns that hold the same content: old name, new name. Nothing
    for a file that cannot be read; `staged` is an empty folder, and stays it."""
    file, member = of_archive(path.absolute())
    job = {
        "task": "sketch",
        "source": message.source_json(replace(source, tables=())),
        "path": str(file),
        "member": member,
        "name": path.name,
        "staged": str(staged.absolute()),
        "limits": asdict(limits),
    }
    try:
        answer = _run(job, path, limits, None)
    except SourceError:
        return ()  # why the file was refused is known already
    finally:
        clear(staged)
    return same_content(before, [message.sketch_of(s) for s in answer.get("sketched", ())])


def held(path: Path, texts: Sequence[str], staged: Path, limits: Limits = STANDARD) -> bool | None:
    """Whether a file of any format holds one of these texts; None where it cannot be looked through within the limits.
    `staged` is an empty folder, and stays it."""
    job = {
        "task": "hold",
        "path": str(path.absolute()),
        "texts": list(texts),
        "staged": str(staged.absolute()),
        "limits": asdict(limits),
    }
    try:
        found: bool | None = _run(job, path, limits, None).get("holds")
        return found
    except SourceError:
        return None
    finally:
        clear(staged)


# --- the child -------------------------------------------------------------------------------------------------------
def _run(job: dict[str, Any], path: Path, limits: Limits, stop: Event | None) -> dict[str, Any]:
    """The child's answer; it is stopped when it goes beyond a limit."""
    text, error = spawn(CHILD, job, path, limits, stop)
    if error is not None:
        raise error
    found: dict[str, Any] = json.loads(text)
    return found


def spawn(
    command: Sequence[str], job: dict[str, Any], path: Path, limits: Limits, stop: Event | None = None
) -> tuple[bytes, SourceError | None]:
    """What a child that was given a job wrote, and the error (of the file at `path`) when it ended before it was done;
    it is stopped when it goes beyond a limit."""
    package = str(Path(__file__).resolve().parents[2])
    modules = os.pathsep.join(dict.fromkeys([package, *(p for p in sys.path if Path(p).is_absolute())]))
    environment = {n: os.environ[n] for n in _PASSED_ON if n in os.environ}
    environment |= {"PYTHONPATH": modules, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    staged = Path(job["staged"])
    out = staged / ".answer.json"
    given, told = os.pipe()
    with out.open("wb") as answer, _closing(open(told, "wb")) as told_to:  # noqa: PTH123 (a number, no path)
        try:
            child = start(command, staged, given, answer.fileno(), environment)
        finally:
            os.close(given)
        try:
            broken = _watch(child, told_to, json.dumps(job).encode() + b"\n", limits, stop)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
    with out.open("rb") as written:
        text = written.read(LONGEST_ANSWER + 1)
    out.unlink()
    if broken:
        return text, _beyond(broken, path)
    if len(text) > LONGEST_ANSWER:
        return b"", _beyond("what may be told of it", path)
    if child.returncode == 0 and text:
        return text, None
    if child.returncode == -signal.SIGXCPU:
        return text, _beyond(f"{limits.cpu_seconds} seconds of processor time", path)
    return text, SourceError(
        f"the parser stopped before it was done (status {child.returncode})",
        where=str(path),
        do="The file is damaged or hostile. Open it in the program it came from and export it again.",
        code="parser_failed",
    )


@contextlib.contextmanager
def _closing(file: BinaryIO) -> Iterator[BinaryIO]:
    """A file whose reader may be gone when it is closed."""
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):
            file.close()


def _watch(child: Child, told_to: BinaryIO, job: bytes, limits: Limits, stop: Event | None) -> str:
    """Hands the job over and waits; the limit the child went beyond, or an empty text."""
    with contextlib.suppress(BrokenPipeError):
        told_to.write(job)
        told_to.flush()
    began = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK_EVERY)
            return ""
        if stop is not None and stop.is_set():
            raise InterruptedError("nobody waits for this file any more")
        if resident_mb(child.pid) > limits.memory_mb:
            return f"{limits.memory_mb:,} MB of memory"
        if time.monotonic() - began > limits.wall_seconds:
            return f"{limits.wall_seconds:g} seconds"


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    except FileNotFoundError:
        if Path("/proc/self/statm").exists():
            return 0.0
    except (OSError, ValueError, IndexError):
        return 0.0
    told = subprocess.run(["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)
    return int(told.stdout.strip() or 0) / 1024


def _beyond(limit: str, path: Path) -> SourceError:
    return SourceError(
        f"reading the file took more than {limit}, so it was stopped",
        where=str(path),
        do="Split the file, or export fewer rows at a time. Nothing of it was loaded.",
        code="limit",
    )


def clear(staged: Path) -> None:
    """Removes whatever a refused file left in the staged folder."""
    for left in staged.iterdir() if staged.is_dir() else ():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


# --- the answer ------------------------------------------------------------------------------------------------------
def draft_of(
    answer: dict[str, Any], source: Source, path: Path, tables: Mapping[str, Table], settings: Settings
) -> Draft:
    """The draft of what the child answered; raises why there is none."""
    if "landed" not in answer:
        raise error_of(answer, path)
    found = answer["landed"]
    if found["changed"]:
        raise TransientSourceError(
            "the file changed while it was read",
            where=str(path),
            do="Load it again once it is complete.",
            code="changed",
        )
    return Draft(
        source=source.id,
        system=source.system,
        path=str(path),
        content=found["content"],
        mapping=mapping_hash(source, tables, settings),
        full=source.load == "full",
        data_rows=found["data_rows"],
        loaded=found["loaded"],
        quarantined=found["quarantined"],
        collapsed=found["collapsed"],
        skipped=tuple((kind, count) for kind, count in found["skipped"]),
        tables=tuple(message.landed_of(t) for t in found["tables"]),
        complete_through=date.fromisoformat(found["complete_through"]) if found["complete_through"] else None,
        warnings=tuple(found["warnings"]),
        examples=tuple(message.quarantined_of(q) for q in found["examples"]),
        profile=message.profile_of(found["profile"]),
    )


def error_of(answer: dict[str, Any], path: Path) -> HeadwaterError:
    """The error of a file that a child did not read."""
    if "refused" in answer:
        r = answer["refused"]
        where = str(path) + (f":{r['line']}" if r["line"] else "")
        where += f", row {r['row']}" if r["row"] else ""
        where += f", column {r['column']!r}" if r["column"] else ""
        return SourceError(r["what"], where=where, do=r["do"], code=r["code"])
    if "limit" in answer:
        return _beyond("the memory it may use", path)
    if "system" in answer:
        number = answer["system"]
        if number in (errno.ENOSPC, errno.EDQUOT):
            return WorkspaceError("the disk is full, so nothing was loaded", do="Free some space and load again.")
        if number == errno.EFBIG:
            return _beyond("the space one file may take", path)
        return SourceError(f"the file cannot be read ({answer['what']})", where=str(path), do="Check the file.")
    return SourceError(
        f"the parser failed ({answer.get('failed', 'no answer')})",
        where=str(path),
        do="This is a fault of Headwater; please report it. Nothing of the file was loaded.",
        code="parser_failed",
    )


def mapping_hash(source: Source, tables: Mapping[str, Table], settings: Settings) -> str:
    """The hash of all that decides how a content is read: the source, the columns it fills, zone and currency."""
    content = message.source_json(source)
    for name in ("hash", "file", "path", "id", "doubts", "drift"):
        del content[name]
    said = [RULES, content, message.tables_json(source, tables), message.settings_json(settings)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
