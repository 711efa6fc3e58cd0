"""The README's first five minutes, run as they stand in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
MINUTES = README.split("## The first five minutes")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    script = "\n".join(re.findall(r"```bash\n(.*?)```", MINUTES, flags=re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_commands_print_the_numbers(printed: str) -> None:
    # January: 400 for 2 leads; February: 120 for 3
    assert re.search(r"2026-01\s+200\.00", printed.replace("EUR ", "").replace("€", ""))
    assert re.search(r"2026-02\s+40\.00", printed.replace("EUR ", "").replace("€", ""))


def test_a_number_leads_to_its_rows(printed: str) -> None:
    assert "520 / 5" in printed  # the formula filled in
    assert "leads.csv" in printed and "spend.csv" in printed


def test_the_python_lines_run(folder: Path, printed: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", MINUTES, flags=re.DOTALL)
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "{'channel': 'email'} 110.0 220.0 2.0" in run.stdout  # L1 and L3 came by e-mail, for 100 + 120
    assert printed
