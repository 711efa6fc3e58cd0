"""The shapes of sparklines and funnels, worked out by hand on small numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.web.drawing import HEIGHT, LEAST, MARGIN, WIDTH, spark_shape, stream
from headwater.web.parts import Spark, Step


def numbers(path: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+\.?\d*", path)]


def test_a_line_runs_from_the_least_to_the_greatest() -> None:
    # Box 120 x 36 with a margin of 4: x = 4, 60, 116; y = 32 for the least, 4 for the greatest, 18 half-way.
    shape = spark_shape(Spark((0.0, 5.0, 10.0), "rising"))
    assert shape.line == "M4.0 32.0 L60.0 18.0 L116.0 4.0"
    assert shape.end == "M116.0 4.0h0"
    assert (shape.pending, shape.dots, shape.marks, shape.target) == ("", "", "", "")


def test_a_gap_is_no_zero() -> None:
    shape = spark_shape(Spark((1.0, None, 2.0, 2.0, None), "with gaps"))
    assert shape.dots == "M4.0 32.0h0"
    assert shape.line == "M60.0 4.0 L88.0 4.0"
    assert shape.end == "", "the last point is not known"


def test_an_unfinished_last_point_is_led_to_by_its_own_line() -> None:
    shape = spark_shape(Spark((0.0, 10.0, 5.0), "partial", partial_last=True))
    assert shape.line == "M4.0 32.0 L60.0 4.0"
    assert shape.pending == "M60.0 4.0 L116.0 18.0"
    assert shape.end_is_partial


def test_a_target_is_on_the_scale_of_the_points() -> None:
    shape = spark_shape(Spark((0.0, 5.0), "below target", target=10.0))
    assert shape.target == "M0 4.0 H120"
    assert shape.line == "M4.0 32.0 L116.0 18.0"


@pytest.mark.parametrize("points", [(), (None, None), (7.0,), (0.0, 0.0)])
def test_little_is_drawn_of_little(points: tuple[float | None, ...]) -> None:
    shape = spark_shape(Spark(points, "little", partial_last=True, marks=(0, 99)))
    assert "nan" not in repr(shape)


@given(st.lists(st.none() | st.floats(-1e12, 1e12), max_size=40), st.booleans(), st.none() | st.floats(-1e12, 1e12))
def test_nothing_is_drawn_outside_the_box(points: list[float | None], partial: bool, target: float | None) -> None:
    shape = spark_shape(Spark(tuple(points), "any", partial, target, tuple(range(len(points)))))
    for path in (shape.line, shape.area, shape.pending, shape.dots, shape.marks, shape.end):
        values = numbers(path.replace("h0", ""))
        assert all(MARGIN - 0.1 <= x <= WIDTH - MARGIN + 0.1 for x in values[::2])
        assert all(MARGIN - 0.1 <= y <= HEIGHT for y in values[1::2])


def step(volume: float | None, *, bottleneck: bool = False) -> Step:
    return Step("s", "Step", "/", volume=volume, bottleneck=bottleneck)


def test_a_stream_is_as_wide_as_its_volumes() -> None:
    drawn = stream([step(100.0), step(50.0)])
    assert not drawn.logarithmic
    assert drawn.length == 200
    first, middle, last = (numbers(reach.across) for reach in drawn.reaches)
    assert (first[0], first[1], first[-2], first[-1]) == (0, 0, 0, 100), "as wide as its bed: from 0 to 100"
    assert (middle[0], middle[1]) == (50, 0)
    assert (last[0], last[1], last[-1]) == (150, 25, 75), "half of it: from 25 to 75"


def test_a_wide_span_is_drawn_on_a_logarithmic_scale_and_says_so() -> None:
    # log(1 + 999) / log(1 + 999999) = 3 / 6: half of the bed.
    drawn = stream([step(999_999.0), step(999.0)])
    assert drawn.logarithmic
    last = numbers(drawn.reaches[-1].across)
    assert last[1] == pytest.approx(25, abs=0.05)


def test_down_is_across_turned() -> None:
    for reach in stream([step(8.0), step(2.0)]).reaches:
        across, down = numbers(reach.across), numbers(reach.down)
        assert list(zip(across[::2], across[1::2], strict=True)) == list(zip(down[1::2], down[::2], strict=True))


def test_missing_is_dry_and_zero_is_thin() -> None:
    drawn = stream([step(100.0), step(None), step(0.0)])
    assert [reach.missing for reach in drawn.reaches] == [False, True, True, False]
    zero = numbers(drawn.reaches[-1].across)
    assert (zero[1], zero[-1]) == (50 - 50 * LEAST, 50 + 50 * LEAST)


def test_the_bottleneck_is_the_way_to_its_step() -> None:
    drawn = stream([step(9.0), step(5.0, bottleneck=True), step(1.0)])
    assert [reach.bottleneck for reach in drawn.reaches] == [False, True, False, False]


def test_no_step_no_stream() -> None:
    assert stream([]).reaches == ()
