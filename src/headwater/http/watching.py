"""A server's refreshes: it looks at the files of the sources; when they settle, a process of its own refreshes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from headwater.api.looking import Look, Lookout

EVERY_SECONDS = 2.0
SHARE = 20
"""Looking takes at most one part in so many of the time, however many files there are."""


@dataclass(frozen=True, slots=True)
class Refreshing:
    """How far the refresh is, or what came of the last one. `of` is 0 where the amount is not known; `failed` says
    what went wrong, where, and what to do; it stays until a refresh succeeds."""

    running: bool = False
    step: str = ""
    done: int = 0
    of: int = 0
    failed: str = ""
    finished_at: datetime | None = None


class Watching:
    """The refreshes of one workspace: one at a time, asked for by `start` or, after `watch`, by files that changed.

    Files have settled when two looks in a row see the same. What was refreshed once, well or badly, is not refreshed
    again until something changes or somebody asks. While another process writes, it waits and says so. `then` is called
    after each refresh, `meanwhile` before each look.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        environment: Mapping[str, str] | None = None,
        every: float = EVERY_SECONDS,
        lookout: Lookout | None = None,
        then: Callable[[], None] = lambda: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._environment = Path(path), environment
        self._every, self._then, self._meanwhile = every, then, meanwhile
        self._lookout = lookout or Lookout(path, environment)
        self._changed = threading.Condition()
        self._state = Refreshing()
        self._asked = self._watches = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[str] | None = None

    @property
    def state(self) -> Refreshing:
        """How far it is."""
        return self._state

    def start(self) -> Refreshing:
        """Asks for a refresh; one that runs is not joined by another, but followed by one."""
        with self._changed:
            if not self._stopped.is_set():
                self._asked = True
                if not self._state.running:
                    self._state = replace(self._state, running=True, step="Starting", done=0, of=0)
                self._run()
                self._changed.notify_all()
            return self._state

    def watch(self) -> None:
        """Looks at the files from now on, those that changed while nobody looked included."""
        with self._changed:
            self._watches = True
            self._run()

    def stop(self, patience: float = 10.0) -> None:
        """Ends watching, and a refresh that runs: it leaves the last good state."""
        with self._changed:
            self._stopped.set()
            self._changed.notify_all()
            thread = self._thread
            self._end_child()
        if thread is not None:
            thread.join(patience)
        if self._child is not None:
            self._child.kill()

    def wait(self, until: Callable[[Refreshing], bool], seconds: float) -> Refreshing:
        """The first state that meets a condition. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: until(self._state), seconds):
                raise TimeoutError(f"still {self._state} after {seconds:g} s")
            return self._state

    # --- the thread --------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="watching", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        last: Look | None = None
        handled: Look | None = None
        due = False
        pause = 0.0
        while self._paused(pause):
            began = monotonic()
            self._meanwhile()
            look = self._lookout.look() if self._watches else None
            pause = max(self._every, SHARE * (monotonic() - began))
            due = self._taken() or due
            if look is not None and look == last and look != handled:
                due = self._lookout.is_due(handled, look) or due
                handled = look
            last = look
            if due and not self._is_waiting():
                handled = look  # before it is read: what changes meanwhile is new
                due = self._refresh()

    def _paused(self, seconds: float) -> bool:
        """Waits, unless asked for; whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped.is_set() or self._asked, seconds)
            return not self._stopped.is_set()

    def _taken(self) -> bool:
        with self._changed:
            asked, self._asked = self._asked, False
            return asked

    def _is_waiting(self) -> bool:
        """Whether another process writes; if so, that is told."""
        who = self._lookout.writer()
        if who:
            self._tell(running=True, step=f"Waiting, because the data is being written by {who}", done=0, of=0)
        return bool(who)

    def _refresh(self) -> bool:
        """Refreshes in a process of its own; whether it has to be tried again, because another process writes."""
        self._tell(running=True, step="Starting", done=0, of=0)
        with self._changed:
            if self._stopped.is_set():
                return False
            child = self._child = self._spawn()
        outcome: dict[str, Any] = {}
        with child:
            assert child.stdout is not None
            for line in child.stdout:
                told = json.loads(line)
                if "failed" in told:
                    outcome = told
                else:
                    self._tell(step=told["step"], done=told["done"], of=told["of"])
            self._end_child()
            child.wait()
        self._child = None
        if self._stopped.is_set():
            return False
        if outcome.get("busy"):
            return True
        whole = "What was stored before is whole."
        cut_short = f"The refresh was cut short ({_ended(child.returncode)}).\n{whole}"
        failed = outcome.get("failed", cut_short)
        self._then()
        with self._changed:
            self._tell(running=self._asked, step="", done=0, of=0, failed=failed, finished_at=datetime.now(UTC))
        return False

    def _spawn(self) -> subprocess.Popen[str]:
        package = str(Path(__file__).resolve().parents[2])
        modules = os.pathsep.join(dict.fromkeys([package, *(p for p in sys.path if Path(p).is_absolute())]))
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "headwater.http.refreshing", str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | (self._environment or {}) | {"PYTHONPATH": modules},
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is the server's to hear
        )

    def _end_child(self) -> None:
        """Closes the child's input, which ends it."""
        child = self._child
        if child is not None and child.stdin is not None:
            with suppress(OSError):
                child.stdin.close()

    def _tell(self, **changes: Any) -> None:
        with self._changed:
            self._state = replace(self._state, **changes)
            self._changed.notify_all()


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
