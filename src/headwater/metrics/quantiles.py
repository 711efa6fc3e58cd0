"""Quantiles with the order statistics that bound them, without sorting every row."""

from __future__ import annotations

from decimal import Decimal

from headwater.metrics.planned import Field
from headwater.metrics.scans import divisor
from headwater.model.expression import Elapsed
from headwater.model.lowering import both
from headwater.model.measure import Measure
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Order, Over, Project, Relation, Scalar


def _counted(measure: Measure) -> Scalar | None:
    """Which rows are in the aggregate of the first measure of a block: its condition, no empty value, no bad date."""
    value = Col("_v0")
    whole = None
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        whole = Op("ge", (value, Lit(0)))
    ok = None if measure.where is None else Col("_ok0")
    return both(ok, Op("not", (Op("is_null", (value,)),)), whole)


def _histogram(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """The values of a quantile's rows, each once by window and segment: `_n` rows have it, `_upto` have it or a lesser
    one, `_of` have any. `_counted` tells the values that are in the aggregate."""
    counted = Op("not", (Op("is_null", (Col("_x"),)),))
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        counted = Op("coalesce", (Op("ge", (Col("_x"), Lit(0))), Lit(False)))
    names = tuple(k.name for k in keys)
    cells = Group(source, (*keys, Named("_x", _asked_value(measure))), (NamedAgg("_n", Agg("count_rows")),))
    told = Project(cells, (Named("_counted", counted),), keep_all=True)
    partition = (*(Col(n) for n in names), Col("_counted"))
    upto = Over("sum", partition, (Order(Col("_x")),), Col("_n"))
    return Project(told, (Named("_upto", upto), Named("_of", Over("sum", partition, (), Col("_n")))), keep_all=True)


def _asked_value(measure: Measure) -> Scalar:
    """The value of the rows that the first measure of a block asks for; rows it does not still make their segment."""
    return Col("_v0") if measure.where is None else Op("case", (Col("_ok0"), Col("_v0"), Lit(None)))


def quantile_block(source: Relation, keys: tuple[Named, ...], measure: Measure) -> tuple[Relation, Field]:
    """A quantile with its bounds from a histogram: sorting every row takes many times longer.

    The value interpolates linearly between the ranks around q (n - 1), counted from 0. The order statistics that bound
    it at 95 % have the ranks n q -/+ 1.96 sqrt(n q (1 - q)), rounded up.
    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (large-sample ranks).
    """
    q = Decimal(str(measure.quantile)) if measure.aggregate == "quantile" else Decimal("0.5")
    names = tuple(Named(k.name, Col(k.name)) for k in keys)
    counted, value = Col("_counted"), Col("_x")
    rank, n = Op("as_double", (Col("_upto"),)), Op("as_double", (Col("_of"),))
    place = _place(Col("_of"), q)
    off = Op("sub", (rank, Op("mul", (n, Lit(q)))))
    square = Op("mul", (off, off))
    spread = Op("mul", (n, Lit(Decimal("3.841458820694124") * q * (1 - q))))
    above = Op("ge", (off, Lit(0)))

    def least(condition: Scalar) -> Agg:
        return Agg("min", value, both(counted, condition))

    aggregates = [
        NamedAgg("_under", least(Op("gt", (rank, place)))),
        NamedAgg("_over", least(Op("ge", (Op("sub", (rank, Lit(1))), place)))),
        NamedAgg("_all", Agg("max", Col("_of"), counted)),
        NamedAgg("m0_n", Agg("sum", Col("_n"), counted)),
        NamedAgg("m0_low", least(Op("or", (above, Op("le", (square, spread)))))),
        NamedAgg("m0_high", least(Op("and", (above, Op("ge", (square, spread)))))),
    ]
    fields = ["value", "n"]
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        aggregates.append(NamedAgg("m0_left_out", Agg("sum", Col("_n"), Op("lt", (value, Lit(0))))))
        fields.append("left_out")
    fields += ["low", "high"]
    found = Group(_histogram(source, keys, measure), names, tuple(aggregates))
    under, over = (Op("as_double", (Col(n),)) for n in ("_under", "_over"))
    at = _place(Col("_all"), q)
    part = Op("add", (Op("sub", (at, Op("ceiling", (at,)))), Lit(1)))
    between = Op("add", (under, Op("mul", (part, Op("sub", (over, under))))))
    out = [between if field == "value" else Col(f"m0_{field}") for field in fields]
    columns = tuple(Named(f"m0_{field}", scalar) for field, scalar in zip(fields, out, strict=True))
    return Project(found, (*names, *columns)), Field(measure.id, "m0", tuple(fields), divisor(measure))


def _place(of: Scalar, q: Decimal) -> Scalar:
    """Where a quantile of so many values lies, counted from 0."""
    return Op("mul", (Op("sub", (Op("as_double", (of,)), Lit(1))), Op("as_double", (Lit(q),))))


def ranked_rows(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """Each row with its rank by value among the counted rows of its window and segment, and how many those are."""
    counted = Op("coalesce", (_counted(measure) or Lit(True), Lit(False)))
    partition = (*(k.value for k in keys), counted)
    rank = Over("row_number", partition, (Order(Col("_v0")),))
    return Project(source, (Named("_rank", rank), Named("_of", Over("count_rows", partition))), keep_all=True)


def rank_bounds(measure: Measure) -> list[NamedAgg]:
    """The order statistics that bound a quantile at 95 %: ranks n q -/+ 1.96 sqrt(n q (1 - q)), rounded up.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (large-sample ranks).
    """
    q = Decimal(str(measure.quantile)) if measure.aggregate == "quantile" else Decimal("0.5")
    rank, n = Op("as_double", (Col("_rank"),)), Op("as_double", (Col("_of"),))
    off = Op("sub", (rank, Op("mul", (n, Lit(q)))))
    spread = Op("mul", (n, Lit(Decimal("3.841458820694124") * q * (1 - q))))
    inside = Op("le", (Op("mul", (off, off)), spread))
    above = Op("ge", (off, Lit(0)))
    low = Op("or", (above, inside))
    high = Op("and", (above, Op("ge", (Op("mul", (off, off)), spread))))
    counted = _counted(measure)
    value = Col("_v0")
    return [
        NamedAgg("m0_low", Agg("min", value, both(counted, low))),
        NamedAgg("m0_high", Agg("min", value, both(counted, high))),
    ]
