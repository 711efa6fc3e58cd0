"""Criteria against worlds added up by hand: points, decay, versions, what was known when, leaks, the back-test."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.analyses import qualification
from headwater.api.folder import SHIPPED
from headwater.api.held import Held
from headwater.api.qualify_answer import Qualification
from headwater.api.qualify_histories import histories_of, rules_of, subjects_of
from headwater.errors import DefinitionError, QueryError, UnknownError
from headwater.metrics import criteria_rows
from headwater.metrics.criteria import load_criteria
from headwater.metrics.render import render
from headwater.model.observation import Observation
from tests.shipped import shipped
from tests.world import NOW, land, world

HAND = """\
title: By hand
objective: {link: {rule: conversion}, within: 60 days}
versions:
  - version: first
    from: 2025-01-01
    links: settled
    profile: &profile
      - {points: 20, where: account_icp_fit, about: Fits}
      - {points: 10, where: "channel = 'referral'", about: Recommended}
    initiative: &initiative
      half_life: 30 days
      actions: [{points: 20, table: actions, where: "kind = 'form'", most: 30, about: Form}]
    thresholds: {profile: 10, total: 40}
  - {version: second, from: 2025-03-01, links: settled, profile: *profile, initiative: *initiative, thresholds: {profile: 10, total: 30}}
  - version: group
    links: settled
    initiative: *initiative
    group: {roles: 2, within: 20 days, settled: true}
  - version: three
    links: settled
    initiative: *initiative
    group: {roles: 3, within: 20 days, settled: true}
  - {version: by_owner, require: [{where: "owner = 'closer'", about: Has a closer}]}
"""  # noqa: E501
SETTLED = """\
title: A leak
versions:
  - {version: first, from: 2025-01-01, require: [{where: "owner = 'closer'", about: Has a closer, settled: true}]}
"""
LATE = """\
title: Late
objective: {link: {rule: conversion}, within: 60 days}
versions:
  - {version: late, from: 2025-01-04, profile: [{points: 1, where: channel is not empty, settled: true}], thresholds: {profile: 1}}
"""  # noqa: E501
UNLINKED = HAND.replace("{rule: conversion}", "{rule: contact_role}")
FILES = {
    "criteria/hand.yml": HAND,
    "criteria/leak.yml": SETTLED,
    "criteria/unlinked.yml": UNLINKED,
    "criteria/late.yml": LATE,
}


def lead(lead_id: str, created: str, **more: Any) -> dict[str, Any]:
    return {"lead_id": lead_id, "created_at": created, "channel": "email", "_updated_at": created, **more}


def form(action: str, lead_id: str | None, at: str, **more: Any) -> dict[str, Any]:
    return {
        "action_id": action, "kind": "form", "step": "completed", "occurred_at": at, "lead_id": lead_id, **more,
    }  # fmt: skip


LEADS = [
    lead("a", "2025-01-01T10:00", account_id="x", contact_id="ka", mql_at="2025-01-02", opportunity_id="o1"),
    lead("b", "2025-01-02T10:00", account_id="y", product="p"),
    lead("c", "2025-01-03T10:00", account_id="x", channel="referral", mql_at="2025-01-05", opportunity_id="o3"),
    lead("d", "2025-01-04T10:00", account_id="x", opportunity_id="o4", product="p"),
    lead("e", "2025-11-20T10:00", account_id="x"),
]
FORMS = [
    form("f1", "a", "2025-01-05T10:00", contact_id="ka", account_id="x"),
    form("f2", "b", "2025-01-03T10:00"),
    form("f3", "b", "2025-01-25T10:00"),
    form("f4", "d", "2025-02-10T10:00"),
    form("f5", "e", "2025-11-20T10:00"),
    form("f6", None, "2025-01-15T10:00", contact_id="kb", account_id="x"),
    {"action_id": "v1", "kind": "video", "step": "completed", "occurred_at": "2025-01-01T11:00", "lead_id": "a"},
]
DEALS = [
    {"opportunity_id": "o1", "created_at": "2025-01-20", "closed_at": "2025-02-10", "status": "won", "amount": "1"},
    {"opportunity_id": "o3", "created_at": "2025-02-01", "closed_at": "2025-02-20", "status": "won", "amount": "1"},
    {"opportunity_id": "o4", "created_at": "2025-02-01", "closed_at": "2025-03-20", "status": "lost", "amount": "1"},
]
CATALOGUE = shipped()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Company x fits from before; of y that is told on 20 January. Lead a gets its owner on the day its deal is won."""
    started = [{"account_id": i, "_updated_at": "2024-12-01T00:00"} for i in "xy"]
    started[0]["icp_fit"] = True  # type: ignore[assignment]
    made = world(
        tmp_path_factory.mktemp("qualify"),
        {
            "leads": LEADS,
            "actions": FORMS,
            "opportunities": DEALS,
            "accounts": started,
            "contacts": [
                {"contact_id": "ka", "job_level": "board", "account_id": "x"},
                {"contact_id": "kb", "job_level": "staff", "account_id": "x"},
            ],
        },
        files=FILES,
        through=date(2026, 1, 10),
        build=False,
    )
    later = {
        "accounts": [{"account_id": "y", "icp_fit": True, "_updated_at": "2025-01-20T08:00"}],
        "leads": [{**LEADS[0], "owner": "closer", "_updated_at": "2025-02-10T12:00"}],
    }
    land(made, later, through=date(2026, 1, 10))
    made.refresh()
    return made


