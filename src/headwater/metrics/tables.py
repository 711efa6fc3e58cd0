"""Table files to Tables: keys, columns, derivations and splits, each held against the tables they name."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from headwater.errors import Fault, nearest
from headwater.files.read import KeyPath
from headwater.metrics.entries import ID, ID_RULE, Entry, unknown
from headwater.metrics.kinds import DATED, NUMERIC, TEXTUAL, check_predicate, columns_of
from headwater.metrics.language import RESERVED, LanguageError, parse_predicate
from headwater.metrics.shapes import ColumnShape, ExtensionShape, PickShape, TableShape
from headwater.model.channels import FACTS
from headwater.model.expression import Predicate
from headwater.model.identity import BY, Joining
from headwater.model.table import (
    Bucket,
    ByChannel,
    ByIdentity,
    ByValue,
    Column,
    Derivation,
    Key,
    LinkedColumn,
    LinkedSplit,
    Lookup,
    Pick,
    Ruled,
    Since,
    Table,
)
from headwater.model.types import Kind, Unit

SPLIT_KINDS = frozenset({Kind.TEXT, Kind.ID, Kind.BOOLEAN, Kind.INTEGER})
AnyEntry = Entry[TableShape | ExtensionShape]


@dataclass(frozen=True, slots=True)
class _Origin:
    """The file a column or a split came from, and the key it stands at."""

    entry: AnyEntry
    key: KeyPath

    def fault(self, key: KeyPath, what: str, do: str = "") -> Fault:
        return self.entry.fault((*self.key, *key), what, do)


@dataclass(slots=True)
class _Draft:
    """A table under construction with the origin of each column and split."""

    entry: AnyEntry
    table: Table
    columns: dict[str, _Origin]
    was: dict[str, _Origin]
    is_: dict[str, _Origin]


def build_tables(entries: Sequence[AnyEntry], broken: frozenset[str]) -> tuple[dict[str, Table | None], list[Fault]]:
    """Every table by id (None: its file is broken), extended by the workspace's columns, and what is wrong."""
    faults: list[Fault] = []
    drafts: dict[str, _Draft] = {}
    for entry in entries:
        if isinstance(entry.shape, TableShape):
            if entry.id in drafts:
                do = f"Give it another name, or write 'extend: {entry.id}' to add columns to it."
                faults.append(entry.fault((), f"a table {entry.id!r} is shipped already", do))
            else:
                drafts[entry.id] = _draft(entry, entry.shape, faults)
    for entry in entries:
        if isinstance(entry.shape, ExtensionShape):
            _extend(entry, entry.shape, drafts, broken, faults)
    tables: dict[str, Table | None] = {name: draft.table for name, draft in drafts.items()}
    for name in broken:
        tables.setdefault(name, None)
    for draft in drafts.values():
        _check(draft, tables, faults)
    _check_circles(drafts, faults)
    return {name: tables[name] for name in sorted(tables)}, faults


# --- from shapes -----------------------------------------------------------------------------------------------------
def _draft(entry: AnyEntry, shape: TableShape, faults: list[Fault]) -> _Draft:
    columns = {name: _Origin(entry, ("columns", name)) for name in shape.columns}
    was = {name: _Origin(entry, ("splits", "was", i)) for i, name in enumerate(shape.splits.was)}
    is_ = {name: _Origin(entry, ("splits", "is", name)) for name in shape.splits.is_}
    table = Table(
        id=entry.id,
        title=shape.title,
        grain=shape.grain,
        subject=shape.subject,
        key=shape.key,
        columns=tuple(_column(n, c, columns[n], faults) for n, c in shape.columns.items()),
        partition=shape.partition,
        event=shape.event,
        happens=shape.happens,
        versions=shape.versions,
        splits_was=tuple(was),
        splits_is=tuple(LinkedSplit(n, s.table, s.by, s.column) for n, s in shape.splits.is_.items()),
        columns_is=tuple(
            LinkedColumn(n, c.type, c.table, c.by, c.column, c.after, c.about) for n, c in shape.columns_is.items()
        ),
        rows_from=shape.rows_from,
        about=shape.about,
        own=entry.own,
        path=entry.document.path,
        joining=Joining(shape.joining) if shape.joining else None,
    )
    return _Draft(entry, table, columns, was, is_)


