"""Loads the catalogue: from its cache when no file has changed, else from the definition files.

Reading three hundred YAML files takes ten times as long as answering a question, so the parsed catalogue is kept as
JSON: one head with the name, time and size of every file, then a line for each column, table, measure and KPI, which is
decoded when it is asked for. A warm load imports neither the YAML reader nor the model checker.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from headwater.metrics.encoding import decode, encode, text_of
from headwater.model.catalogue import Catalogue
from headwater.model.late import Late, late
from headwater.model.table import Column, Table
from headwater.version import VERSION

FOLDERS = ("tables", "measures", "kpis")
_RULES = ("own/channels.yml", "own/identity.yml")
_HEAD = b"headwater catalogue 2\n"

_parsed = json.JSONDecoder().raw_decode

V = TypeVar("V")


def load_catalogue(shipped: Path, workspace: Path | None = None, cache: Path | None = None) -> Catalogue:
    """The catalogue of the shipped folder and a workspace's own files; raises DefinitionError with every fault.

    `cache` is the file it is kept in between runs; one that cannot be read or written, or is not whole, is no error.
    """
    stamp = _stamp(shipped, workspace)
    if cache is not None and (kept := _read_cache(cache, stamp)) is not None:
        return kept
    from headwater.metrics.assemble import assemble

    catalogue = assemble(shipped, workspace)
    if cache is not None:
        _write_cache(cache, stamp, catalogue)
    return catalogue


# --- what a cache is valid for ---------------------------------------------------------------------------------------
def _stamp(shipped: Path, workspace: Path | None) -> str:
    """Program version, and the name, time and size of every file a catalogue is made of, code included."""
    return program_stamp(shipped) + ("" if workspace is None else "\n" + own_stamp(workspace))


def program_stamp(shipped: Path) -> str:
    """The part of it that does not change while a program runs: its version, its code and what is shipped with it."""
    program = [(f"shipped {name}", shipped / name) for name in ("", "references", *FOLDERS)]
    return "\n".join([VERSION, *code(), *files_in([("code", Path(__file__).parent.parent / "files"), *program])])


@lru_cache(maxsize=1)
def code() -> tuple[str, ...]:
    """The name, time and size of every file of the code that makes definitions and plans, as the process found it."""
    here = Path(__file__).parent
    return tuple(files_in([("code", here), ("code", here.parent / "model")]))


def own_stamp(workspace: Path) -> str:
    """The part of it that does: the name, time and size of every definition file of a workspace, those of funnels too,
    since KPIs rest on them."""
    found = files_in([(f"own {name}", workspace / name) for name in (*FOLDERS, "funnels")])
    # a rule may be for the rows of some sources, so which there are counts too
    rules = [line for line in files_in([("own", workspace)]) if line.split()[0] in _RULES]
    sources = [line.split()[0] for line in files_in([("source", workspace / "sources")])] if rules else []
    return "\n".join([*found, *rules, *sources])


def written(file: os.DirEntry[str] | Path) -> str:
    """The time and size of a file; of one that is gone since it was listed, or of a link to nowhere (as editors put
    beside what they have open), that there is none."""
    try:
        status = file.stat()
    except OSError:
        return "none"
    return f"{status.st_mtime_ns} {status.st_size}"


def files_in(roots: Sequence[tuple[str, Path]]) -> list[str]:
    """The name, time and size of every definition and code file in folders, by the label of each."""
    lines: list[str] = []
    for label, folder in roots:
        try:
            with os.scandir(folder) as found:
                files = sorted((e for e in found if e.name.endswith((".yml", ".yaml", ".py"))), key=lambda e: e.name)
                lines += [f"{label}/{e.name} {written(e)}" for e in files]
        except OSError:
            continue
    return lines


# --- the cache -------------------------------------------------------------------------------------------------------
class _Shelf(Mapping[str, V], Generic[V]):
    """Values by id, each decoded from its stretch of the cache when it is first asked for."""

    def __init__(self, body: bytes, index: dict[str, list[int]]) -> None:
        self._body, self._index = body, index
        self._read: dict[str, V] = {}

    def __getitem__(self, name: str) -> V:
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = self._value(self._data(self._index[name]))
        return found

    def _data(self, place: list[int]) -> Any:
        return _parsed(str(self._body[place[0] : place[1]], "utf-8"))[0]

    def _value(self, data: Any) -> V:
        value: V = decode(data)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


_LONG = ("rules", "but")
"""Of what columns are derived by these parts are long, and of no concern to a question: rules for people, companies and
channels, and the domains that are nobody's."""


class _Columns(_Shelf[Column]):
    """The columns of a table by id; what is long in them is decoded once somebody looks at it."""

    def _value(self, data: Any) -> Column:
        derive = data.get("derive", {})
        places = {name: derive.pop(name) for name in _LONG if name in derive}
        column: Column = decode(data)
        if isinstance(column.derive, Late):
            late(column.derive, **{name: self._part(place) for name, place in places.items()})
        return column

    def _part(self, place: list[int]) -> Callable[[], Any]:
        return lambda: decode(self._data(place))


class _Tables(_Shelf[Table]):
    """Tables by id. A question needs few of their columns: each has a stretch of its own, and is decoded when it is
    asked for."""

    def _value(self, data: Any) -> Table:
        columns = _Columns(self._body, data.pop("columns"))
        return Table.kept(columns, **{name: decode(told) for name, told in data.items() if name != "is"})


def _read_cache(path: Path, stamp: str) -> Catalogue | None:
    """The catalogue that was kept for this stamp, or None."""
    try:
        with path.open("rb") as file:
            if file.readline() != _HEAD:
                return None
            head: Any = json.loads(file.readline())
            if head["stamp"] != stamp:
                return None
            body = file.read()
        if len(body) != head["bytes"] or zlib.crc32(body) != head["crc"]:
            return None
        tables, measures, kpis = (head["index"][name] for name in FOLDERS)
        return Catalogue(_Tables(body, tables), _Shelf(body, measures), _Shelf(body, kpis), head["hash"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_cache(path: Path, stamp: str, catalogue: Catalogue) -> None:
    """Keeps a catalogue, all or nothing; a place that cannot be written is left alone."""
    import tempfile

    body = bytearray()
    places: dict[bytes, list[int]] = {}

    def added(data: Any) -> list[int]:
        """Where the body has some data; what is the same stands there once."""
        text = text_of(data).encode()
        if (place := places.get(text)) is None:
            place = places[text] = [len(body), len(body) + len(text)]
            body.extend(text + b"\n")
        return place

    index: dict[str, dict[str, list[int]]] = {}
    shelves: tuple[Mapping[str, Any], ...] = (catalogue.tables, catalogue.measures, catalogue.kpis)
    for name, shelf in zip(FOLDERS, shelves, strict=True):
        index[name] = {}
        for key, value in shelf.items():
            data = encode(value)
            if isinstance(value, Table):
                for column in data["columns"]:
                    derive = column.get("derive", {})
                    derive |= {part: added(derive[part]) for part in _LONG if part in derive}
                data["columns"] = {column["id"]: added(column) for column in data["columns"]}
            index[name][key] = added(data)
    head = {"stamp": stamp, "hash": catalogue.hash, "bytes": len(body), "crc": zlib.crc32(body), "index": index}
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            temporary = Path(file.name)
            file.write(_HEAD + text_of(head).encode() + b"\n" + body)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
