"""Definitions written wrongly are found out by the check queries: at least 95 of 100."""

from collections.abc import Iterator

import pytest

from headwater.errors import QueryError
from headwater.model.catalogue import Catalogue
from headwater.model.period import Grain, Period
from tests.catalogue.conftest import Company, variants
from tests.catalogue.mutations import wrong
from tests.catalogue.test_checks import (
    CATALOGUE,
    EARLY,
    FEW_GET_THERE,
    LATE,
    MONTHS,
    TOO_YOUNG,
    WHOLE,
    agree,
    check_of,
    sooner,
    split_of,
)

GROUPS = 4
MOST_SURVIVORS = 0.05


def answers(company: Company, name: str, catalogue: Catalogue) -> Iterator[tuple[float | None, float | None]]:
    """What a KPI answers by these definitions, and what its check query answers: months, then the whole by segment."""
    text = check_of(name)
    if name in (*FEW_GET_THERE, TOO_YOUNG):
        catalogue, text = sooner(name, catalogue)
    for as_of in (LATE, EARLY):
        months = [m for m in MONTHS if m.start <= as_of]
        asked = company.ask(name, Period(months[0].start, months[-1].end), as_of, Grain.MONTH, catalogue=catalogue)
        for month, one in zip(months, asked, strict=True):
            yield one.value, company.check(text, month, as_of)
    split = split_of(text)
    for one in company.ask(name, WHOLE, EARLY, by=(split,) if split else (), catalogue=catalogue):
        segment = one.segment[0][1] if split else None
        yield one.value, company.check(text, WHOLE, EARLY, segment, every=not split)


def found_out(company: Company, name: str, catalogue: Catalogue) -> bool:
    """Whether the check query disagrees with wrong definitions, or the planner refuses them."""
    try:
        return any(not agree(found, wanted) for found, wanted in answers(company, name, catalogue))
    except QueryError:
        return True


@pytest.mark.parametrize("group", range(GROUPS))
def test_wrong_definitions_are_found_out(company: Company, group: int) -> None:
    tried = 0
    survivors: list[str] = []
    for name in variants(CATALOGUE)[group::GROUPS]:
        for what, catalogue in wrong(company.catalogue, name):
            tried += 1
            if not found_out(company, name, catalogue):
                survivors.append(f"{name}: {what}")
    print(f"{tried - len(survivors)} of {tried} wrong definitions found out; survivors:", *survivors, sep="\n  ")
    assert tried > 100
    assert len(survivors) <= MOST_SURVIVORS * tried, survivors
