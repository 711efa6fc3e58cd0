"""The process that stands ready and its copies: each file alone, none outlives who asked, and none of it is needed."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.connectors import children, ready
from headwater.connectors import parse as parsing
from headwater.connectors.parse import parse
from headwater.errors import SourceError
from headwater.model.landing import Draft
from headwater.model.source import Source
from tests.connectors.load import DEALS, LIMITS, NOW, SETTINGS, mapping

SOURCE = Source("deals", "deals.csv", (mapping(DEALS, "deal_id", "account"),))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each file has a program of its own")


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Iterator[children._Standing]:
    """A process of this test, so that it may be harmed."""
    own = children._Standing()
    monkeypatch.setattr(children, "_STANDING", own)
    yield own
    own._end()


@pytest.fixture
def deals(tmp_path: Path) -> Path:
    (tmp_path / "staged").mkdir()
    path = tmp_path / "deals.csv"
    path.write_text("deal_id,account\n1,x\n2,y\n", encoding="utf-8")
    return path


def parsed(path: Path) -> Draft:
    staged = path.parent / "staged"
    try:
        return parse(SOURCE, path, {"deals": DEALS}, staged, SETTINGS, NOW, LIMITS)
    finally:
        parsing.clear(staged)


def number(standing: children._Standing) -> int:
    assert standing._process is not None
    return standing._process.pid


def ended(process: int) -> None:
    """Waits until the process of a handle has ended."""
    with open(process, "rb", closefd=True):
        assert select.select([process], [], [], 60)[0]


def test_files_one_after_another_are_read_by_copies_of_one_process(
    standing: children._Standing, deals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(parsing, "resident_mb", lambda pid: seen.append(pid) or 0.0)
    assert parsed(deals).loaded == 2
    first = number(standing)
    assert parsed(deals).loaded == 2
    assert number(standing) == first
    assert first not in seen


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
def test_a_copy_that_dies_is_an_error_of_its_file_alone(
    standing: children._Standing, deals: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    deals.write_text("deal_id,account\n" + "".join(f"D{i},x\n" for i in range(40_000)), encoding="utf-8")

    def harm(pid: int) -> float:
        os.kill(pid, how)
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(parsing, "resident_mb", harm)
        with pytest.raises(SourceError) as e:
            parsed(deals)
    assert (e.value.code, f"status {-how}" in str(e.value)) == ("parser_failed", True)
    first = number(standing)
    assert parsed(deals).loaded == 40_000
    assert number(standing) == first


def test_a_process_that_is_gone_is_begun_anew(standing: children._Standing, deals: Path) -> None:
    parsed(deals)
    first = number(standing)
    os.kill(first, signal.SIGKILL)
    assert parsed(deals).loaded == 2
    assert number(standing) != first


def test_a_copy_does_not_outlive_the_one_it_was_made_of(
    standing: children._Standing, deals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deals.write_text("deal_id,account\n" + "".join(f"D{i},x\n" for i in range(40_000)), encoding="utf-8")
    copies: list[int] = []

    def harm(pid: int) -> float:
        if not copies:
            copies.append(os.pidfd_open(pid))
            os.kill(number(standing), signal.SIGKILL)
        return 0.0

    monkeypatch.setattr(parsing, "resident_mb", harm)
    with pytest.raises(SourceError, match="the parser stopped"):
        parsed(deals)
    ended(copies[0])


def test_a_system_without_copies_reads_each_file_in_a_program_of_its_own(
    standing: children._Standing, deals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    ready = standing._ready
    monkeypatch.setattr(standing, "_ready", lambda environment: begun.append(1) or ready(environment))
    monkeypatch.setattr(children, "_READY", [sys.executable, "-c", f"raise SystemExit({children.NOT_FIT})"])
    assert [parsed(deals).loaded for _ in range(2)] == [2, 2]
    assert len(begun) == 1  # and it is not asked again


def test_a_copy_has_no_descriptor_of_ours_and_no_secret(
    standing: children._Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "canary")
    (staged := tmp_path / "staged").mkdir()
    os.mkfifo(deals := tmp_path / "deals.csv")
    given, told = os.pipe()
    with deals.with_name("kept").open("wb") as kept, deals.with_name("answer").open("wb") as answer:
        os.set_inheritable(kept.fileno(), True)
        copy = children.start(parsing.CHILD, staged, given, answer.fileno(), {"PYTHONPATH": os.pathsep.join(sys.path)})
        assert number(standing) != copy.pid
        job = parsing.job_of(SOURCE, deals, {"deals": DEALS}, staged, SETTINGS, NOW, LIMITS)
        os.write(told, json.dumps(job).encode() + b"\n")
        with deals.open("wb"):  # goes on when the copy opens it too
            place = Path(f"/proc/{copy.pid}")
            opened = [str(f.readlink()) for f in (place / "fd").iterdir()]
            environment, folder = (place / "environ").read_bytes(), (place / "cwd").readlink()
        copy.kill()
        assert copy.wait() == -signal.SIGKILL
    assert sorted(o.partition(":")[0] for o in opened) == sorted(
        ["pipe", "/dev/null", "/dev/null", str(answer.name), str(deals)]
    )
    assert (b"canary" in environment, folder) == (False, staged)
    os.close(given)
    os.close(told)


def test_nothing_outlives_the_one_who_asked(deals: Path) -> None:
    """The asking program is killed while a copy works for it."""
    (deals.parent / "endless").mkdir()
    program = subprocess.Popen(
        [sys.executable, "-c", _ASKS, str(deals.parent / "endless")], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    with program.stdout as told:
        processes = [os.pidfd_open(int(pid)) for pid in told.readline().split()]
        program.kill()
        program.wait()
    assert len(processes) == 2
    for process in processes:
        ended(process)


_ASKS = """
import os, sys
from pathlib import Path
from headwater.connectors import children
given, _ = os.pipe()
with open(os.devnull, "wb") as answer:
    environment = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "headwater.connectors.child"]
    child = children.start(command, Path(sys.argv[1]), given, answer.fileno(), environment)
    print(child.pid, children._STANDING._process.pid, flush=True)
    child.wait()  # for a job that never comes
"""


def test_it_ends_when_nobody_asks_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "UNUSED_SECONDS", 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ready.serve(theirs)
