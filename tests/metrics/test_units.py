"""Unit algebra: what may be added, what divides, and which laws hold for every formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metrics.language import parse_formula
from headwater.metrics.units import UnitError, unit_of
from headwater.model.expression import Binary, Call, Formula, Name, Negate
from headwater.model.types import ONE, Unit
from tests.metrics.expressions import formulas

UNITS = {
    "leads": Unit.of(lead=1),
    "mqls": Unit.of(lead=1),
    "customers": Unit.of(customer=1),
    "spend": Unit.of(money=1),
    "revenue": Unit.of(money=1),
    "age": Unit.of(day=1),
    "rate": ONE,
    "cost.per_lead": Unit.parse("money/lead"),
}


def unit(text: str) -> str:
    return str(unit_of(parse_formula(text), UNITS.__getitem__))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("leads", "lead"),
        ("leads + mqls - leads", "lead"),
        ("mqls / leads", "1"),
        ("customers / leads", "customer/lead"),
        ("spend / leads", "money/lead"),
        ("(revenue - spend) / spend", "1"),
        ("revenue / spend - 1", "1"),
        ("-spend * 12", "money"),
        ("spend / leads / age", "money/day*lead"),
        ("cost.per_lead * leads", "money"),
        ("1 - rate * 100", "1"),
        ("growth(spend)", "1"),
        ("share(spend) + growth(leads)", "1"),
        ("spend - prior(spend)", "money"),
        ("trailing(spend, '12 months') / trailing(leads, '12 months')", "money/lead"),
        ("opening(customers) + entered(customers)", "customer"),
    ],
)
def test_the_unit_of(formula: str, expected: str) -> None:
    assert unit(formula) == expected


@pytest.mark.parametrize(
    ("formula", "what"),
    [
        ("leads + customers", "'leads' is in lead and cannot be added to 'customers' in customer"),
        ("spend - leads", "'leads' is in lead and cannot be taken from 'spend' in money"),
        ("spend + 1", "'spend' is in money and cannot be added to '1' in 1"),
        ("1 - spend", "'spend' is in money and cannot be taken from '1' in 1"),
        ("growth(spend + leads)", "'spend' is in money and cannot be added to 'leads' in lead"),
        ("spend / leads + spend", "'spend / leads' is in money/lead and cannot be added to 'spend' in money"),
    ],
)
def test_unlike_things_are_not_added(formula: str, what: str) -> None:
    with pytest.raises(UnitError) as raised:
        unit(formula)
    assert raised.value.what == what


def any_unit(name: str) -> Unit:
    """A unit that follows from the name alone, so that formulas drawn at random have one or none."""
    return [ONE, Unit.of(lead=1), Unit.of(money=1)][len(name) % 3]


def unit_or_none(formula: Formula) -> Unit | None:
    try:
        return unit_of(formula, any_unit)
    except UnitError:
        return None


@given(formulas, formulas)
def test_laws_of_units(a: Formula, b: Formula) -> None:
    of_a, of_b = unit_or_none(a), unit_or_none(b)
    assert unit_or_none(Negate(a)) == of_a
    assert unit_or_none(Call("prior", a)) == of_a
    assert unit_or_none(Binary("+", a, a)) == of_a
    assert unit_or_none(Binary("*", a, b)) == unit_or_none(Binary("*", b, a))
    assert unit_or_none(Binary("+", a, b)) == unit_or_none(Binary("-", b, a))
    if of_a is not None:
        assert unit_or_none(Binary("/", a, a)) == ONE
        assert unit_or_none(Call("growth", a)) == ONE
    if of_a is not None and of_b is not None:
        assert unit_or_none(Binary("/", Binary("*", a, b), b)) == of_a
        assert (unit_or_none(Binary("+", a, b)) is None) == (of_a != of_b)


powers = st.dictionaries(st.sampled_from(["money", "lead", "day", "visit"]), st.integers(-3, 3)).map(
    lambda p: Unit.of(**p)
)


@given(powers, powers, powers)
def test_units_are_a_group(a: Unit, b: Unit, c: Unit) -> None:
    assert (a * b) * c == a * (b * c)
    assert a * b == b * a
    assert a * ONE == a
    assert a / a == ONE
    assert Unit.parse(str(a)) == a


def test_an_unknown_name_is_for_the_caller_to_tell() -> None:
    with pytest.raises(KeyError):
        unit_of(Name("nothing"), UNITS.__getitem__)
