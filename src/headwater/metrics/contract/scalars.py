"""Operations of rows: every one of `model.plan.OPERATIONS`, with its null, its borders and its traps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from headwater.metrics.contract.cases import Sheet, Value, sheet
from headwater.model.plan import OF_TEXTS, OPERATIONS, Col, Lit, Named, Op, Project, Scalar, Values
from headwater.model.types import BOOLEAN, DAY, INTEGER, TEXT, TIME, Kind, Type

MONEY = Type(Kind.MONEY, 20, 6)
D, T, M = date, datetime, Decimal
Rows = Sequence[tuple[str, tuple[Value, ...], Value]]


def _of(
    name: str,
    types: Sequence[Type],
    rows: Rows,
    build: Callable[[tuple[Scalar, ...]], Scalar] | None = None,
    tolerance: float = 0.0,
) -> Sheet:
    """The sheet of an operation over typed arguments, a row a condition."""
    columns = (("n", INTEGER), *((f"a{i}", t) for i, t in enumerate(types)))
    given = tuple((n, *(_cell(v) for v in args)) for n, (_, args, _) in enumerate(rows))
    arguments = tuple(Col(f"a{i}") for i in range(len(types)))
    value = build(arguments) if build else Op(name, arguments)
    relation = Project(Values(columns, given), (Named("n", Col("n")), Named("v", value)))
    return sheet(name, relation, [(condition, expected) for condition, _, expected in rows], tolerance)


def _cell(value: Value) -> str | int | bool | Decimal | date | datetime | None:
    if isinstance(value, float):
        raise ValueError("doubles are not stored")
    return value


_ARITHMETIC = (
    _of(
        "add",
        (INTEGER, INTEGER),
        [
            ("plain", (2, 3), 5),
            ("null", (None, 3), None),
            ("negative", (-2, -3), -5),
            ("beyond a double", (9007199254740993, 1), 9007199254740994),
        ],
    ),
    _of("sub", (INTEGER, INTEGER), [("plain", (2, 3), -1), ("null", (2, None), None)]),
    _of("sub", (INTEGER, INTEGER), [("nested", (2, 3), 9)], lambda a: Op("sub", (Lit(10), Op("sub", (a[1], a[0]))))),
    _of("mul", (INTEGER, INTEGER), [("plain", (4, 3), 12), ("null", (None, None), None)]),
    _of(
        "mul",
        (INTEGER, INTEGER),
        [("a sum inside", (4, 3), 14)],
        lambda a: Op("mul", (Op("add", (a[0], a[1])), Lit(2))),
    ),
    _of(
        "mul",
        (MONEY, MONEY),
        [("decimals", (M("1.10"), M("3.30")), M("3.63")), ("negative decimals", (M("-0.01"), M("100")), M("-1"))],
    ),
    _of(
        "div",
        (INTEGER, INTEGER),
        [
            ("whole numbers", (1, 2), 0.5),
            ("by zero", (1, 0), None),
            ("zero by zero", (0, 0), None),
            ("null", (None, 2), None),
            ("by null", (1, None), None),
            ("thirds", (1, 3), 1 / 3),
        ],
        tolerance=1e-15,
    ),
    _of(
        "div",
        (MONEY, MONEY),
        [("decimals", (M("1.00"), M("3.00")), 1 / 3), ("decimals by zero", (M("1.00"), M("0.00")), None)],
        tolerance=1e-15,
    ),
    _of(
        "square_root",
        (INTEGER,),
        [("of nothing", (0,), 0.0), ("whole", (81,), 9.0), ("two", (2,), 1.4142135623730951), ("null", (None,), None)],
    ),
    _of(
        "ceiling",
        (MONEY,),
        [("up", (M("1.2"),), 2), ("negative", (M("-1.2"),), -1), ("whole", (M("3"),), 3), ("null", (None,), None)],
    ),
)

_COMPARISON = (
    _of(
        "eq",
        (TEXT, TEXT),
        [
            ("equal", ("a", "a"), True),
            ("case", ("a", "A"), False),
            ("trailing space", ("a", "a "), False),
            ("null", ("a", None), None),
            ("unicode", ("é", "é"), True),
            ("composed and not", ("é", "e\u0301"), False),
        ],
    ),
    _of("ne", (INTEGER, INTEGER), [("other", (1, 2), True), ("null", (1, None), None)]),
    _of(
        "lt",
        (DAY, DAY),
        [
            ("earlier", (D(2024, 2, 29), D(2024, 3, 1)), True),
            ("same", (D(2024, 2, 29), D(2024, 2, 29)), False),
            ("null", (None, D(2024, 3, 1)), None),
            ("first and last year", (D(1900, 1, 1), D(2199, 12, 31)), True),
        ],
    ),
    _of("le", (MONEY, MONEY), [("same", (M("0.1"), M("0.100000")), True), ("more", (M("0.2"), M("0.1")), False)]),
    _of(
        "gt",
        (TIME, TIME),
        [("a microsecond", (T(2025, 1, 1, 0, 0, 0, 1), T(2025, 1, 1)), True), ("null", (None, None), None)],
    ),
    _of("ge", (INTEGER, INTEGER), [("same", (3, 3), True), ("less", (2, 3), False)]),
    _of("is_null", (TEXT,), [("null", (None,), True), ("empty text", ("",), False), ("text", ("x",), False)]),
    _of(
        "in",
        (TEXT,),
        [("in", ("b",), True), ("not in", ("d",), False), ("null", (None,), None), ("empty text", ("",), False)],
        lambda a: Op("in", (a[0], Lit("a"), Lit("b"), Lit("c'"))),
    ),
    _of(
        "distinct_from",
        (TEXT, TEXT),
        [
            ("equal", ("a", "a"), False),
            ("other", ("a", "b"), True),
            ("one null", ("a", None), True),
            ("both null", (None, None), False),
        ],
    ),
)

_LOGIC = (
    _of(
        "and",
        (BOOLEAN, BOOLEAN),
        [
            ("true and null", (True, None), None),
            ("false and null", (False, None), False),
            ("true and true", (True, True), True),
        ],
    ),
    _of(
        "or",
        (BOOLEAN, BOOLEAN),
        [
            ("true or null", (True, None), True),
            ("false or null", (False, None), None),
            ("false or false", (False, False), False),
        ],
    ),
    _of(
        "or",
        (BOOLEAN, BOOLEAN),
        [("an and inside", (True, False), True)],
        lambda a: Op("or", (Op("and", (a[0], a[1])), a[0])),
    ),
    _of(
        "and",
        (BOOLEAN, BOOLEAN),
        [("an or inside", (True, False), False)],
        lambda a: Op("and", (Op("or", (a[0], a[1])), a[1])),
    ),
    _of("not", (BOOLEAN,), [("true", (True,), False), ("null", (None,), None)]),
    _of(
        "case",
        (INTEGER,),
        [
            ("first", (1,), "one"),
            ("second", (2,), "two"),
            ("otherwise", (3,), "more"),
            ("null is no match", (None,), "more"),
        ],
        lambda a: Op("case", (Op("eq", (a[0], Lit(1))), Lit("one"), Op("eq", (a[0], Lit(2))), Lit("two"), Lit("more"))),
    ),
    _of(
        "coalesce",
        (TEXT, TEXT),
        [
            ("first", ("a", "b"), "a"),
            ("second", (None, "b"), "b"),
            ("none", (None, None), None),
            ("empty text is a value", ("", "b"), ""),
        ],
    ),
)

_TIME = (
    _of(
        "trunc_week",
        (DAY,),
        [
            ("a Monday", (D(2025, 3, 31),), D(2025, 3, 31)),
            ("a Sunday", (D(2025, 3, 30),), D(2025, 3, 24)),
            ("over the year", (D(2027, 1, 1),), D(2026, 12, 28)),
            ("leap day", (D(2024, 2, 29),), D(2024, 2, 26)),
            ("null", (None,), None),
            ("before 1970", (D(1969, 12, 31),), D(1969, 12, 29)),
        ],
    ),
    _of(
        "trunc_month",
        (DAY,),
        [
            ("leap day", (D(2024, 2, 29),), D(2024, 2, 1)),
            ("last day", (D(2025, 12, 31),), D(2025, 12, 1)),
            ("null", (None,), None),
            ("before 1970", (D(1959, 7, 4),), D(1959, 7, 1)),
        ],
    ),
    _of(
        "trunc_quarter",
        (DAY,),
        [
            ("last day", (D(2025, 6, 30),), D(2025, 4, 1)),
            ("first day", (D(2025, 10, 1),), D(2025, 10, 1)),
            ("null", (None,), None),
        ],
    ),
    _of("trunc_year", (DAY,), [("last day", (D(2024, 12, 31),), D(2024, 1, 1)), ("null", (None,), None)]),
    _of(
        "days_between",
        (DAY, DAY),
        [
            ("over the leap day", (D(2024, 2, 28), D(2024, 3, 1)), 2),
            ("no leap day", (D(2025, 2, 28), D(2025, 3, 1)), 1),
            ("over the hour that is skipped", (D(2025, 3, 29), D(2025, 3, 31)), 2),
            ("backwards", (D(2025, 1, 10), D(2025, 1, 1)), -9),
            ("same", (D(2025, 1, 1), D(2025, 1, 1)), 0),
            ("null", (None, D(2025, 1, 1)), None),
            ("a century", (D(1925, 1, 1), D(2025, 1, 1)), 36525),
        ],
    ),
    _of(
        "seconds_between",
        (TIME, TIME),
        [
            ("plain", (T(2025, 1, 1), T(2025, 1, 2)), 86400),
            ("a border is no second", (T(2025, 1, 1, 0, 0, 0, 999999), T(2025, 1, 1, 0, 0, 1)), 0),
            ("microseconds are cut", (T(2025, 1, 1), T(2025, 1, 1, 0, 0, 1, 999999)), 1),
            ("backwards", (T(2025, 1, 1, 0, 0, 2), T(2025, 1, 1, 0, 0, 0, 500000)), -1),
            ("over the hour that is skipped", (T(2025, 3, 30, 0, 30), T(2025, 3, 30, 3, 30)), 10800),
            ("null", (T(2025, 1, 1), None), None),
            ("before 1970", (T(1969, 12, 31, 23, 59, 59), T(1970, 1, 1, 0, 0, 1)), 2),
        ],
    ),
    _of(
        "add_days",
        (DAY, INTEGER),
        [
            ("over the leap day", (D(2024, 2, 28), 2), D(2024, 3, 1)),
            ("back", (D(2025, 1, 1), -1), D(2024, 12, 31)),
            ("null", (None, 1), None),
            ("no days known", (D(2025, 1, 1), None), None),
        ],
    ),
    _of(
        "add_months",
        (DAY, INTEGER),
        [
            ("clipped", (D(2024, 1, 31), 1), D(2024, 2, 29)),
            ("clipped in a common year", (D(2025, 1, 31), 1), D(2025, 2, 28)),
            ("a last day is no last day", (D(2025, 2, 28), 1), D(2025, 3, 28)),
            ("a year", (D(2024, 2, 29), 12), D(2025, 2, 28)),
            ("back", (D(2025, 3, 31), -1), D(2025, 2, 28)),
            ("null", (None, 1), None),
        ],
    ),
    _of(
        "add_seconds",
        (TIME, INTEGER),
        [
            ("over midnight", (T(2025, 12, 31, 23, 59, 59), 1), T(2026, 1, 1)),
            ("back", (T(2025, 1, 1), -1), T(2024, 12, 31, 23, 59, 59)),
            ("keeps microseconds", (T(2025, 1, 1, 0, 0, 0, 123456), 60), T(2025, 1, 1, 0, 1, 0, 123456)),
            ("over the hour that is skipped", (T(2025, 3, 30, 0, 59, 59), 3600), T(2025, 3, 30, 1, 59, 59)),
            ("null", (None, 1), None),
        ],
    ),
    _of(
        "as_instant",
        (DAY,),
        [
            ("first second", (D(2025, 3, 30),), T(2025, 3, 30)),
            ("null", (None,), None),
            ("before 1970", (D(1969, 7, 20),), T(1969, 7, 20)),
        ],
    ),
    _of(
        "as_day",
        (TIME,),
        [
            ("last microsecond", (T(2024, 12, 31, 23, 59, 59, 999999),), D(2024, 12, 31)),
            ("first second", (T(2025, 1, 1),), D(2025, 1, 1)),
            ("null", (None,), None),
            ("before 1970", (T(1969, 12, 31, 23, 59),), D(1969, 12, 31)),
        ],
    ),
)

_TEXTS = (
    _of(
        "concat",
        (TEXT, TEXT),
        [
            ("plain", ("a", "b"), "ab"),
            ("null is empty", ("a", None), "a"),
            ("both null", (None, None), ""),
            ("quotes", ("it's", '"x"'), 'it\'s"x"'),
            ("backslash", ("a\\n", "\\"), "a\\n\\"),
            ("unicode", ("株", "🏢"), "株🏢"),
        ],
    ),
    _of("as_text", (INTEGER,), [("whole", (-12,), "-12"), ("null", (None,), None)]),
    _of("as_text", (DAY,), [("day", (D(2025, 1, 2),), "2025-01-02")]),
    _of("as_text", (BOOLEAN,), [("true", (True,), "true"), ("false", (False,), "false")]),
    _of(
        "as_integer",
        (TEXT,),
        [("text", ("42",), 42), ("null", (None,), None), ("beyond a double", ("9007199254740993",), 9007199254740993)],
    ),
    _of("as_double", (MONEY,), [("decimal", (M("0.1"),), 0.1), ("null", (None,), None)]),
    _of("as_money", (INTEGER,), [("whole", (3,), M(3)), ("null", (None,), None)]),
    _of(
        "as_rate",
        (Type(Kind.NUMBER, 18, 6),),
        [("six places", (M("1.123456"),), M("1.123456")), ("null", (None,), None)],
    ),
)

_HASHES = (
    _of(
        "bucket_of",
        (TEXT,),
        [("plain", ("lead-1",), 9), ("unicode", ("株式会社",), 0), ("empty text", ("",), 9)],
        lambda a: Op("bucket_of", (a[0], Lit(16))),
    ),
    _of(
        "row_digest",
        (TEXT, INTEGER),
        [
            ("plain", ("a", 1), 912334493555902302),
            ("a null is a value", ("a", None), 516417991643912343),
            ("an empty text is another", ("", 1), 242829448222323948),
        ],
    ),
    _of(
        "block_of",
        (INTEGER,),
        [
            ("first", (1,), 0),
            ("last of a block", (63,), 0),
            ("first of the next", (64,), 1),
            ("large", (2**40,), 2**34),
            ("null", (None,), None),
        ],
    ),
    _of(
        "count_bits",
        (INTEGER,),
        [("none", (0,), 0), ("some", (11,), 3), ("all but the sign", (2**63 - 1,), 63), ("null", (None,), None)],
    ),
)

SCALARS: tuple[Sheet, ...] = (*_ARITHMETIC, *_COMPARISON, *_LOGIC, *_TIME, *_TEXTS, *_HASHES)
NOT_HELD = tuple(sorted(set(OPERATIONS) - {s.primitive for s in SCALARS} - {"hash", *OF_TEXTS}))
"""Operations without a sheet (`hash` is each engine's own, and what texts are compared by is the build's)."""
