"""The Olist workspace against published answers: every one that is a KPI, a split or an interval, through `measure`."""

import csv
import fcntl
import json
import math
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "olist"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, Any]:
    text = (shared_data / "olist_funnel" / "golden" / "golden_olist.json").read_text(encoding="utf-8")
    return {name: answer["value"] for name, answer in json.loads(text)["answers"].items()}


def opened(folder: Path, shared_data: Path, now: datetime = NOW) -> Workspace:
    return Workspace(folder, now=now, environment={"HEADWATER_SHARED_DATA": str(shared_data)})


def made_once(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str, *, now: datetime = NOW
) -> Workspace:
    """The example, loaded and built once for all workers of a run, for those who only ask."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder, ready = shared / "olist", shared / "olist.ready"
    with (shared / "olist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.copytree(EXAMPLE, folder)
            opened(folder, shared_data).refresh()
            ready.touch()
    return opened(folder, shared_data, now)


@pytest.fixture(scope="module")
def olist(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workspace:
    return made_once(shared_data, tmp_path_factory, worker_id)


def one(workspace: Workspace, kpi: str, **question: Any) -> float | None:
    """The one value of a question without splits."""
    (found,) = workspace.measure(kpi, **question)
    return found.value


def by(workspace: Workspace, kpi: str, split: str, field: str = "value", **question: Any) -> dict[str, Any]:
    """A field of each segment; an empty split value is '(missing)' as the golden answers call it."""
    answer = workspace.measure(kpi, by=[split], **question)
    return {dict(o.segment)[split] or "(missing)": getattr(o, field) for o in answer}


def monthly(workspace: Workspace, kpi: str, period: str, **question: Any) -> dict[str, float | None]:
    answer = workspace.measure(kpi, period=period, grain="month", **question)
    return {f"{o.period_start:%Y-%m}": o.value for o in answer}


def wilson(workspace: Workspace, kpi: str) -> list[float | None]:
    (found,) = workspace.measure(kpi)
    return [found.low, found.high]


def origins(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {
        dict(o.segment)["channel"] or "(missing)": {
            "mql": o.denominator, "won": o.numerator, "rate": o.value, "wilson95": [o.low, o.high],
        }
        for o in workspace.measure("mql_to_customer_rate", by=["channel"])
    }  # fmt: skip


def pages(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {
        str(dict(o.segment)["landing_page_id"]): {"mql": o.denominator, "won": o.numerator, "rate": o.value}
        for o in workspace.measure("mql_to_customer_rate", by=["landing_page_id"])
    }


SPAN = "2017-06-01..2018-05-31"
WON_SPAN = "2017-12-01..2018-11-30"
ANSWERS: dict[str, Callable[[Workspace], Any]] = {
    "mql_count": lambda w: one(w, "mqls"),
    "closed_deals": lambda w: one(w, "won_deals"),
    "deals_without_mql": lambda w: one(w, "deals_without_mql"),
    "mql_to_won_rate": lambda w: one(w, "mql_to_customer_rate"),
    "mql_to_won_rate_wilson95": lambda w: wilson(w, "mql_to_customer_rate"),
    "by_origin": origins,
    "mql_by_month": lambda w: monthly(w, "mqls", SPAN),
    "won_by_month": lambda w: monthly(w, "won_deals", WON_SPAN),
    "cohort_rate_by_month": lambda w: monthly(w, "mql_to_customer_rate", SPAN),
    "cycle_days_negative": lambda w: one(w, "bad_dates"),
    "cycle_days_mean_all": lambda w: one(w, "contact_to_won_days.cycle_days_mean_all"),
    "cycle_days_median_all": lambda w: one(w, "contact_to_won_days.cycle_days_median_all"),
    "cycle_days_mean_nonneg": lambda w: one(w, "contact_to_won_days"),
    "cycle_days_p90_nonneg": lambda w: one(w, "contact_to_won_days.p90"),
    "won_within_7d_share": lambda w: one(w, "won_within_7d"),
    "won_within_14d_share": lambda w: one(w, "won_within_14d"),
    "won_within_30d_share": lambda w: one(w, "won_within_30d"),
    "won_within_60d_share": lambda w: one(w, "won_within_60d"),
    "won_within_90d_share": lambda w: one(w, "won_within_90d"),
    "cycle_days_median_by_origin": lambda w: by(w, "contact_to_won_days.median", "lead_channel"),
    "won_by_lead_type": lambda w: by(w, "won_deals", "lead_type"),
    "won_by_business_type": lambda w: by(w, "won_deals", "business_type"),
    "won_by_segment_top10": lambda w: by(w, "won_deals", "segment"),
    "best_landing_pages_min100": pages,
    "sdr_count": lambda w: one(w, "sdr_count"),
    "sr_count": lambda w: one(w, "sr_count"),
    "same_person_sdr_and_sr": lambda w: one(w, "same_sdr_and_sr"),
    "landing_pages": lambda w: one(w, "landing_pages"),
    "declared_revenue_zero_share": lambda w: one(w, "revenue_undeclared_share"),
    "missing_origin": lambda w: by(w, "mqls", "channel")["(missing)"],
    "sample_orders": lambda w: one(w, "sample_orders"),
    "sample_items": lambda w: one(w, "sample_items"),
    "won_sellers_with_sale": lambda w: one(w, "won_sellers_with_sale"),
    "won_sellers_revenue": lambda w: one(w, "won_sellers_revenue"),
    "won_sellers_orders": lambda w: one(w, "won_sellers_orders"),
    "items_sold_before_won": lambda w: one(w, "items_sold_before_won"),
    "won_sellers_revenue_after_won": lambda w: one(w, "won_sellers_revenue_after_won"),
    "revenue_by_origin": lambda w: by(w, "won_sellers_revenue", "channel"),
    "revenue_per_mql_by_origin": lambda w: by(w, "revenue_per_mql", "channel"),
    "won_to_first_sale_days_median": lambda w: one(w, "won_to_first_sale_days"),
    "sample_gmv": lambda w: one(w, "sample_gmv"),
    "sample_aov": lambda w: one(w, "sample_aov"),
    "sample_freight": lambda w: one(w, "sample_freight"),
    "sample_payments": lambda w: one(w, "sample_payments"),
    "payments_vs_items_gap": lambda w: one(w, "payments_gap"),
    "delivery_days_mean": lambda w: one(w, "delivery_days"),
    "late_rate": lambda w: one(w, "late_rate"),
    "repeat_customer_rate": lambda w: one(w, "repeat_customer_rate"),
    "gmv_by_month_2018": lambda w: monthly(w, "sample_gmv", "2018-01-01..2018-08-31"),
}
"""Each published answer and the question that gives it. Of an answer with named parts, every part must be found in
what `measure` returned; segments the publication leaves out (below its top ten, say) are not compared."""

OTHERS = {
    "deals_per_sr_max": "a maximum over segments; checked below on the opportunities of each owner",
    "missing_share": "a profile of columns, not a KPI; checked below on the opportunities",
}
MONEY = {"won_sellers_revenue", "won_sellers_revenue_after_won", "revenue_by_origin", "sample_gmv", "sample_freight"}
MONEY |= {"sample_payments", "payments_vs_items_gap", "gmv_by_month_2018", "revenue_per_mql_by_origin"}


def agree(name: str, wanted: Any, found: Any, where: str = "") -> None:
    """Counts exactly, money to 0.01, rates and days to 1e-6; dictionaries and lists part by part."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            assert key in found, f"{name}{where}: {key!r} is missing"
            agree(name, value, found[key], f"{where}[{key}]")
    elif isinstance(wanted, list):
        for i, value in enumerate(wanted):
            agree(name, value, found[i], f"{where}[{i}]")
    elif isinstance(wanted, int):
        assert found == wanted, f"{name}{where}: {found} is not {wanted}"
    else:
        tolerance = 0.01 if name in MONEY else 1e-6
        close = found is not None and math.isclose(found, wanted, rel_tol=0, abs_tol=tolerance)
        assert close, f"{name}{where}: {found} is not {wanted}"


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_published_answer_comes_out(olist: Workspace, golden: dict[str, Any], name: str) -> None:
    agree(name, golden[name], ANSWERS[name](olist))


