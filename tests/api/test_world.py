"""The helper that makes worlds from rows: what it writes is what a file would have given."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from headwater import Workspace
from tests.sources import with_sources
from tests.world import land, later, world


def stored(workspace: Workspace, table: str, *columns: str) -> list[tuple]:
    """Columns of a stored table, by key."""
    from headwater.metrics.render import render
    from headwater.model.plan import Col, Named, Order, Project, Scan, Sort
    from headwater.store.generations import pinned
    from headwater.store.place import open_store

    rows = Sort(Project(Scan(table), tuple(Named(c, Col(c)) for c in columns)), (Order(Col(columns[0])),))
    with pinned(open_store(workspace.path / ".headwater" / "store")) as reader:
        return reader.rows(render(rows))


def test_rows_are_stored_as_those_of_a_file(tmp_path: Path) -> None:
    text = "Lead ID,Created,Source,Email\nL1,2025-01-03,email,ann@one.org\nL2,2025-01-09T10:00,,\n"
    filed = with_sources(tmp_path / "a", {"leads.csv": text})
    filed.refresh()
    written = world(
        tmp_path / "b",
        {
            "leads": [
                {"lead_id": "L1", "created_at": "2025-01-03", "channel": "email", "email": "ann@one.org"},
                {"lead_id": "L2", "created_at": "2025-01-09T10:00", "channel": None, "email": None},
            ]
        },
    )
    columns = ("lead_id", "created_at", "created_at__day", "channel", "email", "mql_at", "_row")
    assert stored(written, "leads", *columns) == stored(filed, "leads", *columns)


def test_times_are_local_unless_they_say_otherwise(tmp_path: Path) -> None:
    rows = [
        {"lead_id": "a", "created_at": "2025-07-01T00:30"},
        {"lead_id": "b", "created_at": "2025-07-01T00:30+00:00"},
        {"lead_id": "c", "created_at": date(2025, 7, 1)},
    ]
    workspace = world(tmp_path, {"leads": rows}, {"time_zone": "Europe/Berlin"})
    assert stored(workspace, "leads", "lead_id", "created_at", "created_at__day") == [
        ("a", datetime(2025, 6, 30, 22, 30), date(2025, 7, 1)),
        ("b", datetime(2025, 7, 1, 0, 30), date(2025, 7, 1)),
        ("c", None, date(2025, 7, 1)),
    ]


def test_later_loads_versions_and_deletions(tmp_path: Path) -> None:
    start = datetime(2025, 1, 10, tzinfo=UTC)
    deal = {"opportunity_id": "O1", "created_at": "2025-01-02", "status": "open", "stage": "new"}
    workspace = world(tmp_path, {"opportunities": [deal, {**deal, "opportunity_id": "O2"}]}, now=start)
    after = later(workspace, datetime(2025, 2, 10, tzinfo=UTC))
    land(after, {"opportunities": [{**deal, "stage": "won"}, {**deal, "opportunity_id": "O2", "_deleted": True}]})
    after.refresh()
    assert stored(after, "opportunities", "opportunity_id", "stage") == [("O1", "won")]
    assert len(stored(after, "opportunities__versions", "opportunity_id")) == 3


def test_how_far_the_data_goes(tmp_path: Path) -> None:
    lead = [{"lead_id": "a", "created_at": "2025-01-03"}]
    workspace = world(tmp_path / "a", {"leads": lead}, through={"leads": date(2025, 3, 31)})
    (found,) = [r.what for r in workspace.check().results if r.check == "freshness"]
    assert found.startswith("leads: complete through 2025-03-31")
    (found,) = [r.what for r in world(tmp_path / "b", {"leads": lead}).check().results if r.check == "freshness"]
    assert found.startswith("leads: complete through 2025-01-03")


@pytest.mark.parametrize(
    ("row", "said"), [({"lead_id": "a", "shoe": 1}, "no column"), ({"created_at": "2025-01-01"}, "needs a value")]
)
def test_a_row_that_no_file_could_have_given(tmp_path: Path, row: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        world(tmp_path, {"leads": [row]})
