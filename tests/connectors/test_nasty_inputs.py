"""Every nasty file of the shared corpus in a workspace of its own, strictly: outcome, rows, codes and values, and what
holds for each of them. Its schemas are own tables of the workspace."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from headwater import Workspace
from headwater.api import export, loading
from headwater.api.held import Held
from headwater.api.reports import LoadedFile
from headwater.connectors.limits import Limits
from headwater.connectors.parse import listed, parse
from headwater.errors import SourceError
from headwater.store import generations
from headwater.store.landing import journal, quarantine_rows
from headwater.store.place import open_store
from tests.connectors.counting import data_rows
from tests.world import folder_with

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = Limits(memory_mb=512, cpu_seconds=5, wall_seconds=120)
"""What the corpus allows; seconds are those of the processor, so that a busy machine changes nothing."""

TABLES = {
    "deals": {
        "key": ["deal_id"],
        "columns": {
            "deal_id": {"type": "id", "required": True},
            "account": {"type": "text"},
            "stage": {"type": "text"},
            # the corpus says decimal(18,2), and wants one amount stored that has 19 digits
            "amount": {"type": "money(19,2)", "currency": "currency"},
            "currency": {"type": "text"},
            "created_at": {"type": "day", "required": True},
            "closed_at": {"type": "day"},
            "updated_at": {"type": "time"},
            "merged_into": {"type": "id"},
            "deleted": {"type": "boolean"},
            "mql_at": {"type": "time"},
            "sql_at": {"type": "time"},
        },
        "event": "created_at",
    },
    "leads": {
        "key": ["lead_id"],
        "columns": {
            "lead_id": {"type": "id", "required": True},
            "email": {"type": "text", "personal": True},
            "created_at": {"type": "time", "required": True},
            "source": {"type": "text"},
            "score": {"type": "integer"},
        },
        "event": "created_at",
    },
    "spend": {
        "key": ["date", "channel", "campaign"],
        "columns": {
            "date": {"type": "day", "required": True},
            "channel": {"type": "text"},
            "campaign": {"type": "text"},
            "impressions": {"type": "integer", "low": 0},
            "clicks": {"type": "integer", "low": 0},
            "cost": {"type": "money(18,2)", "currency": "currency"},
            "currency": {"type": "text", "required": True},
        },
        "event": "date",
    },
}  # fmt: skip
USUAL = {
    "deals": ("deal_id", "account", "stage", "amount", "currency", "created_at"),
    "leads": ("lead_id", "email", "created_at", "source", "score"),
    "spend": ("date", "channel", "campaign", "impressions", "clicks", "cost", "currency"),
}
MORE = {"seq-base.csv": ("updated_at",), "seq-stale.csv": ("updated_at",), "future-and-reversed.csv": ("closed_at",)}
LESS = {"mixed-symbols.csv": ("currency",)}
LOCALES = {
    "de_DE": {"separator": ";", "decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"},
    "en_US": {"decimal": ".", "thousands": ","},
}

WORDS = {"unmapped_columns": "new_column", "future_dates": "logical_inconsistency"}
"""Our word for a warning: the corpus's."""

CANONICAL = {
    "spend": {
        "ad_days": {
            "day": "date",
            "platform": "channel",
            "ad_account": {"constant": "a"},
            "campaign_id": "campaign",
            "ad_group": {"constant": "g"},
            "keyword": {"constant": "k"},
            "impressions": "impressions",
            "clicks": "clicks",
            "spend": "cost",
            "currency": "currency",
        }
    },
    "deals": {
        "opportunities": {
            "opportunity_id": "deal_id",
            "channel": "account",
            "status": "stage",
            "amount": "amount",
            "currency": "currency",
            "created_at": "created_at",
        }
    },
}  # fmt: skip
"""The same files as canonical tables, for the KPIs."""

KPIS = {"sales_cycle_days": "sales_cycle_length.completed_mean"}
"""The corpus's word for a KPI: ours."""


