"""A sheet: one statement, and the answers that its rows must give, each under a condition with a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from headwater.model.plan import Relation

Value = str | int | bool | float | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """One answer: the value of a primitive under a condition."""

    primitive: str
    condition: str
    expected: Value


@dataclass(frozen=True, slots=True)
class Sheet:
    """One statement whose rows are (number of the case, value). `tolerance` is relative, 0 where the answer is exact.
    A case without a row is one whose row must not be there (`Absent`)."""

    primitive: str
    relation: Relation
    cases: tuple[Case, ...]
    tolerance: float = 0.0


ABSENT = "(no row)"
"""What is expected of a case whose row must not come back."""


def sheet(primitive: str, relation: Relation, answers: Sequence[tuple[str, Value]], tolerance: float = 0.0) -> Sheet:
    """A sheet of these conditions and answers, numbered from 0."""
    return Sheet(primitive, relation, tuple(Case(primitive, c, e) for c, e in answers), tolerance)


def wrong(of: Sheet, rows: Sequence[Sequence[object]]) -> tuple[str, ...]:
    """What an engine's rows (number, value) say otherwise than the sheet: a sentence each.

    >>> from headwater.model.plan import Scan
    >>> one = sheet("sum", Scan("t"), [("plain", 3), ("nothing", None)])
    >>> wrong(one, [(0, 3), (1, 0)])
    ('sum, nothing: 0 instead of None',)
    """
    given: dict[int, object] = {}
    found: list[str] = []
    for number, value in rows:
        place = int(str(number))
        if place in given:
            found.append(f"{of.primitive}: two rows for case {place}")
        given[place] = value
    for place, case in enumerate(of.cases):
        value = given.pop(place, ABSENT)
        if not _same(value, case.expected, of.tolerance):
            found.append(f"{case.primitive}, {case.condition}: {value!r} instead of {case.expected!r}")
    found += [f"{of.primitive}: a row for case {place}, which there is not" for place in given]
    return tuple(found)


def _same(value: object, expected: Value, tolerance: float) -> bool:
    if value is None or expected is None or isinstance(value, str) or isinstance(expected, str):
        return value is expected or (type(value) is type(expected) and value == expected)
    if isinstance(expected, bool):
        return isinstance(value, bool | int) and value == expected  # engines without truths say 1 and 0
    if isinstance(expected, datetime):
        return isinstance(value, datetime) and value.replace(tzinfo=None) == expected
    if isinstance(expected, date):
        return isinstance(value, date) and not isinstance(value, datetime) and value == expected
    if not isinstance(value, int | float | Decimal):
        return False
    if tolerance:
        return abs(float(value) - float(expected)) <= tolerance * max(1.0, abs(float(expected)))
    return Decimal(str(value)) == Decimal(str(expected))


def grid(sheets: Sequence[Sheet]) -> Mapping[str, tuple[str, ...]]:
    """The conditions that each primitive is held under."""
    found: dict[str, list[str]] = {}
    for one in sheets:
        for case in one.cases:
            found.setdefault(case.primitive, []).append(case.condition)
    return {name: tuple(conditions) for name, conditions in found.items()}
