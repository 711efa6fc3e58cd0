"""KPIs as components show them: tiles, steps of the funnel strip, and sentences of what needs somebody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any

from headwater.api.attention import Need as Found
from headwater.api.comparing import Compared
from headwater.api.overview import Fall, Sign, StripStep, whole_through
from headwater.api.spreads import Change, too_young
from headwater.model.kpi import BASE, Kpi
from headwater.model.observation import Observation
from headwater.model.period import Period
from headwater.web.parts import About, Better, Link, Need, Spark, Status, Step, Tile
from headwater.web.view.asked import kpi_href
from headwater.web.view.look import Look

INTERVAL_BELOW = 30
"""A share that rests on fewer shows its interval beside it; else the interval stands behind the number."""

LONG = 24
"""A title of more letters does not fit on one line of a tile."""

DETAIL = "detail"
"""The anchor of a KPI page's lower half."""


def tile(look: Look, sign: Sign, *, whole: bool = False) -> Tile:
    """A KPI on one card. What it is compared with stands above the page, so it is said only where the
    card is `whole`, alone on its page."""
    now, words, kpi = sign.now, look.words, sign.kpi
    status, status_text = _status(look, sign)
    notes = [words.of(now)] if sign.older else []
    notes += [words.why(now)] if now.value is not None and now.quality else []
    return Tile(
        id=_id(sign.name),
        title=title(kpi, sign.variant.id) if whole else short(title(kpi, sign.variant.id)),
        href=kpi_href(sign.name, look.asked),
        value_text=words.value(now, kpi.show, compact=True),
        status=status,
        status_text=status_text,
        change_text=change_text(look, kpi, sign.against),
        change_better=change_better(kpi, sign.against),
        change_against=_against(look, sign.against) if whole else "",
        spark=spark(look, sign),
        note="; ".join(notes),
        missing=words.why(now) if now.value is None else "",
        interval_text=interval(look, sign),
        about=about(look, sign),
    )


def title(kpi: Kpi, variant: str) -> str:
    """What a KPI is called; a variant other than the default one by its name too."""
    return kpi.title if variant in (BASE, kpi.default) else f"{kpi.title}: {variant.replace('_', ' ')}"


def short(name: str) -> str:
    """A long title by the abbreviation that it ends with, where it does; its popover says it in full.

    >>> short("Monthly recurring revenue (MRR)"), short("Cost per lead (CPL)")
    ('MRR', 'Cost per lead (CPL)')
    """
    found = re.fullmatch(r".*\(([A-Z]{2,5})\)", name) if len(name) > LONG else None
    return found[1] if found else name


def interval(look: Look, sign: Sign) -> str:
    """The interval of a number that rests on few, else nothing."""
    few = sign.now.subjects is not None and sign.now.subjects < INTERVAL_BELOW
    return look.words.interval(sign.now, sign.kpi.show) if few else ""


def _id(name: str) -> str:
    return name.replace(".", "--").replace("_", "-")


# --- change and status -----------------------------------------------------------------------------------------------
def change_text(look: Look, kpi: Kpi, against: Compared | None) -> str:
    """How much a number changed: as a share of what it was, a percentage or score as a difference."""
    if against is None or against.change is None:
        return ""
    if against.change == 0:
        return look.say("view.no_change")
    if kpi.show in ("percent", "score") or against.relative is None:
        currency = "" if against.b is None else against.b.currency
        return look.words.difference(against.change, kpi.show, currency, compact=True)
    return look.words.relative(against.relative)


def change_better(kpi: Kpi, against: Compared | None) -> Better:
    """Whether a change is for the better; `none` where the KPI has no direction or nothing changed."""
    if against is None or not against.change or kpi.better not in ("up", "down"):
        return "none"
    return "true" if (against.change > 0) == (kpi.better == "up") else "false"


def _against(look: Look, against: Compared | None) -> str:
    if against is None or against.a is None or against.change is None:
        return ""
    return look.say("view.against", period=look.words.of(against.a))


def _judged(better: bool | None) -> Status:
    """The status of a change that is for the better, for the worse, or neither."""
    return "neutral" if better is None else "good" if better else "bad"


def _status(look: Look, sign: Sign) -> tuple[Status, str]:
    """The verdict on the newest change, where the tile's number is that newest step."""
    change = sign.change
    if change is None or not is_newest(sign):
        return "neutral", ""
    match change.state:
        case "usual":
            return "neutral", look.say("sign.usual")
        case "above" | "below":
            told = {True: "better", False: "worse", None: change.state}[change.better]
            return _judged(change.better), look.say(f"sign.{told}")
        case _:
            return "unknown", ""


