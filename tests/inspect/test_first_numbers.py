"""From a folder of exports to numbers with nothing but answers to what was asked: they equal the published ones."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.inspecting import Inspected
from headwater.api.questions import read_answers
from headwater.api.starting import begin
from headwater.demo.truth import COUNTS, MONEY
from tests.demo.conftest import NOW, Demo

ANSWERS = Path(__file__).parent / "answers"


def begun(folder: Path, exports: Path, answers: str) -> tuple[Workspace, Inspected]:
    """A workspace begun from a folder, with answers of which each was asked for and none is missing."""
    path, found = begin(folder, exports, read_answers(ANSWERS / answers))
    assert [d.id for d in found.doubts] == []
    assert found.unused == ()
    assert {p.state for p in found.proposals} <= {"ready", "left"}
    return Workspace(path, now=NOW), found


def segments(workspace: Workspace, kpi: str, split: str) -> dict[str, float | None]:
    return {dict(o.segment)[split] or "(missing)": o.value for o in workspace.measure(kpi, by=split)}


def copied(shared: Path, to: Path) -> Path:
    """A folder of the shared data as somebody's own."""
    shutil.copytree(shared, to, ignore=shutil.ignore_patterns("dialects", "golden*"))
    return to


def test_the_two_lists_of_olist_with_the_sample_of_orders(tmp_path: Path, shared_data: Path) -> None:
    exports = copied(shared_data / "olist_funnel", tmp_path / "exports")
    workspace, found = begun(tmp_path / "olist", exports, "olist.yml")
    assert {"leads", "mqls", "sales_volume", "lead_to_customer_rate"} <= set(found.outlook.kpis)
    assert "costs" in {m.table for m in found.outlook.missing}
    workspace.refresh()
    assert [o.kpi for k in found.outlook.kpis for o in workspace.measure(k, period="2018") if o.value is None] == []
    text = (shared_data / "olist_funnel" / "golden" / "golden_olist.json").read_text(encoding="utf-8")
    golden: dict[str, Any] = {k: a["value"] for k, a in json.loads(text)["answers"].items()}

    def one(kpi: str) -> float | None:
        (answer,) = workspace.measure(kpi)
        return answer.value

    assert one("mqls") == golden["mql_count"]
    assert one("sales_volume") == golden["closed_deals"]
    assert one("lead_to_customer_rate") == pytest.approx(golden["mql_to_won_rate"])
    assert segments(workspace, "mqls", "channel") == {k: v["mql"] for k, v in golden["by_origin"].items()}
    monthly = workspace.measure("mqls", period="2017-06..2018-05", grain="month")
    assert {f"{o.period_start:%Y-%m}": o.value for o in monthly} == golden["mql_by_month"]
    assert one("olist_orders_rows") == golden["sample_orders"]
    assert one("olist_order_items_rows") == golden["sample_items"]
    assert one("olist_order_items_price") == pytest.approx(golden["sample_gmv"])
    assert one("olist_order_items_freight_value") == pytest.approx(golden["sample_freight"])


@pytest.mark.verify
def test_the_tables_of_many_vendors(tmp_path: Path, shared_data: Path) -> None:
    exports = copied(shared_data / "connector_seeds", tmp_path / "exports")
    workspace, found = begun(tmp_path / "seeds", exports, "connector_seeds.yml")
    copies = [p.source for p in found.proposals if "copy" in str(p.answered) and p.state == "left"]
    assert [c for c in copies if c.startswith("company_data_")] == [
        "company_data_databricks", "company_data_postgres", "company_data_snowflake",
    ]  # fmt: skip
    workspace.refresh()
    golden = json.loads((shared_data / "connector_seeds" / "golden.json").read_text(encoding="utf-8"))
    clicks, shown = segments(workspace, "clicks", "platform"), segments(workspace, "impressions", "platform")
    cost = segments(workspace, "cpc", "platform")
    for platform, name, spend in (
        ("google_ads", "google_ads", "google_ads_cost"),
        ("linkedin_ads", "linkedin", "linkedin_cost_usd"),
        ("microsoft_ads", "microsoft", "microsoft_spend"),
    ):
        assert clicks[platform] == golden[f"{name}_clicks"]
        assert shown[platform] == golden[f"{name}_impressions"]
        assert (cost[platform] or 0) * golden[f"{name}_clicks"] == pytest.approx(golden[spend], abs=0.01)
    (won,) = workspace.measure("win_rate")
    assert won.numerator == golden["salesforce_won"]
    (leads,) = workspace.measure("leads")
    assert leads.value == golden["salesforce_leads"]


@pytest.mark.verify
def test_the_exports_of_the_demo(demo: Demo, tmp_path: Path) -> None:
    workspace, found = begun(tmp_path / "tallyport", demo.workspace.path / "exports", "demo.yml")
    assert len(found.outlook.kpis) > 0.85 * found.outlook.of  # the exports leave gaps, which are named
    assert {m.place for m in found.outlook.missing} >= {"ad_days.eligible_impressions", "surveys.in_market"}
    workspace.refresh()
    months = demo.truth["months"]
    for name in COUNTS | MONEY:
        whole = demo.truth["series"][name]["all"]
        gone = demo.truth["unrecoverable"]["effect"].get(name, {}).get("all", [0] * len(whole))
        wanted = [Decimal(str(v)) - Decimal(str(g)) for v, g in zip(whole, gone, strict=True)]
        period = f"{months[0]}..{months[-1]}"
        got = workspace.measure(demo.truth["kpis"][name], period=period, grain="month")
        values = {f"{o.period_start:%Y-%m}": Decimal(repr(o.value or 0.0)) for o in got}
        off = Decimal("0.0101") if name in MONEY else Decimal(0)
        assert [m for m, w in zip(months, wanted, strict=True) if abs(values.get(m, Decimal(0)) - w) > off] == []
