"""What the planner decides: windows to read, blocks to run, and what each field of an answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from headwater.metrics.formula import Asked, Moment, Need
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Predicate
from headwater.model.generation import Generation
from headwater.model.measure import Measure
from headwater.model.period import Period
from headwater.model.plan import Relation
from headwater.model.question import Question
from headwater.model.settings import Settings


class Window(NamedTuple):
    """Days a measure is read over: half-open, `start` None = from the beginning; a stock is read at `end`'s eve."""

    start: date | None
    end: date


@dataclass(frozen=True, slots=True)
class Field:
    """What a measure gives in one window and segment, in the columns `<prefix>_<field>` of a block.

    `value`; `n` rows behind it; and where they apply: `entered`, `entered_n` (cohort), `left_out` (too young or
    impossible), `negative`, `unrated` (rows without an exchange rate), `unversioned` (rows whose value then is
    unknown), `deviation` (sample standard deviation), `low`/`high` (of a quantile), `mature_days` (p95).
    """

    measure: str
    prefix: str
    names: tuple[str, ...]
    divide: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """One statement: its first column is the window's number, then the segment's values, then the fields.

    `waiting`: the measure, where the statement gives the columns of `waiting.COUNTED` and its fields are reckoned from
    them (see `waiting.settled`).
    """

    relation: Relation
    windows: tuple[Window, ...]
    splits: tuple[str, ...]
    total: bool
    fields: tuple[Field, ...]
    waiting: Measure | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is answered: the asked KPIs, the periods, the windows behind each need, and the blocks."""

    question: Question
    asked: tuple[Asked, ...]
    periods: tuple[Period | None, ...]
    windows: Mapping[tuple[int, Moment], Window | None]
    blocks: tuple[Block, ...]
    needs: Mapping[str, tuple[Need, ...]]
    condition: Predicate | None
    context: Context


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan is made from besides the question."""

    catalogue: Catalogue
    generation: Generation
    settings: Settings


def variant_name(asked: Asked) -> str:
    """The dotted name of an asked KPI and variant."""
    return f"{asked.kpi.id}.{asked.variant.id}"
