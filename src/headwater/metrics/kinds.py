"""Conditions and row values held against the columns they read: unknown names, kinds that do not fit, dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from headwater.errors import nearest
from headwater.metrics.language import format_row_value
from headwater.model.expression import (
    And,
    Arithmetic,
    Between,
    Choose,
    ColumnName,
    Compare,
    Constant,
    Elapsed,
    In,
    IsEmpty,
    IsTrue,
    Not,
    Or,
    Predicate,
    RowValue,
)
from headwater.model.table import Column, Table
from headwater.model.types import ONE, Kind, Unit

NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.MONEY})
DATED = frozenset({Kind.DAY, Kind.TIME})
TEXTUAL = frozenset({Kind.TEXT, Kind.ID})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a condition or a row value, and what to do about it."""

    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.what}. {self.do}" if self.do else self.what


@dataclass(frozen=True, slots=True)
class Typed:
    """A row value with dates recognised, its kind, and its unit (None where its columns state none)."""

    value: RowValue
    kind: Kind
    unit: Unit | None = None


def columns_of(table: Table) -> dict[str, Column]:
    """The columns of a table by id."""
    return {c.id: c for c in table.columns}


def readable(table: Table, tables: Mapping[str, Table | None]) -> dict[str, Column]:
    """The columns that a measure of a table may name: its own, and those reached when the question is asked."""
    columns = columns_of(table) | {c.id: Column(c.id, c.type, c.about) for c in table.columns_is}
    for link in table.splits_is:
        target = tables.get(link.table)
        if target is not None and (found := target.column(link.column)) is not None:
            columns[link.id] = replace(found, id=link.id)
    return columns


def split_columns(table: Table, tables: Mapping[str, Table]) -> dict[str, Column]:
    """The splits of a table as columns, for filters: those reached by a link are of the type they have there."""
    columns = {c.id: c for c in table.columns if c.id in table.splits_was}
    for link in table.splits_is:
        if (found := tables[link.table].column(link.column)) is not None:
            columns[link.id] = replace(found, id=link.id)
    return columns


def check_predicate(
    predicate: Predicate, columns: Mapping[str, Column], place: str
) -> tuple[Predicate, tuple[Problem, ...]]:
    """The condition with texts turned into dates where they meet a date column, and all that is wrong with it.

    `place` names what the columns belong to ("the table 'leads'").
    """
    checker = _Checker(columns, place)
    return checker.predicate(predicate), tuple(dict.fromkeys(checker.problems))


