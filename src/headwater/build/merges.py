"""Ids that were merged into others: chains followed to the survivor, circles opened, and what a new load changed."""

from __future__ import annotations

import logging
from dataclasses import replace

from headwater.build.algebra import (
    choose,
    columns,
    distinct,
    kept,
    matched,
    present,
    total,
    where,
    within,
    without,
)
from headwater.build.joining import keep_joined, may_join
from headwater.build.landed import Alias, Landing, landing_of
from headwater.build.site import Merges, Site, key_names
from headwater.model.landing import ROWS_IN_A_BATCH
from headwater.model.lowering import both
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Scan, Union
from headwater.model.table import Table
from headwater.model.types import TIME

log = logging.getLogger(__name__)


def merges(site: Site, table: Table) -> Merges:
    """The merges of one table's ids, reckoned once a build."""
    if table.id not in site.merges:
        site.merges[table.id] = _merges(site, table)
    return site.merges[table.id]


def _merges(site: Site, table: Table) -> Merges:
    feeds = site.feeds(table.id)
    if len(table.key) != 1 or not feeds:
        return Merges()
    said = site.count(where(Scan(f"landed__{table.id}"), present(Col("_merged_into"))))
    if not said and not may_join(table, feeds):
        return Merges()
    now, survivors, joined = _aliases(site, table, "now", None)
    if site.since is None:
        return Merges(now=now, survivors=survivors, joined=joined)
    if all(f.arrived <= site.since for f in feeds):
        return Merges(now=now, old=now, survivors=survivors, joined=joined)
    old, _, _ = _aliases(site, table, "old", site.since)
    changed = _changed(site, table, now, old)
    return Merges(now=now, old=old, changed=changed, survivors=survivors, joined=joined)


def _changed(site: Site, table: Table, now: str, old: str) -> str:
    """The ids (`_key`) that live on under another id than before, or do so no longer."""
    names = ("_key", "_survivor")
    sides = [(a, b) for a, b in ((now, old), (old, now)) if a]
    parts = tuple(without(kept(a), kept(b), names, ("_key",)) if b else choose(kept(a), ("_key",)) for a, b in sides)
    name = f"remerged__{table.id}"
    if parts and site.workshop.keep(name, distinct(Union(parts), ("_key",))):
        return name
    site.workshop.drop(name)
    return ""


def _aliases(site: Site, table: Table, label: str, until: int | None) -> tuple[str, tuple[str, ...], str]:
    """Kept: where each merged id leads (`_key`, `_survivor`), '' where none is merged; the ids that stay though a row
    says otherwise, because they stand in a circle; and kept: the ids that were joined by a rule, '' where none was."""
    workshop = site.workshop
    name = f"{label}__merges__{table.id}"
    feeds = site.feeds(table.id, until)
    if not feeds:
        return "", (), ""
    joined = keep_joined(site, table, name, until) if may_join(table, feeds) else ""
    said = _keep_claims(site, table, name, until)
    if not said and not joined:
        return "", (), ""
    claims = chain = f"{name}__claims"
    if joined:
        told = (*columns(("_key", "_survivor")), Named("_updated_at", Lit(None, TIME)), Named("_id", Lit(0)))
        both_ = [Project(kept(joined), told)]
        both_ += [choose(kept(claims), ("_key", "_survivor", "_updated_at", "_id"))] if said else []
        claims = chain = f"{name}__all_claims"
        workshop.keep(claims, Union(tuple(both_)))
    survivors: tuple[str, ...] = ()
    step = 0
    while True:
        ahead = Project(
            Join(kept(chain), kept(claims), "semi", matched((("_survivor", "_key"),))), columns(("_key",), "left")
        )
        if not site.count(ahead):
            break
        if 2**step > site.count(kept(claims)):
            survivors = _open_circles(site, claims, chain, ahead)
            opened = f"{name}__opened"
            stay = Op("not", (Op("in", (Col("_key"), *(Lit(s) for s in survivors))),))
            workshop.keep(opened, Project(kept(claims), (), stay, keep_all=True))
            claims = chain = opened
            step = 0
            if until is None:
                log.warning(
                    "the merges of table %r run in a circle; the oldest of them is taken back for %s",
                    table.id,
                    ", ".join(repr(s) for s in survivors[:5]),
                )
            continue
        following = f"{name}__{len(survivors)}_{step}"
        # an id whose survivor was merged too is led as far as that one is by now: the distance doubles every time
        workshop.keep(
            following,
            Project(
                Join(kept(chain), kept(chain), "left", matched((("_survivor", "_key"),))),
                (
                    Named("_key", Col("_key", "left")),
                    Named("_survivor", Op("coalesce", (Col("_survivor", "right"), Col("_survivor", "left")))),
                ),
            ),
        )
        chain, step = following, step + 1
    workshop.keep(name, choose(kept(chain), ("_key", "_survivor")))
    return (name if site.count(kept(name)) else ""), survivors, joined


