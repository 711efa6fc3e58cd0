"""`/explore`: two to four KPIs on one chart, or two of them by segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from headwater.api.boarded import lacking
from headwater.api.exploring import called, chosen, lines, scatter, shared_splits
from headwater.api.held import Held, Moment
from headwater.api.overview import Sign, signs
from headwater.api.written import Draft, board_draft, kpi_draft, write
from headwater.errors import DefinitionError, HeadwaterError, QueryError, UnknownError, nearest
from headwater.metrics.formula import find
from headwater.model.board import FEWEST_LINES, MOST_LINES, SHOWS, Plot
from headwater.model.kpi import Kpi
from headwater.web.parts import Chart, Chip, Choice, Link, Segmented
from headwater.web.receiving import fields_of
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked, href, parameters, parse
from headwater.web.view.charts import lines_chart, refusal, scatter_chart
from headwater.web.view.look import BOARD, Look, Made, Pages
from headwater.web.view.signs import tile, title
from headwater.web.view.usual import chips, controls, looking, waiting
from headwater.web.view.wording import sentence

NAVIGATION = (3, "/explore")
PAGE, DRAFT = "pages/explore/page.html", "pages/explore/draft.html"
PLACE = "/explore"
MORE, SEVERAL = ("kpi", "show"), ("kpi",)
FIELDS = ("board", "title", "heading", "question", "better", "pitfall", "turned", "text")
"""What the forms of the page send besides its state."""
BETTER = ("up", "down", "context")
USUAL = "last-12-months"
"""A month is a dot; a year is a line."""
OFFERED = 6
"""So many pairs are offered before anything is chosen."""
SPLITS = 8
"""So many splits of a scatter are offered, those that tell most first."""
LEADING = ("channel", "owner", "team", "region", "segment", "product", "program", "account_industry", "account_size")
"""Splits that people think in, the first first."""


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/explore`."""
    router = APIRouter()
    pages = Pages(held, templates)

    @router.api_route(PLACE, methods=["GET", "HEAD"])
    def explore(request: Request) -> Response:
        try:
            return pages.answer(request, _made, MORE, several=SEVERAL)
        except UnknownError as error:
            asked = parse(request.query_params.multi_items(), MORE, SEVERAL)
            return again(request, Given(asked, {}), "", error, 404)

    def again(request: Request, given: Given, form: str, why: HeadwaterError, status: int = 400) -> Response:
        """The page once more, with what was wrong with what was asked or what a form sent, and all that was written
        into it."""
        with held.moment() as moment:
            name, frame, context, _ = _made(Look(moment, given.asked, PLACE), why, given.fields | {"form": form})
            answer = templates.page(request, name, frame, context, status=status)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @router.post(f"{PLACE}/save")
    async def save(request: Request) -> Response:
        fields = await fields_of(request)

        def keep() -> Response:
            given = Given.of(fields)
            try:
                with held.moment() as moment:
                    names = chosen(moment.catalogue, given.asked.every("kpi"))
                    plot = Plot(names, given["heading"], given.asked["show"] or SHOWS[0], *given.shown)
                    draft = board_draft(moment.folder, moment.catalogue, plot, given["board"], given["title"])
                write(held.folder, draft)
            except (QueryError, DefinitionError) as error:
                return again(request, given, "save", error)
            return RedirectResponse(f"/boards/{quote(draft.id)}#charts", 303)

        return await to_thread.run_sync(keep)

    @router.post(f"{PLACE}/draft")
    async def draft(request: Request) -> Response:
        fields = await fields_of(request)

        def look() -> Response:
            given = Given.of(fields)
            try:
                with held.moment() as moment:
                    made = _kpi_of(moment, given)
                    if given["text"] == made.text:
                        write(held.folder, made)
                        return RedirectResponse(f"/kpi/{quote(made.id)}", 303)
                    name, frame, context, _ = _drafted(Look(moment, given.asked, PLACE), given, made)
                    answer = templates.page(request, name, frame, context)
            except (QueryError, DefinitionError) as error:
                return again(request, given, "draft", error)
            answer.headers["Cache-Control"] = "no-store"
            return answer

        return await to_thread.run_sync(look)

    return router


