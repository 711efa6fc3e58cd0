"""A source: one file of `sources/` says where files lie and what their columns mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from headwater.model.period import Calendar, Grain
from headwater.model.types import Type

GRACE = timedelta(days=7)
"""A source is stale when the day, week or month that should have followed its data ended so long ago."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How one column of the target table is filled.

    `column` is the file's header ('' with `constant`: the same text in every row). `columns` are several, whose texts
    are put together in their order with `join` between them (no text where all are empty), of which with `take: first`
    the first counts that is not empty in the row, or whose numbers with `take: difference` are the first less the
    second (one that is empty counts nothing; no number where both are). `values` replaces texts before parsing (a text
    that is missing from it stays), those that are a text or, with `match: start`, that begin with it, the longest
    first. `empty` lists texts that mean no value. `date_format` is strptime's, or `iso`, `excel`, `epoch_s`,
    `epoch_ms`; '' = decide over the whole column. `decimal`/`thousands` override the source's. `factor` multiplies a
    number exactly (micros: 0.000001; cents: 0.01). `negate`: numbers of rows in which that header has one of
    `negate_values`, or begins with one of `negate_starts`, have the other sign. `true`/`false` list the texts of a
    boolean. `unlisted`: what a text outside `values` does: keep, quarantine. `numbered`: the second of equal texts of
    the file has ' 2' behind it, the third ' 3', so that equal rows of a file without a key stay apart.
    """

    target: str
    column: str = ""
    constant: str | None = None
    values: tuple[tuple[str, str | None], ...] = ()
    unlisted: str = "keep"
    empty: tuple[str, ...] = ()
    date_format: str = ""
    time_zone: str = ""
    decimal: str = ""
    thousands: str = ""
    factor: str = ""
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    join: str = " "
    take: str = "all"
    match: str = "whole"
    negate: str = ""
    negate_values: tuple[str, ...] = ()
    negate_starts: tuple[str, ...] = ()
    numbered: bool = False

    @property
    def header(self) -> str:
        """What it is filled from, as a message calls it."""
        return self.column or " + ".join(self.columns)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Rows of the file as rows of one table. `where_column`/`where_values`: only rows whose file column has one of
    these texts belong to this table (one file may feed several tables); others are counted as not meant for it. With
    `where_starts` rows whose text there begins with one of those do, with `where_filled` rows with any text. `until`:
    the header of the time at which a state ended; a key whose last state ended is deleted then. `merged_from`: the
    header of a list of the ids that were merged into the row, `merged_separator` between them."""

    table: str
    columns: tuple[ColumnMapping, ...]
    key: tuple[str, ...] = ()
    deleted: str = ""
    deleted_values: tuple[str, ...] = ("true", "1", "yes", "t", "y")
    merged_into: str = ""
    updated_at: str = ""
    currency: str = ""
    where_column: str = ""
    where_values: tuple[str, ...] = ()
    until: str = ""
    merged_from: str = ""
    merged_separator: str = ";"
    where_filled: bool = False
    where_starts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One configured connector over files.

    `load`: `full` (a key that vanished is deleted) or `incremental`. `system`: rows of two sources with the same system
    share one space of ids. `complete_through`: a date, or '' for the greatest date of `complete_column` (a target
    column; default: each table's main clock) in confirmed loads. `every`: a day, week, month, quarter or year is what
    each delivery adds. `on_bad_rows`: quarantine or refuse. `drift`: what becomes of a file that differs from those
    before it: `evolve` (loaded and told), `freeze` (held back until it is accepted), `quarantine` (rows with texts that
    no earlier file has are set aside); numbers in another unit and times in another zone are held back always.
    `inside`: which files of a zip archive (a pattern; '' all). `records`: where in a JSON document its records are (a
    dotted path; '' the only list of records). `doubts`: ids and questions that have no answer yet; such a source is not
    loaded.
    """

    id: str
    path: str
    tables: tuple[TableMapping, ...]
    format: str = ""
    encoding: str = ""
    separator: str = ""
    quote: str = '"'
    decimal: str = ""
    thousands: str = ""
    date_format: str = ""
    time_zone: str = ""
    ambiguous_time: str = "earlier"
    sheet: str = ""
    inside: str = ""
    doubts: tuple[tuple[str, str], ...] = ()
    records: str = ""
    header_row: int = 1
    skip_rows: int = 0
    totals: tuple[str, ...] = ()
    accounting_negatives: bool = False
    empty: tuple[str, ...] = ("",)
    load: str = "incremental"
    currency: str = ""
    system: str = ""
    complete_through: date | None = None
    complete_column: str = ""
    every: str = "day"
    on_bad_rows: str = "quarantine"
    drift: str = "evolve"
    max_mb: int = 2048
    hash: str = ""
    file: str = ""


def is_stale(through: date, today: date, every: str = "day") -> bool:
    """Whether data that ends on a day ends longer ago than it should, where each delivery adds a day, week, month,
    quarter or year: the delivery that follows is overdue.

    >>> is_stale(date(2026, 10, 31), date(2026, 11, 22)), is_stale(date(2026, 10, 31), date(2026, 11, 22), "month")
    (True, False)
    """
    following = Calendar().period(through + timedelta(1), Grain(every))
    return today - (following.end - timedelta(1)) > GRACE


@dataclass(frozen=True, slots=True)
class LandedColumn:
    """A column of a landed batch."""

    name: str
    type: Type
