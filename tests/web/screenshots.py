"""Pictures of every page, light, dark and on a phone, for a person to look at: `make screenshots`.

Without a workspace it takes the one that `make demo` leaves, else it draws a small one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from headwater import Workspace
from headwater.api.held import Held
from tests.conftest import REPOSITORY
from tests.web.browsing import Visit, browser, see_all, serving, visit
from tests.web.test_add_page import LEADS

OUT = REPOSITORY / "build" / "screenshots"
DEMO = REPOSITORY / "build" / "demo"
SMALL = REPOSITORY / "build" / "demo-small"
LOOKS = (("light", "desktop"), ("dark", "desktop"), ("light", "phone"))


def main() -> None:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="whose pages (default: build/demo, else a small demo company)")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--picture", type=Path, help="the first page alone, light, for the README")
    given = parser.parse_args()
    with Held(given.workspace or drawn()) as held, serving(held, development=True) as address, browser() as window:
        if given.picture:
            with visit(window, address) as seen:
                seen.go("/")
                settle(seen)
                seen.page.screenshot(path=given.picture)
            return
        given.out.mkdir(parents=True, exist_ok=True)
        for scheme, size in LOOKS:
            with visit(window, address, scheme=scheme, size=size) as seen:
                for name, path in pages(seen):
                    seen.go(path)
                    shoot(seen, given.out, name, scheme, size)
        adding(window, given.out)


def shoot(seen: Visit, out: Path, name: str, scheme: str, size: str) -> None:
    """Writes the first screen and the whole of a page, and prints what the browser complained of."""
    settle(seen)
    look = f"{name}-{'phone' if size == 'phone' else scheme}"
    if size == "desktop":
        seen.page.screenshot(path=out / f"{look}.png")
    seen.page.screenshot(path=out / f"{look}-whole.png", full_page=True)
    print(f"{look}: {len(seen.wrong())} faults", *seen.wrong(), sep="\n  ")
    seen.faults.clear()


def adding(window: Browser, out: Path) -> None:
    """The way from a file to a source: with a question, and tried."""
    with tempfile.TemporaryDirectory() as place:
        folder = Workspace.init(Path(place) / "acme").path
        (folder / "uploads").mkdir()
        (folder / "uploads" / "leads.csv").write_bytes(LEADS)
        with Held(folder) as held, serving(held) as address:
            for name in ("add-asked", "add-tried"):
                for scheme, size in LOOKS:
                    with visit(window, address, scheme=scheme, size=size) as seen:
                        seen.go("/data/add")
                        shoot(seen, out, name, scheme, size)
                        if (name, size) == ("add-asked", "phone"):
                            seen.page.get_by_label("Leave it out").check()
                            with seen.page.expect_navigation():
                                seen.page.get_by_role("button", name="Answer").click()


def drawn() -> Path:
    """A workspace to look at."""
    if (DEMO / ".headwater").is_dir():
        return DEMO
    if not (SMALL / ".headwater").is_dir():
        command = [sys.executable, "-m", "headwater", "demo", "--dir", str(SMALL), "--scale", "0.05", "--no-serve"]
        subprocess.run(command, check=True)
    return SMALL


def pages(seen: Visit) -> list[tuple[str, str]]:
    """Every page by name: those of the header, the gallery, an error, and the first KPI with its views."""
    found = [
        ("vital-signs", "/"),
        ("funnel", "/funnel"),
        ("funnel-by", "/funnel?by=team"),
        ("funnel-components", "/funnel?part=components&level=campaign"),
        ("qualify", "/qualify"),
        ("qualify-against", "/qualify?against=asked_for_a_talk"),
        ("boards", "/boards"),
        ("board", "/boards/acquisition"),
        ("board-leaders", "/boards/sales_team"),
        ("explore", "/explore?kpi=leads&kpi=cost_per_lead"),
        ("explore-axes", "/explore?kpi=leads&kpi=cost_per_lead&show=axes"),
        ("explore-scatter", "/explore?kpi=leads&kpi=cost_per_lead&show=scatter"),
        ("kpis", "/kpi"),
        ("data", "/data"),
        ("add", "/data/add"),
        ("design", "/design"),
        ("not-found", "/no-such-page"),
    ]
    seen.go("/")
    tile = seen.page.locator(".tile-title a").first
    if tile.count():
        path = tile.get_attribute("href") or ""
        found.append(("kpi", path))
        seen.go(path)
        views = seen.page.locator(".kpi-views a, nav.segmented a").all()
        shown = [(link.inner_text().split()[0].lower(), link.get_attribute("href") or "") for link in views[1:]]
        found += [(f"kpi-{name}", path) for name, path in shown if path.startswith("/")]
    return found


def settle(seen: Visit) -> None:
    """Waits until every part is there and every chart is drawn, and goes back to the top."""
    see_all(seen)
    seen.page.evaluate("window.scrollTo(0, 0)")


if __name__ == "__main__":
    main()