@dataclass(frozen=True, slots=True)
class Given:
    """What a form of the page sent: the state that the page was in, and fields of the form alone."""

    asked: Asked
    fields: dict[str, str]

    @classmethod
    def of(cls, fields: Sequence[tuple[str, str]]) -> Given:
        """The two told apart. Raises QueryError for a state that cannot be."""
        own = dict.fromkeys(FIELDS, "")
        own |= {name: value for name, value in fields if name in own}
        return cls(parse([f for f in fields if f[0] not in own], MORE, SEVERAL), own)

    def __getitem__(self, name: str) -> str:
        return self.fields[name].strip() if name != "text" else self.fields[name].replace("\r\n", "\n")

    @property
    def shown(self) -> tuple[str, str, str]:
        """Split, grain and filter of the chart."""
        scattered = self.asked["show"] == "scatter"
        return self.asked.by if scattered else "", "" if scattered else self.asked.grain, self.asked.filter


def _kpi_of(moment: Moment, given: Given) -> Draft:
    names = chosen(moment.catalogue, given.asked.every("kpi"))
    if len(names) != FEWEST_LINES:
        raise QueryError(f"a KPI is made of two, and these are {len(names)}", where="kpi", do="Leave out the others.")
    top, bottom = reversed(names) if given["turned"] else names
    better = given["better"] or BETTER[0]
    if better not in BETTER:
        raise QueryError(f"{better!r} is no direction", where="better", do=f"Write {', '.join(BETTER)}.")
    return kpi_draft(
        moment.folder, moment.catalogue, top, bottom, given["title"],
        question=given["question"], better=better, pitfall=given["pitfall"],
    )  # fmt: skip


