"""Decides how a question is answered: scans, windows, joins, refusals. `render` only spells what stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from headwater.errors import QueryError, nearest
from headwater.metrics import happened
from headwater.metrics.formula import Asked, Moment, Need, needs, resolve
from headwater.model.catalogue import Catalogue
from headwater.model.expression import ColumnName, Elapsed, Name, Predicate
from headwater.model.generation import Generation
from headwater.model.lowering import (
    SECONDS,
    both,
    columns_in,
    day_of,
    lower_predicate,
    lower_value,
    physical,
    seconds_of,
)
from headwater.model.measure import EVER, Alive, At, Clock, Latest, Measure, Reached, Span
from headwater.model.period import Grain, Period, shift
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
    Values,
)
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.table import VERSIONS_SUFFIX, LinkedColumn, LinkedSplit, Table
from headwater.model.types import DAY, DAY_SUFFIX, INTEGER, NUMBER_SUFFIX, Kind


@dataclass(frozen=True, slots=True)
class Window:
    """Days a measure is read over: half-open, `start` None = from the beginning; a stock is read at `end`'s eve."""

    start: date | None
    end: date


@dataclass(frozen=True, slots=True)
class Field:
    """What a measure gives in one window and segment, in the columns `<prefix>_<field>` of a block.

    `value`; `n` rows behind it; and where they apply: `entered`, `entered_n` (cohort), `left_out` (too young or
    impossible), `negative`, `unrated` (rows without an exchange rate), `unversioned` (rows whose value then is
    unknown), `deviation` (sample standard deviation), `low`/`high` (of a quantile), `mature_days` (p95).
    """

    measure: str
    prefix: str
    names: tuple[str, ...]
    divide: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """One statement: its first column is the window's number, then the segment's values, then the fields."""

    relation: Relation
    windows: tuple[Window, ...]
    splits: tuple[str, ...]
    total: bool
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is answered: the asked KPIs, the periods, the windows behind each need, and the blocks."""

    question: Question
    asked: tuple[Asked, ...]
    periods: tuple[Period | None, ...]
    windows: Mapping[tuple[int, Moment], Window | None]
    blocks: tuple[Block, ...]
    needs: Mapping[str, tuple[Need, ...]]
    condition: Predicate | None
    context: Context


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan is made from besides the question."""

    catalogue: Catalogue
    generation: Generation
    settings: Settings


def plan(question: Question, catalogue: Catalogue, generation: Generation, settings: Settings) -> Plan:
    """The plan of a question. Raises QueryError for what cannot be answered: unknown names, a split that a measure
    lacks, a growth without a period."""
    context = Context(catalogue, generation, settings)
    asked = tuple(resolve(catalogue, name) for name in question.kpis)
    needed = {variant_name(a): tuple(dict.fromkeys(needs(a.formula))) if a.formula else () for a in asked}
    all_needs = tuple(dict.fromkeys(n for group in needed.values() for n in group))
    measures = {n.measure: catalogue.measures[n.measure] for n in all_needs}
    for a in asked:
        used = {n.measure: measures[n.measure] for n in needed[variant_name(a)]}
        _check_splits(used, question, catalogue)
    condition = _filter(question, measures, catalogue)
    periods = _periods(question, measures, context)
    windows: dict[tuple[int, Moment], Window | None] = {}
    for i, period in enumerate(periods):
        for moment in {n.moment for n in all_needs}:
            windows[i, moment] = _window(question, period, moment, settings)
    ranked = frozenset(a.formula.id for a in asked if a.variant.interval == "quantile" and isinstance(a.formula, Name))
    blocks = _blocks(question, all_needs, measures, windows, condition, context, ranked)
    return Plan(question, asked, periods, windows, blocks, needed, condition, context)


def variant_name(asked: Asked) -> str:
    """The dotted name of an asked KPI and variant."""
    return f"{asked.kpi.id}.{asked.variant.id}"


# --- splits, filter, periods -----------------------------------------------------------------------------------------
def splits_of(measure: Measure, catalogue: Catalogue) -> tuple[str, ...]:
    """The splits a measure can be asked by."""
    table = catalogue.tables[measure.table]
    return table.splits if measure.splits is None else measure.splits


def _check_splits(measures: Mapping[str, Measure], question: Question, catalogue: Catalogue) -> None:
    if not measures:
        return
    offers = {m.id: splits_of(m, catalogue) for m in measures.values()}
    common = [s for s in next(iter(offers.values())) if all(s in o for o in offers.values())]
    offered = f"This question can be split by: {', '.join(common) or 'nothing'}."
    for split in question.by:
        lacking = [m for m, has in offers.items() if split not in has]
        if lacking:
            near = nearest(split, common)
            raise QueryError(
                f"{lacking[0]!r} cannot be split by {split!r}", where=question.kpis[0], do=f"{near} {offered}".strip()
            )
    if len(set(question.by)) != len(question.by):
        raise QueryError("a split is named twice", where="by", do="Name each split once.")


def _filter(question: Question, measures: Mapping[str, Measure], catalogue: Catalogue) -> Predicate | None:
    """The asked condition, held against every measure: its splits, and what kinds of values they have."""
    if not question.filter:
        return None
    from headwater.metrics.kinds import check_predicate, split_columns
    from headwater.metrics.language import LanguageError, parse_predicate

    try:
        predicate = parse_predicate(question.filter)
    except LanguageError as error:
        example = "Write it as: channel = 'email' and region in ('EMEA', 'APAC')"
        raise QueryError(str(error), where="filter", do=example) from None
    for measure in measures.values():
        has = splits_of(measure, catalogue)
        for name in sorted(columns_in(predicate)):
            if name not in has:
                near = nearest(name, has)
                raise QueryError(
                    f"{measure.id!r} cannot be filtered by {name!r}",
                    where="filter",
                    do=f"{near} It can be filtered by: {', '.join(has) or 'nothing'}.".strip(),
                )
        columns = split_columns(catalogue.tables[measure.table], catalogue.tables)
        _, problems = check_predicate(predicate, columns, f"the splits of {measure.id!r}")
        if problems:
            raise QueryError(problems[0].what, where="filter", do=problems[0].do)
    return predicate


