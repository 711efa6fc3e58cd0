"""Parquet: typed columns to typed columns, nested and damaged files."""

from __future__ import annotations

import gzip
import io
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.errors import SourceError
from headwater.model.settings import Settings
from tests.connectors.load import DEALS, Loaded, load, mapping


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def read(tmp_path: Path, columns: dict[str, Any], *names: str, **source: Any) -> Loaded:
    named = source.pop("named", {})
    return load(
        tmp_path, parquet(columns), mapping(DEALS, *(names or columns), **named), name="deals.parquet", **source
    )


def test_typed_columns(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        {
            "deal_id": pa.array([7, 8], pa.int32()),
            "account": pa.array(["Acme", None], pa.dictionary(pa.int8(), pa.string())),
            "amount": pa.array([Decimal("1.10"), None], pa.decimal128(18, 2)),
            "currency": pa.array(["EUR", None], pa.large_string()),
            "score": pa.array([0.1, None], pa.float32()),
            "employees": pa.array([5.0, None]),
            "won": pa.array([True, None]),
            "created_on": pa.array([date(2025, 1, 15), None]),
            "created_at": pa.array([datetime(2025, 1, 15, 10, 30), None], pa.timestamp("ms")),
        },
        settings=Settings(time_zone="Europe/Berlin"),
    )
    first, second = loaded.rows
    assert [first[n] for n in ("deal_id", "account", "amount", "currency", "score", "employees", "won")] == [
        "7", "Acme", Decimal("1.10"), "EUR", Decimal("0.1"), 5, True
    ]  # fmt: skip
    assert (first["created_on"], first["created_at"]) == (date(2025, 1, 15), datetime(2025, 1, 15, 9, 30))
    assert [second[n] for n in ("account", "amount", "score", "employees", "won", "created_on", "created_at")] == [
        None
    ] * 7
    assert loaded.draft.warnings == ()


def test_timestamps_with_a_zone_are_exact(tmp_path: Path) -> None:
    zone = timezone(timedelta(hours=5))
    moments = [datetime(2025, 1, 15, 1, tzinfo=zone), datetime(2025, 1, 15, 1, 0, 0, 123456, tzinfo=zone)]
    at = pa.array(moments, pa.timestamp("ns", "Asia/Karachi"))
    loaded = read(tmp_path, {"deal_id": ["1", "2"], "created_at": at}, settings=Settings(time_zone="Europe/Berlin"))
    assert loaded.column("created_at") == [datetime(2025, 1, 14, 20), datetime(2025, 1, 14, 20, 0, 0, 123456)]
    assert loaded.column("created_at__day") == [date(2025, 1, 14)] * 2


def test_numbers_that_are_not_finite_or_do_not_fit(tmp_path: Path) -> None:
    scores = pa.array([float("nan"), float("inf"), 1e20, 1.5, -2.5e-7])
    loaded = read(tmp_path, {"deal_id": list("12345"), "score": scores})
    assert [(r, c) for r, _, c in loaded.codes] == [(1, "non_finite"), (2, "non_finite"), (3, "out_of_range")]
    assert loaded.column("score") == [Decimal("1.5"), Decimal("0.000000")]
    assert loaded.warnings == {"rounded"}


def test_decimals_are_exact_and_not_rounded(tmp_path: Path) -> None:
    amounts = pa.array([Decimal("9007199254740993.01"), Decimal("0.005")], pa.decimal128(38, 3))
    loaded = read(tmp_path, {"deal_id": ["1", "2"], "amount": amounts, "currency": ["EUR", "EUR"]})
    assert loaded.column("amount") == [Decimal("9007199254740993.01")]
    assert loaded.codes == [(2, "amount", "precision")]


def test_ids_of_doubles_have_no_point(tmp_path: Path) -> None:
    assert read(tmp_path, {"deal_id": [42.0, 1e16, 0.5]}).column("deal_id") == ["42", "10000000000000000", "0.5"]


def test_whole_numbers_are_dates_only_when_the_mapping_says_how(tmp_path: Path) -> None:
    columns = {"deal_id": ["1", "2"], "at": pa.array([1736899507, 45674], pa.int64())}
    assert {c for _, _, c in read(tmp_path, columns, "deal_id", named={"created_at": "at"}).codes} == {"bad_date"}
    said = {"created_at": {"column": "at", "date_format": "epoch_s"}}
    assert read(tmp_path, columns, "deal_id", named=said).column("created_at")[0] == datetime(2025, 1, 15, 0, 5, 7)
    days = {"deal_id": ["1"], "on": pa.array([20250115], pa.int32())}
    said = {"created_on": {"column": "on", "date_format": "%Y%m%d"}}
    assert read(tmp_path, days, "deal_id", named=said).column("created_on") == [date(2025, 1, 15)]


