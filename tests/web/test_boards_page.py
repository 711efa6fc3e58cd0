"""Boards of the small company (tests/surface.py): three leads in February 2025 for 999, one of them from e-mail."""

import csv
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.held import Held
from headwater.model.board import FIRST
from tests.demo.conftest import NOW as DEMO_NOW
from tests.demo.conftest import Demo
from tests.http.client import Client
from tests.web.conftest import HOSTILE, mounted
from tests.web.reading import Part, read
from tests.world import NOW

Served = Callable[[str], Client]


def page(served: Served, path: str, name: str = "small") -> Part:
    answer = served(name).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def tiles(seen: Part) -> dict[str, str]:
    """The number of each tile, or why it has none, by its title."""
    found = {}
    for tile in seen.find("article"):
        (title,) = tile.find(class_="tile-title")
        said = tile.find(class_="tile-value") or tile.find(class_="tile-why")
        found[title.text] = said[0].text
    return found


def test_a_board_shows_its_tiles_in_its_period(served: Served) -> None:
    """February: 3 leads, 1 of them (L5) from e-mail, 999 spent: 333 each."""
    seen = page(served, "/boards/own")
    said = tiles(seen)
    assert said["Own leads"] == "3"
    assert said["From e-mail"] == "1"
    assert said["Own cost per lead"] == "EUR 333.00"
    assert [h.text for h in seen.find("h2", class_="section-title")] == ["Leads", "Not yet", "Who leads, by channel"]
    assert "People who became one." in seen.at("part-1").text


def test_a_gap_says_what_it_waits_for(served: Served) -> None:
    said = tiles(page(served, "/boards/own"))
    assert said["CLV to CAC ratio"].startswith("Waits for the analysis")
    assert said["MRR"].startswith("Waits for subscriptions")


def test_another_period_another_number(served: Served) -> None:
    """January: 4 leads, 2 from e-mail, 100.50 on 4."""
    said = tiles(page(served, "/boards/own?period=2025-01"))
    assert (said["Own leads"], said["From e-mail"], said["Own cost per lead"]) == ("4", "2", "EUR 25.13")


def test_a_filter_holds_for_every_tile_that_has_the_split(served: Served) -> None:
    """Of February's three one came by ads; 999 was spent on it. None is of e-mail and of ads."""
    seen = page(served, "/boards/own?filter=channel+%3D+%27ads%27")
    said = tiles(seen)
    assert (said["Own leads"], said["From e-mail"], said["Own cost per lead"]) == ("1", "0", "EUR 999.00")
    assert tiles(page(served, "/boards/own?filter=mql_at+is+not+empty"))["Own leads"] == "Cannot be filtered by mql at."


def test_where_no_segment_has_a_number_there_is_no_empty_chart(served: Served) -> None:
    seen = page(served, "/boards/own?filter=channel+%3D+%27nowhere%27")
    assert "No segment of channel has a number of both in this period." in seen.at("charts").text
    leads = page(served, "/boards/own?period=2023-01").at("leaders").text
    assert leads.count("no data") == 2, "once for each board, not for each segment"


def test_a_tile_leads_to_the_same_number(served: Served) -> None:
    seen = page(served, "/boards/own")
    (link,) = [h for text, h in seen.links.items() if text == "From e-mail"]
    assert page(served, link).find(class_="kpi-value")[0].text == "1"


def test_who_leads_filters_the_board(served: Served) -> None:
    """February by channel: ads, e-mail and =cmd one each; of January two from e-mail lead."""
    seen = page(served, "/boards/own?period=2025-01")
    first = seen.at("board-leaders-1")
    assert first.text == "Own leads"
    rows = [row.text for row in seen.find("a", class_="board-row")]
    assert rows[0].startswith("email") and "2" in rows[0]
    link = next(h for text, h in seen.links.items() if text.startswith("email"))
    chosen = page(served, link)
    assert tiles(chosen)["Own leads"] == "2"
    assert [c.text for c in chosen.find("a", class_="chip")]