def _periods(question: Question, measures: Mapping[str, Measure], context: Context) -> tuple[Period | None, ...]:
    calendar = context.settings.calendar
    if question.grain is Grain.ALL:
        return (question.period,)
    period = question.period
    if period is None:
        days = [
            day
            for t in {m.table for m in measures.values()}
            if (stored := context.generation.table(t)) is not None
            for day in (stored.first_day, stored.last_day)
            if day is not None
        ]
        if not days or min(days) > question.as_of:
            return (None,)
        period = Period(min(days), min(max(days), question.as_of) + timedelta(1))
    return tuple(
        Period(max(step.start, period.start), min(step.end, period.end))
        for step in calendar.spine(period, question.grain)
    )


def _window(question: Question, period: Period | None, moment: Moment, settings: Settings) -> Window | None:
    """The window of a period at a moment, cut at the day asked as of; None where it lies wholly after that day."""
    edge = question.as_of + timedelta(1)
    if period is None:
        if moment.back or moment.trailing or moment.opening or moment.lost:
            raise QueryError(
                "a comparison with an earlier period needs a period",
                where=question.kpis[0],
                do="Add one, such as 2025.",
            )
        return Window(None, edge)
    for _ in range(moment.back):
        period = settings.calendar.before(period, question.grain)
    if moment.opening:
        return Window(None, period.start) if period.start <= edge else None
    if moment.trailing is not None:
        start, end = shift(period.end, moment.trailing, -1), period.end
    else:
        start, end = period.start, period.end
    if start >= edge:
        return None
    return Window(start, min(end, edge))


# --- blocks ----------------------------------------------------------------------------------------------------------
def _blocks(
    question: Question,
    all_needs: tuple[Need, ...],
    measures: Mapping[str, Measure],
    windows: Mapping[tuple[int, Moment], Window | None],
    condition: Predicate | None,
    context: Context,
    ranked: frozenset[str],
) -> tuple[Block, ...]:
    """One block per scan: measures that share table, clock, windows and splits are aggregated in one pass; those that
    count the values of one column by its numbers in another (see `_by_numbers`)."""
    groups: dict[tuple[object, ...], list[Measure]] = {}
    spans: dict[tuple[object, ...], tuple[Window, ...]] = {}
    by_measure: dict[tuple[str, bool, bool], set[Window]] = {}
    for need in all_needs:
        for (_, moment), window in windows.items():
            if moment == need.moment and window is not None:
                key = (need.measure, moment.total, moment.lost)
                by_measure.setdefault(key, set()).add(read_over(measures[need.measure], moment, window))
    for (measure_id, total, _), found in by_measure.items():
        measure = measures[measure_id]
        ordered = tuple(sorted(found, key=lambda w: (w.end, w.start or date.min)))
        asked = columns_in(condition) | (frozenset() if total else frozenset(question.by))
        alone = isinstance(measure.clock, Reached) or measure.id in ranked or needs_rates(measure, context)
        versioned = _versioned(measure, asked, context)
        number = _number_of(measure, context, versioned=versioned)
        rows = (measure.column, measure.where) if isinstance(measure.clock, Latest) else ()  # which row is the last
        group = (measure.table, measure.clock, ordered, total, versioned, alone and measure.id, rows, number)
        groups.setdefault(group, []).append(measure)
        spans[group] = ordered
    return tuple(
        _block(question, tuple(group), spans[key], bool(key[3]), condition, context, ranked=group[0].id in ranked)
        for key, group in groups.items()
    )


def read_over(measure: Measure, moment: Moment, window: Window) -> Window:
    """The window a measure is read over: a stock has no start, but where it is asked what it lost since then."""
    return Window(None, window.end) if isinstance(measure.clock, Alive | Latest) and not moment.lost else window


def money_columns(measure: Measure, context: Context) -> tuple[str, ...]:
    """The money columns a measure adds up, whose currency matters to its value."""
    if measure.column is None or ("money", 1) not in measure.unit.powers:
        return ()
    table = context.catalogue.tables[measure.table]
    names = sorted(columns_in(measure.column))
    return tuple(n for n in names if (c := table.column(n)) is not None and c.type.kind is Kind.MONEY and c.currency)


def needs_rates(measure: Measure, context: Context) -> bool:
    """Whether a measure adds up money of a currency other than the reporting one."""
    if not money_columns(measure, context):
        return False
    stored = context.generation.table(measure.table)
    found = stored.currencies if stored is not None else ()
    return any(c != context.settings.currency for c in found)


def _versioned(measure: Measure, names: frozenset[str], context: Context) -> bool:
    """Whether a stock has to read values from the versions of its rows; `names`: splits and filter columns asked."""
    table = context.catalogue.tables[measure.table]
    if not isinstance(measure.clock, Alive) or not table.versions:
        return False
    read = columns_in(measure.column) | columns_in(measure.where) | names
    return any(_changes(table, n) for n in read | {link.by for link in _linked(table, read)})


def _number_of(measure: Measure, context: Context, *, versioned: bool) -> str:
    """The stored column of numbers that stands for the values a measure counts, '' where there is none, and where a
    value is read as it was then: from an earlier state of its row, or empty because its date lies ahead."""
    stored = context.generation.table(measure.table)
    if measure.aggregate != "count_distinct" or not isinstance(measure.column, ColumnName):
        return ""
    if versioned or isinstance(measure.clock, Latest):  # of a snapshot the value tells which row is the last
        return ""
    name, table = measure.column.id, context.catalogue.tables[measure.table]
    if stored is None or name not in dict(stored.numbered) or happened.dates_behind(table, name):
        return ""
    return name + NUMBER_SUFFIX


