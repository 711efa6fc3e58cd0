"""What `build` may ask of the store: a connection over landing and the previous generation that can write parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headwater.model.generation import Generation, Part
from headwater.model.plan import Named, Order, Relation, Scalar
from headwater.model.types import Type


class Workshop(Protocol):
    """One build's bench. Relations may Scan these names:

    `landed__<table>`: rows of that table in every batch given to the build, columns = union of what the batches map
    (a missing column is empty), with `_row`, `_deleted`, `_merged_into`, `_updated_at` and `_batch` (journal number).
    `old__<table>`: the previous generation's stored table (absent tables: no rows). `new__<table>`: the candidate's,
    once `publish_table` was called. Any name given to `keep`.
    """

    @property
    def previous(self) -> Generation | None:
        """The generation the build starts from; None rebuilds everything."""
        ...

    def keep(self, name: str, relation: Relation) -> int:
        """Materialise a relation under a name for this build; the number of its rows."""
        ...

    def drop(self, name: str) -> None:
        """Forget a kept relation."""
        ...

    def fetch(self, relation: Relation) -> list[tuple[object, ...]]:
        """The rows of a small relation."""
        ...

    def write(
        self,
        columns: Sequence[tuple[str, Type]],
        rows: Relation,
        partition: Scalar,
        order: Sequence[Order],
        digest: Sequence[Named],
    ) -> tuple[Part, ...]:
        """Write rows as parts, one per value of `partition` (a text), each in a total order; empty partitions give
        none. `digest` names the columns of the logical digest. Equal rows give a part of the same name."""
        ...

    def publish_table(self, table: str, columns: Sequence[tuple[str, Type]], parts: Sequence[Part]) -> None:
        """From now on `new__<table>` reads these parts (old ones that are shared and new ones)."""
        ...
