"""Writes docs/kpis.md and a page for every KPI in docs/kpis/, from the KPIs' files: python docs/generate_kpis.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from headwater.api.computable import suppliers
from headwater.api.kpis import BETTER, KpiPage, kpi_show
from headwater.connectors.presets import load_presets
from headwater.files.read import Document, read
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.definitions import names_in
from headwater.metrics.formula import find
from headwater.metrics.language import format_formula
from headwater.metrics.wording import measure_text
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import BASE, Kpi, Variant
from headwater.model.measure import Measure
from headwater.model.preset import Preset
from headwater.model.table import Lookup, Pick, Since

REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAM = REPOSITORY / "src" / "headwater"
CATALOGUE = PROGRAM / "catalogue"
INDEX = REPOSITORY / "docs" / "kpis.md"
PAGES = REPOSITORY / "docs" / "kpis"
MOST_EXPORTS = 4

INTRODUCTION = """\
# KPIs

Every KPI, each with a page of its own: its formula as written and in words, its variants, the columns it reads and the
exports that supply them, a worked example and its pitfalls. This page and those are made from the files in
`src/headwater/catalogue/kpis/` by `docs/generate_kpis.py`; do not edit them.

- A **variant** is one way to compute a KPI; the first one named is used when none is asked for. A variant that needs an
  analysis or a goal gives no number until there is one, and says so.
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
INTERVALS = {
    "proportion": "of a share, by Wilson",
    "mean": "of a mean, by Student",
    "quantile": "of a quantile, from the order of the values",
    "count": "of a count, exact by Poisson",
}


def page(catalogue: Catalogue) -> str:
    """The index: every KPI by group with a link to its page, then the measures they are made of."""
    by_group: dict[str, list[Kpi]] = {}
    for kpi in sorted(catalogue.kpis.values(), key=lambda k: k.id):
        by_group.setdefault(kpi.group, []).append(kpi)
    groups = [*(g for g in GROUPS if g in by_group), *sorted(set(by_group) - set(GROUPS))]
    lines = [INTRODUCTION]
    for group in groups:
        lines += [f"## {GROUPS.get(group, group.capitalize())}", "", "| KPI | Question | Unit | Variants |"]
        lines += ["|---|---|---|---|", *(_row(k) for k in by_group[group]), ""]
    lines += ["## Measures", "", "What formulas are made of: one aggregate over one table.", ""]
    lines += _measures(sorted(catalogue.measures.values(), key=lambda m: m.id))
    return "\n".join(lines).rstrip() + "\n"


def _row(kpi: Kpi) -> str:
    name = f"[{kpi.id}](kpis/{kpi.id}.md)"
    variants = ", ".join(v.id for v in _ordered(kpi) if v.id != BASE)
    return f"| {name} | **{_cell(kpi.title)}.** {_cell(kpi.question)} | {kpi.unit} | {variants} |"


def _ordered(kpi: Kpi) -> list[Variant]:
    """The variants, the one that is used when none is asked for first."""
    return sorted(kpi.variants, key=lambda v: v.id != kpi.default)


