"""A funnel against worlds reckoned by hand: both bases, survival, skips, returns, links between deals and people."""

from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.folder import SHIPPED
from headwater.api.funnelled import Funnelled
from headwater.api.held import Held
from headwater.errors import DefinitionError, QueryError
from headwater.metrics.funnels import load_funnels
from headwater.model.observation import Observation
from tests.shipped import shipped
from tests.world import NOW, world

STEPS = """\
steps:
  - {step: lead, title: Lead, at: created_at}
  - {step: mql, title: MQL, at: mql_at, stage: mql, within: 30 days}
  - {step: sql, title: SQL, at: sales_qualified_at, stage: sales_qualified, within: 30 days}
  - {step: opportunity, title: Opportunity, at: opportunity_at, within: 30 days}
  - {step: customer, title: Customer, at: customer_at, within: 60 days}
lost: disqualified_at
value: won_amount
"""
HAND = "title: By hand\ntable: lead_journeys\n" + STEPS
FILES = {
    "funnels/hand.yml": HAND + "link: {rule: conversion}\n",
    "funnels/committee.yml": HAND + "link: {rule: contact_role}\n",
    "funnels/company.yml": HAND + "link: {rule: account, within: 29 days}\n",
    "funnels/company_20.yml": HAND + "link: {rule: account, within: 20 days}\n",
}
LEADS: list[dict[str, Any]] = [
    {"lead_id": "a", "created_at": "2025-01-01", "mql_at": "2025-01-11", "sales_qualified_at": "2025-01-31",
     "opportunity_id": "o1", "channel": "email"},
    {"lead_id": "b", "created_at": "2025-01-02", "mql_at": "2025-01-22", "contact_id": "k1", "channel": "email"},
    {"lead_id": "c", "created_at": "2025-01-03", "account_id": "x", "channel": "ads"},
    {"lead_id": "d", "created_at": "2025-01-04", "disqualified_at": "2025-01-14", "channel": "ads"},
    {"lead_id": "e", "created_at": "2025-02-01", "sales_qualified_at": "2025-02-11", "channel": "email"},
    {"lead_id": "f", "created_at": "2025-01-20", "mql_at": "2025-01-25", "sales_qualified_at": "2025-01-23",
     "opportunity_id": "o1", "channel": "ads"},
]  # fmt: skip
DEALS = [
    {"opportunity_id": "o1", "created_at": "2025-02-10", "closed_at": "2025-03-12", "status": "won", "amount": "1000"},
    {"opportunity_id": "o2", "created_at": "2025-02-01", "status": "open", "account_id": "x"},
    {"opportunity_id": "o3", "created_at": "2025-02-02", "status": "open"},
]
OTHERS = {
    "contacts": [{"contact_id": "k1"}, {"contact_id": "k2"}],
    "accounts": [{"account_id": "x"}],
    "contact_roles": [
        {"opportunity_id": "o2", "contact_id": "k1", "created_at": "2025-02-01"},
        {"opportunity_id": "o2", "contact_id": "k2", "created_at": "2025-02-01"},
    ],
    "stage_entries": [
        {"subject_kind": "lead", "subject_id": "f", "stage": "mql", "entered_at": "2025-01-25"},
        {"subject_kind": "lead", "subject_id": "f", "stage": "mql", "entered_at": "2025-01-30"},
        {"subject_kind": "lead", "subject_id": "a", "stage": "mql", "entered_at": "2025-01-11"},
        {"subject_kind": "lead", "subject_id": "a", "stage": "mql", "entered_at": "2025-03-01"},
    ],
}
CATALOGUE = shipped()
DAY = "2025-02-15"
"""As of: the win of o1 has not happened yet."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    from datetime import date

    tables = {"leads": LEADS, "opportunities": DEALS, **OTHERS}
    return world(tmp_path_factory.mktemp("funnel"), tables, files=FILES, through=date(2025, 4, 1))


@pytest.fixture(scope="module")
def hand(company: Workspace) -> Funnelled:
    """The funnel of the world's six leads as of DAY."""
    return company.funnel("hand", as_of=DAY)


