"""Statements of one question two at a time: the same rows in the same order, the same errors, and both are stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.held import Held
from headwater.errors import QueryError, StoppedError, WorkspaceError
from headwater.metrics.render import render
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scan, Statement
from headwater.store import turns
from headwater.store.engines.duckdb import QueryConnection
from headwater.store.generations import Reader, pinned
from headwater.store.place import open_store
from headwater.store.turns import Cores
from tests.surface import LEADS
from tests.world import NOW

MANY = 12


@pytest.fixture
def place(company: Workspace) -> Path:
    return company.path / ".headwater" / "store"


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_cores", lambda: 2)


@contextmanager
def asking(place: Path, cores: Cores, seconds: float = 60) -> Iterator[Reader]:
    with pinned(open_store(place)) as reader, reader.another(time.monotonic() + seconds, cores=cores) as one:
        yield one


def counts(many: int = MANY) -> list[Statement]:
    """So many different counts of the leads, each of which comes with its number."""
    columns = [(NamedAgg(f"n{i}", Agg("count_rows")), NamedAgg("i", Agg("max", Lit(i)))) for i in range(many)]
    return [render(Group(Scan("leads"), (), column)) for column in columns]


def endless(name: str) -> Statement:
    """A count that would take weeks."""
    found: Relation = Scan("leads")
    id_ = (Named("lead_id", Col("lead_id", "left")),)
    for _ in range(12):
        found = Project(Join(found, Scan("leads"), "inner", Op("ne", (Col("lead_id", "left"), Lit("")))), id_)
    return render(Group(found, (), (NamedAgg(name, Agg("count_rows")),)))


@pytest.fixture
def ran_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that ran statements, in their order."""
    seen: list[str] = []
    for verb in ("rows", "arrow"):
        real = getattr(QueryConnection, verb)

        def noting(self: QueryConnection, text: str, real: Any = real) -> Any:
            seen.append(threading.current_thread().name)
            return real(self, text)

        monkeypatch.setattr(QueryConnection, verb, noting)
    return seen


def meet(monkeypatch: pytest.MonkeyPatch, verb: str = "rows") -> None:
    """From now on each of two threads waits with its first statement for the other."""
    real, both, met = getattr(QueryConnection, verb), Barrier(2), set[int]()

    def waiting(self: QueryConnection, text: str) -> Any:
        if (mine := threading.get_ident()) not in met:
            met.add(mine)
            both.wait(60)
        return real(self, text)

    monkeypatch.setattr(QueryConnection, verb, waiting)


def test_every_answer_is_that_of_one_statement_at_a_time(
    company: Workspace, ran_by: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cores, "spare", True)
    kpis = ("own_leads", "own_mql_rate", "cost_per_lead", "lead_response_time", "total_sales_revenue")
    asked = {"period": "2025-Q1", "grain": "month"}
    with Held(company.path, now=NOW, environment={}) as held:
        assert held.measure(*kpis, **asked) == company.measure(*kpis, **asked)
        assert held.funnel(period="2025-Q1").to_json() == company.funnel(period="2025-Q1").to_json()
        assert held.components(period="2025-Q1").to_json() == company.components(period="2025-Q1").to_json()
        assert held.qualify(period="2025-Q1").to_json() == company.qualify(period="2025-Q1").to_json()
    assert "beside" in ran_by


def test_rows_come_in_the_order_of_their_statements_from_both(
    place: Path, ran_by: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch)
    asked = counts()
    with asking(place, Cores(2)) as reader:
        found = reader.all_rows([*asked, asked[3], asked[0]])
        assert found == [[(len(LEADS), i)] for i in (*range(MANY), 3, 0)]
        assert len(ran_by) == MANY and len(set(ran_by)) == 2
        found[0].clear()  # whoever was told has rows of his own
        assert reader.all_rows(asked) == [[(len(LEADS), i)] for i in range(MANY)]
        assert reader.rows(asked[0]) == [(len(LEADS), 0)]
    assert len(ran_by) == MANY, "what was told is not asked again"


