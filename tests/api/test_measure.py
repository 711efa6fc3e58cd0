"""`Workspace.measure` on eight leads and three costs, added up by hand in tests/surface.py."""

import json
import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.errors import QueryError
from headwater.model.observation import OBSERVATION_FIELDS
from tests.world import world


def test_everything_as_one_number(company: Workspace) -> None:
    (found,) = company.measure("own_leads")
    assert (found.value, found.subjects, found.period_start, found.quality) == (8, 8, None, ())


def test_by_month(company: Workspace) -> None:
    answer = company.measure("own_leads", period="2025-Q1", grain="month")
    assert [(o.period_start, o.value) for o in answer] == [
        (date(2025, 1, 1), 4), (date(2025, 2, 1), 3), (date(2025, 3, 1), 1),
    ]  # fmt: skip


def test_by_a_split_with_an_empty_segment_last(company: Workspace) -> None:
    answer = company.measure("own_leads", by="channel")
    assert [(dict(o.segment)["channel"], o.value) for o in answer] == [("=cmd", 1), ("ads", 2), ("email", 4), (None, 1)]


def test_a_cohort_rate_with_its_parts_and_interval(company: Workspace) -> None:
    (found,) = company.measure("own_mql_rate", filter="channel = 'email'")
    assert (found.numerator, found.denominator, found.value) == (2, 4, 0.5)
    assert found.low is not None and found.high is not None and found.low < 0.5 < found.high


def test_money_with_its_currency(company: Workspace) -> None:
    (found,) = company.measure("own_cost_per_lead", period="2025-01")
    assert (found.value, found.currency, found.unit) == (100.5 / 4, "EUR", "money/lead")


def test_outcomes_after_the_day_asked_as_of_do_not_count(company: Workspace) -> None:
    (found,) = company.measure("own_mql_rate", as_of="2025-01-31")
    assert (found.numerator, found.denominator, found.as_of) == (1, 4, date(2025, 1, 31))


def test_several_kpis_in_the_order_asked(company: Workspace) -> None:
    answer = company.measure("own_reach", "own_leads")
    assert [o.kpi for o in answer] == ["own_reach", "own_leads"]


def test_a_period_without_data_has_a_reason(company: Workspace) -> None:
    (found,) = company.measure("own_leads", period="2024")
    assert (found.value, found.quality) == (None, ("no_data",))
    assert found.detail


def test_last_months_count_back_from_the_day_asked_as_of(company: Workspace) -> None:
    (found,) = company.measure("own_leads", period="last 2 months", as_of="2025-03-15")
    assert (found.period_start, found.period_end, found.value) == (date(2025, 1, 1), date(2025, 3, 1), 7)


