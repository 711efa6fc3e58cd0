"""ClickHouse, server or embedded, with the settings that make it treat no value as the others do."""

from __future__ import annotations

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import APART, BLOCK, NOTHING, Spelling, around, nulls_last_keys
from headwater.model.types import Kind, Type


class ClickHouse(Spelling):
    """The words of ClickHouse. Every type is nullable: without that a missing value becomes 0, '' or 1970."""

    engine = "clickhouse"
    dialect = "clickhouse"
    double = "Nullable(Float64)"
    small = "Nullable(Int32)"
    values_relation = False
    semi_join = False
    keeps_sides = True
    reserved = frozenset({
        "all", "and", "anti", "any", "array", "as", "asc", "asof", "between", "by", "case", "cross", "desc",
        "distinct", "else", "end", "except", "final", "from", "full", "global", "group", "having", "in", "inner",
        "intersect", "interval", "is", "join", "left", "like", "limit", "not", "null", "offset", "on", "or", "order",
        "outer", "right", "sample", "select", "semi", "settings", "then", "to", "union", "using", "values", "when",
        "where", "window", "with", "first", "last",
    })  # fmt: skip

    def type(self, kind: Type) -> str:
        """Dates of all years, times in microseconds of UTC."""
        match kind.kind:
            case Kind.TEXT | Kind.ID:
                return "Nullable(String)"
            case Kind.INTEGER:
                return "Nullable(Int64)"
            case Kind.NUMBER | Kind.MONEY:
                return self.decimal(kind.precision, kind.scale)
            case Kind.DAY:
                return "Nullable(Date32)"
            case Kind.TIME:
                return "Nullable(DateTime64(6, 'UTC'))"
            case Kind.BOOLEAN:
                return "Nullable(Bool)"

    def decimal(self, precision: int, scale: int) -> str:
        """A decimal type."""
        return f"Nullable(Decimal({precision}, {scale}))"

    def trunc(self, unit: str, day: exp.Expr) -> exp.Expr:
        """The start of the week from Monday, of the month, quarter or year."""
        starts = {"WEEK": "toMonday", "MONTH": "toStartOfMonth", "QUARTER": "toStartOfQuarter", "YEAR": "toStartOfYear"}
        return self.as_day(call(starts[unit], day))

    def days_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """Days of dates."""
        return self.as_integer(call("dateDiff", text("day"), self.as_day(a), self.as_day(b)))

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds."""
        difference = exp.Paren(this=exp.Sub(this=self._micros(b), expression=self._micros(a)))
        return call("intDiv", difference, number(1_000_000))

    def _micros(self, instant: exp.Expr) -> exp.Expr:
        return call("toUnixTimestamp64Micro", self.as_instant(instant))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """A date so many days later."""
        return self.as_day(call("addDays", self.as_day(day), days))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """A date so many months later, clipped to the month's end."""
        return self.as_day(call("addMonths", self.as_day(day), months))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """A time so many seconds later."""
        return call("addSeconds", self.as_instant(instant), seconds)

    def canonical(self, args: list[exp.Expr]) -> exp.Expr:
        """Joined by the engine's own function, which leaves nothing out once no part is null."""
        parts = [exp.Coalesce(this=self.as_text(a), expressions=[text(NOTHING)]) for a in args]
        return call("concatWithSeparator", text(APART), *parts)

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """Hexadecimal digits, filled up to eight bytes, read from the last byte to the first."""
        hexadecimal = call("substring", call("lower", call("hex", call("MD5", value))), number(1), number(digits))
        filled = call("leftPad", hexadecimal, number(16), text("0"))
        return self.as_integer(call("reinterpretAsUInt64", call("reverse", call("unhex", filled))))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of the row's canonical text."""
        return call("cityHash64", self.canonical(args))

    def block_of(self, value: exp.Expr) -> exp.Expr:
        """A shift of a whole number."""
        return call("bitShiftRight", self.as_integer(value), number(6))

    def count_bits(self, bits: exp.Expr) -> exp.Expr:
        """The set bits of a number."""
        return call("bitCount", bits)

    def stddev(self, value: exp.Expr) -> exp.Expr:
        """Of one value the engine would say that it is no number."""
        asked, given = (exp.StddevSamp(this=self.as_double(value.copy())) for _ in range(2))
        return around(call("if", call("isNaN", asked), exp.Null(), given), asked, given)

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """Exact, with linear interpolation between the two neighbours."""
        return exp.ParameterizedAgg(
            this="quantileExactInclusive",
            expressions=[exp.Literal.number(str(at))],
            params=[self.as_double(value)],
        )

    def any_value(self, value: exp.Expr) -> exp.Expr:
        """Any value that there is."""
        return call("any", value)

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """The value inside a tuple, because rows without a value would be passed over."""
        keys = call("tuple", *nulls_last_keys(order, last=last))
        picked = call("argMax" if last else "argMin", call("tuple", value), keys)
        return around(call("tupleElement", picked, number(1)), picked)

    def every(self, value: exp.Expr) -> exp.Expr:
        """The least of truths."""
        return exp.Min(this=value)

    def bits(self, value: exp.Expr) -> exp.Expr:
        """Unsigned, because the last bit of a signed number is its sign."""
        return call(
            "groupBitOr", call("bitShiftLeft", call("toUInt64", number(1)), call("bitAnd", value, number(BLOCK)))
        )


SPELLING = ClickHouse()
