"""However the journal came about and was built: the tables are what the rows say, reckoned row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.build import layout
from headwater.model.expression import ColumnName, Compare, Constant
from headwater.model.generation import Generation
from headwater.model.table import Bucket, ByValue, Lookup, Pick, Since, counted_columns
from tests.build.oracle import Journal, Load, Row, merges, rows_now, rows_regrouped, versions
from tests.build.paper import PaperWorld
from tests.build.world import START, World, day, digests, moment, table

ACCOUNTS = table(
    "accounts",
    "account_id id, region text, size integer, size_class text",
    "account_id",
    versions=True,
    more={"size_class": {"derive": Bucket("size", (10, 50), ("small", "middle", "large"))}},
)
LEADS = table(
    "leads",
    "lead_id id, account_id id, created_at time, region text, region_then text, touches integer,"
    " first_touch_at time, mail_again_at time, mql_at time",
    "lead_id",
    event="created_at",
    more={
        "account_id": {"refers": "accounts", "counted": True},
        "region": {"derive": Lookup("accounts", "account_id", "region"), "counted": True},
        "region_then": {"derive": Lookup("accounts", "account_id", "region", "created_at")},
        "touches": {"derive": Pick("count", "touches", (("lead_id", "lead_id"),))},
        "first_touch_at": {
            "derive": Pick(
                "first", "touches", (("lead_id", "lead_id"),), "touched_at", "touched_at", after="created_at"
            )
        },
        "mail_again_at": {
            "derive": Pick(
                "nth",
                "touches",
                (("lead_id", "lead_id"),),
                "touched_at",
                "touched_at",
                Compare("=", ColumnName("channel"), Constant("mail")),
                n=2,
            )
        },
        "mql_at": {
            "derive": Pick(
                "first",
                "stage_entries",
                (("subject_id", "lead_id"),),
                "entered_at",
                "entered_at",
                Compare("=", ColumnName("subject_kind"), Constant("lead")),
            )
        },
    },
)
TOUCHES = table(
    "touches",
    "touch_id id, lead_id id, touched_at time, channel text",
    "touch_id",
    event="touched_at",
    partition="touched_at",
    more={"lead_id": {"refers": "leads", "counted": True}},
)
ENTRIES = table(
    "stage_entries",
    "subject_kind text, subject_id id, stage text, entered_at time, amount integer",
    "subject_kind subject_id stage entered_at",
    event="entered_at",
    partition="entered_at",
    more={
        "subject_id": {
            "required": True,
            "refers": ByValue("subject_kind", (("lead", "leads"), ("account", "accounts"))),
        },
        **{n: {"required": True} for n in ("subject_kind", "stage", "entered_at")},
    },
)
JOURNEYS = table(
    "lead_journeys",
    "lead_id id, account_id id, created_at time, first_touch_at time, wait integer",
    "lead_id",
    event="created_at",
    partition="created_at",
    rows_from="leads",
    more={"wait": {"derive": Since("created_at", "first_touch_at")}, "account_id": {"counted": True}},
)
FIRMS = table(
    "firms",
    "account_id id, leads integer, first_lead_at time",
    "account_id",
    event="first_lead_at",
    rows_from="leads",
    more={
        "leads": {"derive": Pick("count", "leads", (("account_id", "account_id"),))},
        "first_lead_at": {
            "derive": Pick("first", "leads", (("account_id", "account_id"),), "created_at", "created_at")
        },
    },
)
TABLES = {t.id: t for t in (ACCOUNTS, LEADS, TOUCHES, ENTRIES, JOURNEYS, FIRMS)}


@pytest.fixture(autouse=True, scope="module")
def _small_parts() -> Iterator[None]:
    """Two rows fill a part, so that tables are laid out anew all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "ROWS_IN_A_BUCKET", 2)
        yield


# before any load, between loads, at the very moment of one, and after all of them
MOMENTS = ["2025-12-01 00:00", "2025-12-15 08:00", "2026-01-01 13:30", "2026-01-01 14:00", "2026-02-01 00:00"]
DAYS = ["2025-10-31", "2025-11-30 23:00", "2025-12-01 01:00", "2025-12-31", "2026-01-01 09:00", "2026-01-02 10:00"]


