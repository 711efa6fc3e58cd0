"""Stored tables: written anew as a whole, or only in the parts whose rows differ from the previous generation's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from headwater.build.algebra import choose, columns, distinct, kept, present, same, total, where, within, without
from headwater.build.layout import (
    MONTH,
    UNDATED,
    WHOLE,
    Buckets,
    Layout,
    Months,
    buckets_for,
    days_of,
    partition_column,
)
from headwater.build.numbers import Numbered, forget_numbers, numbered, numbers_amended, numbers_anew
from headwater.build.site import Change, Site, key_columns, key_names, pair
from headwater.errors import CheckError
from headwater.model.generation import Part, StoredTable
from headwater.model.lowering import day_of
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Project,
    Relation,
    Scan,
    Sort,
    Union,
    columns_of,
)
from headwater.model.table import VERSIONS_SUFFIX, Table, counted_columns, stored_columns
from headwater.model.types import NUMBER_SUFFIX, Kind, Type

NOT_CONTENT = frozenset({"_load", "_row"})
"""Columns that say where a row was last read: the same content read again is the same content."""

Through = tuple[tuple[str, date | None], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is stored: under which name, in which columns and order."""

    site: Site
    table: Table
    name: str

    @property
    def columns(self) -> tuple[tuple[str, Type], ...]:
        """The stored columns with their types."""
        return stored_columns(replace(self.table, id=self.name))

    @property
    def names(self) -> tuple[str, ...]:
        """The stored columns."""
        return tuple(name for name, _ in self.columns)

    @property
    def content(self) -> tuple[str, ...]:
        """The columns that make up a row's content."""
        numbers = {n + NUMBER_SUFFIX for n in self.counted}
        return tuple(n for n in self.names if n not in NOT_CONTENT and n not in numbers)

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns that have a number beside them."""
        return counted_columns(replace(self.table, id=self.name))

    @property
    def is_versions(self) -> bool:
        """Whether it holds earlier states."""
        return self.name.endswith(VERSIONS_SUFFIX)

    @property
    def event(self) -> str:
        """The date column that its first and last day are told by."""
        if self.is_versions:
            return "_valid_from__day"
        return day_of(self.table, self.table.event) if self.table.event else ""

    @property
    def day(self) -> str:
        """The date column it is partitioned by, '' for buckets; versions lie as their rows do."""
        return partition_column(self.table)

    @property
    def by_month(self) -> bool:
        """Whether rows with a date lie by month alone, or in one part while they are few: they change after it."""
        return bool(self.day) and (self.table.versions or bool(self.table.rows_from))

    @property
    def order(self) -> tuple[Order, ...]:
        """A total order of the rows of a part."""
        keys = tuple(Order(Col(n)) for k in self.table.key for n in reversed(pair(self.table, k)))
        first = (Order(Col(self.day)),) if self.day else ()
        return (*first, *keys, *((Order(Col("_valid_from")),) if self.is_versions else ()))

    @property
    def currencies(self) -> tuple[str, ...]:
        """The columns that hold currencies of money columns."""
        return tuple(sorted({c.currency for c in self.table.columns if c.type.kind is Kind.MONEY and c.currency}))

    def layout(self, rows: int, last: date | None) -> Layout:
        """The parts of a table with so many rows and that greatest day."""
        buckets = buckets_for(rows)
        if not self.day or (self.by_month and buckets == 1):
            return Buckets(self.table, buckets)
        return Months(self.day, last, by_day=not self.by_month)

    def stored(self, relation: Relation) -> Relation:
        """Stored rows with the key beside them."""
        return Project(relation, key_columns(self.table), keep_all=True)


def anew(form: Form, rows: Relation, bare: Relation, through: Through) -> tuple[StoredTable, Change]:
    """The table written as a whole. `rows` have its columns and key; `bare` is a cheaper relation of the same rows,
    with the partition's column and whatever else has its last value there."""
    site, workshop = form.site, form.site.workshop
    last = None
    if form.day:
        ((number, last),) = workshop.fetch(total(bare, n=Agg("count_rows"), last=Agg("max", Col(form.day))))
    else:
        number = site.count(bare)
    assert isinstance(number, int)
    assert last is None or isinstance(last, date)
    layout = form.layout(number, last)
    parts: tuple[Part, ...] = ()
    numbers: Numbered = tuple((c, 0) for c in form.counted)
    if number:
        numbers = numbers_anew(site, form.table, form.counted, rows, bare)
        rows = numbered(form.name, form.counted, rows, (*form.names, *key_names(form.table)))
        digest = columns(form.content)
        parts = workshop.write(form.columns, rows, layout.label, form.order, digest)
        forget_numbers(site, form.name, form.counted)
    workshop.publish_table(form.name, form.columns, parts)
    check_rows(form, form.stored(Scan(f"new__{form.name}")), big=True)
    if sum(p.rows for p in parts) != number:
        raise _lost(form, number, sum(p.rows for p in parts))
    span: tuple[date | None, date | None] = (None, None)
    if parts and form.event:
        span = site.span(Scan(f"new__{form.name}"), form.event)
    change = Change(whole=True)
    known = site.previous.table(form.name) if site.previous is not None else None
    if site.previous is not None and (known is None or not known.rows):  # all of its rows are new
        added = Project(Scan(f"new__{form.name}"), (Named("_new", Lit(True)), *key_columns(form.table)), keep_all=True)
        change = Change(rows=added if parts else None)
    return _described(form, parts, through, span, currencies_in(form), numbers), change