def _extend(
    entry: AnyEntry, shape: ExtensionShape, drafts: dict[str, _Draft], broken: frozenset[str], faults: list[Fault]
) -> None:
    """Adds own columns to a table; those of a kind that can split become splits, personal ones do not."""
    draft = drafts.get(shape.extend)
    if draft is None:
        if shape.extend not in broken:
            faults.append(entry.fault(("extend",), *unknown("table", shape.extend, drafts)))
        return
    added: list[Column] = []
    for name, column in shape.columns.items():
        origin = _Origin(entry, ("columns", name))
        if name in draft.columns:
            faults.append(origin.fault((), f"the table {shape.extend!r} has a column {name!r} already"))
            continue
        draft.columns[name] = origin
        added.append(_column(name, column, origin, faults))
        if column.type.kind in SPLIT_KINDS and not column.personal and name not in shape.splits.is_:
            draft.was.setdefault(name, origin)
    for i, name in enumerate(shape.splits.was):
        draft.was.setdefault(name, _Origin(entry, ("splits", "was", i)))
    links = list(draft.table.splits_is)
    for name, link in shape.splits.is_.items():
        origin = _Origin(entry, ("splits", "is", name))
        if name in draft.is_:
            faults.append(origin.fault((), f"the table {shape.extend!r} has a split {name!r} already"))
            continue
        draft.is_[name] = origin
        links.append(LinkedSplit(name, link.table, link.by, link.column))
    draft.table = replace(
        draft.table, columns=(*draft.table.columns, *added), splits_was=tuple(draft.was), splits_is=tuple(links)
    )


def _column(name: str, shape: ColumnShape, origin: _Origin, faults: list[Fault]) -> Column:
    if not ID.fullmatch(name):
        faults.append(origin.fault((), f"the column name {name!r} is not an id", ID_RULE))
    elif name in RESERVED:
        faults.append(origin.fault((), f"a column cannot be called {name!r}, a word of the condition language"))
    kind = shape.type.kind
    if shape.low is not None and kind not in NUMERIC:
        faults.append(origin.fault(("low",), f"only numbers have a least value, and {name!r} is of type {kind}"))
    if shape.planned and kind not in DATED:
        faults.append(origin.fault(("planned",), f"only dates are planned, and {name!r} is of type {kind}"))
    if shape.values and kind is not Kind.TEXT:
        faults.append(origin.fault(("values",), f"only texts list their values, and {name!r} is of type {kind}"))
    if shape.counted and kind not in (Kind.TEXT, Kind.ID):
        what = f"only the values of ids and texts get numbers to be counted by, and {name!r} is of type {kind}"
        faults.append(origin.fault(("counted",), what))
    if shape.unit:
        if kind not in (Kind.INTEGER, Kind.NUMBER, Kind.ID, Kind.TEXT):  # distinct ids and texts are counted in it
            what = f"only numbers, ids and texts have a unit, and {name!r} is of type {kind}"
            faults.append(origin.fault(("unit",), what))
        try:
            Unit.parse(shape.unit)
        except ValueError as error:
            faults.append(origin.fault(("unit",), str(error)))
    return Column(
        id=name,
        type=shape.type,
        about=shape.about,
        required=shape.required,
        refers=shape.refers
        if isinstance(shape.refers, str)
        else ByValue(shape.refers.by, tuple(shape.refers.to.items())),
        currency=shape.currency,
        unit=shape.unit,
        personal=shape.personal,
        values=shape.values,
        low=shape.low,
        fixed=shape.fixed,
        planned=shape.planned,
        counted=shape.counted,
        optional=shape.optional,
        derive=_derivation(name, shape, origin, faults),
    )


