"""The gallery: every component in every state, light beside dark. Served in development only."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from headwater.api.held import Held
from headwater.web.pages.design import samples
from headwater.web.parts import Frame, Link, Notice
from headwater.web.templates import Templates

DEVELOPMENT = True


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/design`. It shows samples, so the workspace is not asked."""
    router = APIRouter()

    @router.get("/design")
    def design(request: Request) -> HTMLResponse:
        frame = Frame(
            title="Design",
            active="design",
            company="Northwind Instruments",
            lead="Every component in every state, in the light and the dark form.",
            controls=samples.CONTROLS,
            notices=(
                Notice("warn", "The CRM export is 9 days old: June is not complete.", Link("Data", "/data")),
                Notice("info", "A refresh restated May."),
            ),
            data_version="g-4f81c2",
            fresh_text="Complete through 18 June 2026",
        )
        return templates.page(
            request, "pages/design/page.html", frame, {"samples": samples, "schemes": ("light", "dark")}
        )

    return router
