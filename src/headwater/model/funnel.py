"""A funnel: the stages its subjects pass, which measures stand above them, and how deals are tied to people."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.model.measure import Span


@dataclass(frozen=True, slots=True)
class Link:
    """How a deal finds the one lead that it credits: `conversion` (the lead it names, else the first converted to it),
    `contact_role` (the first lead of a person on its committee) or `account` (the first lead of its company, no more
    than `within` before it)."""

    rule: str = "conversion"
    within: Span | None = None

    def __str__(self) -> str:
        return self.rule if self.within is None else f"{self.rule} within {self.within}"


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One stage. `at` is the date column of its first entry; `stage` what stage entries call it ('' where they do not);
    `within` how long a record may take to it from the step before."""

    id: str
    title: str
    at: str
    stage: str
    within: Span


@dataclass(frozen=True, slots=True)
class TopStep:
    """One step above the first known person: a measure."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Funnel:
    """A funnel over the rows of one table of journeys. `top` from the top down, then `steps` in order; `lost` is the
    date column of leaving it for good, `value` the money of those that come to its end ('' where there is none).
    `other_stages`: what stage entries name beside the steps, as a matter of course."""

    id: str
    title: str
    table: str
    steps: tuple[FunnelStep, ...]
    top: tuple[TopStep, ...] = ()
    lost: str = ""
    value: str = ""
    link: Link = Link()
    about: str = ""
    other_stages: tuple[str, ...] = ()
    path: str = ""
    own: bool = False

    def step(self, name: str) -> FunnelStep | None:
        """The step of that id, or None."""
        return next((s for s in self.steps if s.id == name), None)
