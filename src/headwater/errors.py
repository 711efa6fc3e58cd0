"""Every error of Headwater, by who must act: fix a file, change the question, mend the source or the place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], most: int = 3) -> str:
    """A sentence naming the known words nearest to `name`, or an empty text when none is near.

    >>> nearest("cost_per_sal", ["cost_per_sale", "roi"])
    "Did you mean 'cost_per_sale'?"
    """
    near = get_close_matches(name, sorted(set(known)), n=most)
    return f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def in_words(what: str, do: str = "") -> str:
    """What went wrong, as a sentence that ends, and what to do.

    >>> in_words("the file is empty", "Export it anew.")
    'the file is empty. Export it anew.'
    """
    ended = what if what.endswith((".", "!", "?")) else f"{what}."
    return f"{ended} {do}" if do else ended


def place_of(error: BaseException) -> str:
    """The kind of an error and where it arose, for a log: never its text, which may hold cells of a file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{type(error).__name__} at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "a fault"


class HeadwaterError(Exception):
    """What went wrong, where, and what to do; surfaces pick exit code or status by class alone."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        self.what, self.where, self.do = what, where, do
        super().__init__("\n".join(p for p in (f"{where}: {what}" if where else what, do) if p))


class CheckError(HeadwaterError):
    """A check of data or files failed: look at what it names."""

    exit_code = 1


class QueryError(HeadwaterError):
    """The question cannot be answered: change the question."""

    exit_code = 2


class UnknownError(QueryError):
    """The question names something that is not there: the nearest names are in `do`."""


class StoppedError(QueryError):
    """The question was stopped before it was answered: ask for less, or allow more time."""

    def __init__(self) -> None:
        super().__init__("the question was stopped before it was answered", do="Ask for less, or allow more time.")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in one file: the line (from 1; 0 = the whole file), the key, and what to do."""

    path: str
    line: int
    key: str
    what: str
    do: str = ""

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def __str__(self) -> str:
        key = f" [{self.key}]" if self.key else ""
        return f"{self.place}{key}: {self.what}" + (f" {self.do}" if self.do else "")


class DefinitionError(HeadwaterError):
    """A definition file is wrong: fix the file. Holds every fault found, not the first alone."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", do: str = "", faults: tuple[Fault, ...] = ()) -> None:
        self.faults = faults
        super().__init__(what, where=where, do=do)

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> DefinitionError:
        """One error that lists every fault, a line each."""
        all_faults = tuple(faults)
        count = f"{len(all_faults)} fault" + ("s" if len(all_faults) != 1 else "")
        return cls(f"{count} in the definition files", do="\n".join(str(f) for f in all_faults), faults=all_faults)


class SourceError(HeadwaterError):
    """A source could not be read: mend the source or its mapping. `code` names the kind for machines."""

    exit_code = 3

    def __init__(self, what: str, *, where: str = "", do: str = "", code: str = "unreadable") -> None:
        self.code = code
        super().__init__(what, where=where, do=do)


class TransientSourceError(SourceError):
    """A source could not be read just now: try again."""


class WorkspaceError(HeadwaterError):
    """The workspace cannot be used (missing, locked, full disk, read-only, newer): mend the place."""

    exit_code = 4


class EngineError(WorkspaceError):
    """The engine that `headwater.yml` names does not answer, refuses us, or lacks the tables: mend the place."""


class NotKeptError(WorkspaceError):
    """The generation that was asked for is not kept (any more): ask the current one."""
