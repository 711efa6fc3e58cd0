"""A KPI: closed arithmetic over measures and KPIs, or the output of one analysis, with all that its file says."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.model.expression import Formula
from headwater.model.types import Unit


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: rows by table, questions, and the Observations expected (keys and values as written)."""

    tables: tuple[tuple[str, tuple[dict[str, object], ...]], ...]
    ask: tuple[dict[str, object], ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One named way to compute a KPI. The KPI without a variant is its default variant.

    Exactly one of `formula`, `analysis` (one of `ANALYSES`, whose answer it is) and `needs` (an analysis or a goal that
    does not stand yet) is given. `interval` is `proportion` (Wilson), `mean` (Student), `quantile` (order statistics),
    `survival` (of a share, log-log), `count` (exact Poisson) or `none`; an analysis gives its own. With an analysis,
    `text` is what it does in words, `reads` the measures without which it says nothing, and `splits` those that it
    offers beside the ones these measures have in common.
    """

    id: str
    formula: Formula | None
    text: str
    basis: str
    unit: Unit
    use_when: str = ""
    needs: str = ""
    interval: str = "none"
    analysis: str = ""
    reads: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether it gives numbers already, by a formula or by an analysis."""
        return self.formula is not None or bool(self.analysis)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI as its file states it; `base` is the id of a KPI's only variant when it has no named ones."""

    id: str
    title: str
    question: str
    variants: tuple[Variant, ...]
    default: str
    unit: Unit
    show: str
    better: str
    stage: str
    role: str
    group: str
    cadence: str
    vanity: str
    reference: str
    aliases: tuple[str, ...] = ()
    pitfalls: tuple[str, ...] = ()
    pair: str = ""
    small_sample: int = 5
    tolerance: float | None = None
    example: Example | None = None
    path: str = ""
    own: bool = False
    hash: str = field(default="", compare=False)

    def variant(self, name: str = "") -> Variant | None:
        """The variant of that name (default: the default variant), or None."""
        return next((v for v in self.variants if v.id == (name or self.default)), None)


BASE = "base"

ANALYSES = ("bottleneck",)
"""The analyses whose answer a KPI can be."""
