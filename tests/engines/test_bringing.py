"""Tables brought to PostgreSQL: who may, what is seen meanwhile, and what is left when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from adbc_driver_postgresql import dbapi

from headwater.api.workspace import Workspace
from headwater.errors import EngineError, HeadwaterError, QueryError, StoppedError, WorkspaceError
from headwater.metrics.render import render
from headwater.model.plan import Agg, Group, NamedAgg, Scan
from headwater.model.settings import Settings
from headwater.store.engines.connecting import connect
from headwater.store.generations import pinned
from headwater.store.place import open_store
from tests.engines import servers
from tests.surface import COSTS, FILES, LEADS
from tests.world import land, world

MORE = {"lead_id": "new", "created_at": "2025-03-30", "channel": "email"}
COUNT = Group(Scan("leads"), (), (NamedAgg("n", Agg("count_rows")),))


@dataclass(frozen=True)
class Server:
    """A database with a loader and a reader."""

    url: str

    def of(self, user: str) -> str:
        return self.url.replace("user=owner", f"user={user}")

    def ask(self, text: str) -> list[Any]:
        with dbapi.connect(self.url, autocommit=True) as owner, owner.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if text.upper().startswith("SELECT") else []

    @property
    def settings(self) -> dict[str, Any]:
        return {"engine": {"reader": self.of("reader"), "loader": self.of("loader")}}

    def held(self) -> dict[str, dict[str, str]]:
        """Which table each generation has under each name."""
        found: dict[str, dict[str, str]] = {}
        for generation, name, stored in self.ask("SELECT generation, name, stored FROM headwater.book"):
            found.setdefault(generation, {})[name] = stored
        return found


@pytest.fixture(scope="module")
def users(postgres_url: str) -> str:
    with dbapi.connect(postgres_url, autocommit=True) as owner, owner.cursor() as cursor:
        for text in ("reader", "loader", "nobody", "unwanted", "locked PASSWORD 'right'"):
            cursor.execute(f"CREATE ROLE {text.split()[0]} LOGIN {' '.join(text.split()[1:])}")
    return postgres_url


@pytest.fixture
def server(users: str) -> Iterator[Server]:
    with servers.database(users) as url:
        found = Server(url)
        name = url.partition("///")[2].partition("?")[0]
        found.ask(f"GRANT CREATE ON DATABASE {name} TO loader")
        yield found


@pytest.fixture
def company(server: Server, tmp_path: Path) -> Workspace:
    return world(tmp_path, {"leads": LEADS, "costs": COSTS}, server.settings, files=FILES, build=False)


def leads(workspace: Workspace, **given: Any) -> tuple[float | None, str]:
    """How many leads there are, and what answered."""
    traced = workspace.trace("leads", **given)
    return traced[0].numbers[0].observation.value, traced.engine


def test_questions_are_answered_by_the_engine_that_the_settings_name(server: Server, company: Workspace) -> None:
    done = company.refresh()
    assert done.brought is not None and done.brought.gone
    assert done.brought.loaded == done.brought.tables == len(done.generation.tables)
    assert f"the engine holds it: {done.brought.loaded} of {done.brought.tables} tables were loaded" in done.to_text()
    assert leads(company) == (len(LEADS), company.trace("leads").engine)
    assert company.trace("leads").engine.startswith("PostgreSQL ")
    assert company.records("leads").blocks[0].rows.total == len(LEADS)
    assert len(company.compare("leads", period=["2025-01", "2025-02"]).rows) == 1
    assert company.check().failed is False
    (fact,) = [row for row in company.doctor().rows.rows if "answered" in str(row[1])]
    assert fact[:2] == ("fact", f"questions are answered by {company.trace('leads').engine}")
    rows = sum(t.rows for t in done.generation.tables)
    assert server.ask("SELECT sum(rows)::bigint FROM headwater.book") == [(rows,)]


def test_tables_that_did_not_change_are_shared_and_who_reads_sees_one_state(server: Server, company: Workspace) -> None:
    first = company.refresh().generation.id
    store = open_store(company.path / ".headwater" / "store")
    with pinned(store, settings=Settings(engine=server.of("reader"))) as reader:
        asked = render(COUNT, reader.spelling)
        assert reader.rows(asked) == [(len(LEADS),)]
        land(company, {"leads": [*LEADS, MORE]})
        second = company.refresh()
        reader._told.clear()  # else the engine is not asked again
        assert reader.rows(asked) == [(len(LEADS),)]
        with reader.another() as beside:
            assert beside.rows(asked) == [(len(LEADS),)]
        held = server.held()
        assert set(held) == {first, second.generation.id}
        assert held[first]["costs"] == held[second.generation.id]["costs"]
        assert held[first]["leads"] != held[second.generation.id]["leads"]
        assert second.brought is not None
        changed = [n for n, stored in held[second.generation.id].items() if stored not in held[first].values()]
        assert second.brought.loaded == len(changed) < second.brought.tables
        value, engine = leads(company, generation=first)
        assert value == len(LEADS) and engine.startswith("PostgreSQL")

        land(company, {"leads": [*LEADS, MORE, MORE | {"lead_id": "newer"}]})
        third = company.refresh().generation.id
        reader._told.clear()
        with pytest.raises(EngineError, match="does not hold"):
            reader.rows(asked)
        assert reader.lost

    value, engine = leads(company, generation=first)
    assert value == len(LEADS) and engine.startswith("DuckDB")
    assert f"over the stored files, because PostgreSQL does not hold the data version '{first}'" in engine
    schemas = {row[0] for row in server.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'headwater%'")}
    assert schemas == {"headwater", f"headwater_{second.generation.id}", f"headwater_{third}"}
    stored = {s for names in server.held().values() for s in names.values()}
    there = {r[0] for r in server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'headwater'")}
    assert there == stored | {"book"}

    company.rollback(first)
    value, engine = leads(company)
    assert value == len(LEADS) and engine.startswith("PostgreSQL")


def test_a_reader_sees_its_tables_and_changes_nothing(server: Server, company: Workspace) -> None:
    generation = company.refresh().generation.id
    with dbapi.connect(server.of("reader"), autocommit=True) as reader, reader.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM headwater_{generation}.leads")
        assert cursor.fetchall() == [(len(LEADS),)]
        for text in (
            f"DELETE FROM headwater_{generation}.leads",
            f"INSERT INTO headwater_{generation}.leads (lead_id) VALUES ('x')",
            f"DROP SCHEMA headwater_{generation} CASCADE",
            f"CREATE TABLE headwater_{generation}.mine (a int)",
            "SELECT * FROM headwater.book",
        ):
            with pytest.raises(dbapi.Error, match=r"permission denied|must be owner"):
                cursor.execute(text)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO leads (lead_id) VALUES ('x')",
        "WITH gone AS (DELETE FROM leads RETURNING *) SELECT * FROM gone",
        "SELECT * INTO other FROM leads",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET default_transaction_read_only = off",
        "SELECT 1; DROP TABLE leads",
        "COPY leads TO PROGRAM 'true'",
        "CREATE TABLE t (a int)",
        "",
    ],
)
def test_a_statement_that_does_more_than_read_is_refused(users: str, text: str) -> None:
    engine = connect(users)
    try:
        with pytest.raises(QueryError, match="does more than read"):
            engine.rows(text)
        assert engine.rows("SELECT 'delete; into', 1") == [("delete; into", 1)]
    finally:
        engine.close()


def test_the_transaction_itself_only_reads(users: str) -> None:
    with dbapi.connect(users, autocommit=True) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE meddled (a int)")
        cursor.execute(
            "CREATE FUNCTION meddle() RETURNS int LANGUAGE sql AS 'INSERT INTO meddled VALUES (1) RETURNING a'"
        )
    engine = connect(users)
    try:
        told = "SELECT current_setting('transaction_read_only'), current_setting('transaction_isolation')"
        assert engine.rows(told) == [("on", "repeatable read")]
        with pytest.raises(EngineError, match="read-only transaction"):
            engine.rows("SELECT meddle()")
        assert engine.rows("SELECT count(*) FROM meddled") == [(0,)]
    finally:
        engine.close()


def test_a_statement_is_stopped_from_another_thread(users: str) -> None:
    engine = connect(users)
    beside = engine.another()
    over = Event()

    def stop() -> None:
        while not over.wait(0.3):  # before the statement has begun nothing is stopped
            beside.interrupt()

    stopping = Thread(target=stop)
    stopping.start()
    with pytest.raises(StoppedError):
        beside.rows("SELECT pg_sleep(60)")
    over.set()
    stopping.join()
    assert beside.rows("SELECT 1") == [(1,)]
    beside.close()
    engine.close()


def fails(company: Workspace, match: str) -> WorkspaceError:
    """What a refresh says that could not bring the tables; the workspace answers from its files then."""
    with pytest.raises(WorkspaceError, match=match) as caught:
        company.refresh()
    assert "questions are answered from the stored files" in caught.value.what
    assert "headwater refresh" in caught.value.do
    value, engine = leads(company)
    assert value is not None and engine.startswith("DuckDB") and "because PostgreSQL" in engine
    (fault,) = [row for row in company.doctor().rows.rows if row[0] == "fault"]
    assert "questions are answered from the stored files, because PostgreSQL" in str(fault[1])
    return caught.value


def test_two_loaders_exclude_each_other(server: Server, company: Workspace) -> None:
    from headwater.store.engines.postgres_tables import _LOCK

    with dbapi.connect(server.of("loader"), autocommit=True) as other, other.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({_LOCK})")
        fails(company, "another program is bringing tables")
    assert company.refresh().brought is not None
    assert leads(company)[1].startswith("PostgreSQL")


def interrupted(server: Server, at: int) -> Callable[[str, int, int], None]:
    """Ends the loader's session on the server when it comes to that table."""

    def tell(what: str, done: int, of: int) -> None:
        if what.startswith("Bringing") and done >= at:
            server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'loader'")

    return tell


