"""The KPIs: the list and the find box at `/kpi`, one KPI with all that stands behind it at `/kpi/{id}`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from headwater.api.held import Held, Moment
from headwater.web.pages.kpi.listing import listed
from headwater.web.pages.kpi.one import MORE, shown
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked
from headwater.web.view.look import Look, Pages

NAVIGATION = (2, "/kpi")


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/kpi` and `/kpi/{id}`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/kpi", methods=["GET", "HEAD"])
    def kpi_list(request: Request) -> Response:
        return pages.answer(request, listed, ("q", "part"))

    @router.api_route("/kpi/{name}", methods=["GET", "HEAD"])
    def kpi(request: Request, name: str) -> Response:
        return pages.answer(request, lambda look: shown(look, name), MORE)

    return router


def usual(moment: Moment) -> None:
    """Asks what the list tells where nothing is chosen, without the stages that come into sight later."""
    listed(Look(moment, Asked(), "/kpi"))
