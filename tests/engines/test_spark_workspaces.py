"""One line in `headwater.yml`, and Spark answers the KPIs of whole workspaces as the engine inside does, set up as for
everybody: rows in many pieces, statements compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.folder import open_folder
from headwater.api.kpis import kpi_show
from headwater.api.measuring import ground
from headwater.model.observation import Observation
from tests.demo import conftest as company
from tests.examples import test_olist as example

demo, olist = company.demo, example.olist  # fixtures; the company is made once for all workers
pytestmark = pytest.mark.spark


def asked(folder: Path) -> list[str]:
    """Every KPI in every variant."""
    kpis = ground(open_folder(folder, None, None)).catalogue.kpis.values()
    return [f"{kpi.id}.{variant.id}" for kpi in kpis for variant in kpi.variants]


def some(folder: Path) -> list[str]:
    """Of every way a measure aggregates on every clock the first KPI that has it."""
    catalogue = ground(open_folder(folder, None, None)).catalogue
    seen: set[tuple[str, type]] = set()
    chosen = []
    for name in asked(folder):
        ways = {(measure.aggregate, type(measure.clock)) for measure in kpi_show(catalogue, name).measures}
        if ways - seen:
            chosen.append(name)
        seen |= ways
    return chosen


def plain(observation: Observation) -> dict[str, Any]:
    """An Observation whose numbers are as exact as the order of adding lets doubles be."""
    return {
        name: float(f"{value:.10g}") if isinstance(value, float) else value
        for name, value in asdict(observation).items()
    }


def told(answer: Any) -> list[str]:
    return sorted(repr(plain(observation)) for observation in answer)


def on_spark(folder: Path, to: Path, url: str) -> Path:
    """A copy of a workspace with the one line."""
    shutil.copytree(folder, to)
    settings = to / "headwater.yml"
    settings.write_text(settings.read_text(encoding="utf-8") + f"engine: {url}\n", encoding="utf-8")
    return to


@pytest.mark.verify
def test_every_kpi_of_the_demo_is_the_same(demo: company.Demo, spark_url: str, tmp_path: Path) -> None:
    here = demo.workspace
    there = Workspace(on_spark(here.path, tmp_path / "demo", spark_url), now=company.NOW, environment={})
    same(here, there, asked(here.path), "2026-05..2026-10")


@pytest.mark.verify
@pytest.mark.parametrize("chosen", [pytest.param(some, id="one of each way"), pytest.param(asked, id="every KPI")])
def test_kpis_of_olist_are_the_same(
    olist: Workspace,
    shared_data: Path,
    spark_url: str,
    tmp_path: Path,
    chosen: Callable[[Path], list[str]],
) -> None:
    there = example.opened(on_spark(olist.path, tmp_path / "olist", spark_url), shared_data)
    kpis = chosen(olist.path)
    assert len(kpis) > 8
    same(olist, there, kpis, "2017-12..2018-05")


def same(here: Workspace, there: Workspace, kpis: list[str], period: str) -> None:
    expected = told(here.measure(*kpis, period=period, grain="month"))
    found = told(there.measure(*kpis, period=period, grain="month"))
    assert there.trace("leads", period=period).engine.startswith("Spark 4")
    assert [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]] == []
    assert len(expected) > len(kpis)
