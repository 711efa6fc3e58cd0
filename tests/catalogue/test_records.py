"""The rows behind a number are the number: every KPI reckoned again in plain Python from the rows `records` lists."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import mean, median
from typing import Any

import pytest

from headwater.metrics.formula import Moment, moments
from headwater.metrics.planned import Window
from headwater.metrics.planner import plan
from headwater.metrics.records import RecordsBlock, plan_records, roles
from headwater.metrics.render import render
from headwater.metrics.windows import read_over
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.measure import Measure, Reached
from headwater.model.period import Grain, Period, add_months
from headwater.model.question import Question
from tests.catalogue.conftest import Company, variants
from tests.catalogue.test_checks import CATALOGUE, EARLY, MONTHS, WHOLE, agree

Exact = float | Decimal | None
Reader = Callable[[str, Moment, bool], Exact]

AGGREGATES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "count": len,
    "count_distinct": lambda values: len(set(values)),
    "sum": sum,
    "mean": mean,
    "median": median,
    "min": min,
    "max": max,
}
SILENT = {"no_rate", "no_data"}
"""Why a number is absent although there are rows: one of them has no rate, or no state that early."""


def quantile(values: Sequence[Any], share: float) -> float:
    """The value that a share of the values does not exceed, between its neighbours in proportion."""
    ordered = sorted(float(v) for v in values)
    below, rest = divmod(share * (len(ordered) - 1), 1)
    return ordered[int(below)] + rest * (ordered[min(int(below) + 1, len(ordered) - 1)] - ordered[int(below)])


def until_half(rows: Sequence[tuple[str, Any]], divide: int) -> float | None:
    """The time after which no more than half of all are left, where who waits is left until he is seen no longer."""
    seen = [(time, state == "reached") for state, time in rows if state in ("reached", "entered")]
    left = Fraction(1)
    for now in sorted({time for time, came in seen if came}):
        left *= 1 - Fraction(sum(s == (now, True) for s in seen), sum(time >= now for time, _ in seen))
        if left <= Fraction(1, 2):
            return float(Fraction(now) / divide)
    return None


def arrived(rows: Sequence[tuple[str, Any]], measure: Measure) -> float | None:
    """The share that got there: one less what is left of all, known where somebody is left who is that old."""
    assert isinstance(measure.clock, Reached)
    seen = [(time, state == "reached") for state, time in rows if state in ("reached", "entered")]
    left = Fraction(1)
    for now in sorted({time for time, came in seen if came}):
        left *= 1 - Fraction(sum(s == (now, True) for s in seen), sum(time >= now for time, _ in seen))
    within = measure.clock.within.amount * {"day": 1, "month": 30}[measure.clock.within.unit]
    known = left == 0 or any(not came and time >= within for time, came in seen)
    return float(1 - left) if seen and known else None


def reckoned(measure: Measure, rows: Sequence[tuple[str, Any]], divide: int, entered: bool, days: int = 0) -> Exact:
    """What a measure makes of rows, each a state and a value."""
    if measure.aggregate == "share":
        return arrived(rows, measure)
    if measure.aggregate == "average":
        return sum(value for _, value in rows) / days if days else None
    if measure.unfinished == "waiting":
        return until_half(rows, divide)
    wanted = {"counted"}
    if isinstance(measure.clock, Reached):
        wanted = {"reached", "entered"} if entered else {"reached"}
    values = [value for state, value in rows if state in wanted]
    if measure.per:
        by: dict[Any, list[Any]] = defaultdict(list)
        for who, value in values:
            by[who].append(value)
        values = [mean(of) for of in by.values()]
    if not values:
        return 0 if measure.aggregate in ("count", "count_distinct", "sum") else None
    if measure.aggregate == "quantile":
        return quantile(values, measure.quantile or 0.5)
    found = AGGREGATES[measure.aggregate](values)
    return found if divide == 1 else float(found) / divide


def applied(formula: Formula, read: Reader, moment: Moment, entered: bool = False) -> Exact:
    """What a formula makes of its measures; nothing where a divisor is zero."""
    match formula:
        case Number(value):
            return value
        case Name(name):
            return read(name, moment, entered)
        case Negate(of):
            inner = applied(of, read, moment, entered)
            return None if inner is None else -inner
        case Binary(operator, left, right):
            a, b = applied(left, read, moment, entered), applied(right, read, moment, entered)
            if a is None or b is None or (operator == "/" and b == 0):
                return None
            x, y = float(a), float(b)
            return {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else 0.0}[operator]
        case Call(function, argument):
            at = dict(moments(formula, moment))
            now = applied(argument, read, at["now"], entered or function == "entered")
            if "base" not in at:
                return now
            base = applied(argument, read, at["base"], entered)
            if now is None or base is None or base == 0:
                return None
            return float(now) / float(base) - (function == "growth")


def rows_by_window(company: Company, block: RecordsBlock) -> dict[Window, list[tuple[str, Any]]]:
    """State and value of every row of a block, by the window it stands in."""
    state, value = block.columns.index("state"), block.columns.index("value")
    per = company.catalogue.measures[block.measure].per
    places: dict[Any, Window] = dict(enumerate(block.windows))
    places |= {w.start: w for w in block.windows if w.start is not None}
    found: dict[Window, list[tuple[str, Any]]] = defaultdict(list)
    for row in company.recalled(render(block.relation)):
        what = (row[block.columns.index(per)], row[value]) if per else row[value]
        found[places[row[0]]].append((row[state], what))
    return found


def readers(company: Company, question: Question) -> tuple[Formula, tuple[Reader, ...]]:
    """The formula of a question's one KPI, and for each period what reckons its measures from the rows listed."""
    planned = plan(question, company.catalogue, company.generation, company.settings)
    (asked,) = planned.asked
    assert asked.formula is not None
    blocks = plan_records(question, company.catalogue, company.generation, company.settings)
    listed = list(roles(asked))
    assert [b.measure for b in blocks] == [n.measure for n in listed]
    found = {
        (need.measure, need.moment): (block, rows_by_window(company, block))
        for need, block in zip(listed, blocks, strict=True)
    }

    def reader(index: int) -> Reader:
        def read(measure_id: str, moment: Moment, entered: bool) -> Exact:
            measure = company.catalogue.measures[measure_id]
            block, rows = found[measure_id, moment]
            window = planned.windows[index, moment]
            assert window is not None
            days = 0 if window.start is None else (window.end - window.start).days
            return reckoned(measure, rows.get(read_over(measure, moment, window), []), block.divide, entered, days)

        return read

    return asked.formula, tuple(reader(i) for i in range(len(planned.periods)))


