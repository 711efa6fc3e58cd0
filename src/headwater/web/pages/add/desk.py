"""What waits to be added: uploads that no source reads yet, the answers given so far, and what would be loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from headwater.api.held import Held
from headwater.api.inspecting import ANSWERS, Inspected, inspect
from headwater.api.previewing import Previewed, preview
from headwater.api.questions import read_answers
from headwater.api.source_text import answers_text
from headwater.api.uploads import FOLDER, named, waiting
from headwater.connectors.files import find
from headwater.connectors.sources import load_sources, sources_stamp
from headwater.errors import QueryError, SourceError, WorkspaceError
from headwater.model.look import Proposal

KEPT = f"{FOLDER}/.answers.yml"
"""Answers that were given on the page and are not in the workspace's own file yet: that is written with the sources."""

PREVIEWED_BYTES = 128 << 20
"""Files that weigh more together are not tried before they are loaded."""

AGAIN = re.compile(r"(.+) \(\d+\)(\.[^.]+|)")
"""What a file is called that came once more under the name of another."""

Answers = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the waiting files showed; None where none waits. `preview` is None where nothing is ready, or the
    files are `too_large` to be tried. `delivers`: the source that reads a file which came once more under its name, and
    that file's name, by the new one's (`leads (2).csv`: `leads`, `leads.csv`). `answers` were given on the page."""

    inspected: Inspected | None
    preview: Previewed | None = None
    too_large: bool = False
    answers: Answers = field(default_factory=dict)
    delivers: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Desk:
    """The uploads of one workspace. Looks are kept until a file, an answer or a definition changes."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._lock = Lock()
        self._looked: tuple[object, Seen] | None = None

    @property
    def folder(self) -> Path:
        """The workspace's folder."""
        return self._held.path

    def answers(self) -> dict[str, tuple[str, ...]]:
        """The answers given so far. Raises DefinitionError where their file was spoiled."""
        path = self.folder / KEPT
        return read_answers(path, KEPT) if path.exists() else {}

    def seen(self) -> Seen:
        """A look at what waits; those who ask at the same time get one answer. An answer that fits no more, since a
        file has changed, is forgotten."""
        with self._lock:
            key = self._key()
            if self._looked is not None and self._looked[0] == key:
                return self._looked[1]
            answers = self.answers()
            try:
                seen = self._look(answers)
            except QueryError as error:
                wrong = faults_in(error).keys() & answers.keys()
                if not wrong:
                    raise
                answers = {id: v for id, v in answers.items() if id not in wrong}
                self._keep(answers)
                key, seen = self._key(), self._look(answers)
            self._looked = (key, seen)
            return seen

    def answer(self, given: Answers, forgotten: Sequence[str] = ()) -> None:
        """Keeps answers that fit their questions. Raises QueryError for one that does not, with a line each."""
        with self._lock:
            files = self._files()
            answers = {id: v for id, v in {**self.answers(), **given}.items() if id not in forgotten}
            seen = self._look(answers)
            self._keep(answers)
            self._looked = (self._key(), seen) if self._files() == files else None

    def remove(self, name: str) -> None:
        """Removes an uploaded file that no source reads. Raises QueryError where it is none."""
        with self._lock:
            path = named(self.folder, name)
            if path in self._readers():
                raise QueryError(f"{name!r} is read by a source", where=FOLDER, do="Remove the source first.")
            path.unlink(missing_ok=True)

    def write(self) -> tuple[str, ...]:
        """Writes the sources that are ready; their names. Raises QueryError where none is."""
        inspected = self.seen().inspected
        with self._lock:
            if inspected is None or not ready(inspected):
                raise QueryError("nothing is ready to be loaded", do="Answer what is asked about the files.")
            names = {p.source for p in ready(inspected)}
            answers, theirs = self.answers(), {}
            for id in [id for id in answers if id.partition(".")[0] in names]:
                theirs[id] = answers.pop(id)  # the workspace's own file holds them from now on, and only them
            files = [self.folder / file for p in ready(inspected) for file in p.files]
            done = inspect(self._held.folder, files, theirs, write=True)
            self._keep(answers)
            return tuple(p.source for p in done.proposals if p.written)

    def deliver(self, name: str) -> str:
        """Puts a file that came once more in the place of the one its source reads; the source. Raises QueryError where
        no source reads one of that name."""
        with self._lock:
            path = named(self.folder, name)
            if name not in (known := self._delivers([path])):
                raise QueryError(f"no source reads a file like {name!r}", where=FOLDER, do="Add it as a source.")
            source, before = known[name]
            path.replace(path.with_name(before))
            return source

    def _delivers(self, files: Sequence[Path]) -> dict[str, tuple[str, str]]:
        readers = {path.name: source for path, source in self._readers().items() if path.parent.name == FOLDER}
        found = {}
        for path in files:
            if (again := AGAIN.fullmatch(path.name)) and (before := again[1] + again[2]) in readers:
                found[path.name] = (readers[before], before)
        return found

    def _readers(self) -> dict[Path, str]:
        """The source of each file that one reads."""
        folder = self._held.folder
        found: dict[Path, str] = {}
        for source in load_sources(folder.path, folder.catalogue(folder.company()).tables).values():
            with suppress(SourceError):  # its files are not there: it reads none
                found |= dict.fromkeys(find(source, folder.path, folder.environment), source.id)
        return found

    def _look(self, answers: Answers) -> Seen:
        files = waiting(self.folder)
        if not files:
            return Seen(None)
        inspected = inspect(self._held.folder, files, answers)
        files_ready = [self.folder / file for p in ready(inspected) for file in p.files]
        delivers = self._delivers(files)
        if not files_ready:
            return Seen(inspected, answers=answers, delivers=delivers)
        if sum(path.stat().st_size for path in files_ready) > PREVIEWED_BYTES:
            return Seen(inspected, too_large=True, answers=answers, delivers=delivers)
        tried = preview(self._held.folder, dict(inspected.texts), [FOLDER])
        return Seen(inspected, tried, answers=answers, delivers=delivers)

    def _key(self) -> object:
        """All that a look depends on."""
        kept = [path.read_bytes() if (path := self.folder / name).exists() else b"" for name in (KEPT, ANSWERS)]
        return self._files(), kept, sources_stamp(self.folder), self._held.stamp.definitions

    def _files(self) -> list[tuple[str, int, int]]:
        return [(p.name, (s := p.stat()).st_size, s.st_mtime_ns) for p in waiting(self.folder)]

    def _keep(self, answers: Answers) -> None:
        path = self.folder / KEPT
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            draft.write_text(answers_text(answers), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            raise WorkspaceError(f"the answers cannot be kept ({why})", where=KEPT, do="Mend the folder.") from error


def ready(inspected: Inspected) -> list[Proposal]:
    """The proposals in which nothing is asked any more."""
    return [p for p in inspected.proposals if p.state == "ready"]


def faults_in(error: QueryError) -> dict[str, str]:
    """Why answers were refused, by the id of their question, from the lines that say so."""
    return {id: why for line in error.do.splitlines() for id, colon, why in [line.partition(": ")] if colon}
