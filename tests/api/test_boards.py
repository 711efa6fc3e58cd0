"""Boards as the API tells of them, and docs/boards.md: its file is a board, its lines run, its table has every rule."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.boards import ADVICE
from headwater.errors import DefinitionError, UnknownError
from headwater.metrics.board_lint import WHY
from tests.conftest import REPOSITORY
from tests.world import NOW

PAGE = (REPOSITORY / "docs" / "boards.md").read_text(encoding="utf-8")
(FILE,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
CODE = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))


def test_the_file_of_the_page_is_a_board_and_its_lines_run(
    small_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(small_built, tmp_path / "acme")
    (folder / "boards").mkdir(exist_ok=True)
    (folder / "boards" / "inbound.yml").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(CODE, "docs/boards.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "boards/inbound.yml" in printed
    assert "gap" in printed, "nothing is fed of deals here"
    assert 'title: "Both"\ncharts:\n  - kpis: [leads, sqls]\n    show: axes\n' in printed
    assert "kpis/sqls_for_a_lead.yml" in printed and "unit: 1\n" in printed


def test_the_table_of_the_page_has_every_rule() -> None:
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE.split("## The second look")[1], flags=re.MULTILINE) == list(
        WHY
    )


def test_advice_is_no_failure_and_a_fault_is_one(small_built: Path, tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(small_built, tmp_path / "world"), now=NOW, environment={})
    folder = workspace.path / "boards"
    folder.mkdir(exist_ok=True)
    (folder / "alone.yml").write_text("title: Alone\ntiles: [own_leads]\n", encoding="utf-8")
    checked = workspace.check()
    advice = [r for r in checked.results if r.check == ADVICE]
    assert [r.state for r in advice] == ["warning"] * 2
    assert {r.subject for r in advice} == {"boards/alone.yml"}
    failed = {r.check for r in checked.results if r.state == "failed"}
    assert "boards" not in failed
    rows = workspace.board_lint("alone").rows.rows
    assert [row[:2] for row in rows] == [("alone", "no_efficiency"), ("alone", "no_outcome")]
    (folder / "wrong.yml").write_text("title: Wrong\ntiles: [own_leads, own_leeds]\n", encoding="utf-8")
    (wrong,) = [r for r in workspace.check().results if r.check == "boards" and r.state == "failed"]
    assert wrong.subject == "boards/wrong.yml:2"
    assert "Did you mean 'own_leads'" in wrong.what
    with pytest.raises(DefinitionError, match="own_leeds"):
        workspace.board_lint("wrong")
    with pytest.raises(UnknownError):
        workspace.board_lint("alon")
    assert [row[0] for row in workspace.boards().rows.rows if str(row[4]).startswith("boards/")] == ["alone"]
