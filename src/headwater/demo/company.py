"""Tallyport, the company that is made up: what it sells, where, to whom, how well each channel works, and what was
planted in its three years."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.demo.clock import Floats

NAME = "Tallyport"
CURRENCY = "EUR"
MONTHS = 36


@dataclass(frozen=True, slots=True)
class Channel:
    """Where leads come from: its share of them, and how they fare at each step."""

    id: str
    share: float
    growth: float  # of its leads over the three years, times the whole company's
    web: float  # share of its leads that fill a form on the web site
    inquiry: float  # share that asks to be called
    mql: float
    sal: float
    qualified: float
    opportunity: float
    win: float  # odds of a win against the mean


CHANNELS = (
    Channel("paid_search", 0.20, 1.0, 1.00, 0.36, 0.38, 0.70, 0.56, 0.60, 0.95),
    Channel("paid_social", 0.16, 1.3, 0.72, 0.12, 0.25, 0.58, 0.46, 0.52, 0.75),
    Channel("organic_search", 0.24, 1.2, 1.00, 0.34, 0.43, 0.74, 0.60, 0.64, 1.10),
    Channel("email", 0.10, 1.0, 0.92, 0.22, 0.45, 0.72, 0.58, 0.62, 1.05),
    Channel("events", 0.11, 0.9, 0.00, 0.10, 0.36, 0.66, 0.50, 0.58, 1.00),
    Channel("referral", 0.08, 1.2, 0.60, 0.48, 0.55, 0.84, 0.72, 0.72, 1.45),
    Channel("partners", 0.05, 1.4, 0.00, 0.40, 0.57, 0.82, 0.70, 0.70, 1.30),
    Channel("direct", 0.06, 1.0, 0.95, 0.50, 0.47, 0.76, 0.62, 0.64, 1.10),
)
CHANNEL_IDS = tuple(c.id for c in CHANNELS)
PLACE = {c.id: i for i, c in enumerate(CHANNELS)}


@dataclass(frozen=True, slots=True)
class Region:
    """A sales region: its countries by weight, currency, share of accounts, and language of most mails."""

    name: str
    countries: tuple[tuple[str, float], ...]
    share: float


REGIONS = (
    Region("DACH", (("DE", 0.72), ("AT", 0.12), ("CH", 0.16)), 0.36),
    Region("Benelux", (("NL", 0.62), ("BE", 0.34), ("LU", 0.04)), 0.16),
    Region("UK & Ireland", (("GB", 0.88), ("IE", 0.12)), 0.20),
    Region("Nordics", (("SE", 0.46), ("DK", 0.24), ("NO", 0.16), ("FI", 0.14)), 0.14),
    Region("North America", (("US", 0.86), ("CA", 0.14)), 0.14),
)
COUNTRIES = tuple(c for r in REGIONS for c, _ in r.countries)
REGION_OF = tuple(i for i, r in enumerate(REGIONS) for _ in r.countries)
LANGUAGE = {"DE": "de", "AT": "de", "CH": "de", "NL": "nl", "BE": "nl", "SE": "sv"}

CURRENCIES = ("EUR", "GBP", "USD", "SEK", "CHF")
CURRENCY_OF = {"GB": "GBP", "SE": "SEK", "CH": "CHF", "US": "USD", "CA": "USD"}
LIST_FACTOR = (1.0, 0.86, 1.08, 11.2, 0.97)
"""Price lists against the one in euros."""
RATE = (1.0, 1.162, 0.921, 0.0885, 1.041)
"""Euros for one unit, about which the rates of three years wander."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A market by size: share of accounts, staff, a year's price, days of a sales cycle, odds of winning."""

    name: str
    share: float
    employees: tuple[int, int]
    annual: int
    cycle: float
    win: float


