"""`Workspace`: every verb of Headwater as one method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from headwater.api.folder import open_folder
from headwater.model.period import Grain, Period

if TYPE_CHECKING:
    from headwater.api.answer import Answer, Listing
    from headwater.api.ask import Given
    from headwater.api.checking import Checked
    from headwater.api.comparing import Comparison
    from headwater.api.componental import Components
    from headwater.api.coverage import Coverage
    from headwater.api.erasing import Erased
    from headwater.api.funnelled import Funnelled
    from headwater.api.inspecting import Inspected
    from headwater.api.kpis import KpiPage
    from headwater.api.loading import Progress
    from headwater.api.measuring import Bench
    from headwater.api.qualify_answer import Qualification
    from headwater.api.recording import Recorded
    from headwater.api.reports import Loaded, Refreshed
    from headwater.api.tracing import Traced
    from headwater.api.written import Draft
    from headwater.model.catalogue import Catalogue
    from headwater.model.generation import Generation
    from headwater.model.question import Question


class Workspace:
    """A workspace folder, opened. Definitions and data are read anew by every verb, so it never shows an old state.

    `now` is what counts as the present moment (default: the clock's); `environment` holds the variables that path
    patterns may name (default: the process's).
    """

    def __init__(
        self,
        path: str | Path = ".",
        *,
        now: datetime | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = open_folder(path, now, environment)

    @classmethod
    def init(cls, path: str | Path = ".") -> Workspace:
        """A new workspace in a folder, which is made when it is missing; no file that is there is changed."""
        from headwater.api.starting import init

        return cls(init(Path(path)))

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.path

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    # --- data --------------------------------------------------------------------------------------------------------
    def inspect(
        self,
        *files: str | Path,
        answers: Mapping[str, str | Sequence[str]] | None = None,
        write: bool = False,
        progress: Progress | None = None,
    ) -> Inspected:
        """What files are, the sources proposed for them, and the doubts that only the user can settle; with `write`
        the sources are written, those with open doubts too (they are not loaded until they are answered)."""
        from headwater.api.inspecting import inspect

        return inspect(self._folder, files, answers, write=write, tell=progress)

    def load(
        self,
        *sources: str,
        accept: bool = False,
        rejected: str | Path = "",
        corrected: str | Path = "",
        progress: Progress | None = None,
    ) -> Loaded:
        """Lands what is new in the named sources (default: all). Tables do not change until `refresh`.

        `accept`: how these sources differ from what they delivered before is meant, so what was held back counts.
        `rejected`: the rows of the one named source that are set aside are written into this new file, as they stand;
        `corrected`: the mended rows of such a file are landed, each for the row it names.
        """
        from headwater.api.loading import load, quiet

        tell = progress or quiet
        return load(self._folder, sources, tell, accept=accept, rejected=rejected, corrected=corrected)

    def refresh(self, *sources: str, full: bool = False, progress: Progress | None = None) -> Refreshed:
        """Lands what is new in the named sources (default: all), then builds, tests and publishes the tables; with
        `full` all of them anew."""
        from headwater.api.loading import quiet, refresh

        return refresh(self._folder, sources, progress or quiet, full=full)

    def rollback(self, to: str = "") -> Generation:
        """Makes an earlier generation current again (default: the one before the current one)."""
        from headwater.api.loading import rollback

        return rollback(self._folder, to)

    def erase(self, *subject: str, progress: Progress | None = None) -> Erased:
        """Removes a subject, known by one or more texts, from everything kept here; the answer names source files that
        still hold it."""
        from headwater.api.erasing import erase
        from headwater.api.loading import quiet

        return erase(self._folder, subject, progress or quiet)

    # --- state -------------------------------------------------------------------------------------------------------
    def check(self) -> Checked:
        """Whether the data adds up: conservation, rows set aside, data tests, freshness."""
        from headwater.api.checking import check
        from headwater.api.measuring import ground
        from headwater.connectors.sources import load_sources

        stands = ground(self._folder)
        return check(stands, load_sources(stands.folder.path, stands.catalogue.tables))

    def doctor(self) -> Listing:
        """Whether the place is sound: stored files, leftovers, versions, room on the disk."""
        from headwater.api.examining import doctor

        return doctor(self._folder)

    # --- definitions -------------------------------------------------------------------------------------------------
    def kpi_list(self, find: str = "") -> Listing:
        """Every KPI, or those in whose id, title, aliases, question or stage all words of `find` occur."""
        from headwater.api.kpis import kpi_list

        return kpi_list(self._catalogue(), find)

    def kpi_show(self, kpi: str) -> KpiPage:
        """All that a KPI's file says, with the measures and tables it rests on."""
        from headwater.api.kpis import kpi_show

        return kpi_show(self._catalogue(), kpi)

    def kpi_coverage(self, find: str = "", *, kgi: str = "") -> Coverage:
        """Which KPIs (all, or as `kpi_list` finds them) can be computed from the data as it is, what the others lack
        and which export supplies it, and about seven to begin with. `kgi`: the KPI the company steers by, of which is
        told when it counts inquiries while no KPI of leads is fed."""
        from headwater.api.coverage import coverage
        from headwater.api.measuring import ground
        from headwater.connectors.sources import load_sources
        from headwater.store.generations import current
        from headwater.store.place import open_store

        stands = ground(self._folder)
        built = current(open_store(stands.folder.store)) if stands.folder.store.exists() else None
        return coverage(stands, built, load_sources(stands.folder.path, stands.catalogue.tables), find, kgi)

    def kpi_lint(self) -> Listing:
        """What is wrong or doubtful in the definition files; no rows where all is well."""
        from headwater.api.kpis import kpi_lint

        return kpi_lint(self._catalogue())

    def boards(self) -> Listing:
        """Every board: the shipped ones and the workspace's own, with its file."""
        from headwater.api.boards import boards, listed

        return listed(boards(self._folder, self._catalogue()))

    def board_lint(self, board: str = "") -> Listing:
        """What a second look at a board (default: all) finds, with why fewer or other tiles would tell more: advice, no
        fault. Raises DefinitionError with every fault of a file that is wrong, UnknownError with the nearest ids."""
        from headwater.api.boards import board as board_of
        from headwater.api.boards import boards, linted
        from headwater.connectors.sources import load_sources
        from headwater.store.generations import current
        from headwater.store.place import open_store

        catalogue = self._catalogue()
        known = boards(self._folder, catalogue).boards
        chosen = [board_of(self._folder, catalogue, name) for name in ([board] if board else known)]
        built = current(open_store(self._folder.store)) if self._folder.store.exists() else None
        return linted(chosen, catalogue, built, load_sources(self._folder.path, catalogue.tables))

    def board_add(
        self,
        *kpis: str,
        board: str = "",
        title: str = "",
        show: str = "indexed",
        by: str = "",
        grain: str = "",
        filter: str = "",
        heading: str = "",
    ) -> Path:
        """The file of a board after a chart of two to four KPIs was put at its end, every other byte as it was: an own
        board, a copy of a shipped one, or without `board` a new one of that `title`. `show`, `by`, `grain` and `filter`
        as in the file; `heading` is the chart's title.

        Raises QueryError where the file cannot be extended without touching the rest, DefinitionError for what cannot
        be drawn, WorkspaceError where the place cannot be written.
        """
        from headwater.api.written import board_draft, write
        from headwater.model.board import Plot

        plot = Plot(kpis, heading, show, by, grain, filter)
        return write(self._folder, board_draft(self._folder, self._catalogue(), plot, board, title))

    def kpi_draft(
        self, top: str, bottom: str, title: str, *, question: str = "", better: str = "up", pitfall: str = ""
    ) -> Draft:
        """The file of an own KPI, one for another, with its unit and what the linter says of it; nothing is written.

        Raises QueryError for a title that is taken or no name, DefinitionError where no KPI can be made of the two.
        """
        from headwater.api.written import kpi_draft

        given = {"question": question, "better": better, "pitfall": pitfall}
        return kpi_draft(self._folder, self._catalogue(), top, bottom, title, **given)

    # --- numbers -----------------------------------------------------------------------------------------------------
    def measure(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Answer:
        """The values of KPIs: over a period (default: all data as one), by grain and splits, as of a day (default:
        today), from a generation (default: the current one)."""
        from headwater.api.answering import measure

        with self._asked(kpis, generation, period=period, grain=grain, by=by, filter=filter, as_of=as_of) as asked:
            return measure(*asked)

    def trace(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Traced:
        """How the numbers of `measure` were made, one Trace a KPI."""
        from headwater.api.tracing import trace_of

        with self._asked(kpis, generation, period=period, grain=grain, by=by, filter=filter, as_of=as_of) as asked:
            return trace_of(*asked)

    def records(
        self,
        *kpis: str,
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
        limit: int = 100,
        unmask: bool = False,
    ) -> Recorded:
        """The rows counted behind the numbers of `measure`, with the file and row of each; personal values are masked
        unless told."""
        from headwater.api.recording import records

        with self._asked(kpis, generation, period=period, grain=grain, by=by, filter=filter, as_of=as_of) as asked:
            return records(*asked, limit=limit, unmask=unmask)

    def compare(
        self,
        *kpis: str,
        period: str | Period | Sequence[str | Period] | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str | Sequence[str] = "",
        as_of: str | date | Sequence[str | date] | None = None,
        generation: str | Sequence[str] = "",
    ) -> Comparison:
        """Two numbers side by side for each segment: those of two periods, filters, days or generations (whichever is
        given as a pair), or of two KPIs of one unit."""
        from headwater.api.comparing import compare, sides_of
        from headwater.api.measuring import ground

        stands = ground(self._folder)
        sides = sides_of(
            stands, kpis, period=period, grain=grain, by=by, filter=filter, as_of=as_of, generation=generation
        )
        return compare(stands, sides)

    def funnel(
        self,
        funnel: str = "",
        *,
        start: str = "",
        end: str = "",
        reference: str | Sequence[str] = (),
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
        cohorts: bool = False,
    ) -> Funnelled:
        """A funnel (default: `leads`): volumes and rates of its stages on the period and the cohort basis, the time
        between them by survival, skips and returns, and what a better rate is worth in a year. `start` and `end` name
        a pair of steps to be told beside those that follow each other; `reference` holds a stage against a rate
        (`sales_qualified=40%`) instead of its own best year's. `cohorts` adds which share of each month's entries had
        come by which age, as far as it is known."""
        from headwater.api.funnel import asked, funnel_of
        from headwater.api.measuring import ground

        stands = ground(self._folder)
        question = asked(
            stands, funnel, start=start, end=end, reference=reference, cohorts=cohorts,
            period=period, grain=grain, by=by, filter=filter, as_of=as_of,
        )  # fmt: skip
        with stands.bench(generation) as at:
            return funnel_of(at, question)

    def components(
        self,
        *,
        level: str | Sequence[str] = (),
        funnel: str = "",
        period: str | Period | None = None,
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Components:
        """Each channel, program and campaign (`level`: only these) with its objective, the step of the funnel that it
        feeds, a growth and an efficiency KPI, a verdict of three (`contributes`, `no_sign`, `cannot_tell`) with its
        evidence, and what is missing of it. Without a period it is the last twelve months (`components.yml`)."""
        from headwater.api.components import asked, components_of
        from headwater.api.measuring import ground

        stands = ground(self._folder)
        question = asked(stands, level=level, funnel=funnel, period=period, as_of=as_of)
        with stands.bench(generation) as at:
            return components_of(at, question)

    def qualify(
        self,
        criteria: str = "",
        *,
        version: str = "",
        against: str = "",
        period: str | Period | None = None,
        grain: str | Grain = Grain.ALL,
        by: str | Sequence[str] = (),
        filter: str = "",
        as_of: str | date | None = None,
        generation: str = "",
    ) -> Qualification:
        """Who meets criteria (default: `leads`), from what was known at each moment, beside whom the CRM says to meet
        them; how well both tell who buys; and what each rule brings. Each moment is judged by the version in force
        then; `version` judges all of history by one. `against` holds another version beside it, with the leads on
        which they differ."""
        from headwater.api.measuring import ground
        from headwater.api.qualify import asked, qualify_of

        stands = ground(self._folder)
        question = asked(
            stands, criteria, version=version, against=against,
            period=period, grain=grain, by=by, filter=filter, as_of=as_of,
        )  # fmt: skip
        with stands.bench(generation) as at:
            return qualify_of(at, question)

    def _catalogue(self) -> Catalogue:
        return self._folder.catalogue(self._folder.company())

    @contextmanager
    def _asked(self, kpis: Sequence[str], generation: str, **given: Unpack[Given]) -> Iterator[tuple[Bench, Question]]:
        """What answers a question, and the question, for the block."""
        from headwater.api.measuring import ground

        stands = ground(self._folder)
        asked = stands.question(kpis, **given)
        with stands.bench(generation) as at:
            yield at, asked
