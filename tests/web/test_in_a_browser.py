"""What readers do: look, find, change the period, split, filter, share, by mouse and by keyboard, and newcomers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from headwater.api.held import Held
from tests.api.test_overview import rows
from tests.surface import FILES
from tests.web.browsing import AXE, SIZES, Visit, serving, violations, visit
from tests.world import NOW, world

TILES = 12

pytestmark = pytest.mark.timeout(120)


def board() -> dict[str, str]:
    """Twelve KPIs like the one of the small company, so that the first screen is full."""
    files = dict(FILES)
    names = [f"own_{i}" for i in range(TILES - 1)]
    for i, name in enumerate(names):
        files[f"kpis/{name}.yml"] = FILES["kpis/own_leads.yml"].replace("Own leads", f"Leads counted, {i}")
    strip = "strip:\n  - {title: Leads, volume: own_leads}\n  - {title: MQL, volume: own_0, rate: own_mql_rate}\n"
    files["boards/vital_signs.yml"] = f"title: Vital signs\n{strip}tiles: [own_leads, {', '.join(names)}]\n"
    return files


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    leads = [row | {"channel": ("email", "ads", "fair")[i % 3]} for i, row in enumerate(rows())]
    path: Path = tmp_path_factory.mktemp("browser")
    made = world(path, {"leads": leads}, {"demo": True}, files=board(), through=date(2025, 12, 31))
    with Held(made.path, now=NOW, environment={}) as held, serving(held) as address:
        yield address


@pytest.fixture
def seen(window: Browser, address: str) -> Iterator[Visit]:
    """A visit whose end asks whether the browser complained."""
    with visit(window, address) as seen:
        yield seen
        assert seen.wrong() == []


def inside(seen: Visit, selector: str) -> bool:
    """Whether a part is whole on the first screen."""
    box = seen.page.locator(selector).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= SIZES["desktop"]["height"]


def test_the_first_screen_says_how_the_company_is(seen: Visit) -> None:
    """At 1440 by 900, without scrolling: the funnel, twelve tiles, the first need with its evidence and link."""
    expect(seen.page.locator("h1")).to_have_text("Vital signs")
    assert seen.page.locator(".tile").count() == TILES
    for part in (".funnel", ".tile:last-of-type", ".need-sentence", ".need-evidence"):
        assert inside(seen, part), part
    assert seen.page.locator(".need-sentence").first.get_attribute("href")


def test_find_change_split_filter_and_share(seen: Visit, window: Browser, address: str) -> None:
    page = seen.page
    page.keyboard.press("/")
    page.keyboard.type("own mql")
    expect(page.locator(".result").first).to_contain_text("Own MQL rate")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.locator("[data-find]").fill("own leads")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Own leads")
    page.locator("select[name=period]").select_option("last-12-months")
    page.wait_for_url("**period=last-12-months**")
    page.locator(".board-row", has_text="email").click()
    page.wait_for_url("**filter=**")
    expect(page.locator(".chip")).to_contain_text("email")
    page.locator(".kpi-splits a", has_text="channel").first.click()
    page.wait_for_url("**by=channel**")
    value = page.locator(".kpi-value").inner_text()
    shared = page.url.removeprefix(address)
    with visit(window, address) as other:
        other.go(shared)
        expect(other.page.locator(".kpi-value")).to_have_text(value)
        expect(other.page.locator(".chip")).to_contain_text("email")
        other.page.locator(".chip").click()
        expect(other.page.locator(".chip")).to_have_count(0)
        assert other.wrong() == []


def test_enter_waits_for_what_is_written(seen: Visit) -> None:
    """An answer to fewer letters stands there and the one to all of them is held up: Enter opens the latter's first."""
    page = seen.page
    page.keyboard.press("/")
    page.keyboard.type("own mql")
    expect(page.locator(".result").first).to_contain_text("Own MQL rate")
    held_up: list[Route] = []

    def hold_up(route: Route) -> None:
        held_up.append(route)

    asks = re.compile(r"/kpi\?q=own.leads$")
    page.route(asks, hold_up)
    page.locator("[data-find]").fill("own leads")
    with page.expect_request(asks):
        page.keyboard.press("Enter")
    expect(page.locator("dialog#find")).to_be_visible()
    expect(page.locator("h1")).to_have_text("Vital signs")
    for route in held_up:
        route.continue_()
    page.unroute(asks)
    expect(page.locator("h1")).to_have_text("Own leads")


EARLY = """document.addEventListener("DOMContentLoaded", () =>
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true })));"""


def test_the_find_box_answers_whoever_was_faster_than_the_scripts(seen: Visit) -> None:
    seen.page.add_init_script(EARLY)
    seen.go("/data")
    expect(seen.page.locator("#find .result").first).to_be_visible()


def test_before_a_word_the_find_box_offers_the_pages_and_the_first_kpis(seen: Visit) -> None:
    page = seen.page
    page.keyboard.press("Control+k")
    results = page.locator("#find .result")
    expect(results).to_have_count(14)
    assert [results.nth(i).locator(".result-label").inner_text() for i in range(8)] == [
        "Vital signs", "Funnel", "Boards", "Explore", "KPIs", "Qualification", "Data", "Add data",
    ]  # fmt: skip
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/boards")


def test_two_clicks_from_a_number_to_its_trace_and_to_its_rows(seen: Visit) -> None:
    page = seen.page
    page.locator("#tile-own-leads [popovertarget]").click()
    page.locator("#about-own-leads a", has_text="How it was made").click()
    expect(page.locator(".trace-formula")).to_contain_text("own_entered")
    seen.go("/")
    page.locator("#tile-own-leads .tile-title a").click()
    page.locator(".kpi-views a", has_text="Rows behind it").click()
    expect(page.locator(".records-count")).to_contain_text("rows of leads")
    assert "show=records" in page.url
    page.go_back()
    expect(page.locator(".kpi-splits")).to_be_visible()


def test_by_keyboard_alone(seen: Visit) -> None:
    page = seen.page
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**period=2025-11**")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: "period" not in url)
    page.locator("#tile-own-leads .tile-title a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Own leads")


def test_a_first_visit_to_a_made_up_company_is_shown_around_once(window: Browser, address: str) -> None:
    with visit(window, address, toured=False, script=AXE) as seen:
        page, box = seen.page, seen.page.locator("dialog[data-tour]")
        expect(box).to_contain_text("is made up")
        assert violations(seen) == []
        titles = []
        while box.locator("[data-tour-next]:visible").count():
            titles.append(box.locator("h3:visible").inner_text())
            box.locator("[data-tour-next]:visible").click()
        assert titles[1:] == [
            "From visit to customer", "What needs you", "Every number explains itself", "Find anything",
        ]  # fmt: skip
        expect(page.locator(".pages a[href='/data']")).to_have_class("tour-here")
        page.keyboard.press("Escape")
        expect(box).to_be_hidden()
        expect(page.locator(".tour-here")).to_have_count(0)
        seen.go("/")
        expect(box).to_be_hidden()
        page.get_by_role("button", name="Show me around").click()
        expect(box).to_contain_text("is made up")
        assert seen.wrong() == []
