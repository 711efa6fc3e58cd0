"""A question to Observations: plan, render, run, observe. This path loads neither YAML nor Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headwater.api.answer import Answer, Label
from headwater.api.folder import Folder
from headwater.api.settings import Company
from headwater.api.versions import build_version, keep_answered
from headwater.errors import HeadwaterError, QueryError, WorkspaceError
from headwater.metrics.observe import observe
from headwater.metrics.planner import Plan, plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.plan import Statement
from headwater.model.question import Question
from headwater.store.generations import Reader, pinned
from headwater.store.place import Store, open_store


@dataclass(frozen=True, slots=True)
class Bench:
    """All that a question needs: what the files say, and one generation that stays as it is. `older`: an earlier
    generation, which was built with other definitions than the files hold now."""

    folder: Folder
    company: Company
    catalogue: Catalogue
    store: Store
    reader: Reader
    older: bool = False


@contextmanager
def bench(folder: Folder, company: Company, catalogue: Catalogue, generation: str = "") -> Iterator[Bench]:
    """What a question needs, for the block. Raises WorkspaceError when there is no data, or when the tables were built
    with other definitions than the files hold now."""
    store = open_store(folder.store)
    with pinned(store, generation, company.settings) as reader:
        older = reader.generation.build != build_version(folder, catalogue, company.settings)
        if older and not generation:
            raise WorkspaceError(
                "the table definitions or settings have changed since the tables were built",
                where=str(folder.path),
                do="Run 'headwater refresh' to build them anew.",
            )
        yield Bench(folder, company, catalogue, store, reader, older)


@dataclass(frozen=True, slots=True)
class Run:
    """A plan with the statements it became and the rows they gave."""

    plan: Plan
    statements: tuple[Statement, ...]
    results: tuple[Sequence[tuple[Any, ...]], ...]


def run(at: Bench, question: Question) -> Run:
    """A question planned, rendered and run."""
    planned = plan(question, at.catalogue, at.reader.generation, at.company.settings)
    statements = tuple(render(block.relation) for block in planned.blocks)
    return Run(planned, statements, tuple(rows_of(at, s) for s in statements))


def rows_of(at: Bench, statement: Statement) -> list[tuple[Any, ...]]:
    """The rows of a statement. Raises QueryError where an older generation lacks what it names."""
    try:
        return at.reader.rows(statement)
    except HeadwaterError as error:
        if at.older and type(error) is HeadwaterError:
            raise QueryError(
                f"data version {at.reader.generation.id!r} was built with other definitions and lacks what this asks",
                do="Ask the current data version.",
            ) from error
        raise


def measure(at: Bench, question: Question) -> Answer:
    """The Observations of a question; the definitions that answered are kept."""
    ran = run(at, question)
    answer = Answer(observe(ran.plan, ran.results), labels(ran.plan))
    keep_answered(at.store, at.catalogue, [a.kpi for a in ran.plan.asked])
    return answer


def labels(planned: Plan) -> dict[str, Label]:
    """How the asked KPIs are called and shown."""
    return {a.kpi.id: Label(a.kpi.title, a.kpi.show) for a in planned.asked}
