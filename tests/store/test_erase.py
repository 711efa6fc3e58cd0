from __future__ import annotations

import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from headwater.errors import WorkspaceError
from headwater.metrics.render import render
from headwater.model.generation import StoredTable
from headwater.model.landing import Batch, Erasure
from headwater.model.plan import Scan
from headwater.model.settings import Settings
from headwater.model.workshop import Workshop
from headwater.store import doctor, erase, generations, landing
from headwater.store.definitions import keep_definition
from headwater.store.erase import Erased
from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import NOW, build, files_under, lead, load, order, project, rows_of, stage, write_table

ANNA = "anna@example.com"
SMALL = Settings(memory_mb=256)


def holders(folder: Path, text: str) -> list[str]:
    """Files that hold a text: in their plain bytes (Parquet statistics and dictionaries too) or in decoded values."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes().lower()
        if path.suffix == ".parquet":
            content += str(pq.read_table(path).to_pydict()).lower().encode()
        if text.lower().encode() in content:
            found.append(str(path.relative_to(folder)))
    return found


def fill(store: Store) -> None:
    """Anna is a lead, an order's lead, a note of another lead, a quarantined row, and part of an id."""
    others = [lead(f"L{i}", email=f"person{i}@example.com", note="calls; often") for i in range(50)]
    with writing(store):
        anna = lead("A1", email="Anna@Example.com", amount="12")
        bad = [
            (30, 31, "amount", "number", "bad", "A1;anna@example.com;x"),
            (31, 32, "amount", "number", "bad", "L99;;y"),
        ]
        load(
            store, "first", {"leads": [*others[:25], anna, lead("J1", email="joanna@example.com")]}, quarantine=bad
        )  # fmt: skip
        build(store)
        load(
            store, "second",
            {
                "leads": [*others[25:], lead("L77", note="talked to ANNA@example.com, anna@example.com. Then left")],
                "orders": [order("o1", "A1"), order("o2", "L1"), order("o3", "anna@example.com|3")],
            },
        )  # fmt: skip
        build(store, NOW + timedelta(days=1))
        load(store, "third", {"leads": [lead("L78", email="later@example.com")]})
        build(store, NOW + timedelta(days=2))
    store.cache.mkdir()
    (store.cache / "catalogue.json").write_text(f'{{"asked": "{ANNA}"}}')


def erased(store: Store, *texts: str, **more: Any) -> Erased:
    with writing(store):
        return erase.erase(store, texts, NOW + timedelta(days=3), render, **more)


def test_afterwards_the_subject_is_nowhere(store: Store) -> None:
    fill(store)
    home = store.root.parent
    assert len(holders(home, ANNA)) > 8
    before = generations.generation_ids(store)
    done = erased(store, ANNA, "A1")
    assert done.rows == 2  # the lead A1 and its order; joanna and the others stay
    assert done.quarantined == 1
    assert done.changed == 2  # the note, and the id that holds the address
    assert done.sources == ("first.csv", "second.csv")
    assert done.elsewhere == ()
    assert [name for name in holders(home, ANNA) if "joanna" not in decoded(home / name)] == []
    assert holders(home, "joanna@example.com")
    assert len(done.generations) == 3
    assert set(before).isdisjoint(generations.generation_ids(store))
    assert [f for f in doctor.examine(store) if f.kind == "fault"] == []
    assert rows_of(store, "orders", "order_id", "lead_id") == [("o2", "L1"), ("o3", "[erased]|3")]
    notes = [note for (note,) in rows_of(store, "leads", "note") if note and "talked" in note]
    assert notes == ["talked to [erased], [erased]. Then left"]
    assert len(rows_of(store, "leads", "lead_id")) == 50 + 1 + 1 + 1


def decoded(path: Path) -> str:
    """The content of a file with the addresses that only look like Anna's taken out."""
    content = path.read_bytes().decode("latin-1").lower()
    if path.suffix == ".parquet":
        content += str(pq.read_table(path).to_pydict()).lower()
    return "joanna" if ANNA not in content.replace("joanna@example.com", "") else content


