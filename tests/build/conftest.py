"""Worlds to build in: on paper, and in a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.model.settings import Settings
from headwater.model.table import Table
from tests.build.paper import PaperWorld
from tests.build.world import World

AnyWorld = World | PaperWorld
NewWorld = Callable[..., AnyWorld]


@pytest.fixture(params=["paper", "store"])
def new_world(request: pytest.FixtureRequest, tmp_path: Path) -> NewWorld:
    """A world of these tables: `new_world(leads, accounts, settings=...)`."""

    def make(*tables: Table, settings: Settings | None = None) -> AnyWorld:
        known = {t.id: t for t in tables}
        limits = settings or Settings(memory_mb=512)
        return PaperWorld(known, limits) if request.param == "paper" else World(tmp_path / "store", known, limits)

    return make


@pytest.fixture
def on_paper() -> NewWorld:
    """A world on paper alone: how the engine spells what rules ask is held by those that are also built in a store."""
    return lambda *tables: PaperWorld({t.id: t for t in tables})
