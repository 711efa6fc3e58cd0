"""Components against a world added up by hand: objectives, ways, KPIs, verdicts, gaps, and faults of the file."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.componental import Component, Components
from headwater.api.folder import SHIPPED
from headwater.api.held import Held
from headwater.errors import DefinitionError, QueryError
from headwater.metrics.components import load_components
from tests.world import NOW, world

YEAR = range(1, 13)
CAMPAIGNS: list[dict[str, Any]] = [
    {"campaign_id": "a", "name": "Search A", "program": "Search", "channel": "search", "objective": "Leads"},
    {"campaign_id": "b", "name": "Search B", "program": "Search", "channel": "search", "objective": "lead generation"},
    {"campaign_id": "s", "name": "Silent", "program": "Social", "channel": "social", "objective": "leads"},
    {"campaign_id": "f", "name": "Faded", "program": "Social", "channel": "social", "objective": "leads"},
    {"campaign_id": "v", "name": "Visible", "program": "Social", "channel": "social", "objective": "awareness"},
    {"campaign_id": "u", "name": "Unknown", "program": "Odd", "channel": "mail", "objective": "Buzz"},
    {"campaign_id": "n", "name": "Nameless", "program": "Odd", "channel": "mail"},
    {"campaign_id": "r", "name": "Regulars", "program": "Clients", "channel": "mail", "objective": "retention"},
    {"campaign_id": "o", "name": "Over", "program": "Old", "channel": "mail", "objective": "leads"},
    {"campaign_id": "w", "name": "Word", "program": "Mouth", "channel": "word", "objective": "leads"},
    {"campaign_id": "z", "name": "Given", "program": "Mouth", "channel": "word", "objective": "leads"},
    {"campaign_id": "x", "name": "Far", "program": "Mouth", "channel": "word", "objective": "leads"},
]
SPAN = {"o": ("2023-01-01", "2023-12-31")}


def rows() -> dict[str, list[dict[str, Any]]]:
    """Each month of 2025 a and b bring four persons, three of whom are MQLs ten days later, for 300; s, f and v cost as
    much and bring nobody, but f did in 2024 what a and b do. w, z and x bring one each who is too young:
    w without a row of cost, z for 0, x for 300 and for 100 of a currency of which no rate is known."""
    leads, costs = [], []
    for year, months, who in ((2025, YEAR, "absfv"), (2024, YEAR, "abf")):
        for month in months:
            for c in who:
                of = next(x for x in CAMPAIGNS if x["campaign_id"] == c)
                place = {k: of[k] for k in ("campaign_id", "program", "channel")}
                costs.append({"cost_id": f"{c}{year}{month}", "day": f"{year}-{month:02}-03", "kind": "media",
                              "function": "marketing", "amount": 300, **place})  # fmt: skip
                if c in "ab" or (c == "f" and year == 2024):
                    for i in range(4):
                        day = date(year, month, 5 + i)
                        mql = (day + timedelta(days=10)).isoformat() if i < 3 else None
                        leads.append({"lead_id": f"{c}{year}{month}{i}", "created_at": day.isoformat(),
                                      "mql_at": mql, "sales_qualified_at": mql if year == 2024 else None,
                                      **place})  # fmt: skip
    of_word = {"program": "Mouth", "channel": "word"}
    leads += [{"lead_id": c, "created_at": "2025-11-05", "campaign_id": c, **of_word} for c in "wzx"]
    costs += [
        {"cost_id": n, "day": f"2025-0{month}-03", "kind": "media", "function": "marketing", "amount": amount,
         "currency": currency, "campaign_id": n[0], **of_word}
        for n, month, amount, currency in (("z", 3, 0, "EUR"), ("x1", 3, 300, "EUR"), ("x2", 4, 100, "USD"))
    ]  # fmt: skip
    costs.append({"cost_id": "w", "day": "2025-03-03", "kind": "overhead", "function": "overhead", "amount": 50,
                  "campaign_id": "w", **of_word})  # fmt: skip
    started = {c: SPAN.get(c, ("2024-01-01", None)) for c in (x["campaign_id"] for x in CAMPAIGNS)}
    campaigns = [
        {**c, "started_at": started[c["campaign_id"]][0], "ended_at": started[c["campaign_id"]][1]} for c in CAMPAIGNS
    ]
    return {"leads": leads, "costs": costs, "campaigns": campaigns}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return world(tmp_path_factory.mktemp("components"), rows(), through=date(2025, 12, 31))


@pytest.fixture(scope="module")
def told(company: Workspace) -> Components:
    return company.components(period="2025", as_of="2025-12-31")


def of(told: Components, level: str, name: str) -> Component:
    found = told.find(level, name)
    assert found is not None
    return found


def test_each_has_its_objective_the_step_it_feeds_and_a_pair_of_kpis(told: Components) -> None:
    a = of(told, "campaign", "Search A")
    assert (a.objective, a.kpi, a.step, a.feeds) == ("leads", "leads", "lead", "mql")
    assert a.growth is not None and (a.growth.kpi, a.growth.value) == ("leads", 48.0)
    assert a.efficiency is not None and (a.efficiency.kpi, a.efficiency.value) == ("cost_per_lead", 75.0)
    assert a.efficiency.subjects == 48
    assert of(told, "campaign", "b").objective == "leads"  # a team's other word for it
    assert (of(told, "program", "Search").objective, of(told, "channel", "search").objective) == ("leads", "leads")
    v = of(told, "campaign", "Visible")
    assert (v.objective, v.step, v.feeds, v.feeds_title) == ("awareness", "website_visits", "lead", "Lead")
    assert told.find("campaign", "o") is None  # it ended in 2023, cost nothing and brought nobody


def test_what_was_brought_is_held_against_what_money_brings_elsewhere(told: Components) -> None:
    """Persons who entered by 2 October have had their 90 days: nine months of four, of whom three went on. The first is
    of b alone in its channel, so all others of its step count: b's 27 for 2,700, s and f nothing for as much each, as
    the money of October falls on the third and after the last entry."""
    a = of(told, "campaign", "a")
    assert a.judged is not None and (a.judged.start, a.judged.end) == (date(2025, 1, 1), date(2025, 10, 3))
    assert (a.entered, a.came, a.entries) == (36, 27, 27)
    assert (a.pool, a.against) == ("step", 3)
    assert a.expected == pytest.approx(9.0)
    assert a.verdict == "contributes"
    assert a.said(told.rules).startswith("brought 27 to MQL where such money elsewhere brings 9.0 (300%, 95 % ")
    assert [of(told, "campaign", n).verdict for n in "ab"] == ["contributes"] * 2
    assert of(told, "channel", "search").verdict == "cannot_tell"  # one other channel brings nobody: nothing to hold


def test_money_that_brings_nobody_shows_no_sign(told: Components) -> None:
    """a and b bring 54 for 5,400, with f nothing for 2,700 more: 18 for 2,700."""
    s = of(told, "campaign", "Silent")
    assert (s.verdict, s.entries, s.expected) == ("no_sign", 0, pytest.approx(18.0))
    assert s.seen is not None and s.seen_share is not None
    assert s.seen_entries == pytest.approx(s.seen * 18)
    assert s.seen_share == pytest.approx(s.seen_entries / (54 + s.seen_entries))
    assert "no sign of contributing although a share of" in s.said(told.rules)
    assert "Leads created: nothing is known of it in the period" in s.gaps


def test_awareness_is_told_by_who_arrives(told: Components) -> None:
    """Everybody who arrives in the year counts, no time has to pass: a and b bring 96 for 7,200, and
    s and f nothing for as much: 24 for 3,600."""
    v = of(told, "campaign", "Visible")
    assert v.judged is not None and v.judged.end == date(2026, 1, 1)
    assert (v.verdict, v.entries, v.pool) == ("no_sign", 0, "all")
    assert v.expected == pytest.approx(24.0)


def test_a_verdict_is_of_what_a_component_does_now(company: Workspace) -> None:
    """Faded brought persons all through 2024; of two years asked the last twelve months are judged."""
    before = company.components(level="campaign", period="2024", as_of="2025-12-31")
    both = company.components(level="campaign", period="2024-01..2025-12", as_of="2025-12-31")
    assert of(before, "campaign", "Faded").verdict == "contributes"
    faded = of(both, "campaign", "Faded")
    assert (faded.verdict, faded.entries) == ("no_sign", 0)
    assert faded.growth is not None and faded.growth.value == 48  # the KPI is of both years
    assert {c.level for c in both} == {"campaign"}


def test_gaps_are_told_each_by_its_reason(told: Components) -> None:
    unknown, nameless, regulars = (of(told, "campaign", n) for n in ("u", "n", "r"))
    assert unknown.gaps == ("no objective is called 'Buzz'", "no cost is known of it in the period")
    assert "no objective is named" in nameless.gaps
    assert "no source fills Customer" in regulars.gaps
    assert {(c.verdict, c.reason) for c in (unknown, nameless, regulars)} == {("cannot_tell", "no_step")}
    said = [c.said(told.rules).partition(": ")[2] for c in (unknown, nameless, regulars)]
    assert said == [*["it is not known what it is for"] * 2, "there is no next step by which it could be judged"]
    social = of(told, "program", "Social")
    assert social.objective == "leads"
    assert "its campaigns have several objectives (2 leads, 1 awareness); the most frequent counts" in social.gaps


def test_a_cost_that_is_not_known_is_absent_and_one_of_nothing_is_nothing(told: Components) -> None:
    """One lead each. Of w no row is a cost of marketing; z has a row of 0; of x a part has no exchange rate."""
    w, z, x = (of(told, "campaign", n) for n in "wzx")
    assert [c.growth.value for c in (w, z, x) if c.growth is not None] == [1.0] * 3
    assert w.efficiency is not None and w.efficiency.kpi == "cost_per_lead"
    assert (w.efficiency.value, w.efficiency.quality) == (None, ("no_data",))
    assert (w.cost, w.gaps) == (None, ("no cost is known of it in the period",))
    assert z.efficiency is not None and (z.efficiency.value, z.efficiency.numerator) == (0.0, 0.0)
    assert z.cost is not None and (z.cost.value, z.gaps) == (0.0, ())
    assert x.efficiency is not None and x.efficiency.value is None
    assert x.gaps == ("Cost per lead (CPL): no exchange rate", "Marketing spend: no exchange rate")
    assert "Word" in told.to_text() and "EUR 0.00" in told.to_text().split("Given")[1].splitlines()[0]


def test_a_cost_of_which_a_part_has_no_rate_is_not_judged_by_the_other_part(told: Components) -> None:
    """x is not held against what 300 bring elsewhere, nor are others held against what it brings for 300."""
    assert of(told, "campaign", "x").expected is None
    assert of(told, "campaign", "a").against == 3  # b, s and f


def test_too_young_to_be_judged_is_said(company: Workspace) -> None:
    young = company.components(level="campaign", period="2025-11..2025-12", as_of="2025-12-31")
    a = of(young, "campaign", "a")
    assert (a.verdict, a.reason, a.judged) == ("cannot_tell", "no_step", None)
    assert a.said(young.rules) == "cannot tell: nobody has been seen long enough yet"
    assert "nobody has been seen long enough yet to have come to MQL" in a.gaps
    assert a.growth is not None and a.growth.value == 8


def test_own_words_and_assignments_take_the_place_of_those_shipped(company: Workspace) -> None:
    own = (SHIPPED / "components.yml").read_text(encoding="utf-8").replace("also: [brand,", "also: [buzz, brand,")
    place = company.path / "components.yml"
    place.write_text(own + "assigned: {campaign: {n: leads, b: mqls}, channel: {mail: awareness}}\n", encoding="utf-8")
    try:
        told = company.components(period="2025", as_of="2025-12-31")
        place.write_text(own, encoding="utf-8")
        equals = of(company.components(level="channel", period="2025", as_of="2025-12-31"), "channel", "mail")
    finally:
        place.unlink()
    several = "its campaigns have several objectives (1 awareness, 1 retention)"
    assert equals.objective == "awareness"
    assert f"{several}; of those that are as frequent the first counts" in equals.gaps
    assert (of(told, "campaign", "u").objective, of(told, "campaign", "n").objective) == ("awareness", "leads")
    assert of(told, "channel", "mail").objective == "awareness"
    b = of(told, "campaign", "b")  # no source fills the step between, so that its days do not count, as in the funnel
    assert (b.step, b.feeds) == ("mql", "sales_qualified")
    assert b.judged is not None and b.judged.end == date(2025, 12, 31) - timedelta(days=90 - 1)


def test_another_funnel_is_fed_by_its_own_rule(company: Workspace) -> None:
    people = company.components(level="campaign", funnel="people", period="2025", as_of="2025-12-31")
    assert (people.funnel.link.rule, of(people, "campaign", "a").entries) == ("contact_role", 27)
    assert [n for n in people.notes if n.endswith(": no deal finds its lead by contact_role")]


def test_it_is_the_same_every_time_and_in_every_form(company: Workspace, told: Components) -> None:
    again = company.components(period="2025", as_of="2025-12-31")
    assert again.to_json() == told.to_json()
    objects = json.loads(told.to_json())
    assert [o["id"] for o in objects] == [c.id for c in told]
    a = next(o for o in objects if o["level"] == "campaign" and o["id"] == "a")
    assert (a["growth"]["value"], a["judged_until"], a["verdict"]) == (48.0, "2025-10-03", "contributes")
    assert told.to_csv().splitlines()[0].startswith("level,id,title,program,channel,objective,kpi,step,feeds,verdict")
    assert len(told.to_arrow()) == len(told) and told.to_xlsx() and told.to_parquet()
    text = told.to_text()
    assert "Silent: no sign of contributing although" in text and "Gaps" in text
    with Held(company.path, now=NOW, environment={}) as held:
        assert held.components(period="2025", as_of="2025-12-31").to_json() == told.to_json()


def test_what_is_asked_wrongly_is_named(company: Workspace) -> None:
    with pytest.raises(QueryError, match="no level is called 'campain'") as error:
        company.components(level="campain")
    assert "Did you mean 'campaign'" in error.value.do
    with pytest.raises(QueryError, match="no funnel is called 'leeds'"):
        company.components(funnel="leeds")


FAULTS = {
    "cost: marketing_spent": "no KPI is called 'marketing_spent'",
    "funnel: leeds": "no funnel is called 'leeds'",
    "nothing: 0.6": "'nothing' is not below 'interest'",
    "assigned: {campaign: {x: fame}}": "no objective is called 'fame'",
    "objectives: {fame: {title: Fame, step: applause, kpi: leads}}": "no funnel has a step 'applause'",
    "objectives: {fame: {title: Fame, step: lead, kpi: leads, beside: mqls}}": "are both of the role growth",
    "objectives: {x: {title: X, step: lead, kpi: leads}, y: {title: Y, step: mql, kpi: mqls, also: [X]}}": (
        "'x' is a word for 'x' already"
    ),
}


@pytest.mark.parametrize("line", FAULTS)
def test_faults_of_the_file_are_told(company: Workspace, tmp_path: Path, line: str) -> None:
    least = "" if line.startswith("objectives") else "objectives: {leads: {title: Leads, step: lead, kpi: leads}}\n"
    (tmp_path / "components.yml").write_text(f"{least}{line}\n", encoding="utf-8")
    catalogue = company._folder.catalogue(company._folder.company())
    with pytest.raises(DefinitionError, match=r"components\.yml") as error:
        load_components(SHIPPED, tmp_path, catalogue)
    assert FAULTS[line] in str(error.value)