def test_today_is_the_day_asked_as_of(company: Workspace) -> None:
    assert company.measure("own_leads")[0].as_of == date(2026, 1, 15)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"kpis": ["own_lead"]}, "Did you mean 'own_leads'"),
        ({"kpis": ["own_leads"], "period": "soon"}, "2025-Q1"),
        ({"kpis": ["own_leads"], "period": "2025-13"}, "2025-Q1"),
        ({"kpis": ["own_leads"], "period": "2025-03-01..2025-01-01"}, "not after its start"),
        ({"kpis": ["own_leads"], "grain": "mnth"}, "'month'"),
        ({"kpis": ["own_leads"], "by": ["chanel"]}, "'channel'"),
        ({"kpis": ["own_leads"], "filter": "chanel = 'email'"}, "'channel'"),
        ({"kpis": ["own_leads"], "filter": "channel = "}, "channel = 'email'"),
        ({"kpis": ["own_leads"], "as_of": "yesterday"}, "2025-03-31"),
        ({"kpis": []}, "kpi list"),
        ({"kpis": ["own_leads.median"]}, "own_leads.base"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_can(company: Workspace, question: dict, said: str) -> None:
    kpis = question.pop("kpis")
    with pytest.raises(QueryError) as error:
        company.measure(*kpis, **question)
    assert said in str(error.value)


def test_the_definitions_that_answered_are_kept(company: Workspace) -> None:
    (found,) = company.measure("own_leads")
    kept = company.path / ".headwater" / "store" / "definitions" / f"{found.definition}.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["kpi"] == "own_leads"


# --- what an answer can become ---------------------------------------------------------------------------------------
def test_json_has_exactly_the_fields_of_an_observation(company: Workspace) -> None:
    told = json.loads(company.measure("own_mql_rate", by="channel", period="2025-Q1").to_json())
    assert all(tuple(o) == OBSERVATION_FIELDS for o in told)
    assert [o["segment"] for o in told][-1] == {"channel": None}
    assert told[0]["period_start"] == "2025-01-01"


def test_json_holds_null_for_a_missing_value_and_no_nan(company: Workspace) -> None:
    text = company.measure("own_leads", period="2024").to_json()
    assert "NaN" not in text
    assert json.loads(text)[0]["value"] is None


def test_arrow_and_pandas_hold_the_same_numbers(company: Workspace) -> None:
    answer = company.measure("own_cost_per_lead", period="2025-Q1", grain="month", by="channel")
    table = answer.to_arrow()
    assert table.num_rows == len(answer)
    assert table["channel"].to_pylist() == [dict(o.segment)["channel"] for o in answer]
    assert table["value"].to_pylist() == [o.value for o in answer]
    assert table["quality"].to_pylist() == [list(o.quality) for o in answer]
    frame = answer.to_pandas()
    assert [None if math.isnan(v) else v for v in frame["value"]] == [o.value for o in answer]


def test_an_answer_without_rows_is_still_a_table(company: Workspace) -> None:
    answer = company.measure("own_leads", by="channel", filter="channel = 'nobody'")
    assert len(answer) == 0
    assert "value" in answer.to_arrow().column_names
    assert "no rows" in repr(answer)


def test_an_answer_prints_as_a_table(company: Workspace) -> None:
    assert repr(company.measure("own_mql_rate", by="channel")).splitlines()[:4] == [
        "Own MQL rate: own_mql_rate, cohort basis",
        "period    channel  value  n  95 % interval   notes",
        "all data  =cmd      0.0%  1  0.0% to 79.3%   small sample",
        "all data  ads      50.0%  2  9.5% to 90.5%",
    ]


def test_a_missing_value_prints_its_reason(company: Workspace) -> None:
    lines = repr(company.measure("own_leads", period="2024")).splitlines()
    assert lines[2].startswith("2024    no data")


def test_html_is_escaped(company: Workspace) -> None:
    html = company.measure("own_leads", filter="channel = '<script>'", period="2025")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_an_answer_is_a_sequence(company: Workspace) -> None:
    answer = company.measure("own_leads", period="2025-Q1", grain="month")
    assert (len(answer), answer[0].value, [o.value for o in answer[1:]]) == (3, 4, [3, 1])


@pytest.mark.parametrize("kpi", ["own_leads", "own_mql_rate", "own_cost_per_lead", "lead_growth_rate"])
@pytest.mark.parametrize(
    "asked", [{"period": "1000"}, {"period": "8999"}, {"as_of": "1000-01-01"}, {"as_of": "8999-12-31"}]
)
def test_the_first_and_the_last_day_have_an_answer(company: Workspace, kpi: str, asked: dict[str, str]) -> None:
    assert len(company.measure(kpi, **{"period": "2025"} | asked)) == 1


@pytest.mark.parametrize(
    "asked",
    [{"period": "0999"}, {"period": "9000"}, {"period": "9999"}, {"as_of": "9999-12-31"}, {"as_of": "0001-01-01"}],
)
def test_days_without_a_calendar_around_them_are_refused(company: Workspace, asked: dict[str, str]) -> None:
    with pytest.raises(QueryError, match=r"1000 to 9000|is not a period"):
        company.measure("own_leads", **asked)


def test_a_question_of_endless_steps_is_refused(company: Workspace) -> None:
    with pytest.raises(QueryError, match="more than 10,000 steps of one day"):
        company.measure("own_leads", period="1950..2025", grain="day")
    assert len(company.measure("own_leads", period="1950..2025", grain="month")) == 912


def test_a_product_of_large_decimals_keeps_all_digits(tmp_path: Path) -> None:
    deals = [("o1", 1_981_170.25, 0.6), ("o2", 9_999_999_999.99, 0.999999)]
    rows = [
        {
            "opportunity_id": key, "status": "open", "created_at": "2025-01-03", "closed_at": None,
            "amount": amount, "win_probability": part, "currency": "EUR",
        }
        for key, amount, part in deals
    ]  # fmt: skip
    (found,) = world(tmp_path, {"opportunities": rows}).measure("weighted_pipeline")
    exact = Decimal("1981170.25") * Decimal("0.6") + Decimal("9999999999.99") * Decimal("0.999999")
    assert found.value == float(exact)
