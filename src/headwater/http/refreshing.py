"""The process that refreshes a workspace for a server: it tells its progress in lines of JSON, ends with its parent."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from headwater.api import Workspace
from headwater.errors import HeadwaterError

GIVES_WAY = 10
"""How much this process stands back for those who read."""


def main(path: str) -> None:
    """Refreshes a workspace; the last line says what came of it: {"failed": "", "busy": false}."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no progress
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError):
        os.nice(GIVES_WAY)
    tell = _teller(out)
    failed, busy = "", False
    try:
        done = Workspace(path).refresh(progress=lambda step, done, of: tell({"step": step, "done": done, "of": of}))
        failed = "\n".join(f"{file.path}: {file.reason}" for file in done.load.refused)
    except HeadwaterError as error:
        failed, busy = str(error), _is_busy(path)
    except Exception as error:  # its text may hold data
        failed = (
            f"The refresh met something that Headwater did not expect ({type(error).__name__}).\n"
            "What was stored before is whole. Run 'headwater --debug refresh' to see where, and report it."
        )
    tell({"failed": failed, "busy": busy})


def _teller(out: TextIO) -> Callable[[dict[str, object]], None]:
    def tell(line: dict[str, object]) -> None:
        print(json.dumps(line), file=out, flush=True)

    return tell


def _is_busy(path: str) -> bool:
    """Whether it failed because another process writes."""
    from headwater.api.looking import Lookout

    try:
        return bool(Lookout(path).writer())
    except HeadwaterError:
        return False


def _end_with_parent() -> None:
    """Ends this process when the parent, who holds the other end of the input, is gone or closed it: a refresh that is
    cut short leaves the last good state, whatever the moment."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
