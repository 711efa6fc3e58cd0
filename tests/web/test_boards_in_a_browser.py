"""In a real browser: a board is opened, another period taken, printed; KPIs are set beside each other and saved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headwater.api.held import Held
from tests.web.browsing import AXE, SIZES, Visit, serving, violations, visit
from tests.web.conftest import OWN_BOARD
from tests.world import NOW

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def seen(window: Browser, small_built: Path, tmp_path: Path) -> Iterator[Visit]:
    folder = shutil.copytree(small_built, tmp_path / "world")
    (folder / "boards").mkdir(exist_ok=True)
    (folder / "boards" / "own.yml").write_text(OWN_BOARD, encoding="utf-8")
    with (
        Held(folder, now=NOW, environment={}) as held,
        serving(held) as address,
        visit(window, address, script=AXE) as seen,
    ):
        seen.page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield seen


def test_a_board_and_a_chart_that_is_saved_on_it(seen: Visit) -> None:
    page = seen.page
    page.get_by_role("link", name="Boards", exact=True).click()
    page.get_by_role("link", name="Our own").click()
    expect(page.locator("#tile-1 .tile-value")).to_have_text("3")
    page.locator("select[name=period]").select_option("last-month")
    page.wait_for_url("**period=last-month**")
    expect(page.locator("#tile-1 .tile-value")).to_have_text("1")
    expect(page.locator("#charts [data-canvas] svg")).to_have_count(2)
    looked_at(seen)
    page.emulate_media(media="print")
    for hidden in (".controls", ".board-foot-row", ".chart-head .menu >> nth=0"):
        expect(page.locator(hidden)).not_to_be_visible()
    expect(page.locator("#tile-1")).to_be_visible()
    page.emulate_media(media="screen")

    page.get_by_role("link", name="Explore", exact=True).click()
    for name in ("Own leads", "Own cost per lead"):
        page.get_by_placeholder("Add a KPI").fill(name)
        page.keyboard.press("Enter")
        expect(page.locator(".chip", has_text=name)).to_be_visible()
    expect(page.locator("[data-canvas] svg")).to_be_visible()
    page.get_by_role("link", name="Axes").click()
    page.wait_for_url("**show=axes**")
    expect(page.locator(".chart-key").nth(1)).to_have_text("Own cost per lead (right axis)")
    page.get_by_role("link", name="By segment").click()
    page.wait_for_url("**show=scatter**")
    expect(page.locator("[data-canvas] svg")).to_be_visible()
    expect(page.locator(".chart-table tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as picture:
        page.locator("[data-export=png]").click()
    assert picture.value.suggested_filename.endswith(".png")
    looked_at(seen)

    page.get_by_text("Save as a chart of a board").click()
    page.locator("select[name=board]").select_option(label="Our own")
    page.locator("input[name=heading]").fill("Seen together <b>")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/boards/own#charts")
    expect(page.locator("#charts .chart-title").nth(2)).to_have_text("Seen together <b>")
    expect(page.locator("#charts [data-canvas] svg")).to_have_count(3)
    assert seen.wrong() == []


def looked_at(seen: Visit) -> None:
    """Light and dark, large and small: nothing is too wide, and nothing stands against WCAG 2.2 AA."""
    page = seen.page
    for scheme, size in (("light", "desktop"), ("dark", "phone")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], size
        assert violations(seen) == [], (scheme, size)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(SIZES["desktop"])  # type: ignore[arg-type]
