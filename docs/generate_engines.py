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

HELD_IN_EVERY_RUN

Spark is asked most of this without compiling statements, each table handed to it in one piece, which takes a fraction
of the time; of the tiny company it reads the files. Set up as it is for you it answers the contract. `make verify` asks
it the rest: every split, all KPIs of two workspaces as it is set up for you, and those of one on a cluster that loses a
worker.

BigQuery, Databricks, Redshift, Snowflake and Trino are spelled only: their statements are read by a parser of their
dialect, never run.

## Choose an engine

One line in `headwater.yml` says which engine answers questions:

```yaml
engine: duckdb                                  # the default: inside, needs nothing
engine: postgresql://reader@host/database       # pip install 'headwater[postgres]'
engine: chdb                                    # ClickHouse inside the process: pip install 'headwater[clickhouse]'
engine: spark://master:7077                     # pip install 'headwater[spark]', and Java 17; or spark:local[2]
```

Loading, building, `headwater check` and erasing stay with DuckDB over the stored files, whichever engine answers
([why](decisions/0018-which-engine-does-which-work.md)). When the engine does not answer, refuses us or lacks the data
version that is asked, DuckDB answers from the files: the workspace stays readable, the numbers are the same,
`headwater trace` says which engine answered and why, and `headwater doctor` calls it a fault. A server asks the engine
again after half a minute.

### ClickHouse (chdb)

Reads exactly the Parquet files of the data version, one table each. Its session is a reading one (`readonly = 1`), in
which the engine itself refuses every function that opens a file or an address; the one thing it would still write,
`INTO OUTFILE`, is refused before. A folder with `*`, `?`, `{` or `}` in its path cannot be read: ClickHouse
takes them for patterns.

### PostgreSQL

`headwater refresh` brings the tables there: those whose parts changed, some thousand rows at a time (binary COPY), each
in a transaction of its own; then one transaction gives the data version its names. Until then everybody reads the one
before, and what is cut off goes on with the next refresh. The data version before stays for those who read it now;
older ones are removed. Two loaders exclude each other.

| schema | what is in it | who sees it |
|---|---|---|
| `headwater` | the tables, and `book`: data version, table, digest, rows, and where they are stored | the loader |
| `headwater_<data version>` | the tables of one data version under their names | the loader and the reader |

A question names the schema of its data version, so that it never mixes two, and runs in a transaction that only reads
(`REPEATABLE READ, READ ONLY`). Tables have no index, because questions read columns of whole tables.

The reader needs no right but those that the loader grants it:

```sql
CREATE ROLE loader LOGIN;
CREATE ROLE reader LOGIN;
CREATE DATABASE kpi ENCODING 'UTF8' TEMPLATE template0;
GRANT CREATE ON DATABASE kpi TO loader;
```

```yaml
engine:
  reader: postgresql://reader@db.example.com/kpi
  loader: postgresql://loader@db.example.com/kpi
  role: reader            # whom the loader grants the tables; default: the user of the reader's address
```

One address alone means both. Passwords never stand in `headwater.yml`, which refuses them: libpq takes them from
`~/.pgpass` (or the file that `PGPASSFILE` names), a service file (`postgresql:///?service=kpi`) or `PGPASSWORD`. A
server that does not answer within 5 seconds is away (`connect_timeout` in the address, or `PGCONNECT_TIMEOUT`). One
workspace has a database of its own: two in one would push each other's tables out. After `headwater erase` no table
holds the subject; backups and the log of the server are yours to see to.

| what happens | what Headwater says |
|---|---|
| the server is away, or restarted | PostgreSQL does not answer, or the connection was lost; `refresh` again |
| the password is wrong or missing | where passwords belong |
| the user is not let in, or lacks a right | what the server said, and to look here |
| the disk of the server is full | so; what it held is whole, and loaded tables are not loaded again |
| another refresh brings tables just now | so, and to wait |
| the data version is not there | `doctor` and `trace` tell, `refresh` brings it |

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
2. `store/engines/<engine>.py`: an `Engine` (`store/engines/connecting.py`): a session in UTC, where missing values stay
   missing; `attach` makes the names of tables stand for the files of a data version, `another` opens a session for one
   more thread, `interrupt` stops what runs. How its address begins stands in `model/settings.py`.
3. `headwater engine verify ADDRESS` until every answer is equal or refused, then its name in
   `tests/engines/conftest.py`, and in `tests/engines/test_whole.py`, which asks it every KPI of whole workspaces.

## Add a primitive

1. Its name and meaning in `model/plan.py`, one line; nulls are part of the meaning.
2. Its common spelling in `metrics/spellings/spelling.py` (or in `metrics/spellings/writing.py` where all say it
   alike), and in the engines that say it otherwise.
3. Its sheet in `metrics/contract/`: answers worked out by hand, for null, borders, ties and the traps you know of. A
   primitive without a sheet fails the tests.
"""


TESTED = ("DuckDB", "PostgreSQL", "ClickHouse (chdb)", "Spark")
YES, MONTHS = "yes", "all but the splits"
HELD = {
    "the contract below": (YES, YES),
    "a tiny company added up by hand: clocks, windows, calendars, currencies, splits": (
        YES, "each question with one of its splits",
    ),
    "the worked example of each KPI, added up by hand": (YES, YES),
    "a drawn company with all that is wrong in data: all KPIs by month and by a split, funnels, histories of stages": (
        "yes, and held to a check query for each KPI", MONTHS,
    ),
    "the demo: the same questions": ("yes, and held to what is true of it", MONTHS),
    "the public example: the same questions": (YES, MONTHS),
}  # fmt: skip
"""What every test run asks all of them: how the answers of DuckDB are held besides, and what Spark is asked of it."""


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION.replace("HELD_IN_EVERY_RUN", "\n".join(_held())), *_refusals(), *_grid()))


def _held() -> Iterator[str]:
    yield f"| in every test run | {' | '.join(TESTED)} |"
    yield "|---" * (len(TESTED) + 1) + "|"
    for what, (inside, spark) in HELD.items():
        yield f"| {what} | {inside} | yes | yes | {spark} |"


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
