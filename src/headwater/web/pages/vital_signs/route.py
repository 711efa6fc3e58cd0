"""The first page: how the company is, in a minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from headwater.api.held import Held, Moment
from headwater.api.overview import Overview, overview
from headwater.web.parts import About, Link, Stop
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked
from headwater.web.view.look import Look, Made, Pages
from headwater.web.view.signs import fall, need, steps, tile

NAVIGATION = (1, "/")
PAGE = "pages/vital_signs/page.html"


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/", methods=["GET", "HEAD"])
    def vital_signs(request: Request) -> Response:
        return pages.answer(request, _made)

    return router


def usual(moment: Moment) -> None:
    """Asks what the page tells where nothing is chosen."""
    _made(Look(moment, Asked(), "/"))


def _made(look: Look) -> Made:
    say, moment = look.say, look.moment
    title = say("vital_signs.title")
    if not look.has_data:
        return _empty(look, look.unbuilt())
    seen = overview(
        moment,
        moment.catalogue,
        look.calendar,
        look.board,
        look.looked,
        look.condition,
        lambda: look.checked,
    )
    if not seen.strip and not seen.tiles:
        title, text, action = (say(f"vital_signs.nothing_{part}") for part in ("title", "text", "action"))
        return _empty(look, {"title": title, "text": text, "action": Link(action, "/kpi")})
    context = {
        "steps": steps(look, seen.strip),
        "needs": [need(look, n) for n in seen.needs],
        "tiles": [tile(look, s) for s in seen.tiles],
        "folded": [tile(look, s) for s in seen.folded],
        "funnel_about": _funnel_about(look, seen),
        "needs_about": About(say("vital_signs.needs_about"), say("vital_signs.needs_rule")),
        "tiles_about": About(
            say("vital_signs.tiles_about"),
            say("vital_signs.tiles_rule", most=look.board.most, path=look.board.path),
            links=(Link(say("kpi.all"), "/kpi"),),
        ),
        "left": seen.left,
        "again": "" if look.is_whole else look.href(),  # what needs somebody asks for itself until the checks are done
        "empty": None,
    }
    tour = _tour(look) if look.moment.settings.demo else ()
    frame = look.frame(title, "vital_signs", controls=look.controls(), notices=look.as_of(), tour=tour)
    return PAGE, frame, context, "needs"


STOPS = (
    ("welcome", ""),
    ("funnel", ".funnel"),
    ("needs", "#needs"),
    ("number", ".tile"),
    ("find", ".finder"),
    ("data", ".pages a[href='/data']"),
)
"""The tour of a made-up company, and which part each stop tells of."""


def _tour(look: Look) -> tuple[Stop, ...]:
    company = look.moment.settings.company
    return tuple(
        Stop(at, look.say(f"tour.{name}_title", company=company), look.say(f"tour.{name}_text", company=company))
        for name, at in STOPS
    )


def _funnel_about(look: Look, seen: Overview) -> About:
    say = look.say
    found = [(s.step.title, s.fall) for s in seen.strip if s.fall is not None]
    told = [(say("components.bottleneck"), fall(look, title, f)) for title, f in found if f is not None]
    none = (say("components.bottleneck"), say("vital_signs.no_bottleneck"))
    facts = (*(told or [none]), (say("kpi.records_both"), say("vital_signs.funnel_rates")))
    return About(say("vital_signs.funnel_about"), say("vital_signs.funnel_rule"), facts)


def _empty(look: Look, empty: Mapping[str, Any]) -> Made:
    return PAGE, look.frame(look.say("vital_signs.title"), "vital_signs"), {"empty": empty}, ""
