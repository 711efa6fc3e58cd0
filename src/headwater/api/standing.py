"""Which entries of the journal count, and in what way: loads that are whole, held back, read again, or corrections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from headwater.connectors.drift import MOST_BEFORE
from headwater.model.landing import Accepted, Batch, Erasure, JournalEntry, Quarantined


def whole(entries: Sequence[JournalEntry]) -> tuple[Batch | Erasure, ...]:
    """The entries that tables are made of: without the batches that are held back, and without those of a load of
    several files that was cut short: taken alone they would say that the keys of the missing files were deleted."""
    counting = [e for e in entries if not isinstance(e, Accepted) and not (isinstance(e, Batch) and e.held)]
    counts: dict[tuple[str, str], int] = {}
    for entry in counting:
        if isinstance(entry, Batch) and entry.part_of:
            counts[entry.source, entry.part_of] = counts.get((entry.source, entry.part_of), 0) + 1

    def is_whole(entry: Batch | Erasure) -> bool:
        if not isinstance(entry, Batch) or not entry.part_of:
            return True
        wanted = entry.part_of.rpartition("-")[2]
        return not wanted.isdecimal() or counts[entry.source, entry.part_of] >= int(wanted)

    return tuple(entry for entry in counting if is_whole(entry))


def held_back(entries: Sequence[JournalEntry]) -> tuple[Batch, ...]:
    """The batches that are held back and wait: neither accepted nor followed by another load of the same file, or of
    the same source where each load is the whole of it."""
    batches = [e for e in entries if isinstance(e, Batch) and not e.settles]
    accepted = {b.accepts for b in batches}

    def follows(later: Batch, held: Batch) -> bool:
        if later.number <= held.number or later.source != held.source:
            return False
        return later.part_of != held.part_of if held.full else later.path == held.path

    return tuple(
        b for b in batches if b.held and b.number not in accepted and not any(follows(later, b) for later in batches)
    )


def deliveries(entries: Sequence[JournalEntry], source: str = "") -> tuple[Batch, ...]:
    """The batches of files that count (of one source), without corrections, in order."""
    return tuple(
        e for e in whole(entries) if isinstance(e, Batch) and not e.settles and (not source or e.source == source)
    )


def standing(entries: Sequence[JournalEntry], source: str = "") -> tuple[Batch, ...]:
    """The deliveries that still speak for their file: not read again by another mapping, and of a source whose loads
    are the whole of it, those of the last one."""
    known = deliveries(entries, source)
    last = {(b.source, b.content): b.number for b in known}
    unit = {b.source: b.part_of for b in known if b.full}
    return tuple(
        b
        for b in known
        if last[b.source, b.content] == b.number and (b.source not in unit or not b.full or b.part_of == unit[b.source])
    )


def corrections(entries: Sequence[JournalEntry], source: str = "") -> tuple[Batch, ...]:
    """The corrections, in order; each counts by itself."""
    return tuple(e for e in entries if isinstance(e, Batch) and e.settles and (not source or e.source == source))


def settling(entries: Sequence[JournalEntry], batch: Batch) -> Mapping[int, Batch]:
    """By row of a batch's file the last correction that mends it. A load that is the whole of its source says again how
    things are, so that corrections made before it have to be made again."""
    found: dict[int, Batch] = {}
    for correction in corrections(entries, batch.source):
        for s in correction.settles:
            if s.content == batch.content and (not batch.full or correction.number > batch.number):
                found[s.row] = correction
    return found


def set_aside_still(
    rows_of: Callable[[Batch], Iterable[Quarantined]], entries: Sequence[JournalEntry], batch: Batch
) -> Iterator[Quarantined]:
    """The rows of a batch that were set aside and that no correction mends; `rows_of` gives those that were."""
    if batch.quarantined:
        mended = settling(entries, batch)
        yield from (q for q in rows_of(batch) if q.row not in mended)


def like(known: Iterable[Batch], source: str, path: str) -> tuple[Batch, ...]:
    """The last deliveries that a file is held against: those of the same path, else of the same source."""
    of_source = [b for b in known if b.source == source]
    of_path = [b for b in of_source if b.path == path]
    return tuple((of_path or of_source)[-MOST_BEFORE:])


def differing(entries: Sequence[JournalEntry]) -> tuple[Batch, ...]:
    """The last delivery of each source, where it differs from those before it and nobody said that this is meant."""
    accepted = {n for e in entries if isinstance(e, Accepted) for n in e.batches}
    last: dict[str, list[Batch]] = {}
    for b in deliveries(entries):
        same = b.full and last.get(b.source, [b])[-1].part_of == b.part_of
        last[b.source] = [*last.get(b.source, []), b] if same else [b]
    return tuple(b for some in last.values() for b in some if b.drift and b.number not in accepted and not b.accepts)
