"""Delimited text: exact rows and lines, and which row is given up for what."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.connectors import delimited
from headwater.connectors.delimited import Delimited, Dialect
from headwater.connectors.refusal import Refused
from headwater.errors import SourceError
from tests.connectors.load import DEALS, load, mapping

IDS = mapping(DEALS, "deal_id", "account")


def rows(
    content: bytes | str, **dialect: object
) -> tuple[list[tuple[int, int, list[str]]], list[tuple[int, int, int, str]]]:
    """Readable rows (number, line, cells) and broken ones (number, line, column, code)."""
    data = content if isinstance(content, bytes) else content.encode()
    reader = Delimited(io.BytesIO(data), Dialect(**dialect))  # type: ignore[arg-type]
    good, broken = [], []
    for chunk in reader.chunks():
        assert chunk.lines is not None
        cells = zip(*(c.texts.to_pylist() for c in chunk.columns), strict=True)
        good += [(int(r), int(n), list(c)) for r, n, c in zip(chunk.rows, chunk.lines, cells, strict=True)]
        broken += [(b.row, b.line or 0, b.column, b.code) for b in chunk.broken]
    assert reader.tally.records == len(good) + len(broken)
    return good, broken


def test_lines_count_through_quoted_newlines_and_blank_lines() -> None:
    good, broken = rows('a,b\n1,"x\ny\nz"\n\n2,q\n\n\n3,"r"\n')
    assert good == [(1, 2, ["1", "x\ny\nz"]), (2, 6, ["2", "q"]), (3, 9, ["3", "r"])]
    assert broken == []


@pytest.mark.parametrize("block", [7, 13, 64, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_and_lines_do_not_depend_on_where_blocks_end(
    monkeypatch: pytest.MonkeyPatch, block: int, end: str
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", block)
    text = end.join(["a,b", '1,"x', 'y"', "2", "", "3,é€𝄞", "4,z,more", '5,"open', "6,w", ""])
    good, broken = rows(text)
    assert [(r, n, c[0]) for r, n, c in good] == [(1, 2, "1"), (3, 6, "3"), (6, 9, "6")]
    assert good[0][2][1] == f"x{end}y"
    assert good[1][2][1] == "é€𝄞"
    assert broken == [(2, 4, -1, "ragged_row"), (4, 7, -1, "ragged_row"), (5, 8, 1, "bad_quote")]


CELLS = ("a", "", " ", "12", "é", "\0", "\udcff", '"q"', '"two ""marks"""', '"x,y"', 'in "the" middle', '"open',
         '"shut" more', '"over\nlines"', "long" * 20, "'")  # fmt: skip
LINES = st.lists(st.sampled_from(CELLS), min_size=0, max_size=4).map(",".join)
PLAIN = st.lists(st.sampled_from(("a", "7", "é", "", "b c", '"d"', '""')), min_size=3, max_size=3).map(",".join)


