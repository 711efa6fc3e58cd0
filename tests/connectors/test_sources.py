"""Source files: what they become, and every fault with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from headwater.connectors.sources import load_sources
from headwater.errors import DefinitionError
from headwater.model.source import ColumnMapping, Source, TableMapping, is_stale
from headwater.model.table import Column, Pick, Table
from headwater.model.types import BOOLEAN, ID, MONEY, NUMBER, TEXT, TIME

TABLES = {
    t.id: t
    for t in (
        Table(
            "deals", "", "", "deal", ("deal_id",),
            (
                Column("deal_id", ID, required=True), Column("stage", TEXT, values=("open", "won")),
                Column("won", BOOLEAN),
                Column("amount", MONEY, currency="currency"), Column("currency", TEXT, required=True),
                Column("created_at", TIME, required=True), Column("score", NUMBER),
                Column("first_at", TIME, required=True, derive=Pick("first", "leads", (("lead_id", "deal_id"),))),
            ),
            event="created_at",
        ),
        Table("leads", "", "", "lead", ("lead_id",), (Column("lead_id", ID), Column("channel", TEXT))),
        Table("lead_journeys", "", "", "lead", ("lead_id",), (Column("lead_id", ID),), rows_from="leads"),
    )
}  # fmt: skip


def sources(tmp_path: Path, **files: str) -> dict[str, Source]:
    (tmp_path / "sources").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "sources" / f"{name}.yml").write_text(text, encoding="utf-8")
    return load_sources(tmp_path, TABLES)


def faults(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DefinitionError) as e:
        sources(tmp_path, crm=text)
    assert {f.path for f in e.value.faults} == {"sources/crm.yml"}
    return [(f.line, f.key, f"{f.what} {f.do}") for f in e.value.faults]


def test_no_folder_is_no_source(tmp_path: Path) -> None:
    assert load_sources(tmp_path, TABLES) == {}


def test_the_least_a_source_says(tmp_path: Path) -> None:
    found = sources(tmp_path, crm="path: leads.csv\ntables:\n  leads:\n    columns: {lead_id: id}\n")["crm"]
    assert (found.id, found.path, found.file) == ("crm", "leads.csv", "sources/crm.yml")
    assert found.tables == (TableMapping("leads", (ColumnMapping("lead_id", "id"),)),)
    plain = Source("crm", "leads.csv", found.tables, file=found.file, hash=found.hash)
    assert found == plain


FULL = """\
path: "${HEADWATER_SHARED_DATA}/crm/*.csv"
format: csv
encoding: cp1252
separator: tab
quote: ~
decimal: ","
thousands: "."
date_format: "%d-%m-%Y"
time_zone: Europe/Berlin
ambiguous_time: later
header_row: 2
skip_rows: 1
totals: [Total, "Grand total"]
empty: ["", N/A]
accounting_negatives: true
load: full
currency: BRL
system: crm
complete_through: 2018-11-14
complete_column: created_at
every: month
on_bad_rows: refuse
max_mb: 10
tables:
  deals:
    key: deal_id
    deleted: {column: status, values: [gone, archived]}
    merged_into: merged_id
    updated_at: LastModifiedDate
    where: {column: RecordType, values: [Deal, 1.0]}
    columns:
      deal_id: Id
      stage: {constant: won}
      created_at: {column: Created, date_format: iso, time_zone: UTC}
      amount: {column: Micros, factor: 0.000001, decimal: "."}
      won: {column: Won, "true": [ja], "false": nein, values: {vielleicht: ~}, unlisted: quarantine, empty: "-"}
