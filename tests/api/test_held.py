"""A workspace held open: the answers of `Workspace`, never an old one, and never two states in one moment."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any

import pytest

from headwater import Workspace
from headwater.api import checking
from headwater.api.folder import SHIPPED
from headwater.api.held import Held, Moment
from headwater.api.measuring import Bench
from headwater.errors import DefinitionError, QueryError, StoppedError, UnknownError, WorkspaceError
from headwater.metrics.render import render
from headwater.model.plan import Agg, Col, Group, Join, Lit, Named, NamedAgg, Op, Project, Relation, Scan
from headwater.store.generations import Reader, generation_ids, pinned
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.surface import small_company
from tests.world import NOW, fresh, land, world


@pytest.fixture
def held(company: Workspace) -> Iterator[Held]:
    with Held(company.path, now=NOW, environment={}) as opened:
        yield opened


# --- the verbs of a workspace ----------------------------------------------------------------------------------------
def test_every_verb_answers_as_the_workspace_does(company: Workspace, held: Held) -> None:
    asked = {"period": "2025-Q1", "grain": "month", "by": "channel"}
    for _ in range(2):  # the second time from what is kept
        assert held.measure("own_leads", "own_mql_rate", **asked) == company.measure(
            "own_leads", "own_mql_rate", **asked
        )
        assert held.trace("own_mql_rate").to_json() == company.trace("own_mql_rate").to_json()
        assert held.records("own_mql_rate", limit=3) == company.records("own_mql_rate", limit=3)
        assert held.records("own_mql_rate", limit=1) == company.records("own_mql_rate", limit=1)
        assert held.compare("own_leads", period=["2025-01", "2025-02"]) == company.compare(
            "own_leads", period=["2025-01", "2025-02"]
        )
        assert held.check() == company.check()
    assert held.kpi_list("own") == company.kpi_list("own")
    assert held.kpi_show("own_leads") == company.kpi_show("own_leads")
    assert held.kpi_lint() == company.kpi_lint()
    assert [row[:2] for row in held.doctor() if row[0] != "fact"] == [
        row[:2] for row in company.doctor() if row[0] != "fact"
    ]


def test_tables_in_memory_answer_as_the_files_do(company: Workspace, held: Held) -> None:
    asked = {"period": "2025-Q1", "grain": "month", "by": "channel"}
    assert held.hold().result() == 5  # those with rows
    for name in ("own_leads", "own_mql_rate", "own_cost_per_lead"):
        assert held.measure(name, **asked) == company.measure(name, **asked)
        assert held.records(name, limit=5) == company.records(name, limit=5)
    assert held.check() == company.check()
    held.close()
    with pytest.raises(StoppedError):
        held.hold()


def test_a_refusal_is_that_of_the_workspace_and_is_not_kept(company: Workspace, held: Held) -> None:
    for _ in range(2):
        with pytest.raises(UnknownError, match="'own_leds'") as refused:
            held.measure("own_leds")
        assert "own_leads" in refused.value.do
        with pytest.raises(QueryError, match="not a period"):
            held.measure("own_leads", period="soon")


def test_an_answer_is_made_once(held: Held) -> None:
    first = held.measure("own_leads", period="2025-01-01..2025-12-31")
    assert held.measure("own_leads", period="2025") is first
    assert held.measure("own_leads", period="2025", as_of="2025-06-30") is not first


def test_personal_values_are_masked(held: Held) -> None:
    text = held.records("own_reach", limit=100).to_json()
    assert "***" in text and "@" not in text


# --- never an old answer ---------------------------------------------------------------------------------------------
def leads(*days: str) -> dict[str, list[dict[str, str]]]:
    return {"leads": [{"lead_id": f"L{day}", "created_at": day} for day in days]}


def test_a_refresh_is_noticed_at_the_next_question(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}) as held:
        before = held.stamp
        assert held.measure("leads")[0].value == 1
        land(company, leads("2025-01-04"))
        company.refresh()
        after = held.stamp
        (found,) = held.measure("leads")
        assert (found.value, found.data) == (2, after.data)
        assert (before.definitions, before.day) == (after.definitions, after.day) and before.data != after.data


def test_a_changed_definition_is_noticed_at_the_next_question(tmp_path: Path) -> None:
    company = small_company(tmp_path)
    with Held(company.path, now=NOW, environment={}) as held:
        first = held.stamp
        assert held.measure("own_mql_rate")[0].quality == ()
        (company.path / "headwater.yml").write_text("company: World\nkpis: {own_mql_rate: {small_sample: 99}}\n")
        assert held.measure("own_mql_rate")[0].quality == ("small_sample",)
        assert held.kpi_show("own_mql_rate").kpi.small_sample == 99
        assert held.stamp.definitions != first.definitions


def test_an_own_kpi_is_there_once_it_is_written_and_gone_with_its_file(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    own = company.path / "kpis" / "first_leads.yml"
    with Held(company.path, now=NOW, environment={}) as held:
        with pytest.raises(UnknownError):
            held.measure("first_leads")
        own.parent.mkdir()
        shutil.copy(SHIPPED / "kpis" / "leads.yml", own)
        assert held.measure("first_leads")[0].value == 1
        own.unlink()
        with pytest.raises(UnknownError):
            held.measure("first_leads")


def test_wrong_definitions_are_told_until_they_are_mended(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}) as held:
        wrong = company.path / "kpis" / "wrong.yml"
        wrong.parent.mkdir()
        wrong.write_text("title: [\n")
        for _ in range(2):
            with pytest.raises(DefinitionError, match="1 fault"):
                held.measure("leads")
        wrong.unlink()
        assert held.measure("leads")[0].value == 1


def test_another_day_is_another_answer(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"), build=True)
    with Held(company.path, environment={}) as held:  # by the clock
        (found,) = held.measure("leads")
        assert found.as_of == held.stamp.day
        assert held.measure("leads", as_of=held.stamp.day - timedelta(1))[0].as_of == held.stamp.day - timedelta(1)
    for day in (15, 16):
        with Held(company.path, now=datetime(2026, 1, day, tzinfo=UTC), environment={}) as held:
            assert held.stamp.day == held.measure("leads")[0].as_of == date(2026, 1, day)


def test_the_day_is_asked_anew_by_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = world(tmp_path, leads("2025-12-31", "2026-01-15"))
    days = iter((date(2026, 1, 15), date(2026, 1, 16)))
    with Held(company.path, now=NOW, environment={}) as held:
        monkeypatch.setattr(Held, "_today", lambda self, said: next(days))
        assert [held.measure("leads", period="last 15 days")[0].period_end for _ in range(2)] == [
            date(2026, 1, 15), date(2026, 1, 16),
        ]  # fmt: skip


def test_a_check_looks_anew_for_files_and_loads_and_reads_the_tables_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    source = company.path / "sources" / "more.yml"
    source.parent.mkdir()
    source.write_text("path: more-*.csv\ntables: {leads: {columns: {lead_id: id, created_at: day}}}\n")

    def said(held: Held, check: str) -> list[str]:
        return [r.what for r in held.check().results if r.check == check]

    with Held(company.path, now=NOW, environment={}) as held:
        assert "1 file" not in said(held, "sources")
        monkeypatch.setattr(Reader, "rows", None)  # nothing may be read any more
        (company.path / "more-1.csv").write_text("id,day\nM1,2025-01-09\n")
        assert said(held, "sources") == ["1 file"]
        company.load()
        assert len(said(held, "rows in = rows out")) == 2
        source.unlink()
        assert said(held, "sources") == []


# --- one moment, one state -------------------------------------------------------------------------------------------
def test_a_moment_stays_as_it_was(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}) as held, held.moment() as before:
        land(company, leads("2025-01-04"))
        company.refresh()
        (company.path / "headwater.yml").write_text("company: World\nkpis: {leads: {small_sample: 99}}\n")
        (found,) = before.measure("leads")
        assert (found.value, found.data, found.quality) == (1, before.stamp.data, ())
        told = before.condition()
        assert (told.data, [t.rows for t in told.tables if t.id == "leads"]) == (before.stamp.data, [1])
        with held.moment() as after:
            assert (after.measure("leads")[0].value, after.stamp.data != before.stamp.data) == (2, True)
        assert before.measure("leads", by="channel")[0].value == 1


def test_a_generation_is_let_go_with_the_last_moment_that_reads_it(tmp_path: Path) -> None:
    """The lock of a reader keeps a generation from being collected, so a server must not hold one for ever."""
    company = world(tmp_path, leads("2025-01-03"))
    store = open_store(company.path / ".headwater" / "store")
    with Held(company.path, now=NOW, environment={}) as held:
        with held.moment() as first, held.moment() as second:
            land(company, leads("2025-01-04"))
            company.refresh()
            assert held.stamp != first.stamp == second.stamp
            held.notice()
            assert not _is_free(store, first.stamp.data)
        assert _is_free(store, first.stamp.data)
        held.measure("leads")
        assert not _is_free(store, held.stamp.data)
        company.rollback()
        held.measure("leads")
        assert [_is_free(store, id_) for id_ in generation_ids(store)] == [False, True]
        company.refresh()
        held.notice()
        assert [_is_free(store, id_) for id_ in generation_ids(store)] == [True, True]


def _is_free(store: Any, generation: str) -> bool:
    """Whether nobody holds a shared lock on the generation."""
    import fcntl

    handle = os.open(store.generations / generation / "manifest.json", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def test_an_erasure_need_not_wait_for_a_server_that_nobody_asks(tmp_path: Path) -> None:
    company = small_company(tmp_path)
    with Held(company.path, now=NOW, environment={}) as held:
        rows = held.records("own_reach", by="channel").to_json()
        before = held.stamp.data
        watching = Event()

        def watch() -> None:
            while not watching.wait(0.05):
                held.notice()

        watcher = Thread(target=watch)
        watcher.start()
        try:
            company.erase("cy@two.org")
        finally:
            watching.set()
            watcher.join()
        assert held.stamp.data != before
        assert not (company.path / ".headwater" / "store" / "generations" / before / "manifest.json").exists()
        assert len(held.measure("own_leads", by="channel")) == 4
        assert held.records("own_reach", by="channel").to_json() != rows


def test_an_earlier_generation_is_asked_by_name(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}) as held:
        first = held.stamp.data
        land(company, leads("2025-01-04"))
        company.refresh()
        for _ in range(2):
            assert held.measure("leads", generation=first)[0].value == 1
            assert held.measure("leads")[0].value == 2
            (row,) = held.compare("leads", generation=[first, held.stamp.data])
            assert row.change == 1
        assert _is_free(open_store(company.path / ".headwater" / "store"), first)


def test_many_threads_and_a_refresh(tmp_path: Path) -> None:
    """No error, no moment that mixes two data versions, no answer that is not the one of its data version."""
    company = world(tmp_path, leads("2025-01-01"))
    expected, done, rounds = {}, Event(), 2

    def write() -> None:
        try:
            for i in range(2, 2 + rounds):
                land(company, leads(f"2025-01-{i:02}"))
                generation = company.refresh().generation
                expected[generation.id] = i
        finally:
            done.set()

    seen: set[tuple[str, float]] = set()

    def read(held: Held, number: int) -> None:
        while True:
            last = done.is_set()
            with held.moment() as m:
                by_month = {"grain": "month", "period": "2025"} if number % 2 else {}
                answers = [*m.measure("leads", **by_month), *m.measure("leads", by="channel")]
                answers += [n.observation for t in m.trace("leads") for n in t.numbers]
                assert {o.data for o in answers} == {m.stamp.data}
                values = [sum(o.value or 0 for o in m.measure("leads", **by_month)), answers[-1].value]
                values += [m.records("leads", limit=1)[0].rows.total]
                assert len(set(values)) == 1
                seen.add((m.stamp.data, values[0]))
            if last:
                return

    with Held(company.path, now=NOW, environment={}) as held:
        expected[held.stamp.data] = 1
        writer = Thread(target=write)
        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read, held, n) for n in range(4)]
            writer.start()
            for reader in readers:
                reader.result()
        writer.join()
        assert (held.stamp.data, rounds + 1.0) in seen
    assert all(expected[data] == value for data, value in seen)


# --- limits ----------------------------------------------------------------------------------------------------------
def endless() -> Relation:
    """A count that would take weeks."""
    found: Relation = Scan("leads")
    id_ = (Named("lead_id", Col("lead_id", "left")),)
    for _ in range(12):
        found = Project(Join(found, Scan("leads"), "inner", Op("ne", (Col("lead_id", "left"), Lit("")))), id_)
    return Group(found, (), (NamedAgg("n", Agg("count_rows")),))


def test_a_question_without_time_left_is_stopped(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}, seconds=0) as held, pytest.raises(StoppedError):
        held.measure("leads")
    with Held(company.path, now=NOW, environment={}) as held:
        assert held.measure("leads")[0].value == 1


def test_while_another_writes_the_check_stands(tmp_path: Path) -> None:
    """What was landed is looked at under the writer's lock; while a refresh holds it, what is known stands."""
    workspace = world(tmp_path, leads("2025-01-03"))
    land(workspace, leads("2025-01-03", "2025-01-04"), source="crm")
    workspace.refresh()
    store = open_store(workspace.path / ".headwater" / "store")
    with Held(workspace.path, now=NOW, environment={}) as held:
        with writing(store, "refresh"):
            assert "not checked" in held.check().to_text()
        known = held.check()
        assert known == workspace.check() and "1 rows delivered by more than one of" in known.to_text()
        with writing(store, "refresh"):
            assert held.check() == known


