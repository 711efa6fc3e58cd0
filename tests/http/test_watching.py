"""When a server refreshes, what it tells meanwhile, and what happens when a refresh fails, waits or is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.looking import Look, Lookout
from headwater.http import watching
from headwater.http.watching import Refreshing, Watching
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.sources import HEAD, JANUARY, count, refreshed, with_sources

SOON = 0.005
LONG = 120.0
"""Longer than any refresh takes; reaching it is a failure."""

FEBRUARY = HEAD + "L4,2025-02-03,email,di@one.org\n"
A, B, C = (Look({"leads.csv": (n, n, n)}) for n in (1, 2, 3))


class Script(Lookout):
    """Sees what was written down for it, then the last of it; `over` is set when all was seen three times more."""

    def __init__(self, looks: Sequence[Look], stored: Look | None = None) -> None:
        self._looks, self._stored = list(looks), stored
        self.asked: list[tuple[Look | None, Look]] = []
        self.writers: list[str] = []
        self.over = threading.Event()
        self._after = 0

    def look(self) -> Look:
        if len(self._looks) > 1:
            return self._looks.pop(0)
        self._after += 1
        if self._after > 3:
            self.over.set()
        return self._looks[0]

    def is_due(self, before: Look | None, now: Look) -> bool:
        self.asked.append((before, now))
        return (self._stored if before is None else before) != now

    def writer(self) -> str:
        return self.writers.pop(0) if self.writers else ""


class Pretended(Watching):
    """Its refreshes are pretended by a small program."""

    def __init__(self, lookout: Lookout, *programs: str) -> None:
        super().__init__(".", every=SOON, lookout=lookout)
        self._programs = list(programs)
        self.children: list[subprocess.Popen[str]] = []
        self.seen: list[Refreshing] = []

    def _spawn(self) -> subprocess.Popen[str]:
        program = self._programs.pop(0) if len(self._programs) > 1 else self._programs[0]
        child = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.children.append(child)
        return child

    def _tell(self, **changes: object) -> None:
        super()._tell(**changes)
        self.seen.append(self.state)


def says(*lines: dict[str, object]) -> str:
    return "".join(f"print({json.dumps(json.dumps(line))}, flush=True)\n" for line in lines)


DONE = says({"step": "Loading leads.csv", "done": 1, "of": 2}, {"failed": "", "busy": False})
FAILED = says({"failed": "leads.csv: the column 'Lead ID' is missing. Add it.", "busy": False})
BUSY = says({"failed": "the data is being written by process 7", "busy": True})
ENDLESS = says({"step": "Loading leads.csv", "done": 0, "of": 1}) + "import sys\nsys.stdin.read()\nsys.exit(9)"


@pytest.fixture
def pretend() -> Iterator[Callable[..., Pretended]]:
    made: list[Pretended] = []

    def make(lookout: Lookout, *programs: str) -> Pretended:
        made.append(Pretended(lookout, *programs))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def finished(state: Refreshing) -> bool:
    return not state.running and state.finished_at is not None


# --- when ------------------------------------------------------------------------------------------------------------
def test_nothing_new_is_left_alone(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A], stored=A)
    watching = pretend(lookout, DONE)
    watching.watch()
    assert lookout.over.wait(LONG)
    assert lookout.asked == [(None, A)]
    assert watching.children == []
    assert watching.state == Refreshing()


def test_what_was_not_stored_at_the_start_is_refreshed_once(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A], stored=B)
    watching = pretend(lookout, DONE)
    watching.watch()
    watching.wait(finished, LONG)
    assert lookout.over.wait(LONG)
    assert len(watching.children) == 1


def test_files_that_still_change_are_waited_for(pretend: Callable[..., Pretended]) -> None:
    """B is a file half written: it was seen once only, so nobody refreshed it."""
    lookout = Script([A, A, B, C, C], stored=A)
    watching = pretend(lookout, DONE)
    watching.watch()
    watching.wait(finished, LONG)
    assert lookout.over.wait(LONG)
    assert lookout.asked == [(None, A), (A, C)]
    assert len(watching.children) == 1


def test_each_change_that_settles_is_refreshed(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A, A, B, B, A, A], stored=A)
    watching = pretend(lookout, DONE)
    watching.watch()
    assert lookout.over.wait(LONG)
    assert lookout.asked == [(None, A), (A, B), (B, A)]
    assert len(watching.children) == 2


def test_a_failure_is_kept_and_not_tried_again(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A], stored=B)
    watching = pretend(lookout, FAILED)
    watching.watch()
    state = watching.wait(finished, LONG)
    assert state.failed == "leads.csv: the column 'Lead ID' is missing. Add it."
    assert lookout.over.wait(LONG)
    assert len(watching.children) == 1
    assert watching.state == state


def test_a_change_after_a_failure_is_tried_and_takes_it_back(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A, A, B, B], stored=C)
    watching = pretend(lookout, FAILED, DONE)
    watching.watch()
    watching.wait(lambda s: bool(s.failed), LONG)
    watching.wait(lambda s: finished(s) and not s.failed, LONG)
    assert len(watching.children) == 2


# --- what is told ----------------------------------------------------------------------------------------------------
def test_progress_is_told(pretend: Callable[..., Pretended]) -> None:
    watching = pretend(Script([A]), DONE)
    assert watching.start() == Refreshing(running=True, step="Starting")
    end = watching.wait(finished, LONG)
    assert Refreshing(running=True, step="Loading leads.csv", done=1, of=2) in watching.seen
    assert (end.step, end.done, end.of, end.failed) == ("", 0, 0, "")


def test_a_second_wish_during_a_refresh_is_a_second_refresh(pretend: Callable[..., Pretended]) -> None:
    waits = says({"step": "Loading", "done": 0, "of": 1}) + "import os, time\n"
    waits += "while not os.path.exists(os.environ['GO']): time.sleep(0.01)\n" + says({"failed": "", "busy": False})
    watching = pretend(Script([A]), waits, DONE)
    watching.start()
    watching.wait(lambda s: s.step == "Loading", LONG)
    assert watching.start().step == "Loading"
    Path(os.environ["GO"]).touch()
    watching.wait(finished, LONG)
    assert len(watching.children) == 2


@pytest.fixture(autouse=True)
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "go"))


def test_while_another_process_writes_it_waits_and_says_so(pretend: Callable[..., Pretended]) -> None:
    lookout = Script([A])
    lookout.writers = ["process 7 ('refresh')"] * 3
    watching = pretend(lookout, DONE)
    watching.start()
    watching.wait(finished, LONG)
    waiting = "Waiting, because the data is being written by process 7 ('refresh')"
    assert [s.step for s in watching.seen if s.step.startswith("Waiting")] == [waiting] * 3
    assert len(watching.children) == 1


def test_who_is_kept_out_after_all_tries_again(pretend: Callable[..., Pretended]) -> None:
    watching = pretend(Script([A]), BUSY, BUSY, DONE)
    watching.start()
    end = watching.wait(finished, LONG)
    assert end.failed == ""
    assert len(watching.children) == 3


def test_a_refresh_that_is_killed_is_told(pretend: Callable[..., Pretended]) -> None:
    watching = pretend(Script([A]), "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    watching.start()
    end = watching.wait(finished, LONG)
    assert end.failed == "The refresh was cut short (signal 9).\nWhat was stored before is whole."


def test_stopping_ends_a_refresh_that_runs(pretend: Callable[..., Pretended]) -> None:
    watching = pretend(Script([A]), ENDLESS)
    watching.start()
    watching.wait(lambda s: s.step == "Loading leads.csv", LONG)
    watching.stop()
    (child,) = watching.children
    assert child.wait(LONG) == 9
    assert not watching._thread.is_alive()
    assert not watching.start().finished_at  # nothing is started any more
    assert len(watching.children) == 1


def test_who_reads_is_told_after_a_refresh(pretend: Callable[..., Pretended]) -> None:
    told: list[str] = []
    watching = pretend(Script([A]), DONE)
    watching._then = lambda: told.append(watching.state.step)
    watching.start()
    watching.wait(finished, LONG)
    assert told == ["Loading leads.csv"]


# --- a real workspace ------------------------------------------------------------------------------------------------
@pytest.fixture
def follow() -> Iterator[Callable[[Path], Watching]]:
    made: list[Watching] = []

    def make(folder: Path) -> Watching:
        made.append(Watching(folder, every=SOON))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_a_new_file_is_loaded_and_a_bad_one_is_named(tmp_path: Path, follow: Callable[[Path], Watching]) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    exports = workspace.path / "exports"
    watching = follow(workspace.path)
    watching.watch()
    first = watching.wait(finished, LONG)
    assert first.failed == ""
    assert count(workspace) == 2

    (exports / "leads-2.csv").write_text(FEBRUARY, encoding="utf-8")
    second = watching.wait(lambda s: finished(s) and s.finished_at != first.finished_at, LONG)
    assert second.failed == ""
    assert count(workspace) == 3

    (exports / "leads-3.csv").write_text("Nothing,Known\n1,2\n", encoding="utf-8")
    third = watching.wait(lambda s: finished(s) and bool(s.failed), LONG)
    assert "exports/leads-3.csv" in third.failed and "Lead ID" in third.failed
    assert count(workspace) == 3


def test_the_lock_of_another_is_waited_for(tmp_path: Path, follow: Callable[[Path], Watching]) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    watching = follow(workspace.path)
    with writing(open_store(workspace.path / ".headwater" / "store", create=True), "load"):
        watching.watch()
        state = watching.wait(lambda s: s.step.startswith("Waiting"), LONG)
        assert f"process {os.getpid()} ('load')" in state.step and state.running
    watching.wait(finished, LONG)
    assert count(workspace) == 2


def test_a_wrong_definition_is_told_with_its_line(tmp_path: Path, follow: Callable[[Path], Watching]) -> None:
    workspace = with_sources(tmp_path, {"leads-1.csv": JANUARY})
    (workspace.path / "headwater.yml").write_text("company: World\ntime_zone: Mars\n", encoding="utf-8")
    watching = follow(workspace.path)
    watching.start()
    assert "headwater.yml:2" in watching.wait(finished, LONG).failed


def test_a_refresh_ends_with_the_server_and_leaves_a_sound_store(tmp_path: Path) -> None:
    """The parent dies without a word: the child reads the end of its input and ends too."""
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    parent = (
        "import os, sys\n"
        "from headwater.http.watching import Watching\n"
        f"w = Watching({str(workspace.path)!r})\n"
        "w.start()\n"
        "w.wait(lambda s: w._child is not None, 100)\n"
        "print(w._child.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=False)
    child = int(done.stdout)
    gone = threading.Event()
    for _ in range(int(LONG / 0.05)):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            gone.set()
            break
        gone.wait(0.05)
    else:
        os.kill(child, signal.SIGKILL)
    assert gone.is_set()
    assert count(workspace) == 2
    assert Workspace(workspace.path).refresh().load.refused == ()


def test_the_child_runs_no_module_of_the_workspace(tmp_path: Path, follow: Callable[[Path], Watching]) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": JANUARY})
    (workspace.path / "json.py").write_text("raise SystemExit('not mine')", encoding="utf-8")
    (workspace.path / "headwater.py").write_text("raise SystemExit('not mine')", encoding="utf-8")
    before = Path.cwd()
    os.chdir(workspace.path)
    try:
        refreshes = follow(workspace.path)
        refreshes.start()
        assert refreshes.wait(finished, LONG).failed == ""
    finally:
        os.chdir(before)
    assert watching.EVERY_SECONDS > 1
