"""Exports that neither lose a value nor start a program."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import Workspace
from headwater.api import export
from headwater.model.observation import OBSERVATION_FIELDS, Rows

NASTY = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"),
    *("'=1", "''=1", "''", "'leads' begins", "plain", ""),
)


@pytest.mark.parametrize("text", NASTY)
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    guarded = export.guarded(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert export.unguarded(guarded) == text


def test_a_text_in_quotes_is_left_alone() -> None:
    assert export.guarded("'leads' begins on 2025-01-03") == "'leads' begins on 2025-01-03"


@given(st.text())
def test_the_guard_is_lossless(text: str) -> None:
    assert export.unguarded(export.guarded(text)) == text


def test_csv_guards_texts_and_leaves_numbers_alone() -> None:
    rows = Rows(("a", "n"), tuple((text, -1.5) for text in NASTY))
    read = list(csv.reader(io.StringIO(export.csv_text(rows), newline="")))[1:]
    assert [export.unguarded(a) for a, _ in read] == list(NASTY)
    assert {n for _, n in read} == {"-1.5"}
    assert [r[0] for r in csv.reader(io.StringIO(export.csv_text(rows, guard=False), newline=""))][1:] == list(NASTY)


def test_csv_writes_each_type_so_that_it_can_be_read_back() -> None:
    rows = Rows(("a", "b", "c", "d", "e", "f"), ((None, True, Decimal("1.50"), date(2025, 1, 3), 0.1, ("x", "y")),))
    assert export.csv_text(rows) == "a,b,c,d,e,f\n,true,1.50,2025-01-03,0.1,x;y\n"


def test_xlsx_holds_texts_as_texts_and_numbers_as_numbers() -> None:
    rows = Rows(("a", "n", "d"), (("=1+1", -1.5, date(2025, 1, 3)), ("a\x01b", None, None), ("-2", 7, None)))
    sheet = openpyxl.load_workbook(io.BytesIO(export.xlsx_bytes(rows, "A/B"))).active
    assert sheet is not None
    cells = [[(c.value, c.data_type) for c in row] for row in sheet.iter_rows(min_row=2)]
    assert cells[0][:2] == [("=1+1", "s"), (-1.5, "n")]
    assert cells[0][2][1] == "d"
    assert cells[1][0][1] == "s"
    assert cells[2][:2] == [("-2", "s"), (7, "n")]
    assert [c.value for c in next(sheet.iter_rows())] == ["a", "n", "d"]


def test_json_keeps_decimals_exact() -> None:
    rows = Rows(("a", "b"), ((Decimal("0.1"), Decimal("12345678901234567890.123456")),))
    assert json.loads(export.rows_json(rows)) == [{"a": 0.1, "b": "12345678901234567890.123456"}]


def test_a_split_called_like_a_field_gets_another_name(company: Workspace) -> None:
    (found,) = company.measure("own_leads")
    from dataclasses import replace

    rows = export.tidy([replace(found, segment=(("unit", "x"), ("channel", "y")))])
    assert len(set(rows.columns)) == len(rows.columns) == len(OBSERVATION_FIELDS) + 1
    cells = dict(zip(rows.columns, rows.rows[0], strict=True))
    assert (cells["segment_unit"], cells["unit"], cells["channel"]) == ("x", "lead", "y")


def test_every_form_of_an_answer_holds_the_same_numbers(company: Workspace) -> None:
    answer = company.measure("own_cost_per_lead", period="2025-Q1", grain="month", by="channel")
    values = [o.value for o in answer]
    read = list(csv.DictReader(io.StringIO(answer.to_csv(), newline="")))
    assert [float(r["value"]) if r["value"] else None for r in read] == values
    assert [export.unguarded(r["channel"]) for r in read] == [dict(o.segment)["channel"] or "" for o in answer]
    assert pq.read_table(io.BytesIO(answer.to_parquet()))["value"].to_pylist() == values
    sheet = openpyxl.load_workbook(io.BytesIO(answer.to_xlsx())).active
    assert sheet is not None
    at = [c.value for c in next(sheet.iter_rows())].index("value")
    assert [row[at].value for row in sheet.iter_rows(min_row=2)] == values
    assert [o["value"] for o in json.loads(answer.to_json())] == values
