"""Whether the place is sound: what `store.doctor` finds, versions, and room."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version

from headwater.api.answer import Listing
from headwater.api.folder import Folder
from headwater.api.outgrown import outgrown
from headwater.errors import HeadwaterError
from headwater.model.observation import Rows
from headwater.model.settings import FILES
from headwater.version import VERSION

COLUMNS = ("kind", "what", "where", "do")
_PACKAGES = ("duckdb", "sqlglot", "pyarrow", "numpy", "pydantic")


def doctor(folder: Folder) -> Listing:
    """Findings: `fault` (something is broken), `note` (worth knowing), `fact` (versions, room); faults first."""
    found = [*_definitions(folder), *_store(folder), *_engine(folder), *_facts(folder)]
    kinds = ("fault", "note", "fact")
    return Listing(Rows(COLUMNS, tuple(sorted(found, key=lambda f: kinds.index(f[0]))), "one finding"))


def has_faults(found: Listing) -> bool:
    """Whether something is broken."""
    return any(row[0] == "fault" for row in found)


Found = tuple[str, str, str, str]


def _definitions(folder: Folder) -> Iterator[Found]:
    from headwater.connectors.sources import load_sources

    try:
        catalogue = folder.catalogue(folder.company())
        load_sources(folder.path, catalogue.tables)
    except HeadwaterError as error:
        yield ("fault", error.what, error.where or str(folder.path), error.do)


def _store(folder: Folder) -> Iterator[Found]:
    from headwater.store.doctor import examine
    from headwater.store.efforts import efforts
    from headwater.store.place import open_store

    if not folder.store.exists():
        yield ("note", "nothing was loaded yet", str(folder.path), "Describe a source, then run 'headwater refresh'.")
        return
    try:
        store = open_store(folder.store)
        yield from ((f.kind, f.what, f.where, f.do) for f in examine(store))
        yield from (("note", what, str(folder.path), do) for what, do in outgrown(efforts(store)))
    except HeadwaterError as error:
        yield ("fault", error.what, error.where, error.do)


def _engine(folder: Folder) -> Iterator[Found]:
    """Whether the engine of the settings answers, with the current tables."""
    from headwater.store.engines.driver import without_password
    from headwater.store.generations import current, pinned
    from headwater.store.place import open_store

    try:
        settings = folder.company().settings
        if settings.engine == FILES or not folder.store.exists() or current(store := open_store(folder.store)) is None:
            return
        address = without_password(settings.engine)
        with pinned(store, settings=settings) as reader:
            if reader.instead is None:
                yield ("fact", f"questions are answered by {reader.engine}", address, "")
            else:
                what = f"questions are answered from the stored files, because {reader.instead.what}"
                yield ("fault", what, address, reader.instead.do)
    except HeadwaterError as error:
        yield ("fault", error.what, error.where, error.do)


def _facts(folder: Folder) -> Iterator[Found]:
    yield ("fact", f"headwater {VERSION}", "", "")
    yield from (("fact", f"{name} {version(name)}", "", "") for name in _PACKAGES)
    yield ("fact", f"Python {platform.python_version()} on {platform.system()}", "", "")
    place = folder.store if folder.store.exists() else folder.path
    held = sum(p.stat().st_size for p in folder.store.rglob("*") if p.is_file()) if folder.store.exists() else 0
    room = shutil.disk_usage(place).free
    yield ("fact", f"{_size(held)} stored, {_size(room)} free on this disk", str(place), "")


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
