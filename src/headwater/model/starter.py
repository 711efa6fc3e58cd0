"""Which few KPIs a company begins with, by the phase it is in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """A company is in a phase until one of the KPIs of `until` reaches its number within so many months; the last phase
    has none. `slots` are the places of its starter set, each with the KPIs (ids or dotted variants) that may stand
    there, the best one first."""

    id: str
    title: str
    until: tuple[tuple[str, float], ...]
    slots: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Starter:
    """The phases in the order in which a company goes through them, told apart by numbers of the last `months`."""

    months: int
    phases: tuple[Phase, ...]
