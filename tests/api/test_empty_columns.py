"""What no source fills is not known: a KPI that needs it is absent, with the column's name, and never zero."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.metrics.language import parse_predicate, parse_row_value
from headwater.model.filled import speechless
from headwater.model.measure import Alive, At, Measure, Reached
from headwater.model.types import Unit
from tests.world import fresh

NOW = datetime(2025, 7, 1, tzinfo=UTC)
DEALS = "id,account,made,closed,state{more}\n1,A,2025-01-05,2025-02-05,won{one}\n2,B,2025-01-20,,open{two}\n"
SOURCE = """\
path: deals.csv
date_format: iso
currency: EUR
tables:
  opportunities:
    columns:
      opportunity_id: id
      account_id: account
      created_at: made
      closed_at: closed
      status: state
"""


COSTS = """\
path: costs.csv
date_format: iso
currency: EUR
tables:
  costs:
    columns:
      cost_id: id
      day: day
      kind: kind
      function: for
      amount: amount
"""


def asked(folder: Path, kpi: str) -> tuple[float | None, str]:
    (found,) = Workspace(folder, now=NOW).measure(kpi)
    return found.value, found.detail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = fresh(tmp_path / "w").path
    (folder / "deals.csv").write_text(DEALS.format(more="", one="", two=""))
    (folder / "sources" / "deals.yml").write_text(SOURCE)
    Workspace(folder, now=NOW).refresh()
    return folder


def test_a_sum_over_an_unfilled_column_is_absent_until_it_is_filled(folder: Path) -> None:
    assert asked(folder, "opportunities_created")[0] == 2
    value, detail = asked(folder, "total_sales_revenue")
    assert value is None and "no source fills 'opportunities.amount'" in detail
    assert asked(folder, "marketing_sourced_revenue")[0] is None

    (folder / "deals.csv").write_text(DEALS.format(more=",amount", one=",100", two=",70"))
    (folder / "sources" / "deals.yml").write_text(SOURCE + "      amount: amount\n")
    Workspace(folder, now=NOW).refresh()
    assert asked(folder, "total_sales_revenue")[0] == 100
    value, detail = asked(folder, "marketing_sourced_revenue")
    assert value is None and "no source fills" in detail


def test_what_a_lag_goes_by_is_named(tmp_path: Path) -> None:
    """What is spent counts as much later as deals took from their first day on, which nobody tells here."""
    folder = fresh(tmp_path / "w").path
    (folder / "deals.csv").write_text(DEALS.format(more="", one="", two=""))
    (folder / "costs.csv").write_text("id,day,kind,for,amount\n1,2025-01-05,media,marketing,60\n")
    (folder / "accounts.csv").write_text("id\nA\n")
    (folder / "sources" / "deals.yml").write_text(SOURCE.replace("      created_at: made\n", ""))
    (folder / "sources" / "costs.yml").write_text(COSTS)
    accounts = "path: accounts.csv\ndate_format: iso\ntables:\n  accounts:\n    columns:\n      account_id: id\n"
    (folder / "sources" / "accounts.yml").write_text(accounts)
    Workspace(folder, now=NOW).refresh()
    assert asked(folder, "cac.same_period")[0] == 60
    assert asked(folder, "cac") == (None, "no source fills 'opportunities.created_at'")


def test_a_value_that_is_empty_so_far_is_zero(folder: Path) -> None:
    (folder / "deals.csv").write_text(DEALS.format(more=",amount", one=",", two=","))
    (folder / "sources" / "deals.yml").write_text(SOURCE + "      amount: amount\n")
    Workspace(folder, now=NOW).refresh()
    assert asked(folder, "total_sales_revenue")[0] == 0  # the source tells amounts, and told of none


AT = At("at")


def measure(where: str = "", column: str = "", clock: At | Alive | Reached = AT) -> Measure:
    return Measure(
        id="m", title="M", table="t", aggregate="sum" if column else "count", unit=Unit.parse("lead"), clock=clock,
        column=parse_row_value(column) if column else None, where=parse_predicate(where) if where else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "lacking"),
    [
        (measure(), ""),
        (measure(clock=At("x")), "x"),
        (measure(clock=Alive("x", "at")), "x"),
        (measure(clock=Alive("at", "x")), "x"),  # which rows have ended is not known
        (measure(clock=Alive("at")), ""),  # a running sum
        (measure(clock=Reached("at", "x")), "x"),
        (measure(column="x"), "x"),
        (measure(column="a * x"), "x"),
        (measure(column="days(at, x)"), "x"),
        (measure('x = "email"'), "x"),
        (measure('x != "email"'), "x"),  # a comparison with nothing holds nowhere
        (measure('x in ("a", "b") and b > 1'), "x"),
        (measure('x = "a" or b > 1'), ""),
        (measure('x = "a" or x = "b"'), "x"),
        (measure("x is empty"), ""),
        (measure("x is not empty"), "x"),
        (measure('not (x = "a")'), ""),
        (measure("x between 1 and 2"), "x"),
    ],
)
def test_what_leaves_a_measure_speechless(one: Measure, lacking: str) -> None:
    assert speechless(one, frozenset({"x"})) == lacking
