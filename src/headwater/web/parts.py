"""What a component is given: one frozen value each, so that a page forgets no field and a template invents none.

Everything a reader sees is text already, written by `view.wording`; components only place it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["good", "bad", "neutral", "unknown"]
Kind = Literal["neutral", "good", "bad", "warn", "info"]
Better = Literal["true", "false", "none"]


# --- small things ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere to go. `active` is where the reader is; `hint` is said on hover and to a screen reader."""

    label: str
    href: str
    active: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a picker."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Picker:
    """A select in a form: it sends `name`. The form is sent as soon as another choice is taken."""

    name: str
    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Segmented:
    """Two to five links of which one is chosen: views of the same thing."""

    label: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force. `href` is this page without it."""

    label: str
    value: str
    href: str


# --- numbers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes. A None is a gap, never a zero; `partial_last` draws the last point as not yet finished.
    `title` says in words what is seen; `target` is a level on the same scale; `marks` are the places of anomalies, and
    `marked` whether those are good or bad."""

    points: tuple[float | None, ...]
    title: str
    partial_last: bool = False
    target: float | None = None
    marks: tuple[int, ...] = ()
    marked: Status = "neutral"


@dataclass(frozen=True, slots=True)
class About:
    """What stands behind a number, shown on hover, focus or tap: its definition and facts as (label, text)."""

    title: str
    definition: str
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """A KPI on one card. A number that is missing has no `value_text` but says in `missing` why; `note` is a caution
    beside a number that is there (partial, small sample). `change_better` colours the change, whatever its sign."""

    id: str
    title: str
    href: str
    value_text: str = ""
    status: Status = "neutral"
    status_text: str = ""
    change_text: str = ""
    change_better: Better = "none"
    change_against: str = ""
    spark: Spark | None = None
    note: str = ""
    missing: str = ""
    interval_text: str = ""
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a funnel. `rate_text`, `median_text` and `rate_note` tell of the way from the step before to this one,
    `rate_interval` where the rate rests on few; `bottleneck` marks that way. A step without data has no `volume` and
    says in `missing` why."""

    id: str
    title: str
    href: str
    volume_text: str = ""
    volume: float | None = None
    rate_text: str = ""
    median_text: str = ""
    rate_note: str = ""
    bottleneck: bool = False
    missing: str = ""
    rate_interval: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs the reader: a sentence, its evidence, and where to look."""

    kind: str
    sentence: str
    evidence: str
    href: str
    level: Literal["warn", "info"] = "info"


Point = tuple[str, float | None, float | None, float | None, str]
"""ISO date, value, low, high, and the reason or caution in words ('' where there is none)."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line, row of bars or band (low to high) of a chart. `muted` is drawn behind: a comparison. `axis` is the
    place of its axis among those of the chart; `texts` say each point where its number alone does not."""

    name: str
    kind: Literal["line", "bar", "band"]
    points: tuple[Point, ...]
    muted: bool = False
    axis: int = 0
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """One of two axes of a chart, or the one across and the one up of a scatter."""

    title: str
    show: str
    currency: str = ""


