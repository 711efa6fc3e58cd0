"""Adding data from the page: what is handed over lands whole under a safe name, is asked about, tried and loaded."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlencode
from zipfile import ZipFile

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from headwater import Workspace
from headwater.api.held import Held
from headwater.http.server import application
from headwater.web.app import mount
from tests.http.client import COOKIE, OWN, PORT, TOKEN, Client, scope
from tests.web.conftest import HOSTILE
from tests.web.reading import Part, read
from tests.world import NOW

UPLOAD = "/data/upload"
PAGE = "/data/add"
BYTES = {"content_type": "application/octet-stream", "origin": OWN}
FORM = {"content_type": "application/x-www-form-urlencoded", "origin": OWN}

GOOD = [f"L{i},2025-01-{1 + i % 28:02},{('email', 'web')[i % 2]}," for i in range(58)]
LEADS = "\n".join(["lead_id,created_at,channel,Remark", *GOOD, GOOD[3], "L99,2025-02-30,web,y", ""]).encode()
"""58 good rows, one that is there twice, one with a day that is none; a header that nobody knows."""


@pytest.fixture
def folder(tmp_path: Path, parsed: Path) -> Path:
    made = Workspace.init(tmp_path / "acme").path
    shutil.copytree(parsed, made / ".headwater" / "cache")
    return made


@pytest.fixture
def app(folder: Path) -> Iterator[FastAPI]:
    """The server with its guards; refreshes that are asked for are counted, not run."""
    (folder / "headwater.yml").write_text("company: Acme\nupload_mb: 1\n", encoding="utf-8")
    with Held(folder, now=NOW, environment={}) as held:
        app = application(held, port=PORT, token=TOKEN, pages=(mount,))
        app.state.refreshing.stop()
        yield app


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)


def send(client: Client, name: str, content: bytes, **headers: str) -> httpx.Response:
    return client.send("POST", f"{UPLOAD}?name={quote(name)}", BYTES | headers, content)


def post(client: Client, path: str, *fields: tuple[str, str]) -> httpx.Response:
    return client.send("POST", f"{PAGE}/{path}", FORM, urlencode(fields).encode())


def page(client: Client) -> Part:
    answer = client.get(PAGE)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def uploaded(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "uploads").glob("*"))


# --- the way in ------------------------------------------------------------------------------------------------------
def test_a_file_is_taken_in_and_never_over_another(client: Client, folder: Path) -> None:
    first, second = send(client, "deals.csv", b"a\n1\n"), send(client, "deals.csv", b"b\n2\n")
    assert [(a.status_code, a.json()) for a in (first, second)] == [
        (201, {"name": "deals.csv", "bytes": 4}),
        (201, {"name": "deals (2).csv", "bytes": 4}),
    ]
    assert (folder / "uploads" / "deals.csv").read_bytes() == b"a\n1\n"


@pytest.mark.parametrize(
    "name", ["../headwater.yml", "..\\..\\headwater.yml", "/etc/passwd", "sources/../../x.csv", ".headwater/store/x"]
)
def test_no_name_leads_out_of_the_folder(client: Client, folder: Path, name: str) -> None:
    before = (folder / "headwater.yml").read_bytes()
    answer = send(client, name, b"a\n1\n")
    assert answer.status_code == 201
    assert uploaded(folder) == [answer.json()["name"]]
    assert "/" not in answer.json()["name"]
    assert (folder / "headwater.yml").read_bytes() == before


@pytest.mark.parametrize("query", ["", "?name=", "?name=..", "?name=a.csv&name=b.csv", "?name=%2e%2e%2f"])
def test_a_file_without_a_name_is_refused(client: Client, folder: Path, query: str) -> None:
    answer = client.send("POST", UPLOAD + query, BYTES, b"a\n1\n")
    assert answer.status_code == 400
    assert "no name" in answer.json()["what"]
    assert uploaded(folder) == []


def test_one_that_says_it_is_too_large_is_refused_unread(client: Client, folder: Path) -> None:
    answer = send(client, "huge.csv", b"a", content_length=str(2 << 30))
    assert answer.status_code == 413
    assert "upload_mb" in answer.json()["do"]
    assert uploaded(folder) == []


def test_one_that_does_not_say_how_large_it_is_is_counted(app: FastAPI, folder: Path) -> None:
    """Sent in pieces without end: a little more than the limit is read, and nothing stays."""
    given = 0

    async def receive() -> Message:
        nonlocal given
        given += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    headers = {"host": f"127.0.0.1:{PORT}", "cookie": COOKIE} | BYTES
    asyncio.run(app(scope("POST", f"{UPLOAD}?name=a.csv", headers, ("127.0.0.1", 50_000)), receive, keep))
    assert sent[0]["status"] == 413
    assert 16 < given <= 48  # 1 MB are 16 pieces; at most 2 MB more wait in the buffer
    assert uploaded(folder) == []


def test_one_that_breaks_off_leaves_nothing(app: FastAPI, client: Client, folder: Path) -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"lead_id\n", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def keep(message: Message) -> None:
        pass

    headers = {"host": f"127.0.0.1:{PORT}", "cookie": COOKIE} | BYTES
    asyncio.run(app(scope("POST", f"{UPLOAD}?name=a.csv", headers, ("127.0.0.1", 50_000)), receive, keep))
    assert uploaded(folder) == []
    short = send(client, "short.csv", b"lead_id\n", content_length="100")
    assert (short.status_code, uploaded(folder)) == (400, [])


@pytest.mark.parametrize(
    "kind", ["", "text/csv", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"]
)
def test_what_a_foreign_form_could_send_is_no_file(client: Client, folder: Path, kind: str) -> None:
    assert send(client, "a.csv", b"a\n1\n", content_type=kind).status_code == 415
    assert not (folder / "uploads").exists()


@pytest.mark.parametrize("path", [f"{UPLOAD}?name=a.csv", f"{PAGE}/answers", f"{PAGE}/load", f"{PAGE}/remove"])
def test_nobody_else_gets_in(app: FastAPI, folder: Path, path: str) -> None:
    foreign = BYTES | {"origin": "https://evil.example"}
    assert Client(app).send("POST", path, foreign, b"a").status_code == 403
    assert Client(app).send("POST", path, {"content_type": BYTES["content_type"]}, b"a").status_code == 403
    assert Client(app, {}).send("POST", path, BYTES, b"a").status_code == 401
    rebound = Client(app).send("POST", path, BYTES | {"host": "evil.example"}, b"a")
    assert rebound.status_code == 421
    assert not (folder / "uploads").exists()


def test_only_the_upload_takes_a_large_body(client: Client) -> None:
    answer = client.send("POST", f"{PAGE}/answers", FORM, b"a=" + b"x" * 70_000)
    assert answer.status_code == 413


# --- from a file to a source -----------------------------------------------------------------------------------------
def test_a_page_without_files_says_what_to_do(client: Client, folder: Path) -> None:
    seen = page(client)
    assert "No file is waiting" in seen.find("main")[0].text
    assert str(folder / "uploads") in seen.find("main")[0].text, "for who has no script"


def asked(client: Client) -> list[str]:
    """The names of the fields that wait for an answer."""
    return list(dict.fromkeys(p.attributes["name"] for f in page(client).find("fieldset") for p in f.find("input")))


def test_a_file_with_bad_rows_is_asked_about_tried_and_becomes_a_source(client: Client, folder: Path) -> None:
    """Of sixty rows 58 load, one is there twice, one has a day that is none; nothing is landed before `load`."""
    send(client, "leads.csv", LEADS)
    seen = page(client)
    assert "Remark" in seen.find("fieldset")[0].text
    assert "L0, L1" in seen.at("leads").text, "samples"
    assert not seen.find("form", action=f"{PAGE}/load"), "nothing is ready yet"
    assert post(client, "load").status_code == 400

    (remark,) = asked(client)
    wrong = post(client, "answers", (remark, "no_such_column"))
    assert wrong.status_code == 400
    assert "no_such_column" in read(wrong.text).find(class_="question-fault")[0].text
    assert post(client, "answers", (remark, "leave")).status_code == 303
    seen = page(client)
    assert not seen.find("fieldset")
    counts, aside, *_ = seen.at("leads").find("table")
    assert [c.text for c in counts.find("td")][:4] == ["60", "58", "1", "1"]
    assert "2025-02-30" in aside.text
    assert "row 60" in aside.text
    assert "KPIs can be computed" in seen.find("main")[0].text
    assert not (folder / ".headwater" / "store").exists(), "a try lands nothing"
    assert not list((folder / "sources").iterdir())

    done = post(client, "load")
    assert (done.status_code, done.headers["location"]) == (303, "/data")
    workspace = Workspace(folder, now=NOW, environment={})
    (file,) = workspace.refresh().load.files
    assert (file.data_rows, file.loaded, file.collapsed, file.quarantined) == (60, 58, 1, 1)
    assert [o.value for o in workspace.measure("leads", period="2025-01")] == [58]
    assert "No file is waiting" in page(client).find("main")[0].text, "a source reads it now"


def test_an_answer_can_be_taken_back_and_one_that_fits_no_more_is_forgotten(client: Client, folder: Path) -> None:
    """What can be answered may change with a file: then the page asks again, and never ends in an error."""
    send(client, "leads.csv", LEADS)
    (name,) = asked(client)
    post(client, "answers", (name, "leave"))
    assert asked(client) == []
    (again,) = page(client).at("leads").find("button", name="forget")
    post(client, "answers", ("forget", again.attributes["value"]))
    assert asked(client) == [name]
    kept = f"{name.removeprefix('a.')}: no_such_column\n"
    (folder / "uploads" / ".answers.yml").write_text(kept, encoding="utf-8")
    assert asked(client) == [name]


def test_what_is_loaded_takes_its_own_answers_along_and_no_others(client: Client, folder: Path) -> None:
    send(client, "leads.csv", LEADS)
    send(client, "fair.csv", b"Badge,Hall\nB1,4\nB2,5\n")
    (remark,) = (name for name in asked(client) if name.startswith("a.leads"))
    post(client, "answers", (remark, "leave"), ("a.fair.table", "own"))
    assert [name for name in asked(client) if name.startswith("a.")] != []
    assert post(client, "load").status_code == 303
    assert [p.name for p in (folder / "sources").iterdir()] == ["leads.yml"]
    assert remark.removeprefix("a.") in (folder / "answers.yml").read_text(encoding="utf-8")
    assert "fair" not in (folder / "answers.yml").read_text(encoding="utf-8")
    assert [b.attributes["value"] for b in page(client).at("fair").find("button", name="forget")] == ["fair.table"]


def test_a_file_can_be_removed_and_none_but_an_uploaded_one(client: Client, folder: Path) -> None:
    send(client, "leads.csv", LEADS)
    for name in ("../headwater.yml", "headwater.yml", ".answers.yml", ""):
        assert post(client, "remove", ("file", name)).status_code == 400
    assert (folder / "headwater.yml").exists()
    assert post(client, "remove", ("file", "leads.csv")).status_code == 303
    assert uploaded(folder) == []


def test_a_file_that_a_source_reads_is_not_removed(client: Client, folder: Path) -> None:
    send(client, "leads.csv", LEADS)
    (folder / "sources" / "own.yml").write_text(
        "path: uploads/leads.csv\nload: full\n"
        "tables: {leads: {columns: {lead_id: lead_id, created_at: created_at, channel: channel}}}\n",
        encoding="utf-8",
    )
    refused = post(client, "remove", ("file", "leads.csv"))
    assert refused.status_code == 400
    assert uploaded(folder) == ["leads.csv"]


def test_a_file_that_comes_once_more_becomes_the_newest_delivery_of_its_source(client: Client, folder: Path) -> None:
    """The same name again is another file; where a source reads the first, it may take its place."""
    send(client, "leads.csv", LEADS)
    (folder / "sources" / "leads.yml").write_text(
        "path: uploads/leads.csv\nload: full\n"
        "tables: {leads: {columns: {lead_id: lead_id, created_at: created_at, channel: channel}}}\n",
        encoding="utf-8",
    )
    again = LEADS + b"L100,2025-02-01,web,\n"
    send(client, "leads.csv", again)
    send(client, "other.csv", LEADS)
    seen = page(client)
    assert [f.find("input")[0].attributes["value"] for f in seen.find("form", action=f"{PAGE}/deliver")] == [
        "leads (2).csv"
    ]
    assert "leads.csv leads" in seen.find(class_="handed-read")[0].text
    for name in ("other.csv", "leads.csv", "../headwater.yml", ""):
        assert post(client, "deliver", ("file", name)).status_code == 400
    assert post(client, "deliver", ("file", "leads (2).csv")).status_code == 303
    assert uploaded(folder) == ["leads.csv", "other.csv"]
    assert (folder / "uploads" / "leads.csv").read_bytes() == again


def test_each_file_of_an_archive_is_shown_by_itself(client: Client) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("fair.csv", "Badge,Hall\nB1,4\nB2,5\n")
        archive.writestr("tour.csv", "Van,Town\nV1,Ulm\nV2,Bonn\n")
    send(client, "all.zip", packed.getvalue())
    cards = page(client).find("section", class_="handed")
    assert len(cards) == 2
    for card, member, header in zip(cards, ("fair.csv", "tour.csv"), ("Badge", "Van"), strict=True):
        assert f"all.zip/{member}" in card.find(class_="handed-about")[0].text
        assert card.find("table")[0].rows()[0][0] == header


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(client: Client) -> None:
    send(client, "leads.csv", LEADS)
    send(client, "broken.xlsx", b"PK\x03\x04 this is no workbook")
    seen = page(client)
    assert "leads" in [p.attributes.get("id") for p in seen.find("section")]
    (fault,) = seen.find(class_="notice-bad")
    assert fault.text
    assert seen.find("input", value="broken.xlsx"), "it can be removed"


def test_scripts_in_headers_cells_and_names_are_text(client: Client, folder: Path) -> None:
    header = HOSTILE.replace('"', '""')
    rows = "".join(f'L{i},2025-01-0{i},"{header}"\n' for i in range(1, 5))
    name = "<img src=x onerror=alert(1)>.csv"
    assert send(client, name, f'lead_id,created_at,"{header}"\n{rows}'.encode()).status_code == 201
    answer = client.get(PAGE)
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    seen = read(answer.text)
    assert HOSTILE in seen.find("main")[0].text
    for p in seen.parts():
        assert not any(a.startswith(("on", "style")) for a in p.attributes)
