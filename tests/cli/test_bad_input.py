"""Everything a person or a machine can get wrong: one clear text, the right exit code, no traceback, nothing lost."""

import errno
import gzip
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater import Workspace
from headwater.store import place
from headwater.store.generations import current
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.cli.run import SOURCE, Ran, run
from tests.sources import HEAD, JANUARY, count, refreshed, with_sources
from tests.surface import FILES
from tests.world import folder_with


def one_clear_text(ran: Ran, code: int, *said: str) -> None:
    """An error as it should be: on stderr alone, a line or a few, with what is possible instead."""
    assert ran.code == code, ran.out + ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert 1 <= len(ran.err.splitlines()) <= 12, ran.err
    for text in said:
        assert text in ran.err, ran.err


# --- questions -------------------------------------------------------------------------------------------------------
QUESTIONS = [
    (("measure", "own_lead"), "no KPI is called 'own_lead'", "Did you mean 'own_leads'"),
    (("measure", "own_leads.median"), "no variant 'median'", "own_leads.base"),
    (("measure", "own_leads", "--by", "chanel"), "'chanel'", "Did you mean 'channel'", "split by"),
    (("measure", "own_cost_per_lead", "--by", "utm_source"), "'own_cost' cannot be split by 'utm_source'", "channel"),
    (("measure", "own_leads", "--by", "channel", "--by", "channel"), "twice"),
    (("measure", "own_leads", "--filter", "chanel = 'x'"), "'chanel'", "Did you mean 'channel'"),
    (("measure", "own_leads", "--filter", "channel = 'x' or"), "filter"),
    (("measure", "own_leads", "--filter", "channel = 'x'; drop table leads"), "filter"),
    (("measure", "own_leads", "--period", "the other day"), "'the other day' is not a period", "2025-Q1"),
    (("measure", "own_leads", "--period", "2025-02-30"), "is not a period"),
    (("measure", "own_leads", "--grain", "fortnight"), "'fortnight' is not a grain", "week"),
    (("measure", "own_leads", "--as-of", "31.3.2025"), "'31.3.2025' is not a day", "2025-03-31"),
    (("measure", "own_leads", "--format", "yaml"), "--format"),
    (("measure",), "KPI"),
    (("records", "own_leads", "--limit", "0"), "limit"),
    (("compare", "own_leads"), "nothing to compare"),
    (("compare", "own_leads", "own_cost_per_lead"), "cannot be compared"),
    (("kpi", "show", "own_reech"), "Did you mean 'own_reach'"),
    (("trace", "nothing_like_it"), "kpi list"),
]


@pytest.mark.parametrize(("args", "said"), [(q[0], q[1:]) for q in QUESTIONS], ids=lambda v: " ".join(v)[:60])
def test_a_wrong_question(company: Workspace, args: tuple[str, ...], said: tuple[str, ...]) -> None:
    one_clear_text(run(company, *args), 2, *said)


def test_a_period_without_data_is_an_answer(company: Workspace) -> None:
    ran = run(company, "measure", "own_leads", "--period", "1999")
    assert (ran.code, "no data" in ran.out) == (0, True)


def test_an_unknown_data_version(company: Workspace) -> None:
    one_clear_text(run(company, "measure", "own_leads", "--generation", "0123456789abcdef"), 4, "0123456789abcdef")
    one_clear_text(run(company, "measure", "own_leads", "--generation", "../../etc"), 4)


