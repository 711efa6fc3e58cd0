"""Components asked: what each channel, program and campaign is for, the step it feeds, and whether it contributes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from headwater.api import show
from headwater.api.answer import Label
from headwater.api.answering import measure
from headwater.api.componental import Component, Components
from headwater.api.coverage import measures_of
from headwater.api.definition_files import Kept
from headwater.api.funnels import funnel_named
from headwater.api.linked import Linked, rows_in
from headwater.api.measuring import Bench, Ground
from headwater.errors import QueryError, nearest
from headwater.metrics.components import CAMPAIGNS, FILE, campaigns, load_components
from headwater.metrics.formula import find
from headwater.metrics.stages import Transition, name_of, outcome_of, transitions, with_funnel
from headwater.model.component import JUDGED, LEVELS, Objective
from headwater.model.component import Components as Rules
from headwater.model.funnel import Funnel, FunnelStep
from headwater.model.observation import Observation
from headwater.model.period import Grain, Period, add_months, shift
from headwater.model.question import Question

COMPONENTS = Kept(FILE, load_components)
"""What components are for, and the rules of a verdict."""

CHANNEL = "channel"
"""The split by which persons are compared with their like."""

MONTH_DAYS = 365.25 / 12
NO_COST = "no cost is known of it in the period"
UNPRICED = "no_rate"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of components: the levels, the funnel they feed, the rules, and the question of their KPIs."""

    levels: tuple[str, ...]
    funnel: Funnel
    rules: Rules
    question: Question


def asked(stands: Ground, *, level: str | Sequence[str] = (), funnel: str = "", **given: Any) -> Asked:
    """What was written, as a question to components. Raises QueryError that names the argument."""
    rules = COMPONENTS.get(stands.folder, stands.catalogue)
    levels = (level,) if isinstance(level, str) else tuple(level)
    for name in (n for n in levels if n not in LEVELS and n):
        told = f"{nearest(name, LEVELS)} The levels are {', '.join(LEVELS)}.".strip()
        raise QueryError(f"no level is called {name!r}", where="level", do=told)
    if given.get("period") is None:
        given["period"] = f"last {rules.months} months"
    question = stands.question((rules.cost,), **given)
    chosen = tuple(n for n in LEVELS if n in levels) or tuple(LEVELS)
    return Asked(chosen, funnel_named(stands.folder, stands.catalogue, funnel or rules.funnel), rules, question)


def components_of(at: Bench, asked: Asked) -> Components:
    """Every component of the levels asked, with its KPIs and its verdict."""
    return _Asking(at, asked).answer()


@dataclass(frozen=True, slots=True)
class _Way:
    """From the step of an objective to the next one, and the time judged. `pair`: the passages that are looked at; the
    way itself, or what becomes next of those who arrive as persons unknown before (`arrives`). A period is None where
    nobody has been seen long enough yet. `paid`: the time of the entries, earlier by what it takes from the first step
    to the own one."""

    id: str
    step: str
    feeds: FunnelStep
    arrives: bool
    pair: Transition | None
    entries: Period | None
    passages: Period | None
    paid: Period | None


@dataclass(slots=True)
class _Found:
    """What is known of one component before it is judged."""

    id: str
    title: str
    program: str = ""
    channel: str = ""
    words: Counter[str] = field(default_factory=Counter)
    runs: bool = False