def _derivation(name: str, shape: ColumnShape, origin: _Origin, faults: list[Fault]) -> Derivation | None:
    rule = shape.derive
    if rule is None:
        return None
    if rule.lookup is not None:
        return Lookup(rule.lookup.table, rule.lookup.by, rule.lookup.column, rule.lookup.as_of)
    if rule.since is not None:
        return Since(rule.since.start, rule.since.to, rule.since.unit)
    if rule.bucket is not None:
        edges, labels = rule.bucket.edges, rule.bucket.labels
        key: KeyPath = ("derive", "bucket")
        if list(edges) != sorted(set(edges)):
            faults.append(origin.fault((*key, "edges"), "the edges are not in ascending order"))
        if len(labels) != len(edges) + 1:
            what = f"{len(edges)} edges make {len(edges) + 1} classes, and {len(labels)} labels are given"
            faults.append(origin.fault((*key, "labels"), what))
        if len(set(labels)) != len(labels):
            faults.append(origin.fault((*key, "labels"), "two classes have the same label"))
        return Bucket(rule.bucket.column, edges, labels)
    for which in ("first", "last", "nth", "count"):
        pick: PickShape | None = getattr(rule, which)
        if pick is not None:
            return _pick(which, pick, origin, faults)
    for of in ("mail", "domain", "company"):
        if (text := getattr(rule, of)) is not None:
            return Key(of, text)
    if rule.identity is not None:
        links = tuple((n, c) for n in ("mail", "cookie", "contact") if (c := getattr(rule.identity, n)))
        return ByIdentity(rule.identity.of, name, links, rule.identity.at)
    if rule.channel is not None:
        told = tuple((fact, c) for fact, _ in FACTS if (c := getattr(rule.channel, fact)))
        return ByChannel(name, told, rule.channel.campaign_id)
    if rule.rule_of is not None:
        return ByChannel(rule.rule_of, gives="rule")  # completed once the column it speaks of is known
    return None


def _pick(which: str, pick: PickShape, origin: _Origin, faults: list[Fault]) -> Pick:
    key: KeyPath = ("derive", which)
    where: Predicate | None = None
    if pick.where:
        try:
            where = parse_predicate(pick.where)
        except LanguageError as error:
            faults.append(origin.fault((*key, "where"), str(error)))
    if which == "count" and pick.column:
        faults.append(origin.fault((*key, "column"), "'count' counts rows and takes no column"))
    if which != "count" and not pick.column:
        faults.append(origin.fault(key, f"{which!r} needs the column that it takes"))
    if which != "nth" and pick.n != 1:
        faults.append(origin.fault((*key, "n"), f"only 'nth' has an 'n', and this is {which!r}"))
    by = tuple(pick.by.items())
    return Pick(which, pick.table, by, pick.column, pick.order, where, pick.after, pick.until, pick.n)


# --- checks ----------------------------------------------------------------------------------------------------------
def _check(draft: _Draft, tables: dict[str, Table | None], faults: list[Fault]) -> None:
    """Checks a table against itself and the others; recognises dates in its derivations' conditions."""
    table, entry = draft.table, draft.entry
    columns = columns_of(table)
    for i, name in enumerate(table.key):
        if name not in columns:
            faults.append(entry.fault(("key", i), *unknown("column", name, columns)))
        elif columns[name].type.kind not in SPLIT_KINDS | DATED:
            faults.append(entry.fault(("key", i), f"{name!r} is of type {columns[name].type.kind}, which is no key"))
    if len(set(table.key)) != len(table.key):
        faults.append(entry.fault(("key",), "a column of the key is named twice"))
    if table.partition != "bucket":
        _dated(entry, ("partition",), table.partition, columns, faults, " or 'bucket'")
    if table.event:
        _dated(entry, ("event",), table.event, columns, faults)
    if table.happens:
        _dated(entry, ("happens",), table.happens, columns, faults)
    if not ID.fullmatch(table.subject):
        faults.append(entry.fault(("subject",), f"the subject {table.subject!r} is not an id", ID_RULE))
    if table.rows_from:
        _check_copies(draft, tables, faults)
    if table.joining is not None:
        found = columns.get(table.joining.by)
        if found is None:
            faults.append(entry.fault(("joining",), *unknown("column", table.joining.by, columns)))
        elif not isinstance(found.derive, Key) or len(table.key) != 1:
            what = f"{table.joining.by!r} is not what a text is compared by"
            faults.append(entry.fault(("joining",), what, "Derive it by 'mail', and give the table one key column."))
    checked = tuple(_check_column(draft, c, tables, faults) for c in table.columns)
    draft.table = replace(table, columns=checked)
    tables[table.id] = draft.table
    _check_splits(draft, tables, faults)
    _check_links(draft, tables, faults)