def rows_of(
    key: str, names: str, *, updated: bool, tombstones: bool = True, **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[Row]]:
    """Some rows of a table; no two of one file say something of the same key at the same moment."""
    fields: dict[str, st.SearchStrategy[Any]] = {key: st.sampled_from(names)}
    fields |= more
    fields["updated"] = st.sampled_from(MOMENTS) if updated else st.none() | st.sampled_from(MOMENTS)
    if tombstones:
        fields["deleted"] = st.sampled_from([False] * 5 + [True])
        fields["merged"] = st.sampled_from([None] * 4 + list(names))
    one = st.fixed_dictionaries(fields)
    return st.lists(one, max_size=4, unique_by=lambda r: (r[key], r["updated"]))


def entries(*, updated: bool) -> st.SearchStrategy[list[Row]]:
    """Some entries into stages. Ids of leads and of accounts look alike, and merges may give two entries one key: where
    their source says when they changed, it never says the same of both."""
    moments = st.sampled_from(MOMENTS)
    one = st.fixed_dictionaries(
        {
            "subject_kind": st.sampled_from(["lead", "lead", "account", "deal"]),
            "subject_id": st.sampled_from("lmAB"),
            "stage": st.sampled_from(["mql", "sal"]),
            "entered_at": st.sampled_from(DAYS[:3]),
            "amount": st.sampled_from([None, 1, 2]),
            "updated": moments if updated else st.none() | moments,
            "deleted": st.sampled_from([False] * 5 + [True]),
        }
    )
    names = ("stage", "entered_at", "updated", *(() if updated else ("subject_kind", "subject_id")))
    return st.lists(one, max_size=5, unique_by=lambda r: tuple(r[n] for n in names))


def tables(*, updated: bool) -> st.SearchStrategy[Mapping[str, list[Row]]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "accounts": rows_of(
                "account_id",
                "ABC",
                updated=updated,
                region=st.sampled_from(["north", "south", None]),
                size=st.sampled_from([None, 3, 10, 70]),
            ),
            "leads": rows_of(
                "lead_id",
                "lm",
                updated=updated,
                account_id=st.sampled_from(["A", "B", "C", None]),
                created_at=st.sampled_from([*DAYS, None]),
            ),
            "touches": rows_of(
                "touch_id",
                "tuvw",
                updated=updated,
                lead_id=st.sampled_from(["l", "m"]),
                touched_at=st.sampled_from([*DAYS, None]),
                channel=st.sampled_from(["mail", "web"]),
            ),
            "stage_entries": entries(updated=updated),
        },
    )


LOADS = st.builds(
    Load,
    source=st.sampled_from(["crm", "erp"]),
    tables=tables(updated=False),
    full=st.booleans(),
    part_of=st.sampled_from(["", "", "g"]),
)


@dataclass(frozen=True)
class Answer:
    """The tables reckoned from a journal: rows by table, in order."""

    accounts: list[Any]
    accounts_versions: list[Any]
    leads: list[Any]
    touches: list[Any]
    entries: list[Any]
    journeys: list[Any]
    firms: list[Any]


