"""Which KPIs can be computed from the data as it is, what the others wait for and who delivers it, and the few to begin
with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from headwater.api import show
from headwater.api.answering import measure
from headwater.api.computable import Missing, Place, lacking, missing, missing_text
from headwater.api.definition_files import Kept
from headwater.api.kpis import kpis_with
from headwater.api.measuring import Ground
from headwater.connectors.presets import load_presets
from headwater.metrics.formula import Asked, resolve
from headwater.metrics.starter import FILE, load_starter
from headwater.model.catalogue import Catalogue
from headwater.model.filled import Filled, available, unfilled
from headwater.model.generation import Generation
from headwater.model.period import Period, add_months
from headwater.model.source import Source
from headwater.model.starter import Phase, Starter

STARTER = Kept(FILE, load_starter)

READY, WAITING, NEEDS = "ready", "waiting", "needs"
"""A KPI can be computed; or waits for data; or for an analysis or a goal."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One way to compute a KPI (its dotted id; the default way has the KPI's own) and its `state`. `lacks` are the
    columns (`table.column`) or tables that it waits for, `needs` the analysis or goal."""

    kpi: str
    name: str
    title: str
    stage: str
    role: str
    state: str
    lacks: tuple[str, ...] = ()
    needs: str = ""

    @property
    def why(self) -> str:
        """What it waits for; an empty text when it is ready."""
        return ", ".join(self.lacks) or self.needs


@dataclass(frozen=True, slots=True)
class Start:
    """The phase a company is in, the numbers that say so (None where one cannot be computed), the day the months end
    on, and its starter set; what cannot be computed of it is a gap to fill."""

    phase: str
    title: str
    through: date | None
    numbers: tuple[tuple[str, float | None], ...]
    months: int
    kpis: tuple[Covered, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Coverage:
    """What can be computed. `data` is the data version it is judged by; empty where nothing is built yet and only the
    source files are known. `ways` are the KPIs asked for, with their variants. `warnings` are in words."""

    data: str
    ways: tuple[Covered, ...]
    missing: tuple[Missing, ...]
    start: Start
    warnings: tuple[str, ...]

    @property
    def kpis(self) -> tuple[Covered, ...]:
        """Every KPI once, by its default variant."""
        return tuple(w for w in self.ways if w.name == w.kpi)

    def of(self, state: str) -> tuple[Covered, ...]:
        """The KPIs in a state."""
        return tuple(w for w in self.kpis if w.state == state)

    def to_json(self) -> str:
        """One JSON object."""
        told = {
            "data": self.data,
            "ready": len(self.of(READY)),
            "of": len(self.kpis),
            "ways": [asdict(w) for w in self.ways],
            "missing": [asdict(m) for m in self.missing],
            "start": asdict(self.start),
            "warnings": self.warnings,
        }
        return json.dumps(told, ensure_ascii=False, indent=1, default=str)

    def to_text(self) -> str:
        """For people: how many, the set to start with, what is missing, what needs an analysis."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    def _lines(self) -> Iterator[str]:
        ready = sum(w.state == READY for w in self.ways)
        by = f"data version {self.data}" if self.data else "the source files; nothing is built yet"
        yield f"What can be computed: {len(self.of(READY))} of {len(self.kpis)} KPIs"
        yield f"  {ready} of {len(self.ways)} ways to compute them, by {by}"
        yield ""
        yield from self._beginning()
        yield from (f"warning: {show.harmless(w)}" for w in self.warnings)
        if self.missing:
            yield ""
            yield "What is missing, and who exports it"
            yield missing_text(self.missing)
        if needed := self.of(NEEDS):
            yield ""
            yield "Waiting for an analysis or a goal"
            yield from show.facts(((w.name, w.needs) for w in needed), "  ")

    def _beginning(self) -> Iterator[str]:
        start = self.start
        numbers = ", ".join(f"{name} {'-' if n is None else f'{n:,.0f}'}" for name, n in start.numbers)
        span = f" ({start.months} months through {start.through}: {numbers})" if start.through else ""
        yield f"Phase: {start.title}{span}"
        states = ["ready" if w.state == READY else f"gap: {w.why}" for w in start.kpis]
        rows = [[w.name, w.title, w.stage, w.role, state] for w, state in zip(start.kpis, states, strict=True)]
        yield show.table(["to start with", "title", "stage", "role", "state"], rows)


def coverage(
    stands: Ground, generation: Generation | None, sources: Mapping[str, Source], words: str = "", kgi: str = ""
) -> Coverage:
    """What can be computed from a generation, or before the first one from what the source files map: of every KPI, or
    of those in which all the words occur.

    `kgi`: the KPI the company steers by; a warning tells when it counts inquiries while no KPI of leads is fed.
    Raises QueryError for a `kgi` that is no KPI, DefinitionError for a starter.yml that is wrong.
    """
    catalogue = stands.catalogue
    filled = _filled(catalogue, generation, sources)
    ways: list[Covered] = []
    waiting: dict[str, frozenset[Place]] = {}
    for kpi in sorted(catalogue.kpis.values(), key=lambda k: k.id):
        for variant in sorted(kpi.variants, key=lambda v: v.id != kpi.default):
            asked = resolve(catalogue, f"{kpi.id}.{variant.id}")
            places = lacking(catalogue, asked, filled)
            ways.append(_covered(asked, places))
            if variant.id == kpi.default and places:
                waiting[kpi.id] = places
    known = {w.name: w for w in ways} | {f"{w.kpi}.{_variant(catalogue, w)}": w for w in ways}
    start = _start(stands, generation, STARTER.get(stands.folder, catalogue), known)
    wanted = {k.id for k in kpis_with(catalogue, words)}
    return Coverage(
        "" if generation is None else generation.id,
        tuple(w for w in ways if w.kpi in wanted),
        missing({k: places for k, places in waiting.items() if k in wanted}, load_presets(catalogue.tables)),
        start,
        tuple(_warnings(catalogue, known, kgi)),
    )


