"""Columns and tables of the workspace's own, proposed for a file that no canonical table takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headwater.api.drafting import ALL, NO, NONE, YES, Drafting, shown
from headwater.api.fitting import MONEY
from headwater.api.grouping import slug
from headwater.api.source_text import table_text
from headwater.model.look import LookedColumn


def own_column(at: Drafting, header: str) -> None:
    """A header as a column of our own of the table it feeds."""
    name, table = next(iter(at.tables.items()))
    seen, id = at.seen(header), slug(header)
    if table.column(id) is not None:
        id = f"own_{id}"
    spec = {"type": _own_type(seen), "about": f"{header!r} of {at.draft.group.id}."}
    at.draft.extends.setdefault(name, {})[id] = spec
    at.draft.tables[name]["columns"][id] = {"column": header}


def own_table(at: Drafting) -> None:
    """The whole file as a table of our own."""
    draft, look = at.draft, at.look
    name = draft.group.id
    if name in at.ground.tables:
        name = f"own_{name}"
    headers = [h for h in dict.fromkeys(look.header) if h]
    ids: dict[str, str] = {}
    for header in headers:
        id, n = slug(header), 2
        while id in ids.values():
            id, n = f"{slug(header)}_{n}", n + 1
        ids[header] = id
    columns: dict[str, dict[str, Any]] = {
        ids[h]: {"type": _own_type(at.seen(h)), "about": f"{h!r} of the file."} for h in headers
    }
    amounts = [h for h in headers if _may_be_money(h, at.seen(h))]
    if amounts:
        answers = [*((h, f"says {shown(at.seen(h))}") for h in amounts), (NONE, "none of them is money")]
        for h in at.ask("money", "which columns are amounts of money?", answers, several=True):
            if h != NONE:
                columns[ids[h]] |= {"type": "money", "currency": "currency"}
        if any(c["type"] == "money" for c in columns.values()) and "currency" not in columns:
            columns["currency"] = {"type": "text", "about": "ISO 4217 code of the amounts."}
    key = _own_key(at, headers, ids)
    for k in key:
        columns[k] = {**columns[k], "type": columns[k]["type"] if columns[k]["type"] != "number" else "id",
                      "required": True}  # fmt: skip
    dates = [h for h in headers if {"day", "time"} & set(at.seen(h).kinds[:2])]
    event = dates[0] if dates else ""
    if len(dates) > 1:
        answers = [*((h, f"says {shown(at.seen(h))}") for h in dates), (NONE, "none: it is no table of events")]
        found = at.ask("event", "which date says when a row happened?", answers)
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
    splits = [ids[h] for h in headers if at.seen(h).values and columns[ids[h]]["type"] in ("text", "boolean", "id")]
    splits = [s for s in splits if s not in key]
    if splits:
        content["splits"] = {"was": splits}
    draft.own[name] = content
    draft.tables[name] = {"columns": {ids[h]: {"column": h} for h in headers}}


def _own_key(at: Drafting, headers: Sequence[str], ids: Mapping[str, str]) -> tuple[str, ...]:
    """The key of an own table: the one set of columns that tells rows apart, or the one that was answered."""
    sound = [k for k in at.look.keys if all(h in ids for h in k)]
    named = [k for k in sound if len(k) == 1 and (slug(k[0]) == "id" or slug(k[0]).endswith("_id"))]
    if len(sound) == 1:
        return tuple(ids[h] for h in sound[0])
    if len(named) == 1:
        return (ids[named[0][0]],)
    answers = [("+".join(ids[h] for h in k), "no value came twice") for k in sound]
    answers.append((ALL, "all columns together: rows that are alike are one row"))
    found = at.ask("key", "which columns tell its rows apart?", answers)
    if not found:
        return ()
    return tuple(ids[h] for h in headers) if found[0] == ALL else tuple(found[0].split("+"))


def _own_type(seen: LookedColumn) -> str:
    """The type of a column of our own, by what its values show."""
    kinds = seen.kinds
    if seen.date_formats:
        return "time" if seen.clock != "no" else "day"
    if kinds[:1] == ("boolean",) and all(v.casefold() in (*YES, *NO) and v not in "01" for v, _ in seen.values):
        return "boolean"
    if "integer" in kinds:
        return "integer"
    if "number" in kinds:
        return "number"
    return "id" if kinds[:1] == ("id",) and not seen.values else "text"


def _may_be_money(header: str, seen: LookedColumn) -> bool:
    """Whether a column's numbers can be amounts: they have decimals, or the header says so."""
    return seen.kinds[:1] == ("number",) or ("number" in seen.kinds and MONEY.search(slug(header)) is not None)


def own_files(name: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
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
    for id, title, unit, aggregate, show in (counted, *sums):
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
            "show": show,
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


def _titled(id: str) -> str:
    return id.replace("_", " ").capitalize()


def _subject(id: str) -> str:
    last = id.rpartition("_")[2] if not id.endswith(("_dataset", "_data")) else id.rsplit("_", 2)[-2]
    return last[:-1] if last.endswith("s") and len(last) > 3 else last
