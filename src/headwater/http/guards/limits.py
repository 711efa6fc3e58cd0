"""How large a request may be, how many are answered at once, and which paths cannot be meant well."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.http.guards.refusal import Refusal, refuse, values

MOST_URL = 8 << 10
MOST_HEADERS = 16 << 10
MOST_BODY = 64 << 10
MOST_AT_ONCE = 256
PATIENCE_SECONDS = 20.0
"""How long a body may take to arrive."""

METHODS = ("GET", "HEAD", "OPTIONS", "POST")


class Limits:
    """Refuses what is too large, too many, or spelled to reach a path by another name."""

    def __init__(self, app: ASGIApp, most_at_once: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._most = most_at_once
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or refuses one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _shape(scope)
        if refusal is None and self._now >= self._most:
            headers = ((b"retry-after", b"1"),)
            refusal = Refusal(503, "The server is answering as much as it can.", "Try again in a moment.", headers)
        if refusal is not None:
            await refuse(scope, send, refusal)
            return
        self._now += 1
        try:
            if _is_streamed(scope):
                await self._app(scope, _patient(receive), send)
                return
            body = await _body(receive)
            if isinstance(body, Refusal):
                await refuse(scope, send, body)
            else:
                await self._app(scope, _again(body, receive), send)
        finally:
            self._now -= 1


def _shape(scope: Scope) -> Refusal | None:
    """What is wrong with the request before its body is read."""
    if scope["method"] not in METHODS:
        allow = ((b"allow", ", ".join(METHODS).encode()),)
        return Refusal(405, "This server does not know that method.", "Ask with GET.", allow)
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    if len(raw) + len(query) > MOST_URL:
        return Refusal(414, f"The address is longer than {MOST_URL:,} bytes.", "Ask for less at once.")
    if sum(len(k) + len(v) + 4 for k, v in scope["headers"]) > MOST_HEADERS:
        return Refusal(431, f"The headers are longer than {MOST_HEADERS:,} bytes.", "Remove cookies of other sites.")
    if _is_trick(scope["path"], raw, query):
        return Refusal(400, "The address is not spelled as an address of this server.", "Follow a link of the page.")
    lengths = values(scope, b"content-length")
    if lengths and (len(set(lengths)) > 1 or not lengths[0].isdecimal()):
        return Refusal(400, "The length of the request is not clear.")
    if lengths and int(lengths[0][:12]) > MOST_BODY and not _is_streamed(scope):
        return _too_large()
    return None


def _is_streamed(scope: Scope) -> bool:
    """Whether the body goes on as it arrives: only to a path that says so in `app.state.streamed`, which counts it."""
    streamed = getattr(getattr(scope.get("app"), "state", None), "streamed", ())
    return scope["method"] == "POST" and scope["path"] in streamed


def _patient(receive: Receive) -> Receive:
    """The parts of a body, each of which may take so long as a whole small one; who stops sending is gone."""

    async def next_part() -> Message:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}

    return next_part


def _is_trick(path: str, raw: bytes, query: bytes) -> bool:
    """Whether a path says one thing and means another: dots, doubled or encoded slashes, control characters."""
    lowered = raw.lower()
    return (
        not path.startswith("/")
        or path.startswith("//")
        or any(part in (".", "..") for part in path.replace("\\", "/").split("/"))
        or any(ord(c) < 32 or c in "\\\x7f\ufffd" for c in path)
        or any(code in lowered for code in (b"%2f", b"%5c", b"%25"))
        or b"%00" in query
    )


async def _body(receive: Receive) -> bytes | Refusal:
    """The whole body, which is small or refused; what is longer than that is not read."""
    body = b""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return body
                body += bytes(message.get("body", b""))
                if len(body) > MOST_BODY:
                    return _too_large()
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return Refusal(408, "The request took too long to arrive.", "Send it again.")


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read once more, and then whatever comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large() -> Refusal:
    return Refusal(413, f"The request is larger than {MOST_BODY:,} bytes.", "Send less.", ((b"connection", b"close"),))
