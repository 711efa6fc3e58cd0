"""The command line as a person calls it, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from headwater import Workspace
from headwater.cli import main

SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Ran:
    """What a call left behind."""

    code: int
    out: str
    err: str


def run(workspace: Workspace | Path | None, *args: str, given: str | None = None) -> Ran:
    """`headwater --workspace DIR ARGS` in this process."""
    folder = workspace.path if isinstance(workspace, Workspace) else workspace
    place = [] if folder is None else ["--workspace", str(folder)]
    result = CliRunner().invoke(main, [*place, *args], prog_name="headwater", input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_apart(folder: Path, *args: str, **variables: str) -> Ran:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')", "-w", str(folder), *args],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SOURCE)} | variables,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
