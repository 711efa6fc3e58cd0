"""What the kill test runs in other processes: a writer that is killed, and readers that never may notice.

`python -m tests.store.hammer writers ROOT ACKS` starts a writer for every line it reads, and says its process id. A
writer loads a batch, builds and publishes, again and again, and notes what was acknowledged. Writers are forked from a
process that has imported everything and opened nothing, because a start from scratch would take longer than it lives.
`python -m tests.store.hammer reader ROOT STOP` pins and asks until the file STOP is there, and prints what it saw.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.errors import HeadwaterError
from headwater.metrics.render import render
from headwater.model.generation import Generation, StoredTable
from headwater.model.landing import Draft, LandedTable
from headwater.model.plan import Agg, Col, Group, Lit, Named, NamedAgg, Op, Order, Project, Scan, Union
from headwater.model.settings import Settings
from headwater.model.table import Column, Table
from headwater.model.types import ID, INTEGER, Type
from headwater.store import generations, landing
from headwater.store.lock import writing
from headwater.store.place import Store, open_store
from headwater.store.workshop import open_workshop
from tests.store.world import NOW

COLUMNS: Sequence[tuple[str, Type]] = (("key", ID), ("version", INTEGER))
TABLES = {
    name: Table(name, name, "one row per batch", "batch", ("key",), (Column("key", ID),)) for name in ("left", "right")
}
SMALL = Settings(memory_mb=128, threads=1)


def load(store: Store, number: int) -> None:
    """One batch: one row for each of the two tables."""
    staged = landing.stage(store)
    rows = pa.table({"key": [f"k{number}"], "_row": [1], "_deleted": [False]})
    for name in TABLES:
        pq.write_table(rows, staged / f"{name}.parquet")
    tables = tuple(LandedTable(name, f"{name}.parquet", 1, ("key",), False) for name in TABLES)
    draft = Draft("s", "", "p", str(number), "m", False, 1, 1, 0, 0, (), tables, None)
    landing.commit(store, staged, draft, NOW + timedelta(seconds=number))


def build(store: Store) -> Generation:
    """Both tables hold every batch, and in each row the number of batches there are."""
    entries = landing.journal(store)
    previous = generations.current(store)
    stored = []
    with open_workshop(store, render, previous, entries, TABLES, SMALL) as workshop:
        for name in TABLES:
            version = Named("version", Lit(len(entries)))
            rows = Project(Scan(f"landed__{name}"), (Named("key", Col("key")), version))
            half = Op("as_text", (Op("bucket_of", (Col("key"), Lit(2))),))
            parts = workshop.write(COLUMNS, rows, half, (Order(Col("key")),), (Named("key", Col("key")),))
            workshop.publish_table(name, COLUMNS, parts)
            stored.append(StoredTable(name, parts, sum(p.rows for p in parts), "0"))
    at = NOW + timedelta(seconds=len(entries))
    parent = previous.id if previous else ""
    return generations.publish(store, Generation("", parent, len(entries), "b", at, "0", tuple(stored)))


def write_until_killed(root: Path, acks: Path) -> None:
    store = open_store(root)
    note = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        with writing(store, "hammer", wait=30):
            load(store, len(landing.journal(store)) + 1)
            os.write(note, b"%d loaded\n" % len(landing.journal(store)))
            generation = build(store)
            os.write(note, b"%d published %s\n" % (generation.journal, generation.id.encode()))
            generations.collect(store, generation.built_at)


def writers(root: Path, acks: Path) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write_until_killed(root, acks)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("dead", flush=True)


def reader(root: Path, stop: Path) -> None:
    """Every answer must have one version in all rows of both tables, as many rows as versions, and never go back."""
    os.nice(5)  # the writers shall get somewhere
    store = open_store(root)
    each = [Project(Scan(name), (Named("version", Col("version")),)) for name in TABLES]
    counts = [NamedAgg("low", Agg("min", Col("version"))), NamedAgg("high", Agg("max", Col("version")))]
    both = render(Group(Union(tuple(each)), (), (*counts, NamedAgg("n", Agg("count_rows")))))
    reads, last, wrong, generations_seen = 0, 0, [], set()
    while not stop.exists():
        try:
            with generations.pinned(store, settings=SMALL) as pinned:
                for _ in range(2):
                    low, high, rows = pinned.rows(both)[0]
                    reads += 1
                    if not (low == high == pinned.generation.journal and rows == 2 * high and high >= last):
                        wrong.append([pinned.generation.id, low, high, rows, last])
                last = pinned.generation.journal
                generations_seen.add(pinned.generation.id)
        except HeadwaterError as error:
            wrong.append([str(error), repr(error.__cause__)])
    print(json.dumps({"reads": reads, "generations": len(generations_seen), "wrong": wrong}))


if __name__ == "__main__":
    {"writers": writers, "reader": reader}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
