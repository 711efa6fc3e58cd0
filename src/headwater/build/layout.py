"""Which part of a table a row lies in: a function of the table's content, never of the history of its loads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from headwater.build.algebra import is_null
from headwater.build.site import key_names
from headwater.model.lowering import day_of
from headwater.model.period import add_months
from headwater.model.plan import Col, Lit, Op, Scalar
from headwater.model.table import Table

ROWS_IN_A_BUCKET = 65_536
WHOLE = "1-0"
"""The part of a table that is one part: the only bucket there is."""
UNDATED = "undated"
MONTH = "/P1M"
"""Ends the label of a month's part, as ISO 8601 writes an interval (`2024-03-01/P1M`); a day's part is its date."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Parts by the hash of the key; their number is a power of two that follows from the number of rows."""

    table: Table
    number: int

    @property
    def label(self) -> Scalar:
        """The part of a row that has its key as `_k0` ..."""
        return Op("concat", (Lit(f"{self.number}-"), Op("as_text", (self.bucket,))))

    @property
    def bucket(self) -> Scalar:
        """The number of a row's bucket."""
        keys = [Op("as_text", (Col(k),)) for k in key_names(self.table)]
        text: Scalar = keys[0]
        if len(keys) > 1:
            text = Op("concat", tuple(p for k in keys for p in (k, Lit("|"))))
        return Op("bucket_of", (text, Lit(self.number)))

    def holds(self, label: str) -> bool:
        """Whether parts of that label exist in this layout."""
        return label.startswith(f"{self.number}-")


@dataclass(frozen=True, slots=True)
class Months:
    """Parts by day in the last two event months of the data, by month before, and one for rows without a date.

    `by_day`: false for rows that go on changing after their date (a lead, its versions, its journey): the changes of a
    day fall on many days then, and a part for each of them would be written where one for the month does.
    """

    column: str
    last: date | None
    by_day: bool = True

    @property
    def open_from(self) -> date | None:
        """The first day that has a part of its own."""
        if not self.by_day:
            return None
        if self.last is None or (self.last.year, self.last.month) == (1, 1):
            return self.last
        return add_months(self.last.replace(day=1), -1)

    @property
    def label(self) -> Scalar:
        """The part of a row."""
        day = Col(self.column)
        if self.open_from is None and self.by_day:
            return Lit(UNDATED)
        month = Op("concat", (Op("as_text", (Op("trunc_month", (day,)),)), Lit(MONTH)))
        if self.open_from is None:
            return Op("case", (is_null(day), Lit(UNDATED), month))
        of_day = Op("as_text", (day,))
        return Op("case", (is_null(day), Lit(UNDATED), Op("ge", (day, Lit(self.open_from))), of_day, month))

    def label_of(self, day: date | None) -> str:
        """The part of a row of that day."""
        if day is None:
            return UNDATED
        if self.open_from is not None and day >= self.open_from:
            return day.isoformat()
        return day.replace(day=1).isoformat() + MONTH

    def holds(self, label: str) -> bool:
        """Whether parts of that label exist in this layout."""
        if label == WHOLE:
            return False
        return label == UNDATED or self.label_of(date.fromisoformat(label.removesuffix(MONTH))) == label


Layout = Buckets | Months


def buckets_for(rows: int) -> int:
    """The number of buckets of a table with so many rows."""
    number = 1
    while number * ROWS_IN_A_BUCKET < rows:
        number *= 2
    return number


def partition_column(table: Table) -> str:
    """The date column that a table is partitioned by, '' for buckets of the key."""
    return "" if table.partition == "bucket" else day_of(table, table.partition)


def days_of(labels: Iterable[str]) -> dict[str, date | None]:
    """The first day of each part's label, None for undated rows."""
    return {n: None if n == UNDATED else date.fromisoformat(n.removesuffix(MONTH)) for n in labels}
