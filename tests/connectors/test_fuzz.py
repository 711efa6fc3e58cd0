"""Damaged files of every format: no crash, no hang, no silent loss. Half an hour of them in `make verify`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors import fuzz

SECONDS = float(os.environ.get("HEADWATER_FUZZ_SECONDS", "1800"))
"""How long the long run takes."""


def run(folder: Path, *arguments: str, timeout: float) -> dict[str, int]:
    """What a fuzzing process counted; fails with the inputs that were read wrongly, or with the one that ended it."""
    here = folder / "here"
    done = subprocess.run(
        [sys.executable, "-m", "tests.connectors.fuzz", *arguments, "--here", str(here)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = done.stdout.splitlines()
    assert lines, f"input {here.read_text(encoding='utf-8')} ended the process: {done.stderr[-2000:]}"
    told = json.loads(lines[-1])
    assert "read" in told, f"input {here.read_text(encoding='utf-8')} ended the process: {done.stderr[-2000:]}"
    assert lines[:-1] == []
    outcomes: dict[str, int] = told["outcomes"]
    return outcomes


def test_damaged_files(tmp_path: Path) -> None:
    outcomes = run(tmp_path, "7", "--count", "120", timeout=280)
    assert outcomes["landed"] > 10  # the damage leaves something to read
    assert len(outcomes) > 5


@pytest.mark.verify
@pytest.mark.timeout(SECONDS + 900)
def test_damaged_files_for_long(tmp_path: Path) -> None:
    seed = str(int.from_bytes(os.urandom(4), "big"))
    outcomes = run(tmp_path, seed, "--seconds", str(SECONDS), timeout=SECONDS + 600)
    assert outcomes["landed"] > 20


@pytest.mark.parametrize(("seed", "number"), [(3753396424, 6879)])
def test_what_was_once_read_wrongly(tmp_path: Path, seed: int, number: int) -> None:
    """A Parquet file whose pages hold fewer rows than its footer says."""
    assert run(tmp_path, str(seed), "--first", str(number), "--count", "1", timeout=60) == {"corrupt_file": 1}


def test_the_fuzzer_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = b'{"deal_id": "1"}\n{"deal_id": "2"}\n'
    landed = {"landed": {"loaded": 1, "quarantined": 0, "collapsed": 0, "data_rows": 1}}
    assert fuzz.judged("deals.ndjson", two, landed) == "1 rows where 2 records are"
    assert fuzz.judged("deals.csv", b"deal_id,account\n1,2\n3,4\n", landed) == "1 rows where 2 records are"
    assert fuzz.judged("deals.json", b'[{"deal_id": "1"}, {}]', landed) == "1 rows where 2 records are"
    assert fuzz.judged("deals.json", b'[{"deal_id": "1"}]', landed) == ""
    assert fuzz.judged("x", b"", {"landed": landed["landed"] | {"loaded": 0}}) == "0 of 1 rows"
    assert fuzz.judged("x", b"", {"failed": "KeyError at a:1"}) == "KeyError at a:1"
    assert fuzz.judged("x", b"", {"refused": {"code": "x"}}) == ""

    def failing(*_: object, **__: object) -> None:
        raise KeyError("x")

    from headwater.connectors import land

    name, content = "deals.csv", fuzz.as_csv(fuzz.table(fuzz.Draw(4)), fuzz.Draw(4))
    assert fuzz.judged(name, content, fuzz.read(name, content, tmp_path)) == ""
    (tmp_path / "again").mkdir()
    monkeypatch.setattr(land, "plan_tables", failing)
    assert "KeyError" in fuzz.judged(name, content, fuzz.read(name, content, tmp_path / "again"))


def test_an_input_follows_from_its_number() -> None:
    assert [fuzz.made(7, i) for i in range(5)] == [fuzz.made(7, i) for i in range(5)]
    assert len({fuzz.made(7, i) for i in range(20)}) == 20
