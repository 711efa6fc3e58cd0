"""Units over formulas: counts of different subjects may be divided, never added; money goes with money alone."""

from __future__ import annotations

from collections.abc import Callable

from headwater.metrics.language import format_formula
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.types import ONE, Unit


class UnitError(ValueError):
    """Two sides of a formula cannot be added; `what` names both with their units."""

    def __init__(self, what: str, do: str = "") -> None:
        self.what, self.do = what, do
        super().__init__(f"{what}. {do}" if do else what)


def unit_of(formula: Formula, resolve: Callable[[str], Unit]) -> Unit:
    """The unit a formula yields; `resolve` gives the unit of a measure, a KPI or a variant by its name.

    Raises UnitError where unlike units are added or subtracted.

    >>> units = {"spend": Unit.of(money=1), "leads": Unit.of(lead=1)}
    >>> str(unit_of(Binary("/", Name("spend"), Name("leads")), units.__getitem__))
    'money/lead'
    """
    match formula:
        case Number():
            return ONE
        case Name(name):
            return resolve(name)
        case Negate(of):
            return unit_of(of, resolve)
        case Call(function, argument):
            inner = unit_of(argument, resolve)
            return ONE if function in ("growth", "share") else inner
        case Binary(operator, left, right):
            a, b = unit_of(left, resolve), unit_of(right, resolve)
            if operator == "*":
                return a * b
            if operator == "/":
                return a / b
            if a != b:
                raise _unlike(operator, left, a, right, b)
            return a


def _unlike(operator: str, left: Formula, a: Unit, right: Formula, b: Unit) -> UnitError:
    word = "added to" if operator == "+" else "taken from"
    first, second = (left, a), (right, b)
    if operator == "-":
        first, second = second, first
    what = (
        f"{format_formula(first[0])!r} is in {first[1]} and cannot be {word} {format_formula(second[0])!r}"
        f" in {second[1]}"
    )
    return UnitError(what, "Divide them, or add what is counted in the same unit.")
