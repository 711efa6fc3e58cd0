"""JSON and NDJSON: exact numbers, nested values, broken records one by one, and documents that are none."""

from __future__ import annotations

import gzip
import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.connectors import records
from headwater.connectors.cells import DOUBLE, NUMBER
from headwater.errors import SourceError
from tests.connectors.load import DEALS, Loaded, load, mapping

ALL = mapping(DEALS, "deal_id", "account", "amount", "currency", "employees", "won", "created_on")
IDS = mapping(DEALS, "deal_id")


def lines(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def read(tmp_path: Path, content: str | bytes, *, name: str = "deals.ndjson", **source: Any) -> Loaded:
    return load(tmp_path, content, source.pop("mapped", IDS), name=name, **source)


def refused(tmp_path: Path, content: str | bytes, **source: Any) -> SourceError:
    with pytest.raises(SourceError) as e:
        read(tmp_path, content, **source)
    return e.value


def test_typed_values(tmp_path: Path) -> None:
    row = {"deal_id": 7, "account": "Acme", "amount": 12.5, "currency": "EUR", "employees": 3, "won": True}
    blank = {**dict.fromkeys(row), "deal_id": "8", "currency": "EUR"}
    content = lines(row | {"created_on": "2025-01-15"}, blank | {"created_on": None})
    for name, text in (("d.ndjson", content), ("d.json", f"[{content.strip().replace(chr(10), ',')}]")):
        first, second = read(tmp_path, text, name=name, mapped=ALL).rows
        assert (first["deal_id"], first["amount"], first["employees"]) == ("7", Decimal("12.5"), 3)
        assert (first["won"], str(first["created_on"])) == (True, "2025-01-15")
        assert [second[n] for n in ("account", "amount", "employees", "won", "created_on")] == [None] * 5


def test_numbers_are_taken_digit_by_digit(tmp_path: Path) -> None:
    numbers = ["1234567890123456.78", "0.1", "1e3", "-0", "1E-2", "0.30000000000000004", "12.345", "12.0"]
    content = lines(*(f'{{"deal_id": {i}, "currency": "EUR", "amount": {n}}}' for i, n in enumerate(numbers)))
    loaded = read(tmp_path, content, mapped=mapping(DEALS, "deal_id", "amount", "currency"))
    stored = ["1234567890123456.78", "0.10", "1000.00", "0.00", "0.01", "0.30", "12.00"]
    assert [f"{v:.2f}".replace("-0.00", "0.00") for v in loaded.column("amount")] == stored
    assert loaded.codes == [(7, "amount", "precision")]  # a double's last digits are rounded, an amount's are not


def test_ids_of_numbers_are_as_written(tmp_path: Path) -> None:
    big = "9" * 5_000  # beyond what Python turns into a number
    content = lines('{"deal_id": 12345678901234567890123}', '{"deal_id": 42.0}', f'{{"deal_id": {big}}}')
    loaded = read(tmp_path, content)
    assert loaded.column("deal_id") == ["12345678901234567890123", "42"]
    assert loaded.codes == [(3, "deal_id", "too_long")]


def test_what_is_no_number_is_no_value(tmp_path: Path) -> None:
    content = lines('{"deal_id": 1, "account": NaN}', '{"deal_id": 2, "account": -Infinity}', {"deal_id": 3})
    loaded = read(tmp_path, content, mapped=mapping(DEALS, "deal_id", "account"))
    assert loaded.codes == [(1, "account", "non_finite"), (2, "account", "non_finite")]
    assert loaded.column("deal_id") == ["3"]


BROKEN = [
    ('{"deal_id": "2",', "", "bad_json"),
    ('{"deal_id": "2"} x', "", "bad_json"),
    ('{"deal_id": "2", "deal_id": "2"}', "deal_id", "duplicate_column"),
    ('{"deal_id": "2", "deal_id ": "3"}', "deal_id", "duplicate_column"),
    ('{"deal_id": "2", "x": {"y": 1, "y": 1}}', "x.y", "duplicate_column"),
    ('{"deal_id": "2", "x": {"y": 1}, "x.y": 1}', "x.y", "duplicate_column"),
    ('{"deal_id": "a\\u0000b"}', "deal_id", "nul_byte"),
    ('{"deal_id": "\\ud800"}', "deal_id", "bad_encoding"),
    ('{"\\ud800": "2"}', "", "bad_encoding"),
    ('{"deal_id": "a\tb"}', "", "bad_json"),
    ('{"deal_id": ["2"]}', "deal_id", "nested_value"),
    ('{"deal_id": {"v": "2"}}', "deal_id", "nested_value"),
    ("[1, 2]", "", "not_a_record"),
    ("null", "", "not_a_record"),
    ("17", "", "not_a_record"),
    ('{"a":' * 70 + "1" + "}" * 70, "", "bad_json"),
    ("[" * 100_000, "", "bad_json"),
]


@pytest.mark.parametrize(("line", "column", "code"), BROKEN, ids=lambda v: v[:20])
def test_a_broken_line_is_set_aside_alone(tmp_path: Path, line: str, column: str, code: str) -> None:
    loaded = read(tmp_path, lines({"deal_id": "1", "x": {"y": 0}}, "", line, {"deal_id": "3"}))
    assert loaded.column("deal_id") == ["1", "3"]
    assert loaded.codes == [(2, column, code)]
    assert (loaded.aside[0]["line"], loaded.aside[0]["raw"]) == (3, line)
    assert loaded.draft.skipped == (("blank", 1),)


@pytest.mark.parametrize(
    ("element", "column", "code"), [(t, c, k) for t, c, k in BROKEN if k not in ("bad_json",)], ids=lambda v: v[:20]
)
def test_an_element_that_is_no_record_is_set_aside_alone(tmp_path: Path, element: str, column: str, code: str) -> None:
    content = f'{{"results": [{{"deal_id": "1", "x": {{"y": 0}}}}, {element}, {{"deal_id": "3"}}]}}'
    loaded = read(tmp_path, content, name="deals.json")
    assert loaded.column("deal_id") == ["1", "3"]
    assert loaded.codes == [(2, column, code)]
    assert (loaded.aside[0]["line"], loaded.aside[0]["raw"]) == (None, element)


def test_bytes_that_are_no_text_break_their_line_or_the_document(tmp_path: Path) -> None:
    loaded = read(tmp_path, b'{"deal_id": "1"}\n{"deal_id": "\xff"}\n')
    assert (loaded.column("deal_id"), loaded.codes) == (["1"], [(2, "", "bad_encoding")])
    assert loaded.aside[0]["raw"] == '{"deal_id": "\\xff"}'
    assert refused(tmp_path, b'[{"deal_id": "1"}, {"deal_id": "\xff"}]', name="d.json").code == "bad_encoding"
    assert read(tmp_path, b'{"deal_id": "\xe9"}\n', encoding="cp1252").column("deal_id") == ["\u00e9"]
    wide = lines({"deal_id": "1"}).encode("utf-16")
    assert read(tmp_path, wide).column("deal_id") == ["1"]
    assert refused(tmp_path, wide[:-1]).code == "bad_encoding"


def test_records_of_different_names_share_one_header(tmp_path: Path) -> None:
    content = lines({"deal_id": "1"}, {"account": "late", "deal_id": "2"}, {"deal_id": "3", "other": None})
    loaded = read(tmp_path, content, mapped=mapping(DEALS, "deal_id", "account"))
    assert loaded.column("account") == [None, "late", None]
    assert [w for w in loaded.draft.warnings if w.startswith("unmapped")] == ["unmapped_columns: not used: 'other'"]
    assert refused(tmp_path, lines({"deal_id": "1"}), mapped=mapping(DEALS, "deal_id", "account")).code == (
        "missing_column"
    )


def test_parts_of_a_record_have_dotted_headers(tmp_path: Path) -> None:
    content = lines(
        {"id": "1", "totals": {"visits": 3, "more": {"deep": "x"}}, "hits": [{"a": 1}], "none": {}},
        {"id": "2", "totals": None},
    )
    nested = mapping(DEALS, deal_id="id", employees="totals.visits", account="totals.more.deep")
    loaded = read(tmp_path, content, mapped=nested)
    assert [(r["employees"], r["account"]) for r in loaded.rows] == [(3, "x"), (None, None)]
    assert loaded.draft.warnings == ("nested_columns: not used: 'hits'",)
    error = refused(tmp_path, content, mapped=mapping(DEALS, deal_id="id", account="totals"))
    assert error.code == "nested_column"
    assert "'totals.visits'" in error.do
    assert refused(tmp_path, content, mapped=mapping(DEALS, deal_id="id", account="hits")).code == "nested_column"


def test_where_the_records_are(tmp_path: Path) -> None:
    one = '{"deal_id": "1"}'

    def ids(content: str, path: str = "") -> list[str]:
        return read(tmp_path, content, name="d.json", records=path).column("deal_id")

    assert ids(f"[{one}]") == ids(f' {{"next": null, "tags": ["a", [1]], "results" : [ {one} ] }} ') == ["1"]
    assert ids(f'{{"data": {{"n": 1, "items": [{one}], "after": 2}}}}', "data.items") == ["1"]
    assert ids(f'{{"a": [{one}], "b": [{one.replace("1", "2")}]}}', "b") == ["2"]
    assert ids(one + "\n" + one.replace("1", "2")) == ["1", "2"]  # lines, whatever the name says
    assert ids(one) == ids('{"deal_id": "1", "tags": []}') == ["1"]
    assert ids(one + "\n\n" + one.replace("1", "2") + "\n") == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "path", "code", "do"),
    [
        ('{"data": {"items": [{"deal_id": "1"}]}}', "", "no_records", "records: data.items"),
        ('{"a": [{"deal_id": "1"}], "b": [{"deal_id": "2"}]}', "", "ambiguous_records", "records: a"),
        ('{"data": {"item": [{"deal_id": "1"}]}}', "data.items", "no_records", "data.item"),
        ('{"x": "1"}', "", "no_records", "'records'"),
        ('{"x": [], "deal_id": \n"1"}', "", "no_records", "'records'"),
        ('{"deal_id": "1", "hits": [{"deal_id": "2"}]}', "", "ambiguous_records", "records: hits"),
        ('[{"deal_id": "1"}]', "x", "no_records", ""),
        ('{"a": [], "b": []}', "", "no_records", ""),
        ('{"a": [{"deal_id": "1"}], "a": []}', "", "duplicate_column", ""),
        ('{"data": [{"deal_id": "1"}]}', "data.x", "no_records", ""),
        ('"text"', "", "no_records", ""),
        ('[{"deal_id": "1"}', "", "bad_json", "whole"),
        ('[{"deal_id": "1"},]', "", "bad_json", ""),
        ('[{"deal_id": "1"}] 2', "", "bad_json", ""),
        ('[{"deal_id": "1"} {"deal_id": "2"}]', "", "bad_json", ""),
        ('{"a": [{"deal_id": "1"}] "b": 1}', "", "bad_json", ""),
        ('{"a": [{"deal_id": "1"}],}', "", "bad_json", ""),
        ("{a: 1}", "", "bad_json", ""),
        ("[" * 100_000, "", "bad_json", ""),
        ('[{"a":' * 20_000, "", "bad_json", ""),
    ],
    ids=lambda v: v[:24],
)
def test_a_document_that_is_refused(tmp_path: Path, content: str, path: str, code: str, do: str) -> None:
    error = refused(tmp_path, content, name="d.json", records=path)
    assert (error.code, do in error.do) == (code, True), error


