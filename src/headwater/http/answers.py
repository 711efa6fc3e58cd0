"""Answers as responses: the form asked for, a name for what is a file, and a tag that saves a second sending."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response

JSON = "application/json"
MEDIA = {
    "json": JSON,
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
_SAME_BYTES = ("json", "csv")
"""Forms that are spelled the same every time; of the others two may differ in bytes and say the same: a weak tag."""

_KEPT = {"cache-control": "private, no-cache"}
"""A browser may keep an answer, and asks each time whether it still holds."""


class Printable(Protocol):
    """An answer that can be given in every form."""

    def to_json(self) -> str:
        """For programs."""

    def to_csv(self) -> str:
        """For spreadsheets and programs."""

    def to_parquet(self) -> bytes:
        """For programs."""

    def to_xlsx(self) -> bytes:
        """For spreadsheets."""


@dataclass(frozen=True, slots=True)
class Tag:
    """What an answer is known by; `weak`: equal in what it says, not in its bytes."""

    text: str
    weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.weak else ""}"{self.text}"'

    def is_in(self, header: str) -> bool:
        """Whether an If-None-Match header names it (the weak comparison of RFC 9110)."""
        return header.strip() == "*" or f'"{self.text}"' in re.findall(r'"[^"]*"', header)


def tag_of(path: str, asked: str, version: str, form: str = "json") -> Tag:
    """The tag of an answer: the hash of all it depends on, so it is known before the answer is made."""
    text = hashlib.sha256("\n".join((path, asked, version, form)).encode("utf-8", "replace")).hexdigest()[:32]
    return Tag(text, weak=form not in _SAME_BYTES)


def respond(
    request: Request, tag: Tag | None, form: str, content: Callable[[], bytes], headers: Mapping[str, str] | None = None
) -> Response:
    """The answer, or 304 without making it where the asker has it already."""
    own = {"cache-control": "no-store"} if tag is None else {"etag": str(tag), **_KEPT}
    if tag is not None and tag.is_in(request.headers.get("if-none-match", "")):
        return Response(None, 304, own)
    body = content()
    return Response(body, 200, own | dict(headers or {}) | {"content-type": MEDIA[form]})


def in_form(answer: Printable, form: str) -> bytes:
    """The answer in a form; the JSON is that of the command line."""
    match form:
        case "csv":
            return answer.to_csv().encode("utf-8", "replace")
        case "xlsx":
            return answer.to_xlsx()
        case "parquet":
            return answer.to_parquet()
        case _:
            return answer.to_json().encode("utf-8", "replace")


def as_file(form: str, *parts: str) -> dict[str, str]:
    """The header that names a download, from letters, digits, dots, dashes and underscores alone; none for JSON."""
    if form == "json":
        return {}
    words = [re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-.") for part in parts]
    name = "-".join(word for word in words if word)[:120].strip("-.")
    return {"content-disposition": f'attachment; filename="{name}.{form}"'}
