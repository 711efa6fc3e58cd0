"""Starts the processes that read files of strangers: copies of one that stands ready where the system can do that, else
a program of their own for each."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

WORK = {"headwater.connectors.child": "land", "headwater.connectors.inspect_child": "look"}
"""The programs whose work a copy can do, by module, and what that is called there."""

_READY = [sys.executable, "-m", "headwater.connectors.ready"]
_LONGEST_TOLD = 4096

LONGEST_REQUEST = 1 << 16
"""Bytes of a request for a copy."""

NOT_FIT = 3
"""How the process that stands ready ends where it cannot be copied."""

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Libraries would start threads when they are loaded: numpy for algebra, Arrow for an allocator that is not used."""


class Child(Protocol):
    """What is asked of a process that reads a file."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""

    def poll(self) -> int | None:
        """How it ended; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, waited for. Raises subprocess.TimeoutExpired when that takes longer."""

    def kill(self) -> None:
        """Ends it."""


def start(command: Sequence[str], folder: Path, given: int, answer: int, environment: Mapping[str, str]) -> Child:
    """A process for a command, in a folder, that reads `given`, writes `answer`, and has this environment and nothing
    else of ours."""
    work = WORK.get(command[2], "") if len(command) == 3 and list(command[:2]) == [sys.executable, "-m"] else ""
    if work and (copied := _STANDING.copy(work, folder, given, answer, dict(environment))) is not None:
        return copied
    return subprocess.Popen(
        command, stdin=given, stdout=answer, stderr=subprocess.DEVNULL, env=dict(environment), cwd=folder
    )


class _Copied:
    """A copy of the process that stands ready; `told` is where that one tells its end, `process` its handle."""

    def __init__(self, pid: int, process: int, told: socket.socket) -> None:
        self.pid, self.returncode = pid, None
        self._process, self._told = process, told

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("", timeout or 0)
            content = _received(self._told)
            if not content:  # the one who stood ready is gone: nobody knows how this one ended, or whether
                self.kill()
                select.select([self._process], [], [])
            self.returncode = int(json.loads(content)["code"]) if content else -signal.SIGKILL
            self._told.close()
            os.close(self._process)
        return self.returncode

    def kill(self) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)


class _Standing:
    """The process that stands ready, begun when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._unfit = sys.platform != "linux"  # elsewhere a copy of a process that loaded libraries may not be whole
        self._forget()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self._end)

    def _forget(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: socket.socket | None = None

    def copy(self, work: str, folder: Path, given: int, answer: int, environment: Mapping[str, str]) -> _Copied | None:
        """A copy that does this work; None where there can be none. Where the one to be copied is gone, there is a new
        one, once."""
        request = {"work": work, "folder": str(folder.absolute()), "environment": dict(environment)}
        content = json.dumps(request).encode()
        if len(content) > LONGEST_REQUEST:
            return None
        for _ in range(2):
            with self._lock:
                if self._unfit:
                    return None
                process, asked = self._ready(environment)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                with theirs, contextlib.suppress(OSError):
                    socket.send_fds(asked, [content], [theirs.fileno(), given, answer])
                if (copied := _told(ours)) is not None:
                    return copied
            except BaseException:
                ours.close()
                raise
            ours.close()
            with self._lock:
                self._unfit = self._unfit or process.wait() == NOT_FIT
                if self._process is process:
                    self._end()
        return None

    def _ready(self, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """The process, and where to ask it for a copy."""
        if self._process is None or self._asked is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    _READY,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={**environment, **_ONE_THREAD},
                    cwd="/",
                )
            self._asked = ours
        return self._process, self._asked

    def _end(self) -> None:
        """Lets go of it: it ends when nobody can ask it any more."""
        if self._asked is not None and self._process is not None:
            self._asked.close()
            self._process.wait()
        self._forget()


def _told(by: socket.socket) -> _Copied | None:
    """The copy that was told of; None where nobody is there to tell. Raises OSError when there is no room for one."""
    try:
        content, handles, _, _ = socket.recv_fds(by, _LONGEST_TOLD, 1)
    except ConnectionError:
        return None
    if not content:
        return None
    told = json.loads(content)
    if not handles:
        raise OSError(told["errno"], os.strerror(told["errno"]))
    return _Copied(told["pid"], handles[0], by)


def _received(told: socket.socket) -> bytes:
    try:
        return told.recv(_LONGEST_TOLD)
    except ConnectionError:
        return b""


_STANDING = _Standing()
