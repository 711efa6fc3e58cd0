"""Plan nodes: a small typed relational algebra. Planner and build decide in it; `metrics.render` only spells it.

Scalars are typed by use; names are physical column names (`created_at`, `created_at__day`). A NULL argument gives NULL
unless said otherwise; `div` by zero gives NULL on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from headwater.model.types import Type

# --- scalars ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Col:
    """A column of the input; in a Join's condition and in a Project over a Join, `side` is `left` or `right`."""

    name: str
    side: str = ""


@dataclass(frozen=True, slots=True)
class Lit:
    """A literal. `type` is needed for None and for money (else it follows from the value). Literals that are written
    differently are different: 1, True and Decimal("1") are, and Decimal("1") and Decimal("1.0")."""

    value: str | int | bool | Decimal | date | datetime | None
    type: Type | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lit):
            return NotImplemented
        mine, theirs = self.value, other.value
        if mine.__class__ is not theirs.__class__ or mine != theirs or self.type != other.type:
            return False
        return not isinstance(mine, Decimal) or str(mine) == str(theirs)

    def __hash__(self) -> int:
        return hash((self.value.__class__, self.value, self.type))


OPERATIONS = (
    # arithmetic
    "add", "sub", "mul", "div", "ceiling",
    "square_root",  # (number from 0) -> double, correctly rounded: of a greater number never a lesser one
    # comparison; distinct_from treats NULLs as equal values
    "eq", "ne", "lt", "le", "gt", "ge", "is_null", "in", "distinct_from",
    # logic
    "and", "or", "not",
    # choice: case(cond, value, cond, value, ..., otherwise), coalesce
    "case", "coalesce",
    # time: args as noted
    "trunc_week", "trunc_month", "trunc_quarter", "trunc_year",  # (day) -> day
    "days_between",     # (day a, day b) -> integer b - a
    "seconds_between",  # (instant a, instant b) -> integer b - a, whole seconds
    "add_days",         # (day, integer) -> day
    "add_months",       # (day, integer) -> day, clipped to the month's end
    "add_seconds",      # (instant, integer) -> instant
    "as_instant",       # (day) -> its first second
    "as_day",           # (instant) -> the day it lies in, in UTC
    # text and casts
    "concat",           # texts; NULL counts as ''
    "as_text", "as_integer", "as_double",
    "as_money", "as_rate",  # decimal(20,6) and decimal(18,10): their product is exact
    # what texts are compared by, in the build: see OF_TEXTS
    "lower", "trim", "contains", "begins", "ends", "mail_of", "mail_domain_of", "host_of", "labelled",
    # hash(x, ...): unsigned 64-bit content hash, engine-local, never shown or stored in answers; NULL is a value
    "hash",
    # the same on every engine and version (md5 of the canonical text): bucket_of(text, integer n) -> integer 0..n-1,
    # row_digest(x, ...) -> integer 0..2**60-1; NULL is a value of its own
    "bucket_of", "row_digest",
    # sets of integers from 1, kept as bits in blocks of 64: block_of(n) -> integer, count_bits(bits) -> integer
    "block_of", "count_bits",
)  # fmt: skip
_OPERATIONS = frozenset(OPERATIONS)


OF_TEXTS = ("lower", "trim", "contains", "begins", "ends", "mail_of", "mail_domain_of", "host_of", "labelled")
"""`lower`; `trim` (spaces at both ends); `contains`, `begins`, `ends` (text, part) -> boolean. Of a text in lower case,
NULL where it is none: `mail_of` (one address), `mail_domain_of` (what stands behind its @), `host_of` (of a web address
or a bare host, without www.). `labelled` (host, name, ...) -> boolean: whether one of the names is the host or a row of
its labels (`google` of www.google.de, `google.com` of news.google.com)."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of the closed list `OPERATIONS`."""

    name: str
    args: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if self.name not in _OPERATIONS:
            raise ValueError(f"no operation is called {self.name!r}")


