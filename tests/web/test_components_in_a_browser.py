"""The components and cohorts of the funnel page in a browser, with everything opened: width and the rules of access."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, expect

from headwater.api.held import Held
from tests.api.test_components import rows
from tests.web.browsing import AXE, SIZES, serving, violations, visit
from tests.world import NOW, world

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    company = world(tmp_path_factory.mktemp("components-browser"), rows(), through=date(2025, 12, 31))
    with Held(company.path, now=NOW, environment={}) as held, serving(held) as address:
        yield address


def test_the_blocks_with_all_that_they_hide_keep_to_width_and_the_rules(window: Browser, address: str) -> None:
    with visit(window, address, script=AXE) as seen:
        for part, asked, told in (("components", "&level=campaign", "no sign"), ("cohorts", "", "90 days")):
            seen.go(f"/funnel?part={part}{asked}&period=2025&as_of=2025-12-31")
            expect(seen.page.locator(f"#{part}")).to_contain_text(told)
            seen.page.eval_on_selector_all(f"#{part} details", "all => all.forEach((one) => { one.open = true; })")
            for scheme, size in (("light", "desktop"), ("dark", "phone")):
                seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                seen.page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
                wide = seen.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= SIZES[size]["width"], (part, scheme, size)
                assert violations(seen, f"#{part}") == [], (part, scheme, size)
        assert seen.wrong() == []
