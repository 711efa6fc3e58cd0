"""The catalogue from its files: reads every folder, builds every value, and raises all faults together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel

from headwater.errors import DefinitionError, Fault
from headwater.files.read import Document
from headwater.metrics.definitions import catalogue_hash, with_hashes
from headwater.metrics.entries import Entry, Folder, read_folder
from headwater.metrics.kpis import build_kpis
from headwater.metrics.measures import base_units, build_measures
from headwater.metrics.rulings import load_rulings, with_rulings
from headwater.metrics.shapes import ExtensionShape, KpiShape, MeasureShape, TableShape
from headwater.metrics.tables import build_tables
from headwater.model.catalogue import Catalogue

M = TypeVar("M", bound=BaseModel)


def assemble(shipped: Path, workspace: Path | None) -> Catalogue:
    """The catalogue of the shipped folder and a workspace; raises DefinitionError with every fault of every file."""
    tables = _folders(shipped, workspace, "tables", _table_shape)
    measures = _folders(shipped, workspace, "measures", lambda _: MeasureShape)
    kpis = _folders(shipped, workspace, "kpis", lambda _: KpiShape)
    faults: list[Fault] = [f for folders in (tables, measures, kpis) for folder in folders for f in folder.faults]
    all_tables, more = build_tables(_entries(tables), _broken(tables))
    faults += more
    rulings, more = load_rulings(shipped, workspace)
    faults += more
    all_tables = with_rulings(all_tables, rulings)
    all_measures, more = build_measures(_entries(measures), _broken(measures), all_tables)
    faults += more
    units = base_units(all_tables)
    all_kpis, more = build_kpis(_entries(kpis), _broken(kpis), all_tables, all_measures, units)
    faults += more
    if faults:
        raise DefinitionError.of(sorted(dict.fromkeys(faults), key=lambda f: (f.path, f.line, f.key, f.what)))
    made = Catalogue(
        MappingProxyType({n: t for n, t in all_tables.items() if t is not None}),
        MappingProxyType({n: m for n, m in all_measures.items() if m is not None}),
        MappingProxyType({n: k for n, k in all_kpis.items() if k is not None}),
        "",
    )
    hashed = with_hashes(made)
    return replace(hashed, hash=catalogue_hash(hashed))


def _table_shape(document: Document) -> type[TableShape | ExtensionShape]:
    return ExtensionShape if "extend" in document.content else TableShape


def _folders(
    shipped: Path, workspace: Path | None, name: str, shape_of: Callable[[Document], type[M]]
) -> tuple[Folder[M], ...]:
    """The shipped folder of that name and, where there is a workspace, its own."""
    folders = [read_folder(shipped, name, shape_of, own=False)]
    if workspace is not None:
        folders.append(read_folder(workspace, name, shape_of, own=True))
    return tuple(folders)


def _entries(folders: Sequence[Folder[M]]) -> tuple[Entry[M], ...]:
    return tuple(e for folder in folders for e in folder.entries)


def _broken(folders: Sequence[Folder[M]]) -> frozenset[str]:
    return frozenset(name for folder in folders for name in folder.broken)
