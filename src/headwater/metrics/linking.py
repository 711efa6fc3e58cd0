"""Deals tied to people by another rule than the one the tables were built with: each deal credits at most one lead."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

from headwater.model.catalogue import Catalogue
from headwater.model.funnel import Funnel, Link
from headwater.model.lowering import both, columns_in, day_of, lower_predicate, physical
from headwater.model.measure import Span
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Project,
    Relation,
    Scalar,
    Scan,
    Shared,
)
from headwater.model.table import Column, Pick, Table
from headwater.model.types import Kind

_PERSONS, _DEALS, _ROLES = "leads", "opportunities", "contact_roles"
_END = datetime(9999, 1, 1, tzinfo=UTC)  # an instant that is not known stands after those of its day that are


def links_deals(funnel: Funnel, catalogue: Catalogue) -> bool:
    """Whether the subjects are leads, so that deals have to find theirs."""
    return catalogue.tables[funnel.table].rows_from == _PERSONS


def needed_tables(link: Link) -> tuple[str, ...]:
    """The tables without which a rule finds no lead."""
    return (_DEALS, _PERSONS, *((_ROLES,) if link.rule == "contact_role" else ()))


def relinked_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table of leads that are the first of the deals, or of their quotes, that credit the lead."""
    return tuple(
        c
        for c in table.columns
        if isinstance(c.derive, Pick) and c.derive.which == "first" and c.derive.by == (("lead_id", "lead_id"),)
    )


def dependent_columns(table: Table) -> frozenset[str]:
    """The columns taken from a date on that a rule changes, which only the rule of the build has."""
    changed = {c.id for c in relinked_columns(table)}
    return frozenset(
        c.id for c in table.columns if isinstance(c.derive, Pick) and {c.derive.after, c.derive.until} & changed
    )


def credits_of(link: Link, catalogue: Catalogue, *, told: bool = True) -> Relation:
    """One row a deal that finds a lead: `opportunity_id`, `lead_id`, and how many leads would have fitted
    (`candidates`; without `told` they may be left out). Of several it is the last that came; none counts that came
    after the deal was opened."""
    deals, persons = catalogue.tables[_DEALS], catalogue.tables[_PERSONS]
    opened = Col(day_of(deals, "created_at"))
    if link.rule == "conversion":
        own = Project(
            Scan(_DEALS),
            (Named("opportunity_id", Col("opportunity_id")), Named("lead_id", Col("lead_id"))),
            Op("not", (Op("is_null", (Col("lead_id"),)),)),
        )
        if not told:
            return own
        named = Project(
            Scan(_PERSONS),
            (Named("_deal", Col("opportunity_id")), Named("_lead", Col("lead_id"))),
            Op("not", (Op("is_null", (Col("opportunity_id"),)),)),
        )
        counted = Group(named, (Named("_deal", Col("_deal")),), (NamedAgg("_n", Agg("count_rows")),))
        on = Op("eq", (Col("opportunity_id", "left"), Col("_deal", "right")))
        return Project(
            Join(own, counted, "left", on),
            (
                Named("opportunity_id", Col("opportunity_id", "left")),
                Named("lead_id", Col("lead_id", "left")),
                Named("candidates", Op("coalesce", (Col("_n", "right"), Lit(1)))),
            ),
        )
    by = "contact_id" if link.rule == "contact_role" else "account_id"
    came = day_of(persons, "created_at")
    leads = Project(
        Scan(_PERSONS),
        (
            Named("_by", Col(by)),
            Named("_lead", Col("lead_id")),
            Named("_day", Col(came)),
            Named("_at", Op("coalesce", (Col("created_at"), Lit(_END))) if came != "created_at" else Col(came)),
        ),
        Op("not", (Op("is_null", (Col(by),)),)),
    )
    known = Project(Scan(_DEALS), (Named("_deal", Col("opportunity_id")), Named("_opened", opened), *_account(by)))
    if link.rule == "contact_role":
        roles = Project(Scan(_ROLES), (Named("_role_deal", Col("opportunity_id")), Named("_by", Col("contact_id"))))
        on = Op("eq", (Col("_role_deal", "left"), Col("_deal", "right")))
        known = Project(
            Join(roles, known, "inner", on),
            (
                Named("_deal", Col("_deal", "right")),
                Named("_opened", Col("_opened", "right")),
                Named("_by", Col("_by", "left")),
            ),
        )
    pairs = Project(
        Join(known, leads, "inner", Op("eq", (Col("_by", "left"), Col("_by", "right"))), unique=False),
        (
            Named("_deal", Col("_deal", "left")),
            Named("_opened", Col("_opened", "left")),
            *(Named(n, Col(n, "right")) for n in ("_lead", "_day", "_at")),
        ),
    )
    before: Scalar = Op("le", (Col("_day"), Col("_opened")))
    recent = Op("le", (Col("_opened"), _added(Col("_day"), link.within))) if link.within is not None else None
    fitting = Project(pairs, tuple(Named(n, Col(n)) for n in ("_deal", "_lead", "_day", "_at")), both(before, recent))
    last = Agg("last_by", Col("_lead"), order=(Col("_day"), Col("_at"), Col("_lead")))
    return Group(
        fitting,
        (Named("opportunity_id", Col("_deal")),),
        (NamedAgg("lead_id", last), NamedAgg("candidates", Agg("count_distinct", Col("_lead")))),
    )


