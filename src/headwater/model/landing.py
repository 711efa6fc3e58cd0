"""The landing journal: what every load left behind, in order, and can be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from headwater.model.profile import Profile

ROWS_IN_A_BATCH = 2**36
"""A landed row's own number is its batch's times this plus its row. Rows are numbered below half of it, so that the
number over this, however it is rounded, is the batch's."""

FIRST_TOLD = ROWS_IN_A_BATCH // 4
"""The number of the first landed row that is none of the file's, but told by one: where an id went that is listed as
merged, when a key ended. Such rows are counted nowhere."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One data row that was not loaded: row from 1 (header and blank lines not counted), line of the file from 1."""

    row: int
    line: int | None
    column: str
    code: str
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class LandedTable:
    """The part of a batch that feeds one table. `file` is the Parquet file's name inside the batch.

    Its columns: the mapped columns of the table (a `time` column is the pair), and `_row` integer, `_deleted` boolean,
    `_merged_into` text, `_updated_at` instant (null where the source has none). `first_day`/`last_day` span the table's
    event column.
    """

    table: str
    file: str
    rows: int
    columns: tuple[str, ...]
    has_updated_at: bool
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a file differs from those loaded before it. `kind`: new_column, gone_column, new_values, form,
    kind, emptied, unreadable, units, time_zone. `holds`: because of it nothing of the load counts until it is accepted.
    """

    kind: str
    table: str
    column: str
    what: str
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A row that was set aside and is loaded by another batch, mended: the batch that set it aside, the content of its
    file, and its number there."""

    batch: int
    content: str
    row: int


@dataclass(frozen=True, slots=True)
class Mended:
    """A row of a correction as it was handed in: its number there, the content of the file and the row that it mends,
    the hash of that row's text, and its own text, separated by commas."""

    row: int
    content: str
    of_row: int
    was: str
    raw: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One committed load of one file. For every accepted file: loaded + quarantined + collapsed = data_rows.

    `number` is its place in the journal (from 1). `content` is the file's SHA-256, `mapping` the hash of what the
    source file said; the same pair is loaded once. `full`: keys of the source that are missing from it are deleted.
    `part_of` groups batches that belong to one full load (several files of one pattern loaded together).
    `drift` is how it differs from what was loaded before. `held`: nothing of it counts; `accepts` is the number of the
    held batch that this one repeats, accepted. `settles`: it is a correction, and these are the rows that it mends.
    """

    number: int
    id: str
    source: str
    system: str
    path: str
    content: str
    mapping: str
    loaded_at: datetime
    full: bool
    data_rows: int
    loaded: int
    quarantined: int
    collapsed: int
    skipped: tuple[tuple[str, int], ...]
    tables: tuple[LandedTable, ...]
    complete_through: date | None
    warnings: tuple[str, ...] = ()
    part_of: str = ""
    drift: tuple[Drift, ...] = ()
    held: bool = False
    accepts: int = 0
    settles: tuple[Settled, ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """A journal entry: a subject was erased. `subject` is a salted hash; rows that hold it are not loaded again."""

    number: int
    subject: str
    erased_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A journal entry: what differed in these batches of a source was looked at and is meant. It changes no table."""

    number: int
    source: str
    batches: tuple[int, ...]
    accepted_at: datetime


JournalEntry = Batch | Erasure | Accepted


@dataclass(frozen=True, slots=True)
class Draft:
    """What parsing one file gave: the staged folder holds `<table>.parquet` files and `quarantine.parquet`; the store
    turns it into a Batch. Fields as in Batch. `examples` are the first quarantined rows, for the report; `profile` is
    what the file looked like."""

    source: str
    system: str
    path: str
    content: str
    mapping: str
    full: bool
    data_rows: int
    loaded: int
    quarantined: int
    collapsed: int
    skipped: tuple[tuple[str, int], ...]
    tables: tuple[LandedTable, ...]
    complete_through: date | None
    warnings: tuple[str, ...] = ()
    examples: tuple[Quarantined, ...] = ()
    profile: Profile | None = None
    drift: tuple[Drift, ...] = ()
