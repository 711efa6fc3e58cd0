"""Workbooks: typed cells, the choice of the sheet, and archives that are no honest workbooks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from headwater.errors import SourceError
from headwater.model.settings import Settings
from tests.connectors.load import DEALS, Loaded, load, mapping

HEADER = ["deal_id", "account", "amount", "currency", "created_on", "created_at", "employees", "won"]
ALL = mapping(DEALS, *HEADER)


def book(*rows: list[Any], edit: Callable[[Workbook], None] | None = None, header: list[str] | None = None) -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    for row in [header or HEADER, *rows]:
        sheet.append(row)
    if edit:
        edit(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(tmp_path: Path, content: bytes, **source: Any) -> Loaded:
    return load(tmp_path, content, source.pop("mapped", ALL), name="deals.xlsx", **source)


def test_typed_cells(tmp_path: Path) -> None:
    row = [7, "Acme", 12.5, "EUR", date(2025, 1, 15), datetime(2025, 1, 15, 10, 30), 3, True]
    loaded = read(tmp_path, book(row), settings=Settings(time_zone="Europe/Berlin"))
    (found,) = loaded.rows
    assert found["deal_id"] == "7"
    assert (found["account"], found["amount"], found["employees"], found["won"]) == ("Acme", Decimal("12.50"), 3, True)
    assert (found["created_on"], found["created_at"]) == (date(2025, 1, 15), datetime(2025, 1, 15, 9, 30))
    assert loaded.draft.warnings == ()


def test_ids_of_numbers_have_no_point_and_no_exponent(tmp_path: Path) -> None:
    ids = [42, 42.0, 123456789012345, 1e15, 1.5]
    loaded = read(tmp_path, book(*([i] for i in ids[1:])), mapped=mapping(DEALS, "deal_id"))
    assert loaded.column("deal_id") == ["42", "123456789012345", "1000000000000000", "1.5"]


def test_a_number_shown_with_zeros_is_no_certain_id(tmp_path: Path) -> None:
    def zeros(made: Workbook) -> None:
        for cell in made.active["A2":"B2"][0]:  # type: ignore[index]
            cell.number_format = "00000"

    loaded = read(
        tmp_path,
        book([42, 1234], ["43", "x"], edit=zeros, header=["deal_id", "account"]),
        mapped=mapping(DEALS, "deal_id"),
    )
    assert loaded.codes == [(1, "deal_id", "bad_key")]
    as_text = read(
        tmp_path,
        book([42, 1234], edit=zeros, header=["account", "deal_id"]),
        mapped=mapping(DEALS, "account", deal_id="deal_id"),
    )
    assert as_text.codes == [(1, "deal_id", "bad_key")]
    shown = mapping(DEALS, account="account", deal_id={"constant": "x"})
    assert read(tmp_path, book([42], edit=zeros, header=["account"]), mapped=shown).column("account") == ["00042"]


def test_doubles_are_good_for_fifteen_digits(tmp_path: Path) -> None:
    rows = [[i, None, v, "EUR"] for i, v in enumerate([19.989999999999998, 0.1 + 0.2, 1 / 3, 1234567890123.45, 1e22])]
    loaded = read(tmp_path, book(*rows))
    assert loaded.column("amount") == [Decimal(t) for t in ("19.99", "0.30", "0.33", "1234567890123.45")]
    assert loaded.codes == [(5, "amount", "out_of_range")]
    assert loaded.warnings == {"rounded"}
    assert "1 numbers in 'amount'" in loaded.draft.warnings[0]


def test_typed_numbers_do_not_heed_declared_marks(tmp_path: Path) -> None:
    loaded = read(
        tmp_path, book([1, None, 1.5, "EUR"], [2, None, "1,5", "EUR"], [3, None, "1.500", "EUR"]), decimal=","
    )
    assert loaded.column("amount") == [Decimal("1.50"), Decimal("1.50"), Decimal(1500)]


def test_typed_dates_do_not_heed_declared_forms(tmp_path: Path) -> None:
    rows = [
        ["1", None, None, None, date(2025, 2, 1)],
        ["2", None, None, None, "03/02/2025"],
        ["3", None, None, None, 45674],
    ]
    loaded = read(tmp_path, book(*rows), date_format="%d/%m/%Y")
    assert loaded.column("created_on") == [date(2025, 2, 1), date(2025, 2, 3), date(2025, 1, 17)]


def test_a_date_cell_without_a_clock_is_known_to_the_day(tmp_path: Path) -> None:
    def clock(made: Workbook) -> None:
        made.active["F3"].number_format = "yyyy-mm-dd hh:mm"  # type: ignore[index]
        made.active["F2"].number_format = '[$-407]d. mmmm yyyy "Uhr hs"'  # type: ignore[index]

    rows = [[str(i), None, None, None, None, datetime(2025, 1, 15)] for i in (1, 2)]
    loaded = read(tmp_path, book(*rows, edit=clock))
    assert loaded.column("created_at") == [None, datetime(2025, 1, 15)]
    assert loaded.column("created_at__day") == [date(2025, 1, 15)] * 2


def test_errors_are_set_aside_unless_said_to_be_empty(tmp_path: Path) -> None:
    def error(made: Workbook) -> None:
        made.active["C2"].value = "#N/A"  # type: ignore[index]
        made.active["C2"].data_type = "e"  # type: ignore[index]

    content = book(["1", None, None, "EUR"], ["2", None, 5, "EUR"], edit=error)
    assert read(tmp_path, content).codes == [(1, "amount", "error_value")]
    assert read(tmp_path, content, empty=("", "#N/A")).column("amount") == [None, Decimal(5)]


def test_other_cells_are_no_dates_and_no_numbers(tmp_path: Path) -> None:
    loaded = read(tmp_path, book(["1", time(10, 30), True, "EUR"], ["2", None, None, None, True]))
    assert loaded.codes == [(1, "amount", "bad_number"), (2, "created_on", "bad_date")]


def test_rows_lines_blank_rows_preamble_and_totals(tmp_path: Path) -> None:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    for row in [
        ["Report"],
        [],
        ["deal_id", "account"],
        ["1", "x"],
        [None, None],
        ["2", "y"],
        ["Total", 2],
        [None, " "],
    ]:
        sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    mapped = mapping(DEALS, "deal_id", score="account")
    loaded = read(tmp_path, out.getvalue(), mapped=mapped, header_row=3, totals=("Total",))
    assert dict(loaded.draft.skipped) == {"blank": 2, "preamble": 2, "totals": 1}
    assert [(q["row"], q["line"]) for q in loaded.aside] == [(1, 4), (2, 6)]
    assert [q["raw"] for q in loaded.aside] == ["1,x", "2,y"]


# --- sheets ----------------------------------------------------------------------------------------------------------
def two(made: Workbook) -> None:
    other = made.create_sheet("February")
    other.append(["deal_id"])
    other.append(["F1"])


def test_several_sheets_with_data_need_a_name(tmp_path: Path) -> None:
    content = book(["1"], edit=two)
    with pytest.raises(SourceError, match="'Sheet', 'February'") as e:
        read(tmp_path, content)
    assert e.value.code == "ambiguous_sheet"
    assert read(tmp_path, content, mapped=mapping(DEALS, "deal_id"), sheet="February").column("deal_id") == ["F1"]
    with pytest.raises(SourceError, match="Did you mean 'February'") as e:
        read(tmp_path, content, sheet="Febuary")
    assert e.value.code == "missing_sheet"


def test_empty_and_hidden_sheets_do_not_count(tmp_path: Path) -> None:
    def more(made: Workbook) -> None:
        made.create_sheet("Empty")
        two(made)
        made["February"].sheet_state = "hidden"

    loaded = read(tmp_path, book(["1"], edit=more))
    assert loaded.column("deal_id") == ["1"]
    assert loaded.warnings == {"hidden_sheets"}


def test_a_workbook_without_data_is_empty(tmp_path: Path) -> None:
    out = io.BytesIO()
    Workbook().save(out)
    with pytest.raises(SourceError) as e:
        read(tmp_path, out.getvalue())
    assert e.value.code == "empty_file"


def test_merged_cells_are_told(tmp_path: Path) -> None:
    loaded = read(tmp_path, book(["1", "Acme"], ["2", None], edit=lambda made: made.active.merge_cells("B2:B3")))  # type: ignore[union-attr]
    assert loaded.column("account") == ["Acme", None]
    assert loaded.warnings == {"merged_cells"}


def test_a_header_of_two_rows_that_are_merged(tmp_path: Path) -> None:
    def merge(made: Workbook) -> None:
        for cells in ("A1:A2", "B1:C1", "D1:D2"):
            made.active.merge_cells(cells)  # type: ignore[union-attr]

    names = ["deal_id", "Deal", "", "currency"]
    content = book([None, "account", "score", None], ["1", "Acme", 3, "EUR"], edit=merge, header=names)
    loaded = read(tmp_path, content, mapped=mapping(DEALS, "deal_id", "account", "score", "currency"), header_row=2)
    assert [(r["deal_id"], r["account"], r["score"], r["currency"]) for r in loaded.rows] == [("1", "Acme", 3, "EUR")]
    assert loaded.draft.warnings == ()


def test_what_stands_under_no_header_is_told(tmp_path: Path) -> None:
    content = book(["1", "x", "a"], ["2", None, "b", "note"], ["3"], header=["deal_id", "", "account"])
    loaded = read(tmp_path, content, mapped=mapping(DEALS, "deal_id", "account"))
    assert loaded.draft.warnings == (
        "beyond_header: not used: what stands to the right of the last header, in 1 rows",
        "unnamed_columns: not used, since they have no header: column 2",
    )
    empty = book(["1", None, "a"], header=["deal_id", "", "account"])
    assert read(tmp_path, empty, mapped=mapping(DEALS, "deal_id", "account")).draft.warnings == ()


def test_a_stray_cell_far_away_costs_nothing(tmp_path: Path) -> None:
    def stray(made: Workbook) -> None:
        made.active["XFD1048576"] = "stray"  # type: ignore[index]

    loaded = load(tmp_path, book(["1"], edit=stray), mapping(DEALS, "deal_id"), name="deals.xlsx", spawn=True)
    assert loaded.column("deal_id") == ["1"]


# --- archives --------------------------------------------------------------------------------------------------------
def changed(content: bytes, name: str, edit: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            new.writestr(info.filename, edit(part) if info.filename == name else part)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    def laughs(part: bytes) -> bytes:
        start = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        return (start + part.decode().partition("?>")[2]).encode(encoding)

    with pytest.raises(SourceError) as e:
        read(tmp_path, changed(book(["1"]), SHEET, laughs))
    assert e.value.code == "unsafe_xml"


@pytest.mark.parametrize("cut", [100, -300, -30])
def test_a_cut_workbook_is_damaged(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SourceError) as e:
        read(tmp_path, book(["1"])[:cut])
    assert e.value.code == "corrupt_file"


@pytest.mark.parametrize(
    "edit", [lambda part: part[: len(part) // 2], lambda _: b"", lambda part: part.replace(b"</row>", b"", 1)]
)
def test_broken_xml_is_damage(tmp_path: Path, edit: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SourceError) as e:
        read(tmp_path, changed(book(["1"], ["2"]), SHEET, edit))
    assert e.value.code == "corrupt_file"


def test_an_archive_of_something_else_is_no_workbook(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("../evil.csv", "deal_id\n1\n")
    with pytest.raises(SourceError) as e:
        read(tmp_path, out.getvalue())
    assert e.value.code == "wrong_type"


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    content = changed(
        book(["1"]), SHEET, lambda part: part.replace(b"</worksheet>", b" " * 20_000_000 + b"</worksheet>")
    )
    with pytest.raises(SourceError) as e:
        read(tmp_path, content)
    assert e.value.code == "too_large_unpacked"


def test_a_workbook_may_be_gzipped(tmp_path: Path) -> None:
    import gzip

    loaded = load(tmp_path, gzip.compress(book(["1"])), ALL, name="deals.xlsx.gz")
    assert loaded.column("deal_id") == ["1"]


# --- what other programs write ---------------------------------------------------------------------------------------
def sheet_of(rows: str, content: bytes | None = None) -> bytes:
    """A workbook whose first sheet holds these rows of XML."""
    head = '<?xml version="1.0"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    text = f"{head}<x:sheetData>{rows}</x:sheetData></x:worksheet>".encode()
    return changed(content or book(), SHEET, lambda _: text)


def written(*rows: str, content: bytes | None = None) -> bytes:
    """A workbook of these rows under a header `deal_id, account`, written without places, with a prefix."""
    header = "".join(f'<x:c t="inlineStr"><x:is><x:t>{name}</x:t></x:is></x:c>' for name in ("deal_id", "account"))
    return sheet_of("".join(f"<x:row>{cells}</x:row>" for cells in (header, *rows)), content)


PAIR = mapping(DEALS, "deal_id", account="account")


def accounts(tmp_path: Path, *cells: str, content: bytes | None = None) -> list[Any]:
    rows = (f'<x:c t="str"><x:v>{i}</x:v></x:c>{cell}' for i, cell in enumerate(cells))
    return read(tmp_path, written(*rows, content=content), mapped=PAIR).column("account")


def test_cells_without_places_and_with_a_prefix(tmp_path: Path) -> None:
    found = accounts(
        tmp_path,
        '<x:c t="inlineStr"><x:is><x:r><x:t>Ac</x:t></x:r><x:r><x:t>me &amp; Co</x:t></x:r>'
        "<x:rPh><x:t>spoken</x:t></x:rPh></x:is></x:c>",
        '<x:c t="str"><x:v> a &lt; b </x:v></x:c>',
        "<x:c><x:v>12.50</x:v></x:c>",
        "<x:c><x:v>1E3</x:v></x:c>",
        '<x:c t="b"><x:v>1</x:v></x:c>',
        '<x:c t="d"><x:v>2025-01-31</x:v></x:c>',
        "<x:c/>",
    )
    assert found == ["Acme & Co", " a < b ", "12.5", "1000", "true", "2025-01-31", None]


def test_a_formula_that_gives_the_empty_text_has_a_result(tmp_path: Path) -> None:
    never, empty = "<x:c><x:f>A1</x:f><x:v/></x:c>", '<x:c t="str"><x:f>IF(1,"")</x:f><x:v></x:v></x:c>'
    assert accounts(tmp_path, empty, '<x:c t="str"><x:f>A1</x:f><x:v>x</x:v></x:c>') == [None, "x"]
    row = '<x:c t="str"><x:v>1</x:v></x:c>'
    assert read(tmp_path, written(row + never), mapped=PAIR).codes == [(1, "account", "formula_without_value")]


def test_shared_texts_of_runs(tmp_path: Path) -> None:
    def runs(part: bytes) -> bytes:
        return part.replace(b"<si><t>Acme</t></si>", b"<si><r><t>Ac</t></r><r><t>me</t></r><rPh><t>A</t></rPh></si>")

    content = changed(book(["1", "Acme"], ["2", "Birch"]), "xl/sharedStrings.xml", runs)
    assert read(tmp_path, content).column("account") == ["Acme", "Birch"]


def test_days_may_count_from_1904(tmp_path: Path) -> None:
    def since_1904(made: Workbook) -> None:
        made.epoch = datetime(1904, 1, 1)

    loaded = read(tmp_path, book(["1", None, None, None, date(2025, 1, 15)], edit=since_1904))
    assert loaded.column("created_on") == [date(2025, 1, 15)]


def test_rows_left_out_are_blank_and_a_row_that_stands_twice_is_damage(tmp_path: Path) -> None:
    header = '<x:row r="1"><x:c r="A1" t="str"><x:v>deal_id</x:v></x:c></x:row>'
    third = '<x:row r="3"><x:c r="A3"><x:v>3</x:v></x:c></x:row>'
    far = '<x:row r="6"><x:c r="C6"><x:v>1</x:v></x:c><x:c r="A6"><x:v>6</x:v></x:c></x:row>'
    loaded = read(tmp_path, sheet_of(header + third + far), mapped=mapping(DEALS, "deal_id"))
    assert loaded.column("deal_id") == ["3", "6"]
    assert dict(loaded.draft.skipped) == {"blank": 3}
    with pytest.raises(SourceError, match="row 3 of a sheet stands twice") as e:
        read(tmp_path, sheet_of(header + third + third), mapped=mapping(DEALS, "deal_id"))
    assert e.value.code == "corrupt_file"


@pytest.mark.parametrize(
    "cell",
    [
        '<x:c t="s"><x:v>99</x:v></x:c>',
        "<x:c><x:v>twelve</x:v></x:c>",
        '<x:c r="7"><x:v>1</x:v></x:c>',
        '<x:c s="x"><x:v>1</x:v></x:c>',
    ],
)
def test_a_cell_that_points_nowhere_is_damage(tmp_path: Path, cell: str) -> None:
    with pytest.raises(SourceError) as e:
        accounts(tmp_path, cell)
    assert e.value.code == "corrupt_file"


def test_a_date_that_no_calendar_reaches_is_an_error(tmp_path: Path) -> None:
    styled = book([1, datetime(2025, 1, 1)])
    cell = '<x:c s="1"><x:v>99999999999</x:v></x:c>'
    loaded = read(tmp_path, written('<x:c t="str"><x:v>1</x:v></x:c>' + cell, content=styled), mapped=PAIR)
    assert loaded.codes == [(1, "account", "error_value")]