def test_the_journal_says_that_it_happened_and_counts_still_agree(store: Store) -> None:
    fill(store)
    before = landing.journal(store)
    erased(store, ANNA)
    first, second, third, entry = landing.journal(store)
    assert isinstance(first, Batch) and isinstance(second, Batch) and isinstance(entry, Erasure)
    assert third == before[2]
    assert (first.data_rows, first.loaded, first.quarantined, first.skipped) == (27, 26, 1, (("erased", 2),))
    assert first.loaded + first.quarantined + first.collapsed == first.data_rows
    assert first.tables[0].rows == 26
    assert (second.skipped, second.loaded) == ((), 26)
    assert first.id != before[0].id  # type: ignore[union-attr]
    assert (first.source, first.content, first.mapping) == ("crm", before[0].content, "m")  # type: ignore[union-attr]
    assert (entry.number, entry.rows, entry.erased_at) == (4, 1, NOW + timedelta(days=3))
    assert ANNA not in entry.subject
    assert stat.S_IMODE(store.salt.stat().st_mode) == 0o600


def test_the_old_generation_ids_lead_to_the_new_ones(store: Store) -> None:
    fill(store)
    ids = generations.generation_ids(store)
    current = generations.current(store)
    with writing(store):
        generations.keep(store, ids[0], "the board saw it")
    done = dict(erased(store, ANNA).generations)
    assert list(done) == list(ids)
    now_current = generations.current(store)
    assert current is not None and now_current is not None and now_current.id == done[current.id]
    assert now_current.parent == done[current.parent]
    assert generations.kept_by_somebody(store) == {done[ids[0]]: "the board saw it"}
    with generations.pinned(store, ids[1], SMALL) as reader:
        assert reader.generation.id == done[ids[1]]
    with writing(store):
        assert generations.rollback(store, ids[1]).id == done[ids[1]]


def test_the_digests_are_those_of_a_build_without_the_subject(store: Store) -> None:
    fill(store)
    erased(store, ANNA, "A1")
    rewritten = generations.current(store)
    with writing(store):
        rebuilt = build(store)
    assert rewritten is not None
    assert [(t.table, t.rows, t.digest) for t in rebuilt.tables] == [
        (t.table, t.rows, t.digest) for t in rewritten.tables
    ]
    assert {p.file for t in rebuilt.tables for p in t.parts} == {p.file for t in rewritten.tables for p in t.parts}


def test_masked_values_are_not_counted_by_their_numbers_any_more(store: Store) -> None:
    def write(workshop: Workshop, name: str) -> StoredTable:
        return replace(write_table(workshop, name), numbered=(("lead_id", 9),))

    with writing(store):
        leads = [lead("L1"), lead(f"L2 of {ANNA}"), lead("L2 of [erased]")]
        load(store, "first", {"leads": leads, "orders": [order("o1", "L1")]})
        build(store, write=write)
    erased(store, ANNA)
    now_current = generations.current(store)
    assert now_current is not None
    assert {t.table: t.numbered for t in now_current.tables} == {"leads": (), "orders": (("lead_id", 9),)}


def test_a_later_load_does_not_bring_it_back(store: Store) -> None:
    fill(store)
    erased(store, ANNA, "A1")
    rows = [
        lead("crm:A1"),
        lead("X", email=" ANNA@example.com "),
        lead("Y", note="(anna@example.com)"),
        lead("Z", note="A1 steak"),
    ]
    with writing(store):
        assert load(store, "first", {"leads": []}) is None
        batch = load(
            store,
            "fourth",
            {"leads": rows, "orders": []},
            quarantine=[(5, 6, "amount", "number", "bad", "A1,1"), (6, 7, "amount", "number", "bad", "A11,1")],
        )
        build(store)
    assert batch is not None
    assert batch.skipped == (("erased", 3),)
    assert (batch.data_rows, batch.loaded, batch.quarantined) == (3, 2, 1)
    assert batch.tables[0].rows == 2
    assert [q.raw for q in landing.quarantine_rows(store, batch)] == ["A11,1"]
    loaded = [row for row in rows_of(store, "leads", "lead_id", "note") if row[0] in "XYZ" or "A1" in row[0]]
    assert loaded == [("Y", "([erased])"), ("Z", "A1 steak")]
    assert [n for n in holders(store.root.parent, ANNA) if decoded(store.root.parent / n) != "joanna"] == []


