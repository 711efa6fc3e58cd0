from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from headwater.errors import WorkspaceError
from headwater.metrics.render import render
from headwater.model.generation import Part
from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Project,
    Relation,
    Scan,
    Sort,
    Values,
)
from headwater.model.settings import Settings
from headwater.model.table import stored_columns
from headwater.model.types import DAY, INTEGER, MONEY, TEXT, Type
from headwater.store import generations, landing
from headwater.store.lock import writing
from headwater.store.place import Store
from headwater.store.workshop import StoreWorkshop, open_workshop
from tests.store.world import LEADS, NOW, TABLES, bucket, build, lead, load, order, project

SMALL = Settings(memory_mb=256)


@contextmanager
def bench(store: Store, settings: Settings = SMALL) -> Iterator[StoreWorkshop]:
    with (
        writing(store),
        open_workshop(store, render, generations.current(store), landing.journal(store), TABLES, settings) as workshop,
    ):
        yield workshop


def count(source: Relation) -> Group:
    return Group(source, (), (NamedAgg("n", Agg("count_rows")),))


def numbers(size: int, start: int = 0, nothing: bool = False) -> Values:
    """Rows of (id, value, part): value is empty for every seventh row, or for none."""
    rows = tuple(
        (f"k{i:05}", None if i % 7 == 0 and not nothing else i, f"p{i % 3}") for i in range(start, start + size)
    )
    return Values((("id", TEXT), ("value", INTEGER), ("part", TEXT)), rows)


COLUMNS: Sequence[tuple[str, Type]] = (("id", TEXT), ("value", INTEGER))
DIGEST = (Named("id", Col("id")), Named("value", Col("value")))


def write(workshop: StoreWorkshop, rows: Relation) -> tuple[Part, ...]:
    return workshop.write(COLUMNS, rows, Col("part"), (Order(Col("id")),), DIGEST)


