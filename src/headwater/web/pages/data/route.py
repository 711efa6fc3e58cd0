"""What state the data is in: sources, freshness, checks, rows set aside, loads."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from headwater.api.checking import Checked
from headwater.api.condition import Aside, Condition, SourceState
from headwater.api.held import Held
from headwater.model.landing import Batch
from headwater.web.parts import Cell, Link, Notice, Table
from headwater.web.templates import Templates
from headwater.web.view.look import Look, Made, Pages

NAVIGATION = (3, "/data")
PAGE = "pages/data/page.html"
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

    return router


def _made(look: Look, refreshing: Any) -> Made:
    say, found = look.say, look.condition
    checked = look.checked if look.has_data else None
    context: dict[str, Any] = {
        "empty": None,
        "sources": _sources(look, found) if found.sources else None,
        "fine": "",
        "open": _checks(look, checked, whole=False) if checked is not None else None,
        "checks": _checks(look, checked, whole=True) if checked is not None else None,
        "aside": _aside(look, found.aside) if found.aside else None,
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


def _aside(look: Look, groups: tuple[Aside, ...]) -> Table:
    say, words = look.say, look.words
    heads = tuple(say(f"data.{h}") for h in ("file", "reason", "column", "count", "examples"))
    rows = tuple(
        (
            a.path,
            a.examples[0].reason if a.count == 1 and a.examples else a.code.replace("_", " "),
            a.column or say("data.whole_row"),
            words.count(a.count),
            ", ".join(say("data.row", row=words.count(e.row)) for e in a.examples),
        )
        for a in groups
    )
    return Table(heads, rows, say("data.aside"), frozenset({3}))


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
