"""The list of KPIs by stage, with the values of a stage when it is seen; and what the find box finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from headwater.api.coverage import READY, Coverage, Covered
from headwater.api.overview import Sign, signs
from headwater.errors import HeadwaterError, QueryError, nearest
from headwater.model.kpi import Kpi
from headwater.web.pages.kpi.one import telling
from headwater.web.parts import Cell, Found, Later, Link, Table
from headwater.web.view.asked import filtered, href, kpi_href
from headwater.web.view.look import BOARD, Look, Made
from headwater.web.view.signs import change_text

PAGE = "pages/kpi/list.html"
STAGES = (
    "impression", "click", "visit", "lead", "mql", "sal", "sql", "opportunity", "quote", "customer", "repeat",
    "company", "any",
)  # fmt: skip
MOST_FOUND = 12
MOST_MISSING, MOST_EXPORTS = 12, 3
AT_ONCE = 6
"""The values of so many KPIs are asked at once; a stage with more has several sections."""
FIRST = 6
"""So many KPIs are offered before anything is looked for."""
SPLITS = 8
"""Segments are looked for in so many splits, those that tell most first."""
PLACES = (
    ("vital_signs", "/"), ("funnel", "/funnel"), ("boards", "/boards"), ("explore", "/explore"),
    ("kpi", "/kpi"), ("qualify", "/qualify"), ("data", "/data"), ("add", "/data/add"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """The KPIs of one stage."""

    id: str
    title: str
    table: Table


def listed(look: Look) -> Made:
    """`/kpi`, and for the find box the block of results alone."""
    words = look.asked["q"]
    found = [look.moment.catalogue.kpis[str(row[0])] for row in look.moment.kpi_list(words)]
    context: dict[str, Any] = {"words": words, "groups": [], "waiting": None, "results": []}
    block = "results"
    if words:
        context["results"] = list(_results(look, words, found))
    elif look.part and not look.asked["part"]:
        context["results"] = list(_first(look))
    else:
        context |= _grouped(look)
        block = "stage"
    title = look.say("kpi.title")
    lead = look.say("kpi.list_found", n=len(context["results"]), words=words) if words else look.say("kpi.list_lead")
    back = Link(look.say("kpi.all"), href("/kpi", look.asked.without_more())) if words else None
    controls = None if words or not look.has_data else look.controls()
    frame = look.frame(title, "kpi", controls=controls, lead=lead, back=back)
    return PAGE, frame, context, block


# --- the list --------------------------------------------------------------------------------------------------------
def _grouped(look: Look) -> dict[str, Any]:
    """The KPIs that can be computed by stage, so many at a time worked out when they are seen; those that the address
    names are there at once. The others, with what they wait for."""
    covered = look.moment.kpi_coverage()
    kpis = look.moment.catalogue.kpis
    ready = [kpis[w.kpi] for w in covered.of(READY)] if look.has_data else []
    sections = {name: (title, of) for stage in STAGES for name, title, of in _sections(look, stage, ready)}
    at_once = look.asked["part"]
    if at_once not in ("", *sections):
        do = nearest(at_once, sections) or f"Write {', '.join(sections)}."
        raise QueryError(f"{at_once!r} is no stage", where="part", do=do)
    if at_once and look.part:
        return {"group": _stage(look, at_once, *sections[at_once])}
    known = {k.id for k in ready}
    waiting = tuple(_waiting(look, w) for w in covered.kpis if w.kpi not in known)
    heads = (look.say("kpi.head_kpi"), look.say("kpi.head_needs"), look.say("kpi.head_question"))
    return {
        "covered": look.say("kpi.covered", n=len(covered.of(READY)), of=len(covered.kpis)),
        "start": _start(look, covered),
        "groups": [
            _stage(look, name, title, of) if name == at_once else _later(look, name, title, of)
            for name, (title, of) in sections.items()
            if of
        ],
        "waiting": Table(heads, waiting, look.say("kpi.no_data")) if waiting else None,
        "missing": _missing(look, covered),
    }


def _sections(look: Look, stage: str, kpis: list[Kpi]) -> Iterator[tuple[str, str, list[Kpi]]]:
    """The KPIs of a stage, at most AT_ONCE to a section: the name of each, its title, its KPIs."""
    mine, title = [k for k in kpis if k.stage == stage], look.say(f"stages.{stage}")
    yield stage, title, mine[:AT_ONCE]
    for n, first in enumerate(range(AT_ONCE, len(mine), AT_ONCE), 2):
        yield f"{stage}-{n}", look.say("kpi.stage_further", stage=title, n=n), mine[first : first + AT_ONCE]


def _later(look: Look, name: str, title: str, kpis: list[Kpi]) -> Later:
    """The place of a section: its KPIs, whose values are asked when they are seen."""
    rows = tuple((Cell(k.title, kpi_href(k.id, look.asked)), "", "", "", k.question) for k in kpis)
    return Later(name, title, href("/kpi", look.asked.having(part=name)), _table(look, title, rows))


def _stage(look: Look, name: str, title: str, kpis: list[Kpi]) -> Group:
    """The KPIs of a section with their values."""
    found, refused = _signs(look, [k.id for k in kpis])
    rows = tuple(_row(look, found[k.id]) if k.id in found else _refused(look, k, refused.get(k.id, "")) for k in kpis)
    return Group(name, title, _table(look, title, rows))


def _start(look: Look, covered: Coverage) -> Table:
    """The few KPIs to begin with: their numbers, and what those wait for that cannot be computed."""
    found, _ = _signs(look, [w.name for w in covered.start.kpis if w.state == READY])
    value = look.say("kpi.head_value", period=look.words.period(look.looked.focus))
    rows = []
    for way in covered.start.kpis:
        sign, ready = found.get(way.name), way.state == READY
        shown = look.words.value(sign.now, sign.kpi.show) if ready and sign is not None else ""
        question = look.moment.catalogue.kpis[way.kpi].question
        state = look.say("kpi.state_ready") if ready else look.say("kpi.state_gap", why=way.why)
        rows.append((Cell(way.title, kpi_href(way.name, look.asked)), shown, Cell(state, missing=not ready), question))
    heads = (look.say("kpi.head_kpi"), value, look.say("kpi.head_state"), look.say("kpi.head_question"))
    return Table(heads, tuple(rows), look.say("kpi.start", phase=covered.start.title), frozenset({1}))


def _missing(look: Look, covered: Coverage) -> Table | None:
    """The tables and columns that nothing fills, and the exports that supply them; what most wait for first."""
    heads = (look.say("kpi.head_missing"), look.say("kpi.head_waiting"), look.say("kpi.head_exports"))
    rows = []
    for m in covered.missing[:MOST_MISSING]:
        exports = "; ".join(m.exports[:MOST_EXPORTS]) or look.say("kpi.own_file")
        rows.append((m.place, look.words.count(len(m.kpis)), exports))
    return Table(heads, tuple(rows), look.say("kpi.missing"), frozenset({1})) if rows else None


def _signs(look: Look, kpis: list[str]) -> tuple[dict[str, Sign], dict[str, str]]:
    """Each KPI's number in the period asked, beside the one it is compared with; and why one cannot be asked. All are
    asked at once; where that is refused each is asked alone, so that one cannot hide the others."""
    if not (look.has_data and kpis):
        return {}, {}
    names = list(dict.fromkeys(kpis))

    def ask(names: list[str]) -> dict[str, Sign]:
        found = signs(look.moment, look.moment.catalogue, look.calendar, names, look.looked, judged=False)
        return {s.name: s for s in found}

    try:
        return ask(names), {}
    except QueryError:
        answered: dict[str, Sign] = {}
        refused: dict[str, str] = {}
        for name in names:
            try:
                answered |= ask([name])
            except QueryError as error:
                refused[name] = error.what
        return answered, refused


def _table(look: Look, title: str, rows: tuple[tuple[str | Cell, ...], ...]) -> Table:
    say = look.say
    value = say("kpi.head_value", period=look.words.period(look.looked.focus))
    heads = (say("kpi.head_kpi"), value, say("kpi.head_change"), say("kpi.head_note"), say("kpi.head_question"))
    return Table(heads, rows, title, frozenset({1, 2}))


def _row(look: Look, sign: Sign) -> tuple[str | Cell, ...]:
    kpi, now, words = sign.kpi, sign.now, look.words
    name = Cell(kpi.title, kpi_href(kpi.id, look.asked))
    if now.value is None:
        return name, "", "", Cell(now.detail or words.why(now), missing=True), kpi.question
    notes = [words.of(now)] if sign.older else []
    notes += [words.why(now)] if now.quality else []
    return name, words.value(now, kpi.show), change_text(look, kpi, sign.against), "; ".join(notes), kpi.question


def _refused(look: Look, kpi: Kpi, why: str) -> tuple[str | Cell, ...]:
    return Cell(kpi.title, kpi_href(kpi.id, look.asked)), "", "", Cell(why, missing=True), kpi.question


def _waiting(look: Look, way: Covered) -> tuple[str | Cell, ...]:
    question = look.moment.catalogue.kpis[way.kpi].question
    return Cell(way.title, kpi_href(way.kpi, look.asked)), Cell(_lacking(look, way), missing=True), question


def _lacking(look: Look, way: Covered) -> str:
    """What a KPI waits for, in words; before anything is built all of them do."""
    if way.state == READY:
        return look.say("reasons.no_data")
    return look.say("kpi.state_waits", why=way.why)


# --- the find box ----------------------------------------------------------------------------------------------------
def _results(look: Look, words: str, kpis: list[Kpi]) -> Iterator[Found]:
    """Pages and boards, then KPIs (those whose name begins so first), then segments, at most so many of each."""
    wanted = words.casefold()
    for name, place in PLACES:
        if wanted in look.say(f"navigation.{name}").casefold():
            yield Found(look.say(f"navigation.{name}"), place, look.say("kpi.page"))
    for b in look.moment.every_board().boards.values():
        if b.id != BOARD and wanted in b.title.casefold():
            there = href(f"/boards/{quote(b.id)}", replace(look.asked.without_more(), by="", filter=""))
            yield Found(b.title, there, look.say("kpi.board"), b.text)
    for kpi in sorted(kpis, key=lambda k: _rank(k, wanted))[:MOST_FOUND]:
        yield Found(kpi.title, kpi_href(kpi.id, look.asked), look.say("kpi.kpi_kind"), kpi.question)
    yield from _segments(look, wanted)


def _first(look: Look) -> Iterator[Found]:
    """What the find box offers before a word is written: the pages, and the first KPIs of the first page."""
    for name, place in PLACES:
        yield Found(look.say(f"navigation.{name}"), place, look.say("kpi.page"))
    kpis = look.moment.catalogue.kpis
    for name in list(dict.fromkeys(n.partition(".")[0] for n in look.board.tiles))[:FIRST]:
        yield Found(kpis[name].title, kpi_href(name, look.asked), look.say("kpi.kpi_kind"), kpis[name].question)


def _rank(kpi: Kpi, wanted: str) -> tuple[bool, bool, str]:
    names = [n.casefold() for n in (kpi.title, kpi.id.replace("_", " "), *kpi.aliases)]
    return not any(n.startswith(wanted) for n in names), not any(wanted in n for n in names), kpi.title


def _segments(look: Look, wanted: str) -> Iterator[Found]:
    """Segments of the funnel's first step with people: each leads to it, filtered."""
    step = next(
        (s for s in look.board.steps if look.moment.catalogue.kpis[s.volume.partition(".")[0]].stage == "lead"), None
    )
    if step is None or not look.has_data:
        return
    page = look.moment.kpi_show(step.volume)
    for split in telling(page)[:SPLITS]:
        try:
            answer = look.moment.measure(step.volume, period=None, by=split)
        except HeadwaterError:
            continue
        values = [v for o in answer for _, v in o.segment if v is not None and wanted in v.casefold()]
        for value in values[:3]:
            asked = filtered(replace(look.asked.without_more(), by=""), split, value)
            if asked is not None:
                yield Found(value, kpi_href(step.volume, asked), look.say("kpi.segment"), f"{page.kpi.title}: {split}")
