"""Criteria as small tables: when each profile rule held, what was done, who of a company, how leads ended.

Moments are whole seconds since 1970, UTC; what is known to the day alone counts from the day's last second, or as an
outcome from its first, so that nothing counts before it can have been known. Days are whole days since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from headwater.metrics.criteria import LINKS, event_of, profile_table, stays
from headwater.metrics.linking import credits_of
from headwater.metrics.planned import Plan
from headwater.metrics.scans import base, lower_filter, segment_keys
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import ACCOUNT, CONTACT, OWN, ActionRule, Criteria, CriteriaVersion, ProfileRule, Reached
from headwater.model.lowering import both, columns_in, day_of, lower_predicate, physical
from headwater.model.measure import At, Measure
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
    Union,
)
from headwater.model.table import VERSIONS_SUFFIX, Lookup, Table
from headwater.model.types import DAY_SUFFIX, Kind, Unit

FIRST, NEVER = -(2**60), 2**60
"""Moments: from the beginning, and not at all."""

EPOCH = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _NEVER = (Op("as_integer", (Lit(bound),)) for bound in (FIRST, NEVER))
_LAST_SECOND = 86399
_FROM, _TO = "_valid_from", "_valid_to"


# --- subjects and how they ended -------------------------------------------------------------------------------------
def entered(catalogue: Catalogue) -> Measure:
    """The leads that came in a period."""
    table = catalogue.tables[OWN]
    return Measure("leads", table.title, OWN, "count", At("created_at"), Unit.of(**{table.subject: 1}))


def subjects(planned: Plan, criteria: Criteria) -> Relation:
    """Each lead that meets a plan's filter and came by the day asked: `lead_id`, `entered` (second), `entered_day`,
    `stage`, `stage_day` (when the CRM says that it met the stage; empty where not by then), the segment `s0` .."""
    question, context = planned.question, planned.context
    table = context.catalogue.tables[OWN]
    names = frozenset(question.by) | columns_in(planned.condition) | {criteria.stage_at}
    source, _ = base((entered(context.catalogue),), table, names, context.catalogue, ("lead_id",))
    met = _until(table, criteria.stage_at, question.as_of)
    return Project(
        source,
        (
            Named("lead_id", Col("lead_id")),
            Named("entered", _moment(table, "created_at")),
            Named("entered_day", _day(Col(day_of(table, "created_at")))),
            Named("stage", Op("case", (met, _moment(table, criteria.stage_at), _NEVER))),
            Named("stage_day", Op("case", (met, _day(Col(day_of(table, criteria.stage_at))), Lit(0)))),
            *segment_keys(question, False, table),
        ),
        both(lower_filter(table, planned.condition), _until(table, "created_at", question.as_of)),
    )


def outcomes(criteria: Criteria, as_of: date, catalogue: Catalogue) -> Relation:
    """Each lead that deals credit by the criteria's link: `lead_id`, `opened` (second of its first opportunity), `won`
    (of its first win), `won_day`; NEVER and none where there is none by the day asked."""
    deals = catalogue.tables["opportunities"]
    won = both(
        Op("eq", (Col("status", "left"), Lit("won"))),
        _until(deals, "closed_at", as_of, "left"),
    )
    opened = _until(deals, "created_at", as_of, "left")
    on = Op("eq", (Col("opportunity_id", "left"), Col("opportunity_id", "right")))
    rows = Project(
        Join(Scan(deals.id), credits_of(criteria.link, catalogue, told=False), "inner", on),
        (
            Named("lead_id", Col("lead_id", "right")),
            Named("_opened", Op("case", (opened, _moment(deals, "created_at", "left", late=False), _NEVER))),
            Named("_won", Op("case", (won or Lit(False), _moment(deals, "closed_at", "left", late=False), _NEVER))),
            Named(
                "_won_day", Op("case", (won or Lit(False), _day(Col(day_of(deals, "closed_at"), "left")), Lit(None)))
            ),
        ),
    )
    return Group(
        rows,
        (Named("lead_id", Col("lead_id")),),
        (
            NamedAgg("opened", Agg("min", Col("_opened"))),
            NamedAgg("won", Agg("min", Col("_won"))),
            NamedAgg("won_day", Agg("min", Col("_won_day"))),
        ),
    )


# --- profiles --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Together:
    """Profile rules that are read from the same versions of the same tables: their numbers in a criteria version, and
    for each table read whether its rows are taken as they are now (`settled`) or from the versions kept."""

    rules: tuple[int, ...]
    own: bool
    linked: tuple[tuple[str, bool], ...]
    settled_links: bool

    @property
    def always_known(self) -> bool:
        """Whether nothing of it is known from a later day only."""
        return self.own and all(settled for _, settled in self.linked) and (self.settled_links or not self.linked)


def together(version: CriteriaVersion, catalogue: Catalogue) -> tuple[Together, ...]:
    """The profile rules of a version, by what they are read from."""
    found: dict[tuple[bool, tuple[tuple[str, bool], ...], bool], list[int]] = {}
    for i, rule in enumerate(version.rules):
        linked = tuple(
            (name, rule.settled or _all_stay(rule, name, catalogue))
            for name in LINKS
            if any(r.table == name for r in rule.reads)
        )
        key = (rule.settled or _all_stay(rule, OWN, catalogue), linked, rule.settled or version.links_settled)
        found.setdefault(key, []).append(i)
    return tuple(Together(tuple(rules), *key) for key, rules in found.items())


def _all_stay(rule: ProfileRule, table: str, catalogue: Catalogue) -> bool:
    return all(stays(catalogue.tables[table], r.column) for r in rule.reads if r.table == table)


def held(version: CriteriaVersion, group: Together, as_of: date, catalogue: Catalogue) -> Relation:
    """When the rules read together held of each lead: `lead_id`, `start`, `start_day`, `end`, `end_day` (FIRST and
    NEVER, with day 0, for no bound), and `r0` .. in the order of the group, true where that rule held. Rows in which
    none did are left out where all that the rules read is always known; else the first row of a lead is that from which
    on it is known, and a lead of whom it never is has none."""
    rules = [version.rules[i] for i in group.rules]
    reads = tuple(dict.fromkeys(r for rule in rules for r in rule.reads))
    view = profile_table(reads, catalogue)
    joined = _joined(group, reads, as_of, catalogue)
    holds = [Op("coalesce", (lower_predicate(view, rule.where), Lit(False))) for rule in rules]
    flags = tuple(Named(f"r{i}", value) for i, value in enumerate(holds))
    moments = tuple(Named(n, Col(n)) for n in ("lead_id", "start", "start_day", "end", "end_day"))
    return Project(joined, (*moments, *flags), _any(holds) if group.always_known else None)


def _joined(group: Together, reads: tuple[Reached, ...], as_of: date, catalogue: Catalogue) -> Relation:
    """Each lead with the columns read, by stretches of time in which all of them were known: `lead_id`, the columns by
    the names they have in rules, `start`, `start_day`, `end`, `end_day`."""
    leads = catalogue.tables[OWN]
    own = tuple(r for r in reads if r.table == OWN)
    links = tuple(LINKS[name] for name, _ in group.linked)
    versioned_own = not group.own or (bool(links) and not group.settled_links)
    now = tuple(dict.fromkeys(("lead_id", *(links if group.settled_links else ()))))
    names = tuple(dict.fromkeys(n for r in own for n in physical(leads, frozenset({r.column}))))
    relation: Relation
    if not versioned_own:
        relation = Project(Scan(OWN), (*_as_they_are(dict.fromkeys((*now, *names, *links))), *_always()))
    else:
        then = tuple(dict.fromkeys(("lead_id", *names, *(() if group.settled_links else links))))
        relation = _versions(leads, then, as_of)
        if group.settled_links and links:
            side = Project(Scan(OWN), tuple(Named(f"_now_{n}", Col(n)) for n in now))
            on = Op("eq", (Col("lead_id", "left"), Col("_now_lead_id", "right")))
            kept = (*then, "start", "start_day", "end", "end_day")
            columns = (
                *(Named(n, Col(n, "left")) for n in kept if n not in links),
                *(Named(n, Col(f"_now_{n}", "right")) for n in links),
            )
            relation = Project(Join(relation, side, "inner", on), columns)
    have = tuple(dict.fromkeys(("lead_id", *names, *links)))
    for name, settled in group.linked:
        table = catalogue.tables[name]
        mine = tuple(r for r in reads if r.table == name)
        stored = {r: physical(table, frozenset({r.column})) for r in mine}
        taken = tuple(dict.fromkeys((table.key[0], *(n for ns in stored.values() for n in ns))))
        states = (
            Project(Scan(name), (*_as_they_are(dict.fromkeys(taken)), *_always()))
            if settled
            else _versions(table, taken, as_of)
        )
        side_names = {n: f"_t_{n}" for n in (*taken, "start", "start_day", "end", "end_day")}
        side = Project(states, tuple(Named(new, Col(old)) for old, new in side_names.items()))
        key = Op("eq", (Col(LINKS[name], "left"), Col(f"_t_{table.key[0]}", "right")))
        overlap = (
            Op("lt", (Col("start", "left"), Col("_t_end", "right"))),
            Op("lt", (Col("_t_start", "right"), Col("end", "left"))),
        )
        named = {
            r.name + n.removeprefix(r.column): n
            for r, names_of in stored.items()
            for n in names_of
            if r.name + n.removeprefix(r.column) not in have
        }
        columns = (
            *(Named(n, Col(n, "left")) for n in have),
            *(Named(new, Col(f"_t_{old}", "right")) for new, old in named.items()),
            *_later("start"),
            *_sooner("end"),
        )
        relation = Project(Join(relation, side, "inner", both(key, *overlap), unique=settled), columns)
        have = (*have, *named)
    return relation


def _versions(table: Table, names: tuple[str, ...], as_of: date) -> Relation:
    """The states of a table's rows, with when each held as far as that is known by a day."""
    ended = _known(Col(_TO + DAY_SUFFIX))
    over = both(ended, Op("le", (Col(_TO + DAY_SUFFIX), Lit(as_of)))) or ended
    return Project(
        Scan(table.id + VERSIONS_SUFFIX),
        (
            *(Named(n, Col(n)) for n in names),
            Named("start", _second(Col(_FROM), Col(_FROM + DAY_SUFFIX))),
            Named("start_day", _day(Col(_FROM + DAY_SUFFIX))),
            Named("end", Op("case", (over, _second(Col(_TO), Col(_TO + DAY_SUFFIX)), _NEVER))),
            Named("end_day", Op("case", (over, _day(Col(_TO + DAY_SUFFIX)), Lit(0)))),
        ),
        Op("le", (Col(_FROM + DAY_SUFFIX), Lit(as_of))),
    )


