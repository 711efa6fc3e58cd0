"""Observations from the rows a plan's statements gave: aligned on periods and segments, then the formula applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headwater.metrics.formula import HERE, Asked, Moment, moments, needs
from headwater.metrics.intervals import interval
from headwater.metrics.lags import not_known
from headwater.metrics.planned import Block, Context, Field, Plan, Window, variant_name
from headwater.metrics.reading import Exact, Reading
from headwater.metrics.waiting import knows_waiting, settled, share_of
from headwater.metrics.windows import read_over, step_start
from headwater.model.expression import Binary, Call, Elapsed, Formula, Name, Negate, Number
from headwater.model.filled import speechless, unfilled
from headwater.model.measure import Alive, At, Lag, Latest, Measure, Reached
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.model.table import VERSIONS_SUFFIX

Segment = tuple[str | None, ...]


@dataclass(slots=True)
class Notes:
    """What was met while a formula was applied: qualities, sentences, and what the number rests on."""

    quality: set[str] = field(default_factory=set)
    detail: list[str] = field(default_factory=list)
    left_out: int | None = None
    n: int | None = None
    reading: Reading | None = None

    def say(self, quality: str, sentence: str) -> None:
        """Note a quality (or none) and a sentence, each once."""
        if quality:
            self.quality.add(quality)
        if sentence and sentence not in self.detail:
            self.detail.append(sentence)

    def take_n(self) -> int | None:
        """What the number rests on so far; counting begins anew."""
        n, self.n = self.n, None
        return n


Readings = Mapping[tuple[str, bool, Window], Mapping[Segment, Reading]]


def collect(plan: Plan, results: Sequence[Sequence[tuple[object, ...]]]) -> Readings:
    """The readings of every measure, by (measure, over all segments, window) and segment."""
    found: dict[tuple[str, bool, Window], dict[Segment, Reading]] = {}
    for block, given in zip(plan.blocks, results, strict=True):
        rows = given if block.waiting is None else settled(block, given)
        places = _places(block, plan.question.grain)
        first = at = 1 + len(block.splits)
        of_fields = []
        for block_field in block.fields:
            by_window: dict[Window, dict[Segment, Reading]] = {
                window: found.setdefault((block_field.measure, block.total, window), {}) for window in block.windows
            }
            of_fields.append((by_window, _reader(block_field, at)))
            at += len(block_field.names)
        if not all(len(row) == at for row in rows):
            raise ValueError(f"a row of {plan.question.kpis} has not {at} columns")
        for row in rows:
            window = places[row[0]]
            segment: Segment = tuple([None if v is None else str(v) for v in row[1:first]])
            for by_window, reading in of_fields:
                by_window[window][segment] = reading(row)
    return found


def _places(block: Block, grain: Grain) -> dict[object, Window]:
    places: dict[object, Window] = dict(enumerate(block.windows))
    if len(block.windows) > 1:
        for window in block.windows:
            if window.start is not None and grain is not Grain.ALL:
                places.setdefault(step_start_or_none(window, grain), window)
    return places


def step_start_or_none(window: Window, grain: Grain) -> date | None:
    """The calendar step's first day, where the grain is a plain calendar step."""
    if grain in (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR):
        return step_start(window, grain)
    return None


_NUMBERS = (int, float, Decimal)


def _exact(value: object) -> Exact | None:
    return value if isinstance(value, _NUMBERS) else None


def _whole(value: object) -> int:
    return int(value) if isinstance(value, _NUMBERS) else 0


def _divided(value: Exact | None, by: int) -> Exact | None:
    if value is None or by == 1:
        return value
    return float(value) / by


def _reader(of: Field, first: int) -> Callable[[tuple[object, ...]], Reading]:
    """How a row gives the reading of a field whose columns begin at `first`."""
    divide = of.divide
    if of.names == ("value", "n"):
        return lambda row: Reading(_divided(_exact(row[first]), divide), _whole(row[first + 1]))
    takers = [(_PLACE_OF[name], first + i, _TAKEN[name]) for i, name in enumerate(of.names)]

    def reading(row: tuple[object, ...]) -> Reading:
        values = _NOTHING.copy()
        for place, i, take in takers:
            if (value := row[i]) is not None:
                values[place] = take(value, divide)
        return Reading._make(values)

    return reading


