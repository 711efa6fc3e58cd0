"""Decides how a question is answered: scans, windows, joins, refusals. `render` only spells what stands here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from headwater.errors import QueryError, nearest
from headwater.metrics.aggregates import aggregates_of, by_numbers, means_first, number_of
from headwater.metrics.cohorts import cohort_aggregates, observed_until
from headwater.metrics.formula import Asked, Moment, Need, needs, resolve
from headwater.metrics.planned import Block, Context, Field, Plan, Window, variant_name
from headwater.metrics.quantiles import quantile_block, rank_bounds, ranked_rows
from headwater.metrics.rows import rows_in_windows
from headwater.metrics.scans import currency_of, divisor, knows_later, needs_rates, segment_keys, splits_of
from headwater.metrics.stocks import is_versioned, told_by
from headwater.metrics.waiting import knows_waiting, waiting_counts
from headwater.metrics.windows import are_steps, periods_of, read_over, window_of
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Name, Predicate
from headwater.model.generation import Generation
from headwater.model.lowering import columns_in
from headwater.model.measure import Alive, At, Latest, Measure, Reached
from headwater.model.period import Grain
from headwater.model.plan import Group, Named, NamedAgg, Relation, Scalar
from headwater.model.question import Question
from headwater.model.settings import Settings


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
    periods = periods_of(question, measures, context)
    moments = tuple(dict.fromkeys(n.moment for n in all_needs))
    windows = {(i, m): window_of(question, period, m, settings) for i, period in enumerate(periods) for m in moments}
    ranked = frozenset(name for a in asked for name in _ranked(a, measures))
    blocks = _blocks(question, all_needs, measures, windows, condition, context, ranked)
    return Plan(question, asked, periods, windows, blocks, needed, condition, context)


def _ranked(asked: Asked, measures: Mapping[str, Measure]) -> Iterator[str]:
    """The measure whose interval comes from the ranks of its values, if it is one; a mean is none of them."""
    match asked.formula:
        case Name(name) if asked.variant.interval == "quantile" and measures[name].aggregate in ("median", "quantile"):
            if not knows_waiting(measures[name]):
                yield name


def _check_splits(measures: Mapping[str, Measure], question: Question, catalogue: Catalogue) -> None:
    if not measures or not question.by:
        return
    offers = {m.id: splits_of(m, catalogue) for m in measures.values()}
    for split in question.by:
        lacking = [m for m, has in offers.items() if split not in has]
        if lacking:
            common = [s for s in next(iter(offers.values())) if all(s in o for o in offers.values())]
            offered = f"This question can be split by: {', '.join(common) or 'nothing'}."
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
    count the values of one column by its numbers in another (see `by_numbers`)."""
    places: dict[tuple[object, ...], list[_Seat]] = {}
    by_measure: dict[tuple[str, bool, bool], dict[Moment, None]] = {}
    for need in all_needs:
        by_measure.setdefault((need.measure, need.moment.total, need.moment.lost), {})[need.moment] = None
    read: dict[tuple[tuple[Moment, ...], bool], tuple[Window, ...]] = {}
    entries: dict[tuple[str, str], list[Scalar]] = {}
    for (measure_id, total, _), moments in sorted(by_measure.items(), key=lambda m: _order(measures[m[0][0]])):
        measure = measures[measure_id]
        over = (tuple(moments), isinstance(measure.clock, Alive | Latest) and measure.aggregate != "average")
        if over not in read:
            read[over] = _read_over(measure, frozenset(moments), windows)
        if not (ordered := read[over]):
            continue
        asked = columns_in(condition) | (frozenset() if total else frozenset(question.by))
        alone = measure.id in ranked or knows_waiting(measure)
        alone = alone or bool(measure.per) or measure.lag is not None or measure.aggregate == "average"
        if measure.aggregate == "average" and ordered[0].start is None:
            do = "Add one, such as 2025."
            raise QueryError("an average over the days of a period needs a period", where=question.kpis[0], do=do)
        clock: object = measure.clock
        table = context.catalogue.tables[measure.table]
        if isinstance(measure.clock, Reached):  # those that enter alike and are observed as long share a scan
            alone = alone or measure.clock.mature == "p95"
            seen = observed_until(measure.clock, table, question, context)
            clock = (measure.clock.start, seen)
            if not alone:
                entries.setdefault((measure.table, measure.clock.start), []).append(seen)
        money = currency_of(measure, context) if needs_rates(measure, context) else ""
        versioned = is_versioned(measure, asked, context)
        number = number_of(measure, context, versioned=versioned)
        rows = told_by(measure, table) if isinstance(measure.clock, Latest) else None  # which row is the last
        limit = None if measure.limit is None else (measure.limit.of, measure.limit.by)
        place = (measure.table, clock, total, versioned, alone and measure.id, rows, number, limit)
        if isinstance(measure.clock, At) and not alone:
            for seen in entries.get((measure.table, measure.clock.at), ()):
                shared = (measure.table, (measure.clock.at, seen), *place[2:])
                if shared in places and not knows_later(measure, table, asked):  # whenever the day is, it is told
                    place = shared
        places.setdefault(place, []).append(_Seat(measure, ordered, total, money))
    return tuple(
        _block(
            question,
            tuple(s.measure for s in seats),
            seats[0].windows,
            seats[0].total,
            condition,
            context,
            ranked=seats[0].measure.id in ranked,
        )
        for of_place in places.values()
        for seats in _together(of_place, question.grain)
    )


