"""The CRM: companies, people, leads, deals, campaigns, quotes and what sales did."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.demo import cells, company, deals, funnel, market, marketing, web
from headwater.demo.cells import Texts
from headwater.demo.clock import NONE, Integers, day_of, days
from headwater.demo.desk import (
    COUNTRY_NAMES,
    DUPLICATE,
    MEDIUMS,
    WEB_SOURCES,
    Desk,
    Lost,
    account_ids,
    account_seen,
    chunks,
    entered_twice,
    owners,
)
from headwater.demo.frame import Frame
from headwater.demo.sheets import Text, spoiled, take, write_text, write_workbook
from headwater.demo.world import World

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


def crm_accounts(desk: Desk) -> None:
    """Companies with each state they had, some entered twice and merged."""
    world, rng = desk.world, desk.rng("accounts")
    a = world.accounts
    first = np.full(a.size, NONE)
    won = world.deals.take(world.deals["won"]).sorted("account", "closed")
    first[won["account"][::-1]] = won["closed"][::-1]
    bought = np.flatnonzero((first != NONE) & (first > a["created"]))
    twice = entered_twice(desk)
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
        "Owner": owners(region, owner),
        "Last Modified": cells.iso(states["modified"]),
        "Master Record ID": account_ids(world, states["master"]),
    }
    again = np.sort(rng.choice(len(row), min(len(row), 6), replace=False))  # exported twice over
    rows = np.sort(np.concatenate([np.arange(len(row)), again]))
    write_text(desk.folder / "crm" / "accounts.csv", take(columns, rows))


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
        "Firma-Nr.": account_seen(desk, c["account"], "contacts"),
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
        "Betreuer": owners(region, owner),
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
        "Account ID": account_seen(desk, leads["account"], "leads"),
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
        "Account ID": account_seen(desk, d["account"], "deals").take(pa.array(of)),
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
        "Owner": owners(d["region"][of], d["owner"][of]),
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
    who = owners(d["region"][of], np.where(bulk, -1, d["owner"][of]))
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
        "Last Modified": cells.iso(_begins(world, all_)),
    }
    write_text(desk.folder / "crm" / "campaigns.csv", columns, Text("|"))


def _begins(world: World, all_: tuple[marketing.Campaign, ...]) -> Integers:
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
    owner = owners(d["region"][of], d["owner"][of]).to_pylist()
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
