"""The company's exports: every program writes in its own way, and not everything it writes is clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.demo import cells, company, customers, deals, finance, funnel, market, marketing, outreach, web
from headwater.demo.cells import Texts
from headwater.demo.clock import NONE, Integers, day_of, days
from headwater.demo.draw import stream
from headwater.demo.frame import Frame
from headwater.demo.sheets import Text, spoiled, take, write_parquet, write_text, write_workbook
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
CRM_CHANNELS = (
    "Paid Search",
    "Paid Social",
    "Organic Search",
    "Email",
    "Event",
    "Customer Referral",
    "Partner",
    "Direct",
)
WEB_CHANNELS = (
    "Paid Search",
    "Paid Social",
    "Organic Search",
    "Email",
    "Events",
    "Referral",
    "Affiliates",
    "Direct",
)
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


def export(world: World, folder: Path, tell: Callable[[str, int, int], None]) -> tuple[Lost, ...]:
    """Writes every export below a folder; what comes back are the rows that were written broken."""
    desk = Desk(folder, world)
    for number, step in enumerate(EXPORTS):
        tell(f"Writing {step.__name__.replace('_', ' ')}", number, len(EXPORTS))
        step(desk)
    return tuple(sorted(desk.lost, key=lambda lost: (lost.table, lost.key)))


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


# --- CRM -------------------------------------------------------------------------------------------------------------
def crm_accounts(desk: Desk) -> None:
    """Companies with each state they had, some entered twice and merged."""
    world, rng = desk.world, desk.rng("accounts")
    a = world.accounts
    first = np.full(a.size, NONE)
    won = world.deals.take(world.deals["won"]).sorted("account", "closed")
    first[won["account"][::-1]] = won["closed"][::-1]
    bought = np.flatnonzero((first != NONE) & (first > a["created"]))
    twice = _twice(desk)
    row = np.concatenate([np.arange(a.size), bought, twice])
    number = np.concatenate([np.arange(a.size), bought, DUPLICATE + twice])
    modified = np.concatenate(
        [a["created"], first[bought], np.minimum(a["created"][twice] + 40 * 86_400, world.span.close - 60)]
    )
    kind = np.concatenate([np.zeros(a.size, np.int64), np.ones(len(bought), np.int64), np.zeros(len(twice), np.int64)])
    master = np.concatenate([np.full(a.size + len(bought), -1), twice])
    names, domains = market.account_names(a)
    country = a["country"][row]
    states = Frame(row=row, number=number, modified=modified, kind=kind, master=master)
    order = np.lexsort((modified, number))
    states = states.take(order)
    row = states["row"]
    region, owner = market.owner_of(a, row)
    country = a["country"][row]
    columns = {
        "Account ID": account_ids(world, states["number"]),
        "Account Name": pa.array(names).take(pa.array(row)),
        "Website": pa.array(domains).take(pa.array(row)),
        "Created Date": cells.iso(a["created"][row]),
        "Industry": cells.coded(a["industry"][row], list(company.INDUSTRIES)),
        "Employees": cells.whole(a["employees"][row] + states["kind"] * (a["employees"][row] // 12)),
        "Annual Revenue": cells.parts(a["turnover"][row], 2),
        "Currency": cells.same("EUR", len(row)),
        "Billing Country": cells.coded(country, [COUNTRY_NAMES[c] for c in company.COUNTRIES]),
        "Region": cells.coded(region, [r.name for r in company.REGIONS]),
        "Segment": cells.coded(a["segment"][row], [s.name for s in company.SEGMENTS]),
        "Type": cells.coded(states["kind"], ("Prospect", "Customer")),
        "ICP Fit": cells.yes(a["fit"][row], "Yes", "No"),
        "Target Account": cells.yes(a["target"][row], "Yes", "No"),
        "Owner": _owners(region, owner),
        "Last Modified": cells.iso(states["modified"]),
        "Master Record ID": account_ids(world, states["master"]),
    }
    again = np.sort(rng.choice(len(row), min(len(row), 6), replace=False))  # exported twice over
    rows = np.sort(np.concatenate([np.arange(len(row)), again]))
    write_text(desk.folder / "crm" / "accounts.csv", take(columns, rows))


def _twice(desk: Desk) -> Integers:
    """Companies that somebody entered a second time."""
    world = desk.world
    number = max(2, world.accounts.size // 120)
    return np.sort(desk.rng("twice").choice(world.accounts.size, number, replace=False))


def _owners(region: Integers, owner: Integers) -> Texts:
    names = [n for r in company.REGIONS for n in market.SALES[r.name]]
    return cells.coded(np.where(owner >= 0, region * 3 + owner, -1), names)


def _account_seen(desk: Desk, account: Integers, what: str) -> Texts:
    """Ids of companies on other records: some still name the one that was entered twice."""
    twice = np.zeros(desk.world.accounts.size + 1, bool)
    twice[_twice(desk)] = True
    other = twice[account] & (account >= 0) & (desk.rng("seen", what).random(len(account)) < 0.4)
    return account_ids(desk.world, np.where(other, DUPLICATE + account, account))


def crm_contacts(desk: Desk) -> None:
    """People, as an office program writes them: semicolons, a western encoding, local times."""
    world = desk.world
    c = world.contacts
    first, last = market.words("first_names"), market.words("last_names")
    titles = [t.split("|") for t in market.words("job_titles")]
    _, domains = market.account_names(world.accounts)
    dot, at = pa.scalar("."), pa.scalar("@")
    given, family = pa.array(c["first"]), pa.array(c["last"])
    mail = pc.binary_join_element_wise(
        pa.array([market.plain(n) for n in first]).take(given),
        dot,
        pa.array([market.plain(n) for n in last]).take(family),
        at,
        pa.array(domains).take(pa.array(c["account"])),
        "",
    )
    region, owner = market.owner_of(world.accounts, c["account"])
    language = [company.LANGUAGE.get(n, "en") for n in company.COUNTRIES]
    columns = {
        "Kontakt-Nr.": cells.ids("C-", c["contact"]),
        "Firma-Nr.": _account_seen(desk, c["account"], "contacts"),
        "Name": pc.binary_join_element_wise(pa.array(first).take(given), pa.array(last).take(family), " "),
        "E-Mail": mail,
        "Position": cells.coded(c["title"], [t[0] for t in titles]),
        "Ebene": cells.coded(c["title"], [t[1] for t in titles]),
        "Abteilung": cells.coded(c["title"], [t[2] for t in titles]),
        "Entscheider": cells.coded(c["title"], ["ja" if t[3] == "1" else "nein" for t in titles]),
        "Kanal": cells.coded(c["channel"], CRM_CHANNELS),
        "Sprache": cells.coded(world.accounts["country"][c["account"]], language),
        "Angelegt am": cells.german(c["created"]),
        "Newsletter seit": cells.german(c["subscribed"]),
        "Newsletter bis": cells.german(c["unsubscribed"]),
        "Betreuer": _owners(region, owner),
    }
    write_text(desk.folder / "crm" / "kontakte.csv", columns, Text(";", "cp1252"))


def crm_leads(desk: Desk) -> None:
    """Leads by year and then by month, each month with some days of the month before; tests, doubles, broken rows."""
    world, rng = desk.world, desk.rng("leads")
    leads = world.leads
    size = leads.size
    whole = Frame({n: leads[n] for n in leads})
    whole["id"] = leads["lead"]
    whole["master"] = np.full(size, -1)
    whole["deleted"] = np.zeros(size, bool)
    extra = rng.choice(size, max(3, size // 160), replace=False)
    double = leads.take(extra)
    double["id"] = DUPLICATE + np.arange(len(extra))
    double["created"] = np.minimum(double["created"] + rng.integers(600, 3 * 86_400, len(extra)), world.span.close - 60)
    double["master"] = leads["lead"][extra]
    double["deleted"] = np.zeros(len(extra), bool)
    tests = leads.take(rng.choice(size, max(2, size // 700), replace=False))
    tests["id"] = DUPLICATE + 50_000 + np.arange(tests.size)
    tests["master"] = np.full(tests.size, -1)
    tests["deleted"] = np.ones(tests.size, bool)
    for other in (double, tests):
        for name in ("mql", "handed", "sal", "qualified", "disqualified"):
            other[name] = np.full(other.size, NONE)
        other["deal"] = np.full(other.size, -1)
        other["visitor"] = np.full(other.size, -1)
        other["contact"] = np.where(other["master"] >= 0, other["contact"], -1)
    whole = Frame({n: np.concatenate([f[n] for f in (whole, double, tests)]) for n in whole}).sorted("created", "id")
    columns = _lead_columns(desk, whole)
    able = np.flatnonzero((whole["master"] < 0) & ~whole["deleted"] & (whole["deal"] < 0) & (whole["visitor"] < 0))
    able = able[days(whole["created"][able]) < world.span.starts()[-4] - 4]  # in one file alone
    broken = np.sort(rng.choice(able, min(len(able), 3), replace=False))
    columns["Created Date"] = spoiled(columns["Created Date"], broken, "0000-00-00T00:00:00Z")
    day = days(whole["created"])
    for part in chunks(world, 3):
        start, end = part.start, part.end
        overlap = 4 if part.monthly else 0
        file = f"leads-{part.name}.csv"
        inside = (day >= start - overlap) & (day < end)
        if start == world.span.start:
            inside |= day < start
        for row in broken[inside[broken]].tolist():
            key = f"L-{int(whole['id'][row]):06d}"
            desk.lost.append(
                Lost("leads", f"crm/{file}", key, int(whole["id"][row]), "The date of creation is no date.")
            )
        write_text(desk.folder / "crm" / file, take(columns, inside))


def _lead_columns(desk: Desk, leads: Frame) -> dict[str, Texts]:
    world = desk.world
    first, last = pa.array(market.words("first_names")), pa.array(market.words("last_names"))
    region = np.where(leads["account"] >= 0, world.accounts["region"][leads["account"]], -1)
    country = np.where(leads["account"] >= 0, world.accounts["country"][leads["account"]], -1)
    steps = np.stack([leads[n] for n in ("created", "mql", "handed", "sal", "qualified", "disqualified")])
    stage = np.where(
        leads["deal"] >= 0, 6, np.where(leads["disqualified"] != NONE, 5, (steps[:5] != NONE).sum(axis=0) - 1)
    )
    modified = np.maximum(steps.max(axis=0), leads["created"] + 300)
    modified = np.minimum(np.where(leads["master"] >= 0, leads["created"] + 86_400, modified), world.span.close - 1)
    medium = np.where(leads["web"], leads["channel"], -1)
    campaign = [c.name for c in world.campaigns]
    form = np.select([leads["inquiry_kind"] == i for i in range(4)], [0, 1, 2, 3], 4 + leads["lead"] % 3)
    sdrs = np.where(leads["handed"] != NONE, leads["sdr"], -1)
    return {
        "Lead ID": cells.ids("L-", leads["id"]),
        "Contact ID": cells.ids("C-", leads["contact"]),
        "Account ID": _account_seen(desk, leads["account"], "leads"),
        "Name": pc.binary_join_element_wise(
            first.take(pa.array(leads["first"])), last.take(pa.array(leads["last"])), " "
        ),
        "Created Date": cells.iso(leads["created"]),
        "Lead Source": cells.coded(leads["channel"], CRM_CHANNELS),
        "Campaign ID": cells.ids("CMP-", leads["campaign"], 4),
        "UTM Source": cells.coded(medium, WEB_SOURCES),
        "UTM Medium": cells.coded(medium, MEDIUMS),
        "UTM Campaign": cells.coded(np.where(medium >= 0, leads["campaign"], -1), [market.plain(n) for n in campaign]),
        "Landing Page": cells.coded(leads["page"], web.PAGES),
        "Form": cells.coded(np.where(leads["web"], form, -1), web.FORMS),
        "Web Form": cells.yes(leads["web"], "1", "0"),
        "Client ID": cells.ids("GA1.", leads["visitor"], 9),
        "Referred By": account_ids(world, leads["referrer"]),
        "Hand Raiser": cells.yes(leads["inquiry"], "1", "0"),
        "Asked For": cells.coded(leads["inquiry_kind"], list(funnel.INQUIRIES)),
        "Asked At": cells.iso(leads["inquired"]),
        "Response Working Seconds": cells.whole(leads["answered_seconds"]),
        "Status": cells.coded(
            stage, ("New", "MQL", "Handed over", "Accepted", "Sales qualified", "Disqualified", "Converted")
        ),
        "Disqualified Reason": cells.coded(leads["disqualified_reason"], list(funnel.DISQUALIFIED)),
        "Opportunity ID": cells.ids("O-", leads["deal"]),
        "Fit Score": cells.whole(leads["score_fit"]),
        "Engagement Score": cells.whole(leads["score_engagement"]),
        "Country": cells.coded(country, [COUNTRY_NAMES[c] for c in company.COUNTRIES]),
        "Region": cells.coded(region, [r.name for r in company.REGIONS]),
        "Product Interest": cells.coded(leads["product"], company.PRODUCTS),
        "Owner": cells.coded(sdrs, market.SDRS),
        "Team": cells.coded(np.where(sdrs >= 0, 0, -1), ("Sales development",)),
        "Is Deleted": cells.yes(leads["deleted"], "true", "false"),
        "Master Record ID": cells.ids("L-", leads["master"]),
        "Last Modified": cells.iso(modified),
    }


LEAD_STAGES = ("MQL", "Handed over", "Accepted (SAL)", "Sales qualified", "Disqualified")


def crm_lead_history(desk: Desk) -> None:
    """When each lead entered each stage."""
    leads = desk.world.leads
    parts = []
    for place, name in enumerate(("mql", "handed", "sal", "qualified", "disqualified")):
        rows = np.flatnonzero(leads[name] != NONE)
        parts.append(Frame(lead=rows, stage=np.full(len(rows), place), at=leads[name][rows]))
    found = Frame({n: np.concatenate([p[n] for p in parts]) for n in parts[0]}).sorted("lead", "at")
    same = np.append(found["lead"][1:] == found["lead"][:-1], False)
    out = np.where(same, np.append(found["at"][1:], NONE), NONE)
    before = np.where(np.append(False, same[:-1]), np.append(-1, found["stage"][:-1]), -1)
    lead = found["lead"]
    region = np.where(leads["account"][lead] >= 0, desk.world.accounts["region"][leads["account"][lead]], -1)
    columns = {
        "Lead ID": cells.ids("L-", lead),
        "Account ID": account_ids(desk.world, leads["account"][lead]),
        "Old Value": cells.coded(before, LEAD_STAGES),
        "New Value": cells.coded(found["stage"], LEAD_STAGES),
        "Edit Date": cells.iso(found["at"]),
        "Until": cells.iso(out),
        "Entry": cells.same("1", found.size),
        "Lead Source": cells.coded(leads["channel"][lead], CRM_CHANNELS),
        "Region": cells.coded(region, [r.name for r in company.REGIONS]),
        "Edited By": cells.coded(leads["sdr"][lead], market.SDRS),
    }
    write_text(desk.folder / "crm" / "lead-history.tsv", columns, Text("\t"))


def crm_opportunities(desk: Desk) -> None:
    """Every state of every opportunity."""
    world = desk.world
    d, s = world.deals, world.states
    of = s["opportunity"]
    over = s["over"]
    closed = np.where(over, d["closed"][of], NONE)
    won = over & d["won"][of]
    lead = d["lead"][of]
    campaign = np.where(lead >= 0, world.leads["campaign"][lead], -1)
    names, _ = market.account_names(world.accounts)
    currency = world.accounts["currency"][d["account"][of]]
    annual = np.where(s["amount"] == d["final"][of], d["annual"][of], s["amount"] // d["term"][of] // 1000 * 1000)
    margin = (s["amount"] - d["services"][of]) * 80 // 100 + d["services"][of] * 40 // 100
    reasons = [*company.LOSS_REASONS, company.CLEANUP_NOTE]
    title = pc.binary_join_element_wise(
        pa.array(names).take(pa.array(d["account"][of])), cells.coded(d["product"][of], company.PRODUCTS), " / "
    )
    columns = {
        "Opportunity ID": cells.ids("O-", d["opportunity"][of]),
        "Account ID": _account_seen(desk, d["account"], "deals").take(pa.array(of)),
        "Lead ID": cells.ids("L-", lead),
        "Campaign ID": cells.ids("CMP-", campaign, 4),
        "Name": title,
        "Created Date": cells.iso(d["created"][of]),
        "Expected Close": cells.day(d["expected"][of]),
        "Closed At": cells.iso(closed),
        "Stage": cells.coded(s["stage"], deals.STAGES),
        "Probability (%)": cells.coded(s["stage"], [str(p) for p in deals.PROBABILITY]),
        "Loss Reason": cells.coded(np.where(over & ~won, d["reason"][of], -1), reasons),
        "Competitor": cells.coded(np.where(over & ~won, d["competitor"][of], -1), company.COMPETITORS),
        "Amount": cells.parts(s["amount"], 2),
        "Annual Amount": cells.parts(annual, 2),
        "Amount at Creation": cells.parts(d["amount0"][of], 2),
        "Gross Profit": cells.parts(margin, 2),
        "Currency": cells.coded(currency, company.CURRENCIES),
        "Type": cells.coded(d["kind"][of], ("New Business", "Expansion")),
        "Origin": cells.coded(d["origin"][of], deals.ORIGINS),
        "Channel": cells.coded(d["channel"][of], CRM_CHANNELS),
        "Product": cells.coded(d["product"][of], company.PRODUCTS),
        "Owner": _owners(d["region"][of], d["owner"][of]),
        "Team": cells.coded(d["region"][of], [f"Sales {r.name}" for r in company.REGIONS]),
        "SDR": cells.coded(d["sdr"][of], market.SDRS),
        "Last Modified": cells.iso(s["at"]),
    }
    write_text(desk.folder / "crm" / "opportunities.csv.gz", columns)


def crm_opportunity_history(desk: Desk) -> None:
    """When each opportunity entered each stage, the evening of the clean-up with it."""
    world = desk.world
    d, s = world.deals, world.states
    of = s["opportunity"]
    same = np.append(of[1:] == of[:-1], False)
    out = np.where(same, np.append(s["at"][1:], NONE), NONE)
    before = np.where(np.append(False, same[:-1]), np.append(-1, s["stage"][:-1]), -1)
    bulk = d["cleaned"][of] & s["over"]
    who = _owners(d["region"][of], np.where(bulk, -1, d["owner"][of]))
    columns = {
        "Opportunity ID": cells.ids("O-", d["opportunity"][of]),
        "Account ID": account_ids(world, d["account"][of]),
        "From Stage": cells.coded(before, deals.STAGES),
        "To Stage": cells.coded(s["stage"], deals.STAGES),
        "Changed": cells.iso(s["at"]),
        "Left": cells.iso(out),
        "Entry": cells.same("1", s.size),
        "Amount": cells.parts(s["amount"], 2),
        "Currency": cells.coded(world.accounts["currency"][d["account"][of]], company.CURRENCIES),
        "Channel": cells.coded(d["channel"][of], CRM_CHANNELS),
        "Region": cells.coded(d["region"][of], [r.name for r in company.REGIONS]),
        "Changed By": pc.if_else(pa.array(bulk), pa.scalar("Data Loader"), who),
    }
    write_text(desk.folder / "crm" / "opportunity-history.csv", columns)


def crm_contact_roles(desk: Desk) -> None:
    """Buying groups."""
    r = desk.world.roles
    names = ("Economic Buyer", "Decision Maker", "Champion", "Evaluator", "End User", "Other")
    columns = {
        "Opportunity ID": cells.ids("O-", r["opportunity"]),
        "Contact ID": cells.ids("C-", r["contact"]),
        "Role": cells.coded(r["role"], names),
        "Primary": cells.yes(r["primary"], "1", "0"),
        "Created Date": cells.iso(r["created"]),
    }
    write_text(desk.folder / "crm" / "contact-roles.csv", columns)


def crm_campaigns(desk: Desk) -> None:
    """Campaigns in their programs."""
    world = desk.world
    edges = world.span.starts()
    all_ = world.campaigns
    number = np.arange(len(all_))
    ended = np.array([int(edges[c.last + 1]) - 1 if c.last < world.span.count - 1 else NONE for c in all_])
    spent = np.bincount(
        np.where(world.costs["campaign"] >= 0, world.costs["campaign"], len(all_)),
        weights=world.costs["amount"],
        minlength=len(all_) + 1,
    )[: len(all_)]
    budget = (np.round(spent / 500_000) * 500_000).astype(np.int64)
    columns = {
        "Campaign ID": cells.ids("CMP-", number, 4),
        "Campaign Name": pa.array([c.name for c in all_]),
        "Program": pa.array([c.program for c in all_]),
        "Objective": pa.array([c.objective for c in all_]),
        "Channel": cells.coded(np.array([company.PLACE[c.channel] for c in all_]), CRM_CHANNELS),
        "Type": pa.array([c.kind for c in all_]),
        "Status": pa.array(["Running" if e == NONE else "Done" for e in ended.tolist()]),
        "Start": cells.day(edges[np.array([c.first for c in all_])]),
        "End": cells.day(ended),
        "Budget": cells.parts(np.where(budget > 0, budget, NONE), 2),
        "Product": pa.array([c.product for c in all_]),
        "Region": pa.array([c.region for c in all_]),
        "Owner": pa.array([marketing.marketer(int(i)) for i in number]),
        "Last Modified": cells.iso(market_start(world, all_)),
    }
    write_text(desk.folder / "crm" / "campaigns.csv", columns, Text("|"))


def market_start(world: World, all_: tuple[marketing.Campaign, ...]) -> Integers:
    """When each campaign was entered: on its first morning."""
    from headwater.demo.clock import instant

    day = world.span.starts()[np.array([c.first for c in all_])]
    return instant(day, np.full(len(day), 5 * 3600))


def crm_quotes(desk: Desk) -> None:
    """Offers, kept in a workbook with two lines above the header."""
    world = desk.world
    q, d = world.quotes, world.deals
    of = q["opportunity"]
    code = cells.coded(world.accounts["currency"][d["account"][of]], company.CURRENCIES).to_pylist()
    status = np.where(
        q["accepted"] != NONE,
        "accepted",
        np.where(~q["last"], "replaced", np.where(d["closed"][of] != NONE, "declined", "sent")),
    )
    rows: list[list[object]] = [["Quotes of all regions"], [f"Exported {world.span.until:%d.%m.%Y}"]]
    rows.append(
        [
            "Quote",
            "Opportunity",
            "Revision",
            "Sent",
            "Valid until",
            "Accepted",
            "State",
            "Amount",
            "Currency",
            "Product",
            "Owner",
        ]
    )
    product = cells.coded(d["product"][of], company.PRODUCTS).to_pylist()
    owner = _owners(d["region"][of], d["owner"][of]).to_pylist()
    issued, accepted = cells.german(q["issued"]).to_pylist(), cells.german(q["accepted"]).to_pylist()
    for i, (opportunity, revision, amount, valid) in enumerate(
        zip(
            d["opportunity"][of].tolist(),
            q["revision"].tolist(),
            q["amount"].tolist(),
            q["valid"].tolist(),
            strict=True,
        )
    ):
        rows.append(
            [
                f"Q-{opportunity:06d}-{revision}",
                f"O-{opportunity:06d}",
                revision,
                issued[i],
                f"{day_of(valid):%d.%m.%Y}",
                accepted[i] or None,
                str(status[i]),
                amount / 100,
                code[i],
                product[i],
                owner[i],
            ]
        )
    write_workbook(desk.folder / "crm" / "quotes.xlsx", {"Quotes": rows})


def sales_activities(desk: Desk) -> None:
    """Calls, meetings and mails from the tool of sales, on American time."""
    world = desk.world
    a = world.activities
    region = np.where(a["account"] >= 0, world.accounts["region"][a["account"]], 0)
    meeting, call = a["kind"] == 1, a["kind"] == 0
    mine = a["deal"] >= 0
    names = [n for r in company.REGIONS for n in market.SALES[r.name]]
    who = np.where(mine, region * 3 + a["owner"] % 3, len(names) + a["owner"] % len(market.SDRS))
    columns = {
        "Activity": cells.ids("T-", a["activity"], 7),
        "Type": cells.coded(a["kind"], ("Call", "Meeting", "Email")),
        "Direction": cells.same("out", a.size),
        "Automatic": cells.yes(~a["human"], "1", "0"),
        "When (ET)": cells.american(a["at"]),
        "Booked (ET)": cells.american(np.where(meeting, a["booked"], NONE)),
        "Held": cells.coded(np.where(meeting, a["held"].astype(np.int64), -1), ("no", "yes")),
        "Connected": cells.coded(np.where(call, a["reached"].astype(np.int64), -1), ("no", "yes")),
        "Seconds": cells.whole(np.where(call | meeting, a["length"] * np.where(meeting, 3, 1), NONE)),
        "Lead": cells.ids("L-", a["lead"]),
        "Contact": cells.ids("C-", a["contact"]),
        "Account": account_ids(world, a["account"]),
        "Opportunity": cells.ids("O-", a["deal"]),
        "User": cells.coded(who, [*names, *market.SDRS]),
        "Team": cells.yes(mine, "Sales", "Sales development"),
    }
    write_text(desk.folder / "crm" / "activities.csv", columns)


# --- web -------------------------------------------------------------------------------------------------------------
def web_sessions(desk: Desk) -> None:
    """Visits: years as Parquet from the warehouse, the last months as compressed texts with some days twice, and some
    visits of a month's last day only in the next file."""
    world, rng = desk.world, desk.rng("sessions")
    s = world.sessions
    day = days(s["at"])
    edges = world.span.starts()
    last_day = np.isin(day, edges - 1)
    recent = np.flatnonzero((day >= edges[-5] + 3) & ~last_day)
    broken = np.sort(rng.choice(recent, min(len(recent), 9), replace=False))
    for part in chunks(world, 4):
        start, end = part.start, part.end
        if not part.monthly:
            inside = s.take((day >= start) & (day < end))
            write_parquet(
                desk.folder / "web" / f"sessions-{part.name}.parquet", _typed(_session_columns(world, inside), inside)
            )
            continue
        file = f"sessions-{part.name}.csv.gz"
        held_back = last_day & (day == end - 1) & (s["session"] % 11 == 0) & (end < world.span.end)
        again = broken[(day[broken] >= start - 2) & (day[broken] < start)]
        rows = np.flatnonzero((day >= start - 2) & (day < end) & ~held_back)
        rows = rows[~np.isin(rows, again)]  # a broken row is not repeated
        mine = broken[(day[broken] >= start) & (day[broken] < end)]
        places = np.searchsorted(rows, mine)
        cut = dict(zip(places.tolist(), [f"s{int(n):09d},GA1.000" for n in s["session"][mine]], strict=True))
        for row in mine.tolist():
            key = f"s{int(s['session'][row]):09d}"
            desk.lost.append(Lost("web_sessions", f"web/{file}", key, row, "The line is cut off."))
        write_text(desk.folder / "web" / file, _session_columns(world, s.take(rows)), Text(broken=cut))


