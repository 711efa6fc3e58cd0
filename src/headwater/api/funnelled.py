"""What a funnel answers: Observations that print themselves step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from headwater.api import show
from headwater.api.answer import Observed
from headwater.model.funnel import Funnel, FunnelStep
from headwater.model.observation import Observation
from headwater.model.period import Period

Segment = tuple[tuple[str, str | None], ...]

STEP_SPLITS = 2
"""The first two splits of every number are its step and the step it is held against."""
AGE_SPLITS = 3
"""Of a cohort the third is its age."""
Place = tuple[Segment, Period | None]
"""Of a number: its splits and its period."""


def placed(step: str, before: str | None, period: Period | None, segment: Segment = ()) -> Place:
    """Where the number of a step stands that is held against another one."""
    return (("step", step), ("from_step", before), *segment), period


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Which share of those who came to one step (`start`) has come to another (`end`) by day, with those under way
    counted as such: (day, share, low, high), rising; low and high are None where they are not known."""

    start: str
    end: str
    points: tuple[tuple[float, float, float | None, float | None], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Funnelled(Observed):
    """Every number of a funnel as an Observation: `variant` says which, the splits `step` and `from_step` where.

    Of each step `volume`; against the step before `rate_period` (both by their own date), `rate_cohort` (of those old
    enough, within the step's time), `rate_survival` (the same, those under way counted as such), `rate_ever` (within
    the longest time seen), `rate_so_far` (the naive one); `days_median`, `days_p75`, `days_p90` of those who come, and
    `days_half_of_all`, by survival, `days_completed_...` of the completed; `skipped`, `disordered`, `returned`; against
    the first step `path_any` and `path_strict`; `gain`, `rate_year`, `rate_reference`; `top_volume`, `top_rate`;
    `matched`, `unmatched`, `multiply_matched`; where asked for, `cohort` (the share of a month's entries that had come
    by `age_days`, a split of its own). `steps` are those that a source fills, `bottlenecks` the steps that lose
    most, first the one whose loss is greatest; `curves` are of a question without splits and steps.
    """

    sheet: ClassVar[str] = "Funnel"

    numbers: tuple[Observation, ...]
    funnel: Funnel
    steps: tuple[FunnelStep, ...]
    bottlenecks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    curves: tuple[Arrivals, ...] = ()

    def _all(self) -> tuple[Observation, ...]:
        return self.numbers

    def find(
        self, variant: str, step: str, start: str | None = None, segment: Segment | None = None
    ) -> Observation | None:
        """The first number of that kind and step (from that step, of that segment), or None."""
        return next(
            (
                o
                for o in self.numbers
                if o.variant == variant
                and o.segment[0][1] == step
                and (start is None or o.segment[1][1] == start)
                and (segment is None or o.segment[STEP_SPLITS:] == segment)
            ),
            None,
        )

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the question, in order."""
        return tuple(dict.fromkeys(o.segment[STEP_SPLITS:] for o in self.numbers if o.variant == "volume"))

    def to_text(self) -> str:
        """The funnel for people: the top, then each period and segment step by step, then what is lost where."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    # --- the text ----------------------------------------------------------------------------------------------------
    def _lines(self) -> Iterator[str]:
        filtered = next((o.filter for o in self.numbers if o.filter), "")
        yield show.harmless(
            f"{self.funnel.title} (funnel {self.funnel.id}{', filter ' + filtered if filtered else ''})"
        )
        if top := [o for o in self.numbers if o.variant in ("top_volume", "top_rate")]:
            yield from ("", "Above the first known person (period basis)", _top(self.funnel, top))
        places = dict.fromkeys(
            (o.period_start, o.period_end, o.grain, o.segment[STEP_SPLITS:])
            for o in self.numbers
            if o.variant == "volume"
        )
        for start, end, grain, segment in places:
            here = [
                o
                for o in self.numbers
                if (o.period_start, o.period_end, o.segment[STEP_SPLITS:]) == (start, end, segment)
            ]
            told = [show.period_text(start, end, grain), *(f"{s} {v or '(empty)'}" for s, v in segment)]
            yield from ("", show.harmless(", ".join(told)))
            yield from self._stages(here)
        yield from self._losses()
        yield from self._triangles()
        yield from self._rest()

    def _stages(self, here: Sequence[Observation]) -> Iterator[str]:
        by_place = {(o.variant, o.segment[0][1], o.segment[1][1]): o for o in here}
        before: dict[str, str | None] = {}
        previous: str | None = None
        for known in self.steps or self.funnel.steps:
            before[known.id], previous = previous, known.id
        titles = {s.id: s.title for s in self.funnel.steps}
        heads = ["step", "came", "period", "in time", "95 %", "survival", "95 %", "n"]
        rows = []
        for at, start in before.items():
            volume, period = by_place.get(("volume", at, None)), by_place.get(("rate_period", at, start))
            cohort, survival = by_place.get(("rate_cohort", at, start)), by_place.get(("rate_survival", at, start))
            rows.append(
                [titles[at], _value(volume, "number"), _value(period, "percent"), _value(cohort, "percent"),
                 _interval(cohort, "percent"), _value(survival, "percent"), _interval(survival, "percent"),
                 "" if survival is None or survival.subjects is None else f"{survival.subjects:,}"]
            )  # fmt: skip
        yield show.table(heads, rows, frozenset({1, 2, 3, 5, 7}))
        times = []
        pairs = [(o.segment[0][1], o.segment[1][1]) for o in here if o.variant == "days_median"]
        for step, start in pairs:
            got = [by_place.get((f"days_{n}", step, start)) for n in ("median", "p75", "p90", "completed_median")]
            if got[0] is not None and got[0].value is not None:
                counted = [by_place.get((n, step, start)) for n in ("skipped", "disordered")]
                times.append(
                    [f"{titles[start or '']} to {titles[step or '']}", _days(got[0]), _interval(got[0], "number"),
                     *(_days(o) for o in got[1:]), *(_value(o, "number") for o in counted)]
                )  # fmt: skip
        if times:
            yield ""
            heads = ["days", "median", "95 %", "p75", "p90", "completed", "skipped", "out of order"]
            yield show.table(heads, times, frozenset({1, 3, 4, 5, 6, 7}))

    def _losses(self) -> Iterator[str]:
        gains = [o for o in self.numbers if o.variant == "gain"]
        if not any(o.value is not None for o in gains):
            return
        titles = {s.id: s.title for s in self.funnel.steps}
        order = {step: i for i, step in enumerate(self.bottlenecks)}
        gains.sort(key=lambda o: order.get(o.segment[0][1] or "", len(order)))
        rows = []
        for o in gains:
            step, start = o.segment[0][1] or "", o.segment[1][1] or ""
            now, held = (self.find(v, step, start) for v in ("rate_year", "rate_reference"))
            shown = "money" if o.unit == "money" else "number"
            rank = str(order[step] + 1) if step in order else ""
            state = o.detail if o.value is None else "" if rank else "may be chance"
            rows.append(
                [rank, f"{titles[start]} to {titles[step]}", _value(now, "percent"), _value(held, "percent"),
                 _value(o, shown), _interval(o, shown), state]
            )  # fmt: skip
        yield ""
        unit = "" if gains[0].unit == "money" else f" ({gains[0].unit})"
        yield f"What a year would bring more if a stage had its own best year's rate, or the rate given{unit}"
        yield show.table(["", "stage", "now", "best", "gain", "95 %", ""], rows, frozenset({2, 3, 4}))

    def _triangles(self) -> Iterator[str]:
        """For each pair and segment a triangle: entry months down, ages across, what is not known yet left empty."""
        cells = [o for o in self.numbers if o.variant == "cohort"]
        titles = {s.id: s.title for s in self.funnel.steps}
        for place in dict.fromkeys((o.segment[0][1], o.segment[1][1], o.segment[AGE_SPLITS:]) for o in cells):
            here = [o for o in cells if (o.segment[0][1], o.segment[1][1], o.segment[AGE_SPLITS:]) == place]
            found = dict.fromkeys(o.segment[STEP_SPLITS][1] or "" for o in here if o.value is not None)
            rows: dict[tuple[date | None, date | None], list[str]] = {}
            for o in here:
                entered = show.period_text(o.period_start, o.period_end, o.grain)
                row = rows.setdefault((o.period_start, o.period_end), [entered, f"{o.subjects:,}"])
                if o.segment[STEP_SPLITS][1] in found:
                    row.append("" if o.value is None else show.number(o.value, "percent"))
            where = "".join(f", {split} {value or '(empty)'}" for split, value in place[2])
            yield ""
            yield f"Came from {titles[place[1] or '']} to {titles[place[0] or '']} within so many days{where}"
            yield show.table(["entered", "records", *found], list(rows.values()), frozenset(range(1, len(found) + 2)))

    def _rest(self) -> Iterator[str]:
        returned = [o for o in self.numbers if o.variant == "returned" and o.value]
        titles = {s.id: s.title for s in self.funnel.steps}
        said = [f"{o.value:,.0f} came back to {titles[o.segment[0][1] or '']} ({o.detail})" for o in returned]
        for o in self.numbers:
            if o.variant == "matched" and o.subjects:
                several = next(
                    (m for m in self.numbers if m.variant == "multiply_matched" and m.period_start == o.period_start),
                    None,
                )
                more = "" if several is None or not several.value else f", {several.value:,.0f} of them more than one"
                when = "" if o.grain == "all" else f"{show.period_text(o.period_start, o.period_end, o.grain)}: "
                said.append(
                    f"{when}{o.value:,.0f} of {o.subjects:,} deals found their lead by {self.funnel.link}{more}"
                )
        said += self.notes
        if any("small_sample" in o.quality for o in self.numbers):
            said.append("rates and times that rest on few are in the JSON with the quality small_sample")
        if self.numbers:
            said.append(f"as of {self.numbers[0].as_of}, data version {self.numbers[0].data}")
        if said:
            yield ""
            yield from (show.harmless(line) for line in said)


def _top(funnel: Funnel, top: Sequence[Observation]) -> str:
    titles = {t.id: t.title for t in funnel.top} | {s.id: s.title for s in funnel.steps}
    rates = {(o.segment, o.period_start): o for o in top if o.variant == "top_rate"}
    rows = []
    for o in top:
        step = o.segment[0][1] or ""
        if o.variant == "top_volume" or step == funnel.steps[0].id:
            when = "" if o.grain == "all" else show.period_text(o.period_start, o.period_end, o.grain)
            named = ", ".join([*(v or "(empty)" for _, v in o.segment[STEP_SPLITS:]), *([when] if when else [])])
            rate = next(
                (
                    r
                    for (s, p), r in rates.items()
                    if s[0][1] == step and s[2:] == o.segment[2:] and p == o.period_start
                ),
                None,
            )
            volume = _value(o, "number") if o.variant == "top_volume" else _count(o)
            rows.append([f"{titles[step]}{', ' + named if named else ''}", volume, _value(rate, "percent")])
    return show.table(["step", "came", "of the one above"], rows, frozenset({1, 2}))


def _count(observation: Observation) -> str:
    return "" if observation.numerator is None else f"{observation.numerator:,.0f}"


def _value(observation: Observation | None, shown: str) -> str:
    if observation is None:
        return ""
    return show.value_text(observation, shown)


def _days(observation: Observation | None) -> str:
    return "" if observation is None or observation.value is None else f"{observation.value:,.0f}"


def _interval(observation: Observation | None, shown: str) -> str:
    if observation is None or observation.value is None or observation.low is None:
        return ""
    currency = ""
    low = show.number(observation.low, shown, currency)
    return (
        f"{low} to {show.number(observation.high, shown, currency)}"
        if observation.high is not None
        else f"{low} or more"
    )
