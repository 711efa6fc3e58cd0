"""Two numbers side by side: the change, the relative change, and why there is none."""

import json

import pytest

from headwater import Workspace
from headwater.errors import QueryError


def test_two_periods(company: Workspace) -> None:
    (row,) = company.compare("own_leads", period=["2025-01", "2025-02"])
    assert (row.a and row.a.value, row.b and row.b.value, row.change, row.relative) == (4, 3, -1, -0.25)


def test_two_segments(company: Workspace) -> None:
    (row,) = company.compare("own_leads", filter=["channel = 'ads'", "channel = 'email'"])
    assert (row.change, row.relative) == (2, 1)


def test_two_kpis(company: Workspace) -> None:
    rows = company.compare("own_leads", "own_reach", by="channel")
    assert [(r.a and r.a.value, r.b and r.b.value) for r in rows] == [(1, 1), (2, 2), (4, 3), (1, 0)]


def test_two_days(company: Workspace) -> None:
    (row,) = company.compare("own_mql_rate", as_of=["2025-01-31", "2025-03-31"])
    assert (row.a and row.a.value, row.b and row.b.value) == (1 / 4, 3 / 8)


def test_two_generations(company: Workspace) -> None:
    id_ = company.measure("own_leads")[0].data
    (row,) = company.compare("own_leads", generation=["", id_])
    assert row.change == 0


def test_months_are_aligned_by_their_place(company: Workspace) -> None:
    rows = company.compare("own_leads", period=["2025-01-01..2025-02-28", "2025-02-01..2025-03-31"], grain="month")
    assert [(r.a and r.a.value, r.b and r.b.value) for r in rows] == [(4, 3), (3, 1)]


def test_a_segment_that_one_side_lacks_has_the_value_of_nothing(company: Workspace) -> None:
    rows = company.compare("own_leads", period=["2025-01", "2025-02"], by="channel")
    found = {dict(r.a.segment)["channel"]: r for r in rows if r.a is not None}
    assert (found["=cmd"].change, found["=cmd"].relative) == (1, None)
    assert "a is zero" in found["=cmd"].reason
    assert (found[None].change, found[None].relative) == (-1, -1)


def test_a_missing_number_has_no_change(company: Workspace) -> None:
    (row,) = company.compare("own_leads", period=["2024", "2025-02"])
    assert (row.change, row.relative) == (None, None)
    assert row.reason.startswith("a: ")


def test_one_side_with_fewer_periods(company: Workspace) -> None:
    rows = company.compare("own_leads", period=["2025-01", "2025-01-01..2025-02-28"], grain="month")
    assert rows[1].a is None
    assert "no such period" in rows[1].reason


def test_text_and_exports(company: Workspace) -> None:
    found = company.compare("own_cost_per_lead", period=["2025-01", "2025-02"])
    assert found.to_text().splitlines()[:2] == ["a: 2025-01", "b: 2025-02"]
    assert "+EUR 307.88" in found.to_text()
    assert found.to_csv().splitlines()[0] == "kpi_a,kpi_b,period_a,period_b,a,b,change,relative_change,reason"
    assert json.loads(found.to_json())[0]["b"]["value"] == 333


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"kpis": ["own_leads"]}, "nothing to compare"),
        ({"kpis": ["own_leads", "own_cost_per_lead"]}, "cannot be compared"),
        ({"kpis": ["own_leads"], "period": ["2024", "2025", "2026"]}, "3 times"),
    ],
)
def test_what_cannot_be_compared(company: Workspace, question: dict, said: str) -> None:
    kpis = question.pop("kpis")
    with pytest.raises(QueryError, match=said):
        company.compare(*kpis, **question)