def number(told: Funnelled, variant: str, step: str, start: str | None = None) -> Observation:
    found = told.find(variant, step, start)
    assert found is not None
    return found


def test_volumes_are_told_by_their_own_date(company: Workspace, hand: Funnelled) -> None:
    volumes = {o.segment[0][1]: o.value for o in hand if o.variant == "volume"}
    assert volumes == {"lead": 6, "mql": 3, "sql": 3, "opportunity": 1, "customer": 0}  # the win comes later
    january = company.funnel("hand", period="2025-01", as_of=DAY)
    assert {o.segment[0][1]: o.value for o in january if o.variant == "volume"} == {
        "lead": 5, "mql": 3, "sql": 2, "opportunity": 0, "customer": 0,
    }  # fmt: skip
    assert all(o.funnel == "hand" and o.kpi == "funnel" for o in hand)


def test_the_same_rate_on_four_bases(hand: Funnelled) -> None:
    """Lead to MQL, as of 15 February. Period: 3 MQLs of 6 leads. Cohort: a, b, c, d are 30 days old, 2 of them came.
    Survival: on day 5 one of 6 (f); on day 10 one of 5 comes (a) and one is lost (d); e is last seen on day 14; on day
    20 one of 2 (b): 1/6 + 5/6 * 1/5 + 1/2 * 1/2 = 7/12. So far: 3 of 6."""
    period, cohort = number(hand, "rate_period", "mql"), number(hand, "rate_cohort", "mql", "lead")
    assert period.value == pytest.approx(0.5)
    assert (cohort.numerator, cohort.denominator, cohort.left_out) == (2, 4, 2)
    survival, naive = number(hand, "rate_survival", "mql"), number(hand, "rate_so_far", "mql")
    assert survival.value == pytest.approx(7 / 12)
    assert survival.low is not None and survival.high is not None and survival.low < 7 / 12 < survival.high
    assert naive.value == pytest.approx(0.5)
    assert "immature" in naive.quality  # c and e are under way
    assert "small_sample" in survival.quality


def test_times_give_the_slow_their_part(hand: Funnelled) -> None:
    """The shares 1/6, 1/3, 7/12 on days 5, 10, 20: of those who come 2/7 by day 5, 4/7 by day 10, all by day 20. Half
    of all 6 have come on day 20."""
    told = {n: number(hand, f"days_{n}", "mql").value for n in ("median", "p75", "p90", "half_of_all")}
    assert told == {"median": 10, "p75": 20, "p90": 20, "half_of_all": 20}
    assert number(hand, "days_completed_median", "mql").value == 10
    never = number(hand, "days_median", "customer", "opportunity")
    assert (never.value, never.quality) == (None, ("no_data",))


def test_where_nobody_was_seen_long_enough_nothing_is_said(hand: Funnelled) -> None:
    found = number(hand, "rate_survival", "customer", "opportunity")  # o1 was opened 5 days ago and has 60
    assert (found.value, found.quality) == (None, ("immature",))
    assert "the longest for 5" in found.detail


def test_skips_disorder_returns_and_paths(hand: Funnelled) -> None:
    assert number(hand, "skipped", "sql").value == 1  # e was never an MQL
    assert number(hand, "disordered", "sql").value == 1  # f was an MQL two days after
    returned = number(hand, "returned", "mql")
    assert (returned.value, returned.subjects) == (1, 2)  # f; a comes back after the day asked
    any_way, strict = number(hand, "path_any", "sql"), number(hand, "path_strict", "sql")
    assert (any_way.numerator, strict.numerator, strict.denominator) == (3, 1, 6)  # a, e, f; a alone in order


def test_a_step_before_its_time_counts_and_has_no_time(hand: Funnelled) -> None:
    """MQL to SQL: a took 20 days; f was there before; b waits."""
    assert number(hand, "rate_so_far", "sql", "mql").numerator == 2
    assert number(hand, "days_median", "sql", "mql").value == 20