def test_a_check_is_prepared_while_others_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    may_go = Event()
    tables = checking._tables

    def slowly(at: Bench) -> Iterator[checking.Result]:
        assert may_go.wait(60)
        yield from tables(at)

    monkeypatch.setattr(checking, "_tables", slowly)
    with Held(company.path, now=NOW, environment={}) as held:
        with held.moment() as m:
            assert m.checked(0.01) is None
            assert m.measure("leads")[0].value == 1
            may_go.set()
            assert m.checked(60) == company.check() == m.checked(0)
        may_go.clear()
        land(company, leads("2025-01-04"))
        company.refresh()
        with held.moment() as m:
            assert m.checked(0) is None
            may_go.set()
            assert m.checked(60) == company.check()
        before = held.prepare().result(60)
        assert before == held.prepare().result(60)


def test_closing_waits_for_what_is_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = world(tmp_path, leads(*(f"2025-01-{d:02}" for d in range(1, 29))))
    began = Event()

    def endlessly(at: Bench) -> Iterator[checking.Result]:
        began.set()
        at.reader.rows(render(endless()))
        yield checking.Result("never", "ok", "", "")

    monkeypatch.setattr(checking, "_tables", endlessly)
    held = Held(company.path, now=NOW, environment={})
    preparing = held.prepare()
    assert began.wait(60)
    held.close()
    assert preparing.done() and isinstance(preparing.exception(), StoppedError)
    with pytest.raises(StoppedError):
        held.prepare()
    assert _is_free(open_store(company.path / ".headwater" / "store"), Workspace(company.path).measure("leads")[0].data)


