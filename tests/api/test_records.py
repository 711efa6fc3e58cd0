"""The rows behind a number: all of them, with their file and row, and nobody's address."""

import json

from headwater import Workspace


def test_a_quotient_lists_both_sides(company: Workspace) -> None:
    top, bottom = company.records("own_cost_per_lead", period="2025-01")
    assert (top.role, bottom.role) == ("numerator", "denominator")
    assert [dict(zip(top.rows.columns, r, strict=True))["cost_id"] for r in top.rows.rows] == ["C1", "C2"]
    assert (top.rows.total, bottom.rows.total) == (2, 4)


def test_a_cohort_says_who_reached_and_who_only_entered(company: Workspace) -> None:
    (block,) = company.records("own_mql_rate")
    states = {r[block.rows.columns.index("lead_id")]: r[block.rows.columns.index("state")] for r in block.rows.rows}
    assert {k for k, v in states.items() if v == "reached"} == {"L1", "L3", "L5"}
    assert len(states) == 8


def test_every_row_names_its_file_and_row(company: Workspace) -> None:
    (block,) = company.records("own_leads", period="2025-02")
    cells = [dict(zip(block.rows.columns, r, strict=True)) for r in block.rows.rows]
    assert [(c["lead_id"], c["file"], c["row"]) for c in cells] == [
        ("L5", "world.rows", 5), ("L6", "world.rows", 6), ("L7", "world.rows", 7),
    ]  # fmt: skip


def test_personal_values_are_masked_unless_told(company: Workspace) -> None:
    masked = company.records("own_reach", period="2025-01")
    assert "@" not in masked.to_text() + masked.to_json() + masked.to_csv()
    assert "***" in masked.to_text()
    assert "ann@one.org" in company.records("own_reach", period="2025-01", unmask=True).to_text()


def test_the_limit_says_what_it_left_out(company: Workspace) -> None:
    (block,) = found = company.records("own_leads", limit=3)
    assert (len(block.rows.rows), block.rows.total) == (3, 8)
    assert "5 more rows" in found.to_text()


def test_splits_and_periods_are_columns(company: Workspace) -> None:
    told = json.loads(company.records("own_leads", period="2025-Q1", grain="month", by="channel").to_json())
    assert [(r["period"], r["channel"], r["lead_id"]) for r in told][:2] == [
        ("2025-01", "ads", "L3"), ("2025-01", "email", "L1"),
    ]  # fmt: skip


def test_the_blocks_export_as_one_table(company: Workspace) -> None:
    table = company.records("own_cost_per_lead", period="2025-01").to_arrow()
    assert table.num_rows == 6
    assert table["role"].to_pylist() == ["numerator"] * 2 + ["denominator"] * 4