def number(told: Qualification, variant: str, judged_by: str | None = None, rule: str | None = None) -> Observation:
    found = told.find(variant, judged_by, rule)
    assert found is not None, variant
    return found


def fraction(told: Qualification, variant: str, judged_by: str | None = None, rule: str | None = None) -> Any:
    found = number(told, variant, judged_by, rule)
    return found.numerator, found.denominator


def days(company: Workspace, version: str) -> Mapping[str, date]:
    """On which day each lead qualifies by a version: those that another one, which nobody meets, does not qualify."""
    told = company.qualify("hand", version=version, against="three")
    return {d.lead: d.day for d in told.differing}


@pytest.fixture(scope="module")
def told(company: Workspace) -> Qualification:
    return company.qualify("hand")


def test_points_are_added_up_when_they_were_known(company: Workspace) -> None:
    """By the first version, 40 points: a has 20 for its company and 20 for its form of 5 January. b's company fits from
    the 20th on, when 20 points of the form of the 3rd are down to 13.5; on the 25th there are 12 left and 20 new ones,
    of which 30 count. c has 20 + 10 and does nothing. d sends its form on 10 February, e on the day it comes."""
    assert days(company, "first") == {
        "a": date(2025, 1, 5), "b": date(2025, 1, 25), "d": date(2025, 2, 10), "e": date(2025, 11, 20),
    }  # fmt: skip


def test_history_is_cast_back_under_any_version(company: Workspace) -> None:
    """30 points are enough by the second: b has 20 + 13.5 on the day its company is told to fit, c 20 + 10 at once."""
    assert days(company, "second") == {
        "a": date(2025, 1, 5), "b": date(2025, 1, 20), "c": date(2025, 1, 3), "d": date(2025, 2, 10),
        "e": date(2025, 11, 20),
    }  # fmt: skip


