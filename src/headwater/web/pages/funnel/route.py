"""A funnel: its stages on every basis with their maturity, curves of arrivals, times, what is lost where in money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from headwater.api.componental import Component, Components
from headwater.api.funnelled import STEP_SPLITS, Funnelled, Segment
from headwater.api.funnels import FUNNELS, funnel_named
from headwater.api.held import Held, Moment
from headwater.errors import QueryError
from headwater.model.component import LEVELS
from headwater.model.funnel import Funnel
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.web.parts import (
    Bar,
    Cell,
    Kind,
    Later,
    Leaderboard,
    Link,
    Segmented,
    Step,
    Table,
)
from headwater.web.templates import Templates
from headwater.web.view.arrivals import arrivals
from headwater.web.view.asked import Asked, href
from headwater.web.view.look import Look, Made, Pages
from headwater.web.view.usual import looking, period_alone
from headwater.web.view.wording import sentence

NAVIGATION = (2, "/funnel")
PAGE = "pages/funnel/page.html"
MORE = ("funnel", "part", "level")
PARTS = ("losses", "components", "segments", "cohorts", "around")
"""The parts that are worked out when they are seen: a block of the template, a text that names it, and what `_part`
gives it."""
USUAL = "last-12-months"
"""A month is too young to be judged; a year is not."""
MOST_BARS = 12
MOST_COMPONENTS = 60
KINDS: dict[str, Kind] = {"no_sign": "warn", "contributes": "good", "cannot_tell": "neutral"}
"""How each verdict on a component is drawn, beside its words."""
SPLITS = ("team", "owner", "channel", "region", "program", "segment", "product", "account_industry", "account_size")
"""The splits that are offered, as far as the funnel's table has them."""


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/funnel`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/funnel", methods=["GET", "HEAD"])
    def funnel(request: Request) -> Response:
        return pages.answer(request, _made, MORE)

    return router


def usual(moment: Moment) -> None:
    """Asks what the page tells where nothing is chosen, without what comes into sight later."""
    _made(Look(moment, Asked(), "/funnel"))


def _made(look: Look) -> Made:
    say, moment = look.say, look.moment
    if not look.has_data:
        return PAGE, look.frame(say("funnel.title"), "funnel"), {"empty": look.unbuilt()}, ""
    look = looking(look, USUAL)
    chosen = funnel_named(moment.folder, moment.catalogue, look.asked["funnel"])
    given: dict[str, Any] = {"period": look.looked.focus, "filter": look.asked.filter, "as_of": look.asked.as_of}
    if (part := look.asked["part"]) not in ("", *PARTS):
        raise QueryError(f"{part!r} is no part of this page", where="part", do=f"Write {', '.join(PARTS)}.")
    context: dict[str, Any] = {name: _later(look, name) for name in PARTS} | {"empty": None, "alone": look.part}
    for name in dict.fromkeys((part, *(() if look.asked.by else ("segments",)))):
        if name and (name == part or not look.part):
            context |= _part(look, name, chosen, given)
    frame = look.frame(
        chosen.title, "funnel", controls=period_alone(look), lead=say("funnel.lead"), notices=look.as_of()
    )
    if look.part and part:
        return PAGE, frame, context, part
    told = moment.funnel(chosen.id, **given, parts=("stages",))
    context |= {
        "about": chosen.about,
        "qualify": "/qualify" if chosen.table == "lead_journeys" else "",
        "views": _views(look, chosen.id),
        "steps": tuple(_steps(look, told, context.get("bottleneck", ""))),
        "bases": _bases(look, told),
        "curves": tuple(_curves(look, told)),
        "times": _times(look, told),
        "top": _top(look, told),
        "notes": tuple(sentence(n) for n in told.notes),
    }
    return PAGE, frame, context, ""


def _later(look: Look, name: str) -> Later:
    """The place of a part, and the address that has it."""
    return Later(name, look.say(f"funnel.{name}"), href("/funnel", look.asked.having(part=name)))


def _part(look: Look, name: str, chosen: Funnel, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs for one part."""
    ask = look.moment.funnel
    match name:
        case "losses":
            stages, told = (ask(chosen.id, **given, parts=(p,)) for p in ("stages", "losses"))
            lost = told.bottlenecks[0] if told.bottlenecks else ""
            return {
                "losses": _losses(look, told),
                "losses_notes": tuple(sentence(n) for n in told.notes if n not in stages.notes),
                "bottleneck": lost,
                "steps": tuple(_steps(look, stages, lost)),
            }
        case "components":
            level = look.asked["level"] or next(iter(LEVELS))
            of = look.moment.components(level=level, funnel=chosen.id, period=given["period"], as_of=given["as_of"])
            return {
                "components": _levels(look, level),
                "components_table": _components(look, of),
                "components_gaps": _gaps(look, of),
                "components_notes": tuple(sentence(n) for n in of.notes),
                "components_unfiltered": bool(given["filter"]),
            }
        case "segments":
            by = ask(chosen.id, **given, by=look.asked.by, parts=("stages",)) if look.asked.by else None
            boards = tuple(_boards(look, by)) if by is not None else ()
            return {"segments": _splits(look, chosen.table), "boards": boards}
        case "cohorts":
            return {"cohorts": _cohorts(look, ask(chosen.id, **given, parts=("cohorts",)))}
        case _:
            return {"around": _around(look, ask(chosen.id, **given, parts=("around",)))}


# --- what is asked ---------------------------------------------------------------------------------------------------
def _views(look: Look, chosen: str) -> Segmented:
    known = FUNNELS.get(look.moment.folder, look.moment.catalogue)
    links = tuple(
        Link(f.id.replace("_", " "), _there(look, funnel=name, by=""), name == chosen, f.title)
        for name, f in known.items()
    )
    return Segmented(look.say("funnel.funnels"), links)


def _splits(look: Look, table: str) -> Segmented | None:
    offered = [s for s in SPLITS if s in look.moment.catalogue.tables[table].splits]
    if not offered:
        return None
    links = [Link(look.say("funnel.whole"), _there(look, by=""), not look.asked.by)]
    links += [Link(s.replace("_", " "), _there(look, by=s), look.asked.by == s) for s in offered]
    return Segmented(look.say("funnel.by"), tuple(links))


def _there(look: Look, *, by: str, **more: str) -> str:
    return href("/funnel", replace(look.asked, by=by).having(**more))


# --- the stages ------------------------------------------------------------------------------------------------------
def _pairs(told: Funnelled) -> list[tuple[str, str]]:
    """Each step with the one before, then the whole way."""
    found = [(o.segment[1][1] or "", o.segment[0][1] or "") for o in told if o.variant == "rate_survival"]
    return list(dict.fromkeys(found))


def _titles(told: Funnelled) -> dict[str, str]:
    return {s.id: s.title for s in told.funnel.steps}


def _steps(look: Look, told: Funnelled, lost: str) -> Iterator[Step]:
    """The strip; `lost`: the step that loses most, where that is known by now."""
    before = {end: start for start, end in reversed(_pairs(told))}
    previous = ""
    for step in told.steps or told.funnel.steps:
        volume = told.find("volume", step.id)
        start = previous or before.get(step.id, "")
        rate, time = (told.find(v, step.id, start) if previous else None for v in ("rate_survival", "days_median"))
        has_rate = rate is not None and rate.value is not None
        yield Step(
            id=step.id.replace("_", "-"),
            title=step.title,
            href=f"#arrivals-{start}-{step.id}" if has_rate else "#bases",
            volume_text="" if volume is None else look.words.value(volume, "number", compact=True),
            volume=None if volume is None else volume.value,
            rate_text=look.words.value(rate, "percent") if rate is not None and has_rate else "",
            median_text=look.words.value(time, "days") if time is not None and time.value is not None else "",
            rate_note=rate.detail if rate is not None and has_rate else "",
            rate_interval=look.words.interval(rate, "percent")
            if rate is not None and "small_sample" in rate.quality
            else "",
            bottleneck=lost == step.id,
            missing="" if volume is not None and volume.value is not None else look.say("reasons.no_data"),
        )
        previous = step.id


def _bases(look: Look, told: Funnelled) -> Table:
    """The rate of each stage on every basis, with how far it is mature."""
    say, titles = look.say, _titles(told)
    rows = []
    for start, end in _pairs(told):
        period, cohort, survival, naive = (
            told.find(v, end, start) for v in ("rate_period", "rate_cohort", "rate_survival", "rate_so_far")
        )
        left = cohort.left_out if cohort is not None and cohort.left_out else 0
        rows.append(
            (
                say("funnel.way", start=titles[start], end=titles[end]),
                _cell(look, period, "percent"),
                _cell(look, cohort, "percent"),
                _cell(look, survival, "percent"),
                "" if survival is None else look.words.interval(survival, "percent"),
                _cell(look, naive, "percent"),
                look.words.count(survival.subjects) if survival is not None and survival.subjects is not None else "",
                look.words.count(left),
            )
        )
    heads = ("stage", "period_basis", "cohort_basis", "survival_basis", "interval", "so_far", "entered", "young")
    return Table(tuple(say(f"funnel.{h}") for h in heads), tuple(rows), say("funnel.bases"), frozenset(range(1, 8)))


def _cell(look: Look, found: Observation | None, shown: str) -> str | Cell:
    if found is None:
        return ""
    return look.words.value(found, shown) or Cell(look.words.why(found), missing=True)


def _curves(look: Look, told: Funnelled) -> Iterator[Any]:
    titles = _titles(told)
    for curve in told.curves:
        rate = told.find("rate_survival", curve.end, curve.start)
        if len(curve.points) < 2 or rate is None:
            continue
        title = look.say("funnel.way", start=titles[curve.start], end=titles[curve.end])
        ever = told.find("rate_ever", curve.end, curve.start)
        seen = rate if rate.value is not None or ever is None else ever
        yield arrivals(look, curve, title, f"{look.words.value(seen, 'percent')} {seen.detail.partition(';')[0]}")


def _times(look: Look, told: Funnelled) -> Table | None:
    say, titles = look.say, _titles(told)
    rows = []
    for start, end in _pairs(told):
        found = [
            told.find(f"days_{n}", end, start) for n in ("median", "p75", "p90", "completed_median", "half_of_all")
        ]
        median = found[0]
        if median is None or median.value is None:
            continue
        name = say("funnel.way", start=titles[start], end=titles[end])
        low, high = (None if v is None else look.words.count(round(v)) for v in (median.low, median.high))
        interval = "" if low is None or high is None else f"{low}\u2013{high}"
        cells = [_days(look, o) for o in found]
        rows.append((name, cells[0], interval, *cells[1:], look.words.count(median.subjects or 0)))
    heads = ("stage", "median", "interval", "p75", "p90", "completed", "half", "arrived")
    if not rows:
        return None
    return Table(tuple(say(f"funnel.{h}") for h in heads), tuple(rows), say("funnel.times"), frozenset(range(1, 8)))


def _days(look: Look, found: Observation | None) -> str | Cell:
    if found is None or found.value is None:
        return Cell(look.say("funnel.never"), missing=True)
    return look.words.count(round(found.value))


# --- what is lost, and around it -------------------------------------------------------------------------------------
def _losses(look: Look, told: Funnelled) -> Table | None:
    say, titles = look.say, _titles(told)
    gains = [o for o in told if o.variant == "gain" and o.value is not None]
    order = {step: i for i, step in enumerate(told.bottlenecks)}
    gains.sort(key=lambda o: order.get(o.segment[0][1] or "", len(order)))
    rows = []
    for o in gains:
        end, start = o.segment[0][1] or "", o.segment[1][1] or ""
        shown = "money" if o.unit == "money" else "number"
        now, best = told.find("rate_year", end, start), told.find("rate_reference", end, start)
        low, high = (None if v is None else look.words.compact(v, shown, o.currency) for v in (o.low, o.high))
        rank = order.get(end)
        verdict = Cell(say("funnel.chance"), kind="neutral")
        if rank is not None:
            verdict = Cell(say("funnel.rank", n=look.words.count(rank + 1)), kind="warn")
        rows.append(
            (
                say("funnel.way", start=titles[start], end=titles[end]),
                _cell(look, now, "percent"),
                _cell(look, best, "percent"),
                look.words.value(o, shown, compact=True),
                "" if low is None or high is None else say("funnel.range", low=low, high=high),
                verdict,
            )
        )
    heads = ("stage", "now", "best", "gain", "interval", "verdict")
    if not rows:
        return None
    return Table(tuple(say(f"funnel.{h}") for h in heads), tuple(rows), say("funnel.losses"), frozenset({1, 2, 3, 4}))


def _cohorts(look: Look, told: Funnelled) -> tuple[Table, ...]:
    """A triangle for each way: entry months down, ages across, what is not known yet left empty."""
    say, titles = look.say, _titles(told)
    tables = []
    for end, start in dict.fromkeys((o.segment[0][1] or "", o.segment[1][1] or "") for o in told):
        here = [o for o in told if (o.segment[0][1], o.segment[1][1]) == (end, start)]
        ages = dict.fromkeys(o.segment[STEP_SPLITS][1] or "" for o in here if o.value is not None)
        rows: dict[date | None, list[str | Cell]] = {}
        for o in here:
            first, past = o.period_start, o.period_end
            entered = None if first is None or past is None else Period(first, past)
            period = look.words.period(entered, Grain(o.grain))
            row = rows.setdefault(o.period_start, [period, look.words.count(o.subjects or 0)])
            if o.segment[STEP_SPLITS][1] in ages:
                row.append("" if o.value is None else look.words.value(o, "percent"))
        heads = (say("funnel.entered"), say("funnel.records"), *(say("funnel.by_day", days=a) for a in ages))
        way = say("funnel.way", start=titles[start], end=titles[end])
        numbers = frozenset(range(1, len(heads)))
        tables.append(Table(heads, tuple(tuple(r) for r in rows.values()), way, numbers))
    return tuple(tables)


def _top(look: Look, told: Funnelled) -> Table | None:
    say = look.say
    rows = []
    for step in told.funnel.top:
        volume, rate = told.find("top_volume", step.id), told.find("top_rate", step.id)
        if volume is not None and volume.value is not None:
            rows.append((step.title, look.words.value(volume, "number"), _cell(look, rate, "percent")))
    first = told.funnel.steps[0]
    rate = told.find("top_rate", first.id)
    if rows and rate is not None and rate.numerator is not None:
        rows.append((first.title, look.words.number(rate.numerator, "number"), _cell(look, rate, "percent")))
    heads = (say("funnel.step"), say("funnel.came"), say("funnel.above"))
    return Table(heads, tuple(rows), say("funnel.top"), frozenset({1, 2})) if rows else None


def _around(look: Look, told: Funnelled) -> Table | None:
    """Skips, disorder and returns by step, and the deals that found their lead."""
    say, titles = look.say, _titles(told)
    rows: list[tuple[str | Cell, ...]] = []
    for step in told.steps:
        found = [told.find(v, step.id) for v in ("skipped", "disordered", "returned")]
        if any(o is not None and o.value for o in found):
            counts = ("" if o is None else look.words.value(o, "number") for o in found)
            rows.append((titles[step.id], *counts))
    heads = tuple(say(f"funnel.{h}") for h in ("step", "skipped", "disordered", "returned"))
    matched, several = (
        told.find("matched", told.funnel.steps[-1].id),
        told.find("multiply_matched", told.funnel.steps[-1].id),
    )
    note = ""
    if matched is not None and matched.subjects and several is not None:
        note = say(
            "funnel.matched",
            n=look.words.value(matched, "number"),
            of=look.words.count(matched.subjects),
            rule=str(told.funnel.link).replace("_", " "),
            several=look.words.value(several, "number"),
        )
    return Table(heads, tuple(rows), say("funnel.around"), frozenset({1, 2, 3}), note) if rows or note else None


def _levels(look: Look, chosen: str) -> Segmented:
    links = (
        Link(look.say(f"funnel.level_{n}"), href("/funnel", look.asked.having(level=n, part="components")), n == chosen)
        for n in LEVELS
    )
    return Segmented(look.say("funnel.level"), tuple(links))


def _components(look: Look, told: Components) -> Table | None:
    """What each component is for, what it feeds, its pair of KPIs and the verdict with its evidence."""
    say = look.say
    rows = tuple(
        (
            c.title,
            Cell(say(f"funnel.{c.verdict}"), kind=KINDS[c.verdict]),
            say("funnel.serves", objective=c.objective_title, step=c.feeds_title) if c.feeds else c.objective_title,
            _kpi(look, told, c.growth),
            _kpi(look, told, c.efficiency),
            _evidence(c, told),
        )
        for c in told[:MOST_COMPONENTS]
    )
    left = len(told) - len(rows)
    note = say(
        "funnel.components_note",
        level=look.words.percent(told.rules.level),
        nothing=look.words.percent(told.rules.nothing),
        more=say("funnel.components_more", n=look.words.count(left)) if left else "",
    )
    heads = ("component", "verdict", "for", "growth", "efficiency", "evidence")
    if not rows:
        return None
    named = tuple(say(f"funnel.{h}") for h in heads)
    return Table(named, rows, say("funnel.components"), note=note, wide=frozenset({5}))


def _kpi(look: Look, told: Components, found: Observation | None) -> str | Cell:
    if found is None:
        return Cell(look.say("reasons.no_data"), missing=True)
    label = told.labels[found.kpi]
    value = look.words.value(found, label.show)
    return Cell(f"{label.title} {value or look.words.why(found)}", href=f"/kpi/{found.kpi}", missing=not value)


def _evidence(one: Component, told: Components) -> str:
    said = one.said(told.rules).removeprefix("cannot tell: ")
    return sentence(said)


def _gaps(look: Look, told: Components) -> Table | None:
    rows = tuple((c.title, " ".join(sentence(g) for g in c.gaps)) for c in told[:MOST_COMPONENTS] if c.gaps)
    heads = (look.say("funnel.component"), look.say("funnel.missing"))
    return Table(heads, rows, look.say("funnel.gaps"), wide=frozenset({1})) if rows else None


def _boards(look: Look, told: Funnelled) -> Iterator[Leaderboard]:
    """The whole way by segment: who brings most to the end, with how sure that is."""
    pairs = _pairs(told)
    if not pairs:
        return
    titles = _titles(told)
    for start, end in dict.fromkeys((pairs[-1], *pairs[:-1])):
        found: list[tuple[Segment, Observation]] = [
            (s, o) for s in told.segments if (o := told.find("rate_survival", end, start, s)) is not None
        ]
        known = [(s, o) for s, o in found if o.value is not None]
        if not known:
            continue
        known.sort(key=lambda f: -(f[1].value or 0.0))
        most = known[0][1].value or 1.0
        rows = tuple(
            Bar(
                label=s[0][1] if s[0][1] is not None else look.say("kpi.empty_segment"),
                href="",
                value_text=look.words.value(o, "percent"),
                bar=(o.value or 0.0) / most,
                interval_text=look.words.interval(o, "percent"),
                n_text=look.say("funnel.n", n=look.words.count(o.subjects or 0)),
                quality_text=look.words.why(o),
            )
            for s, o in known[:MOST_BARS]
        )
        left = len(known) - len(rows)
        note = look.say("funnel.more", n=look.words.count(left)) if left else ""
        title = look.say("funnel.way", start=titles[start], end=titles[end])
        yield Leaderboard(f"{start}-{end}", title, rows, look.say("funnel.survival_basis"), note=note)
