"""A page as a test reads it: a small tree of its HTML, with the text of a part by its id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Part:
    """An element: its name, attributes, and what is in it."""

    tag: str
    attributes: dict[str, str]
    inside: list[Part | str] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        yield self
        for one in self.inside:
            if isinstance(one, Part):
                yield from one.parts()

    def find(self, tag: str = "", **attributes: str) -> list[Part]:
        """Every part of that name with these attributes (`class_` holds the word among others)."""
        return [p for p in self.parts() if (not tag or p.tag == tag) and all(_has(p, *a) for a in attributes.items())]

    def at(self, id_: str) -> Part:
        found = [p for p in self.parts() if p.attributes.get("id") == id_]
        assert len(found) == 1, f"{len(found)} parts have the id {id_!r}"
        return found[0]

    @property
    def text(self) -> str:
        """Its text as it is read: spaces as one, none that do not break."""
        told = " ".join(one if isinstance(one, str) else one.text for one in self.inside)
        return re.sub(r"\s+", " ", told.replace("\u00a0", " ")).strip()

    @property
    def links(self) -> dict[str, str]:
        return {p.text: p.attributes["href"] for p in self.find("a") if "href" in p.attributes}

    def facts(self) -> dict[str, str]:
        """The terms of its lists with what they say."""
        terms = [p.text for p in self.find("dt")]
        return dict(zip(terms, [p.text for p in self.find("dd")], strict=True))

    def rows(self) -> list[list[str]]:
        """The cells of its tables' bodies."""
        bodies = [row for body in self.find("tbody") for row in body.find("tr")]
        return [[c.text for c in row.inside if isinstance(c, Part)] for row in bodies]


def _has(part: Part, name: str, value: str) -> bool:
    if name == "class_":
        return value in part.attributes.get("class", "").split()
    return part.attributes.get(name.replace("_", "-")) == value


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Part("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        part = Part(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(part)
        if tag not in VOID:
            self.open.append(part)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Part(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"<{self.open[-1].tag}> is closed by </{tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read(html: str) -> Part:
    """The tree of a page. Fails where a tag is not closed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.open[0]