# --- definition files ------------------------------------------------------------------------------------------------
DEFINITIONS = {
    "mixed units": ({"kpis/bad.yml": ("own_to_mql / entered(own_to_mql)", "own_cost + own_entered")}, "kpis/bad.yml"),
    "an unknown measure": ({"kpis/bad.yml": ("own_to_mql / entered(own_to_mql)", "own_enterd")}, "own_entered"),
    "a formula that is none": ({"kpis/bad.yml": ("own_to_mql / entered(own_to_mql)", "import os")}, "kpis/bad.yml"),
    "itself": ({"kpis/bad.yml": ("own_to_mql / entered(own_to_mql)", "bad + 1")}, "bad"),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_wrong_kpi(tmp_path: Path, name: str) -> None:
    changes, said = DEFINITIONS[name]
    base = FILES["kpis/own_mql_rate.yml"]
    folder = folder_with(tmp_path / "x", {}, {**FILES, **{p: base.replace(*c) for p, c in changes.items()}})
    one_clear_text(run(folder, "kpi", "show", "own_leads"), 2, "kpis/bad.yml:", said)


def test_kpis_in_a_circle(tmp_path: Path) -> None:
    base = FILES["kpis/own_mql_rate.yml"]
    old = "own_to_mql / entered(own_to_mql)"
    files = {**FILES, "kpis/egg.yml": base.replace(old, "hen + 1"), "kpis/hen.yml": base.replace(old, "egg + 1")}
    one_clear_text(run(folder_with(tmp_path / "x", {}, files), "kpi", "list"), 2, "egg", "hen")


def test_every_fault_of_every_file_at_once(tmp_path: Path) -> None:
    files = {
        "measures/bad.yml": FILES["measures/own_cost.yml"].replace("table: costs", "table: cots"),
        "kpis/bad.yml": FILES["kpis/own_leads.yml"].replace("better: up", "better: upp"),
    }
    ran = run(folder_with(tmp_path / "x", {}, {**FILES, **files}), "kpi", "list")
    one_clear_text(ran, 2, "measures/bad.yml:3", "Did you mean 'costs'", "kpis/bad.yml:6")


def test_a_source_that_names_what_is_not_there(tmp_path: Path) -> None:
    source = 'path: "a.csv"\ntables:\n  leeds:\n    columns: {lead_id: x}\n  leads:\n    columns: {lead_idd: x}\n'
    folder = folder_with(tmp_path / "x", {}, {"sources/s.yml": source})
    said = ("sources/s.yml:3", "Did you mean 'leads'", "sources/s.yml:6", "Did you mean 'lead_id'")
    one_clear_text(run(folder, "load"), 2, *said)
    folder = folder_with(tmp_path / "y", {}, {"sources/s.yml": source + "lod: full\n"})
    one_clear_text(run(folder, "load"), 2, "sources/s.yml:7", "Did you mean 'load'")


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "x", {"currency": "Euro", "time_zon": "UTC"})
    one_clear_text(run(folder, "measure", "own_leads"), 2, "headwater.yml", "Did you mean 'time_zone'")


# --- files -----------------------------------------------------------------------------------------------------------
def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.save(out)
    return out.getvalue()


def columns() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"Lead ID": ["L1"]}), out)
    return out.getvalue()


LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600

BAD_FILES = {
    "empty.csv": (b"", "empty"),
    "huge.csv": (HEAD.encode() + b"L1,2025-01-03,email,x\n" * 60_000, "larger than 1 MB"),
    "short.csv.gz": (packed(JANUARY * 50)[:-20], "ends before"),
    "short.parquet": (columns()[:-30], ""),
    "locked.xlsx": (LOCKED, "encrypted"),
    "book.csv": (workbook(), "the content is workbook"),
    "table.parquet": (JANUARY.encode(), "the content is text"),
    "page.csv": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    "archive.zip": (b"PK\x05\x06" + b"\0" * 18, "zip"),
    "other.csv": (b"a,b\n1,2\n", "Lead ID"),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Ran]:
    """One good file and every bad one, each a source of its own, refreshed once."""
    workspace = with_sources(tmp_path_factory.mktemp("bad"), {"leads.csv": JANUARY})
    sources = workspace.path / "sources"
    text = (sources / "leads.yml").read_text().replace("exports/leads*.csv", "exports/{}") + "max_mb: 1\n"
    for name, (content, _) in BAD_FILES.items():
        (workspace.path / "exports" / name).write_bytes(content)
        (sources / f"{name.replace('.', '_')}.yml").write_text(text.replace("{}", name))
    return workspace, run(workspace, "refresh")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name(refused: tuple[Workspace, Ran], name: str) -> None:
    _, ran = refused
    assert ran.code == 3
    assert ran.err == ""
    (line,) = [line for line in ran.out.splitlines() if line.startswith(f"REFUSED exports/{name} ")]
    assert BAD_FILES[name][1] in line
    assert line.endswith((".", "'"))


def test_the_good_file_is_loaded_all_the_same(refused: tuple[Workspace, Ran]) -> None:
    workspace, ran = refused
    assert ran.out.count("REFUSED") == len(BAD_FILES)
    (found,) = workspace.measure("own_leads")
    assert found.value == 2