@pytest.mark.parametrize("name", variants(CATALOGUE))
def test_the_rows_give_the_number(company: Company, name: str) -> None:
    months = Period(MONTHS[0].start, add_months(EARLY.replace(day=1), 1))
    for period, grain in ((WHOLE, Grain.ALL), (months, Grain.MONTH)):
        formula, periods = readers(company, Question((name,), EARLY, period, grain))
        observed = company.ask(name, period, EARLY, grain)
        assert len(observed) == len(periods)
        for one, read in zip(observed, periods, strict=True):
            if one.value is None and set(one.quality) & SILENT:
                continue
            value = applied(formula, read, Moment())
            assert agree(one.value, None if value is None else float(value)), (one.period_start, one.value, value)


def test_every_row_says_where_it_came_from(company: Company) -> None:
    whole = Period(date(2024, 10, 1), date(2025, 10, 1))
    for name in ("leads", "total_sales_revenue", "lead_to_customer_rate", "nps"):
        question = Question((name,), EARLY, whole)
        for block in plan_records(question, company.catalogue, company.generation, company.settings):
            at = {n: block.columns.index(n) for n in ("_source", "_load", "_row")}
            for row in company.recalled(render(block.relation)):
                assert row[at["_source"]] in ("crm", "rest")
                assert 1 <= row[at["_load"]] <= company.generation.journal
                assert row[at["_row"]] >= 1