def test_splits_and_filters(company: Workspace) -> None:
    told = company.funnel("hand", by="channel", as_of=DAY)
    assert [dict(s)["channel"] for s in told.segments] == ["ads", "email"]
    ads, email = told.segments
    a, b = (told.find("rate_survival", "mql", "lead", s) for s in (ads, email))
    assert a is not None and a.value == pytest.approx(1 / 3)  # f of c, d, f
    assert b is not None and b.value == pytest.approx(
        1
    )  # a on day 10; e is last seen on day 14; b, the last, on day 20
    filtered = company.funnel("hand", filter="channel = 'ads'", as_of=DAY).find("rate_survival", "mql")
    assert filtered is not None and filtered.value == pytest.approx(1 / 3)
    assert filtered.filter == "channel = 'ads'"


def test_by_month(company: Workspace) -> None:
    told = company.funnel("hand", period="2025-01-01..2025-02-28", grain="month", as_of=DAY)
    volumes = [o.value for o in told if o.variant == "volume" and o.segment[0][1] == "lead"]
    assert volumes == [5, 1]
    shares = {o.period_start: o.subjects for o in told if o.variant == "rate_ever" and o.segment[0][1] == "mql"}
    assert [n for _, n in sorted((str(k), v) for k, v in shares.items())] == [5, 1]


def test_any_pair_of_steps(company: Workspace) -> None:
    found = company.funnel("hand", start="mql", end="opportunity", as_of="2025-04-01")
    assert (o := found.find("days_median", "opportunity", "mql")) is not None
    assert o.value == 30  # a: 11 January to 10 February
    with pytest.raises(QueryError, match="does not come after"):
        company.funnel("hand", start="sql", end="mql")
    with pytest.raises(QueryError, match="no step 'mqls'"):
        company.funnel("hand", start="mqls")
    with pytest.raises(QueryError, match="no funnel is called"):
        company.funnel("hands")


# --- links -----------------------------------------------------------------------------------------------------------
RULES = {
    "hand": ((1, 2, 1), {"email": 1}, {"email": 1}),
    "committee": ((1, 2, 0), {"email": 1}, {}),
    "company": ((1, 2, 0), {"ads": 1}, {}),
    "company_20": ((0, 3, 0), {}, {}),
}
"""By funnel: deals matched, unmatched and multiply matched; those opened and those won by the channel of their lead.
Conversion: o1 by the first of the two leads converted to it (a). Committee: o2 by k1, who is lead b. Company: o2 by
lead c, 29 days before it, but not within 20. o1 is won by a, whom only the conversion ties to it."""


@pytest.mark.parametrize("name", RULES)
def test_each_link_rule_finds_its_leads(company: Workspace, name: str) -> None:
    told = company.funnel(name, as_of="2025-04-01", by="channel")
    matched, opened, won = RULES[name]
    assert tuple(number(told, v, "customer").value for v in ("matched", "unmatched", "multiply_matched")) == matched

    def by_channel(step: str) -> dict[str | None, float | None]:
        return {
            dict(o.segment)["channel"]: o.value
            for o in told
            if o.variant == "volume" and o.segment[0][1] == step and o.value
        }

    assert (by_channel("opportunity"), by_channel("customer")) == (opened, won)


def test_a_step_that_no_source_fills_is_left_out_and_told(tmp_path: Path) -> None:
    leads = [{"lead_id": "a", "created_at": "2025-01-01", "sales_qualified_at": "2025-01-11"}]
    told = world(tmp_path, {"leads": leads}, files=FILES).funnel("hand", as_of="2025-06-01")
    assert [s.id for s in told.steps] == ["lead", "sql"]
    assert any("MQL (mql_at)" in note for note in told.notes)
    assert (o := told.find("rate_survival", "sql", "lead")) is not None
    assert o.detail.startswith("within 30 days") or o.quality == ("immature",)


