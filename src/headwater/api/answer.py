"""What a question gives back: Observations that print themselves, or rows that do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, overload

from headwater.api import export, show
from headwater.model.observation import Observation, Rows

if TYPE_CHECKING:
    import pandas
    import pyarrow

PRINTED_ROWS = 60


def frame_of(table: pyarrow.Table) -> pandas.DataFrame:
    """A pandas frame of an Arrow table."""
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise ImportError("a frame needs pandas: pip install 'headwater[pandas]'") from None
    frame: pandas.DataFrame = table.to_pandas()
    return frame


@dataclass(frozen=True, slots=True)
class Label:
    """How a KPI is called and its numbers are shown."""

    title: str
    show: str


class Observed(Sequence[Observation]):
    """Anything that is its Observations: read one by one, and exported."""

    __slots__ = ()

    sheet: ClassVar[str]
    """What the sheet of a workbook is called."""

    @abstractmethod
    def _all(self) -> tuple[Observation, ...]:
        """The Observations, in their order."""

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Observation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Observation, ...]: ...
    def __getitem__(self, index: int | slice) -> Observation | tuple[Observation, ...]:
        return self._all()[index]

    def to_json(self) -> str:
        """A JSON list of objects with exactly the fields of an Observation."""
        return export.observations_json(self._all())

    def to_csv(self) -> str:
        """CSV, one row a number; texts that a spreadsheet would compute are guarded by an apostrophe."""
        return export.csv_text(export.tidy(self._all()))

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table, one row a number, one column a field or a split."""
        return export.observations_arrow(self._all())

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame of `to_arrow` (needs the extra `headwater[pandas]`)."""
        return frame_of(self.to_arrow())

    def to_parquet(self) -> bytes:
        """A Parquet file of `to_arrow`."""
        return export.parquet_bytes(self.to_arrow())

    def to_xlsx(self) -> bytes:
        """A workbook, one row a number."""
        return export.xlsx_bytes(export.tidy(self._all()), self.sheet)


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Observed):
    """The Observations of one question, in the order KPI, period, segment. `labels` is keyed by KPI id."""

    sheet: ClassVar[str] = "Answer"

    observations: tuple[Observation, ...]
    labels: Mapping[str, Label] = field(default_factory=dict)

    def _all(self) -> tuple[Observation, ...]:
        return self.observations

    def to_text(self, most: int | None = None) -> str:
        """An aligned table for people, of at most so many rows, and under it what all its numbers share."""
        heads, rows, right = self._cells()
        shown = rows if most is None else rows[:most]
        parts = [line for line in (self._title(), show.table(heads, shown, right) if rows else "no rows") if line]
        if len(rows) > len(shown):
            parts.append(f"... and {len(rows) - len(shown):,} more rows")
        return "\n".join([*parts, *self._foot()])

    def __repr__(self) -> str:
        return self.to_text(PRINTED_ROWS)

    def _repr_html_(self) -> str:
        heads, rows, right = self._cells()
        return show.html_table(heads, rows[:PRINTED_ROWS], right, "; ".join([self._title(), *self._foot()]))

    def _show(self, observation: Observation) -> str:
        label = self.labels.get(observation.kpi)
        return label.show if label is not None else "number"

    def _called(self, observation: Observation) -> str:
        label = self.labels.get(observation.kpi)
        variants = {o.variant for o in self.observations if o.kpi == observation.kpi}
        title = label.title if label is not None else observation.kpi
        return f"{title} ({observation.variant})" if len(variants) > 1 else title

    def _title(self) -> str:
        names = tuple(dict.fromkeys((o.kpi, o.variant, o.basis) for o in self.observations))
        if len(names) != 1:
            return ""
        kpi, variant, basis = names[0]
        title = self.labels[kpi].title if kpi in self.labels else kpi
        dotted = kpi if variant == "base" else f"{kpi}.{variant}"
        return f"{title}: {dotted}, {basis} basis"

    def _foot(self) -> list[str]:
        if not self.observations:
            return []
        first = self.observations[0]
        filters = f"filter {first.filter}; " if first.filter else ""
        _, shared = show.notes(self.observations)
        return [*shared, show.harmless(f"{filters}as of {first.as_of}, data version {first.data}")]

    def _cells(self) -> tuple[list[str], list[list[str]], frozenset[int]]:
        """The heads, the cells and the numbers of the columns set flush right; a column without a word is left out."""
        splits = list(dict.fromkeys(s for o in self.observations for s, _ in o.segment))
        several = len({(o.kpi, o.variant) for o in self.observations}) > 1
        columns: list[tuple[str, list[str], bool]] = []
        if several:
            columns.append(("KPI", [self._called(o) for o in self.observations], False))
        periods = [show.period_text(o.period_start, o.period_end, o.grain) for o in self.observations]
        columns.append(("period", periods, False))
        for split in splits:
            values = [dict(o.segment).get(split) for o in self.observations]
            columns.append((split, ["(empty)" if v is None else v for v in values], False))
        columns.append(("value", [show.value_text(o, self._show(o)) for o in self.observations], True))
        counts = ["" if o.subjects is None else f"{o.subjects:,}" for o in self.observations]
        intervals = [show.interval_text(o, self._show(o)) for o in self.observations]
        notes, _ = show.notes(self.observations)
        optional = (("n", counts, True), ("95 % interval", intervals, False), ("notes", notes, False))
        columns += [column for column in optional if any(column[1])]
        heads = [head for head, _, _ in columns]
        rows = [list(cells) for cells in zip(*(values for _, values, _ in columns), strict=True)]
        return heads, rows, frozenset(i for i, column in enumerate(columns) if column[2])


class Tabular(ABC):
    """Anything whose `listing` is its rows: exported through it."""

    __slots__ = ()

    @property
    @abstractmethod
    def listing(self) -> Listing:
        """The rows."""

    def to_json(self) -> str:
        """A JSON list of objects, one a row."""
        return self.listing.to_json()

    def to_csv(self) -> str:
        """CSV; texts that a spreadsheet would compute are guarded by an apostrophe."""
        return self.listing.to_csv()

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table."""
        return self.listing.to_arrow()

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame (needs the extra `headwater[pandas]`)."""
        return self.listing.to_pandas()

    def to_parquet(self) -> bytes:
        """A Parquet file."""
        return self.listing.to_parquet()

    def to_xlsx(self) -> bytes:
        """A workbook."""
        return self.listing.to_xlsx()

    def _repr_html_(self) -> str:
        return self.listing._repr_html_()


@dataclass(frozen=True, slots=True, repr=False)
class Listing(Sequence[tuple[object, ...]]):
    """Rows that print themselves; `title` says what they are."""

    rows: Rows
    title: str = ""

    def __len__(self) -> int:
        return len(self.rows.rows)

    @overload
    def __getitem__(self, index: int) -> tuple[object, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[object, ...], ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.rows.rows[index]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.rows.columns

    def to_json(self) -> str:
        """A JSON list of objects, one a row."""
        return export.rows_json(self.rows)

    def to_csv(self) -> str:
        """CSV; texts that a spreadsheet would compute are guarded by an apostrophe."""
        return export.csv_text(self.rows)

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table."""
        return export.rows_arrow(self.rows)

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame (needs the extra `headwater[pandas]`)."""
        return frame_of(self.to_arrow())

    def to_parquet(self) -> bytes:
        """A Parquet file."""
        return export.parquet_bytes(self.to_arrow())

    def to_xlsx(self) -> bytes:
        """A workbook."""
        return export.xlsx_bytes(self.rows, self.title or "Rows")

    def to_text(self, most: int | None = None) -> str:
        """An aligned table of at most so many rows."""
        shown = self.rows.rows if most is None else self.rows.rows[:most]
        cells = [[show.plain(v) for v in row] for row in shown]
        parts = [self.title] if self.title else []
        parts.append(show.table(self.rows.columns, cells, self._right()) if cells else "no rows")
        total = max(self.rows.total or 0, len(self.rows.rows))
        if total > len(shown):
            parts.append(f"... and {total - len(shown):,} more rows")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return self.to_text(PRINTED_ROWS)

    def _repr_html_(self) -> str:
        cells = [[show.plain(v) for v in row] for row in self.rows.rows[:PRINTED_ROWS]]
        return show.html_table(self.rows.columns, cells, self._right(), self.title)

    def _right(self) -> frozenset[int]:
        def is_number(value: object) -> bool:
            from decimal import Decimal

            return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

        found = []
        for i in range(len(self.rows.columns)):
            values = [row[i] for row in self.rows.rows if row[i] is not None]
            if values and all(is_number(v) for v in values):
                found.append(i)
        return frozenset(found)
