"""Measure files to Measures: aggregate, clock, condition and unit held against the table they count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headwater.errors import Fault
from headwater.files.read import KeyPath
from headwater.metrics.cohorts import everyone_counts
from headwater.metrics.entries import Entry, M, unknown
from headwater.metrics.kinds import DATED, NUMERIC, Typed, check_predicate, check_row_value, readable
from headwater.metrics.language import LanguageError, parse_predicate, parse_row_value
from headwater.metrics.shapes import MeasureShape
from headwater.model.expression import ColumnName, Elapsed, Predicate, RowValue
from headwater.model.measure import EVER, Alive, At, Clock, Lag, Latest, Limit, Measure, Reached
from headwater.model.table import Column, Table
from headwater.model.types import ONE, Kind, Unit

BASE_UNITS = frozenset({"money", "day", "hour", "minute", "second", "score", "position"})
ADDED_UP = ("count", "count_distinct", "sum")
"""Aggregates for which nothing is 0; the others have no value of nothing."""

MeasureEntry = Entry[MeasureShape]


def build_measures(
    entries: Sequence[MeasureEntry], broken: frozenset[str], tables: Mapping[str, Table | None]
) -> tuple[dict[str, Measure | None], list[Fault]]:
    """Every measure by id (None: its file is broken), and what is wrong."""
    faults: list[Fault] = []
    measures: dict[str, Measure | None] = {}
    names = base_units(tables)
    for entry in entries:
        if entry.id in measures:
            faults.append(entry.fault((), f"a measure {entry.id!r} is shipped already", "Give it another name."))
        else:
            measures[entry.id] = _measure(entry, tables, names, faults)
    for name in broken:
        measures.setdefault(name, None)
    for entry in entries:
        faults += _lag_faults(entry, measures)
        faults += _limit_faults(entry, tables.get(entry.shape.table), measures)
    return {name: measures[name] for name in sorted(measures)}, faults


def base_units(tables: Mapping[str, Table | None]) -> frozenset[str] | None:
    """Every word a unit may be made of: money, times, and whatever the tables count; None where a table is broken."""
    whole = [t for t in tables.values() if t is not None]
    if len(whole) < len(tables):
        return None
    counted = {t.subject for t in whole}
    stated = {c.unit for t in whole for c in t.columns if c.unit}
    return BASE_UNITS | counted | {n for text in stated for n in unit_names(text)}


def unit_names(text: str) -> tuple[str, ...]:
    """The base units of a unit's text; none where it is no unit."""
    try:
        return tuple(n for n, _ in Unit.parse(text).powers)
    except ValueError:
        return ()


def unit_faults(entry: Entry[M], key: KeyPath, unit: Unit, names: frozenset[str] | None) -> list[Fault]:
    """A fault for each word of a unit that nothing is counted in."""
    if names is None:
        return []
    return [entry.fault(key, *unknown("unit", name, names)) for name, _ in unit.powers if name not in names]


