"""What a KPI's number depends on, as one text and its hash: the version of a definition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from headwater.metrics.encoding import meaning, wording
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.kpi import Kpi
from headwater.model.measure import Measure, Reached
from headwater.model.table import Lookup, Pick, Ruled, Table


def definition(catalogue: Catalogue, kpi: str) -> str:
    """The canonical JSON of what a KPI means, with every KPI, measure and table it depends on; its SHA-256 is the KPI's
    hash. Words for people are not in it: titles, questions, pitfalls, examples, how a value is displayed."""
    return _definition(catalogue, kpi, {})


def with_hashes(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the hash of each KPI filled in."""
    texts: dict[tuple[str, str], str] = {}
    hashed = {
        name: replace(kpi, hash=_sha256(_definition(catalogue, name, texts))) for name, kpi in catalogue.kpis.items()
    }
    return replace(catalogue, kpis=MappingProxyType(hashed))


def catalogue_hash(catalogue: Catalogue) -> str:
    """The hash over all that the files of tables, measures and KPIs say."""
    shelves: tuple[Mapping[str, Any], ...] = (catalogue.tables, catalogue.measures, catalogue.kpis)
    return _sha256("\n".join(wording(shelf[name]) for shelf in shelves for name in sorted(shelf)))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _definition(catalogue: Catalogue, kpi: str, texts: dict[tuple[str, str], str]) -> str:
    found: dict[tuple[str, str], Any] = {}
    waiting: list[tuple[str, str]] = [("kpis", kpi)]
    shelves: dict[str, Mapping[str, Any]] = {
        "kpis": catalogue.kpis,
        "measures": catalogue.measures,
        "tables": catalogue.tables,
    }
    while waiting:
        place = waiting.pop()
        if place in found or place[1] not in shelves[place[0]]:
            continue
        found[place] = value = shelves[place[0]][place[1]]
        if place not in texts:
            texts[place] = meaning(value)
        waiting += _reads(value, catalogue)
    parts = [f'"kpi":"{kpi}"']
    for shelf in shelves:
        inner = ",".join(f'"{name}":{texts[shelf, name]}' for s, name in sorted(found) if s == shelf)
        parts.append(f'"{shelf}":{{{inner}}}')
    return "{" + ",".join(parts) + "}"


def _reads(value: Kpi | Measure | Table, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What a KPI, a measure or a table is made of directly."""
    match value:
        case Kpi():
            for variant in value.variants:
                for name in names_in(variant.formula) if variant.formula is not None else variant.reads:
                    shelf = "measures" if name in catalogue.measures else "kpis"
                    yield shelf, name if shelf == "measures" else name.partition(".")[0]
        case Measure():
            yield "tables", value.table
            if value.goes_by:
                yield "measures", value.goes_by
            if isinstance(value.clock, Reached) and value.clock.outcome:
                yield "tables", value.clock.outcome
        case Table():
            if value.rows_from:
                yield "tables", value.rows_from
            yield from (("tables", link.table) for link in value.links)
            yield from (("tables", c.derive.table) for c in value.columns if isinstance(c.derive, Lookup | Pick))
            ruled = (c.derive for c in value.columns if isinstance(c.derive, Ruled))
            yield from (("tables", name) for rules in ruled for name in rules.reads)


def names_in(formula: Formula) -> Iterator[str]:
    """The names of a formula, in order, each as often as it stands there."""
    match formula:
        case Number():
            return
        case Name(name):
            yield name
        case Negate(of) | Call(_, of):
            yield from names_in(of)
        case Binary(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
