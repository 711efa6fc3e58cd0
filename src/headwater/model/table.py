"""A table: its grain, columns, keys, derivations and splits, as its file in `catalogue/tables/` states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.model.channels import ChannelRule
from headwater.model.expression import Predicate
from headwater.model.identity import PEOPLE, IdentityRule, Joining
from headwater.model.late import Late, late
from headwater.model.types import DAY_SUFFIX, NUMBER_SUFFIX, Kind, Type


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column of a dimension, reached by a unique key: as it is now, or as it was at `as_of` (a column of the row)."""

    table: str
    by: str
    column: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """`first`, `last`, `nth` or `count` of another table's rows of the same subject.

    Rows of `table` whose `by` columns equal the row's columns (pairs: theirs, ours), that meet `where` and lie between
    `after` and `until` (columns of our row, both included), in the order of `order` (a date column of theirs), ties by
    their business key. `column` is what is taken (not for count).
    """

    which: str
    table: str
    by: tuple[tuple[str, str], ...]
    column: str = ""
    order: str = ""
    where: Predicate | None = None
    after: str = ""
    until: str = ""
    n: int = 1


@dataclass(frozen=True, slots=True)
class Since:
    """Time from one column of the row to another, in whole `unit`s (seconds or days)."""

    start: str
    end: str
    unit: str = "seconds"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The class of a number: edges ascending, one more label than edges; an edge belongs to the class above it."""

    column: str
    edges: tuple[int, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key(Late):
    """What a text is compared by: of a mail address (`mail`) the trimmed address in lower case, of a web address or
    domain (`domain`) the bare domain, of a mail address its company's domain (`company`), but for domains in `but`.
    Empty where the text is none."""

    of: str
    column: str
    but: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByIdentity(Late):
    """The person (`contacts`) or company (`accounts`) a row belongs to, by the first rule that leads to one.

    `links`: what rules go by, and the column that holds it (`mail`, `cookie`, `contact`). `at`: the row's own date, for
    cookies. `column`: the column that holds the id. `gives`: the `id`, or the `rule` that led to it.
    """

    table: str
    column: str
    links: tuple[tuple[str, str], ...] = ()
    at: str = ""
    rules: tuple[IdentityRule, ...] = ()
    but: tuple[str, ...] = ()
    gives: str = "id"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that the rules may ask."""
        found = [self.table]
        linked = {link for link, _ in self.links}
        if "contact" in linked:
            found.append(PEOPLE)
        if "cookie" in linked:
            found += FORMS
        return tuple(dict.fromkeys(found))

    def link(self, name: str) -> str:
        """The column that holds what rules of this kind go by, '' where the table has none."""
        return dict(self.links).get(name, "")


@dataclass(frozen=True, slots=True)
class ByChannel(Late):
    """The channel of a row by the first rule that knows it. `facts`: what rules ask for, and the column that holds it.
    `campaign`: the column with the campaign's id. `column`: the column that holds the channel. `gives`: the `channel`,
    or the `rule` that gave it."""

    column: str
    facts: tuple[tuple[str, str], ...] = ()
    campaign: str = ""
    rules: tuple[ChannelRule, ...] = ()
    gives: str = "channel"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that the rules may ask."""
        return ("campaigns",) if self.campaign else ()


Ruled = ByIdentity | ByChannel
Derivation = Lookup | Pick | Since | Bucket | Key | Ruled
FORMS = ("leads", "actions")
"""Tables whose rows tell which person had a cookie when a form was sent."""


@dataclass(frozen=True, slots=True)
class ByValue:
    """Which table an id refers to, told by another text column of the row: pairs of its values and tables. In rows with
    another value the id refers to nothing."""

    by: str
    to: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows whose ids in one column are keys of `table`: all, or those with `value` in the column `by`."""

    table: str
    by: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A derived column that a source maps too keeps the mapped value where there is one.

    `refers` names the table whose key an `id` column holds, or several, told apart by another column's value (they are
    read as `references`); `currency` the column with a money column's currency;
    `personal` marks personal data (masked, erased); `low` is the least value allowed (inclusive). `fixed`: it does not
    change over a row's life (a correction restates it), so that a stock may read it without a version. `planned`: a
    date set beforehand, which is known although it lies after the end of observation. `counted`: its different values
    are counted in many rows, so each gets a number that stands beside it. `optional`: a part of the key that a source
    may leave out; its rows have none, which is a value of the key like another. `hidden`: a step towards other columns,
    which is not stored.
    """

    id: str
    type: Type
    about: str = ""
    required: bool = False
    refers: str | ByValue = ""
    currency: str = ""
    unit: str = ""
    personal: bool = False
    values: tuple[str, ...] = ()
    low: int | None = None
    fixed: bool = False
    planned: bool = False
    counted: bool = False
    optional: bool = False
    derive: Derivation | None = None
    hidden: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The tables whose keys this column holds, and in which rows."""
        match self.refers:
            case ByValue(by, to):
                return tuple(Reference(table, by, value) for value, table in to)
            case "":
                return ()
            case table:
                return (Reference(table),)


@dataclass(frozen=True, slots=True)
class LinkedSplit:
    """A split *as is*: a column of another table reached by the row's id through one lookup on a unique key."""

    id: str
    table: str
    by: str
    column: str


