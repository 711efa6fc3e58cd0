"""Derived columns: looked up, picked from another table's rows, measured between two dates, or put into classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from headwater.build.algebra import columns, distinct, either, is_null, matched, present, where
from headwater.build.identity import inputs, ruled
from headwater.build.keys import key_of
from headwater.build.landed import END
from headwater.build.site import Site, key_columns, key_names, pair, subject_value
from headwater.errors import DefinitionError
from headwater.model.expression import ColumnName, Elapsed
from headwater.model.lowering import both, columns_in, day_of, lower_predicate, physical, seconds_of
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
    Over,
    Project,
    Relation,
    Scalar,
    Scan,
)
from headwater.model.table import (
    VERSIONS_SUFFIX,
    Bucket,
    ByChannel,
    ByIdentity,
    Column,
    Key,
    Lookup,
    Pick,
    Ruled,
    Since,
    Table,
)
from headwater.model.types import DAY, TIME, Kind


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows being completed: a relation and its columns. `identity` names one row (joins never multiply them)."""

    relation: Relation
    names: tuple[str, ...]
    identity: tuple[str, ...]

    def put(self, values: Sequence[Named]) -> Frame:
        """The rows with columns added, or given other values."""
        return self._with(self.relation, values, "")

    def joined(self, right: Relation, on: Scalar, values: Sequence[Named]) -> Frame:
        """The rows with columns added or given other values, from at most one partner each."""
        return self._with(Join(self.relation, right, "left", on), values, "left")

    def without(self, names: Iterable[str]) -> Frame:
        """The rows without some columns."""
        gone = set(names)
        return replace(self, names=tuple(n for n in self.names if n not in gone))

    def _with(self, source: Relation, values: Sequence[Named], side: str) -> Frame:
        new = {n.name: n.value for n in values}
        names = (*self.names, *(n for n in new if n not in self.names))
        return replace(
            self, relation=Project(source, tuple(Named(n, new.get(n, Col(n, side))) for n in names)), names=names
        )


