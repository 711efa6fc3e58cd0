"""The list of KPIs by stage with their values, and what the find box finds: KPIs, pages and segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headwater.api.comparing import compared
from headwater.errors import HeadwaterError
from headwater.model.kpi import Kpi
from headwater.model.observation import Observation
from headwater.model.period import Grain
from headwater.web.parts import Cell, Found, Link, Table
from headwater.web.view.asked import filtered, href, kpi_href
from headwater.web.view.look import Look, Made
from headwater.web.view.signs import change_text

PAGE = "pages/kpi/list.html"
STAGES = (
    "impression", "click", "visit", "lead", "mql", "sal", "sql", "opportunity", "quote", "customer", "repeat",
    "company", "any",
)  # fmt: skip
MOST_FOUND = 12
PLACES = (("vital_signs", "/"), ("kpi", "/kpi"), ("data", "/data"))


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
    if words:
        context["results"] = list(_results(look, words, found))
    else:
        context |= _grouped(look, found)
    title = look.say("kpi.title")
    lead = look.say("kpi.list_found", n=len(context["results"]), words=words) if words else look.say("kpi.list_lead")
    back = Link(look.say("kpi.all"), href("/kpi", look.asked.without_more())) if words else None
    controls = None if words or not look.has_data else look.controls()
    frame = look.frame(title, "kpi", controls=controls, lead=lead, back=back)
    return PAGE, frame, context, "results"


# --- the list --------------------------------------------------------------------------------------------------------
def _grouped(look: Look, kpis: list[Kpi]) -> dict[str, Any]:
    values = _values(look, kpis)
    having = [k for k in kpis if (pair := values.get(k.id)) is not None and pair[0].value is not None]
    groups = []
    for stage in STAGES:
        rows = tuple(_row(look, k, *values[k.id]) for k in having if k.stage == stage)
        if rows:
            groups.append(Group(stage, look.say(f"stages.{stage}"), _table(look, look.say(f"stages.{stage}"), rows)))
    waiting = tuple(_waiting(look, k, values.get(k.id)) for k in kpis if k not in having)
    heads = (look.say("kpi.head_kpi"), look.say("kpi.head_needs"), look.say("kpi.head_question"))
    return {"groups": groups, "waiting": Table(heads, waiting, look.say("kpi.no_data")) if waiting else None}


def _values(look: Look, kpis: list[Kpi]) -> dict[str, tuple[Observation, Observation | None]]:
    """Each KPI's number in the period asked and in the one it is compared with."""
    if not look.has_data or not kpis:
        return {}
    looked = look.looked
    names = [k.id for k in kpis]
    now = look.moment.measure(*names, period=looked.focus, grain=Grain.ALL, as_of=looked.as_of)
    before: dict[str, Observation] = {}
    if looked.before is not None:
        then = look.moment.measure(*names, period=looked.before, grain=Grain.ALL, as_of=looked.as_of)
        before = {o.kpi: o for o in then}
    return {o.kpi: (o, before.get(o.kpi)) for o in now}


def _table(look: Look, title: str, rows: tuple[tuple[str | Cell, ...], ...]) -> Table:
    say = look.say
    value = say("kpi.head_value", period=look.words.period(look.looked.focus))
    heads = (say("kpi.head_kpi"), value, say("kpi.head_change"), say("kpi.head_note"), say("kpi.head_question"))
    return Table(heads, rows, title, frozenset({1, 2}))


def _row(look: Look, kpi: Kpi, now: Observation, before: Observation | None) -> tuple[str | Cell, ...]:
    change = change_text(look, kpi, None if before is None else compared(before, now))
    name = Cell(kpi.title, kpi_href(kpi.id, look.asked))
    return name, look.words.value(now, kpi.show), change, look.words.why(now), kpi.question


def _waiting(look: Look, kpi: Kpi, pair: tuple[Observation, Observation | None] | None) -> tuple[str | Cell, ...]:
    why = "" if pair is None else pair[0].detail or look.words.why(pair[0])
    return (
        Cell(kpi.title, kpi_href(kpi.id, look.asked)),
        Cell(why or look.say("reasons.no_data"), missing=True),
        kpi.question,
    )


# --- the find box ----------------------------------------------------------------------------------------------------
def _results(look: Look, words: str, kpis: list[Kpi]) -> Iterator[Found]:
    """Pages, then KPIs (those whose name begins so first), then segments, at most so many of each."""
    wanted = words.casefold()
    for name, place in PLACES:
        if wanted in look.say(f"navigation.{name}").casefold():
            yield Found(look.say(f"navigation.{name}"), place, look.say("kpi.page"))
    for kpi in sorted(kpis, key=lambda k: _rank(k, wanted))[:MOST_FOUND]:
        yield Found(kpi.title, kpi_href(kpi.id, look.asked), look.say("kpi.kpi_kind"), kpi.question)
    yield from _segments(look, wanted)


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
    for split in page.splits:
        try:
            answer = look.moment.measure(step.volume, period=None, by=split)
        except HeadwaterError:
            continue
        values = [v for o in answer for _, v in o.segment if v is not None and wanted in v.casefold()]
        for value in values[:3]:
            asked = filtered(replace(look.asked.without_more(), by=""), split, value)
            if asked is not None:
                yield Found(value, kpi_href(step.volume, asked), look.say("kpi.segment"), f"{page.kpi.title}: {split}")
