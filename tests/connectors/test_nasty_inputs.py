"""Every nasty file of the shared corpus that these formats cover, strictly: its outcome, rows, codes and values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.errors import SourceError
from headwater.model.settings import Settings
from headwater.model.source import ColumnMapping, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import BOOLEAN, DAY, ID, INTEGER, TEXT, TIME, Kind, Type
from tests.connectors.load import Loaded, load

MONEY = Type(Kind.MONEY, 19, 2)
"""The corpus says decimal(18,2), and wants one amount stored that has 19 digits."""

TABLES = {
    "deals": Table(
        "deals", "", "", "deal", ("deal_id",),
        (
            Column("deal_id", ID, required=True), Column("account", TEXT), Column("stage", TEXT),
            Column("amount", MONEY, currency="currency"), Column("currency", TEXT),
            Column("created_at", DAY, required=True), Column("closed_at", DAY), Column("updated_at", TIME),
            Column("merged_into", ID), Column("deleted", BOOLEAN),
            Column("mql_at", TIME), Column("sql_at", TIME),
        ),
        event="created_at",
    ),
    "leads": Table(
        "leads", "", "", "lead", ("lead_id",),
        (
            Column("lead_id", ID, required=True), Column("email", TEXT, personal=True),
            Column("created_at", TIME, required=True), Column("source", TEXT), Column("score", INTEGER),
        ),
        event="created_at",
    ),
    "spend": Table(
        "spend", "", "", "spend", ("date", "channel", "campaign"),
        (
            Column("date", DAY, required=True), Column("channel", TEXT), Column("campaign", TEXT),
            Column("impressions", INTEGER, low=0), Column("clicks", INTEGER, low=0),
            Column("cost", MONEY, currency="currency"), Column("currency", TEXT, required=True),
        ),
        event="date",
    ),
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

ELSEWHERE = {"zip-slip.zip"}
"""Formats that other readers cover."""


def corpus() -> list[dict[str, Any]]:
    import os

    named = os.environ.get("HEADWATER_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    manifest = folder / "nasty-inputs" / "manifest.yaml"
    if not manifest.is_file():
        return [{"id": "no corpus", "file": ""}]
    cases = yaml.safe_load(manifest.read_text(encoding="utf-8"))["cases"]
    assert {c["file"] for c in cases} >= ELSEWHERE
    return [c for c in cases if c["file"] not in ELSEWHERE]


def parsed(case: dict[str, Any], folder: Path, path: Path, *, spawn: bool = True) -> Loaded:
    options = dict(case.get("options", {}))
    table = TABLES[case["schema"]]
    settings = Settings(time_zone=options.pop("timezone", "UTC"))
    source: dict[str, Any] = LOCALES.get(options.pop("locale", ""), {})
    if "default_currency" in options:
        source = source | {"currency": options.pop("default_currency")}
    names = [n for n in USUAL[case["schema"]] + MORE.get(path.name, ()) if n not in LESS.get(path.name, ())]
    columns = tuple(ColumnMapping(n, case.get("mapping", {}).get(n, n)) for n in names)
    updated = "updated_at" if "updated_at" in names else ""
    mapped = TableMapping(table.id, columns, updated_at=updated)
    return load(folder, path, mapped, tables=(table,), settings=settings, spawn=spawn, **source, **options)


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


def holds(check: dict[str, Any], rows: list[dict[str, Any]], table: Table) -> bool:
    column, wanted = check["column"], check["equals"]
    if "key" in check:
        return [stored(r, column) for r in rows if r[table.key[0]] == check["key"]] == [wanted]
    values = [r[column] for r in rows if r[column] is not None]
    return str(sum(values) if check["agg"] == "sum" else len(set(values))) == wanted


def newest(loads: list[Loaded]) -> list[dict[str, Any]]:
    """The rows after several loads: of each key the one changed last."""
    rows: dict[str, dict[str, Any]] = {}
    for loaded in loads:
        for row in loaded.rows:
            old = rows.get(row["deal_id"])
            if old is None or row["_updated_at"] is None or row["_updated_at"] >= old["_updated_at"]:
                rows[row["deal_id"]] = row
    return list(rows.values())


def problems(
    expected: dict[str, Any], case: dict[str, Any], result: Loaded | SourceError, rows: list[Any]
) -> list[str]:
    """In which ways a result is not what was expected."""
    if expected["outcome"] == "reject":
        if not isinstance(result, SourceError):
            return ["was not refused"]
        error = expected["error"]
        found = [f"code {result.code}"] if result.code != error["code"] else []
        for part, mark in (("line", ":{}"), ("row", "row {}"), ("column", "column {!r}")):
            if part in error and mark.format(error[part]) not in result.where:
                found.append(f"{part} not in {result.where}")
        return found + ([] if case["file"] in result.where else ["the file is not named"])
    if isinstance(result, SourceError):
        return [f"refused: {result.code}"]
    found = []
    if len(rows) != expected["rows"]:
        found.append(f"{len(rows)} rows")
    aside = [(q["row"], q["column"] or None, q["code"]) for q in result.aside]
    wanted = [(q["row"], q["column"], q["code"]) for q in expected.get("quarantined", ())]
    if aside != wanted:
        found.append(f"set aside {aside}")
    for q, w in zip(result.aside, expected.get("quarantined", ()), strict=False):
        if "line" in w and q["line"] != w["line"]:
            found.append(f"line {q['line']}")
    if "warning" in expected and expected["warning"] not in {WORDS.get(w, w) for w in result.warnings}:
        found.append(f"warnings {result.warnings}")
    if "duplicates" in expected and result.draft.collapsed != expected["duplicates"]:
        found.append(f"{result.draft.collapsed} collapsed")
    checks = expected.get("checks", ())
    return found + [str(c) for c in checks if not holds(c, rows, TABLES[case["schema"]])]


@pytest.mark.parametrize("case", corpus(), ids=lambda c: c["id"])
def test_nasty_input(case: dict[str, Any], shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "nasty-inputs"
    result: Loaded | SourceError
    rows: list[Any] = []
    try:
        loads = [parsed(case, tmp_path, folder / name) for name in case.get("sequence", [case["file"]])]
        result, rows = loads[-1], newest(loads) if len(loads) > 1 else loads[-1].rows
        if len(loads) == 1:
            again = parsed(case, tmp_path, folder / case["file"], spawn=False)
            assert (again.draft, again.tables) == (result.draft, result.tables)
    except SourceError as error:
        result = error
        assert error.where and error.what and "Traceback" not in str(error)
    outcomes = [case, *case.get("also_allowed", ())]
    found = [problems(outcome, case, result, rows) for outcome in outcomes]
    assert [] in found, found[0]
