"""PostgreSQL 14 and newer."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import Spelling, around, place_in_block


class Postgres(Spelling):
    """The words of PostgreSQL: the strictest engine here, where whole numbers divide to whole numbers."""

    engine = "postgres"
    dialect = "postgres"
    materialized: ClassVar[bool | None] = True
    double = "DOUBLE PRECISION"
    semi_join = False
    reserved = frozenset({
        "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
        "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
        "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
        "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end",
        "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike",
        "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left", "like",
        "limit", "localtime", "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or",
        "order", "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
        "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then", "to",
        "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where", "window",
        "with",
    })  # fmt: skip
    """Held against the engine's own list by a test."""

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """Over a timestamp: of a date the engine would make one with a time zone."""
        return self.as_day(call("DATE_TRUNC", text(unit.lower()), self.as_instant(day)))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Dates subtract to whole days."""
        return exp.Paren(this=exp.Sub(this=self.as_day(b), expression=self.as_day(a)))

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Epochs are exact decimals."""
        difference = exp.Sub(this=_epoch(b), expression=_epoch(a))
        return self.as_integer(call("TRUNC", difference))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """A date and an integer."""
        return exp.Paren(this=exp.Add(this=self.as_day(day), expression=self.cast(days, self.small)))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """A date and an interval of months, which clips to the month's end."""
        interval = call("MAKE_INTERVAL", number(0), self.cast(months, self.small))
        return self.as_day(exp.Paren(this=exp.Add(this=self.as_day(day), expression=interval)))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """A timestamp and an interval of seconds."""
        zeros = [number(0) for _ in range(6)]
        return exp.Paren(this=exp.Add(this=instant, expression=call("MAKE_INTERVAL", *zeros, self.as_double(seconds))))

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """Hexadecimal digits become bits, bits a number."""
        hexadecimal = exp.Substring(this=exp.MD5(this=value), start=number(1), length=number(digits))
        bits = self.cast(exp.DPipe(this=text("x"), expression=hexadecimal), f"BIT({4 * digits})")
        return self.as_integer(bits)

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of the row's canonical text."""
        return call("HASHTEXTEXTENDED", self.canonical(args), number(0))

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """A whole number moved by a small one."""
        return exp.Paren(this=exp.BitwiseRightShift(this=value, expression=number(6)))

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """Only strings of bits can be counted."""
        return call("BIT_COUNT", self.cast(bits, "BIT(64)"))

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """PERCENTILE_CONT within the group."""
        order = exp.Order(expressions=[exp.Ordered(this=self.as_double(value), nulls_first=False)])
        share = exp.PercentileCont(this=exp.Literal.number(str(at)))
        return exp.WithinGroup(this=share, expression=order)

    def any_value(self, value: exp.Expr) -> exp.Expr:
        """The first of an array: ANY_VALUE came with version 16, and booleans have no least one."""
        return _first(call("ARRAY_AGG", value))

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """The first of an array in that order."""
        keys = [exp.Ordered(this=o, desc=last, nulls_first=False) for o in order]
        return _first(exp.ArrayAgg(this=exp.Order(this=value, expressions=keys)))

    def bits(self, value: exp.Expr) -> exp.Expr:
        """A signed number holds all 64 bits as well."""
        place = self.cast(exp.Paren(this=place_in_block(value)), self.small)
        one = self.as_integer(number(1))
        return call("BIT_OR", exp.BitwiseLeftShift(this=one, expression=place))


def _epoch(instant: exp.Expr) -> exp.Expr:
    return exp.Extract(this=exp.Var(this="EPOCH"), expression=instant)


def _first(array: exp.Expr) -> exp.Expr:
    """The first element of an array."""
    return around(exp.Bracket(this=exp.Paren(this=array), expressions=[number(1)], offset=1), array)


SPELLING = Postgres()
