"""What readers do: look, find, change the period, split, filter, share, by mouse and by keyboard, in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.api.test_overview import rows
from tests.surface import FILES
from tests.web.browser import AXE, Reader, at_home, browser
from tests.world import world

expect.set_options(timeout=60_000)

TILES = 12
HEIGHT = 900
PAGES = ("/", "/kpi", "/data", "/kpi/own_leads", "/kpi/own_mql_rate?show=trace", "/kpi/own_leads?show=records")


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
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    leads = [row | {"channel": ("email", "ads", "fair")[i % 3]} for i, row in enumerate(rows())]
    path: Path = tmp_path_factory.mktemp("browser")
    with at_home(world(path, {"leads": leads}, files=board(), through=date(2025, 12, 31)).path) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


Visit = Callable[..., Any]


@pytest.fixture
def visit(chromium: Browser, link: str) -> Visit:
    """Opens a reader for a block, who reports at its end whether the browser complained."""

    @contextmanager
    def opened(width: int = 1440, height: int = HEIGHT, scheme: str = "light") -> Iterator[Reader]:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        context.set_default_timeout(60_000)
        reader = Reader(context, link)
        yield reader
        context.close()
        assert reader.faults == []

    return opened


def test_the_first_screen_says_how_the_company_is(visit: Visit) -> None:
    """At 1440 by 900, without scrolling: the funnel, twelve tiles, the first need with its evidence and link."""
    with visit() as reader:
        expect(reader.page.locator("h1")).to_have_text("Vital signs")
        assert reader.inside(".funnel", HEIGHT)
        tiles = reader.page.locator(".tile")
        assert tiles.count() == TILES
        assert reader.inside(".tile:last-of-type", HEIGHT)
        assert reader.inside(".need-sentence", HEIGHT)
        assert reader.inside(".need-evidence", HEIGHT)
        assert reader.page.locator(".need-sentence").first.get_attribute("href")


def test_find_change_split_filter_and_share(visit: Visit, chromium: Browser, link: str) -> None:
    with visit() as reader:
        page = reader.page
        page.keyboard.press("/")
        page.keyboard.type("own mql")
        expect(page.locator(".result").first).to_contain_text("Own MQL rate")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.locator("[data-find]").fill("own leads")
        expect(page.locator(".result").first).to_contain_text("Own leads")
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
        address = reader.address()
    with visit() as other:
        other.goes(address)
        expect(other.page.locator(".kpi-value")).to_have_text(value)
        expect(other.page.locator(".chip")).to_contain_text("email")
        other.page.locator(".chip").click()
        expect(other.page.locator(".chip")).to_have_count(0)


def test_two_clicks_from_a_number_to_its_trace_and_to_its_rows(visit: Visit) -> None:
    with visit() as reader:
        page = reader.page
        page.locator("#tile-own-leads [popovertarget]").click()
        page.locator("#about-own-leads a", has_text="How it was made").click()
        expect(page.locator(".trace-formula")).to_contain_text("own_entered")
        reader.goes("/")
        page.locator("#tile-own-leads .tile-title a").click()
        page.locator(".kpi-views a", has_text="Rows behind it").click()
        expect(page.locator(".records-count")).to_contain_text("rows of leads")
        assert "show=records" in reader.address()
        page.go_back()
        expect(page.locator(".kpi-splits")).to_be_visible()


def test_by_keyboard_alone(visit: Visit) -> None:
    with visit() as reader:
        page = reader.page
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**period=2025-11**")
        page.keyboard.press("ArrowRight")
        page.wait_for_url(lambda url: "period" not in url)
        page.locator("#tile-own-leads .tile-title a").focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Own leads")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_hangs_over_the_edge(visit: Visit, path: str, width: int) -> None:
    with visit(width=width, height=844) as reader:
        reader.goes(path)
        over = reader.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_no_violation_of_wcag(visit: Visit, path: str, scheme: str) -> None:
    """axe finds nothing against WCAG 2.2, levels A and AA."""
    if not AXE.exists():
        pytest.skip("axe is not here: make assets")
    with visit(scheme=scheme) as reader:
        reader.goes(path)
        if reader.page.locator("[data-chart]").count():
            reader.page.wait_for_selector("[data-canvas] svg, [data-canvas] canvas")
        reader.page.evaluate(AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = reader.page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
        told = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found["violations"]]
        assert told == []