def amended(
    form: Form, old: StoredTable, fresh: str, dirty: str | None, through: Through, *, only_new: bool = False
) -> tuple[StoredTable, Change]:
    """The table with the kept rows `fresh` in place of those of the kept keys `dirty` (None: of all keys). Parts
    without a row that differs are shared with the previous generation. `only_new`: it has no row of these keys."""
    site, workshop = form.site, form.site.workshop
    was = _old_rows(form, replace(old, parts=()) if only_new else old, dirty)
    differing = _differing(form, was, fresh)
    if not differing:
        for name in (was, fresh):
            workshop.drop(name)
        workshop.publish_table(form.name, form.columns, old.parts)
        return replace(old, complete_through=through), Change()
    keys = key_names(form.table)
    removed, added = f"removed__{form.name}", f"added__{form.name}"
    workshop.keep(removed, within(kept(was), kept(differing), keys, (*form.names, *keys)))
    numbers = _keep_added(form, old, added, within(kept(fresh), kept(differing), keys, (*form.names, *keys)))
    workshop.drop(was)
    workshop.drop(fresh)
    check_rows(form, kept(added), big=False)
    gone, come = site.count(kept(removed)), site.count(kept(added))
    layout, stale = _new_layout(form, old, removed, added, old.rows - gone + come)
    parts = _parts(form, old, layout, stale, removed, added, differing)
    workshop.publish_table(form.name, form.columns, parts)
    if sum(p.rows for p in parts) != old.rows - gone + come:
        raise _lost(form, old.rows - gone + come, sum(p.rows for p in parts))
    span, currencies = _amended_facts(form, old, removed, added)
    sides = [(removed, False), (added, True)]
    changed = Union(
        tuple(Project(kept(n), (*columns((*form.names, *keys)), Named("_new", Lit(new)))) for n, new in sides)
    )
    workshop.drop(differing)
    if not site.is_read(form.name):
        workshop.drop(removed)
        workshop.drop(added)
    return _described(form, parts, through, span, currencies, numbers), Change(rows=changed)


def _keep_added(form: Form, old: StoredTable, added: str, rows: Relation) -> Numbered:
    """Keeps the rows that come in, with the numbers of their counted columns; how far these go now."""
    workshop, name = form.site.workshop, form.name
    if not form.counted:
        workshop.keep(added, rows)
        return ()
    bare = f"bare__{name}"
    workshop.keep(bare, rows)
    numbers = numbers_amended(form.site, name, old.numbered, kept(bare))
    workshop.keep(added, numbered(name, form.counted, kept(bare), columns_of(rows)))
    workshop.drop(bare)
    forget_numbers(form.site, name, form.counted)
    return numbers


def shared(form: Form, old: StoredTable, through: Through) -> StoredTable:
    """The table as it was."""
    form.site.workshop.publish_table(form.name, form.columns, old.parts)
    return replace(old, complete_through=through)


# --- what differs -----------------------------------------------------------------------------------------------------


def _old_rows(form: Form, old: StoredTable, dirty: str | None) -> str:
    """Kept: the previous generation's rows of the dirty keys, wherever they lie, with their key."""
    workshop, name = form.site.workshop, f"was__{form.name}"
    keys = key_names(form.table)
    everything = (*form.names, *keys)
    if dirty is None:
        workshop.keep(name, choose(form.stored(Scan(f"old__{form.name}")), everything))
        return name
    parts: Sequence[Part] = old.parts
    if len(parts) < 2:
        pass
    elif form.day in form.table.key:
        place = keys[form.table.key.index(form.day)]
        days = workshop.fetch(distinct(kept(dirty), (place,)))
        labels = {_old_label(old, day) for (day,) in days if isinstance(day, date)} | {UNDATED}
        parts = [p for p in old.parts if p.partition in labels]
    elif form.day:
        # keys first, so that the wide columns are read only from the parts that hold one of them
        found = Project(
            Join(form.stored(Scan(f"old__{form.name}")), kept(dirty), "semi", same(keys)),
            (Named("_day", Col(form.day, "left")),),
        )
        days = workshop.fetch(distinct(found, ("_day",)))
        labels = {_old_label(old, day) for (day,) in days if day is None or isinstance(day, date)}
        parts = [p for p in old.parts if p.partition in labels]
    else:
        number = int(old.parts[0].partition.partition("-")[0])
        bucket = Buckets(form.table, number)
        labels = {str(n) for (n,) in workshop.fetch(Group(kept(dirty), (Named("n", bucket.label),), ()))}
        parts = [p for p in old.parts if p.partition in labels]
    source = _reread(form, parts, "dirty")
    workshop.keep(name, within(source, kept(dirty), keys, everything))
    return name


