"""A store in a temporary folder, and a small journal to fill it with."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.store.place import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / ".headwater" / "store", create=True)