def _measure(
    entry: MeasureEntry, tables: Mapping[str, Table | None], names: frozenset[str] | None, faults: list[Fault]
) -> Measure | None:
    shape = entry.shape
    clock = _clock(shape)
    value, condition = _parsed(entry, faults)
    faults += unit_faults(entry, ("unit",), shape.unit, names)
    if shape.aggregate == "count" and shape.column:
        do = "Write count_distinct, or put the condition into 'where'."
        faults.append(entry.fault(("column",), "'count' counts rows and takes no column", do))
    if shape.aggregate == "share" and shape.column:
        faults.append(entry.fault(("column",), "'share' counts those who get there and takes no column"))
    if shape.aggregate == "average":
        faults += _average_faults(entry, clock)
    if shape.aggregate not in ("count", "share", "average") and not shape.column:
        faults.append(entry.fault((), f"{shape.aggregate!r} needs the key 'column'"))
    if (shape.quantile is not None) != (shape.aggregate == "quantile"):
        what = "'quantile' needs the key 'quantile'" if shape.quantile is None else "only 'quantile' takes this key"
        faults.append(entry.fault(("quantile",), what, "Write it as quantile: 0.9."))
    empty = _empty(entry, faults)
    if shape.unfinished == "waiting" and not _can_wait(shape, clock, value):
        what = "only the median or a quantile of the time from entering to getting there knows who waits, and a share"
        do = "Write aggregate: median, column: days(a, b) and clock: {reached: {from: a, to: b, within: ever}}."
        faults.append(entry.fault(("unfinished",), what, do))
    if shape.aggregate == "share":
        faults += _share_faults(entry, clock)
    table: Table | None = None
    if shape.table not in tables:
        faults.append(entry.fault(("table",), *unknown("table", shape.table, tables)))
    else:
        table = tables[shape.table]
    if table is not None:
        columns = readable(table, tables)
        place = f"the table {table.id!r}"
        if condition is not None:
            condition, problems = check_predicate(condition, columns, place)
            faults += [entry.fault(("where",), p.what, p.do) for p in problems]
        if value is not None:
            typed, problems = check_row_value(value, columns, place)
            faults += [entry.fault(("column",), p.what, p.do) for p in problems]
            if typed is not None and not problems:
                value = typed.value
                _check_value(entry, typed, table, tables, faults)
        _check_clock(entry, clock, columns, tables, faults)
        for i, split in enumerate(shape.splits or ()):
            if split not in table.splits:
                what, do = unknown("split", split, table.splits)
                do = do or f"The splits of {table.id!r} are {', '.join(table.splits) or 'none'}."
                faults.append(entry.fault(("splits", i), what, do))
        if shape.per:
            faults += _per_faults(entry, table, clock)
        if shape.aggregate == "average" and table.versions:
            faults.append(entry.fault(("table",), f"the rows of {table.id!r} change; an average of them is not known"))
        if shape.aggregate == "count" and not _is_count(shape.unit):
            what = f"rows of {table.id!r} are counted in {table.subject}, and the file says {shape.unit}"
            faults.append(entry.fault(("unit",), what))
    return Measure(
        id=entry.id,
        title=shape.title or entry.id,
        table=shape.table,
        aggregate=shape.aggregate,
        clock=clock,
        unit=shape.unit,
        column=value,
        where=condition,
        quantile=shape.quantile,
        empty=empty,
        splits=shape.splits,
        negatives=shape.negatives,
        unfinished=shape.unfinished,
        per=shape.per,
        limit=None if shape.limit is None else Limit(shape.limit.of, shape.limit.by, shape.limit.counts),
        lag=None if shape.lag is None else Lag(shape.lag.of, shape.lag.over, shape.lag.spread),
        about=shape.about,
        path=entry.document.path,
    )


def _clock(shape: MeasureShape) -> Clock:
    clock = shape.clock
    if clock.alive is not None:
        return Alive(clock.alive.start, clock.alive.until)
    if clock.latest is not None:
        return Latest(clock.latest.at, clock.latest.per, clock.latest.within)
    if clock.reached is not None:
        r = clock.reached
        return Reached(r.start, r.to, r.within, r.mature, r.outcome)
    return At(clock.at or "")


def _parsed(entry: MeasureEntry, faults: list[Fault]) -> tuple[RowValue | None, Predicate | None]:
    value: RowValue | None = None
    condition: Predicate | None = None
    try:
        value = parse_row_value(entry.shape.column) if entry.shape.column else None
    except LanguageError as error:
        faults.append(entry.fault(("column",), str(error)))
    try:
        condition = parse_predicate(entry.shape.where) if entry.shape.where else None
    except LanguageError as error:
        faults.append(entry.fault(("where",), str(error)))
    return value, condition


def _empty(entry: MeasureEntry, faults: list[Fault]) -> int | None:
    """The value of nothing: as stated, else 0 for counts and sums and none for the rest."""
    shape = entry.shape
    default = 0 if shape.aggregate in (*ADDED_UP, "average") and shape.lag is None else None
    if "empty" not in shape.model_fields_set:
        return default
    if shape.empty not in (0, None):
        faults.append(entry.fault(("empty",), "the value of nothing is 0 or null"))
    if shape.empty == 0 and default is None:
        faults.append(entry.fault(("empty",), f"the {shape.aggregate} of nothing is no value", "Write empty: null."))
    return shape.empty


