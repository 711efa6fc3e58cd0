"""How landed rows say what is: which row of a key wins, what was deleted, merged or superseded, and what was when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.build import journal
from headwater.build.algebra import (
    FALSE,
    TRUE,
    choose,
    columns,
    distinct,
    either,
    is_null,
    kept,
    matched,
    present,
    same,
    where,
    within,
    without,
)
from headwater.build.journal import Feed
from headwater.build.site import Site, key_columns, key_names, pair
from headwater.model.landing import ROWS_IN_A_BATCH
from headwater.model.lowering import both
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
    Union,
)
from headwater.model.table import Table
from headwater.model.types import DAY, TIME

BEGINNING, END = datetime(1, 1, 1), datetime(9999, 12, 31)
MOST_NAMED_BATCHES = 200
BOOKKEEPING = ("_source", "_load", "_row")
_OF_A_ROW = ("_id", "_gone", "_updated_at")
_OF_A_LOAD = ("_unit", "_next_full", "_loaded_at", "_loaded_day")
VALIDITY = ("_valid_from", "_valid_from__day", "_valid_to", "_valid_to__day", "_observed")


@dataclass(frozen=True, slots=True)
class Alias:
    """Kept merges (`_key`, `_survivor`) that lead the ids of one column: in rows whose `by` is `value`, or in all."""

    column: str
    merges: str
    by: str = ""
    value: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that a row needs for it."""
        return (self.column, self.by) if self.by else (self.column,)

    def led_by(self, key: str = "_key") -> Scalar:
        """The condition of a join of rows with ids on the right: the row's id is that one, and of that table."""
        told = Op("eq", (Col(self.by, "left"), Lit(self.value))) if self.by else None
        condition = both(matched(((self.column, key),)), told)
        assert condition is not None
        return condition


