"""A look at a file: how it is written, where its table stands, and what its columns show."""

import csv
import gzip
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from headwater.connectors import inspect, inspect_text
from headwater.connectors.inspect import Wanted, look
from headwater.connectors.inspect_child import looks_at
from headwater.connectors.inspect_text import Pieces, layout_of
from headwater.connectors.limits import Limits
from headwater.connectors.refusal import Refused
from headwater.model.look import Look, LookedColumn, Unread


def seen(tmp_path: Path, content: bytes | str, name: str = "file.csv", **said: Any) -> Look:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    keys = said.pop("keys", ())
    (found,) = looks_at({"path": str(path), "name": name, "said": said, "keys": keys}, tmp_path)
    assert isinstance(found, Look)
    return found


def column(tmp_path: Path, values: Sequence[str]) -> LookedColumn:
    text = io.StringIO()
    csv.writer(text).writerows([["n", "x"], *([str(i), v] for i, v in enumerate(values))])
    found = seen(tmp_path, text.getvalue()).column("x")
    assert found is not None
    return found


# --- how a text is written -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("preamble", [0, 1, 3])
def test_separator_and_header_below_a_preamble(tmp_path: Path, separator: str, preamble: int) -> None:
    lines = ["Report, of everything", "", "2026-01-01 - 2026-01-31"][:preamble]
    table = [["Day", "Campaign ID", "Clicks"], ["2026-01-01", "C1", "3"], ["2026-01-02", "C2", "4"]]
    found = seen(tmp_path, "\n".join([*lines, *(separator.join(row) for row in table)]))
    assert (found.separator, found.skip_rows, found.header, found.rows) == (separator, preamble, tuple(table[0]), 2)


def test_a_totals_row_at_the_end_is_told_apart(tmp_path: Path) -> None:
    found = seen(tmp_path, "Day,Campaign,Spend\n2026-01-01,A,1.50\n2026-01-02,B,2.50\nTotal,,4.00\n")
    spend = found.column("Spend")
    assert (found.totals, found.rows, spend and spend.filled) == (("Total",), 2, 2)


def test_a_campaign_called_total_is_no_totals_row(tmp_path: Path) -> None:
    assert seen(tmp_path, "Campaign,Kind,Spend\nA,search,1.50\nTotal,social,2.50\n").totals == ()


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "cp1250", "mac-roman"])
def test_an_encoding_that_is_not_certain_is_one_of_those_told(tmp_path: Path, encoding: str) -> None:
    found = seen(tmp_path, "Währung;Straße\nEUR;Müllerstraße\n".encode(encoding))
    assert any("Währung" in sample for _, sample in found.encodings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_encoding_that_is_certain_is_not_asked_about(tmp_path: Path, encoding: str) -> None:
    found = seen(tmp_path, "Währung;Straße\nEUR;Müllerstraße\n".encode(encoding))
    assert (found.encodings, found.header) == ((), ("Währung", "Straße"))


def test_a_single_row_that_is_not_utf_8_does_not_make_the_file_another_encoding(tmp_path: Path) -> None:
    rows = [f"{i},Söhne {i} für Käse".encode() for i in range(20)]
    found = seen(tmp_path, b"\n".join([b"id,name", *rows, "99,Jos\xe9".encode("latin-1")]))
    assert (found.encodings, found.rows) == ((), 21)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused, match="empty"):
        seen(tmp_path, content)


def test_a_prose_text_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a table"):
        seen(tmp_path, "Once there was a file\nthat held words alone\n", "readme.txt")


# --- columns ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["03/04/2026", "05/06/2026"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["03/04/2026", "25/06/2026"], ("%d/%m/%Y",)),
        (["03/04/2026", "05/26/2026"], ("%m/%d/%Y",)),
        (["03.04.2026 10:15", "05.06.2026 23:59"], ("%d.%m.%Y %H:%M",)),
        (["2026-04-03", "2026-06-05T10:00:00Z"], ("iso",)),
        (["1767225600000", "1769904000000"], ("epoch_ms",)),
        (["04/03/2026 09:30:00 PM", "12/31/2026 01:00:00 AM"], ("%m/%d/%Y %I:%M:%S %p",)),
        (["12.50", "13.75"], ()),
        (["soon", "later"], ()),
    ],
)
def test_the_ways_to_write_dates_that_fit(tmp_path: Path, values: list[str], formats: tuple[str, ...]) -> None:
    assert column(tmp_path, values).date_formats == formats


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.234", "2.500"], (".", ",")),
        (["1,234", "2,500"], (".", ",")),
        (["1.234,50", "2"], (",",)),
        (["1,234.50", "2"], (".",)),
        (["1.5", "2"], (".",)),
        (["1", "2"], ()),
    ],
)
def test_the_marks_that_may_stand_before_decimals(tmp_path: Path, values: list[str], marks: tuple[str, ...]) -> None:
    assert column(tmp_path, values).decimals == marks


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["1", "2"], "integer"),
        (["1.5", "EUR 2.50"], "number"),
        (["(1.50)", "2.50-"], "number"),
        (["true", "false"], "boolean"),
        (["CMP-0009", "CMP-0010"], "boolean"),
        (["CMP-0009", "CMP-0010", "CMP-0011"], "id"),
        (["John Doe", "Ann Lee", "Bo Roe"], "text"),
        (["007", "042", "100"], "id"),
    ],
)
def test_the_kinds_that_fit_the_narrowest_first(tmp_path: Path, values: list[str], first: str) -> None:
    assert column(tmp_path, values).kinds[0] == first


