"""What stages lose, against an independent query, the funnel's own answer, the rows behind it and wrong definitions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from math import isclose
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from headwater.api import gains
from headwater.api.analysed import bottleneck
from headwater.api.workspace import Workspace
from headwater.errors import QueryError
from headwater.model.funnel import Funnel
from headwater.model.kpi import ANALYSES
from headwater.model.measure import Span
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period, add_months
from tests.world import world

KPI = "stage_bottleneck_index"
QUERY = (Path(__file__).parent / "analysed" / f"{KPI}.sql").read_text(encoding="utf-8")
STAGES = ("mql", "sales_qualified", "opportunity", "customer")
FIRST, THROUGH = date(2022, 7, 1), date(2025, 9, 30)
LATE, EARLY = date(2025, 12, 31), date(2025, 6, 15)
"""The days asked as of: after all data, and in the middle of a month."""
WHOLE = Period(date(2025, 1, 1), date(2025, 7, 1))
MONTHS = Period(date(2025, 3, 1), date(2025, 8, 1))
ALL = "no segment"
Rows = dict[str, list[dict[str, Any]]]
Stage = tuple[str, int, float | None]


def drawn(seed: int) -> Rows:
    """Three years of people who pass three stages and win deals, better in some years than in others."""
    random = Random(seed)
    leads: list[dict[str, Any]] = []
    deals: list[dict[str, Any]] = []
    for n in range(620):
        day = FIRST + timedelta(random.randrange((THROUGH - FIRST).days + 1))
        good = 1.0 if day.year == 2023 else 0.75

        def later(since: date | None, share: float, longest: int) -> date | None:
            if since is None or random.random() > share * good:  # noqa: B023 (called at once)
                return None
            found = since + timedelta(random.choice((0, 89, 90, 91, 180, 181, random.randrange(longest))))
            return found if found <= THROUGH else None

        mql = later(day, 0.7, 80)
        sales_qualified = later(mql or (day if random.random() < 0.1 else None), 0.75, 80)
        channel = random.choice(("ads", "ads", "fair", None))
        leads.append(
            {"lead_id": f"L{n}", "created": day, "mql": mql, "sales_qualified": sales_qualified, "channel": channel}
        )
        for k in range(random.choice((1, 1, 2))):
            opened = later(sales_qualified, 0.85, 80)
            closed = later(opened, 0.85, 150)
            if opened is not None:
                status = "open" if closed is None else random.choice(("won", "won", "lost"))
                amount = random.randrange(100, 9000)
                deals.append(
                    {"deal_id": f"D{n}-{k}", "lead_id": f"L{n}", "created": opened, "status": status,
                     "closed": closed, "amount": amount}
                )  # fmt: skip
    return {"leads": leads, "deals": deals}


ROWS = drawn(4)


def day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    leads = [
        {"lead_id": r["lead_id"], "created_at": day_text(r["created"]), "mql_at": day_text(r["mql"]),
         "sales_qualified_at": day_text(r["sales_qualified"]), "channel": r["channel"]}
        for r in ROWS["leads"]
    ]  # fmt: skip
    deals = [
        {"opportunity_id": r["deal_id"], "lead_id": r["lead_id"], "created_at": day_text(r["created"]),
         "status": r["status"], "closed_at": day_text(r["closed"]), "amount": str(r["amount"])}
        for r in ROWS["deals"]
    ]  # fmt: skip
    tables = {"leads": leads, "opportunities": deals}
    now = datetime(2026, 1, 15, 12, tzinfo=UTC)
    return world(tmp_path_factory.mktemp("bottleneck"), tables, now=now, through=THROUGH)


@pytest.fixture(scope="module")
def truth() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create table leads (lead_id text, created date, mql date, sales_qualified date, channel text)"
        )
        connection.execute(
            "create table deals (deal_id text, lead_id text, created date, status text, closed date, amount integer)"
        )
        connection.executemany("insert into leads values (?, ?, ?, ?, ?)", [list(r.values()) for r in ROWS["leads"]])
        connection.executemany("insert into deals values (?, ?, ?, ?, ?, ?)", [list(r.values()) for r in ROWS["deals"]])
        yield connection


def wanted(truth: duckdb.DuckDBPyConnection, period: Period, as_of: date, segment: str | None = ALL) -> list[Stage]:
    """What the query says of each stage."""
    last = min(THROUGH, as_of, period.end - timedelta(1))
    until = (last + timedelta(1)).replace(day=1)
    given = {
        "start": period.start, "end": period.end, "until": until, "seen": min(THROUGH, as_of),
        "every": segment == ALL, "segment": segment,
    }  # fmt: skip
    return truth.execute(QUERY, given).fetchall()


def most(stages: Sequence[Stage]) -> float | None:
    """The greatest loss of the stages that somebody came to; none where one of those is not known."""
    losses = [loss for _, entries, loss in stages if entries]
    return None if not losses or None in losses else max(x for x in losses if x is not None)


def agree(found: float | None, told: float | None) -> bool:
    if found is None or told is None:
        return found is told
    return isclose(found, told, rel_tol=1e-9, abs_tol=1e-6)


def differences(company: Workspace, truth: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    """Where the answers are not what the query says: by month, in all, by stage, by channel, as of two days."""
    for as_of in (LATE, EARLY):
        for o in company.measure(KPI, period=MONTHS, grain="month", as_of=as_of):
            assert o.period_start is not None and o.period_end is not None
            told = None
            if o.period_start <= as_of:
                told = most(wanted(truth, Period(o.period_start, o.period_end), as_of))
            if not agree(o.value, told):
                yield as_of, o.period_start, o.value, told
        by_stage = {dict(o.segment)["stage"]: o for o in company.measure(KPI, period=WHOLE, by="stage", as_of=as_of)}
        for stage, entries, loss in wanted(truth, WHOLE, as_of):
            found = by_stage.get(stage)
            if found is None or not agree(found.value, loss if entries else None):
                yield as_of, stage, found, loss
    for o in company.measure(KPI, period=WHOLE, by="channel", as_of=LATE):
        told = most(wanted(truth, WHOLE, LATE, o.segment[0][1]))
        if not agree(o.value, told):
            yield o.segment, o.value, told


def test_it_is_what_the_query_says(company: Workspace, truth: duckdb.DuckDBPyConnection) -> None:
    assert list(differences(company, truth)) == []
    known = [o for o in company.measure(KPI, period=MONTHS, grain="month", as_of=LATE) if o.value is not None]
    assert len(known) == 5 and all(o.value is not None and o.value > 0 for o in known)
    losses = [loss for _, _, loss in wanted(truth, WHOLE, LATE)]
    assert len({round(x) for x in losses if x is not None}) == len(STAGES)


# --- wrong definitions are found out ----------------------------------------------------------------------------------
def wrong(funnel: Funnel) -> Iterator[tuple[str, Funnel]]:
    """The funnel with slips of the pen."""
    steps = {s.id: s for s in funnel.steps}
    for id_ in STAGES:
        span = steps[id_].within
        shorter = replace(steps[id_], within=Span(span.amount - 1, span.unit))
        yield f"{id_} a day less", replace(funnel, steps=tuple(shorter if s.id == id_ else s for s in funnel.steps))
        dropped = tuple(s for s in funnel.steps if s.id != id_)
        yield f"without {id_}", replace(funnel, steps=dropped)
    swapped = replace(steps["sales_qualified"], at="mql_at"), replace(steps["mql"], at="sales_qualified_at")
    named = {s.id: s for s in swapped}
    yield "dates swapped", replace(funnel, steps=tuple(named.get(s.id, s) for s in funnel.steps))
    yield "no value", replace(funnel, value="")


QUICK = ("customer a day less", "without sales_qualified", "dates swapped", "no value")


def unseen(company: Workspace, truth: duckdb.DuckDBPyConnection, patch: pytest.MonkeyPatch, quick: bool) -> list[str]:
    """The slips that the query does not tell from what is right."""
    right, folder = bottleneck.funnel_named, company._folder
    found = []
    for what, funnel in wrong(right(folder, folder.catalogue(folder.company()), "")):
        if (what in QUICK) is quick:
            patch.setattr(bottleneck, "funnel_named", lambda *_, funnel=funnel: funnel)
            found += [what] if next(differences(company, truth), None) is None else []
    return found


def test_slips_in_the_funnel_are_found_out(
    company: Workspace, truth: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unseen(company, truth, monkeypatch, quick=True) == []


@pytest.mark.verify
def test_all_slips_in_the_funnel_are_found_out(
    company: Workspace, truth: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unseen(company, truth, monkeypatch, quick=False) == []


@pytest.mark.parametrize("what", ["two years", "the young count", "half a year"])
def test_slips_in_the_reference_are_found_out(
    company: Workspace, truth: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    from headwater.analyses import funnel as analysis

    match what:
        case "two years":
            monkeypatch.setattr(gains, "YEARS", 2)
        case "the young count":
            monkeypatch.setattr(gains, "_settled", lambda o: o.value is not None)
        case _:
            monkeypatch.setattr(analysis, "best_year", partial(analysis.best_year, span=6))
    assert next(differences(company, truth), None) is not None


# --- the same by every verb -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("period", "asked"),
    [(None, {}), ("2024", {"filter": "channel = 'ads'"}), (None, {"as_of": EARLY}),
     ("2024-10-01..2025-09-30", {"as_of": EARLY})],
    ids=["all", "ads", "early", "not over"],
)  # fmt: skip
def test_in_a_year_it_is_the_gain_of_the_funnel(company: Workspace, period: str | None, asked: dict[str, Any]) -> None:
    told = company.funnel(period=period, **asked)
    assert told.find("gain", "mql") is not None
    answer = company.measure(KPI, period=period, by="stage", **asked)
    for o in answer:
        gain = told.find("gain", str(dict(o.segment)["stage"]))
        assert gain is not None
        if (gain.period_start, gain.period_end) == (o.period_start, o.period_end):
            assert (o.value, o.low, o.high, o.subjects) == (gain.value, gain.low, gain.high, gain.subjects)
        else:  # the year asked is not over: the funnel's year is another
            assert period == "2024-10-01..2025-09-30" and asked == {"as_of": EARLY}
    (one,) = company.measure(KPI, period=period, **asked)
    values = {str(dict(o.segment)["stage"]): o.value for o in answer if o.value is not None}
    if len(values) == len(STAGES):
        worst = max(values, key=lambda s: values[s])
        assert (one.value, f"({worst})" in one.detail) == (values[worst], True)


def test_the_rows_give_the_number(company: Workspace) -> None:
    (one,) = company.measure(KPI, period=WHOLE, as_of=LATE)
    blocks = {b.measure: b for b in company.records(KPI, period=WHOLE, as_of=LATE, limit=100_000)}
    assert len(blocks) == 9 and {b.kpi for b in blocks.values()} == {KPI}

    def rows(name: str) -> list[dict[str, Any]]:
        block = blocks[name].rows
        assert block.total == len(block.rows) and all(
            dict(zip(block.columns, r, strict=True))["row"] for r in block.rows
        )
        return [dict(zip(block.columns, r, strict=True)) for r in block.rows]

    order = ("lead", *STAGES)
    months = [add_months(WHOLE.end, n).strftime("%Y-%m") for n in range(-36, 0)]
    newest, best = {}, {}
    for before, stage in zip(order, STAGES, strict=False):
        by: dict[str, list[str]] = {m: [] for m in months}
        for row in rows(f"{before}_to_{stage}"):
            by[row["period"]].append(row["state"])
        ripe = [m for m in months if "left_out" not in by[m]]
        assert ripe == months[: len(ripe)]  # the young are the newest

        def rate(some: Sequence[str], by: dict[str, list[str]] = by) -> float:
            states = [s for m in some for s in by[m]]
            return states.count("reached") / len(states)

        newest[stage] = rate(ripe[-12:])
        best[stage] = max(rate(ripe[i : i + 12]) for i in range(len(ripe) - 11))
    worths = [float(row["value"]) for row in rows("worth_of_customer")]
    losses, passing = {}, 1.0
    for before, stage in reversed(list(zip(order, STAGES, strict=False))):
        losses[stage] = len(rows(f"came_to_{before}")) * (best[stage] - newest[stage]) * passing
        passing *= newest[stage]
    assert one.value == pytest.approx(max(losses.values()) * sum(worths) / len(worths))


def test_trace_and_compare_tell_the_same(company: Workspace) -> None:
    numbers = company.measure(KPI, period=WHOLE, by=["stage"], as_of=LATE)
    (told,) = company.trace(KPI, period=WHOLE, by=["stage"], as_of=LATE)
    assert [n.observation for n in told.numbers] == list(numbers)
    for number in told.numbers:
        left, _, right = number.filled.rpartition(" = ")
        assert isclose(float(eval(left, {"__builtins__": {}})), float(right), rel_tol=1e-6)
    assert len(told.statements) >= 3 and {f.table for f in told.freshness} >= {"lead_journeys", "opportunities"}
    assert {m.id: m.rows for m in told.measures}["came_to_lead"] == 5 * 0 + len(
        [r for r in ROWS["leads"] if r["created"] in WHOLE]
    )
    rows = company.compare(KPI, period=("2024", WHOLE), by="stage", as_of=LATE)
    assert {dict(r.b.segment)["stage"]: r.b for r in rows if r.b} == {dict(o.segment)["stage"]: o for o in numbers}


def test_a_filter_of_stages_tells_which_are_looked_at(company: Workspace) -> None:
    every = {dict(o.segment)["stage"]: o for o in company.measure(KPI, period=WHOLE, by="stage", as_of=LATE)}
    assert list(every) == list(STAGES)
    ask = partial(company.measure, KPI, period=WHOLE, as_of=LATE)
    (one,) = ask(filter="stage = 'mql' and channel is not empty")
    (two,) = ask(filter="channel is not empty", by="stage")[:1]
    assert (one.value, one.filter) == (two.value, "stage = 'mql' and channel is not empty")
    assert [dict(o.segment)["stage"] for o in ask(filter="not stage in ('mql', 'customer')", by="stage")] == [
        "sales_qualified", "opportunity",
    ]  # fmt: skip
    (none,) = ask(filter="stage = 'x'")
    assert (none.value, none.quality) == (None, ("no_data",)) and "no such stage" in none.detail
    both = ask(by=["stage", "channel"])
    assert len(both) == 12 and {len(o.segment) for o in both} == {2}
    for words, asked in (
        ("cannot be split by 'weather'", {"by": "weather"}),
        ("cannot be filtered by 'weather'", {"filter": "weather = 'x'"}),
        ("asks for 'stage' and for more", {"filter": "stage = 'mql' or channel = 'ads'"}),
        ("compared with names", {"filter": "stage > 'mql'"}),
    ):
        with pytest.raises(QueryError, match=words):
            ask(**asked)


def test_other_kpis_are_answered_beside_it(company: Workspace) -> None:
    answer = company.measure("leads", KPI, "win_rate", period=WHOLE, grain=Grain.MONTH, by="channel")
    assert list(dict.fromkeys(o.kpi for o in answer)) == ["leads", KPI, "win_rate"]
    assert {o.period_start for o in answer if o.kpi == KPI} == {o.period_start for o in answer if o.kpi == "leads"}


# --- absent, with the reason ------------------------------------------------------------------------------------------
def said(company: Workspace, **asked: Any) -> Observation:
    (found,) = company.measure(KPI, **asked)
    assert found.value is None
    return found


def test_what_is_not_known_says_why(company: Workspace, tmp_path: Path) -> None:
    before = said(company, period="2020")
    assert (before.quality, "no whole month" in before.detail) == (("immature",), True)
    young = said(company, period="2022-08")
    assert young.quality == ("immature", "no_data")
    assert "no twelve months in a row" in young.detail and "Customer is worth is not known" in young.detail
    first = said(company, period="2023-04")
    assert first.quality == ("immature",) and first.detail.startswith("MQL: there are no twelve months")
    assert "after 2025-12-31" in said(company, period="2026-05", as_of=LATE).detail
    empty = world(tmp_path, {})
    assert "no source feeds 'leads'" in said(empty, period="2025").detail
    every = empty.measure(KPI, period="2025", by=["stage", "channel"])
    assert {(dict(o.segment)["channel"], o.value, o.detail) for o in every} == {(None, None, "no source feeds 'leads'")}
    (way,) = [w for w in empty.kpi_coverage(KPI).ways if w.kpi == KPI]
    assert way.state == "waiting" and "leads" in way.lacks


# --- analyses that answer ---------------------------------------------------------------------------------------------
def test_every_analysis_has_a_file_and_a_kpi(company: Workspace) -> None:
    folder = Path(bottleneck.__file__).parent
    assert {p.stem for p in folder.glob("*.py")} - {"__init__"} == set(ANALYSES)
    catalogue = company._folder.catalogue(company._folder.company())
    kpis = [(k, v) for k in catalogue.kpis.values() for v in k.variants if v.analysis]
    assert {v.analysis for _, v in kpis} == set(ANALYSES)
    for kpi, variant in kpis:
        name = f"{kpi.id}.{variant.id}"
        answer = company.measure(name, period=WHOLE, as_of=LATE)
        assert {(o.kpi, o.variant, o.unit) for o in answer} == {(kpi.id, variant.id, str(variant.unit))}
        assert all(o.value is not None or o.detail for o in answer)
        for split in company.kpi_show(name).splits[:3]:
            assert [o.segment[0][0] for o in company.measure(name, period=WHOLE, by=split)][:1] == [split]
        assert len(company.records(name, period=WHOLE, limit=1)) > 0
        assert all(t.statements and t.written for t in company.trace(name, period=WHOLE))
        definitions = company.path / ".headwater" / "store" / "definitions"
        assert all((definitions / f"{o.definition}.json").is_file() for o in answer)
