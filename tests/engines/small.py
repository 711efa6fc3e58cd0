"""Hundreds of statements over few rows, answered by Spark in a minute: what takes it seconds is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.files.arrow import arrow_type
from headwater.store.engines.connecting import Engine
from headwater.store.engines.view import View

SETTINGS = {
    # Rows that lie in one piece are neither moved nor planned anew on the way, nor are those written in a statement.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    # Compiling a statement takes longer than reading few rows step by step; the contract's are compiled.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@contextmanager
def in_one_piece(engine: Engine) -> Iterator[None]:
    """While the block runs, Spark is handed the rows of each table's files in one piece, so that no statement lists
    files or moves rows; on every other engine nothing is changed. What Spark does with the files themselves, with rows
    in many pieces, and compiled, other tests see: those of the tiny world, of the contract, and of one workspace by its
    one line."""
    if engine.spelling != "spark":
        yield
        return
    from headwater.store.engines.spark import _Sessions

    with pytest.MonkeyPatch.context() as patch, _quickly(engine):
        patch.setattr(_Sessions, "_rows", _handed)
        yield


@contextmanager
def in_held_files(engine: Engine) -> Iterator[None]:
    """As `in_one_piece`, but that Spark reads each table's files itself, once."""
    if engine.spelling != "spark":
        yield
        return
    from headwater.store.engines.spark import _Sessions

    rows = _Sessions._rows

    def held(self: Any, view: View) -> Any:
        return rows(self, view).coalesce(1).cache()

    with pytest.MonkeyPatch.context() as patch, _quickly(engine) as session:
        patch.setattr(_Sessions, "_rows", held)
        try:
            yield
        finally:
            session.catalog.clearCache()


@contextmanager
def _quickly(engine: Engine) -> Iterator[Any]:
    """The session of the engine, which has the settings for as long as the block runs."""
    from headwater.store.engines.spark import SparkConnection

    assert isinstance(engine, SparkConnection)
    session = engine._sessions.session
    before = {name: session.conf.get(name, None) for name in SETTINGS}
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    try:
        yield session
    finally:
        for name, value in before.items():
            if value is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, value)


def _handed(self: Any, view: View) -> Any:
    """The rows of a view, written into the plan."""
    from pyspark.sql.types import StructField, StructType

    from headwater.store.engines.spark import _stored_type

    schema = pa.schema([(name, arrow_type(type_)) for name, type_ in view.columns])
    types = StructType([StructField(name, _stored_type(type_)) for name, type_ in view.columns])
    rows = pa.concat_tables([schema.empty_table(), *(_read(file, schema) for file in view.files)]).combine_chunks()
    return self.session.createDataFrame(rows, types).coalesce(1)


def _read(file: Path, schema: pa.Schema) -> pa.Table:
    with pq.ParquetFile(file) as opened:
        return opened.read(columns=schema.names).select(schema.names).cast(schema)
