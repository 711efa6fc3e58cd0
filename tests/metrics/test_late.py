"""Columns and rules of the catalogue's cache that are decoded when they are asked for: equal to those that are not."""

import copy
import pickle
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from headwater.metrics import catalogue as module
from headwater.metrics.definitions import catalogue_hash, definition
from headwater.metrics.encoding import encode, text_of
from headwater.model.catalogue import Catalogue
from headwater.model.late import late
from headwater.model.table import ByChannel, Key, LinkedColumn, Table
from headwater.model.types import TEXT
from tests.shipped import shipped


@pytest.fixture(scope="module")
def kept_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "catalogue.json"
    module._write_cache(path, "same", shipped())
    return path


@pytest.fixture
def kept(kept_at: Path) -> Catalogue:
    found = module._read_cache(kept_at, "same")
    assert found is not None
    return found


def test_a_kept_catalogue_is_the_one_that_was_kept(kept: Catalogue) -> None:
    for name, table in shipped().tables.items():
        other = kept.tables[name]
        assert other == table and hash(other) == hash(table) and repr(kept.tables[name]) == repr(table)
    assert catalogue_hash(kept) == catalogue_hash(shipped())
    assert definition(kept, "mql_rate") == definition(shipped(), "mql_rate")


@pytest.mark.parametrize("of", [copy.copy, copy.deepcopy, replace, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_copy_of_what_is_kept_is_whole(kept: Catalogue, of: Any) -> None:
    table = of(kept.tables["leads"])
    assert table == shipped().tables["leads"] and table.column("channel") == shipped().tables["leads"].column("channel")


def test_a_column_is_decoded_once_and_alone(kept: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[str] = Counter()
    real = module.decode

    def counting(data: Any) -> Any:
        decoded[data["is"] if isinstance(data, dict) else type(data).__name__] += 1
        return real(data)

    monkeypatch.setattr(module, "decode", counting)
    table = kept.tables["leads"]
    assert decoded["Column"] == 0
    for _ in range(2):
        column = table.column("channel")
        assert column is not None and isinstance(column.derive, ByChannel) and column.type == TEXT
        assert table.type_of("channel") == TEXT and table.column("no such") is table.type_of("no such") is None
    assert decoded["Column"] == 1
    decoded.clear()
    rules = column.derive.rules
    assert rules and rules is column.derive.rules and decoded == {"list": 1}
    assert table.columns is table.columns and table.columns[[c.id for c in table.columns].index("channel")] is column
    assert decoded["Column"] == len(table.columns) - 1


def test_rules_that_stand_in_many_tables_are_kept_once(kept_at: Path, kept: Catalogue) -> None:
    derived = [c.derive for t in kept.tables.values() for c in t.columns]
    rules = [text_of(encode(d.rules)).encode() for d in derived if isinstance(d, ByChannel) and d.rules]
    assert len(rules) > 2 * len(set(rules))
    assert all(kept_at.read_bytes().count(text) == 1 for text in set(rules))


def test_a_column_of_the_table_wins_over_one_that_is_reached() -> None:
    """Whether the columns are at hand or kept."""
    found = shipped().tables["leads"]
    reached = LinkedColumn("channel", found.columns[0].type, "accounts", "account_id", "industry")
    whole = replace(found, columns_is=(reached, replace(reached, id="elsewhere")))
    told = {f.name: getattr(whole, f.name) for f in fields(whole) if f.init and f.name != "columns"}
    table = Table.kept({c.id: c for c in whole.columns}, **told)
    for name in ("channel", "elsewhere", "lead_id"):
        assert table.column(name) is whole.column(name) and table.type_of(name) == whole.type_of(name)
    assert table == whole and table.column("elsewhere") is None and table.type_of("elsewhere") == reached.type


def test_a_field_that_there_is_not_is_an_error(kept: Catalogue) -> None:
    for value in (kept.tables["leads"], shipped().tables["leads"], Key("mail", "email"), late(Key("mail", "email"))):
        with pytest.raises(AttributeError, match=f"'{type(value).__name__}' has no 'colums'"):
            _ = value.colums  # type: ignore[attr-defined]
