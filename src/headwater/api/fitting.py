"""What a column of a file can be: the canonical columns of its kind, the likeliest by their names first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import lru_cache

from headwater.api.grouping import slug
from headwater.model.catalogue import Catalogue
from headwater.model.expression import And, ColumnName, Compare, Constant, In, Not, Or, Predicate
from headwater.model.look import Look, LookedColumn
from headwater.model.table import ByChannel, ByIdentity, Column, Pick, Table
from headwater.model.types import Kind

CLOSE = 0.6
"""From here on a header is like a column's name."""

MONEY = re.compile(
    r"(^|_)(amount|price|value|revenue|cost|costs|spend|spent|fee|sum|betrag|preis|umsatz|kosten|montant|prix|importe)(_|$)"
)
"""Words in headers of amounts."""

CALENDAR = "calendar"
"""The one table that no file delivers."""

Known = Mapping[tuple[str, str], tuple[str, ...]]


def known_values(catalogue: Catalogue) -> Known:
    """The texts that definitions know, by table and column: those its file lists, or those that derivations and
    measures compare it with."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for table in catalogue.tables.values():
        for c in table.columns:
            if isinstance(c.derive, Pick) and c.derive.where is not None:
                _literals(c.derive.table, c.derive.where, found)
    for measure in catalogue.measures.values():
        if measure.where is not None:
            _literals(measure.table, measure.where, found)
    known = {place: tuple(texts) for place, texts in found.items()}
    listed = {(t.id, c.id): c.values for t in catalogue.tables.values() for c in t.columns if c.values}
    return {**known, **listed}


def _literals(table: str, predicate: Predicate, found: dict[tuple[str, str], dict[str, None]]) -> None:
    match predicate:
        case Compare(_, ColumnName(name), Constant(str(text))) | Compare(_, Constant(str(text)), ColumnName(name)):
            found.setdefault((table, name), {})[text] = None
        case In(ColumnName(name), options):
            texts = [o.value for o in options if isinstance(o.value, str)]
            found.setdefault((table, name), {}).update(dict.fromkeys(texts))
        case And(parts) | Or(parts):
            for part in parts:
                _literals(table, part, found)
        case Not(of):
            _literals(table, of, found)
        case _:
            pass


def fits(column: Column, seen: LookedColumn) -> bool:
    """Whether the values of a file's column can be those of a canonical column."""
    if not seen.filled:
        return True
    kinds = seen.kinds
    match column.type.kind:
        case Kind.TEXT:
            return not column.values or bool(seen.values)
        case Kind.ID:
            return Kind.ID.value in kinds
        case Kind.INTEGER:
            return Kind.INTEGER.value in kinds
        case Kind.NUMBER | Kind.MONEY:
            return bool({Kind.INTEGER.value, Kind.NUMBER.value, Kind.MONEY.value} & set(kinds))
        case Kind.DAY | Kind.TIME:
            return Kind.DAY.value in kinds or Kind.TIME.value in kinds
        case Kind.BOOLEAN:
            return Kind.BOOLEAN.value in kinds


def mostly_fits(column: Column, seen: LookedColumn) -> bool:
    """Whether most values of a file's column can be those of a canonical column of numbers or dates, and too many
    cannot."""
    return (
        column.type.kind in (Kind.DAY, Kind.TIME, Kind.INTEGER, Kind.NUMBER, Kind.MONEY)
        and seen.mostly is not None
        and not fits(column, seen)
        and fits(column, seen.mostly)
    )


def is_named(header: str, column: Column) -> bool:
    """Whether a header is a canonical column's very name.

    >>> from headwater.model.types import ID
    >>> is_named("Lead ID", Column("lead_id", ID)), is_named("Lead No", Column("lead_id", ID))
    (True, False)
    """
    return slug(header) == column.id


def likeness(header: str, column: Column) -> float:
    """How like a header is to a canonical column's name, or to the words that tell of it; from 0 to 1."""
    return _likeness(slug(header), column.id, column.about)


@lru_cache(maxsize=1 << 16)
def _likeness(name: str, id: str, about: str) -> float:
    meant = " ".join(_MEANS.get(word, word) for word in name.split("_"))
    return max(_alike(spelled, id, about) for spelled in {name.replace("_", " "), meant})


def _alike(name: str, id: str, about: str) -> float:
    told = SequenceMatcher(None, name, id.replace("_", " ")).ratio()
    words = {w for w in name.split() if len(w) > 2}
    shared = len(words & _words(f"{id} {about}")) / len(words) if words else 0.0
    return max(told, 0.8 * shared)


@lru_cache(maxsize=1 << 12)
def _words(text: str) -> frozenset[str]:
    """The words of a text, in small letters."""
    return frozenset(w for w in re.split(r"[^a-z0-9]+", text.casefold()) if len(w) > 2)


