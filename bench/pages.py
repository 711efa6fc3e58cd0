"""`python -m bench.pages`: what each kind of page costs the server, made anew and from its cache, on the demo company.

One process, one reader, no network: the application is called as the server calls it. CPU milliseconds are those of
all threads of the process, so that they mean much the same on a busy machine; what was waited by the clock stands
beside them. A page is made anew when it is asked as of a day that nobody asked about, so that no answer or plan of
another day serves it; how statements of its kind are spelled and parsed is known, and a statement that is the same for
another day is not run again. What it takes where none of its statements was run stands beside it: so do pages of
periods, segments and filters that nobody asked for. The first of a data version is a page of which nothing is chosen,
and which no reader asked for: what the server asks by itself of a new data version it has asked. What a page works out
when it comes into sight is asked part by part, as the browser does: the dearest part has the same goal as a page, and
what all parts cost together is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import html
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.__main__ import machine
from bench.readers import made

PAGES = (
    ("vital signs", "/"),
    ("list of KPIs", "/kpi"),
    ("find box", "/kpi?q=lead"),
    ("funnel", "/funnel"),
    ("boards", "/boards"),
    ("a board", "/boards/acquisition"),
    ("explore", "/explore"),
    ("qualify", "/qualify"),
    ("data", "/data"),
    ("add data", "/data/add"),
    ("KPI: count", "/kpi/leads"),
    ("KPI: cohort rate", "/kpi/lead_to_mql_rate"),
    ("KPI: money", "/kpi/total_sales_revenue"),
    ("KPI: quotient of two tables", "/kpi/cost_per_lead"),
    ("KPI: stock", "/kpi/mrr"),
    ("KPI beside the year before", "/kpi/win_rate?compare=year"),
    ("KPI by channel", "/kpi/leads?by=channel"),
    ("trace", "/kpi/win_rate?show=trace"),
    ("records", "/kpi/win_rate?show=records"),
    ("definition", "/kpi/win_rate?show=definition"),
    ("comparison for programs", "/api/compare?kpi=leads&period=2025-11&period=2025-10"),
    ("answer for programs", "/api/measure?kpi=leads&grain=month&period=2025"),
)
"""The kinds of page, and one of each."""

ANEW, AGAIN = 100.0, 20.0
"""Milliseconds at most at the median: a page made anew, and the same page again."""

MONTHS = 9
"""So many months of the last year of the made-up company are over and not the newest."""

LATER = re.compile(r"<[a-z]+ [^>]*data-later[^>]*>")
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')

PORT, TOKEN = 8642, "a-token-of-a-bench-that-is-long-enough"


class Took(NamedTuple):
    """CPU milliseconds, and milliseconds until it was there."""

    cpu: float
    waited: float


def middle(took: Sequence[Took]) -> Took:
    """The median of each."""
    return Took(median(t.cpu for t in took), median(t.waited for t in took))


@dataclass(frozen=True)
class Line:
    """What one kind of page took: each made anew and again; each of its `parts` made anew, by name; and the page where
    none of its statements was run before (`untold`). `first`: the page of which nothing is chosen when the first reader
    of a data version asks for it; `moved`: that of another month, as a reader goes back month by month."""

    what: str
    anew: Sequence[Took]
    again: Sequence[Took]
    parts: Mapping[str, Sequence[Took]] = field(default_factory=dict)
    untold: Sequence[Took] = ()
    first: Took | None = None
    moved: Sequence[Took] = ()

    @property
    def dearest(self) -> Took | None:
        """What the dearest part took at the median; None where there are none."""
        return max((middle(took) for took in self.parts.values()), default=None)

    @property
    def together(self) -> float:
        """What the page took with all its parts."""
        return middle(self.anew).cpu + sum(middle(took).cpu for took in self.parts.values())

    @property
    def met(self) -> bool:
        """Whether all medians of the time waited are as they should be."""
        dearest = 0.0 if self.dearest is None else self.dearest.waited
        return max(middle(self.anew).waited, dearest) <= ANEW and middle(self.again).waited <= AGAIN


class Visitor:
    """One reader who was let in; what each page costs is the CPU time of this process while it is made. `forget`: from
    then on no statement was run before."""

    def __init__(self, app: Any, runner: asyncio.Runner, forget: Callable[[], None]) -> None:
        from headwater.http.guards.entry import cookie_name, cookie_value

        self._app, self._runner, self.text, self.forget = app, runner, "", forget
        self._headers = [
            (b"host", f"127.0.0.1:{PORT}".encode()),
            (b"cookie", f"{cookie_name(PORT)}={cookie_value(TOKEN)}".encode()),
        ]

    def ask(self, target: str, *, part: bool = False) -> Took:
        """What the answer took; `part`: asked as htmx asks for a part. SystemExit where it is none. `text` is what
        came."""
        status, body = 0, b""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")

        path, _, query = target.partition("?")
        headers = [*self._headers, *([(b"hx-request", b"true")] if part else [])]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": "GET",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", PORT),
        }  # fmt: skip
        begun, began = time.perf_counter(), time.process_time()
        self._runner.run(self._app(scope, receive, send))
        took = Took((time.process_time() - began) * 1000, (time.perf_counter() - begun) * 1000)
        if status != 200:
            raise SystemExit(f"{target}: status {status}, {body[:300].decode(errors='replace')}")
        self.text = body.decode()
        return took

    def later(self) -> Iterator[tuple[str, str]]:
        """What the page that came last asks for when it comes into sight: names and addresses."""
        for found in LATER.findall(self.text):
            attributes = dict(ATTRIBUTE.findall(found))
            yield attributes["id"], html.unescape(attributes["hx-get"])


@contextmanager
def visiting(workspace: Path) -> Iterator[Visitor]:
    """A reader of a server over a workspace, which has done already what it does for a new data version."""
    from headwater.api.held import Held
    from headwater.http.server import MADE_FOR_A_PAGE, application, keep_what_stands
    from headwater.web.app import mount

    with Held(workspace) as held, asyncio.Runner() as runner:
        held.prepare().result()
        held.hold().result()
        app = application(held, port=PORT, token=TOKEN, pages=(mount,))
        keep_what_stands()
        gc.set_threshold(MADE_FOR_A_PAGE, 20, 20)
        for asked in held.ahead(app.state.usual):
            asked.result()

        def forget() -> None:
            for opened in held._readers._open.values():
                opened.reader._told.clear()

        try:
            yield Visitor(app, runner, forget)
        finally:
            gc.unfreeze()


def asked_as_of(target: str, day: int) -> str:
    """A page as of the so-and-so-manieth day of a month."""
    return f"{target}{'&' if '?' in target else '?'}as_of=2026-01-{day:02}"


def asked_of(target: str, month: int) -> str:
    """A page of a month of the year that the made-up company ends in."""
    return f"{target}{'&' if '?' in target else '?'}period=2026-{month:02}"


def measured(visitor: Visitor, rounds: int, pages: Sequence[tuple[str, str]] = PAGES) -> Iterator[Line]:
    """Each kind of page as the first of the data version, and for so many days anew and again, after one of another day
    that is not counted; for other months; then for so many more days where no statement was run before."""
    for what, target in pages:
        visitor.ask(asked_as_of(target, 31))
        for _, place in list(visitor.later()):
            visitor.ask(place, part=True)
        gc.collect()
        first = visitor.ask(target)
        anew, again, untold = [], [], []
        parts: dict[str, list[Took]] = {}
        for day in range(1, rounds + 1):
            one = asked_as_of(target, day)
            anew.append(visitor.ask(one))
            again.append(visitor.ask(one))
            for name, place in list(visitor.later()):
                parts.setdefault(name, []).append(visitor.ask(place, part=True))
        months = () if "period=" in target else range(1, min(rounds, MONTHS) + 1)
        moved = [visitor.ask(asked_of(target, month)) for month in months]
        for day in range(rounds + 1, 2 * rounds + 1):
            visitor.forget()
            untold.append(visitor.ask(asked_as_of(target, day)))
        yield Line(what, anew, again, parts, untold, first, moved)


def table(lines: Sequence[Line], floor: float | None = None) -> str:
    """The lines as a Markdown table; with the `floor` F of the bench in CPU seconds, beside it."""
    beside = floor is not None
    heads = " no statement run before | first of a data version | another month | dearest part | all of it | again | |"
    rows = ["| page: CPU ms (waited, ms) | made anew |" + (" x F |" if beside else "") + heads]
    rows.append("|---|--:|" + ("--:|" if beside else "") + "--:|--:|--:|--:|--:|--:|---|")
    for line in lines:
        cells = [_told(middle(line.anew))]
        cells += [f"{middle(line.anew).cpu / 1000 / floor:.2f}"] if floor else []
        cells += [_told(middle(line.untold)) if line.untold else "", "" if line.first is None else _told(line.first)]
        cells += [_told(middle(line.moved)) if line.moved else ""]
        cells += ["", ""] if line.dearest is None else [_told(line.dearest), f"{line.together:,.0f}"]
        cells += [_told(middle(line.again), 1), "" if line.met else "missed"]
        rows.append(f"| {line.what} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _told(took: Took, places: int = 0) -> str:
    return f"{took.cpu:,.{places}f} ({took.waited:,.{places}f})"


def main() -> None:
    """Runs the bench and prints its table."""
    parser = argparse.ArgumentParser(prog="bench.pages", description="What each kind of page costs the server.")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE", "1.0")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "7")))
    parser.add_argument("--rounds", type=int, default=7, help="for how many days each page is made (at most 15)")
    parser.add_argument("--workspace", type=Path, help="a workspace to use instead")
    parser.add_argument("--floor", type=float, help="the floor F of the bench, in CPU seconds")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        workspace = given.workspace or made(place, given.scale, given.seed)
        before = machine()
        with visiting(workspace) as visitor:
            lines = list(measured(visitor, given.rounds))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    shown = f"Demo at scale {given.scale:g}, seed {given.seed}" if given.workspace is None else "A workspace given"
    print(f"{shown}; goals: {ANEW:g} and {AGAIN:g} ms. At the start: {before}\nAt the end: {machine()}\n")
    print(table(lines, given.floor))


if __name__ == "__main__":
    main()
