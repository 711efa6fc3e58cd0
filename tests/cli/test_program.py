"""The program as it is installed: it ends as soon as the verb is done, and loses nothing by that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater import Workspace
from tests.cli.run import SOURCE, run

FULL = Path("/dev/full")


def program(workspace: Workspace, *args: str, before: str = "", **given: object) -> subprocess.CompletedProcess[str]:
    """`headwater` called as its script calls it, after the statements of `before`."""
    return subprocess.run(
        [sys.executable, "-c", f"{before}\nimport sys\nfrom headwater.cli import main\nsys.exit(main())",
         "--workspace", str(workspace.path), *args],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        **({"stdout": subprocess.PIPE} | given),  # type: ignore[call-overload]
    )  # fmt: skip


def test_a_long_answer_comes_whole_through_a_pipe(company: Workspace) -> None:
    asked = ("measure", "own_leads", "own_reach", "--period", "2020..2025", "--grain", "day", "--as-of", "2025-06-30",
             "--format", "csv")  # fmt: skip
    done = program(company, *asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 200_000
    assert done.stdout == run(company, *asked).out


def test_the_exit_code_is_that_of_the_verb(company: Workspace) -> None:
    done = program(company, "measure", "own_leds")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'own_leads'" in done.stderr
    assert program(company, "doctor").returncode == 0
    assert program(company, "measuer").returncode == 2


def test_what_waits_for_the_end_is_done(company: Workspace) -> None:
    done = program(company, "kpi", "list", "own", before="import atexit; atexit.register(print, 'at the end')")
    assert done.returncode == 0 and done.stdout.endswith("at the end\n")


def test_a_thread_that_runs_is_waited_for(company: Workspace) -> None:
    late = "import threading; threading.Timer(0.5, print, ['late'], {'flush': True}).start()"
    done = program(company, "kpi", "list", "own", before=late)
    assert done.returncode == 0 and "late\n" in done.stdout


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
def test_an_answer_that_could_not_be_written_is_no_success(company: Workspace) -> None:
    with FULL.open("w") as full:
        assert program(company, "kpi", "list", "own", stdout=full).returncode != 0


@pytest.mark.parametrize(("verb", "collects"), [("kpi list own", False), ("measure own_leads", False), ("check", True)])
def test_only_verbs_that_answer_go_without_collecting_garbage(company: Workspace, verb: str, collects: bool) -> None:
    done = program(company, *verb.split(), before="import atexit, gc; atexit.register(lambda: print(gc.isenabled()))")
    assert done.stdout.endswith(f"{collects}\n")
