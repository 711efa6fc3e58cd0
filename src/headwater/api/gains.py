"""What a better rate of each stage is worth: its own best year's, or one that is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from headwater.api import show
from headwater.api.funnelled import placed
from headwater.api.linked import Linked
from headwater.api.measuring import Run
from headwater.api.numbers import Numbers
from headwater.metrics.observe import Evaluation, evaluations
from headwater.metrics.planned import Plan
from headwater.metrics.stages import Transition, name_of
from headwater.model.catalogue import Catalogue
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period, add_months
from headwater.model.question import Question

YEARS = 3
"""So many years back a stage's own best one is looked for."""

SEED = 20260101
"""The draws behind the interval of a gain."""

Values = tuple[str | None, ...]
"""Of a segment: its value of each split."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a stage loses in a period (its `number` in the question) and a segment by its rate.

    `entries`: who came to the stage before in the period. `year`: the twelve months to its last whole one. `worth`:
    what one that came to the end in them is worth on the mean; None where the funnel has no value. Without a value of
    its own, those who come to the end are counted, and it is no money. `n`: how many its rate rests on. `since`: the
    first month of its best twelve. `row`: as `analyses.funnel.gains` tells it.
    """

    pair: Transition
    number: int
    segment: Values
    year: Period
    entries: Observation
    worth: Observation | None
    n: int | None
    since: date | None
    given: bool
    row: Mapping[str, Any]

    @property
    def is_money(self) -> bool:
        """Whether it is told in money."""
        return self.worth is not None and self.worth.value is not None

    @property
    def held(self) -> str:
        """What its rate is held against."""
        return "the rate given" if self.given else f"the best twelve months, from {self.since}"


@dataclass(frozen=True, slots=True)
class Losses:
    """What the stages lose in the periods of a question; of a period without a whole month of data before its end there
    is none. `runs`: what was asked for it: entries, rates by month, what those at the end are worth."""

    periods: tuple[Period | None, ...]
    losses: tuple[Loss, ...]
    runs: tuple[Run, ...]


def losses_of(
    linked: Linked, known: Catalogue, question: Question, references: Mapping[str, float] | None = None
) -> Losses:
    """What each stage loses in each period and segment of a question by its rate being below that of its own best
    twelve months, or below the one given (by the step it leads to). Without a period it is the last twelve whole
    months. `known`: the catalogue with the funnel's own KPIs."""
    return _Losing(linked, known, question, references or {}).losses()


class _Losing:
    """The losses of one question."""

    def __init__(self, linked: Linked, known: Catalogue, question: Question, references: Mapping[str, float]) -> None:
        self.linked, self.known, self.question, self.references = linked, known, question, references
        self.pairs = linked.follow()
        self.end = linked.funnel.steps[-1].id

    def losses(self) -> Losses:
        """All of them."""
        question = self.question
        if question.period is None and question.grain is Grain.ALL and (seen := months_to(self.linked, question)):
            question = replace(question, period=_year(seen))
        entered = [p.start for p in self.pairs] or self.linked.funnel.steps
        counted = self._plan(question, [name_of("volume", s.id) for s in entered])
        months = tuple(months_to(self.linked, replace(question, period=p)) for p in counted.periods)
        some = [m for m in months if m is not None]
        if not self.pairs or not some:
            return Losses(counted.periods, (), self.linked.all_ran([counted]))
        ends = Period(add_months(min(m.end for m in some), -1), max(m.end for m in some))
        whole = replace(question, period=Period(min(m.start for m in some), ends.end), grain=Grain.MONTH)
        planned = [counted, self._plan(whole, [name_of("cohort", p.id) for p in self.pairs])]
        if self.linked.funnel.value:
            of = replace(question, period=ends, grain=Grain.MONTH)
            planned.append(self._plan(of, [name_of("value_year", self.end)]))
        runs = self.linked.all_ran(planned)
        told = {e.asked.kpi.id: e for run in runs for e in evaluations(run.plan, run.results)}
        segments = sorted({s for e in told.values() for s in e.segments()}, key=_in_order)
        cohorts = {(p.id, s): _months(told[name_of("cohort", p.id)], s) for p in self.pairs for s in segments}
        found: list[Loss] = []
        for number, (period, seen) in enumerate(zip(counted.periods, months, strict=True)):
            for segment in segments if seen is not None else ():
                assert seen is not None
                came = [told[name_of("volume", p.start.id)].observation(number, period, segment) for p in self.pairs]
                own = [[m for m in cohorts[p.id, segment] if seen.start <= m.start < seen.end] for p in self.pairs]
                worth = self._worth(told.get(name_of("value_year", self.end)), seen, segment)
                found += self._lost(number, segment, _year(seen), came, own, worth)
        return Losses(counted.periods, tuple(found), runs)

    def _plan(self, question: Question, kpis: Iterable[str]) -> Plan:
        return self.linked.plan(replace(question, kpis=tuple(kpis)), self.known)

    def _worth(self, of: Evaluation | None, seen: Period, segment: Values) -> Observation | None:
        """What one that came to the end in the last twelve of some months is worth."""
        if of is None:
            return None
        number, month = next((i, p) for i, p in enumerate(of.plan.periods) if p is not None and p.end == seen.end)
        return of.observation(number, month, segment)

    def _lost(
        self, number: int, segment: Values, year: Period, came: Sequence[Observation],
        months: Sequence[Sequence[_Month]], worth: Observation | None,
    ) -> Iterator[Loss]:  # fmt: skip
        """What each stage loses in one period and segment."""
        import pyarrow as pa

        from headwater.analyses.funnel import best_year, gains

        paired = list(zip(self.pairs, came, months, strict=True))
        flat = [(p.end.id, i, m.reached, m.records) for p, _, own in paired for i, m in enumerate(own)]
        names = ("step", "period", "reached", "records")
        types = (pa.string(), pa.int64(), pa.float64(), pa.float64())
        columns = list(zip(*flat, strict=True)) if flat else [()] * 4
        best = best_year(pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)}))
        by_step = {r["step"]: r for r in best.to_pylist()}
        rows = []
        for p, entries, _ in paired:
            own = by_step[p.end.id]
            rows.append(
                {
                    "step": p.end.id,
                    "entries": entries.value,
                    "reached": own["now_reached"],
                    "records": own["now_records"],
                    "reference_reached": self.references.get(p.end.id, own["best_reached"]),
                    "reference_records": 0.0 if p.end.id in self.references else own["best_records"],
                }
            )
        fields = ("entries", "reached", "records", "reference_reached", "reference_records")
        schema = pa.schema([("step", pa.string()), *((n, pa.float64()) for n in fields)])
        value, error = 1.0, 0.0
        if worth is not None and worth.value is not None:
            value = worth.value
            error = (worth.high - worth.value) / 1.96 if worth.high is not None else 0.0
        told = gains(pa.Table.from_pylist(rows, schema=schema), worth=value, worth_error=error, seed=SEED)
        for (p, entries, by_month), row in zip(paired, told.to_pylist(), strict=True):
            own = by_step[p.end.id]
            since = None if own["best_from"] is None else by_month[own["best_from"]].start
            n = None if own["now_records"] is None else int(own["now_records"])
            yield Loss(p, number, segment, year, entries, worth, n, since, p.end.id in self.references, row)


