"""Finance: invoices, billing, costs, the ledger, rates and what customers answered."""

from __future__ import annotations

import numpy as np

from headwater.demo import cells, company, customers, finance, marketing
from headwater.demo.clock import NONE, day_of
from headwater.demo.desk import Desk, Lost, account_ids, chunks
from headwater.demo.programs.crm import CRM_CHANNELS
from headwater.demo.sheets import Text, take, write_text, write_workbook


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
