"""The shipped KPIs: their ids, what they exercise, what their files owe a reader, and the page made from them."""

import os
import re
import runpy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.files.read import read
from headwater.metrics.formula import expand, needs
from headwater.metrics.lint import lint
from headwater.model.expression import Binary, Call, Formula
from headwater.model.kpi import Kpi, Variant
from headwater.model.measure import Alive, Latest, Measure, Reached
from headwater.model.period import Calendar
from tests.catalogue.test_tables import ANALYSES
from tests.shipped import shipped

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CATALOGUE = shipped()
GENERATOR = runpy.run_path(str(REPOSITORY / "docs" / "generate_kpis.py"))
KPIS = sorted(CATALOGUE.kpis.values(), key=lambda k: k.id)
TIMES = {"day", "hour", "minute", "second"}
LEAST = {"ratio": 14, "cohort ratio": 6, "stock": 5, "growth": 3, "duration": 4, "across tables": 5, "plain": 12}


def answered() -> Iterator[tuple[Kpi, Variant, Formula, list[Measure]]]:
    """Every variant with a formula, and the measures it is made of."""
    for kpi in KPIS:
        for variant in kpi.variants:
            if variant.formula is not None:
                formula = expand(CATALOGUE, variant.formula, kpi.id)
                yield kpi, variant, formula, [CATALOGUE.measures[n.measure] for n in needs(formula)]


def kinds() -> dict[str, set[str]]:
    """KPIs by what they exercise."""
    found: dict[str, set[str]] = {name: set() for name in LEAST}
    for kpi, variant, formula, measures in answered():
        quotient = isinstance(formula, Binary) and formula.operator == "/"
        if quotient:
            found["ratio"].add(kpi.id)
        if quotient and any(isinstance(m.clock, Reached) for m in measures):
            found["cohort ratio"].add(kpi.id)
        at_end = all(isinstance(m.clock, Alive | Latest) for m in measures)
        if at_end and not quotient and not isinstance(formula, Call):
            found["stock"].add(kpi.id)
        if isinstance(formula, Call) and formula.function == "growth":
            found["growth"].add(kpi.id)
        if {name for name, _ in variant.unit.powers} & TIMES:
            found["duration"].add(kpi.id)
        if len({m.table for m in measures}) > 1:
            found["across tables"].add(kpi.id)
        if len(measures) == 1 and not isinstance(formula, Call | Binary):
            found["plain"].add(kpi.id)
    return found


def test_the_catalogue_exercises_everything() -> None:
    found = kinds()
    assert {name: len(found[name]) >= n for name, n in LEAST.items()} == dict.fromkeys(LEAST, True)
    assert len(KPIS) >= 28
    clocks = {type(m.clock).__name__ for m in CATALOGUE.measures.values()}
    assert clocks == {"At", "Alive", "Latest", "Reached"}


def test_ids_are_those_of_the_list_of_kpis() -> None:
    document, faults = read(REPOSITORY / "tests" / "catalogue" / "inputs.yml")
    assert faults == ()
    assert document is not None
    listed = set(document.content)
    unnamed = {k.id for k in KPIS} - listed
    assert unnamed == set()
    named = {f"{k.id}.{v.id}" for k in KPIS for v in k.variants if v.id != "base"}
    assert named - listed == set()


def test_ids_are_those_of_the_research() -> None:
    folder = os.environ.get("HEADWATER_SHARED_DATA")
    path = (Path(folder).parent if folder else REPOSITORY.parent / "shared") / "research" / "kpi-catalogue.yaml"
    if not path.is_file():
        return  # the list beside these tests says the same
    entries = {e["id"]: e for e in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["kpis"]}
    assert {k.id for k in KPIS} <= set(entries)
    for kpi in KPIS:
        variants = {v["id"] for v in entries[kpi.id].get("variants", ())} | {"base"}
        assert {v.id for v in kpi.variants} <= variants, kpi.id
        default = entries[kpi.id].get("default_variant", "base")
        assert kpi.default == default, kpi.id
        term = entries[kpi.id].get("seed_term_zh")
        assert not term or any("\u4e00" <= c <= "\u9fff" for alias in kpi.aliases for c in alias), kpi.id


def test_what_waits_is_what_columns_alone_do_not_give() -> None:
    """A variant without a formula is one whose inputs name an analysis or a decision, or whose KPI's inputs do."""
    document, _ = read(REPOSITORY / "tests" / "catalogue" / "inputs.yml")
    assert document is not None
    beyond = {name for name, inputs in document.content.items() if any(isinstance(i, dict) for i in inputs)}
    waiting = {k.id if v.id == "base" else f"{k.id}.{v.id}" for k in KPIS for v in k.variants if not v.answers}
    assert waiting - beyond - BEYOND_COLUMNS == set()
    goals = {n for n, inputs in document.content.items() if {"decision": "targets"} in inputs}
    assert {n for n in waiting if KPI_NEEDS[n] == "a goal"} == waiting & goals


