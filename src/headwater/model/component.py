"""Components of marketing (channels, programs, campaigns): what they are for, how sure a verdict on one has to be."""

from __future__ import annotations

from dataclasses import dataclass, fields

LEVELS = {"channel": "channel", "program": "program", "campaign": "campaign_id"}
"""Each level with the split that tells its components apart."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a component may be for: the step of the funnel that it serves, the KPI that tells whether it does, and one
    `growth` and one `efficiency` KPI to read it by (ids or dotted variants; '' where there is none). `also` are other
    words that teams have for it."""

    id: str
    title: str
    step: str
    kpi: str
    growth: str = ""
    efficiency: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Components:
    """What components are for (`objectives`), the KPI of what they cost, the funnel they feed, and the rules of a
    verdict: over how many months, at which false discovery rate, with which power; `nothing` and `interest` are shares
    of what comparable components bring. `assigned`: (level, component) to an objective, where the data does not say it
    or is to be overruled."""

    funnel: str
    cost: str
    months: int
    level: float
    power: float
    nothing: float
    interest: float
    objectives: tuple[Objective, ...]
    assigned: tuple[tuple[tuple[str, str], str], ...] = ()

    def objective(self, word: str) -> Objective | None:
        """The objective that a team calls so, or None."""
        said = word.strip().casefold()
        return next((o for o in self.objectives if said in (o.id.casefold(), *(a.casefold() for a in o.also))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on one component, with its evidence: `contributes`, `no_sign` or `cannot_tell`, the last with `reason`.
    The fields are told where verdicts are made (`analyses.components.components`)."""

    verdict: str
    reason: str = ""
    p: float | None = None
    alpha: float | None = None
    entries: int = 0
    expected: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    against: int = 0
    pool: str = ""
    entered: int = 0
    came: int = 0
    came_expected: float | None = None
    odds: float | None = None
    odds_low: float | None = None
    odds_high: float | None = None
    by: str = ""
    seen: float | None = None
    seen_entries: float | None = None
    seen_share: float | None = None
    needs: float | None = None


JUDGED = tuple(f.name for f in fields(Judged))
"""What a verdict tells, by name."""
