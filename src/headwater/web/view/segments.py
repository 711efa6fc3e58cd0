"""Segments of a split as components show them: ranked, with bars that filter the page, with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from headwater.model.observation import Observation
from headwater.web.parts import Bar, Cell
from headwater.web.view.asked import filtered, href, unfiltered
from headwater.web.view.look import Look


def segment_name(look: Look, value: str | None) -> str:
    """What a segment is called; one without a value by a word for that."""
    return look.say("kpi.empty_segment") if value is None else value


def value_cell(look: Look, o: Observation, shown: str) -> str | Cell:
    """A number in a table, or why it is missing."""
    return look.words.value(o, shown) or Cell(look.words.why(o), missing=True)


def is_quotient(answer: Sequence[Observation]) -> bool:
    """Whether the numbers are of one thing for another."""
    return any(o.denominator is not None for o in answer)


def ranked(answer: Sequence[Observation]) -> list[Observation]:
    """The largest first; of rates those that rest on most, so that a share of two does not lead."""
    by_n = is_quotient(answer)

    def rank(o: Observation) -> tuple[bool, float, str]:
        size = (o.denominator if by_n else o.value) if o.value is not None else None
        return o.value is None, -(size if size is not None else -inf), o.segment[0][1] or ""

    return sorted(answer, key=rank)


def bar(look: Look, o: Observation, split: str, shown: str, most: float, chosen: dict[str | None, str]) -> Bar:
    """One segment: a click filters the page by it, or lifts the filter where it is `chosen` (value to condition).
    `most` is the number that fills the line."""
    value, words = o.segment[0][1], look.words
    active = value in chosen
    asked = unfiltered(look.asked, chosen[value]) if active else filtered(look.asked, split, value)
    return Bar(
        label=segment_name(look, value),
        href="" if asked is None else href(look.path, asked),
        value_text=words.value(o, shown, compact=True) or "",
        bar=abs(o.value) / most if o.value is not None and most else 0.0,
        interval_text=words.interval(o, shown),
        n_text=look.say("kpi.n_text", n=n) if (n := n_text(look, o)) else "",
        quality_text=words.why(o),
        active=active,
    )


def n_text(look: Look, o: Observation) -> str:
    """How many a number rests on; of a count the number says it."""
    return "" if o.subjects is None or o.subjects == o.value else look.words.count(o.subjects)
