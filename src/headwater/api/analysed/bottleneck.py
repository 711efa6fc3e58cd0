"""What each stage of the funnel loses in money by its rate being below its own best, and which loses most."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from headwater.api import show
from headwater.api.analysed import Analysed, Number, Segment, version
from headwater.api.filters import conditions, joined
from headwater.api.funnels import funnel_named
from headwater.api.gains import Loss, losses_of
from headwater.api.linked import Linked, rows_in
from headwater.api.measuring import Bench
from headwater.api.numbers import Numbers
from headwater.errors import QueryError, nearest
from headwater.metrics.definitions import definition
from headwater.metrics.encoding import encode
from headwater.metrics.formula import Asked
from headwater.metrics.language import parse_predicate
from headwater.metrics.planned import Plan
from headwater.metrics.stages import name_of, with_funnel
from headwater.model.expression import And, ColumnName, Compare, Constant, In, IsEmpty, Not, Or, Predicate
from headwater.model.lowering import columns_in
from headwater.model.observation import Observation
from headwater.model.period import Period

STAGE = "stage"
"""The split that tells the stages apart: each by the step that its rate leads to."""


def answer(at: Bench, planned: Plan, asked: Asked) -> Analysed:
    """In each period and segment the loss of the stage that loses most; split by stage, that of each."""
    return _Answering(at, planned, asked).answer()


class _Answering:
    """One question to the default funnel, over one generation."""

    def __init__(self, at: Bench, planned: Plan, asked: Asked) -> None:
        self.planned, self.asked, self.question = planned, asked, planned.question
        self.funnel = funnel_named(at.folder, at.catalogue, "")
        self.by = tuple(s for s in self.question.by if s != STAGE)
        offered = at.catalogue.tables[self.funnel.table].splits
        self._check(self.by, offered, "split")
        parts = [(text, columns_in(parse_predicate(text))) for text in conditions(self.question.filter)]
        self.of_stage = tuple(parse_predicate(text) for text, names in parts if names == {STAGE})
        mixed = [text for text, names in parts if STAGE in names and names != {STAGE}]
        if mixed:
            do = f"Write its own condition, joined by 'and': {STAGE} = 'mql' and ..."
            raise QueryError(f"{mixed[0]!r} asks for {STAGE!r} and for more", where="filter", do=do)
        for _, names in parts:
            self._check(sorted(names - {STAGE}), offered, "filter")
        others = joined(tuple(text for text, names in parts if STAGE not in names))
        asks = replace(self.question, kpis=(asked.kpi.id,), by=self.by, filter=others)
        self.linked = Linked(at, self.funnel)
        self.pairs = self.linked.follow()
        meant = encode(replace(self.funnel, path="", own=False))
        self.definition = {"kpi": json.loads(definition(at.catalogue, asked.kpi.id)), "funnel": meant}
        self.common = Numbers(
            asked.kpi.id, self.question, version(self.definition), planned.context.generation.id,
            asked.variant.basis, at.company.settings.currency, self.funnel.id,
        )  # fmt: skip
        self.found = losses_of(self.linked, with_funnel(at.catalogue, self.funnel, self.pairs), asks)

    def _check(self, names: Sequence[str], offered: Sequence[str], how: str) -> None:
        for name in names:
            if name not in offered:
                near, past = nearest(name, offered), {"split": "split", "filter": "filtered"}[how]
                do = f"{near} It can be {past} by: {', '.join((STAGE, *offered))}.".strip()
                raise QueryError(f"{self.asked.kpi.id!r} cannot be {past} by {name!r}", where=how, do=do)

    def answer(self) -> Analysed:
        """Every number."""
        steps = {p.end.id: p.end.title for p in self.pairs}
        steps = {id_: title for id_, title in steps.items() if all(_holds(c, id_) for c in self.of_stage)}
        numbers = {}
        by_place: dict[tuple[int, Segment], dict[str, Loss]] = {}
        for loss in self.found.losses:
            by_place.setdefault((loss.number, loss.segment), {})[loss.pair.end.id] = loss
        segments = list(dict.fromkeys(segment for _, segment in by_place)) or [(None,) * len(self.by)]
        for i, period in enumerate(self.found.periods):
            for segment in segments:
                losses = by_place.get((i, segment), {})
                told = {id_: self._stage(period, losses.get(id_)) for id_ in steps}
                if STAGE not in self.question.by:
                    numbers[i, segment] = self._placed(self._most(period, told, steps), segment, None)
                elif not steps:
                    numbers[i, self._values(segment, None)] = self._placed(
                        self._missing(period, self._nothing()), segment, None
                    )
                else:
                    for id_ in steps:
                        numbers[i, self._values(segment, id_)] = self._placed(told[id_], segment, id_)
        return Analysed(
            self.asked,
            replace(self.planned, periods=self.found.periods),
            numbers,
            self._missing(None, "nobody entered it").observation,
            self.found.runs,
            self._called(),
            self.definition,
            self.linked.relation,
        )

    def _values(self, segment: Segment, stage: str | None) -> Segment:
        """The values of the splits as they were asked."""
        values = dict(zip(self.by, segment, strict=True)) | {STAGE: stage}
        return tuple(values[split] for split in self.question.by)

    def _placed(self, number: Number, segment: Segment, stage: str | None) -> Number:
        """A number in its segment."""
        named = tuple(zip(self.question.by, self._values(segment, stage), strict=True))
        return replace(number, observation=replace(number.observation, segment=named))

    # --- one number --------------------------------------------------------------------------------------------------
    def _nothing(self) -> str:
        """Why no stage has a number at all."""
        if self.pairs and self.of_stage:
            return f"the funnel {self.funnel.id!r} has no such stage"
        table = self.linked.table
        if not rows_in(self.linked.context.generation, table.id):
            return f"no source feeds {table.rows_from or table.id!r}"
        missing = ", ".join(s.at for s in self.funnel.steps if s not in self.linked.steps)
        return f"no source fills {missing}: fewer than two steps of the funnel {self.funnel.id!r} are left"

    def _stage(self, period: Period | None, loss: Loss | None) -> Number:
        """What one stage loses."""
        if loss is None and not rows_in(self.linked.context.generation, self.linked.table.id):
            return self._missing(period, self._nothing())
        if loss is None:
            return self._missing(period, "there is no whole month of data before the end of the period", "immature")
        came, row, pair = loss.entries, loss.row, loss.pair
        if came.value is None:
            return self._missing(period, came.detail, *came.quality)
        if not came.value:
            return self._missing(period, f"nobody came to {pair.start.title} in the period", subjects=0)
        lacking = [*self._worthless(loss), *self._unknown(loss)]
        if lacking:
            return self._missing(
                period, "; ".join(why for why, _ in lacking), *(q for _, some in lacking for q in some)
            )
        chance = "" if row["state"] == "loses" else "; the difference may be chance"
        assert loss.worth is not None and loss.worth.value is not None
        rate, reference = (show.number(row[name], "percent") for name in ("now", "reference"))
        worth = show.number(loss.worth.value, "money", self.common.currency)
        told = (
            f"{show.number(came.value, 'number')} came to {pair.start.title}; {rate} go on to {pair.end.title} within"
            f" {pair.within}, {reference} did in {loss.held}; {show.number(row['downstream'], 'percent')} of those come"
            f" to the end, worth {worth} each{chance}"
        )
        quality, details = [], [told]
        if "partial" in came.quality:
            quality, details = ["partial"], [told, came.detail]
        if loss.n is not None and loss.n < self.asked.kpi.small_sample:
            quality.append("small_sample")
            details.append(f"rests on {loss.n} only")
        gain = float(row["gain"])
        factors = (came.value, row["reference"], row["now"], row["downstream"], loss.worth.value)
        written = "{} * ({} - {}) * {} * {}".format(*(_written(x) for x in factors))
        found = self._observation(
            period, gain, quality, "; ".join(details), subjects=loss.n, low=row["low"], high=row["high"]
        )
        return Number(found, f"{written} = {_written(gain)}")

    def _worthless(self, loss: Loss) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Why it is not known what one that comes to the end is worth, and the qualities that say so."""
        if loss.worth is None:
            yield f"the funnel {self.funnel.id!r} says of nobody what he is worth", ("no_data",)
        elif loss.worth.value is None:
            why = f"what one that comes to {self.pairs[-1].end.title} is worth is not known ({loss.worth.detail})"
            yield why, tuple(q for q in loss.worth.quality if q != "partial")

    def _unknown(self, loss: Loss) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Which rate is not known, and the quality that says so."""
        row, pair = loss.row, loss.pair
        if row["gain"] is not None:
            return
        if loss.n == 0:
            yield f"nobody came to {pair.start.title} in the year to {loss.year.end}", ("no_data",)
        elif row["now"] is None:
            yield f"no month of those who came to {pair.start.title} has had its {pair.within} yet", ("immature",)
        elif row["reference"] is None:
            who = f"those who came to {pair.start.title}"
            yield f"there are no twelve months in a row of {who} that have had their {pair.within}", ("immature",)
        else:
            yield f"the rate of a stage after {pair.end.title} is not known yet", ("immature",)

    def _most(self, period: Period | None, told: Mapping[str, Number], titles: Mapping[str, str]) -> Number:
        """The number of the stage that loses most. Nobody who comes to a stage can be lost there; where another number
        lacks it is not known which is the greatest."""
        if not told:
            return self._missing(period, self._nothing())
        entered = {id_: n for id_, n in told.items() if n.observation.subjects != 0}
        if not entered:
            return self._missing(period, "nobody came to any stage in the period", subjects=0)
        for id_, number in entered.items():
            if (o := number.observation).value is None:
                return replace(number, observation=replace(o, detail=f"{titles[id_]}: {o.detail}"))
        most = max(entered, key=lambda id_: entered[id_].observation.value or 0.0)
        number = entered[most]
        detail = f"most is lost on the way to {titles[most]} ({most}); {number.observation.detail}"
        return Number(replace(number.observation, detail=detail), f"{most}: {number.filled}")

    def _missing(self, period: Period | None, detail: str, *quality: str, subjects: int | None = None) -> Number:
        found = self._observation(period, None, quality or ("no_data",), detail, subjects=subjects)
        return Number(found, detail)

    def _observation(
        self, period: Period | None, value: float | None, quality: Sequence[str], detail: str, *,
        subjects: int | None = None, low: float | None = None, high: float | None = None,
    ) -> Observation:  # fmt: skip
        return self.common.number(
            self.asked.variant.id, (), period, value, unit=str(self.asked.variant.unit), subjects=subjects, low=low,
            high=high, quality=quality, detail=detail,
        )  # fmt: skip

    # --- what it is made of ------------------------------------------------------------------------------------------
    def _called(self) -> dict[str, tuple[str, str]]:
        """The measures of its questions, by names and titles for people."""
        found = {name_of("volume", s.id): (f"came_to_{s.id}", f"Came to {s.title}") for s in self.linked.steps[:-1]}
        for p in self.pairs:
            title = f"Went on from {p.start.title} to {p.end.title}, by month"
            found[name_of("cohort", p.id)] = (f"{p.start.id}_to_{p.end.id}", title)
        last = self.funnel.steps[-1]
        found[name_of("value", last.id)] = (f"worth_of_{last.id}", f"What one that comes to {last.title} is worth")
        return found


def _holds(predicate: Predicate, stage: str) -> bool:
    """Whether a condition on the stage alone holds for one."""
    match predicate:
        case Compare("=", ColumnName(), Constant(value)):
            return stage == value
        case Compare("!=", ColumnName(), Constant(value)):
            return stage != value
        case In(ColumnName(), options):
            return stage in {o.value for o in options}
        case IsEmpty():
            return False
        case Not(of):
            return not _holds(of, stage)
        case And(parts):
            return all(_holds(p, stage) for p in parts)
        case Or(parts):
            return any(_holds(p, stage) for p in parts)
        case _:
            do = f"Write {STAGE} = 'mql' or {STAGE} in ('mql', 'customer')."
            raise QueryError(f"{STAGE!r} is compared with names of stages alone", where="filter", do=do)


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.10g}"
