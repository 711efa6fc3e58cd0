"""What is brought to an engine that keeps tables of its own, and what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.store.engines.view import View

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a generation: its name, the logical digest and number of its rows, and the rows."""

    name: str
    digest: str
    rows: int
    view: View


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done: the generation that is there now, how many of its tables were loaded, the others were there
    before, and whether all that is older is `gone`."""

    generation: str
    loaded: int
    tables: int
    gone: bool
