"""What the program makes of mapped rows: a small company's year, built with the shipped tables, reckoned by hand."""

import shutil
from datetime import date, datetime
from pathlib import Path

import pytest

from headwater.metrics.catalogue import load_catalogue
from tests.build.world import World

SHIPPED = Path(__file__).resolve().parent.parent.parent / "src" / "headwater" / "catalogue"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two companies: Acme buys twice, pays by subscription, leaves and comes back; Birch loses interest."""
    folder = tmp_path_factory.mktemp("year")
    for name in ("measures", "kpis"):
        (folder / "catalogue" / name).mkdir(parents=True)
    shutil.copytree(SHIPPED / "tables", folder / "catalogue" / "tables")
    world = World(folder / "world", load_catalogue(folder / "catalogue").tables)
    world.load(
        campaigns=[{"campaign_id": "webinar", "program": "spring", "channel": "event"}],
        accounts=[
            {"account_id": "acme", "country": "AT", "employees": 250, "icp_fit": True},
            {"account_id": "birch", "country": "CH", "employees": 9, "churned_at": "2025-12-24"},
        ],
        contacts=[
            {"contact_id": "ann", "account_id": "acme", "purchase_authority": True},
            {"contact_id": "abe", "account_id": "acme", "purchase_authority": False},
        ],
        leads=[
            {
                "lead_id": "l1", "contact_id": "ann", "account_id": "acme", "visitor_id": "v1",
                "campaign_id": "webinar", "created_at": "2025-01-01 10:00", "inquiry": True,
                "inquired_at": "2025-01-02 10:00",
            },
            {"lead_id": "l2", "account_id": "birch", "created_at": "2025-01-03 10:00", "channel": "search",
             "referrer_account_id": "acme"},
        ],
        activities=[
            {"activity_id": "before", "kind": "call", "direction": "outbound", "human": True, "lead_id": "l1",
             "occurred_at": "2025-01-01 11:00"},
            {"activity_id": "machine", "kind": "email", "direction": "outbound", "human": False, "lead_id": "l1",
             "occurred_at": "2025-01-02 10:00"},
            {"activity_id": "answer", "kind": "call", "direction": "outbound", "human": True, "lead_id": "l1",
             "occurred_at": "2025-01-02 10:04"},
        ],
        stage_entries=[
            {"subject_kind": "lead", "subject_id": "l1", "stage": "mql", "entered_at": "2025-01-05 08:00",
             "exited_at": "2025-01-06 08:00"},
            {"subject_kind": "lead", "subject_id": "l1", "stage": "mql", "entered_at": "2025-01-04 08:00"},
            {"subject_kind": "lead", "subject_id": "l1", "stage": "sales_qualified", "entered_at": "2025-01-07 08:00"},
            {"subject_kind": "opportunity", "subject_id": "o1", "stage": "reopened", "entered_at": "2025-02-01 08:00"},
            {"subject_kind": "opportunity", "subject_id": "l2", "stage": "mql", "entered_at": "2025-01-09 08:00"},
        ],
        opportunities=[
            {"opportunity_id": "o1", "account_id": "acme", "lead_id": "l1", "created_at": "2025-01-10 00:00",
             "closed_at": "2025-02-10 00:00", "status": "won", "amount": "500", "currency": "EUR"},
            {"opportunity_id": "o2", "account_id": "acme", "created_at": "2025-03-01 00:00",
             "closed_at": "2025-04-01 00:00", "status": "won", "amount": "300", "currency": "USD"},
            {"opportunity_id": "o3", "account_id": "birch", "lead_id": "l2", "created_at": "2025-03-02 00:00",
             "closed_at": "2025-05-01 00:00", "status": "lost", "amount": "100", "currency": "EUR"},
            {"opportunity_id": "o4", "account_id": "birch", "lead_id": "l2", "created_at": "2025-06-01 00:00",
             "status": "open", "amount": "100", "currency": "EUR"},
        ],
        quotes=[
            {"quote_id": "q2", "opportunity_id": "o1", "issued_at": "2025-02-01 00:00"},
            {"quote_id": "q1", "opportunity_id": "o1", "issued_at": "2025-01-21 00:00"},
        ],
        touches=[
            {"touch_id": "t1", "contact_id": "abe", "occurred_at": "2024-12-30 00:00", "marketing": True},
            {"touch_id": "t2", "contact_id": "ann", "occurred_at": "2025-01-15 00:00", "marketing": True},
            {"touch_id": "t3", "contact_id": "ann", "occurred_at": "2025-01-16 00:00", "marketing": False},
            {"touch_id": "t4", "contact_id": "ann", "occurred_at": "2025-02-11 00:00", "marketing": True},
        ],
        contact_roles=[
            {"opportunity_id": "o1", "contact_id": "ann", "role": "decision_maker"},
            {"opportunity_id": "o1", "contact_id": "abe", "role": "end_user"},
        ],
        subscriptions=[
            {"movement_id": "m1", "account_id": "acme", "occurred_at": "2025-02-15 00:00", "kind": "new",
             "mrr_change": "40", "currency": "EUR"},
            {"movement_id": "m2", "account_id": "acme", "occurred_at": "2025-08-01 00:00", "kind": "churn",
             "mrr_change": "-40", "currency": "EUR"},
            {"movement_id": "m3", "account_id": "acme", "occurred_at": "2025-10-01 00:00", "kind": "reactivation",
             "mrr_change": "20", "currency": "EUR"},
        ],
        orders=[
            {"order_id": "p1", "line_number": 1, "account_id": "acme", "ordered_at": "2025-02-16 00:00"},
            {"order_id": "p1", "line_number": 2, "account_id": "acme", "ordered_at": "2025-02-16 00:00"},
            {"order_id": "p2", "line_number": 1, "account_id": "acme", "ordered_at": "2025-09-16 00:00"},
        ],
        web_sessions=[
            {"session_id": "s1", "visitor_id": "v1", "started_at": "2024-12-31 00:00"},
            {"session_id": "s2", "visitor_id": "v1", "started_at": "2025-01-02 00:00"},
        ],
        email_events=[
            {"event_id": "e1", "message_id": "x", "kind": "clicked", "contact_id": "ann",
             "sent_at": "2025-01-03 00:00"},
            {"event_id": "e2", "message_id": "y", "kind": "clicked", "contact_id": "ann",
             "sent_at": "2025-01-20 00:00"},
        ],
        actions=[
            {"action_id": "a1", "kind": "form", "step": "completed", "goal": True, "contact_id": "ann",
             "occurred_at": "2025-01-04 00:00"},
        ],
        social_interactions=[
            {"interaction_id": "i1", "kind": "like", "contact_id": "ann", "occurred_at": "2025-01-20 00:00"},
            {"interaction_id": "i2", "kind": "like", "contact_id": "ann", "occurred_at": "2025-05-20 00:00"},
        ],
    )  # fmt: skip
    world.build()
    return world


def test_a_lead_has_its_campaign_s_channel_unless_it_brings_its_own(year: World) -> None:
    assert year.rows("leads", "lead_id", "channel", "program", "country") == [
        ("l1", "event", "spring", "AT"),
        ("l2", "search", None, "CH"),
    ]


def test_only_a_human_answer_after_the_inquiry_is_a_response(year: World) -> None:
    assert year.rows("leads", "lead_id", "first_response_at", "response_seconds") == [
        ("l1", at("2025-01-02 10:04"), 240),
        ("l2", None, None),
    ]


def test_a_lead_journey_takes_the_first_of_each_stage(year: World) -> None:
    assert year.rows(
        "lead_journeys", "lead_id", "mql_at", "sales_qualified_at", "opportunity_at", "quote_at", "customer_at"
    ) == [
        ("l1", at("2025-01-04 08:00"), at("2025-01-07 08:00"), at("2025-01-10"), at("2025-01-21"), at("2025-02-10")),
        ("l2", None, None, at("2025-03-02"), None, None),  # an opportunity's entry of the same id is not the lead's
    ]
    assert year.rows("lead_journeys", "lead_id", "repeat_at", "won_amount", "currency", "opportunities") == [
        ("l1", at("2025-04-01"), 500, "EUR", 1),
        ("l2", None, None, None, 2),
    ]
    assert year.rows("lead_journeys", "mql_to_sales_qualified_seconds", "quote_to_customer_seconds") == [
        (None, None),
        (3 * 86400, 20 * 86400),
    ]


def test_an_opportunity_journey_tells_won_from_lost_and_open(year: World) -> None:
    assert year.rows("opportunity_journeys", "opportunity_id", "won_at", "lost_at", "first_quote_at", "reopened") == [
        ("o1", at("2025-02-10"), None, at("2025-01-21"), 1),
        ("o2", at("2025-04-01"), None, None, 0),
        ("o3", None, at("2025-05-01"), None, 0),
        ("o4", None, None, None, 0),
    ]
    assert year.rows("opportunity_journeys", "opportunity_id", "cycle_seconds") == [
        ("o1", 31 * 86400),
        ("o2", 31 * 86400),
        ("o3", None),
        ("o4", None),
    ]


def test_marketing_influences_a_deal_up_to_its_close(year: World) -> None:
    """Of o1: t1 and t2; t3 is not marketing, t4 came too late. An open deal has no count yet."""
    assert year.rows("opportunity_journeys", "opportunity_id", "marketing_touches", "committee_touches") == [
        ("o1", 2, 2),
        ("o2", 3, 0),
        ("o3", 0, 0),
        ("o4", None, None),
    ]
    assert year.rows("subscriptions", "movement_id", "marketing_touches") == [("m1", 3), ("m2", 3), ("m3", 3)]


def test_the_committee_is_counted_by_role(year: World) -> None:
    assert year.rows("opportunity_journeys", "committee_contacts", "decision_makers", "champions", "end_users")[-1] == (
        2,
        1,
        0,
        1,
    )


def test_an_account_journey_runs_from_touch_to_churn(year: World) -> None:
    assert year.rows("account_journeys", "account_id", "first_touch_at", "first_lead_at", "customer_at") == [
        ("acme", at("2024-12-30"), at("2025-01-01 10:00"), at("2025-02-10")),
        ("birch", None, at("2025-01-03 10:00"), None),
    ]
    assert year.rows("account_journeys", "account_id", "second_won_at", "second_order_at", "orders", "wins") == [
        ("acme", at("2025-04-01"), at("2025-09-16"), 2, 2),
        ("birch", None, None, 0, 0),
    ]
    assert year.rows("account_journeys", "account_id", "subscribed_at", "reactivated_at", "authority_touched_at") == [
        ("acme", at("2025-02-15"), at("2025-10-01"), at("2025-01-15")),
        ("birch", None, None, None),
    ]
    assert year.rows("account_journeys", "account_id", "size_class", "referrals", "first_referral_at") == [
        ("acme", "250-999", 1, at("2025-01-03 10:00")),
        ("birch", "1-9", 0, None),
    ]
    assert year.rows("account_journeys", "account_id", "won_amount", "currency") == [
        ("acme", 500, "EUR"),
        ("birch", None, None),
    ]


def test_what_the_source_says_of_an_account_counts_before_what_is_derived(year: World) -> None:
    assert year.rows("account_journeys", "account_id", "churned_at", "churned_at__day") == [
        ("acme", at("2025-08-01"), date(2025, 8, 1)),
        ("birch", None, date(2025, 12, 24)),  # mapped, known to the day alone
    ]


def test_a_visitor_has_the_dates_of_the_first_lead_and_of_the_first_qualified_one(year: World) -> None:
    assert year.rows("visitors", "visitor_id", "lead_at", "mql_at") == [
        ("v1", at("2025-01-01 10:00"), at("2025-01-04 08:00")),
    ]


def test_an_outcome_of_a_mail_or_a_like_comes_after_it(year: World) -> None:
    assert year.rows("email_events", "event_id", "mql_at", "converted_at") == [
        ("e1", at("2025-01-04 08:00"), at("2025-01-04")),
        ("e2", None, None),
    ]
    assert year.rows("email_events", "event_id", "mql_before_at") == [
        ("e1", None),  # sent the day before
        ("e2", at("2025-01-04 08:00")),
    ]
    assert year.rows("social_interactions", "interaction_id", "won_at", "icp_fit") == [
        ("i1", at("2025-02-10"), True),
        ("i2", None, True),
    ]