def test_before_a_version_is_in_force_nobody_is_judged(company: Workspace) -> None:
    """Of `late` the one version begins on 4 January: a, b and c, who came before, are no test of it, nor of the CRM
    beside it. A month before has no number, January is judged in part, and 372 days were seen since."""
    told = company.qualify("late", period="2024-12..2025-02", grain="month")
    months = {(o.period_start.month, o.segment[0][1]): o for o in told if o.variant == "qualified" and o.period_start}
    before = months[12, "in force"]
    assert (before.value, before.quality, before.detail) == (
        None, ("no_data",), "no version was in force before 2025-01-04",
    )  # fmt: skip
    assert months[1, "in force"].quality == ("partial",) and months[2, "in force"].quality == ()
    assert months[1, "crm"].quality == ()
    whole = company.qualify("late")
    assert fraction(whole, "base_rate") == (0, 1) and fraction(whole, "precision", "crm") == (0, 0)
    assert number(whole, "base_rate").left_out == 4
    assert "3 who came before a version was in force (2025-01-04)" in number(whole, "base_rate").detail
    assert number(whole, "per_week", "in force").denominator == pytest.approx(372 / 7)
    assert number(whole, "per_week", "crm").denominator == pytest.approx(375 / 7)
    assert fraction(company.qualify("late", version="late"), "base_rate") == (2, 4)


def test_where_no_lead_can_have_come_is_no_zero(company: Workspace) -> None:
    told = company.qualify("hand", period="2024-12..2025-01", grain="month")
    december = [o for o in told if o.period_start == date(2024, 12, 1) and o.variant in ("came", "qualified")]
    assert len(december) == 3 and {(o.value, o.quality) for o in december} == {(None, ("no_data",))}
    assert number(told, "came").detail == "'leads' begins on 2025-01-01"


def test_each_moment_is_judged_by_the_version_in_force(company: Workspace) -> None:
    """c has its 30 points all the time, and qualifies on the day that they are enough."""
    by_month = company.qualify("hand", period="2025-01..2025-03", grain="month")
    counts = [(o.period_start, o.value) for o in by_month if o.variant == "qualified" and o.segment[0][1] == "in force"]
    assert counts == [(date(2025, 1, 1), 2), (date(2025, 2, 1), 1), (date(2025, 3, 1), 1)]
    crm = [o.value for o in by_month if o.variant == "qualified" and o.segment[0][1] == "crm"]
    assert crm == [2, 0, 0]
    assert [o.value for o in by_month if o.variant == "came"] == [4, 0, 0]


def test_the_back_test_by_hand(told: Qualification, company: Workspace) -> None:
    """a to d have had 60 days; a and c won. In time qualify a and b by the version in force (c on 1 March, after its
    opportunity of 1 February; d after its own), a, b and c by the second, a and c by the CRM."""
    assert fraction(told, "base_rate") == (2, 4)
    assert (fraction(told, "precision", "in force"), fraction(told, "recall", "in force")) == ((1, 2), (1, 2))
    assert number(told, "lift", "in force").value == 1.0
    assert (fraction(told, "precision", "crm"), fraction(told, "recall", "crm")) == ((2, 2), (2, 2))
    assert number(told, "lift", "crm").value == 2.0
    second = company.qualify("hand", version="second")
    assert (fraction(second, "precision", "second"), fraction(second, "recall", "second")) == ((2, 3), (2, 2))
    precision = number(told, "precision", "in force")
    assert (precision.low, precision.high) == pytest.approx((0.09453, 0.90547), abs=1e-5)  # Wilson, 1 of 2
    assert precision.left_out == 1 and "1 younger than 60 days" in precision.detail  # e
    assert "cannot tell: 2 won deals are too few" in number(told, "lift", "crm").detail
    assert "small_sample" in number(told, "lift", "crm").quality


def test_the_load_on_sales_is_told_a_week(told: Qualification) -> None:
    """Five qualify from 1 January 2025 through 10 January 2026: 375 days."""
    a_week = number(told, "per_week", "in force")
    assert a_week.value == pytest.approx(5 / (375 / 7))
    assert a_week.low is not None and a_week.high is not None and a_week.low < 5 / (375 / 7) < a_week.high


