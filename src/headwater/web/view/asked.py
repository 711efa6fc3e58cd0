"""What a page was asked, read from its address and written back to one: links are made here only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from headwater.api.ask import PERIODS
from headwater.api.filters import asked_of, conditions, is_segment, joined, segment_of
from headwater.api.overview import Frame
from headwater.errors import QueryError, nearest
from headwater.model.board import PERIODS as NAMED
from headwater.model.period import Calendar, Grain, Period, add_months, label

PRESETS = NAMED
"""Periods by name; a board may begin with one."""

COMPARISONS = ("previous", "year", "none")
GRAINS = tuple(g.value for g in Grain if g is not Grain.ALL)

STEPS = 13
"""So many steps a line shows when the period asked is shorter: a year and the same step of the year before."""

FEWEST, MOST = 6, 400
"""A period of fewer steps is shown with those before it; one of more is refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The state of a page. Empty: the default. `period` is a preset or a period as `measure` takes it; `by` is a split;
    `more` are parameters of one page alone, by name."""

    period: str = ""
    grain: str = ""
    compare: str = "previous"
    filter: str = ""
    by: str = ""
    as_of: date | None = None
    more: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> str:
        """A parameter of the page alone; an empty text where it is not given."""
        return dict(self.more).get(name, "")

    def every(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be given several times, in their order."""
        return tuple(v for n, v in self.more if n == name)

    def having(self, **more: str | tuple[str, ...]) -> Asked:
        """The same with these parameters of the page alone, several values of one as a tuple; an empty text removes
        one."""
        kept = [(n, v) for n, v in self.more if n not in more]
        kept += [(n, v) for n, given in more.items() for v in ((given,) if isinstance(given, str) else given) if v]
        return replace(self, more=tuple(sorted(kept, key=lambda pair: pair[0])))

    def without_more(self) -> Asked:
        """The state that another page can take over."""
        return replace(self, more=())


KEYS = ("period", "grain", "compare", "filter", "by", "as_of")


def parse(given: Iterable[tuple[str, str]], more: Collection[str] = (), several: Collection[str] = ()) -> Asked:
    """The state in the parameters of an address; `more` are those the page knows besides, `several` those of them that
    may be given more than once. Raises QueryError that names the parameter and the nearest possible value."""
    values: dict[str, str] = {}
    every: list[tuple[str, str]] = []
    for name, value in given:
        if name not in KEYS and name not in more:
            near = nearest(name, (*KEYS, *more)) or f"A page knows {', '.join((*KEYS, *more))}."
            raise QueryError(f"no parameter is called {name!r}", where="address", do=near)
        if name in several:
            every.append((name, value.strip()))
            continue
        if name in values:
            raise QueryError(f"{name!r} is given twice", where=name, do="Give it once.")
        values[name] = value.strip()
    period = values.get("period", "")
    if period and period not in PRESETS:
        _read(period, Calendar(), date(2000, 1, 1))
    return Asked(
        period=period,
        grain=_one_of("grain", values.get("grain", ""), ("", *GRAINS)),
        compare=_one_of("compare", values.get("compare", ""), ("", *COMPARISONS)) or "previous",
        filter=joined(conditions(values.get("filter", ""))),
        by=values.get("by", ""),
        as_of=_day(values.get("as_of", "")),
        more=tuple(sorted(((n, v) for n, v in (*values.items(), *every) if n not in KEYS and v), key=lambda p: p[0])),
    )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        possible = [k for k in known if k]
        do = nearest(value, possible) or f"Write {', '.join(possible)}."
        raise QueryError(f"{value!r} is not possible for {name!r}", where=name, do=do)
    return value


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} is not a day", where="as_of", do="Write it as 2025-03-31.") from None


def _read(text: str, calendar: Calendar, today: date) -> Period:
    try:
        period = calendar.parse(text, today)
    except (ValueError, OverflowError):
        do = nearest(text, PRESETS) or f"Write {', '.join(PRESETS)}, or {PERIODS}."
        raise QueryError(f"{text!r} is not a period", where="period", do=do) from None
    if not date(1900, 1, 1) <= period.start < period.end <= date(2200, 1, 1):
        raise QueryError(f"{text!r} is outside of 1900 to 2199", where="period", do="Ask a period of the data.")
    return period


# --- back to an address ----------------------------------------------------------------------------------------------
def parameters(asked: Asked) -> tuple[tuple[str, str], ...]:
    """The parameters that say this state; what is the default is left out."""
    told = (
        ("period", asked.period),
        ("grain", asked.grain),
        ("compare", "" if asked.compare == "previous" else asked.compare),
        ("filter", asked.filter),
        ("by", asked.by),
        ("as_of", "" if asked.as_of is None else asked.as_of.isoformat()),
        *asked.more,
    )
    return tuple((n, v) for n, v in told if v)


def href(path: str, asked: Asked) -> str:
    """The address of a page in this state."""
    told = urlencode(parameters(asked), quote_via=quote)
    return f"{path}?{told}" if told else path


def kpi_href(name: str, asked: Asked) -> str:
    """The address of a KPI's page in this state; splits stay behind, since other KPIs may lack them."""
    return href(f"/kpi/{quote(name)}", replace(asked.without_more(), by=""))