def reckon(journal: Journal) -> Answer:
    """What the build should find, row by row."""
    key = {"accounts": "account_id", "leads": "lead_id", "touches": "touch_id"}
    leads_to = {t: merges(journal, t, key[t])[0] for t in ("accounts", "leads")}
    now = {t: rows_now(journal, t, key[t]) for t in key}
    history = versions(journal, "accounts", "account_id", ("region", "size"), {})

    def size_class(size: int | None) -> str | None:
        return None if size is None else "small" if size < 10 else "middle" if size < 50 else "large"

    def led(t: str, value: str | None) -> str | None:
        return leads_to[t].get(value, value) if value is not None else None

    accounts = [(k, r.get("region"), r.get("size"), size_class(r.get("size"))) for k, r in now["accounts"].items()]
    touches = [
        (k, led("leads", r.get("lead_id")), instant(r.get("touched_at")), day_of(r.get("touched_at")), r.get("channel"))
        for k, r in now["touches"].items()
    ]
    of_kind = {"lead": "leads", "account": "accounts"}

    def entered(row: Row) -> tuple[str, str | None, str, str]:
        kind = row["subject_kind"]
        subject = led(of_kind[kind], row["subject_id"]) if kind in of_kind else row["subject_id"]
        return (kind, subject, row["stage"], row["entered_at"])

    stages = [
        (*k[:3], instant(k[3]), day_of(k[3]), r.get("amount"))
        for k, r in rows_regrouped(journal, "stage_entries", entered).items()
    ]
    leads, journeys = [], []
    for k, r in now["leads"].items():
        account = led("accounts", r.get("account_id"))
        created = r.get("created_at")
        region = now["accounts"].get(account or "", {}).get("region")
        then = region_at(history, account, created)
        mine = sorted((t for t in touches if t[1] == k), key=lambda t: (str(t[3]), t[2] or datetime.max, t[0]))
        dated = [t for t in mine if t[3] is not None]
        after = [t for t in dated if created and not_before(t[2], t[3], instant(created), day_of(created))]
        mails = [t for t in dated if t[4] == "mail"]
        first = after[0][2:4] if after else (None, None)
        again = mails[1][2:4] if len(mails) > 1 else (None, None)
        mql = min((s[3:5] for s in stages if s[:2] == ("lead", k)), key=first_of_day, default=(None, None))
        leads.append((k, account, instant(created), day_of(created), region, then, len(mine), *first, *again, *mql))
        journeys.append((k, account, instant(created), day_of(created), *first, seconds(created, first)))
    firms = []
    for account in {lead[1] for lead in leads} - {None}:
        of = [lead for lead in leads if lead[1] == account]
        begun = sorted((lead[3], lead[2] or datetime.max, lead[2]) for lead in of if lead[3] is not None)
        firms.append((account, len(of), begun[0][2] if begun else None, begun[0][0] if begun else None))
    return Answer(
        accounts=ordered(accounts),
        accounts_versions=ordered((k, a, b, region, size, size_class(size)) for k, a, b, region, size in history),
        leads=ordered(leads),
        touches=ordered(touches),
        entries=ordered(stages),
        journeys=ordered(journeys),
        firms=ordered(firms),
    )


def first_of_day(moment: tuple[Any, ...]) -> tuple[date, datetime]:
    at, on = moment
    return on, at or datetime.max


def instant(value: str | None) -> datetime | None:
    return moment(value) if value is not None and len(value) > 10 else None


def day_of(value: str | None) -> date | None:
    return day(value)


def not_before(at: datetime | None, on: date, bound: datetime | None, bound_day: date | None) -> bool:
    assert bound_day is not None
    return at >= bound if at is not None and bound is not None else on >= bound_day


def seconds(created: str | None, first: tuple[datetime | None, date | None]) -> int | None:
    at, on = first
    if created is None or on is None:
        return None
    begun, begun_on = instant(created), day_of(created)
    assert begun_on is not None
    if begun is not None and at is not None:
        return int((at - begun).total_seconds())
    return (on - begun_on).days * 86400


def region_at(history: Sequence[tuple[Any, ...]], account: str | None, created: str | None) -> str | None:
    for key, begins, ends, region, _ in history:
        if key != account or created is None:
            continue
        when = instant(created)
        if when is not None and begins <= when and (ends is None or when < ends):
            return region
        on = day_of(created)
        assert on is not None
        if when is None and begins.date() <= on and (ends is None or on < ends.date()):
            return region
    return None


def ordered(rows: Any) -> list[Any]:
    return sorted(rows, key=lambda r: tuple((v is not None, v) for v in r))


