"""`mount`: the page on a server that holds a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from headwater.web import pages
from headwater.web.assets import Assets
from headwater.web.faults import mount_faults
from headwater.web.parts import Frame
from headwater.web.templates import Templates, environment

if TYPE_CHECKING:
    from headwater.api.held import Held


def mount(app: FastAPI, held: Held) -> None:
    """Adds the pages, `/static/` and the error pages to an application; `/design` where `app.state.development` is
    true. `app.state.usual` asks what some pages tell where nothing is chosen, the first page first. WorkspaceError
    where the assets of the page are not built."""
    development = bool(getattr(app.state, "development", False))
    assets = Assets()
    found = [(name, pages.route(name)) for name in pages.names()]
    found = [(name, page) for name, page in found if development or not getattr(page, "DEVELOPMENT", False)]
    places = sorted((page.NAVIGATION, name) for name, page in found if hasattr(page, "NAVIGATION"))
    navigation = tuple((name, address) for (_, address), name in places)
    templates = Templates(environment(assets, navigation, development=development))
    app.include_router(assets.routes())
    app.state.streamed = frozenset(path for _, page in found for path in getattr(page, "STREAMED", ()))
    asked = sorted((page.NAVIGATION, page.usual) for _, page in found if hasattr(page, "usual"))
    app.state.usual = tuple(usual for _, usual in asked)
    for _, page in found:
        app.include_router(page.routes(held, templates), include_in_schema=False)
    mount_faults(app, templates, Frame)