def _drafted(look: Look, given: Given, made: Draft) -> Made:
    """The file of a KPI before it is written, with what the linter says of it."""
    say = look.say
    context = {
        "draft": made,
        "notes": [f"{f.key}: {f.what} {f.do}".strip() for f in made.notes],
        "fields": [*parameters(given.asked), *((n, given[n]) for n in FIELDS if n != "text" and given[n])],
    }
    back = Link(say("explore.draft_back"), href(PLACE, given.asked))
    frame = look.frame(say("explore.draft_title"), "explore", lead=say("explore.draft_lead", path=made.path), back=back)
    return DRAFT, frame, context, ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the page shows of the KPIs chosen: a chart, or why there is none."""

    chart: Chart | None
    why: str = ""


def _made(look: Look, why: HeadwaterError | None = None, typed: Mapping[str, str] | None = None) -> Made:
    """The page; `why` is what was wrong with what one of its forms sent, `typed` what was written into it."""
    say, moment = look.say, look.moment
    names = _known(look) if isinstance(why, UnknownError) else chosen(moment.catalogue, look.asked.every("kpi"))
    show = _show(look)
    if not look.has_data:
        return (
            PAGE,
            look.frame(say("explore.title"), "explore", lead=say("explore.lead")),
            {"empty": look.unbuilt()},
            "",
        )
    look = looking(look, USUAL)
    look = look.at(look.asked.having(kpi=names))  # by their ids, however they were written
    found: list[Sign] = []
    lacks = lacking(moment.catalogue, names, look.asked.filter)
    if names and not lacks:
        found = signs(moment, moment.catalogue, look.calendar, names, look.looked)
    splits = _splits(look, names) if show == "scatter" else ()
    gaps = moment.gaps(*names)
    drawn = _drawn(look, names, show, found, splits, lacks, gaps) if len(names) >= FEWEST_LINES else None
    context: dict[str, Any] = {
        "empty": None,
        "names": names,
        "chosen": list(_chosen(look, names)),
        "chips": chips(look),
        "room": len(names) < MOST_LINES,
        "options": _options(look),
        "hidden": [(n, v) for n, v in _hidden(look)],
        "views": _views(look, show, names) if len(names) >= FEWEST_LINES else None,
        "splits": _split_links(look, splits),
        "offers": _offers(look, names),
        "tiles": [waiting(look, tile(look, s), gaps.get(s.name, "")) for s in found],
        "drawn": drawn,
        "caution": say("explore.caution") if drawn is not None and drawn.chart is not None else "",
        "save": _saving(look, names, show, splits) if drawn is not None and drawn.chart is not None else None,
        "better": [(b, say(f"kpi.better_{b}")) for b in BETTER],
        "makes": _makes(look, names) if len(names) == FEWEST_LINES and drawn is not None else None,
        "wrong": _wrong(why),
        "typed": {**dict.fromkeys((*FIELDS, "form"), ""), **(typed or {})},
    }
    heading = say("explore.title")
    frame = look.frame(
        heading, "explore", controls=controls(look, grain=True), lead=say("explore.lead"), notices=look.as_of()
    )
    return PAGE, frame, context, ""


def _known(look: Look) -> tuple[str, ...]:
    """Of the KPIs chosen those that there are."""
    known: list[str] = []
    for text in look.asked.every("kpi"):
        with suppress(UnknownError):
            known += chosen(look.moment.catalogue, (text,))
    return chosen(look.moment.catalogue, known)


@dataclass(frozen=True, slots=True)
class Saving:
    """The form that puts the chart on a board: the state that it sends along, and the boards there are."""

    state: tuple[tuple[str, str], ...]
    boards: tuple[Choice, ...]


def _saving(look: Look, names: tuple[str, ...], show: str, splits: tuple[str, ...]) -> Saving:
    asked = look.asked
    if show == "scatter" and not asked.by:
        asked = replace(asked, by=splits[0])  # what the page took is what the board shows
    known = look.moment.every_board().boards.values()
    choices = [Choice("", look.say("explore.new_board"))]
    choices += [Choice(b.id, b.title) for b in sorted(known, key=lambda b: (not b.own, b.title)) if b.id != BOARD]
    return Saving(parameters(asked), tuple(choices))


def _makes(look: Look, names: tuple[str, ...]) -> tuple[str, str]:
    """The two ways in which one KPI can be set for the other, in words."""
    a, b = (title(*_way(look, name)) for name in names)
    return look.say("explore.for", a=a, b=b), look.say("explore.for", a=b, b=a)


def _wrong(why: HeadwaterError | None) -> tuple[str, str] | None:
    """What was wrong in words, and what to do about it."""
    if why is None:
        return None
    what = f"{why.where}: {why.what}" if why.where else why.what
    return (sentence(what), why.do) if "\n" in why.do else (sentence(what, why.do), "")


def _show(look: Look) -> str:
    show = look.asked["show"] or SHOWS[0]
    if show not in SHOWS:
        do = nearest(show, SHOWS) or f"Write {', '.join(SHOWS)}."
        raise QueryError(f"{show!r} is no way to set KPIs beside each other", where="show", do=do)
    return show


def _drawn(
    look: Look,
    names: tuple[str, ...],
    show: str,
    found: list[Sign],
    splits: tuple[str, ...],
    lacks: tuple[str, ...],
    gaps: Mapping[str, str],
) -> Drawn:
    say, moment = look.say, look.moment
    if lacks:
        return Drawn(None, say("explore.lacks", splits=", ".join(s.replace("_", " ") for s in lacks)))
    waits = {s.name: gaps[s.name] for s in found if s.name in gaps and all(o.value is None for o in s.line)}
    if waits:
        told = (say("explore.waits", title=title(*_way(look, name)), why=why) for name, why in waits.items())
        return Drawn(None, say("explore.refused_gaps", names="; ".join(told)))
    if show != "scatter":
        made = lines(moment.catalogue, found, show)
        if made.refused is not None:
            return Drawn(None, refusal(look, made.refused))
        return Drawn(lines_chart(look, made, look.looked, "explore"))
    if len(names) != FEWEST_LINES:
        return Drawn(None, say("explore.refused_two", n=len(names)))
    by = look.asked.by or (splits[0] if splits else "")
    if not by:
        return Drawn(None, say("explore.refused_split"))
    dots = scatter(moment, moment.catalogue, names, by, look.looked)
    if not any(d.is_known for d in dots.dots):
        return Drawn(None, say("explore.refused_dots", split=by.replace("_", " ")))
    return Drawn(scatter_chart(look, dots, look.looked, "explore", unfolded=True))


# --- what is chosen, and what can be ---------------------------------------------------------------------------------
def _chosen(look: Look, names: tuple[str, ...]) -> Iterator[Chip]:
    for name in names:
        rest = tuple(n for n in names if n != name)
        yield Chip(look.say("kpi.kpi_kind"), title(*_way(look, name)), _there(look, kpi=rest))


def _way(look: Look, name: str) -> tuple[Kpi, str]:
    """A KPI and the name of the way it is computed."""
    kpi, variant = find(look.moment.catalogue, name)
    return kpi, variant.id


def _options(look: Look) -> list[str]:
    """Every KPI, and every other way to compute it, that can be computed from the data."""
    catalogue = look.moment.catalogue
    ways = {
        kpi.id if v.id == kpi.default else f"{kpi.id}.{v.id}": called(kpi, v)
        for kpi in catalogue.kpis.values()
        for v in kpi.variants
    }
    gaps = look.moment.gaps(*ways)
    return sorted(text for name, text in ways.items() if name not in gaps)


def _hidden(look: Look) -> Iterator[tuple[str, str]]:
    """The state that a form which adds a KPI keeps."""
    for name, value in look.controls().hidden:
        yield name, value
    for picker in look.controls(grain=True).pickers:
        value = next((c.value for c in picker.choices if c.chosen), "")
        asked = {"period": look.asked.period, "grain": look.asked.grain, "compare": value}[picker.name]
        if asked:
            yield picker.name, asked


def _offers(look: Look, names: tuple[str, ...]) -> list[Link]:
    """KPIs to set beside each other: those of the first page with their pairs; beside a chosen one its own."""
    if len(names) >= FEWEST_LINES:
        return []
    catalogue = look.moment.catalogue
    pairs: list[tuple[str, str]] = []
    for name in names or look.board.tiles:
        kpi, _ = find(catalogue, name)
        if kpi.pair and (kpi.pair, name) not in pairs:
            pairs.append((name, kpi.pair))
    gaps = look.moment.gaps(*dict.fromkeys(n for pair in pairs for n in pair))
    able = [pair for pair in pairs if not gaps.keys() & set(pair)]
    return [Link(look.say("explore.pair", **_titles(look, pair)), _there(look, kpi=pair)) for pair in able[:OFFERED]]


def _titles(look: Look, pair: tuple[str, str]) -> dict[str, str]:
    return {key: title(*_way(look, name)) for key, name in zip(("a", "b"), pair, strict=True)}


# --- how it is shown -------------------------------------------------------------------------------------------------
def _views(look: Look, show: str, names: tuple[str, ...]) -> Segmented:
    links = []
    for name in SHOWS:
        if name == "scatter" and len(names) != FEWEST_LINES and show != name:
            continue
        asked = look.asked if name == "scatter" else replace(look.asked, by="")
        there = href(PLACE, asked.having(show="" if name == SHOWS[0] else name))
        links.append(Link(look.say(f"explore.show_{name}"), there, name == show, look.say(f"explore.hint_{name}")))
    return Segmented(look.say("explore.show"), tuple(links))


def _splits(look: Look, names: tuple[str, ...]) -> tuple[str, ...]:
    """The splits that all have, those that tell most first."""
    shared = shared_splits(look.moment.catalogue, names) if names else ()
    return tuple(sorted(shared, key=lambda s: LEADING.index(s) if s in LEADING else len(LEADING)))


def _split_links(look: Look, splits: tuple[str, ...]) -> tuple[Link, ...]:
    if not splits:
        return ()
    now = look.asked.by or splits[0]
    return tuple(
        Link(s.replace("_", " "), href(PLACE, replace(look.asked, by=s)), s == now)
        for s in dict.fromkeys((*splits[:SPLITS], *((now,) if now in splits else ())))
    )


def _there(look: Look, **more: str | tuple[str, ...]) -> str:
    return href(PLACE, replace(look.asked, by="").having(**more))
