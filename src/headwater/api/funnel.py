"""A funnel asked: how many came to each stage, which share went on, how long it took, what a better rate is worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

from headwater.api.funnelled import Arrivals, Funnelled, Place, placed
from headwater.api.funnels import FUNNELS, funnel_named, step_named
from headwater.api.gains import gains_of
from headwater.api.linked import Linked, rows_in, span_days
from headwater.api.measuring import Bench, Ground
from headwater.api.numbers import Numbers
from headwater.errors import QueryError
from headwater.metrics.intervals import garwood
from headwater.metrics.linking import links_deals, needed_tables
from headwater.metrics.planned import Plan
from headwater.metrics.scans import splits_of
from headwater.metrics.stages import (
    KPI,
    SMALL,
    Transition,
    ages,
    entries,
    matches,
    name_of,
    paths,
    returns,
    transitions,
    window_numbers,
    with_funnel,
)
from headwater.model.funnel import Funnel
from headwater.model.lowering import columns_in
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period
from headwater.model.question import Question

PARTS = ("stages", "paths", "around", "losses")
COHORTS = "cohorts"
"""Of an answer: volumes, rates and times of the stages; the ways through them; skips, returns and links; what a better
rate is worth. Each is reckoned alone, so that a page can ask for what it shows first. `cohorts`, which share of each
month's had come by which age, is reckoned where it is asked for."""

