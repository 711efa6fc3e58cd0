"""Rows that were set aside and loads that differ: shown by source, handed out, taken back mended, or accepted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from headwater.api.condition import Aside, Condition
from headwater.api.correcting import UNKNOWN, rejected
from headwater.api.folder import Folder
from headwater.api.workspace import Workspace
from headwater.connectors.corrections import MOST_MB
from headwater.errors import QueryError
from headwater.model.landing import Batch
from headwater.web.parts import Dropzone, Link, Table
from headwater.web.view.look import Look

__all__ = ["MOST_MB", "PLACE", "Waiting", "chunks", "corrected", "rows_of", "waiting"]

PLACE = ".headwater/cache/corrected"
"""Where a file of mended rows lies while it is landed."""

SAMPLES = 3
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one source: `rows` that are set aside with `download` and `dropzone` to mend them, and texts of
    what `differs` from before. `accept` labels the button that says it is meant, '' where there is nothing to."""

    source: str
    rows: Table | None
    download: Link | None
    dropzone: Dropzone | None
    differs: tuple[str, ...]
    accept: str


def waiting(look: Look, found: Condition) -> tuple[Waiting, ...]:
    """What waits for somebody, by source in the order of the newest load."""
    odd = [b for b in found.loads if b.number in found.held or b.number in found.differing]
    sources = dict.fromkeys((*(a.source for a in found.aside), *(b.source for b in odd)))
    return tuple(
        _of(look, found, s, [a for a in found.aside if a.source == s], [b for b in odd if b.source == s])
        for s in sources
    )


def _of(look: Look, found: Condition, source: str, aside: list[Aside], odd: list[Batch]) -> Waiting:
    say, words = look.say, look.words
    rows = sum(a.count for a in aside)
    known = {s.id for s in found.sources}
    unknown = any(a.code == UNKNOWN for a in aside)
    download = dropzone = None
    if aside and source in known:
        label = say("data.rejected_one") if rows == 1 else say("data.rejected", n=words.count(rows))
        download = Link(label, f"/data/rejected?source={quote(source)}")
        dropzone = Dropzone(
            f"/data/corrected?source={quote(source)}",
            "/data#aside",
            say("data.corrected_title"),
            "",
            say("data.corrected_by_hand", source=source),
            MOST_MB << 20,
            say("data.corrected_too_large", mb=words.count(MOST_MB)),
        )
    differs = tuple(_difference(look, b, held=b.number in found.held) for b in odd)
    accept = say("data.accept") if (odd or unknown) and source in known else ""
    return Waiting(source, _rows(look, aside) if aside else None, download, dropzone, differs, accept)


def _difference(look: Look, batch: Batch, *, held: bool) -> str:
    what = "; ".join(d.what for d in batch.drift) or look.say("data.another_differs")
    return f"{batch.path.rpartition('/')[2]}: {look.say('data.held') + ': ' if held else ''}{what}"


def _rows(look: Look, groups: list[Aside]) -> Table:
    say, words = look.say, look.words
    heads = tuple(say(f"data.{h}") for h in ("file", "reason", "column", "count", "examples"))
    rows = tuple(
        (
            a.path,
            a.code.replace("_", " "),
            a.column or say("data.whole_row"),
            words.count(a.count),
            "; ".join(f"{say('data.row', row=words.count(e.row))}: {e.reason}" for e in a.examples[:SAMPLES]),
        )
        for a in groups
    )
    return Table(heads, rows, say("data.aside_of", source=groups[0].source), frozenset({3}))


def rows_of(folder: Folder, source: str) -> tuple[BinaryIO, int]:
    """The rows of a source that are set aside as a file of CSV that has no name any more, and its bytes. Raises
    QueryError where there are none."""
    folder.cache.mkdir(parents=True, exist_ok=True)
    path = folder.cache / f"rejected-{secrets.token_hex(8)}.csv"
    try:
        if not rejected(folder, source, path):
            raise QueryError(f"no row of {source!r} is set aside", do="Look at the data page.")
        return path.open("rb"), path.stat().st_size
    finally:
        path.unlink(missing_ok=True)


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file; it is closed then."""
    with file:
        while some := file.read(CHUNK):
            yield some


def corrected(workspace: Workspace, source: str, path: Path) -> None:
    """Lands the mended rows of a file, and removes it. Raises QueryError where none of them can be loaded."""
    try:
        file = workspace.load(source, corrected=path).files[-1]
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    if file.state == "refused":
        raise QueryError(file.reason)
