"""A browser and a program that talk to the application without a network, byte for byte as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
from fastapi import FastAPI
from starlette.types import Message

from headwater.http.guards.entry import cookie_name, cookie_value

PORT = 8642
TOKEN = "a-token-of-a-test-that-is-long-enough"
OWN = f"http://127.0.0.1:{PORT}"
COOKIE = f"{cookie_name(PORT)}={cookie_value(TOKEN)}"


@dataclass(frozen=True)
class Client:
    """Sends a request as it is given: nothing is spelled anew, kept or followed. It has the cookie, unless told."""

    app: FastAPI
    headers: Mapping[str, str] = field(default_factory=lambda: {"cookie": COOKIE})
    at: tuple[str, int] = ("127.0.0.1", 50_000)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.send("GET", path, headers)

    def post(self, path: str, **headers: str) -> httpx.Response:
        return self.send("POST", path, headers)

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        """The answer. Header names are written with underscores; `host=""` sends none."""
        given = {"host": f"127.0.0.1:{PORT}"} | dict(self.headers) | dict(headers or {})
        sent: list[Message] = []

        given_once = False

        async def receive() -> Message:
            nonlocal given_once
            if given_once:
                await asyncio.Event().wait()  # the reader stays: nothing more comes
            given_once = True
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.app(scope(method, path, given, self.at), receive, send))
        body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=body)


def scope(method: str, target: str, headers: Mapping[str, str], at: tuple[str, int]) -> dict[str, Any]:
    """What a server makes of a request line and its headers."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items() if k != "host" or v],
        "client": at,
        "server": ("127.0.0.1", PORT),
    }
