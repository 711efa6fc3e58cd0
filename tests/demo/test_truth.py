"""Loaded like anybody's files, the demo gives what is true of the company, to the unit and to the cent."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater.api.held import Held
from headwater.demo.make import SENTINEL, generate
from headwater.demo.programs.crm import CRM_CHANNELS
from headwater.demo.truth import COUNTS, MONEY, WITHOUT_CHANNEL
from headwater.errors import QueryError, WorkspaceError
from headwater.model.kpi import BASE
from headwater.model.landing import Batch
from headwater.model.observation import Observation
from headwater.store import generations
from headwater.store.landing import journal
from headwater.store.lock import writing
from headwater.store.place import open_store
from tests.demo.conftest import SEED, UNTIL, Demo
from tests.world import world

SERIES = COUNTS | MONEY
NO_VALUE: dict[str, str] = {
    # no action tells whether it was the person's first, how long the page took, or whether it was confirmed
    "email_subscribe_rate.form": "no_data",
    "page_load_time": "no_data",
    "signups": "no_data",
    # no call to action tells who saw it, no company how much it is engaged, no answer what revenue it stands for
    "account_engagement_score": "no_data",
    "cta_conversion_rate": "zero_denominator",
    "engaged_accounts": "no_data",
    "nps.revenue_weighted": "no_data",
    # no survey tells who belongs to the market
    "brand_awareness.aided": "no_data",
    "brand_awareness.unaided": "no_data",
    # the search exports tell neither what click rate a position has nor what other sites get
    "organic_traffic_value.estimated": "no_data",
    "organic_traffic_value.ex_brand": "no_data",
    "organic_traffic_value.seed_literal": "no_data",
    "organic_traffic_value.value_per_visit": "no_data",
    "seo_value_ratio": "no_data",
    "share_of_voice.search": "no_data",
    # the ad exports tell neither what ads were eligible for nor what they missed
    "search_impression_share": "no_data",
    "search_lost_is_budget": "no_data",
    "search_lost_is_rank": "no_data",
    "share_of_voice.ads": "no_data",
    # at a fiftieth of its size the company won nobody through a paid channel in the year asked
    "cac.paid": "zero_denominator",
    # fewer than half of all that entered get there: those who wait, and those who were lost, count too
    "mql_to_sql_velocity.km_median": "immature",
    "sales_cycle_length.km_median": "immature",
    "sql_to_quote_velocity.km_median": "immature",
    # no activity tells how a meeting was booked, and no lead how likely it is to be won
    "appointment_rate.per_conversation": "no_data",
    "appointment_rate.per_dial": "no_data",
    "appointments_set": "no_data",
    "lead_quality.expected_value": "no_data",
}
"""Variants with a formula that have no value on the demo, and the reason the answer gives."""


def expected(demo: Demo, name: str, channel: str) -> dict[str, Decimal]:
    """What a series must be by month: its truth, less what was written broken."""
    whole = demo.truth["series"][name][channel]
    gone = demo.truth["unrecoverable"]["effect"].get(name, {}).get(channel, [0] * len(whole))
    months = demo.truth["months"]
    return {m: Decimal(str(v)) - Decimal(str(g)) for m, v, g in zip(months, whole, gone, strict=True)}


def asked(demo: Demo, name: str, **more: Any) -> list[Observation]:
    months = demo.truth["months"]
    return list(
        demo.workspace.measure(demo.truth["kpis"][name], period=f"{months[0]}..{months[-1]}", grain="month", **more)
    )


def differences(demo: Demo, name: str, wanted: dict[tuple[str, str], Decimal], found: list[Observation]) -> list[Any]:
    """Months and channels in which the answer is not the truth; a missing number counts as nothing."""
    allowed = Decimal("0.0101") if name in MONEY else Decimal(0)  # cents, each rounded once on either side
    got: dict[tuple[str, str], Decimal] = {}
    for one in found:
        assert one.period_start is not None
        channel = dict(one.segment).get("channel", "all") or "none"
        got[channel, f"{one.period_start:%Y-%m}"] = Decimal(repr(one.value or 0.0))
    return [
        (key, wanted.get(key, Decimal(0)), got.get(key, Decimal(0)))
        for key in sorted(wanted.keys() | got.keys())
        if abs(wanted.get(key, Decimal(0)) - got.get(key, Decimal(0))) > allowed
    ]


@pytest.mark.parametrize("name", SERIES)
def test_every_month(demo: Demo, name: str) -> None:
    wanted = {("all", month): value for month, value in expected(demo, name, "all").items()}
    assert sum(value > 0 for value in wanted.values()) > 4
    assert differences(demo, name, wanted, asked(demo, name)) == []


@pytest.mark.parametrize("name", [n for n in SERIES if n not in WITHOUT_CHANNEL])
def test_every_month_and_channel(demo: Demo, name: str) -> None:
    channels = [c for c in demo.truth["series"][name] if c != "all"]
    assert len(channels) >= len(CRM_CHANNELS)
    wanted = {(c, month): value for c in channels for month, value in expected(demo, name, c).items()}
    assert differences(demo, name, wanted, asked(demo, name, by="channel")) == []


def test_channels_add_up_to_the_whole(demo: Demo) -> None:
    for name, columns in demo.truth["series"].items():
        if name in COUNTS:
            parts = [sum(values) for values in zip(*(v for c, v in columns.items() if c != "all"), strict=True)]
            assert parts == columns["all"], name


def test_only_rows_that_were_written_broken_are_set_aside(demo: Demo) -> None:
    rows = demo.truth["unrecoverable"]["rows"]
    batches = [e for e in journal(open_store(demo.workspace.path / ".headwater" / "store")) if isinstance(e, Batch)]
    assert {b.path: b.quarantined for b in batches if b.quarantined} == Counter(row["file"] for row in rows)
    assert sum(b.collapsed for b in batches) > 20
    assert not demo.workspace.check().failed
    assert {row["table"] for row in rows} == {"ad_days", "costs", "email_events", "leads", "web_sessions"}
    assert demo.truth["unrecoverable"]["effect"].keys() >= {"leads", "website_visits", "marketing_spend"}


def test_every_table_is_fed(demo: Demo) -> None:
    generation = generations.current(open_store(demo.workspace.path / ".headwater" / "store"))
    assert generation is not None
    assert [t.table for t in generation.tables if not t.rows] == []


def test_every_kpi_has_a_value_or_a_known_reason(demo: Demo) -> None:
    listing = demo.workspace.kpi_list().rows
    ids = [str(row[listing.columns.index("id")]) for row in listing.rows]
    assert len(ids) > 50
    of = {
        id if variant.id == BASE else f"{id}.{variant.id}": variant
        for id in ids
        for variant in demo.workspace.kpi_show(id).kpi.variants
    }
    answers = zip(of, demo.workspace.measure(*of, period="2025"), strict=True)
    missing = {name: ",".join(one.quality) for name, one in answers if one.value is None}
    waiting = {name for name, variant in of.items() if not variant.answers}
    assert missing == NO_VALUE | dict.fromkeys(waiting, "needs")


def test_the_page_tells_everything_that_was_planted(demo: Demo) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    planted = demo.truth["planted"]
    assert [key for key in planted if key != "cycle" and f"| `{key}` |" not in text] == []
    assert 100 < planted["cycle"]["median_days"] < 200


# --- files -----------------------------------------------------------------------------------------------------------
def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", scale=0.01, seed=SEED, until=UNTIL)
    generate(tmp_path / "two", scale=0.01, seed=SEED, until=UNTIL)
    first = content(tmp_path / "one")
    assert first == content(tmp_path / "two")
    assert len(first) > 60
    generate(tmp_path / "two", scale=0.01, seed=SEED + 1, until=UNTIL)
    other = content(tmp_path / "two")
    assert other.keys() == first.keys()
    assert other["truth.json"] != first["truth.json"]


def test_another_company_takes_the_place_of_the_first_one(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    generate(folder, scale=0.01, seed=SEED, until=UNTIL)
    left = [folder / "exports" / "crm" / "leads-2020.csv", folder / ".headwater" / "store" / "journal"]
    own = folder / "kpis" / "mine.yml"
    for path in (*left, own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    generate(folder, scale=0.01, seed=SEED, until=UNTIL)
    assert all(path.exists() for path in (*left, own))
    generate(folder, scale=0.01, seed=SEED + 1, until=UNTIL)
    assert [path.exists() for path in (*left, own)] == [False, False, True]


def test_a_demo_that_is_read_or_written_is_left_alone(tmp_path: Path) -> None:
    """Its files and its data are those of one company as long as a server shows it."""
    company = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    (company.path / SENTINEL).write_text("{}")
    (company.path / "exports").mkdir()
    store = open_store(company.path / ".headwater" / "store")
    with Held(company.path, environment={}) as held:
        assert held.measure("leads")[0].value == 1
        before = content(store.root)
        with pytest.raises(WorkspaceError, match="being read by another") as refused:
            generate(company.path, scale=0.01, seed=SEED, until=UNTIL)
        assert "headwater serve" in refused.value.do
        assert content(store.root) == before
    with writing(store, "refresh"), pytest.raises(WorkspaceError, match="being written"):
        generate(company.path, scale=0.01, seed=SEED, until=UNTIL)
    assert (company.path / "exports").is_dir()
    generate(company.path, scale=0.01, seed=SEED, until=UNTIL)
    assert (company.path / "exports" / "crm").is_dir()
    assert [p.name for p in store.root.iterdir() if p.name != "lock"] == ["format"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="something else"):
        generate(tmp_path, scale=0.01, until=UNTIL)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="scale"):
        generate(tmp_path, scale=1000)
    with pytest.raises(QueryError, match="2026-10-30"):
        generate(tmp_path, scale=0.01, until=UNTIL.replace(day=30))
    assert list(tmp_path.iterdir()) == []


def test_what_stages_lose_is_the_gain_of_the_funnel(demo: Demo) -> None:
    told = demo.workspace.funnel(period="2025")
    answer = demo.workspace.measure("stage_bottleneck_index", period="2025", by="stage")
    assert len(answer) == len(told.steps) - 1
    for o in answer:
        gain = told.find("gain", str(dict(o.segment)["stage"]))
        assert gain is not None and gain.value is not None
        assert (o.value, o.low, o.high, o.currency) == (gain.value, gain.low, gain.high, gain.currency)
    (most,) = demo.workspace.measure("stage_bottleneck_index", period="2025")
    assert most.value == max(o.value or 0.0 for o in answer)
