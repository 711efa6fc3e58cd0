"""`headwater serve` as a process: what it prints, answers, notices, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.cli.serve import _leading_to
from headwater.errors import QueryError
from headwater.http import server
from tests.cli.run import SOURCE, run
from tests.sources import HEAD, JANUARY, count, refreshed, with_sources
from tests.world import fresh

LONG = 120.0
START = [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')"]


@dataclass
class Served:
    """A server that runs: its link, and a client that was let in by it."""

    process: subprocess.Popen[str]
    link: str
    client: httpx.Client
    said: list[str] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        answer = self.client.get("/api/refresh")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def until(self, wanted: Callable[[], bool]) -> None:
        """Asks until it is so; a server that never gets there fails the test."""
        end = time.monotonic() + LONG
        while not wanted():
            assert time.monotonic() < end, self.state()
            assert self.process.poll() is None
            threading.Event().wait(0.05)

    def end(self, sig: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.client.close()
        self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, "".join(self.said) + out, err


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def start(folder: Path, *args: str, command: list[str] | None = None) -> Served:
        process = subprocess.Popen(
            [*(command or [*START, "-w", str(folder), "serve", "--no-open", "--port", "0"]), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(SOURCE)},
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/\?token=\S+", line):
                client = httpx.Client(base_url=found[1], trust_env=False, timeout=LONG)
                made.append(Served(process, found[0], client, said))
                return made[-1]
        raise AssertionError("".join(said) + (process.stderr.read() if process.stderr else ""))

    yield start
    for one in made:
        one.client.close()
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_from_the_link_to_the_end(tmp_path: Path, serve: Callable[..., Served]) -> None:
    """The whole life of a server: the link lets in, a new file is loaded, a signal ends it well."""
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    served = serve(workspace.path)
    assert served.client.get("/api/refresh").status_code == 401
    opened = served.client.get(served.link)
    assert opened.status_code == 303
    assert "token" not in opened.headers["location"]
    served.until(lambda: served.state()["finished_at"] is not None)
    assert served.state()["failed"] == ""
    assert count(workspace) == 2

    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-03,ads,d@x.org\n", encoding="utf-8")
    first = served.state()["finished_at"]
    served.until(lambda: served.state()["finished_at"] != first)
    assert count(workspace) == 3

    code, out, err = served.end()
    assert code == 0
    assert out.count("token=") == 1
    assert "token" not in err and [line.split()[1:4] for line in err.splitlines()] == [["GET", "/api/refresh", "401"]]
    assert "ended" in out.splitlines()[-1]
    assert not list((workspace.path / ".headwater").glob("open-*"))


def test_ctrl_c_while_it_refreshes_leaves_a_sound_store(tmp_path: Path, serve: Callable[..., Served]) -> None:
    workspace = with_sources(tmp_path, {"leads-1.csv": JANUARY})
    served = serve(workspace.path)
    served.client.get(served.link)
    served.until(lambda: bool(served.state()["running"]))
    code, _, err = served.end(signal.SIGINT)
    assert (code, err) == (0, "")
    workspace.refresh()
    assert count(workspace) == 2
    assert all(row[1] != "failed" for row in workspace.doctor().rows.rows)


def test_two_servers_on_one_workspace_both_notice(tmp_path: Path, serve: Callable[..., Served]) -> None:
    workspace = with_sources(tmp_path, {"leads-1.csv": JANUARY})
    both = [serve(workspace.path), serve(workspace.path)]
    assert both[0].link != both[1].link
    for one in both:
        one.client.get(one.link)
        one.until(lambda one=one: one.client.get("/api/measure?kpi=leads").status_code == 200)  # type: ignore[misc]
        assert one.client.get("/api/measure?kpi=leads").json()[0]["value"] == 2
        assert one.state()["failed"] == ""
    assert both[0].client.get(both[1].link.partition("?")[0] + "api/refresh").status_code == 401
    assert count(workspace) == 2
    for one in both:
        assert one.end()[0] == 0


SLOW = """
import sys
from headwater.api.held import Held
from headwater.http import server

def page(app, held):
    @app.get("/slow")
    def slow():
        print("inside", flush=True)
        return sys.stdin.readline().strip()

