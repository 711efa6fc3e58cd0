"""Through which channel rows came: the shipped rules against what Google Analytics documents, and changed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headwater.build import layout
from headwater.metrics.rulings import Rulings
from headwater.model.channels import Asked, ChannelRule, Told
from tests.build.conftest import AnyWorld, NewWorld
from tests.build.ruled import shipped, under
from tests.build.test_identity import parts
from tests.build.world import digests

RULES = shipped()

# source, medium, referrer, click id, and the channel with its rule: of each kind that the documentation names, and of
# each addition
VISITS: list[tuple[str | None, str | None, str | None, str | None, str | None, str]] = [
    ("(direct)", "(none)", None, None, "Direct", "direct"),
    ("(direct)", "(not set)", None, None, "Direct", "direct"),
    ("google", "cpc", None, None, "Paid Search", "paid_search"),
    ("Bing", "PPC", None, None, "Paid Search", "paid_search"),
    ("duckduckgo.com", "paid-search", None, None, "Paid Search", "paid_search"),
    ("facebook.com", "paid_social", None, None, "Paid Social", "paid_social"),
    ("linkedin", "cpc", None, None, "Paid Social", "paid_social"),
    ("youtube.com", "cpv", None, None, "Paid Video", "paid_video"),
    ("youtube.com", "cpc", None, None, "Paid Video", "paid_video"),
    ("partner.example", "banner", None, None, "Display", "display"),
    ("partner.example", "cpm", None, None, "Display", "display"),
    ("partner.example", "retargeting", None, None, "Paid Other", "paid_other"),
    ("amazon.de", "cpc", None, None, "Paid Shopping", "paid_shopping"),
    ("www.amazon.co.uk", "referral", None, None, "Organic Shopping", "organic_shopping"),
    ("m.facebook.com", "referral", None, None, "Organic Social", "organic_social"),
    ("partner.example", "social-media", None, None, "Organic Social", "organic_social"),
    ("vimeo.com", "referral", None, None, "Organic Video", "organic_video"),
    ("google", "organic", None, None, "Organic Search", "organic_search"),
    ("intranet.example", "organic", None, None, "Organic Search", "organic_search"),
    ("newsletter", "email", None, None, "Email", "email"),
    ("crm", "E-Mail", None, None, "Email", "email"),
    ("partner.example", "affiliate", None, None, "Affiliates", "affiliates"),
    ("spotify", "audio", None, None, "Audio", "audio"),
    ("sms", "text", None, None, "SMS", "sms"),
    ("app", "web-push", None, None, "Mobile Push Notifications", "push"),
    ("partner.example", "referral", None, None, "Referral", "referral"),
    ("chatgpt.com", "(not set)", None, None, "AI Assistants", "assistants"),
    ("brochure", "qr", None, None, "(unassigned)", "(unassigned)"),
    (None, None, None, None, None, "(nothing)"),
    (None, None, "https://www.google.de/search?q=x", None, "Organic Search", "search_referrer"),
    (None, None, "https://www.linkedin.com/feed", None, "Organic Social", "social_referrer"),
    (None, None, "https://mail.google.com/mail", None, "Email", "mail_referrer"),
    (None, None, "https://blog.example/a", None, "Referral", "other_referrer"),
    (None, None, "https://notgoogle.example/", None, "Referral", "other_referrer"),
    (None, None, None, "https://our.example/?gclid=abc", "Paid Search", "google_click"),
    (None, None, "https://www.linkedin.com/", "li_fat_id=1", "Paid Social", "social_click"),
]  # fmt: skip


def visits() -> list[dict[str, Any]]:
    return [
        {
            "session_id": f"{i:02}", "started_at": f"2026-01-{i % 28 + 1:02} 10:00",
            "source": source, "medium": medium, "referrer": referrer, "click_id": click,
        }
        for i, (source, medium, referrer, click, _, _) in enumerate(VISITS)
    ]  # fmt: skip


def made(new_world: NewWorld, rulings: Rulings = RULES) -> AnyWorld:
    return new_world(*under(rulings).values())


def test_visits_come_through_the_channels_that_google_analytics_names(new_world: NewWorld) -> None:
    world = made(new_world)
    world.load(web_sessions=visits())
    world.build()
    found = world.rows("web_sessions", "session_id", "channel", "channel_rule")
    assert [(*VISITS[int(i)][:4], channel, rule) for i, channel, rule in found] == VISITS


DELIVERED = [
    {"session_id": "a", "started_at": "2026-01-05 10:00", "channel": "Trade fair", "source": "google", "medium": "cpc"},
    {"session_id": "b", "started_at": "2026-01-05 10:00", "campaign_id": "c", "source": "google", "medium": "cpc"},
    {"session_id": "c", "started_at": "2026-01-05 10:00", "campaign_id": "x", "source": "google", "medium": "cpc"},
]


def test_a_delivered_channel_stays_then_the_campaigns_unless_the_rules_say_otherwise(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.load(campaigns=[{"campaign_id": "c", "channel": "Spring"}, {"campaign_id": "x"}], web_sessions=DELIVERED)
    world.build()
    wanted = [("a", "Trade fair", "delivered"), ("b", "Spring", "campaign"), ("c", "Paid Search", "paid_search")]
    assert world.rows("web_sessions", "session_id", "channel", "channel_rule") == wanted
    first, second, *others = RULES.channels
    world.tables, world.build_hash = under(replace(RULES, channels=(*others, second, first))), "1.a.b"
    world.build()
    assert {r for _, r in world.rows("web_sessions", "channel", "channel_rule")} == {"paid_search"}
    world.tables, world.build_hash = under(replace(RULES, channels=(second,))), "1.a.c"
    world.build()
    assert world.rows("web_sessions", "session_id", "channel", "channel_rule") == [
        ("a", "(unassigned)", "(unassigned)"), ("b", "Spring", "campaign"), ("c", "(unassigned)", "(unassigned)"),
    ]  # fmt: skip


def test_a_campaign_that_changes_its_channel_takes_its_visits_along(on_paper: NewWorld) -> None:
    world = made(on_paper)
    world.load(campaigns=[{"campaign_id": "c", "channel": "Spring"}], web_sessions=DELIVERED)
    world.build()
    world.load(campaigns=[{"campaign_id": "c", "channel": "Summer"}])
    now = world.build()
    assert world.rows("web_sessions", "channel") == ["Paid Search", "Summer", "Trade fair"]
    assert digests(now) == digests(world.build(anew=True, publishing=False))


def test_a_rule_for_some_sources_leaves_the_others_alone(on_paper: NewWorld) -> None:
    fair = ChannelRule(
        "fair", "Fair", when=((Told("source", (Asked("source", "is", ("QR",)),)),),), sources=("badges",)
    )
    world = made(on_paper, replace(RULES, channels=(fair, *RULES.channels)))
    visit = {"started_at": "2026-01-05 10:00", "source": " qr "}
    world.load("badges", web_sessions=[{"session_id": "a"} | visit])
    world.load("web", web_sessions=[{"session_id": "b"} | visit])
    world.build()
    assert world.rows("web_sessions", "session_id", "channel") == [("a", "Fair"), ("b", "(unassigned)")]


def test_a_changed_rule_writes_the_parts_of_the_rows_it_changes(
    on_paper: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ROWS_IN_A_BUCKET", 2)
    world = made(on_paper)
    world.build_hash = "1.a.a"
    world.load(web_sessions=visits())
    before = world.build()
    changed = tuple(replace(r, channel="Podcasts") if r.id == "audio" else r for r in RULES.channels)
    world.tables, world.build_hash = under(replace(RULES, channels=changed)), "1.a.b"
    after = world.build()
    days = {f"2026-01-{i % 28 + 1:02}" for i, visit in enumerate(VISITS) if visit[-1] == "audio"}
    one, other = parts(before, "web_sessions"), parts(after, "web_sessions")
    assert len(one) == 28 and len(days) == 1
    assert {k for k in other if one.get(k) != other[k]} == days
    assert digests(after) == digests(world.build(anew=True, publishing=False))
