"""Statements that differ in their days alone are spelled once: their form is kept, and other days are put into it."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from headwater.model import plan as p
from headwater.model.types import Type

FIRST = date(9000, 1, 1)
"""Days from here on stand for the days of a form: nobody asks about them, and they are written as long as others."""

_MARK = re.compile("(9[0-9]{3}-[0-9]{2}-[0-9]{2})")

Form = bytes
"""What a relation is but for its days, as a digest: equal where two relations differ in nothing else, in whichever
process."""


def form_of(relation: p.Relation) -> tuple[Form, tuple[date, ...]] | None:
    """The form of a relation, and its days: each once, in the order they are met. Which of its places hold the same day
    is part of the form. None where a text of the relation looks like a day that stands for another."""
    told: list[str] = []
    days: dict[date, int] = {}
    _tell(relation, told, days)
    text = "\0".join(told)
    if text.count("\0") >= len(told):  # a text holds the mark itself
        text = repr(told)  # each in its own quotation marks; what is told otherwise reads otherwise either way
    if "9000-" in text and not {stands(day) for day in range(len(days))}.isdisjoint(_MARK.findall(text)):
        return None
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), tuple(days)


def _tell(node: Any, told: list[str], days: dict[date, int]) -> None:
    """Each node by its kind and what it holds, lists with their lengths. Columns are most of a relation, by themselves
    and named, so they are told where they stand in a list or an operation."""
    kind = node.__class__
    if kind is tuple or kind is p.Op:
        if kind is tuple:
            told += ("t", str(len(node)))
            parts = node
        else:
            parts = node.args
            told += ("o", node.name, str(len(parts)))
        for one in parts:
            if one.__class__ is p.Named:
                told += ("n", one.name)
                value = one.value
            else:
                value = one
            if value.__class__ is p.Col:
                told += ("c", value.name, value.side)
            else:
                _tell(value, told, days)
    elif kind is p.Col:
        told += ("c", node.name, node.side)
    elif kind is p.Lit:
        told += ("l", *_value(node.value, days), _type(node.type))
    elif kind is p.Named or kind is p.NamedAgg:
        told += ("n" if kind is p.Named else "a", node.name)
        _tell(node.value, told, days)
    elif kind is p.Values:
        told += ("v", str(len(node.columns)), str(len(node.rows)))
        for name, type_ in node.columns:
            told += (name, _type(type_))
        for row in node.rows:
            for cell in row:
                told += _value(cell, days)
    elif node is None:
        told.append("None")
    elif kind is str or kind is bool or kind is int or kind is float:
        told += (kind.__name__, str(node))
    else:
        told.append(kind.__name__)
        for name in _NAMES[kind]:
            _tell(getattr(node, name), told, days)


_NAMES = {
    kind: tuple(f.name for f in fields(kind))
    for kind in (p.Agg, p.Over, p.Order, p.Scan, p.Project, p.Group, p.Join, p.Union, p.Sort, p.Shared)
}


def _value(value: Any, days: dict[date, int]) -> tuple[str, str]:
    """A value as part of a form: values that are written differently are different, a day is its number."""
    kind = value.__class__
    if kind is date:
        return "date", str(days.setdefault(value, len(days)))
    return kind.__name__, value.isoformat(sep=" ") if kind is datetime else str(value)


@lru_cache(maxsize=256)
def _type(type_: Type | None) -> str:
    return "" if type_ is None else str(type_)


def marked(relation: p.Relation) -> p.Relation:
    """The relation with a day that stands for it in the place of each of its days, counted from `FIRST`."""
    days: dict[date, int] = {}
    told: p.Relation = _marked(relation, days)
    return told


def _marked(node: Any, days: dict[date, int]) -> Any:
    kind = node.__class__
    if kind is p.Col or kind is p.Scan:
        return node
    if kind is p.Op:
        return p.Op(node.name, tuple([_marked(one, days) for one in node.args]))
    if kind is p.Named or kind is p.NamedAgg:
        return kind(node.name, _marked(node.value, days))
    if kind is p.Lit:
        return p.Lit(_marked(node.value, days), node.type) if node.value.__class__ is date else node
    if kind is tuple:
        return tuple([_marked(one, days) for one in node])
    if kind is date:
        return FIRST + timedelta(days.setdefault(node, len(days)))
    if kind is p.Values:
        return replace(node, rows=_marked(node.rows, days))
    if kind in _NAMES:
        return kind(*[_marked(getattr(node, name), days) for name in _NAMES[kind]])
    return node


def stands(day: int) -> str:
    """What is written for the so-and-so-manieth day of a form."""
    return (FIRST + timedelta(day)).isoformat()


class Text:
    """The text of a form with so many days: others put into it give the text of the relation that has them. What looks
    like a day from `FIRST` on and is none of these stays as it is: the end of all time, say."""

    def __init__(self, text: str, days: int) -> None:
        pieces = _MARK.split(text)
        self.text, self.days = text, days
        self._pieces = pieces
        known = {stands(day): day for day in range(days)}
        self._places = [(i, known[pieces[i]]) for i in range(1, len(pieces), 2) if pieces[i] in known]

    def of(self, days: tuple[date, ...]) -> str:
        """The text with these days."""
        told = [day.isoformat() for day in days]
        pieces = self._pieces.copy()
        for place, day in self._places:
            pieces[place] = told[day]
        return "".join(pieces)