def _as_they_are(names: Iterable[str]) -> tuple[Named, ...]:
    return tuple(Named(n, Col(n)) for n in names)


def _always() -> tuple[Named, ...]:
    return (
        Named("start", _FIRST),
        Named("start_day", Lit(0)),
        Named("end", _NEVER),
        Named("end_day", Lit(0)),
    )


def _later(name: str) -> tuple[Named, Named]:
    """The later of two starts, and its day."""
    mine, theirs = Col(name, "left"), Col(f"_t_{name}", "right")
    first = Op("ge", (mine, theirs))
    days = Col(f"{name}_day", "left"), Col(f"_t_{name}_day", "right")
    return Named(name, Op("case", (first, mine, theirs))), Named(f"{name}_day", Op("case", (first, *days)))


def _sooner(name: str) -> tuple[Named, Named]:
    """The sooner of two ends, and its day."""
    mine, theirs = Col(name, "left"), Col(f"_t_{name}", "right")
    first = Op("le", (mine, theirs))
    days = Col(f"{name}_day", "left"), Col(f"_t_{name}_day", "right")
    return Named(name, Op("case", (first, mine, theirs))), Named(f"{name}_day", Op("case", (first, *days)))


def changed(table: Table, columns: Sequence[str]) -> Relation:
    """Of each of these columns, in how many rows of a table it has had more than one value, no value being one
    (`rows0` ..), and the key of one of those (`example0` ..): one row."""
    filled, differs = [], []
    for i, column in enumerate(columns):
        found = table.type_of(column)
        value: Scalar = Col(day_of(table, column))
        if found is not None and found.kind is Kind.BOOLEAN:
            value = Op("as_text", (value,))  # the least of two truths is not told by every engine
        aggs = (Agg("count", value), Agg("min", value), Agg("max", value))
        filled += [NamedAgg(f"_{a.name}{i}", a) for a in aggs]
        some = both(Op("gt", (Col(f"_count{i}"), Lit(0))), Op("lt", (Col(f"_count{i}"), Col("_all"))))
        other = Op("lt", (Col(f"_min{i}"), Col(f"_max{i}")))
        differs.append(Named(f"_differs{i}", Op("coalesce", (_any([other, *([some] if some else [])]), Lit(False)))))
    each = Group(
        Scan(table.id + VERSIONS_SUFFIX),
        (Named("_key", Col(table.key[0])),),
        (NamedAgg("_all", Agg("count_rows")), *filled),
    )
    told = [
        NamedAgg(name, agg)
        for i in range(len(columns))
        for name, agg in (
            (f"rows{i}", Agg("count_rows", where=Col(f"_differs{i}"))),
            (f"example{i}", Agg("min", Col("_key"), where=Col(f"_differs{i}"))),
        )
    ]
    return Group(Project(each, (Named("_key", Col("_key")), *differs)), (), tuple(told))