def api_href(
    verb: str, kpi: str | tuple[str, ...], frame: Frame, *, grain: str = "", by: str = "", form: str = "csv"
) -> str:
    """The address of an answer as a file: the same question put to the HTTP interface, its period spelled out."""
    told: dict[str, str | tuple[str, ...]] = {
        "kpi": kpi,
        "period": span(frame.focus if not grain else frame.window),
        "grain": grain,
        "by": by,
        "filter": frame.filter,
        "as_of": "" if frame.as_of is None else frame.as_of.isoformat(),
        "format": form,
    }
    return f"/api/{verb}?{urlencode({n: v for n, v in told.items() if v}, doseq=True, quote_via=quote)}"


def span(period: Period) -> str:
    """A period as it is written in an address: a year, a quarter, a month, a day, or its first and last."""
    for grain in (Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.DAY):
        if Calendar().period(period.start, grain) == period:
            return label(period, grain)
    if period.start.day == period.end.day == 1:
        return f"{period.start:%Y-%m}..{period.end - timedelta(1):%Y-%m}"
    return f"{period.start}..{period.end - timedelta(1)}"


# --- filters ---------------------------------------------------------------------------------------------------------
def filtered(asked: Asked, split: str, value: str | None) -> Asked | None:
    """The state with a segment chosen, in place of another of its split; None where no filter can say it."""
    condition = is_segment(split, value)
    if not condition:
        return None
    others = tuple(c for c in conditions(asked.filter) if (segment_of(c) or ("",))[0] != split)
    return replace(asked, filter=joined((*others, condition)))


def filtered_by(asked: Asked, splits: Collection[str]) -> Asked:
    """The state with those conditions alone that ask for nothing but these splits."""
    return replace(asked, filter=joined(tuple(c for c in conditions(asked.filter) if asked_of(c) <= set(splits))))


def unfiltered(asked: Asked, condition: str) -> Asked:
    """The state without one condition."""
    return replace(asked, filter=joined(tuple(c for c in conditions(asked.filter) if c != condition)))


# --- what it means ---------------------------------------------------------------------------------------------------
def focus_of(asked: Asked, calendar: Calendar, newest: Period) -> Period:
    """The period asked; presets count back from the newest whole month."""
    end = newest.end
    last = end - timedelta(1)

    def so_far(grain: Grain) -> Period:
        return Period(calendar.period(last, grain).start, end)

    def whole(grain: Grain) -> Period:
        running = calendar.period(last, grain)
        return running if running.end == end else calendar.before(running, grain)

    match asked.period:
        case "" | "last-month":
            return newest
        case "last-3-months" | "last-12-months" | "last-24-months":
            return Period(add_months(end, -int(asked.period.split("-")[1])), end)
        case "this-quarter":
            return so_far(Grain.QUARTER)
        case "this-year":
            return so_far(Grain.YEAR)
        case "last-quarter":
            return whole(Grain.QUARTER)
        case "last-year":
            return whole(Grain.YEAR)
        case text:
            return _read(text, calendar, end)


def frame_of(asked: Asked, calendar: Calendar, newest: Period) -> Frame:
    """What the page looks at. Raises QueryError where the grain makes too many steps of the period."""
    focus = focus_of(asked, calendar, newest)
    grain = Grain(asked.grain) if asked.grain else fitting(focus)
    steps = 0
    for _ in calendar.spine(focus, grain):
        steps += 1
        if steps > MOST:
            do = "Take a coarser grain or a shorter period."
            raise QueryError(f"{span(focus)} has more than {MOST} steps of a {grain.value}", where="grain", do=do)
    window = focus
    if steps < FEWEST:
        start = calendar.period(focus.end - timedelta(1), grain).start
        for _ in range(STEPS - 1):
            start = calendar.period(start - timedelta(1), grain).start
        window = Period(min(start, focus.start), focus.end)
    return Frame(focus, window, grain, _before(asked.compare, focus, calendar), asked.filter, asked.as_of, newest)


def fitting(period: Period) -> Grain:
    """The grain of a period where none was asked: months, for less than a month days, for more than six years years."""
    if period.days < 28:
        return Grain.DAY
    return Grain.MONTH if period.days <= 6 * 366 else Grain.YEAR


def _before(compare: str, focus: Period, calendar: Calendar) -> Period | None:
    match compare:
        case "previous":
            return calendar.before(focus, Grain.ALL)
        case "year":
            return a_year_before(focus)
        case _:
            return None


def a_year_before(period: Period) -> Period:
    """The same days of the year before."""
    start, end = add_months(period.start, -12), add_months(period.end, -12)
    return Period(start, max(end, start + timedelta(1)))


def earlier(frame: Frame, calendar: Calendar) -> Period:
    """The period of the same length just before."""
    return calendar.before(frame.focus, Grain.ALL)


def later(frame: Frame, newest: Period) -> Period | None:
    """The period of the same length just after; None where that begins after the newest whole month."""
    focus = frame.focus
    months = (focus.end.year - focus.start.year) * 12 + focus.end.month - focus.start.month
    whole = focus.start.day == focus.end.day == 1 and months > 0
    end = add_months(focus.end, months) if whole else focus.end + timedelta(focus.days)
    return Period(focus.end, end) if focus.end < newest.end else None


def pickable(calendar: Calendar, newest: Period, chosen: str) -> Mapping[str, Period]:
    """The presets of the period picker with what each means, and the period asked where it is none of them."""
    found = {name: focus_of(Asked(period=name), calendar, newest) for name in PRESETS}
    if chosen and chosen not in found:
        found[chosen] = _read(chosen, calendar, newest.end)
    return found
