"""Whether KPIs changed more than they usually do: Observations to the analysis, its answer to their KPIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.model.kpi import Kpi
from headwater.model.observation import Observation
from headwater.model.period import Grain

SEASONS = {Grain.DAY: 7, Grain.WEEK: 52, Grain.MONTH: 12, Grain.QUARTER: 4}
"""The steps after which a season comes again."""

STEPS = 37
"""So many steps are looked at: three years of months and the newest."""

_UNSETTLED = frozenset({"partial", "immature"})


@dataclass(frozen=True, slots=True)
class Change:
    """The newest settled number of a KPI (`now`), the one before it, and between which numbers it would have been usual
    (`low`, `high`), judged from `n` past changes. `state`: usual, above, below or cannot_tell with its `reason`.
    `better`: whether the change is for the better, where it is unusual and the KPI has a direction. `beyond`: how far
    outside, in widths of the usual."""

    name: str
    kpi: Kpi
    state: str
    reason: str
    n: int
    now: Observation | None
    before: float | None
    low: float | None
    high: float | None
    seasonal: bool

    @property
    def better(self) -> bool | None:
        """True for the better, False for the worse, None where neither can be said."""
        if self.state not in ("above", "below") or self.kpi.better not in ("up", "down"):
            return None
        return (self.state == "above") == (self.kpi.better == "up")

    @property
    def beyond(self) -> float:
        """How far outside of what is usual, as a share of its width."""
        if self.now is None or self.now.value is None or self.low is None or self.high is None:
            return 0.0
        width = self.high - self.low
        return max(self.now.value - self.high, self.low - self.now.value, 0.0) / width if width else 0.0


def settled(observation: Observation) -> bool:
    """Whether a number is there and will stay: not of a period cut short, and no entry of its cohort too young."""
    ripens = observation.basis == "cohort" and bool(observation.left_out)
    return observation.value is not None and not ripens and not _UNSETTLED & set(observation.quality)


def too_young(observation: Observation) -> bool:
    """Whether more entries of a cohort are too young to judge than not."""
    left_out = observation.left_out or 0
    return observation.basis == "cohort" and left_out > (observation.denominator or observation.subjects or 0)


def spreads(kpis: Mapping[str, Kpi], series: Mapping[str, Sequence[Observation]], grain: Grain) -> dict[str, Change]:
    """The newest change of each KPI by name. `series`: its Observations of one segment, one a step and in order."""
    import pyarrow as pa

    from headwater.analyses.usual_spread import usual_spread

    names = [name for name, steps in series.items() if steps]
    rows = [(name, i, o.value if settled(o) else None) for name in names for i, o in enumerate(series[name])]
    table = pa.table(
        {
            "series": pa.array([r[0] for r in rows], pa.string()),
            "step": pa.array([r[1] for r in rows], pa.int64()),
            "value": pa.array([r[2] for r in rows], pa.float64()),
            "relative": pa.array([kpis[r[0]].show not in ("percent", "score") for r in rows], pa.bool_()),
        }
    )
    judged = usual_spread(table, season=SEASONS.get(grain, 0)).to_pylist()
    return {
        j["series"]: Change(
            j["series"],
            kpis[j["series"]],
            j["state"],
            j["reason"],
            j["n"],
            None if j["step"] is None else series[j["series"]][j["step"]],
            j["before"],
            j["low"],
            j["high"],
            j["seasonal"],
        )
        for j in judged
    }