_PLACE_OF = {name: Reading._fields.index({"sum": "total"}.get(name, name)) for name in ("sum", *Reading._fields)}
_NOTHING: list[Any] = [None, 0, *(Reading._field_defaults[name] for name in Reading._fields[2:])]

_TAKEN: Mapping[str, Callable[[object, int], Any]] = (
    dict.fromkeys(("value", "entered", "sum", "total"), lambda v, divide: _divided(_exact(v), divide))
    | dict.fromkeys(("low", "high", "longest", "deviation"), lambda v, divide: _float(_divided(_exact(v), divide)))
    | dict.fromkeys(
        ("n", "entered_n", "left_out", "negative", "unrated", "unversioned", "mature_days"), lambda v, _: _whole(v)
    )
)
"""How the columns of a block become the fields of a reading: exact values, real ones, counts."""


def observe(plan: Plan, results: Sequence[Sequence[tuple[object, ...]]]) -> tuple[Observation, ...]:
    """The Observations of a plan, by KPI as asked, then period, then segment."""
    out: list[Observation] = []
    for evaluation in evaluations(plan, results):
        segments = evaluation.segments()
        for index, period in enumerate(plan.periods):
            out.extend(evaluation.observation(index, period, segment) for segment in segments)
    return tuple(out)


def evaluations(plan: Plan, results: Sequence[Sequence[tuple[object, ...]]]) -> tuple[Evaluation, ...]:
    """The formula of each KPI asked, over the rows that the plan's statements gave."""
    readings, lacking = collect(plan, results), _lacking(plan)
    known = Known(lacking, tuple(_cut(plan, period) for period in plan.periods))
    return tuple(Evaluation(plan, asked, readings, known) for asked in plan.asked)


def _cut(plan: Plan, period: Period | None) -> tuple[str, ...]:
    """In what way a period is cut short, by the day asked as of or by the period asked."""
    if period is None:
        return ()
    question, told = plan.question, []
    last = period.end - timedelta(1)
    if last > question.as_of:
        told.append(f"the period runs to {last}, asked as of {question.as_of}")
    if question.grain is not Grain.ALL:
        whole = plan.context.settings.calendar.period(period.start, question.grain)
        if whole != period:
            told.append(f"covers {period.days} of {whole.days} days")
    return tuple(told)


def _lacking(plan: Plan) -> Mapping[str, str]:
    """By measure, the column that no source fills and without which it, or the one it goes by, can say nothing; an
    empty text for others."""
    catalogue, generation = plan.context.catalogue, plan.context.generation
    names = {need.measure for needs in plan.needs.values() for need in needs}
    behind = {name: (name, *((other,) if (other := catalogue.measures[name].goes_by) else ())) for name in names}
    read = {catalogue.measures[one].table for both in behind.values() for one in both}
    empty = {t: unfilled(catalogue.tables[t], generation) for t in read}

    def lacks(name: str) -> str:
        measure = catalogue.measures[name]
        column = speechless(measure, empty[measure.table])
        return f"{measure.table}.{column}" if column else ""

    return {name: next(filter(None, map(lacks, both)), "") for name, both in behind.items()}


_Cell = tuple[Measure, Mapping[Segment, Reading] | None, str]
"""A measure, its readings at one moment of one period, and why it has none."""

Edges = tuple[str, date | None, str, date | None]
"""Why a measure never has rows, or where its data begins, what it is that begins there, and where it ends."""


