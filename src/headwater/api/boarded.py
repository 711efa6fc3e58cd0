"""A board with its numbers: one question for all that shares a filter and a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.api.answer import Answer
from headwater.api.exploring import Asking, Lines, Scatter, lines, scatter
from headwater.api.filters import asked_of, conditions, joined
from headwater.api.overview import Frame, Sign, signs
from headwater.metrics.boards import offered
from headwater.metrics.formula import resolve
from headwater.model.board import Board, Plot, Section, Tile
from headwater.model.catalogue import Catalogue
from headwater.model.observation import Observation
from headwater.model.period import Calendar, Grain


@dataclass(frozen=True, slots=True)
class Placed:
    """A tile with its number and the filter it is counted under; where that asks for what its KPI does not have
    (`lacks`), without one."""

    tile: Tile
    filter: str
    sign: Sign | None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Charted:
    """A chart of a board, as lines or as dots; `lacks` as of a tile."""

    plot: Plot
    filter: str
    frame: Frame
    signs: tuple[Sign, ...] = ()
    lines: Lines | None = None
    scatter: Scatter | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leading:
    """A KPI by the segments of a split; `lacks` as of a tile."""

    name: str
    by: str
    answer: Answer | None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Boarded:
    """A board with its numbers."""

    board: Board
    sections: tuple[tuple[Section, tuple[Placed, ...]], ...]
    charts: tuple[Charted, ...]
    leaders: tuple[Leading, ...]

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The tiles of all sections."""
        return tuple(p for _, placed in self.sections for p in placed)

    @property
    def answer(self) -> Answer:
        """The number of each tile that has one, as one answer."""
        return Answer(tuple(p.sign.now for p in self.placed if p.sign is not None))


def boarded(
    asking: Asking,
    catalogue: Catalogue,
    calendar: Calendar,
    board: Board,
    frame_at: Callable[[str], Frame],
    by: str = "",
) -> Boarded:
    """The numbers of a board. `frame_at` gives what the page looks at in the steps of a grain ('': as asked); `by` is
    the split of the leaderboards (default: the board's first)."""
    frame = frame_at("")
    own = (board.filter, frame.filter)
    tiles = [(t, _all(*own, t.filter)) for t in board.every_tile]
    plots = [(p, _all(*own, p.filter)) for p in board.charts]
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for tile, filter in tiles:
        if not lacking(catalogue, (tile.kpi,), filter):
            groups.setdefault((filter, ""), {})[tile.kpi] = None
    for plot, filter in plots:
        if plot.show != "scatter" and not lacking(catalogue, plot.kpis, filter):
            groups.setdefault((filter, plot.grain), {}).update(dict.fromkeys(plot.kpis))
    found: dict[tuple[str, str, str], Sign] = {}
    for (filter, grain), names in groups.items():
        at = replace(frame_at(grain), filter=filter)
        found |= {(s.name, filter, grain): s for s in signs(asking, catalogue, calendar, tuple(names), at)}
    placed = iter([Placed(t, f, found.get((t.kpi, f, "")), lacking(catalogue, (t.kpi,), f)) for t, f in tiles])
    return Boarded(
        board,
        tuple((s, tuple(next(placed) for _ in s.tiles)) for s in board.sections),
        tuple(_charted(asking, catalogue, p, f, frame_at(p.grain), found) for p, f in plots),
        tuple(_leading(asking, catalogue, board, replace(frame, filter=_all(*own)), by or (board.by or ("",))[0])),
    )


def lacking(catalogue: Catalogue, names: Sequence[str], filter: str) -> tuple[str, ...]:
    """The splits that a filter asks for and one of these KPIs does not have. A KPI that cannot be reckoned lacks
    none: why it is missing is said by its number."""
    asked = sorted({split for condition in conditions(filter) for split in asked_of(condition)})
    if not asked:
        return ()
    known = [offered(catalogue, (name,)) for name in names if resolve(catalogue, name).answers]
    return tuple(split for split in asked if any(split not in splits for splits in known))


def _all(*filters: str) -> str:
    return joined(tuple(c for text in filters for c in conditions(text)))


def _charted(
    asking: Asking,
    catalogue: Catalogue,
    plot: Plot,
    filter: str,
    frame: Frame,
    found: Mapping[tuple[str, str, str], Sign],
) -> Charted:
    frame = replace(frame, filter=filter)
    if lacks := lacking(catalogue, plot.kpis, filter):
        return Charted(plot, filter, frame, lacks=lacks)
    if plot.show == "scatter":
        return Charted(plot, filter, frame, scatter=scatter(asking, catalogue, plot.kpis, plot.by, frame))
    shown = tuple(found[name, filter, plot.grain] for name in plot.kpis)
    return Charted(plot, filter, frame, shown, lines(catalogue, shown, plot.show))


def _leading(asking: Asking, catalogue: Catalogue, board: Board, frame: Frame, by: str) -> list[Leading]:
    """Of each of the KPIs its segments. Those that are filtered to one segment of the split keep the others, so that
    one sees among whom it stands."""
    if not board.leaders:
        return []
    others = joined(tuple(c for c in conditions(frame.filter) if asked_of(c) != {by}))
    lacks = {name: lacking(catalogue, (name,), others) for name in board.leaders}
    asked = [name for name in board.leaders if not lacks[name]]
    every: tuple[Observation, ...] = ()
    if asked:
        every = tuple(
            asking.measure(*asked, period=frame.focus, grain=Grain.ALL, by=[by], filter=others, as_of=frame.as_of)
        )
    made = []
    for name in board.leaders:
        known = resolve(catalogue, name)
        own = tuple(o for o in every if (o.kpi, o.variant) == (known.kpi.id, known.variant.id))
        made.append(Leading(name, by, None if lacks[name] else Answer(own), lacks[name]))
    return made
