"""What several pages have alike: a usual period of their own, the filter as chips, what waits for data."""

from __future__ import annotations

from dataclasses import replace

from headwater.api.filters import conditions, segment_of
from headwater.web.parts import Chip, Choice, Controls, Picker, Tile
from headwater.web.view.asked import earlier, href, later, span, unfiltered
from headwater.web.view.look import Look


def looking(look: Look, usual: str) -> Look:
    """The page with its usual period, where none is asked."""
    return look if look.asked.period else look.at(replace(look.asked, period=usual))


def controls(look: Look, *, grain: bool = False) -> Controls:
    """Period, comparison and, where asked, grain, with every period written out: what is left out means another one
    here than on other pages."""
    made = look.controls(grain=grain)
    pickers = tuple(_written_out(p) if p.name == "period" else p for p in made.pickers)
    after = later(look.looked, look.newest)
    return replace(
        made,
        pickers=pickers,
        earlier=look.href(period=span(earlier(look.looked, look.calendar))),
        later="" if after is None else look.href(period=span(after)),
    )


def period_alone(look: Look) -> Controls:
    """The same of a page that compares nothing: the period."""
    made = controls(look)
    return replace(made, pickers=made.pickers[:1])


def chips(look: Look) -> tuple[Chip, ...]:
    """What the page is filtered by, each with the page without it."""
    made = []
    for condition in conditions(look.asked.filter):
        away = href(look.path, unfiltered(look.asked, condition))
        match segment_of(condition):
            case None:
                made.append(Chip(look.say("kpi.chips"), condition, away))
            case split, value:
                told = look.say("kpi.empty_segment") if value is None else value
                made.append(Chip(split.replace("_", " "), told, away))
    return tuple(made)


def waiting(look: Look, shown: Tile, gap: str) -> Tile:
    """A tile without a number says what it waits for, where that is known."""
    return replace(shown, missing=look.say("boards.gap", why=gap)) if gap and shown.missing else shown


def _written_out(picker: Picker) -> Picker:
    choices = tuple(Choice(c.value or "last-month", c.label, c.chosen) for c in picker.choices)
    return Picker(picker.name, picker.label, choices)
