"""What a call loads: start-up time is imports, and a list of modules cannot flake."""

import json
import os
import subprocess
import sys

import pytest

from headwater import Workspace
from headwater.cli import VERBS
from tests.cli.run import SOURCE

HEAVY = {"numpy", "openpyxl", "pandas", "pyarrow", "pydantic", "rich", "scipy", "yaml"}
ENGINE = {"duckdb", "sqlglot"}
PROGRAM = """
import json, sys
from headwater.cli import main
try:
    main(sys.argv[1:], prog_name="headwater")
except SystemExit as end:
    code = end.code
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def loaded(*args: str) -> set[str]:
    """The modules that a call has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["code"] == 0, done.stderr
    return set(told["modules"])


def test_help_loads_nothing_heavy_and_no_verb() -> None:
    modules = loaded("--help")
    assert not modules & (HEAVY | ENGINE)
    assert not {f"headwater.cli.{verb}" for verb in VERBS} & modules
    assert "headwater.api" not in modules


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_loads_neither_engine_nor_files(verb: str) -> None:
    assert not loaded(verb, "--help") & (HEAVY | ENGINE)


def test_measure_on_a_warm_cache_loads_the_engine_and_nothing_else(company: Workspace) -> None:
    place = ("--workspace", str(company.path))
    asked = ("measure", "own_leads", "own_mql_rate", "--by", "channel", "--format", "json", "--as-of")
    loaded(*place, *asked, "2025-06-30")  # warms the caches
    modules = loaded(*place, *asked, "2025-07-01")
    assert not modules & HEAVY
    assert modules & ENGINE == {"duckdb"}  # how the question is spelled is known: nothing is spelled anew
    assert not {m for m in modules if m.startswith(("headwater.build", "headwater.connectors", "headwater.files"))}


def test_the_list_of_kpis_needs_no_engine(company: Workspace) -> None:
    place = ("--workspace", str(company.path))
    loaded(*place, "kpi", "list")
    assert not loaded(*place, "kpi", "list", "own") & (HEAVY | ENGINE)


def test_the_modules_of_verbs_are_those_listed() -> None:
    files = {p.stem for p in (SOURCE / "headwater" / "cli").glob("*.py")}
    assert files >= set(VERBS)
