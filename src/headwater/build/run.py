"""The build: every table in the order of its derivations, anew or only where the journal brought something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter

from headwater.build import journal
from headwater.build.algebra import choose, columns, distinct, is_null, kept, present, where, within
from headwater.build.calendar import CALENDAR, calendar_table
from headwater.build.derive import Frame, derive, read_as
from headwater.build.dirt import Everything, brought, copied_dirt, derived_dirt, keep_dirt, landed_dirt
from headwater.build.identity import expanded
from headwater.build.joining import completed_by_joined, led_along, may_join
from headwater.build.landed import BOOKKEEPING, END, VALIDITY, Landing, keep_feeds
from headwater.build.merges import aliases, fallen_together, merges
from headwater.build.rates import RATES, daily_rates
from headwater.build.site import Change, Site, key_columns, key_names, pair, reads
from headwater.build.stored import Form, Through, amended, anew, shared
from headwater.errors import CheckError, DefinitionError
from headwater.model.filled import available
from headwater.model.generation import Generation, StoredTable
from headwater.model.landing import ROWS_IN_A_BATCH, JournalEntry
from headwater.model.lowering import both, day_of
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Relation, Scalar, Scan, Union
from headwater.model.ruled import other_rules, structure_of
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, Table, counted_columns
from headwater.model.workshop import Workshop
from headwater.version import VERSION


def build(
    workshop: Workshop,
    entries: Sequence[JournalEntry],
    tables: Mapping[str, Table],
    settings: Settings,
    built_at: datetime,
    build_hash: str,
) -> Generation:
    """The generation that the journal gives by these definitions, written but not published (its id is empty).

    It starts from the workshop's previous generation and touches only what differs, with the same logical digests as a
    build of everything; which it is when the definitions changed or somebody was erased. Raises CheckError when the
    candidate fails a data test, DefinitionError when the tables cannot be derived.
    """
    shipped, tables = tables, expanded(tables)
    known = workshop.previous
    if known is not None and (
        structure_of(known.build) != structure_of(build_hash) or journal.erased_since(entries, known.journal)
    ):
        known = None
    rules = other_rules(known.build, build_hash) if known is not None else frozenset()
    site = Site(workshop, tuple(entries), tables, settings, built_at, known, rules)
    stored: dict[str, StoredTable] = {}
    for table in in_order(tables):
        if table.id != CALENDAR:
            stored |= {one.table: one for one in _table(site, table)}
    if CALENDAR in tables:
        stored[CALENDAR] = calendar_table(site, tables[CALENDAR], tuple(stored.values()))
    stored = _with_empty_columns(site, shipped, stored)
    return Generation(
        id="",
        parent=workshop.previous.id if workshop.previous else "",
        journal=journal.last_number(entries),
        build=build_hash,
        built_at=built_at,
        writer=f"headwater {VERSION}",
        tables=tuple(stored[name] for name in sorted(stored)),
    )


def _with_empty_columns(
    site: Site, tables: Mapping[str, Table], stored: Mapping[str, StoredTable]
) -> dict[str, StoredTable]:
    """The stored tables, each with the columns that nothing fills: a zero made of them would be no zero."""
    filled = available(tables, ((t, feed.columns) for t in tables for feed in site.feeds(t)))
    found = dict(stored)
    for name, one in stored.items():
        table = tables.get(name.removesuffix(VERSIONS_SUFFIX))
        if table is not None and one.rows:
            there = filled.get(table.id, frozenset())
            found[name] = replace(one, empty=tuple(c.id for c in table.columns if c.id not in there))
    return found


def gave_way(
    workshop: Workshop,
    entries: Sequence[JournalEntry],
    tables: Mapping[str, Table],
    settings: Settings,
    built_at: datetime,
) -> tuple[tuple[str, int | None, int | None], ...]:
    """By table how many landed rows gave way to another one that has the same key since ids in it were merged (the
    newer change stays, then the later load), and how many ids live on under another one by the table's rule; None where
    no key names others, or no rule joins rows."""
    tables = expanded(tables)
    site = Site(workshop, tuple(entries), tables, settings, built_at, None)
    found = []
    for table in tables.values():
        if table.rows_from or not site.feeds(table.id):
            continue
        named = any(a.column in table.key for a in aliases(site, table))
        fell = fallen_together(site, _landing(site, table)) if named else None
        joins = table.joining is not None and may_join(table, site.feeds(table.id))
        joined = merges(site, table).joined if joins else ""
        count = site.count(distinct(kept(joined), ("_key",))) if joined else 0 if joins else None
        if fell is not None or count is not None:
            found.append((table.id, fell, count))
    return tuple(found)


def in_order(tables: Mapping[str, Table]) -> tuple[Table, ...]:
    """The tables, each after those it is derived from. Raises DefinitionError for a circle."""
    graph = {name: {n.removesuffix(VERSIONS_SUFFIX) for n in reads(table)} for name, table in sorted(tables.items())}
    try:
        return tuple(tables[name] for name in TopologicalSorter(graph).static_order() if name in tables)
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise DefinitionError(
            f"tables are derived from each other in a circle: {circle}",
            where=tables[error.args[1][0]].path,
            do="Derive one of these columns in a table of journeys instead.",
        ) from error


def _table(site: Site, table: Table) -> tuple[StoredTable, ...]:
    if _is_bare(site, table):
        return _bare(site, table)
    if table.rows_from:
        return (_journeys(site, table),)
    if table.id == RATES:
        return (daily_rates(site, table, _landing(site, table)),)
    return _landed(site, table)


def _is_bare(site: Site, table: Table) -> bool:
    """Whether no batch feeds a table (or the one its rows come from) and none did: then it costs no statement."""
    of = table.rows_from or table.id
    return of in site.tables and not site.feeds(of) and _old(site, table.id) is None and not site.tables[of].rows_from


def _bare(site: Site, table: Table) -> tuple[StoredTable, ...]:
    """The table without a row, and its versions."""
    names = [table.id, *([table.id + VERSIONS_SUFFIX] if table.versions else [])]
    forms = [Form(site, table, name) for name in names]
    for form in forms:
        site.workshop.publish_table(form.name, form.columns, ())
        site.changes[form.name] = Change()
        site.bare.add(form.name)
    return tuple(StoredTable(f.name, (), 0, "0", numbered=tuple((c, 0) for c in f.counted)) for f in forms)


def _old(site: Site, name: str) -> StoredTable | None:
    """The previous generation's table; None where it had no rows, or not the numbers of all its counted columns: then
    everything is new."""
    old = site.previous.table(name) if site.previous else None
    if old is None or not old.rows:
        return None
    counted = counted_columns(site.tables[name]) if name in site.tables else ()
    return old if counted == tuple(c for c, _ in old.numbered) else None


# --- tables that sources fill -----------------------------------------------------------------------------------------


def _landing(site: Site, table: Table) -> Landing:
    feeds = site.feeds(table.id)
    if not table.versions and not any(f.updated for f in feeds):
        feeds = journal.live(feeds)
    return Landing(
        site=site,
        table=table,
        feeds=feeds,
        batches=keep_feeds(site, f"batches__{table.id}", feeds),
        aliases=aliases(site, table),
        survivors=merges(site, table).survivors,
        joined=merges(site, table).joined,
    )


def _landed(site: Site, table: Table) -> tuple[StoredTable, ...]:
    through = journal.complete_through(site.entries, table.id, site.settings.time_zone)
    forms = [Form(site, table, table.id)]
    if table.versions:
        forms.append(Form(site, table, table.id + VERSIONS_SUFFIX))
    olds = [_old(site, form.name) for form in forms]
    landing = _landing(site, table)
    known = [o for o in olds if o is not None]
    if site.since is not None and all(olds):
        try:
            if not site.is_reruled(table):
                return _landed_amended(site, landing, forms, known, through)
            return _landed_anew(site, landing, forms, through, known)
        except Everything:
            pass
    return _landed_anew(site, landing, forms, through)


def _landed_anew(
    site: Site, landing: Landing, forms: Sequence[Form], through: Through, olds: Sequence[StoredTable] = ()
) -> tuple[StoredTable, ...]:
    """Every row derived anew. With `olds`, where other rules decide some columns, only the parts with a row that
    differs are written, and only what reads such a row is derived again."""
    table = landing.table
    names = landing.mapped
    mapped = frozenset(names)
    everyone = landing.deletes  # any key may have been deleted by a full load, also one with a single row
    contested = "" if everyone else landing.contested()
    relations: list[Relation] = []
    versions: list[Relation] = []
    carried = (*names, *BOOKKEEPING, *key_names(table))
    if not everyone:
        alone = landing.uncontested_rows(names, contested)
        relations.append(choose(alone, carried))
        if table.versions:
            versions.append(Project(alone, (*columns(carried), *landing.single_version())))
    if everyone or contested:
        current, ids, _ = _keep_current(site, landing, contested)
        relations.append(choose(landing.rows_of(current, names), carried))
        if table.versions:
            versions.append(choose(landing.rows_of(ids, names, VALIDITY), (*carried, *VALIDITY)))
    results = []
    for i, (form, sources) in enumerate(zip(forms, (relations, versions), strict=False)):
        base: Relation = Union(tuple(sources)) if len(sources) > 1 else sources[0]
        base = _joined_in(landing, base, (*carried, *VALIDITY) if form.is_versions else carried)
        rows, bare = _completed(site, form, base, mapped, few=False)
        if olds:
            fresh = f"fresh__{form.name}"
            site.workshop.keep(fresh, rows)
            result, change = amended(form, olds[i], fresh, None, through)
        else:
            result, change = anew(form, rows, bare, through)
        site.changes[form.name] = change
        results.append(result)
    _check_open_versions(site, table, results)
    return tuple(results)


def _joined_in(landing: Landing, rows: Relation, names: Sequence[str], dirty: str = "") -> Relation:
    """The rows with what others that live on under them know."""
    if not landing.joined:
        return rows
    return completed_by_joined(landing, rows, names, landing.joined, merges(landing.site, landing.table).now, dirty)


def _keep_current(site: Site, landing: Landing, contested: str, dirty: str = "") -> tuple[str, str, bool]:
    """Keeps the landed rows that say how things are, and (for a table with versions) how they were; the two names, and
    whether the previous generation knew a row of these keys."""
    workshop, table = site.workshop, landing.table
    narrow, current, ids = (f"{n}__{table.id}" for n in ("narrow", "current", "states"))
    content = table.versions
    if contested:
        workshop.keep(narrow, landing.contested_narrow(contested, content=content))
    else:
        workshop.keep(narrow, landing.narrow(kept(dirty) if dirty else None, content=content))
    known = Lit((site.since + 1) * ROWS_IN_A_BATCH) if site.since is not None else Lit(0)
    seen = bool(dirty) and bool(site.count(where(kept(narrow), Op("lt", (Col("_id"), known)))))
    ended = landing.ended(narrow)
    if table.versions:
        workshop.keep(ids, landing.timeline(narrow, ended))
        workshop.keep(current, where(kept(ids), is_null(Col("_valid_to"))))
    else:
        workshop.keep(current, landing.winners(narrow, ended))
    workshop.drop(narrow)
    return current, ids, seen


def _completed(
    site: Site, form: Form, base: Relation, mapped: frozenset[str], *, few: bool
) -> tuple[Relation, Relation]:
    """The rows with every column of the form; and the same rows before anything was joined to them."""
    table, keys = form.table, key_names(form.table)
    beside = VALIDITY if form.is_versions else ()
    identity = (*keys, "_valid_from") if form.is_versions else keys
    names = tuple(n for c in table.columns for n in pair(table, c.id) if n in mapped)
    frame = Frame(base, (*names, *BOOKKEEPING, *beside, *keys), identity)
    full = derive(site, table, frame, mapped, few=few)
    missing = [Named(n, Lit(None, t)) for n, t in form.columns if n not in full.names]
    rows = full.put(missing) if missing else full
    done = choose(rows.relation, (*form.names, *keys))
    return done, (done if form.day and form.day not in mapped else base)


def _landed_amended(
    site: Site, landing: Landing, forms: Sequence[Form], olds: Sequence[StoredTable], through: Through
) -> tuple[StoredTable, ...]:
    table = landing.table
    assert site.since is not None
    every = _every_batch(site, landing)
    moved = landed_dirt(every, site.since)
    for form in forms:
        moved += derived_dirt(site, table, form.name)
    fresh_keys = brought(every, site.since)
    if table.joining is not None:
        own = merges(site, table)
        moved += led_along([*moved, *fresh_keys], *sorted({own.now, own.old}))
    dirty = keep_dirt(site, table.id, [*fresh_keys, *moved], key_names(table))
    if not dirty:
        for form in forms:
            site.changes[form.name] = Change()
        return tuple(shared(form, old, through) for form, old in zip(forms, olds, strict=True))
    names = landing.mapped
    mapped = frozenset(names)
    carried = (*names, *BOOKKEEPING, *key_names(table))
    current, ids, seen = _keep_current(site, landing, "", dirty)
    only_new = not moved and not seen and every is landing  # then no row of the old table is touched
    results = []
    for form, old in zip(forms, olds, strict=True):
        source = current if not form.is_versions else ids
        extra = VALIDITY if form.is_versions else ()
        base = f"base__{form.name}"
        chosen = choose(landing.rows_of(source, names, extra), (*carried, *extra))
        site.workshop.keep(base, _joined_in(landing, chosen, (*carried, *extra), dirty))
        rows, _ = _completed(site, form, kept(base), mapped, few=True)
        fresh = f"fresh__{form.name}"
        site.workshop.keep(fresh, rows)
        site.workshop.drop(base)
        result, change = amended(form, old, fresh, dirty, through, only_new=only_new)
        site.changes[form.name] = change
        results.append(result)
    _check_open_versions(site, table, results)
    return tuple(results)


def _every_batch(site: Site, landing: Landing) -> Landing:
    """The same landing with every batch, also those that a later full load made worthless: they tell what vanished."""
    feeds = site.feeds(landing.table.id)
    if feeds == landing.feeds:
        return landing
    return replace(landing, feeds=feeds, batches=keep_feeds(site, f"every_batch__{landing.table.id}", feeds))


def _check_open_versions(site: Site, table: Table, results: Sequence[StoredTable]) -> None:
    """Raises CheckError unless every row has exactly one version that is still open."""
    if not table.versions:
        return
    now, versions = results
    still = site.count(where(Scan(f"new__{versions.table}"), is_null(Col("_valid_to"))))
    if still != now.rows:
        raise CheckError(
            f"table {now.table!r} has {now.rows} rows, but {still} open versions",
            do="Nothing was published. This is a fault of Headwater: report it.",
        )


# --- tables that follow another one -----------------------------------------------------------------------------------


def _journeys(site: Site, table: Table) -> StoredTable:
    theirs = site.tables.get(table.rows_from)
    if theirs is None or table.versions:
        what = "which is no table" if theirs is None else "and such a table keeps no versions"
        raise DefinitionError(
            f"the rows of table {table.id!r} come from {table.rows_from!r}, {what}",
            where=table.path,
            do="Name a table of the catalogue, and leave 'versions' out.",
        )
    through = journal.complete_through(site.entries, theirs.id, site.settings.time_zone)
    copies = _copies(table, theirs)
    missing = [k for k in table.key if k not in copies]
    if missing:
        raise DefinitionError(
            f"the key {missing[0]!r} of table {table.id!r} is no column of {theirs.id!r}, which its rows come from",
            where=table.path,
            do="Give it the name it has there.",
        )
    form = Form(site, table, table.id)
    names = tuple(n for c in copies for n in pair(table, c))
    mapped = frozenset(names)
    base = _followed(table, theirs, copies)
    old = _old(site, table.id)
    if site.since is not None and old is not None and not site.is_reruled(table):
        try:
            parts = copied_dirt(site, table, [n for c in copies for n in pair(theirs, c)])
            parts += derived_dirt(site, table, table.id)
            dirty = keep_dirt(site, table.id, parts, key_names(table))
            if not dirty:
                site.changes[table.id] = Change()
                return shared(form, old, through)
            carried = (*names, *BOOKKEEPING, *key_names(table))
            some, fresh = f"base__{table.id}", f"fresh__{table.id}"
            site.workshop.keep(some, choose(_followed(table, theirs, copies, dirty), carried))
            site.workshop.keep(fresh, _completed(site, form, kept(some), mapped, few=True)[0])
            site.workshop.drop(some)
            result, site.changes[table.id] = amended(form, old, fresh, dirty, through)
            return result
        except Everything:
            pass
    result, site.changes[table.id] = anew(form, *_completed(site, form, base, mapped, few=False), through)
    return result


def _followed(table: Table, theirs: Table, copies: Sequence[str], dirty: str = "") -> Relation:
    """The rows that a table has because of another one's (with the kept keys `dirty`): one for each, or one for each
    value of its key, with the place of the first of them by their main clock, then by business key."""
    source: Relation = Project(
        Scan(f"new__{theirs.id}"),
        (*_copied(table, theirs, copies), *columns(BOOKKEEPING), *_first_of(table, theirs)),
    )
    source = Project(source, key_columns(table), keep_all=True)
    names = tuple(n for c in copies for n in pair(table, c))
    order = tuple(n.name for n in _first_of(table, theirs))
    if dirty:
        source = within(source, kept(dirty), key_names(table), (*names, *BOOKKEEPING, *order, *key_names(table)))
    if table.key == theirs.key:
        return source
    named = both(*(present(Col(day_of(table, k))) for k in table.key))
    known = where(source, named) if named is not None else source
    places = tuple(NamedAgg(n, Agg("first_by", Col(n), order=tuple(Col(o) for o in order))) for n in BOOKKEEPING)
    return Group(known, columns((*names, *key_names(table))), places)


def _first_of(table: Table, theirs: Table) -> tuple[Named, ...]:
    """What tells the first of several rows of another table; nothing where each has a row of its own."""
    if table.key == theirs.key:
        return ()
    clock: list[Scalar] = [Op("coalesce", (Col(day_of(theirs, theirs.event)), Lit(END.date())))] if theirs.event else []
    if theirs.event and day_of(theirs, theirs.event) != theirs.event:
        clock.append(Op("coalesce", (Col(theirs.event), Lit(END))))
    values = (*clock, *(n.value for n in key_columns(theirs)))
    return tuple(Named(f"_first{i}", value) for i, value in enumerate(values))


def _copies(table: Table, theirs: Table) -> tuple[str, ...]:
    """The columns taken over by name; a derived one too, where a value counts before the derived one. A derived
    currency is not: it belongs to a derived amount, not to the other table's. Only the key, where a row follows several
    rows."""
    if table.key != theirs.key:
        return tuple(k for k in table.key if theirs.column(k) is not None)
    money = {c.currency for c in table.columns if c.currency}
    return tuple(
        c.id for c in table.columns if theirs.column(c.id) is not None and not (c.derive is not None and c.id in money)
    )


def _copied(table: Table, theirs: Table, names: Sequence[str]) -> tuple[Named, ...]:
    """The stored columns of the copied ones, from the other table's columns of the same name."""
    found: list[Named] = []
    for name in names:
        column = table.column(name)
        assert column is not None
        values = read_as(column.type.kind, theirs, name)(Col)
        found += [Named(n, v) for n, v in zip(pair(table, name), values, strict=True)]
    return tuple(found)
