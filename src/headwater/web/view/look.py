"""What a page works with: one moment of the workspace, what was asked of it, and how it writes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from headwater.api.checking import Checked
from headwater.api.condition import Condition
from headwater.api.held import Held, Moment
from headwater.api.overview import Frame as Looked
from headwater.api.overview import newest_whole_month
from headwater.model.board import FIRST, Board
from headwater.model.period import Calendar, Grain, Period
from headwater.web.parts import Choice, Controls, Frame, Link, Notice, Picker
from headwater.web.templates import Templates, is_part
from headwater.web.texts import Say
from headwater.web.view.asked import (
    COMPARISONS,
    GRAINS,
    PRESETS,
    Asked,
    earlier,
    frame_of,
    href,
    later,
    parameters,
    parse,
    pickable,
    span,
)
from headwater.web.view.wording import Wording, wording

BOARD = FIRST
"""The board of the first page; the newest whole month of the others is judged by its KPIs too."""

PATIENCE = 0.2
"""So many seconds a page waits for checks that run; then it says that they do."""

KEPT = 256
"""So many pages are kept as they were last sent."""


@dataclass(frozen=True)
class Look:
    """One moment, what was asked of it, and the workspace's way of writing. `path` is the page's address; `part`: a
    block of the page is asked for, not the whole."""

    moment: Moment
    asked: Asked
    path: str
    part: bool = False

    @cached_property
    def words(self) -> Wording:
        """How the workspace writes."""
        return wording(self.moment.settings.locale, self.moment.settings.time_zone)

    @property
    def say(self) -> Say:
        """Says a text of the interface."""
        return self.words.say

    @cached_property
    def condition(self) -> Condition:
        """What state the data is in."""
        return self.moment.condition()

    @cached_property
    def checked(self) -> Checked | None:
        """What the checks of the data found; None while they run."""
        return self.moment.checked(PATIENCE)

    @property
    def is_whole(self) -> bool:
        """Whether nothing the page tells is still being worked out."""
        return "checked" not in self.__dict__ or self.checked is not None

    @cached_property
    def board(self) -> Board:
        """The board of the first page."""
        return self.moment.board(BOARD)

    @property
    def calendar(self) -> Calendar:
        """The company's calendar."""
        return self.moment.settings.calendar

    @property
    def has_data(self) -> bool:
        """Whether tables were ever built."""
        return bool(self.moment.stamp.data)

    def unbuilt(self) -> dict[str, Any]:
        """What stands in place of a page as long as no table was ever built: what is lacking, and where to go."""
        kind, place = ("unbuilt", "/data") if self.condition.sources else ("empty", "/data/add")
        title, text, action = (self.say(f"vital_signs.{kind}_{part}") for part in ("title", "text", "action"))
        return {"title": title, "text": text, "action": Link(action, place)}

    @cached_property
    def newest(self) -> Period:
        """The newest whole month: of the board's KPIs, else of any, else the month before this one."""
        found, today = self.condition, self.asked.as_of or self.moment.stamp.day
        catalogue = self.moment.catalogue
        this_month = Calendar().period(self.moment.stamp.day, Grain.MONTH)
        return (
            newest_whole_month(catalogue, self.board.kpis, found, today)
            or newest_whole_month(catalogue, catalogue.kpis, found, today)
            or Calendar().before(this_month, Grain.MONTH)
        )

    @cached_property
    def looked(self) -> Looked:
        """What the page looks at."""
        return frame_of(self.asked, self.calendar, self.newest)

    def at(self, asked: Asked) -> Look:
        """The same moment looked at in another state; what does not rest on the state is not asked again."""
        other = replace(self, asked=asked)
        same = ("words", "condition", "checked", "board", *(("newest",) if asked.as_of == self.asked.as_of else ()))
        other.__dict__.update({name: self.__dict__[name] for name in same if name in self.__dict__})
        return other

    # --- the frame of the page ---------------------------------------------------------------------------------------
    def frame(self, title: str, active: str, *, controls: Controls | None = None, **more: Any) -> Frame:
        """What the layout shows around a page."""
        condition = self.condition
        built = condition.built_at
        return Frame(
            title=title,
            active=active,
            company=self.moment.settings.company,
            controls=controls,
            data_version=condition.data,
            fresh_text=self.say("view.built", when=self.words.moment(built)) if built is not None else "",
            **more,
        )

    def as_of(self) -> tuple[Notice, ...]:
        """The state asked as of an earlier day is said above everything else."""
        if self.asked.as_of is None:
            return ()
        text = f"{self.say('kpi.as_of')}: {self.words.day(self.asked.as_of)}"
        return (Notice("info", text, Link(self.say("layout.close"), self.href(as_of=None))),)

    def controls(self, *, grain: bool = False) -> Controls:
        """Period and comparison, where asked with the grain too."""
        looked, asked = self.looked, self.asked
        pickers = [self._periods(), *([self._grains()] if grain else []), self._comparisons()]
        shown = {p.name for p in pickers}
        after = later(looked, self.newest)
        return Controls(
            action=self.path,
            period_text=self.words.period(looked.focus),
            pickers=tuple(pickers),
            hidden=tuple((n, v) for n, v in parameters(asked) if n not in shown),
            earlier=self.href(period=span(earlier(looked, self.calendar))),
            later="" if after is None else self.href(period="" if after == self.newest else span(after)),
        )

    def href(self, **changes: Any) -> str:
        """This page in another state."""
        return href(self.path, replace(self.asked, **changes))

    def _periods(self) -> Picker:
        choices = []
        for name, period in pickable(self.calendar, self.newest, self.asked.period).items():
            told = self.words.period(period)
            key = f"periods.{name}"
            text = self.say("periods.named", name=self.say(key), period=told) if name in PRESETS else told
            choices.append(Choice("" if name == "last-month" else name, text, self._chosen(name)))
        return Picker("period", self.say("view.period"), tuple(choices))

    def _chosen(self, name: str) -> bool:
        return name == (self.asked.period or "last-month")

    def _grains(self) -> Picker:
        now = self.looked.grain.value
        fiscal = self.calendar != Calendar()
        offered = [g for g in GRAINS if fiscal or not g.startswith("fiscal") or g == now]
        choices = tuple(Choice(g, self.say(f"grains.{g}"), g == now) for g in offered)
        return Picker("grain", self.say("view.grain"), choices)

    def _comparisons(self) -> Picker:
        choices = []
        for name in COMPARISONS:
            before = frame_of(replace(self.asked, compare=name), self.calendar, self.newest).before
            text = self.say(f"comparisons.{name}", period="" if before is None else self.words.period(before))
            choices.append(Choice("" if name == "previous" else name, text, self.asked.compare == name))
        return Picker("compare", self.say("view.compare"), tuple(choices))


