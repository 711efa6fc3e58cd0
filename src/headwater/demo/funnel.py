"""Leads and their way to sales: where they come from month by month, and how far each of them gets."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import NONE, Flags, Floats, Integers, Span, days, instant, working
from headwater.demo.draw import chosen, clock_times, counts, lag, picked, stream, to_office, weekdays
from headwater.demo.frame import Frame
from headwater.demo.market import months_of, words

INQUIRIES = {"demo": 0.46, "contact": 0.30, "quote": 0.14, "call back": 0.10}
DISQUALIFIED = {
    "No budget": 0.24,
    "No need": 0.28,
    "Not reachable": 0.26,
    "Student or job seeker": 0.12,
    "Competitor": 0.10,
}
FAIRS = (0.5, 0.7, 2.1, 0.8, 1.9, 1.0, 0.3, 0.2, 1.8, 1.3, 1.6, 0.3)
"""Trade fairs by calendar month."""


def paid_search_money(span: Span) -> Floats:
    """What paid search gets each month against the first: growth, then the great push."""
    month = np.arange(span.count)
    base = 1.0 + 0.5 * month / span.count
    p = company.PLANTS
    ramp = np.clip((month - p.saturating_from + 1) / 3, 0.0, 1.0)
    return base * (1 + (p.saturating_spend - 1) * ramp)


def expected(span: Span, size: int) -> Floats:
    """Leads of each month and channel."""
    calendar = months_of(span)
    month = np.arange(span.count)
    found = np.zeros((span.count, len(company.CHANNELS)))
    for i, c in enumerate(company.CHANNELS):
        found[:, i] = c.share * company.demand(calendar) * c.growth ** (month / span.count - 0.5)
    found[:, company.PLACE["events"]] *= np.array([FAIRS[m - 1] for m in calendar])
    push = paid_search_money(span) / (1.0 + 0.5 * month / span.count)
    found[:, company.PLACE["paid_search"]] *= push**company.PLANTS.saturating_power
    scaled: Floats = found / found.sum() * size
    return scaled


def leads(seed: int, span: Span, accounts: Frame, size: int) -> Frame:
    """Every lead with the time of each stage, in order of creation."""
    rng = stream(seed, "leads")
    number = counts(rng, expected(span, size).T).T  # a channel's months one after the other
    month = np.repeat(np.repeat(np.arange(span.count), len(company.CHANNELS)), number.ravel())
    channel = np.repeat(np.tile(np.arange(len(company.CHANNELS)), span.count), number.ravel())
    edges = span.starts()
    day = weekdays(rng, edges[month], edges[month + 1] - edges[month])
    second = clock_times(rng, len(day))
    order = np.lexsort((second, day))
    channel, day, second = channel[order], day[order], second[order]
    created = instant(day, second)
    account = _accounts(rng, accounts, created)
    of = {
        name: np.array([getattr(c, name) for c in company.CHANNELS])[channel]
        for name in ("web", "inquiry", "mql", "sal", "qualified")
    }
    total = len(created)
    fit = np.where(account >= 0, accounts["fit"][account], rng.random(total) < 0.2)
    web = chosen(rng, of["web"])
    inquiry = chosen(rng, of["inquiry"])
    found = Frame(
        lead=np.arange(total),
        created=created,
        channel=channel,
        account=account,
        first=rng.integers(0, len(words("first_names")), total),
        last=rng.integers(0, len(words("last_names")), total),
        web=web,
        inquiry=inquiry,
        inquiry_kind=np.where(inquiry, picked(rng, total, list(INQUIRIES.values())), -1),
        fit=fit,
        product=picked(rng, total, list(company.PRODUCT_SHARE)),
        title=picked(rng, total, [1.0] * len(words("job_titles"))),
        sdr=rng.integers(0, 6, total),
    )
    later = chosen(rng, np.where(inquiry, 0.22, 0.0))
    found["inquired"] = np.where(inquiry, created + np.where(later, lag(rng, total, 9.0, 0.9), 0), NONE)
    found["inquired"] = np.where(found["inquired"] >= span.close, NONE, found["inquired"])
    found["inquiry"] = found["inquired"] != NONE
    found["inquiry_kind"] = np.where(found["inquiry"], found["inquiry_kind"], -1)
    _stages(rng, span, accounts, found, of)
    _answers(rng, span, found)
    return found


def _accounts(rng: np.random.Generator, accounts: Frame, created: Integers) -> Integers:
    """The company of each lead, among those that were open by then, newer ones somewhat more often."""
    there = np.searchsorted(accounts["created"], created - 600, "right")
    place = there - 1 - (np.maximum(there, 1) * rng.random(len(created)) ** 1.25).astype(np.int64)
    unknown = (rng.random(len(created)) < 0.05) | (there == 0)
    found: Integers = np.where(unknown, -1, np.clip(place, 0, None))
    return found


def _stages(rng: np.random.Generator, span: Span, accounts: Frame, found: Frame, of: dict[str, Floats]) -> None:
    """Adds the times of the stages; `NONE` where a lead does not get there, or has not yet."""
    created, inquiry, fit = found["created"], found["inquiry"], found["fit"]
    total = len(created)
    tilt = np.where(inquiry, 1.45, 0.82) * np.where(fit, 1.16, 0.74)
    mql = chosen(rng, of["mql"] * tilt)
    wait = np.where(inquiry, lag(rng, total, 0.35, 0.9), lag(rng, total, 13.0, 0.95))
    base = np.where(inquiry & (found["inquired"] != NONE), found["inquired"], created)
    found["mql"] = _until(span, np.where(mql, base + wait, NONE))
    handed = (found["mql"] != NONE) & chosen(rng, np.full(total, 0.94))
    found["handed"] = _until(
        span, _after(handed, found["mql"], to_office(rng, found["mql"] + lag(rng, total, 0.12, 0.8)))
    )
    sal = (found["handed"] != NONE) & chosen(rng, of["sal"] * np.where(fit, 1.08, 0.84))
    found["sal"] = _until(
        span, _after(sal, found["handed"], to_office(rng, found["handed"] + lag(rng, total, 1.4, 0.9)))
    )
    region = np.where(found["account"] >= 0, accounts["region"][found["account"]], -1)
    drop = (region == [r.name for r in company.REGIONS].index(company.PLANTS.drop_region)) & (
        span.month_of(days(found["sal"])) >= company.PLANTS.drop_month
    )
    odds = of["qualified"] * np.where(fit, 1.1, 0.78) * np.where(drop, company.PLANTS.drop_factor, 1.0)
    qualified = (found["sal"] != NONE) & chosen(rng, odds)
    reached = to_office(rng, found["sal"] + lag(rng, total, 11.0, 0.75))
    found["qualified"] = _until(span, _after(qualified, found["sal"], reached))
    dropped = (found["qualified"] == NONE) & chosen(rng, np.where(found["mql"] != NONE, 0.72, 0.34))
    last = np.maximum.reduce([found["created"], found["mql"], found["handed"], found["sal"]])
    found["disqualified"] = _until(span, np.where(dropped, to_office(rng, last + lag(rng, total, 21.0, 0.9)), NONE))
    found["disqualified_reason"] = np.where(
        found["disqualified"] != NONE, picked(rng, total, list(DISQUALIFIED.values())), -1
    )
    points = np.where(fit, 58, 31) + np.where(inquiry, 14, 0) + rng.normal(0, 9, total)
    found["score_fit"] = np.clip(points, 1, 100).astype(np.int64)
    found["score_engagement"] = np.clip(
        np.where(found["mql"] != NONE, 46, 17) + rng.gamma(2.0, 9.0, total), 0, 150
    ).astype(np.int64)


def _after(reached: Flags, before: Integers, at: Integers) -> Integers:
    """The time of a step where it is reached, never before the step before."""
    found: Integers = np.where(reached, np.maximum(at, before + 60), NONE)
    return found


def _until(span: Span, seconds: Integers) -> Integers:
    """Only what has happened by the end of the story."""
    found: Integers = np.where(seconds >= span.close, NONE, seconds)
    return found


def _answers(rng: np.random.Generator, span: Span, found: Frame) -> None:
    """Adds the first answer of a human to each inquiry: a few at once, most within hours, some never."""
    total = found.size
    asked = found["inquired"]
    at_once = rng.random(total) < 0.12
    wait = np.where(at_once, rng.integers(70, 290, total), lag(rng, total, 0.16, 1.25))
    at = np.where(at_once, asked + wait, to_office(rng, np.where(asked == NONE, 0, asked) + wait))
    answered = (asked != NONE) & chosen(rng, np.full(total, 0.92))
    found["answered"] = _until(span, np.where(answered, at, NONE))
    spent = working(np.where(answered, at, 0)) - working(np.where(answered, asked, 0))
    found["answered_seconds"] = np.where(found["answered"] != NONE, np.maximum(spent, 0), NONE)