def _dated(
    entry: AnyEntry | _Origin,
    key: KeyPath,
    name: str,
    columns: Mapping[str, Column],
    faults: list[Fault],
    other: str = "",
) -> None:
    if name not in columns:
        faults.append(entry.fault(key, *unknown("column", name, columns)))
    elif columns[name].type.kind not in DATED:
        what = f"{name!r} is of type {columns[name].type.kind}; a day or time column{other} is needed"
        faults.append(entry.fault(key, what))


def _check_copies(draft: _Draft, tables: Mapping[str, Table | None], faults: list[Fault]) -> None:
    table, entry = draft.table, draft.entry
    if table.rows_from not in tables:
        faults.append(entry.fault(("rows_from",), *unknown("table", table.rows_from, tables)))
        return
    base = tables[table.rows_from]
    if base is None:
        return
    for column in table.columns:
        theirs = base.column(column.id)
        if column.derive is not None:
            continue
        if table.key != base.key and column.id not in table.key:
            what = f"{column.id!r} is not of the key: a row stands for several of {base.id!r}, which may differ in it"
            faults.append(draft.columns[column.id].fault((), what, "Derive it, such as the 'first' of them."))
        elif theirs is None:
            what = f"the column {column.id!r} is not derived, and {base.id!r} has no such column to copy"
            faults.append(draft.columns[column.id].fault((), what, unknown("column", column.id, columns_of(base))[1]))
        elif theirs.type != column.type:
            what = f"the column {column.id!r} is copied from {base.id!r}, where its type is {theirs.type}"
            faults.append(draft.columns[column.id].fault(("type",), what))


def _check_column(draft: _Draft, column: Column, tables: Mapping[str, Table | None], faults: list[Fault]) -> Column:
    """The column with dates recognised in its derivation; faults for what it names and does not fit."""
    origin, columns = draft.columns[column.id], columns_of(draft.table)
    _check_refers(origin, column, columns, tables, faults)
    if column.type.kind is Kind.MONEY and not column.currency:
        do = "Name the text column that holds it as 'currency'."
        faults.append(origin.fault((), f"the money column {column.id!r} does not say where its currency stands", do))
    if column.currency:
        if column.type.kind is not Kind.MONEY:
            faults.append(origin.fault(("currency",), f"only money has a currency, and this is of type {column.type}"))
        found = columns.get(column.currency)
        if found is None:
            faults.append(origin.fault(("currency",), *unknown("column", column.currency, columns)))
        elif found.type.kind is not Kind.TEXT:
            faults.append(origin.fault(("currency",), f"{column.currency!r} is of type {found.type}, not text"))
    match column.derive:
        case None:
            return column
        case Lookup() as lookup:
            _check_lookup(origin, column, lookup, columns, tables, faults)
        case Since(start, end):
            for key, name in (("from", start), ("to", end)):
                _dated(origin, ("derive", "since", key), name, columns, faults)
            if column.type.kind is not Kind.INTEGER:
                faults.append(origin.fault(("type",), f"time between two columns is an integer, not {column.type}"))
        case Bucket(name):
            found = columns.get(name)
            if found is None:
                faults.append(origin.fault(("derive", "bucket", "column"), *unknown("column", name, columns)))
            elif found.type.kind not in NUMERIC:
                what = f"only numbers have classes, and {name!r} is of type {found.type}"
                faults.append(origin.fault(("derive", "bucket", "column"), what))
            if column.type.kind is not Kind.TEXT:
                faults.append(origin.fault(("type",), f"a class is a text, not {column.type}"))
        case Pick() as pick:
            return replace(column, derive=_check_pick(origin, column, pick, columns, tables, faults))
        case Key(of, name):
            _check_text(origin, ("derive", of), name, columns, faults)
            if column.type.kind is not Kind.TEXT:
                faults.append(origin.fault(("type",), f"what a text is compared by is a text, not {column.type}"))
        case (ByIdentity() | ByChannel()) as rules if rules.gives == "rule":
            return replace(column, derive=_check_rule_of(origin, column, rules.column, columns, faults))
        case ByChannel() as rules:
            for fact, name in (*rules.facts, *((("campaign_id", rules.campaign),) if rules.campaign else ())):
                _check_text(origin, ("derive", "channel", fact), name, columns, faults)
            if column.type.kind is not Kind.TEXT:
                faults.append(origin.fault(("type",), f"a channel is a text, not {column.type}"))
        case ByIdentity() as rules:
            _check_identity(origin, column, rules, columns, tables, faults)
    return column