def corpus() -> list[dict[str, Any]]:
    import os

    named = os.environ.get("HEADWATER_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    manifest = folder / "nasty-inputs" / "manifest.yaml"
    if not manifest.is_file():
        return [{"id": "no corpus", "file": ""}]
    told = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    assert len(told["cases"]) == told["cases_count"]
    cases: list[dict[str, Any]] = told["cases"]
    return cases


CASES = corpus()


def having(key: str) -> list[Any]:
    return [pytest.param(c, id=c["id"]) for c in CASES if key in c or c["id"] == "no corpus"]


# --- a workspace -----------------------------------------------------------------------------------------------------
def company(case: dict[str, Any], folder: Path, *, canonical: bool = False) -> Workspace:
    """An empty workspace with the table of a case and a source that reads what is put into `in/`."""
    schema = case["schema"]
    options = dict(case.get("options", {}))
    settings = {"time_zone": options.pop("timezone", "UTC")}
    source: dict[str, Any] = dict(LOCALES.get(options.pop("locale", ""), {}))
    if "default_currency" in options:
        source["currency"] = options.pop("default_currency")
    names = [n for n in USUAL[schema] + MORE.get(case["file"], ()) if n not in LESS.get(case["file"], ())]
    table: dict[str, Any] = {"columns": {n: case.get("mapping", {}).get(n, n) for n in names}}
    if "updated_at" in names:
        table["updated_at"] = "updated_at"
    tables = {f"own_{schema}": table}
    if canonical:
        columns: dict[str, Any]
        ((name, columns),) = CANONICAL[schema].items()
        if "closed_at" in names:
            columns = columns | {"closed_at": "closed_at"}
        tables = {name: {"columns": columns}}
    told = {"path": "in/*", **source, **options, "tables": tables}
    own = {"title": schema, "about": schema, "grain": "one row each", "subject": "thing", "partition": "bucket"}
    shape = own | TABLES[schema]
    shape["columns"] = {n: c | {"about": n} for n, c in TABLES[schema]["columns"].items()}  # type: ignore[attr-defined]
    place = folder_with(
        folder / "company",
        settings,
        {
            "sources/own.yml": yaml.safe_dump(told, sort_keys=False),
            f"tables/own_{schema}.yml": yaml.safe_dump(shape, sort_keys=False),
        },
    )
    (place / "in").mkdir()
    return Workspace(place, now=NOW, environment={})


@contextmanager
def limited(errors: list[SourceError]) -> Iterator[None]:
    """Files are read within the limits of the corpus; what they are refused for is kept."""

    def kept(read: Any) -> Any:
        @functools.wraps(read)
        def reading(*given: Any, **named: Any) -> Any:
            try:
                return read(*given, **named, limits=LIMITS)
            except SourceError as error:
                errors.append(error)
                raise

        return reading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "parse", kept(parse))
        patch.setattr(loading, "listed", kept(listed))
        yield


