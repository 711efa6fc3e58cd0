"""Pages over companies: a small one, a tiny one, one with hostile names, the made-up one of the demo, one without data,
one without sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser

from headwater import Workspace
from headwater.api.held import Held
from headwater.web.app import mount
from tests.demo.conftest import NOW as DEMO_NOW
from tests.demo.conftest import Demo, demo
from tests.http.client import Client
from tests.surface import FILES, LEADS, small_company
from tests.web.browsing import browser
from tests.world import NOW, fresh, world

__all__ = ["demo"]

BOARD = """\
title: Vital signs
strip:
  - {title: Leads, volume: own_leads}
  - {title: MQL, volume: own_mqls, rate: own_mql_rate}
tiles: [own_leads, own_cost_per_lead, own_mql_rate, mrr, own_reach]
"""

OWN_BOARD = """\
title: Our own
text: What we look at.
period: 2025-02
sections:
  - title: Leads
    text: People who became one.
    tiles: [own_leads, {kpi: own_leads, title: From e-mail, filter: "channel = 'email'"}, own_cost_per_lead]
  - {title: Not yet, tiles: [ltv_cac, mrr]}
charts:
  - {kpis: [own_leads, own_cost_per_lead], show: axes}
  - {kpis: [own_leads, own_cost_per_lead], show: scatter, by: channel, title: Price and number}
leaders: [own_leads, own_mql_rate]
by: [channel]
"""
"""A board of the small company with everything that a board can have."""

OWN_MQLS = FILES["kpis/own_leads.yml"].replace("own_entered", "mqls").replace("Own leads", "Own MQLs")

HOSTILE = "<script>alert(1)</script>'\"--"


def mounted(workspace: Workspace, now: datetime = NOW) -> tuple[FastAPI, Held]:
    """The pages over a workspace, without the server's guards."""
    held = Held(workspace.path, now=now, environment={})
    held.prepare().exception()  # a page waits only for a moment, and says that the checks still run
    app = FastAPI(openapi_url=None)
    app.state.held, app.state.development = held, False
    mount(app, held)
    return app, held


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """A browser for one file of tests: while it runs there is a loop of events, which others must not meet."""
    with browser() as window:
        yield window


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped definitions as a workspace keeps them, parsed once for all that are made anew."""
    made = Workspace.init(tmp_path_factory.mktemp("parsed"))
    made.kpi_list()
    return made.path / ".headwater" / "cache"


@pytest.fixture(scope="session")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Client]]:
    """A client of each of the companies, by name."""
    makers: dict[str, Callable[[Path], Workspace]] = {
        "small": lambda path: small_company(
            path,
            files=FILES | {"boards/vital_signs.yml": BOARD, "boards/own.yml": OWN_BOARD, "kpis/own_mqls.yml": OWN_MQLS},
        ),
        "tiny": lambda path: world(path, {"leads": LEADS[:1]}),
        "hostile": hostile,
        "unbuilt": lambda path: world(path, {"leads": LEADS}, build=False),
        "empty": lambda path: fresh(path / "empty"),
    }
    clients: dict[str, Client] = {}
    with ExitStack() as open_:

        def client(name: str) -> Client:
            if name not in clients:
                if name == "demo":
                    made: Demo = request.getfixturevalue("demo")
                    app, held = mounted(made.workspace, DEMO_NOW)
                else:
                    app, held = mounted(makers[name](tmp_path_factory.mktemp(name)))
                open_.enter_context(held)
                clients[name] = Client(app, {})
            return clients[name]

        yield client


def hostile(path: Path) -> Workspace:
    """Markup wherever somebody outside can write: company, channels, a KPI's title and question."""
    title = FILES["kpis/own_leads.yml"].replace("title: Own leads", f"title: {quoted(HOSTILE)}")
    board = OWN_BOARD.replace("From e-mail", quoted(HOSTILE)).replace("Our own", quoted(HOSTILE))
    files = FILES | {
        "kpis/own_leads.yml": title,
        "boards/vital_signs.yml": "title: V\ntiles: [own_leads]\n",
        "boards/own.yml": board,
    }
    leads = [dict(lead, channel=HOSTILE if lead["channel"] == "email" else lead["channel"]) for lead in LEADS]
    settings = {"company": HOSTILE}
    return world(path, {"leads": leads}, settings, files=files, through=date(2025, 3, 31))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
