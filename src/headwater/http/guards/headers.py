"""The headers of every answer, refusals and faults included: what a browser may do with it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
"""Nothing from elsewhere, nothing inline, in nobody's frame."""

ALWAYS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(
        f"{name}=()"
        for name in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What every answer says, whatever the one that made it said."""

UNLESS_TOLD = {"cache-control": "private, no-cache"}
"""What an answer says where the one that made it did not: kept by nobody but this browser, asked for anew each time."""


class Headers:
    """Puts the headers on every answer and takes off what tells of the server's software."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(k.lower(), v) for k, v in message.get("headers", ())]
                known = {k for k, _ in given}
                kept = [(k, v) for k, v in given if k.decode("latin-1") not in ALWAYS and k != b"server"]
                unless = {k: v for k, v in UNLESS_TOLD.items() if k.encode() not in known}
                added = [(k.encode(), v.encode()) for k, v in (ALWAYS | unless).items()]
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        await self._app(scope, receive, told)
