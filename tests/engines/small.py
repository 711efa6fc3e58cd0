"""Hundreds of statements over few rows, answered by Spark in a minute: what takes it seconds is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headwater.store.engines.connecting import Engine

SETTINGS = {
    # Rows that lie in one piece are neither moved nor planned anew on the way.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    # Compiling a statement takes longer than reading few rows step by step; the contract's are compiled.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@contextmanager
def in_one_piece(engine: Engine) -> Iterator[None]:
    """While the block runs, Spark reads each table's files once and holds it as one piece, so that no statement moves
    rows; on every other engine nothing is changed. What Spark does with rows in many pieces, and compiled, other tests
    see: those of the contract, and of one workspace by its one line."""
    if engine.spelling != "spark":
        yield
        return
    from headwater.store.engines.spark import SparkConnection, _Sessions

    assert isinstance(engine, SparkConnection)
    session = engine._sessions.session
    before = {name: session.conf.get(name) for name in SETTINGS}
    rows = _Sessions._rows

    def held(self: Any, view: Any) -> Any:
        return rows(self, view).coalesce(1).cache()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Sessions, "_rows", held)
        for name, value in SETTINGS.items():
            session.conf.set(name, value)
        try:
            yield
        finally:
            session.catalog.clearCache()
            for name, value in before.items():
                session.conf.set(name, value)
