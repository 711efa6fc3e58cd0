"""Qualification: who meets the criteria beside whom the CRM says to, how well that tells who buys, what each rule
brings, and two versions side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from headwater.api.held import Held, Moment
from headwater.api.qualify_answer import CRM, IN_FORCE, SPLITS, Qualification
from headwater.api.qualify_files import CRITERIA, criteria_named
from headwater.errors import QueryError
from headwater.model.criteria import Criteria
from headwater.model.observation import Observation
from headwater.model.period import Grain
from headwater.web.parts import Cell, Chart, Kind, Later, Link, Point, Segmented, Series, Table
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked, href
from headwater.web.view.look import Look, Made, Pages
from headwater.web.view.usual import looking, period_alone
from headwater.web.view.wording import sentence

NAVIGATION = (2, "/qualify")
PAGE = "pages/qualify/page.html"
MORE = ("criteria", "version", "against", "part")
PARTS = ("rules",)
"""The parts that are worked out when they are seen: each a block of the template."""
USUAL = "last-24-months"
"""Leads are judged when they have had their time, which is a year as a rule."""
MOST_VERSIONS = 4
"""So many of the newest versions are offered."""
MOST_LEADS = 20
"""So many leads on which two versions differ are listed."""

_VERDICTS: dict[str, Kind] = {"tells": "good", "misleads": "bad", "cannot tell": "neutral"}
_RULE = ("rule_share", "rule_precision_with", "rule_precision_without", "dropped_qualified", "dropped_precision")


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/qualify`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route("/qualify", methods=["GET", "HEAD"])
    def qualify(request: Request) -> Response:
        return pages.answer(request, _made, MORE)

    return router


def usual(moment: Moment) -> None:
    """Asks what the page tells where nothing is chosen, without what comes into sight later."""
    _made(Look(moment, Asked(), "/qualify"))


def _made(look: Look) -> Made:
    say, moment = look.say, look.moment
    if not look.has_data:
        return PAGE, look.frame(say("qualify.title"), "qualify"), {"empty": look.unbuilt()}, ""
    look = looking(look.at(replace(look.asked, by="")), USUAL)
    chosen = criteria_named(moment.folder, moment.catalogue, look.asked["criteria"])
    version, against = look.asked["version"], look.asked["against"]
    given: dict[str, Any] = {
        "version": version, "period": look.looked.focus, "filter": look.asked.filter, "as_of": look.asked.as_of,
    }  # fmt: skip
    if (part := look.asked["part"]) not in ("", *PARTS):
        raise QueryError(f"{part!r} is no part of this page", where="part", do=f"Write {', '.join(PARTS)}.")
    told = moment.qualify(chosen.id, against=against, rules=False, **given)
    rules: dict[str, Any] = {"rules": Later("rules", say("qualify.rules"), _there(look, part="rules")), "empty": None}
    if part:
        whole = moment.qualify(chosen.id, against=against, **given)
        found = tuple(sentence(n) for n in whole.notes if n not in told.notes)
        rules |= {"rules": _rules(look, whole), "rules_notes": found}
    if part and look.part:
        return PAGE, look.frame(chosen.title, "qualify"), rules, part
    by_step = moment.qualify(chosen.id, against=against, grain=look.looked.grain, **given)
    base = told.find("base_rate")
    context = rules | {
        "about": chosen.about,
        "kinds": _kinds(look, chosen),
        "views": _views(look, chosen),
        "beside": _beside(look, chosen),
        "chart": _chart(look, by_step),
        "load": _load(look, told),
        "cohort": _cohort(look, chosen, base),
        "left_out": sentence(base.detail) if base is not None and base.value is not None and base.detail else "",
        "test": _test(look, told),
        "shared": _shared(look, told),
        "leads": _leads(look, told),
        "notes": tuple(sentence(n) for n in told.notes),
    }
    frame = look.frame(
        chosen.title, "qualify", controls=period_alone(look), lead=say("qualify.lead"), notices=look.as_of()
    )
    return PAGE, frame, context, ""


# --- what is asked ---------------------------------------------------------------------------------------------------
def _there(look: Look, **more: str) -> str:
    return href("/qualify", look.asked.having(**more))


def _kinds(look: Look, chosen: Criteria) -> Segmented | None:
    """The sets of criteria, where there are several."""
    known = CRITERIA.get(look.moment.folder, look.moment.catalogue)
    links = tuple(
        Link(name.replace("_", " "), _there(look, criteria=name, version="", against=""), name == chosen.id, c.title)
        for name, c in known.items()
    )
    return Segmented(look.say("qualify.criteria"), links) if len(links) > 1 else None


def _views(look: Look, chosen: Criteria) -> Segmented:
    """By which version history is judged."""
    now = look.asked["version"]
    links = [Link(look.say("qualify.in_force"), _there(look, version=""), not now, look.say("qualify.in_force_hint"))]
    for version in chosen.versions[-MOST_VERSIONS:]:
        against = "" if look.asked["against"] == version.id else look.asked["against"]
        told = _dated(look, version.id, version.start is None)
        links.append(Link(told, _there(look, version=version.id, against=against), now == version.id, version.about))
    return Segmented(look.say("qualify.judged_by"), tuple(links))


def _beside(look: Look, chosen: Criteria) -> Segmented:
    """Which version is held beside."""
    now = look.asked["against"]
    links = [Link(look.say("qualify.nothing"), _there(look, against=""), not now)]
    for version in chosen.versions[-MOST_VERSIONS:]:
        if version.id != look.asked["version"]:
            told = _dated(look, version.id, version.start is None)
            links.append(Link(told, _there(look, against=version.id), now == version.id, version.about))
    return Segmented(look.say("qualify.beside"), tuple(links))


def _dated(look: Look, name: str, proposal: bool) -> str:
    shown = name.replace("_", " ")
    return look.say("qualify.proposal", name=shown) if proposal else shown


def _judge(look: Look, told: Qualification, label: str) -> str:
    if label == CRM:
        return look.say("qualify.crm", stage=look.say(f"qualify.stage_{told.criteria.stage}"))
    return look.say("qualify.in_force") if label == IN_FORCE else label.replace("_", " ")


# --- who qualifies ---------------------------------------------------------------------------------------------------
def _chart(look: Look, told: Qualification) -> Chart:
    words, say = look.words, look.say
    lines = {judge: [o for o in told if o.variant == "qualified" and o.segment[0][1] == judge] for judge in told.judges}
    series = tuple(
        Series(_judge(look, told, judge), "line", tuple(_point(look, o) for o in line), muted=judge == CRM)
        for judge, line in lines.items()
    )
    came = [o for o in told if o.variant == "came"]
    columns = [[words.of(o) for o in came], [words.value(o, "number") for o in came]]
    columns += [[words.value(o, "number") for o in line] for line in lines.values()]
    heads = (say("kpi.head_period"), say("qualify.came"), *(_judge(look, told, judge) for judge in lines))
    caption = say("qualify.who")
    return Chart(
        id="qualified",
        title=caption,
        series=series,
        table=Table(heads, tuple(zip(*columns, strict=True)), caption, frozenset(range(1, len(heads)))),
        unit="lead",
        locale=str(words.locale).replace("_", "-"),
        grain=came[0].grain if came else Grain.MONTH.value,
        summary=words.period(look.looked.focus),
        partial_last=bool(came) and "partial" in came[-1].quality,
    )


def _point(look: Look, o: Observation) -> Point:
    return ("" if o.period_start is None else o.period_start.isoformat(), o.value, o.low, o.high, look.words.why(o))


def _load(look: Look, told: Qualification) -> Table:
    """How many each judgement hands to sales in a week."""
    say, words = look.say, look.words
    rows: list[tuple[str | Cell, ...]] = []
    for judge in told.judges:
        count, week = told.find("qualified", judge), told.find("per_week", judge)
        shown = words.value(count, "number") if count is not None else ""
        missing = Cell(words.why(count), missing=True) if count is not None else ""
        rate = ("", "") if week is None else (words.value(week, "score"), words.interval(week, "score"))
        rows.append((_judge(look, told, judge), shown or missing, *rate))
    heads = ("by", "in_period", "a_week", "interval")
    return Table(tuple(say(f"qualify.{h}") for h in heads), tuple(rows), say("qualify.load"), frozenset({1, 2, 3}))


# --- how well it tells -----------------------------------------------------------------------------------------------
def _cohort(look: Look, chosen: Criteria, base: Observation | None) -> str:
    if base is not None and base.subjects and base.value is None:
        return look.say(
            "qualify.unlinked",
            n=look.words.count(base.subjects),
            days=look.words.count(chosen.within),
            why=base.detail.partition(";")[0],
        )
    if base is None or base.value is None:
        return look.say("qualify.no_cohort", days=look.words.count(chosen.within))
    return look.say(
        "qualify.cohort",
        n=look.words.count(base.subjects or 0),
        days=look.words.count(chosen.within),
        won=look.words.count(int(base.numerator or 0)),
        rate=look.words.value(base, "percent"),
        interval=look.words.interval(base, "percent"),
    )


def _test(look: Look, told: Qualification) -> Table:
    say, words = look.say, look.words
    rows: list[tuple[str | Cell, ...]] = []
    for judge in told.judges:
        precision, recall, lift = (told.find(v, judge) for v in ("precision", "recall", "lift"))
        key, _, why = ("cannot tell", "", "") if lift is None else lift.detail.partition(": ")
        verdict = say(f"qualify.verdict_{key.replace(' ', '_')}")
        if key == "cannot tell":
            verdict = say("qualify.because", verdict=verdict, why=why)
        rows.append(
            (
                _judge(look, told, judge),
                Cell(verdict, kind=_VERDICTS.get(key, "neutral")),
                words.count(int(precision.denominator or 0)) if precision is not None else "",
                _cell(look, precision),
                _interval(look, precision),
                _cell(look, recall),
                _interval(look, recall),
                _times(look, lift),
                "" if lift is None or lift.low is None or lift.high is None
                else say("funnel.range", low=f"{lift.low:.2f}", high=f"{lift.high:.2f}"),
            )
        )  # fmt: skip
    heads = ("by", "verdict", "qualified", "precision", "interval", "recall", "interval", "lift", "interval")
    return Table(
        tuple(say(f"qualify.{h}") for h in heads), tuple(rows), say("qualify.test"), frozenset(range(2, len(heads)))
    )


def _cell(look: Look, found: Observation | None) -> str | Cell:
    if found is None:
        return ""
    return look.words.value(found, "percent") or Cell(look.words.why(found), missing=True)


def _interval(look: Look, found: Observation | None) -> str:
    return "" if found is None or found.value is None else look.words.interval(found, "percent")


def _times(look: Look, found: Observation | None) -> str | Cell:
    if found is None:
        return ""
    if found.value is None:
        return Cell(look.words.why(found), missing=True)
    return look.say("qualify.times", n=f"{found.value:.2f}")


def _rules(look: Look, told: Qualification) -> Table | None:
    say, words = look.say, look.words
    rows: list[tuple[str | Cell, ...]] = []
    for rule in told.rules:
        found = [told.find(v, told.judged_by, rule) for v in _RULE]
        title = next(o.detail for o in found if o is not None)
        share, given, not_given, dropped, dropped_precision = found
        counted = "" if dropped is None else words.value(dropped, "number")
        cells = (_cell(look, share), _cell(look, given), _interval(look, given), _cell(look, not_given), counted)
        rows.append((title, *cells, _cell(look, dropped_precision)))
    heads = ("rule", "has", "with", "interval", "without", "dropped", "dropped_won")
    if not rows:
        return None
    return Table(tuple(say(f"qualify.{h}") for h in heads), tuple(rows), say("qualify.rules"), frozenset(range(1, 7)))


# --- two versions ----------------------------------------------------------------------------------------------------
def _shared(look: Look, told: Qualification) -> Table | None:
    say = look.say
    rows: list[tuple[str | Cell, ...]] = []
    for o in told:
        if o.variant in ("both", "only") and not o.segment[SPLITS:]:
            label = o.segment[0][1]
            precision = told.find(f"{o.variant}_precision", label)
            name = say("qualify.both") if label is None else say("qualify.only", judge=_judge(look, told, label))
            rows.append((name, look.words.value(o, "number"), _cell(look, precision), _interval(look, precision)))
    heads = ("by", "qualified", "won", "interval")
    if not rows:
        return None
    return Table(tuple(say(f"qualify.{h}") for h in heads), tuple(rows), say("qualify.shared"), frozenset({1, 2, 3}))


def _leads(look: Look, told: Qualification) -> Table | None:
    say = look.say
    rows = tuple(
        (d.lead, _judge(look, told, d.judged_by), look.words.day(d.day), say(f"qualify.won_{_WON[d.won]}"))
        for d in told.differing[:MOST_LEADS]
    )
    left = len(told.differing) - len(rows)
    note = say("qualify.more_leads", n=look.words.count(left)) if left else ""
    heads = ("a_lead", "by", "on", "won_in_time")
    return Table(tuple(say(f"qualify.{h}") for h in heads), rows, say("qualify.leads"), note=note) if rows else None


_WON = {True: "yes", False: "no", None: "young"}