def test_no_records_are_no_rows(tmp_path: Path) -> None:
    for content in ("[]", '{"results": [], "total": 0}'):
        loaded = read(tmp_path, content, name="d.json")
        assert (loaded.rows, loaded.warnings) == ([], {"no_rows"})
    assert refused(tmp_path, "\n \n").code == "empty_file"


def test_lines_that_are_none_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, json.dumps([{"deal_id": "1"}], indent=1))
    assert error.code == "bad_json"
    assert "format: json" in error.do


def test_names_that_are_values_are_refused(tmp_path: Path) -> None:
    content = lines({"deal_id": "1", **{f"2025-{i}": i for i in range(records.MOST_COLUMNS)}})
    assert refused(tmp_path, content).code == "too_many_columns"


def test_values_without_an_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST", 1000)
    monkeypatch.setattr(records, "BLOCK", 100)
    long = json.dumps({"deal_id": "1", "x": "y" * 3000})
    assert refused(tmp_path, long).code == "too_long"
    assert refused(tmp_path, f"[{long}]", name="d.json").code == "too_long"
    hidden = f'{{"data": {{"items": [{long}]}}}}'
    assert "data.items" in refused(tmp_path, hidden, name="d.json").do


def test_content_tells_json_where_no_name_does(tmp_path: Path) -> None:
    assert read(tmp_path, lines({"deal_id": "1"}), name="export").column("deal_id") == ["1"]
    assert read(tmp_path, '[{"deal_id": "1"}]', name="export.dat").column("deal_id") == ["1"]
    packed = gzip.compress(b'\xef\xbb\xbf{"rows": [{"deal_id": "1"}]}')
    assert read(tmp_path, packed, name="export.json.gz").column("deal_id") == ["1"]


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals(-(10**12), 10**12, places=4)
    | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8)
)
values = st.recursive(
    scalars, lambda v: st.dictionaries(st.sampled_from(["a", "b", "c.d"]), v, max_size=3) | st.lists(v, max_size=2)
)


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A plain reading of the rule: parts by dotted name, no lists."""
    found: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict):
            found |= flat(part, f"{prefix}{name}.")
        elif not isinstance(part, list):
            found[prefix + name] = part
    return found


def shown(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}".removesuffix(".0")
        case _:
            return str(value)


def written(value: Any) -> str:
    """JSON with decimals as numbers."""
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}: {written(v)}" for k, v in value.items()) + "}"
        case list():
            return f"[{', '.join(map(written, value))}]"
        case _:
            return json.dumps(value)


@given(
    content=st.lists(st.dictionaries(st.sampled_from(["p", "q", "r"]), values, max_size=3), min_size=1, max_size=12),
    as_lines=st.booleans(),
    block=st.sampled_from([1, 7, 64, 1 << 20]),
    at_once=st.sampled_from([1, 50, 1 << 20]),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_written_is_read(content: list[dict[str, Any]], as_lines: bool, block: int, at_once: int) -> None:
    import io
    from contextlib import ExitStack

    texts = list(map(written, content))
    text = "\n".join(texts) if as_lines else f'{{"n": 1, "rows": [{" , ".join(texts)}]}}'
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as opened,
    ):
        patch.setattr(records, "BLOCK", block)
        patch.setattr(records, "AT_ONCE", at_once)
        reader = records.Records(
            io.BytesIO(text.encode()), Path(folder), opened, lines=as_lines, path="" if as_lines else "rows"
        )
        found: list[dict[str, Any]] = []
        for chunk in reader.chunks():
            assert chunk.broken == ()
            for i in range(len(chunk.rows)):
                cells = [(c.texts[i].as_py(), int(c.kinds[i])) for c in chunk.columns if c.kinds is not None]
                found.append(dict(zip(reader.header, cells, strict=True)))
    assert reader.tally.records == len(content) == len(found)
    for row, record in zip(found, content, strict=True):
        wanted = flat(record)
        assert {n: t for n, (t, _) in row.items() if t is not None} == {
            n: shown(v) for n, v in wanted.items() if v is not None
        }
        for name, value in wanted.items():
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                assert row[name][1] in (NUMBER, DOUBLE)
