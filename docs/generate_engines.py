"""Writes docs/engines.md: which engines statements are spelled for, how each is held, and the grid of the contract:
python docs/generate_engines.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.errors import QueryError
from headwater.metrics.contract import SHEETS, grid
from headwater.metrics.render import render
from headwater.metrics.spellings import ENGINES

PAGE = Path(__file__).resolve().parent / "engines.md"

INTRODUCTION = """\
# Engines

A question becomes a plan, and a plan one statement. How an engine says what engines do not say alike (quantiles,
months, weeks, hashes, rows by an order ...) stands in one file per engine, `metrics/spellings/<engine>.py`. A spelling
is exact, or it is refused by name: nothing approximate is used in its place. This page is made by
`python docs/generate_engines.py`; do not edit it.

Headwater computes with **DuckDB**, which is inside and needs nothing. Statements are spelled for the others too, and
held to the same answers, so that a number never rests on one engine's habits:

| engine | how it is held |
|---|---|
| DuckDB, PostgreSQL, ClickHouse (chdb), Spark | every answer of the contract below and whole plans, in every test run |
| BigQuery, Databricks, Redshift, Snowflake, Trino | spelled only: read by a parser of their dialect, never run |

## Verify an engine

    headwater engine verify duckdb
    headwater engine verify postgresql://reader@host/database      # pip install 'headwater[postgres]'
    headwater engine verify chdb                                    # pip install 'headwater[clickhouse]'
    headwater engine verify 'spark:local[2]'                        # pip install 'headwater[spark]', and Java 17
    headwater engine verify spark://master:7077

asks every question of the contract and says how many answers are equal, which primitives are refused and which are
wrong. It reads no table and writes nothing; the exit code is 1 when an answer is wrong. A password in an address is
never shown.

## Add an engine

1. `metrics/spellings/<engine>.py`: a class of `Spelling` with what the engine says otherwise, and its name in
   `metrics/spellings/__init__.py`. What it cannot say exactly calls `self.refused(...)`.
2. `store/engines/<engine>.py`: a connection with `rows` and `close` that opens a session in UTC, where missing values
   stay missing, and its address in `store/engines/connecting.py`.
3. `headwater engine verify ADDRESS` until every answer is equal or refused, then its name in
   `tests/engines/conftest.py`.

## Add a primitive

1. Its name and meaning in `model/plan.py`, one line; nulls are part of the meaning.
2. Its common spelling in `metrics/spellings/spelling.py` (or in `metrics/render.py` where all say it alike), and in
   the engines that say it otherwise.
3. Its sheet in `metrics/contract/`: answers worked out by hand, for null, borders, ties and the traps you know of. A
   primitive without a sheet fails the tests.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *_refusals(), *_grid()))


def _refusals() -> Iterator[str]:
    yield "## What is refused, by engine\n"
    yield "| engine | primitives without an exact spelling |"
    yield "|---|---|"
    for engine in ENGINES:
        yield f"| {engine} | {', '.join(refused(engine)) or 'none'} |"
    yield ""


def refused(engine: str) -> tuple[str, ...]:
    """The primitives for which an engine has no exact spelling."""
    found: dict[str, None] = {}
    for sheet in SHEETS:
        try:
            render(sheet.relation, engine)
        except QueryError:
            found[sheet.primitive] = None
    return tuple(found)


def _grid() -> Iterator[str]:
    held = grid(SHEETS)
    total = sum(map(len, held.values()))
    yield f"## The contract: {total} answers of {len(held)} primitives\n"
    yield "| primitive | held under |"
    yield "|---|---|"
    for name, conditions in held.items():
        yield f"| {name} | {', '.join(dict.fromkeys(conditions))} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
