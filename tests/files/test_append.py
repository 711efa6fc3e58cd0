"""One more item in a list: what stands there stays byte for byte, or the file is left to a person."""

import doctest

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headwater.files import append
from headwater.files.append import appended, quoted

ITEM = {"kpis": ["c", "d"], "title": "It's: #1", "show": "axes"}
LINES = '- kpis: [c, d]\n  title: "It\'s: #1"\n  show: axes\n'


def indented(by: int) -> str:
    return "".join(" " * by + line for line in LINES.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("before", "by"),
    [
        ("title: A\n", 2),
        ("title: A", 2),
        ("title: A  # why\ncharts:\n  - {kpis: [a, b]}  # the first\n  # the end\n", 2),
        ("charts:\n- kpis:\n    - a\n    - b\n\n# behind\ntitle: A\n", 0),
        ("charts:\n  - title: |\n      long\n      text\ntitle: A\n", 2),
        ("charts:\n  - kpis: [a, b]", 2),
    ],
)
def test_what_stands_there_stays(before: str, by: int) -> None:
    made = appended(before, "charts", ITEM)
    assert made is not None
    assert indented(by) in made
    rest = made.replace(indented(by), "", 1)
    if "charts:" not in before:
        rest = rest.replace("charts:\n", "", 1)
    assert rest.removesuffix("\n") == before.removesuffix("\n")
    old, new = yaml.safe_load(before), yaml.safe_load(made)
    assert new == {**old, "charts": [*old.get("charts", []), {**ITEM, "kpis": ["c", "d"]}]}


@pytest.mark.parametrize(
    "before",
    [
        "charts: [{kpis: [a, b]}]\n",
        "charts: []\n",
        "charts:\n",
        "charts: text\n",
        "{title: A}\n",
        "- a\n",
        "  title: A\n  charts:\n    - a\n",
        "title: A\n...\n",
        "title: [\n",
        "",
        "title: &x {a: b}\ncharts: *x\n",
    ],
)
def test_what_is_not_understood_is_left_alone(before: str) -> None:
    assert appended(before, "charts", ITEM) is None


@given(st.text(max_size=60))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"a: {quoted(text)}\n") == {"a": text}
    made = appended("title: A\n", "charts", {"title": text})
    assert made is not None
    assert yaml.safe_load(made)["charts"] == [{"title": text}]


WORDS = st.from_regex(r"[a-z]{1,6}", fullmatch=True)


@given(
    st.dictionaries(WORDS.filter(lambda w: w != "charts"), st.text("ab :#'\"\n-", max_size=8), max_size=4),
    st.lists(st.fixed_dictionaries({"title": st.text("ab :#'\"\n-", max_size=8)}), max_size=3),
    st.booleans(),
)
def test_a_file_that_was_written_by_a_program_says_the_same_and_one_more(
    keys: dict[str, str], charts: list[dict[str, str]], last: bool
) -> None:
    listed = {"charts": charts} if charts else {}
    content = {**keys, **listed} if last else {**listed, **keys}
    before = yaml.safe_dump(content or {"title": "A"}, sort_keys=False)
    made = appended(before, "charts", {"title": "one more"})
    assert made is not None
    assert yaml.safe_load(made) == {**(content or {"title": "A"}), "charts": [*charts, {"title": "one more"}]}
    kept = iter(made.splitlines())
    assert all(line in kept for line in before.splitlines()), "every line is still there, in its order"


def test_the_example_runs() -> None:
    assert doctest.testmod(append).failed == 0
