"""What the checks of the data found: what failed, and rows that were set aside."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.api.attention import Need, Seen
from headwater.api.boards import ADVICE

SHARE = 0.001
"""Rows set aside are worth a sentence from this share of their load on."""

_ELSEWHERE = ("freshness", "rows set aside", "sources", ADVICE)
"""Other producers tell of these and of rows the journal does, and a board of the advice on it."""


def needs(seen: Seen) -> Iterator[Need]:
    """That the checks still run; one a check that failed, one for all that are doubtful, one for a source whose newest
    load left many rows out."""
    if seen.checking:
        yield Need("checks_running", "info", 150.0, "")
    results = [] if seen.checked is None else [r for r in seen.checked.results if r.check not in _ELSEWHERE]
    for r in results:
        if r.state == "failed":
            facts = {"check": r.check, "subject": r.subject, "what": r.what}
            yield Need("check_failed", "warn", 1000.0, r.subject, facts)
    doubtful = [r for r in results if r.state == "warning"]
    if len(doubtful) == 1:
        (r,) = doubtful
        yield Need("check_doubtful", "info", 100.0, r.subject, {"check": r.check, "subject": r.subject, "what": r.what})
    elif doubtful:
        first = f"{doubtful[0].subject}: {doubtful[0].what}"
        told = {"subjects": tuple(r.subject for r in doubtful), "first": first}
        yield Need("checks_doubtful", "info", 100.0, doubtful[0].subject, told)
    newest: dict[str, int] = {}
    deliveries = [b for b in seen.condition.loads if not b.settles and not b.held]
    for load in deliveries:
        newest.setdefault(load.source, load.number)
    for load in deliveries:
        left = load.quarantined - seen.condition.corrected.get(load.number, 0)
        if newest[load.source] == load.number and left > SHARE * load.data_rows:
            groups = [a for a in seen.condition.aside if a.load == load.number]
            if not groups:
                continue
            most = max(groups, key=lambda a: a.count)
            aside: dict[str, object] = {
                "source": load.source,
                "count": left,
                "rows": load.data_rows,
                "column": most.column,
                "reason": most.code.replace("_", " "),
                "most": most.count,
                "path": most.path,
            }
            weight = 200.0 + 100 * left / load.data_rows
            yield Need("rows_aside", "warn" if weight >= 201 else "info", weight, load.source, aside)
