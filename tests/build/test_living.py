"""Records that live: however they were loaded and built, every KPI is what the records say, reckoned row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.build import layout
from headwater.files.arrow import arrow_type
from headwater.metrics.observe import observe
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.generation import Generation
from headwater.model.period import Grain, Period
from headwater.model.plan import Relation
from headwater.model.table import VERSIONS_SUFFIX, stored_columns
from headwater.store.generations import pinned
from tests.build.living import CATALOGUE, FORMULAS, SETTINGS, SPLITS, TABLES, Truth, hours, question, steps
from tests.build.oracle import Journal, Load, Row
from tests.build.paper import PaperWorld, Sheet, interpret
from tests.build.world import START, World, digests
from tests.effort import examples


@pytest.fixture(autouse=True, scope="module")
def _small_parts() -> Iterator[None]:
    """Two rows fill a part, so that tables are laid out anew all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "ROWS_IN_A_BUCKET", 2)
        yield


# --- sequences of loads -----------------------------------------------------------------------------------------------
# before any load, in the night that the clock goes back, between loads, at the very moment of one, and after all
UPDATED = ["2025-10-01 08:00", "2025-10-26 00:30", "2025-10-26 01:30", "2025-12-31 23:30", "2026-01-01 13:30",
           "2026-01-01 14:00", "2026-02-01 00:00"]  # fmt: skip
# half past two, twice; either side of local midnights and of turns of months; days alone; long before and after
TIMES = ["2024-12-31 23:00", "2025-10-25 22:30", "2025-10-26 00:30", "2025-10-26 01:30", "2025-10-26 23:30",
         "2025-10-31", "2025-11-30 22:59:59", "2025-11-30 23:00", "2025-12-01", "2025-12-31 23:30", "2026-01-01 09:00",
         "2026-03-29 00:59:59", "2026-03-29 01:00", "2026-06-30"]  # fmt: skip
DAYS = ["2025-10-24", "2025-10-26", "2025-11-26", "2025-12-01", "2025-12-31", "2026-01-01", "2026-01-28"]
AMOUNTS = ["100", "70.5", "-30.25", "0", "19.999999", None]
CURRENCIES = ["EUR", "EUR", "USD", "GBP", None]

KEYS: dict[str, dict[str, Any]] = {
    "accounts": {"account_id": st.sampled_from("AB")},
    "deals": {"deal_id": st.sampled_from("dem")},
    "payments": {"payment_id": st.sampled_from("pqrs")},
    "followers": {"profile": st.sampled_from("xy"), "day": st.sampled_from(DAYS)},
    "exchange_rates": {"currency": st.sampled_from(["USD", "GBP", "EUR"]), "day": st.sampled_from(DAYS)},
}
CONTENT: dict[str, dict[str, Any]] = {
    "accounts": {"region": st.sampled_from(["north", "south", None])},
    "deals": {
        "account_id": st.sampled_from(["A", "B", "gone", None]),
        "created_at": st.none() | st.sampled_from(TIMES),
        "won_at": st.none() | st.sampled_from(TIMES),
        "closed_at": st.none() | st.sampled_from(TIMES),
        "amount": st.sampled_from(AMOUNTS),
        "currency": st.sampled_from(CURRENCIES),
        "stage": st.sampled_from(["open", "late", None]),
    },
    "payments": {
        "deal_id": st.sampled_from(["d", "e", "m", None]),
        "paid_at": st.none() | st.sampled_from(TIMES),
        "amount": st.sampled_from(AMOUNTS),
        "currency": st.sampled_from(CURRENCIES),
    },
    "followers": {"followers": st.sampled_from([0, 7, 40, None])},
    "exchange_rates": {"rate": st.sampled_from(["0.9", "1.1234567891", None])},
}
MERGED = {"accounts": "AB", "deals": "dem"}


USUAL: dict[str, dict[str, Any]] = {
    "accounts": {"region": st.sampled_from(["north", "south"])},
    "deals": {
        "account_id": st.sampled_from("AB"),
        "created_at": st.sampled_from(TIMES[:8]),
        "closed_at": st.sampled_from([None, None, *TIMES]),
        "amount": st.sampled_from(AMOUNTS[:3]),
    },
    "payments": {"paid_at": st.sampled_from(TIMES[1:]), "amount": st.sampled_from(AMOUNTS[:4])},
    "followers": {"followers": st.sampled_from([7, 40])},
    "exchange_rates": {"rate": st.sampled_from(["0.9", "1.1234567891"])},
}
"""What records mostly are when they are new."""


