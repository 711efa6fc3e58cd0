"""What strangers, other sites and broken clients get: a refusal, never data, never a trace."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.types import Message

from headwater.api.held import Held
from headwater.http.guards.entry import cookie_name
from headwater.http.guards.headers import ALWAYS
from headwater.http.guards.limits import MOST_BODY, MOST_HEADERS, MOST_URL, Limits
from headwater.http.server import application
from tests.http.client import COOKIE, OWN, PORT, TOKEN, Client, scope
from tests.world import world

PATH = "/api/refresh"
NAVIGATES = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


# --- the door --------------------------------------------------------------------------------------------------------
def test_the_link_gives_the_cookie_and_leaves_the_address(stranger: Client) -> None:
    answer = stranger.get(f"/?token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{OWN}/"
    assert answer.headers["set-cookie"] == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict"
    assert str(PORT) in cookie_name(PORT)
    assert TOKEN not in answer.headers["set-cookie"]


def test_the_rest_of_the_address_stays(stranger: Client) -> None:
    answer = stranger.get(f"/kpi/leads?period=last+12+months&token={TOKEN}&by=channel")
    assert answer.headers["location"] == f"{OWN}/kpi/leads?period=last+12+months&by=channel"


def test_the_cookie_opens(client: Client) -> None:
    assert client.get(PATH).status_code == 200
    assert "set-cookie" not in client.get(PATH).headers


def test_a_program_sends_the_token_itself(stranger: Client) -> None:
    assert stranger.get(PATH, authorization=f"Bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": ""},
        {"cookie": f"{cookie_name(PORT)}="},
        {"cookie": f"{cookie_name(PORT)}={TOKEN}"},
        {"cookie": COOKIE[:-1]},
        {"cookie": f"{COOKIE}0"},
        {"cookie": COOKIE.replace(str(PORT), str(PORT + 1))},
        {"cookie": f"{cookie_name(PORT)}=ünïcode"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
    ],
)
def test_without_the_secret_nothing_opens(stranger: Client, headers: dict[str, str]) -> None:
    answer = stranger.get(PATH, **headers)
    assert answer.status_code == 401
    assert answer.json()["what"] and "headwater serve" in answer.json()["do"]


@pytest.mark.parametrize(
    "query",
    ["token=", "token=wrong", f"token={TOKEN[:-1]}", f"token={TOKEN}&token=wrong", f"Token={TOKEN}", "token=%ff"],
)
def test_a_wrong_token_opens_nothing(stranger: Client, query: str) -> None:
    answer = stranger.get(f"{PATH}?{query}")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_an_old_link_of_somebody_who_is_in_is_only_cleaned(client: Client) -> None:
    answer = client.get("/?token=of-an-earlier-start")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{OWN}/"
    assert "set-cookie" not in answer.headers


def test_a_token_in_a_posted_address_opens_nothing(stranger: Client) -> None:
    assert stranger.post(f"{PATH}?token={TOKEN}", origin=OWN).status_code == 401


def test_a_cookie_of_another_server_beside_the_right_one_does_no_harm(stranger: Client) -> None:
    assert stranger.get(PATH, cookie=f"{cookie_name(PORT)}=bad; {COOKIE}").status_code == 200


def test_a_person_is_told_in_a_page(stranger: Client) -> None:
    answer = stranger.get("/", accept="text/html,*/*;q=0.8")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "headwater serve" in answer.text
    assert "refresh" not in answer.text


def test_another_sites_link_is_asked_for_again_from_here(stranger: Client) -> None:
    """A strict cookie does not come along with it; the page that asks again is of this server, so it comes then."""
    answer = stranger.get("/", accept="text/html", sec_fetch_site="cross-site", **NAVIGATES)
    assert answer.status_code == 401
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    again = stranger.get("/", accept="text/html", sec_fetch_site="same-origin", **NAVIGATES)
    assert "http-equiv" not in again.text


def test_a_weak_token_is_refused(app: FastAPI) -> None:
    from headwater.http.guards.entry import Entry

    with pytest.raises(ValueError, match="at least 32"):
        Entry(app, PORT, "short")


# --- names and sites -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_the_own_names_are_answered(client: Client, host: str) -> None:
    assert client.get(PATH, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        f"127.0.0.1:{PORT + 1}",
        f"127.0.0.1.evil.example:{PORT}",
        f"localhost.evil.example:{PORT}",
        f"127.0.0.1:{PORT}.evil.example",
        f"127.0.0.1:{PORT}@evil.example",
        f"evil@127.0.0.1:{PORT}",
        f"127.1:{PORT}",
        f"[::1]:{PORT}",
        f"0.0.0.0:{PORT}",
        f"2130706433:{PORT}",
        "",
    ],
)
def test_another_name_is_not(client: Client, host: str) -> None:
    """A name that somebody else's name server lets point here (DNS rebinding) opens nothing, cookie or not."""
    assert client.get(PATH, host=host).status_code == 421
    assert client.get(f"/?token={TOKEN}", host=host).status_code == 421