def _check_text(origin: _Origin, key: KeyPath, name: str, columns: Mapping[str, Column], faults: list[Fault]) -> None:
    found = columns.get(name)
    if found is None:
        faults.append(origin.fault(key, *unknown("column", name, columns)))
    elif found.type.kind not in TEXTUAL:
        faults.append(origin.fault(key, f"{name!r} is of type {found.type}; a text or an id is needed"))


def _check_rule_of(
    origin: _Origin, column: Column, name: str, columns: Mapping[str, Column], faults: list[Fault]
) -> Derivation | None:
    """How a column says which rule gave another one: by the same rules."""
    key: KeyPath = ("derive", "rule_of")
    found = columns.get(name)
    if column.type.kind is not Kind.TEXT:
        faults.append(origin.fault(("type",), f"the name of a rule is a text, not {column.type}"))
    if found is None:
        faults.append(origin.fault(key, *unknown("column", name, columns)))
    elif not isinstance(found.derive, Ruled) or found.derive.gives == "rule":
        faults.append(origin.fault(key, f"{name!r} is not given by rules", "Name a column with a channel or identity."))
    else:
        return replace(found.derive, gives="rule")
    return None


def _check_identity(
    origin: _Origin,
    column: Column,
    rules: ByIdentity,
    columns: Mapping[str, Column],
    tables: Mapping[str, Table | None],
    faults: list[Fault],
) -> None:
    key: KeyPath = ("derive", "identity")
    for link, name in rules.links:
        _check_text(origin, (*key, link), name, columns, faults)
        if link not in (*BY[rules.table], "mail"):
            what = f"nothing of {rules.table!r} is told by {link!r}"
            faults.append(origin.fault((*key, link), what, f"Leave it out; {', '.join(BY[rules.table])} tell."))
    if rules.at:
        _dated(origin, (*key, "at"), rules.at, columns, faults)
    elif rules.link("cookie"):
        faults.append(origin.fault(key, "whose a cookie is depends on the date", "Name the row's own date as 'at'."))
    if column.type.kind is not Kind.ID:
        faults.append(origin.fault(("type",), f"whom a row belongs to is an id, not {column.type}"))
    for name in rules.reads:
        _target(origin, key, name, tables, faults)


