"""What is true of the company: numbers by month and channel, from what happened and not from what was exported, and
what was planted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headwater.demo import company, finance
from headwater.demo.clock import NONE, Flags, Integers, day_of, days
from headwater.demo.deals import bulk_instant
from headwater.demo.desk import Lost
from headwater.demo.marketing import GOOD, IDLE
from headwater.demo.web import break_days
from headwater.demo.world import World
from headwater.version import VERSION

FORMAT = 1
COUNTS = {
    "website_visits": "website_visits",
    "leads": "leads",
    "inquiries": "inquiries",
    "mqls": "mqls",
    "sals": "sals",
    "sqls": "sqls",
    "opportunities_created": "opportunities_created",
    "sales_volume": "sales_volume",
    "new_customers": "new_customers",
    "open_opportunities": "open_opportunities",
}
MONEY = {
    "marketing_spend": "marketing_spend.loaded",
    "revenue": "total_sales_revenue.bookings",
    "pipeline_created": "pipeline_created",
    "open_pipeline": "pipeline_value",
    "mrr": "mrr",
    "recognised_revenue": "total_sales_revenue.recognised",
}
"""Each series of the truth, and the KPI that must equal it."""
WITHOUT_CHANNEL = ("recognised_revenue",)

Table = Integers
"""One row a month; one column a channel, and a last one for none."""
SCALE = 100 * finance.RATE_UNIT
"""Money is kept in parts of a cent, so that nothing is rounded before the end."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Which rows of the world are left out."""

    sessions: Flags
    leads: Flags
    costs: Flags


def truth(world: World, gone: Gone | None = None) -> dict[str, Table]:
    """Every series: counts, and money in hundred-thousandths of a cent of a euro."""
    span = world.span
    first, rate = finance.rate_table(span, world.rates)
    width = len(company.CHANNELS) + 1
    last = span.starts()[1:] - 1

    def table(day: Integers, channel: Integers, keep: Flags, value: Integers | None = None) -> Table:
        month = span.month_of(np.where(keep, day, span.start))
        inside = keep & (month >= 0) & (month < span.count) & (day != NONE)
        found = np.zeros((span.count, width), np.int64)
        np.add.at(found, (month[inside], channel[inside]), 1 if value is None else value[inside])
        return found

    def euros(cents: Integers, currency: Integers, day: Integers) -> Integers:
        known = np.clip(day - first, 0, rate.shape[1] - 1)
        return cents * rate[currency, known]

    s, leads, d, costs, m, g = world.sessions, world.leads, world.deals, world.costs, world.movements, world.ledger
    there = {n: np.ones(f.size, bool) for n, f in (("sessions", s), ("leads", leads), ("costs", costs))}
    if gone is not None:
        there = {"sessions": ~gone.sessions, "leads": ~gone.leads, "costs": ~gone.costs}
    every = np.ones(d.size, bool)
    currency = world.accounts["currency"]
    channel = d["channel"]
    found = {"website_visits": table(days(s["at"]), s["channel"], there["sessions"])}
    found["leads"] = table(days(leads["created"]), leads["channel"], there["leads"])
    found["inquiries"] = table(days(leads["inquired"]), leads["channel"], there["leads"] & (leads["inquired"] != NONE))
    for name, column in (("mqls", "mql"), ("sals", "sal"), ("sqls", "qualified")):
        found[name] = table(days(leads[column]), leads["channel"], there["leads"] & (leads[column] != NONE))
    created, closed = days(d["created"]), days(d["closed"])
    found["opportunities_created"] = table(created, channel, every)
    found["sales_volume"] = table(closed, channel, d["won"])
    won = np.flatnonzero(d["won"])
    order = won[np.lexsort((d["closed"][won], d["account"][won]))]
    firsts = np.zeros(d.size, bool)
    firsts[order[np.flatnonzero(np.diff(d["account"][order], prepend=-1))]] = True
    found["new_customers"] = table(closed, channel, firsts)
    own = currency[d["account"]]
    found["revenue"] = table(closed, channel, d["won"], euros(d["final"], own, closed))
    found["pipeline_created"] = table(created, channel, every, euros(d["amount0"], own, created))
    found["open_opportunities"] = np.zeros((span.count, width), np.int64)
    found["open_pipeline"] = np.zeros((span.count, width), np.int64)
    at = world.states
    state_day = days(at["at"])
    for month, end in enumerate(last.tolist()):
        open_ = (created <= end) & ((closed == NONE) | (closed > end))
        seen = np.flatnonzero(state_day <= end)
        amount = np.zeros(d.size, np.int64)
        amount[at["opportunity"][seen]] = at["amount"][seen]  # in order of time: the last one stays
        np.add.at(found["open_opportunities"], (month, channel[open_]), 1)
        np.add.at(found["open_pipeline"], (month, channel[open_]), amount[open_] * rate[own[open_], end - first])
    won_by = np.full(world.accounts.size, -1)
    backwards = order[::-1]
    won_by[d["account"][backwards]] = channel[backwards]
    found["mrr"] = np.zeros((span.count, width), np.int64)
    moved = days(m["at"])
    for month, end in enumerate(last.tolist()):
        rows = moved <= end
        value = m["change"][rows] * rate[currency[m["account"][rows]], end - first]
        np.add.at(found["mrr"], (month, won_by[m["account"][rows]]), value)
    kinds = [finance.COST_KINDS.index(k) for k in ("media", "tools", "people", "content", "events", "programme")]
    counted = (costs["function"] == 0) & np.isin(costs["kind"], kinds) & there["costs"]
    found["marketing_spend"] = table(
        costs["day"], costs["channel"], counted, euros(costs["amount"], costs["currency"], costs["day"])
    )
    posted = (g["kind"] == 0) & (g["cash"] == 0)
    nothing = np.full(g.size, -1)
    found["recognised_revenue"] = table(g["day"], nothing, posted, euros(g["amount"], g["currency"], g["day"]))
    return {name: found[name] for name in (*COUNTS, *MONEY)}


