"""The rows counted behind numbers, each with the file and row it came from; personal values are masked unless told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, overload

from headwater.api import show
from headwater.api.analysed import Analysed
from headwater.api.answer import Listing, Tabular
from headwater.api.answering import analysed
from headwater.api.measuring import Bench, rows_of
from headwater.errors import QueryError
from headwater.metrics.formula import resolve
from headwater.metrics.observe import step_start_or_none
from headwater.metrics.planned import Window
from headwater.metrics.planner import plan
from headwater.metrics.records import RecordsBlock, plan_records
from headwater.metrics.render import render
from headwater.model.landing import Batch
from headwater.model.lowering import columns_in
from headwater.model.measure import Alive, Latest, Measure
from headwater.model.observation import Rows
from headwater.model.period import Period
from headwater.model.plan import Agg, Group, NamedAgg, Order, Relation, Sort
from headwater.model.question import Question
from headwater.model.table import Table
from headwater.model.types import DAY_SUFFIX, Kind

MASK = "***"
_ROLES = {"numerator": "Numerator", "denominator": "Denominator", "both": "Both sides", "measure": "Rows"}


@dataclass(frozen=True, slots=True)
class Records:
    """The rows behind one measure of a KPI; `role`: numerator, denominator, both, measure. `rows.total` counts all."""

    kpi: str
    measure: str
    title: str
    table: str
    role: str
    rows: Rows


@dataclass(frozen=True, slots=True, repr=False)
class Recorded(Tabular, Sequence[Records]):
    """The rows behind every measure of a question; `notes`: KPIs that cannot be reckoned yet, and what they need."""

    blocks: tuple[Records, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.blocks)

    @overload
    def __getitem__(self, index: int) -> Records: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Records, ...]: ...
    def __getitem__(self, index: int | slice) -> Records | tuple[Records, ...]:
        return self.blocks[index]

    @property
    def listing(self) -> Listing:
        """All blocks as one table: KPI, role, measure and table first, then every column that any block has."""
        names = list(dict.fromkeys(n for b in self.blocks for n in b.rows.columns))
        rows = []
        for block in self.blocks:
            for row in block.rows.rows:
                cells = dict(zip(block.rows.columns, row, strict=True))
                rows.append((block.kpi, block.role, block.measure, block.table, *(cells.get(n) for n in names)))
        total = sum(b.rows.total or 0 for b in self.blocks)
        return Listing(Rows(("kpi", "role", "measure", "table", *names), tuple(rows), "one row", total))

    def to_text(self) -> str:
        """One table a block."""
        parts = []
        for block in self.blocks:
            total = block.rows.total or 0
            head = (
                f"{_ROLES[block.role]} of {block.kpi}: {block.title} ({block.measure}), {total:,} rows of {block.table}"
            )
            parts.append(Listing(block.rows, head).to_text())
        return "\n\n".join((*parts, *self.notes)) or "no rows"

    def __repr__(self) -> str:
        return self.to_text()


def records(at: Bench, question: Question, *, limit: int, unmask: bool) -> Recorded:
    """The rows behind a question, at most `limit` of each measure."""
    if limit < 1:
        raise QueryError("the limit is at least 1", where="limit")
    blocks = plan_records(question, at.catalogue, at.reader.generation, at.company.settings)
    asked = [resolve(at.catalogue, name) for name in question.kpis]
    notes = tuple(f"{a.kpi.title} ({a.kpi.id}): not possible yet, needs {a.needs}" for a in asked if a.needs)
    answered = [analysed(at, plan(question, at.catalogue, at.reader.generation, at.company.settings), a)
                for a in asked if a.variant.analysis]  # fmt: skip
    if not blocks and not answered:
        return Recorded((), notes)
    from headwater.store.landing import journal

    files = {e.number: at.folder.shown(e.path) for e in journal(at.store) if isinstance(e, Batch)}
    found = [_read(at, question, block, files, limit, unmask) for block in blocks]
    for told in answered:
        found += _behind(at, told, files, limit, unmask)
    return Recorded(tuple(found), notes)


def _behind(at: Bench, told: Analysed, files: Mapping[int, str], limit: int, unmask: bool) -> Iterator[Records]:
    """The rows behind every question that an analysis asked."""
    for run in told.runs:
        question, context = run.plan.question, run.plan.context
        there = replace(at, catalogue=context.catalogue)
        for block in plan_records(question, context.catalogue, context.generation, context.settings):
            relation = told.linked(block.relation)
            found = _read(there, question, replace(block, relation=relation), files, limit, unmask)
            name, title = told.called.get(block.measure, (block.measure, found.title))
            yield replace(found, kpi=told.asked.kpi.id, measure=name, title=title, role="measure")


def _read(
    at: Bench, question: Question, block: RecordsBlock, files: Mapping[int, str], limit: int, unmask: bool
) -> Records:
    measure, table = at.catalogue.measures[block.measure], at.catalogue.tables[block.table]
    counted, some = _counted(block.relation), _some(block.relation, limit)
    ((total,),) = rows_of(at, render(counted, at.reader.spelling))
    found = rows_of(at, render(some, at.reader.spelling))
    shown = _Shown(block, measure, table, question, files, unmask)
    return Records(
        block.kpi,
        block.measure,
        measure.title,
        block.table,
        block.role,
        Rows(shown.columns, tuple(shown.row(row) for row in found), f"one row of {table.id}", int(total)),
    )


def _counted(relation: Relation) -> Relation:
    source = relation.source if isinstance(relation, Sort) else relation
    return Group(source, (), (NamedAgg("n", Agg("count_rows")),))


def _some(relation: Relation, limit: int) -> Relation:
    order: tuple[Order, ...] = ()
    return replace(relation, limit=limit) if isinstance(relation, Sort) else Sort(relation, order, limit)


class _Shown:
    """The rows of a block as people read them: periods by name, instant and day as one, file and row at the end."""

    def __init__(
        self,
        block: RecordsBlock,
        measure: Measure,
        table: Table,
        question: Question,
        files: Mapping[int, str],
        unmask: bool,
    ) -> None:
        self._block, self._question, self._files = block, question, files
        self._places = {name: i for i, name in enumerate(block.columns)}
        self._splits = block.columns[1 : block.columns.index("state")]
        self._has_value = measure.column is not None
        names = [n for n in block.columns[block.columns.index("value") + 1 :] if not n.startswith("_")]
        times = {c.id for c in table.columns if c.type.kind is Kind.TIME}
        times |= {c.id for c in table.columns_is if c.type.kind is Kind.TIME}
        self._read = tuple(
            dict.fromkeys(n.removesuffix(DAY_SUFFIX) if n.removesuffix(DAY_SUFFIX) in times else n for n in names)
        )
        personal = set() if unmask else {c.id for c in table.columns if c.personal}
        self._masked = frozenset(personal & {*self._read, *self._splits})
        self._value_masked = bool(personal & columns_in(measure.column))
        self._stock = isinstance(measure.clock, Alive | Latest)
        self._windows = self._named(block.windows)
        value = ("value",) if self._has_value else ()
        self.columns = ("period", *self._splits, "state", *value, *self._read, "source", "file", "row")

    def row(self, found: tuple[Any, ...]) -> tuple[object, ...]:
        """One row."""
        at = {name: found[i] for name, i in self._places.items()}
        value = (MASK if self._value_masked else self._value(at["value"]),) if self._has_value else ()
        return (
            self._windows.get(at["window"], str(at["window"])),
            *(self._cell(at, s) for s in self._splits),
            at["state"],
            *value,
            *(self._cell(at, n) for n in self._read),
            at["_source"],
            self._files.get(at["_load"], ""),
            at["_row"],
        )

    def _cell(self, at: Mapping[str, Any], name: str) -> object:
        value = at.get(name)
        if value is None:
            value = at.get(name + DAY_SUFFIX)
        return MASK if name in self._masked and value is not None else value

    def _value(self, value: Any) -> object:
        if value is None or self._block.divide == 1:
            return value
        return float(value) / self._block.divide

    def _called(self, window: Window) -> str:
        if self._stock:
            return (window.end - timedelta(1)).isoformat()
        return "all data" if window.start is None else show.whole_period_text(Period(window.start, window.end))

    def _named(self, windows: Sequence[Window]) -> dict[object, str]:
        """What each window is called, by its number and by the first day of its calendar step."""
        grain = self._question.grain
        named: dict[object, str] = {}
        for i, window in enumerate(windows):
            text = self._called(window)
            named[i] = text
            if window.start is not None:
                start = step_start_or_none(window, grain)
                if start is not None and len(windows) > 1:
                    named[start] = text
        return named
