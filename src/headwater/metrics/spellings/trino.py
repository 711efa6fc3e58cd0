"""Trino. Spelled, and not run by our tests."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import Spelling, nulls_last_keys
from headwater.model.types import Kind, Type


class Trino(Spelling):
    """The words of Trino."""

    engine = "trino"
    dialect = "trino"
    quotes_all = True
    semi_join = False

    def type(self, kind: Type) -> str:
        """Texts have no length, times six places and no zone."""
        match kind.kind:
            case Kind.TEXT | Kind.ID:
                return "VARCHAR"
            case Kind.TIME:
                return "TIMESTAMP(6)"
            case _:
                return super().type(kind)

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """DATE_TRUNC of a date is a date; its weeks begin on Monday."""
        return call("DATE_TRUNC", text(unit.lower()), day)

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """DATE_DIFF of dates."""
        return call("DATE_DIFF", text("day"), a, b)

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Whole elapsed seconds, cut towards zero."""
        return call("DATE_DIFF", text("second"), a, b)

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """DATE_ADD of days."""
        return call("DATE_ADD", text("day"), days, day)

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """DATE_ADD of months, which clips to the month's end."""
        return call("DATE_ADD", text("month"), months, day)

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """DATE_ADD of seconds."""
        return call("DATE_ADD", text("second"), seconds, instant)

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """FROM_BASE reads hexadecimal digits."""
        digest = call("LOWER", call("TO_HEX", call("MD5", call("TO_UTF8", value))))
        return call("FROM_BASE", call("SUBSTR", digest, number(1), number(digits)), number(16))

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """A shift of a whole number."""
        return call("BITWISE_RIGHT_SHIFT", value, number(6))

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """The set bits of a number of 64 bits."""
        return call("BIT_COUNT", bits, number(64))

    def bits(self, value: exp.Expr) -> exp.Expr:
        """A signed number holds all 64 bits as well."""
        place = call("BITWISE_AND", value, number(63))
        return call("BITWISE_OR_AGG", call("BITWISE_LEFT_SHIFT", self.as_integer(number(1)), place))

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """APPROX_PERCENTILE is not exact."""
        return self.refused("quantile", "quantiles of groups are approximate")

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """MIN_BY or MAX_BY over a row of the keys."""
        return call("MAX_BY" if last else "MIN_BY", value, call("ROW", *nulls_last_keys(order, last=last)))


SPELLING = Trino()
