"""Relations without what nobody asks of them: an engine leaves unused columns out too, but only after it has read,
bound and weighed how each of them is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.build.algebra import columns
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Op,
    Over,
    Project,
    Relation,
    Scalar,
    Scan,
    Shared,
    Sort,
    Union,
    Values,
    columns_of,
)


def lean(relation: Relation, names: Iterable[str]) -> Relation:
    """The same rows in the same number, with at least these of their columns."""
    return _lean(relation, frozenset(names))


def _lean(relation: Relation, names: frozenset[str]) -> Relation:
    match relation:
        case Scan() | Values() | Shared():  # what several places read is one relation for all of them
            return relation
        case Join():
            raise ValueError("a Join has no columns of its own; put a Project or a Group over it")
        case Project(source, made, where, keep_all):
            own = tuple(c for c in made if c.name in names) or made[: 0 if keep_all else 1]
            read = [c.value for c in own] + ([where] if where is not None else [])
            more = names - {c.name for c in own} if keep_all else frozenset[str]()
            return Project(_source(source, read, more), own, where, keep_all)
        case Group(source, keys, aggregates, having):
            wanted = names | {c.name for c in _cols([having] if having is not None else [])}
            aggs = tuple(a for a in aggregates if a.name in wanted) or (() if keys else aggregates[:1])
            read = [k.value for k in keys] + [s for a in aggs for s in _of_aggregate(a.value)]
            return Group(_source(source, read), keys, aggs, having)
        case Sort(source, by, limit):
            return Sort(_lean(source, names | {c.name for c in _cols(o.by for o in by)}), by, limit)
        case Union(sources):
            if not names or any(not names <= set(columns_of(s)) for s in sources):
                return relation  # rows that are only counted, or columns of whole tables, which no relation states
            order = tuple(n for n in columns_of(relation) if n in names)
            return Union(tuple(Project(_lean(s, names), columns(order)) for s in sources))


def _source(source: Relation, read: list[Scalar], more: frozenset[str] = frozenset()) -> Relation:
    """What stands below, with the columns that these values read."""
    cols = list(_cols(read))
    if not isinstance(source, Join):
        return _lean(source, more.union(c.name for c in cols))
    cols += _cols([source.on] if source.on is not None else [])
    if any(c.side not in ("left", "right") for c in cols):
        return source
    left, right = (frozenset(c.name for c in cols if c.side == side) for side in ("left", "right"))
    return Join(_lean(source.left, left), _lean(source.right, right), source.kind, source.on, source.unique)


def _of_aggregate(value: Agg) -> list[Scalar]:
    return [s for s in (value.argument, value.where, *value.order) if s is not None]


def _cols(values: Iterable[Scalar]) -> Iterator[Col]:
    """Every column that values read."""
    for value in values:
        match value:
            case Col():
                yield value
            case Op(_, args):
                yield from _cols(args)
            case Over(_, partition, order, argument):
                yield from _cols((*partition, *(o.by for o in order), *([argument] if argument is not None else [])))
            case Lit():
                pass