def gaps(
    catalogue: Catalogue, generation: Generation | None, sources: Mapping[str, Source], names: Iterable[str]
) -> dict[str, str]:
    """What each of these KPIs waits for that cannot be computed: columns that nothing fills, an analysis, a goal."""
    filled = _filled(catalogue, generation, sources)
    found = {name: resolve(catalogue, name) for name in names}
    ways = {name: _covered(asked, lacking(catalogue, asked, filled)) for name, asked in found.items()}
    return {name: way.why for name, way in ways.items() if way.state != READY}


def _filled(catalogue: Catalogue, generation: Generation | None, sources: Mapping[str, Source]) -> Filled:
    if generation is None:
        mapped = [(t.table, tuple(c.target for c in t.columns)) for s in sources.values() for t in s.tables]
        return available(catalogue.tables, mapped)
    found = {}
    for name, table in catalogue.tables.items():
        stored = generation.table(name)
        if stored is not None and stored.rows:
            empty = unfilled(table, generation)
            found[name] = frozenset(c.id for c in table.columns if c.id not in empty) | frozenset(
                k.id for k in table.columns_is if k.id not in empty
            )
    return found


def _covered(asked: Asked, places: frozenset[Place]) -> Covered:
    kpi, variant = asked.kpi, asked.variant
    name = kpi.id if variant.id == kpi.default else f"{kpi.id}.{variant.id}"
    state = NEEDS if asked.needs else WAITING if places else READY
    lacks = tuple(sorted(f"{t}.{c}" if c else t for t, c in places))
    return Covered(kpi.id, name, kpi.title, kpi.stage, kpi.role, state, lacks, asked.needs)


def _variant(catalogue: Catalogue, way: Covered) -> str:
    return way.name.partition(".")[2] or catalogue.kpis[way.kpi].default


# --- the few to begin with ------------------------------------------------------------------------------------------
def _start(stands: Ground, generation: Generation | None, starter: Starter, known: Mapping[str, Covered]) -> Start:
    named = dict.fromkeys(name for phase in starter.phases for name, _ in phase.until)
    through = _last_day(stands, generation, named)
    numbers = dict.fromkeys(named) if through is None else _numbers(stands, named, known, through, starter.months)
    phase = phase_of(starter, numbers)
    return Start(
        phase.id,
        phase.title,
        through,
        tuple(numbers.items()),
        starter.months,
        tuple(next((known[n] for n in slot if known[n].state == READY), known[slot[0]]) for slot in phase.slots),
    )


def phase_of(starter: Starter, numbers: Mapping[str, float | None]) -> Phase:
    """The first phase that has not been outgrown: none of its numbers is reached."""
    return next(
        p for p in starter.phases if not p.until or all((numbers.get(name) or 0) < reached for name, reached in p.until)
    )


def _last_day(stands: Ground, generation: Generation | None, names: Iterable[str]) -> date | None:
    """The last day with data of what tells the phases apart, at most today."""
    if generation is None:
        return None
    tables = {stands.catalogue.measures[m].table for n in names for m in measures_of(stands.catalogue, n)}
    days = [t.last_day for t in generation.tables if t.table in tables and t.last_day is not None]
    return min(max(days), stands.today) if days else None


def _numbers(
    stands: Ground, names: Iterable[str], known: Mapping[str, Covered], through: date, months: int
) -> dict[str, float | None]:
    end = through + timedelta(1)
    asked = [n for n in names if known[n].state == READY]
    found: dict[str, float | None] = dict.fromkeys(names)
    if asked:
        with stands.bench() as at:
            answer = measure(at, stands.question(asked, period=Period(add_months(end, -months), end)))
        found |= {name: o.value for name, o in zip(asked, answer, strict=True)}
    return found


def measures_of(catalogue: Catalogue, name: str) -> set[str]:
    """The measures that a KPI reads."""
    return set(resolve(catalogue, name).reads)


# --- warnings --------------------------------------------------------------------------------------------------------
_COUNTS_INQUIRIES = "inquiries"


def _warnings(catalogue: Catalogue, known: Mapping[str, Covered], kgi: str) -> Iterator[str]:
    if not kgi:
        return
    steered = {resolve(catalogue, kgi).kpi.id} | measures_of(catalogue, kgi)
    leads = [w for w in known.values() if w.stage == "lead" and w.kpi != _COUNTS_INQUIRIES]
    if _COUNTS_INQUIRIES in steered and not any(w.state == READY for w in leads):
        yield (
            f"{kgi} counts inquiries, and no KPI of leads is fed: which of them may become customers cannot be told."
            " Map the leads that came of them."
        )