def check_row_value(
    value: RowValue, columns: Mapping[str, Column], place: str
) -> tuple[Typed | None, tuple[Problem, ...]]:
    """The row value with its kind and unit (None where it has no kind), and all that is wrong with it."""
    checker = _Checker(columns, place)
    typed = checker.row(value)
    return typed, tuple(dict.fromkeys(checker.problems))


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_day(text: str) -> date | None:
    """The date of a text written as 2025-01-31, or None."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


@dataclass(slots=True)
class _Checker:
    """The columns in reach and the problems found so far."""

    columns: Mapping[str, Column]
    place: str
    problems: list[Problem] = field(default_factory=list)

    def problem(self, what: str, do: str = "") -> None:
        self.problems.append(Problem(what, do))

    # --- conditions ---
    def predicate(self, p: Predicate) -> Predicate:
        match p:
            case And(parts):
                return And(tuple(self.predicate(x) for x in parts))
            case Or(parts):
                return Or(tuple(self.predicate(x) for x in parts))
            case Not(of):
                return Not(self.predicate(of))
            case IsTrue(column):
                typed = self.row(column)
                if typed is not None and typed.kind is not Kind.BOOLEAN:
                    self.problem(f"{column.id!r} is {_a(typed.kind)}, not true or false", "Compare it with something.")
                return p
            case IsEmpty(value):
                typed = self.row(value)
                return IsEmpty(typed.value) if typed else p
            case Compare(operator, left, right):
                a, b = self.compared(left, right, ordered=operator not in ("=", "!="))
                return Compare(operator, a, b)
            case Between(value, low, high):
                _, a = self.compared(value, low, ordered=True)
                v, b = self.compared(value, high, ordered=True)
                return Between(v, a, b)
            case In(value, options):
                found: list[Constant] = []
                inner = value
                for option in options:
                    inner, changed = self.compared(value, option, ordered=False)
                    found.append(changed if isinstance(changed, Constant) else option)
                return In(inner, tuple(found))

    def compared(self, left: RowValue, right: RowValue, *, ordered: bool) -> tuple[RowValue, RowValue]:
        """Both sides of a comparison with dates recognised; problems where they do not fit."""
        if isinstance(left, Constant) and isinstance(right, Constant):
            self.problem(f"{format_row_value(left)} is compared with {format_row_value(right)}", "Name a column.")
            return left, right
        a, b = self.row(left), self.row(right)
        if a is None or b is None:
            return left, right
        first, second = self.dated(a, b), self.dated(b, a)
        if first is None or second is None:
            return left, right
        a, b = first, second
        if not _comparable(a, b):
            self.problem(
                f"{format_row_value(left)} is {_a(a.kind)} and cannot be compared with {format_row_value(right)},"
                f" {_a(b.kind)}"
            )
        elif ordered and a.kind in TEXTUAL | {Kind.BOOLEAN}:
            named = left if not isinstance(left, Constant) else right
            self.problem(f"{format_row_value(named)} is {_a(a.kind)}, which has no order", "Use =, != or in (...).")
        elif Kind.MONEY not in (a.kind, b.kind) and _clash(_free(a), _free(b)):
            self.problem(f"{format_row_value(left)} in {a.unit} is compared with {format_row_value(right)} in {b.unit}")
        self.listed(a, b)
        self.listed(b, a)
        return a.value, b.value

    def listed(self, side: Typed, constant: Typed) -> None:
        """A problem where a column that lists its values is compared with a text that is not on the list."""
        if not isinstance(side.value, ColumnName) or not isinstance(constant.value, Constant):
            return
        values, text = self.columns[side.value.id].values, constant.value.value
        if values and text not in values:
            do = nearest(str(text), values) or f"Its values are {', '.join(values)}."
            self.problem(f"{side.value.id!r} is never {text!r}", do)

    def dated(self, side: Typed, other: Typed) -> Typed | None:
        """A text constant beside a date column as a date; None (with a problem) where it is none."""
        if other.kind not in DATED or not isinstance(side.value, Constant) or not isinstance(side.value.value, str):
            return side
        day = parse_day(side.value.value)
        if day is None:
            what = f"{side.value.value!r} is compared with the date {format_row_value(other.value)} and is no date"
            self.problem(what, "Write it as '2025-01-31'.")
            return None
        return Typed(Constant(day), Kind.DAY)

    # --- row values ---
    def row(self, value: RowValue) -> Typed | None:
        match value:
            case ColumnName(name):
                column = self.column(name)
                return None if column is None else Typed(value, column.type.kind, _column_unit(column))
            case Constant(constant):
                return _constant(value, constant)
            case Elapsed(unit, start, end):
                for end_of in (start, end):
                    column = self.column(end_of.id)
                    if column is not None and column.type.kind not in DATED:
                        what = f"{unit!r} counts from date to date, and {end_of.id!r} is {_a(column.type.kind)}"
                        self.problem(what)
                kind = Kind.INTEGER if unit == "seconds" else Kind.NUMBER
                return Typed(value, kind, Unit.of(**{unit.removesuffix("s"): 1}))
            case Choose(condition, then, otherwise):
                return self.choice(condition, then, otherwise)
            case Arithmetic(operator, left, right):
                return self.arithmetic(operator, left, right)

    def column(self, name: str) -> Column | None:
        column = self.columns.get(name)
        if column is None:
            self.problem(f"{self.place} has no column {name!r}", nearest(name, self.columns))
        return column

    def choice(self, condition: Predicate, then: RowValue, otherwise: RowValue | None) -> Typed | None:
        checked = self.predicate(condition)
        a = self.row(then)
        b = self.row(otherwise) if otherwise is not None else None
        if a is None or (b is None and otherwise is not None):
            return None
        if b is None:
            return Typed(Choose(checked, a.value), a.kind, _free(a))
        a, b = self.dated(a, b) or a, self.dated(b, a) or b
        value = Choose(checked, a.value, b.value)
        kind = _together(a, b)
        if kind is None or _clash(_free(a), _free(b)):
            self.problem(
                f"'if' chooses between {format_row_value(then)}, {_with_unit(a)}, and"
                f" {format_row_value(b.value)}, {_with_unit(b)}"
            )
            return None
        return Typed(value, kind, _free(a) or _free(b))

    def arithmetic(self, operator: str, left: RowValue, right: RowValue) -> Typed | None:
        a, b = self.row(left), self.row(right)
        for side in (a, b):
            if side is not None and side.kind not in NUMERIC:
                do = "Use days(a, b) for time between dates." if side.kind in DATED else ""
                self.problem(f"{format_row_value(side.value)} is {_a(side.kind)}; {operator!r} needs numbers", do)
        if a is None or b is None or not {a.kind, b.kind} <= NUMERIC:
            return None
        value = Arithmetic(operator, a.value, b.value)
        money = [side.kind is Kind.MONEY for side in (a, b)]
        whole = a.kind is b.kind is Kind.INTEGER
        if operator in "+-":
            if money[0] != money[1] or _clash(_free(a), _free(b)):
                self.problem(
                    f"{format_row_value(left)}, {_with_unit(a)}, and {format_row_value(right)}, {_with_unit(b)},"
                    " cannot be added or subtracted"
                )
                return None
            kind = Kind.MONEY if money[0] else Kind.INTEGER if whole else Kind.NUMBER
            return Typed(value, kind, _free(a) or _free(b))
        if operator == "*":
            if all(money):
                self.problem(
                    f"{format_row_value(left)} and {format_row_value(right)} are both money", "Multiply by a number."
                )
                return None
            kind = Kind.MONEY if any(money) else Kind.INTEGER if whole else Kind.NUMBER
            return Typed(value, kind, a.unit * b.unit if a.unit is not None and b.unit is not None else None)
        if money[1] and not money[0]:
            self.problem(f"{format_row_value(left)} is divided by money, {format_row_value(right)}")
            return None
        kind = Kind.MONEY if money[0] and not money[1] else Kind.NUMBER
        return Typed(value, kind, a.unit / b.unit if a.unit is not None and b.unit is not None else None)


def _constant(value: Constant, constant: object) -> Typed | None:
    match constant:
        case bool():
            return Typed(value, Kind.BOOLEAN)
        case int():
            return Typed(value, Kind.INTEGER, ONE)
        case Decimal():
            return Typed(value, Kind.NUMBER, ONE)
        case date():
            return Typed(value, Kind.DAY)
        case str():
            return Typed(value, Kind.TEXT)
        case _:
            return None


def _column_unit(column: Column) -> Unit | None:
    if column.type.kind is Kind.MONEY:
        return Unit.of(money=1)
    return Unit.parse(column.unit) if column.unit else None


def _free(side: Typed) -> Unit | None:
    """The unit a side insists on in a sum; a number written out takes the unit of what it stands beside."""
    return None if isinstance(side.value, Constant) else side.unit


def _clash(a: Unit | None, b: Unit | None) -> bool:
    return a is not None and b is not None and a != b


def _together(a: Typed, b: Typed) -> Kind | None:
    """The kind of either of two values, or None where they do not go together."""
    if a.kind is b.kind:
        return a.kind
    for one, other in ((a, b), (b, a)):
        if one.kind is Kind.MONEY and isinstance(other.value, Constant) and other.value.value == 0:
            return Kind.MONEY
    if {a.kind, b.kind} <= {Kind.INTEGER, Kind.NUMBER}:
        return Kind.NUMBER
    if {a.kind, b.kind} <= TEXTUAL:
        return Kind.TEXT
    return Kind.DAY if {a.kind, b.kind} <= DATED else None


def _comparable(a: Typed, b: Typed) -> bool:
    kinds = {a.kind, b.kind}
    return any(kinds <= family for family in (NUMERIC, DATED, TEXTUAL)) or kinds == {Kind.BOOLEAN}


def _a(kind: Kind) -> str:
    words = {
        Kind.TEXT: "a text",
        Kind.ID: "an id",
        Kind.INTEGER: "a whole number",
        Kind.NUMBER: "a number",
        Kind.MONEY: "money",
        Kind.DAY: "a date",
        Kind.TIME: "a time",
        Kind.BOOLEAN: "true or false",
    }
    return words[kind]


def _with_unit(side: Typed) -> str:
    unit = _free(side)
    return f"{_a(side.kind)} in {unit}" if unit is not None and side.kind is not Kind.MONEY else _a(side.kind)
