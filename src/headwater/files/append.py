"""One more item in a list of a definition file, every other byte as it stands: comments, order, spelling."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Item = Mapping[str, str | Sequence[str]]
"""The keys of one item in their order: texts, or lists of texts."""


def appended(text: str, key: str, item: Item) -> str | None:
    """The text of a YAML file with one more item at the end of the list `key`, which is begun where there is none; None
    where that cannot be done without touching the rest (a list in brackets, a file that is not a block of keys).

    >>> before = "charts:  # ours\\n- kpis: [a, b]\\n# end\\n"
    >>> print(appended(before, "charts", {"kpis": ["c", "d"]}), end="")
    charts:  # ours
    - kpis: [a, b]
    - kpis: [c, d]
    # end
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.MappingNode) or root.flow_style or root.start_mark.column:
            return None
        found = next((value for name, value in root.value if name.value == key), None)
        made = _begun(text, key, item) if found is None else _continued(text, found, item)
        return made if made is not None and _says(made, text, key, item) else None
    except yaml.YAMLError:
        return None


def item_text(item: Item, indent: int) -> str:
    """An item of a list as lines of a file."""
    lead, rest = " " * indent + "- ", " " * (indent + 2)
    lines = [f"{name}: {_written(value)}\n" for name, value in item.items()]
    return lead + rest.join(lines)


def quoted(text: str) -> str:
    """A text as a file may hold it, whatever is in it."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_WORD = re.compile(r"(?!(null|true|false|yes|no|on|off|y|n)$)[a-z][a-z0-9_.]*")


def _written(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else quoted(value)
    return f"[{', '.join(map(_written, value))}]"


def _begun(text: str, key: str, item: Item) -> str:
    gap = "" if text.endswith("\n") else "\n"
    return f"{text}{gap}{key}:\n{item_text(item, 2)}"


def _continued(text: str, found: yaml.Node, item: Item) -> str | None:
    if not isinstance(found, yaml.SequenceNode) or found.flow_style or not found.value:
        return None
    last: yaml.Node = found.value[-1]
    while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
        deeper = last.value[-1]
        last = deeper[1] if isinstance(deeper, tuple) else deeper
    place = last.end_mark.index
    if last.end_mark.column:  # a block of text ends where the next line begins, everything else within its line
        end = text.find("\n", place)
        place = len(text) if end < 0 else end + 1
    gap = "" if text[:place].endswith("\n") else "\n"
    return f"{text[:place]}{gap}{item_text(item, found.start_mark.column)}{text[place:]}"


def _says(made: str, text: str, key: str, item: Item) -> bool:
    """Whether a text says what the one before said, and the item besides."""
    before, after = _read(text), _read(made)
    wanted = {name: value if isinstance(value, str) else list(value) for name, value in item.items()}
    return bool(after == {**before, key: [*before.get(key, []), wanted]})


def _read(text: str) -> dict[str, Any]:
    """The content with every plain value as its text."""
    loader = yaml.BaseLoader(text)
    try:
        content: dict[str, Any] = loader.get_single_data()
        return content
    finally:
        loader.dispose()
