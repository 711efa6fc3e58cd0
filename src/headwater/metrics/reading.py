"""A reading: one measure in one window and segment, as the engine gave it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

Exact = int | float | Decimal


class Reading(NamedTuple):
    """One measure in one window and segment, as the engine gave it."""

    value: Exact | None
    n: int
    entered: Exact | None = None
    entered_n: int = 0
    left_out: int = 0
    negative: int = 0
    unrated: int = 0
    unversioned: int = 0
    total: Exact | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    mature_days: int | None = None
    longest: float | None = None
