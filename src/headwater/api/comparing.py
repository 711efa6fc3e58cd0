"""Two periods, segments, KPIs, days or generations side by side: both numbers, the change, the relative change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import Any, TypedDict, TypeVar, overload

from headwater.api import show
from headwater.api.answer import PRINTED_ROWS, Label, Listing, Tabular
from headwater.api.answering import Evaluated, evaluated
from headwater.api.export import observation_object
from headwater.api.measuring import Ground, labels, run
from headwater.api.versions import keep_answered
from headwater.errors import QueryError
from headwater.metrics.formula import Asked
from headwater.metrics.observe import Segment
from headwater.model.observation import Observation, Rows
from headwater.model.period import Grain, Period
from headwater.model.question import Question

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Compared:
    """Two numbers of one segment. `change` is b - a; `relative` is the change as a share of a, where that is above
    zero. What is missing has its `reason`."""

    a: Observation | None
    b: Observation | None
    change: float | None
    relative: float | None
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Tabular, Sequence[Compared]):
    """The compared numbers, in the order KPI, period, segment. `names` says what a and b are."""

    rows: tuple[Compared, ...]
    names: tuple[str, str]
    labels: dict[str, Label]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Compared: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Compared, ...]: ...
    def __getitem__(self, index: int | slice) -> Compared | tuple[Compared, ...]:
        return self.rows[index]

    @property
    def listing(self) -> Listing:
        """One row a pair: the KPIs, periods, splits, a, b, change, relative change and reason."""
        splits = self._splits()
        heads = ("kpi_a", "kpi_b", "period_a", "period_b", *splits, "a", "b", "change", "relative_change", "reason")
        rows = tuple(
            (
                _kpi(r.a),
                _kpi(r.b),
                _period(r.a),
                _period(r.b),
                *(_segment(r).get(s) for s in splits),
                None if r.a is None else r.a.value,
                None if r.b is None else r.b.value,
                r.change,
                r.relative,
                r.reason,
            )
            for r in self.rows
        )
        return Listing(Rows(heads, rows, "one pair of numbers"))

    def to_json(self) -> str:
        """A JSON list of objects with a and b (Observations or null), change, relative_change and reason."""
        told = [
            {
                "a": None if r.a is None else observation_object(r.a),
                "b": None if r.b is None else observation_object(r.b),
                "change": r.change,
                "relative_change": r.relative,
                "reason": r.reason,
            }
            for r in self.rows
        ]
        return json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1)

    def to_text(self, most: int | None = None) -> str:
        """An aligned table for people."""
        splits = self._splits()
        several = len({(_kpi(r.a), _kpi(r.b)) for r in self.rows}) > 1
        grains = len(self.rows) > 1 and any(r.a is not None and r.a.grain != Grain.ALL.value for r in self.rows)
        heads = [*(["KPI"] if several else []), *(["a's period", "b's period"] if grains else []), *splits]
        first = len(heads)
        rows = []
        for r in self.rows if most is None else self.rows[:most]:
            told = r.a or r.b
            label = self.labels.get(told.kpi, Label(told.kpi, "number")) if told is not None else Label("", "number")
            currency = told.currency if told is not None else ""
            segment = _segment(r)
            rows.append(
                [
                    *([label.title] if several else []),
                    *([_period(r.a), _period(r.b)] if grains else []),
                    *("(empty)" if segment.get(s) is None else str(segment[s]) for s in splits),
                    _value(r.a, self.labels),
                    _value(r.b, self.labels),
                    "" if r.change is None else show.difference(r.change, label.show, currency),
                    ""
                    if r.relative is None
                    else f"{'+' if r.relative >= 0 else ''}{show.number(r.relative, 'percent')}",
                    r.reason,
                ]
            )
        heads += ["a", "b", "change", "relative", "notes"]
        title = f"a: {self.names[0]}\nb: {self.names[1]}"
        if not rows:
            return f"{title}\nno rows"
        left_out = len(self.rows) - len(rows)
        more = [f"... and {left_out:,} more rows"] if left_out else []
        return "\n".join([title, show.table(heads, rows, frozenset(range(first, first + 4))), *more])

    def __repr__(self) -> str:
        return self.to_text(PRINTED_ROWS)

    def _splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s for r in self.rows for s in _segment(r)))


@dataclass(frozen=True, slots=True)
class Sides:
    """The two questions of a comparison with the generations they are asked of; `twice` names what tells them apart."""

    questions: tuple[Question, Question]
    generations: tuple[str, str]
    twice: tuple[str, ...]


class Pairs(TypedDict, total=False):
    """What a comparison may say beside the KPIs, as `sides_of` takes it and `Workspace.compare` tells it."""

    period: str | Period | Sequence[str | Period] | None
    grain: str | Grain
    by: str | Sequence[str]
    filter: str | Sequence[str]
    as_of: str | date | Sequence[str | date] | None
    generation: str | Sequence[str]


def sides_of(
    stands: Ground,
    kpis: Sequence[str],
    *,
    period: str | Period | Sequence[str | Period] | None = None,
    grain: str | Grain = Grain.ALL,
    by: str | Sequence[str] = (),
    filter: str | Sequence[str] = "",
    as_of: str | date | Sequence[str | date] | None = None,
    generation: str | Sequence[str] = "",
) -> Sides:
    """The questions of what was given twice; of two KPIs where nothing was."""
    given = {"period": period, "filter": filter, "as_of": as_of, "generation": generation}
    pairs = {name: _pair(name, value) for name, value in given.items()}
    twice = tuple(name for name, (a, b) in pairs.items() if a != b)
    if len(kpis) == 2 and not twice:
        sides: tuple[tuple[str, ...], tuple[str, ...]] = ((kpis[0],), (kpis[1],))
    elif twice:
        sides = (tuple(kpis), tuple(kpis))
    else:
        raise QueryError(
            "there is nothing to compare",
            do="Name two KPIs, or give --period, --filter, --as-of or --generation twice.",
        )

    def asked(i: int) -> Question:
        return stands.question(
            sides[i],
            period=pairs["period"][i],
            grain=grain,
            by=by,
            filter=pairs["filter"][i] or "",
            as_of=pairs["as_of"][i],
        )

    old, new = pairs["generation"]
    return Sides((asked(0), asked(1)), (old or "", new or ""), twice)


def compare(stands: Ground, sides: Sides) -> Comparison:
    """Both answers side by side; two questions of one generation are asked of the same reader."""
    found: list[tuple[tuple[Evaluated, ...], dict[str, Label]]] = []
    with ExitStack() as open_:
        readers = {id_: open_.enter_context(stands.bench(id_)) for id_ in dict.fromkeys(sides.generations)}
        for asked, id_ in zip(sides.questions, sides.generations, strict=True):
            at = readers[id_]
            ran = run(at, asked)
            found.append((evaluated(at, ran), labels(ran.plan)))
            keep_answered(at.store, at.catalogue, [one.kpi for one in ran.plan.asked])
    (left, left_labels), (right, right_labels) = found
    rows = [row for a, b in zip(left, right, strict=True) for row in _rows(a, b)]
    names = _names(left, right, sides.twice)
    return Comparison(tuple(rows), names, left_labels | right_labels)


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    if value is None or isinstance(value, str | date | Period):
        return value, value
    values = tuple(value)
    if not values:
        return None, None
    if len(values) <= 2:
        return values[0], values[-1]
    raise QueryError(f"{name} was given {len(values)} times", where=name, do="Give it once, or twice to compare.")


def _rows(left: Evaluated, right: Evaluated) -> list[Compared]:
    _check_units(left.asked, right.asked)
    segments = sorted({*left.segments(), *right.segments()}, key=_order)
    rows = []
    for i, (p, q) in enumerate(zip_longest(left.plan.periods, right.plan.periods, fillvalue=_NO_PERIOD)):
        for segment in segments:
            a = None if isinstance(p, _NoPeriod) else left.observation(i, p, segment)
            b = None if isinstance(q, _NoPeriod) else right.observation(i, q, segment)
            rows.append(compared(a, b))
    return rows


class _NoPeriod:
    """Stands where one side has fewer periods."""


_NO_PERIOD = _NoPeriod()


def _order(segment: Segment) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in segment)


def _check_units(a: Asked, b: Asked) -> None:
    if a.variant.unit != b.variant.unit:
        raise QueryError(
            f"{a.kpi.id!r} is in {a.variant.unit} and {b.kpi.id!r} in {b.variant.unit}, so they cannot be compared",
            do="Compare KPIs of one unit.",
        )


def compared(a: Observation | None, b: Observation | None) -> Compared:
    """Two numbers with their change."""
    missing = [_why(name, o) for name, o in (("a", a), ("b", b)) if o is None or o.value is None]
    if missing or a is None or b is None or a.value is None or b.value is None:
        return Compared(a, b, None, None, "; ".join(missing))
    if a.currency != b.currency:
        return Compared(a, b, None, None, f"a is in {a.currency}, b in {b.currency}")
    notes = _notes(a, b)
    change = b.value - a.value
    if a.value <= 0:
        why = "a is zero" if a.value == 0 else "a is below zero"
        return Compared(a, b, change, None, "; ".join([f"no relative change: {why}", *notes]))
    return Compared(a, b, change, change / a.value, "; ".join(notes))


def _why(name: str, observation: Observation | None) -> str:
    if observation is None:
        return f"{name} has no such period"
    return f"{name}: {observation.detail or ', '.join(show.REASONS[q] for q in observation.quality)}"


def _notes(a: Observation, b: Observation) -> list[str]:
    told = []
    for name, o in (("a", a), ("b", b)):
        if o.quality:
            told.append(f"{name}: {', '.join(show.REASONS[q] for q in o.quality)}")
    return told


def _names(left: Sequence[Evaluated], right: Sequence[Evaluated], twice: Sequence[str]) -> tuple[str, str]:
    """What a and b are called: all that they do not share."""

    def named(side: Sequence[Evaluated]) -> str:
        asked = side[0].plan.question
        parts = [", ".join(e.asked.kpi.id for e in side)] if not twice else []
        periods = [p for p in side[0].plan.periods if p is not None]
        if "period" in twice:
            parts.append(show.whole_period_text(Period(periods[0].start, periods[-1].end)) if periods else "all data")
        if "filter" in twice:
            parts.append(asked.filter or "everything")
        if "as_of" in twice:
            parts.append(f"as of {asked.as_of}")
        if "generation" in twice:
            parts.append(f"data version {side[0].plan.context.generation.id}")
        return ", ".join(parts)

    return named(left), named(right)


def _kpi(observation: Observation | None) -> str:
    if observation is None:
        return ""
    return observation.kpi if observation.variant == "base" else f"{observation.kpi}.{observation.variant}"


def _period(observation: Observation | None) -> str:
    if observation is None:
        return ""
    return show.period_text(observation.period_start, observation.period_end, observation.grain)


def _segment(row: Compared) -> dict[str, str | None]:
    told = row.a or row.b
    return dict(told.segment) if told is not None else {}


def _value(observation: Observation | None, known: dict[str, Label]) -> str:
    if observation is None:
        return ""
    label = known.get(observation.kpi)
    return show.value_text(observation, label.show if label is not None else "number")
