"""Money: exchange rates, what was spent on what, and the books."""

from __future__ import annotations

import numpy as np

from headwater.demo import company
from headwater.demo.clock import Floats, Integers, Span
from headwater.demo.draw import stream
from headwater.demo.frame import Frame, stacked
from headwater.demo.marketing import IDLE, PLATFORM_CURRENCY, Campaign

COST_KINDS = ("media", "tools", "people", "content", "events", "programme", "overhead", "cost_to_serve")
FUNCTIONS = ("marketing", "sales", "service")
PURPOSES = ("new_business", "expansion", "retention", "general")
POSTINGS = ("revenue", "cogs", "opex", "overhead", "tax", "interest", "capex", "other")
RATE_UNIT = 100_000
"""Rates have five decimals."""
BEFORE_DAYS = 1200
"""Rates begin earlier than the story, for the customers that were there."""


def rates(seed: int, span: Span) -> Frame:
    """Published rates of business days: hundred-thousandths of a euro for one unit."""
    parts = []
    day = np.arange(span.start - BEFORE_DAYS, span.end)
    for i, middle in enumerate(company.RATE):
        if i == 0:
            continue
        rng = stream(seed, "rates", company.CURRENCIES[i])
        noise = rng.normal(0, 0.0028, len(day))
        level = np.zeros(len(day))
        for k in range(1, len(day)):
            level[k] = 0.997 * level[k - 1] + noise[k]
        rate = np.round(middle * np.exp(level) * RATE_UNIT).astype(np.int64)
        open_ = (day + 3) % 7 < 5
        parts.append(Frame(currency=np.full(int(open_.sum()), i), day=day[open_], rate=rate[open_]))
    return stacked(*parts).sorted("day", "currency")


def rate_table(span: Span, published: Frame) -> tuple[int, Integers]:
    """The first day, and by currency and day the rate that holds, the last one published; a euro is one euro."""
    first = span.start - BEFORE_DAYS
    table = np.zeros((len(company.CURRENCIES), span.end - first), np.int64)
    table[0] = RATE_UNIT
    table[published["currency"], published["day"] - first] = published["rate"]
    for i in range(1, len(table)):
        seen = np.maximum.accumulate(np.where(table[i] > 0, np.arange(table.shape[1]), 0))
        table[i] = table[i][seen]
    return first, table


