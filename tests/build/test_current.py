"""What a table holds after loads: the last word on each key, and nothing that was deleted, merged or left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from headwater.model.landing import Erasure
from headwater.model.table import ByValue
from tests.build.conftest import NewWorld
from tests.build.paper import PaperWorld
from tests.build.world import START, digests, table

LEADS = table("leads", "lead_id id, name text, created_at time", "lead_id", event="created_at")
DEALS = table("deals", "deal_id id, lead_id id, amount money", "deal_id", more={"lead_id": {"refers": "leads"}})


def test_a_row_is_as_the_source_last_changed_it(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "a", "name": "new", "updated": "2025-12-05 10:00"}])
    world.load(leads=[{"lead_id": "a", "name": "old", "updated": "2025-12-04 10:00"}])
    world.build()
    assert world.rows("leads", "lead_id", "name") == [("a", "new")]


def test_where_no_source_says_when_the_later_load_counts(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "a", "name": "first"}])
    world.load(leads=[{"lead_id": "a", "name": "second"}, {"lead_id": "b", "name": "only"}])
    world.build()
    assert world.rows("leads", "lead_id", "name") == [("a", "second"), ("b", "only")]


def test_a_row_that_says_when_it_changed_counts_before_one_that_does_not(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "a", "name": "dated", "updated": "2020-01-01 00:00"}])
    world.load("erp", leads=[{"lead_id": "a", "name": "undated"}])
    world.build()
    assert world.rows("leads", "name", "_source") == [("dated", "crm")]


def test_a_deleted_row_is_gone_until_a_later_change_brings_it_back(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "a", "name": "there", "updated": "2025-12-01 00:00"}])
    world.build()
    world.load(leads=[{"lead_id": "a", "deleted": True, "updated": "2025-12-02 00:00"}])
    world.build()
    assert world.rows("leads", "lead_id") == []
    world.load(leads=[{"lead_id": "a", "name": "late news", "updated": "2025-12-01 12:00"}])
    world.build()
    assert world.rows("leads", "lead_id") == []
    world.load(leads=[{"lead_id": "a", "name": "back", "updated": "2025-12-03 00:00"}])
    world.build()
    assert world.rows("leads", "name") == ["back"]


@pytest.mark.parametrize("updated", [{}, {"updated": "2025-12-01 00:00"}])
def test_a_full_load_deletes_what_it_lacks_and_an_incremental_one_brings_it_back(
    new_world: NewWorld, updated: dict[str, str]
) -> None:
    world = new_world(LEADS)
    world.load(full=True, leads=[{"lead_id": "a", "name": "a1"} | updated, {"lead_id": "b", "name": "b1"} | updated])
    world.build()
    world.load("other", leads=[{"lead_id": "c", "name": "c1"} | updated])
    world.load(full=True, leads=[{"lead_id": "b", "name": "b1"} | updated])
    world.build()
    assert world.rows("leads", "lead_id") == ["b", "c"]  # c is another source's
    world.load(leads=[{"lead_id": "a", "name": "a2"} | updated])
    generation = world.build()
    assert world.rows("leads", "lead_id", "name") == [("a", "a2"), ("b", "b1"), ("c", "c1")]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_the_files_of_one_full_load_are_one_load(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(full=True, part_of="monday", leads=[{"lead_id": "a", "name": "a1"}])
    world.load(full=True, part_of="monday", leads=[{"lead_id": "b", "name": "b1"}])
    world.build()
    assert world.rows("leads", "lead_id") == ["a", "b"]
    world.load(full=True, part_of="tuesday", leads=[{"lead_id": "a", "name": "a1"}])
    world.load(full=True, part_of="tuesday", leads=[{"lead_id": "c", "name": "c1"}])
    world.build()
    assert world.rows("leads", "lead_id") == ["a", "c"]


@pytest.mark.parametrize("full", [True, False])
def test_a_load_counts_once_all_of_its_files_are_there(new_world: NewWorld, full: bool) -> None:
    world = new_world(LEADS, DEALS)
    world.load(full=full, leads=[{"lead_id": "a", "name": "a"}, {"lead_id": "x", "name": "x"}])
    world.load(full=full, part_of="monday", leads=[{"lead_id": "b", "name": "b"}, {"lead_id": "a", "merged": "b"}])
    world.load("erp", deals=[{"deal_id": "1", "lead_id": "a"}])
    world.build(but={2})  # the rest of Monday's load did not arrive yet
    assert world.rows("leads", "lead_id") == ["a", "x"]
    assert world.rows("deals", "lead_id") == ["a"]
    world.load(full=full, part_of="monday", leads=[{"lead_id": "c", "name": "c"}])
    generation = world.build()
    assert world.rows("leads", "lead_id") == (["b", "c"] if full else ["b", "c", "x"])
    assert world.rows("deals", "lead_id") == ["b"]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_merged_ids_lead_to_the_last_survivor_wherever_they_are_named(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS)
    world.load(
        leads=[{"lead_id": k, "name": k} for k in "abc"],
        deals=[{"deal_id": "1", "lead_id": "a", "amount": "10"}, {"deal_id": "2", "lead_id": "b", "amount": "20"}],
    )
    world.build()
    world.load(leads=[{"lead_id": "a", "merged": "b"}])
    world.build()
    assert world.rows("leads", "lead_id") == ["b", "c"]
    assert world.rows("deals", "deal_id", "lead_id") == [("1", "b"), ("2", "b")]
    world.load(leads=[{"lead_id": "b", "merged": "c", "deleted": True}])
    world.build()
    assert world.rows("leads", "lead_id") == ["c"]
    assert world.rows("deals", "deal_id", "lead_id") == [("1", "c"), ("2", "c")]
    world.load(leads=[{"lead_id": "b", "name": "apart again"}])
    world.build()
    assert world.rows("deals", "deal_id", "lead_id") == [("1", "b"), ("2", "b")]
    world.load(leads=[{"lead_id": "a", "name": "apart too"}])  # nothing is merged any more
    world.build()
    assert world.rows("deals", "deal_id", "lead_id") == [("1", "a"), ("2", "b")]


STAGES = table(
    "stages",
    "kind text, subject_id id, stage text, entered_at time, amount integer",
    "kind subject_id stage entered_at",
    event="entered_at",
    partition="entered_at",
    more={"subject_id": {"refers": ByValue("kind", (("lead", "leads"), ("deal", "deals")))}},
)


def entry(kind: str, subject: str, amount: int, **more: str) -> dict[str, object]:
    return {
        "kind": kind, "subject_id": subject, "stage": "mql", "entered_at": "2025-12-01 10:00", "amount": amount
    } | more  # fmt: skip


def test_what_an_id_names_is_told_by_another_column(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS, STAGES)
    entries = [entry(kind, subject, 1) for kind in ("lead", "deal", "visit") for subject in ("a", "b")]
    later = [entry("lead", "a", 9, entered_at="2025-12-03 10:00")]
    world.load(leads=[{"lead_id": k} for k in "abc"], deals=[{"deal_id": k} for k in "abc"], stages=entries + later)
    world.build()
    world.load(leads=[{"lead_id": "a", "merged": "c"}])
    world.load(deals=[{"deal_id": "b", "merged": "a"}])
    generation = world.build()
    assert world.rows("stages", "kind", "subject_id") == [
        ("deal", "a"), ("lead", "b"), ("lead", "c"), ("lead", "c"), ("visit", "a"), ("visit", "b"),
    ]  # fmt: skip
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)
    world.load(leads=[{"lead_id": "a", "name": "apart again"}])
    generation = world.build()
    assert world.rows("stages", "kind", "subject_id") == [
        ("deal", "a"), ("lead", "a"), ("lead", "a"), ("lead", "b"), ("visit", "a"), ("visit", "b"),
    ]  # fmt: skip
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_of_rows_that_merges_give_one_key_the_newer_counts_then_the_later_load(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS, STAGES)
    world.load(stages=[entry("lead", "a", 1), entry("lead", "b", 2)])
    world.build()
    world.load(leads=[{"lead_id": "b"}, {"lead_id": "a", "merged": "b"}])
    world.build()
    assert world.rows("stages", "subject_id", "amount") == [("b", 2)]
    world.load(stages=[entry("lead", "a", 3)])
    world.build()
    assert world.rows("stages", "subject_id", "amount") == [("b", 3)]
    world.load(stages=[entry("lead", "b", 4, updated="2025-12-05 00:00")])
    world.load(stages=[entry("lead", "a", 5, updated="2025-12-04 00:00")])
    generation = world.build()
    assert world.rows("stages", "subject_id", "amount") == [("b", 4)]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_the_order_of_rows_in_a_full_load_decides_alike_step_by_step_and_anew(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS, STAGES)
    world.load("merges", leads=[{"lead_id": "b"}, {"lead_id": "a", "merged": "b"}])
    world.load(full=True, stages=[entry("lead", "a", 1), entry("lead", "b", 2)])
    world.build()
    world.load(full=True, stages=[entry("lead", "b", 2), entry("lead", "a", 1)])
    generation = world.build()
    assert world.rows("stages", "subject_id", "amount") == [("b", 1)]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_in_a_circle_of_merges_the_newest_statement_holds(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS)
    world.load(
        leads=[
            {"lead_id": "a", "name": "a", "merged": "b", "updated": "2025-12-01 00:00"},
            {"lead_id": "b", "name": "b", "merged": "c", "updated": "2025-12-02 00:00"},
            {"lead_id": "c", "name": "c", "merged": "a", "updated": "2025-12-03 00:00"},
            {"lead_id": "d", "name": "d", "merged": "d", "updated": "2025-12-03 00:00"},  # into itself: nothing
        ],
        deals=[{"deal_id": k, "lead_id": k} for k in "abcd"],
    )
    world.build()
    assert world.rows("leads", "lead_id", "name") == [("a", "a"), ("d", "d")]  # a into b was said first
    assert world.rows("deals", "lead_id") == ["a", "a", "a", "d"]


def test_after_an_erasure_everything_is_built_from_what_is_left() -> None:
    world = PaperWorld({"leads": LEADS, "deals": DEALS})
    world.load(leads=[{"lead_id": k, "name": k} for k in "ab"], deals=[{"deal_id": "1", "lead_id": "a"}])
    before = world.build()
    world.entries.append(Erasure(2, "a salted hash", START, 1))
    world.lines["leads"] = [r for r in world.lines["leads"] if r["lead_id"] != "a"]
    after = world.build()
    assert world.rows("leads", "lead_id") == ["b"]
    assert after.journal == 2
    assert after.table("deals") == before.table("deals")
    assert world.build(anew=True, publishing=False).tables == after.tables


def test_a_key_of_several_columns_may_be_empty_in_part(new_world: NewWorld) -> None:
    ad_days = table("ad_days", "day day, group text, spend money", "day group", partition="day", event="day")
    world = new_world(ad_days)
    world.load(ad_days=[{"day": "2025-12-01", "spend": "1"}, {"day": "2025-12-01", "group": "x", "spend": "2"}])
    world.build()
    world.load(ad_days=[{"day": "2025-12-01", "spend": "3"}, {"day": "2025-12-02", "spend": "4"}])
    generation = world.build()
    found = world.rows("ad_days", "day", "group", "spend")
    assert [(str(d), g, int(s)) for d, g, s in found] == [
        ("2025-12-01", None, 3),
        ("2025-12-01", "x", 2),
        ("2025-12-02", None, 4),
    ]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_a_table_is_complete_through_what_its_sources_say_or_deliver(new_world: NewWorld) -> None:
    world = new_world(LEADS, DEALS)
    world.load("web", leads=[{"lead_id": "a", "created_at": "2025-12-05"}])
    world.load("web", leads=[{"lead_id": "b", "created_at": "2025-12-03"}])
    world.load("crm", complete=date(2025, 11, 30), leads=[{"lead_id": "c", "created_at": "2025-12-09"}], deals=[])
    world.load("far", leads=[{"lead_id": "d", "created_at": "2031-01-01"}])  # nothing is confirmed beyond its loading
    generation = world.build()
    leads, deals = generation.table("leads"), generation.table("deals")
    assert leads is not None and deals is not None
    assert leads.complete_through == (
        ("crm", date(2025, 11, 30)),
        ("far", date(2026, 1, 1)),
        ("web", date(2025, 12, 5)),
    )
    assert deals.complete_through == (("crm", date(2025, 11, 30)),)
    assert (leads.first_day, leads.last_day) == (date(2025, 12, 3), date(2031, 1, 1))
    world.load("web", complete=date(2025, 12, 20), deals=[])
    again = world.build()
    assert again.table("leads") == leads
    assert again.table("deals") == replace(
        deals, complete_through=(("crm", date(2025, 11, 30)), ("web", date(2025, 12, 20)))
    )


def test_currencies_are_those_of_the_rows_that_are_left(new_world: NewWorld) -> None:
    orders = table(
        "orders", "order_id id, amount money, money_of text", "order_id", more={"amount": {"currency": "money_of"}}
    )
    world = new_world(orders)
    world.load(
        orders=[
            {"order_id": "1", "amount": "5", "money_of": "EUR"},
            {"order_id": "2", "amount": "5", "money_of": "USD"},
        ]
    )
    assert world.build().tables[0].currencies == ("EUR", "USD")
    world.load(orders=[{"order_id": "2", "amount": "5", "money_of": "GBP"}])
    assert world.build().tables[0].currencies == ("EUR", "GBP")
