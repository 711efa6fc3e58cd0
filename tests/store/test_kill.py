"""A writer is killed at random moments, again and again, while readers ask: nothing is lost, mixed, torn or left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.store import disk, doctor, generations, landing
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from tests.store import hammer

REPOSITORY = Path(__file__).resolve().parents[2]


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.hammer", *words], cwd=REPOSITORY, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip


@contextmanager
def reading(store: Store, stop: Path) -> Iterator[list[dict[str, Any]]]:
    """Two processes that read while the block runs; what they saw is in the list afterwards."""
    saw: list[dict[str, Any]] = []
    with start("reader", str(store.root), str(stop)) as one, start("reader", str(store.root), str(stop)) as two:
        try:
            yield saw
        finally:
            stop.touch()
            saw += [json.loads(reader.communicate()[0]) for reader in (one, two)]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", [100, pytest.param(1_000, marks=pytest.mark.verify)])
def test_a_killed_writer_is_not_noticed(tmp_path: Path, kills: int) -> None:
    store = open_store(tmp_path / ".headwater" / "store", create=True)
    acks, stop = tmp_path / "acks", tmp_path / "stop"
    with writing(store):
        hammer.load(store, 1)
        hammer.build(store)
    acks.touch()
    chance = random.Random(kills)
    life, published, left = 0.6, 0, 0
    with start("writers", str(store.root), str(acks)) as source, reading(store, stop) as saw:
        assert source.stdin is not None and source.stdout is not None
        for _ in range(kills):
            source.stdin.write("\n")
            source.stdin.flush()
            child = int(source.stdout.readline())
            time.sleep(chance.uniform(0, life))
            os.kill(child, signal.SIGKILL)
            assert source.stdout.readline() == "dead\n"
            told = acks.read_text().count("published")
            life *= 0.95 if told > published else 1.05  # on a busy machine writers need longer to get anywhere
            published = told
            left += any(disk.leftovers(folder) for folder in (store.landing, store.parts, store.generations))
        source.stdin.close()
        source.wait()
    assert [s["wrong"] for s in saw] == [[], []]
    assert all(s["reads"] > kills / 5 and s["generations"] > kills / 20 for s in saw), saw

    acknowledged = [line.split() for line in acks.read_text().splitlines()]
    loads = [int(words[0]) for words in acknowledged if words[1] == "loaded"]
    builds = [int(words[0]) for words in acknowledged if words[1] == "published"]
    assert len(builds) > kills / 10 and left > 0
    journal = landing.journal(store)
    assert [entry.number for entry in journal] == list(range(1, len(journal) + 1))
    assert max(loads) <= len(journal)
    current = generations.current(store)
    assert current is not None and current.journal >= max(builds)
    assert [f for f in doctor.examine(store) if f.kind == "fault"] == []

    with writing(store):
        hammer.build(store)
        generations.collect(store, datetime.max)
    assert doctor.examine(store) == ()
    assert len(generations.generation_ids(store)) <= 4