def settled_columns(version: CriteriaVersion, catalogue: Catalogue) -> tuple[Reached, ...]:
    """The columns that a version says never change, as rules call them."""
    found: dict[Reached, None] = {}
    tables = set()
    for rule in version.rules:
        if rule.settled:
            moving = [r for r in rule.reads if not stays(catalogue.tables[r.table], r.column)]
            found |= dict.fromkeys(m for r in moving for m in (r, *_looked_up(r, catalogue)))
        if rule.settled or version.links_settled:
            tables |= {r.table for r in rule.reads if r.table != OWN}
    if version.links_settled and version.actions:
        tables.add(CONTACT)
    if version.group is not None:
        if version.links_settled:
            tables.add(ACCOUNT)
        if version.group.settled:
            found[Reached(f"contact_{version.group.role}", CONTACT, version.group.role)] = None
    links = [Reached(LINKS[t], OWN, LINKS[t]) for t in LINKS if t in tables]
    return (*found, *(r for r in links if r not in found))


def _looked_up(reached: Reached, catalogue: Catalogue) -> tuple[Reached, ...]:
    """The column that another one may be filled from."""
    column = catalogue.tables[reached.table].column(reached.column)
    match column.derive if column is not None else None:
        case Lookup(table, _, name) if catalogue.tables[table].versions and not stays(catalogue.tables[table], name):
            return (Reached(reached.name, table, name),)
        case _:
            return ()