def _check_refers(
    origin: _Origin,
    column: Column,
    columns: Mapping[str, Column],
    tables: Mapping[str, Table | None],
    faults: list[Fault],
) -> None:
    """Faults where what a column refers to is no table, or its rows cannot be told apart."""
    if column.references and column.type.kind not in TEXTUAL:
        faults.append(origin.fault(("refers",), f"only ids refer to a table, and this is of type {column.type}"))
    for reference in column.references:
        if reference.table not in tables:
            key: KeyPath = ("refers", "to", reference.value) if reference.by else ("refers",)
            faults.append(origin.fault(key, *unknown("table", reference.table, tables)))
    if not isinstance(column.refers, ByValue):
        return
    told = columns.get(column.refers.by)
    if told is None:
        faults.append(origin.fault(("refers", "by"), *unknown("column", column.refers.by, columns)))
    elif told.type.kind is not Kind.TEXT or told.derive is not None:
        what = "is derived" if told.derive is not None else f"is of type {told.type}"
        do = "Name a text column that sources fill."
        faults.append(
            origin.fault(("refers", "by"), f"{told.id!r} {what}, so it does not tell what an id refers to", do)
        )
    elif told.values:
        for value in (v for v, _ in column.refers.to if v not in told.values):
            what = f"{value!r} is no value of {told.id!r}"
            do = f"{nearest(value, told.values)} Its values are {', '.join(told.values)}.".strip()
            faults.append(origin.fault(("refers", "to", value), what, do))


def _same_kind(ours: Column, theirs: Column) -> bool:
    return ours.type.kind is theirs.type.kind or {ours.type.kind, theirs.type.kind} <= TEXTUAL


def _check_lookup(
    origin: _Origin,
    column: Column,
    lookup: Lookup,
    columns: Mapping[str, Column],
    tables: Mapping[str, Table | None],
    faults: list[Fault],
) -> None:
    key: KeyPath = ("derive", "lookup")
    target = _target(origin, (*key, "table"), lookup.table, tables, faults)
    if lookup.by not in columns:
        faults.append(origin.fault((*key, "by"), *unknown("column", lookup.by, columns)))
    if lookup.as_of:
        _dated(origin, (*key, "as_of"), lookup.as_of, columns, faults)
    if target is None:
        return
    _check_reach(origin, key, lookup.by, lookup.column, columns, target, faults)
    theirs = target.column(lookup.column)
    if theirs is not None and not _same_kind(column, theirs):
        what = f"{target.id}.{lookup.column} is of type {theirs.type}, and this column of type {column.type}"
        faults.append(origin.fault(("type",), what))
    if lookup.as_of and not target.versions:
        what = f"the table {target.id!r} keeps no versions, so its values at a date are not known"
        faults.append(origin.fault((*key, "as_of"), what, "Leave 'as_of' out, or keep versions there."))


def _check_reach(
    origin: _Origin,
    key: KeyPath,
    by: str,
    column: str,
    columns: Mapping[str, Column],
    target: Table,
    faults: list[Fault],
) -> None:
    """Faults where a table cannot be reached by one column on its unique key."""
    theirs = columns_of(target)
    if len(target.key) != 1:
        what = f"the key of {target.id!r} is {' and '.join(target.key)}, so one column finds no single row there"
        faults.append(origin.fault((*key, "table"), what))
    elif by in columns and target.key[0] in theirs and not _same_kind(columns[by], theirs[target.key[0]]):
        what = (
            f"{by!r} is of type {columns[by].type}, and the key of {target.id!r} of type {theirs[target.key[0]].type}"
        )
        faults.append(origin.fault((*key, "by"), what))
    if column not in theirs:
        faults.append(origin.fault((*key, "column"), *unknown("column", column, theirs)))


def _target(
    origin: _Origin, key: KeyPath, name: str, tables: Mapping[str, Table | None], faults: list[Fault]
) -> Table | None:
    if name not in tables:
        faults.append(origin.fault(key, *unknown("table", name, tables)))
        return None
    return tables[name]


