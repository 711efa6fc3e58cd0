"""Whole workspaces on every tested engine: each KPI in each variant, by month and by a split, answers what the default
engine answers, whose answers other tests hold by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from headwater.api.answering import observed
from headwater.api.bringing import brought
from headwater.api.checked import Result
from headwater.api.componental import Component
from headwater.api.components import asked as asking_components
from headwater.api.components import components_of
from headwater.api.funnel import asked as funnelling
from headwater.api.funnel import funnel_of
from headwater.api.funnels import FUNNELS
from headwater.api.histories import histories
from headwater.api.kpis import kpi_show
from headwater.api.loading import quiet
from headwater.api.measuring import Bench, Ground, ground, run
from headwater.api.qualify import asked as qualifying
from headwater.api.qualify import qualify_of
from headwater.api.workspace import Workspace
from headwater.errors import QueryError
from headwater.model.kpi import BASE
from headwater.model.measure import Measure
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.model.question import Question
from headwater.store.place import open_store
from tests.catalogue.conftest import SEED, stored_company
from tests.catalogue.worlds import NOW as DRAWN_NOW
from tests.catalogue.worlds import estate
from tests.demo.conftest import Demo, demo
from tests.engines import servers, small
from tests.examples import test_olist as example

__all__ = ["demo"]

pytestmark = pytest.mark.beside_spark  # what the default engine answers is worked out once

MONTHS = {
    "demo": Period(date(2026, 5, 1), date(2026, 11, 1)),
    "olist": Period(date(2017, 12, 1), date(2018, 6, 1)),
    "drawn": Period(date(2024, 11, 1), date(2025, 6, 1)),
}
"""The workspaces, and the months asked. `drawn` is the company of the check queries, with all that is wrong in data."""

MONTHLY, SPLIT, MONTHLY_AND_SPLIT = slice(0, 1), slice(1, None), slice(None)
"""Which of the questions `asked`."""

EXACT = {"count", "count_distinct", "sum", "min", "max"}
"""Aggregates of whole numbers and decimals: every digit is the same everywhere, of their quotients too."""

IN_DOUBLES = 1e-12
"""How far answers of the others may be apart, as a share: the last digit depends on the order of adding."""


@dataclass(frozen=True)
class Whole:
    """A workspace, the questions asked of it and of its funnels, and what the default engine answers."""

    ground: Ground
    questions: tuple[Question, ...]
    expected: Answers
    exact: Mapping[str, bool]


@dataclass(frozen=True)
class Answers:
    """The Observations of each question, of each funnel, the verdicts on campaigns over a year, the Observations of who
    qualifies, and what is found in the histories of stages."""

    told: tuple[tuple[Observation, ...], ...]
    funnels: tuple[Observation, ...]
    components: tuple[Component, ...]
    qualified: tuple[Observation, ...]
    histories: tuple[Result, ...]


@pytest.fixture(scope="module", params=MONTHS)
def whole(request: pytest.FixtureRequest) -> Whole:
    stands = request.getfixturevalue(f"{request.param}_ground")
    questions = tuple(asked(stands, MONTHS[request.param]))
    return Whole(stands, questions, answers(stands, questions), exactly(stands))


@pytest.fixture(scope="module")
def demo_ground(demo: Demo) -> Ground:
    return ground(demo.workspace._folder)


@pytest.fixture(scope="module")
def olist_ground(olist_workspace: Workspace) -> Ground:
    return ground(olist_workspace._folder)


@pytest.fixture(scope="module")
def drawn_ground(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Ground:
    path, known = stored_company(tmp_path_factory, worker_id, estate(SEED))
    return replace(ground(Workspace(path, now=DRAWN_NOW, environment={})._folder), catalogue=known)


@pytest.fixture(scope="module")
def olist_workspace(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workspace:
    return example.made_once(shared_data, tmp_path_factory, worker_id, now=datetime(2018, 12, 31, tzinfo=UTC))


def asked(stands: Ground, months: Period) -> Iterator[Question]:
    """All KPIs by month, and those that have one by the first split they offer, each split asked once for all."""
    names = [k.id if v.id == BASE else f"{k.id}.{v.id}" for k in stands.catalogue.kpis.values() for v in k.variants]
    yield Question(tuple(names), stands.today, months, Grain.MONTH)
    by: dict[str, list[str]] = {}
    for name in names:
        if splits := kpi_show(stands.catalogue, name).splits:
            by.setdefault(next((s for s in splits if s in by), splits[0]), []).append(name)
    for split, some in by.items():
        yield Question(tuple(some), stands.today, months, Grain.ALL, (split,))


def exactly(stands: Ground) -> dict[str, bool]:
    """Whether the answers of a KPI are the same to the last digit."""
    return {
        kpi.id: all(
            whole_numbers(measure)
            for name in (kpi.id, *(f"{kpi.id}.{v.id}" for v in kpi.variants))
            for measure in kpi_show(stands.catalogue, name).measures
        )
        for kpi in stands.catalogue.kpis.values()
    }


def whole_numbers(measure: Measure) -> bool:
    """Whether a measure adds up whole numbers and decimals alone: rows that are spread over months are shares."""
    return measure.aggregate in EXACT and not (measure.lag is not None and measure.lag.spread)


def answers(stands: Ground, questions: Sequence[Question], engine: str = "") -> Answers:
    """What is answered, each in one order. With `engine`, that one must answer, and not the files."""
    with stands.bench() as at, small.in_one_piece(at.reader._engine):
        assert at.reader.instead is None
        assert not engine or at.reader.spelling == engine
        told = []
        for question in questions:
            ran = run(at, question)
            told.append(tuple(sorted(observed(at, ran), key=which)))
        funnels = [
            o
            for name in FUNNELS.get(stands.folder, stands.catalogue)
            for o in funnelled(at, stands, name, questions[0])
        ]
        components = tuple(components_of(at, asking_components(stands, level="campaign")))
        qualified = qualify_of(at, qualifying(stands, period=questions[0].period)).numbers
        found = tuple(histories(at, stands.today))
        return Answers(tuple(told), tuple(sorted(funnels, key=which)), components, qualified, found)


def funnelled(at: Bench, stands: Ground, name: str, like: Question) -> tuple[Observation, ...]:
    """The numbers of a funnel over all the months of a question; none of one that no source feeds, which is refused."""
    try:
        return tuple(funnel_of(at, funnelling(stands, name, period=like.period)))
    except QueryError:
        return ()


def which(o: Observation) -> tuple[str, ...]:
    return o.kpi, o.variant, str(o.period_start), repr(o.segment), o.currency


@contextmanager
def on(stands: Ground, engine: str, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The workspace with that engine in its settings, and its tables there."""
    if engine == "postgres":
        with servers.database(request.getfixturevalue("postgres_url")) as url:
            moved = with_engine(stands, url)
            assert brought(open_store(stands.folder.store), moved.company.settings, quiet) is not None
            yield moved
    elif engine == "spark":
        yield with_engine(stands, request.getfixturevalue("spark_url"))
    else:
        yield with_engine(stands, "chdb")


