"""How a file differs from those loaded before it: columns, texts, ways of writing, units, time zones.

What a table would turn wrong by is told apart from what is merely new: numbers that are all of another size, times
that are all shifted by whole hours, and a column that cannot be read any more hold the load back. Growth, seasons and
another mix of rows must not; the thresholds and the simulations behind them stand in docs/decisions/0010-drift.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from statistics import median

from headwater.model.landing import Drift
from headwater.model.profile import ColumnProfile, Magnitude, Profile, Sketch

EVOLVE, FREEZE, QUARANTINE = "evolve", "freeze", "quarantine"
"""The policies of a source."""

MOST_BEFORE = 8
"""Files before that a new one is held against."""

MOST_NAMED = 8

JUMP = 1_300
"""Thousandths of a decimal logarithm: numbers twenty times as large, or a twentieth, are another unit."""

SHAPED, DOUBTFUL = 900, 900
"""How far both outer quartiles must move too, and how much of a jump could be honest change."""

UNITS = {
    2_000: ("a hundred", "cents and whole units, or percent and shares"),
    3_000: ("a thousand", "thousands and units"),
    6_000: ("a million", "micros and whole units"),
    1_778: ("sixty", "seconds and minutes, or minutes and hours"),
    3_556: ("3,600", "seconds and hours"),
    4_937: ("86,400", "seconds and days"),
}
NEAR = 150
FEWEST, FEWEST_OF_GROUP, FEWEST_INSTANTS = 4, 20, 60
UNREADABLE = 0.5
LIKE, LIKER = 0.6, 0.15
"""How alike a new column must be to one that is gone, and by how much more than any other, to be named as the same."""

MOST_LISTED = 40
"""A list of more texts (campaigns) grows with every file, so that its new ones say nothing."""

CHANGES_OF_CLOCK = (((3, 8), (4, 6)), ((10, 4), (11, 8)))
"""Days between which regions do not change their clocks together, so that habits of others move by an hour."""


def differences(
    new: Profile, before: Sequence[Profile], days: tuple[date, date] | None = None, *, full: bool = False
) -> tuple[Drift, ...]:
    """How a file differs from those `before` it (the newest last; none: in nothing). `days` are the first and the last
    day of its rows, `full` says that it holds the rows of the files before it again."""
    if not before:
        return ()
    found = list(_headers(new, before[-1]))
    for column in new.columns:
        olds = [c for p in before for c in p.columns if _comparable(c, column)]
        if olds:
            found += _column(column, olds, days, full)
    return tuple(found)


def is_held(found: Sequence[Drift], policy: str) -> bool:
    """Whether a policy keeps a load with these differences back."""
    return any(d.holds for d in found) or (policy == FREEZE and bool(found))


def known_values(before: Sequence[Profile]) -> dict[tuple[str, str], tuple[str, ...]]:
    """By table and column the texts of every closed list among the columns of the files before."""
    found: dict[tuple[str, str], set[str]] = {}
    for column in (c for p in before for c in p.columns if c.values):
        found.setdefault((column.table, column.column), set()).update(column.values)
    return {at: tuple(sorted(values)) for at, values in found.items()}


def same_content(before: Profile, now: Sequence[Sketch]) -> tuple[tuple[str, str], ...]:
    """Mapped columns that a file lacks, each with the one new column of it whose content is like theirs."""
    there = {s.header for s in now}
    fresh = [s for s in now if s.header and s.header not in before.header]
    found = []
    for old in {c.header: c for c in before.columns if c.header and c.header not in there}.values():
        likes = sorted(((_likeness(old, s), s.header) for s in fresh), reverse=True)
        if likes and likes[0][0] >= LIKE and (len(likes) == 1 or likes[0][0] - likes[1][0] >= LIKER):
            found.append((old.header, likes[0][1]))
    return tuple(found)


def _likeness(old: ColumnProfile, new: Sketch) -> float:
    """How alike two columns are, from 0 to 1: by their texts where those are a closed list, else by the shapes of
    their texts and the sizes of their numbers."""
    if old.values and new.values:
        both = set(old.values) & set(new.values)
        return len(both) / len(set(new.values) | both)
    shapes = dict(old.shapes)
    alike = sum(min(share, shapes.get(shape, 0)) for shape, share in new.shapes) / 1000
    size = next((m.middle for m in old.magnitudes if m.group == ""), None)
    if size is not None and new.size is not None:
        alike = (max(alike, 0.5) + math.exp(-abs(size - new.size) / 300)) / 2
    return alike


def _comparable(one: ColumnProfile, other: ColumnProfile) -> bool:
    return (one.table, one.column, one.reading) == (other.table, other.column, other.reading)


def _headers(new: Profile, last: Profile) -> Iterator[Drift]:
    mapped = {c.header for c in new.columns}
    for header in new.header:
        if header and header not in last.header:
            yield Drift("new_column", "", header, f"the column {header!r} is new")
    for header in last.header:
        if header and header not in new.header and header not in mapped:
            yield Drift("gone_column", "", header, f"the column {header!r} is gone; nothing is read from it")


def _column(
    new: ColumnProfile, olds: Sequence[ColumnProfile], days: tuple[date, date] | None, full: bool
) -> Iterator[Drift]:
    name = new.header or new.column
    last = olds[-1]

    def told(kind: str, what: str, holds: bool = False) -> Drift:
        return Drift(kind, new.table, new.column, what, holds)

    if (
        new.rows >= FEWEST
        and new.faulty > UNREADABLE * new.rows
        and all(o.faulty < 0.1 * o.rows for o in olds if o.rows)
    ):
        share = round(100 * new.faulty / new.rows)
        yield told("unreadable", f"{share} % of the values of {name!r} cannot be read any more", True)
        return
    if new.kind and last.kind and new.kind != last.kind:
        yield told("kind", f"{name!r} held cells of the kind {last.kind} and holds {new.kind} now")
    forms = [o.form for o in olds if o.form]
    if new.form and forms and new.form != forms[-1]:
        yield told("form", f"{name!r} was written as {forms[-1]} and is written as {new.form} now")
    if (
        not new.filled
        and new.rows >= FEWEST
        and all(o.filled >= 0.5 * max(o.rows - o.faulty, 1) for o in olds if o.rows)
    ):
        yield told("emptied", f"{name!r} has no value any more")
    yield from _values(new, olds, name)
    if new.magnitudes and (jump := _jump(new, olds, name, full)):
        yield replace(jump, table=new.table, column=new.column)
    if new.hours and (hours := _shift(new, olds, full)):
        yield told(
            "time_zone",
            f"the times in {name!r} are {abs(hours)} {'hour' if abs(hours) == 1 else 'hours'} "
            f"{'later' if hours > 0 else 'earlier'} in the day than before, as if in another time zone",
            not (abs(hours) == 1 and _clocks_change(days)),
        )


def _values(new: ColumnProfile, olds: Sequence[ColumnProfile], name: str) -> Iterator[Drift]:
    known = {v for o in olds for v in o.values}
    if not new.values or not 0 < len(known) <= MOST_LISTED:
        return
    fresh = [v for v in new.values if v not in known]
    if fresh:
        shown = ", ".join(repr(v) for v in fresh[:MOST_NAMED]) + (" ..." if len(fresh) > MOST_NAMED else "")
        yield Drift("new_values", new.table, new.column, f"{name!r} has texts that are new: {shown}")


# --- units -----------------------------------------------------------------------------------------------------------
def _jump(new: ColumnProfile, olds: Sequence[ColumnProfile], name: str, full: bool) -> Drift | None:
    """Whether the numbers are of another size than before: all of them, those of one group, or from one month on."""
    now = {m.group: m for m in new.magnitudes}
    then = {group: _pooled(ms) for group, ms in _by_group(olds).items()}
    if "" not in now or "" not in then:
        return None
    spread = _spread_over(olds, "")
    months = [m.middle for g, m in then.items() if _is_month(g)]
    if len(months) > 2:
        spread = max(spread, _deviation(months))
    shared = [g for g in now if g in then and "=" in g]
    moved = _moved_together([(now[g], then[g], _spread_over(olds, g)) for g in shared])
    if moved is not None:
        return Drift("units", "", "", f"the numbers in {name!r} are {_times(moved)}", True)
    shift = _shift_of(now[""], then[""], spread)
    if shift is not None and not shared:
        if any("=" in g for g in now) and any("=" in g for g in then):
            what = f"the numbers in {name!r} are {_times(shift)}, all in groups that are new"
            return Drift("units", "", "", what)
        return Drift("units", "", "", f"the numbers in {name!r} are {_times(shift)}", True)
    for group in sorted(shared):
        found = _unit_of(now[group], then[group])
        if found is not None:
            where = group.replace("=", " ", 1)
            return Drift("units", "", "", f"the numbers in {name!r} for {where} are {_times(found)}", True)
    for group in sorted(g for g in now if _is_month(g)):
        known = then.get(group)
        if known is not None and abs(known.middle - now[group].middle) < JUMP / 2:
            continue
        if known is None and not full:
            continue  # a file of its own month was compared whole
        found = _shift_of(now[group], then[""] if known is None else known, spread)
        if found is not None and _unit_of(now[group], then[""] if known is None else known) is not None:
            what = f"the numbers in {name!r} from {group} on are {_times(found)}"
            return Drift("units", "", "", what, True)
    return None


def _by_group(olds: Sequence[ColumnProfile]) -> Mapping[str, list[Magnitude]]:
    found: dict[str, list[Magnitude]] = {}
    for old in olds:
        for m in old.magnitudes:
            found.setdefault(m.group, []).append(m)
    return found


def _pooled(known: Sequence[Magnitude]) -> Magnitude:
    """The usual size of a group over several files."""
    low, middle, high = (round(median(getattr(m, n) for m in known)) for n in ("low", "middle", "high"))
    return Magnitude(known[0].group, sum(m.rows for m in known), low, middle, high)


def _spread_over(olds: Sequence[ColumnProfile], group: str) -> float:
    """How much the size of a group differs from file to file."""
    known = [m.middle for o in olds for m in o.magnitudes if m.group == group]
    return _deviation(known) if len(known) > 2 else 0.0


def _deviation(known: Sequence[float]) -> float:
    """How much numbers differ from their middle, robustly, in the measure of a standard deviation."""
    middle = median(known)
    return 1.4826 * median(abs(k - middle) for k in known)


def _noise(now: Magnitude, then: Magnitude) -> float:
    """The standard error of the difference of two medians."""
    width = max(now.high - now.low, then.high - then.low) / 1.35
    return 1.25 * width * math.sqrt(1 / now.rows + 1 / then.rows)


def _shift_of(now: Magnitude, then: Magnitude, spread: float) -> int | None:
    """By how much everything moved, if it is beyond what honest change can be."""
    shift = now.middle - then.middle
    if now.rows < FEWEST or then.rows < FEWEST or abs(shift) < JUMP:
        return None
    outer = [math.copysign(1, shift) * d for d in (now.low - then.low, now.high - then.high)]
    beyond = abs(shift) - DOUBTFUL - max(3.5 * _noise(now, then), 3 * spread)
    return shift if min(outer) >= SHAPED and beyond > 0 else None


def _unit_of(now: Magnitude, then: Magnitude) -> int | None:
    """By how much everything moved, if that is just a unit."""
    if min(now.rows, then.rows) < FEWEST_OF_GROUP:
        return None
    shift = now.middle - then.middle
    noise = _noise(now, then)
    if not any(abs(abs(shift) - unit) <= NEAR + 2 * noise for unit in UNITS):
        return None
    same = max(abs(now.low - then.low - shift), abs(now.high - then.high - shift)) <= 2 * NEAR + 2 * noise
    return shift if same and abs(shift) - DOUBTFUL > 4 * noise else None


def _times(shift: int) -> str:
    """How many times larger or smaller numbers are, and between which units that lies."""
    unit = min(UNITS, key=lambda u: abs(abs(shift) - u))
    near = abs(abs(shift) - unit) <= NEAR
    times, between = UNITS[unit] if near else (f"about {round(10 ** (abs(shift) / 1000)):,}", "two currencies")
    return f"{times} times {'larger' if shift > 0 else 'smaller'} than before (as between {between})"


def _moved_together(groups: Sequence[tuple[Magnitude, Magnitude, float]]) -> int | None:
    """By how much groups of rows moved, where they all did by about the same: then it is not another mix of them. Each
    is as it is now, as it was, and how much it differs from file to file."""
    moves = [(now.middle - then.middle, now.rows, _noise(now, then), spread) for now, then, spread in groups]
    total = sum(rows for _, rows, _, _ in moves)
    if not moves or total < FEWEST:
        return None
    mean = sum(move * rows for move, rows, _, _ in moves) / total
    noise = math.sqrt(sum((rows * noise) ** 2 for _, rows, noise, _ in moves)) / total
    spread = sum(rows * spread for _, rows, _, spread in moves) / total
    if abs(mean) < JUMP or abs(mean) - DOUBTFUL <= max(3.5 * noise, 3 * spread):
        return None
    agree = all(abs(move - mean) <= max(JUMP / 2, 3 * noise, 3 * spread) for move, _, noise, spread in moves)
    return round(mean) if agree else None


def _is_month(group: str) -> bool:
    return len(group) == 7 and group[4] == "-" and group[:4].isdigit()


# --- time zones ------------------------------------------------------------------------------------------------------
def _shift(new: ColumnProfile, olds: Sequence[ColumnProfile], full: bool) -> int:
    """By how many whole hours the day of the column is moved, 0 for none."""
    old = [sum(o.hours[h] for o in olds if o.hours) for h in range(24)]
    if full and olds[-1].hours:
        last = olds[-1].hours
        added = [n - o for n, o in zip(new.hours, last, strict=True)]
        if min(added) >= 0 and sum(added) >= FEWEST_INSTANTS and (found := _moved(added, last)):
            return found
    return _moved(new.hours, old)


def _moved(new: Sequence[int], old: Sequence[int]) -> int:
    if min(sum(new), sum(old)) < FEWEST_INSTANTS or _breadth(old) < 5:
        return 0  # too few, or a schedule rather than habits: everything at nine says nothing when it is at ten
    fits = {shift: _fit(new, old, shift) for shift in range(-11, 13)}
    best = max(fits, key=lambda s: fits[s])
    if not best:
        return 0
    apart, left = _distance(new, old, 0), _distance(new, old, best)
    noise = sum(math.sqrt(o / sum(old)) for o in old) * math.sqrt(1 / (2 * math.pi * sum(new)))
    runner_up = max(f for s, f in fits.items() if abs(s - best) not in (0, 1, 23))
    certain = fits[best] - fits[0] > 12 and fits[best] - runner_up > 3
    return best if certain and left - noise < 0.4 * apart and left < 0.1 + 1.5 * noise else 0


def _fit(new: Sequence[int], old: Sequence[int], shift: int) -> float:
    """The log likelihood of the new hours, if they are the old ones moved."""
    total = sum(old) + 24
    return sum(n * math.log((old[(h - shift) % 24] + 1) / total) for h, n in enumerate(new))


def _distance(new: Sequence[int], old: Sequence[int], shift: int) -> float:
    """Which part of the new counts would have to lie in another hour to be the old ones moved."""
    return sum(abs(n / sum(new) - old[(h - shift) % 24] / sum(old)) for h, n in enumerate(new)) / 2


def _breadth(hours: Sequence[int]) -> float:
    """Over how many hours of the day the counts are spread."""
    shares = [h / sum(hours) for h in hours if h]
    return math.exp(-sum(s * math.log(s) for s in shares))


def _clocks_change(days: tuple[date, date] | None) -> bool:
    """Whether the rows lie in weeks when regions change their clocks apart from each other, or around them."""
    if days is None or days[1] - days[0] > timedelta(45):
        return False
    for (m1, d1), (m2, d2) in CHANGES_OF_CLOCK:
        for year in (days[0].year, days[1].year):
            if days[0] <= date(year, m2, d2) and days[1] >= date(year, m1, d1):
                return True
    return False
