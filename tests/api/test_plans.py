"""Plans that are kept: what is given back is what planning anew would give, and never another one's."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from headwater import Workspace
from headwater.api.measuring import Bench, ground
from headwater.api.plans import Plans, planned
from headwater.errors import UnknownError
from headwater.model.catalogue import Catalogue


@pytest.fixture(scope="module")
def bench(company: Workspace) -> Bench:
    """What a question needs; the reader is not read from."""
    with ground(company._folder).bench() as at:
        return at


def other(catalogue: Catalogue) -> Catalogue:
    """Definitions in which what the leads of a KPI are has changed."""
    measures = dict(catalogue.measures)
    kpi = catalogue.kpis["own_leads"]
    for name, measure in measures.items():
        measures[name] = replace(measure, empty=7)
    return replace(catalogue, measures=measures, kpis={**catalogue.kpis, kpi.id: kpi}, hash="other")


def test_definitions_data_settings_and_engines_are_never_mixed(bench: Bench, company: Workspace) -> None:
    stands = ground(company._folder)
    catalogues = (bench.catalogue, other(bench.catalogue))
    generations = (bench.reader.generation, replace(bench.reader.generation, id="another", tables=()))
    settings = (bench.company.settings, replace(bench.company.settings, currency="USD"))
    questions = (
        stands.question(["own_leads"], period="2025-Q1", grain="month"),
        stands.question(["own_leads"], period="2025-Q1", grain="month", filter="channel = 'email'"),
        stands.question(["own_leads", "own_mql_rate"], period="2025-Q1", by="channel"),
    )
    cases = list(product(questions, catalogues, generations, settings, ("duckdb", "postgres")))
    alone = [planned(*case) for case in cases]
    assert len({repr(made) for made in alone}) == len(cases)
    plans = Plans()
    for order in (range(len(cases)), reversed(range(len(cases)))):
        for i in order:
            assert plans.get(*cases[i]) == alone[i]
    assert len(plans) == len(cases)
    assert plans.get(*cases[0]) is plans.get(*cases[0])
    plans.clear()
    assert len(plans) == 0
    assert plans.get(*cases[0]) == alone[0]


def test_the_text_that_is_kept_has_a_bound_and_the_longest_unused_goes_first(bench: Bench, company: Workspace) -> None:
    stands = ground(company._folder)
    of = (bench.catalogue, bench.reader.generation, bench.company.settings, "duckdb")
    months = [stands.question(["own_leads"], period=f"2025-{month:02}") for month in range(1, 8)]
    size = sum(len(s.text) for s in planned(months[0], *of)[1]) + 1000
    plans = Plans(3 * size)
    first = plans.get(months[0], *of)
    for month in months[1:]:
        plans.get(month, *of)
        assert plans.get(months[0], *of) is first  # used each time
        assert len(plans) <= 3
    again = plans.get(months[1], *of)
    assert plans.get(months[1], *of) is again


def test_what_is_refused_is_not_kept(bench: Bench, company: Workspace) -> None:
    asked = replace(ground(company._folder).question(["own_leads"]), kpis=("no_such_kpi",))
    plans = Plans()
    for _ in range(2):
        with pytest.raises(UnknownError):
            plans.get(asked, bench.catalogue, bench.reader.generation, bench.company.settings, "duckdb")
    assert len(plans) == 0
