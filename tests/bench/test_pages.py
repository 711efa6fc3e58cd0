"""The bench of pages cannot rot: it opens each kind of page of a small company, and says which is too slow."""

from __future__ import annotations

import pytest

from bench.pages import PAGES, Line, Took, asked_as_of, asked_of, measured, table, visiting
from headwater import Workspace
from headwater.store.engines.duckdb import QueryConnection
from headwater.web import pages as folders
from tests.surface import LEADS
from tests.world import world


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A company with a few leads: most KPIs say why they have no number."""
    return world(tmp_path_factory.mktemp("pages"), {"leads": LEADS})


def test_each_kind_of_page_is_made_and_made_again(company: Workspace) -> None:
    with visiting(company.path) as visitor:
        lines = list(measured(visitor, 1))
    assert [line.what for line in lines] == [what for what, _ in PAGES]
    assert all(len(line.anew) == len(line.again) == 1 for line in lines)
    assert [line.what for line in lines if not line.moved] == ["comparison for programs", "answer for programs"]
    assert {line.what for line in lines if line.parts} == {"list of KPIs", "funnel", "qualify"}


def test_every_page_of_the_navigation_is_measured() -> None:
    shown = {folders.route(n).NAVIGATION[1] for n in folders.names() if hasattr(folders.route(n), "NAVIGATION")}
    assert shown <= {target for _, target in PAGES}


def test_a_page_that_cannot_be_made_stops_the_bench(company: Workspace) -> None:
    with visiting(company.path) as visitor, pytest.raises(SystemExit, match=r"as_of=2026-01-31: status 404"):
        list(measured(visitor, 1, [("none", "/no-such-page")]))


def took(*cpu: float) -> list[Took]:
    return [Took(c, 2 * c) for c in cpu]


def test_a_slow_page_is_named() -> None:
    lines = [
        Line("fast", took(10, 20, 500), took(1), untold=took(30), first=Took(7, 8), moved=took(9)),
        Line("slow", took(10, 200, 300), took(1)),
        Line("in parts", took(50), took(1), {"a": took(40), "b": took(49)}),
        Line("a part is slow", took(30), took(1), {"a": took(10), "b": took(51)}),
        Line("not kept", took(30), took(11)),
    ]
    assert table(lines, floor=0.1).splitlines()[2:] == [
        "| fast | 20 (40) | 0.20 | 30 (60) | 7 (8) | 9 (18) |  |  | 1.0 (2.0) |  |",
        "| slow | 200 (400) | 2.00 |  |  |  |  |  | 1.0 (2.0) | missed |",
        "| in parts | 50 (100) | 0.50 |  |  |  | 49 (98) | 139 | 1.0 (2.0) |  |",
        "| a part is slow | 30 (60) | 0.30 |  |  |  | 51 (102) | 91 | 1.0 (2.0) | missed |",
        "| not kept | 30 (60) | 0.30 |  |  |  |  |  | 11.0 (22.0) | missed |",
    ]
    assert asked_as_of("/kpi?q=lead", 3) == "/kpi?q=lead&as_of=2026-01-03"
    assert asked_of("/", 3) == "/?period=2026-03"


def test_what_was_told_is_forgotten(company: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, ran = QueryConnection.rows, list[str]()
    monkeypatch.setattr(QueryConnection, "rows", lambda self, text: ran.append(text) or rows(self, text))
    with visiting(company.path) as visitor:
        counts = []
        for day in (1, 2, 3):
            ran.clear()
            if day == 3:
                visitor.forget()
            visitor.ask(asked_as_of("/boards/acquisition", day))
            counts.append(len(ran))
    assert counts[1] < counts[2]
