"""Whom a row belongs to, by the first rule of identity.yml that leads to one, and which rule that was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from headwater.build.algebra import either, is_null, present
from headwater.build.channels import channel_given, rule_met, steps_to_channel
from headwater.model.expression import And, ColumnName, Constant, In, IsEmpty, Not, Predicate
from headwater.model.identity import COMPANIES, FORM_KINDS, NOTHING, PEOPLE, SEVERAL, UNMATCHED, IdentityRule
from headwater.model.lowering import day_of
from headwater.model.plan import Col, Lit, Op, Scalar
from headwater.model.table import ByChannel, ByIdentity, Column, Derivation, Key, Lookup, Pick, Ruled, Table
from headwater.model.types import ID, INTEGER, TEXT, TIME, Type

KEYS = {PEOPLE: "mail_key", COMPANIES: "domain_key"}
"""The columns by which people and companies are found."""

_DATES = {"leads": "created_at", "actions": "occurred_at"}


def expanded(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables with the hidden columns that lead to columns under rules."""
    return {name: _expanded(table, tables) for name, table in tables.items()}


def _expanded(table: Table, tables: Mapping[str, Table]) -> Table:
    hidden: dict[str, Column] = {}
    for column in table.columns:
        match column.derive:
            case ByChannel(gives="channel") as rules:
                hidden |= {c.id: c for c in steps_to_channel(column, rules, tables)}
            case ByIdentity(gives="id") as rules:
                hidden |= {c.id: c for c in _steps_to(table, rules, tables)}
            case _:
                pass
    return replace(table, columns=(*table.columns, *hidden.values())) if hidden else table


def ruled(table: Table, column: Column, mapped: frozenset[str]) -> Scalar:
    """The value of a column under rules, from the hidden columns of the row and what its source delivered."""
    rules = column.derive
    assert isinstance(rules, Ruled)
    if rules.gives == "rule" and not column.hidden:
        return Col(_rule(rules))
    delivered: Scalar = Col(rules.column) if rules.column in mapped else Lit(None, TEXT)
    steps = frozenset(steps_of(table, rules))
    if isinstance(rules, ByChannel):
        return (rule_met if rules.gives == "rule" else channel_given)(rules, steps, delivered)
    return (_rule_met if rules.gives == "rule" else _belongs)(table, rules, steps, delivered)


def inputs(table: Table, column: Column) -> set[str]:
    """The columns of the same row that a column under rules is made from."""
    rules = column.derive
    assert isinstance(rules, Ruled)
    if rules.gives == "rule" and not column.hidden:
        return {_rule(rules)}
    steps = set(steps_of(table, rules))
    if column.hidden:
        steps.discard(column.id)
    return steps | ({of for _, of in rules.links} | {rules.at} if isinstance(rules, ByIdentity) else set()) - {""}


def _rule(rules: Ruled) -> str:
    return f"_{rules.column}_rule"


def steps_of(table: Table, rules: Ruled) -> Iterator[str]:
    """The hidden columns of a table that a column under rules is made from."""
    start = f"_{rules.column}_"
    return (c.id for c in table.columns if c.hidden and c.id.startswith(start))


# --- the steps --------------------------------------------------------------------------------------------------------


def _steps_to(table: Table, rules: ByIdentity, tables: Mapping[str, Table]) -> Iterator[Column]:
    yield _step(rules, "rule", TEXT, replace(rules, gives="rule"))
    for by in dict.fromkeys(rule.by for rule in rules.rules):
        match by:
            case "mail" | "domain" if (mail := rules.link("mail")) and _has(tables, rules.table, KEYS[rules.table]):
                key = Key("mail", mail) if by == "mail" else Key("company", mail, rules.but)
                yield _step(rules, f"{by}_key", TEXT, key)
                by_key = ((KEYS[rules.table], f"_{rules.column}_{by}_key"),)
                identity = tables[rules.table].key[0]
                yield _step(rules, by, ID, Pick("first", rules.table, by_key, identity))
                yield _step(rules, f"{by}s", INTEGER, Pick("count", rules.table, by_key))
            case "contact" if (contact := rules.link("contact")) and _has(tables, PEOPLE, rules.column):
                yield _step(rules, "contact", ID, Lookup(PEOPLE, contact, rules.column))
            case "cookie" if rules.link("cookie"):
                rule = next(r for r in rules.rules if r.by == "cookie")
                for form in _forms(table, tables):
                    yield from _form_steps(rules, rule, form)
            case _:
                pass


def _step(rules: ByIdentity, name: str, type_: Type, derive: Derivation) -> Column:
    return Column(f"_{rules.column}_{name}", type_, derive=derive, hidden=True)


def _has(tables: Mapping[str, Table], table: str, column: str) -> bool:
    return table in tables and tables[table].column(column) is not None


def _forms(table: Table, tables: Mapping[str, Table]) -> list[str]:
    """The tables that tell whose a cookie is, for the rows of a table: another one each, so that none asks itself."""
    found = []
    for form, date in _DATES.items():
        needed = ("visitor_id", PEOPLE.removesuffix("s") + "_id", date)
        if form != table.id and form in tables and all(tables[form].column(c) for c in needed):
            found.append(form)
    return found