def _session_columns(world: World, s: Frame) -> dict[str, Texts]:
    host = ("google.com", "linkedin.com", "google.com", "", "", "logistik-heute.example", "partner.example", "")
    return {
        "session_id": cells.ids("s", s["session"], 9),
        "client_id": cells.ids("GA1.", s["visitor"], 9),
        "contact_id": cells.ids("C-", np.where(s["after"], world.leads["contact"][s["lead"]], -1)),
        "started_at": cells.iso(s["at"]),
        "medium": cells.coded(s["channel"], MEDIUMS),
        "source": cells.coded(s["channel"], WEB_SOURCES),
        "channel_group": cells.coded(s["channel"], WEB_CHANNELS),
        "campaign_id": cells.ids("CMP-", s["campaign"], 4),
        "referrer": cells.coded(s["channel"], host),
        "landing_page": cells.coded(s["page"], web.PAGES),
        "page_views": cells.whole(s["views"]),
        "duration_s": cells.whole(s["seconds"]),
        "engaged_s": cells.whole(s["engaged_seconds"]),
        "engaged": cells.yes(s["engaged"]),
        "new_visitor": cells.yes(s["new"]),
        "key_events": cells.whole(s["conversions"]),
        "device": cells.coded(s["device"], list(web.DEVICES)),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }


def _typed(columns: dict[str, Texts], s: Frame) -> dict[str, Texts]:
    found = {
        name: pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for name, column in columns.items()
    }
    found["started_at"] = pa.array(s["at"].astype("datetime64[s]")).cast(pa.timestamp("ms", "UTC"))
    for name, column in (
        ("page_views", "views"),
        ("duration_s", "seconds"),
        ("engaged_s", "engaged_seconds"),
        ("key_events", "conversions"),
    ):
        found[name] = pa.array(s[column])
    for name, column in (("engaged", "engaged"), ("new_visitor", "new")):
        found[name] = pa.array(s[column])
    return found


def web_actions(desk: Desk) -> None:
    """What people did on the site, from the tag manager."""
    world = desk.world
    a = world.actions
    person = pc.if_else(
        pa.array(a["contact"] >= 0),
        cells.ids("C-", a["contact"]),
        pc.if_else(pa.array(a["lead"] >= 0), cells.ids("L-", a["lead"]), cells.ids("GA1.", a["visitor"], 9)),
    )
    form = a["kind"] == web.KINDS.index("form")
    forms = np.where(form, np.where(a["lead"] >= 0, a["lead"] % len(web.FORMS), a["page"] % len(web.FORMS)), -1)
    columns = {
        "event_id": cells.ids("e", a["action"], 8),
        "event": cells.coded(a["kind"], web.KINDS),
        "step": cells.coded(a["step"], web.STEPS),
        "ts": cells.whole(a["at"] * 1000),
        "person": person,
        "client_id": cells.ids("GA1.", a["visitor"], 9),
        "contact_id": cells.ids("C-", a["contact"]),
        "lead_id": cells.ids("L-", np.where(a["contact"] >= 0, a["lead"], -1)),
        "session_id": cells.ids("s", a["session"], 9),
        "page": cells.coded(a["page"], web.PAGES),
        "form": cells.coded(forms, web.FORMS),
        "content_id": cells.ids("K-", a["content"], 4),
        "campaign_id": cells.ids("CMP-", a["campaign"], 4),
        "channel_group": cells.coded(a["channel"], WEB_CHANNELS),
        "device": cells.coded(a["device"], list(web.DEVICES)),
        "goal": cells.yes(a["goal"], "1", "0"),
    }
    write_text(desk.folder / "web" / "events.csv.gz", columns)


