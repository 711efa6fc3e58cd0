"""What a mapping says of columns, rows and tables, and how the rows of a file are accounted for."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.errors import SourceError
from headwater.model.table import Column, Table
from headwater.model.types import ID, TEXT, TIME
from tests.connectors.load import DEALS, load, mapping

ACCOUNTS = Table(
    "accounts",
    "Accounts",
    "one row per account",
    "account",
    ("account_id",),
    (Column("account_id", ID, required=True), Column("name", TEXT), Column("created_at", TIME)),
)
CONTACTS = Table(
    "contacts",
    "Contacts",
    "one row per contact",
    "contact",
    ("contact_id",),
    (Column("contact_id", ID, required=True), Column("account_id", ID, refers="accounts"), Column("score", TEXT)),
)


# --- texts -----------------------------------------------------------------------------------------------------------
def test_ids_are_texts_with_their_zeros_and_without_their_spaces(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id\n00123\n123\n 0123 \n1.0\n1e5\n", mapping(DEALS, "deal_id"))
    assert loaded.column("deal_id") == ["00123", "123", "0123", "1.0", "1e5"]


def test_the_system_stands_before_ids_and_before_nothing_else(tmp_path: Path) -> None:
    mapped = mapping(CONTACTS, "contact_id", "account_id", "score", _merged_into="winner")
    content = "contact_id,account_id,score,winner\n1,A,x,2\n2,,y,\n"
    rows = load(tmp_path, content, mapped, tables=(CONTACTS,), system="crm").rows
    assert [(r["contact_id"], r["account_id"], r["score"], r["_merged_into"]) for r in rows] == [
        ("crm:1", "crm:A", "x", "crm:2"),
        ("crm:2", None, "y", None),
    ]


def test_texts_are_kept_as_written_and_white_space_alone_is_no_value(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'deal_id,account\n1," a "\n2,"   "\n3,\n4,=1+1\n', mapping(DEALS, "deal_id", "account"))
    assert loaded.column("account") == [" a ", None, None, "=1+1"]


def test_texts_that_mean_no_value(tmp_path: Path) -> None:
    content = "deal_id,account,score\n1,N/A,-\n2,-,N/A\n"
    loaded = load(
        tmp_path,
        content,
        mapping(DEALS, "deal_id", "account", score={"column": "score", "empty": ("-",)}),
        empty=("", "N/A"),
    )
    assert [(r["account"], r["score"]) for r in loaded.rows] == [(None, None)]
    assert loaded.codes == [(2, "score", "bad_number")]


def test_a_constant_stands_in_every_row(tmp_path: Path) -> None:
    mapped = mapping(
        DEALS, "deal_id", stage={"constant": "won"}, amount={"constant": "1.50"}, currency={"constant": "usd"},
        created_on={"constant": "2025-01-15"}, won={"constant": "yes"},
    )  # fmt: skip
    (row,) = load(tmp_path, "deal_id\n1\n", mapped).rows
    assert (row["stage"], row["amount"], row["currency"]) == ("won", Decimal("1.50"), "USD")
    assert (row["created_on"], row["won"]) == (date(2025, 1, 15), True)


def test_a_constant_is_written_as_the_source_file_is_not_as_the_data_are(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", amount={"constant": "1.50"}, created_on={"constant": "2025-01-15"})
    (row,) = load(tmp_path, "deal_id\n1\n", mapped, decimal=",", date_format="%d/%m/%Y", currency="EUR").rows
    assert (row["amount"], row["created_on"]) == (Decimal("1.50"), date(2025, 1, 15))


def test_a_value_list_may_fill_what_is_empty_and_name_currencies(tmp_path: Path) -> None:
    mapped = mapping(
        DEALS,
        "deal_id",
        "amount",
        stage={"column": "s", "values": (("", "unknown"),)},
        currency={"column": "c", "values": (("Euro", "eur"),)},
    )
    loaded = load(tmp_path, "deal_id,s,c,amount\n1,,Euro,5\n2,won,usd,6\n", mapped)
    assert (loaded.column("stage"), loaded.column("currency")) == (["unknown", "won"], ["EUR", "USD"])


def test_a_value_list_replaces_texts(tmp_path: Path) -> None:
    values = (("paid search", "paid_search"), ("none", None))
    content = "deal_id,s\n1,paid search\n2,none\n3,other\n4, paid search \n5,\n"
    keep = load(tmp_path, content, mapping(DEALS, "deal_id", stage={"column": "s", "values": values}))
    assert keep.column("stage") == ["paid_search", None, "other", "paid_search", None]
    strict = load(
        tmp_path, content, mapping(DEALS, "deal_id", stage={"column": "s", "values": values, "unlisted": "quarantine"})
    )
    assert strict.column("stage") == ["paid_search", None, "paid_search", None]
    assert strict.codes == [(3, "stage", "unknown_value")]


def test_a_value_list_comes_before_types(tmp_path: Path) -> None:
    mapped = mapping(
        DEALS,
        "deal_id",
        score={"column": "x", "values": (("high", "3"),)},
        won={"column": "x", "values": (("high", "true"), ("1", "false"))},
    )
    loaded = load(tmp_path, "deal_id,x\n1,high\n2,1\n", mapped)
    assert (loaded.column("score"), loaded.column("won")) == ([Decimal(3), Decimal(1)], [True, False])


def test_a_column_with_a_closed_list_takes_no_other_text(tmp_path: Path) -> None:
    table = Table("t", "", "", "", ("id",), (Column("id", ID), Column("stage", TEXT, values=("open", "won"))))
    loaded = load(tmp_path, "id,stage\n1,open\n2,Won\n3,\n", mapping(table, "id", "stage"), tables=(table,))
    assert loaded.column("stage") == ["open", None]
    assert loaded.codes == [(2, "stage", "unknown_value")]


def test_booleans(tmp_path: Path) -> None:
    texts = ["true", "FALSE", "t", "f", "Yes", "no", "Y", "N", "1", "0", "on", "off"]
    content = "deal_id,won\n" + "".join(f"{i},{t}\n" for i, t in enumerate([*texts, "", "ja"]))
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "won"))
    assert loaded.column("won") == [True, False] * 6 + [None]
    assert loaded.codes == [(14, "won", "bad_boolean")]
    said = mapping(DEALS, "deal_id", won={"column": "won", "true": ("ja",), "false": ("1",)})
    assert load(tmp_path, content, said).column("won") == [False, None, True]
    loud = mapping(DEALS, "deal_id", won={"column": "won", "true": ("Yes",), "false": ("NO",)})
    assert load(tmp_path, "deal_id,won\n1,Yes\n2,YES\n3,no\n", loud).column("won") == [True, True, False]


# --- rows ------------------------------------------------------------------------------------------------------------
def test_required_columns_and_keys_need_a_value(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "contact_id,account_id\n1,A\n,B\n  ,C\n",
        mapping(CONTACTS, "contact_id", "account_id"),
        tables=(CONTACTS,),
    )
    assert loaded.codes == [(2, "contact_id", "missing"), (3, "contact_id", "missing")]


def test_a_deleted_row_needs_its_key_alone(tmp_path: Path) -> None:
    table = Table("t", "", "", "", ("id",), (Column("id", ID), Column("name", TEXT, required=True)))
    content = "id,name,gone\n1,x,false\n2,,TRUE\n3,,no\n,,yes\n"
    loaded = load(tmp_path, content, mapping(table, "id", "name", _deleted="gone"), tables=(table,))
    assert [(r["id"], r["_deleted"]) for r in loaded.rows] == [("1", False), ("2", True)]
    assert loaded.codes == [(3, "name", "missing"), (4, "id", "missing")]


def test_declared_texts_of_deletion(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", _deleted="status", _deleted_values=("Archived",))
    loaded = load(tmp_path, "deal_id,status\n1,archived\n2,true\n", mapped)
    assert loaded.column("_deleted") == [True, False]


def test_the_time_of_change(tmp_path: Path) -> None:
    content = "deal_id,at\n1,2025-01-05T10:00:00+02:00\n2,\n3,soon\n"
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", _updated_at="at"))
    assert loaded.column("_updated_at") == [datetime(2025, 1, 5, 8), None]
    assert loaded.codes == [(3, "_updated_at", "bad_date")]
    assert loaded.draft.tables[0].has_updated_at


def test_one_file_feeds_several_tables_by_a_column(tmp_path: Path) -> None:
    content = "id,type,account,name\n1,Contact,A,x\nA,Account,,Acme\n2,Contact,A,y\n9,Lead,,z\nB,Account,,Beta\n"
    contacts = mapping(
        CONTACTS, contact_id="id", account_id="account", _where_column="type", _where_values=("Contact",)
    )
    accounts = mapping(ACCOUNTS, "name", account_id="id", _where_column="type", _where_values=("Account",))
    loaded = load(tmp_path, content, contacts, accounts, tables=(CONTACTS, ACCOUNTS))
    assert [r["contact_id"] for r in loaded.tables["contacts"]] == ["1", "2"]
    assert [(r["account_id"], r["name"], r["_row"]) for r in loaded.tables["accounts"]] == [
        ("A", "Acme", 2),
        ("B", "Beta", 5),
    ]
    assert dict(loaded.draft.skipped) == {"not_meant": 1}
    assert (loaded.draft.data_rows, loaded.draft.loaded) == (4, 4)


def test_one_row_feeds_two_tables_and_counts_once(tmp_path: Path) -> None:
    content = "id,account,name\n1,A,Acme\n2,A,Acme\n3,,\n4,B,Beta\n"
    contacts, accounts = (
        mapping(CONTACTS, contact_id="id", account_id="account"),
        mapping(ACCOUNTS, "name", account_id="account"),
    )
    loaded = load(tmp_path, content, contacts, accounts, tables=(CONTACTS, ACCOUNTS))
    assert [r["contact_id"] for r in loaded.tables["contacts"]] == ["1", "2", "3", "4"]
    assert [(r["account_id"], r["_row"]) for r in loaded.tables["accounts"]] == [("A", 1), ("B", 4)]
    assert (loaded.draft.data_rows, loaded.draft.loaded, loaded.draft.collapsed) == (4, 4, 0)


def test_a_row_that_one_table_refuses_is_in_none(tmp_path: Path) -> None:
    content = "id,account,name,at\n1,A,Acme,2025-01-01\n2,B,Beta,soon\n3,A,Other,2025-01-01\n4,C,Co,2025-01-02\n"
    contacts = mapping(CONTACTS, contact_id="id", account_id="account")
    accounts = mapping(ACCOUNTS, "name", account_id="account", created_at="at")
    loaded = load(tmp_path, content, contacts, accounts, tables=(CONTACTS, ACCOUNTS))
    assert [r["contact_id"] for r in loaded.tables["contacts"]] == ["4"]
    assert [r["account_id"] for r in loaded.tables["accounts"]] == ["C"]
    assert loaded.codes == [
        (1, "account_id", "duplicate_key"),
        (2, "created_at", "bad_date"),
        (3, "account_id", "duplicate_key"),
    ]
    assert (loaded.draft.data_rows, loaded.draft.loaded, loaded.draft.quarantined) == (4, 1, 3)


# --- repeated keys ---------------------------------------------------------------------------------------------------
def test_equal_rows_collapse_onto_the_first(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,account\n1,x\n2,y\n1,x\n 1 ,x\n2,y\n", mapping(DEALS, "deal_id", "account"))
    assert [(r["deal_id"], r["_row"]) for r in loaded.rows] == [("1", 1), ("2", 2)]
    assert loaded.draft.collapsed == 3


def test_rows_that_differ_where_nothing_is_mapped_are_equal(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,account,note\n1,x,a\n1,x,b\n", mapping(DEALS, "deal_id", "account"))
    assert (len(loaded.rows), loaded.draft.collapsed) == (1, 1)


def test_equal_keys_with_other_content_are_all_set_aside(tmp_path: Path) -> None:
    content = "deal_id,account\n1,x\n2,y\n1,z\n1,x\n"
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "account"))
    assert loaded.column("deal_id") == ["2"]
    assert loaded.codes == [(i, "deal_id", "duplicate_key") for i in (1, 3, 4)]
    assert [q["line"] for q in loaded.aside] == [2, 4, 5]
    assert [q["raw"] for q in loaded.aside] == ["1,x", "1,z", "1,x"]


def test_versions_stay_and_contradictions_at_one_time_go(tmp_path: Path) -> None:
    content = (
        "deal_id,account,at\n"
        "1,x,2025-01-01\n1,y,2025-01-02\n1,x,2025-01-01\n"  # two versions, one of them twice
        "2,x,2025-01-01\n2,y,2025-01-01\n2,z,2025-01-03\n"  # a contradiction and a later version
    )
    loaded = load(tmp_path, content, mapping(DEALS, "deal_id", "account", _updated_at="at"))
    assert [(r["deal_id"], r["account"], r["_row"]) for r in loaded.rows] == [
        ("1", "x", 1),
        ("1", "y", 2),
        ("2", "z", 6),
    ]
    assert loaded.codes == [(4, "deal_id", "conflicting_key"), (5, "deal_id", "conflicting_key")]
    assert loaded.draft.collapsed == 1


def test_a_key_of_several_columns(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", "stage", "account", _key=("deal_id", "stage"))
    loaded = load(tmp_path, "deal_id,stage,account\n1,a,x\n1,b,x\n1,a,y\n", mapped)
    assert [r["_row"] for r in loaded.rows] == [2]


def test_refused_rows_do_not_count_as_repeats(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,score\n1,abc\n1,5\n", mapping(DEALS, "deal_id", "score"))
    assert [r["_row"] for r in loaded.rows] == [2]
    assert loaded.codes == [(1, "score", "bad_number")]


# --- the whole file --------------------------------------------------------------------------------------------------
def test_a_source_may_refuse_bad_rows(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="2 rows cannot be loaded") as e:
        load(tmp_path, "deal_id,score\n1,a\n2,5\n3,b\n", mapping(DEALS, "deal_id", "score"), on_bad_rows="refuse")
    assert e.value.code == "bad_rows"
    assert ":2, row 1, column 'score'" in e.value.where


def test_complete_through(tmp_path: Path) -> None:
    content = "deal_id,created_on,created_at\n1,2025-01-15,2025-03-01 10:00:00\n2,2025-02-01,2025-01-01\n3,,\n"
    mapped = mapping(DEALS, "deal_id", "created_on", "created_at")
    assert load(tmp_path, content, mapped).draft.complete_through == date(2025, 2, 1)
    assert load(tmp_path, content, mapped, complete_column="created_at").draft.complete_through == date(2025, 3, 1)
    assert load(tmp_path, content, mapped, complete_through=date(2025, 1, 31)).draft.complete_through == date(
        2025, 1, 31
    )
    landed = load(tmp_path, content, mapped).draft.tables[0]
    assert (landed.first_day, landed.last_day) == (date(2025, 1, 15), date(2025, 2, 1))


def test_dates_in_the_future_complete_nothing(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,created_on\n1,2025-01-15\n2,2099-01-01\n", mapping(DEALS, "deal_id", "created_on"))
    assert loaded.draft.complete_through == date(2025, 1, 15)
    assert loaded.warnings == {"future_dates"}
    assert loaded.draft.tables[0].last_day == date(2099, 1, 1)


def test_no_date_completes_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "deal_id\n1\n", mapping(DEALS, "deal_id")).draft.complete_through is None


def test_the_draft_names_what_was_read(tmp_path: Path) -> None:
    content = "deal_id,account,note\n1,x,\n"
    first = load(tmp_path, content, mapping(DEALS, "deal_id", "account")).draft
    assert (first.source, first.full, first.path) == ("deals", False, str(tmp_path / "deals.csv"))
    assert first.tables[0].columns == ("deal_id", "account")
    assert first.warnings == ("unmapped_columns: not used: 'note'",)
    other_content = load(tmp_path, content + "2,y,\n", mapping(DEALS, "deal_id", "account")).draft
    assert other_content.content != first.content
    assert other_content.mapping == first.mapping
    other_mapping = load(tmp_path, content, mapping(DEALS, "deal_id"), load="full").draft
    assert (other_mapping.content, other_mapping.mapping != first.mapping, other_mapping.full) == (
        first.content,
        True,
        True,
    )


def test_every_column_at_fault_is_named(tmp_path: Path) -> None:
    loaded = load(tmp_path, "deal_id,score,created_on\n1,x,soon\n", mapping(DEALS, "deal_id", "score", "created_on"))
    assert [q["column"] for q in loaded.aside] == ["score"]
    assert "at fault too: created_on" in loaded.aside[0]["reason"]


# --- personal data ---------------------------------------------------------------------------------------------------
PEOPLE = Table(
    "people", "", "", "person", ("id",),
    (
        Column("id", ID, personal=True), Column("email", TEXT, personal=True), Column("born", TIME, personal=True),
        Column("score", TEXT),
    ),
)  # fmt: skip


def test_personal_cells_are_in_the_quarantine_and_in_no_report(tmp_path: Path) -> None:
    bad = ('secret-1;"s;e@x.example";soon;7', "secret-2;short", "secret-3;a;;1", "secret-3;b;;1", 'secret-4;"open')
    content = "\n".join(["id;email;born;score", *bad, ""])
    loaded = load(tmp_path, content, mapping(PEOPLE, "id", "email", "born", "score"), tables=(PEOPLE,))
    assert [q["raw"].split(";")[0] for q in loaded.aside] == [
        "secret-1",
        "secret-2",
        "secret-3",
        "secret-3",
        "secret-4",
    ]
    assert loaded.draft.quarantined == 5
    told = repr((loaded.draft.examples, loaded.draft.warnings, [q["reason"] for q in loaded.aside]))
    for cell in ("secret", "s;e@x", "soon", "short", "open\\n"):
        assert cell not in told
    assert loaded.draft.examples[0].raw == "***;***;***;7"


@pytest.mark.parametrize(
    ("born", "code"),
    [(("01/02/2025", "03/04/2025"), "ambiguous_date"), (("2025-01-01", "31.12.2025"), "ambiguous_date")],
)
def test_personal_cells_are_in_no_refusal(tmp_path: Path, born: tuple[str, str], code: str) -> None:
    content = "id,email,born,score\n" + "".join(f"{i},x,{b},1\n" for i, b in enumerate(born))
    with pytest.raises(SourceError) as e:
        load(tmp_path, content, mapping(PEOPLE, "id", "email", "born", "score"), tables=(PEOPLE,))
    assert e.value.code == code
    assert not any(b in str(e.value) for b in born)


# --- several columns, lists of ids, optional parts of a key ----------------------------------------------------------
def test_several_columns_are_put_together_in_their_order(tmp_path: Path) -> None:
    content = "id,first,last,day,hour\n1,Ada, King ,2026-01-05,09:30\n2,Bo,,2026-01-06,10:00\n3,, ,,\n"
    columns = {"account": {"columns": ("first", "last")}, "created_at": {"columns": ("day", "hour"), "join": "T"}}
    loaded = load(tmp_path, content, mapping(DEALS, deal_id="id", **columns), date_format="iso")
    assert loaded.column("account") == ["Ada King", "Bo", None]
    assert loaded.column("created_at") == [datetime(2026, 1, 5, 9, 30), datetime(2026, 1, 6, 10), None]
    assert loaded.warnings == set()


def test_values_are_those_of_the_whole_text_and_faults_name_every_header(tmp_path: Path) -> None:
    status = {"columns": ("closed", "won"), "join": "/", "values": (("1/1", "won"), ("0/0", "open"))}
    content = "id,closed,won\n1,1,1\n2,0,0\n3,1,\n"
    loaded = load(tmp_path, content, mapping(DEALS, deal_id="id", stage={**status, "unlisted": "quarantine"}))
    assert loaded.column("stage") == ["won", "open"]
    assert [(q["row"], q["column"], q["reason"]) for q in loaded.aside] == [
        (3, "stage", "'1/' in 'closed + won' is not one of the allowed texts")
    ]


def test_a_refusal_for_two_readings_names_every_header(tmp_path: Path) -> None:
    mapped = mapping(DEALS, deal_id="id", created_at={"columns": ("day", "hour")})
    with pytest.raises(SourceError, match=r"day \+ hour"):
        load(tmp_path, "id,day,hour\n1,03/04/2026,09:30\n", mapped)


def test_of_several_columns_the_first_that_is_filled_in_the_row(tmp_path: Path) -> None:
    content = "id,won_on,lost_on\n1,2026-01-05,\n2, ,2026-01-06\n3,2026-01-07,2026-01-08\n4,,\n"
    closed = {"columns": ("won_on", "lost_on"), "take": "first"}
    loaded = load(tmp_path, content, mapping(DEALS, deal_id="id", created_on=closed), date_format="iso")
    assert loaded.column("created_on") == [date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7), None]


def test_the_cells_of_several_personal_columns_are_masked(tmp_path: Path) -> None:
    mapped = mapping(DEALS, deal_id="id", email={"columns": ("name", "host"), "join": "@"}, score="score")
    loaded = load(tmp_path, "id,name,host,score\n1,ada,example.com,x\n", mapped)
    assert [q.raw for q in loaded.draft.examples] == ["1,***,***,x"]


def test_a_header_of_several_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column 'second'"):
        load(tmp_path, "id,first\n1,a\n", mapping(DEALS, deal_id="id", account={"columns": ("first", "second")}))


def test_rows_with_any_text_belong_to_a_table(tmp_path: Path) -> None:
    mapped = mapping(DEALS, deal_id="id", _where_column="won_on", _where_filled=True)
    loaded = load(tmp_path, "id,won_on\n1,x\n2, \n3,\n", mapped)
    assert (loaded.column("deal_id"), dict(loaded.draft.skipped)) == (["1"], {"not_meant": 2})


def test_a_list_of_merged_ids_leads_each_to_the_row_and_counts_no_row(tmp_path: Path) -> None:
    content = "id,score,merged\n1,a,7;8; 9 ;\n2,b,\n3,c,3\n1,a,7;8; 9 ;\n4,x,\n4,y,5\n"
    mapped = mapping(CONTACTS, contact_id="id", score="score", _merged_from="merged")
    loaded = load(tmp_path, content, mapped, tables=(CONTACTS,), system="crm")
    assert (loaded.draft.data_rows, loaded.draft.loaded, loaded.draft.collapsed) == (6, 3, 1)
    assert loaded.codes == [(5, "contact_id", "duplicate_key"), (6, "contact_id", "duplicate_key")]
    rows = [(r["contact_id"], r["score"], r["_merged_into"]) for r in loaded.rows]
    assert rows == [
        ("crm:1", "a", None), ("crm:2", "b", None), ("crm:3", "c", None),
        ("crm:7", None, "crm:1"), ("crm:8", None, "crm:1"), ("crm:9", None, "crm:1"),
    ]  # fmt: skip
    assert len({r["_row"] for r in loaded.rows}) == 6


def test_a_part_of_the_key_that_is_optional_may_be_unmapped_or_empty(tmp_path: Path) -> None:
    days = Table(
        "days", "", "", "day", ("deal_id", "part"),
        (Column("deal_id", ID, required=True), Column("part", TEXT, optional=True), Column("score", TEXT)),
    )  # fmt: skip
    content = "deal_id,part,score\n1,,a\n1,x,b\n1,x,b\n2,,a\n2,,b\n"
    loaded = load(tmp_path, content, mapping(days, "deal_id", "part", "score"), tables=(days,))
    assert [(r["deal_id"], r["part"]) for r in loaded.rows] == [("1", None), ("1", "x")]
    assert [row for row, *_ in loaded.codes] == [4, 5]
    alone = load(tmp_path, "deal_id,score\n1,a\n2,b\n", mapping(days, "deal_id", "score"), tables=(days,))
    assert alone.column("deal_id") == ["1", "2"]


def test_a_key_whose_last_state_ended_is_deleted_then_and_counts_no_row(tmp_path: Path) -> None:
    """1 goes on, 2 ended, 3 ends ahead, 4 came back, 5 ended and is set aside for the other content of its twin."""
    content = (
        "id,score,start,end\n1,a,2026-01-01 00:00:00,2026-01-31 23:59:59\n1,b,2026-02-01 00:00:00,9999-12-31 23:59:59\n"
        "2,a,2026-01-01 00:00:00,2026-01-31 23:59:59\n2,b,2026-02-01 00:00:00,2026-03-01 12:00:00\n"
        "3,a,2026-01-01 00:00:00,2050-01-01 00:00:00\n4,a,2026-01-01 00:00:00,2026-01-31 23:59:59\n"
        "4,b,2026-03-01 00:00:00,\n5,a,2026-01-01 00:00:00,2026-01-31 23:59:59\n"
        "5,b,2026-01-01 00:00:00,2026-01-31 23:59:59\n"
    )
    mapped = mapping(DEALS, deal_id="id", account="score", _updated_at="start", _until="end")
    loaded = load(tmp_path, content, mapped, date_format="iso")
    assert (loaded.draft.data_rows, loaded.draft.loaded, loaded.draft.quarantined) == (9, 7, 2)
    assert loaded.warnings == set()
    ended = [r for r in loaded.rows if r["_deleted"]]
    assert [(r["deal_id"], r["account"], r["_updated_at"]) for r in ended] == [("2", None, datetime(2026, 3, 1, 12))]


def test_an_end_that_is_no_date_sets_the_row_aside(tmp_path: Path) -> None:
    mapped = mapping(DEALS, deal_id="id", _updated_at="start", _until="end")
    loaded = load(tmp_path, "id,start,end\n1,2026-01-01,soon\n", mapped, date_format="iso")
    assert loaded.codes == [(1, "_until", "bad_date")]


# --- books -----------------------------------------------------------------------------------------------------------
SCORES = "deal_id,plus,minus,account\n"


def scores(tmp_path: Path, rows: str, **named: object) -> list[object]:
    score = {"columns": ("plus", "minus"), "take": "difference", **named}
    return load(tmp_path, SCORES + rows, mapping(DEALS, "deal_id", score=score)).column("score")


def test_a_difference_is_exact_and_what_is_empty_counts_nothing(tmp_path: Path) -> None:
    rows = "1,0.3,0.1,\n2,,0.25,\n3,7,,\n4,,,\n5,0,0,\n"
    assert scores(tmp_path, rows) == [Decimal(t) if t else None for t in ("0.2", "-0.25", "7", "", "0")]


def test_both_columns_of_a_difference_show_its_marks(tmp_path: Path) -> None:
    """'1,234' alone could be either; the other column proves the comma."""
    assert scores(tmp_path, '1,"1,234","0,50",\n') == [Decimal("0.734")]
    with pytest.raises(SourceError, match=r"column 'plus \+ minus': '1,234' \(row 1\) can be read as two numbers"):
        scores(tmp_path, '1,"1,234",,\n')


def test_a_difference_that_cannot_be_read_or_kept_sets_its_row_aside(tmp_path: Path) -> None:
    large = "9" * 12
    loaded = load(
        tmp_path,
        SCORES + f"1,x,1,\n2,1,y,\n3,{large},-{large},\n4,2,1,\n",
        mapping(DEALS, "deal_id", score={"columns": ("plus", "minus"), "take": "difference"}),
    )
    assert [(row, code) for row, _, code in loaded.codes] == [(1, "bad_number"), (2, "bad_number"), (3, "out_of_range")]
    assert loaded.column("score") == [Decimal(1)]


def test_the_sign_turns_by_another_column(tmp_path: Path) -> None:
    turned = {"column": "plus", "negate": "account", "negate_values": ("out",), "negate_starts": ("6",)}
    rows = "1,5,,out\n2,5,,607\n3,5,,706\n4,5,,\n5,5,,outer\n"
    loaded = load(tmp_path, SCORES + rows, mapping(DEALS, "deal_id", score=turned))
    assert loaded.column("score") == [Decimal(n) for n in (-5, -5, 5, 5, 5)]


def test_values_may_be_beginnings_of_which_the_longest_counts(tmp_path: Path) -> None:
    account = {
        "column": "account",
        "match": "start",
        "unlisted": "quarantine",
        "values": (("60", "goods"), ("606", "supplies"), ("6", "cost")),
    }
    rows = "1,,,606300\n2,,,607000\n3,,,641\n4,,,706\n5,,,\n"
    loaded = load(tmp_path, SCORES + rows, mapping(DEALS, "deal_id", account=account))
    assert loaded.column("account") == ["supplies", "goods", "cost", None]
    assert [(row, code) for row, _, code in loaded.codes] == [(4, "unknown_value")]


def test_rows_may_belong_to_a_table_by_the_beginning_of_a_text(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", _where_column="account", _where_starts=("6", "70"))
    loaded = load(tmp_path, SCORES + "1,,,60\n2,,,706\n3,,,76\n4,,,\n", mapped)
    assert (loaded.column("deal_id"), dict(loaded.draft.skipped)) == (["1", "2"], {"not_meant": 2})


def test_equal_rows_without_a_key_stay_apart_by_their_number(tmp_path: Path) -> None:
    """Numbers follow the texts, not the chunks or the order of other rows; rows for another table do not count."""
    ids = {"columns": ("deal_id", "plus"), "join": "/", "numbered": True}
    rows = "a,1,,x\nb,1,,x\na,1,,x\na,1,,y\na,2,,x\na,1,,x\n"
    mapped = mapping(DEALS, deal_id=ids, _where_column="account", _where_values=("x",))
    assert load(tmp_path, SCORES + rows, mapped).column("deal_id") == ["a/1", "b/1", "a/1 2", "a/2", "a/1 3"]