# --- the place -------------------------------------------------------------------------------------------------------
@pytest.fixture
def built(company: Workspace, tmp_path: Path) -> Workspace:
    """The small company as one's own, to be harmed."""
    return Workspace(shutil.copytree(company.path, tmp_path / "own"), now=company._folder.now(), environment={})


def whole(workspace: Workspace) -> None:
    """Whatever went wrong, the numbers are there as before."""
    (found,) = workspace.measure("own_leads")
    assert found.value == 8


def test_no_such_folder(tmp_path: Path) -> None:
    one_clear_text(run(tmp_path / "nowhere", "measure", "x"), 4, "nowhere", "headwater init")


def test_a_folder_that_is_no_workspace(tmp_path: Path) -> None:
    one_clear_text(run(tmp_path, "measure", "x"), 4, "headwater.yml", "headwater init", "--workspace")
    (tmp_path / "file").write_text("x")
    one_clear_text(run(tmp_path / "file", "measure", "x"), 4, "this is a file")


def test_a_workspace_without_data(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "x", {}, FILES)
    one_clear_text(run(folder, "measure", "own_leads"), 4, "headwater load")
    one_clear_text(run(folder, "rollback"), 4)


def test_a_workspace_that_is_being_written(built: Workspace) -> None:
    store = open_store(built.path / ".headwater" / "store")
    with writing(store, "refresh"):
        for verb in ("load", "refresh", "rollback"):
            one_clear_text(run(built, verb), 4, f"process {os.getpid()} ('refresh')", "reading works")
        one_clear_text(run(built, "erase", "ann@one.org", "--yes"), 4, "reading works")
        assert run(built, "measure", "own_leads").code == 0
        assert run(built, "check").code == 0
    whole(built)


def test_two_loads_at_once(tmp_path: Path) -> None:
    workspace = with_sources(tmp_path, {"leads.csv": JANUARY})
    call = [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')"]
    both = [
        subprocess.Popen(
            [*call, "-w", str(workspace.path), "refresh"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(SOURCE)},
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [process.communicate()[1] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 4]), told
    assert all("Traceback" not in text for text in told)
    assert count(workspace) == 2
    assert not workspace.refresh().changed


def test_a_read_only_workspace_can_be_asked(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = os.access

    def read_only(path: object, mode: int, **more: object) -> bool:
        return not mode & os.W_OK and honest(path, mode, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "access", read_only)
    one_clear_text(run(built, "refresh"), 4, "read-only")
    assert run(built, "measure", "own_leads").code == 0
    whole(built)


def test_a_full_disk(tmp_path: Path) -> None:
    workspace = refreshed(tmp_path, {"leads.csv": JANUARY})
    (workspace.path / "exports" / "leads-2.csv").write_text(HEAD + "L4,2025-02-01,ads,\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/secret/place")

    with pytest.MonkeyPatch.context() as disk:
        disk.setattr(os, "fsync", full)
        ran = run(workspace, "refresh")
        one_clear_text(ran, 4, "the disk is full", "run the same command again")
        assert "/secret" not in ran.err
        assert run(workspace, "measure", "own_leads").code == 0
    assert count(workspace) == 2
    assert run(workspace, "refresh").code == 0
    assert count(workspace) == 3


def test_a_network_folder_is_read_and_not_written(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_network_file_system", lambda root, mounts: "nfs4")
    one_clear_text(run(built, "refresh"), 4, "nfs4", "local disk")
    assert run(built, "measure", "own_leads").code == 0
    ran = run(built, "doctor")
    assert (ran.code, "nfs4" in ran.out) == (1, True)


def test_a_workspace_of_a_newer_version(built: Workspace) -> None:
    path = built.path / ".headwater" / "store" / "format"
    before = path.read_text()
    path.write_text("99\n")
    for verb in (("measure", "own_leads"), ("refresh",), ("check",)):
        one_clear_text(run(built, *verb), 4, "format 99", "Upgrade")
    assert run(built, "doctor").code == 1
    path.write_text(before)
    whole(built)


def test_stored_files_that_are_damaged(built: Workspace) -> None:
    store = open_store(built.path / ".headwater" / "store")
    generation = current(store)
    assert generation is not None
    leads = generation.table("leads")
    assert leads is not None
    part = store.parts / leads.parts[0].file
    part.chmod(0o644)
    part.write_bytes(b"PAR1 nothing")
    one_clear_text(run(built, "measure", "own_leads"), 4, "headwater doctor")
