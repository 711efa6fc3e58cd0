"""Rows of one table that different systems deliver and that are one by a rule of identity: contacts with one mail."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.build.algebra import columns, kept, matched, present, where
from headwater.build.journal import Feed
from headwater.build.keys import key_of
from headwater.build.landed import Landing, landing_of
from headwater.build.site import Site, pair
from headwater.model.identity import IdentityRule
from headwater.model.lowering import both
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scalar, Values
from headwater.model.table import Key, Table
from headwater.model.types import INTEGER, TEXT, Kind


def may_join(table: Table, feeds: Sequence[Feed]) -> bool:
    """Whether some rows of a table could be one by a rule: it is kept, and there are rows that it may put together."""
    rule, key = _rule(table)
    if rule is None or key is None or not any(key.column in f.columns for f in feeds):
        return False
    systems = {f.system for f in feeds if not rule.sources or f.source in rule.sources}
    return len(systems) > (0 if rule.several == "merge" else 1)


def _rule(table: Table) -> tuple[IdentityRule | None, Key | None]:
    column = table.column(table.joining.by) if table.joining is not None else None
    key = column.derive if column is not None else None
    return (table.joining.rule if table.joining is not None else None), (key if isinstance(key, Key) else None)


def keep_joined(site: Site, table: Table, name: str, until: int | None) -> str:
    """Kept: the ids that live on under another one by the table's rule (`_key`, `_survivor`, `_rank`), '' where none
    does. Of the systems that have a row with the same text the first one's stays: in the order that the rule prefers,
    then by name."""
    rule, key = _rule(table)
    assert rule is not None and key is not None
    workshop = site.workshop
    landing = landing_of(site, table, f"{name}__joining", until)
    narrow, won = f"{name}__joining_narrow", f"{name}__joining_won"
    workshop.keep(narrow, landing.narrow())
    workshop.keep(won, landing.winners(narrow, landing.ended(narrow)))
    ranks = _ranks(rule, landing.feeds)
    rows = Project(landing.rows_of(won, (key.column,)), (Named("_text", key_of(key)),), keep_all=True)
    ranked = Project(
        Join(rows, ranks, "inner", matched((("_source", "source"),))),
        (Named("_key", Col("_k0", "left")), Named("_text", Col("_text", "left")), Named("_rank", Col("rank", "right"))),
    )
    of_one_text = f"{name}__of_one_text"
    workshop.keep(of_one_text, where(ranked, present(Col("_text"))))
    several, apart = {
        "merge": (Op("gt", (Col("_n"), Lit(1))), Op("ne", (Col("_key", "left"), Col("_survivor", "right")))),
        "first": (Op("gt", (Col("_ranks"), Lit(1))), Op("ne", (Col("_rank", "left"), Col("_first", "right")))),
    }.get(rule.several) or (
        both(Op("gt", (Col("_ranks"), Lit(1))), Op("eq", (Col("_ranks"), Col("_n")))),
        Op("ne", (Col("_rank", "left"), Col("_first", "right"))),
    )
    stays = Group(
        kept(of_one_text),
        columns(("_text",)),
        (
            NamedAgg("_survivor", Agg("first_by", Col("_key"), order=(Col("_rank"), Col("_key")))),
            NamedAgg("_first", Agg("min", Col("_rank"))),
            NamedAgg("_n", Agg("count_rows")),
            NamedAgg("_ranks", Agg("count_distinct", Col("_rank"))),
        ),
        several,
    )
    led = Project(
        Join(kept(of_one_text), stays, "inner", matched((("_text", "_text"),))),
        (*columns(("_key", "_rank"), "left"), Named("_survivor", Col("_survivor", "right"))),
        apart,
    )
    joined = f"{name}__joined"
    found = workshop.keep(joined, led)
    for one in (narrow, won, of_one_text):
        workshop.drop(one)
    return joined if found else ""


def _ranks(rule: IdentityRule, feeds: Sequence[Feed]) -> Values:
    """The sources that may be joined, each with the place of its system."""
    systems = {f.source: f.system for f in feeds if not rule.sources or f.source in rule.sources}
    preferred = [systems[s] for s in rule.prefer if s in systems]
    order = list(dict.fromkeys((*preferred, *sorted(set(systems.values())))))
    rows = tuple((source, order.index(system)) for source, system in sorted(systems.items()))
    return Values((("source", TEXT), ("rank", INTEGER)), rows)


def led_along(dirty: Sequence[Relation], *merges: str) -> list[Relation]:
    """The ids (`_k0`) under which some ids live on, by kept merges: what they say may show there."""
    return [
        Project(
            Join(part, kept(name), "inner", matched((("_k0", "_key"),)), unique=False),
            (Named("_k0", Col("_survivor", "right")),),
        )
        for part in dirty
        for name in merges
        if name
    ]


def completed_by_joined(
    landing: Landing, rows: Relation, names: Sequence[str], joined: str, now: str, dirty: str = ""
) -> Relation:
    """The rows (of the columns `names`), with what they leave empty filled from the rows that live on under them, the
    first system's first. With `dirty` only these keys are looked at."""
    table, workshop = landing.table, landing.site.workshop
    wanted = [n for n in names if n in landing.mapped and n not in table.key and not _is_amount(table, n)]
    led = Project(
        Join(kept(joined), kept(now), "inner", matched((("_key", "_key"),))),
        (
            Named("_k0", Col("_key", "left")),
            Named("_rank", Col("_rank", "left")),
            Named("_to", Col("_survivor", "right")),
        ),
    )
    if dirty:
        led = Project(
            Join(led, kept(dirty), "semi", matched((("_to", "_k0"),))), columns(("_k0", "_rank", "_to"), "left")
        )
    theirs, narrow, won, filler = (f"{n}__{table.id}" for n in ("led", "led_narrow", "led_won", "filler"))
    for name in (theirs, narrow, won, filler):
        workshop.drop(name)
    if not workshop.keep(theirs, led) or not wanted:
        return rows
    alone = Landing(landing.site, table, landing.feeds, landing.batches, landing.aliases, landing.survivors)
    workshop.keep(narrow, alone.narrow(kept(theirs)))
    workshop.keep(won, alone.winners(narrow, alone.ended(narrow)))
    found = Project(
        Join(alone.rows_of(won, wanted), kept(theirs), "inner", matched((("_k0", "_k0"),))),
        (*columns(("_k0", *wanted), "left"), *columns(("_rank", "_to"), "right")),
    )
    order = (Col("_rank"), Col("_k0"))
    values = tuple(
        NamedAgg(f"_f_{n}", Agg("first_by", Col(n), present(Col(_day(table, n))), order=order)) for n in wanted
    )
    workshop.keep(filler, Group(found, columns(("_to",)), values))

    def value(name: str) -> Scalar:
        if name not in wanted:
            return Col(name, "left")
        empty = Op("is_null", (Col(_day(table, name), "left"),))
        return Op("case", (empty, Col(f"_f_{name}", "right"), Col(name, "left")))

    on = matched((("_k0", "_to"),))
    return Project(Join(rows, kept(filler), "left", on), tuple(Named(n, value(n)) for n in names))


def _day(table: Table, stored: str) -> str:
    """The stored column that tells whether there is a value: of a time its day."""
    column = next((c for c in table.columns if stored in pair(table, c.id)), None)
    return pair(table, column.id)[-1] if column is not None else stored


def _is_amount(table: Table, stored: str) -> bool:
    """Whether a column is money or the currency of some, which only make sense together."""
    currencies = {c.currency for c in table.columns if c.currency}
    column = table.column(stored)
    return stored in currencies or (column is not None and column.type.kind is Kind.MONEY)