def with_engine(stands: Ground, address: str) -> Ground:
    settings = replace(stands.company.settings, engine=address)
    return replace(stands, company=replace(stands.company, settings=settings))


@pytest.mark.parametrize("engine_of", ("postgres", "clickhouse"))
def test_every_kpi_answers_the_same(whole: Whole, engine_of: str, request: pytest.FixtureRequest) -> None:
    is_the_same(whole, engine_of, request)


@pytest.mark.spark
@pytest.mark.timeout(1200)
def test_every_kpi_answers_the_same_on_spark(whole: Whole, request: pytest.FixtureRequest) -> None:
    """Spark takes long for each statement: splits are asked of it in the tiny world and in worked examples, and here in
    the long checks."""
    is_the_same(whole, "spark", request, MONTHLY)


@pytest.mark.spark
@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_every_kpi_by_a_split_answers_the_same_on_spark(whole: Whole, request: pytest.FixtureRequest) -> None:
    is_the_same(whole, "spark", request, SPLIT)


def is_the_same(
    whole: Whole, engine_of: str, request: pytest.FixtureRequest, chosen: slice = MONTHLY_AND_SPLIT
) -> None:
    """Holds what an engine answers against what the default one does, for the chosen questions."""
    with on(whole.ground, engine_of, request) as moved:
        found = answers(moved, whole.questions[chosen], engine_of)
    wrong = [
        f"{engine_of}: {there}\nduckdb: {here}"
        for expected, given in zip(whole.expected.told[chosen], found.told, strict=True)
        for here, there in zip(expected, given, strict=True)
        if not same(here, there, exact=whole.exact[here.kpi])
    ]
    assert not wrong, "\n".join(wrong[:5]) + f"\n{len(wrong)} answers differ"
    pairs = zip(whole.expected.funnels, found.funnels, strict=True)
    assert [pair for pair in pairs if not same(*pair, exact=False)] == []
    campaigns = zip(whole.expected.components, found.components, strict=True)
    assert [pair for pair in campaigns if not same_component(*pair)] == []
    assert found.qualified == whole.expected.qualified
    assert found.histories == whole.expected.histories