# --- lines and what stands behind ------------------------------------------------------------------------------------
def spark(look: Look, sign: Sign) -> Spark | None:
    """The line of a tile, with gaps where nothing is known or most is too young; None where it has fewer than two
    points."""
    line = sign.line
    known = [o for o in line if o.value is not None and not too_young(o)]
    if len(known) < 2:
        return None
    change = sign.change
    unusual = change is not None and change.state in ("above", "below")
    marks = tuple(i for i, o in enumerate(line) if unusual and change is not None and o is change.now)
    better = None if change is None else change.better
    first, last = known[0], known[-1]
    told = {"first": look.words.of(first), "last": look.words.of(last)}
    values = (look.words.value(o, sign.kpi.show, compact=True) for o in (first, last))
    says = look.say("sign.line", title=sign.kpi.title, **told, **dict(zip(("from", "to"), values, strict=True)))
    points = tuple(None if too_young(o) else o.value for o in line)
    return Spark(points, says, "partial" in line[-1].quality, marks=marks, marked=_judged(better))


def about(look: Look, sign: Sign) -> About:
    """What stands behind a number: the exact value, its parts, what it rests on, and what would be usual."""
    href = kpi_href(sign.name, look.asked)
    joint = "&" if "?" in href else "?"
    links = (
        Link(look.say("sign.trace"), f"{href}{joint}show=trace#{DETAIL}"),
        Link(look.say("sign.records"), f"{href}{joint}show=records#{DETAIL}"),
    )
    return About(sign.kpi.title, sign.kpi.question, tuple(facts(look, sign)), links)


def facts(look: Look, sign: Sign, *, beside: bool = False) -> list[tuple[str, str]]:
    """Label and text of each fact of a number; what is not there is left out. `beside`: the number and its definition
    stand beside them, so that they need not be said again."""
    words, say, now, kpi = look.words, look.say, sign.now, sign.kpi
    exact = words.value(now, kpi.show) or words.why(now)
    through = whole_through(look.moment.catalogue, sign.name, look.condition.through)
    told = [
        (say("sign.exact"), "" if beside and exact == words.value(now, kpi.show, compact=True) else exact),
        (say("sign.period"), words.of(now) if not sign.older else say("sign.ripe", period=words.of(now))),
        (say("sign.parts"), parts(look, now)),
        (say("sign.n"), rests_on(look, now)),
        (say("sign.interval"), words.interval(now, kpi.show)),
        (say("sign.left_out"), words.count(now.left_out) if now.left_out else ""),
        (say("sign.change"), _change_fact(look, kpi, sign.against)),
        (say("sign.usual_label"), usual(look, sign.change) if is_newest(sign) else ""),
        (say("sign.better_label"), words.better(kpi)),
        (say("kpi.trace_through"), "" if through is None else words.day(through)),
        (say("sign.formula"), "" if beside else sign.variant.text),
        (say("sign.reading"), "" if beside else now.detail),
    ]
    return [(label, text) for label, text in told if text]


def rests_on(look: Look, o: Observation) -> str:
    """How many the number rests on, where the number itself and its denominator do not say so."""
    return "" if o.subjects is None or o.subjects in (o.value, o.denominator) else look.words.count(o.subjects)


def is_newest(sign: Sign) -> bool:
    """Whether the number shown is the step that the change judges."""
    now, judged = sign.now, None if sign.change is None else sign.change.now
    return judged is not None and (judged.period_start, judged.period_end) == (now.period_start, now.period_end)


def parts(look: Look, now: Observation) -> str:
    """Numerator and denominator, as they are counted."""
    if now.numerator is None or now.denominator is None:
        return ""
    return f"{plain(look, now.numerator)} / {plain(look, now.denominator)}"


def plain(look: Look, value: float) -> str:
    """A number without a unit: whole, or two decimals."""
    whole = Decimal(repr(value)) == int(value)
    return look.words.count(int(value)) if whole else look.words.number(value, "number")


def _change_fact(look: Look, kpi: Kpi, change: Compared | None) -> str:
    if change is None or change.a is None or change.a.value is None or change.change is None:
        return ""
    was = look.words.value(change.a, kpi.show)
    told = look.words.difference(change.change, kpi.show, change.a.currency)
    return f"{told} ({was}, {look.words.of(change.a)})"


def usual(look: Look, change: Change | None) -> str:
    """Between which values the newest step would have been usual, or why that cannot be told."""
    if change is None:
        return ""
    if change.state == "cannot_tell" or change.low is None or change.high is None or change.now is None:
        return look.say(f"sign.{change.reason}", n=change.n) if change.reason != "no_value" else ""
    key = "sign.usual_seasonal" if change.seasonal else "sign.usual_range"
    return look.say(key, n=change.n, **_range(look, change))


def _range(look: Look, change: Change) -> dict[str, str]:
    """The usual range as far as the KPI can take such values: a count is whole and not below zero."""
    now, shown = change.now, change.kpi.show
    low, high = change.low or 0.0, change.high or 0.0
    if shown != "score" and now is not None and (now.value or 0) >= 0:
        low = max(low, 0.0)
    if shown == "percent" and not change.kpi.unit.powers:
        high = min(high, 1.0)
    if shown == "number" and now is not None and now.denominator is None:
        low, high = float(ceil(low)), float(floor(high))
    currency = "" if now is None else now.currency
    return {k: look.words.compact(v, shown, currency) for k, v in (("low", low), ("high", high))}


