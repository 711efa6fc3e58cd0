"""A source proposed for files: what is certain is written, and what is not is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headwater.api.drafting import ASK, DELETED, MERGED, UPDATED, Draft, Drafting, Ground, is_filled, shown
from headwater.api.fitting import CLOSE, closeness, fits, is_named, likeness, mostly_fits, ranked_tables, suited
from headwater.api.grouping import Group, family, slug
from headwater.api.keys import ask_keys
from headwater.api.meanings import ask_currencies, ask_meanings
from headwater.api.own_tables import own_column, own_files, own_table
from headwater.api.questions import TEXT, Book
from headwater.api.source_text import source_text
from headwater.connectors.presets import Match
from headwater.model.look import CONSTANT, LEAVE, OWN, Doubt, LookedColumn, Proposal
from headwater.model.table import Column, Table
from headwater.model.types import Kind

MANY = 40
"""From so many unknown headers on, one question asks whether to leave them all."""

_ROLES = {
    UPDATED: re.compile(r"modif|updat|chang|geaendert"),
    DELETED: re.compile(r"delet|geloescht|archiv"),
    MERGED: re.compile(r"merge|master|survivor|duplicate_of"),
}
"""Words in headers by which a column is likely to be one of these."""


def propose(ground: Ground, book: Book, group: Group, rival: Doubt | None = None) -> Draft:
    """The draft of one group, as far as the answers in the book go; `rival` is the doubt which of several files that
    tell the same facts is loaded."""
    at = Drafting(ground, book, group)
    draft = at.draft
    _written(at)
    if not _copies_left(at) and not _told_by_another(at, rival):
        match = _recognised(at)
        if match is not None:
            _by_preset(at, match)
        elif _choose_tables(at):
            _by_names(at)
        if not draft.left and draft.tables:
            _required(at)
            ask_meanings(at)
            ask_currencies(at)
            if not draft.open:
                ask_keys(at)
    return draft


def _written(at: Drafting) -> None:
    """The keys of a source that say how its files are written, where they do not say it themselves."""
    look, says = at.look, at.draft.says
    if look.encodings:
        answers = [(name, f"reads: {sample}") for name, sample in look.encodings]
        if found := at.ask("encoding", "the letters beyond ASCII can be read in several ways", answers):
            says["encoding"] = found[0]
    if look.format in ("csv", "tsv") and look.separator and look.separator != ("\t" if look.format == "tsv" else ","):
        says["separator"] = "tab" if look.separator == "\t" else look.separator
    if look.sheet:
        says["sheet"] = look.sheet
    if at.draft.group.inside:
        says["inside"] = at.draft.group.inside
    if look.skip_rows:
        says["skip_rows"] = look.skip_rows
    if look.header_row > 1:
        says["header_row"] = look.header_row
    if look.totals:
        says["totals"] = list(look.totals)


def _copies_left(at: Drafting) -> bool:
    """Whether the user says that the rows of this source are told by another one, and leaves it out."""
    copies = at.draft.group.copies
    if not copies:
        return False
    answers = [
        (LEAVE, "the same rows again: this file is left out"),
        ("load", "rows of their own: both are loaded"),
    ]
    what = f"it looks like a copy of {copies}: its rows would count twice"
    found = at.ask("copy", what, answers)
    at.draft.left = found == (LEAVE,)
    return found != ("load",)


def _told_by_another(at: Drafting, rival: Doubt | None) -> bool:
    """Whether other files tell the same facts again, and these are not the ones that were chosen."""
    if rival is None:
        return False
    found = at.book.ask(rival)
    if not found:
        at.draft.open.append(rival)
        return True
    at.draft.answered[rival.id] = found
    at.draft.left = at.draft.group.id not in found
    return at.draft.left


def _recognised(at: Drafting) -> Match | None:
    return None if at.is_answered("table") else at.ground.matches.get(at.draft.group.id)


def _by_preset(at: Drafting, match: Match) -> None:
    draft = at.draft
    draft.preset = f"{match.preset.id}: {match.shape.title}"
    if not match.shape.tables:
        draft.left = True
        draft.notes.append(f"recognised ({draft.preset}), but no table of ours takes what it tells")
        return
    tables = match.tables()
    at.tables = {t: at.ground.tables[t] for t in tables if t in at.ground.tables}
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
        _rows_of(at, name, said)
    for ask in match.shape.asks:
        _preset_asks(at, ask.column, ask.what)
    _unknown(at, match.unknown, together=True)


def _rows_of(at: Drafting, name: str, said: dict[str, Any]) -> None:
    """Asks which texts mark the rows of a table, where the file has none of those that the shape lists."""
    where = said.get("where") or {}
    seen = at.seen(where["column"]).values if where.get("values") else ()
    if not seen or any(text in where["values"] for text, _ in seen):
        return
    listed = " or ".join(repr(v) for v in where["values"][:3])
    what = f"no row has {listed} in {where['column']!r}: which texts there mark the rows of {name!r}?"
    answers = [
        *((text, f"in {count:,} rows") for text, count in seen),
        (LEAVE, "none of them: the file is left out"),
    ]
    found = at.ask(f"{name}.where", what, answers, several=True)
    if found == (LEAVE,):
        at.draft.left = True
    elif found:
        said["where"] = {**where, "values": list(found)}


def _preset_asks(at: Drafting, target: str, what: str) -> None:
    """What a shape says only the user can know."""
    for name, table in at.tables.items():
        column = table.column(target)
        if column is None or target in at.draft.tables[name]["columns"]:
            continue
        if is_filled(column, table):
            at.currency_asked = what
            continue
        _fill(at, name, table, column, what)


def _choose_tables(at: Drafting) -> bool:
    """Which tables the files feed; false while that is not known, or when they feed none."""
    draft = at.draft
    ranked = ranked_tables(at.look, _own_name(draft.group), at.ground.tables.values())
    certain = [t for t, _, sure in ranked if sure]
    if certain and not at.is_answered("table"):
        chosen: tuple[str, ...] = (certain[0].id,)
    else:
        about = [(t.id, _table_about(t)) for t, _, _ in ranked]
        own = f"a table of its own, called {slug(draft.group.id)}"
        answers = [*about[:6], (OWN, own), (LEAVE, "the file is left out"), *about[6:]]
        draft.recognised = bool(ranked and ranked[0][1] >= 3)
        some = ", ".join(h for h in at.look.header[:8] if h) + (", ..." if len(at.look.header) > 8 else "")
        what = f"which table do its rows belong to? The columns are {some}"
        chosen = at.ask("table", what, answers, several=True)
    draft.recognised = draft.recognised or bool(chosen)
    if not chosen:
        return False
    if LEAVE in chosen:
        draft.left = True
        return False
    if OWN in chosen:
        own_table(at)
    for name in chosen:
        if name not in (OWN, LEAVE):
            at.tables[name] = at.ground.tables[name]
            draft.tables[name] = {"columns": {}}
    return bool(at.tables)


def _by_names(at: Drafting) -> None:
    """Headers that are a canonical column's very name are mapped; the others are asked about."""
    unknown = []
    for header in dict.fromkeys(h for h in at.look.header if h):
        taken = False
        for name, table in at.tables.items():
            column = next((c for c in table.columns if is_named(header, c)), None)
            if column is not None and (fits(column, at.seen(header)) or mostly_fits(column, at.seen(header))):
                at.draft.tables[name]["columns"].setdefault(column.id, {"column": header})
                taken = True
            elif slug(header) == UPDATED and Kind.TIME.value in at.seen(header).kinds:
                at.draft.tables[name][UPDATED] = header
                taken = True
        if not taken or at.is_answered(f"{slug(header)}.column"):
            unknown.append(header)
    _unknown(at, unknown, together=False)


