"""Mails that went out, what sales did, social networks, search, links and content."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import DAY, NONE, Integers, Span, instant
from headwater.demo.draw import chosen, lag, office_times, picked, stream, to_office
from headwater.demo.frame import Frame, runs, stacked
from headwater.demo.market import months_of
from headwater.demo.marketing import Campaign

EVENTS = ("sent", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained")
NETWORKS = ("LinkedIn", "X", "YouTube", "Instagram")
REACTIONS = ("like", "share", "repost", "comment", "mention")
TOPICS = ("warehouse", "yard", "freight", "planning", "company")


# --- mails -----------------------------------------------------------------------------------------------------------
def mail_events(seed: int, span: Span, contacts: Frame, all_: tuple[Campaign, ...], messages: int) -> Frame:
    """Events of every message; those who leave the list are marked on `contacts` and get no more mails."""
    rng = stream(seed, "mails")
    lists = [n for n, c in enumerate(all_) if c.channel == "email"]
    sends = [
        (int(day), n)
        for month, first in enumerate(span.starts()[:-1].tolist())
        for i, n in enumerate(lists)
        if all_[n].first <= month <= all_[n].last
        for day in ((first + 2 + 4 * i, first + 16 + 2 * i) if all_[n].kind == "nurture" else (first + 5 + 3 * i,))
    ]
    sends.sort()
    since = np.where(contacts["subscribed"] == NONE, np.iinfo(np.int64).max, contacts["subscribed"])
    order = np.argsort(since, kind="stable")
    known = since[order]
    base = np.array([np.searchsorted(known, instant(np.array([day]), np.array([0]))[0]) for day, _ in sends])
    share = min(0.9, messages / max(1, base.sum()))
    growth = 0.12 + 0.20 * np.arange(span.count) / span.count  # of opens by machines
    parts = []
    gone = np.full(contacts.size, False)
    for (day, n), there in zip(sends, base.tolist(), strict=True):
        who = order[:there][rng.random(there) < share]
        who = who[~gone[who]]
        size = len(who)
        if not size:
            continue
        weekend = max(0, (day + 3) % 7 - 4)
        moved = min(day + (3 - weekend if weekend else 0), span.end - 1)
        sent = instant(np.full(size, moved), 9 * 3600 + 600 + rng.integers(0, 2400, size))
        month = int(span.month_of(np.array([moved]))[0])
        back = rng.random(size) < 0.021
        hard = rng.random(size) < 0.38
        human = ~back & chosen(rng, np.full(size, 0.215 if all_[n].kind == "newsletter" else 0.262))
        machine = ~back & ~human & (rng.random(size) < growth[month])
        clicks = human & (rng.random(size) < 0.105)
        scanned = ~back & (rng.random(size) < 0.012)
        leaves = human & (rng.random(size) < 0.0095)
        gone |= np.bincount(who[leaves | (back & hard)], minlength=len(gone)) > 0
        contacts["unsubscribed"][who[leaves]] = sent[leaves] + 7200
        number = np.arange(size)
        later = lag(rng, size, 0.18, 1.3)
        for kind, mask, wait, by_machine in (
            (0, np.ones(size, bool), 0, False),
            (1, ~back, 9, False),
            (2, back, 31, False),
            (3, human, later, False),
            (3, machine, 22, True),
            (4, clicks, later + 40, False),
            (4, scanned, 14, True),
            (5, leaves, later + 90, False),
            (6, leaves & (rng.random(size) < 0.06), later + 100, False),
        ):
            rows = np.flatnonzero(mask)
            waits = wait[rows] if isinstance(wait, np.ndarray) else np.full(len(rows), wait)
            parts.append(
                Frame(
                    message=number[rows],
                    kind=np.full(len(rows), kind),
                    sent=sent[rows],
                    at=sent[rows] + waits,
                    contact=who[rows],
                    campaign=np.full(len(rows), n),
                    machine=np.full(len(rows), by_machine),
                    hard=hard[rows],
                    send=np.full(len(rows), day),
                )
            )
    found = Frame({name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
    found = found.take((found["at"] < span.close) & (found["sent"] < span.close))
    send = np.unique(found["send"] * 1000 + found["campaign"], return_inverse=True)[1]
    found["message"] = send * (int(found["message"].max()) + 1) + found["message"]
    found["message"] = np.unique(found["message"], return_inverse=True)[1]
    found = found.sorted("sent", "message", "at")
    found["event"] = np.arange(found.size)
    return found


# --- sales -----------------------------------------------------------------------------------------------------------
def activities(seed: int, span: Span, leads: Frame, deals: Frame, contact_of: Integers) -> Frame:
    """Answers, calls and meetings of sales."""
    rng = stream(seed, "activities")
    answered = np.flatnonzero(leads["answered"] != NONE)
    parts = [_activity(leads["answered"][answered], picked(rng, len(answered), [0.6, 0.0, 0.4]), answered, -1, rng)]
    replied = np.flatnonzero((leads["inquired"] != NONE) & (rng.random(leads.size) < 0.9))
    robots = _activity(leads["inquired"][replied] + 20, np.full(len(replied), 2), replied, -1, rng)
    robots["human"][:] = False
    parts.append(robots)
    accepted = np.flatnonzero(leads["sal"] != NONE)
    of, number = runs(1 + rng.poisson(2.2, len(accepted)))
    at = to_office(rng, leads["sal"][accepted[of]] + (number + 1) * lag(rng, len(of), 3.0, 0.8))
    parts.append(_activity(at, picked(rng, len(of), [0.66, 0.1, 0.24]), accepted[of], -1, rng))
    of, number = runs(2 + rng.poisson(3.0, deals.size))
    ended = np.where(deals["closed"][of] == NONE, span.close, deals["closed"][of])
    at = deals["created"][of] + ((ended - deals["created"][of]) * rng.random(len(of))).astype(np.int64)
    at = np.minimum(to_office(rng, at), ended)
    parts.append(_activity(at, picked(rng, len(of), [0.3, 0.5, 0.2]), deals["lead"][of], of, rng))
    found = stacked(*parts)
    found = found.take((found["at"] < span.close) & (found["at"] >= span.start * DAY)).sorted("at")
    found["activity"] = np.arange(found.size)
    found["contact"] = np.where(found["lead"] >= 0, contact_of[found["lead"]], -1)
    found["account"] = np.where(
        found["deal"] >= 0,
        deals["account"][found["deal"]],
        np.where(found["lead"] >= 0, leads["account"][found["lead"]], -1),
    )
    return found


def _activity(at: Integers, kind: Integers, lead: Integers, deal: Integers | int, rng: np.random.Generator) -> Frame:
    size = len(at)
    return Frame(
        at=at,
        kind=kind,
        lead=lead,
        deal=np.broadcast_to(np.asarray(deal), (size,)).copy(),
        human=np.ones(size, bool),
        reached=rng.random(size) < 0.41,
        held=rng.random(size) < 0.84,
        length=(rng.gamma(2.0, 420.0, size)).astype(np.int64),
        booked=at - lag(rng, size, 4.0, 0.7),
        owner=rng.integers(0, 1 << 20, size),
    )


# --- social networks -------------------------------------------------------------------------------------------------
def social_days(seed: int, span: Span) -> Frame:
    """What each profile had and reached a day; followers grow with attention, not with business."""
    attention = company.attention(months_of(span))
    day = np.arange(span.start, span.end)
    month = span.month_of(day)
    parts = []
    for i, (followers, gain, reach) in enumerate(
        ((6200, 9.5, 2100), (2400, 2.4, 640), (900, 1.6, 380), (1300, 2.1, 520))
    ):
        rng = stream(seed, "social", NETWORKS[i])
        gained = rng.poisson(gain * attention[month]) - rng.poisson(gain * 0.12, len(day))
        posts = rng.poisson(np.where((day + 3) % 7 < 5, 0.75, 0.08))
        seen = rng.poisson(reach * attention[month] * (0.4 + 0.7 * posts))
        engaged = rng.binomial(seen, 0.031)
        parts.append(
            Frame(
                profile=np.full(len(day), i),
                day=day,
                followers=followers + np.cumsum(gained),
                posts=posts,
                reach=seen,
                impressions=np.round(seen * (1.25 + 0.2 * rng.random(len(day)))).astype(np.int64),
                clicks=rng.binomial(engaged, 0.4),
                saves=rng.binomial(engaged, 0.05),
                engagements=engaged,
            )
        )
    return stacked(*parts)


def social_interactions(seed: int, span: Span, contacts: Frame, size: int) -> Frame:
    """Single reactions to us and to the peers that are watched."""
    rng = stream(seed, "interactions")
    attention = company.attention(months_of(span))
    month = picked(rng, size, attention.tolist())
    edges = span.starts()
    day = edges[month] + (rng.random(size) * (edges[month + 1] - edges[month])).astype(np.int64)
    at = np.sort(instant(day, office_times(rng, size)))
    brand = picked(rng, size, [0.52, 0.18, 0.14, 0.10, 0.06])
    known = (brand == 0) & (rng.random(size) < 0.08)
    person = rng.integers(0, max(contacts.size, 1), size)
    known &= contacts["created"][person] < at
    return Frame(
        interaction=np.arange(size),
        at=at,
        kind=np.where(brand == 0, picked(rng, size, [0.55, 0.08, 0.12, 0.15, 0.10]), 4),
        network=picked(rng, size, [0.62, 0.2, 0.08, 0.1]),
        brand=brand,
        mood=picked(rng, size, [0.36, 0.52, 0.12]),
        contact=np.where(known, person, -1),
        country=picked(rng, size, [r.share * w for r in company.REGIONS for _, w in r.countries]),
    )


# --- search, links, content ------------------------------------------------------------------------------------------
QUERIES = (
    "tallyport",
    "tallyport pricing",
    "yard management",
    "yard management software",
    "dock scheduling",
    "dock scheduling software",
    "warehouse slotting",
    "slot booking",
    "transport planning software",
    "freight cost control",
    "load planning",
    "carrier scorecard",
    "what is a yard management system",
    "dock to stock time",
    "warehouse kpi",
    "logistics dashboard",
    "truck turnaround time",
    "gate check in software",
    "supply chain planning tools",
    "carrier management",
    "detention fees",
    "yard checklist",
    "time slot management",
    "trailer tracking",
)


def search_days(seed: int, span: Span, scale: float) -> Frame:
    """Positions, impressions and clicks of each query and device a day in unpaid search."""
    rng = stream(seed, "search")
    number = max(5, min(len(QUERIES), round(len(QUERIES) * scale**0.5)))
    day = np.arange(span.start, span.end)
    attention = company.attention(months_of(span))[span.month_of(day)]
    week = np.where((day + 3) % 7 < 5, 1.1, 0.6)
    parts = []
    for query in range(number):
        brand = query < 2
        volume = int(rng.integers(200, 4000))
        start, end = (1.3, 1.1) if brand else sorted((rng.uniform(4, 24), rng.uniform(2, 12)), reverse=True)
        path = np.linspace(start, end, len(day)) + np.cumsum(rng.normal(0, 0.05, len(day)))
        for device, share in ((0, 0.68), (1, 0.32)):
            position = np.clip(path + rng.normal(0, 0.35, len(day)), 1.0, 60.0)
            shown = rng.poisson(volume / 30 * share * week * attention * np.clip(1.4 - position / 30, 0.05, 1.0))
            rate = 0.30 * position**-1.05
            parts.append(
                Frame(
                    query=np.full(len(day), query),
                    device=np.full(len(day), device),
                    day=day,
                    position=np.round(position * 10).astype(np.int64),
                    volume=np.full(len(day), volume),
                    shown=shown,
                    clicks=rng.binomial(shown, np.clip(rate, 0, 0.5)),
                    price=np.round(rng.uniform(140, 520) * np.ones(len(day))).astype(np.int64),
                )
            )
    found = stacked(*parts).sorted("day", "query", "device")
    return found.take(found["shown"] > 0)


def links(seed: int, span: Span, scale: float) -> Frame:
    """Sites that link to ours, looked at on the first of each month."""
    rng = stream(seed, "links")
    sites = max(24, min(1200, round(260 * scale**0.5)))
    begin = np.sort(rng.integers(-30, span.count, sites))
    begin[: sites // 3] = -30
    life = rng.geometric(1 / 30, sites)
    size = 1 + rng.geometric(0.3, sites)
    edges = span.starts()[:-1]
    parts = []
    for month, day in enumerate(edges.tolist()):
        seen = np.flatnonzero((begin <= month) & (month < begin + life + 30))
        parts.append(
            Frame(
                site=seen,
                day=np.full(len(seen), day),
                links=size[seen] + (month - np.maximum(begin[seen], 0)) // 9,
                live=month < begin[seen] + life[seen] + 29,
                follow=(seen * 7 % 10) < 7,
                authority=10 + seen * 37 % 70,
                country=seen % len(company.COUNTRIES),
            )
        )
    return stacked(*parts)


CONTENT_KINDS = ("blog_post", "paper", "video", "case_study", "webinar", "newsletter")


def contents(seed: int, span: Span) -> Frame:
    """What was published."""
    rng = stream(seed, "content")
    of, _ = runs(3 + rng.poisson(2.0, span.count))
    edges = span.starts()
    day = edges[of] + (rng.random(len(of)) * 27).astype(np.int64)
    day = day - np.maximum((day + 3) % 7 - 4, 0)
    at = np.sort(instant(np.maximum(day, span.start), office_times(rng, len(day))))
    size = len(at)
    return Frame(
        content=np.arange(size),
        at=at,
        kind=picked(rng, size, [0.52, 0.12, 0.12, 0.1, 0.08, 0.06]),
        topic=rng.integers(0, len(TOPICS), size),
        product=rng.integers(-1, len(company.PRODUCTS), size),
        stage=rng.integers(0, 3, size),
        language=picked(rng, size, [0.7, 0.3]),
    )