def test_a_load_that_is_cut_off_leaves_what_was_there_and_goes_on_the_next_time(
    server: Server, company: Workspace
) -> None:
    first = company.refresh().generation.id
    land(company, {"leads": [*LEADS, MORE], "costs": COSTS[:1]})
    with pytest.raises(WorkspaceError, match="connection to PostgreSQL was lost"):
        company.refresh(progress=interrupted(server, 1))
    assert set(server.held()) == {first}
    value, engine = leads(company, generation=first)
    assert value == len(LEADS) and engine.startswith("PostgreSQL")
    value, engine = leads(company)
    assert value == len(LEADS) + 1 and engine.startswith("DuckDB")
    done = company.refresh()
    assert done.changed is False and done.brought is not None
    value, engine = leads(company)
    assert value == len(LEADS) + 1 and engine.startswith("PostgreSQL")


def test_a_full_disk(server: Server, company: Workspace) -> None:
    server.ask(
        "CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
    )
    server.ask(
        "CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION full_disk()"
    )
    fails(company, "disk of the PostgreSQL server is full")
    assert server.held() == {}
    server.ask("DROP EVENT TRIGGER full_disk")
    done = company.refresh().brought
    assert done is not None and done.loaded == 0  # the tables were whole, only their names were missing


def test_a_loader_without_the_right_to_make_schemas(server: Server, tmp_path: Path) -> None:
    given = {"engine": {"reader": server.of("reader"), "loader": server.of("nobody")}}
    company = world(tmp_path, {"leads": LEADS}, given, build=False)
    error = fails(company, "does not allow this user what is needed")
    assert "docs/engines.md" in error.do


