"""The text of a source file and of a table file that were proposed: YAML as a person would write it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][\w .()/&'+-]*[\w)]|[A-Za-z_]")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"))
_MARK = "# Proposed by 'headwater inspect'; while it is as proposed, answers may replace it. "


def scalar(value: Any, *, inside: bool = False) -> str:
    """A value as YAML; `inside` of brackets more texts need quotation marks.

    >>> scalar("Lead ID"), scalar("no"), scalar("%d.%m.%Y"), scalar(3), scalar("a: b")
    ('Lead ID', '"no"', '"%d.%m.%Y"', '3', '"a: b"')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None:
        return "null"
    text = str(value)
    is_plain = _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and text.isprintable() and text.isascii()
    if is_plain and not (inside and set(text) & set("[]{},#")):
        return text
    return (
        json.dumps(text, ensure_ascii=False)
        .replace("\x7f", "\\x7f")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def flow(value: Any) -> str:
    """A value on one line: mappings in braces, lists in brackets."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{scalar(k, inside=True)}: {flow(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(v) for v in value) + "]"
        case _:
            return scalar(value, inside=True)


def source_text(content: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """The text of a source file; columns stand under each other, everything else on one line."""
    lines = [*(f"# {c}" for c in comments)]
    for key, value in content.items():
        if key == "tables" and value:
            lines.append("tables:")
            for table, said in value.items():
                lines.append(f"  {scalar(table)}:")
                for name, part in said.items():
                    if name == "columns":
                        lines.append("    columns:")
                        lines += [f"      {scalar(target)}: {flow(column)}" for target, column in part.items()]
                    else:
                        lines.append(f"    {scalar(name)}: {flow(part)}")
        elif key == "doubts":
            lines.append("doubts:   # answer these with 'headwater inspect ... --answer ID=VALUE --write'")
            lines += [f"  - {flow(doubt)}" for doubt in value]
        else:
            lines.append(f"{scalar(key)}: {flow(value)}")
    return marked("\n".join(lines) + "\n")


def table_text(content: Mapping[str, Any]) -> str:
    """The text of a table file."""
    lines = []
    for key, value in content.items():
        if key in ("columns", "splits"):
            lines.append(f"{key}:")
            lines += [f"  {scalar(name)}: {flow(part)}" for name, part in value.items()]
        else:
            lines.append(f"{scalar(key)}: {flow(value)}")
    return "\n".join(lines) + "\n"


def marked(text: str) -> str:
    """The text with a line that tells whether it was changed since."""
    return f"{text}{_MARK}{_digest(text)}\n"


def is_as_proposed(text: str) -> bool:
    """Whether a text is one of ours that nobody changed."""
    body, mark, digest = text.rpartition(_MARK)
    return bool(mark) and digest.strip() == _digest(body)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def answers_text(answers: Mapping[str, Sequence[str]]) -> str:
    """Answers as lines of an answers file."""
    return "".join(f"{_key(k)}: {scalar(v[0]) if len(v) == 1 else flow(list(v))}\n" for k, v in answers.items())


def _key(id: str) -> str:
    return id if re.fullmatch(r"[a-z_][a-z0-9_.]*", id) else json.dumps(id, ensure_ascii=False)
