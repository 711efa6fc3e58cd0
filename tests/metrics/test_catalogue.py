"""Definition files to catalogue values: what they become, and every fault with its file, line and key."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.errors import DefinitionError, Fault
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.definitions import definition
from headwater.metrics.encoding import decode, encode
from headwater.model.catalogue import Catalogue
from headwater.model.expression import And, Binary, Call, Choose, ColumnName, Compare, Constant, Elapsed, Name
from headwater.model.kpi import BASE
from headwater.model.measure import Alive, At, Reached, Span
from headwater.model.table import Bucket, LinkedColumn, LinkedSplit, Lookup, Pick, Reference, Since
from headwater.model.types import ONE, TIME, Unit
from tests.metrics.small_files import FILES, write


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return load_catalogue(write(tmp_path_factory.mktemp("small"), FILES))


def faults_of(shipped: Path, workspace: Path | None = None) -> tuple[Fault, ...]:
    with pytest.raises(DefinitionError) as raised:
        load_catalogue(shipped, workspace)
    return raised.value.faults


# --- values ----------------------------------------------------------------------------------------------------------
def test_a_table(small: Catalogue) -> None:
    leads = small.tables["leads"]
    assert (leads.title, leads.subject, leads.key, leads.event) == ("Leads", "lead", ("lead_id",), "created_at")
    assert (leads.partition, leads.versions, leads.own, leads.path) == (
        "bucket",
        True,
        False,
        "catalogue/tables/leads.yml",
    )
    assert leads.splits == ("channel", "country", "account_size")
    assert leads.splits_is == (LinkedSplit("account_size", "accounts", "account_id", "size"),)
    assert leads.columns_is == (LinkedColumn("known_at", TIME, "accounts", "account_id", "created_at", "created_at"),)
    derived = {c.id: c.derive for c in leads.columns if c.derive}
    paid = And(
        (
            Compare("=", ColumnName("status"), Constant("paid")),
            Compare(">=", ColumnName("ordered_on"), Constant(date(2020, 1, 1))),
        )
    )
    by = (("account_id", "account_id"),)
    assert derived == {
        "industry": Lookup("accounts", "account_id", "industry", "created_at"),
        "ordered_on": Pick("first", "orders", by, "ordered_on", "ordered_on", paid, after="created_at"),
        "orders": Pick("count", "orders", by),
        "wait_days": Since("created_at", "ordered_on", "days"),
    }
    size = small.tables["accounts"].column("size")
    assert size is not None and size.derive == Bucket("employees", (10, 50), ("small", "middle", "large"))


def test_measures(small: Catalogue) -> None:
    m = small.measures
    assert m["leads"].clock == At("created_at")
    assert (m["leads"].empty, m["leads"].column, m["leads"].splits) == (0, None, None)
    assert m["open_leads"].clock == Alive("created_at", "closed_at")
    assert m["lead_to_order"].clock == Reached("created_at", "ordered_on", Span(90, "day"), "p95", "orders")
    paid = Compare("=", ColumnName("status"), Constant("paid"))
    assert m["revenue"].column == Choose(paid, ColumnName("amount"), Constant(0))
    assert m["revenue"].splits == ("status",)
    assert m["wait"].column == Elapsed("days", ColumnName("created_at"), ColumnName("ordered_on"))
    assert (m["wait"].quantile, m["wait"].empty, m["wait"].unit) == (0.9, None, Unit.of(day=1))


def test_kpis(small: Catalogue) -> None:
    rate = small.kpis["order_rate"]
    cohort, survival = rate.variants
    assert rate.variant() == cohort
    assert cohort.formula == Binary("/", Name("lead_to_order"), Call("entered", Name("lead_to_order")))
    assert (cohort.basis, cohort.interval, cohort.unit) == ("cohort", "proportion", ONE)
    assert (survival.formula, survival.needs) == (None, "the analysis 'survival'")
    assert rate.example is not None
    assert dict(rate.example.tables)["leads"][0] == {"lead_id": 1, "created_at": "2025-01-01", "channel": "ads"}
    expected = {"period": "2025-01-01", "channel": "ads", "value": 0.5, "quality": ["small_sample"]}
    assert rate.example.ask == ({"period": "2025", "by": ["channel"], "expect": [expected]},)
    (base,) = small.kpis["revenue_per_lead"].variants
    assert (base.id, base.text, base.basis) == (BASE, "revenue / leads", "period")
    assert small.kpis["revenue_per_lead"].unit == Unit.parse("money/lead")


def test_values_are_read_only(small: Catalogue) -> None:
    with pytest.raises(TypeError):
        small.kpis["x"] = small.kpis["order_rate"]  # type: ignore[index]


# --- own tables, columns, measures and KPIs --------------------------------------------------------------------------
OWN = {
    "tables/leads_extra.yml": """\
