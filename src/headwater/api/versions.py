"""Which version of the definitions a number and a generation were made with, and that they can be found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from headwater.api.folder import Folder
from headwater.errors import WorkspaceError
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import Kpi
from headwater.model.ruled import RULES, rule_of
from headwater.model.settings import FILES, Settings
from headwater.model.table import ByChannel, ByIdentity, Derivation, Key, Table
from headwater.store.place import Store


def build_version(folder: Folder, catalogue: Catalogue, settings: Settings) -> str:
    """The version of all that decides how landed rows become tables, and after points those of the rules of identity
    and channels, which decide some columns alone; worked out once for each state of the files."""
    key = f"{catalogue.hash} {replace(settings, engine=FILES, loader='', role='')!r}"
    path = folder.cache / "build.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(path.read_bytes())
        if known["of"] == key:
            return str(known["version"])
    version = _build_version(catalogue.tables, settings)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"of": key, "version": version}), encoding="utf-8")
    return version


def _build_version(tables: Mapping[str, Table], settings: Settings) -> str:
    told = [repr(_bare(tables[name])) for name in sorted(tables)]
    told += [settings.currency, settings.time_zone, repr(settings.calendar), str(settings.rate_days)]
    rules: dict[str, list[str]] = {name: [] for name in RULES}
    for table in (tables[name] for name in sorted(tables)):
        for column in table.columns:
            if kind := rule_of(column):
                rules[kind].append(f"{table.id}.{column.id} {column.derive!r}")
        if table.joining is not None:
            rules["identity"].append(f"{table.id} {table.joining!r}")
    whole = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return ".".join((whole, *(hashlib.sha256("\n".join(rules[n]).encode()).hexdigest()[:8] for n in RULES)))


def _bare(table: Table) -> Table:
    """A table without the words that only people read, and without the rules in it."""
    columns = tuple(replace(c, about="", derive=_unruled(c.derive)) for c in table.columns)
    joining = None if table.joining is None else replace(table.joining, rule=None)
    return replace(table, title="", about="", path="", columns=columns, columns_is=(), joining=joining)


def _unruled(derive: Derivation | None) -> Derivation | None:
    match derive:
        case ByIdentity():
            return replace(derive, rules=(), but=())
        case ByChannel():
            return replace(derive, rules=())
        case Key():
            return replace(derive, but=())
        case _:
            return derive


def keep_meant(store: Store, id_: str, meant: Mapping[str, object]) -> None:
    """Keeps a definition that is more than that of a KPI under its hash, as `keep_answered` does."""
    if (store.definitions / f"{id_}.json").exists():
        return
    from headwater.store.definitions import keep_definition
    from headwater.store.lock import writing

    with suppress(WorkspaceError), writing(store, "measure", wait=0):
        keep_definition(store, meant)


def keep_answered(store: Store, catalogue: Catalogue, kpis: Sequence[Kpi]) -> None:
    """Keeps the definition of each KPI under its version. Where the store cannot be written just now the answer still
    stands; the next one keeps it."""
    missing = [kpi for kpi in kpis if not (store.definitions / f"{kpi.hash}.json").exists()]
    if not missing:
        return
    from headwater.metrics.definitions import definition
    from headwater.store.definitions import keep_definition
    from headwater.store.lock import writing

    with suppress(WorkspaceError), writing(store, "measure", wait=0):
        for kpi in missing:
            keep_definition(store, json.loads(definition(catalogue, kpi.id)))
