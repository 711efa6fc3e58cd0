"""identity.yml and channels.yml to rules, and the tables with these rules in the columns that they decide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from headwater.errors import Fault, nearest
from headwater.files.read import Definition, Document, KeyPath, load, read, validate
from headwater.metrics.entries import ID, ID_RULE, definition_files, unknown
from headwater.model.channels import FACTS, UNASSIGNED, Asked, ChannelRule, Told
from headwater.model.identity import COMPANIES, PEOPLE, SEVERAL_OF, IdentityRule
from headwater.model.table import ByChannel, ByIdentity, Column, Derivation, Key, Table

CHANNELS, IDENTITY, FREE_MAIL = "channels.yml", "identity.yml", "references/free_mail.yml"
FILES = (CHANNELS, IDENTITY)
"""The files of a workspace that take the place of the shipped ones."""

SHIPPED_FILES = (CHANNELS, IDENTITY, FREE_MAIL)


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class FactShape(Definition):
    """What a fact is held against: it passes any of these."""

    is_: Texts = Field(default=(), alias="is")
    contains: Texts = ()
    begins: Texts = ()
    ends: Texts = ()
    site: Texts = ()
    in_: Texts = Field(default=(), alias="in")
    given: bool | None = None


def _alternatives(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


When = Annotated[tuple[dict[str, FactShape], ...], BeforeValidator(_alternatives)]


class ChannelRuleShape(Definition):
    """One rule of channels.yml, or the place of the shipped ones."""

    id: str = ""
    channel: str = ""
    take: Literal["", "delivered", "campaign"] = ""
    when: When = ()
    sources: Texts = ()
    use: Literal["", "shipped"] = ""


class ChannelsShape(Definition):
    """channels.yml."""

    about: str = ""
    reference: str = ""
    lists: dict[str, Texts] = Field(default_factory=dict)
    rules: tuple[ChannelRuleShape, ...] = Field(min_length=1)


class PersonRuleShape(Definition):
    """One rule of `contacts` in identity.yml."""

    id: str
    by: Literal["id", "mail", "cookie"]
    sources: Texts = ()
    several: str = ""
    before: str = ""
    prefer: Texts = ()


class CompanyRuleShape(Definition):
    """One rule of `accounts` in identity.yml."""

    id: str
    by: Literal["id", "contact", "domain"]
    sources: Texts = ()
    several: str = ""


class FreeMailShape(Definition):
    """Domains that tell no company, beside the shipped ones; and shipped ones that do."""

    add: Texts = ()
    but: Texts = ()


class IdentityShape(Definition):
    """identity.yml."""

    about: str = ""
    contacts: tuple[PersonRuleShape, ...] | None = None
    accounts: tuple[CompanyRuleShape, ...] | None = None
    free_mail: FreeMailShape = FreeMailShape()


class FreeMailList(Definition):
    """references/free_mail.yml."""

    about: str
    reference: str
    domains: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Rulings:
    """The rules that count in a workspace: of people, of companies and of channels, and the domains of no company."""

    contacts: tuple[IdentityRule, ...] = ()
    accounts: tuple[IdentityRule, ...] = ()
    free_mail: tuple[str, ...] = ()
    channels: tuple[ChannelRule, ...] = ()


AS_DELIVERED = Rulings(
    contacts=(IdentityRule("id", "id"),),
    accounts=(IdentityRule("id", "id"), IdentityRule("contact", "contact")),
    channels=(ChannelRule("delivered", take="delivered"), ChannelRule("campaign", take="campaign")),
)
"""What counts beside a catalogue without rules: what sources say themselves."""


def load_rulings(shipped: Path, workspace: Path | None) -> tuple[Rulings, list[Fault]]:
    """The shipped rules with a workspace's own in their place, and every fault of every file."""
    faults: list[Fault] = []
    sources = _sources(workspace)
    people, companies, mail = _identity(shipped / IDENTITY, f"catalogue/{IDENTITY}", None, faults)
    free: tuple[str, ...] = ()
    if (shipped / FREE_MAIL).exists():
        listed, more = load(shipped / FREE_MAIL, FreeMailList, f"catalogue/{FREE_MAIL}")
        faults += more
        free = tuple(d for line in listed.domains for d in line) if listed is not None else ()
    channels = _channels(shipped / CHANNELS, f"catalogue/{CHANNELS}", None, None, faults)
    rulings = Rulings(people or (), companies or (), _free(free, mail), channels[0])
    if workspace is None:
        return rulings, faults
    if (workspace / IDENTITY).exists():
        people, companies, mail = _identity(workspace / IDENTITY, IDENTITY, sources, faults, free)
        rulings = replace(
            rulings,
            contacts=rulings.contacts if people is None else people,
            accounts=rulings.accounts if companies is None else companies,
            free_mail=_free(rulings.free_mail, mail),
        )
    if (workspace / CHANNELS).exists():
        own = _channels(workspace / CHANNELS, CHANNELS, sources, channels, faults)
        rulings = replace(rulings, channels=own[0])
    return rulings, faults


