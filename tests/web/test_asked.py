"""The state of a page is its address: read, written, read again; what it means on paper; what is refused and how."""

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.overview import Frame
from headwater.errors import QueryError
from headwater.model.period import Calendar, Grain, Period
from headwater.web.view.asked import (
    COMPARISONS,
    GRAINS,
    PRESETS,
    Asked,
    api_href,
    earlier,
    filtered,
    focus_of,
    frame_of,
    href,
    kpi_href,
    later,
    parse,
    pickable,
    span,
    unfiltered,
)

CALENDAR = Calendar()
MAY = Period(date(2025, 5, 1), date(2025, 6, 1))


def p(first: str, end: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(end))


def framed(**asked: object) -> Frame:
    return frame_of(Asked(**asked), CALENDAR, MAY)  # type: ignore[arg-type]


def read(address: str, *more: str) -> Asked:
    return parse(parse_qsl(urlsplit(address).query, keep_blank_values=True), more)


# --- there and back --------------------------------------------------------------------------------------------------
_texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
_days = st.dates(date(1990, 1, 1), date(2100, 1, 1))
_periods = st.one_of(
    st.sampled_from(("", *PRESETS)),
    st.builds(lambda d, g: span(CALENDAR.period(d, g)), _days, st.sampled_from([Grain.DAY, Grain.MONTH, Grain.YEAR])),
    st.builds(lambda d, n: f"{d}..{date.fromordinal(d.toordinal() + n)}", _days, st.integers(1, 900)),
)


@st.composite
def states(draw: st.DrawFn) -> Asked:
    asked = Asked(
        period=draw(_periods),
        grain=draw(st.sampled_from(("", *GRAINS))),
        compare=draw(st.sampled_from(COMPARISONS)),
        by=draw(st.sampled_from(["", "channel", "region"])),
        as_of=draw(st.none() | _days),
    )
    for split, value in draw(st.dictionaries(st.sampled_from(["channel", "region"]), st.none() | _texts)).items():
        asked = filtered(asked, split, value) or asked
    return asked.having(side=draw(st.sampled_from(["", "numerator"])), page=draw(st.sampled_from(["", "2"])))


@given(states())
def test_a_state_survives_its_address(asked: Asked) -> None:
    assert read(href("/kpi/leads", asked), "side", "page") == asked


@given(states())
def test_a_frame_holds_its_focus(asked: Asked) -> None:
    try:
        frame = frame_of(asked, CALENDAR, MAY)
    except QueryError as error:
        assert "steps" in error.what
        return
    assert frame.window.start <= frame.focus.start < frame.focus.end <= frame.window.end
    assert (frame.before is None) == (asked.compare == "none")
    if frame.before is not None:
        assert frame.before.start < frame.focus.start


def test_what_is_the_default_is_not_written() -> None:
    assert href("/", Asked()) == "/"
    assert href("/", read("/?compare=previous&period=")) == "/"
    assert kpi_href("win_rate.value", Asked("2025", by="channel", more=(("page", "2"),))) == (
        "/kpi/win_rate.value?period=2025"
    )


# --- what it means ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("period", "focus"),
    [
        ("", ("2025-05-01", "2025-06-01")),
        ("last-month", ("2025-05-01", "2025-06-01")),
        ("last-3-months", ("2025-03-01", "2025-06-01")),
        ("last-12-months", ("2024-06-01", "2025-06-01")),
        ("this-quarter", ("2025-04-01", "2025-06-01")),
        ("last-quarter", ("2025-01-01", "2025-04-01")),
        ("this-year", ("2025-01-01", "2025-06-01")),
        ("last-year", ("2024-01-01", "2025-01-01")),
        ("2025-Q1", ("2025-01-01", "2025-04-01")),
        ("2024-11..2025-02", ("2024-11-01", "2025-03-01")),
    ],
)
def test_periods_count_back_from_the_newest_whole_month(period: str, focus: tuple[str, str]) -> None:
    assert focus_of(Asked(period), CALENDAR, MAY) == p(*focus)


