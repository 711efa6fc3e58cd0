"""One folder a page: `route.py` with its addresses and `page.html`. The folder is the registry."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The pages that exist."""
    return sorted(path.parent.name for path in FOLDER.glob("*/route.py"))


def route(name: str) -> ModuleType:
    """The module of a page. It holds `routes(held, templates) -> APIRouter`, and, where the header leads to the page,
    `NAVIGATION = (place, address)`; `STREAMED` are addresses that read a body of any size as it arrives. A page
    with `DEVELOPMENT = True` is served in development only."""
    return import_module(f"headwater.web.pages.{name}.route")