def with_rulings(tables: Mapping[str, Table | None], rulings: Rulings) -> dict[str, Table | None]:
    """The tables, with the rules in every column that they decide."""
    return {name: None if table is None else _ruled(table, rulings) for name, table in tables.items()}


def _ruled(table: Table, rulings: Rulings) -> Table:
    columns = tuple(_ruled_column(c, rulings) for c in table.columns)
    joining = table.joining
    if joining is not None:
        by_mail = next((r for r in rulings.contacts if r.by == "mail"), None)
        joining = replace(joining, rule=by_mail)
    return (
        replace(table, columns=columns, joining=joining)
        if (columns, joining) != (table.columns, table.joining)
        else table
    )


def _ruled_column(column: Column, rulings: Rulings) -> Column:
    derive: Derivation
    match column.derive:
        case (ByChannel() | ByIdentity()) as by if by.gives == "rule":
            return column  # it says what came of the rules of the column it speaks of
        case ByChannel() as by:
            derive = replace(by, rules=rulings.channels)
        case ByIdentity() as by:
            derive = replace(by, rules=_applying(by, rulings))
            if any(r.by == "domain" for r in derive.rules):
                derive = replace(derive, but=rulings.free_mail)
        case Key("company") as key:
            derive = replace(key, but=rulings.free_mail)
        case _:
            return column
    return replace(column, derive=derive)


def _applying(by: ByIdentity, rulings: Rulings) -> tuple[IdentityRule, ...]:
    """The rules for which a table has what they go by."""
    needs = {"id": "", "domain": "mail"}
    rules = rulings.contacts if by.table == PEOPLE else rulings.accounts
    return tuple(r for r in rules if not (link := needs.get(r.by, r.by)) or by.link(link))


def _sources(workspace: Path | None) -> frozenset[str]:
    return frozenset() if workspace is None else frozenset(p.stem for p in definition_files(workspace / "sources"))


def _source_faults(
    document: Document, key: KeyPath, given: Iterable[str], sources: frozenset[str] | None
) -> Iterator[Fault]:
    for i, name in enumerate(given):
        if sources is not None and name not in sources:
            what, do = unknown("source", name, sources)
            listed = isinstance(document.at(key), list)
            yield document.fault((*key, i) if listed else key, what, do)


# --- identity --------------------------------------------------------------------------------------------------------
_Rules = tuple[IdentityRule, ...] | None


