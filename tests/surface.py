"""A small company for tests of the surfaces: eight leads, three costs, four KPIs of its own."""

from __future__ import annotations

from pathlib import Path

from headwater.api import Workspace
from tests.world import world

LEADS = [
    {"lead_id": "L1", "created_at": "2025-01-03", "channel": "email", "email": "ann@one.org", "mql_at": "2025-01-05"},
    {"lead_id": "L2", "created_at": "2025-01-09T10:00", "channel": "email", "email": "bob@one.org", "mql_at": None},
    {"lead_id": "L3", "created_at": "2025-01-20", "channel": "ads", "email": "cy@two.org", "mql_at": "2025-02-02"},
    {"lead_id": "L4", "created_at": "2025-01-31", "channel": None, "email": None, "mql_at": None},
    {"lead_id": "L5", "created_at": "2025-02-01", "channel": "email", "email": "di@two.org", "mql_at": "2025-02-20"},
    {"lead_id": "L6", "created_at": "2025-02-14", "channel": "ads", "email": "ed@six.org", "mql_at": None},
    {"lead_id": "L7", "created_at": "2025-02-28", "channel": "=cmd", "email": "flo@six.org", "mql_at": None},
    {"lead_id": "L8", "created_at": "2025-03-31", "channel": "email", "email": "ann@one.org", "mql_at": None},
]
"""January: 4 (email 2, ads 1, no channel 1). February: 3 (email, ads, =cmd). March: 1 (email). Three became MQLs."""

COSTS = [
    {"cost_id": "C1", "day": "2025-01-05", "kind": "media", "channel": "email", "amount": "60"},
    {"cost_id": "C2", "day": "2025-01-20", "kind": "media", "channel": "email", "amount": "40.5"},
    {"cost_id": "C3", "day": "2025-02-10", "kind": "media", "channel": "ads", "amount": "999"},
]
COSTS = [{"function": "marketing", **cost} for cost in COSTS]
"""January: 100.50 on e-mail. February: 999 on ads."""

_KPI = """\
title: {title}
question: {question}
formula: {formula}
unit: {unit}
show: {show}
better: up
stage: lead
role: growth
basis: {basis}
cadence: monthly
group: own
vanity: low
interval: {interval}
small_sample: 2
pitfalls: [A test is not a company.]
reference: tests/surface.py
"""


def _kpi(title: str, formula: str, unit: str, show: str, basis: str = "period", interval: str = "none") -> str:
    question = f"What is {title.lower()}?"
    return _KPI.format(
        title=title, question=question, formula=formula, unit=unit, show=show, basis=basis, interval=interval
    )


FILES = {
    "measures/own_entered.yml": """\
title: Leads entered
about: People who became a lead.
table: leads
aggregate: count
clock: {at: created_at}
unit: lead
""",
    "measures/own_people.yml": """\
title: People
about: Different e-mail addresses.
table: leads
aggregate: count_distinct
column: email
clock: {at: created_at}
unit: lead
""",
    "measures/own_to_mql.yml": """\
title: Leads that became an MQL
about: Leads that met the rule for marketing-qualified.
table: leads
aggregate: count
clock: {reached: {from: created_at, to: mql_at, within: ever}}
unit: lead
""",
    "measures/own_cost.yml": """\
title: Cost
about: All costs.
table: costs
aggregate: sum
column: amount
clock: {at: day}
unit: money
""",
    "kpis/own_leads.yml": _kpi("Own leads", "own_entered", "lead", "number"),
    "kpis/own_reach.yml": _kpi("Own reach", "own_people", "lead", "number"),
    "kpis/own_mql_rate.yml": _kpi(
        "Own MQL rate", "own_to_mql / entered(own_to_mql)", "1", "percent", "cohort", "proportion"
    ),
    "kpis/own_cost_per_lead.yml": _kpi("Own cost per lead", "own_cost / own_entered", "money/lead", "money"),
}


def small_company(path: Path, **options: object) -> Workspace:
    """The workspace of the small company, built, asked on 2026-01-15; the data is complete through 2025-03-31."""
    from datetime import date

    given: dict[str, object] = {"files": FILES, "through": date(2025, 3, 31)} | options
    return world(path, {"leads": LEADS, "costs": COSTS}, **given)  # type: ignore[arg-type]
