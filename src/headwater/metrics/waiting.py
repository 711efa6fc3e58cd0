"""How long it takes to get there when some wait still: counted by the engine, the quantile reckoned from the counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, inf, log, sqrt
from typing import Any, NamedTuple

from headwater.errors import QueryError
from headwater.metrics.cohorts import observed_until
from headwater.metrics.intervals import Z
from headwater.metrics.planned import Block, Context, Field
from headwater.metrics.scans import divisor, segment_keys
from headwater.model.lowering import day_of
from headwater.model.measure import EVER, Measure, Reached
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Relation, Scalar
from headwater.model.question import Question
from headwater.model.table import Table

WAITS, CAME, IMPOSSIBLE, AHEAD, LATE = 0, 1, 2, 3, 4
"""How an entry stands: it waits still; it got there; it got there before it entered; it lies after all observation; of
a share: it was seen for the whole time allowed and did not get there in it."""

COUNTED = ("m0_time", "m0_how", "m0_rows")
"""The columns of a block after window and segment: whole seconds, how entries of that time stand, how many they are."""

_FIELDS = ("value", "n", "entered_n", "negative", "left_out", "low", "high", "longest")
_DAY = 86_400
_SAME = 1e-12  # two shares that differ by less are equal but for the rounding of products


def knows_waiting(measure: Measure) -> bool:
    """Whether the entries that have not got there count for as long as they were seen."""
    return measure.unfinished == "waiting"


def share_of(measure: Measure) -> float:
    """The share of all entries whose time is asked."""
    return 0.5 if measure.quantile is None else measure.quantile


# --- in the engine ---------------------------------------------------------------------------------------------------
def timed(rows: Relation, question: Question, measure: Measure, table: Table, context: Context) -> Relation:
    """The rows of a cohort with `_how` each stands and `_time`, the whole seconds (of a share: days) it took or was
    seen for.

    An entry is seen for the whole days from its own to the end of observation; what came later on that last day is
    ahead of it still, so that nobody's being seen depends on how quick he was.
    """
    clock = measure.clock
    if not isinstance(clock, Reached):
        raise ValueError(f"{measure.id} is no cohort")
    end = observed_until(clock, table, question, context)
    days = Op("days_between", (Col(day_of(table, clock.start)), end))
    if measure.aggregate == "share":
        took = Op("days_between", (Col(day_of(table, clock.start)), Col(day_of(table, clock.to))))
        early = Op("and", (Col("_reached"), Col("_negative")))
        states: tuple[Scalar, ...] = (Op("lt", (days, Lit(0))), Lit(AHEAD), early, Lit(IMPOSSIBLE))
        states += (Col("_reached"), Lit(CAME), Col("_seen"), Lit(LATE), Lit(WAITS))
        time = Op("case", (Col("_negative"), Lit(0), Col("_reached"), took, days))
        return Project(rows, (Named("_how", Op("case", states)), Named("_time", time)), keep_all=True)
    seen = Op("mul", (days, Lit(_DAY)))
    came = Op("and", (Col("_reached"), Op("le", (Col("_v0"), seen))))
    arms: list[Scalar] = [Op("lt", (seen, Lit(0))), Lit(AHEAD)]
    if measure.negatives == "leave_out":
        arms += [Op("and", (Col("_reached"), Op("lt", (Col("_v0"), Lit(0))))), Lit(IMPOSSIBLE)]
    how = Op("case", (*arms, came, Lit(CAME), Lit(WAITS)))
    return Project(rows, (Named("_how", how), Named("_time", Op("case", (came, Col("_v0"), seen)))), keep_all=True)


def waiting_counts(
    rows: Relation,
    window: Scalar,
    question: Question,
    measure: Measure,
    table: Table,
    context: Context,
    *,
    total: bool,
) -> tuple[Relation, Field]:
    """How many entries of each window and segment took how long, or were seen for how long, and the field that
    `settled` makes of it. Raises QueryError for another aggregate than a quantile or a share, which alone know who
    waits."""
    if measure.aggregate not in ("median", "quantile", "share"):
        raise QueryError(f"a {measure.aggregate} cannot count those who wait", where=measure.path or measure.id)
    if measure.aggregate == "share" and isinstance(measure.clock, Reached) and measure.clock.within == EVER:
        raise QueryError("a share needs a time within which", where=measure.path or measure.id)
    known = timed(rows, question, measure, table, context)
    keys = (Named("_w", window), *segment_keys(question, total, table))
    counted = (*keys, Named("m0_time", Col("_time")), Named("m0_how", Col("_how")))
    ok = None if measure.where is None else Col("_ok0")
    fit = Project(known, counted, ok)
    relation = Group(fit, tuple(Named(c.name, Col(c.name)) for c in counted), (NamedAgg("m0_rows", Agg("count_rows")),))
    return relation, Field(measure.id, "m0", _FIELDS, divisor(measure))


# --- on the counts ---------------------------------------------------------------------------------------------------
class Quantile(NamedTuple):
    """The time that a share of all entries needed, or the share that needed no more than a time, with its 95 %
    interval; None where it is not known."""

    value: float | None
    low: float | None
    high: float | None


def settled(block: Block, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """One row a window and segment with the fields of the block's measure, from its counted rows."""
    if block.waiting is None:
        raise ValueError("the rows of this block are settled by the engine")
    first = 1 + len(block.splits)
    found: dict[tuple[Any, ...], list[tuple[int, int, int]]] = {}
    for row in rows:
        found.setdefault(tuple(row[:first]), []).append((int(row[first]), int(row[first + 1]), int(row[first + 2])))
    return [(*place, *_fields(counts, block.waiting)) for place, counts in found.items()]


