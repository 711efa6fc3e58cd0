"""The channel of a row, by the first rule of channels.yml that knows it, and which rule that was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from headwater.build.algebra import either, is_null, present
from headwater.model.channels import NOTHING, UNASSIGNED, Asked, ChannelRule, Told
from headwater.model.lowering import both
from headwater.model.plan import Col, Lit, Op, Scalar
from headwater.model.table import ByChannel, Column, Key, Lookup, Table
from headwater.model.types import TEXT


def steps_to_channel(column: Column, rules: ByChannel, tables: Mapping[str, Table]) -> Iterable[Column]:
    """The hidden columns that a channel is told by: its facts as texts to compare, and the campaign's channel."""
    asked = {(a.fact, _form(a)) for rule in rules.rules for when in rule.when for told in when for a in told.any_of}
    for fact, of in rules.facts:
        for form in ("text", "host"):
            if (fact, form) in asked or form == "text":
                yield Column(_name(column.id, fact, form), TEXT, derive=Key(form, of), hidden=True)
    yield Column(f"_{column.id}_rule", TEXT, derive=replace(rules, gives="rule"), hidden=True)
    if rules.campaign and "campaigns" in tables and any(r.take == "campaign" for r in rules.rules):
        lookup = Lookup("campaigns", rules.campaign, "channel")
        yield Column(f"_{column.id}_campaign", TEXT, derive=lookup, hidden=True)


def rule_met(rules: ByChannel, steps: Iterable[str], delivered: Scalar) -> Scalar:
    """The rule that gives a row its channel. `steps` are the hidden columns that the row has; `delivered` is what its
    source says."""
    there = frozenset(steps)
    args: list[Scalar] = []
    for rule in rules.rules:
        condition = _met(rules, rule, there, delivered)
        if condition is not None:
            args += [condition, Lit(rule.id)]
    named = [Col(name) for fact, _ in rules.facts if (name := _name(rules.column, fact, "text")) in there]
    if named:
        args += [either(*(present(n) for n in named)), Lit(UNASSIGNED)]
    return Op("case", (*args, Lit(NOTHING))) if args else Lit(NOTHING)


def channel_given(rules: ByChannel, steps: Iterable[str], delivered: Scalar) -> Scalar:
    """The channel that the rule gives which a row met."""
    there = frozenset(steps)
    met = Col(f"_{rules.column}_rule")
    given: dict[str, list[str]] = {UNASSIGNED: [UNASSIGNED]}
    args: list[Scalar] = []
    for rule in rules.rules:
        if rule.take == "delivered":
            args += [Op("eq", (met, Lit(rule.id))), delivered]
        elif rule.take == "campaign":
            if _of_campaign(rules) in there:
                args += [Op("eq", (met, Lit(rule.id))), Col(_of_campaign(rules))]
        else:
            given.setdefault(rule.channel, []).append(rule.id)
    for channel, names in given.items():
        args += [Op("in", (met, *(Lit(name) for name in names))), Lit(channel)]
    return Op("case", (*args, Lit(None, TEXT)))


def _of_campaign(rules: ByChannel) -> str:
    return f"_{rules.column}_campaign"


def _met(rules: ByChannel, rule: ChannelRule, there: frozenset[str], delivered: Scalar) -> Scalar | None:
    """When a rule applies, None where it never can."""
    limited = Op("in", (Col("_source"), *(Lit(s) for s in rule.sources))) if rule.sources else None
    match rule.take:
        case "delivered":
            return None if isinstance(delivered, Lit) else both(present(delivered), limited)
        case "campaign":
            return both(present(Col(_of_campaign(rules))), limited) if _of_campaign(rules) in there else None
        case _:
            alternatives = [found for when in rule.when if (found := _all(rules, when, there)) is not None]
            return both(either(*alternatives), limited) if alternatives else None


def _all(rules: ByChannel, when: Iterable[Told], there: frozenset[str]) -> Scalar | None:
    """All the facts are so; None where the table lacks one of them. A fact that is to be missing may lack."""
    conditions: list[Scalar] = []
    for told in when:
        tests: list[Scalar] = []
        for asked in told.any_of:
            name = _name(rules.column, asked.fact, _form(asked))
            if name in there:
                tests += _tests(asked, Col(name))
            elif asked.how == "given" and asked.texts == ("false",):
                tests.append(Lit(True))
        if not tests:
            return None
        conditions.append(either(*tests))
    return both(*conditions)


def _tests(asked: Asked, value: Scalar) -> Iterable[Scalar]:
    texts = [Lit(text.lower()) for text in asked.texts]
    match asked.how:
        case "is":
            yield Op("coalesce", (Op("in", (value, *texts)), Lit(False)))
        case "given":
            yield from (present(value) if text.value == "true" else is_null(value) for text in texts)
        case "site":
            yield Op("coalesce", (Op("labelled", (value, *texts)), Lit(False)))
        case how:
            yield from (Op("coalesce", (Op(how, (value, text)), Lit(False))) for text in texts)


def _form(asked: Asked) -> str:
    return "host" if asked.how == "site" else "text"


def _name(column: str, fact: str, form: str) -> str:
    return f"_{column}_{fact}_{form}"