def costs(
    seed: int, span: Span, scale: float, all_: tuple[Campaign, ...], ads: Frame, paid: Integers, accounts: Frame
) -> Frame:
    """Every cost entry, in cents."""
    rng = stream(seed, "costs")
    edges = span.starts()
    last = edges[1:] - 1
    month = np.arange(span.count)
    parts = []

    def add(
        day: Integers,
        kind: str,
        function: str,
        purpose: str,
        cents: Floats | Integers,
        *,
        channel: str = "",
        campaign: int = -1,
        currency: int = 0,
        platform: int = -1,
        segment: int = -1,
    ) -> None:
        size = len(day)
        parts.append(
            Frame(
                day=day,
                kind=np.full(size, COST_KINDS.index(kind)),
                function=np.full(size, FUNCTIONS.index(function)),
                purpose=np.full(size, PURPOSES.index(purpose)),
                channel=np.full(size, company.PLACE[channel] if channel else -1),
                campaign=np.full(size, campaign),
                platform=np.full(size, platform),
                currency=np.full(size, currency),
                segment=np.full(size, segment),
                amount=cents.astype(np.int64),
            )
        )

    of_month = span.month_of(ads["day"])
    for n in np.unique(ads["campaign"]).tolist():
        rows = ads["campaign"] == n
        cents = np.bincount(of_month[rows], weights=ads["spend"][rows], minlength=span.count)
        there = cents > 0
        place = all_[n].platform
        code = company.CURRENCIES.index(PLATFORM_CURRENCY[place])
        add(
            last[there],
            "media",
            "marketing",
            "new_business",
            cents[there],
            channel=all_[n].channel,
            campaign=n,
            currency=code,
            platform=place,
        )
    wobble = 1 + 0.05 * rng.standard_normal(span.count)
    growth = 1 + 0.8 * month / span.count
    for n, c in enumerate(all_):
        runs_ = np.flatnonzero((month >= c.first) & (month <= c.last))
        when = edges[runs_] + 11
        size = len(runs_)
        if c.name == IDLE:
            cents = np.full(size, max(1, round(company.PLANTS.idle_monthly_cents * scale)))
            add(when, "media", "marketing", "new_business", cents, channel=c.channel, campaign=n)
        elif c.kind == "trade fair":
            cents = np.round(1_150_000 * scale * (0.7 + 0.6 * rng.random(size)) * (c.weight / 2))
            add(when, "events", "marketing", "new_business", cents, channel="events", campaign=n)
        elif c.kind in ("webinar", "round table"):
            cents = np.round((240_000 if c.kind == "webinar" else 60_000) * scale * (0.7 + 0.6 * rng.random(size)))
            add(when, "events", "marketing", "new_business", cents, channel="events", campaign=n)
        elif c.kind == "co-marketing":
            cents = np.round(420_000 * scale * (0.8 + 0.4 * rng.random(size)))
            add(when, "programme", "marketing", "new_business", cents, channel="partners", campaign=n)
        elif c.kind == "referral":
            cents = np.round(260_000 * scale * growth[runs_] * (0.6 + 0.8 * rng.random(size)))
            add(when, "programme", "marketing", "new_business", cents, channel="referral", campaign=n)
    content = np.round(1_200_000 * scale * growth * wobble)
    add(edges[:-1] + 19, "content", "marketing", "new_business", content, channel="organic_search")
    add(edges[:-1] + 20, "content", "marketing", "retention", np.round(content * 0.2), channel="email")
    add(edges[:-1] + 2, "tools", "marketing", "general", np.round(1_050_000 * scale * growth), channel="email")
    add(edges[:-1] + 2, "tools", "marketing", "general", np.round(480_000 * scale * growth), channel="organic_search")
    for channel, share in (
        ("paid_search", 0.16),
        ("paid_social", 0.18),
        ("organic_search", 0.24),
        ("email", 0.14),
        ("events", 0.18),
        ("referral", 0.04),
        ("partners", 0.06),
    ):
        add(
            last,
            "people",
            "marketing",
            "new_business",
            np.round(5_600_000 * scale * share * growth * wobble),
            channel=channel,
        )
    add(last, "people", "marketing", "retention", np.round(900_000 * scale * growth))
    for segment, share in enumerate((0.26, 0.40, 0.34)):
        add(
            last,
            "people",
            "sales",
            "new_business",
            np.round(9_600_000 * scale * share * growth * wobble),
            segment=segment,
        )
        add(
            last, "people", "sales", "expansion", np.round(2_800_000 * scale * share * growth * wobble), segment=segment
        )
        add(
            last,
            "cost_to_serve",
            "service",
            "retention",
            np.round(5_200_000 * scale * share * growth * wobble),
            segment=segment,
        )
    add(edges[:-1] + 2, "tools", "sales", "general", np.round(1_250_000 * scale * growth))
    add(edges[:-1] + 14, "programme", "sales", "new_business", np.round(640_000 * scale * growth * wobble))
    add(last, "overhead", "marketing", "general", np.round(800_000 * scale * growth))
    big = (
        np.flatnonzero(paid.max(axis=1) > np.quantile(paid.max(axis=1)[paid.max(axis=1) > 0], 0.9))
        if (paid > 0).any()
        else np.zeros(0, np.int64)
    )
    for quarter in range(2, span.count, 3):
        there = big[paid[big, quarter] > 0]
        parts.append(
            Frame(
                day=np.full(len(there), last[quarter]),
                kind=np.full(len(there), COST_KINDS.index("cost_to_serve")),
                function=np.full(len(there), 2),
                purpose=np.full(len(there), 2),
                channel=np.full(len(there), -1),
                campaign=np.full(len(there), -1),
                platform=np.full(len(there), -1),
                currency=np.zeros(len(there), np.int64),
                segment=accounts["segment"][there],
                amount=60_000 + rng.integers(0, 240_000, len(there)),
                account=there,
            )
        )
    for part in parts:
        part.setdefault("account", np.full(part.size, -1))
    found = stacked(*parts)
    found = found.take(found["amount"] > 0).sorted("day", "function", "kind", "campaign", "channel")
    found["cost"] = np.arange(found.size)
    return found


