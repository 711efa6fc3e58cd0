"""The data page: sources, freshness, checks, rows set aside, loads, from files that a company has, dirt included."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.held import Moment
from tests.http.client import Client
from tests.web.conftest import mounted
from tests.web.reading import Part, read
from tests.world import NOW, fresh

SOURCE = """\
path: leads.csv
load: full
tables:
  leads:
    columns: {lead_id: Id, created_at: Created, channel: Channel}
"""

CSV = "Id,Created,Channel\na,2026-01-03,ads\nb,no day,ads\nc,2026-01-14,web\nd,nor this,ads\nc2,2026-01-14,web\n"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    workspace = fresh(folder)
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "crm.yml").write_text(SOURCE, encoding="utf-8")
    (folder / "leads.csv").write_text(CSV, encoding="utf-8")
    Workspace(workspace.path, now=NOW, environment={}).refresh()
    return folder


def page(folder: Path, path: str = "/data") -> Part:
    app, held = mounted(Workspace(folder))
    with held:
        answer = Client(app, {}).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def test_sources_loads_and_rows_set_aside(loaded: Path) -> None:
    seen = page(loaded)
    (source,) = seen.at("sources").rows()
    assert source[:2] == ["crm", "fresh"]
    assert "Jan 14, 2026" in source[2]
    (people,) = [row for row in seen.at("identity").rows() if row[0] == "crm: leads.contact_id"]
    assert people[1:] == ["match rate", "3 rows name nothing to go by"]
    (load,) = seen.at("loads").rows()
    assert load[2:] == ["crm", "leads.csv", "5", "3", "0", "0", "2", ""]
    (aside,) = seen.at("aside").rows()
    assert (aside[0], aside[2], aside[3]) == ("leads.csv", "created_at", "2")
    assert "row 2: 'no day'" in aside[4]
    assert "row 4: 'nor this'" in aside[4]


def test_the_first_page_tells_of_rows_set_aside(loaded: Path) -> None:
    needs = page(loaded, "/").at("needs")
    assert "2 of 5 rows of the source crm were set aside." in needs.text
    assert needs.find("a", class_="need-sentence")[0].attributes["href"].startswith("/data#")


def test_a_source_whose_files_are_gone_is_named(tmp_path: Path) -> None:
    workspace = fresh(tmp_path)
    (tmp_path / "sources").mkdir(exist_ok=True)
    (tmp_path / "sources" / "crm.yml").write_text(SOURCE, encoding="utf-8")
    (source,) = page(workspace.path).at("sources").rows()
    assert source[1] == "not found"
    assert "leads.csv" in " ".join(source)


def test_a_load_without_a_refresh_is_seen(tmp_path: Path, loaded: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(loaded, folder)
    app, held = mounted(Workspace(folder))
    with held:
        client = Client(app, {})
        assert len(read(client.get("/data").text).at("loads").rows()) == 1
        (folder / "leads.csv").write_text(CSV + "d,2026-01-15,web\n", encoding="utf-8")
        Workspace(folder, now=NOW, environment={}).load()
        assert len(read(client.get("/data").text).at("loads").rows()) == 2


def test_while_the_checks_run_the_pages_say_so(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, held = mounted(Workspace(loaded))
    running = "The checks of the data are still running"
    with held:
        client = Client(app, {})
        with monkeypatch.context() as still:
            still.setattr(Moment, "checked", lambda self, patience: None)
            for path in ("/", "/data"):
                assert running in client.get(path).text
        for path in ("/", "/data"):
            assert running not in client.get(path).text
        assert read(client.get("/data").text).at("checks").rows()


def test_what_needs_somebody_asks_for_itself_until_the_checks_are_done(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, held = mounted(Workspace(loaded))
    running, asks = "The checks of the data are still running", re.compile(r'<section[^>]* hx-get="([^"]*)"[^>]*>')
    with held:
        client = Client(app, {})
        with monkeypatch.context() as still:
            still.setattr(Moment, "checked", lambda self, patience: None)
            (address,) = asks.findall(client.get("/?period=2026-01").text)
            assert unescape(address) == "/?period=2026-01"
            part = client.get(address, hx_request="true", hx_request_type="partial").text
            assert part.count("<section") == 1 and asks.findall(part) == [address] and running in part
        part = client.get(address, hx_request="true", hx_request_type="partial").text
        assert 'id="needs"' in part and part.count("<section") == 1 and "<html" not in part
        assert "hx-get" not in part and running not in part
        assert not asks.findall(client.get("/?period=2026-01").text)
