"""What the definition files say of KPIs: the list, one page each, and what is doubtful in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.api import show
from headwater.api.answer import Listing
from headwater.api.computable import inputs
from headwater.metrics.formula import find, resolve
from headwater.metrics.language import format_formula
from headwater.metrics.scans import splits_of
from headwater.metrics.wording import formula_text, measure_text
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import BASE, Kpi, Variant
from headwater.model.lowering import columns_in
from headwater.model.measure import Measure
from headwater.model.observation import Rows


@dataclass(frozen=True, slots=True, repr=False)
class KpiPage:
    """One KPI with the measures it rests on and the splits it can be asked by (of the variant that was named, else of
    the default one).

    `words`: the formula of each variant that has one, in words. `inputs`: each table that is read, with the columns of
    it that an export has to supply.
    """

    kpi: Kpi
    measures: tuple[Measure, ...]
    splits: tuple[str, ...]
    words: Mapping[str, str]
    inputs: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def telling(self) -> tuple[str, ...]:
        """The splits, without those on which its measures set conditions: of won deals the status tells nothing."""
        asked = frozenset(c for m in self.measures for c in columns_in(m.where))
        return tuple(s for s in self.splits if s not in asked)

    def to_text(self) -> str:
        """The page for people."""
        return "\n".join(_page(self))

    def to_json(self) -> str:
        """The page as one JSON object."""
        return json.dumps(_object(self), ensure_ascii=False, indent=1)

    def __repr__(self) -> str:
        return self.to_text()


def kpi_list(catalogue: Catalogue, words: str = "") -> Listing:
    """Every KPI, or those in which all the words occur, by stage and id."""
    rows = tuple(
        (k.id, k.title, k.stage, str(k.unit), ", ".join(v.id for v in k.variants if v.id != BASE))
        for k in sorted(kpis_with(catalogue, words), key=lambda k: (k.stage, k.id))
    )
    return Listing(Rows(("id", "title", "stage", "unit", "variants"), rows, "one KPI"))


def kpis_with(catalogue: Catalogue, words: str) -> list[Kpi]:
    """The KPIs in which all the words occur."""
    wanted = words.casefold().split()
    return [kpi for kpi in catalogue.kpis.values() if all(w in _told(kpi) for w in wanted)]


def kpi_show(catalogue: Catalogue, name: str) -> KpiPage:
    """The page of a KPI. Raises QueryError with the nearest names."""
    kpi, variant = find(catalogue, name)
    measures = tuple(dict.fromkeys(m for v in kpi.variants for m in _measures(catalogue, kpi, v)))
    offers = [(*variant.splits, *splits_of(m, catalogue)) for m in _measures(catalogue, kpi, variant)]
    splits = tuple(s for s in offers[0] if all(s in o for o in offers)) if offers else ()
    words = {v.id: formula_text(v.formula, catalogue) for v in kpi.variants if v.formula is not None}
    return KpiPage(kpi, measures, splits, words, inputs(catalogue, measures))


def kpi_lint(catalogue: Catalogue) -> Listing:
    """What is doubtful in the definitions. Raises DefinitionError with every fault when they are wrong."""
    from headwater.metrics.lint import lint

    faults = lint(catalogue)
    rows = tuple((f.path, f.line or None, f.key, " ".join(p for p in (f.what, f.do) if p)) for f in faults)
    return Listing(Rows(("file", "line", "key", "remark"), rows, "one remark"))


def _told(kpi: Kpi) -> str:
    return " ".join((kpi.id, kpi.title, kpi.stage, kpi.group, kpi.question, *kpi.aliases)).casefold()


def _measures(catalogue: Catalogue, kpi: Kpi, variant: Variant) -> tuple[Measure, ...]:
    return tuple(catalogue.measures[n] for n in resolve(catalogue, f"{kpi.id}.{variant.id}").reads)


# --- as text ---------------------------------------------------------------------------------------------------------
BETTER = {"up": "higher", "down": "lower", "band": "inside a band", "context": "depends on the context"}
"""Which way a KPI is better, in words."""


def _page(page: KpiPage) -> Iterator[str]:
    kpi = page.kpi
    yield f"{kpi.title} ({kpi.id})"
    if kpi.question:
        yield show.harmless(kpi.question)
    yield ""
    about = (
        ("also called", ", ".join(kpi.aliases)),
        ("stage", kpi.stage),
        ("role", kpi.role),
        ("unit", f"{kpi.unit}, shown as {kpi.show}"),
        ("better", BETTER.get(kpi.better, kpi.better)),
        ("cadence", kpi.cadence),
        ("vanity", kpi.vanity),
        ("read with", kpi.pair),
        ("small sample", f"under {kpi.small_sample}"),
        ("split by", ", ".join(page.splits)),
    )
    yield from show.facts(about)
    for variant in kpi.variants:
        yield ""
        yield from _variant(page, variant)
    if page.measures:
        yield ""
        yield "Measures"
        yield from show.facts(((m.id, measure_text(m)) for m in page.measures), "  ")
        yield ""
        yield "Columns it reads"
        yield from show.facts(((table, ", ".join(columns)) for table, columns in page.inputs), "  ")
    if kpi.pitfalls:
        yield ""
        yield "Pitfalls"
        yield from show.facts((("-", p) for p in kpi.pitfalls), "  ")
    if kpi.reference:
        yield ""
        yield "Reference"
        yield from show.facts([("", kpi.reference)])
    yield from _example(kpi)
    yield ""
    yield f"File: {kpi.path}"
    yield f"Definition version: {kpi.hash}"


def _variant(page: KpiPage, variant: Variant) -> Iterator[str]:
    kpi = page.kpi
    name = "Formula" if variant.id == BASE else f"Variant {variant.id}"
    default = " (default)" if variant.id == kpi.default and len(kpi.variants) > 1 else ""
    yield f"{name}{default}"
    yield from show.facts(
        (
            ("formula", variant.text if variant.formula is not None else ""),
            ("analysis", f"{variant.analysis}: {variant.text}" if variant.analysis else ""),
            ("in words", page.words.get(variant.id, "")),
            ("needs", variant.needs),
            ("basis", variant.basis),
            ("use when", variant.use_when),
            ("interval", "" if variant.interval == "none" else variant.interval),
        ),
        "  ",
    )


def _example(kpi: Kpi) -> Iterator[str]:
    if kpi.example is None:
        return
    yield ""
    yield f"Example{': ' + kpi.example.about if kpi.example.about else ''}"
    for table, rows in kpi.example.tables:
        heads = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[show.plain(row.get(name)) for name in heads] for row in rows]
        yield f"  {table}"
        yield from (f"    {line}" for line in show.table(heads, cells).splitlines())
    for asked in kpi.example.ask:
        question = {k: v for k, v in asked.items() if k != "expect"}
        yield "  asked " + (", ".join(f"{k} {show.plain(v)}" for k, v in question.items()) or "for all data")
        expect = asked.get("expect")
        for expected in expect if isinstance(expect, list | tuple) else ():
            yield "    " + ", ".join(f"{k} {show.plain(v)}" for k, v in dict(expected).items())


# --- as JSON ---------------------------------------------------------------------------------------------------------
def _object(page: KpiPage) -> dict[str, Any]:
    kpi = page.kpi
    example = kpi.example
    return {
        "id": kpi.id,
        "title": kpi.title,
        "aliases": list(kpi.aliases),
        "question": kpi.question,
        "unit": str(kpi.unit),
        "show": kpi.show,
        "better": kpi.better,
        "stage": kpi.stage,
        "role": kpi.role,
        "group": kpi.group,
        "cadence": kpi.cadence,
        "vanity": kpi.vanity,
        "default": kpi.default,
        "variants": [
            {
                "id": v.id,
                "formula": None if v.formula is None else format_formula(v.formula),
                "words": page.words.get(v.id, v.text if v.analysis else ""),
                "analysis": v.analysis,
                "needs": v.needs,
                "basis": v.basis,
                "unit": str(v.unit),
                "use_when": v.use_when,
                "interval": v.interval,
            }
            for v in kpi.variants
        ],
        "splits": list(page.splits),
        "measures": [
            {
                "id": m.id,
                "title": m.title,
                "table": m.table,
                "unit": str(m.unit),
                "what": measure_text(m),
                "file": m.path,
            }
            for m in page.measures
        ],
        "inputs": {table: list(columns) for table, columns in page.inputs},
        "pitfalls": list(kpi.pitfalls),
        "pair": kpi.pair,
        "reference": kpi.reference,
        "small_sample": kpi.small_sample,
        "tolerance": kpi.tolerance,
        "example": None
        if example is None
        else {"about": example.about, "tables": {n: list(r) for n, r in example.tables}, "ask": list(example.ask)},
        "file": kpi.path,
        "own": kpi.own,
        "definition": kpi.hash,
    }
