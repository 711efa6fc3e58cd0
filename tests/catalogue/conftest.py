"""A drawn company, loaded, built and open, and what is true of it: shared by the checks of every KPI."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headwater.api.folder import Folder
from headwater.api.workspace import Workspace
from headwater.metrics.observe import observe
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period, add_months
from headwater.model.plan import Scan, Statement
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.store.generations import Reader, pinned
from headwater.store.place import open_store
from tests.catalogue.narrow import narrowed
from tests.catalogue.worlds import NOW, Estate, estate, loaded, truth
from tests.shipped import shipped

SEED = 1
CHECKS = Path(__file__).with_name("checks")


@dataclass(frozen=True, slots=True)
class Company:
    """A company that can be asked by KPI (`ask`) and by check query (`check`). `memory` holds its stored tables once
    more, for the hundreds of questions of one test."""

    catalogue: Catalogue
    generation: Generation
    settings: Settings
    reader: Reader
    memory: duckdb.DuckDBPyConnection
    truth: duckdb.DuckDBPyConnection
    checked: dict[tuple[object, ...], float | None] = field(default_factory=dict)
    parsed: dict[str, duckdb.Statement] = field(default_factory=dict)

    def ask(
        self, kpi: str, period: Period, as_of: date, grain: Grain = Grain.ALL, by: tuple[str, ...] = (),
        catalogue: Catalogue | None = None,
    ) -> tuple[Observation, ...]:  # fmt: skip
        """The Observations of a KPI: by the shipped definitions from the store, by others from memory."""
        question = Question((kpi,), as_of, period, grain, by)
        planned = plan(question, catalogue or self.catalogue, self.generation, self.settings)
        rows = self.reader.rows if catalogue is None else self.recalled
        return observe(planned, [rows(render(b.relation)) for b in planned.blocks])

    def recalled(self, statement: Statement) -> list[tuple[Any, ...]]:
        """The rows of a statement, from memory."""
        return self.memory.execute(statement.text).fetchall()

    def check(
        self, text: str, period: Period, as_of: date, segment: str | None = None, every: bool = True
    ) -> float | None:
        """The value of a check query in a period of whole months: of every row, or of the rows of one segment."""
        question = (text, period, as_of, segment, every)
        if question not in self.checked:
            months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
            given = {
                "before": add_months(period.start, -months),
                "start": period.start,
                "end": min(period.end, as_of + timedelta(1)),
                "as_of": as_of,
                "segment": segment,
                "every": every,
            }
            used = {name: value for name, value in given.items() if f"${name}" in text}
            if text not in self.parsed:
                (self.parsed[text],) = self.truth.extract_statements(text)
            ((value,),) = self.truth.execute(self.parsed[text], used).fetchall()
            self.checked[question] = None if value is None else float(value)
        return self.checked[question]


def remembered(reader: Reader) -> duckdb.DuckDBPyConnection:
    """The stored tables of a generation in an engine of their own."""
    memory = duckdb.connect()
    for table in reader.generation.tables:
        given = reader.arrow(render(Scan(table.table)))  # noqa: F841 (the engine finds it by its name)
        memory.execute(f'create table "{table.table}" as select * from given')
    return memory


def settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes a table of every view: thousands of check queries read what is the same in all of them."""
    connection.execute("set threads = 1")  # for rows as few as these a second one is work and no help
    found = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
    for (name,) in found:
        connection.execute(f'create table "{name} once" as from "{name}"')
    for (name,) in found:
        connection.execute(f'drop view "{name}"')
        connection.execute(f'alter table "{name} once" rename to "{name}"')


def stored_company(tmp_path_factory: pytest.TempPathFactory, worker_id: str, made: Estate) -> tuple[Path, Catalogue]:
    """The workspace of the company, loaded and built once for all workers of a run, and the definitions it was built
    with."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    known = narrowed(shipped(), {table for batch in made.batches for table in batch})
    with pytest.MonkeyPatch.context() as patch:  # for the load alone: other tests of this session have folders too
        patch.setattr(Folder, "catalogue", lambda folder, company: known)
        with (shared / "company.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / "company" / "ready").exists():
                loaded(shared / "company", made)
                (shared / "company" / "ready").touch()
    return shared / "company" / "world", known


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Company]:
    """The company of one seed, open to be asked."""
    made = estate(SEED)
    path, known = stored_company(tmp_path_factory, worker_id, made)
    folder = Workspace(path, now=NOW, environment={})._folder
    settings = folder.company().settings
    with pinned(open_store(folder.store), "", settings) as reader, truth(made, known) as connection:
        connection.execute((CHECKS / "_setup.sql").read_text(encoding="utf-8"))
        settle(connection)
        with remembered(reader) as memory:
            yield Company(known, reader.generation, settings, reader, memory, connection)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """`master` without pytest-xdist, else the worker's name."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


def variants(catalogue: Catalogue) -> tuple[str, ...]:
    """The dotted name of every variant with a formula; the KPI's id alone where there is one variant."""
    return tuple(
        kpi.id if len(kpi.variants) == 1 else f"{kpi.id}.{v.id}"
        for kpi in catalogue.kpis.values()
        for v in kpi.variants
        if v.formula is not None
    )
