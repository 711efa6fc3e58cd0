"""The bench of funnels runs, and counts every lead."""

from bench.funnel import measure


def test_the_bench_of_funnels_runs_on_few() -> None:
    found = measure(2000, 1)
    assert found["rows"] > 500
    assert set(found) == {"counted by the engine", "curves and times", "rows"}
