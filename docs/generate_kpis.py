"""Writes docs/kpis.md, the reference of the KPIs, from their files: python docs/generate_kpis.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.language import format_formula, format_predicate, format_row_value
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import Kpi, Variant
from headwater.model.measure import EVER, Alive, At, Clock, Latest, Measure, Reached, Span

REPOSITORY = Path(__file__).resolve().parent.parent
CATALOGUE = REPOSITORY / "src" / "headwater" / "catalogue"
PAGE = REPOSITORY / "docs" / "kpis.md"

INTRODUCTION = """\
# KPIs

What every KPI is. This page is made from the files in `src/headwater/catalogue/kpis/` by `docs/generate_kpis.py`; do
not edit it. Each file also holds a worked example: rows, and the numbers they give.

- A **variant** is one way to compute a KPI; the first name in bold is the one that is used when none is asked for. A
  variant that needs an analysis or a goal gives no number until there is one, and says so.
- **Basis**: `period` counts what happened in the period; `cohort` follows what began in the period, and leaves out what
  is too young to be judged; `stock` is the state at the end of the period.
- `growth(x)` compares x with the period before, `prior(x)` is x of the period before, `opening(x)` a stock at the
  start, `lost(x)` what of that stock ended in the period, `entered(x)` the entries of a cohort that are old enough.
- Ratios over several segments divide the sums; they are never means of ratios.
"""
GROUPS = {
    "web": "Web site",
    "seo": "Search",
    "content": "Content",
    "social": "Social media",
    "brand": "Brand",
    "paid": "Advertising",
    "email": "E-mail",
    "conversion": "Conversion",
    "lead": "Leads",
    "qualification": "Qualification",
    "velocity": "Speed",
    "sales": "Sales",
    "attribution": "What marketing brought",
    "cost": "Cost",
    "roi": "Return on investment",
    "clv": "Customer lifetime value",
    "retention": "Retention",
    "satisfaction": "Satisfaction",
    "account": "Accounts and buying groups",
    "financial": "Finance",
    "goal": "Goals",
}


def page(catalogue: Catalogue) -> str:
    """The whole page: an overview by group, then one section a KPI, then the measures they are made of."""
    by_group: dict[str, list[Kpi]] = {}
    for kpi in sorted(catalogue.kpis.values(), key=lambda k: k.id):
        by_group.setdefault(kpi.group, []).append(kpi)
    groups = [*(g for g in GROUPS if g in by_group), *sorted(set(by_group) - set(GROUPS))]
    lines = [INTRODUCTION]
    for group in groups:
        lines += [f"**{_group(group)}**: " + ", ".join(f"[{k.id}](#{k.id})" for k in by_group[group]), ""]
    for group in groups:
        lines += [f"## {_group(group)}", ""]
        for kpi in by_group[group]:
            lines += _section(kpi)
    lines += ["## Measures", "", "What formulas are made of: one aggregate over one table.", ""]
    lines += ["| Measure | What it is | Counted | Unit |", "|---|---|---|---|"]
    for measure in sorted(catalogue.measures.values(), key=lambda m: m.id):
        what = f"{measure.title}. {measure.about}" if measure.about else f"{measure.title}."
        lines.append(f"| `{measure.id}` | {_cell(what)} | {_cell(counted(measure))} | {measure.unit} |")
    return "\n".join(lines).rstrip() + "\n"


def _group(group: str) -> str:
    return GROUPS.get(group, group.capitalize())


def _section(kpi: Kpi) -> Iterator[str]:
    yield f"### {kpi.id}"
    yield ""
    yield f"**{kpi.title}.** {kpi.question}"
    yield ""
    facts = [
        f"Unit: {kpi.unit}", f"better: {_better(kpi)}", f"stage: {kpi.stage}", f"role: {kpi.role}",
        f"looked at: {kpi.cadence}", f"vanity: {kpi.vanity}",
    ]  # fmt: skip
    if kpi.small_sample and any(v.interval != "none" for v in kpi.variants):
        facts.append(f"small sample: under {kpi.small_sample}")
    yield f"- {', '.join(facts)}"
    if kpi.aliases:
        yield f"- Also called: {', '.join(kpi.aliases)}"
    if kpi.pair:
        yield f"- Read it beside [{kpi.pair}](#{kpi.pair.partition('.')[0]})"
    yield ""
    if len(kpi.variants) == 1:
        yield f"Formula: `{_written(kpi.variants[0])}` ({kpi.variants[0].basis})"
    else:
        yield "| Variant | Formula | Basis | Use it for |"
        yield "|---|---|---|---|"
        for variant in sorted(kpi.variants, key=lambda v: v.id != kpi.default):
            name = f"**{variant.id}**" if variant.id == kpi.default else variant.id
            unit = f" ({variant.unit})" if variant.unit != kpi.unit else ""
            yield f"| {name} | `{_cell(_written(variant))}`{unit} | {variant.basis} | {_cell(variant.use_when)} |"
    yield ""
    for pitfall in kpi.pitfalls:
        yield f"- {pitfall}"
    yield ""
    yield f"Source: {kpi.reference}"
    yield ""


def _better(kpi: Kpi) -> str:
    return {"up": "higher", "down": "lower", "band": "within a band", "context": "depends"}[kpi.better]


def _written(variant: Variant) -> str:
    return format_formula(variant.formula) if variant.formula is not None else f"needs {variant.needs}"


def counted(measure: Measure) -> str:
    """What a measure aggregates, by which clock, and under which condition, in words."""
    column = "" if measure.column is None else f" of {format_row_value(measure.column)}"
    what = {"count": "rows", "count_distinct": "different values"}.get(measure.aggregate, measure.aggregate)
    where = "" if measure.where is None else f", where {format_predicate(measure.where)}"
    return f"{what}{column} in {measure.table}, {clock(measure.clock)}{where}"


def clock(of: Clock) -> str:
    """How a clock places rows in time, in words."""
    match of:
        case At(at):
            return f"by {at}"
        case Alive(start, until):
            return f"alive from {start}" + (f" until {until}" if until else "")
        case Latest(at, per, within):
            return f"latest by {at} per {', '.join(per)}" + ("" if within == EVER else f", at most {within} old")
        case Reached(start, to, within, mature, outcome):
            limit = "ever" if within == EVER else f"within {within}"
            old = {None: "", "p95": "; entries older than 95 % of the completed steps took"}
            ripe = f"; entries older than {mature}" if isinstance(mature, Span) else old[mature]
            return f"from {start} to {to} {limit}{ripe}" + (f", as far as {outcome} is complete" if outcome else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(load_catalogue(CATALOGUE)), encoding="utf-8")