SEGMENTS = (
    Segment("Small business", 0.46, (12, 249), 16_000, 136, 1.08),
    Segment("Mid-market", 0.39, (250, 1999), 28_000, 152, 1.00),
    Segment("Enterprise", 0.15, (2000, 24_000), 54_000, 172, 0.82),
)
INDUSTRIES = {
    "Logistics": 0.24,
    "Manufacturing": 0.22,
    "Retail": 0.16,
    "Food & beverage": 0.12,
    "Chemicals": 0.08,
    "Automotive": 0.08,
    "Pharma": 0.06,
    "Building materials": 0.04,
}
PRODUCTS = ("Tallyport Plan", "Tallyport Yard", "Tallyport Insight")
PRODUCT_SHARE = (0.52, 0.33, 0.15)
PLANS = ("Essential", "Professional", "Corporate")
COMPETITORS = ("Cargowise Loop", "Yardline", "Stackfreight", "PortLogic")
LOSS_REASONS = {
    "Price": 0.24,
    "No decision": 0.31,
    "Competitor": 0.22,
    "Missing feature": 0.11,
    "Timing": 0.12,
}
CHURN_REASONS = {
    "Price": 0.22,
    "Low usage": 0.30,
    "Competitor": 0.18,
    "Insolvency": 0.08,
    "Merger": 0.12,
    "Service": 0.10,
}

SEASON = (0.97, 1.03, 1.14, 1.04, 1.02, 0.99, 0.86, 0.78, 1.10, 1.14, 1.13, 0.80)
"""Demand by calendar month, January first: the summer and December are slow."""
GROWTH = 1.95
"""Leads of the last month over those of the first."""
WIN_RATE = 0.235
UPSELL_WIN_RATE = 0.52
CLEANUP_NOTE = "Clean-up"


@dataclass(frozen=True, slots=True)
class Plants:
    """What was planted, in months of the span (0 is the first) and as factors."""

    break_month: int = 22  # the new cookie banner
    break_day: int = 9
    break_days: int = 24
    break_lost: float = 0.38
    drop_month: int = 28  # Nordics: leads qualify half as often
    drop_region: str = "Nordics"
    drop_factor: float = 0.40
    price_month: int = 18  # the new price list
    price_factor: float = 1.12
    price_win_factor: float = 0.86
    price_win_months: int = 6
    saturating_from: int = 20  # paid search gets far more money
    saturating_spend: float = 2.6
    saturating_power: float = 0.30
    idle_from: int = 15  # a sponsorship nobody answers any more
    idle_monthly_cents: int = 390_000
    bulk_month: int = 26  # the clean-up of the pipeline
    bulk_day: int = 16
    bulk_age_days: int = 150
    bulk_share: float = 0.80
    cycle_months: int = 5


PLANTS = Plants()

SHOCKS = np.array(
    [
        0.74, 0.85, 1.02, 1.25, 1.47, 1.55, 1.41, 1.15, 0.90, 0.72, 0.63, 0.68,
        0.87, 1.18, 1.44, 1.58, 1.50, 1.26, 0.98, 0.75, 0.65, 0.70, 0.92, 1.23,
        1.47, 1.44, 1.18, 0.88, 0.70, 0.68, 0.82, 1.08, 1.34, 1.42, 1.28, 1.08,
    ]
)  # fmt: skip
"""Waves of demand that nothing but the market explains: what the funnel carries from leads to revenue."""

CHATTER = np.array(
    [
        1.00, 0.92, 0.90, 1.04, 0.94, 1.10, 1.12, 0.96, 1.08, 0.92, 0.88, 1.00,
        0.90, 1.06, 1.14, 1.08, 0.94, 0.90, 1.02, 0.90, 0.94, 1.08, 1.14, 1.04,
        1.12, 0.96, 0.90, 0.92, 1.06, 1.16, 1.10, 0.98, 0.90, 0.94, 1.04, 1.12,
    ]
)  # fmt: skip
"""Waves of attention that sell nothing: visits, impressions and followers move with them."""


def demand(calendar_months: list[int]) -> Floats:
    """Demand of each month against the mean: growth, season and waves."""
    size = len(calendar_months)
    growth: Floats = GROWTH ** (np.arange(size) / (size - 1))
    season = np.array([SEASON[m - 1] for m in calendar_months])
    found = growth * season * np.resize(SHOCKS, size)
    level: Floats = found / found.mean()
    return level


def attention(calendar_months: list[int]) -> Floats:
    """Attention of each month against the mean: its own growth and waves, and a softer season."""
    size = len(calendar_months)
    growth: Floats = 2.5 ** (np.arange(size) / (size - 1))
    season = np.array([SEASON[m - 1] for m in calendar_months]) ** 0.25
    found = growth * season * np.resize(CHATTER, size)
    level: Floats = found / found.mean()
    return level
