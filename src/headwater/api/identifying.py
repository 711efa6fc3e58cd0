"""How far the rules of identity and channels led: match rates and what was not matched, by table and source."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.api.checked import Result
from headwater.api.measuring import Bench
from headwater.metrics.render import render
from headwater.model.channels import UNASSIGNED
from headwater.model.expression import And, ColumnName, Constant, In, IsEmpty, Not
from headwater.model.identity import FORM_KINDS, NOTHING, PEOPLE, SEVERAL, UNMATCHED
from headwater.model.lowering import lower_predicate
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Order, Project, Relation, Scan, Sort, Union
from headwater.model.table import FORMS, ByChannel, ByIdentity, Column, Table
from headwater.model.types import Kind

MATCH_RATE, UNASSIGNED_ROWS, SHARED_COOKIES, SHARED_MAILS, JOINED = (
    "match rate", "unassigned channels", "cookies of two", "addresses of two", "joined by rule",
)  # fmt: skip
IDENTITY = (MATCH_RATE, UNASSIGNED_ROWS, SHARED_COOKIES, SHARED_MAILS, JOINED)
"""What is checked of the rules of identity and channels."""

LISTED = 5
"""So many of the rows that no rule led anywhere are named."""


def rules_met(at: Bench) -> Iterator[Result]:
    """By table, column under rules and source: how many rows each rule led somewhere, and how many none."""
    for stored in at.reader.generation.tables:
        table = at.catalogue.tables.get(stored.table)
        if table is None or not stored.rows:
            continue
        for column in table.columns:
            if isinstance(column.derive, ByChannel | ByIdentity) and column.derive.gives == "rule":
                yield from _met(at, table, column)
    yield from _shared_cookies(at)
    yield from _shared_mails(at)


def _met(at: Bench, table: Table, rule: Column) -> Iterator[Result]:
    derive = rule.derive
    assert isinstance(derive, ByChannel | ByIdentity)
    by = (Named("source", Col("_source")), Named("rule", Col(rule.id)))
    grouped = Group(Scan(table.id), by, (NamedAgg("n", Agg("count_rows")),))
    by_source: dict[str, dict[str, tuple[int, str]]] = {}
    for source, name, count in at.reader.rows(render(grouped)):
        shown = _such_as(at, table, rule, source, name) if name in (UNASSIGNED, SEVERAL, UNMATCHED) else ""
        by_source.setdefault(str(source), {})[str(name)] = (int(count), shown)
    for source, found in sorted(by_source.items()):
        subject = f"{source}: {table.id}.{derive.column}"
        if isinstance(derive, ByChannel):
            yield _channels(subject, found)
        else:
            yield _matches(subject, found)


def _such_as(at: Bench, table: Table, rule: Column, source: object, name: object) -> str:
    """The first rows of a source that a rule led nowhere, where their keys may be shown."""
    key = table.column(table.key[0])
    if key is None or not _may_be_shown(key):
        return ""
    these = Op("and", (Op("eq", (Col("_source"), Lit(str(source)))), Op("eq", (Col(rule.id), Lit(str(name))))))
    named = Group(Project(Scan(table.id), (Named("k", Col(key.id)),), these), (Named("k", Col("k")),), ())
    keys = [str(k) for (k,) in at.reader.rows(render(Sort(named, (Order(Col("k")),), LISTED + 1)))]
    return f" (such as {', '.join(keys[:LISTED])}{', ...' if len(keys) > LISTED else ''})"


def _may_be_shown(key: Column) -> bool:
    return not key.personal and key.type.kind in (Kind.ID, Kind.TEXT)


def _channels(subject: str, found: dict[str, tuple[int, str]]) -> Result:
    rows = sum(n for n, _ in found.values())
    count, such_as = found.get(UNASSIGNED, (0, ""))
    nothing = found.get(NOTHING, (0, ""))[0]
    told = f"{count:,} of {rows:,} rows are {UNASSIGNED}{such_as}"
    if nothing:
        told += f"; {nothing:,} say nothing of where they came from"
    return Result(UNASSIGNED_ROWS, "warning" if count else "ok", subject, told)


def _matches(subject: str, found: dict[str, tuple[int, str]]) -> Result:
    """The share of the rows that name something which led to one, by rule, and those that did not."""
    nothing = found.get(NOTHING, (0, ""))[0]
    named = sum(n for n, _ in found.values()) - nothing
    failed = {name: found[name] for name in (SEVERAL, UNMATCHED) if name in found}
    led = {name: n for name, (n, _) in found.items() if name not in (NOTHING, SEVERAL, UNMATCHED)}
    if not named:
        return Result(MATCH_RATE, "ok", subject, f"{nothing:,} rows name nothing to go by")
    told = f"{sum(led.values()) / named:.1%} of {named:,} rows that name something"
    if led:
        told += ": " + ", ".join(f"{name} {n:,}" for name, n in sorted(led.items(), key=lambda one: (-one[1], one[0])))
    told += "".join(f"; {name} {n:,}{such_as}" for name, (n, such_as) in failed.items())
    told += f"; {nothing:,} name nothing" if nothing else ""
    return Result(MATCH_RATE, "warning" if SEVERAL in failed else "ok", subject, told)


def _shared_cookies(at: Bench) -> Iterator[Result]:
    """Cookies with which several persons sent forms."""
    forms: list[Relation] = []
    for name in FORMS:
        table, stored = at.catalogue.tables.get(name), at.reader.generation.table(name)
        if table is None or stored is None or not stored.rows:
            continue
        if all(table.column(c) is not None for c in ("visitor_id", "contact_id")):
            known = Not(IsEmpty(ColumnName("contact_id")))
            kinds = In(ColumnName("kind"), tuple(Constant(k) for k in FORM_KINDS))
            done = In(ColumnName("step"), (Constant("completed"),))
            sent = And((known, kinds, done)) if name == "actions" else known
            columns = tuple(Named(c, Col(c)) for c in ("visitor_id", "contact_id"))
            forms.append(Project(Scan(name), columns, lower_predicate(table, sent)))
    if not forms:
        return
    by_cookie = Group(
        Union(tuple(forms)) if len(forms) > 1 else forms[0],
        (Named("visitor_id", Col("visitor_id")),),
        (NamedAgg("n", Agg("count_distinct", Col("contact_id"), Op("not", (Op("is_null", (Col("visitor_id"),)),)))),),
        Op("gt", (Col("n"), Lit(0))),
    )
    several = Agg("count_rows", where=Op("gt", (Col("n"), Lit(1))))
    totals = (NamedAgg("several", several), NamedAgg("cookies", Agg("count_rows")))
    ((count, cookies),) = at.reader.rows(render(Group(by_cookie, (), totals)))
    if cookies:
        told = f"{int(count):,} of {int(cookies):,} cookies of forms were used by several persons"
        yield Result(SHARED_COOKIES, "warning" if count else "ok", PEOPLE, told)


def _shared_mails(at: Bench) -> Iterator[Result]:
    """Texts by which rows could be one, which several rows of a table have still."""
    for stored in at.reader.generation.tables:
        table = at.catalogue.tables.get(stored.table)
        if table is None or table.joining is None or table.joining.rule is None or not stored.rows:
            continue
        present = Op("not", (Op("is_null", (Col(table.joining.by),)),))
        given = Project(Scan(table.id), (Named("text", Col(table.joining.by)),), present)
        counted = Group(given, (Named("text", Col("text")),), (NamedAgg("n", Agg("count_rows")),))
        shared = Group(
            counted,
            (),
            (
                NamedAgg("several", Agg("count_rows", where=Op("gt", (Col("n"), Lit(1))))),
                NamedAgg("rows", Agg("sum", Col("n"), Op("gt", (Col("n"), Lit(1))))),
            ),
        )
        ((count, rows),) = at.reader.rows(render(shared))
        told = f"{int(count):,} mail addresses stand on {int(rows or 0):,} rows that are not one"
        yield Result(SHARED_MAILS, "warning" if count else "ok", table.id, told)