@dataclass(frozen=True, slots=True)
class Landing:
    """The landed rows of one table: `feeds` are the batches looked at, kept as rows under `batches`; `aliases` are the
    merges of the tables that columns refer to; `survivors` are ids that stay though a row of theirs says otherwise;
    `joined` are ids (kept `_key`) that live on under another one, and whose rows never stand for themselves."""

    site: Site
    table: Table
    feeds: tuple[Feed, ...]
    batches: str
    aliases: tuple[Alias, ...]
    survivors: tuple[str, ...] = ()
    joined: str = ""

    @property
    def updated(self) -> bool:
        """Whether some source says when its rows changed."""
        return any(f.updated for f in self.feeds)

    @property
    def deletes(self) -> bool:
        """Whether a full load may have deleted keys among these batches."""
        return any(f.next_full is not None for f in self.feeds)

    @property
    def mapped(self) -> tuple[str, ...]:
        """The stored columns that some batch fills (a derived column may be filled too)."""
        filled = frozenset().union(*(f.columns for f in self.feeds))
        return tuple(
            name
            for c in self.table.columns
            for name in pair(self.table, c.id)
            if c.derive is None or filled & set(pair(self.table, c.id))
        )

    @property
    def regrouped(self) -> bool:
        """Whether merges elsewhere may give rows of different keys the same one."""
        return any(a.column in self.table.key for a in self.aliases)

    def rows(self, names: Sequence[str], loads: Sequence[int] | None = None) -> Relation:
        """These columns of every landed row, references resolved, with the key (`_k0` ...), the row's place (`_source`,
        `_load`, `_row`, one number `_id`), what it says of itself (`_gone`, `_updated_at`) and of its load."""
        stored = {n for k in self.table.key for n in pair(self.table, k)}
        aliases = [a for a in self.aliases if a.column in stored or a.column in names]
        told = {n for a in aliases for n in a.reads}
        wanted = tuple(n for n in self._columns if n in stored or n in names or n in told)
        chosen = None if loads is None or len(loads) > MOST_NAMED_BATCHES else loads
        first = self.feeds[0].number if self.feeds else 1
        named = Op("in", (Col("_batch", "left"), *(Lit(n) for n in chosen))) if chosen else None
        after = Op("ge", (Col("_batch", "left"), Lit(first))) if first > 1 and chosen is None else None
        relation: Relation = Project(
            Join(Scan(f"landed__{self.table.id}"), kept(self.batches), "inner", same(("_batch",))),
            (
                *columns(wanted, "left"),
                Named("_source", Col("_source", "right")),
                Named("_load", Col("_batch", "left")),
                *columns(("_row", "_updated_at", "_merged_into"), "left"),
                Named("_gone", self._gone("left")),
                *columns(_OF_A_LOAD, "right"),
            ),
            both(named, after),
        )
        carried = (*wanted, *BOOKKEEPING, "_updated_at", "_merged_into", "_gone", *_OF_A_LOAD)
        if self.joined:
            key = Op("as_text", (Col(self.table.key[0], "left"),))
            gone = either(Col("_gone", "left"), present(Col("_key", "right")))
            others = columns((n for n in carried if n != "_gone"), "left")
            on = Op("eq", (key, Col("_key", "right")))
            relation = Project(Join(relation, kept(self.joined), "left", on), (*others, Named("_gone", gone)))
        for alias in aliases:
            relation = resolved(relation, alias, carried)
        number = Op("add", (Op("mul", (Col("_load"), Lit(ROWS_IN_A_BATCH))), Col("_row")))
        return Project(relation, (*key_columns(self.table), Named("_id", number)), keep_all=True)

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(n for c in self.table.columns for n in pair(self.table, c.id))

    def _gone(self, side: str) -> Scalar:
        merged = present(Col("_merged_into", side))
        if len(self.table.key) == 1:
            key = Op("as_text", (Col(self.table.key[0], side),))
            conditions: list[Scalar] = [merged, Op("ne", (Col("_merged_into", side), key))]
            if self.survivors:
                conditions.append(Op("not", (Op("in", (key, *(Lit(s) for s in self.survivors))),)))
            merged = Op("and", tuple(conditions))
        return either(Op("coalesce", (Col("_deleted", side), FALSE)), Op("coalesce", (merged, FALSE)))

    # --- what is ------------------------------------------------------------------------------------------------------

    def narrow(self, where_: Relation | None = None, *, content: bool = False) -> Relation:
        """Keys and standing of landed rows (of the keys in `where_`), with a hash of the content if asked for."""
        keys = key_names(self.table)
        names = (*keys, *_OF_A_ROW, "_source", *_OF_A_LOAD)
        source = self.rows(self.mapped if content else ())
        if content:
            source = Project(source, (Named("_h", Op("hash", tuple(Col(n) for n in self.mapped))),), keep_all=True)
            names = (*names, "_h")
        return choose(source, names) if where_ is None else within(source, where_, keys, names)

    def said(self, unit: int) -> Relation:
        """What the rows of one load say: keys, and a hash (`_said`) of the rest and of the file's place in the load."""
        loads = [f.number for f in self.feeds if f.unit == unit]
        place = Op("sub", (Col("_load"), Lit(loads[0])))
        said = (*self.mapped, "_updated_at", "_merged_into", "_gone")
        parts: tuple[Scalar, ...] = (*(Col(n) for n in said), place)
        hashed = Project(self.rows(self.mapped, loads), (Named("_said", Op("hash", parts)),), keep_all=True)
        where_ = Op("eq", (Col("_unit"), Lit(unit)))
        return choose(hashed, (*key_names(self.table), "_said"), where_)

    def contested(self) -> str:
        """The kept hashes (`_h`) of keys that more than one landed row speaks of, '' where there are none."""
        hashed = Project(self.rows(()), (Named("_h", self._key_hash),))
        more = Group(hashed, columns(("_h",)), (NamedAgg("_n", Agg("count_rows")),), Op("gt", (Col("_n"), Lit(1))))
        name = f"contested__{self.table.id}"
        if self.site.workshop.keep(name, more):
            return name
        self.site.workshop.drop(name)
        return ""

    @property
    def _key_hash(self) -> Scalar:
        return Op("hash", tuple(Col(k) for k in key_names(self.table)))

    def uncontested_rows(self, names: Sequence[str], contested: str) -> Relation:
        """The rows that alone speak of their key."""
        source = where(self.rows(names), Op("not", (Col("_gone"),)))
        if not contested:
            return source
        hashed = Project(source, (Named("_h", self._key_hash),), keep_all=True)
        carried = (*self._wanted(names), *BOOKKEEPING, "_updated_at", *_OF_A_LOAD, *key_names(self.table), "_id")
        return without(hashed, kept(contested), ("_h",), carried)

    def contested_narrow(self, contested: str, *, content: bool = False) -> Relation:
        """The standing of rows whose key more than one row speaks of."""
        source = self.narrow(content=content)
        names = (*key_names(self.table), *_OF_A_ROW, "_source", *_OF_A_LOAD, *(("_h",) if content else ()))
        hashed = Project(source, (Named("_kh", self._key_hash),), keep_all=True)
        return Project(Join(hashed, kept(contested), "semi", matched((("_kh", "_h"),))), columns(names, "left"))

    def _wanted(self, names: Sequence[str]) -> tuple[str, ...]:
        stored = {n for k in self.table.key for n in pair(self.table, k)}
        return tuple(n for n in self._columns if n in stored or n in names)

    def ended(self, narrow: str) -> str:
        """Kept: which keys of which source a full load deleted (`_ended` its number, `_ended_at`, `_ended_day`), of the
        kept rows `narrow`; '' where none was."""
        if not self.deletes:
            return ""
        keys = key_names(self.table)
        seen = distinct(kept(narrow), (*keys, "_source", "_unit", "_next_full"))
        followed = where(seen, present(Col("_next_full")))
        lacking = Project(
            Join(
                followed,
                seen,
                "anti",
                matched((*((k, k) for k in keys), ("_source", "_source"), ("_next_full", "_unit"))),
            ),
            columns((*keys, "_source", "_next_full"), "left"),
        )
        timed = Project(
            Join(lacking, kept(self.batches), "inner", matched((("_next_full", "_batch"),))),
            (
                *columns((*keys, "_source"), "left"),
                Named("_ended", Col("_next_full", "left")),
                Named("_ended_at", Col("_loaded_at", "right")),
                Named("_ended_day", Col("_loaded_day", "right")),
            ),
        )
        name = f"ended__{self.table.id}"
        self.site.workshop.drop(name)
        if self.site.workshop.keep(name, timed):
            return name
        self.site.workshop.drop(name)
        return ""

    def winners(self, narrow: str, ended: str) -> Relation:
        """The winning row (`_id`) of every key of the kept rows `narrow`: the latest change, then the later load. A row
        that a full load of its source superseded does not take part; a winner may say that its key is gone."""
        keys = key_names(self.table)
        names = (*keys, "_id", "_updated_at", "_gone")
        rows: Relation = choose(kept(narrow), names)
        if ended:
            last = Group(kept(ended), columns((*keys, "_source")), (NamedAgg("_ended", Agg("max", Col("_ended"))),))
            rows = Project(
                Join(kept(narrow), last, "left", same((*keys, "_source"))),
                columns(names, "left"),
                either(is_null(Col("_ended", "right")), Op("ge", (Col("_unit", "left"), Col("_ended", "right")))),
            )
        if self.updated:
            changed = Op("coalesce", (Col("_updated_at"), Lit(BEGINNING)))
            rows = Project(rows, (Named("_changed", changed),), keep_all=True)
            latest = Group(rows, columns(keys), (NamedAgg("_changed", Agg("max", Col("_changed"))),))
            rows = within(rows, latest, (*keys, "_changed"), (*keys, "_id"))
        return choose(Group(rows, columns(keys), (NamedAgg("_id", Agg("max", Col("_id"))),)), ("_id",))

    def rows_of(self, ids: str, names: Sequence[str], extra: Sequence[str] = ()) -> Relation:
        """The landed rows with the kept numbers `ids` that are not gone, and columns that `ids` has beside them."""
        loads = self.loads_of(ids)
        source = where(self.rows(names, loads), Op("not", (Col("_gone"),)))
        own = (*self._wanted(names), *BOOKKEEPING, "_id", *key_names(self.table))
        return Project(
            Join(source, kept(ids), "inner", same(("_id",)), unique=not extra),
            (*columns(own, "left"), *columns(extra, "right")),
        )

    def loads_of(self, ids: str) -> tuple[int, ...]:
        """The numbers of the batches that rows lie in."""
        number = Op("as_integer", (Op("div", (Col("_id"), Lit(ROWS_IN_A_BATCH))),))
        found = self.site.workshop.fetch(Group(kept(ids), (Named("n", number),), ()))
        held = {int(str(n)) for (n,) in found if n is not None}
        return tuple(f.number for f in self.feeds if f.number in held)

    # --- what was when ------------------------------------------------------------------------------------------------

    def timeline(self, narrow: str, ended: str) -> Relation:
        """The versions of every key of the kept rows `narrow` (with content hash): the row `_id` that says how it was,
        and from when until when. A state holds from the source's own `updated_at`, else from the load that brought it
        (`_observed`); states that change nothing are none."""
        keys = key_names(self.table)
        special = self._special(narrow, ended)
        simple: Relation = kept(narrow)
        if special:
            carried = (*keys, *_OF_A_ROW, "_h", "_loaded_at", "_loaded_day")
            simple = without(simple, kept(special), keys, carried)
        states = self._plain_states(simple)
        if special:
            states = Union((states, self._weighed_states(narrow, ended, special)))
        return self._versions(states)

    def _plain_states(self, rows: Relation) -> Relation:
        own = present(Col("_updated_at"))
        return Project(
            rows,
            (
                *columns(key_names(self.table)),
                Named("_at", Op("coalesce", (Col("_updated_at"), Col("_loaded_at")))),
                Named("_day", Op("case", (own, self.site.local_day(Col("_updated_at")), Col("_loaded_day")))),
                Named("_observed", is_null(Col("_updated_at"))),
                *columns(("_id", "_gone", "_h")),
            ),
        )

    def _versions(self, states: Relation) -> Relation:
        keys = key_names(self.table)
        partition = tuple(Col(k) for k in keys)
        by_time = (Order(Col("_at")), Order(Col("_id")))

        def over(name: str, column: str) -> Over:
            return Over(name, partition, by_time, Col(column))

        following = Project(states, (Named("_next", over("lead", "_at")),), keep_all=True)
        last = where(following, Op("distinct_from", (Col("_next"), Col("_at"))))
        before = Project(
            last, (Named("_was_gone", over("lag", "_gone")), Named("_was", over("lag", "_h"))), keep_all=True
        )
        news = either(
            is_null(Col("_was_gone")),
            Op("ne", (Col("_gone"), Col("_was_gone"))),
            Op("and", (Op("not", (Col("_gone"),)), Op("distinct_from", (Col("_h"), Col("_was"))))),
        )
        changes = choose(before, (*keys, "_at", "_day", "_observed", "_id", "_gone"), news)
        ends = Project(
            changes, (Named("_until", over("lead", "_at")), Named("_until_day", over("lead", "_day"))), keep_all=True
        )
        return Project(
            ends,
            (
                Named("_id", Col("_id")),
                Named("_valid_from", Col("_at")),
                Named("_valid_from__day", Col("_day")),
                Named("_valid_to", Col("_until")),
                Named("_valid_to__day", Col("_until_day")),
                Named("_observed", Col("_observed")),
            ),
            Op("not", (Col("_gone"),)),
        )

    def _special(self, narrow: str, ended: str) -> str:
        """Kept: keys whose states must be weighed against each other at every moment, because a full load deleted them
        or only some of their rows say when they changed; '' where there are none."""
        keys = key_names(self.table)
        found: list[Relation] = [choose(kept(ended), keys)] if ended else []
        if self.updated:
            counted = Group(
                kept(narrow),
                columns(keys),
                (NamedAgg("_said", Agg("count", Col("_updated_at"))), NamedAgg("_n", Agg("count_rows"))),
                Op("and", (Op("gt", (Col("_said"), Lit(0))), Op("lt", (Col("_said"), Col("_n"))))),
            )
            found.append(choose(counted, keys))
        name = f"special__{self.table.id}"
        if found and self.site.workshop.keep(name, distinct(Union(tuple(found)), keys)):
            return name
        self.site.workshop.drop(name)
        return ""

    def _weighed_states(self, narrow: str, ended: str, special: str) -> Relation:
        """At every moment when a row appears or a full load deletes: the row that wins among those known for that
        moment and not superseded by then."""
        keys = key_names(self.table)
        carried = (*keys, *_OF_A_ROW, "_source", "_unit", "_loaded_at", "_loaded_day", "_h")
        rows = within(kept(narrow), kept(special), keys, carried)
        if ended:
            bounded: Relation = Group(
                Join(rows, kept(ended), "left", same((*keys, "_source")), unique=False),
                columns(carried, "left"),
                (
                    NamedAgg("_floor", Agg("max", Col("_ended_at", "right"), _ended_than("lt"))),
                    NamedAgg("_over", Agg("min", Col("_ended_at", "right"), _ended_than("gt"))),
                ),
            )
        else:
            bounded = Project(rows, (Named("_floor", Lit(None, TIME)), Named("_over", Lit(None, TIME))), keep_all=True)
        own = Op(
            "and",
            (
                present(Col("_updated_at")),
                either(is_null(Col("_floor")), Op("gt", (Col("_updated_at"), Col("_floor")))),
            ),
        )
        lives_name = f"lives__{self.table.id}"
        self.site.workshop.drop(lives_name)
        self.site.workshop.keep(
            lives_name,
            Project(
                bounded,
                (
                    *columns((*keys, "_id", "_gone", "_h")),
                    Named("_changed", Op("coalesce", (Col("_updated_at"), Lit(BEGINNING)))),
                    Named("_at", Op("case", (own, Col("_updated_at"), Col("_loaded_at")))),
                    Named("_day", Op("case", (own, self.site.local_day(Col("_updated_at")), Col("_loaded_day")))),
                    Named("_observed", Op("not", (own,))),
                    Named("_over", Op("coalesce", (Col("_over"), Lit(END)))),
                ),
            ),
        )
        lives = kept(lives_name)
        moments: list[Relation] = [choose(lives, (*keys, "_at", "_day", "_observed"))]
        if ended:
            moments.append(
                Project(
                    kept(ended),
                    (
                        *columns(keys),
                        Named("_at", Col("_ended_at")),
                        Named("_day", Col("_ended_day")),
                        Named("_observed", TRUE),
                    ),
                )
            )
        points = Group(
            Union(tuple(moments)),
            columns((*keys, "_at")),
            (NamedAgg("_day", Agg("any_value", Col("_day"))), NamedAgg("_observed", Agg("every", Col("_observed")))),
        )
        holds = both(
            same(keys),
            Op("le", (Col("_at", "right"), Col("_at", "left"))),
            Op("lt", (Col("_at", "left"), Col("_over", "right"))),
        )
        rank = (Col("_changed", "right"), Col("_id", "right"))
        won = Group(
            Join(points, lives, "inner", holds, unique=False),
            columns((*keys, "_at"), "left"),
            tuple(NamedAgg(n, Agg("last_by", Col(n, "right"), order=rank)) for n in ("_id", "_gone", "_h")),
        )
        return Project(
            Join(points, won, "left", same((*keys, "_at"))),
            (
                *columns((*keys, "_at", "_day", "_observed"), "left"),
                Named("_id", Col("_id", "right")),
                Named("_gone", Op("coalesce", (Col("_gone", "right"), TRUE))),
                Named("_h", Col("_h", "right")),
            ),
        )

    def single_version(self) -> tuple[Named, ...]:
        """The validity of a row that alone speaks of its key."""
        own = present(Col("_updated_at"))
        return (
            Named("_valid_from", Op("coalesce", (Col("_updated_at"), Col("_loaded_at")))),
            Named("_valid_from__day", Op("case", (own, self.site.local_day(Col("_updated_at")), Col("_loaded_day")))),
            Named("_valid_to", Lit(None, TIME)),
            Named("_valid_to__day", Lit(None, DAY)),
            Named("_observed", is_null(Col("_updated_at"))),
        )


def _ended_than(operator: str) -> Scalar:
    return Op(operator, (Col("_ended", "right"), Col("_unit", "left")))


def resolved(relation: Relation, alias: Alias, names: Sequence[str]) -> Relation:
    """The relation (of these columns) with the ids of one column led to their survivors."""
    return Project(
        Join(relation, kept(alias.merges), "left", alias.led_by()),
        tuple(
            Named(n, Op("coalesce", (Col("_survivor", "right"), Col(n, "left"))))
            if n == alias.column
            else Named(n, Col(n, "left"))
            for n in names
        ),
    )


def keep_feeds(site: Site, name: str, known: Sequence[Feed]) -> str:
    """Keeps batches as rows; the name."""
    site.workshop.keep(name, journal.as_rows(known))
    return name


def landing_of(site: Site, table: Table, batches: str, until: int | None) -> Landing:
    """The landed rows of a table as they came, no reference resolved."""
    feeds = site.feeds(table.id, until)
    return Landing(site, table, feeds, keep_feeds(site, batches, feeds), ())