def test_what_each_rule_brings(company: Workspace) -> None:
    """By the second version all five qualify, c alone with points for the recommendation; without these c has 20."""
    second = company.qualify("hand", version="second")
    assert fraction(second, "rule_share", "second", "profile_2") == (1, 5)
    assert fraction(second, "rule_share", "second", "profile_1") == (5, 5)
    assert fraction(second, "rule_share", "second", "action_1") == (4, 5)
    assert fraction(second, "rule_precision_with", "second", "profile_2") == (1, 1)
    assert fraction(second, "rule_precision_without", "second", "profile_2") == (1, 2)
    assert number(second, "dropped_qualified", "second", "profile_2").value == 4
    assert number(second, "dropped_qualified", "second", "action_1").value == 1
    assert (
        number(second, "dropped_qualified", "second", "profile_1").value == 0
    )  # no profile of 10 but c's, and 10 < 30
    assert number(second, "rule_share", "second", "profile_2").detail == "Recommended"


def test_what_a_rule_brings_to_the_version_in_force(company: Workspace, told: Qualification) -> None:
    """In force a and b qualify in January by the first version and d in February, c and e by the second. Without the
    recommendation the second qualifies e alone: b and d, who have 30 points when it begins, have qualified before."""
    assert fraction(told, "rule_share", "in force", "profile_2") == (1, 2)
    assert number(told, "dropped_qualified", "in force", "profile_2").value == 1
    assert number(told, "dropped_qualified", "in force", "action_1").value == 1  # c
    assert fraction(told, "dropped_precision", "in force", "profile_2") == (0, 0)  # e is too young


def test_two_versions_side_by_side(company: Workspace) -> None:
    both = company.qualify("hand", version="first", against="second")
    assert number(both, "both").value == 4 and number(both, "only", "second").value == 1
    assert number(both, "only", "first").value == 0
    assert [(d.lead, d.judged_by, d.day, d.won) for d in both.differing] == [("c", "second", date(2025, 1, 3), True)]
    assert fraction(both, "only_precision", "second") == (1, 1)
    assert number(both, "only_precision", "first").quality == ("zero_denominator",)
    text = both.to_text()
    assert "version second alone" in text and "2025-01-03" in text


def test_a_group_needs_its_roles(company: Workspace) -> None:
    """Of company x the board sends a form on 5 January and the staff on the 15th: two roles, for all its leads that are
    there; never three. Within 20 days, so that d, too, is in time."""
    assert days(company, "group") == {lead_id: date(2025, 1, 15) for lead_id in ("a", "c", "d")}
    assert number(company.qualify("hand", version="three"), "qualified", "three").value == 0


def test_what_was_filled_on_winning_helps_nobody(company: Workspace) -> None:
    """The owner of a is written down on 10 February, when its deal is won: too late to tell anything."""
    told = company.qualify("hand", version="by_owner")
    assert days(company, "by_owner") == {"a": date(2025, 2, 10)}
    assert fraction(told, "precision", "by_owner") == (0, 0) and fraction(told, "recall", "by_owner") == (0, 2)


def test_what_was_filled_on_winning_is_not_settled(company: Workspace) -> None:
    with pytest.raises(QueryError, match=r"'owner' of leads changed in 1 of them, such as 'a'"):
        company.qualify("leak")


def test_splits_filters_and_days_are_those_of_any_question(company: Workspace) -> None:
    by = company.qualify("hand", version="second", by="channel")
    counts = {o.segment[2]: o.value for o in by if o.variant == "qualified" and o.segment[0][1] == "second"}
    assert counts == {("channel", "email"): 4, ("channel", "referral"): 1}
    assert not by.rules
    filtered = company.qualify("hand", version="second", filter="channel = 'referral'")
    assert number(filtered, "qualified", "second").value == 1
    early = company.qualify("hand", version="second", as_of="2025-01-10")
    assert number(early, "came").value == 4
    assert number(early, "qualified", "second").value == 2  # a and c
    assert fraction(early, "base_rate") == (0, 0) and "no lead is 60 days old" in number(early, "lift", "crm").detail
    with pytest.raises(QueryError, match="cannot be split by 'nothing'"):
        company.qualify("hand", by="nothing")


