"""Visits to the web site, what people did there, and the touches that attribution shares credit over."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import DAY, NONE, Flags, Integers, Span, days, instant
from headwater.demo.draw import clock_times, counts, lag, picked, stream, weekdays
from headwater.demo.frame import Frame, runs, stacked
from headwater.demo.market import months_of
from headwater.demo.marketing import Campaign, of_moment

VISITS = {
    "paid_search": 0.15,
    "paid_social": 0.13,
    "organic_search": 0.36,
    "email": 0.06,
    "events": 0.0,
    "referral": 0.07,
    "partners": 0.02,
    "direct": 0.21,
}
PAGES = (
    "/",
    "/plan",
    "/yard",
    "/insight",
    "/pricing",
    "/demo",
    "/contact",
    "/customers",
    "/blog/dock-to-stock",
    "/blog/quiet-yard",
    "/blog/freight-clinic",
    "/guides/slot-booking",
    "/guides/yard-checklist",
    "/webinars",
    "/careers",
)
FORMS = ("demo", "contact", "quote", "callback", "download", "newsletter", "webinar")
DEVICES = {"desktop": 0.66, "mobile": 0.29, "tablet": 0.05}


def sessions(seed: int, span: Span, leads: Frame, accounts: Frame, all_: tuple[Campaign, ...], size: int) -> Frame:
    """Every visit that the analytics saw, in order: anonymous ones, and those of people who became leads."""
    rng = stream(seed, "sessions")
    known = _of_leads(rng, span, leads, accounts)
    level = company.attention(months_of(span))
    seen = np.bincount(span.month_of(days(known["at"])), minlength=span.count)
    rest = np.maximum(level / level.sum() * size - seen, seen)  # those who look around follow attention, not demand
    shares = np.array(list(VISITS.values()))
    expected = rest[:, None] * shares[None, :] / shares.sum()
    number = counts(rng, expected)
    month = np.repeat(np.repeat(np.arange(span.count), len(shares)), number.ravel())
    channel = np.repeat(np.tile(np.arange(len(shares)), span.count), number.ravel())
    edges = span.starts()
    day = weekdays(rng, edges[month], edges[month + 1] - edges[month], quiet=0.55)
    at = instant(day, clock_times(rng, len(day)))
    order = np.argsort(at, kind="stable")
    total = len(at)
    anonymous = Frame(
        at=at[order],
        channel=channel[order],
        lead=np.full(total, -1),
        after=np.zeros(total, bool),
        country=picked(rng, total, [r.share * w for r in company.REGIONS for _, w in r.countries]),
    )
    new = rng.random(total) < 0.63
    if total:
        new[0] = True
    born = np.cumsum(new) - 1
    back = np.maximum(born - (rng.exponential(max(40.0, total * 0.02), total)).astype(np.int64), 0)
    anonymous["visitor"] = np.where(new, born, back)
    known["visitor"] = known["lead"] + total
    found = stacked(anonymous, known).sorted("at")
    first = np.zeros(found.size, bool)
    first[np.unique(found["visitor"], return_index=True)[1]] = True
    found["new"] = first
    found["campaign"] = of_moment(stream(seed, "session campaigns"), span, all_, found["channel"], found["at"])
    _behaviour(rng, found)
    return _broken(rng, span, found)


def _of_leads(rng: np.random.Generator, span: Span, leads: Frame, accounts: Frame) -> Frame:
    """The visits of people who filled a form: some before, the one itself, some after."""
    rows = np.flatnonzero(leads["web"])
    of, number = runs(1 + rng.poisson(2.3, len(rows)))
    lead = rows[of]
    ago = np.where(number == 0, rng.integers(150, 1500, len(of)), lag(rng, len(of), 16.0, 1.0))
    later = (number > 0) & (rng.random(len(of)) < 0.36)
    at = leads["created"][lead] + np.where(later, ago, -ago)
    country = np.where(leads["account"][lead] >= 0, accounts["country"][leads["account"][lead]], 0)
    own = rng.random(len(of)) < 0.55
    channel = np.where(
        (number == 0) | own, leads["channel"][lead], picked(rng, len(of), [max(v, 0.01) for v in VISITS.values()])
    )
    found = Frame(at=at, channel=channel, lead=lead, after=later, country=country)
    return found.take((at >= span.start * DAY) & (at < span.close))


def _behaviour(rng: np.random.Generator, found: Frame) -> None:
    size = found.size
    form = (found["lead"] >= 0) & ~found["after"]
    stays = np.array([0.55, 0.34, 0.62, 0.64, 0.5, 0.60, 0.62, 0.52])[found["channel"]]
    engaged = (rng.random(size) < stays) | form
    views = 1 + np.where(engaged, rng.geometric(0.36, size), (rng.random(size) < 0.08).astype(np.int64))
    found["views"] = np.where(form, np.maximum(views, 2), np.minimum(views, 40))
    seconds = np.where(engaged, rng.gamma(1.6, 75.0, size) + 11, rng.exponential(4.0, size))
    found["seconds"] = seconds.astype(np.int64)
    found["engaged_seconds"] = (found["seconds"] * (0.35 + 0.5 * rng.random(size))).astype(np.int64)
    found["engaged"] = engaged
    found["bounced"] = ~engaged
    found["conversions"] = form.astype(np.int64)
    found["device"] = picked(rng, size, list(DEVICES.values()))
    weights = [0.22, 0.11, 0.10, 0.05, 0.07, 0.04, 0.03, 0.05, 0.07, 0.06, 0.06, 0.05, 0.04, 0.03, 0.02]
    found["page"] = picked(rng, size, weights)
    found["session"] = np.arange(size)


def _broken(rng: np.random.Generator, span: Span, found: Frame) -> Frame:
    """The new cookie banner: for some weeks a part of the visits was not seen."""
    p = company.PLANTS
    first = int(span.starts()[p.break_month]) + p.break_day - 1
    day = days(found["at"])
    unseen = (day >= first) & (day < first + p.break_days) & (rng.random(found.size) < p.break_lost)
    return found.take(~unseen)


def break_days(span: Span) -> tuple[int, int]:
    """First and last day of the tracking break."""
    p = company.PLANTS
    first = int(span.starts()[p.break_month]) + p.break_day - 1
    return first, first + p.break_days - 1


# --- actions ---------------------------------------------------------------------------------------------------------
def actions(seed: int, span: Span, found: Frame, leads: Frame, contact_of: Integers, contents: int) -> Frame:
    """Landing pages and forms seen, begun and sent; downloads, webinars, newsletters, trials and log-ins."""
    rng = stream(seed, "actions")
    shown = np.flatnonzero((found["page"] >= 4) & (rng.random(found.size) < 0.32) & (found["lead"] < 0))
    begun = shown[rng.random(len(shown)) < 0.14]
    parts = [
        _action(found, shown, "landing_page", "offered", 20),
        _action(found, begun, "form", "opened", 45),
    ]
    at_form = np.flatnonzero((found["lead"] >= 0) & ~found["after"])
    near = at_form[found["at"][at_form] > leads["created"][found["lead"][at_form]] - 1600]
    near = near[np.unique(found["lead"][near], return_index=True)[1]]
    parts += [
        _action(found, near, "landing_page", "offered", 15),
        _action(found, near, "form", "opened", 40),
        _action(found, near, "form", "completed", 0),
    ]
    parts[-1]["at"] = leads["created"][parts[-1]["lead"]]
    parts[-1]["goal"][:] = True
    some = np.flatnonzero(rng.random(leads.size) < 0.62)
    what = picked(rng, len(some), [0.34, 0.22, 0.18, 0.12, 0.14])
    for i, (kind, step) in enumerate(
        (
            ("download", "completed"),
            ("webinar", "opened"),
            ("newsletter", "completed"),
            ("trial", "opened"),
            ("video", "completed"),
        )
    ):
        mine = some[what == i]
        at = leads["created"][mine] + lag(rng, len(mine), 9.0, 1.0)
        parts.append(_of_people(mine, at, kind, step, rng, contents))
        if kind == "webinar":
            came = rng.random(len(mine)) < 0.44
            parts.append(_of_people(mine[came], at[came] + 5 * DAY, kind, "completed", rng, contents))
        if kind == "trial":
            used = rng.random(len(mine)) < 0.5
            parts.append(_of_people(mine[used], at[used] + DAY, "login", "completed", rng, contents))
    whole = stacked(*parts)
    whole = whole.take(whole["at"] < span.close).sorted("at")
    whole["action"] = np.arange(whole.size)
    person = np.where(whole["lead"] >= 0, contact_of[whole["lead"]], -1)
    whole["contact"] = np.where((whole["lead"] >= 0) & (whole["at"] >= leads["created"][whole["lead"]]), person, -1)
    return whole


KINDS = ("landing_page", "form", "download", "webinar", "newsletter", "trial", "video", "login")
STEPS = ("offered", "opened", "completed")


def _action(found: Frame, rows: Integers, kind: str, step: str, after: int) -> Frame:
    size = len(rows)
    return Frame(
        at=found["at"][rows] + after,
        kind=np.full(size, KINDS.index(kind)),
        step=np.full(size, STEPS.index(step)),
        session=found["session"][rows],
        visitor=found["visitor"][rows],
        lead=found["lead"][rows],
        page=found["page"][rows],
        content=np.full(size, -1),
        campaign=found["campaign"][rows],
        channel=found["channel"][rows],
        device=found["device"][rows],
        country=found["country"][rows],
        goal=np.zeros(size, bool),
    )


def _of_people(lead: Integers, at: Integers, kind: str, step: str, rng: np.random.Generator, contents: int) -> Frame:
    size = len(lead)
    return Frame(
        at=at,
        kind=np.full(size, KINDS.index(kind)),
        step=np.full(size, STEPS.index(step)),
        session=np.full(size, -1),
        visitor=np.full(size, -1),
        lead=lead,
        page=np.full(size, -1),
        content=rng.integers(0, max(contents, 1), size),
        campaign=np.full(size, -1),
        channel=np.full(size, company.PLACE["email"]),
        device=picked(rng, size, list(DEVICES.values())),
        country=np.full(size, -1),
        goal=np.full(size, step == "completed"),
    )


# --- touches ---------------------------------------------------------------------------------------------------------
TOUCH_KINDS = ("visit", "form", "mail", "event", "call")


def touches(
    seed: int,
    span: Span,
    leads: Frame,
    visits: Frame,
    contact_of: Integers,
    roles: Frame,
    deals: Frame,
    contacts: Frame,
    all_: tuple[Campaign, ...],
) -> Frame:
    """What people met before and around their deals: visits, forms, mails, events and calls."""
    rng = stream(seed, "touches")
    seen = np.flatnonzero((visits["lead"] >= 0) & (contact_of[visits["lead"]] >= 0))
    parts = [
        _touch(
            visits["at"][seen],
            0,
            contact_of[visits["lead"][seen]],
            visits["channel"][seen],
            visits["campaign"][seen],
            marketing=True,
        )
    ]
    with_person = np.flatnonzero(contact_of >= 0)
    parts.append(
        _touch(
            leads["created"][with_person],
            1,
            contact_of[with_person],
            leads["channel"][with_person],
            leads["campaign"][with_person],
            marketing=True,
        )
    )
    of, _ = runs(rng.poisson(1.1, roles.size))
    deal, person = roles["opportunity"][of], roles["contact"][of]
    ended = np.where(deals["closed"][deal] == NONE, span.close, deals["closed"][deal])
    at = roles["created"][of] + ((ended - roles["created"][of]) * (rng.random(len(of)) * 1.15 - 0.15)).astype(np.int64)
    at = np.maximum(at, contacts["created"][person])
    kind = 2 + picked(rng, len(of), [0.5, 0.2, 0.3])
    channel = np.where(
        kind == 3, company.PLACE["events"], np.where(kind == 2, company.PLACE["email"], company.PLACE["direct"])
    )
    campaign = of_moment(rng, span, all_, np.where(kind == 4, -1, channel), at)
    parts.append(_touch(at, kind, person, channel, campaign, marketing=kind != 4))
    found = stacked(*parts)
    found = found.take((found["at"] < span.close) & (found["at"] >= span.start * DAY)).sorted("at")
    found["touch"] = np.arange(found.size)
    return found


def _touch(
    at: Integers,
    kind: Integers | int,
    contact: Integers,
    channel: Integers,
    campaign: Integers,
    *,
    marketing: Flags | bool,
) -> Frame:
    size = len(at)
    return Frame(
        at=at,
        kind=np.broadcast_to(np.asarray(kind), (size,)).copy(),
        contact=contact,
        channel=channel,
        campaign=campaign,
        marketing=np.broadcast_to(np.asarray(marketing), (size,)).copy(),
    )
