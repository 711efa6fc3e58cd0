"""A small catalogue as files: three tables, a handful of measures and KPIs, without a fault."""

from collections.abc import Mapping
from pathlib import Path

FILES: Mapping[str, str] = {
    "tables/accounts.yml": """\
title: Accounts
grain: one row per company
subject: account
key: [account_id]
event: created_at
versions: true
columns:
  account_id: {type: id, required: true}
  created_at: {type: time}
  industry: {type: text}
  employees: {type: integer, low: 0, unit: employee}
  size: {type: text, derive: {bucket: {column: employees, edges: [10, 50], labels: [small, middle, large]}}}
splits: {was: [industry, size]}
""",
    "tables/orders.yml": """\
title: Orders
grain: one row per order
subject: order
key: [order_id]
partition: ordered_on
event: ordered_on
columns:
  order_id: {type: id, required: true}
  account_id: {type: id, refers: accounts}
  ordered_on: {type: day}
  amount: {type: money, currency: currency}
  currency: {type: text}
  status: {type: text, values: [paid, open]}
splits: {was: [status]}
""",
    "tables/leads.yml": """\
title: Leads
grain: one row per lead
subject: lead
key: [lead_id]
event: created_at
versions: true
columns:
  lead_id: {type: id, required: true}
  account_id: {type: id, refers: accounts}
  created_at: {type: time}
  closed_at: {type: time}
  channel: {type: text}
  country: {type: text}
  industry: {type: text, derive: {lookup: {table: accounts, by: account_id, column: industry, as_of: created_at}}}
  ordered_on:
    type: day
    derive:
      first:
        table: orders
        by: {account_id: account_id}
        where: "status = 'paid' and ordered_on >= '2020-01-01'"
        column: ordered_on
        after: created_at
  orders: {type: integer, derive: {count: {table: orders, by: {account_id: account_id}}}}
  wait_days: {type: integer, unit: day, derive: {since: {from: created_at, to: ordered_on, unit: days}}}
splits:
  was: [channel, country]
  is:
    account_size: {table: accounts, by: account_id, column: size}
columns_is:
  known_at: {type: time, table: accounts, by: account_id, column: created_at, after: created_at}
""",
    "measures/leads.yml": "title: Leads\ntable: leads\naggregate: count\nclock: {at: created_at}\nunit: lead\n",
    "measures/open_leads.yml": """\
title: Open leads
table: leads
aggregate: count
clock: {alive: {from: created_at, until: closed_at}}
unit: lead
""",
    "measures/lead_to_order.yml": """\
title: Leads that ordered
table: leads
aggregate: count
where: "channel != 'import'"
clock: {reached: {from: created_at, to: ordered_on, within: 90 days, mature: p95, outcome: orders}}
unit: lead
""",
    "measures/revenue.yml": """\
title: Revenue
table: orders
aggregate: sum
column: if(status = 'paid', amount, 0)
clock: {at: ordered_on}
unit: money
splits: [status]
""",
    "measures/wait.yml": """\
title: Wait
table: leads
aggregate: quantile
quantile: 0.9
column: days(created_at, ordered_on)
clock: {at: created_at}
unit: day
""",
    "kpis/order_rate.yml": """\
title: Order rate
aliases: [close rate]
question: Which share of leads orders?
unit: 1
show: percent
better: up
stage: customer
role: efficiency
cadence: monthly
group: conversion
vanity: low
default: cohort
variants:
  cohort:
    formula: lead_to_order / entered(lead_to_order)
    interval: proportion
    use_when: always
  survival:
    needs: the analysis 'survival'
pitfalls: [Young leads have had no time to order.]
pair: revenue_per_lead
reference: ours
example:
  tables:
    leads:
      - {lead_id: 1, created_at: 2025-01-01, channel: ads}
      - {lead_id: 2, created_at: '2025-01-02T10:00:00', channel: ads}
    accounts__versions:
      - {account_id: 1, _valid_from: 2025-01-01}
  ask:
    - {period: 2025, by: [channel], expect: [{period: 2025-01-01, channel: ads, value: 0.5, quality: [small_sample]}]}
""",
    "kpis/revenue_per_lead.yml": """\
title: Revenue per lead
formula: revenue / leads
unit: money/lead
show: money
better: up
pair: order_rate.cohort
""",
    "kpis/lead_growth.yml": "title: Lead growth\nformula: growth(leads)\nunit: lead/lead\nshow: percent\n",
    "kpis/twice.yml": "title: Twice\nformula: 2 * revenue_per_lead\nunit: money/lead\n",
}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder with these files in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder
