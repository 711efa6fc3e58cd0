"""A full disk: a clear error, nothing half-visible, reading goes on, and writing works again when there is room."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import WorkspaceError
from headwater.store import disk, doctor, generations, landing
from headwater.store.definitions import keep_definition
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from tests.store.world import NOW, build, lead, load, rows_of

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets so many more steps of writing succeed (bytes, syncs, names); then the disk is full until told otherwise."""
    left = [10**9]

    def limited(owner: Any, name: str) -> None:
        honest = getattr(owner, name)

        def step(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/place")
            return honest(*args, **more)

        monkeypatch.setattr(owner, name, step)

    for name in ("write", "fsync"):
        limited(os, name)
    for name in ("mkdir", "rename", "replace"):
        limited(Path, name)

    def arm(count: int) -> None:
        left[0] = count

    return arm


def test_at_every_step_of_a_load_and_a_build(store: Store, full_after: Callable[[int], None]) -> None:
    with writing(store):
        load(store, "first", {"leads": [lead("first")]})
        before = build(store)
    built, count = False, 0
    while not built:
        entries = landing.journal(store)
        full_after(count)
        acknowledged = 0
        try:
            with writing(store):
                load(store, f"file {count}", {"leads": [lead(str(count))]})
                acknowledged = 1
                before = build(store, NOW + timedelta(minutes=count))
                built = True
        except WorkspaceError as error:
            assert "disk is full" in error.what
            assert "/secret" not in str(error)
        finally:
            full_after(10**9)
        journal = landing.journal(store)
        assert journal[: len(entries)] == entries
        assert acknowledged <= len(journal) - len(entries) <= 1
        now_current = generations.current(store)
        assert now_current is not None and (now_current == before or now_current.parent == before.id)
        before = now_current
        leads = rows_of(store, "leads", "lead_id")
        assert ("first",) in leads and len(leads) == now_current.journal
        assert [f for f in doctor.examine(store) if f.kind == "fault"] == []
        count += 1
    assert 10 < count < 200
    with writing(store):
        generations.collect(store, datetime.max)
    assert doctor.examine(store) == ()


def test_when_the_store_is_made(tmp_path: Path, full_after: Callable[[int], None]) -> None:
    root = tmp_path / ".headwater" / "store"
    for count in range(50):
        full_after(count)
        try:
            open_store(root, create=True)
            break
        except WorkspaceError as error:
            assert "disk is full" in error.what
        finally:
            full_after(10**9)
    assert count > 3
    with writing(open_store(root)):
        pass


def test_when_the_pointer_or_a_definition_is_written(store: Store, full_after: Callable[[int], None]) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("a")]})
        first = build(store)
        load(store, "b", {"leads": [lead("b")]})
        second = build(store)
        for count in range(2):
            full_after(count)
            with pytest.raises(WorkspaceError, match="disk is full"):
                generations.rollback(store, first.id)
            with pytest.raises(WorkspaceError, match="disk is full"):
                keep_definition(store, {"x": count})
            full_after(10**9)
        assert generations.current(store) == second
        assert not list(store.definitions.iterdir())
        assert not disk.leftovers(store.root)


ENGINE = """
import resource, signal, sys
from pathlib import Path
from headwater.errors import WorkspaceError
from headwater.store import generations
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.store.world import build, lead, load
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(Path(sys.argv[1]))
with writing(store):
    load(store, "big", {"leads": [lead(f"lead number {i} {i * 7919 % 10007}") for i in range(50_000)]})
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        build(store)
    except WorkspaceError as error:
        print(error.what)
"""


def test_when_the_engine_itself_cannot_write(store: Store) -> None:
    """A limit on the size of files stands for the full disk: the engine's own writes meet it."""
    with writing(store):
        load(store, "a", {"leads": [lead("a")]})
        before = build(store)
    for limit in (20_000, 60_000):
        child = subprocess.run(
            [sys.executable, "-c", ENGINE, str(store.root), str(limit)],
            cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert child.stdout == "the disk is full, so this was not finished\n", child.stderr
        assert generations.current(store) == before
        assert rows_of(store, "leads", "lead_id") == [("a",)]
    with writing(store):
        build(store)
    assert len(rows_of(store, "leads", "lead_id")) == 50_001
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EFBIG, "disk is full"),
        (errno.EROFS, "cannot be written"), (errno.EACCES, "cannot be written"), (errno.EIO, "Input/output error"),
    ],
)  # fmt: skip
def test_refusals_are_said_in_our_words(tmp_path: Path, code: int, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said) as caught, disk.refusals(tmp_path):
        raise OSError(code, os.strerror(code), "/secret/place")
    assert caught.value.where == str(tmp_path)
    assert caught.value.do
    assert "/secret" not in str(caught.value)