def test_a_load_without_the_subject_is_left_as_it_is(store: Store) -> None:
    fill(store)
    erased(store, ANNA)
    with writing(store):
        staged, draft = stage(store, "fourth", {"leads": [lead("1", email="joanna@example.com")]})
        content = (staged / "leads.parquet").read_bytes()
        batch = landing.commit(store, staged, draft, NOW)
    assert batch is not None and batch.skipped == ()
    assert (store.landing / f"{batch.number:08d}-{batch.id}" / "leads.parquet").read_bytes() == content


def test_ids_differ_by_case_and_addresses_do_not(store: Store) -> None:
    rows = [lead("0013AbCd"), lead("0013aBcD"), lead("x", email="BOB@example.com"), lead("y", email="bob@example.com")]
    with writing(store):
        load(store, "a", {"leads": rows})
        build(store)
    erased(store, "0013AbCd", "Bob@Example.com")
    assert rows_of(store, "leads", "lead_id") == [("0013aBcD",)]


def test_short_ids_are_whole_values_only(store: Store) -> None:
    rows = [lead("17"), lead("hub:17"), lead("170"), lead("18", note="room 17"), lead("19", note="17")]
    with writing(store):
        load(store, "a", {"leads": rows})
        build(store)
    done = erased(store, "17")
    assert (done.rows, done.elsewhere) == (3, ())
    assert rows_of(store, "leads", "lead_id", "note") == [("170", None), ("18", "room 17")]


@pytest.mark.parametrize(
    "text",
    ["a.b+c@example.com", "o'neil@example.com", r"back\slash(1)[x]", "größe@exämple.de", "100% sure*", "日本語の顧客"],
)
def test_any_text_is_taken_literally(store: Store, text: str) -> None:
    with writing(store):
        load(
            store,
            "a",
            {"leads": [lead("1", email=text), lead("2", email="axb+c@example.com"), lead("3", note=f"<{text}>")]},
        )
        build(store)
    assert erased(store, text).rows == 1
    assert rows_of(store, "leads", "lead_id", "note") == [("2", None), ("3", "<[erased]>")]
    with writing(store):
        batch = load(store, "b", {"leads": [lead("4", email=text.upper() if "@" in text and text.isascii() else text)]})
    assert batch is not None and batch.loaded == 0


def test_erasing_what_is_nowhere_is_recorded_all_the_same(store: Store) -> None:
    fill(store)
    before = files_under(store.parts)
    done = erased(store, "nobody@example.com")
    assert (done.rows, done.changed, done.generations) == (0, 0, ())
    assert files_under(store.parts) == before
    assert isinstance(landing.journal(store)[-1], Erasure)


def test_erasing_twice_records_it_once(store: Store) -> None:
    fill(store)
    erased(store, ANNA)
    journal = landing.journal(store)
    again = erased(store, "ANNA@EXAMPLE.COM ")
    assert (again.rows, again.generations) == (0, ())
    assert landing.journal(store) == journal


@pytest.mark.parametrize("texts", [(), ("",), (ANNA, " ")])
def test_nothing_to_erase_is_refused(store: Store, texts: tuple[str, ...]) -> None:
    with pytest.raises(WorkspaceError, match="nothing to erase"):
        erased(store, *texts)


def test_files_that_are_not_the_stores_to_change_are_named(store: Store) -> None:
    fill(store)
    with writing(store):
        id_ = keep_definition(store, {"owner": ANNA})
    (store.root.parent / "decisions.sqlite").write_bytes(b"\x00\x01" + ANNA.encode() + b"\x00")
    done = erased(store, ANNA)
    assert {Path(p).name for p in done.elsewhere} == {f"{id_}.json", "decisions.sqlite"}


def test_a_batch_whose_warning_names_the_subject_is_rewritten(store: Store) -> None:
    from dataclasses import replace

    with writing(store):
        staged, draft = stage(store, "a", {"leads": [lead("1")]})
        landing.commit(store, staged, replace(draft, warnings=(f"'{ANNA}' is no date", "another")), NOW)
    erased(store, ANNA)
    batch = landing.journal(store)[0]
    assert isinstance(batch, Batch)
    assert batch.warnings == ("(a warning about a row of an erased subject)", "another")
    assert holders(store.root, ANNA) == []