def touchpoints(desk: Desk) -> None:
    """The customer data platform's list of touches."""
    t = desk.world.touches
    columns = {
        "touch_id": cells.ids("x", t["touch"], 8),
        "occurred_at": cells.moment(t["at"], zone="Europe/Berlin", between="T", end="offset"),
        "kind": cells.coded(t["kind"], web.TOUCH_KINDS),
        "marketing": cells.yes(t["marketing"], "t", "f"),
        "contact_id": cells.ids("C-", t["contact"]),
        "channel": cells.coded(t["channel"], WEB_CHANNELS),
        "campaign_id": cells.ids("CMP-", t["campaign"], 4),
    }
    write_text(desk.folder / "web" / "touchpoints.csv", columns, Text(";"))


# --- advertising -----------------------------------------------------------------------------------------------------
def google_ads(desk: Desk) -> None:
    """A line with the title and one with the span above the header; years, then three months with days again."""
    world, rng = desk.world, desk.rng("google")
    a = world.ads.take(world.ads["platform"] == 0)
    columns = {
        "Day": cells.day(a["day"]),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Campaign": pa.array([c.name for c in world.campaigns]).take(pa.array(a["campaign"])),
        "Ad group": cells.coded(a["group"], ("Core", "Broad")),
        "Search keyword": cells.coded(a["keyword"], [marketing.keyword(i) for i in range(10)]),
        "Currency code": cells.same("EUR", a.size),
        "Impr.": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Cost (micros)": cells.whole(a["spend"] * 10_000),
        "Conversions": cells.parts(a["conversions"] * 100, 2),
    }
    able = np.flatnonzero(a["day"] >= world.span.starts()[-3])
    broken = np.sort(rng.choice(able, min(len(able), 2), replace=False))
    columns["Impr."] = spoiled(columns["Impr."], broken, " --")
    for part in chunks(world, 2):
        start, end = part.start, part.end
        inside = (a["day"] >= start) & (a["day"] < end)
        if part.monthly:
            inside |= (a["day"] >= start - 3) & (a["day"] < start)
            inside[broken[a["day"][broken] < start]] = False
        title = ["Campaign performance", f"{day_of(start)} - {day_of(end - 1)}"]
        for row in broken[inside[broken]].tolist():
            key = f"{day_of(int(a['day'][row])):%Y-%m-%d} CMP-{int(a['campaign'][row]):04d}"
            desk.lost.append(Lost("ad_days", f"ads/google-{part.name}.csv", key, row, "The impressions are no number."))
        write_text(desk.folder / "ads" / f"google-{part.name}.csv", take(columns, inside), Text(before=title))