@given(
    st.lists(st.one_of(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, LINES), max_size=60),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([64, 301, 1 << 20]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_the_quick_way_and_the_strict_one_are_of_one_mind(lines: list[str], end: str, block: int, last: bool) -> None:
    """Sound rows are read by another reader where every row is a line: which one it was shows in nothing."""
    text = end.join(["a,b,c", "1,2,3", *lines]) + (end if last else "")
    data = text.encode("utf-8", "surrogateescape")

    def read(quick: bool) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "BLOCK", block)
            if not quick:
                patch.setattr(Delimited, "_simple", lambda self, lines: None)
            reader = Delimited(io.BytesIO(data), Dialect(encoding="utf-8"))
            good, broken = [], []
            try:
                for chunk in reader.chunks():
                    assert chunk.lines is not None
                    cells = zip(*(c.texts.to_pylist() for c in chunk.columns), strict=True)
                    good += list(zip(chunk.rows.tolist(), chunk.lines.tolist(), cells, strict=True))
                    broken += chunk.broken
            except Refused as refused:
                return refused.code, refused.row, refused.line
            return good, broken, reader.tally.records, dict(reader.tally.skipped)

    assert read(quick=True) == read(quick=False)


def test_an_open_quote_costs_its_own_line_alone() -> None:
    good, broken = rows('a,b,c\n1,"open,x\n2,"fine",y\n3,plain,z\n')
    assert [c for _, _, c in good] == [["2", "fine", "y"], ["3", "plain", "z"]]
    assert broken == [(1, 2, 1, "bad_quote")]


def test_an_open_quote_beyond_the_last_column_is_the_last_columns(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'deal_id,account\n1,a,b,"open\n', IDS)
    assert loaded.codes == [(1, "account", "bad_quote")]


def test_text_after_a_closing_quote_is_given_up() -> None:
    good, broken = rows('a,b,c\n1,x,"say "hi""\n2,y,z\n')
    assert [c[0] for _, _, c in good] == ["2"]
    assert broken == [(1, 2, 2, "bad_quote")]


def test_a_quote_inside_an_unquoted_cell_is_a_character() -> None:
    assert rows('a,b\n1,5" pipe\n')[0] == [(1, 2, ["1", '5" pipe'])]


def test_a_quote_that_stays_open_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 200)
    monkeypatch.setattr(delimited, "BLOCK", 64)
    good, broken = rows('a,b\n1,"open\n' + "".join(f"{i},x\n" for i in range(2, 200)))
    assert broken == [(1, 2, 1, "bad_quote")]
    assert [r for r, _, _ in good] == list(range(2, 200))


def test_a_cell_that_is_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 100)
    good, broken = rows("a,b\n1," + "x" * 101 + "\n2,y\n")
    assert [c[0] for _, _, c in good] == ["2"]
    assert [b[3] for b in broken] == ["too_long"]


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 100)
    monkeypatch.setattr(delimited, "BLOCK", 64)
    with pytest.raises(Refused) as e:
        rows("a,b\n1," + "x" * 5000)
    assert (e.value.code, e.value.line) == ("too_long", 2)


def test_no_quote_means_quotes_are_characters() -> None:
    assert rows('a,b\n"1,x"\n', quote="")[0] == [(1, 2, ['"1', 'x"'])]


def test_trailing_empty_cells_beyond_the_header_lose_nothing() -> None:
    good, broken = rows("a,b\n1,x,,\n2,y,,z\n3\n")
    assert good == [(1, 2, ["1", "x"])]
    assert [(b[0], b[3]) for b in broken] == [(2, "ragged_row"), (3, "ragged_row")]


def test_rows_of_empty_cells_are_blank() -> None:
    good, _ = rows("a,b\n,\n   \n1,\n\t\n,2\n")
    assert good == [(1, 4, ["1", ""]), (2, 6, ["", "2"])]


def test_a_single_column_knows_blank_lines() -> None:
    assert rows("a\n1\n\n2\n")[0] == [(1, 2, ["1"]), (2, 4, ["2"])]


def test_totals_and_preamble_are_counted_apart(tmp_path: Path) -> None:
    text = "Report\n2025\ndeal_id,account\n1,x\nTotal,\n2,y\n GRAND TOTAL ,z\n\n"
    loaded = load(tmp_path, text, IDS, skip_rows=1, header_row=2, totals=("total", "Grand total"))
    assert loaded.column("deal_id") == ["1", "2"]
    assert [r["_row"] for r in loaded.rows] == [1, 2]
    assert dict(loaded.draft.skipped) == {"blank": 1, "preamble": 2, "totals": 2}
    assert loaded.draft.data_rows == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_known_by_the_wanted_headers(tmp_path: Path, separator: str) -> None:
    text = f"x;y,z{separator}deal_id{separator}account\n1{separator}D1{separator}a,b;c\n"
    if separator in ",;":
        text = text.replace("x;y,z", "xyz").replace("a,b;c", '"a,b;c"')
    assert load(tmp_path, text, IDS).column("account") == ["a,b;c"]


def test_a_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id\taccount\n1\ta,b\n", IDS, name="deals.tsv")
    assert loaded.column("account") == ["a,b"]


