"""The made-up company: drawn at full size for what is planted in it, and small, exported and loaded for its truth."""

import fcntl
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.demo.make import make
from headwater.demo.world import World, world

UNTIL = date(2026, 10, 31)
NOW = datetime(2026, 11, 3, 8, tzinfo=UTC)
SCALE = 0.02
SEED = 7


@dataclass(frozen=True)
class Demo:
    """A loaded demo and what its `truth.json` says."""

    workspace: Workspace
    truth: dict[str, Any]


@pytest.fixture(scope="session")
def company() -> World:
    """The company at full size, as it happened."""
    return world(SEED, 1.0, UNTIL)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Demo:
    """The company at a fiftieth, made once for all workers: drawn, exported, loaded and built."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder, ready = shared / "demo", shared / "demo.ready"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            make(folder, scale=SCALE, seed=SEED, until=UNTIL, now=NOW)
            ready.touch()
    return opened(folder)


def opened(folder: Path) -> Demo:
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return Demo(Workspace(folder, now=NOW, environment={}), truth)
