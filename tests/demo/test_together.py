"""KPIs asked together: scans, windows and statements are shared, and every number is the one it is alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import isclose
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.api.held import Held
from headwater.errors import QueryError
from headwater.model.observation import OBSERVATION_FIELDS, Observation
from tests.demo.conftest import Demo

ROUNDED = frozenset({"value", "numerator", "low", "high"})
"""Real numbers: the engine adds them in the order that its threads are done in."""

ASKED: tuple[dict[str, Any], ...] = (
    {"period": "2025-09..2025-12", "grain": "month"},
    {"period": "2025-03-10..2025-05-20", "grain": "week", "as_of": "2025-05-01"},
    {"period": "2025", "grain": "quarter", "by": "channel"},
    {"period": "2025-06", "filter": "channel = 'email'"},
    {},
)


@pytest.fixture(scope="module")
def held(demo: Demo) -> Iterator[Held]:
    """The company as a server holds it, its tables in memory; answers are made anew."""
    with Held(demo.workspace.path, cache_mb=0.001) as company:
        company.hold().result()
        yield company


def ways(held: Held) -> list[str]:
    """Every way to compute a KPI."""
    with held.moment() as moment:
        return [f"{k.id}.{v.id}" for k in moment.catalogue.kpis.values() for v in k.variants]


def same(one: Observation, other: Observation) -> bool:
    """Whether two numbers are the same in everything, but for how reals are rounded."""
    for name in OBSERVATION_FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        close = name in ROUNDED and a is not None and b is not None and isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
        if a != b and not close:
            return False
    return True


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_together_each_number_is_the_one_it_is_alone(held: Held, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(ways(held)), min_size=4, max_size=12, unique=True))
    given_ = data.draw(st.sampled_from(ASKED))
    alone: dict[str, list[Observation]] = {}
    with held.moment() as moment:
        for name in names:
            try:
                alone[name] = list(moment.measure(name, **given_))
            except QueryError:  # a split that it lacks, or a comparison without a period
                continue
        together = list(moment.measure(*alone, **given_)) if alone else []
    found: dict[str, list[Observation]] = {}
    for number in together:
        found.setdefault(f"{number.kpi}.{number.variant}", []).append(number)
    assert set(found) == set(alone)
    for name, numbers in alone.items():
        told = found[name]
        assert len(told) == len(numbers)
        for one, other in zip(told, numbers, strict=True):
            assert same(one, other), (name, one, other)


def test_the_first_page_asks_few_statements(held: Held) -> None:
    """Thirty KPIs of the first page are asked in less than one statement each: what shares table and clock is one."""
    from headwater.api.measuring import run

    with held.moment() as moment:
        names = moment.board("vital_signs").kpis
        asked = moment._stands.question(names, period="2025", grain="month", as_of=date(2026, 1, 5))
        with moment._stands.bench() as at:
            assert len(run(at, asked).statements) <= 20 < len(names)
