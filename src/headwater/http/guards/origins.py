"""Who may talk to the server: this computer, under the server's own name, from the server's own pages."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.http.guards.refusal import Refusal, is_navigation, refuse, values

OWN_SITES = ("same-origin", "none")
"""Requests of the server's pages, and of the person at the browser (address bar, bookmark)."""


def addresses(port: int) -> tuple[str, ...]:
    """The names under which the server answers, as a Host header says them."""
    names = ("127.0.0.1", "localhost")
    return tuple(f"{name}:{port}" for name in names) + (names if port == 80 else ())


class Origins:
    """Refuses a foreign Host (DNS rebinding), a foreign Origin, and what a browser says another site caused; another
    site may do one thing: open a page in a window of its own, which it cannot read."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = frozenset(addresses(port))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or refuses one request."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, send, refusal)

    def _refusal(self, scope: Scope) -> Refusal | None:
        client = scope.get("client")
        if client is not None and not _is_loopback(client[0]):
            return Refusal(403, "This server answers to its own computer alone.")
        hosts = values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return Refusal(421, "This server is not known under that name.", "Open the link that it printed.")
        sites, origins = values(scope, b"sec-fetch-site"), values(scope, b"origin")
        if any(not _is_own(origin, hosts[0], sites) for origin in origins):
            return Refusal(403, "The request comes from another site.", "Open the link that the server printed.")
        if any(site not in OWN_SITES for site in sites) and not is_navigation(scope, ("same-site", "cross-site")):
            return Refusal(403, "The request comes from another site.", "Open the link that the server printed.")
        if scope["method"] == "POST" and not (origins or sites or values(scope, b"authorization")):
            do = "Send the header 'Origin', or the token as 'Authorization: Bearer TOKEN'."
            return Refusal(403, "The request does not say which page it comes from.", do)
        return None


def _is_own(origin: str, host: str, sites: list[str]) -> bool:
    """Whether an Origin is the server's own. A browser that is told to send no referrer writes `null` for a form of our
    own page; that it is our own is then told by Sec-Fetch-Site, which no script can set."""
    if origin == "null":
        return sites == ["same-origin"]
    return origin.lower() == f"http://{host.lower()}"


def _is_loopback(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False
