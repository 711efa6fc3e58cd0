"""A preset: what one vendor's files are called, say and mean, as one file of `catalogue/presets/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DOWNLOAD, TABLE = "download", "table"
KINDS = (DOWNLOAD, TABLE)
"""How a file came about: a person downloaded it from the vendor's pages, or a program copied the vendor's API."""

EITHER = " | "
"""Stands between headers of which the first that a file has is meant: `Campaign ID | Campaign`."""

CURRENCY_PLACE = "{currency}"
"""Stands in a header for the code of a currency: `Amount spent ({currency})` is found as `Amount spent (EUR)`."""

VENDOR = "en"
"""The language the vendor's own words are in; other wordings of that language stand under it in `words`."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a shape is documented: the address of a public page, and what it says of the file."""

    url: str
    says: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What only the user can know of a shape: the target column concerned, and the question."""

    column: str
    what: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One file of a vendor, as it is delivered.

    `headers` are the headers, in the vendor's own words, without which a file is not of this shape; `tables` says what
    its columns mean, in the language of `tables:` in a source file and in the vendor's words; `source` what a source
    file says above its tables. `words` holds, by language, other wordings of a header: pairs of the vendor's and the
    localised one (a header may have several). `ignores` are headers the vendor writes that no column of ours takes; one
    that ends in `*` stands for all that begin so. `file` is a pattern of file names, which only decides between shapes
    that fit equally well. Shapes of one `once` tell the same facts again, at another level or from another window: one
    of them is loaded, never two. `preset` is its preset; `asks` what is left for the user to say; `needs` the target
    columns, by table, without which no row of that table can be loaded. A shape without tables is recognised to say why
    nothing of it can be counted.
    """

    id: str
    preset: str
    title: str
    kind: str
    headers: tuple[str, ...]
    tables: Mapping[str, Any]
    file: str = ""
    words: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    source: tuple[tuple[str, Any], ...] = ()
    ignores: tuple[str, ...] = ()
    once: str = ""
    about: str = ""
    asks: tuple[Ask, ...] = ()
    needs: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Every header the shape knows by name, in the vendor's words: those it needs, those it maps, then the rest."""
        said = [*self.headers, *(h for t in self.tables.values() for h in headers_of(t)), *self.ignores]
        return tuple(dict.fromkeys(h for either in said for h in either.split(EITHER) if not h.endswith("*")))

    def texts(self, header: str, language: str) -> tuple[str, ...]:
        """What a header may be called in a language; the vendor's own word where it is not translated."""
        other = tuple(text for name, pairs in self.words if name == language for h, text in pairs if h == header)
        return (header, *other) if language == VENDOR else other or (header,)

    def wordings(self, language: str) -> dict[str, tuple[str, ...]]:
        """The same of every known header."""
        return {h: self.texts(h, language) for h in self.known}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is known in, the vendor's first."""
        return tuple(dict.fromkeys((VENDOR, *(language for language, _ in self.words))))


@dataclass(frozen=True, slots=True)
class Preset:
    """One vendor: its shapes by id, and where they are documented. `system` names its space of ids."""

    id: str
    title: str
    about: str
    references: tuple[Reference, ...]
    shapes: Mapping[str, Shape]
    system: str = ""


def headers_of(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The headers a mapping of one table names, in its order; alternatives as they are written."""
    found: list[str] = []
    for column in table.get("columns", {}).values():
        if isinstance(column, str):
            found.append(column)
        else:
            found += [column["column"]] if column.get("column") else []
            found += column.get("columns", ())
            found += [column["negate"]["column"]] if "negate" in column else []
    for key in ("deleted", "where", "merged_from"):
        said = table.get(key)
        found += [said] if isinstance(said, str) and said else [said["column"]] if said else []
    found += [table[key] for key in ("merged_into", "updated_at", "until") if table.get(key)]
    if (currency := table.get("currency")) and not _is_code(currency):
        found.append(currency)
    return tuple(dict.fromkeys(found))


def _is_code(text: str) -> bool:
    """Whether a table's `currency` is a code, not a header."""
    return len(text) == 3 and text.isascii() and text.isupper()
