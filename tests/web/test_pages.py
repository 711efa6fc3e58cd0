"""Pages as a client gets them: the gallery, the frame, and names that hold markup."""

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from headwater.web import parts
from headwater.web.assets import Assets
from headwater.web.pages.design import samples
from headwater.web.templates import environment
from tests.web.gallery import bare, client

HOSTILE = "<script>alert(1)</script>\"'></script><!--{{7*7}}"


@pytest.fixture(scope="module")
def gallery() -> str:
    answer = client(bare()).get("/design")
    assert answer.status_code == 200
    return answer.text


def test_the_gallery_is_for_development_alone() -> None:
    assert client(bare(development=False)).get("/design").status_code == 404


def test_a_page_has_one_heading_and_its_landmarks(gallery: str) -> None:
    assert len(re.findall(r"<h1\b", gallery)) == 1
    for tag in ("header", "nav", "main", "footer"):
        assert len(re.findall(rf"<{tag}\b", gallery)) >= 1
    assert gallery.index('class="skip"') < gallery.index("<header")


def test_every_id_is_there_once_and_every_one_named_is_there(gallery: str) -> None:
    ids = re.findall(r'\bid="([^"]*)"', gallery)
    assert len(ids) == len(set(ids))
    named = re.findall(r'\b(?:popovertarget|aria-labelledby|for)="([^"]*)"', gallery)
    assert set(named) <= set(ids)


def test_no_page_says_what_is_for_developers(gallery: str) -> None:
    assert "Undefined" not in gallery
    assert "<style" not in gallery


def poisoned(value: Any) -> Any:
    """The same value with every text in it replaced by one that is dangerous where it is not escaped."""
    match value:
        case str():
            return HOSTILE
        case tuple():
            return tuple(poisoned(v) for v in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            closed = {"kind", "level", "status", "change_better", "grain", "locale", "show", "currency"}
            changed = {f.name: getattr(value, f.name) for f in fields(value)}
            return replace(value, **{n: v if n in closed and v in KEPT else poisoned(v) for n, v in changed.items()})
        case _:
            return value


KEPT = (
    "line", "bar", "band", "warn", "info", "good", "bad", "neutral", "unknown", "true", "false", "none",
    "month", "en", "money", "number", "EUR",
)  # fmt: skip

CALLS = {
    "tile": samples.TILES[0],
    "funnel": samples.STEPS,
    "needs": samples.NEEDS,
    "spark": samples.TILES[0].spark,
    "chart": samples.CHART,
    "leaderboard": samples.BOARD,
    "later": samples.LATER,
    "datatable": samples.TABLE,
    "trace_panel": samples.TRACE,
    "records_table": samples.RECORDS,
    "chips": samples.CHIPS,
    "segmented": samples.GRAIN,
    "picker": samples.CONTROLS.pickers[0],
    "controls": samples.CONTROLS,
    "results": samples.FOUND,
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_script_in_a_name_is_harmless(name: str) -> None:
    env = environment(Assets())
    macro = getattr(env.get_template(f"components/{name}.html").module, name)
    text = str(macro(poisoned(CALLS[name])))
    assert "alert(1)" in text, "the text is shown"
    for script in re.findall(r"<script[^>]*>", text):
        assert script == '<script type="application/json">'
    assert text.count("</script>") == text.count("<script")
    assert "<!--" not in text
    assert "{{7*7}}" in text, "and not reckoned"


def test_every_value_of_a_component_is_frozen() -> None:
    for name, value in vars(parts).items():
        if isinstance(value, type) and is_dataclass(value):
            assert value.__dataclass_params__.frozen, name  # type: ignore[attr-defined]
