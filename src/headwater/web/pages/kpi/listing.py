"""The list of KPIs by stage, with the values of a stage when it is seen; and what the find box finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from headwater.api.coverage import READY, Coverage, Covered
from headwater.api.overview import Sign, signs
from headwater.errors import HeadwaterError, QueryError, nearest
from headwater.model.kpi import Kpi
from headwater.web.pages.kpi.one import telling
from headwater.web.parts import Cell, Found, KpiList, KpiRow, Link, Table
from headwater.web.view.asked import filtered, href, kpi_href
from headwater.web.view.look import BOARD, Look, Made
from headwater.web.view.signs import change_better, change_text

PAGE = "pages/kpi/list.html"
STAGES = (
    "impression", "click", "visit", "lead", "mql", "sal", "sql", "opportunity", "quote", "customer", "repeat",
    "company", "any",
)  # fmt: skip
MOST_FOUND = 12
MOST_MISSING, MOST_EXPORTS = 12, 3
AT_ONCE = 6
"""The values of so many KPIs are asked at once; a stage with more has several sections (even: two stand in a row)."""
FIRST = 6
"""So many KPIs are offered before anything is looked for."""
SPLITS = 8
"""Segments are looked for in so many splits, those that tell most first."""
PLACES = (
    ("vital_signs", "/"), ("funnel", "/funnel"), ("boards", "/boards"), ("explore", "/explore"),
    ("kpi", "/kpi"), ("qualify", "/qualify"), ("data", "/data"), ("add", "/data/add"),
)  # fmt: skip


def listed(look: Look) -> Made:
    """`/kpi`, and for the find box the block of results alone."""
    words = look.asked["q"]
    found = [look.moment.catalogue.kpis[str(row[0])] for row in look.moment.kpi_list(words)]
    context: dict[str, Any] = {"words": words, "stages": [], "waiting": None, "results": []}
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
    sections = {name: of for stage in STAGES for name, of in _sections(stage, ready)}
    at_once = look.asked["part"]
    if at_once not in ("", *sections):
        do = nearest(at_once, sections) or f"Write {', '.join(sections)}."
        raise QueryError(f"{at_once!r} is no stage", where="part", do=do)
    if at_once and look.part:
        return {"part": _part(look, at_once, sections[at_once])}
    stages: dict[str, list[KpiList]] = {}
    for name, of in sections.items():
        if of:
            there = _part(look, name, of) if name == at_once else _later(look, name, of)
            stages.setdefault(look.say(f"stages.{of[0].stage}"), []).append(there)
    known = {k.id for k in ready}
    waiting = tuple(_waiting(look, w) for w in covered.kpis if w.kpi not in known)
    heads = (look.say("kpi.head_kpi"), look.say("kpi.head_needs"), look.say("kpi.head_question"))
    return {
        "covered": look.say("kpi.covered", n=len(covered.of(READY)), of=len(covered.kpis)),
        "period": look.words.period(look.looked.focus) if look.has_data else "",
        "start": _start(look, covered),
        "stages": stages,
        "waiting": Table(heads, waiting, look.say("kpi.no_data")) if waiting else None,
        "missing": _missing(look, covered),
    }


def _sections(stage: str, kpis: list[Kpi]) -> Iterator[tuple[str, list[Kpi]]]:
    """The KPIs of a stage, at most AT_ONCE to a section, which has a name."""
    mine = [k for k in kpis if k.stage == stage]
    yield stage, mine[:AT_ONCE]
    for n, first in enumerate(range(AT_ONCE, len(mine), AT_ONCE), 2):
        yield f"{stage}-{n}", mine[first : first + AT_ONCE]


def _later(look: Look, name: str, kpis: list[Kpi]) -> KpiList:
    """The place of a section: its KPIs, whose values are asked when they are seen."""
    rows = tuple(KpiRow(k.title, kpi_href(k.id, look.asked), k.question) for k in kpis)
    return KpiList(name, look.say(f"stages.{kpis[0].stage}"), rows, href("/kpi", look.asked.having(part=name)))


def _part(look: Look, name: str, kpis: list[Kpi]) -> KpiList:
    """The KPIs of a section with their values."""
    found, refused = _signs(look, [k.id for k in kpis])
    rows = tuple(_row(look, k.title, k.id, k, found.get(k.id), refused.get(k.id, "")) for k in kpis)
    return KpiList(name, look.say(f"stages.{kpis[0].stage}") if kpis else name, rows)


def _start(look: Look, covered: Coverage) -> KpiList:
    """The few KPIs to begin with: their numbers, and what those wait for that cannot be computed."""
    found, refused = _signs(look, [w.name for w in covered.start.kpis if w.state == READY])
    rows = []
    for way in covered.start.kpis:
        why = refused.get(way.name, "") if way.state == READY else look.say("kpi.state_waits", why=way.why)
        rows.append(_row(look, way.title, way.name, look.moment.catalogue.kpis[way.kpi], found.get(way.name), why))
    return KpiList("start", look.say("kpi.start", phase=covered.start.title), tuple(rows))


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


def _row(look: Look, title: str, name: str, kpi: Kpi, sign: Sign | None, why: str) -> KpiRow:
    """A KPI with its number; `why` is shown where nothing could be asked."""
    to, words = kpi_href(name, look.asked), look.words
    if sign is None:
        return KpiRow(title, to, kpi.question, missing=why)
    now = sign.now
    if now.value is None:
        return KpiRow(title, to, kpi.question, missing=now.detail or words.why(now))
    notes = [words.of(now)] if sign.older else []
    notes += [words.why(now)] if now.quality else []
    change, better = change_text(look, kpi, sign.against), change_better(kpi, sign.against)
    return KpiRow(title, to, kpi.question, words.value(now, kpi.show), change, better, "; ".join(notes))


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
