"""Board files to boards, every KPI they name held against the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from headwater.errors import DefinitionError, Fault, QueryError, nearest
from headwater.files.read import Definition, Document, KeyPath
from headwater.metrics.entries import Entry, read_folder
from headwater.metrics.formula import find, resolve
from headwater.metrics.language import LanguageError, parse_predicate
from headwater.metrics.scans import splits_of
from headwater.model.board import FEWEST_LINES, FIRST, MOST, MOST_LINES, PERIODS, Board, Plot, Section, Step, Tile
from headwater.model.catalogue import Catalogue
from headwater.model.lowering import columns_in
from headwater.model.period import Calendar, Grain
from headwater.model.types import Unit

FOLDER = "boards"
MOST_UNITS = 2
"""So many axes a chart can have."""

Title = Annotated[str, Field(min_length=1)]
Show = Literal["indexed", "axes", "scatter"]


class StepShape(Definition):
    """One step of the funnel strip."""

    title: Title
    volume: str
    rate: str = ""
    time: str = ""


class TileShape(Definition):
    """A tile: the name of a KPI alone, or with a title and a filter of its own."""

    kpi: str
    title: str = ""
    filter: str = ""


def _named(value: Any) -> Any:
    return {"kpi": str(value)} if isinstance(value, str) else value


OneTile = Annotated[TileShape, BeforeValidator(_named)]


class SectionShape(Definition):
    """Tiles under a heading."""

    title: Title
    text: str = ""
    tiles: Annotated[tuple[OneTile, ...], Field(min_length=1)]


class PlotShape(Definition):
    """KPIs on one chart."""

    kpis: Annotated[tuple[str, ...], Field(min_length=FEWEST_LINES, max_length=MOST_LINES)]
    title: str = ""
    show: Show = "indexed"
    by: str = ""
    grain: str = ""
    filter: str = ""


class FirstShape(Definition):
    """All that the file of the first page's board may hold."""

    title: Title
    strip: Annotated[tuple[StepShape, ...], Field(max_length=9)] = ()
    tiles: Annotated[tuple[str, ...], Field(min_length=1, max_length=60)]
    most: Annotated[int, Field(ge=1, le=MOST)] = MOST


class BoardShape(Definition):
    """All that the file of another board may hold."""

    title: Title
    text: str = ""
    period: str = ""
    filter: str = ""
    tiles: Annotated[tuple[OneTile, ...], Field(max_length=60)] = ()
    sections: Annotated[tuple[SectionShape, ...], Field(max_length=12)] = ()
    charts: Annotated[tuple[PlotShape, ...], Field(max_length=MOST)] = ()
    leaders: Annotated[tuple[str, ...], Field(max_length=6)] = ()
    by: Annotated[tuple[str, ...], Field(max_length=5)] = ()

    @model_validator(mode="after")
    def _holds_something(self) -> BoardShape:
        if not (self.tiles or self.sections or self.charts):
            raise ValueError("a board has tiles, sections or charts")
        if bool(self.leaders) != bool(self.by):
            raise ValueError("'leaders' (KPIs) and 'by' (splits) stand together: who leads, by what")
        return self


Shape = FirstShape | BoardShape


def shape_of(document: Document) -> type[FirstShape] | type[BoardShape]:
    """The shape that the file of a board must fit."""
    return FirstShape if Path(document.path).stem == FIRST else BoardShape


@dataclass(frozen=True, slots=True)
class Boards:
    """The boards of a workspace by id, and the faults of the files that are none, by their path."""

    boards: Mapping[str, Board]
    faults: Mapping[str, tuple[Fault, ...]]