def test_a_check_has_longer_than_a_moment(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}, seconds=0) as held:
        assert held.check() == company.check()


def test_a_statement_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    company = world(tmp_path, leads(*(f"2025-01-{d:02}" for d in range(1, 29))))
    with pinned(open_store(company.path / ".headwater" / "store")) as reader:
        with reader.another(time.monotonic() + 0.2) as hasty, pytest.raises(StoppedError):
            hasty.rows(render(endless()))
        with reader.another(time.monotonic() + 60) as patient:
            assert patient.rows(render(Group(Scan("leads"), (), (NamedAgg("n", Agg("count_rows")),)))) == [(28,)]


def test_a_statement_without_a_turn_in_its_time_is_stopped(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    count = render(Group(Scan("leads"), (), (NamedAgg("n", Agg("count_rows")),)))
    turns = Semaphore(1)
    with pinned(open_store(company.path / ".headwater" / "store")) as reader:
        with reader.another(time.monotonic() + 60, turns) as first, reader.another(turns=turns) as second:
            for one in (first, second, first):
                assert one.rows(count) == [(1,)]
        other = render(Group(Scan("leads"), (), (NamedAgg("many", Agg("count_rows")),)))  # nobody was told this
        with turns, reader.another(time.monotonic() + 0.05, turns) as late, pytest.raises(StoppedError):
            late.rows(other)
        assert turns.acquire(blocking=False), "the turn was not given back"


def test_a_statement_that_was_answered_is_not_run_again_and_not_told_after_a_stop(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    count = render(Group(Scan("leads"), (), (NamedAgg("n", Agg("count_rows")),)))
    turns, store = Semaphore(1), open_store(company.path / ".headwater" / "store")
    with pinned(store) as reader, reader.another(time.monotonic() + 60, turns) as one:
        one.rows(count).clear()  # whoever was told has rows of his own
        with turns:  # nothing can run
            assert one.rows(count) == [(1,)]
        one.stop()
        with pytest.raises(StoppedError):
            one.rows(count)


def test_what_is_asked_ahead_is_answered_for_whoever_asks_and_ends_with_the_server(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    began, ended = Event(), list[str]()

    def usual(m: Moment) -> None:
        assert m.measure("leads")[0].value == 1

    def wrong(m: Moment) -> None:
        m.measure("no_such_kpi")

    def lasting(m: Moment) -> None:
        with m._stands.bench() as at:
            began.set()
            try:
                at.reader.rows(render(endless()))
            except StoppedError:
                ended.append("stopped")
                raise

    held = Held(company.path, now=NOW, environment={})
    asked = held.ahead((usual, wrong))
    assert [one.result(60) for one in asked] == [None, None]
    before = len(held.answers)
    assert held.measure("leads")[0].value == 1
    assert len(held.answers) == before > 0
    running, waiting = held.ahead((lasting, usual))
    assert began.wait(60)
    held.close()
    assert running.result(60) is None and ended == ["stopped"]
    assert waiting.cancelled() or waiting.result(60) is None
    with pytest.raises(StoppedError):
        held.ahead((usual,))


def test_closing_ends_what_runs(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    held = Held(company.path, now=NOW, environment={})
    with held.moment() as m:
        assert m.measure("leads")[0].value == 1
        held.close()
        with pytest.raises(StoppedError):
            m.measure("leads", by="channel")
    with pytest.raises(StoppedError):
        held.measure("leads")
    assert _is_free(open_store(company.path / ".headwater" / "store"), m.stamp.data)


def test_kept_answers_stay_within_their_bytes(company: Workspace) -> None:
    with Held(company.path, now=NOW, environment={}, cache_mb=0.02) as held:
        for limit in range(1, 60):
            held.records("own_leads", limit=limit)
            assert held.answers.bytes <= 20_000
        assert len(held.answers) > 0


# --- places that cannot be used --------------------------------------------------------------------------------------
def test_a_workspace_without_data_has_definitions_and_a_clear_refusal(tmp_path: Path) -> None:
    company = fresh(tmp_path / "new")
    with Held(company.path, environment={}) as held:
        assert held.stamp.data == ""
        assert len(held.kpi_list()) > 20
        with pytest.raises(WorkspaceError, match="no data here yet"):
            held.measure("leads")


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no workspace"):
        Held(tmp_path)


def test_tables_of_other_definitions_are_refused(tmp_path: Path) -> None:
    company = world(tmp_path, leads("2025-01-03"))
    with Held(company.path, now=NOW, environment={}) as held:
        assert held.measure("leads")[0].value == 1
        (company.path / "headwater.yml").write_text("company: World\ntime_zone: Europe/Berlin\n")
        with pytest.raises(WorkspaceError, match="headwater refresh"):
            held.measure("leads")
        company.refresh()
        assert held.measure("leads")[0].value == 1
