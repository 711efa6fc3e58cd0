"""What `headwater.yml` says of single KPIs, and that such answers have a version of their own."""

import json
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.errors import DefinitionError
from tests.surface import FILES, small_company


def workspace_with(company: Workspace, tmp_path: Path, kpis: dict) -> Workspace:
    """The small company's data under other settings."""
    import shutil

    folder = tmp_path / "other"
    shutil.copytree(company.path, folder)
    (folder / "headwater.yml").write_text(json.dumps({"company": "World", "kpis": kpis}))
    return Workspace(folder, now=company._folder.now(), environment={})


def test_a_small_sample(company: Workspace, tmp_path: Path) -> None:
    other = workspace_with(company, tmp_path, {"own_mql_rate": {"small_sample": 100}})
    (before,), (after,) = company.measure("own_mql_rate"), other.measure("own_mql_rate")
    assert (before.quality, after.quality) == ((), ("small_sample",))
    assert before.definition != after.definition
    kept = other.path / ".headwater" / "store" / "definitions" / f"{after.definition}.json"
    assert json.loads(kept.read_text())["kpis"]["own_mql_rate"]["small_sample"] == 100
    assert other.measure("own_leads")[0].definition == company.measure("own_leads")[0].definition


def test_a_maturity_leaves_young_entries_out(company: Workspace, tmp_path: Path) -> None:
    other = workspace_with(company, tmp_path, {"own_mql_rate": {"mature": "60 days"}})
    (found,) = other.measure("own_mql_rate")
    # observed to 2025-03-31: L1 to L4 entered 60 days before or earlier (L4 on 01-31 is 59 days old)
    assert (found.denominator, found.numerator, found.left_out) == (3, 2, 5)


def test_what_rests_on_an_overridden_kpi_changes_its_version(company: Workspace, tmp_path: Path) -> None:
    folder = small_company(
        tmp_path, files={**FILES, "kpis/own_twice.yml": FILES["kpis/own_mql_rate.yml"].replace(
            "own_to_mql / entered(own_to_mql)", "own_mql_rate + own_mql_rate")},
    )  # fmt: skip
    (before,) = folder.measure("own_twice")
    other = workspace_with(folder, tmp_path, {"own_mql_rate": {"mature": "60 days"}})
    (after,) = other.measure("own_twice")
    assert (before.value, after.value) == (6 / 8, 4 / 3)
    assert before.definition != after.definition


@pytest.mark.parametrize(
    ("kpis", "said"),
    [
        ({"own_mqlrate": {"small_sample": 1}}, "Did you mean 'own_mql_rate'"),
        ({"own_leads": {"mature": "60 days"}}, "reads no cohort"),
    ],
)
def test_an_override_that_fits_nothing(company: Workspace, tmp_path: Path, kpis: dict, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        workspace_with(company, tmp_path, kpis).measure("own_leads")
