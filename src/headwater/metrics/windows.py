"""Which days a question reads: its periods, the windows of each moment, and rows put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from headwater.errors import QueryError
from headwater.metrics.formula import Moment
from headwater.metrics.planned import Context, Window
from headwater.metrics.scans import narrowed
from headwater.model.measure import EVER, Alive, Latest, Measure
from headwater.model.period import Calendar, Grain, Period, shift
from headwater.model.plan import Col, Join, Lit, Named, Op, Project, Relation, Scalar, Values
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.types import DAY, INTEGER


def periods_of(question: Question, measures: Mapping[str, Measure], context: Context) -> tuple[Period | None, ...]:
    """The periods a question is answered for; without one asked, from the first to the last day of the data."""
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


def window_of(question: Question, period: Period | None, moment: Moment, settings: Settings) -> Window | None:
    """The window of a period at a moment, cut at the day asked as of; None where it lies wholly after that day."""
    edge = question.as_of + timedelta(1)
    if period is None:
        if moment.back or moment.trailing not in (None, EVER) or moment.opening or moment.lost:
            raise QueryError(
                "a comparison with an earlier period needs a period",
                where=question.kpis[0],
                do="Add one, such as 2025.",
            )
        return Window(None, edge)
    for _ in range(moment.back):
        period = settings.calendar.before(period, question.grain)
    if moment.trailing == EVER:
        return Window(None, min(period.end, edge))
    start, end = period.start, period.end
    if moment.trailing is not None:
        start = shift(period.end, moment.trailing, -1)
    if moment.opening:
        return Window(None, start) if start <= edge else None
    if start >= edge:
        return None
    return Window(start, min(end, edge))


def read_over(measure: Measure, moment: Moment, window: Window) -> Window:
    """The window a measure is read over: a stock has no start, but where it is asked what it lost since then, or how
    many there were over its days."""
    if not isinstance(measure.clock, Alive | Latest) or moment.lost or measure.aggregate == "average":
        return window
    return Window(None, window.end)


def window_values(windows: tuple[Window, ...]) -> Relation:
    """The windows as rows: number, start, end."""
    rows = tuple((i, w.start or date(1, 1, 1), w.end) for i, w in enumerate(windows))
    return Values((("_w", INTEGER), ("_w_start", DAY), ("_w_end", DAY)), rows)


def in_windows(
    source: Relation, keep: tuple[str, ...], day: str, windows: tuple[Window, ...], grain: Grain
) -> tuple[Relation, Scalar]:
    """The rows whose day lies in a window, and the window's number: by truncating where windows are whole calendar
    steps side by side, by a condition where there is one, by a join where they overlap."""
    date_of = Col(day)
    if len(windows) == 1:
        within = inside(date_of, windows[0])
        return narrowed(source, keep, within), Lit(0)
    truncation = _truncation(windows, grain)
    if truncation is not None:
        within = inside(date_of, Window(windows[0].start, windows[-1].end))
        return narrowed(source, keep, within), truncation(date_of)
    on = Op(
        "and",
        (Op("ge", (Col(day, "left"), Col("_w_start", "right"))), Op("lt", (Col(day, "left"), Col("_w_end", "right")))),
    )
    columns = (*(Named(n, Col(n, "left")) for n in keep), Named("_w", Col("_w", "right")))
    source = narrowed(source, keep, inside(date_of, around(windows)))
    return Project(Join(source, window_values(windows), "inner", on, unique=False), columns), Col("_w")


def around(windows: tuple[Window, ...]) -> Window:
    """The window from the first to the last day of several: what lies outside of it, an engine need not even read."""
    starts = [w.start for w in windows if w.start is not None]
    return Window(min(starts) if len(starts) == len(windows) else None, max(w.end for w in windows))


def inside(day: Scalar, window: Window) -> Scalar:
    """The condition that a day lies in a window."""
    before = Op("lt", (day, Lit(window.end)))
    return before if window.start is None else Op("and", (Op("ge", (day, Lit(window.start))), before))


_PLAIN = Calendar()

_TRUNCATIONS = {
    Grain.DAY: "",
    Grain.WEEK: "trunc_week",
    Grain.MONTH: "trunc_month",
    Grain.QUARTER: "trunc_quarter",
    Grain.YEAR: "trunc_year",
}


def are_steps(windows: tuple[Window, ...], grain: Grain) -> bool:
    """Whether the windows are calendar steps side by side, which rows are put into by truncating their day."""
    return len(windows) > 1 and _truncation(windows, grain) is not None


def _truncation(windows: tuple[Window, ...], grain: Grain) -> Callable[[Scalar], Scalar] | None:
    """How a day gives the start of its step, where every window is (a cut of) one step and none overlap."""
    name = _TRUNCATIONS.get(grain)
    if name is None or not _side_by_side(windows, grain):
        return None
    return (lambda day: Op(name, (day,))) if name else (lambda day: day)


@lru_cache(maxsize=256)
def _side_by_side(windows: tuple[Window, ...], grain: Grain) -> bool:
    """Whether every window is (a cut of) one step, and each ends where the next one starts."""
    for w in windows:
        if w.start is None or _step_start(w.start, grain) != _step_start(w.end - timedelta(1), grain):
            return False
    return all(a.end == b.start for a, b in pairwise(windows))


@lru_cache(maxsize=8192)
def _step_start(day: date, grain: Grain) -> date:
    return _PLAIN.period(day, grain).start


def step_start(window: Window, grain: Grain) -> date:
    """What a truncating block answers for a window: the first day of the calendar step that holds it."""
    if window.start is None:
        raise ValueError("a window without a start has no calendar step")
    return _step_start(window.start, grain)