def order_of(table: Table) -> tuple[Column, ...]:
    """The derived columns of a table, each after those it is derived from. Raises DefinitionError for a circle."""
    derived = {c.id: c for c in table.columns if c.derive is not None}
    graph = {c.id: own_inputs(table, c) & set(derived) for c in derived.values()}
    try:
        return tuple(derived[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        raise DefinitionError(
            f"columns of table {table.id!r} are derived from each other in a circle: {circle}",
            where=table.path,
            do="Take one of them from a column that is mapped.",
        ) from error


def own_inputs(table: Table, column: Column) -> set[str]:
    """The columns of the same row that a derived column is made from."""
    match column.derive:
        case Lookup(_, by, _, as_of):
            return {by, as_of} - {""}
        case Pick() as pick:
            return {ours for _, ours in pick.by} | ({pick.after, pick.until} - {""})
        case Since(start, end):
            return {start, end}
        case Bucket(of) | Key(_, of):
            return {of}
        case ByIdentity() | ByChannel():
            return inputs(table, column)
        case None:
            return set()


def derive(site: Site, table: Table, rows: Frame, mapped: frozenset[str], *, few: bool) -> Frame:
    """The rows with every derived column filled. `mapped` are the stored columns that the rows bring: a value among
    them stays. `few`: the rows are some of the table's (and kept), so other tables are read for their subjects only."""
    for step in _steps(table):
        match step[0].derive:
            case Lookup() as lookup:
                rows = _looked_up(site, table, rows, step, lookup, mapped)
            case Pick() as pick:
                rows = _picked(site, table, rows, step, pick, mapped, few=few)
            case _:
                values = [n for c in step for n in _made_of_the_row(table, c, mapped)]
                rows = rows.put(values)
    return rows


def _steps(table: Table) -> Iterable[tuple[Column, ...]]:
    """Derived columns in an order that works, those together that one join can fill."""
    waiting = list(order_of(table))
    done: set[str] = {c.id for c in table.columns if c.derive is None}
    while waiting:
        ready = [c for c in waiting if own_inputs(table, c) <= done]
        first = ready[0]
        step = tuple(c for c in ready if c is first or _one_join(first) == _one_join(c) is not None)
        yield step
        done |= {c.id for c in step}
        waiting = [c for c in waiting if c not in step]


def _one_join(column: Column) -> tuple[object, ...] | None:
    match column.derive:
        case Lookup(of, by, _, as_of):
            return ("lookup", of, by, as_of)
        case Pick("nth"):
            return None
        case Pick() as pick:
            bounded = pick.order if pick.after or pick.until else ""  # the bounds apply to this date of theirs
            return ("pick", pick.table, pick.by, pick.after, pick.until, bounded)
        case _:
            return ("row",)


def _placed(
    table: Table, column: Column, values: Sequence[Scalar], mapped: frozenset[str], side: str = ""
) -> list[Named]:
    """A column with its values (a `time` column: instant and day), but where the row (on that side) brings one."""
    names = pair(table, column.id)
    if names[-1] not in mapped:
        return [Named(n, v) for n, v in zip(names, values, strict=True)]
    empty = is_null(Col(names[-1], side))
    return [Named(n, Op("case", (empty, v, Col(n, side)))) for n, v in zip(names, values, strict=True)]


def _made_of_the_row(table: Table, column: Column, mapped: frozenset[str]) -> list[Named]:
    """A column made from others of its row. Where rules decide they weigh the mapped value themselves."""
    if isinstance(column.derive, Ruled):
        return [Named(column.id, ruled(table, column, mapped))]
    return _placed(table, column, _of_the_row(table, column), mapped)


def _of_the_row(table: Table, column: Column) -> tuple[Scalar, ...]:
    match column.derive:
        case Since() as since:
            return _since(table, since)
        case Bucket() as bucket:
            return (_bucket(bucket),)
        case Key() as key:
            return (key_of(key),)
        case _:
            raise TypeError(f"column {column.id!r} is not made of its own row")


def _since(table: Table, since: Since) -> tuple[Scalar, ...]:
    if since.unit == "days":
        return (Op("days_between", (Col(day_of(table, since.start)), Col(day_of(table, since.end)))),)
    return (seconds_of(table, Elapsed("seconds", ColumnName(since.start), ColumnName(since.end))),)


def _bucket(bucket: Bucket) -> Scalar:
    args: list[Scalar] = [is_null(Col(bucket.column)), Lit(None)]
    for edge, label in zip(bucket.edges, bucket.labels, strict=False):
        args += [Op("lt", (Col(bucket.column), Lit(edge))), Lit(label)]
    return Op("case", (*args, Lit(bucket.labels[-1])))


def read_as(kind: Kind, theirs: Table, name: str) -> Callable[[Callable[[str], Scalar]], tuple[Scalar, ...]]:
    """How a column of another table reads as ours: day and instant are told apart, never made up."""
    column = theirs.column(name)
    is_time = column is not None and column.type.kind is Kind.TIME
    day = day_of(theirs, name)
    match kind:
        case Kind.TIME:
            return lambda at: (at(name) if is_time else Lit(None, TIME), at(day))
        case Kind.DAY:
            return lambda at: (at(day),)
        case _:
            return lambda at: (at(name),)


def _of(site: Site, table: Table, name: str) -> Table:
    theirs = site.tables.get(name)
    if theirs is None:
        raise DefinitionError(
            f"table {table.id!r} is derived from {name!r}, which is no table",
            where=table.path,
            do="Name a table of the catalogue.",
        )
    return theirs


# --- lookup -----------------------------------------------------------------------------------------------------------


def _looked_up(
    site: Site, table: Table, rows: Frame, step: Sequence[Column], lookup: Lookup, mapped: frozenset[str]
) -> Frame:
    theirs = _of(site, table, lookup.table)
    if len(theirs.key) != 1 or (lookup.as_of and not theirs.versions):
        lacks = "keeps no versions" if len(theirs.key) == 1 else "has a key of several columns"
        raise DefinitionError(
            f"column {step[0].id!r} of table {table.id!r} is looked up in {theirs.id!r}, which {lacks}",
            where=table.path,
            do="Look it up in a table with one key column" + (" and 'versions: true'." if lookup.as_of else "."),
        )
    if theirs.id in site.bare:
        return _unfilled(table, rows, step, mapped)
    readers: list[tuple[Column, Callable[[Callable[[str], Scalar]], tuple[Scalar, ...]]]] = []
    needed: set[str] = set()
    for column in step:
        assert isinstance(column.derive, Lookup)
        readers.append((column, read_as(column.type.kind, theirs, column.derive.column)))
        needed |= set(pair(theirs, column.derive.column))
    key = Named("_k", subject_value(theirs, theirs.key[0]))
    found: list[tuple[str, Relation, Scalar]] = []
    by = Op("eq", (Col(lookup.by, "left"), Col("_k", "right")))
    if not lookup.as_of:
        found.append(("_now_", Project(Scan(f"new__{theirs.id}"), (key, *columns(sorted(needed)))), by))
    else:
        versions = Project(
            Scan(f"new__{theirs.id}{VERSIONS_SUFFIX}"),
            (
                key,
                *columns(sorted(needed)),
                *columns(("_valid_from", "_valid_from__day")),
                Named("_until", Op("coalesce", (Col("_valid_to"), Lit(END)))),
                Named("_until_day", Op("coalesce", (Col("_valid_to__day"), Lit(END.date())))),
            ),
        )
        as_of = table.column(lookup.as_of)
        day: Scalar = Col(day_of(table, lookup.as_of))
        if as_of is not None and as_of.type.kind is Kind.TIME:
            instant = Col(lookup.as_of, "left")
            holds = both(
                by, Op("le", (Col("_valid_from", "right"), instant)), Op("lt", (instant, Col("_until", "right")))
            )
            assert holds is not None
            found.append(("_at_", versions, holds))
            day = Op("case", (is_null(Col(lookup.as_of)), day, Lit(None, DAY)))
        rows = rows.put([Named("_as_of_day", day)])
        day = Col("_as_of_day", "left")
        holds = both(by, Op("le", (Col("_valid_from__day", "right"), day)), Op("lt", (day, Col("_until_day", "right"))))
        assert holds is not None
        found.append(("_on_", versions, holds))
    for prefix, right, on in found[:-1]:
        rows = rows.joined(right, on, [Named(prefix + n, Col(n, "right")) for n in sorted(needed)])
    _, right, on = found[-1]
    before = [prefix for prefix, _, _ in found[:-1]]

    def at(name: str) -> Scalar:
        values = (*(Col(prefix + name, "left") for prefix in before), Col(name, "right"))
        return values[0] if len(values) == 1 else Op("coalesce", values)

    placed = [n for column, reader in readers for n in _placed(table, column, reader(at), mapped, "left")]
    return rows.joined(right, on, placed).without({prefix + n for prefix in before for n in needed} | {"_as_of_day"})


def _unfilled(table: Table, rows: Frame, step: Sequence[Column], mapped: frozenset[str]) -> Frame:
    """The columns of a step without what they are read from: that table has no row."""
    placed: list[Named] = []
    for column in step:
        values: tuple[Scalar, ...] = (Lit(None, column.type),)
        if column.type.kind is Kind.TIME:
            values = (Lit(None, TIME), Lit(None, DAY))
        if isinstance(column.derive, Pick) and column.derive.which == "count":
            values = (_count(table, column.derive, Lit(0)),)
        placed += _placed(table, column, values, mapped)
    return rows.put(placed)


# --- pick -------------------------------------------------------------------------------------------------------------


def _picked(
    site: Site, table: Table, rows: Frame, step: Sequence[Column], pick: Pick, mapped: frozenset[str], *, few: bool
) -> Frame:
    theirs = _of(site, table, pick.table)
    if theirs.id in site.bare:
        return _unfilled(table, rows, step, mapped)
    picks = [_dated(theirs, c.derive) for c in step if isinstance(c.derive, Pick)]
    pick = picks[0]
    bounded = bool(pick.after or pick.until)
    source = _candidates(theirs, picks, pick)
    ours = tuple(o for _, o in pick.by)
    on = matched((o, f"_by{i}") for i, o in enumerate(ours))
    if bounded:
        bounds = sorted({n for name in (pick.after, pick.until) if name for n in pair(table, name)})
        asking = tuple(dict.fromkeys((*rows.identity, *ours, *bounds)))
        subjects = Project(rows.relation, columns(asking))
        condition = both(on, _bounds(table, theirs, pick))
        own = tuple(Named(f"_q{i}", Col(n, "left")) for i, n in enumerate(rows.identity))
        base: Relation = Project(
            Join(subjects, source, "inner", condition, unique=False),
            (*own, *columns(_of_candidates(theirs, picks), "right")),
        )
        keys = tuple(n.name for n in own)
        back = matched(zip(rows.identity, keys, strict=True))
    else:
        keys = tuple(f"_by{i}" for i in range(len(ours)))
        base = source
        if few:
            asked = Project(
                distinct(rows.relation, ours), tuple(Named(k, Col(o)) for k, o in zip(keys, ours, strict=True))
            )
            base = Project(
                Join(source, asked, "semi", matched((k, k) for k in keys)),
                columns((*keys, *_of_candidates(theirs, picks)), "left"),
            )
        back = on
    if pick.which == "nth":
        return _nth(table, theirs, rows, step[0], pick, base, keys, back, mapped)
    aggregates: list[NamedAgg] = []
    for column in step:
        assert isinstance(column.derive, Pick)
        aggregates += _aggregates(theirs, column, _dated(theirs, column.derive))
    grouped = Group(base, columns(keys), tuple(aggregates))
    placed: list[Named] = []
    for column in step:
        assert isinstance(column.derive, Pick)
        if column.derive.which == "count":
            counted = Op("coalesce", (Col(f"_p_{column.id}", "right"), Lit(0)))
            values: tuple[Scalar, ...] = (_count(table, pick, counted, "left"),)
        else:
            values = _picked_values(theirs, column, column.derive.column, f"_p_{column.id}_")
        placed += _placed(table, column, values, mapped, "left")
    return rows.joined(grouped, back, placed)


def _picked_values(theirs: Table, column: Column, name: str, prefix: str) -> tuple[Scalar, ...]:
    return read_as(column.type.kind, theirs, name)(lambda stored: Col(prefix + stored, "right"))


def _count(table: Table, pick: Pick, counted: Scalar, side: str = "") -> Scalar:
    """A number of picked rows; none where it cannot be told whose or when."""
    needed = (*(ours for _, ours in pick.by), pick.after, pick.until)
    unknown = [is_null(Col(day_of(table, name), side)) for name in needed if name]
    return Op("case", (either(*unknown), Lit(None), counted))


def _dated(theirs: Table, pick: Pick) -> Pick:
    """A pick that says which of their dates it goes by: the main clock where bounds are given without one."""
    return replace(pick, order=theirs.event) if (pick.after or pick.until) and not pick.order else pick


def _candidates(theirs: Table, picks: Sequence[Pick], pick: Pick) -> Relation:
    """The rows of the other table that may be picked: its subject as `_by0` ..., its place in the order as `_when`,
    `_at`, its key."""
    keys = tuple(Named(f"_by{i}", subject_value(theirs, t)) for i, (t, _) in enumerate(pick.by))
    conditions: list[Scalar] = [present(n.value) for n in keys]
    if any(p.order for p in picks) and all(p.order for p in picks):
        conditions.append(either(*(present(Col(day_of(theirs, o))) for o in sorted({p.order for p in picks}))))
    wheres = [lower_predicate(theirs, p.where) for p in picks if p.where is not None]
    if len(wheres) == len(picks):
        conditions.append(either(*dict.fromkeys(wheres)))
    named = (*keys, *columns(n for n in _of_candidates(theirs, picks) if not n.startswith("_")), *key_columns(theirs))
    return Project(Scan(f"new__{theirs.id}"), named, both(*conditions))


def _of_candidates(theirs: Table, picks: Sequence[Pick]) -> tuple[str, ...]:
    needed: set[str] = set()
    for pick in picks:
        for name in (pick.column, pick.order):
            if name:
                needed |= set(pair(theirs, name))
        needed |= set(physical(theirs, columns_in(pick.where)))
    return (*sorted(needed), *key_names(theirs))


def _order(theirs: Table, pick: Pick) -> tuple[Scalar, ...]:
    """Where a row stands: by day, within a day by instant (those without one last), then by business key."""
    column = theirs.column(pick.order)
    placed: list[Scalar] = []
    if column is not None and column.type.kind is Kind.TIME:
        placed = [Col(day_of(theirs, pick.order)), Op("coalesce", (Col(pick.order), Lit(END)))]
    elif column is not None:
        placed = [Col(pick.order)]
    return (*placed, *(Col(k) for k in key_names(theirs)))


def _aggregates(theirs: Table, column: Column, pick: Pick) -> list[NamedAgg]:
    condition = both(
        lower_predicate(theirs, pick.where) if pick.where is not None else None,
        present(Col(day_of(theirs, pick.order))) if pick.order else None,
    )
    if pick.which == "count":
        return [NamedAgg(f"_p_{column.id}", Agg("count_rows", where=condition))]
    name = "first_by" if pick.which == "first" else "last_by"
    return [
        NamedAgg(f"_p_{column.id}_{n}", Agg(name, Col(n), where=condition, order=_order(theirs, pick)))
        for n in pair(theirs, pick.column)
    ]


def _nth(
    table: Table,
    theirs: Table,
    rows: Frame,
    column: Column,
    pick: Pick,
    base: Relation,
    keys: Sequence[str],
    back: Scalar,
    mapped: frozenset[str],
) -> Frame:
    condition = both(
        lower_predicate(theirs, pick.where) if pick.where is not None else None,
        present(Col(day_of(theirs, pick.order))) if pick.order else None,
    )
    met = where(base, condition) if condition is not None else base
    numbered = Over("row_number", tuple(Col(k) for k in keys), tuple(Order(o) for o in _order(theirs, pick)))
    values = pair(theirs, pick.column)
    ranked = Project(met, (*columns((*keys, *values)), Named("_nth", numbered)))
    one = Project(ranked, columns((*keys, *values)), Op("eq", (Col("_nth"), Lit(pick.n))))
    placed = _placed(table, column, _picked_values(theirs, column, pick.column, ""), mapped, "left")
    return rows.joined(one, back, placed)


def _bounds(table: Table, theirs: Table, pick: Pick) -> Scalar | None:
    """Their date lies between our `after` and `until`, both included: by instant where both are known, else by day."""

    def compare(operator: str, name: str) -> Scalar:
        left_day, right_day = Col(day_of(table, name), "left"), Col(day_of(theirs, pick.order), "right")
        by_day = Op(operator, (left_day, right_day))
        kinds = [c.type.kind if c else None for c in (table.column(name), theirs.column(pick.order))]
        if kinds != [Kind.TIME, Kind.TIME]:
            return by_day
        left, right = Col(name, "left"), Col(pick.order, "right")
        return Op("case", (either(is_null(left), is_null(right)), by_day, Op(operator, (left, right))))

    return both(
        compare("le", pick.after) if pick.after else None,
        compare("ge", pick.until) if pick.until else None,
    )
