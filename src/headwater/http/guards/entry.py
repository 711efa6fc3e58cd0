"""The door: the printed link carries a token, which is exchanged for a cookie and leaves the address."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.http.guards.refusal import Header, Refusal, is_navigation, refuse, values

FIELD = "token"
DO = "Open the link that 'headwater serve' printed when it started; it is new at every start."


def cookie_name(port: int) -> str:
    """The name of the cookie: browsers keep one jar for all ports of a host, and two servers must not mix."""
    return f"headwater_{port}"


def cookie_value(token: str) -> str:
    """What the cookie holds: it opens this server until it stops, and does not tell the token."""
    return hmac.new(token.encode(), b"headwater cookie", hashlib.sha256).hexdigest()


class Entry:
    """Lets in who holds the cookie, or sends the token as `Authorization: Bearer`; a link with the token gets the
    cookie and is sent on to the same page without it."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        if len(token) < 32:
            raise ValueError("a token has at least 32 characters, drawn anew at every start")
        self._app = app
        self._token, self._name, self._value = token, cookie_name(port), cookie_value(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, sends on or refuses one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fields = _fields(scope)
        tokens = [value for name, value in fields if name == FIELD]
        known = self._is_known(scope)
        if tokens and scope["method"] in ("GET", "HEAD"):
            opens = len(tokens) == 1 and _same(tokens[0], self._token)
            if opens or known:
                await _send_on(scope, send, fields, self._cookie() if opens else ())
                return
        if known:
            await self._app(scope, receive, send)
            return
        # A strict cookie does not come along when another site's link leads here; asking again from here brings it.
        again = is_navigation(scope, ("same-site", "cross-site"))
        headers = ((b"www-authenticate", b'Bearer realm="headwater"'),)
        await refuse(scope, send, Refusal(401, "This page opens with the link of this server.", DO, headers, again))

    def _is_known(self, scope: Scope) -> bool:
        """Whether a cookie or the Authorization header opens; every one that came is looked at, since another server
        on this host can add cookies of the same name."""
        cookies = [part.partition("=") for line in values(scope, b"cookie") for part in line.split(";")]
        found = [_same(value.strip(), self._value) for name, _, value in cookies if name.strip() == self._name]
        for given in values(scope, b"authorization"):
            kind, _, token = given.partition(" ")
            found.append(kind.lower() == "bearer" and _same(token.strip(), self._token))
        return any(found)

    def _cookie(self) -> tuple[Header, ...]:
        return ((b"set-cookie", f"{self._name}={self._value}; Path=/; HttpOnly; SameSite=Strict".encode()),)


def _fields(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(), wanted.encode())


async def _send_on(scope: Scope, send: Send, fields: list[tuple[str, str]], cookie: tuple[Header, ...]) -> None:
    """Sends the browser to the same page without the token."""
    rest = urlencode([(name, value) for name, value in fields if name != FIELD])
    (host,) = values(scope, b"host")
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    location = f"http://{host}{path}" + (f"?{rest}" if rest else "")
    headers = [(b"location", location.encode("latin-1")), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": [*headers, *cookie]})
    await send({"type": "http.response.body", "body": b""})
