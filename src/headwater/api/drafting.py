"""A source in the making: what is known of its files, what is asked about them, and what the answers make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.api.fitting import Known
from headwater.api.grouping import Group, slug
from headwater.api.questions import Book
from headwater.connectors.presets import Match
from headwater.model.look import Choice, Doubt, LookedColumn
from headwater.model.settings import Settings
from headwater.model.table import Column, Table
from headwater.model.types import Kind, parse_type

UPDATED, DELETED, MERGED = "updated_at", "deleted", "merged_into"
ASIDE, KEEP, EMPTY, ALL, NONE, ASK = "aside", "keep", "empty", "all", "none", "ask"
YES, NO = ("true", "t", "yes", "y", "1", "1.0", "on"), ("false", "f", "no", "n", "0", "0.0", "off")


@dataclass(frozen=True, slots=True)
class Ground:
    """What proposals rest on: the tables, the texts that definitions know, the shapes that groups (by id) are, and the
    company's settings."""

    tables: Mapping[str, Table]
    known: Known
    matches: Mapping[str, Match]
    settings: Settings


@dataclass(slots=True)
class Draft:
    """A source in the making. `tables` is its `tables:`; `own` are files of own tables by path; `asked_for` are the
    headers of keys whose repetitions have to be counted before it is done."""

    group: Group
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    open: list[Doubt] = field(default_factory=list)
    answered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    extends: dict[str, dict[str, Any]] = field(default_factory=dict)
    given: set[tuple[str, str]] = field(default_factory=set)
    preset: str = ""
    left: bool = False
    recognised: bool = True
    asked_for: tuple[tuple[str, ...], ...] = ()


class Drafting:
    """The draft of one group with the ground it rests on and the book that is asked. `tables` are those it feeds, as
    far as they are the catalogue's; `currency_asked` is how a preset asks for the currency."""

    def __init__(self, ground: Ground, book: Book, group: Group) -> None:
        self.ground, self.book, self.look = ground, book, group.look
        self.draft = Draft(group)
        self.tables: dict[str, Table] = {}
        self.currency_asked = ""

    def ask(
        self,
        name: str,
        what: str,
        answers: Iterable[tuple[str, str]],
        *,
        column: str = "",
        do: str = "",
        several: bool = False,
        text: str = "",
        example: str = "",
    ) -> tuple[str, ...]:
        """The answer to a doubt about this source; without one the doubt stays open."""
        group = self.draft.group
        doubt = Doubt(
            f"{group.id}.{name}",
            group.id,
            group.path,
            column,
            what,
            tuple(Choice(v, about) for v, about in answers),
            do,
            several,
            text,
            example,
        )
        found = self.book.ask(doubt)
        if found:
            self.draft.answered[doubt.id] = found
        else:
            self.draft.open.append(doubt)
        return found

    def is_answered(self, name: str) -> bool:
        """Whether an answer names this very doubt of the source."""
        return self.book.has(f"{self.draft.group.id}.{name}")

    def answers_to(self, start: str) -> bool:
        """Whether answers name doubts of the source that begin so."""
        return self.book.has_of(f"{self.draft.group.id}.{start}")

    def seen(self, header: str) -> LookedColumn:
        """What the files show under a header."""
        return self.look.column(header) or LookedColumn(header)

    def table(self, name: str) -> Table:
        """A table it feeds; one of its own as its proposal says, as far as proposing needs it."""
        return self.tables.get(name) or _own(name, self.draft.own.get(name, {}))


def _own(name: str, content: Mapping[str, Any]) -> Table:
    columns = tuple(
        Column(c, parse_type(spec["type"]), spec.get("about", ""), currency=spec.get("currency", ""))
        for c, spec in content.get("columns", {}).items()
    )
    return Table(name, content.get("title", name), "", "", tuple(content.get("key", ())), columns)


def place_of(header: str, target: str) -> str:
    """How doubts about a header and its target are called."""
    return slug(header) if slug(header) == target else f"{slug(header)}.{target}"


def is_filled(column: Column, table: Table) -> bool:
    """Whether a column is the currency of another one, which is filled with its amounts."""
    return any(c.type.kind is Kind.MONEY and c.currency == column.id for c in table.columns)


def shown(seen: LookedColumn) -> str:
    """The first texts of a column, for a question."""
    texts = ", ".join(s if len(s) <= 28 else s[:25] + "..." for s in seen.samples[:3])
    return texts or "nothing"
