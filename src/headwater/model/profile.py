"""What a delivery looked like, column by column, so that the next one can be held against it. It keeps no row and no
text of a personal column: counts, shapes of texts, and the texts of short closed lists such as stages."""

from __future__ import annotations

from dataclasses import dataclass

MOST_VALUES = 200
"""A column with more different texts is no closed list."""


@dataclass(frozen=True, slots=True)
class Magnitude:
    """How large the numbers of a group are: quartiles of the decimal logarithm of their size (zero left out), in
    thousandths. `group` is '' for all rows, `channel=ads` for rows of one text, `2026-03` for a month of the table's
    main clock."""

    group: str
    rows: int
    low: int
    middle: int
    high: int


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One mapped column of one file: `reading` is the hash of all the source file says of it, so that columns that are
    read differently are never compared.

    `kind` is what most cells of a typed file were ('' for texts), `form` how dates or numbers were written where the
    column itself had to show it. `rows` were meant for the table, `filled` of those that were loaded had a value,
    `faulty` could not be loaded because of this column. `shapes` are the commonest shapes of its texts with their share
    in thousandths (letters as a, digits as 9). `values` are its texts where they are few and not personal. `hours`
    counts instants by the hour of the local day, empty for other columns.
    """

    table: str
    column: str
    header: str
    reading: str
    kind: str = ""
    form: str = ""
    rows: int = 0
    filled: int = 0
    faulty: int = 0
    shapes: tuple[tuple[str, int], ...] = ()
    values: tuple[str, ...] = ()
    magnitudes: tuple[Magnitude, ...] = ()
    hours: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """One file: its header, what separates the cells of a row kept as text, and its mapped columns."""

    header: tuple[str, ...]
    separator: str
    columns: tuple[ColumnProfile, ...]


@dataclass(frozen=True, slots=True)
class Sketch:
    """The first texts of a column: their shapes, their different texts where they are few, and the middle of the sizes
    of plain numbers (thousandths of the logarithm), None where there are none."""

    header: str
    shapes: tuple[tuple[str, int], ...]
    values: tuple[str, ...]
    size: int | None