def _identity(
    path: Path, name: str, sources: frozenset[str] | None, faults: list[Fault], known: tuple[str, ...] = ()
) -> tuple[_Rules, _Rules, FreeMailShape]:
    """The rules of people and of companies (None: the file says nothing of them), and what it says of free mail."""
    if not path.exists():
        return AS_DELIVERED.contacts, AS_DELIVERED.accounts, FreeMailShape()
    document, found = read(path, name)
    faults += found
    if document is None:
        return (), (), FreeMailShape()
    shape, found = validate(document, IdentityShape)
    faults += found
    if shape is None:
        return (), (), FreeMailShape()
    for i, domain in enumerate(shape.free_mail.but if sources is not None else ()):
        if domain.lower() not in known:
            what = f"{domain!r} is not among the domains that tell no company"
            faults.append(document.fault(("free_mail", "but", i), what, nearest(domain, known)))
    for where in ("add", "but"):
        for i, domain in enumerate(getattr(shape.free_mail, where)):
            if not re.fullmatch(r"[^\s@/]+\.[^\s@/.]+", domain):
                what = f"{domain!r} is no domain"
                faults.append(document.fault(("free_mail", where, i), what, "Write it like example.org."))
    rules = [
        None if given is None else _identity_rules(document, place, given, sources, faults)
        for place, given in ((PEOPLE, shape.contacts), (COMPANIES, shape.accounts))
    ]
    return rules[0], rules[1], shape.free_mail


def _identity_rules(
    document: Document,
    place: str,
    given: Sequence[PersonRuleShape | CompanyRuleShape],
    sources: frozenset[str] | None,
    faults: list[Fault],
) -> tuple[IdentityRule, ...]:
    rules: list[IdentityRule] = []
    for i, shape in enumerate(given):
        key: KeyPath = (place, i)
        _named(document, key, shape.id, [r.id for r in rules], faults)
        if shape.by in [r.by for r in rules]:
            what = f"another rule of {place!r} goes by {shape.by!r} already"
            faults.append(document.fault((*key, "by"), what, "Keep one of them; it may name several sources."))
        options = SEVERAL_OF[shape.by]
        if shape.several and shape.several not in options:
            what = f"{shape.several!r} is not possible here"
            do = nearest(shape.several, options) or (f"Write {' or '.join(options)}." if options else "Leave it out.")
            faults.append(document.fault((*key, "several"), what, do))
        faults += _source_faults(document, (*key, "sources"), shape.sources, sources)
        before: int | None = None
        prefer: tuple[str, ...] = ()
        if isinstance(shape, PersonRuleShape):
            prefer = shape.prefer
            faults += _source_faults(document, (*key, "prefer"), prefer, sources)
            before = _before(document, key, shape, faults)
            if prefer and shape.by != "mail":
                faults.append(
                    document.fault((*key, "prefer"), "only contacts found by mail are joined", "Leave it out.")
                )
        several = shape.several or (options[0] if options else "")
        rules.append(IdentityRule(shape.id, shape.by, tuple(sorted(shape.sources)), several, before, prefer))
    return tuple(rules)


def _before(document: Document, key: KeyPath, shape: PersonRuleShape, faults: list[Fault]) -> int | None:
    if not shape.before or shape.before == "ever":
        return None
    found = re.fullmatch(r"([0-9]{1,4}) days?", shape.before)
    if shape.by != "cookie":
        faults.append(
            document.fault((*key, "before"), "only cookies are known before a form was sent", "Leave it out.")
        )
    elif found is None:
        faults.append(
            document.fault((*key, "before"), f"{shape.before!r} is no number of days", "Write '90 days' or ever.")
        )
    return int(found.group(1)) if found is not None else None


def _named(document: Document, key: KeyPath, name: str, taken: Sequence[str], faults: list[Fault]) -> None:
    if not ID.fullmatch(name):
        faults.append(document.fault((*key, "id"), f"{name!r} is not an id", ID_RULE))
    elif name in taken:
        faults.append(document.fault((*key, "id"), f"another rule is called {name!r} already", "Call it otherwise."))


def _free(known: Iterable[str], own: FreeMailShape) -> tuple[str, ...]:
    gone = {d.lower() for d in own.but}
    return tuple(sorted(({*known} | {d.lower() for d in own.add}) - gone))


# --- channels --------------------------------------------------------------------------------------------------------
_Channels = tuple[tuple[ChannelRule, ...], Mapping[str, tuple[str, ...]]]


