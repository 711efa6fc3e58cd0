"""Joins, windows, unions, sorting and groups: what happens to rows that match nothing, twice, or have no key."""

from __future__ import annotations

from datetime import date

from headwater.metrics.contract.cases import ABSENT, Sheet, Value, sheet
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
    Sort,
    Union,
    Values,
)
from headwater.model.types import DAY, INTEGER, TEXT

D = date
_LEFT = Values(
    (("n", INTEGER), ("k", TEXT), ("day", DAY)),
    ((0, "a", D(2025, 1, 10)), (1, "b", D(2025, 1, 20)), (2, None, D(2025, 1, 5)), (3, "zzz", None)),
)
_RIGHT = Values(
    (("k", TEXT), ("v", INTEGER), ("since", DAY), ("until", DAY)),
    (
        ("a", 1, D(2025, 1, 1), D(2025, 1, 10)),
        ("a", 2, D(2025, 1, 10), None),
        ("b", 5, D(2025, 1, 1), None),
        (None, 9, D(2025, 1, 1), None),
    ),
)
_ONE = Values((("k", TEXT), ("v", INTEGER)), (("a", 1), ("b", 5), (None, 9)))
_NONE = Values((("k", TEXT), ("v", INTEGER)), ())
_SAME: Scalar = Op("eq", (Col("k", "left"), Col("k", "right")))
_KEYS = ("a match", "another match", "a null key matches nothing", "no match")
_EMPTY = tuple(f"nothing to join: {key}" for key in _KEYS)


def _joined(kind: str, right: Relation, on: Scalar | None, value: Scalar) -> Relation:
    return Project(Join(_LEFT, right, kind, on), (Named("n", Col("n", "left")), Named("v", value)))


def _held(name: str, relation: Relation, answers: tuple[Value, ...], conditions: tuple[str, ...] = _KEYS) -> Sheet:
    return sheet(name, relation, list(zip(conditions, answers, strict=True)))


_V: Scalar = Col("v", "right")
_VALID = Op(
    "and",
    (
        _SAME,
        Op("le", (Col("since", "right"), Col("day", "left"))),
        Op("or", (Op("is_null", (Col("until", "right"),)), Op("lt", (Col("day", "left"), Col("until", "right"))))),
    ),
)
_JOINS = (
    _held("inner join", _joined("inner", _ONE, _SAME, _V), (1, 5, ABSENT, ABSENT)),
    _held("left join", _joined("left", _ONE, _SAME, _V), (1, 5, None, None)),
    _held("left join", _joined("left", _NONE, _SAME, _V), (None, None, None, None), _EMPTY),
    _held("semi join", _joined("semi", _RIGHT, _SAME, Lit(1)), (1, 1, ABSENT, ABSENT)),
    _held("anti join", _joined("anti", _RIGHT, _SAME, Lit(1)), (ABSENT, ABSENT, 1, 1)),
    _held(
        "as-of join",
        _joined("left", _RIGHT, _VALID, _V),
        (2, 5, None, None),
        ("a border belongs to what begins", "still valid", "a null key", "no date"),
    ),
    _held(
        "cross join",
        Project(
            Group(
                Project(Join(_LEFT, _ONE, "cross"), (Named("n", Col("n", "left")), Named("v", _V))),
                (Named("n", Col("n")),),
                (NamedAgg("v", Agg("sum", Col("v"))),),
            ),
            (Named("n", Col("n")), Named("v", Col("v"))),
        ),
        (15, 15, 15, 15),
        ("every pair: first", "every pair: second", "every pair: third", "every pair: fourth"),
    ),
    sheet(
        "left join",
        Project(
            Group(
                Join(_LEFT, _ONE, "left", _SAME),
                (),
                (NamedAgg("all", Agg("count_rows")), NamedAgg("matched", Agg("count", Col("v", "right")))),
            ),
            (Named("n", Lit(0)), Named("v", Op("add", (Op("mul", (Col("all"), Lit(10))), Col("matched"))))),
        ),
        [("a count of what was matched counts no row without a match", 42)],
    ),
)

_STAGES = Values(
    (("n", INTEGER), ("k", TEXT), ("day", DAY), ("v", INTEGER)),
    (
        (0, "a", D(2025, 1, 1), 10),
        (1, "a", D(2025, 2, 1), None),
        (2, "a", D(2025, 3, 1), 30),
        (3, "b", D(2025, 1, 1), 1),
        (4, None, D(2025, 1, 1), 7),
        (5, None, D(2025, 1, 2), 8),
    ),
)
_BY, _IN = (Col("k"),), (Order(Col("day")), Order(Col("n")))


def _window(name: str, over: Over, answers: tuple[Value, ...]) -> Sheet:
    conditions = (
        "first of a subject", "second", "last of a subject", "the only row", "a null is a subject", "its last row",
    )  # fmt: skip
    relation = Project(_STAGES, (Named("n", Col("n")), Named("v", over)))
    return sheet(name, relation, list(zip(conditions, answers, strict=True)))


