"""Finds the files a source names: a path or a pattern, relative to the workspace."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path

from headwater.errors import SourceError
from headwater.model.source import Source

VARIABLE = "HEADWATER_SHARED_DATA"
"""The only variable a path may name, as ${HEADWATER_SHARED_DATA}."""

ARCHIVE = ".zip"
"""How the name of an archive of several files ends; a file in it is called by its path, `exports.zip/deals.csv`."""


def find(source: Source, workspace: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files of a source, sorted by name; raises SourceError when there is none or one cannot be read."""
    where = f"source {source.id!r}"
    text = source.path
    if f"${{{VARIABLE}}}" in text:
        if not environment.get(VARIABLE):
            raise SourceError(
                f"the path {text!r} names ${{{VARIABLE}}}, which is not set",
                where=where,
                do=f"Set the environment variable {VARIABLE} to the folder of the data.",
                code="variable_not_set",
            )
        text = text.replace(f"${{{VARIABLE}}}", glob.escape(environment[VARIABLE]))
    if "${" in text:
        raise SourceError(
            f"the path {source.path!r} names a variable other than ${{{VARIABLE}}}",
            where=where,
            code="unknown_variable",
        )
    pattern = text
    if not Path(text).is_absolute():
        pattern = os.path.join(glob.escape(str(workspace)), text)  # noqa: PTH118 (a pattern is no path)
    if glob.has_magic(pattern):
        found = sorted(Path(p) for p in glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute and relative alike)
    else:
        found = [path] if os.path.lexists(path := Path(pattern)) else []
    is_pattern = glob.has_magic(text.replace(glob.escape(environment.get(VARIABLE, "")), ""))
    files = [p for p in found if p.is_file()]
    if not files:
        if found:
            raise SourceError(
                f"{source.path!r} is a folder, not a file",
                where=where,
                do="Name the files in it, such as '.../*.csv'.",
                code="folder",
            )
        raise SourceError(
            f"no file {'matches' if is_pattern else 'is at'} {source.path!r}",
            where=where,
            do=_tried(workspace, text),
            code="no_file",
        )
    for file in files:
        if not os.access(file, os.R_OK):
            raise SourceError(
                f"{file.name!r} cannot be read",
                where=where,
                do="Give this user the permission to read it.",
                code="no_permission",
            )
    return tuple(files)


def of_archive(path: Path) -> tuple[Path, str]:
    """The zip archive a path leads into and the path inside of it; the path itself and '' for any other file."""
    for above in path.parents:
        if above.suffix.lower() == ARCHIVE and above.is_file():
            return above, path.relative_to(above).as_posix()
    return path, ""


def _tried(workspace: Path, text: str) -> str:
    """Which part of the path is missing, as far as it can be told."""
    for part in reversed(Path(text).parents):
        if glob.has_magic(str(part)):
            break
        try:
            if not (workspace / part).is_dir():
                return f"The folder {str(workspace / part)!r} does not exist."
        except OSError:
            return f"The folder {str(workspace / part)!r} cannot be opened."
    return "Check the path, or put the file there."
