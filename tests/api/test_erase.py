"""A person is taken out of everything that is kept, does not come back, and the files that still name them are told."""

import gzip
import json
import tempfile
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater import Workspace
from headwater.connectors import holding
from headwater.errors import QueryError
from tests.sources import HEAD, JANUARY, count, refreshed, with_sources


def kept_bytes(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted((folder / ".headwater").rglob("*")) if p.is_file())


def test_a_person_is_erased_and_does_not_come_back(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY, "leads-2.csv": HEAD + "L4,2025-02-01,ads,di@two.org\n"})
    assert count(workspace) == 3
    done = workspace.erase("Ann@one.org")
    assert (done.rows, done.holding, done.elsewhere, done.unread) == (1, ("exports/leads.csv",), (), ())
    assert "exports/leads.csv" in done.to_text()
    assert count(workspace) == 2
    assert workspace.measure("own_leads")[0].data == done.current
    assert b"ann@one.org" not in kept_bytes(workspace.path)
    (workspace.path / "exports" / "leads-3.csv").write_text(HEAD + "L8,2025-03-31,email,ann@one.org\nL9,2025-03-31,,\n")
    workspace.refresh()
    assert count(workspace) == 3


def loaded(workspace: Workspace) -> list[str]:
    """What the check says of the rows of each file."""
    return [r.what for r in workspace.check().results if r.check == "rows in = rows out"]


def test_an_id_that_is_listed_as_merged_goes_with_the_row_that_told_of_it_and_counts_no_row(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": HEAD + "kept-lead,2025-01-03,,\nother-lead,2025-01-04,,\n"})
    source = workspace.path / "sources" / "leads.yml"
    source.write_text(source.read_text() + "    merged_from: Email\n", encoding="utf-8")
    text = HEAD + "kept-lead,2025-01-03,,lost-lead-one;lost-lead-two\nother-lead,2025-01-04,,\n"
    (workspace.path / "exports" / "leads.csv").write_text(text, encoding="utf-8")
    source.write_text(source.read_text().replace(", email: Email", ""), encoding="utf-8")
    workspace.refresh()
    assert count(workspace) == 2
    done = workspace.erase("lost-lead-one")
    assert (done.rows, done.holding) == (1, ("exports/leads.csv",))
    assert loaded(workspace) == ["2 loaded + 0 set aside + 0 collapsed = 2 rows"]
    assert b"lost-lead-one" not in kept_bytes(workspace.path)
    assert count(workspace) == 2
    done = workspace.erase("kept-lead")
    assert done.rows == 2
    assert loaded(workspace) == ["1 loaded + 0 set aside + 0 collapsed = 1 rows"]
    assert b"kept-lead" not in kept_bytes(workspace.path)
    assert count(workspace) == 1
    assert not workspace.check().failed


def test_somebody_unknown(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    done = workspace.erase("nobody@nowhere.org")
    assert (done.rows, done.generations, done.holding) == (0, (), ())
    assert "nothing that is kept here" in done.to_text()
    with pytest.raises(QueryError):
        workspace.erase(" ")


# --- where else somebody is named -------------------------------------------------------------------------------------


def holds(path: Path, texts: list[str]) -> bool | None:
    with tempfile.TemporaryDirectory() as folder:
        return holding.holds(path, texts, Path(folder))


PERSON = "jürgen.o'hara@ex-ample.org"


def workbook(path: Path, text: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email"])
    sheet.append([text])
    book.save(path)


def test_in_which_files_a_person_is_found(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(f"a,{PERSON.upper().replace('Ü', 'ü')},b\n", encoding="utf-8")
    (tmp_path / "latin.csv").write_text(f"a;{PERSON}\n", encoding="cp1252")
    (tmp_path / "wide.csv").write_text(f"a\t{PERSON}\n", encoding="utf-16")
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(b"x" * 2_000_000 + PERSON.encode()))
    workbook(tmp_path / "book.xlsx", PERSON)
    pq.write_table(pa.table({"n": [1, 2], "email": [None, PERSON]}), tmp_path / "columns.parquet")
    (tmp_path / "packed.parquet.gz").write_bytes(gzip.compress((tmp_path / "columns.parquet").read_bytes()))
    (tmp_path / "a.ndjson").write_text(json.dumps({"email": PERSON}) + "\n")
    names = ("latin.csv", "book.xlsx", "packed.csv.gz", "packed.parquet.gz", "a.ndjson")
    for name in names:
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("other.csv", "a,b")
            archive.write(tmp_path / name, "in/" + name)
    found = {p.name: holds(p, [PERSON]) for p in tmp_path.iterdir()}
    assert found == dict.fromkeys(found, True)
    assert not any(holds(p, ["jurgen@ex-ample.org"]) for p in tmp_path.iterdir())


def test_a_text_across_two_pieces_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.connectors.holding.PIECE", 10)
    (tmp_path / "a.csv").write_text("12345678" + PERSON, encoding="utf-8")
    assert holds(tmp_path / "a.csv", [PERSON])


def test_a_short_id_counts_only_where_it_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\nL17\nx,1,y\n")
    assert holds(tmp_path / "a.csv", ["L17"])
    assert holds(tmp_path / "a.csv", ["17"]) is False
    assert holds(tmp_path / "a.csv", ["1"])


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00broken", b"PK\x03\x04broken", b"PAR1broken"])
def test_what_cannot_be_looked_through_is_not_called_clean(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert holds(tmp_path / "a", [PERSON]) is None
