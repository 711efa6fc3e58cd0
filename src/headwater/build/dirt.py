"""Dirt: the keys of a table whose rows may differ from the previous generation's."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.build.algebra import choose, columns, distinct, kept, matched, without
from headwater.build.keys import key_of
from headwater.build.landed import Landing, resolved
from headwater.build.merges import aliases, merges
from headwater.build.site import Change, Site, key_columns, key_names, pair, subject_value
from headwater.model.lowering import columns_in, physical
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Project,
    Relation,
    Scan,
    Union,
)
from headwater.model.table import VERSIONS_SUFFIX, Key, Lookup, Pick, Table


class Everything(Exception):
    """An upstream table was built anew, so every row of this one may differ."""


def brought(landing: Landing, since: int) -> list[Relation]:
    """Keys (`_k0` ...) of which new batches say something new.

    A full load mostly repeats the one before it: where one source alone feeds the table, only keys of which the two say
    different things matter.
    """
    keys = key_names(landing.table)
    units = sorted({f.unit for f in landing.feeds})
    alone = len({f.source for f in landing.feeds}) == 1
    repeating = {f.unit for f in landing.feeds if f.full and alone and f.arrived > since and f.unit > units[0]}
    found: list[Relation] = []
    for unit in sorted(repeating):
        now, before = landing.said(unit), landing.said(units[units.index(unit) - 1])
        found += [without(one, other, (*keys, "_said"), keys) for one, other in ((now, before), (before, now))]
        if landing.regrouped:  # which of a load's rows of one key is the last one is not told by what they say
            counted = (NamedAgg("_n", Agg("count_rows")),)
            found.append(choose(Group(now, columns(keys), counted, Op("gt", (Col("_n"), Lit(1)))), keys))
    fresh = [f.number for f in landing.feeds if f.arrived > since and f.unit not in repeating]
    if fresh:
        found.append(choose(landing.rows((), fresh), keys, _one_of("_load", fresh)))
    return found


def landed_dirt(landing: Landing, since: int) -> list[Relation]:
    """Keys that new full loads lack, that were merged or whose references lead elsewhere now."""
    site, table = landing.site, landing.table
    keys = key_names(table)
    found = _vanished(landing, since)
    own = merges(site, table)
    if own.changed:
        found.append(Project(kept(own.changed), (Named(keys[0], Col("_key")),)))
    found += _led_elsewhere(landing)
    return found


def _vanished(landing: Landing, since: int) -> list[Relation]:
    """Keys that the loads before a new full load had and that it lacks."""
    keys = key_names(landing.table)
    units = sorted({f.next_full for f in landing.feeds if f.next_full is not None and f.next_full > since})
    if not units:
        return []
    before = [f.number for f in landing.feeds if f.next_full in units]
    during = [f.number for f in landing.feeds if f.unit in units]
    had = choose(landing.rows((), before), (*keys, "_source", "_next_full"), _one_of("_load", before))
    has = choose(landing.rows((), during), (*keys, "_source", "_unit"), _one_of("_load", during))
    pairs = (*((k, k) for k in keys), ("_source", "_source"), ("_next_full", "_unit"))
    return [Project(Join(had, has, "anti", matched(pairs)), columns(keys, "left"))]


def _one_of(name: str, numbers: Sequence[int]) -> Op:
    return Op("in", (Col(name), *(Lit(n) for n in numbers)))


def _led_elsewhere(landing: Landing) -> list[Relation]:
    """Keys of rows that refer to an id whose survivor is another one now; as they were called and as they are."""
    site, table = landing.site, landing.table
    found: list[Relation] = []
    called_by = {when: [a for a in aliases(site, table, when) if a.column in table.key] for when in ("now", "old")}
    stored = [n for k in table.key for n in pair(table, k)]
    stored += [n for of_key in called_by.values() for a in of_key for n in a.reads]
    for changed in aliases(site, table, "changed"):
        names = tuple(dict.fromkeys((*stored, *changed.reads)))
        raw = Project(
            Join(Scan(f"landed__{table.id}"), kept(changed.merges), "semi", changed.led_by()), columns(names, "left")
        )
        for of_key in called_by.values() if any(called_by.values()) else ([],):
            called: Relation = raw
            for alias in of_key:
                called = resolved(called, alias, names)
            found.append(Project(called, key_columns(table)))
    return found


def derived_dirt(site: Site, table: Table, stored: str) -> list[Relation]:
    """Keys of rows of the previous generation's table `stored` whose derived columns read something that changed.
    Raises Everything when that was built anew."""
    found: list[Relation] = []
    asked: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
    for column in table.columns:
        match column.derive:
            case Lookup(of, by, name, as_of):
                theirs = site.tables[of]
                read = {*pair(theirs, name), *(("_valid_from", "_valid_to") if as_of else ())}
                link = (of + (VERSIONS_SUFFIX if as_of else ""), ((theirs.key[0], by),))
                asked.setdefault(link, set()).update(read)
            case Pick() as pick:
                theirs = site.tables[pick.table]
                names = {pick.column, pick.order, theirs.event if pick.after or pick.until else ""} - {""}
                read = set(physical(theirs, frozenset(names) | columns_in(pick.where)))
                read |= {n for theirs_name, _ in pick.by for n in pair(theirs, theirs_name)}
                asked.setdefault((pick.table, pick.by), set()).update(read)
            case _:
                pass
    for (source, links), read in asked.items():
        change = site.changes.get(source, Change())
        if change.whole:
            raise Everything
        if change.rows is None:
            continue
        theirs = site.tables[source.removesuffix(VERSIONS_SUFFIX)]
        subjects = tuple(Named(f"_by{i}", subject_value(theirs, name)) for i, (name, _) in enumerate(links))
        touched = Group(changed_rows(theirs, change.rows, read), subjects, ())
        pairs = tuple((ours, f"_by{i}") for i, (_, ours) in enumerate(links))
        steps = [c for c in (table.column(ours) for _, ours in links) if c is not None and c.hidden]
        reckoned = tuple(Named(c.id, key_of(c.derive)) for c in steps if isinstance(c.derive, Key))
        old = Project(Scan(f"old__{stored}"), (*key_columns(table), *reckoned), keep_all=True)
        found.append(Project(Join(old, touched, "semi", matched(pairs)), columns(key_names(table), "left")))
    return found


def changed_rows(theirs: Table, rows: Relation, read: set[str]) -> Relation:
    """The changed rows of another table that differ in the columns that are read of it."""
    keys = key_names(theirs)
    named = tuple(dict.fromkeys((*keys, *(n for k in theirs.key for n in pair(theirs, k)), *sorted(read))))
    counts = (
        NamedAgg("_after", Agg("count_rows", where=Col("_new"))),
        NamedAgg("_before", Agg("count_rows", where=Op("not", (Col("_new"),)))),
    )
    grouped = Group(rows, columns(named), counts, Op("ne", (Col("_after"), Col("_before"))))
    return choose(grouped, named)


def copied_dirt(site: Site, table: Table, copies: Sequence[str]) -> list[Relation]:
    """Keys of a table of journeys whose rows of the table it follows differ. Raises Everything as `derived_dirt`."""
    change = site.changes.get(table.rows_from, Change())
    if change.whole:
        raise Everything
    if change.rows is None:
        return []
    theirs = site.tables[table.rows_from]
    rows = changed_rows(theirs, change.rows, {*copies, "_source"})
    return [Project(rows, key_columns(table))]


def keep_dirt(site: Site, stored: str, parts: Sequence[Relation], keys: Sequence[str]) -> str:
    """Keeps dirty keys, each once; '' where there are none."""
    name = f"dirty__{stored}"
    if parts and site.workshop.keep(name, distinct(Union(tuple(parts)), keys)):
        return name
    site.workshop.drop(name)
    return ""
