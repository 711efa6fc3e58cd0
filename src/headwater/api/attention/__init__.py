"""What needs somebody: one file a producer, each from what was seen to the needs it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files

from headwater.api.checking import Checked
from headwater.api.condition import Condition
from headwater.api.spreads import Change

MOST = 7
"""So many a reader is shown at once."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a producer may look at. `changes`: the newest change of each KPI of the board, judged. `checking`: the
    checks still run, so there is no `checked`."""

    condition: Condition
    checked: Checked | None = None
    changes: tuple[Change, ...] = ()
    checking: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs somebody. `kind` names its sentence, `facts` fill it; `about` is what it concerns: a KPI's
    name, or a source, table or file where `kind` says so. Higher `weight` comes first; a `level` of `warn` comes before
    `info`."""

    kind: str
    level: str
    weight: float
    about: str
    facts: Mapping[str, object] = field(default_factory=dict)


Producer = Callable[[Seen], Iterator[Need]]


def producers() -> tuple[Producer, ...]:
    """The function `needs` of every file of this folder, by name."""
    names = (file.name.removesuffix(".py") for file in files(__name__).iterdir() if file.name.endswith(".py"))
    found: list[Producer] = [import_module(f".{name}", __name__).needs for name in sorted(names) if name != "__init__"]
    return tuple(found)


def attention(seen: Seen, most: int = MOST) -> tuple[Need, ...]:
    """What needs somebody, the most pressing first, at most so many."""
    found = [need for producer in producers() for need in producer(seen)]
    return tuple(sorted(found, key=lambda n: (n.level != "warn", -n.weight, n.kind, n.about))[:most])