def _share_faults(entry: MeasureEntry, clock: Clock) -> Iterator[Fault]:
    """Faults of a share of a cohort: it needs a limit in days or longer, counts who waits, and is a pure number."""
    shape = entry.shape
    limited = isinstance(clock, Reached) and clock.within.unit in ("day", "week", "month", "quarter", "year")
    if not limited:
        do = "Write clock: {reached: {from: a, to: b, within: 180 days}}."
        yield entry.fault(("clock",), "'share' is of a cohort, within a number of days or longer", do)
    elif isinstance(clock, Reached) and clock.mature is not None:
        yield entry.fault(("clock", "reached", "mature"), "a 'share' counts entries of any age, each while it was seen")
    if shape.unfinished != "waiting":
        yield entry.fault((), "'share' counts those who wait", "Write unfinished: waiting.")
    if shape.unit != ONE:
        yield entry.fault(("unit",), f"a share is a pure number, and the file says {shape.unit}", "Write unit: '1'.")


def _average_faults(entry: MeasureEntry, clock: Clock) -> Iterator[Fault]:
    """Faults of an average of a stock: it counts rows that stand from one date to another."""
    if entry.shape.column:
        yield entry.fault(("column",), "'average' counts the rows of a stock and takes no column")
    if not isinstance(clock, Alive):
        do = "Write clock: {alive: {from: a, until: b}}."
        yield entry.fault(("clock",), "'average' is of a stock, over the days of a period", do)
    if not _is_count(entry.shape.unit):
        yield entry.fault(("unit",), f"rows are counted in a subject, and the file says {entry.shape.unit}")


def _per_faults(entry: MeasureEntry, table: Table, clock: Clock) -> Iterator[Fault]:
    """Faults of the column by which a mean is taken first."""
    if entry.shape.aggregate != "mean":
        yield entry.fault(("per",), f"only a mean is taken per something first, not a {entry.shape.aggregate!r}")
    if not isinstance(clock, At | Latest):
        yield entry.fault(
            ("clock",), "a mean is taken per something first of rows by a date", "Write clock: {at: day}."
        )
    if table.column(entry.shape.per) is None:
        yield entry.fault(("per",), *unknown("column", entry.shape.per, [c.id for c in table.columns]))


def _lag_faults(entry: MeasureEntry, measures: Mapping[str, Measure | None]) -> Iterator[Fault]:
    """Faults of a lag: a sum of a column by its date, and a measure of finished lengths of time to go by."""
    lag = entry.shape.lag
    if lag is None:
        return
    if entry.shape.aggregate != "sum" or entry.shape.clock.at is None:
        yield entry.fault(("lag",), "only a sum by a date can count later", "Write clock: {at: day}.")
    if lag.of not in measures:
        yield entry.fault(("lag", "of"), *unknown("measure", lag.of, measures))
    elif (of := measures[lag.of]) is not None and not (isinstance(of.clock, At) and isinstance(of.column, Elapsed)):
        yield entry.fault(("lag", "of"), f"{lag.of!r} tells no finished lengths of time by a date")
    if lag.over == EVER:
        yield entry.fault(("lag", "over"), "a lag goes by a limited time, such as 12 months")
    if entry.shape.empty is not None:
        what = "no rows are no zero where it may not be known how much later rows count"
        yield entry.fault(("empty",), what, "Write empty: null.")


def _limit_faults(entry: MeasureEntry, table: Table | None, measures: Mapping[str, Measure | None]) -> Iterator[Fault]:
    """Faults of a limit: rows of a stock are counted, by a measure of how long other rows of the same table took."""
    limit = entry.shape.limit
    if limit is None:
        return
    if entry.shape.aggregate != "count" or entry.shape.column or entry.shape.clock.alive is None:
        do = "Write aggregate: count and clock: {alive: {from: a, until: b}}."
        yield entry.fault(("limit",), "only rows of a stock have a limit", do)
    if limit.of not in measures:
        yield entry.fault(("limit", "of"), *unknown("measure", limit.of, measures))
    elif (of := measures[limit.of]) is not None:
        timed = isinstance(of.clock, At) and isinstance(of.column, Elapsed) and of.aggregate in ("median", "quantile")
        if not timed:
            yield entry.fault(("limit", "of"), f"{limit.of!r} tells no quantile of finished lengths of time by a date")
        elif of.table != entry.shape.table:
            yield entry.fault(("limit", "of"), f"{limit.of!r} is of {of.table!r}, not {entry.shape.table!r}")
    if table is None:
        return
    if table.versions:
        yield entry.fault(("table",), f"the rows of {table.id!r} change; how long they stand so is not known")
    for i, name in enumerate(limit.by):
        column = table.column(name)
        if column is None:
            yield entry.fault(("limit", "by", i), *unknown("column", name, [c.id for c in table.columns]))
        elif column.type.kind is not Kind.TEXT:
            yield entry.fault(("limit", "by", i), f"rows are alike in a text, and {name!r} is of type {column.type}")