def test_a_workspace_without_leads_says_so(tmp_path: Path) -> None:
    told = world(tmp_path, {"accounts": [{"account_id": "x"}]}).funnel()
    assert told.find("volume", "lead") is not None
    assert all("no_data" in o.quality for o in told if o.variant == "volume")
    assert "no data" in told.to_text()
    assert told.notes[0] == "no source feeds leads; funnels with data: accounts"


# --- a better rate ---------------------------------------------------------------------------------------------------
def test_what_the_best_year_would_bring(tmp_path: Path) -> None:
    """Ten leads a month for two years: in the first 8 of 10 become an MQL after a day, in the second 2. Of the newest
    twelve months 24 of 120 did; with the best year's rate it were 96, so 72 more."""
    leads = []
    for month in range(24):
        year, of_year = 2023 + month // 12, month % 12 + 1
        for i in range(10):
            reached = i < (8 if month < 12 else 2)
            day = f"{year}-{of_year:02}-05"
            leads.append(
                {"lead_id": f"{month}-{i}", "created_at": day, "mql_at": f"{year}-{of_year:02}-06" if reached else None}
            )
    short = (
        "title: Short\ntable: leads\nsteps:\n  - {step: lead, title: Lead, at: created_at}\n"
        "  - {step: mql, title: MQL, at: mql_at, within: 10 days}\n"
    )
    from datetime import date

    company = world(tmp_path, {"leads": leads}, files={"funnels/short.yml": short}, through=date(2024, 12, 31))
    told = company.funnel("short", as_of="2024-12-31")
    gain = told.find("gain", "mql")
    assert gain is not None and gain.value == pytest.approx(72)
    assert gain.low is not None and gain.high is not None and 40 < gain.low < 72 < gain.high < 95
    assert (gain.unit, told.bottlenecks) == ("lead", ("mql",))
    now, best = told.find("rate_year", "mql"), told.find("rate_reference", "mql")
    assert (now and now.value, best and best.value) == (pytest.approx(0.2), pytest.approx(0.8))
    asked = company.funnel("short", as_of="2024-12-31", reference="mql=30%").find("gain", "mql")
    assert asked is not None and asked.value == pytest.approx(12)  # 120 * (0.3 - 0.2)
    for text, why in (("mql=2", "no share"), ("mql=x", "no share"), ("lead=0.5", "first step"), ("sal=0.5", "no step")):
        with pytest.raises(QueryError, match=why):
            company.funnel("short", reference=text)


