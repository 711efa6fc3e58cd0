"""The whole company from a seed: every part in the order in which one needs the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from headwater.demo import company, customers, deals, finance, funnel, market, marketing, outreach, web
from headwater.demo.clock import Integers, Span, days
from headwater.demo.draw import stream
from headwater.demo.frame import Frame
from headwater.demo.marketing import Campaign

ACCOUNTS, CONTACTS, LEADS, SESSIONS, MESSAGES, INTERACTIONS = 2_500, 20_000, 14_000, 340_000, 125_000, 16_000


@dataclass(frozen=True, slots=True)
class World:
    """What happened. Times are seconds of UTC, days are numbers, money is in cents, -1 and `NONE` are nothing."""

    seed: int
    scale: float
    span: Span
    campaigns: tuple[Campaign, ...]
    accounts: Frame
    contacts: Frame
    leads: Frame
    deals: Frame
    states: Frame
    quotes: Frame
    roles: Frame
    activities: Frame
    movements: Frame
    paid: Integers
    orders: Frame
    surveys: Frame
    sessions: Frame
    actions: Frame
    touches: Frame
    ads: Frame
    mails: Frame
    social: Frame
    interactions: Frame
    search: Frame
    links: Frame
    contents: Frame
    costs: Frame
    ledger: Frame
    rates: Frame


def world(seed: int, scale: float, until: date, months: int = 36) -> World:
    """The company of a seed, at a scale, with its months up to a day."""
    span = Span.ending(until, months)
    all_ = marketing.campaigns(span)

    def some(number: int, least: int) -> int:
        return max(least, round(number * scale))

    accounts = market.accounts(seed, span, some(ACCOUNTS, 40))
    leads = funnel.leads(seed, span, accounts, some(LEADS, 200))
    leads["campaign"] = marketing.of_moment(
        stream(seed, "lead campaigns"), span, all_, leads["channel"], leads["created"]
    )
    found = deals.opportunities(seed, span, accounts, leads)
    leads["deal"] = _deal_of(leads, found)
    contacts = market.contacts(seed, span, accounts, leads, found, some(CONTACTS, 320))
    contact_of = np.full(leads.size, -1)
    known = contacts["lead"] >= 0
    contact_of[contacts["lead"][known]] = contacts["contact"][known]
    leads["contact"] = contact_of
    states = deals.states(found)
    roles = market.roles(seed, span, found, contacts, accounts)
    moved = customers.movements(seed, span, accounts, found)
    paid = customers.monthly(span, accounts, moved)
    leads["referrer"] = _referrers(seed, span, leads, paid)
    first = customers.origin_of(found, accounts.size)
    orders = customers.orders(seed, span, accounts, found, paid)
    sessions = web.sessions(seed, span, leads, accounts, all_, some(SESSIONS, 2_000))
    leads["visitor"], leads["page"] = _last_visit(leads, sessions)
    contents = outreach.contents(seed, span)
    actions = web.actions(seed, span, sessions, leads, contact_of, contents.size)
    touches = web.touches(seed, span, leads, sessions, contact_of, roles, found, contacts, all_)
    ads = marketing.ad_days(seed, span, all_, scale)
    costs = finance.costs(seed, span, scale, all_, ads, paid, accounts)
    published = finance.rates(seed, span)
    table = finance.rate_table(span, published)
    return World(
        seed=seed,
        scale=scale,
        span=span,
        campaigns=all_,
        accounts=accounts,
        contacts=contacts,
        leads=leads,
        deals=found,
        states=states,
        quotes=deals.quotes(seed, span, found),
        roles=roles,
        activities=outreach.activities(seed, span, leads, found, contact_of),
        movements=moved,
        paid=paid,
        orders=orders,
        surveys=customers.surveys(seed, span, accounts, contacts, paid),
        sessions=sessions,
        actions=actions,
        touches=touches,
        ads=ads,
        mails=outreach.mail_events(seed, span, contacts, all_, some(MESSAGES, 800)),
        social=outreach.social_days(seed, span),
        interactions=outreach.social_interactions(seed, span, contacts, some(INTERACTIONS, 300)),
        search=outreach.search_days(seed, span, scale),
        links=outreach.links(seed, span, scale),
        contents=contents,
        costs=costs,
        ledger=finance.ledger(seed, span, scale, accounts, paid, orders, costs, table, first["product"]),
        rates=published,
    )


def _deal_of(leads: Frame, found: Frame) -> Integers:
    deal = np.full(leads.size, -1)
    born = found["lead"] >= 0
    deal[found["lead"][born]] = found["opportunity"][born]
    return deal


def _referrers(seed: int, span: Span, leads: Frame, paid: Integers) -> Integers:
    """The customer who recommended us, for the leads of that channel."""
    rng = stream(seed, "referrers")
    found = np.full(leads.size, -1)
    recommended = (leads["channel"] == company.PLACE["referral"]) & (rng.random(leads.size) < 0.9)
    month = np.clip(span.month_of(days(leads["created"])) - 1, 0, None)
    for number in range(span.count):
        rows = np.flatnonzero(recommended & (month == number))
        paying = np.flatnonzero(paid[:, number] > 0)
        if len(paying):
            found[rows] = paying[rng.integers(0, len(paying), len(rows))]
    return found


def _last_visit(leads: Frame, sessions: Frame) -> tuple[Integers, Integers]:
    """Cookie and page of each lead from the web; -1 where no visit was seen."""
    visitor, page = np.full(leads.size, -1), np.full(leads.size, -1)
    rows = np.flatnonzero((sessions["lead"] >= 0) & ~sessions["after"])
    visitor[sessions["lead"][rows]] = sessions["visitor"][rows]
    page[sessions["lead"][rows]] = sessions["page"][rows]
    return visitor, page
