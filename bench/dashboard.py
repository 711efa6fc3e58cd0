"""Twenty KPIs by month and by channel; what plain queries, written by hand, say they are; and the floor under them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.estate import FIRST, LAST
from headwater.api.answer import Answer
from headwater.api.workspace import Workspace
from headwater.model.observation import Observation

KPIS = tuple(
    f"bench_{name}"
    for name in (
        "sessions", "visitors", "bounce_rate", "pages_per_session", "session_seconds", "impressions", "ctr", "spend",
        "cpc", "open_rate", "click_to_open", "leads", "accounts", "mql_rate", "mql_to_sql", "response",
        "cost_per_lead", "win_rate", "revenue", "cycle",
    )
)  # fmt: skip
PERIOD = f"{FIRST}..{LAST}"
Cells = dict[tuple[str, str], float | None]
"""Values by KPI and group: the first day of a month, or a channel ('' where it is empty)."""


def dashboard(workspace: Workspace) -> tuple[Answer, Answer]:
    """The two questions of the dashboard."""
    return (
        workspace.measure(*KPIS, period=PERIOD, grain="month", as_of=LAST),
        workspace.measure(*KPIS, period=PERIOD, by="channel", as_of=LAST),
    )


def cells(answer: Answer) -> Cells:
    """The values of an answer by KPI and group."""
    return {(o.kpi, _group(o)): o.value for o in answer}


def _group(observation: Observation) -> str:
    if observation.segment:
        return observation.segment[0][1] or ""
    assert observation.period_start is not None
    return observation.period_start.isoformat()


# --- plain queries ---------------------------------------------------------------------------------------------------
_PLAIN = {
    "web_sessions": (
        "started_at__day",
        "count(*), count(distinct visitor_id), count(*) filter (bounced), sum(page_views), median(duration_seconds)",
    ),
    "ad_days": ("day", "sum(impressions), sum(clicks), sum(spend)"),
    "email_events": (
        "sent_at__day",
        "count(*) filter (kind = 'delivered' and occurred_at__day <= $last),"
        " count(*) filter (kind = 'opened' and not machine and occurred_at__day <= $last),"
        " count(*) filter (kind = 'clicked' and not machine and occurred_at__day <= $last)",
    ),
    "leads": (
        "created_at__day",
        "count(*), count(distinct account_id), count(*) filter (mql_at__day <= $last),"
        " count(*) filter (mql_at__day <= $last and sales_qualified_at__day <= $last),"
        " median(date_diff('second', inquired_at, first_response_at))"
        " filter (inquired_at__day <= $last and first_response_at__day <= $last)",
    ),
    "costs": ("day", "sum(amount)"),
    "opportunities": (
        "closed_at__day",
        "count(*) filter (status in ('won', 'lost')), count(*) filter (status = 'won'),"
        " sum(amount) filter (status = 'won'),"
        " median(date_diff('second', created_at, closed_at)) filter (status = 'won')",
    ),
}


def plain(files: Mapping[str, list[str]], by: str) -> Cells:
    """What the dashboard must say, `by` month or channel, from one plain query a table."""
    import duckdb

    connection = duckdb.connect()
    found: Cells = {}
    read: dict[str, dict[str, tuple[Any, ...]]] = {}
    for table, (day, columns) in _PLAIN.items():
        group = f"date_trunc('month', {day})::date::varchar" if by == "month" else "coalesce(channel, '')"
        rows = connection.execute(
            f"select {group}, {columns} from read_parquet($files) where {day} between $first and $last group by 1",
            {"files": files[table], "first": FIRST, "last": LAST},
        ).fetchall()
        read[table] = {row[0]: row[1:] for row in rows}
    for group in sorted(set().union(*read.values())):
        for kpi, value in _values({t: read[t].get(group) for t in _PLAIN}):
            found[f"bench_{kpi}", group] = value
    return found


def _values(of: Mapping[str, tuple[Any, ...] | None]) -> Iterator[tuple[str, float | None]]:
    sessions, visitors, bounced, pages, seconds = of["web_sessions"] or (0, 0, 0, 0, None)
    impressions, clicks, spend = of["ad_days"] or (0, 0, 0)
    delivered, opened, clicked = of["email_events"] or (0, 0, 0)
    leads, accounts, mqls, sqls, response = of["leads"] or (0, 0, 0, 0, None)
    (costs,) = of["costs"] or (0,)
    closed, won, revenue, cycle = of["opportunities"] or (0, 0, 0, None)
    yield from (("sessions", sessions), ("visitors", visitors), ("bounce_rate", _ratio(bounced, sessions)))
    yield from (("pages_per_session", _ratio(pages, sessions)), ("session_seconds", seconds))
    yield from (("impressions", impressions), ("ctr", _ratio(clicks, impressions)), ("spend", spend))
    yield from (("cpc", _ratio(spend, clicks)), ("open_rate", _ratio(opened, delivered)))
    yield from (("click_to_open", _ratio(clicked, opened)), ("leads", leads), ("accounts", accounts))
    yield from (("mql_rate", _ratio(mqls, leads)), ("mql_to_sql", _ratio(sqls, mqls)))
    yield from (("response", None if response is None else response / 60), ("cost_per_lead", _ratio(costs, leads)))
    yield from (("win_rate", _ratio(won, closed)), ("revenue", revenue or 0))
    yield ("cycle", None if cycle is None else cycle / 86400)


def _ratio(top: Any, bottom: Any) -> float | None:
    return float(top or 0) / float(bottom) if bottom else None


def differences(ours: Cells, theirs: Cells) -> list[str]:
    """The cells that differ by more than one in a thousand million, or that only one side has a value for."""
    wrong = []
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            same = (a or 0) == (b or 0)  # a group without rows is left out, or nothing, or zero
        else:
            same = abs(float(a) - float(b)) <= 1e-9 * max(1.0, abs(float(b)))
        if not same:
            wrong.append(f"{key[0]} {key[1] or '(empty)'}: {a} instead of {b}")
    return wrong


# --- the floor -------------------------------------------------------------------------------------------------------
FLOOR = {
    "web_sessions": "max(started_at__day), sum(strlen(channel)), sum(strlen(visitor_id)), count(*) filter (bounced),"
    " sum(page_views), sum(duration_seconds)",
    "ad_days": "max(day), sum(strlen(channel)), sum(impressions), sum(clicks), sum(spend)",
    "email_events": "max(sent_at__day), max(occurred_at__day), sum(strlen(channel)), sum(strlen(kind)),"
    " count(*) filter (machine)",
    "leads": "max(created_at__day), sum(strlen(channel)), sum(strlen(account_id)), max(mql_at__day),"
    " max(sales_qualified_at__day), max(inquired_at), max(first_response_at)",
    "costs": "max(day), sum(strlen(channel)), sum(amount)",
    "opportunities": "max(closed_at__day), sum(strlen(channel)), sum(strlen(status)), sum(amount), max(created_at),"
    " max(closed_at)",
}
"""What the dashboard needs of each table, read once and summed: nothing that answers it can do less."""

NEEDED = {
    "web_sessions": "started_at__day, channel, visitor_id, bounced, page_views, duration_seconds",
    "ad_days": "day, channel, impressions, clicks, spend",
    "email_events": "sent_at__day, occurred_at__day, channel, kind, machine",
    "leads": "created_at__day, channel, account_id, mql_at__day, sales_qualified_at__day, inquired_at,"
    " first_response_at",
    "costs": "day, channel, amount",
    "opportunities": "closed_at__day, channel, status, amount, created_at, closed_at",
}
