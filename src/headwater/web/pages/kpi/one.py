"""One KPI: its number, its line, its segments, how it was made and the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.api.answer import Answer
from headwater.api.filters import conditions, segment_of
from headwater.api.kpis import KpiPage
from headwater.api.overview import Sign, signs
from headwater.api.recording import Records
from headwater.api.show import plain as plain_text
from headwater.errors import QueryError
from headwater.metrics.trace import Trace
from headwater.model.kpi import Variant
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.web.parts import (
    Cell,
    Chart,
    Leaderboard,
    Link,
    Notice,
    Point,
    RecordsTable,
    Segmented,
    Series,
    Table,
    TracePanel,
)
from headwater.web.view.asked import a_year_before, api_href, filtered_by, href, kpi_href
from headwater.web.view.look import Look, Made
from headwater.web.view.segments import bar, is_quotient, n_text, ranked, segment_name, value_cell
from headwater.web.view.signs import DETAIL, facts, is_newest, tile, title, usual
from headwater.web.view.usual import chips

PAGE = "pages/kpi/page.html"
MORE = ("show", "side", "page")
VIEWS = ("segments", "trace", "records", "definition")

ROWS = 8
"""Segments of a leaderboard; the split that is asked for shows `ALL_ROWS`."""
ALL_ROWS = 100
LEADING = (
    "channel", "region", "segment", "account_segment", "account_industry", "product", "team", "program", "device",
    "country", "platform", "purpose", "plan", "kind", "account_size", "origin", "owner",
)  # fmt: skip
"""Splits that people think in, the first first."""
BOARDS = 3
"""So many splits are shown side by side."""
TRIED = 5
"""So many splits are looked at for data."""
LINES = 5
"""Segments that the chart draws when a split is asked for."""
PAGE_ROWS = 50
MOST_ROWS = 1000


def shown(look: Look, name: str) -> Made:
    """The page of a KPI or one of its variants, or its lower half where htmx asks for it."""
    page = look.moment.kpi_show(name)
    variant = page.kpi.variant(name.partition(".")[2])
    assert variant is not None  # else kpi_show has said so
    view = look.asked["show"] or VIEWS[0]
    if view not in VIEWS:
        raise QueryError(f"{view!r} is no view of a KPI", where="show", do=f"Write {', '.join(VIEWS)}.")
    (sign,) = (
        signs(look.moment, look.moment.catalogue, look.calendar, [name], look.looked) if look.has_data else (None,)
    )
    heading = title(page.kpi, variant.id)
    context: dict[str, Any] = {
        "tile": None if sign is None else tile(look, sign, whole=True),
        "facts": [] if sign is None else facts(look, sign, beside=True),
        "care": "" if sign is None else sign.now.detail,
        "chart": None if sign is None else _chart(look, sign, name, heading),
        "explore": Link(look.say("kpi.explore"), _beside(look, name)),
        "variants": _variants(look, page, variant),
        "chips": chips(look),
        "views": _views(look, view, have_data=sign is not None),
        "view": view if sign is not None else "definition",
        "boards": (),
        "splits": (),
        "trace": None,
        "records": None,
        "definition": _definition(look, page, variant),
        "pitfalls": page.kpi.pitfalls,
        "detail": DETAIL,
    }
    if sign is not None:
        match view:
            case "segments":
                context["boards"] = _boards(look, sign, name, page)
                context["splits"] = _splits(look, page)
            case "trace":
                context["trace"] = _trace(look, sign, name)
            case "records":
                context["records"] = _records(look, sign, name)
            case _:
                pass
    frame = look.frame(
        heading,
        "kpi",
        controls=look.controls(grain=True) if look.has_data else None,
        lead=page.kpi.question,
        back=Link(look.say("kpi.back"), href("/kpi", replace(look.asked.without_more(), by="", filter=""))),
        notices=_notices(look, sign),
    )
    return PAGE, frame, context, "detail"


def _beside(look: Look, name: str) -> str:
    """The address at which the KPI stands beside others, in the same period and with the same filter."""
    return href("/explore", replace(look.asked.without_more(), by="").having(kpi=name))


# --- the head --------------------------------------------------------------------------------------------------------
def _variants(look: Look, page: KpiPage, chosen: Variant) -> Segmented | None:
    if len(page.kpi.variants) < 2:
        return None
    links = []
    for v in page.kpi.variants:
        name = page.kpi.id if v.id == page.kpi.default else f"{page.kpi.id}.{v.id}"
        splits = look.moment.kpi_show(f"{page.kpi.id}.{v.id}").splits
        there = kpi_href(name, filtered_by(look.asked, splits))
        links.append(Link(v.id.replace("_", " "), there, v.id == chosen.id, v.use_when or v.text))
    return Segmented(look.say("kpi.variants"), tuple(links))


def _views(look: Look, view: str, *, have_data: bool) -> Segmented:
    offered = VIEWS if have_data else VIEWS[-1:]
    links = []
    for name in offered:
        asked = look.asked.having(show="" if name == VIEWS[0] else name, side="", page="")
        links.append(Link(look.say(f"kpi.show_{name}"), f"{href(look.path, asked)}#{DETAIL}", name == view))
    return Segmented(look.say("kpi.show"), tuple(links))


def _notices(look: Look, sign: Sign | None) -> tuple[Notice, ...]:
    if sign is None or sign.now.value is not None or not sign.now.detail:
        return look.as_of()
    return (*look.as_of(), Notice("warn", f"{look.words.of(sign.now)}: {sign.now.detail}."))


# --- the chart -------------------------------------------------------------------------------------------------------
def _chart(look: Look, sign: Sign, name: str, heading: str) -> Chart:
    looked, kpi, words = look.looked, sign.kpi, look.words
    by = look.asked.by
    before: tuple[Observation, ...] = ()
    if by:
        series = _segments(look, sign, name)
    else:
        series = [_series(look, heading, sign.line)]
        if any(o.low is not None for o in sign.line):
            series.append(Series(look.say("kpi.low_high"), "band", series[0].points, muted=True))
        before = _line_before(look, name)
        if before:
            points = tuple(
                _point(look, o, now) for o, now in zip(before, sign.line, strict=False) if now.period_start is not None
            )
            first, last = before[0].period_start, before[-1].period_end
            called = words.period(Period(first, last)) if first and last else ""
            series.append(Series(look.say("kpi.compared_name", period=called), "line", points, muted=True))
    grain = look.say(f"grains.{looked.grain.value}").lower()
    return Chart(
        id="line",
        title=look.say("kpi.chart_title", title=heading, grain=grain),
        series=tuple(series),
        table=_table(look, sign, heading, before),
        unit=str(sign.variant.unit),
        show=kpi.show,
        currency=sign.now.currency,
        locale=str(words.locale).replace("_", "-"),
        grain=looked.grain.value,
        summary=words.period(looked.window),
        partial_last=bool(sign.line) and "partial" in sign.line[-1].quality,
        downloads=tuple(
            Link(
                look.say(f"kpi.export_{form}"),
                api_href("measure", name, looked, grain=looked.grain.value, by=by, form=form),
            )
            for form in ("csv", "xlsx")
        ),
    )


def _series(look: Look, name: str, line: Sequence[Observation]) -> Series:
    return Series(name, "line", tuple(_point(look, o, o) for o in line))


def _point(look: Look, o: Observation, at: Observation) -> Point:
    """A number at the place of another period (its own, or the one it is compared with)."""
    day = at.period_start
    return ("" if day is None else day.isoformat(), o.value, o.low, o.high, look.words.why(o))


def _line_before(look: Look, name: str) -> tuple[Observation, ...]:
    """The line of the year before; of the period before only where the line is that period and no more."""
    looked = look.looked
    if looked.before is None:
        return ()
    if look.asked.compare == "year":
        window = a_year_before(looked.window)
    elif looked.window == looked.focus:
        window = looked.before
    else:
        return ()
    answer = look.moment.measure(name, period=window, grain=looked.grain, filter=looked.filter, as_of=looked.as_of)
    return tuple(answer)


def _segments(look: Look, sign: Sign, name: str) -> list[Series]:
    """The lines of the largest segments of the split asked for."""
    looked = look.looked
    whole = _split(look, name, look.asked.by)
    first = [o.segment[0][1] for o in ranked(whole)[:LINES]]
    answer = look.moment.measure(
        name, period=looked.window, grain=looked.grain, by=look.asked.by, filter=looked.filter, as_of=looked.as_of
    )
    return [
        _series(look, segment_name(look, value), [o for o in answer if o.segment[0][1] == value]) for value in first
    ]


def _table(look: Look, sign: Sign, heading: str, before: Sequence[Observation]) -> Table:
    say, words, shown = look.say, look.words, sign.kpi.show
    columns: list[tuple[str, Callable[[Observation], str | Cell], bool]] = [
        (say("kpi.head_period"), words.of, False),
        (heading, lambda o: value_cell(look, o, shown), True),
        (say("kpi.head_interval"), lambda o: words.interval(o, shown), True),
        (
            say("kpi.head_n"),
            lambda o: n_text(look, o),
            True,
        ),
        (say("kpi.head_reason"), lambda o: "" if o.value is None else words.why(o), False),
    ]
    cells = [[cell(o) for o in sign.line] for _, cell, _ in columns]
    kept = [i for i, column in enumerate(cells) if any(column)]
    heads = [columns[i][0] for i in kept]
    right = [columns[i][2] for i in kept]
    kept_cells = [cells[i] for i in kept]
    if before:
        first, last = before[0].period_start, before[-1].period_end
        called = words.period(Period(first, last)) if first and last else ""
        heads.insert(2, say("kpi.head_before", period=called))
        right.insert(2, True)
        told: list[str | Cell] = [value_cell(look, o, shown) for o in before]
        kept_cells.insert(2, (told + [""] * len(sign.line))[: len(sign.line)])
    rows = tuple(zip(*kept_cells, strict=True))
    return Table(tuple(heads), rows, heading, frozenset(i for i, r in enumerate(right) if r))


# --- segments --------------------------------------------------------------------------------------------------------
def _boards(look: Look, sign: Sign, name: str, page: KpiPage) -> tuple[Leaderboard, ...]:
    """A leaderboard of each of the first splits that have at least two segments with data; of one alone where it is
    asked for."""
    asked = look.asked.by
    held = [s[0] for c in conditions(look.asked.filter) if (s := segment_of(c)) is not None]
    splits = [asked] if asked else [*held, *(s for s in telling(page) if s not in held)]
    found = []
    for split in splits[: TRIED + len(held)]:
        answer = _split(look, name, split)
        having = [o for o in answer if o.value is not None]
        if asked or len({o.segment for o in having}) > 1 or (having and split in held):
            found.append(_board(look, sign, split, answer))
        if len(found) == BOARDS:
            break
    return tuple(found)


def telling(page: KpiPage) -> list[str]:
    """The splits in the order in which they tell most: the leading ones, then the others."""
    return sorted(page.telling, key=lambda s: LEADING.index(s) if s in LEADING else len(LEADING))


def _splits(look: Look, page: KpiPage) -> tuple[Link, ...]:
    """Every split, to be looked at alone."""
    return tuple(
        Link(s.replace("_", " "), f"{href(look.path, replace(look.asked, by=s))}#{DETAIL}", s == look.asked.by)
        for s in telling(page)
    )


def _split(look: Look, name: str, split: str) -> Answer:
    """The segments of a split, without the filter on it: a board shows what else could be chosen."""
    looked = look.looked
    others = tuple(c for c in conditions(looked.filter) if (segment_of(c) or ("",))[0] != split)
    return look.moment.measure(
        name, period=looked.focus, grain=Grain.ALL, by=split, filter=" and ".join(f"({c})" for c in others),
        as_of=looked.as_of,
    )  # fmt: skip


def _board(look: Look, sign: Sign, split: str, answer: Answer) -> Leaderboard:
    say, kpi = look.say, sign.kpi
    wide = bool(look.asked.by)
    every = ranked(answer)
    shown = every[: ALL_ROWS if wide else ROWS]
    most = max((abs(o.value) for o in shown if o.value is not None), default=0.0)
    chosen = {s[1]: c for c in conditions(look.asked.filter) if (s := segment_of(c)) is not None and s[0] == split}
    rows = tuple(bar(look, o, split, kpi.show, most, chosen) for o in shown)
    more = None
    if wide:
        more = Link(say("kpi.fewer_segments"), f"{href(look.path, replace(look.asked, by=''))}#{DETAIL}")
    elif len(every) > 1:
        there = f"{href(look.path, replace(look.asked, by=split))}#{DETAIL}"
        key = "kpi.more_segments" if len(every) > ROWS else "kpi.draw_segments"
        more = Link(say(key, n=look.words.count(len(every))), there)
    note = say("kpi.largest_n" if is_quotient(answer) else "kpi.largest")
    return Leaderboard(split, split.replace("_", " ").capitalize(), rows, kpi.title, more, note)


# --- how it was made -------------------------------------------------------------------------------------------------
def _trace(look: Look, sign: Sign, name: str) -> TracePanel:
    """The trace of the number on top of the page."""
    looked, say, words = look.looked, look.say, look.words
    period = _period_of(sign)
    traced = look.moment.trace(name, period=period, grain=Grain.ALL, filter=looked.filter, as_of=looked.as_of)
    t: Trace = traced[0]
    numbers = tuple(
        (words.of(n.observation), n.filled, value_cell(look, n.observation, sign.kpi.show)) for n in t.numbers
    )
    heads = (say("kpi.head_period"), say("kpi.trace_filled"), say("sign.exact"))
    tables = [Table(heads, numbers, say("kpi.trace_numbers"), frozenset({2}))]
    if t.measures:
        rows = tuple(
            (m.title, f"{m.what} in {m.table}, {m.clock}{', where ' + m.where if m.where else ''}", words.count(m.rows))
            for m in t.measures
        )
        heads = (say("kpi.trace_measure"), say("kpi.trace_what"), say("kpi.trace_count"))
        tables.append(Table(heads, rows, say("kpi.trace_rows"), frozenset({2})))
    if t.derivations:
        heads2 = (say("kpi.trace_column"), say("kpi.trace_derived"))
        tables.append(Table(heads2, tuple((c, how) for c, how in t.derivations), say("kpi.trace_columns")))
    if t.freshness:
        fresh = tuple(
            (
                f.table,
                f.source,
                say("kpi.trace_unknown") if f.complete_through is None else words.day(f.complete_through),
            )
            for f in t.freshness
        )
        heads = (say("kpi.trace_table"), say("kpi.trace_source"), say("kpi.trace_through"))
        tables.append(Table(heads, fresh, say("kpi.trace_fresh")))
    told = (
        (say("kpi.unit"), f"{t.unit}, {say(f'kpi.basis_{t.basis}')}"),
        (say("sign.usual_label"), usual(look, sign.change) if is_newest(sign) else ""),
        (say("kpi.as_of"), words.day(t.as_of)),
        (say("kpi.definition_version"), t.definition),
        (say("kpi.data_version"), t.data),
        (say("kpi.file"), t.path),
        (say("kpi.reference"), t.reference),
    )
    written = t.written or t.formula
    statements = tuple(
        (say("kpi.statement", i=i, n=len(t.statements)), text) for i, text in enumerate(t.statements, start=1)
    )
    return TracePanel(
        say("kpi.trace_title", title=t.title),
        written,
        tuple((label, text) for label, text in told if text),
        t.formula if t.formula != written else "",
        tuple(tables),
        statements,
        tuple(s for s in sign.now.detail.split("; ") if s),
    )


def _period_of(sign: Sign) -> Period | None:
    now = sign.now
    return None if now.period_start is None or now.period_end is None else Period(now.period_start, now.period_end)


# --- the rows behind it ----------------------------------------------------------------------------------------------
def _records(look: Look, sign: Sign, name: str) -> RecordsTable | None:
    """A page of the rows counted on one side of the number."""
    looked, say, words = look.looked, look.say, look.words
    number = _page(look.asked["page"])
    answer = look.moment.records(
        name,
        period=_period_of(sign),
        grain=Grain.ALL,
        filter=looked.filter,
        as_of=looked.as_of,
        limit=number * PAGE_ROWS,
    )
    blocks = list(answer)
    if not blocks:
        return None
    sides = [f"{b.role}-{b.measure}" for b in blocks]
    side = look.asked["side"] or sides[0]
    if side not in sides:
        raise QueryError(f"{side!r} is no side of this KPI", where="side", do=f"Write {' or '.join(sides)}.")
    block = blocks[sides.index(side)]
    total = block.rows.total or len(block.rows.rows)
    first = (number - 1) * PAGE_ROWS
    rows = tuple(tuple(plain_text(v) for v in row) for row in block.rows.rows[first:])

    def there(**more: str) -> str:
        return f"{href(look.path, look.asked.having(**more))}#{DETAIL}"

    links = tuple(
        Link(_side(look, b), there(side="" if i == 0 else s, page=""), s == side)
        for i, (s, b) in enumerate(zip(sides, blocks, strict=True))
    )
    last = min(first + PAGE_ROWS, total)
    note = say("kpi.records_most", n=words.count(MOST_ROWS)) if last >= MOST_ROWS and total > MOST_ROWS else ""
    period = replace(looked, focus=_period_of(sign) or looked.focus)
    return RecordsTable(
        Table(
            tuple(c.replace("_", " ") for c in block.rows.columns),
            rows,
            say("kpi.records_caption", title=block.title),
            _numbers(block),
            note,
        ),
        Segmented(say("kpi.show_records"), links) if len(links) > 1 else None,
        say("kpi.records_count", shown=_span(look, first, last), total=words.count(total), table=block.table),
        there(page=str(number - 1) if number > 2 else "") if number > 1 else "",
        there(page=str(number + 1)) if last < min(total, MOST_ROWS) else "",
        tuple(
            Link(say(f"kpi.export_{form}"), api_href("records", name, period, form=form)) for form in ("csv", "xlsx")
        ),
    )


def _side(look: Look, block: Records) -> str:
    return f"{look.say(f'kpi.records_{block.role}')}: {block.title}"


def _span(look: Look, first: int, last: int) -> str:
    if last <= first:
        return look.words.count(0)
    return f"{look.words.count(first + 1)}\u2013{look.words.count(last)}"


def _page(text: str) -> int:
    most = MOST_ROWS // PAGE_ROWS
    if text and not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= most):
        raise QueryError(f"{text!r} is no page", where="page", do=f"Write a number from 1 to {most}.")
    return int(text or "1")


def _numbers(block: Records) -> frozenset[int]:
    rows = block.rows.rows
    found = []
    for i in range(len(block.rows.columns)):
        values = [row[i] for row in rows if row[i] is not None]
        if values and all(not isinstance(v, bool | str) and hasattr(v, "__float__") for v in values):
            found.append(i)
    return frozenset(found)


# --- the definition --------------------------------------------------------------------------------------------------
def _definition(look: Look, page: KpiPage, variant: Variant) -> tuple[tuple[str, str], ...]:
    say, kpi = look.say, page.kpi
    pair = look.moment.catalogue.kpis.get(kpi.pair)
    told = (
        (say("kpi.formula"), variant.text),
        (say("kpi.in_words"), page.words.get(variant.id, "")),
        (say("kpi.use_when"), variant.use_when),
        (say("kpi.basis"), say(f"kpi.basis_{variant.basis}")),
        (say("kpi.unit"), str(variant.unit)),
        (say("sign.better_label"), look.words.better(kpi)),
        (say("kpi.stage"), say(f"stages.{kpi.stage}")),
        (say("kpi.pair"), "" if pair is None else pair.title),
        (say("kpi.reference"), kpi.reference),
        (say("kpi.file"), kpi.path),
    )
    return tuple((label, text) for label, text in told if text)
