"""Files into the journal and the journal into tables: once, whole, and never half."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.api import loading
from headwater.errors import QueryError, SourceError, WorkspaceError
from headwater.store.landing import journal
from headwater.store.place import open_store
from tests.sources import HEAD, JANUARY, count, refreshed, with_sources


def states(loaded: loading.Loaded) -> dict[str, str]:
    return {f.path: f.state for f in loaded.files}


def test_a_file_is_loaded_with_its_counts(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY + "L1,2025-01-03,email,ann@one.org\n"})
    done = workspace.refresh()
    (file,) = done.load.files
    assert (file.path, file.state, file.data_rows, file.loaded, file.quarantined, file.collapsed) == (
        "exports/leads.csv", "loaded", 4, 2, 1, 1,
    )  # fmt: skip
    assert [(q.row, q.column) for q in file.examples] == [(3, "created_at")]
    assert count(workspace) == 2
    assert ("leads", 0, 2) in done.rows


def test_loading_twice_changes_nothing(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    first = workspace.refresh()
    again = workspace.refresh()
    assert states(again.load) == {"exports/leads.csv": "unchanged"}
    assert (again.changed, again.generation.id) == (False, first.generation.id)


def test_load_lands_and_leaves_the_tables(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-01,ads,di@two.org\n")
    assert states(workspace.load()) == {"exports/leads-2.csv": "loaded", "exports/leads.csv": "unchanged"}
    assert count(workspace) == 2
    workspace.refresh()
    assert count(workspace) == 3


def test_a_refused_file_is_named_and_the_others_are_loaded(tmp_path: Path) -> None:
    workspace = with_sources(
        tmp_path, {"leads.csv": JANUARY, "leads-2.csv": "", "leads-3.csv": HEAD + "L9,2025-03-01,,\n"}
    )
    done = workspace.refresh()
    (refused,) = done.load.refused
    assert (refused.path, refused.source) == ("exports/leads-2.csv", "leads")
    assert "empty" in refused.reason
    assert count(workspace) == 3


def test_a_source_without_a_file_is_a_refusal(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {})
    (refused,) = workspace.refresh().load.refused
    assert "exports/leads*.csv" in refused.path
    assert "no file" in refused.reason


def test_named_sources_alone(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    with pytest.raises(QueryError, match="Did you mean 'leads'"):
        workspace.load("lead")
    assert states(workspace.load("leads")) == {"exports/leads.csv": "loaded"}


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    workspace = with_sources(tmp_path, {"leads-1.csv": JANUARY, "leads-2.csv": HEAD + "L4,2025-02-01,ads,\n"})
    workspace.refresh(progress=lambda what, done, of: told.append((what, done, of)))
    assert told == [("Loading leads-1.csv", 0, 2), ("Loading leads-2.csv", 1, 2), ("Building tables", 0, 0)]


# --- full loads ------------------------------------------------------------------------------------------------------
ONE, TWO = HEAD + "L1,2025-01-03,email,\nL2,2025-01-09,ads,\n", HEAD + "L3,2025-02-03,email,\n"


def test_a_key_that_vanished_from_a_full_source_is_deleted(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": ONE}, "full")
    (workspace.path / "exports" / "leads.csv").write_text(HEAD + "L1,2025-01-03,email,\n")
    workspace.refresh()
    assert count(workspace) == 1


def test_the_files_of_a_full_source_are_one_load(tmp_path: Path) -> None:
    """A file that did not change is loaded again with the one that did: its keys have not vanished."""
    workspace = refreshed(tmp_path, {"leads-1.csv": ONE, "leads-2.csv": TWO}, "full")
    assert count(workspace) == 3
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-03,email,\nL5,2025-02-03,email,\n")
    workspace.refresh()
    assert count(workspace) == 4
    assert not workspace.refresh().changed


def test_a_full_source_that_goes_back_to_an_earlier_state(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": ONE}, "full")
    counts = []
    for text in (ONE, TWO, ONE):
        (workspace.path / "exports" / "leads.csv").write_text(text)
        workspace.refresh()
        counts.append(count(workspace))
    assert counts == [2, 1, 2]


def test_a_refused_file_keeps_the_whole_full_load_out(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": ONE, "leads-2.csv": TWO}, "full")
    (workspace.path / "exports" / "leads-1.csv").write_text(HEAD + "L7,2025-01-03,email,\n")
    (workspace.path / "exports" / "leads-2.csv").write_text("")
    done = workspace.refresh()
    assert states(done.load) == {"exports/leads-1.csv": "refused", "exports/leads-2.csv": "refused"}
    assert (done.changed, count(workspace)) == (False, 3)


def test_two_equal_files_of_a_full_source(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads-1.csv": ONE, "leads-2.csv": ONE}, "full")
    assert list(states(workspace.refresh().load).values()) == ["loaded", "unchanged"]
    assert count(workspace) == 2
    assert not workspace.refresh().changed


def test_a_full_load_that_was_cut_short_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = refreshed(tmp_path, {"leads-1.csv": ONE, "leads-2.csv": TWO}, "full")
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-03,email,\n")
    real, done = loading.commit, []

    def commit_once(*args, **more):  # type: ignore[no-untyped-def]
        if done:
            raise WorkspaceError("the disk is full")
        done.append(1)
        return real(*args, **more)

    monkeypatch.setattr(loading, "commit", commit_once)
    with pytest.raises(WorkspaceError):
        workspace.load()
    monkeypatch.setattr(loading, "commit", real)
    (workspace.path / "exports" / "leads-1.csv").unlink()  # the source fails now, so nothing mends the load
    (workspace.path / "exports" / "leads-2.csv").unlink()
    workspace.refresh()
    assert count(workspace) == 3
    assert [r.state for r in workspace.check().results if r.check == "whole loads"] == ["warning"]


def test_a_cut_short_load_is_completed_by_the_next(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads-1.csv": ONE, "leads-2.csv": TWO}, "full")
    workspace.load()
    store = open_store(workspace.path / ".headwater" / "store")
    entries = journal(store)
    assert loading.whole(entries) == entries
    assert loading.whole(entries[:1]) == ()
    assert loading.last_full_loads(entries[:1], "leads") == ("", "")


# --- generations -----------------------------------------------------------------------------------------------------
def test_rollback_and_refresh(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    first = workspace.refresh().generation
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-01,ads,\n")
    workspace.refresh()
    assert workspace.rollback().id == first.id
    assert count(workspace) == 2
    assert workspace.refresh().changed
    assert count(workspace) == 3


def test_a_full_refresh_gives_the_same_tables(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-01,ads,\n")
    digests = [
        {t.table: t.digest for t in done.generation.tables}
        for done in (workspace.refresh(), workspace.refresh(full=True))
    ]
    assert digests[0] == digests[1]


def test_changed_table_definitions_ask_for_a_refresh(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    (workspace.path / "tables" / "mine.yml").write_text(
        "extend: leads\ncolumns: {shoe_size: {type: integer, about: x}}\nsplits: {was: [shoe_size]}\n"
    )
    with pytest.raises(WorkspaceError, match="headwater refresh"):
        workspace.measure("own_leads")
    workspace.refresh()
    assert count(workspace) == 2


def test_an_older_generation_is_asked_for_what_it_has(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    before = workspace.measure("own_leads")[0].data
    (workspace.path / "tables" / "mine.yml").write_text(
        "extend: leads\ncolumns: {shoe_size: {type: integer, about: x}}\nsplits: {was: [shoe_size]}\n"
    )
    workspace.refresh()
    assert workspace.measure("own_leads", generation=before)[0].value == 2
    with pytest.raises(QueryError, match="other definitions"):
        workspace.measure("own_leads", by="shoe_size", generation=before)
    assert len(workspace.measure("own_leads", by="shoe_size")) == 1


def test_words_about_a_table_change_no_data_version(tmp_path: Path) -> None:
    from headwater.api.versions import _build_version

    workspace = with_sources(tmp_path, {})
    company = workspace._folder.company()
    tables = dict(workspace._folder.catalogue(company).tables)
    other = {**tables, "leads": replace(tables["leads"], about="other words", title="Other")}
    wider = {**tables, "leads": replace(tables["leads"], key=("lead_id", "email"))}
    version = _build_version(tables, company.settings)
    assert _build_version(other, company.settings) == version
    assert _build_version(wider, company.settings) != version


def test_a_source_error_holds_no_path_outside_the_workspace(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": "\0\0\0"})
    (refused,) = workspace.load().refused
    assert str(tmp_path) not in refused.reason
    assert issubclass(SourceError, Exception)


def test_files_read_side_by_side_are_stored_in_order(tmp_path: Path) -> None:
    files = {f"leads-{n}.csv": HEAD + f"L{n},2025-01-0{n},email,ann{n}@one.org\n" for n in range(1, 6)}
    alone, beside = (with_sources(tmp_path / name, files) for name in ("one", "two"))
    for workspace, threads in ((alone, 1), (beside, 3)):
        (workspace.path / "headwater.yml").write_text(f"currency: EUR\ntime_zone: UTC\nthreads: {threads}\n")
    told = [[(f.path, f.state, f.loaded) for f in w.refresh().load.files] for w in (alone, beside)]
    assert told[0] == told[1]
    ids = [[(e.number, e.id) for e in journal(open_store(w.path / ".headwater" / "store"))] for w in (alone, beside)]
    assert ids[0] == ids[1]
