"""The list of KPIs, one page each, and lint."""

import json

import pytest

from headwater import Workspace
from headwater.errors import QueryError


def test_the_list_can_be_searched_by_words(company: Workspace) -> None:
    assert [row[0] for row in company.kpi_list("own mql rate")] == ["own_mql_rate"]
    assert {row[0] for row in company.kpi_list()} >= {"own_leads", "own_reach"}
    assert len(company.kpi_list("no such words anywhere")) == 0


def test_a_page_holds_everything_of_the_file(company: Workspace) -> None:
    text = company.kpi_show("own_mql_rate").to_text()
    for said in (
        "Own MQL rate (own_mql_rate)", "What is own mql rate?", "own_to_mql / entered(own_to_mql)", "cohort",
        "proportion", "entered at created_at, reached mql_at", "A test is not a company.", "tests/surface.py",
        "channel", "kpis/own_mql_rate.yml",
    ):  # fmt: skip
        assert said in text


def test_a_page_as_json(company: Workspace) -> None:
    told = json.loads(company.kpi_show("own_cost_per_lead").to_json())
    assert (told["unit"], told["show"], told["own"]) == ("money/lead", "money", True)
    assert [m["id"] for m in told["measures"]] == ["own_cost", "own_entered"]


def test_only_splits_that_every_measure_has_are_offered(company: Workspace) -> None:
    splits = company.kpi_show("own_cost_per_lead").splits
    assert "channel" in splits
    assert "kind" not in splits
    assert "utm_source" not in splits


def test_an_unknown_kpi_names_the_nearest(company: Workspace) -> None:
    with pytest.raises(QueryError, match="own_mql_rate"):
        company.kpi_show("own_mqlrate")


def test_lint_says_what_is_missing(company: Workspace) -> None:
    found = [row for row in company.kpi_lint() if row[0] == "kpis/own_leads.yml"]
    assert any("example" in str(row[3]) for row in found)


def test_every_shipped_kpi_has_a_page(company: Workspace) -> None:
    for row in company.kpi_list():
        page = company.kpi_show(str(row[0]))
        assert page.kpi.id in page.to_text()
        json.loads(page.to_json())


def test_a_named_variant_has_its_own_splits(company: Workspace) -> None:
    assert "channel" in company.kpi_show("total_sales_revenue").splits
    recognised = company.kpi_show("total_sales_revenue.recognised").splits  # of the ledger
    assert "cost_centre" in recognised and "channel" not in recognised
