"""Whatever is delivered, mended, accepted and mapped anew, in whatever order: no row is lost, what is loaded twice
changes nothing, and what is amended equals what is built anew."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.api.standing import deliveries, set_aside_still, settling, standing
from headwater.model.landing import Batch
from headwater.store.generations import current
from headwater.store.landing import journal, quarantine_rows
from headwater.store.place import open_store
from tests.sources import HEAD, LEADS_YML, with_sources

STEPS = 10
CHANNELS = ("email", "ads", "web", "fair")


class Desk:
    """A company whose clerk does one thing after the other."""

    def __init__(self, path: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.load = self.draw.choice(("incremental", "full"))
        self.renames = 0
        self.workspace = with_sources(path, {"leads-0.csv": self._export()}, self.load)
        self.workspace.load()
        self.store = open_store(self.workspace.path / ".headwater" / "store")

    def _export(self) -> str:
        lines = []
        for key in self.draw.sample(range(30), self.draw.randint(1, 12)):
            wrong = self.draw.random() < 0.25
            day = self.draw.choice(("soon", "", "2025-13-01")) if wrong else f"2025-01-{1 + key:02d}"
            lines.append(f"L{key},{day},{self.draw.choice(CHANNELS)},p{key}@one.org")
        return HEAD + "".join(f"{line}\n" for line in lines)

    def deliver(self) -> None:
        name = f"leads-{self.draw.randint(0, 2)}.csv"
        (self.workspace.path / "exports" / name).write_text(self._export())
        self.workspace.load()

    def map_anew(self) -> None:
        self.renames = self.draw.randint(0, 2)
        text = LEADS_YML.format(load=self.load)
        if self.renames:
            known = f"{{column: Source, values: {{ads: ads{self.renames}}}}}"
            text = text.replace("channel: Source", f"channel: {known}")
            text = text.replace("created_at: Created", "created_at: {column: Created, values: {soon: 2025-02-01}}")
        (self.workspace.path / "sources" / "leads.yml").write_text(text)
        self.workspace.load()

    def mend(self) -> None:
        path = self.workspace.path / "mend.csv"
        self.workspace.load("leads", rejected=path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows:
            some = self.draw.sample(rows, self.draw.randint(1, len(rows)))
            for row in some:
                row["Created"] = self.draw.choice(("2025-03-01", "2025-03-02", "never"))
            with path.open("w", encoding="utf-8", newline="") as file:
                out = csv.DictWriter(file, list(rows[0]))
                out.writeheader()
                out.writerows(some)
            self.workspace.load("leads", corrected=path)
            before = journal(self.store)
            self.workspace.load("leads", corrected=path)
            assert journal(self.store) == before, "the same correction twice changes nothing"
        path.unlink()

    def accept(self) -> None:
        self.workspace.load("leads", accept=True)

    def build(self) -> None:
        self.workspace.refresh()

    def step(self) -> None:
        self.draw.choice((self.deliver, self.deliver, self.map_anew, self.mend, self.mend, self.accept, self.build))()


def digests(workspace: Workspace) -> dict[str, tuple[int, str]]:
    generation = current(open_store(workspace.path / ".headwater" / "store"))
    assert generation is not None
    return {t.table: (t.rows, t.digest) for t in generation.tables}


def conserved(desk: Desk) -> None:
    entries = journal(desk.store)
    for batch in (e for e in entries if isinstance(e, Batch)):
        assert batch.loaded + batch.quarantined + batch.collapsed == batch.data_rows
        aside = tuple(set_aside_still(lambda b: quarantine_rows(desk.store, b), entries, batch))
        mended = set(settling(entries, batch)) & {q.row for q in quarantine_rows(desk.store, batch)}
        assert batch.quarantined == len(aside) + len(mended)
    assert set(standing(entries)) <= set(deliveries(entries))


@pytest.mark.verify
@pytest.mark.parametrize("seed", range(12))
def test_any_sequence(tmp_path: Path, seed: int) -> None:
    desk = Desk(tmp_path, seed)
    for _ in range(STEPS):
        desk.step()
        conserved(desk)
    desk.workspace.refresh()
    before, entries = digests(desk.workspace), journal(desk.store)
    assert {f.state for f in desk.workspace.load().files} <= {"unchanged", "held"}
    assert journal(desk.store) == entries, "a load with nothing new adds nothing"
    desk.workspace.refresh(full=True)
    assert digests(desk.workspace) == before