@pytest.mark.parametrize(
    ("user", "match"),
    [("locked", "does not accept the password, or was given none"), ("unwanted", "does not let this user in"),
     ("missing", "does not let this user in")],
)  # fmt: skip
def test_who_is_not_let_in(server: Server, tmp_path: Path, user: str, match: str) -> None:
    company = world(tmp_path, {"leads": LEADS}, {"engine": server.of(user)}, build=False)
    fails(company, match)


@pytest.mark.verify
def test_a_password_comes_from_outside(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"engine": {"reader": server.of("locked"), "loader": server.of("loader")}}
    company = world(tmp_path, {"leads": LEADS}, given, build=False)
    monkeypatch.setenv("PGPASSWORD", "right")
    company.refresh()
    assert leads(company)[1].startswith("PostgreSQL")
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert "does not accept the password" in leads(company)[1]


def test_a_server_that_is_away(tmp_path: Path) -> None:
    company = world(tmp_path, {"leads": LEADS}, {"engine": "postgresql://reader@127.0.0.1:1/kpi"}, build=False)
    error = fails(company, "PostgreSQL does not answer at this address")
    assert "reader" in error.where


def test_a_database_that_has_not_every_letter(users: str, tmp_path: Path) -> None:
    with dbapi.connect(users, autocommit=True) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    company = world(tmp_path, {"leads": LEADS}, {"engine": users.replace("/postgres?", "/narrow?")}, build=False)
    fails(company, "LATIN1")


def test_who_is_erased_is_gone_from_the_engine(server: Server, company: Workspace) -> None:
    company.refresh()
    subject = str(LEADS[0]["lead_id"])
    company.erase(subject)
    assert leads(company)[1].startswith("PostgreSQL")
    (tables,) = zip(*server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'headwater'"), strict=True)
    for table in set(tables) - {"book"}:
        held = server.ask(f"SELECT count(*) FROM headwater.\"{table}\" AS t WHERE t::text ~ '\\m{subject}\\M'")
        assert held == [(0,)]


def test_texts_and_times_arrive_as_they_are(server: Server, tmp_path: Path) -> None:
    zone = {"engine": server.of("loader"), "time_zone": "America/New_York"}
    rows = [
        {"lead_id": "ä b", "created_at": "1999-12-31T23:59:59.999999", "channel": 'it\'s \\ "x"'},
        {"lead_id": "Ä", "created_at": "2024-02-29", "channel": None},
        {"lead_id": "日本", "created_at": "1960-01-01T00:00:00", "channel": ""},
    ]
    company = world(tmp_path, {"leads": rows}, zone)
    store = open_store(company.path / ".headwater" / "store")
    text = "SELECT lead_id, created_at, channel FROM leads ORDER BY lead_id"
    with pinned(store) as files, pinned(store, settings=Settings(engine=server.of("loader"))) as reader:
        assert reader.instead is None
        assert reader._engine.rows(text) == files._engine.rows(text)
        moment = datetime(1999, 12, 31, 23, 59, 59, 999999, ZoneInfo("America/New_York"))
        assert moment.astimezone(ZoneInfo("UTC")).replace(tzinfo=None) in [r[1] for r in reader._engine.rows(text)]


def test_a_fault_of_ours_is_called_one(users: str) -> None:
    engine = connect(users)
    with pytest.raises(HeadwaterError, match="report it") as caught:
        engine.rows("SELECT nothing FROM nowhere")
    assert not isinstance(caught.value, WorkspaceError)
    engine.close()
