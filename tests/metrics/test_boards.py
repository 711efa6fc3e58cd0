"""Board files: the shipped one is whole, a workspace's own takes its place, every fault is named with its line."""

from pathlib import Path

import pytest

from headwater.errors import DefinitionError
from headwater.metrics.boards import Boards, load_boards, read_boards
from headwater.model.board import Plot, Step, Tile
from tests.metrics.test_shipped import SHIPPED
from tests.shipped import shipped

CATALOGUE = shipped()


def own(folder: Path, text: str) -> Path:
    (folder / "boards").mkdir()
    (folder / "boards" / "vital_signs.yml").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_board_names_kpis_that_exist(tmp_path: Path) -> None:
    board = load_boards(SHIPPED, tmp_path, CATALOGUE)["vital_signs"]
    assert {k.partition(".")[0] for k in board.kpis} <= set(CATALOGUE.kpis)
    assert board.path == "catalogue/boards/vital_signs.yml"
    assert len(set(board.tiles)) == len(board.tiles)


def test_an_own_board_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    strip = "strip:\n  - {title: Leads, volume: leads, rate: lead_to_mql_rate}\n"
    text = f"title: Ours\n{strip}tiles: [leads, win_rate.value]\n"
    board = load_boards(SHIPPED, own(tmp_path, text), CATALOGUE)["vital_signs"]
    assert board.steps == (Step("Leads", "leads", "lead_to_mql_rate"),)
    assert board.kpis == ("leads", "lead_to_mql_rate", "win_rate.value")
    assert (board.most, board.path) == (12, "boards/vital_signs.yml")


def test_every_fault_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = "title: Ours\nstrip:\n  - {title: L, volume: leeds}\ntiles:\n  - leads\n  - win_rate.valeu\n  - leads\n"
    with pytest.raises(DefinitionError) as error:
        load_boards(SHIPPED, own(tmp_path, text), CATALOGUE)
    faults = sorted(error.value.faults, key=lambda f: f.line)
    assert [(f.line, f.key) for f in faults] == [(3, "strip[1].volume"), (6, "tiles[2]"), (7, "tiles[3]")]
    assert "'leads'" in faults[0].do
    assert "win_rate.value" in faults[1].do
    assert "twice" in faults[2].what


def test_a_broken_own_board_is_not_covered_by_the_shipped_one(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="most"):
        load_boards(SHIPPED, own(tmp_path, "title: Ours\nmost: 40\ntiles: [leads]\n"), CATALOGUE)


def board(folder: Path, text: str, name: str = "own") -> Boards:
    (folder / "boards").mkdir(exist_ok=True)
    (folder / "boards" / f"{name}.yml").write_text(text, encoding="utf-8")
    return read_boards(SHIPPED, folder, CATALOGUE)


def test_a_board_says_all_it_shows(tmp_path: Path) -> None:
    text = """\
title: Own
text: About it.
period: last-3-months
filter: region = 'EU'
sections:
  - {title: First, text: Why., tiles: [leads, {kpi: leads, title: From mail, filter: "channel = 'email'"}]}
  - {title: Second, tiles: [win_rate.value]}
charts:
  - {kpis: [leads, win_rate], grain: quarter}
  - {kpis: [leads, cost_per_lead], show: scatter, by: channel, title: Price and number}
leaders: [total_sales_revenue, win_rate]
by: [owner, team]
"""
    read = board(tmp_path, text)
    assert not read.faults
    made = read.boards["own"]
    assert [(s.title, [t.kpi for t in s.tiles]) for s in made.sections] == [
        ("First", ["leads", "leads"]),
        ("Second", ["win_rate.value"]),
    ]
    assert made.every_tile[1] == Tile("leads", "From mail", "channel = 'email'")
    assert made.charts[0] == Plot(("leads", "win_rate"), grain="quarter")
    assert made.charts[1] == Plot(("leads", "cost_per_lead"), "Price and number", "scatter", "channel")
    assert made.kpis == ("leads", "win_rate.value", "win_rate", "cost_per_lead", "total_sales_revenue")
    assert (made.period, made.filter, made.by, made.own) == ("last-3-months", "region = 'EU'", ("owner", "team"), True)


@pytest.mark.parametrize(
    ("says", "key", "told"),
    [
        ("tiles: [leeds]", "tiles[1]", "'leads'"),
        ("tiles: [{kpi: leads, filter: chanel = 'a'}]", "tiles[1].filter", "'channel'"),
        ("tiles: [{kpi: leads, filter: channel = = 'a'}]", "tiles[1].filter", "filter"),
        ("tiles: [leads]\nfilter: (", "filter", "filter"),
        ("tiles: [leads]\nperiod: last-12-month", "period", "'last-12-months'"),
        ("tiles: [leads]\nstrip: []", "strip", "no key"),
        ("text: Empty.", "", "tiles, sections or charts"),
        ("tiles: [leads]\nleaders: [leads]", "", "stand together"),
        ("tiles: [leads]\nleaders: [win_rate]\nby: [ownr]", "by[1]", "'owner'"),
        ("charts: [{kpis: [leads]}]", "charts[1].kpis", "2 items"),
        ("charts: [{kpis: [leads, leads]}]", "charts[1].kpis", "twice"),
        ("charts: [{kpis: [leads, mqls], grain: mnth}]", "charts[1].grain", "'month'"),
        ("charts: [{kpis: [leads, mqls], by: channel}]", "charts[1].by", "scatter"),
        ("charts: [{kpis: [leads, mqls], show: scatter}]", "charts[1]", "split"),
        ("charts: [{kpis: [leads, mqls], show: scatter, by: chanel}]", "charts[1].by", "'channel'"),
        ("charts: [{kpis: [leads, mqls, sqls], show: scatter, by: channel}]", "charts[1].kpis", "two KPIs"),
        ("charts: [{kpis: [leads, win_rate, avg_deal_size], show: axes}]", "charts[1].show", "3 units"),
        ("charts: [{kpis: [leads, mqls], show: stacked}]", "charts[1].show", "indexed"),
    ],
)
def test_what_is_wrong_with_a_board_is_said(tmp_path: Path, says: str, key: str, told: str) -> None:
    read = board(tmp_path, f"title: Own\n{says}\n")
    (faults,) = read.faults.values()
    assert [f.key for f in faults] == [key]
    assert told in f"{faults[0].what} {faults[0].do}"
    assert "own" not in read.boards


def test_a_broken_board_does_not_hide_the_others(tmp_path: Path) -> None:
    read = board(tmp_path, "title: Broken\ntiles: [leeds]\n", "acquisition")
    assert list(read.faults) == ["boards/acquisition.yml"]
    assert "acquisition" not in read.boards, "the shipped one does not stand in for it"
    assert {"vital_signs", "money", "sales_team"} <= set(read.boards)
