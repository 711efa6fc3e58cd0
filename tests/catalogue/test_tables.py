"""The canonical tables: they load, hold what every KPI is counted from, keep their own rules and are documented."""

import runpy
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.build.run import in_order
from headwater.files.read import read
from headwater.metrics.catalogue import load_catalogue
from headwater.model.table import Lookup, Table

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SHIPPED = REPOSITORY / "src" / "headwater" / "catalogue"
INPUTS = Path(__file__).with_name("inputs.yml")

ANALYSES = {
    "account_mean",  # the mean of a score by company first, then over companies
    "attribution",  # credit of a win shared over the touches before it
    "bottleneck",  # where in the funnel most value is lost
    "contribution",  # what a stage loses when a component is left out
    "cycle_weights",  # cost laid on the periods in which the won deals began
    "incrementality",  # what an effort brought, by a comparison group
    "lifetime_value",  # expected value of a customer under a model
    "stalls",  # open records older in their stage than most of the won ones
    "survival",  # time to an event where some have not had it yet
    "validity",  # whether a KPI moves with what it is meant to lead to
}
DECISIONS = {"benchmarks", "reviews", "targets"}

UNUSED = {
    "calendar": "periods are read from it by every KPI",
    "campaigns": "gives other tables their channel, program and objective",
    "exchange_rates": "converts the money of every KPI",
    "visitors": "tells visits when their visitor became a lead",
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Table]:
    """The shipped tables, loaded without the measures and KPIs that stand on them."""
    alone = tmp_path_factory.mktemp("catalogue")
    for folder in ("measures", "kpis"):
        (alone / folder).mkdir()
    shutil.copytree(SHIPPED / "tables", alone / "tables")
    return load_catalogue(alone).tables


@pytest.fixture(scope="module")
def inputs() -> Mapping[str, list[Any]]:
    document, faults = read(INPUTS)
    assert faults == ()
    assert document is not None
    return document.content


def named(inputs: Mapping[str, list[Any]]) -> Iterator[tuple[str, str, str]]:
    """(KPI, kind, name): kind is `column`, `analysis` or `decision`."""
    for kpi, needs in inputs.items():
        for need in needs:
            if isinstance(need, dict):
                yield from ((kpi, str(kind), str(name)) for kind, name in need.items())
            else:
                yield kpi, "column", str(need)


def columns_called(tables: Mapping[str, Table]) -> set[str]:
    return {f"{t.id}.{c.id}" for t in tables.values() for c in (*t.columns, *t.columns_is)}


# --- what KPIs need --------------------------------------------------------------------------------------------------
def test_every_kpi_finds_the_columns_it_is_counted_from(
    tables: Mapping[str, Table], inputs: Mapping[str, list[Any]]
) -> None:
    known = {"column": columns_called(tables), "analysis": ANALYSES, "decision": DECISIONS}
    assert [(kpi, kind, name) for kpi, kind, name in named(inputs) if name not in known.get(kind, set())] == []


def test_every_kpi_needs_something_and_every_variant_has_its_kpi(inputs: Mapping[str, list[Any]]) -> None:
    assert [kpi for kpi, needs in inputs.items() if not needs] == []
    assert [kpi for kpi in inputs if kpi.partition(".")[0] not in inputs] == []


def test_every_analysis_is_needed(inputs: Mapping[str, list[Any]]) -> None:
    assert ANALYSES - {name for _, kind, name in named(inputs) if kind == "analysis"} == set()


def test_every_table_is_used_or_says_why_not(tables: Mapping[str, Table], inputs: Mapping[str, list[Any]]) -> None:
    used = {name.partition(".")[0] for _, kind, name in named(inputs) if kind == "column"}
    assert set(tables) - used == set(UNUSED)


def test_the_inputs_name_exactly_the_kpis_of_the_research(shared_data: Path, inputs: Mapping[str, list[Any]]) -> None:
    research = shared_data.parent / "research" / "kpi-catalogue.yaml"
    if not research.is_file():
        pytest.skip(f"needs the KPI research: {research} is not a file")
    content = yaml.safe_load(research.read_text(encoding="utf-8"))
    entries = content["kpis"] if "kpis" in content else content["entries"]
    wanted = {k["id"] for k in entries}
    wanted |= {f"{k['id']}.{v['id']}" for k in entries for v in k.get("variants") or ()}
    assert (wanted - set(inputs), set(inputs) - wanted) == (set(), set())


