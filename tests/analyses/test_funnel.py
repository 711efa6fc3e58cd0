"""Passages from stage to stage and what a better rate is worth: by hand, and on planted truths."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headwater.analyses.funnel import best_year, curves, gains, passages, triangle


def counts(*rows: tuple[int, int, int, bool, int], group: int = 0, limit: int = 30) -> pa.Table:
    """Rows of (days, end, limit is the same, early, records) as the plan gives them."""
    named = [{"group": group, "limit": limit, "days": d, "end": e, "early": y, "records": n} for d, e, _, y, n in rows]
    return pa.Table.from_pylist(named)


def row(table: pa.Table) -> dict[str, Any]:
    (found,) = passages(table).to_pylist()
    return dict(found)


def test_a_passage_by_hand() -> None:
    """Ten enter: 4 come on day 5, 2 are lost on day 10, 1 is last seen on day 20, 3 on day 40. By day 30: 4 of 10."""
    told = row(counts((5, 1, 0, False, 4), (10, 2, 0, False, 2), (20, 0, 0, False, 1), (40, 0, 0, False, 3)))
    assert (told["records"], told["came"], told["lost"], told["longest"]) == (10, 4, 2, 40)
    assert told["share"] == told["so_far"] == told["ever"] == pytest.approx(0.4)
    assert (told["median"], told["p90"], told["completed_median"], told["half"]) == (5, 5, 5, None)


def test_young_records_lift_the_share_above_the_naive_one() -> None:
    """Of 20 entries 10 come on day 5 and 5 are seen for 10 days alone; on day 25 the 5 that are left all come:
    1/2 + 1/2 * 1. So far it is 15 of 20."""
    told = row(counts((5, 1, 0, False, 10), (10, 0, 0, False, 5), (25, 1, 0, False, 5)))
    assert told["share"] == pytest.approx(1)
    assert told["so_far"] == pytest.approx(0.75)
    assert (told["completed_p75"], told["p75"]) == (25, 25)
    assert (told["completed_median"], told["median"]) == (5, 5)


def test_who_came_early_has_come_and_has_no_time() -> None:
    told = row(counts((0, 1, 0, True, 3), (8, 1, 0, False, 1), (40, 0, 0, False, 4)))
    assert (told["share"], told["early"], told["arrived"]) == (pytest.approx(0.5), 3, 1)
    assert told["median"] == 8


def test_groups_are_told_apart_and_nothing_is_nothing() -> None:
    two = pa.concat_tables([counts((5, 1, 0, False, 1), group=4), counts((5, 0, 0, False, 1), group=2)])
    assert [(r["group"], r["ever"]) for r in passages(two).to_pylist()] == [(4, 1.0), (2, 0.0)]
    assert passages(two.slice(0, 0)).num_rows == 0
    with pytest.raises(ValueError, match="stand together"):
        passages(pa.concat_tables([two, counts((5, 1, 0, False, 1), group=4)]))


def test_a_curve_rises_to_the_last_day() -> None:
    table = counts(*((d, 1, 0, False, 1) for d in range(300)), (400, 0, 0, False, 100))
    points = curves(table, points=50).to_pylist()
    assert len(points) <= 50
    assert (points[0]["day"], points[-1]["day"]) == (0, 400)
    shares = [p["share"] for p in points]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.75)


# --- a better rate ---------------------------------------------------------------------------------------------------
def stages(*rows: tuple[str, float, float, float, float | None, float]) -> pa.Table:
    names = ("step", "entries", "reached", "records", "reference_reached", "reference_records")
    return pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows])


def test_a_gain_by_hand() -> None:
    """1,000 enter, 200 of 1,000 pass now, 300 of 1,000 in the best year; of those who pass half come to the end, and
    each is worth 10: 1,000 * 0.1 * 0.5 * 10 = 500. The last stage is as good as ever."""
    table = stages(("a", 1000, 200, 1000, 300, 1000), ("b", 200, 100, 200, 100, 200))
    a, b = gains(table, worth=10, seed=1).to_pylist()
    assert a["gain"] == pytest.approx(500)
    assert a["low"] < 500 < a["high"]
    assert (a["state"], a["rank"], a["downstream"]) == ("loses", 1, pytest.approx(0.5))
    assert (b["gain"], b["low"], b["high"], b["state"]) == (0, 0, 0, "cannot_tell")


def test_a_rate_that_is_given_is_taken_as_it_is() -> None:
    (told,) = gains(stages(("a", 100, 20, 100, 0.5, 0)), worth=1, seed=1).to_pylist()
    assert (told["reference"], told["gain"]) == (0.5, pytest.approx(30))


def test_what_is_not_known_is_not_reckoned() -> None:
    table = stages(("a", 100, 20, 100, 30, 100), ("b", 20, 0, 0, None, 0))
    assert [g["state"] for g in gains(table, worth=1, seed=1).to_pylist()] == ["unknown", "unknown"]
    (alone,) = gains(stages(("a", 100, 20, 100, 30, 100)), worth=None, seed=1).to_pylist()
    assert alone["gain"] is None


def test_stages_that_do_not_change_seldom_lose() -> None:
    """Three stages of the same rate for 36 months: the best year is above the newest by chance, and is not believed."""
    draw = np.random.default_rng(3)
    told = 0
    for _ in range(100):
        months = [
            {"step": s, "period": i, "reached": float(draw.binomial(n, p)), "records": float(n)}
            for s, n, p in (("a", 300, 0.4), ("b", 120, 0.5), ("c", 60, 0.3))
            for i in range(36)
        ]
        best = best_year(pa.Table.from_pylist(months)).to_pylist()
        rows = [
            (r["step"], 1000.0, r["now_reached"], r["now_records"], r["best_reached"], r["best_records"]) for r in best
        ]
        told += any(g["state"] == "loses" for g in gains(stages(*rows), worth=1, seed=5, draws=400).to_pylist())
    assert told <= 5


def test_the_interval_of_a_gain_holds_the_truth() -> None:
    """Rates 0.3 of 400 now and 0.4 of 400 in the best year, 0.5 of 200 after: 1,000 * 0.1 * 0.5 = 50 at worth 1."""
    draw, held = np.random.default_rng(8), 0
    for seed in range(100):
        now, best, after = (float(draw.binomial(n, p)) for n, p in ((400, 0.3), (400, 0.4), (200, 0.5)))
        table = stages(("a", 1000, now, 400, best, 400), ("b", 200, after, 200, after, 200))
        gain = gains(table, worth=1, seed=seed, draws=1000).to_pylist()[0]
        held += gain["low"] <= 50 <= gain["high"]
    assert held >= 90


def test_the_best_year_is_the_best_twelve_in_a_row() -> None:
    months = [(2, 10)] * 6 + [(8, 10)] * 12 + [(None, None)] + [(3, 10)] * 4
    rows = [{"step": "a", "period": i, "reached": a, "records": b} for i, (a, b) in enumerate(months)]
    schema = pa.schema(
        [("step", pa.string()), ("period", pa.int64()), ("reached", pa.float64()), ("records", pa.float64())]
    )
    (told,) = best_year(pa.Table.from_pylist(rows, schema=schema)).to_pylist()
    assert (told["best_reached"], told["best_records"], told["best_from"]) == (96, 120, 6)
    assert (told["now_reached"], told["now_records"]) == (8 * 8 + 3 * 4, 120)  # the newest twelve that are settled


def test_a_triangle_by_hand() -> None:
    """Two cohorts with 75 days: the first, of ten, is seen for 80 days or more, the second, of four, for 65."""
    rows = [
        {"group": 0, "limit": 75, "days": 30, "records": 2, "least": 90},
        {"group": 0, "limit": 75, "days": 31, "records": 1, "least": 100},
        {"group": 0, "limit": 75, "days": 75, "records": 1, "least": 85},
        {"group": 0, "limit": 75, "days": 76, "records": 1, "least": 95},
        {"group": 0, "limit": 75, "days": -1, "records": 5, "least": 80},
        {"group": 1, "limit": 75, "days": 0, "records": 1, "least": 70},
        {"group": 1, "limit": 75, "days": -1, "records": 3, "least": 65},
    ]
    told = [
        (r["group"], r["age"], r["records"], r["came"], r["share"])
        for r in triangle(pa.Table.from_pylist(rows)).to_pylist()
    ]
    assert told == [
        (0, 30, 10, 2, 0.2), (0, 60, 10, 3, 0.3), (0, 75, 10, 4, 0.4),
        (1, 30, 4, 1, 0.25), (1, 60, 4, 1, 0.25), (1, 75, 4, None, None),
    ]  # fmt: skip


def test_a_day_short_of_an_age_is_not_that_age() -> None:
    rows = [{"group": 0, "limit": 30, "days": 1, "records": 1, "least": 29}]
    assert triangle(pa.Table.from_pylist(rows))["share"].to_pylist() == [None]