def test_leading_zeros_are_no_numbers(tmp_path: Path) -> None:
    found = column(tmp_path, ["007", "042", "100"])
    assert found.leading_zeros
    assert not {"integer", "number", "money"} & set(found.kinds)


def test_a_few_bad_values_do_not_hide_what_a_column_is(tmp_path: Path) -> None:
    found = column(tmp_path, [*(f"2026-01-{d:02d}" for d in range(1, 29)), "soon"])
    assert (found.date_formats, found.kinds[0]) == (("iso",), "day")


def test_keys_are_the_smallest_sets_that_tell_rows_apart(tmp_path: Path) -> None:
    found = seen(tmp_path, "order,line,sku\nO1,1,a\nO1,2,a\nO2,1,a\nO2,2,b\n", keys=[["order"], ["order", "line"]])
    assert found.keys == (("order", "line"),)
    assert found.repeats == ((("order",), 4), (("order", "line"), 0))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from("xy")), min_size=1, max_size=12))
def test_repeats_are_those_of_a_plain_count(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    text = "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    found = seen(tmp_path_factory.mktemp("rows"), f"k,l,v\n{text}", keys=[["k", "l"]])
    different = set(rows)
    wanted = sum(sum(r[:2] == other[:2] for other in different) > 1 for r in different)
    assert found.repeats == ((("k", "l"), wanted),)


def test_sketches_of_two_files_share_what_their_rows_share(tmp_path: Path) -> None:
    one = seen(tmp_path, "a,b\n1,TRUE\n2,x\n")
    other = seen(tmp_path, "a,b\n2,X\n1,true\n")
    third = seen(tmp_path, "a,b\n2,X\n9,y\n")
    assert set(one.sketch) == set(other.sketch)
    assert len(set(one.sketch) & set(third.sketch)) == 1


# --- other formats ---------------------------------------------------------------------------------------------------
def test_every_sheet_with_a_table_is_looked_at(tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Notes"
    first.append(["Kept by hand"])
    second = book.create_sheet("Costs")
    for row in (["Costs of 2026"], [], ["Entry", "Day", "Amount"], ["C1", "2026-01-05", 12.5], ["C2", "2026-01-06", 3]):
        second.append(row)
    path = tmp_path / "costs.xlsx"
    book.save(path)
    found = looks_at({"path": str(path), "name": path.name, "said": {}}, tmp_path)
    costs = next(x for x in found if x.sheet == "Costs")
    assert (costs.header, costs.rows, costs.skip_rows) == (("Entry", "Day", "Amount"), 2, 2)


def test_a_packed_text_is_looked_at_as_the_plain_one(tmp_path: Path) -> None:
    text = "Lead ID,Created\nL1,2026-01-05\n"
    plain, packed = seen(tmp_path, text), seen(tmp_path, gzip.compress(text.encode()), "file.csv.gz")
    assert (plain.header, plain.columns, plain.rows) == (packed.header, packed.columns, packed.rows)


# --- large and hostile files -----------------------------------------------------------------------------------------
def test_the_pieces_of_a_large_file_are_whole_lines_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_text, "BLOCK", 100)
    lines = [f"L{i:05d},x\n".encode() for i in range(1000)]
    path = tmp_path / "large.csv"
    path.write_bytes(b"id,v\n" + b"".join(lines))
    with path.open("rb") as file:
        pieces = Pieces(file, path.stat().st_size, "")
        share = pieces.share
        read = io.BufferedReader(pieces).readlines()
    assert read[0] == b"id,v\n"
    assert read[-1] == lines[-1]
    assert set(read[1:]) <= set(lines)
    assert len(set(read)) == len(read)
    assert share == pytest.approx(sum(map(len, read)) / path.stat().st_size)


def test_a_layout_is_told_by_a_head_that_ends_inside_a_line() -> None:
    head = b"a;b\n1;2\n3;4\n5"
    assert layout_of(head, "csv", whole=False).separator == ";"


def test_one_file_that_breaks_its_limits_costs_its_own_look_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spin = (
        "import json,sys,time\n"
        "job = json.loads(sys.stdin.buffer.readline())\n"
        "if len(job['files']) == 3: print(json.dumps({'looks': []}), flush=True); time.sleep(60)\n"
        "print(json.dumps({'looks': []}))\n"
    )
    monkeypatch.setattr(inspect, "CHILD", [sys.executable, "-c", spin])
    names = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    monkeypatch.setattr(inspect, "PER_FILE", 0)
    found = look([Wanted(p) for p in names], Limits(wall_seconds=1))
    assert found[0] == () and found[2] == ()
    (broken,) = found[1]
    assert isinstance(broken, Unread)
    assert "took more than 1 seconds" in broken.what


def test_hostile_files_are_refused_in_words(tmp_path: Path, shared_data: Path) -> None:
    names = ["bomb.csv.gz", "xxe.xlsx", "truncated.csv.gz", "zip-slip.zip", "empty.csv", "dup-headers.csv"]
    found = look([Wanted(shared_data / "nasty-inputs" / n) for n in names])
    assert [isinstance(some[0], Unread) for some in found] == [True] * 5 + [False]
    assert all("fault of Headwater" not in u.do for some in found for u in some if isinstance(u, Unread))
