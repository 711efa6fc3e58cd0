"""Sources that have not delivered for longer than they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from headwater.api.attention import Need, Seen
from headwater.api.condition import SourceState


def needs(seen: Seen) -> Iterator[Need]:
    """One a source whose files cannot be found, and one for all the sources that end on the same day."""
    late: dict[date, list[SourceState]] = {}
    for source in seen.condition.sources:
        if source.fault:
            yield Need("source_missing", "warn", 900.0, source.id, {"source": source.id, "why": source.fault})
        elif days := [f.through for f in source.stale if f.through is not None]:
            late.setdefault(min(days), []).append(source)
    for through, sources in late.items():
        ago = (seen.condition.today - through).days
        facts = {"sources": tuple(s.id for s in sources), "days": ago, "through": through}
        kind = "source_stale" if len(sources) == 1 else "sources_stale"
        yield Need(kind, "warn", 300.0 + min(ago, 365), sources[0].id, facts)
