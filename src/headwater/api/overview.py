"""The vital signs of a company: the funnel strip, the tiles of a board and what needs somebody, from few questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from headwater.api.answer import Answer
from headwater.api.attention import Need, Seen, attention
from headwater.api.checking import Checked
from headwater.api.comparing import Compared, compared
from headwater.api.condition import Condition
from headwater.api.spreads import STEPS, Change, settled, spreads, too_young
from headwater.metrics.formula import find, resolve
from headwater.model.board import Board, Step
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import Kpi, Variant
from headwater.model.observation import Observation
from headwater.model.period import Calendar, Grain, Period


class Asking(Protocol):
    """What answers questions: a workspace, or one held open."""

    def measure(self, *kpis: str, period: Any, grain: Any, filter: str, as_of: Any) -> Answer:
        """As `Workspace.measure`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page looks at. `focus` is the period asked, `before` the one it is compared with, `window` the steps of
    `grain` that a line shows. `newest` is the newest whole month, where it is known: see `shared_window`."""

    focus: Period
    window: Period
    grain: Grain
    before: Period | None = None
    filter: str = ""
    as_of: date | None = None
    newest: Period | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """One KPI of the page. `now` is its number in the focus; where that is too young to be judged, the newest that is
    not (`older`). `line` are its numbers in the window, `long` in the longer one by which `change` is judged."""

    name: str
    kpi: Kpi
    variant: Variant
    now: Observation
    older: bool
    against: Compared | None
    line: tuple[Observation, ...]
    long: tuple[Observation, ...]
    change: Change | None

    @property
    def has_data(self) -> bool:
        """Whether it ever was a number other than zero: a stage that nobody uses counts nothing all the time."""
        return any(o.value for o in (self.now, *self.long))


@dataclass(frozen=True, slots=True)
class Fall:
    """The step of the strip that fell most against its own best year: its newest rate and the best, and when that was.
    `n`: what the newest rate rests on."""

    now: float
    best: float
    n: int
    best_start: date
    best_end: date


@dataclass(frozen=True, slots=True)
class StripStep:
    """One step of the funnel strip; `fall` where it is the bottleneck."""

    step: Step
    volume: Sign
    rate: Sign | None
    time: Sign | None
    fall: Fall | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """`tiles`: the first of the board that have data; `folded`: vanity KPIs that have; `left`: how many more have."""

    frame: Frame
    strip: tuple[StripStep, ...]
    tiles: tuple[Sign, ...]
    folded: tuple[Sign, ...]
    left: int
    needs: tuple[Need, ...]


# --- the period to look at -------------------------------------------------------------------------------------------
def whole_through(catalogue: Catalogue, kpi: str, through: Mapping[str, date]) -> date | None:
    """Through which day all tables of a KPI are complete; None where one has no data."""
    days = [through.get(catalogue.measures[m].table) for m in resolve(catalogue, kpi).reads]
    known = [d for d in days if d is not None]
    return min(known) if known and len(known) == len(days) else None


def newest_whole_month(catalogue: Catalogue, kpis: Iterable[str], condition: Condition, today: date) -> Period | None:
    """The newest month that is over and whole for three quarters of the KPIs that have data; None where none has. Where
    the data begins after it, the month the data is in."""
    through = condition.through
    days = sorted((d for k in kpis if (d := whole_through(catalogue, k, through)) is not None), reverse=True)
    if not days:
        return None
    last = min(days[-(-3 * len(days) // 4) - 1], today - timedelta(1))
    month = Calendar().period(last + timedelta(1), Grain.MONTH)
    whole = Calendar().before(month, Grain.MONTH)
    first = min((t.first_day for t in condition.tables if t.first_day is not None), default=whole.start)
    return month if first >= whole.end else whole


def long_window(frame: Frame, calendar: Calendar) -> Period:
    """The window, or as many steps up to its end as judging a change needs."""
    if frame.grain is Grain.ALL:
        return frame.window
    start = calendar.period(frame.window.end - timedelta(1), frame.grain).start
    for _ in range(STEPS - 1):
        start = calendar.period(start - timedelta(1), frame.grain).start
    return Period(min(start, frame.window.start), frame.window.end)


def shared_window(frame: Frame, calendar: Calendar) -> Period:
    """The steps to ask for. Of months all of the year looked at, up to the newest whole one, with those that each is
    judged by: one answer serves whichever is looked at. As of an earlier day, and of other steps, the long window."""
    long = long_window(frame, calendar)
    if frame.grain is not Grain.MONTH or frame.as_of is not None or frame.newest is None:
        return long
    year = calendar.period(long.end - timedelta(1), Grain.YEAR)
    start = calendar.period(long.start, Grain.YEAR).start
    return Period(start, max(long.end, min(year.end, frame.newest.end)))


def compared_window(frame: Frame, calendar: Calendar) -> Period:
    """The whole steps from the beginning of what is compared to the end of the focus."""
    start = frame.focus.start if frame.before is None else min(frame.before.start, frame.focus.start)
    if frame.grain is not Grain.ALL:
        start = calendar.period(start, frame.grain).start
    return Period(start, frame.focus.end)


# --- signs -----------------------------------------------------------------------------------------------------------
def signs(
    asking: Asking,
    catalogue: Catalogue,
    calendar: Calendar,
    names: Sequence[str],
    frame: Frame,
    *,
    judged: bool = True,
) -> list[Sign]:
    """The KPIs of a page by name, from one question for the line and, where the focus is more than one step of it, one
    for each period that is compared. A list of many that shows no lines wants them not `judged`: without a change, with
    a line that holds no more than the periods that are compared, from a question for a few steps."""
    if not names:
        return []
    found = {name: find(catalogue, name) for name in names}
    shared: dict[str, Any] = {"filter": frame.filter, "as_of": frame.as_of}
    asked = shared_window(frame, calendar) if judged else compared_window(frame, calendar)
    wide = _by_name(asking.measure(*names, period=asked, grain=frame.grain, **shared), found)
    long = long_window(frame, calendar) if judged else asked
    line = {name: [o for o in steps if _within(o, long)] for name, steps in wide.items()}
    changes = spreads({n: k for n, (k, _) in found.items()}, line, frame.grain) if judged else {}

    def over(period: Period) -> Mapping[str, Observation]:
        at = {n: next((o for o in steps if _is(o, period)), None) for n, steps in line.items()}
        if frame.grain is not Grain.ALL and all(o is not None for o in at.values()):
            return {n: o for n, o in at.items() if o is not None}
        whole = _by_name(asking.measure(*names, period=period, grain=Grain.ALL, **shared), found)
        return {n: o[0] for n, o in whole.items()}

    now = over(frame.focus)
    before = {} if frame.before is None else over(frame.before)
    young = [] if judged else [name for name in found if too_young(now[name])]  # an older number stands for it
    older_ones = {s.name: s for s in signs(asking, catalogue, calendar, young, frame)}
    made = []
    for name, (kpi, variant) in found.items():
        if name in older_ones:
            made.append(older_ones[name])
            continue
        steps = [o for o in line[name] if o.period_start is None or o.period_start >= frame.window.start]
        shown, older, against = now[name], False, before.get(name)
        if too_young(shown) and (ripe := _newest(line[name], frame.focus)):
            shown, older = ripe, True
            against = _one_before(line[name], ripe, frame)
        pair = None if against is None else compared(against, shown)
        made.append(Sign(name, kpi, variant, shown, older, pair, tuple(steps), tuple(line[name]), changes.get(name)))
    return made


def _by_name(answer: Answer, found: Mapping[str, tuple[Kpi, Variant]]) -> dict[str, list[Observation]]:
    asked: dict[tuple[str, str], list[Observation]] = {(kpi.id, variant.id): [] for kpi, variant in found.values()}
    for o in answer:
        asked[o.kpi, o.variant].append(o)
    return {name: asked[kpi.id, variant.id] for name, (kpi, variant) in found.items()}


def _within(observation: Observation, period: Period) -> bool:
    start, end = observation.period_start, observation.period_end
    return start is None or end is None or (period.start <= start and end <= period.end)


def _is(observation: Observation, period: Period) -> bool:
    return (observation.period_start, observation.period_end) == (period.start, period.end)


def _newest(line: Sequence[Observation], focus: Period) -> Observation | None:
    """The newest number up to the focus that is settled."""
    return next((o for o in reversed(line) if o.period_end and o.period_end <= focus.end and settled(o)), None)


def _one_before(line: Sequence[Observation], ripe: Observation, frame: Frame) -> Observation | None:
    """What an older number is compared with: as far before it as the comparison is before the focus."""
    if frame.before is None or ripe.period_start is None:
        return None
    months = (
        (frame.focus.start.year - frame.before.start.year) * 12 + frame.focus.start.month - frame.before.start.month
    )
    index = line.index(ripe) - (months if frame.grain is Grain.MONTH else 1)
    return line[index] if index >= 0 else None


# --- the page --------------------------------------------------------------------------------------------------------
def overview(
    asking: Asking,
    catalogue: Catalogue,
    calendar: Calendar,
    board: Board,
    frame: Frame,
    condition: Condition,
    check: Callable[[], Checked | None] | None = None,
) -> Overview:
    """The vital signs. The bottleneck is the step that fell most against its own best year (`analyses.bottleneck`); the
    tiles are the first of the board that have data, vanity KPIs folded away. `check` gives None while the checks still
    run."""
    by_name = {s.name: s for s in signs(asking, catalogue, calendar, board.kpis, frame)}
    steps = [
        StripStep(s, by_name[s.volume], by_name.get(s.rate), by_name.get(s.time))
        for s in board.steps
        if by_name[s.volume].has_data
    ]
    with_data = [by_name[n] for n in board.tiles if by_name[n].has_data]
    plain = [s for s in with_data if s.kpi.vanity != "high"]
    folded = [s for s in with_data if s.kpi.vanity == "high"]
    changes = tuple(s.change for s in by_name.values() if s.change is not None and _is_news(s, frame))
    checked = None if check is None else check()
    seen = Seen(condition, checked, changes, checking=check is not None and checked is None)
    return Overview(
        frame,
        _marked(steps),
        tuple(plain[: board.most]),
        tuple(folded),
        max(len(plain) - board.most, 0),
        attention(seen),
    )


def _is_news(sign: Sign, frame: Frame) -> bool:
    """A change is news in the step the page looks at; of a KPI that ripens, in its newest ripe step."""
    if sign.change is None or sign.change.now is None or sign.change.now.period_end is None:
        return False
    ripens = any(too_young(o) for o in sign.long)
    return ripens or sign.change.now.period_end >= frame.focus.end


def _marked(steps: Sequence[StripStep]) -> tuple[StripStep, ...]:
    """The steps, with the fall of the one that is the bottleneck."""
    import pyarrow as pa

    from headwater.analyses.bottleneck import bottleneck

    rates = {s.step.title: s.rate.long for s in steps if s.rate is not None}
    rows = [
        (title, i, *((o.numerator, o.denominator) if settled(o) else (None, None)))
        for title, line in rates.items()
        for i, o in enumerate(line)
    ]
    names = ("step", "period", "numerator", "denominator")
    types = (pa.string(), pa.int64(), pa.float64(), pa.float64())
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    table = pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})
    falls = {}
    for row in bottleneck(table).to_pylist():
        if row["marked"]:
            line = rates[row["step"]]
            start, end = line[row["best_from"]].period_start, line[row["best_to"]].period_end
            if start is not None and end is not None:
                falls[row["step"]] = Fall(row["now"], row["best"], row["n"], start, end)
    return tuple(
        StripStep(s.step, s.volume, s.rate, s.time, falls.get(s.step.title) if s.rate is not None else None)
        for s in steps
    )
