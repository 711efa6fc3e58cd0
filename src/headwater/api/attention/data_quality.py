"""What the checks of the data found: what failed, and rows that were set aside."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.api.attention import Need, Seen

SHARE = 0.001
"""Rows set aside are worth a sentence from this share of their load on."""

_ELSEWHERE = ("freshness", "rows set aside", "sources")  # other producers tell of these, and of rows the journal does


def needs(seen: Seen) -> Iterator[Need]:
    """One a check that failed or is doubtful, and one for the newest load of a source that left many rows out."""
    if seen.checked is not None:
        for result in seen.checked.results:
            if result.state != "ok" and result.check not in _ELSEWHERE:
                failed = result.state == "failed"
                facts = {"check": result.check, "subject": result.subject, "what": result.what}
                kind = "check_failed" if failed else "check_doubtful"
                yield Need(kind, "warn" if failed else "info", 1000.0 if failed else 100.0, result.subject, facts)
    newest: dict[str, int] = {}
    for load in seen.condition.loads:
        newest.setdefault(load.source, load.number)
    for load in seen.condition.loads:
        if newest[load.source] == load.number and load.quarantined > SHARE * load.data_rows:
            groups = [a for a in seen.condition.aside if a.load == load.number]
            most = max(groups, key=lambda a: a.count)
            told: dict[str, object] = {
                "source": load.source,
                "count": load.quarantined,
                "rows": load.data_rows,
                "column": most.column,
                "reason": most.code.replace("_", " "),
                "most": most.count,
                "path": most.path,
            }
            weight = 200.0 + 100 * load.quarantined / load.data_rows
            yield Need("rows_aside", "warn" if weight >= 201 else "info", weight, load.source, told)
