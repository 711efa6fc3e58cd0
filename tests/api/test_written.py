"""Files made on the page: a chart at the end of a board, a KPI out of two; nothing that stands there is lost."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.folder import SHIPPED
from headwater.api.written import Draft, write
from headwater.errors import DefinitionError, QueryError, UnknownError, WorkspaceError
from headwater.model.board import Plot
from tests.world import NOW

OWN = """\
# What we look at on Mondays.
title: Mondays   # short
tiles: [own_leads]  # one is enough
charts:
  - kpis: [own_leads, own_reach]  # since spring
# Ask Ann before you change it.
"""


@pytest.fixture
def workspace(small_built: Path, tmp_path: Path) -> Workspace:
    folder = shutil.copytree(small_built, tmp_path / "world")
    (folder / "boards").mkdir(exist_ok=True)
    (folder / "boards" / "mondays.yml").write_text(OWN, encoding="utf-8")
    return Workspace(folder, now=NOW, environment={})


def charts(workspace: Workspace, board: str) -> tuple[Plot, ...]:
    from headwater.api.boards import board as board_of

    folder = workspace._folder
    return board_of(folder, folder.catalogue(folder.company()), board).charts


def test_a_chart_goes_to_the_end_and_every_comment_stays(workspace: Workspace) -> None:
    path = workspace.board_add(
        "own_leads", "own_cost_per_lead", board="mondays", show="scatter", by="channel", heading='Ann\'s "price": # 1'
    )
    text = path.read_text(encoding="utf-8")
    added = '  - kpis: [own_leads, own_cost_per_lead]\n    title: "Ann\'s \\"price\\": # 1"\n'
    added += "    show: scatter\n    by: channel\n"
    assert text == OWN.replace("# since spring\n", f"# since spring\n{added}")
    assert charts(workspace, "mondays")[1] == Plot(
        ("own_leads", "own_cost_per_lead"), 'Ann\'s "price": # 1', "scatter", "channel"
    )


def test_a_shipped_board_becomes_a_copy_with_its_comments(workspace: Workspace) -> None:
    path = workspace.board_add("leads", "sqls", board="money")
    shipped = (SHIPPED / "boards" / "money.yml").read_text(encoding="utf-8")
    assert path == workspace.path / "boards" / "money.yml"
    assert path.read_text(encoding="utf-8") == f"{shipped}charts:\n  - kpis: [leads, sqls]\n    show: indexed\n"
    assert charts(workspace, "money") == (Plot(("leads", "sqls")),)


def test_a_new_board_is_named_after_its_title(workspace: Workspace) -> None:
    path = workspace.board_add("own_leads", "own_reach", title="Für Ann: #1", filter="channel = 'email'")
    assert path.name == "fuer_ann_1.yml"
    assert charts(workspace, "fuer_ann_1")[0].filter == "channel = 'email'"
    with pytest.raises(QueryError, match="already"):
        workspace.board_add("own_leads", "own_reach", title="Für Ann: 1")
    with pytest.raises(QueryError, match="already"):
        workspace.board_add("own_leads", "own_reach", title="Money")
    for title in ("", "   ", "你好", "../../etc", "CON\0"):
        if title == "../../etc":
            assert workspace.board_add("own_leads", "own_reach", title=title) == workspace.path / "boards" / "etc.yml"
        elif title.startswith("CON"):
            assert workspace.board_add("own_leads", "own_reach", title=title).parent == workspace.path / "boards"
        else:
            with pytest.raises(QueryError, match="cannot name"):
                workspace.board_add("own_leads", "own_reach", title=title)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: A\ntiles: [own_leads]\ncharts: []\n", "by hand"),
        ("{title: A, tiles: [own_leads]}\n", "by hand"),
        ("title: A\ntiles: [own_leeds]\n", "own_leads"),
        ("title: A\ntiles: [own_leads]\nstrange: 1\n", "strange"),
    ],
)
def test_what_is_not_understood_is_not_touched(workspace: Workspace, text: str, told: str) -> None:
    path = workspace.path / "boards" / "mondays.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((QueryError, DefinitionError)) as error:
        workspace.board_add("own_leads", "own_reach", board="mondays")
    assert told in str(error.value)
    assert path.read_text(encoding="utf-8") == text


def test_what_cannot_be_drawn_is_not_written(workspace: Workspace) -> None:
    before = sorted(p.name for p in (workspace.path / "boards").iterdir())
    for kpis, more in (
        (("own_leads",), {}),
        (("own_leads", "own_leeds"), {}),
        (("own_leads", "own_cost_per_lead", "own_mql_rate"), {"show": "axes"}),
        (("own_leads", "own_reach"), {"show": "scatter", "by": "chanel"}),
        (("own_leads", "own_reach"), {"filter": "chanel = 'a'"}),
    ):
        with pytest.raises(DefinitionError):
            workspace.board_add(*kpis, title="New", **more)
    with pytest.raises(QueryError, match="first page"):
        workspace.board_add("own_leads", "own_reach", board="vital_signs")
    with pytest.raises(UnknownError):
        workspace.board_add("own_leads", "own_reach", board="monday")
    assert sorted(p.name for p in (workspace.path / "boards").iterdir()) == before


def test_a_file_that_changed_meanwhile_is_not_overwritten(workspace: Workspace) -> None:
    path = workspace.path / "boards" / "mondays.yml"
    draft = Draft("boards/mondays.yml", "mondays", "title: B\n", OWN)
    path.write_text(f"{OWN}# more\n", encoding="utf-8")
    with pytest.raises(QueryError, match="changed since"):
        write(workspace._folder, draft)
    with pytest.raises(QueryError, match="changed since"):
        write(workspace._folder, Draft("boards/mondays.yml", "mondays", "title: B\n"))
    assert path.read_text(encoding="utf-8") == f"{OWN}# more\n"
    assert not [p for p in path.parent.iterdir() if p.suffix != ".yml"], "no leftover"


def test_a_link_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.yml"
    elsewhere.write_text(OWN, encoding="utf-8")
    (workspace.path / "boards" / "linked.yml").symlink_to(elsewhere)
    (workspace.path / "boards" / "nowhere.yml").symlink_to(tmp_path / "nowhere")
    (workspace.path / "boards" / ".#mondays.yml").symlink_to("ann@desk.1234")  # as an editor marks what it has open
    for board, title, why in (("linked", "", "link to another"), ("", "Nowhere", "already")):
        with pytest.raises(QueryError, match=why):
            workspace.board_add("own_leads", "own_reach", board=board, title=title)
    assert workspace.board_add("own_leads", "own_reach", board="mondays").is_file()
    assert elsewhere.read_text(encoding="utf-8") == OWN
    assert not (tmp_path / "nowhere").exists()


def test_a_file_system_without_links_takes_new_files(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = workspace.board_add("own_leads", "own_reach", title="New one")
    before = path.read_bytes()
    with pytest.raises(QueryError, match="changed since"):
        write(workspace._folder, Draft("boards/new_one.yml", "new_one", "title: B\n"))
    assert path.read_bytes() == before
    assert not [p for p in path.parent.iterdir() if p.suffix != ".yml"], "no leftover"


@pytest.mark.parametrize(
    "kpis", [("own_leads, own_reach",), ("own_leads", "own_reach]\n    show: axes\n    by: [a"), ("own_leads", "a: b")]
)
def test_a_name_is_one_name_whatever_is_in_it(workspace: Workspace, kpis: tuple[str, ...]) -> None:
    before = sorted(p.name for p in (workspace.path / "boards").iterdir())
    with pytest.raises(DefinitionError):
        workspace.board_add(*kpis, title="New")
    assert sorted(p.name for p in (workspace.path / "boards").iterdir()) == before


def test_a_place_that_cannot_be_written_says_so(workspace: Workspace) -> None:
    (workspace.path / "kpis" / "there").write_text("", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write(workspace._folder, Draft("kpis/there/x.yml", "x", "title: X\n"))


# --- a KPI out of two ------------------------------------------------------------------------------------------------
def test_a_draft_is_a_kpi_with_the_unit_of_the_quotient(workspace: Workspace) -> None:
    """January: 25.125 a lead, for 4 leads."""
    draft = workspace.kpi_draft("own_cost_per_lead", "own_leads", "Price of ours", better="down", pitfall="No use.")
    assert draft.path == "kpis/price_of_ours.yml"
    assert "formula: own_cost_per_lead / own_leads\nunit: money/lead*lead\nshow: money\n" in draft.text
    assert not (workspace.path / draft.path).exists(), "nothing is written yet"
    assert [f.key for f in draft.notes] == []
    write(workspace._folder, draft)
    (o,) = workspace.measure(draft.id, period="2025-01")
    assert o.value == pytest.approx(25.125 / 4)
    assert workspace.kpi_show(draft.id).kpi.better == "down"


def test_the_linter_tells_what_is_missing_in_a_draft(workspace: Workspace) -> None:
    assert [f.key for f in workspace.kpi_draft("own_leads", "own_reach", "Share").notes] == ["pitfalls"]


def test_a_name_that_is_a_measure_too_is_spelled_so_that_the_kpi_is_meant(workspace: Workspace) -> None:
    """The KPI `mrr` and the measure `mrr` are two things that may differ: a formula takes the measure."""
    text = workspace.kpi_draft("mrr", "own_reach", "MRR for reach").text
    assert "formula: mrr / own_reach\n" in text, "the KPI is the measure alone"
    text = workspace.kpi_draft("profit", "own_reach", "Profit for reach").text
    assert "formula: profit / own_reach\n" in text, "no measure is called so"


def test_a_name_that_is_taken_and_a_kpi_that_waits_are_refused(workspace: Workspace) -> None:
    for title in ("Leads", "Own leads", "Own entered"):
        with pytest.raises(QueryError, match="already"):
            workspace.kpi_draft("own_leads", "own_reach", title)
    with pytest.raises(QueryError, match="cannot be reckoned"):
        workspace.kpi_draft("ltv_cac", "own_reach", "New")
    with pytest.raises(UnknownError):
        workspace.kpi_draft("own_leeds", "own_reach", "New")
