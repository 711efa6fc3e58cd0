"""The boards: the list at `/boards`, one at `/boards/{id}`, its numbers as a file at `/boards/{id}/numbers.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from headwater.api.boarded import Boarded, Charted, Leading, Placed, boarded
from headwater.api.filters import conditions, segment_of
from headwater.api.held import Held, Moment
from headwater.errors import UnknownError
from headwater.metrics.formula import find
from headwater.model.board import FIRST, Advice, Board
from headwater.web.parts import Cell, Chart, Leaderboard, Link, Notice, Segmented, Table, Tile
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked, frame_of, href, parse
from headwater.web.view.charts import lines_chart, refusal, scatter_chart
from headwater.web.view.look import Look, Made, Pages
from headwater.web.view.segments import bar, is_quotient, ranked
from headwater.web.view.signs import tile, title
from headwater.web.view.usual import chips, controls, looking, waiting

NAVIGATION = (3, "/boards")
LIST, PAGE = "pages/boards/list.html", "pages/boards/page.html"
ROWS = 12
"""So many segments of a leaderboard are shown."""

FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/boards`, `/boards/{id}` and its numbers as files."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/boards", methods=["GET", "HEAD"])
    def every(request: Request) -> Response:
        return pages.answer(request, _listed)

    @router.api_route("/boards/{name}", methods=["GET", "HEAD"])
    def one(request: Request, name: str) -> Response:
        if name == FIRST:
            query = request.url.query
            return RedirectResponse(f"/?{query}" if query else "/", 307)
        return pages.answer(request, lambda look: _shown(look, name))

    @router.api_route("/boards/{name}/numbers.{form}", methods=["GET", "HEAD"])
    def numbers(request: Request, name: str, form: str) -> Response:
        if form not in FORMS:
            raise UnknownError(f"no board is given as {form!r}", do=f"There are {', '.join(FORMS)}.")
        asked = parse(request.query_params.multi_items())
        with held.moment() as moment:
            board = moment.board(name)
            answer = _asked(looking(Look(moment, asked, f"/boards/{name}"), board.period), board).answer
        body = answer.to_csv().encode() if form == "csv" else answer.to_xlsx()
        headers = {"content-disposition": f'attachment; filename="{board.id}.{form}"', "cache-control": "no-store"}
        return Response(body, media_type=FORMS[form], headers=headers)

    return router


def usual(moment: Moment) -> None:
    """Asks what each board that is shipped tells where nothing is chosen."""
    for board in moment.every_board().boards.values():
        if not board.own and board.id != FIRST:
            _shown(Look(moment, Asked(), f"/boards/{board.id}"), board.id)


# --- the list --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Card:
    """A board in the list."""

    title: str
    href: str
    text: str
    count: str
    own: bool


def _listed(look: Look) -> Made:
    say, known = look.say, look.moment.every_board()
    cards = [_card(look, b) for b in sorted(known.boards.values(), key=lambda b: (b.id != FIRST, b.own, b.title))]
    wrong = [
        Notice("bad", say("boards.wrong", path=path), Link(say("boards.wrong_do"), f"/boards/{quote(_id(path))}"))
        for path in known.faults
    ]
    context = {"cards": cards, "how": say("boards.how")}
    frame = look.frame(say("boards.title"), "boards", lead=say("boards.lead"), notices=(*look.as_of(), *wrong))
    return LIST, frame, context, ""


def _id(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _card(look: Look, board: Board) -> Card:
    first = board.id == FIRST
    path = "/" if first else f"/boards/{quote(board.id)}"
    asked = replace(look.asked.without_more(), by="", filter="")
    text = look.say("boards.first_text") if first else board.text
    tiles = min(len(board.every_tile), board.most) if first else len(board.every_tile)
    count = look.say("boards.count", n=look.words.count(tiles))
    if board.charts:
        count = look.say("boards.count_charts", n=look.words.count(tiles), charts=look.words.count(len(board.charts)))
    return Card(board.title, href(path, asked), text, count, board.own)


# --- one board -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Part:
    """A section as the page shows it."""

    id: str
    title: str
    text: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart as the page shows it, or why it is none; `explore` opens it where it can be changed."""

    title: str
    chart: Chart | None
    why: str
    explore: Link


