"""Looks at files in a process of its own, spawned and limited: many files in one, and on after one that harms it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from headwater.connectors.limits import Limits
from headwater.connectors.parse import error_of, spawn
from headwater.errors import HeadwaterError
from headwater.model.look import Look, LookedColumn, Unread

CHILD = [sys.executable, "-m", "headwater.connectors.inspect_child"]
LIMITS = Limits(memory_mb=1024, cpu_seconds=60, wall_seconds=90, file_mb=2048)
"""What one file may use; a process that looks at several may use as much more."""

PER_FILE = 8
"""Seconds more that a process may take for each file beyond its first."""

AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to look at. `said` is what is known of how it is written (`encoding`, `separator`, `sheet`, `skip_rows`);
    `keys` are sets of columns whose repetitions are counted."""

    path: Path
    said: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[tuple[str, ...], ...] = ()


def look(
    files: Sequence[Wanted], limits: Limits = LIMITS, tell: Callable[[str, int, int], None] | None = None
) -> tuple[tuple[Look | Unread, ...], ...]:
    """For each file, in their order, the looks at its tables, or one Unread that says why there are none.

    A file that is hostile or damaged costs its own look alone.
    """
    found: list[tuple[Look | Unread, ...]] = []
    while len(found) < len(files):
        if tell is not None:
            tell(f"Looking at {files[len(found)].path.name}", len(found), len(files))
        some = files[len(found) : len(found) + AT_ONCE]
        answers, error = _run(some, limits)
        found += [_looks(f, a) for f, a in zip(some, answers, strict=False)]
        if error is not None and len(answers) < len(some):
            found.append((Unread(str(some[len(answers)].path), error.what, error.do),))
    return tuple(found)


def _run(files: Sequence[Wanted], limits: Limits) -> tuple[list[dict[str, Any]], HeadwaterError | None]:
    """What the child answered before it ended, and why it ended too soon, if it did."""
    many = replace(
        limits,
        cpu_seconds=limits.cpu_seconds + 4 * (len(files) - 1),
        wall_seconds=limits.wall_seconds + PER_FILE * (len(files) - 1),
    )
    staged = Path(tempfile.mkdtemp(prefix="headwater-look-"))
    try:
        job = {
            "files": [
                {"path": str(f.path.absolute()), "name": f.path.name, "said": dict(f.said), "keys": f.keys}
                for f in files
            ],
            "staged": str(staged),
            "limits": asdict(many),
        }
        text, error = spawn(CHILD, job, files[0].path, many)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    lines = text.split(b"\n")
    return [json.loads(line) for line in lines[:-1]], error


def _looks(file: Wanted, answer: dict[str, Any]) -> tuple[Look | Unread, ...]:
    if "looks" not in answer:
        error = error_of(answer, file.path)
        return (Unread(str(file.path), error.what, error.do),)
    return tuple(_look_of(content) for content in answer["looks"])


def _look_of(content: dict[str, Any]) -> Look:
    tupled = {k: _tupled(v) for k, v in content.items() if k != "columns"}
    return Look(**tupled, columns=tuple(_column_of(c) for c in content["columns"]))


def _column_of(content: dict[str, Any]) -> LookedColumn:
    mostly = content.pop("mostly")
    told = {k: _tupled(v) for k, v in content.items()}
    return LookedColumn(**told, mostly=_column_of(mostly) if mostly is not None else None)


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
