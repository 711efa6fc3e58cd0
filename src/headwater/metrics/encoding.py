"""Catalogue values as JSON data and back: what the cache keeps and what a definition's hash is taken over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from headwater.model import channels, expression, identity, kpi, measure, table
from headwater.model.kpi import Example
from headwater.model.measure import Span
from headwater.model.types import Type, Unit, parse_type

_CLASSES: dict[str, type[Any]] = {
    c.__name__: c
    for module in (expression, kpi, measure, table, channels, identity)
    for c in vars(module).values()
    if isinstance(c, type) and is_dataclass(c) and c.__module__ == module.__name__
}
_PLACE = frozenset({"hash", "path", "own"})
"""Fields that say where a definition lies."""

_NOT_MEANING = {
    "Kpi": _PLACE
    | {"title", "question", "aliases", "pitfalls", "reference", "example", "pair", "show"}
    | {"stage", "role", "group", "cadence", "vanity"},
    "Variant": frozenset({"text", "use_when"}),
    "Measure": _PLACE | {"title", "about"},
    "Table": _PLACE | {"title", "about", "grain"},
    "Column": frozenset({"about", "counted"}),
    "LinkedColumn": frozenset({"about"}),
}
"""Beside its place: the words people read, how a value is displayed or stored, and on which shelves a KPI is found.
They may be reworded without another number, interval, quality or verdict."""


def encode(value: Any, leave_out: Mapping[str, frozenset[str]] = MappingProxyType({})) -> Any:
    """JSON data of a catalogue value; fields that hold their default are left out, as are those that `leave_out` names
    by class."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [encode(v, leave_out) for v in value]
        case Unit() | Type() | Span() | Decimal():
            return {"is": type(value).__name__, "text": str(value)}
        case date():
            return {"is": "date", "text": value.isoformat()}
        case Example(tables, ask, about):
            return {"is": "Example", "tables": {n: list(rows) for n, rows in tables}, "ask": list(ask), "about": about}
        case _:
            data = {"is": type(value).__name__}
            words = leave_out.get(type(value).__name__, frozenset())
            for f in fields(value):
                inner = getattr(value, f.name)
                if f.init and f.name not in words and (f.default is MISSING or inner != f.default):
                    data[f.name] = encode(inner, leave_out)
            return data


_TYPES: dict[str, Type] = {}
_UNITS: dict[str, Unit] = {}


def _type(data: Any) -> Type:
    text = data["text"]
    return _TYPES.get(text) or _TYPES.setdefault(text, parse_type(text))


def _unit(data: Any) -> Unit:
    text = data["text"]
    return _UNITS.get(text) or _UNITS.setdefault(text, Unit.parse(text))


def _example(data: Any) -> Example:
    tables = tuple((name, tuple(rows)) for name, rows in data["tables"].items())
    return Example(tables, tuple(data["ask"]), data["about"])


_READ: dict[str, Callable[[Any], Any]] = {
    "Type": _type,
    "Unit": _unit,
    "Span": lambda data: Span.parse(data["text"]),
    "Decimal": lambda data: Decimal(data["text"]),
    "date": lambda data: date.fromisoformat(data["text"]),
    "Example": _example,
}
"""How values are read that are not told field by field."""


def decode(data: Any) -> Any:
    """The value that `encode` was given."""
    kind = data.__class__
    if kind is dict:
        told = data.copy()
        name = told.pop("is")
        if (read := _READ.get(name)) is not None:
            return read(data)
        for field, value in told.items():
            if value.__class__ is dict or value.__class__ is list:
                told[field] = decode(value)
        return _CLASSES[name](**told)
    if kind is list:
        return tuple([decode(d) if d.__class__ is dict or d.__class__ is list else d for d in data])
    return data


def text_of(data: Any, *, sort_keys: bool = False) -> str:
    """The JSON text of some data, without spaces."""
    return json.dumps(data, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def meaning(value: Any) -> str:
    """The one JSON text of what a table, measure or KPI means, whatever file it came from and however it is worded."""
    return text_of(encode(value, _NOT_MEANING), sort_keys=True)


def wording(value: Any) -> str:
    """The one JSON text of all that the file of a table, measure or KPI says, wherever it lies."""
    return text_of(encode(value, _ANYWHERE), sort_keys=True)


_ANYWHERE = dict.fromkeys(("Kpi", "Measure", "Table"), _PLACE)
