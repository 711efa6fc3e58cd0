"""Small pieces of statements that spellings and the renderer share; all of them are nodes, none is text."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

COMPARING = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeNEQ, exp.Is, exp.In, exp.Not)
"""What reads differently inside arithmetic when it has no parentheses."""


@lru_cache(maxsize=256)
def _data_type(spelled: str, dialect: str) -> exp.DataType:
    return exp.DataType.build(spelled, dialect=dialect, udt=True)


def cast(value: exp.Expr, spelled: str, dialect: str = "duckdb") -> exp.Cast:
    """`value` in a type that is written in the words of a dialect."""
    return exp.Cast(this=value, to=_data_type(spelled, dialect).copy())


def call(name: str, *args: exp.Expr) -> exp.Expr:
    """A function by its own name."""
    return exp.Anonymous(this=name, expressions=list(args))


def apart(value: exp.Expr, *kinds: type[exp.Expr]) -> exp.Expr:
    """A value in parentheses where it is of a kind that would read differently without them."""
    return exp.Paren(this=value) if isinstance(value, kinds) else value


def number(value: int) -> exp.Expr:
    """A whole number."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def text(value: str) -> exp.Expr:
    """A text, quoted as each dialect quotes."""
    return exp.Literal.string(value)
