"""The process that parses one file of strangers: it limits itself, reads a job from its input and answers once."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import zoneinfo
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any

HEADROOM_MB = 6144
"""Address space beyond resident memory: libraries reserve much that they never touch."""

LONGEST_TOLD = 2_000
"""Characters of one text of a report."""


def main() -> int:
    """Does one job: a line of JSON in, a line of JSON out."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not the answer
    job = json.loads(sys.stdin.buffer.readline())
    limit(job["limits"])
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.meta_path.insert(0, WithoutPandas())
    zoneinfo.reset_tzpath(())  # the same time zones on every machine: those of the tzdata package
    json.dump(answer_of(job), answer)
    answer.flush()
    return 0


def limit(limits: dict[str, Any]) -> None:
    """Puts this process under its limits."""
    for what, soft, hard in (
        (resource.RLIMIT_AS, (limits["memory_mb"] + HEADROOM_MB) << 20, 0),
        (resource.RLIMIT_CPU, limits["cpu_seconds"], 5),  # first a signal that says why, then the end
        (resource.RLIMIT_FSIZE, limits["file_mb"] << 20, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, allowed = resource.getrlimit(what)
        most = [n if allowed == resource.RLIM_INFINITY else min(n, allowed) for n in (soft, soft + hard)]
        try:
            resource.setrlimit(what, (most[0], most[1]))
        except (OSError, ValueError):
            continue  # macOS knows no limit of the address space; the parent watches resident memory


class WithoutPandas:
    """Hides pandas: pyarrow loads it wherever it is installed, which takes as long as reading a small file."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Nothing, or an ImportError for pandas."""
        if name == "pandas":
            raise ModuleNotFoundError("no pandas here", name=name)


def end_with_parent() -> None:
    """Ends this process when the parent, who holds the other end of the input, is gone."""
    while os.read(0, 1):
        pass
    os._exit(1)


def answer_of(job: dict[str, Any]) -> dict[str, Any]:
    """What came of a job, by its task (`landed`, `members`, `sketched`, `holds`), or why nothing did (`refused`,
    `limit`, `system`, `failed`)."""
    try:
        match job["task"]:
            case "list":
                return {"members": _members(job)}
            case "sketch":
                return {"sketched": _sketched(job)}
            case "hold":
                return {"holds": _holds(job)}
            case _:
                return {"landed": _land(job)}
    except Exception as error:
        return reason(error)


def reason(error: Exception) -> dict[str, Any]:
    """Why a file was not read. Texts of libraries may hold cells: of what nobody foresaw, only kind and place are
    told."""
    from headwater.connectors.refusal import Refused

    match error:
        case Refused():
            told = {n: getattr(error, n) for n in ("code", "what", "row", "line", "column", "do")}
            return {"refused": {n: short(v) if isinstance(v, str) else v for n, v in told.items()}}
        case MemoryError():
            return {"limit": "memory"}
        case OSError():
            what = os.strerror(error.errno) if error.errno else type(error).__name__
            return {"system": error.errno or 0, "what": what}
        case _:
            pass
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return {"failed": f"{type(error).__name__} at {place}"}


def short(text: str) -> str:
    """A text for people, which may hold names and cells of any length: its beginning, where it is long."""
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]} ..."


def _members(job: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Path, size and digest of the files in an archive that a source wants."""
    from headwater.connectors import message
    from headwater.connectors.archive import members

    source = message.source_of(job["source"])
    with Path(job["path"]).open("rb") as file:
        return [(m.name, m.size, m.content) for m in members(file, source.inside, source.max_mb << 20)]


def _sketched(job: dict[str, Any]) -> list[Any]:
    """The first rows of a file, each column as a sketch of its texts."""
    from headwater.connectors import message
    from headwater.connectors.opening import open_reader
    from headwater.connectors.profile import sketched

    source = message.source_of(job["source"])
    with Path(job["path"]).open("rb") as file, ExitStack() as opened:
        reader = open_reader(file, Path(job["name"]), source, Path(job["staged"]), opened, job["member"])
        return [asdict(s) for s in sketched(reader)]


def _holds(job: dict[str, Any]) -> bool | None:
    """Whether a file holds one of some texts; None where it cannot be looked through."""
    from headwater.connectors.holding import holds

    return holds(Path(job["path"]), job["texts"], Path(job["staged"]))


def _land(job: dict[str, Any]) -> dict[str, Any]:
    from headwater.connectors import message
    from headwater.connectors.archive import open_member
    from headwater.connectors.land import land
    from headwater.connectors.opening import open_reader

    source = message.source_of(job["source"])
    tables = {n: message.table_of(t) for n, t in job["tables"].items()}
    staged = Path(job["staged"])
    settings, now = message.settings_of(job["settings"]), datetime.fromisoformat(job["now"])
    with Path(job["path"]).open("rb") as file, ExitStack() as opened:
        before = os.fstat(file.fileno())
        reader = open_reader(file, Path(job["name"]), source, staged, opened, job["member"])
        landed = land(reader, source, tables, staged, settings, now, job.get("written"))
        file.seek(0)
        content = _digest(open_member(file, job["member"], source.max_mb << 20) if job["member"] else file)
        after = os.fstat(file.fileno())
    result = asdict(landed)
    result["tables"] = [message.landed_json(t) for t in landed.tables]
    result["complete_through"] = landed.complete_through.isoformat() if landed.complete_through else None
    result["warnings"] = [short(w) for w in landed.warnings]
    result["examples"] = [{n: short(v) if isinstance(v, str) else v for n, v in e.items()} for e in result["examples"]]
    result["content"] = content
    result["changed"] = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    return result


def _digest(file: BufferedReader) -> str:
    import hashlib

    return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
