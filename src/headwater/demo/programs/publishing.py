"""Mails, social networks, search and content."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.demo import cells, company, outreach
from headwater.demo.cells import Texts
from headwater.demo.clock import days
from headwater.demo.desk import Desk, Lost, chunks
from headwater.demo.frame import Frame
from headwater.demo.sheets import Text, spoiled, write_text
from headwater.demo.world import World


def mail_events(desk: Desk) -> None:
    """What the mailing tool logs: some events twice, for some the time of sending is missing."""
    world, rng = desk.world, desk.rng("mails")
    m = world.mails
    day = days(m["sent"])
    delivered = np.flatnonzero(m["kind"] == outreach.EVENTS.index("delivered"))
    broken = np.sort(rng.choice(delivered, 3, replace=False))
    for part in chunks(world, 0):
        rows = np.flatnonzero((day >= part.start) & (day < part.end))
        mine = broken[(day[broken] >= part.start) & (day[broken] < part.end)]
        sound = rows[~np.isin(rows, mine)]
        double = rng.choice(sound, min(len(sound), 25), replace=False)
        rows = np.sort(np.concatenate([rows, double]))
        columns = _mail_columns(world, m.take(rows))
        columns["sent_at"] = spoiled(columns["sent_at"], np.searchsorted(rows, mine), "NULL")
        file = f"events-{part.name}.csv.gz"
        for row in mine.tolist():
            key = f"m{int(m['event'][row]):09d}"
            desk.lost.append(Lost("email_events", f"mail/{file}", key, row, "The time of sending is missing."))
        write_text(desk.folder / "mail" / file, columns)


def _mail_columns(world: World, m: Frame) -> dict[str, Texts]:
    bounce = np.where(m["kind"] == outreach.EVENTS.index("bounced"), m["hard"].astype(np.int64), -1)
    return {
        "event_id": cells.ids("m", m["event"], 9),
        "message_id": cells.ids("msg", m["message"], 9),
        "event": cells.coded(m["kind"], outreach.EVENTS),
        "bounce_type": cells.coded(bounce, ("soft", "hard")),
        "bot": cells.yes(m["machine"], "1", "0"),
        "sent_at": cells.moment(m["sent"], between="T", end="+00:00"),
        "event_at": cells.moment(m["at"], between="T", end="+00:00"),
        "contact_id": cells.ids("C-", m["contact"]),
        "campaign_id": cells.ids("CMP-", m["campaign"], 4),
        "mailing": pa.array([c.name for c in world.campaigns]).take(pa.array(m["campaign"])),
    }


def social_profiles(desk: Desk) -> None:
    """What each network counts a day."""
    s = desk.world.social
    columns = {
        "profile": cells.coded(s["profile"], [f"tallyport-{n.lower()}" for n in outreach.NETWORKS]),
        "network": cells.coded(s["profile"], outreach.NETWORKS),
        "date": cells.day(s["day"], "%d/%m/%Y"),
    }
    columns |= {
        n: cells.whole(s[n]) for n in ("followers", "posts", "reach", "impressions", "clicks", "saves", "engagements")
    }
    write_text(desk.folder / "social" / "profiles.csv", columns)


def social_listening(desk: Desk) -> None:
    """Single reactions and mentions, from the listening tool."""
    s = desk.world.interactions
    profile = np.where(s["brand"] == 0, s["network"], -1)
    columns = {
        "id": cells.ids("i", s["interaction"], 7),
        "type": cells.coded(s["kind"], outreach.REACTIONS),
        "at": cells.iso(s["at"]),
        "network": cells.coded(s["network"], outreach.NETWORKS),
        "profile": cells.coded(profile, [f"tallyport-{n.lower()}" for n in outreach.NETWORKS]),
        "brand": cells.coded(s["brand"], ("Tallyport", *company.COMPETITORS)),
        "sentiment": cells.coded(s["mood"], ("positive", "neutral", "negative")),
        "contact_id": cells.ids("C-", s["contact"]),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }
    write_text(desk.folder / "social" / "listening.tsv", columns, Text("\t"))


def search_console(desk: Desk) -> None:
    """Queries in unpaid search a day."""
    s = desk.world.search
    columns = {
        "date": cells.day(s["day"]),
        "query": cells.coded(s["query"], outreach.QUERIES),
        "device": cells.coded(s["device"], ("DESKTOP", "MOBILE")),
        "clicks": cells.whole(s["clicks"]),
        "impressions": cells.whole(s["shown"]),
        "position": cells.parts(s["position"], 1),
        "volume": cells.whole(s["volume"]),
        "cpc": cells.parts(s["price"], 2),
        "branded": cells.yes(s["query"] < 2, "1", "0"),
    }
    write_text(desk.folder / "search" / "queries.csv.gz", columns)


def link_index(desk: Desk) -> None:
    """Sites that link to ours."""
    s = desk.world.links
    columns = {
        "domain": pc.binary_join_element_wise(pa.scalar("site"), cells.whole(s["site"]), pa.scalar(".example"), ""),
        "seen": cells.day(s["day"]),
        "links": cells.whole(s["links"]),
        "live": cells.yes(s["live"]),
        "dofollow": cells.yes(s["follow"]),
        "rating": cells.whole(s["authority"]),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }
    write_text(desk.folder / "search" / "links.csv", columns)


def content_calendar(desk: Desk) -> None:
    """What was published."""
    c = desk.world.contents
    words = [f"{t.capitalize()} {k.replace('_', ' ')}" for t in outreach.TOPICS for k in outreach.CONTENT_KINDS]
    title = cells.coded(c["topic"] * len(outreach.CONTENT_KINDS) + c["kind"], words)
    columns = {
        "Item": cells.ids("K-", c["content"], 4),
        "Title": pc.binary_join_element_wise(title, cells.whole(c["content"] + 1), " no. "),
        "Type": cells.coded(c["kind"], outreach.CONTENT_KINDS),
        "Published": cells.german(c["at"]),
        "Topic": cells.coded(c["topic"], outreach.TOPICS),
        "Journey": cells.coded(c["stage"], ("awareness", "consideration", "decision")),
        "Product": cells.coded(c["product"], company.PRODUCTS),
        "Language": cells.coded(c["language"], ("en", "de")),
    }
    write_text(desk.folder / "web" / "content.csv", columns, Text(";"))
