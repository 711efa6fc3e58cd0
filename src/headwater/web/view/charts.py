"""KPIs beside each other on one chart, with the table that says the same."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.api.exploring import BASE, Dot, Line, Lines, Refusal, Scatter
from headwater.api.overview import Frame
from headwater.model.kpi import Kpi, Variant
from headwater.model.observation import Observation
from headwater.model.types import ONE
from headwater.web.parts import Axis, Cell, Chart, DotMark, Link, Point, Series, Table
from headwater.web.view.asked import api_href
from headwater.web.view.look import Look
from headwater.web.view.segments import segment_name, value_cell
from headwater.web.view.signs import title


def lines_chart(look: Look, found: Lines, frame: Frame, id: str, heading: str = "", *, downloads: bool = True) -> Chart:
    """The chart of lines that can be drawn."""
    say, words = look.say, look.words
    indexed = found.show == "indexed"
    names = tuple(line.name for line in found.lines)
    first = found.lines[0]
    summary = words.period(frame.window)
    if indexed and found.begins is not None:
        begins = words.period(found.begins, frame.grain)
        summary = say("explore.indexed_summary", period=summary, begins=begins)
    return Chart(
        id=id,
        title=heading or together(found.lines),
        series=tuple(_series(look, line, several=_axes_count(found) > 1, indexed=indexed) for line in found.lines),
        table=_lines_table(look, found),
        unit="" if indexed else str(first.variant.unit),
        show="number" if indexed else first.kpi.show,
        currency="" if indexed else _currency(first),
        locale=str(words.locale).replace("_", "-"),
        grain=frame.grain.value,
        summary=summary,
        target=BASE if indexed else None,
        partial_last=any(line.points and "partial" in line.points[-1].quality for line in found.lines),
        downloads=_downloads(look, names, frame) if downloads else (),
        axes=() if indexed else tuple(_axes(look, found)),
    )


def scatter_chart(
    look: Look, found: Scatter, frame: Frame, id: str, heading: str = "", *, unfolded: bool = False
) -> Chart:
    """The chart of a scatter; with its table `unfolded` below it."""
    say, words = look.say, look.words
    x, y = _called(found.x), _called(found.y)
    names = tuple(_name(*side) for side in (found.x, found.y))
    known = [d for d in found.dots if d.is_known]
    left = len(found.dots) - len(known)
    summary = say("explore.scatter_summary", period=words.period(frame.focus))
    if left:
        summary += " " + say("explore.scatter_left", n=words.count(left))
    return Chart(
        id=id,
        title=heading or say("explore.scatter_title", x=x, y=y, split=found.by.replace("_", " ")),
        series=(),
        table=_dots_table(look, found),
        show=found.x[0].show,
        locale=str(words.locale).replace("_", "-"),
        grain=frame.grain.value,
        summary=summary,
        downloads=tuple(
            Link(say(f"kpi.export_{form}"), api_href("measure", names, frame, by=found.by, form=form))
            for form in ("csv", "xlsx")
        ),
        axes=tuple(
            Axis(_called(side), side[0].show, next((d.currency for d in _sides(known, i) if d.currency), ""))
            for i, side in enumerate((found.x, found.y))
        ),
        dots=tuple(_mark(look, d, found) for d in known),
        open=unfolded,
    )


def refusal(look: Look, found: Refusal) -> str:
    """Why lines cannot be drawn so."""
    names = [look.say("explore.share") if name == str(ONE) else name for name in found.names]
    return look.say(f"explore.refused_{found.reason}", names=", ".join(names), n=len(names))


def together(lines: Sequence[Line]) -> str:
    """What several KPIs are called beside each other."""
    return ", ".join(title(line.kpi, line.variant.id) for line in lines)


def _called(side: tuple[Kpi, Variant]) -> str:
    return title(side[0], side[1].id)


def _name(kpi: Kpi, variant: Variant) -> str:
    return kpi.id if variant.id == kpi.default else f"{kpi.id}.{variant.id}"


def _downloads(look: Look, names: tuple[str, ...], frame: Frame) -> tuple[Link, ...]:
    return tuple(
        Link(look.say(f"kpi.export_{form}"), api_href("measure", names, frame, grain=frame.grain.value, form=form))
        for form in ("csv", "xlsx")
    )


# --- lines -----------------------------------------------------------------------------------------------------------
def _currency(line: Line) -> str:
    return next((o.currency for o in line.points if o.currency), "")


def _axes_count(found: Lines) -> int:
    return len({line.axis for line in found.lines})


def _axes(look: Look, found: Lines) -> list[Axis]:
    made = []
    for place in sorted({line.axis for line in found.lines}):
        on = [line for line in found.lines if line.axis == place]
        currency = _currency(on[0])
        names = ", ".join(title(line.kpi, line.variant.id) for line in on)
        shown = look.say("explore.axis", names=names, currency=currency) if currency else names
        made.append(Axis(shown, on[0].kpi.show, currency))
    return made


def _series(look: Look, line: Line, *, several: bool, indexed: bool) -> Series:
    words, name = look.words, title(line.kpi, line.variant.id)
    if several:
        name = look.say("explore.right" if line.axis else "explore.left", title=name)
    values: Sequence[float | None] = line.index if indexed else [o.value for o in line.points]
    texts = []
    for o, value in zip(line.points, values, strict=True):
        told = words.value(o, line.kpi.show)
        if indexed and value is not None:
            told = look.say("explore.indexed_value", index=words.number(round(value, 1), "score"), value=told)
        texts.append(told)
    points: list[Point] = []
    for o, value in zip(line.points, values, strict=True):
        day = "" if o.period_start is None else o.period_start.isoformat()
        points.append((day, value, None, None, words.why(o)))
    return Series(name, "line", tuple(points), axis=line.axis, texts=tuple(texts))


def _lines_table(look: Look, found: Lines) -> Table:
    say, words = look.say, look.words
    heads = [say("kpi.head_period")]
    columns: list[list[str | Cell]] = [[words.of(o) for o in found.lines[0].points]]
    for line in found.lines:
        name = title(line.kpi, line.variant.id)
        heads.append(name)
        columns.append([value_cell(look, o, line.kpi.show) for o in line.points])
        if line.index:
            heads.append(say("explore.head_index", title=name))
            columns.append(["" if v is None else words.number(round(v, 1), "score") for v in line.index])
    rows = tuple(zip(*columns, strict=True))
    return Table(tuple(heads), rows, together(found.lines), frozenset(range(1, len(heads))))


# --- dots ------------------------------------------------------------------------------------------------------------
def _sides(dots: Sequence[Dot], place: int) -> list[Observation]:
    return [d.y if place else d.x for d in dots]


def _mark(look: Look, dot: Dot, found: Scatter) -> DotMark:
    assert dot.x.value is not None and dot.y.value is not None  # only such are drawn
    told = []
    for (kpi, variant), o in ((found.x, dot.x), (found.y, dot.y)):
        parts = [look.words.value(o, kpi.show), look.words.interval(o, kpi.show), look.words.why(o)]
        text = "; ".join(p for p in parts if p)
        told.append(look.say("explore.dot_value", title=title(kpi, variant.id), value=text))
    if dot.n is not None:
        told.append(look.say("kpi.n_text", n=look.words.count(dot.n)))
    return DotMark(segment_name(look, dot.value), dot.x.value, dot.y.value, float(dot.n or 0), tuple(told))


def _dots_table(look: Look, found: Scatter) -> Table:
    say = look.say
    heads = (found.by.replace("_", " ").capitalize(), _called(found.x), _called(found.y), say("kpi.head_n"))
    rows = tuple(
        (
            segment_name(look, d.value),
            value_cell(look, d.x, found.x[0].show),
            value_cell(look, d.y, found.y[0].show),
            "" if d.n is None else look.words.count(d.n),
        )
        for d in found.dots
    )
    note = say("explore.dots_left", n=look.words.count(found.left)) if found.left else ""
    caption = say("explore.scatter_title", x=_called(found.x), y=_called(found.y), split=found.by.replace("_", " "))
    return Table(heads, rows, caption, frozenset({1, 2, 3}), note)
