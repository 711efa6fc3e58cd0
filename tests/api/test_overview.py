"""The vital signs of a company whose last quarter went wrong: 30 months of about ten leads, half of them MQLs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.api.attention import MOST, Seen, attention, producers
from headwater.api.condition import Condition, Feed, SourceState
from headwater.api.held import Held, Moment
from headwater.api.overview import Frame, Overview, newest_whole_month, overview, shared_window, signs
from headwater.api.spreads import settled
from headwater.model.period import Calendar, Grain, Period, add_months
from tests.surface import FILES
from tests.world import world

COUNTS = [10, 11, 9, 12, 10, 8] * 5
COUNTS[-1] = 1
FIRST = date(2023, 7, 1)
BOARD = """\
title: Vital signs
strip:
  - {title: Leads, volume: own_leads}
  - {title: MQL, volume: own_leads, rate: own_mql_rate}
tiles: [mrr, own_leads, own_reach, own_mql_rate]
most: 2
"""


def rows() -> Iterator[dict[str, object]]:
    """Every second lead becomes an MQL the day after, in the last three months none."""
    for m, count in enumerate(COUNTS):
        month = add_months(FIRST, m)
        for i in range(count):
            became = month.replace(day=i + 2).isoformat() if i % 2 and m < len(COUNTS) - 3 else None
            created = month.replace(day=i + 1).isoformat()
            email = f"p{m}.{i}@x.org"
            yield {"lead_id": f"{m}-{i}", "created_at": created, "mql_at": became, "channel": None, "email": email}


@pytest.fixture(scope="module")
def moment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moment]:
    files = FILES | {"boards/vital_signs.yml": BOARD}
    reach = FILES["kpis/own_reach.yml"].replace("vanity: low", "vanity: high")
    files["kpis/own_reach.yml"] = reach
    path: Path = tmp_path_factory.mktemp("overview")
    workspace = world(path, {"leads": list(rows())}, files=files, through=date(2025, 12, 31))
    with Held(workspace.path, now=datetime(2026, 1, 15, 12, tzinfo=UTC), environment={}) as held, held.moment() as m:
        yield m


@pytest.fixture(scope="module")
def seen(moment: Moment) -> Overview:
    december = Period(date(2025, 12, 1), date(2026, 1, 1))
    frame = Frame(
        december, Period(date(2024, 12, 1), date(2026, 1, 1)), Grain.MONTH, Calendar().before(december, Grain.ALL)
    )
    board = moment.board("vital_signs")
    return overview(moment, moment.catalogue, Calendar(), board, frame, moment.condition(), moment.check)


def test_the_newest_whole_month(moment: Moment) -> None:
    board, found = moment.board("vital_signs"), moment.condition()
    today = date(2026, 1, 15)
    assert newest_whole_month(moment.catalogue, board.kpis, found, today) == Period(date(2025, 12, 1), date(2026, 1, 1))
    as_of = date(2025, 6, 10)
    assert newest_whole_month(moment.catalogue, board.kpis, found, as_of) == Period(date(2025, 5, 1), date(2025, 6, 1))
    assert newest_whole_month(moment.catalogue, ["mrr"], found, today) is None


def test_tiles_in_the_order_of_the_board_vanity_folded(seen: Overview) -> None:
    assert [s.name for s in seen.tiles] == ["own_leads", "own_mql_rate"]
    assert [s.name for s in seen.folded] == ["own_reach"]
    assert seen.left == 0


def test_a_number_its_comparison_and_its_line(seen: Overview) -> None:
    leads = seen.tiles[0]
    assert leads.now.value == 1
    assert leads.against is not None and leads.against.change == 1 - COUNTS[-2]
    assert [o.value for o in leads.line] == COUNTS[-13:]
    assert leads.has_data and not leads.older


def test_an_unusual_change_needs_somebody(seen: Overview) -> None:
    """After 10 leads, 1: ratios of the months before lie between 0.67 and 1.33."""
    change = next(n for n in seen.needs if n.kind == "unusual_change" and n.about == "own_leads").facts["change"]
    assert (change.state, change.better) == ("below", False)  # type: ignore[attr-defined]
    assert change.before == COUNTS[-2]  # type: ignore[attr-defined]
    assert change.low > 1  # type: ignore[attr-defined]


def test_the_bottleneck_and_its_best_year(seen: Overview) -> None:
    (fallen,) = [s for s in seen.strip if s.fall is not None]
    assert fallen.step.rate == "own_mql_rate"
    assert fallen.fall is not None
    assert fallen.fall.now == 0
    assert fallen.fall.n == sum(COUNTS[-3:])
    entered = [sum(COUNTS[i : i + 12]) for i in range(len(COUNTS) - 14)]
    became = [sum(c // 2 for c in COUNTS[i : i + 12]) for i in range(len(COUNTS) - 14)]
    assert fallen.fall.best == pytest.approx(max(b / e for b, e in zip(became, entered, strict=True)))


def test_what_needs_somebody_is_sorted_and_at_most_seven() -> None:
    def source(name: str, days: int) -> SourceState:
        through = date.fromordinal(date(2026, 1, 15).toordinal() - days)
        return SourceState(name, "x.csv", 1, "", None, (Feed("leads", "Leads", through, days, days > 8),))

    late = tuple(source(f"s{days}", days) for days in (3, 8, 9, 20, 30, 40, 50, 60, 70))
    gone = SourceState("gone", "y.csv", None, "no file is at 'y.csv'.", None, ())
    found = attention(Seen(Condition("g", None, date(2026, 1, 15), (*late, gone), (), (), ())))
    assert len(found) == MOST
    assert [n.about for n in found] == ["gone", "s70", "s60", "s50", "s40", "s30", "s20"]
    assert "s3" not in {n.about for n in found}


@pytest.mark.parametrize("producer", producers(), ids=lambda p: p.__module__.rpartition(".")[2])
def test_a_producer_finds_nothing_where_there_is_nothing(producer: object) -> None:
    empty = Seen(Condition("", None, date(2026, 1, 15), (), (), (), ()))
    assert list(producer(empty)) == []  # type: ignore[operator]


def test_a_cohort_with_young_entries_is_not_settled(moment: Moment) -> None:
    (ripe,) = moment.measure("own_mql_rate", period="2025-06")
    assert (ripe.basis, ripe.left_out or 0) == ("cohort", 0)
    assert settled(ripe)
    assert not settled(replace(ripe, left_out=1))  # it will change when that one is old enough
    assert settled(replace(ripe, basis="period", left_out=1))  # a negative duration stays left out


WHOLE = Period(date(2024, 12, 1), date(2026, 1, 1))
LOOKED = {
    "a month": Frame(
        Period(date(2025, 12, 1), date(2026, 1, 1)), WHOLE, Grain.MONTH, Period(date(2025, 11, 1), date(2025, 12, 1))
    ),
    "a year before": Frame(
        Period(date(2025, 12, 1), date(2026, 1, 1)), WHOLE, Grain.MONTH, Period(date(2024, 12, 1), date(2025, 1, 1))
    ),
    "a quarter": Frame(
        Period(date(2025, 7, 1), date(2025, 10, 1)), WHOLE, Grain.MONTH, Period(date(2025, 4, 1), date(2025, 7, 1))
    ),
    "part of a month": Frame(
        Period(date(2025, 9, 10), date(2025, 9, 20)), WHOLE, Grain.MONTH, Period(date(2025, 8, 31), date(2025, 9, 10))
    ),
    "alone": Frame(Period(date(2025, 9, 1), date(2025, 10, 1)), WHOLE, Grain.MONTH),
}


@pytest.mark.parametrize("looked", LOOKED.values(), ids=list(LOOKED))
@pytest.mark.parametrize("calendar", [Calendar(), Calendar(fiscal_start=4)], ids=["calendar", "fiscal"])
def test_an_answer_for_all_months_of_a_year_gives_what_one_for_its_own_gives(
    moment: Moment, looked: Frame, calendar: Calendar
) -> None:
    names = ["own_leads", "own_mql_rate", "own_reach", "lead_to_mql_rate", "leads"]
    alone = signs(moment, moment.catalogue, calendar, names, looked)
    for newest in (Period(date(2025, 12, 1), date(2026, 1, 1)), Period(date(2025, 10, 1), date(2025, 11, 1))):
        assert signs(moment, moment.catalogue, calendar, names, replace(looked, newest=newest)) == alone


def test_one_answer_serves_all_months_of_a_year() -> None:
    def asked(year: int, month: int, newest: Period | None, **more: Any) -> Period:
        focus = Period(date(year, month, 1), date(year, month + 1, 1))
        window = Period(date(year - 1, month, 1), focus.end)
        return shared_window(Frame(focus, window, Grain.MONTH, newest=newest, **more), Calendar())

    newest = Period(date(2025, 10, 1), date(2025, 11, 1))
    assert {asked(2025, m, newest) for m in range(1, 11)} == {Period(date(2022, 1, 1), date(2025, 11, 1))}
    assert {asked(2024, m, newest) for m in range(1, 12)} == {Period(date(2021, 1, 1), date(2025, 1, 1))}
    own = Period(date(2021, 3, 1), date(2024, 4, 1))
    assert asked(2024, 3, None) == asked(2024, 3, newest, as_of=date(2025, 5, 5)) == own
    assert asked(2025, 11, newest).end == date(2025, 12, 1), "the month that runs is no whole one"


@pytest.mark.parametrize("looked", LOOKED.values(), ids=list(LOOKED))
def test_a_list_without_lines_has_the_numbers_that_the_lines_have(moment: Moment, looked: Frame) -> None:
    """Also of a cohort that is too young, whose newest ripe number lies before what is compared."""
    names = ["own_leads", "own_mql_rate", "own_reach", "lead_to_mql_rate", "leads"]
    lines, plain = (
        signs(moment, moment.catalogue, Calendar(), names, looked, judged=judged) for judged in (True, False)
    )
    assert [s.name for s in plain] == names
    assert [(s.now, s.older, s.against) for s in plain] == [(s.now, s.older, s.against) for s in lines]
    assert all(s.change is None for s in plain if not s.older)
