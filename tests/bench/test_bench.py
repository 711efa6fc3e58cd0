"""The bench at a tiny scale, so that it cannot rot: every step runs, and the dashboard equals plain queries."""

from functools import partial
from pathlib import Path

import pytest

from bench.__main__ import Run, bench, process, table
from bench.dashboard import differences
from bench.steps import STEPS, estate

STEPS_HERE = {**STEPS, "estate": partial(estate, months=1)}


@pytest.mark.verify
@pytest.mark.timeout(900)  # a busy machine takes its time
def test_the_whole_bench_runs_and_what_it_answers_is_checked(tmp_path: Path) -> None:
    done: list[str] = []

    def step(name: str) -> Run:
        done.append(name)
        if name == "floor" and done.count("floor") == 1:
            return process(tmp_path, 0.001, 7)(name)  # one step as the bench runs them: in a process of its own
        return Run(STEPS_HERE[name](tmp_path, 0.001, 7), 1.0, 1.0, 1.0, 1.0)

    lines = bench(tmp_path, step, rounds=1)
    assert set(done) == set(STEPS)
    assert [line.what for line in lines] == [
        "estate landed (not a part of Headwater)",
        "one text file parsed and landed",
        "one large text file looked at",
        "full build",
        "one new day",
        "floor F: needed columns read once, locked",
        "the same in a native file",
        "20 KPIs by month and by channel, cold",
        "of these: planned and spelled",
        "full build of a small workspace",
        "headwater --help",
        "first KPI of a process",
    ]
    assert "numbers, all equal to plain queries" in table(lines)


def test_a_dashboard_that_is_wrong_stops_the_bench(tmp_path: Path) -> None:
    def step(name: str) -> Run:
        wrong = [] if name == "parse" else ["leads 2025-01-01: 4.0 instead of 5"]
        told = {"bytes": 1, "rows": 1, "parts": 1, "cells": 1, "first": 0.1, "again": 0.1, "bad": 0, "wrong": wrong}
        return Run(told, 1.0, 1.0, 1.0, 1.0)

    with pytest.raises(SystemExit, match=r"leads 2025-01-01: 4\.0 instead of 5"):
        bench(tmp_path, step, rounds=1)


def test_a_number_that_differs_is_named() -> None:
    ours = {("leads", "2025-01-01"): 3.0, ("leads", "2025-02-01"): 4.0, ("win_rate", ""): None, ("revenue", "a"): 0.0}
    plain = {("leads", "2025-01-01"): 3, ("leads", "2025-02-01"): 5, ("win_rate", ""): 0.5, ("cycle", "b"): 2.0}
    assert differences(ours, plain) == [
        "cycle b: None instead of 2.0",
        "leads 2025-02-01: 4.0 instead of 5",
        "win_rate (empty): None instead of 0.5",
    ]
