"""Observations that no plan answers: what was reckoned from counts, as numbers of the question that asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headwater.model.observation import Observation
from headwater.model.period import Period
from headwater.model.question import Question

Segment = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What all numbers of one answer have in common; `basis` is that of a number which names none."""

    kpi: str
    question: Question
    definition: str
    data: str
    basis: str
    currency: str = ""
    funnel: str = ""

    def number(
        self,
        variant: str,
        segment: Segment,
        period: Period | None,
        value: float | None,
        *,
        basis: str = "",
        unit: str = "1",
        numerator: float | None = None,
        denominator: float | None = None,
        subjects: int | None = None,
        left_out: int | None = None,
        low: float | None = None,
        high: float | None = None,
        quality: Iterable[str] = (),
        detail: str = "",
    ) -> Observation:
        """One of them."""
        return Observation(
            kpi=self.kpi,
            variant=variant,
            basis=basis or self.basis,
            funnel=self.funnel,
            filter=self.question.filter,
            period_start=None if period is None else period.start,
            period_end=None if period is None else period.end,
            grain=self.question.grain.value,
            segment=segment,
            series="actual",
            series_id="",
            value=None if value is None else float(value),
            numerator=None if numerator is None else float(numerator),
            denominator=None if denominator is None else float(denominator),
            subjects=subjects,
            left_out=left_out,
            low=low,
            high=high,
            unit=unit,
            currency=self.currency if unit == "money" else "",
            quality=tuple(sorted(set(quality))),
            detail=detail,
            as_of=self.question.as_of,
            definition=self.definition,
            data=self.data,
        )