@dataclass(frozen=True, slots=True)
class DotMark:
    """One dot of a scatter, as large as what it rests on (`n`); `lines` say it in words."""

    name: str
    x: float
    y: float
    n: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and the table that says the same. `show` and `unit` are a KPI's; `grain` sets how dates are written;
    `locale` how numbers are. `summary` says in a sentence what is seen. `partial_last`: the last period is running.
    With `axes` the series stand on them; with `dots` it is a scatter over two axes, and has no series. The table of an
    `open` chart is not folded away."""

    id: str
    title: str
    series: tuple[Series, ...]
    table: Table
    unit: str = ""
    show: str = "number"
    currency: str = ""
    locale: str = "en"
    grain: str = "month"
    summary: str = ""
    target: float | None = None
    target_text: str = ""
    partial_last: bool = False
    downloads: tuple[Link, ...] = ()
    axes: tuple[Axis, ...] = ()
    dots: tuple[DotMark, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A segment of a leaderboard; `bar` is its length from 0 to 1. The `href` of an `active` one lifts its filter; one
    that no filter can name has none."""

    label: str
    href: str
    value_text: str
    bar: float = 0.0
    interval_text: str = ""
    n_text: str = ""
    quality_text: str = ""
    active: bool = False


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Segments of one split, the largest first."""

    split: str
    title: str
    rows: tuple[Bar, ...]
    value_head: str = ""
    more: Link | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than text: a link, or a missing value with its reason (drawn unlike a zero)."""

    text: str
    href: str = ""
    missing: bool = False
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; `right` are the columns (from 0) of numbers, `wide` those of sentences. The first column names
    its row."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    caption: str
    right: frozenset[int] = frozenset()
    note: str = ""
    wide: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Later:
    """A part of a page that is worked out when it is seen; `href`: the page with it."""

    id: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class KpiRow:
    """A KPI in a list: its number and change, or why there is none (`missing`)."""

    title: str
    href: str
    question: str
    value_text: str = ""
    change_text: str = ""
    change_better: Better = "none"
    note: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class KpiList:
    """Some KPIs, each in a row; `href`: the page with their numbers, where these are worked out when they are seen."""

    id: str
    title: str
    rows: tuple[KpiRow, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Which share has come from one stage to the next by day: path data of the `line` and the `band` of its interval in
    a box of 240 by 100, up to `most_text` and over `days_text`; the `table` says the same."""

    id: str
    title: str
    summary: str
    line: str
    most_text: str
    days_text: str
    table: Table
    band: str = ""


@dataclass(frozen=True, slots=True)
class TracePanel:
    """How a number was made: `facts` are (label, text); `steps` are tables (numbers put in, rows counted, columns
    derived); `statements` are (title, query text)."""

    title: str
    formula: str
    facts: tuple[tuple[str, str], ...] = ()
    resolved: str = ""
    steps: tuple[Table, ...] = ()
    statements: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordsTable:
    """Rows behind a number: which side of it (`sides`), the rows, and where the rest is."""

    table: Table
    sides: Segmented | None = None
    count_text: str = ""
    earlier: str = ""
    later: str = ""
    downloads: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the find box."""

    label: str
    href: str
    kind: str
    detail: str = ""


# --- handing data over -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Dropzone:
    """Where files are handed over: sent to `action`, then `next` is opened. One of more than `most` bytes is not sent,
    and `too_large` says why. `by_hand` is for who has no script."""

    action: str
    next: str
    title: str
    text: str
    by_hand: str
    most: int
    too_large: str


@dataclass(frozen=True, slots=True)
class Possible:
    """One answer of a question, and what it means. Those that are not `first` are folded away."""

    value: str
    label: str
    about: str = ""
    chosen: bool = False
    first: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers; with `several` any number of them. `own` names a field for words of the reader's
    own; `fault` says why an answer that was given is none."""

    id: str
    name: str
    text: str
    choices: tuple[Possible, ...]
    hint: str = ""
    several: bool = False
    own: str = ""
    own_name: str = ""
    own_value: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """A form of questions: `send` is its button, `busy` what is said while the answer is on its way."""

    action: str
    items: tuple[Question, ...]
    send: str
    busy: str = ""


# --- finding and showing around --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of the tour: `at` selects the part of the page that it tells of ('': none)."""

    at: str
    title: str
    text: str


# --- the frame of a page ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Controls:
    """Period, grain and comparison of a page: a form whose fields are the page's address. `earlier` and `later` are
    the same page one period on (arrow keys follow them); `hidden` are the fields that stay."""

    action: str
    period_text: str
    pickers: tuple[Picker, ...] = ()
    segments: tuple[Segmented, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    earlier: str = ""
    later: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line above the page: a stale source, a partial answer. `action` is what to do about it."""

    kind: Kind
    text: str
    action: Link | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layout shows around a page. `active` is the page's folder name; `title` its one h1; `action` the one
    thing that can be done from here."""

    title: str
    active: str = ""
    company: str = ""
    lead: str = ""
    back: Link | None = None
    controls: Controls | None = None
    notices: tuple[Notice, ...] = ()
    data_version: str = ""
    fresh_text: str = ""
    language: str = "en"
    refreshable: bool = True
    action: Link | None = None
    tour: tuple[Stop, ...] = ()