def lost_from(world: World, whole: Mapping[str, Table], lost: Sequence[Lost]) -> dict[str, Table]:
    """What the broken rows take from each series."""

    def rows(table: str, size: int) -> Flags:
        found = np.zeros(size, bool)
        found[[one.row for one in lost if one.table == table]] = True
        return found

    gone = Gone(
        sessions=rows("web_sessions", world.sessions.size),
        leads=rows("leads", world.leads.size),
        costs=rows("costs", world.costs.size),
    )
    left = truth(world, gone)
    return {name: whole[name] - left[name] for name in whole}


# --- the file --------------------------------------------------------------------------------------------------------
def write(
    path: Path, world: World, whole: Mapping[str, Table], lost: Sequence[Lost], effect: Mapping[str, Table]
) -> None:
    """`truth.json`; docs/demo.md says what stands where."""
    months = [f"{m:%Y-%m}" for m in world.span.months()]
    told = {
        "format": FORMAT,
        "version": VERSION,
        "company": company.NAME,
        "seed": world.seed,
        "scale": world.scale,
        "first": world.span.first.isoformat(),
        "until": world.span.until.isoformat(),
        "currency": company.CURRENCY,
        "months": months,
        "channels": list(company.CHANNEL_IDS),
        "kpis": COUNTS | MONEY,
        "series": {name: _series(name, table) for name, table in whole.items()},
        "unrecoverable": {
            "rows": [{"table": x.table, "file": f"exports/{x.file}", "key": x.key, "reason": x.reason} for x in lost],
            "effect": {name: _series(name, table) for name, table in effect.items() if table.any()},
        },
        "planted": planted(world),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _series(name: str, table: Table) -> dict[str, list[int] | list[str]]:
    """A series: `all` its months, then each channel's, and `none` for rows of no channel; money as text in euros."""
    columns: dict[str, Table] = {"all": table.sum(axis=1)}
    if name not in WITHOUT_CHANNEL:
        columns |= {id: table[:, i] for i, id in enumerate(company.CHANNEL_IDS)}
        if table[:, -1].any():
            columns["none"] = table[:, -1]
    if name in COUNTS:
        return {id: values.tolist() for id, values in columns.items()}
    return {id: [_euros(v) for v in values.tolist()] for id, values in columns.items()}


def _euros(parts: int) -> str:
    """Money to the cent, halves away from nothing."""
    cents = (abs(parts) + SCALE // 200) // (SCALE // 100)
    return f"{'-' if parts < 0 and cents else ''}{cents // 100}.{cents % 100:02d}"


def planted(world: World) -> dict[str, Any]:
    """What was planted, with its days and factors."""
    p, span = company.PLANTS, world.span
    months = [f"{m:%Y-%m}" for m in span.months()]
    first, last = break_days(span)
    at = bulk_instant(span)
    d = world.deals
    return {
        "leading": [
            {"kpi": "leads", "leads": "total_sales_revenue", "months": p.cycle_months + 1},
            {"kpi": "mqls", "leads": "total_sales_revenue", "months": p.cycle_months + 1},
            {"kpi": "sqls", "leads": "total_sales_revenue", "months": p.cycle_months},
            {"kpi": "pipeline_created", "leads": "total_sales_revenue", "months": p.cycle_months},
        ],
        "vanity": ["website_visits", "unique_visitors", "impressions", "social_followers"],
        "tracking_break": {
            "table": "web_sessions",
            "first": day_of(first).isoformat(),
            "last": day_of(last).isoformat(),
            "share_lost": p.break_lost,
            "kpis": ["website_visits", "unique_visitors", "visitor_to_lead_rate"],
        },
        "segment_drop": {
            "kpi": "mql_to_sql_rate",
            "split": "region",
            "value": p.drop_region,
            "from": months[p.drop_month],
            "factor": p.drop_factor,
        },
        "price_change": {
            "from": months[p.price_month],
            "factor": p.price_factor,
            "win_rate_factor": p.price_win_factor,
            "win_rate_until": months[p.price_month + p.price_win_months - 1],
            "kpis": ["avg_deal_size", "win_rate"],
        },
        "season": {
            "by_calendar_month": list(company.SEASON),
            "kpis": ["leads", "mqls", "opportunities_created"],
        },
        "saturating_channel": {
            "channel": "paid_search",
            "from": months[p.saturating_from],
            "spend_factor": p.saturating_spend,
            "leads_factor": round(p.saturating_spend**p.saturating_power, 4),
            "power": p.saturating_power,
        },
        "idle_campaign": {
            "campaign": IDLE,
            "campaign_id": f"CMP-{[c.name for c in world.campaigns].index(IDLE):04d}",
            "from": months[p.idle_from],
            "monthly_cost": _euros(round(p.idle_monthly_cents * world.scale) * finance.RATE_UNIT),
        },
        "good_campaign": {
            "campaign": GOOD,
            "campaign_id": f"CMP-{[c.name for c in world.campaigns].index(GOOD):04d}",
            "objective": next(c.objective for c in world.campaigns if c.name == GOOD),
            "share_of_channel": _share(world, GOOD),
        },
        "bulk_update": {
            "table": "opportunities",
            "at": (np.datetime64(at, "s").astype("datetime64[s]").item()).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to_stage": "lost",
            "loss_reason": company.CLEANUP_NOTE,
            "rows": int(d["cleaned"].sum()),
        },
        "cycle": {"median_days": _median_cycle(world), "of": "won opportunities of kind new"},
    }


def _share(world: World, name: str) -> float:
    """The part of its channel's leads that a campaign brings in the last month."""
    last = world.span.count - 1
    mine = next(c for c in world.campaigns if c.name == name)
    running = [c for c in world.campaigns if c.channel == mine.channel and c.first <= last <= c.last and c.name != IDLE]
    return round(mine.weight / sum(c.weight for c in running), 4)


def _median_cycle(world: World) -> float:
    d = world.deals
    rows = d["won"] & (d["kind"] == 0) & ~d["old"]
    return round(float(np.median((d["closed"] - d["created"])[rows])) / 86_400, 1) if rows.any() else 0.0