def _channels(
    path: Path, name: str, sources: frozenset[str] | None, shipped: _Channels | None, faults: list[Fault]
) -> _Channels:
    """The rules of one file and its lists; `shipped` are those that 'use: shipped' and 'in' may name."""
    if not path.exists():
        return AS_DELIVERED.channels, {}
    document, found = read(path, name)
    faults += found
    if document is None:
        return (), {}
    shape, found = validate(document, ChannelsShape)
    faults += found
    if shape is None:
        return (), {}
    lists = dict(shipped[1]) if shipped is not None else {}
    lists |= shape.lists
    rules: list[ChannelRule] = []
    for i, one in enumerate(shape.rules):
        key: KeyPath = ("rules", i)
        if one.use:
            if shipped is None or one.model_fields_set != {"use"}:
                what = "'use: shipped' stands alone, in a workspace's file"
                faults.append(document.fault((*key, "use"), what))
            rules += shipped[0] if shipped is not None else ()
            continue
        _named(document, key, one.id, [r.id for r in rules], faults)
        faults += _rule_faults(document, key, one)
        faults += _source_faults(document, (*key, "sources"), one.sources, sources)
        when = tuple(_all_told(document, (*key, "when"), n, w, lists, faults) for n, w in enumerate(one.when))
        rules.append(ChannelRule(one.id, one.channel, one.take, when, tuple(sorted(one.sources))))
    return tuple(rules), lists


def _rule_faults(document: Document, key: KeyPath, rule: ChannelRuleShape) -> Iterator[Fault]:
    if bool(rule.channel) == bool(rule.take):
        do = "Write 'channel' with 'when', or 'take' alone."
        yield document.fault(key, "a rule gives a channel, or takes one that is known", do)
    elif rule.take and rule.when:
        yield document.fault((*key, "when"), "a channel that is taken is taken wherever it is known", "Leave it out.")
    elif rule.channel and not rule.when:
        yield document.fault(key, "the rule does not say when", "Add 'when' with what it asks of a row.")
    if rule.channel == UNASSIGNED:
        yield document.fault((*key, "channel"), f"{UNASSIGNED!r} is what no rule knows", "Leave the rule out.")


def _all_told(
    document: Document,
    key: KeyPath,
    number: int,
    when: Mapping[str, FactShape],
    lists: Mapping[str, tuple[str, ...]],
    faults: list[Fault],
) -> tuple[Told, ...]:
    here: KeyPath = (*key, number) if isinstance(document.at(key), list) else key
    facts = [name for name, _ in FACTS]
    if not when:
        faults.append(document.fault(here, "nothing is asked of a row", f"Ask for {', '.join(facts)}."))
    told = []
    for fact, tests in when.items():
        if fact not in facts:
            what, do = unknown("fact", fact, facts)
            faults.append(document.fault((*here, fact), what, do or f"Rules ask for {', '.join(facts)}."))
        asked = [Asked(fact, how, given) for how in ("contains", "begins", "ends") if (given := getattr(tests, how))]
        asked += [Asked(fact, "is", tests.is_)] if tests.is_ else []
        sites = list(tests.site)
        for i, name in enumerate(tests.in_):
            if name not in lists:
                what, do = unknown("list", name, lists)
                place = (
                    (*here, fact, "in", i)
                    if isinstance(document.at((*here, fact, "in")), list)
                    else (*here, fact, "in")
                )
                faults.append(document.fault(place, what, do))
            sites += lists.get(name, ())
        asked += [Asked(fact, "site", tuple(sites))] if sites else []
        asked += [Asked(fact, "given", (str(tests.given).lower(),))] if tests.given is not None else []
        if not asked and not tests.in_:
            do = "Write what it is like: is, contains, begins, ends, site, in, given."
            faults.append(document.fault((*here, fact), f"nothing is asked of {fact!r}", do))
        told.append(Told(fact, tuple(asked)))
    return tuple(told)
