"""Each rule by which `doctor` says that a workspace outgrows one machine, at its border; and that a refresh is told."""

from datetime import UTC, datetime, timedelta
from mmap import mmap
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.outgrown import interval, outgrown
from headwater.errors import WorkspaceError
from headwater.store.efforts import FILE, KEPT, Effort, Gauge, efforts, gauged, note_effort
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.world import fresh

BEGAN = datetime(2026, 3, 1, 6, tzinfo=UTC)


def effort(day: int = 0, seconds: int = 10, peak: int = 100, spilled: int = 0, allowed: int = 1000) -> Effort:
    return Effort(BEGAN + timedelta(days=day), seconds, peak, spilled, allowed)


def held(megabytes: int) -> mmap:
    """Memory that is in use, and given back to the system as soon as it is closed."""
    memory = mmap(-1, megabytes * 1024**2)
    memory[::4096] = bytes(megabytes * 256)
    return memory


def daily(last_seconds: int) -> tuple[Effort, ...]:
    return effort(0, 1), effort(1, 1), effort(2, last_seconds)


@pytest.mark.parametrize(("taken", "said"), [
    ((), ""),
    ((effort(),), ""),
    ((effort(peak=600),), ""),
    ((effort(peak=601),), "601 MB, more than 60%"),
    ((effort(peak=601), effort(1)), ""),  # the last one counts
    ((effort(spilled=2000),), ""),
    ((effort(spilled=2001),), "spilled 2,001 MB, more than 2 times the 1,000 MB"),
    (daily(21_600), ""),
    (daily(21_601), "21,601 seconds, more than 25% of the 86,400 seconds"),
    ((effort(0), effort(1, 80_000)), ""),  # two make no habit
])  # fmt: skip
def test_each_rule_holds_from_its_border_on(taken: tuple[Effort, ...], said: str) -> None:
    found = list(outgrown(taken))
    assert len(found) == bool(said)
    for what, do in found:
        assert said in what
        assert do.endswith("docs/outgrown.md.")
    assert (Path(__file__).parents[2] / "docs" / "outgrown.md").is_file()


def test_the_interval_is_the_usual_one() -> None:
    assert interval((effort(0), effort(1))) is None
    assert interval(tuple(effort(day) for day in (0, 1, 2, 30))) == timedelta(days=1)


def test_the_last_refreshes_are_kept_and_a_damaged_file_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path / ".headwater" / "store", create=True)
    assert efforts(store) == ()
    with writing(store, "refresh"):
        for day in range(KEPT + 2):
            note_effort(store, effort(day))
    assert efforts(store) == tuple(effort(day) for day in range(2, KEPT + 2))
    (store.root / FILE).write_text("[{", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        efforts(store)


def test_a_gauge_keeps_the_greatest(tmp_path: Path) -> None:
    spilled = tmp_path / "deep" / "spilled"
    spilled.parent.mkdir()
    spilled.write_bytes(bytes(3 * 1024**2 + 1))
    before = held(400)
    gauge = Gauge(tmp_path)
    with held(200):
        gauge.look()
    before.close()
    spilled.unlink()
    gauge.look()
    assert gauge.spilled_mb == 3
    assert 190 <= gauge.peak_mb < 390  # what the process held before is not the work's
    with gauged(tmp_path) as looking:
        pass
    assert 0 <= looking.peak_mb < 100
    assert looking.spilled_mb == 0


def test_a_refresh_is_kept_and_doctor_reads_it(tmp_path: Path) -> None:
    fresh(tmp_path / "acme")
    workspace = Workspace(tmp_path / "acme", now=BEGAN)
    (workspace.path / "leads.csv").write_text("id,on\nL1,2026-02-01\n", encoding="utf-8")
    columns = "path: leads.csv\nload: full\ntables:\n  leads:\n    columns:\n      lead_id: id\n      created_at: on\n"
    (workspace.path / "sources" / "leads.yml").write_text(columns, encoding="utf-8")
    workspace.refresh()
    store = open_store(workspace.path / ".headwater" / "store")
    (taken,) = efforts(store)
    assert taken.at == BEGAN
    assert taken.memory_mb == 2048
    assert taken.peak_mb > 10
    assert taken.seconds >= 0
    assert "60%" not in workspace.doctor().to_text()
    with writing(store, "refresh"):
        note_effort(store, effort(peak=601))
    assert "601 MB, more than 60% of the 1,000 MB allowed" in workspace.doctor().to_text()
