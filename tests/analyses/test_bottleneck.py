"""The step that fell most against its own best year: by hand, by simulation, and where nothing can be told."""

import numpy as np
import pyarrow as pa
import pytest

from headwater.analyses.bottleneck import bottleneck

Pairs = list[tuple[float | None, float | None]]


def table(**steps: Pairs) -> pa.Table:
    rows = [(name, i, top, bottom) for name, pairs in steps.items() for i, (top, bottom) in enumerate(pairs)]
    names = ("step", "period", "numerator", "denominator")
    types = (pa.string(), pa.int64(), pa.float64(), pa.float64())
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 4
    return pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})


def rows(**steps: Pairs) -> dict[str, dict[str, object]]:
    return {r["step"]: r for r in bottleneck(table(**steps)).to_pylist()}


def test_a_fall_reckoned_by_hand() -> None:
    """Best year: 12 months of 300 of 1,000, after 3 of 200. Newest quarter: 600 of 3,000, which is 0.2; the fall is
    1 - 0.2 / 0.3. The upper end of the interval, z = 3.2905 (z^2 = 10.8274), n = 3,000:
    (0.2 + 0.00180457 + 3.2905 * sqrt(0.16 / 3000 + 10.8274 / 36e6)) / (1 + 0.00360913) = 0.22509."""
    told = rows(mql=[(200, 1000)] * 3 + [(300, 1000)] * 12 + [(200, 1000)] * 3)["mql"]
    assert told["now"] == pytest.approx(0.2)
    assert told["best"] == pytest.approx(0.3)
    assert (told["best_from"], told["best_to"], told["n"]) == (3, 14, 3000)
    assert told["fall"] == pytest.approx(1 / 3)
    assert told["high"] == pytest.approx(0.22509, abs=2e-5)
    assert (told["state"], told["marked"]) == ("fallen", True)


def test_the_largest_fall_is_marked_and_no_other() -> None:
    before, steady = [(500, 1000)] * 12, [(500, 1000)] * 15
    told = rows(a=steady, b=[*before, *[(300, 1000)] * 3], c=[*before, *[(200, 1000)] * 3])
    assert [told[k]["state"] for k in "abc"] == ["steady", "fallen", "fallen"]
    assert [told[k]["marked"] for k in "abc"] == [False, False, True]


def test_a_fall_within_chance_or_too_small_is_not_marked() -> None:
    few = rows(few=[(5, 10)] * 12 + [(3, 10)] * 3)["few"]
    assert few["fall"] == pytest.approx(0.4)
    assert (few["state"], few["marked"]) == ("steady", False)
    small = rows(small=[(50_000, 100_000)] * 12 + [(46_000, 100_000)] * 3)["small"]
    assert small["state"] == "steady"


def test_steps_that_do_not_change_are_seldom_marked() -> None:
    """Five steps, 36 months, 60 to 400 entries a month: fewer than 1 strip in 20."""
    draw = np.random.default_rng(11)
    marked = 0
    for _ in range(400):
        strip = {
            f"s{i}": list(zip(draw.binomial(n, p, 36).astype(float).tolist(), [float(n)] * 36, strict=True))
            for i, (n, p) in enumerate([(400, 0.04), (300, 0.4), (150, 0.5), (100, 0.3), (60, 0.25)])
        }
        marked += any(r["marked"] for r in rows(**strip).values())
    assert marked / 400 < 0.05


def test_a_halved_rate_is_found() -> None:
    draw = np.random.default_rng(12)
    found = 0
    for _ in range(200):
        tops = [*draw.binomial(150, 0.4, 33), *draw.binomial(150, 0.2, 3)]
        found += bool(rows(s=[(float(t), 150.0) for t in tops])["s"]["marked"])
    assert found >= 190


def test_what_it_cannot_tell() -> None:
    young = [(None, None)] * 3
    told = rows(
        short=[(5, 10)] * 14,
        none=[(None, None)] * 20,
        immature=[(500, 1000)] * 12 + [(200, 1000)] * 3 + young,
        nothing=[(0, 0)] * 20,
        above=[(20, 10)] * 20,
        never=[(0, 100)] * 20,
    )
    assert {k for k, r in told.items() if r["state"] == "cannot_tell"} == {"short", "none", "nothing", "above", "never"}
    assert told["immature"]["marked"]
    assert bottleneck(table()).num_rows == 0