def test_headers_are_trimmed_and_may_be_quoted_over_lines() -> None:
    reader = Delimited(io.BytesIO(b'\xef\xbb\xbf deal_id ,"two\nlines"\n1,2\n'), Dialect())
    assert reader.header == ("deal_id", "two\nlines")
    (chunk,) = reader.chunks()
    assert chunk.lines is not None
    assert chunk.lines.tolist() == [3]


# --- encodings -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("said", ["", "utf-8"])
def test_a_byte_order_mark_says_the_encoding(encoding: str, said: str) -> None:
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    assert rows((mark + "a,b\n1,Zoë 株\n").encode(encoding), encoding=said)[0] == [(1, 2, ["1", "Zoë 株"])]


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1252", "Café €"), ("shift_jis", "株式会社"), ("gb18030", "公司"), ("cp1251", "Привет")]
)
def test_declared_encodings(encoding: str, text: str) -> None:
    assert rows(f"a,b\n1,{text}\n".encode(encoding), encoding=encoding)[0] == [(1, 2, ["1", text])]


def test_a_byte_that_a_declared_encoding_lacks_costs_its_row() -> None:
    good, broken = rows(b"a,b\n1,\x81\n2,\xe9\n", encoding="cp1252")
    assert [c for _, _, c in good] == [["2", "é"]]
    assert broken == [(1, 2, -1, "bad_encoding")]


def test_a_file_that_is_not_utf8_is_refused_with_its_first_row() -> None:
    with pytest.raises(Refused) as e:
        rows("a,b\n1,x\n2,Café\n3,Müller\n".encode("cp1252"))
    assert (e.value.code, e.value.row, e.value.line) == ("bad_encoding", 2, 3)


def test_a_row_that_is_not_utf8_in_a_file_that_is_costs_that_row() -> None:
    good, broken = rows("a,b\n1,Zoë\n".encode() + b"2,Jos\xe9\n" + "3,Åsa\n".encode())
    assert [r for r, _, _ in good] == [1, 3]
    assert broken == [(2, 3, -1, "bad_encoding")]


def test_a_header_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refused) as e:
        rows("a,größe\n1,2\n".encode("latin-1"))
    assert (e.value.code, e.value.line) == ("bad_encoding", 1)


def test_utf16_without_its_mark_is_refused() -> None:
    with pytest.raises(Refused) as e:
        rows("a,b\n1,x\n2,y\n".encode("utf-16-le"))
    assert e.value.code == "bad_encoding"


def test_utf16_that_breaks_off_is_refused_with_its_line() -> None:
    data = "\ufeffa,b\n1,x\n2,".encode("utf-16-le") + b"\x00\xdc\x41\x00"
    with pytest.raises(Refused) as e:
        rows(data)
    assert (e.value.code, e.value.line) == ("bad_encoding", 3)


def test_the_raw_row_of_undecodable_bytes_can_be_stored(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,account\n1,Zoë\n".encode() + b"2,Jos\xe9\n", IDS)
    assert [q["raw"] for q in loaded.aside] == ["2,Jos\\xe9"]


def test_a_nul_byte_costs_its_row() -> None:
    good, broken = rows("a,b\n1,x\0y\n2,z\n")
    assert [r for r, _, _ in good] == [2]
    assert broken == [(1, 2, 1, "nul_byte")]


# --- refusals --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n  \n", b"\xff\xfe"])
def test_a_file_without_a_header_is_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, content, IDS)
    assert e.value.code == "empty_file"


def test_a_header_alone_is_accepted_with_a_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,account", IDS)
    assert loaded.rows == []
    assert loaded.warnings == {"no_rows"}


def test_duplicate_headers_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'account' stands twice") as e:
        load(tmp_path, "deal_id,account, account \n1,2,3\n", IDS)
    assert e.value.code == "duplicate_column"


def test_empty_headers_are_no_duplicates(tmp_path: Path) -> None:
    assert load(tmp_path, "deal_id,account,,\n1,x,note,\n", IDS).column("account") == ["x"]


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Did you mean 'acount'") as e:
        load(tmp_path, "deal_id,acount\n1,x\n", IDS)
    assert e.value.code == "missing_column"


