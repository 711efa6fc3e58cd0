"""Error pages: what went wrong, where and what to do; of our own faults no detail leaves the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from headwater.errors import HeadwaterError, QueryError, WorkspaceError
from headwater.web.parts import Frame
from headwater.web.templates import Templates
from headwater.web.texts import speaker

Handler = Callable[[Request, Any], Response | Awaitable[Response]]

NOT_OURS = ("/api/",)
"""Addresses whose errors are for programs; another part of the application answers them."""


def mount_faults(app: FastAPI, templates: Templates, frame: Callable[[str], Frame]) -> None:
    """Answers errors of pages with pages. Handlers that are there already keep the addresses for programs; `frame`
    gives the frame of a page with a title."""
    say = speaker()

    def no_page(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            what, do = say("faults.not_found"), say("faults.not_found_do")
        else:
            what, do = say("faults.method"), say("faults.method_do")
        return show(request, error.status_code, what, "", do, error.headers)

    def told(request: Request, error: HeadwaterError) -> Response:
        match error:
            case QueryError():
                status = 400
            case WorkspaceError():
                status = 503
            case _:
                status = 500
        return show(request, status, error.what, error.where, error.do)

    def unforeseen(request: Request, _: Exception) -> Response:
        return show(request, 500, say("faults.ours"), "", say("faults.ours_do"))

    def show(request: Request, status: int, what: str, where: str, do: str, headers: Any = None) -> Response:
        sentence = what[:1].upper() + what[1:]
        title, _, rest = sentence.partition("\n")
        answer = templates.page(
            request, "fault.html", frame(title), {"what": rest, "where": where, "do": do}, status=status
        )
        answer.headers.update(headers or {})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    for kind, handler in ((HTTPException, no_page), (HeadwaterError, told), (Exception, unforeseen)):
        app.add_exception_handler(kind, _beside(app.exception_handlers.get(kind), handler))


def _beside(before: Any, pages: Handler) -> Handler:
    """The handler for pages, but where one stood already and the address is for programs."""

    async def handle(request: Request, error: Any) -> Response:
        handler = before if before is not None and request.url.path.startswith(NOT_OURS) else pages
        answer = handler(request, error)
        return await answer if isawaitable(answer) else answer

    return handle