def same_component(here: Component, there: Component) -> bool:
    """Whether two components say the same: what they are for, KPIs, verdict, and every figure of it."""
    kpis = [(getattr(here, name), getattr(there, name)) for name in ("growth", "efficiency", "cost")]
    if not all(a == b if a is None or b is None else same(a, b, exact=False) for a, b in kpis):
        return False
    rest = [f.name for f in fields(Component) if f.name not in ("growth", "efficiency", "cost")]
    told = [(getattr(here, name), getattr(there, name)) for name in rest]
    return all(equal(a, b, exact=False) if isinstance(a, float) else a == b for a, b in told)


def same(here: Observation, there: Observation, *, exact: bool) -> bool:
    """Whether two Observations say the same: value, parts, counts, interval, quality, words and versions."""
    numbers = ("value", "numerator", "denominator", "low", "high")
    near = all(equal(getattr(here, name), getattr(there, name), exact=exact) for name in numbers)
    without = dict.fromkeys(numbers, None) | {"quality": ("no_data",)}
    return near and here.quality == there.quality and replace(here, **without) == replace(there, **without)


def equal(here: float | None, there: float | None, *, exact: bool) -> bool:
    if here is None or there is None or exact:
        return here == there
    return math.isclose(here, there, rel_tol=IN_DOUBLES, abs_tol=1e-12)


def test_enough_is_asked(whole: Whole) -> None:
    """A workspace without values, or a question without answers, would be equal everywhere."""
    told = [o for answer in whole.expected.told for o in answer]
    assert {o.kpi for o in told} == set(whole.ground.catalogue.kpis)
    assert len({o.kpi for o in told if o.value is not None}) > 20
    assert len([q for q in whole.questions if q.by]) > 1
    assert len({(o.funnel, o.variant) for o in whole.expected.funnels if o.value is not None}) > 20
    assert any(o.variant == "qualified" and o.value for o in whole.expected.qualified)
    with whole.ground.bench() as at:
        entries, campaigns = (at.reader.generation.table(name) for name in ("stage_entries", "campaigns"))
    assert bool(whole.expected.histories) == bool(entries is not None and entries.rows)
    tested = [c for c in whole.expected.components if c.p is not None]
    assert bool(tested) == bool(campaigns is not None and campaigns.rows)


def test_a_difference_is_seen(whole: Whole) -> None:
    one = next(o for answer in whole.expected.told for o in answer if o.value)
    assert one.value is not None
    assert same(one, one, exact=True)
    assert not same(one, replace(one, value=one.value * (1 + 1e-9)), exact=False)
    assert not same(one, replace(one, value=math.nextafter(one.value, math.inf)), exact=True)
    assert not same(one, replace(one, quality=("partial",)), exact=False)
    assert not same(one, replace(one, subjects=(one.subjects or 0) + 1), exact=False)
    for component in whole.expected.components:
        assert same_component(component, component)
        assert not same_component(component, replace(component, p=0.123))
