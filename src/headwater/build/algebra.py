"""Short spellings of the plan nodes that a build writes often."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.model.lowering import both
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scalar, Scan

TRUE, FALSE = Lit(True), Lit(False)


def is_null(value: Scalar) -> Scalar:
    """Whether a value is empty."""
    return Op("is_null", (value,))


def present(value: Scalar) -> Scalar:
    """Whether a value is not empty."""
    return Op("not", (is_null(value),))


def either(*conditions: Scalar) -> Scalar:
    """Any of the conditions."""
    return conditions[0] if len(conditions) == 1 else Op("or", conditions)


def columns(names: Iterable[str], side: str = "") -> tuple[Named, ...]:
    """Columns under their own names."""
    return tuple(Named(name, Col(name, side)) for name in names)


def choose(source: Relation, names: Iterable[str], where: Scalar | None = None) -> Project:
    """These columns of the rows that meet the condition."""
    return Project(source, columns(names), where)


def where(source: Relation, condition: Scalar) -> Project:
    """All columns of the rows that meet the condition."""
    return Project(source, (), condition, keep_all=True)


def matched(pairs: Iterable[tuple[str, str]]) -> Scalar:
    """A join's condition: columns of the left side equal columns of the right side."""
    condition = both(*(Op("eq", (Col(left, "left"), Col(right, "right"))) for left, right in pairs))
    assert condition is not None
    return condition


def same(names: Iterable[str]) -> Scalar:
    """A join's condition: columns of one name are equal."""
    return matched((name, name) for name in names)


def within(left: Relation, right: Relation, on: Iterable[str], names: Iterable[str]) -> Project:
    """These columns of the left rows that have a partner on the right."""
    return Project(Join(left, right, "semi", same(on)), columns(names, "left"))


def without(left: Relation, right: Relation, on: Iterable[str], names: Iterable[str]) -> Project:
    """These columns of the left rows that have no partner on the right."""
    return Project(Join(left, right, "anti", same(on)), columns(names, "left"))


def distinct(source: Relation, names: Iterable[str]) -> Group:
    """The different values of these columns."""
    return Group(source, columns(names), ())


def total(source: Relation, **aggregates: Agg) -> Group:
    """One row of aggregates."""
    return Group(source, (), tuple(NamedAgg(name, agg) for name, agg in aggregates.items()))


def kept(name: str) -> Scan:
    """A relation that was kept under a name."""
    return Scan(name)