def found(world: World | PaperWorld) -> Answer:
    """What the build found."""
    versions_ = ("account_id", "_valid_from", "_valid_to", "region", "size", "size_class")
    lead = ("lead_id", "account_id", "created_at", "created_at__day", "region", "region_then", "touches")
    picked = ("first_touch_at", "first_touch_at__day", "mail_again_at", "mail_again_at__day")
    entered = ("subject_kind", "subject_id", "stage", "entered_at", "entered_at__day", "amount")
    return Answer(
        accounts=world.rows("accounts", "account_id", "region", "size", "size_class"),
        accounts_versions=world.rows("accounts__versions", *versions_),
        leads=world.rows("leads", *lead, *picked, "mql_at", "mql_at__day"),
        touches=world.rows("touches", "touch_id", "lead_id", "touched_at", "touched_at__day", "channel"),
        entries=world.rows("stage_entries", *entered),
        journeys=world.rows("lead_journeys", *lead[:4], *picked[:2], "wait"),
        firms=world.rows("firms", "account_id", "leads", "first_lead_at", "first_lead_at__day"),
    )


def land(world: World | PaperWorld, load: Load) -> None:
    world.load(load.source, full=load.full, part_of=load.part_of, **load.tables)


def hours(number: int) -> list[datetime]:
    return [START.replace(tzinfo=None) + timedelta(hours=n) for n in range(1, number + 1)]


def check(world: World | PaperWorld, loads: list[Load], built: list[bool]) -> None:
    for load, build_now in zip(loads, built, strict=False):
        land(world, load)
        if build_now:
            assert_numbers_tell_values_apart(world, world.build())
    generation = world.build()
    assert_numbers_tell_values_apart(world, generation)
    assert found(world) == reckon(Journal(loads, hours(len(loads))))
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)


def assert_numbers_tell_values_apart(world: World | PaperWorld, generation: Generation) -> None:
    """So that counting different numbers, in any rows, is counting different values."""
    for of in TABLES.values():
        columns = counted_columns(of)
        stored = generation.table(of.id)
        assert stored is not None
        assert tuple(name for name, _ in stored.numbered) == columns
        for name, greatest in stored.numbered:
            pairs = set(world.rows(of.id, name, f"{name}__number"))
            values, numbers = {v for v, _ in pairs}, {n for _, n in pairs}
            assert len(pairs) == len(values) == len(numbers), (of.id, name, pairs)
            assert all((v is None) == (n is None) and (n is None or 1 <= n <= greatest) for v, n in pairs)


SOME_LOADS = st.lists(LOADS, min_size=1, max_size=4)
WHEN_BUILT = st.lists(st.booleans(), min_size=4, max_size=4)


@given(loads=SOME_LOADS, built=WHEN_BUILT)
def test_building_step_by_step_equals_a_replay_and_the_rows_themselves_on_paper(
    loads: list[Load], built: list[bool]
) -> None:
    check(PaperWorld(TABLES), loads, built)


@settings(max_examples=10)
@given(loads=SOME_LOADS, built=WHEN_BUILT)
def test_building_step_by_step_equals_a_replay_and_the_rows_themselves(loads: list[Load], built: list[bool]) -> None:
    with TemporaryDirectory() as folder:
        check(World(Path(folder) / "store", TABLES), loads, built)


def shuffled(rows: Mapping[str, list[Row]], order: Random) -> list[dict[str, list[Row]]]:
    """The same rows in another order, in some number of files, some of them in two."""
    files: list[dict[str, list[Row]]] = [{} for _ in range(order.randint(1, 4))]
    for name, lines in sorted(rows.items()):
        for row in lines:
            for file in order.sample(files, order.choice([1, 1, min(2, len(files))])):
                file.setdefault(name, []).append(row)
    for file in files:
        for lines in file.values():
            order.shuffle(lines)
    return files


@given(rows=tables(updated=True), one=st.randoms(use_true_random=False), other=st.randoms(use_true_random=False))
def test_where_a_source_says_when_order_and_split_of_its_loads_do_not_matter(
    rows: Mapping[str, list[Row]], one: Random, other: Random
) -> None:
    answers = []
    for order in (one, other):
        world = PaperWorld(TABLES)
        for file in shuffled(rows, order):
            world.load(**file)
            if order.random() < 0.5:
                world.build()
        generation = world.build()
        answers.append((digests(generation), found(world)))
    assert answers[0] == answers[1]
