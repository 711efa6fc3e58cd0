"""The company's calendar as a table: one row for every day from the first to the last day of the data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from headwater.build.algebra import kept, where
from headwater.build.site import Change, Site, key_columns
from headwater.build.stored import Form, amended, anew, shared
from headwater.model.generation import StoredTable
from headwater.model.lowering import day_of
from headwater.model.period import Grain, Period
from headwater.model.plan import Col, Join, Lit, Named, Op, Project, Relation, Scalar, Scan, Union, Values
from headwater.model.table import VERSIONS_SUFFIX, Table
from headwater.model.types import DAY, INTEGER

CALENDAR = "calendar"
FIRST = date(1990, 1, 1)
YEARS_AHEAD = 10
_CHUNK = 128
"""Days are counted in two digits of this base, so that no statement spells every one of them."""


def calendar_table(site: Site, table: Table, stored: Sequence[StoredTable]) -> StoredTable:
    """The calendar over the event days of the stored tables; days outside 1990 to ten years from the build do not
    stretch it."""
    form = Form(site, table, table.id)
    low, high = _span(site, stored)
    now = [(low, high)] if low is not None and high is not None else []
    old = site.previous.table(table.id) if site.previous else None
    if old is None or old.first_day is None or old.last_day is None:
        _keep_days(form, "calendar_days", now)
        rows = kept("calendar_days")
        result, site.changes[table.id] = anew(form, rows, rows, ())
        return result
    before = [(old.first_day, old.last_day)]
    site.changes[table.id] = Change()
    if before == now:
        return shared(form, old, ())
    fresh = _beyond(now, before)
    _keep_days(form, "calendar_dirty", [*fresh, *_beyond(before, now)])
    _keep_days(form, "calendar_fresh", fresh)
    result, site.changes[table.id] = amended(form, old, "calendar_fresh", "calendar_dirty", ())
    return result


def _beyond(these: Sequence[tuple[date, date]], those: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """The days of one span that another one lacks."""
    if not these or not those:
        return list(these)
    (low, high), (other_low, other_high) = these[0], those[0]
    one = timedelta(1)
    if high < other_low or low > other_high:
        return [(low, high)]
    found = [(low, other_low - one)] if low < other_low else []
    return [*found, (other_high + one, high)] if high > other_high else found


def _span(site: Site, stored: Sequence[StoredTable]) -> tuple[date | None, date | None]:
    last = date(site.built_at.year + YEARS_AHEAD, 12, 31)
    found: list[date] = []
    for one in stored:
        table = site.tables.get(one.table)
        if table is None or one.table.endswith(VERSIONS_SUFFIX) or one.first_day is None or one.last_day is None:
            continue
        low, high = one.first_day, one.last_day
        if not FIRST <= low <= high <= last:
            column = Col(day_of(table, table.event))
            near = Op("and", (Op("ge", (column, Lit(FIRST))), Op("le", (column, Lit(last)))))
            inside = site.span(where(Scan(f"new__{one.table}"), near), column.name)
            found += [d for d in inside if d is not None]
        else:
            found += [low, high]
    return min(found, default=None), max(found, default=None)


def _keep_days(form: Form, name: str, spans: Sequence[tuple[date, date]]) -> None:
    """Keeps the calendar's rows of these spans of days (both ends included), with their key."""
    relations = [_span_of_days(form, low, high) for low, high in spans]
    nothing = Values(form.columns, ())
    rows: Relation = Union(tuple(relations)) if len(relations) > 1 else relations[0] if relations else nothing
    form.site.workshop.keep(name, Project(rows, key_columns(form.table), keep_all=True))


def _span_of_days(form: Form, low: date, high: date) -> Relation:
    calendar, number = form.site.settings.calendar, (high - low).days + 1
    ones = Values((("_one", INTEGER),), tuple((n,) for n in range(min(_CHUNK, number))))
    many = Values((("_many", INTEGER),), tuple((n * _CHUNK,) for n in range((number + _CHUNK - 1) // _CHUNK)))
    offset = Op("add", (Col("_one", "left"), Col("_many", "right")))
    day = Op("add_days", (Lit(low), offset))
    counted = Op("lt", (offset, Lit(number)))
    days = Project(Join(ones, many, "cross", unique=False), (Named("_day", day),), counted)
    fiscal = Values(
        (("_first", DAY), ("_end", DAY), ("_quarter", DAY), ("_year", DAY), ("_name", INTEGER)),
        tuple(
            (
                month.start,
                month.end,
                calendar.period(month.start, Grain.FISCAL_QUARTER).start,
                calendar.period(month.start, Grain.FISCAL_YEAR).start,
                calendar.fiscal_year(month.start),
            )
            for month in calendar.spine(Period(low, high + timedelta(1)), Grain.FISCAL_MONTH)
        ),
    )
    here, month = Col("_day", "left"), Col("_first", "right")
    lies_in = Op("and", (Op("ge", (here, month)), Op("lt", (here, Col("_end", "right")))))
    weekday = Op("add", (Op("days_between", (Op("trunc_week", (here,)), here)), Lit(1)))
    values: dict[str, Scalar] = {
        "day": here,
        "week_start": Op("trunc_week", (here,)),
        "month_start": Op("trunc_month", (here,)),
        "quarter_start": Op("trunc_quarter", (here,)),
        "year_start": Op("trunc_year", (here,)),
        "fiscal_month_start": month,
        "fiscal_quarter_start": Col("_quarter", "right"),
        "fiscal_year_start": Col("_year", "right"),
        "fiscal_year": Col("_name", "right"),
        "weekday": weekday,
        "is_weekend": Op("gt", (weekday, Lit(5))),
    }
    columns = tuple(Named(n, values.get(n, Lit(None, t))) for n, t in form.columns)
    return Project(Join(days, fiscal, "inner", lies_in), columns)
