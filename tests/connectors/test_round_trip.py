"""Invariants over generated files: what was written comes back, and every row is accounted for."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.connectors import delimited
from headwater.errors import SourceError
from headwater.model.settings import Settings
from tests.connectors.load import DEALS, Loaded, load, mapping

SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
NAMES = ("deal_id", "account", "amount", "currency", "employees", "won", "created_on", "created_at")

texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r\n"), max_size=12)
rows = st.fixed_dictionaries(
    {
        "account": st.none() | texts.filter(lambda t: t.strip() != ""),
        "amount": st.none() | st.decimals(-(10**13), 10**13, places=2),
        "currency": st.sampled_from(["EUR", "USD"]),
        "employees": st.none() | st.integers(0, 10**12),
        "won": st.none() | st.booleans(),
        "created_on": st.none() | st.dates(date(1900, 1, 1), date(2200, 12, 31)),
        "created_at": st.none() | st.datetimes(datetime(1900, 1, 2), datetime(2200, 12, 30)),
    }
)
dialects = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        "decimal": st.sampled_from([".", ","]),
        "grouped": st.booleans(),
        "date_format": st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y"]),
        "packed": st.booleans(),
        "blank_lines": st.booleans(),
        "block": st.sampled_from([64, 1000, 1 << 20]),
    }
)


def written(value: Any, dialect: dict[str, Any]) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "no"
        case Decimal():
            text = f"{value:,.2f}" if dialect["grouped"] else f"{value:.2f}"
            return text.translate(str.maketrans(",.", ".,")) if dialect["decimal"] == "," else text
        case datetime():
            return value.isoformat(" ") + "Z"
        case date():
            text = value.strftime(dialect["date_format"])
            return text.replace(f"{value.year}", f"{value.year:04d}")
        case _:
            return str(value)


def file_of(content: list[dict[str, Any]], d: dict[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=d["separator"], quoting=d["quoting"], lineterminator=d["end"])
    writer.writerow(NAMES)
    for i, row in enumerate(content):
        if d["blank_lines"] and i % 3 == 0:
            out.write(d["end"])
        writer.writerow([f"D{i:03d}", *(written(row[n], d) for n in NAMES[1:])])
    data = out.getvalue().encode(d["encoding"])
    return gzip.compress(data) if d["packed"] else data


@SLOW
@given(st.lists(rows, max_size=30), dialects)
def test_what_was_written_comes_back(content: list[dict[str, Any]], dialect: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", dialect["block"])
        dates = {"column": "created_on", "date_format": dialect["date_format"]}
        mapped = mapping(DEALS, *(n for n in NAMES if n != "created_on"), created_on=dates)
        loaded = load(
            Path(folder),
            file_of(content, dialect),
            mapped,
            decimal=dialect["decimal"],
            encoding="",
            settings=Settings(time_zone="Asia/Kolkata"),
        )
    assert loaded.codes == []
    assert [{n: r[n] for n in NAMES[1:]} for r in loaded.rows] == content
    for row, got in zip(content, loaded.rows, strict=True):
        moment = row["created_at"]
        local = None if moment is None else moment.replace(tzinfo=UTC) + timedelta(hours=5, minutes=30)
        if local is not None and local.year > 1946:
            assert got["created_at__day"] == local.date()


@SLOW
@given(st.lists(rows, min_size=1, max_size=30), dialects)
def test_a_decided_column_is_read_as_written_or_refused(content: list[dict[str, Any]], dialect: dict[str, Any]) -> None:
    """Without a word about forms a file is read right, or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            loaded = load(Path(folder), file_of(content, dialect), mapping(DEALS, *NAMES))
        except SourceError as error:
            assert error.code in ("ambiguous_date", "ambiguous_number")
            return
    assert loaded.codes == []
    assert [{n: r[n] for n in NAMES[1:]} for r in loaded.rows] == content


cells = st.sampled_from(
    [
        "",
        "x",
        '"',
        '"a',
        'b"',
        '"a,b"',
        '"a\nb"',
        "5",
        "-1",
        "1.234",
        "2025-01-15",
        "2025-02-30",
        "é",
        "\0",
        "a;b",
        "NaN",
        "D1",
        "D2",
    ]
)


@SLOW
@given(st.lists(st.lists(cells, max_size=5), max_size=40), st.sampled_from([16, 100, 1 << 20]), st.booleans())
def test_every_row_is_accounted_for(content: list[list[str]], block: int, undecodable: bool) -> None:
    """Whatever a file holds: loaded + quarantined + collapsed = data rows, and row numbers run without a gap."""
    text = "deal_id,account,score,created_on\n" + "".join(",".join(c) + "\n" for c in content)
    data = text.encode() + (b"\xff,x,1,2025-01-01\n" if undecodable else b"")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        try:
            loaded = load(Path(folder), data, mapping(DEALS, "deal_id", "account", "score", "created_on"))
        except SourceError as error:
            assert error.code in ("bad_encoding", "ambiguous_number", "ambiguous_date")
            return
    seen = Counter([r["_row"] for r in loaded.rows] + [q["row"] for q in loaded.aside])
    assert set(seen.values()) <= {1}
    assert set(seen) <= set(range(1, loaded.draft.data_rows + 1))
    assert len(seen) + loaded.draft.collapsed == loaded.draft.data_rows
    lines = [q["line"] for q in loaded.aside]
    assert lines == sorted(lines)
    assert all(2 <= n <= data.count(b"\n") + 2 for n in lines)


keyed = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.sampled_from(["", "1", "2"])), max_size=12)


@SLOW
@given(keyed)
def test_repeated_keys_as_a_plain_reading_of_the_rule(content: list[tuple[str, str, str]]) -> None:
    lines = "".join(f"{k},{a},{f'2025-01-0{u}' if u else ''}\n" for k, a, u in content)
    with tempfile.TemporaryDirectory() as folder:
        loaded: Loaded = load(
            Path(folder), "deal_id,account,at\n" + lines, mapping(DEALS, "deal_id", "account", _updated_at="at")
        )
    accounts: dict[tuple[str, str], set[str]] = {}
    for k, a, u in content:
        accounts.setdefault((k, u), set()).add(a)
    wanted_aside = [
        (i, "conflicting_key" if u else "duplicate_key")
        for i, (k, _, u) in enumerate(content, 1)
        if len(accounts[k, u]) > 1
    ]
    first: dict[tuple[str, str, str], int] = {}
    for i, row in enumerate(content, 1):
        if len(accounts[row[0], row[2]]) == 1:
            first.setdefault(row, i)
    assert [(r, c) for r, _, c in loaded.codes] == wanted_aside
    assert [r["_row"] for r in loaded.rows] == sorted(first.values())