def test_nobody_and_no_wins(company: Workspace) -> None:
    nobody = company.qualify("hand", filter="channel = 'none'", grain="month")
    assert {o.value for o in nobody if o.variant in ("came", "qualified")} == {0}
    assert {o.quality for o in nobody if o.variant == "base_rate"} == {("no_data",)}
    lost = company.qualify("hand", version="second", filter="product = 'p'")  # b and d
    assert fraction(lost, "base_rate") == (0, 2) and fraction(lost, "precision", "second") == (0, 1)
    assert number(lost, "lift", "second").value is None
    assert "cannot tell: 0 won deals are too few" in number(lost, "lift", "second").detail
    unlinked = company.qualify("unlinked")
    assert any("no source feeds contact_roles: no deal finds its lead by contact_role" in n for n in unlinked.notes)
    for variant, judge in (("base_rate", None), ("precision", "in force"), ("lift", "crm")):
        lacking = number(unlinked, variant, judge)
        assert lacking.value is None and "no_data" in lacking.quality and "no deal finds its lead" in lacking.detail
    assert fraction(unlinked, "base_rate") == (None, 4)
    assert number(unlinked, "qualified", "in force").value == 5


def test_names_that_are_not_there(company: Workspace) -> None:
    with pytest.raises(UnknownError, match="Did you mean 'hand'"):
        company.qualify("hands")
    with pytest.raises(UnknownError, match="Its versions are first, second"):
        company.qualify("hand", version="third")
    with pytest.raises(QueryError, match="held against itself"):
        company.qualify("hand", version="first", against="first")


def test_a_server_keeps_the_answer_until_a_file_changes(company: Workspace) -> None:
    with Held(company.path, now=NOW, environment={}) as held, held.moment() as moment:
        assert moment.qualify("hand") is moment.qualify("hand")
        assert "criteria/hand.yml" in moment.criteria


def test_periods_rest_on_one_judgement(company: Workspace) -> None:
    """Whoever looks at another period is not kept waiting for what does not rest on it, and gets the same numbers."""
    with Held(company.path, now=NOW, environment={}) as held, held.moment() as moment:
        moment.qualify("hand")
        kept = len(held.answers)
        by_month = moment.qualify("hand", period="2025", grain="month")
        assert len(held.answers) == kept + 1
        assert by_month.numbers == company.qualify("hand", period="2025", grain="month").numbers


def test_shipped_criteria_read_from_the_versions_what_changes(company: Workspace) -> None:
    """Leads that change their company are no reason to refuse what the user has not written."""
    told = company.qualify()
    assert number(told, "came").value == 5
    assert not any("settled" in n for n in told.notes)
    assert any("purchase_authority of contacts" in n and "no source fills" in n for n in told.notes)


