"""Files are dropped, looked at, asked about, tried and loaded in a real browser, also on a phone; by axe's rules."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headwater import Workspace
from headwater.api.held import Held
from tests.web.browsing import AXE, SIZES, Visit, serving, violations, visit
from tests.web.test_add_page import LEADS
from tests.world import NOW

pytestmark = pytest.mark.timeout(300)
expect.set_options(timeout=60_000)


@pytest.fixture
def folder(tmp_path: Path, parsed: Path) -> Path:
    made = Workspace.init(tmp_path / "acme").path
    shutil.copytree(parsed, made / ".headwater" / "cache")
    return made


@pytest.fixture
def seen(window: Browser, folder: Path) -> Iterator[Visit]:
    with (
        Held(folder, now=NOW, environment={}) as held,
        serving(held) as address,
        visit(window, address, script=AXE) as seen,
    ):
        seen.page.set_default_timeout(60_000)
        seen.go("/data")
        yield seen


def fits(seen: Visit) -> None:
    """Nothing hangs over the edge and nothing breaks a rule, on a screen and on a phone, in light and dark."""
    for scheme, size in (("light", "desktop"), ("dark", "phone")):
        seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        seen.page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], size
        assert violations(seen) == [], (scheme, size)
    seen.page.set_viewport_size(SIZES["desktop"])  # type: ignore[arg-type]


def test_a_file_with_bad_rows_from_the_drop_to_its_numbers(seen: Visit, folder: Path) -> None:
    page = seen.page
    page.get_by_role("link", name="Add data").click()
    fits(seen)
    with page.expect_navigation():
        page.locator("input[type=file]").set_input_files({"name": "leads.csv", "mimeType": "text/csv", "buffer": LEADS})
    card = page.locator("#leads")
    expect(card.locator("legend")).to_contain_text("Remark")
    expect(card).to_contain_text("2025-01-01")
    fits(seen)
    card.get_by_label("Leave it out").check()
    card.get_by_role("button", name="Answer").click()
    expect(card.locator("legend")).to_have_count(0)
    expect(card.get_by_role("table", name="Rows by file")).to_contain_text("58")
    expect(card.get_by_role("table", name="Rows set aside")).to_contain_text("2025-02-30")
    fits(seen)
    assert not (folder / ".headwater" / "store").exists()
    page.get_by_role("button", name="Load 1 source").click()
    page.wait_for_url("**/data")
    shown = page.locator("[data-refreshing] a")
    expect(shown).to_be_visible()
    shown.click()
    expect(page.locator("#aside")).to_contain_text("leads.csv")
    expect(page.locator("#loads")).to_contain_text("58")
    seen.go("/kpi/leads?period=2025-01")
    expect(page.locator(".kpi-value")).to_have_text("58")
    assert seen.wrong() == []


def test_what_is_refused_is_told_beside_the_file(seen: Visit, folder: Path) -> None:
    (folder / "headwater.yml").write_text("upload_mb: 1\n", encoding="utf-8")
    seen.go("/data/add")
    files = [("huge.csv", b"x" * (2 << 20)), ("leads.csv", LEADS)]
    sent = [{"name": name, "mimeType": "text/csv", "buffer": content} for name, content in files]
    seen.page.locator("input[type=file]").set_input_files(sent)  # type: ignore[arg-type]
    expect(seen.page.locator(".dropzone-fault")).to_contain_text("larger than 1 MB")
    seen.page.locator(".dropzone-files a").click()
    expect(seen.page.locator("#leads")).to_be_visible()
    assert seen.wrong() == []
    assert [p.name for p in (folder / "uploads").iterdir()] == ["leads.csv"]


def test_without_a_script_a_file_in_the_folder_is_asked_about_and_loaded(window: Browser, folder: Path) -> None:
    (folder / "uploads").mkdir()
    (folder / "uploads" / "leads.csv").write_bytes(LEADS)
    with Held(folder, now=NOW, environment={}) as held, serving(held) as address:
        context = window.new_context(java_script_enabled=False)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(f"{address}/?token=a-token-of-a-test-that-is-long-enough")
        page.goto(f"{address}/data/add")
        expect(page.locator("[data-by-hand]")).to_contain_text("uploads")
        page.get_by_label("Leave it out").check()
        page.get_by_role("button", name="Answer").click()
        page.get_by_role("button", name="Load 1 source").click()
        page.wait_for_url("**/data")
        context.close()
    assert (folder / "sources" / "leads.yml").exists()
