"""KPIs whose newest change is beyond their usual spread."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.api.attention import Need, Seen


def needs(seen: Seen) -> Iterator[Need]:
    """One a KPI that changed unusually, the one furthest beyond first; a change for the better is no warning."""
    for change in seen.changes:
        if change.state in ("above", "below"):
            level = "info" if change.better is True else "warn"
            yield Need("unusual_change", level, 400.0 + min(change.beyond, 99.0), change.name, {"change": change})
