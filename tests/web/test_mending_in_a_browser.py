"""In a real browser: rows that were set aside are downloaded, mended, handed in; what is meant is accepted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from headwater import Workspace
from headwater.api.held import Held
from tests.web.browsing import AXE, SIZES, Visit, serving, violations, visit
from tests.web.test_mending import FIRST, SECOND, SOURCE
from tests.world import NOW

pytestmark = pytest.mark.timeout(300)
expect.set_options(timeout=60_000)


@pytest.fixture
def seen(window: Browser, tmp_path: Path, parsed: Path) -> Iterator[Visit]:
    folder = Workspace.init(tmp_path / "acme").path
    shutil.copytree(parsed, folder / ".headwater" / "cache")
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "crm.yml").write_text(SOURCE, encoding="utf-8")
    workspace = Workspace(folder, now=NOW, environment={})
    for name, text in (("leads-1.csv", FIRST), ("leads-2.csv", SECOND)):
        (folder / name).write_text(text, encoding="utf-8")
        workspace.load()
    workspace.refresh()
    with (
        Held(folder, now=NOW, environment={}) as held,
        serving(held) as address,
        visit(window, address, script=AXE) as seen,
    ):
        seen.page.set_default_timeout(60_000)
        seen.go("/data")
        yield seen


def test_rows_are_downloaded_mended_handed_in_and_accepted(seen: Visit, tmp_path: Path) -> None:
    page, aside = seen.page, seen.page.locator("#aside")
    expect(aside).to_contain_text("'2025-02-30'")
    for scheme, size in (("light", "desktop"), ("dark", "phone")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], size
        assert violations(seen) == [], (scheme, size)
    page.set_viewport_size(SIZES["desktop"])  # type: ignore[arg-type]
    with page.expect_download() as download:
        aside.get_by_role("link", name="Download the 3 rows").click()
    file = tmp_path / "mend.csv"
    download.value.save_as(file)
    head, *lines = file.read_text(encoding="utf-8-sig").splitlines()
    (row,) = [line for line in lines if "2025-02-30,ads" in line]

    still = {"name": "mend.csv", "mimeType": "text/csv", "buffer": f"{head}\n{row}\n".encode()}
    aside.locator("input[type=file]").set_input_files(still)  # type: ignore[arg-type]
    expect(aside.locator(".dropzone-fault")).to_contain_text("can be loaded yet")

    mended = f"{head}\n{row.replace('2025-02-30,ads', '2025-02-28,ads')}\n".encode()
    with page.expect_navigation():
        aside.locator("input[type=file]").set_input_files({**still, "buffer": mended})  # type: ignore[arg-type]
    expect(aside).to_contain_text("Download the 2 rows")
    expect(aside).not_to_contain_text("2025-02-30")
    with page.expect_navigation():
        aside.get_by_role("button", name="It is meant, accept it: crm").click()
    expect(aside).to_contain_text("Download the row")
    expect(page.locator("#loads")).to_contain_text("mended rows")
    assert [fault for fault in seen.wrong() if "400" not in fault] == [], "the refused file is the only fault"