def test_landed_rows_carry_their_batch_and_every_column_of_the_table(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1", email="a@x.de")]}, columns={"leads": ["lead_id", "email"]})
        load(
            store,
            "b",
            {"leads": [lead("2", amount="1.5")], "orders": []},
            columns={"leads": ["lead_id", "amount"], "orders": ["order_id"]},
        )
    with bench(store) as workshop:
        names = [n for n, _ in stored_columns(LEADS) if n not in ("_source", "_load", "_row")]
        rows = Sort(
            project(Scan("landed__leads"), [*names, "_row", "_deleted", "_merged_into", "_updated_at", "_batch"]),
            (Order(Col("lead_id")),),
        )
        assert workshop.fetch(rows) == [
            ("1", None, None, "a@x.de", None, None, 1, False, None, None, 1),
            ("2", None, None, None, None, Decimal("1.500000"), 1, False, None, None, 2),
        ]
        assert workshop.fetch(Scan("landed__orders")) == []


def test_only_the_given_batches_are_read(store: Store) -> None:
    with writing(store):
        for name in "abc":
            load(store, name, {"leads": [lead(name)]})
        entries = landing.journal(store)[1:]
        with open_workshop(store, render, None, entries, TABLES, SMALL) as workshop:
            assert sorted(workshop.fetch(project(Scan("landed__leads"), ["lead_id", "_batch"]))) == [("b", 2), ("c", 3)]


def test_a_damaged_batch_refuses_to_build(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1")]})
    (folder,) = store.landing.iterdir()
    path = folder / "leads.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(WorkspaceError, match=r"'leads.parquet' of journal entry"), bench(store):
        pass


def test_old_tables_are_typed_by_the_definitions_of_today(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1", amount="2")]})
        build(store)
        wider = replace(LEADS, columns=(*LEADS.columns, replace(LEADS.columns[3], id="extra")))
        tables = {"leads": wider, "orders": replace(TABLES["orders"], versions=True)}
        with open_workshop(store, render, generations.current(store), (), tables, SMALL) as workshop:
            assert workshop.previous == generations.current(store)
            assert workshop.fetch(project(Scan("old__leads"), ["lead_id", "amount", "extra"])) == [
                ("1", Decimal(2), None)
            ]
            assert workshop.fetch(Scan("old__orders")) == []
            assert (
                workshop.fetch(project(Scan("old__orders__versions"), ["order_id", "_valid_from", "_observed"])) == []
            )


def test_kept_rows_can_be_read_dropped_and_kept_again(store: Store) -> None:
    with bench(store) as workshop:
        assert workshop.keep("some", numbers(5)) == 5
        assert workshop.keep("more rows", count(Scan("some"))) == 1
        assert workshop.fetch(Scan("some"))[0] == ("k00000", None, "p0")
        workshop.drop("some")
        workshop.drop("some")
        assert workshop.keep("some", numbers(2)) == 2
        assert workshop.fetch(count(Scan("some"))) == [(2,)]


def test_parts_are_named_by_their_bytes_and_hold_their_partition_in_order(store: Store) -> None:
    with bench(store) as workshop:
        parts = write(workshop, numbers(100))
        assert [p.partition for p in parts] == ["p0", "p1", "p2"]
        assert [p.rows for p in parts] == [34, 33, 33]
        for part in parts:
            content = (store.parts / part.file).read_bytes()
            assert part.file == f"{hashlib.sha256(content).hexdigest()}.parquet"
            assert part.bytes == len(content)
            table = pq.read_table(store.parts / part.file)
            assert table.column_names == ["id", "value"]
            ids = table["id"].to_pylist()
            assert ids == sorted(ids) and len(ids) == part.rows
            assert pq.ParquetFile(store.parts / part.file).metadata.row_group(0).column(0).compression == "ZSTD"
        assert write(workshop, numbers(0)) == ()
    assert sorted(p.name for p in store.parts.iterdir()) == sorted(p.file for p in parts)


def test_the_digest_adds_up_whatever_the_partitions(store: Store) -> None:
    with bench(store) as workshop:
        parted = write(workshop, numbers(100))
        whole = workshop.write(COLUMNS, numbers(100), Lit("all"), (Order(Col("id")),), DIGEST)
        other = workshop.write(COLUMNS, numbers(99), Lit("all"), (Order(Col("id")),), DIGEST)
        expected = workshop.fetch(
            Group(numbers(100), (), (NamedAgg("d", Agg("sum", Op("row_digest", (Col("id"), Col("value"))))),))
        )
    assert sum(int(p.digest) for p in parted) % 2**64 == int(whole[0].digest) == expected[0][0] % 2**64
    assert whole[0].digest != other[0].digest


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_equal_rows_give_the_same_bytes_whatever_else_is_written_with_them(store: Store, threads: int) -> None:
    """Rows elsewhere that are empty, another order of arrival, more threads: none of it may be seen in a part."""
    alone = Values(numbers(0).columns, tuple(r for r in numbers(3000, nothing=True).rows if r[2] == "p1"))
    turned = Values(alone.columns, (*reversed(alone.rows), ("z", None, "p2")))
    with bench(store) as workshop:
        (first,) = write(workshop, alone)
    with bench(store, Settings(memory_mb=128, threads=threads)) as workshop:
        again = write(workshop, turned)
        assert again[0] == first
        workshop.keep("kept", turned)
        assert write(workshop, Scan("kept"))[0] == first


def test_rows_are_ordered_by_any_scalar(store: Store) -> None:
    by = (Order(Op("sub", (Lit(0), Col("value"))), descending=False), Order(Col("id"), descending=True))
    with bench(store) as workshop:
        (part,) = workshop.write((("id", TEXT),), numbers(8), Lit("all"), by, DIGEST)
    order = pq.read_table(store.parts / part.file)["id"].to_pylist()
    assert order == ["k00006", "k00005", "k00004", "k00003", "k00002", "k00001", "k00007", "k00000"]


def test_columns_have_their_stored_types_whatever_was_computed(store: Store) -> None:
    total = Group(numbers(10), (Named("part", Col("part")),), (NamedAgg("total", Agg("sum", Col("value"))),))
    rows = Project(total, (Named("money", Col("total")), Named("day", Lit("2026-01-31"))), keep_all=True)
    columns: Sequence[tuple[str, Type]] = (("total", INTEGER), ("money", MONEY), ("day", DAY))
    with bench(store) as workshop:
        (part, *_) = workshop.write(columns, rows, Col("part"), (Order(Col("part")),), (Named("total", Col("total")),))
    schema = pq.read_schema(store.parts / part.file)
    assert [str(schema.field(n).type) for n in schema.names] == ["int64", "decimal128(18, 6)", "date32[day]"]


def test_a_value_that_does_not_fit_its_column_is_refused_and_leaves_nothing(store: Store) -> None:
    with bench(store) as workshop:
        with pytest.raises(Exception, match="does not fit the type"):
            workshop.write((("part", INTEGER),), numbers(3), Lit("all"), (), DIGEST)
        with pytest.raises(ValueError, match="partition of a row is empty"):
            workshop.write(COLUMNS, numbers(8), Op("as_text", (Col("value"),)), (), DIGEST)
        assert workshop.fetch(count(numbers(3))) == [(3,)]
    assert not list(store.parts.iterdir())


def test_new_tables_read_old_and_new_parts_together(store: Store) -> None:
    with bench(store) as workshop:
        workshop.publish_table("leads", COLUMNS, ())
        assert workshop.fetch(Scan("new__leads")) == []
        one, two = write(workshop, numbers(6)), write(workshop, numbers(6, start=6))
        workshop.publish_table("leads", COLUMNS, (*one, *two))
        assert workshop.fetch(count(Scan("new__leads"))) == [(12,)]
        joined = Join(Scan("new__leads"), numbers(3), "inner", Op("eq", (Col("id", "left"), Col("id", "right"))))
        assert workshop.fetch(Project(joined, (Named("id", Col("id", "left")),), None))[:1]


def test_a_bench_reaches_nothing_outside_the_store(store: Store) -> None:
    outside = store.root.parent / "secret.parquet"
    pq.write_table(pq.read_table(make_part(store)), outside)
    with bench(store) as workshop, pytest.raises(WorkspaceError, match="not allowed to be read"):
        workshop._bench.rows(f"SELECT * FROM read_parquet('{outside}')")


def make_part(store: Store) -> str:
    with bench(store) as workshop:
        return str(store.parts / write(workshop, numbers(1))[0].file)


def test_a_bench_spills_and_leaves_no_working_files(store: Store) -> None:
    """Three million rows under 64 MB."""
    names = Values((("id", TEXT),), tuple((f"lead number {i} of a thousand",) for i in range(1000)))
    columns = (Named("id", Col("id", "left")), Named("k", Col("id", "right")))
    with bench(store, Settings(memory_mb=64, threads=1)) as workshop:
        assert workshop.keep("wide", Project(Join(names, numbers(3000), "cross"), columns)) == 3_000_000
        assert sum(p.stat().st_size for p in store.scratch.rglob("*") if p.is_file()) > 10**6
        assert workshop.fetch(count(Scan("wide"))) == [(3_000_000,)]
    assert not list(store.scratch.iterdir())


def test_the_whole_way_from_rows_to_a_reader(store: Store) -> None:
    with writing(store):
        load(store, "a", {"leads": [lead("1", amount="2.25", day=3)], "orders": [order("o1", "1")]})
        generation = build(store)
    with generations.pinned(store, settings=SMALL) as reader:
        assert reader.generation == generation
        assert reader.columns("orders")[0] == ("order_id", TABLES["orders"].columns[0].type)
        rows = reader.rows(render(project(Scan("leads"), ["lead_id", "created_at", "created_at__day", "amount"])))
        assert rows == [("1", datetime(2026, 1, 3), datetime(2026, 1, 3).date(), Decimal("2.25"))]
        table = reader.arrow(render(project(Scan("orders"), ["order_id"])))
        assert table.to_pydict() == {"order_id": ["o1"]}
    assert generation.built_at == NOW
    assert bucket(Col("x"), 2).name == "as_text"
