"""Earlier states of a row: from when until when each held, by the source's clock or else by ours."""

from __future__ import annotations

from tests.build.conftest import AnyWorld, NewWorld
from tests.build.world import table

ACCOUNTS = table("accounts", "account_id id, region text, parent_id id", "account_id", versions=True,
                 more={"parent_id": {"refers": "accounts"}})  # fmt: skip
EVERY = ("account_id", "region", "_valid_from", "_valid_to", "_observed")


def states(world: AnyWorld) -> list[tuple[str, str, str, str, bool]]:
    """Key, region, from, until, observed; times as `12-01 00` (loads are at 13, 14, ... of 01-01)."""
    return [
        (k, r, f"{a:%m-%d %H}", f"{b:%m-%d %H}" if b else "", o)
        for k, r, a, b, o in world.rows("accounts__versions", *EVERY)
    ]


def test_each_change_by_the_sources_clock_is_a_version(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    world.load(
        accounts=[
            {"account_id": "a", "region": "south", "updated": "2025-12-03 00:00"},
            {"account_id": "a", "region": "north", "updated": "2025-12-01 00:00"},
        ]
    )
    world.build()
    assert states(world) == [("a", "north", "12-01 00", "12-03 00", False), ("a", "south", "12-03 00", "", False)]
    world.load(accounts=[{"account_id": "a", "region": "west", "updated": "2025-12-02 00:00"}])  # late
    world.load(accounts=[{"account_id": "a", "region": "south", "updated": "2025-12-04 00:00"}])  # changes nothing
    world.build()
    assert states(world) == [
        ("a", "north", "12-01 00", "12-02 00", False),
        ("a", "south", "12-03 00", "", False),
        ("a", "west", "12-02 00", "12-03 00", False),
    ]
    assert world.rows("accounts", "region") == ["south"]


def test_without_a_sources_clock_the_load_tells_and_is_marked(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    world.load(accounts=[{"account_id": "a", "region": "north"}])
    world.load(accounts=[{"account_id": "a", "region": "north"}])
    world.load(accounts=[{"account_id": "a", "region": "south"}])
    world.build()
    assert states(world) == [("a", "north", "01-01 13", "01-01 15", True), ("a", "south", "01-01 15", "", True)]


def test_a_deletion_ends_a_version_and_a_return_begins_one(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    world.load(
        accounts=[
            {"account_id": "a", "region": "north", "updated": "2025-12-01 00:00"},
            {"account_id": "a", "deleted": True, "updated": "2025-12-02 00:00"},
            {"account_id": "a", "region": "north", "updated": "2025-12-05 00:00"},
        ]
    )
    world.build()
    assert states(world) == [("a", "north", "12-01 00", "12-02 00", False), ("a", "north", "12-05 00", "", False)]
    world.load(accounts=[{"account_id": "a", "deleted": True, "updated": "2025-12-09 00:00"}])
    world.build()
    assert states(world)[1] == ("a", "north", "12-05 00", "12-09 00", False)
    assert world.rows("accounts", "account_id") == []


def test_a_full_load_ends_versions_when_it_is_loaded(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    row = {"account_id": "a", "region": "north", "updated": "2025-12-01 00:00"}
    world.load(full=True, accounts=[row, row | {"account_id": "b"}])
    world.load(full=True, accounts=[row | {"account_id": "b"}])
    world.build()
    assert states(world) == [("a", "north", "12-01 00", "01-01 14", False), ("b", "north", "12-01 00", "", False)]
    world.load(accounts=[row])  # back, though the source's clock says nothing of it: seen when it was loaded
    world.build()
    assert states(world)[:2] == [("a", "north", "12-01 00", "01-01 14", False), ("a", "north", "01-01 15", "", True)]


def test_what_another_source_still_delivers_lives_on(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    row = {"account_id": "a", "region": "erp", "updated": "2025-12-01 00:00"}
    world.load("erp", accounts=[row])
    world.load("crm", full=True, accounts=[row | {"region": "crm", "updated": "2025-12-02 00:00"}])
    world.load("crm", full=True, accounts=[{"account_id": "b", "region": "crm", "updated": "2025-12-02 00:00"}])
    world.build()
    assert states(world)[:3] == [
        ("a", "crm", "12-02 00", "01-01 15", False),
        ("a", "erp", "12-01 00", "12-02 00", False),
        ("a", "erp", "01-01 15", "", True),
    ]
    assert world.rows("accounts", "account_id", "region") == [("a", "erp"), ("b", "crm")]


def test_a_merge_ends_a_version_and_references_lead_to_the_survivor_at_all_times(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS)
    world.load(
        accounts=[
            {"account_id": "a", "region": "north", "updated": "2025-12-01 00:00"},
            {"account_id": "b", "region": "south", "updated": "2025-12-01 00:00"},
            {"account_id": "c", "parent_id": "a", "updated": "2025-12-01 00:00"},
            {"account_id": "c", "parent_id": "b", "updated": "2025-12-02 00:00"},
        ]
    )
    world.build()
    assert len(world.rows("accounts__versions", "parent_id")) == 4
    world.load(accounts=[{"account_id": "a", "merged": "b", "updated": "2025-12-03 00:00"}])
    world.build()
    assert world.rows("accounts__versions", "account_id", "parent_id", "_valid_from__day", "_valid_to__day") == [
        ("a", None, *days("2025-12-01", "2025-12-03")),
        ("b", None, *days("2025-12-01", "")),
        ("c", "b", *days("2025-12-01", "")),  # the move from a to b was none
    ]


def days(*texts: str) -> tuple[object, ...]:
    from datetime import date

    return tuple(date.fromisoformat(t) if t else None for t in texts)


def test_the_local_day_of_a_version_is_that_of_the_companys_zone(new_world: NewWorld) -> None:
    from headwater.model.settings import Settings

    world = new_world(ACCOUNTS, settings=Settings(time_zone="Europe/Berlin", memory_mb=512))
    world.load(
        accounts=[
            {"account_id": "a", "region": "1", "updated": "2025-07-31 21:59"},  # 23:59 in Berlin
            {"account_id": "a", "region": "2", "updated": "2025-07-31 22:00"},  # midnight, summer time
            {"account_id": "a", "region": "3", "updated": "2025-11-30 22:59"},
            {"account_id": "a", "region": "4", "updated": "2025-11-30 23:00"},  # midnight, winter time
        ]
    )
    world.build()
    found = world.rows("accounts__versions", "region", "_valid_from__day")
    assert [(r, str(d)) for r, d in found] == [
        ("1", "2025-07-31"), ("2", "2025-08-01"), ("3", "2025-11-30"), ("4", "2025-12-01"),
    ]  # fmt: skip