# --- the funnel strip ------------------------------------------------------------------------------------------------
def steps(look: Look, strip: Sequence[StripStep]) -> tuple[Step, ...]:
    """The steps of the strip."""
    return tuple(_step(look, s) for s in strip)


def _step(look: Look, found: StripStep) -> Step:
    volume, words = found.volume, look.words
    rate = found.rate if found.rate is not None and found.rate.now.value is not None else None
    time = found.time if found.time is not None and found.time.now.value is not None else None
    note = "" if rate is None else f"{rate.kpi.title}, {words.of(rate.now)}"
    return Step(
        id=_id(volume.name),
        title=found.step.title,
        href=kpi_href(volume.name, look.asked),
        volume_text=words.value(volume.now, volume.kpi.show, compact=True),
        volume=volume.now.value,
        rate_text="" if rate is None else words.value(rate.now, rate.kpi.show),
        median_text="" if time is None else words.value(time.now, time.kpi.show),
        rate_note=note if found.fall is None else f"{note}. {fall(look, found.step.title, found.fall)}",
        rate_interval="" if rate is None else interval(look, rate),
        bottleneck=found.fall is not None,
        missing=words.why(volume.now) if volume.now.value is None else "",
    )


def fall(look: Look, step: str, found: Fall) -> str:
    """How far the bottleneck fell."""
    period = look.words.period(Period(found.best_start, found.best_end))
    now, best = look.words.percent(found.now), look.words.percent(found.best)
    return look.say("vital_signs.bottleneck_fact", step=step, now=now, best=best, period=period)


# --- what needs somebody ---------------------------------------------------------------------------------------------
def need(look: Look, found: Found) -> Need:
    """A need in words: one sentence, its evidence, where to look."""
    facts, say = found.facts, look.say
    level: Any = found.level
    match found.kind:
        case "unusual_change":
            return _change(look, found.facts["change"], level)
        case "source_stale" | "sources_stale":
            return _stale(look, found)
        case "source_missing":
            return Need(found.kind, say("needs.source_missing", **facts), str(facts["why"]), "/data#sources", level)
        case "rows_aside":
            told = _texts(look, facts)
            told["column"] = say("needs.in_column", column=facts["column"]) if facts["column"] else ""
            evidence = say("needs.rows_aside_evidence", **told)
            return Need(found.kind, say("needs.rows_aside", **told), evidence, "/data#aside", level)
        case "checks_doubtful":
            names = [str(s) for s in _listed(facts["subjects"])]
            told = {"n": look.words.count(len(names)), "first": str(facts["first"])}
            evidence = say("needs.checks_doubtful_evidence", **told)
            return Need(found.kind, say("needs.checks_doubtful", **told), evidence, "/data#checks", level)
        case "checks_running":
            evidence = say("needs.checks_running_evidence")
            return Need(found.kind, say("needs.checks_running"), evidence, "/data#checks", level)
        case "check_failed":
            return Need(found.kind, say("needs.check_failed", **facts), f"{facts['what']}.", "/data#checks", level)
        case _:
            return Need(found.kind, say("needs.check_doubtful", **facts), str(facts["check"]), "/data#checks", level)


MOST_NAMED = 6


def _stale(look: Look, found: Found) -> Need:
    told = _texts(look, found.facts)
    names = [str(name) for name in _listed(found.facts["sources"])]
    more = len(names) - MOST_NAMED
    told["sources"] = ", ".join(names[:MOST_NAMED])
    if more > 0:
        told["sources"] = look.say("needs.and_more", names=told["sources"], n=look.words.count(more))
    told["n"] = look.words.count(len(names))
    level: Any = found.level
    evidence = look.say(f"needs.{found.kind}_evidence", **told)
    return Need(found.kind, look.say(f"needs.{found.kind}", **told), evidence, "/data#sources", level)


def _listed(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _texts(look: Look, facts: Mapping[str, object]) -> dict[str, str]:
    def text(value: object) -> str:
        match value:
            case int():
                return look.words.count(value)
            case date():
                return look.words.day(value)
            case tuple():
                return ", ".join(str(v) for v in value)
            case _:
                return str(value)

    return {name: text(value) for name, value in facts.items()}


def _change(look: Look, change: Any, level: Any) -> Need:
    assert isinstance(change, Change)
    now = change.now
    assert now is not None
    way = f"better_{change.state}" if change.better else change.state
    sentence = look.say(f"needs.change_{way}", title=change.kpi.title, period=look.words.of(now))
    before = "" if change.before is None else look.words.compact(change.before, change.kpi.show, now.currency)
    evidence = look.say(
        "needs.change_evidence",
        value=look.words.value(now, change.kpi.show, compact=True),
        before=before,
        n=change.n,
        **_range(look, change),
    )
    return Need("unusual_change", sentence, evidence, kpi_href(change.name, look.asked), level)
