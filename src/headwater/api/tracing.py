"""How numbers were made, from definition to rows, as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, overload

from headwater.api import show
from headwater.api.analysed import Analysed
from headwater.api.answer import Label
from headwater.api.answering import evaluated
from headwater.api.export import observation_object
from headwater.api.measuring import Bench, labels, run
from headwater.api.versions import keep_answered
from headwater.metrics.trace import Trace, TracedNumber, trace
from headwater.model.observation import Observation
from headwater.model.question import Question


@dataclass(frozen=True, slots=True, repr=False)
class Traced(Sequence[Trace]):
    """One Trace a KPI. `generation` says when and by what the data was built; `engine` what answered, and why it was
    not the engine of the settings where it was not."""

    traces: tuple[Trace, ...]
    labels: dict[str, Label]
    generation: tuple[tuple[str, str], ...]
    engine: str

    def __len__(self) -> int:
        return len(self.traces)

    @overload
    def __getitem__(self, index: int) -> Trace: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Trace, ...]: ...
    def __getitem__(self, index: int | slice) -> Trace | tuple[Trace, ...]:
        return self.traces[index]

    def to_text(self, *, statements: bool = True) -> str:
        """The traces for people."""
        return "\n\n\n".join("\n".join(self._text(t, statements)) for t in self.traces)

    def to_json(self) -> str:
        """A JSON list with one object a KPI."""
        return json.dumps([_object(t, self.engine) for t in self.traces], ensure_ascii=False, allow_nan=False, indent=1)

    def __repr__(self) -> str:
        return self.to_text()

    def _text(self, t: Trace, statements: bool) -> Iterator[str]:
        label = self.labels.get(t.kpi, Label(t.title, "number"))
        name = t.kpi if t.variant == "base" else f"{t.kpi}.{t.variant}"
        yield f"{t.title} ({name})"
        if t.question:
            yield t.question
        yield ""
        yield "How it was reckoned"
        written = t.written or t.formula
        resolved = t.formula if t.formula != written else ""
        yield from show.facts(
            [("formula", written), ("that is", resolved), ("unit", f"{t.unit}, {t.basis} basis")], "  "
        )
        yield ""
        yield from _numbers(t.numbers, label)
        if t.measures:
            yield ""
            yield "Rows counted"
            rows = [
                [
                    m.id,
                    f"{m.what} in {m.table}, {m.clock}{', where ' + m.where if m.where else ''}",
                    f"{m.rows:,}",
                ]
                for m in t.measures
            ]
            yield from _indented(show.table(["measure", "what", "rows"], rows, frozenset({2}), 70))
        if t.derivations:
            yield ""
            yield "Where derived columns come from"
            yield from _indented(show.table(["column", "derived as"], [list(d) for d in t.derivations], wrapped=70))
        if t.freshness:
            yield ""
            yield "Freshness"
            fresh = [[f.table, f.source, _day(f.complete_through)] for f in t.freshness]
            yield from _indented(show.table(["table", "source", "complete through"], fresh))
        yield ""
        yield "Versions"
        versions = [
            ("as of", t.as_of.isoformat()),
            ("definition", f"{t.definition} ({t.path})"),
            ("data", f"{t.data}, holding journal entries up to {t.journal}"),
            *self.generation,
            ("engine", self.engine),
            ("small sample", f"under {t.small_sample}"),
        ]
        if t.reference:
            versions.append(("reference", t.reference))
        yield from show.facts(versions, "  ")
        if statements:
            for i, text in enumerate(t.statements, start=1):
                yield ""
                yield f"Statement {i} of {len(t.statements)}"
                yield from _indented(text)


def trace_of(at: Bench, question: Question) -> Traced:
    """The traces of a question."""
    ran = run(at, question)
    traces = tuple(
        _of_analysis(each, plain) if isinstance(each, Analysed) else plain
        for each, plain in zip(evaluated(at, ran), trace(ran.plan, ran.statements, ran.results), strict=True)
    )
    keep_answered(at.store, at.catalogue, [a.kpi for a in ran.plan.asked])
    generation = at.reader.generation
    built = (("built", f"{show.plain(generation.built_at)} by {generation.writer}"),)
    reader = at.reader
    instead = f" over the stored files, because {reader.instead.what}" if reader.instead else ""
    return Traced(traces, labels(ran.plan), built, f"{reader.engine}{instead}")


def _of_analysis(told: Analysed, plain: Trace) -> Trace:
    """The trace of what an analysis answers: its numbers, and of every question it asked the measures, statements and
    sources."""
    inner = [t for run in told.runs for t in trace(run.plan, run.statements, run.results)]
    measures = {m.id: m for t in inner for m in t.measures}
    return replace(
        plain,
        definition=told.absent.definition,
        numbers=tuple(TracedNumber(n.observation, n.filled) for n in told.numbers.values()),
        measures=tuple(
            replace(m, id=name, title=title)
            for m in measures.values()
            for name, title in (told.called.get(m.id, (m.id, m.title)),)
        ),
        derivations=tuple(dict.fromkeys(d for t in inner for d in t.derivations)),
        statements=tuple(dict.fromkeys(s for t in inner for s in t.statements)),
        freshness=tuple(dict.fromkeys(f for t in inner for f in t.freshness)),
    )


def _numbers(numbers: Sequence[TracedNumber], label: Label) -> Iterator[str]:
    splits = list(dict.fromkeys(s for n in numbers for s, _ in n.observation.segment))
    notes, shared = show.notes([n.observation for n in numbers])
    rows = []
    for n, note in zip(numbers, notes, strict=True):
        o = n.observation
        segment = dict(o.segment)
        values = ["(empty)" if segment.get(s) is None else str(segment[s]) for s in splits]
        period = show.period_text(o.period_start, o.period_end, o.grain)
        rows.append([period, *values, n.filled, _value(o, label), note])
    yield "Numbers"
    heads = ["period", *splits, "formula with its numbers", "value", "notes"]
    yield from _indented(show.table(heads, rows, frozenset({len(splits) + 2})))
    yield from (f"  {line}" for line in shared)


def _value(observation: Observation, label: Label) -> str:
    return show.value_text(observation, label.show)


def _day(day: date | None) -> str:
    return "not known" if day is None else day.isoformat()


def _indented(text: str) -> Iterator[str]:
    yield from (f"  {line}" for line in text.splitlines())


def _object(t: Trace, engine: str) -> dict[str, Any]:
    told = asdict(t)
    told["engine"] = engine
    told["numbers"] = [{"observation": observation_object(n.observation), "filled": n.filled} for n in t.numbers]
    told["derivations"] = [{"column": column, "derived": how} for column, how in t.derivations]
    told["freshness"] = [
        {
            "table": f.table,
            "source": f.source,
            "complete_through": f.complete_through and f.complete_through.isoformat(),
        }
        for f in t.freshness
    ]
    told["as_of"] = t.as_of.isoformat()
    told["measures"] = [asdict(m) for m in t.measures]
    told["statements"] = list(t.statements)
    return told
