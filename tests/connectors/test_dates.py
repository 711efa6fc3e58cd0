"""Dates and times: one form per column, exact instants, business dates, and what is no date at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.connectors import dates, forms
from headwater.connectors.zones import Zone
from headwater.errors import SourceError
from headwater.model.settings import Settings
from tests.connectors.load import DEALS, Loaded, load, mapping

EPOCH = datetime(1970, 1, 1)


def times(tmp_path: Path, *texts: str, form: str = "", zone: str = "", business: str = "UTC", **source: Any) -> Loaded:
    lines = "".join(f'D{i};"{t}"\n' for i, t in enumerate(texts, 1))
    mapped = mapping(DEALS, "deal_id", created_at={"column": "at", "date_format": form, "time_zone": zone})
    return load(tmp_path, "deal_id;at\n" + lines, mapped, settings=Settings(time_zone=business), **source)


def days(tmp_path: Path, *texts: str, form: str = "", **source: Any) -> Loaded:
    lines = "".join(f'D{i};"{t}"\n' for i, t in enumerate(texts, 1))
    mapped = mapping(DEALS, "deal_id", created_on={"column": "on", "date_format": form})
    return load(tmp_path, "deal_id;on\n" + lines, mapped, **source)


# --- one form a column -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("2025-03-04", "2025-12-31"), date(2025, 3, 4)),
        (("20250304", "20251231"), date(2025, 3, 4)),
        (("2025/03/04", "2025/12/31"), date(2025, 3, 4)),
        (("03/04/2025", "31/12/2025"), date(2025, 4, 3)),
        (("03/04/2025", "12/31/2025"), date(2025, 3, 4)),
        (("3/4/2025", "12/31/2025"), date(2025, 3, 4)),
        (("03-04-2025", "31-12-2025"), date(2025, 4, 3)),
        (("03.04.2025", "01.02.2025"), date(2025, 4, 3)),
        (("31/12/99", "01/02/25"), date(1999, 12, 31)),
        (("4 Mar 2025", "31 December 2025"), date(2025, 3, 4)),
        (("Mar 4, 2025", "Dec 31, 2025"), date(2025, 3, 4)),
        (("04-MAR-2025", "31-dec-2025"), date(2025, 3, 4)),
        (("05/05/2025", "07/07/2025"), date(2025, 5, 5)),
    ],
)
def test_a_column_shows_its_form(tmp_path: Path, texts: tuple[str, ...], first: date) -> None:
    loaded = days(tmp_path, *texts)
    assert loaded.codes == []
    assert loaded.column("created_on")[0] == first


def test_a_column_written_the_other_way_round_than_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as e:
        days(tmp_path, "01/02/2025", "31/12/2025", "15/06/2025", form="%m/%d/%Y")
    assert e.value.code == "wrong_date_format"
    assert "2 dates, such as '31/12/2025' in row 2, do not fit the declared '%m/%d/%Y'" in e.value.what
    assert '"%d/%m/%Y"' in e.value.do


def test_one_date_that_needs_the_declared_order_keeps_it(tmp_path: Path) -> None:
    loaded = days(tmp_path, "01/02/2025", "12/31/2025", "15/06/2025", form="%m/%d/%Y")
    assert loaded.codes == [(3, "created_on", "bad_date")]
    assert loaded.column("created_on") == [date(2025, 1, 2), date(2025, 12, 31)]


@pytest.mark.parametrize(
    "texts",
    [
        ("03/04/2025", "05/06/2025"),
        ("03-04-2025",),
        ("01/02/03", "25/12/24"),
        ("2025-03-04", "04.03.2025"),
        ("25/12/2025", "12/25/2025"),
        ("03/04/2025", "31.12.2025"),
    ],
)
def test_a_column_that_can_be_read_in_two_ways_is_refused(tmp_path: Path, texts: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match="column 'on'") as e:
        days(tmp_path, *texts)
    assert e.value.code == "ambiguous_date"
    assert "date_format" in e.value.do


def test_the_mapping_settles_it(tmp_path: Path) -> None:
    loaded = days(tmp_path, "03/04/2025", "25/12/2024", "1/2/2025", "2025-01-01", form="%d/%m/%Y")
    assert loaded.column("created_on") == [date(2025, 4, 3), date(2024, 12, 25), date(2025, 2, 1)]
    assert loaded.codes == [(4, "created_on", "bad_date")]


def test_texts_that_fit_no_form_are_set_aside(tmp_path: Path) -> None:
    loaded = days(tmp_path, "2025-01-15", "2025-02-30", "2025-13-01", "soon", "0000-00-00", "2024-02-29", "")
    assert loaded.column("created_on") == [date(2025, 1, 15), date(2024, 2, 29), None]
    assert loaded.codes == [(i, "created_on", "bad_date") for i in (2, 3, 4, 5)]
    assert "'2025-02-30' in 'on' is not a date" in loaded.aside[0]["reason"]


def test_dates_far_away_are_out_of_range(tmp_path: Path) -> None:
    loaded = days(tmp_path, "1899-12-31", "1900-01-01", "2200-12-31", "2201-01-01", "0001-01-01", "9999-12-31")
    assert loaded.column("created_on") == [date(1900, 1, 1), date(2200, 12, 31)]
    assert {c for _, _, c in loaded.codes} == {"out_of_range"}
    assert [r for r, _, _ in loaded.codes] == [1, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("15.01.2025 09:05", "%d.%m.%Y %H:%M", datetime(2025, 1, 15, 9, 5)),
        ("01/15/2025 09:05:07 PM", "%m/%d/%Y %I:%M:%S %p", datetime(2025, 1, 15, 21, 5, 7)),
        ("01/15/2025 12:00 am", "%m/%d/%Y %I:%M %p", datetime(2025, 1, 15)),
        ("Wed, 15 Jan 2025 09:05:07 +0200", "%a, %d %b %Y %H:%M:%S %z", datetime(2025, 1, 15, 7, 5, 7)),
        ("2025-01-15T09:05:07.123456789Z", "iso", datetime(2025, 1, 15, 9, 5, 7, 123456)),
        ("2025-01-15 09:05:07,5", "iso", datetime(2025, 1, 15, 9, 5, 7, 500000)),
        ("20250115T090507Z", "%Y%m%dT%H%M%S%z", datetime(2025, 1, 15, 9, 5, 7)),
        ("2025-01-15T09:05+05:30", "iso", datetime(2025, 1, 15, 3, 35)),
        ("2025-01-15 09:05:07 UTC", "iso", datetime(2025, 1, 15, 9, 5, 7)),
        ("45674.75", "excel", datetime(2025, 1, 17, 18)),
        ("45674.000011574074", "excel", datetime(2025, 1, 17, 0, 0, 1)),
        ("1736899507", "epoch_s", datetime(2025, 1, 15, 0, 5, 7)),
        ("1736899507.25", "epoch_s", datetime(2025, 1, 15, 0, 5, 7, 250000)),
        ("1736899507123", "epoch_ms", datetime(2025, 1, 15, 0, 5, 7, 123000)),
        ("-86400", "epoch_s", datetime(1969, 12, 31)),
    ],
)
def test_declared_forms(tmp_path: Path, text: str, form: str, value: datetime) -> None:
    loaded = times(tmp_path, text, form=form)
    assert loaded.codes == []
    assert loaded.column("created_at") == [value]
    assert loaded.column("created_at__day") == [value.date()]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2025-01-15 24:00:00", "iso"),
        ("2025-01-15 10:60:00", "iso"),
        ("2025-01-15 10:00:60", "iso"),
        ("2025-01-15T10:00+25:00", "iso"),
        ("2025-1-5", "iso"),
        ("13:00 PM 01/15/2025", "%I:%M %p %m/%d/%Y"),
        ("15.01.2025x", "%d.%m.%Y"),
        ("29.02.2025", "%d.%m.%Y"),
        ("0", "excel"),
        ("45674", "iso"),
        ("2025-01-15", "epoch_s"),
        ("99999999999999999999", "epoch_ms"),
    ],
)
def test_texts_that_are_no_dates_of_the_form(tmp_path: Path, text: str, form: str) -> None:
    loaded = times(tmp_path, text, "", form=form)
    assert [c for _, _, c in loaded.codes] in (["bad_date"], ["out_of_range"])
    assert len(loaded.rows) == 1


@pytest.mark.parametrize(
    ("serial", "day"),
    [(1, date(1900, 1, 1)), (59, date(1900, 2, 28)), (61, date(1900, 3, 1)), (45672, date(2025, 1, 15))],
)
def test_spreadsheet_serials(tmp_path: Path, serial: int, day: date) -> None:
    loaded = times(tmp_path, str(serial), form="excel")
    assert loaded.column("created_at__day") == [day]
    assert loaded.column("created_at") == [None]


@pytest.mark.parametrize("text", ["%Y-%m", "%d/%m/%Y/%d", "%Q", "%", "d.m.y", "%H:%M"])
def test_a_format_without_a_date_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        forms.declared(text)


# --- instants and business dates -------------------------------------------------------------------------------------
def test_a_bare_date_has_a_day_and_no_instant(tmp_path: Path) -> None:
    loaded = times(tmp_path, "2025-01-15", "2025-01-15 23:30:00Z", business="Europe/Berlin")
    assert loaded.column("created_at") == [None, datetime(2025, 1, 15, 23, 30)]
    assert loaded.column("created_at__day") == [date(2025, 1, 15), date(2025, 1, 16)]


def test_a_naive_time_lies_in_the_zone_of_column_source_or_workspace(tmp_path: Path) -> None:
    noon = "2025-07-01 12:00:00"
    assert times(tmp_path, noon, business="Europe/Berlin").column("created_at") == [datetime(2025, 7, 1, 10)]
    said = times(tmp_path, noon, business="Europe/Berlin", time_zone="America/New_York")
    assert said.column("created_at") == [datetime(2025, 7, 1, 16)]
    nearer = times(tmp_path, noon, zone="Asia/Tokyo", business="Europe/Berlin", time_zone="America/New_York")
    assert nearer.column("created_at") == [datetime(2025, 7, 1, 3)]


def test_the_business_date_is_that_of_the_workspace(tmp_path: Path) -> None:
    loaded = times(tmp_path, "2025-01-15 20:00:00", zone="America/New_York", business="Asia/Tokyo")
    assert loaded.column("created_at__day") == [date(2025, 1, 16)]


def test_a_day_column_takes_the_business_date_of_an_instant(tmp_path: Path) -> None:
    mapped = mapping(DEALS, "deal_id", created_on={"column": "at", "time_zone": "UTC"})
    content = "deal_id,at\n1,2025-01-15 23:30:00\n2,2025-01-15\n"
    loaded = load(tmp_path, content, mapped, settings=Settings(time_zone="Europe/Berlin"))
    assert loaded.column("created_on") == [date(2025, 1, 16), date(2025, 1, 15)]


def test_local_times_around_the_changes_of_the_clock(tmp_path: Path) -> None:
    texts = ("2025-03-30 01:59:59", "2025-03-30 02:30:00", "2025-03-30 03:00:00", "2025-10-26 02:30:00")
    loaded = times(tmp_path, *texts, business="Europe/Berlin")
    assert loaded.column("created_at") == [
        datetime(2025, 3, 30, 0, 59, 59), datetime(2025, 3, 30, 1), datetime(2025, 10, 26, 0, 30)
    ]  # fmt: skip
    assert loaded.codes == [(2, "created_at", "nonexistent_time")]
    assert loaded.warnings == {"ambiguous_time"}
    later = times(tmp_path, *texts, business="Europe/Berlin", ambiguous_time="later")
    assert later.column("created_at")[-1] == datetime(2025, 10, 26, 1, 30)


def test_an_offset_makes_a_repeated_hour_exact(tmp_path: Path) -> None:
    loaded = times(tmp_path, "2025-10-26T02:30:00+01:00", "2025-03-30T02:30:00+01:00", business="Europe/Berlin")
    assert loaded.column("created_at") == [datetime(2025, 10, 26, 1, 30), datetime(2025, 3, 30, 1, 30)]
    assert (loaded.codes, loaded.warnings) == ([], set())


def test_a_day_that_begins_without_midnight_still_has_an_update(tmp_path: Path) -> None:
    """In São Paulo the clock went from midnight to one on 2018-11-04."""
    mapped = mapping(DEALS, "deal_id", _updated_at="at")
    loaded = load(tmp_path, "deal_id,at\n1,2018-11-04\n", mapped, settings=Settings(time_zone="America/Sao_Paulo"))
    assert loaded.column("_updated_at") == [datetime(2018, 11, 4, 3)]


# --- against the standard library ------------------------------------------------------------------------------------
ZONES = sorted(available_timezones() - {"Factory", "localtime"})


@given(
    st.sampled_from(ZONES),
    st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30)), max_size=20),
    st.booleans(),
)
def test_local_times_to_utc_as_zoneinfo_has_it(name: str, moments: list[datetime], earlier: bool) -> None:
    zone = ZoneInfo(name)
    moments += [m + timedelta(hours=h) for m in _changes(zone, moments) for h in (-1, -0.5, 0, 0.5, 1)]
    local = np.array([(m - EPOCH) // timedelta(microseconds=1) for m in moments], np.int64)
    utc, missing, twice = Zone(name).to_utc(local, earlier)
    for m, u, gone, two in zip(moments, utc.tolist(), missing.tolist(), twice.tolist(), strict=True):
        first, second = (m.replace(tzinfo=zone, fold=f).astimezone(UTC) for f in (0, 1))
        exists = first.astimezone(zone).replace(tzinfo=None) == m
        assert gone is not exists
        if exists:
            assert two is (first != second)
            wanted = first if earlier else second
            assert EPOCH + timedelta(microseconds=u) == wanted.replace(tzinfo=None)


@given(st.sampled_from(ZONES), st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30)), max_size=20))
def test_business_dates_as_zoneinfo_has_them(name: str, moments: list[datetime]) -> None:
    zone = ZoneInfo(name)
    utc = np.array([(m - EPOCH) // timedelta(microseconds=1) for m in moments], np.int64)
    found = Zone(name).day(utc) if moments else np.zeros(0, np.int64)
    for m, day in zip(moments, found.tolist(), strict=True):
        assert EPOCH.date() + timedelta(days=day) == m.replace(tzinfo=UTC).astimezone(zone).date()


def _changes(zone: ZoneInfo, moments: list[datetime]) -> list[datetime]:
    """A local time near a change of the clock in the year of the first moment, if there is one."""
    if not moments:
        return []
    day = datetime(moments[0].year, 1, 1)
    if day < datetime(1970, 1, 3):
        return []
    for step in range(364):
        here, there = (zone.utcoffset(day + timedelta(days=step + n)) for n in (0, 1))
        if here != there:
            return [day + timedelta(days=step, hours=2)]
    return []


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_days_as_the_calendar_counts_them(day: date) -> None:
    found = dates.days_of(*(np.array([n], np.int64) for n in (day.year, day.month, day.day)))
    assert found.tolist() == [(day - EPOCH.date()).days]


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f"]),
)
def test_positions_and_patterns_read_alike(moment: datetime, form: str) -> None:
    text = moment.strftime(form)
    text = text.rjust(len(text) + 4 - text.index("-"), "0")
    for found in (dates.read(pa.array([text]), forms.ISO), dates._matched(pa.array([text]), forms.ISO)):
        assert found.valid.tolist() == [True]
        assert found.days.tolist() == [(moment.date() - EPOCH.date()).days]
