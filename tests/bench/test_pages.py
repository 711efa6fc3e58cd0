"""The bench of pages cannot rot: it opens each kind of page of a small company, and says which is too slow."""

from __future__ import annotations

import pytest

from bench.pages import PAGES, Line, asked_as_of, measured, table, visiting
from headwater import Workspace
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
    assert {line.what for line in lines if line.parts} == {"list of KPIs", "funnel", "qualify"}


def test_every_page_of_the_navigation_is_measured() -> None:
    shown = {folders.route(n).NAVIGATION[1] for n in folders.names() if hasattr(folders.route(n), "NAVIGATION")}
    assert shown <= {target for _, target in PAGES}


def test_a_page_that_cannot_be_made_stops_the_bench(company: Workspace) -> None:
    with visiting(company.path) as visitor, pytest.raises(SystemExit, match=r"as_of=2026-01-31: status 404"):
        list(measured(visitor, 1, [("none", "/no-such-page")]))


def test_a_slow_page_is_named() -> None:
    lines = [
        Line("fast", [10.0, 20.0, 500.0], [1.0], {}, [30.0], 7.0),
        Line("slow", [10.0, 200.0, 300.0], [1.0], {}, [1500.0, 90.0, 110.0]),
        Line("in parts", [60.0], [1.0], {"a": [70.0], "b": [80.0]}, [40.0]),
        Line("a part is slow", [60.0], [1.0], {"a": [10.0], "b": [101.0]}, [40.0]),
    ]
    assert table(lines, floor=0.1).splitlines()[2:] == [
        "| fast | 20 | 0.20 | 30 | 7 | | | 1.0 |  |",
        "| slow | 200 | 2.00 | 110 | | | | 1.0 | missed |",
        "| in parts | 60 | 0.60 | 40 | | 80 | 210 | 1.0 |  |",
        "| a part is slow | 60 | 0.60 | 40 | | 101 | 171 | 1.0 | missed |",
    ]
    assert asked_as_of("/kpi?q=lead", 3) == "/kpi?q=lead&as_of=2026-01-03"
