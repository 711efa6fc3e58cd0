"""`headwater demo`: says where the company lies, and serves it or says how."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headwater.cli import main
from headwater.demo.make import Demo


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["demo", *words])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command asked for; nothing is drawn."""
    asked: list[dict[str, Any]] = []

    def make(folder: Path, **more: Any) -> Demo:
        asked.append({"folder": folder, **more})
        return Demo(folder, date(2026, 10, 31), 50, 12_345, 17)

    monkeypatch.setattr("headwater.demo.make.make", make)
    return asked


def test_without_the_page_it_says_what_to_do_next(made: list[dict[str, Any]]) -> None:
    done = run("--dir", "acme", "--scale", "0.5", "--seed", "3", "--until", "2026-10-31", "--no-serve")
    assert done.exit_code == 0, done.output
    assert "12,345 rows of 50 files up to 2026-10-31 are loaded into acme; 17 were written broken" in done.output
    assert "headwater --workspace acme serve" in done.output
    (asked,) = made
    asked.pop("tell")
    assert asked == {"folder": Path("acme"), "scale": 0.5, "seed": 3, "until": date(2026, 10, 31)}


def test_it_serves_what_it_made(made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr("headwater.cli.serve.serve", served.append)
    assert run().exit_code == 0
    assert served == [Path("headwater-demo")]
    assert made[0]["scale"] == 1.0 and made[0]["until"] is None


def test_a_folder_of_somebody_else_ends_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = run("--dir", str(tmp_path), "--no-serve")
    assert done.exit_code == 4
    assert "holds something else than a demo" in done.output and "--dir" in done.output
