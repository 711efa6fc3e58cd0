"""Board files: the shipped one is whole, a workspace's own takes its place, every fault is named with its line."""

from pathlib import Path

import pytest

from headwater.errors import DefinitionError
from headwater.metrics.boards import load_boards
from headwater.metrics.catalogue import load_catalogue
from headwater.model.board import Step
from tests.metrics.test_shipped import SHIPPED

CATALOGUE = load_catalogue(SHIPPED)


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