@dataclass(frozen=True, slots=True)
class LinkedColumn:
    """A column *as is* that measures may name: another table's column of this `type`, reached when the question is
    asked by one lookup on its unique key. With `after` (a date column of the row) it is empty where its date lies
    before that: by instant where both are known, else by day."""

    id: str
    type: Type
    table: str
    by: str
    column: str
    after: str = ""
    about: str = ""


_NONE: Mapping[str, Column] = {}


@dataclass(frozen=True, slots=True)
class Table(Late):
    """One table at one grain.

    `key` is the business key. `subject` is the unit its rows count in. `partition` is `bucket` (hash of the key) or a
    `day`/`time` column that never changes for a key. `versions`: earlier states of a row are kept. `event` is the
    column of the main clock; `happens` the date on which a row itself came about, where that is later than its main
    clock (a mail is opened after it was sent). `splits_was` are columns of the row; `splits_is` are reached when the
    question is asked, and so are `columns_is`, which measures may name. `joining`: by what rows of different systems
    are one. `rows_from`: a derived table has one row per row of that table and copies its columns; where its key is
    another column of that table, one row per value of it, and the rest derived. `own`: a workspace's own.

    One that is `kept` reads a column when somebody asks for it, and is equal to one that has them all.
    """

    id: str
    title: str
    grain: str
    subject: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: str = "bucket"
    event: str = ""
    happens: str = ""
    versions: bool = False
    splits_was: tuple[str, ...] = ()
    splits_is: tuple[LinkedSplit, ...] = ()
    columns_is: tuple[LinkedColumn, ...] = ()
    rows_from: str = ""
    about: str = ""
    own: bool = False
    path: str = ""
    joining: Joining | None = None
    _named: dict[str, Column | LinkedColumn] = field(init=False, repr=False, compare=False)
    _kept: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named: dict[str, Column | LinkedColumn] = {c.id: c for c in reversed(self.columns_is)}
        named |= {c.id: c for c in reversed(self.columns)}
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_kept", _NONE)

    @classmethod
    def kept(cls, columns: Mapping[str, Column], **fields: Any) -> Table:
        """The table of these fields and columns, by name and in order: each is read when it is asked for by its name,
        and all of them when somebody goes through them."""
        made = cls(columns=(), **fields)
        for name in [n for n in made._named if n in columns]:
            del made._named[name]
        object.__setattr__(made, "_kept", columns)
        return late(made, columns=lambda: tuple([made._named.setdefault(n, c) for n, c in columns.items()]))

    def _read(self, name: str) -> Column | LinkedColumn | None:
        """What is kept under a name that is not at hand yet."""
        if name not in self._kept:
            return None
        found = self._named[name] = self._kept[name]
        return found

    def column(self, name: str) -> Column | None:
        """The stored column of that name, or None."""
        found = self._named.get(name) or self._read(name)
        return found if isinstance(found, Column) else None

    def type_of(self, name: str) -> Type | None:
        """The type of a column that a measure may name, stored or reached; None for a split as is and for no column."""
        found = self._named.get(name) or self._read(name)
        return found.type if found is not None else None

    @property
    def links(self) -> tuple[LinkedSplit | LinkedColumn, ...]:
        """Everything that is reached when the question is asked."""
        return (*self.splits_is, *self.columns_is)

    @property
    def splits(self) -> tuple[str, ...]:
        """Every split a measure on this table has, as was and as is."""
        return self.splits_was + tuple(s.id for s in self.splits_is)


def stored_columns(table: Table) -> tuple[tuple[str, Type], ...]:
    """The physical columns of a stored table, in order: each column (a `time` column followed by its local date),
    then the bookkeeping columns. These are also the columns of the view of that name in a query connection.

    Bookkeeping: `_source` text (the configured source), `_load` integer (the batch's number in the journal),
    `_row` integer (data row in the batch, from 1). A table with versions has a second stored table `<id>__versions`
    with the same columns and `_valid_from`, `_valid_to` (time pairs, half-open; open end empty) and `_observed`
    (boolean: the start is a load time, not the source's own). Any other ends with the numbers of its counted columns
    (`visitor_id__number`): they tell values of one generation apart and mean nothing outside of it.
    """
    from headwater.model.types import BOOLEAN, DAY, INTEGER, TEXT, TIME

    columns: list[tuple[str, Type]] = []
    for c in table.columns:
        if c.hidden:
            continue
        columns.append((c.id, c.type))
        if c.type.kind is Kind.TIME:
            columns.append((c.id + DAY_SUFFIX, DAY))
    columns += [("_source", TEXT), ("_load", INTEGER), ("_row", INTEGER)]
    if table.id.endswith(VERSIONS_SUFFIX):
        for name in ("_valid_from", "_valid_to"):
            columns += [(name, TIME), (name + DAY_SUFFIX, DAY)]
        columns.append(("_observed", BOOLEAN))
    columns += [(name + NUMBER_SUFFIX, INTEGER) for name in counted_columns(table)]
    return tuple(columns)


def counted_columns(table: Table) -> tuple[str, ...]:
    """The columns of a stored table that have a number beside them; none where it holds earlier states."""
    if table.id.endswith(VERSIONS_SUFFIX):
        return ()
    return tuple(c.id for c in table.columns if c.counted)


VERSIONS_SUFFIX = "__versions"