_WINDOWS = (
    _window("row_number", Over("row_number", _BY, _IN), (1, 2, 3, 1, 1, 2)),
    _window(
        "row_number", Over("row_number", _BY, (Order(Col("v"), descending=True), Order(Col("n")))), (2, 3, 1, 1, 2, 1)
    ),
    _window(
        "lead", Over("lead", _BY, _IN, Col("day")), (D(2025, 2, 1), D(2025, 3, 1), None, None, D(2025, 1, 2), None)
    ),
    _window("lag", Over("lag", _BY, _IN, Col("v")), (None, 10, None, None, None, 7)),
    _window("running sum", Over("sum", _BY, _IN, Col("v")), (10, 10, 40, 1, 7, 15)),
    _window("sum of the whole", Over("sum", _BY, (), Col("v")), (40, 40, 40, 1, 15, 15)),
    _window("count of the whole", Over("count_rows", _BY), (3, 3, 3, 1, 2, 2)),
    _window("greatest of the whole", Over("max", (), (), Col("v")), (30, 30, 30, 30, 30, 30)),
)


def _numbered(source: Relation) -> Relation:
    return Project(source, (Named("n", Col("n")), Named("v", Col("v"))))


_LIKES = Shared("likes", Group(_STAGES, (Named("k", Col("k")),), (NamedAgg("rows", Agg("count_rows")),)))

_SHAPES = (
    sheet(
        "shared",
        Project(
            Join(
                Group(_LIKES, (), (NamedAgg("all", Agg("sum", Col("rows"))),)),
                Project(_LIKES, (Named("rows", Col("rows")),), Op("eq", (Col("k"), Lit("a")))),
                "cross",
            ),
            (
                Named("n", Lit(0)),
                Named(
                    "v",
                    Op("add", (Op("mul", (Op("as_integer", (Col("all", "left"),)), Lit(10))), Col("rows", "right"))),
                ),
            ),
        ),
        [("read in two places", 63)],
    ),
    sheet(
        "union",
        Union((_numbered(_STAGES), Values((("n", INTEGER), ("v", INTEGER)), ((6, 10), (7, None))))),
        [
            ("first", 10),
            ("null", None),
            ("third", 30),
            ("fourth", 1),
            ("fifth", 7),
            ("sixth", 8),
            ("an equal row stays", 10),
            ("another null", None),
        ],
    ),
    sheet(
        "sort",
        _numbered(Sort(_STAGES, (Order(Col("v")), Order(Col("n"))), 3)),
        [
            ("not among the least", ABSENT),
            ("null is last, going up", ABSENT),
            ("not either", ABSENT),
            ("the least", 1),
            ("second", 7),
            ("third", 8),
        ],
    ),
    sheet(
        "sort",
        _numbered(Sort(_STAGES, (Order(Col("v"), descending=True), Order(Col("n"))), 5)),
        [
            ("among the greatest", 10),
            ("null is last, going down", ABSENT),
            ("the greatest", 30),
            ("least", 1),
            ("fourth", 7),
            ("third", 8),
        ],
    ),
    sheet(
        "group",
        Group(
            Project(
                _STAGES,
                (
                    Named(
                        "n",
                        Op(
                            "case", (Op("is_null", (Col("k"),)), Lit(0), Op("eq", (Col("k"), Lit("a"))), Lit(1), Lit(2))
                        ),
                    ),
                    Named("v", Col("v")),
                ),
            ),
            (Named("n", Col("n")),),
            (NamedAgg("v", Agg("count_rows")),),
        ),
        [("a null key is a group", 2), ("a", 3), ("b", 1)],
    ),
    sheet(
        "having",
        Project(
            Group(
                _STAGES,
                (Named("k", Col("k")),),
                (NamedAgg("rows", Agg("count_rows")), NamedAgg("v", Agg("sum", Col("v")))),
                Op("gt", (Col("rows"), Lit(2))),
            ),
            (Named("n", Lit(0)), Named("v", Col("v"))),
        ),
        [("groups that are large enough", 40)],
    ),
    sheet(
        "values",
        Values((("n", INTEGER), ("v", TEXT)), ((0, "it's"), (1, None), (2, ""), (3, "a\\b"), (4, "'; --"))),
        [
            ("a quotation mark", "it's"),
            ("null", None),
            ("empty text", ""),
            ("a backslash", "a\\b"),
            ("hostile", "'; --"),
        ],
    ),
    sheet(
        "values",
        Values((("n", INTEGER), ("v", DAY)), ((0, None), (1, D(2024, 2, 29)))),
        [("a null in the first row keeps the type", None), ("leap day", D(2024, 2, 29))],
    ),
    sheet(
        "names",
        Project(
            Project(
                Values((("n", INTEGER), ("v", INTEGER)), ((0, 10),)),
                (Named("n", Col("n")), Named("v", Lit(0)), Named("w", Op("add", (Col("v"), Lit(1))))),
            ),
            (Named("n", Col("n")), Named("v", Col("w"))),
        ),
        [("a name is that of the column which is read, not of the new one beside it", 11)],
    ),
    sheet(
        "where",
        Project(_STAGES, (Named("n", Col("n")), Named("v", Col("v"))), Op("ne", (Col("v"), Lit(10)))),
        [("equal", ABSENT), ("a null is neither", ABSENT), ("other", 30), ("other", 1), ("other", 7), ("other", 8)],
    ),
)

RELATIONS: tuple[Sheet, ...] = (*_JOINS, *_WINDOWS, *_SHAPES)