def _fields(counts: Iterable[tuple[int, int, int]], measure: Measure) -> tuple[Any, ...]:
    """The values of `_FIELDS`."""
    of: dict[int, int] = dict.fromkeys((WAITS, CAME, IMPOSSIBLE, AHEAD, LATE), 0)
    times: dict[int, tuple[int, int]] = {}
    share = measure.aggregate == "share"
    arrives = (CAME, IMPOSSIBLE) if share else (CAME,)
    for time, how, n in counts:
        of[how] += n
        if how in (WAITS, LATE, *arrives):
            came, waits = times.get(time, (0, 0))
            times[time] = (came, waits + n) if how in (WAITS, LATE) else (came + n, waits)
    if share:
        value, low, high = arrived(times, seen=of[LATE] > 0)
        came = of[CAME] + of[IMPOSSIBLE]
        entered = came + of[WAITS] + of[LATE]
        return value, came, entered, of[IMPOSSIBLE], of[AHEAD], low, high, max(times, default=None)
    value, low, high = quantile(times, share_of(measure))
    entered = of[WAITS] + of[CAME]
    return value, of[CAME], entered, of[IMPOSSIBLE], of[AHEAD], low, high, max(times, default=None)


def quantile(times: Mapping[int, tuple[int, int]], share: float) -> Quantile:
    """The time by which a share of all entries has got there: by time, how many did then and how many were seen no
    longer.

    Who is seen no longer counts until then. Where so many have not got there in the time seen, there is no value.
    Assumes: who is no longer seen is like those who still are.
    From:    Kaplan and Meier, JASA 53 (1958); variance by Greenwood (1926); interval by Brookmeyer and Crowley,
             Biometrics 38 (1982), on the log(-log) scale.

    >>> quantile({2: (1, 0), 3: (1, 1), 5: (1, 0)}, 0.5).value
    3
    """
    rest = 1 - share + _SAME
    at_risk = sum(came + waits for came, waits in times.values())
    survival, spread = 1.0, 0.0
    value = low = high = None
    for time, (came, waits) in sorted(times.items()):
        if came:
            survival *= 1 - came / at_risk
            survival = 0.0 if survival < _SAME else survival
            spread += came / (at_risk * (at_risk - came)) if came < at_risk else 0.0
            if value is None and survival <= rest:
                value = time
            under, over = _bounds(survival, spread)
            low = time if low is None and under <= rest else low
            high = time if high is None and over <= rest else high
            if value is not None and low is not None and high is not None:
                break
        at_risk -= came + waits
    return Quantile(value, low, high)


def arrived(times: Mapping[int, tuple[int, int]], *, seen: bool) -> Quantile:
    """The share of all entries that get there in the time allowed: by time, how many did then and how many were seen no
    longer. `seen`: somebody was seen for all that time without getting there.

    Where nobody was, and some are still under way, nothing is known of the end, and there is no value.
    Assumes: who is no longer seen is like those who still are.
    From:    Kaplan and Meier, JASA 53 (1958); variance by Greenwood (1926); interval on the log(-log) scale.

    >>> arrived({2: (1, 0), 3: (1, 1), 5: (0, 1)}, seen=True).value
    0.5
    """
    at_risk = sum(came + waits for came, waits in times.values())
    survival, spread = 1.0, 0.0
    for _, (came, waits) in sorted(times.items()):
        if came:
            survival *= 1 - came / at_risk
            survival = 0.0 if survival < _SAME else survival
            spread += came / (at_risk * (at_risk - came)) if came < at_risk else 0.0
        at_risk -= came + waits
    if not times or not (seen or survival == 0.0):
        return Quantile(None, None, None)
    low, high = _bounds(survival, spread)
    bounds = (1 - high, 1 - low) if high <= 1 else (None, None)
    return Quantile(1 - survival, *bounds)


def _bounds(survival: float, spread: float) -> tuple[float, float]:
    """Low and high of the share that has not got there; without an answer at 1 and 0, of which they say nothing."""
    if not _SAME < survival < 1 - _SAME:
        return inf, inf
    step = min(Z * sqrt(spread) / -log(survival), 50.0)
    return survival ** exp(step), survival ** exp(-step)