Segment = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a funnel is asked: its definition, the question, a pair of steps beside those that follow each other,
    rates to hold stages against (by the step they lead to), and which parts of the answer are wanted."""

    funnel: Funnel
    question: Question
    pair: tuple[str, str] | None = None
    references: tuple[tuple[str, float], ...] = ()
    parts: tuple[str, ...] = PARTS


def asked(
    stands: Ground,
    name: str = "",
    *,
    start: str = "",
    end: str = "",
    reference: str | Sequence[str] = (),
    parts: Sequence[str] = PARTS,
    cohorts: bool = False,
    **given: Any,
) -> Asked:
    """What was written, as a question to a funnel. Raises QueryError that names the argument."""
    funnel = funnel_named(stands.folder, stands.catalogue, name)
    order = [s.id for s in funnel.steps]
    pair = None
    if start or end:
        first, last = start or order[0], end or order[-1]
        step_named(funnel, first, "start")
        step_named(funnel, last, "end")
        if order.index(first) >= order.index(last):
            raise QueryError(
                f"{last!r} does not come after {first!r}", where="end", do=f"In order: {', '.join(order)}."
            )
        pair = (first, last)
    texts = (reference,) if isinstance(reference, str) else tuple(reference)
    references = tuple(_reference(funnel, text) for text in texts if text)
    return Asked(funnel, stands.question((KPI,), **given), pair, references, (*parts, *((COHORTS,) if cohorts else ())))


def _reference(funnel: Funnel, text: str) -> tuple[str, float]:
    step, _, rate = text.partition("=")
    step_named(funnel, step.strip(), "reference")
    if step.strip() == funnel.steps[0].id:
        raise QueryError(f"no rate leads to {step.strip()!r}, the first step", where="reference")
    number = rate.strip()
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise QueryError(
            f"{rate.strip()!r} is no share", where="reference", do="Write it as sales_qualified=0.4 or 40%."
        )
    return step.strip(), value


def funnel_of(at: Bench, asked: Asked) -> Funnelled:
    """The numbers of a funnel."""
    return _Asking(at, asked).answer()


class _Asking:
    """One question to one funnel, over one generation."""

    def __init__(self, at: Bench, asked: Asked) -> None:
        self.at, self.asked, self.funnel, self.question = at, asked, asked.funnel, asked.question
        self.linked = Linked(at, asked.funnel)
        self.table, self.context, self.steps = self.linked.table, self.linked.context, self.linked.steps
        self.notes = [*self.linked.notes, *self._gaps()]
        self.curves: tuple[Arrivals, ...] = ()
        self.pairs = self._pairs()
        self.known = with_funnel(at.catalogue, self.funnel, self.pairs)
        definition = sha256(f"{at.catalogue.hash} {self.funnel!r}".encode()).hexdigest()
        settings = self.context.settings
        self.common = Numbers(
            KPI, self.question, definition, self.context.generation.id, "cohort", settings.currency, self.funnel.id
        )
        self.planned = self._plan(self.question, self._kpis())

    # --- what is asked of whom ---------------------------------------------------------------------------------------
    def _gaps(self) -> Iterator[str]:
        """What no source feeds."""
        generation = self.context.generation
        if not rows_in(generation, self.table.id):
            others = FUNNELS.get(self.at.folder, self.at.catalogue).values()
            fed = [f.id for f in others if rows_in(generation, f.table)]
            told = f"; funnels with data: {', '.join(fed)}" if fed else ""
            yield f"no source feeds {self.table.rows_from or self.table.id}{told}"
        if missing := [s for s in self.funnel.steps if s not in self.steps]:
            told = ", ".join(f"{s.title} ({s.at})" for s in missing)
            yield f"no source fills {told}: the steps beside are held against each other"

    def _pairs(self) -> tuple[Transition, ...]:
        """Each step after the one before, then the pair asked, or the whole way."""
        steps, found = self.steps, self.linked.follow()
        ends = self.asked.pair or ((steps[0].id, steps[-1].id) if steps else ("", ""))
        by_id = {s.id: s for s in steps}
        if ends[0] in by_id and ends[1] in by_id and ends[0] != ends[1]:
            far = Transition(by_id[ends[0]], by_id[ends[1]], self.linked.within(by_id[ends[0]], by_id[ends[1]]))
            if far not in found:
                found.append(far)
        elif self.asked.pair:
            raise QueryError(
                f"no source fills {' or '.join(repr(e) for e in ends if e not in by_id)}", where="start, end"
            )
        return tuple(found)

    def _kpis(self) -> list[str]:
        names = [name_of("volume", s.id) for s in self.steps or self.funnel.steps]
        return names + [name_of(what, p.id) for p in self.pairs for what in ("period", "cohort")]

    def _plan(self, question: Question, kpis: Iterable[str]) -> Plan:
        return self.linked.plan(replace(question, kpis=tuple(kpis)), self.known)

    # --- the answer --------------------------------------------------------------------------------------------------
    def answer(self) -> Funnelled:
        """Every number of the parts asked."""
        parts, held = self.asked.parts, bool(self.steps and self.pairs)
        numbers: list[Observation] = []
        bottlenecks: tuple[str, ...] = ()
        if "stages" in parts:
            numbers += [*self._top(), *self._counted(), *(self._passages() if held else ())]
        if "around" in parts and held:
            numbers += self._entries()
        if "paths" in parts and held:
            numbers += self._paths()
        if "losses" in parts and held:
            gained, bottlenecks, notes = gains_of(self.linked, self.known, self.common, dict(self.asked.references))
            numbers += gained
            self.notes += notes
        if "around" in parts:
            numbers += [*self._returns(), *self._matches()]
        if COHORTS in parts and held:
            numbers += self._cohorts()
        return Funnelled(tuple(numbers), self.funnel, self.steps, bottlenecks, tuple(self.notes), self.curves)

    def _as_number(self, found: Observation, variant: str, step: str, before: str | None) -> Observation:
        """An Observation of one of the funnel's own KPIs, as a number of the funnel."""
        segment = (("step", step), ("from_step", before), *found.segment)
        return replace(
            found, kpi=KPI, variant=variant, funnel=self.funnel.id, segment=segment, definition=self.common.definition
        )

    def _counted(self) -> Iterator[Observation]:
        """Volumes, and rates on the period basis and of matured cohorts, as the planner answers them."""
        named: dict[str, tuple[str, str, str | None]] = {}
        for counted in self.steps or self.funnel.steps:
            named[name_of("volume", counted.id)] = ("volume", counted.id, None)
        for pair in self.pairs:
            for what in ("period", "cohort"):
                named[name_of(what, pair.id)] = (f"rate_{what}", pair.end.id, pair.start.id)
        for found in self.linked.observed(self.planned):
            variant, step, before = named[found.kpi]
            told = self._as_number(found, variant, step, before)
            if variant == "volume" and found.value is not None and found.value >= 0 and found.value == int(found.value):
                low, high = garwood(int(found.value))
                told = replace(told, low=low, high=high)
            if variant == "rate_cohort":
                pair = next(p for p in self.pairs if (p.end.id, p.start.id) == (step, before))
                told = replace(told, detail="; ".join(d for d in (f"within {pair.within}", found.detail) if d))
            yield told

    def _top(self) -> Iterator[Observation]:
        """The measures above the first known person, each beside the one above it, on the period basis."""
        tops = self.funnel.top
        if not tops or not self.steps:
            return
        offers = [splits_of(self.at.catalogue.measures[t.id], self.at.catalogue) for t in tops]
        asked = frozenset(self.question.by) | columns_in(self.planned.condition)
        lacking = sorted(n for n in asked if not all(n in offer for offer in offers))
        if lacking:
            self.notes.append(f"the steps above the first known person cannot be told by {', '.join(lacking)}")
            return
        names = [name_of("count", t.id) for t in tops]
        line = [*(t.id for t in tops), self.funnel.steps[0].id]
        below = {name_of("top", b): (b, a) for a, b in pairwise(line)}
        rates = tuple(below)
        for found in self.linked.observed(self._plan(self.question, (*names, *rates))):
            if found.kpi in below:
                step, before = below[found.kpi]
                yield self._as_number(found, "top_rate", step, before)
            else:
                yield self._as_number(found, "top_volume", found.kpi.rpartition("__")[2], None)

    # --- how long, and how it ended ----------------------------------------------------------------------------------
    def _segments(self, row: Mapping[str, Any]) -> Segment:
        return tuple(row[f"s{i}"] for i in range(len(self.question.by)))

    def _named(self, segment: Segment) -> tuple[tuple[str, str | None], ...]:
        return tuple(zip(self.question.by, segment, strict=True))

    def _passages(self) -> Iterator[Observation]:
        """Shares and times of each pair by survival, from the counts of days."""
        import pyarrow as pa

        from headwater.analyses.funnel import curves, passages

        numbers = window_numbers(self.planned)
        grouped: dict[tuple[int, int, Segment], list[dict[str, Any]]] = {}
        for row in self.linked.rows(transitions(self.planned, self.funnel, self.pairs)):
            grouped.setdefault((int(row["pair"]), numbers[row["_w"]], self._segments(row)), []).append(row)
        keys = sorted(grouped, key=lambda k: (k[0], k[1], tuple((v is None, v or "") for v in k[2])))
        flat = [
            (
                i,
                span_days(self.pairs[key[0]].within),
                int(r["days"]),
                int(r["end"]),
                bool(r["early"]),
                int(r["records"]),
            )
            for i, key in enumerate(keys)
            for r in grouped[key]
        ]
        names = ("group", "limit", "days", "end", "early", "records")
        types = (pa.int64(), pa.int64(), pa.int64(), pa.int64(), pa.bool_(), pa.int64())
        columns = list(zip(*flat, strict=True)) if flat else [()] * len(names)
        table = pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})
        if not self.question.by and self.question.grain is Grain.ALL:
            points: dict[int, list[tuple[float, float, float | None, float | None]]] = {}
            for row in curves(table).to_pylist():
                points.setdefault(row["group"], []).append((row["day"], row["share"], row["low"], row["high"]))
            drawn = [(self.pairs[keys[group][0]], found) for group, found in points.items()]
            self.curves = tuple(Arrivals(p.start.id, p.end.id, tuple(found)) for p, found in drawn)
        for told in passages(table).to_pylist():
            pair, window, segment = keys[told["group"]]
            yield from self._passage(self.pairs[pair], self.planned.periods[window], self._named(segment), told)

    def _passage(
        self, pair: Transition, period: Period | None, segment: tuple[tuple[str, str | None], ...], told: dict[str, Any]
    ) -> Iterator[Observation]:
        n, came = told["records"], told["came"]
        small = ["small_sample"] if n < SMALL else []
        waiting = n - came - told["lost"]
        seen = f"{came:,} of {n:,} went on, {told['lost']:,} were lost, {waiting:,} are under way"
        early = f"; {told['early']:,} came to {pair.end.title} on a day before" if told["early"] else ""
        where = placed(pair.end.id, pair.start.id, period, segment)
        known = told["share"] is not None
        unknown = f"nobody has been seen for {span_days(pair.within):,} days, the longest for {told['longest']:,}"
        yield self.common.number(
            "rate_survival", *where, told["share"], subjects=n, low=told["share_low"], high=told["share_high"],
            quality=small if known else ["immature"],
            detail=f"within {pair.within}; {seen}{early}" if known else unknown,
        )  # fmt: skip
        yield self.common.number(
            "rate_ever", *where, told["ever"], subjects=n, low=told["ever_low"], high=told["ever_high"], quality=small,
            detail=f"within the {told['longest']:,} days that the longest was seen",
        )  # fmt: skip
        yield self.common.number(
            "rate_so_far", *where, told["so_far"], numerator=came, denominator=n, subjects=n,
            quality=[*small, *(["immature"] if n > came + told["lost"] else [])],
            detail="those who are under way still count as if they had not come" if n > came + told["lost"] else "",
        )  # fmt: skip
        for name, title in (("median", "half"), ("p75", "three of four"), ("p90", "nine of ten")):
            yield self._time(
                f"days_{name}", where, told[name], told["arrived"], told[f"{name}_low"], told[f"{name}_high"],
                f"{title} of those who come within {told['longest']:,} days need no longer",
            )  # fmt: skip
        yield self._time(
            "days_half_of_all", where, told["half"], n, told["half_low"], told["half_high"],
            "by then half of all who entered have come",
            missing="fewer than half have come in the time seen",
        )  # fmt: skip
        for name in ("median", "p75", "p90"):
            yield self._time(
                f"days_completed_{name}", where, told[f"completed_{name}"], told["arrived"], None, None,
                "of those who have come so far: too short while many are under way",
            )  # fmt: skip

    def _cohorts(self) -> Iterator[Observation]:
        """Of each month's entries (or of the grain asked) and each pair, the share that had come by each age."""
        import pyarrow as pa

        from headwater.analyses.funnel import triangle

        grain = Grain.MONTH if self.question.grain is Grain.ALL else self.question.grain
        planned = self._plan(replace(self.question, grain=grain), self._kpis())
        numbers = window_numbers(planned)
        grouped: dict[tuple[int, int, Segment], list[dict[str, Any]]] = {}
        for row in self.linked.rows(ages(planned, self.funnel, self.pairs)):
            grouped.setdefault((int(row["pair"]), numbers[row["_w"]], self._segments(row)), []).append(row)
        keys = sorted(grouped, key=lambda k: (k[0], k[1], tuple((v is None, v or "") for v in k[2])))
        names = ("group", "limit", "days", "records", "least")
        rows = [
            dict(zip(names, (i, span_days(self.pairs[k[0]].within), *(int(r[n]) for n in names[2:])), strict=True))
            for i, k in enumerate(keys)
            for r in grouped[k]
        ]
        for told in triangle(pa.Table.from_pylist(rows, pa.schema([(n, pa.int64()) for n in names]))).to_pylist():
            number, window, segment = keys[told["group"]]
            pair, n, came = self.pairs[number], told["records"], told["came"]
            named = (("age_days", f"{told['age']}"), *self._named(segment))
            found = self.common.number(
                "cohort", *placed(pair.end.id, pair.start.id, planned.periods[window], named), told["share"],
                numerator=came, denominator=None if came is None else n,
                subjects=n, quality=["immature"] if came is None else ["small_sample"] if n < SMALL else [],
                detail="somebody of them is younger" if came is None else "",
            )  # fmt: skip
            yield replace(found, grain=grain.value)

    def _time(
        self, variant: str, where: Place, value: float | None, n: int, low: float | None, high: float | None,
        detail: str, missing: str = "nobody has come yet",
    ) -> Observation:  # fmt: skip
        quality = ["no_data"] if value is None else ["small_sample"] if n < SMALL else []
        told = missing if value is None else detail
        return self.common.number(
            variant, *where, value, unit="day", subjects=n, low=low, high=high, quality=quality, detail=told
        )

    # --- skips, returns, paths, matches ------------------------------------------------------------------------------
    def _entries(self) -> Iterator[Observation]:
        numbers = window_numbers(self.planned)
        rows = self.linked.rows(entries(self.planned, self.funnel, self.steps))
        for row in sorted(rows, key=lambda r: (r["step"], numbers[r["_w"]], str(self._segments(r)))):
            number = int(row["step"])
            if not number:
                continue
            step, before = self.steps[number], self.steps[number - 1]
            period = self.planned.periods[numbers[row["_w"]]]
            where = placed(step.id, before.id, period, self._named(self._segments(row)))
            n = int(row["records"])
            for variant, count in (("skipped", row["skipped"]), ("disordered", row["disordered"])):
                told = "have no date of" if variant == "skipped" else "have an earlier date than that of"
                yield self.common.number(
                    variant, *where, count, basis="period", unit=self.table.subject, subjects=n,
                    detail=f"of {n:,} that came to {step.title}, {int(count):,} {told} {before.title}",
                )  # fmt: skip

    def _paths(self) -> Iterator[Observation]:
        from headwater.metrics.intervals import wilson

        numbers = window_numbers(self.planned)
        first = self.steps[0]
        for row in self.linked.rows(paths(self.planned, self.funnel, self.steps)):
            period, segment = self.planned.periods[numbers[row["_w"]]], self._named(self._segments(row))
            n = int(row["any0"])
            for i, step in enumerate(self.steps[1:], 1):
                where = placed(step.id, first.id, period, segment)
                for variant, column in (("path_any", f"any{i}"), ("path_strict", f"strict{i}")):
                    came = int(row[column])
                    low, high = wilson(came, n) if n else (None, None)
                    how = "through every step between, in order" if variant == "path_strict" else "by whichever way"
                    yield self.common.number(
                        variant, *where, came / n if n else None, numerator=came, denominator=n,
                        subjects=n, low=low, high=high,
                        quality=["zero_denominator"] if not n else ["small_sample"] if n < SMALL else [],
                        detail=f"have come so far, {how}",
                    )  # fmt: skip

    def _returns(self) -> Iterator[Observation]:
        kind = {"leads": "lead", "opportunities": "opportunity", "accounts": "account"}.get(self.table.rows_from, "")
        named = [s for s in self.steps if s.stage]
        if not kind or not named or not rows_in(self.context.generation, "stage_entries"):
            return
        by_stage = {r["stage"]: r for r in self.linked.rows(returns(self.planned, self.funnel, named, kind))}
        for step in named:
            row = by_stage.get(step.stage)
            if row is not None:
                yield self.common.number(
                    "returned", *placed(step.id, None, None), row["again"], basis="period", unit=self.table.subject,
                    subjects=int(row["subjects"]),
                    detail=f"of {int(row['subjects']):,} that ever came to it, up to {self.question.as_of}",
                )  # fmt: skip

    def _matches(self) -> Iterator[Observation]:
        if not links_deals(self.funnel, self.at.catalogue):
            return
        if not all(rows_in(self.context.generation, t) for t in needed_tables(self.funnel.link)):
            return
        numbers = window_numbers(self.planned)
        for row in self.linked.rows(matches(self.planned, self.funnel.link)):
            period = self.planned.periods[numbers[row["_w"]]]
            deals, matched = int(row["deals"]), int(row["matched"])
            told = (("matched", matched), ("unmatched", deals - matched), ("multiply_matched", int(row["several"])))
            for variant, count in told:
                yield self.common.number(
                    variant, *placed(self.funnel.steps[-1].id, None, period), count, basis="period",
                    unit="opportunity", subjects=deals, detail=f"of {deals:,} deals opened, by {self.funnel.link}",
                )  # fmt: skip
