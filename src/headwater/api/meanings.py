"""What the values of mapped columns mean: orders of dates, zones, marks before decimals, units, texts, currencies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.api.drafting import ASIDE, ASK, DELETED, EMPTY, KEEP, NO, NONE, UPDATED, YES, Drafting, place_of, shown
from headwater.api.fitting import mostly_fits
from headwater.api.grouping import slug
from headwater.api.questions import CODE, FORMAT, ZONE
from headwater.connectors.currencies import CODES
from headwater.connectors.forms import declared
from headwater.model.look import LEAVE, LookedColumn
from headwater.model.table import Column
from headwater.model.types import Kind

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
MANY = 6
"""Of more texts than so many that may stay as they are, one question asks whether they do."""

_DATES = (Kind.DAY, Kind.TIME)
_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)


def ask_meanings(at: Drafting) -> None:
    """Forms and meanings of the mapped columns' values."""
    orders: dict[str, str] = {}
    for name, said in at.draft.tables.items():
        for target, mapping in tuple(said["columns"].items()):
            column = at.table(name).column(target)
            header = mapping.get("column", "")
            if column is None or not header:
                continue
            seen = at.seen(header)
            if seen.mostly is not None and mostly_fits(column, seen) and not mapping.get("values"):
                if _misfits(at, name, column, mapping, seen) == (LEAVE,):
                    del said["columns"][target]
                    continue
                seen = seen.mostly
            _one_column(at, name, column, mapping, seen, orders)
        _all_deleted(at, name, said)
        if isinstance(stamp := said.get(UPDATED), str):
            _order(at, stamp, at.seen(stamp), orders)
    _forms(at, orders)


