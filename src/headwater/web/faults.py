"""Error pages: what went wrong, where and what to do; of our own faults no detail leaves the server."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.errors import HeadwaterError, QueryError, StoppedError, UnknownError, WorkspaceError, place_of
from headwater.web.parts import Frame
from headwater.web.templates import Templates, is_part
from headwater.web.texts import speaker

logger = logging.getLogger("headwater.web")

Handler = Callable[[Request, Any], Response | Awaitable[Response]]

FOR_PROGRAMS = "/api/"
"""Addresses whose errors are for programs; another part of the application answers them."""


def mount_faults(app: FastAPI, templates: Templates, frame: Callable[[str], Frame]) -> None:
    """Answers errors of pages with pages. Handlers that are there already keep the addresses for programs; `frame`
    gives the frame of a page with a title."""
    say = speaker()

    def no_page(request: Request, error: HTTPException) -> Response:
        known = error.status_code == 404
        what = say("faults.not_found" if known else "faults.method")
        do = say("faults.not_found_do" if known else "faults.method_do")
        answer = show(request, error.status_code, what, "", do)
        answer.headers.update(error.headers or {})
        return answer

    def told(request: Request, error: HeadwaterError) -> Response:
        match error:
            case WorkspaceError() | StoppedError():
                status = 503
            case UnknownError():
                status = 404
            case QueryError():
                status = 400
            case _:
                status = 500
                logger.error("%s %s", request.method, place_of(error.__cause__ or error))
        return show(request, status, error.what, error.where, error.do)

    def unforeseen(request: Request) -> Response:
        return show(request, 500, say("faults.ours"), "", say("faults.ours_do"))

    def show(request: Request, status: int, what: str, where: str, do: str) -> Response:
        title, _, rest = (what[:1].upper() + what[1:]).partition("\n")
        answer = templates.page(
            request,
            "fault.html",
            frame(title),
            {"what": rest, "where": where, "do": do, "alone": is_part(request)},
            block="main",
            status=status,
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    for kind, handler in ((HTTPException, no_page), (HeadwaterError, told)):
        app.add_exception_handler(kind, _beside(app.exception_handlers.get(kind), handler))
    app.add_middleware(_Net, answer=unforeseen)


def _beside(before: Any, pages: Handler) -> Handler:
    """The handler for pages, but where one stood already and the address is for programs."""

    async def handle(request: Request, error: Any) -> Response:
        handler = before if before is not None and request.url.path.startswith(FOR_PROGRAMS) else pages
        answer = handler(request, error)
        return await answer if isawaitable(answer) else answer

    return handle


class _Net:
    """Catches what nobody foresaw on the way to a page. The log names the kind of the fault and its place, never its
    text, which may hold what is in a file."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(FOR_PROGRAMS):
            await self._app(scope, receive, send)
            return
        begun = False

        async def told(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as error:
            if begun:
                raise  # half a page is out: only cutting the connection tells that it is not whole
            logger.error("%s %s", scope["method"], place_of(error))
            await self._answer(Request(scope))(scope, receive, send)