def _can_wait(shape: MeasureShape, clock: Clock, value: RowValue | None) -> bool:
    """Whether a measure is a quantile of the time between the two dates of a cohort without a limit."""
    if shape.aggregate == "share":
        return True
    if not isinstance(clock, Reached) or not everyone_counts(clock) or not isinstance(value, Elapsed):
        return False
    return shape.aggregate in ("median", "quantile") and (value.start.id, value.end.id) == (clock.start, clock.to)


def _is_count(unit: Unit) -> bool:
    return len(unit.powers) == 1 and unit.powers[0][1] == 1 and unit.powers[0][0] not in BASE_UNITS


def _check_value(
    entry: MeasureEntry, typed: Typed, table: Table, tables: Mapping[str, Table | None], faults: list[Fault]
) -> None:
    """Faults where what is aggregated does not fit the aggregate or the unit."""
    shape = entry.shape
    if shape.aggregate == "count_distinct":
        if not _is_count(shape.unit):
            what = f"distinct values are counted in a subject, and the file says {shape.unit}"
            faults.append(entry.fault(("unit",), what))
        elif isinstance(typed.value, ColumnName):
            subject = _subject(table, typed.value.id, tables)
            if subject and shape.unit != Unit.of(**{subject: 1}):
                what = f"{typed.value.id!r} names {subject}s, and the file counts them in {shape.unit}"
                faults.append(entry.fault(("unit",), what))
        return
    if typed.kind not in NUMERIC:
        what = f"{shape.aggregate!r} needs a number, and {shape.column!r} is of type {typed.kind}"
        faults.append(entry.fault(("column",), what))
        return
    if typed.kind is Kind.MONEY or shape.unit == Unit.of(money=1):
        fits = typed.kind is Kind.MONEY and shape.unit == Unit.of(money=1)
    else:
        fits = typed.unit is None or typed.unit in (ONE, shape.unit)
    if not fits:
        unit = typed.unit if typed.unit is not None else "a number without a unit"
        faults.append(entry.fault(("unit",), f"{shape.column!r} is in {unit}, and the file says {shape.unit}"))


def _subject(table: Table, column: str, tables: Mapping[str, Table | None]) -> str:
    """The subject whose ids a column holds, where the table says so."""
    found = table.column(column)
    if table.key == (column,):
        return table.subject
    references = found.references if found is not None else ()
    target = tables.get(references[0].table) if len(references) == 1 and not references[0].by else None
    return target.subject if target is not None else ""


def _check_clock(
    entry: MeasureEntry,
    clock: Clock,
    columns: Mapping[str, Column],
    tables: Mapping[str, Table | None],
    faults: list[Fault],
) -> None:
    dated: list[tuple[KeyPath, str]] = []
    match clock:
        case At(at):
            dated = [(("clock", "at"), at)]
        case Alive(start, until):
            dated = [(("clock", "alive", "from"), start)]
            if until:
                dated.append((("clock", "alive", "until"), until))
        case Latest(at, per):
            dated = [(("clock", "latest", "at"), at)]
            for i, name in enumerate(per):
                if name not in columns:
                    faults.append(entry.fault(("clock", "latest", "per", i), *unknown("column", name, columns)))
        case Reached(start, to, _, _, outcome):
            dated = [(("clock", "reached", "from"), start), (("clock", "reached", "to"), to)]
            if outcome and outcome not in tables:
                faults.append(entry.fault(("clock", "reached", "outcome"), *unknown("table", outcome, tables)))
    for key, name in dated:
        if name not in columns:
            faults.append(entry.fault(key, *unknown("column", name, columns)))
        elif columns[name].type.kind not in DATED:
            what = f"a clock runs on a day or time column, and {name!r} is of type {columns[name].type}"
            faults.append(entry.fault(key, what))