def ledger(
    seed: int,
    span: Span,
    scale: float,
    accounts: Frame,
    paid: Integers,
    orders: Frame,
    costs: Frame,
    table: tuple[int, Integers],
    products: Integers,
) -> Frame:
    """Postings of profit and loss, and payments, in cents."""
    rng = stream(seed, "ledger")
    edges = span.starts()
    last = edges[1:] - 1
    month = np.arange(span.count)
    first, rate = table
    account, of = np.nonzero(paid > 0)
    parts = [
        _posting(
            last[of],
            "revenue",
            paid[account, of],
            account=account,
            currency=accounts["currency"][account],
            product=products[account],
            code=4000,
        )
    ]
    done = np.flatnonzero(orders["service"])
    when = np.minimum(orders["day"][done] + 20, span.end - 1)
    for kind, amount, code in (("revenue", "amount", 4100), ("cogs", "goods", 5100)):
        parts.append(
            _posting(
                when,
                kind,
                orders[amount][done],
                account=orders["account"][done],
                currency=accounts["currency"][orders["account"][done]],
                product=orders["product"][done],
                code=code,
            )
        )
    credit = np.flatnonzero(rng.random(len(account)) < 0.004)
    parts.append(
        _posting(
            np.minimum(last[of[credit]] + 9, span.end - 1),
            "revenue",
            -(paid[account[credit], of[credit]] // 2),
            account=account[credit],
            currency=accounts["currency"][account[credit]],
            product=products[account[credit]],
            code=4900,
        )
    )
    euros = np.zeros(span.count)
    np.add.at(euros, of, paid[account, of] * rate[accounts["currency"][account], last[of] - first] / 100_000)
    hosting = np.round(euros * (0.155 - 0.02 * month / span.count) * (1 + 0.03 * rng.standard_normal(span.count)))
    parts.append(_posting(last, "cogs", hosting.astype(np.int64), code=5000))
    support = np.round(euros * 0.075 * (1 + 0.02 * rng.standard_normal(span.count)))
    parts.append(_posting(last, "cogs", support.astype(np.int64), code=5200))
    money = costs["amount"] * rate[costs["currency"], costs["day"] - first] / 100_000
    spent = np.bincount(span.month_of(costs["day"]), weights=money, minlength=span.count)
    parts.append(_posting(last, "opex", np.round(spent).astype(np.int64), code=6000))
    growth = 1 + 0.7 * month / span.count
    for kind, cents, code in (("opex", 12_500_000, 6200), ("overhead", 4_800_000, 6500), ("interest", 310_000, 7000)):
        parts.append(
            _posting(
                last,
                kind,
                np.round(cents * scale * growth * (1 + 0.02 * rng.standard_normal(span.count))).astype(np.int64),
                code=code,
            )
        )
    quarter = last[2::3]
    parts.append(_posting(quarter, "tax", np.round(euros[2::3] * 0.05).astype(np.int64), code=7600))
    parts.append(_posting(quarter, "capex", np.round(2_400_000 * scale * growth[2::3]).astype(np.int64), code=800))
    parts.append(
        _posting(quarter, "capex", -np.round(2_400_000 * scale * growth[2::3]).astype(np.int64), cash=2, code=800)
    )
    due = orders["day"] + 14 + rng.gamma(2.0, 12.0, orders.size).astype(np.int64)
    came = np.flatnonzero((due < span.end) & (rng.random(orders.size) > 0.012))
    parts.append(
        _posting(
            due[came],
            "revenue",
            orders["amount"][came],
            account=orders["account"][came],
            currency=accounts["currency"][orders["account"][came]],
            product=orders["product"][came],
            cash=1,
            code=1200,
        )
    )
    out = np.round(spent + 16_000_000 * scale * growth + hosting + support).astype(np.int64)
    parts.append(_posting(last, "opex", -out, cash=1, code=1200))
    loan = np.array([edges[min(16, span.count - 1)] + 3])
    parts.append(_posting(loan, "other", np.array([round(150_000_000 * scale)]), cash=3, code=1700))
    found = stacked(*parts)
    found = found.take(found["amount"] != 0).sorted("day", "code", "account")
    found["posting"] = np.arange(found.size)
    return found


ACCOUNT_NAMES = {
    800: "Equipment",
    1200: "Bank",
    1700: "Loans",
    4000: "Subscriptions",
    4100: "Services",
    4900: "Credit notes",
    5000: "Hosting",
    5100: "Service delivery",
    5200: "Customer support",
    6000: "Sales and marketing",
    6200: "Research and development",
    6500: "Administration",
    7000: "Interest",
    7600: "Taxes",
}
CASH_FLOWS = ("", "operating", "investing", "financing")


def _posting(
    day: Integers,
    kind: str,
    amount: Integers,
    *,
    account: Integers | None = None,
    currency: Integers | None = None,
    product: Integers | None = None,
    cash: int = 0,
    code: int = 0,
) -> Frame:
    size = len(day)
    nothing = np.full(size, -1)
    return Frame(
        day=day,
        kind=np.full(size, POSTINGS.index(kind)),
        amount=amount,
        account=nothing if account is None else account,
        currency=np.zeros(size, np.int64) if currency is None else currency,
        product=nothing if product is None else product,
        cash=np.full(size, cash),
        code=np.full(size, code),
    )
