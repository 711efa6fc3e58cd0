"""Which parts a build writes and which it shares: as few as differ, laid out by the content alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from headwater.build import layout
from headwater.build.layout import Buckets, Months, buckets_for
from headwater.model.generation import Generation
from headwater.model.table import Lookup
from tests.build.conftest import NewWorld
from tests.build.world import digests, table

LEADS = table("leads", "lead_id id, at time, stage text", "lead_id", event="at", partition="at", versions=True)
JOURNEYS = table(
    "journeys", "lead_id id, at time, stage text", "lead_id", event="at", partition="at", rows_from="leads"
)
EVENTS = table("events", "event_id id, at time, kind text", "event_id", event="at", partition="at")
PEOPLE = table("people", "person_id id, name text, team text", "person_id", versions=True)


def parts(generation: Generation, name: str) -> dict[str, str]:
    """The file of each part, by label."""
    stored = generation.table(name)
    assert stored is not None
    return {p.partition: p.file for p in stored.parts}


def event(key: str, at: str | None, kind: str = "x") -> dict[str, str | None]:
    return {"event_id": key, "at": at, "kind": kind}


def test_the_last_two_months_lie_by_day_and_earlier_ones_by_month(new_world: NewWorld) -> None:
    world = new_world(EVENTS)
    world.load(
        events=[
            event("a", "2025-08-31 10:00"), event("b", "2025-09-01 10:00"), event("c", "2025-09-30 10:00"),
            event("d", "2025-10-01 10:00"), event("e", "2025-10-02"), event("f", "2025-11-01 10:00"), event("g", None),
        ]
    )  # fmt: skip
    labels = ["2025-08-01/P1M", "2025-09-01/P1M", "2025-10-01", "2025-10-02", "2025-11-01", "undated"]
    assert sorted(parts(world.build(), "events")) == labels


def test_a_new_day_writes_one_part_and_a_late_row_its_own(new_world: NewWorld) -> None:
    world = new_world(EVENTS)
    world.load(events=[event("a", "2025-09-01 10:00"), event("b", "2025-10-05 10:00"), event("c", "2025-11-01 10:00")])
    before = parts(world.build(), "events")
    world.load(events=[event("d", "2025-11-02 10:00")])
    after = parts(world.build(), "events")
    assert {k: v for k, v in after.items() if k != "2025-11-02"} == before
    world.load(events=[event("e", "2025-09-20 10:00")])
    late = parts(world.build(), "events")
    assert {k for k in late if late[k] != after.get(k)} == {"2025-09-01/P1M"}


def test_a_month_that_ends_is_laid_together_once(new_world: NewWorld) -> None:
    world = new_world(EVENTS)
    world.load(events=[event("a", "2025-10-01 10:00"), event("b", "2025-10-02 10:00"), event("c", "2025-11-01 10:00")])
    before = parts(world.build(), "events")
    assert sorted(before) == ["2025-10-01", "2025-10-02", "2025-11-01"]
    world.load(events=[event("d", "2025-12-01 10:00")])
    generation = world.build()
    after = parts(generation, "events")
    assert sorted(after) == ["2025-10-01/P1M", "2025-11-01", "2025-12-01"]
    assert after["2025-11-01"] == before["2025-11-01"]
    world.load(events=[event("d", "2025-12-01 10:00") | {"deleted": True}])  # and apart again
    assert parts(world.build(), "events") == before
    assert world.rows("events", "event_id") == ["a", "b", "c"]


def lead(key: str, at: str | None, stage: str = "new") -> dict[str, str | None]:
    return {"lead_id": key, "at": at, "stage": stage}


LEADS_TABLES = ("leads", "leads__versions", "journeys")


def test_rows_that_go_on_changing_lie_by_month_and_in_one_part_while_they_are_few(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ROWS_IN_A_BUCKET", 3)
    world = new_world(LEADS, JOURNEYS)
    world.load(leads=[lead("a", "2025-10-01 10:00"), lead("b", "2025-11-02 10:00"), lead("c", "2025-11-03")])
    few = world.build()
    assert [sorted(parts(few, t)) for t in LEADS_TABLES] == [["1-0"]] * 3
    world.load(leads=[lead("d", "2025-12-01 10:00"), lead("e", None)])
    many = world.build()
    labels = ["2025-10-01/P1M", "2025-11-01/P1M", "2025-12-01/P1M", "undated"]
    assert [sorted(parts(many, t)) for t in LEADS_TABLES] == [labels] * 3
    assert digests(world.build(anew=True, publishing=False)) == digests(many)
    world.load(leads=[lead("d", None) | {"deleted": True}, lead("e", None) | {"deleted": True}])
    fewer = world.build()
    assert [sorted(parts(fewer, t)) for t in ("leads", "journeys")] == [["1-0"]] * 2
    assert parts(fewer, "leads") == parts(few, "leads")
    assert digests(world.build(anew=True, publishing=False)) == digests(fewer)


def test_a_row_that_changes_writes_its_month(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "ROWS_IN_A_BUCKET", 3)
    world = new_world(LEADS, JOURNEYS)
    world.load(
        leads=[lead(f"{month:02}-{n}", f"2025-{month:02}-1{n} 10:00") for month in (8, 9, 10, 11) for n in range(2)]
    )
    before = world.build()
    world.load(leads=[lead("09-1", "2025-09-11 10:00", "mql"), lead("x", "2025-11-30 10:00")])
    after = world.build()
    for name in LEADS_TABLES:
        one, other = parts(before, name), parts(after, name)
        assert {k for k in other if one.get(k) != other[k]} == {"2025-09-01/P1M", "2025-11-01/P1M"}
    assert world.rows("leads__versions", "lead_id", "stage")[2:5] == [("09-0", "new"), ("09-1", "mql"), ("09-1", "new")]
    # a restated date takes the row to another month; the earlier version stays where it was said to be
    world.load(leads=[lead("09-1", "2025-08-30 10:00", "mql")])
    moved = world.build()
    assert {k for k, v in parts(moved, "leads").items() if parts(after, "leads")[k] != v} == {
        "2025-08-01/P1M",
        "2025-09-01/P1M",
    }
    assert digests(world.build(anew=True, publishing=False)) == digests(moved)


def test_a_redated_row_leaves_its_old_part(new_world: NewWorld) -> None:
    world = new_world(EVENTS)
    world.load(events=[event("a", "2025-06-01 10:00"), event("b", "2025-06-02 10:00"), event("c", "2025-11-01 10:00")])
    world.build()
    world.load(events=[event("a", "2025-07-01 10:00"), event("b", None)])
    generation = world.build()
    assert sorted(parts(generation, "events")) == ["2025-07-01/P1M", "2025-11-01", "undated"]
    assert world.rows("events", "event_id", "at__day") == [
        ("a", date(2025, 7, 1)),
        ("b", None),
        ("c", date(2025, 11, 1)),
    ]
    stored = generation.table("events")
    assert stored is not None and (stored.first_day, stored.last_day) == (date(2025, 7, 1), date(2025, 11, 1))
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_what_is_read_again_unchanged_writes_nothing(new_world: NewWorld) -> None:
    world = new_world(EVENTS, PEOPLE)
    rows = [event("a", "2025-06-01 10:00"), event("b", "2025-11-02 10:00")]
    people = [{"person_id": "p", "name": "P", "updated": "2025-12-01 00:00"}]
    world.load(full=True, events=rows, people=people)
    before = world.build()
    world.load(full=True, events=[dict(reversed(r.items())) for r in rows], people=people)
    after = world.build()
    assert after.journal == 2
    assert after.tables == before.tables


def test_buckets_share_what_did_not_change_and_multiply_with_the_rows(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ROWS_IN_A_BUCKET", 4)
    world = new_world(PEOPLE)
    world.load(people=[{"person_id": f"p{n}", "name": "x"} for n in range(16)])
    before = parts(world.build(), "people")
    assert sorted(before) == ["4-0", "4-1", "4-2", "4-3"]
    world.load(people=[{"person_id": "p3", "name": "y"}])
    generation = world.build()
    after = parts(generation, "people")
    assert len([k for k in before if after[k] != before[k]]) == 1
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)
    world.load(people=[{"person_id": "q", "name": "x"}])  # the seventeenth: all lie in eighths now
    generation = world.build()
    assert {label[:2] for label in parts(generation, "people")} == {"8-"}
    assert parts(generation, "people") == parts(world.build(anew=True, publishing=False), "people")


def test_only_the_parts_with_rows_that_read_a_change_are_written(new_world: NewWorld) -> None:
    teams = table("teams", "team_id id, name text, other text", "team_id")
    shifts = table(
        "shifts",
        "shift_id id, team_id id, on day, team text",
        "shift_id",
        partition="on",
        more={"team": {"derive": Lookup("teams", "team_id", "name")}},
    )
    world = new_world(teams, shifts)
    world.load(
        teams=[{"team_id": k, "name": k, "other": k} for k in "ab"],
        shifts=[
            {"shift_id": f"{k}{n}", "team_id": k, "on": f"2025-0{n}-01"} for k, n in [("a", 1), ("a", 3), ("b", 5)]
        ],
    )
    before = parts(world.build(), "shifts")
    world.load(teams=[{"team_id": "a", "name": "a", "other": "changed, but nothing reads it"}])
    assert parts(world.build(), "shifts") == before
    world.load(teams=[{"team_id": "b", "name": "renamed", "other": "b"}])
    generation = world.build()
    after = parts(generation, "shifts")
    assert {k for k in after if after[k] != before[k]} == {"2025-05-01"}
    assert world.rows("shifts", "shift_id", "team") == [("a1", "a"), ("a3", "a"), ("b5", "renamed")]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_other_definitions_build_everything_anew(new_world: NewWorld) -> None:
    world = new_world(PEOPLE)
    world.load(people=[{"person_id": "p", "name": "x"}])
    before = world.build()
    world.tables = {"people": replace(PEOPLE, columns=(*PEOPLE.columns[:2], replace(PEOPLE.columns[2], id="group")))}
    world.build_hash = "2"
    after = world.build()
    assert (after.build, after.parent) == ("2", before.id if before.id else after.parent)
    assert world.rows("people", "person_id", "group") == [("p", None)]


def test_a_layout_knows_its_labels() -> None:
    months = Months("day", date(2026, 3, 15))
    assert months.label_of(date(2026, 2, 1)) == "2026-02-01"
    assert months.label_of(date(2026, 1, 31)) == "2026-01-01/P1M"
    assert months.label_of(None) == "undated"
    assert [months.holds(n) for n in ("2026-02-01", "2026-01-31", "2026-01-01/P1M", "2026-02-01/P1M", "undated")] == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert [buckets_for(n) for n in (0, 65_536, 65_537, 2_000_000)] == [1, 1, 2, 32]
    assert not Buckets(PEOPLE, 4).holds("8-1")
