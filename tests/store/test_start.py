"""Answering from a built store loads nothing heavy: the first number must come quickly."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import build, lead, load

ASK = """
import json, sys
from pathlib import Path
from headwater.model.plan import Statement
from headwater.store.generations import pinned
from headwater.store.place import open_store
with pinned(open_store(Path(sys.argv[1]))) as reader:
    rows = reader.rows(Statement("SELECT count(*) FROM leads", ("n",)))
print(json.dumps([rows, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
HEAVY = {"numpy", "openpyxl", "pandas", "pyarrow", "pydantic", "python_calamine", "rich", "scipy", "sqlglot", "yaml"}


def test_a_reader_imports_nothing_heavy(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1")]})
        build(store)
    told = subprocess.run(
        [sys.executable, "-c", ASK, str(store.root)], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    rows, modules = json.loads(told.stdout)
    assert rows == [[1]]
    assert HEAVY.isdisjoint(modules)