AGGREGATIONS = (
    "count_rows", "count", "count_distinct", "sum", "min", "max", "mean", "median", "quantile",
    "stddev",      # sample standard deviation, NULL under two rows
    "any_value",   # of values known to be equal
    "first_by",    # argument's value in the row with the least `order`
    "last_by",     # argument's value in the row with the greatest `order`
    "every",
    "bits",        # the integers of one block (see `block_of`) as a set, to be counted by `count_bits`; NULL of none
)  # fmt: skip
_AGGREGATIONS = frozenset(AGGREGATIONS)


@dataclass(frozen=True, slots=True)
class Agg:
    """One aggregate; `where` keeps the rows that count; `quantile` interpolates linearly (as `median` does)."""

    name: str
    argument: Scalar | None = None
    where: Scalar | None = None
    quantile: float | None = None
    order: tuple[Scalar, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in _AGGREGATIONS:
            raise ValueError(f"no aggregation is called {self.name!r}")


@dataclass(frozen=True, slots=True)
class Over:
    """A window function: row_number, lag, lead, or an Agg name (sum, count_rows, max, min) over the whole partition
    (with `order`: up to and including the row)."""

    name: str
    partition: tuple[Scalar, ...]
    order: tuple[Order, ...] = ()
    argument: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key; NULLs come last in both directions."""

    by: Scalar
    descending: bool = False


Scalar = Col | Lit | Op | Over


@dataclass(frozen=True, slots=True)
class Named:
    """An output column."""

    name: str
    value: Scalar


@lru_cache(maxsize=4096)
def unchanged(name: str) -> Named:
    """A column of the input as it is, under its own name."""
    return Named(name, Col(name))


@dataclass(frozen=True, slots=True)
class NamedAgg:
    """An output column of a Group."""

    name: str
    value: Agg


# --- relations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scan:
    """A table of the generation, by name."""

    table: str


@dataclass(frozen=True, slots=True)
class Values:
    """Rows written in the statement."""

    columns: tuple[tuple[str, Type], ...]
    rows: tuple[tuple[str | int | bool | Decimal | date | datetime | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Project:
    """Columns and a condition. With `keep_all`, every column of the (one) input is kept beside `columns`."""

    source: Relation
    columns: tuple[Named, ...] = ()
    where: Scalar | None = None
    keep_all: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Aggregates by keys; without keys one row, even of nothing."""

    source: Relation
    keys: tuple[Named, ...]
    aggregates: tuple[NamedAgg, ...]
    having: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Two relations; kinds inner, left, cross, semi, anti. Only a Project or a Group may stand over it. `unique`
    states that the right side has at most one row per left row (checked when the table is built)."""

    left: Relation
    right: Relation
    kind: str
    on: Scalar | None = None
    unique: bool = True


@dataclass(frozen=True, slots=True)
class Union:
    """All rows of relations with the same columns in the same order."""

    sources: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """A total order, and at most `limit` rows."""

    source: Relation
    by: tuple[Order, ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A relation that several places of a statement read and that is worked out once. One name, one relation."""

    name: str
    source: Relation


Relation = Scan | Values | Project | Group | Join | Union | Sort | Shared


def columns_of(relation: Relation) -> tuple[str, ...]:
    """The output columns a relation states, in order; empty where they are all those of a table (a bare Scan)."""
    match relation:
        case Scan():
            return ()
        case Values(columns):
            return tuple(name for name, _ in columns)
        case Project(source, columns, _, keep_all):
            kept = columns_of(source) if keep_all and not isinstance(source, Join) else ()
            return kept + tuple(c.name for c in columns)
        case Group(_, keys, aggregates):
            return tuple(k.name for k in keys) + tuple(a.name for a in aggregates)
        case Union(sources):
            return columns_of(sources[0])
        case Sort(source) | Shared(_, source):
            return columns_of(source)
        case Join():
            raise ValueError("a Join has no columns of its own; put a Project or a Group over it")


@dataclass(frozen=True, slots=True)
class Statement:
    """Text that `metrics.render` spelled for one engine from one relation; nothing else makes one. `columns` are its
    output columns in order."""

    text: str
    columns: tuple[str, ...]
    engine: str = "duckdb"
