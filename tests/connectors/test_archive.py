"""Zip archives: their files are files of their own, and an archive that is no honest one is refused as a whole."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.api.workspace import Workspace
from headwater.connectors import archive
from headwater.connectors.archive import Member, members, open_member
from headwater.connectors.files import of_archive
from headwater.connectors.parse import listed
from headwater.connectors.refusal import Refused
from headwater.errors import SourceError
from headwater.model.source import Source
from tests.connectors.load import LIMITS
from tests.world import fresh

MOST = 1 << 30
ONE = b"deal_id\n1\n"


def packed(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files:
            made.writestr(name, content, method)
    return out.getvalue()


def names(content: bytes, inside: str = "", most: int = MOST) -> list[str]:
    return [m.name for m in members(io.BytesIO(content), inside, most)]


def code(content: bytes, inside: str = "", most: int = MOST) -> str:
    with pytest.raises(Refused) as e:
        members(io.BytesIO(content), inside, most)
    return e.value.code


def test_members_with_size_and_digest() -> None:
    content = packed(("b/deals.csv", ONE), ("a.json", b"[]"), ("b/", b""), ("__MACOSX/a", b"x"), ("b/.DS_Store", b"x"))
    assert members(io.BytesIO(content), "", MOST) == (
        Member("a.json", 2, sha256(b"[]").hexdigest()),
        Member("b/deals.csv", len(ONE), sha256(ONE).hexdigest()),
    )
    assert open_member(io.BytesIO(content), "b/deals.csv", MOST).read() == ONE


def test_inside_chooses_by_path_or_name() -> None:
    content = packed(("b/deals.csv", ONE), ("a.json", b"[]"), ("readme.txt", b"x"))
    assert names(content, "*.csv") == names(content, "b/*") == names(content, "deals.*") == ["b/deals.csv"]
    assert code(content, "*.parquet") == code(packed()) == code(packed(("b/", b""))) == "no_file"
    with pytest.raises(Refused) as e:
        open_member(io.BytesIO(content), "c.csv", MOST)
    assert e.value.code == "no_file"


@pytest.mark.parametrize(
    "name", ["../deals.csv", "a/../../deals.csv", "/etc/passwd", "C:/deals.csv", "a\\b.csv", "a\nb.csv", "..", "a\x7f"]
)
def test_a_place_outside_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    assert code(packed(("fine.csv", ONE), (info, ONE))) == "unsafe_path"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind: int) -> None:
    info = zipfile.ZipInfo("deals.csv")
    info.external_attr = (kind | 0o777) << 16
    assert code(packed((info, b"/etc/passwd"))) == "unsafe_path"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["deals.csv", "./deals.csv", ".//deals.csv"])
def test_a_name_that_stands_twice_is_refused(second: str) -> None:
    assert code(packed(("deals.csv", ONE), (second, b"deal_id\n2\n"))) == "duplicate_file"


def test_equal_letters_written_in_two_ways_are_one_name() -> None:
    assert code(packed(("caf\u00e9.csv", ONE), ("cafe\u0301.csv", ONE))) == "duplicate_file"


def test_archives_within_are_refused_unless_left_out() -> None:
    content = packed(("more.zip", packed(("deals.csv", ONE))), ("deals.csv", ONE))
    assert code(content) == "nested_archive"
    assert names(content, "*.csv") == ["deals.csv"]


def test_encrypted_and_unusual_archives_are_refused() -> None:
    content = bytearray(packed(("deals.csv", ONE)))
    for at in (6, content.index(b"PK\x01\x02") + 8):
        content[at] |= 1
    assert code(bytes(content)) == "encrypted"
    assert code(packed(("deals.csv", ONE), method=zipfile.ZIP_LZMA)) == "unsupported"


def with_size(content: bytes, size: int, *, local: bool = True) -> bytes:
    """An archive of one file that says another size."""
    changed = bytearray(content)
    places = [(content.index(b"PK\x01\x02"), 24)] + ([(0, 22)] if local else [])
    for at, field in places:
        struct.pack_into("<I", changed, at + field, size)
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [0, 3, len(ONE) - 1, len(ONE) + 1, 1_000_000])
def test_a_size_that_lies_is_refused(method: int, size: int) -> None:
    assert code(with_size(packed(("deals.csv", ONE), method=method), size)) == "corrupt_file"
    assert code(with_size(packed(("deals.csv", ONE), method=method), size, local=False)) == "corrupt_file"


def test_bombs_are_refused_before_they_unpack() -> None:
    bomb = packed(("deals.csv", b"\0" * (8 << 20)))
    assert code(bomb) == "too_large_unpacked"
    assert code(packed(("a.csv", ONE), ("b.csv", ONE)), most=len(ONE) * 2 - 1) == "too_large_unpacked"
    assert code(with_size(bomb, 100)) == "corrupt_file"


def test_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 2)
    assert code(packed(*((f"{i}.csv", ONE) for i in range(3)))) == "too_many_files"


def test_every_cut_and_every_flipped_byte_is_refused_or_changes_nothing() -> None:
    content = packed(("deals.csv", ONE), ("more/leads.csv", b"lead_id\n" + b"7\n" * 50))
    sound = {m.name: m.content for m in members(io.BytesIO(content), "", MOST)}
    for cut in range(len(content)):
        with pytest.raises(Refused):
            members(io.BytesIO(content[:cut]), "", MOST)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 0xFF
        try:
            found = members(io.BytesIO(bytes(changed)), "", MOST)
        except Refused:
            continue
        assert {m.content for m in found} <= set(sound.values())


def test_something_else_called_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deals.zip"
    path.write_bytes(ONE)
    staged = tmp_path / "staged"
    staged.mkdir()
    with pytest.raises(SourceError) as e:
        listed(Source("deals", "", ()), path, staged, LIMITS)
    assert (e.value.code, e.value.where, list(staged.iterdir())) == ("corrupt_file", str(path), [])


def test_paths_into_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "deals.zip"
    inside = path / "a" / "deals.csv"
    assert of_archive(inside) == (inside, "")
    path.write_bytes(b"")
    assert of_archive(inside) == (path, "a/deals.csv")
    assert of_archive(path) == (path, "")


# --- in a workspace ------------------------------------------------------------------------------------------------
LEADS = "path: '*.zip'\n{more}tables:\n  leads:\n    columns: {{lead_id: id, created_at: made}}\n"


def company(tmp_path: Path, more: str = "") -> Workspace:
    place = tmp_path / "company"
    if not place.exists():
        fresh(place)
    (place / "sources" / "leads.yml").write_text(LEADS.format(more=more), encoding="utf-8")
    return Workspace(place)


def leads(*ids: str) -> bytes:
    return ("id,made\n" + "".join(f"{i},2026-01-05\n" for i in ids)).encode()


def book(*ids: str) -> bytes:
    from openpyxl import Workbook

    made, out = Workbook(), io.BytesIO()
    assert made.active is not None
    for row in [("id", "made"), *((i, "2026-01-05") for i in ids)]:
        made.active.append(row)
    made.save(out)
    return out.getvalue()


def table(*ids: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ids, "made": ["2026-01-05"] * len(ids)}), out)
    return out.getvalue()


def states(workspace: Workspace) -> list[tuple[str, str, int, int]]:
    return [(f.path, f.state, f.loaded, f.quarantined) for f in workspace.load().files]


def test_each_file_of_an_archive_has_its_own_counts(tmp_path: Path) -> None:
    workspace = company(tmp_path)
    path = tmp_path / "company" / "all.zip"
    files: list[tuple[str | zipfile.ZipInfo, bytes]] = [
        ("a/leads.csv", leads("1", "2", "")),
        ("leads.csv.gz", gzip.compress(leads("3"))),
        ("leads.json", b'{"rows": [{"id": "4", "made": "2026-01-05"}]}'),
        ("leads.ndjson", b'{"id": "5", "made": "2026-01-05"}\n{\n'),
        ("leads.parquet", table("6", "7")),
        ("leads.xlsx", book("8")),
    ]
    path.write_bytes(packed(*files))
    wanted = [
        ("all.zip/a/leads.csv", 2, 1),
        ("all.zip/leads.csv.gz", 1, 0),
        ("all.zip/leads.json", 1, 0),
        ("all.zip/leads.ndjson", 1, 1),
        ("all.zip/leads.parquet", 2, 0),
        ("all.zip/leads.xlsx", 1, 0),
    ]
    assert states(workspace) == [(name, "loaded", good, bad) for name, good, bad in wanted]
    assert states(workspace) == [(name, "unchanged", 0, 0) for name, _, _ in wanted]
    path.write_bytes(packed(*files[:-1], ("leads.xlsx", book("8", "9"))))  # one of them is another one
    assert [s for s in states(workspace) if s[1] != "unchanged"] == [("all.zip/leads.xlsx", "loaded", 2, 0)]
    assert [p.name for p in (tmp_path / "company").iterdir() if "leads" in p.name] == []


def test_an_archive_that_is_refused_stops_a_full_load_and_not_the_others(tmp_path: Path) -> None:
    def put(name: str, content: bytes) -> None:
        (tmp_path / "company" / name).write_bytes(content)

    workspace = company(tmp_path)
    put("a.zip", packed(("leads.csv", leads("1"))))
    put("b.zip", packed(("../leads.csv", leads("2"))))
    assert [(p, s) for p, s, _, _ in states(workspace)] == [("b.zip", "refused"), ("a.zip/leads.csv", "loaded")]
    full = company(tmp_path, "load: full\n")
    assert [(p, s) for p, s, _, _ in states(full)] == [("b.zip", "refused")]
    put("b.zip", packed(("leads.csv", leads("2"))))
    assert [(p, s) for p, s, _, _ in states(full)] == [("a.zip/leads.csv", "loaded"), ("b.zip/leads.csv", "loaded")]


def test_inside_leaves_the_others_alone(tmp_path: Path) -> None:
    workspace = company(tmp_path, "inside: 'leads-*.csv'\n")
    files: Any = [("leads-1.csv", leads("1")), ("readme.txt", b"hello"), ("x/leads-2.csv", leads("2"))]
    (tmp_path / "company" / "all.zip").write_bytes(packed(*files))
    assert [p for p, _, _, _ in states(workspace)] == ["all.zip/leads-1.csv", "all.zip/x/leads-2.csv"]