"""


def test_everything_a_source_can_say(tmp_path: Path) -> None:
    found = sources(tmp_path, crm=FULL)["crm"]
    assert found == Source(
        "crm", "${HEADWATER_SHARED_DATA}/crm/*.csv",
        (
            TableMapping(
                "deals",
                (
                    ColumnMapping("deal_id", "Id"),
                    ColumnMapping("stage", constant="won"),
                    ColumnMapping("created_at", "Created", date_format="iso", time_zone="UTC"),
                    ColumnMapping("amount", "Micros", factor="0.000001", decimal="."),
                    ColumnMapping(
                        "won", "Won", true=("ja",), false=("nein",), values=(("vielleicht", None),),
                        unlisted="quarantine", empty=("-",),
                    ),
                ),
                key=("deal_id",), deleted="status", deleted_values=("gone", "archived"), merged_into="merged_id",
                updated_at="LastModifiedDate", where_column="RecordType", where_values=("Deal", "1.0"),
            ),
        ),
        format="csv", encoding="cp1252", separator="\t", quote="", decimal=",", thousands=".", date_format="%d-%m-%Y",
        time_zone="Europe/Berlin", ambiguous_time="later", header_row=2, skip_rows=1, totals=("Total", "Grand total"),
        empty=("", "N/A"), accounting_negatives=True, load="full", currency="BRL", system="crm",
        complete_through=date(2018, 11, 14), complete_column="created_at", every="month", on_bad_rows="refuse",
        max_mb=10, hash=found.hash, file="sources/crm.yml",
    )  # fmt: skip


def test_the_hash_follows_what_is_said_not_how(tmp_path: Path) -> None:
    text = "path: leads.csv\ntables:\n  leads:\n    columns: {lead_id: id}\n"
    first = sources(tmp_path, crm=text)["crm"].hash
    assert (
        sources(tmp_path, crm="# a comment\n" + text.replace("{lead_id: id}", "{lead_id: {column: id}}"))["crm"].hash
        == first
    )
    assert sources(tmp_path, crm=text + "every: month\n")["crm"].hash == first
    assert sources(tmp_path, crm=text.replace("id}", "Id}"))["crm"].hash != first


def test_every_fault_is_told_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = """\
path: "${OTHER}/x.csv"
encoding: utf8x
date_format: "%d.%m"
time_zone: Europe/Berln
currency: EUX
system: "a b"
quote: "--"
complete_column: created
tables:
  deal:
    columns: {a: b}
  lead_journeys:
    columns: {lead_id: id}
  deals:
    key: [dealid]
    columns:
      deal_idd: id
      stage: {column: s, values: {x: opn}, decimal: ","}
      amount: {column: a, constant: "1", factor: abc, date_format: iso}
      won: {column: " "}
      score: ""
