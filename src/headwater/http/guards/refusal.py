"""A refused request is told what is wrong and what to do: as a page for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from starlette.types import Scope, Send

Header = tuple[bytes, bytes]
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered. `again`: the page asks for itself once more, as a page of this server."""

    status: int
    what: str
    do: str = ""
    headers: tuple[Header, ...] = ()
    again: bool = False


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answers a request with its refusal: a page where a browser opens a page, else problem+json (RFC 9457)."""
    page = wants_page(scope)
    body = (_page(refusal) if page else problem(refusal)).encode()
    kind = b"text/html; charset=utf-8" if page else PROBLEM.encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*headers, *refusal.headers]})
    await send({"type": "http.response.body", "body": body})


def values(scope: Scope, name: bytes) -> list[str]:
    """The values of a header, which may come more than once."""
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == name]


def wants_page(scope: Scope) -> bool:
    """Whether the answer is for a person: the request names HTML and asks for no path of the API."""
    return not scope["path"].startswith("/api/") and any("text/html" in v for v in values(scope, b"accept"))


def is_navigation(scope: Scope, sites: Sequence[str]) -> bool:
    """Whether a browser says that one of these sites made it open a page, in a window of its own."""
    told = [values(scope, name) for name in (b"sec-fetch-mode", b"sec-fetch-dest")]
    site = values(scope, b"sec-fetch-site")
    return (
        told == [["navigate"], ["document"]]
        and len(site) == 1
        and site[0] in sites
        and scope["method"] in ("GET", "HEAD")
        and not scope["path"].startswith(("/api/", "/static/"))
    )


def problem(refusal: Refusal) -> str:
    """A refusal as JSON (RFC 9457), with what and what to do."""
    title = HTTPStatus(refusal.status).phrase
    told = {"type": "about:blank", "title": title, "status": refusal.status, "detail": refusal.what}
    return json.dumps(told | {"what": refusal.what, "where": "", "do": refusal.do})


def _page(refusal: Refusal) -> str:
    again = '<meta http-equiv="refresh" content="0">' if refusal.again else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Headwater</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"{again}</head><body><main><h1>Headwater</h1><p>{escape(refusal.what)}</p>"
        f"<p>{escape(refusal.do)}</p></main></body></html>"
    )
