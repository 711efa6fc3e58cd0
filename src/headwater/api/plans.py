"""Plans that are kept with their statements: a question that is asked again is neither planned nor spelled again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from headwater.metrics.kept_forms import KeptForms
from headwater.metrics.planned import Plan
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation
from headwater.model.plan import Statement
from headwater.model.question import Question
from headwater.model.settings import Settings

CHARACTERS = 1_000_000
"""So much text of statements is kept; the plans behind it take some ten times as much memory."""


@dataclass(frozen=True, slots=True)
class _Key:
    """All that a plan and its statements depend on: the question, the definitions, the data version, the settings, and
    whose words the statements are in."""

    question: Question
    catalogue: str
    generation: str
    settings: Settings
    spelling: str


class Plans:
    """Plans with their statements by what they were made from, together at most so much text: the one longest unused
    goes first. For any number of threads: what two make at once is the same."""

    def __init__(self, most: int = CHARACTERS) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[_Key, tuple[Plan, tuple[Statement, ...]]] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(
        self,
        asked: Question,
        catalogue: Catalogue,
        generation: Generation,
        settings: Settings,
        spelling: str,
        kept: KeptForms | None = None,
    ) -> tuple[Plan, tuple[Statement, ...]]:
        """The plan of a question and its statements in the words of an engine. Raises QueryError as `plan` and `render`
        do."""
        key = _Key(asked, catalogue.hash, generation.id, settings, spelling)
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        made = planned(asked, catalogue, generation, settings, spelling, kept)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._characters += _characters(made[1])
                while self._characters > self._most:
                    self._characters -= _characters(self._kept.popitem(last=False)[1][1])
        return made

    def clear(self) -> None:
        """Lets go of all: definitions or data are others now."""
        with self._lock:
            self._kept.clear()
            self._characters = 0


def planned(
    asked: Question,
    catalogue: Catalogue,
    generation: Generation,
    settings: Settings,
    spelling: str,
    kept: KeptForms | None = None,
) -> tuple[Plan, tuple[Statement, ...]]:
    """The plan of a question and its statements in the words of an engine. With `kept` their forms are looked up there,
    and those that are new are kept; but of a filter, whose texts are nobody else's, nothing is kept."""
    made = plan(asked, catalogue, generation, settings)
    if asked.filter:
        kept = None
    statements = tuple(render(block.relation, spelling, kept) for block in made.blocks)
    if kept is not None:
        kept.save()
    return made, statements


def _characters(statements: tuple[Statement, ...]) -> int:
    return 1000 + sum(len(s.text) for s in statements)
