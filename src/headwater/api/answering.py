"""A question to Observations, by formulas and by analyses. What formulas alone answer loads no analysis."""

from __future__ import annotations

from headwater.api.analysed import Analysed
from headwater.api.answer import Answer
from headwater.api.measuring import Bench, Run, labels, run
from headwater.api.versions import keep_answered, keep_meant
from headwater.metrics.formula import Asked
from headwater.metrics.observe import Evaluation, evaluations, observe
from headwater.metrics.planned import Plan
from headwater.model.observation import Observation
from headwater.model.question import Question

Evaluated = Evaluation | Analysed
"""What answers one KPI of a question."""


def measure(at: Bench, asked: Question) -> Answer:
    """The Observations of a question; the definitions that answered are kept."""
    ran = run(at, asked)
    answer = Answer(observed(at, ran), labels(ran.plan))
    keep_answered(at.store, at.catalogue, [a.kpi for a in ran.plan.asked])
    return answer


def observed(at: Bench, ran: Run) -> tuple[Observation, ...]:
    """The Observations of a question that was run, by KPI as asked, then period, then segment."""
    if not any(a.variant.analysis for a in ran.plan.asked):
        return observe(ran.plan, ran.results)
    return tuple(
        each.observation(index, period, segment)
        for each in evaluated(at, ran)
        for segments in (each.segments(),)
        for index, period in enumerate(each.plan.periods)
        for segment in segments
    )


def evaluated(at: Bench, ran: Run) -> tuple[Evaluated, ...]:
    """Each KPI of a question that was run: its formula over the rows, or what its analysis answers."""
    found: list[Evaluated] = []
    for each in evaluations(ran.plan, ran.results):
        if each.asked.variant.analysis:
            told = analysed(at, ran.plan, each.asked)
            keep_meant(at.store, told.absent.definition, told.definition)
            found.append(told)
        else:
            found.append(each)
    return tuple(found)


def analysed(at: Bench, planned: Plan, asked: Asked) -> Analysed:
    """What the analysis of an asked KPI answers. Raises QueryError for a split or filter that it does not know."""
    match asked.variant.analysis:
        case "bottleneck":
            from headwater.api.analysed.bottleneck import answer

            return answer(at, planned, asked)
        case name:
            raise ValueError(f"no analysis is called {name!r}")
