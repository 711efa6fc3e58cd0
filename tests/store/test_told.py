"""Rows that were told are told again, each asker has a list of his own, and no more are kept than there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headwater.store.told import Told


def test_who_was_told_has_rows_of_his_own() -> None:
    told, rows = Told(), [(1, "a"), (2, "b")]
    told.keep("one", rows)
    rows.clear()
    first = told.get("one")
    assert first == [(1, "a"), (2, "b")]
    first.clear()
    assert told.get("one") == [(1, "a"), (2, "b")] and told.get("another") is None
    told.clear()
    assert told.get("one") is None and "one" not in told


def test_what_is_unused_longest_goes_first() -> None:
    told = Told(most=1_000)  # a statement without rows weighs 50
    for number in range(20):
        told.keep(f"{number}", [])
    assert told.get("0") == []
    told.keep("20", [])
    assert "0" in told and "1" not in told and "2" in told


def test_an_answer_of_many_rows_is_not_kept() -> None:
    told = Told(most=1_000)
    told.keep("few", [(1, 2)] * 25)
    told.keep("many", [(1, 2)] * 26)
    assert "few" in told and "many" not in told


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_it_tells_what_was_kept_last_or_nothing(steps: list[tuple[int, bool]]) -> None:
    told, kept = Told(most=500), dict[str, list[tuple[int]]]()
    for number, keeps in steps:
        text = f"{number}"
        if keeps:
            kept[text] = [(number,)] * number
            told.keep(text, kept[text])
        assert told.get(text) in (None, kept.get(text))
