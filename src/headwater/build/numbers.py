"""Numbers of counted columns: integers from 1 that stand for their different values in the rows of a stored table.

They make counting different values cheap and mean nothing else: they are in no digest, and a build of everything may
give a value another one. Within a generation a value has one number and a number one value. An amended table keeps the
numbers of the previous generation and goes on where they end, so that the parts it shares fit the new ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.build.algebra import choose, distinct, kept, matched, present, without
from headwater.build.lean import lean
from headwater.build.site import Site
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
    Scan,
    Union,
    columns_of,
)
from headwater.model.table import Table
from headwater.model.types import NUMBER_SUFFIX

Numbered = tuple[tuple[str, int], ...]
"""Counted columns, and the greatest number that was given to a value of each."""

_VALUE, _NUMBER = "_value", "_number"


def numbers_anew(site: Site, table: Table, counted: Sequence[str], rows: Relation, bare: Relation) -> Numbered:
    """Keeps the numbers of every value in the rows of a table: in the order of the loads that brought them, within a
    load by value. `bare` are the same rows before columns were derived, read where they suffice."""
    found = []
    for name in counted:
        column = table.column(name)
        given = column is not None and column.derive is None
        source = bare if given and name in columns_of(bare) else rows
        found.append((name, _give(site, table.id, name, source, after=0)))
    return tuple(found)


def numbers_amended(site: Site, name: str, known: Numbered, rows: Relation) -> Numbered:
    """Keeps the numbers of every value in these (few) rows: those that the previous generation gave, else new ones."""
    workshop = site.workshop
    found = []
    for column, greatest in known:
        wanted, seen = f"wanted__{name}__{column}", f"seen__{name}__{column}"
        workshop.keep(wanted, distinct(_values(rows, column), (_VALUE,)))
        old = Project(
            Join(Scan(f"old__{name}"), kept(wanted), "semi", matched(((column, _VALUE),))),
            (Named(_VALUE, Col(column, "left")), Named(_NUMBER, Col(column + NUMBER_SUFFIX, "left"))),
        )
        workshop.keep(seen, Group(old, (Named(_VALUE, Col(_VALUE)),), (NamedAgg(_NUMBER, Agg("max", Col(_NUMBER))),)))
        new = without(_values(rows, column), kept(seen), (_VALUE,), (_VALUE, "_load"))
        found.append((column, _give(site, name, column, new, after=greatest, beside=seen)))
        workshop.drop(wanted)
        workshop.drop(seen)
    return tuple(found)


def numbered(name: str, counted: Sequence[str], rows: Relation, names: Sequence[str]) -> Relation:
    """Rows with these columns, those for numbers filled from the kept numbers."""
    for column in counted:
        number = column + NUMBER_SUFFIX
        own = tuple(Named(n, Col(_NUMBER, "right") if n == number else Col(n, "left")) for n in names)
        rows = Project(Join(rows, kept(_kept(name, column)), "left", matched(((column, _VALUE),))), own)
    return rows


def forget_numbers(site: Site, name: str, counted: Sequence[str]) -> None:
    """Drops what was kept."""
    for column in counted:
        site.workshop.drop(_kept(name, column))


def _kept(name: str, column: str) -> str:
    return f"numbers__{name}__{column}"


def _values(rows: Relation, column: str) -> Project:
    rows = lean(rows, (column, "_load"))
    return Project(rows, (Named(_VALUE, Col(column)), Named("_load", Col("_load"))), present(Col(column)))


def _give(site: Site, name: str, column: str, rows: Relation, *, after: int, beside: str = "") -> int:
    """Keeps a number for each value, those of `beside` as they are; the greatest of all."""
    values = rows if _VALUE in columns_of(rows) else _values(rows, column)
    first = Group(values, (Named(_VALUE, Col(_VALUE)),), (NamedAgg("_first", Agg("min", Col("_load"))),))
    place = Over("row_number", (), (Order(Col("_first")), Order(Col(_VALUE))))
    given: Relation = Project(first, (Named(_VALUE, Col(_VALUE)), Named(_NUMBER, Op("add", (Lit(after), place)))))
    if not beside:
        return after + site.workshop.keep(_kept(name, column), given)
    was = site.count(kept(beside))
    return (
        after + site.workshop.keep(_kept(name, column), Union((choose(kept(beside), (_VALUE, _NUMBER)), given))) - was
    )
