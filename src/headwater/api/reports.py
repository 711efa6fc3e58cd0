"""What load, refresh, check and erase have to tell, as text and as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from headwater.api import show
from headwater.api.answer import Listing
from headwater.api.loading import Loaded, LoadedFile, Refreshed
from headwater.model.observation import Rows

MOST_EXAMPLES = 5

FILE_COLUMNS = (
    "source", "file", "state", "data_rows", "loaded", "quarantined", "collapsed", "skipped", "warnings", "reason",
)  # fmt: skip


def loaded_listing(loaded: Loaded) -> Listing:
    """One row a file."""
    rows = tuple(
        (
            f.source,
            f.path,
            f.state,
            f.data_rows,
            f.loaded,
            f.quarantined,
            f.collapsed,
            tuple(f"{kind} {count}" for kind, count in f.skipped),
            f.warnings,
            f.reason,
        )
        for f in loaded.files
    )
    return Listing(Rows(FILE_COLUMNS, rows, "one file"))


def loaded_text(loaded: Loaded) -> str:
    """The files with their counts; then what was refused, what was set aside, and warnings."""
    if not loaded.files:
        return "There is no source yet: describe one in sources/NAME.yml."
    return "\n".join(_loaded(loaded))


def _loaded(loaded: Loaded) -> Iterator[str]:
    done = [f for f in loaded.files if f.state == "loaded"]
    unchanged = len(loaded.files) - len(done) - len(loaded.refused)
    if done:
        heads = ["source", "file", "rows", "loaded", "set aside", "collapsed", "skipped"]
        rows = [
            [
                f.source,
                f.path,
                f"{f.data_rows:,}",
                f"{f.loaded:,}",
                f"{f.quarantined:,}",
                f"{f.collapsed:,}",
                ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in f.skipped),
            ]
            for f in done
        ]
        yield show.table(heads, rows, frozenset({2, 3, 4, 5}))
    if unchanged:
        yield f"{unchanged} file{'s' if unchanged > 1 else ''} unchanged since the last load"
    for f in loaded.refused:
        yield show.harmless(f"REFUSED {f.path} (source {f.source}): {f.reason}")
    for f in done:
        yield from _aside(f)
        yield from (show.harmless(f"warning: {f.path}: {w}") for w in f.warnings)


def _aside(file: LoadedFile) -> Iterator[str]:
    if not file.quarantined:
        return
    shown = file.examples[:MOST_EXAMPLES]
    first = f", the first {len(shown)}" if file.quarantined > len(shown) else ""
    yield show.harmless(f"set aside from {file.path}{first}:")
    for q in shown:
        line = f" (line {q.line})" if q.line else ""
        yield show.harmless(f"  row {q.row}{line}, {q.column or 'the row'}: {q.reason}")


def refreshed_text(refreshed: Refreshed) -> str:
    """What was loaded, how many rows each table has now, and the data version."""
    parts = [loaded_text(refreshed.load)]
    if refreshed.changed:
        rows = [
            [table, f"{after:,}", "" if after == before else f"{after - before:+,}"]
            for table, before, after in refreshed.rows
            if (after or before) and not table.endswith("__versions")
        ]
        if rows:
            parts.append("")
            parts.append(show.table(["table", "rows", "change"], rows, frozenset({1, 2})))
        parts.append(f"data version {refreshed.generation.id} is current now")
    else:
        parts.append(f"nothing has changed: data version {refreshed.generation.id} stays current")
    return "\n".join(parts)


def refreshed_object(refreshed: Refreshed) -> dict[str, Any]:
    """The same as a JSON object."""
    return {
        "files": json.loads(loaded_listing(refreshed.load).to_json()),
        "changed": refreshed.changed,
        "generation": refreshed.generation.id,
        "tables": [{"table": t, "before": before, "after": after} for t, before, after in refreshed.rows],
    }