def _changes(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and not column.fixed and name not in table.key


Link = LinkedSplit | LinkedColumn


def _linked(table: Table, names: frozenset[str]) -> tuple[Link, ...]:
    return tuple(link for link in table.links if link.id in names)


def _linked_names(table: Table, links: tuple[Link, ...]) -> tuple[str, ...]:
    """The columns that links are read into: a pair for a `time` that measures may name."""
    return tuple(n for link in links for n in dict.fromkeys((link.id, day_of(table, link.id))))


def _with_links(
    source: Relation, keep: tuple[str, ...], table: Table, links: tuple[Link, ...], catalogue: Catalogue
) -> Relation:
    """Each link joined as the column of its name (or its pair), by the unique key of the table it is read from."""
    relation, kept = source, keep
    for link in links:
        target = catalogue.tables[link.table]
        ours = _linked_names(table, (link,))
        taken = physical(target, frozenset({link.column})) if len(ours) > 1 else (day_of(target, link.column),)
        side = Project(Scan(link.table), (Named("_key", Col(target.key[0])), *(Named(f"_{n}", Col(n)) for n in taken)))
        on = Op("eq", (Col(link.by, "left"), Col("_key", "right")))
        values: list[Scalar] = [Col(f"_{n}", "right") for n in taken]
        if isinstance(link, LinkedColumn) and link.after:
            in_order = _not_before(table, link.after, target, link.column)
            values = [Op("case", (in_order, v, Lit(None))) for v in values]
        columns = (
            *(Named(n, Col(n, "left")) for n in kept),
            *(Named(n, v) for n, v in zip(ours, values, strict=True)),
        )
        relation, kept = Project(Join(relation, side, "left", on), columns), (*kept, *ours)
    return relation


def _not_before(table: Table, after: str, target: Table, column: str) -> Scalar:
    """Whether the date reached lies at or after one of the row: by instant where both are known, else by day."""
    theirs, ours = Col(f"_{day_of(target, column)}", "right"), Col(day_of(table, after), "left")
    by_day = Op("ge", (theirs, ours))
    if day_of(target, column) == column or day_of(table, after) == after:
        return by_day
    instants = Col(f"_{column}", "right"), Col(after, "left")
    unknown = Op("or", tuple(Op("is_null", (i,)) for i in instants))
    return Op("case", (unknown, by_day, Op("ge", instants)))


def _base(
    measures: tuple[Measure, ...],
    table: Table,
    names: frozenset[str],
    catalogue: Catalogue,
    extra: tuple[str, ...] = (),
) -> tuple[Relation, tuple[str, ...]]:
    """The table with the physical columns that the measures, the splits and the filter read."""
    named = names
    for m in measures:
        named |= columns_in(m.column) | columns_in(m.where) | clock_columns(m)
    links = _linked(table, named)
    reached = _linked_names(table, links)
    read = frozenset(n for n in named if table.column(n) is not None)
    read |= {link.by for link in links}
    read |= {link.after for link in links if isinstance(link, LinkedColumn) and link.after}
    keep = tuple(n for n in dict.fromkeys((*physical(table, read), *extra)) if n not in reached)
    source = Project(Scan(table.id), tuple(Named(n, Col(n)) for n in keep))
    return _with_links(source, keep, table, links, catalogue), (*keep, *reached)


def clock_columns(measure: Measure) -> frozenset[str]:
    """The columns a measure's clock reads."""
    match measure.clock:
        case At(at):
            return frozenset({at})
        case Alive(start, until):
            return frozenset({start, until} - {""})
        case Latest(at, per):
            return frozenset({at, *per})
        case Reached(start, to):
            return frozenset({start, to})


def segment_keys(question: Question, total: bool, table: Table) -> tuple[Named, ...]:
    """The asked splits as texts, named s0, s1 ...; none where a measure is read over all segments."""
    if total:
        return ()
    return tuple(Named(f"s{i}", Op("as_text", (_split_value(table, s),))) for i, s in enumerate(question.by))


def _split_value(table: Table, split: str) -> Scalar:
    return Col(day_of(table, split)) if table.column(split) is not None else Col(split)


def _lower_filter(table: Table, condition: Predicate | None) -> Scalar | None:
    return None if condition is None else lower_predicate(table, condition)


def _narrowed(source: Relation, keep: tuple[str, ...], condition: Scalar) -> Relation:
    """The rows that meet a condition; written into the scan itself where that only names columns."""
    columns = tuple(Named(n, Col(n)) for n in keep)
    if isinstance(source, Project) and source.columns == columns and not source.keep_all:
        return Project(source.source, columns, both(source.where, condition))
    return Project(source, columns, condition)


def _window_values(windows: tuple[Window, ...]) -> Relation:
    rows = tuple((i, w.start or date(1, 1, 1), w.end) for i, w in enumerate(windows))
    return Values((("_w", INTEGER), ("_w_start", DAY), ("_w_end", DAY)), rows)


def _in_windows(
    source: Relation, keep: tuple[str, ...], day: str, windows: tuple[Window, ...], grain: Grain
) -> tuple[Relation, Scalar]:
    """The rows whose day lies in a window, and the window's number: by truncating where windows are whole calendar
    steps side by side, by a condition where there is one, by a join where they overlap."""
    date_of = Col(day)
    if len(windows) == 1:
        inside = _inside(date_of, windows[0])
        return _narrowed(source, keep, inside), Lit(0)
    truncation = _truncation(windows, grain)
    if truncation is not None:
        inside = _inside(date_of, Window(windows[0].start, windows[-1].end))
        return _narrowed(source, keep, inside), truncation(date_of)
    on = Op(
        "and",
        (Op("ge", (Col(day, "left"), Col("_w_start", "right"))), Op("lt", (Col(day, "left"), Col("_w_end", "right")))),
    )
    columns = (*(Named(n, Col(n, "left")) for n in keep), Named("_w", Col("_w", "right")))
    return Project(Join(source, _window_values(windows), "inner", on, unique=False), columns), Col("_w")


def _inside(day: Scalar, window: Window) -> Scalar:
    before = Op("lt", (day, Lit(window.end)))
    return before if window.start is None else Op("and", (Op("ge", (day, Lit(window.start))), before))


_TRUNCATIONS = {
    Grain.DAY: "",
    Grain.WEEK: "trunc_week",
    Grain.MONTH: "trunc_month",
    Grain.QUARTER: "trunc_quarter",
    Grain.YEAR: "trunc_year",
}


def _truncation(windows: tuple[Window, ...], grain: Grain) -> Callable[[Scalar], Scalar] | None:
    """How a day gives the start of its step, where every window is (a cut of) one step and none overlap."""
    if grain not in _TRUNCATIONS:
        return None
    for a, b in pairwise(windows):
        if a.start is None or b.start is None or a.end > b.start:
            return None
    for w in windows:
        if w.start is None or _step_start(w.start, grain) != _step_start(w.end - timedelta(1), grain):
            return None
    if any(a.end != b.start for a, b in pairwise(windows)):
        return None
    name = _TRUNCATIONS[grain]
    return (lambda day: Op(name, (day,))) if name else (lambda day: day)


def _step_start(day: date, grain: Grain) -> date:
    from headwater.model.period import Calendar

    return Calendar().period(day, grain).start


def step_start(window: Window, grain: Grain) -> date:
    """What a truncating block answers for a window: the first day of the calendar step that holds it."""
    if window.start is None:
        raise ValueError("a window without a start has no calendar step")
    return _step_start(window.start, grain)


def _block(
    question: Question,
    measures: tuple[Measure, ...],
    windows: tuple[Window, ...],
    total: bool,
    condition: Predicate | None,
    context: Context,
    *,
    ranked: bool,
) -> Block:
    table = context.catalogue.tables[measures[0].table]
    names = columns_in(condition) | (frozenset() if total else frozenset(question.by))
    rated = len(measures) == 1 and needs_rates(measures[0], context)
    number = _number_of(measures[0], context, versioned=any(_versioned(m, names, context) for m in measures))
    rows = rows_in_windows(
        question, measures, table, names, windows, condition, context, total=total, rated=rated, number=number
    )
    prefixes = [f"m{i}" for i in range(len(measures))]
    if isinstance(measures[0].clock, Reached):
        aggregates, fields = _cohort_aggregates(measures[0], rows.rated)
    else:
        aggregates, fields = list[NamedAgg](), list[Field]()
        for measure, prefix in zip(measures, prefixes, strict=True):
            found, names_of = _aggregates(measure, prefix, rated=rows.rated, versioned=rows.versioned)
            aggregates += found
            fields.append(Field(measure.id, prefix, names_of, divisor(measure)))
    keys = (Named("_w", rows.window), *segment_keys(question, total, table))
    source = rows.relation
    splits = () if total else question.by
    if ranked and not (rows.rated or rows.versioned or isinstance(measures[0].clock, Reached)):
        relation, field = _quantile_block(source, keys, measures[0])
        return Block(relation, windows, splits, total, (field,))
    if ranked:
        source = _ranked(source, keys, measures[0])
        aggregates += _rank_bounds(measures[0])
        fields = [replace(fields[0], names=(*fields[0].names, "low", "high"))]
    relation = _by_numbers(source, keys, aggregates) if number else Group(source, keys, tuple(aggregates))
    return Block(relation, windows, splits, total, tuple(fields))


def _by_numbers(source: Relation, keys: tuple[Named, ...], aggregates: list[NamedAgg]) -> Relation:
    """The aggregates of a block whose measures count the values of one column, by its numbers: first one row for
    every 64 of them with a bit for each that occurs, then the sum of the bits. A hash table of the values themselves
    has a row for each value in each cell, which takes several times longer; this one is never larger than that."""
    inner: list[NamedAgg] = []
    outer: list[NamedAgg] = []
    for one in aggregates:
        agg = one.value
        if agg.name == "count_distinct":
            inner.append(NamedAgg(one.name, Agg("bits", agg.argument, agg.where)))
            counted = Op("coalesce", (Op("count_bits", (Col(one.name),)), Lit(0)))
            outer.append(NamedAgg(one.name, Agg("sum", counted)))
        elif agg.name in ("count", "count_rows", "max"):
            inner.append(one)
            outer.append(NamedAgg(one.name, Agg("max" if agg.name == "max" else "sum", Col(one.name))))
        else:
            raise ValueError(f"{agg.name!r} is not put together from blocks of numbers")
    blocks = Group(source, (*keys, Named("_block", Op("block_of", (Col("_v0"),)))), tuple(inner))
    return Group(blocks, tuple(Named(k.name, Col(k.name)) for k in keys), tuple(outer))


def _counted(measure: Measure) -> Scalar | None:
    """Which rows are in the aggregate of the first measure of a block: its condition, no empty value, no bad date."""
    value = Col("_v0")
    whole = None
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        whole = Op("ge", (value, Lit(0)))
    ok = None if measure.where is None else Col("_ok0")
    return both(ok, Op("not", (Op("is_null", (value,)),)), whole)


def _histogram(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """The values of a quantile's rows, each once by window and segment: `_n` rows have it, `_upto` have it or a lesser
    one, `_of` have any. `_counted` tells the values that are in the aggregate."""
    counted = Op("not", (Op("is_null", (Col("_x"),)),))
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        counted = Op("coalesce", (Op("ge", (Col("_x"), Lit(0))), Lit(False)))
    names = tuple(k.name for k in keys)
    cells = Group(source, (*keys, Named("_x", _asked_value(measure))), (NamedAgg("_n", Agg("count_rows")),))
    told = Project(cells, (Named("_counted", counted),), keep_all=True)
    partition = (*(Col(n) for n in names), Col("_counted"))
    upto = Over("sum", partition, (Order(Col("_x")),), Col("_n"))
    return Project(told, (Named("_upto", upto), Named("_of", Over("sum", partition, (), Col("_n")))), keep_all=True)


def _asked_value(measure: Measure) -> Scalar:
    """The value of the rows that the first measure of a block asks for; rows it does not still make their segment."""
    return Col("_v0") if measure.where is None else Op("case", (Col("_ok0"), Col("_v0"), Lit(None)))


def _quantile_block(source: Relation, keys: tuple[Named, ...], measure: Measure) -> tuple[Relation, Field]:
    """A quantile with its bounds from a histogram: sorting every row takes many times longer.

    The value interpolates linearly between the ranks around q (n - 1), counted from 0. The order statistics that bound
    it at 95 % have the ranks n q -/+ 1.96 sqrt(n q (1 - q)), rounded up.
    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (large-sample ranks).
    """
    q = Decimal(str(measure.quantile)) if measure.aggregate == "quantile" else Decimal("0.5")
    names = tuple(Named(k.name, Col(k.name)) for k in keys)
    counted, value = Col("_counted"), Col("_x")
    rank, n = Op("as_double", (Col("_upto"),)), Op("as_double", (Col("_of"),))
    place = _place(Col("_of"), q)
    off = Op("sub", (rank, Op("mul", (n, Lit(q)))))
    square = Op("mul", (off, off))
    spread = Op("mul", (n, Lit(Decimal("3.841458820694124") * q * (1 - q))))
    above = Op("ge", (off, Lit(0)))

    def least(condition: Scalar) -> Agg:
        return Agg("min", value, both(counted, condition))

    aggregates = [
        NamedAgg("_under", least(Op("gt", (rank, place)))),
        NamedAgg("_over", least(Op("ge", (Op("sub", (rank, Lit(1))), place)))),
        NamedAgg("_all", Agg("max", Col("_of"), counted)),
        NamedAgg("m0_n", Agg("sum", Col("_n"), counted)),
        NamedAgg("m0_low", least(Op("or", (above, Op("le", (square, spread)))))),
        NamedAgg("m0_high", least(Op("and", (above, Op("ge", (square, spread)))))),
    ]
    fields = ["value", "n"]
    if isinstance(measure.column, Elapsed) and measure.negatives == "leave_out":
        aggregates.append(NamedAgg("m0_left_out", Agg("sum", Col("_n"), Op("lt", (value, Lit(0))))))
        fields.append("left_out")
    fields += ["low", "high"]
    found = Group(_histogram(source, keys, measure), names, tuple(aggregates))
    under, over = (Op("as_double", (Col(n),)) for n in ("_under", "_over"))
    at = _place(Col("_all"), q)
    part = Op("add", (Op("sub", (at, Op("ceiling", (at,)))), Lit(1)))
    between = Op("add", (under, Op("mul", (part, Op("sub", (over, under))))))
    out = [between if field == "value" else Col(f"m0_{field}") for field in fields]
    columns = tuple(Named(f"m0_{field}", scalar) for field, scalar in zip(fields, out, strict=True))
    return Project(found, (*names, *columns)), Field(measure.id, "m0", tuple(fields), divisor(measure))


def _place(of: Scalar, q: Decimal) -> Scalar:
    """Where a quantile of so many values lies, counted from 0."""
    return Op("mul", (Op("sub", (Op("as_double", (of,)), Lit(1))), Op("as_double", (Lit(q),))))


def _ranked(source: Relation, keys: tuple[Named, ...], measure: Measure) -> Relation:
    """Each row with its rank by value among the counted rows of its window and segment, and how many those are."""
    counted = Op("coalesce", (_counted(measure) or Lit(True), Lit(False)))
    partition = (*(k.value for k in keys), counted)
    rank = Over("row_number", partition, (Order(Col("_v0")),))
    return Project(source, (Named("_rank", rank), Named("_of", Over("count_rows", partition))), keep_all=True)


def _rank_bounds(measure: Measure) -> list[NamedAgg]:
    """The order statistics that bound a quantile at 95 %: ranks n q -/+ 1.96 sqrt(n q (1 - q)), rounded up.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (large-sample ranks).
    """
    q = Decimal(str(measure.quantile)) if measure.aggregate == "quantile" else Decimal("0.5")
    rank, n = Op("as_double", (Col("_rank"),)), Op("as_double", (Col("_of"),))
    off = Op("sub", (rank, Op("mul", (n, Lit(q)))))
    spread = Op("mul", (n, Lit(Decimal("3.841458820694124") * q * (1 - q))))
    inside = Op("le", (Op("mul", (off, off)), spread))
    above = Op("ge", (off, Lit(0)))
    low = Op("or", (above, inside))
    high = Op("and", (above, Op("ge", (Op("mul", (off, off)), spread))))
    counted = _counted(measure)
    value = Col("_v0")
    return [
        NamedAgg("m0_low", Agg("min", value, both(counted, low))),
        NamedAgg("m0_high", Agg("min", value, both(counted, high))),
    ]


def divisor(measure: Measure) -> int:
    """Elapsed time is aggregated in whole seconds and divided once at the end."""
    return SECONDS[measure.column.unit] if isinstance(measure.column, Elapsed) else 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows in their windows with the columns aggregates read: `_w` by `window`, `_v0..` values, `_ok0..` conditions."""

    relation: Relation
    window: Scalar
    rated: bool
    versioned: bool


def rows_in_windows(
    question: Question,
    measures: tuple[Measure, ...],
    table: Table,
    names: frozenset[str],
    windows: tuple[Window, ...],
    condition: Predicate | None,
    context: Context,
    *,
    total: bool = False,
    rated: bool = False,
    keep_extra: tuple[str, ...] = (),
    number: str = "",
) -> Prepared:
    """The rows of one scan, each in its window(s), with their values, conditions, rates and segment columns.

    A row may stand in several windows where these overlap. Columns: those read, `_w` where windows are joined,
    `_v<i>` (value of measure i, in whole seconds for elapsed time), `_ok<i>` (its condition), `_rate` where currencies
    are converted, `_known` where values come from versions. With `number` that column stands for every value.
    """
    clock = measures[0].clock
    currencies = tuple(
        c.currency for m in measures for n in money_columns(m, context) if rated and (c := table.column(n)) is not None
    )
    versioned = any(_versioned(m, names, context) for m in measures)
    extra = (*keep_extra, *currencies, *((number,) if number else ()))
    if isinstance(clock, Reached):
        extra = (*extra, "_source")
    if versioned or isinstance(clock, Latest):
        extra = (*extra, *table.key)
    behind = _dated(measures, table, names)
    extra = (*extra, *happened.reads(table, behind, begun(clock)))
    read = tuple(replace(m, column=None) for m in measures) if number else measures
    source, keep = _base(read, table, names, context.catalogue, extra)
    filtered = _lower_filter(table, condition)
    if isinstance(clock, At | Reached):
        later = _later(clock, table, question, context)
        filtered = both(happened.come(table, begun(clock), later), filtered)
        source = happened.by_then(source, keep, table, behind, later)
    match clock:
        case At(at):
            day: Scalar = Col(day_of(table, at))
            if filtered is not None:
                source = _narrowed(source, keep, filtered)
            relation, window = _in_windows(source, keep, day_of(table, at), windows, question.grain)
        case Reached(start):
            day = Col(day_of(table, start))
            if filtered is not None:
                source = _narrowed(source, keep, filtered)
            relation, window = _in_windows(source, keep, day_of(table, start), windows, question.grain)
        case Alive(start, until):
            day = Op("add_days", (Col("_w_end"), Lit(-1)))
            relation, keep = _alive(source, keep, table, start, until, windows, versioned=versioned)
            relation = happened.by_then(relation, keep, table, behind, _after_the_eve)
            window = Col("_w")
            filtered = both(happened.come(table, start, _after_the_eve), filtered)
            if filtered is not None:
                relation = _narrowed(relation, keep, filtered)
        case Latest():
            day = Col(day_of(table, clock.at))
            relation, keep = _latest(source, keep, table, clock, windows, behind, measures[0])
            window = Col("_w")
            if filtered is not None:
                relation = _narrowed(relation, keep, filtered)
    joined = "_w" in keep or window == Col("_w")
    kept = tuple(dict.fromkeys((*keep, *(("_w",) if joined else ()))))
    if rated:
        relation = _with_rates(relation, kept, currencies[0], day, context)
        kept = (*kept, "_rate")
    computed: list[Named] = []
    if rated and (amount := measures[0].column) is not None:  # no amount needs no rate
        computed.append(Named("_rated", Op("or", (Col("_rated"), Op("is_null", (lower_value(table, amount),))))))
    for i, measure in enumerate(measures):
        if measure.where is not None:
            computed.append(Named(f"_ok{i}", _condition(measure, table)))
        if measure.column is not None:
            computed.append(Named(f"_v{i}", Col(number) if number else _value(measure, table, rated)))
    if isinstance(clock, Reached):
        computed += _cohort_columns(measures[0], clock, table, question, context)
    columns = (*(Named(n, Col(n)) for n in kept), *computed)
    relation = Project(relation, columns)
    if isinstance(clock, Reached) and clock.mature == "p95":
        relation = _with_p95(relation, columns, measures[0], clock, table, question, context)
    return Prepared(relation, window, rated, versioned)


def begun(clock: Clock) -> str:
    """The date column that rows are asked by."""
    match clock:
        case At(at) | Latest(at):
            return at
        case Alive(start) | Reached(start):
            return start


def _dated(measures: tuple[Measure, ...], table: Table, names: frozenset[str]) -> dict[str, frozenset[str]]:
    """The columns that a later date empties, of those that measures, splits and the filter read."""
    read = names.union(*(columns_in(m.column) | columns_in(m.where) for m in measures))
    return happened.dated(table, sorted(read), begun(measures[0].clock))


def _later(clock: At | Reached, table: Table, question: Question, context: Context) -> happened.Later:
    """After the end of observation: of a cohort that of its outcome, else the day asked as of."""
    end = observed_until(clock, table, question, context) if isinstance(clock, Reached) else Lit(question.as_of)
    return lambda day: Op("gt", (day, end))


def _after_the_eve(day: Scalar) -> Scalar:
    """After the day that a stock is read at."""
    return Op("ge", (day, Col("_w_end")))


def _condition(measure: Measure, table: Table) -> Scalar:
    if measure.where is None:
        return Lit(True)
    return Op("coalesce", (lower_predicate(table, measure.where), Lit(False)))


def _value(measure: Measure, table: Table, rated: bool) -> Scalar:
    column = measure.column
    if column is None:
        raise ValueError(f"{measure.id} counts rows and has no value")
    if isinstance(column, Elapsed):
        return seconds_of(table, column)
    if measure.aggregate == "count_distinct" and isinstance(column, ColumnName):
        return Col(day_of(table, column.id))
    value = lower_value(table, column)
    return Op("mul", (Op("as_money", (value,)), Col("_rate"))) if rated else value


def _with_rates(relation: Relation, keep: tuple[str, ...], currency: str, day: Scalar, context: Context) -> Relation:
    """Each row with the rate of its currency at its day: 1 for the reporting currency, empty where none is known."""
    home = Lit(context.settings.currency)
    dated = Project(relation, (*(Named(n, Col(n)) for n in keep), Named("_rate_day", day)))
    rates = Scan("exchange_rates")
    on = Op(
        "and",
        (
            Op("eq", (Col(currency, "left"), Col("currency", "right"))),
            Op("eq", (Col("_rate_day", "left"), Col("day", "right"))),
        ),
    )
    own = Op("or", (Op("is_null", (Col(currency, "left"),)), Op("eq", (Col(currency, "left"), home))))
    one = Op("as_rate", (Lit(1),))
    rate = Op("case", (own, one, Op("as_rate", (Col("rate", "right"),))))
    columns = (*(Named(n, Col(n, "left")) for n in keep), Named("_rate", rate))
    with_rate = Project(Join(dated, rates, "left", on), columns)
    known = Op("not", (Op("is_null", (Col("_rate"),)),))
    return Project(with_rate, (*(Named(n, Col(n)) for n in (*keep, "_rate")), Named("_rated", known)))


# --- stocks ----------------------------------------------------------------------------------------------------------
def _alive(
    source: Relation,
    keep: tuple[str, ...],
    table: Table,
    start: str,
    until: str,
    windows: tuple[Window, ...],
    *,
    versioned: bool,
) -> tuple[Relation, tuple[str, ...]]:
    """A row for each row alive at each window's eve; with `versioned`, changing columns as they were then, and `known`
    false where no version reaches back so far. Windows with a start ask what was lost: rows alive at the start's eve,
    with the values of that day, that ended in the window."""
    lost = windows[0].start is not None
    moment = Col("_w_start" if lost else "_w_end", "right")
    begun = Op("lt", (Col(day_of(table, start), "left"), moment))
    condition: Scalar = Lit(False) if lost else begun
    if until:
        end = Col(day_of(table, until), "left")
        still = Op("ge", (end, moment))
        if lost:
            condition = Op("and", (begun, still, Op("lt", (end, Col("_w_end", "right")))))
        else:
            condition = Op("and", (begun, Op("or", (Op("is_null", (end,)), still))))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_w", Col("_w", "right")),
        Named("_w_end", moment),
    )
    alive: Relation = Project(Join(source, _window_values(windows), "inner", condition, unique=False), columns)
    kept = (*keep, "_w", "_w_end")
    if not versioned:
        return alive, kept
    changing = tuple(
        n
        for n in keep
        if _changes(table, n.removesuffix(DAY_SUFFIX)) and n.removesuffix(DAY_SUFFIX) not in (start, until)
    )
    then = Project(
        Scan(table.id + VERSIONS_SUFFIX),
        tuple(Named(n, Col(n)) for n in dict.fromkeys((*table.key, *changing, "_valid_from__day", "_valid_to__day"))),
    )
    conditions = [Op("eq", (Col(k, "left"), Col(k, "right"))) for k in table.key]
    eve = Col("_w_end", "left")
    conditions.append(Op("lt", (Col("_valid_from__day", "right"), eve)))
    open_end = Op("is_null", (Col("_valid_to__day", "right"),))
    conditions.append(Op("or", (open_end, Op("ge", (Col("_valid_to__day", "right"), eve)))))
    known = Op("not", (Op("is_null", (Col("_valid_from__day", "right"),)),))
    out = tuple(Named(n, Col(n, "right" if n in changing else "left")) for n in kept)
    joined = Project(Join(alive, then, "left", Op("and", tuple(conditions))), (*out, Named("_known", known)))
    return joined, (*kept, "_known")


def _tells(measure: Measure, table: Table) -> Scalar | None:
    """Whether a row says something of what a measure reads: it has the value, or it is not one that should have it (a
    link that is dead). A row that only lacks the value leaves the last known one standing."""
    if measure.column is None:
        return None
    value = Op("not", (Op("is_null", (lower_value(table, measure.column),)),))
    return value if measure.where is None else Op("or", (value, Op("not", (_condition(measure, table),))))


def _latest(
    source: Relation,
    keep: tuple[str, ...],
    table: Table,
    clock: Latest,
    windows: tuple[Window, ...],
    behind: dict[str, frozenset[str]],
    measure: Measure,
) -> tuple[Relation, tuple[str, ...]]:
    """The last row per key at or before each window's eve, no older than `within`, that tells what is measured."""
    day = Col(day_of(table, clock.at), "left")
    oldest = tuple(shift(w.end, clock.within, -1) if clock.within != EVER else date(1, 1, 1) for w in windows)
    values = Values(
        (("_w", INTEGER), ("_w_start", DAY), ("_w_end", DAY)),
        tuple((i, oldest[i], w.end) for i, w in enumerate(windows)),
    )
    on = Op("and", (Op("lt", (day, Col("_w_end", "right"))), Op("ge", (day, Col("_w_start", "right")))))
    columns = (
        *(Named(n, Col(n, "left")) for n in keep),
        Named("_w", Col("_w", "right")),
        Named("_w_end", Col("_w_end", "right")),
    )
    kept = (*keep, "_w", "_w_end")
    joined: Relation = Project(Join(source, values, "inner", on, unique=False), columns)
    joined = happened.by_then(joined, kept, table, behind, _after_the_eve)
    telling = both(happened.come(table, clock.at, _after_the_eve), _tells(measure, table))
    if telling is not None:
        joined = _narrowed(joined, kept, telling)
    moment = [Order(Col(day_of(table, clock.at)), descending=True)]
    if day_of(table, clock.at) != clock.at:
        moment.append(Order(Col(clock.at), descending=True))
    moment += [Order(Col(k)) for k in table.key]
    rank = Over("row_number", (Col("_w"), *(Col(p) for p in clock.per)), tuple(moment))
    ranked = Project(joined, (*(Named(n, Col(n)) for n in kept), Named("_place", rank)))
    return Project(ranked, tuple(Named(n, Col(n)) for n in kept), Op("eq", (Col("_place"), Lit(1)))), kept


# --- cohorts ---------------------------------------------------------------------------------------------------------
_EXACT = ("second", "minute", "hour")
_SPAN_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def observed_until(clock: Reached, table: Table, question: Question, context: Context) -> Scalar:
    """The last day on which an outcome can have been seen, by the row's source: the day asked, or the day through
    which the outcome's table is complete where that is earlier."""
    stored = context.generation.table(clock.outcome or table.id)
    by_source = {s: d for s, d in (stored.complete_through if stored is not None else ()) if d is not None}
    if not by_source:
        return Lit(question.as_of)
    least = Lit(min(question.as_of, *by_source.values()))
    if len(set(by_source.values())) == 1:
        return least
    arms: list[Scalar] = []
    for name, day in sorted(by_source.items()):
        arms += [Op("eq", (Col("_source"), Lit(name))), Lit(min(question.as_of, day))]
    return Op("case", (*arms, least))


def _added(day: Scalar, span: Span) -> Scalar:
    match span.unit:
        case "day" | "week":
            return Op("add_days", (day, Lit(span.amount * (7 if span.unit == "week" else 1))))
        case "month" | "quarter" | "year":
            return Op("add_months", (day, Lit(span.amount * {"month": 1, "quarter": 3, "year": 12}[span.unit])))
        case _:
            return Op("add_days", (day, Lit(1)))


def everyone_counts(clock: Reached) -> bool:
    """Whether every entry of a cohort counts at once: no time limit, no wait."""
    return clock.within == EVER and clock.mature is None


def _cohort_columns(
    measure: Measure, clock: Reached, table: Table, question: Question, context: Context
) -> list[Named]:
    """For each entry: `_reached` (got there in time), `_negative` (on an earlier day), and, where not everyone counts
    at once, `_seen` (observed long enough, and fit to be judged) and `_seen_until`."""
    start, to = Col(day_of(table, clock.start)), Col(day_of(table, clock.to))
    end = observed_until(clock, table, question, context)
    arrived = Op("and", (Op("not", (Op("is_null", (to,)),)), Op("le", (to, end))))
    judged: Scalar | None = None
    if clock.within == EVER:
        in_time: Scalar = arrived
    elif clock.within.unit in _EXACT:
        elapsed = Op("seconds_between", (Col(clock.start), Col(clock.to)))
        limit = Lit(clock.within.amount * _SPAN_SECONDS[clock.within.unit])
        in_time = Op("and", (arrived, Op("le", (elapsed, limit))))
        no_end = Op("and", (arrived, Op("is_null", (Col(clock.to),))))
        judged = Op("not", (Op("or", (Op("is_null", (Col(clock.start),)), no_end)),))
    else:
        in_time = Op("and", (arrived, Op("le", (to, _added(start, clock.within)))))
    wait = clock.mature if isinstance(clock.mature, Span) else clock.within if clock.mature is None else EVER
    mature = Op("le", (_added(start, wait), end)) if wait != EVER else None
    columns = [
        Named("_reached", Op("coalesce", (in_time, Lit(False)))),
        Named("_negative", Op("coalesce", (Op("and", (arrived, Op("lt", (to, start)))), Lit(False)))),
    ]
    if not everyone_counts(clock):
        seen = both(mature, judged)
        columns.append(Named("_seen", Lit(True) if seen is None else Op("coalesce", (seen, Lit(False)))))
        columns.append(Named("_seen_until", end))
    return columns


def _with_p95(
    relation: Relation,
    columns: tuple[Named, ...],
    measure: Measure,
    clock: Reached,
    table: Table,
    question: Question,
    context: Context,
) -> Relation:
    """Maturity from the 95th percentile of the completed transitions of all rows, in whole days, rounded up."""
    behind = _dated((measure,), table, frozenset())
    extra = ("_source", *happened.reads(table, behind, clock.start))
    source, keep = _base((measure,), table, frozenset(), context.catalogue, extra)
    later = _later(clock, table, question, context)
    source = happened.by_then(source, keep, table, behind, later)
    start, to = Col(day_of(table, clock.start)), Col(day_of(table, clock.to))
    end = observed_until(clock, table, question, context)
    done = [Op("le", (to, end)), Op("ge", (to, start)), Op("le", (start, Lit(question.as_of)))]
    if clock.within != EVER and clock.within.unit not in _EXACT:
        done.append(Op("le", (to, _added(start, clock.within))))
    condition = both(*done, happened.come(table, clock.start, later), _condition(measure, table))
    days = Project(source, (Named("days", Op("days_between", (start, to))),), condition)
    p95 = Group(days, (), (NamedAgg("p95", Agg("quantile", Col("days"), quantile=0.95)),))
    whole = Project(p95, (Named("_p95_days", Op("as_integer", (Op("ceiling", (Col("p95"),)),))),))
    kept = tuple(Named(c.name, Col(c.name, "left")) for c in columns if c.name != "_seen")
    ripe = Op("add_days", (Col(day_of(table, clock.start), "left"), Col("_p95_days", "right")))
    seen = Op("and", (Col("_seen", "left"), Op("le", (ripe, Col("_seen_until", "left")))))
    return Project(
        Join(relation, whole, "cross"),
        (*kept, Named("_seen", Op("coalesce", (seen, Lit(False)))), Named("_p95_days", Col("_p95_days", "right"))),
    )


def _cohort_aggregates(measure: Measure, rated: bool) -> tuple[list[NamedAgg], list[Field]]:
    clock = measure.clock
    if not isinstance(clock, Reached):
        raise ValueError(f"{measure.id} is no cohort")
    ok: Scalar | None = None if measure.where is None else Col("_ok0")
    seen: Scalar | None = None if everyone_counts(clock) else Col("_seen")
    entered = both(ok, seen)
    reached = both(ok, seen, Col("_reached"))
    value = Col("_v0") if measure.column is not None else None
    aggregates = [
        NamedAgg("m0_value", _agg(measure, value, reached)),
        NamedAgg("m0_n", Agg("count_rows", where=reached)),
        NamedAgg("m0_entered", _agg(measure, value, entered)),
        NamedAgg("m0_entered_n", Agg("count_rows", where=entered)),
        NamedAgg("m0_negative", Agg("count_rows", where=both(reached, Col("_negative")))),
    ]
    names = ["value", "n", "entered", "entered_n", "negative"]
    if seen is not None:
        aggregates.append(NamedAgg("m0_left_out", Agg("count_rows", where=both(ok, Op("not", (seen,))))))
        names.append("left_out")
    if clock.mature == "p95":
        aggregates.append(NamedAgg("m0_mature_days", Agg("max", Col("_p95_days"))))
        names.append("mature_days")
    if rated:
        aggregates.append(NamedAgg("m0_unrated", Agg("count_rows", where=both(entered, Op("not", (Col("_rated"),))))))
        names.append("unrated")
    return aggregates, [Field(measure.id, "m0", tuple(names), divisor(measure))]


def _agg(measure: Measure, value: Scalar | None, where: Scalar | None) -> Agg:
    if measure.aggregate == "count":
        return Agg("count_rows", where=where) if value is None else Agg("count", value, where)
    if value is None:
        raise QueryError(f"{measure.id!r} has no column to {measure.aggregate}", where=measure.path)
    return Agg(measure.aggregate, value, where, quantile=measure.quantile)


def _aggregates(
    measure: Measure, prefix: str, *, rated: bool, versioned: bool
) -> tuple[list[NamedAgg], tuple[str, ...]]:
    """The aggregates of a measure in a block, and the fields they fill."""
    i = prefix.removeprefix("m")
    ok: Scalar | None = None if measure.where is None else Col(f"_ok{i}")
    value = Col(f"_v{i}") if measure.column is not None else None
    elapsed = isinstance(measure.column, Elapsed) and measure.negatives == "leave_out"
    counted = ok
    found: list[NamedAgg] = []
    names: list[str] = ["value", "n"]
    if elapsed and value is not None:
        counted = both(ok, Op("ge", (value, Lit(0))))
    present = counted if value is None else both(counted, Op("not", (Op("is_null", (value,)),)))
    found.append(NamedAgg(f"{prefix}_value", _agg(measure, value, counted)))
    plain = value is not None and counted is None
    found.append(NamedAgg(f"{prefix}_n", Agg("count", value) if plain else Agg("count_rows", where=present)))
    if elapsed and value is not None:
        found.append(NamedAgg(f"{prefix}_left_out", Agg("count_rows", where=both(ok, Op("lt", (value, Lit(0)))))))
        names.append("left_out")
    if measure.aggregate == "mean" and value is not None:
        found.append(NamedAgg(f"{prefix}_sum", Agg("sum", value, counted)))
        found.append(NamedAgg(f"{prefix}_deviation", Agg("stddev", value, counted)))
        names += ["sum", "deviation"]
    if rated:
        found.append(NamedAgg(f"{prefix}_unrated", Agg("count_rows", where=both(ok, Op("not", (Col("_rated"),))))))
        names.append("unrated")
    if versioned:
        found.append(NamedAgg(f"{prefix}_unversioned", Agg("count_rows", where=Op("not", (Col("_known"),)))))
        names.append("unversioned")
    return found, tuple(names)