def rows_of(of: str, *, new: bool = False) -> st.SearchStrategy[list[Row]]:
    """Some rows of a table; no two of one file say something of the same key at the same moment."""
    fields = KEYS[of] | CONTENT[of] | (USUAL[of] if new else {})
    fields["updated"] = st.sampled_from([None, *UPDATED[:3]]) if new else st.none() | st.sampled_from(UPDATED)
    if not new:
        fields["deleted"] = st.sampled_from([False] * 6 + [True])
        if of in MERGED:
            fields["merged"] = st.sampled_from([None] * 6 + list(MERGED[of]))
    names = (*KEYS[of], "updated")
    fewest = {"deals": 2, "payments": 2, "exchange_rates": 3}.get(of, 1) if new else 0
    unique: Callable[[Row], Any] = lambda r: tuple(r[n] for n in names)  # noqa: E731
    return st.lists(st.fixed_dictionaries(fields), min_size=fewest, max_size=fewest + 3, unique_by=unique)


def loads_of(tables: st.SearchStrategy[Mapping[str, list[Row]]]) -> st.SearchStrategy[Load]:
    return st.builds(
        Load,
        source=st.sampled_from(["crm", "crm", "erp"]),
        tables=tables,
        full=st.booleans(),
        part_of=st.sampled_from(["", "", "g"]),
        complete=st.sampled_from([None, None, date(2025, 12, 15), date(2026, 2, 28)]),
    )


BEGUN = loads_of(st.fixed_dictionaries({of: rows_of(of, new=True) for of in TABLES}))
CHANGED = loads_of(st.fixed_dictionaries({}, optional={of: rows_of(of) for of in TABLES}))
LOADS = st.tuples(BEGUN, st.lists(CHANGED, min_size=1, max_size=3)).map(lambda drawn: [drawn[0], *drawn[1]])
BUILT = st.lists(st.booleans(), min_size=4, max_size=4)
AS_OF = st.sampled_from([date(2026, 12, 31), date(2026, 1, 1), date(2025, 12, 31), date(2025, 10, 26)])
PERIOD = Period(date(2025, 10, 20), date(2026, 2, 1))

Rows = Callable[[Relation], list[tuple[Any, ...]]]


def on_paper(world: PaperWorld) -> Rows:
    """The rows of a relation over the tables of a world, without an engine."""
    known = {name: Sheet(columns, lines) for name, (columns, lines) in tables_of(world).items()}

    def rows(relation: Relation) -> list[tuple[Any, ...]]:
        sheet = interpret(relation, known)
        return [tuple(r[n] for n in sheet.names) for r in sheet.rows]

    return rows


def tables_of(world: PaperWorld) -> Mapping[str, tuple[list[str], list[Row]]]:
    """Columns and rows of every stored table."""
    assert world.generation is not None
    found = {}
    for stored in world.generation.tables:
        of = TABLES[stored.table.removesuffix(VERSIONS_SUFFIX)]
        lines = [r for part in stored.parts for r in world.parts[part.file]]
        found[stored.table] = ([n for n, _ in columns_of(of, stored.table)], lines)
    return found


def columns_of(of: Any, name: str) -> Any:
    from dataclasses import replace

    return stored_columns(replace(of, id=name))


def numbers_are_right(generation: Generation, rows: Rows, truth: Truth, as_of: date) -> None:
    """Every KPI by month and as a whole, in all and by segment."""
    for grain, names, split in (
        (Grain.MONTH, tuple(FORMULAS), ""),
        *((Grain.ALL, names, split) for split, names in SPLITS.items()),
    ):
        by = (split,) if split else ()
        planned = plan(question(names, PERIOD, as_of, grain, by), CATALOGUE, generation, SETTINGS)
        found = observe(planned, [rows(b.relation) for b in planned.blocks])
        for o in found:
            assert o.period_start is not None and o.period_end is not None
            period = Period(o.period_start, o.period_end)
            end = min(period.end, date.fromordinal(as_of.toordinal() + 1))
            value = o.segment[0][1] if split else None
            only = truth.in_segment(split, value, end) if split else lambda _: True
            wanted = truth.kpi(o.kpi, period, as_of, only, split)
            told = (o.kpi, period.start, o.segment, o.value, o.detail)
            assert (o.value is None) == (wanted is None), (told, wanted)
            assert wanted is None or o.value == pytest.approx(float(wanted), rel=1e-9, abs=1e-9), (told, wanted)
            if o.kpi in ("win_rate", "ripe_rate") and period.start <= as_of:
                assert (o.left_out or 0) == truth.cohort(o.kpi, period.start, end, as_of, only)[2], told
        for name in names:
            asked = {o.segment[0][1] for o in found if o.kpi == name} if split else {None}
            periods = steps(PERIOD, grain)
            assert not split or asked == truth.segments(name, split, periods, as_of), (name, split)


