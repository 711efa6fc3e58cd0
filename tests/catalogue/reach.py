"""What a company's year holds of its reach: who the visitors were, auctions, searches, content, whom mails reached, who
knows the brand. Drawn by random numbers of its own, so that the rest of the year stays as it is."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.catalogue.worlds import Draw

TABLES = ("search_days", "content_items")
"""Tables that are drawn here alone."""


def reach(draw: Draw, seed: int, first: date, days: int) -> None:
    """Adds rows and columns to a drawn year that holds visits, advertising, mails and people."""
    kept, draw.random = draw.random, Random(f"{seed} reach")
    for part in (visitors, auctions, recipients, awareness, content, subscribers, forms):
        part(draw)
    searches(draw, first, days)
    draw.random = kept


def visitors(draw: Draw) -> None:
    """Visits: whose company it was, how long it took."""
    for row in draw.rows["web_sessions"]:
        account = draw.maybe(f"a{draw.random.randrange(70)}", 0.6)
        length = draw.maybe(draw.pick(0, draw.random.randrange(0, 40), draw.random.randrange(0, 3000)))
        row["account_id"] = account
        row["icp_fit"] = draw.pick(True, False, None) if account else draw.maybe(True, 0.1)
        row["duration_seconds"] = length
        row["engaged_seconds"] = length and draw.maybe(draw.random.randrange(0, length + 1), 0.8)
        if row["medium"] is None and draw.chance(0.5):
            row["medium"] = "referral"


def auctions(draw: Draw) -> None:
    """Ad days: what kind of advertising, and of search the auctions it could have won."""
    for row in draw.rows["ad_days"]:
        row["kind"] = draw.pick("search", "search", "display", "social", None)
        row["keyword"] = draw.pick("k", "crm", "(none)")
        missed = [draw.random.randrange(0, 2000) for _ in range(2)]
        eligible = (row["impressions"] or 0) + sum(missed)
        row["eligible_impressions"] = draw.maybe(f"{eligible}.5", 0.8)
        row["lost_to_budget"], row["lost_to_rank"] = (draw.maybe(str(n), 0.8) for n in missed)


def recipients(draw: Draw) -> None:
    """Mails: who got them, and what those people did afterwards."""
    people: dict[str, dict[str, str | None]] = {}
    delivered = []
    number = 0
    for row in draw.rows["email_events"]:
        if row["message_id"] not in people:
            sent = row["sent_at"]
            number += 1
            came = draw.chance(0.8)
            people[row["message_id"]] = who = {
                "contact_id": draw.maybe(f"c{draw.random.randrange(90)}", 0.95),
                "mql_at": within_month(draw, sent),
                "mql_before_at": sent if draw.chance(0.1) else None,
                "converted_at": within_month(draw, sent),
            }
            if came:
                new = {"event_id": f"d{number}", "kind": "delivered", "bounce_kind": None, "machine": None}
                delivered.append({**row, **new, **who, "occurred_at": draw.after(sent, 0.01)})
        row.update(people[row["message_id"]])
        if row["kind"] == "complained":
            delivered.append({**row, "event_id": f"again{number}", "occurred_at": draw.after(row["sent_at"], 9)})
    draw.rows["email_events"] += delivered


def within_month(draw: Draw, sent: str) -> str | None:
    """A moment after the sending of a mail, often on the last day that counts and on the first that does not."""
    if draw.chance(0.6):
        return None
    return draw.after(sent, 25, wrong=0) if draw.chance(0.6) else _later(sent, draw.pick(30, 30, 31))


def _later(moment: str, days: int) -> str | None:
    from tests.catalogue.worlds import LAST, local_day

    day = local_day(moment) + timedelta(days)
    return day.isoformat() if day <= LAST else None


def awareness(draw: Draw) -> None:
    """Surveys on whether the brand is known."""
    for n in range(150):
        invited = draw.moment()
        draw.put(
            "surveys", survey_id=f"w{n}", kind=draw.pick("awareness", "awareness", "awareness", "other"),
            invited_at=invited, answered_at=draw.after(invited, 8, 0.85), in_market=draw.pick(True, True, False, None),
            unaided=draw.pick(True, False, False, None), aided=draw.pick(True, True, False, None),
            product=draw.pick("x", "y", None), scale=None, score=None,
        )  # fmt: skip


def searches(draw: Draw, first: date, days: int) -> None:
    """Keywords of two engines and countries, looked at now and then."""
    for n in range(36):
        for day in sorted({draw.random.randrange(days) for _ in range(draw.pick(3, 16, 22))}):
            shown = draw.maybe(draw.random.randrange(0, 900))
            draw.put(
                "search_days", engine=draw.pick("google", "google", "bing") if n % 9 == 0 else "google",
                query=f"q{n // 3}", country="DE" if n % 3 else "AT", device="desktop" if n % 2 else "mobile",
                day=(first + timedelta(day)).isoformat(), tracked=draw.pick(True, True, True, False, None),
                brand=n % 5 == 0 if n % 7 else None,
                position=draw.maybe(str(draw.pick(1, 2, 3, 4, 5, 6, 10, 11, 40, 130)), 0.85),
                volume=draw.maybe(draw.random.randrange(10, 4000)), ctr_at_position=draw.maybe(f"0.{n % 9}37"),
                own_ctr=draw.maybe(f"0.0{n % 8}1"), cpc=draw.maybe(draw.money(9)),
                visit_value=draw.maybe(draw.money(30)), currency=draw.currency(),
                impressions=shown, clicks=draw.maybe(draw.random.randrange(0, (shown or 3) + 1)),
                market_clicks=draw.maybe(str(draw.random.randrange(900, 3000)), 0.8),
            )  # fmt: skip


def content(draw: Draw) -> None:
    """Posts and papers, some of them never published."""
    for n in range(90):
        draw.put(
            "content_items", content_id=f"b{n}", kind=draw.pick("blog_post", "blog_post", "paper", "video"),
            published_at=draw.maybe(draw.moment()), topic=draw.pick("price", "risk", None),
        )  # fmt: skip


def subscribers(draw: Draw) -> None:
    """People on the list of subscribers, for a while."""
    for row in draw.rows["contacts"]:
        joined = draw.maybe(draw.moment(), 0.8)
        row["subscribed_at"] = joined
        row["unsubscribed_at"] = draw.after(joined, 90, 0.5, wrong=0)
        row["department"] = draw.pick("it", "finance", None)


def forms(draw: Draw) -> None:
    """A few people who are shown the form of the newsletter again and again, and some who confirm it twice."""
    for n in range(110):
        draw.put(
            "actions", action_id=f"form{n}", kind="subscription", step=draw.pick("offered", "offered", "completed"),
            occurred_at=draw.moment(), person_id=f"u{draw.random.randrange(9)}", confirmed=draw.pick(True, True, False),
            device=draw.pick("desktop", "mobile", None),
        )  # fmt: skip
