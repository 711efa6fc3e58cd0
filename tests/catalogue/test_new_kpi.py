"""A new KPI is one file: dropped into a workspace it is listed, shown, measured, traced, covered, served."""

import json
import runpy
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.folder import SHIPPED
from headwater.api.held import Held
from headwater.http.server import application
from headwater.metrics.catalogue import load_catalogue
from headwater.web.app import mount
from tests.http.client import PORT, TOKEN, Client
from tests.world import NOW, world

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LEADS = [
    {"lead_id": "a", "created_at": "2025-01-03", "mql_at": "2025-01-09"},
    {"lead_id": "b", "created_at": "2025-01-20", "mql_at": None},
    {"lead_id": "c", "created_at": "2025-01-31", "mql_at": "2025-02-02"},
    {"lead_id": "d", "created_at": "2025-02-11", "mql_at": "2025-02-12"},
]
"""January: three leads, one MQL. February: one lead, two MQLs."""
FILE = """\
title: Leads without a mark
aliases: [未標記的潛在客戶]
question: How many leads are not an MQL?
formula: leads - mqls
unit: lead
show: number
better: down
stage: lead
role: efficiency
basis: period
cadence: weekly
group: own
vanity: low
pitfalls: [Each side goes by its own date.]
reference: tests/catalogue/test_new_kpi.py
example:
  tables:
    leads:
      - {lead_id: a, created_at: 2025-01-03, mql_at: 2025-01-09}
      - {lead_id: b, created_at: 2025-01-20, mql_at: null}  # only a lead
      - {lead_id: c, created_at: 2025-01-31, mql_at: 2025-02-01}  # an MQL in February
      - {lead_id: d, created_at: 2025-02-01, mql_at: null}  # outside
      - {lead_id: e, created_at: 2024-12-31, mql_at: 2025-01-02}  # a lead of December
  ask:
    - period: 2025-01
      expect:
        - {value: 1}  # 3 - 2
"""
NAME = "unmarked_leads"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that was asked before the file was there."""
    made = world(tmp_path_factory.mktemp("new"), {"leads": LEADS}, through=date(2025, 2, 28))
    assert [row[0] for row in made.kpi_list(NAME)] == []
    (made.path / "kpis").mkdir()
    (made.path / "kpis" / f"{NAME}.yml").write_text(FILE, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def client(workspace: Workspace) -> Iterator[Client]:
    with Held(workspace.path, now=NOW, environment={}) as held:
        app = application(held, port=PORT, token=TOKEN)
        mount(app, held)
        yield Client(app)
        app.state.refreshing.stop()


def test_it_is_listed_and_shown(workspace: Workspace) -> None:
    assert [row[0] for row in workspace.kpi_list("leads without mark")] == [NAME]
    assert [row[0] for row in workspace.kpi_list("未標記")] == [NAME]
    shown = workspace.kpi_show(NAME).to_text()
    assert "“Leads” less “Marketing-qualified leads (MQLs)”" in shown or "less" in shown
    assert f"kpis/{NAME}.yml" in shown
    assert [row for row in workspace.kpi_lint() if NAME in str(row[0])] == []


def test_it_is_measured_by_month_and_its_rows_and_making_are_told(workspace: Workspace) -> None:
    months = workspace.measure(NAME, period="2025-01..2025-02", grain="month")
    assert [o.value for o in months] == [2, -1]  # 3 - 1, 1 - 2
    traced = workspace.trace(NAME, period="2025-01").to_text()
    assert "leads - mqls" in traced
    assert "3 - 1" in traced
    rows = repr(workspace.records(NAME, period="2025-01"))
    assert "3 rows of leads" in rows
    assert "1 rows of leads" in rows or "1 row of leads" in rows


def test_it_is_covered(workspace: Workspace) -> None:
    ways = [w for w in workspace.kpi_coverage(NAME).ways if w.kpi == NAME]
    assert [(w.name, w.state) for w in ways] == [(NAME, "ready")]


def test_its_page_is_made_by_the_generator(workspace: Workspace) -> None:
    generator = runpy.run_path(str(REPOSITORY / "docs" / "generate_kpis.py"))
    catalogue = load_catalogue(SHIPPED, workspace.path)
    page = generator["pages"](catalogue, (SHIPPED.parent, workspace.path))[NAME]
    assert "| b | 2025-01-20 |  | only a lead |" in page
    assert "3 - 2 |" in page
    assert f"[{NAME}](kpis/{NAME}.md)" in generator["page"](catalogue)


def test_it_is_served(client: Client) -> None:
    assert f'"{NAME}"' in client.get("/api/kpi").text
    assert json.loads(client.get(f"/api/kpi/{NAME}").content)["own"] is True
    (found,) = json.loads(client.get(f"/api/measure?kpi={NAME}&period=2025-01").content)
    assert found["value"] == 2
    assert "Leads without a mark" in client.get("/kpi").text
    assert "Leads without a mark" in client.get(f"/kpi/{NAME}").text