def _unknown(at: Drafting, headers: Sequence[str], *, together: bool) -> None:
    """Asks about headers that nothing knows; about many at once whether to leave them all."""
    asked = [h for h in headers if h]
    if asked and (together or len(asked) > MANY) and not any(at.is_answered(f"{slug(h)}.column") for h in asked):
        some = ", ".join(asked[:6]) + (f" and {len(asked) - 6} more" if len(asked) > 6 else "")
        what = f"{len(asked)} columns are not known: {some}" if len(asked) > 1 else f"a column is not known: {some}"
        answers = [(LEAVE, "they are left out"), (ASK, "ask about each of them")]
        if at.ask("columns", what, answers) != (ASK,):
            return
    for header in asked:
        _column(at, header)


def _column(at: Drafting, header: str) -> None:
    """Asks what an unknown header is."""
    seen = at.seen(header)
    if not seen.filled and not at.is_answered(f"{slug(header)}.column"):
        at.draft.notes.append(f"{header!r} is empty and left out")
        return
    several = len(at.tables) > 1
    answers: list[tuple[float, str, str]] = []
    for name, table in at.tables.items():
        for column in suited(header, seen, table):
            full = f"{name}.{column.id}" if several else column.id
            answers.append((-closeness(header, seen, column, table), full, column.about))
        answers += [
            (-0.9 if _ROLES[r].search(slug(header)) else 0.0, f"{name}.{r}" if several else r, about)
            for r, about in _roles(seen)
        ]
    ranked = [(v, about) for _, v, about in sorted(answers, key=lambda a: a[0])]
    ranked += [(LEAVE, "it is left out"), (OWN, f"a column of our own, called {slug(header)}")]
    chosen = at.ask(
        f"{slug(header)}.column",
        f"what is {header!r}?",
        ranked,
        column=header,
        several=True,
        example=f"It says {shown(seen)}",
    )
    for answer in chosen:
        _take(at, header, answer)


