"""What people and companies did besides buying: actions, social media, committees, orders, what is thought of them.

Drawn by random numbers of its own, so that a table more here changes no other one.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.catalogue.worlds import Draw

Row = dict[str, Any]
Batches = list[dict[str, list[Row]]]

TABLES = ("contacts", "social_interactions", "actions", "orders", "contact_roles", "touches")
"""Tables that are drawn here alone."""

KINDS_OF_ACTION = (
    "landing_page", "landing_page", "cta", "form", "form", "signup", "login", "download", "video", "webinar", "event",
    "newsletter", "subscription", "trial", "survey", "conversion", "page_view",
)  # fmt: skip
ROLES = ("economic_buyer", "decision_maker", "champion", "evaluator", "end_user", "other", None)


def deal(draw: Draw, seed: int) -> None:
    """Adds rows and columns to a drawn year."""
    kept, draw.random = draw.random, Random(f"{seed} dealings")
    for part in (_people, _social, _actions, _orders, _committees, _answers, _movements, _forms, _referrals):
        part(draw)
    draw.random = kept


def _number(draw: Draw, most: int) -> int:
    return draw.random.randrange(most)


def _people(draw: Draw) -> None:
    for n in range(90):
        draw.put(
            "contacts", contact_id=f"c{n}", account_id=draw.maybe(f"a{_number(draw, 70)}"),
            icp_fit=draw.pick(True, False, None), purchase_authority=draw.pick(True, False, None),
        )  # fmt: skip


def _social(draw: Draw) -> None:
    for row in draw.rows["social_days"]:
        for name, most in (("posts", 5), ("reach", 4000), ("impressions", 9000), ("clicks", 60), ("saves", 9)):
            row[name] = draw.maybe(_number(draw, most))
        row["engagements"] = draw.maybe(_number(draw, 400))
    for n in range(560):
        draw.put(
            "social_interactions", interaction_id=f"i{n}", occurred_at=draw.moment(0.05),
            kind=draw.pick("like", "share", "repost", "comment", "mention", "mention"),
            platform=draw.pick("x", "y", None), brand=draw.pick("own", "own", "own", "rival", None),
            sentiment=draw.pick("positive", "neutral", "negative", None),
            contact_id=draw.maybe(f"c{_number(draw, 90)}", 0.6),
        )  # fmt: skip


def _actions(draw: Draw) -> None:
    for n in range(1500):
        draw.put(
            "actions", action_id=f"x{n}", kind=draw.pick(*KINDS_OF_ACTION), occurred_at=draw.moment(0.05),
            step=draw.pick("offered", "offered", "opened", "completed", "completed"),
            person_id=draw.maybe(f"u{_number(draw, 60)}"), landing_page_id=draw.pick("lp1", "lp2", None),
            goal=draw.pick(True, True, False, None), first=draw.pick(True, False, None),
            confirmed=draw.pick(True, False, None), form=draw.pick("demo", "contact", None),
            load_seconds=draw.maybe(str(_number(draw, 90) / 10)), device=draw.pick("desktop", "mobile", None),
        )  # fmt: skip


def _orders(draw: Draw) -> None:
    for n in range(260):
        ordered, account = draw.moment(), draw.maybe(f"a{_number(draw, 58)}")
        currency = draw.currency()
        for line in range(1, draw.pick(1, 1, 2, 3) + 1):
            draw.put(
                "orders", order_id=f"b{n}", line_number=line, account_id=account, ordered_at=ordered,
                amount=draw.pick("", "", "", "-") + draw.money(900), cost_of_goods=draw.maybe(draw.money(400)),
                currency=currency, product=draw.pick("x", "y", None),
            )  # fmt: skip

    for n in range(58, 70):  # who ordered twice, in just as many days as are allowed or one more
        first = date(2024, 10, 5) + timedelta(_number(draw, 170))
        for day in (first, first + timedelta(draw.pick(180, 180, 181))):
            draw.put(
                "orders", order_id=f"twice{n}-{day}", line_number=1, account_id=f"a{n}", ordered_at=day.isoformat(),
                amount=draw.money(900), cost_of_goods=None, currency="EUR", product=draw.pick("x", "y", None),
            )  # fmt: skip


def _committees(draw: Draw) -> None:
    deals = dict.fromkeys(row["opportunity_id"] for row in draw.rows["opportunities"])
    for one in deals:
        for contact in draw.random.sample(range(90), draw.pick(0, 0, 1, 2, 3, 5)):
            draw.put(
                "contact_roles", opportunity_id=one, contact_id=f"c{contact}", role=draw.pick(*ROLES),
                created_at=draw.moment(),
            )  # fmt: skip
    for n in range(170):
        draw.put(
            "touches", touch_id=f"t{n}", occurred_at=draw.moment(), contact_id=draw.maybe(f"c{_number(draw, 90)}", 0.8),
            account_id=draw.maybe(f"a{_number(draw, 70)}", 0.2), marketing=draw.pick(True, True, False, None),
            channel=draw.pick("email", "paid_search", "events"),
        )  # fmt: skip


def _answers(draw: Draw) -> None:
    for row in draw.rows["surveys"]:
        row |= {
            "delivered": draw.pick(True, True, True, False, None),
            "weight": draw.maybe(draw.money(900)),
            "currency": draw.currency(),
        }
        if draw.chance(0.1) and len(row["invited_at"]) > 10:
            last = (datetime.fromisoformat(row["invited_at"]) + timedelta(30)).isoformat()
            row["answered_at"] = last if last < "2025-09-29" else None


def _movements(draw: Draw) -> None:
    """Customers of the year before, so that there is something to keep."""
    for n in range(26):
        when = f"{draw.pick('2023-10', '2023-12', '2024-03', '2024-06')}-{_number(draw, 27) + 1:02}"
        draw.put(
            "subscriptions", movement_id=f"early{n}", account_id=f"a{_number(draw, 70)}", occurred_at=when, kind="new",
            mrr_change=draw.money(90), currency=draw.currency(), plan=draw.pick("pro", "free", None),
        )  # fmt: skip


def _forms(draw: Draw) -> None:
    for row in draw.rows["ad_days"]:
        row |= {"form_opens": draw.maybe(_number(draw, 9), 0.4), "form_sends": draw.maybe(_number(draw, 5), 0.4)}


def _referrals(draw: Draw) -> None:
    for row in draw.rows["leads"]:
        row |= {
            "referrer_account_id": draw.maybe(f"a{_number(draw, 70)}", 0.2),
            "origin": draw.pick("web", "referral", "Referral", "Customer Referral", "Partner Referral", "fair", None),
        }


def score(batches: Batches, random: Random) -> None:
    """What is thought of each company at several times; of one that was merged into another, nothing more."""
    rows = [(b, r) for b in batches for r in b["accounts"]]
    merged = {r["account_id"] for _, r in rows if r.get("_merged_into")}
    for account in sorted({r["account_id"] for _, r in rows}):
        mine = [(b, r) for b, r in rows if r["account_id"] == account]
        month = random.choice((8, 9, 10, 11, 12))
        first = f"2024-{month:02}-{random.randrange(1, 28):02}"
        opened: Row = {"created_at": first if random.random() < 0.9 else None, **_thought(random)}
        for _, row in mine:
            row |= {**opened, "_updated_at": f"{first}T08:00:00+00:00"}
        batch, row = mine[0]
        if account in merged:
            continue
        for n in range(random.choice((0, 1, 2))):
            when = f"2025-0{random.randrange(1 + 4 * n, 5 + 4 * n)}-{random.randrange(1, 28):02}T10:00:00+00:00"
            batch["accounts"].append({**row, **_thought(random), "_updated_at": when})


def _thought(random: Random) -> Row:
    return {
        "score_engagement": random.choice((None, *(str(random.randrange(0, 90)) for _ in range(4)))),
        "engagement_minutes": random.choice((None, 9, 10, random.randrange(0, 40), random.randrange(0, 40))),
    }


def publish(batches: Batches, random: Random) -> None:
    """The rates of the year before."""
    for n in range(0, 364, 5):
        day = date(2023, 10, 1) + timedelta(n)
        batches[0]["exchange_rates"].append(
            {"currency": "USD", "day": day.isoformat(), "rate": f"0.{random.randrange(8000, 9900)}"}
        )


STEPS = ("created_at", "mql_at", "sales_qualified_at", "opportunity", "customer")


def walk(batches: Batches, random: Random) -> None:
    """Leads that went through the whole funnel: in order, with a step left out or two the wrong way round, in just as
    many days as are allowed or one more; and deals of which the history knows stages of leads."""
    for n in range(72):
        begun = date(2024, 10, 1) + timedelta(random.randrange(196))
        whole = random.choice((60, 110, 150, 179, 180, 180, 181, 230))
        days = [0, *sorted(random.randrange(1, whole) for _ in range(3)), whole]
        fault = random.choice((None, None, None, 0, 1, 2, 3))
        if fault is not None:
            days[fault], days[fault + 1] = days[fault + 1], days[fault] - 1
        moments = {name: (begun + timedelta(d)).isoformat() for name, d in zip(STEPS, days, strict=True)}
        lead: Row = {name: moments[name] for name in STEPS[:3]}
        if random.random() < 0.15:
            lead[random.choice(STEPS[1:3])] = None
        batch = random.choice(batches)
        channel = random.choice(("email", "events", None))
        batch["leads"].append({"lead_id": f"walk{n}", "channel": channel, "from_web": None, "icp_fit": None, **lead})
        when = {"created_at": moments["opportunity"], "closed_at": moments["customer"]}
        deal = {"opportunity_id": f"walked{n}", "lead_id": f"walk{n}", "account_id": f"a{random.randrange(70)}"}
        first, last = min(when.values()) + "T11:00:00+00:00", max(when.values()) + "T12:00:00+00:00"
        opened: Row = {**deal, **when, "closed_at": None, "status": "open", "kind": "new", "currency": "EUR"}
        batch["opportunities"] += [
            {**opened, "_updated_at": first},
            {**opened, **when, "status": "won", "_updated_at": last},
        ]
        if n % 4 == 0:
            stage = random.choice(("mql", "sales_qualified"))
            entered = {"stage": stage, "entered_at": moments["opportunity"], "exited_at": None, "entry": 1}
            subject = {"subject_kind": "opportunity", "subject_id": f"walked{n}", "channel": channel}
            random.choice(batches)["stage_entries"].append({**subject, **entered})