# --- what was done ---------------------------------------------------------------------------------------------------
def done(version: CriteriaVersion, as_of: date, catalogue: Catalogue) -> Relation:
    """What each lead did, by a version's actions: `lead_id`, `time`, `known` (from when on it is known of the lead),
    `day` (of `known`), and `a0` .., true where it is that action. A row that names a lead is that lead's; any other is
    of every lead of its person."""
    parts: list[Relation] = []
    flags = tuple(f"a{number}" for number in range(len(version.actions)))
    for name in dict.fromkeys(rule.table for rule in version.actions):
        table = catalogue.tables[name]
        names_lead, names_person = (table.column(c) is not None for c in ("lead_id", LINKS[CONTACT]))
        if names_lead:
            rows = _events(version.actions, table, ("lead_id",), as_of, _known(Col("lead_id")))
            moments = (Named("time", Col("time")), Named("known", Col("time")), Named("day", Col("day")))
            parts.append(Project(rows, (*_as_they_are(("lead_id",)), *moments, *_as_they_are(flags))))
        if names_person:
            no_lead = Op("is_null", (Col("lead_id"),)) if names_lead else None
            condition = both(no_lead, _known(Col(LINKS[CONTACT])))
            rows = _events(version.actions, table, (LINKS[CONTACT],), as_of, condition)
            parts.append(_of_leads(rows, CONTACT, flags, version, as_of, catalogue))
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def group_done(version: CriteriaVersion, as_of: date, catalogue: Catalogue) -> Relation:
    """What people with a role at each lead's company did: `lead_id`, `time`, `known`, `day`, `role` (text)."""
    if version.group is None:
        raise ValueError("these criteria have no group")
    contacts = catalogue.tables[CONTACT]
    parts: list[Relation] = []
    for name in dict.fromkeys(rule.table for rule in version.actions):
        table = catalogue.tables[name]
        if all(table.column(c) is not None for c in LINKS.values()):
            ids = (LINKS[CONTACT], LINKS[ACCOUNT])
            events = _events(version.actions, table, ids, as_of, both(*(_known(Col(i)) for i in ids)))
            parts.append(Project(events, _as_they_are((*ids, "time", "day"))))
    rows = parts[0] if len(parts) == 1 else Union(tuple(parts))
    role = version.group.role
    taken = (contacts.key[0], role)
    states = (
        Project(Scan(CONTACT), (*_as_they_are(dict.fromkeys(taken)), *_always()))
        if version.group.settled or stays(contacts, role)
        else _versions(contacts, taken, as_of)
    )
    side = Project(states, tuple(Named(f"_t_{n}", Col(n)) for n in (*taken, "start", "end")), _known(Col(role)))
    on = both(
        Op("eq", (Col(LINKS[CONTACT], "left"), Col(f"_t_{taken[0]}", "right"))),
        Op("le", (Col("_t_start", "right"), Col("time", "left"))),
        Op("lt", (Col("time", "left"), Col("_t_end", "right"))),
    )
    named = Project(
        Join(rows, side, "inner", on, unique=False),
        (
            *(Named(n, Col(n, "left")) for n in (LINKS[ACCOUNT], "time", "day")),
            Named("role", Op("as_text", (Col(f"_t_{role}", "right"),))),
        ),
    )
    keys = (LINKS[ACCOUNT], "role", "time", "day")
    once = Group(named, tuple(Named(n, Col(n)) for n in keys), ())
    return _of_leads(once, ACCOUNT, ("role",), version, as_of, catalogue)


