"""Reads one YAML file: a Document with the line of every key, then the model it must fit, and all that is wrong.

A narrow YAML, so that a file means what it says: one document, no tags, no merge keys, no duplicate keys, few aliases,
limited size and depth. A plain scalar stays the text that was written and the model decides its type (`1.50`, `007`,
`no` and `2025-01-31` can be texts); only `null`, `~` and nothing at all mean no value. In free-form places,
`as_written` gives the plain scalar its number or boolean.
"""

from __future__ import annotations

import re
import stat
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from headwater.errors import Fault, nearest

MOST_BYTES, MOST_DEPTH, MOST_NODES, MOST_ALIASES = 1 << 20, 32, 100_000, 100

KeyPath = tuple[str | int, ...]
"""Where something stands in a file: keys by name, items of a list by number from 0."""


class Definition(BaseModel):
    """What the model of a definition file builds on: unknown keys are faults, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Plain(str):
    """A scalar written without quotes; its type is not decided yet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is YAML: the path to show, its content, and the line of each key and item."""

    path: str
    content: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def line(self, key: KeyPath) -> int:
        """The line of a key, or of the nearest key around it."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def fault(self, key: KeyPath, what: str, do: str = "") -> Fault:
        """The fault of a key of this file."""
        return _fault_at(self.path, self.line(key), shown(key), what, do)

    def at(self, key: KeyPath) -> Any:
        """What stands at a key, or None."""
        value: Any = self.content
        for part in key:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def _fault_at(path: str, line: int, key: str, what: str, do: str) -> Fault:
    return Fault(path, line, key, f"{what}." if do and not what.endswith((".", "?", "!")) else what, do)


def shown(key: KeyPath) -> str:
    """A key path as text; items of a list are counted from 1.

    >>> shown(("example", "ask", 0, "period"))
    'example.ask[1].period'
    """
    text = ""
    for part in key:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


# --- YAML ------------------------------------------------------------------------------------------------------------
class _Refused(Exception):
    """A file is no YAML of ours; nothing after it can be read."""

    def __init__(self, line: int, what: str, do: str = "") -> None:
        self.line, self.what, self.do = line, what, do


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read. `size` counts its nodes; `key` is a mapping's key that waits."""

    into: dict[str, Any] | list[Any]
    path: KeyPath
    anchor: str | None
    size: int = 1
    key: str | None = None
    seen: dict[str, int] = field(default_factory=dict)


def read(path: Path, name: str = "") -> tuple[Document | None, tuple[Fault, ...]]:
    """The document of a file, or None, and its faults; `name` is how the file is called in them (default: its path)."""
    name = name or str(path)
    try:
        text = _text(path)
        content, lines, faults = _construct(text, name)
    except _Refused as refused:
        return None, (_fault_at(name, refused.line, "", refused.what, refused.do),)
    return Document(name, content, lines), tuple(faults)