def suited(header: str, seen: LookedColumn, table: Table) -> tuple[Column, ...]:
    """The columns of a table that a file's column can be, likeliest first."""
    columns = [c for c in table.columns if not _names_a_rule(c)]
    found = [c for c in columns if fits(c, seen) and _is_of_its_sort(c, seen, likeness(header, c))]
    found += [c for c in columns if mostly_fits(c, seen)]
    return tuple(sorted(found, key=lambda c: (-closeness(header, seen, c, table), _distance(c, seen))))


def _names_a_rule(column: Column) -> bool:
    """Whether it says which rule decided another column: no file delivers that."""
    return isinstance(column.derive, ByIdentity | ByChannel) and column.derive.gives == "rule"


def closeness(header: str, seen: LookedColumn, column: Column, table: Table) -> float:
    """How likely it is that a file's column is a canonical one; only the order of answers follows from it. Values that
    never repeat are likely the key, unless most are dates or numbers, and a header that says so is an amount."""
    close = likeness(header, column)
    if seen.unique and seen.mostly is None and table.key == (column.id,):
        close += 0.4
    if column.type.kind is Kind.MONEY and MONEY.search(slug(header)):
        close += 0.4
    return round(close, 3)


def _is_of_its_sort(column: Column, seen: LookedColumn, like: float) -> bool:
    """Whether it is worth asking: texts take everything, so a number or a date is offered to those of a like name."""
    if seen.filled and seen.kinds[:1] in (("day",), ("time",)):
        return column.type.kind in (Kind.DAY, Kind.TIME)
    if not seen.filled or column.type.kind is not Kind.TEXT:
        return True
    letters = seen.kinds[:1] in (("text",), ("id",), ("boolean",))
    return letters or like >= CLOSE


def _distance(column: Column, seen: LookedColumn) -> int:
    kind = column.type.kind.value
    return seen.kinds.index(kind) if kind in seen.kinds else len(seen.kinds)


def ranked_tables(look: Look, name: str, tables: Iterable[Table]) -> tuple[tuple[Table, float, bool], ...]:
    """The tables a file can feed, likeliest first: how much of them its headers and its name say, and whether it is
    certain (the file is called so, and its whole key is there)."""
    found = []
    words = set(slug(name).split("_"))
    for table in tables:
        if table.rows_from or table.id == CALENDAR:
            continue
        named = [h for h in look.header if h and any(is_named(h, c) for c in table.columns)]
        ids = {slug(h) for h in named}
        keys = sum(k in ids for k in table.key)
        called = slug(name) in _names(table)
        certain = called and keys == len(table.key) and all(_fits_by_name(look, h, table) for h in named)
        score = 2.0 * keys + len(named) + (4 if called else 0)
        score += 1.5 * bool(words & {*_names(table), *_ALSO.get(table.id, ())})
        others = [_words(slug(h).replace("_", " ")) for h in look.header if h and h not in named]
        score += sum(any(w and w <= _words(c.id.replace("_", " ")) for c in table.columns) for w in others) / 4
        found.append((table, score, certain))
    return tuple(sorted(found, key=lambda f: (-f[1], f[0].id)))


def _fits_by_name(look: Look, header: str, table: Table) -> bool:
    seen = look.column(header)
    return seen is not None and all(fits(c, seen) or mostly_fits(c, seen) for c in table.columns if is_named(header, c))


def _names(table: Table) -> Iterator[str]:
    yield table.id
    yield slug(table.title)
    yield table.subject


_MEANS = {
    "company": "account",
    "customer": "account",
    "date": "at",
    "datetime": "at",
    "deal": "opportunity",
    "firm": "account",
    "organisation": "account",
    "organization": "account",
    "rep": "owner",
    "salesperson": "owner",
    "source": "origin",
    "sql": "sales qualified",
    "time": "at",
    "timestamp": "at",
}
"""How canonical columns word what headers often say: it brings a column forward, and decides nothing."""

_ALSO = {
    "accounts": ("company", "companies", "customers", "firmen", "organizations"),
    "activities": ("calls", "meetings", "engagements", "tasks"),
    "ad_days": ("ads", "adwords", "advertising"),
    "contacts": ("people", "persons", "kontakte"),
    "costs": ("spend", "budget", "expenses", "kosten", "cost"),
    "email_events": ("mail", "mails", "mailing", "email", "emails", "newsletter"),
    "exchange_rates": ("rates", "fx", "kurse"),
    "ledger": ("postings", "journal", "hauptbuch", "gl"),
    "opportunities": ("deals", "deal", "pipeline", "chancen"),
    "orders": ("invoices", "invoice", "rechnungen", "sales"),
    "quotes": ("offers", "proposals", "angebote"),
    "search_days": ("queries", "keywords", "seo"),
    "social_days": ("profiles", "followers"),
    "stage_entries": ("history", "stages"),
    "subscriptions": ("mrr", "arr", "billing", "recurring"),
    "surveys": ("nps", "csat", "responses", "feedback"),
    "touches": ("touchpoints", "journeys"),
    "web_sessions": ("sessions", "visits", "traffic", "analytics"),
}
"""What files of a table are often called: it puts the table among the first answers, and decides nothing."""