def tables_for_group(version: CriteriaVersion, catalogue: Catalogue) -> bool:
    """Whether any action names both a person and a company."""
    return any(all(catalogue.tables[a.table].column(c) for c in LINKS.values()) for a in version.actions)


def _events(
    rules: Sequence[ActionRule], table: Table, ids: tuple[str, ...], as_of: date, condition: Scalar | None
) -> Relation:
    """The rows of a table that are one of the actions: ids, `time`, `day`, and `a0` .., true where it is that one."""
    at = event_of(table)
    is_it: list[Scalar] = []
    for rule in rules:
        where: Scalar = Lit(rule.table == table.id)
        if rule.table == table.id and rule.where is not None:
            where = Op("coalesce", (lower_predicate(table, rule.where), Lit(False)))
        is_it.append(where)
    columns = (
        *_as_they_are(ids),
        Named("time", _moment(table, at)),
        Named("day", _day(Col(day_of(table, at)))),
        *(Named(f"a{number}", value) for number, value in enumerate(is_it)),
    )
    mine = [value for rule, value in zip(rules, is_it, strict=True) if rule.table == table.id]
    return Project(Scan(table.id), columns, both(_until(table, at, as_of), condition, _any(mine)))


def _any(conditions: Sequence[Scalar]) -> Scalar:
    return conditions[0] if len(conditions) == 1 else Op("or", tuple(conditions))


