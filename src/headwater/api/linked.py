"""A funnel over one generation: its table with the deals that its link rule finds, and the steps that have data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

from headwater.api.measuring import Bench, Run, all_rows_of, rows_of
from headwater.metrics.linking import linked_rows, links_deals, needed_tables, relinked_columns, with_rows
from headwater.metrics.observe import observe
from headwater.metrics.planned import Context, Plan
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.metrics.stages import Transition
from headwater.model.catalogue import Catalogue
from headwater.model.funnel import Funnel, FunnelStep
from headwater.model.generation import Generation
from headwater.model.measure import Span
from headwater.model.observation import Observation
from headwater.model.plan import Relation
from headwater.model.question import Question

_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}


class Linked:
    """A funnel over one generation. `steps`: those that a source fills. `notes`: what its link rule lacks, if anything;
    then no deal finds its lead."""

    def __init__(self, at: Bench, funnel: Funnel) -> None:
        self.at, self.funnel = at, funnel
        self.table = at.catalogue.tables[funnel.table]
        self.notes: tuple[str, ...] = ()
        self._filled: Relation | None = None
        generation = at.reader.generation
        if links_deals(funnel, at.catalogue) and funnel.link.rule != "conversion":
            generation = self._relinked(generation)
        self.context = Context(at.catalogue, generation, at.company.settings)
        stored = generation.table(self.table.id)
        empty = frozenset(stored.empty) if stored is not None else frozenset[str]()
        self.steps = tuple(s for s in funnel.steps if s.at not in empty)

    def _relinked(self, generation: Generation) -> Generation:
        """The generation, in which the columns that a link rule fills are not empty; and the rows it fills them in."""
        lacking = [t for t in needed_tables(self.funnel.link) if not rows_in(generation, t)]
        if lacking:
            self.notes = (f"no source feeds {', '.join(lacking)}: no deal finds its lead by {self.funnel.link}",)
        self._filled = linked_rows(self.table, self.funnel.link, self.at.catalogue)
        filled = {c.id for c in relinked_columns(self.table)} if not lacking else set[str]()
        tables = tuple(
            replace(t, empty=tuple(c for c in t.empty if c not in filled)) if t.table == self.table.id else t
            for t in generation.tables
        )
        return replace(generation, tables=tables)

    def follow(self) -> list[Transition]:
        """From each step to the one after it."""
        return [Transition(a, b, self.within(a, b)) for a, b in pairwise(self.steps)]

    def within(self, start: FunnelStep, end: FunnelStep) -> Span:
        """The time a record has from one step to another: that of each step between that a source fills, added up."""
        spans = [s.within for s in self.steps[self.steps.index(start) + 1 : self.steps.index(end) + 1]]
        return spans[0] if len(spans) == 1 else Span(sum(span_days(s) for s in spans), "day")

    def plan(self, question: Question, known: Catalogue) -> Plan:
        """The plan of a question to a catalogue that knows the funnel's own KPIs."""
        return plan(question, known, self.context.generation, self.context.settings)

    def rows(self, relation: Relation) -> list[dict[str, Any]]:
        """The rows of a relation by column, of the tables as the link rule has them."""
        statement = render(self.relation(relation), self.at.reader.spelling)
        return [dict(zip(statement.columns, row, strict=True)) for row in rows_of(self.at, statement)]

    def observed(self, planned: Plan) -> tuple[Observation, ...]:
        """The Observations of a plan, of the tables as the link rule has them."""
        return observe(planned, self.ran(planned).results)

    def ran(self, planned: Plan) -> Run:
        """A plan with its statements and the rows they gave, of the tables as the link rule has them."""
        (run,) = self.all_ran([planned])
        return run

    def all_ran(self, plans: Sequence[Plan]) -> tuple[Run, ...]:
        """As `ran`, of several plans whose statements are asked together."""
        spelling = self.at.reader.spelling
        spelled = [tuple(render(self.relation(b.relation), spelling) for b in planned.blocks) for planned in plans]
        rows = iter(all_rows_of(self.at, [statement for statements in spelled for statement in statements]))
        return tuple(Run(p, s, tuple(islice(rows, len(s)))) for p, s in zip(plans, spelled, strict=True))

    def relation(self, relation: Relation) -> Relation:
        """A relation that reads the tables as the link rule has them."""
        linked: Relation = relation if self._filled is None else with_rows(relation, self.table.id, self._filled)
        return linked


def span_days(span: Span) -> int:
    """A length of time in whole days."""
    return round(span.amount * _DAYS[span.unit])


def rows_in(generation: Generation, table: str) -> int:
    """How many rows a table has; 0 where there is no such table yet."""
    stored = generation.table(table)
    return 0 if stored is None else stored.rows
