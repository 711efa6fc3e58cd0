"""Amazon Redshift: PostgreSQL's words where it has them. Spelled, and not run by our tests."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.postgres import Postgres
from headwater.metrics.spellings.spelling import APART, NOTHING, conditional


class Redshift(Postgres):
    """The words of Redshift, which left PostgreSQL at version 8: no filtered aggregates, no ordered arrays."""

    engine = "redshift"
    dialect = "redshift"
    materialized = None
    values_relation = False
    quotes_all = True

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """DATE_TRUNC of a date is a timestamp."""
        return self.as_day(call("DATE_TRUNC", text(unit.lower()), self.as_instant(day)))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """DATEDIFF of days."""
        return call("DATEDIFF", exp.Var(this="DAY"), a, b)

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds; whole numbers divide to whole numbers, cut towards zero."""
        micros = call("DATEDIFF", exp.Var(this="MICROSECOND"), a, b)
        return exp.Paren(this=exp.Div(this=micros, expression=number(1_000_000), typed=True))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """DATEADD of a date is a timestamp."""
        return self.as_day(call("DATEADD", exp.Var(this="DAY"), days, day))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """DATEADD clips to the month's end; ADD_MONTHS would move a month's last day to the last day."""
        return self.as_day(call("DATEADD", exp.Var(this="MONTH"), months, day))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """DATEADD of a timestamp."""
        return call("DATEADD", exp.Var(this="SECOND"), seconds, instant)

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """STRTOL reads hexadecimal digits."""
        hexadecimal = exp.Substring(this=exp.MD5(this=value), start=number(1), length=number(digits))
        return call("STRTOL", hexadecimal, number(16))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of the row's canonical text."""
        return call("FNV_HASH", self.canonical(args))

    def canonical(self, args: list[exp.Expr]) -> exp.Expr:
        """There is no CONCAT_WS."""
        parts = [exp.Coalesce(this=self.as_text(a), expressions=[text(NOTHING)]) for a in args]
        result: exp.Expr = parts[0]
        for part in parts[1:]:
            result = exp.DPipe(this=exp.DPipe(this=result, expression=text(APART)), expression=part)
        return result

    def distinct_from(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """There is no IS DISTINCT FROM: unequal, or one of both empty."""
        empty_a, empty_b = (exp.Paren(this=exp.Is(this=x.copy(), expression=exp.Null())) for x in (a, b))
        unequal = exp.Coalesce(this=exp.NEQ(this=a, expression=b), expressions=[exp.false()])
        return exp.Paren(this=exp.Or(this=unequal, expression=exp.NEQ(this=empty_a, expression=empty_b)))

    def any_value(self, value: exp.Expr) -> exp.Expr:
        """ANY_VALUE passes over rows without a value."""
        return call("ANY_VALUE", value)

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """No aggregate takes the value of another column's first row."""
        return self.refused("last_by" if last else "first_by", "no aggregate takes a row by an order")

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """No function counts bits."""
        return self.refused("count_bits", "no function counts the bits of a number")

    def filtered(self, aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
        """The condition moves into the argument: what does not meet it has no value."""
        return conditional(aggregate, condition)


SPELLING = Redshift()
