"""Snowflake. Spelled, and not run by our tests."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import Spelling, conditional
from headwater.model.types import Kind, Type


class Snowflake(Spelling):
    """The words of Snowflake. Names are quoted, or they would come back in capitals."""

    engine = "snowflake"
    dialect = "snowflake"
    quotes_all = True
    semi_join = False

    def type(self, kind: Type) -> str:
        """Times have no zone."""
        return "TIMESTAMP_NTZ" if kind.kind is Kind.TIME else super().type(kind)

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """The start of a week depends on a session's parameter, unless it is reckoned from the ISO day."""
        if unit == "WEEK":
            back = exp.Sub(this=number(1), expression=call("DAYOFWEEKISO", day))
            return call("DATEADD", exp.Var(this="DAY"), back, day)
        return call("DATE_TRUNC", text(unit), day)

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """DATEDIFF of days."""
        return call("DATEDIFF", exp.Var(this="DAY"), a, b)

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds, cut towards zero."""
        micros = call("DATEDIFF", exp.Var(this="MICROSECOND"), a, b)
        return self.as_integer(call("TRUNC", exp.Div(this=micros, expression=number(1_000_000))))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """DATEADD of a date is a date."""
        return call("DATEADD", exp.Var(this="DAY"), days, day)

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """DATEADD clips to the month's end; ADD_MONTHS would move a month's last day to the last day."""
        return call("DATEADD", exp.Var(this="MONTH"), months, day)

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """DATEADD of a timestamp."""
        return call("DATEADD", exp.Var(this="SECOND"), seconds, instant)

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """TO_NUMBER reads hexadecimal digits under a format of X."""
        hexadecimal = exp.Substring(this=exp.MD5(this=value), start=number(1), length=number(digits))
        return self.as_integer(call("TO_NUMBER", hexadecimal, text("X" * digits)))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of any number of values."""
        return call("HASH", *args)

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """A shift of a whole number."""
        return call("BITSHIFTRIGHT", value, number(6))

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """No function counts bits."""
        return self.refused("count_bits", "no function counts the bits of a number")

    def bits(self, value: exp.Expr) -> exp.Expr:
        """Bits cannot be counted, so they are not collected."""
        return self.refused("bits", "no function counts the bits of a number")

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """PERCENTILE_CONT within the group."""
        order = exp.Order(expressions=[exp.Ordered(this=self.as_double(value))])
        return exp.WithinGroup(this=call("PERCENTILE_CONT", exp.Literal.number(str(at))), expression=order)

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """No aggregate takes a row by several keys where some may be empty."""
        return self.refused("last_by" if last else "first_by", "no aggregate takes a row by several keys")

    def every(self, value: exp.Expr) -> exp.Expr:
        """BOOLAND_AGG."""
        return call("BOOLAND_AGG", value)

    def filtered(self, aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
        """The condition moves into the argument."""
        return conditional(aggregate, condition)


SPELLING = Snowflake()