Made = tuple[str, Frame, Mapping[str, Any], str]
"""A template, the frame, what the template is given, and the block that is sent when htmx asks ('': the whole)."""


class Pages:
    """Answers with pages: each is made from one moment and kept as long as nothing it was made from has changed."""

    def __init__(self, held: Held, templates: Templates) -> None:
        self.held, self.templates = held, templates
        self._kept: OrderedDict[tuple[str, ...], tuple[str, str, int]] = OrderedDict()
        self._lock = Lock()

    def answer(
        self,
        request: Request,
        make: Callable[[Look], Made],
        more: Collection[str] = (),
        *,
        several: Collection[str] = (),
        of_refresh: bool = False,
    ) -> Response:
        """The page, from those kept where it stands there; `of_refresh`: it says how far a refresh is. Raises
        QueryError where the address asks what cannot be."""
        asked = parse(request.query_params.multi_items(), more, several)
        with self.held.moment() as moment:
            told = href(request.url.path, asked)
            part = is_part(request)
            running = self._running(request) if of_refresh else ""
            key = (str(moment.stamp), moment.beside, moment.loads, told, str(part), running)
            with self._lock:
                known = self._kept.get(key)
                if known is not None:
                    self._kept.move_to_end(key)
            if known is None:
                look = Look(moment, asked, request.url.path, part)
                name, frame, context, block = make(look)
                made = self.templates.page(request, name, frame, context, block=block)
                text = bytes(made.body).decode()
                known = (text, hashlib.sha256(made.body).hexdigest()[:24], made.status_code)
                if look.is_whole:
                    with self._lock:
                        self._kept[key] = known
                        while len(self._kept) > KEPT:
                            self._kept.popitem(last=False)
        text, tag, status = known
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache", "Vary": "HX-Request, HX-Request-Type"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(text, status, headers=headers)

    @staticmethod
    def _running(request: Request) -> str:
        """How far a refresh is: a page that tells of it is another page."""
        refreshing = getattr(request.app.state, "refreshing", None)
        state = getattr(refreshing, "state", None)
        return "" if state is None else f"{state.running} {state.step} {state.done} {state.of} {state.failed}"
