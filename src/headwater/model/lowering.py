"""Row values and predicates of definition files as scalars of a plan: what each word means on stored columns."""

from __future__ import annotations

from headwater.model.expression import (
    And,
    Arithmetic,
    Between,
    Choose,
    ColumnName,
    Compare,
    Constant,
    Elapsed,
    In,
    IsEmpty,
    IsTrue,
    Not,
    Or,
    Predicate,
    RowValue,
)
from headwater.model.plan import Col, Lit, Op, Scalar
from headwater.model.table import Table
from headwater.model.types import DAY_SUFFIX, Kind

SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "=": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
}


def day_of(table: Table, column: str) -> str:
    """The physical date column of a `day` or `time` column."""
    found = table.type_of(column)
    return column + DAY_SUFFIX if found is not None and found.kind is Kind.TIME else column


def both(*conditions: Scalar | None) -> Scalar | None:
    """All the conditions that are given, as one; None where there is none."""
    parts = tuple(c for c in conditions if c is not None)
    return parts[0] if len(parts) == 1 else Op("and", parts) if parts else None


def seconds_of(table: Table, value: Elapsed, side: str = "") -> Scalar:
    """Whole seconds from start to end: between the instants, or whole local days times 86,400 where either end is
    known to the day alone."""
    start_day, end_day = Col(day_of(table, value.start.id), side), Col(day_of(table, value.end.id), side)
    by_day = Op("mul", (Op("days_between", (start_day, end_day)), Lit(86400)))
    types = table.type_of(value.start.id), table.type_of(value.end.id)
    if any(t is None or t.kind is not Kind.TIME for t in types):
        return by_day
    start, end = Col(value.start.id, side), Col(value.end.id, side)
    unknown = Op("or", (Op("is_null", (start,)), Op("is_null", (end,))))
    return Op("case", (unknown, by_day, Op("seconds_between", (start, end))))


def lower_value(table: Table, value: RowValue, side: str = "") -> Scalar:
    """The scalar of a row value. A `time` column standing alone is its local date; an elapsed time is in its unit."""
    match value:
        case ColumnName(name):
            return Col(day_of(table, name), side)
        case Constant(constant):
            return Lit(constant)
        case Arithmetic("*", left, right):
            return Op("mul", _factors(table, left, right, side))
        case Arithmetic(operator, left, right):
            return Op(_OPERATORS[operator], (lower_value(table, left, side), lower_value(table, right, side)))
        case Elapsed(unit):
            seconds = seconds_of(table, value, side)
            return seconds if unit == "seconds" else Op("div", (seconds, Lit(SECONDS[unit])))
        case Choose(condition, then, otherwise):
            other: Scalar = Lit(None) if otherwise is None else lower_value(table, otherwise, side)
            return Op("case", (lower_predicate(table, condition, side), lower_value(table, then, side), other))


def _factors(table: Table, left: RowValue, right: RowValue, side: str) -> tuple[Scalar, Scalar]:
    """Both factors of a product, one of two decimals in as many digits as an amount has at most: engines keep the
    digits of the wider factor, and a product has those of both."""
    a, b = lower_value(table, left, side), lower_value(table, right, side)
    if _is_narrow(table, left):
        return Op("as_money", (a,)), b
    return (a, Op("as_money", (b,))) if _is_narrow(table, right) else (a, b)


def _is_narrow(table: Table, value: RowValue) -> bool:
    """Whether a value is a decimal that an amount's digits hold as it is: a column, or a sum of such."""
    match value:
        case ColumnName(name):
            found = table.type_of(name)
            decimal = found is not None and found.kind in (Kind.MONEY, Kind.NUMBER)
            return found is not None and decimal and found.scale <= 6 and found.precision - found.scale <= 14
        case Arithmetic("+" | "-", left, right):
            return _is_narrow(table, left) and _is_narrow(table, right)
        case _:
            return False


def _sides(table: Table, left: RowValue, right: RowValue, side: str) -> tuple[Scalar, Scalar]:
    """Both sides of a comparison; elapsed time against a number is compared in whole seconds, exactly."""
    match left, right:
        case Elapsed(unit), Constant(int() as number) if not isinstance(number, bool):
            return seconds_of(table, left, side), Lit(number * SECONDS[unit])
        case Constant(int() as number), Elapsed(unit) if not isinstance(number, bool):
            return Lit(number * SECONDS[unit]), seconds_of(table, right, side)
    if isinstance(left, ColumnName) and isinstance(right, ColumnName):
        kinds = [c.type.kind if (c := table.column(n.id)) else None for n in (left, right)]
        if kinds == [Kind.TIME, Kind.TIME]:
            return _moment(left.id, side), _moment(right.id, side)
    return lower_value(table, left, side), lower_value(table, right, side)


def _moment(name: str, side: str) -> Scalar:
    """A time column as an instant; a day without one counts from its first second."""
    return Op("coalesce", (Col(name, side), Op("as_instant", (Col(name + DAY_SUFFIX, side),))))


def lower_predicate(table: Table, predicate: Predicate, side: str = "") -> Scalar:
    """The condition of a predicate; it holds only where it is true (an empty value makes a comparison not hold)."""
    match predicate:
        case Compare(operator, left, right):
            return Op(_OPERATORS[operator], _sides(table, left, right, side))
        case In(value, options):
            return Op("in", (lower_value(table, value, side), *(Lit(o.value) for o in options)))
        case Between(value, low, high):
            a, b = _sides(table, value, low, side), _sides(table, value, high, side)
            return Op("and", (Op("ge", a), Op("le", b)))
        case IsEmpty(value):
            return Op("is_null", (lower_value(table, value, side),))
        case Not(IsEmpty(value)):
            return Op("not", (Op("is_null", (lower_value(table, value, side),)),))
        case Not(of):
            return Op("not", (Op("coalesce", (lower_predicate(table, of, side), Lit(False))),))
        case And(parts):
            return Op("and", tuple(lower_predicate(table, p, side) for p in parts))
        case Or(parts):
            return Op("or", tuple(lower_predicate(table, p, side) for p in parts))
        case IsTrue(value):
            return Col(value.id, side)


def columns_in(value: RowValue | Predicate | None) -> frozenset[str]:
    """The names of the columns a row value or a predicate reads."""
    match value:
        case None | Constant():
            return frozenset()
        case ColumnName(name):
            return frozenset({name})
        case Arithmetic(_, left, right) | Compare(_, left, right):
            return columns_in(left) | columns_in(right)
        case Elapsed(_, start, end):
            return frozenset({start.id, end.id})
        case Choose(condition, then, otherwise):
            return columns_in(condition) | columns_in(then) | columns_in(otherwise)
        case In(inner) | IsEmpty(inner) | IsTrue(inner):
            return columns_in(inner)
        case Between(inner, low, high):
            return columns_in(inner) | columns_in(low) | columns_in(high)
        case Not(of):
            return columns_in(of)
        case And(parts) | Or(parts):
            return frozenset().union(*(columns_in(p) for p in parts))


def physical(table: Table, names: frozenset[str]) -> tuple[str, ...]:
    """The stored columns of the named ones (a `time` column is a pair), sorted."""
    found: set[str] = set()
    for name in names:
        found.add(name)
        found.add(day_of(table, name))
    return tuple(sorted(found))
