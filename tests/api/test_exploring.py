"""KPIs beside each other, held to numbers added up by hand and to the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.boarded import boarded, lacking
from headwater.api.exploring import BASE, Lines, chosen, lines, scatter, shared_splits
from headwater.api.held import Held, Moment
from headwater.api.overview import Frame, Sign, signs
from headwater.errors import QueryError, UnknownError
from headwater.metrics.formula import find
from headwater.model.board import Board, Plot, Section, Tile
from headwater.model.catalogue import Catalogue
from headwater.model.observation import Observation
from headwater.model.period import Calendar, Grain, Period
from tests.surface import COSTS, LEADS
from tests.world import NOW

QUARTER = Period(date(2025, 1, 1), date(2025, 4, 1))
FRAME = Frame(QUARTER, QUARTER, Grain.MONTH)
CALENDAR = Calendar()


@pytest.fixture(scope="module")
def held(small_built: Path) -> Iterator[Held]:
    with Held(small_built, now=NOW, environment={}) as held:
        yield held


def asked(at: Moment, show: str, *names: str) -> Lines:
    return lines(at.catalogue, signs(at, at.catalogue, CALENDAR, names, FRAME), show)


def test_lines_begin_at_a_hundred_in_the_first_shared_step(held: Held) -> None:
    """4, 3, 1 leads; 100.50 / 4, 999 / 3 and nothing for the one in March."""
    with held.moment() as at:
        found = asked(at, "indexed", "own_leads", "own_cost_per_lead")
    leads, cost = found.lines
    assert found.begins == Period(date(2025, 1, 1), date(2025, 2, 1))
    assert leads.index == (100.0, 75.0, 25.0)
    assert cost.index == pytest.approx((100.0, 100 * 333 / 25.125, 0.0))


def test_axes_are_by_unit_and_at_most_two(held: Held) -> None:
    with held.moment() as at:
        two = asked(at, "axes", "own_leads", "own_cost_per_lead", "own_reach")
        three = asked(at, "axes", "own_leads", "own_cost_per_lead", "own_mql_rate")
    assert [line.axis for line in two.lines] == [0, 1, 0]
    assert two.refused is None
    assert three.refused is not None
    assert (three.refused.reason, three.refused.names) == ("units", ("lead", "money/lead", "1"))


def test_a_scatter_is_what_each_segment_has(held: Held) -> None:
    """Added up from the rows: leads and what was spent on them, by channel, in the first quarter."""
    with held.moment() as at:
        found = scatter(at, at.catalogue, ("own_leads", "own_cost_per_lead"), "channel", FRAME)
    channels = [lead["channel"] for lead in LEADS]
    told = {d.value: (d.x.value, d.y.value) for d in found.dots}
    for channel in dict.fromkeys(channels):
        n = channels.count(channel)
        spent = sum(float(str(c["amount"])) for c in COSTS if c["channel"] == channel)
        assert told[channel] == (n, pytest.approx(spent / n))
    assert set(told) == set(channels)
    assert next(d.value for d in found.dots) == "email", "the one that rests on most is the first"
    assert {d.value: d.n for d in found.dots}["ads"] == 2


def test_a_scatter_has_two_kpis_of_a_shared_split(held: Held) -> None:
    with held.moment() as at:
        assert "channel" in shared_splits(at.catalogue, ("own_leads", "own_cost_per_lead"))
        with pytest.raises(QueryError, match="two KPIs"):
            scatter(at, at.catalogue, ("own_leads",), "channel", FRAME)
        with pytest.raises(QueryError, match="chanel"):
            scatter(at, at.catalogue, ("own_leads", "own_reach"), "chanel", FRAME)


def test_kpis_are_chosen_by_any_of_their_names(held: Held) -> None:
    with held.moment() as at:
        names = chosen(at.catalogue, ["own leads", "Win rate: value", "win_rate.closed", "CPL", "win_rate"])
        assert names == ("own_leads", "win_rate.value", "win_rate", "cost_per_lead")
        with pytest.raises(QueryError, match="5 KPIs"):
            chosen(at.catalogue, ["leads", "mqls", "sqls", "mrr", "nps"])
        with pytest.raises(UnknownError) as error:
            chosen(at.catalogue, ["own_leeds"])
        assert "own_leads" in error.value.do


def test_one_question_for_what_shares_a_filter(held: Held) -> None:
    """Two tiles, one of them again under another filter, and a chart of both: two questions for months, and one for
    each filter over the quarter, whatever the number of tiles."""
    tiles = (Tile("own_leads"), Tile("own_cost_per_lead"), Tile("own_leads", "Mail", "channel = 'email'"))
    board = Board("b", "B", (), (Section(tiles),), charts=(Plot(("own_leads", "own_cost_per_lead")),))
    with held.moment() as at:
        counting = Counting(at)
        found = boarded(counting, at.catalogue, CALENDAR, board, lambda _: FRAME)
    assert [p.sign.now.value for p in found.placed if p.sign] == [8, pytest.approx(1099.5 / 8), 4]
    assert found.charts[0].lines is not None
    assert len(counting.asked) == 4
    assert [len(names) for names, _ in counting.asked] == [2, 2, 1, 1]
    assert [o.filter for o in found.answer] == ["", "", "channel = 'email'"]


def test_a_tile_that_lacks_the_split_of_a_filter_is_told_and_not_asked(held: Held) -> None:
    tiles = (Tile("own_leads"), Tile("mrr"))
    board = Board("b", "B", (), (Section(tiles),), filter="landing_page_id is empty")
    with held.moment() as at:
        assert lacking(at.catalogue, ("own_leads",), board.filter) == ()
        assert lacking(at.catalogue, ("mrr",), board.filter) == ("landing_page_id",)
        assert lacking(at.catalogue, ("ltv_cac",), board.filter) == (), "why it is missing is said by its number"
        found = boarded(at, at.catalogue, CALENDAR, board, lambda _: FRAME)
    leads, mrr = found.placed
    assert leads.sign is not None and leads.sign.now.value == 8
    assert (mrr.sign, mrr.lacks) == (None, ("landing_page_id",))


class Counting:
    """Asks, and keeps what was asked."""

    def __init__(self, at: Moment) -> None:
        self._at = at
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def measure(self, *kpis: str, period, grain, by=(), filter, as_of):  # type: ignore[no-untyped-def]
        """As `Moment.measure`."""
        self.asked.append((kpis, filter))
        return self._at.measure(*kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of)


# --- invariants ------------------------------------------------------------------------------------------------------
VALUES = st.none() | st.floats(-1000, 1000).map(lambda value: round(value, 6))


@pytest.fixture(scope="module")
def catalogue(held: Held) -> Catalogue:
    with held.moment() as at:
        return at.catalogue


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8))
def test_an_index_is_a_share_of_one_step_for_all_lines(
    catalogue: Catalogue, steps: list[tuple[float | None, float | None]]
) -> None:
    made = [sign(catalogue, name, [s[i] for s in steps]) for i, name in enumerate(("own_leads", "own_reach"))]
    found = lines(catalogue, made, "indexed")
    shared = [s for s in steps if None not in s]
    able = [i for i, (a, b) in enumerate(steps) if a is not None and b is not None and a > 0 and b > 0]
    if not able:
        assert found.refused is not None
        assert found.refused.reason == ("not_positive" if shared else "no_start")
        return
    assert found.refused is None
    for line in found.lines:
        assert line.index[able[0]] == BASE
        base = line.points[able[0]].value
        assert base is not None
        for share, o in zip(line.index, line.points, strict=True):
            assert (share is None) == (o.value is None)
            if share is not None and o.value is not None:
                assert share * base == pytest.approx(BASE * o.value, abs=1e-6)


def test_what_is_next_to_nothing_is_no_start(catalogue: Catalogue) -> None:
    made = [sign(catalogue, name, [5e-324, 2.0, 4.0]) for name in ("own_leads", "own_reach")]
    assert [line.index for line in lines(catalogue, made, "indexed").lines] == [(pytest.approx(0), 100.0, 200.0)] * 2


def sign(catalogue: Catalogue, name: str, values: list[float | None]) -> Sign:
    kpi, variant = find(catalogue, name)
    points = tuple(observation(name, i, v) for i, v in enumerate(values))
    return Sign(name, kpi, variant, points[-1], False, None, points, points, None)


def observation(name: str, step: int, value: float | None) -> Observation:
    start, end = date(2025, 1 + step, 1), date(2025, 2 + step, 1)
    quality = () if value is not None else ("no_data",)
    return Observation(
        name, "base", "period", "", "", start, end, "month", (), "actual", "", value, None, None, None, None, None,
        None, "lead", "", quality, "", date(2026, 1, 1), "d", "g",
    )  # fmt: skip
