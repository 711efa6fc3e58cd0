"""The worked example of every KPI, through the whole path: rows landed, tables built, the question measured, on every
engine."""

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.api.answering import measure
from headwater.api.bringing import brought
from headwater.api.folder import Folder
from headwater.api.loading import quiet
from headwater.api.measuring import ground
from headwater.api.workspace import Workspace
from headwater.model.kpi import Example
from headwater.model.observation import Observation
from headwater.model.period import Calendar
from headwater.model.table import VERSIONS_SUFFIX
from headwater.store.place import open_store
from tests.catalogue.narrow import narrowed
from tests.engines import small
from tests.shipped import shipped
from tests.world import land, world

CATALOGUE = shipped()
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""Every example lies in the past of this moment, and its data is complete through the day before."""


def landed(path: Path, example: Example) -> Workspace:
    """The rows of an example as a workspace. Rows of `<table>__versions` are states of their table, each from its
    `_valid_from` on."""
    tables = {name: rows for name, rows in example.tables if not name.endswith(VERSIONS_SUFFIX)}
    through = NOW.date() - timedelta(1)
    settings = {"currency": "EUR", "time_zone": "Europe/Berlin"}
    workspace = world(path, tables, settings, now=NOW, through=through, build=False)
    for name, rows in example.tables:
        if name.endswith(VERSIONS_SUFFIX):
            states = [{**row, "_updated_at": f"{row['_valid_from']}T00:00"} for row in rows]
            given = [{k: v for k, v in row.items() if k != "_valid_from"} for row in states]
            land(workspace, {name.removesuffix(VERSIONS_SUFFIX): given}, through=through)
    workspace.refresh()
    return workspace


def asked(kpi: str, ask: Mapping[str, Any]) -> dict[str, Any]:
    """What `measure` is asked for one question of an example."""
    words = {name: ask[name] for name in ("period", "grain", "by", "filter", "as_of") if name in ask}
    return {"kpis": ask.get("kpi", kpi), **words}


def differences(found: Observation, wanted: Mapping[str, Any]) -> list[str]:
    """How an Observation differs from what an example expects of it; a quality that is not named is not expected."""
    wrong = []
    segment = dict(found.segment)
    quality = wanted.get("quality", [])
    for name, value in {**wanted, "quality": [quality] if isinstance(quality, str) else quality}.items():
        match name:
            case "period":
                period = Calendar().parse(str(value), date(2000, 1, 1))
                has: Any = (found.period_start, found.period_end)
                same = has == (period.start, period.end)
            case "quality":
                has = sorted(found.quality)
                same = has == sorted(value)
            case _ if name in segment:
                has = segment[name]
                same = has == (None if value is None else str(value))
            case _:
                has = getattr(found, name)
                exact = None in (has, value) or isinstance(value, str)
                same = has == value if exact else math.isclose(has, value, abs_tol=1e-9)
        if not same:
            wrong.append(f"{name} is {has}, not {value}")
    return wrong


def test_every_kpi_with_a_formula_has_an_example() -> None:
    without = [k for k in CATALOGUE.kpis.values() if k.example is None]
    assert [k.id for k in without if any(v.answers for v in k.variants)] == []


@dataclass(frozen=True)
class Golden:
    """A KPI with an example, and the workspace that the rows of the example became."""

    kpi: str
    example: Example
    workspace: Workspace

    def asked_on(self, engine: str, url: str) -> Iterator[tuple[Mapping[str, Any], list[Observation]]]:
        """Each question of the example and what an engine answers: DuckDB over the whole path, the others by their
        address."""
        if engine == "duckdb":
            for ask in self.example.ask:
                words = asked(self.kpi, ask)
                yield ask, list(self.workspace.measure(words.pop("kpis"), **words))
            return
        here = ground(self.workspace._folder)
        settings = replace(here.company.settings, engine=url)
        there = replace(here, company=replace(here.company, settings=settings))
        if engine == "postgres":
            assert brought(open_store(there.folder.store), settings, quiet) is not None
        with there.bench() as at, small.in_one_piece(at.reader._engine):
            assert at.reader.instead is None and at.reader.spelling == engine
            for ask in self.example.ask:
                words = asked(self.kpi, ask)
                yield ask, list(measure(at, there.question((words.pop("kpis"),), **words)))


@pytest.fixture(scope="module", params=sorted(k.id for k in CATALOGUE.kpis.values() if k.example is not None))
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golden]:
    """The world of an example, built once for all engines."""
    example = CATALOGUE.kpis[request.param].example
    assert example is not None
    needed = narrowed(CATALOGUE, {name.removesuffix(VERSIONS_SUFFIX) for name, _ in example.tables})
    if any(v.analysis for v in CATALOGUE.kpis[request.param].variants):
        needed = CATALOGUE  # an analysis reads files beside it, which name other tables
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "catalogue", lambda folder, company: needed)
        yield Golden(request.param, example, landed(folder, example))
    shutil.rmtree(folder)


ON_SPARK = pytest.param("spark", marks=pytest.mark.spark)


@pytest.mark.beside_spark
@pytest.mark.parametrize("engine_of", ["duckdb", "postgres", "clickhouse", ON_SPARK])
def test_the_example_comes_out(golden: Golden, engine_of: str, request: pytest.FixtureRequest) -> None:
    here = {"duckdb": "duckdb", "clickhouse": "chdb"}
    url = here.get(engine_of) or request.getfixturevalue(f"{engine_of}_url")
    for number, (ask, answer) in enumerate(golden.asked_on(engine_of, url), 1):
        expected: Any = ask["expect"]
        assert len(answer) == len(expected), f"question {number}: {[o.segment for o in answer]}"
        for found, wanted in zip(answer, expected, strict=True):
            wrong = differences(found, wanted)
            assert not wrong, f"question {number}, {wanted}: {'; '.join(wrong)} ({found.detail})"