def everything(folder: Path) -> dict[str, str]:
    """Each file outside of the store with the digest of its content."""
    files = [p for p in folder.rglob("*") if p.is_file() and ".headwater" not in p.parts]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def landed(workspace: Workspace) -> list[dict[str, Any]]:
    """The rows of the only batch."""
    store = open_store(workspace.path / ".headwater" / "store")
    (folder,) = [p for p in store.landing.iterdir() if p.is_dir()]
    (path,) = [p for p in folder.glob("*.parquet") if p.name != "quarantine.parquet"]
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def built(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    """The rows of a table as readers see it."""
    store = open_store(workspace.path / ".headwater" / "store")
    generation = generations.current(store)
    assert generation is not None
    (stored,) = [t for t in generation.tables if t.table == table]
    return [row for part in stored.parts for row in pq.read_table(store.parts / part.file).to_pylist()]


# --- a case ----------------------------------------------------------------------------------------------------------
def shown(value: Any) -> str | None:
    """A stored value as the corpus writes it."""
    match value:
        case None:
            return None
        case Decimal():
            return f"{value:.2f}"
        case datetime():
            return value.isoformat() + "Z"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def stored(row: dict[str, Any], column: str) -> str | None:
    """A stored value; a time known to the day alone stands for its midnight."""
    if row[column] is None and (day := row.get(f"{column}__day")) is not None:
        return f"{day}T00:00:00Z"
    return shown(row[column])


def holds(check: dict[str, Any], rows: list[dict[str, Any]], key: str) -> bool:
    column, wanted = check["column"], check["equals"]
    if "key" in check:
        return [stored(r, column) for r in rows if r[key] == check["key"]] == [wanted]
    values = [r[column] for r in rows if r[column] is not None]
    return str(sum(values) if check["agg"] == "sum" else len(set(values))) == wanted


def problems(
    expected: dict[str, Any],
    case: dict[str, Any],
    file: LoadedFile,
    errors: list[SourceError],
    rows: list[dict[str, Any]],
    aside: list[Any],
) -> list[str]:
    """In which ways a result is not what was expected."""
    if expected["outcome"] == "reject":
        if file.state != "refused":
            return ["was not refused"]
        (error,), wanted = errors, expected["error"]
        found = [f"code {error.code}"] if error.code != wanted["code"] else []
        for part, mark in (("line", "line {}"), ("row", "row {}"), ("column", "column {!r}")):
            if part in wanted and mark.format(wanted[part]) not in file.reason:
                found.append(f"{part} not in {file.reason}")
        return found + ([] if file.path == f"in/{case['file']}" else ["the file is not named"])
    if file.state != "loaded":
        return [f"{file.state}: {file.reason}"]
    found = []
    if len(rows) != expected["rows"]:
        found.append(f"{len(rows)} rows")
    set_aside = [(q.row, q.column or None, q.code) for q in aside]
    wanted_aside = [(q["row"], q["column"], q["code"]) for q in expected.get("quarantined", ())]
    if set_aside != wanted_aside:
        found.append(f"set aside {set_aside}")
    for q, w in zip(aside, expected.get("quarantined", ()), strict=False):
        if "line" in w and q.line != w["line"]:
            found.append(f"line {q.line}")
    warnings = {WORDS.get(w.partition(":")[0], w.partition(":")[0]) for w in file.warnings}
    if "warning" in expected and expected["warning"] not in warnings:
        found.append(f"warnings {warnings}")
    if "duplicates" in expected and file.collapsed != expected["duplicates"]:
        found.append(f"{file.collapsed} collapsed")
    key = TABLES[case["schema"]]["key"][0]  # type: ignore[index]
    return found + [str(c) for c in expected.get("checks", ()) if not holds(c, rows, key)]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_nasty_input(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    given = shared_data / "nasty-inputs"
    workspace = company(case, tmp_path)
    errors: list[SourceError] = []
    reports: list[LoadedFile] = []
    names = case.get("sequence", [case["file"]])
    with limited(errors):
        for name in names:
            (workspace.path / "in" / name).write_bytes((given / name).read_bytes())
            before = everything(tmp_path)
            reports += (workspace.refresh().load if len(names) > 1 else workspace.load()).files
        (file,) = [f for f in reports if f.path == f"in/{case['file']}" and f.state != "unchanged"]
        again = workspace.load().files
    # the original is untouched, and nothing appeared outside of the store
    assert everything(tmp_path) == before
    # the same file again changes nothing
    assert {f.state for f in again} == ({"refused"} if file.state == "refused" else {"unchanged"})
    store = open_store(workspace.path / ".headwater" / "store")
    batches = journal(store)
    assert len(batches) == (0 if file.state == "refused" else len(set(names)))
    rows: list[dict[str, Any]] = []
    aside: list[Any] = []
    if file.state == "refused":
        assert file.reason
        assert "Traceback" not in file.reason
    else:
        rows = built(workspace, f"own_{case['schema']}") if len(names) > 1 else landed(workspace)
        aside = list(quarantine_rows(store, batches[-1]))  # type: ignore[arg-type]
        # nothing vanishes
        assert file.loaded + file.quarantined + file.collapsed == file.data_rows
        assert file.quarantined == len(aside)
        assert file.data_rows == data_rows(given / case["file"], **case.get("options", {}))
    outcomes = [case, *case.get("also_allowed", ())]
    found = [problems(outcome, case, file, errors[:1], rows, aside) for outcome in outcomes]
    assert [] in found, found[0]


# --- KPIs, exports, pages --------------------------------------------------------------------------------------------
def refreshed(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> Workspace:
    """The file of a case as a canonical table."""
    workspace = company(case, tmp_path, canonical=True)
    (workspace.path / "in" / case["file"]).write_bytes((shared_data / "nasty-inputs" / case["file"]).read_bytes())
    workspace.refresh()
    return workspace


@pytest.mark.parametrize("case", having("kpi_checks"))
def test_kpis_of_nasty_inputs(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    workspace = refreshed(case, shared_data, tmp_path)
    for check in case["kpi_checks"]:
        at = str(check["at"])
        period = None if at == "all" else at if len(at) == 7 else f"{at}..{at}"
        (found,) = workspace.measure(KPIS.get(check["kpi"], check["kpi"]), period=period)
        if check["equals"] is None:
            assert found.value is None
            assert found.quality
        else:
            assert found.value == pytest.approx(float(check["equals"]), abs=1e-9)
        assert check.get("n", found.subjects) == found.subjects
        assert check.get("excluded", found.left_out) == found.left_out


@pytest.mark.parametrize("case", having("export_check"))
def test_exports_of_nasty_inputs(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    import csv

    from openpyxl import load_workbook

    workspace = refreshed(case, shared_data, tmp_path)
    answer = workspace.measure("opportunities_created", by="channel")
    with (shared_data / "nasty-inputs" / case["file"]).open(newline="") as file:
        texts = sorted(row["account"] for row in csv.DictReader(file))
    assert len(texts) == case["rows"]
    out = tmp_path / "answer.xlsx"
    out.write_bytes(answer.to_xlsx())
    book = load_workbook(out)
    assert book.active is not None
    cells = [c for row in book.active.iter_rows() for c in row]
    assert not [c.value for c in cells if c.data_type == "f"]
    assert sorted(c.value for c in cells if c.value in texts) == texts
    exported = list(csv.DictReader(io.StringIO(answer.to_csv())))
    assert not [v for row in exported for v in row.values() if v.startswith(("=", "+", "-", "@", "\t"))]
    assert sorted(export.unguarded(row["channel"]) for row in exported) == texts
    # our own export, read again
    (tmp_path / "back").mkdir()
    back = company(case, tmp_path / "back")
    mapped = {"deal_id": "channel", "account": "channel", "created_at": {"constant": "2025-01-01"}}
    told = {"path": "in/*", "tables": {"own_deals": {"columns": mapped}}}
    (back.path / "sources" / "own.yml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    (back.path / "in" / "answer.xlsx").write_bytes(out.read_bytes())
    back.load()
    assert sorted(row["account"] for row in landed(back)) == texts


@pytest.mark.parametrize("case", having("render_check"))
def test_pages_of_nasty_inputs(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    from tests.http.client import Client
    from tests.web.conftest import mounted
    from tests.web.reading import read

    workspace = refreshed(case, shared_data, tmp_path)
    texts = [row["channel"] for row in built(workspace, "opportunities")]
    assert len(texts) == case["rows"]
    app, held = mounted(workspace, NOW)
    assert isinstance(held, Held)
    with held:
        page = Client(app, {}).get("/kpi/opportunities_created?by=channel&period=2025")
        assert page.status_code == 200
        said = read(page.text).text
        for text in texts:
            assert text in said
            assert "<" not in text or text not in page.text
        assert not [p for p in read(page.text).find("img") if "onerror" in p.attributes]
        programs = [p for p in read(page.text).find("script") if p.attributes.get("type") != "application/json"]
        assert not [p for p in programs if p.text]
        assert "49" not in [p.text for p in read(page.text).find("td")]