def read_boards(shipped: Path, workspace: Path, catalogue: Catalogue) -> Boards:
    """Every board, and what is wrong with the files that are none, so that one of them does not hide the others; a
    workspace's own file takes the place of the shipped one of that name."""
    places = ((shipped, False), (workspace, True))
    folders = [read_folder(root, FOLDER, shape_of, own=own) for root, own in places]
    entries: dict[str, Entry[Any]] = {e.id: e for folder in folders for e in folder.entries}
    for folder in folders:
        for name in folder.broken:
            entries.pop(name, None)  # the own file is meant to take the place of the shipped one
    faults = [f for folder in folders for f in folder.faults]
    faults += [f for e in entries.values() for f in faults_of(e, catalogue)]
    wrong: dict[str, tuple[Fault, ...]] = {}
    for fault in faults:
        wrong[fault.path] = (*wrong.get(fault.path, ()), fault)
    boards = {e.id: board_of(e) for e in entries.values() if e.document.path not in wrong}
    return Boards(dict(sorted(boards.items())), wrong)


def load_boards(shipped: Path, workspace: Path, catalogue: Catalogue) -> dict[str, Board]:
    """Every board by id. Raises DefinitionError with every fault of every file."""
    read = read_boards(shipped, workspace, catalogue)
    if read.faults:
        raise DefinitionError.of(f for faults in read.faults.values() for f in faults)
    return dict(read.boards)


def board_of(entry: Entry[Any]) -> Board:
    """The board of a file that fits its shape."""
    shape, path = entry.shape, entry.document.path
    if isinstance(shape, FirstShape):
        steps = tuple(Step(s.title, s.volume, s.rate, s.time) for s in shape.strip)
        tiles = Section(tuple(Tile(name) for name in shape.tiles))
        return Board(entry.id, shape.title, steps, (tiles,), shape.most, path, own=entry.own)
    sections = [Section(_tiles(shape.tiles))] if shape.tiles else []
    sections += [Section(_tiles(s.tiles), s.title, s.text) for s in shape.sections]
    return Board(
        entry.id,
        shape.title,
        (),
        tuple(sections),
        path=path,
        text=shape.text,
        period=shape.period,
        filter=shape.filter,
        charts=tuple(Plot(c.kpis, c.title, c.show, c.by, c.grain, c.filter) for c in shape.charts),
        leaders=shape.leaders,
        by=shape.by,
        own=entry.own,
    )


def _tiles(shapes: Sequence[TileShape]) -> tuple[Tile, ...]:
    return tuple(Tile(t.kpi, t.title, t.filter) for t in shapes)


# --- what is wrong ---------------------------------------------------------------------------------------------------
def faults_of(entry: Entry[Any], catalogue: Catalogue) -> tuple[Fault, ...]:
    """Every fault of a file that fits its shape."""
    return tuple(_faults(entry, catalogue))


def _faults(entry: Entry[Any], catalogue: Catalogue) -> Iterator[Fault]:
    shape = entry.shape
    unknown = False
    for key, name in _kpis(shape):
        try:
            find(catalogue, name)
        except QueryError as error:
            unknown = True
            yield entry.fault(key, error.what, error.do)
    seen: set[tuple[str, str]] = set()
    for key, tile in _tile_keys(shape):
        if (tile.kpi, tile.filter) in seen:
            yield entry.fault(key, f"{tile.kpi!r} stands twice among the tiles")
        seen.add((tile.kpi, tile.filter))
    if unknown or isinstance(shape, FirstShape):
        return
    yield from _period(entry, shape.period)
    yield from _filter(entry, ("filter",), shape.filter, None)
    for key, tile in _tile_keys(shape):
        yield from _filter(entry, (*key, "filter"), tile.filter, offered(catalogue, (tile.kpi,)))
    for i, split in enumerate(shape.by):
        yield from _split(entry, ("by", i), split, offered(catalogue, shape.leaders))
    for i, plot in enumerate(shape.charts):
        yield from _plot(entry, ("charts", i), plot, catalogue)


