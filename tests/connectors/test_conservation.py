"""Every tabular file of the shared data sets: loaded + set aside + collapsed = the records another library counts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.connectors import child
from headwater.connectors import parse as parsing
from headwater.errors import SourceError
from headwater.model.landing import Draft
from headwater.model.source import ColumnMapping, Source, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import ID, TEXT
from tests.connectors.counting import data_rows
from tests.connectors.load import LIMITS, NOW, SETTINGS

TABULAR = (".csv", ".tsv", ".txt", ".json", ".ndjson", ".parquet", ".xlsx")


def headers(path: Path) -> list[str]:
    """The headers of a file by a plain look at it."""
    if path.suffix == ".parquet":
        return [field.name for field in pq.read_schema(path) if not pa.types.is_nested(field.type)]
    if path.suffix == ".json":
        return ["id"]
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
    separator = max(",;\t|", key=first.count)
    return [name.strip() for name in next(csv.reader([first], delimiter=separator))]


def landed(path: Path, staged: Path) -> Draft:
    """The draft of a file whose every column is a text, and its first one the key."""
    names = [n for n in dict.fromkeys(headers(path)) if n]
    columns = tuple(Column(f"c{i}", TEXT if i else ID) for i in range(len(names)))
    tables = {"things": Table("things", "", "", "thing", ("c0",), columns)}
    mapped = TableMapping("things", tuple(ColumnMapping(f"c{i}", n) for i, n in enumerate(names)))
    source = Source("things", str(path), (mapped,))
    job = parsing.job_of(source, path, tables, staged, SETTINGS, NOW, LIMITS)
    answer = child.answer_of(json.loads(json.dumps(job)))
    try:
        return parsing.draft_of(answer, source, path, tables, SETTINGS)
    finally:
        parsing.clear(staged)


def test_nothing_vanishes_from_the_shared_data_sets(shared_data: Path, tmp_path: Path) -> None:
    files = [p for p in sorted(shared_data.rglob("*")) if p.suffix in TABULAR and "nasty-inputs" not in p.parts]
    assert len(files) > 100
    for path in files:
        name = str(path.relative_to(shared_data))
        if path.suffix == ".json":  # answers and labels: no lists of records
            with pytest.raises(SourceError) as e:
                landed(path, tmp_path)
            assert (e.value.code, e.value.where) == ("no_records", str(path))
            continue
        told = landed(path, tmp_path)
        assert told.loaded + told.quarantined + told.collapsed == told.data_rows == data_rows(path), name
        assert told.loaded == sum(t.rows for t in told.tables), name
