"""The last net: a fault nobody foresaw becomes a plain answer and a line in the log, never a trace to the client.

The log names method, path, status and time. Never a query, a header or the text of an error: those may hold names of
people, the token, or cells of a file.
"""

from __future__ import annotations

import logging
import time
from inspect import isawaitable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.errors import place_of
from headwater.http.guards.refusal import Refusal, refuse, wants_page

logger = logging.getLogger("headwater.http")


class Faults:
    """Answers what went wrong inside, and writes the access log (requests at INFO, refusals WARNING, faults ERROR)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whatever happens inside."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as error:
            logger.error("%s: %s", _named(scope), place_of(error))
            if status:
                raise  # half an answer is out: only cutting the connection tells the client that it is not whole
            await _tell_fault(scope, receive, told, error)
        took = (time.perf_counter() - began) * 1000
        level = logging.WARNING if status in (401, 403, 421) else logging.INFO
        logger.log(level, "%s %d %.0f ms", _named(scope), status, took)


async def _tell_fault(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Answers a fault: with the page that the application has for it, where a person asked; else plainly."""
    handler = scope["app"].exception_handlers.get(Exception)
    if handler is not None and wants_page(scope):
        response = handler(Request(scope), error)
        if isawaitable(response):
            response = await response
        await response(scope, receive, send)
        return
    what = "Something went wrong that Headwater did not expect."
    await refuse(scope, send, Refusal(500, what, "The terminal where the server runs says where."))


def _named(scope: Scope) -> str:
    """Method and path, with everything that could forge a line spelled out, and not without end."""
    return f"{scope['method']} {scope['path']}"[:200].encode("unicode_escape").decode("ascii")