def live(world: World | PaperWorld, loads: list[Load], built: list[bool]) -> Generation:
    """A world after a sequence of loads, some of them built one by one; a replay of all of them is the same. Nothing is
    built between the files of one full load: the product leaves out a load that is not whole."""
    for i, (load, build_now) in enumerate(zip(loads, built, strict=False)):
        world.load(load.source, full=load.full, part_of=load.part_of, complete=load.complete, **load.tables)
        begun, to_come = (
            {(one.source, one.part_of) for one in some if one.part_of} for some in (loads[: i + 1], loads[i + 1 :])
        )
        if build_now and not begun & to_come:
            world.build()
    generation = world.build()
    assert digests(world.build(anew=True, publishing=False)) == digests(generation)
    return generation


def truth_of(loads: list[Load]) -> Truth:
    return Truth(Journal(loads, hours(START, len(loads))))


def test_a_stock_converts_what_its_rows_were_in_then_though_all_are_in_our_currency_by_now() -> None:
    deal = {"deal_id": "d", "created_at": "2025-10-25 22:30", "amount": "100", "closed_at": None}
    loads = [
        Load("crm", {"deals": [{**deal, "currency": "USD", "updated": "2025-10-26 00:30"}]}),
        Load("crm", {"deals": [{**deal, "currency": "EUR", "updated": "2025-12-31 23:30"}]}),
        Load("crm", {"exchange_rates": [{"currency": "USD", "day": "2025-10-26", "rate": "0.9"}]}),
    ]
    world = PaperWorld(TABLES, SETTINGS)
    generation = live(world, loads, [True, True, True])
    values = {}
    for end in (date(2025, 10, 28), date(2025, 12, 1), date(2026, 1, 2)):
        asked = question(("pipeline",), Period(date(2025, 10, 20), end), date(2026, 12, 31), Grain.ALL)
        planned = plan(asked, CATALOGUE, generation, SETTINGS)
        (one,) = observe(planned, [on_paper(world)(b.relation) for b in planned.blocks])
        values[end] = (one.value, "no_rate" in one.quality)
    assert values == {
        date(2025, 10, 28): (90, False),
        date(2025, 12, 1): (None, True),
        date(2026, 1, 2): (100, False),
    }


@settings(max_examples=examples(300, 10_000))
@given(loads=LOADS, built=BUILT, as_of=AS_OF)
def test_every_kpi_is_what_the_records_say(loads: list[Load], built: list[bool], as_of: date) -> None:
    world = PaperWorld(TABLES, SETTINGS)
    numbers_are_right(live(world, loads, built), on_paper(world), truth_of(loads), as_of)


@settings(max_examples=examples(10, 300))
@given(loads=LOADS, built=BUILT, as_of=AS_OF)
def test_the_engine_says_so_too(loads: list[Load], built: list[bool], as_of: date) -> None:
    world = PaperWorld(TABLES, SETTINGS)
    generation = live(world, loads, built)
    with duckdb.connect() as connection:
        for name, (_, lines) in tables_of(world).items():
            of = columns_of(TABLES[name.removesuffix(VERSIONS_SUFFIX)], name)
            connection.register(name, sheet(of, lines))
        numbers_are_right(generation, lambda r: connection.execute(render(r).text).fetchall(), truth_of(loads), as_of)


def sheet(columns: Any, lines: list[Row]) -> pa.Table:
    """Stored rows as the engine reads them."""
    return pa.table({n: pa.array([r[n] for r in lines], arrow_type(t)) for n, t in columns})


@settings(max_examples=examples(2, 200))
@given(loads=LOADS, built=BUILT, as_of=AS_OF)
def test_so_does_the_store(loads: list[Load], built: list[bool], as_of: date) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder) / "store", TABLES, SETTINGS)
        generation = live(world, loads, built)
        with pinned(world.store) as reader:
            numbers_are_right(generation, lambda r: reader.rows(render(r)), truth_of(loads), as_of)
