from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.errors import WorkspaceError
from headwater.store import landing, lock
from headwater.store.lock import writer, writing
from headwater.store.place import Store
from headwater.store.scratch import abandoned, scratch, scratch_if_possible
from tests.store.world import load

HOLDER = """
import sys
from pathlib import Path
from headwater.store.lock import writing
from headwater.store.place import open_store
with writing(open_store(Path(sys.argv[1])), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_for(store: Store, verb: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLDER, str(store.root), verb]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def test_one_writer_at_a_time_and_the_other_is_told_who(store: Store) -> None:
    with held_for(store, "load") as holder:
        assert holder.stdin is not None
        with pytest.raises(WorkspaceError) as caught, writing(store, wait=0.05):
            pass
        told = rf"written by process {holder.pid} \('load'\) since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        assert re.search(told, caught.value.what)
        assert re.search(str(holder.pid), writer(store))
        holder.stdin.close()
        holder.wait()
    with writing(store):
        pass
    assert writer(store) == ""


def test_the_second_waits_for_the_first(store: Store) -> None:
    with held_for(store, "load") as holder:
        holder.kill()
        with writing(store, wait=30):
            pass


def test_who_only_looks_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with held_for(store, "check") as holder:
        assert holder.stdin is not None
        with pytest.raises(WorkspaceError, match="check"), writing(store, wait=0):
            pass
        stdin, slept = holder.stdin, 0

        def sleep(_: float) -> None:
            nonlocal slept
            slept += 1
            if slept == 3:
                stdin.close()
                holder.wait()

        monkeypatch.setattr(lock.time, "sleep", sleep)
        with writing(store, wait=0.000001):
            assert slept == 3


def test_two_threads_or_blocks_of_one_process_exclude_each_other_too(store: Store) -> None:
    with writing(store, "load"), pytest.raises(WorkspaceError, match=f"process {os.getpid()}"), writing(store, wait=0):
        pass


def test_the_lock_is_given_back_after_an_error(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), writing(store):
        raise ZeroDivisionError
    with writing(store, wait=0):
        pass


def test_a_child_process_inherits_no_lock(store: Store) -> None:
    with writing(store):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with child, writing(store, wait=0):
        assert child.stdin is not None
        child.stdin.close()


def test_a_file_system_that_grants_the_lock_twice_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    with pytest.raises(WorkspaceError, match="no working locks"), writing(store):
        pass


def test_a_file_system_without_locks_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(WorkspaceError, match="no working locks"), writing(store):
        pass


def test_what_an_interrupted_writer_left_is_swept(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": []})
    for folder in (store.root, store.landing, store.parts, store.generations, store.definitions):
        (folder / ".tmp-0123").mkdir()
        (folder / ".tmp-0123" / "half").write_text("x")
        (folder / ".tmp-4567.parquet").write_text("x")
    (store.scratch / "dead").mkdir()
    with scratch(store) as alive:
        assert alive is not None
        assert abandoned(store) == (store.scratch / "dead",)
        with writing(store):
            pass
        assert [p.name for p in store.scratch.iterdir()] == [alive.name]
    assert not list(store.scratch.iterdir())
    assert not [p for p in store.root.rglob("*") if p.name.startswith(".tmp-")]
    assert len(landing.journal(store)) == 1


def test_without_room_for_scratch_a_reader_works_without(store: Store) -> None:
    store.scratch.rmdir()
    with scratch_if_possible(store) as none:
        assert none is None
    with pytest.raises(WorkspaceError), scratch(store):
        pass


def test_changing_without_the_lock_is_a_fault_of_the_program(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="with writing"):
        landing.stage(store)