KPI_NEEDS = {k.id if v.id == "base" else f"{k.id}.{v.id}": v.needs for k in KPIS for v in k.variants}
BEYOND_COLUMNS = {
    "cac.lagged",  # the lag is the median sales cycle of the company itself
    "ltv_cac",  # made of the customer lifetime value
    "roi.net_clv",
    "roi.pct_clv",
}


def test_lint_is_silent() -> None:
    assert [str(f) for f in lint(CATALOGUE)] == []


@pytest.mark.parametrize("kpi", KPIS, ids=lambda k: k.id)
def test_a_file_says_what_a_reader_needs(kpi: Kpi) -> None:
    assert kpi.question.endswith("?")
    assert kpi.aliases
    assert len(kpi.pitfalls) >= 2
    assert len(kpi.reference) > 20
    assert kpi.group
    assert all(v.use_when for v in kpi.variants) or len(kpi.variants) == 1
    for variant in kpi.variants:
        assert variant.answers or set(re.findall(r"'(\w+)'", variant.needs)) <= ANALYSES
    words = " ".join((kpi.title, kpi.question, kpi.reference, *kpi.pitfalls))
    assert "!" not in words


def dates(cells: dict[str, Any]) -> Iterator[date]:
    """The days in a row of an example."""
    for value in cells.values():
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", value):
            yield date.fromisoformat(value[:10])


@pytest.mark.parametrize("kpi", [k for k in KPIS if k.example is not None], ids=lambda k: k.id)
def test_an_example_tells_right_from_wrong(kpi: Kpi) -> None:
    """At least five rows, an empty cell, a day outside every period asked, and each variant with a formula asked."""
    assert kpi.example is not None
    rows = [row for _, rows in kpi.example.tables for row in rows]
    assert len(rows) >= 5
    assert any(value is None for row in rows for value in row.values())
    periods = [Calendar().parse(str(ask["period"]), date(2000, 1, 1)) for ask in kpi.example.ask]
    days = [day for row in rows for day in dates(row)]
    assert any(all(day not in period for period in periods) for day in days)
    asked = {str(ask.get("kpi", kpi.id)).partition(".")[2] or kpi.default for ask in kpi.example.ask}
    assert {v.id for v in kpi.variants if v.answers} <= asked


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The page of each KPI, made now."""
    made: dict[str, str] = GENERATOR["pages"](CATALOGUE)
    return made


def test_the_pages_of_kpis_are_what_the_files_say(pages: dict[str, str]) -> None:
    do = "run: python docs/generate_kpis.py"
    assert (REPOSITORY / "docs" / "kpis.md").read_text(encoding="utf-8") == GENERATOR["page"](CATALOGUE), do
    written = {p.stem: p.read_text(encoding="utf-8") for p in (REPOSITORY / "docs" / "kpis").glob("*.md")}
    assert sorted(written) == sorted(CATALOGUE.kpis), do
    assert [name for name in pages if pages[name] != written[name]] == [], do


@pytest.mark.parametrize("kpi", KPIS, ids=lambda k: k.id)
def test_a_page_has_the_example_the_pitfalls_and_what_to_deliver(kpi: Kpi) -> None:
    text = (REPOSITORY / "docs" / "kpis" / f"{kpi.id}.md").read_text(encoding="utf-8")
    parts = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    assert [line for line in parts["Pitfalls"].splitlines() if line.startswith("- ")] == [
        f"- {p}" for p in kpi.pitfalls
    ]
    assert all(f" {v.id}\n" in text for v in kpi.variants) or len(kpi.variants) == 1
    told = parts["Worked example"]
    if kpi.example is None:
        assert all(v.needs in told for v in kpi.variants)
        assert "None yet: it needs " in told
    else:
        assert all(f"**{table}**" in told for table, _ in kpi.example.tables)
        assert told.count("\n|") >= sum(len(rows) for _, rows in kpi.example.tables) + len(kpi.example.ask)
    for variant in kpi.variants:
        assert (f"It needs {variant.needs}, and" in text) is (not variant.answers)
        assert (f"    {variant.text}\n" in text) is variant.answers
    if any(v.answers for v in kpi.variants):
        assert (
            "| a file of your own |" in parts["What has to be delivered"] or ": " in parts["What has to be delivered"]
        )


def test_the_example_of_a_page_says_what_the_file_says_behind_its_rows() -> None:
    text = (REPOSITORY / "docs" / "kpis" / "cac.md").read_text(encoding="utf-8")
    assert "| 3 | 2025-03-21 | people | sales | expansion | 800 | more for customers we have |" in text
    assert "| `same_period`, 2025-Q1 |  | 750 (small sample) | 1500 / 2 | (600 + 900) / 2 |" in text


def test_formulas_are_told_in_words(pages: dict[str, str]) -> None:
    assert "In words: \u201cSpend on winning new customers\u201d divided by \u201cNew customers\u201d." in pages["cac"]
    assert "In words: the growth of \u201cLeads\u201d against the period before." in pages["lead_growth_rate"]
    start = "\u201cMonthly recurring revenue\u201d at the start of the last 12 months"
    assert f"divided by {start}." in pages["grr"]