def pages(catalogue: Catalogue, roots: Iterable[Path] = (PROGRAM,)) -> dict[str, str]:
    """The page of each KPI by id. `roots` are the folders under which the KPIs' files lie."""
    presets, folders, found = load_presets(catalogue.tables), tuple(roots), {}
    for name, kpi in catalogue.kpis.items():
        path = next(r / kpi.path for r in folders if (r / kpi.path).is_file())
        document, _ = read(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        found[name] = "\n".join(_page(catalogue, kpi_show(catalogue, name), presets, document, lines)) + "\n"
    return found


def _page(
    catalogue: Catalogue, page: KpiPage, presets: Mapping[str, Preset], document: Document | None, lines: list[str]
) -> Iterator[str]:
    kpi = page.kpi
    yield f"# {kpi.title}"
    yield ""
    yield f"`{kpi.id}`: {kpi.question} ([all KPIs](../kpis.md))"
    yield ""
    yield from _facts(catalogue, page)
    yield "## Formula" if len(kpi.variants) == 1 else "## Variants"
    yield ""
    for variant in _ordered(kpi):
        yield from _variant(catalogue, page, variant)
    if page.measures:
        yield "## Measures"
        yield ""
        yield from _measures(page.measures)
        yield ""
        yield "## What has to be delivered"
        yield ""
        yield "| Table | Columns | Exports that supply them |"
        yield "|---|---|---|"
        for table, columns in page.inputs:
            told = ", ".join(_column(catalogue, table, c) for c in columns) or "its rows"
            yield f"| [{table}](../tables.md#{table}) | {told} | {_exports(table, columns, presets)} |"
        yield ""
    yield "## Worked example"
    yield ""
    yield from _example(kpi, document, lines)
    yield "## Pitfalls"
    yield ""
    yield from (f"- {p}" for p in kpi.pitfalls)
    yield ""
    yield "## Where it comes from"
    yield ""
    yield f"{kpi.reference}"
    yield ""
    yield f"Made from `{kpi.path}` by `docs/generate_kpis.py`. `headwater measure {kpi.id}` computes it from your data,"
    yield f"`headwater trace {kpi.id}` shows how."


def _facts(catalogue: Catalogue, page: KpiPage) -> Iterator[str]:
    kpi = page.kpi
    small = any(v.interval != "none" for v in kpi.variants)
    facts = (
        ("Also called", ", ".join(kpi.aliases)),
        ("Unit", f"{kpi.unit}, shown as {kpi.show}"),
        ("Better", BETTER.get(kpi.better, kpi.better)),
        ("Stage", kpi.stage),
        ("Role", kpi.role),
        ("Looked at", kpi.cadence),
        ("Vanity", kpi.vanity),
        ("Small sample", f"under {kpi.small_sample}" if small else ""),
        ("Tolerance", "" if kpi.tolerance is None else f"{kpi.tolerance:g}"),
        ("Read it beside", _link(catalogue, kpi.pair)),
        ("Split by", ", ".join(page.splits)),
    )
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {label} | {_cell(text)} |" for label, text in facts if text)
    yield ""


def _link(catalogue: Catalogue, name: str) -> str:
    if not name:
        return ""
    kpi, variant = find(catalogue, name)
    title = kpi.title if variant.id == kpi.default else f"{kpi.title}, {variant.id}"
    return f"[{title}]({kpi.id}.md)"


def _variant(catalogue: Catalogue, page: KpiPage, variant: Variant) -> Iterator[str]:
    kpi = page.kpi
    if len(kpi.variants) > 1:
        yield f"### {variant.id}"
        yield ""
        if variant.id == kpi.default:
            yield "Used when no variant is asked for."
            yield ""
    if variant.analysis:
        yield f"    {variant.text}"
        yield ""
        own = f" It can be split by {', '.join(variant.splits)}." if variant.splits else ""
        yield f"The analysis `{variant.analysis}` answers it.{own}"
        yield ""
    elif variant.formula is None:
        yield f"It needs {variant.needs}, and gives no number until there is one."
        yield ""
    else:
        yield f"    {format_formula(variant.formula)}"
        yield ""
        yield f"In words: {page.words[variant.id]}."
        yield ""
    names = () if variant.formula is None else dict.fromkeys(names_in(variant.formula))
    inner = [n for n in names if n not in catalogue.measures]
    facts = (
        ("Basis", variant.basis),
        ("Unit", "" if variant.unit == kpi.unit else str(variant.unit)),
        ("Use it for", variant.use_when.removeprefix("default").removeprefix(": ")),
        ("Interval", INTERVALS.get(variant.interval, "")),
        ("Made of", ", ".join(_link(catalogue, n) for n in inner)),
    )
    yield from (f"- {label}: {text}" for label, text in facts if text)
    yield ""


def _measures(measures: Iterable[Measure]) -> Iterator[str]:
    yield "| Measure | What it is | Counted | Unit |"
    yield "|---|---|---|---|"
    for measure in measures:
        what = f"{measure.title}. {measure.about}" if measure.about else f"{measure.title}."
        yield f"| `{measure.id}` | {_cell(what)} | {_cell(measure_text(measure))} | {measure.unit} |"


# --- what has to be delivered ----------------------------------------------------------------------------------------
def _column(catalogue: Catalogue, table: str, name: str) -> str:
    """A column, and of what it is made where a source does not map it."""
    column = catalogue.tables[table].column(name)
    match column.derive if column is not None else None:
        case Lookup(of) | Pick(_, of):
            return f"`{name}` (or from {of})"
        case Since(start, end):
            return f"`{name}` (or from {start} and {end})"
        case None:
            return f"`{name}`"
        case _:
            return f"`{name}` (or by the rules)"


def _exports(table: str, columns: tuple[str, ...], presets: Mapping[str, Preset]) -> str:
    names, whole = suppliers(table, columns, presets)
    if not names:
        return "a file of your own"
    more = f"; and {len(names) - MOST_EXPORTS} more" if len(names) > MOST_EXPORTS else ""
    return _cell("; ".join(names[:MOST_EXPORTS]) + more + ("" if whole else " (not all of them)"))


# --- the worked example ----------------------------------------------------------------------------------------------
def _example(kpi: Kpi, document: Document | None, lines: list[str]) -> Iterator[str]:
    if kpi.example is None:
        needs = ", ".join(dict.fromkeys(v.needs for v in kpi.variants if v.needs))
        yield f"None yet: it needs {needs}."
        yield ""
        return
    if kpi.example.about:
        yield kpi.example.about
        yield ""
    for table, rows in kpi.example.tables:
        heads = list(dict.fromkeys(name for row in rows for name in row))
        remarks = [_remark(document, lines, ("example", "tables", table, i)) for i in range(len(rows))]
        noted = any(remarks)
        yield f"**{table}**"
        yield ""
        yield _line([*heads, *([""] if noted else [])])
        yield _line(["---"] * (len(heads) + noted))
        for row, remark in zip(rows, remarks, strict=True):
            yield _line([*(_value(row.get(h)) for h in heads), *([remark] if noted else [])])
        yield ""
    yield "The answers:"
    yield ""
    yield _line(["asked", "of", "answer", "from", "because"])
    yield _line(["---"] * 5)
    for i, asked in enumerate(kpi.example.ask):
        expect = asked.get("expect")
        question = _asked(kpi, asked)
        for j, expected in enumerate(expect if isinstance(expect, list | tuple) else ()):
            remark = _remark(document, lines, ("example", "ask", i, "expect", j))
            yield _line([question if j == 0 else "", *_answer(dict(expected)), remark])
    yield ""


def _asked(kpi: Kpi, asked: Mapping[str, object]) -> str:
    """A question of an example: the variant, where there are several, and what is said of the rest."""
    variant = str(asked.get("kpi", "")).partition(".")[2] or kpi.default
    parts = [] if len(kpi.variants) == 1 else [f"`{variant}`"]
    parts.append(_value(asked.get("period")) or "all data")
    words = (("grain", "by {}"), ("by", "by {}"), ("filter", "where {}"), ("as_of", "as of {}"))
    parts += [word.format(_value(asked[key])) for key, word in words if asked.get(key)]
    return ", ".join(parts)


def _answer(expected: dict[str, object]) -> tuple[str, str, str]:
    """Of what, the value with what is said about it, and the two sides it is made of."""
    value = _value(expected.pop("value", None)) or "none"
    quality = _value(expected.pop("quality", None))
    top, bottom = (_value(expected.pop(n, None)) for n in ("numerator", "denominator"))
    sides = f"{top} / {bottom}" if bottom else top
    counted = [
        f"{n.replace('_', ' ')} {_value(expected.pop(n))}"
        for n in ("subjects", "left_out", "low", "high")
        if n in expected
    ]
    of = ", ".join(_value(v) for v in expected.values())
    return (
        of,
        value + (f" ({quality.replace('_', ' ')})" if quality else ""),
        "; ".join(p for p in (sides, *counted) if p),
    )


def _remark(document: Document | None, lines: list[str], key: tuple[str | int, ...]) -> str:
    """What the file says behind a row of its example."""
    if document is None or key not in document.lines:
        return ""
    found = re.search(r"\s#\s+(.*)$", lines[document.lines[key] - 1])
    return found[1].strip() if found else ""


def _value(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6f}".rstrip("0").rstrip(".")
        case list() | tuple():
            return ", ".join(_value(v) for v in value)
        case _:
            return str(value)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(c) for c in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def write(catalogue: Catalogue) -> None:
    """The index and the pages, and no page of a KPI that is gone."""
    INDEX.write_text(page(catalogue), encoding="utf-8")
    PAGES.mkdir(exist_ok=True)
    written = pages(catalogue)
    for old in PAGES.glob("*.md"):
        if old.stem not in written:
            old.unlink()
    for name, text in written.items():
        (PAGES / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(load_catalogue(CATALOGUE))
