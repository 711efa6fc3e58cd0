from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headwater.model.generation import Generation, Part, StoredTable
from headwater.model.landing import Batch, Erasure, LandedTable
from headwater.model.plan import Col, Lit, Named, Op, Order, Over
from headwater.model.types import MONEY
from headwater.store.records import canonical, from_json, to_json

AT = datetime(2026, 1, 31, 12, 30, 0, 5, tzinfo=UTC)
PART = Part("f.parquet", "2026-01", 3, 99, "18446744073709551615")
TABLE = StoredTable(
    "leads", (PART, PART), 6, "1", (("crm", date(2026, 1, 1)), ("ads", None)), ("EUR",), None, date(2026, 2, 1)
)
LANDED = LandedTable("leads", "leads.parquet", 3, ("a", "b"), False, date(2026, 1, 1), None)


@pytest.mark.parametrize(
    "value",
    [
        Generation("", "p", 3, "b", AT, "0.1", (TABLE,)),
        Batch(1, "i", "crm", "", "ä.csv", "c", "m", AT, True, 3, 2, 1, 0, (("t", 2),), (LANDED,), None, ("w",), "p"),
        Erasure(2, "s", AT, 1),
        Named("n", Op("add", (Col("a"), Lit(Decimal("1.50"), MONEY), *map(Lit, (None, True, "x", AT.date(), AT))))),
        Named("n", Over("sum", (Col("a", "left"),), (Order(Col("b"), True),), Col("c"))),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_come_back_as_they_were(value: Any) -> None:
    assert from_json(type(value), json.loads(canonical(to_json(value)))) == value


def test_a_field_that_is_missing_gets_its_default() -> None:
    data = to_json(LANDED)
    del data["last_day"]
    assert from_json(LandedTable, data) == LANDED


@pytest.mark.parametrize(
    "data", [None, 3, [], {}, {"is": "Part"}, {"number": 1, "subject": "s", "erased_at": 3, "rows": 1}]
)
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="not a Erasure"):
        from_json(Erasure, data)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_json(object())
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


@dataclass(frozen=True, slots=True)
class Mixed:
    values: tuple[str | int | bool | None, ...]


def test_booleans_and_numbers_stay_apart() -> None:
    value = Mixed((True, 1, 0, False, None, "1"))
    back = from_json(Mixed, json.loads(canonical(to_json(value))))
    assert [type(v) for v in back.values] == [bool, int, int, bool, type(None), str]
