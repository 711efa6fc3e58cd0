"""Whom rows belong to: the rules of identity, held against worlds that a reader can check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headwater.build import layout
from headwater.metrics.rulings import Rulings
from headwater.model.generation import Generation
from headwater.model.identity import IdentityRule
from tests.build.conftest import AnyWorld, NewWorld
from tests.build.ruled import shipped, under
from tests.build.world import digests

RULES = shipped()


def made(new_world: NewWorld, rulings: Rulings = RULES) -> AnyWorld:
    return new_world(*under(rulings).values())


def with_rule(rulings: Rulings, rule_id: str, **changes: Any) -> Rulings:
    """The rules with one of them changed."""
    people, companies = (
        tuple(replace(r, **changes) if r.id == rule_id else r for r in rules)
        for rules in (rulings.contacts, rulings.accounts)
    )
    return replace(rulings, contacts=people, accounts=companies)


def without(rulings: Rulings, rule_id: str) -> Rulings:
    return replace(rulings, contacts=tuple(r for r in rulings.contacts if r.id != rule_id))


def reruled(world: AnyWorld, rulings: Rulings, version: str) -> None:
    """From now on the world is built under other rules of identity."""
    world.tables = under(rulings)
    world.build_hash = f"1.{version}.a"


def test_one_person_in_crm_mail_tool_and_web_analytics_is_one_contact(new_world: NewWorld) -> None:
    world = made(new_world)
    world.load("crm", contacts=[{"contact_id": "7", "email": "Ada@Example.org "}])
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "ada@example.org"}])
    world.load("forms", leads=[
        {"lead_id": "l", "created_at": "2026-01-10 10:00", "email": "ADA@example.org", "visitor_id": "cookie"},
    ])  # fmt: skip
    world.load("web", web_sessions=[
        {"session_id": "before", "started_at": "2026-01-09 10:00", "visitor_id": "cookie"},
        {"session_id": "after", "started_at": "2026-01-12 10:00", "visitor_id": "cookie"},
        {"session_id": "known", "started_at": "2026-01-12 10:00", "contact_id": "mail:1"},
        {"session_id": "other", "started_at": "2026-01-12 10:00", "visitor_id": "nobody"},
        {"session_id": "bare", "started_at": "2026-01-12 10:00"},
    ])  # fmt: skip
    world.build()
    assert world.rows("contacts", "contact_id", "mail_key") == [("7", "ada@example.org")]
    assert world.rows("leads", "contact_id", "contact_rule") == [("7", "mail")]
    assert world.rows("web_sessions", "session_id", "contact_id", "contact_rule") == [
        ("after", "7", "cookie"), ("bare", None, "(nothing)"), ("before", "7", "cookie"), ("known", "7", "id"),
        ("other", None, "(no match)"),
    ]  # fmt: skip


def test_what_one_system_leaves_empty_the_other_one_fills(new_world: NewWorld) -> None:
    world = made(new_world)
    world.load("crm", contacts=[{"contact_id": "7", "email": "a@x.io", "title": None}])
    world.load("mail", system="mail", contacts=[
        {"contact_id": "mail:1", "email": "a@x.io", "subscribed_at": "2026-01-03 10:00", "title": "Dr."},
        {"contact_id": "mail:2", "email": "b@x.io", "subscribed_at": "2026-01-04 10:00", "title": "Ms."},
    ])  # fmt: skip
    first = world.build()
    wanted = [("7", "Dr.", "2026-01-03"), ("mail:2", "Ms.", "2026-01-04")]

    def found() -> list[tuple[Any, ...]]:
        return [(a, b, str(c)) for a, b, c in world.rows("contacts", "contact_id", "title", "subscribed_at__day")]

    assert found() == wanted
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "a@x.io", "title": "Prof."}])
    world.load("crm", contacts=[{"contact_id": "8", "email": "b@x.io", "title": "Mx."}])
    second = world.build()
    assert found() == [("7", "Prof.", "None"), ("8", "Mx.", "2026-01-04")]
    assert digests(first) != digests(second) == digests(world.build(anew=True, publishing=False))


def test_contacts_that_one_system_tells_apart_stay_apart(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.load("crm", contacts=[{"contact_id": "7", "email": "info@x.io"}, {"contact_id": "8", "email": "info@x.io"}])
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "info@x.io"}])
    world.load("forms", leads=[{"lead_id": "l", "created_at": "2026-01-10 10:00", "email": "info@x.io"}])
    world.build()
    assert world.rows("contacts", "contact_id") == ["7", "8", "mail:1"]
    assert world.rows("leads", "contact_id", "contact_rule") == [(None, "(several)")]
    # unless a rule says so
    reruled(world, with_rule(RULES, "mail", several="first"), "first")
    world.build()
    assert world.rows("contacts", "contact_id") == ["7", "8"]
    assert world.rows("leads", "contact_id", "contact_rule") == [("7", "mail")]
    reruled(world, with_rule(RULES, "mail", several="merge"), "merge")
    now = world.build()
    assert world.rows("contacts", "contact_id") == ["7"]
    assert digests(now) == digests(world.build(anew=True, publishing=False))


def test_the_preferred_source_keeps_its_contact_and_others_may_be_left_out(on_paper: NewWorld) -> None:
    world = made(on_paper, with_rule(RULES, "mail", prefer=("mail",)))
    world.load("crm", contacts=[{"contact_id": "7", "email": "a@x.io"}])
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "a@x.io"}])
    world.load("shop", system="shop", contacts=[{"contact_id": "shop:1", "email": "a@x.io"}])
    world.build()
    assert world.rows("contacts", "contact_id") == ["mail:1"]
    reruled(world, with_rule(RULES, "mail", sources=("crm", "shop")), "two")
    world.build()
    assert world.rows("contacts", "contact_id") == ["7", "mail:1"]


def test_a_merge_in_the_crm_and_a_shared_mail_lead_to_one(new_world: NewWorld) -> None:
    world = made(new_world)
    world.load("crm", contacts=[{"contact_id": "7", "email": "a@x.io"}, {"contact_id": "8", "email": "old@x.io"}])
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "old@x.io"}])
    world.load("web", web_sessions=[{"session_id": "s", "started_at": "2026-01-12 10:00", "contact_id": "mail:1"}])
    world.build()
    assert world.rows("web_sessions", "contact_id") == ["8"]
    world.load("crm", contacts=[{"contact_id": "8", "email": "old@x.io", "merged": "7"}])
    world.build()  # the address is no live contact's but the mail tool's now
    assert world.rows("contacts", "contact_id") == ["7", "mail:1"]
    world.load("mail", system="mail", contacts=[{"contact_id": "mail:1", "email": "a@x.io"}])
    now = world.build()
    assert world.rows("contacts", "contact_id") == ["7"]
    assert world.rows("web_sessions", "contact_id") == ["7"]
    assert digests(now) == digests(world.build(anew=True, publishing=False))


FILLS = [
    {"lead_id": "1", "created_at": "2026-01-10 10:00", "visitor_id": "v", "contact_id": "ada"},
    {"lead_id": "2", "created_at": "2026-01-20 10:00", "visitor_id": "v", "contact_id": "bob"},
]


@pytest.mark.parametrize(
    ("several", "owners"),
    [
        ("at_the_time", ["ada", "ada", "bob", "bob"]),
        ("first", ["ada", "ada", "ada", "ada"]),
        ("last", ["bob", "bob", "bob", "bob"]),
    ],
)
def test_one_cookie_of_two_persons(on_paper: NewWorld, several: str, owners: list[str]) -> None:
    world = made(on_paper, with_rule(RULES, "cookie", several=several))
    days = ("2026-01-09 10:00", "2026-01-10 10:00", "2026-01-20 10:00", "2026-02-20 10:00")
    world.load(leads=FILLS, web_sessions=[
        {"session_id": str(i), "started_at": at, "visitor_id": "v"} for i, at in enumerate(days)
    ])  # fmt: skip
    world.build()
    assert [c for _, c in world.rows("web_sessions", "session_id", "contact_id")] == owners


def test_a_cookie_is_a_persons_only_some_days_before_the_form(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.load(leads=FILLS[:1], web_sessions=[
        {"session_id": "91 days", "started_at": "2025-10-11 10:00", "visitor_id": "v"},
        {"session_id": "90 days", "started_at": "2025-10-12 10:00", "visitor_id": "v"},
    ])  # fmt: skip
    world.build()
    assert world.rows("web_sessions", "session_id", "contact_id") == [("90 days", "ada"), ("91 days", None)]
    reruled(world, with_rule(RULES, "cookie", before_days=None), "ever")
    world.build()
    assert [c for _, c in world.rows("web_sessions", "session_id", "contact_id")] == ["ada", "ada"]


def test_a_form_among_the_actions_tells_whose_a_cookie_is_too(on_paper: NewWorld) -> None:
    world = made(on_paper)
    sent = {"kind": "form", "step": "completed", "visitor_id": "v"}
    world.load(contacts=[{"contact_id": "cy", "email": "cy@x.io"}], leads=FILLS[:1])
    world.load(actions=[
        {"action_id": "a", "occurred_at": "2026-01-15 10:00", "email": "CY@x.io"} | sent,
        {"action_id": "b", "occurred_at": "2026-01-16 10:00", "kind": "page_view", "step": "opened", "visitor_id": "v"},
    ])  # fmt: skip
    world.load(web_sessions=[
        {"session_id": "1", "started_at": "2026-01-14 10:00", "visitor_id": "v"},
        {"session_id": "2", "started_at": "2026-01-17 10:00", "visitor_id": "v"},
    ])  # fmt: skip
    world.build()
    assert world.rows("web_sessions", "session_id", "contact_id") == [("1", "ada"), ("2", "cy")]
    # an action asks the leads, not the actions
    assert world.rows("actions", "action_id", "contact_id", "contact_rule") == [
        ("a", "cy", "mail"),
        ("b", "ada", "cookie"),
    ]


def test_the_domain_of_a_mail_tells_the_company_but_not_where_anybody_can_have_one(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.load(accounts=[
        {"account_id": "A", "domain": "https://www.Acme.com/about"}, {"account_id": "G", "domain": "gmail.com"},
        {"account_id": "S1", "domain": "shared.io"}, {"account_id": "S2", "domain": "shared.io"},
    ])  # fmt: skip
    world.load(contacts=[
        {"contact_id": "1", "email": "x@acme.com"}, {"contact_id": "2", "email": "x@gmail.com"},
        {"contact_id": "3", "email": "x@shared.io"}, {"contact_id": "4", "email": "not a mail"},
        {"contact_id": "5", "email": "x@acme.com@acme.com"}, {"contact_id": "6", "account_id": "G"},
        {"contact_id": "7", "email": "x@nowhere.io"},
    ])  # fmt: skip
    world.load(leads=[{"lead_id": "l", "created_at": "2026-01-10 10:00", "contact_id": "1"}])
    world.build()
    assert world.rows("contacts", "contact_id", "account_id", "account_rule") == [
        ("1", "A", "domain"), ("2", None, "(nothing)"), ("3", None, "(several)"), ("4", None, "(nothing)"),
        ("5", None, "(nothing)"), ("6", "G", "id"), ("7", None, "(no match)"),
    ]  # fmt: skip
    assert world.rows("leads", "account_id", "account_rule") == [("A", "contact")]


def test_rules_can_be_switched_off_ordered_and_kept_to_sources(on_paper: NewWorld) -> None:
    turned = replace(RULES, contacts=(RULES.contacts[1], RULES.contacts[0]))  # mail before id
    world = made(on_paper, turned)
    world.load(contacts=[{"contact_id": "by mail", "email": "a@x.io"}])
    world.load("forms", leads=[
        {"lead_id": "1", "created_at": "2026-01-10 10:00", "email": "a@x.io", "contact_id": "delivered"},
    ])  # fmt: skip
    world.build()
    assert world.rows("leads", "contact_id", "contact_rule") == [("by mail", "mail")]
    reruled(world, without(RULES, "mail"), "no mail")
    world.build()
    assert world.rows("leads", "contact_id", "contact_rule") == [("delivered", "id")]
    reruled(world, without(with_rule(RULES, "id", sources=("crm",)), "mail"), "id of the crm")
    world.build()
    assert world.rows("leads", "contact_id", "contact_rule") == [(None, "(nothing)")]


# --- a changed rule ---------------------------------------------------------------------------------------------------


def parts(generation: Generation, name: str) -> dict[str, str]:
    stored = generation.table(name)
    assert stored is not None
    return {p.partition: p.file for p in stored.parts}


def test_a_changed_rule_writes_the_parts_of_the_rows_it_changes(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ROWS_IN_A_BUCKET", 2)
    world = made(new_world)
    world.build_hash = "1.a.a"
    world.load(accounts=[{"account_id": "A", "domain": "acme.com"}, {"account_id": "B", "domain": "bee.com"}])
    mails = {7: "x@acme.com", 8: "x@bee.com", 9: "y@bee.com", 10: "z@bee.com"}
    world.load(leads=[
        {"lead_id": str(month), "created_at": f"2025-{month:02}-05 10:00", "email": mail}
        for month, mail in mails.items()
    ])  # fmt: skip
    before = world.build()
    free = replace(RULES, free_mail=(*RULES.free_mail, "acme.com"))
    reruled(world, free, "b")
    after = world.build()
    assert world.rows("leads", "lead_id", "account_id") == [("10", "B"), ("7", None), ("8", "B"), ("9", "B")]
    for name in ("leads", "leads__versions"):
        one, other = parts(before, name), parts(after, name)
        assert len(one) == 4 and {k for k in other if one.get(k) != other[k]} == {"2025-07-01/P1M"}
    for name in ("accounts", "web_sessions", "contacts"):
        assert parts(before, name) == parts(after, name)
    assert digests(after) == digests(world.build(anew=True, publishing=False))


def test_a_rule_that_changes_nothing_writes_nothing(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.build_hash = "1.a.a"
    world.load(contacts=[{"contact_id": "1", "email": "a@x.io"}], leads=[FILLS[0] | {"email": "a@x.io"}])
    before = world.build()
    reruled(world, replace(RULES, contacts=(*RULES.contacts, IdentityRule("late", "id"))), "b")
    after = world.build()
    assert [t.parts for t in before.tables] == [t.parts for t in after.tables]
