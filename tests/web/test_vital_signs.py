"""The first page of the small company: four leads in January, three in February, one in March (tests/surface.py)."""

from collections.abc import Callable

import pytest

from headwater.store.engines.duckdb import QueryConnection
from tests.http.client import Client
from tests.web.conftest import mounted
from tests.web.reading import Part, read

Served = Callable[[str], Client]


def page(served: Served, path: str, name: str = "small") -> Part:
    answer = served(name).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def test_the_newest_whole_month_is_shown_unless_another_is_asked(served: Served) -> None:
    """The data is complete through 31 March 2025, and it is January 2026."""
    tile = page(served, "/").at("tile-own-leads")
    assert tile.find(class_="tile-value")[0].text == "1"
    assert "\u221267% worse" in tile.text  # 1 after 3


def test_the_numbers_of_a_month(served: Served) -> None:
    """February: 3 leads after 4; 999 spent on them after 100.50 on 4, which is 333.00 after 25.125 a lead."""
    seen = page(served, "/?period=2025-02")
    leads = seen.at("tile-own-leads")
    assert leads.find(class_="tile-value")[0].text == "3"
    assert "\u221225% worse" in leads.text
    assert leads.find(class_="change-false"), "fewer is worse"
    cost = seen.at("tile-own-cost-per-lead")
    assert cost.find(class_="tile-value")[0].text == "EUR 333.00"
    assert "+1,225% better" in cost.text  # 333 / 25.125 = 13.2537...
    about = seen.at("about-own-cost-per-lead").facts()
    assert about["Parts"] == "999 / 3"
    assert about["Change"] == "+EUR 307.88 (EUR 25.13, Jan 2025)"  # 333 - 25.125, half up


def test_a_quarter_beside_the_quarter_before(served: Served) -> None:
    seen = page(served, "/?period=2025-Q1")
    assert seen.at("tile-own-leads").find(class_="tile-value")[0].text == "8"
    cost = seen.at("tile-own-cost-per-lead")
    assert cost.find(class_="tile-value")[0].text == "EUR 137.44"  # 1,099.50 / 8 = 137.4375


def test_the_strip_says_how_many_and_which_share(served: Served) -> None:
    """Of January's four leads two became an MQL (L1, L3): 50 %. Two MQLs in February (L3, L5), one in January."""
    seen = page(served, "/?period=2025-01")
    leads, mqls = seen.at("step-own-leads"), seen.at("step-own-mqls")
    assert leads.find(class_="funnel-volume")[0].text == "4"
    assert mqls.find(class_="funnel-volume")[0].text == "1"
    assert mqls.find(class_="funnel-rate")[0].text.startswith("50.0%")
    assert not seen.find(class_="funnel-bottleneck"), "three months are too few to tell"
    assert "tenth or more" in seen.at("about-funnel").text


def test_a_small_sample_shows_its_interval(served: Served) -> None:
    """2 of 4; Wilson's 95 % interval is 15.0 % to 85.0 %."""
    seen = page(served, "/?period=2025-01")
    assert seen.at("tile-own-mql-rate").find(class_="tile-interval")[0].text == "15.0% to 85.0%"
    assert seen.at("step-own-mqls").find(class_="funnel-interval")[0].text == "15.0% to 85.0%"


def test_a_kpi_without_data_is_no_empty_shell(served: Served) -> None:
    ids = [p.attributes.get("id") for p in page(served, "/").find("article")]
    assert ids == ["tile-own-leads", "tile-own-cost-per-lead", "tile-own-mql-rate", "tile-own-reach"]


def test_a_late_source_needs_somebody_with_its_evidence(served: Served) -> None:
    """Complete through 31 March 2025, asked on 15 January 2026: 290 days."""
    needs = page(served, "/").at("needs")
    (sentence,) = needs.find("a", class_="need-sentence")
    assert "290 days late" in sentence.text
    assert sentence.attributes["href"] == "/data#sources"
    assert "Mar 31, 2025" in needs.find(class_="need-evidence")[0].text


def test_two_clicks_lead_from_a_number_to_its_trace_and_its_rows(served: Served) -> None:
    about = page(served, "/?period=2025-02").at("about-own-leads")
    links = about.links
    trace = page(served, links["How it was made"].partition("#")[0])
    assert "own_entered" in trace.at("detail").text
    rows = page(served, links["Rows behind it"].partition("#")[0])
    assert len(rows.at("detail").rows()) == 3


def test_without_data_the_page_says_the_next_step(served: Served) -> None:
    empty = page(served, "/", "empty").find(class_="empty")[0]
    assert empty.links["Add data"] == "/data/add"
    unbuilt = page(served, "/", "unbuilt").find(class_="empty")[0]
    assert "/data" in unbuilt.links.values()
    assert "refresh" in unbuilt.text.casefold()


def test_a_comparison_with_the_year_before_says_when_there_is_none(served: Served) -> None:
    tile = page(served, "/?period=2025-02&compare=year").at("tile-own-leads")
    assert not tile.find(class_="tile-change"), "there is nothing to compare with"
    none = page(served, "/?period=2025-02&compare=none").at("tile-own-leads")
    assert not none.find(class_="tile-change")


def test_earlier_and_later_are_beside_the_period(served: Served) -> None:
    seen = page(served, "/?period=2025-02")
    (earlier,) = seen.find("a", rel="prev")
    (later,) = seen.find("a", rel="next")
    assert (earlier.attributes["href"], later.attributes["href"]) == ("/?period=2025-01", "/")
    assert not page(served, "/").find("a", rel="next")


def test_what_was_asked_ahead_is_not_asked_of_the_engine_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    app, held = mounted(served("small").app.state.held.workspace)
    with held:
        for asked in held.ahead(app.state.usual):
            asked.result(60)

        def asked_of_the_engine(connection: QueryConnection, text: str) -> list[tuple[object, ...]]:
            raise AssertionError(text)

        for verb in ("rows", "arrow"):
            monkeypatch.setattr(QueryConnection, verb, asked_of_the_engine)
        client = Client(app, {})
        shown = ("/", "tile-own-leads"), *((p, "main") for p in ("/boards/acquisition", "/funnel", "/kpi", "/qualify"))
        for path, part in shown:
            answer = client.get(path)
            assert answer.status_code == 200 and read(answer.text).at(part).text
        assert client.get("/?period=2025-02").status_code == 200, "so is every other month of the year"
        assert client.get("/?period=2024-02").status_code == 500, "another year is asked of the engine"