extend: leads
columns:
  tier: {type: integer}
  partner: {type: text, personal: true}
  score: {type: number, unit: score}
  size_then: {type: text, derive: {lookup: {table: accounts, by: account_id, column: size}}}
splits:
  is: {account_industry: {table: accounts, by: account_id, column: industry}}
""",
    "tables/visits.yml": """\
title: Visits
grain: one row per visit
subject: visit
key: [visit_id]
event: day
columns:
  visit_id: {type: id}
  day: {type: day}
""",
    "measures/visits.yml": "table: visits\naggregate: count\nclock: {at: day}\nunit: visit\n",
    "kpis/visits_per_lead.yml": "formula: visits / leads\nunit: visit/lead\n",
}


def test_a_workspace_adds_columns_tables_measures_and_kpis(tmp_path: Path) -> None:
    made = load_catalogue(write(tmp_path / "shipped", FILES), write(tmp_path / "own", OWN))
    leads = made.tables["leads"]
    assert leads.splits == ("channel", "country", "tier", "size_then", "account_size", "account_industry")
    assert [c.id for c in leads.columns][-4:] == ["tier", "partner", "score", "size_then"]
    assert not leads.own
    assert made.tables["visits"].own
    assert made.tables["visits"].path == "tables/visits.yml"
    assert made.kpis["visits_per_lead"].own
    assert made.kpis["visits_per_lead"].title == "visits_per_lead"
    assert made.measures["visits"].path == "measures/visits.yml"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("tables/leads.yml", FILES["tables/leads.yml"], "a table 'leads' is shipped already"),
        ("measures/leads.yml", FILES["measures/leads.yml"], "a measure 'leads' is shipped already"),
        ("kpis/twice.yml", FILES["kpis/twice.yml"], "a KPI 'twice' is shipped already"),
        ("tables/x.yml", "extend: lead\ncolumns: {tier: {type: integer}}\n", "no table is called 'lead'"),
        ("tables/x.yml", "extend: leads\ncolumns: {channel: {type: text}}\n", "has a column 'channel' already"),
        (
            "tables/x.yml",
            "extend: leads\ncolumns: {a: {type: text}}\n"
            "splits: {is: {account_size: {table: accounts, by: account_id, column: size}}}\n",
            "has a split 'account_size' already",
        ),
        ("tables/x.yml", "extend: leads\ntitle: More\ncolumns: {a: {type: text}}\n", "no key is called 'title'"),
        ("kpis/Rate.yml", "formula: leads\nunit: lead\n", "the file name 'Rate' is not an id"),
        ("kpis/rate__x.yml", "formula: leads\nunit: lead\n", "the file name 'rate__x' is not an id"),
        ("kpis/rate.yaml", "formula: leads\nunit: lead\n", "its name does not end in '.yml'"),
    ],
)
def test_what_a_workspace_may_not_do(tmp_path: Path, name: str, text: str, what: str) -> None:
    faults = faults_of(write(tmp_path / "shipped", FILES), write(tmp_path / "own", {name: text}))
    assert [f.path for f in faults] == [name]
    assert what in faults[0].what


# --- faults ----------------------------------------------------------------------------------------------------------
def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert FILES[name].count(old) == 1, f"{old!r} in {name}"
    return {**FILES, name: FILES[name].replace(old, new)}


T, M, K = "tables/leads.yml", "measures/lead_to_order.yml", "kpis/order_rate.yml"
ACCOUNTS, ORDERS, REVENUE, WAIT = (
    "tables/accounts.yml",
    "tables/orders.yml",
    "measures/revenue.yml",
    "measures/wait.yml",
)

CASES = yaml.safe_load((Path(__file__).parent / "faults.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['file']}: {c['with'][:40]!r}")
def test_a_fault_is_told_with_its_line(tmp_path: Path, case: dict[str, Any]) -> None:
    faults = faults_of(write(tmp_path, changed(case["file"], case["replace"], case["with"])))
    here = [f for f in faults if f.path == f"catalogue/{case['file']}"]
    told = [f for f in here if (f.line, f.key) == (case["line"], case["key"]) and case["says"] in f.what]
    assert told, "\n".join(str(f) for f in faults)
    assert case.get("offers", "") in told[0].do


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    files = {**FILES, **changed(T, "event: created_at", "event: creatd_at")}
    files |= {M: "table: leads\nagregate: count\nclock: {at: created_at}\nunit: lead\n", K: "title: [\n"}
    faults = faults_of(write(tmp_path, files))
    assert [(f.path, f.line) for f in faults] == [
        ("catalogue/kpis/order_rate.yml", 2),
        ("catalogue/measures/lead_to_order.yml", 1),
        ("catalogue/measures/lead_to_order.yml", 2),
        ("catalogue/tables/leads.yml", 5),
    ]


def test_every_fault_of_what_an_id_refers_to_is_told_at_once(tmp_path: Path) -> None:
    wrong = changed(T, "refers: accounts", "refers: {by: orders, to: {a: acounts, b: leads, c: ordrs}}")
    told = [(f.line, f.key) for f in faults_of(write(tmp_path, wrong)) if f.path == f"catalogue/{T}"]
    assert told == [(9, f"columns.account_id.refers.{key}") for key in ("by", "to.a", "to.c")]


def test_an_id_refers_to_tables_by_the_value_of_another_column(tmp_path: Path) -> None:
    folder = write(tmp_path, changed(T, "refers: accounts", "refers: {by: channel, to: {a: accounts, o: orders}}"))
    column = load_catalogue(folder).tables["leads"].column("account_id")
    assert column is not None
    assert column.references == (Reference("accounts", "channel", "a"), Reference("orders", "channel", "o"))
    assert decode(encode(column)) == column


def test_what_refers_to_a_broken_file_is_not_blamed(tmp_path: Path) -> None:
    for name in FILES:
        (fault,) = faults_of(write(tmp_path / name.replace("/", "-"), {**FILES, name: "title: x\nnonsense\n"}))
        assert fault.path == f"catalogue/{name}"


def test_versions_are_needed_for_a_value_as_of_a_date(tmp_path: Path) -> None:
    (fault,) = [
        f
        for f in faults_of(write(tmp_path, changed(ACCOUNTS, "versions: true", "versions: false")))
        if f.path == f"catalogue/{T}"
    ]
    assert (fault.line, fault.key) == (14, "columns.industry.derive.lookup.as_of")
    assert fault.what == "the table 'accounts' keeps no versions, so its values at a date are not known."


def test_a_circle_of_kpis_is_shown(tmp_path: Path) -> None:
    files = {
        **FILES,
        "kpis/a.yml": "formula: b * 2\nunit: lead\n",
        "kpis/b.yml": "formula: c.y + leads\nunit: lead\n",
        "kpis/c.yml": "unit: lead\ndefault: x\nvariants:\n  x: {formula: leads}\n  y: {formula: a + c.x}\n",
    }
    (fault,) = faults_of(write(tmp_path, files))
    assert (fault.path, fault.line) == ("catalogue/kpis/a.yml", 1)
    assert fault.what == "the KPI is made of itself: a -> b -> c.y -> a"


def test_variants_of_one_kpi_may_use_each_other(tmp_path: Path) -> None:
    files = {"kpis/c.yml": "unit: lead\ndefault: x\nvariants:\n  x: {formula: c.y * 2}\n  y: {formula: leads}\n"}
    assert load_catalogue(write(tmp_path, {**FILES, **files})).kpis["c"].variants[0].text == "c.y * 2"


def test_a_circle_of_tables_is_shown(tmp_path: Path) -> None:
    rule = "{first: {table: leads, by: {account_id: account_id}, column: industry}}"
    files = changed(ACCOUNTS, "industry: {type: text}", f"industry: {{type: text, derive: {rule}}}")
    (fault,) = faults_of(write(tmp_path, files))
    assert fault.what == "the tables are derived from each other in a circle: accounts -> leads -> accounts."
    assert (fault.path, fault.line, fault.key) == ("catalogue/tables/accounts.yml", 10, "columns.industry.derive")


def test_a_circle_of_columns_is_shown(tmp_path: Path) -> None:
    files = changed(T, "        after: created_at\n", "        until: closed_at\n")
    lookup = "{lookup: {table: accounts, by: industry, column: created_at, as_of: ordered_on}}"
    files[T] = files[T].replace("closed_at: {type: time}", f"closed_at: {{type: time, derive: {lookup}}}")
    (fault,) = faults_of(write(tmp_path, files))
    assert fault.what == "the column is made of itself: closed_at -> ordered_on -> closed_at"
    assert (fault.path, fault.line, fault.key) == ("catalogue/tables/leads.yml", 11, "columns.closed_at.derive")


def test_a_variant_may_have_its_own_unit(tmp_path: Path) -> None:
    text = "unit: lead\ndefault: n\nvariants:\n  n: {formula: leads}\n  value: {formula: revenue, unit: money}\n"
    files = {"kpis/c.yml": text}
    kpi = load_catalogue(write(tmp_path, {**FILES, **files})).kpis["c"]
    assert [str(v.unit) for v in kpi.variants] == ["lead", "money"]


def test_a_measure_wins_over_a_kpi_of_the_same_name(tmp_path: Path) -> None:
    files = {"kpis/leads.yml": "formula: leads\nunit: lead\n"}
    assert load_catalogue(write(tmp_path, {**FILES, **files})).kpis["leads"].variants[0].formula == Name("leads")


# --- versions of definitions -----------------------------------------------------------------------------------------
def hashes(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    return {n: k.hash for n, k in load_catalogue(write(tmp_path, files)).kpis.items()}


@pytest.mark.parametrize(
    ("name", "old", "new", "touched"),
    [
        ("kpis/revenue_per_lead.yml", "better: up", "better: down", {"revenue_per_lead", "twice"}),
        (REVENUE, "clock: {at: ordered_on}\n", "clock: {at: ordered_on}\nempty: null\n", {"revenue_per_lead", "twice"}),
        ("measures/wait.yml", "0.9", "0.8", set()),
        (ACCOUNTS, "edges: [10, 50]", "edges: [10, 60]", {"order_rate", "revenue_per_lead", "twice", "lead_growth"}),
        (ORDERS, "[paid, open]", "[paid, open, late]", {"order_rate", "revenue_per_lead", "twice", "lead_growth"}),
        (T, "title: Leads", "# a comment\ntitle: Leads", set()),
        ("measures/leads.yml", "title: Leads", "title: \"Leads\"", set()),
        # meaning
        ("kpis/revenue_per_lead.yml", "revenue / leads", "revenue / 2 / leads", {"revenue_per_lead", "twice"}),
        ("kpis/order_rate.yml", "interval: proportion", "interval: none", {"order_rate"}),
        ("kpis/order_rate.yml", "cadence: monthly", "cadence: monthly\nsmall_sample: 9", {"order_rate"}),
        ("measures/lead_to_order.yml", "!= 'import'", "= 'import'", {"order_rate"}),
        ("measures/lead_to_order.yml", "within: 90 days", "within: 91 days", {"order_rate"}),
        ("kpis/order_rate.yml", "default: cohort", "default: survival", {"order_rate"}),
        # words, display, shelves
        ("kpis/order_rate.yml", "title: Order rate", "title: Rate of orders", set()),
        ("kpis/order_rate.yml", "[close rate]", "[closing rate]", set()),
        ("kpis/order_rate.yml", "Which share of leads orders?", "How many leads order?", set()),
        ("kpis/order_rate.yml", "have had no time to order", "are young", set()),
        ("kpis/order_rate.yml", "2025-01-01, channel: ads}", "2025-01-03, channel: ads}", set()),
        ("kpis/order_rate.yml", "reference: ours", "reference: theirs", set()),
        ("kpis/order_rate.yml", "use_when: always", "use_when: often", set()),
        ("kpis/order_rate.yml", "show: percent", "show: number", set()),
        ("kpis/order_rate.yml", "group: conversion", "group: sales", set()),
        ("kpis/order_rate.yml", "vanity: low", "vanity: high", set()),
        ("kpis/revenue_per_lead.yml", "revenue / leads", "revenue  /  leads", set()),
        ("measures/leads.yml", "title: Leads", "title: People\nabout: Whoever met us.", set()),
        (T, "grain: one row per lead", "grain: a row for each lead", set()),
        (T, "created_at: {type: time}", "created_at: {type: time, about: The first day.}", set()),
    ],
)  # fmt: skip
def test_a_kpi_s_hash_follows_what_it_depends_on(
    tmp_path: Path, name: str, old: str, new: str, touched: set[str]
) -> None:
    before, after = hashes(tmp_path / "a", dict(FILES)), hashes(tmp_path / "b", changed(name, old, new))
    assert {n for n in before if before[n] != after[n]} == touched


def test_a_hash_is_of_the_definition_s_text(small: Catalogue) -> None:
    for name, kpi in small.kpis.items():
        assert hashlib.sha256(definition(small, name).encode()).hexdigest() == kpi.hash
    assert '"measures":{"leads":' in definition(small, "lead_growth")
    assert '"revenue"' not in definition(small, "lead_growth")


def test_a_definition_is_the_same_wherever_it_lies(tmp_path: Path, small: Catalogue) -> None:
    own = {n: t for n, t in FILES.items() if n.startswith("kpis/")}
    rest = {n: t for n, t in FILES.items() if not n.startswith("kpis/")}
    moved = load_catalogue(write(tmp_path / "shipped", rest), write(tmp_path / "own", own))
    assert moved.hash == small.hash
    assert {n: k.hash for n, k in moved.kpis.items()} == {n: k.hash for n, k in small.kpis.items()}
    assert moved.kpis["twice"] == replace(small.kpis["twice"], path="kpis/twice.yml", own=True)


def test_the_catalogue_s_hash_covers_all_of_it(tmp_path: Path, small: Catalogue) -> None:
    assert load_catalogue(write(tmp_path / "a", changed(WAIT, "0.9", "0.8"))).hash != small.hash
    assert load_catalogue(write(tmp_path / "b", changed(WAIT, "title: Wait", "title: Waiting"))).hash != small.hash
    assert len(small.hash) == 64
