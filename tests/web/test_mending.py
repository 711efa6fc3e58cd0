"""The data page as a place to act: rows that were set aside go out, come back mended, and what is meant is accepted."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from headwater import Workspace
from headwater.api.held import Held
from headwater.http.server import application
from headwater.web.app import mount
from tests.http.client import OWN, PORT, TOKEN, Client
from tests.web.conftest import HOSTILE
from tests.web.reading import Part, read
from tests.world import NOW

BYTES = {"content_type": "application/octet-stream", "origin": OWN}
FORM = {"content_type": "application/x-www-form-urlencoded", "origin": OWN}
SOURCE = """\
path: leads-*.csv
drift: quarantine
tables:
  leads:
    columns: {lead_id: Id, created_at: Created, channel: Channel, email: Mail}
"""
HEAD = "Id,Created,Channel,Mail\n"
FIRST = HEAD + "".join(f"a{i},2025-01-{1 + i:02},{('ads', 'web')[i % 2]},a{i}@one.org\n" for i in range(24))
SECOND = HEAD + "d,2025-02-30,ads,d@one.org\ne,soon,web,no mail\nf,2025-02-14,fair,f@one.org\ng,2025-02-15,web,\n"
"""Two days that are none, and a channel that no file before has."""


@pytest.fixture
def folder(tmp_path: Path, parsed: Path) -> Path:
    made = Workspace.init(tmp_path / "acme").path
    shutil.copytree(parsed, made / ".headwater" / "cache")
    (made / "sources").mkdir(exist_ok=True)
    (made / "sources" / "crm.yml").write_text(SOURCE, encoding="utf-8")
    for name, text in (("leads-1.csv", FIRST), ("leads-2.csv", SECOND)):
        (made / name).write_text(text, encoding="utf-8")
        Workspace(made, now=NOW, environment={}).load()
    return made


@pytest.fixture
def app(folder: Path) -> Iterator[FastAPI]:
    """The server with its guards; refreshes that are asked for are not run."""
    with Held(folder, now=NOW, environment={}) as held:
        app = application(held, port=PORT, token=TOKEN, pages=(mount,))
        app.state.refreshing.stop()
        yield app


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)


def aside(client: Client) -> Part:
    answer = client.get("/data")
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text).at("aside")


def groups(client: Client) -> dict[tuple[str, str], str]:
    return {(row[2], row[1]): row[3] for row in aside(client).rows()}


def out(client: Client) -> list[dict[str, str]]:
    answer = client.get("/data/rejected?source=crm")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "crm-rejected.csv" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def back(client: Client, rows: list[dict[str, str]], source: str = "crm") -> httpx.Response:
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return client.send("POST", f"/data/corrected?source={source}&name=mend.csv", BYTES, text.getvalue().encode())


def accept(client: Client, source: str) -> httpx.Response:
    return client.send("POST", "/data/accept", FORM, urlencode({"source": source}).encode())


def left_over(folder: Path) -> list[Path]:
    cache = folder / ".headwater" / "cache"
    return [*(cache / "corrected").glob("*"), *cache.glob("rejected-*"), *(folder / "uploads").glob("*")]


def test_rows_go_out_come_back_mended_and_are_settled(client: Client, folder: Path) -> None:
    assert groups(client) == {("created_at", "bad date"): "2", ("channel", "unknown value"): "1"}
    rows = {row["Id"]: row for row in out(client)}
    assert sorted(rows) == ["d", "e", "f"]
    rows["d"]["Created"] = "2025-02-28"
    assert back(client, [rows["d"], rows["e"]]).status_code == 201
    assert groups(client) == {("created_at", "bad date"): "1", ("channel", "unknown value"): "1"}
    assert sorted(row["Id"] for row in out(client)) == ["e", "f"]
    assert left_over(folder) == [], "the rows are personal: nothing of them lies about"


def test_what_is_meant_is_accepted(client: Client) -> None:
    assert aside(client).find("form", action="/data/accept")
    assert accept(client, "crm").status_code == 303
    assert groups(client) == {("created_at", "bad date"): "2"}
    assert not aside(client).find("form", action="/data/accept"), "nothing is left that could be meant"


def test_a_file_that_mends_nothing_is_told_why_and_lands_nothing(client: Client, folder: Path) -> None:
    rows = [row for row in out(client) if row["Id"] == "d"]
    before = sorted((folder / ".headwater" / "store" / "landing").iterdir())
    still = back(client, rows)
    assert (still.status_code, "can be loaded yet" in still.json()["what"]) == (400, True)
    none = back(client, [{**rows[0], "_row": "77"}])
    assert (none.status_code, "row 77" in none.json()["what"]) == (400, True)
    no_such = back(client, rows, "nobody")
    assert (no_such.status_code, "no source is called 'nobody'" in no_such.json()["what"].lower()) == (400, True)
    assert sorted((folder / ".headwater" / "store" / "landing").iterdir()) == before
    assert left_over(folder) == []


def test_a_source_that_is_none_is_told_on_the_page(client: Client) -> None:
    assert client.get("/data/rejected?source=nobody").status_code == 404
    refused = accept(client, HOSTILE)
    assert refused.status_code == 400
    assert HOSTILE not in refused.text
    assert accept(client, "").status_code == 400


def test_nothing_personal_stands_on_the_page(client: Client) -> None:
    assert "one.org" not in client.get("/data").text


@pytest.mark.parametrize("path", ["/data/corrected?source=crm&name=a.csv", "/data/accept"])
def test_nobody_else_changes_anything(app: FastAPI, folder: Path, path: str) -> None:
    before = sorted((folder / ".headwater" / "store" / "landing").iterdir())
    foreign = BYTES | {"origin": "https://evil.example"}
    assert Client(app).send("POST", path, foreign, b"a").status_code == 403
    assert Client(app).send("POST", path, {"content_type": BYTES["content_type"]}, b"a").status_code == 403
    assert Client(app, {}).send("POST", path, BYTES, b"a").status_code == 401
    assert Client(app, {}).get("/data/rejected?source=crm").status_code == 401
    assert sorted((folder / ".headwater" / "store" / "landing").iterdir()) == before


def test_a_foreign_form_hands_in_nothing(client: Client) -> None:
    kind = BYTES | {"content_type": "text/plain"}
    assert client.send("POST", "/data/corrected?source=crm&name=a.csv", kind, b"a").status_code == 415