def test_texts_follow_the_rules_of_text_files(tmp_path: Path) -> None:
    loaded = read(tmp_path, {"deal_id": ["1", "2"], "amount": ["1.234,50", "2"], "currency": ["eur", "EUR"]})
    assert loaded.column("amount") == [Decimal("1234.50"), Decimal(2)]
    with pytest.raises(SourceError) as e:
        read(tmp_path, {"deal_id": ["1"], "created_on": ["03/04/2025"]})
    assert e.value.code == "ambiguous_date"


def test_nested_columns_are_left_out_or_refused(tmp_path: Path) -> None:
    columns = {"deal_id": ["1"], "account": pa.array([["a"]]), "owner": pa.array([{"name": "x"}])}
    loaded = read(tmp_path, columns, "deal_id")
    assert loaded.warnings == {"nested_columns", "unmapped_columns"}
    with pytest.raises(SourceError, match="'account' holds lists") as e:
        read(tmp_path, columns, "deal_id", "account")
    assert e.value.code == "nested_column"


def test_parts_of_a_record_have_dotted_headers(tmp_path: Path) -> None:
    deep = {"visits": 3, "more": {"name": "x", "tags": [1]}}
    columns = {"deal_id": ["1", "2", "3"], "totals": pa.array([deep, None, {"visits": None, "more": None}])}
    parts = {"employees": "totals.visits", "account": "totals.more.name"}
    loaded = read(tmp_path, columns, "deal_id", named=parts)
    assert [(r["employees"], r["account"]) for r in loaded.rows] == [(3, "x"), (None, None), (None, None)]
    assert loaded.draft.warnings == ("nested_columns: not used: 'totals.more.tags'",)
    with pytest.raises(SourceError, match=r"'totals\.more' holds records") as e:
        read(tmp_path, columns, "deal_id", named={"account": "totals.more"})
    assert (e.value.code, "'totals.more.name'" in e.value.do) == ("nested_column", True)
    with pytest.raises(SourceError) as e:
        read(tmp_path, columns | {"totals.visits": pa.array([1, 2, 3])}, "deal_id", named=parts)
    assert e.value.code == "duplicate_column"


def test_other_types_are_texts(tmp_path: Path) -> None:
    one = uuid.UUID(int=7)
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes, None], pa.binary(16)))
    columns = {"deal_id": ids, "account": pa.array([timedelta(seconds=90), None], pa.duration("s"))}
    loaded = read(tmp_path, columns, "deal_id", "account")
    assert (loaded.column("deal_id"), loaded.column("account")) == ([str(one)], ["90"])
    assert loaded.codes == [(2, "deal_id", "missing")]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert read(tmp_path, {"deal_id": pa.array([b"1"])}).column("deal_id") == ["1"]
    with pytest.raises(SourceError) as e:
        read(tmp_path, {"deal_id": pa.array([b"\xff"])})
    assert e.value.code == "wrong_type"


def test_bad_rows_are_shown_as_delimited_text(tmp_path: Path) -> None:
    loaded = read(tmp_path, {"deal_id": ["1"], "account": ["a, b"], "score": ["x"]})
    assert [(q["row"], q["line"], q["raw"]) for q in loaded.aside] == [(1, None, '1,"a, b",x')]


def test_many_row_groups_and_no_rows(tmp_path: Path) -> None:
    content = parquet({"deal_id": [str(i) for i in range(1000)]}, row_group_size=7)
    assert [r["_row"] for r in load(tmp_path, content, mapping(DEALS, "deal_id"), name="d.parquet").rows] == list(
        range(1, 1001)
    )
    empty = read(tmp_path, {"deal_id": pa.array([], pa.string())})
    assert (empty.rows, empty.warnings) == ([], {"no_rows"})


def test_gzip_around_parquet(tmp_path: Path) -> None:
    content = gzip.compress(parquet({"deal_id": ["1"]}))
    assert load(tmp_path, content, mapping(DEALS, "deal_id"), name="deals.parquet.gz").column("deal_id") == ["1"]


@pytest.mark.parametrize("cut", [8, 100, -1, -20])
def test_a_cut_file_is_damaged(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, parquet({"deal_id": ["1"]})[:cut], mapping(DEALS, "deal_id"), name="deals.parquet")
    assert e.value.code == "corrupt_file"


def test_damaged_pages_load_nothing(tmp_path: Path) -> None:
    content = bytearray(
        parquet({"deal_id": [f"D{i}" for i in range(5000)]}, compression="none", write_page_checksum=True)
    )
    content[2000:2100] = b"\xaa" * 100
    with pytest.raises(SourceError) as e:
        load(tmp_path, bytes(content), mapping(DEALS, "deal_id"), name="deals.parquet")
    assert e.value.code == "corrupt_file"
