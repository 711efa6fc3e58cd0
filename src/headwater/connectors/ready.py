"""The process that stands ready to read files of strangers: it has loaded what readers need and opens no file itself;
each job is done in a copy of it, which begins at once, ends with its job and knows nothing of any other one."""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from headwater.connectors import child, inspect_child
from headwater.connectors.children import LONGEST_REQUEST, NOT_FIT

WORK: dict[str, Callable[[], int]] = {"land": child.main, "look": inspect_child.main}
"""What a copy can be asked to do: each reads its job from its input and writes its answer."""

UNUSED_SECONDS = 60.0
"""So long it waits for the next job; then it gives its memory back."""


def main() -> int:
    """Makes a copy for every request that comes in on its input, a socket, and says how each of them ended. Ends when
    nobody holds the other end, or after a while without a request."""
    asked = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is interrupted too, and ends what it began
    _load()
    if not _can_be_copied():
        return NOT_FIT
    serve(asked)
    os._exit(0)  # nothing is left to tidy, and somebody may be waiting


def serve(asked: socket.socket) -> None:
    """Answers requests until their socket is closed or nothing came for a while; no copy outlives it."""
    running: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as look:
        look.register(asked, selectors.EVENT_READ)
        while True:
            found = look.select(None if running else UNUSED_SECONDS)
            if not found:
                return
            for key, _ in found:
                if key.fd in running:
                    look.unregister(key.fd)
                    _tell_end(key.fd, *running.pop(key.fd))
                    continue
                content, given, _, _ = socket.recv_fds(asked, LONGEST_REQUEST, 3)
                if not content:
                    for process, (pid, _) in running.items():
                        signal.pidfd_send_signal(process, signal.SIGKILL)
                        os.waitpid(pid, 0)
                    return
                if (begun := _begin(content, given)) is not None:
                    running[begun[0]] = begun[1:]
                    look.register(begun[0], selectors.EVENT_READ)


def _begin(content: bytes, given: list[int]) -> tuple[int, int, socket.socket] | None:
    """Makes a copy for a request: the handle of its process, its number, and where to tell its end. Nothing, where the
    machine has no room for one more, which is told."""
    told, job, answer = socket.socket(fileno=given[0]), given[1], given[2]
    try:
        if (pid := os.fork()) == 0:
            _be_a_copy(json.loads(content), job, answer)
    except OSError as error:
        _tell(told, {"errno": error.errno or 0})
        told.close()
        return None
    finally:
        os.close(job)
        os.close(answer)
    process = os.pidfd_open(pid)
    try:
        socket.send_fds(told, [json.dumps({"pid": pid}).encode()], [process])
    except OSError:
        signal.pidfd_send_signal(process, signal.SIGKILL)  # nobody waits for it any more
    return process, pid, told


def _be_a_copy(request: dict[str, Any], job: int, answer: int) -> NoReturn:
    """Does the job and ends, whatever happens: nothing of the process it is a copy of may run on in it."""
    code = 1
    try:
        os.dup2(job, 0)
        os.dup2(answer, 1)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        code = WORK[request["work"]]()
    finally:
        os._exit(code)


def _tell_end(process: int, pid: int, told: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(process)
    _tell(told, {"code": os.waitstatus_to_exitcode(status)})
    told.close()


def _tell(told: socket.socket, what: dict[str, int]) -> None:
    try:
        told.send(json.dumps(what).encode())
    except OSError:
        return  # nobody listens any more


def _load() -> None:
    """Loads what most files need; what only some do (workbooks), a copy loads."""
    sys.meta_path.insert(0, child.WithoutPandas())
    zoneinfo.reset_tzpath(())
    from headwater.connectors import delimited, inspect_columns, land, message, opening  # noqa: F401 (copies have them)

    gc.collect()
    gc.freeze()  # a copy that looks for garbage in what it shares would write to all of it


def _can_be_copied() -> bool:
    """Whether a copy of this process is whole: one with several threads has only one of them, and locks of the others.
    Also whether this system has handles for processes."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except (AttributeError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