def _check_pick(
    origin: _Origin,
    column: Column,
    pick: Pick,
    columns: Mapping[str, Column],
    tables: Mapping[str, Table | None],
    faults: list[Fault],
) -> Pick:
    key: KeyPath = ("derive", pick.which)
    for name, end in ((pick.after, "after"), (pick.until, "until")):
        if name:
            _dated(origin, (*key, end), name, columns, faults)
    for _, ours in pick.by:
        if ours not in columns:
            faults.append(origin.fault((*key, "by"), *unknown("column", ours, columns)))
    if pick.which == "count" and column.type.kind is not Kind.INTEGER:
        faults.append(origin.fault(("type",), f"a count is an integer, not {column.type}"))
    target = _target(origin, (*key, "table"), pick.table, tables, faults)
    if target is None:
        return pick
    theirs = columns_of(target)
    for their, ours in pick.by:
        if their not in theirs:
            what, do = unknown("column", their, theirs)
            faults.append(origin.fault((*key, "by", their), f"in {target.id!r}, {what}", do))
        elif ours in columns and not _same_kind(columns[ours], theirs[their]):
            what = f"{ours!r} is of type {columns[ours].type}, and {target.id}.{their} of type {theirs[their].type}"
            faults.append(origin.fault((*key, "by", their), what))
    if pick.column:
        found = theirs.get(pick.column)
        if found is None:
            faults.append(origin.fault((*key, "column"), *unknown("column", pick.column, theirs)))
        elif not _same_kind(column, found):
            what = f"{target.id}.{pick.column} is of type {found.type}, and this column of type {column.type}"
            faults.append(origin.fault(("type",), what))
    order = pick.order
    if order:
        _dated(origin, (*key, "order"), order, theirs, faults)
    elif pick.which != "count" or pick.after or pick.until:
        order = target.event
        if not order:
            what = f"the table {target.id!r} has no main clock, so the order of its rows is not known"
            faults.append(origin.fault(key, what, "Name a date column of it as 'order'."))
    if pick.where is None:
        return replace(pick, order=order)
    where, problems = check_predicate(pick.where, theirs, f"the table {target.id!r}")
    faults.extend(origin.fault((*key, "where"), p.what, p.do) for p in problems)
    return replace(pick, order=order, where=where)


def _check_splits(draft: _Draft, tables: Mapping[str, Table | None], faults: list[Fault]) -> None:
    columns = columns_of(draft.table)
    for name, origin in draft.was.items():
        column = columns.get(name)
        if column is None:
            faults.append(origin.fault((), *unknown("column", name, columns)))
        elif column.type.kind not in SPLIT_KINDS:
            do = "Dates are asked for by grain." if column.type.kind in DATED else "Derive a class of it (bucket)."
            faults.append(origin.fault((), f"{name!r} is of type {column.type}, which is no split", do))
    for link in draft.table.splits_is:
        origin = draft.is_[link.id]
        if not ID.fullmatch(link.id):
            faults.append(origin.fault((), f"the split name {link.id!r} is not an id", ID_RULE))
        if link.id in columns:
            what = f"the split {link.id!r} has the name of a column of the row"
            faults.append(origin.fault((), what, "Call it otherwise, so that a filter means one thing."))
        if link.by not in columns:
            faults.append(origin.fault(("by",), *unknown("column", link.by, columns)))
        target = _target(origin, ("table",), link.table, tables, faults)
        if target is None:
            continue
        _check_reach(origin, (), link.by, link.column, columns, target, faults)
        found = target.column(link.column)
        if found is not None and found.type.kind not in SPLIT_KINDS:
            what = f"{target.id}.{link.column} is of type {found.type}, which is no split"
            faults.append(origin.fault(("column",), what))


