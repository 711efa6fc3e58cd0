"""The companies of the market, the people in them, and Tallyport's own people."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files

import numpy as np

from headwater.demo import company
from headwater.demo.clock import DAY, NONE, Integers, Span, days, instant
from headwater.demo.draw import chosen, counts, each, lag, office_times, picked, stream, weekdays
from headwater.demo.frame import Frame, runs, starts

LEGAL = {
    "DE": "GmbH",
    "AT": "GmbH",
    "CH": "AG",
    "NL": "B.V.",
    "BE": "NV",
    "LU": "S.A.",
    "GB": "Ltd",
    "IE": "Ltd",
    "SE": "AB",
    "DK": "A/S",
    "NO": "AS",
    "FI": "Oy",
    "US": "Inc",
    "CA": "Inc",
}
ENDING = {"GB": "co.uk", "US": "com", "CA": "com"}


@cache
def words(name: str) -> tuple[str, ...]:
    """A word list of the package."""
    text = files("headwater.demo").joinpath("words").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


def plain(text: str) -> str:
    """A text as it stands in an address: lower case, no accents, no blanks."""
    spelled = text.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    bare = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return "".join(c for c in bare if c.isalnum())


def months_of(span: Span) -> list[int]:
    """The calendar months of a span."""
    return [m.month for m in span.months()]


# --- companies -------------------------------------------------------------------------------------------------------
def accounts(seed: int, span: Span, size: int) -> Frame:
    """The companies, by the time they were opened in the CRM; nearly half were there when the story begins."""
    rng = stream(seed, "accounts")
    before = round(size * 0.46)
    weights = np.clip(company.demand(months_of(span)), 0.6, 1.5)
    of_month = counts(rng, weights / weights.sum() * (size - before))
    month = np.repeat(np.arange(len(of_month)), of_month)
    edges = span.starts()
    old = span.start - 1 - (rng.random(before) ** 1.4 * 1200).astype(np.int64)
    old = old - np.where((old + 3) % 7 >= 5, 2, 0)
    new = weekdays(rng, edges[month], edges[month + 1] - edges[month])
    day = np.concatenate([old, new])
    created = np.sort(instant(day, office_times(rng, len(day))))
    number = len(created)
    region = picked(rng, number, [r.share for r in company.REGIONS])
    country = np.zeros(number, np.int64)
    first = 0
    for i, r in enumerate(company.REGIONS):
        mine = region == i
        country[mine] = first + picked(rng, int(mine.sum()), [w for _, w in r.countries])
        first += len(r.countries)
    segment = picked(rng, number, [s.share for s in company.SEGMENTS])
    low, high = (np.array([s.employees[i] for s in company.SEGMENTS])[segment] for i in (0, 1))
    employees = np.exp(np.log(low) + rng.random(number) ** 1.3 * (np.log(high) - np.log(low))).astype(np.int64)
    currency = np.array([company.CURRENCIES.index(company.CURRENCY_OF.get(c, "EUR")) for c in company.COUNTRIES])
    trades = [w.split("|") for w in words("trades")]
    names = list(company.INDUSTRIES)
    by_industry = [[i for i, (_, n) in enumerate(trades) if n == name] for name in names]
    industry = picked(rng, number, list(company.INDUSTRIES.values()))
    trade = np.array(
        [by_industry[i][int(u * len(by_industry[i]))] for i, u in zip(industry, rng.random(number), strict=True)]
    )
    fit = chosen(rng, np.array([0.52, 0.68, 0.60])[segment] * np.where(industry <= 3, 1.1, 0.75))
    return Frame(
        account=np.arange(number),
        created=created,
        region=region,
        country=country,
        currency=currency[country],
        segment=segment,
        industry=industry,
        trade=trade,
        employees=employees,
        turnover=(employees * np.exp(rng.normal(5.1, 0.5, number))).astype(np.int64) * 100_000,
        fit=fit,
        target=chosen(rng, np.where(fit, 0.28, 0.03) * np.array([0.6, 1.0, 1.8])[segment]),
        owner=rng.integers(0, 1 << 30, number),
    )


def account_names(accounts: Frame) -> tuple[list[str], list[str]]:
    """Names and web domains, each once."""
    first, trades = words("companies"), [w.split("|")[0] for w in words("trades")]
    seen: dict[tuple[int, int], int] = {}
    step = 61  # a stride through the list, so that neighbours do not share a name
    names, domains = [], []
    for i, (trade, country) in enumerate(zip(accounts["trade"].tolist(), accounts["country"].tolist(), strict=True)):
        word = i * step % len(first)
        again = seen.get((word, trade), 0)
        seen[word, trade] = again + 1
        second = f" {first[(word + 17 * again) % len(first)]}" if again % len(first) else ""
        third = f" {again // len(first) + 1}" if again >= len(first) else ""
        code = company.COUNTRIES[country]
        names.append(f"{first[word]}{second} {trades[trade]}{third} {LEGAL[code]}")
        domain = f"{plain(first[word])}{plain(second)}-{plain(trades[trade])}{plain(third)}"
        domains.append(f"{domain}.{ENDING.get(code, code.lower())}")
    return names, domains


# --- our own people --------------------------------------------------------------------------------------------------
def staff(team: str, number: int, salt: int) -> list[str]:
    """People of one of our teams."""
    first, last = words("first_names"), words("last_names")
    return [
        f"{first[(salt * 31 + i * 37) % len(first)]} {last[(salt * 17 + i * 53) % len(last)]}" for i in range(number)
    ]


SALES = {r.name: staff(r.name, 3, 3 + i) for i, r in enumerate(company.REGIONS)}
SDRS = staff("sdr", 6, 20)
MARKETERS = staff("marketing", 6, 30)


# --- people of the companies -----------------------------------------------------------------------------------------
def contacts(seed: int, span: Span, accounts: Frame, leads: Frame, deals: Frame, size: int) -> Frame:
    """Known people by company: those who became leads, and others of the buying groups. The lead's own person has the
    lead's number in `lead`, others -1."""
    rng = stream(seed, "contacts")
    known = np.flatnonzero(leads["account"] >= 0)
    more = max(0, size - len(known))
    has = np.bincount(leads["account"][known], minlength=accounts.size)
    first_talk = np.full(accounts.size, NONE)
    first_talk[deals["account"][::-1]] = deals["created"][::-1]
    wanted = np.where(first_talk != NONE, np.maximum(0.0, 8.5 - has), 0.0)
    rest = np.maximum(0.0, more - wanted.sum())
    wanted = wanted * (more / max(wanted.sum(), more)) + rest / accounts.size
    of, _ = runs(counts(rng, wanted))
    since = np.maximum(accounts["created"][of], span.start * DAY - 500 * DAY)
    late = span.close - 3600 - rng.integers(0, 40 * DAY, len(of))
    created = np.minimum(since + lag(rng, len(of), 60.0, 1.2), late)
    talk = first_talk[of]
    created = np.where(talk != NONE, np.minimum(created, talk + lag(rng, len(of), 6.0, 1.2)), created)
    created = np.maximum(created, accounts["created"][of] + 600)
    account = np.concatenate([leads["account"][known], of])
    number = len(account)
    titles = words("job_titles")
    found = Frame(
        account=account,
        lead=np.concatenate([known, np.full(len(of), -1)]),
        created=np.concatenate([leads["created"][known] + 240, np.minimum(created, span.close - 60)]),
        first=np.concatenate([leads["first"][known], rng.integers(0, len(words("first_names")), len(of))]),
        last=np.concatenate([leads["last"][known], rng.integers(0, len(words("last_names")), len(of))]),
        title=picked(rng, number, [1.0] * len(titles)),
        channel=np.concatenate([leads["channel"][known], np.full(len(of), -1)]),
        owner=accounts["owner"][account],
    ).sorted("account", "created")
    found["contact"] = np.arange(number)
    takes_mail = chosen(rng, np.where(found["lead"] >= 0, 0.78, 0.42))
    found["subscribed"] = np.where(takes_mail, np.minimum(found["created"] + 900, span.close - 60), NONE)
    found["unsubscribed"] = np.full(number, NONE)
    return found


