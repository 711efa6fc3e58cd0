"""The parsed catalogue: every table, measure and KPI by id, shipped and own, with its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.model.kpi import Kpi
from headwater.model.measure import Measure
from headwater.model.table import Table


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`tables`, `measures` and `kpis` by id (read-only mappings); `hash` covers all of it."""

    tables: Mapping[str, Table]
    measures: Mapping[str, Measure]
    kpis: Mapping[str, Kpi]
    hash: str
