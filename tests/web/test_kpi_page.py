"""One KPI of the small company: number, variants, segments, trace, rows (tests/surface.py holds the company)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from headwater.api.answer import Answer
from headwater.api.held import Moment
from headwater.errors import QueryError
from tests.http.client import Client
from tests.web.reading import Part, read

Served = Callable[[str], Client]


def page(served: Served, path: str) -> Part:
    answer = served("small").get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    return read(answer.text)


def bars(seen: Part, split: str) -> dict[str, str]:
    board = next(p for p in seen.find("section", class_="board") if p.attributes["aria-labelledby"] == f"board-{split}")
    return {
        row.find(class_="board-label")[0].text: row.find(class_="board-value")[0].text
        for row in board.find("a", class_="board-row")
    }


def test_segments_with_their_values(served: Served) -> None:
    """January: e-mail 2, ads 1, no channel 1. The whole year 2025: e-mail 4, ads 2, =cmd 1, none 1."""
    seen = page(served, "/kpi/own_leads?period=2025-01")
    assert bars(seen, "channel") == {"email": "2", "(empty)": "1", "ads": "1"}
    assert bars(page(served, "/kpi/own_leads?period=2025"), "channel") == {
        "email": "4", "ads": "2", "(empty)": "1", "=cmd": "1",
    }  # fmt: skip


def test_a_click_filters_and_a_chip_lifts_it(served: Served) -> None:
    seen = page(served, "/kpi/own_leads?period=2025-01")
    link = next(h for text, h in seen.links.items() if text.startswith("email"))
    chosen = page(served, link)
    assert chosen.find(class_="kpi-value")[0].text == "2"
    (chip,) = chosen.find("a", class_="chip")
    assert "email" in chip.text
    assert page(served, chip.attributes["href"]).find(class_="kpi-value")[0].text == "4"
    again = next(h for text, h in chosen.links.items() if text.startswith("email"))
    assert again == chip.attributes["href"], "a click on the chosen one lets it go"


def test_the_other_segments_stay_to_be_chosen(served: Served) -> None:
    chosen = page(served, "/kpi/own_leads?period=2025-01&filter=channel+%3D+%27email%27")
    assert bars(chosen, "channel") == {"email (filters this page)": "2", "(empty)": "1", "ads": "1"}


def test_rates_show_what_they_rest_on_and_their_interval(served: Served) -> None:
    """January's MQLs: of two by e-mail one, of one by ads one."""
    seen = page(served, "/kpi/own_mql_rate?period=2025-01")
    board = next(p for p in seen.find("section", class_="board") if "channel" in p.attributes["aria-labelledby"])
    first = board.find("a", class_="board-row")[0]
    assert first.find(class_="board-label")[0].text == "email"
    assert first.find(class_="board-value")[0].text == "50.0%"
    assert "n 2" in first.text
    assert "9.5% to 90.5%" in first.text  # Wilson, 1 of 2


def test_the_chart_holds_the_numbers_and_the_table_says_the_same(served: Served) -> None:
    seen = page(served, "/kpi/own_leads?period=2025-01..2025-03&grain=month&compare=none")
    chart = seen.at("chart-line")
    data = json.loads("".join(str(t) for t in chart.find("script", type="application/json")[0].inside))
    points = {p[0]: p[1] for p in data["series"][0]["points"]}
    assert [points[f"2025-0{m}-01"] for m in (1, 2, 3)] == [4.0, 3.0, 1.0]
    assert [row[:2] for row in chart.rows()][-3:] == [["Jan 2025", "4"], ["Feb 2025", "3"], ["Mar 2025", "1"]]


def test_a_split_draws_a_line_a_segment(served: Served) -> None:
    seen = page(served, "/kpi/own_leads?period=2025-01..2025-06&by=channel")
    data = json.loads("".join(str(t) for t in seen.at("chart-line").find("script", type="application/json")[0].inside))
    lines = {s["name"]: [p[1] for p in s["points"]] for s in data["series"]}
    assert lines["email"][:3] == [2.0, 1.0, 1.0]
    assert lines["ads"][:3] == [1.0, 1.0, 0.0]


def test_the_year_before_lies_under_the_same_months(served: Served) -> None:
    seen = page(served, "/kpi/own_leads?period=2026-01..2026-03&compare=year&grain=month")
    data = json.loads("".join(str(t) for t in seen.at("chart-line").find("script", type="application/json")[0].inside))
    assert data["series"][-1]["muted"]
    before = {p[0]: p[1] for p in data["series"][-1]["points"]}
    assert [before[f"2026-0{m}-01"] for m in (1, 2, 3)] == [4.0, 3.0, 1.0]


def test_how_it_was_made(served: Served) -> None:
    detail = page(served, "/kpi/own_cost_per_lead?period=2025-02&show=trace").at("detail")
    assert "999 / 3 = 333" in detail.text
    assert "own_cost / own_entered" in detail.text
    assert ["costs", "world", "Mar 31, 2025"] in detail.rows()
    assert detail.find("pre"), "the statement"