def linked_rows(table: Table, link: Link, catalogue: Catalogue) -> Relation:
    """The table of leads with the dates and amounts of the deals that credit each lead by a rule, and all its other
    columns as they were built."""
    credits_ = Shared("_credits", credits_of(link, catalogue))
    ours = tuple(dict.fromkeys((*physical(table, frozenset(c.id for c in table.columns)), "_source")))
    relation: Relation = Scan(table.id)
    taken: list[tuple[str, ...]] = []
    for theirs_id in dict.fromkeys(c.derive.table for c in relinked_columns(table) if isinstance(c.derive, Pick)):
        theirs = catalogue.tables[theirs_id]
        picks = {c.id: c.derive for c in relinked_columns(table) if isinstance(c.derive, Pick)}
        mine = {name: pick for name, pick in picks.items() if pick.table == theirs_id}
        reads = {n for p in mine.values() for n in (p.column, p.order)}
        reads |= {n for p in mine.values() for n in columns_in(p.where)}
        columns = tuple(dict.fromkeys((*physical(theirs, frozenset(reads)), *theirs.key)))
        on = Op("eq", (Col("opportunity_id", "left"), Col("opportunity_id", "right")))
        rows = Project(
            Join(Scan(theirs_id), credits_, "inner", on),
            (*(Named(n, Col(n, "left")) for n in columns), Named("_credited", Col("lead_id", "right"))),
        )
        aggregates = [
            NamedAgg(
                f"_p_{ours_name}",
                Agg("first_by", Col(their_name), where=_condition(theirs, pick), order=_order(theirs, pick)),
            )
            for name, pick in mine.items()
            for ours_name, their_name in zip(_pair(table, name), _pair(theirs, pick.column), strict=True)
        ]
        grouped = Group(rows, (Named("_credited", Col("_credited")),), tuple(aggregates))
        added = tuple(a.name for a in aggregates)
        so_far = tuple(n for group in taken for n in group)
        joined = Join(relation, grouped, "left", Op("eq", (Col("lead_id", "left"), Col("_credited", "right"))))
        relation = Project(
            joined,
            (
                *(Named(n, Col(n, "left")) for n in (*ours, *so_far)),
                *(Named(n, Col(n, "right")) for n in added),
            ),
        )
        taken.append(added)
    replaced = {n for group in taken for n in group}
    named = tuple(Named(n, Col(f"_p_{n}") if f"_p_{n}" in replaced else Col(n)) for n in ours)
    return Shared("_journeys", Project(relation, named))


def with_rows(relation: Any, table: str, rows: Relation) -> Any:
    """A relation that reads other rows wherever it read a table."""
    if isinstance(relation, Scan):
        return rows if relation.table == table else relation
    if isinstance(relation, tuple):
        return tuple(with_rows(part, table, rows) for part in relation)
    if is_dataclass(relation) and not isinstance(relation, type):
        parts = {f.name: getattr(relation, f.name) for f in fields(relation)}
        changed = {n: with_rows(v, table, rows) for n, v in parts.items() if isinstance(v, tuple) or is_dataclass(v)}
        return replace(relation, **{n: v for n, v in changed.items() if v is not parts[n]})
    return relation


# --- parts -----------------------------------------------------------------------------------------------------------
def _account(by: str) -> tuple[Named, ...]:
    return (Named("_by", Col("account_id")),) if by == "account_id" else ()


def _added(day: Scalar, span: Span) -> Scalar:
    if span.unit in ("day", "week"):
        return Op("add_days", (day, Lit(span.amount * (7 if span.unit == "week" else 1))))
    return Op("add_months", (day, Lit(span.amount * {"month": 1, "quarter": 3, "year": 12}[span.unit])))


def _pair(table: Table, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((name, day_of(table, name))))


def _condition(theirs: Table, pick: Pick) -> Scalar | None:
    dated = Op("not", (Op("is_null", (Col(day_of(theirs, pick.order)),)),))
    return both(None if pick.where is None else lower_predicate(theirs, pick.where), dated)


def _order(theirs: Table, pick: Pick) -> tuple[Scalar, ...]:
    """By day, within a day by instant (those without one last), then by business key: as the build has it."""
    column = theirs.column(pick.order)
    day = day_of(theirs, pick.order)
    placed: tuple[Scalar, ...] = (Col(day),)
    if column is not None and column.type.kind is Kind.TIME:
        placed = (Col(day), Op("coalesce", (Col(pick.order), Lit(_END))))
    return (*placed, *(Col(k) for k in theirs.key))
