"""Files that a browser hands over: whatever they are called, they land in `uploads/`, whole, and over nothing."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api import uploads
from headwater.api.uploads import FOLDER, MOST_LETTERS, Incoming, TooLargeError, named, safe_name, waiting
from headwater.errors import QueryError, WorkspaceError

MB = 1 << 20


def take(folder: Path, name: str, content: bytes) -> Path:
    incoming = Incoming(folder, name, MB, len(content))
    incoming.write(content)
    return incoming.keep()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("deals.csv", "deals.csv"),
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/x", "x"),
        (".headwater", "headwater"),
        ("~root", "_root"),
        ("a\x00b\nc.csv", "a_b_c.csv"),
        ("Deals [2025-*].csv", "Deals _2025-_.csv"),
        ("${HEADWATER_SHARED_DATA}.csv", "_HEADWATER_SHARED_DATA_.csv"),
        ("<script>alert(1)</script>.csv", "script_.csv"),
        ("nul.csv", "_nul.csv"),
        ("Umsätze Q1.xlsx", "Umsätze Q1.xlsx"),
        ("订单.csv", "订单.csv"),
        ("a" * 300 + ".csv", "a" * (MOST_LETTERS - 4) + ".csv"),
    ],
)
def test_a_name_is_made_safe(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["", "..", "../", "...", "\x00", "/", "***", " "])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match="has no name"):
        safe_name(name)


@given(st.text(max_size=200))
def test_a_safe_name_stays_in_its_folder(name: str) -> None:
    try:
        safe = safe_name(name)
    except QueryError:
        return
    assert safe == Path(safe).name != ".."
    assert not safe.startswith(".")
    assert not set(safe) & set("*?[]{}$%~<>|:;\"'`\\\n\x00")
    assert len(safe) <= MOST_LETTERS + 1
    assert len(safe.encode()) <= 255
    assert safe_name(safe) == safe


def test_a_file_is_kept_under_its_name_and_never_over_another(tmp_path: Path) -> None:
    names = [take(tmp_path, "deals.csv", text).name for text in (b"one", b"two", b"three")]
    assert names == ["deals.csv", "deals (2).csv", "deals (3).csv"]
    assert [p.read_bytes() for p in waiting(tmp_path)] == [b"two", b"three", b"one"]  # by name
    assert [p.name for p in (tmp_path / FOLDER).iterdir() if p.name.startswith(".")] == []


def test_a_file_that_is_dropped_leaves_nothing(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path, "deals.csv", MB)
    incoming.write(b"half")
    incoming.drop()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_file_that_is_too_large_is_refused_before_it_is_sent_and_while_it_is(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError, match="larger than 1 MB"):
        Incoming(tmp_path, "deals.csv", MB, MB + 1)
    incoming = Incoming(tmp_path, "deals.csv", MB)
    with pytest.raises(TooLargeError) as refused:
        for _ in range(3):
            incoming.write(b"x" * (MB // 2))
    assert "upload_mb" in refused.value.do
    incoming.drop()
    assert waiting(tmp_path) == ()


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SPARE_BYTES", 1 << 60)
    with pytest.raises(WorkspaceError, match="too full"):
        Incoming(tmp_path, "deals.csv", MB)


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / FOLDER).symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match="is a link"):
        Incoming(tmp_path, "deals.csv", MB)


def test_only_whole_files_wait(tmp_path: Path) -> None:
    take(tmp_path, "deals.csv", b"x")
    half = Incoming(tmp_path, "leads.csv", MB)
    (tmp_path / FOLDER / "folder").mkdir()
    (tmp_path / FOLDER / "link.csv").symlink_to("/etc/hostname")
    assert [p.name for p in waiting(tmp_path)] == ["deals.csv"]
    assert named(tmp_path, "deals.csv").read_bytes() == b"x"
    for name in ("link.csv", "../headwater.yml", "nothing.csv", ""):
        with pytest.raises(QueryError, match="no uploaded file"):
            named(tmp_path, name)
    half.drop()


def test_what_a_killed_program_left_is_swept_a_day_later(tmp_path: Path) -> None:
    left = Incoming(tmp_path, "deals.csv", MB)
    (part,) = (tmp_path / FOLDER).iterdir()
    take(tmp_path, "leads.csv", b"x")
    assert part.exists()
    os.utime(part, (0, 0))
    take(tmp_path, "costs.csv", b"x")
    assert not part.exists()
    left.drop()