held = Held(sys.argv[1])
bound = server.bind(0)
token = "t" * 40
app = server.application(held, port=bound.getsockname()[1], token=token, pages=[page])
server.run(app, bound, lambda: print(f"http://127.0.0.1:{bound.getsockname()[1]}/?token={token}", flush=True))
print("over", flush=True)
"""


def test_a_request_that_runs_is_finished(tmp_path: Path, serve: Callable[..., Served]) -> None:
    workspace = fresh(tmp_path / "new")
    served = serve(workspace.path, command=[sys.executable, "-c", SLOW, str(workspace.path)])
    served.client.get(served.link)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(served.client.get("/slow")))
    asking.start()
    assert served.process.stdout is not None and served.process.stdin is not None
    assert served.process.stdout.readline() == "inside\n"
    served.process.send_signal(signal.SIGTERM)
    served.process.stdin.write("the whole answer\n")
    served.process.stdin.flush()
    asking.join(LONG)
    assert [(a.status_code, a.json()) for a in answers] == [(200, "the whole answer")]
    out, err = served.process.communicate(timeout=LONG)
    assert (served.process.returncode, out, err) == (0, "over\n", "")


def raw(served: Served, request: bytes) -> bytes:
    """What comes back for bytes that no client would send."""
    host, port = "127.0.0.1", int(served.client.base_url.port or 0)
    with socket.create_connection((host, port), LONG) as at:
        at.sendall(request)
        at.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := at.recv(65536):
            answer += piece
        return answer


def test_bytes_that_are_no_request(tmp_path: Path, serve: Callable[..., Served]) -> None:
    """Through the real parser: refused in a few words, by it or by us, and the server goes on."""
    served = serve(fresh(tmp_path / "new").path)
    host = f"Host: 127.0.0.1:{served.client.base_url.port}\r\n".encode()
    for request, wanted in (
        (b"GET / HTTP/1.1\r\n\r\n", "400"),
        (b"GET / HTTP/1.0\r\n\r\n", "421"),
        (b"GET / HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n", "400"),
        (b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n", "400"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + host + b"\r\n", "400 414"),
        (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 100_000 + b"\r\n\r\n", "400 431"),
        (b"GET /\x00 HTTP/1.1\r\n" + host + b"\r\n", "400"),
        (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"),
        (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 9999999\r\n\r\n", "413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
    ):
        answer = raw(served, request)
        assert answer[9:12].decode() in wanted.split(), (request[:60], answer[:200])
        assert b"Traceback" not in answer and b"uvicorn" not in answer.lower()
    served.client.get(served.link)
    assert served.state()["running"] is False
    assert served.end()[0] == 0


# --- ports and pages -------------------------------------------------------------------------------------------------
def test_a_free_port_is_taken_where_the_usual_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with server.bind(0) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(server, "PORT", taken)
        with server.bind() as bound:
            assert bound.getsockname()[0] == "127.0.0.1"
            assert bound.proto == socket.IPPROTO_TCP  # or asyncio leaves small answers waiting
            assert bound.getsockname()[1] not in (0, taken)
        with pytest.raises(QueryError, match=f"port {taken} cannot be used"):
            server.bind(taken)


def test_a_port_that_is_taken_ends_with_what_to_do(tmp_path: Path) -> None:
    workspace = fresh(tmp_path / "new")
    with server.bind(0) as other:
        ran = run(workspace, "serve", "--no-open", "--port", str(other.getsockname()[1]))
    assert ran.code == 2
    assert "--port" in ran.err


def test_no_workspace_no_server(tmp_path: Path) -> None:
    assert run(tmp_path, "serve", "--no-open").code == 4


def test_it_offers_no_other_address() -> None:
    assert run(None, "serve", "--host", "0.0.0.0").code == 2
    assert server.ADDRESS == "127.0.0.1"


def test_the_browser_gets_the_link_by_a_file_of_this_user_alone(tmp_path: Path) -> None:
    page = tmp_path / ".headwater" / "open-1.html"
    with _leading_to("http://127.0.0.1:1/?token=x&y", page):
        assert page.stat().st_mode & 0o777 == 0o600
        assert 'content="0; url=http://127.0.0.1:1/?token=x&amp;y"' in page.read_text(encoding="utf-8")
    assert not page.exists()


def test_a_refresh_is_asked_for_by_post(tmp_path: Path, serve: Callable[..., Served]) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    served = serve(workspace.path)
    served.client.get(served.link)
    own = {"origin": str(served.client.base_url).rstrip("/")}
    assert served.client.post("/api/refresh", headers={"origin": "http://evil.example"}).status_code == 403
    answer = served.client.post("/api/refresh", headers=own)
    assert answer.status_code == 202
    assert answer.json()["running"] is True
    served.until(lambda: served.state()["finished_at"] is not None and not served.state()["running"])
    assert json.loads(served.client.get("/api/refresh").text)["failed"] == ""
