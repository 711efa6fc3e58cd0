"""BigQuery. Spelled, and not run by our tests."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import APART, NOTHING, Spelling, conditional, place_in_block
from headwater.model.types import Kind, Type


class BigQuery(Spelling):
    """The words of BigQuery. Names are quoted by backticks."""

    engine = "bigquery"
    dialect = "bigquery"
    double = "FLOAT64"
    small = "INT64"
    quotes_all = True
    semi_join = False
    values_relation = False

    def type(self, kind: Type) -> str:
        """Decimals of up to 38 digits are NUMERIC or BIGNUMERIC; times have no zone."""
        match kind.kind:
            case Kind.TEXT | Kind.ID:
                return "STRING"
            case Kind.INTEGER:
                return "INT64"
            case Kind.NUMBER | Kind.MONEY:
                return self.decimal(kind.precision, kind.scale)
            case Kind.DAY:
                return "DATE"
            case Kind.TIME:
                return "DATETIME"
            case Kind.BOOLEAN:
                return "BOOL"

    def decimal(self, precision: int, scale: int) -> str:
        """NUMERIC has 9 places after the point and 29 before it."""
        return "NUMERIC" if scale <= 9 and precision - scale <= 29 else "BIGNUMERIC"

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """ISOWEEK begins on Monday, WEEK on Sunday."""
        return call("DATE_TRUNC", day, exp.Var(this="ISOWEEK" if unit == "WEEK" else unit))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """DATE_DIFF has the later day first."""
        return call("DATE_DIFF", b, a, exp.Var(this="DAY"))

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds; DIV cuts towards zero."""
        return call("DIV", call("DATETIME_DIFF", b, a, exp.Var(this="MICROSECOND")), number(1_000_000))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """DATE_ADD with an interval of days."""
        return call("DATE_ADD", day, exp.Interval(this=days, unit=exp.Var(this="DAY")))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """DATE_ADD with an interval of months, which clips to the month's end."""
        return call("DATE_ADD", day, exp.Interval(this=months, unit=exp.Var(this="MONTH")))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """DATETIME_ADD with an interval of seconds."""
        return call("DATETIME_ADD", instant, exp.Interval(this=seconds, unit=exp.Var(this="SECOND")))

    def canonical(self, args: list[exp.Expr]) -> exp.Expr:
        """There is no CONCAT_WS."""
        parts = [exp.Coalesce(this=self.as_text(a), expressions=[text(NOTHING)]) for a in args]
        return call("ARRAY_TO_STRING", exp.Array(expressions=parts), text(APART))

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """A text that begins with 0x is read as a hexadecimal number."""
        hexadecimal = call("SUBSTR", call("TO_HEX", call("MD5", value)), number(1), number(digits))
        return self.as_integer(call("CONCAT", text("0x"), hexadecimal))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of the row's canonical text."""
        return call("FARM_FINGERPRINT", self.canonical(args))

    def bits(self, value: exp.Expr) -> exp.Expr:
        """A signed number holds all 64 bits as well."""
        bit = exp.BitwiseLeftShift(this=number(1), expression=exp.Paren(this=place_in_block(value)))
        return call("BIT_OR", exp.Paren(this=bit))

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """PERCENTILE_CONT is no aggregate here, and APPROX_QUANTILES is not exact."""
        return self.refused("quantile", "quantiles of groups are approximate")

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """An array in order that keeps empty values may not hold them in the result."""
        return self.refused("last_by" if last else "first_by", "an array may not hold an empty value")

    def filtered(self, aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
        """The condition moves into the argument."""
        return conditional(aggregate, condition)


SPELLING = BigQuery()