def test_the_rows_behind_it_masked_and_by_side(served: Served) -> None:
    seen = page(served, "/kpi/own_cost_per_lead?period=2025-02&show=records")
    detail = seen.at("detail")
    assert "1\u20131 of 1 rows of costs" in detail.text
    leads = page(
        served, next(h for text, h in detail.links.items() if text.startswith("Denominator")).partition("#")[0]
    )
    rows = leads.at("detail")
    assert "1\u20133 of 3 rows of leads" in rows.text
    assert len(rows.rows()) == 3
    people = page(served, "/kpi/own_reach?period=2025-02&show=records").at("detail")
    assert "***" in people.text
    assert "@" not in people.text


def test_variants_are_chosen_by_address(served: Served) -> None:
    seen = page(served, "/kpi/win_rate?period=2025-01")
    links = {t: h for t, h in seen.links.items() if h.startswith("/kpi/win_rate")}
    assert links["value"] == "/kpi/win_rate.value?period=2025-01"
    assert links["closed"] == "/kpi/win_rate?period=2025-01"
    assert page(served, links["value"]).find("h1")[0].text == "Win rate: value"


def test_the_definition_in_plain_words(served: Served) -> None:
    detail = page(served, "/kpi/win_rate?show=definition").at("detail")
    assert "Which share of our deals do we win?" in detail.text
    assert detail.facts()["Formula"] == "won_opportunities / closed_opportunities"
    assert "Five formulas are in use" in detail.text


def test_a_missing_number_says_why(served: Served) -> None:
    seen = page(served, "/kpi/own_cost_per_lead?period=2025-06")
    assert seen.find(class_="kpi-why")
    assert not seen.find(class_="kpi-value")


# --- the list and the find box ---------------------------------------------------------------------------------------
def listed(place: Part) -> dict[str, tuple[str, ...]]:
    """The KPIs of a list: what stands where the number does."""
    rows = {}
    for row in place.find("li", class_="kpi-row"):
        (number,) = row.find(class_="kpi-row-number")
        rows[row.find("a")[0].text] = tuple(p.text for p in number.find("p"))
    return rows


def test_the_list_has_values_by_stage_and_what_waits_apart(served: Served) -> None:
    seen = page(served, "/kpi?period=2025-02")
    place = seen.at("lead")
    assert listed(place)["Own leads"] == ("", ""), "asked when it is seen"
    assert list(place.find("noscript")[0].links.values()) == ["/kpi?period=2025-02&part=lead#lead"]
    whole = page(served, "/kpi?period=2025-02&part=lead")
    part = served("small").get(place.attributes["hx-get"], hx_request="true").text
    for there in (whole.at("lead"), read(part).at("lead")):
        assert listed(there)["Own leads"] == ("3", "\u221225% worse")
        assert not there.find("noscript")
    assert "<html" not in part
    assert served("small").get("/kpi?part=leed").status_code == 400
    waiting = {row[0]: row[1] for row in seen.at("waiting").rows()}
    assert "subscriptions" in waiting["Monthly recurring revenue (MRR)"]
    start = listed(seen.at("start"))
    assert start["Website visits"] == ("waits for web_sessions",)
    assert len(start["Leads created"]) == 2
    missing = {row[0]: row[1:] for row in seen.at("missing").rows()}
    assert int(missing["web_sessions"][0]) > 3
    assert "Google Analytics" in missing["web_sessions"][1]


def test_the_find_box_finds_kpis_by_title_id_and_alias_pages_and_segments(served: Served) -> None:
    def found(words: str) -> list[tuple[str, str]]:
        answer = served("small").get(f"/kpi?q={words}", hx_request="true", hx_target="find-results")
        assert "<html" not in answer.text
        return [(a.find(class_="result-label")[0].text, a.attributes["href"]) for a in read(answer.text).find("a")]

    assert found("own+cost")[0] == ("Own cost per lead", "/kpi/own_cost_per_lead")
    assert ("Win rate", "/kpi/win_rate") in found("hit+rate")
    assert ("Data", "/data") in found("data")
    assert ("ads", "/kpi/own_leads?filter=channel%20%3D%20%27ads%27") in found("ads")
    assert found("zzz") == []


def test_a_kpi_that_cannot_be_asked_hides_no_other(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the question for all is refused, each is asked alone, and the one at fault stands with its reason."""
    real = Moment.measure

    def measure(self: Moment, *kpis: str, **given: Any) -> Answer:
        if "own_reach" in kpis:
            raise QueryError("a value does not fit")
        return real(self, *kpis, **given)

    monkeypatch.setattr(Moment, "measure", measure)
    parts = [page(served, f"/kpi?period=2025-01&compare=none&part={part}").at(part) for part in ("lead", "lead-2")]
    rows = {name: told for part in parts for name, told in listed(part).items()}
    assert rows["Own leads"][0] == "4"
    assert rows["Own reach"] == ("a value does not fit",)