def microsoft_ads(desk: Desk) -> None:
    """American dates, pounds, a preamble, and a line with the total."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 1)
    columns = {
        "Gregorian date": cells.day(a["day"], "%m/%d/%Y"),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Ad group": cells.coded(a["group"], ("Core", "Broad")),
        "Keyword": cells.coded(a["keyword"], [marketing.keyword(i) for i in range(10)]),
        "Impressions": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Spend": cells.parts(a["spend"], 2),
        "Conversions": cells.whole(a["conversions"]),
    }
    shown, clicks, spend, done = (int(a[n].sum()) for n in ("impressions", "clicks", "spend", "conversions"))
    total = f"Total,,,,{shown},{clicks},{spend / 100:.2f},{done}"
    before = [
        "Report Name: Keyword performance",
        f"Report Time: {world.span.first:%m/%d/%Y} - {world.span.until:%m/%d/%Y}",
        "Currency: GBP",
    ]
    write_text(desk.folder / "ads" / "microsoft.csv", columns, Text(before=before, after=[total]))


def linkedin_ads(desk: Desk) -> None:
    """Tabs in UTF-16, below five lines about the report, in dollars."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 2)
    columns = {
        "Start Date (in UTC)": cells.day(a["day"], "%m/%d/%Y"),
        "Campaign ID": cells.ids("CMP-", a["campaign"], 4),
        "Campaign Group": cells.coded(a["group"], ("Decision makers", "Users")),
        "Currency": cells.same("USD", a.size),
        "Total Spent": cells.parts(a["spend"], 2),
        "Impressions": cells.whole(a["impressions"]),
        "Clicks": cells.whole(a["clicks"]),
        "Leads": cells.whole(a["conversions"]),
    }
    before = [
        "Campaign Performance Report (in UTC)",
        f"Report Start: {world.span.first}",
        f"Report End: {world.span.until}",
        "",
        "Tallyport",
    ]
    write_text(desk.folder / "ads" / "linkedin.csv", columns, Text("\t", "utf-16", before))