def test_a_quarter_that_is_over_is_the_last_one() -> None:
    june = p("2025-06-01", "2025-07-01")
    assert focus_of(Asked("last-quarter"), CALENDAR, june) == p("2025-04-01", "2025-07-01")


def test_a_month_is_shown_among_thirteen_a_year_by_itself() -> None:
    assert framed().window == p("2024-05-01", "2025-06-01")
    assert framed(period="2024").window == p("2024-01-01", "2025-01-01")
    assert framed(period="2025-Q1").window == p("2024-03-01", "2025-04-01")
    assert framed(period="2025-Q1", grain="quarter").window == p("2022-01-01", "2025-04-01")
    assert framed(period="2025-03-03..2025-03-09").grain is Grain.DAY


def test_what_it_is_compared_with() -> None:
    assert framed().before == p("2025-04-01", "2025-05-01")
    assert framed(compare="year").before == p("2024-05-01", "2024-06-01")
    assert framed(period="last-12-months").before == p("2023-06-01", "2024-06-01")
    assert framed(period="2024-02-29", compare="year").before == p("2023-02-28", "2023-03-01")
    assert framed(compare="none").before is None


def test_earlier_and_later() -> None:
    assert earlier(framed(period="2025-Q1"), CALENDAR) == p("2024-10-01", "2025-01-01")
    assert later(framed(period="2025-Q1"), MAY) == p("2025-04-01", "2025-07-01")
    assert later(framed(), MAY) is None


def test_the_picker_knows_a_period_of_ones_own() -> None:
    assert list(pickable(CALENDAR, MAY, "2025-W10"))[-1] == "2025-W10"
    assert tuple(pickable(CALENDAR, MAY, "last-year")) == PRESETS


# --- filters ---------------------------------------------------------------------------------------------------------
def test_a_segment_is_chosen_changed_and_let_go() -> None:
    ads = filtered(Asked(), "channel", "ads")
    assert ads is not None and ads.filter == "channel = 'ads'"
    both = filtered(ads, "region", None)
    assert both is not None and both.filter == "channel = 'ads' and region is empty"
    other = filtered(both, "channel", "o'hare")
    assert other is not None and other.filter == "region is empty and channel = 'o''hare'"
    assert unfiltered(other, "region is empty").filter == "channel = 'o''hare'"
    assert filtered(Asked(), "channel", "a\nb") is None


def test_a_file_asks_the_same_question_with_its_period_spelled_out() -> None:
    frame = framed(period="last-3-months", filter="channel = 'ads'")
    assert api_href("measure", "win_rate.value", frame) == (
        "/api/measure?kpi=win_rate.value&period=2025-03..2025-05&filter=channel%20%3D%20%27ads%27&format=csv"
    )


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "where", "near"),
    [
        ("/?perod=2025", "address", "'period'"),
        ("/?period=last-12-month", "period", "'last-12-months'"),
        ("/?period=2025-13", "period", "2025-Q1"),
        ("/?period=2300", "period", "data"),
        ("/?grain=monht", "grain", "'month'"),
        ("/?grain=all", "grain", "month"),
        ("/?compare=last", "compare", "previous"),
        ("/?as_of=yesterday", "as_of", "2025-03-31"),
        ("/?filter=channel+%3D", "filter", "channel = 'ads'"),
        ("/?period=2025&period=2024", "period", "once"),
    ],
)
def test_a_bad_value_is_named_with_what_is_possible(address: str, where: str, near: str) -> None:
    with pytest.raises(QueryError) as error:
        read(address)
    assert error.value.where == where
    assert near in error.value.do


def test_days_of_ten_years_are_too_many_steps() -> None:
    with pytest.raises(QueryError, match="400 steps"):
        framed(period="2010..2020", grain="day")
