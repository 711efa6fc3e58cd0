"""What every engine must answer: primitives under conditions, with answers that were worked out by hand."""

from __future__ import annotations

from headwater.metrics.contract.aggregates import AGGREGATES
from headwater.metrics.contract.cases import Case, Sheet, grid, wrong
from headwater.metrics.contract.relations import RELATIONS
from headwater.metrics.contract.scalars import SCALARS

SHEETS: tuple[Sheet, ...] = (*SCALARS, *AGGREGATES, *RELATIONS)
"""Every statement of the contract."""

__all__ = ["SHEETS", "Case", "Sheet", "grid", "wrong"]