def test_an_open_quote_in_the_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, 'deal_id,"account\n1,x\n', IDS)
    assert e.value.code == "bad_quote"


# --- gzip ------------------------------------------------------------------------------------------------------------
TEXT = "deal_id,account\n" + "".join(f"D{i},Firm {i}\n" for i in range(500))


def test_gzip_is_known_by_content_and_may_have_members(tmp_path: Path) -> None:
    half = TEXT.index("D250,")
    data = gzip.compress(TEXT[:half].encode()) + gzip.compress(TEXT[half:].encode()) + b"\0" * 100
    assert len(load(tmp_path, data, IDS, name="deals.csv").rows) == 500
    assert len(load(tmp_path, data, IDS, name="deals.csv.gz").rows) == 500


@pytest.mark.parametrize("cut", [20, 300, -1, -8])
def test_a_cut_gzip_loads_nothing(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, gzip.compress(TEXT.encode())[:cut], IDS)
    assert e.value.code == "truncated_archive"


@pytest.mark.parametrize("at", [30, 400, -6])
def test_a_damaged_gzip_loads_nothing(tmp_path: Path, at: int) -> None:
    data = bytearray(gzip.compress(TEXT.encode()))
    data[at] ^= 0xFF
    with pytest.raises(SourceError) as e:
        load(tmp_path, bytes(data), IDS)
    assert e.value.code == "corrupt_file"


def test_rubbish_after_a_gzip_member_is_damage(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, gzip.compress(TEXT.encode()) + b"rubbish", IDS)
    assert e.value.code == "corrupt_file"


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    data = gzip.compress(b"deal_id,account\n" + b"0,0\n" * 3_000_000)
    with pytest.raises(SourceError) as e:
        load(tmp_path, data, IDS)
    assert e.value.code == "too_large_unpacked"


def test_the_declared_size_is_a_limit(tmp_path: Path) -> None:
    import random

    draw = random.Random(1)
    text = "deal_id,account\n" + "".join(f"{draw.getrandbits(64)},x\n" for _ in range(60_000))
    for data, code in ((text.encode(), "too_large"), (gzip.compress(text.encode()), "too_large_unpacked")):
        with pytest.raises(SourceError) as e:
            load(tmp_path, data, IDS, max_mb=1)
        assert e.value.code == code


# --- what the content is ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("deals.csv", b"PK\x03\x04rest", "wrong_type"),
        ("deals.csv", b"PAR1rest", "wrong_type"),
        ("deals.csv", b"%PDF-1.7", "wrong_type"),
        ("deals.csv", b"\xef\xbb\xbf  <!DOCTYPE html><html>", "wrong_type"),
        ("deals.xlsx", b"deal_id,account\n", "wrong_type"),
        ("deals.parquet", b"deal_id,account\n", "wrong_type"),
        ("deals.xlsx", b"PAR1rest", "wrong_type"),
        ("deals.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "wrong_type"),
        ("deals.csv", b"\x28\xb5\x2f\xfdzstd", "wrong_type"),
        ("deals.zip", b"PK\x03\x04", "unsupported"),
        ("deals.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "unsupported"),
    ],
)
def test_the_content_decides_not_the_name(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(SourceError) as e:
        load(tmp_path, content, IDS, name=name)
    assert e.value.code == code


def test_an_encrypted_workbook_is_named_so(tmp_path: Path) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000 + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(SourceError, match="password") as e:
        load(tmp_path, content, IDS, name="deals.xlsx")
    assert e.value.code == "encrypted"


def test_a_name_that_says_nothing_leaves_it_to_the_content(tmp_path: Path) -> None:
    assert load(tmp_path, "deal_id,account\n1,x\n", IDS, name="export").column("account") == ["x"]


def test_the_declared_format_stands_over_the_name(tmp_path: Path) -> None:
    assert load(tmp_path, "deal_id\taccount\n1\tx\n", IDS, name="deals.dat", format="tsv").column("account") == ["x"]
