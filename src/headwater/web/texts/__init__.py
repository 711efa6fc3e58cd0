"""The texts of the interface: one file a language, the keys by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

Say = Callable[..., str]
"""Key and values in, sentence out."""


@cache
def texts(language: str = "en") -> Mapping[str, str]:
    """Every text of a language by its dotted key (`layout.skip`)."""
    import yaml

    tree = yaml.safe_load((files(__package__) / f"{language}.yml").read_text(encoding="utf-8"))
    return {f"{page}.{key}": str(text) for page, entries in tree.items() for key, text in entries.items()}


def speaker(language: str = "en") -> Say:
    """The function that says a text in a language. An unknown key or a value left out raises KeyError: a page must not
    go out with a hole.

    >>> speaker()("layout.skip")
    'Skip to the content'
    """
    known = texts(language)

    def say(key: str, **values: object) -> str:
        return known[key].format_map(values)

    return say