def roles(seed: int, span: Span, opportunities: Frame, contacts: Frame, accounts: Frame) -> Frame:
    """Who sits on which buying group: about seven people on a new deal, three on an extension."""
    rng = stream(seed, "roles")
    first, have = starts(contacts["account"], accounts.size)
    account = opportunities["account"]
    new = opportunities["kind"] == 0
    wanted = np.where(new, 4 + rng.binomial(9, 0.47, len(account)), 1 + rng.binomial(5, 0.4, len(account)))
    of, number = runs(np.minimum(wanted, have[account]))
    mine = np.full(int(opportunities["lead"].max(initial=0)) + 2, -1)
    known = np.flatnonzero((contacts["lead"] >= 0) & (contacts["lead"] < len(mine)))
    mine[contacts["lead"][known]] = known
    begin = np.where(opportunities["lead"] >= 0, mine[opportunities["lead"]], -1)
    begin = np.where(
        begin >= 0, begin - first[account], (rng.random(len(account)) * np.maximum(have[account], 1)).astype(np.int64)
    )
    contact = first[account[of]] + (begin[of] + number) % have[account[of]]
    weights = np.array([[2, 1, 5, 1, 1, 1], [2, 4, 2, 2, 1, 1], [4, 3, 1, 2, 1, 1], [1, 1, 1, 4, 3, 2]], float)
    role = each(rng, weights[np.minimum(number, 3)])
    joined = np.maximum(
        opportunities["created"][of] + number * lag(rng, len(of), 3.5, 0.8), contacts["created"][contact]
    )
    found = Frame(
        opportunity=of,
        contact=contact,
        role=np.where(rng.random(len(of)) < 0.07, -1, role),
        primary=number == 0,
        created=joined,
    )
    ended = np.where(opportunities["closed"][of] == NONE, span.close, opportunities["closed"][of])
    return found.take((joined < ended) | (number == 0))


def owner_of(accounts: Frame, account: Integers) -> tuple[Integers, Integers]:
    """Region and place among its sales people of a company's owner."""
    region = accounts["region"][account]
    return region, accounts["owner"][account] % 3


def day_number(seconds: Integers) -> Integers:
    """The business day of instants, for callers that know the market alone."""
    return days(seconds)
