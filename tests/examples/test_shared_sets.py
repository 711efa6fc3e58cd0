"""Public data sets against their published answers: own tables, sources and KPIs of a workspace, through `measure`."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from headwater import Workspace
from tests.connectors.test_presets import PRESETS, recognise

HERE = Path(__file__).parent
NOW = datetime(2021, 1, 15, 12, tzinfo=UTC)


def opened(name: str, shared_data: Path, folder: Path, sources: dict[str, Any] | None = None) -> Workspace:
    """A copy of the workspace with that name, loaded and built; `sources` are written into it first."""
    shutil.copytree(HERE / name, folder / name)
    (folder / name / "sources").mkdir(exist_ok=True)
    for id, content in (sources or {}).items():
        (folder / name / "sources" / f"{id}.yml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    workspace = Workspace(folder / name, now=NOW, environment={"HEADWATER_SHARED_DATA": str(shared_data)})
    workspace.refresh()
    return workspace


def golden_of(name: str, shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / name / "golden.json").read_text(encoding="utf-8"))
    return found


def one(workspace: Workspace, kpi: str, **question: Any) -> float | None:
    (found,) = workspace.measure(kpi, **question)
    return found.value


def by(workspace: Workspace, kpi: str, split: str) -> dict[str, float | None]:
    return {str(dict(o.segment)[split]): o.value for o in workspace.measure(kpi, by=[split])}


def exact(value: Any) -> Any:
    """Equal to the six places that the answers are given with."""
    return pytest.approx(value, rel=0, abs=5.1e-7)


def test_telephone_customers(shared_data: Path, tmp_path: Path) -> None:
    workspace, golden = opened("telco_churn", shared_data, tmp_path), golden_of("telco_churn", shared_data)
    named = {
        "customers": "telco_customers_count", "churned": "telco_churned", "churn_rate": "telco_churn_rate",
        "mrr_before": "telco_mrr", "mrr_lost": "telco_mrr_lost", "mrr_churn_rate": "telco_mrr_churn_rate",
        "arpa": "telco_arpa", "blank_TotalCharges": "telco_blank_charges", "total_charges": "telco_total_charges",
        "tenure_zero": "telco_tenure_zero", "mean_tenure": "telco_mean_tenure",
        "clv_simple_arpa_over_churn": "telco_clv",
    }  # fmt: skip
    assert {name: one(workspace, kpi) for name, kpi in named.items()} == {n: exact(golden[n]) for n in named}
    assert by(workspace, "telco_churn_rate", "contract") == exact(golden["churn_by_contract"])
    assert set(golden) - set(named) == {"churn_by_contract", "note"}


def test_touches_of_five_channels(shared_data: Path, tmp_path: Path) -> None:
    workspace = opened("touch_journeys", shared_data, tmp_path)
    golden = golden_of("touch_journeys", shared_data)["answers"]
    named = {
        "rows": "touch_count", "customers": "touch_customers", "conversions": "last_touch_conversions",
        "conversion_value": "last_touch_value", "customers_converted": "touch_customers_converted",
        "customer_conversion_rate": "touch_conversion_rate", "value_per_conversion": "touch_value_per_conversion",
    }  # fmt: skip
    assert {name: one(workspace, kpi) for name, kpi in named.items()} == {n: exact(golden[n]) for n in named}
    assert by(workspace, "touch_count", "channel") == golden["touches_by_channel"]
    assert by(workspace, "last_touch_conversions", "channel") == golden["last_touch"]["conversions"]
    assert by(workspace, "last_touch_value", "channel") == golden["last_touch"]["value"]


def test_weeks_of_spend(shared_data: Path, tmp_path: Path) -> None:
    workspace = opened("marketing_spend", shared_data, tmp_path)
    golden = golden_of("marketing_spend_weekly", shared_data)

    def cents(value: Any) -> Any:
        return pytest.approx(value, rel=0, abs=0.0051)

    assert one(workspace, "weeks_observed") == golden["weeks"]
    assert one(workspace, "weeks_with_event") == golden["weeks_with_event"]
    assert one(workspace, "weekly_revenue") == cents(golden["revenue"])
    names = {"tv_s": "tv", "ooh_s": "outdoor", "print_s": "print", "facebook_s": "facebook", "search_s": "search"}
    assert {n: one(workspace, f"week_spend_{ours}") for n, ours in names.items()} == cents(golden["spend"])
    assert one(workspace, "weekly_spend") == cents(golden["spend_total"])
    assert one(workspace, "weekly_romi") == exact(golden["romi_revenue_per_spend"])
    assert one(workspace, "weekly_cost_ratio") == exact(golden["marketing_to_revenue_ratio"])
    assert one(workspace, "facebook_cpm") == exact(golden["facebook_cpm"])
    assert one(workspace, "search_cpc") == exact(golden["search_cpc"])
    years = workspace.measure("weekly_spend", period="2015..2019", grain="year")
    assert {f"{o.period_start:%Y}": o.value for o in years} == cents(golden["spend_by_year"])


def dotted(schema: Any, before: str = "") -> list[str]:
    """The headers of a Parquet file as a reader gives them: parts of records by dotted names."""
    names = []
    for field in schema:
        inside = pa.types.is_struct(field.type)
        names += dotted(field.type, f"{before}{field.name}.") if inside else [before + field.name]
    return names


def test_sessions_of_a_nested_export(shared_data: Path, tmp_path: Path) -> None:
    """The source is what the preset proposes, as it stands."""
    file = shared_data / "ga_sessions_sample" / "ga_sample.parquet"
    best = recognise(dotted(pq.read_schema(file)), file.name, PRESETS)[0]
    assert (best.id, best.unknown, best.missing) == ("ga4.sessions", (), ())
    path = "${HEADWATER_SHARED_DATA}/ga_sessions_sample/ga_sample.parquet"
    sources = {"sessions": {"path": path, **best.source(), "tables": best.tables()}}
    workspace = opened("ga_sessions", shared_data, tmp_path, sources)
    golden = golden_of("ga_sessions_sample", shared_data)
    named = {
        "sessions": "website_visits", "users": "unique_visitors", "new_visits": "shop_first_visits",
        "bounce_rate": "bounce_rate", "pages_per_session": "pages_per_session", "transactions": "shop_orders",
        "revenue": "shop_sales", "session_conversion_rate": "shop_conversion_rate", "aov": "shop_aov",
        "avg_session_seconds_incl_zero": "shop_visit_seconds",
    }  # fmt: skip
    assert {name: one(workspace, kpi) for name, kpi in named.items()} == {n: exact(golden[n]) for n in named}
    (pages,) = workspace.measure("pages_per_session")
    assert pages.numerator == golden["pageviews"]
    (bounces,) = workspace.measure("bounce_rate")
    assert bounces.numerator == golden["bounces"]
    for name, kpi in (
        ("sessions", "website_visits"), ("bounce_rate", "bounce_rate"), ("transactions", "shop_orders"),
        ("revenue", "shop_sales"),
    ):  # fmt: skip
        found = {c: v or 0 for c, v in by(workspace, kpi, "channel").items()}
        assert found == exact({c: answers[name] for c, answers in golden["by_channel"].items()})
