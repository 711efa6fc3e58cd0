"""Frozen values of the model as JSON and back, driven by their annotations, so that no field is spelled twice."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_KIND = "is"


def to_json(value: object) -> Any:
    """JSON values of a frozen dataclass, or of a tuple, date or number in one.

    Dates are ISO texts, decimals are texts; a dataclass says its name under `is`, so that a union can be read back.
    """
    if value is None or (isinstance(value, bool | int | str | float) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if is_dataclass(value):
        return {_KIND: type(value).__name__} | {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `to_json` gave `data` for. Raises ValueError when it is not one."""
    try:
        value = _read(kind, data)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a {kind.__name__}") from error
    if not isinstance(value, kind):
        raise ValueError(f"not a {kind.__name__}")
    return value


def canonical(data: Any) -> bytes:
    """The one spelling of JSON values that hashes are made of."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin is Union or origin is types.UnionType:
        return _read_union(get_args(kind), data)
    if origin is tuple:
        args = get_args(kind)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_read(args[0], item) for item in data)
        return tuple(_read(arg, item) for arg, item in zip(args, data, strict=True))
    if isinstance(data, dict) and len(data) == 1:
        ((name, text),) = data.items()
        match name:
            case "datetime":
                return datetime.fromisoformat(text)
            case "date":
                return date.fromisoformat(text)
            case "decimal":
                return Decimal(text)
            case _:
                pass
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        names = [f.name for f in fields(kind)]
        return kind(**{name: _read(hints[name], data[name]) for name in names if name in data})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return data


def _read_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, dict) and _KIND in data:
        for kind in kinds:
            if getattr(kind, "__name__", "") == data[_KIND]:
                return _read(kind, data)
        raise KeyError(data[_KIND])
    if isinstance(data, dict):
        return _read(object, data)
    return data