def meta_ads(desk: Desk) -> None:
    """A workbook with two sheets."""
    world = desk.world
    a = world.ads.take(world.ads["platform"] == 3)
    rows: list[list[object]] = [
        ["Reporting starts", "Campaign", "Ad set", "Impressions", "Link clicks", "Amount spent (EUR)", "Results"]
    ]
    for day, campaign, group, shown, clicks, spend, results in zip(
        *(a[n].tolist() for n in ("day", "campaign", "group", "impressions", "clicks", "spend", "conversions")),
        strict=True,
    ):
        rows.append(
            [day_of(day), f"CMP-{campaign:04d}", ("Broad", "Lookalike")[group], shown, clicks, spend / 100, results]
        )
    notes = [["Account", "Tallyport EU"], ["Attribution", "7-day click"]]
    write_workbook(desk.folder / "ads" / "meta.xlsx", {"Raw Data Report": rows, "About": notes})


# --- mails -----------------------------------------------------------------------------------------------------------
def mail_events(desk: Desk) -> None:
    """What the mailing tool logs: some events twice, for some the time of sending is missing."""
    world, rng = desk.world, desk.rng("mails")
    m = world.mails
    day = days(m["sent"])
    delivered = np.flatnonzero(m["kind"] == outreach.EVENTS.index("delivered"))
    broken = np.sort(rng.choice(delivered, 3, replace=False))
    for part in chunks(world, 0):
        rows = np.flatnonzero((day >= part.start) & (day < part.end))
        mine = broken[(day[broken] >= part.start) & (day[broken] < part.end)]
        sound = rows[~np.isin(rows, mine)]
        double = rng.choice(sound, min(len(sound), 25), replace=False)
        rows = np.sort(np.concatenate([rows, double]))
        columns = _mail_columns(world, m.take(rows))
        columns["sent_at"] = spoiled(columns["sent_at"], np.searchsorted(rows, mine), "NULL")
        file = f"events-{part.name}.csv.gz"
        for row in mine.tolist():
            key = f"m{int(m['event'][row]):09d}"
            desk.lost.append(Lost("email_events", f"mail/{file}", key, row, "The time of sending is missing."))
        write_text(desk.folder / "mail" / file, columns)


def _mail_columns(world: World, m: Frame) -> dict[str, Texts]:
    bounce = np.where(m["kind"] == outreach.EVENTS.index("bounced"), m["hard"].astype(np.int64), -1)
    return {
        "event_id": cells.ids("m", m["event"], 9),
        "message_id": cells.ids("msg", m["message"], 9),
        "event": cells.coded(m["kind"], outreach.EVENTS),
        "bounce_type": cells.coded(bounce, ("soft", "hard")),
        "bot": cells.yes(m["machine"], "1", "0"),
        "sent_at": cells.moment(m["sent"], between="T", end="+00:00"),
        "event_at": cells.moment(m["at"], between="T", end="+00:00"),
        "contact_id": cells.ids("C-", m["contact"]),
        "campaign_id": cells.ids("CMP-", m["campaign"], 4),
        "mailing": pa.array([c.name for c in world.campaigns]).take(pa.array(m["campaign"])),
    }