def _take(at: Drafting, header: str, answer: str) -> None:
    """Maps a header as it was answered."""
    if answer == LEAVE:
        return
    if answer == OWN:
        own_column(at, header)
        return
    name, _, target = answer.rpartition(".")
    name = name or next(iter(at.tables))
    table, said = at.tables[name], at.draft.tables[name]
    if target in (UPDATED, DELETED, MERGED) and table.column(target) is None:
        said[target] = header if target != DELETED else _flag(at, header)
        return
    said["columns"][target] = {"column": header}
    at.draft.given.add((name, target))


def _flag(at: Drafting, header: str) -> Any:
    """The mapping of a column that marks deleted rows."""
    texts = [v for v, _ in at.seen(header).values]
    odd = [t for t in texts if t.casefold() not in ("true", "1", "yes", "t", "y", "false", "0", "no", "f", "n", "")]
    if not odd:
        return header
    answers = [(t, "marks a deleted row") for t in texts]
    found = at.ask(f"{slug(header)}.deleted.yes", f"which text of {header!r} marks a deleted row?", answers,
                      column=header, several=True)  # fmt: skip
    return {"column": header, "values": list(found or texts[:1])}


def _required(at: Drafting) -> None:
    """Asks for what a table needs and no header gives, once it is known what the headers are."""
    if any(d.id.endswith((".column", ".columns")) for d in at.draft.open):
        return
    for name, table in at.tables.items():
        said = at.draft.tables[name]
        key = tuple(said.get("key", ())) or table.key
        for column in table.columns:
            needed = (column.required or column.id in key) and not column.optional and column.derive is None
            if not needed or is_filled(column, table):
                continue
            header = said["columns"].get(column.id, {}).get("column", "")
            need = f"{table.title} need {column.id!r} ({column.about.rstrip('.')})"
            if column.id not in said["columns"]:
                _fill(at, name, table, column, f"{need}; what fills it?")
            elif header and at.look.rows and not at.seen(header).filled:
                _fill(at, name, table, column, f"{need}, and {header!r} is empty in every row; what fills it?")


def _fill(at: Drafting, name: str, table: Table, column: Column, what: str) -> None:
    """Asks from which header a column is filled, or with which text."""
    constants = [
        (f"{CONSTANT}{v}", "in every row") for v in column.values or at.ground.known.get((name, column.id), ())
    ]
    headers = [h for h in dict.fromkeys(at.look.header) if h and fits(column, at.seen(h))]
    if at.look.rows:
        headers = [h for h in headers if at.seen(h).filled]
    headers.sort(key=lambda h: -likeness(h, column))
    if is_filled(column, table):  # a currency
        headers = [h for h in headers if at.seen(h).currencies]
        constants = [(f"{CONSTANT}{at.ground.settings.currency}", "the company's currency, in every row")]
    answers = [(h, f"says {shown(at.seen(h))}") for h in headers]
    like = sum(likeness(h, column) >= CLOSE for h in headers)  # before one text for all
    answers[like:like] = constants
    text = TEXT if column.type.kind in (Kind.TEXT, Kind.ID, Kind.DAY, Kind.TIME) and not column.values else ""
    found = at.ask(f"{name}.{column.id}.from", what, answers, text=text)
    if not found:
        return
    if found[0].startswith(CONSTANT) and found[0] not in headers:
        at.draft.tables[name]["columns"][column.id] = {"constant": found[0].removeprefix(CONSTANT)}
    else:
        at.draft.tables[name]["columns"][column.id] = {"column": found[0]}
        at.draft.given.add((name, column.id))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _own_name(group: Group) -> str:
    return family(group.look.member.rpartition("/")[2] or group.files[0].name)


def _table_about(table: Table) -> str:
    first = table.about.split(". ")[0].rstrip(".") if table.about else table.grain
    return first[:90]


def _roles(seen: LookedColumn) -> Iterator[tuple[str, str]]:
    """What a column can be beside the columns of a table."""
    if "time" in seen.kinds or "day" in seen.kinds:
        yield UPDATED, "when the row was last changed: the latest state counts"
    if seen.values and len(seen.values) <= 4 and seen.kinds[:1] in (("boolean",), ("id",), ("text",)):
        yield DELETED, "marks rows that were deleted"
    if seen.kinds[:1] == ("id",):
        yield MERGED, "the id of the row it was merged into"


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
    own = [file for name, c in draft.own.items() if whole for file in own_files(name, c)]
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


def _plain(said: Mapping[str, Any], without: Iterable[str]) -> dict[str, Any]:
    """A table's mapping with short forms where a header is all there is to say."""
    mapped = {t: m for t, m in said["columns"].items() if t not in without}
    columns = {t: m["column"] if set(m) == {"column"} else dict(m) for t, m in mapped.items()}
    rest = {k: v for k, v in said.items() if k != "columns"}
    return {"columns": columns, **rest}
