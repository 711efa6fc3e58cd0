"""Pages whose usual period is another than the newest whole month."""

from __future__ import annotations

from dataclasses import replace

from headwater.web.parts import Choice, Controls, Picker
from headwater.web.view.asked import earlier, later, span
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


def _written_out(picker: Picker) -> Picker:
    choices = tuple(Choice(c.value or "last-month", c.label, c.chosen) for c in picker.choices)
    return Picker(picker.name, picker.label, choices)
