"""What a journal says, reckoned row by row in plain Python: an answer that shares nothing with the build."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tests.build.world import moment

Row = Mapping[str, Any]
NEVER = datetime.max


@dataclass(frozen=True)
class Load:
    """One file: its rows by table."""

    source: str
    tables: Mapping[str, Sequence[Row]]
    full: bool = False
    part_of: str = ""
    complete: date | None = None


@dataclass(frozen=True)
class Said:
    """A row somebody loaded, and when it begins to hold."""

    key: Any
    source: str
    unit: int
    place: tuple[int, int]
    updated: datetime | None
    at: datetime
    row: Row

    @property
    def rank(self) -> tuple[datetime, tuple[int, int]]:
        return (self.updated or datetime.min, self.place)


class Journal:
    """Loads in order, an hour apart, as `World` lands them."""

    def __init__(self, loads: Sequence[Load], hours: Sequence[datetime]) -> None:
        self.loads, self.hours = loads, hours

    def units(self, table: str) -> list[int]:
        """The number of the load that each file belongs to."""
        found = []
        for number, load in enumerate(self.loads, 1):
            group = [
                other
                for other, one in enumerate(self.loads, 1)
                if load.full and load.part_of and one.full and one.part_of == load.part_of
                and one.source == load.source and table in one.tables
            ]  # fmt: skip
            found.append(max(group, default=number))
        return found

    def history(
        self, table: str, key: str | Callable[[Row], Hashable]
    ) -> dict[Any, tuple[list[Said], list[tuple[str, int, datetime]]]]:
        """By key (a column, or what is made of a row): what was said of it, and which full loads of which source left
        it out although it was there."""
        units = self.units(table)
        said: dict[Any, list[tuple[str, int, tuple[int, int], datetime, Row]]] = {}
        for number, load in enumerate(self.loads, 1):
            for place, row in enumerate(load.tables.get(table, ()), 1):
                one = (load.source, units[number - 1], (number, place), self.hours[number - 1], row)
                said.setdefault(row[key] if isinstance(key, str) else key(row), []).append(one)
        fulls: dict[str, list[int]] = {}
        for number, load in enumerate(self.loads, 1):
            if load.full and table in load.tables and units[number - 1] == number:
                fulls.setdefault(load.source, []).append(number)
        found = {}
        for name, rows in said.items():
            there = {(source, unit) for source, unit, *_ in rows}
            ends = set()
            for source, unit in there:
                later = [n for n in fulls.get(source, ()) if n > unit]
                if later and (source, later[0]) not in there:
                    ends.add((source, later[0], self.hours[later[0] - 1]))
            facts = []
            for source, unit, place, loaded, row in rows:
                updated = moment(row.get("updated"))
                floor = max((at for s, n, at in ends if s == source and n < unit), default=None)
                at = updated if updated is not None and (floor is None or updated > floor) else loaded
                facts.append(Said(name, source, unit, place, updated, at, row))
            found[name] = (facts, sorted(ends))
        return found


def standing(facts: Iterable[Said], ends: Iterable[tuple[str, int, datetime]], when: datetime = NEVER) -> Said | None:
    """What holds at a moment: the best of what was said by then and not superseded by then."""
    known = [
        f for f in facts if f.at <= when and not any(s == f.source and n > f.unit and at <= when for s, n, at in ends)
    ]
    return max(known, key=lambda f: f.rank, default=None)


def merges(journal: Journal, table: str, key: str) -> tuple[dict[str, str], set[str]]:
    """Where merged ids lead, and the ids that stay because their merge closed a circle and was the first of it."""
    claims = {}
    for name, (facts, ends) in journal.history(table, key).items():
        best = standing(facts, ends)
        if best is not None and best.row.get("merged") not in (None, name):
            claims[name] = best
    survivors = set()
    for start in claims:
        path = [start]
        while path[-1] in claims and claims[path[-1]].row["merged"] not in path:
            path.append(claims[path[-1]].row["merged"])
        if path[-1] in claims:
            ring = path[path.index(claims[path[-1]].row["merged"]) :]
            # the oldest; the order of loads matters only where no source says when
            said = {k: claims[k] for k in ring}
            first = min(ring, key=lambda k: (str(said[k].updated or ""), () if said[k].updated else said[k].place, k))
            survivors.add(first)
    leads = {}
    for start in claims:
        at = start
        while at in claims and at not in survivors:
            at = claims[at].row["merged"]
        if at != start:
            leads[start] = at
    return leads, survivors


def gone(said: Said | None, survivors: set[str]) -> bool:
    if said is None or said.row.get("deleted"):
        return True
    return said.row.get("merged") not in (None, said.key) and said.key not in survivors


def rows_now(journal: Journal, table: str, key: str) -> dict[str, Row]:
    """The rows of a table by key, references as they were written."""
    _, survivors = merges(journal, table, key)
    found = {}
    for name, (facts, ends) in journal.history(table, key).items():
        best = standing(facts, ends)
        if best is not None and not gone(best, survivors):
            found[name] = best.row
    return found


def rows_regrouped(journal: Journal, table: str, key: Callable[[Row], Hashable]) -> dict[Any, Row]:
    """The rows of a table that nothing is merged in, by a key that is made of each row."""
    found = {}
    for name, (facts, ends) in journal.history(table, key).items():
        best = standing(facts, ends)
        if best is not None and not best.row.get("deleted"):
            found[name] = best.row
    return found


def versions(
    journal: Journal, table: str, key: str, content: Sequence[str], leads: Mapping[str, Mapping[str, str]]
) -> list[tuple[Any, ...]]:
    """Every version: key, from, to, content (references of the columns in `leads` led to their survivors)."""
    _, survivors = merges(journal, table, key)
    found = []
    for name, (facts, ends) in journal.history(table, key).items():
        states: list[tuple[datetime, tuple[Any, ...] | None]] = []
        for when in sorted({f.at for f in facts} | {at for _, _, at in ends}):
            best = standing(facts, ends, when)
            state = None if best is None or gone(best, survivors) else _content(best.row, content, leads)
            if not states or states[-1][1] != state:
                states.append((when, state))
        for (when, state), following in zip(states, [*states[1:], None], strict=True):
            if state is not None:
                found.append((name, when, following[0] if following else None, *state))
    return sorted(found, key=str)


def _content(row: Row, names: Sequence[str], leads: Mapping[str, Mapping[str, str]]) -> tuple[Any, ...]:
    return tuple(leads.get(n, {}).get(row.get(n), row.get(n)) for n in names)  # type: ignore[arg-type]