@dataclass(frozen=True, slots=True)
class Known:
    """What all formulas of a plan share. `lacking`: by measure, the column it would need that no source fills; an empty
    text where there is none. `cut`: by period, in what way it is cut short. The others are filled as they are asked."""

    lacking: Mapping[str, str]
    cut: tuple[tuple[str, ...], ...]
    cells: dict[tuple[str, int, Moment], _Cell] = field(default_factory=dict)
    edges: dict[str, Edges] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Same:
    """What is the same for every number of a KPI; and by period, what cuts it short."""

    unit: str
    currency: str
    bottom_counts: bool
    through: tuple[tuple[str, date], ...]
    partial: dict[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One KPI's formula over the readings of a plan."""

    plan: Plan
    asked: Asked
    readings: Readings
    known: Known
    _same: _Same = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        formula, powers = self.asked.formula, self.asked.variant.unit.powers
        money = ("money", 1) in powers or ("money", -1) in powers
        is_quotient = isinstance(formula, Binary) and formula.operator == "/"
        same = _Same(
            unit=str(self.asked.variant.unit),
            currency=self.context.settings.currency if money else "",
            bottom_counts=isinstance(formula, Binary) and is_quotient and self._counts(formula.right),
            through=() if formula is None else self._through(formula),
        )
        object.__setattr__(self, "_same", same)

    @property
    def context(self) -> Context:
        """What the plan was made from."""
        return self.plan.context

    def segments(self) -> tuple[Segment, ...]:
        """Every segment that any measure of this KPI has in any window it is read over, empty values last; of a KPI
        that cannot be reckoned yet the one without values, to say so in. A scan may tell more windows, for others."""
        if not self.plan.question.by:
            return ((),)
        if self.asked.formula is None:
            return ((None,) * len(self.plan.question.by),)
        plan, found = self.plan, set[Segment]()
        for need in plan.needs[variant_name(self.asked)]:
            measure, moment = self.context.catalogue.measures[need.measure], need.moment
            windows = (plan.windows[i, moment] for i in range(len(plan.periods)) if not moment.total)
            for window in {read_over(measure, moment, w) for w in windows if w is not None}:
                found.update(self.readings[measure.id, False, window])
        return tuple(sorted(found, key=lambda s: tuple((v is None, v or "") for v in s)))

    def observation(self, index: int, period: Period | None, segment: Segment) -> Observation:
        """The one number of a period and a segment."""
        kpi, variant, question, same = self.asked.kpi, self.asked.variant, self.plan.question, self._same
        notes = Notes()
        value: float | None = None
        top: float | None = None
        bottom: float | None = None
        if self.asked.formula is None:
            notes.say("needs", f"needs {self.asked.needs}")
        else:
            value, top, bottom = self._apply(self.asked.formula, index, segment, notes)
            for sentence in self._partial(index, period):
                notes.say("partial", sentence)
        low = high = None
        if value is not None:
            low, high = interval(variant.interval, value, top, bottom, notes.n, notes.reading)
            if (
                notes.n is not None
                and notes.n < kpi.small_sample
                and (bottom is not None or variant.interval != "none")
            ):
                notes.say("small_sample", f"rests on {notes.n} only")
        elif not notes.quality:
            notes.say("no_data", "no rows to compute it from")
        return Observation(
            kpi=kpi.id,
            variant=variant.id,
            basis=variant.basis,
            funnel="",
            filter=question.filter,
            period_start=None if period is None else period.start,
            period_end=None if period is None else period.end,
            grain=question.grain.value,
            segment=tuple(zip(question.by, segment, strict=True)),
            series="actual",
            series_id="",
            value=value,
            numerator=top,
            denominator=bottom,
            subjects=notes.n,
            left_out=notes.left_out,
            low=low,
            high=high,
            unit=same.unit,
            currency=same.currency,
            quality=tuple(sorted(notes.quality)) if notes.quality else (),
            detail="; ".join(notes.detail) if notes.detail else "",
            as_of=question.as_of,
            definition=kpi.hash,
            data=self.context.generation.id,
        )

    def _partial(self, index: int, period: Period | None) -> tuple[str, ...]:
        """In what way a period is cut short, also by data that does not reach its end."""
        told = self._same.partial.get(index)
        if told is None:
            told = self.known.cut[index]
            if period is not None:
                last = min(period.end - timedelta(1), self.plan.question.as_of)
                short = [(source, through) for source, through in self._same.through if through < last]
                told += tuple(f"source {source!r} is complete through {through} only" for source, through in short)
            self._same.partial[index] = told
        return told

    def _through(self, formula: Formula) -> tuple[tuple[str, date], ...]:
        """Through which day each source has delivered the tables of a formula."""
        generation, measures = self.context.generation, self.context.catalogue.measures
        tables = dict.fromkeys(measures[n.measure].table for n in needs(formula))
        return tuple(
            (source, through)
            for table in tables
            if (stored := generation.table(table)) is not None
            for source, through in stored.complete_through
            if through is not None
        )

    # --- formula -----------------------------------------------------------------------------------------------------
    def value(self, formula: Formula, index: int, segment: Segment, notes: Notes) -> Exact | None:
        """The value of a part of the formula in a period and a segment."""
        return self._value(formula, index, segment, HERE, False, notes)

    def _apply(
        self, formula: Formula, index: int, segment: Segment, notes: Notes
    ) -> tuple[float | None, float | None, float | None]:
        """Value, numerator and denominator. A quotient at the top gives its parts; so does a mean."""
        if isinstance(formula, Binary) and formula.operator == "/":
            top = self._value(formula.left, index, segment, HERE, False, notes)
            top_n = notes.take_n()
            bottom = self._value(formula.right, index, segment, HERE, False, notes)
            if notes.n is None:
                notes.n = top_n
            elif bottom is not None and self._same.bottom_counts:
                notes.n = int(bottom)
            return self._divide(top, bottom, notes), _float(top), _float(bottom)
        if isinstance(formula, Name):
            measure = self.context.catalogue.measures[formula.id]
            value = self._value(formula, index, segment, HERE, False, notes)
            if measure.aggregate == "mean" and notes.reading is not None:
                return _float(value), _float(notes.reading.total), float(notes.reading.n)
            return _float(value), None, None
        return _float(self._value(formula, index, segment, HERE, False, notes)), None, None

    def _counts(self, formula: Formula) -> bool:
        """Whether a formula says how many there are: counts, also added to or taken from each other."""
        match formula:
            case Name(name):
                return self.context.catalogue.measures[name].aggregate in ("count", "count_distinct")
            case Call(function, argument):
                return function not in ("growth", "share") and self._counts(argument)
            case Binary("+" | "-", left, right):
                return self._counts(left) and self._counts(right)
            case _:
                return False

    def _divide(self, top: Exact | None, bottom: Exact | None, notes: Notes) -> float | None:
        if top is None or bottom is None:
            return None
        if bottom == 0:
            notes.say("" if "immature" in notes.quality else "zero_denominator", "the denominator is zero")
            return None
        return float(top) / float(bottom)

    def _value(
        self, formula: Formula, index: int, segment: Segment, moment: Moment, entered: bool, notes: Notes
    ) -> Exact | None:
        match formula:
            case Number(value):
                return value
            case Negate(of):
                inner = self._value(of, index, segment, moment, entered, notes)
                return None if inner is None else -inner
            case Name(name):
                return self._read(name, index, segment, moment, entered, notes)
            case Binary(operator, left, right):
                a = self._value(left, index, segment, moment, entered, notes)
                b = self._value(right, index, segment, moment, entered, notes)
                return self._combine(operator, a, b, notes)
            case Call():
                return self._call(formula, index, segment, moment, entered, notes)

    def _combine(self, operator: str, a: Exact | None, b: Exact | None, notes: Notes) -> Exact | None:
        if a is None or b is None:
            return None
        if operator == "/":
            return self._divide(a, b, notes)
        if isinstance(a, float) or isinstance(b, float):
            a, b = float(a), float(b)
        match operator:
            case "+":
                return a + b  # type: ignore[operator]
            case "-":
                return a - b  # type: ignore[operator]
            case "*":
                return a * b  # type: ignore[operator]
            case _:
                raise ValueError(f"no operator is called {operator!r}")

    def _call(
        self, call: Call, index: int, segment: Segment, moment: Moment, entered: bool, notes: Notes
    ) -> Exact | None:
        read = dict(moments(call, moment))
        inside = entered or call.function == "entered"
        now = self._value(call.argument, index, segment, read["now"], inside, notes)
        if "base" not in read:
            return now
        n = notes.n
        base = self._value(call.argument, index, segment, read["base"], inside, notes)
        notes.n = n
        ratio = self._divide(now, base, notes)
        if ratio is None or call.function == "share":
            return ratio
        return ratio - 1

    def _read(
        self, name: str, index: int, segment: Segment, moment: Moment, entered: bool, notes: Notes
    ) -> Exact | None:
        cell = self.known.cells.get((name, index, moment))
        if cell is None:
            cell = self.known.cells[name, index, moment] = self._cell(name, index, moment)
        measure, found, reason = cell
        if found is None:
            notes.say("no_data", reason)
            return None
        reading = found.get(() if moment.total else segment)
        if reading is not None and measure.aggregate == "average" and reading.value is not None:
            window = self.plan.windows[index, moment]
            days = (window.end - window.start).days if window is not None and window.start is not None else 1
            reading = reading._replace(value=float(reading.value) / days)
        if reading is None:
            notes.n = notes.n or 0
            if measure.lag is not None:
                notes.say("no_data", _none_counts(measure, measure.lag, self.plan.question.as_of))
            if isinstance(measure.clock, Reached):
                notes.left_out = notes.left_out or 0
                return _of_a_cohort(measure, None)
            return measure.empty
        if measure.lag is not None and (window := self.plan.windows[index, moment]) is not None:
            reason = not_known(measure, reading, window, self.context)
            if reason:
                notes.say("no_data", reason)
                return None
        return self._noted(measure, reading, entered, notes)

    def _cell(self, name: str, index: int, moment: Moment) -> _Cell:
        """The readings of a measure at a moment of a period, or why it has nothing to say then."""
        measure = self.context.catalogue.measures[name]
        window = self.plan.windows[index, moment]
        if window is None:
            return measure, None, f"the period lies after {self.plan.question.as_of}, the day asked as of"
        if column := self.known.lacking[name]:
            return measure, None, f"no source fills {column!r}"
        window = read_over(measure, moment, window)
        found = self.readings[name, moment.total, window]
        if not any(r.n or r.entered_n or r.left_out for r in found.values()):
            reason = self._not_covered(measure, window)
            if reason is not None:
                return measure, None, reason
        return measure, found, ""

    def _noted(self, measure: Measure, reading: Reading, entered: bool, notes: Notes) -> Exact | None:
        notes.reading = reading
        if reading.unversioned:
            notes.say("no_data", f"{reading.unversioned} rows of {measure.table!r} have no version that early")
            return None
        if reading.unrated:
            notes.say("no_rate", f"{reading.unrated} rows have no exchange rate to {self.context.settings.currency}")
            return None
        if knows_waiting(measure):
            return _told_of_waiting(measure, reading, notes)
        if isinstance(measure.clock, Reached):
            notes.left_out = reading.left_out
            notes.n = reading.entered_n if entered else (notes.n if notes.n is not None else reading.entered_n)
            if reading.mature_days is not None:
                notes.say("", f"mature after {reading.mature_days} days, the 95th percentile of completed transitions")
            if reading.left_out:
                notes.say(
                    "immature" if not reading.entered_n else "",
                    f"{reading.left_out} entries are too young and left out",
                )
            if reading.negative:
                notes.say("", f"{reading.negative} reached it on a day before they entered")
            return _of_a_cohort(measure, reading.entered if entered else reading.value)
        notes.n = reading.n
        if reading.left_out:
            notes.left_out = (notes.left_out or 0) + reading.left_out
            if measure.limit is not None:
                alike = " and ".join(measure.limit.by)
                notes.say("", f"{reading.left_out} are left out: too few like them by {alike} are through")
            else:
                notes.say("", f"{reading.left_out} negative durations are left out")
        return measure.empty if reading.value is None else reading.value

    def _not_covered(self, measure: Measure, window: Window) -> str | None:
        edges = self.known.edges.get(measure.id)
        if edges is None:
            edges = self.known.edges[measure.id] = edges_of(measure, self.context)
        return not_covered(measure, window, edges)


def not_covered(measure: Measure, window: Window, edges: Edges) -> str | None:
    """Why a measure has nothing to say of a window at all: no source feeds it, or its data lies elsewhere."""
    never, begins, what, ends = edges
    if never:
        return never
    if begins is not None and window.end <= begins:
        return f"{what} begins on {begins}"
    if isinstance(measure.clock, Reached | Alive | Latest) or window.start is None:
        return None
    if ends is not None and window.start > ends:
        return f"{measure.table!r} is complete through {ends} only"
    return None


def _none_counts(measure: Measure, lag: Lag, as_of: date) -> str:
    """What is known where no rows count in a period: there were none, or nothing tells how much later they would."""
    later = f"each as much later as {lag.of!r} took in the {lag.over} up to {as_of}"
    return f"no rows of {measure.table!r} count then, {later}"


def _of_a_cohort(measure: Measure, value: Exact | None) -> Exact | None:
    """What a cohort's measure says where it may have no rows: how many or how much is zero then, a time is not."""
    if value is not None:
        return value
    return 0 if measure.aggregate in ("count", "count_distinct", "sum") else measure.empty


def _told_of_waiting(measure: Measure, reading: Reading, notes: Notes) -> Exact | None:
    """The time that a share of the entries needed; who waits still, and what is known where too few have got there."""
    notes.n, notes.left_out = reading.entered_n, reading.left_out
    if measure.aggregate != "share":
        notes.left_out += reading.negative
    if reading.negative:
        share = measure.aggregate == "share"
        told = "reached it on a day before they entered" if share else "negative durations are left out"
        notes.say("", f"{reading.negative} {told}")
    if reading.left_out:
        sentence = f"{reading.left_out} entries lie after the end of observation and are left out"
        notes.say("" if reading.entered_n else "immature", sentence)
    if not reading.entered_n:
        return measure.empty
    waiting = reading.entered_n - reading.n
    if waiting:
        notes.say("", f"{waiting} of {reading.entered_n} have not got there and count as waiting")
    if reading.value is not None:
        return reading.value
    if measure.aggregate == "share" and isinstance(measure.clock, Reached):
        limit, longest = measure.clock.within, reading.longest
        notes.say("immature", f"nobody was seen for {limit} without getting there; the longest was {longest:g} days")
        return None
    part = "half" if share_of(measure) == 0.5 else f"a share of {share_of(measure):g}"
    unit = measure.column.unit if isinstance(measure.column, Elapsed) else ""
    known = f"; with 95 % certainty it takes {reading.low:.4g} {unit} or more" if reading.low is not None else ""
    notes.say("immature", f"{part} of all have not got there within the {reading.longest:.4g} {unit} seen{known}")
    return None


def edges_of(measure: Measure, context: Context) -> Edges:
    """Where the data of a measure lies, for `not_covered`."""
    stored = context.generation.table(measure.table)
    if stored is None or stored.rows == 0:
        return f"no source feeds {measure.table!r}", None, "", None
    ends = max((through for _, through in stored.complete_through if through is not None), default=None)
    return "", *_begins(measure, context), ends


def _begins(measure: Measure, context: Context) -> tuple[date | None, str]:
    """The first day a measure can have rows on: its table's, where the clock is the table's main one, else that of all
    data; and whose day it is."""
    match measure.clock:
        case At(at) | Latest(at):
            column = at
        case Alive(start) | Reached(start):
            column = start
    generation, event = context.generation, context.catalogue.tables[measure.table].event
    stored = generation.table(measure.table)
    if column == event and stored is not None:
        return stored.first_day, repr(measure.table)
    days = [t.first_day for t in generation.tables if t.first_day is not None and not t.table.endswith(VERSIONS_SUFFIX)]
    return (min(days) if days else None), "the data"


def _float(value: Exact | None) -> float | None:
    return None if value is None else float(value)