def test_the_numbers_as_a_file(served: Served) -> None:
    answer = served("small").get("/boards/own/numbers.csv?period=2025-01")
    assert answer.headers["content-disposition"] == 'attachment; filename="own.csv"'
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [(r["kpi"], r["filter"], r["value"]) for r in rows[:3]] == [
        ("own_leads", "", "4"),
        ("own_leads", "channel = 'email'", "2"),
        ("own_cost_per_lead", "", "25.125"),
    ]
    assert served("small").get("/boards/own/numbers.xlsx").content[:2] == b"PK"
    assert served("small").get("/boards/own/numbers.pdf").status_code == 404


def test_the_second_look_stands_on_the_board(served: Served) -> None:
    told = page(served, "/boards/own").at("advice").text
    assert "gap" in told and "A place that stays empty teaches people not to look." in told


def test_the_list_names_every_board_and_leads_to_it(served: Served) -> None:
    links = page(served, "/boards").links
    assert links["Our own"] == "/boards/own"
    assert links["Vital signs"] == "/"
    assert links["Sales team"] == "/boards/sales_team"
    again = served("small").get("/boards/vital_signs?period=2025-01")
    assert (again.status_code, again.headers["location"]) == (307, "/?period=2025-01")


def test_boards_are_in_the_find_box(served: Served) -> None:
    assert "/boards/own" in page(served, "/kpi?q=our+own").links.values()
    assert "/boards" in page(served, "/kpi?q=board").links.values()


def test_an_unknown_board_names_the_nearest(served: Served) -> None:
    answer = served("small").get("/boards/acquisitoin")
    assert answer.status_code == 404
    assert "acquisition" in answer.text


def test_a_broken_board_says_so_and_hides_no_other(small_built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small_built, tmp_path / "world")
    (folder / "boards").mkdir(exist_ok=True)
    (folder / "boards" / "bad.yml").write_text("title: Bad\ntiles: [own_leeds]\n", encoding="utf-8")
    app, held = mounted(Workspace(folder, now=NOW, environment={}))
    with held:
        client = Client(app, {})
        assert client.get("/").status_code == 200
        assert "boards/bad.yml" in client.get("/boards").text
        answer = client.get("/boards/bad")
        assert answer.status_code != 200
        assert "own_leads" in answer.text
        failed = [r for r in held.check().results if r.state == "failed"]
        assert [(r.check, r.subject) for r in failed] == [("boards", "boards/bad.yml:2")]
        assert "'own_leads'" in failed[0].what


def test_hostile_names_stand_as_they_are(served: Served) -> None:
    seen = page(served, "/boards/own", "hostile")
    assert HOSTILE in seen.find("h1")[0].text
    assert HOSTILE in tiles(seen)
    assert HOSTILE in page(served, "/boards", "hostile").links


MORE = ("acquisition", "customers", "money", "search", "social")
LONG = [pytest.param(name, marks=pytest.mark.verify) for name in MORE]


@pytest.mark.parametrize("name", ["sales_team", "email", *LONG])
def test_every_tile_of_a_shipped_board_has_a_number_on_the_demo(served: Served, name: str) -> None:
    seen = page(served, f"/boards/{name}?period=last-12-months", "demo")
    missing = {title.find(class_="tile-title")[0].text for title in seen.find("article", class_="tile-missing")}
    assert not missing
    assert len(seen.find("article")) == 12
    assert "Nothing stands out" in seen.at("advice").text


def test_nothing_on_a_shipped_board_waits_for_data_on_the_demo(demo: Demo) -> None:
    with Held(demo.workspace.path, now=DEMO_NOW, environment={}) as held, held.moment() as at:
        for board in at.every_board().boards.values():
            if board.id != FIRST:
                assert at.gaps(*board.kpis) == {}, board.id
