"""Bringing a generation to an engine that keeps tables of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headwater.model.settings import ENGINES
from headwater.store.engines.tables import Brought, Progress, Table


def keeps_tables(address: str) -> bool:
    """Whether the engine at an address answers from tables of its own, which have to be brought there."""
    return ENGINES.get(address.partition(":")[0].lower()) == "postgres"


def bring(
    address: str, role: str, generation: str, tables: Sequence[Table], keep: Collection[str], tell: Progress
) -> Brought:
    """Makes the engine hold a generation, readable for `role` ('': for its owner alone); of the others it holds, at
    most one of `keep` stays.

    Raises EngineError where it does not answer or refuses, WorkspaceError where it has no room. What could be read
    there before can be read then.
    """
    from headwater.store.engines import postgres_tables

    return postgres_tables.bring(address, role, generation, tables, keep, tell)