def _reread(form: Form, parts: Sequence[Part], why: str) -> Relation:
    """The stored rows of some parts of the previous generation, with their key."""
    if not parts:
        return where(form.stored(Scan(f"old__{form.name}")), Lit(False))
    name = f"{form.name}__{why}"
    form.site.workshop.publish_table(name, form.columns, parts)
    return form.stored(Scan(f"new__{name}"))


def _old_label(old: StoredTable, day: date | None) -> str:
    labels = {p.partition for p in old.parts}
    if labels == {WHOLE}:
        return WHOLE
    if day is None:
        return UNDATED
    return day.isoformat() if day.isoformat() in labels else day.replace(day=1).isoformat() + MONTH


def _differing(form: Form, was: str, fresh: str) -> str:
    """Kept: the keys whose rows differ in content, '' where none does."""
    keys = key_names(form.table)
    content = Named("_content", Op("row_digest", tuple(Col(n) for n in form.content)))
    before, after = (Project(kept(n), (*columns(keys), content)) for n in (was, fresh))
    on = (*keys, "_content")
    name = f"differing__{form.name}"
    both_ways = Union((without(before, after, on, keys), without(after, before, on, keys)))
    if form.site.workshop.keep(name, distinct(both_ways, keys)):
        return name
    form.site.workshop.drop(name)
    return ""


# --- parts ------------------------------------------------------------------------------------------------------------


def _by_day(form: Form, name: str) -> dict[date | None, int]:
    counted = Group(kept(name), (Named("_day", Col(form.day)),), (NamedAgg("_n", Agg("count_rows")),))
    found: dict[date | None, int] = {}
    for day, number in form.site.workshop.fetch(counted):
        assert day is None or isinstance(day, date)
        found[day] = int(str(number))
    return found


def _new_layout(form: Form, old: StoredTable, removed: str, added: str, rows: int) -> tuple[Layout, frozenset[str]]:
    """The layout of the new content, and the labels of old parts that cannot stay as they are."""
    labels = {p.partition: p.rows for p in old.parts}
    if not form.day:
        layout: Layout = form.layout(rows, None)
        if not all(layout.holds(n) for n in labels):
            return layout, frozenset(labels)
        touched: set[str] = set()
        for name in (removed, added):
            found = form.site.workshop.fetch(Group(kept(name), (Named("n", layout.label),), ()))
            touched |= {str(n) for (n,) in found}
        return layout, frozenset(touched & set(labels))
    leaving = _by_day(form, removed)
    arriving = _by_day(form, added)
    if form.by_month:
        layout = form.layout(rows, None)
        if isinstance(layout, Buckets) or not all(layout.holds(n) for n in labels):
            return layout, frozenset(labels)
        months = {_old_label(old, d) for d in leaving} | {layout.label_of(d) for d in arriving}
        return layout, frozenset(months & set(labels))
    left = dict(labels)
    touched = set()
    for day, number in leaving.items():
        label = _old_label(old, day)
        left[label] -= number
        touched.add(label)
    known = days_of(n for n, number in left.items() if number)
    days = [d for d in (*known.values(), *arriving) if d is not None]
    # the greatest month is all that matters; a month's part stands for its first day
    layout = form.layout(rows, max(days, default=None))
    touched |= {layout.label_of(day) for day in arriving} if isinstance(layout, Months) else set()
    touched |= {n for n in labels if not layout.holds(n)}
    return layout, frozenset(touched & set(labels))


def _parts(
    form: Form, old: StoredTable, layout: Layout, stale: frozenset[str], removed: str, added: str, differing: str
) -> tuple[Part, ...]:
    workshop = form.site.workshop
    keys = key_names(form.table)
    names = (*form.names, *keys)
    open_ = [p for p in old.parts if p.partition in stale]
    rows: Relation = choose(kept(added), names)
    if open_:
        staying = without(_reread(form, open_, "stale"), kept(differing), keys, names)
        rows = Union((staying, rows))
    written = workshop.write(form.columns, rows, layout.label, form.order, columns(form.content))
    sharing = [p for p in old.parts if p.partition not in stale]
    return tuple(sorted((*sharing, *written), key=lambda p: p.partition))


# --- what is known of it ----------------------------------------------------------------------------------------------


