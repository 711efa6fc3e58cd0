"""What every reader gives: chunks of cells as texts, with the row and line each came from, and the rows it gave up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

TEXT, NUMBER, DOUBLE, PADDED, DATE, BOOLEAN, NO_RESULT, ERROR, NON_FINITE = range(9)
"""What a cell of a typed file was: a text, an exact number (plain: `-1234.5`), a binary double, a number shown with
leading zeros, a date (ISO 8601), a boolean (`true`/`false`), a formula without a stored result, an error such as
#DIV/0!, something that stands for a number and is none (`NaN`)."""

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of a chunk: texts as an Arrow string array (null = no value); `kinds` is None where all are texts."""

    texts: Any
    kinds: Bytes | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A data row that cannot be read as cells; `column` is its place among the headers from 0, or -1."""

    row: int
    line: int | None
    column: int
    code: str
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Data rows in file order: `rows` are their numbers from 1, `lines` the first line of each (None: no lines)."""

    rows: Integers
    lines: Integers | None
    columns: tuple[Cells, ...]
    broken: tuple[Broken, ...] = ()


@dataclass(slots=True)
class Tally:
    """What a reader counted when its last chunk was given: records (data rows) and what was skipped, by kind."""

    records: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)


class Reader(Protocol):
    """An opened file: its headers, then its chunks once; `tally` is complete after the last chunk."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, trimmed."""
        ...

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        ...

    @property
    def typed(self) -> bool:
        """Whether cells carry kinds."""
        ...

    @property
    def serials(self) -> bool:
        """Whether a number in a date column is a spreadsheet's day number."""
        ...

    @property
    def separator(self) -> str:
        """What separates the cells of a row when it is shown as text."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """The data rows in file order."""
        ...
