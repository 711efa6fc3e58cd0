"""What holds for every page over every company: it renders whole, its parts fit, names are harmless, links lead on."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from headwater.api.kpis import kpi_show
from tests.http.client import Client
from tests.shipped import shipped
from tests.web.conftest import HOSTILE
from tests.web.reading import Part, read

PAGES = (
    "/", "/kpi", "/kpi?q=lead", "/data", "/data/add", "/funnel",
    "/funnel?funnel=deals&by=team", "/kpi/leads", "/kpi/leads?show=trace", "/kpi/leads?show=records",
    "/kpi/leads?by=channel", "/kpi/win_rate.value", "/kpi/own_leads?show=definition",
    "/boards", "/boards/sales_team?by=team",
    "/explore", "/explore?kpi=leads&kpi=mqls&show=scatter&by=channel",
    "/qualify",
)  # fmt: skip
VIEWS = ("/kpi/own_leads?show=trace", "/kpi/own_leads?show=records", "/kpi/own_leads?by=channel")
OWN = (
    "/boards/own",
    "/boards/own?period=last-3-months&filter=channel+is+not+empty",
    "/explore?kpi=own_leads&kpi=own_cost_per_lead&show=scatter&by=channel&period=2025-01",
)
"""Pages of what the company has written itself."""
Served = Callable[[str], Client]
CATALOGUE = shipped()


def page(client: Client, path: str) -> Part:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


@pytest.mark.parametrize("name", ["small", "tiny", "hostile", "demo", "unbuilt", "empty"])
@pytest.mark.parametrize("path", [*PAGES, *VIEWS, *OWN])
def test_a_page_renders_whole(served: Served, name: str, path: str) -> None:
    if "own" in path and name not in ("small", "hostile"):
        assert served(name).get(path).status_code == 404  # these have no such KPI
        return
    seen = page(served(name), path)
    assert len(seen.find("h1")) == 1
    ids = [p.attributes["id"] for p in seen.parts() if "id" in p.attributes]
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
    for attribute in ("popovertarget", "aria-labelledby", "aria-describedby"):
        for p in seen.parts():
            assert set(p.attributes.get(attribute, "").split()) <= set(ids)


@pytest.mark.parametrize("name", ["small", "hostile"])
@pytest.mark.parametrize("path", [*PAGES, *VIEWS, *OWN])
def test_nothing_in_a_page_runs(served: Served, name: str, path: str) -> None:
    """What the content security policy forbids is not there, whatever a company is called."""
    seen = page(served(name), path)
    for p in seen.parts():
        if p.tag == "script":
            assert p.attributes.get("type") == "application/json" or p.attributes.get("src", "").startswith("/static/")
        assert p.tag != "style"
        for attribute, value in p.attributes.items():
            assert not attribute.startswith(("on", "style", "hx-on"))
            assert "javascript:" not in value.casefold()
            if attribute == "hx-trigger":
                assert "[" not in value
            if attribute.startswith("hx-"):
                assert not value.startswith("js:")


def test_hostile_names_are_shown_as_they_are(served: Served) -> None:
    home = page(served("hostile"), "/")
    assert HOSTILE in home.find("header")[0].text
    assert HOSTILE in home.at("tile-own-leads").text
    split = page(served("hostile"), "/kpi/own_leads?by=channel")
    assert HOSTILE in split.at("board-channel").attributes.get("id", "") + split.find("main")[0].text


def test_a_hostile_segment_can_be_chosen_and_let_go(served: Served) -> None:
    client = served("hostile")
    split = page(client, "/kpi/own_leads?period=2025-01&by=channel")
    (link,) = [h for text, h in split.at("detail").links.items() if text.startswith(HOSTILE)]
    chosen = page(client, link)
    assert chosen.find(class_="kpi-value")[0].text == "2"
    (chip,) = chosen.find("a", class_="chip")
    assert HOSTILE in chip.text
    assert page(client, chip.attributes["href"]).find(class_="kpi-value")[0].text == "4"


@pytest.mark.parametrize(
    "path", ["/", "/kpi", "/data", "/funnel", "/qualify", "/kpi/own_leads", "/boards", *VIEWS, *OWN]
)
def test_every_link_of_a_page_leads_somewhere(served: Served, path: str) -> None:
    client = served("small")
    seen = page(client, path)
    ids = {p.attributes.get("id") for p in seen.parts()}
    for href in dict.fromkeys(seen.links.values()):
        place = urlsplit(href)
        if place.path.startswith("/api/") or place.path.endswith((".csv", ".xlsx")):
            continue
        if href.startswith("#"):
            assert href[1:] in ids
            continue
        assert client.get(href.partition("#")[0]).status_code == 200, href


def test_a_download_asks_the_interface_what_the_page_shows(served: Served) -> None:
    seen = page(served("small"), "/kpi/own_leads?period=2025-01&filter=channel+%3D+%27email%27&show=records")
    files = [h for h in seen.links.values() if h.startswith("/api/records")]
    assert files[0] == ("/api/records?kpi=own_leads&period=2025-01&filter=channel%20%3D%20%27email%27&format=csv")


@pytest.mark.parametrize("path", ["/", "/kpi/own_leads", "/data"])
def test_a_page_that_has_not_changed_is_not_sent_again(served: Served, path: str) -> None:
    client = served("small")
    first = client.get(path)
    again = client.get(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_part_is_the_same_in_the_page_and_alone(served: Served) -> None:
    """The lower half that htmx asks for is the one of the whole page."""
    client = served("small")
    for path in ("/kpi/own_leads", *VIEWS):
        part = client.get(path, hx_request="true", hx_target="detail").text
        assert "<html" not in part
        assert re.sub(r"\s+", "", part) in re.sub(r"\s+", "", client.get(path).text)


@pytest.mark.parametrize("name", ["losses", "components", "segments", "cohorts", "around"])
def test_a_part_that_comes_later_is_the_one_of_the_whole_page(served: Served, name: str) -> None:
    """Without script a link leads to the page with the part; with it the part comes alone, and the strip is told which
    stage loses most."""
    client = served("small")
    path = "/funnel?by=channel" if name == "segments" else "/funnel"
    place = page(client, path).at(name)
    assert place.attributes["aria-busy"] == "true"
    (link,) = place.links.values()
    assert link == f"{place.attributes['hx-get']}#{name}"
    whole = client.get(place.attributes["hx-get"]).text
    assert "data-later" not in re.search(rf'<section[^>]* id="{name}"[^>]*>', whole)[0]  # type: ignore[index]
    part = client.get(place.attributes["hx-get"], hx_request="true").text
    told, _, strip = part.partition('<div id="strip" hx-swap-oob="true">')
    assert "<html" not in told
    assert re.sub(r"\s+", "", told) in re.sub(r"\s+", "", whole)
    assert bool(strip) == (name == "losses")


def test_a_part_that_is_none_is_refused(served: Served) -> None:
    assert served("small").get("/funnel?part=loses").status_code == 400


def test_going_back_gets_the_whole_page(served: Served) -> None:
    client = served("small")
    whole = client.get(VIEWS[0])
    back = client.get(VIEWS[0], hx_request="true", hx_request_type="full", hx_history_restore_request="true")
    assert back.text == whole.text


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/?perod=2025", "period"),
        ("/?period=last-12-month", "last-12-months"),
        ("/kpi/own_leeds", "own_leads"),
        ("/kpi/win_rate.valeu", "win_rate.value"),
        ("/kpi/own_leads?filter=chanel+%3D+%27a%27", "channel"),
        ("/kpi/own_leads?by=chanel", "channel"),
        ("/kpi/own_leads?show=tracce", "trace"),
        ("/kpi/own_leads?show=records&page=0", "1 to"),
        ("/kpi/own_leads?show=records&side=x", "measure-own_entered"),
        ("/data?q=x", "period"),
        ("/boards/own?period=last-12-month", "last-12-months"),
        ("/explore?kpi=own_leeds", "own_leads"),
        ("/explore?kpi=own_leads&show=indexd", "indexed"),
        ("/explore?kpi=leads&kpi=mqls&kpi=sqls&kpi=mrr&kpi=nps", "2 to 4"),
        ("/explore?kpi=own_leads&kpi=own_reach&show=scatter&by=chanel", "channel"),
    ],
)
def test_a_bad_address_says_what_would_be_right(served: Served, path: str, near: str) -> None:
    answer = served("small").get(path)
    unknown = "own_leeds" in path or "valeu" in path
    assert answer.status_code == (404 if unknown else 400)
    assert near in read(answer.text).find("main")[0].text


def test_a_variant_keeps_the_filter_as_far_as_it_can_be_asked(served: Served) -> None:
    """The variants of a KPI may rest on other tables: a filter on a split that a sibling lacks stays behind."""
    client = served("demo")
    kpis = [k for k in CATALOGUE.kpis.values() if len(k.variants) > 1]
    apart = []
    for kpi in kpis:
        splits = {v.id: set(kpi_show(CATALOGUE, f"{kpi.id}.{v.id}").splits) for v in kpi.variants}
        own = splits.pop(kpi.default)
        apart += [(kpi.id, split) for split in sorted(own) if any(split not in others for others in splits.values())]
    assert apart
    kpi, split = apart[0]
    seen = page(client, f"/kpi/{kpi}?filter={split}+is+not+empty")
    (variants,) = [p for p in seen.find("nav") if p.attributes.get("aria-label") == "Variants"]
    for href in variants.links.values():
        assert client.get(href).status_code == 200, href