ORIGINS = [
    "http://evil.example",
    "https://127.0.0.1:8642",
    "http://127.0.0.1",
    f"{OWN}0",
    "http://localhost:8642",
    "null",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_another_origin_is_refused(client: Client, method: str, origin: str) -> None:
    answer = client.send(method, PATH, {"origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site", "strange"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_another_site_caused_is_refused(client: Client, method: str, site: str) -> None:
    assert client.send(method, PATH, {"sec_fetch_site": site}).status_code == 403


def test_another_site_may_open_a_page_and_no_more(client: Client) -> None:
    caused = {"sec_fetch_site": "cross-site"}
    assert client.get("/nowhere", **caused, **NAVIGATES).status_code == 404
    assert client.get(PATH, **caused, **NAVIGATES).status_code == 403
    assert client.post("/nowhere", **caused, **NAVIGATES).status_code == 403
    assert client.get("/nowhere", **caused, sec_fetch_mode="navigate", sec_fetch_dest="iframe").status_code == 403
    assert client.get("/nowhere", **caused, sec_fetch_mode="no-cors", sec_fetch_dest="script").status_code == 403


def test_a_change_says_where_it_comes_from(client: Client) -> None:
    """A browser always tells; what does not is let in by the token alone, which no browser adds by itself."""
    assert client.post("/nowhere").status_code == 403
    assert client.post("/nowhere", origin=OWN).status_code == 404
    assert client.post("/nowhere", sec_fetch_site="same-origin").status_code == 404
    assert client.post("/nowhere", sec_fetch_site="same-origin", origin="null").status_code == 404
    assert client.post("/nowhere", authorization=f"Bearer {TOKEN}").status_code == 404


@pytest.mark.parametrize("address", ["192.168.1.7", "10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "not an address"])
def test_another_computer_is_refused(app: FastAPI, address: str) -> None:
    assert Client(app, at=(address, 40_000)).get(PATH).status_code == 403


# --- shapes ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc/passwd",
        "/static/..%2f..%2fserver.py",
        "/static/%2e%2e/%2e%2e/server.py",
        "/static/../../server.py",
        "/static/.%2e/x",
        "/static/..%5cserver.py",
        "/static/..\\server.py",
        "/static/%252e%252e%252fserver.py",
        "//evil.example/",
        "/kpi/leads%00",
        "/kpi/leads%0d%0aSet-Cookie:x=1",
        "/kpi/%ff%fe",
        "/kpi/./leads",
        "/api/measure?kpi=leads%00",
    ],
)
def test_tricks_with_paths_are_refused(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert answer.json()["do"]


def test_an_open_redirect_is_not_to_be_had(stranger: Client) -> None:
    for path in ("//evil.example", "/\\evil.example", "/%5cevil.example", "/%2fevil.example"):
        answer = stranger.get(f"{path}?token={TOKEN}")
        assert answer.status_code == 400, path
        assert "location" not in answer.headers


def test_what_is_too_long_or_too_large_is_refused(client: Client) -> None:
    assert client.get("/" + "a" * MOST_URL).status_code == 414
    assert client.get("/?a=" + "b" * MOST_URL).status_code == 414
    assert client.get(PATH, x_long="c" * MOST_HEADERS).status_code == 431
    assert client.send("POST", PATH, {"origin": OWN}, content=b"d" * (MOST_BODY + 1)).status_code == 413
    assert client.send("POST", "/nowhere", {"origin": OWN}, content=b"d" * MOST_BODY).status_code == 404


def test_a_body_that_does_not_tell_its_length_is_counted(app: FastAPI) -> None:
    """Sent in pieces without end: no more than the limit is read."""
    given = 0

    async def receive() -> Message:
        nonlocal given
        given += 1
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    statuses: list[int] = []
    asyncio.run(app(_scope(), receive, _keep(statuses)))
    assert statuses == [413]
    assert given == MOST_BODY // 1024 + 1


@pytest.mark.parametrize("length", ["-1", "1e9", "abc", "9" * 40])
def test_a_strange_length_is_refused(client: Client, length: str) -> None:
    assert client.send("POST", PATH, {"origin": OWN, "content_length": length}).status_code in (400, 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "X"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    answer = client.send(method, PATH, {"origin": OWN})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_no_more_than_so_many_are_answered_at_once() -> None:
    """One is inside and does not come back until it may; the next is told to come again."""

    async def run() -> tuple[list[int], list[int]]:
        inside, go = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            inside.set()
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        limits, first, second = Limits(slow, most_at_once=1), [], []
        running = asyncio.create_task(limits(_scope(), _nothing, _keep(first)))
        await inside.wait()
        await limits(_scope(), _nothing, _keep(second))
        go.set()
        await running
        return first, second

    assert asyncio.run(run()) == ([200], [503])


def test_a_web_socket_is_closed(app: FastAPI) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/", "headers": []}, _nothing, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# --- answers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [PATH, "/nowhere", "/..%2f", "/?token=wrong"])
def test_every_answer_has_the_headers(app: FastAPI, path: str) -> None:
    for client in (Client(app), Client(app, {})):
        answer = client.get(path)
        for name, value in ALWAYS.items():
            assert answer.headers.get_list(name) == [value]
        assert answer.headers["cache-control"] in ("private, no-cache", "no-store")
        assert "server" not in answer.headers
    assert ALWAYS["content-security-policy"] == (
        "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def test_script_in_a_request_does_not_come_back_as_such(client: Client, stranger: Client) -> None:
    script = "<script>alert(1)</script>"
    for path in (f"/{script}", f"/nowhere?q={script}", f"/?token={script}"):
        for asking in (client, stranger):
            assert script not in asking.get(path, accept="text/html", user_agent=script).text


def test_an_address_that_is_not_there_is_a_problem(client: Client) -> None:
    for path in ("/api/nothing", "/api/", "/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["what"] and answer.json()["do"]
    other = client.send("HEAD", PATH)
    assert (other.status_code, other.headers["allow"]) == (405, "GET")


def test_no_description_of_the_interface_is_served_as_a_page(client: Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[FastAPI]:
    def page(app: FastAPI, held: object) -> None:
        @app.get("/broken")
        def fails() -> None:
            raise RuntimeError("a cell of a file: jane.doe@example.com")

    with Held(world(tmp_path).path) as held:
        yield application(held, port=PORT, token=TOKEN, pages=[page])


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_shows_nothing_of_itself(broken: FastAPI, accept: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "headwater.http"):
        answer = Client(broken).get("/broken?email=someone@example.com", accept=accept)
    assert answer.status_code == 500
    assert "Traceback" not in answer.text and "RuntimeError" not in answer.text and "jane" not in answer.text
    assert answer.headers["content-security-policy"]
    assert "RuntimeError at" in caplog.text
    assert "jane" not in caplog.text and "someone" not in caplog.text


def test_a_person_gets_the_fault_page_of_the_application(broken: FastAPI) -> None:
    broken.add_exception_handler(Exception, lambda request, error: HTMLResponse("<h1>Our fault</h1>", 500))
    answer = Client(broken).get("/broken", accept="text/html")
    assert (answer.status_code, answer.text) == (500, "<h1>Our fault</h1>")
    assert answer.headers["content-security-policy"]
    assert Client(broken).get("/broken", accept="application/json").json()["status"] == 500


def test_a_fault_in_what_is_asked_ahead_of_readers_stands_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Event()

    def ahead(_: object) -> None:
        asked.set()
        raise RuntimeError("a cell of a file: jane.doe@example.com")

    def page(app: FastAPI, held: object) -> None:
        app.state.usual = (ahead,)

    async def run(app: FastAPI) -> None:
        async with app.router.lifespan_context(app):
            assert await asyncio.to_thread(asked.wait, 60)

    with caplog.at_level(logging.INFO, "headwater.http"), Held(world(tmp_path).path) as held:
        asyncio.run(run(application(held, port=PORT, token=TOKEN, pages=[page])))
    assert "before a reader asked: RuntimeError at" in caplog.text
    assert "jane" not in caplog.text


def test_the_log_holds_no_secret_and_no_query(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "headwater.http"):
        Client(app, {}).get(f"/kpi?token={TOKEN}&find=jane.doe")
        Client(app).get("/nowhere?filter=jane.doe", referer="http://jane.doe")
        Client(app).get("/a%0ab")
    lines = [record.getMessage() for record in caplog.records if record.name == "headwater.http"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == ["GET /kpi 303", "GET /nowhere 404", "GET /a\\nb 400"]
    assert TOKEN not in caplog.text and "jane" not in caplog.text


# --- plain ASGI ------------------------------------------------------------------------------------------------------
def _scope() -> dict[str, Any]:
    return scope("POST", PATH, {"host": f"127.0.0.1:{PORT}", "cookie": COOKIE, "origin": OWN}, ("127.0.0.1", 50_000))


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _keep(statuses: list[int]) -> Any:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    return send
