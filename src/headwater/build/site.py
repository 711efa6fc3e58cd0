"""One build at work: its bench, journal, definitions and clock, and what it has found out so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from headwater.build.algebra import total
from headwater.build.journal import Feed, feeds
from headwater.build.zone import local_day
from headwater.model.generation import Generation
from headwater.model.landing import JournalEntry
from headwater.model.plan import Agg, Col, Lit, Named, Op, Relation, Scalar
from headwater.model.ruled import rule_of
from headwater.model.settings import Settings
from headwater.model.table import Column, Lookup, Pick, Table
from headwater.model.types import DAY_SUFFIX, Kind
from headwater.model.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Merges:
    """Ids of one table that live on under another: kept relations (`_key`, `_survivor`), '' where there are none.

    `old` is how the previous generation saw it, `changed` (`_key`) the ids seen otherwise now. `survivors` are ids
    whose own merge was taken back because it closed a circle. `joined` (`_key`, `_rank`) are ids that live on under
    that of another system by a rule of identity, and always did.
    """

    now: str = ""
    old: str = ""
    changed: str = ""
    survivors: tuple[str, ...] = ()
    joined: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """How a stored table differs from the previous generation's: `rows` are the rows of every key whose content
    differs, as they were and as they are (`_new`), with the key as `_k0`, `_k1` ...; None where nothing differs.
    `whole`: it was built anew, anything may differ."""

    whole: bool = False
    rows: Relation | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What every step of one build shares. `previous` is the generation it starts from, None when everything is built
    anew; `rules` says which rules (`identity`, `channels`) are others than those it was built by. `merges` and
    `changes` fill up on the way, by table, and `bare` with the tables that nothing feeds."""

    workshop: Workshop
    entries: tuple[JournalEntry, ...]
    tables: Mapping[str, Table]
    settings: Settings
    built_at: datetime
    previous: Generation | None
    rules: frozenset[str] = frozenset()
    merges: dict[str, Merges] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)

    @property
    def since(self) -> int | None:
        """The last journal entry that the previous generation holds, None when everything is built anew."""
        return self.previous.journal if self.previous else None

    def feeds(self, table: str, until: int | None = None) -> tuple[Feed, ...]:
        """The batches that feed a table."""
        return feeds(self.entries, table, self.settings.time_zone, until)

    def local_day(self, instant: Scalar) -> Scalar:
        """The local date of an instant of a source's clock."""
        return local_day(
            instant, self.settings.time_zone, datetime(1970, 1, 1), datetime(self.built_at.year + 10, 1, 1)
        )

    def count(self, relation: Relation) -> int:
        """How many rows a relation has."""
        ((number,),) = self.workshop.fetch(total(relation, n=Agg("count_rows")))
        assert isinstance(number, int)
        return number

    def span(self, relation: Relation, column: str) -> tuple[date | None, date | None]:
        """The least and the greatest day of a column."""
        ((low, high),) = self.workshop.fetch(total(relation, low=Agg("min", Col(column)), high=Agg("max", Col(column))))
        assert low is None or isinstance(low, date)
        assert high is None or isinstance(high, date)
        return low, high

    def is_reruled(self, table: Table) -> bool:
        """Whether other rules than before decide some column of a table."""
        if not self.rules:
            return False
        decides = {rule_of(column) for column in table.columns}
        if table.joining is not None or any(self._joins(column) for column in table.columns):
            decides.add("identity")
        return bool(decides & self.rules)

    def _joins(self, column: Column) -> bool:
        of = (self.tables.get(reference.table) for reference in column.references)
        return any(table is not None and table.joining is not None for table in of)

    def is_read(self, stored: str) -> bool:
        """Whether another table is derived from this stored one."""
        return any(stored in reads(table) for table in self.tables.values())


def reads(table: Table) -> frozenset[str]:
    """The stored tables that a table's derivations read."""
    found = {table.rows_from} if table.rows_from else set()
    for column in table.columns:
        match column.derive:
            case Lookup(of, _, _, as_of):
                found.add(f"{of}__versions" if as_of else of)
            case Pick(_, of):
                found.add(of)
            case _:
                pass
    return frozenset(found)


def key_columns(table: Table, side: str = "") -> tuple[Named, ...]:
    """The business key as `_k0`, `_k1` ...: never empty, so that plain equality joins it (an empty text, or for other
    types a value that stands for empty; a time known to the day alone counts from that day's first second)."""
    return tuple(Named(f"_k{i}", _key_value(table, name, side)) for i, name in enumerate(table.key))


def _key_value(table: Table, name: str, side: str) -> Scalar:
    column = table.column(name)
    value = subject_value(table, name, side)
    if column is None or column.required:
        return value
    match column.type.kind:
        case Kind.TEXT | Kind.ID:
            return Op("coalesce", (value, Lit("")))
        case Kind.INTEGER:
            return Op("coalesce", (value, Lit(-(2**62))))
        case Kind.DAY:
            return Op("coalesce", (value, Lit(date(1, 1, 1))))
        case Kind.TIME:
            return Op("coalesce", (value, Lit(datetime(1, 1, 1))))
        case Kind.NUMBER | Kind.MONEY | Kind.BOOLEAN:
            return Op("coalesce", (Op("as_text", (value,)), Lit("")))


def subject_value(table: Table, name: str, side: str = "") -> Scalar:
    """One column as other tables refer to it; empty where it is."""
    column = table.column(name)
    if column is not None and column.type.kind is Kind.TIME:
        return Op("coalesce", (Col(name, side), Op("as_instant", (Col(name + DAY_SUFFIX, side),))))
    return Col(name, side)


def key_names(table: Table) -> tuple[str, ...]:
    """`_k0`, `_k1` ... of a table."""
    return tuple(f"_k{i}" for i in range(len(table.key)))


def pair(table: Table, name: str) -> tuple[str, ...]:
    """The stored columns of one column: a `time` column is a pair."""
    column = table.column(name)
    return (name, name + DAY_SUFFIX) if column is not None and column.type.kind is Kind.TIME else (name,)