# --- rules of the tables ---------------------------------------------------------------------------------------------
def test_every_table_can_be_built_after_those_it_is_derived_from(tables: Mapping[str, Table]) -> None:
    assert {t.id for t in in_order(tables)} == set(tables)


def test_every_column_says_what_it_is(tables: Mapping[str, Table]) -> None:
    assert [f"{t.id}.{c.id}" for t in tables.values() for c in t.columns if not c.about.endswith(".")] == []
    assert [t.id for t in tables.values() if not (t.title and t.about and t.grain.startswith("one row per "))] == []


def test_keys_are_complete_and_lasting(tables: Mapping[str, Table]) -> None:
    loose = []
    for table in tables.values():
        for name in table.key:
            column = table.column(name)
            assert column is not None
            if not ((column.required or column.optional) and column.fixed and column.derive is None):
                loose.append(f"{table.id}.{name}")
    assert loose == []


def test_rows_lie_by_a_date_that_every_row_has_and_keeps(tables: Mapping[str, Table]) -> None:
    loose = []
    for table in tables.values():
        column = table.column(table.partition)
        if table.partition != "bucket" and not (column and column.required and column.fixed):
            loose.append(f"{table.id}.{table.partition}")
    assert loose == []


def test_entities_keep_versions_and_facts_do_not(tables: Mapping[str, Table]) -> None:
    versioned = {t.id for t in tables.values() if t.versions}
    assert versioned == {"accounts", "campaigns", "contacts", "leads", "opportunities"}
    assert [name for name in versioned if tables[name].partition != "bucket"] == ["leads"]


def test_a_lookup_as_of_a_date_finds_versions(tables: Mapping[str, Table]) -> None:
    lookups = [c.derive for t in tables.values() for c in t.columns if isinstance(c.derive, Lookup)]
    assert [x for x in lookups if x.as_of and not tables[x.table].versions] == []


PERSONAL = {"name", "email", "phone", "comment", "note", "text", "visitor_id", "person_id", "job_title"}


def test_names_addresses_and_free_text_are_personal_and_no_split(tables: Mapping[str, Table]) -> None:
    plain = [
        f"{t.id}.{c.id}"
        for t in tables.values()
        for c in t.columns
        if c.id in PERSONAL and not c.personal and f"{t.id}.{c.id}" != "campaigns.name"
    ]
    assert plain == []
    for table in tables.values():
        reached = [(table, name) for name in table.splits_was]
        reached += [(tables[s.table], s.column) for s in table.splits_is]
        for of, name in reached:
            column = of.column(name)
            assert column is not None
            assert not column.personal, f"{table.id} is split by {of.id}.{name}"


ACCOUNT_SPLITS = {
    "account_industry": "industry",
    "account_size": "size_class",
    "account_segment": "segment",
    "account_country": "country",
}
OF_THE_ACCOUNT_ITSELF = {"accounts", "account_journeys"}


def test_whatever_has_an_account_is_split_by_the_same_traits_of_it(tables: Mapping[str, Table]) -> None:
    for table in tables.values():
        column = table.column("account_id")
        if column is None or table.id in OF_THE_ACCOUNT_ITSELF:
            continue
        links = {s.id: (s.table, s.by, s.column) for s in table.splits_is}
        for name, trait in ACCOUNT_SPLITS.items():
            assert links.get(name) == ("accounts", "account_id", trait), f"{table.id} by {name}"


def test_a_split_as_is_means_the_same_everywhere(tables: Mapping[str, Table]) -> None:
    meanings: dict[str, set[tuple[str, str]]] = {}
    for table in tables.values():
        for split in table.splits_is:
            meanings.setdefault(split.id, set()).add((split.table, split.column))
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


def test_a_journey_has_the_splits_of_its_rows(tables: Mapping[str, Table]) -> None:
    """What is split by the lead's or the opportunity's own columns in one table is so in the other."""
    for journey in ("lead_journeys", "opportunity_journeys"):
        base = tables[tables[journey].rows_from]
        assert set(tables[journey].splits_was) <= set(base.splits_was)


# --- documentation ---------------------------------------------------------------------------------------------------
def test_the_page_of_tables_is_what_the_files_say(tables: Mapping[str, Table]) -> None:
    generator = runpy.run_path(str(REPOSITORY / "docs" / "generate_tables.py"))
    written = (REPOSITORY / "docs" / "tables.md").read_text(encoding="utf-8")
    assert written == generator["page"](tables.values()), "run: python docs/generate_tables.py"
