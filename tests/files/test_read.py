"""Definition files as they are read: a narrow YAML, the line of every key, every fault and not the first alone."""

from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Fault
from headwater.files.read import MOST_BYTES, Definition, Document, Free, as_written, load, read


class Part(Definition):
    kind: Literal["red", "blue"]
    flag: bool = False


class Thing(Definition):
    title: str
    number: int = 0
    ratio: float = 0.0
    day: date | None = None
    parts: tuple[Part, ...] = ()
    named: dict[str, Part] | None = None
    free: Free = None


@pytest.fixture
def file(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "thing.yml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def only(faults: tuple[Fault, ...]) -> Fault:
    (fault,) = faults
    return fault


def test_the_model_decides_what_a_plain_scalar_is(file) -> None:
    thing, faults = load(
        file("title: 007\nnumber: 3\nratio: 1.50\nday: 2025-01-31\nparts: [{kind: red, flag: yes}]\n"), Thing
    )
    assert not faults
    assert thing == Thing(title="007", number=3, ratio=1.5, day=date(2025, 1, 31), parts=(Part(kind="red", flag=True),))
    assert type(thing.title) is str


def test_free_content_is_as_written(file) -> None:
    text = """\
title: x
free:
  numbers: [1, -2, 1.50, 0.0]
  texts: ['1', "true", 007, 1e3, 2025-01-31, no, 1_000, .5, 99999999999999999999]
  others: [true, false, null, ~, '']
"""
    thing, faults = load(file(text), Thing)
    assert not faults
    assert thing is not None and thing.free == {
        "numbers": [1, -2, 1.5, 0.0],
        "texts": ["1", "true", "007", "1e3", "2025-01-31", "no", "1_000", ".5", "9" * 20],
        "others": [True, False, None, None, ""],
    }
    assert all(type(t) is str for t in thing.free["texts"])


def test_every_fault_is_told_with_its_line(file) -> None:
    text = """\
titel: a
number: many
parts:
  - {kind: blu}
  - kind: red
    flog: 1
named:
  one:
    kind: green
    flag: perhaps
day: soon
"""
    thing, faults = load(file(text), Thing, "thing.yml")
    assert thing is None
    assert [str(f) for f in faults] == [
        "thing.yml:1: the key 'title' is missing",
        "thing.yml:1 [titel]: no key is called 'titel'. Did you mean 'title'?",
        "thing.yml:2 [number]: this should be a whole number",
        "thing.yml:4 [parts[1].kind]: 'blu' is not possible here. Did you mean 'blue'?",
        "thing.yml:6 [parts[2].flog]: no key is called 'flog'. Did you mean 'flag'?",
        "thing.yml:9 [named.one.kind]: 'green' is not possible here. Write red or blue.",
        "thing.yml:10 [named.one.flag]: this should be true or false",
        "thing.yml:11 [day]: this should be a date such as 2025-01-31",
    ]


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 0, "the file is empty"),
        ("# nothing\n", 0, "the file is empty"),
        ("- a\n", 1, "the file is not a mapping of keys to values"),
        ("title: a\ntitle: b\n", 2, "the key 'title' was given on line 1 already"),
        ("title: a\nnamed:\n  x: {kind: red}\n  x: {kind: blue}\n", 4, "the key 'x' was given on line 3 already"),
        ("title: a\n---\ntitle: b\n", 2, "one file holds one document"),
        ("title: a\nfree: !!python/object/apply:os.system [ls]\n", 2, "tags such as"),
        ("title: !!str a\n", 1, "tags such as"),
        ("title: a\nfree: &a [*a]\n", 2, "the alias '*a' names no finished anchor"),
        ("title: a\nfree: *nothing\n", 2, "the alias '*nothing' names no finished anchor"),
        ("free: &a {b: 1}\nnamed:\n  <<: *a\n", 3, "merge keys ('<<') are not allowed"),
        ("title: a\n? [1, 2]\n: b\n", 2, "a key is a word or a text"),
        ("title: a\nfree: b: c\n", 2, "this is not YAML"),
        ("title: a\n\tfree: b\n", 2, "this is not YAML"),
        ('title: a\nfree: "b\n', 3, "this is not YAML"),
        (b"title: a\nfree: \xff\n", 2, "the file is not UTF-8 text"),
        (b"title: a\nfree: \x07\n", 2, "the file holds a control character"),
        ("title: " + "x" * MOST_BYTES, 0, "the file is larger than 1 MiB"),
        ("title: a\nfree:\n" + "".join(" " * i + "- \n" for i in range(1, 100)), 34, "nested deeper than 32 levels"),
        ("free: " + "[" * 500_000, 1, "nested deeper than 32 levels"),
        ("title: &a x\nfree: [" + "*a, " * 101 + "]\n", 2, "more than 100 aliases"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            5,
            "more than 100,000 values",
        ),
    ],
    ids=lambda v: repr(v)[:30],
)
def test_what_is_no_yaml_of_ours(file, content: str | bytes, line: int, what: str) -> None:
    thing, faults = load(file(content), Thing, "thing.yml")
    assert thing is None
    assert (faults[0].path, faults[0].line) == ("thing.yml", line)
    assert what in faults[0].what


def test_a_duplicate_key_does_not_hide_other_faults(file) -> None:
    _, faults = load(file("title: a\ntitle: b\nnumber: x\n"), Thing)
    assert [f.line for f in faults] == [2, 3]


def test_aliases_within_the_limits_are_values(file) -> None:
    thing, faults = load(file("title: a\nnamed:\n  x: &red {kind: red}\n  y: *red\n"), Thing)
    assert not faults
    assert thing is not None and thing.named == {"x": Part(kind="red"), "y": Part(kind="red")}


def test_a_comma_without_quotes_is_explained(file) -> None:
    _, faults = load(file("title: a\nnamed:\n  x: {kind: red, or blue}\n"), Thing)
    assert only(faults).do == "A text with a comma in it needs quotes here."


@pytest.mark.parametrize("name", ["missing.yml", "folder"])
def test_what_is_no_file_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    document, faults = read(tmp_path / name, name)
    assert document is None
    assert only(faults).path == name
    assert str(tmp_path) not in str(faults[0])


def test_a_byte_order_mark_is_no_fault(file) -> None:
    thing, faults = load(file(b"\xef\xbb\xbftitle: a\n"), Thing)
    assert thing is not None and thing.title == "a" and not faults


def test_a_fault_of_a_key_that_is_not_there_has_the_line_around_it() -> None:
    document = Document("a.yml", {"x": {"y": ["z"]}}, {("x",): 3, ("x", "y"): 4, ("x", "y", 0): 5})
    assert document.fault(("x", "y", 0), "odd").line == 5
    assert document.fault(("x", "y", 7, "w"), "odd") == Fault("a.yml", 4, "x.y[8].w", "odd")
    assert document.fault((), "odd", "Mend it.") == Fault("a.yml", 1, "", "odd.", "Mend it.")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_a_fault(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.yml"
    path.write_bytes(content)
    document, faults = read(path, "any.yml")
    assert document is not None or faults


@given(st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_texts_that_were_quoted_stay_as_they_are(value: object) -> None:
    assert as_written(value) == value
