"""The usual spread of changes: a case reckoned by hand, its false alarms in simulation, and what it refuses to tell."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.analyses.usual_spread import usual_spread


def table(*series: list[float | None], relative: bool = False) -> pa.Table:
    rows = [(f"s{i}", k, v, relative) for i, values in enumerate(series) for k, v in enumerate(values)]
    names = ("series", "step", "value", "relative")
    types = (pa.string(), pa.int64(), pa.float64(), pa.bool_())
    columns = list(zip(*rows, strict=True)) if rows else [[], [], [], []]
    return pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})


def judged(values: list[float | None], **how: object) -> dict[str, object]:
    relative = bool(how.pop("relative", False))
    (row,) = usual_spread(table(values, relative=relative), **how).to_pylist()  # type: ignore[arg-type]
    return row


def test_a_spread_reckoned_by_hand() -> None:
    """Changes +1, -1 eight times each: median 0, median absolute deviation 1, so the deviation is 1.4826. 16 changes
    are worth 0.4 * 15 = 6 degrees of freedom; the 99.5 % point of Student's t with 6 is 3.7074 (any printed table)."""
    values = [10.0, 11.0] * 8 + [10.0]  # 16 changes; the newest value follows
    reach = 1.4826 * math.sqrt(1 + math.pi / 2 / 16) * 3.7074
    told = judged([*values, 13.0])
    assert told["n"] == 16
    assert told["low"] == pytest.approx(10 - reach, abs=5e-4)
    assert told["high"] == pytest.approx(10 + reach, abs=5e-4)
    assert told["state"] == "usual"
    assert judged([*values, 10 + reach + 0.01])["state"] == "above"
    assert judged([*values, 10 - reach - 0.01])["state"] == "below"


@pytest.mark.parametrize(
    ("months", "season", "kind"), [(14, 0, "walk"), (37, 0, "level"), (26, 12, "walk"), (37, 12, "level")]
)
def test_false_alarms_are_as_rare_as_declared(months: int, season: int, kind: str) -> None:
    """1 of 100: of 4,000 series between 0.3 and 1.7 of 100 (the binomial error is 0.16 of 100)."""
    draws = np.random.default_rng(20250101 + months).standard_normal((4000, months))
    drawn = np.cumsum(draws, axis=1) if kind == "walk" else draws
    states = usual_spread(table(*drawn.tolist()), season=season)["state"].to_pylist()
    assert "cannot_tell" not in states
    rate = sum(s != "usual" for s in states) / len(states)
    assert 0.003 <= rate <= 0.017


def test_fat_tails_raise_more_alarms_but_not_many() -> None:
    draws = np.random.default_rng(7).standard_t(5, (4000, 37)).cumsum(axis=1)
    states = usual_spread(table(*draws.tolist()))["state"].to_pylist()
    assert sum(s != "usual" for s in states) / len(states) <= 0.04


def test_a_large_step_is_found() -> None:
    """Eight deviations: at least 9 of 10 are found with two years of months."""
    draws = np.random.default_rng(3).standard_normal((1000, 25)).cumsum(axis=1)
    draws[:, -1] = draws[:, -2] + 8
    states = usual_spread(table(*draws.tolist()))["state"].to_pylist()
    assert sum(s == "above" for s in states) >= 900


def test_a_yearly_dip_is_usual_where_the_years_are_known() -> None:
    """Every December halves: without the season that looks strange, against the years before it is expected."""
    noise = np.random.default_rng(5).normal(0, 0.02, 36)
    values = [100.0 * (0.5 if m % 12 == 11 else 1.0) * math.exp(noise[m]) for m in range(36)]
    assert judged(values, relative=True, season=0)["state"] == "below"
    told = judged(values, relative=True, season=12)
    assert (told["state"], told["seasonal"]) == ("usual", True)
    assert told["n"] == 22  # changes 13 to 34 against those a year before
    values[-1] *= 0.7
    assert judged(values, relative=True, season=12)["state"] == "below"


def test_what_it_cannot_tell() -> None:
    assert judged([1.0, 2.0] * 6 + [1.0])["reason"] == "too_few"  # 12 changes, of which 11 are past
    assert judged([1.0, 2.0] * 6 + [1.0, 2.0])["reason"] == ""
    assert judged([None, None])["reason"] == "no_value"
    assert judged([5.0] * 20)["reason"] == "no_spread"
    assert judged([1.0, 2.0] * 8 + [None, 3.0])["reason"] == "no_value_before"
    assert all(judged(v)["state"] == "cannot_tell" for v in ([None], [1.0], [5.0] * 20))


def test_values_missing_at_the_end_do_not_hide_the_newest() -> None:
    told = judged([10.0, 11.0, 10.6, 11.4] * 4 + [30.0, None, None])
    assert (told["step"], told["value"], told["before"], told["state"]) == (16, 30.0, 11.4, "above")


def test_shares_of_the_value_before_where_all_are_above_zero() -> None:
    assert judged([1.0, 2.0] * 8, relative=True)["scale"] == "ratio"
    assert judged([0.0, 2.0] * 8, relative=True)["scale"] == "difference"


def test_no_rows() -> None:
    assert usual_spread(table()).num_rows == 0


@given(st.lists(st.floats(-1000, 1000), min_size=15, max_size=40), st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_unit_changes_nothing(values: list[float], times: float) -> None:
    """A value in another unit is judged the same (powers of two, so that no digit is lost)."""
    one, other = judged(list(values), season=12), judged([v * times for v in values], season=12)
    for name in ("n", "state", "reason", "seasonal"):
        assert one[name] == other[name]
    if one["low"] is not None:
        assert other["low"] == pytest.approx(one["low"] * times)  # type: ignore[operator]
