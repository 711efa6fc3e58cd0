"""Opportunities, new ones and extensions: how they were born, how long they took, what they were worth at each step."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import DAY, NONE, Floats, Integers, Span, days, instant
from headwater.demo.draw import chosen, counts, each, lag, office_times, picked, stream, to_office, weekdays
from headwater.demo.frame import Frame, runs, stacked, starts
from headwater.demo.market import months_of

STAGES = ("Discovery", "Qualified", "Solution", "Proposal", "Negotiation", "Won", "Lost")
PROBABILITY = (10, 20, 40, 60, 80, 100, 0)
"""Of winning in each stage, in percent."""
PLACES = (0.0, 0.16, 0.36, 0.56, 0.80)
"""When a deal enters each stage, as a share of its cycle."""
NEW, UPSELL, RENEWAL = 0, 1, 2
MARKETING, SALES, PARTNER, CUSTOMER = 0, 1, 2, 3
ORIGINS = ("marketing", "sales", "partner", "customer")


def opportunities(seed: int, span: Span, accounts: Frame, leads: Frame) -> Frame:
    """Every opportunity in order of creation, with its steps (`step0` to `step4`), amounts in cents and outcome."""
    new = stacked(
        _earlier(seed, span, accounts),
        _underway(seed, span, accounts),
        _from_leads(seed, leads),
        _from_sales(seed, span, accounts),
    )
    new = _decided(stream(seed, "new deals"), span, accounts, new.sorted("created"), upsell=False)
    new = _cleaned(stream(seed, "clean-up"), span, new)
    more = _decided(stream(seed, "upsells"), span, accounts, _extensions(seed, span, accounts, new), upsell=True)
    found = stacked(new, more).sorted("created")
    known = _first_wins(found, accounts.size)
    customer = known[found["account"]]
    found["kind"] = np.where((customer != NONE) & (customer < found["created"]), UPSELL, NEW)
    found["opportunity"] = np.arange(found.size)
    return found


def _first_wins(deals: Frame, accounts: int) -> Integers:
    """When each company first bought; `NONE` where it has not."""
    won = deals.take(deals["won"]).sorted("account", "closed")
    first, have = starts(won["account"], accounts)
    found: Integers = np.where(
        have > 0, won["closed"][np.minimum(first, max(won.size - 1, 0))] if won.size else NONE, NONE
    )
    return found


# --- where deals come from -------------------------------------------------------------------------------------------
def _earlier(seed: int, span: Span, accounts: Frame) -> Frame:
    """The customers that were there when the story begins; their deals came over from an older CRM."""
    rng = stream(seed, "earlier deals")
    old = np.flatnonzero(accounts["created"] < (span.start - 330) * DAY)
    number = min(len(old), max(6, round(accounts.size * 0.075)))
    account = np.sort(rng.choice(old, number, replace=False))
    closed = (span.start - 15) * DAY - (rng.random(number) ** 1.2 * 640 * DAY).astype(np.int64)
    created = np.maximum(closed - lag(rng, number, 140.0, 0.35), accounts["created"][account] + DAY)
    closed = np.maximum(closed, created + 50 * DAY)
    found = _born(account, created, picked(rng, number, [c.share * c.win for c in company.CHANNELS]))
    found["closed"] = to_office(rng, closed)
    found["old"] = np.ones(number, bool)
    found["origin"] = np.where(rng.random(number) < 0.45, SALES, MARKETING)
    return found


def _underway(seed: int, span: Span, accounts: Frame) -> Frame:
    """Deals that were being talked about when the story begins; those decided before it are not told."""
    rng = stream(seed, "deals underway")
    old = np.flatnonzero(accounts["created"] < (span.start - 320) * DAY)
    number = min(len(old), max(8, round(accounts.size * 0.11)))
    account = np.sort(rng.choice(old, number, replace=False))
    created = instant(span.start - 1 - (rng.random(number) * 300).astype(np.int64), office_times(rng, number))
    found = _born(account, to_office(rng, created), picked(rng, number, [c.share * c.mql for c in company.CHANNELS]))
    found["origin"] = np.where(rng.random(number) < 0.3, SALES, MARKETING)
    return found.take(found["created"] < span.start * DAY)


def _born(account: Integers, created: Integers, channel: Integers) -> Frame:
    size = len(account)
    return Frame(
        account=account,
        created=created,
        channel=channel,
        lead=np.full(size, -1),
        origin=np.full(size, MARKETING),
        closed=np.full(size, NONE),
        old=np.zeros(size, bool),
        product=np.full(size, -1),
    )


def _from_leads(seed: int, leads: Frame) -> Frame:
    rng = stream(seed, "deals of leads")
    able = np.flatnonzero((leads["qualified"] != NONE) & (leads["account"] >= 0))
    able = able[np.argsort(leads["qualified"][able], kind="stable")]
    odds = np.array([c.opportunity for c in company.CHANNELS])[leads["channel"][able]]
    taken = able[chosen(rng, odds)]
    created = to_office(rng, leads["qualified"][taken] + lag(rng, len(taken), 6.0, 0.9))
    found = _born(leads["account"][taken], created, leads["channel"][taken])
    found["lead"] = taken
    found["product"] = leads["product"][taken]
    found["origin"] = np.where(found["channel"] == company.PLACE["partners"], PARTNER, MARKETING)
    return found


def _from_sales(seed: int, span: Span, accounts: Frame) -> Frame:
    """Deals that sales found alone: the team grows, and the market is the same for all."""
    rng = stream(seed, "deals of sales")
    month = np.arange(span.count)
    season = np.array(company.SEASON)[np.array(months_of(span)) - 1]
    wave = np.resize(company.SHOCKS, span.count)
    number = counts(rng, accounts.size / 2500 * (7.0 + 5.0 * month / span.count) * season * wave)
    of, _ = runs(number)
    edges = span.starts()
    day = weekdays(rng, edges[of], edges[of + 1] - edges[of], quiet=0.0)
    created = instant(day, office_times(rng, len(day)))
    there = np.searchsorted(accounts["created"], created - DAY, "right")
    account = (there * rng.random(len(created))).astype(np.int64)
    found = _born(account, created, np.full(len(created), company.PLACE["direct"]))
    found["origin"] = np.full(len(created), SALES)
    return found.take(there > 0)


def _extensions(seed: int, span: Span, accounts: Frame, deals: Frame) -> Frame:
    """More for companies that have bought: the first talk about a year later."""
    rng = stream(seed, "extensions")
    first = _first_wins(deals, accounts.size)
    buyers = np.flatnonzero(first != NONE)
    of, number = runs(rng.poisson(1.5, len(buyers)))
    account = buyers[of]
    created = to_office(rng, first[account] + (number + 1) * lag(rng, len(of), 310.0, 0.45))
    keep = created >= span.start * DAY
    found = _born(account[keep], created[keep], np.full(int(keep.sum()), company.PLACE["direct"]))
    weights = [0.1, 0.04, 0.1, 0.34, 0.12, 0.06, 0.04, 0.2]
    found["channel"] = picked(rng, found.size, weights)
    found["origin"] = np.array([MARKETING, SALES, CUSTOMER])[picked(rng, found.size, [0.25, 0.40, 0.35])]
    return found.sorted("created")


# --- what becomes of them --------------------------------------------------------------------------------------------
def _decided(rng: np.random.Generator, span: Span, accounts: Frame, deals: Frame, *, upsell: bool) -> Frame:
    """The deals that were open in the story, with outcome, steps and amounts."""
    deals = deals.take(deals["created"] < span.close - 3600)
    p = company.PLANTS
    size = deals.size
    segment, region = accounts["segment"][deals["account"]], accounts["region"][deals["account"]]
    month = span.month_of(days(deals["created"]))
    dear = (month >= p.price_month) & (month < p.price_month + p.price_win_months)
    odds = np.full(size, company.UPSELL_WIN_RATE if upsell else company.WIN_RATE)
    if not upsell:
        odds *= np.array([c.win for c in company.CHANNELS])[deals["channel"]]
        odds *= np.where(accounts["fit"][deals["account"]], 1.14, 0.72)
        odds *= np.where(dear, p.price_win_factor, 1.0)
    odds *= np.array([s.win for s in company.SEGMENTS])[segment]
    order = np.lexsort((segment, month))
    wins = np.zeros(size, bool)
    wins[order] = chosen(rng, odds[order])  # of each month and segment as many as its odds say
    wins |= deals["old"]
    base = np.array([s.cycle for s in company.SEGMENTS])[segment] * (0.55 if upsell else 1.0)
    shape = lag(rng, size, 1.0, 0.22)
    shape[wins] = lag(rng, int(wins.sum()), 1.0, 0.22)
    stalled = ~wins & (rng.random(size) < (0.05 if upsell else 0.15))
    cycle = (shape * base * np.where(wins, 1.0, np.where(stalled, 3.4, 0.78))).astype(np.int64)
    cycle = np.where(~wins & ~stalled, (cycle * np.exp(rng.normal(0, 0.35, size))).astype(np.int64), cycle)
    closed = np.where(deals["old"], deals["closed"], to_office(rng, deals["created"] + np.maximum(cycle, 4 * DAY)))
    cycle = np.where(deals["old"], closed - deals["created"], (shape * base).astype(np.int64))
    reach = np.where(wins, 4, picked(rng, size, [0.30, 0.26, 0.20, 0.15, 0.09]))
    found = Frame(deals)
    _steps(rng, found, closed, cycle, reach)
    over = closed < span.close
    found["won"] = wins & over
    found["lost"] = ~wins & over
    found["closed"] = np.where(over, closed, NONE)
    found["stalled"] = stalled
    for i in range(1, 5):
        found[f"step{i}"] = np.where(found[f"step{i}"] < span.close, found[f"step{i}"], NONE)
    told = deals["old"] | (found["closed"] == NONE) | (found["closed"] >= (span.start + 1) * DAY)
    _amounts(rng, span, accounts, found, segment, month, upsell=upsell)
    product = picked(rng, size, list(company.PRODUCT_SHARE if not upsell else (0.25, 0.4, 0.35)))
    found["product"] = np.where(found["product"] >= 0, found["product"], product)
    reason = picked(rng, size, list(company.LOSS_REASONS.values()))
    reason = np.where(stalled, list(company.LOSS_REASONS).index("No decision"), reason)
    found["reason"] = np.where(found["lost"], reason, -1)
    rival = found["reason"] == list(company.LOSS_REASONS).index("Competitor")
    found["competitor"] = np.where(rival, rng.integers(0, len(company.COMPETITORS), size), -1)
    found["region"] = region
    found["owner"] = accounts["owner"][deals["account"]] % 3
    found["sdr"] = np.where(deals["origin"] == CUSTOMER, -1, rng.integers(0, 6, size))
    found["expected"] = days(deals["created"]) + np.round(base * np.exp(rng.normal(0, 0.12, size))).astype(np.int64)
    found["cleaned"] = np.zeros(size, bool)
    return found.take(told)


def _steps(rng: np.random.Generator, found: Frame, closed: Integers, cycle: Integers, reach: Integers) -> None:
    """Adds when each stage was entered: later ones after earlier ones, all before the close."""
    found["step0"] = found["created"]
    before = found["created"]
    size = len(before)
    for i in range(1, 5):
        at = to_office(rng, found["created"] + (cycle * PLACES[i] * (0.8 + 0.4 * rng.random(size))).astype(np.int64))
        at = np.maximum(at, before + 1800)
        entered = (reach >= i) & (at < closed - 1800) & (before != NONE)
        entered &= found[f"step{i - 1}"] != NONE
        found[f"step{i}"] = np.where(entered, at, NONE)
        before = np.where(entered, at, before)


def _amounts(
    rng: np.random.Generator,
    span: Span,
    accounts: Frame,
    found: Frame,
    segment: Integers,
    month: Integers,
    *,
    upsell: bool,
) -> None:
    """Adds a year's price, the term, the services, and the amount at each step, in cents of the company's currency."""
    size = found.size
    p = company.PLANTS
    annual = np.array([s.annual for s in company.SEGMENTS], float)[segment] * (0.36 if upsell else 1.0)
    level = lag(rng, size, 1.0, 0.32) / 86_400
    level[found["won"]] = lag(rng, int(found["won"].sum()), 1.0, 0.32) / 86_400
    annual *= level * np.where(month >= p.price_month, p.price_factor, 1.0)
    annual *= 1.045 ** (month / 12)
    factor = np.array(company.LIST_FACTOR)[accounts["currency"][found["account"]]]
    found["annual"] = _rounded(annual * factor)
    weights = np.array([[0.76, 0.18, 0.06], [0.66, 0.20, 0.14], [0.52, 0.24, 0.24]])
    found["term"] = np.ones(size, np.int64) if upsell else 1 + each(rng, weights[segment])
    share = np.zeros(size) if upsell else 0.08 + 0.14 * rng.random(size)
    found["services"] = _rounded(annual * factor * share)
    final = found["annual"] * found["term"] + found["services"]
    opening = np.exp(rng.normal(0.04, 0.14, size))
    quoted = np.exp(rng.normal(0.03, 0.05, size))
    found["amount0"] = _rounded(final / 100 * opening)
    for i in (1, 2):
        found[f"amount{i}"] = found["amount0"]
    found["amount3"] = np.maximum(_rounded(final / 100 * quoted), 50_000)
    found["amount4"] = final
    found["final"] = final


def _rounded(euros: Floats) -> Integers:
    """A price as price lists have it: whole tens, in cents."""
    found: Integers = np.maximum(np.round(euros / 10).astype(np.int64), 10) * 1000
    return found


def _cleaned(rng: np.random.Generator, span: Span, deals: Frame) -> Frame:
    """The clean-up: on one evening most of the deals that had stood open for long were marked as lost, all at once."""
    p = company.PLANTS
    at = bulk_instant(span)
    open_then = (deals["created"] < at) & ((deals["closed"] == NONE) | (deals["closed"] > at))
    found = open_then & ~deals["won"] & deals["stalled"] & (at - deals["created"] > p.bulk_age_days * DAY)
    found &= chosen(rng, np.where(found, p.bulk_share, 0.0))
    deals["closed"] = np.where(found, at, deals["closed"])
    deals["lost"] = deals["lost"] | found
    deals["cleaned"] = found
    deals["reason"] = np.where(found, len(company.LOSS_REASONS), deals["reason"])
    deals["competitor"] = np.where(found, -1, deals["competitor"])
    for i in range(1, 5):
        deals[f"step{i}"] = np.where(found & (deals[f"step{i}"] >= at), NONE, deals[f"step{i}"])
    return deals


def bulk_instant(span: Span) -> int:
    """The second of the clean-up."""
    p = company.PLANTS
    day = int(span.starts()[min(p.bulk_month, span.count - 1)]) + p.bulk_day - 1
    return int(instant(np.array([day]), np.array([19 * 3600 + 12 * 60 + 7]))[0])


# --- what is told of them --------------------------------------------------------------------------------------------
def states(deals: Frame) -> Frame:
    """Every state of every deal: one row per change, with stage, amount and the time of the change."""
    parts = []
    for i in range(5):
        rows = np.flatnonzero(deals[f"step{i}"] != NONE)
        parts.append(
            Frame(
                opportunity=rows,
                stage=np.full(len(rows), i),
                at=deals[f"step{i}"][rows],
                amount=deals[f"amount{i}"][rows],
                over=np.zeros(len(rows), bool),
            )
        )
    rows = np.flatnonzero(deals["closed"] != NONE)
    won = deals["won"][rows]
    last = np.where(won, deals["final"][rows], _last_amount(deals)[rows])
    parts.append(
        Frame(
            opportunity=rows,
            stage=np.where(won, 5, 6),
            at=deals["closed"][rows],
            amount=last,
            over=np.ones(len(rows), bool),
        )
    )
    return stacked(*parts).sorted("opportunity", "at")


def _last_amount(deals: Frame) -> Integers:
    amount = deals["amount0"]
    for i in range(1, 5):
        amount = np.where(deals[f"step{i}"] != NONE, deals[f"amount{i}"], amount)
    return amount


def quotes(seed: int, span: Span, deals: Frame) -> Frame:
    """Offers: one when a deal reaches the proposal, for some a second one in the negotiation."""
    rng = stream(seed, "quotes")
    first = np.flatnonzero(deals["step3"] != NONE)
    again = np.flatnonzero((deals["step4"] != NONE) & (rng.random(deals.size) < 0.45))
    found = Frame(
        opportunity=np.concatenate([first, again]),
        revision=np.concatenate([np.ones(len(first), np.int64), np.full(len(again), 2)]),
        issued=np.concatenate([deals["step3"][first] + 1200, deals["step4"][again] + 900]),
        amount=np.concatenate([deals["amount3"][first], deals["amount4"][again]]),
    ).sorted("opportunity", "revision")
    revised = np.zeros(deals.size, bool)
    revised[again] = True
    of = found["opportunity"]
    last = np.where(revised[of], found["revision"] == 2, True)
    found["accepted"] = np.where(deals["won"][of] & last, deals["closed"][of], NONE)
    found["last"] = last
    found["valid"] = days(found["issued"]) + 30
    return found.take(found["issued"] < span.close)
