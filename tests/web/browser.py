"""A browser over a served company: Debian's Chromium where it is installed, on the real server with its guards."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from headwater.api.held import Held
from headwater.http.server import application
from headwater.web.app import mount
from tests.world import NOW

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-sync",
)  # fmt: skip
AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "a-token-of-a-test-that-is-long-enough"

WITHOUT = "there is no Chromium here: apt-get install chromium"


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium. Without one the test is skipped, but never where CI runs."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail(WITHOUT)
        pytest.skip(WITHOUT)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@contextmanager
def at_home(folder: Path) -> Iterator[str]:
    """The workspace served on a free port of this computer; the link that lets a browser in."""
    with Held(folder, now=NOW, environment={}) as held, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        app = application(held, port=port, token=TOKEN, pages=(mount,))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/?token={TOKEN}"
        finally:
            server.should_exit = True
            thread.join()
            app.state.refreshing.stop()


class Reader:
    """Somebody at a screen. What the browser reports as an error fails the test."""

    def __init__(self, context: BrowserContext, link: str) -> None:
        self.page: Page = context.new_page()
        self.base = link.partition("/?")[0]
        self.faults: list[str] = []
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.goto(link)

    def goes(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def address(self) -> str:
        return self.page.url.removeprefix(self.base)

    def inside(self, selector: str, height: int) -> bool:
        """Whether a part is whole on the first screen."""
        box = self.page.locator(selector).first.bounding_box()
        return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height
