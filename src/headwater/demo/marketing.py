"""Campaigns in their programs, and what the ad platforms counted for them day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.demo import company
from headwater.demo.clock import Integers, Span, days
from headwater.demo.draw import each, stream
from headwater.demo.frame import Frame
from headwater.demo.funnel import paid_search_money
from headwater.demo.market import MARKETERS, months_of

IDLE = "CIO Weekly sponsorship"
GOOD = "LinkedIn | DACH operations leaders"
"""Of the campaigns for leads in the idle one's channel the one that brings most."""
PLATFORMS = ("google_ads", "microsoft_ads", "linkedin_ads", "meta_ads")
PLATFORM_CURRENCY = ("EUR", "GBP", "USD", "EUR")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign; `first` and `last` are months of the span, `weight` its share of the channel's leads and money."""

    name: str
    program: str
    objective: str
    channel: str
    kind: str
    first: int
    last: int
    weight: float
    product: str = ""
    region: str = ""
    platform: int = -1
    budget: int = 0
    leads: bool = True


def campaigns(span: Span) -> tuple[Campaign, ...]:
    """Every campaign of the three years, in order of their start."""
    last = span.count - 1
    found: list[Campaign] = []

    def add(
        name: str,
        program: str,
        objective: str,
        channel: str,
        kind: str,
        first: int,
        end: int,
        weight: float,
        **more: object,
    ) -> None:
        found.append(Campaign(name, program, objective, channel, kind, first, min(end, last), weight, **more))  # type: ignore[arg-type]

    search = "Always-on search"
    add("Search | Brand", search, "opportunities", "paid_search", "search ads", 0, last, 2.2, platform=0)
    for product in company.PRODUCTS:
        short = product.removeprefix("Tallyport ")
        first = 0 if short != "Insight" else 9
        add(
            f"Search | {short}",
            search,
            "leads",
            "paid_search",
            "search ads",
            first,
            last,
            2.6,
            platform=0,
            product=product,
        )
    add(
        "Search | Yard management DACH",
        search,
        "leads",
        "paid_search",
        "search ads",
        4,
        last,
        1.8,
        platform=0,
        region="DACH",
    )
    add("Search | Competitors", search, "leads", "paid_search", "search ads", 6, last, 1.2, platform=0)
    add("Bing | Brand", search, "opportunities", "paid_search", "search ads", 0, last, 0.7, platform=1)
    add(
        "Bing | Warehouse software UK",
        search,
        "leads",
        "paid_search",
        "search ads",
        3,
        last,
        1.1,
        platform=1,
        region="UK & Ireland",
    )
    social = "Account engagement"
    for i, region in enumerate(company.REGIONS):
        add(
            f"LinkedIn | {region.name} operations leaders",
            social,
            "leads",
            "paid_social",
            "social ads",
            i,
            last,
            1.8 * region.share * 4,
            platform=2,
            region=region.name,
        )
    for first in range(2, span.count, 6):
        title = ("Dock to stock", "The quiet yard", "Freight cost clinic")[first // 6 % 3]
        add(
            f"LinkedIn | {title} report {first // 18 + 1}",
            "Thought leadership",
            "awareness",
            "paid_social",
            "social ads",
            first,
            first + 4,
            1.1,
            platform=2,
        )
    add("Meta | Visitors again", social, "awareness", "paid_social", "retargeting", 0, last, 0.9, platform=3)
    add(
        "Meta | Plan look-alikes",
        social,
        "leads",
        "paid_social",
        "social ads",
        8,
        last,
        0.8,
        platform=3,
        product=company.PRODUCTS[0],
    )
    add(IDLE, "Thought leadership", "awareness", "paid_social", "sponsorship", 1, last, 1.3)
    fairs = ("LogiMAT", "Multimodal", "Transport Logistic", "IntraLogistex", "ProMat", "Nordic Logistics Days")
    for month, calendar in enumerate(months_of(span)):
        year = list(span.months())[month].year
        if calendar in (3, 5, 9, 11):
            names = [fairs[(month + i) % len(fairs)] for i in range(2)]
            for i, name in enumerate(names):
                where = company.REGIONS[(month + 2 * i) % len(company.REGIONS)].name
                add(
                    f"{name} {year}",
                    f"Trade fairs {year}",
                    "opportunities",
                    "events",
                    "trade fair",
                    max(0, month - 1),
                    month + 1,
                    2.0,
                    region=where,
                )
        if calendar in (2, 4, 6, 10):
            add(
                f"Webinar: {('Slotting', 'Carrier scorecards', 'Yard safety', 'Forecasting')[month % 4]} {year}",
                "Webinars",
                "leads",
                "events",
                "webinar",
                month,
                month + 1,
                1.4,
            )
    add("Community round tables", "Webinars", "awareness", "events", "round table", 0, last, 0.25)
    add("Tallyport Dispatch", "Newsletter", "awareness", "email", "newsletter", 0, last, 1.6)
    add("Nurture | First steps", "Lead nurturing", "leads", "email", "nurture", 0, last, 1.5)
    add("Nurture | Business case", "Lead nurturing", "opportunities", "email", "nurture", 5, last, 1.2)
    add("Product news", "Customer growth", "retention", "email", "newsletter", 0, last, 0.7)
    add("Customers recommend", "Customer growth", "opportunities", "referral", "referral", 0, last, 1.0)
    for half in range(0, span.count, 6):
        names_of = ("Baltik IT", "Stroomwerk Consulting", "Northlane Systems")
        add(
            f"With {names_of[half // 6 % 3]} {half // 6 + 1}",
            "Partner marketing",
            "opportunities",
            "partners",
            "co-marketing",
            half,
            half + 5,
            1.0,
        )
    return tuple(sorted(found, key=lambda c: (c.first, c.name)))


def of_moment(
    rng: np.random.Generator, span: Span, all_: tuple[Campaign, ...], channel: Integers, at: Integers
) -> Integers:
    """A campaign for each (channel, instant): one that ran then; -1 for channels without any."""
    found = np.full(len(channel), -1)
    month = np.clip(span.month_of(days(at)), 0, span.count - 1)
    for i, id in enumerate(company.CHANNEL_IDS):
        mine = [n for n, c in enumerate(all_) if c.channel == id]
        rows = np.flatnonzero(channel == i)
        if not mine or not len(rows):
            continue
        table = np.zeros((span.count, len(mine)))
        for place, n in enumerate(mine):
            c = all_[n]
            end = company.PLANTS.idle_from - 1 if c.name == IDLE else c.last
            table[c.first : end + 1, place] = c.weight
        rows = rows[table[month[rows]].sum(axis=1) > 0]
        found[rows] = np.array(mine)[each(rng, table[month[rows]])]
    return found


# --- ad platforms ----------------------------------------------------------------------------------------------------
_KEYWORDS = (
    "warehouse management software",
    "yard management system",
    "dock scheduling",
    "transport planning tool",
    "freight cost control",
    "slot booking software",
    "supply chain planning",
    "load planning",
    "carrier management",
    "inventory visibility",
)


@dataclass(frozen=True, slots=True)
class Market:
    """How a platform behaves: euros a month at scale 1, cents a click, clicks an impression, ad groups, keywords."""

    euros: float
    click: float
    rate: float
    groups: int
    keywords: int
    kind: str


MARKETS = (
    Market(19_000, 310, 0.042, 2, 5, "search"),
    Market(4_200, 240, 0.031, 2, 3, "search"),
    Market(15_500, 840, 0.0062, 2, 1, "social"),
    Market(4_600, 118, 0.0094, 2, 1, "social"),
)


def ad_days(seed: int, span: Span, all_: tuple[Campaign, ...], scale: float) -> Frame:
    """What each platform counted a day, by campaign, ad group and keyword; spend in cents of its currency."""
    parts = []
    attention = company.attention(months_of(span))
    demand = company.demand(months_of(span))
    push = paid_search_money(span)
    day = np.arange(span.start, span.end)
    month = span.month_of(day)
    weekday = np.array([1.08, 1.15, 1.14, 1.10, 0.95, 0.52, 0.5])[(day + 3) % 7]
    for place, market in enumerate(MARKETS):
        rng = stream(seed, "ads", PLATFORMS[place])
        mine = [n for n, c in enumerate(all_) if c.platform == place]
        growth = push if market.kind == "search" else 1.0 + 0.9 * np.arange(span.count) / span.count
        monthly = market.euros * 100 * scale * growth
        keywords = max(1, round(market.keywords * min(1.0, scale**0.4))) if market.keywords > 1 else 1
        groups = market.groups if scale >= 0.1 else 1
        for n in mine:
            c = all_[n]
            runs = (month >= c.first) & (month <= c.last)
            share = np.array([_weight(all_, mine, m) for m in range(span.count)])
            for group in range(groups):
                for keyword in range(keywords):
                    part = 0.62**group * 0.7**keyword
                    norm = sum(0.62**g * 0.7**k for g in range(groups) for k in range(keywords))
                    cents = monthly[month] / 30.4 * c.weight / np.maximum(share[month], 0.1) * part / norm * weekday
                    price = (
                        market.click
                        * (0.75 + 0.5 * rng.random())
                        * (1 + 0.10 * (push[month] - 1) * (market.kind == "search"))
                    )
                    clicks = rng.poisson(np.where(runs, cents / price, 0.0))
                    rate = market.rate * (0.8 + 0.4 * rng.random())
                    shown = (
                        np.where(runs, clicks / rate * 0.35 + cents / price / rate * 0.65, 0.0)
                        * attention[month] ** 0.7
                    )
                    impressions = np.maximum(rng.poisson(shown), clicks)
                    paid = np.round(clicks * price * (0.9 + 0.2 * rng.random(len(day)))).astype(np.int64)
                    keep = np.flatnonzero(impressions > 0)
                    parts.append(
                        Frame(
                            platform=np.full(len(keep), place),
                            campaign=np.full(len(keep), n),
                            group=np.full(len(keep), group),
                            keyword=np.full(
                                len(keep), (n * 3 + keyword) % len(_KEYWORDS) if market.keywords > 1 else -1
                            ),
                            day=day[keep],
                            impressions=impressions[keep],
                            clicks=clicks[keep],
                            spend=paid[keep],
                            conversions=rng.binomial(clicks[keep], 0.021 + 0.004 * np.clip(demand[month[keep]], 0, 2)),
                        )
                    )
    return Frame({name: np.concatenate([p[name] for p in parts]) for name in parts[0]}).sorted(
        "platform", "day", "campaign"
    )


def _weight(all_: tuple[Campaign, ...], mine: list[int], month: int) -> float:
    return sum(all_[n].weight for n in mine if all_[n].first <= month <= all_[n].last)


def keyword(number: int) -> str:
    """A keyword that is bought."""
    return _KEYWORDS[number]


def marketer(number: int) -> str:
    """Who is responsible for a campaign."""
    return MARKETERS[number % len(MARKETERS)]
