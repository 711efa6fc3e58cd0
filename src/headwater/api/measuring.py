"""What a question is asked of, and how it is planned, spelled and run. This path loads neither YAML nor Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Unpack

from headwater.api.answer import Label
from headwater.api.ask import Given, question
from headwater.api.folder import Folder
from headwater.api.plans import Plans, planned
from headwater.api.settings import Company
from headwater.api.versions import build_version
from headwater.errors import HeadwaterError, QueryError, WorkspaceError
from headwater.metrics.kept_forms import forms_in
from headwater.metrics.planned import Plan
from headwater.model.catalogue import Catalogue
from headwater.model.plan import Statement
from headwater.model.question import Question
from headwater.model.settings import FILES, Settings
from headwater.store.generations import Reader, pinned
from headwater.store.place import Store, open_store

if TYPE_CHECKING:
    import pyarrow


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
    plans: Plans | None = None


Pin = Callable[[Store, str, Settings], AbstractContextManager[Reader]]
"""Gives a reader of a generation ('': the current one) for a block."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the files of a workspace say at one moment, and how its generations are reached. `built`: the version that
    tables have which are built now, where it is known already."""

    folder: Folder
    company: Company
    catalogue: Catalogue
    today: date
    pin: Pin = pinned
    built: str = ""
    plans: Plans | None = None

    @contextmanager
    def bench(self, generation: str = "", *, files: bool = False) -> Iterator[Bench]:
        """What a question needs, for the block; with `files` the stored files are read, whichever engine answers
        questions. Raises WorkspaceError when there is no data, or when the tables were built with other definitions
        than the files hold now."""
        store, settings = open_store(self.folder.store), self.company.settings
        with self.pin(store, generation, replace(settings, engine=FILES) if files else settings) as reader:
            built = self.built or build_version(self.folder, self.catalogue, settings)
            older = reader.generation.build != built
            if older and not generation:
                raise WorkspaceError(
                    "the table definitions or settings have changed since the tables were built",
                    where=str(self.folder.path),
                    do="Run 'headwater refresh' to build them anew.",
                )
            yield Bench(self.folder, self.company, self.catalogue, store, reader, older, self.plans)

    def question(self, kpis: Sequence[str], **given: Unpack[Given]) -> Question:
        """The Question of what was written."""
        return question(self.company.settings, self.today, kpis, **given)


def ground(folder: Folder) -> Ground:
    """What the files of a workspace say now."""
    company = folder.company()
    return Ground(folder, company, folder.catalogue(company), folder.today(company.settings.time_zone))


@dataclass(frozen=True, slots=True)
class Run:
    """A plan with the statements it became and the rows they gave."""

    plan: Plan
    statements: tuple[Statement, ...]
    results: tuple[Sequence[tuple[Any, ...]], ...]


def run(at: Bench, asked: Question) -> Run:
    """A question planned, rendered and run."""
    made = planned if at.plans is None else at.plans.get
    kept = forms_in(at.folder.cache / "forms")
    plan, statements = made(asked, at.catalogue, at.reader.generation, at.company.settings, at.reader.spelling, kept)
    with at.reader.sharing(statements):
        return Run(plan, statements, tuple(all_rows_of(at, statements)))


def all_rows_of(at: Bench, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """As `rows_of`, of several statements together."""
    with _told_of_older(at):
        return at.reader.all_rows(statements)


def rows_of(at: Bench, statement: Statement) -> list[tuple[Any, ...]]:
    """The rows of a statement. Raises QueryError where an older generation lacks what it names."""
    with _told_of_older(at):
        return at.reader.rows(statement)


def all_columns_of(at: Bench, statements: Sequence[Statement]) -> list[list[pyarrow.ChunkedArray]]:
    """As `all_rows_of`, column by column, for what goes through many rows; none where there are no rows, at times."""
    with _told_of_older(at):
        return at.reader.all_columnar(statements)


@contextmanager
def _told_of_older(at: Bench) -> Iterator[None]:
    try:
        yield
    except HeadwaterError as error:
        if at.older and type(error) is HeadwaterError:
            raise QueryError(
                f"data version {at.reader.generation.id!r} was built with other definitions and lacks what this asks",
                do="Ask the current data version.",
            ) from error
        raise


def labels(planned: Plan) -> dict[str, Label]:
    """How the asked KPIs are called and shown."""
    return {a.kpi.id: Label(a.kpi.title, a.kpi.show) for a in planned.asked}
