"""Every KPI and variant against its check query: plain SQL written from the definition, on mapped columns alone."""

import math
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from headwater.model.catalogue import Catalogue
from headwater.model.expression import Name
from headwater.model.measure import Reached, Span
from headwater.model.period import Grain, Period, add_months
from tests.catalogue.conftest import CHECKS, Company, variants
from tests.catalogue.worlds import LAST
from tests.shipped import shipped

CATALOGUE = shipped()
WHOLE = Period(date(2025, 1, 1), date(2025, 5, 1))
MONTHS = tuple(Period(add_months(date(2024, 11, 1), n), add_months(date(2024, 12, 1), n)) for n in range(10))
LATE, EARLY = LAST + timedelta(30), date(2025, 6, 15)
"""The days asked as of: after all data, and in the middle of a month."""


FEW_GET_THERE = ("quote_to_close_velocity.km_median", "sql_to_quote_velocity.km_median")
"""Times until half got there, of what fewer than half get to in this company."""
TOO_YOUNG = "customer_churn_rate.cohort_survival"
"""A share within a time that hardly any customer of this company is seen for."""


def file_of(name: str) -> str:
    """The name of the check query of a KPI or a variant: of the default variant, it is the KPI's."""
    kpi, _, variant = name.partition(".")
    return kpi if variant == CATALOGUE.kpis[kpi].default else name


def check_of(name: str) -> str:
    """The check query of a KPI or a variant."""
    return (CHECKS / f"{file_of(name)}.sql").read_text(encoding="utf-8")


def split_of(text: str) -> str:
    """The split that a check query can be asked by, '' for none."""
    found = re.match(r"-- split: (\w+)\n", text)
    return found[1] if found else ""


def sooner(name: str, catalogue: Catalogue) -> tuple[Catalogue, str]:
    """A KPI that asks for the first tenth instead of half, or within 60 days instead of 12 months,
    and its check query."""
    kpi, _, variant = name.partition(".")
    asked = catalogue.kpis[kpi].variant(variant)
    assert asked is not None and isinstance(asked.formula, Name)
    measure = catalogue.measures[asked.formula.id]
    if measure.aggregate == "share":
        assert isinstance(measure.clock, Reached)
        within = Span(60, "day") if measure.clock.within == Span(12, "month") else measure.clock.within
        shorter = replace(measure, clock=replace(measure.clock, within=within))
        text = check_of(name).replace("interval 12 months", "interval 60 days")
        return replace(catalogue, measures={**catalogue.measures, measure.id: shorter}), text
    tenth = replace(measure, aggregate="quantile", quantile=0.1) if measure.aggregate == "median" else measure
    text = check_of(name).replace("remaining <= 0.5", "remaining <= 0.9")
    return replace(catalogue, measures={**catalogue.measures, measure.id: tenth}), text


def agree(found: float | None, wanted: float | None) -> bool:
    """The same number, or no number on both sides."""
    if found is None or wanted is None:
        return found is wanted
    return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)


def test_every_variant_has_a_check_query_and_no_query_is_left_over() -> None:
    assert {file_of(n) for n in variants(CATALOGUE)} == {p.stem for p in CHECKS.glob("*.sql")} - {"_setup"}


@pytest.mark.parametrize("as_of", [LATE, EARLY], ids=["after", "within"])
@pytest.mark.parametrize("name", variants(CATALOGUE))
def test_months_agree(company: Company, name: str, as_of: date) -> None:
    text = check_of(name)
    months = [m for m in MONTHS if m.start <= as_of]
    asked = company.ask(name, Period(months[0].start, months[-1].end), as_of, Grain.MONTH)
    wanted = [company.check(text, m, as_of) for m in months]
    found = [(m.start, o.value, w, o.detail) for m, w, o in zip(months, wanted, asked, strict=True)]
    assert [f for f in found if not agree(f[1], f[2])] == []
    assert any(w is not None for w in wanted) == (name not in FEW_GET_THERE) or name == TOO_YOUNG


@pytest.mark.parametrize("as_of", [LATE, EARLY], ids=["after", "within"])
@pytest.mark.parametrize("name", (*FEW_GET_THERE, TOO_YOUNG))
def test_the_first_tenth_or_sixty_days_agree_where_half_or_a_year_do_not_come(
    company: Company, name: str, as_of: date
) -> None:
    catalogue, text = sooner(name, company.catalogue)
    months = [m for m in MONTHS if m.start <= as_of]
    asked = company.ask(name, Period(months[0].start, months[-1].end), as_of, Grain.MONTH, catalogue=catalogue)
    wanted = [company.check(text, m, as_of) for m in months]
    assert [(o.value, w) for o, w in zip(asked, wanted, strict=True) if not agree(o.value, w)] == []
    assert sum(w is not None for w in wanted) > 2


@pytest.mark.parametrize("name", variants(CATALOGUE))
def test_the_whole_agrees_in_all_and_by_segment(company: Company, name: str) -> None:
    text = check_of(name)
    (found,) = company.ask(name, WHOLE, EARLY)
    wanted = company.check(text, WHOLE, EARLY)
    assert agree(found.value, wanted), (found.value, wanted, found.detail)
    split = split_of(text)
    if split:
        segments = company.ask(name, WHOLE, EARLY, by=(split,))
        assert len(segments) > 1
        for one in segments:
            wanted = company.check(text, WHOLE, EARLY, one.segment[0][1], every=False)
            assert agree(one.value, wanted), (one.segment, one.value, wanted, one.detail)