def _text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _Refused(0, "this is not a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise _Refused(0, "there is no such file") from None
    except OSError as error:
        raise _Refused(0, f"the file cannot be read: {error.strerror or 'unknown reason'}") from None
    if len(data) > MOST_BYTES:
        raise _Refused(0, "the file is larger than 1 MiB", "Split it, or remove what does not belong here.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Refused(line, "the file is not UTF-8 text", "Save it as UTF-8.") from None


def _events(text: str) -> Iterable[yaml.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(p for p in (error.context, error.problem) if p)
        raise _Refused(mark.line + 1 if mark else 0, f"this is not YAML: {what}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Refused(line, "the file holds a control character") from None


def _construct(text: str, name: str) -> tuple[dict[str, Any], dict[KeyPath, int], list[Fault]]:
    """The content of the only document, the line of each key, and the faults that leave the rest readable."""
    lines: dict[KeyPath, int] = {}
    faults: list[Fault] = []
    anchors: dict[str, tuple[Any, int]] = {}
    open_: list[_Open] = []
    root: list[Any] = []
    nodes = aliases = documents = 0

    def put(value: Any, line: int, size: int = 1) -> KeyPath:
        """Puts a finished or just opened value into what surrounds it; the key path it got."""
        if not open_:
            root.append(value)
            return ()
        top = open_[-1]
        if isinstance(top.into, list):
            path = (*top.path, len(top.into))
            top.into.append(value)
            top.size += size
            lines[path] = line
            return path
        if top.key is None:
            if not isinstance(value, str):
                raise _Refused(line, "a key is a word or a text, not a list or a mapping")
            if value == "<<" and isinstance(value, Plain):
                raise _Refused(line, "merge keys ('<<') are not allowed", "Write the keys out.")
            top.key = str(value)
            path = (*top.path, top.key)
            if top.key in top.seen:
                what = f"the key {top.key!r} was given on line {top.seen[top.key]} already"
                faults.append(_fault_at(name, line, shown(path), what, "Keep one of them."))
            else:
                top.seen[top.key] = lines[path] = line
            return path
        path = (*top.path, top.key)
        top.into.setdefault(top.key, value)
        top.key = None
        top.size += size
        return path

    for event in _events(text):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if (tag := getattr(event, "tag", None)) is not None and tag != "!":
            raise _Refused(line, f"tags such as {tag!r} are not allowed", "Remove it.")
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise _Refused(line, "one file holds one document", "Remove '---' and what follows, or split it.")
            case yaml.ScalarEvent():
                nodes += 1
                value = str(event.value) if event.style else Plain(event.value)
                is_key = bool(open_) and isinstance(open_[-1].into, dict) and open_[-1].key is None
                scalar = None if not event.style and not is_key and value in ("", "~", "null") else value
                put(scalar, line)
                if event.anchor:
                    anchors[event.anchor] = (scalar, 1)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                nodes += 1
                if len(open_) >= MOST_DEPTH:
                    raise _Refused(line, f"the file is nested deeper than {MOST_DEPTH} levels")
                into: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
                open_.append(_Open(into, put(into, line, 0), event.anchor))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = open_.pop()
                if closed.anchor:
                    anchors[closed.anchor] = (closed.into, closed.size)
                if open_:
                    open_[-1].size += closed.size
            case yaml.AliasEvent():
                aliases += 1
                if event.anchor not in anchors:
                    raise _Refused(line, f"the alias '*{event.anchor}' names no finished anchor")
                value, size = anchors[event.anchor]
                nodes += size
                if aliases > MOST_ALIASES:
                    raise _Refused(line, f"the file has more than {MOST_ALIASES} aliases", "Write the values out.")
                put(value, line, size)
            case _:
                pass
        if nodes > MOST_NODES:
            raise _Refused(line, f"the file has more than {MOST_NODES:,} values")
    if not root or root[0] is None:
        raise _Refused(0, "the file is empty")
    if not isinstance(root[0], dict):
        raise _Refused(1, "the file is not a mapping of keys to values", "Begin with a line such as 'title: ...'.")
    return root[0], lines, faults


_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


def as_written(value: Any) -> Any:
    """Free-form content with plain scalars read as integers, decimals (float), `true` and `false`; the rest is text.

    Dates stay texts as they were written; what stands in quotes stays text.
    """
    match value:
        case Plain():
            if _INTEGER.fullmatch(value):
                return int(value)
            if _DECIMAL.fullmatch(value):
                return float(value)
            return {"true": True, "false": False}.get(value, str(value))
        case str():
            return str(value)
        case dict():
            return {str(k): as_written(v) for k, v in value.items()}
        case list():
            return [as_written(v) for v in value]
        case _:
            return value


Free = Annotated[Any, BeforeValidator(as_written)]
"""A field of a model that takes anything, as written."""


# --- models ----------------------------------------------------------------------------------------------------------
M = TypeVar("M", bound=BaseModel)


def load(path: Path, model: type[M], name: str = "") -> tuple[M | None, tuple[Fault, ...]]:
    """The model a file fits, or None, and every fault of the file; never raises for what a file holds."""
    document, faults = read(path, name)
    if document is None:
        return None, faults
    found, more = validate(document, model)
    return (None if faults else found), faults + more


def validate(document: Document, model: type[M]) -> tuple[M | None, tuple[Fault, ...]]:
    """The model a document fits, or None and every way in which it does not."""
    try:
        return model.model_validate(document.content), ()
    except ValidationError as error:
        faults = {_fault(document, model, e): None for e in error.errors(include_url=False)}
        return None, tuple(sorted(faults, key=lambda f: (f.line, f.key)))


def _fault(document: Document, model: type[BaseModel], error: ErrorDetails) -> Fault:
    kind, context = error["type"], error.get("ctx", {})
    key, known = _place(document, model, error["loc"])
    if kind == "extra_forbidden":
        fields = sorted(known)
        do = nearest(str(key[-1]), fields) or f"The keys here are {', '.join(fields)}."
        if document.at(key) is None:
            do = "A text with a comma in it needs quotes here."
        return document.fault(key, f"no key is called {str(key[-1])!r}", do)
    if kind == "missing":
        return document.fault(key[:-1], f"the key {str(key[-1])!r} is missing")
    if kind in ("literal_error", "enum"):
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        value = document.at(key)
        do = nearest(str(value), options) or f"Write {_either(options)}."
        return document.fault(key, f"{str(value)!r} is not possible here", do)
    if kind in ("value_error", "assertion_error"):
        return document.fault(key, str(context.get("error", error["msg"])))
    return document.fault(key, _SENTENCES.get(kind) or _plain(error["msg"]))


_SENTENCES = {
    "string_type": "this should be a text",
    "int_type": "this should be a whole number",
    "int_parsing": "this should be a whole number",
    "int_from_float": "this should be a whole number",
    "float_type": "this should be a number",
    "float_parsing": "this should be a number",
    "decimal_type": "this should be a number",
    "decimal_parsing": "this should be a number",
    "bool_type": "this should be true or false",
    "bool_parsing": "this should be true or false",
    "date_type": "this should be a date such as 2025-01-31",
    "date_parsing": "this should be a date such as 2025-01-31",
    "date_from_datetime_parsing": "this should be a date such as 2025-01-31",
    "date_from_datetime_inexact": "this should be a date such as 2025-01-31",
    "list_type": "this should be a list",
    "tuple_type": "this should be a list",
    "dict_type": "this should be a mapping of keys to values",
    "mapping_type": "this should be a mapping of keys to values",
    "model_type": "this should be a mapping of keys to values",
    "model_attributes_type": "this should be a mapping of keys to values",
    "none_required": "this should have no value",
}


def _plain(message: str) -> str:
    message = re.sub(r"^(Value error, |Input should be )", "", message)
    return message[:1].lower() + message[1:] if message.startswith(("Value", "Input", "List", "Tuple")) else message


def _either(options: list[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else "".join(options)


def _place(document: Document, model: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[KeyPath, frozenset[str]]:
    """The key path of an error in the file, without the names of union branches, and the keys possible around it."""
    key: KeyPath = ()
    value: Any = document.content
    kinds: tuple[Any, ...] = (model,)
    known: frozenset[str] = frozenset()
    for i, part in enumerate(loc):
        last = i == len(loc) - 1
        models = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        here = frozenset(f.alias or n for m in models for n, f in m.model_fields.items())
        if isinstance(value, dict) and isinstance(part, str) and (part in value or (last and part in here)):
            known, key, value = here, (*key, part), value.get(part)
            kinds = tuple(a for k in kinds for a in _inside(k, part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            known, key, value = frozenset(), (*key, part), value[part]
            kinds = tuple(a for k in kinds for a in _inside(k, part))
    return key, known


def _inside(kind: Any, part: str | int) -> tuple[Any, ...]:
    """The types that may stand at a key of a type, with unions opened."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return tuple(a for n, f in kind.model_fields.items() if (f.alias or n) == part for a in _opened(f.annotation))
    arguments = [a for a in get_args(kind) if a is not Ellipsis]
    return _opened(arguments[-1]) if arguments and get_origin(kind) is not Literal else ()


def _opened(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Annotated:
        return _opened(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(b for a in get_args(kind) for b in _opened(a))
    return (kind,)
