"""The pages in a browser: under the strict policy, by keyboard, in the dark, on a phone, and by axe's rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headwater.api.held import Held
from tests.surface import FILES, small_company
from tests.web.browsing import AXE, SIZES, Visit, see_all, serving, violations, visit
from tests.web.conftest import BOARD, HOSTILE, OWN_MQLS, hostile
from tests.web.screenshots import pages, shoot
from tests.world import NOW

VIEWS = ("/kpi/own_mql_rate?show=trace", "/kpi/own_leads?show=records")
PAGES = ("/", "/funnel", "/qualify", "/kpi", "/kpi/own_leads", *VIEWS, "/data", "/data/add", "/design")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    files = FILES | {"boards/vital_signs.yml": BOARD, "kpis/own_mqls.yml": OWN_MQLS}
    workspace = small_company(tmp_path_factory.mktemp("browser"), files=files)
    with Held(workspace.path, now=NOW, environment={}) as held, serving(held, development=True) as address:
        yield address


@pytest.fixture
def seen(window: Browser, address: str) -> Iterator[Visit]:
    with visit(window, address) as seen:
        yield seen


LOOKS = (("light", "desktop"), ("dark", "desktop"), ("dark", "phone"), ("light", "phone"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_to_policy_width_and_the_rules_of_access(window: Browser, address: str, path: str) -> None:
    with visit(window, address, script=AXE) as seen:
        seen.go(path)
        expect(seen.page.locator("h1")).to_have_count(1)
        for scheme, size in LOOKS:
            seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            seen.page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
            see_all(seen)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], (scheme, size)
            assert violations(seen) == [], (scheme, size)
        assert seen.wrong() == []


def test_a_picture_is_made_of_every_page(seen: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make screenshots`, in one of its looks."""
    shown = pages(seen)
    assert {path for name, path in shown} >= {"/", "/design", "/kpi"} and len(shown) == len(dict(shown))
    for name, path in shown:
        seen.go(path)
        shoot(seen, tmp_path, name, "light", "phone")
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}-phone-whole.png" for name, _ in shown}
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if not line.endswith(": 0 faults")] == [
        "not-found-phone: 1 faults",
        "  Failed to load resource: the server responded with a status of 404 (Not Found)",
    ]


def test_a_violation_would_be_seen(seen: Visit) -> None:
    seen.go("/kpi")
    seen.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    assert any("style-src" in fault for fault in seen.wrong())


def test_axe_finds_no_violation_in_the_find_box_and_a_panel(window: Browser, address: str) -> None:
    with visit(window, address, script=AXE) as seen:
        seen.go("/design")
        seen.page.locator("#tile-win_rate .popover-button").click()
        expect(seen.page.locator("#about-win_rate")).to_be_visible()
        panel = violations(seen, "#about-win_rate")
        seen.page.keyboard.press("Escape")
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("own")
        expect(seen.page.locator("#find .result").first).to_be_visible()
        assert (panel, violations(seen, "#find")) == ([], [])


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_a_kpi_is_found_by_keyboard(seen: Visit, keys: str) -> None:
    seen.go("/data")
    seen.page.keyboard.press(keys)
    expect(seen.page.locator("dialog#find")).to_be_visible()
    seen.page.keyboard.type("own cost")
    found = seen.page.locator("#find .result", has_text="Own cost per lead")
    expect(found.first).to_be_visible()
    seen.page.keyboard.press("ArrowDown")
    expect(seen.page.locator("#find .result").first).to_be_focused()
    seen.page.keyboard.press("ArrowUp")
    expect(seen.page.locator("[data-find]")).to_be_focused()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/kpi/own_cost_per_lead*")
    assert seen.wrong() == []


def test_escape_closes_the_find_box_and_the_page_is_as_before(seen: Visit) -> None:
    seen.go("/kpi")
    before = seen.page.url
    seen.page.keyboard.press("/")
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("dialog#find")).to_be_hidden()
    assert seen.page.url == before


def test_a_slash_in_a_field_is_a_slash(seen: Visit) -> None:
    seen.go("/data")
    seen.page.keyboard.press("/")
    field = seen.page.locator("[data-find]")
    field.fill("")
    seen.page.keyboard.type("a/b")
    expect(field).to_have_value("a/b")


def test_arrow_keys_move_between_periods_and_back_goes_back(seen: Visit) -> None:
    seen.go("/kpi/own_leads")
    before = seen.page.url
    earlier = seen.page.locator("a[data-earlier]").get_attribute("href") or ""
    seen.page.keyboard.press("ArrowLeft")
    seen.page.wait_for_url(f"**{earlier}")
    seen.page.go_back()
    seen.page.wait_for_url(before)
    assert seen.wrong() == []


def test_a_choice_is_taken_at_once_and_is_the_address(seen: Visit) -> None:
    seen.go("/kpi/own_leads")
    picker = seen.page.locator(".page-head select").last
    wanted = picker.evaluate("(s) => [...s.options].find((o) => !o.selected && o.value).value")
    name = picker.get_attribute("name")
    picker.select_option(wanted)
    seen.page.wait_for_url(f"**{name}={wanted}*")
    expect(seen.page.locator(f".page-head select[name={name}]")).to_have_value(wanted)
    assert seen.wrong() == []


