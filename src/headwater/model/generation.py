"""A generation: the immutable set of parts that readers pin, described by one manifest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One immutable Parquet file, named by the SHA-256 of its bytes, holding the rows of one partition.

    `digest`: the logical digest of its rows, a decimal integer as text; digests of a table's parts add up (mod 2**64).
    """

    file: str
    partition: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class StoredTable:
    """The parts of one table and what is known of it.

    `digest` is the logical digest over business keys and content (order-free; the same for incremental and full).
    `complete_through` by source. `currencies` are those found in its money columns. `first_day`/`last_day` span the
    event column. `numbered`: the counted columns whose values have numbers in its rows, from 1, and the greatest that
    was ever given. `empty`: the columns that no source fills, nor what they are derived from.
    """

    table: str
    parts: tuple[Part, ...]
    rows: int
    digest: str
    complete_through: tuple[tuple[str, date | None], ...] = ()
    currencies: tuple[str, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    numbered: tuple[tuple[str, int], ...] = ()
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """The manifest. `journal` is the number of the last journal entry it holds; `build` the hash of the definitions
    it was built with (tables, settings); `id` is the data version."""

    id: str
    parent: str
    journal: int
    build: str
    built_at: datetime
    writer: str
    tables: tuple[StoredTable, ...]
    format: int = 1

    def table(self, name: str) -> StoredTable | None:
        """The stored table of that name, or None."""
        for stored in self.tables:
            if stored.table == name:
                return stored
        return None
