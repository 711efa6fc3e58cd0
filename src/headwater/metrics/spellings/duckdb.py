"""DuckDB, the default engine, and the only one that builds."""

from __future__ import annotations

import re

from sqlglot import exp

from headwater.metrics.spellings.nodes import call, number, text
from headwater.metrics.spellings.spelling import Spelling, place_in_block

_PATTERNS = {
    "mail_of": r"^([^@\s]+@[^@\s]+)$",
    "mail_domain_of": r"^[^@\s]+@([^@\s]+)$",
    "host_of": r"^(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?([^/?#:]*)",
}
"""How a mail address, its domain and a host are cut out of a text in lower case."""


class DuckDB(Spelling):
    """The words of DuckDB 2."""

    engine = "duckdb"
    dialect = "duckdb"
    materialized = True
    in_pieces = True
    reserved = frozenset({
        "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof", "asymmetric", "at",
        "authorization", "binary", "both", "by", "case", "cast", "check", "collate", "collation", "column", "columns",
        "concurrently", "constraint", "create", "cross", "default", "deferrable", "desc", "describe", "distinct", "do",
        "else", "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "generated", "glob",
        "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lambda",
        "lateral", "leading", "left", "like", "limit", "map", "natural", "not", "notnull", "null", "offset", "on",
        "only", "or", "order", "outer", "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing", "positional",
        "primary", "qualify", "references", "returning", "right", "select", "semi", "show", "similar", "some", "struct",
        "summarize", "symmetric", "table", "tablesample", "then", "to", "trailing", "true", "try_cast", "tuple",
        "union", "unique", "unpack", "unpivot", "using", "variadic", "verbose", "when", "where", "window", "with",
    })  # fmt: skip
    """Held against the engine's own list by a test."""

    def seconds_between(self, a: exp.Expr, b: exp.Expr) -> exp.Expr:
        """From the exact difference in microseconds: a difference in seconds would count the borders crossed."""
        micros = exp.DateDiff(this=b, expression=a, unit=exp.Var(this="MICROSECOND"), date_part_boundary=True)
        return exp.IntDiv(this=micros, expression=number(1_000_000))

    def add_days(self, day: exp.Expr, days: exp.Expr) -> exp.Expr:
        """A date and an integer."""
        return self.as_day(exp.Add(this=day, expression=self.cast(days, self.small)))

    def add_months(self, day: exp.Expr, months: exp.Expr) -> exp.Expr:
        """A date and an interval of months, which clips to the month's end."""
        return self.as_day(exp.Add(this=day, expression=call("TO_MONTHS", self.cast(months, self.small))))

    def add_seconds(self, instant: exp.Expr, seconds: exp.Expr) -> exp.Expr:
        """A timestamp and an interval of seconds."""
        return exp.Add(this=instant, expression=call("TO_SECONDS", seconds))

    def md5_integer(self, value: exp.Expr, digits: int) -> exp.Expr:
        """A text that begins with 0x is read as a hexadecimal number."""
        hexadecimal = exp.Substring(this=exp.MD5(this=value), start=number(1), length=number(digits))
        return self.as_integer(exp.DPipe(this=text("0x"), expression=hexadecimal))

    def hash(self, args: list[exp.Expr]) -> exp.Expr:
        """The engine's own hash of any number of values."""
        return call("HASH", *args)

    def of_text(self, name: str, args: list[exp.Expr]) -> exp.Expr:
        """By a pattern where one expression is to cut a text or to look for many names at once."""
        match name:
            case "lower":
                return exp.Lower(this=args[0])
            case "trim":
                return exp.Trim(this=args[0])
            case "contains":
                return exp.Contains(this=args[0], expression=args[1])
            case "begins":
                return exp.StartsWith(this=args[0], expression=args[1])
            case "ends":
                return exp.EndsWith(this=args[0], expression=args[1])
            case "labelled":
                names = "|".join(re.escape(str(a.this)) for a in args[1:])
                return exp.RegexpLike(this=args[0], expression=text(rf"(^|\.)({names})(\.|$)"))
            case _:
                found = exp.RegexpExtract(this=args[0], expression=text(_PATTERNS[name]), group=number(1))
                return exp.Nullif(this=found, expression=text(""))

    def mean(self, value: exp.Expr) -> exp.Expr:
        """A mean is a double here whatever it is of."""
        return exp.Avg(this=value)

    def quantile(self, value: exp.Expr, at: float) -> exp.Expr:
        """QUANTILE_CONT over doubles."""
        return exp.PercentileCont(this=self.as_double(value), expression=exp.Literal.number(str(at)))

    def pick(self, value: exp.Expr, order: list[exp.Expr], *, last: bool) -> exp.Expr:
        """FIRST by an order, turned round for the last."""
        keys = [exp.Ordered(this=o, desc=last, nulls_first=False) for o in order]
        return exp.First(this=exp.Order(this=value, expressions=keys))

    def bits(self, value: exp.Expr) -> exp.Expr:
        """Unsigned, because the last bit of a signed number is its sign."""
        one = self.cast(number(1), "UBIGINT")
        bit = exp.BitwiseLeftShift(this=one, expression=self.cast(place_in_block(value), "UBIGINT"))
        return call("BIT_OR", bit)


SPELLING = DuckDB()
