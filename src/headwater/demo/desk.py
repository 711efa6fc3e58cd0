"""Where the exports are written, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headwater.demo import cells, company, market
from headwater.demo.cells import Texts
from headwater.demo.clock import Integers
from headwater.demo.draw import stream
from headwater.demo.world import World

COUNTRY_NAMES = {
    "DE": "Germany",
    "AT": "Austria",
    "CH": "Switzerland",
    "NL": "Netherlands",
    "BE": "Belgium",
    "LU": "Luxembourg",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "SE": "Sweden",
    "DK": "Denmark",
    "NO": "Norway",
    "FI": "Finland",
    "US": "United States",
    "CA": "Canada",
}


MEDIUMS = ("cpc", "paid-social", "organic", "email", "event", "referral", "partner", "(none)")


WEB_SOURCES = ("google", "linkedin", "google", "dispatch", "event", "referrer", "partner", "(direct)")


DUPLICATE = 900_000
"""Ids of records that were entered twice begin here."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that no program can bring back: it was written broken."""

    table: str
    file: str
    key: str
    row: int
    reason: str


@dataclass(slots=True)
class Desk:
    """Where the exports are written, and what was lost in writing."""

    folder: Path
    world: World
    lost: list[Lost] = field(default_factory=list)

    def rng(self, *what: str) -> np.random.Generator:
        """Chance for the dirt of one export."""
        return stream(self.world.seed, "dirt", *what)


def account_ids(world: World, account: Integers) -> Texts:
    """Ids of companies as the CRM has them."""
    return cells.ids("A-", account)


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a part of the span: its name, first day, day after the last, and whether it is one month alone."""

    name: str
    start: int
    end: int
    monthly: bool


def chunks(world: World, monthly: int) -> Iterator[Part]:
    """The span as files: calendar years first (a few months at the begin or the end go with their neighbours), the
    last months each on its own."""
    months = list(world.span.months())
    edges = world.span.starts().tolist()
    whole = world.span.count - monthly
    begin = 0
    for i in range(whole):
        last = i + 1 == whole
        if not last and (months[i + 1].year == months[i].year or i + 1 - begin < 4 or whole - i - 1 < 4):
            continue
        years = dict.fromkeys((months[begin].year, months[i].year))
        yield Part("_".join(map(str, years)), edges[begin], edges[i + 1], False)
        begin = i + 1
    for i in range(whole, world.span.count):
        yield Part(f"{months[i]:%Y-%m}", edges[i], edges[i + 1], True)


def entered_twice(desk: Desk) -> Integers:
    """Companies that somebody entered a second time."""
    world = desk.world
    number = max(2, world.accounts.size // 120)
    return np.sort(desk.rng("twice").choice(world.accounts.size, number, replace=False))


def owners(region: Integers, owner: Integers) -> Texts:
    """The names of those in sales who own records."""
    names = [n for r in company.REGIONS for n in market.SALES[r.name]]
    return cells.coded(np.where(owner >= 0, region * 3 + owner, -1), names)


def account_seen(desk: Desk, account: Integers, what: str) -> Texts:
    """Ids of companies on other records: some still name the one that was entered twice."""
    twice = np.zeros(desk.world.accounts.size + 1, bool)
    twice[entered_twice(desk)] = True
    other = twice[account] & (account >= 0) & (desk.rng("seen", what).random(len(account)) < 0.4)
    return account_ids(desk.world, np.where(other, DUPLICATE + account, account))
