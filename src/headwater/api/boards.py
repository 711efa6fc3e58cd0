"""The boards of a workspace: shipped ones and its own."""

from __future__ import annotations

from headwater.api.definition_files import Kept
from headwater.api.folder import Folder
from headwater.errors import QueryError, nearest
from headwater.metrics.boards import FOLDER, load_boards
from headwater.model.board import Board
from headwater.model.catalogue import Catalogue

BOARDS = Kept(FOLDER, load_boards)


def board(folder: Folder, catalogue: Catalogue, name: str) -> Board:
    """The board of that id. Raises DefinitionError with every fault of the board files."""
    known = BOARDS.get(folder, catalogue)
    if name not in known:
        raise QueryError(f"no board is called {name!r}", do=nearest(name, known) or f"There are {', '.join(known)}.")
    return known[name]