def _keep_claims(site: Site, table: Table, name: str, until: int | None) -> bool:
    """Keeps what the winning row of each merged id says: `_key`, `_survivor`, and the row's `_updated_at` and `_id`."""
    workshop = site.workshop
    landing = landing_of(site, table, f"{name}__batches", until)
    said = present(Col("_merged_into"))
    before = None if until is None else Op("in", (Col("_batch"), *(Lit(f.number) for f in landing.feeds)))
    key = table.key[0]
    mentioned = f"{name}__mentioned"
    raw = Project(Scan(f"landed__{table.id}"), (Named("_k0", Col(key)),), both(said, before))
    if not workshop.keep(mentioned, distinct(raw, ("_k0",))):
        return False
    narrow, won = f"{name}__narrow", f"{name}__won"
    workshop.keep(narrow, landing.narrow(kept(mentioned)))
    ended = landing.ended(narrow)
    workshop.keep(won, landing.winners(narrow, ended))
    number = Op("add", (Op("mul", (Col("_batch"), Lit(ROWS_IN_A_BATCH))), Col("_row")))
    numbered = Project(
        Scan(f"landed__{table.id}"),
        (*columns((key, "_merged_into", "_updated_at")), Named("_id", number)),
        both(said, Op("ne", (Col("_merged_into"), Op("as_text", (Col(key),)))), before),
    )
    claims = Project(
        Join(numbered, kept(won), "semi", matched((("_id", "_id"),))),
        (
            Named("_key", Op("as_text", (Col(key, "left"),))),
            Named("_survivor", Col("_merged_into", "left")),
            *columns(("_updated_at", "_id"), "left"),
        ),
    )
    return bool(workshop.keep(f"{name}__claims", claims))


def aliases(site: Site, table: Table, when: str = "now") -> tuple[Alias, ...]:
    """How the ids in a table's columns are led to survivors, as of `now` or as the previous generation saw it (`old`).
    A table's own merges are not among them where its key is concerned: they end the row instead."""
    return tuple(
        Alias(column.id, led, reference.by, reference.value)
        for column in table.columns
        for reference in column.references
        if reference.table in site.tables and not (reference.table == table.id and column.id in table.key)
        if (led := getattr(merges(site, site.tables[reference.table]), when))
    )


def fallen_together(site: Site, landing: Landing) -> int:
    """How many rows there would be more, had merges elsewhere not given them the key of another row."""
    if not landing.regrouped:
        return 0
    table, workshop = landing.table, site.workshop
    keys = key_names(table)
    narrow, won = f"apart__{table.id}", f"apart__{table.id}__won"
    apart = replace(landing, aliases=())
    workshop.keep(narrow, apart.narrow())
    workshop.keep(won, apart.winners(narrow, apart.ended(narrow)))
    led = choose(landing.rows(()), (*keys, "_id"), Op("not", (Col("_gone"),)))
    counted = (NamedAgg("_n", Agg("count_rows")),)
    several = Group(within(led, kept(won), ("_id",), keys), columns(keys), counted, Op("gt", (Col("_n"), Lit(1))))
    ((rows, stayed),) = workshop.fetch(total(several, rows=Agg("sum", Col("_n")), stayed=Agg("count_rows")))
    return int(str(rows or 0)) - int(str(stayed))


def _open_circles(site: Site, claims: str, chain: str, ahead: Project) -> tuple[str, ...]:
    """In every circle the id whose merge is the oldest: the newest statement holds, so the first one is taken back."""
    lost = Project(Join(kept(chain), ahead, "semi", matched((("_key", "_key"),))), columns(("_survivor",), "left"))
    within_circle = distinct(lost, ("_survivor",))
    edges = Project(
        Join(kept(claims), within_circle, "semi", matched((("_key", "_survivor"),))),
        columns(("_key", "_survivor", "_updated_at", "_id"), "left"),
    )
    claimed = {str(key): (str(to), when, number) for key, to, when, number in site.workshop.fetch(edges)}
    survivors: list[str] = []
    seen: set[str] = set()
    for start in sorted(claimed):
        circle: list[str] = []
        at = start
        while at not in seen:
            seen.add(at)
            circle.append(at)
            at = claimed[at][0]
        if at in circle:
            ring = circle[circle.index(at) :]
            survivors.append(min(ring, key=lambda k: _age(claimed[k], k)))
    return tuple(sorted(survivors))


def _age(claim: tuple[str, object, object], key: str) -> tuple[bool, str, int, str]:
    """Sorts claims from the oldest on; the order of loads matters only where no source says when."""
    _, when, number = claim
    return (when is not None, str(when), 0 if when is not None else int(str(number)), key)