def test_every_published_answer_is_asked_or_named_with_a_reason(golden: dict[str, Any]) -> None:
    assert set(ANSWERS) | set(OTHERS) == set(golden)
    assert not set(ANSWERS) & set(OTHERS)
    assert len(ANSWERS) >= 36


def test_a_maximum_over_people_stands_in_the_segments(olist: Workspace, golden: dict[str, Any]) -> None:
    assert max(by(olist, "won_deals", "owner").values()) == golden["deals_per_sr_max"]


def test_empty_cells_are_kept_as_no_value(olist: Workspace, golden: dict[str, Any]) -> None:
    deals = one(olist, "won_deals")
    assert deals is not None
    splits = {"business_segment": "segment", "lead_type": "lead_type", "business_type": "business_type"}
    for published, split in splits.items():
        empty = by(olist, "won_deals", split)["(missing)"]
        assert math.isclose(empty / deals, golden["missing_share"][published], abs_tol=1e-6)


def test_the_matured_rate_says_how_it_was_made(olist: Workspace) -> None:
    (found,) = olist.measure("lead_to_customer_rate")
    assert (found.variant, found.basis) == ("cohort_matured", "cohort")
    assert (found.numerator, found.denominator, found.left_out) == (655, 6173, 1827)
    assert "mature after 210 days" in found.detail


