"""The data rows of a file, counted by other libraries than the product reads with: csv, json, openpyxl, and the footer
of a Parquet file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from openpyxl import load_workbook


def data_rows(path: Path, *, skip_rows: int = 0, header_row: int = 1, **options: Any) -> int:
    """Records under the header; blank lines and what stands above the header are none."""
    suffixes = [s for s in path.suffixes if s != ".gz"]
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    match suffixes[-1]:
        case ".parquet":
            rows: int = pq.read_metadata(io.BytesIO(content)).num_rows
            return rows
        case ".xlsx":
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
            sheet = next(s for s in book.worksheets if s.sheet_state == "visible")
            filled = [any(c is not None and str(c).strip() for c in row) for row in sheet.values]
            return sum(filled[skip_rows + header_row :])
        case ".ndjson" | ".jsonl":
            return sum(1 for line in content.split(b"\n") if line.strip())
        case ".json":
            found = json.loads(content)
            lists = [v for v in found.values() if isinstance(v, list)] if isinstance(found, dict) else [found]
            (records,) = lists
            return len(records)
        case _:
            text = _text(content, options.get("encoding", "utf-8-sig"))
            above = skip_rows + header_row - 1
            lines = io.StringIO(text, newline="").readlines()[above:]
            csv.field_size_limit(sys.maxsize)
            separator = options.get("separator") or max(",;\t|", key=lines[0].count)
            return sum(1 for row in csv.reader(lines, delimiter=separator) if any(c.strip() for c in row)) - 1


def _text(content: bytes, encoding: str) -> str:
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        if content.startswith(mark):
            return content.decode("utf-16")
    return content.decode(encoding, "surrogateescape")
