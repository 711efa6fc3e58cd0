"""What a better rate of each stage is worth: its own best year's, or one that is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from headwater.api import show
from headwater.api.funnelled import placed
from headwater.api.linked import Linked
from headwater.api.numbers import Numbers
from headwater.metrics.planned import Plan
from headwater.metrics.stages import Transition, name_of
from headwater.model.catalogue import Catalogue
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period, add_months
from headwater.model.question import Question

YEARS = 3
"""So many years back a stage's own best one is looked for."""

SEED = 20260101
"""The draws behind the interval of a gain."""


def gains_of(
    linked: Linked, known: Catalogue, common: Numbers, references: Mapping[str, float]
) -> tuple[list[Observation], tuple[str, ...], list[str]]:
    """For each stage, what comes out at the end more in a year if it had its own best year's rate, or the rate given
    in the question (by the step it leads to); the steps that lose, first the one whose loss is greatest; and notes. Of
    a question without splits and steps alone."""
    found = _Gains(linked, known, common, references)
    return list(found.numbers()), found.bottlenecks, found.notes


class _Gains:
    """The gains of one question."""

    def __init__(self, linked: Linked, known: Catalogue, common: Numbers, references: Mapping[str, float]) -> None:
        self.linked, self.known, self.common, self.references = linked, known, common, references
        self.question = common.question
        self.bottlenecks: tuple[str, ...] = ()
        self.notes: list[str] = []

    def numbers(self) -> Iterator[Observation]:
        """Of each stage its newest year, what it is held against, and the gain."""
        import pyarrow as pa

        from headwater.analyses.funnel import best_year, gains

        if self.question.by or self.question.grain is not Grain.ALL:
            return
        months = self._months()
        if months is None:
            return
        pairs = self.linked.follow()
        monthly = replace(self.question, period=months, grain=Grain.MONTH)
        found = self.linked.observed(self._plan(monthly, [name_of("cohort", p.id) for p in pairs]))
        series: dict[str, list[Observation]] = {}
        for o in found:
            series.setdefault(o.kpi, []).append(o)
        flat = [
            (p.end.id, i, *((o.numerator, o.denominator) if _settled(o) else (None, None)))
            for p in pairs
            for i, o in enumerate(series[name_of("cohort", p.id)])
        ]
        names = ("step", "period", "reached", "records")
        types = (pa.string(), pa.int64(), pa.float64(), pa.float64())
        columns = list(zip(*flat, strict=True)) if flat else [()] * 4
        best = best_year(pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)}))
        by_step = {r["step"]: r for r in best.to_pylist()}
        year = Period(add_months(months.end, -12), months.end)
        worth, worth_error, unit = self._worth(year)
        last_year = replace(self.question, period=year, grain=Grain.ALL)
        inflow = {
            o.kpi: o.value
            for o in self.linked.observed(self._plan(last_year, [name_of("volume", p.start.id) for p in pairs]))
        }
        rows = []
        for p in pairs:
            own = by_step[p.end.id]
            rows.append(
                {
                    "step": p.end.id,
                    "entries": inflow[name_of("volume", p.start.id)],
                    "reached": own["now_reached"],
                    "records": own["now_records"],
                    "reference_reached": self.references.get(p.end.id, own["best_reached"]),
                    "reference_records": 0.0 if p.end.id in self.references else own["best_records"],
                }
            )
        fields = ("entries", "reached", "records", "reference_reached", "reference_records")
        schema = pa.schema([("step", pa.string()), *((n, pa.float64()) for n in fields)])
        told = gains(pa.Table.from_pylist(rows, schema=schema), worth=worth, worth_error=worth_error, seed=SEED)
        starts = [o.period_start for o in next(iter(series.values()), [])]
        ranked = sorted((r for r in told.to_pylist() if r["rank"] is not None), key=lambda r: int(r["rank"]))
        self.bottlenecks = tuple(str(r["step"]) for r in ranked)
        for pair, row in zip(pairs, told.to_pylist(), strict=True):
            own = by_step[pair.end.id]
            since = None if own["best_from"] is None else starts[own["best_from"]]
            yield from self._gain(pair, row, year, since, unit, own)

    def _plan(self, question: Question, kpis: Iterable[str]) -> Plan:
        return self.linked.plan(replace(question, kpis=tuple(kpis)), self.known)

    def _gain(
        self, pair: Transition, row: dict[str, Any], year: Period, since: date | None, unit: str, own: dict[str, Any]
    ) -> Iterator[Observation]:
        held = "the rate given" if pair.end.id in self.references else f"the best twelve months, from {since}"
        where = placed(pair.end.id, pair.start.id, year)
        n = None if own["now_records"] is None else int(own["now_records"])
        for variant, value, told in (
            (
                "rate_year",
                row["now"],
                f"within {pair.within}, of the newest months that have had their time, up to twelve",
            ),
            ("rate_reference", row["reference"], held),
        ):
            missing = ["no_data"] if value is None else []
            detail = "no settled year" if value is None else told
            yield self.common.number(variant, *where, value, subjects=n, quality=missing, detail=detail)
        if row["gain"] is None:
            detail, quality = "no settled year to hold it against, or a rate after it is not known", ["no_data"]
        else:
            chance = "" if row["state"] == "loses" else "; the difference may be chance"
            detail = (
                f"in a year, with {held}; {show.number(row['downstream'], 'percent')} of those who pass come to the end"
                f"{chance}"
            )
            quality = []
        yield self.common.number(
            "gain", *where, row["gain"], unit=unit, low=row["low"], high=row["high"], subjects=n, quality=quality,
            detail=detail,
        )  # fmt: skip

    def _worth(self, year: Period) -> tuple[float | None, float, str]:
        """What one that comes to the end is worth, with its standard error; without money they are counted."""
        funnel, subject = self.linked.funnel, self.linked.table.subject
        if not funnel.value:
            return 1.0, 0.0, subject
        asked = replace(self.question, period=year, grain=Grain.ALL, by=())
        (found,) = self.linked.observed(self._plan(asked, [name_of("value", funnel.steps[-1].id)]))
        if found.value is None:
            self.notes.append(
                f"what a {funnel.steps[-1].title} is worth is not known ({found.detail}): they are counted"
            )
            return 1.0, 0.0, subject
        error = (found.high - found.value) / 1.96 if found.high is not None else 0.0
        return found.value, error, "money"

    def _months(self) -> Period | None:
        """The months among which a stage's best year is looked for: up to the last whole one of the period asked, or of
        the data."""
        stored = self.linked.context.generation.table(self.linked.table.id)
        if stored is None or stored.first_day is None:
            return None
        through = [d for _, d in stored.complete_through if d is not None] or [stored.last_day or stored.first_day]
        last = min(*through, self.question.as_of)
        if self.question.period is not None:
            last = min(last, self.question.period.end - timedelta(1))
        end = (last + timedelta(1)).replace(day=1)
        start = max(add_months(end, -12 * YEARS), stored.first_day.replace(day=1))
        return Period(start, end) if start < end else None


def _settled(observation: Observation) -> bool:
    """Whether a month's cohort has had its time, all of it."""
    return observation.value is not None and not observation.left_out and "immature" not in observation.quality
