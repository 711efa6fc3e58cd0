"""Every verb as it is called: what it prints, in which form, and with which exit code."""

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from headwater import Workspace
from headwater.cli import VERBS, main
from headwater.model.observation import OBSERVATION_FIELDS
from headwater.version import VERSION
from tests.cli.run import SOURCE, run, run_apart
from tests.sources import HEAD, JANUARY, with_sources


def test_help_lists_every_verb_in_order() -> None:
    ran = run(None, "--help")
    assert ran.code == 0
    at = [ran.out.index(f"\n  {verb} ") for verb in VERBS]
    assert at == sorted(at)


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_says_of_a_verb_what_its_own_help_says_first(verb: str) -> None:
    command = main.get_command(None, verb)  # type: ignore[arg-type]
    assert command is not None
    assert (command.help or "").split("\n\n")[0] == VERBS[verb]


def test_version() -> None:
    assert run(None, "--version").out == f"headwater {VERSION}\n"


def test_a_misspelt_verb_and_option() -> None:
    ran = run(None, "mesure")
    assert (ran.code, "'measure'" in ran.err) == (2, True)
    ran = run(None, "measure", "x", "--gran", "month")
    assert (ran.code, "--grain" in ran.err) == (2, True)


def test_a_call_without_a_verb_shows_the_help() -> None:
    ran = run(None)
    assert "Verbs:" in ran.out + ran.err


# --- measure ---------------------------------------------------------------------------------------------------------
def test_measure_prints_a_table(company: Workspace) -> None:
    ran = run(company, "measure", "own_leads", "--period", "2025-Q1", "--grain", "month", "--by", "channel")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["period", "channel", "value", "n"]
    assert run(company, "measure", "own_leads", "-p", "2025", "--filter", "channel = 'ads'").out.count("\n") == 4


def test_measure_in_every_form(company: Workspace, tmp_path: Path) -> None:
    question = ("measure", "own_cost_per_lead", "--period", "2025-Q1", "--grain", "month", "--by", "channel")
    told = json.loads(run(company, *question, "--format", "json").out)
    assert all(tuple(o) == OBSERVATION_FIELDS for o in told)
    rows = list(csv.DictReader(io.StringIO(run(company, *question, "-f", "csv").out, newline="")))
    assert [r["channel"] for r in rows][:4] == ["'=cmd", "ads", "email", ""]
    values = [o["value"] for o in told]
    for name in ("a.parquet", "a.xlsx", "a.json", "a.csv"):
        ran = run(company, *question, "--output", str(tmp_path / name))
        assert (ran.code, ran.out) == (0, "")
    assert pq.read_table(tmp_path / "a.parquet")["value"].to_pylist() == values
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet is not None and sheet.max_row == len(values) + 1
    assert json.loads((tmp_path / "a.json").read_text()) == told
    assert not list(tmp_path.glob(".*"))


def test_bytes_go_to_a_pipe(company: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')", "-w", str(company.path),
         "measure", "own_leads", "--format", "parquet"],
        capture_output=True, check=True, env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert pq.read_table(io.BytesIO(done.stdout))["kpi"].to_pylist() == ["own_leads"]


def test_an_output_that_cannot_be_written(company: Workspace, tmp_path: Path) -> None:
    ran = run(company, "measure", "own_leads", "--output", str(tmp_path / "no" / "a.csv"))
    assert (ran.code, ran.out) == (4, "")
    assert "a.csv" in ran.err


# --- the other questions ---------------------------------------------------------------------------------------------
def test_trace(company: Workspace) -> None:
    assert "2 / 4 = 0.5" in run(company, "trace", "own_mql_rate", "--filter", "channel = 'email'").out
    assert json.loads(run(company, "trace", "own_leads", "--format", "json").out)[0]["kpi"] == "own_leads"
    assert "SELECT" not in run(company, "trace", "own_leads", "--no-statements").out


def test_records(company: Workspace) -> None:
    ran = run(company, "records", "own_reach", "--period", "2025-01", "--format", "json")
    assert [r["email"] for r in json.loads(ran.out)] == ["***"] * 3
    assert "ann@one.org" in run(company, "records", "own_reach", "--unmask").out
    assert "5 more rows" in run(company, "records", "own_leads", "--limit", "3").out


def test_qualify(company: Workspace) -> None:
    ran = run(company, "qualify", "-p", "2025", "--against", "asked_for_a_talk")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Who is worth a call from sales (criteria leads, in force)")
    rows = json.loads(run(company, "qualify", "leads", "-p", "2025", "--format", "json").out)
    assert {r["variant"] for r in rows} >= {"came", "qualified", "precision", "lift"}
    assert run(company, "qualify", "leeds").code == run(company, "qualify", "--version", "fisrt").code == 2


def test_funnel(company: Workspace) -> None:
    ran = run(company, "funnel", "-p", "2025", "--reference", "mql=50%")
    assert ran.code == 0
    assert ran.out.startswith("From lead to customer (funnel leads)")
    rows = json.loads(run(company, "funnel", "leads", "-p", "2025", "--format", "json").out)
    assert {r["value"] for r in rows if r["variant"] == "volume" and r["segment"]["step"] == "mql"} == {3}
    assert run(company, "funnel", "leeds").code == 2


