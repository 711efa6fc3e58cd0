"""The steps of the bench, each run in a fresh process: `python -m bench.steps build /tmp/place --scale 0.1`.

A step prints one line of JSON: CPU seconds (its own and its children's) and wall time of the part that counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.estate import NOW

WORKSPACE = Path(__file__).parent / "workspace"


@contextmanager
def counted(found: dict[str, Any]) -> Iterator[None]:
    """Adds what the block took."""
    cpu, wall = used(), time.monotonic()
    yield
    found["cpu"], found["wall"] = used() - cpu, time.monotonic() - wall


def used() -> float:
    """CPU seconds of this process and of its children that have ended."""
    of = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(r.ru_utime + r.ru_stime for r in of)


def estate(place: Path, scale: float, seed: int, months: int = 36) -> dict[str, Any]:
    """A workspace with the landed estate."""
    from bench.estate import land

    workspace = _workspace(place / "company")
    found: dict[str, Any] = {}
    with counted(found):
        land(workspace._folder, scale, seed, months)
    landing = place / "company" / ".headwater" / "store" / "landing"
    return found | {"bytes": sum(p.stat().st_size for p in landing.rglob("*") if p.is_file())}


def _workspace(path: Path) -> Any:
    from headwater.api.workspace import Workspace

    shutil.copytree(WORKSPACE, path)
    return Workspace(path, now=NOW, environment={})


def _open(place: Path, name: str = "company") -> Any:
    from headwater.api.workspace import Workspace

    return Workspace(place / name, now=NOW, environment={})


def file(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """The text file of visits for `parse`, one row in a hundred spoiled, and what has to be set aside of it."""
    from bench.estate import write_file
    from bench.spoiling import spoil

    _workspace(place / "file")
    rows = max(1000, round(1_000_000 * scale))
    write_file(place / "file", rows, seed)
    expected = spoil(place / "file" / "sessions.csv", seed)
    (place / "spoiled.json").write_text(json.dumps({"rows": rows, "expected": expected}), encoding="utf-8")
    return {"rows": rows}


def parse(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """One text file of a million rows (at scale 1) loaded, one in a hundred of them bad; `wrong` tells what was set
    aside otherwise than it had to be."""
    from headwater.model.landing import Batch
    from headwater.store.landing import journal, quarantine_rows
    from headwater.store.place import open_store

    workspace = _open(place, "file")
    found: dict[str, Any] = {}
    with counted(found):
        loaded = workspace.load()
    told = json.loads((place / "spoiled.json").read_text(encoding="utf-8"))
    expected = {(row, column, code) for row, column, code in told["expected"]}
    assert [f.loaded for f in loaded.files] == [told["rows"] - len(expected)], loaded
    store = open_store(workspace._folder.store)
    (batch,) = journal(store)
    assert isinstance(batch, Batch)
    aside = {(q.row, q.column, q.code) for q in quarantine_rows(store, batch)}
    wrong = [f"row {row} {column} {code}" for row, column, code in sorted(aside ^ expected)]
    size = (place / "file" / "sessions.csv").stat().st_size
    return found | {"rows": told["rows"], "bytes": size, "bad": len(expected), "wrong": wrong}


def inspect(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """A text file of 1 GiB (at scale 1) looked at: the file of visits again and again under one header."""
    workspace = _open(place, "file")
    text = (place / "file" / "sessions.csv").read_bytes()
    header, rows = text[: text.index(b"\n") + 1], text[text.index(b"\n") + 1 :]
    large, times = place / "inspected.csv", max(1, round((1 << 30) * scale / len(rows)))
    with large.open("wb") as out:
        out.write(header)
        out.writelines(rows for _ in range(times))
    workspace.kpi_list()  # the definitions are parsed before time counts
    found: dict[str, Any] = {}
    with counted(found):
        seen = workspace.inspect(large)
    size = large.stat().st_size
    large.unlink()
    told = times * json.loads((place / "spoiled.json").read_text(encoding="utf-8"))["rows"]
    reckoned = seen.looks[0].rows
    assert abs(reckoned - told) <= told / 50, (reckoned, told)
    return found | {"rows": reckoned, "bytes": size}


def build(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """Everything that was landed, as tables."""
    return _refresh(place)


def new_day(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """One more day is landed (not counted) and built."""
    from bench.estate import land_new_day

    land_new_day(_open(place)._folder, scale, seed)
    return _refresh(place)


def _refresh(place: Path) -> dict[str, Any]:
    from headwater.store.generations import current
    from headwater.store.place import open_store

    workspace = _open(place)
    found: dict[str, Any] = {}
    with counted(found):
        workspace.refresh()
    store = open_store(workspace._folder.store)
    generation = current(store)
    assert generation is not None
    parts = [p for t in generation.tables for p in t.parts]
    return found | {"rows": sum(p.rows for p in parts), "bytes": sum(p.bytes for p in parts), "parts": len(parts)}


def check(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """Whether the dashboard says what plain queries say; `wrong` lists the cells that differ."""
    from bench.dashboard import cells, dashboard, differences, plain

    files = files_of(place)
    months, channels = dashboard(_open(place))
    wrong = differences(cells(months), plain(files, "month")) + differences(cells(channels), plain(files, "channel"))
    return {"wrong": wrong, "cells": len(months) + len(channels)}


def files_of(place: Path) -> dict[str, list[str]]:
    """The files of each table of the current generation."""
    from headwater.store.generations import current
    from headwater.store.place import open_store

    store = open_store(place / "company" / ".headwater" / "store")
    generation = current(store)
    assert generation is not None
    return {t.table: [str(store.parts / p.file) for p in t.parts] for t in generation.tables}


def dashboard(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """The twenty KPIs by month and by channel."""
    import headwater.api.measuring  # what a question imports is not what it costs
    from bench.dashboard import dashboard as both

    assert headwater.api.measuring
    workspace = _open(place)
    found: dict[str, Any] = {}
    with counted(found):
        months, channels = both(workspace)
    return found | {"numbers": len(months) + len(channels)}


def planning(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """The twenty KPIs by month and by channel planned and spelled, in CPU seconds: the first time in a process after
    others kept how they are spelled (`first`), as of other days (`cpu`, the median), again from what is kept, and the
    first time of all, with nothing kept (`anew`: SQLGlot is loaded for it)."""
    import gc
    from datetime import timedelta
    from statistics import median

    from bench.dashboard import KPIS, PERIOD
    from bench.estate import LAST
    from headwater.api.measuring import ground
    from headwater.api.plans import Plans
    from headwater.metrics import render
    from headwater.metrics.kept_forms import forms_in

    stands, plans = ground(_open(place)._folder), Plans()
    with stands.bench() as at:
        of = (at.catalogue, at.reader.generation, at.company.settings, at.reader.spelling)

        path: Path | None = stands.folder.cache / "forms"

        def both(days: int) -> float:
            began = used()
            kept = None if path is None else forms_in(path)
            for by in ({"grain": "month"}, {"by": "channel"}):
                plans.get(stands.question(KPIS, period=PERIOD, as_of=LAST - timedelta(days), **by), *of, kept)
            return used() - began

        _ = [stands.catalogue.kpis[k] for k in KPIS]  # reading the definitions is no part of it
        gc.collect()  # what the bench itself made is not looked through again
        gc.freeze()
        first = both(0)
        others = [both(days) for days in range(1, 12)]
        again = [both(0) for _ in range(50)]
        render._forms.cache_clear()
        plans.clear()
        path = None
        anew = both(0)
    return {"first": first, "cpu": median(others), "again": sum(again) / len(again), "anew": anew, "wall": 0.0}


def floor(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """The needed columns read and summed, through the same locked connection."""
    from bench.dashboard import FLOOR
    from headwater.model.plan import Statement
    from headwater.store.generations import pinned
    from headwater.store.place import open_store

    store = open_store(place / "company" / ".headwater" / "store")
    found: dict[str, Any] = {}
    with pinned(store) as reader, counted(found):
        for table, sums in FLOOR.items():
            reader.rows(Statement(f"select {sums} from {table}", ()))
    return found


def native(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """The same sums over the same rows in a native file of the engine."""
    import duckdb

    from bench.dashboard import FLOOR, NEEDED

    path = place / "native.duckdb"
    if not path.exists():
        with duckdb.connect(str(path)) as making:
            for table, files in files_of(place).items():
                if table in NEEDED:
                    making.execute(
                        f"create table {table} as select {NEEDED[table]} from read_parquet($f)", {"f": files}
                    )
    connection = duckdb.connect(str(path), read_only=True, config={"threads": "2"})
    found: dict[str, Any] = {}
    with counted(found):
        for table, sums in FLOOR.items():
            connection.execute(f"select {sums} from {table}").fetchall()
    return found | {"bytes": path.stat().st_size}


def small(place: Path, scale: float, seed: int) -> dict[str, Any]:
    """A small workspace for the start-up, its first question already asked once (warm caches)."""
    from bench.estate import land

    workspace = _workspace(place / "small")
    land(workspace._folder, 0.0001, seed, last_months=1)
    found: dict[str, Any] = {}
    with counted(found):
        workspace.refresh()
    workspace.measure("bench_leads", period="2025-12")
    return found


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    f.__name__: f
    for f in (estate, file, parse, inspect, build, new_day, check, dashboard, planning, floor, native, small)
}


def main() -> None:
    """Runs one step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("place", type=Path)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    json.dump(STEPS[given.step](given.place, given.scale, given.seed), sys.stdout)
    print()


if __name__ == "__main__":
    main()
