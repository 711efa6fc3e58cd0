"""Explore over the small company (tests/surface.py): leads 4, 3, 1 from January to March 2025; 100.50 and 999 spent."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from headwater import Workspace
from headwater.api.held import Held
from headwater.http import server
from headwater.web.app import mount
from tests.http.client import OWN, PORT, TOKEN, Client
from tests.web.conftest import HOSTILE, OWN_BOARD, mounted
from tests.web.reading import Part, read
from tests.world import NOW

Served = Callable[[str], Client]
TWO = "/explore?period=2025-Q1&kpi=own_leads&kpi=own_cost_per_lead"


def page(served: Served, path: str, name: str = "small") -> Part:
    answer = served(name).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def drawn(served: Served, path: str) -> dict[str, object]:
    """What the chart is drawn from."""
    (block,) = re.findall(r'<script type="application/json">(.*?)</script>', served("small").get(path).text)
    data: dict[str, object] = json.loads(html.unescape(block))
    return data


def test_indexed_lines_say_their_numbers_too(served: Served) -> None:
    data = drawn(served, TWO)
    leads, cost = data["series"]  # type: ignore[misc]
    assert [p[:2] for p in leads["points"][-3:]] == [["2025-01-01", 100.0], ["2025-02-01", 75.0], ["2025-03-01", 25.0]]
    assert leads["texts"][-3:] == ["100.0 (4)", "75.0 (3)", "25.0 (1)"]
    assert cost["texts"][-2].endswith("(EUR\u00a0333.00)")
    assert (data["target"], data["axes"], data["dots"]) == (100.0, [], [])


def test_axes_stand_by_unit(served: Served) -> None:
    data = drawn(served, f"{TWO}&kpi=own_reach&show=axes")
    assert [s["axis"] for s in data["series"]] == [0, 1, 0]  # type: ignore[union-attr]
    titles = [a["title"] for a in data["axes"]]  # type: ignore[union-attr]
    assert titles == ["Own leads, Own reach", "Own cost per lead (EUR)"]


def test_what_cannot_be_drawn_says_why(served: Served) -> None:
    three = page(served, f"{TWO}&kpi=own_mql_rate&show=axes")
    assert "3 units: lead, money/lead, a share" in three.find("main")[0].text
    many = page(served, f"{TWO}&kpi=own_mql_rate&show=scatter&by=channel")
    assert "these are 3" in many.find("main")[0].text
    waits = page(served, "/explore?period=2025-Q1&kpi=own_leads&kpi=mrr").find("main")[0].text
    assert "can be computed from the data here: Monthly recurring revenue (MRR) waits for subscriptions." in waits
    assert "Take a longer period" not in waits
    none = page(served, f"{TWO}&filter=channel+%3D+%27nowhere%27")
    assert "no step in which all of these have a settled number" in none.find("main")[0].text
    lacks = page(served, f"{TWO}&kpi=mrr&filter=landing_page_id+is+empty")
    assert "landing page id" in lacks.find("main")[0].text


def test_a_scatter_and_its_table_say_the_same(served: Served) -> None:
    path = f"{TWO}&show=scatter&by=channel"
    dots = {d["name"]: (d["x"], d["y"], d["n"]) for d in drawn(served, path)["dots"]}  # type: ignore[union-attr]
    assert dots["ads"] == (2.0, 499.5, 2.0)  # 999 / 2
    assert dots["email"] == (4.0, 25.125, 4.0)  # (60 + 40.5) / 4
    rows = page(served, path).at("chart-explore").rows()
    assert ["ads", "2", "EUR 499.50", "2"] in [[cell.strip() for cell in row] for row in rows]


def test_moving_together_is_not_called_a_cause(served: Served) -> None:
    for path in (TWO, f"{TWO}&show=scatter&by=channel"):
        assert "Moving together is not causing." in page(served, path).find("main")[0].text


def test_kpis_are_added_by_name_and_left_out_by_a_click(served: Served) -> None:
    seen = page(served, f"{TWO}&kpi=Own+reach")
    chips = {c.text: c.attributes["href"] for c in seen.find("a", class_="chip")}
    (away,) = [h for text, h in chips.items() if "Own reach" in text]
    assert away == "/explore?period=2025-Q1&kpi=own_leads&kpi=own_cost_per_lead"
    one = page(served, "/explore?kpi=leads")
    assert "/explore?kpi=leads&kpi=cost_per_lead" not in one.links.values(), "nothing is spent on these leads"
    assert page(served, "/explore").find("form", class_="explore-add")


def test_a_name_that_nothing_has_leaves_the_chart_as_it_is(served: Served) -> None:
    answer = served("small").get(f"{TWO}&kpi=own+reech")
    assert answer.status_code == 404
    seen = read(answer.text)
    assert "o KPI is called" in seen.find(class_="explore-wrong")[0].text
    assert [c.text.rpartition("Leave out ")[2] for c in seen.find("a", class_="chip")] == [
        "Own leads",
        "Own cost per lead",
    ]
    assert seen.at("chart-explore").rows()


def test_files_ask_what_the_chart_shows(served: Served) -> None:
    links = page(served, TWO).links.values()
    asked = "/api/measure?kpi=own_leads&kpi=own_cost_per_lead&period=2024-03..2025-03&grain=month&format="
    assert {f"{asked}csv", f"{asked}xlsx"} <= set(links)


def test_a_kpi_leads_to_its_place_beside_others(served: Served) -> None:
    links = page(served, "/kpi/own_leads?period=2025-Q1&filter=channel+%3D+%27email%27").links
    there = links["Beside other KPIs"]
    assert there == "/explore?period=2025-Q1&filter=channel%20%3D%20%27email%27&kpi=own_leads"
    assert page(served, there).find(class_="tile-value")[0].text == "4"


# --- what is written -------------------------------------------------------------------------------------------------
@pytest.fixture
def own(small_built: Path, tmp_path: Path) -> Iterator[tuple[Client, Path, Held]]:
    workspace = Workspace(shutil.copytree(small_built, tmp_path / "world"), now=NOW, environment={})
    (workspace.path / "boards").mkdir(exist_ok=True)
    (workspace.path / "boards" / "own.yml").write_text(OWN_BOARD, encoding="utf-8")
    app, held = mounted(workspace)
    with held:
        yield Client(app, {}), workspace.path, held


STATE = [("kpi", "own_leads"), ("kpi", "own_cost_per_lead")]
FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_a_chart_is_saved_and_a_kpi_is_drafted_and_written(own: tuple[Client, Path, Held]) -> None:
    client, folder, _ = own

    def send(path: str, *fields: tuple[str, str]):  # type: ignore[no-untyped-def]
        return client.send("POST", path, FORM, urlencode([*STATE, *fields]).encode())

    saved = send("/explore/save", ("board", "own"), ("heading", HOSTILE), ("show", "scatter"), ("by", "channel"))
    assert (saved.status_code, saved.headers["location"]) == (303, "/boards/own#charts")
    assert (folder / "boards" / "own.yml").read_text().startswith(OWN_BOARD.split("leaders")[0])
    seen = read(client.get("/boards/own").text)
    assert HOSTILE in seen.at("charts").text

    fresh = send("/explore/save", ("title", "Seen on Mondays"), ("board", ""))
    assert fresh.headers["location"] == "/boards/seen_on_mondays#charts"
    assert client.get("/boards/seen_on_mondays").status_code == 200
    again = send("/explore/save", ("title", "Seen on Mondays"), ("board", ""))
    assert again.status_code == 400
    assert "already" in read(again.text).find(class_="explore-wrong")[0].text
    typed = [i.attributes.get("value") for i in read(again.text).find("input") if i.attributes.get("name") == "title"]
    assert "Seen on Mondays" in typed, "what was written into the form stays"

    by_hand = folder / "boards" / "by_hand.yml"
    by_hand.write_text("{title: By hand, tiles: [own_leads]}\n")
    refused = send("/explore/save", ("board", "by_hand"))
    assert refused.status_code == 400
    told = read(refused.text).find(class_="explore-wrong")[0].text
    assert "- kpis: [own_leads, own_cost_per_lead]" in told, "the lines to add by hand"
    assert by_hand.read_text() == "{title: By hand, tiles: [own_leads]}\n"

    fields = (("title", HOSTILE + " leads for money"), ("better", "up"), ("pitfall", "No."))
    looked = send("/explore/draft", *fields)
    assert looked.status_code == 200
    draft = read(looked.text)
    assert "formula: own_leads / own_cost_per_lead" in draft.find("pre")[0].text
    assert not list((folder / "kpis").glob("*money*")), "looking writes nothing"
    (text,) = re.findall(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', looked.text, flags=re.DOTALL)
    sent = html.unescape(text).replace("\n", "\r\n")  # as browsers send it
    kept = send("/explore/draft", *fields, ("text", sent))
    assert kept.status_code == 303, kept.text[-500:]
    (file,) = (folder / "kpis").glob("*money*")
    assert kept.headers["location"] == f"/kpi/{file.stem}"
    assert HOSTILE in read(client.get(kept.headers["location"]).text).find("h1")[0].text
    once = send("/explore/draft", *fields, ("text", sent))
    assert once.status_code == 400, "a file is never written over"
    mixed = send("/explore/draft", ("title", "New"), ("kpi", "own_reach"))
    assert mixed.status_code == 400 and "made of two" in mixed.text
    assert client.send("POST", "/explore/save", {"content-type": "text/plain"}, b"kpi=own_leads").status_code == 400


@pytest.mark.parametrize("path", ["/explore/save", "/explore/draft"])
def test_what_writes_is_for_its_own_page_alone(own: tuple[Client, Path, Held], path: str) -> None:
    _, folder, held = own
    app = server.application(held, port=PORT, token=TOKEN, pages=[mount])
    body = urlencode([*STATE, ("title", "From elsewhere")]).encode()
    ours = FORM | {"origin": OWN}
    assert Client(app).send("POST", path, FORM | {"origin": "http://evil.example"}, body).status_code == 403
    assert Client(app).send("POST", path, FORM, body).status_code == 403
    assert Client(app, {}).send("POST", path, ours, body).status_code == 401
    assert Client(app).send("POST", path, ours | {"host": "evil.example"}, body).status_code == 421
    assert not (folder / "boards" / "from_elsewhere.yml").exists()
    assert Client(app).send("POST", path, ours, body).status_code in (200, 303)