def _of_leads(
    rows: Relation, of: str, told: tuple[str, ...], version: CriteriaVersion, as_of: date, catalogue: Catalogue
) -> Relation:
    """What was done by people or in companies, as done for each lead of theirs, known from when the lead is known to be
    of them: `lead_id`, `time`, `known`, `day`, and the columns `told` of it."""
    link = LINKS[of]
    ids = ("lead_id", link)
    leads: Relation
    if version.links_settled:
        plain = (*_as_they_are(dict.fromkeys(ids)), Named("_from", _FIRST), Named("_from_day", Lit(0)))
        leads = Project(Scan(OWN), plain, _known(Col(link)))
    else:
        states = Project(
            _versions(catalogue.tables[OWN], ids, as_of),
            (*_as_they_are(dict.fromkeys(ids)), Named("start", Col("start")), Named("start_day", Col("start_day"))),
            _known(Col(link)),
        )
        first = (
            NamedAgg("_from", Agg("min", Col("start"))),
            NamedAgg("_from_day", Agg("min", Col("start_day"))),
        )
        leads = Group(states, tuple(Named(i, Col(i)) for i in ids), first)
    side = Project(leads, tuple(Named(f"_l_{n}", Col(n)) for n in (*ids, "_from", "_from_day")))
    on = Op("eq", (Col(link, "left"), Col(f"_l_{link}", "right")))
    time, since = Col("time", "left"), Col("_l__from", "right")
    before = Op("le", (since, time))
    known_at = Op("case", (before, time, since))
    day = Op("case", (before, Col("day", "left"), Col("_l__from_day", "right")))
    moments = (Named("time", time), Named("known", known_at), Named("day", day))
    lead = Named("lead_id", Col("_l_lead_id", "right"))
    columns = (lead, *moments, *(Named(n, Col(n, "left")) for n in told))
    return Project(Join(rows, side, "inner", on, unique=False), columns)


# --- moments ---------------------------------------------------------------------------------------------------------
def _moment(table: Table, column: str, side: str = "", *, late: bool = True) -> Scalar:
    """A date column as a second; known to the day alone it is the day's last one, or its first."""
    found = table.type_of(column)
    day = Col(day_of(table, column), side)
    if found is None or found.kind is not Kind.TIME:
        return _of_day(day, late=late)
    return _second(Col(column, side), day, late=late)


def _second(instant: Scalar, day: Scalar, *, late: bool = True) -> Scalar:
    return Op("coalesce", (Op("seconds_between", (Lit(_EPOCH), instant)), _of_day(day, late=late)))


def _of_day(day: Scalar, *, late: bool) -> Scalar:
    first = Op("mul", (_day(day), Lit(86400)))
    return Op("add", (first, Lit(_LAST_SECOND))) if late else first


def _day(day: Scalar) -> Scalar:
    return Op("days_between", (Lit(EPOCH), day))


def _until(table: Table, column: str, as_of: date, side: str = "") -> Scalar:
    """Whether a date has come by a day."""
    return Op("coalesce", (Op("le", (Col(day_of(table, column), side), Lit(as_of))), Lit(False)))


def _known(value: Scalar) -> Scalar:
    return Op("not", (Op("is_null", (value,)),))


def unsettled(version: CriteriaVersion, columns: frozenset[Reached]) -> CriteriaVersion:
    """A version whose columns of these are taken from the versions kept after all."""
    links = {r for r in columns if r.table == OWN and r.column in LINKS.values()}

    def rule(given: ProfileRule) -> ProfileRule:
        theirs = {LINKS[r.table] for r in given.reads if r.table != OWN}
        touched = any(r in columns for r in given.reads) or any(r.column in theirs for r in links)
        return replace(given, settled=given.settled and not touched)

    group = version.group
    if group is not None and any((r.table, r.column) == (CONTACT, group.role) for r in columns):
        group = replace(group, settled=False)
    return replace(
        version,
        profile=tuple(rule(r) for r in version.profile),
        require=tuple(rule(r) for r in version.require),
        group=group,
        links_settled=version.links_settled and not links,
    )
