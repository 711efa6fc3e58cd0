"""The process around the parser: its limits, its death, and that nothing is left behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headwater.connectors import aside, child, children
from headwater.connectors import parse as parsing
from headwater.connectors.limits import Limits
from headwater.connectors.parse import parse
from headwater.errors import SourceError, TransientSourceError, WorkspaceError
from headwater.model.source import Source
from tests.connectors.load import DEALS, LIMITS, NOW, SETTINGS, load, mapping

SOURCE = Source("deals", "deals.csv", (mapping(DEALS, "deal_id", "account"),))
LARGE = "deal_id,account\n" + "".join(f"D{i},{'x' * 50}\n" for i in range(200_000))


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    folder = tmp_path / "staged"
    folder.mkdir()
    return folder


def refused(path: Path, staged: Path, limits: Limits) -> SourceError:
    with pytest.raises(SourceError) as e:
        parse(SOURCE, path, {"deals": DEALS}, staged, SETTINGS, NOW, limits)
    assert list(staged.iterdir()) == []
    return e.value


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "deals.csv"
    path.write_text(LARGE, encoding="utf-8")
    return path


@pytest.fixture(params=["copied", "spawned"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of the process that stands ready, and in a program of its own, as on systems without copies."""
    if request.param == "spawned":
        monkeypatch.setattr(children, "WORK", {})


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(memory_mb=40), "40 MB of memory"),
        (Limits(wall_seconds=0.2), "0.2 seconds"),
        (Limits(file_mb=1), "the space one file may take"),
    ],
)
def test_a_limit_that_is_broken_is_named(large: Path, staged: Path, limits: Limits, says: str) -> None:
    error = refused(large, staged, limits)
    assert error.code == "limit"
    assert says in str(error)
    assert str(large) in error.where


def test_reports_are_short_whatever_the_file_holds(tmp_path: Path) -> None:
    name, cell = "n" * 900_000, "x" * 900_000
    loaded = load(tmp_path, f"deal_id,account,{name}\n,{cell},1\n1,{cell},1\n", mapping(DEALS, "deal_id", "account"))
    (example,) = loaded.draft.examples
    assert len(example.raw) == len(loaded.draft.warnings[0]) == child.LONGEST_TOLD + 4
    assert loaded.aside[0]["raw"] == f",{cell},1"  # nothing of it is lost
    with pytest.raises(SourceError) as e:
        load(tmp_path, f"{name}\n1\n", mapping(DEALS, "deal_id"))
    assert len(str(e.value)) < 10_000


@pytest.mark.parametrize(("rows", "text"), [(10, 1 << 20), (1 << 20, 1000)])
def test_a_file_of_bad_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, text: int) -> None:
    room = aside.Room
    monkeypatch.setattr(aside, "Room", lambda: room(rows, text))
    few = "".join(f"D{i},soon\n" for i in range(10))
    said = mapping(DEALS, "deal_id", created_on={"column": "created_on", "date_format": "iso"})
    assert load(tmp_path, f"deal_id,created_on\n{few}", said).draft.quarantined == 10
    with pytest.raises(SourceError) as e:
        load(tmp_path, f"deal_id,created_on\n{few * 3}", said)
    assert (e.value.code, "mapping" in e.value.do) == ("too_many_bad_rows", True)


def test_an_answer_without_an_end_is_not_taken(large: Path, staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "LONGEST_ANSWER", 100)
    assert "what may be told of it" in str(refused(large, staged, LIMITS))