TRACE = """\
title: A trace
versions:
  - version: v
    from: 2025-01-01
    profile: [{points: 10, where: "product = 'suite'", about: Wants the suite, settled: true}]
    thresholds: {profile: 10}
"""


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Of forty leads twelve are won, on which the CRM writes down what they want; of the first, the company too."""
    leads = [lead(f"l{i:02}", "2025-01-01T10:00") for i in range(40)]
    deals = [
        {"opportunity_id": f"o{i}", "lead_id": f"l{i:02}", "created_at": "2025-02-01", "closed_at": "2025-03-01",
         "status": "won", "amount": "1"}
        for i in range(12)
    ]  # fmt: skip
    for i in range(12):
        leads[i]["product"] = "suite"
    accounts = [{"account_id": "x", "icp_fit": True, "employees": 70, "_updated_at": "2024-01-01T00:00"}]
    tables = {"leads": leads, "opportunities": deals, "accounts": accounts, "actions": [form("f", "l00", "2025-01-02")]}
    files = {
        "criteria/own.yml": HAND,
        "criteria/trace.yml": TRACE,
    }
    made = world(tmp_path_factory.mktemp("leaky"), tables, files=files, through=date(2026, 1, 10), build=False)
    land(
        made, {"leads": [{**leads[0], "account_id": "x", "_updated_at": "2025-03-01T10:00"}]}, through=date(2026, 1, 10)
    )
    made.refresh()
    return made


@pytest.mark.verify
def test_a_company_filled_on_winning_is_a_leak(leaky: Workspace) -> None:
    """The CRM writes the company down when it converts the lead: shipped criteria then read it from the versions, and
    say so; own ones are refused."""
    told = leaky.qualify()
    assert any("'account_id' of leads changed in 1 of them" in n for n in told.notes)
    assert number(told, "recall", "in force").numerator == 0
    with pytest.raises(QueryError, match="'account_id' of leads changed"):
        leaky.qualify("own")


@pytest.mark.verify
def test_a_trace_of_winning_is_told(leaky: Workspace) -> None:
    """One state of a lead is kept, so nobody can see that the product is written down on winning; but all that have it
    won, which is too good."""
    told = leaky.qualify("trace")
    assert any("all 12 that qualified with points for 'Wants the suite' won" in n for n in told.notes)
    assert number(told, "lift", "in force").value == pytest.approx(40 / 12)


@pytest.mark.verify
def test_another_engine_gives_the_same(company: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "world"
    shutil.copytree(company.path, folder)
    settings = json.loads((folder / "headwater.yml").read_text(encoding="utf-8"))
    (folder / "headwater.yml").write_text(json.dumps({**settings, "engine": "chdb"}), encoding="utf-8")
    other = Workspace(folder, now=NOW, environment={})
    for asked in ({}, {"version": "group", "against": "by_owner"}, {"by": "channel", "grain": "month"}):
        ours, theirs = (w.qualify("hand", **asked) for w in (company, other))  # type: ignore[arg-type]
        assert (ours.numbers, ours.differing) == (theirs.numbers, theirs.differing)


def test_every_form_of_the_answer_holds_every_number(told: Qualification) -> None:
    assert told.to_arrow().num_rows == len(told) == len(told[:])
    assert told.to_text().startswith("By hand (criteria hand, in force)\n")
    assert "without it qualify" in told.to_text() and repr(told) == told.to_text()
    assert told.to_parquet() and told.to_xlsx()


# --- files -----------------------------------------------------------------------------------------------------------
def faults(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "criteria").mkdir(exist_ok=True)
    (tmp_path / "criteria" / "own.yml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as raised:
        load_criteria(SHIPPED, tmp_path, CATALOGUE)
    return [f"{f.key}: {f.what} {f.do}" for f in raised.value.faults]


ONE = "title: T\nversions: [{version: v, from: 2025-01-01, "


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("stage = 'won'", "'stage' follows from how the lead ended"),
        ("opportunity_id is not empty", "'opportunity_id' follows"),
        ("win_probability > 0.5", "'win_probability' follows"),
        ("mql_at is not empty", "'mql_at' follows"),
        ("account_customer_at is not empty", "'account_customer_at' follows"),
        ("disqualified_at is empty", "'disqualified_at' is reckoned from rows of stage_entries that may come later"),
        ("response_seconds < 600", "is reckoned from 'first_response_at'"),
        ("region = 'DACH'", "'region' may be looked up in accounts as it is now. Name 'account_region'"),
        ("account_industri = 'x'", "account_industry"),
        ("account_employees = 'many'", "account_employees"),
        ("and", ""),
    ],
)
def test_what_only_the_outcome_tells_is_refused_by_name(tmp_path: Path, where: str, says: str) -> None:
    rule = f'profile: [{{points: 5, where: "{where}"}}], thresholds: {{profile: 5}}}}]\n'
    (found,) = faults(tmp_path, ONE + rule)
    assert "versions[0].profile[0].where" in found or "profile" in found
    assert says in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ONE + "profile: [{points: 5, where: icp_fit, settled: true}]}]", "everybody qualifies"),
        (ONE + "profile: [{points: 5, where: icp_fit, settled: true}], thresholds: {profile: 6}}]", "the most are 5"),
        (ONE + "initiative: {actions: [{points: 0, table: actions}]}, thresholds: {total: 1}}]", "points"),
        (ONE + "initiative: {actions: [{points: 1, table: action}]}, thresholds: {total: 1}}]", "no table is called"),
        (ONE + "initiative: {actions: [{points: 1, table: leads}]}, thresholds: {total: 1}}]", "no row for each thing"),
        (ONE + "initiative: {actions: [{points: 1, table: ad_days}]}, thresholds: {total: 1}}]", "which person"),
        (
            ONE + "initiative: {actions: [{points: 1, table: activities, where: held}]}, thresholds: {total: 1}}]",
            "'held' of 'activities' may change after it happened",
        ),
        (ONE + "group: {roles: 2}}]", "'group' goes by the actions, and none are named"),
        (
            ONE + "initiative: {actions: [{points: 1, table: actions}]}, group: {roles: 2, role: levels}}]",
            "no column of contacts is called 'levels'",
        ),
        ("title: T\nversions: [{version: v, require: [{where: form is empty}]}]", "every version is a proposal"),
        (ONE + "require: [{where: form is empty}]}, {version: v, from: 2024-01-01, require: [{where: form is empty}]}]",
         "'v' stands twice"),
        ("title: T\nobjective: {link: {rule: account}}\nversions: "
         "[{version: v, from: 2025-01-01, require: [{where: form is empty}]}]", "needs a length of time"),
        (ONE + "initiative: {half_life: 2 months}, require: [{where: form is empty}]}]", "no number of days or weeks"),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert any(says in f for f in faults(tmp_path, text + "\n")), faults(tmp_path, text + "\n")


def test_shipped_criteria_hold() -> None:
    shipped = load_criteria(SHIPPED, Path("/nowhere"), CATALOGUE)
    assert next(iter(shipped)) == "leads"
    assert [v.id for v, _, _ in shipped["leads"].in_force(date(2025, 1, 1))] == ["first"]


@pytest.mark.parametrize("spelling", ["duckdb", "postgres", "spark", "clickhouse", "snowflake", "bigquery"])
def test_the_rows_are_spelled_for_every_engine(tmp_path: Path, spelling: str) -> None:
    """Numbers of the analysis and of the statements mean the same bounds."""
    (tmp_path / "criteria").mkdir()
    (tmp_path / "criteria" / "hand.yml").write_text(HAND, encoding="utf-8")
    hand = load_criteria(SHIPPED, tmp_path, CATALOGUE)["hand"]
    asked: list[str] = []

    def ask(relations: Sequence[Any]) -> list[list[Any]]:
        asked.extend(render(relation, spelling).text for relation in relations)
        return [[] for _ in relations]

    nobody = subjects_of([], [])
    for version in hand.versions:
        histories_of(version, nobody, date(2025, 12, 31), CATALOGUE, ask)
        for table in {r.table for r in criteria_rows.settled_columns(version, CATALOGUE)}:
            settled = criteria_rows.settled_columns(version, CATALOGUE)
            ask([criteria_rows.changed(CATALOGUE.tables[table], [r.column for r in settled if r.table == table])])
    ask([criteria_rows.outcomes(hand, date(2025, 12, 31), CATALOGUE)])
    assert len(asked) > 10 and all(text.startswith(("SELECT", "WITH")) for text in asked)
    assert (criteria_rows.FIRST, criteria_rows.NEVER) == (qualification.FIRST, qualification.NEVER)
    assert rules_of(hand.versions[0]).half_life == 30 * 86400
