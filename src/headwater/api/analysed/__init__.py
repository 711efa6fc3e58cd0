"""KPIs that an analysis answers: one file an analysis, whose `answer` goes from a planned question to its numbers and
to what they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.api.measuring import Run
from headwater.metrics.formula import Asked
from headwater.metrics.planned import Plan
from headwater.model.observation import Observation
from headwater.model.period import Period
from headwater.model.plan import Relation
from headwater.store.records import canonical

Segment = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """One number of an analysis with what it was reckoned from written out, such as `238 * (0.67 - 0.6) * 1 * 53000 =
    883000`."""

    observation: Observation
    filled: str


@dataclass(frozen=True, slots=True)
class Analysed:
    """What an analysis answers of one KPI, with the face of a formula's evaluation.

    `plan`: that of the question, with the periods that are answered. `numbers`: by the period's number and the segment,
    in the order of the answer. `absent`: what is said of a segment that it does not have. `runs`: every question it
    asked, from which records and traces are told; `called`: by measure of those, its name and title for people.
    `linked`: makes the relations of these questions read what the analysis reads. `definition`: all that the numbers
    depend on, as JSON values.
    """

    asked: Asked
    plan: Plan
    numbers: Mapping[tuple[int, Segment], Number]
    absent: Observation
    runs: tuple[Run, ...]
    called: Mapping[str, tuple[str, str]]
    definition: Mapping[str, Any]
    linked: Callable[[Relation], Relation] = field(default=lambda relation: relation)

    def segments(self) -> tuple[Segment, ...]:
        """Every segment that it has, in order."""
        return tuple(dict.fromkeys(segment for _, segment in self.numbers))

    def observation(self, index: int, period: Period | None, segment: Segment) -> Observation:
        """The one number of a period and a segment."""
        known = self.numbers.get((index, segment))
        if known is not None:
            return known.observation
        start, end = (None, None) if period is None else (period.start, period.end)
        named = tuple(zip(self.plan.question.by, segment, strict=True))
        return replace(self.absent, period_start=start, period_end=end, segment=named)


def version(definition: Mapping[str, Any]) -> str:
    """The hash under which a definition is kept."""
    return hashlib.sha256(canonical(definition)).hexdigest()
