"""One table with the columns that measures read: links, splits, values, conditions and rates beside each row."""

from __future__ import annotations

from headwater.metrics import happened
from headwater.metrics.planned import Context
from headwater.model.catalogue import Catalogue
from headwater.model.expression import ColumnName, Elapsed, Predicate
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
from headwater.model.measure import Alive, At, Clock, Latest, Measure, Reached
from headwater.model.plan import Col, Join, Lit, Named, Op, Project, Relation, Scalar, Scan, unchanged
from headwater.model.question import Question
from headwater.model.table import VERSIONS_SUFFIX, LinkedColumn, LinkedSplit, Table
from headwater.model.types import Kind


def splits_of(measure: Measure, catalogue: Catalogue) -> tuple[str, ...]:
    """The splits a measure can be asked by."""
    table = catalogue.tables[measure.table]
    return table.splits if measure.splits is None else measure.splits


def money_columns(measure: Measure, context: Context) -> tuple[str, ...]:
    """The money columns a measure adds up, whose currency matters to its value."""
    if measure.column is None or ("money", 1) not in measure.unit.powers:
        return ()
    table = context.catalogue.tables[measure.table]
    names = sorted(columns_in(measure.column))
    return tuple(n for n in names if (c := table.column(n)) is not None and c.type.kind is Kind.MONEY and c.currency)


def currency_of(measure: Measure, context: Context) -> str:
    """The column that tells the currency of the money a measure adds up."""
    table = context.catalogue.tables[measure.table]
    return next(c.currency for n in money_columns(measure, context) if (c := table.column(n)) is not None)


def needs_rates(measure: Measure, context: Context) -> bool:
    """Whether a measure adds up money of a currency other than the reporting one; a stock may do so with what its rows
    were in earlier."""
    if not money_columns(measure, context):
        return False
    names = (measure.table, *((measure.table + VERSIONS_SUFFIX,) if isinstance(measure.clock, Alive) else ()))
    tables = [stored for name in names if (stored := context.generation.table(name)) is not None]
    return any(c != context.settings.currency for stored in tables for c in stored.currencies)


def changes(table: Table, name: str) -> bool:
    """Whether a column of a row may have other values at other times."""
    column = table.column(name)
    return column is not None and not column.fixed and name not in table.key


Link = LinkedSplit | LinkedColumn


def linked(table: Table, names: frozenset[str]) -> tuple[Link, ...]:
    """The named columns and splits that are read from another table."""
    return tuple(link for link in table.links if link.id in names)


def _linked_names(table: Table, links: tuple[Link, ...]) -> tuple[str, ...]:
    """The columns that links are read into: a pair for a `time` that measures may name."""
    return tuple(n for link in links for n in dict.fromkeys((link.id, day_of(table, link.id))))


def _with_links(
    source: Relation, keep: tuple[str, ...], table: Table, links: tuple[Link, ...], catalogue: Catalogue
) -> Relation:
    """The columns of links (or their pairs), each table that is reached by the same id joined once, by its unique
    key."""
    relation, kept = source, keep
    groups: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        groups.setdefault((link.table, link.by), []).append(link)
    for (reached, by), group in groups.items():
        target = catalogue.tables[reached]
        taken: dict[str, None] = {}
        values: dict[str, Scalar] = {}
        for link in group:
            ours = _linked_names(table, (link,))
            theirs = physical(target, frozenset({link.column})) if len(ours) > 1 else (day_of(target, link.column),)
            taken |= dict.fromkeys(theirs)
            told: list[Scalar] = [Col(f"_{n}", "right") for n in theirs]
            if isinstance(link, LinkedColumn) and link.after:
                in_order = _not_before(table, link.after, target, link.column)
                told = [Op("case", (in_order, value, Lit(None))) for value in told]
            values |= dict(zip(ours, told, strict=True))
        side = Project(Scan(reached), (Named("_key", Col(target.key[0])), *(Named(f"_{n}", Col(n)) for n in taken)))
        on = Op("eq", (Col(by, "left"), Col("_key", "right")))
        columns = (*(Named(n, Col(n, "left")) for n in kept), *(Named(n, v) for n, v in values.items()))
        relation, kept = Project(Join(relation, side, "left", on), columns), (*kept, *values)
    return relation