# --- the files -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HAND.replace("mql_at", "mql_on"), "no column is called 'mql_on'"),
        (HAND.replace("at: mql_at", "at: channel"), "'channel' is no date"),
        (HAND.replace("step: sql", "step: mql"), "'mql' stands twice"),
        (HAND.replace("won_amount", "channel"), "'channel' is no money"),
        (HAND.replace("lead_journeys", "leeds"), "no table is called 'leeds'"),
        (HAND.replace("30 days", "30 minutes"), "30 minutes"),
        (HAND + "link: {rule: account}\n", "needs a length of time"),
        (HAND + "link: {rule: conversion, within: 3 days}\n", "knows no length of time"),
        (HAND + "top:\n  - {title: Pipeline, measure: open_opportunities}\n", "does not count what happens"),
        ("title: D\ntable: opportunity_journeys\nsteps:\n  - {step: a, title: A, at: created_at}\n"
         "  - {step: b, title: B, at: won_at}\nlink: {rule: contact_role}\n", "no deal has to find its lead"),
        (HAND.replace("at: customer_at", "at: repeat_at") + "link: {rule: contact_role}\n", "follows the deal"),
    ],
)  # fmt: skip
def test_every_fault_of_a_funnel_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "funnels").mkdir()
    (tmp_path / "funnels" / "wrong.yml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        load_funnels(SHIPPED, tmp_path, CATALOGUE)
    assert told in "\n".join(str(f) for f in error.value.faults)


def test_the_text_names_the_funnel_and_what_it_rests_on(hand: Funnelled) -> None:
    text = hand.to_text()
    assert text.startswith("By hand (funnel hand)")
    assert "1 of 3 deals found their lead by conversion, 1 of them more than one" in text
    assert "1 came back to MQL" in text


def test_a_workspace_held_open_gives_the_same_answer(company: Workspace, hand: Funnelled) -> None:
    with Held(company.path, now=NOW, environment={}) as held:
        assert held.funnel("hand", as_of=DAY).to_json() == hand.to_json()


def test_check_tells_what_is_wrong_with_the_history_of_stages(company: Workspace) -> None:
    told = {r.subject: (r.state, r.what) for r in company.check().results if r.check == "stage history"}
    assert told == {
        "duplicate entry": ("warning", "2 of 4 entries enter the stage that their subject is in already (such as a)")
    }


# --- cohorts by age --------------------------------------------------------------------------------------------------
def triangle(told: Funnelled, end: str, start: str) -> dict[tuple[str, str], Any]:
    """Month and age to the share, of one pair."""
    return {
        (f"{o.period_start:%m}", str(o.segment[2][1])): o.value
        for o in told
        if o.variant == "cohort" and (o.segment[0][1], o.segment[1][1]) == (end, start)
    }


def test_cohorts_by_age(company: Workspace) -> None:
    """Lead to SQL within 60 days. Of January a came after 30 days and f after 3, of five; of February e after 10,
    alone. On 31 March f, the youngest of January, was seen for 70 days, e for 58."""
    told = company.funnel("hand", start="lead", end="sql", as_of="2025-03-31", cohorts=True)
    assert triangle(told, "sql", "lead") == {("01", "30"): 0.4, ("01", "60"): 0.4, ("02", "30"): 1, ("02", "60"): None}
    young = next(o for o in told if o.variant == "cohort" and o.segment[2][1] == "60" and o.value is None)
    assert (young.quality, young.subjects, young.numerator) == (("immature",), 1, None)
    early = company.funnel("hand", start="lead", end="sql", as_of="2025-02-25", cohorts=True)
    assert triangle(early, "sql", "lead") == {
        ("01", "30"): 0.4,
        ("01", "60"): None,
        ("02", "30"): None,
        ("02", "60"): None,
    }


def test_the_last_age_is_the_cohort_rate(company: Workspace) -> None:
    told = company.funnel("hand", period="2025-01", as_of="2025-04-01", cohorts=True)
    for end, start, limit in (("mql", "lead", "30"), ("sql", "mql", "30")):
        cohort = number(told, "rate_cohort", end, start)
        assert cohort.left_out == 0
        assert triangle(told, end, start)["01", limit] == cohort.value


def test_cohorts_are_split_filtered_and_written(company: Workspace) -> None:
    told = company.funnel("hand", start="lead", end="sql", as_of="2025-03-31", cohorts=True, by="channel")
    ads = [o for o in told if o.variant == "cohort" and o.segment[3] == ("channel", "ads") and o.segment[0][1] == "sql"]
    ways = {o.segment[1][1] for o in ads}
    assert ways == {"lead", "mql"}
    assert [o.value for o in ads if o.segment[1][1] == "lead"] == [1 / 3, 1 / 3]  # f of c, d, f
    text = company.funnel("hand", start="lead", end="sql", as_of="2025-03-31", cohorts=True).to_text()
    (at,) = [i for i, line in enumerate(text.splitlines()) if line.startswith("Came from Lead to SQL")]
    lines = [line.split() for line in text.splitlines()[at + 1 : at + 5]]
    assert lines[0] == ["entered", "records", "30", "60"]
    assert ["5", "40.0%", "40.0%"] in [line[1:] for line in lines]
    assert ["1", "100.0%"] in [line[1:] for line in lines]


def test_cohorts_are_told_only_where_they_are_asked_for(hand: Funnelled) -> None:
    assert [o for o in hand if o.variant == "cohort"] == []
