"""The bench at a tiny scale, so that it cannot rot: every step runs, and the dashboard equals plain queries."""

from pathlib import Path

from bench.__main__ import bench, table
from bench.dashboard import differences


def test_the_whole_bench_runs_and_what_it_answers_is_checked(tmp_path: Path) -> None:
    told: list[str] = []
    lines = bench(tmp_path, scale=0.001, seed=7, rounds=1, tell=told.append, months=1)
    assert [line.what for line in lines] == [
        "estate landed (not a part of Headwater)",
        "one text file parsed and landed",
        "full build",
        "one new day",
        "floor F: needed columns read once, locked",
        "the same in a native file",
        "20 KPIs by month and by channel, cold",
        "full build of a small workspace",
        "headwater --help",
        "first KPI of a process",
    ]
    assert "numbers, all equal to plain queries" in table(lines)
    assert any("check" in text for text in told)


def test_a_number_that_differs_is_named() -> None:
    ours = {("leads", "2025-01-01"): 3.0, ("leads", "2025-02-01"): 4.0, ("win_rate", ""): None, ("revenue", "a"): 0.0}
    plain = {("leads", "2025-01-01"): 3, ("leads", "2025-02-01"): 5, ("win_rate", ""): 0.5, ("cycle", "b"): 2.0}
    assert differences(ours, plain) == [
        "cycle b: None instead of 2.0",
        "leads 2025-02-01: 4.0 instead of 5",
        "win_rate (empty): None instead of 0.5",
    ]
