"""Curves of arrivals as a component shows them: steps that rise on the day somebody comes, and a table of some days."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.api.funnelled import Arrivals as Curve
from headwater.web.parts import Arrivals, Table
from headwater.web.view.look import Look

WIDTH, HEIGHT = 240.0, 100.0
TOPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Where a drawing may end above."""
DAYS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 540, 730)
"""The days that the table tells, as far as anybody was seen."""


def arrivals(look: Look, curve: Curve, title: str, summary: str) -> Arrivals:
    """The drawing of a curve."""
    longest = curve.points[-1][0]
    most = max(high if high is not None else share for _, share, _, high in curve.points)
    top = next((t for t in TOPS if t >= most), 1.0)
    days = max(longest, 1.0)
    known = [(d, low, high) for d, _, low, high in curve.points if low is not None and high is not None]
    lower, upper = [(d, low) for d, low, _ in known], [(d, high) for d, _, high in known]
    back = [f"L{x:.1f} {y:.1f}" for x, y in reversed(_corners(lower, days, top))]
    return Arrivals(
        id=f"{curve.start}-{curve.end}",
        title=title,
        summary=summary,
        line=_path(_corners([(0.0, 0.0), *((d, s) for d, s, _, _ in curve.points)], days, top)),
        band=f"{_path(_corners(upper, days, top))} {' '.join(back)} Z" if len(known) > 1 else "",
        most_text=look.words.percent(top),
        days_text=look.say("funnel.days", n=look.words.count(round(longest))),
        table=_table(look, curve, title),
    )


def _corners(points: Sequence[tuple[float, float]], days: float, top: float) -> list[tuple[float, float]]:
    """The corners of a line of steps: level up to a day, then up."""
    found: list[tuple[float, float]] = []
    for day, share in points:
        x, y = WIDTH * day / days, HEIGHT * (1 - min(share / top, 1.0))
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return found


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(corners))


def _table(look: Look, curve: Curve, title: str) -> Table:
    say, words = look.say, look.words
    longest = curve.points[-1][0]
    rows = []
    for day in dict.fromkeys([*(d for d in DAYS if d < longest), round(longest)]):
        _, share, low, high = next(p for p in reversed(((0.0, 0.0, None, None), *curve.points)) if p[0] <= day)
        interval = "" if low is None or high is None else f"{words.percent(low)}\u2013{words.percent(high)}"
        rows.append((words.count(day), words.percent(share), interval))
    heads = (say("funnel.day"), say("funnel.came_share"), say("funnel.interval"))
    return Table(heads, tuple(rows), title, frozenset({0, 1, 2}))
