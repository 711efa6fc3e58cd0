"""A real browser on the real server: Debian's Chromium, the guards and the content policy as users have them."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from headwater.api.held import Held
from headwater.http import server
from headwater.web.app import mount
from tests.conftest import REPOSITORY

TOKEN = "a-token-of-a-test-that-is-long-enough"
AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}

LISTEN = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (fault) => {
  window.broken.push(`${fault.violatedDirective}: ${fault.sample || fault.blockedURI}`);
});
"""
"""Keeps what the content policy refused, from before the first script of the page."""


def chromium_path() -> str:
    """Where the browser is; the test is skipped where there is none."""
    found = os.environ.get("HEADWATER_CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("needs Chromium: apt-get install chromium (or name one in HEADWATER_CHROMIUM)")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, started with a new profile."""
    path = chromium_path()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@contextmanager
def serving(held: Held, *, development: bool = False) -> Iterator[str]:
    """The server on a free port, in a thread of its own; gives its address."""
    held.prepare().exception()
    bound = server.bind(0)
    port = bound.getsockname()[1]
    app = server.application(held, port=port, token=TOKEN, pages=[mount], development=development)
    running = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=running.run, args=([bound],), daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not running.started and time.monotonic() < until and thread.is_alive():
        time.sleep(0.02)
    assert running.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(30)
        bound.close()


@dataclass
class Visit:
    """A page in a browser window, and what went wrong on it so far."""

    page: Page
    address: str
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Opens a path and waits until it has loaded."""
        self.page.goto(self.address + path)

    def wrong(self) -> list[str]:
        """Errors of scripts, of loading, of the content policy, and requests that left the server."""
        elsewhere = [url for url in self.asked if not url.startswith((self.address, "data:", "blob:"))]
        return [*self.faults, *self.page.evaluate("window.broken"), *elsewhere]


@contextmanager
def visit(
    window: Browser,
    address: str,
    *,
    scheme: str = "light",
    size: str = "desktop",
    script: Path | None = None,
    toured: bool = True,
) -> Iterator[Visit]:
    """A window that has opened the printed link; `script` runs before those of each page, past the policy. It is one in
    which the tour was closed already, unless told."""
    context = window.new_context(
        viewport=SIZES[size],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        accept_downloads=True,
    )
    if toured:
        context.add_cookies([{"name": "headwater-tour", "value": "seen", "url": address}])
    page = context.new_page()
    page.add_init_script(LISTEN)
    if script:
        page.add_init_script(path=script)
    seen = Visit(page, address)
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("console", lambda said: seen.faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("response", lambda told: seen.faults.append(f"{told.status} of {told.url}") if told.status >= 500 else None)
    page.on("pageerror", lambda error: seen.faults.append(str(error)))
    page.on("dialog", lambda dialog: (seen.faults.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(f"{address}/?token={TOKEN}")
    yield seen
    context.close()


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def see_all(seen: Visit) -> None:
    """Scrolls to every part that comes later until it is there, and to every chart until it is drawn."""
    # What stands there is asked in one go: a part may come, and be no later one, while others are asked.
    for name in seen.page.eval_on_selector_all("[data-later]", "parts => parts.map((part) => part.id).filter(Boolean)"):
        seen.page.evaluate("(name) => document.getElementById(name)?.scrollIntoView()", name)  # it may be exchanged
        expect(seen.page.locator(f"#{name}[data-later]")).to_have_count(0)
    for chart in seen.page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
        expect(chart.locator("[data-canvas] svg")).to_be_visible()


def violations(seen: Visit, part: str = "html") -> list[str]:
    """What axe, the script of this visit, finds against WCAG 2.2 AA: the element and the reason of each."""
    found = seen.page.evaluate("([part, tags]) => axe.run(part, {runOnly: tags})", [part, RULES])
    assert found["passes"], "axe looked at something"
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
