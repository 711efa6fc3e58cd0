"""`check` and `doctor`: what does not add up is said, what is fine is counted."""

import json
import shutil
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.examining import has_faults
from headwater.errors import WorkspaceError
from tests.sources import JANUARY, refreshed
from tests.world import fresh, land, world


def told(workspace: Workspace, check: str) -> list[tuple[str, str]]:
    return [(r.state, r.what) for r in workspace.check().results if r.check == check]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = refreshed(tmp_path_factory.mktemp("check"), {"leads.csv": JANUARY})
    return workspace


def test_rows_in_equal_rows_out(loaded: Workspace) -> None:
    assert told(loaded, "rows in = rows out") == [("ok", "2 loaded + 1 set aside + 0 collapsed = 3 rows")]


def test_rows_set_aside_are_counted_and_shown_without_personal_values(loaded: Workspace) -> None:
    checked = loaded.check()
    assert told(loaded, "rows set aside") == [("warning", "1 rows set aside: bad date in 'created_at'")]
    assert checked.aside.rows[0][:5] == ("leads", "exports/leads.csv", 3, 4, "created_at")
    assert "cy@two.org" not in checked.to_text() + checked.to_json()


def test_files_that_only_a_question_would_read_are_checked(tmp_path: Path) -> None:
    wrong = {"criteria/own.yml": "title: Own\nsubject: ship\n"}
    made = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-01"}]}, files=wrong)
    found = [r for r in made.check().results if r.check == "definitions"]
    assert {r.state for r in found} == {"failed"}
    assert {r.subject.partition(":")[0] for r in found} == {"criteria/own.yml"}


def test_nothing_failed_here(loaded: Workspace) -> None:
    checked = loaded.check()
    assert not checked.failed
    assert checked.to_text().splitlines()[0].split() == ["state", "check", "subject", "what"]
    assert len(json.loads(checked.to_json())) == len(checked.results)


def test_freshness_is_told_against_today(loaded: Workspace) -> None:
    (leads,) = [w for s, w in told(loaded, "freshness") if w.startswith("leads")]
    assert leads == "leads: complete through 2025-01-09, 82 days ago: stale"