def _check_links(draft: _Draft, tables: Mapping[str, Table | None], faults: list[Fault]) -> None:
    """Faults for columns that are reached when asked: a name taken, a table without such a key, another type."""
    columns = columns_of(draft.table)
    for link in draft.table.columns_is:
        origin = _Origin(draft.entry, ("columns_is", link.id))
        if not ID.fullmatch(link.id) or link.id in RESERVED:
            faults.append(origin.fault((), f"the column name {link.id!r} is not an id", ID_RULE))
        if link.id in columns or link.id in draft.is_:
            what = f"the table {draft.table.id!r} has a column or a split {link.id!r} already"
            faults.append(origin.fault((), what, "Call it otherwise, so that a condition means one thing."))
        if link.by not in columns:
            faults.append(origin.fault(("by",), *unknown("column", link.by, columns)))
        if link.after:
            _dated(origin, ("after",), link.after, columns, faults)
            if link.type.kind not in DATED:
                what = f"only a date lies before another one, and {link.id!r} is of type {link.type}"
                faults.append(origin.fault(("after",), what))
        target = _target(origin, ("table",), link.table, tables, faults)
        if target is None:
            continue
        _check_reach(origin, (), link.by, link.column, columns, target, faults)
        found = target.column(link.column)
        if found is not None and found.type != link.type:
            what = f"{target.id}.{link.column} is of type {found.type}, and the column of type {link.type}"
            faults.append(origin.fault(("type",), what))
        if found is not None and found.personal:
            faults.append(
                origin.fault(("column",), f"{target.id}.{link.column} is personal, and is not read from afar")
            )


# --- circles ---------------------------------------------------------------------------------------------------------
def _check_circles(drafts: Mapping[str, _Draft], faults: list[Fault]) -> None:
    """Faults for tables that are derived from each other, and for columns of a row that are."""
    of_tables = {d.table.id: tuple(_tables_read(d.table)) for d in drafts.values()}
    for circle in circles(of_tables):
        following = circle[1] if len(circle) > 1 else circle[0]
        path = " -> ".join((*circle, circle[0]))
        table = drafts[circle[0]].table
        column = next((c for c in table.columns if following in _tables_behind(c)), None)
        origin = drafts[table.id].columns[column.id] if column is not None else _Origin(drafts[table.id].entry, ())
        what = f"the tables are derived from each other in a circle: {path}"
        do = "Derive one of these columns in a table of journeys."
        faults.append(origin.fault(("derive",) if column is not None else ("rows_from",), what, do))
    for draft in drafts.values():
        for circle in circles({c.id: tuple(_columns_read(c)) for c in draft.table.columns}):
            path = " -> ".join((*circle, circle[0]))
            faults.append(draft.columns[circle[0]].fault(("derive",), f"the column is made of itself: {path}"))


def _tables_read(table: Table) -> Iterator[str]:
    """The tables that must be there before a table can be derived."""
    if table.rows_from:
        yield table.rows_from
    for column in table.columns:
        yield from (name for name in _tables_behind(column) if name != table.id or not isinstance(column.derive, Ruled))


def _tables_behind(column: Column) -> tuple[str, ...]:
    match column.derive:
        case Lookup(table) | Pick(_, table):
            return (table,)
        case (ByIdentity() | ByChannel()) as rules:
            return rules.reads
        case _:
            return ()


def _columns_read(column: Column) -> Iterator[str]:
    """The columns of the same row that must be there before a column can be derived."""
    match column.derive:
        case None:
            return
        case Lookup(_, by, _, as_of):
            yield from (n for n in (by, as_of) if n)
        case Pick(_, _, pairs, after=after, until=until):
            yield from (n for n in (*(ours for _, ours in pairs), after, until) if n)
        case Since(start, end):
            yield from (start, end)
        case Bucket(name) | Key(_, name):
            yield name
        case ByIdentity() as rules:
            yield from (n for n in (*(of for _, of in rules.links), rules.at) if n)
        case ByChannel() as rules:
            yield from (n for n in (*(of for _, of in rules.facts), rules.campaign) if n)


Node = TypeVar("Node", bound=Hashable)


def circles(edges: Mapping[Node, Sequence[Node]]) -> Iterator[tuple[Node, ...]]:
    """Circles of a graph that have no node in common, found from the nodes in order."""
    done: set[Node] = set()
    for start in edges:
        if start in done:
            continue
        path = [start]
        waiting = [iter(edges[start])]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                done.add(path.pop())
            elif following in path:
                yield tuple(path[path.index(following) :])
                done.update(path)
            elif following in edges and following not in done:
                path.append(following)
                waiting.append(iter(edges[following]))
