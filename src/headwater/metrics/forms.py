"""Statements that differ in their days alone are spelled once: their form is kept, and other days are put into it."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headwater.model import plan as p

FIRST = date(9000, 1, 1)
"""Days from here on stand for the days of a form: nobody asks about them, and they are written as long as others."""

_MARK = re.compile("(9[0-9]{3}-[0-9]{2}-[0-9]{2})")

Form = tuple[Any, ...]
"""What a relation is but for its days: equal where two relations differ in nothing else."""


def form_of(relation: p.Relation) -> tuple[Form, tuple[date, ...]]:
    """The form of a relation, and its days: each once, in the order they are met. Which of its places hold the same day
    is part of the form."""
    days: dict[date, int] = {}
    return _form(relation, days), tuple(days)


def _form(node: Any, days: dict[date, int]) -> Any:
    """Lists of operations and columns are most of a relation, so these come first."""
    kind = node.__class__
    if kind is p.Col:
        return (kind, node.name, node.side)
    if kind is p.Op:
        return (kind, node.name, *[_form(a, days) for a in node.args])
    if kind is p.Named or kind is p.NamedAgg:
        return (kind, node.name, _form(node.value, days))
    if kind is p.Lit:
        return (kind, _value(node.value, days), node.type)
    if kind is tuple:
        return tuple([_form(one, days) for one in node])
    if kind is p.Values:
        return (kind, node.columns, tuple([tuple([_value(v, days) for v in row]) for row in node.rows]))
    if node is None or kind is str or kind is bool or kind is int or kind is float:
        return (kind, node)
    return (kind, *[_form(getattr(node, name), days) for name in _NAMES[kind]])


_NAMES = {
    kind: tuple(f.name for f in fields(kind))
    for kind in (p.Agg, p.Over, p.Order, p.Scan, p.Project, p.Group, p.Join, p.Union, p.Sort, p.Shared)
}


def _value(value: Any, days: dict[date, int]) -> Any:
    """A value as part of a form: values that are written differently are different, a day is its number."""
    kind = value.__class__
    if kind is date:
        return (date, days.setdefault(value, len(days)))
    return (kind, str(value) if kind is Decimal else value)


def marked(relation: p.Relation) -> p.Relation:
    """The relation with a day that stands for it in the place of each of its days, counted from `FIRST`."""
    days: dict[date, int] = {}

    def other(node: Any) -> Any:
        if node.__class__ is date:
            return FIRST + timedelta(days.setdefault(node, len(days)))
        if node.__class__ is tuple:
            return tuple(other(one) for one in node)
        if is_dataclass(node) and node.__class__ in _PARTS:
            return replace(node, **{f.name: other(getattr(node, f.name)) for f in fields(node)})
        return node

    told: p.Relation = other(relation)
    return told


_PARTS = frozenset({*_NAMES, p.Col, p.Op, p.Named, p.NamedAgg, p.Lit, p.Values})


class Text:
    """The text of a form with so many days: others put into it give the text of the relation that has them. What looks
    like a day from `FIRST` on and is none of these stays as it is: the end of all time, say."""

    def __init__(self, text: str, days: int) -> None:
        pieces = _MARK.split(text)
        self._pieces = pieces
        stands = {(FIRST + timedelta(day)).isoformat(): day for day in range(days)}
        self._days = [(i, stands[pieces[i]]) for i in range(1, len(pieces), 2) if pieces[i] in stands]
        self.characters = len(text)

    def of(self, days: tuple[date, ...]) -> str:
        """The text with these days."""
        told = [day.isoformat() for day in days]
        pieces = self._pieces.copy()
        for place, day in self._days:
            pieces[place] = told[day]
        return "".join(pieces)
