"""What templates may hold: the content policy allows nothing inline, and htmx nothing that needs eval."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headwater.web.templates import FOLDER

TEMPLATES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".html", ".htm", ".jinja", ".j2", ".xml"))
COMPONENTS = sorted((FOLDER / "components").glob("*.html"))
PARTS = {path.stem: path.read_text(encoding="utf-8") for path in COMPONENTS}
SOURCES = {path: path.read_text(encoding="utf-8") for path in TEMPLATES}
GALLERY = SOURCES[FOLDER / "pages" / "design" / "page.html"]
LAYOUT = SOURCES[FOLDER / "layout.html"]
SAMPLES = (FOLDER / "pages" / "design" / "samples.py").read_text(encoding="utf-8")


def faults_of(template: str) -> Iterator[str]:
    """What a template holds that a browser would refuse, or that would need eval."""
    text = re.sub(r"\{#.*?#\}", "", template, flags=re.DOTALL)
    parser = _Parser()
    parser.feed(re.sub(r"\{\{.*?\}\}", "x", re.sub(r"\{%.*?%\}", " ", text, flags=re.DOTALL), flags=re.DOTALL))
    for tag, attributes in parser.tags:
        for name, value in attributes:
            if name == "style":
                yield f"<{tag} style>: put it into the component's <style> block"
            if name.startswith("on"):
                yield f"<{tag} {name}>: a handler belongs into a module of web/src"
            if name.startswith("hx-on"):
                yield f"<{tag} {name}> needs eval"
            if name.startswith("hx-trigger") and "[" in (value or ""):
                yield f"<{tag} {name}>: a filter needs eval"
            if name.startswith("hx-") and re.match(r"\s*(js|javascript):", value or ""):
                yield f"<{tag} {name}>: js: needs eval"
            if name in ("href", "src", "action") and re.match(r"\s*(javascript:|data:|https?:|//)", value or ""):
                yield f"<{tag} {name}>: nothing from elsewhere"
        given = dict(attributes)
        if tag == "script" and given.get("type") != "application/json" and not given.get("src"):
            yield "an inline script"
    if re.search(r"\|\s*safe\b|\bautoescape\s+false|\bMarkup\(", text):
        yield "a text that is not escaped"


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_template_needs_no_exception_of_the_content_policy(path: Path) -> None:
    assert path.suffix == ".html"
    assert list(faults_of(SOURCES[path])) == []


@pytest.mark.parametrize(
    "template",
    [
        '<p style="color: red">',
        '<p {% if x %}style="a: b"{% endif %}>',
        '<button onclick="f()">',
        '<button hx-on:click="f()">',
        '<div hx-trigger="click[ctrlKey]">',
        '<div hx-vals="js:{a: b()}">',
        "<script>f()</script>",
        '<a href="javascript:f()">',
        '<script src="https://cdn.example/x.js">',
        "{{ name | safe }}",
    ],
)
def test_what_is_not_allowed_is_seen(template: str) -> None:
    assert list(faults_of(template))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_component_is_one_macro_with_its_style(name: str) -> None:
    text = PARTS[name]
    assert re.findall(r"^\{%-? macro (\w+)", text, flags=re.MULTILINE)[-1] == name
    assert len(re.findall(r"^<style>$", text, flags=re.MULTILINE)) == 1
    assert text.rstrip().endswith("</style>")
    assert text.startswith("{#-"), "says in a comment what it is"


def test_a_component_is_never_sent_with_its_style() -> None:
    for path, text in SOURCES.items():
        if path not in COMPONENTS:
            assert "<style" not in text, path
        assert not re.search(r"\{%-?\s*include", text), f"{path}: import a component, its style would be included"


@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_component_is_in_the_gallery(name: str) -> None:
    assert f'components/{name}.html" import {name} ' in GALLERY
    assert f"{name}(" in GALLERY or f"{name}(" in LAYOUT, "the layout is around the gallery too"


def test_every_icon_is_used_and_shown() -> None:
    icons = set(re.findall(r'^  "(\w+)": "M', PARTS["icon"], flags=re.MULTILINE))
    everywhere = "\n".join(text for path, text in SOURCES.items() if path.stem != "icon")
    used = set(re.findall(r'icon\("(\w+)"\)', everywhere)) | set(re.findall(r'"\w+": "(\w+)"', PARTS["notice"]))
    assert used <= icons
    assert icons - used == set()
    (shown,) = re.findall(r"^ICONS = \(([^)]*)\)", SAMPLES, flags=re.MULTILINE)
    assert set(re.findall(r'"(\w+)"', shown)) == icons