# --- social, search, content -----------------------------------------------------------------------------------------
def social_profiles(desk: Desk) -> None:
    """What each network counts a day."""
    s = desk.world.social
    columns = {
        "profile": cells.coded(s["profile"], [f"tallyport-{n.lower()}" for n in outreach.NETWORKS]),
        "network": cells.coded(s["profile"], outreach.NETWORKS),
        "date": cells.day(s["day"], "%d/%m/%Y"),
    }
    columns |= {
        n: cells.whole(s[n]) for n in ("followers", "posts", "reach", "impressions", "clicks", "saves", "engagements")
    }
    write_text(desk.folder / "social" / "profiles.csv", columns)


def social_listening(desk: Desk) -> None:
    """Single reactions and mentions, from the listening tool."""
    s = desk.world.interactions
    profile = np.where(s["brand"] == 0, s["network"], -1)
    columns = {
        "id": cells.ids("i", s["interaction"], 7),
        "type": cells.coded(s["kind"], outreach.REACTIONS),
        "at": cells.iso(s["at"]),
        "network": cells.coded(s["network"], outreach.NETWORKS),
        "profile": cells.coded(profile, [f"tallyport-{n.lower()}" for n in outreach.NETWORKS]),
        "brand": cells.coded(s["brand"], ("Tallyport", *company.COMPETITORS)),
        "sentiment": cells.coded(s["mood"], ("positive", "neutral", "negative")),
        "contact_id": cells.ids("C-", s["contact"]),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }
    write_text(desk.folder / "social" / "listening.tsv", columns, Text("\t"))


def search_console(desk: Desk) -> None:
    """Queries in unpaid search a day."""
    s = desk.world.search
    columns = {
        "date": cells.day(s["day"]),
        "query": cells.coded(s["query"], outreach.QUERIES),
        "device": cells.coded(s["device"], ("DESKTOP", "MOBILE")),
        "clicks": cells.whole(s["clicks"]),
        "impressions": cells.whole(s["shown"]),
        "position": cells.parts(s["position"], 1),
        "volume": cells.whole(s["volume"]),
        "cpc": cells.parts(s["price"], 2),
        "branded": cells.yes(s["query"] < 2, "1", "0"),
    }
    write_text(desk.folder / "search" / "queries.csv.gz", columns)


def link_index(desk: Desk) -> None:
    """Sites that link to ours."""
    s = desk.world.links
    columns = {
        "domain": pc.binary_join_element_wise(pa.scalar("site"), cells.whole(s["site"]), pa.scalar(".example"), ""),
        "seen": cells.day(s["day"]),
        "links": cells.whole(s["links"]),
        "live": cells.yes(s["live"]),
        "dofollow": cells.yes(s["follow"]),
        "rating": cells.whole(s["authority"]),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }
    write_text(desk.folder / "search" / "links.csv", columns)


def content_calendar(desk: Desk) -> None:
    """What was published."""
    c = desk.world.contents
    words = [f"{t.capitalize()} {k.replace('_', ' ')}" for t in outreach.TOPICS for k in outreach.CONTENT_KINDS]
    title = cells.coded(c["topic"] * len(outreach.CONTENT_KINDS) + c["kind"], words)
    columns = {
        "Item": cells.ids("K-", c["content"], 4),
        "Title": pc.binary_join_element_wise(title, cells.whole(c["content"] + 1), " no. "),
        "Type": cells.coded(c["kind"], outreach.CONTENT_KINDS),
        "Published": cells.german(c["at"]),
        "Topic": cells.coded(c["topic"], outreach.TOPICS),
        "Journey": cells.coded(c["stage"], ("awareness", "consideration", "decision")),
        "Product": cells.coded(c["product"], company.PRODUCTS),
        "Language": cells.coded(c["language"], ("en", "de")),
    }
    write_text(desk.folder / "web" / "content.csv", columns, Text(";"))


# --- finance ---------------------------------------------------------------------------------------------------------
def invoices(desk: Desk) -> None:
    """Invoices by line, as the books write them: semicolons, decimal commas, the currency of the customer."""
    world = desk.world
    o = world.orders
    currency = world.accounts["currency"][o["account"]]
    first = customers.origin_of(world.deals, world.accounts.size)
    columns = {
        "Belegnummer": cells.ids("R", o["order"], 7),
        "Position": cells.whole(o["line"]),
        "Debitor": account_ids(world, o["account"]),
        "Auftrag": cells.ids("O-", np.where(o["deal"] >= 0, world.deals["opportunity"][o["deal"]], -1)),
        "Datum": cells.day(o["day"], "%d.%m.%Y"),
        "Nettobetrag": cells.parts(o["amount"], 2, ","),
        "Wareneinsatz": cells.parts(o["goods"], 2, ","),
        "Währung": cells.coded(currency, company.CURRENCIES),
        "Artikel": cells.coded(o["product"], company.PRODUCTS),
        "Gruppe": cells.coded(
            np.where(o["service"], 1, np.where(o["line"] > 1, 2, 0)), ("Subscription", "Services", "Support")
        ),
        "Kanal": cells.coded(first["channel"][o["account"]], CRM_CHANNELS),
    }
    write_text(desk.folder / "finance" / "rechnungen.csv", columns, Text(";", "cp1252"))


def billing(desk: Desk) -> None:
    """Movements of monthly revenue from the billing system: cents and milliseconds."""
    world = desk.world
    m = world.movements
    a = world.accounts
    first = customers.origin_of(world.deals, a.size)
    begun = np.full(a.size, NONE)
    order = np.lexsort((m["at"], m["account"]))[::-1]
    begun[m["account"][order]] = m["at"][order]
    columns = {
        "id": cells.ids("mv", np.arange(m.size), 6),
        "subscription": cells.ids("sub", m["account"], 5),
        "customer": account_ids(world, m["account"]),
        "effective": cells.whole(m["at"] * 1000),
        "type": cells.coded(m["kind"], customers.MOVES),
        "mrr_delta_minor": cells.whole(m["change"]),
        "currency": cells.coded(a["currency"][m["account"]], company.CURRENCIES),
        "seats_delta": cells.whole(m["seats"]),
        "customer_since": cells.whole(np.where(begun[m["account"]] != NONE, begun[m["account"]] * 1000, NONE)),
        "reason": cells.coded(m["reason"], list(company.CHURN_REASONS)),
        "plan": cells.coded(a["segment"][m["account"]], company.PLANS),
        "product": cells.coded(first["product"][m["account"]], company.PRODUCTS),
        "channel": cells.coded(first["channel"][m["account"]], CRM_CHANNELS),
    }
    write_text(desk.folder / "finance" / "mrr-movements.csv", columns)


