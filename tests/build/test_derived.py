"""Derived columns, one by one, added up by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from headwater.errors import DefinitionError
from headwater.model.expression import And, ColumnName, Compare, Constant, IsEmpty, IsTrue, Not
from headwater.model.table import Bucket, Derivation, Lookup, Pick, Since, Table
from tests.build.conftest import NewWorld
from tests.build.world import Row, digests, table

ACCOUNTS = table("accounts", "account_id id, region text, customer_since day", "account_id", versions=True)
TOUCHES = table(
    "touches",
    "touch_id id, lead_id id, touched_at time, channel text, cost money, good boolean",
    "touch_id",
    event="touched_at",
    partition="touched_at",
)


def leads(text: str, **derived: Derivation) -> Table:
    names = "lead_id id, account_id id, created_at time, closed_at time" + (f", {text}" if text else "")
    return table("leads", names, "lead_id", event="created_at", more={n: {"derive": d} for n, d in derived.items()})


def test_a_lookup_reads_another_table_as_it_is_now(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS, leads("region text, since time", region=Lookup("accounts", "account_id", "region"),
                                      since=Lookup("accounts", "account_id", "customer_since")))  # fmt: skip
    world.load(
        accounts=[{"account_id": "A", "region": "north", "customer_since": "2025-01-02"}, {"account_id": "B"}],
        leads=[{"lead_id": k, "account_id": a} for k, a in [("1", "A"), ("2", "B"), ("3", "Z"), ("4", None)]],
    )
    world.build()
    wanted = ("lead_id", "region", "since", "since__day")
    rest = [("2", None, None, None), ("3", None, None, None), ("4", None, None, None)]
    # the account knows a day, so the time has no instant
    assert world.rows("leads", *wanted) == [("1", "north", None, date(2025, 1, 2)), *rest]
    world.load(accounts=[{"account_id": "A", "region": "south", "customer_since": "2025-01-02"}])
    generation = world.build()
    assert world.rows("leads", *wanted) == [("1", "south", None, date(2025, 1, 2)), *rest]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_a_mapped_value_counts_before_the_derived_one(new_world: NewWorld) -> None:
    world = new_world(ACCOUNTS, leads("region text", region=Lookup("accounts", "account_id", "region")))
    world.load(
        accounts=[{"account_id": "A", "region": "north"}],
        leads=[{"lead_id": "1", "account_id": "A", "region": "own"}, {"lead_id": "2", "account_id": "A"}],
    )
    world.build()
    assert world.rows("leads", "lead_id", "region") == [("1", "own"), ("2", "north")]


def test_a_lookup_as_of_reads_the_version_of_that_moment(new_world: NewWorld) -> None:
    lookup = Lookup("accounts", "account_id", "region", "created_at")
    world = new_world(ACCOUNTS, leads("region text", region=lookup))
    world.load(
        accounts=[
            {"account_id": "A", "region": "north", "updated": "2025-12-01 10:00"},
            {"account_id": "A", "region": "south", "updated": "2025-12-03 10:00"},
            {"account_id": "A", "deleted": True, "updated": "2025-12-05 10:00"},
        ],
        leads=[
            {"lead_id": "1 before", "account_id": "A", "created_at": "2025-12-01 09:59"},
            {"lead_id": "2 first", "account_id": "A", "created_at": "2025-12-01 10:00"},
            {"lead_id": "3 last", "account_id": "A", "created_at": "2025-12-03 09:59"},
            {"lead_id": "4 next", "account_id": "A", "created_at": "2025-12-03 10:00"},
            {"lead_id": "5 that day", "account_id": "A", "created_at": "2025-12-03"},
            {"lead_id": "6 day before", "account_id": "A", "created_at": "2025-11-30"},
            {"lead_id": "7 gone", "account_id": "A", "created_at": "2025-12-05 10:00"},
            {"lead_id": "8 undated", "account_id": "A"},
        ],
    )
    world.build()
    # a day without an instant reads what held at its end
    assert world.rows("leads", "region", "lead_id") == [
        (None, "1 before"),
        (None, "6 day before"),
        (None, "7 gone"),
        (None, "8 undated"),
        ("north", "2 first"),
        ("north", "3 last"),
        ("south", "4 next"),
        ("south", "5 that day"),
    ]


BY_LEAD = (("lead_id", "lead_id"),)
MAIL = Compare("=", ColumnName("channel"), Constant("mail"))


def test_first_last_nth_and_count_pick_by_date_then_key(new_world: NewWorld) -> None:
    world = new_world(
        TOUCHES,
        leads(
            "first_at time, first_day day, last_channel text, second_mail_at time, touches integer, good_mails integer,"
            " last_cost money(18;2)",
            first_at=Pick("first", "touches", BY_LEAD, "touched_at", "touched_at"),
            first_day=Pick("first", "touches", BY_LEAD, "touched_at", "touched_at"),
            last_channel=Pick("last", "touches", BY_LEAD, "channel", "touched_at"),
            second_mail_at=Pick("nth", "touches", BY_LEAD, "touched_at", "touched_at", MAIL, n=2),
            touches=Pick("count", "touches", BY_LEAD),
            good_mails=Pick("count", "touches", BY_LEAD, where=And((MAIL, IsTrue(ColumnName("good"))))),
            last_cost=Pick("last", "touches", BY_LEAD, "cost", "touched_at"),
        ),
    )

    def touch(key: str, at: str | None, channel: str, cost: str | None = None, good: bool | None = None) -> Row:
        return {"touch_id": key, "lead_id": "1", "touched_at": at, "channel": channel, "cost": cost, "good": good}

    world.load(
        leads=[{"lead_id": "1"}, {"lead_id": "2"}],
        touches=[
            touch("e", "2025-12-03 08:00", "mail", "1", True),
            touch("a", "2025-12-01", "mail", "2", False),  # that day, at no known time: after those with a time
            touch("d", "2025-12-01 09:00", "web", "3"),
            touch("c", "2025-12-04 08:00", "web", None),
            touch("b", "2025-12-04 08:00", "mail", "5", True),  # the same moment: the key decides
            touch("f", None, "never"),  # without a date it is neither first nor last, but it counts
        ],
    )
    world.build()
    wanted = ("first_at", "first_day", "last_channel", "second_mail_at", "touches", "good_mails", "last_cost")
    assert world.rows("leads", *wanted) == [
        (None, None, None, None, 0, 0, None),
        (datetime(2025, 12, 1, 9), date(2025, 12, 1), "web", datetime(2025, 12, 3, 8), 6, 2, None),
    ]
    world.load(touches=[touch("c", "2025-12-02 08:00", "web", None)])  # re-dated
    generation = world.build()
    assert world.rows("leads", "last_channel", "last_cost") == [(None, None), ("mail", Decimal("5.00"))]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_bounds_are_included_and_an_empty_bound_admits_nothing(new_world: NewWorld) -> None:
    after = Pick("first", "touches", BY_LEAD, "touch_id", "touched_at", after="created_at")
    between = Pick("count", "touches", BY_LEAD, after="created_at", until="closed_at")
    upto = Pick("last", "touches", BY_LEAD, "touch_id", "touched_at", until="closed_at")
    world = new_world(TOUCHES, leads("next text, n integer, final text", next=after, n=between, final=upto))
    moments = [f"2025-12-0{n} 12:00" for n in range(1, 6)]
    world.load(
        touches=[
            {"touch_id": f"{k}{i}", "lead_id": k, "touched_at": m} for k in "abcd" for i, m in enumerate(moments, 1)
        ],
        leads=[
            {"lead_id": "a", "created_at": "2025-12-02 12:00", "closed_at": "2025-12-04 12:00"},
            {"lead_id": "b", "created_at": "2025-12-02 12:01", "closed_at": "2025-12-04 11:59"},
            {"lead_id": "c", "created_at": "2025-12-02", "closed_at": "2025-12-04"},  # by day: both days included
            {"lead_id": "d"},
        ],
    )
    world.build()
    assert world.rows("leads", "lead_id", "next", "n", "final") == [
        ("a", "a2", 3, "a4"),
        ("b", "b3", 1, "b3"),
        ("c", "c2", 3, "c4"),
        ("d", None, None, None),
    ]


def test_picks_between_the_same_bounds_go_by_their_own_dates(new_world: NewWorld) -> None:
    theirs = table("visits", "visit_id id, lead_id id, began_at time, ended_at time", "visit_id")
    begun = Pick("first", "visits", BY_LEAD, "visit_id", "began_at", after="created_at")
    ended = Pick("first", "visits", BY_LEAD, "visit_id", "ended_at", after="created_at")
    world = new_world(theirs, leads("begun text, ended text", begun=begun, ended=ended))
    world.load(
        leads=[{"lead_id": "1", "created_at": "2025-12-02 00:00"}],
        visits=[
            {"visit_id": "x", "lead_id": "1", "began_at": "2025-12-01 00:00", "ended_at": "2025-12-03 00:00"},
            {"visit_id": "y", "lead_id": "1", "began_at": "2025-12-04 00:00", "ended_at": "2025-12-05 00:00"},
        ],
    )
    world.build()
    assert world.rows("leads", "begun", "ended") == [("y", "x")]


def test_time_since_is_in_whole_seconds_or_local_days(new_world: NewWorld) -> None:
    world = new_world(leads("seconds integer, days integer", seconds=Since("created_at", "closed_at"),
                            days=Since("created_at", "closed_at", "days")))  # fmt: skip
    world.load(
        leads=[
            {"lead_id": "1", "created_at": "2025-12-01 23:59", "closed_at": "2025-12-02 00:01"},
            {"lead_id": "2", "created_at": "2025-12-01", "closed_at": "2025-12-03 00:01"},
            {"lead_id": "3", "created_at": "2025-12-01 23:59"},
            {"lead_id": "4", "created_at": "2025-12-02 00:01", "closed_at": "2025-12-01 23:59"},
        ]
    )
    world.build()
    assert world.rows("leads", "lead_id", "seconds", "days") == [
        ("1", 120, 1),
        ("2", 2 * 86400, 2),
        ("3", None, None),
        ("4", -120, -1),
    ]


def test_an_edge_belongs_to_the_class_above_it(new_world: NewWorld) -> None:
    sizes = table("firms", "firm_id id, size integer, class text", "firm_id",
                  more={"class": {"derive": Bucket("size", (10, 50), ("small", "middle", "large"))}})  # fmt: skip
    world = new_world(sizes)
    world.load(firms=[{"firm_id": str(i), "size": n} for i, n in enumerate([9, 10, 49, 50, None])])
    world.build()
    assert world.rows("firms", "firm_id", "class") == [
        ("0", "small"), ("1", "middle"), ("2", "middle"), ("3", "large"), ("4", None),
    ]  # fmt: skip


def test_derived_columns_may_build_on_each_other(new_world: NewWorld) -> None:
    lead = leads(
        "first_at time, wait integer, speed text, account_region text",
        first_at=Pick("first", "touches", BY_LEAD, "touched_at", "touched_at", Not(IsEmpty(ColumnName("channel")))),
        wait=Since("created_at", "first_at"),
        speed=Bucket("wait", (3600,), ("fast", "slow")),
        account_region=Lookup("accounts", "account_id", "region", "first_at"),
    )
    world = new_world(ACCOUNTS, TOUCHES, lead)
    world.load(
        accounts=[{"account_id": "A", "region": "north", "updated": "2025-12-01 00:00"}],
        leads=[{"lead_id": "1", "account_id": "A", "created_at": "2025-12-01 10:00"}],
        touches=[{"touch_id": "t", "lead_id": "1", "touched_at": "2025-12-01 11:30", "channel": "mail"}],
    )
    world.build()
    assert world.rows("leads", "wait", "speed", "account_region") == [(5400, "slow", "north")]


def test_versions_hold_derived_columns_made_from_their_own_state(new_world: NewWorld) -> None:
    lead = table("leads", "lead_id id, account_id id, region text", "lead_id", versions=True,
                 more={"region": {"derive": Lookup("accounts", "account_id", "region")}})  # fmt: skip
    world = new_world(ACCOUNTS, lead)
    world.load(
        accounts=[{"account_id": "A", "region": "north"}, {"account_id": "B", "region": "south"}],
        leads=[
            {"lead_id": "1", "account_id": "A", "updated": "2025-12-01 00:00"},
            {"lead_id": "1", "account_id": "B", "updated": "2025-12-02 00:00"},
        ],
    )
    world.build()
    assert world.rows("leads__versions", "account_id", "region") == [("A", "north"), ("B", "south")]
    world.load(accounts=[{"account_id": "A", "region": "west"}])  # only an earlier state reads A
    generation = world.build()
    assert world.rows("leads__versions", "account_id", "region") == [("A", "west"), ("B", "south")]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_a_journey_follows_the_rows_of_its_table(new_world: NewWorld) -> None:
    deals = table("deals", "deal_id id, lead_id id, won_at time, amount money, currency text", "deal_id")
    lead = table("leads", "lead_id id, created_at time, won_at time, channel text, currency text", "lead_id")
    first = {"which": "first", "table": "deals", "by": BY_LEAD, "order": "won_at"}
    journey = table(
        "journeys",
        "lead_id id, created_at day, channel text, won_at time, amount money, currency text, wait integer",
        "lead_id",
        rows_from="leads",
        more={
            "won_at": {"derive": Pick(**first, column="won_at")},
            "amount": {"derive": Pick(**first, column="amount"), "currency": "currency"},
            "currency": {"derive": Pick(**first, column="currency")},
            "wait": {"derive": Since("created_at", "won_at", "days")},
        },
    )
    world = new_world(deals, lead, journey)
    world.load(
        leads=[
            {"lead_id": "1", "created_at": "2025-12-01 10:00", "channel": "web", "currency": "CHF"},
            {"lead_id": "2", "created_at": "2025-12-02", "won_at": "2025-12-09"},  # its own word counts first
        ],
        deals=[
            {"deal_id": k, "lead_id": k, "won_at": "2025-12-05 00:00", "amount": "7", "currency": "USD"} for k in "12"
        ],
    )
    world.build()
    wanted = ("lead_id", "created_at", "channel", "won_at", "won_at__day", "amount", "currency", "wait")
    one = ("1", date(2025, 12, 1), "web", datetime(2025, 12, 5), date(2025, 12, 5), Decimal(7), "USD", 4)
    two = ("2", date(2025, 12, 2), None, None, date(2025, 12, 9), Decimal(7), "USD", 7)
    assert world.rows("journeys", *wanted) == [one, two]
    world.load(leads=[{"lead_id": "1", "deleted": True}], deals=[{"deal_id": "2", "deleted": True}])
    generation = world.build()
    assert world.rows("journeys", *wanted) == [(*two[:5], None, None, 7)]
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def test_tables_derived_from_each_other_in_a_circle_are_refused(new_world: NewWorld) -> None:
    a = table("a", "k id, x text", "k", more={"x": {"derive": Lookup("b", "k", "y")}})
    b = table("b", "k id, y text", "k", more={"y": {"derive": Lookup("a", "k", "x")}})
    with pytest.raises(DefinitionError, match="in a circle: "):
        new_world(a, b).build()
    one = table("c", "k id, x integer, y integer", "k",
                more={"x": {"derive": Since("y", "y")}, "y": {"derive": Since("x", "x")}})  # fmt: skip
    world = new_world(one)
    world.load(c=[{"k": "1"}])
    with pytest.raises(DefinitionError, match="columns of table 'c' are derived from each other in a circle"):
        world.build()


@pytest.mark.parametrize(
    ("derive", "message"),
    [
        (Lookup("nothing", "account_id", "x"), "which is no table"),
        (Lookup("days", "account_id", "n"), "has a key of several columns"),
        (Lookup("touches", "account_id", "channel", "created_at"), "keeps no versions"),
    ],
)
def test_a_lookup_that_cannot_be_is_refused(new_world: NewWorld, derive: Lookup, message: str) -> None:
    days = table("days", "day day, place text, n integer", "day place")
    world = new_world(days, TOUCHES, leads("x text", x=derive))
    world.load(leads=[{"lead_id": "1"}])
    with pytest.raises(DefinitionError, match=message):
        world.build()
