"""Board files to boards, every KPI they name held against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from headwater.errors import DefinitionError, Fault, QueryError
from headwater.files.read import Definition, KeyPath
from headwater.metrics.entries import Entry, read_folder
from headwater.metrics.formula import find
from headwater.model.board import Board, Step
from headwater.model.catalogue import Catalogue

FOLDER = "boards"


class StepShape(Definition):
    """One step of the funnel strip."""

    title: Annotated[str, Field(min_length=1)]
    volume: str
    rate: str = ""
    time: str = ""


class BoardShape(Definition):
    """All that a board file may hold."""

    title: Annotated[str, Field(min_length=1)]
    strip: Annotated[tuple[StepShape, ...], Field(max_length=9)] = ()
    tiles: Annotated[tuple[str, ...], Field(min_length=1, max_length=60)]
    most: Annotated[int, Field(ge=1, le=12)] = 12


def load_boards(shipped: Path, workspace: Path, catalogue: Catalogue) -> dict[str, Board]:
    """Every board by id; a workspace's own file takes the place of the shipped one of that name.

    Raises DefinitionError with every fault of every file.
    """
    places = ((shipped, False), (workspace, True))
    folders = [read_folder(root, FOLDER, lambda _: BoardShape, own=own) for root, own in places]
    entries = {e.id: e for folder in folders for e in folder.entries}
    faults = [f for folder in folders for f in folder.faults]
    faults += [f for e in entries.values() for f in _faults(e, catalogue)]
    if faults:
        raise DefinitionError.of(faults)
    return {e.id: _board(e) for e in entries.values()}


def _board(entry: Entry[BoardShape]) -> Board:
    shape = entry.shape
    steps = tuple(Step(s.title, s.volume, s.rate, s.time) for s in shape.strip)
    return Board(entry.id, shape.title, steps, shape.tiles, shape.most, entry.document.path)


def _faults(entry: Entry[BoardShape], catalogue: Catalogue) -> Iterator[Fault]:
    seen: set[str] = set()
    for key, name in _named(entry.shape):
        try:
            find(catalogue, name)
        except QueryError as error:
            yield entry.fault(key, error.what, error.do)
        if key[0] == "tiles":
            if name in seen:
                yield entry.fault(key, f"{name!r} stands twice among the tiles")
            seen.add(name)


def _named(shape: BoardShape) -> Iterator[tuple[KeyPath, str]]:
    for i, step in enumerate(shape.strip):
        for part in ("volume", "rate", "time"):
            if name := getattr(step, part):
                yield ("strip", i, part), name
    yield from ((("tiles", i), name) for i, name in enumerate(shape.tiles))
