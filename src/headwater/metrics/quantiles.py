"""Quantiles with the order statistics that bound them, without sorting every row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from headwater.metrics.planned import Field
from headwater.metrics.scans import divisor
from headwater.model.expression import Elapsed
from headwater.model.lowering import both
from headwater.model.measure import Measure
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Over,
    Project,
    Relation,
    Scalar,
    Shared,
    Union,
    unchanged,
)
from headwater.model.table import Table
from headwater.model.types import Kind


def _counted(measure: Measure) -> Scalar | None:
    """Which rows are in the aggregate of the first measure of a block: its condition, no empty value, no bad date."""
    value = Col("_v0")
    whole = None
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        whole = Op("ge", (value, Lit(0)))
    ok = None if measure.where is None else Col("_ok0")
    return both(ok, Op("not", (Op("is_null", (value,)),)), whole)


MANY_ROWS = 50_000
"""From so many rows on a table is looked at by classes first; of fewer, to plan that takes longer than to put all
values in order."""


def many_valued(measure: Measure, table: Table) -> bool:
    """Whether nearly every row has a value of its own: seconds between two instants."""
    value = measure.column
    if not isinstance(value, Elapsed) or measure.negatives != "leave_out":
        return False
    types = table.type_of(value.start.id), table.type_of(value.end.id)
    return all(t is not None and t.kind is Kind.TIME for t in types)


def _histogram(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """The values `_x` of a quantile's rows, each once by window and segment: `_n` rows have it, `_upto` have it or a
    lesser one, `_of` have any. `_counted` tells the values that are in the aggregate."""
    counted = Op("not", (Op("is_null", (Col("_x"),)),))
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        counted = Op("coalesce", (Op("ge", (Col("_x"), Lit(0))), Lit(False)))
    return _counted_up(Project(source, (*keys, Named("_x", _asked_value(measure)))), keys, "_x", counted)


def _counted_up(rows: Relation, keys: tuple[Named, ...], by: str, counted: Scalar) -> Relation:
    """How many rows have each value of the column `by` in their cell, and how many that one or a lesser one."""
    names = tuple(k.name for k in keys)
    cells = Group(rows, tuple(unchanged(n) for n in (*names, by)), (NamedAgg("_n", Agg("count_rows")),))
    told = Project(cells, (Named("_counted", counted),), keep_all=True)
    partition = (*(Col(n) for n in names), Col("_counted"))
    upto = Over("sum", partition, (Order(Col(by)),), Col("_n"))
    return Project(told, (Named("_upto", upto), Named("_of", Over("sum", partition, (), Col("_n")))), keep_all=True)


def _coarse_histogram(source: Relation, keys: tuple[Named, ...], measure: Measure, asked: Ranks) -> Relation:
    """As `_histogram`, but only the values in the classes that hold an asked rank stand alone, with nothing in `_n`;
    the others stand together: a class of values is a row without `_x`, and the negative ones are one row with -1.

    The class of x seconds is 16 times the fourth root: seconds apart where hours matter, hours apart where years do,
    in at most some hundred classes. A greater value never has a lesser class, so that counting classes up tells which
    ones hold a rank, and counting values up inside of those tells which value has it.
    """
    value = Op("case", (Op("gt", (Col("_x"), Lit(0))), Col("_x"), Lit(0)))  # there is no root of less
    root = Op("as_integer", (Op("mul", (Op("square_root", (Op("square_root", (value,)),)), Lit(16))),))
    negative, unknown = Op("lt", (Col("_x"), Lit(0))), Op("is_null", (Col("_x"),))
    names = tuple(k.name for k in keys)
    valued = Project(source, (*keys, Named("_x", _asked_value(measure))))
    classed = (Named("_class", Op("case", (unknown, Lit(None), negative, Lit(-1), root))),)
    rows = Shared("_valued", Project(valued, classed, keep_all=True))
    counted = Op("coalesce", (Op("ge", (Col("_class"), Lit(0))), Lit(False)))
    classes = Shared("_classes", _counted_up(rows, keys, "_class", counted))

    before = Op("sub", (Col("_upto"), Col("_n")))
    first = Op("eq", (before, Lit(0)))
    holds = [
        Op("and", (reached(Col("_upto")), Op("or", (first, Op("not", (reached(before),))))))
        for reached in (asked.under, asked.over, asked.low, asked.high)
    ]
    deciding = Project(
        classes,
        (*(unchanged(n) for n in (*names, "_class", "_of")), Named("_before", before)),
        both(Col("_counted"), Op("or", tuple(holds))),
    )
    inside = Project(
        Join(rows, deciding, "inner", both(*_same(names), _equal("_class"))),
        (
            *(Named(n, Col(n, "left")) for n in (*names, "_class", "_x")),
            *(Named(n, Col(n, "right")) for n in ("_before", "_of")),
        ),
    )
    values = Group(
        inside,
        tuple(unchanged(n) for n in (*names, "_class", "_x")),
        (
            NamedAgg("_n", Agg("count_rows")),
            NamedAgg("_before", Agg("any_value", Col("_before"))),
            NamedAgg("_of", Agg("any_value", Col("_of"))),
        ),
    )
    upto = Over("sum", (*(Col(n) for n in names), Col("_class")), (Order(Col("_x")),), Col("_n"))
    plain = tuple(unchanged(n) for n in names)
    fine = Project(
        values,
        (*plain, Named("_x", Col("_x")), Named("_counted", Lit(True)), Named("_n", Lit(0)),
         Named("_upto", Op("add", (Col("_before"), upto))), Named("_of", Col("_of"))),
    )  # fmt: skip
    lacking = Op("case", (Op("eq", (Col("_class"), Lit(-1))), Lit(-1), Lit(None)))
    together = Project(
        classes,
        (*plain, Named("_x", lacking), *(unchanged(n) for n in ("_counted", "_n", "_upto", "_of"))),
    )
    return Union((together, fine))


def _same(names: tuple[str, ...]) -> list[Scalar]:
    """That both sides of a join are of one cell, in comparisons that an engine can look up: no segment is one too."""
    found: list[Scalar] = []
    for name in names:
        if name == "_w":
            found.append(_equal(name))
            continue
        sides = Col(name, "left"), Col(name, "right")
        found.append(Op("eq", tuple(Op("coalesce", (side, Lit(""))) for side in sides)))
        found.append(Op("eq", tuple(Op("is_null", (side,)) for side in sides)))
    return found


def _equal(name: str) -> Scalar:
    return Op("eq", (Col(name, "left"), Col(name, "right")))


def _asked_value(measure: Measure) -> Scalar:
    """The value of the rows that the first measure of a block asks for; rows it does not still make their segment."""
    return Col("_v0") if measure.where is None else Op("case", (Col("_ok0"), Col("_v0"), Lit(None)))


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks that a quantile and its bounds are read at, each as a condition: whether so many rows, of the `_of`
    that are counted, are enough to hold it. More rows hold what fewer do.

    The value interpolates linearly between the ranks around q (n - 1), counted from 0 (`under`, `over`). The order
    statistics that bound it at 95 % have the ranks n q -/+ 1.96 sqrt(n q (1 - q)), rounded up (`low`, `high`).
    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (large-sample ranks).
    """

    q: Decimal

    def place(self, of: Scalar) -> Scalar:
        """Where the quantile of so many values lies, counted from 0."""
        return Op("mul", (Op("sub", (Op("as_double", (of,)), Lit(1))), Op("as_double", (Lit(self.q),))))

    def under(self, rows: Scalar) -> Scalar:
        """The last rank at or before the place."""
        return Op("gt", (Op("as_double", (rows,)), self.place(Col("_of"))))

    def over(self, rows: Scalar) -> Scalar:
        """The first rank at or after the place."""
        return Op("ge", (Op("sub", (Op("as_double", (rows,)), Lit(1))), self.place(Col("_of"))))

    def low(self, rows: Scalar) -> Scalar:
        """The lower bound."""
        return _low(*self.off(rows))

    def high(self, rows: Scalar) -> Scalar:
        """The upper bound; of few rows none is far enough."""
        return _high(*self.off(rows))

    def off(self, rows: Scalar) -> tuple[Scalar, Scalar]:
        """How far so many rows lie from n q, and the square of how far the bounds do."""
        n = Op("as_double", (Col("_of"),))
        off = Op("sub", (Op("as_double", (rows,)), Op("mul", (n, Lit(self.q)))))
        return off, Op("mul", (n, Lit(Decimal("3.841458820694124") * self.q * (1 - self.q))))


