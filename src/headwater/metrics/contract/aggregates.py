"""Aggregates of groups: each over plain values, nulls, one row, ties, none that count, and of nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from headwater.metrics.contract.cases import ABSENT, Sheet, Value, sheet
from headwater.model.plan import AGGREGATIONS, Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Scalar, Values
from headwater.model.types import BOOLEAN, DAY, INTEGER, TEXT, Kind, Type

MONEY = Type(Kind.MONEY, 20, 6)
D, M = date, Decimal
Cell = str | int | bool | Decimal | date | None
Groups = Sequence[tuple[str, Sequence[tuple[Cell, ...]], Value]]


def _of(name: str, types: Sequence[Type], groups: Groups, agg: Agg, tolerance: float = 0.0) -> Sheet:
    """The sheet of an aggregate over `a0`, `a1` ..., a group a condition. A group without rows is not there."""
    columns = (("n", INTEGER), *((f"a{i}", t) for i, t in enumerate(types)))
    rows = tuple((n, *row) for n, (_, given, _) in enumerate(groups) for row in given)
    relation = Group(Values(columns, rows), (Named("n", Col("n")),), (NamedAgg("v", agg),))
    return sheet(name, relation, [(c, e if given else ABSENT) for c, given, e in groups], tolerance)


def _of_nothing(name: str, kind: Type, agg: Agg, answer: Value) -> Sheet:
    """The aggregate of no rows at all, without keys: one row."""
    whole = Group(Values((("a0", kind),), ()), (), (NamedAgg("v", agg),))
    return sheet(name, Project(whole, (Named("n", Lit(0)), Named("v", Col("v")))), [("no rows at all", answer)])


def _each(*values: Cell) -> list[tuple[Cell, ...]]:
    return [(v,) for v in values]


A0, A1, A2 = Col("a0"), Col("a1"), Col("a2")
_IF: Scalar = A1
_EVEN = Op("eq", (A1, Lit("x")))

_COUNTS = (
    _of(
        "count_rows",
        (INTEGER,),
        [("plain", _each(1, 2, 3), 3), ("nulls count", _each(None, None), 2), ("empty group", [], None)],
        Agg("count_rows"),
    ),
    _of(
        "count_rows",
        (INTEGER, BOOLEAN),
        [("filtered", [(1, True), (2, False), (3, None)], 1), ("filtered to none", [(1, False)], 0)],
        Agg("count_rows", None, _IF),
    ),
    _of(
        "count",
        (INTEGER,),
        [("nulls do not count", _each(1, None, 3), 2), ("all null", _each(None), 0)],
        Agg("count", A0),
    ),
    _of(
        "count_distinct",
        (TEXT,),
        [
            ("duplicates", _each("a", "b", "a"), 2),
            ("nulls do not count", _each("a", None), 1),
            ("all null", _each(None, None), 0),
            ("case and spaces", _each("a", "A", "a "), 3),
            ("composed and not", _each("é", "e\u0301"), 2),
            ("empty text", _each("", "a"), 2),
        ],
        Agg("count_distinct", A0),
    ),
    _of(
        "count_distinct",
        (TEXT, BOOLEAN),
        [("filtered", [("a", True), ("a", True), ("b", False)], 1), ("filtered to none", [("a", False)], 0)],
        Agg("count_distinct", A0, _IF),
    ),
)

_SUMS = (
    _of(
        "sum",
        (INTEGER,),
        [
            ("plain", _each(1, 2, 3), 6),
            ("with nulls", _each(1, None), 1),
            ("all null is no zero", _each(None, None), None),
            ("refunds", _each(5, -7), -2),
            ("beyond a double", _each(9007199254740992, 1), 9007199254740993),
        ],
        Agg("sum", A0),
    ),
    _of(
        "sum",
        (MONEY,),
        [
            ("cents stay cents", _each(M("0.1"), M("0.2")), M("0.3")),
            ("large and small", _each(M("90071992547409.93"), M("0.000001")), M("90071992547409.930001")),
            ("refunds", _each(M("10.50"), M("-10.50")), M(0)),
        ],
        Agg("sum", A0),
    ),
    _of(
        "sum",
        (MONEY, BOOLEAN),
        [
            ("filtered", [(M("1.50"), True), (M("2.50"), False)], M("1.5")),
            ("filtered to none is no zero", [(M("1.50"), False)], None),
        ],
        Agg("sum", A0, _IF),
    ),
    _of(
        "min",
        (DAY,),
        [
            ("plain", _each(D(2025, 1, 2), D(2024, 2, 29)), D(2024, 2, 29)),
            ("with nulls", _each(None, D(2025, 1, 2)), D(2025, 1, 2)),
            ("all null", _each(None), None),
        ],
        Agg("min", A0),
    ),
    _of(
        "max", (TEXT,), [("by code point", _each("Z", "a", "B"), "a"), ("all null", _each(None), None)], Agg("max", A0)
    ),
    _of(
        "max",
        (INTEGER, BOOLEAN),
        [("filtered", [(9, False), (3, True)], 3), ("filtered to none", [(9, False)], None)],
        Agg("max", A0, _IF),
    ),
)

_SHAPES = (
    _of(
        "mean",
        (INTEGER,),
        [
            ("whole numbers", _each(1, 2), 1.5),
            ("with nulls", _each(1, None, 2), 1.5),
            ("one", _each(7), 7.0),
            ("all null", _each(None), None),
        ],
        Agg("mean", A0),
        1e-12,
    ),
    _of(
        "mean",
        (MONEY,),
        [
            ("thirds keep their places", _each(M("1"), M("0"), M("0")), 1 / 3),
            ("negative", _each(M("-1.5"), M("0.5")), -0.5),
        ],
        Agg("mean", A0),
        1e-12,
    ),
    _of("mean", (INTEGER, BOOLEAN), [("filtered to none", [(1, False)], None)], Agg("mean", A0, _IF), 1e-12),
    _of(
        "stddev",
        (INTEGER,),
        [
            ("plain", _each(2, 4, 4, 4, 5, 5, 7, 9), 2.138089935299395),
            ("one value has none", _each(5), None),
            ("equal values", _each(3, 3), 0.0),
            ("with nulls", _each(1, None, 3), 1.4142135623730951),
            ("all null", _each(None), None),
        ],
        Agg("stddev", A0),
        1e-12,
    ),
    _of(
        "stddev",
        (INTEGER, BOOLEAN),
        [("filtered to one", [(1, True), (9, False)], None)],
        Agg("stddev", A0, _IF),
        1e-12,
    ),
    _of(
        "median",
        (INTEGER,),
        [
            ("odd", _each(3, 1, 2), 2.0),
            ("even lies between", _each(1, 2, 3, 10), 2.5),
            ("ties", _each(5, 5, 1), 5.0),
            ("with nulls", _each(1, None, 4), 2.5),
            ("one", _each(9), 9.0),
            ("all null", _each(None), None),
        ],
        Agg("median", A0),
        1e-12,
    ),
    _of(
        "median",
        (INTEGER, BOOLEAN),
        [("filtered", [(1, True), (3, True), (100, False)], 2.0), ("filtered to none", [(1, False)], None)],
        Agg("median", A0, _IF),
        1e-12,
    ),
    _of(
        "quantile",
        (INTEGER,),
        [("lies between two", _each(0, 10, 20, 30), 27.0), ("one", _each(4), 4.0), ("all null", _each(None), None)],
        Agg("quantile", A0, quantile=0.9),
        1e-12,
    ),
    _of(
        "quantile",
        (MONEY,),
        [("decimals", _each(M("1.00"), M("2.00")), 1.25)],
        Agg("quantile", A0, quantile=0.25),
        1e-12,
    ),
)

_ROWS = (
    _of(
        "any_value",
        (TEXT,),
        [("equal values", _each("x", "x"), "x"), ("all null", _each(None), None)],
        Agg("any_value", A0),
    ),
    _of("any_value", (BOOLEAN,), [("truths", _each(True, True), True)], Agg("any_value", A0)),
    _of(
        "first_by",
        (TEXT, DAY, INTEGER),
        [
            ("earliest", [("b", D(2025, 1, 2), 1), ("a", D(2025, 1, 1), 2)], "a"),
            ("ties by the next key", [("b", D(2025, 1, 1), 2), ("a", D(2025, 1, 1), 1)], "a"),
            ("an empty value counts", [(None, D(2025, 1, 1), 1), ("a", D(2025, 1, 2), 1)], None),
            ("no date comes last", [("a", None, 1), ("b", D(2025, 1, 1), 1)], "b"),
        ],
        Agg("first_by", A0, order=(A1, A2)),
    ),
    _of(
        "last_by",
        (TEXT, DAY, INTEGER),
        [
            ("latest", [("b", D(2025, 1, 2), 1), ("a", D(2025, 1, 1), 2)], "b"),
            ("ties by the next key", [("b", D(2025, 1, 1), 2), ("a", D(2025, 1, 1), 1)], "b"),
            ("an empty value counts", [(None, D(2025, 1, 2), 1), ("a", D(2025, 1, 1), 1)], None),
            ("no date comes last", [("a", None, 1), ("b", D(2025, 1, 1), 1)], "b"),
        ],
        Agg("last_by", A0, order=(A1, A2)),
    ),
    _of(
        "first_by",
        (TEXT, TEXT, INTEGER),
        [("filtered", [("a", "y", 1), ("b", "x", 2), ("c", "x", 3)], "b"), ("filtered to none", [("a", "y", 1)], None)],
        Agg("first_by", A0, _EVEN, order=(A2,)),
    ),
    _of(
        "every",
        (BOOLEAN,),
        [
            ("all", _each(True, True), True),
            ("one is not", _each(True, False), False),
            ("nulls do not count", _each(True, None), True),
            ("all null", _each(None), None),
        ],
        Agg("every", A0),
    ),
)


def _bits() -> tuple[Sheet, ...]:
    """Integers of one block as a set, counted: through `bits` and `count_bits`, which are asked together."""
    groups: Groups = [
        ("duplicates count once", _each(1, 2, 1), 2),
        ("the last place of a block", _each(63, 62), 2),
        ("all 64 places", _each(*range(64, 128)), 64),
        ("nulls do not count", _each(65, None), 1),
    ]
    whole = _of("bits", (INTEGER,), groups, Agg("bits", A0))
    counted = Project(whole.relation, (Named("n", Col("n")), Named("v", Op("count_bits", (Col("v"),)))))
    flagged = _of(
        "bits",
        (INTEGER, BOOLEAN),
        [("filtered", [(1, True), (2, False)], 1), ("filtered to none", [(1, False)], 0)],
        Agg("bits", A0, _IF),
    )
    some = Op("coalesce", (Op("count_bits", (Col("v"),)), Lit(0)))
    filtered = Project(flagged.relation, (Named("n", Col("n")), Named("v", some)))
    return Sheet("bits", counted, whole.cases), Sheet("bits", filtered, flagged.cases)


_NOTHING = (
    _of_nothing("count_rows", INTEGER, Agg("count_rows"), 0),
    _of_nothing("count_distinct", TEXT, Agg("count_distinct", A0), 0),
    _of_nothing("sum", MONEY, Agg("sum", A0), None),
    _of_nothing("min", DAY, Agg("min", A0), None),
    _of_nothing("mean", INTEGER, Agg("mean", A0), None),
    _of_nothing("median", INTEGER, Agg("median", A0), None),
    _of_nothing("every", BOOLEAN, Agg("every", A0), None),
)

AGGREGATES: tuple[Sheet, ...] = (*_COUNTS, *_SUMS, *_SHAPES, *_ROWS, *_bits(), *_NOTHING)
NOT_HELD = tuple(sorted(set(AGGREGATIONS) - {s.primitive for s in AGGREGATES}))
"""Aggregates without a sheet."""