def test_processor_time_is_limited(large: Path, staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CHILD", [sys.executable, "-c", _SPIN])
    error = refused(large, staged, Limits(cpu_seconds=1))
    assert "1 seconds of processor time" in str(error)


def test_processor_time_of_a_copy_is_limited(large: Path, staged: Path) -> None:
    large.write_text(LARGE * 4, encoding="utf-8")
    assert "1 seconds of processor time" in str(refused(large, staged, Limits(cpu_seconds=1)))


_SPIN = """
import sys
from headwater.connectors.child import limit
sys.stdin.readline()
limit({"memory_mb": 500, "cpu_seconds": 1, "file_mb": 1})
while True:
    pass
"""


@pytest.mark.parametrize("how", ["import os; os.abort()", "raise SystemExit(3)", "pass"])
def test_a_parser_that_dies_is_an_error_of_the_file(
    large: Path, staged: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(parsing, "CHILD", [sys.executable, "-c", how])
    assert refused(large, staged, LIMITS).code == "parser_failed"


def test_a_parser_that_writes_rubbish_to_its_output_is_heard_all_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,account\n1,x\n", mapping(DEALS, "deal_id"), spawn=True)
    assert loaded.column("deal_id") == ["1"]


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed while the child waits: closing its input ends it."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _WAIT,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == b"up\n"
    process.stdin.close()
    assert process.wait(60) == 1
    process.stdout.close()


_WAIT = """
import threading, time
from headwater.connectors.child import end_with_parent
threading.Thread(target=end_with_parent, daemon=True).start()
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.usefixtures("either_way")
def test_an_interrupted_load_leaves_no_process_and_no_file(
    large: Path, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def interrupt(pid: int) -> float:
        seen.append(pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(parsing, "resident_mb", interrupt)
    with pytest.raises(KeyboardInterrupt):
        parse(SOURCE, large, {"deals": DEALS}, staged, SETTINGS, NOW)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
    assert list(staged.iterdir()) == []


def test_the_child_inherits_no_descriptor_and_no_secret(
    tmp_path: Path, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "CHILD", [sys.executable, "-c", _LOOK])
    monkeypatch.setenv("CRM_TOKEN", "canary")
    path = tmp_path / "deals.csv"
    path.write_text("deal_id\n1\n")
    with path.open() as kept:
        os.set_inheritable(kept.fileno(), True)
        error = refused(path, staged, LIMITS)
    assert "['0', '1', '2', '3']" in str(error)  # 3 is the listing itself
    assert "canary" not in str(error)


_LOOK = """
import json, os, sys
sys.stdin.readline()
print(json.dumps({"failed": repr((sorted(os.listdir("/dev/fd")), dict(os.environ)))}))
"""


def test_a_full_disk_is_an_error_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="disk is full"):
        parsing.draft_of(
            {"system": errno.ENOSPC, "what": "No space left"}, SOURCE, tmp_path, {"deals": DEALS}, SETTINGS
        )


def test_a_file_that_changes_while_it_is_read_is_read_again_later(tmp_path: Path) -> None:
    with pytest.raises(TransientSourceError) as e:
        parsing.draft_of({"landed": {"changed": True}}, SOURCE, tmp_path, {"deals": DEALS}, SETTINGS)
    assert e.value.code == "changed"


def test_a_fault_of_ours_tells_kind_and_place_and_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater.connectors import land

    def broken(*_: object, **__: object) -> None:
        raise ValueError("secret@example.com")

    monkeypatch.setattr(land, "plan_tables", broken)
    path = tmp_path / "deals.csv"
    path.write_text("deal_id,account\n1,x\n")
    job = parsing.job_of(SOURCE, path, {"deals": DEALS}, tmp_path, SETTINGS, NOW, LIMITS)
    answer = child.answer_of(job)
    assert answer["failed"].startswith("ValueError at test_limits.py:")
    with pytest.raises(SourceError) as e:
        parsing.draft_of(answer, SOURCE, path, {"deals": DEALS}, SETTINGS)
    assert "secret" not in str(e.value)


def test_two_parses_side_by_side(tmp_path: Path) -> None:
    results: list[int] = []

    def one(i: int) -> None:
        folder = tmp_path / str(i)
        folder.mkdir()
        results.append(
            load(folder, LARGE[: 10_000 * (i + 1)], mapping(DEALS, "deal_id", "account"), spawn=True).draft.loaded
        )

    threads = [threading.Thread(target=one, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 2