def test_the_bad_date_is_left_out_and_counted(olist: Workspace) -> None:
    (found,) = olist.measure("contact_to_won_days")
    assert (found.left_out, found.subjects) == (1, 841)


# --- the same tables as other people exported them -------------------------------------------------------------------
def test_who_qualifies_is_told_from_the_files_alone(olist: Workspace, shared_data: Path) -> None:
    """Of the leads of 2018, by the second version of the example's criteria: counted in the two files, line by line."""
    folder = shared_data / "olist_funnel"
    with (folder / "olist_closed_deals_dataset.csv").open(encoding="utf-8", newline="") as file:
        won = {row["mql_id"]: datetime.fromisoformat(row["won_date"]) for row in csv.DictReader(file)}
    channels = ("organic_search", "paid_search", "direct_traffic")
    pages = ("b76ef37428e6799c421989521c0e5077", "22c29808c4f815213303f8933030604c")
    counts = dict.fromkeys(("leads", "won", "qualified", "both"), 0)
    with (folder / "olist_marketing_qualified_leads_dataset.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            came = datetime.fromisoformat(row["first_contact_date"])
            deal = won.get(row["mql_id"])
            if came.year != 2018 or (deal is not None and deal.date() <= came.date()):
                continue  # known to the day: a deal of that very day may have come before
            bought = deal is not None and (deal.date() - came.date()).days <= 90
            named = row["origin"] in channels and row["landing_page_id"] in pages
            for name, holds in zip(counts, (True, bought, named, bought and named), strict=True):
                counts[name] += holds
    told = olist.qualify(version="channel_and_page", period="2018")
    a_week = told.find("per_week", "channel_and_page")
    assert a_week is not None and a_week.denominator == pytest.approx(151 / 7)  # the leads end with May
    found = {v: told.find(v, "channel_and_page") for v in ("precision", "recall")}
    precision, recall, base = found["precision"], found["recall"], told.find("base_rate")
    assert precision is not None and recall is not None and base is not None
    assert (base.denominator, base.numerator) == (counts["leads"], counts["won"])
    assert (precision.denominator, precision.numerator) == (counts["qualified"], counts["both"])
    assert (recall.denominator, recall.numerator) == (counts["won"], counts["both"])


DIALECTS = "${HEADWATER_SHARED_DATA}/olist_funnel/dialects"
LEADS, DEALS = "olist_marketing_qualified_leads_dataset", "olist_closed_deals_dataset"


def dialect(folder: Path, shared_data: Path, leads: dict[str, str], deals: dict[str, str]) -> Workspace:
    """The example with the two top files replaced, text by text, in their source files."""
    shutil.copytree(EXAMPLE, folder)
    for name, changes in (("leads", leads), ("deals", deals)):
        path = folder / "sources" / f"{name}.yml"
        text = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    for name in ("items", "purchases", "payments", "customers"):
        (folder / "sources" / f"{name}.yml").unlink()
    return opened(folder, shared_data)


def dmy(declared: bool) -> tuple[dict[str, str], dict[str, str]]:
    path = "${HEADWATER_SHARED_DATA}/olist_funnel/"
    form = "\ndate_format: '%d-%m-%Y'" if declared else ""
    time_form = "\ndate_format: '%d-%m-%Y %H:%M'" if declared else ""
    return (
        {f'"{path}{LEADS}.csv"': f'"{DIALECTS}/mql_dmy_crlf.csv"{form}'},
        {f'"{path}{DEALS}.csv"': f'"{DIALECTS}/closed_deals_dmy_crlf.csv"{time_form}'},
    )


def test_day_first_dates_give_the_same_numbers_when_the_mapping_says_so(
    olist: Workspace, shared_data: Path, tmp_path: Path
) -> None:
    other = dialect(tmp_path / "w", shared_data, *dmy(declared=True))
    other.refresh()
    for kpi in ("mql_to_customer_rate", "lead_to_customer_rate", "contact_to_won_days", "won_deals"):
        assert one(other, kpi) == one(olist, kpi)
    assert origins(other) == origins(olist)
    assert monthly(other, "mqls", SPAN) == monthly(olist, "mqls", SPAN)


def test_labels_written_with_blanks_give_the_same_numbers_when_mapped(
    olist: Workspace, shared_data: Path, tmp_path: Path
) -> None:
    names = ("direct traffic", "organic search", "other publicities", "paid search")
    values = ", ".join(f'"{n}": {n.replace(" ", "_")}' for n in names)
    path = "${HEADWATER_SHARED_DATA}/olist_funnel/"
    leads = {
        f'"{path}{LEADS}.csv"': f'"{DIALECTS}/mql_relabelled.csv"',
        "channel: origin": f"channel: {{column: origin, values: {{{values}}}}}",
    }
    deals = {f'"{path}{DEALS}.csv"': f'"{DIALECTS}/closed_deals_relabelled.csv"'}
    other = dialect(tmp_path / "w", shared_data, leads, deals)
    other.refresh()
    assert origins(other) == origins(olist)


def test_month_first_dates_give_the_same_leads(olist: Workspace, shared_data: Path, tmp_path: Path) -> None:
    path = "${HEADWATER_SHARED_DATA}/olist_funnel/"
    leads = {
        f'"{path}{LEADS}.csv"': f"\"{DIALECTS}/mql_mdy_partial.csv\"\ndate_format: '%m/%d/%Y'",
        "      landing_page_id: landing_page_id\n": "",
    }
    other = dialect(tmp_path / "w", shared_data, leads, {})
    other.refresh()
    assert monthly(other, "mqls", SPAN) == monthly(olist, "mqls", SPAN)


def test_a_mapping_that_says_the_wrong_order_is_refused(shared_data: Path, tmp_path: Path) -> None:
    leads, deals = dmy(declared=True)
    wrong = {old: new.replace("%d-%m", "%m-%d") for old, new in leads.items()}
    other = dialect(tmp_path / "w", shared_data, wrong, deals)
    (refused,) = [f for f in other.load().files if f.source == "leads"]
    assert (refused.state, refused.loaded) == ("refused", 0)
    assert "first_contact_date" in refused.reason and "'%d-%m-%Y' reads every date" in refused.reason


def test_what_stages_lose_is_not_known_where_the_funnel_does_not_know_it(olist: Workspace) -> None:
    """The public data has one year, and nothing says what a deal is worth."""
    told = olist.funnel(period="2018")
    for o in olist.measure("stage_bottleneck_index", period="2018", by="stage"):
        gain = told.find("gain", str(dict(o.segment)["stage"]))
        assert gain is not None and gain.value is None and o.value is None
        assert "no source fills 'lead_journeys.won_amount'" in o.detail and "no twelve months in a row" in o.detail
    (way,) = (w for w in olist.kpi_coverage("bottleneck").ways if w.kpi == "stage_bottleneck_index")
    assert way.state == "waiting"
