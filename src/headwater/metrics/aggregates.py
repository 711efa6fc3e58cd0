"""What is worked out of the rows of a window: the aggregate of a measure and the fields beside it."""

from __future__ import annotations

from headwater.errors import QueryError
from headwater.metrics import happened
from headwater.metrics.planned import Context
from headwater.metrics.scans import of
from headwater.model.expression import ColumnName, Elapsed
from headwater.model.lowering import both
from headwater.model.measure import Latest, Measure
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Relation, Scalar, unchanged
from headwater.model.types import NUMBER_SUFFIX


def number_of(measure: Measure, context: Context, *, versioned: bool) -> str:
    """The stored column of numbers that stands for the values a measure counts, '' where there is none, and where a
    value is read as it was then: from an earlier state of its row, or empty because its date lies ahead."""
    stored = context.generation.table(measure.table)
    if measure.aggregate != "count_distinct" or not isinstance(measure.column, ColumnName):
        return ""
    if versioned or isinstance(measure.clock, Latest):  # of a snapshot the value tells which row is the last
        return ""
    name, table = measure.column.id, context.catalogue.tables[measure.table]
    if stored is None or name not in dict(stored.numbered) or happened.dates_behind(table, name):
        return ""
    return name + NUMBER_SUFFIX


def by_numbers(source: Relation, keys: tuple[Named, ...], aggregates: list[NamedAgg]) -> Relation:
    """The aggregates of a block whose measures count the values of one column, by its numbers: first one row for
    every 64 of them with a bit for each that occurs, then the sum of the bits. A hash table of the values themselves
    has a row for each value in each cell, which takes several times longer; this one is never larger than that."""
    inner: list[NamedAgg] = []
    outer: list[NamedAgg] = []
    for one in aggregates:
        agg = one.value
        if agg.name == "count_distinct":
            inner.append(NamedAgg(one.name, Agg("bits", agg.argument, agg.where)))
            counted = Op("coalesce", (Op("count_bits", (Col(one.name),)), Lit(0)))
            outer.append(NamedAgg(one.name, Agg("sum", counted)))
        elif agg.name in ("count", "count_rows", "max"):
            inner.append(one)
            outer.append(NamedAgg(one.name, Agg("max" if agg.name == "max" else "sum", Col(one.name))))
        else:
            raise ValueError(f"{agg.name!r} is not put together from blocks of numbers")
    blocks = Group(source, (*keys, Named("_block", Op("block_of", (Col("_v0"),)))), tuple(inner))
    return Group(blocks, tuple(unchanged(k.name) for k in keys), tuple(outer))


def means_first(source: Relation, keys: tuple[Named, ...], aggregates: list[NamedAgg], per: str) -> Relation:
    """The aggregates of a mean that is taken first of the rows of each value of a column, then of these means; rows
    without one are left out, like any mean that there is not."""
    known = Project(source, (), Op("not", (Op("is_null", (Col(per),)),)), keep_all=True)
    first = Group(known, (*keys, Named("_per", Col(per))), tuple(aggregates))
    mean = Col("m0_value")
    of_means = {
        "m0_value": Agg("mean", mean),
        "m0_n": Agg("count", mean),
        "m0_sum": Agg("sum", mean),
        "m0_deviation": Agg("stddev", mean),
    }
    outer = tuple(NamedAgg(a.name, of_means.get(a.name, Agg("sum", Col(a.name)))) for a in aggregates)
    return Group(first, tuple(unchanged(k.name) for k in keys), outer)


def aggregate_of(measure: Measure, value: Scalar | None, where: Scalar | None) -> Agg:
    """The aggregate a measure states, of the rows that count. Raises QueryError for one that needs a column."""
    if measure.aggregate == "average":
        return Agg("sum", Col("_days"), where)
    if measure.aggregate == "count":
        return Agg("count_rows", where=where) if value is None else Agg("count", value, where)
    if value is None:
        raise QueryError(f"{measure.id!r} has no column to {measure.aggregate}", where=measure.path)
    return Agg(measure.aggregate, value, where, quantile=measure.quantile)


def aggregates_of(measure: Measure, i: int, *, rated: bool, versioned: bool) -> tuple[list[NamedAgg], tuple[str, ...]]:
    """The aggregates of the measure `i` of a block, and the fields they fill."""
    prefix = f"m{i}"
    ok: Scalar | None = None if measure.where is None and measure.limit is None else Col(f"_ok{i}")
    value = Col(f"_v{i}") if measure.column is not None else None
    elapsed = isinstance(measure.column, Elapsed) and measure.negatives == "leave_out"
    counted = ok
    found: list[NamedAgg] = []
    names: list[str] = ["value", "n"]
    if elapsed and value is not None:
        counted = both(ok, Op("ge", (value, Lit(0))))
    present = counted if value is None else both(counted, Op("not", (Op("is_null", (value,)),)))
    found.append(NamedAgg(f"{prefix}_value", aggregate_of(measure, value, counted)))
    plain = value is not None and counted is None
    found.append(NamedAgg(f"{prefix}_n", Agg("count", value) if plain else Agg("count_rows", where=present)))
    if elapsed and value is not None:
        found.append(NamedAgg(f"{prefix}_left_out", Agg("count_rows", where=both(ok, Op("lt", (value, Lit(0)))))))
        names.append("left_out")
    if measure.aggregate == "mean" and value is not None:
        found.append(NamedAgg(f"{prefix}_sum", Agg("sum", value, counted)))
        found.append(NamedAgg(f"{prefix}_deviation", Agg("stddev", value, counted)))
        names += ["sum", "deviation"]
    if measure.limit is not None and measure.limit.counts == "judged":
        found.append(NamedAgg(f"{prefix}_left_out", Agg("count_rows", where=Col(f"_unjudged{i}"))))
        names.append("left_out")
    if measure.lag is not None:
        found.append(NamedAgg(f"{prefix}_longest", Agg("max", Col("_longest"))))
        names.append("longest")
    if rated:
        found.append(
            NamedAgg(f"{prefix}_unrated", Agg("count_rows", where=both(ok, Op("not", (Col(of("_rated", i)),)))))
        )
        names.append("unrated")
    if versioned:
        found.append(NamedAgg(f"{prefix}_unversioned", Agg("count_rows", where=Op("not", (Col("_known"),)))))
        names.append("unversioned")
    return found, tuple(names)