def _form_steps(rules: ByIdentity, rule: IdentityRule, form: str) -> Iterator[Column]:
    """Who sent a form with the cookie last before, and first after the row (or first or last of all), and when."""
    known: Predicate = Not(IsEmpty(ColumnName(rules.column)))
    if form == "actions":
        kinds = tuple(Constant(k) for k in FORM_KINDS)
        known = And((known, In(ColumnName("kind"), kinds), In(ColumnName("step"), (Constant("completed"),))))
    by = (("visitor_id", rules.link("cookie")),)
    pick = Pick("last", form, by, rules.column, _DATES[form], known)
    picks: tuple[tuple[str, Pick], ...]
    match rule.several:
        case "at_the_time":
            picks = (("before", replace(pick, until=rules.at)), ("after", replace(pick, which="first", after=rules.at)))
        case which:
            picks = (("any", replace(pick, which=which)),)
    for name, one in picks:
        yield _step(rules, f"cookie_{form}_{name}", ID, one)
        yield _step(rules, f"cookie_{form}_{name}_at", TIME, replace(one, column=one.order))


# --- the choice -------------------------------------------------------------------------------------------------------


def _rule_met(table: Table, rules: ByIdentity, there: frozenset[str], delivered: Scalar) -> Scalar:
    """The first rule that leads to somebody, else why none does."""
    args: list[Scalar] = []
    several: list[Scalar] = []
    named: list[Scalar] = []
    for rule in rules.rules:
        limited = Op("in", (Col("_source"), *(Lit(s) for s in rule.sources))) if rule.sources else None
        for condition, _ in _leads_to(table, rules, rule, there, delivered):
            args += [_both(condition, limited), Lit(rule.id)]
        count = f"_{rules.column}_{rule.by}s"
        if count in there:
            several.append(_both(Op("gt", (Col(count), Lit(1))), limited))
            named.append(_both(present(Col(f"_{rules.column}_{rule.by}_key")), limited))
        if rule.by in ("cookie", "contact") and rules.link(rule.by):
            named.append(_both(present(Col(rules.link(rule.by))), limited))
    if several:
        args += [either(*several), Lit(SEVERAL)]
    if named:
        args += [either(*named), Lit(UNMATCHED)]
    return Op("case", (*args, Lit(NOTHING))) if args else Lit(NOTHING)


def _belongs(table: Table, rules: ByIdentity, there: frozenset[str], delivered: Scalar) -> Scalar:
    """The id that the rule leads to which a row met."""
    args: list[Scalar] = []
    for rule in rules.rules:
        met = Op("eq", (Col(_rule(rules)), Lit(rule.id)))
        for condition, value in _leads_to(table, rules, rule, there, delivered):
            args += [Op("and", (met, condition)), value]
    return Op("case", (*args, Lit(None, ID))) if args else Lit(None, ID)


def _both(condition: Scalar, limited: Scalar | None) -> Scalar:
    return condition if limited is None else Op("and", (condition, limited))


def _leads_to(
    table: Table, rules: ByIdentity, rule: IdentityRule, there: frozenset[str], delivered: Scalar
) -> Iterator[tuple[Scalar, Scalar]]:
    """When a rule leads to somebody, and to whom."""
    start = f"_{rules.column}_"
    match rule.by:
        case "id":
            if not isinstance(delivered, Lit):
                yield present(delivered), delivered
        case "mail" | "domain":
            if start + rule.by in there:
                found = Col(start + rule.by)
                one = present(found)
                if rule.several == "leave":
                    one = Op("and", (one, Op("eq", (Col(f"{start}{rule.by}s"), Lit(1)))))
                yield one, found
        case "contact":
            if start + "contact" in there:
                yield present(Col(start + "contact")), Col(start + "contact")
        case _:
            yield from _by_cookie(table, rules, rule, there)


def _by_cookie(
    table: Table, rules: ByIdentity, rule: IdentityRule, there: frozenset[str]
) -> Iterator[tuple[Scalar, Scalar]]:
    for name, nearest_is in (("before", "last"), ("after", "first"), ("any", rule.several)):
        steps = [f"_{rules.column}_cookie_{form}_{name}" for form in _DATES]
        steps = [s for s in steps if s in there]
        if not steps:
            continue
        person, day = _nearest(steps, nearest_is)
        condition: Scalar = present(person)
        if name == "after" and rule.before_days is not None:
            ahead = Op("days_between", (Col(day_of(table, rules.at)), day))
            condition = Op("and", (condition, Op("coalesce", (Op("le", (ahead, Lit(rule.before_days))), Lit(False)))))
        yield condition, person


def _nearest(steps: Iterable[str], which: str) -> tuple[Scalar, Scalar]:
    """The person of the first or last of several forms, and the day it was sent."""
    first, *others = steps
    person, day, at = _of(first)
    for other in others:
        person2, day2, at2 = _of(other)
        sooner, later = (at2, at) if which == "first" else (at, at2)
        takes = Op("and", (present(person2), either(is_null(person), Op("lt", (sooner, later)))))
        person, day = Op("case", (takes, person2, person)), Op("case", (takes, day2, day))
        at = Op("case", (takes, at2, at))
    return person, day


def _of(step: str) -> tuple[Scalar, Scalar, Scalar]:
    day = Col(f"{step}_at__day")
    return Col(step), day, Op("coalesce", (Col(f"{step}_at"), Op("as_instant", (day,))))
