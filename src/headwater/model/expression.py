"""What formulas, predicates and row arithmetic are made of, once parsed. Closed sets, used with `match`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Value = str | int | Decimal | bool | date | None


# --- formulas: arithmetic over measures and KPIs ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Number:
    """A number written in a formula."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """A measure, a KPI, or a variant by its dotted id (`win_rate.value`)."""

    id: str


@dataclass(frozen=True, slots=True)
class Binary:
    """`+ - * /` of two formulas."""

    operator: str
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Negate:
    """Minus a formula."""

    of: Formula


@dataclass(frozen=True, slots=True)
class Call:
    """One of the closed list of functions.

    growth(x): x / prior(x) - 1. prior(x): x of the period before. trailing(x, '12 months'): x over the window that
    ends with the period ('ever': over all time up to its end). share(x): x of the segment / x of all segments.
    opening(x): a stock at the period's start. lost(x): of the rows of a stock at the period's start, those that ended
    in the period, with the values they had at the start. entered(x): of a cohort measure, the matured entries it is
    counted from.
    """

    function: str
    argument: Formula
    window: str = ""


Formula = Number | Name | Binary | Negate | Call
FUNCTIONS = ("growth", "prior", "trailing", "share", "opening", "lost", "entered")


# --- predicates and row arithmetic: over the columns of one table ----------------------------------------------------
@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column of the table in question."""

    id: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: text in quotes, a number, true/false, a date as YYYY-MM-DD in quotes."""

    value: Value


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /` between two row values; a zero divisor gives no value."""

    operator: str
    left: RowValue
    right: RowValue


@dataclass(frozen=True, slots=True)
class Elapsed:
    """`days(a, b)`, `hours(a, b)`, `minutes(a, b)`, `seconds(a, b)`: time from a to b.

    Whole seconds where both are instants; whole local days where either is known to the day alone.
    """

    unit: str
    start: ColumnName
    end: ColumnName


@dataclass(frozen=True, slots=True)
class Choose:
    """`if(condition, a, b)`; without b the value is empty where the condition does not hold."""

    condition: Predicate
    then: RowValue
    otherwise: RowValue | None = None


RowValue = ColumnName | Constant | Arithmetic | Elapsed | Choose


@dataclass(frozen=True, slots=True)
class Compare:
    """`= != < <= > >=`; a comparison with an empty value does not hold (`!=` too)."""

    operator: str
    left: RowValue
    right: RowValue


@dataclass(frozen=True, slots=True)
class In:
    """A value is one of a list."""

    value: RowValue
    options: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """`x between a and b`, both ends included."""

    value: RowValue
    low: RowValue
    high: RowValue


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """`x is empty`: no value at all (an empty text is stored as no value)."""

    value: RowValue


@dataclass(frozen=True, slots=True)
class Not:
    """A predicate that does not hold, or cannot be told."""

    of: Predicate


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A boolean column standing alone."""

    value: ColumnName


Predicate = Compare | In | Between | IsEmpty | Not | And | Or | IsTrue
