"""What cannot be reckoned yet is answered as a value with its reason, by every verb, also where a KPI is made of it."""

from datetime import date
from pathlib import Path

import pytest

from headwater.api.computable import outlook
from headwater.api.folder import SHIPPED
from headwater.api.workspace import Workspace
from headwater.metrics.catalogue import load_catalogue
from tests.world import world

LEADS = [
    {"lead_id": "a", "created_at": "2025-01-03", "channel": "x"},
    {"lead_id": "b", "created_at": "2025-01-09", "channel": "y"},
]
WAITING = "needs: the analysis 'survival'\nunit: day\n"
MADE_OF_IT = "formula: 2 * waiting / leads\nunit: day/lead\n"
SAID = "needs the analysis 'survival'"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    files = {"kpis/waiting.yml": WAITING, "kpis/made_of_it.yml": MADE_OF_IT}
    return world(tmp_path, {"leads": LEADS}, files=files, through=date(2025, 12, 31))


def test_a_kpi_made_of_one_that_waits_waits_too_and_says_for_what(workspace: Workspace) -> None:
    found = workspace.measure("waiting", "made_of_it", "leads", period="2025-01")
    assert [(o.kpi, o.value, o.quality, o.detail) for o in found] == [
        ("waiting", None, ("needs",), SAID),
        ("made_of_it", None, ("needs",), f"{SAID} (for 'waiting')"),
        ("leads", 2, (), ""),
    ]


def test_asked_by_a_split_it_answers_once_a_period_and_others_are_answered_beside_it(workspace: Workspace) -> None:
    found = workspace.measure("made_of_it", "leads", period="2025-01-01..2025-02-28", grain="month", by="channel")
    assert [(o.kpi, o.period_start, o.segment, o.quality) for o in found if o.kpi == "made_of_it"] == [
        ("made_of_it", date(2025, 1, 1), (("channel", None),), ("needs",)),
        ("made_of_it", date(2025, 2, 1), (("channel", None),), ("needs",)),
    ]
    assert [(dict(o.segment)["channel"], o.value) for o in found if o.kpi == "leads"] == [
        ("x", 1), ("y", 1), ("x", 0), ("y", 0),
    ]  # fmt: skip


def test_records_trace_and_compare_say_it_too(workspace: Workspace) -> None:
    recorded = workspace.records("made_of_it", "leads", period="2025-01")
    assert [(b.kpi, b.rows.total) for b in recorded] == [("leads", 2)]
    assert recorded.notes == (f"made_of_it (made_of_it): not possible yet, {SAID} (for 'waiting')",)
    assert recorded.notes[0] in recorded.to_text()
    assert SAID in workspace.records("waiting", period="2025-01").to_text()
    assert SAID in workspace.trace("made_of_it", period="2025-01").to_text()
    assert SAID in workspace.compare("made_of_it", period=("2025-01", "2025-02")).to_text()
    assert "needs" in workspace.kpi_show("waiting").to_text()


def test_it_does_not_count_among_what_can_be_computed(workspace: Workspace) -> None:
    folder = workspace.path
    catalogue = load_catalogue(SHIPPED, folder)
    seen = outlook(catalogue, [("leads", ("lead_id", "created_at"))], {})
    assert "leads" in seen.kpis
    assert not {"waiting", "made_of_it"} & set(seen.kpis)
    assert not {"waiting", "made_of_it"} & {kpi for m in seen.missing for kpi in m.kpis}