def _shown(look: Look, name: str) -> Made:
    board = look.moment.board(name)
    say = look.say
    back = Link(say("boards.back"), href("/boards", replace(look.asked.without_more(), by="", filter="")))
    if not look.has_data:
        return PAGE, look.frame(board.title, "boards", lead=board.text, back=back), {"empty": look.unbuilt()}, ""
    look = looking(look, board.period)
    seen = _asked(look, board)
    gaps = look.moment.gaps(*board.kpis)
    looks: dict[str, Look] = {}
    context: dict[str, Any] = {
        "empty": None,
        "parts": _parts(look, seen, gaps, looks),
        "figures": [_figure(look, c, i, looks) for i, c in enumerate(seen.charts, start=1)],
        "leaders": [_leaders(look, found, i, gaps) for i, found in enumerate(seen.leaders, start=1)],
        "leading": say("boards.leaders", split=_by(look, board).replace("_", " ")),
        "splits": _splits(look, board),
        "chips": chips(look),
        "holds": say("boards.holds", filter=board.filter) if board.filter else "",
        "advice": _advice(look, look.moment.board_advice(board)),
        "file": board.path,
        "downloads": [
            Link(say(f"kpi.export_{form}"), href(f"/boards/{quote(board.id)}/numbers.{form}", look.asked))
            for form in FORMS
        ],
        "add": Link(say("boards.add"), href("/explore", replace(look.asked.without_more(), by=""))),
    }
    frame = look.frame(board.title, "boards", controls=controls(look), lead=board.text, back=back, notices=look.as_of())
    return PAGE, frame, context, ""


def _asked(look: Look, board: Board) -> Boarded:
    """The board's numbers in the period, and with the filter, of the page."""
    moment = look.moment
    frames: dict[str, Any] = {"": look.looked}

    def at(grain: str) -> Any:
        if grain not in frames:
            frames[grain] = frame_of(replace(look.asked, grain=grain), look.calendar, look.newest)
        return frames[grain]

    return boarded(moment, moment.catalogue, look.calendar, board, at, _by(look, board))


def _by(look: Look, board: Board) -> str:
    return look.asked.by or (board.by[0] if board.by else "")


def _at(look: Look, filter: str, looks: dict[str, Look]) -> Look:
    """The page as it looks through another filter, so that what is opened from a tile counts the same."""
    if filter not in looks:
        looks[filter] = look.at(replace(look.asked, filter=filter))
    return looks[filter]


def _parts(look: Look, seen: Boarded, gaps: Mapping[str, str], looks: dict[str, Look]) -> list[Part]:
    made = []
    number = 0
    for place, (section, placed) in enumerate(seen.sections, start=1):
        tiles = []
        for p in placed:
            number += 1
            tiles.append(_tile(look, p, number, gaps, looks))
        made.append(Part(f"part-{place}", section.title, section.text, tuple(tiles)))
    return made


def _tile(look: Look, placed: Placed, number: int, gaps: Mapping[str, str], looks: dict[str, Look]) -> Tile:
    named, id = placed.tile.title, f"{number}"
    if placed.sign is None:
        kpi, variant = find(look.moment.catalogue, placed.tile.kpi)
        why = look.say("boards.lacks", splits=", ".join(s.replace("_", " ") for s in placed.lacks))
        here = f"/kpi/{quote(placed.tile.kpi)}"
        return Tile(id, named or title(kpi, variant.id), here, missing=why)
    made = tile(_at(look, placed.filter, looks), placed.sign)
    return waiting(look, replace(made, id=id, title=named or made.title), gaps.get(placed.tile.kpi, ""))


