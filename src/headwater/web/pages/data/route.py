"""What state the data is in: sources, freshness, checks, rows set aside, loads; and what can be done about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from headwater.api.checking import Checked
from headwater.api.condition import Condition, SourceState
from headwater.api.held import Held
from headwater.api.identifying import IDENTITY
from headwater.errors import HeadwaterError, QueryError
from headwater.model.landing import Batch
from headwater.web.pages.data import mending
from headwater.web.parts import Cell, Link, Notice, Table
from headwater.web.receiving import fields_of, receive
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked
from headwater.web.view.look import Look, Made, Pages
from headwater.web.view.wording import sentence

NAVIGATION = (4, "/data")
PAGE = "pages/data/page.html"
CORRECTED = "/data/corrected"
STREAMED = (CORRECTED,)
MOST_LOADS = 20

_KINDS: dict[str, Any] = {"failed": "bad", "warning": "warn", "ok": "good"}


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/data`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/data", methods=["GET", "HEAD"])
    def data(request: Request) -> Response:
        state = getattr(getattr(request.app.state, "refreshing", None), "state", None)
        return pages.answer(request, lambda look: _made(look, state), of_refresh=True)

    def told(request: Request, error: HeadwaterError, status: int) -> Response:
        """The page, with what went wrong above it."""
        with held.moment() as moment:
            name, frame, context, _ = _made(Look(moment, Asked(), "/data"), None)
            notice = Notice("bad", sentence(error.what, error.do))
            frame = replace(frame, notices=(notice, *frame.notices))
            answer = templates.page(request, name, frame, context, status=status)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @router.get("/data/rejected")
    def rejected(request: Request, source: str = "") -> Response:
        try:
            file, size = mending.rows_of(held.folder, source)
        except QueryError as error:
            return told(request, error, 404)
        name = quote(f"{source}-rejected.csv")
        headers = {
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(mending.chunks(file), media_type="text/csv; charset=utf-8", headers=headers)

    @router.post(CORRECTED)
    async def corrected(request: Request, source: str = "") -> JSONResponse:
        def take(path: Path) -> None:
            mending.corrected(held.workspace, source, path)
            _refresh(request)

        return await receive(request, held.path, mending.MOST_MB << 20, mending.PLACE, take)

    @router.post("/data/accept")
    async def accept(request: Request) -> Response:
        names = [value for name, value in await fields_of(request) if name == "source"]

        def take() -> Response:
            try:
                done = held.workspace.load(*names, accept=True)
                _refresh(request)
                if done.refused:
                    raise QueryError(" ".join(f"{file.path}: {file.reason}" for file in done.refused))
            except HeadwaterError as error:
                return told(request, error, 400)
            return RedirectResponse("/data", 303)

        return await to_thread.run_sync(take)

    return router


def _refresh(request: Request) -> None:
    refreshing = getattr(request.app.state, "refreshing", None)
    if refreshing is not None:
        refreshing.start()


def _made(look: Look, refreshing: Any) -> Made:
    say, found = look.say, look.condition
    checked = look.checked if look.has_data else None
    context: dict[str, Any] = {
        "empty": None,
        "sources": _sources(look, found) if found.sources else None,
        "fine": "",
        "open": _checks(look, checked, whole=False) if checked is not None else None,
        "checks": _checks(look, checked, whole=True) if checked is not None else None,
        "identity": _identity(look, checked) if checked is not None else None,
        "waiting": mending.waiting(look, found),
        "loads": _loads(look, found) if found.loads else None,
        "tables": _tables(look, found) if found.tables else None,
    }
    if checked is not None:
        fine = sum(r.state == "ok" for r in checked.results)
        told = {"fine": look.words.count(fine), "all": look.words.count(len(checked.results))}
        context["fine"] = say("data.checks_fine", **told)
    if not look.has_data:
        kind = "unbuilt" if found.sources else "none"
        context["empty"] = {"title": say(f"data.{kind}_title"), "text": say(f"data.{kind}_text")}
    lead = ""
    if found.built_at is not None:
        lead = say("data.lead", version=found.data, when=look.words.moment(found.built_at))
    add = Link(say("add.title"), "/data/add")
    frame = look.frame(say("data.title"), "data", lead=lead, notices=_notices(look, refreshing), action=add)
    return PAGE, frame, context, ""


def _notices(look: Look, refreshing: Any) -> tuple[Notice, ...]:
    told: list[Notice] = []
    if refreshing is not None and refreshing.running:
        step = {"step": refreshing.step, "done": refreshing.done, "of": refreshing.of}
        told.append(Notice("info", look.say("data.refreshing", **step)))
    elif refreshing is not None and refreshing.failed:
        told.append(Notice("bad", look.say("data.refresh_failed", what=refreshing.failed)))
    if not look.is_whole:
        told.append(Notice("info", look.say("data.checks_running")))
    return tuple(told)


def _sources(look: Look, found: Condition) -> Table:
    say = look.say
    heads = ("source", "state", "delivers", "files", "loaded", "file")
    rows = tuple(_source(look, s) for s in found.sources)
    return Table(tuple(say(f"data.{h}") for h in heads), rows, say("data.sources"), frozenset({3}))


def _source(look: Look, s: SourceState) -> tuple[str | Cell, ...]:
    say, words = look.say, look.words
    if s.fault:
        state = Cell(say("data.missing"), kind="bad")
    elif not s.feeds:
        state = Cell(say("data.never"), kind="warn")
    elif s.stale:
        days = max(f.days_ago or 0 for f in s.stale)
        state = Cell(say("data.stale", days=words.count(days)), kind="warn")
    else:
        state = Cell(say("data.fresh"), kind="good")
    feeds = "; ".join(
        f"{f.title} {say('data.undated') if f.through is None else words.day(f.through)}" for f in s.feeds
    )
    files = Cell(s.fault, missing=True) if s.files is None else words.count(s.files)
    loaded = say("data.never") if s.loaded_at is None else words.moment(s.loaded_at)
    return s.id, state, feeds, files, loaded, s.path


def _checks(look: Look, checked: Checked, *, whole: bool) -> Table | None:
    say = look.say
    heads = tuple(say(f"data.{h}") for h in ("check", "state", "subject", "found"))
    rows = tuple(
        (r.check, Cell(say(f"data.{r.state}"), kind=_KINDS[r.state]), r.subject, r.what)
        for r in checked.results
        if (r.state == "ok") == whole
    )
    return Table(heads, rows, say("data.checks")) if rows else None


def _identity(look: Look, checked: Checked) -> Table | None:
    """How far the rules of identity and channels led, by source and column, with the first that they led nowhere."""
    say = look.say
    heads = tuple(say(f"data.{h}") for h in ("subject", "check", "found"))
    kinds = {kind: i for i, kind in enumerate(IDENTITY)}
    found = sorted((r for r in checked.results if r.check in kinds), key=lambda r: (kinds[r.check], r.subject))
    rows = tuple((r.subject, r.check, r.what) for r in found)
    return Table(heads, rows, say("data.identity")) if rows else None


def _loads(look: Look, found: Condition) -> Table:
    """Every load with the account of its rows: loaded, corrected, repeated and set aside are all of them."""
    say, words, loads = look.say, look.words, found.loads

    def mended(batch: Batch) -> int:
        return found.corrected.get(batch.number, 0)

    heads = tuple(
        say(f"data.{h}")
        for h in ("load", "when", "source", "file", "rows", "kept", "corrected", "collapsed", "set_aside", "apart")
    )
    rows = tuple(
        (
            words.count(b.number),
            words.moment(b.loaded_at),
            b.source,
            b.path.rpartition("/")[2],
            *(words.count(n) for n in (b.data_rows, b.loaded, mended(b), b.collapsed, b.quarantined - mended(b))),
            _apart(look, b, b.number in found.held),
        )
        for b in loads[:MOST_LOADS]
    )
    left = len(loads) - len(rows)
    note = say("data.loads_more", n=words.count(left)) if left else ""
    return Table(heads, rows, say("data.loads"), frozenset({0, 4, 5, 6, 7, 8}), note)


def _apart(look: Look, batch: Batch, held: bool) -> str | Cell:
    """What of a file is no data row, and what stands out about the load."""
    told = [f"{look.words.count(count)} {kind.replace('_', ' ')}" for kind, count in batch.skipped]
    if held:
        return Cell("; ".join([look.say("data.held"), *(d.what for d in batch.drift), *told]), kind="warn")
    if batch.settles:
        told.insert(0, look.say("data.correction"))
    return "; ".join([*told, *(d.what for d in batch.drift)])


def _tables(look: Look, found: Condition) -> Table:
    say, words = look.say, look.words
    heads = tuple(say(f"data.{h}") for h in ("table", "rows", "first", "last", "through"))
    rows = tuple(
        (
            t.title,
            words.count(t.rows),
            *("" if day is None else words.day(day) for day in (t.first_day, t.last_day, t.through)),
        )
        for t in found.tables
    )
    return Table(heads, rows, say("data.tables"), frozenset({1}))