def _misfits(at: Drafting, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> tuple[str, ...]:
    """Asks what the values of a column are that are none of its kind, where they are too many to be slips."""
    needed = column.required or column.id in (at.draft.tables[name].get("key") or at.table(name).key)
    texts = [text for text, _ in seen.misfits]
    answers = [(ASIDE, "such rows are set aside, and told")]
    if not needed and seen.lists_misfits:
        answers.insert(0, (EMPTY, "they mean no value: the row counts without one"))
    if not needed:
        answers.append((LEAVE, "the whole column is left out"))
    kind = "dates" if column.type.kind in _DATES else "numbers"
    counts = f"{seen.misfitting:,} of {seen.filled:,}"
    what = f"{counts} values of {seen.name!r} are no {kind} for {column.id!r}: what are they?"
    some = ", ".join(repr(text) for text in texts[:3])
    id = f"{place_of(seen.name, column.id)}.misfits"
    found = at.ask(id, what, answers, column=seen.name, example=f"It says {some}")
    if found == (EMPTY,):
        said = at.draft.says.get("empty", ())
        mapping["empty"] = list(dict.fromkeys([*([said] if isinstance(said, str) else said), *texts]))
    return found


def _all_deleted(at: Drafting, name: str, said: dict[str, Any]) -> None:
    """Asks whether a flag of deleted rows is meant so, where it would leave no row."""
    flag = said.get(DELETED)
    header = flag.get("column", "") if isinstance(flag, Mapping) else flag
    seen = at.seen(str(header or ""))
    texts = {str(v).casefold() for v in flag["values"]} if isinstance(flag, Mapping) else set(YES)
    if not header or not seen.values or not all(v.casefold() in texts for v, _ in seen.values):
        return
    if seen.filled < at.look.looked or not at.look.rows:
        return
    what = f"every row is marked as deleted by {header!r}: are they?"
    answers = [(KEEP, "they are deleted, and none counts"), ("ignore", "the mark is not used: they count")]
    if at.ask(f"{name}.deleted", what, answers, column=str(header)) == ("ignore",):
        del said[DELETED]


def _one_column(
    at: Drafting, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn, orders: dict[str, str]
) -> None:
    kind = column.type.kind
    if kind in _DATES:
        if not mapping.get("date_format"):
            _order(at, seen.name, seen, orders)
        if kind is Kind.TIME and seen.clock == "local" and not mapping.get("time_zone"):
            _zone(at, mapping, seen)
    elif kind in _NUMBERS:
        _number(at, name, column, mapping, seen)
    elif kind is Kind.BOOLEAN:
        _boolean(at, name, column, mapping, seen)
    elif (name, column.id) in at.ground.known:
        _texts(at, name, column, mapping, seen)
    elif kind is Kind.ID and seen.leading_zeros and "integer" not in seen.kinds:
        note = f"{seen.name!r} has leading zeros: kept as text, 007 is not 7"
        if note not in at.draft.notes:
            at.draft.notes.append(note)


def _order(at: Drafting, header: str, seen: LookedColumn, orders: dict[str, str]) -> None:
    """The way a column writes dates: found, or asked where two fit."""
    if header in orders or not seen.date_formats:
        return
    if len(seen.date_formats) == 1:
        orders[header] = seen.date_formats[0]
        return
    if (said := at.draft.says.get("date_format")) in seen.date_formats:
        orders[header] = str(said)
        return
    example = seen.samples[0] if seen.samples else ""
    answers = [(f, f"{example} is {_as_read(example, f)}") for f in seen.date_formats]
    what = f"the dates of {header!r} can be read in two orders"
    if found := at.ask(f"{slug(header)}.order", what, answers, column=header, text=FORMAT):
        orders[header] = found[0]


def _forms(at: Drafting, orders: Mapping[str, str]) -> None:
    """Date formats where they are said once: for the source where most columns share one, else for the column."""
    draft = at.draft
    counts: dict[str, int] = {}
    for form in orders.values():
        counts[form] = counts.get(form, 0) + 1
    common = str(draft.says.get("date_format") or max(counts, key=lambda f: counts[f], default=""))
    stamps = [orders[s] for said in draft.tables.values() if isinstance(s := said.get(UPDATED), str) and s in orders]
    if stamps:
        common = stamps[0]
    if common:
        draft.says["date_format"] = common
    for said in draft.tables.values():
        for mapping in said["columns"].values():
            form = orders.get(mapping.get("column", ""), common)
            if form != common and not mapping.get("date_format"):
                mapping["date_format"] = form


def _zone(at: Drafting, mapping: dict[str, Any], seen: LookedColumn) -> None:
    """Asks whose clocks a column shows where its header names a zone."""
    marks = [m for m in re.findall(r"\b[A-Z]{2,4}\b", seen.name) if m in _ZONES]
    if not marks or at.draft.says.get("time_zone"):
        return
    likely = list(dict.fromkeys([_ZONES[marks[0]], at.ground.settings.time_zone, "UTC"]))
    what = f"whose clocks does {seen.name!r} show?"
    found = at.ask(f"{slug(seen.name)}.zone", what, [(z, "") for z in likely], column=seen.name, text=ZONE)
    if found:
        mapping["time_zone"] = found[0]


def _number(at: Drafting, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
    if seen.accounting:
        at.draft.says["accounting_negatives"] = True
    said = mapping.get("decimal") or at.draft.says.get("decimal")
    if len(seen.decimals) == 1 and not said:
        mapping["decimal"] = seen.decimals[0]
    elif len(seen.decimals) > 1 and not said:
        example = next((s for s in seen.samples if re.search(r"[.,]", s)), seen.samples[0])
        answers = [(m, f"{example} is {_as_number(example, m)}") for m in seen.decimals]
        what = f"the numbers of {seen.name!r} can be read in two ways: which mark stands before decimals?"
        if found := at.ask(f"{slug(seen.name)}.decimal", what, answers, column=seen.name):
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
            key = place_of(seen.name, column.id)
            if (found := at.ask(f"{key}.factor", what, answers, column=seen.name)) and found[0] != "1":
                mapping["factor"] = found[0]
            return


def _boolean(at: Drafting, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
    if mapping.get("true") or not seen.values:
        return
    texts = [v for v, _ in seen.values]
    plain = all(t.casefold() in (*YES, *NO) for t in texts)
    if plain and (name, column.id) not in at.draft.given:
        return
    answers = [
        (t, f"yes is {t!r}, no is {' or '.join(repr(o) for o in texts if o != t) or 'nothing else'}") for t in texts
    ]
    if len(texts) == 1:
        answers.append((NONE, f"{texts[0]!r} means no"))
    what = f"which text of {seen.name!r} means yes for {column.id!r} ({column.about.rstrip('.')})?"
    found = at.ask(f"{place_of(seen.name, column.id)}.yes", what, answers, column=seen.name)
    if found == (NONE,):
        mapping["false"] = texts
    elif found:
        mapping["true"] = list(found)
        if rest := [t for t in texts if t not in found]:
            mapping["false"] = rest


def _asks_each(at: Drafting, column: Column, seen: LookedColumn, odd: Sequence[str], known: Sequence[str]) -> bool:
    """Whether each of many texts that the definitions do not know is to be asked about, where it may stay as it is."""
    place = place_of(seen.name, column.id)
    if at.answers_to(f"{place}.is."):
        return True
    what = (
        f"{len(odd)} texts of {seen.name!r} are none that definitions know for {column.id!r} ({', '.join(known[:4])})"
    )
    answers = [(KEEP, "they stay as they are"), (ASK, "ask about each of them")]
    return at.ask(f"{place}.texts", what, answers, column=seen.name, example=f"It says {shown(seen)}") == (ASK,)


def _texts(at: Drafting, name: str, column: Column, mapping: dict[str, Any], seen: LookedColumn) -> None:
    """The meaning of each text of a column whose texts definitions know."""
    known = at.ground.known[name, column.id]
    said = mapping.get("values", {})
    if mapping.get("match") == "start":
        return  # the beginnings that are listed tell each text there can be
    if not seen.values and seen.filled:
        at.draft.notes.append(f"{seen.name!r} holds too many texts to ask about each; they stay as they are")
        return
    by_name = {slug(k): k for k in known} | _alike(said)
    values: dict[str, str | None] = {}
    where = at.draft.tables[name].get("where") or {}
    counted = where.get("values") if where.get("column") == seen.name else None
    texts = [
        (text, count)
        for text, count in seen.values
        if not (text in known or text in said or (counted is not None and text not in counted))
    ]
    odd = [text for text, _ in texts if slug(text) not in by_name]
    if not column.values and len(odd) > MANY and not _asks_each(at, column, seen, odd, known):
        texts = [(text, count) for text, count in texts if slug(text) in by_name]
    for text, count in texts:
        if (same := by_name.get(slug(text))) is not None:
            values[text] = same
            continue
        free = [] if column.values else [(KEEP, "it stays as it is")]
        answers = [*((k, "") for k in known), *free, (EMPTY, "no value"), (ASIDE, "such rows are set aside")]
        what = f"what does {text!r} in {seen.name!r} mean for {column.id!r}? ({count:,} rows)"
        id = f"{place_of(seen.name, column.id)}.is.{slug(text, 'blank')}"
        found = at.ask(id, what, answers, column=seen.name)
        if not found and column.values:
            continue  # it is none of those there can be, so it has no meaning until somebody says one
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


def _alike(said: Mapping[str, str | None]) -> dict[str, str]:
    """What texts mean that differ from those a mapping names in capitals, spaces or marks alone, where all agree."""
    found: dict[str, set[str | None]] = {}
    for text, meaning in said.items():
        found.setdefault(slug(text), set()).add(meaning)
    return {name: one for name, meanings in found.items() if len(meanings) == 1 and (one := min(meanings, key=str))}


def ask_currencies(at: Drafting) -> None:
    """The currency of money in files without a column for it."""
    draft = at.draft
    if any(d.id.endswith((".column", ".columns")) for d in draft.open):
        return
    for name, said in draft.tables.items():
        table = at.table(name)
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
        company = at.ground.settings.currency
        columns = [(h, "says " + ", ".join(at.seen(h).currencies)) for h in at.look.header if at.seen(h).currencies]
        answers = [*columns, (company, "the company's currency")]
        what = f"in which currency are the amounts of {', '.join(repr(h) for h in headers if h) or name}?"
        if found := at.ask("currency", at.currency_asked or what, answers, text=CODE):
            said["currency"] = found[0]


def _as_read(text: str, form: str) -> str:
    """A date as it reads under a format, in words that leave no doubt."""

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
