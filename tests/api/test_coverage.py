"""What can be computed, and the few KPIs to begin with: told as the answers themselves are."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.coverage import phase_of
from headwater.api.folder import SHIPPED
from headwater.errors import DefinitionError, QueryError
from headwater.metrics.starter import load_starter
from headwater.model.starter import Phase, Starter
from tests.shipped import shipped
from tests.world import fresh, world

NOW = datetime(2025, 7, 1, tzinfo=UTC)
LEADS = [{"lead_id": f"L{i}", "created_at": f"2025-0{1 + i % 5}-0{1 + i % 9}", "channel": "email"} for i in range(13)]
DEALS = [
    {"opportunity_id": f"D{i}", "account_id": f"A{i}", "created_at": "2025-02-01", "closed_at": "2025-03-01",
     "status": "won" if i < 6 else "lost", "amount": "100", "stage": "closed"}
    for i in range(8)
]  # fmt: skip
COSTS = [{"cost_id": "C", "day": "2025-01-05", "kind": "media", "function": "marketing", "amount": "60"}]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return world(tmp_path_factory.mktemp("company"), {"leads": LEADS, "opportunities": DEALS, "costs": COSTS}, now=NOW)


def test_states_are_those_of_the_answers(company: Workspace) -> None:
    told = company.kpi_coverage()
    states = {w.name: w for w in told.ways}
    for (name, way), found in zip(states.items(), company.measure(*states, period="2025"), strict=True):
        unfed = "no source f" in found.detail or ("the table" in found.detail and "is empty" in found.detail)
        state = "needs" if "needs" in found.quality else "waiting" if found.value is None and unfed else "ready"
        assert way.state == state, (name, way, found.detail)
    assert {states["leads"].state, states["cost_per_lead"].state, states["win_rate"].state} == {"ready"}
    assert states["website_visits"].lacks == ("web_sessions",)
    assert len(told.kpis) == len({w.kpi for w in told.ways}) == len(company.kpi_list())


def test_what_most_wait_for_comes_first_with_its_exports(company: Workspace) -> None:
    missing = company.kpi_coverage().missing
    assert [len(m.kpis) for m in missing] == sorted((len(m.kpis) for m in missing), reverse=True)
    ads = next(m for m in missing if m.place == "ad_days")
    assert "cpc" in ads.kpis
    assert any(e.startswith("Google Ads") for e in ads.exports)


def test_words_choose_among_the_kpis(company: Workspace) -> None:
    told = company.kpi_coverage("lead growth")
    assert [w.kpi for w in told.kpis] == ["lead_growth_rate"]
    assert told.missing == ()
    assert json.loads(told.to_json())["ready"] == 1


# --- the set to begin with --------------------------------------------------------------------------------------------
def test_a_phase_by_its_numbers(company: Workspace) -> None:
    start = company.kpi_coverage().start
    numbers = dict(start.numbers)
    assert (numbers["leads"], numbers["sales_volume"], numbers["website_visits"]) == (13, 6, None)
    assert str(start.through) == "2025-05-05"  # the last lead
    assert start.phase == "pipeline"  # six deals were won, and eight begun
    gaps = {w.name: w.why for w in start.kpis if w.state != "ready"}
    assert {w.kpi for w in start.kpis if w.state == "ready"} >= {"leads", "win_rate"}
    assert all(gaps.values())
    assert len(start.kpis) == 7


def test_before_the_first_build_the_source_files_are_asked(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "w").path
    empty = Workspace(folder, now=NOW).kpi_coverage()
    assert (empty.data, empty.of("ready"), empty.start.phase) == ("", (), "no_traffic")
    assert [w.state for w in empty.start.kpis] == ["waiting"] * 7
    assert "nothing is built yet" in empty.to_text()

    source = "path: leads.csv\ntables:\n  leads:\n    columns: {lead_id: id, created_at: made}\n"
    (folder / "sources" / "leads.yml").write_text(source)
    mapped = Workspace(folder, now=NOW).kpi_coverage()
    assert "leads" in {w.kpi for w in mapped.of("ready")}


@pytest.mark.parametrize(
    ("numbers", "phase"),
    [({}, "a"), ({"x": None}, "a"), ({"x": 9}, "a"), ({"x": 10}, "b"), ({"y": 5}, "b"), ({"x": 10, "y": 50}, "c")],
)
def test_a_phase_ends_when_one_of_its_numbers_is_reached(numbers: dict[str, float | None], phase: str) -> None:
    a, b = Phase("a", "A", (("x", 10), ("y", 5)), (("k",),)), Phase("b", "B", (("y", 50),), (("k",),))
    assert phase_of(Starter(12, (a, b, Phase("c", "C", (), (("k",),)))), numbers).id == phase


def test_every_shipped_phase_has_seven_slots_of_both_roles() -> None:
    catalogue = shipped()
    for phase in load_starter(SHIPPED, Path("nowhere"), catalogue).phases:
        first = [catalogue.kpis[slot[0].partition(".")[0]] for slot in phase.slots]
        assert len(first) == 7
        assert {k.role for k in first} >= {"growth", "efficiency"}


def test_an_own_file_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    company = fresh(tmp_path / "w")
    (company.path / "starter.yml").write_text("phases: {only: {title: Only, slots: [[leads], [cpc, mqls]]}}")
    start = company.kpi_coverage().start
    assert [w.name for w in start.kpis] == ["leads", "cpc"]  # neither can be computed: the first is the gap
    (company.path / "starter.yml").write_text(
        "phases: {a: {title: A, slots: [[lead]]}, b: {title: B, until: {leads: 1}, slots: [[leads], [leads]]}}"
    )
    with pytest.raises(DefinitionError) as refused:
        company.kpi_coverage()
    assert [f.what.split(" ")[0] for f in refused.value.faults] == ["every", "no", "the", "'leads'"]


# --- what is steered by ---------------------------------------------------------------------------------------------
def test_a_goal_that_counts_inquiries_without_leads_is_warned_of(company: Workspace, tmp_path: Path) -> None:
    assert company.kpi_coverage(kgi="inquiries").warnings == ()  # leads are fed
    other = fresh(tmp_path / "other")
    (warning,) = other.kpi_coverage(kgi="inquiries").warnings
    assert "no KPI of leads is fed" in warning
    assert other.kpi_coverage(kgi="total_sales_revenue").warnings == ()
    with pytest.raises(QueryError, match="no KPI is called 'inquiry'"):
        company.kpi_coverage(kgi="inquiry")
