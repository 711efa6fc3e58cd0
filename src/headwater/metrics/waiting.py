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
from headwater.model.measure import Measure, Reached
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Project, Relation, Scalar
from headwater.model.question import Question
from headwater.model.table import Table

WAITS, CAME, IMPOSSIBLE, AHEAD = 0, 1, 2, 3
"""How an entry stands: it waits still; it got there; it got there before it entered; it lies after all observation."""

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
    """The rows of a cohort with `_how` each stands and `_time`, the whole seconds it took or was seen for.

    An entry is seen for the whole days from its own to the end of observation; what came later on that last day is
    ahead of it still, so that nobody's being seen depends on how quick he was.
    """
    clock = measure.clock
    if not isinstance(clock, Reached):
        raise ValueError(f"{measure.id} is no cohort")
    end = observed_until(clock, table, question, context)
    seen = Op("mul", (Op("days_between", (Col(day_of(table, clock.start)), end)), Lit(_DAY)))
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
    `settled` makes of it. Raises QueryError for another aggregate than a quantile, which alone knows who waits."""
    if measure.aggregate not in ("median", "quantile"):
        raise QueryError(f"a {measure.aggregate} cannot count those who wait", where=measure.path or measure.id)
    known = timed(rows, question, measure, table, context)
    keys = (Named("_w", window), *segment_keys(question, total, table))
    counted = (*keys, Named("m0_time", Col("_time")), Named("m0_how", Col("_how")))
    ok = None if measure.where is None else Col("_ok0")
    fit = Project(known, counted, ok)
    relation = Group(fit, tuple(Named(c.name, Col(c.name)) for c in counted), (NamedAgg("m0_rows", Agg("count_rows")),))
    return relation, Field(measure.id, "m0", _FIELDS, divisor(measure))


# --- on the counts ---------------------------------------------------------------------------------------------------
class Quantile(NamedTuple):
    """The time that a share of all entries needed, with its 95 % interval; None where it is not known."""

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


def _fields(counts: Iterable[tuple[int, int, int]], share: float) -> tuple[Any, ...]:
    """The values of `_FIELDS`."""
    of: dict[int, int] = dict.fromkeys((WAITS, CAME, IMPOSSIBLE, AHEAD), 0)
    times: dict[int, tuple[int, int]] = {}
    for time, how, n in counts:
        of[how] += n
        if how in (WAITS, CAME):
            came, waits = times.get(time, (0, 0))
            times[time] = (came + n, waits) if how == CAME else (came, waits + n)
    value, low, high = quantile(times, share)
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
        at_risk -= came + waits
    return Quantile(value, low, high)


def _bounds(survival: float, spread: float) -> tuple[float, float]:
    """Low and high of the share that has not got there; without an answer at 1 and 0, of which they say nothing."""
    if not _SAME < survival < 1 - _SAME:
        return inf, inf
    step = min(Z * sqrt(spread) / -log(survival), 50.0)
    return survival ** exp(step), survival ** exp(-step)
