"""What load and refresh have to tell: values that print themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from headwater.api import show
from headwater.api.answer import Listing, Tabular
from headwater.model.generation import Generation
from headwater.model.landing import Drift, Quarantined
from headwater.model.observation import Rows
from headwater.store.engines.tables import Brought

MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What became of one file: `loaded`, `unchanged` (the same content was loaded before), `held` (it is kept, and
    counts nowhere until it is accepted) or `refused`.

    `reason` says why a file was refused or held and what to do. `drift` is how it differs from the files before it.
    `examples` are its first rows set aside. `corrects`: it is a correction, and so many rows are mended by it.
    """

    source: str
    path: str
    state: str
    data_rows: int = 0
    loaded: int = 0
    quarantined: int = 0
    collapsed: int = 0
    skipped: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str = ""
    examples: tuple[Quarantined, ...] = ()
    drift: tuple[Drift, ...] = ()
    corrects: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Loaded(Tabular):
    """What became of every file. `rejected` is how many rows were written into the file of rows to mend, None where
    none was asked for; `accepted` how many files that differed from those before were accepted."""

    files: tuple[LoadedFile, ...]
    rejected: int | None = None
    accepted: int = 0

    @property
    def refused(self) -> tuple[LoadedFile, ...]:
        """The files that were not loaded."""
        return tuple(f for f in self.files if f.state == "refused")

    @property
    def held(self) -> tuple[LoadedFile, ...]:
        """The files that are held back."""
        return tuple(f for f in self.files if f.state == "held")

    @property
    def listing(self) -> Listing:
        """One row a file."""
        counts = ("data_rows", "loaded", "quarantined", "collapsed", "skipped")
        names = ("source", "file", "state", *counts, "warnings", "drift", "corrects", "reason")
        rows = tuple(
            (
                *(f.source, f.path, f.state, f.data_rows, f.loaded, f.quarantined, f.collapsed),
                *(tuple(f"{kind} {count}" for kind, count in f.skipped), f.warnings),
                *(tuple(d.what for d in f.drift), f.corrects, f.reason),
            )
            for f in self.files
        )
        return Listing(Rows(names, rows, "one file"))

    def to_text(self) -> str:
        """The files with their counts; then what was refused, what was set aside, and warnings."""
        if not self.files:
            return "There is no source yet: describe one in sources/NAME.yml."
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    def _lines(self) -> Iterator[str]:
        done = [f for f in self.files if f.state == "loaded"]
        unchanged = len(self.files) - len(done) - len(self.refused) - len(self.held)
        if done:
            heads = ["source", "file", "rows", "loaded", "set aside", "collapsed", "skipped"]
            yield show.table(heads, [_counts(f) for f in done], frozenset({2, 3, 4, 5}))
        if unchanged:
            yield f"{unchanged} file{'s' if unchanged > 1 else ''} unchanged since the last load"
        for f in self.refused:
            yield show.harmless(f"REFUSED {f.path} (source {f.source}): {f.reason}")
        for f in self.held:
            yield show.harmless(f"HELD BACK {f.path} (source {f.source}): {f.reason}")
        for f in done:
            if f.corrects:
                yield show.harmless(
                    f"{f.path} mends {f.corrects:,} row{'s' if f.corrects > 1 else ''} set aside before"
                )
            yield from (show.harmless(f"differs: {f.path}: {d.what}") for d in f.drift)
            yield from _aside(f)
            yield from (show.harmless(f"warning: {f.path}: {w}") for w in f.warnings)
        if self.accepted:
            yield f"{self.accepted:,} file{'s' if self.accepted > 1 else ''} accepted that differed from those before"
        if self.rejected is not None:
            yield f"{self.rejected:,} row{'s' if self.rejected != 1 else ''} to mend written"


def _counts(file: LoadedFile) -> list[str]:
    numbers = (file.data_rows, file.loaded, file.quarantined, file.collapsed)
    skipped = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in file.skipped)
    return [file.source, file.path, *(f"{n:,}" for n in numbers), skipped]


def _aside(file: LoadedFile) -> Iterator[str]:
    if not file.quarantined:
        return
    shown = file.examples[:MOST_EXAMPLES]
    first = f", the first {len(shown)}" if file.quarantined > len(shown) else ""
    yield show.harmless(f"set aside from {file.path}{first}:")
    for q in shown:
        line = f" (line {q.line})" if q.line else ""
        yield show.harmless(f"  row {q.row}{line}, {q.column or 'the row'}: {q.reason}")


@dataclass(frozen=True, slots=True, repr=False)
class Refreshed:
    """What a refresh did: the files, and the generation that is current now. `changed`: whether it is a new one.

    `rows` by table: before and after. `brought`: what was done at an engine that keeps tables of its own.
    """

    load: Loaded
    generation: Generation
    changed: bool
    rows: tuple[tuple[str, int, int], ...]
    brought: Brought | None = None

    def to_text(self) -> str:
        """What was loaded, how many rows each table has now, the data version, and what was brought to the engine."""
        if not self.changed:
            return (
                f"{self.load.to_text()}\nnothing has changed: data version {self.generation.id} stays current"
                f"{self._engine()}"
            )
        parts = [self.load.to_text()]
        rows = [
            [table, f"{after:,}", "" if after == before else f"{after - before:+,}"]
            for table, before, after in self.rows
            if (after or before) and not table.endswith("__versions")
        ]
        if rows:
            parts += ["", show.table(["table", "rows", "change"], rows, frozenset({1, 2}))]
        return "\n".join([*parts, f"data version {self.generation.id} is current now{self._engine()}"])

    def _engine(self) -> str:
        done = self.brought
        if done is None:
            return ""
        left = "" if done.gone else "; older tables are still being read and go with the next refresh"
        return f"\nthe engine holds it: {done.loaded} of {done.tables} tables were loaded{left}"

    def to_json(self) -> str:
        """The same as one JSON object."""
        told = {
            "files": json.loads(self.load.to_json()),
            "changed": self.changed,
            "generation": self.generation.id,
            "tables": [{"table": t, "before": before, "after": after} for t, before, after in self.rows],
        }
        return json.dumps(told, ensure_ascii=False, indent=1)

    def __repr__(self) -> str:
        return self.to_text()
