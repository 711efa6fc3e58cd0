"""What an engine has to say for itself: types, operations, aggregates and relations that are not spelled alike
everywhere. The methods here are the common spelling; an engine's file overrides what its engine says otherwise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from sqlglot import exp

from headwater.errors import QueryError
from headwater.metrics.spellings.nodes import apart, call, cast, number, text
from headwater.model.types import Kind, Type

NOTHING, APART = chr(30), chr(31)
"""Control characters that stand for NULL and between columns in a row's canonical text."""

INNER = "aggregates"
"""Where a node keeps the aggregates that stand inside of it."""

BLOCK = 63
"""The last place of a block of bits."""


class Spelling(ABC):
    """One engine's words. Arguments are nodes that were spelled already."""

    engine: ClassVar[str]
    dialect: ClassVar[str]
    reserved: ClassVar[frozenset[str]] = frozenset()
    """Words that the engine takes as a name only in quotes."""
    quotes_all: ClassVar[bool] = False
    """Whether every name is quoted: the engine would change the case of one that is not."""
    values_relation: ClassVar[bool] = True
    """Whether VALUES may stand after FROM with names for its columns; else its rows are joined by UNION ALL."""
    semi_join: ClassVar[bool] = True
    """Whether SEMI and ANTI JOIN exist; else they are spelled by EXISTS."""

    keeps_sides: ClassVar[bool] = False
    """Whether `r.amount` comes out under that name, and not as `amount`."""
    materialized: ClassVar[bool | None] = None
    """Whether what several places read has to be told to be worked out once."""

    in_pieces: ClassVar[bool] = False
    """Whether a piece of a statement is spelled the same wherever it stands; else the dialect looks at the whole."""

    # --- types -------------------------------------------------------------------------------------------------------
    double: ClassVar[str] = "DOUBLE"
    small: ClassVar[str] = "INTEGER"

    def type(self, kind: Type) -> str:
        """A stored type in the engine's words."""
        match kind.kind:
            case Kind.TEXT | Kind.ID:
                return "TEXT"
            case Kind.INTEGER:
                return "BIGINT"
            case Kind.NUMBER | Kind.MONEY:
                return f"DECIMAL({kind.precision}, {kind.scale})"
            case Kind.DAY:
                return "DATE"
            case Kind.TIME:
                return "TIMESTAMP"
            case Kind.BOOLEAN:
                return "BOOLEAN"

    def cast(self, value: exp.Expr, spelled: str) -> exp.Expr:
        """`value` in one of the engine's types."""
        return cast(value, spelled, self.dialect)

    def decimal(self, precision: int, scale: int) -> str:
        """A decimal type."""
        return f"DECIMAL({precision}, {scale})"

    def as_double(self, value: exp.Expr) -> exp.Expr:
        """A binary double."""
        return self.cast(value, self.double)

    def as_text(self, value: exp.Expr) -> exp.Expr:
        """A value as text; days and times as ISO 8601 says, decimals with all their places."""
        return self.cast(value, self.type(Type(Kind.TEXT)))

    def as_integer(self, value: exp.Expr) -> exp.Expr:
        """A whole number of 64 bits."""
        return self.cast(value, self.type(Type(Kind.INTEGER)))

    # --- operations --------------------------------------------------------------------------------------------------
    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """The first day of a day's WEEK (from Monday), MONTH, QUARTER or YEAR."""
        return self.as_day(exp.TimestampTrunc(this=day, unit=exp.Var(this=unit)))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Whole days from day `a` to day `b`."""
        return exp.DateDiff(this=b, expression=a, unit=exp.Var(this="DAY"), date_part_boundary=True)

    @abstractmethod
    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Whole seconds from instant `a` to instant `b`, cut towards zero."""

    @abstractmethod
    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """A day so many days later."""

    @abstractmethod
    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """The same day so many months later, or the last one of that month."""

    @abstractmethod
    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """An instant so many seconds later."""

    def as_instant(self, day: exp.Expr) -> exp.Expr:
        """A day's first second."""
        return self.cast(day, self.type(Type(Kind.TIME)))

    def as_day(self, instant: exp.Expr) -> exp.Expr:
        """The day an instant lies in, in UTC."""
        return self.cast(instant, self.type(Type(Kind.DAY)))

    def distinct_from(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Whether two values differ, where no value equals no value."""
        return exp.NullSafeNEQ(this=a, expression=b)

    def concat(self, args: list[exp.Expr]) -> exp.Expr:
        """Texts in a row; no value counts as an empty text."""
        parts = [exp.Coalesce(this=self.as_text(a), expressions=[text("")]) for a in args]
        result: exp.Expr = parts[0]
        for part in parts[1:]:
            result = exp.DPipe(this=result, expression=part)
        return result

    def canonical(self, args: list[exp.Expr]) -> exp.Expr:
        """A row as one text in which no value is a value of its own."""
        parts = [exp.Coalesce(this=self.as_text(a), expressions=[text(NOTHING)]) for a in args]
        return call("CONCAT_WS", text(APART), *parts)

    @abstractmethod
    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """The first hexadecimal digits of a text's MD5 as a whole number."""

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """A content hash of 64 bits, the engine's own."""
        return self.refused("hash", "the build, which uses it, runs on duckdb")

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """The number of the block of 64 that a whole number lies in."""
        return exp.BitwiseRightShift(this=apart(value, exp.Binary), expression=number(6))

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """How many bits of a block are set."""
        return call("BIT_COUNT", bits)

    # --- aggregates --------------------------------------------------------------------------------------------------
    def mean(self, value: exp.Expr) -> exp.Expr:
        """The arithmetic mean, as a double."""
        return exp.Avg(this=self.as_double(value))

    def stddev(self, value: exp.Expr) -> exp.Expr:
        """The deviation of a sample, as a double; of fewer than two values, nothing."""
        return exp.StddevSamp(this=self.as_double(value))

    @abstractmethod
    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """The quantile with linear interpolation."""

    def any_value(self, value: exp.Expr) -> exp.Expr:
        """One of values that are known to be equal."""
        return exp.AnyValue(this=value)

    @abstractmethod
    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """The value in the first or the last row by a total order; a row without a key comes last in both."""

    def every(self, value: exp.Expr) -> exp.Expr:
        """Whether all are true."""
        return exp.LogicalAnd(this=value)

    @abstractmethod
    def bits(self, value: exp.Expr) -> exp.Expr:
        """The places of whole numbers inside their block, as the bits of one number."""

    def filtered(self, aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
        """An aggregate over the rows that meet a condition, which stands with each of the aggregates inside of what is
        spelled around them (`around`)."""
        inner = aggregate.meta.get(INNER)
        if not inner:
            return exp.Filter(this=aggregate, expression=exp.Where(this=condition))
        for one in inner:
            one.replace(exp.Filter(this=one.copy(), expression=exp.Where(this=condition.copy())))
        return aggregate

    # --- texts -------------------------------------------------------------------------------------------------------
    def of_text(self, name: str, args: list[exp.Expr]) -> exp.Expr:
        """What a text is compared by: one of `model.plan.OF_TEXTS`."""
        return self.refused(name, "the build, which uses it, runs on duckdb")

    # --- refusals ----------------------------------------------------------------------------------------------------
    def refused(self, what: str, why: str) -> exp.Expr:
        """Raises: this engine has no exact spelling, and none that is not exact is used in its place."""
        raise QueryError(
            f"{self.engine} has no exact spelling of {what!r}: {why}", do="Ask this on duckdb, or ask without it."
        )


def place_in_block(value: exp.Expr) -> exp.Expr:
    """The place of a whole number inside its block, from 0 to 63."""
    return exp.BitwiseAnd(this=apart(value, exp.Binary), expression=number(BLOCK))


def around(spelled: exp.Expr, *aggregates: exp.Expr) -> exp.Expr:
    """What is spelled around aggregates, which a condition has to reach."""
    spelled.meta[INNER] = aggregates
    return spelled


def nulls_last_keys(order: list[exp.Expr], *, last: bool) -> list[exp.Expr]:
    """Keys that put a row without a value behind the others, whichever end is taken: for engines that compare tuples.
    Taking the least, no value must be the greatest; taking the greatest, the least."""
    keys: list[exp.Expr] = []
    for one in order:
        empty = exp.Is(this=one.copy(), expression=exp.Null())
        keys.append(exp.Not(this=exp.Paren(this=empty)) if last else exp.Paren(this=empty))
        keys.append(one)
    return keys


def conditional(aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """An aggregate whose argument has a value only where the condition holds, for engines without FILTER."""
    if isinstance(aggregate, exp.WithinGroup):
        for key in aggregate.expression.expressions:
            key.set("this", _when(condition, key.this))
        return aggregate
    inner = aggregate.this
    if isinstance(aggregate, exp.Anonymous):
        aggregate.set("expressions", [_when(condition, aggregate.expressions[0]), *aggregate.expressions[1:]])
    elif isinstance(inner, exp.Star):
        aggregate.set("this", _when(condition, number(1)))
    elif isinstance(inner, exp.Distinct):
        inner.set("expressions", [_when(condition, e) for e in inner.expressions])
    else:
        aggregate.set("this", _when(condition, inner))
    return aggregate


def _when(condition: exp.Expr, value: exp.Expr) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition.copy(), true=value)])
