"""Forms that are kept in a file: the next process puts its days into them and spells nothing; damage is no harm."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.metrics import render as rendering
from headwater.metrics.forms import Text, form_of, marked, stands
from headwater.metrics.kept_forms import KeptForms
from headwater.metrics.render import render
from headwater.metrics.spellings import writing
from headwater.model.plan import Col, Lit, Named, Op, Project, Relation, Scan

FORM = b"0123456789abcdef"


def asked(day: date, word: str = "Zürich\n\\n' 🦔") -> Relation:
    inside = Op("and", (Op("ge", (Col("day"), Lit(day))), Op("lt", (Col("day"), Lit(day + timedelta(7))))))
    return Project(Scan("leads"), (Named("lead_id", Col("lead_id")), Named("word", Lit(word))), inside)


def text_of(day: date) -> str:
    return writing.writer("duckdb").text(asked(day))


@pytest.fixture(autouse=True)
def anew() -> None:
    rendering._forms.cache_clear()


def test_the_next_process_spells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache" / "forms"
    first = KeptForms(path, b"same")
    assert render(asked(date(2025, 1, 1)), "duckdb", first).text == text_of(date(2025, 1, 1))
    first.save()
    other = text_of(date(2024, 2, 26))
    rendering._forms.cache_clear()
    monkeypatch.setattr(writing, "writer", None)
    assert render(asked(date(2024, 2, 26)), "duckdb", KeptForms(path, b"same")).text == other


@settings(max_examples=25)
@given(st.text(), st.text(), st.integers(0, 3))
def test_a_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, one: str, two: str, days: int) -> None:
    path = tmp_path_factory.mktemp("forms") / "forms"
    kept = KeptForms(path, b"same")
    kept.add("duckdb", FORM, Text(one, days))
    kept.save()
    kept.add("postgres", FORM, Text(two, days))
    kept.save()
    again = KeptForms(path, b"same")
    found = [again.get(engine, FORM) for engine in ("duckdb", "postgres")]
    assert [(f.text, f.days) for f in found if f is not None] == [(one, days), (two, days)]
    assert again.get("spark", FORM) is None and again.get("duckdb", FORM[::-1]) is None


@settings(max_examples=25)
@given(st.data())
def test_what_is_damaged_is_as_if_it_were_not_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whichever bytes are others or missing: what is found is what was kept."""
    path = tmp_path_factory.mktemp("forms") / "forms"
    kept = KeptForms(path, b"same")
    texts = {bytes([n]) * 16: f"SELECT {n} AS n, '{stands(0)}' AS day" for n in range(4)}
    for form, text in texts.items():
        kept.add("duckdb", form, Text(text, 1))
    kept.save()
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    path.write_bytes(whole)
    damaged = KeptForms(path, b"same")
    for form, text in texts.items():
        found = damaged.get("duckdb", form)
        assert found is None or found.text == text
        damaged.add("duckdb", form, Text(text, 1))
    damaged.save()


def test_what_rests_on_something_else_is_not_read_and_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "forms"
    for stamp in (b"one", b"two", b"one"):
        kept = KeptForms(path, stamp)
        assert kept.get("duckdb", FORM) is None
        kept.add("duckdb", FORM, Text(stamp.decode(), 0))
        kept.save()
        found = KeptForms(path, stamp).get("duckdb", FORM)
        assert found is not None and found.text == stamp.decode()


def test_a_full_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "forms"
    for n in range(9):
        kept = KeptForms(path, b"same", most=1000)
        kept.add("duckdb", bytes([n]) * 16, Text("x" * 200, 0))
        kept.save()
        assert path.stat().st_size <= 1000
        assert KeptForms(path, b"same").get("duckdb", bytes([n]) * 16) is not None


def test_a_place_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptForms(tmp_path / "file" / "forms", b"same")
    kept.add("duckdb", FORM, Text("x", 0))
    kept.save()
    assert kept.get("duckdb", FORM) is None


def test_a_form_is_the_same_for_other_days_and_another_for_other_words() -> None:
    one, two, other = (form_of(r) for r in (asked(date(2025, 1, 1)), asked(date(1999, 1, 1)), asked(date.min, "x")))
    assert one is not None and two is not None and other is not None
    assert one[0] == two[0] != other[0]
    assert one[1] == (date(2025, 1, 1), date(2025, 1, 8))
    assert marked(asked(date(2025, 1, 1), "x")) != asked(date(2025, 1, 1), "x")
    assert (
        form_of(asked(date(2025, 1, 1), stands(1))) is None and form_of(asked(date(2025, 1, 1), stands(2))) is not None
    )


def test_a_text_that_would_not_come_back_as_it_was_is_not_kept(tmp_path: Path) -> None:
    """Two halves of a character are two characters here, and one to whoever reads them."""
    kept = KeptForms(tmp_path / "forms", b"same")
    for form, text in ((FORM, "'\ud83e\udd94'"), (FORM[::-1], "'\ud83e'")):
        kept.add("duckdb", form, Text(text, 0))
    kept.save()
    again = KeptForms(tmp_path / "forms", b"same")
    assert again.get("duckdb", FORM) is None
    assert (found := again.get("duckdb", FORM[::-1])) is not None and found.text == "'\ud83e'"
