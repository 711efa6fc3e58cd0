"""Sources that have not delivered for longer than they should."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.api.attention import Need, Seen


def needs(seen: Seen) -> Iterator[Need]:
    """One a source that is late or whose files cannot be found; the longest wait first."""
    for source in seen.condition.sources:
        if source.fault:
            yield Need("source_missing", "warn", 900.0, source.id, {"source": source.id, "why": source.fault})
        elif source.stale:
            oldest = max(source.stale, key=lambda f: f.late_days or 0)
            days = oldest.late_days or 0
            facts = {
                "source": source.id,
                "days": days,
                "through": oldest.through,
                "tables": tuple(f.title for f in source.stale),
            }
            yield Need("source_stale", "warn", 300.0 + min(days, 365), source.id, facts)
