"""Formulas, conditions and row values drawn at random, as the languages can state them."""

from decimal import Decimal

from hypothesis import strategies as st

from headwater.metrics.language import RESERVED
from headwater.model.expression import (
    FUNCTIONS,
    And,
    Arithmetic,
    Between,
    Binary,
    Call,
    Choose,
    ColumnName,
    Compare,
    Constant,
    Elapsed,
    Formula,
    In,
    IsEmpty,
    IsTrue,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Predicate,
    RowValue,
)

ids = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda n: n not in RESERVED)
decimals = st.decimals(0, 10**9, places=3, allow_nan=False, allow_infinity=False)


def _calls(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    plain = st.sampled_from([f for f in FUNCTIONS if f != "trailing"])
    return st.builds(Call, plain, inner) | st.builds(
        lambda of, n, unit: Call("trailing", of, f"{n} {unit}" + ("s" if n > 1 else "")),
        inner,
        st.integers(1, 400),
        st.sampled_from(["day", "week", "month", "quarter", "year"]),
    )


formulas: st.SearchStrategy[Formula] = st.recursive(
    st.builds(Number, decimals) | st.builds(Name, ids) | st.builds(lambda a, b: Name(f"{a}.{b}"), ids, ids),
    lambda inner: st.builds(Binary, st.sampled_from("+-*/"), inner, inner) | st.builds(Negate, inner) | _calls(inner),
    max_leaves=20,
)

columns = st.builds(ColumnName, ids)
_texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)
constants = st.builds(Constant, _texts | st.integers(-(10**12), 10**12) | decimals.map(lambda d: d + Decimal("0.5")))
booleans = st.builds(Constant, st.booleans())


def _values(conditions: st.SearchStrategy[Predicate]) -> st.SearchStrategy[RowValue]:
    elapsed = st.builds(Elapsed, st.sampled_from(["days", "hours", "minutes", "seconds"]), columns, columns)
    return st.recursive(
        columns | constants | elapsed,
        lambda inner: (
            st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner)
            | st.builds(Choose, conditions, inner, st.none() | inner)
        ),
        max_leaves=4,
    )


def _joined(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    """`and` and `or` as they are parsed: no `and` directly in an `and`, no `or` in an `or`."""

    def flat(kind: type[And] | type[Or]) -> st.SearchStrategy[Predicate]:
        parts = st.lists(inner.filter(lambda p: not isinstance(p, kind)), min_size=2, max_size=3)
        return parts.map(lambda found: kind(tuple(found)))

    return flat(And) | flat(Or)


def _tests(values: st.SearchStrategy[RowValue]) -> st.SearchStrategy[Predicate]:
    return (
        st.builds(Compare, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values, values | booleans)
        | st.builds(In, values, st.lists(constants, min_size=1, max_size=3).map(tuple))
        | st.builds(Between, values, values, values)
        | st.builds(IsEmpty, values)
        | st.builds(IsTrue, columns)
    )


_simple = _tests(_values(st.builds(IsTrue, columns)))
row_values = _values(_simple)
predicates: st.SearchStrategy[Predicate] = st.recursive(
    _simple, lambda inner: st.builds(Not, inner) | _joined(inner), max_leaves=6
)
