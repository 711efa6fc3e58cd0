"""Deliveries that differ: told, held back until they are accepted, or with their new rows set aside; never silent."""

from pathlib import Path

import numpy as np

from headwater import Workspace
from headwater.api.standing import differing, held_back
from headwater.store.generations import current
from headwater.store.landing import journal
from headwater.store.place import Store, open_store
from tests.sources import with_sources

COSTS_YML = """\
path: "exports/costs*.csv"
load: {load}
currency: EUR
drift: {drift}
tables:
  costs:
    columns:
      {{cost_id: Id, day: Day, channel: Channel, kind: {{constant: media}}, function: {{constant: marketing}},
        amount: Amount}}
"""


def costs(month: int, times: int = 1, channels: tuple[str, ...] = ("ads", "mail")) -> str:
    draw = np.random.default_rng(month)
    lines = ["Id,Day,Channel,Amount"]
    for i in range(24):
        amount = round(float(np.exp(draw.normal(5, 0.5))) * times, 2)
        lines.append(f"C{month}-{i},2025-{month:02d}-{1 + i:02d},{channels[i % len(channels)]},{amount}")
    return "\n".join(lines) + "\n"


def with_note(text: str) -> str:
    head, *lines = text.splitlines()
    return "\n".join([f"{head},Note", *(f"{line},x" for line in lines)]) + "\n"


def company(path: Path, load: str = "incremental", drift: str = "evolve") -> Workspace:
    workspace = with_sources(path, {"leads.csv": "Lead ID,Created,Source,Email\nL1,2025-01-03,email,\n"})
    (workspace.path / "sources" / "costs.yml").write_text(COSTS_YML.format(load=load, drift=drift))
    deliver(workspace, "costs-1.csv", costs(1))
    workspace.load()
    return workspace


def store_of(workspace: Workspace) -> Store:
    return open_store(workspace.path / ".headwater" / "store")


def deliver(workspace: Workspace, name: str, text: str) -> None:
    (workspace.path / "exports" / name).write_text(text)


def states(workspace: Workspace, **asked: bool) -> dict[str, str]:
    found = workspace.load("costs", **asked)  # type: ignore[arg-type]
    return {f.path.removeprefix("exports/"): f.state for f in found.files}


def doubts(workspace: Workspace) -> list[tuple[str, str]]:
    return [(r.state, r.what) for r in workspace.check().results if r.check == "like before"]


def rows(workspace: Workspace, table: str) -> int:
    done = workspace.refresh()
    return next((after for t, _, after in done.rows if t == table), 0)


def test_cents_are_held_back_until_they_are_accepted(tmp_path: Path) -> None:
    workspace = company(tmp_path)
    deliver(workspace, "costs-2.csv", costs(2, times=100))
    (file,) = workspace.load("costs").held
    assert "a hundred times" in file.reason
    assert "--accept" in file.reason
    assert rows(workspace, "costs") == 24, "nothing of it is in the tables"
    assert states(workspace) == {"costs-1.csv": "unchanged", "costs-2.csv": "held"}, "and it is said every time"
    ((state, what),) = doubts(workspace)
    assert (state, "held back" in what) == ("failed", True)
    deliver(workspace, "costs-3.csv", costs(3))
    assert states(workspace)["costs-3.csv"] == "loaded"
    deliver(workspace, "costs-2.csv", costs(4))
    assert states(workspace)["costs-2.csv"] == "loaded"
    deliver(workspace, "costs-2.csv", costs(2, times=100))
    assert states(workspace)["costs-2.csv"] == "held", "it was never loaded, and is looked at anew"
    assert states(workspace, accept=True) == {
        "costs-1.csv": "unchanged", "costs-2.csv": "loaded", "costs-3.csv": "unchanged",
    }  # fmt: skip
    assert rows(workspace, "costs") == 96
    (amended,) = [g.tables for g in [current(store_of(workspace))] if g is not None]
    again = workspace.refresh(full=True).generation.tables
    assert {t.table: t.digest for t in amended} == {t.table: t.digest for t in again}
    assert (doubts(workspace), states(workspace)["costs-2.csv"]) == ([], "unchanged")


def test_a_changed_mapping_or_a_mended_file_settles_what_was_held(tmp_path: Path) -> None:
    workspace = company(tmp_path, "full")
    deliver(workspace, "costs-1.csv", costs(2, times=1000))
    assert states(workspace) == {"costs-1.csv": "held"}
    number = len(journal(store_of(workspace)))
    assert states(workspace) == {"costs-1.csv": "held"}
    assert len(journal(store_of(workspace))) == number, "it is kept once"
    told = COSTS_YML.format(load="full", drift="evolve")
    assert "amount: Amount" in told
    told = told.replace("amount: Amount", "amount: {column: Amount, factor: '0.001'}")
    (workspace.path / "sources" / "costs.yml").write_text(told)
    assert states(workspace) == {"costs-1.csv": "loaded"}
    deliver(workspace, "costs-1.csv", costs(2))
    assert states(workspace) == {"costs-1.csv": "held"}, "a thousandth now"
    deliver(workspace, "costs-1.csv", costs(3, times=1000))
    assert states(workspace) == {"costs-1.csv": "loaded"}
    assert held_back(journal(store_of(workspace))) == ()


def test_new_texts_by_policy(tmp_path: Path) -> None:
    """evolve loads and tells, freeze holds back, quarantine sets the rows aside until they are accepted."""
    new = costs(2, channels=("ads", "mail", "radio"))
    results = {}
    for drift in ("evolve", "freeze", "quarantine"):
        workspace = company(tmp_path / drift, drift=drift)
        deliver(workspace, "costs-2.csv", new)
        file = workspace.load("costs").files[-1]
        results[drift] = (file.state, file.loaded, file.quarantined)
        if drift == "evolve":
            ((found,),) = [b.drift for b in differing(journal(store_of(workspace)))]
            assert "'radio'" in found.what
            workspace.load("costs", accept=True)
            assert differing(journal(store_of(workspace))) == ()
        if drift == "quarantine":
            (again,) = [f for f in workspace.load("costs", accept=True).files if f.state == "loaded"]
            assert (again.corrects, again.quarantined) == (8, 0)
            assert rows(workspace, "costs") == 48
            deliver(workspace, "costs-3.csv", costs(3, channels=("radio",)))
            assert states(workspace)["costs-3.csv"] == "loaded"
    assert results == {"evolve": ("loaded", 24, 0), "freeze": ("held", 24, 0), "quarantine": ("loaded", 16, 8)}


def test_a_like_delivery_ends_the_warning(tmp_path: Path) -> None:
    workspace = company(tmp_path)
    deliver(workspace, "costs-2.csv", with_note(costs(2)))
    workspace.refresh()
    assert doubts(workspace) == [("warning", "the column 'Note' is new")]
    deliver(workspace, "costs-3.csv", with_note(costs(3)))
    workspace.load()
    assert doubts(workspace) == []
