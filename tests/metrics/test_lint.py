"""What lint says of a catalogue that loads."""

from pathlib import Path

import pytest

from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.lint import lint
from tests.metrics.small_files import FILES, write

GOOD = """\
title: Lead count
question: How many leads?
formula: leads
unit: lead
better: up
stage: lead
role: growth
cadence: weekly
vanity: medium
interval: count
pitfalls: [Counts forms.]
reference: ours
example:
  tables: {leads: [{lead_id: 1}, {lead_id: 2}, {lead_id: 3}, {lead_id: 4}, {lead_id: 5}]}
  ask: [{expect: [{value: 5}]}]
"""


def notes(tmp_path: Path, text: str, name: str = "lead_count", more: dict[str, str] | None = None) -> list[str]:
    made = load_catalogue(write(tmp_path, {**FILES, **(more or {}), f"kpis/{name}.yml": text}))
    return [str(n) for n in lint(made) if n.path == f"catalogue/kpis/{name}.yml"]


def test_a_good_file_has_no_notes(tmp_path: Path) -> None:
    assert notes(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Lead count\n", "", "[title]: the KPI has no title"),
        ("question: How many leads?\n", "", "[question]: the question that the KPI answers is not written down"),
        ("pitfalls: [Counts forms.]\n", "", "[pitfalls]: no pitfall is named. Say when the number misleads."),
        ("reference: ours\n", "", "[reference]: the definition cites nothing. Say where it comes from."),
        (GOOD[GOOD.index("example") :], "", "[example]: the KPI has no worked example. Give rows of tables and the"),
        (", {lead_id: 5}", "", "[example]: the example has 4 rows; 5 or more tell right from wrong"),
        ("role: growth\n", "", "[role]: the role is not given. It is one of growth, efficiency, both."),
        ("role: growth", "role: growht", "[role]: no role is called 'growht'. Did you mean 'growth'?"),
        ("stage: lead", "stage: leads", "[stage]: no stage is called 'leads'. Did you mean 'lead'?"),
        ("vanity: medium", "vanity: no", "[vanity]: no vanity is called 'no'. It is one of low, medium, high."),
        ("cadence: weekly", "cadence: week", "[cadence]: no cadence is called 'week'. Did you mean 'weekly'?"),
        ("interval: count", "interval: proportion", "[interval]: 'leads' is no proportion, so its interval"),
        ("interval: count", "interval: mean", "[interval]: 'leads' is no mean, so its interval would be wrong"),
        ("better: up", "basis: cohort", "[basis]: the basis is 'cohort', and no measure in the formula follows"),
        ("better: up", "basis: stock", "[basis]: the basis is 'stock', and nothing in the formula is one"),
        ("better: up", "show: money", "[show]: the KPI is shown as money, and its unit is lead"),
        ("better: up", "show: percent", "[show]: the KPI is shown as percent, and its unit is lead"),
        ("better: up", "show: days", "[show]: the KPI is shown as days, and its unit is lead"),
        ("better: up", "aliases: [Close  rate, order rate]", "[aliases]: 'order rate' also means 'order_rate'"),
        ("better: up", "aliases: [close-rate]", "[aliases]: 'close-rate' also means 'order_rate'"),
        ("better: up", "aliases: [a, A]", "[aliases]: the alias 'a' is given twice"),
        ("title: Lead count", "title: Order Rate", "[title]: 'Order Rate' also means 'order_rate'"),
        (
            "formula: leads",
            "formula: leads + lead_to_order",
            "[formula]: 'lead_to_order' follows a cohort and 'leads' counts a period; the two bases are mixed",
        ),
    ],
)
def test_what_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert GOOD.count(old) == 1
    found = notes(tmp_path, GOOD.replace(old, new))
    assert any(f"catalogue/kpis/lead_count.yml {said}" in note for note in found), found


def test_the_interval_of_a_kpi_made_of_kpis(tmp_path: Path) -> None:
    text = GOOD.replace("formula: leads", "formula: order_rate").replace("unit: lead", "unit: 1")
    assert notes(tmp_path, text.replace("interval: count", "interval: proportion")) == []
    assert len(notes(tmp_path, text)) == 1


def test_a_kpi_hidden_by_a_measure(tmp_path: Path) -> None:
    assert notes(tmp_path, GOOD.replace("formula: leads", "formula: leads * 2"), "leads")[0].endswith(
        "a formula that names 'leads' means the measure, and this KPI is something else. Rename one of them."
    )
    assert notes(tmp_path / "other", GOOD, "leads") == []


def test_an_unused_measure(tmp_path: Path) -> None:
    found = [str(n) for n in lint(load_catalogue(write(tmp_path, FILES))) if "measures" in n.path]
    assert found == [
        "catalogue/measures/open_leads.yml: no KPI uses the measure 'open_leads'",
        "catalogue/measures/wait.yml: no KPI uses the measure 'wait'",
    ]


def test_a_measure_without_a_title(tmp_path: Path) -> None:
    files = {**FILES, "measures/leads.yml": FILES["measures/leads.yml"].replace("title: Leads\n", "")}
    found = [str(n) for n in lint(load_catalogue(write(tmp_path, files)))]
    assert "catalogue/measures/leads.yml [title]: the measure has no title" in found


def test_a_stock_without_versions(tmp_path: Path) -> None:
    text = """\
title: Open orders
table: orders
aggregate: sum
column: amount
where: order_id is not empty
clock: {alive: {from: ordered_on}}
unit: money
"""
    found = [str(n) for n in lint(load_catalogue(write(tmp_path, {**FILES, "measures/open_orders.yml": text})))]
    assert (
        "catalogue/measures/open_orders.yml [clock]: the stock reads 'amount' as it is now, because 'orders' keeps no"
        " versions. Say that the column is 'fixed', or keep versions."
    ) in found
    assert sum("[clock]" in n for n in found) == 1