def test_a_source_may_deliver_once_a_quarter(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    source = workspace.path / "sources" / "leads.yml"
    source.write_text(source.read_text() + "every: quarter\n")
    (leads,) = [w for s, w in told(workspace, "freshness") if s == "ok" and w.startswith("leads")]
    assert leads == "leads: complete through 2025-01-09"


def test_a_source_that_is_gone_fails(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    (workspace.path / "exports" / "leads.csv").unlink()
    checked = workspace.check()
    assert checked.failed
    assert [r.state for r in checked.results if r.check == "sources"] == ["failed"]


def test_the_tables_are_tested(tmp_path: Path) -> None:
    workspace = world(
        tmp_path,
        {
            "leads": [{"lead_id": "a", "created_at": "2025-01-03", "account_id": "A1"},
                      {"lead_id": "b", "created_at": "2025-01-03", "account_id": "A9"}],
            "accounts": [{"account_id": "A1"}],
            "costs": [{"cost_id": "1", "day": "2025-01-01", "kind": "snacks", "function": "marketing", "amount": 1}],
        },
    )  # fmt: skip
    assert ("warning", "1 rows have a 'account_id' that 'accounts' does not hold") in told(workspace, "references")
    assert ("warning", "1 rows have a text in 'kind' that is not allowed") in told(workspace, "allowed texts")
    assert {s for s, _ in told(workspace, "unique keys")} == {"ok"}
    assert {s for s, _ in told(workspace, "required values")} == {"ok"}


def test_keys_that_two_sources_deliver(tmp_path: Path) -> None:
    workspace = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    land(workspace, {"leads": [{"lead_id": "a", "created_at": "2025-01-04"},
                               {"lead_id": "b", "created_at": "2025-01-04"}]}, source="crm")  # fmt: skip
    workspace.refresh()
    ((state, what),) = told(workspace, "one source a key")
    assert (state, what) == (
        "warning", "1 rows delivered by more than one of crm, world; the later load wins (such as a)",
    )  # fmt: skip


def test_dates_in_the_wrong_order_are_named_by_table_and_pair(tmp_path: Path) -> None:
    deals = [
        {"opportunity_id": "a", "created_at": "2025-01-05", "closed_at": "2025-01-03", "status": "won"},
        {"opportunity_id": "b", "created_at": "2025-01-05T10:00", "closed_at": "2025-01-05T09:59", "status": "won"},
        {"opportunity_id": "c", "created_at": "2025-01-05T10:00", "closed_at": "2025-01-05", "status": "won"},
        {"opportunity_id": "d", "created_at": "2025-01-05", "closed_at": "2025-01-09", "status": "won"},
        {"opportunity_id": "e", "created_at": "2025-01-05", "closed_at": None, "status": "open"},
    ]
    leads = [{"lead_id": "x", "created_at": "2025-01-05", "mql_at": "2025-02-01", "sales_qualified_at": "2025-01-31"}]
    workspace = world(tmp_path, {"opportunities": deals, "leads": leads})
    found = [(r.subject, r.what) for r in workspace.check().results if r.check == "reversed times" and r.state != "ok"]
    assert found == [
        ("leads", "1 rows have 'sales_qualified_at' before 'mql_at'"),
        ("opportunities", "2 rows have 'closed_at' before 'created_at'"),
        ("opportunity_journeys", "2 rows have 'won_at' before 'created_at'"),
    ]


def test_rows_that_merges_gave_one_key_and_ids_of_nobody(tmp_path: Path) -> None:
    def entry(kind: str, subject: str) -> dict[str, str]:
        return {"subject_kind": kind, "subject_id": subject, "stage": "mql", "entered_at": "2025-01-03T10:00"}

    people = [{"lead_id": n, "created_at": "2025-01-01"} for n in "abc"]
    workspace = world(tmp_path, {"leads": people, "stage_entries": [entry("lead", "a"), entry("lead", "b")]})
    assert told(workspace, "keys after merges") == []
    land(workspace, {"leads": [{**people[0], "_merged_into": "b"}],
                     "stage_entries": [entry("lead", "c"), entry("lead", "x"), entry("opportunity", "y")]})  # fmt: skip
    workspace.refresh()
    counted = [(r.subject, r.what) for r in workspace.check().results if r.check == "keys after merges"]
    assert counted == [
        ("stage_entries", "1 rows gave way to a row of the same key, since the ids in their keys were merged"),
    ]
    named = [(s, w) for s, w in told(workspace, "references") if "'subject_id'" in w]
    assert named == [
        ("warning", "1 rows have a 'subject_id' that 'leads' does not hold where 'subject_kind' is 'lead'"),
    ]
    assert [o.value for o in workspace.measure("mqls")] == [2]  # b, who was a too, and c


def test_without_data_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="headwater load"):
        fresh(tmp_path / "new").check()


# --- doctor ----------------------------------------------------------------------------------------------------------
def test_a_sound_workspace(loaded: Workspace) -> None:
    found = loaded.doctor()
    assert not has_faults(found)
    facts = " ".join(str(row[1]) for row in found if row[0] == "fact")
    assert "duckdb" in facts
    assert "free on this disk" in facts


def test_a_damaged_part_is_named(loaded: Workspace, tmp_path: Path) -> None:
    shutil.copytree(loaded.path, tmp_path / "copy")
    part = next((tmp_path / "copy" / ".headwater" / "store" / "parts").iterdir())
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    found = Workspace(tmp_path / "copy").doctor()
    assert has_faults(found)
    assert any(part.name in str(row[1]) for row in found if row[0] == "fault")


def test_a_wrong_definition_is_named(tmp_path: Path) -> None:
    workspace = fresh(tmp_path / "new")
    (workspace.path / "headwater.yml").write_text("company: A\ncurency: EUR\n")
    found = workspace.doctor()
    assert has_faults(found)
    assert any("curency" in str(row[3]) for row in found)


def test_an_untouched_workspace_is_sound(tmp_path: Path) -> None:
    found = fresh(tmp_path / "new").doctor()
    assert not has_faults(found)
    assert any("nothing was loaded yet" in str(row[1]) for row in found)
