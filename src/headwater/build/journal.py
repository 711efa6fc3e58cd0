"""What the landing journal says of one table: which batches feed it, which full load follows which, how far it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from headwater.build.zone import local_date, naive_utc
from headwater.model.landing import Batch, Erasure, JournalEntry
from headwater.model.plan import Values
from headwater.model.types import DAY, INTEGER, TEXT, TIME


@dataclass(frozen=True, slots=True)
class Feed:
    """One batch as it feeds one table.

    `arrived` is the number of the journal entry that made it count (the last one of a load of several files). `unit`
    is the number of the load it belongs to (the last batch of a full load of several files). `next_full` is the next
    full load of the same source: a key that it lacks was deleted by it. `loaded_at` never runs backwards. `system`:
    sources of one system share a space of ids.
    """

    number: int
    arrived: int
    source: str
    unit: int
    full: bool
    next_full: int | None
    loaded_at: datetime
    loaded_day: date
    updated: bool
    columns: frozenset[str]
    system: str = ""


def feeds(entries: Sequence[JournalEntry], table: str, zone: str, until: int | None = None) -> tuple[Feed, ...]:
    """The batches that feed a table, in order (those that counted when the journal ended with the number `until`)."""
    latest = datetime.min
    rows: list[tuple[Batch, datetime]] = []
    batches = sorted((e for e in entries if isinstance(e, Batch)), key=lambda e: e.number)
    arrived = {(b.source, b.part_of): b.number for b in batches if b.part_of}
    for entry in batches:
        latest = max(latest, naive_utc(entry.loaded_at))
        counted = arrived.get((entry.source, entry.part_of), entry.number)
        if (until is None or counted <= until) and any(t.table == table for t in entry.tables):
            rows.append((entry, latest))
    units: dict[tuple[str, str], int] = {}
    for batch, _ in rows:
        units[_load_of(batch)] = batch.number
    fulls: dict[str, list[int]] = {}
    for batch, _ in rows:
        if batch.full and units[_load_of(batch)] == batch.number:
            fulls.setdefault(batch.source, []).append(batch.number)
    found = []
    for batch, loaded_at in rows:
        unit = units[_load_of(batch)]
        landed = [t for t in batch.tables if t.table == table]
        found.append(
            Feed(
                number=batch.number,
                arrived=arrived.get((batch.source, batch.part_of), batch.number),
                source=batch.source,
                unit=unit,
                full=batch.full,
                next_full=next((n for n in fulls.get(batch.source, ()) if n > unit), None),
                loaded_at=loaded_at,
                loaded_day=local_date(loaded_at, zone),
                updated=any(t.has_updated_at for t in landed),
                columns=frozenset(c for t in landed for c in t.columns),
                system=batch.system,
            )
        )
    return tuple(found)


def _load_of(batch: Batch) -> tuple[str, str]:
    return (batch.source, f"group {batch.part_of}" if batch.full and batch.part_of else f"batch {batch.number}")


def live(known: Sequence[Feed]) -> tuple[Feed, ...]:
    """The batches that can still say how things are where every load decides by its order: those of each source's last
    full load, and later ones."""
    last = {feed.source: feed.unit for feed in known if feed.full}
    return tuple(feed for feed in known if feed.unit >= last.get(feed.source, 0))


FEED_COLUMNS = (
    ("_batch", INTEGER),
    ("_source", TEXT),
    ("_unit", INTEGER),
    ("_next_full", INTEGER),
    ("_loaded_at", TIME),
    ("_loaded_day", DAY),
)


def as_rows(known: Sequence[Feed]) -> Values:
    """Feeds as rows."""
    return Values(
        FEED_COLUMNS, tuple((f.number, f.source, f.unit, f.next_full, f.loaded_at, f.loaded_day) for f in known)
    )


def complete_through(entries: Sequence[JournalEntry], table: str, zone: str) -> tuple[tuple[str, date | None], ...]:
    """Through which day each source that feeds a table is complete: what its batches declare, else their greatest event
    day, which confirms nothing beyond the day it was loaded on."""
    found: dict[str, date | None] = {}
    for entry in entries:
        if not isinstance(entry, Batch):
            continue
        for landed in entry.tables:
            if landed.table != table:
                continue
            day = entry.complete_through
            if day is None and landed.last_day is not None:
                day = min(landed.last_day, local_date(naive_utc(entry.loaded_at), zone))
            known = found.get(entry.source)
            found[entry.source] = max((d for d in (known, day) if d is not None), default=None)
    return tuple(sorted(found.items()))


def last_number(entries: Sequence[JournalEntry]) -> int:
    """The number of the last journal entry, 0 for an empty journal."""
    return max((e.number for e in entries), default=0)


def erased_since(entries: Sequence[JournalEntry], number: int) -> bool:
    """Whether somebody was erased after that entry."""
    return any(isinstance(e, Erasure) and e.number > number for e in entries)