def test_columns_come_in_the_order_of_their_statements_from_both(
    place: Path, ran_by: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, "arrow")
    asked = counts()
    with asking(place, Cores(2)) as reader:
        found = reader.all_columnar([*asked, asked[3]])
    assert [[c.to_pylist() for c in columns] for columns in found] == [[[len(LEADS)], [i]] for i in (*range(MANY), 3)]
    assert len(ran_by) == MANY and set(ran_by) == {"beside", threading.current_thread().name}


def test_with_several_who_ask_each_has_one_core(place: Path, ran_by: list[str]) -> None:
    cores = Cores(2)
    with asking(place, cores) as reader:
        with cores.asked():
            assert reader.all_rows(counts()) == [[(len(LEADS), i)] for i in range(MANY)]
        assert set(ran_by) == {threading.current_thread().name}
    ran_by.clear()
    with asking(place, Cores(1)) as reader:
        assert reader.all_rows(counts()) == [[(len(LEADS), i)] for i in range(MANY)]
    assert set(ran_by) == {threading.current_thread().name}


def test_whoever_comes_takes_a_core_back(place: Path, ran_by: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one ends with the statement that it has begun."""
    rows, cores, mine = QueryConnection.rows, Cores(2), threading.current_thread().name
    begun, may_go, other = Event(), Event(), ExitStack()

    def meeting(self: QueryConnection, text: str) -> list[tuple[object, ...]]:
        if threading.current_thread().name != mine:
            begun.set()
            assert may_go.wait(60)
        elif not may_go.is_set():
            assert begun.wait(60)
            other.enter_context(cores.asked())
            second = next(t for t in threading.enumerate() if t.name == "beside")
            may_go.set()
            second.join(60)
        return rows(self, text)

    monkeypatch.setattr(QueryConnection, "rows", meeting)
    with asking(place, cores) as reader, other:
        assert reader.all_rows(counts()) == [[(len(LEADS), i)] for i in range(MANY)]
    assert len([name for name in ran_by if name != mine]) == 1


def test_an_error_of_either_is_raised_and_the_reader_stays_usable(place: Path) -> None:
    wrong = Statement("DROP TABLE leads", (), "duckdb")
    for asked in ([wrong, *counts()], [*counts(), wrong], [wrong, Statement("DROP TABLE costs", (), "duckdb")]):
        with asking(place, Cores(2)) as reader:
            with pytest.raises(QueryError, match="more than read"):
                reader.all_rows(asked)
            assert reader.all_rows(counts()) == [[(len(LEADS), i)] for i in range(MANY)]


def test_the_time_of_both_is_watched_over(place: Path) -> None:
    with asking(place, Cores(2), seconds=0.3) as reader, pytest.raises(StoppedError):
        reader.all_rows([endless("a"), endless("b")])


def test_both_are_stopped_from_another_thread(place: Path) -> None:
    """When the stop returns, nothing runs."""
    with asking(place, Cores(2)) as reader:

        def stop() -> None:
            while not (reader._runs and reader._beside is not None and reader._beside._runs):
                time.sleep(0.001)
            reader.stop()
            assert not reader._runs and reader._beside is not None and not reader._beside._runs

        stopping = Thread(target=stop)
        stopping.start()
        with pytest.raises(StoppedError):
            reader.all_rows([endless("a"), endless("b")])
        stopping.join()
        with pytest.raises(StoppedError):
            reader.all_rows(counts(2))


def test_the_second_is_locked_like_the_first(place: Path, tmp_path: Path) -> None:
    with asking(place, Cores(2)) as reader:
        reader.all_rows(counts())
        beside = reader._beside
        assert beside is not None
        with pytest.raises((QueryError, WorkspaceError)):
            beside.rows(Statement(f"SELECT * FROM read_text('{tmp_path}/x')", (), "duckdb"))
        with pytest.raises(QueryError):
            beside.rows(Statement("SET threads = 1", (), "duckdb"))