def _plot(entry: Entry[Any], key: KeyPath, plot: PlotShape, catalogue: Catalogue) -> Iterator[Fault]:
    if len(set(plot.kpis)) < len(plot.kpis):
        yield entry.fault((*key, "kpis"), "a KPI stands twice on the chart")
    splits = offered(catalogue, plot.kpis)
    yield from _filter(entry, (*key, "filter"), plot.filter, splits)
    if plot.grain and plot.grain not in (steps := [g.value for g in Grain if g is not Grain.ALL]):
        do = nearest(plot.grain, steps) or f"It is one of {', '.join(steps)}."
        yield entry.fault((*key, "grain"), f"no grain is called {plot.grain!r}", do)
    if plot.show != "scatter":
        if plot.by:
            yield entry.fault((*key, "by"), "a split is for a scatter", "Write show: scatter, or leave it out.")
    elif len(plot.kpis) != FEWEST_LINES:
        yield entry.fault((*key, "kpis"), "a scatter has two KPIs: one across, one up")
    elif not plot.by:
        yield entry.fault(key, "a scatter needs a split: one dot a segment", "Write by: and the split.")
    else:
        yield from _split(entry, (*key, "by"), plot.by, splits)
    if plot.show == "axes" and len(units := units_of(catalogue, plot.kpis)) > MOST_UNITS:
        what = f"a chart has two axes, and these are {len(units)} units: {', '.join(str(u) for u in units)}"
        yield entry.fault((*key, "show"), what, "Write show: indexed, or fewer KPIs.")


def _period(entry: Entry[Any], text: str) -> Iterator[Fault]:
    if not text or text in PERIODS:
        return
    try:
        Calendar().parse(text, date(2000, 1, 1))
    except (ValueError, OverflowError):
        do = nearest(text, PERIODS) or f"Write {', '.join(PERIODS)}, or one such as 2026-Q1."
        yield entry.fault(("period",), f"{text!r} is not a period", do)


def _filter(entry: Entry[Any], key: KeyPath, text: str, splits: Sequence[str] | None) -> Iterator[Fault]:
    """What is wrong with a filter; `splits` are those that can be asked (None: not known)."""
    if not text:
        return
    try:
        asked = columns_in(parse_predicate(text))
    except LanguageError as error:
        yield entry.fault(key, str(error), "Write a filter such as channel = 'ads' and region is not empty.")
        return
    for name in sorted(asked):
        if splits is not None:
            yield from _split(entry, key, name, splits)


def _split(entry: Entry[Any], key: KeyPath, name: str, splits: Sequence[str]) -> Iterator[Fault]:
    if name not in splits:
        do = nearest(name, splits) or f"There are {', '.join(splits[:12])}." if splits else ""
        yield entry.fault(key, f"no split {name!r} is shared by the KPIs it is for", do)


def _kpis(shape: Shape) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(shape, FirstShape):
        for i, step in enumerate(shape.strip):
            for part in ("volume", "rate", "time"):
                if name := getattr(step, part):
                    yield ("strip", i, part), name
    yield from ((key, tile.kpi) for key, tile in _tile_keys(shape))
    if isinstance(shape, BoardShape):
        for i, plot in enumerate(shape.charts):
            yield from ((("charts", i, "kpis", j), name) for j, name in enumerate(plot.kpis))
        yield from ((("leaders", i), name) for i, name in enumerate(shape.leaders))


def _tile_keys(shape: Shape) -> Iterator[tuple[KeyPath, TileShape]]:
    if isinstance(shape, FirstShape):
        yield from ((("tiles", i), TileShape(kpi=name)) for i, name in enumerate(shape.tiles))
        return
    yield from ((("tiles", i), tile) for i, tile in enumerate(shape.tiles))
    for i, section in enumerate(shape.sections):
        yield from ((("sections", i, "tiles", j), tile) for j, tile in enumerate(section.tiles))


# --- what KPIs have in common ----------------------------------------------------------------------------------------
def offered(catalogue: Catalogue, names: Sequence[str]) -> tuple[str, ...]:
    """The splits that all of these KPIs can be asked by."""
    offers: list[tuple[str, ...]] = []
    for name in names:
        asked = resolve(catalogue, name)
        offers += [(*asked.variant.splits, *splits_of(catalogue.measures[m], catalogue)) for m in asked.reads]
    return tuple(s for s in offers[0] if all(s in o for o in offers)) if offers else ()


def units_of(catalogue: Catalogue, names: Sequence[str]) -> tuple[Unit, ...]:
    """The units of these KPIs, each once, in their order."""
    return tuple(dict.fromkeys(find(catalogue, name)[1].unit for name in names))