def _figure(look: Look, found: Charted, number: int, looks: dict[str, Look]) -> Figure:
    plot, inner = found.plot, _at(look, found.filter, looks)
    state = replace(inner.asked.without_more(), by=plot.by, grain=plot.grain or inner.asked.grain)
    state = state.having(kpi=plot.kpis, show="" if plot.show == "indexed" else plot.show)
    explore = Link(look.say("boards.open_chart"), href("/explore", state))
    catalogue = look.moment.catalogue
    named = plot.title or ", ".join(title(kpi, v.id) for kpi, v in (find(catalogue, name) for name in plot.kpis))
    if found.lacks:
        why = look.say("boards.lacks", splits=", ".join(s.replace("_", " ") for s in found.lacks))
        return Figure(named, None, why, explore)
    if found.scatter is not None and not any(d.is_known for d in found.scatter.dots):
        return Figure(named, None, look.say("explore.refused_dots", split=plot.by.replace("_", " ")), explore)
    if found.scatter is not None:
        return Figure(named, scatter_chart(inner, found.scatter, found.frame, f"{number}", plot.title), "", explore)
    assert found.lines is not None  # it is one of the two
    if found.lines.refused is not None:
        return Figure(named, None, refusal(look, found.lines.refused), explore)
    return Figure(named, lines_chart(inner, found.lines, found.frame, f"{number}", plot.title), "", explore)


# --- who leads -------------------------------------------------------------------------------------------------------
def _splits(look: Look, board: Board) -> Segmented | None:
    if len(board.by) < 2:
        return None
    chosen = _by(look, board)
    links = [
        Link(s.replace("_", " "), f"{look.href(by='' if s == board.by[0] else s)}#leaders", s == chosen)
        for s in board.by
    ]
    return Segmented(look.say("boards.by"), tuple(links))


def _leaders(look: Look, found: Leading, number: int, gaps: Mapping[str, str]) -> Leaderboard:
    kpi, variant = find(look.moment.catalogue, found.name)
    heading = title(kpi, variant.id)
    if found.answer is None:
        why = look.say("boards.lacks", splits=", ".join(s.replace("_", " ") for s in found.lacks))
        return Leaderboard(f"leaders-{number}", heading, (), note=why)
    every = ranked(found.answer)
    shown = every[:ROWS]
    most = max((abs(o.value) for o in shown if o.value is not None), default=0.0)
    held = [(s, c) for c in conditions(look.asked.filter) if (s := segment_of(c)) is not None and s[0] == found.by]
    chosen = {s[1]: c for s, c in held}
    if not any(o.value is not None for o in every):
        gap = gaps.get(found.name, "")
        why = look.say("boards.gap", why=gap) if gap else look.say("reasons.no_data")
        return Leaderboard(f"leaders-{number}", heading, (), note=why)
    rows = tuple(bar(look, o, found.by, kpi.show, most, chosen) for o in shown)
    note = look.say("kpi.largest_n" if is_quotient(found.answer) else "kpi.largest")
    if len(every) > len(shown):
        note = look.say("boards.first_rows", note=note, n=look.words.count(ROWS), of=look.words.count(len(every)))
    there = href(f"/kpi/{quote(found.name)}", replace(look.asked.without_more(), by=found.by))
    return Leaderboard(f"leaders-{number}", heading, rows, "", Link(look.say("boards.all_segments"), there), note)


# --- for the analyst -------------------------------------------------------------------------------------------------
def _advice(look: Look, found: tuple[Advice, ...]) -> Table:
    heads = tuple(look.say(f"boards.head_{h}") for h in ("rule", "what", "why"))
    rows: tuple[tuple[str | Cell, ...], ...] = tuple((a.rule.replace("_", " "), f"{a.what}.", a.why) for a in found)
    return Table(heads, rows, look.say("boards.advice"))
