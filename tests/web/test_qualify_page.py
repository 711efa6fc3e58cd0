"""What the page of qualification says of companies of which nothing can be told, and of what was asked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.folder import SHIPPED
from tests.http.client import Client
from tests.web.conftest import mounted
from tests.web.reading import read
from tests.world import NOW

Served = Callable[[str], Client]


def test_a_company_without_deals_cannot_tell(served: Served) -> None:
    """Two leads are old enough, and no source tells of deals: none won, as far as anybody knows, is no 0 %."""
    seen = read(served("small").get("/qualify").text)
    told = seen.at("test").text
    assert "cannot tell: no deal finds its lead" in told and "of them won" not in told
    assert "2 leads of the period have had 365 days. Who of them bought is not known" in told
    assert seen.at("versions").text.count("Choose a version to hold beside") == 1


def test_two_versions_stand_side_by_side(served: Served) -> None:
    seen = read(served("demo").get("/qualify?against=asked_for_a_talk&period=last-24-months&part=rules").text)
    shared = seen.at("versions").text
    assert "both" in shared and "in force alone" in shared and "asked for a talk alone" in shared
    assert "Company matches the target profile" in seen.at("rules").text


def test_what_each_rule_brings_comes_when_it_is_seen(served: Served) -> None:
    """Its place has the address of it; without a script that is the whole page, else the one part."""
    first = served("demo").get("/qualify").text
    assert "Company matches the target profile" not in first
    place = next(a["hx-get"] for a in (t.attributes for t in read(first).find("section")) if "hx-get" in a)
    part = served("demo").get(place, hx_request="true").text
    whole = served("demo").get(place).text
    assert "Company matches the target profile" in part and "<html" not in part
    assert "Company matches the target profile" in read(whole).at("rules").text and "<html" in whole
    wrong = served("demo").get("/qualify?part=rule")
    assert wrong.status_code == 400 and "is no part of this page" in wrong.text


def test_a_version_that_is_not_there_is_named(served: Served) -> None:
    answer = served("small").get("/qualify?version=third")
    assert answer.status_code == 404 and "third" in answer.text


@pytest.mark.parametrize(("place", "file"), [("/qualify", "criteria/leads.yml"), ("/funnel", "funnels/leads.yml")])
def test_a_file_that_is_changed_is_read_at_once(small_built: Path, tmp_path: Path, place: str, file: str) -> None:
    """A page that is kept rests on the files beside the catalogue too."""
    folder = shutil.copytree(small_built, tmp_path / "world")
    app, held = mounted(Workspace(folder, now=NOW, environment={}))
    with held:
        client = Client(app, {})
        assert "Another title" not in client.get(place).text
        shipped = (SHIPPED / file).read_text(encoding="utf-8")
        (folder / file).parent.mkdir()
        (folder / file).write_text(re.sub("(?m)^title: .*$", "title: Another title", shipped), encoding="utf-8")
        assert "Another title" in client.get(place).text