def _not_before(table: Table, after: str, target: Table, column: str) -> Scalar:
    """Whether the date reached lies at or after one of the row: by instant where both are known, else by day."""
    theirs, ours = Col(f"_{day_of(target, column)}", "right"), Col(day_of(table, after), "left")
    by_day = Op("ge", (theirs, ours))
    if day_of(target, column) == column or day_of(table, after) == after:
        return by_day
    return Op("coalesce", (Op("ge", (Col(f"_{column}", "right"), Col(after, "left"))), by_day))


def base(
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
    links = linked(table, named)
    reached = _linked_names(table, links)
    read = frozenset(n for n in named if table.column(n) is not None)
    read |= {link.by for link in links}
    read |= {link.after for link in links if isinstance(link, LinkedColumn) and link.after}
    keep = tuple(n for n in dict.fromkeys((*physical(table, read), *extra)) if n not in reached)
    source = Project(Scan(table.id), tuple(unchanged(n) for n in keep))
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


def lower_filter(table: Table, condition: Predicate | None) -> Scalar | None:
    """What a question is filtered by, as a condition of a table's rows."""
    return None if condition is None else lower_predicate(table, condition)


def narrowed(source: Relation, keep: tuple[str, ...], condition: Scalar) -> Relation:
    """The rows that meet a condition; written into the scan itself where that only names columns."""
    columns = tuple(unchanged(n) for n in keep)
    if isinstance(source, Project) and source.columns == columns and not source.keep_all:
        return Project(source.source, columns, both(source.where, condition))
    return Project(source, columns, condition)


def of(name: str, i: int) -> str:
    """What a column is called that each measure of a scan has one of, for the so-and-so-manieth of them."""
    return f"{name}{i or ''}"


def divisor(measure: Measure) -> int:
    """Elapsed time is aggregated in whole seconds and divided once at the end."""
    return SECONDS[measure.column.unit] if isinstance(measure.column, Elapsed) else 1


def begun(clock: Clock) -> str:
    """The date column that rows are asked by."""
    match clock:
        case At(at) | Latest(at):
            return at
        case Alive(start) | Reached(start):
            return start


def dated(measures: tuple[Measure, ...], table: Table, names: frozenset[str]) -> dict[str, frozenset[str]]:
    """The columns that a later date empties, of those that measures, splits and the filter read."""
    read = names.union(*(columns_in(m.column) | columns_in(m.where) for m in measures))
    return happened.dated(table, sorted(read), begun(measures[0].clock))


def knows_later(measure: Measure, table: Table, names: frozenset[str]) -> bool:
    """Whether it matters to a measure, split and filtered by these names, where observation ends: a row, or a value of
    one, came about on another day than the one it is asked by."""
    start = begun(measure.clock)
    return bool(table.happens not in ("", start) or dated((measure,), table, names))


def condition_of(measure: Measure, table: Table) -> Scalar:
    """Whether a row meets the condition of a measure; an unknown does not."""
    if measure.where is None:
        return Lit(True)
    return Op("coalesce", (lower_predicate(table, measure.where), Lit(False)))


def value_of(measure: Measure, table: Table, rated: bool) -> Scalar:
    """What a measure aggregates of a row: elapsed time in whole seconds, with `rated` money at its rate."""
    column = measure.column
    if column is None:
        raise ValueError(f"{measure.id} counts rows and has no value")
    if isinstance(column, Elapsed):
        return seconds_of(table, column)
    if measure.aggregate == "count_distinct" and isinstance(column, ColumnName):
        return Col(day_of(table, column.id))
    value = lower_value(table, column)
    return Op("mul", (Op("as_money", (value,)), Col("_rate"))) if rated else value


def with_rates(relation: Relation, keep: tuple[str, ...], currency: str, day: Scalar, context: Context) -> Relation:
    """Each row with the rate of its currency at its day: 1 for the reporting currency, empty where none is known."""
    home = Lit(context.settings.currency)
    dated = Project(relation, (*(unchanged(n) for n in keep), Named("_rate_day", day)))
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
    return Project(with_rate, (*(unchanged(n) for n in (*keep, "_rate")), Named("_rated", known)))