def test_compare(company: Workspace) -> None:
    ran = run(company, "compare", "own_leads", "-p", "2025-01", "-p", "2025-02")
    assert ran.code == 0
    assert ran.out.splitlines()[-1].split() == ["4", "3", "-1", "-25.0%"]
    ran = run(company, "compare", "own_leads", "own_reach", "--format", "csv")
    assert ran.out.splitlines()[1] == "own_leads,own_reach,all data,all data,8,6,-2,-0.25,"


def test_kpi(company: Workspace) -> None:
    listed = run(company, "kpi", "list", "own", "rate").out.splitlines()[1:]
    assert "own_mql_rate" in [line.split()[0] for line in listed if line]
    assert "own_to_mql / entered(own_to_mql)" in run(company, "kpi", "show", "own_mql_rate").out
    assert json.loads(run(company, "kpi", "show", "own_mql_rate", "-f", "json").out)["id"] == "own_mql_rate"
    ran = run(company, "kpi", "coverage", "own_", "--kgi", "own_leads")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "What can be computed: 4 of 4 KPIs")
    assert json.loads(run(company, "kpi", "coverage", "own_leads", "-f", "json").out)["ready"] == 1
    ran = run(company, "kpi", "lint")
    assert (ran.code, "own_leads.yml" in ran.out) == (1, True)


# --- data ------------------------------------------------------------------------------------------------------------
def test_from_an_empty_folder_to_a_number(tmp_path: Path) -> None:
    ran = run(None, "init", str(tmp_path / "acme"))
    assert ran.code == 0
    assert f"headwater --workspace {tmp_path / 'acme'} refresh" in ran.out
    folder = with_sources(tmp_path, {"leads.csv": JANUARY, "leads-2.csv": ""}).path
    ran = run(folder, "load")
    assert (ran.code, "REFUSED exports/leads-2.csv" in ran.out) == (3, True)
    assert "row 3 (line 4), created_at" in ran.out
    ran = run(folder, "refresh")
    assert (ran.code, "is current now" in ran.out) == (3, True)
    (folder / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-01,ads,di@two.org\n")
    ran = run(folder, "refresh", "--format", "json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["changed"] is True
    assert {"table": "leads", "before": 2, "after": 3} in told["tables"]
    assert json.loads(run(folder, "measure", "own_leads", "-f", "json").out)[0]["value"] == 3
    ran = run(folder, "rollback")
    assert (ran.code, "is current now" in ran.out) == (0, True)
    assert json.loads(run(folder, "measure", "own_leads", "-f", "json").out)[0]["value"] == 2
    ran = run(folder, "rollback", "0123456789abcdef")
    assert ran.code == 4
    ran = run(folder, "check")
    assert (ran.code, "checks are fine" in ran.out) == (0, True)
    ran = run(folder, "doctor")
    assert (ran.code, "duckdb" in ran.out) == (0, True)
    ran = run(folder, "erase", "ann@one.org")
    assert (ran.code, "--yes" in ran.err) == (2, True)
    ran = run(folder, "erase", "ann@one.org", "--yes")
    assert (ran.code, "exports/leads.csv" in ran.out) == (0, True)
    (folder / "exports" / "leads.csv").unlink()
    (folder / "exports" / "leads-2.csv").unlink()
    assert run(folder, "check").code == 1


def test_progress_is_drawn_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    ours, theirs = pty.openpty()
    drawn: list[bytes] = []

    def watch() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                drawn.append(piece)

    watcher = threading.Thread(target=watch)
    watcher.start()
    done = subprocess.run(
        [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')", "-w", str(workspace.path),
         "load", "--format", "json"],
        stdout=subprocess.PIPE, stderr=theirs, check=True, env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    os.close(theirs)
    watcher.join()
    os.close(ours)
    assert b"Loading leads.csv" in b"".join(drawn)
    assert json.loads(done.stdout)[0]["state"] == "loaded"
    assert run_apart(workspace.path, "load").err == ""


# --- around the verbs ------------------------------------------------------------------------------------------------
def test_a_reader_that_stops_early_is_no_error(company: Workspace) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')", "-w",
             str(company.path), "kpi", "list"],
            stdout=closed, stderr=subprocess.PIPE, check=False, env=os.environ | {"PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
    assert done.stderr == b""


def test_a_terminal_without_our_letters(tmp_path: Path) -> None:
    ran = run_apart(tmp_path, "init", str(tmp_path / "Łź"), PYTHONIOENCODING="latin-1")
    assert ran.code == 0
    assert "\\u0141" in ran.out


def test_what_nobody_foresaw_is_one_text_and_debug_shows_where(
    company: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret cell")

    monkeypatch.setattr(Workspace, "measure", fail)
    ran = run(company, "measure", "own_leads")
    assert ran.code == 70
    assert "RuntimeError" in ran.err
    assert "secret" not in ran.err and "Traceback" not in ran.err
    with pytest.raises(RuntimeError):
        main(["--debug", "-w", str(company.path), "measure", "own_leads"], standalone_mode=False)


def test_an_interrupted_call_says_so(company: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "measure", stop)
    ran = run(company, "measure", "own_leads")
    assert (ran.code, "Stopped" in ran.err) == (130, True)


def test_kpi_ids_complete(company: Workspace) -> None:
    ran = run_apart(
        company.path, _HEADWATER_COMPLETE="bash_complete", COMP_WORDS=f"headwater -w {company.path} measure own_m",
        COMP_CWORD="4",
    )  # fmt: skip
    assert "own_mql_rate" in ran.out
