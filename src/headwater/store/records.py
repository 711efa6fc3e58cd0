"""Frozen values of the model as JSON and back, driven by their annotations, so that no field is spelled twice."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

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
        value = _reader(cast(Hashable, kind))(data)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a {kind.__name__}") from error
    if not isinstance(value, kind):
        raise ValueError(f"not a {kind.__name__}")
    return value


def canonical(data: Any) -> bytes:
    """The one spelling of JSON values that hashes are made of."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


Read = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Read:
    """The function that reads values of one annotation; made once, because manifests hold thousands of them."""
    origin = get_origin(kind)
    if origin is Union or origin is types.UnionType:
        return _union_reader(get_args(kind))
    if origin is tuple:
        return _tuple_reader(get_args(kind))
    if isinstance(kind, type):
        if kind in _TAGS:
            return _read_tagged
        if is_dataclass(kind):
            return _record_reader(kind)
        if issubclass(kind, Enum):
            return kind
    return _as_it_is


def _as_it_is(data: Any) -> Any:
    return data


_TAGS: dict[type, tuple[str, Read]] = {
    datetime: ("datetime", datetime.fromisoformat),
    date: ("date", date.fromisoformat),
    Decimal: ("decimal", Decimal),
}
_BY_TAG = dict(_TAGS.values())


def _read_tagged(data: dict[str, str]) -> Any:
    ((name, text),) = data.items()
    return _BY_TAG[name](text)


def _tuple_reader(args: tuple[Any, ...]) -> Read:
    if len(args) == 2 and args[1] is Ellipsis:
        each = _reader(args[0])
        return lambda data: tuple([each(item) for item in data])
    readers = [_reader(arg) for arg in args]
    return lambda data: tuple([read(item) for read, item in zip(readers, data, strict=True)])


def _record_reader(kind: Any) -> Read:
    readers: list[tuple[str, Read]] = []

    def read(data: Any) -> Any:
        if not readers:  # only now: a record may hold itself
            hints = get_type_hints(kind)
            readers.extend((f.name, _reader(hints[f.name])) for f in fields(kind))
        return kind(**{name: read_field(data[name]) for name, read_field in readers if name in data})

    return read


def _union_reader(kinds: tuple[Any, ...]) -> Read:
    records: dict[str, Any] = {kind.__name__: kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)}

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return _reader(records[data[_KIND]])(data) if _KIND in data else _read_tagged(data)

    return read