def months_to(linked: Linked, question: Question) -> Period | None:
    """The months among which a stage's best year is looked for: up to the last whole one of the period asked, or of the
    data; None where there is none."""
    stored = linked.context.generation.table(linked.table.id)
    if stored is None or stored.first_day is None:
        return None
    through = [d for _, d in stored.complete_through if d is not None] or [stored.last_day or stored.first_day]
    last = min(*through, question.as_of)
    if question.period is not None:
        last = min(last, question.period.end - timedelta(1))
    end = (last + timedelta(1)).replace(day=1)
    start = max(add_months(end, -12 * YEARS), stored.first_day.replace(day=1))
    return Period(start, end) if start < end else None


def _year(months: Period) -> Period:
    """The last twelve of some months."""
    return Period(add_months(months.end, -12), months.end)


class _Month(NamedTuple):
    """A month's cohort: how many entered and went on; neither where it has not had its time."""

    start: date
    reached: float | None
    records: float | None


def _months(cohort: Evaluation, segment: Values) -> tuple[_Month, ...]:
    """Each month of a cohort's rate."""
    told = []
    for i, month in enumerate(cohort.plan.periods):
        assert month is not None
        o = cohort.observation(i, month, segment)
        told.append(_Month(month.start, *((o.numerator, o.denominator) if _settled(o) else (None, None))))
    return tuple(told)


def _settled(observation: Observation) -> bool:
    """Whether a month's cohort has had its time, all of it; a month in which nobody entered has."""
    known = observation.value is not None or observation.quality == ("zero_denominator",)
    return known and not observation.left_out and "immature" not in observation.quality


def _in_order(segment: Values) -> tuple[tuple[bool, str], ...]:
    """Segments by their values, empty ones last."""
    return tuple((v is None, v or "") for v in segment)


# --- as numbers of a funnel ------------------------------------------------------------------------------------------
def gains_of(
    linked: Linked, known: Catalogue, common: Numbers, references: Mapping[str, float]
) -> tuple[list[Observation], tuple[str, ...], list[str]]:
    """For each stage, what comes out at the end more in a year if it had its own best year's rate, or the rate given
    in the question (by the step it leads to); the steps that lose, first the one whose loss is greatest; and notes. Of
    a question without splits and steps alone."""
    question = common.question
    months = months_to(linked, question)
    if question.by or question.grain is not Grain.ALL or months is None:
        return [], (), []
    found = losses_of(linked, known, replace(question, period=_year(months)), references).losses
    ranked = sorted((x for x in found if x.row["rank"] is not None), key=lambda x: int(x.row["rank"]))
    end = linked.funnel.steps[-1].title
    notes = [
        f"what a {end} is worth is not known ({worth.detail}): they are counted"
        for worth in dict.fromkeys(x.worth for x in found)
        if worth is not None and worth.value is None
    ]
    numbers = [o for loss in found for o in _gain(loss, common, linked.table.subject)]
    return numbers, tuple(x.pair.end.id for x in ranked), notes


def _gain(loss: Loss, common: Numbers, subject: str) -> Iterator[Observation]:
    """Of a stage its newest year, what it is held against, and the gain."""
    pair, row, held = loss.pair, loss.row, loss.held
    where = placed(pair.end.id, pair.start.id, loss.year)
    for variant, value, told in (
        ("rate_year", row["now"], f"within {pair.within}, of the newest months that have had their time, up to twelve"),
        ("rate_reference", row["reference"], held),
    ):
        missing = ["no_data"] if value is None else []
        detail = "no settled year" if value is None else told
        yield common.number(variant, *where, value, subjects=loss.n, quality=missing, detail=detail)
    if row["gain"] is None:
        detail, quality = "no settled year to hold it against, or a rate after it is not known", ["no_data"]
    else:
        chance = "" if row["state"] == "loses" else "; the difference may be chance"
        downstream = show.number(row["downstream"], "percent")
        detail, quality = f"in a year, with {held}; {downstream} of those who pass come to the end{chance}", []
    yield common.number(
        "gain", *where, row["gain"], unit="money" if loss.is_money else subject, low=row["low"], high=row["high"],
        subjects=loss.n, quality=quality, detail=detail,
    )  # fmt: skip
