"""Rows set aside: mended by hand, by another mapping, or when their file comes again; nothing else changes."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headwater import Workspace
from headwater.errors import QueryError, SourceError
from headwater.model.landing import Batch
from headwater.store.generations import current
from headwater.store.landing import journal
from headwater.store.place import Store, open_store
from tests.sources import HEAD, LEADS_YML, count, with_sources

JANUARY = HEAD + "L1,2025-01-03,email,ann@one.org\nL2,soon,ads,bob@one.org\nL3,later,ads,cy@two.org\n"


def write_out(workspace: Workspace, name: str = "mend.csv") -> tuple[Path, list[dict[str, str]]]:
    """The rows set aside, in a file that is to be mended."""
    path = workspace.path / name
    workspace.load("leads", rejected=path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return path, list(csv.DictReader(file))


def hand_in(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        out.writeheader()
        out.writerows(rows)


def corrected(workspace: Workspace, path: Path) -> tuple[str, int, int]:
    """What became of a file of mended rows: its state, the rows it mends, and those that are still set aside."""
    file = workspace.load("leads", corrected=path).files[-1]
    return file.state, file.corrects, file.quarantined


def accounts(workspace: Workspace) -> list[str]:
    """What `check` says of the rows of every load."""
    return [r.what for r in workspace.check().results if r.check == "rows in = rows out"]


def store_of(workspace: Workspace) -> Store:
    return open_store(workspace.path / ".headwater" / "store")


def digests(workspace: Workspace) -> dict[str, str]:
    generation = current(store_of(workspace))
    assert generation is not None
    return {t.table: t.digest for t in generation.tables}


def test_rows_out_mended_and_in_again(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    workspace.refresh()
    path, rows = write_out(workspace)
    assert [(r["_file"], r["_row"], r["_column"], r["Lead ID"], r["Created"]) for r in rows] == [
        ("exports/leads.csv", "2", "created_at", "L2", "soon"),
        ("exports/leads.csv", "3", "created_at", "L3", "later"),
    ]
    assert path.stat().st_mode & 0o077 == 0, "the rows may be personal"
    rows[0]["Created"] = "2025-01-09"
    hand_in(path, rows, ";")  # as a spreadsheet program of Germany saves it
    assert corrected(workspace, path) == ("loaded", 1, 1)
    assert corrected(workspace, path)[0] == "refused", "the other row is as wrong as it was"
    path.unlink()
    assert [r["_row"] for r in write_out(workspace)[1]] == ["3"]
    workspace.refresh()
    assert count(workspace) == 2
    assert accounts(workspace)[0] == "1 loaded + 1 corrected + 1 set aside + 0 collapsed = 3 rows"
    amended = digests(workspace)
    workspace.refresh(full=True)
    assert amended == digests(workspace), "what is amended equals what is built anew"


def test_the_same_correction_twice_changes_nothing(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    path, rows = write_out(workspace)
    for row in rows:
        row["Created"] = "2025-01-09"
    hand_in(path, rows)
    assert corrected(workspace, path) == ("loaded", 2, 0)
    entries = journal(store_of(workspace))
    assert corrected(workspace, path) == ("unchanged", 0, 0)
    rows[0]["Created"] = "2025-01-10"
    hand_in(path, rows)
    assert corrected(workspace, path)[0] == "refused", "a row is mended once"
    assert journal(store_of(workspace)) == entries


def test_another_mapping_settles_what_now_loads(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    workspace.load()
    told = LEADS_YML.format(load="incremental").replace(
        "created_at: Created", "created_at: {column: Created, values: {soon: 2025-01-09}}"
    )
    (workspace.path / "sources" / "leads.yml").write_text(told)
    workspace.refresh()
    assert count(workspace) == 2
    aside = [r for r in workspace.check().results if r.check == "rows set aside"]
    assert [r.what.partition(":")[0] for r in aside] == ["1 rows set aside"], "those of the first reading are settled"
    (workspace.path / "sources" / "leads.yml").write_text(LEADS_YML.format(load="incremental"))
    assert [f.state for f in workspace.load().files] == ["loaded"], "a mapping that goes back is one that changed"
    assert [e.loaded for e in journal(store_of(workspace)) if isinstance(e, Batch)] == [1, 2, 1]


def test_mended_rows_follow_the_mapping(tmp_path: Path) -> None:
    """A correction was read as its file was: when that is read anew, so is the correction."""
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    path, rows = write_out(workspace)
    rows[0]["Created"] = "2025-01-09"
    hand_in(path, rows[:1])
    corrected(workspace, path)
    path.unlink()
    told = LEADS_YML.format(load="incremental")
    told = told.replace("channel: Source", "channel: {column: Source, values: {ads: web}}")
    (workspace.path / "sources" / "leads.yml").write_text(told)
    workspace.refresh()
    found = workspace.measure("own_leads", by=["channel"])
    assert {o.segment: o.value for o in found} == {(("channel", "email"),): 1, (("channel", "web"),): 1}
    assert [r["_row"] for r in write_out(workspace)[1]] == ["3"]
    assert {f.state for f in workspace.load().files} == {"unchanged"}


def test_a_full_source_keeps_its_corrections(tmp_path: Path) -> None:
    """The next export has the same wrong row again; the mended one is not deleted by it."""
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY}, "full")
    path, rows = write_out(workspace)
    rows[0]["Created"] = "2025-01-09"
    hand_in(path, rows[:1])
    corrected(workspace, path)
    workspace.refresh()
    assert count(workspace) == 2
    exported = workspace.path / "exports" / "leads.csv"
    for text, leads in ((JANUARY + "L4,2025-02-01,ads,\n", 3), (JANUARY, 2)):
        exported.write_text(text)
        workspace.refresh()
        assert count(workspace) == leads
        assert {f.state for f in workspace.load().files} == {"unchanged"}
    exported.write_text(HEAD + "L1,2025-01-03,email,\n")
    assert [f.corrects for f in workspace.load().files] == [0], "a row that is gone needs no mending"


def test_a_later_delivery_overtakes_a_correction(tmp_path: Path) -> None:
    """February tells of L2 what is newer than the mended row of January."""
    workspace = with_sources(tmp_path, {"leads-1.csv": JANUARY})
    path, rows = write_out(workspace)
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L2,2025-01-09,partner,bob@one.org\n")
    rows[0]["Created"], rows[1]["Created"] = "2025-01-09", "2025-01-20"
    hand_in(path, rows)
    file = workspace.load("leads", corrected=path).files[-1]
    assert (file.corrects, file.loaded, file.skipped) == (2, 1, (("overtaken", 1),))
    workspace.refresh()
    told = workspace.measure("own_leads", by=["channel"])
    assert {o.segment[0][1]: o.value for o in told} == {"email": 1, "partner": 1, "ads": 1}


def test_what_cannot_be_matched_is_refused_whole(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    path, rows = write_out(workspace)
    row = {**rows[0], "Created": "2025-01-09"}
    for wrong, why in (
        ({**row, "_row": "1"}, "no row 1 of"),
        ({**row, "_file": "other.csv"}, "no row 2 of 'other.csv'"),
        ({k: v for k, v in row.items() if k != "_row"}, "'_row'"),
        ({k: v for k, v in row.items() if k != "Source"}, "'Source'"),
        ({**row, "_row": "two"}, "does not name the row"),
    ):
        hand_in(path, [wrong])
        file = workspace.load("leads", corrected=path).files[-1]
        assert (file.state, file.loaded) == ("refused", 0)
        assert why in file.reason
    with pytest.raises(QueryError, match="one source at a time"):
        workspace.load(rejected="x.csv")
    with pytest.raises(QueryError, match="named"):
        workspace.load(accept=True)
    with pytest.raises(SourceError, match="there already"):
        write_out(workspace)
    assert workspace.load("leads", corrected=tmp_path / "none.csv").files[-1].state == "refused"


def test_an_erased_person_is_in_no_correction(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    path, rows = write_out(workspace)
    for row in rows:
        row["Created"] = "2025-01-09"
    hand_in(path, rows)
    corrected(workspace, path)
    path.unlink()
    workspace.erase("bob@one.org")
    assert count(workspace) == 2
    for file in store_of(workspace).landing.rglob("*.parquet"):
        assert "bob@one.org" not in str(pq.read_table(file).to_pylist())
    assert all(r.state != "failed" for r in workspace.check().results)