def test_parts_that_become_empty_are_gone(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1", email=ANNA)]})
        build(store)
    erased(store, ANNA)
    generation = generations.current(store)
    assert generation is not None
    assert [(t.parts, t.rows, t.digest) for t in generation.tables] == [((), 0, "0")] * 2
    assert rows_of(store, "leads", "lead_id") == []
    assert not list(store.parts.iterdir())


def test_readers_are_waited_for(store: Store) -> None:
    """What a reader holds stays until it lets go; the erasure says so and is finished by running it again."""
    fill(store)
    with generations.pinned(store, settings=SMALL) as reader:
        before = reader.rows(render(project(Scan("leads"), ["email"])))
        with pytest.raises(WorkspaceError, match="somebody still reads"):
            erased(store, ANNA, patience=0.1)
        assert reader.rows(render(project(Scan("leads"), ["email"]))) == before
        assert any("erasure was begun" in f.what for f in doctor.examine(store))
        assert ("Anna@Example.com",) not in rows_of(store, "leads", "email")
    erased(store, ANNA)
    assert [f for f in doctor.examine(store) if f.kind == "fault"] == []
    assert [n for n in holders(store.root.parent, ANNA) if decoded(store.root.parent / n) != "joanna"] == []


def test_a_reader_that_ends_in_time_is_enough(store: Store) -> None:
    fill(store)
    pinned, done = threading.Event(), threading.Event()

    def read() -> None:
        with generations.pinned(store, settings=SMALL):
            pinned.set()
            done.wait(0.3)

    thread = threading.Thread(target=read)
    thread.start()
    pinned.wait(30)
    erased(store, ANNA, patience=60)
    thread.join()
    assert [n for n in holders(store.root.parent, ANNA) if decoded(store.root.parent / n) != "joanna"] == []


class Killed(BaseException):
    """Stands for the process being killed: nothing may catch it and tidy up."""


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Counts every step that changes a name on the disk; the one after `arm(n)` others is never made."""
    left = [0]

    def counted(name: str) -> None:
        honest = getattr(Path, name)

        def step(self: Path, *args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return honest(self, *args, **more)

        monkeypatch.setattr(Path, name, step)

    for name in ("rename", "replace", "unlink", "mkdir"):
        counted(name)
    honest_rmtree = shutil.rmtree

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if left[0] < 0:
            raise Killed
        honest_rmtree(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)

    def arm(count: int) -> None:
        left[0] = count

    arm(10**9)
    return arm


def test_it_can_be_interrupted_at_every_step_and_run_again(store: Store, arm: Callable[[int], None]) -> None:
    """After each interruption readers see the old or the new and no fault, and the second run finishes the work."""
    bad = [(3, 4, "amount", "number", "bad", ANNA)]
    with writing(store):
        load(store, "a", {"leads": [lead("1", email=ANNA), lead("2")]}, quarantine=bad)
        build(store)
        load(store, "b", {"leads": [lead("3", note=f"of {ANNA}")]})
    template = store.root.parent
    finished, count = False, 0
    while not finished:
        home = template.parent / f"copy{count}"
        shutil.copytree(template, home)
        copy = Store(home / "store")
        arm(count)
        try:
            erased(copy, ANNA)
            finished = True
        except Killed:
            count += 1 if os.environ.get("HEADWATER_VERIFY") == "1" else 3
        finally:
            arm(10**9)
        assert len([e for e in landing.journal(copy) if isinstance(e, Batch)]) == 2
        assert rows_of(copy, "leads", "lead_id") in ([("1",), ("2",)], [("2",)])
        faults = [f.what for f in doctor.examine(copy) if f.kind == "fault"]
        assert set(faults) <= {"an erasure was begun and not finished"}
        if not finished:
            erased(copy, ANNA)
        assert holders(home, ANNA) == []
        assert rows_of(copy, "leads", "lead_id") == [("2",)]
        assert doctor.examine(copy) == ()
        assert [e.rows for e in landing.journal(copy) if isinstance(e, Erasure)] == [1]
    assert 20 < count < 200


def test_hashes_of_two_stores_differ(tmp_path: Path) -> None:
    from headwater.store.place import open_store
    from headwater.store.subjects import hash_of

    one, two = (open_store(tmp_path / name / "store", create=True) for name in "ab")
    assert hash_of(one, ANNA) == hash_of(one, ANNA) != hash_of(two, ANNA)
    assert hashlib.sha256(ANNA.encode()).hexdigest() not in hash_of(one, ANNA)
