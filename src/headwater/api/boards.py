"""The boards of a workspace: shipped ones and its own, and what a second look at them finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headwater.api.answer import Listing
from headwater.api.checked import Result
from headwater.api.coverage import gaps
from headwater.api.definition_files import Kept
from headwater.api.folder import Folder
from headwater.errors import DefinitionError, UnknownError, nearest
from headwater.metrics.board_lint import lint_board
from headwater.metrics.boards import FOLDER, Boards, read_boards
from headwater.model.board import Advice, Board
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.observation import Rows
from headwater.model.source import Source

BOARDS = Kept(FOLDER, read_boards)

CHECK, ADVICE = "boards", "board advice"
"""What the checks of boards are called: whether their files fit, and what a second look finds."""


def board(folder: Folder, catalogue: Catalogue, name: str) -> Board:
    """The board of that id. Raises DefinitionError with every fault of its file, UnknownError with the nearest ids."""
    known = BOARDS.get(folder, catalogue)
    for path, faults in known.faults.items():
        if Path(path).stem == name:
            raise DefinitionError.of(faults)
    if name not in known.boards:
        do = nearest(name, known.boards) or f"There are {', '.join(known.boards)}."
        raise UnknownError(f"no board is called {name!r}", do=do)
    return known.boards[name]


def boards(folder: Folder, catalogue: Catalogue) -> Boards:
    """Every board, and what is wrong with the files that are none."""
    return BOARDS.get(folder, catalogue)


def listed(known: Boards) -> Listing:
    """One row a board."""
    rows = tuple((b.id, b.title, len(b.every_tile), len(b.charts), b.path) for b in known.boards.values())
    return Listing(Rows(("id", "title", "tiles", "charts", "file"), rows, "one board"))


def advice(
    board: Board, catalogue: Catalogue, generation: Generation | None, sources: Mapping[str, Source]
) -> tuple[Advice, ...]:
    """What a second look at a board finds, with the data as it is."""
    return lint_board(board, catalogue, gaps(catalogue, generation, sources, board.kpis))


def linted(
    chosen: Sequence[Board], catalogue: Catalogue, generation: Generation | None, sources: Mapping[str, Source]
) -> Listing:
    """What a second look at boards finds, one row each."""
    rows = tuple((b.id, a.rule, a.what, a.why) for b in chosen for a in advice(b, catalogue, generation, sources))
    return Listing(Rows(("board", "rule", "what", "why"), rows, "one piece of advice"))


def checks(
    folder: Folder, catalogue: Catalogue, generation: Generation | None, sources: Mapping[str, Source]
) -> Iterator[Result]:
    """Whether the files of boards fit, and what a second look at the workspace's own ones finds: advice, no failure."""
    known = boards(folder, catalogue)
    for fault in (f for faults in known.faults.values() for f in faults):
        yield Result(CHECK, "failed", fault.place, f"{fault.what} {fault.do}".strip())
    own = [b for b in known.boards.values() if b.own]
    for b in own:
        yield Result(CHECK, "ok", b.path, f"{len(b.every_tile)} tiles")
        for a in advice(b, catalogue, generation, sources):
            yield Result(ADVICE, "warning", b.path, f"{a.what}. {a.why}")
