"""Customers after the win: subscriptions that grow, shrink and end, invoices, and what customers say when asked."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import DAY, NONE, Integers, Span, days, instant
from headwater.demo.draw import chosen, lag, picked, stream
from headwater.demo.frame import Frame

MOVES = ("new", "expansion", "contraction", "churn", "reactivation")
FIRST, MORE, LESS, END, BACK = range(5)


def movements(seed: int, span: Span, accounts: Frame, deals: Frame) -> Frame:
    """Every change of a company's monthly revenue, in cents of its currency, in order of time."""
    rng = stream(seed, "movements")
    bought = deals.take(deals["won"])
    begin = instant(
        days(bought["closed"]) + 9 + (lag(rng, bought.size, 12.0, 0.5) // DAY), np.full(bought.size, 3600 * 8)
    )
    parts = [
        Frame(
            account=bought["account"],
            at=begin,
            deal=bought["opportunity"],
            amount=np.round(bought["annual"] / 12).astype(np.int64),
            what=np.zeros(bought.size, np.int64),
            share=np.zeros(bought.size),
        )
    ]
    order = np.lexsort((begin, bought["account"]))
    account, at = bought["account"][order], begin[order]
    lead = np.flatnonzero(np.diff(account, prepend=-1) != 0)
    account, since = account[lead], at[lead]
    segment = accounts["segment"][account]
    stays = np.array([0.875, 0.915, 0.95])[segment]
    gone = np.zeros(len(account), bool)
    for year in range(1, 7):
        when = since + year * 365 * DAY + rng.integers(-20, 5, len(account)) * DAY
        leaves = ~gone & (rng.random(len(account)) > stays)
        shrinks = ~gone & ~leaves & (rng.random(len(account)) < 0.06)
        returns = leaves & (rng.random(len(account)) < 0.07)
        for mask, what in ((leaves, END), (shrinks, LESS)):
            parts.append(_moves(account[mask], when[mask], what, 0.15 + 0.3 * rng.random(int(mask.sum()))))
        back = when[returns] + lag(rng, int(returns.sum()), 190.0, 0.4)
        parts.append(_moves(account[returns], back, BACK, 0.6 + 0.3 * rng.random(int(returns.sum()))))
        gone |= leaves
    for half in range(1, 12):
        when = since + half * 182 * DAY + rng.integers(20, 160, len(account)) * DAY
        grows = rng.random(len(account)) < np.array([0.07, 0.11, 0.15])[segment]
        parts.append(_moves(account[grows], when[grows], MORE, 0.04 + 0.16 * rng.random(int(grows.sum()))))
    found = Frame({n: np.concatenate([p[n] for p in parts]) for n in parts[0]})
    found = found.take(found["at"] < span.close).sorted("account", "at")
    return _running(accounts, found, rng)


def _moves(account: Integers, at: Integers, what: int, share: np.ndarray) -> Frame:
    size = len(account)
    return Frame(
        account=account,
        at=at,
        deal=np.full(size, -1),
        amount=np.zeros(size, np.int64),
        what=np.full(size, what),
        share=share,
    )


def _running(accounts: Frame, found: Frame, rng: np.random.Generator) -> Frame:
    """Judges each change by what the company pays then: nobody leaves twice, nobody grows who is not there."""
    change, kind = [], []
    paying, highest, before = 0, 0, -1
    rows = zip(*(found[n].tolist() for n in ("account", "what", "deal", "amount", "share")), strict=True)
    for account, what, deal, amount, share in rows:
        if account != before:
            paying, highest, before = 0, 0, account
        if deal >= 0:
            moved, told = amount, (MORE if paying else (BACK if highest else FIRST))
        elif what == BACK:
            moved, told = (0, what) if paying else (round(highest * share), what)
        elif what == END:
            moved, told = -paying, what
        elif what == LESS:
            moved, told = -min(round(paying * share), paying - 100) if paying > 100 else 0, what
        else:
            moved, told = round(paying * share), what
        paying += moved
        highest = max(highest, paying)
        change.append(moved)
        kind.append(told)
    found["change"] = np.array(change, np.int64)
    found["kind"] = np.array(kind, np.int64)
    found = found.take(found["change"] != 0)
    size = found.size
    reason = picked(rng, size, list(company.CHURN_REASONS.values()))
    found["reason"] = np.where(np.isin(found["kind"], (LESS, END)), reason, -1)
    found["seats"] = np.round(
        found["change"] / np.array([2600, 3200, 4100])[accounts["segment"][found["account"]]]
    ).astype(np.int64)
    return found.sorted("at", "account")


def monthly(span: Span, accounts: Frame, found: Frame) -> Integers:
    """What each company pays for each month, by what it pays at its end: one row a company, one column a month."""
    month = np.clip(span.month_of(days(found["at"])), 0, None)
    table = np.zeros((accounts.size, span.count), np.int64)
    np.add.at(table, (found["account"], month), found["change"])
    return np.cumsum(table, axis=1)


def origin_of(deals: Frame, accounts: int) -> Frame:
    """Of each company the product and channel of its first win; -1 where there is none."""
    won = deals.take(deals["won"]).sorted("account", "closed")
    product, channel = np.full(accounts, -1), np.full(accounts, -1)
    product[won["account"][::-1]] = won["product"][::-1]
    channel[won["account"][::-1]] = won["channel"][::-1]
    return Frame(product=product, channel=channel)


def orders(seed: int, span: Span, accounts: Frame, deals: Frame, paid: Integers) -> Frame:
    """Lines of invoices: subscriptions a year or a quarter ahead, and services after a win."""
    rng = stream(seed, "orders")
    first = origin_of(deals, accounts.size)
    active = paid > 0
    begun = np.where(active.any(axis=1), active.argmax(axis=1), span.count)
    step = np.where(accounts["segment"] == 0, 3, 12)
    offset = np.where(begun == 0, np.arange(accounts.size) % step, begun)
    month = np.arange(span.count)[None, :]
    due = active & ((month - offset[:, None]) % step[:, None] == 0) & (month >= begun[:, None])
    account, of = np.nonzero(due)
    edges = span.starts()
    day = edges[of] + rng.integers(1, 6, len(account))
    amount = paid[account, of] * step[account]
    lines = Frame(
        account=account,
        day=day,
        line=np.ones(len(account), np.int64),
        amount=amount,
        goods=np.round(amount * (0.13 + 0.05 * rng.random(len(account)))).astype(np.int64),
        product=first["product"][account],
        service=np.zeros(len(account), bool),
        deal=np.full(len(account), -1),
    )
    sold = deals.take(deals["won"] & (deals["services"] > 0) & (deals["closed"] >= span.start * DAY))
    after = days(sold["closed"]) + 20 + (lag(rng, sold.size, 24.0, 0.5) // DAY)
    services = Frame(
        account=sold["account"],
        day=after,
        line=np.ones(sold.size, np.int64),
        amount=sold["services"],
        goods=np.round(sold["services"] * (0.52 + 0.16 * rng.random(sold.size))).astype(np.int64),
        product=sold["product"],
        service=np.ones(sold.size, bool),
        deal=sold["opportunity"],
    )
    found = Frame({n: np.concatenate([lines[n], services[n]]) for n in lines})
    found = found.take(found["day"] < span.end).sorted("day", "account")
    found["order"] = np.arange(found.size)
    split = (found["amount"] > 4_000_000) & ~found["service"]  # large ones list the support apart
    extra = found.take(split)
    share = np.round(extra["amount"] * 0.18).astype(np.int64)
    cost = np.round(extra["goods"] * 0.18).astype(np.int64)
    found["amount"] = found["amount"].copy()
    found["goods"] = found["goods"].copy()
    found["amount"][split] -= share
    found["goods"][split] -= cost
    extra["amount"], extra["goods"], extra["line"] = share, cost, extra["line"] + 1
    whole = Frame({n: np.concatenate([found[n], extra[n]]) for n in found}).sorted("order", "line")
    return whole


def surveys(seed: int, span: Span, accounts: Frame, contacts: Frame, paid: Integers) -> Frame:
    """Invitations and answers: recommendation twice a year, satisfaction every month with some customers."""
    rng = stream(seed, "surveys")
    edges = span.starts()
    parts = []
    for month in range(span.count):
        nps = month % 6 == 4
        paying = paid[contacts["account"], month] > 0
        able = np.flatnonzero(paying & (contacts["created"] < edges[month] * DAY))
        share = 0.42 if nps else 0.05
        asked = able[chosen(rng, np.full(len(able), share))]
        size = len(asked)
        invited = instant(edges[month] + 6 + rng.integers(0, 3, size), rng.integers(9 * 3600, 11 * 3600, size))
        answers = chosen(rng, np.full(size, 0.27 if nps else 0.34))
        at = invited + lag(rng, size, 1.2, 1.1)
        mood = np.array([0.1, 0.0, -0.15])[accounts["segment"][contacts["account"][asked]]] + 0.25 * month / span.count
        raw = rng.normal(8.0 + mood, 1.7, size) if nps else rng.normal(4.15 + 0.3 * mood, 0.85, size)
        score = np.clip(np.round(raw), 0, 10) if nps else np.clip(np.round(raw), 1, 5)
        parts.append(
            Frame(
                contact=asked,
                invited=invited,
                answered=np.where(answers & (at < span.close), at, NONE),
                score=score.astype(np.int64),
                nps=np.full(size, nps),
                month=np.full(size, month),
                delivered=rng.random(size) > 0.015,
            )
        )
    found = Frame({n: np.concatenate([p[n] for p in parts]) for n in parts[0]})
    found["answered"] = np.where(found["delivered"], found["answered"], NONE)
    found["score"] = np.where(found["answered"] != NONE, found["score"], NONE)
    return found