def cost_sheets(desk: Desk) -> None:
    """The budget's workbooks, one a year, each with a title and a total."""
    world, rng = desk.world, desk.rng("costs")
    c = world.costs
    broken = int(rng.choice(np.flatnonzero((c["kind"] == 1) & (c["function"] == 0))))
    for part in chunks(world, 0):
        start, end = part.start, part.end
        rows: list[list[object]] = [[f"Marketing, sales and service costs {part.name}"]]
        rows.append(
            [
                "Entry",
                "Booked",
                "Kind",
                "Function",
                "Purpose",
                "Supplier",
                "Campaign",
                "Channel",
                "Segment",
                "Customer",
                "Amount",
                "Currency",
            ]
        )
        total = 0
        inside = np.flatnonzero((c["day"] >= start) & (c["day"] < end))
        for i in inside.tolist():
            amount = int(c["amount"][i])
            total += amount
            campaign, channel, account = int(c["campaign"][i]), int(c["channel"][i]), int(c["account"][i])
            platform, segment = int(c["platform"][i]), int(c["segment"][i])
            if i == broken:
                desk.lost.append(
                    Lost("costs", f"finance/costs-{part.name}.xlsx", f"B-{i:06d}", i, "The amount is no number.")
                )
            rows.append(
                [
                    f"B-{i:06d}",
                    day_of(int(c["day"][i])),
                    finance.COST_KINDS[int(c["kind"][i])],
                    finance.FUNCTIONS[int(c["function"][i])],
                    finance.PURPOSES[int(c["purpose"][i])],
                    marketing.PLATFORMS[platform] if platform >= 0 else None,
                    f"CMP-{campaign:04d}" if campaign >= 0 else None,
                    CRM_CHANNELS[channel] if channel >= 0 else None,
                    company.SEGMENTS[segment].name if segment >= 0 else None,
                    f"A-{account:06d}" if account >= 0 else None,
                    "see mail" if i == broken else amount / 100,
                    company.CURRENCIES[int(c["currency"][i])],
                ]
            )
        rows.append(["Total", *[None] * 9, total / 100, None])
        write_workbook(desk.folder / "finance" / f"costs-{part.name}.xlsx", {"Costs": rows})


def general_ledger(desk: Desk) -> None:
    """Postings: points between thousands, decimal commas, the minus behind."""
    world = desk.world
    g = world.ledger
    region = np.where(g["account"] >= 0, world.accounts["region"][g["account"]], -1)
    segment = np.where(g["account"] >= 0, world.accounts["segment"][g["account"]], -1)
    codes = sorted(finance.ACCOUNT_NAMES)
    place = np.searchsorted(np.array(codes), g["code"])
    columns = {
        "Buchung": cells.ids("G", g["posting"], 7),
        "Datum": cells.day(g["day"], "%d.%m.%Y"),
        "Konto": cells.coded(place, [f"{c:04d}" for c in codes]),
        "Bezeichnung": cells.coded(place, [finance.ACCOUNT_NAMES[c] for c in codes]),
        "Art": cells.coded(g["kind"], finance.POSTINGS),
        "Zahlung": cells.coded((g["cash"] > 0).astype(np.int64), ("nein", "ja")),
        "Fluss": cells.coded(g["cash"], finance.CASH_FLOWS),
        "Betrag": cells.grouped(g["amount"], 2, ",", ".", behind=True),
        "Währung": cells.coded(g["currency"], company.CURRENCIES),
        "Debitor": account_ids(world, g["account"]),
        "Artikel": cells.coded(g["product"], company.PRODUCTS),
        "Region": cells.coded(region, [r.name for r in company.REGIONS]),
        "Segment": cells.coded(segment, [s.name for s in company.SEGMENTS]),
    }
    for part in chunks(world, 0):
        start, end = part.start, part.end
        write_text(
            desk.folder / "finance" / f"hauptbuch-{part.name}.csv",
            take(columns, (g["day"] >= start) & (g["day"] < end)),
            Text(";", "cp1252"),
        )


def exchange_rates(desk: Desk) -> None:
    """The bank's rates of business days."""
    r = desk.world.rates
    columns = {
        "currency": cells.coded(r["currency"], company.CURRENCIES),
        "date": cells.day(r["day"]),
        "eur": cells.parts(r["rate"], 5),
    }
    write_text(desk.folder / "finance" / "rates.csv", columns)


def survey_answers(desk: Desk) -> None:
    """Recommendation and satisfaction, as the survey tool lists them."""
    world = desk.world
    s = world.surveys
    months = list(world.span.months())
    account = world.contacts["account"][s["contact"]]
    columns = {
        "Invitation": cells.ids("V", np.arange(s.size), 7),
        "Survey": cells.yes(s["nps"], "Relationship NPS", "Support CSAT"),
        "Scale": cells.yes(s["nps"], "10", "5"),
        "Wave": cells.coded(s["month"], [f"{m:%Y-%m}" for m in months]),
        "Invited": cells.iso(s["invited"]),
        "Delivered": cells.yes(s["delivered"], "yes", "no"),
        "Answered": cells.iso(s["answered"]),
        "Score": cells.whole(s["score"]),
        "Contact": cells.ids("C-", s["contact"]),
        "Country": cells.coded(world.accounts["country"][account], company.COUNTRIES),
    }
    write_text(desk.folder / "surveys" / "responses.csv", columns)


EXPORTS: tuple[Callable[[Desk], None], ...] = (
    crm_accounts,
    crm_contacts,
    crm_leads,
    crm_lead_history,
    crm_opportunities,
    crm_opportunity_history,
    crm_contact_roles,
    crm_campaigns,
    crm_quotes,
    sales_activities,
    web_sessions,
    web_actions,
    touchpoints,
    google_ads,
    microsoft_ads,
    linkedin_ads,
    meta_ads,
    mail_events,
    social_profiles,
    social_listening,
    search_console,
    link_index,
    content_calendar,
    invoices,
    billing,
    cost_sheets,
    general_ledger,
    exchange_rates,
    survey_answers,
)