def _order(measure: Measure) -> bool:
    """Cohorts first: what counts their entries finds a scan then. Else as they were."""
    return not isinstance(measure.clock, Reached)


def _read_over(
    measure: Measure, moments: frozenset[Moment], windows: Mapping[tuple[int, Moment], Window | None]
) -> tuple[Window, ...]:
    """The windows in which a measure is read at some moments, each once, in order."""
    found = {read_over(measure, m, w) for (_, m), w in windows.items() if m in moments and w is not None}
    return tuple(sorted(found, key=lambda w: (w.end, w.start or date.min)))


class _Seat(NamedTuple):
    """A measure with the windows it is read over; `money`: the column of the currency it is converted from."""

    measure: Measure
    windows: tuple[Window, ...]
    total: bool
    money: str


def _together(seats: list[_Seat], grain: Grain) -> Iterator[list[_Seat]]:
    """The measures of a place by scan: those of the same windows, converted from one currency or none. Windows that
    are steps side by side are put together with those of others: a scan tells one more step at no cost."""
    found: list[list[_Seat]] = []
    for seat in sorted(seats, key=lambda s: not s.money):
        for scan in found:
            windows = _common(scan[0].windows, seat.windows, seat.measure, grain)
            if windows is not None and (not seat.money or seat.money == scan[0].money):
                scan[:] = [s._replace(windows=windows) for s in (*scan, seat)]
                break
        else:
            found.append([seat])
    yield from found


def _common(a: tuple[Window, ...], b: tuple[Window, ...], measure: Measure, grain: Grain) -> tuple[Window, ...] | None:
    """The windows of both, where one scan can tell them as it tells each; else None."""
    if a == b:
        return a
    if not isinstance(measure.clock, At | Reached):
        return None
    both = tuple(sorted({*a, *b}, key=lambda w: (w.end, w.start or date.min)))
    return both if all(are_steps(w, grain) for w in (a, b, both)) else None


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
    rated = frozenset(m.id for m in measures if needs_rates(m, context))
    number = number_of(measures[0], context, versioned=any(is_versioned(m, names, context) for m in measures))
    extra = tuple(m.per for m in measures if m.per)
    rows = rows_in_windows(
        question, measures, table, names, windows, condition, context,
        total=total, rated=rated, keep_extra=extra, number=number,
    )  # fmt: skip
    if knows_waiting(measures[0]):
        counted, field = waiting_counts(rows.relation, rows.window, question, measures[0], table, context, total=total)
        return Block(counted, windows, () if total else question.by, total, (field,), measures[0])
    aggregates, fields = list[NamedAgg](), list[Field]()
    for i, measure in enumerate(measures):
        converted = measure.id in rated
        if isinstance(measure.clock, Reached):
            found, names_of = cohort_aggregates(measure, i, rated=converted)
        else:
            found, names_of = aggregates_of(measure, i, rated=converted, versioned=rows.versioned)
        aggregates += found
        fields.append(Field(measure.id, f"m{i}", names_of, divisor(measure)))
    keys = (Named("_w", rows.window), *segment_keys(question, total, table))
    source = rows.relation
    splits = () if total else question.by
    if ranked and not (rated or rows.versioned or isinstance(measures[0].clock, Reached)):
        stored = context.generation.table(table.id)
        relation, field = quantile_block(source, keys, measures[0], table, 0 if stored is None else stored.rows)
        return Block(relation, windows, splits, total, (field,))
    if ranked:
        source = ranked_rows(source, keys, measures[0])
        aggregates += rank_bounds(measures[0])
        fields = [replace(fields[0], names=(*fields[0].names, "low", "high"))]
    if measures[0].per:
        made: Relation = means_first(source, keys, aggregates, measures[0].per)
    elif number:
        made = by_numbers(source, keys, aggregates)
    else:
        made = Group(source, keys, tuple(aggregates))
    return Block(made, windows, splits, total, tuple(fields))
