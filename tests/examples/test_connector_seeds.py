"""Tables copied from vendors' interfaces: the presets' own mappings, with nothing added but what they ask."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater import Workspace
from headwater.api.reports import LoadedFile
from headwater.connectors.presets import Match, recognise, rivals
from tests.connectors.test_presets import PRESETS

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
SEEDS = "connector_seeds"


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / SEEDS / "golden.json").read_text(encoding="utf-8"))
    return found


def best(file: Path) -> Match | None:
    with file.open(encoding="utf-8-sig", newline="") as text:
        header = next(csv.reader(text))
    return next(iter(recognise(header, file.name, PRESETS)), None)


MEASURE = (
    "title: Deal amounts\ntable: opportunities\naggregate: sum\ncolumn: amount\nclock: {at: created_at}\nunit: money\n"
)
KPI = """\
title: Deal amounts
question: What are all deals worth?
formula: deal_amounts
unit: money
better: up
stage: opportunity
role: growth
basis: period
cadence: monthly
group: examples
vanity: low
pitfalls: [Open and lost deals count, too.]
reference: connector seeds
"""


@lru_cache
def template() -> Path:
    """A workspace without sources, its definitions parsed once for all of this module."""
    place = tempfile.TemporaryDirectory()
    PLACES.append(place)
    folder = Path(place.name) / "seeds"
    for name in ("sources", "measures", "kpis"):
        (folder / name).mkdir(parents=True)
    (folder / "measures" / "deal_amounts.yml").write_text(MEASURE, encoding="utf-8")
    (folder / "kpis" / "deal_amounts.yml").write_text(KPI, encoding="utf-8")
    (folder / "headwater.yml").write_text("currency: USD\ntime_zone: UTC\n", encoding="utf-8")
    Workspace(folder, now=NOW, environment={}).kpi_list()
    return folder


PLACES: list[tempfile.TemporaryDirectory[str]] = []


def workspace_of(folder: Path, shared_data: Path, **sources: dict[str, Any]) -> tuple[Workspace, dict[str, LoadedFile]]:
    """A workspace of these sources, loaded and built, and what was loaded of each."""
    shutil.copytree(template(), folder, dirs_exist_ok=True)
    for name, content in sources.items():
        (folder / "sources" / f"{name}.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    workspace = Workspace(folder, now=NOW, environment={"HEADWATER_SHARED_DATA": str(shared_data)})
    loaded = workspace.refresh().load
    return workspace, {file.source: file for file in loaded.files}


def proposed(shared_data: Path, path: str, shape: str) -> dict[str, Any]:
    """The source of one seed, as its preset proposes it."""
    match = best(shared_data / SEEDS / path)
    assert match is not None
    assert match.id == shape
    tables = match.tables()
    return {"path": f"${{HEADWATER_SHARED_DATA}}/{SEEDS}/{path}", **match.source(), "tables": tables}


def test_figures_of_ads_and_opportunities(shared_data: Path, golden: dict[str, Any], tmp_path: Path) -> None:
    opportunities = proposed(shared_data, "salesforce/sf_opportunity_data.csv", "salesforce.opportunity")
    del opportunities["tables"]["opportunities"]["deleted"]  # every row of this seed is marked as deleted
    history = proposed(shared_data, "hubspot/deal_property_history_data.csv", "hubspot.deal_property_history")
    names = golden["hubspot_deal_property_names"]
    history["tables"]["stage_entries"]["where"]["values"] = names[:1]  # which of the hashed names is the stage
    workspace, files = workspace_of(
        tmp_path,
        shared_data,
        google=proposed(shared_data, "ads/google_ads_campaign_stats_data.csv", "google_ads.campaign_stats"),
        linkedin=proposed(
            shared_data, "ads/linkedin_ad_analytics_by_campaign_data.csv", "linkedin_ads.analytics_by_campaign"
        ),
        microsoft=proposed(
            shared_data, "ads/microsoft_ads_campaign_performance_daily_report_data.csv", "microsoft_ads.campaign_report"
        ),
        opportunities=opportunities,
        leads=proposed(shared_data, "salesforce/sf_lead_data.csv", "salesforce.lead"),
        history=history,
    )
    cost = {dict(o.segment)["platform"]: o for o in workspace.measure("cpc", by=["platform"])}
    seen = {dict(o.segment)["platform"]: o for o in workspace.measure("ctr", by=["platform"])}
    assert {p: (o.numerator, o.denominator) for p, o in cost.items()} == {
        "google_ads": (golden["google_ads_cost"], golden["google_ads_clicks"]),
        "linkedin_ads": (golden["linkedin_cost_usd"], golden["linkedin_clicks"]),
        "microsoft_ads": (golden["microsoft_spend"], golden["microsoft_clicks"]),
    }
    assert {p: o.denominator for p, o in seen.items()} == {
        "google_ads": golden["google_ads_impressions"],
        "linkedin_ads": golden["linkedin_impressions"],
        "microsoft_ads": golden["microsoft_impressions"],
    }
    assert seen["google_ads"].value == pytest.approx(golden["google_ads_ctr"], abs=5e-7)
    (created,) = workspace.measure("opportunities_created")
    (won,) = workspace.measure("win_rate")
    assert (created.value, won.numerator) == (golden["salesforce_opportunities"], golden["salesforce_won"])
    (worth,) = workspace.measure("deal_amounts")
    assert worth.value == golden["salesforce_amount"]
    (leads,) = workspace.measure("leads")
    assert leads.value == golden["salesforce_leads"]
    rows = {"google": "google_ads_rows", "linkedin": "linkedin_rows", "microsoft": "microsoft_rows"}
    assert {name: files[name].loaded for name in rows} == {name: golden[answer] for name, answer in rows.items()}
    changes = files["history"]
    assert changes.quarantined == changes.collapsed == 0
    assert changes.loaded + dict(changes.skipped)["not_meant"] == golden["hubspot_deal_property_history_rows"]
    assert 0 < changes.loaded < golden["hubspot_deal_property_history_rows"]


def test_property_names_that_are_hashed_are_not_guessed(shared_data: Path, golden: dict[str, Any]) -> None:
    match = best(shared_data / SEEDS / "hubspot" / "deal_property_history_data.csv")
    assert match is not None
    assert match.tables()["stage_entries"]["where"]["values"] == ["dealstage"]
    assert not set(golden["hubspot_deal_property_names"]) & {"dealstage"}
    assert [a.column for a in match.shape.asks] == ["stage"]


def test_copies_for_warehouses_and_levels_of_one_figure_are_doubts(shared_data: Path) -> None:
    files = {f.name: m for f in sorted((shared_data / SEEDS).rglob("*.csv")) if (m := best(f)) is not None}
    groups = rivals(files)
    copies = ("company_data.csv", *(f"company_data_{w}.csv" for w in ("databricks", "postgres", "snowflake")))
    assert copies in groups
    (google,) = [g for g in groups if "google_ads_campaign_stats_data.csv" in g]
    assert set(google) == {
        f"google_ads_{n}_stats_data.csv" for n in ("account", "ad", "ad_group", "campaign", "keyword")
    }
    assert ("deal_property_history_data.csv", "deal_stage_data.csv") in groups
    assert ("sf_account_data.csv", "sf_account_history_data.csv") in groups
    assert not any("twitter" in name or "reddit" in name for name in files)


def test_ids_that_were_merged_lead_to_the_one_that_was_kept(tmp_path: Path) -> None:
    """Company 1 lists 11 and 12 as merged into it, in one cell; their deals are deals of company 1."""
    (tmp_path / "company.csv").write_text(
        "id,is_deleted,property_name,property_createdate,property_industry,property_hs_merged_object_ids\n"
        "1,false,Acme,2025-01-01 00:00:00,IT,11; 12\n2,false,Other,2025-01-01 00:00:00,Trade,\n",
        encoding="utf-8",
    )
    (tmp_path / "deals.csv").write_text(
        "Record ID,Deal Name,Deal Stage,Create Date,Associated Company IDs,Amount\n"
        "5,A,Closed Won,2025-02-01,11,1.5\n6,B,Closed Lost,2025-02-02,12,1.5\n7,C,Closed Won,2025-02-03,2,1.5\n"
        "8,D,Closed Won,2025-02-04,1,1.5\n",
        encoding="utf-8",
    )
    matches = {name: best(tmp_path / f"{name}.csv") for name in ("company", "deals")}
    sources = {n: {"path": f"{n}.csv", **m.source(), "tables": m.tables()} for n, m in matches.items() if m is not None}
    workspace, _ = workspace_of(tmp_path, tmp_path, **sources)
    found = workspace.measure("opportunities_created", by=["account_industry"])
    assert {dict(o.segment)["account_industry"]: o.value for o in found} == {"IT": 3, "Trade": 1}
    assert not workspace.check().failed


def test_states_of_a_history_are_versions_and_the_end_of_the_last_deletes(tmp_path: Path) -> None:
    """Deal 1 grew from 10 to 12 in February and is open; deal 2 was deleted in March and counts nowhere, as any record
    that its source deletes."""
    header = "_fivetran_start,_fivetran_end,id,stage_name,is_closed,is_won,close_date,amount,created_date,is_deleted\n"
    rows = (
        "2025-01-01 00:00:00,2025-02-09 23:59:59.999,1,Open,false,false,,10,2025-01-01 00:00:00,false\n"
        "2025-02-10 00:00:00,9999-12-31 23:59:59,1,Open,false,false,,12,2025-01-01 00:00:00,false\n"
        "2025-01-01 00:00:00,2025-03-09 23:59:59.999,2,Open,false,false,,5,2025-01-01 00:00:00,false\n"
    )
    (tmp_path / "history.csv").write_text(header + rows, encoding="utf-8")
    match = best(tmp_path / "history.csv")
    assert match is not None
    assert match.id == "salesforce.opportunity_history"
    source = {"path": "history.csv", **match.source(), "tables": match.tables(), "complete_through": "2025-04-30"}
    workspace, files = workspace_of(tmp_path, tmp_path, history=source)
    assert (files["history"].loaded, files["history"].data_rows) == (3, 3)
    found = workspace.measure("pipeline_value", period="2025-01..2025-04", grain="month")
    assert [o.value for o in found] == [10, 12, 12, 12]
