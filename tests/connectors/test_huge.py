"""Huge and hostile files: the process that asks for them stays small, and is told in time."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MOST_MB = 600
ASKING = """
import json, resource, sys
from pathlib import Path
from headwater import Workspace

workspace = Workspace(Path(sys.argv[1]))
files = workspace.refresh().load.files
seen = workspace.check().to_text()[:100]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
status = Path("/proc/self/status")
if status.exists():  # what getrusage tells begins with the process that started this one
    peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
told = [[f.state, f.loaded, f.quarantined, f.reason[:200]] for f in files]
print(json.dumps({"files": told, "peak": peak, "seen": seen}))
"""
SOURCE = "path: 'in/*'\n{more}tables:\n  leads:\n    columns: {{lead_id: id, created_at: made, channel: channel}}\n"


def written(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def bad_lines(folder: Path) -> None:
    """Many rows, all of them bad, each with a long text."""
    row = b"1,soon," + b"x" * 4_000 + b"\n"
    written(folder / "a.csv", iter([b"id,made,channel\n", *[row * 100] * 600]))


def nearly_too_many(folder: Path) -> None:
    """As many bad rows as are set aside, and a good one; whoever looks at them holds them all."""
    row = b"1,soon," + b"x" * 120 + b"\n"
    written(folder / "a.csv", iter([b"id,made,channel\n2,2025-01-05,a\n", *[row * 100] * 3_990]))


def one_line(folder: Path) -> None:
    written(folder / "a.csv", iter([b"id,made,channel\n", *[b"x" * (1 << 20)] * 200]))


def open_quote(folder: Path) -> None:
    written(folder / "a.csv", iter([b'id,made,channel\n1,2025-01-05,"', *[b"x,y\n" * (1 << 18)] * 100]))


def broken_json(folder: Path) -> None:
    line = b'{"id": "1", "made": "' + b"x" * 100_000 + b"\n"
    written(folder / "a.ndjson", iter([b'{"id": "1", "made": "2025-01-05", "channel": "a"}\n', *[line] * 3_000]))


def wide_json(folder: Path) -> None:
    row = json.dumps({f"n{i}": "x" * 500 for i in range(1_900)} | {"id": "1", "made": "2025-01-05", "channel": ""})
    written(folder / "a.ndjson", (p for p in [row.encode() + b"\n"] * 150))


def deep_json(folder: Path) -> None:
    written(folder / "a.json", (p for p in [b'[{"a":' * (1 << 20)] * 10))


def many_headers(folder: Path) -> None:
    names = b",".join(b"h%d" % i for i in range(1_000_000))
    written(folder / "a.csv", iter([b"id,made,channel," + names + b"\n", b"1,2025-01-05,a" + b"," * 1_000_000]))


def bombs(folder: Path) -> None:
    zeros = gzip.compress(b"0" * (300 << 20))
    (folder / "a.csv.gz").write_bytes(zeros)
    with zipfile.ZipFile(folder / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (300 << 20))
        archive.writestr("b.csv.gz", zeros)
        archive.writestr("c.xlsx", b"PK\x03\x04" + b"0" * (1 << 20))


@pytest.mark.verify
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    "make",
    [bad_lines, nearly_too_many, one_line, open_quote, broken_json, wide_json, deep_json, many_headers, bombs],
    ids=lambda m: m.__name__,
)
def test_the_one_who_asks_stays_small(make: Callable[[Path], None], tmp_path: Path) -> None:
    from headwater import Workspace

    place = tmp_path / "company"
    Workspace.init(place)
    (place / "sources" / "leads.yml").write_text(SOURCE.format(more="date_format: iso\n"), encoding="utf-8")
    (place / "in").mkdir()
    make(place / "in")
    done = subprocess.run(
        [sys.executable, "-c", ASKING, str(place)],
        capture_output=True,
        text=True,
        timeout=1_100,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["files"]
    assert all("parser failed" not in reason for _, _, _, reason in told["files"]), told
    assert told["peak"] < MOST_MB, told
