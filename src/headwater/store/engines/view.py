"""What a table name stands for in the statements that an engine runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headwater.model.types import Type


@dataclass(frozen=True, slots=True)
class View:
    """What a table name stands for: the rows of these files, cast to these columns; without files, no rows.

    `exact`: the files have exactly these columns and types (or whichever they have, where no columns are told), so
    nothing is cast. Else a column that no file has is empty. `batch`: a last column `_batch` with the number of the
    journal entry each row comes from. `check` is asked before the files are read for the first time, and raises when
    one is not to be trusted.
    """

    columns: tuple[tuple[str, Type], ...]
    files: tuple[Path, ...] = ()
    exact: bool = True
    batch: bool = False
    check: Callable[[tuple[Path, ...]], None] | None = None
