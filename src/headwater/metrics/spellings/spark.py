"""Spark 4 in ANSI mode, session in UTC."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import Spelling, nulls_last_keys, place_in_block
from headwater.model.types import Kind, Type


class Spark(Spelling):
    """The words of Spark SQL. Stored times have no zone (`TIMESTAMP_NTZ`); functions of the clock take them in UTC."""

    engine = "spark"
    dialect = "spark"
    reserved = frozenset({
        "anti", "as", "asc", "between", "by", "case", "cross", "desc", "distinct", "else", "end", "except", "exists",
        "from", "full", "group", "having", "in", "inner", "intersect", "is", "join", "lateral", "left", "like",
        "limit", "minus", "natural", "not", "null", "offset", "on", "or", "order", "outer", "right", "select", "semi",
        "some", "tablesample", "then", "to", "union", "unique", "using", "values", "when", "where", "window", "with",
    })  # fmt: skip

    def type(self, kind: Type) -> str:
        """Texts are strings, times have no zone."""
        match kind.kind:
            case Kind.TEXT | Kind.ID:
                return "STRING"
            case Kind.TIME:
                return "TIMESTAMP_NTZ"
            case _:
                return super().type(kind)

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """TRUNC of a date is a date."""
        return call("TRUNC", day, text(unit))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """DATEDIFF counts days; DATE_DIFF of other units would count whole elapsed ones."""
        return self.as_integer(call("DATEDIFF", b, a))

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds."""
        difference = exp.Paren(this=exp.Sub(this=self._micros(b), expression=self._micros(a)))
        return exp.IntDiv(this=difference, expression=number(1_000_000))

    def _micros(self, instant: exp.Expr) -> exp.Expr:
        return call("UNIX_MICROS", call("TO_TIMESTAMP_LTZ", instant))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """DATE_ADD takes an integer of 32 bits."""
        return call("DATE_ADD", day, self.cast(days, "INT"))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """ADD_MONTHS clips to the month's end and keeps the day otherwise."""
        return call("ADD_MONTHS", day, self.cast(months, "INT"))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """A time without a zone stays one."""
        return call("TIMESTAMPADD", exp.Var(this="SECOND"), seconds, instant)

    def distinct_from(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """The null-safe equality, turned round."""
        return exp.Not(this=exp.Paren(this=exp.NullSafeEQ(this=a, expression=b)))

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """CONV reads hexadecimal digits."""
        hexadecimal = exp.Substring(this=exp.MD5(this=value), start=number(1), length=number(digits))
        return self.as_integer(call("CONV", hexadecimal, number(16), number(10)))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of the row's canonical text."""
        return call("XXHASH64", self.canonical(args))

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """A shift that keeps the sign; numbers begin at 1."""
        return call("SHIFTRIGHT", value, number(6))

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """PERCENTILE is exact and interpolates."""
        return call("PERCENTILE", self.as_double(value), exp.Literal.number(str(at)))

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """MIN_BY or MAX_BY over a structure of the keys, which is never null itself."""
        return call("MAX_BY" if last else "MIN_BY", value, call("STRUCT", *nulls_last_keys(order, last=last)))

    def bits(self, value: exp.Expr) -> exp.Expr:
        """A signed number holds all 64 bits as well."""
        place = self.cast(exp.Paren(this=place_in_block(value)), "INT")
        return call("BIT_OR", call("SHIFTLEFT", self.as_integer(number(1)), place))


SPELLING = Spark()