def _amended_facts(
    form: Form, old: StoredTable, removed: str, added: str
) -> tuple[tuple[date | None, date | None], tuple[str, ...]]:
    """First and last day, and currencies; read again only where a removed row may have been the only one."""
    site = form.site
    span: tuple[date | None, date | None] = (None, None)
    if form.event:
        gone, come = site.span(kept(removed), form.event), site.span(kept(added), form.event)
        low = min((d for d in (old.first_day, come[0]) if d is not None), default=None)
        high = max((d for d in (old.last_day, come[1]) if d is not None), default=None)
        span = (low, high)
        lost_low = gone[0] is not None and gone[0] == old.first_day and come[0] != low
        lost_high = gone[1] is not None and gone[1] == old.last_day and come[1] != high
        if lost_low or lost_high:
            span = site.span(Scan(f"new__{form.name}"), form.event)
    removed_ones, added_ones = (_currencies(form, kept(n)) for n in (removed, added))
    if removed_ones <= added_ones:
        currencies = tuple(sorted(set(old.currencies) | added_ones))
    else:
        currencies = currencies_in(form)
    return span, currencies


def currencies_in(form: Form) -> tuple[str, ...]:
    """The currencies found in the candidate's money columns."""
    return tuple(sorted(_currencies(form, Scan(f"new__{form.name}"))))


def _currencies(form: Form, rows: Relation) -> set[str]:
    found: set[str] = set()
    for name in form.currencies:
        found |= {str(c) for (c,) in form.site.workshop.fetch(distinct(where(rows, present(Col(name))), (name,)))}
    return found


def _described(
    form: Form,
    parts: Sequence[Part],
    through: Through,
    span: tuple[date | None, date | None],
    currencies: tuple[str, ...],
    numbers: Numbered,
) -> StoredTable:
    beyond = date(form.site.built_at.year + 10, 12, 31)
    if span[0] is not None and span[0] > beyond and not form.is_versions:
        raise CheckError(
            f"every row of table {form.table.id!r} lies after {beyond}",
            where=f"column {form.table.event!r}",
            do="Check the date format in the source's file; nothing was published.",
        )
    return StoredTable(
        table=form.name,
        parts=tuple(parts),
        rows=sum(p.rows for p in parts),
        digest=str(sum(int(p.digest) for p in parts) % 2**64),
        complete_through=through,
        currencies=currencies,
        first_day=span[0],
        last_day=span[1],
        numbered=numbers,
    )


# --- tests on the candidate -------------------------------------------------------------------------------------------


def check_rows(form: Form, rows: Relation, *, big: bool) -> None:
    """Raises CheckError where a key has two rows or a required column is empty. `rows` have their key beside them."""
    site, table = form.site, form.table
    keys = key_names(table) + (("_valid_from",) if form.is_versions else ())
    if big:  # a hash first: a table of facts has tens of millions of keys
        hashed = Project(rows, (Named("_h", Op("hash", tuple(Col(k) for k in keys))),))
        if not site.count(Project(_repeated(hashed, ("_h",)), (Named("_h", Col("_h")),))):
            keys = ()
    if keys:
        order = tuple(Order(Col(k)) for k in keys)
        found = site.workshop.fetch(Sort(_repeated(rows, keys), order, limit=1))
        if found:
            example = ", ".join(repr(str(v)) for v in found[0][: len(table.key)])
            raise CheckError(
                f"column {', '.join(repr(k) for k in table.key)} of table {form.name!r} is not a unique key:"
                f" {example} has {found[0][-1]} rows",
                where=table.path,
                do="Nothing was published. Name the key's columns in the table file or in the source's 'key'.",
            )
    # columns that are derived or copied can be empty for reasons that no source can mend
    needed = [c.id for c in table.columns if c.required and c.derive is None] if not table.rows_from else []
    if not needed:
        return
    counts = total(rows, n=Agg("count_rows"), **{c: Agg("count", Col(day_of(table, c))) for c in needed})
    ((number, *filled),) = site.workshop.fetch(counts)
    for name, full in zip(needed, filled, strict=True):
        if full != number:
            raise CheckError(
                f"column {name!r} of table {form.name!r} is required, but {int(str(number)) - int(str(full))} of its"
                " rows lack it",
                where=table.path,
                do="Nothing was published. Map the column, or mend these rows in the source.",
            )


def _repeated(rows: Relation, names: Sequence[str]) -> Group:
    return Group(rows, columns(names), (NamedAgg("_n", Agg("count_rows")),), Op("gt", (Col("_n"), Lit(1))))


def _lost(form: Form, expected: int, found: int) -> CheckError:
    return CheckError(
        f"table {form.name!r} should have {expected} rows, but its parts hold {found}",
        do="Nothing was published. This is a fault of Headwater: report it.",
    )