def _low(off: Scalar, spread: Scalar) -> Scalar:
    return Op("or", (Op("ge", (off, Lit(0))), Op("le", (Op("mul", (off, off)), spread))))


def _high(off: Scalar, spread: Scalar) -> Scalar:
    return Op("and", (Op("ge", (off, Lit(0))), Op("ge", (Op("mul", (off, off)), spread))))


def _ranks(measure: Measure) -> Ranks:
    return Ranks(Decimal(str(measure.quantile)) if measure.aggregate == "quantile" else Decimal("0.5"))


def quantile_block(
    source: Relation, keys: tuple[Named, ...], measure: Measure, table: Table, rows: int
) -> tuple[Relation, Field]:
    """A quantile with its bounds from a histogram: sorting every row takes many times longer. `rows`: of the table."""
    asked = _ranks(measure)
    names = tuple(unchanged(k.name) for k in keys)
    counted, value, rows_upto = Col("_counted"), Col("_x"), Op("as_double", (Col("_upto"),))
    place, off, spread = Col("_place"), Col("_off"), Col("_spread")

    def least(condition: Scalar) -> Agg:
        return Agg("min", value, both(counted, condition))

    aggregates = [
        NamedAgg("_under", least(Op("gt", (rows_upto, place)))),
        NamedAgg("_over", least(Op("ge", (Op("sub", (rows_upto, Lit(1))), place)))),
        NamedAgg("_all", Agg("max", Col("_of"), counted)),
        NamedAgg("m0_n", Agg("sum", Col("_n"), counted)),
        NamedAgg("m0_low", least(_low(off, spread))),
        NamedAgg("m0_high", least(_high(off, spread))),
    ]
    fields = ["value", "n"]
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        aggregates.append(NamedAgg("m0_left_out", Agg("sum", Col("_n"), Op("lt", (value, Lit(0))))))
        fields.append("left_out")
    fields += ["low", "high"]
    coarse = rows >= MANY_ROWS and many_valued(measure, table)
    histogram = _coarse_histogram(source, keys, measure, asked) if coarse else _histogram(source, keys, measure)
    told = dict(zip(("_off", "_spread"), asked.off(Col("_upto")), strict=True)) | {"_place": asked.place(Col("_of"))}
    placed = Project(histogram, tuple(Named(n, v) for n, v in told.items()), keep_all=True)  # several ranks read them
    found = Group(placed, names, tuple(aggregates))
    under, over = (Op("as_double", (Col(n),)) for n in ("_under", "_over"))
    at = asked.place(Col("_all"))
    part = Op("add", (Op("sub", (at, Op("ceiling", (at,)))), Lit(1)))
    between = Op("add", (under, Op("mul", (part, Op("sub", (over, under))))))
    out = [between if field == "value" else Col(f"m0_{field}") for field in fields]
    columns = tuple(Named(f"m0_{field}", scalar) for field, scalar in zip(fields, out, strict=True))
    return Project(found, (*names, *columns)), Field(measure.id, "m0", tuple(fields), divisor(measure))


def ranked_rows(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """Each row with its rank by value among the counted rows of its window and segment, and how many those are."""
    counted = Op("coalesce", (_counted(measure) or Lit(True), Lit(False)))
    partition = (*(k.value for k in keys), counted)
    rank = Over("row_number", partition, (Order(Col("_v0")),))
    return Project(source, (Named("_rank", rank), Named("_of", Over("count_rows", partition))), keep_all=True)


def rank_bounds(measure: Measure) -> list[NamedAgg]:
    """The order statistics that bound a quantile at 95 %, of ranked rows (see `Ranks`)."""
    asked, counted, value = _ranks(measure), _counted(measure), Col("_v0")
    return [
        NamedAgg("m0_low", Agg("min", value, both(counted, asked.low(Col("_rank"))))),
        NamedAgg("m0_high", Agg("min", value, both(counted, asked.high(Col("_rank"))))),
    ]
