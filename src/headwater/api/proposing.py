"""A source proposed for files: what is certain is written, and what is not is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.api.fitting import MONEY, Known, closeness, fits, is_named, likeness, ranked_tables, suited
from headwater.api.grouping import Group, family, slug
from headwater.api.questions import CODE, FORMAT, TEXT, ZONE, Book
from headwater.api.source_text import source_text, table_text
from headwater.connectors.currencies import CODES
from headwater.connectors.presets import Match, recognise
from headwater.model.look import CONSTANT, LEAVE, OWN, Choice, Doubt, LookedColumn, Proposal
from headwater.model.preset import Preset
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.model.table import Column, Table
from headwater.model.types import Kind

UPDATED, DELETED, MERGED = "updated_at", "deleted", "merged_into"
ASIDE, KEEP, EMPTY, ALL, NONE, ASK = "aside", "keep", "empty", "all", "none", "ask"
MANY = 40
"""From so many unknown headers on, one question asks whether to leave them all."""

_FACTORS = (
    (re.compile(r"micros?\b|millionths?", re.IGNORECASE), "0.000001", "millionths"),
    (re.compile(r"\bcents?\b|\bminor\b|_minor\b|\bpence\b", re.IGNORECASE), "0.01", "hundredths"),
    (re.compile(r"%|\bpercent|\bprozent|\bpct\b", re.IGNORECASE), "0.01", "percent"),
    (re.compile(r"\bk€|\bteur\b|\btsd\b|\bthousands?\b|\(k\)", re.IGNORECASE), "1000", "thousands"),
)
_ZONES = {
    "ET": "America/New_York", "EST": "America/New_York", "EDT": "America/New_York", "CT": "America/Chicago",
    "PT": "America/Los_Angeles", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "UTC": "UTC",
    "GMT": "Europe/London", "BST": "Europe/London", "CET": "Europe/Berlin", "CEST": "Europe/Berlin",
    "IST": "Asia/Kolkata", "JST": "Asia/Tokyo",
}  # fmt: skip
_DATES = (Kind.DAY, Kind.TIME)
_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)


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


class Proposer:
    """Makes the draft of one group, asking the book."""

    def __init__(self, ground: Ground, book: Book, group: Group, rival: Doubt | None = None) -> None:
        self._ground, self._book, self._rival = ground, book, rival
        self._look = group.look
        self.draft = Draft(group)
        self._tables: dict[str, Table] = {}
        self._currency_asked = ""

    def run(self) -> Draft:
        """The draft, as far as the answers go."""
        draft = self.draft
        self._written()
        if not self._copies_left() and not self._told_by_another():
            match = self._recognised()
            if match is not None:
                self._by_preset(match)
            elif self._choose_tables():
                self._by_names()
            if not draft.left and draft.tables:
                self._required()
                self._values()
                self._currencies()
                if not draft.open:
                    self._keys()
        return draft

    # --- asking ------------------------------------------------------------------------------------------------------
    def _ask(
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
        found = self._book.ask(doubt)
        if found:
            self.draft.answered[doubt.id] = found
        else:
            self.draft.open.append(doubt)
        return found

    def _seen(self, header: str) -> LookedColumn:
        return self._look.column(header) or LookedColumn(header)

    # --- how the file is written -------------------------------------------------------------------------------------
    def _written(self) -> None:
        """The keys of a source that say how its files are written, where they do not say it themselves."""
        look, says = self._look, self.draft.says
        if look.encodings:
            answers = [(name, f"reads: {sample}") for name, sample in look.encodings]
            if found := self._ask("encoding", "the letters beyond ASCII can be read in several ways", answers):
                says["encoding"] = found[0]
        if (
            look.format in ("csv", "tsv")
            and look.separator
            and look.separator != ("\t" if look.format == "tsv" else ",")
        ):
            says["separator"] = "tab" if look.separator == "\t" else look.separator
        if look.sheet:
            says["sheet"] = look.sheet
        if self.draft.group.inside:
            says["inside"] = self.draft.group.inside
        if look.skip_rows:
            says["skip_rows"] = look.skip_rows
        if look.header_row > 1:
            says["header_row"] = look.header_row
        if look.totals:
            says["totals"] = list(look.totals)

    def _copies_left(self) -> bool:
        """Whether the user says that the rows of this source are told by another one, and leaves it out."""
        copies = self.draft.group.copies
        if not copies:
            return False
        answers = [
            (LEAVE, "the same rows again: this file is left out"),
            ("load", "rows of their own: both are loaded"),
        ]
        what = f"it looks like a copy of {copies}: its rows would count twice"
        found = self._ask("copy", what, answers)
        self.draft.left = found == (LEAVE,)
        return found != ("load",)

    def _told_by_another(self) -> bool:
        """Whether other files tell the same facts again, and these are not the ones that were chosen."""
        if self._rival is None:
            return False
        found = self._book.ask(self._rival)
        if not found:
            self.draft.open.append(self._rival)
            return True
        self.draft.answered[self._rival.id] = found
        self.draft.left = self.draft.group.id not in found
        return self.draft.left

    # --- recognised by a preset --------------------------------------------------------------------------------------
    def _recognised(self) -> Match | None:
        return None if self._is_answered("table") else self._ground.matches.get(self.draft.group.id)

    def _by_preset(self, match: Match) -> None:
        draft = self.draft
        draft.preset = f"{match.preset.id}: {match.shape.title}"
        if not match.shape.tables:
            draft.left = True
            draft.notes.append(f"recognised ({draft.preset}), but no table of ours takes what it tells")
            return
        tables = match.tables()
        self._tables = {t: self._ground.tables[t] for t in tables if t in self._ground.tables}
        if match.preset.system:
            draft.says["system"] = match.preset.system
        for key, value in match.source().items():
            if key not in ("format", "skip_rows", "header_row", "totals", "separator", "encoding", "sheet"):
                draft.says[key] = value
        if totals := match.source().get("totals"):
            draft.says["totals"] = list(dict.fromkeys([*draft.says.get("totals", ()), *_listed(totals)]))
        for name, said in tables.items():
            columns = {c: dict(v) if isinstance(v, Mapping) else {"column": v} for c, v in said["columns"].items()}
            draft.tables[name] = {**{k: v for k, v in said.items() if k != "columns"}, "columns": columns}
        for name, said in draft.tables.items():
            self._rows_of(name, said)
        for ask in match.shape.asks:
            self._preset_asks(ask.column, ask.what)
        self._unknown(match.unknown, together=True)

    def _rows_of(self, name: str, said: dict[str, Any]) -> None:
        """Asks which texts mark the rows of a table, where the file has none of those that the shape lists."""
        where = said.get("where") or {}
        seen = self._seen(where["column"]).values if where.get("values") else ()
        if not seen or any(text in where["values"] for text, _ in seen):
            return
        listed = " or ".join(repr(v) for v in where["values"][:3])
        what = f"no row has {listed} in {where['column']!r}: which texts there mark the rows of {name!r}?"
        answers = [
            *((text, f"in {count:,} rows") for text, count in seen),
            (LEAVE, "none of them: the file is left out"),
        ]
        found = self._ask(f"{name}.where", what, answers, several=True)
        if found == (LEAVE,):
            self.draft.left = True
        elif found:
            said["where"] = {**where, "values": list(found)}

    def _preset_asks(self, target: str, what: str) -> None:
        """What a shape says only the user can know."""
        for name, table in self._tables.items():
            column = table.column(target)
            if column is None or target in self.draft.tables[name]["columns"]:
                continue
            if _is_filled(column, table):
                self._currency_asked = what
                continue
            self._fill(name, table, column, what)

    # --- by the names of columns -------------------------------------------------------------------------------------
    def _choose_tables(self) -> bool:
        """Which tables the files feed; false while that is not known, or when they feed none."""
        draft = self.draft
        ranked = ranked_tables(self._look, _own_name(draft.group), self._ground.tables.values())
        certain = [t for t, _, sure in ranked if sure]
        if certain and not self._is_answered("table"):
            chosen: tuple[str, ...] = (certain[0].id,)
        else:
            about = [(t.id, _table_about(t)) for t, _, _ in ranked]
            own = f"a table of its own, called {slug(draft.group.id)}"
            answers = [*about[:6], (OWN, own), (LEAVE, "the file is left out"), *about[6:]]
            draft.recognised = bool(ranked and ranked[0][1] >= 3)
            some = ", ".join(h for h in self._look.header[:8] if h) + (", ..." if len(self._look.header) > 8 else "")
            what = f"which table do its rows belong to? The columns are {some}"
            chosen = self._ask("table", what, answers, several=True)
        draft.recognised = draft.recognised or bool(chosen)
        if not chosen:
            return False
        if LEAVE in chosen:
            draft.left = True
            return False
        if OWN in chosen:
            self._own_table()
        for name in chosen:
            if name not in (OWN, LEAVE):
                self._tables[name] = self._ground.tables[name]
                draft.tables[name] = {"columns": {}}
        return bool(self._tables)

    def _is_answered(self, name: str) -> bool:
        return self._book.has(f"{self.draft.group.id}.{name}")

    def _by_names(self) -> None:
        """Headers that are a canonical column's very name are mapped; the others are asked about."""
        unknown = []
        for header in dict.fromkeys(h for h in self._look.header if h):
            taken = False
            for name, table in self._tables.items():
                column = next((c for c in table.columns if is_named(header, c)), None)
                if column is not None and fits(column, self._seen(header)):
                    self.draft.tables[name]["columns"].setdefault(column.id, {"column": header})
                    taken = True
                elif slug(header) == UPDATED and Kind.TIME.value in self._seen(header).kinds:
                    self.draft.tables[name][UPDATED] = header
                    taken = True
            if not taken or self._is_answered(f"{slug(header)}.column"):
                unknown.append(header)
        self._unknown(unknown, together=False)

    def _unknown(self, headers: Sequence[str], *, together: bool) -> None:
        """Asks about headers that nothing knows; about many at once whether to leave them all."""
        asked = [h for h in headers if h]
        if asked and (together or len(asked) > MANY) and not any(self._is_answered(f"{slug(h)}.column") for h in asked):
            some = ", ".join(asked[:6]) + (f" and {len(asked) - 6} more" if len(asked) > 6 else "")
            what = f"{len(asked)} columns are not known: {some}" if len(asked) > 1 else f"a column is not known: {some}"
            answers = [(LEAVE, "they are left out"), (ASK, "ask about each of them")]
            if self._ask("columns", what, answers) != (ASK,):
                return
        for header in asked:
            self._column(header)

    def _column(self, header: str) -> None:
        """Asks what an unknown header is."""
        seen = self._seen(header)
        if not seen.filled and not self._is_answered(f"{slug(header)}.column"):
            self.draft.notes.append(f"{header!r} is empty and left out")
            return
        several = len(self._tables) > 1
        answers: list[tuple[float, str, str]] = []
        for name, table in self._tables.items():
            for column in suited(header, seen, table):
                full = f"{name}.{column.id}" if several else column.id
                answers.append((-closeness(header, seen, column, table), full, column.about))
            answers += [
                (-0.9 if _ROLES[r].search(slug(header)) else 0.0, f"{name}.{r}" if several else r, about)
                for r, about in _roles(seen)
            ]
        ranked = [(v, about) for _, v, about in sorted(answers, key=lambda a: a[0])]
        ranked += [(LEAVE, "it is left out"), (OWN, f"a column of our own, called {slug(header)}")]
        chosen = self._ask(
            f"{slug(header)}.column",
            f"what is {header!r}?",
            ranked,
            column=header,
            several=True,
            example=f"It says {_shown(seen)}",
        )
        for answer in chosen:
            self._take(header, answer)

    def _take(self, header: str, answer: str) -> None:
        """Maps a header as it was answered."""
        if answer == LEAVE:
            return
        if answer == OWN:
            self._own_column(header)
            return
        name, _, target = answer.rpartition(".")
        name = name or next(iter(self._tables))
        table, said = self._tables[name], self.draft.tables[name]
        if target in (UPDATED, DELETED, MERGED) and table.column(target) is None:
            said[target] = header if target != DELETED else self._flag(header)
            return
        said["columns"][target] = {"column": header}
        self.draft.given.add((name, target))

    def _flag(self, header: str) -> Any:
        """The mapping of a column that marks deleted rows."""
        texts = [v for v, _ in self._seen(header).values]
        odd = [t for t in texts if t.casefold() not in ("true", "1", "yes", "t", "y", "false", "0", "no", "f", "n", "")]
        if not odd:
            return header
        answers = [(t, "marks a deleted row") for t in texts]
        found = self._ask(f"{slug(header)}.deleted.yes", f"which text of {header!r} marks a deleted row?", answers,
                          column=header, several=True)  # fmt: skip
        return {"column": header, "values": list(found or texts[:1])}

    # --- what tables need --------------------------------------------------------------------------------------------
    def _required(self) -> None:
        """Asks for what a table needs and no header gives, once it is known what the headers are."""
        if any(d.id.endswith((".column", ".columns")) for d in self.draft.open):
            return
        for name, table in self._tables.items():
            said = self.draft.tables[name]
            key = tuple(said.get("key", ())) or table.key
            for column in table.columns:
                needed = (column.required or column.id in key) and not column.optional and column.derive is None
                if not needed or _is_filled(column, table):
                    continue
                header = said["columns"].get(column.id, {}).get("column", "")
                need = f"{table.title} need {column.id!r} ({column.about.rstrip('.')})"
                if column.id not in said["columns"]:
                    self._fill(name, table, column, f"{need}; what fills it?")
                elif header and self._look.rows and not self._seen(header).filled:
                    self._fill(name, table, column, f"{need}, and {header!r} is empty in every row; what fills it?")

    def _fill(self, name: str, table: Table, column: Column, what: str) -> None:
        """Asks from which header a column is filled, or with which text."""
        constants = [
            (f"{CONSTANT}{v}", "in every row") for v in column.values or self._ground.known.get((name, column.id), ())
        ]
        headers = [h for h in dict.fromkeys(self._look.header) if h and fits(column, self._seen(h))]
        if self._look.rows:
            headers = [h for h in headers if self._seen(h).filled]
        headers.sort(key=lambda h: -likeness(h, column))
        if _is_filled(column, table):  # a currency
            headers = [h for h in headers if self._seen(h).currencies]
            constants = [(f"{CONSTANT}{self._ground.settings.currency}", "the company's currency, in every row")]
        answers = [*constants, *((h, f"says {_shown(self._seen(h))}") for h in headers)]
        text = TEXT if column.type.kind in (Kind.TEXT, Kind.ID, Kind.DAY, Kind.TIME) and not column.values else ""
        found = self._ask(f"{name}.{column.id}.from", what, answers, text=text)
        if not found:
            return
        if found[0].startswith(CONSTANT) and found[0] not in headers:
            self.draft.tables[name]["columns"][column.id] = {"constant": found[0].removeprefix(CONSTANT)}
        else:
            self.draft.tables[name]["columns"][column.id] = {"column": found[0]}
            self.draft.given.add((name, column.id))

    # --- what values mean --------------------------------------------------------------------------------------------
    def _values(self) -> None:
        """Forms and meanings of the mapped columns' values."""
        orders: dict[str, str] = {}
        for name, said in self.draft.tables.items():
            table = self._tables.get(name)
            for target, mapping in said["columns"].items():
                column = table.column(target) if table is not None else self._own_as_column(name, target)
                header = mapping.get("column", "")
                if column is None or not header:
                    continue
                self._one_column(name, column, mapping, self._seen(header), orders)
            self._all_deleted(name, said)
            if isinstance(stamp := said.get(UPDATED), str):
                self._order(stamp, self._seen(stamp), orders)
        self._forms(orders)

    def _all_deleted(self, name: str, said: dict[str, Any]) -> None:
        """Asks whether a flag of deleted rows is meant so, where it would leave no row."""
        flag = said.get(DELETED)
        header = flag.get("column", "") if isinstance(flag, Mapping) else flag
        seen = self._seen(str(header or ""))
        texts = {str(v).casefold() for v in flag["values"]} if isinstance(flag, Mapping) else set(_YES)
        if not header or not seen.values or not all(v.casefold() in texts for v, _ in seen.values):
            return
        if seen.filled < self._look.looked or not self._look.rows:
            return
        what = f"every row is marked as deleted by {header!r}: are they?"
        answers = [(KEEP, "they are deleted, and none counts"), ("ignore", "the mark is not used: they count")]
        if self._ask(f"{name}.deleted", what, answers, column=str(header)) == ("ignore",):
            del said[DELETED]

    def _one_column(
        self, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn, orders: dict[str, str]
    ) -> None:
        kind = column.type.kind
        if kind in _DATES:
            if not mapping.get("date_format"):
                self._order(seen.name, seen, orders)
            if kind is Kind.TIME and seen.clock == "local" and not mapping.get("time_zone"):
                self._zone(mapping, seen)
        elif kind in _NUMBERS:
            self._number(name, column, mapping, seen)
        elif kind is Kind.BOOLEAN:
            self._boolean(name, column, mapping, seen)
        elif (name, column.id) in self._ground.known:
            self._texts(name, column, mapping, seen)
        elif kind is Kind.ID and seen.leading_zeros and "integer" not in seen.kinds:
            note = f"{seen.name!r} has leading zeros: kept as text, 007 is not 7"
            if note not in self.draft.notes:
                self.draft.notes.append(note)

    def _order(self, header: str, seen: LookedColumn, orders: dict[str, str]) -> None:
        """The way a column writes dates: found, or asked where two fit."""
        if header in orders or not seen.date_formats:
            return
        if len(seen.date_formats) == 1:
            orders[header] = seen.date_formats[0]
            return
        if (said := self.draft.says.get("date_format")) in seen.date_formats:
            orders[header] = str(said)
            return
        example = seen.samples[0] if seen.samples else ""
        answers = [(f, f"{example} is {_as_read(example, f)}") for f in seen.date_formats]
        what = f"the dates of {header!r} can be read in two orders"
        if found := self._ask(f"{slug(header)}.order", what, answers, column=header, text=FORMAT):
            orders[header] = found[0]

    def _forms(self, orders: Mapping[str, str]) -> None:
        """Date formats where they are said once: for the source where most columns share one, else for the column."""
        draft = self.draft
        counts: dict[str, int] = {}
        for form in orders.values():
            counts[form] = counts.get(form, 0) + 1
        common = str(draft.says.get("date_format") or max(counts, key=lambda f: counts[f], default=""))
        stamps = [
            orders[s] for said in draft.tables.values() if isinstance(s := said.get(UPDATED), str) and s in orders
        ]
        if stamps:
            common = stamps[0]
        if common:
            draft.says["date_format"] = common
        for said in draft.tables.values():
            for mapping in said["columns"].values():
                form = orders.get(mapping.get("column", ""), common)
                if form != common and not mapping.get("date_format"):
                    mapping["date_format"] = form

    def _zone(self, mapping: dict[str, Any], seen: LookedColumn) -> None:
        """Asks whose clocks a column shows where its header names a zone."""
        marks = [m for m in re.findall(r"\b[A-Z]{2,4}\b", seen.name) if m in _ZONES]
        if not marks or self.draft.says.get("time_zone"):
            return
        likely = list(dict.fromkeys([_ZONES[marks[0]], self._ground.settings.time_zone, "UTC"]))
        what = f"whose clocks does {seen.name!r} show?"
        found = self._ask(f"{slug(seen.name)}.zone", what, [(z, "") for z in likely], column=seen.name, text=ZONE)
        if found:
            mapping["time_zone"] = found[0]

    def _number(self, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
        if seen.accounting:
            self.draft.says["accounting_negatives"] = True
        said = mapping.get("decimal") or self.draft.says.get("decimal")
        if len(seen.decimals) == 1 and not said:
            mapping["decimal"] = seen.decimals[0]
        elif len(seen.decimals) > 1 and not said:
            example = next((s for s in seen.samples if re.search(r"[.,]", s)), seen.samples[0])
            answers = [(m, f"{example} is {_as_number(example, m)}") for m in seen.decimals]
            what = f"the numbers of {seen.name!r} can be read in two ways: which mark stands before decimals?"
            if found := self._ask(f"{slug(seen.name)}.decimal", what, answers, column=seen.name):
                mapping["decimal"] = found[0]
        if column.type.kind is Kind.INTEGER or mapping.get("factor"):
            return
        for pattern, factor, unit in _FACTORS:
            if pattern.search(seen.name.replace("_", " ")) or pattern.search(seen.name):
                example = seen.samples[0] if seen.samples else "1"
                answers = [
                    (factor, f"{unit}: {example} stands for {example} x {factor}"),
                    ("1", "the number as it stands"),
                ]
                what = f"is {seen.name!r} counted in {unit}?"
                key = self._place(seen.name, column.id)
                if (found := self._ask(f"{key}.factor", what, answers, column=seen.name)) and found[0] != "1":
                    mapping["factor"] = found[0]
                return

    def _place(self, header: str, target: str) -> str:
        """How doubts about a header and its target are called."""
        return slug(header) if slug(header) == target else f"{slug(header)}.{target}"

    def _boolean(self, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
        if mapping.get("true") or not seen.values:
            return
        texts = [v for v, _ in seen.values]
        plain = all(t.casefold() in (*_YES, *_NO) for t in texts)
        if plain and (name, column.id) not in self.draft.given:
            return
        answers = [
            (t, f"yes is {t!r}, no is {' or '.join(repr(o) for o in texts if o != t) or 'nothing else'}") for t in texts
        ]
        if len(texts) == 1:
            answers.append((NONE, f"{texts[0]!r} means no"))
        what = f"which text of {seen.name!r} means yes for {column.id!r} ({column.about.rstrip('.')})?"
        found = self._ask(f"{self._place(seen.name, column.id)}.yes", what, answers, column=seen.name)
        if found == (NONE,):
            mapping["false"] = texts
        elif found:
            mapping["true"] = list(found)
            if rest := [t for t in texts if t not in found]:
                mapping["false"] = rest

    def _texts(self, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
        """The meaning of each text of a column whose texts definitions know."""
        known = self._ground.known[name, column.id]
        said = mapping.get("values", {})
        if not seen.values and seen.filled:
            self.draft.notes.append(f"{seen.name!r} holds too many texts to ask about each; they stay as they are")
            return
        by_name = {slug(k): k for k in known}
        values: dict[str, str | None] = {}
        where = self.draft.tables[name].get("where") or {}
        counted = where.get("values") if where.get("column") == seen.name else None
        for text, count in seen.values:
            if text in known or text in said or (counted is not None and text not in counted):
                continue
            if (same := by_name.get(slug(text))) is not None:
                values[text] = same
                continue
            free = [] if column.values else [(KEEP, "it stays as it is")]
            answers = [*((k, "") for k in known), *free, (EMPTY, "no value"), (ASIDE, "such rows are set aside")]
            what = f"what does {text!r} in {seen.name!r} mean for {column.id!r}? ({count:,} rows)"
            id = f"{self._place(seen.name, column.id)}.is.{slug(text, 'blank')}"
            found = self._ask(id, what, answers, column=seen.name)
            if not found or found[0] == KEEP:
                values[text] = text
            elif found[0] == ASIDE:
                mapping["unlisted"] = "quarantine"
            else:
                values[text] = None if found[0] == EMPTY else found[0]
        values = {k: v for k, v in values.items() if k != v or mapping.get("unlisted") == "quarantine"}
        if mapping.get("unlisted") == "quarantine":
            values = {**{t: t for t, _ in seen.values if t in known}, **values}
        if values:
            mapping["values"] = {**said, **values}

    def _currencies(self) -> None:
        """The currency of money in files without a column for it."""
        draft = self.draft
        if any(d.id.endswith((".column", ".columns")) for d in draft.open):
            return
        for name, said in draft.tables.items():
            table = self._tables.get(name) or self._own_as_table(name)
            money = [c for t in said["columns"] if (c := table.column(t)) is not None and c.type.kind is Kind.MONEY]
            if not money or said.get("currency") or draft.says.get("currency"):
                continue
            if any(c.currency in said["columns"] for c in money):
                continue
            headers = [said["columns"][c.id].get("column", "") for c in money]
            told = {code for h in headers for code in re.findall(r"\b[A-Z]{3}\b", h) if code in CODES}
            if len(told) == 1:
                said["currency"] = told.pop()
                continue
            company = self._ground.settings.currency
            columns = [
                (h, "says " + ", ".join(self._seen(h).currencies))
                for h in self._look.header
                if self._seen(h).currencies
            ]
            answers = [*columns, (company, "the company's currency")]
            what = f"in which currency are the amounts of {', '.join(repr(h) for h in headers if h) or name}?"
            if found := self._ask("currency", self._currency_asked or what, answers, text=CODE):
                said["currency"] = found[0]

    # --- keys --------------------------------------------------------------------------------------------------------
    def _keys(self) -> None:
        """Asks what rows with one key are, where different rows share it."""
        counted = dict(self._look.repeats)
        wanted: list[tuple[str, ...]] = []
        for name, said in self.draft.tables.items():
            table = self._tables.get(name) or self._own_as_table(name)
            key = tuple(said.get("key", ())) or table.key
            if said.get(UPDATED) or len(self.draft.tables) > 1:
                continue
            headers = tuple(dict.fromkeys(h for k in key if (h := said["columns"].get(k, {}).get("column", ""))))
            joined = any("columns" in said["columns"].get(k, {}) for k in key)
            if not headers or joined or any(self._seen(h).unique for h in headers):
                continue
            if headers not in counted:
                wanted.append(headers)
            elif counted[headers]:
                self._repeats(name, said, headers, counted[headers])
        self.draft.asked_for = tuple(wanted)

    def _repeats(self, name: str, said: dict[str, Any], headers: tuple[str, ...], rows: int) -> None:
        back = {m["column"]: t for t, m in said["columns"].items() if m.get("column")}
        others = [tuple(back[h] for h in k) for k in self._look.keys if all(h in back for h in k)]
        answers = [("+".join(k), "these columns tell rows apart: they are the key") for k in others]
        answers.append((ASIDE, "rows that differ and share a key are set aside, and told"))
        dates = [c.name for c in self._look.columns if {"day", "time"} & set(c.kinds)]
        answers += [(f"{UPDATED}:{d}", f"they are states of one thing: the latest by {d!r} counts") for d in dates]
        what = f"{rows:,} rows share their {' and '.join(repr(h) for h in headers)} with a row that differs"
        found = self._ask(f"{name}.key", what, answers)
        if found and found[0].startswith(f"{UPDATED}:"):
            said[UPDATED] = found[0].partition(":")[2]
        elif found and found[0] != ASIDE:
            said["key"] = found[0].split("+")

    # --- of the workspace's own --------------------------------------------------------------------------------------
    def _own_column(self, header: str) -> None:
        """A header as a column of our own of the table it feeds."""
        name, table = next(iter(self._tables.items()))
        seen, id = self._seen(header), slug(header)
        if table.column(id) is not None:
            id = f"own_{id}"
        spec = {"type": _own_type(seen), "about": f"{header!r} of {self.draft.group.id}."}
        self.draft.extends.setdefault(name, {})[id] = spec
        self.draft.tables[name]["columns"][id] = {"column": header}

    def _own_table(self) -> None:
        """The whole file as a table of our own."""
        draft, look = self.draft, self._look
        name = draft.group.id
        if name in self._ground.tables:
            name = f"own_{name}"
        headers = [h for h in dict.fromkeys(look.header) if h]
        ids: dict[str, str] = {}
        for header in headers:
            id, n = slug(header), 2
            while id in ids.values():
                id, n = f"{slug(header)}_{n}", n + 1
            ids[header] = id
        columns: dict[str, dict[str, Any]] = {
            ids[h]: {"type": _own_type(self._seen(h)), "about": f"{h!r} of the file."} for h in headers
        }
        amounts = [h for h in headers if _may_be_money(h, self._seen(h))]
        if amounts:
            answers = [*((h, f"says {_shown(self._seen(h))}") for h in amounts), (NONE, "none of them is money")]
            for h in self._ask("money", "which columns are amounts of money?", answers, several=True):
                if h != NONE:
                    columns[ids[h]] |= {"type": "money", "currency": "currency"}
            if any(c["type"] == "money" for c in columns.values()) and "currency" not in columns:
                columns["currency"] = {"type": "text", "about": "ISO 4217 code of the amounts."}
        key = self._own_key(headers, ids)
        for k in key:
            columns[k] = {**columns[k], "type": columns[k]["type"] if columns[k]["type"] != "number" else "id",
                          "required": True}  # fmt: skip
        dates = [h for h in headers if {"day", "time"} & set(self._seen(h).kinds[:2])]
        event = dates[0] if dates else ""
        if len(dates) > 1:
            answers = [*((h, f"says {_shown(self._seen(h))}") for h in dates), (NONE, "none: it is no table of events")]
            found = self._ask("event", "which date says when a row happened?", answers)
            event = found[0] if found else ""
        content: dict[str, Any] = {
            "title": _titled(draft.group.id),
            "about": f"Rows of {draft.group.path}.",
            "grain": f"one row per {' and '.join(key) or 'row'}",
            "subject": _subject(draft.group.id),
            "key": list(key),
            "partition": "bucket",
        }
        if event and event != NONE:
            content["event"] = ids[event]
        content["columns"] = columns
        splits = [
            ids[h] for h in headers if self._seen(h).values and columns[ids[h]]["type"] in ("text", "boolean", "id")
        ]
        splits = [s for s in splits if s not in key]
        if splits:
            content["splits"] = {"was": splits}
        draft.own[name] = content
        draft.tables[name] = {"columns": {ids[h]: {"column": h} for h in headers}}

    def _own_key(self, headers: Sequence[str], ids: Mapping[str, str]) -> tuple[str, ...]:
        """The key of an own table: the one set of columns that tells rows apart, or the one that was answered."""
        sound = [k for k in self._look.keys if all(h in ids for h in k)]
        named = [k for k in sound if len(k) == 1 and (slug(k[0]) == "id" or slug(k[0]).endswith("_id"))]
        if len(sound) == 1:
            return tuple(ids[h] for h in sound[0])
        if len(named) == 1:
            return (ids[named[0][0]],)
        answers = [("+".join(ids[h] for h in k), "no value came twice") for k in sound]
        answers.append((ALL, "all columns together: rows that are alike are one row"))
        found = self._ask("key", "which columns tell its rows apart?", answers)
        if not found:
            return ()
        return tuple(ids[h] for h in headers) if found[0] == ALL else tuple(found[0].split("+"))

    def _own_as_column(self, name: str, target: str) -> Column | None:
        return self._own_as_table(name).column(target)

    def _own_as_table(self, name: str) -> Table:
        """An own table's proposal as a table, as far as proposing needs it."""
        from headwater.model.types import parse_type

        content = self.draft.own.get(name, {})
        columns = tuple(
            Column(c, parse_type(spec["type"]), spec.get("about", ""), currency=spec.get("currency", ""))
            for c, spec in content.get("columns", {}).items()
        )
        return Table(name, content.get("title", name), "", "", tuple(content.get("key", ())), columns)


_YES, _NO = ("true", "t", "yes", "y", "1", "1.0", "on"), ("false", "f", "no", "n", "0", "0.0", "off")


# --- small words -----------------------------------------------------------------------------------------------------
def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _own_name(group: Group) -> str:
    return family(group.look.member.rpartition("/")[2] or group.files[0].name)


def _table_about(table: Table) -> str:
    first = table.about.split(". ")[0].rstrip(".") if table.about else table.grain
    return first[:90]


_ROLES = {
    UPDATED: re.compile(r"modif|updat|chang|geaendert"),
    DELETED: re.compile(r"delet|geloescht|archiv"),
    MERGED: re.compile(r"merge|master|survivor|duplicate_of"),
}
"""Words in headers by which a column is likely to be one of these."""


def _roles(seen: LookedColumn) -> Iterator[tuple[str, str]]:
    """What a column can be beside the columns of a table."""
    if "time" in seen.kinds or "day" in seen.kinds:
        yield UPDATED, "when the row was last changed: the latest state counts"
    if seen.values and len(seen.values) <= 4 and seen.kinds[:1] in (("boolean",), ("id",), ("text",)):
        yield DELETED, "marks rows that were deleted"
    if seen.kinds[:1] == ("id",):
        yield MERGED, "the id of the row it was merged into"


def _is_filled(column: Column, table: Table) -> bool:
    return any(c.type.kind is Kind.MONEY and c.currency == column.id for c in table.columns)


def _shown(seen: LookedColumn) -> str:
    texts = ", ".join(s if len(s) <= 28 else s[:25] + "..." for s in seen.samples[:3])
    return texts or "nothing"


def _own_type(seen: LookedColumn) -> str:
    """The type of a column of our own, by what its values show."""
    kinds = seen.kinds
    if seen.date_formats:
        return "time" if seen.clock != "no" else "day"
    if kinds[:1] == ("boolean",) and all(v.casefold() in (*_YES, *_NO) and v not in "01" for v, _ in seen.values):
        return "boolean"
    if "integer" in kinds:
        return "integer"
    if "number" in kinds:
        return "number"
    return "id" if kinds[:1] == ("id",) and not seen.values else "text"


def _may_be_money(header: str, seen: LookedColumn) -> bool:
    """Whether a column's numbers can be amounts: they have decimals, or the header says so."""
    return seen.kinds[:1] == ("number",) or ("number" in seen.kinds and MONEY.search(slug(header)) is not None)


def _titled(id: str) -> str:
    return id.replace("_", " ").capitalize()


def _subject(id: str) -> str:
    last = id.rpartition("_")[2] if not id.endswith(("_dataset", "_data")) else id.rsplit("_", 2)[-2]
    return last[:-1] if last.endswith("s") and len(last) > 3 else last


def _as_read(text: str, form: str) -> str:
    """A date as it reads under a format, in words that leave no doubt."""
    from headwater.connectors.forms import declared

    m = re.match(declared(form).pattern, text)
    if m is None:
        return "no date"
    parts = m.groupdict()
    months = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
              "November", "December")  # fmt: skip
    month = int(parts["m"]) if parts.get("m") else 0
    name = months[month - 1] if 1 <= month <= 12 else parts.get("b", "")
    return f"{int(parts['d'])} {name} {parts.get('Y') or parts.get('y')}"


def _as_number(text: str, mark: str) -> str:
    other = "." if mark == "," else ","
    return text.replace(other, "").replace(mark, ".")


# --- the end ---------------------------------------------------------------------------------------------------------
def finished(draft: Draft, state: str) -> Proposal:
    """The proposal of a draft, with its texts."""
    group = draft.group
    content: dict[str, Any] = {"path": group.path, "load": "incremental", **draft.says}
    content["load"] = draft.says.get("load", "incremental")
    if draft.open and state == "open":
        content["doubts"] = [{"id": d.id, "what": d.what} for d in draft.open]
    whole = state == "ready"  # what is not certain yet names no table and no column that is still to be made
    content["tables"] = {
        name: _plain(said, () if whole else draft.extends.get(name, ()))
        for name, said in draft.tables.items()
        if whole or (name not in draft.own and said["columns"].keys() - draft.extends.get(name, {}).keys())
    }
    comments = [f"{draft.preset}."] if draft.preset else []
    comments += [f"{n[0].upper()}{n[1:]}." for n in draft.notes]
    own = [file for name, c in draft.own.items() if whole for file in _own_files(name, c)]
    return Proposal(
        group.id,
        group.path,
        tuple(str(p) for p in group.files),
        state,
        rows=group.look.rows,
        exact=group.look.exact,
        text=source_text(content, comments) if state in ("ready", "open") else "",
        own=tuple(own),
        feeds=tuple((name, tuple(said["columns"])) for name, said in draft.tables.items()),
        from_preset=draft.preset,
        doubts=tuple(draft.open),
        answered=tuple(draft.answered.items()),
        notes=tuple(draft.notes),
    )


def _own_files(name: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files of an own table: the table, and where its rows have a date, a KPI that counts them and one for the sum
    of each amount, with their measures."""
    yield f"tables/{name}.yml", table_text(content)
    if "event" not in content:
        return
    counted = (f"{name}_rows", content["title"], content["subject"], {"aggregate": "count"}, "number")
    sums = [
        (
            f"{name}_{c}",
            f"{content['title']}: {_titled(c).lower()}",
            "money",
            {"aggregate": "sum", "column": c},
            "money",
        )
        for c, spec in content["columns"].items()
        if spec["type"] == "money"
    ]
    for id, title, unit, aggregate, shown in (counted, *sums):
        what = f"Sum of '{aggregate['column']}'" if "column" in aggregate else "Rows"
        about = f"{what} of the table '{name}', by '{content['event']}'."
        measure = {
            "title": title,
            "about": about,
            "table": name,
            **aggregate,
            "clock": {"at": content["event"]},
            "unit": unit,
        }
        yield f"measures/{id}.yml", table_text(measure)
        kpi = {
            "title": title,
            "question": f"{'How much is' if unit == 'money' else 'How many are'} {title}?",
            "formula": id,
            "unit": unit,
            "show": shown,
            "better": "context",
            "stage": "repeat",
            "role": "growth",
            "basis": "period",
            "cadence": "monthly",
            "group": "own",
            "vanity": "medium",
            "interval": "none",
            "pitfalls": ["Proposed from a file; say in your own words what it means, and what it does not."],
            "reference": f"tables/{name}.yml",
        }
        yield f"kpis/{id}.yml", table_text(kpi)


def _plain(said: Mapping[str, Any], without: Iterable[str]) -> dict[str, Any]:
    """A table's mapping with short forms where a header is all there is to say."""
    mapped = {t: m for t, m in said["columns"].items() if t not in without}
    columns = {t: m["column"] if set(m) == {"column"} else dict(m) for t, m in mapped.items()}
    rest = {k: v for k, v in said.items() if k != "columns"}
    return {"columns": columns, **rest}


def matches_of(groups: Sequence[Group], presets: Mapping[str, Preset]) -> dict[str, Match]:
    """By group, the shape of a vendor that its files are; groups that are none are missing."""
    found: dict[str, Match] = {}
    for group in groups:
        name = group.look.member.rpartition("/")[2] or group.files[0].name
        if matches := recognise([h for h in group.look.header if h], name, presets):
            found[group.id] = matches[0]
    return found


def rivals(groups: Sequence[Group], matches: Mapping[str, Match]) -> dict[str, Doubt]:
    """By group, the doubt which of several files that tell the same facts is loaded: shapes of one `once`."""
    same: dict[tuple[str, str], list[tuple[Group, Match]]] = {}
    for group in groups:
        match = matches.get(group.id) if not group.copies else None
        if match is not None and match.shape.once and match.shape.tables:
            same.setdefault((match.preset.id, match.shape.once), []).append((group, match))
    found: dict[str, Doubt] = {}
    for (preset, once), some in same.items():
        if len({m.shape.id for _, m in some}) < 2:
            continue
        answers = tuple(Choice(g.id, m.shape.title) for g, m in some)
        paths = ", ".join(g.path for g, _ in some)
        what = f"{len(some)} files tell the same facts at several levels; which is loaded? The others are left out"
        doubt = Doubt(f"{preset}.{slug(once)}.once", preset, paths, "", what, answers)
        found |= {g.id: doubt for g, _ in some}
    return found


def with_systems(drafts: Sequence[Draft], standing: Iterable[Source], tables: Mapping[str, Table]) -> None:
    """Takes away the names of systems where no two of them can have rows of one key: ids then lead from one file to
    another's. They stay where two systems feed one table that only its ids tell apart, and where a source that stands
    names the same one."""
    feeding: dict[str, set[str]] = {}
    named: set[str] = set()
    for source in standing:
        named.add(source.system)
        for mapping in source.tables:
            key = mapping.key or tables[mapping.table].key
            if not any(c.constant is not None for c in mapping.columns if c.target in key):
                feeding.setdefault(mapping.table, set()).add(source.system)
    for d in drafts:
        for table, said in d.tables.items():
            key = said.get("key") or (tables[table].key if table in tables else ())
            if not d.left and not any("constant" in said["columns"].get(k, {}) for k in key):
                feeding.setdefault(table, set()).add(str(d.says.get("system", "")))
    clashing = named.union(*(systems for systems in feeding.values() if len(systems) > 1))
    for d in drafts:
        if d.says.get("system") not in clashing:
            d.says.pop("system", None)


def with_copies(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups, with a word on those whose rows another one holds too: more than half of the smaller one's rows."""
    found: list[Group] = []
    for group in groups:
        other = next((g for g in found if not g.copies and _alike(g, group)), None)
        found.append(replace(group, copies=other.path) if other is not None else group)
    return tuple(found)


def _alike(one: Group, other: Group) -> bool:
    from headwater.api.grouping import warehouse_of

    a, b = ({slug(h) for h in g.look.header} for g in (one, other))
    if not a or len(a & b) * 5 < len(a | b) * 4:
        return False
    names = [g.files[0].name for g in (one, other)]
    if warehouse_of(names[1]) and slug(names[1].split(".")[0]).startswith(slug(names[0].split(".")[0])):
        return True
    rows, more = set(one.look.sketch), set(other.look.sketch)
    return bool(rows and more) and len(rows & more) * 2 > min(len(rows), len(more))