class _Asking:
    """One question to components, over one generation."""

    def __init__(self, at: Bench, asked: Asked) -> None:
        self.at, self.asked, self.funnel, self.rules = at, asked, asked.funnel, asked.rules
        self.period = asked.question.period
        assert self.period is not None  # `asked` sees to it
        self.judged = Period(max(self.period.start, add_months(self.period.end, -self.rules.months)), self.period.end)
        self.linked = Linked(at, asked.funnel)
        self.table, self.context, self.steps = self.linked.table, self.linked.context, self.linked.steps
        self.notes = list(self.linked.notes)
        self.ways = {o.id: self._way(o) for o in self.rules.objectives}
        pairs = tuple(
            {w.pair.id: w.pair for w in self.ways.values() if isinstance(w, _Way) and w.pair is not None}.values()
        )
        self.known = with_funnel(at.catalogue, self.funnel, pairs)
        self.told: dict[Question, tuple[Observation, ...]] = {}

    # --- ways --------------------------------------------------------------------------------------------------------
    def _way(self, objective: Objective) -> _Way | str:
        """The way that a component of an objective feeds, or why there is none."""
        top = next((t for t in self.funnel.top if t.id == objective.step), None)
        own = self.funnel.step(objective.step)
        if top is None and own is None:
            return f"the funnel {self.funnel.id} has no step {objective.step!r}"
        if top is not None:
            if not self.steps:
                return f"no source fills {self.funnel.steps[0].title}"
            first, pair = self.steps[0], next(iter(self.linked.follow()), None)
            arrived = self._until(first.at, None)
            passed = None if pair is None else self._until(pair.end.at, pair)
            return _Way(f"{top.id}__{first.id}", top.id, first, True, pair, arrived, passed, arrived)
        assert own is not None
        if own not in self.steps:
            return f"no source fills {own.title}"
        place = self.steps.index(own)
        if own == self.steps[-1]:
            return f"the funnel {self.funnel.id} has no step after {own.title} that a source fills"
        pair = self.linked.follow()[place]
        seen = self._until(pair.end.at, pair)
        paid = seen
        if seen is not None and place:
            lag = timedelta(days=self._days_to(own))
            paid = Period(seen.start - lag, seen.end - lag)
        return _Way(pair.id, own.id, pair.end, False, pair, seen, seen, paid)

    def _days_to(self, step: FunnelStep) -> int:
        """The mean of the days that those who came to a step needed from the first one."""
        pair = Transition(self.steps[0], step, self.linked.within(self.steps[0], step))
        known = with_funnel(self.at.catalogue, self.funnel, (pair,))
        question = replace(self.asked.question, kpis=(name_of("cohort", pair.id),), period=None)
        planned = self.linked.plan(question, known)
        came = [r for r in self.linked.rows(transitions(planned, self.funnel, (pair,))) if r["end"] == 1]
        count = sum(int(r["records"]) for r in came)
        return round(sum(int(r["days"]) * int(r["records"]) for r in came) / count) if count else 0

    def _until(self, column: str, pair: Transition | None) -> Period | None:
        """The part of the time judged in which everybody has been seen long enough."""
        stored = self.context.generation.table(outcome_of(self.table, column))
        days = [d for _, d in (stored.complete_through if stored is not None else ()) if d is not None]
        seen = min(self.asked.question.as_of, *days) if days else self.asked.question.as_of
        last = seen if pair is None else shift(seen, pair.within, -1)
        end = min(self.judged.end, last + timedelta(days=1))
        return Period(self.judged.start, end) if end > self.judged.start else None

    # --- asking ------------------------------------------------------------------------------------------------------
    def _passed(self, kpi: str, period: Period, by: Sequence[str]) -> tuple[Observation, ...]:
        """One of the funnel's own KPIs by component and month; several ways may lead over the same."""
        asked = self._question(kpi, period, by, Grain.MONTH)
        if asked not in self.told:
            self.told[asked] = self.linked.observed(self.linked.plan(asked, self.known))
        return self.told[asked]

    def _measured(self, kpi: str, period: Period, split: str, grain: Grain = Grain.ALL) -> Iterable[Observation]:
        """A KPI of the catalogue by component, as anybody gets it who asks for it."""
        return measure(self.at, self._question(kpi, period, (split,), grain))

    def _question(self, kpi: str, period: Period, by: Sequence[str], grain: Grain) -> Question:
        return replace(self.asked.question, kpis=(kpi,), period=period, by=tuple(by), grain=grain)

    def _by(self, kpi: str, period: Period, split: str) -> dict[str | None, Observation] | str:
        """A KPI of the catalogue by component; or why it cannot be told so."""
        try:
            return {o.segment[0][1]: o for o in self._measured(kpi, period, split)}
        except QueryError as error:
            return error.what

    def _campaigns(self) -> list[Row]:
        return list(self.linked.rows(campaigns())) if rows_in(self.context.generation, CAMPAIGNS) else []

    # --- the answer --------------------------------------------------------------------------------------------------
    def answer(self) -> Components:
        """Every component of the levels asked."""
        rows = sorted(self._campaigns(), key=lambda r: str(r["campaign_id"]))
        if not rows:
            self.notes.append("no source feeds campaigns: objectives come from components.yml alone")
        found = tuple(c for level in self.asked.levels for c in self._level(level, rows))
        question, generation = self.asked.question, self.context.generation
        assert self.period is not None
        named = {n for o in self.rules.objectives for n in (o.growth, o.efficiency) if n}
        kpis = {n: find(self.at.catalogue, n)[0] for n in sorted({*named, self.rules.cost})}
        return Components(
            found, self.funnel, self.rules, self.period, self.judged, question.as_of, generation.id, tuple(self.notes),
            {k.id: Label(k.title, k.show) for k in kpis.values()},
        )  # fmt: skip

    def _level(self, level: str, rows: Sequence[Row]) -> Iterator[Component]:
        split = LEVELS[level]
        assert self.period is not None
        told = self._by(self.rules.cost, self.period, split)
        if isinstance(told, str):
            self.notes.append(f"what a {level} costs is not known: {told}")
            told = {}
        costs = {c: o for c, o in told.items() if o.subjects or UNPRICED in o.quality}  # else no row of it is a cost
        ways = {w.id: w for w in self.ways.values() if isinstance(w, _Way)}
        if split not in self.table.splits:
            self.notes.append(f"the funnel {self.funnel.id} cannot be told by {split}: no {level} is judged")
            ways = {}
        facts = {way: self._facts(w, split) for way, w in ways.items()}
        seen = {c for f in facts.values() for (c, *_), n in f.came.items() if n and c is not None}
        seen |= {c for c, o in costs.items() if o.value != 0 and c is not None}
        found = self._found(level, rows, seen)
        chosen = {c.id: self._objective(level, c) for c in found}
        values = {
            name: self._by(name, self.period, split)
            for name in dict.fromkeys(n for o, _ in chosen.values() if o for n in (o.kpi, o.growth, o.efficiency) if n)
        }
        verdicts = self._verdicts(level, found, chosen, ways, facts)
        made = [self._component(level, c, *chosen[c.id], costs, values, ways, verdicts[c.id]) for c in found]
        order = {"no_sign": 0, "contributes": 1, "cannot_tell": 2}  # first what somebody has to look at
        yield from sorted(made, key=lambda c: (order[c.verdict], c.title.casefold(), c.id))

    def _found(self, level: str, rows: Sequence[Row], seen: Iterable[str]) -> list[_Found]:
        """The components that were paid for, brought somebody or were to run in the period."""
        assert self.period is not None
        found: dict[str, _Found] = {}
        for row in rows:
            runs = _runs(row, self.period)
            name = str(row["campaign_id"] if level == "campaign" else row[level] or "")
            if not name:
                continue
            one = found.setdefault(name, _Found(name, name))
            one.runs = one.runs or runs
            if level == "campaign":
                one.title, one.program, one.channel = row["name"] or name, row["program"] or "", row["channel"] or ""
            elif level == "program" and runs:
                of = row["channel"] or ""
                one.channel = of if one.channel in ("", of) else " "  # of several: none
            if row["objective"] and (runs or level == "campaign"):
                one.words[str(row["objective"])] += 1
        for name in seen:
            found.setdefault(name, _Found(name, name)).runs = True
        for one in found.values():
            one.channel = one.channel.strip()
        return sorted((c for c in found.values() if c.runs), key=lambda c: c.id)

    def _objective(self, level: str, one: _Found) -> tuple[Objective | None, list[str]]:
        """What a component is for, and what is doubtful about it."""
        given = dict(self.rules.assigned).get((level, one.id))
        if given is not None:
            return next(o for o in self.rules.objectives if o.id == given), []
        if not one.words:
            return None, ["no objective is named"]
        known = {word: self.rules.objective(word) for word in one.words}
        unknown = sorted(word for word, o in known.items() if o is None)
        gaps = [f"no objective is called {', '.join(map(repr, unknown))}"] if unknown else []
        counts: Counter[str] = Counter()
        for word, objective in known.items():
            if objective is not None:
                counts[objective.id] += one.words[word]
        if not counts:
            return None, gaps
        order = [o.id for o in self.rules.objectives]
        ranked = sorted(counts.items(), key=lambda i: (-i[1], order.index(i[0])))
        (first, most), *others = ranked
        if others:
            told = ", ".join(f"{n} {id_}" for id_, n in ranked)
            chosen = "of those that are as frequent the first" if others[0][1] == most else "the most frequent"
            gaps.append(f"its campaigns have several objectives ({told}); {chosen} counts")
        return next(o for o in self.rules.objectives if o.id == first), gaps

    # --- the verdicts ------------------------------------------------------------------------------------------------
    def _facts(self, way: _Way, split: str) -> _Facts:
        """Who entered a way and who went on, who arrived, and what was paid, by component."""
        facts = _Facts({}, {}, {}, {}, set())
        if way.entries is not None and way.paid is not None:
            later = (way.entries.start - way.paid.start).days
            costs = self._costs(way.paid, split)
            for o in costs:
                name = o.segment[0][1]
                if o.value and name is not None and o.period_start is not None:
                    facts.paid[name] = facts.paid.get(name, 0.0) + o.value
                    facts.active.add((name, f"{o.period_start + timedelta(days=later):%Y-%m}"))
            for o in costs:  # of which a part is known is not known
                if UNPRICED in o.quality:
                    facts.paid.pop(o.segment[0][1], None)
            if way.arrives:
                for o in self._passed(name_of("volume", way.feeds.id), way.entries, (split,)):
                    name = o.segment[0][1]
                    facts.arrived[name] = facts.arrived.get(name, 0) + int(o.value or 0)
                    if o.value and o.period_start is not None:
                        facts.active.add((name, f"{o.period_start:%Y-%m}"))
        if way.passages is not None and way.pair is not None:
            by = (split,) if split == CHANNEL or CHANNEL not in self.table.splits else (split, CHANNEL)
            for o in self._passed(name_of("cohort", way.pair.id), way.passages, by):
                channel = o.segment[1][1] if len(by) > 1 else None
                key = (o.segment[0][1], channel, str(o.period_start))
                facts.entered[key] = facts.entered.get(key, 0) + int(o.denominator or 0)
                facts.came[key] = facts.came.get(key, 0) + int(o.numerator or 0)
                if o.denominator and not way.arrives:
                    facts.active.add((key[0], f"{o.period_start:%Y-%m}"))
        return facts

    def _costs(self, period: Period, split: str) -> tuple[Observation, ...]:
        """What was paid by component and month; nothing where it cannot be told so."""
        try:
            return tuple(self._measured(self.rules.cost, period, split, Grain.MONTH))
        except QueryError:  # told as a note already, of the whole period
            return ()

    def _verdicts(
        self,
        level: str,
        found: Sequence[_Found],
        chosen: Mapping[str, tuple[Objective | None, list[str]]],
        ways: Mapping[str, _Way],
        facts: Mapping[str, _Facts],
    ) -> dict[str, Row]:
        import pyarrow as pa

        from headwater.analyses.components import components

        known = []
        for one in found:
            objective = chosen[one.id][0]
            way = self.ways[objective.id] if objective is not None else None
            judged = isinstance(way, _Way) and way.id in ways and way.entries is not None
            channel = one.channel or None if level != CHANNEL else None
            known.append((one.id, way.id if judged else None, judged and way.arrives, channel))  # type: ignore[union-attr]
        entries: list[tuple[str, str | None, int, float | None, int]] = []
        passages: list[tuple[str, str | None, str | None, str, int, int]] = []
        for id_, of in facts.items():
            for name in dict.fromkeys([*of.names(), *(c.id for c in found)]):
                paid = of.paid.get(name) if name is not None else None
                months = sum(1 for c, _ in of.active if c == name)
                entries.append((id_, name, of.brought(name, ways[id_].arrives), paid, months))
            passages += [(id_, c, channel, month, n, of.came[c, channel, month])
                         for (c, channel, month), n in of.entered.items() if n]  # fmt: skip
        text, whole, real, flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()
        told = components(
            _table(known, component=text, feeds=text, arrives=flag, channel=text),
            _table(entries, feeds=text, component=text, count=whole, cost=real, months=whole),
            _table(passages, feeds=text, component=text, channel=text, stratum=text, entered=whole, came=whole),
            level=self.rules.level,
            power=self.rules.power,
            nothing=self.rules.nothing,
            interest=self.rules.interest,
        )
        return {row["component"]: row for row in told.to_pylist()}

    def _component(
        self,
        level: str,
        one: _Found,
        objective: Objective | None,
        gaps: Sequence[str],
        costs: Mapping[str | None, Observation],
        values: Mapping[str, dict[str | None, Observation] | str],
        ways: Mapping[str, _Way],
        told: Row,
    ) -> Component:
        way = self.ways[objective.id] if objective is not None else None
        all_ = list(gaps)
        growth = efficiency = None
        if objective is not None:
            growth, efficiency = (
                self._value(n, one.id, values, costs) for n in (objective.growth, objective.efficiency)
            )
            for role, name, value in (
                ("growth", objective.growth, growth),
                ("efficiency", objective.efficiency, efficiency),
            ):
                if not name:
                    all_.append(f"{objective.title} names no {role} KPI")
                elif isinstance(values[name], str):
                    all_.append(f"{self._title(name)}: {values[name]}")
                elif value is None:
                    all_.append(f"{self._title(name)}: nothing is known of it in the period")
                elif value.value is None and value.detail != NO_COST:  # that is told below
                    all_.append(f"{self._title(name)}: {show.value_text(value, '')}")
            if isinstance(way, str):
                all_.append(way)
            elif isinstance(way, _Way) and way.entries is None:
                all_.append(f"nobody has been seen long enough yet to have come to {way.feeds.title}")
        cost = costs.get(one.id)
        if cost is None:
            all_.append(NO_COST)
        elif cost.value is None:
            all_.append(f"{self._title(self.rules.cost)}: {show.value_text(cost, '')}")
        judged = way if isinstance(way, _Way) and way.id in ways else None
        period = judged.entries if judged is not None else None
        days = 0 if period is None else (period.end - period.start).days
        needs = told["needs"]
        return Component(
            level=level,
            id=one.id,
            title=one.title,
            program=one.program,
            channel=one.channel,
            objective=objective.id if objective is not None else "",
            objective_title=objective.title if objective is not None else "",
            kpi=objective.kpi if objective is not None else "",
            step=way.step if isinstance(way, _Way) else "",
            feeds=way.feeds.id if isinstance(way, _Way) else "",
            feeds_title=way.feeds.title if isinstance(way, _Way) else "",
            growth=growth,
            efficiency=efficiency,
            cost=cost if cost is not None and cost.value is not None else None,
            judged=period,
            needs_months=None if needs is None else math.ceil(needs * days / MONTH_DAYS),
            gaps=tuple(all_),
            **{name: told[name] for name in JUDGED},
        )

    def _value(
        self, name: str, id_: str, values: Mapping[str, Any], costs: Mapping[str | None, Observation]
    ) -> Observation | None:
        """A KPI of a component. One that rests on costs of which none is known is absent: else it would be a price of
        nothing."""
        found = values.get(name)
        value: Observation | None = found.get(id_) if isinstance(found, dict) else None
        if value is None or value.value is None or value.numerator or id_ in costs:
            return value
        measures = self.at.catalogue.measures
        tables = [{measures[m].table for m in measures_of(self.at.catalogue, n)} for n in (self.rules.cost, name)]
        if tables[0].isdisjoint(tables[1]):
            return value
        return replace(value, value=None, numerator=None, low=None, high=None, quality=("no_data",), detail=NO_COST)

    def _title(self, name: str) -> str:
        return find(self.at.catalogue, name)[0].title


@dataclass(frozen=True, slots=True)
class _Facts:
    """Of one way at one level: entered and came by component, channel and month; arrived and paid by component; the
    months in which anything of this was."""

    entered: dict[tuple[str | None, str | None, str], int]
    came: dict[tuple[str | None, str | None, str], int]
    arrived: dict[str | None, int]
    paid: dict[str | None, float]
    active: set[tuple[str | None, str]]

    def names(self) -> list[str | None]:
        return [*self.arrived, *(c for c, _, _ in self.came), *self.paid]

    def brought(self, name: str | None, arrives: bool) -> int:
        if arrives:
            return self.arrived.get(name, 0)
        return sum(n for (c, _, _), n in self.came.items() if c == name)


def _runs(row: Row, period: Period) -> bool:
    """Whether a campaign was to run in a period; one without a first day is not known to."""
    start: date | None = row["started_at"]
    end: date | None = row["ended_at"]
    return start is not None and start < period.end and (end is None or end >= period.start)


def _table(rows: Sequence[tuple[Any, ...]], **types: Any) -> Any:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    return pa.table({name: pa.array(list(c), t) for (name, t), c in zip(types.items(), columns, strict=True)})