def test_a_definition_opens_on_hover_stays_under_the_pointer_and_by_keyboard(seen: Visit) -> None:
    seen.go("/design")
    button, panel = seen.page.locator("#tile-win_rate .popover-button"), seen.page.locator("#about-win_rate")
    expect(panel).to_be_hidden()
    button.hover()
    expect(panel).to_be_visible()
    panel.hover()
    expect(panel).to_be_visible()
    seen.page.mouse.move(5, 5)
    expect(panel).to_be_hidden()
    button.focus()
    seen.page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    seen.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert seen.wrong() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_better_and_worse_have_their_colours(window: Browser, address: str, scheme: str) -> None:
    colour = "(place, name) => { place.style.color = `var(--${name})`; return getComputedStyle(place).color }"
    with visit(window, address, scheme=scheme) as seen:
        seen.go("/design")
        for tile, name in (("revenue", "good"), ("win_rate", "bad")):
            change = seen.page.locator(f"#tile-{tile} .change-size")
            shown = change.evaluate("(place) => getComputedStyle(place).color")
            assert shown == change.evaluate(colour, name)
            assert shown != change.evaluate(colour, "ink-2")


def test_the_chart_library_is_fetched_where_there_is_a_chart(seen: Visit) -> None:
    seen.go("/kpi")
    assert not [url for url in seen.asked if "/chart-" in url]
    seen.go("/design")
    see_all(seen)
    assert [url for url in seen.asked if "/chart-" in url]


def test_a_chart_tells_of_a_point_and_gives_its_picture_and_table(seen: Visit) -> None:
    seen.go("/design")
    see_all(seen)
    chart = seen.page.locator("#chart-revenue")
    chart.locator("[data-canvas]").hover()
    expect(seen.page.locator(".chart-tip").first).to_be_visible()
    chart.get_by_role("button", name="Export").click()
    with seen.page.expect_download() as download:
        chart.locator("[data-export=png]").click()
    assert download.value.suggested_filename == "revenue-by-month.png"
    picture = download.value.path().read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 10_000
    chart.locator("summary").click()
    expect(chart.get_by_role("table")).to_be_visible()
    assert seen.wrong() == []


def test_a_refresh_is_started_shown_and_its_end_told(seen: Visit) -> None:
    seen.go("/kpi")
    line, button = seen.page.locator("[data-refreshing]"), seen.page.locator("[data-refresh]")
    expect(button).to_be_enabled(timeout=60_000)  # a server that has just started refreshes by itself
    button.click()
    expect(line).to_be_visible()
    shown = line.get_by_role("link", name="Show what is new")
    expect(shown).to_be_visible(timeout=60_000)
    assert seen.page.url == seen.address + "/kpi", "the page did not change under the reader"
    shown.click()
    expect(line).to_be_hidden()
    assert seen.wrong() == []


def test_on_paper_a_page_says_whose_it_is_and_of_when(window: Browser, address: str) -> None:
    with visit(window, address, scheme="dark") as seen:
        seen.go("/")
        head = seen.page.locator(".on-paper")
        expect(head).to_be_hidden()
        seen.page.emulate_media(media="print", color_scheme="dark")
        expect(head).to_contain_text("World")
        expect(head).to_contain_text("Mar 2025")
        expect(seen.page.locator(".top")).to_be_hidden()
        ink = seen.page.locator("h1").evaluate("(place) => getComputedStyle(place).color")
        assert ink == "rgb(25, 28, 30)", "dark ink on white paper, whatever the system wishes"


def test_a_page_works_without_a_script(window: Browser, address: str) -> None:
    context = window.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/?token=a-token-of-a-test-that-is-long-enough")
    page.goto(f"{address}/kpi/own_leads")
    page.locator(".finder").click()
    page.wait_for_url("**/kpi")
    page.go_back()
    page.locator(".chart-table summary").first.click()
    expect(page.locator(".chart-table table").first).to_be_visible()
    expect(page.locator(".controls .button")).to_be_visible()
    context.close()


def test_names_with_markup_do_nothing(window: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = hostile(tmp_path_factory.mktemp("hostile"))
    with (
        Held(workspace.path, now=NOW, environment={}) as held,
        serving(held) as address,
        visit(window, address) as seen,
    ):
        for path in ("/", "/kpi", "/kpi/own_leads", "/data"):
            seen.go(path)
            see_all(seen)
        seen.go("/kpi/own_leads")
        expect(seen.page.locator("h1")).to_have_text(HOSTILE)
        see_all(seen)
        seen.page.locator("[data-canvas]").first.hover()
        expect(seen.page.locator(".chart-tip").first).to_be_visible()
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("alert")
        expect(seen.page.locator("#find .result", has_text="<script>").first).to_be_visible()
        assert seen.wrong() == []
