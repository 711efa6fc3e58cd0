"""`python -m bench.funnel`: the stage times and curves of a million leads: what counting by day and reckoning costs."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.analyses.funnel import curves, passages
from headwater.api.folder import SHIPPED
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.funnels import load_funnels
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.metrics.stages import Transition, name_of, transitions, with_funnel
from headwater.model.funnel import Funnel
from headwater.model.generation import Generation, StoredTable
from headwater.model.question import Question
from headwater.model.settings import Settings

FIRST, LAST = date(2023, 1, 1), date(2025, 12, 31)
RATES = (0.4, 0.7, 0.6, 0.6, 0.45, 0.6)
DAYS = (10, 4, 14, 9, 84, 66)


def journeys(leads: int, funnel: Funnel, seed: int) -> pa.Table:
    """So many leads over three years, a share of those of each stage at the next after an exponential time."""
    draw = np.random.default_rng(seed)
    origin = np.datetime64(FIRST, "s").astype(np.int64)
    at = origin + draw.integers(0, (LAST - FIRST).days * 86400, leads)
    there = np.ones(leads, dtype=bool)
    columns: dict[str, pa.Array] = {"lead_id": pa.array(np.arange(leads)), "_source": pa.array(["crm"] * leads)}

    def put(name: str, seconds: np.ndarray, known: np.ndarray) -> None:
        moments = pa.array(seconds * 10**6, pa.int64(), mask=~known).cast(pa.timestamp("us", tz="UTC"))
        columns[name], columns[f"{name}__day"] = moments, moments.cast(pa.timestamp("us")).cast(pa.date32())

    put(funnel.steps[0].at, at, there)
    for step, rate, days in zip(funnel.steps[1:], RATES, DAYS, strict=True):
        there = there & (draw.random(leads) < rate)
        at = at + (draw.exponential(days, leads) * 86400).astype(np.int64)
        there = there & (at < origin + (LAST - FIRST).days * 86400)
        put(step.at, at, there)
    lost = draw.random(leads) < 0.2
    put(funnel.lost, at + (draw.exponential(40, leads) * 86400).astype(np.int64), lost & ~there)
    return pa.table(columns)


def measure(leads: int, seed: int) -> dict[str, float]:
    """CPU seconds of the one statement that counts by day, and of the curves and times of every stage."""
    catalogue = load_catalogue(SHIPPED)
    funnel = load_funnels(SHIPPED, Path("/nowhere"), catalogue)["leads"]
    ways = [Transition(a, b, b.within) for a, b in zip(funnel.steps, funnel.steps[1:], strict=False)]
    through = (("crm", LAST),)
    tables = [
        StoredTable(name, (), leads, "", through, (), FIRST, LAST)
        for name in ("lead_journeys", "leads", "opportunities", "quotes")
    ]
    generation = Generation("bench", "", 0, "", datetime(2026, 1, 1, tzinfo=UTC), "", tuple(tables))
    question = Question((name_of("volume", "lead"),), LAST)
    planned = plan(question, with_funnel(catalogue, funnel, ways), generation, Settings())
    with tempfile.TemporaryDirectory() as place, duckdb.connect(config={"threads": 2}) as engine:
        file = Path(place) / "lead_journeys.parquet"
        pq.write_table(journeys(leads, funnel, seed), file, compression="zstd")
        engine.execute(f"create view lead_journeys as select * from read_parquet('{file}')")
        statement = render(transitions(planned, funnel, ways))
        begun = time.process_time()
        rows = [dict(zip(statement.columns, r, strict=True)) for r in engine.execute(statement.text).fetchall()]
        counted = time.process_time()
    rows.sort(key=lambda r: r["pair"])
    table = pa.table(
        {
            "group": [r["pair"] for r in rows],
            "limit": pa.array([90] * len(rows), pa.int64()),
            **{n: [r[n] for r in rows] for n in ("days", "end", "early", "records")},
        }
    )
    told, points = passages(table), curves(table)
    done = time.process_time()
    assert told.num_rows == len(ways) and points.num_rows > 100
    return {"counted by the engine": counted - begun, "curves and times": done - counted, "rows": float(len(rows))}


def main() -> None:
    """Prints what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    measure(10_000, given.seed)  # what is imported and made once
    found = measure(given.leads, given.seed)
    print(f"{given.leads:,} leads, {found.pop('rows'):,.0f} rows of counts")
    for what, cpu in found.items():
        print(f"{what}: {cpu:.3f} CPU s")
    print(f"in all: {sum(found.values()):.3f} CPU s")


if __name__ == "__main__":
    main()
