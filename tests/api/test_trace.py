"""How a number was made, told the same as text and as JSON."""

import json

from headwater import Workspace


def test_the_formula_is_filled_in(company: Workspace) -> None:
    (trace,) = company.trace("own_mql_rate", by="channel")
    assert [n.filled for n in trace.numbers] == ["0 / 1 = 0", "1 / 2 = 0.5", "2 / 4 = 0.5", "0 / 1 = 0"]
    assert [m.rows for m in trace.measures] == [8]


def test_the_text_says_all_of_it(company: Workspace) -> None:
    text = company.trace("own_cost_per_lead", period="2025-01").to_text()
    for said in (
        "own_cost / own_entered", "100.5 / 4 = 25.125", "EUR 25.13", "count of rows in leads, by created_at",
        "complete through", "2025-03-31", "kpis/own_cost_per_lead.yml", "SELECT", "Statement 2 of 2",
    ):  # fmt: skip
        assert said in text
    assert "SELECT" not in company.trace("own_cost_per_lead").to_text(statements=False)


def test_the_trace_and_the_answer_agree(company: Workspace) -> None:
    question = {"period": "2025-Q1", "grain": "month", "by": "channel"}
    told = json.loads(company.trace("own_mql_rate", **question).to_json())
    assert [n["observation"] for n in told[0]["numbers"]] == json.loads(
        company.measure("own_mql_rate", **question).to_json()
    )


def test_derived_columns_are_explained(company: Workspace) -> None:
    (trace,) = company.trace("own_leads", by="channel")
    assert "leads.channel" in dict(trace.derivations)
