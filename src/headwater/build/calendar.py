"""The company's calendar as a table: one row for every day from the first to the last day of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from headwater.build.algebra import kept, where
from headwater.build.site import Change, Site, key_columns
from headwater.build.stored import Form, amended, anew, shared
from headwater.model.generation import StoredTable
from headwater.model.lowering import day_of
from headwater.model.period import Calendar, Grain
from headwater.model.plan import Col, Lit, Op, Project, Scan, Union, Values
from headwater.model.table import VERSIONS_SUFFIX, Table

CALENDAR = "calendar"
FIRST = date(1990, 1, 1)
YEARS_AHEAD = 10
DAYS_IN_A_STATEMENT = 500

_COLUMNS: dict[str, Callable[[Calendar, date], date | int | bool]] = {
    "day": lambda calendar, day: day,
    "week_start": lambda calendar, day: calendar.period(day, Grain.WEEK).start,
    "month_start": lambda calendar, day: calendar.period(day, Grain.MONTH).start,
    "quarter_start": lambda calendar, day: calendar.period(day, Grain.QUARTER).start,
    "year_start": lambda calendar, day: calendar.period(day, Grain.YEAR).start,
    "fiscal_month_start": lambda calendar, day: calendar.period(day, Grain.FISCAL_MONTH).start,
    "fiscal_quarter_start": lambda calendar, day: calendar.period(day, Grain.FISCAL_QUARTER).start,
    "fiscal_year_start": lambda calendar, day: calendar.period(day, Grain.FISCAL_YEAR).start,
    "fiscal_year": lambda calendar, day: calendar.fiscal_year(day),
    "weekday": lambda calendar, day: day.isoweekday(),
    "is_weekend": lambda calendar, day: day.isoweekday() > 5,
}


def calendar_table(site: Site, table: Table, stored: Sequence[StoredTable]) -> StoredTable:
    """The calendar over the event days of the stored tables; days outside 1990 to ten years from the build do not
    stretch it."""
    form = Form(site, table, table.id)
    low, high = _span(site, stored)
    days = _days(low, high)
    old = site.previous.table(table.id) if site.previous else None
    if old is None or not old.rows:
        _keep_days(form, "calendar_days", days)
        rows = kept("calendar_days")
        result, site.changes[table.id] = anew(form, rows, rows, ())
        return result
    before = set(_days(old.first_day, old.last_day))
    differing = sorted(before ^ set(days))
    site.changes[table.id] = Change()
    if not differing:
        return shared(form, old, ())
    _keep_days(form, "calendar_dirty", differing)
    _keep_days(form, "calendar_fresh", [d for d in differing if d not in before])
    result, site.changes[table.id] = amended(form, old, "calendar_fresh", "calendar_dirty", ())
    return result


def _days(low: date | None, high: date | None) -> list[date]:
    if low is None or high is None:
        return []
    return [low + timedelta(n) for n in range((high - low).days + 1)]


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


def _keep_days(form: Form, name: str, days: Sequence[date]) -> None:
    """Keeps the calendar's rows of these days, with their key."""
    calendar = form.site.settings.calendar
    columns = tuple((n, t) for n, t in form.columns)
    chunks = [days[i : i + DAYS_IN_A_STATEMENT] for i in range(0, len(days), DAYS_IN_A_STATEMENT)] or [[]]
    for number, chunk in enumerate(chunks):
        rows = tuple(tuple(_COLUMNS[n](calendar, day) if n in _COLUMNS else None for n, _ in columns) for day in chunk)
        relation = Project(Values(columns, rows), key_columns(form.table), keep_all=True)
        form.site.workshop.keep(name if len(chunks) == 1 else f"{name}_{number}", relation)
    if len(chunks) > 1:
        form.site.workshop.keep(name, Union(tuple(kept(f"{name}_{n}") for n in range(len(chunks)))))
        for number in range(len(chunks)):
            form.site.workshop.drop(f"{name}_{number}")