"""
    found = faults(tmp_path, text)
    expected = [
        (1, "path", "'OTHER'"),
        (2, "encoding", "'utf-8'"),
        (3, "date_format", "year, month and day"),
        (4, "time_zone", "'Europe/Berlin'"),
        (5, "currency", "'EUR'"),
        (6, "system", "'a b'"),
        (7, "quote", "one character"),
        (8, "complete_column", "'created_at'"),
        (10, "tables.deal", "'deals'"),
        (12, "tables.lead_journeys", "derived from 'leads'"),
        (15, "tables.deals.key", "'deal_id'"),
        (16, "tables.deals.columns", "required column 'created_at'"),
        (16, "tables.deals.columns", "required column 'deal_id'"),
        (17, "tables.deals.columns.deal_idd", "'deal_id'"),
        (18, "tables.deals.columns.stage.decimal", "'stage' is of the type text"),
        (18, "tables.deals.columns.stage.values.x", "'open'"),
        (19, "tables.deals.columns.amount", "either 'column'"),
        (19, "tables.deals.columns.amount.date_format", "money"),
        (19, "tables.deals.columns.amount.factor", "'abc'"),
        (20, "tables.deals.columns.won", "either 'column'"),
        (21, "tables.deals.columns.score", "empty"),
    ]
    assert sorted((line, key) for line, key, _ in found) == [(line, key) for line, key, _ in expected]
    for (line, key, what), (_, _, says) in zip(sorted(found), expected, strict=True):
        assert says in what, (line, key, what)


DEALS = "path: x.csv\ntables: {deals: {"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("path: x.csv\n", "", "'tables' is missing"),
        ("path: ' '\ntables: {leads: {columns: {lead_id: id}}}\n", "path", "empty"),
        ("path: $HEADWATER_SHARED_DATA/x\ntables: {leads: {columns: {lead_id: id}}}\n", "path", "in braces"),
        ("path: x.csv\ntables: {}\n", "tables", "no table"),
        ("path: x.csv\npth: y\ntables: {leads: {columns: {lead_id: id}}}\n", "pth", "'path'"),
        ("path: x.csv\nformat: xls\ntables: {leads: {columns: {lead_id: id}}}\n", "format", "'xlsx'"),
        ("path: x.csv\nencoding: rot13\ntables: {leads: {columns: {lead_id: id}}}\n", "encoding", "'rot13'"),
        ("path: x.csv\nseparator: ab\ntables: {leads: {columns: {lead_id: id}}}\n", "separator", "one character"),
        ("path: x.csv\ndecimal: ','\nthousands: ','\ntables: {leads: {columns: {lead_id: id}}}\n", "thousands", "same"),
        ("path: x.csv\nheader_row: 0\ntables: {leads: {columns: {lead_id: id}}}\n", "header_row", "1"),
        (
            "path: x.csv\ncomplete_through: 1.2.18\ntables: {leads: {columns: {lead_id: id}}}\n",
            "complete_through",
            "date",
        ),
        ("path: x.csv\ntables: {leads: {columns: {channel: id}}}\n", "tables.leads.columns", "key column 'lead_id'"),
        (
            "path: x.csv\ntables: {leads: {columns: {lead_id: id}, where: {column: t, values: []}}}\n",
            "tables.leads.where",
            "no values",
        ),
        (
            DEALS + "currency: EUR, columns: {deal_id: i, created_at: c, currency: u, amount: a}}}\n",
            "tables.deals.currency",
            "mapped already",
        ),
        (
            DEALS + "columns: {deal_id: i, created_at: c, won: {column: w, 'true': A, 'false': a}}}}\n",
            "tables.deals.columns.won.true",
            "both",
        ),
    ],
)
def test_single_faults(tmp_path: Path, text: str, key: str, says: str) -> None:
    ((_, found, what),) = faults(tmp_path, text)
    assert found == key
    assert says in what


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "late.yaml").write_text("path: x")
    with pytest.raises(DefinitionError) as e:
        sources(
            tmp_path, a="path: x\n", b="- x\n", **{"Bad-Name": "path: x\ntables: {leads: {columns: {lead_id: id}}}\n"}
        )
    assert [f.path for f in e.value.faults] == [
        "sources/Bad-Name.yml",
        "sources/a.yml",
        "sources/b.yml",
        "sources/late.yaml",
    ]


@pytest.mark.parametrize(
    ("every", "through", "fresh", "stale"),
    [
        ("day", date(2026, 10, 31), date(2026, 11, 8), date(2026, 11, 9)),  # what follows is the 1st
        ("week", date(2026, 11, 1), date(2026, 11, 15), date(2026, 11, 16)),  # the week of the 2nd to the 8th
        ("month", date(2026, 10, 31), date(2026, 12, 7), date(2026, 12, 8)),  # November
        ("month", date(2026, 11, 10), date(2026, 12, 7), date(2026, 12, 8)),  # the rest of November
        ("quarter", date(2026, 9, 30), date(2027, 1, 7), date(2027, 1, 8)),
        ("year", date(2025, 12, 31), date(2027, 1, 7), date(2027, 1, 8)),
    ],
)
def test_a_source_is_stale_a_week_after_its_next_delivery_ended(
    every: str, through: date, fresh: date, stale: date
) -> None:
    assert not is_stale(through, fresh, every)
    assert is_stale(through, stale, every)


def test_faults_of_several_columns_of_filled_rows_and_of_merged_ids(tmp_path: Path) -> None:
    text = """\
path: a.csv
tables:
  deals:
    key: [deal_id, stage]
    merged_from: merged
    until: end
    where: {column: won, values: [x], filled: true}
    columns:
      deal_id: {column: id, columns: [a, b]}
      stage: {columns: [a, b], take: last}
      created_at: c
"""
    assert (10, "tables.deals.columns.stage.take") in [(line, key) for line, key, _ in faults(tmp_path, text)]
    found = faults(tmp_path, text.replace("take: last", "take: first"))
    assert [(line, key) for line, key, _ in found] == [
        (9, "tables.deals.columns.deal_id"), (6, "tables.deals.until"), (5, "tables.deals.merged_from"),
        (7, "tables.deals.where"),
    ]  # fmt: skip


def test_several_columns_filled_rows_and_merged_ids(tmp_path: Path) -> None:
    text = """\
path: a.csv
tables:
  leads:
    merged_from: {column: merged, separator: "|"}
    updated_at: start
    until: end
    where: {column: won, filled: true}
    columns: {lead_id: {columns: [a, b], join: "-"}, channel: {columns: [c, d], take: first}}
"""
    (table,) = sources(tmp_path, crm=text)["crm"].tables
    assert table == TableMapping(
        "leads",
        (
            ColumnMapping("lead_id", columns=("a", "b"), join="-"),
            ColumnMapping("channel", columns=("c", "d"), take="first"),
        ),
        updated_at="start",
        until="end",
        where_column="won",
        where_filled=True,
        merged_from="merged",
        merged_separator="|",
    )
